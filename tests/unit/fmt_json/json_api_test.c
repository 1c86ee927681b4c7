/* Goal: what the table of Spark's answers cannot show: modes, counters, selections, limits,
 * options, printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fmt/json/json_decode.h"
#include "fmt/json/json_number.h"
#include "fmt/json/json_text.h"

struct fixture {
    struct sl_arena arena;
    struct sl_err err;
    struct sl_json_options options;
    struct sl_json_hooks hooks;
    struct sl_json_decoder *decoder;
    struct sl_vec in, out;
    uint64_t malformed;
    uint32_t bad_row;
};

static void begin(struct fixture *f) {
    *f = (struct fixture){.bad_row = UINT32_MAX};
    sl_arena_init(&f->arena, "query");
    sl_json_options_init(&f->options);
    sl_vec_init(&f->in, &sl_type_string);
}

static void add(struct fixture *f, const char *record) {
    assert_int_equal(sl_vec_put_str(&f->in, sl_str(record), &f->err), SL_OK);
}

static enum sl_code decode(struct fixture *f, const char *ddl, const uint64_t *active) {
    const struct sl_type *schema;
    assert_int_equal(sl_type_parse_schema(&f->arena, sl_str(ddl), &schema, &f->err), SL_OK);
    assert_int_equal(sl_json_decoder_new(schema, &f->options, &f->hooks, &f->decoder, &f->err),
                     SL_OK);
    sl_vec_init(&f->out, schema);
    return sl_json_decode(f->decoder, &f->in, f->in.rows, active, &f->out, &f->malformed,
                          &f->bad_row, &f->err);
}

static void finish(struct fixture *f) {
    sl_json_decoder_free(f->decoder);
    sl_vec_release(&f->in);
    sl_vec_release(&f->out);
    sl_arena_release(&f->arena);
}

void test_failfast_names_the_first_bad_row(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    assert_int_equal(sl_json_options_set(&f.options, SL_STR("MODE"), SL_STR("failfast"), &f.err),
                     SL_OK);
    add(&f, "{\"a\":1}");
    add(&f, "");
    add(&f, "{\"a\":\"x\"}");
    add(&f, "{");
    assert_int_equal(decode(&f, "a INT", NULL), SL_DATA);
    assert_int_equal(f.bad_row, 2);
    assert_string_equal(f.err.condition, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION");
    finish(&f);
}

void test_malformed_rows_are_counted_and_blank_ones_are_not(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, "{\"a\":1}");
    add(&f, " ");
    add(&f, "{\"a\":\"x\"}");
    add(&f, "{");
    assert_int_equal(sl_vec_append_null(&f.in, 1, &f.err), SL_OK);
    assert_int_equal(decode(&f, "a INT", NULL), SL_OK);
    assert_int_equal(f.malformed, 2);
    assert_int_equal(f.out.rows, 5);
    static const bool nulls[] = {false, true, false, false, true};
    for (uint32_t row = 0; row < 5; row++)
        assert_int_equal(sl_vec_is_null(&f.out, row), nulls[row]);
    assert_int_equal(f.out.children[0].i32[0], 1);
    for (uint32_t row = 1; row < 5; row++) assert_true(sl_vec_is_null(&f.out.children[0], row));
    finish(&f);
}

void test_columns_without_nulls_have_no_bitmap(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    for (int i = 0; i < 70; i++) add(&f, "{\"a\":\"x\",\"b\":null}");
    assert_int_equal(decode(&f, "a STRING, b STRING", NULL), SL_OK);
    assert_null(f.out.valid);
    assert_null(f.out.children[0].valid);
    assert_non_null(f.out.children[1].valid);
    finish(&f);
}

void test_inactive_rows_are_not_parsed(void **state) {
    (void)state;
    struct fixture f;
    uint64_t active[1] = {5};
    begin(&f);
    add(&f, "{\"a\":\"x\"}");
    add(&f, "{broken");
    add(&f, "{\"a\":\"z\"}");
    assert_int_equal(decode(&f, "a STRING", active), SL_OK);
    assert_int_equal(f.malformed, 0);
    assert_true(sl_str_eq(sl_vec_str(&f.out.children[0], 2), SL_STR("z")));
    const char *why;
    assert_true(sl_vec_verify(&f.out, &why));
    finish(&f);
}

void test_constant_and_dictionary_inputs(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, "{\"a\":7}");
    f.in.enc = SL_ENC_CONST;
    f.in.rows = 300;
    assert_int_equal(decode(&f, "a INT", NULL), SL_OK);
    for (uint32_t row = 0; row < 300; row++) assert_int_equal(f.out.children[0].i32[row], 7);
    f.in.rows = 1;
    finish(&f);
}

/* Hostile sizes are answered like any other malformed record, in bounded memory. */
void test_a_million_levels_and_a_long_string(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    enum { len = 1000000 };
    static char text[len + 16];
    memset(text, '[', len);
    text[len] = 0;
    memcpy(text, "{\"a\":", 5);
    add(&f, text);
    memset(text + 6, 'x', len - 6);
    text[5] = '"';
    memcpy(text + len, "\"}", 3);
    add(&f, text);
    assert_int_equal(decode(&f, "a STRING", NULL), SL_OK);
    assert_int_equal(f.malformed, 1);
    assert_true(sl_vec_is_null(&f.out.children[0], 0));
    assert_int_equal(sl_vec_str(&f.out.children[0], 1).len, len - 6);
    finish(&f);
}

