/* Rows of a report from JSON: every kind of column, nulls, nesting, and what a foreign log may hold
 * in unexpected shape. */
#include "../unit.h"

#include "kern/cast.h"
#include "kern/zone.h"
#include "table/report.h"

static const char ddl[] = "n BIGINT, t TIMESTAMP, b BOOLEAN, d DOUBLE, s STRING, m MAP<STRING, "
                          "STRING>, a ARRAY<STRING>, r STRUCT<x: BIGINT, y: STRING>";

static struct sl_str cell(struct sl_buf *out, const struct sl_report *report, uint32_t column,
                          uint32_t row) {
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    sl_buf_clear(out);
    sl_cast_put_pretty(out, &report->batch.columns[column], row, &session);
    return sl_str(sl_buf_cstr(out));
}

static void add(struct sl_report *report, const char *row) {
    struct sl_err err = {0};
    if (sl_report_add_text(report, sl_str(row), &err) != SL_OK) fail_msg("%s", err.msg);
}

void test_report_rows(void **state) {
    (void)state;
    static const char *const expected[][8] = {
        {"7", "1970-01-01 00:00:01.5", "true", "2.5", "text", "{k -> v, n -> 1, o -> NULL}",
         "[a, b]", "{1, z}"},
        {"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"},
        {"NULL", "NULL", "NULL", "3.0", "{\"x\":1}", "NULL", "[]", "{NULL, NULL}"},
        {"8", "NULL", "false", "NULL", "", "{}", "NULL", "{NULL, q}"},
    };
    struct sl_arena arena;
    struct sl_report report;
    struct sl_buf text = {0};
    const char *why;
    sl_arena_init(&arena, "test");
    sl_report_init(&report, &arena, ddl);
    add(&report,
        "{\"n\":7,\"t\":1500,\"b\":true,\"d\":2.5,\"s\":\"text\",\"m\":{\"k\":\"v\",\"n\":1,"
        "\"o\":null},\"a\":[\"a\",\"b\"],\"r\":{\"y\":\"z\",\"x\":1},\"unknown\":[1]}");
    add(&report, "{}");
    add(&report,
        "{\"n\":\"x\",\"t\":9223372036854775807,\"b\":1.5,\"d\":3,\"s\":{\"x\":1},\"m\":[],"
        "\"a\":[],\"r\":{\"x\":1e3}}");
    add(&report,
        "{\"n\":8,\"b\":false,\"d\":\"2\",\"s\":\"\",\"m\":{},\"a\":{},\"r\":{\"y\":\"q\"}}");
    assert_int_equal(report.batch.rows, 4);
    for (uint32_t c = 0; c < 8; c++) {
        if (!sl_vec_verify(&report.batch.columns[c], &why)) fail_msg("column %u: %s", c, why);
        for (uint32_t row = 0; row < 4; row++)
            assert_string_equal(cell(&text, &report, c, row).ptr, expected[row][c]);
    }
    sl_buf_release(&text);
    sl_report_release(&report);
    sl_arena_release(&arena);
}
