#include "unit.h"

#include "conn/console/show.h"
#include "kern/zone.h"

/* The layout is that of Spark's Dataset.show(): expected texts come from PySpark 4.1. */
static void expect_show(uint32_t rows_max, uint32_t truncate, const char *want) {
    struct sl_arena arena;
    struct sl_batch batch;
    struct sl_buf out = {0};
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    sl_arena_init(&arena, "test");
    struct sl_field fields[] = {{SL_STR("id"), &sl_type_int, true, {0}, {0}},
                                {SL_STR("a name"), &sl_type_string, true, {0}, {0}}};
    const struct sl_type *schema = sl_type_struct(&arena, fields, 2);
    sl_batch_init(&batch, schema, &arena);
    static const char *const texts[] = {"x", "a text of more than twenty characters",
                                        "line\nbreak"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl_vec_put_i64(&batch.columns[0], i * 1000, NULL), SL_OK);
        assert_int_equal(sl_vec_put_str(&batch.columns[1], sl_str(texts[i]), NULL), SL_OK);
    }
    assert_int_equal(sl_vec_append_null(&batch.columns[0], 1, NULL), SL_OK);
    assert_int_equal(sl_vec_append_null(&batch.columns[1], 1, NULL), SL_OK);
    batch.rows = batch.selected_rows = 4;
    struct sl_show *show = sl_show_new(schema, rows_max, truncate);
    sl_show_add(show, &batch, &session);
    sl_show_finish(show, &out);
    assert_string_equal(sl_buf_cstr(&out), want);
    sl_show_free(show);
    sl_buf_release(&out);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}

void test_show_truncates_and_aligns_right(void **state) {
    (void)state;
    expect_show(20, 20,
                "+----+--------------------+\n"
                "|  id|              a name|\n"
                "+----+--------------------+\n"
                "|   0|                   x|\n"
                "|1000|a text of more th...|\n"
                "|2000|         line\\nbreak|\n"
                "|NULL|                NULL|\n"
                "+----+--------------------+\n\n");
}

void test_show_whole_aligns_left_and_tells_of_more(void **state) {
    (void)state;
    expect_show(1, 0,
                "+---+------+\n"
                "|id |a name|\n"
                "+---+------+\n"
                "|0  |x     |\n"
                "+---+------+\n"
                "only showing top 1 row\n\n");
}
