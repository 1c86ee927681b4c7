/* Pipelines in one process against librdkafka's mock cluster: a broker, an engine, a directory. */
#ifndef TESTS_RUN_FIXTURE_H
#define TESTS_RUN_FIXTURE_H

#include "unit.h"

#include "base/fail.h"
#include "base/json.h"
#include "conn/kafka/kafka_mock.h"
#include "conn/kafka/kafka_producer.h"
#include "run/batch_query.h"
#include "run/runner.h"
#include "temp_dir.h"

enum { QUERIES_MAX = 4 };

struct run_fixture {
    char *dir;
    struct sl_engine engine;
    struct sl_kafka_mock *broker;
    struct sl_err err;
    /* of the last run */
    int batches;
    bool once; /* runs of one batch; else they end at what is there */
    uint64_t rows_in, rows_read_by_feed, letters;
    struct sl_buf progress; /* JSON lines */
};

static inline void fixture_set(struct run_fixture *f, const char *name, const char *value) {
    sl_settings_set(f->engine.settings, sl_str(name), sl_str(value), SL_FROM_COMMAND_LINE);
}

static inline void fixture_open(struct run_fixture *f) {
    *f = (struct run_fixture){.dir = temp_dir_make()};
    sl_engine_init(&f->engine);
    f->engine.log.level = SL_LOG_ERROR;
    if (sl_kafka_mock_start(0, &f->broker, &f->err) != SL_OK) fail_msg("%s", f->err.msg);
    assert_int_equal(sl_kafka_mock_create_topic(f->broker, "in", 3, &f->err), SL_OK);
    fixture_set(f, "brokers", sl_kafka_mock_servers(f->broker));
    fixture_set(f, "dir", f->dir);
    fixture_set(f, "sluice.workers", "2");
    assert_int_equal(sl_engine_start(&f->engine, 128 << 20, &f->err), SL_OK);
}

static inline void fixture_close(struct run_fixture *f) {
    sl_buf_release(&f->progress);
    sl_kafka_mock_stop(f->broker);
    sl_engine_release(&f->engine);
    temp_dir_remove(f->dir);
}

