#include "kafka_lab.h"

#include "base/clock.h"

static struct lab lab;
static struct lab_rows rows;

static int64_t count_of(int partition) {
    int64_t count = 0;
    for (uint32_t i = 0; i < rows.count; i++) count += rows.items[i].partition == partition;
    return count;
}

/* Everything from earliest, in order within a partition, with all columns. */
void test_source_reads_everything(void **state) {
    (void)state;
    lab_begin(&lab, "t", 3);
    for (int p = 0; p < 3; p++) lab_produce(&lab, "t", p, p * 1000, 100 * (p + 1));
    assert_int_equal(lab_open(&lab, true), SL_OK);
    assert_string_equal(lab.source->ops->description(lab.source).ptr, "KafkaV2[Subscribe[t]]");
    lab_start(&lab);
    assert_string_equal(sl_buf_cstr(&lab.start), "{\"t\":{\"0\":0,\"1\":0,\"2\":0}}");
    assert_string_equal(lab_latest(&lab, (struct sl_batch_limits){0}),
                        "{\"t\":{\"0\":100,\"1\":200,\"2\":300}}");
    assert_true(lab.has_new);
    assert_int_equal(lab_read(&lab, 2, 7, &rows), SL_OK);
    assert_int_equal(rows.splits, 2);
    assert_int_equal(rows.count, 600);
    int64_t next[3] = {0, 0, 0};
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct lab_row *row = &rows.items[i];
        char want[16];
        assert_int_equal(row->offset, next[row->partition]++);
        snprintf(want, sizeof want, "v%d", (int)(row->partition * 1000 + row->offset));
        assert_string_equal(row->value, want);
        want[0] = 'k';
        assert_string_equal(row->key, want);
        assert_int_equal(row->timestamp_us,
                         (1700000000000 + row->partition * 1000 + row->offset) * 1000);
    }
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_false(lab.has_new);
    lab_end(&lab);
}

/* Batch after batch on the same fetchers: limited, resumed, nothing twice, nothing missing. */
void test_source_continues_between_batches(void **state) {
    (void)state;
    lab_begin(&lab, "t", 2);
    lab_option(&lab, "maxOffsetsPerTrigger", "40");
    lab_produce(&lab, "t", 0, 0, 100);
    lab_produce(&lab, "t", 1, 0, 100);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    int total = 0;
    for (int batch = 0; batch < 5; batch++) {
        (void)lab_latest(&lab, (struct sl_batch_limits){0});
        assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
        assert_int_equal(rows.count, 40);
        for (uint32_t i = 0; i < rows.count; i++) {
            assert_int_equal(rows.items[i].offset, total / 2 + rows.items[i].offset % 20);
            assert_in_range(rows.items[i].offset, total / 2, total / 2 + 19);
        }
        total += (int)rows.count;
    }
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_false(lab.has_new);
    lab_end(&lab);
}

/* A batch is planned again after a restart, from the middle: any begin and end are honoured. */
void test_source_reads_any_range(void **state) {
    (void)state;
    lab_begin(&lab, "t", 1);
    lab_produce(&lab, "t", 0, 0, 500);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    static const int ranges[][2] = {{100, 300}, {0, 10}, {490, 500}, {10, 11}, {11, 12}, {5, 400}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        sl_buf_clear(&lab.start);
        sl_buf_clear(&lab.end);
        sl_buf_printf(&lab.start, "{\"t\":{\"0\":%d}}", ranges[i][0]);
        sl_buf_printf(&lab.end, "{\"t\":{\"0\":%d}}", ranges[i][1]);
        assert_int_equal(lab_read(&lab, 4, 64, &rows), SL_OK);
        assert_int_equal(rows.count, ranges[i][1] - ranges[i][0]);
        assert_int_equal(rows.items[0].offset, ranges[i][0]);
        assert_int_equal(rows.items[rows.count - 1].offset, ranges[i][1] - 1);
    }
    lab_end(&lab);
}

/* minPartitions cuts one partition into pieces; each further reader has its own consumer. Readers
 * are open at the same time here. */
