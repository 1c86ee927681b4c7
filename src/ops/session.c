/* GROUP BY with a session_window: rows are sessions [time, time + gap), and those of equal other
 * keys that touch become one.
 *
 * A shard keeps a table of the other keys, the sessions of each in a chain, and their accumulators
 * by session number.  A batch's rows of a shard go through it in the order (key, start), from the
 * end: so each finds its place near the one before.  Only when all rows have their sessions are
 * accumulators merged, the earlier session first, and then updated in the order of time, as Spark
 * does after sorting (UpdatingSessionsIterator, MergingSessionsIterator).
 *
 * The saved state is Spark's StreamingSessionWindowStateManagerImplV1: other keys and start of the
 * session, with all keys and buffers as the value.  A session that begins earlier now, or was taken
 * over, leaves a removed key behind. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/session_int.h"

/* ---- a shard's memory of the batch ---- */

static enum sl_code take(struct sl_sessions *state, struct sl_sessions_shard *shard, size_t bytes,
                         struct sl_err *err) {
    SL_TRY(sl_budget_take(state->env.budget, bytes, "the sessions of a stateful operator", err));
    shard->own_bytes += bytes;
    return SL_OK;
}

enum sl_code sl_sessions_add_gone(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                  uint32_t session, struct sl_err *err) {
    if (!sl_sessions_are_streamed(state) || !sl_bit_get(shard->sessions.stored, session))
        return SL_OK;
    if (shard->gone_count == shard->gone_cap) {
        uint32_t cap = shard->gone_cap ? shard->gone_cap * 2 : 64;
        SL_TRY(take(state, shard, (cap - shard->gone_cap) * sizeof *shard->gone, err));
        shard->gone = sl_xrealloc(shard->gone, cap * sizeof *shard->gone);
        shard->gone_cap = cap;
    }
    shard->gone[shard->gone_count++] =
        (struct sl_sessions_gone){shard->sessions.key[session], shard->sessions.start[session]};
    sl_bit_clear(shard->sessions.stored, session);
    return SL_OK;
}

enum sl_code sl_sessions_add_emptied(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                     uint32_t key, struct sl_err *err) {
    if (shard->emptied_count == shard->emptied_cap) {
        uint32_t cap = shard->emptied_cap ? shard->emptied_cap * 2 : 64;
        SL_TRY(take(state, shard, (cap - shard->emptied_cap) * sizeof *shard->emptied, err));
        shard->emptied = sl_xrealloc(shard->emptied, cap * sizeof *shard->emptied);
        shard->emptied_cap = cap;
    }
    shard->emptied[shard->emptied_count++] = key;
    return SL_OK;
}

