/* Records to columns: types, nulls, what is malformed and what becomes of it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fmt/csv/csv_decode.h"

static bool hook_f64(const void *ctx, struct sl_str text, double *out) {
    char copy[64];
    char *end;
    (void)ctx;
    snprintf(copy, sizeof copy, "%.*s", SL_STR_ARG(text));
    *out = strtod(copy, &end);
    return text.len && *end == 0;
}
static bool hook_date(const void *ctx, struct sl_str text, int32_t *days) {
    (void)ctx;
    *days = 7;
    return sl_str_eq(text, SL_STR("day"));
}
static const struct sl_csv_hooks hooks = {.f64 = hook_f64, .date = hook_date};

struct run {
    struct sl_arena arena;
    const struct sl_type *schema;
    struct sl_csv_options options;
    struct sl_vec columns[8];
    uint64_t dropped;
    uint32_t dropped_rows, malformed_rows, bad_row;
    char reason[200];
    struct sl_err err;
};

static void note(void *ctx, uint32_t row, struct sl_str reason) {
    struct run *run = ctx;
    (void)row;
    run->malformed_rows++;
    snprintf(run->reason, sizeof run->reason, "%.*s", SL_STR_ARG(reason));
}

static void start(struct run *run, const char *ddl) {
    *run = (struct run){0};
    sl_arena_init(&run->arena, "test");
    sl_csv_options_init(&run->options);
    assert_int_equal(sl_type_parse_schema(&run->arena, sl_str(ddl), &run->schema, &run->err),
                     SL_OK);
    for (uint32_t c = 0; c < run->schema->field_count; c++)
        sl_vec_init(&run->columns[c], run->schema->fields[c].type);
}

static enum sl_code decode(struct run *run, const struct sl_str *records, uint32_t rows,
                           const bool *wanted) {
    struct sl_csv_decoder *decoder;
    enum sl_code code =
        sl_csv_decoder_new(run->schema, wanted, &run->options, &hooks, &decoder, &run->err);
    assert_int_equal(code, SL_OK);
    if (run->options.mode == SL_CSV_PERMISSIVE) sl_csv_decoder_on_malformed(decoder, note, run);
    code = sl_csv_decode(decoder, records, rows, run->columns, &run->dropped, &run->dropped_rows,
                         &run->bad_row, &run->err);
    sl_csv_decoder_free(decoder);
    for (uint32_t c = 0; c < run->schema->field_count && code == SL_OK; c++) {
        const char *why = "";
        if (wanted[c] && !sl_vec_verify(&run->columns[c], &why)) fail_msg("column %u: %s", c, why);
    }
    return code;
}

static void stop(struct run *run) {
    for (uint32_t c = 0; c < run->schema->field_count; c++) sl_vec_release(&run->columns[c]);
    sl_arena_release(&run->arena);
}

static const bool all[8] = {true, true, true, true, true, true, true, true};

void test_values_become_columns(void **state) {
    (void)state;
    struct run run;
    static const struct sl_str records[] = {SL_STR("1,-9223372036854775808,1.5,TRUE,x,day"),
                                            SL_STR(",,,,,"),
                                            SL_STR("127,+5,NaN,false,\"a,b\",\"day\"")};
    start(&run, "a TINYINT, b BIGINT, c DOUBLE, d BOOLEAN, e STRING, f DATE");
    assert_int_equal(decode(&run, records, 3, all), SL_OK);
    assert_int_equal(run.malformed_rows, 0);
    assert_int_equal(run.columns[0].i8[2], 127);
    assert_true(run.columns[1].i64[0] == INT64_MIN && run.columns[1].i64[2] == 5);
    assert_true(run.columns[2].f64[0] == 1.5 && run.columns[2].f64[2] != run.columns[2].f64[2]);
    assert_true(sl_bit_get(run.columns[3].bits, 0) && !sl_bit_get(run.columns[3].bits, 2));
    assert_true(sl_str_eq(sl_vec_str(&run.columns[4], 2), SL_STR("a,b")));
    assert_int_equal(run.columns[5].i32[2], 7);
    for (uint32_t c = 0; c < 6; c++) assert_true(sl_vec_is_null(&run.columns[c], 1));
    stop(&run);
}

void test_malformed_records_keep_what_fits(void **state) {
    (void)state;
    struct run run;
    static const struct sl_str records[] = {SL_STR("1,x"), SL_STR("128,y"), SL_STR("2"),
                                            SL_STR("3,z,more"), SL_STR("4,w")};
    start(&run, "a TINYINT, b STRING, _corrupt_record STRING");
    assert_int_equal(decode(&run, records, 5, all), SL_OK);
    assert_int_equal(run.malformed_rows, 3);
    assert_true(sl_vec_is_null(&run.columns[0], 1));
    assert_true(sl_str_eq(sl_vec_str(&run.columns[1], 1), SL_STR("y")));
    assert_true(sl_vec_is_null(&run.columns[1], 2) && run.columns[0].i8[2] == 2);
    assert_true(sl_str_eq(sl_vec_str(&run.columns[2], 3), SL_STR("3,z,more")));
    assert_true(sl_vec_is_null(&run.columns[2], 0) && sl_vec_is_null(&run.columns[2], 4));
    assert_non_null(strstr(run.reason, "2 columns expected, found 3"));
    stop(&run);
}

void test_modes_drop_or_fail(void **state) {
    (void)state;
    struct run run;
    static const struct sl_str records[] = {SL_STR("1"), SL_STR("x"), SL_STR("3")};
    start(&run, "a INT");
    run.options.mode = SL_CSV_DROPMALFORMED;
    assert_int_equal(decode(&run, records, 3, all), SL_OK);
    assert_int_equal(run.dropped_rows, 1);
    assert_true(sl_bit_get(&run.dropped, 1) && !sl_bit_get(&run.dropped, 2));
    sl_vec_clear(&run.columns[0]);
    run.options.mode = SL_CSV_FAILFAST;
    assert_int_equal(decode(&run, records, 3, all), SL_DATA);
    assert_int_equal(run.bad_row, 1);
    stop(&run);
}

void test_unwanted_columns_are_not_converted(void **state) {
    (void)state;
    struct run run;
    static const bool second[] = {false, true};
    static const struct sl_str records[] = {SL_STR("x,5")};
    start(&run, "a INT, b INT");
    run.options.mode = SL_CSV_FAILFAST;
    assert_int_equal(decode(&run, records, 1, second), SL_OK);
    assert_int_equal(run.columns[1].i32[0], 5);
    assert_int_equal(run.columns[0].rows, 0);
    stop(&run);
}

void test_nested_types_are_refused(void **state) {
    (void)state;
    struct run run;
    struct sl_csv_decoder *decoder;
    start(&run, "a ARRAY<INT>");
    assert_int_equal(sl_csv_decoder_new(run.schema, all, &run.options, &hooks, &decoder, &run.err),
                     SL_UNSUPPORTED);
    assert_non_null(strstr(run.err.msg, "`a`"));
    stop(&run);
}
