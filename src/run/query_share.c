#include "run/query_share.h"

#include <stdlib.h>

#include "base/clock.h"
#include "run/query_int.h"

/* ---- who may share ---- */

static const struct sl_node *only_scan(const struct sl_query *query) {
    return query->pipes.count == 1 ? query->pipes.items[0].scan : NULL;
}

static bool has_option(const struct sl_options *options, const struct sl_option *option) {
    const struct sl_option *found = sl_options_find(options, option->name);
    return found && sl_str_eq(found->value, option->value);
}

static bool equal_options(const struct sl_options *a, const struct sl_options *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!has_option(b, &a->items[i]) || !has_option(a, &b->items[i])) return false;
    return true;
}

/* A source that was told to leave out rows leaves them out for all. */
static bool is_restricted(const struct sl_query *query) {
    return query->sources[0]->ops->restrict_to && only_scan(query)->pushed_count > 0;
}

bool sl_query_can_share(const struct sl_query *a, const struct sl_query *b) {
    const struct sl_node *scan_a = only_scan(a), *scan_b = only_scan(b);
    if (a->evolving || b->evolving) return false; /* its batches may run twice */
    if (!scan_a || !scan_b || !a->sources[0]->ops->shareable) return false;
    const struct sl_scan_spec *one = scan_a->scan->spec, *two = scan_b->scan->spec;
    const struct sl_source *source_a = a->sources[0], *source_b = b->sources[0];
    /* a table may have changed between the opening of one and of the other */
    if (!sl_type_equal(source_a->ops->schema(source_a), source_b->ops->schema(source_b)))
        return false;
    return one->connector == two->connector && sl_str_eq(one->path, two->path) &&
           equal_options(&one->options, &two->options) && !is_restricted(a) && !is_restricted(b) &&
           sl_settings_bool(a->engine->settings, "sluice.sharedReads");
}

/* ---- offsets ---- */

static enum sl_code combine(struct sl_query *query, struct sl_str a, struct sl_str b, bool later,
                            struct sl_arena *arena, struct sl_str *out, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_source *source = query->sources[0];
    enum sl_code code = source->ops->combine(source, a, b, later, &text, err);
    *out = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return code;
}

static struct sl_str start_of(const struct sl_query *query) { return sl_buf_str(&query->start[0]); }

/* Texts in one canonical order, so that equal offsets are equal texts: Spark may have written one
 * of them. */
static enum sl_code canonical_start(struct sl_query *query, struct sl_arena *arena,
                                    struct sl_str *out, struct sl_err *err) {
    struct sl_str start = start_of(query);
    *out = start;
    return query->sources[0]->ops->combine ? combine(query, start, start, true, arena, out, err)
                                           : SL_OK;
}

/* ---- a step ---- */

struct step {
    struct sl_query **queries; /* those that may run a batch now */
    enum sl_step **steps;
    int64_t **wait_ms;
    uint32_t count;
    struct sl_arena arena;
    struct sl_str target; /* where all are to meet: the latest of their starts */
};

static enum sl_code find_target(struct step *step, struct sl_err *err) {
    SL_TRY(canonical_start(step->queries[0], &step->arena, &step->target, err));
    for (uint32_t i = 1; i < step->count && step->queries[0]->sources[0]->ops->combine; i++)
        SL_TRY(combine(step->queries[0], step->target, start_of(step->queries[i]), true,
                       &step->arena, &step->target, err));
    return SL_OK;
}

static enum sl_code is_there(struct step *step, uint32_t at, bool *out, struct sl_err *err) {
    struct sl_str start;
    SL_TRY(canonical_start(step->queries[at], &step->arena, &start, err));
    *out = sl_str_eq(start, step->target);
    return SL_OK;
}

/* Not beyond the others, so that they meet; but somewhere. A run of one batch has to reach the end
 * with it. */
static enum sl_code lower_end(struct step *step, struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_str lowered, start;
    if (!query->sources[0]->ops->combine || query->trigger.kind == SL_TRIGGER_ONCE) return SL_OK;
    SL_TRY(
        combine(query, batch->seq.sources[0], step->target, false, &query->epoch, &lowered, err));
    SL_TRY(canonical_start(query, &step->arena, &start, err));
    if (!sl_str_eq(lowered, start)) batch->seq.sources[0] = lowered;
    return SL_OK;
}