/* Values of a topic, record i into partition i % 3 with key "k<i>". */
static inline void fixture_produce(struct run_fixture *f, int first, int count,
                                   void (*value)(char *to, size_t cap, int i)) {
    struct sl_kafka_properties properties = {0};
    struct sl_kafka_producer *producer;
    sl_kafka_property_add(&f->engine.arena, &properties, "bootstrap.servers",
                          sl_str(sl_kafka_mock_servers(f->broker)));
    if (sl_kafka_producer_open(&properties, SL_STR("in"), NULL, &f->engine.log, NULL, &producer,
                               &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    for (int i = first; i < first + count; i++) {
        char text[64], key[16];
        value(text, sizeof text, i);
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(
            sl_kafka_producer_send(producer, i % 3, sl_str(key), sl_str(text), 0, &f->err), SL_OK);
    }
    assert_int_equal(sl_kafka_producer_flush(producer, 20000, &f->err), SL_OK);
    sl_kafka_producer_close(producer);
}

static inline void fixture_count(void *ctx, const struct sl_batch_report *report) {
    struct run_fixture *f = ctx;
    struct sl_json tree;
    size_t begin = f->progress.len;
    for (uint32_t i = 0; i < report->source_count; i++) f->rows_in += report->source_rows[i];
    f->letters += report->letters;
    if (report->times.read_ns) f->rows_read_by_feed += report->times.rows_read;
    f->batches++;
    sl_progress_put_json(&f->progress, report);
    struct sl_str line = sl_str_sub(sl_buf_str(&f->progress), begin, f->progress.len);
    assert_int_equal(sl_json_parse(&f->engine.arena, line, &tree, &f->err), SL_OK);
    sl_buf_put_byte(&f->progress, '\n');
}

static inline enum sl_code fixture_run(struct run_fixture *f, const char *text, int64_t batches) {
    struct sl_pipeline pipeline;
    struct sl_run_options options = {
        .trigger = {.kind = f->once ? SL_TRIGGER_ONCE : SL_TRIGGER_AVAILABLE_NOW,
                    .batches_max = batches},
        .report = fixture_count,
        .report_ctx = f};
    f->rows_in = f->rows_read_by_feed = f->letters = 0;
    f->batches = 0;
    sl_buf_clear(&f->progress);
    f->err = (struct sl_err){0};
    enum sl_code code = sl_pipeline_load(&f->engine, "test", sl_str(text), &pipeline, &f->err);
    if (code == SL_OK) code = sl_run_pipeline(&pipeline, &options, &f->err);
    sl_pipeline_release(&pipeline);
    return code;
}
static inline void fixture_run_ok(struct run_fixture *f, const char *text) {
    if (fixture_run(f, text, 0) != SL_OK)
        fail_msg("%s (%s; %s)", f->err.msg, f->err.hint, f->err.ctx);
}

/* Rows of a SELECT as text lines: columns separated by '|'; strings and integers only. */
static inline enum sl_code fixture_no_begin(void *ctx, const struct sl_type *schema,
                                            const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}
static inline enum sl_code fixture_put_rows(void *ctx, const struct sl_batch *batch,
                                            struct sl_err *err) {
    struct sl_buf *out = ctx;
    uint32_t *idx = calloc(batch->rows + 1, sizeof *idx), count = sl_batch_selection(batch, idx);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < batch->schema->field_count && code == SL_OK; c++) {
            const struct sl_vec *column = &batch->columns[c];
            struct sl_vec flat;
            uint32_t row = idx[i];
            if (c) sl_buf_put_byte(out, '|');
            if (sl_vec_is_null(column, row)) {
                sl_buf_put_cstr(out, "null");
                continue;
            }
            if (column->type->kind == SL_STRING_KIND || column->type->kind == SL_BINARY_KIND) {
                sl_buf_put_str(out, sl_vec_str(column, row));
                continue;
            }
            sl_vec_init(&flat, column->type);
            code = sl_vec_flatten(column, &flat, err);
            bool is_int = column->type->kind == SL_INT_KIND;
            sl_buf_printf(out, "%lld",
                          is_int ? (long long)flat.i32[row] : (long long)flat.i64[row]);
            sl_vec_release(&flat);
        }
        sl_buf_put_byte(out, '\n');
    }
    free(idx);
    return code;
}

static inline int fixture_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted lines; freed with fixture_free_lines. */
struct fixture_lines {
    struct sl_buf text;
    char **items;
    size_t count;
};
static inline void fixture_select(struct run_fixture *f, const char *sql,
                                  struct fixture_lines *out) {
    struct sl_pipeline pipeline;
    *out = (struct fixture_lines){0};
    if (sl_pipeline_load(&f->engine, "read", sl_str(sql), &pipeline, &f->err) != SL_OK ||
        sl_batch_query_run(&pipeline, pipeline.selects[0]->query, fixture_no_begin,
                           fixture_put_rows, &out->text, &f->err) != SL_OK)
        fail_msg("%s: %s", sql, f->err.msg);
    sl_pipeline_release(&pipeline);
    sl_buf_cstr(&out->text); /* ends it with NUL */
    char *rest = (char *)out->text.ptr;
    out->items = calloc(out->text.len + 1, sizeof *out->items);
    for (char *line; (line = strsep(&rest, "\n")) && *line;) out->items[out->count++] = line;
    qsort(out->items, out->count, sizeof *out->items, fixture_compare);
}
static inline void fixture_free_lines(struct fixture_lines *lines) {
    sl_buf_release(&lines->text);
    free(lines->items);
}
static inline void fixture_expect_rows(struct run_fixture *f, const char *sql, size_t count,
                                       void (*want)(char *to, size_t cap, size_t i)) {
    struct fixture_lines lines;
    fixture_select(f, sql, &lines);
    char **wanted = calloc(count + 1, sizeof *wanted);
    for (size_t i = 0; i < count; i++) {
        wanted[i] = malloc(200);
        want(wanted[i], 200, i);
    }
    qsort(wanted, count, sizeof *wanted, fixture_compare);
    for (size_t i = 0; i < count && i < lines.count; i++)
        assert_string_equal(lines.items[i], wanted[i]);
    assert_int_equal(lines.count, count);
    for (size_t i = 0; i < count; i++) free(wanted[i]);
    free(wanted);
    fixture_free_lines(&lines);
}

#endif
