/* sluice demo: the main job end to end on the embedded broker, told like a good guide would. */
#include <ctype.h>
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
#include "run/query_target.h"
#include "run/runner.h"

/* examples/orders.sql, by cmake/embed.cmake */
extern const char sl_demo_sql[];
extern const size_t sl_demo_sql_len;

/* The embedded broker keeps 5 MB per partition and forgets the rest: the pipeline reads what was
 * sent before more is sent. */
enum { DEMO_PARTITIONS = 4, DEMO_ORDERS_DEFAULT = 10000, ROUND_ORDERS = 200000, FLUSH_MS = 60000 };
enum { TREE_FILES_MAX = 12 };

struct demo {
    struct sl_cli *cli;
    const char *lake;
    bool lake_is_ours; /* made in the temporary directory */
    const char *given; /* FILE.sql, or NULL: the built-in pipeline */
    const char *file;  /* its name in messages */
    int64_t count;
    struct sl_kafka_mock *broker;
    struct sl_gen_runner sent;
    struct sl_kafka_producer *producer;
    struct sl_pipeline pipeline;
    bool *can_read; /* by query of a pipeline of the user's own: its table has rows */
    struct sl_buf source;
    uint64_t rows_in, rows_out, files, partitions, batches, sent_in_round;
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

static enum sl_code end_round(struct demo *demo, struct sl_err *err);

static enum sl_code send_record(void *ctx, const struct sl_gen_record *record, struct sl_err *err) {
    struct demo *demo = ctx;
    if (demo->sent_in_round == ROUND_ORDERS) SL_TRY(end_round(demo, err));
    demo->sent_in_round++;
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
    demo->generate_ms += lap_ms(demo);
    print_sent(demo);
    return sl_cli_flush(err);
}

/* ---- 3. the pipeline ---- */

static void take_report(void *ctx, const struct sl_batch_report *report) {
    struct demo *demo = ctx;
    for (uint32_t i = 0; i < report->source_count; i++) demo->rows_in += report->source_rows[i];
    demo->rows_out += report->sink.rows;
    demo->files += report->sink.files;
    demo->batches++;
    if (demo->partitions < report->sink.partitions) demo->partitions = report->sink.partitions;
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

static void print_reason(uint64_t count, const char *reason) {
    if (count) printf("       %7llu  %s\n", (unsigned long long)count, reason);
}

/* Which records are missing from the table, by what the generator knows of them. */
static void print_rejected(const struct demo *demo) {
    const uint64_t *sent = demo->sent.counts;
    uint64_t rejected = demo->rows_in - demo->rows_out;
    printf(
        "     rejected   %7llu by WHERE amount > 0 AND order_id IS NOT NULL AND customer_id IS NOT "
        "NULL%s\n",
        (unsigned long long)rejected, rejected ? ":" : "");
    print_reason(sent[SL_GEN_BAD], "broken JSON (from_json gives NULL)");
    print_reason(sent[SL_GEN_NEGATIVE], "amount below 0");
    print_reason(sent[SL_GEN_NULL], "a NULL where a value must be");
    if (sent[SL_GEN_DUPLICATE])
        printf(
            "     The %llu duplicate%s in the table: the shop sent an order twice, so it is two\n"
            "     Kafka records. Exactly once is about records; deduplication is an operator of\n"
            "     its own, which this pipeline does not use.\n",
            (unsigned long long)sent[SL_GEN_DUPLICATE],
            sent[SL_GEN_DUPLICATE] == 1 ? " is" : "s are");
    printf("\n");
}

static enum sl_code read_pipeline(struct demo *demo, struct sl_err *err) {
    if (demo->given) return sl_cli_read(demo->given, &demo->source, err);
    sl_buf_put(&demo->source, sl_demo_sql, sl_demo_sql_len);
    return SL_OK;
}

/* A variable stands within a literal: what would end the literal is escaped. */
static struct sl_str escaped(struct sl_arena *arena, const char *text) {
    struct sl_buf out = {0};
    for (; *text; text++) {
        if (strchr("'\"\\", *text)) sl_buf_put_byte(&out, '\\');
        sl_buf_put_byte(&out, *text);
    }
    struct sl_str copy = sl_arena_str(arena, sl_buf_str(&out));
    sl_buf_release(&out);
    return copy;
}

static enum sl_code load_pipeline(struct demo *demo, struct sl_err *err) {
    struct sl_settings *settings = demo->cli->engine.settings;
    sl_settings_set(settings, SL_STR("brokers"), sl_str(sl_kafka_mock_servers(demo->broker)),
                    SL_FROM_COMMAND_LINE);
    sl_settings_set(settings, SL_STR("lake"), escaped(&demo->cli->engine.arena, demo->lake),
                    SL_FROM_COMMAND_LINE);
    return sl_pipeline_load(&demo->cli->engine, demo->file, sl_buf_str(&demo->source),
                            &demo->pipeline, err);
}

/* Ctrl-C ends a run well, with its batch committed or not begun, but not the tour. */
static enum sl_code run_batches(struct demo *demo, struct sl_err *err) {
    struct sl_run_options options = {
        .trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW}, .report = take_report, .report_ctx = demo};
    SL_TRY(sl_run_pipeline(&demo->pipeline, &options, err));
    demo->run_ms += lap_ms(demo);
    return stopping(demo) ? sl_fail(err, SL_CANCELED, "asked to stop") : SL_OK;
}

static enum sl_code end_round(struct demo *demo, struct sl_err *err) {
    SL_TRY(sl_kafka_producer_flush(demo->producer, FLUSH_MS, err));
    demo->sent_in_round = 0;
    demo->generate_ms += lap_ms(demo);
    return run_batches(demo, err);
}

/* A tour that shows numbers must not show the wrong ones. */
static enum sl_code check_rows(const struct demo *demo, struct sl_err *err) {
    if (demo->given || demo->rows_in == (uint64_t)demo->count) return SL_OK;
    return sl_fail(err, SL_BUG, "%lld orders were sent, but the pipeline read %llu",
                   (long long)demo->count, (unsigned long long)demo->rows_in);
}

static enum sl_code run_orders(struct demo *demo, struct sl_err *err) {
    SL_TRY(run_batches(demo, err));
    SL_TRY(check_rows(demo, err));
    printf("3. The pipeline %s%s (%lld ms)\n", demo->file,
           demo->given ? "" : ": JSON -> columns -> Parquet, exactly once",
           (long long)demo->run_ms);
    if (!demo->given) printf("     `sluice demo --print-sql` shows it\n");
    printf("     rows in    %7llu in %llu batch%s\n     rows out   %7llu in %llu file%s, %llu "
           "partition%s\n",
           (unsigned long long)demo->rows_in, (unsigned long long)demo->batches,
           demo->batches == 1 ? "" : "es", (unsigned long long)demo->rows_out,
           (unsigned long long)demo->files, plural(demo->files),
           (unsigned long long)demo->partitions, plural(demo->partitions));
    if (demo->given)
        printf("\n");
    else
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
    for (size_t i = 0; i < listing.count && i < TREE_FILES_MAX; i++)
        printf("       %s  %llu bytes\n", listing.files[i].path + table.len + 1,
               (unsigned long long)listing.files[i].bytes);
    if (listing.count > TREE_FILES_MAX)
        printf("       .. and %zu more\n", listing.count - TREE_FILES_MAX);
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

/* parquet.`lake/orders` */
static void put_table(struct sl_buf *out, struct sl_str format, struct sl_str path) {
    sl_buf_put_str(out, format);
    sl_buf_put_cstr(out, ".`");
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '`') sl_buf_put_byte(out, '`');
        sl_buf_put_byte(out, path.ptr[i]);
    }
    sl_buf_put_byte(out, '`');
}