void test_source_splits_a_partition(void **state) {
    (void)state;
    static const bool wanted[8] = {false, true, false, false, true, false, false, false};
    lab_begin(&lab, "t", 1);
    lab_option(&lab, "minPartitions", "3");
    lab_produce(&lab, "t", 0, 0, 300);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    struct sl_split *splits;
    uint32_t count;
    assert_int_equal(lab.source->ops->plan(lab.source, sl_buf_str(&lab.start), sl_buf_str(&lab.end),
                                           1, &lab.epoch, &splits, &count, &lab.err),
                     SL_OK);
    assert_int_equal(count, 3);
    struct sl_reader *readers[3];
    struct sl_batch batch;
    sl_batch_init(&batch, lab.source->ops->schema(lab.source), &lab.epoch);
    bool seen[300] = {false};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            lab.source->ops->reader_open(lab.source, &splits[i], wanted, &readers[i], &lab.err),
            SL_OK);
    for (int i = 0, open = 3; open; i = (i + 1) % 3) {
        if (!readers[i]) continue;
        sl_batch_clear(&batch);
        assert_int_equal(lab.source->ops->reader_next(readers[i], 20, &batch, &lab.err), SL_OK);
        assert_int_equal(batch.columns[0].rows, 0);
        for (uint32_t r = 0; r < batch.rows; r++) {
            assert_false(seen[batch.columns[4].i64[r]]);
            seen[batch.columns[4].i64[r]] = true;
        }
        if (batch.rows) continue;
        lab.source->ops->reader_close(readers[i]);
        readers[i] = NULL;
        open--;
    }
    for (int i = 0; i < 300; i++) assert_true(seen[i]);
    sl_batch_release(&batch);
    lab_end(&lab);
}

/* Null key, null value, empty value are three things; headers come, and null when there are none.
 */
void test_source_nulls_and_headers(void **state) {
    (void)state;
    static const bool wanted[8] = {true, true, false, false, false, false, true, true};
    lab_begin(&lab, "t", 1);
    lab_option(&lab, "includeHeaders", "true");
    struct sl_kafka_properties properties = {0};
    struct sl_kafka_producer *producer;
    sl_kafka_property_add(&lab.query, &properties, "bootstrap.servers",
                          sl_str(sl_kafka_mock_servers(lab.mock)));
    assert_int_equal(
        sl_kafka_producer_open(&properties, SL_STR("t"), "lz4", NULL, NULL, &producer, &lab.err),
        SL_OK);
    const struct sl_str none = {NULL, 0};
    const struct sl_str headers[] = {SL_STR("trace"), SL_STR("1"),    SL_STR("empty"),
                                     SL_STR(""),      SL_STR("null"), none};
    assert_int_equal(sl_kafka_producer_send(producer, 0, none, SL_STR("x"), 0, &lab.err), SL_OK);
    assert_int_equal(sl_kafka_producer_send(producer, 0, SL_STR("k"), none, 0, &lab.err), SL_OK);
    assert_int_equal(sl_kafka_producer_send(producer, 0, SL_STR(""), SL_STR(""), 0, &lab.err),
                     SL_OK);
    assert_int_equal(
        sl_kafka_producer_send_headers(producer, 0, none, SL_STR("h"), 0, headers, 3, &lab.err),
        SL_OK);
    assert_int_equal(sl_kafka_producer_flush(producer, 10000, &lab.err), SL_OK);
    sl_kafka_producer_close(producer);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    struct sl_split *splits;
    uint32_t count;
    struct sl_reader *reader;
    struct sl_batch batch;
    assert_int_equal(lab.source->ops->plan(lab.source, sl_buf_str(&lab.start), sl_buf_str(&lab.end),
                                           1, &lab.epoch, &splits, &count, &lab.err),
                     SL_OK);
    sl_batch_init(&batch, lab.source->ops->schema(lab.source), &lab.epoch);
    assert_int_equal(lab.source->ops->reader_open(lab.source, splits, wanted, &reader, &lab.err),
                     SL_OK);
    sl_batch_clear(&batch);
    /* The mock hands out what has arrived; all four came in one or more batches of records. */
    uint32_t at = 0;
    static const char *const keys[] = {"NULL", "k", "", "NULL"};
    static const char *const values[] = {"x", "NULL", "", "h"};
    while (at < 4) {
        sl_batch_clear(&batch);
        assert_int_equal(lab.source->ops->reader_next(reader, 10, &batch, &lab.err), SL_OK);
        assert_true(batch.rows > 0);
        const char *why = "";
        if (!sl_vec_verify(&batch.columns[7], &why)) fail_msg("headers: %s", why);
        for (uint32_t i = 0; i < batch.rows; i++, at++) {
            char text[16];
            lab_text(text, &batch.columns[0], i);
            assert_string_equal(text, keys[at]);
            lab_text(text, &batch.columns[1], i);
            assert_string_equal(text, values[at]);
            assert_int_equal(batch.columns[6].i32[i], 0);
            assert_int_equal(sl_vec_is_null(&batch.columns[7], i), at != 3);
            if (at != 3) continue;
            const struct sl_vec *list = &batch.columns[7], *element = &list->children[0];
            int32_t first = list->offsets[i];
            assert_int_equal(list->offsets[i + 1] - first, 3);
            lab_text(text, &element->children[0], (uint32_t)first);
            assert_string_equal(text, "trace");
            lab_text(text, &element->children[1], (uint32_t)first);
            assert_string_equal(text, "1");
            lab_text(text, &element->children[1], (uint32_t)first + 1);
            assert_string_equal(text, "");
            lab_text(text, &element->children[1], (uint32_t)first + 2);
            assert_string_equal(text, "NULL");
        }
    }
    lab.source->ops->reader_close(reader);
    sl_batch_release(&batch);
    lab_end(&lab);
}

