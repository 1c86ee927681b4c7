/* Statistics as PySpark 4.1.1 with delta-spark 4.2.0 wrote them for the same values (the expected
 * texts are copied from its log); what differs on purpose says so. */
#include <math.h>

#include "../unit.h"
#include "lake/delta/stats.h"

#define Y32 "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
#define LAST "\xF4\x8F\xBF\xBF"  /* U+10FFFF */
#define SMILE "\xF0\x9F\x98\x80" /* U+1F600, two UTF-16 units */
#define FOUR(x) x x x x
#define SIXTEEN(x) FOUR(FOUR(x))

enum { COLUMNS_MAX = 64 };

/* One table row: types are given as a DDL column list, values as vectors of one row. */
struct table {
    struct sl_arena arena;
    const struct sl_type *schema;
    struct sl_delta_column_stats columns[COLUMNS_MAX];
    struct sl_vec min[COLUMNS_MAX], max[COLUMNS_MAX];
    struct sl_buf text;
};

static void table_init(struct table *table, const char *ddl) {
    struct sl_err err;
    memset(table, 0, sizeof *table);
    sl_arena_init(&table->arena, "test");
    if (sl_type_parse_schema(&table->arena, sl_str(ddl), &table->schema, &err) != SL_OK)
        fail_msg("%s", err.msg);
    for (uint32_t i = 0; i < table->schema->field_count; i++) {
        sl_vec_init(&table->min[i], table->schema->fields[i].type);
        sl_vec_init(&table->max[i], table->schema->fields[i].type);
        table->columns[i].min = &table->min[i];
        table->columns[i].max = &table->max[i];
    }
}

static void table_release(struct table *table) {
    for (uint32_t i = 0; i < table->schema->field_count; i++) {
        sl_vec_release(&table->min[i]);
        sl_vec_release(&table->max[i]);
    }
    sl_buf_release(&table->text);
    sl_arena_release(&table->arena);
}

static void set_i64(struct table *table, int column, int64_t min, int64_t max) {
    assert_int_equal(sl_vec_put_i64(&table->min[column], min, NULL), SL_OK);
    assert_int_equal(sl_vec_put_i64(&table->max[column], max, NULL), SL_OK);
}

static void set_f64(struct table *table, int column, double min, double max) {
    assert_int_equal(sl_vec_put_f64(&table->min[column], min, NULL), SL_OK);
    assert_int_equal(sl_vec_put_f64(&table->max[column], max, NULL), SL_OK);
}

static void set_i128(struct table *table, int column, sl_int128 min, sl_int128 max) {
    assert_int_equal(sl_vec_put_i128(&table->min[column], min, NULL), SL_OK);
    assert_int_equal(sl_vec_put_i128(&table->max[column], max, NULL), SL_OK);
}

static const char *put(struct table *table, uint64_t rows, int32_t indexed) {
    struct sl_delta_stats_options options = {indexed};
    sl_buf_clear(&table->text);
    sl_delta_stats_put(&table->text, table->schema, rows, table->columns, &options);
    return sl_buf_cstr(&table->text);
}

void test_stats_numbers(void **state) {
    (void)state;
    struct table t;
    table_init(&t, "b TINYINT, s SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, d92 DECIMAL(9,2), "
                   "d184 DECIMAL(18,4), d3818 DECIMAL(38,18), bo BOOLEAN, bin BINARY, dt DATE, "
                   "n INT");
    sl_int128 unit = (sl_int128)1000000000000000000;
    for (int i = 0; i < 4; i++) set_i64(&t, i, -3, 2);
    set_f64(&t, 4, -1, (double)(float)0.6666666666666666);
    set_f64(&t, 5, -1, 0.6666666666666666);
    set_i64(&t, 6, -300, 200);
    set_i64(&t, 7, -30000, 20000);
    set_i128(&t, 8, -3 * unit, 2 * unit);
    set_i64(&t, 9, 0, 1);
    set_i64(&t, 11, 19778, 19783);
    for (int i = 0; i < 12; i++) t.columns[i].null_count = 1;
    t.columns[12].null_count = 4;
    assert_string_equal(
        put(&t, 4, 32),
        "{\"numRecords\":4,\"minValues\":{\"b\":-3,\"s\":-3,\"i\":-3,\"l\":-3,\"f\":-1.0,\"d\":-1."
        "0,\"d92\":-3.00,\"d184\":-3.0000,\"d3818\":-3.000000000000000000,\"dt\":\"2024-02-25\"},"
        "\"maxValues\":{\"b\":2,\"s\":2,\"i\":2,\"l\":2,\"f\":0.6666667,\"d\":0.6666666666666666,"
        "\"d92\":2.00,\"d184\":2.0000,\"d3818\":2.000000000000000000,\"dt\":\"2024-03-01\"},"
        "\"nullCount\":{\"b\":1,\"s\":1,\"i\":1,\"l\":1,\"f\":1,\"d\":1,\"d92\":1,\"d184\":1,"
        "\"d3818\":1,\"bo\":1,\"bin\":1,\"dt\":1,\"n\":4}}");
    table_release(&t);
}

