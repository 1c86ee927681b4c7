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

/* A row on its way to a session. */
struct entry {
    uint32_t key, row;
    int64_t start, end;
    uint32_t session;
};

struct session_op {
    struct sl_op base;
    struct sl_sessions *state;
    struct sl_arena arena;
    struct sl_batch nothing;
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec **keys;
    struct sl_vec *flat_keys;
    const struct sl_vec *windows;
    struct sl_aggregate_input input;
    uint32_t *groups, *ordered;
    struct entry *entries;
    uint32_t cap;
    uint32_t *taken, taken_count, taken_cap; /* sessions taken over by earlier ones, latest first */
    struct sl_batch buffers;                 /* theirs */
    const struct sl_session *session;
    int64_t ns, rows_in;
};

static bool is_streaming(const struct sl_sessions *state) {
    return state->env.mode != SL_MODE_BATCH;
}

/* ---- a shard's memory of the batch ---- */

static enum sl_code take(struct sl_sessions *state, struct sl_sessions_shard *shard, size_t bytes,
                         struct sl_err *err) {
    SL_TRY(sl_budget_take(state->env.budget, bytes, "the sessions of a stateful operator", err));
    shard->own_bytes += bytes;
    return SL_OK;
}

static enum sl_code add_gone(struct sl_sessions *state, struct sl_sessions_shard *shard,
                             uint32_t session, struct sl_err *err) {
    if (!is_streaming(state) || !sl_bit_get(shard->sessions.stored, session)) return SL_OK;
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

/* ---- rows to sessions ---- */

/* Where the rows of a key stand in its chain. */
struct finger {
    uint32_t key, before, at;
};

/* The latest session that does not begin after `end`. */
static void seek(const struct sl_sessions_shard *shard, struct finger *finger, uint32_t key,
                 int64_t end) {
    const struct sl_session_table *sessions = &shard->sessions;
    bool passed = finger->before != SL_NO_SESSION && sessions->start[finger->before] <= end;
    if (finger->key != key || passed)
        *finger = (struct finger){key, SL_NO_SESSION, sl_sessions_head(shard, key)};
    while (finger->at != SL_NO_SESSION && sessions->start[finger->at] > end) {
        finger->before = finger->at;
        finger->at = sessions->next[finger->at];
    }
}

static void add_taken(struct session_op *op, uint32_t session) {
    if (op->taken_count == op->taken_cap) {
        op->taken_cap = op->taken_cap ? op->taken_cap * 2 : 64;
        op->taken = sl_xrealloc(op->taken, op->taken_cap * sizeof *op->taken);
    }
    op->taken[op->taken_count++] = session;
}

static enum sl_code move_start(struct session_op *op, struct sl_sessions_shard *shard,
                               uint32_t session, int64_t start, struct sl_err *err) {
    if (start >= shard->sessions.start[session]) return SL_OK;
    SL_TRY(add_gone(op->state, shard, session, err));
    shard->sessions.start[session] = start;
    return SL_OK;
}

/* finger->at touches the next one in the chain, which is earlier, and goes over to it. Its saved
 * key is gone already: the row that reaches so far begins before it. */
static enum sl_code give_over(struct session_op *op, struct sl_sessions_shard *shard,
                              struct finger *finger, struct sl_err *err) {
    struct sl_session_table *sessions = &shard->sessions;
    uint32_t later = finger->at, earlier = sessions->next[later];
    SL_TRY(move_start(op, shard, earlier, sessions->start[later], err));
    if (sessions->end[later] > sessions->end[earlier])
        sessions->end[earlier] = sessions->end[later];
    sessions->parent[later] = earlier;
    add_taken(op, later);
    sl_sessions_link(shard, finger->key, finger->before, earlier);
    finger->at = earlier;
    return SL_OK;
}

static enum sl_code place(struct session_op *op, struct sl_sessions_shard *shard,
                          struct finger *finger, struct entry *entry, struct sl_err *err) {
    struct sl_session_table *sessions = &shard->sessions;
    seek(shard, finger, entry->key, entry->end);
    uint32_t at = finger->at;
    if (at == SL_NO_SESSION || sessions->end[at] < entry->start) {
        entry->session = sl_session_table_add(sessions, entry->key, entry->start, entry->end);
        sessions->next[entry->session] = at;
        sl_sessions_link(shard, entry->key, finger->before, entry->session);
        finger->at = entry->session;
        return SL_OK;
    }
    entry->session = at;
    if (entry->end > sessions->end[at]) sessions->end[at] = entry->end;
    SL_TRY(move_start(op, shard, at, entry->start, err));
    for (;;) {
        uint32_t next = sessions->next[finger->at];
        if (next == SL_NO_SESSION || sessions->end[next] < sessions->start[finger->at])
            return SL_OK;
        SL_TRY(give_over(op, shard, finger, err));
    }
}

/* ---- accumulators ---- */

/* Buffers of sessions that were taken over go to those that took them, earlier ones first. */
static enum sl_code merge_taken(struct session_op *op, struct sl_sessions_shard *shard,
                                struct sl_err *err) {
    struct sl_session_table *sessions = &shard->sessions;
    uint32_t count = op->taken_count;
    if (!count) return SL_OK;
    uint32_t *from = sl_xmalloc(count * 3 * sizeof *from), *into = from + count,
             *rows = into + count;
    for (uint32_t i = 0; i < count; i++) {
        from[i] = op->taken[count - 1 - i];
        into[i] = sl_session_table_root(sessions, from[i]);
        rows[i] = i;
    }
    sl_batch_clear(&op->buffers);
    enum sl_code code = sl_aggregate_set_store(&shard->set, from, count, op->buffers.columns, err);
    if (code == SL_OK)
        code = sl_aggregate_set_merge(&shard->set, op->buffers.columns, rows, into, count,
                                      op->session, err);
    sl_aggregate_set_reset(&shard->set, from, count);
    free(from);
    return code;
}

static enum sl_code update_items(struct session_op *op, struct sl_sessions_shard *shard,
                                 uint32_t all_count, struct sl_err *err) {
    for (uint32_t i = 0; i < op->state->what->item_count; i++) {
        const uint32_t *rows = op->ordered, *groups = op->groups;
        uint32_t count = sl_aggregate_input_filter(&op->input, i, &rows, &groups, all_count);
        SL_TRY(sl_aggregate_input_update(&op->input, &shard->set, i, rows, groups, count,
                                         op->session, err));
    }
    return SL_OK;
}

static int order_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void fill_entries(struct session_op *op, uint32_t begin, uint32_t count) {
    const struct sl_vec *starts = &op->windows->children[0], *ends = &op->windows->children[1];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = op->rows.rows[begin + i], at = sl_vec_pos(op->windows, row);
        op->entries[i] = (struct entry){.key = op->groups[i],
                                        .row = row,
                                        .start = sl_sessions_time(starts, at),
                                        .end = sl_sessions_time(ends, at)};
    }
    qsort(op->entries, count, sizeof *op->entries, order_entries);
}

