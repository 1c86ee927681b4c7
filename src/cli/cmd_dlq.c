/* sluice dlq show|stats|replay FILE */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/row_text.h"
#include "conn/console/show.h"
#include "run/letter_list.h"
#include "run/quarantine.h"
#include "run/query.h"

struct dlq {
    struct sl_cli *cli;
    struct sl_pipeline *pipeline;
    struct sl_str query; /* "" for all */
    int64_t limit;
    bool json;
    /* printing */
    const struct sl_type *schema;
    const struct sl_session *session;
    struct sl_show *show;
};

/* ---- show ---- */

static enum sl_code begin_rows(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    struct dlq *dlq = ctx;
    (void)err, (void)session;
    dlq->schema = schema;
    if (!dlq->json) dlq->show = sl_show_new(schema, (uint32_t)dlq->limit, 60);
    return SL_OK;
}

static enum sl_code take_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    struct dlq *dlq = ctx;
    struct sl_buf text = {0};
    struct sl_session session;
    SL_TRY(sl_engine_session(dlq->pipeline->engine, &session, err));
    if (dlq->show) sl_show_add(dlq->show, batch, &session);
    for (uint32_t row = 0; !dlq->show && row < batch->rows; row++)
        sl_json_put_row(&text, dlq->schema, batch, row, &session);
    enum sl_code code = sl_cli_put(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

static enum sl_code show(struct dlq *dlq, struct sl_err *err) {
    struct sl_buf text = {0};
    enum sl_code code = sl_letters_newest(dlq->pipeline, dlq->query, (uint32_t)dlq->limit,
                                          begin_rows, take_rows, dlq, err);
    if (code == SL_OK && dlq->show) sl_show_finish(dlq->show, &text);
    if (code == SL_OK && !dlq->json && !dlq->show) sl_buf_put_cstr(&text, "no dead letters\n");
    sl_show_free(dlq->show);
    if (code == SL_OK) code = sl_cli_print(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

/* ---- stats ---- */

static void put_group(struct sl_buf *out, const struct sl_letter_group *group) {
    char where[300], first[SL_CLOCK_TEXT_SIZE], last[SL_CLOCK_TEXT_SIZE];
    if (group->partition >= 0)
        snprintf(where, sizeof where, "%.*s-%lld", SL_STR_ARG(group->topic),
                 (long long)group->partition);
    else
        snprintf(where, sizeof where, "%.*s", SL_STR_ARG(group->topic));
    sl_buf_printf(
        out, "%10llu  %-16.*s %-10.*s  %-24.*s %-24s %s  %s\n", (unsigned long long)group->count,
        SL_STR_ARG(group->query), SL_STR_ARG(group->kind), SL_STR_ARG(group->rule), where,
        sl_clock_text(first, group->first_us / 1000), sl_clock_text(last, group->last_us / 1000));
}

static void put_name(struct sl_buf *out, const char *name, struct sl_str value) {
    sl_buf_printf(out, "\"%s\":", name);
    sl_json_put_string(out, value);
    sl_buf_put_byte(out, ',');
}

static void put_group_json(struct sl_buf *out, const struct sl_letter_group *group) {
    char first[SL_CLOCK_TEXT_SIZE], last[SL_CLOCK_TEXT_SIZE];
    sl_buf_put_byte(out, '{');
    put_name(out, "query", group->query);
    put_name(out, "kind", group->kind);
    put_name(out, "rule", group->rule);
    put_name(out, "topic", group->topic);
    if (group->partition >= 0)
        sl_buf_printf(out, "\"partition\":%lld,", (long long)group->partition);
    sl_buf_printf(out, "\"count\":%llu,\"first\":\"%s\",\"last\":\"%s\"}\n",
                  (unsigned long long)group->count, sl_clock_text(first, group->first_us / 1000),
                  sl_clock_text(last, group->last_us / 1000));
}

static enum sl_code stats(struct dlq *dlq, struct sl_err *err) {
    struct sl_letter_group *groups;
    struct sl_buf text = {0};
    uint32_t count;
    uint64_t total = 0;
    SL_TRY(
        sl_letters_stats(dlq->pipeline, dlq->query, &dlq->pipeline->arena, &groups, &count, err));
    if (!dlq->json && count)
        sl_buf_printf(&text, "%10s  %-16s %-10s  %-24s %-24s %-24s  %s\n", "letters", "query",
                      "kind", "rule", "from", "first", "last");
    for (uint32_t i = 0; i < count; i++) {
        total += groups[i].count;
        if (dlq->json)
            put_group_json(&text, &groups[i]);
        else
            put_group(&text, &groups[i]);
    }
    if (!dlq->json && count)
        sl_buf_printf(&text, "%10llu  in all\n", (unsigned long long)total);
    else if (!dlq->json)
        sl_buf_put_cstr(&text, "no dead letters\n");
    enum sl_code code = sl_cli_print(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

/* ---- replay ---- */

struct outcome {
    int64_t batch_id;
    uint64_t read, again;
};

static void keep_outcome(void *ctx, const struct sl_batch_report *report) {
    *(struct outcome *)ctx =
        (struct outcome){report->batch_id, report->times.rows_read, report->letters};
}

/* What an earlier run has planned comes first: batches are numbered in order. */
static enum sl_code finish_planned(struct sl_query *query, struct sl_err *err) {
    while (sl_query_is_planned(query)) {
        enum sl_step step;
        int64_t wait_ms;
        SL_TRY(sl_query_step(query, &step, &wait_ms, err));
    }
    return SL_OK;
}

static enum sl_code print_outcome(const struct sl_query_spec *spec, const struct outcome *outcome,
                                  bool ran, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_buf_printf(&text, "%.*s: ", SL_STR_ARG(spec->name));
    if (!ran)
        sl_buf_put_cstr(&text, "no dead letters to replay\n");
    else
        sl_buf_printf(&text, "replayed %llu dead letters as batch %lld; %llu failed again\n",
                      (unsigned long long)outcome->read, (long long)outcome->batch_id,
                      (unsigned long long)outcome->again);
    enum sl_code code = sl_cli_print(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

static enum sl_code replay_query(struct dlq *dlq, const struct sl_query_spec *spec,
                                 struct sl_err *err) {
    struct sl_trigger trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW};
    struct outcome outcome = {0};
    struct sl_query *query;
    bool ran = false;
    SL_TRY(sl_query_open(dlq->pipeline, spec, &trigger, keep_outcome, &outcome, &query, err));
    enum sl_code code = finish_planned(query, err);
    if (code == SL_OK) code = sl_query_replay(query, &ran, err);
    sl_query_close(query);
    return code == SL_OK ? print_outcome(spec, &outcome, ran, err) : code;
}

static enum sl_code replay(struct dlq *dlq, struct sl_err *err) {
    SL_TRY(sl_letters_require_query(dlq->pipeline, dlq->query, err));
    for (uint32_t i = 0; i < dlq->pipeline->query_count; i++) {
        const struct sl_query_spec *spec = &dlq->pipeline->queries[i];
        const struct sl_statement *holder;
        if (dlq->query.len && !sl_str_eq_nocase(spec->name, dlq->query)) continue;
        SL_TRY(sl_quarantine_find(dlq->pipeline, spec->target, &holder, err));
        if (sl_engine_is_stopping(&dlq->cli->engine)) return SL_OK;
        if (holder) SL_TRY(replay_query(dlq, spec, err));
    }
    return SL_OK;
}

/* ---- the command ---- */

typedef enum sl_code (*action_fn)(struct dlq *dlq, struct sl_err *err);
static const struct {
    const char *name;
    action_fn run;
} actions[] = {{"show", show}, {"stats", stats}, {"replay", replay}};

static enum sl_code find_action(const struct sl_command *command, const char *name, action_fn *out,
                                struct sl_err *err) {
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0) {
            *out = actions[i].run;
            return SL_OK;
        }
    sl_fail(err, SL_USAGE, "`dlq` has no `%s`", name);
    return sl_hint(err, "usage: sluice %s", command->usage), SL_USAGE;
}

static enum sl_code read_flags(const struct sl_args *args, struct dlq *dlq, struct sl_err *err) {
    dlq->limit = 20;
    dlq->query = sl_str(sl_args_get(args, "query", ""));
    SL_TRY(sl_args_int(args, "limit", &dlq->limit, err));
    if (dlq->limit < 1 || dlq->limit > 1000000)
        return sl_fail(err, SL_USAGE, "`--limit` must be between 1 and 1000000");
    return SL_OK;
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    struct sl_buf source = {0};
    struct sl_pipeline pipeline = {0};
    struct dlq dlq = {.cli = &cli, .pipeline = &pipeline};
    action_fn action = NULL;
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    dlq.json = sl_args_has(args, "json");
    enum sl_code code = sl_args_expect(args, 2, 2, command->usage, &err);
    if (code == SL_OK) code = find_action(command, args->positional[0], &action, &err);
    if (code == SL_OK) code = read_flags(args, &dlq, &err);
    const char *file = code == SL_OK ? args->positional[1] : NULL;
    if (code == SL_OK) code = sl_cli_read(file, &source, &err);
    if (code == SL_OK) sl_cli_warn_unused(&cli, args, file, sl_buf_str(&source));
    if (code == SL_OK)
        code = sl_pipeline_load(&cli.engine, file, sl_buf_str(&source), &pipeline, &err);
    if (code == SL_OK) code = sl_cli_start(&cli, args, &err);
    if (code == SL_OK) sl_cli_catch_signals(&cli);
    if (code == SL_OK) code = action(&dlq, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, file, sl_buf_str(&source));
    sl_pipeline_release(&pipeline);
    sl_buf_release(&source);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"query", 0, "NAME", "of this query only (default: all that have a quarantine)"},
    {"limit", 0, "N", "show the N newest letters (default 20)"},
    {"json", 0, NULL, "JSON lines instead of a table"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_dlq = {
    .name = "dlq",
    .summary = "show, count or replay the dead letters of a pipeline's quarantines",
    .usage = "dlq show|stats|replay FILE [-s KEY=VALUE].. [--query NAME] [--json]",
    .flags = flags,
    .examples = "  sluice dlq stats examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake\n"
                "  sluice dlq show examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake --limit 5\n"
                "  sluice dlq replay examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake\n",
    .run = run,
};
