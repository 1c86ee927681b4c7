/* One record to fields: what Spark gives for quotes in wrong places (tests/peer/test_files.py
 * compares with Spark itself), and random records written and read back. */
#include "unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "fmt/csv/csv_options.h"

static void render(const struct sl_csv_syntax *syntax, struct sl_str text, struct sl_buf *out) {
    struct sl_csv_record record = {0};
    sl_csv_split(syntax, text.ptr, text.ptr + text.len, false, &record);
    for (uint32_t i = 0; i < record.count; i++) {
        const struct sl_csv_field *field = &record.fields[i];
        if (i) sl_buf_put_cstr(out, " | ");
        if (field->quoted_empty)
            sl_buf_put_cstr(out, "EMPTY");
        else if (!field->ptr)
            sl_buf_put_cstr(out, "NULL");
        else
            sl_buf_put(out, field->ptr, field->len);
    }
    sl_csv_record_release(&record);
}

static void check(const struct sl_csv_syntax *syntax, const char *text, const char *want) {
    struct sl_buf got = {0};
    /* on the heap, to its last byte: so that ASan sees a read beyond */
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    render(syntax, (struct sl_str){exact, len}, &got);
    if (strcmp(sl_buf_cstr(&got), want) != 0)
        fail_msg("%s: got %s, want %s", text, sl_buf_cstr(&got), want);
    free(exact);
    sl_buf_release(&got);
}

void test_fields_are_cut_as_spark_does(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a,b,c", "a | b | c"},
        {",,", "NULL | NULL | NULL"},
        {"\"a,1\",b", "a,1 | b"},
        {"\"\",x,\"\"", "EMPTY | x | EMPTY"},
        {"\"a\\\"b\",c", "a\"b | c"},
        {"\"a\\\\\",b", "a\\ | b"},
        {"\"a\\b\",c", "a\\b | c"},
        {"\"a\"\"b\",c", "\"a\"\"b\" | c"},
        {"\"a\"x,b", "\"a\"x | b"},
        {"\"a\" ,b", "a | b"},
        {"\"a\" x,b", "\"a\" x | b"},
        {"a\"b,c", "a\"b | c"},
        {"\"", "\""},
        {"\"a,b", "a,b"},
        {"a,\"", "a | \""},
        {"\"a\"\\b,c,d", "a\"\\bc,d"},
        {"\"a\"\\\",c,d", "a\"\\c,d"},
        {"a,b,", "a | b | NULL"},
    };
    struct sl_csv_options options;
    sl_csv_options_init(&options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&options.syntax, cases[i].text, cases[i].want);
}

/* univocity's recursion, one call deeper at each quote before an escape, without a stack; each call
 * swallows a field end. */
void test_many_quotes_before_escapes(void **state) {
    (void)state;
    enum { BYTES = 1 << 20 };
    static const char piece[] = {'"', '\\', 'z'};
    struct sl_csv_options options;
    struct sl_buf text = {0}, got = {0};
    sl_csv_options_init(&options);
    check(&options.syntax, "\"x\"\\z\"\\z,b,c,d", "x\"\\z\"\\zbc,d");
    sl_buf_put_cstr(&text, "\"x");
    while (text.len < BYTES) sl_buf_put(&text, piece, sizeof piece);
    render(&options.syntax, sl_buf_str(&text), &got);
    assert_int_equal(got.len, text.len - 1);
    assert_memory_equal(got.ptr, text.ptr + 1, got.len);
    sl_buf_release(&text);
    sl_buf_release(&got);
}

