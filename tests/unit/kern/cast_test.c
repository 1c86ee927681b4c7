#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "kern/cast.h"
#include "kern/zone.h"

/* Casts one column of texts; the cast under test starts from `from`, made of the text by a cast of
 * its own, so that every pair of types can be written as text. */
struct fixture {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_vec source, from, to;
    struct sl_call call;
};

static void start(struct fixture *f) {
    memset(f, 0, sizeof *f);
    sl_arena_init(&f->arena, "test");
    f->session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC"), .zone = sl_zone_utc};
}

static void stop(struct fixture *f) {
    sl_vec_release(&f->source);
    sl_vec_release(&f->from);
    sl_vec_release(&f->to);
    sl_arena_release(&f->arena);
}

static void run_cast(struct fixture *f, const struct sl_vec *in, struct sl_vec *out, uint32_t rows,
                     enum sl_cast_mode mode) {
    const struct sl_vec *args[] = {in};
    f->call = (struct sl_call){.args = args,
                               .arg_count = 1,
                               .out = out,
                               .rows = rows,
                               .session = &f->session,
                               .scratch = &f->arena};
    struct sl_err err = {0};
    if (sl_cast(&f->call, mode, &err) != SL_OK) fail_msg("%s", err.msg);
    out->rows = rows;
    const char *why = "";
    if (!sl_vec_verify(out, &why)) fail_msg("%s", why);
}

static const struct sl_type *type_of(struct fixture *f, const char *text) {
    const struct sl_type *type = NULL;
    struct sl_err err = {0};
    if (sl_type_parse(&f->arena, sl_str(text), &type, &err) != SL_OK)
        fail_msg("%s: %s", text, err.msg);
    return type;
}

/* Text of the result, "NULL", or the error's condition. */
static void cast_text(struct fixture *f, const char *text, const char *from, const char *to,
                      enum sl_cast_mode mode, char *out, size_t cap) {
    start(f);
    const struct sl_type *from_type = type_of(f, from), *to_type = type_of(f, to);
    sl_vec_init(&f->source, &sl_type_string);
    assert_int_equal(sl_vec_put_str(&f->source, sl_str(text), NULL), SL_OK);
    sl_vec_init(&f->from, from_type);
    run_cast(f, &f->source, &f->from, 1, SL_CAST_ANSI);
    if (f->call.bad_count) fail_msg("source %s: %s", text, f->call.first_bad.msg.ptr);
    sl_vec_init(&f->to, to_type);
    run_cast(f, &f->from, &f->to, 1, mode);
    if (f->call.bad_count) {
        snprintf(out, cap, "%s", f->call.first_bad.condition);
    } else if (sl_vec_is_null(&f->to, 0)) {
        snprintf(out, cap, "NULL");
    } else {
        struct sl_buf buf = {0};
        sl_cast_put_text(&buf, &f->to, 0, &f->session);
        snprintf(out, cap, "%s", sl_buf_cstr(&buf));
        sl_buf_release(&buf);
    }
}

#define INVALID "CAST_INVALID_INPUT"
#define OVERFLOW "CAST_OVERFLOW"
#define RANGE "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"

struct row {
    const char *text, *from, *to, *ansi, *legacy;
};

