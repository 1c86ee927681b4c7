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

/* examples/orders.sql, by cmake/embed.cmake */
extern const char sl_demo_sql[];
extern const size_t sl_demo_sql_len;

enum { DEMO_PARTITIONS = 4, DEMO_ORDERS_DEFAULT = 10000, FLUSH_MS = 60000 };

struct demo {
    struct sl_cli *cli;
    const char *lake;
    bool lake_is_ours; /* made in /tmp */
    const char *given; /* FILE.sql, or NULL: the built-in pipeline */
    const char *file;  /* its name in messages */
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

static bool stopping(void *ctx) {
    return sl_engine_is_stopping(&((struct demo *)ctx)->cli->engine);
}

static void print_sent(const struct demo *demo) {
    static const char *const notes[SL_GEN_KIND_COUNT] = {
        [SL_GEN_LATE] = "event time minutes old; they land in the partition of their event time",
        [SL_GEN_DUPLICATE] = "records sent twice",
        [SL_GEN_BAD] = "broken JSON",
        [SL_GEN_NEGATIVE] = "amount below 0",
        [SL_GEN_NULL] = "no order_id, customer_id or amount, or no value at all"};
    printf("2. Orders: %lld records as a shop sends them (%lld ms)\n", (long long)demo->count,
           (long long)demo->generate_ms);
    for (int kind = 0; kind < SL_GEN_KIND_COUNT; kind++)
        if (demo->sent.counts[kind])
            printf("     %-10s %7llu%s%s\n", sl_gen_kind_names[kind],
                   (unsigned long long)demo->sent.counts[kind], notes[kind] ? "  " : "",
                   notes[kind] ? notes[kind] : "");
    printf("\n");
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
    demo->sent = (struct sl_gen_runner){.send = send_record, .stopping = stopping, .ctx = demo};
    enum sl_code code = sl_gen_run(&config, &demo->sent, err);
    if (code == SL_OK && stopping(demo)) code = sl_fail(err, SL_CANCELED, "asked to stop");
    if (code == SL_OK) code = sl_kafka_producer_flush(demo->producer, FLUSH_MS, err);
    sl_kafka_producer_close(demo->producer);
    SL_TRY(code);
    demo->generate_ms = lap_ms(demo);
    print_sent(demo);
    return sl_cli_flush(err);
}

/* ---- 3. the pipeline ---- */

static void take_report(void *ctx, const struct sl_batch_report *report) {
    struct demo *demo = ctx;
    for (uint32_t i = 0; i < report->source_count; i++) demo->rows_in += report->source_rows[i];
    demo->rows_out += report->sink.rows;
    demo->files += report->sink.files;
    demo->partitions += report->sink.partitions;
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

/* Which records are missing from the table, by what the generator knows of them; a pipeline of the
 * user's own may have reasons of its own. */
static void print_rejected(const struct demo *demo) {
    const uint64_t *sent = demo->sent.counts;
    uint64_t rejected = demo->rows_in - demo->rows_out;
    printf("     rejected   %7llu", (unsigned long long)rejected);
    if (rejected != sent[SL_GEN_BAD] + sent[SL_GEN_NEGATIVE] + sent[SL_GEN_NULL]) {
        printf(" by the WHERE clauses of %s\n\n", demo->file);
        return;
    }
    printf(" by WHERE amount > 0 AND order_id IS NOT NULL AND customer_id IS NOT NULL:\n"
           "       %7llu  broken JSON (from_json gives NULL)\n"
           "       %7llu  amount below 0\n       %7llu  a NULL where a value must be\n",
           (unsigned long long)sent[SL_GEN_BAD], (unsigned long long)sent[SL_GEN_NEGATIVE],
           (unsigned long long)sent[SL_GEN_NULL]);
    printf(
        "     The %llu duplicates are in the table: the shop sent them twice, so they are two\n"
        "     Kafka records. Exactly once is about records; deduplication is an operator of its\n"
        "     own, which this pipeline does not use.\n\n",
        (unsigned long long)sent[SL_GEN_DUPLICATE]);
}

static enum sl_code read_pipeline(struct demo *demo, struct sl_err *err) {
    if (demo->given) return sl_cli_read(demo->given, &demo->source, err);
    sl_buf_put(&demo->source, sl_demo_sql, sl_demo_sql_len);
    return SL_OK;
}

static enum sl_code run_orders(struct demo *demo, struct sl_err *err) {
    struct sl_settings *settings = demo->cli->engine.settings;
    sl_settings_set(settings, SL_STR("brokers"), sl_str(sl_kafka_mock_servers(demo->broker)),
                    SL_FROM_COMMAND_LINE);
    sl_settings_set(settings, SL_STR("lake"), sl_str(demo->lake), SL_FROM_COMMAND_LINE);
    SL_TRY(sl_pipeline_load(&demo->cli->engine, demo->file, sl_buf_str(&demo->source),
                            &demo->pipeline, err));
    struct sl_run_options options = {
        .trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW}, .report = take_report, .report_ctx = demo};
    SL_TRY(sl_run_pipeline(&demo->pipeline, &options, err));
    demo->run_ms = lap_ms(demo);
    /* Ctrl-C ends a run well, with its batch committed or not begun, but not the tour */
    if (stopping(demo)) return sl_fail(err, SL_CANCELED, "asked to stop");
    printf("3. The pipeline %s: JSON -> columns -> Parquet, exactly once (%lld ms)\n", demo->file,
           (long long)demo->run_ms);
    if (!demo->given) printf("     `sluice demo --print-sql` shows it\n");
    printf("     rows in    %7llu\n     rows out   %7llu in %llu file%s, %llu partition%s\n",
           (unsigned long long)demo->rows_in, (unsigned long long)demo->rows_out,
           (unsigned long long)demo->files, plural(demo->files),
           (unsigned long long)demo->partitions, plural(demo->partitions));
    print_rejected(demo);
    return sl_cli_flush(err);
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
    printf("       _spark_metadata/  the list of files that count, for Spark\n\n");
    return sl_cli_flush(err);
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
        code = sl_cli_print(sl_buf_str(&text), err);
        demo->read_ms = lap_ms(demo);
    }
    sl_show_free(rows.show);
    sl_buf_release(&text);
    sl_buf_release(&sql);
    sl_pipeline_release(&select);
    return code;
}

