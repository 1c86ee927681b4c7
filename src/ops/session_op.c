/* The operator of one task: its rows become sessions, or widen and join those that are there. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/session_int.h"
#include "ops/spill.h"

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
    SL_TRY(sl_sessions_add_gone(op->state, shard, session, err));
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
    SL_TRY(sl_spill_divert(state->base.spill, 0, in, &op->rows, err));
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

enum sl_code sl_sessions_attach(struct sl_stateful *stateful, uint32_t input, bool profiled,
                                struct sl_op **out, struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    const struct sl_aggregation *what = state->what;
    struct session_op *op = sl_xcalloc(1, sizeof *op);
    (void)input;
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