/* Retention passed us: an error with Spark's condition, or a counted gap and the rest. */
void test_source_lost_records(void **state) {
    (void)state;
    for (int tolerant = 0; tolerant < 2; tolerant++) {
        lab_begin(&lab, "t", 1);
        lab_option(&lab, "failOnDataLoss", tolerant ? "false" : "true");
        /* Two record batches, since the mock deletes whole ones. */
        lab_produce(&lab, "t", 0, 0, 50);
        lab_produce(&lab, "t", 0, 50, 50);
        assert_int_equal(lab_open(&lab, true), SL_OK);
        lab_start(&lab);
        (void)lab_latest(&lab, (struct sl_batch_limits){0});
        assert_int_equal(sl_kafka_mock_delete_records(lab.mock, "t", 0, 50, &lab.err), SL_OK);
        enum sl_code code = lab_read(&lab, 1, 4096, &rows);
        if (tolerant) {
            assert_int_equal(code, SL_OK);
            assert_int_equal(rows.count, 50);
            assert_int_equal(rows.items[0].offset, 50);
            assert_int_equal(sl_kafka_source_lost(lab.source), 50);
        } else {
            assert_int_equal(code, SL_DATA);
            assert_string_equal(lab.err.condition, "KAFKA_DATA_LOSS.COULD_NOT_READ_OFFSET_RANGE");
            assert_non_null(strstr(lab.err.msg, "wanted offset 0, but the earliest is 50"));
            assert_non_null(strstr(lab.err.hint, "failOnDataLoss"));
        }
        lab_end(&lab);
    }
}

/* A loss is told before a batch is planned that could never run. */
static void expect_no_plan(const char *condition) {
    struct sl_batch_limits limits = {0};
    struct sl_buf end = {0};
    bool has_new;
    assert_int_equal(lab.source->ops->latest_offset(lab.source, sl_buf_str(&lab.start), &limits,
                                                    &end, &has_new, &lab.err),
                     SL_DATA);
    assert_string_equal(lab.err.condition, condition);
    assert_int_equal(end.len, 0);
    sl_buf_release(&end);
}

/* A checkpoint that is ahead of the log (truncated, or another cluster). */
void test_source_truncated_log(void **state) {
    (void)state;
    for (int tolerant = 0; tolerant < 2; tolerant++) {
        lab_begin(&lab, "t", 1);
        lab_option(&lab, "failOnDataLoss", tolerant ? "false" : "true");
        lab_option(&lab, "fetchOffset.retryIntervalMs", "1");
        lab_produce(&lab, "t", 0, 0, 10);
        assert_int_equal(lab_open(&lab, true), SL_OK);
        sl_buf_put_cstr(&lab.start, "{\"t\":{\"0\":20}}");
        if (tolerant) {
            (void)lab_latest(&lab, (struct sl_batch_limits){0});
            assert_true(lab.has_new);
            assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
            assert_int_equal(rows.count, 0);
        } else {
            expect_no_plan("KAFKA_DATA_LOSS.PARTITION_OFFSET_CHANGED");
        }
        /* The same with a planned batch whose offsets do not exist any more. */
        sl_buf_clear(&lab.start);
        sl_buf_put_cstr(&lab.start, "{\"t\":{\"0\":15}}");
        sl_buf_clear(&lab.end);
        sl_buf_put_cstr(&lab.end, "{\"t\":{\"0\":18}}");
        enum sl_code code = lab_read(&lab, 1, 4096, &rows);
        assert_int_equal(code, tolerant ? SL_OK : SL_DATA);
        if (!tolerant) assert_non_null(strstr(lab.err.msg, "truncated"));
        if (tolerant) assert_int_equal(sl_kafka_source_lost(lab.source), 3);
        lab_end(&lab);
    }
}