/* Double.toString's notation; infinities are quoted. NaN: a minimum only, where Spark writes
 * "NaN" as the maximum; no minimum when there is nothing but NaN. */
void test_stats_floats(void **state) {
    (void)state;
    struct table t;
    table_init(&t, "a DOUBLE, b DOUBLE, c DOUBLE, d FLOAT, e DOUBLE");
    set_f64(&t, 0, -1.0E-300, 1.0E300);
    set_f64(&t, 1, (double)-INFINITY, (double)INFINITY);
    set_f64(&t, 2, 1.0E-4, 1.23456789E7);
    set_f64(&t, 3, 1.5, 2.5);
    t.columns[3].has_nan = true;
    t.columns[4].has_nan = true;
    assert_string_equal(put(&t, 3, 32),
                        "{\"numRecords\":3,\"minValues\":{\"a\":-1.0E-300,\"b\":\"-Infinity\","
                        "\"c\":1.0E-4,\"d\":1.5},\"maxValues\":{\"a\":1.0E300,\"b\":\"Infinity\","
                        "\"c\":1.23456789E7},\"nullCount\":{\"a\":0,\"b\":0,\"c\":0,\"d\":0,"
                        "\"e\":0}}");
    table_release(&t);
}

void test_stats_decimals(void **state) {
    (void)state;
    struct table t;
    sl_int128 b = (sl_int128)12345678901234567890ULL * 1000000000000000000 + 123456789012345678;
    sl_int128 g = 1;
    for (int i = 0; i < 38; i++) g *= 10;
    table_init(&t, "a DECIMAL(38,18), b DECIMAL(38,18), z DECIMAL(38,18), c DECIMAL(10,7), "
                   "e DECIMAL(10,0), g DECIMAL(38,0), h DECIMAL(9,2), k DECIMAL(20,10)");
    set_i128(&t, 0, 1, 1);
    set_i128(&t, 1, b, b);
    set_i128(&t, 2, 0, 0);
    set_i64(&t, 3, -1, -1);
    set_i64(&t, 4, 100, 100);
    set_i128(&t, 5, g - 1, g - 1);
    set_i64(&t, 6, 0, 0);
    set_i128(&t, 7, -1234, 12345);
    const char *expected =
        "{\"numRecords\":1,\"minValues\":{\"a\":1E-18,\"b\":12345678901234567890."
        "123456789012345678,\"z\":0E-18,\"c\":-1E-7,\"e\":100,\"g\":"
        "99999999999999999999999999999999999999,\"h\":0.00,\"k\":-1.234E-7},\"maxValues\":{\"a\":"
        "1E-18,\"b\":12345678901234567890.123456789012345678,\"z\":0E-18,\"c\":-1E-7,\"e\":100,"
        "\"g\":99999999999999999999999999999999999999,\"h\":0.00,\"k\":0.0000012345},"
        "\"nullCount\":";
    assert_memory_equal(put(&t, 1, 32), expected, strlen(expected));
    table_release(&t);
}

/* Down to milliseconds as Spark; the maximum up, where Spark rounds down and its readers add one.
 */
