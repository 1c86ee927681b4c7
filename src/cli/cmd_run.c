/* sluice run FILE */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/quantity.h"
#include "cli/cli.h"
#include "run/runner.h"

struct reporter {
    struct sl_cli *cli;
    FILE *progress; /* JSON lines; NULL: none */
    bool status_line;
    uint64_t batches;
};

/* A lost progress line is no reason to stop a pipeline, but to say so once. */
static void put_progress(struct reporter *reporter, struct sl_str line) {
    errno = 0;
    bool written = fwrite(line.ptr, 1, line.len, reporter->progress) == line.len;
    if (written && fflush(reporter->progress) == 0) return;
    sl_log_event(&reporter->cli->engine.log, SL_LOG_WARN, SL_CAT_RUN,
                 "could not write the progress: %s; the pipeline goes on without it",
                 strerror(errno));
    clearerr(reporter->progress);
    if (reporter->progress != stdout) fclose(reporter->progress);
    reporter->progress = NULL;
}

/* A line that wraps could not be written over; the last column is left free. */
static int line_width(void) {
    struct winsize size = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col - 1 : INT_MAX;
}

static void report_batch(void *ctx, const struct sl_batch_report *report) {
    struct reporter *reporter = ctx;
    struct sl_buf text = {0};
    if (reporter->progress) {
        sl_progress_put_json(&text, report);
        sl_buf_put_byte(&text, '\n');
        put_progress(reporter, sl_buf_str(&text));
    }
    reporter->batches++;
    sl_buf_clear(&text);
    sl_progress_put_status(&text, report);
    if (reporter->status_line)
        fprintf(stderr, "\r\033[K%.*s", line_width(), sl_buf_cstr(&text));
    else
        sl_log_event(&reporter->cli->engine.log, SL_LOG_INFO, SL_CAT_RUN, "%s", sl_buf_cstr(&text));
    sl_buf_release(&text);
}

static enum sl_code check_triggers(const struct sl_args *args, struct sl_err *err) {
    int given =
        sl_args_has(args, "every") + sl_args_has(args, "available-now") + sl_args_has(args, "once");
    if (given <= 1) return SL_OK;
    return sl_fail(err, SL_USAGE, "give one of --every, --available-now and --once");
}

static enum sl_code read_trigger(const struct sl_cli *cli, const struct sl_args *args,
                                 struct sl_trigger *out, struct sl_err *err) {
    *out = (struct sl_trigger){0};
    const char *every = sl_args_get(args, "every", NULL),
               *setting =
                   sl_settings_get(cli->engine.settings, SL_STR("pipelines.trigger.interval"));
    bool now = sl_args_has(args, "available-now"), once = sl_args_has(args, "once");
    if (!every && setting && *setting) every = setting;
    if (every) { /* a misspelt one is told also where it does not count */
        struct sl_str text = sl_str_trim(sl_str(every));
        if (text.len > 1 && (text.ptr[0] == '\'' || text.ptr[0] == '"'))
            text = sl_str_sub(text, 1, text.len - 1);
        if (!sl_parse_duration_ms(text, &out->interval_ms))
            return sl_fail(
                err, every == setting ? SL_USER : SL_USAGE,
                "the trigger interval is `%s`, which is not a duration such as 30s or 5 minutes",
                every);
        out->kind = SL_TRIGGER_INTERVAL;
    }
    if (now) out->kind = SL_TRIGGER_AVAILABLE_NOW;
    if (once) out->kind = SL_TRIGGER_ONCE;
    SL_TRY(sl_args_int(args, "max-batches", &out->batches_max, err));
    if (sl_args_has(args, "max-batches") && out->batches_max < 1)
        return sl_fail(err, SL_USAGE, "`--max-batches` must be at least 1");
    return SL_OK;
}

static enum sl_code open_progress(const struct sl_args *args, FILE **out, struct sl_err *err) {
    const char *path = sl_args_get(args, "progress", NULL);
    *out = NULL;
    if (!path) return SL_OK;
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "a");
    return *out ? SL_OK : sl_fail_sys(err, errno, "could not open `%s` for the progress", path);
}

/* One line that is written over needs a terminal that can. */
static bool can_overwrite(const struct sl_cli *cli) {
    const char *term = getenv("TERM");
    return !cli->quiet && isatty(STDERR_FILENO) == 1 && !(term && strcmp(term, "dumb") == 0) &&
           cli->engine.log.format == SL_LOG_AUTO && cli->engine.log.level < SL_LOG_DEBUG;
}

