/* sluice demo: the main job end to end on the embedded broker, told like a good guide would. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/kafka_connection.h"
#include "conn/console/show.h"
#include "conn/kafka/kafka_mock.h"
#include "gen/gen_orders.h"
#include "lake/listing.h"
#include "run/batch_query.h"
#include "run/runner.h"

enum { DEMO_PARTITIONS = 4, DEMO_ORDERS_DEFAULT = 10000, FLUSH_MS = 60000 };

struct demo {
    struct sl_cli *cli;
    const char *lake, *file;
    int64_t count;
    struct sl_kafka_mock *broker;
    struct sl_gen_runner sent;
    struct sl_kafka_producer *producer;
    struct sl_pipeline pipeline;
    struct sl_buf source;
    uint64_t rows_in, rows_out, files, partitions;
    int64_t broker_ms, generate_ms, run_ms, read_ms, mark_ns;
};

static int64_t lap_ms(struct demo *demo) {
    int64_t now = sl_clock_mono_ns(), ms = (now - demo->mark_ns) / 1000000;
    demo->mark_ns = now;
    return ms;
}

/* ---- 1. a broker, 2. orders ---- */

static enum sl_code start_broker(struct demo *demo, struct sl_err *err) {
    SL_TRY(sl_kafka_mock_start(0, &demo->broker, err));
    SL_TRY(sl_kafka_mock_create_topic(demo->broker, "orders", DEMO_PARTITIONS, err));
    demo->broker_ms = lap_ms(demo);
    printf("1. A broker: an embedded Kafka on %s, topic `orders` with %d partitions (%lld ms)\n\n",
           sl_kafka_mock_servers(demo->broker), DEMO_PARTITIONS, (long long)demo->broker_ms);
    return SL_OK;
}

static enum sl_code send_record(void *ctx, const struct sl_gen_record *record, struct sl_err *err) {
    struct demo *demo = ctx;
    return sl_kafka_producer_send(demo->producer, (int32_t)(record->sequence % DEMO_PARTITIONS),
                                  record->key, record->value, 0, err);
}

static enum sl_code generate_orders(struct demo *demo, struct sl_err *err) {
    struct sl_kafka_properties properties = {0};
    struct sl_kafka_wait wait = sl_cli_kafka_wait(demo->cli);
    struct sl_gen_config config = {.shape = SL_GEN_ORDERS9,
                                   .mode = SL_GEN_COUNT,
                                   .count = (uint64_t)demo->count,
                                   .rate = SL_GEN_RATE_MAX,
                                   .seed = 1,
                                   .late = 0.10,
                                   .duplicate = 0.02,
                                   .bad = 0.01,
                                   .negative = 0.01,
                                   .null = 0.01,
                                   .zero = -1};
    sl_kafka_property_add(&demo->cli->engine.arena, &properties, "bootstrap.servers",
                          sl_str(sl_kafka_mock_servers(demo->broker)));
    SL_TRY(sl_kafka_producer_open(&properties, SL_STR("orders"), NULL, &demo->cli->engine.log,
                                  &wait, &demo->producer, err));
    demo->sent = (struct sl_gen_runner){.send = send_record, .ctx = demo};
    enum sl_code code = sl_gen_run(&config, &demo->sent, err);
    if (code == SL_OK) code = sl_kafka_producer_flush(demo->producer, FLUSH_MS, err);
    sl_kafka_producer_close(demo->producer);
    SL_TRY(code);
    demo->generate_ms = lap_ms(demo);
    printf("2. Orders: %lld records as a shop sends them (%lld ms)\n", (long long)demo->count,
           (long long)demo->generate_ms);
    for (int kind = 0; kind < SL_GEN_KIND_COUNT; kind++)
        if (demo->sent.counts[kind])
            printf("     %-10s %7llu\n", sl_gen_kind_names[kind],
                   (unsigned long long)demo->sent.counts[kind]);
    return putchar('\n') == EOF ? sl_fail_sys(err, errno, "could not write to standard output")
                                : SL_OK;
}

