/* sluice gen orders | nexmark: the generators into a Kafka topic or to standard output. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/kafka_connection.h"
#include "gen/gen_orders.h"

struct output {
    struct sl_cli *cli;
    struct sl_kafka_producer *producer; /* NULL: standard output */
    int32_t partitions;
    bool keyed; /* partition by the key's hash instead of in turn */
    FILE *ledger;
    struct sl_buf line;
};

static enum sl_code ledger_failed(int reason, struct sl_err *err) {
    sl_fail_sys(err, reason, "could not write the ledger");
    err->hint[0] = '\0'; /* that of a full disk is about a pipeline */
    return err->code;
}

static enum sl_code send_record(void *ctx, const struct sl_gen_record *record, struct sl_err *err) {
    struct output *output = ctx;
    if (output->ledger) {
        sl_buf_clear(&output->line);
        sl_gen_ledger_put(&output->line, record);
        if (output->line.len &&
            fwrite(output->line.ptr, 1, output->line.len, output->ledger) != output->line.len)
            return ledger_failed(errno, err);
    }
    if (output->producer) {
        int32_t partition =
            output->keyed ? -1 : (int32_t)(record->sequence % (uint64_t)output->partitions);
        return sl_kafka_producer_send(output->producer, partition, record->key, record->value, 0,
                                      err);
    }
    SL_TRY(sl_cli_put(record->value, err));
    return sl_cli_put(SL_STR("\n"), err);
}

static void idle(void *ctx) {
    struct output *output = ctx;
    if (output->producer)
        sl_kafka_producer_poll(output->producer);
    else
        fflush(stdout);
}

static bool stopping(void *ctx) {
    return sl_engine_is_stopping(&((struct output *)ctx)->cli->engine);
}

/* ---- flags to configuration ---- */

static enum sl_code read_share(const struct sl_args *args, const char *name, double *out,
                               struct sl_err *err) {
    const char *text = sl_args_get(args, name, NULL);
    if (!text || sl_gen_share_parse(sl_str(text), out)) return SL_OK;
    return sl_fail(err, SL_USAGE, "`--%s` is `%s`; it must be a share such as 5%% or 0.05", name,
                   text);
}

static enum sl_code read_mode(const struct sl_args *args, struct sl_gen_config *out,
                              struct sl_err *err) {
    static const char *const names[] = {"continuous", "count", "burst", "fast"};
    int64_t count = 0, seed = 1, first = 0;
    const char *mode =
        sl_args_get(args, "mode", sl_args_has(args, "count") ? "count" : "continuous");
    SL_TRY(sl_args_int(args, "count", &count, err));
    SL_TRY(sl_args_int(args, "seed", &seed, err));
    SL_TRY(sl_args_int(args, "first", &first, err));
    if (strcmp(mode, "count") == 0 && count == 0)
        return sl_fail(err, SL_USAGE, "`--mode count` needs `--count N`");
    if (count < 0 || first < 0)
        return sl_fail(err, SL_USAGE, "--count and --first must not be negative");
    out->count = (uint64_t)count;
    out->seed = (uint64_t)seed;
    out->first_number = (uint64_t)first;
    for (int i = 0; i < 4; i++)
        if (strcmp(mode, names[i]) == 0) return out->mode = (enum sl_gen_mode)i, SL_OK;
    return sl_fail(err, SL_USAGE, "`--mode` is `%s`; it must be continuous, count, burst or fast",
                   mode);
}

static enum sl_code read_rate(const struct sl_args *args, struct sl_gen_config *out,
                              struct sl_err *err) {
    const char *text = sl_args_get(args, "rate", NULL);
    char *end;
    if (!text) return SL_OK;
    if (strcmp(text, "max") == 0) return out->rate = SL_GEN_RATE_MAX, SL_OK;
    out->rate = strtod(text, &end);
    if (*end || end == text || !(out->rate > 0))
        return sl_fail(err, SL_USAGE, "`--rate` is `%s`; it must be records a second, or max",
                       text);
    return SL_OK;
}

static enum sl_code read_clock(const struct sl_args *args, struct sl_gen_config *out,
                               struct sl_err *err) {
    const char *text = sl_args_get(args, "virtual-clock", NULL);
    char *end;
    if (!text) return SL_OK;
    if (*text == 'x') text++;
    out->clock_speed = strtod(text, &end);
    if (*end || end == text || !(out->clock_speed > 0))
        return sl_fail(err, SL_USAGE,
                       "`--virtual-clock` is `%s`; it must be a factor such as x1000", text);
    return SL_OK;
}

