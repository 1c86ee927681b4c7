/* Feeds and outputs with sources and sinks of the test's own: a split is read once and every
 * consumer gets all its rows; chains narrow views, never the source's batch; failed records become
 * letters; what fails is thrown away everywhere. */
#include "unit.h"

#include <stdlib.h>

#include "run/epoch.h"
#include "run/pipeline.h"

enum { SPLITS = 5, SPLIT_ROWS = 1000 };

/* ---- a source of numbers: split s has s * SPLIT_ROWS .. ---- */

struct numbers {
    struct sl_source base;
    atomic_int reads; /* batches given out */
};
struct numbers_reader {
    struct sl_reader base;
    struct numbers *source;
    int64_t next, end;
    int64_t offsets[512];
};

static struct sl_field number_fields[] = {{.name = {"n", 1}, .type = &sl_type_long}};
static const struct sl_type number_type = {
    .kind = SL_STRUCT_KIND, .field_count = 1, .fields = number_fields};

static const struct sl_type *numbers_schema(const struct sl_source *source) {
    (void)source;
    return &number_type;
}

static const struct sl_source_ops numbers_ops;

static enum sl_code numbers_open(struct sl_source *source, const struct sl_split *split,
                                 const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    (void)wanted, (void)err;
    struct numbers_reader *reader = calloc(1, sizeof *reader);
    *reader = (struct numbers_reader){.base = {&numbers_ops},
                                      .source = (struct numbers *)source,
                                      .next = split->index * SPLIT_ROWS,
                                      .end = (split->index + 1) * SPLIT_ROWS};
    *out = &reader->base;
    return SL_OK;
}

static enum sl_code numbers_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                 struct sl_err *err) {
    struct numbers_reader *reader = (struct numbers_reader *)base;
    uint32_t rows = 0;
    for (; rows < rows_max && rows < 512 && reader->next < reader->end; rows++) {
        reader->offsets[rows] = reader->next;
        SL_TRY(sl_vec_put_i64(&batch->columns[0], reader->next++, err));
    }
    batch->rows = rows;
    batch->origin = (struct sl_origin){"test", "numbers", -1, reader->offsets};
    if (rows) atomic_fetch_add(&reader->source->reads, 1);
    return SL_OK;
}
static void numbers_close(struct sl_reader *reader) { free(reader); }

static const struct sl_source_ops numbers_ops = {.name = "numbers",
                                                 .schema = numbers_schema,
                                                 .reader_open = numbers_open,
                                                 .reader_next = numbers_next,
                                                 .reader_close = numbers_close};

/* ---- a sink that sums; it may fail at a write ---- */

struct summing {
    struct sl_sink base;
    pthread_mutex_t mutex;
    int64_t sum, fails_at; /* 0: never */
    int rows, writers, closed, aborted;
};
struct summing_writer {
    struct sl_sink_writer base;
    struct summing *sink;
};
static const struct sl_sink_ops summing_ops;

static enum sl_code summing_open(struct sl_sink *base, uint32_t task, struct sl_sink_writer **out,
                                 struct sl_err *err) {
    (void)task, (void)err;
    struct summing *sink = (struct summing *)base;
    struct summing_writer *writer = calloc(1, sizeof *writer);
    *writer = (struct summing_writer){{&summing_ops}, sink};
    pthread_mutex_lock(&sink->mutex);
    sink->writers++;
    pthread_mutex_unlock(&sink->mutex);
    *out = &writer->base;
    return SL_OK;
}
static int64_t value_at(const struct sl_vec *vec, uint32_t row) {
    return vec->i64[sl_vec_pos(vec, row)];
}
static enum sl_code summing_write(struct sl_sink_writer *base, const struct sl_batch *batch,
                                  struct sl_err *err) {
    struct summing *sink = ((struct summing_writer *)base)->sink;
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&sink->mutex);
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
        sink->rows++;
        if (batch->columns[0].type->kind != SL_LONG_KIND) continue; /* letters are counted */
        int64_t value = value_at(&batch->columns[0], row);
        sink->sum += value;
        if (sink->fails_at && value == sink->fails_at) code = sl_fail(err, SL_IO, "no more room");
    }
    pthread_mutex_unlock(&sink->mutex);
    return code;
}
static void count_end(struct sl_sink_writer *base, bool closed) {
    struct summing *sink = ((struct summing_writer *)base)->sink;
    pthread_mutex_lock(&sink->mutex);
    if (closed)
        sink->closed++;
    else
        sink->aborted++;
    pthread_mutex_unlock(&sink->mutex);
    free(base);
}
static enum sl_code summing_close(struct sl_sink_writer *writer, struct sl_err *err) {
    (void)err;
    count_end(writer, true);
    return SL_OK;
}
static void summing_abort(struct sl_sink_writer *writer) { count_end(writer, false); }
static const struct sl_sink_ops summing_ops = {.name = "summing",
                                               .writer_open = summing_open,
                                               .write = summing_write,
                                               .writer_close = summing_close,
                                               .writer_abort = summing_abort};