/* ---- 3. the pipeline ---- */

static void take_report(void *ctx, const struct sl_batch_report *report) {
    struct demo *demo = ctx;
    for (uint32_t i = 0; i < report->source_count; i++) demo->rows_in += report->source_rows[i];
    demo->rows_out += report->sink.rows;
    demo->files += report->sink.files;
    demo->partitions += report->sink.partitions;
}

static enum sl_code run_orders(struct demo *demo, struct sl_err *err) {
    struct sl_settings *settings = demo->cli->engine.settings;
    sl_settings_set(settings, SL_STR("brokers"), sl_str(sl_kafka_mock_servers(demo->broker)),
                    SL_FROM_COMMAND_LINE);
    sl_settings_set(settings, SL_STR("lake"), sl_str(demo->lake), SL_FROM_COMMAND_LINE);
    SL_TRY(sl_cli_read(demo->file, &demo->source, err));
    SL_TRY(sl_pipeline_load(&demo->cli->engine, demo->file, sl_buf_str(&demo->source),
                            &demo->pipeline, err));
    struct sl_run_options options = {
        .trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW}, .report = take_report, .report_ctx = demo};
    SL_TRY(sl_run_pipeline(&demo->pipeline, &options, err));
    demo->run_ms = lap_ms(demo);
    uint64_t rejected = demo->rows_in - demo->rows_out;
    printf("3. The pipeline %s: JSON -> columns -> Parquet, exactly once (%lld ms)\n"
           "     rows in    %7llu\n     rows out   %7llu in %llu file%s, %llu partition%s\n     "
           "rejected   %7llu: broken JSON, no order_id or "
           "customer_id, or amount not above 0\n\n",
           demo->file, (long long)demo->run_ms, (unsigned long long)demo->rows_in,
           (unsigned long long)demo->rows_out, (unsigned long long)demo->files,
           demo->files == 1 ? "" : "s", (unsigned long long)demo->partitions,
           demo->partitions == 1 ? "" : "s", (unsigned long long)rejected);
    return SL_OK;
}

/* ---- 4. what is in the lake ---- */

static enum sl_code print_tree(struct demo *demo, struct sl_err *err) {
    struct sl_listing listing;
    struct sl_arena *arena = &demo->pipeline.arena;
    struct sl_str table = sl_arena_printf(arena, "%s/orders", demo->lake);
    SL_TRY(sl_listing_make(arena, table, true, &listing, err));
    printf("4. The table, as Spark, DuckDB and pyarrow see it:\n     %s\n", table.ptr);
    for (size_t i = 0; i < listing.count; i++)
        printf("       %s  %llu bytes\n", listing.files[i].path + table.len + 1,
               (unsigned long long)listing.files[i].bytes);
    printf("       _spark_metadata/0\n\n");
    return SL_OK;
}

struct ten_rows {
    struct sl_show *show;
    const struct sl_session *session;
};
static enum sl_code begin_rows(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    (void)err;
    struct ten_rows *rows = ctx;
    rows->show = sl_show_new(schema, 10, 0);
    rows->session = session;
    return SL_OK;
}
static enum sl_code take_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    struct ten_rows *rows = ctx;
    sl_show_add(rows->show, batch, rows->session);
    return SL_OK;
}

static enum sl_code print_rows(struct demo *demo, struct sl_err *err) {
    struct sl_pipeline select = {0};
    struct ten_rows rows = {0};
    struct sl_buf text = {0}, sql = {0};
    sl_buf_printf(&sql,
                  "SELECT order_id, customer_id, product_name, quantity, amount, status, "
                  "order_timestamp FROM parquet.`%s/orders` LIMIT 10",
                  demo->lake);
    enum sl_code code =
        sl_pipeline_load(&demo->cli->engine, "demo", sl_buf_str(&sql), &select, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&select, select.selects[0]->query, begin_rows, take_rows, &rows,
                                  err);
    if (code == SL_OK) {
        sl_show_finish(rows.show, &text);
        fwrite(text.ptr, 1, text.len, stdout);
        demo->read_ms = lap_ms(demo);
    }
    sl_show_free(rows.show);
    sl_buf_release(&text);
    sl_buf_release(&sql);
    sl_pipeline_release(&select);
    return code;
}