static int order_numbers(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A key may have been emptied, filled, and emptied again. */
static void drop_emptied(struct sl_sessions_shard *shard) {
    uint32_t kept = 0;
    if (shard->emptied_count)
        qsort(shard->emptied, shard->emptied_count, sizeof *shard->emptied, order_numbers);
    for (uint32_t i = 0; i < shard->emptied_count; i++) {
        uint32_t key = shard->emptied[i];
        if (i && key == shard->emptied[i - 1]) continue;
        if (sl_sessions_head(shard, key) == SL_NO_SESSION) shard->emptied[kept++] = key;
    }
    sl_group_table_remove(&shard->keys, shard->emptied, kept);
    shard->emptied_count = 0;
}

void sl_sessions_begin_shard(struct sl_sessions *state, struct sl_sessions_shard *shard) {
    struct sl_session_table *sessions = &shard->sessions;
    if (shard->epoch == state->epoch) return;
    shard->epoch = state->epoch;
    shard->rows_removed = 0;
    shard->gone_count = 0;
    drop_emptied(shard);
    for (size_t w = 0; w < SL_BIT_WORDS(sessions->limit); w++) {
        sessions->stored[w] |= sessions->touched[w];
        sessions->touched[w] = 0;
    }
}

/* ---- the end of a batch ---- */

static void begin(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    state->marks = *marks;
    if (!state->marks.session) state->marks.session = state->env.session;
    state->epoch++;
    state->rows_late = 0;
    state->update_ns = state->removal_ns = state->commit_ns = 0;
}

static enum sl_code emit_sessions(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                  struct sl_emitter *emitter, const uint32_t *sessions,
                                  uint32_t count, struct sl_err *err) {
    while (count) {
        uint32_t rows = sl_emitter_room(emitter) < count ? sl_emitter_room(emitter) : count;
        struct sl_vec *columns = emitter->batch.columns;
        SL_TRY(sl_sessions_append_keys(state, shard, sessions, rows, columns, err));
        SL_TRY(sl_aggregate_set_finish(&shard->set, sessions, rows, state->marks.session,
                                       columns + state->what->key_count, err));
        SL_TRY(sl_emitter_added(emitter, rows, err));
        sessions += rows;
        count -= rows;
    }
    return SL_OK;
}

static enum sl_code emit_listed(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                struct sl_emitter *emitter, const uint64_t *bits,
                                struct sl_err *err) {
    uint32_t sessions[SL_SESSION_CHUNK], count;
    size_t word = 0;
    while (
        (count = sl_session_table_list(&shard->sessions, bits, &word, sessions, SL_SESSION_CHUNK)))
        SL_TRY(emit_sessions(state, shard, emitter, sessions, count, err));
    return SL_OK;
}

/* Takes the sessions of a key that end at or before until_us out of its chain: they are its end.
 * Marked by a parent that is none, so that a long chain is walked once. */
static enum sl_code cut_chain(struct sl_sessions *state, struct sl_sessions_shard *shard,
                              uint32_t key, int64_t until_us, struct sl_err *err) {
    struct sl_session_table *sessions = &shard->sessions;
    uint32_t at = sl_sessions_head(shard, key), before = SL_NO_SESSION;
    while (at != SL_NO_SESSION && sessions->end[at] > until_us) {
        before = at;
        at = sessions->next[at];
    }
    sl_sessions_link(shard, key, before, SL_NO_SESSION);
    if (before == SL_NO_SESSION) SL_TRY(sl_sessions_add_emptied(state, shard, key, err));
    for (; at != SL_NO_SESSION; at = sessions->next[at]) sessions->parent[at] = SL_NO_SESSION;
    return SL_OK;
}

static enum sl_code end_session(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                uint32_t session, int64_t until_us, struct sl_err *err) {
    if (shard->sessions.parent[session] != SL_NO_SESSION)
        SL_TRY(cut_chain(state, shard, shard->sessions.key[session], until_us, err));
    SL_TRY(sl_sessions_add_gone(state, shard, session, err));
    sl_session_table_remove(&shard->sessions, session);
    return SL_OK;
}

static enum sl_code evict(struct sl_sessions *state, struct sl_sessions_shard *shard,
                          struct sl_emitter *emitter, struct sl_err *err) {
    int64_t until_us = sl_marks_us(state->marks.evict_ms), start = sl_clock_mono_ns();
    uint32_t sessions[SL_SESSION_CHUNK], chunk = 0, count;
    if (state->what->event_time.column < 0 || state->marks.evict_ms == INT64_MIN) return SL_OK;
    while ((count = sl_session_table_due(&shard->sessions, until_us, &chunk, sessions,
                                         SL_SESSION_CHUNK))) {
        if (emitter) SL_TRY(emit_sessions(state, shard, emitter, sessions, count, err));
        for (uint32_t i = 0; i < count; i++)
            SL_TRY(end_session(state, shard, sessions[i], until_us, err));
        sl_aggregate_set_reset(&shard->set, sessions, count);
        shard->rows_removed += count;
    }
    state->removal_ns += sl_clock_mono_ns() - start;
    return SL_OK;
}

static enum sl_code finish_shard(struct sl_sessions *state, struct sl_sessions_shard *shard,
                                 struct sl_emitter *emitter, struct sl_err *err) {
    switch (state->env.mode) {
    case SL_MODE_APPEND:
        return evict(state, shard, emitter, err);
    case SL_MODE_UPDATE:
        SL_TRY(emit_listed(state, shard, emitter, shard->sessions.touched, err));
        return evict(state, shard, NULL, err);
    case SL_MODE_COMPLETE:
    case SL_MODE_BATCH:
        break;
    }
    return emit_listed(state, shard, emitter, shard->sessions.live, err);
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t number, sl_emit_fn emit,
                           void *ctx, struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct sl_sessions_shard *shard = &state->shards[number];
    struct sl_emitter emitter;
    sl_sessions_begin_shard(state, shard);
    sl_emitter_init(&emitter, state->output, state->env.batch_rows, emit, ctx);
    enum sl_code code = finish_shard(state, shard, &emitter, err);
    if (code == SL_OK) code = sl_emitter_flush(&emitter, err);
    sl_emitter_release(&emitter);
    return code;
}

static void release_lists(struct sl_sessions *state, struct sl_sessions_shard *shard) {
    sl_budget_give(state->env.budget, shard->own_bytes);
    free(shard->gone);
    free(shard->emptied);
    shard->gone = NULL;
    shard->emptied = NULL;
    shard->gone_count = shard->gone_cap = shard->emptied_count = shard->emptied_cap = 0;
    shard->own_bytes = 0;
}

static void forget(struct sl_stateful *stateful, uint32_t number) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct sl_sessions_shard *shard = &state->shards[number];
    pthread_mutex_lock(&shard->lock);
    sl_group_table_clear(&shard->keys);
    sl_session_table_release(&shard->sessions);
    sl_aggregate_set_clear(&shard->set);
    release_lists(state, shard);
    shard->rows_removed = 0;
    pthread_mutex_unlock(&shard->lock);
}

