/* Goal: the three paths of the decoder give the same columns. Method: random records built from a
 * grammar, some of them damaged, in batches of one and many; the strict path is the naive twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fmt/json/json_shape.h"
#include "fmt_json/json_twins.h"

static uint64_t seed;
static uint32_t draw(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static void put_text(struct sl_buf *out) {
    static const char *const parts[] = {"a",
                                        "order",
                                        "\\n",
                                        "\\u00e9",
                                        "\xC3\xA9",
                                        "\\ud83d\\ude00",
                                        "\xF0\x9F\x98\x80",
                                        " ",
                                        "0123456789abcdef0123456789",
                                        "\\\"",
                                        "{",
                                        "\xFF"};
    sl_buf_put_byte(out, '"');
    for (uint32_t n = draw(4); n; n--) {
        uint32_t part = draw(16);
        sl_buf_put_cstr(out, part < 12 ? parts[part] : "plain text");
    }
    sl_buf_put_byte(out, '"');
}

static void put_number(struct sl_buf *out) {
    static const char *const odd[] = {"0",
                                      "-0",
                                      "-0.0",
                                      "1e5",
                                      "1.5E-3",
                                      "12345678",
                                      "123456789.25",
                                      "99999999999999999999",
                                      "0.1234567",
                                      "0.12345678",
                                      "200",
                                      "2147483648",
                                      "1e400",
                                      "12345678901234567.5"};
    if (draw(3) == 0)
        sl_buf_put_cstr(out, odd[draw(14)]);
    else if (draw(2))
        sl_buf_printf(out, "%d", (int)draw(100000) - 5000);
    else
        sl_buf_printf(out, "%d.%02u", (int)draw(2000) - 1000, draw(100));
}

static void put_value(struct sl_buf *out, int depth) {
    static const char *const words[] = {"null", "true", "false"};
    switch (draw(depth > 3 ? 5 : 8)) {
    case 0:
    case 1:
        put_text(out);
        return;
    case 2:
    case 3:
        put_number(out);
        return;
    case 4:
        sl_buf_put_cstr(out, words[draw(3)]);
        return;
    case 5: {
        sl_buf_put_byte(out, '[');
        for (uint32_t i = 0, n = draw(4); i < n; i++) {
            if (i) sl_buf_put_cstr(out, draw(4) ? "," : " , ");
            put_value(out, depth + 1);
        }
        sl_buf_put_byte(out, ']');
        return;
    }
    default: {
        static const char *const keys[] = {"x", "y", "t", "u", "k"};
        sl_buf_put_byte(out, '{');
        for (uint32_t i = 0, n = draw(4); i < n; i++) {
            sl_buf_printf(out, "%s\"%s\":%s", i ? "," : "", keys[draw(5)], draw(5) ? "" : " ");
            put_value(out, depth + 1);
        }
        sl_buf_put_byte(out, '}');
    }
    }
}

/* Mostly the keys of the schemas in their order, as producers write them. */
static void put_record(struct sl_buf *out) {
    static const char *const keys[] = {"a", "b", "c", "s", "d", "e"};
    if (draw(20) == 0) {
        put_value(out, 0);
        return;
    }
    sl_buf_put_byte(out, '{');
    uint32_t fields = 2 + draw(5);
    for (uint32_t i = 0; i < fields; i++) {
        const char *key = draw(12) ? keys[i % 6] : keys[draw(6)];
        sl_buf_printf(out, "%s\"%s\":", i ? "," : "", draw(25) ? key : "unknown");
        put_value(out, 0);
    }
    sl_buf_put_byte(out, '}');
}

static void damage(struct sl_buf *record) {
    static const char bytes[] = "\"\\,:{}[]09.e-nt '\x01\xC3\x80";
    size_t at = draw((uint32_t)record->len);
    switch (draw(3)) {
    case 0:
        record->ptr[at] = (uint8_t)bytes[draw(sizeof bytes - 1)];
        return;
    case 1:
        record->len = at;
        return;
    default:
        memmove(record->ptr + at, record->ptr + at + 1, --record->len - at);
    }
}