static enum sl_code place_all(struct session_op *op, struct sl_sessions_shard *shard,
                              uint32_t count, struct sl_err *err) {
    struct finger finger = {SL_NO_GROUP, SL_NO_SESSION, SL_NO_SESSION};
    for (uint32_t i = count; i-- > 0;) SL_TRY(place(op, shard, &finger, &op->entries[i], err));
    for (uint32_t i = 0; i < count; i++) {
        op->ordered[i] = op->entries[i].row;
        op->groups[i] = sl_session_table_root(&shard->sessions, op->entries[i].session);
        sl_bit_set(shard->sessions.touched, op->groups[i]);
    }
    return SL_OK;
}

static enum sl_code visit_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct session_op *op = ctx;
    struct sl_sessions_shard *shard = &op->state->shards[number];
    uint32_t begin = op->rows.begin[number], count = op->rows.begin[number + 1] - begin;
    sl_sessions_begin_shard(op->state, shard);
    SL_TRY(sl_session_table_reserve(&shard->sessions, count, err));
    SL_TRY(sl_group_table_find_or_add(&shard->keys, &op->block, begin, count, op->groups, NULL,
                                      NULL, err));
    fill_entries(op, begin, count);
    op->taken_count = 0;
    SL_TRY(place_all(op, shard, count, err));
    SL_TRY(sl_aggregate_set_grow(&shard->set, shard->sessions.limit, err));
    SL_TRY(merge_taken(op, shard, err));
    for (uint32_t i = 0; i < op->taken_count; i++)
        sl_session_table_remove(&shard->sessions, op->taken[i]);
    return update_items(op, shard, count, err);
}

