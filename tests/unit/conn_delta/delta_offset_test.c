/* Offsets as Delta's source writes and reads them (DeltaSourceOffsetSuite.scala has the same
 * texts). */
#include "unit.h"

#include <stdio.h>

#include "base/str.h"
#include "conn/delta/delta_offset.h"

static struct sl_arena arena;
static struct sl_err err;

static const char *put(struct sl_delta_offset offset) {
    static char text[256];
    struct sl_buf out = {0};
    sl_delta_offset_put(&out, &offset);
    snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)out.ptr);
    sl_buf_release(&out);
    return text;
}

void test_delta_offset_text(void **state) {
    (void)state;
    assert_string_equal(put((struct sl_delta_offset){SL_STR("a-b"), 7, 3, true}),
                        "{\"sourceVersion\":1,\"reservoirId\":\"a-b\",\"reservoirVersion\":7,"
                        "\"index\":3,\"isStartingVersion\":true}");
    assert_string_equal(put((struct sl_delta_offset){SL_STR("a-b"), 8, sl_delta_index_base, false}),
                        "{\"sourceVersion\":1,\"reservoirId\":\"a-b\",\"reservoirVersion\":8,"
                        "\"index\":-1,\"isStartingVersion\":false}");
    /* in the middle of a schema change, which only schema tracking makes */
    assert_string_equal(put((struct sl_delta_offset){SL_STR("a"), 8, -20, false}),
                        "{\"sourceVersion\":3,\"reservoirId\":\"a\",\"reservoirVersion\":8,"
                        "\"index\":-20,\"isStartingVersion\":false}");
}

void test_delta_offset_parse(void **state) {
    (void)state;
    struct sl_delta_offset offset;
    sl_arena_init(&arena, "test");
    /* members in any order, with blanks, and those of later versions */
    assert_int_equal(
        sl_delta_offset_parse(&arena,
                              SL_STR("{\"index\": -1, \"reservoirId\":\"x\", \"more\":[1],\n"
                                     "\"reservoirVersion\":12,\"isStartingVersion\":false,"
                                     "\"sourceVersion\":1}"),
                              &offset, &err),
        SL_OK);
    assert_int_equal(offset.version, 12);
    assert_int_equal(offset.index, sl_delta_index_base);
    assert_false(offset.is_snapshot);
    assert_true(sl_str_eq(offset.table_id, SL_STR("x")));
    /* in version 3, -1 is a place of its own */
    assert_int_equal(sl_delta_offset_parse(&arena,
                                           SL_STR("{\"sourceVersion\":3,\"reservoirId\":\"x\","
                                                  "\"reservoirVersion\":1,\"index\":-1,"
                                                  "\"isStartingVersion\":true}"),
                                           &offset, &err),
                     SL_OK);
    assert_int_equal(offset.index, -1);
    sl_arena_release(&arena);
}

#define OFFSET(source, version, index, flag)                                                       \
    "{\"sourceVersion\":" source ",\"reservoirId\":\"x\",\"reservoirVersion\":" version            \
    ",\"index\":" index ",\"isStartingVersion\":" flag "}"

void test_delta_offset_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *condition;
    } cases[] = {
        {"", "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {"{}", "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {"[1]", "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {"{\"orders\":{\"0\":1}}", "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {OFFSET("0", "1", "0", "true"), "DELTA_INVALID_SOURCE_VERSION"},
        {OFFSET("2", "1", "0", "true"), "DELTA_INVALID_SOURCE_VERSION"},
        {OFFSET("4", "1", "0", "true"), "DELTA_INVALID_FORMAT_FROM_SOURCE_VERSION"},
        {OFFSET("1", "-1", "0", "true"), "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {OFFSET("1", "1.5", "0", "true"), "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {OFFSET("1", "1", "9223372036854775707", "true"), "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {OFFSET("1", "1", "0", "1"), "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
        {OFFSET("\"1\"", "1", "0", "true"), "DELTA_INVALID_SOURCE_OFFSET_FORMAT"},
    };
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_offset offset;
        assert_int_not_equal(sl_delta_offset_parse(&arena, sl_str(cases[i].text), &offset, &err),
                             SL_OK);
        assert_string_equal(err.condition, cases[i].condition);
    }
    sl_arena_release(&arena);
}