static enum sl_code read_config(const struct sl_args *args, struct sl_gen_config *out,
                                struct sl_err *err) {
    *out = (struct sl_gen_config){.late = -1, .zero = -1};
    const char *shape = sl_args_get(args, "shape", "orders9"),
               *late = sl_args_get(args, "late", NULL);
    out->shape = sl_gen_shape_find(sl_str(shape));
    if (out->shape == SL_GEN_SHAPE_COUNT)
        return sl_fail(err, SL_USAGE,
                       "`--shape` is `%s`; it must be orders9, paid, simple, orders11 or "
                       "payments",
                       shape);
    if (late && !sl_gen_late_parse(sl_str(late), out))
        return sl_fail(err, SL_USAGE, "`--late` is `%s`; it must be such as 10%%:5m-15m", late);
    SL_TRY(read_mode(args, out, err));
    SL_TRY(read_rate(args, out, err));
    SL_TRY(read_clock(args, out, err));
    SL_TRY(read_share(args, "dup", &out->duplicate, err));
    SL_TRY(read_share(args, "bad", &out->bad, err));
    SL_TRY(read_share(args, "negative", &out->negative, err));
    return read_share(args, "null", &out->null, err);
}

/* ---- the topic ---- */

static enum sl_code ensure_topic(struct sl_cli *cli, const struct sl_args *args, const char *topic,
                                 struct sl_err *err) {
    int64_t partitions = 4;
    struct sl_kafka_client *client;
    struct sl_kafka_topics topics;
    struct sl_str name = sl_str(topic);
    SL_TRY(sl_args_int(args, "partitions", &partitions, err));
    SL_TRY(sl_cli_kafka_control(cli, args, &client, err));
    enum sl_code code =
        sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err);
    if (code == SL_OK && !topics.items[0].exists) {
        code = sl_kafka_topic_create(client, name, (int32_t)partitions, 0, NULL, err);
        if (code == SL_CONFLICT)
            code = SL_OK; /* somebody was faster */
        else if (code == SL_OK)
            fprintf(stderr, "created topic %s with %lld partition%s\n", topic,
                    (long long)partitions, partitions == 1 ? "" : "s");
    }
    sl_kafka_client_close(client);
    return code;
}

static enum sl_code open_output(struct sl_cli *cli, const struct sl_args *args, struct output *out,
                                struct sl_err *err) {
    const char *topic = sl_args_get(args, "topic", args->positional[0]),
               *ledger = sl_args_get(args, "ledger", NULL);
    struct sl_kafka_properties properties;
    struct sl_kafka_wait wait = sl_cli_kafka_wait(cli);
    *out = (struct output){.cli = cli, .keyed = sl_args_has(args, "keyed"), .partitions = 1};
    if (!*topic) return sl_fail(err, SL_USAGE, "`--topic` is empty");
    if (ledger && !(out->ledger = fopen(ledger, "w")))
        return sl_fail_sys(err, errno, "could not open the ledger `%s`", ledger);
    if (sl_args_has(args, "stdout")) return SL_OK;
    SL_TRY(ensure_topic(cli, args, topic, err));
    SL_TRY(sl_cli_kafka_properties(cli, args, &properties, err));
    SL_TRY(sl_kafka_producer_open(&properties, sl_str(topic),
                                  sl_args_get(args, "compression", NULL), &cli->engine.log, &wait,
                                  &out->producer, err));
    return sl_kafka_producer_partitions(out->producer, &out->partitions, err);
}

static enum sl_code close_output(struct output *output, struct sl_err *err) {
    enum { FLUSH_MS = 120000 };
    enum sl_code code =
        output->producer ? sl_kafka_producer_flush(output->producer, FLUSH_MS, err) : SL_OK;
    if (!output->producer) code = sl_cli_flush(err);
    if (output->ledger && fclose(output->ledger) != 0 && code == SL_OK)
        code = ledger_failed(errno, err);
    output->ledger = NULL;
    return code;
}

static void print_counts(const struct sl_gen_runner *runner, int64_t began_ns) {
    double seconds = (double)(sl_clock_mono_ns() - began_ns) / 1e9;
    uint64_t total = 0;
    for (int i = 0; i < SL_GEN_KIND_COUNT; i++) total += runner->counts[i];
    bool small = runner->bytes < 1000000;
    fprintf(stderr, "sent %llu record%s (%.1f %s) in %.2f s%s", (unsigned long long)total,
            total == 1 ? "" : "s", (double)runner->bytes / (small ? 1e3 : 1e6), small ? "kB" : "MB",
            seconds, total ? ":" : "");
    for (int i = 0; i < SL_GEN_KIND_COUNT; i++)
        if (runner->counts[i])
            fprintf(stderr, " %s %llu", sl_gen_kind_names[i],
                    (unsigned long long)runner->counts[i]);
    fprintf(stderr, "\n");
}

/* Some records, or what became of them, got no further. */
static void print_shortfall(const struct output *output) {
    struct sl_kafka_produced counts = sl_kafka_producer_counts(output->producer);
    fprintf(stderr, "sent %llu record%s; the brokers have confirmed %llu of them\n",
            (unsigned long long)counts.sent, counts.sent == 1 ? "" : "s",
            (unsigned long long)counts.delivered);
}