static struct sl_str orders_of(const struct demo *demo, struct sl_buf *path) {
    sl_buf_printf(path, "%s/orders", demo->lake);
    return sl_buf_str(path);
}

static void put_orders(struct sl_buf *out, const struct demo *demo) {
    struct sl_buf path = {0};
    put_table(out, SL_STR("parquet"), orders_of(demo, &path));
    sl_buf_release(&path);
}

/* Ten rows of a SELECT. */
static enum sl_code show_rows(struct demo *demo, struct sl_str sql, struct sl_err *err) {
    struct sl_pipeline select = {0};
    struct ten_rows rows = {0};
    struct sl_buf text = {0};
    enum sl_code code = sl_pipeline_load(&demo->cli->engine, "demo", sql, &select, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&select, select.selects[0]->query, begin_rows, take_rows, &rows,
                                  err);
    if (code == SL_OK) {
        sl_show_finish(rows.show, &text);
        code = sl_cli_print(sl_buf_str(&text), err);
        demo->read_ms += lap_ms(demo);
    }
    sl_show_free(rows.show);
    sl_buf_release(&text);
    sl_pipeline_release(&select);
    return code;
}

static enum sl_code print_rows(struct demo *demo, struct sl_err *err) {
    struct sl_buf sql = {0};
    sl_buf_put_cstr(&sql, "SELECT order_id, customer_id, product_name, quantity, amount, status, "
                          "order_timestamp FROM ");
    put_orders(&sql, demo);
    sl_buf_put_cstr(&sql, " LIMIT 10");
    enum sl_code code = show_rows(demo, sl_buf_str(&sql), err);
    sl_buf_release(&sql);
    return code;
}

