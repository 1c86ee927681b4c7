#include "unit.h"

#include "conn/kafka/kafka_topic_ids.h"
#include "temp_dir.h"

/* A topic with another id than the checkpoint remembers is named, across processes, until it is
 * kept. */
void test_topic_ids_notice_a_topic_made_anew(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_kafka_topic_ids *ids;
    sl_arena_init(&arena, "test");
    struct sl_kafka_topic items[] = {{.name = SL_STR("a"), .exists = true, .id = {1, -2}},
                                     {.name = SL_STR("b"), .exists = true, .id = {0, 0}}};
    struct sl_kafka_topics topics = {items, 2};
    assert_int_equal(sl_kafka_topic_ids_open(&arena, sl_str(dir), &ids, &err), SL_OK);
    assert_int_equal(sl_kafka_topic_ids_changed(ids, &topics).len, 0);
    assert_int_equal(sl_kafka_topic_ids_keep(ids, &topics, &err), SL_OK);
    char *text = temp_dir_read(dir, ".sluice/topics");
    assert_string_equal(text, "{\"a\":\"0000000000000001fffffffffffffffe\"}");
    free(text);
    items[0].id.low = 3;
    items[1].id.low = 9; /* its broker told no id before */
    assert_int_equal(sl_kafka_topic_ids_open(&arena, sl_str(dir), &ids, &err), SL_OK);
    assert_true(sl_str_eq(sl_kafka_topic_ids_changed(ids, &topics), SL_STR("a")));
    assert_int_equal(sl_kafka_topic_ids_keep(ids, &topics, &err), SL_OK);
    assert_int_equal(sl_kafka_topic_ids_changed(ids, &topics).len, 0);
    temp_dir_write(dir, ".sluice/topics", "{\"a\":", 5);
    assert_int_equal(sl_kafka_topic_ids_open(&arena, sl_str(dir), &ids, &err), SL_DATA);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