/* ---- the operator ---- */

static enum sl_code plain_key(struct session_op *op, const struct sl_batch *in, uint32_t position,
                              const struct sl_vec **out, struct sl_err *err) {
    *out = &in->columns[op->state->what->keys[position]];
    if ((*out)->enc != SL_ENC_DICT || !sl_type_is_nested((*out)->type)) return SL_OK;
    SL_TRY(sl_vec_flatten(*out, &op->flat_keys[position], err));
    *out = &op->flat_keys[position];
    return SL_OK;
}

static void reserve_op(struct session_op *op, uint32_t rows) {
    if (rows <= op->cap) return;
    op->groups = sl_xrealloc(op->groups, rows * sizeof *op->groups);
    op->ordered = sl_xrealloc(op->ordered, rows * sizeof *op->ordered);
    op->entries = sl_xrealloc(op->entries, rows * sizeof *op->entries);
    op->cap = rows;
}

static enum sl_code add_batch(struct session_op *op, const struct sl_batch *in,
                              struct sl_err *err) {
    struct sl_sessions *state = op->state;
    const struct sl_aggregation *what = state->what;
    sl_shard_rows_begin(&op->rows, in);
    /* in complete mode, too, unlike plain aggregations: Spark's SessionWindowStateStoreRestoreExec
     * knows no modes */
    if (state->env.mode != SL_MODE_BATCH)
        state->rows_late +=
            sl_shard_rows_drop_late(&op->rows, in, &what->event_time, &state->marks);
    SL_TRY(plain_key(op, in, (uint32_t)what->session, &op->windows, err));
    sl_shard_rows_drop_null(&op->rows, &op->windows, 1);
    if (!op->rows.count) return SL_OK;
    reserve_op(op, in->rows);
    for (uint32_t i = 0; i < state->other_count; i++)
        SL_TRY(plain_key(op, in, state->others[i], &op->keys[i], err));
    SL_TRY(sl_aggregate_input_take(&op->input, in, err));
    sl_shard_rows_split(&op->rows, op->keys, state->other_count);
    SL_TRY(sl_key_block_encode(&op->block, op->keys, op->rows.rows, op->rows.count, err));
    return sl_shard_rows_visit(&op->rows, state->locks, visit_shard, op, err);
}

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct session_op *op = (struct session_op *)base;
    int64_t begin = sl_clock_mono_ns();
    op->session = session;
    enum sl_code code = add_batch(op, in, err);
    int64_t ns = sl_clock_mono_ns() - begin;
    op->state->update_ns += ns;
    op->ns += ns;
    op->rows_in += in->selected ? in->selected_rows : in->rows;
    *out = &op->nothing;
    return code;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct session_op *op = (const struct session_op *)base;
    fn(ctx, "session", op->ns, op->rows_in);
}

static void free_op(struct sl_op *base) {
    struct session_op *op = (struct session_op *)base;
    for (uint32_t i = 0; i < op->state->what->key_count; i++) sl_vec_release(&op->flat_keys[i]);
    sl_shard_rows_release(&op->rows);
    sl_key_block_release(&op->block);
    sl_aggregate_input_release(&op->input);
    sl_batch_release(&op->nothing);
    sl_batch_release(&op->buffers);
    sl_arena_release(&op->arena);
    free(op->keys);
    free(op->flat_keys);
    free(op->groups);
    free(op->ordered);
    free(op->entries);
    free(op->taken);
    free(op);
}

