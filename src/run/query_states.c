/* The part of a streaming query that remembers: output mode, states, watermark. */
#include "base/clock.h"
#include "base/fail.h"
#include "base/quantity.h"
#include "plan/streaming.h"
#include "run/query_int.h"
#include "run/query_target.h"
#include "run/state_room.h"

static bool remembers(const struct sl_query *query) { return query->pipes.stateful_count > 0; }

/* ---- opening ---- */

static enum sl_code choose_late_rows(struct sl_query *query, struct sl_err *err) {
    const struct sl_property *late = sl_target_property(query->spec->target, "sluice.lateRows");
    if (!late || sl_str_eq_nocase(late->value, SL_STR("drop"))) return SL_OK;
    struct sl_span span = sl_sql_origin(&query->pipeline->text, late->value_span);
    if (!sl_str_eq_nocase(late->value, SL_STR("quarantine")))
        return sl_fail_at(err, span, "", "",
                          "sluice.lateRows is `drop` or `quarantine`, not `%.*s`",
                          SL_STR_ARG(late->value));
    if (!query->letters) {
        sl_fail_at(err, span, "", "", "sluice.lateRows = quarantine needs a quarantine");
        return sl_hint(err, "TBLPROPERTIES ('sluice.quarantine' = '..') names one"), SL_USER;
    }
    query->keeps_late = true;
    return SL_OK;
}

/* One event from the year 2099 must not make all others late. */
static enum sl_code choose_skew(struct sl_query *query, struct sl_err *err) {
    const struct sl_property *skew =
        sl_target_property(query->spec->target, "sluice.maxFutureSkew");
    if (!skew || sl_str_eq_nocase(skew->value, SL_STR("none"))) return SL_OK;
    if (sl_parse_duration_ms(skew->value, &query->pipes.future_skew_ms)) return SL_OK;
    return sl_fail_at(err, sl_sql_origin(&query->pipeline->text, skew->value_span), "", "",
                      "sluice.maxFutureSkew is a duration such as `1 hour`, or `none`, not `%.*s`",
                      SL_STR_ARG(skew->value));
}

static enum sl_code choose_format(const struct sl_query *query, enum sl_state_format *out,
                                  struct sl_err *err) {
    const struct sl_property *format =
        sl_target_property(query->spec->target, "sluice.stateFormat");
    *out = SL_STATE_AS_FOUND;
    if (!format) return SL_OK;
    *out = sl_str_eq_nocase(format->value, SL_STR("spark")) ? SL_STATE_SPARK : SL_STATE_OWN;
    if (*out == SL_STATE_SPARK || sl_str_eq_nocase(format->value, SL_STR("sluice"))) return SL_OK;
    return sl_fail_at(err, sl_sql_origin(&query->pipeline->text, format->value_span), "", "",
                      "sluice.stateFormat is `sluice` or `spark`, not `%.*s`",
                      SL_STR_ARG(format->value));
}

/* Columns that come and go would change what is remembered. */
static enum sl_code refuse_evolving(const struct sl_query *query, struct sl_err *err) {
    if (!query->evolving || !remembers(query)) return SL_OK;
    return sl_fail(err, SL_UNSUPPORTED,
                   "sluice.onSchemaDrift = evolve is for queries without aggregation, "
                   "deduplication, joins or LIMIT");
}

static void tell_unbounded(void *ctx, struct sl_span span, const char *text) {
    const struct sl_query *query = ctx;
    (void)span;
    sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN, "query %.*s: %s",
                 SL_STR_ARG(query->name), text);
}

/* Rows that wait for memory lie beside the state, unless the user says where disks are free. */
static struct sl_str scratch_dir(struct sl_query *query) {
    const char *local = sl_settings_get(query->engine->settings, SL_STR("spark.local.dir"));
    size_t first = local ? strcspn(local, ",") : 0; /* of Spark's list */
    if (first) return sl_arena_printf(&query->arena, "%.*s", (int)first, local);
    return sl_arena_printf(&query->arena, "%.*s/.sluice", SL_STR_ARG(query->checkpoint_dir));
}

enum sl_code sl_query_states_open(struct sl_query *query, const struct sl_node *plan,
                                  struct sl_err *err) {
    struct sl_engine *engine = query->engine;
    sl_plan_note_unbounded(plan, query->mode, tell_unbounded, query);
    SL_TRY(refuse_evolving(query, err));
    SL_TRY(choose_late_rows(query, err));
    SL_TRY(choose_skew(query, err));
    sl_watermark_init(&query->clock, &query->arena, &query->pipes);
    sl_event_status_init(&query->event_status, &query->arena, &query->pipes, &query->clock);
    sl_budget_init_part(&query->states_budget, &engine->budget);
    struct sl_stateful_env env = {.query = &query->arena,
                                  .budget = &query->states_budget,
                                  .session = &query->session,
                                  .mode = query->mode,
                                  .batch_rows = engine->batch_rows};
    SL_TRY(sl_states_make(&env, &query->pipes, &query->states, err));
    struct sl_states_place place = {
        .checkpoint_dir = query->checkpoint_dir,
        .query_id = query->env.query_id,
        .next_batch = sl_checkpoint_last_commit(query->checkpoint) + 1,
        .checkpoint = query->checkpoint,
        .shuffle_partitions = sl_settings_int(engine->settings, "spark.sql.shuffle.partitions"),
        .scratch_dir = scratch_dir(query),
        .letters = query->letters != NULL,
        .budget = &engine->budget,
        .log = &engine->log,
    };
    SL_TRY(choose_format(query, &place.format, err));
    return sl_states_open(&query->arena, &query->states, &place, err);
}