static void print_next_steps(const struct demo *demo) {
    const char *file = demo->given ? demo->given : "orders.sql";
    printf("Time: broker %lld ms, orders %lld ms, pipeline %lld ms, reading %lld ms.\n\n",
           (long long)demo->broker_ms, (long long)demo->generate_ms, (long long)demo->run_ms,
           (long long)demo->read_ms);
    printf("The same by hand, with a Kafka of your own:\n");
    if (!demo->given) printf("  sluice demo --print-sql > orders.sql\n");
    printf("  sluice gen orders --brokers localhost:9092 --topic orders --count %lld --dup 2%% "
           "--bad 1%% --negative 1%% --null 1%%\n"
           "  sluice run %s -s brokers=localhost:9092 -s lake=/tmp/lake --available-now\n"
           "  sluice sql -c 'SELECT * FROM parquet.`/tmp/lake/orders` LIMIT 10'\n\n",
           (long long)demo->count, file);
    printf("Try next, with the table of this demo:\n"
           "  sluice sql -c 'SELECT order_id, status, amount, revenue FROM parquet.`%s/orders` "
           "WHERE amount > 2000 LIMIT 5'\n"
           "  sluice checkpoint show %s/_checkpoints/orders\n",
           demo->lake, demo->lake);
    if (demo->given)
        printf("  sluice explain %s\n", file);
    else
        printf("  sluice demo --print-sql | sluice explain -\n");
    if (demo->lake_is_ours) printf("  rm -r %s\n", demo->lake);
}

