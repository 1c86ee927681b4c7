/* Files of a real Spark's state (tests/golden/spark-4.1.1/state): the values of every type follow
 * from the number of the event; rows that are read and written again have Spark's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "col/batch.h"
#include "state/spark_schema.h"
#include "state/spark_state_file.h"
#include "state/unsafe_row.h"

#define STATE "tests/golden/spark-4.1.1/state/0"
enum { PARTITIONS = 3, EVENTS = 24 };

void test_golden_rows_have_sparks_values_and_bytes(void **state);
void test_golden_changes_and_removals(void **state);
void test_blocks_of_any_size(void **state);
void test_random_rows_return(void **state);
void test_damage_is_found(void **state);
void test_operator_and_schema(void **state);

struct rows {
    struct sl_arena arena;
    struct sl_str keys[256], values[256];
    uint32_t count, removed;
};

static struct sl_str copy(struct rows *rows, struct sl_str bytes) {
    return bytes.ptr ? sl_arena_str(&rows->arena, bytes) : (struct sl_str){0};
}

static enum sl_code take(void *ctx, struct sl_str key, struct sl_str value, struct sl_err *err) {
    struct rows *rows = ctx;
    (void)err;
    assert_true(rows->count < 256);
    rows->keys[rows->count] = copy(rows, key);
    rows->values[rows->count++] = copy(rows, value);
    rows->removed += value.ptr == NULL;
    return SL_OK;
}

static void read_file(struct rows *rows, int partition, const char *name) {
    char path[512];
    struct sl_err err = {0};
    snprintf(path, sizeof path, "%s/%d/%s", STATE, partition, name);
    enum sl_code code = sl_spark_state_file_read(path, take, rows, &err);
    if (code != SL_OK) fail_msg("%s", err.msg);
}

static struct sl_spark_schema read_schema(struct sl_arena *arena) {
    struct sl_spark_schema schema;
    struct sl_err err = {0};
    enum sl_code code = sl_spark_schema_read(STATE "/0/_metadata/schema", arena, &schema, &err);
    if (code != SL_OK) fail_msg("%s", err.msg);
    return schema;
}

static void decode(const struct sl_str *rows, uint32_t count, const struct sl_type *type,
                   struct sl_batch *out, struct sl_arena *arena) {
    struct sl_err err = {0};
    const char *why;
    sl_batch_init(out, type, arena);
    enum sl_code code = sl_unsafe_rows_take(rows, count, type, out->columns, &err);
    if (code != SL_OK) fail_msg("%s", err.msg);
    for (uint32_t c = 0; c < type->field_count; c++)
        if (!sl_vec_verify(&out->columns[c], &why)) fail_msg("column %u: %s", c, why);
}

static void check_bytes(const struct sl_str *rows, uint32_t count, const struct sl_batch *batch,
                        bool key) {
    struct sl_buf bytes = {0};
    struct sl_err err;
    for (uint32_t i = 0; i < count; i++) {
        sl_buf_clear(&bytes);
        assert_int_equal(sl_unsafe_row_put(&bytes, batch->schema, batch->columns, i, key, &err),
                         SL_OK);
        assert_int_equal(bytes.len, rows[i].len);
        assert_memory_equal(bytes.ptr, rows[i].ptr, bytes.len);
    }
    sl_buf_release(&bytes);
}

static const struct sl_vec *column(const struct sl_batch *batch, uint32_t number) {
    assert_true(number < batch->schema->field_count);
    return &batch->columns[number];
}

static int64_t integer(const struct sl_batch *batch, uint32_t number, uint32_t row) {
    const struct sl_vec *vec = column(batch, number);
    assert_false(sl_vec_is_null(vec, row));
    return sl_vec_integer(vec, row);
}

/* In the order of GROUP BY: ts, i, b, s, l, f, d, t, dec, wide, bin, dt, ntz, di, yi, name, st,
 * texts, numbers. */
