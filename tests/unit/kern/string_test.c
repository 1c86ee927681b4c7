/* String, regular expression and hash kernels, called as the executor does. Expectations were
 * printed by Spark 4.1.1. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "kern/cast.h"
#include "kern/function.h"
#include "kern/zone.h"

enum { ARGS_MAX = 4 };

struct row {
    const char *name;
    int overload;               /* position among the rows of that name */
    const char *args[ARGS_MAX]; /* "text", or "int:5", "bigint:5", "binary:abc" */
    const char *result, *want;  /* type and text; "NULL"; or an error's condition */
};

struct fixture {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_vec args[ARGS_MAX], out;
    uint32_t arg_count;
};

static void make_arg(struct fixture *f, const char *spec) {
    static const char *const prefixes[] = {"int:", "bigint:", "binary:"};
    static const struct sl_type *const types[] = {&sl_type_int, &sl_type_long, &sl_type_binary};
    struct sl_vec *arg = &f->args[f->arg_count++];
    const struct sl_type *type = &sl_type_string;
    for (int i = 0; i < 3; i++)
        if (strncmp(spec, prefixes[i], strlen(prefixes[i])) == 0)
            type = types[i], spec += strlen(prefixes[i]);
    sl_vec_init(arg, type);
    int64_t number = 0;
    if (sl_type_is_bytes(type))
        assert_int_equal(sl_vec_put_str(arg, sl_str(spec), NULL), SL_OK);
    else if (sl_parse_i64(sl_str(spec), &number))
        assert_int_equal(sl_vec_put_i64(arg, number, NULL), SL_OK);
}

/* with_state: arguments are constants for the bind hook; else the kernel finds patterns by row. */
static void run_row(const struct row *row, bool with_state, char *got, size_t cap) {
    struct fixture f = {0};
    sl_arena_init(&f.arena, "test");
    f.session = (struct sl_session){.ansi = true, .zone = sl_zone_utc};
    while (f.arg_count < ARGS_MAX && row->args[f.arg_count]) make_arg(&f, row->args[f.arg_count]);
    size_t count;
    const struct sl_function *function = sl_function_find(sl_str(row->name), &count);
    if (!function || (size_t)row->overload >= count) fail_msg("no function %s", row->name);
    function += row->overload;
    const struct sl_type *result;
    assert_int_equal(sl_type_parse(&f.arena, sl_str(row->result), &result, NULL), SL_OK);
    sl_vec_init(&f.out, result);
    const struct sl_vec *args[ARGS_MAX];
    struct sl_bind_arg bind_args[ARGS_MAX];
    for (uint32_t i = 0; i < f.arg_count; i++) {
        args[i] = &f.args[i];
        bind_args[i] = (struct sl_bind_arg){f.args[i].type, &f.args[i]};
    }
    struct sl_err err = {0};
    struct sl_call call = {.args = args,
                           .arg_count = f.arg_count,
                           .out = &f.out,
                           .rows = 1,
                           .session = &f.session,
                           .scratch = &f.arena};
    enum sl_code code = SL_OK;
    if (with_state && function->bind)
        code =
            function->bind(&f.arena, &f.session, bind_args, f.arg_count, result, &call.state, &err);
    if (code == SL_OK) code = function->kernel(&call, &err);
    f.out.rows = 1;
    struct sl_buf text = {0};
    if (code != SL_OK) {
        snprintf(got, cap, "%s", err.condition);
    } else if (call.bad_count) {
        snprintf(got, cap, "%s", call.first_bad.condition);
    } else if (sl_vec_is_null(&f.out, 0)) {
        snprintf(got, cap, "NULL");
    } else {
        sl_cast_put_text(&text, &f.out, 0, &f.session);
        snprintf(got, cap, "%s", sl_buf_cstr(&text));
    }
    sl_buf_release(&text);
    for (uint32_t i = 0; i < f.arg_count; i++) sl_vec_release(&f.args[i]);
    sl_vec_release(&f.out);
    sl_arena_release(&f.arena);
}

static void check_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int with_state = 0; with_state <= 1; with_state++) {
            char got[512];
            run_row(&rows[i], with_state, got, sizeof got);
            if (strcmp(got, rows[i].want) != 0)
                fail_msg("%s(%s, ..): %s, not %s", rows[i].name, rows[i].args[0], got,
                         rows[i].want);
        }
}
#define CHECK(rows) check_rows(rows, sizeof rows / sizeof *rows)