void test_stats_times(void **state) {
    (void)state;
    struct table t;
    table_init(&t, "a TIMESTAMP, b TIMESTAMP_NTZ, c TIMESTAMP, d TIMESTAMP, f TIMESTAMP_NTZ, g "
                   "TIMESTAMP, j DATE, o DATE");
    set_i64(&t, 0, 1704164645123456, 1704164645123456);
    set_i64(&t, 1, 1704164645123456, 1704164645123456);
    set_i64(&t, 2, 1704164645123000, 1704164645123000);
    set_i64(&t, 3, -1, -1);
    set_i64(&t, 4, 1704153600000000, 1704153600000000);
    set_i64(&t, 5, -62135596800000000, 253402300799999999);
    set_i64(&t, 6, -719162, 2932896);
    set_i64(&t, 7, -735525, 3789391);
    assert_string_equal(
        put(&t, 1, 32),
        "{\"numRecords\":1,\"minValues\":{\"a\":\"2024-01-02T03:04:05.123Z\",\"b\":\"2024-01-02T03:"
        "04:05.123\",\"c\":\"2024-01-02T03:04:05.123Z\",\"d\":\"1969-12-31T23:59:59.999Z\",\"f\":"
        "\"2024-01-02T00:00:00.000\",\"g\":\"0001-01-01T00:00:00.000Z\",\"j\":\"0001-01-01\","
        "\"o\":\"-0044-03-15\"},"
        "\"maxValues\":{\"a\":\"2024-01-02T03:04:05.124Z\",\"b\":\"2024-01-02T03:"
        "04:05.124\",\"c\":\"2024-01-02T03:04:05.123Z\",\"d\":\"1970-01-01T00:00:00.000Z\",\"f\":"
        "\"2024-01-02T00:00:00.000\",\"g\":\"+10000-01-01T00:00:00.000Z\",\"j\":\"9999-12-31\","
        "\"o\":\"+12345-01-01\"},"
        "\"nullCount\":{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"f\":0,\"g\":0,\"j\":0,\"o\":0}}");
    table_release(&t);
}

static void check_string(const char *value, size_t len, const char *min, const char *max) {
    struct table t;
    struct sl_buf expected = {0};
    struct sl_str text = {value, len};
    table_init(&t, "s STRING");
    assert_int_equal(sl_vec_put_str(&t.min[0], text, NULL), SL_OK);
    assert_int_equal(sl_vec_put_str(&t.max[0], text, NULL), SL_OK);
    sl_buf_put_cstr(&expected, "{\"numRecords\":1,\"minValues\":{");
    if (min) sl_buf_printf(&expected, "\"s\":\"%s\"", min);
    sl_buf_put_cstr(&expected, "},\"maxValues\":{");
    if (max) sl_buf_printf(&expected, "\"s\":\"%s\"", max);
    sl_buf_put_cstr(&expected, "},\"nullCount\":{\"s\":0}}");
    assert_string_equal(put(&t, 1, 32), sl_buf_cstr(&expected));
    sl_buf_release(&expected);
    table_release(&t);
}
#define STRING(value, min, max) check_string(value, sizeof(value) - 1, min, max)

void test_stats_strings_up_to_32_are_whole(void **state) {
    (void)state;
    STRING("", "", "");
    STRING("x", "x", "x");
    STRING(Y32, Y32, Y32);
    STRING("\x1F\0\xC3\xA9", "\\u001F\\u0000\xC3\xA9", "\\u001F\\u0000\xC3\xA9");
    STRING(SIXTEEN(SMILE), SIXTEEN(SMILE), SIXTEEN(SMILE));
}

/* One unit more than 32: the minimum is 32 characters, the maximum 32 units and a tie-breaker. */
void test_stats_long_strings_are_cut(void **state) {
    (void)state;
    STRING(Y32 "y", Y32, Y32 "\x7F");
    STRING(Y32 Y32, Y32, Y32 "\x7F");
    STRING(Y32 Y32 "yy", Y32, Y32 "\x7F");
    STRING(Y32 "~z", Y32, Y32 "\x7F");
    STRING(Y32 "\x7Fz", Y32, Y32 LAST);
    STRING(Y32 "\xC3\xA9z", Y32, Y32 LAST);
    STRING(Y32 "\xEF\xBF\xBFz", Y32, Y32 LAST);
    STRING(Y32 "\"\\/", Y32, Y32 "\x7F");
}