static void check_key(const struct sl_batch *keys, uint32_t row, int64_t event) {
    static const char letters[] = "\xc3\xa4"
                                  "bcdefghij";
    int64_t i = event - 8;
    if (event % 7 == 3) {
        for (uint32_t c = 1; c < 16; c++)
            if (c != 11 && c != 12) assert_true(sl_vec_is_null(column(keys, c), row));
        return;
    }
    for (uint32_t c = 1; c <= 3; c++) assert_int_equal(integer(keys, c, row), i);
    assert_int_equal(integer(keys, 4, row), i * INT64_C(10000000000));
    assert_true(column(keys, 5)->f32[row] == (float)i / 4);
    assert_true(column(keys, 6)->f64[row] == (double)i / 8);
    assert_int_equal(sl_bit_get(column(keys, 7)->bits, row), i % 2 == 0);
    assert_int_equal(integer(keys, 8, row), i);
    sl_int128 wide = (sl_int128)i * 1234567890123 * 1000000000 + (sl_int128)i * 456789012;
    assert_true(column(keys, 9)->i128[row] == wide);
    assert_int_equal(integer(keys, 13, row), i * INT64_C(86400000000));
    assert_int_equal(column(keys, 14)->i32[row], i * 12);
    int64_t length = event % 11;
    struct sl_str name = {letters, length ? (size_t)length + 1 : 0};
    assert_true(sl_str_eq(sl_vec_str(column(keys, 10), row), name));
    assert_true(sl_str_eq(sl_vec_str(column(keys, 15), row), name));
    const struct sl_vec *fields = column(keys, 16)->children;
    assert_true(sl_str_eq(sl_vec_str(&fields[0], row), name));
    assert_int_equal(fields[1].i32[row], i);
    assert_true(fields[2].i128[row] == i);
    const struct sl_vec *texts = column(keys, 17), *numbers = column(keys, 18);
    assert_int_equal(texts->offsets[row + 1] - texts->offsets[row], 3);
    assert_true(sl_vec_is_null(&texts->children[0], (uint32_t)texts->offsets[row] + 1));
    assert_int_equal(numbers->children[0].i32[numbers->offsets[row]], i);
    assert_int_equal(numbers->children[0].i32[numbers->offsets[row] + 2], 1);
}

void test_golden_rows_have_sparks_values_and_bytes(void **state) {
    (void)state;
    const int64_t first_us = INT64_C(1765789200123456);
    bool seen[EVENTS] = {0};
    for (int partition = 0; partition < PARTITIONS; partition++) {
        struct rows rows = {0};
        struct sl_batch keys, values;
        sl_arena_init(&rows.arena, "test");
        struct sl_spark_schema schema = read_schema(&rows.arena);
        read_file(&rows, partition, "1.delta");
        read_file(&rows, partition, "2.snapshot");
        assert_int_equal(rows.removed, 0);
        decode(rows.keys, rows.count, schema.key, &keys, &rows.arena);
        decode(rows.values, rows.count, schema.value, &values, &rows.arena);
        for (uint32_t i = 0; i < rows.count; i++) {
            int64_t event = (integer(&keys, 0, i) - first_us) / 60000000;
            assert_in_range(event, 0, EVENTS - 1);
            seen[event] = true;
            check_key(&keys, i, event);
            assert_int_equal(integer(&values, 0, i), 1); /* count(*) */
        }
        check_bytes(rows.keys, rows.count, &keys, true);
        check_bytes(rows.values, rows.count, &values, false);
        sl_batch_release(&keys);
        sl_batch_release(&values);
        sl_arena_release(&rows.arena);
    }
    for (int i = 0; i < EVENTS; i++)
        if (!seen[i] && i < EVENTS / 2) fail_msg("event %d is not in the state", i);
}

void test_golden_changes_and_removals(void **state) {
    (void)state;
    uint32_t removed = 0, put = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        struct rows rows = {0};
        sl_arena_init(&rows.arena, "test");
        read_file(&rows, partition, "3.delta");
        assert_int_equal(rows.removed, 0);
        put += rows.count;
        read_file(&rows, partition, "4.delta"); /* the watermark passed keys, no rows came */
        removed += rows.removed;
        sl_arena_release(&rows.arena);
    }
    assert_int_equal(put, EVENTS / 2);
    assert_in_range(removed, 1, EVENTS - 1);
}

/* ---- files of our own ---- */

struct list {
    uint64_t seed;
    uint32_t at, count;
};

static void make_record(uint64_t seed, uint32_t number, struct sl_buf *key, struct sl_buf *value,
                        bool *removed) {
    uint64_t random = seed + number;
    uint64_t what = sl_random_next(&random);
    size_t lengths[] = {what >> 8 & 63, what >> 16 & (what & 1 ? 0x3ffff : 255)};
    sl_buf_clear(key);
    sl_buf_clear(value);
    *removed = what % 5 == 0;
    for (size_t i = 0; i < lengths[0]; i++) sl_buf_put_byte(key, (uint8_t)sl_random_next(&random));
    /* compressible or not */
    for (size_t i = 0; i < lengths[1] / 8 * 8; i++)
        sl_buf_put_byte(value, what & 2 ? (uint8_t)sl_random_next(&random) : (uint8_t)(i / 100));
}