static enum sl_code run_loaded(struct sl_cli *cli, struct sl_args *args,
                               struct sl_pipeline *pipeline, struct sl_err *err) {
    struct reporter reporter = {.cli = cli};
    struct sl_buf profile = {0};
    struct sl_run_options options = {.report = report_batch, .report_ctx = &reporter};
    SL_TRY(read_trigger(cli, args, &options.trigger, err));
    SL_TRY(sl_cli_start(cli, args, err));
    SL_TRY(open_progress(args, &reporter.progress, err));
    reporter.status_line = cli->engine.log.status_line = can_overwrite(cli);
    cli->engine.profile = sl_args_has(args, "profile");
    if (cli->engine.profile) options.profile = &profile;
    sl_cli_catch_signals(cli);
    enum sl_code code = sl_run_pipeline(pipeline, &options, err);
    if (reporter.status_line && reporter.batches) fputc('\n', stderr);
    cli->engine.log.status_line = false;
    if (code == SL_OK && !reporter.batches)
        sl_log_event(&cli->engine.log, SL_LOG_INFO, SL_CAT_RUN, "no new records");
    if (profile.len) fwrite(profile.ptr, 1, profile.len, stderr);
    sl_buf_release(&profile);
    if (reporter.progress && reporter.progress != stdout) fclose(reporter.progress);
    return code;
}

static const char *statement_name(enum sl_statement_kind kind) {
    switch (kind) {
    case SL_S_EXPLAIN:
        return "EXPLAIN";
    case SL_S_OPTIMIZE:
        return "OPTIMIZE";
    case SL_S_VACUUM:
        return "VACUUM";
    case SL_S_DESCRIBE:
        return "DESCRIBE";
    default:
        return "SELECT";
    }
}

/* A pipeline is its tables and flows: what else is in the file is somebody's mistake, or for
 * another command. */
static void warn_not_run(const struct sl_cli *cli, const struct sl_pipeline *pipeline,
                         const char *file, struct sl_str source) {
    if (cli->quiet || pipeline->select_count == 0 || pipeline->query_count == 0) return;
    const struct sl_statement *first = pipeline->selects[0];
    size_t begin = sl_sql_origin(&pipeline->text, first->span).begin;
    unsigned line = 1, more = pipeline->select_count - 1;
    for (size_t i = 0; i < begin && i < source.len; i++) line += source.ptr[i] == '\n';
    fprintf(stderr, "warning: line %u of %s: %s is not run", line, file,
            statement_name(first->kind));
    if (more) fprintf(stderr, ", nor %s %u more", more == 1 ? "is" : "are", more);
    fprintf(stderr, "; `sluice run` runs tables and flows, `sluice sql -f %s` the rest\n", file);
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    struct sl_buf source = {0};
    struct sl_pipeline pipeline = {0};
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    enum sl_code code = sl_args_expect(args, 1, 1, command->usage, &err);
    if (code == SL_OK) code = check_triggers(args, &err);
    const char *file = args->positional_count ? args->positional[0] : NULL;
    if (code == SL_OK) code = sl_cli_read(file, &source, &err);
    if (code == SL_OK) sl_cli_warn_unused(&cli, args, file, sl_buf_str(&source));
    if (code == SL_OK)
        code = sl_pipeline_load(&cli.engine, file, sl_buf_str(&source), &pipeline, &err);
    if (code == SL_OK) warn_not_run(&cli, &pipeline, file, sl_buf_str(&source));
    if (code == SL_OK) code = run_loaded(&cli, args, &pipeline, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, file, sl_buf_str(&source));
    sl_pipeline_release(&pipeline);
    sl_buf_release(&source);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"available-now", 0, NULL, "process what is there in batches, then end"},
    {"once", 0, NULL, "one batch of everything that is there, then end"},
    {"every", 0, "DURATION",
     "start a batch every so often, such as 30s (default: as soon as records arrive)"},
    {"max-batches", 0, "N", "end after N batches"},
    {"progress", 0, "FILE",
     "append Spark's StreamingQueryProgress JSON per batch; - is standard output"},
    {"profile", 0, NULL, "print nanoseconds per row by stage at the end"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_run = {
    .name = "run",
    .summary = "run the pipeline of an .sql file",
    .usage = "run FILE [-s KEY=VALUE].. [--available-now | --once | --every DURATION]",
    .flags = flags,
    .examples = "  sluice run examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake "
                "--available-now\n"
                "  sluice run examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake "
                "--every 30s\n",
    .run = run,
};