/* Nexmark's events are as they are: what shapes orders would be read over. */
static enum sl_code read_nexmark(const struct sl_args *args, struct sl_gen_config *out,
                                 struct sl_err *err) {
    static const char *const of_orders[] = {"shape",  "first",    "late", "dup",
                                            "bad",    "negative", "null", "virtual-clock",
                                            "ledger", "keyed"};
    for (size_t i = 0; i < sizeof of_orders / sizeof *of_orders; i++)
        if (sl_args_has(args, of_orders[i]))
            return sl_fail(err, SL_USAGE, "`--%s` is for `gen orders` only", of_orders[i]);
    *out = (struct sl_gen_config){.nexmark = true};
    SL_TRY(read_mode(args, out, err));
    return read_rate(args, out, err);
}

static enum sl_code read_what(const struct sl_args *args, const struct sl_command *command,
                              struct sl_gen_config *out, struct sl_err *err) {
    const char *what = args->positional[0];
    if (strcmp(what, "orders") == 0) return read_config(args, out, err);
    if (strcmp(what, "nexmark") == 0) return read_nexmark(args, out, err);
    sl_fail(err, SL_USAGE, "`gen` cannot generate `%s`; it has `orders` and `nexmark`", what);
    return sl_hint(err, "usage: sluice %s", command->usage), SL_USAGE;
}

static enum sl_code generate(struct sl_cli *cli, struct sl_args *args,
                             const struct sl_command *command, struct sl_err *err) {
    struct sl_gen_config config;
    struct output output = {0};
    SL_TRY(sl_args_expect(args, 1, 1, command->usage, err));
    SL_TRY(read_what(args, command, &config, err));
    sl_cli_catch_signals(cli);
    int64_t began_ns = sl_clock_mono_ns();
    struct sl_gen_runner runner = {
        .send = send_record, .idle = idle, .stopping = stopping, .ctx = &output};
    enum sl_code code = open_output(cli, args, &output, err);
    if (code == SL_OK) code = sl_gen_run(&config, &runner, err);
    if (code == SL_OK) code = close_output(&output, err);
    if (code == SL_OK && !cli->quiet) print_counts(&runner, began_ns);
    if (code != SL_OK && output.producer && !cli->quiet) print_shortfall(&output);
    sl_kafka_producer_close(output.producer);
    if (output.ledger) fclose(output.ledger);
    sl_buf_release(&output.line);
    return code;
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    if (generate(&cli, args, command, &err) != SL_OK)
        status = sl_cli_fail(&cli, &err, NULL, SL_STR(""));
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    SL_CLI_KAFKA_FLAGS,
    {"topic", 't', "NAME", "topic, made when it is missing (default: orders or nexmark)"},
    {"partitions", 'p', "N", "partitions of a topic that is made (default 4)"},
    {"count", 'n', "N", "end after N records"},
    {"mode", 0, "NAME", "continuous (1/s, default), count, burst, fast (10/s)"},
    {"rate", 0, "N|max", "records a second instead of the mode's"},
    {"shape", 0, "NAME", "orders9 (default), paid, simple, orders11, payments (of orders11)"},
    {"seed", 0, "N", "same seed, same records (default 1)"},
    {"first", 0, "N", "number of the first order"},
    {"late", 0, "SHARE[:MIN-MAX]", "share of late events and how late, such as 10%:5m-15m"},
    {"dup", 0, "SHARE", "share of repeated records"},
    {"bad", 0, "SHARE", "share of broken records"},
    {"negative", 0, "SHARE", "share of records with a negative amount"},
    {"null", 0, "SHARE", "share of records with a null field or value"},
    {"virtual-clock", 0, "xN", "event time runs N times faster than the wall clock"},
    {"ledger", 0, "FILE", "write a JSON line about every record, for checking"},
    {"compression", 0, "CODEC", "lz4 (default), zstd, snappy, gzip, none"},
    {"keyed", 0, NULL, "choose partitions by key instead of in turn"},
    {"stdout", 0, NULL, "print the records instead of sending them"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_gen = {
    .name = "gen",
    .summary = "generate realistic orders, or Nexmark's events, into a Kafka topic",
    .usage = "gen orders|nexmark [--brokers HOST:PORT] [--topic NAME] [--count N]",
    .flags = flags,
    .examples = "  sluice gen orders --brokers localhost:9092 --topic orders --count 100000\n"
                "  sluice gen orders --mode burst --late 10%:5m-15m --dup 2% --bad 1%\n"
                "  sluice gen nexmark --brokers localhost:9092 --count 1000000\n"
                "  sluice gen orders --stdout --count 3\n",
    .run = run,
};