static enum sl_code fail_batch(struct query_batch *batch, enum sl_code code, struct sl_err *err) {
    sl_context(err, "batch %lld", (long long)batch->report.batch_id);
    return sl_context(err, "query %.*s", SL_STR_ARG(batch->query->name)), code;
}

static enum sl_code run_behind(struct step *step, struct query_batch *batch, bool *has_new,
                               struct sl_err *err) {
    struct sl_query *query = batch->query;
    SL_TRY(sl_query_batch_ask(batch, query->sources, has_new, err));
    if (!*has_new) return SL_OK;
    SL_TRY(lower_end(step, batch, err));
    SL_TRY(sl_query_batch_log(batch, sl_clock_wall_us() / 1000, err));
    return sl_query_batches_run(batch, 1, query->sources, err);
}

/* One batch of a query that is behind the others. */
static enum sl_code step_behind(struct step *step, uint32_t at, struct sl_err *err) {
    struct sl_query *query = step->queries[at];
    struct query_batch batch;
    bool has_new;
    sl_query_batch_init(&batch, query);
    enum sl_code code = run_behind(step, &batch, &has_new, err);
    if (code != SL_OK && sl_query_waits_out(query, code, step->wait_ms[at], err)) {
        *step->steps[at] = SL_STEP_IDLE;
        return SL_OK;
    }
    if (code != SL_OK) return fail_batch(&batch, code, err);
    sl_query_step_done(query, &batch, has_new, step->steps[at], step->wait_ms[at]);
    return SL_OK;
}

/* ---- all in one ---- */

static enum sl_code run_together(struct query_batch *batches, uint32_t count, bool *has_new,
                                 struct sl_err *err) {
    struct query_batch *first = &batches[0];
    SL_TRY(sl_query_batch_ask(first, first->query->sources, has_new, err));
    if (!*has_new) return SL_OK;
    int64_t timestamp_ms = sl_clock_wall_us() / 1000;
    for (uint32_t i = 0; i < count; i++) {
        struct query_batch *batch = &batches[i];
        if (i) batch->seq.sources[0] = sl_arena_str(&batch->query->epoch, first->seq.sources[0]);
        SL_TRY(sl_query_batch_log(batch, timestamp_ms, err));
    }
    return sl_query_batches_run(batches, count, first->query->sources, err);
}

/* Nothing new has come: a watermark that moved asks its own query for a batch, and no other. */
static enum sl_code run_without_rows(struct query_batch *batch, bool *has_run, struct sl_err *err) {
    struct sl_query *query = batch->query;
    *has_run = sl_query_wants_empty_batch(query);
    if (!*has_run) return SL_OK;
    batch->seq.sources[0] = sl_arena_str(&query->epoch, start_of(query));
    SL_TRY(sl_query_batch_log(batch, sl_clock_wall_us() / 1000, err));
    return sl_query_batches_run(batch, 1, query->sources, err);
}

static enum sl_code fail_together(struct query_batch *batches, uint32_t count, enum sl_code code,
                                  struct sl_err *err) {
    struct sl_buf names = {0};
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(&names, "%s%.*s batch %lld", i ? ", " : "",
                      SL_STR_ARG(batches[i].query->name), (long long)batches[i].report.batch_id);
    sl_context(err, "read together: %s", sl_buf_cstr(&names));
    sl_buf_release(&names);
    return code;
}

/* Those that have committed are done; the others wait for the outage to end. */
static bool wait_out_together(struct step *step, const uint32_t *at, struct query_batch *batches,
                              uint32_t count, enum sl_code code, struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t q = at[i];
        if (batches[i].done)
            sl_query_step_done(batches[i].query, &batches[i], true, step->steps[q],
                               step->wait_ms[q]);
        else if (!sl_query_waits_out(batches[i].query, code, step->wait_ms[q], err))
            return false;
        else
            *step->steps[q] = SL_STEP_IDLE;
    }
    return true;
}