/* ---- 4. what a pipeline of the user's own has written ---- */

/* The table that query `i` is the first to write, if it can be read back. */
static const struct sl_statement *table_of(const struct demo *demo, uint32_t i) {
    const struct sl_statement *target = demo->pipeline.queries[i].target;
    if (!target || !target->location.len) return NULL;
    for (uint32_t k = 0; k < i; k++)
        if (demo->pipeline.queries[k].target == target) return NULL;
    struct sl_str format = sl_target_format(target);
    return sl_str_eq_nocase(format, SL_STR("parquet")) || sl_str_eq_nocase(format, SL_STR("delta"))
               ? target
               : NULL;
}

/* A table without a file yet has no rows, and perhaps no schema: a window may still be open. */
static enum sl_code print_tables(struct demo *demo, struct sl_err *err) {
    uint32_t count = demo->pipeline.query_count;
    demo->can_read = SL_NEW_ARRAY(&demo->pipeline.arena, bool, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_statement *table = table_of(demo, i);
        struct sl_buf sql = {0};
        struct sl_err local = {0};
        demo->can_read[i] = false;
        if (!table) continue;
        sl_buf_put_cstr(&sql, "SELECT * FROM ");
        put_table(&sql, sl_target_format(table), table->location);
        printf("4. %.*s\n", SL_STR_ARG(table->location));
        sl_buf_put_cstr(&sql, " LIMIT 10");
        enum sl_code code = show_rows(demo, sl_buf_str(&sql), &local);
        sl_buf_release(&sql);
        if (code != SL_OK && code != SL_USER) return err ? (*err = local, code) : code;
        demo->can_read[i] = code == SL_OK;
        if (code == SL_USER) printf("     no rows yet\n\n");
    }
    return sl_cli_flush(err);
}

/* ---- 5. what next ---- */

/* A word of a shell command, in quotes where it needs them. */
static void put_word(struct sl_buf *out, struct sl_str word) {
    bool plain = word.len > 0;
    for (size_t i = 0; i < word.len && plain; i++)
        plain = isalnum((unsigned char)word.ptr[i]) || strchr("/._-=:,+@%", word.ptr[i]);
    if (plain) {
        sl_buf_put_str(out, word);
        return;
    }
    sl_buf_put_byte(out, '\'');
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == '\'')
            sl_buf_put_cstr(out, "'\\''");
        else
            sl_buf_put_byte(out, word.ptr[i]);
    sl_buf_put_byte(out, '\'');
}

static void put_by_hand(struct sl_buf *out, const struct demo *demo) {
    sl_buf_put_cstr(out, "The same by hand, with a Kafka of your own:\n");
    if (!demo->given) sl_buf_put_cstr(out, "  sluice demo --print-sql > orders.sql\n");
    sl_buf_printf(
        out,
        "  sluice gen orders --brokers localhost:9092 --topic orders --count %lld --dup 2%% "
        "--bad 1%% --negative 1%% --null 1%%\n  sluice run ",
        (long long)demo->count);
    put_word(out, sl_str(demo->file));
    sl_buf_put_cstr(out, " -s brokers=localhost:9092 -s lake=/tmp/lake --available-now\n");
    if (!demo->given)
        sl_buf_put_cstr(out,
                        "  sluice sql -c 'SELECT * FROM parquet.`/tmp/lake/orders` LIMIT 10'\n");
    sl_buf_put_byte(out, '\n');
}

static void put_select(struct sl_buf *out, struct sl_str sql) {
    sl_buf_put_cstr(out, "  sluice sql -c ");
    put_word(out, sql);
    sl_buf_put_byte(out, '\n');
}

static void put_show(struct sl_buf *out, struct sl_str checkpoint) {
    if (!checkpoint.len) return;
    sl_buf_put_cstr(out, "  sluice checkpoint show ");
    put_word(out, checkpoint);
    sl_buf_put_byte(out, '\n');
}