static enum sl_code compare(void *ctx, struct sl_str key, struct sl_str value, struct sl_err *err) {
    struct list *list = ctx;
    struct sl_buf keys = {0}, values = {0};
    bool removed;
    (void)err;
    make_record(list->seed, list->at++, &keys, &values, &removed);
    assert_true(sl_str_eq(key, sl_buf_str(&keys)));
    assert_int_equal(value.ptr == NULL, removed);
    if (!removed) assert_true(sl_str_eq(value, sl_buf_str(&values)));
    sl_buf_release(&keys);
    sl_buf_release(&values);
    return SL_OK;
}

static struct sl_str temporary(struct sl_arena *arena) {
    char path[] = "/tmp/spark_state_XXXXXX";
    assert_non_null(mkdtemp(path));
    return sl_arena_str(arena, sl_str(path));
}

static void write_records(struct sl_str dir, const char *name, const struct list *list) {
    struct sl_err err = {0};
    struct sl_buf key = {0}, value = {0};
    uint64_t bytes = 0;
    struct sl_spark_state_output *output = sl_spark_state_output_new(dir.ptr, name, NULL);
    for (uint32_t i = 0; i < list->count; i++) {
        bool removed;
        make_record(list->seed, i, &key, &value, &removed);
        struct sl_str put = removed ? (struct sl_str){0} : sl_buf_str(&value);
        if (!removed && !put.ptr) put.ptr = "";
        assert_int_equal(sl_spark_state_output_put(output, sl_buf_str(&key), put, &err), SL_OK);
    }
    assert_int_equal(sl_spark_state_output_publish(output, &bytes, &err), SL_OK);
    struct sl_arena arena;
    struct sl_file_info info;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_io_stat(sl_path_join(&arena, dir.ptr, name), &info, &err), SL_OK);
    assert_int_equal(info.bytes, bytes);
    sl_arena_release(&arena);
    sl_buf_release(&key);
    sl_buf_release(&value);
}

void test_blocks_of_any_size(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    struct sl_str dir = temporary(&arena);
    const char *path = sl_path_join(&arena, dir.ptr, "7.delta");
    /* Spark's own checksum of an older file of that name must go */
    assert_int_equal(
        sl_io_put_atomic(dir.ptr, "7.delta.crc", SL_STR("{}"), SL_PUT_SUMMED, NULL, &err), SL_OK);
    for (uint32_t count = 0; count < 40; count++) {
        struct list list = {.seed = count * 1000, .count = count};
        write_records(dir, "7.delta", &list);
        enum sl_code code = sl_spark_state_file_read(path, compare, &list, &err);
        if (code != SL_OK) fail_msg("%s", err.msg);
        assert_int_equal(list.at, count);
    }
    char **names;
    size_t found;
    assert_int_equal(sl_io_list_dir(dir.ptr, &arena, &names, &found, &err), SL_OK);
    assert_int_equal(found, 1);
    assert_int_equal(sl_io_remove_tree(dir.ptr, &err), SL_OK);
    sl_arena_release(&arena);
}

static enum sl_code add_hash(void *ctx, struct sl_str key, struct sl_str value,
                             struct sl_err *err) {
    uint64_t *hash = ctx;
    (void)err;
    *hash = sl_xxh64(key.ptr, key.len, *hash);
    *hash = value.ptr ? sl_xxh64(value.ptr, value.len, *hash) : *hash + 1;
    return SL_OK;
}

static enum sl_code hash_rows(struct sl_str bytes, uint64_t *hash) {
    struct sl_err err;
    *hash = 0;
    return sl_spark_state_bytes_read(bytes, add_hash, hash, &err);
}

/* A file that is cut is refused; one with a wrong byte is refused, or the byte does not matter (LZ4
 * can say the same in several ways): never are there other rows. */
