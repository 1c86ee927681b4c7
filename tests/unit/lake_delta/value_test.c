/* Partition values and paths as text, against what Spark and the golden tables have. */
#include "unit.h"

#include "lake/delta/value.h"

static const struct sl_type decimal_9_2 = {.kind = SL_DECIMAL_KIND, .precision = 9, .scale = 2};
static const struct sl_type decimal_38_3 = {.kind = SL_DECIMAL_KIND, .precision = 38, .scale = 3};

/* Text, as it is read; NULL canonical: no value of the type. */
static const struct {
    const struct sl_type *type;
    const char *text, *canonical;
} values[] = {
    {&sl_type_bool, "true", "true"},
    {&sl_type_bool, "false", "false"},
    {&sl_type_bool, "yes", NULL},
    {&sl_type_byte, "-128", "-128"},
    {&sl_type_byte, "128", NULL},
    {&sl_type_short, "32767", "32767"},
    {&sl_type_short, "-32769", NULL},
    {&sl_type_int, "-2147483648", "-2147483648"},
    {&sl_type_int, "2147483648", NULL},
    {&sl_type_long, "9223372036854775807", "9223372036854775807"},
    {&sl_type_long, "x", NULL},
    {&sl_type_float, "1.5", "1.5"},
    {&sl_type_double, "-0.0", "-0.0"},
    {&sl_type_double, "NaN", "NaN"},
    {&sl_type_double, "Infinity", "Infinity"},
    {&sl_type_double, "one", NULL},
    {&decimal_9_2, "-1.50", "-1.50"},
    {&decimal_9_2, "12345678.9", NULL},
    {&decimal_38_3, "12345678901234567890123456789012345.678",
     "12345678901234567890123456789012345.678"},
    {&sl_type_string, "a/b=c %", "a/b=c %"},
    {&sl_type_binary, "\x01\xff", "\x01\xff"},
    {&sl_type_date, "2024-02-29", "2024-02-29"},
    {&sl_type_date, "2024-02-30", NULL},
    {&sl_type_date, "0001-01-01", "0001-01-01"},
    {&sl_type_timestamp, "2024-01-01T10:00:00.000000Z", "2024-01-01T10:00:00.000000Z"},
    {&sl_type_timestamp, "1970-01-01 00:00:00.123456", "1970-01-01T00:00:00.123456Z"},
    {&sl_type_timestamp, "1969-12-31 23:59:59.9", "1969-12-31T23:59:59.900000Z"},
    {&sl_type_timestamp, "2024-01-01 12:00:00+02:00", "2024-01-01T10:00:00.000000Z"},
    {&sl_type_timestamp, "soon", NULL},
    {&sl_type_timestamp_ntz, "2021-11-18 02:30:00.123456", "2021-11-18 02:30:00.123456"},
    {&sl_type_timestamp_ntz, "2021-11-18 02:30:00", "2021-11-18 02:30:00"},
    {&sl_type_timestamp_ntz, "2021-11-18T02:30:00", "2021-11-18 02:30:00"},
};

void test_value_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct sl_vec vec;
        struct sl_buf out = {0};
        struct sl_err err = {0};
        sl_vec_init(&vec, values[i].type);
        enum sl_code code = sl_delta_value_parse(sl_str(values[i].text), false, &vec, &err);
        assert_int_equal(code, values[i].canonical ? SL_OK : SL_DATA);
        if (code == SL_OK) {
            assert_int_equal(vec.rows, 1);
            assert_true(sl_delta_value_put(&out, &vec, 0));
            assert_string_equal(sl_buf_cstr(&out), values[i].canonical);
        } else {
            assert_non_null(strstr(err.msg, values[i].text));
        }
        sl_buf_release(&out);
        sl_vec_release(&vec);
    }
}

void test_value_nulls(void **state) {
    struct sl_vec vec;
    struct sl_buf out = {0};
    (void)state;
    sl_vec_init(&vec, &sl_type_string);
    assert_int_equal(sl_delta_value_parse(SL_STR("x"), false, &vec, NULL), SL_OK);
    assert_int_equal(sl_delta_value_parse(SL_STR("x"), true, &vec, NULL), SL_OK);
    assert_int_equal(sl_delta_value_parse(SL_STR(""), false, &vec, NULL), SL_OK);
    assert_int_equal(vec.rows, 3);
    assert_true(sl_delta_value_put(&out, &vec, 0));
    assert_false(sl_delta_value_put(&out, &vec, 1));
    assert_false(sl_delta_value_put(&out, &vec, 2));
    assert_string_equal(sl_buf_cstr(&out), "x");
    sl_vec_clear(&vec);
    assert_int_equal(sl_vec_put_str(&vec, SL_STR(""), NULL), SL_OK);
    assert_false(sl_delta_value_put(&out, &vec, 0)); /* the empty string is null in a log */
    sl_buf_release(&out);
    sl_vec_release(&vec);
}