/* Each expectation was printed by Spark 4.1.1 with ANSI on and off. */
static const struct row rows[] = {
    {"5", "string", "int", "5", "5"},
    {" 5 ", "string", "int", "5", "5"},
    {"+5", "string", "int", "5", "5"},
    {"abc", "string", "int", INVALID, "NULL"},
    {"1.5", "string", "int", INVALID, "1"},
    {".", "string", "int", INVALID, "0"},
    {"1e3", "string", "int", INVALID, "NULL"},
    {"99999999999", "string", "int", INVALID, "NULL"},
    {"128", "string", "tinyint", INVALID, "NULL"},
    {"-128", "string", "tinyint", "-128", "-128"},
    {"9223372036854775807", "string", "bigint", "9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "string", "bigint", "-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "string", "bigint", INVALID, "NULL"},
    {"300", "int", "tinyint", OVERFLOW, "44"},
    {"3000000000", "bigint", "int", OVERFLOW, "-1294967296"},
    {"1e10", "double", "int", OVERFLOW, "2147483647"},
    {"-128.9", "double", "tinyint", "-128", "-128"},
    {"NaN", "double", "int", OVERFLOW, "0"},
    {"NaN", "double", "timestamp", INVALID, "NULL"},
    {"Infinity", "double", "decimal(10,2)", "NULL", "NULL"},
    {"1e3", "string", "double", "1000.0", "1000.0"},
    {"1.5d", "string", "double", "1.5", "1.5"},
    {"0x1p3", "string", "double", "8.0", "8.0"},
    {"inf", "string", "double", "Infinity", "Infinity"},
    {"-nan", "string", "double", INVALID, "NULL"},
    {"", "string", "double", INVALID, "NULL"},
    {"1e400", "string", "double", "Infinity", "Infinity"},
    {"5e-324", "double", "string", "4.9E-324", "4.9E-324"},
    {"-0.0", "double", "string", "-0.0", "-0.0"},
    {"2e10", "float", "string", "2.0E10", "2.0E10"},
    {"12345.678", "string", "decimal(4,2)", RANGE, "NULL"},
    {"123.45", "decimal(5,2)", "decimal(3,2)", RANGE, "NULL"},
    {"1.005", "decimal(4,3)", "decimal(3,2)", "1.01", "1.01"},
    {"-1.005", "decimal(4,3)", "decimal(3,2)", "-1.01", "-1.01"},
    {"abc", "string", "decimal(10,2)", INVALID, "NULL"},
    {"1234567890123456789012345678901234567890", "string", "decimal(38,0)",
     "NUMERIC_OUT_OF_SUPPORTED_RANGE", "NULL"},
    {"12345678901234567890123456789012345678", "decimal(38,0)", "double", "1.2345678901234568E37",
     "1.2345678901234568E37"},
    {"0.1", "double", "decimal(20,18)", "0.100000000000000000", "0.100000000000000000"},
    {"1.9999999", "decimal(8,7)", "timestamp", "1970-01-01 00:00:01.999999",
     "1970-01-01 00:00:01.999999"},
    {"-1.5", "double", "timestamp", "1969-12-31 23:59:58.5", "1969-12-31 23:59:58.5"},
    {"9223372036854775807", "bigint", "timestamp", "+294247-01-10 04:00:54.775807",
     "+294247-01-10 04:00:54.775807"},
    {"2024-1-5", "string", "date", "2024-01-05", "2024-01-05"},
    {"2024-01-05 junk", "string", "date", "2024-01-05", "2024-01-05"},
    {"T10:00", "string", "date", INVALID, "NULL"},
    {"2024-01-05T10", "string", "timestamp", "2024-01-05 10:00:00", "2024-01-05 10:00:00"},
    {"2024-01-05 10:00:00 Europe/Berlin", "string", "timestamp", "2024-01-05 09:00:00",
     "2024-01-05 09:00:00"},
    {"2024-01-05 10:00:00+5", "string", "timestamp", "2024-01-05 05:00:00", "2024-01-05 05:00:00"},
    {"2024-01-05 10:00:00+05:3", "string", "timestamp", "2024-01-05 04:57:00",
     "2024-01-05 04:57:00"},
    {"2024-01-05 10:00Z", "string", "timestamp", INVALID, "NULL"},
    {"2024-02-30", "string", "timestamp", INVALID, "NULL"},
    {"+2024-01-01", "string", "timestamp", "2024-01-01 00:00:00", "2024-01-01 00:00:00"},
    {"12024-01-01", "string", "timestamp", "+12024-01-01 00:00:00", "+12024-01-01 00:00:00"},
    {"-0001-01-01", "string", "timestamp", "-0001-01-01 00:00:00", "-0001-01-01 00:00:00"},
    {" T10:00", "string", "timestamp", INVALID, "NULL"},
    {"2024-01-01 10:00:00.1234567", "string", "timestamp", "2024-01-01 10:00:00.123456",
     "2024-01-01 10:00:00.123456"},
    {"10:00", "string", "timestamp_ntz", INVALID, "NULL"},
    {"2024-01-01", "string", "timestamp_ntz", "2024-01-01 00:00:00", "2024-01-01 00:00:00"},
    {"2024-01-01 00:00:00", "timestamp", "int", "1704067200", "1704067200"},
    {"2024-01-01 00:00:00", "timestamp", "smallint", OVERFLOW, "NULL"},
    {"1969-12-31 23:59:59.5", "timestamp", "bigint", "-1", "-1"},
    {"true ", "string", "boolean", "true", "true"},
    {"maybe", "string", "boolean", INVALID, "NULL"},
    {"0.0", "double", "boolean", "false", "false"},
    {"1 02:03:04.5", "interval day to second", "string", "INTERVAL '1 02:03:04.5' DAY TO SECOND",
     "INTERVAL '1 02:03:04.5' DAY TO SECOND"},
    {"1-2", "interval year to month", "string", "INTERVAL '1-2' YEAR TO MONTH",
     "INTERVAL '1-2' YEAR TO MONTH"},
    {"-3.5", "interval second", "string", "INTERVAL '-03.5' SECOND", "INTERVAL '-03.5' SECOND"},
    {"36", "interval hour", "int", "36", "36"},
    {"0.000001", "decimal(7,6)", "string", "0.000001", "0.000001"},
};

