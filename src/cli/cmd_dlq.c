/* sluice dlq show|stats|replay FILE */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/letter_text.h"
#include "run/quarantine.h"
#include "run/query.h"

struct dlq {
    struct sl_cli *cli;
    struct sl_pipeline *pipeline;
    struct sl_letter_owners owners;
    struct sl_str query; /* "" for all */
    int64_t limit;
    enum sl_letter_style style;
    uint32_t shown;
};

/* ---- show ---- */

static enum sl_code begin_rows(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}

static enum sl_letter_state state_of(const struct dlq *dlq, const struct sl_batch *batch,
                                     uint32_t row) {
    const struct sl_vec *columns = batch->columns;
    struct sl_str id = {0};
    if (!sl_vec_is_null(&columns[SL_LISTED_QUERY_ID], row))
        id = sl_vec_str(&columns[SL_LISTED_QUERY_ID], row);
    return sl_letter_owners_judge(&dlq->owners, sl_vec_str(&columns[SL_LISTED_QUERY], row), id,
                                  columns[SL_LISTED_BATCH_ID].i64[row]);
}

static enum sl_code take_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    struct dlq *dlq = ctx;
    struct sl_buf text = {0};
    struct sl_session session;
    SL_TRY(sl_engine_session(dlq->pipeline->engine, &session, err));
    for (uint32_t row = 0; row < batch->rows; row++)
        sl_letter_put(&text, batch, row, ++dlq->shown, state_of(dlq, batch, row), dlq->style,
                      &session);
    enum sl_code code = sl_cli_put(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

static enum sl_code show(struct dlq *dlq, struct sl_err *err) {
    SL_TRY(sl_letters_newest(dlq->pipeline, &dlq->owners, dlq->query, (uint32_t)dlq->limit,
                             begin_rows, take_rows, dlq, err));
    bool is_empty = dlq->style != SL_LETTER_JSON && !dlq->shown;
    return sl_cli_print(is_empty ? SL_STR("no dead letters\n") : SL_STR(""), err);
}

/* ---- stats ---- */

static enum sl_code stats(struct dlq *dlq, struct sl_err *err) {
    struct sl_letter_group *groups;
    struct sl_buf text = {0};
    uint32_t count;
    SL_TRY(sl_letters_stats(dlq->pipeline, &dlq->owners, dlq->query, &dlq->pipeline->arena, &groups,
                            &count, err));
    sl_letter_put_groups(&text, groups, count, dlq->style);
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

/* A query that is opened makes its checkpoint: not for a path that was misspelt. */
static enum sl_code check_has_run(const struct sl_letter_owner *owner, struct sl_err *err) {
    if (owner->query_id.len || !owner->checkpoint.len) return SL_OK;
    sl_fail(err, SL_USER, "query `%.*s` has no checkpoint at `%.*s`, so nothing can be replayed",
            SL_STR_ARG(owner->spec->name), SL_STR_ARG(owner->checkpoint));
    return sl_hint(err, "the query has not run with this path; is it the right one?"), SL_USER;
}

static enum sl_code replay(struct dlq *dlq, struct sl_err *err) {
    SL_TRY(sl_letters_require_query(dlq->pipeline, dlq->query, err));
    for (uint32_t i = 0; i < dlq->pipeline->query_count; i++) {
        const struct sl_query_spec *spec = &dlq->pipeline->queries[i];
        const struct sl_statement *holder;
        if (dlq->query.len && !sl_str_eq_nocase(spec->name, dlq->query)) continue;
        SL_TRY(sl_quarantine_find(dlq->pipeline, spec->target, &holder, err));
        if (sl_engine_is_stopping(&dlq->cli->engine)) return SL_OK;
        if (!holder) continue;
        SL_TRY(check_has_run(&dlq->owners.items[i], err));
        SL_TRY(replay_query(dlq, spec, err));
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
    if (sl_args_has(args, "full")) dlq.style = SL_LETTER_FULL;
    if (sl_args_has(args, "json")) dlq.style = SL_LETTER_JSON;
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
    if (code == SL_OK) code = sl_letter_owners_load(&pipeline, &dlq.owners, &err);
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
    {"full", 0, NULL, "whole texts, and everything that is known"},
    {"json", 0, NULL, "JSON lines, whole"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_dlq = {
    .name = "dlq",
    .summary = "show, count or replay the dead letters of a pipeline's quarantines",
    .usage = "dlq show|stats|replay FILE [-s KEY=VALUE].. [--query NAME] [--full|--json]",
    .flags = flags,
    .examples = "  sluice dlq stats examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake\n"
                "  sluice dlq show examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake --limit 5\n"
                "  sluice dlq replay examples/orders_quarantine.sql -s brokers=localhost:9092 -s "
                "lake=/data/lake\n",
    .run = run,
};
