/* A mock broker, a source on it, and short ways to drive both; for the tests of conn/kafka. */
#ifndef TEST_KAFKA_LAB_H
#define TEST_KAFKA_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "conn/kafka/kafka_admin.h"
#include "conn/kafka/kafka_mock.h"
#include "conn/kafka/kafka_producer.h"
#include "conn/kafka/kafka_source.h"

struct lab {
    struct sl_kafka_mock *mock;
    struct sl_arena query, epoch;
    struct sl_log log;
    struct sl_conn_env env;
    struct sl_option items[16];
    struct sl_options options;
    struct sl_source *source;
    struct sl_err err;
    struct sl_buf start, end;
    bool has_new;
};

static inline void lab_option(struct lab *lab, const char *name, const char *value) {
    assert_true(lab->options.count < 16);
    lab->items[lab->options.count++] = (struct sl_option){sl_str(name), sl_str(value), {0, 0}};
}

/* A mock with one topic; options so far: the brokers, `subscribe` of it, start at earliest. */
static inline void lab_begin(struct lab *lab, const char *topic, int partitions) {
    *lab = (struct lab){0};
    sl_arena_init(&lab->query, "query");
    sl_arena_init(&lab->epoch, "epoch");
    sl_log_init(&lab->log);
    lab->log.level = SL_LOG_ERROR;
    lab->env = (struct sl_conn_env){.query = &lab->query, .log = &lab->log};
    lab->options.items = lab->items;
    assert_int_equal(sl_kafka_mock_start(0, &lab->mock, &lab->err), SL_OK);
    assert_int_equal(sl_kafka_mock_create_topic(lab->mock, topic, partitions, &lab->err), SL_OK);
    lab_option(lab, "bootstrapServers", sl_kafka_mock_servers(lab->mock));
    lab_option(lab, "subscribe", topic);
    lab_option(lab, "startingOffsets", "earliest");
}

static inline enum sl_code lab_open(struct lab *lab, bool streaming) {
    sl_err_clear(&lab->err);
    return sl_kafka_connector.open_source(&lab->env, &lab->options, SL_STR(""), streaming,
                                          &lab->source, &lab->err);
}

static inline void lab_end(struct lab *lab) {
    if (lab->source) lab->source->ops->close(lab->source);
    sl_kafka_mock_stop(lab->mock);
    sl_buf_release(&lab->start);
    sl_buf_release(&lab->end);
    sl_arena_release(&lab->query);
    sl_arena_release(&lab->epoch);
}

/* `count` records "<prefix><n>" with key "k<n>" from n = first on. */
static inline void lab_produce(struct lab *lab, const char *topic, int partition, int first,
                               int count) {
    struct sl_kafka_properties properties = {0};
    struct sl_kafka_producer *producer;
    sl_kafka_property_add(&lab->query, &properties, "bootstrap.servers",
                          sl_str(sl_kafka_mock_servers(lab->mock)));
    assert_int_equal(sl_kafka_producer_open(&properties, sl_str(topic), "none", NULL, NULL,
                                            &producer, &lab->err),
                     SL_OK);
    for (int i = first; i < first + count; i++) {
        char key[32], value[32];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        assert_int_equal(sl_kafka_producer_send(producer, partition, sl_str(key), sl_str(value),
                                                1700000000000 + i, &lab->err),
                         SL_OK);
    }
    assert_int_equal(sl_kafka_producer_flush(producer, 10000, &lab->err), SL_OK);
    assert_int_equal(sl_kafka_producer_counts(producer).delivered, count);
    sl_kafka_producer_close(producer);
}

static inline void lab_start(struct lab *lab) {
    sl_buf_clear(&lab->start);
    assert_int_equal(lab->source->ops->initial_offset(lab->source, &lab->start, &lab->err), SL_OK);
}

/* End of the next batch from lab->start. */
static inline const char *lab_latest(struct lab *lab, struct sl_batch_limits limits) {
    sl_buf_clear(&lab->end);
    assert_int_equal(lab->source->ops->latest_offset(lab->source, sl_buf_str(&lab->start), &limits,
                                                     &lab->end, &lab->has_new, &lab->err),
                     SL_OK);
    return sl_buf_cstr(&lab->end);
}

struct lab_row {
    int partition;
    int64_t offset, timestamp_us;
    char key[16], value[16]; /* "NULL" for null */
};
struct lab_rows {
    struct lab_row items[5000];
    uint32_t count, batches, splits;
};

static inline void lab_text(char *to, const struct sl_vec *vec, uint32_t row) {
    if (sl_vec_is_null(vec, row)) {
        strcpy(to, "NULL");
        return;
    }
    struct sl_str text = sl_vec_str(vec, row);
    snprintf(to, 16, "%.*s", SL_STR_ARG(text));
}

static inline enum sl_code lab_read_split(struct lab *lab, const struct sl_split *split,
                                          uint32_t rows_max, struct lab_rows *rows) {
    static const bool wanted[8] = {true, true, true, true, true, true, true, true};
    struct sl_reader *reader;
    struct sl_batch batch;
    struct sl_arena arena;
    const char *why = "";
    const struct sl_source_ops *ops = lab->source->ops;
    sl_arena_init(&arena, "batch");
    sl_batch_init(&batch, ops->schema(lab->source), &arena);
    enum sl_code code = ops->reader_open(lab->source, split, wanted, &reader, &lab->err);
    while (code == SL_OK) {
        sl_batch_clear(&batch);
        code = ops->reader_next(reader, rows_max, &batch, &lab->err);
        if (code != SL_OK || batch.rows == 0) break;
        assert_true(batch.rows <= rows_max);
        rows->batches++;
        for (uint32_t c = 0; c < batch.schema->field_count; c++) {
            assert_int_equal(batch.columns[c].rows, batch.rows);
            if (!sl_vec_verify(&batch.columns[c], &why)) fail_msg("column %u: %s", c, why);
        }
        for (uint32_t i = 0; i < batch.rows; i++) {
            assert_true(rows->count < 5000);
            struct lab_row *row = &rows->items[rows->count++];
            row->partition = batch.columns[3].i32[0];
            row->offset = batch.columns[4].i64[i];
            row->timestamp_us = batch.columns[5].i64[i];
            assert_int_equal(row->offset, batch.origin.offsets[i]);
            lab_text(row->key, &batch.columns[0], i);
            lab_text(row->value, &batch.columns[1], i);
        }
    }
    ops->reader_close(reader);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
    return code;
}

/* Reads [lab->start, lab->end) and makes the end the start of the next. */
static inline enum sl_code lab_read(struct lab *lab, uint32_t tasks, uint32_t rows_max,
                                    struct lab_rows *rows) {
    struct sl_split *splits;
    uint32_t count;
    rows->count = rows->batches = 0;
    sl_err_clear(&lab->err);
    sl_arena_reset(&lab->epoch);
    enum sl_code code =
        lab->source->ops->plan(lab->source, sl_buf_str(&lab->start), sl_buf_str(&lab->end), tasks,
                               &lab->epoch, &splits, &count, &lab->err);
    rows->splits = code == SL_OK ? count : 0;
    for (uint32_t i = 0; i < count && code == SL_OK; i++)
        code = lab_read_split(lab, &splits[i], rows_max, rows);
    if (code != SL_OK) return code;
    sl_buf_clear(&lab->start);
    sl_buf_put_str(&lab->start, sl_buf_str(&lab->end));
    return SL_OK;
}

#endif