static void check_batch(const struct sl_type *schema, uint32_t rows) {
    struct sl_err err = {0};
    struct sl_vec in;
    struct sl_buf record = {0};
    sl_vec_init(&in, &sl_type_string);
    for (uint32_t row = 0; row < rows; row++) {
        sl_buf_clear(&record);
        put_record(&record);
        if (draw(10) == 0) damage(&record);
        enum sl_code code = draw(40) ? sl_vec_put_str(&in, sl_buf_str(&record), &err)
                                     : sl_vec_append_null(&in, 1, &err);
        assert_int_equal(code, SL_OK);
    }
    struct sl_json_decode_stats stats;
    assert_true(twins_agree(schema, &in, &stats));
    sl_buf_release(&record);
    sl_vec_release(&in);
}

void test_three_paths_agree_on_random_records(void **state) {
    (void)state;
    static const uint32_t sizes[] = {1, 7, 300, 700};
    seed = 42;
    for (int s = 0; s < TWIN_SCHEMAS; s++) {
        struct sl_arena arena;
        struct sl_err err = {0};
        const struct sl_type *schema;
        sl_arena_init(&arena, "query");
        assert_int_equal(sl_type_parse_schema(&arena, sl_str(twin_schemas[s]), &schema, &err),
                         SL_OK);
        for (int round = 0; round < 12; round++) check_batch(schema, sizes[round % 4]);
        sl_arena_release(&arena);
    }
}