/* The file reader keeps the bytes of what it reads into a string field; from_json does not. */
void test_exact_strings(void **state) {
    (void)state;
    for (int exact = 0; exact < 2; exact++) {
        struct fixture f;
        begin(&f);
        f.options.exact_strings = exact;
        add(&f, "{\"a\":{\"x\" : 1.10, \"y\":[1, 2]},\"b\": 1.10}");
        assert_int_equal(decode(&f, "a STRING, b STRING", NULL), SL_OK);
        struct sl_str a = sl_vec_str(&f.out.children[0], 0), b = sl_vec_str(&f.out.children[1], 0);
        assert_true(sl_str_eq(a, exact ? SL_STR("{\"x\" : 1.10, \"y\":[1, 2]}")
                                       : SL_STR("{\"x\":1.1,\"y\":[1,2]}")));
        assert_true(sl_str_eq(b, exact ? SL_STR("1.10") : SL_STR("1.1")));
        finish(&f);
    }
}

void test_dropmalformed_rows_are_null(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    f.options.mode = SL_JSON_DROPMALFORMED;
    add(&f, "{\"a\":\"x\"}");
    add(&f, "{\"a\":2}");
    assert_int_equal(decode(&f, "a INT", NULL), SL_OK);
    assert_true(sl_vec_is_null(&f.out, 0));
    assert_false(sl_vec_is_null(&f.out, 1));
    finish(&f);
}

void test_options_by_name(void **state) {
    (void)state;
    struct sl_json_options options;
    struct sl_err err = {0};
    sl_json_options_init(&options);
    assert_true(options.allow_single_quotes && options.allow_non_numeric_numbers);
    assert_int_equal(sl_json_options_set(&options, SL_STR("ALLOWCOMMENTS"), SL_STR("True"), &err),
                     SL_OK);
    assert_true(options.allow_comments);
    assert_int_equal(sl_json_options_set(&options, SL_STR("allowComments"), SL_STR("1"), &err),
                     SL_USER);
    assert_int_equal(sl_json_options_set(&options, SL_STR("allowComment"), SL_STR("true"), &err),
                     SL_USER);
    assert_non_null(strstr(err.hint, "allowComments"));
    assert_int_equal(sl_json_options_set(&options, SL_STR("locale"), SL_STR("de"), &err),
                     SL_UNSUPPORTED);
}

void test_schemas_that_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a INT, _corrupt_record INT", "a MAP<INT, STRING>",
                                      "a INTERVAL DAY TO SECOND"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fixture f;
        const struct sl_type *schema;
        begin(&f);
        assert_int_equal(sl_type_parse_schema(&f.arena, sl_str(bad[i]), &schema, &f.err), SL_OK);
        assert_int_not_equal(sl_json_decoder_new(schema, &f.options, &f.hooks, &f.decoder, &f.err),
                             SL_OK);
        assert_true(f.err.msg[0]);
        sl_vec_release(&f.in);
        sl_arena_release(&f.arena);
    }
}

/* Decimals print as BigDecimal.toString, null fields are left out unless asked for. */
void test_printing(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f,
        "{\"d\":-1.5,\"e\":0.0000001,\"b\":\"AQI=\",\"s\":\"a\\u0001\\ud83d\\ude00/\",\"n\":null,"
        "\"m\":{\"k\":null}}");
    const char *ddl =
        "d DECIMAL(5,2), e DECIMAL(20,9), b BINARY, s STRING, n INT, m MAP<STRING,INT>";
    assert_int_equal(decode(&f, ddl, NULL), SL_OK);
    struct sl_buf text = {0};
    assert_int_equal(sl_json_print(&text, &f.out, 0, &f.options, NULL, &f.err), SL_OK);
    assert_string_equal(
        sl_buf_cstr(&text),
        "{\"d\":-1.50,\"e\":1.00E-7,\"b\":\"AQI=\",\"s\":\"a\\u0001\xF0\x9F\x98\x80/\","
        "\"m\":{\"k\":null}}");
    sl_buf_release(&text);
    finish(&f);
}

/* Random decimal texts read as double: against strtod. */
void test_doubles_are_correctly_rounded(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        uint64_t m = seed >> (seed % 60);
        int exponent = (int)(seed >> 33) % 50 - 25;
        snprintf(text, sizeof text, "%s%llu.%llue%d", i & 1 ? "-" : "", (unsigned long long)m,
                 (unsigned long long)(seed >> 40), exponent);
        struct sl_json_number number = {sl_str(text), false, SL_JSON_FINITE};
        assert_true(sl_json_parse_f64(&number) == strtod(text, NULL));
        assert_true(sl_json_parse_f32(&number) == strtof(text, NULL));
    }
}