void test_stats_surrogates_stay_together(void **state) {
    (void)state;
    STRING(Y32 SMILE "z", Y32, Y32 LAST);
    STRING("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" SMILE "z", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" SMILE,
           "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" SMILE "\x7F");
    STRING(SIXTEEN(SMILE) SIXTEEN(SMILE) FOUR(SMILE), SIXTEEN(SMILE) SIXTEEN(SMILE),
           SIXTEEN(SMILE) LAST);
    STRING(SIXTEEN(SMILE) "a", SIXTEEN(SMILE) "a", SIXTEEN(SMILE) "\x7F");
    STRING("x" SIXTEEN(SMILE) FOUR(SMILE), "x" SIXTEEN(SMILE) FOUR(SMILE), "x" SIXTEEN(SMILE) LAST);
}

/* Nothing sorts behind U+10FFFF: the prefix grows, to 64 units at most. */
void test_stats_last_code_points(void **state) {
    (void)state;
    STRING(Y32 LAST "z", Y32, Y32 LAST "\x7F");
    STRING(Y32 SIXTEEN(LAST) "a", Y32, Y32 SIXTEEN(LAST) "\x7F");
    STRING(Y32 SIXTEEN(LAST), Y32, Y32 SIXTEEN(LAST));
    STRING(Y32 SIXTEEN(LAST) LAST "a", Y32, NULL);
    STRING(Y32 SIXTEEN(LAST) SIXTEEN(LAST) SIXTEEN(LAST), Y32, NULL);
}

/* Not UTF-8: JSON cannot hold it, and a repaired text would be no bound. */
void test_stats_broken_strings_have_no_bounds(void **state) {
    (void)state;
    STRING("a\xFFz", NULL, NULL);
    STRING("\xED\xA0\x80", NULL, NULL);
    STRING("\xC0\x80", NULL, NULL);
    STRING("\xF4\x90\x80\x80", NULL, NULL);
    STRING("abc\xE2\x82", NULL, NULL);
}

/* select named_struct('a',a,'b',named_struct('c',string(a),'d',a>1,'e',array(a))) s, array(a) arr,
 * map('k',a) m, a, named_struct('x', cast(null as int)) nn from values (1),(2),(null) */
void test_stats_nested(void **state) {
    (void)state;
    struct table t, s, b;
    table_init(&b, "c STRING, d BOOLEAN, e ARRAY<INT>");
    table_init(&s, "a INT, b STRUCT<c STRING, d BOOLEAN, e ARRAY<INT>>");
    table_init(&t, "s STRUCT<a INT, b STRUCT<c STRING, d BOOLEAN, e ARRAY<INT>>>, arr ARRAY<INT>, "
                   "m MAP<STRING, INT>, a INT, nn STRUCT<x INT>");
    assert_int_equal(sl_vec_put_str(&b.min[0], SL_STR("1"), NULL), SL_OK);
    assert_int_equal(sl_vec_put_str(&b.max[0], SL_STR("2"), NULL), SL_OK);
    b.columns[0].null_count = b.columns[1].null_count = 1;
    set_i64(&s, 0, 1, 2);
    s.columns[0].null_count = 1;
    s.columns[1].fields = b.columns;
    t.columns[0].fields = s.columns;
    set_i64(&t, 3, 1, 2);
    t.columns[3].null_count = 1;
    struct sl_delta_column_stats x = {.null_count = 3};
    t.columns[4].fields = &x;
    assert_string_equal(
        put(&t, 3, 32),
        "{\"numRecords\":3,\"minValues\":{\"s\":{\"a\":1,\"b\":{\"c\":\"1\"}},\"a\":1,\"nn\":{}},"
        "\"maxValues\":{\"s\":{\"a\":2,\"b\":{\"c\":\"2\"}},\"a\":2,\"nn\":{}},"
        "\"nullCount\":{\"s\":{\"a\":1,\"b\":{\"c\":1,\"d\":1,\"e\":0}},\"arr\":0,\"m\":0,\"a\":1,"
        "\"nn\":{\"x\":3}}}");
    t.columns[0].fields = NULL; /* a writer that knows nothing of nested columns */
    t.columns[1].unknown = t.columns[2].unknown = t.columns[4].unknown = true;
    assert_string_equal(put(&t, 3, 32), "{\"numRecords\":3,\"minValues\":{\"a\":1},\"maxValues\":{"
                                        "\"a\":2},\"nullCount\":{\"a\":1}}");
    table_release(&t);
    table_release(&s);
    table_release(&b);
}

