/* Deletion vectors: the vectors that PROTOCOL.md prints, those of Delta's golden tables
 * (SLUICE_CORPORA), and random ones against a plain bit set, written by an encoder of our own in
 * each container form. */
#include <dirent.h>

#include "../temp_dir.h"
#include "../unit.h"
#include "base/bits.h"
#include "base/hash.h"
#include "lake/delta/deletion_vector.h"

/* The inline example of PROTOCOL.md and delta-kernel-rs: rows 3, 4, 7, 11, 18 and 29. */
#define INLINE_TEXT "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L"

static struct sl_delta_vector inline_vector(void) {
    return (struct sl_delta_vector){'i', SL_STR(INLINE_TEXT), -1, 44, 6};
}

void test_deletion_vector_inline(void **state) {
    (void)state;
    static const uint64_t rows[] = {3, 4, 7, 11, 18, 29};
    struct sl_deletion_vector *vector;
    struct sl_delta_vector descriptor = inline_vector();
    struct sl_err err;
    if (sl_deletion_vector_read("/nowhere", &descriptor, &vector, &err) != SL_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(sl_deletion_vector_count(vector), 6);
    for (uint64_t row = 0, i = 0; row < 100; row++) {
        bool expected = i < 6 && rows[i] == row;
        assert_int_equal(sl_deletion_vector_has(vector, row), expected);
        i += expected;
    }
    uint64_t keep = ~UINT64_C(0);
    sl_deletion_vector_clear(vector, 4, 20, &keep);
    assert_int_equal(keep, ~(UINT64_C(1) | 1 << 3 | 1 << 7 | 1 << 14));
    sl_deletion_vector_free(vector);
}

static void check_refused(const struct sl_delta_vector *descriptor, enum sl_code code,
                          const char *part) {
    struct sl_deletion_vector *vector = NULL;
    struct sl_err err;
    assert_int_equal(sl_deletion_vector_read("/nowhere", descriptor, &vector, &err), code);
    if (!strstr(err.msg, part)) fail_msg("`%s` does not say `%s`", err.msg, part);
    assert_null(vector);
}

void test_deletion_vector_descriptor_is_checked(void **state) {
    (void)state;
    struct sl_delta_vector d = inline_vector();
    d.cardinality = 5;
    check_refused(&d, SL_DATA, "holds 6 rows where the log says 5");
    d = inline_vector();
    d.bytes = 45;
    check_refused(&d, SL_DATA, "has 44 bytes where the log says 45");
    d.bytes = 40;
    check_refused(&d, SL_DATA, "where the log says 40");
    d.bytes = -1;
    check_refused(&d, SL_DATA, "cannot be");
    d.bytes = INT64_MAX;
    check_refused(&d, SL_DATA, "cannot be");
    d = inline_vector();
    d.path_or_inline = SL_STR("~~~~~");
    check_refused(&d, SL_DATA, "Z85");
    d = inline_vector();
    d.storage = 'x';
    check_refused(&d, SL_UNSUPPORTED, "`x`");
    d.storage = 'p';
    d.path_or_inline = SL_STR("s3://bucket/deletion_vector.bin");
    check_refused(&d, SL_UNSUPPORTED, "s3://bucket");
    d.storage = 'u';
    d.path_or_inline = SL_STR("../../ab^-aqEH.-t@S}K{vb[*k^");
    check_refused(&d, SL_DATA, "does not name");
    d.path_or_inline = SL_STR("..ab^-aqEH.-t@S}K{vb[*k^" + 22);
    check_refused(&d, SL_DATA, "does not name");
}

void test_z85(void **state) {
    (void)state;
    struct sl_buf out = {0};
    assert_true(sl_z85_decode(SL_STR("HelloWorld"), &out)); /* RFC 32's example */
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.ptr, "\x86\x4F\xD2\x6F\xB5\x59\xF7\x5B", 8);
    assert_false(sl_z85_decode(SL_STR("Hello~orld"), &out));
    assert_false(sl_z85_decode(SL_STR("Hell"), &out));
    assert_false(sl_z85_decode(SL_STR("#####"), &out)); /* more than 32 bits */
    assert_int_equal(out.len, 8);
    sl_buf_release(&out);
}