/* ---- a batch ---- */

enum sl_code sl_query_states_begin(struct query_batch *batch, struct sl_output *output,
                                   struct sl_err *err) {
    struct sl_query *query = batch->query;
    uint32_t clauses = query->pipes.watermark_count;
    output->pipes = &query->pipes;
    batch->event_times = SL_NEW_ARRAY(&query->epoch, struct sl_event_times, clauses + (size_t)1);
    memset(batch->event_times, 0, clauses * sizeof *batch->event_times);
    if (clauses) output->event_times = batch->event_times;
    if (!remembers(query)) return SL_OK;
    struct sl_states *states = &query->states;
    output->states = states;
    SL_TRY(sl_states_load(states, query->engine->pool, query->next_batch, err));
    sl_states_forget(states); /* until the batch is saved it is half a batch */
    sl_watermark_mark(&query->clock, states);
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        state->marks.keeps_late = query->keeps_late;
        state->marks.session = &query->session;
        atomic_store(&state->late.taken, false);
        state->marks.late = &state->late;
        state->stateful->ops->begin(state->stateful, &state->marks);
    }
    sl_state_room_begin(states);
    return SL_OK;
}

int64_t sl_query_next_watermark(const struct query_batch *batch) {
    const struct sl_query *query = batch->query;
    return sl_watermark_next(&query->clock, &query->pipes, batch->event_times);
}

enum sl_code sl_query_states_save(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    if (query->next_batch == 0) SL_TRY(sl_states_drop_others(&query->states, err));
    if (remembers(query)) {
        SL_TRY(sl_states_save(&query->states, query->engine->pool, err));
        int failure = sl_fail_point("state.saved");
        if (failure) return sl_fail_sys(err, failure, "could not save the state");
    }
    if (query->clock.count == 0) return SL_OK;
    return sl_watermark_write(query->checkpoint_dir, query->next_batch, batch->seq.hash,
                              &query->clock, &query->pipes, batch->event_times, err);
}

static void tell_late(const struct query_batch *batch, const struct sl_state *state) {
    const struct sl_query *query = batch->query;
    char time[SL_CLOCK_TEXT_SIZE], mark[SL_CLOCK_TEXT_SIZE];
    if (!state->metrics.rows_late || !atomic_load(&state->late.taken)) return;
    sl_log_event(&query->engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "query %.*s, batch %lld: %llu late row%s (watermark %s), such as %s of %s",
                 SL_STR_ARG(query->name), (long long)query->next_batch,
                 (unsigned long long)state->metrics.rows_late,
                 state->metrics.rows_late == 1 ? "" : "s",
                 sl_clock_text(mark, state->marks.late_ms), state->late.row,
                 sl_clock_text(time, state->late.time_us / 1000));
}

/* Once: every later batch is like the first one. */
static void tell_crowded(struct query_batch *batch) {
    struct sl_query *query = batch->query;
    uint32_t away = 0;
    for (uint32_t i = 0; i < query->states.count; i++) away += query->states.items[i].shards_away;
    if (!query->states.crowded || query->crowded_told) return;
    query->crowded_told = true;
    sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                 "query %.*s, batch %lld: what it remembers does not fit into --memory (%.0f MB) "
                 "together with the rest: %u shards of its state are on disk, and batches read and "
                 "write them",
                 SL_STR_ARG(query->name), (long long)query->next_batch,
                 (double)query->engine->budget.limit_bytes / (1 << 20), away);
}

static void tell_ahead(const struct query_batch *batch) {
    const struct sl_query *query = batch->query;
    for (uint32_t i = 0; i < query->clock.count; i++)
        if (batch->event_times[i].ahead)
            sl_log_event(
                &query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                "query %.*s, batch %lld: %llu rows have a `%.*s` beyond sluice.maxFutureSkew;"
                " they count, but do not move the watermark",
                SL_STR_ARG(query->name), (long long)query->next_batch,
                (unsigned long long)batch->event_times[i].ahead,
                SL_STR_ARG(query->pipes.watermarks[i]->name));
}

enum sl_code sl_query_states_committed(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_states *states = &query->states;
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        state->last_evict_ms = state->marks.evict_ms;
        if (state->stateful->ops->metrics)
            state->stateful->ops->metrics(state->stateful, &state->metrics);
        sl_state_room_measure(state);
        tell_late(batch, state);
    }
    tell_crowded(batch);
    tell_ahead(batch);
    sl_watermark_advance(&query->clock, &query->pipes, batch->event_times);
    int64_t retain =
        sl_settings_int(query->engine->settings, "spark.sql.streaming.minBatchesToRetain");
    return sl_states_purge(states, query->engine->pool, query->next_batch + 1 - retain, err);
}

bool sl_query_wants_empty_batch(const struct sl_query *query) {
    return remembers(query) &&
           sl_settings_bool(query->engine->settings,
                            "spark.sql.streaming.noDataMicroBatches.enabled") &&
           sl_watermark_wants_batch(&query->clock, &query->states, query->mode);
}