/* ---- the command ---- */

static enum sl_code guide(struct demo *demo, struct sl_err *err) {
    SL_TRY(read_pipeline(demo, err)); /* before anything is started: the file may be missing */
    demo->mark_ns = sl_clock_mono_ns();
    SL_TRY(start_broker(demo, err));
    SL_TRY(generate_orders(demo, err));
    SL_TRY(run_orders(demo, err));
    SL_TRY(print_tree(demo, err));
    SL_TRY(print_rows(demo, err));
    print_next_steps(demo);
    return sl_cli_flush(err);
}

/* A checkpoint of an earlier demo would find its offsets done in the new broker, and read nothing.
 */
static enum sl_code check_lake(struct sl_cli *cli, const char *lake, struct sl_err *err) {
    struct sl_file_info info = {0};
    struct sl_str checkpoints = sl_arena_printf(&cli->engine.arena, "%s/_checkpoints", lake);
    SL_TRY(sl_io_stat(checkpoints.ptr, &info, err));
    if (!info.exists) return SL_OK;
    sl_fail(err, SL_USAGE, "`%s` holds the lake of an earlier run", lake);
    return sl_hint(err, "give a new directory: the demo's broker is new each time, and an old "
                        "checkpoint does not fit it"),
           SL_USAGE;
}

static enum sl_code choose_lake(struct sl_cli *cli, struct sl_args *args, const char **out,
                                struct sl_err *err) {
    const char *given = sl_args_get(args, "lake", NULL);
    if (given) return *out = given, check_lake(cli, given, err);
    char *dir = sl_arena_cstr(&cli->engine.arena, SL_STR("/tmp/sluice-demo-XXXXXX"));
    *out = dir;
    return mkdtemp(dir) ? SL_OK : sl_fail_sys(err, errno, "could not make a directory in /tmp");
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    if (sl_args_has(args, "print-sql")) return fwrite(sl_demo_sql, 1, sl_demo_sql_len, stdout), 0;
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    struct demo demo = {.cli = &cli, .count = DEMO_ORDERS_DEFAULT, .file = "orders.sql"};
    if (!sl_args_has(args, "verbose")) cli.engine.log.level = SL_LOG_WARN;
    enum sl_code code = sl_args_expect(args, 0, 1, command->usage, &err);
    if (args->positional_count) demo.given = demo.file = args->positional[0];
    if (code == SL_OK) code = sl_args_int(args, "count", &demo.count, &err);
    if (code == SL_OK && demo.count < 1)
        code = sl_fail(&err, SL_USAGE, "`--count` must be at least 1");
    if (code == SL_OK) code = sl_cli_start(&cli, args, &err);
    if (code == SL_OK) code = choose_lake(&cli, args, &demo.lake, &err);
    demo.lake_is_ours = !sl_args_has(args, "lake");
    sl_cli_catch_signals(&cli);
    if (code == SL_OK) code = guide(&demo, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, demo.file, sl_buf_str(&demo.source));
    if (code != SL_OK && demo.lake && demo.lake_is_ours)
        rmdir(demo.lake); /* unless something is in it */
    sl_kafka_mock_stop(demo.broker);
    sl_pipeline_release(&demo.pipeline);
    sl_buf_release(&demo.source);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"count", 'n', "N", "orders to generate (default 10000)"},
    {"lake", 0, "DIR", "where the table goes (default: a new directory in /tmp)"},
    {"print-sql", 0, NULL, "print the pipeline the demo runs, and do nothing else"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_demo = {
    .name = "demo",
    .summary = "the main job end to end on an embedded broker, in seconds",
    .usage = "demo [FILE.sql]",
    .flags = flags,
    .examples = "  sluice demo\n  sluice demo --count 1000000 --lake /tmp/lake\n"
                "  sluice demo --print-sql > orders.sql\n",
    .run = run,
};
