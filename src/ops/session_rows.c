/* Sessions as rows: of the output, and of the saved state, which is Spark's
 * StreamingSessionWindowStateManagerImplV1: other keys and start of the session, with all keys and
 * buffers as the value. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/session_int.h"

/* ---- rows of sessions ---- */

/* Appends the other keys: their columns lie apart in the output. */
static enum sl_code append_others(const struct sl_sessions *state,
                                  const struct sl_sessions_shard *shard, const uint32_t *keys,
                                  uint32_t count, struct sl_vec *columns, const uint32_t *positions,
                                  struct sl_err *err) {
    struct sl_vec *moved = sl_xcalloc(state->other_count + 1, sizeof *moved);
    for (uint32_t i = 0; i < state->other_count; i++) moved[i] = columns[positions[i]];
    enum sl_code code = sl_group_table_append_keys(&shard->keys, keys, count, moved, err);
    for (uint32_t i = 0; i < state->other_count; i++) columns[positions[i]] = moved[i];
    free(moved);
    return code;
}

static enum sl_code append_times(const int64_t *times, const uint32_t *sessions, uint32_t count,
                                 struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + count, err));
    for (uint32_t i = 0; i < count; i++) out->i64[out->rows + i] = times[sessions[i]];
    out->rows += count;
    return SL_OK;
}

enum sl_code sl_sessions_append_keys(const struct sl_sessions *state,
                                     const struct sl_sessions_shard *shard,
                                     const uint32_t *sessions, uint32_t count,
                                     struct sl_vec *columns, struct sl_err *err) {
    uint32_t keys[SL_SESSION_CHUNK];
    struct sl_vec *window = &columns[state->what->session];
    sl_assert(count <= SL_SESSION_CHUNK);
    for (uint32_t i = 0; i < count; i++) keys[i] = shard->sessions.key[sessions[i]];
    SL_TRY(append_others(state, shard, keys, count, columns, state->others, err));
    SL_TRY(sl_vec_reserve(window, window->rows + count, err));
    SL_TRY(append_times(shard->sessions.start, sessions, count, &window->children[0], err));
    SL_TRY(append_times(shard->sessions.end, sessions, count, &window->children[1], err));
    window->rows += count;
    return SL_OK;
}

/* ---- the state ---- */

struct state_rows {
    struct sl_arena arena;
    struct sl_batch keys, values;
    uint32_t *positions; /* of the other keys in the state's key: 0, 1, .. */
    sl_state_put_fn put;
    void *ctx;
};

static enum sl_code put_sessions(const struct sl_sessions *state,
                                 const struct sl_sessions_shard *shard, struct state_rows *rows,
                                 const uint32_t *sessions, uint32_t count, struct sl_err *err) {
    uint32_t keys[SL_SESSION_CHUNK];
    sl_batch_clear(&rows->keys);
    sl_batch_clear(&rows->values);
    for (uint32_t i = 0; i < count; i++) keys[i] = shard->sessions.key[sessions[i]];
    SL_TRY(append_others(state, shard, keys, count, rows->keys.columns, rows->positions, err));
    SL_TRY(append_times(shard->sessions.start, sessions, count,
                        &rows->keys.columns[state->other_count], err));
    SL_TRY(sl_sessions_append_keys(state, shard, sessions, count, rows->values.columns, err));
    SL_TRY(sl_aggregate_set_store(&shard->set, sessions, count,
                                  rows->values.columns + state->what->key_count, err));
    rows->keys.rows = rows->keys.selected_rows = count;
    rows->values.rows = rows->values.selected_rows = count;
    return rows->put(rows->ctx, 0, &rows->keys, &rows->values, err);
}

static enum sl_code put_gone(const struct sl_sessions *state, const struct sl_sessions_shard *shard,
                             struct state_rows *rows, const struct sl_sessions_gone *gone,
                             uint32_t count, struct sl_err *err) {
    uint32_t keys[SL_SESSION_CHUNK];
    struct sl_vec *starts = &rows->keys.columns[state->other_count];
    sl_batch_clear(&rows->keys);
    for (uint32_t i = 0; i < count; i++) keys[i] = gone[i].key;
    SL_TRY(append_others(state, shard, keys, count, rows->keys.columns, rows->positions, err));
    SL_TRY(sl_vec_reserve(starts, count, err));
    for (uint32_t i = 0; i < count; i++) starts->i64[i] = gone[i].start;
    starts->rows = count;
    rows->keys.rows = rows->keys.selected_rows = count;
    return rows->put(rows->ctx, 0, &rows->keys, NULL, err);
}

static enum sl_code save_rows(const struct sl_sessions *state,
                              const struct sl_sessions_shard *shard, struct state_rows *rows,
                              bool whole, struct sl_err *err) {
    const uint64_t *bits = whole ? shard->sessions.live : shard->sessions.touched;
    uint32_t sessions[SL_SESSION_CHUNK], count;
    size_t word = 0;
    for (uint32_t i = 0; !whole && i < shard->gone_count; i += count) {
        count = shard->gone_count - i < SL_SESSION_CHUNK ? shard->gone_count - i : SL_SESSION_CHUNK;
        SL_TRY(put_gone(state, shard, rows, shard->gone + i, count, err));
    }
    while (
        (count = sl_session_table_list(&shard->sessions, bits, &word, sessions, SL_SESSION_CHUNK)))
        SL_TRY(put_sessions(state, shard, rows, sessions, count, err));
    return SL_OK;
}