/* Partitions that the checkpoint names but nobody reads any more; partitions that are new. */
void test_source_partitions_come_and_go(void **state) {
    (void)state;
    lab_begin(&lab, "t", 2);
    lab_produce(&lab, "t", 0, 0, 5);
    lab_produce(&lab, "t", 1, 0, 7);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    sl_buf_put_cstr(&lab.start, "{\"t\":{\"0\":5}}");
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
    assert_int_equal(rows.count, 7);
    assert_int_equal(count_of(1), 7);
    sl_buf_clear(&lab.start);
    sl_buf_put_cstr(&lab.start, "{\"t\":{\"0\":5,\"1\":7,\"4\":3}}");
    expect_no_plan("KAFKA_DATA_LOSS.PARTITIONS_DELETED");
    /* A batch that was planned without it (by Spark) is refused as well. */
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_DATA);
    assert_string_equal(lab.err.condition, "KAFKA_DATA_LOSS.PARTITIONS_DELETED");
    assert_non_null(strstr(lab.err.msg, "t-4"));
    /* A new partition that lost its first records. */
    assert_int_equal(sl_kafka_mock_delete_records(lab.mock, "t", 1, 3, &lab.err), SL_OK);
    sl_buf_clear(&lab.start);
    sl_buf_put_cstr(&lab.start, "{\"t\":{\"0\":5}}");
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_DATA);
    assert_string_equal(lab.err.condition,
                        "KAFKA_DATA_LOSS.ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO");
    lab_end(&lab);
}

void test_source_unknown_topic_is_named(void **state) {
    (void)state;
    lab_begin(&lab, "orders", 1);
    lab.items[1].value = SL_STR("ordes");
    assert_int_equal(lab_open(&lab, true), SL_USER);
    assert_non_null(strstr(lab.err.msg, "topic `ordes` does not exist"));
    assert_non_null(strstr(lab.err.hint, "`orders`"));
    lab_end(&lab);
}

/* Nobody listens: the error comes in time and says what it tried. */
void test_source_unreachable_broker_is_named(void **state) {
    (void)state;
    lab_begin(&lab, "t", 1);
    lab.items[0].value = SL_STR("127.0.0.1:1");
    int64_t begin_ns = sl_clock_mono_ns();
    assert_int_equal(lab_open(&lab, true), SL_UNAVAILABLE);
    assert_true(sl_clock_mono_ns() - begin_ns < INT64_C(25000000000));
    assert_non_null(strstr(lab.err.msg, "127.0.0.1:1"));
    assert_non_null(strstr(lab.err.msg, "refused"));
    assert_true(lab.err.retriable);
    lab_end(&lab);
}

void test_source_available_now_pins_the_end(void **state) {
    (void)state;
    const struct sl_batch_limits limits = {.available_now = true};
    lab_begin(&lab, "t", 1);
    lab_produce(&lab, "t", 0, 0, 10);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    assert_string_equal(lab_latest(&lab, limits), "{\"t\":{\"0\":10}}");
    lab_produce(&lab, "t", 0, 10, 10);
    assert_string_equal(lab_latest(&lab, limits), "{\"t\":{\"0\":10}}");
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
    assert_int_equal(rows.count, 10);
    (void)lab_latest(&lab, limits);
    assert_false(lab.has_new);
    lab_end(&lab);
}

