#include "conn/files/byte_input.h"

#include <stdlib.h>

#include "fmt/codec/inflate.h"

enum { PACKED_BYTES = 256 << 10, PIECE_BYTES = 1 << 20 };

struct sl_byte_input {
    struct sl_file_reader *file;
    const char *path;
    uint64_t at, size;
    struct sl_inflater *inflater; /* NULL: as it is */
    uint8_t *packed;
    struct sl_str rest; /* of packed */
    uint64_t unpacked;
};

bool sl_byte_input_can_seek(const char *path) {
    enum sl_inflate_kind kind;
    return sl_inflate_kind_of(path, &kind, NULL) == SL_OK && kind == SL_INFLATE_NONE;
}

enum sl_code sl_byte_input_open(const char *path, uint64_t begin, struct sl_byte_input **out,
                                struct sl_err *err) {
    enum sl_inflate_kind kind;
    SL_TRY(sl_inflate_kind_of(path, &kind, err));
    struct sl_byte_input *input = sl_xcalloc(1, sizeof *input);
    input->path = path;
    input->at = begin;
    enum sl_code code = sl_file_reader_open(path, &input->file, err);
    if (code == SL_OK) {
        input->size = sl_file_reader_bytes(input->file);
        if (kind != SL_INFLATE_NONE) code = sl_inflater_new(kind, &input->inflater, err);
    }
    if (code == SL_OK && input->inflater) input->packed = sl_xmalloc(PACKED_BYTES);
    if (code != SL_OK)
        sl_byte_input_close(input);
    else
        *out = input;
    return code;
}

void sl_byte_input_close(struct sl_byte_input *input) {
    if (!input) return;
    sl_file_reader_close(input->file);
    sl_inflater_free(input->inflater);
    free(input->packed);
    free(input);
}

static enum sl_code read_raw(struct sl_byte_input *input, void *to, size_t len, size_t *got,
                             struct sl_err *err) {
    uint64_t left = input->size - input->at;
    *got = left < len ? (size_t)left : len;
    if (*got) SL_TRY(sl_file_reader_read(input->file, input->at, to, *got, err));
    input->at += *got;
    return SL_OK;
}

static enum sl_code cut_off(const struct sl_byte_input *input, struct sl_err *err) {
    sl_fail(err, SL_DATA,
            "`%s` ends in the middle of its compressed data, after %llu bytes (%llu unpacked)",
            input->path, (unsigned long long)input->size, (unsigned long long)input->unpacked);
    return sl_hint(err, "the file is not whole: copy it again, or let its writer end first. "
                        "ignoreCorruptFiles => 'true' takes what can be read of such files, and "
                        "warns"),
           SL_DATA;
}

enum sl_code sl_byte_input_read(struct sl_byte_input *input, void *to, size_t len, size_t *got,
                                struct sl_err *err) {
    if (!input->inflater) return read_raw(input, to, len, got, err);
    for (*got = 0; *got == 0;) {
        if (!input->rest.len && input->at < input->size) {
            size_t packed;
            SL_TRY(read_raw(input, input->packed, PACKED_BYTES, &packed, err));
            input->rest = (struct sl_str){(const char *)input->packed, packed};
        }
        bool ended = !input->rest.len;
        SL_TRY(sl_inflater_step(input->inflater, &input->rest, to, len, got, err));
        input->unpacked += *got;
        if (*got || !ended) continue;
        if (sl_inflater_is_whole(input->inflater)) return SL_OK;
        return cut_off(input, err);
    }
    return SL_OK;
}

/* ---- whole files ---- */

/* As sl_buf grows; asked before. */
static enum sl_code make_room(struct sl_whole_file *file, const char *path, struct sl_err *err) {
    struct sl_buf *bytes = &file->bytes;
    size_t cap = 2 * bytes->cap, need = bytes->len + PIECE_BYTES;
    if (need <= bytes->cap) return SL_OK;
    if (cap < need) cap = need;
    enum sl_code code =
        sl_budget_take(file->budget, cap - file->charged, "a file that is read as one record", err);
    if (code != SL_OK) {
        sl_hint(err,
                "raise --memory, or leave out multiLine, or wholetext: each worker holds such a "
                "file whole");
        return sl_context(err, "file `%s`", path), code;
    }
    file->charged = cap;
    sl_buf_reserve(bytes, cap - bytes->len);
    return SL_OK;
}

static enum sl_code read_pieces(struct sl_whole_file *file, struct sl_byte_input *input,
                                size_t bytes_max, struct sl_err *err) {
    for (size_t got = 1; got;) {
        SL_TRY(make_room(file, input->path, err));
        SL_TRY(
            sl_byte_input_read(input, file->bytes.ptr + file->bytes.len, PIECE_BYTES, &got, err));
        file->bytes.len += got;
        if (file->bytes.len > bytes_max)
            return sl_fail(err, SL_DATA,
                           "`%s` has more than %zu bytes, the most that is read as one "
                           "record",
                           input->path, bytes_max);
    }
    return SL_OK;
}

enum sl_code sl_whole_file_read(struct sl_whole_file *file, const char *path, size_t bytes_max,
                                struct sl_budget *budget, struct sl_err *err) {
    struct sl_byte_input *input;
    *file = (struct sl_whole_file){.budget = budget};
    SL_TRY(sl_byte_input_open(path, 0, &input, err));
    enum sl_code code = read_pieces(file, input, bytes_max, err);
    sl_byte_input_close(input);
    return code;
}

void sl_whole_file_release(struct sl_whole_file *file) {
    sl_buf_release(&file->bytes);
    if (file->charged) sl_budget_give(file->budget, file->charged);
    *file = (struct sl_whole_file){0};
}