void test_options_change_the_syntax(void **state) {
    (void)state;
    struct sl_csv_options options;
    struct sl_err err = {0};
    bool known;
    sl_csv_options_init(&options);
    assert_int_equal(sl_csv_options_set(&options, SL_STR("SEP"), SL_STR("\\t"), &known, &err),
                     SL_OK);
    assert_int_equal(sl_csv_options_set(&options, SL_STR("escape"), SL_STR("\""), &known, &err),
                     SL_OK);
    check(&options.syntax, "a,b\t\"c\"\"d\"", "a,b | c\"d");
    assert_int_equal(sl_csv_options_set(&options, SL_STR("sep"), SL_STR("||"), &known, &err),
                     SL_OK);
    assert_int_equal(sl_csv_options_set(&options, SL_STR("ignoreTrailingWhiteSpace"),
                                        SL_STR("true"), &known, &err),
                     SL_OK);
    check(&options.syntax, "a |||b||", "a | |b | NULL");
    assert_int_equal(sl_csv_options_set(&options, SL_STR("quote"), SL_STR(""), &known, &err),
                     SL_OK);
    check(&options.syntax, "\"a||b\"", "\"a | b\"");
    assert_int_equal(sl_csv_options_set(&options, SL_STR("quote"), SL_STR("ab"), &known, &err),
                     SL_USER);
    assert_int_equal(sl_csv_options_set(&options, SL_STR("nonsense"), SL_STR("x"), &known, &err),
                     SL_OK);
    assert_false(known);
}

/* Fields of random bytes, quoted where they need it, come back as they were: in one line each, and
 * with line breaks in them where records are found in a text. */
void test_random_records_come_back(void **state) {
    (void)state;
    static const char letters[] = "abc,;\"\\ \t\n\r1xyzuvw";
    struct sl_csv_options options;
    uint64_t seed = 5;
    sl_csv_options_init(&options);
    options.syntax.escape = '"';
    options.syntax.escape_escape = -1;
    for (int round = 0; round < 3000; round++) {
        char fields[8][64];
        size_t lens[8], count = 1 + sl_random_next(&seed) % 8;
        struct sl_buf text = {0};
        bool lines = round % 2;
        for (size_t i = 0; i < count; i++) {
            lens[i] = sl_random_next(&seed) % (round % 7 ? 10 : 60);
            for (size_t k = 0; k < lens[i]; k++)
                fields[i][k] = letters[sl_random_next(&seed) % (sizeof letters - 1)];
            if (i) sl_buf_put_byte(&text, ',');
            bool quoted = lens[i] == 0 || sl_random_next(&seed) % 3 == 0;
            for (size_t k = 0; k < lens[i]; k++)
                quoted |= memchr(",\"\n\r", fields[i][k], 4) != NULL;
            if (quoted) sl_buf_put_byte(&text, '"');
            for (size_t k = 0; k < lens[i]; k++) {
                if (fields[i][k] == '"') sl_buf_put_byte(&text, '"');
                sl_buf_put_byte(&text, (uint8_t)fields[i][k]);
            }
            if (quoted) sl_buf_put_byte(&text, '"');
        }
        size_t record_len = text.len;
        if (lines) sl_buf_put_cstr(&text, "\r\nnext,record\n");
        char *exact = malloc(text.len + 1);
        memcpy(exact, text.ptr, text.len);
        struct sl_csv_record record = {0};
        const char *end = sl_csv_split(&options.syntax, exact, exact + text.len, lines, &record);
        assert_int_equal(end - exact, record_len + (lines ? 2 : 0));
        assert_int_equal(record.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(record.fields[i].len, lens[i]);
            if (lens[i]) assert_memory_equal(record.fields[i].ptr, fields[i], lens[i]);
        }
        sl_csv_record_release(&record);
        free(exact);
        sl_buf_release(&text);
    }
}

void test_too_many_fields_are_counted_only(void **state) {
    (void)state;
    struct sl_csv_options options;
    struct sl_csv_record record = {.fields_max = 2};
    static const char text[] = "a,\"b\",\"c\"\"d\",e";
    sl_csv_options_init(&options);
    sl_csv_split(&options.syntax, text, text + sizeof text - 1, false, &record);
    assert_int_equal(record.count, 4);
    assert_int_equal(record.fields[1].len, 1);
    sl_csv_record_release(&record);
}