/* Well-formed records of one producer must not fall back: the speed depends on it. */
void test_regular_records_stay_on_the_predicted_path(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    const struct sl_type *schema;
    struct sl_vec in;
    seed = 7;
    sl_arena_init(&arena, "query");
    assert_int_equal(sl_type_parse_schema(&arena,
                                          SL_STR("id STRING, n INT, x DOUBLE, d DECIMAL(10,2), "
                                                 "t STRING, s STRUCT<u: STRING, v: LONG>, "
                                                 "l ARRAY<INT>, z STRING"),
                                          &schema, &err),
                     SL_OK);
    sl_vec_init(&in, &sl_type_string);
    for (int i = 0; i < 1000; i++) {
        char text[400];
        int len = snprintf(
            text, sizeof text,
            "{\"id\":\"ORD-%09d\",\"n\":%d,\"x\":%d.%02u,\"d\":%u.5,\"skip\":\"%s\",\"t\":%s,"
            "\"s\":{\"u\":\"%s\",\"v\":%llu},\"l\":[1,%u]%s}",
            i, (int)draw(1000) - 500, (int)draw(5000) - 2500, draw(100), draw(1000),
            draw(2) ? "x\\ty" : "", draw(3) ? "\"caf\xC3\xA9\"" : "null",
            draw(2) ? "a text that is longer than thirty-two bytes" : "\\u0041",
            (unsigned long long)draw(1000000) * draw(1000000), draw(9),
            i % 2 ? ",\"z\":\"here\"" : "");
        assert_int_equal(sl_vec_put_str(&in, (struct sl_str){text, (size_t)len}, &err), SL_OK);
    }
    struct sl_json_decode_stats stats;
    assert_true(twins_agree(schema, &in, &stats));
    assert_int_equal(stats.strict, 0);
    assert_true(stats.lookup <= 4);
    assert_int_equal(stats.predicted + stats.lookup, 2000);
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

/* How many shapes a decoder has learned from records. */
static uint32_t shapes_of(const struct sl_type *schema, const struct sl_vec *in) {
    static const struct sl_json_hooks hooks = {NULL, twin_time, twin_time, twin_date};
    struct sl_json_options options;
    struct sl_json_decoder *decoder;
    struct sl_err err = {0};
    struct sl_vec out;
    sl_json_options_init(&options);
    assert_int_equal(sl_json_decoder_new(schema, &options, &hooks, &decoder, &err), SL_OK);
    sl_vec_init(&out, schema);
    assert_int_equal(sl_json_decode(decoder, in, in->rows, NULL, &out, NULL, NULL, &err), SL_OK);
    uint32_t count = decoder->shapes->count;
    sl_vec_release(&out);
    sl_json_decoder_free(decoder);
    return count;
}

/* Events of several kinds in one topic, each in a field of its own and the others null: each kind
 * has its shape, also when the first records have none of the structs that are read. */
void test_kinds_of_events_stay_on_the_predicted_path(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    const struct sl_type *schema;
    struct sl_vec in;
    sl_arena_init(&arena, "query");
    assert_int_equal(sl_type_parse_schema(&arena,
                                          SL_STR("bid STRUCT<id: LONG, url: STRING>, "
                                                 "sale STRUCT<id: LONG, t: STRUCT<u: INT>>"),
                                          &schema, &err),
                     SL_OK);
    sl_vec_init(&in, &sl_type_string);
    for (int i = 0; i < 1000; i++) {
        char text[200];
        static const char *const kinds[] = {
            "{\"kind\":0,\"person\":{\"name\":\"x%d\"},\"bid\":null,\"sale\":null}",
            "{\"kind\":1,\"person\":null,\"bid\":null,\"sale\":{\"id\":%d,\"t\":null}}",
            "{\"kind\":1,\"person\":null,\"bid\":null,\"sale\":{\"id\":%d,\"t\":{\"u\":5}}}",
            "{\"kind\":2,\"person\":null,\"bid\":{\"id\":%d,\"url\":\"y\"},\"sale\":null}"};
        int len = snprintf(text, sizeof text, kinds[i % 20 < 4 ? i % 20 : 3], i);
        assert_int_equal(sl_vec_put_str(&in, (struct sl_str){text, (size_t)len}, &err), SL_OK);
    }
    struct sl_json_decode_stats stats;
    assert_true(twins_agree(schema, &in, &stats));
    assert_int_equal(stats.strict, 0);
    assert_true(stats.lookup <= 4);
    assert_int_equal(shapes_of(schema, &in), 4);
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

/* More combinations of null structs than there are shapes, and empty records. */
void test_many_combinations_of_null_structs(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    const struct sl_type *schema;
    struct sl_vec in;
    sl_arena_init(&arena, "query");
    assert_int_equal(sl_type_parse_schema(&arena,
                                          SL_STR("a STRUCT<x: INT>, b STRUCT<x: STRING>, "
                                                 "c STRUCT<x: INT, y: STRUCT<z: INT>>"),
                                          &schema, &err),
                     SL_OK);
    sl_vec_init(&in, &sl_type_string);
    for (int i = 0; i < 2000; i++) {
        char text[200];
        int len = snprintf(text, sizeof text, "{\"a\":%s,\"b\":%s,\"c\":%s}",
                           draw(2) ? "{\"x\":1}" : "null", draw(2) ? "{\"x\":\"one\"}" : "null",
                           draw(2)   ? "{\"x\":3,\"y\":null}"
                           : draw(2) ? "{\"x\":3,\"y\":{\"z\":4}}"
                                     : "null");
        if (!draw(5)) len = snprintf(text, sizeof text, draw(2) ? "{}" : "{ } ");
        assert_int_equal(sl_vec_put_str(&in, (struct sl_str){text, (size_t)len}, &err), SL_OK);
    }
    struct sl_json_decode_stats stats;
    assert_true(twins_agree(schema, &in, &stats));
    assert_int_equal(stats.strict, 0);
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

/* Kafka's records lie in foreign memory: nothing may be read behind one that ends its page. */
void test_record_at_the_end_of_its_page(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    struct sl_arena arena;
    struct sl_err err = {0};
    const struct sl_type *schema;
    sl_arena_init(&arena, "query");
    assert_int_equal(sl_type_parse_schema(&arena, sl_str(twin_schemas[0]), &schema, &err), SL_OK);
    static const char record[] = "{\"a\":\"a value\",\"b\":\"another\",\"c\":17}";
    for (size_t cut = 0; cut < sizeof record; cut++) {
        size_t len = sizeof record - 1 - cut;
        struct sl_str views[3];
        memcpy(map + page - len, record, len);
        for (int i = 0; i < 3; i++) views[i] = (struct sl_str){map + page - len, len};
        views[0] = (struct sl_str){record, sizeof record - 1}; /* a shape to predict with */
        struct sl_vec in;
        sl_vec_init(&in, &sl_type_string);
        in.enc = SL_ENC_VIEW;
        in.rows = 3;
        in.views = views;
        struct sl_json_decode_stats stats;
        assert_true(twins_agree(schema, &in, &stats));
    }
    sl_arena_release(&arena);
    munmap(map, 2 * page);
}