enum sl_code sl_sessions_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                              sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct sl_sessions_shard *shard = &state->shards[number];
    struct state_rows rows = {.put = put, .ctx = ctx};
    int64_t start = sl_clock_mono_ns();
    sl_sessions_begin_shard(state, shard);
    sl_arena_init(&rows.arena, "state rows");
    sl_batch_init(&rows.keys, stateful->stores[0].key, &rows.arena);
    sl_batch_init(&rows.values, stateful->stores[0].value, &rows.arena);
    rows.positions = SL_NEW_ARRAY(&rows.arena, uint32_t, state->other_count + 1);
    for (uint32_t i = 0; i < state->other_count; i++) rows.positions[i] = i;
    enum sl_code code = save_rows(state, shard, &rows, whole, err);
    sl_batch_release(&rows.keys);
    sl_batch_release(&rows.values);
    sl_arena_release(&rows.arena);
    state->commit_ns += sl_clock_mono_ns() - start;
    return code;
}

struct load {
    struct sl_sessions *state;
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec *starts; /* of the keys */
    const struct sl_batch *values;
    uint32_t *groups;
};

/* The session of a key that begins at `start`; *before as sl_sessions_link wants it. */
static uint32_t find_session(const struct sl_sessions_shard *shard, uint32_t key, int64_t start,
                             uint32_t *before) {
    uint32_t at = sl_sessions_head(shard, key);
    *before = SL_NO_SESSION;
    while (at != SL_NO_SESSION && shard->sessions.start[at] > start) {
        *before = at;
        at = shard->sessions.next[at];
    }
    return at;
}

/* Puts a session where none may touch any more: what it replaces was removed before. */
static uint32_t load_session(struct sl_sessions_shard *shard, uint32_t key, int64_t start,
                             int64_t end) {
    uint32_t before, at = find_session(shard, key, start, &before);
    if (at != SL_NO_SESSION && shard->sessions.start[at] == start) {
        sl_aggregate_set_reset(&shard->set, &at, 1);
        shard->sessions.end[at] = end;
        sl_session_table_note_end(&shard->sessions, at);
        return at;
    }
    uint32_t session = sl_session_table_add(&shard->sessions, key, start, end);
    shard->sessions.next[session] = at;
    sl_sessions_link(shard, key, before, session);
    sl_bit_set(shard->sessions.stored, session);
    return session;
}

static enum sl_code load_removed(struct load *load, struct sl_sessions_shard *shard, uint32_t begin,
                                 uint32_t count, struct sl_err *err) {
    sl_group_table_find(&shard->keys, &load->block, begin, count, load->groups);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before, key = load->groups[i];
        int64_t start = sl_sessions_time(load->starts, load->rows.rows[begin + i]);
        if (key == SL_NO_GROUP) continue;
        uint32_t at = find_session(shard, key, start, &before);
        if (at == SL_NO_SESSION || shard->sessions.start[at] != start) continue;
        sl_sessions_link(shard, key, before, shard->sessions.next[at]);
        if (sl_sessions_head(shard, key) == SL_NO_SESSION)
            SL_TRY(sl_sessions_add_emptied(load->state, shard, key, err));
        sl_session_table_remove(&shard->sessions, at);
        sl_aggregate_set_reset(&shard->set, &at, 1);
    }
    return SL_OK;
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct load *load = ctx;
    struct sl_sessions *state = load->state;
    struct sl_sessions_shard *shard = &state->shards[number];
    uint32_t begin = load->rows.begin[number], count = load->rows.begin[number + 1] - begin;
    const uint32_t *rows = load->rows.rows + begin;
    sl_sessions_begin_shard(state, shard);
    if (!load->values) return load_removed(load, shard, begin, count, err);
    SL_TRY(sl_session_table_reserve(&shard->sessions, count, err));
    SL_TRY(sl_aggregate_set_grow(&shard->set, shard->sessions.limit + count, err));
    SL_TRY(sl_group_table_find_or_add(&shard->keys, &load->block, begin, count, load->groups, NULL,
                                      NULL, err));
    const struct sl_vec *windows = &load->values->columns[state->what->session];
    for (uint32_t i = 0; i < count; i++)
        load->groups[i] =
            load_session(shard, load->groups[i], sl_sessions_time(load->starts, rows[i]),
                         sl_sessions_time(&windows->children[1], sl_vec_pos(windows, rows[i])));
    return sl_aggregate_set_merge(&shard->set, load->values->columns + state->what->key_count, rows,
                                  load->groups, count, state->env.session, err);
}

enum sl_code sl_sessions_load(struct sl_stateful *stateful, uint32_t store,
                              const struct sl_batch *keys, const struct sl_batch *values,
                              struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct load load = {
        .state = state, .starts = &keys->columns[state->other_count], .values = values};
    (void)store;
    if (!keys->rows) return SL_OK;
    const struct sl_vec **pointers = sl_xcalloc(state->other_count + 1, sizeof *pointers);
    for (uint32_t i = 0; i < state->other_count; i++) pointers[i] = &keys->columns[i];
    load.groups = sl_xmalloc(keys->rows * sizeof *load.groups);
    sl_key_block_init(&load.block, state->layout);
    sl_shard_rows_begin(&load.rows, keys);
    sl_shard_rows_split(&load.rows, pointers, state->other_count);
    enum sl_code code =
        sl_key_block_encode(&load.block, pointers, load.rows.rows, load.rows.count, err);
    if (code == SL_OK) code = sl_shard_rows_visit(&load.rows, state->locks, load_shard, &load, err);
    sl_shard_rows_release(&load.rows);
    sl_key_block_release(&load.block);
    free(load.groups);
    free(pointers);
    return code;
}