void test_damage_is_found(void **state) {
    (void)state;
    struct sl_buf bytes = {0};
    struct sl_err err = {0};
    uint64_t right, hash;
    uint32_t refused = 0;
    assert_int_equal(sl_io_read_file(STATE "/1/2.snapshot", 1 << 20, &bytes, &err), SL_OK);
    struct sl_str whole = sl_buf_str(&bytes);
    assert_int_equal(hash_rows(whole, &right), SL_OK);
    for (size_t i = 0; i < bytes.len; i++) {
        assert_int_not_equal(hash_rows(sl_str_sub(whole, 0, i), &hash), SL_OK);
        for (uint8_t change = 1; change; change = (uint8_t)(change << 1)) {
            bytes.ptr[i] ^= change;
            bool fine = hash_rows(whole, &hash) == SL_OK;
            refused += !fine;
            if (fine && hash != right) fail_msg("a change of byte %zu makes other rows", i);
            bytes.ptr[i] ^= change;
        }
    }
    assert_true(refused > bytes.len * 7);
    sl_buf_release(&bytes);
}

/* ---- rows of our own ---- */

static uint64_t next(uint64_t *random) { return sl_random_next(random); }

static void fill(struct sl_vec *vec, uint32_t rows, uint64_t *random);

static void fill_value(struct sl_vec *vec, uint64_t *random) {
    struct sl_err err;
    uint64_t bits = next(random);
    char text[40];
    switch (vec->type->kind) {
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        memset(text, 'a' + (int)(bits % 26), sizeof text);
        assert_int_equal(sl_vec_put_str(vec, (struct sl_str){text, bits >> 8 & 31}, &err), SL_OK);
        return;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        assert_int_equal(sl_vec_put_f64(vec, (double)(int64_t)bits / 3, &err), SL_OK);
        return;
    case SL_DECIMAL_KIND: {
        sl_int128 value = (int64_t)next(random);
        for (uint64_t k = bits % 5; k && sl_type_is_wide_decimal(vec->type); k--)
            value = value * 1000;
        sl_int128 limit = 1;
        for (int k = 0; k < vec->type->precision; k++) limit *= 10;
        assert_int_equal(sl_vec_put_i128(vec, value % limit >> (bits >> 8 & 63), &err), SL_OK);
        return;
    }
    case SL_BOOL_KIND:
        assert_int_equal(sl_vec_put_i64(vec, bits & 1, &err), SL_OK);
        return;
    default:
        assert_int_equal(sl_vec_put_i64(vec, (int64_t)bits, &err), SL_OK);
    }
}

static void fill_list(struct sl_vec *vec, uint32_t rows, uint64_t *random) {
    struct sl_err err;
    assert_int_equal(sl_vec_reserve(vec, rows, &err), SL_OK);
    for (uint32_t i = 0; i < rows; i++)
        vec->offsets[i + 1] = vec->offsets[i] + (int32_t)(next(random) % 5);
    fill(&vec->children[0], (uint32_t)vec->offsets[rows], random);
    vec->rows = rows;
}

static void fill(struct sl_vec *vec, uint32_t rows, uint64_t *random) {
    struct sl_err err;
    if (vec->type->kind == SL_ARRAY_KIND) {
        fill_list(vec, rows, random);
    } else if (vec->type->kind == SL_STRUCT_KIND) {
        for (uint32_t i = 0; i < vec->child_count; i++) fill(&vec->children[i], rows, random);
        vec->rows = rows;
    } else if (vec->type->kind == SL_NULL_KIND) {
        assert_int_equal(sl_vec_append_null(vec, rows, &err), SL_OK);
    } else {
        for (uint32_t i = 0; i < rows; i++) {
            if (next(random) % 4 == 0)
                assert_int_equal(sl_vec_append_null(vec, 1, &err), SL_OK);
            else
                fill_value(vec, random);
        }
    }
}