/* Leaves count, arrays and maps as one; a struct may be indexed in part. Without any column with
 * bounds Spark leaves minValues and maxValues out. */
void test_stats_indexed_columns(void **state) {
    (void)state;
    struct table t;
    table_init(&t, "a ARRAY<INT>, s STRUCT<x INT, y INT>, z INT");
    struct sl_delta_column_stats fields[2] = {{.null_count = 5}, {.null_count = 6}};
    t.columns[1].fields = fields;
    set_i64(&t, 2, 1, 2);
    assert_string_equal(put(&t, 9, 0), "{\"numRecords\":9}");
    assert_string_equal(put(&t, 9, 1), "{\"numRecords\":9,\"nullCount\":{\"a\":0}}");
    assert_string_equal(put(&t, 9, 2),
                        "{\"numRecords\":9,\"minValues\":{\"s\":{}},\"maxValues\":{\"s\":{}},"
                        "\"nullCount\":{\"a\":0,\"s\":{\"x\":5}}}");
    assert_string_equal(put(&t, 9, 4), put(&t, 9, -1));
    assert_non_null(strstr(put(&t, 9, 4), "\"z\":2"));
    table_release(&t);
}

void test_stats_names_are_escaped(void **state) {
    (void)state;
    struct table t;
    table_init(&t, "`weird-n\xC3\xA4me\"q` INT, `a.b` INT");
    set_i64(&t, 0, 1, 1);
    set_i64(&t, 1, 2, 2);
    const char *expected =
        "{\"numRecords\":1,\"minValues\":{\"weird-n\xC3\xA4me\\\"q\":1,\"a.b\":2}";
    assert_memory_equal(put(&t, 1, 32), expected, strlen(expected));
    table_release(&t);
}

/* ---- reading ---- */

struct reading {
    struct sl_arena arena;
    struct sl_delta_stats *stats;
};

static void reading_init(struct reading *reading, const char *text) {
    sl_arena_init(&reading->arena, "test");
    reading->stats = sl_delta_stats_parse(&reading->arena, sl_str(text));
}

static struct sl_delta_bounds bounds_of(struct reading *reading, const char *name,
                                        const struct sl_type *type) {
    struct sl_delta_bounds out;
    sl_delta_stats_column(reading->stats, &reading->arena, sl_str(name), type, &out);
    return out;
}

void test_stats_read_bounds(void **state) {
    (void)state;
    struct reading r;
    reading_init(&r, "{\"numRecords\":7,\"minValues\":{\"i\":-3,\"s\":\"ab\",\"d\":1.5,\"c\":1E-7,"
                     "\"t\":\"2024-01-02T03:04:05.123Z\",\"o\":\"2024-01-02T03:04:05.123+02:00\","
                     "\"dt\":\"2024-02-25\"},\"maxValues\":{\"i\":3,\"s\":\"b\",\"d\":2.5,\"c\":"
                     "100,\"t\":\"2024-01-02T03:04:05.123Z\",\"dt\":\"2024-02-26\"},"
                     "\"nullCount\":{\"i\":2}}");
    struct sl_delta_bounds b = bounds_of(&r, "i", &sl_type_int);
    assert_true(b.has_rows && b.has_null_count && b.has_min && b.has_max);
    assert_int_equal(b.rows, 7);
    assert_int_equal(b.null_count, 2);
    assert_int_equal(b.min.i32[0], -3);
    assert_int_equal(b.max.i32[0], 3);
    b = bounds_of(&r, "s", &sl_type_string);
    assert_true(sl_str_eq(sl_vec_str(&b.min, 0), SL_STR("ab")));
    assert_true(sl_str_eq(sl_vec_str(&b.max, 0), SL_STR("b")));
    assert_false(b.has_null_count);
    b = bounds_of(&r, "c", sl_type_decimal(&r.arena, 10, 7));
    assert_true(b.has_min && b.min.i64[0] == 1);
    assert_true(b.has_max && b.max.i64[0] == 1000000000);
    b = bounds_of(&r, "t", &sl_type_timestamp);
    assert_true(b.has_min && b.min.i64[0] == 1704164645123000);
    assert_true(b.has_max && b.max.i64[0] == 1704164645124000); /* one millisecond more */
    b = bounds_of(&r, "o", &sl_type_timestamp);
    assert_true(b.has_min && b.min.i64[0] == 1704157445123000);
    b = bounds_of(&r, "dt", &sl_type_date);
    assert_true(b.has_max && b.max.i32[0] == 19779);
    sl_arena_release(&r.arena);
}