static const struct sl_op_ops op_ops = {"session", process, profile, free_op, NULL};

static enum sl_code attach(struct sl_stateful *stateful, uint32_t number, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    const struct sl_aggregation *what = state->what;
    struct session_op *op = sl_xcalloc(1, sizeof *op);
    (void)number;
    (void)profiled;
    (void)err;
    op->base.ops = &op_ops;
    op->state = state;
    sl_arena_init(&op->arena, "session");
    sl_batch_init(&op->nothing, state->output, &op->arena);
    sl_batch_init(&op->buffers, sl_aggregate_set_type(&op->arena, what, NULL, 0), &op->arena);
    sl_key_block_init(&op->block, state->layout);
    op->keys = sl_xcalloc(what->key_count, sizeof *op->keys);
    op->flat_keys = sl_xcalloc(what->key_count, sizeof *op->flat_keys);
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_vec_init(&op->flat_keys[i], state->output->fields[i].type);
    sl_aggregate_input_init(&op->input, what);
    *out = &op->base;
    return SL_OK;
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

static enum sl_code forget(struct sl_sessions *state, struct sl_sessions_shard *shard,
                           uint32_t session, int64_t until_us, struct sl_err *err) {
    if (shard->sessions.parent[session] != SL_NO_SESSION)
        SL_TRY(cut_chain(state, shard, shard->sessions.key[session], until_us, err));
    SL_TRY(add_gone(state, shard, session, err));
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
            SL_TRY(forget(state, shard, sessions[i], until_us, err));
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

static void clear_shard(struct sl_sessions_shard *shard) {
    sl_group_table_clear(&shard->keys);
    sl_session_table_release(&shard->sessions);
    sl_aggregate_set_clear(&shard->set);
    shard->gone_count = shard->emptied_count = 0;
    shard->rows_removed = 0;
}

static void clear(struct sl_stateful *stateful) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) clear_shard(&state->shards[s]);
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct sl_sessions *state = (const struct sl_sessions *)stateful;
    *out = (struct sl_state_metrics){.rows_late = state->rows_late,
                                     .update_ns = state->update_ns,
                                     .removal_ns = state->removal_ns,
                                     .commit_ns = state->commit_ns};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct sl_sessions_shard *shard = &state->shards[s];
        const struct sl_session_table *sessions = &shard->sessions;
        bool now = shard->epoch == state->epoch;
        out->rows_total += sessions->count;
        out->rows_removed += now ? shard->rows_removed : 0;
        if (now && sessions->limit)
            out->rows_updated += sl_bits_count(sessions->touched, sessions->limit);
        out->memory_bytes += sl_group_table_bytes(&shard->keys) + sl_session_table_bytes(sessions) +
                             sl_aggregate_set_bytes(&shard->set) + shard->own_bytes;
    }
}

static void free_state(struct sl_stateful *stateful) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct sl_sessions_shard *shard = &state->shards[s];
        sl_budget_give(state->env.budget, shard->own_bytes);
        sl_group_table_release(&shard->keys);
        sl_session_table_release(&shard->sessions);
        sl_aggregate_set_release(&shard->set);
        free(shard->gone);
        free(shard->emptied);
        pthread_mutex_destroy(&shard->lock);
    }
    free(state);
}

/* ---- making ---- */

static const struct sl_stateful_ops session_ops = {"sessionWindowStateStoreSaveExec",
                                                   attach,
                                                   begin,
                                                   finish,
                                                   sl_sessions_save,
                                                   sl_sessions_load,
                                                   clear,
                                                   metrics,
                                                   free_state};
static const struct sl_stateful_ops batch_ops = {"",   attach, begin,   finish,    NULL,
                                                 NULL, clear,  metrics, free_state};

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
    state->base.store_count = is_streaming(state) ? 1 : 0;
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
        if (err) sl_hint(err, "Aggregate by session_window and the argument first.");
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
    state->base.ops = is_streaming(state) ? &session_ops : &batch_ops;
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