/* ---- files ---- */

static void put_u32be(struct sl_buf *out, uint32_t value) {
    sl_buf_put_u32le(out, __builtin_bswap32(value));
}

/* A file with one vector at `offset`. */
static void write_vector_file(const char *dir, const char *name, struct sl_str data, size_t offset,
                              uint32_t crc_flip) {
    struct sl_buf file = {0};
    sl_buf_put_byte(&file, 1);
    while (file.len < offset) sl_buf_put_byte(&file, 0);
    put_u32be(&file, (uint32_t)data.len);
    sl_buf_put_str(&file, data);
    put_u32be(&file, sl_crc32(0, data.ptr, data.len) ^ crc_flip);
    temp_dir_write(dir, name, file.ptr, file.len);
    sl_buf_release(&file);
}

static enum sl_code read_descriptor(const char *dir, const struct sl_delta_vector *descriptor,
                                    struct sl_err *err) {
    struct sl_deletion_vector *vector;
    enum sl_code code = sl_deletion_vector_read(dir, descriptor, &vector, err);
    if (code != SL_OK) return code;
    assert_int_equal(sl_deletion_vector_count(vector), 6);
    sl_deletion_vector_free(vector);
    return SL_OK;
}

/* PROTOCOL.md's example: prefix `ab`, offset 4. */
void test_deletion_vector_files(void **state) {
    (void)state;
    char *dir = temp_dir_make(), sub[300], absolute[400];
    struct sl_buf data = {0};
    struct sl_err err;
    assert_true(sl_z85_decode(SL_STR(INLINE_TEXT), &data));
    snprintf(sub, sizeof sub, "%s/ab", dir);
    assert_int_equal(sl_io_make_dirs(sub, &err), SL_OK);
    const char *name = "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
    write_vector_file(sub, name, sl_buf_str(&data), 4, 0);
    struct sl_delta_vector d = {'u', SL_STR("ab^-aqEH.-t@S}K{vb[*k^"), 4, 44, 6};
    if (read_descriptor(dir, &d, &err) != SL_OK) fail_msg("%s", err.msg);
    snprintf(absolute, sizeof absolute, "file:%s/%s", sub, name);
    struct sl_delta_vector p = {'p', sl_str(absolute), 4, 44, 6};
    if (read_descriptor("/nowhere", &p, &err) != SL_OK) fail_msg("%s", err.msg);
    write_vector_file(sub, name, sl_buf_str(&data), 1, 0);
    d.offset = -1; /* absent: the first of the file */
    if (read_descriptor(dir, &d, &err) != SL_OK) fail_msg("%s", err.msg);

    d.bytes = 43;
    assert_int_equal(read_descriptor(dir, &d, &err), SL_DATA);
    assert_string_equal(err.condition, "DELTA_DELETION_VECTOR_SIZE_MISMATCH");
    d.bytes = 1000;
    assert_int_equal(read_descriptor(dir, &d, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "does not fit"));
    d.bytes = 44;
    d.offset = INT64_MAX;
    assert_int_equal(read_descriptor(dir, &d, &err), SL_DATA);
    write_vector_file(sub, name, sl_buf_str(&data), 1, 1);
    d.offset = 1;
    assert_int_equal(read_descriptor(dir, &d, &err), SL_DATA);
    assert_string_equal(err.condition, "DELTA_DELETION_VECTOR_CHECKSUM_MISMATCH");
    temp_dir_write(sub, name, "", 0);
    assert_int_equal(read_descriptor(dir, &d, &err), SL_DATA);
    temp_dir_write(sub, name, "\2", 1);
    assert_int_equal(read_descriptor(dir, &d, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "version 2"));
    d.path_or_inline = SL_STR("cd^-aqEH.-t@S}K{vb[*k^");
    assert_int_equal(read_descriptor(dir, &d, &err), SL_IO);
    sl_buf_release(&data);
    temp_dir_remove(dir);
}

/* ---- random sets, every container form ---- */