void test_string_functions_as_spark(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"ltrim", 1, {"x", "xxabc"}, "string", "abc"},
        {"trim", 1, {"x", "xxabcx"}, "string", "abc"},
        {"btrim", 1, {"xxabcx", "x"}, "string", "abc"},
        {"trim", 0, {"  a b "}, "string", "a b"},
        {"substring", 0, {"abc", "int:-5", "int:3"}, "string", "a"},
        {"substring", 0, {"abcdef", "int:0", "int:3"}, "string", "abc"},
        {"substring", 0, {"h\xC3\xA9llo", "int:2", "int:2"}, "string", "\xC3\xA9l"},
        {"substring", 0, {"abcdef", "int:2147483647", "int:2147483647"}, "string", ""},
        {"left", 0, {"abc", "int:-1"}, "string", ""},
        {"right", 0, {"abc", "int:2"}, "string", "bc"},
        {"upper",
         0,
         {"stra\xC3\x9F"
          "e"},
         "string",
         "STRASSE"},
        {"lower", 0, {"\xCE\x91\xCE\xA3"}, "string", "\xCE\xB1\xCF\x82"},
        {"lower",
         0,
         {"\xFF"
          "A\xC3"},
         "string",
         "\xFF"
         "a\xC3"},
        {"initcap", 0, {"hello wORLD-foo bar_baz"}, "string", "Hello World-foo Bar_baz"},
        {"instr", 0, {"abc", ""}, "int", "1"},
        {"locate", 0, {"b", "abcb", "int:3"}, "int", "4"},
        {"locate", 0, {"b", "abc", "int:0"}, "int", "0"},
        {"lpad", 0, {"abc", "int:5", "xy"}, "string", "xyabc"},
        {"lpad", 0, {"abc", "int:5", ""}, "string", "abc"},
        {"rpad", 0, {"h\xC3\xA9", "int:4", "\xC3\xBC"}, "string", "h\xC3\xA9\xC3\xBC\xC3\xBC"},
        {"repeat", 0, {"ab", "int:-1"}, "string", ""},
        {"repeat", 0, {"ab", "int:2147483647"}, "string", "COLLECTION_SIZE_LIMIT_EXCEEDED"},
        {"reverse", 0, {"h\xC3\xA9llo"}, "string", "oll\xC3\xA9h"},
        {"ascii", 0, {"\xC3\xA9"}, "int", "233"},
        {"chr", 0, {"bigint:233"}, "string", "\xC3\xA9"},
        {"base64", 0, {"binary:hello"}, "string", "aGVsbG8="},
        {"unbase64", 0, {"aGVs bG8"}, "binary", "hello"},
        {"unbase64", 0, {"%%%"}, "binary", ""},
        {"hex", 0, {"bigint:-1"}, "string", "FFFFFFFFFFFFFFFF"},
        {"unhex", 0, {"616"}, "binary", "\x06\x16"},
        {"unhex", 0, {"xx"}, "binary", "NULL"},
        {"split_part", 0, {"a.b.c", ".", "int:-1"}, "string", "c"},
        {"split_part", 0, {"a.b.c", ".", "int:5"}, "string", ""},
        {"split_part", 0, {"a.b.c", ".", "int:0"}, "string", "INVALID_INDEX_OF_ZERO"},
        {"substring_index", 0, {"a.b.c", ".", "int:-2"}, "string", "b.c"},
        {"translate", 0, {"AaBbCc", "abc", "12"}, "string", "A1B2C"},
        {"replace", 0, {"abc", "", "x"}, "string", "abc"},
        {"length", 0, {"h\xC3\xA9"}, "int", "2"},
        {"contains", 0, {"abc", ""}, "boolean", "true"},
    };
    CHECK(rows);
}

void test_like_as_spark(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"like", 0, {"abc", "a%", "\\"}, "boolean", "true"},
        {"like", 0, {"a%c", "a\\%c", "\\"}, "boolean", "true"},
        {"like", 0, {"abc", "a\\%c", "\\"}, "boolean", "false"},
        {"like", 0, {"abc", "_b_", "\\"}, "boolean", "true"},
        {"like", 0, {"\xC3\xA9", "_", "\\"}, "boolean", "true"},
        {"like", 0, {"a\nb", "a%b", "\\"}, "boolean", "true"},
        {"like", 0, {"a_c", "a!_c", "!"}, "boolean", "true"},
        {"like", 0, {"mississippi", "%iss%ip%i", "\\"}, "boolean", "true"},
        {"like", 0, {"abc", "a\\bc", "\\"}, "boolean", "INVALID_FORMAT.ESC_IN_THE_MIDDLE"},
        {"like", 0, {"a", "a\\", "\\"}, "boolean", "INVALID_FORMAT.ESC_AT_THE_END"},
        {"like", 0, {"", "", "\\"}, "boolean", "true"},
        {"like", 0, {"abc", "", "\\"}, "boolean", "false"},
        {"ilike", 0, {"ABC", "a%", "\\"}, "boolean", "true"},
    };
    CHECK(rows);
}