/* minOffsetsPerTrigger holds a small batch back; the first one always runs. */
void test_source_waits_for_min_offsets(void **state) {
    (void)state;
    lab_begin(&lab, "t", 1);
    lab_option(&lab, "minOffsetsPerTrigger", "10");
    lab_produce(&lab, "t", 0, 0, 3);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){.now_ms = 1700000000000});
    assert_true(lab.has_new);
    (void)lab_latest(
        &lab, (struct sl_batch_limits){.now_ms = 1700000000000, .last_trigger_ms = 1699999999000});
    assert_false(lab.has_new);
    (void)lab_latest(&lab, (struct sl_batch_limits){.ignore_limits = true,
                                                    .now_ms = 1700000000000,
                                                    .last_trigger_ms = 1699999999000});
    assert_true(lab.has_new);
    lab_end(&lab);
}

/* Given offsets: -1 and -2 are resolved, and all and only the partitions must be named. */
void test_source_specific_start(void **state) {
    (void)state;
    lab_begin(&lab, "t", 3);
    for (int p = 0; p < 3; p++) lab_produce(&lab, "t", p, 0, 9);
    lab.items[2].value = SL_STR("{\"t\":{\"0\":4,\"1\":-1,\"2\":-2}}");
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    assert_string_equal(sl_buf_cstr(&lab.start), "{\"t\":{\"0\":4,\"1\":9,\"2\":0}}");
    lab.source->ops->close(lab.source);
    lab.source = NULL;
    lab.items[2].value = SL_STR("{\"t\":{\"0\":4,\"1\":-1}}");
    assert_int_equal(lab_open(&lab, true), SL_OK);
    assert_int_equal(lab.source->ops->initial_offset(lab.source, &lab.start, &lab.err), SL_USER);
    assert_non_null(strstr(lab.err.msg, "t-2 is missing"));
    lab_end(&lab);
}

/* A batch query has an end of its own. */
void test_source_batch_query(void **state) {
    (void)state;
    lab_begin(&lab, "t", 1);
    lab_option(&lab, "endingOffsets", "{\"t\":{\"0\":6}}");
    lab_produce(&lab, "t", 0, 0, 9);
    assert_int_equal(lab_open(&lab, false), SL_OK);
    lab_start(&lab);
    assert_string_equal(lab_latest(&lab, (struct sl_batch_limits){0}), "{\"t\":{\"0\":6}}");
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
    assert_int_equal(rows.count, 6);
    lab_end(&lab);
}

void test_source_pattern_and_assign(void **state) {
    (void)state;
    lab_begin(&lab, "orders-eu", 1);
    assert_int_equal(sl_kafka_mock_create_topic(lab.mock, "orders-us", 2, &lab.err), SL_OK);
    assert_int_equal(sl_kafka_mock_create_topic(lab.mock, "clicks", 1, &lab.err), SL_OK);
    lab.items[1] = (struct sl_option){SL_STR("subscribePattern"), SL_STR("orders-.\\w"), {0, 0}};
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    struct sl_kafka_offsets got;
    assert_int_equal(
        sl_kafka_offsets_parse(&lab.query, sl_buf_str(&lab.start), "x", &got, &lab.err), SL_OK);
    assert_int_equal(got.count, 3);
    assert_string_equal(got.items[1].topic.ptr, "orders-us");
    lab.source->ops->close(lab.source);
    lab.source = NULL;
    lab.items[1] = (struct sl_option){SL_STR("assign"), SL_STR("{\"orders-us\":[1]}"), {0, 0}};
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    assert_string_equal(sl_buf_cstr(&lab.start), "{\"orders-us\":{\"1\":0}}");
    assert_string_equal(lab.source->ops->description(lab.source).ptr,
                        "KafkaV2[Assign[orders-us-1]]");
    lab_end(&lab);
}

/* `wait` sleeps while nothing comes, and ends soon after a record has come. */
void test_source_wait_wakes_on_arrival(void **state) {
    (void)state;
    lab_begin(&lab, "t", 2);
    lab_produce(&lab, "t", 0, 0, 5);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_false(lab.has_new);
    int64_t begin_ns = sl_clock_mono_ns();
    lab.source->ops->wait(lab.source, sl_buf_str(&lab.start), 300);
    assert_true(sl_clock_mono_ns() - begin_ns > 250000000);
    lab_produce(&lab, "t", 1, 0, 3);
    begin_ns = sl_clock_mono_ns();
    lab.source->ops->wait(lab.source, sl_buf_str(&lab.start), 20000);
    assert_true(sl_clock_mono_ns() - begin_ns < INT64_C(10000000000));
    assert_string_equal(lab_latest(&lab, (struct sl_batch_limits){0}), "{\"t\":{\"0\":5,\"1\":3}}");
    assert_true(lab.has_new);
    assert_int_equal(lab_read(&lab, 1, 4096, &rows), SL_OK);
    assert_int_equal(rows.count, 3);
    lab_end(&lab);
}