/* Rows of random types with random values: what is read is what was written. */
void test_random_rows_return(void **state) {
    (void)state;
    static const char *const types[] = {
        "STRUCT<>",
        "STRUCT<a: VOID>",
        "STRUCT<a: BOOLEAN, b: TINYINT, c: SMALLINT, d: INT, e: BIGINT, f: FLOAT, g: DOUBLE>",
        "STRUCT<a: DECIMAL(5,2), b: DECIMAL(18,0), c: DECIMAL(19,3), d: DECIMAL(38,18)>",
        "STRUCT<a: STRING, b: BINARY, c: DATE, d: TIMESTAMP, e: TIMESTAMP_NTZ>",
        "STRUCT<a: STRUCT<s: TIMESTAMP, e: TIMESTAMP>, b: STRUCT<x: STRING, y: STRUCT<z: "
        "DECIMAL(20,0)>>>",
        "STRUCT<a: ARRAY<INT>, b: ARRAY<STRING>, c: ARRAY<BOOLEAN>, d: ARRAY<DECIMAL(30,2)>, e: "
        "ARRAY<ARRAY<SMALLINT>>>",
        "STRUCT<a: ARRAY<STRUCT<b: INT, c: ARRAY<STRING>>>, d: INTERVAL DAY TO SECOND, e: INTERVAL "
        "YEAR TO MONTH>",
    };
    for (uint64_t round = 0; round < 200; round++) {
        struct sl_arena arena;
        struct sl_err err = {0};
        const struct sl_type *type;
        struct sl_batch in, out;
        struct sl_str rows[64];
        uint64_t random = round * 77;
        uint32_t count = (uint32_t)(next(&random) % 64);
        sl_arena_init(&arena, "test");
        const char *text = types[round % (sizeof types / sizeof *types)];
        if (sl_type_parse(&arena, sl_str(text), &type, &err) != SL_OK)
            fail_msg("%s: %s", text, err.msg);
        assert_true(sl_unsafe_row_has(type));
        sl_batch_init(&in, type, &arena);
        for (uint32_t c = 0; c < type->field_count; c++) fill(&in.columns[c], count, &random);
        for (uint32_t i = 0; i < count; i++) {
            struct sl_buf bytes = {0};
            assert_int_equal(sl_unsafe_row_put(&bytes, type, in.columns, i, false, &err), SL_OK);
            assert_int_equal(bytes.len % 8, 0);
            rows[i] = sl_arena_str(&arena, sl_buf_str(&bytes));
            sl_buf_release(&bytes);
        }
        decode(rows, count, type, &out, &arena);
        for (uint32_t c = 0; c < type->field_count; c++)
            for (uint32_t i = 0; i < count; i++)
                assert_true(sl_vec_rows_equal(&in.columns[c], i, &out.columns[c], i));
        sl_batch_release(&in);
        sl_batch_release(&out);
        sl_arena_release(&arena);
    }
}

void test_operator_and_schema(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_spark_operator operator_;
    bool found;
    sl_arena_init(&arena, "test");
    struct sl_spark_schema schema = read_schema(&arena);
    assert_int_equal(schema.key->field_count, 19);
    assert_int_equal(schema.value->fields[0].type->kind, SL_LONG_KIND);
    assert_int_equal(sl_spark_operator_read(STATE, &arena, &operator_, &found, &err), SL_OK);
    assert_true(found);
    assert_true(sl_str_eq(operator_.name, SL_STR("stateStoreSave")));
    assert_int_equal(operator_.partitions, PARTITIONS);
    assert_int_equal(sl_spark_operator_read("tests/golden", &arena, &operator_, &found, &err),
                     SL_OK);
    assert_false(found);
    /* what is written is read back, but nullable everywhere */
    struct sl_str dir = temporary(&arena);
    struct sl_spark_schema again;
    struct sl_spark_operator made = {SL_STR("dedupe"), 7, 1, 2};
    assert_int_equal(sl_spark_schema_write(dir.ptr, &schema, &err), SL_OK);
    assert_int_equal(sl_spark_operator_write(dir.ptr, 3, &made, &err), SL_OK);
    const char *written = sl_path_join(&arena, dir.ptr, "_metadata/schema");
    assert_int_equal(sl_spark_schema_read(written, &arena, &again, &err), SL_OK);
    assert_true(sl_type_equal(schema.key, again.key) && sl_type_equal(schema.value, again.value));
    assert_true(again.value->fields[0].nullable);
    assert_int_equal(sl_spark_operator_read(dir.ptr, &arena, &operator_, &found, &err), SL_OK);
    assert_true(found && sl_str_eq(operator_.name, made.name));
    assert_int_equal(operator_.partitions, 7);
    assert_int_equal(sl_io_remove_tree(dir.ptr, &err), SL_OK);
    assert_int_equal(sl_spark_schema_parse(SL_STR("\0\2v3"), &arena, &schema, &err),
                     SL_UNSUPPORTED);
    assert_int_equal(
        sl_spark_schema_parse(SL_STR("\0\2v2\0\0\0\1\0\5{\"a\""), &arena, &schema, &err), SL_DATA);
    sl_arena_release(&arena);
}