static void clear(struct sl_stateful *stateful) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) forget(stateful, s);
}

static void size_of(const struct sl_sessions *state, const struct sl_sessions_shard *shard,
                    struct sl_shard_size *out) {
    const struct sl_session_table *sessions = &shard->sessions;
    bool now = shard->epoch == state->epoch;
    *out = (struct sl_shard_size){
        .rows_total = sessions->count,
        .rows_removed = now ? shard->rows_removed : 0,
        .rows_updated =
            now && sessions->limit ? sl_bits_count(sessions->touched, sessions->limit) : 0,
        .bytes = sl_group_table_bytes(&shard->keys) + sl_session_table_bytes(sessions) +
                 sl_aggregate_set_bytes(&shard->set) + shard->own_bytes};
}

static void size(struct sl_stateful *stateful, uint32_t number, struct sl_shard_size *out) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    pthread_mutex_lock(&state->shards[number].lock);
    size_of(state, &state->shards[number], out);
    pthread_mutex_unlock(&state->shards[number].lock);
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct sl_sessions *state = (const struct sl_sessions *)stateful;
    *out = (struct sl_state_metrics){.rows_late = state->rows_late,
                                     .update_ns = state->update_ns,
                                     .removal_ns = state->removal_ns,
                                     .commit_ns = state->commit_ns};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct sl_sessions_shard *shard = &state->shards[s];
        struct sl_shard_size has;
        size_of(state, shard, &has);
        sl_state_metrics_add(out, &has);
    }
}

static void free_state(struct sl_stateful *stateful) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct sl_sessions_shard *shard = &state->shards[s];
        release_lists(state, shard);
        sl_group_table_release(&shard->keys);
        sl_session_table_release(&shard->sessions);
        sl_aggregate_set_release(&shard->set);
        pthread_mutex_destroy(&shard->lock);
    }
    free(state);
}

/* ---- making ---- */