void test_cast_edge_values_as_spark(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        for (int mode = SL_CAST_ANSI; mode <= SL_CAST_TRY; mode++) {
            struct fixture f;
            char got[256];
            cast_text(&f, r->text, r->from, r->to, (enum sl_cast_mode)mode, got, sizeof got);
            const char *want = mode == SL_CAST_LEGACY ? r->legacy : r->ansi;
            bool is_error = r->ansi == (const char *)INVALID || r->ansi == (const char *)OVERFLOW ||
                            strchr(r->ansi, '_');
            if (mode == SL_CAST_TRY && is_error) want = "NULL";
            if (strcmp(got, want) != 0)
                fail_msg("CAST('%s' :: %s AS %s) mode %d: %s, not %s", r->text, r->from, r->to,
                         mode, got, want);
            stop(&f);
        }
    }
}

/* Outside ANSI mode decimals print as BigDecimal.toString does. */
void test_cast_small_decimal_to_string(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"0.0000001", "0.0000001", "1E-7"},
                                           {"-0.0000012", "-0.0000012", "-0.0000012"},
                                           {"-0.00000012", "-0.00000012", "-1.2E-7"},
                                           {"0", "0.00000000", "0E-8"}};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        char got[64], type[32];
        const char *point = strchr(cases[i][1], '.');
        snprintf(type, sizeof type, "decimal(10,%zu)", strlen(point + 1));
        cast_text(&f, cases[i][0], type, "string", SL_CAST_ANSI, got, sizeof got);
        assert_string_equal(got, cases[i][1]);
        stop(&f);
        cast_text(&f, cases[i][0], type, "string", SL_CAST_LEGACY, got, sizeof got);
        assert_string_equal(got, cases[i][2]);
        stop(&f);
    }
}

void test_cast_message_is_sparks(void **state) {
    (void)state;
    struct fixture f;
    char got[256];
    cast_text(&f, "it's", "string", "int", SL_CAST_ANSI, got, sizeof got);
    assert_string_equal(
        f.call.first_bad.msg.ptr,
        "The value 'it\\'s' of the type \"STRING\" cannot be cast to \"INT\" because it is "
        "malformed. Correct the value as per the syntax, or change its target type. Use "
        "`try_cast` to tolerate malformed input and return NULL instead.");
    assert_string_equal(f.call.first_bad.sqlstate, "22018");
    stop(&f);
    cast_text(&f, "3000000000", "bigint", "int", SL_CAST_ANSI, got, sizeof got);
    assert_string_equal(f.call.first_bad.msg.ptr,
                        "The value 3000000000L of the type \"BIGINT\" cannot be cast to \"INT\" "
                        "due to an overflow. Use `try_cast` to tolerate overflow and return NULL "
                        "instead.");
    stop(&f);
}

/* The same texts as FLAT, VIEW, CONST and DICT columns give the same answers, null rows included.
 */
void test_cast_takes_every_encoding(void **state) {
    (void)state;
    static const char *const texts[] = {"1", "x", "3", NULL, "-7"};
    enum { ROWS = 200 };
    struct fixture f;
    start(&f);
    struct sl_vec flat, dict, out[2];
    sl_vec_init(&flat, &sl_type_string);
    sl_vec_init(&dict, &sl_type_string);
    struct sl_str views[ROWS];
    uint64_t valid[SL_BIT_WORDS(ROWS)] = {0};
    assert_int_equal(sl_vec_reserve_dict(&dict, ROWS, NULL), SL_OK);
    static const int32_t entry[] = {0, 1, 2, 0, 3};
    for (int i = 0; i < 5; i++)
        if (texts[i])
            assert_int_equal(sl_vec_put_str(&dict.children[0], sl_str(texts[i]), NULL), SL_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        const char *text = texts[i % 5];
        views[i] = sl_str(text ? text : "");
        sl_bit_put(valid, i, text != NULL);
        dict.codes[i] = entry[i % 5];
        if (text)
            assert_int_equal(sl_vec_put_str(&flat, views[i], NULL), SL_OK);
        else
            assert_int_equal(sl_vec_append_null(&flat, 1, NULL), SL_OK);
    }
    dict.rows = ROWS;
    dict.valid = valid;
    struct sl_vec view = {.type = &sl_type_string, .enc = SL_ENC_VIEW, .rows = ROWS};
    view.valid = valid;
    view.views = views;
    const struct sl_vec *inputs[] = {&flat, &view, &dict};
    sl_vec_init(&out[0], &sl_type_int);
    for (size_t i = 0; i < 3; i++) {
        sl_vec_init(&out[1], &sl_type_int);
        run_cast(&f, inputs[i], i ? &out[1] : &out[0], ROWS, SL_CAST_TRY);
        for (uint32_t row = 0; i && row < ROWS; row++)
            assert_true(sl_vec_rows_equal(&out[0], row, &out[1], row));
        run_cast(&f, inputs[i], &out[1], ROWS, SL_CAST_ANSI);
        assert_int_equal(f.call.bad_count, ROWS / 5);
        assert_int_equal(f.call.first_bad.row, 1);
        sl_vec_release(&out[1]);
    }
    assert_true(sl_vec_is_null(&out[0], 1));
    assert_true(sl_vec_is_null(&out[0], 3));
    assert_int_equal(out[0].i32[4], -7);
    struct sl_vec constant = flat;
    constant.enc = SL_ENC_CONST;
    sl_vec_init(&out[1], &sl_type_int);
    run_cast(&f, &constant, &out[1], ROWS, SL_CAST_ANSI);
    assert_int_equal(out[1].enc, SL_ENC_CONST);
    assert_int_equal(out[1].i32[0], 1);
    sl_vec_release(&out[1]);
    sl_vec_release(&out[0]);
    sl_vec_release(&dict);
    sl_vec_release(&flat);
    stop(&f);
}