/* Commands for each table of the user's own pipeline. */
static void put_given(struct sl_buf *out, struct demo *demo) {
    for (uint32_t i = 0; i < demo->pipeline.query_count; i++) {
        const struct sl_query_spec *spec = &demo->pipeline.queries[i];
        const struct sl_statement *table = table_of(demo, i);
        struct sl_buf sql = {0};
        if (!spec->target) continue;
        sl_buf_put_cstr(&sql, "SELECT count(*) FROM ");
        if (table) put_table(&sql, sl_target_format(table), table->location);
        if (table && demo->can_read[i]) put_select(out, sl_buf_str(&sql));
        sl_buf_release(&sql);
        put_show(out, sl_target_checkpoint(spec->target, spec->name, demo->cli->engine.settings,
                                           &demo->pipeline.arena));
    }
    sl_buf_put_cstr(out, "  sluice explain ");
    put_word(out, sl_str(demo->file));
    sl_buf_put_byte(out, '\n');
}

static void put_built_in(struct sl_buf *out, const struct demo *demo) {
    struct sl_buf text = {0};
    sl_buf_put_cstr(&text, "SELECT order_id, status, amount, revenue FROM ");
    put_orders(&text, demo);
    sl_buf_put_cstr(&text, " WHERE amount > 2000 LIMIT 5");
    put_select(out, sl_buf_str(&text));
    sl_buf_clear(&text);
    sl_buf_printf(&text, "%s/_checkpoints/orders", demo->lake);
    put_show(out, sl_buf_str(&text));
    sl_buf_put_cstr(out, "  sluice demo --print-sql | sluice explain -\n");
    sl_buf_release(&text);
}

static void put_next(struct sl_buf *out, struct demo *demo) {
    sl_buf_put_cstr(out, "Try next, with what this demo wrote:\n");
    if (demo->given)
        put_given(out, demo);
    else
        put_built_in(out, demo);
    if (!demo->lake_is_ours) return;
    sl_buf_put_cstr(out, "  rm -r ");
    put_word(out, sl_str(demo->lake));
    sl_buf_put_byte(out, '\n');
}

static enum sl_code print_next_steps(struct demo *demo, struct sl_err *err) {
    struct sl_buf out = {0};
    sl_buf_printf(&out,
                  "Time: broker %lld ms, orders %lld ms, pipeline %lld ms, reading %lld ms.\n\n",
                  (long long)demo->broker_ms, (long long)demo->generate_ms, (long long)demo->run_ms,
                  (long long)demo->read_ms);
    put_by_hand(&out, demo);
    put_next(&out, demo);
    enum sl_code code = sl_cli_print(sl_buf_str(&out), err);
    sl_buf_release(&out);
    return code;
}

/* ---- the command ---- */

static enum sl_code guide(struct demo *demo, struct sl_err *err) {
    SL_TRY(read_pipeline(demo, err)); /* before anything is started: the file may be missing */
    demo->mark_ns = sl_clock_mono_ns();
    SL_TRY(start_broker(demo, err));
    SL_TRY(load_pipeline(demo, err));
    SL_TRY(generate_orders(demo, err));
    SL_TRY(run_orders(demo, err));
    if (demo->given) {
        SL_TRY(print_tables(demo, err));
    } else {
        SL_TRY(print_tree(demo, err));
        SL_TRY(print_rows(demo, err));
    }
    return print_next_steps(demo, err);
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
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent) parent = "/tmp";
    struct sl_str dir = sl_arena_printf(&cli->engine.arena, "%s/sluice-demo-XXXXXX", parent);
    if (mkdtemp((char *)dir.ptr)) return *out = dir.ptr, SL_OK;
    sl_fail_sys(err, errno, "could not make a directory in `%s`", parent);
    return sl_hint(err, "name a place with --lake DIR, or set TMPDIR"), err->code;
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
    if (code != SL_OK && demo.lake && demo.lake_is_ours && rmdir(demo.lake) != 0)
        fprintf(stderr, "note: what was written so far is in %s\n", demo.lake);
    sl_kafka_mock_stop(demo.broker);
    sl_pipeline_release(&demo.pipeline);
    sl_buf_release(&demo.source);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"count", 'n', "N", "orders to generate (default 10000)"},
    {"lake", 0, "DIR", "where the table goes (default: a new directory in $TMPDIR or /tmp)"},
    {"print-sql", 0, NULL, "print the pipeline the demo runs, and do nothing else"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_demo = {
    .name = "demo",
    .summary = "the main job, or a pipeline of yours, over orders on an embedded broker",
    .usage = "demo [FILE.sql]",
    .flags = flags,
    .examples = "  sluice demo\n  sluice demo --count 1000000 --lake /tmp/lake\n"
                "  sluice demo --print-sql > mine.sql      (change it, then:)\n"
                "  sluice demo mine.sql                    reads topic `orders` at ${brokers}\n",
    .run = run,
};