void test_regexp_as_spark(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rlike", 0, {"abc", "^b$"}, "boolean", "false"},
        {"rlike", 0, {"a1", "\\p{Alpha}\\d"}, "boolean", "true"},
        {"rlike", 0, {"\xC3\xA9", "\\w"}, "boolean", "false"},
        {"rlike", 0, {"b", "[a-c&&[^a]]"}, "boolean", "true"},
        {"rlike", 0, {"a", "[a-c&&[^a]]"}, "boolean", "false"},
        {"rlike", 0, {"d", "[ab[cd]]"}, "boolean", "true"},
        {"rlike", 0, {"d", "[^ab[cd]]"}, "boolean", "false"},
        {"rlike", 0, {"ab", "[a&&b]"}, "boolean", "false"},
        {"rlike", 0, {"a.c", "\\Qa.c\\E"}, "boolean", "true"},
        {"rlike", 0, {"abc", "\\Qa.c\\E"}, "boolean", "false"},
        {"rlike", 0, {"aaa", "a++a"}, "boolean", "false"},
        {"rlike", 0, {"\xC3\xA9", "\\u00e9"}, "boolean", "true"},
        {"rlike",
         0,
         {"a\xFF"
          "b",
          "a.?b"},
         "boolean",
         "false"},
        {"rlike", 0, {"a", "("}, "boolean", "INVALID_PARAMETER_VALUE.PATTERN"},
        {"rlike",
         0,
         {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a|aa|a+)+$"},
         "boolean",
         "REGEXP_MATCH_LIMIT"},
        {"regexp_extract", 0, {"100-200", "(\\d+)-(\\d+)", "int:2"}, "string", "200"},
        {"regexp_extract", 0, {"abc", "(a)|(x)", "int:2"}, "string", ""},
        {"regexp_extract",
         0,
         {"a", "(a)", "int:2"},
         "string",
         "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX"},
        {"regexp_extract_all", 0, {"1-2, 3-4", "(\\d)-(\\d)", "int:2"}, "array<string>", "[2, 4]"},
        {"regexp_replace", 0, {"100-200", "(\\d+)-(\\d+)", "$2-$1", "int:1"}, "string", "200-100"},
        {"regexp_replace", 0, {"abc", "b", "\\$", "int:1"}, "string", "a$c"},
        {"regexp_replace", 0, {"abc", "", "-", "int:1"}, "string", "-a-b-c-"},
        {"regexp_replace", 0, {"abcabc", "b", "X", "int:3"}, "string", "abcaXc"},
        {"regexp_replace", 0, {"aaa", "a*", "X", "int:1"}, "string", "XX"},
        {"regexp_replace", 0, {"abc", "(?<n>b)", "[${n}]", "int:1"}, "string", "a[b]c"},
        {"regexp_replace", 0, {"a", "a", "$2", "int:1"}, "string", "INVALID_REGEXP_REPLACE"},
        {"regexp_count", 0, {"Steven and Stephen", "Ste(v|ph)en"}, "int", "2"},
        {"split", 0, {"a,b,,c,,", ",", "int:-1"}, "array<string>", "[a, b, , c, , ]"},
        {"split", 0, {"a,b,,c,,", ",", "int:2"}, "array<string>", "[a, b,,c,,]"},
        {"split", 0, {"abc", "", "int:-1"}, "array<string>", "[a, b, c]"},
        {"split", 0, {"abc", "", "int:2"}, "array<string>", "[a, bc]"},
        {"split", 0, {"", ",", "int:-1"}, "array<string>", "[]"},
        {"split", 0, {"abc", "(?=b)", "int:-1"}, "array<string>", "[a, bc]"},
    };
    CHECK(rows);
}

void test_hash_functions_as_spark(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"md5", 0, {"abc"}, "string", "900150983cd24fb0d6963f7d28e17f72"},
        {"sha1", 0, {"abc"}, "string", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"sha2",
         0,
         {"abc", "int:224"},
         "string",
         "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
        {"sha2", 0, {"abc", "int:1"}, "string", "NULL"},
        {"crc32", 0, {"abc"}, "bigint", "891568578"},
        {"hash", 0, {"abc"}, "int", "1322437556"},
        {"hash", 0, {"bigint:1"}, "int", "-1712319331"},
        {"hash", 0, {"h\xC3\xA9llo w\xC3\xB6rld"}, "int", "-281075962"},
        {"hash", 0, {"int:1", "int:2"}, "int", "-222940379"},
        {"hash", 0, {"binary:\x01\x02\x03"}, "int", "-246362483"},
        {"xxhash64", 0, {"abc"}, "bigint", "1423657621850124518"},
    };
    CHECK(rows);
}