/* The broker goes away in the middle and comes back: nothing is lost or doubled. */
void test_source_survives_a_broker_pause(void **state) {
    (void)state;
    lab_begin(&lab, "t", 1);
    lab_produce(&lab, "t", 0, 0, 200);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    struct sl_buf end = {0};
    sl_buf_put_str(&end, sl_buf_str(&lab.end));
    sl_buf_clear(&lab.end);
    sl_buf_put_cstr(&lab.end, "{\"t\":{\"0\":100}}");
    assert_int_equal(lab_read(&lab, 1, 10, &rows), SL_OK);
    assert_int_equal(rows.count, 100);
    assert_int_equal(sl_kafka_mock_set_up(lab.mock, false, &lab.err), SL_OK);
    sl_clock_sleep_ms(200);
    assert_int_equal(sl_kafka_mock_set_up(lab.mock, true, &lab.err), SL_OK);
    sl_buf_clear(&lab.end);
    sl_buf_put_str(&lab.end, sl_buf_str(&end));
    assert_int_equal(lab_read(&lab, 1, 10, &rows), SL_OK);
    assert_int_equal(rows.count, 100);
    assert_int_equal(rows.items[0].offset, 100);
    sl_buf_release(&end);
    lab_end(&lab);
}

void test_source_metrics_and_latest(void **state) {
    (void)state;
    lab_begin(&lab, "t", 2);
    lab_produce(&lab, "t", 0, 0, 5);
    lab_produce(&lab, "t", 1, 0, 8);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    struct sl_buf out = {0};
    lab.source->ops->metrics(lab.source, SL_STR("{\"t\":{\"0\":5,\"1\":1}}"), &out);
    assert_string_equal(sl_buf_cstr(&out),
                        "\"avgOffsetsBehindLatest\":\"3.5\",\"maxOffsetsBehindLatest\":\"7\","
                        "\"minOffsetsBehindLatest\":\"0\"");
    sl_buf_clear(&out);
    sl_kafka_source_latest(lab.source, &out);
    assert_string_equal(sl_buf_cstr(&out), "{\"t\":{\"0\":5,\"1\":8}}");
    sl_buf_release(&out);
    lab_end(&lab);
}

/* The mock on a port of choice goes through a relay. */
void test_mock_on_a_fixed_port(void **state) {
    (void)state;
    struct sl_kafka_mock *mock = NULL, *second = NULL;
    struct sl_err err;
    int port = 0;
    for (int try = 0; try < 20 && !mock; try++) {
        port = 20000 + (int)(sl_clock_mono_ns() / 1000 % 10000);
        if (sl_kafka_mock_start(port, &mock, &err) != SL_OK) mock = NULL;
    }
    assert_non_null(mock);
    /* The port is taken now: the error says so. */
    assert_int_equal(sl_kafka_mock_start(port, &second, &err), SL_IO);
    assert_non_null(strstr(err.msg, "could not listen"));
    sl_kafka_mock_stop(mock);
}

void test_reading_through_the_relay(void **state) {
    (void)state;
    lab_begin(&lab, "unused", 1);
    sl_kafka_mock_stop(lab.mock);
    lab.mock = NULL;
    for (int try = 0; try < 20 && !lab.mock; try++)
        if (sl_kafka_mock_start(20000 + (int)(sl_clock_mono_ns() / 1000 % 10000), &lab.mock,
                                &lab.err) != SL_OK)
            lab.mock = NULL;
    assert_int_equal(sl_kafka_mock_create_topic(lab.mock, "t", 2, &lab.err), SL_OK);
    lab.items[0].value = sl_str(sl_kafka_mock_servers(lab.mock));
    lab.items[1].value = SL_STR("t");
    lab_produce(&lab, "t", 0, 0, 2000);
    assert_int_equal(lab_open(&lab, true), SL_OK);
    lab_start(&lab);
    (void)lab_latest(&lab, (struct sl_batch_limits){0});
    assert_int_equal(lab_read(&lab, 2, 4096, &rows), SL_OK);
    assert_int_equal(rows.count, 2000);
    lab_end(&lab);
}