/* delta-rs writes the largest number beside a NaN as the maximum: no maximum can be believed. */
void test_stats_read_float_maximum_is_nan(void **state) {
    (void)state;
    struct reading r;
    reading_init(&r, "{\"numRecords\":3,\"minValues\":{\"d\":1.0,\"e\":\"-Infinity\"},"
                     "\"maxValues\":{\"d\":2.0,\"e\":\"Infinity\"}}");
    struct sl_delta_bounds b = bounds_of(&r, "d", &sl_type_double);
    assert_true(b.has_min && b.min.f64[0] == 1.0);
    assert_true(b.has_max && isnan(b.max.f64[0]));
    b = bounds_of(&r, "e", &sl_type_float);
    assert_true(b.has_min && isinf(b.min.f32[0]) && b.min.f32[0] < 0);
    sl_arena_release(&r.arena);
}

/* With tightBounds false a deletion vector may have removed any of the rows counted. */
void test_stats_read_wide_bounds(void **state) {
    (void)state;
    struct reading r;
    reading_init(&r, "{\"numRecords\":3,\"minValues\":{\"a\":1},\"maxValues\":{\"a\":2},"
                     "\"nullCount\":{\"a\":0,\"b\":3,\"c\":1},\"tightBounds\":false}");
    assert_true(bounds_of(&r, "a", &sl_type_int).has_null_count);
    assert_true(bounds_of(&r, "a", &sl_type_int).has_max);
    assert_true(bounds_of(&r, "b", &sl_type_int).has_null_count);
    assert_false(bounds_of(&r, "c", &sl_type_int).has_null_count);
    sl_arena_release(&r.arena);
}

/* Whatever is not understood is no bound, never a wrong one and never an error. */
void test_stats_read_nonsense(void **state) {
    (void)state;
    struct reading r;
    reading_init(&r, "{\"numRecords\":-1,\"minValues\":{\"i\":3000000000,\"s\":5,\"c\":1.005,"
                     "\"t\":\"yesterday\",\"a\":[1],\"n\":null,\"x\":{},\"b\":true,\"d\":\"abc\"},"
                     "\"maxValues\":[],\"nullCount\":{\"i\":-4}}");
    struct sl_delta_bounds b = bounds_of(&r, "i", &sl_type_int);
    assert_false(b.has_rows || b.has_null_count || b.has_min || b.has_max);
    assert_false(bounds_of(&r, "s", &sl_type_string).has_min);
    assert_false(bounds_of(&r, "c", sl_type_decimal(&r.arena, 10, 2)).has_min);
    assert_false(bounds_of(&r, "t", &sl_type_timestamp).has_min);
    assert_false(bounds_of(&r, "a", sl_type_array(&r.arena, &sl_type_int, true)).has_min);
    assert_false(bounds_of(&r, "n", &sl_type_int).has_min);
    assert_false(bounds_of(&r, "x", &sl_type_int).has_min);
    assert_false(bounds_of(&r, "b", &sl_type_bool).has_min);
    assert_false(bounds_of(&r, "d", &sl_type_double).has_min);
    assert_false(bounds_of(&r, "missing", &sl_type_int).has_min);
    sl_arena_release(&r.arena);
    static const char *const broken[] = {"", "{", "[]", "nonsense", "{\"numRecords\":\"x\"}"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        reading_init(&r, broken[i]);
        b = bounds_of(&r, "i", &sl_type_int);
        assert_false(b.has_rows || b.has_null_count || b.has_min || b.has_max);
        sl_arena_release(&r.arena);
    }
}