enum { CONTAINER = 65536, SET_CONTAINERS = 6 };
#define SET_VALUES ((uint32_t)SET_CONTAINERS * CONTAINER)

enum form { FORM_EMPTY, FORM_SPARSE, FORM_DENSE, FORM_RUNS, FORM_FULL, FORM_COUNT };

static void put_u16(struct sl_buf *out, uint32_t value) {
    sl_buf_put_byte(out, value & 0xFF);
    sl_buf_put_byte(out, value >> 8 & 0xFF);
}

static void fill_container(uint64_t *bits, uint32_t base, enum form form, uint64_t *random) {
    uint32_t count = form == FORM_SPARSE ? 1 + sl_random_next(random) % 4096 : 30000;
    if (form == FORM_SPARSE || form == FORM_DENSE)
        for (uint32_t i = 0; i < count; i++)
            sl_bit_set(bits, base + sl_random_next(random) % CONTAINER);
    for (uint32_t i = 0; form == FORM_RUNS && i < 20; i++) {
        uint32_t begin = sl_random_next(random) % CONTAINER;
        uint32_t end = begin + sl_random_next(random) % 3000;
        for (uint32_t v = begin; v <= end && v < CONTAINER; v++) sl_bit_set(bits, base + v);
    }
    for (uint32_t v = 0; form == FORM_FULL && v < CONTAINER; v++) sl_bit_set(bits, base + v);
}

static void encode_runs(struct sl_buf *out, const uint64_t *bits, uint32_t base) {
    struct sl_buf runs = {0};
    uint32_t count = 0;
    for (uint32_t v = 0; v < CONTAINER; v++) {
        if (!sl_bit_get(bits, base + v)) continue;
        uint32_t begin = v;
        while (v + 1 < CONTAINER && sl_bit_get(bits, base + v + 1)) v++;
        put_u16(&runs, begin);
        put_u16(&runs, v - begin);
        count++;
    }
    put_u16(out, count);
    sl_buf_put_str(out, sl_buf_str(&runs));
    sl_buf_release(&runs);
}

static void encode_values(struct sl_buf *out, const uint64_t *bits, uint32_t base,
                          uint32_t cardinality) {
    if (cardinality > 4096) {
        sl_buf_put(out, bits + base / 64, CONTAINER / 8);
        return;
    }
    for (uint32_t v = 0; v < CONTAINER; v++)
        if (sl_bit_get(bits, base + v)) put_u16(out, v);
}

/* One 32-bit bitmap of the containers that are not empty. */
static void encode_bitmap(struct sl_buf *out, const uint64_t *bits, const enum form *forms) {
    struct sl_buf header = {0}, payload = {0};
    uint32_t count = 0, flags = 0;
    for (uint32_t i = 0; i < SET_CONTAINERS; i++) {
        uint32_t cardinality = (uint32_t)sl_bits_count(bits + i * CONTAINER / 64, CONTAINER);
        bool as_runs = forms[i] == FORM_RUNS || forms[i] == FORM_FULL;
        if (cardinality == 0) continue;
        put_u16(&header, i);
        put_u16(&header, cardinality - 1);
        if (as_runs)
            encode_runs(&payload, bits, i * CONTAINER);
        else
            encode_values(&payload, bits, i * CONTAINER, cardinality);
        flags |= (uint32_t)as_runs << count++;
    }
    if (flags) {
        sl_buf_put_u32le(out, 12347 | (count - 1) << 16);
        sl_buf_put_byte(out, (uint8_t)flags);
    } else {
        sl_buf_put_u32le(out, 12346);
        sl_buf_put_u32le(out, count);
    }
    sl_buf_put_str(out, sl_buf_str(&header));
    for (uint32_t i = 0; (!flags || count >= 4) && i < count; i++) sl_buf_put_u32le(out, 0);
    sl_buf_put_str(out, sl_buf_str(&payload));
    sl_buf_release(&header);
    sl_buf_release(&payload);
}

