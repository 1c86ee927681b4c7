/* Where a deletion vector's bytes are, and what must hold of them; the set itself: roaring.c. */
#include "lake/delta/deletion_vector.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/roaring.h"
#include "lake/uri.h"

enum {
    MAGIC = 1681511377, /* portable Roaring; 1681511376 was Spark's first, never released form */
    FIRST_OFFSET = 1,   /* byte 0 of a file is its format version */
    FILE_VERSION = 1,
    UUID_TEXT = 20, /* 16 bytes in Z85 */
};

struct sl_deletion_vector {
    struct sl_buf bytes; /* the containers point into it */
    struct sl_roaring set;
};

void sl_deletion_vector_free(struct sl_deletion_vector *vector) {
    if (!vector) return;
    sl_roaring_release(&vector->set);
    sl_buf_release(&vector->bytes);
    free(vector);
}

uint64_t sl_deletion_vector_count(const struct sl_deletion_vector *vector) {
    return vector->set.cardinality;
}

bool sl_deletion_vector_has(const struct sl_deletion_vector *vector, uint64_t row) {
    return sl_roaring_has(&vector->set, row);
}

void sl_deletion_vector_clear(const struct sl_deletion_vector *vector, uint64_t first_row,
                              uint32_t rows, uint64_t *keep) {
    sl_roaring_clear(&vector->set, first_row, rows, keep);
}

static uint32_t u32le_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t u32be_at(const uint8_t *bytes) { return __builtin_bswap32(u32le_at(bytes)); }

/* Takes vector->bytes as what is between size and CRC. */
static enum sl_code parse_own(struct sl_deletion_vector *vector, int64_t cardinality,
                              struct sl_err *err) {
    struct sl_str bytes = sl_buf_str(&vector->bytes);
    if (bytes.len < 4)
        return sl_fail(err, SL_DATA, "a deletion vector of %zu bytes has no magic number",
                       bytes.len);
    uint32_t magic = u32le_at(vector->bytes.ptr);
    if (magic != MAGIC)
        return sl_fail(err, SL_DATA, "a deletion vector has magic number %u instead of %d", magic,
                       MAGIC);
    SL_TRY(sl_roaring_parse(&vector->set, sl_str_sub(bytes, 4, bytes.len), err));
    if (cardinality >= 0 && vector->set.cardinality != (uint64_t)cardinality) {
        return sl_delta_fail(err, SL_DATA, "DELTA_DELETION_VECTOR_CARDINALITY_MISMATCH", "XXKDS",
                             "a deletion vector holds %llu rows where the log says %lld",
                             (unsigned long long)vector->set.cardinality, (long long)cardinality);
    }
    return SL_OK;
}

enum sl_code sl_deletion_vector_parse(struct sl_str bytes, int64_t cardinality,
                                      struct sl_deletion_vector **out, struct sl_err *err) {
    struct sl_deletion_vector *vector = sl_xcalloc(1, sizeof *vector);
    sl_buf_put_str(&vector->bytes, bytes);
    enum sl_code code = parse_own(vector, cardinality, err);
    if (code == SL_OK)
        *out = vector;
    else
        sl_deletion_vector_free(vector);
    return code;
}

/* Z85's 85 digits: index of c, or -1. */
static int z85_digit(unsigned char c) {
    static const char digits[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool sl_z85_decode(struct sl_str text, struct sl_buf *out) {
    if (text.len % 5 != 0) return false;
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i += 5) {
        uint64_t value = 0;
        for (size_t k = 0; k < 5; k++) {
            int digit = z85_digit((unsigned char)text.ptr[i + k]);
            if (digit < 0) {
                out->len = before;
                return false;
            }
            value = value * 85 + (uint64_t)digit;
        }
        if (value > UINT32_MAX) {
            out->len = before;
            return false;
        }
        sl_buf_put_u32le(out, __builtin_bswap32((uint32_t)value));
    }
    return true;
}

/* 'u': [prefix]<20 characters of Z85>, in the table's directory. */
static enum sl_code put_relative(struct sl_buf *out, const char *table_dir, struct sl_str text,
                                 struct sl_err *err) {
    struct sl_buf uuid = {0};
    size_t prefix_len = text.len < UUID_TEXT ? 0 : text.len - UUID_TEXT;
    struct sl_str prefix = sl_str_sub(text, 0, prefix_len);
    bool inside = !memchr(prefix.ptr, '/', prefix.len) && !memchr(prefix.ptr, 0, prefix.len) &&
                  !sl_str_eq(prefix, SL_STR(".")) && !sl_str_eq(prefix, SL_STR(".."));
    if (text.len < UUID_TEXT || !inside ||
        !sl_z85_decode(sl_str_sub(text, prefix_len, text.len), &uuid)) {
        sl_buf_release(&uuid);
        return sl_fail(err, SL_DATA, "`%.*s` does not name a deletion vector file",
                       SL_STR_ARG(text));
    }
    sl_buf_printf(out, "%s/", table_dir);
    if (prefix.len > 0) sl_buf_printf(out, "%.*s/", SL_STR_ARG(prefix));
    sl_buf_put_cstr(out, "deletion_vector_");
    for (size_t i = 0; i < uuid.len; i++)
        sl_buf_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid.ptr[i]);
    sl_buf_put_cstr(out, ".bin");
    sl_buf_release(&uuid);
    return SL_OK;
}