/* Nested: elements are cast, an element that fails is null in TRY and fails its row in ANSI. */
void test_cast_nested(void **state) {
    (void)state;
    struct fixture f;
    start(&f);
    const struct sl_type *from = type_of(&f, "array<struct<a: string, b: string>>");
    const struct sl_type *to = type_of(&f, "array<struct<a: int, b: double>>");
    sl_vec_init(&f.from, from);
    assert_int_equal(sl_vec_reserve(&f.from, 2, NULL), SL_OK);
    struct sl_vec *element = &f.from.children[0];
    assert_int_equal(sl_vec_reserve(element, 3, NULL), SL_OK);
    static const char *const a[] = {"1", "x", "3"}, *const b[] = {"1.5", "2", "y"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl_vec_put_str(&element->children[0], sl_str(a[i]), NULL), SL_OK);
        assert_int_equal(sl_vec_put_str(&element->children[1], sl_str(b[i]), NULL), SL_OK);
    }
    element->rows = 3;
    f.from.offsets[1] = 1;
    f.from.offsets[2] = 3;
    f.from.rows = 2;
    sl_vec_init(&f.to, to);
    run_cast(&f, &f.from, &f.to, 2, SL_CAST_TRY);
    struct sl_buf text = {0};
    sl_cast_put_text(&text, &f.to, 0, &f.session);
    sl_cast_put_text(&text, &f.to, 1, &f.session);
    assert_string_equal(sl_buf_cstr(&text), "[{1, 1.5}][{null, 2.0}, {3, null}]");
    sl_buf_release(&text);
    run_cast(&f, &f.from, &f.to, 2, SL_CAST_ANSI);
    assert_int_equal(f.call.bad_count, 1);
    assert_int_equal(f.call.first_bad.row, 1);
    stop(&f);
}

void test_cast_rules(void **state) {
    (void)state;
    assert_true(sl_cast_allowed(&sl_type_string, &sl_type_int, SL_CAST_ANSI));
    assert_false(sl_cast_allowed(&sl_type_date, &sl_type_int, SL_CAST_ANSI));
    assert_true(sl_cast_allowed(&sl_type_date, &sl_type_int, SL_CAST_LEGACY));
    assert_false(sl_cast_allowed(&sl_type_bool, &sl_type_timestamp, SL_CAST_ANSI));
    assert_true(sl_cast_implicit(&sl_type_int, &sl_type_long));
    assert_true(sl_cast_implicit(&sl_type_long, &sl_type_int));
    assert_true(sl_cast_implicit(&sl_type_double, &sl_type_int));
    assert_true(sl_cast_widens(&sl_type_int, &sl_type_long));
    assert_true(sl_cast_widens(&sl_type_int, &sl_type_double));
    assert_false(sl_cast_widens(&sl_type_long, &sl_type_int));
    assert_false(sl_cast_widens(&sl_type_double, &sl_type_int));
    assert_false(sl_cast_widens(&sl_type_int, &sl_type_string));
    assert_false(sl_cast_implicit(&sl_type_bool, &sl_type_int));
    assert_true(sl_cast_implicit(&sl_type_binary, &sl_type_string));
    assert_true(sl_cast_implicit(&sl_type_date, &sl_type_timestamp));
    assert_true(sl_cast_implicit(&sl_type_timestamp, &sl_type_date));
    assert_true(sl_cast_implicit(&sl_type_string, &sl_type_date));
    assert_true(sl_cast_implicit(&sl_type_int, &sl_type_string));
}