/* ---- an epoch of three consumers: all, the even ones, those that 2500 divides without error ----
 */

enum { ALL, EVEN, CHECKED, OUTPUTS };

struct fixture {
    struct sl_engine engine;
    struct sl_session session;
    struct sl_err err;
    struct numbers source;
    struct summing sinks[OUTPUTS], letters_sink;
    struct sl_letters *letters;
    struct sl_pipes pipes[OUTPUTS];
    struct sl_epoch epoch;
};

static struct sl_expr *number(struct sl_expr_ctx *ctx) {
    return sl_expr_column(ctx, 0, &sl_type_long, false);
}
static struct sl_expr *call(struct fixture *f, struct sl_expr_ctx *ctx, const char *name,
                            struct sl_expr *a, struct sl_expr *b) {
    struct sl_expr *args[] = {a, b}, *out;
    if (sl_expr_call(ctx, sl_str(name), args, 2, (struct sl_span){0}, &out, &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    return out;
}

static struct sl_node *scan_node(struct sl_arena *arena) {
    struct sl_node *node = sl_node_new(arena, SL_NODE_SCAN, NULL, 1, (struct sl_span){0});
    struct sl_scan *scan = SL_NEW(arena, struct sl_scan);
    *scan = (struct sl_scan){.schema = &number_type, .streaming = true};
    node->columns[0] = (struct sl_column){.name = SL_STR("n"), .type = &sl_type_long};
    node->scan = scan;
    node->scan_columns = SL_NEW_ARRAY(arena, uint32_t, 1);
    return node;
}

static void make_pipe(struct fixture *f, int at, struct sl_node *plan) {
    if (sl_lower(&f->engine.arena, plan, &f->pipes[at], &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
}

static void make_plans(struct fixture *f) {
    struct sl_arena *arena = &f->engine.arena;
    struct sl_expr_ctx ctx = {arena, &f->session};
    struct sl_expr *two = sl_expr_literal_i64(&ctx, &sl_type_long, 2),
                   *zero = sl_expr_literal_i64(&ctx, &sl_type_long, 0),
                   *big = sl_expr_literal_i64(&ctx, &sl_type_long, INT64_MAX - 4000);
    make_pipe(f, ALL, scan_node(arena));
    make_pipe(f, EVEN,
              sl_node_filter(arena, scan_node(arena),
                             call(f, &ctx, "=", call(f, &ctx, "%", number(&ctx), two), zero),
                             (struct sl_span){0}));
    /* numbers above 4000 overflow */
    struct sl_expr **sum = SL_NEW_ARRAY(arena, struct sl_expr *, 1);
    sum[0] = call(f, &ctx, "-", call(f, &ctx, "+", number(&ctx), big), big);
    struct sl_column column = {.name = SL_STR("n"), .type = &sl_type_long};
    make_pipe(f, CHECKED,
              sl_node_project(arena, scan_node(arena), sum, &column, 1, (struct sl_span){0}));
}

static void open_sink(struct summing *sink) {
    *sink = (struct summing){.base = {&summing_ops}};
    pthread_mutex_init(&sink->mutex, NULL);
}

static void open_fixture(struct fixture *f) {
    *f = (struct fixture){.source = {.base = {&numbers_ops}}};
    sl_engine_init(&f->engine);
    sl_settings_set(f->engine.settings, SL_STR("sluice.workers"), SL_STR("3"), SL_FROM_FILE);
    assert_int_equal(sl_engine_start(&f->engine, 64 << 20, &f->err), SL_OK);
    assert_int_equal(sl_engine_session(&f->engine, &f->session, &f->err), SL_OK);
    make_plans(f);
    struct sl_arena *arena = &f->engine.arena;
    f->epoch = (struct sl_epoch){.engine = &f->engine, .feed_count = 1, .output_count = OUTPUTS};
    f->epoch.feeds = SL_NEW(arena, struct sl_feed);
    f->epoch.outputs = SL_NEW_ARRAY(arena, struct sl_output, OUTPUTS);
    struct sl_feed *feed = &f->epoch.feeds[0];
    feed->source = &f->source.base;
    feed->splits = SL_NEW_ARRAY(arena, struct sl_split, SPLITS);
    feed->split_count = SPLITS;
    for (uint32_t i = 0; i < SPLITS; i++)
        feed->splits[i] = (struct sl_split){.index = i, .rows_estimate = SPLIT_ROWS};
    feed->consumers = SL_NEW_ARRAY(arena, struct sl_consumer, OUTPUTS);
    feed->consumer_count = OUTPUTS;
    open_sink(&f->letters_sink);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        open_sink(&f->sinks[i]);
        feed->consumers[i] = (struct sl_consumer){f->pipes[i].items, i};
        f->epoch.outputs[i] = (struct sl_output){
            .session = &f->session, .sink = &f->sinks[i].base, .pipes = &f->pipes[i]};
    }
    f->letters = sl_letters_new(arena, SL_STR("checked"), SL_STR("id"), &f->session);
    f->letters->sink = &f->letters_sink.base;
    assert_int_equal(sl_letters_add_source(f->letters, &f->source.base, &f->err), SL_OK);
    sl_letters_begin(f->letters, 7, 0, false);
    f->epoch.outputs[CHECKED].letters = f->letters;
    sl_feed_choose_columns(feed, f->epoch.outputs, arena);
}

static void close_fixture(struct fixture *f) {
    sl_letters_release(f->letters);
    sl_engine_release(&f->engine);
}

static int64_t sum_to(int64_t count) { return count * (count - 1) / 2; }

void test_epoch_reads_once_for_all_outputs(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    if (sl_epoch_run(&f.epoch, &f.err) != SL_OK) fail_msg("%s", f.err.msg);
    int64_t count = SPLITS * SPLIT_ROWS;
    assert_int_equal(f.epoch.feeds[0].rows, count);
    assert_int_equal(atomic_load(&f.source.reads), SPLITS * 2); /* of 512 and 488 rows */
    assert_int_equal(f.sinks[ALL].rows, count);
    assert_int_equal(f.sinks[ALL].sum, sum_to(count));
    assert_int_equal(f.sinks[EVEN].rows, count / 2);
    assert_int_equal(f.sinks[EVEN].sum, 2 * sum_to(count / 2));
    assert_int_equal(f.sinks[CHECKED].rows, 4001); /* 0 .. 4000 */
    assert_int_equal(f.sinks[CHECKED].sum, sum_to(4001));
    assert_int_equal(f.letters->count, count - 4001);
    assert_int_equal(f.letters->by_kind[SL_FAULT_EVALUATION], count - 4001);
    assert_int_equal(f.letters_sink.rows, count - 4001);
    assert_non_null(strstr(f.letters->samples[0], "numbers"));
    for (int i = 0; i < OUTPUTS; i++) {
        assert_int_equal(f.epoch.outputs[i].times.rows_read, count);
        assert_int_equal(f.sinks[i].closed, f.sinks[i].writers);
        assert_int_equal(f.sinks[i].aborted, 0);
    }
    close_fixture(&f);
}

/* An output that an earlier run has committed: counted, its sink left alone. */
void test_epoch_skips_what_is_committed(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.epoch.outputs[EVEN].committed = true;
    sl_letters_begin(f.letters, 7, 0, true);
    if (sl_epoch_run(&f.epoch, &f.err) != SL_OK) fail_msg("%s", f.err.msg);
    assert_int_equal(f.sinks[EVEN].writers, 0);
    assert_int_equal(f.epoch.outputs[EVEN].times.rows_out, SPLITS * SPLIT_ROWS / 2);
    assert_int_equal(f.letters_sink.writers, 0);
    assert_int_equal(f.letters->count, SPLITS * SPLIT_ROWS - 4001);
    assert_int_equal(f.sinks[ALL].rows, SPLITS * SPLIT_ROWS);
    close_fixture(&f);
}

/* One output fails: the writers of its task go, in all outputs, and nothing leaks. */
void test_epoch_error_throws_away_every_output(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.sinks[EVEN].fails_at = 2600;
    f.epoch.outputs[EVEN].name = SL_STR("even");
    assert_int_equal(sl_epoch_run(&f.epoch, &f.err), SL_IO);
    assert_non_null(strstr(f.err.ctx, "query even"));
    for (int i = 0; i < OUTPUTS; i++) {
        assert_int_equal(f.sinks[i].closed + f.sinks[i].aborted, f.sinks[i].writers);
        assert_true(f.sinks[i].aborted > 0);
    }
    close_fixture(&f);
}

/* The same digest whatever the order of discovery; another one for other letters. */
void test_letters_have_a_digest(void **state) {
    (void)state;
    uint64_t digests[2];
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        open_fixture(&f);
        if (i) f.engine.batch_rows = 7;
        if (sl_epoch_run(&f.epoch, &f.err) != SL_OK) fail_msg("%s", f.err.msg);
        digests[i] = f.letters->digest;
        close_fixture(&f);
    }
    assert_int_equal(digests[0], digests[1]);
    assert_true(digests[0] != 0);
}