/* The same set in two buckets: rows r and r + 3 * 2^32. */
static void encode_vector(struct sl_buf *out, const uint64_t *bits, const enum form *forms) {
    sl_buf_put_u32le(out, 1681511377);
    sl_buf_put_u32le(out, 2);
    sl_buf_put_u32le(out, 0);
    sl_buf_put_u32le(out, 0);
    encode_bitmap(out, bits, forms);
    sl_buf_put_u32le(out, 3);
    encode_bitmap(out, bits, forms);
}

static void check_clear(const struct sl_deletion_vector *vector, const uint64_t *bits,
                        uint64_t base, uint32_t first, uint32_t rows) {
    uint64_t *keep = sl_xmalloc((rows + 63) / 64 * 8 + 8);
    sl_bits_fill(keep, rows, true);
    sl_deletion_vector_clear(vector, base + first, rows, keep);
    for (uint32_t i = 0; i < rows; i++) {
        bool deleted = first + i < SET_VALUES && sl_bit_get(bits, first + i);
        if (sl_bit_get(keep, i) == deleted) fail_msg("row %u of %u", first + i, rows);
    }
    free(keep);
}

void test_deletion_vector_random(void **state) {
    (void)state;
    uint64_t random = 20260101, *bits = sl_xmalloc(SET_VALUES / 8);
    for (int round = 0; round < 12; round++) {
        struct sl_buf bytes = {0};
        enum form forms[SET_CONTAINERS];
        struct sl_deletion_vector *vector;
        struct sl_err err;
        memset(bits, 0, SET_VALUES / 8);
        for (uint32_t i = 0; i < SET_CONTAINERS; i++) {
            forms[i] = (enum form)(sl_random_next(&random) % FORM_COUNT);
            if (round == 0 && forms[i] >= FORM_RUNS) forms[i] = FORM_SPARSE; /* no run flags */
            if (i == 0 && forms[i] == FORM_EMPTY) forms[i] = FORM_DENSE;
            fill_container(bits, i * CONTAINER, forms[i], &random);
        }
        encode_vector(&bytes, bits, forms);
        int64_t cardinality = 2 * (int64_t)sl_bits_count(bits, SET_VALUES);
        if (sl_deletion_vector_parse(sl_buf_str(&bytes), cardinality, &vector, &err) != SL_OK)
            fail_msg("%s", err.msg);
        for (uint32_t v = 0; v < SET_VALUES; v += 1 + v % 3) {
            bool deleted = sl_bit_get(bits, v);
            assert_int_equal(sl_deletion_vector_has(vector, v), deleted);
            assert_int_equal(sl_deletion_vector_has(vector, v + 3 * (UINT64_C(1) << 32)), deleted);
            assert_false(sl_deletion_vector_has(vector, v + (UINT64_C(1) << 32)));
        }
        for (int i = 0; i < 30; i++) {
            uint32_t first = sl_random_next(&random) % SET_VALUES;
            uint32_t rows = sl_random_next(&random) % (i % 2 ? 200 : 150000);
            check_clear(vector, bits, 0, first, rows);
            check_clear(vector, bits, 3 * (UINT64_C(1) << 32), first, rows);
        }
        sl_deletion_vector_free(vector);
        sl_buf_release(&bytes);
    }
    free(bits);
}

/* Cut anywhere, a vector is refused: no byte of it is optional. */
void test_deletion_vector_truncated(void **state) {
    (void)state;
    struct sl_buf data = {0};
    struct sl_deletion_vector *vector;
    struct sl_err err;
    assert_true(sl_z85_decode(SL_STR(INLINE_TEXT), &data));
    for (size_t len = 0; len < data.len; len++) {
        struct sl_str cut = {(const char *)data.ptr, len};
        assert_int_equal(sl_deletion_vector_parse(cut, -1, &vector, &err), SL_DATA);
    }
    sl_buf_put_byte(&data, 0);
    assert_int_equal(sl_deletion_vector_parse(sl_buf_str(&data), 6, &vector, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "follow"));
    sl_buf_release(&data);
}