void test_value_of_constant_and_dictionary_columns(void **state) {
    struct sl_vec vec, words;
    struct sl_buf out = {0};
    (void)state;
    sl_vec_init(&vec, &sl_type_int);
    assert_int_equal(sl_vec_put_i64(&vec, 7, NULL), SL_OK);
    vec.enc = SL_ENC_CONST;
    vec.rows = 5;
    assert_true(sl_delta_value_put(&out, &vec, 4));
    sl_vec_release(&vec);
    sl_vec_init(&words, &sl_type_date);
    assert_int_equal(sl_vec_put_i64(&words, 0, NULL), SL_OK);
    assert_int_equal(sl_vec_put_i64(&words, 1, NULL), SL_OK);
    sl_vec_init(&vec, &sl_type_date);
    assert_int_equal(sl_vec_reserve_dict(&vec, 2, NULL), SL_OK);
    sl_vec_borrow(&vec.children[0], &words);
    vec.codes[0] = 1;
    vec.codes[1] = 0;
    vec.rows = 2;
    assert_true(sl_delta_value_put(&out, &vec, 0));
    assert_string_equal(sl_buf_cstr(&out), "71970-01-02");
    sl_buf_release(&out);
    sl_vec_release(&vec);
    sl_vec_release(&words);
}

/* Disk path and add.path: the first four are of golden tables. */
void test_value_paths(void **state) {
    static const struct {
        const char *disk, *log;
    } paths[] = {
        {"_2=bar+%21/p.parquet", "_2=bar+%2521/p.parquet"},
        {"special p@#h", "special%20p@%23h"},
        {"ts=2024-01-01 10%3A00%3A00/p", "ts=2024-01-01%2010%253A00%253A00/p"},
        {"_2=bar+%2521/p", "_2=bar+%252521/p"},
        {"a=\xc3\xa4/p", "a=\xc3\xa4/p"},
        {"a[1]{2}^`|\"<>", "a%5B1%5D%7B2%7D%5E%60%7C%22%3C%3E"},
        {"a;b,c&d=e+f$g!h~i*j'k(l)", "a;b,c&d=e+f$g!h~i*j'k(l)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct sl_buf out = {0}, back = {0};
        bool absolute = true;
        sl_delta_path_put(&out, sl_str(paths[i].disk));
        assert_string_equal(sl_buf_cstr(&out), paths[i].log);
        assert_int_equal(sl_delta_path_parse(sl_buf_str(&out), &back, &absolute, NULL), SL_OK);
        assert_string_equal(sl_buf_cstr(&back), paths[i].disk);
        assert_false(absolute);
        sl_buf_release(&out);
        sl_buf_release(&back);
    }
}

void test_value_paths_of_other_writers(void **state) {
    static const struct {
        const char *log, *path; /* path NULL: refused */
        bool absolute;
    } paths[] = {
        {"a%C3%A4", "a\xc3\xa4", false}, /* delta-rs quotes it */
        {"a+b", "a+b", false},
        {"100%", "100%", false},
        {"a..b/..c/d..", "a..b/..c/d..", false},
        {"/t/x%20y", "/t/x y", true},
        {"file:/t/x", "/t/x", true},
        {"file:///t/x", "/t/x", true},
        {"a=b:c/d", "a=b:c/d", false}, /* `a=b` is no scheme */
        {"", NULL, false},
        {"../x", NULL, false},
        {"a/../../x", NULL, false},
        {"a/%2E%2E/x", NULL, false},
        {"a/..", NULL, false},
        {"%2Fetc/x", NULL, false},
        {"/t/../x", NULL, false},
        {"a%00b", NULL, false},
        {"s3://bucket/x", NULL, false},
        {"hdfs:x", NULL, false},
        {"abfss://c@a/x", NULL, false},
        {"file:x", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct sl_buf out = {0};
        struct sl_err err = {0};
        bool absolute;
        sl_buf_put_cstr(&out, "t/");
        enum sl_code code = sl_delta_path_parse(sl_str(paths[i].log), &out, &absolute, &err);
        if (code != (paths[i].path ? SL_OK : SL_DATA)) fail_msg("%s: %d", paths[i].log, code);
        assert_memory_equal(sl_buf_cstr(&out), "t/", 2);
        assert_string_equal(sl_buf_cstr(&out) + 2, paths[i].path ? paths[i].path : "");
        if (paths[i].path) assert_int_equal(absolute, paths[i].absolute);
        sl_buf_release(&out);
    }
}