static enum sl_code put_path(struct sl_buf *out, const char *table_dir,
                             const struct sl_delta_vector *descriptor, struct sl_err *err) {
    struct sl_str text = descriptor->path_or_inline;
    if (descriptor->storage == 'u') return put_relative(out, table_dir, text, err);
    if (!sl_uri_parse_file(text, out) || memchr(out->ptr, 0, out->len))
        return sl_fail(err, SL_UNSUPPORTED,
                       "the deletion vector at `%.*s` is not on a local file system",
                       SL_STR_ARG(text));
    return SL_OK;
}

enum sl_code sl_deletion_vector_put_path(struct sl_buf *out, const char *table_dir,
                                         const struct sl_delta_vector *descriptor,
                                         struct sl_err *err) {
    bool in_file = descriptor->storage == 'u' || descriptor->storage == 'p';
    return in_file ? put_path(out, table_dir, descriptor, err) : SL_OK;
}

/* u32be size, the bytes, u32be CRC-32 of the bytes. */
static enum sl_code read_framed(struct sl_file_reader *file, uint64_t offset, int64_t bytes,
                                struct sl_buf *out, struct sl_err *err) {
    uint64_t file_bytes = sl_file_reader_bytes(file);
    uint8_t word[4] = {0};
    SL_TRY(sl_file_reader_read(file, 0, word, 1, err));
    if (word[0] != FILE_VERSION)
        return sl_fail(err, SL_UNSUPPORTED, "a deletion vector file has format version %u",
                       word[0]);
    if (offset > file_bytes || file_bytes - offset < 8 || (uint64_t)bytes > file_bytes - offset - 8)
        return sl_fail(err, SL_DATA,
                       "a deletion vector of %lld bytes at %llu does not fit into its file of "
                       "%llu bytes",
                       (long long)bytes, (unsigned long long)offset,
                       (unsigned long long)file_bytes);
    SL_TRY(sl_file_reader_read(file, offset, word, 4, err));
    if (u32be_at(word) != (uint64_t)bytes) {
        return sl_delta_fail(err, SL_DATA, "DELTA_DELETION_VECTOR_SIZE_MISMATCH", "XXKDS",
                             "a deletion vector has %u bytes where the log says %lld",
                             u32be_at(word), (long long)bytes);
    }
    SL_TRY(sl_file_reader_read(file, offset + 4, sl_buf_reserve(out, (size_t)bytes), (size_t)bytes,
                               err));
    out->len += (size_t)bytes;
    SL_TRY(sl_file_reader_read(file, offset + 4 + (uint64_t)bytes, word, 4, err));
    if (u32be_at(word) != sl_crc32(0, out->ptr, out->len)) {
        return sl_delta_fail(err, SL_DATA, "DELTA_DELETION_VECTOR_CHECKSUM_MISMATCH", "XXKDS",
                             "the checksum of a deletion vector is wrong");
    }
    return SL_OK;
}

static enum sl_code read_file(const char *table_dir, const struct sl_delta_vector *descriptor,
                              struct sl_buf *out, struct sl_err *err) {
    struct sl_buf path = {0};
    struct sl_file_reader *file = NULL;
    int64_t offset = descriptor->offset < 0 ? FIRST_OFFSET : descriptor->offset;
    enum sl_code code = put_path(&path, table_dir, descriptor, err);
    if (code == SL_OK) code = sl_file_reader_open(sl_buf_cstr(&path), &file, err);
    if (code == SL_OK) {
        code = read_framed(file, (uint64_t)offset, descriptor->bytes, out, err);
        if (code != SL_OK) sl_context(err, "deletion vector `%s`", sl_buf_cstr(&path));
    }
    if (file) sl_file_reader_close(file);
    sl_buf_release(&path);
    return code;
}

/* Z85 is padded to whole words; the descriptor's size cuts the padding off. */
static enum sl_code read_inline(const struct sl_delta_vector *descriptor, struct sl_buf *out,
                                struct sl_err *err) {
    if (!sl_z85_decode(descriptor->path_or_inline, out))
        return sl_fail(err, SL_DATA, "an inline deletion vector is not Z85");
    if (out->len < (uint64_t)descriptor->bytes || out->len - (uint64_t)descriptor->bytes > 3) {
        return sl_delta_fail(err, SL_DATA, "DELTA_DELETION_VECTOR_SIZE_MISMATCH", "XXKDS",
                             "an inline deletion vector has %zu bytes where the log says %lld",
                             out->len, (long long)descriptor->bytes);
    }
    out->len = (size_t)descriptor->bytes;
    return SL_OK;
}

enum sl_code sl_deletion_vector_read(const char *table_dir,
                                     const struct sl_delta_vector *descriptor,
                                     struct sl_deletion_vector **out, struct sl_err *err) {
    if (descriptor->bytes < 0 || descriptor->bytes > INT32_MAX || descriptor->cardinality < 0)
        return sl_fail(err, SL_DATA, "a deletion vector of %lld bytes and %lld rows cannot be",
                       (long long)descriptor->bytes, (long long)descriptor->cardinality);
    struct sl_deletion_vector *vector = sl_xcalloc(1, sizeof *vector);
    enum sl_code code;
    switch (descriptor->storage) {
    case 'i':
        code = read_inline(descriptor, &vector->bytes, err);
        break;
    case 'u':
    case 'p':
        code = read_file(table_dir, descriptor, &vector->bytes, err);
        break;
    default:
        code = sl_fail(err, SL_UNSUPPORTED, "deletion vectors of storage type `%c`",
                       descriptor->storage);
    }
    if (code == SL_OK) code = parse_own(vector, descriptor->cardinality, err);
    if (code == SL_OK)
        *out = vector;
    else
        sl_deletion_vector_free(vector);
    return code;
}