static const struct sl_stateful_ops session_ops = {.name = "sessionWindowStateStoreSaveExec",
                                                   .attach = sl_sessions_attach,
                                                   .begin = begin,
                                                   .finish = finish,
                                                   .save = sl_sessions_save,
                                                   .load = sl_sessions_load,
                                                   .clear = clear,
                                                   .metrics = metrics,
                                                   .free = free_state,
                                                   .size = size,
                                                   .forget = forget};
static const struct sl_stateful_ops batch_ops = {
    "", sl_sessions_attach, begin, finish, NULL, NULL, clear, metrics, free_state};

static void describe_state(struct sl_sessions *state, const struct sl_type *input) {
    const struct sl_aggregation *what = state->what;
    struct sl_arena *query = state->env.query;
    struct sl_field *all = SL_NEW_ARRAY(query, struct sl_field, what->key_count);
    struct sl_field *keys = SL_NEW_ARRAY(query, struct sl_field, what->key_count);
    struct sl_state_schema *store = SL_NEW(query, struct sl_state_schema);
    for (uint32_t i = 0; i < what->key_count; i++) all[i] = input->fields[what->keys[i]];
    for (uint32_t i = 0; i < state->other_count; i++) keys[i] = all[state->others[i]];
    keys[state->other_count] =
        (struct sl_field){.name = SL_STR("sessionStartTime"), .type = &sl_type_timestamp};
    store->name = SL_STR("default");
    store->key = sl_type_struct(query, keys, what->key_count);
    store->value = sl_aggregate_set_type(query, what, all, what->key_count);
    state->base.stores = store;
    state->base.store_count = sl_sessions_are_streamed(state) ? 1 : 0;
}

static void make_layout(struct sl_sessions *state) {
    struct sl_arena *query = state->env.query;
    const struct sl_type **types = SL_NEW_ARRAY(query, const struct sl_type *, state->other_count);
    for (uint32_t i = 0; i < state->other_count; i++)
        types[i] = state->base.stores[0].key->fields[i].type;
    state->layout = sl_key_layout_new(query, types, state->other_count, sizeof(uint32_t));
}

/* A session that takes another one over would have to find values that both have seen. */
static enum sl_code refuse_distinct(const struct sl_aggregation *what, struct sl_err *err) {
    for (uint32_t i = 0; i < what->item_count; i++) {
        const struct sl_aggregate *function = what->items[i].call->function;
        if (!what->items[i].distinct || function->flags & SL_AGG_DISTINCT_IS_SAME) continue;
        sl_fail(err, SL_UNSUPPORTED, "`%s(DISTINCT ..)` together with session_window",
                function->name);
        if (err) sl_hint(err, "aggregate by session_window and the argument first");
        return SL_UNSUPPORTED;
    }
    return SL_OK;
}

enum sl_code sl_session_new(const struct sl_stateful_env *env, const struct sl_aggregation *what,
                            const struct sl_type *input, const struct sl_type *output,
                            struct sl_stateful **out, struct sl_err *err) {
    SL_TRY(refuse_distinct(what, err));
    struct sl_sessions *state = sl_xcalloc(1, sizeof *state);
    state->env = *env;
    state->what = what;
    state->output = output;
    state->base.ops = sl_sessions_are_streamed(state) ? &session_ops : &batch_ops;
    state->base.budget = env->budget;
    state->base.finish_shards = SL_STATE_SHARDS;
    state->others = SL_NEW_ARRAY(env->query, uint32_t, what->key_count);
    for (uint32_t i = 0; i < what->key_count; i++)
        if ((int64_t)i != what->session) state->others[state->other_count++] = i;
    describe_state(state, input);
    make_layout(state);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct sl_sessions_shard *shard = &state->shards[s];
        pthread_mutex_init(&shard->lock, NULL);
        sl_group_table_init(&shard->keys, state->layout, env->budget);
        sl_session_table_init(&shard->sessions, env->budget);
        sl_aggregate_set_init(&shard->set, what, env->budget);
        state->locks[s] = &shard->lock;
    }
    *out = &state->base;
    return SL_OK;
}