static void print_next_steps(const struct demo *demo) {
    printf("Time: broker %lld ms, orders %lld ms, pipeline %lld ms, reading %lld ms.\n\n",
           (long long)demo->broker_ms, (long long)demo->generate_ms, (long long)demo->run_ms,
           (long long)demo->read_ms);
    printf("The same by hand, with a Kafka of your own:\n"
           "  sluice gen orders --brokers localhost:9092 --topic orders --count %lld --dup 2%% "
           "--bad 1%% --negative 1%% --null 1%%\n"
           "  sluice run %s -s brokers=localhost:9092 -s lake=%s --available-now\n"
           "  sluice sql -c 'SELECT * FROM parquet.`%s/orders` LIMIT 10'\n\n",
           (long long)demo->count, demo->file, demo->lake, demo->lake);
    printf("Try next:\n"
           "  sluice explain %s -s brokers=x -s lake=%s\n"
           "  sluice checkpoint show %s/_checkpoints/orders\n"
           "  sluice sql -c 'SELECT status, amount, revenue FROM parquet.`%s/orders` WHERE amount "
           "> 2000 LIMIT 5'\n",
           demo->file, demo->lake, demo->lake, demo->lake);
}

/* ---- the command ---- */

static enum sl_code guide(struct demo *demo, struct sl_err *err) {
    demo->mark_ns = sl_clock_mono_ns();
    SL_TRY(start_broker(demo, err));
    SL_TRY(generate_orders(demo, err));
    SL_TRY(run_orders(demo, err));
    SL_TRY(print_tree(demo, err));
    SL_TRY(print_rows(demo, err));
    print_next_steps(demo);
    return SL_OK;
}

static enum sl_code choose_lake(struct sl_cli *cli, struct sl_args *args, const char **out,
                                struct sl_err *err) {
    const char *given = sl_args_get(args, "lake", NULL);
    if (given) return *out = given, SL_OK;
    char *dir = sl_arena_cstr(&cli->engine.arena, SL_STR("/tmp/sluice-demo-XXXXXX"));
    *out = dir;
    return mkdtemp(dir) ? SL_OK : sl_fail_sys(err, errno, "could not make a directory in /tmp");
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    struct demo demo = {.cli = &cli, .count = DEMO_ORDERS_DEFAULT, .file = "examples/orders.sql"};
    if (!sl_args_has(args, "verbose")) cli.engine.log.level = SL_LOG_WARN;
    enum sl_code code = sl_args_expect(args, 0, 1, command->usage, &err);
    if (args->positional_count) demo.file = args->positional[0];
    if (code == SL_OK) code = sl_args_int(args, "count", &demo.count, &err);
    if (code == SL_OK) code = sl_cli_start(&cli, args, &err);
    if (code == SL_OK) code = choose_lake(&cli, args, &demo.lake, &err);
    sl_cli_catch_signals(&cli);
    if (code == SL_OK) code = guide(&demo, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, demo.file, sl_buf_str(&demo.source));
    sl_kafka_mock_stop(demo.broker);
    sl_pipeline_release(&demo.pipeline);
    sl_buf_release(&demo.source);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"count", 'n', "N", "orders to generate (default 10000)"},
    {"lake", 0, "DIR", "where the table goes (default: a new directory in /tmp)"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_demo = {
    .name = "demo",
    .summary = "the main job end to end on an embedded broker, in seconds",
    .usage = "demo [FILE.sql]",
    .flags = flags,
    .examples = "  sluice demo\n",
    .run = run,
};