static enum sl_code step_without_rows(struct step *step, uint32_t at, struct query_batch *batch,
                                      struct sl_err *err) {
    bool has_run;
    enum sl_code code = run_without_rows(batch, &has_run, err);
    if (code != SL_OK && sl_query_waits_out(batch->query, code, step->wait_ms[at], err)) {
        *step->steps[at] = SL_STEP_IDLE;
        return SL_OK;
    }
    if (code != SL_OK) return fail_batch(batch, code, err);
    sl_query_step_done(batch->query, batch, has_run, step->steps[at], step->wait_ms[at]);
    return SL_OK;
}

static enum sl_code step_together(struct step *step, const uint32_t *at, uint32_t count,
                                  struct sl_err *err) {
    struct query_batch *batches = SL_NEW_ARRAY(&step->arena, struct query_batch, count);
    bool has_new = false;
    for (uint32_t i = 0; i < count; i++) {
        sl_query_batch_init(&batches[i], step->queries[at[i]]);
        /* one trigger: none may fall behind by a tick of the clock */
        batches[i].report.trigger_start_ms = batches[0].report.trigger_start_ms;
    }
    enum sl_code code = run_together(batches, count, &has_new, err);
    if (code != SL_OK)
        return wait_out_together(step, at, batches, count, code, err)
                   ? SL_OK
                   : fail_together(batches, count, code, err);
    for (uint32_t i = 0; i < count && !has_new; i++)
        SL_TRY(step_without_rows(step, at[i], &batches[i], err));
    for (uint32_t i = 0; i < count && has_new; i++)
        sl_query_step_done(batches[i].query, &batches[i], true, step->steps[at[i]],
                           step->wait_ms[at[i]]);
    return SL_OK;
}

/* ---- a round ---- */

/* Finished and waiting ones have no part in this round; a planned batch runs again first, alone,
 * with its own end. */
static enum sl_code take_ready(struct step *step, struct sl_query **queries, uint32_t count,
                               enum sl_step *steps, int64_t *wait_ms, struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        wait_ms[i] = 0;
        steps[i] = SL_STEP_DONE;
        if (sl_query_is_finished(queries[i])) continue;
        steps[i] = SL_STEP_IDLE;
        if ((wait_ms[i] = sl_query_wait_left(queries[i])) > 0) continue;
        if (queries[i]->rerun) {
            SL_TRY(sl_query_step(queries[i], &steps[i], &wait_ms[i], err));
            continue;
        }
        step->queries[step->count] = queries[i];
        step->steps[step->count] = &steps[i];
        step->wait_ms[step->count++] = &wait_ms[i];
    }
    return SL_OK;
}

static enum sl_code run_ready(struct step *step, struct sl_err *err) {
    uint32_t *at = SL_NEW_ARRAY(&step->arena, uint32_t, step->count), together = 0;
    SL_TRY(find_target(step, err));
    for (uint32_t i = 0; i < step->count; i++) {
        bool there;
        SL_TRY(is_there(step, i, &there, err));
        if (!there) {
            SL_TRY(step_behind(step, i, err));
            SL_TRY(is_there(step, i, &there, err));
            there &= *step->steps[i] == SL_STEP_RAN && !sl_query_is_finished(step->queries[i]);
        }
        if (there) at[together++] = i;
    }
    if (together == 0 || sl_engine_is_stopping(step->queries[0]->engine)) return SL_OK;
    return step_together(step, at, together, err);
}

enum sl_code sl_query_step_shared(struct sl_query **queries, uint32_t count, enum sl_step *steps,
                                  int64_t *wait_ms, struct sl_err *err) {
    struct step step = {0};
    sl_arena_init(&step.arena, "shared step");
    step.queries = SL_NEW_ARRAY(&step.arena, struct sl_query *, count);
    step.steps = SL_NEW_ARRAY(&step.arena, enum sl_step *, count);
    step.wait_ms = SL_NEW_ARRAY(&step.arena, int64_t *, count);
    enum sl_code code = take_ready(&step, queries, count, steps, wait_ms, err);
    if (code == SL_OK && step.count) code = run_ready(&step, err);
    sl_arena_release(&step.arena);
    return code;
}