/* What must hold inside a bitmap; the bytes are one bucket behind magic, count and key. */
void test_deletion_vector_broken_containers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } cases[] = {
#define CASE(bytes, says) {bytes, sizeof(bytes) - 1, says}
        CASE("\x00\x00\x00\x00", "cookie"),
        CASE("\x3A\x30\x00\x00\xFF\xFF\xFF\xFF", "65536 containers"),
        CASE("\x3A\x30\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00", "header"),
        CASE("\x3A\x30\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00", "offsets"),
        CASE("\x3A\x30\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\0\0\0\0\x05\x00\x05\x00",
             "array container"),
        CASE("\x3A\x30\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\0\0\0\0\0\0\0\0\x05"
             "\x00\x06\x00",
             "containers are not in ascending order"),
        CASE("\x3B\x30\x00\x00\x01\x00\x00\x04\x00\x02\x00\x05\x00\x01\x00\x06\x00\x02\x00",
             "runs of a container"),
        CASE("\x3B\x30\x00\x00\x01\x00\x00\x01\x00\x01\x00\xFF\xFF\x01\x00", "runs of a container"),
        CASE("\x3B\x30\x00\x00\x01\x00\x00\x04\x00\x01\x00\x05\x00\x01\x00", "cardinality"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_buf data = {0};
        struct sl_deletion_vector *vector;
        struct sl_err err;
        sl_buf_put_u32le(&data, 1681511377);
        sl_buf_put(&data, "\1\0\0\0\0\0\0\0\0\0\0\0", 12);
        sl_buf_put(&data, cases[i].bytes, cases[i].len);
        assert_int_equal(sl_deletion_vector_parse(sl_buf_str(&data), -1, &vector, &err), SL_DATA);
        if (!strstr(err.msg, cases[i].says)) fail_msg("case %zu: %s", i, err.msg);
        sl_buf_release(&data);
    }
}

/* ---- golden tables ---- */

static int check_commit(struct sl_arena *arena, const char *table, const char *name) {
    int count = 0;
    char log[1024];
    struct sl_buf text = {0};
    struct sl_err err;
    snprintf(log, sizeof log, "%s/_delta_log/%s", table, name);
    assert_int_equal(sl_io_read_file(log, 1 << 24, &text, &err), SL_OK);
    for (size_t at = 0; at < text.len;) {
        size_t end = sl_str_find(sl_buf_str(&text), SL_STR("\n"), at);
        if (end == SIZE_MAX) end = text.len;
        struct sl_delta_action action;
        struct sl_deletion_vector *vector;
        struct sl_str line = sl_str_sub(sl_buf_str(&text), at, end);
        at = end + 1;
        if (sl_str_find(line, SL_STR("\"deletionVector\""), 0) == SIZE_MAX) continue;
        assert_int_equal(sl_delta_action_parse(arena, line, &action, &err), SL_OK);
        if (action.kind != SL_DELTA_ADD || !action.file.vector.storage) continue;
        if (sl_deletion_vector_read(table, &action.file.vector, &vector, &err) != SL_OK)
            fail_msg("%s: %s < %s", log, err.msg, err.ctx);
        assert_int_equal(sl_deletion_vector_count(vector), action.file.vector.cardinality);
        sl_deletion_vector_free(vector);
        count++;
    }
    sl_buf_release(&text);
    return count;
}

void test_deletion_vector_golden_tables(void **state) {
    (void)state;
    static const char *const tables[] = {"dv-partitioned-with-checkpoint", "dv-with-columnmapping",
                                         "log-replay-dv-key-cases"};
    const char *corpora = getenv("SLUICE_CORPORA");
    if (!corpora) corpora = "../shared/corpora";
    int count = 0;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char **names, log[512], table[500];
        size_t files;
        snprintf(table, sizeof table, "%s/delta-golden-tables/%s", corpora, tables[i]);
        snprintf(log, sizeof log, "%s/_delta_log", table);
        if (sl_io_list_dir(log, &arena, &names, &files, NULL) != SL_OK) {
            sl_arena_release(&arena);
            skip();
        }
        for (size_t k = 0; k < files; k++)
            if (sl_str_ends(sl_str(names[k]), SL_STR(".json")))
                count += check_commit(&arena, table, names[k]);
    }
    assert_int_equal(count, 23);
    sl_arena_release(&arena);
}
