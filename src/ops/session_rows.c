/* Sessions as rows: of the output, and of the saved state, which is Spark's
 * StreamingSessionWindowStateManagerImplV1: other keys and start of the session, with all keys and
 * buffers as the value. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/session_int.h"
#include "ops/state_rows.h"

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

/* ---- saving ---- */

struct saving {
    struct sl_state_out out;
    uint32_t *positions; /* of the other keys in the state's key: 0, 1, .. */
};

static enum sl_code put_sessions(const struct sl_sessions *state,
                                 const struct sl_sessions_shard *shard, struct saving *saving,
                                 const uint32_t *sessions, uint32_t count, struct sl_err *err) {
    uint32_t keys[SL_SESSION_CHUNK];
    sl_state_out_clear(&saving->out);
    for (uint32_t i = 0; i < count; i++) keys[i] = shard->sessions.key[sessions[i]];
    SL_TRY(
        append_others(state, shard, keys, count, saving->out.keys.columns, saving->positions, err));
    SL_TRY(append_times(shard->sessions.start, sessions, count,
                        &saving->out.keys.columns[state->other_count], err));
    SL_TRY(sl_sessions_append_keys(state, shard, sessions, count, saving->out.values.columns, err));
    SL_TRY(sl_aggregate_set_store(&shard->set, sessions, count,
                                  saving->out.values.columns + state->what->key_count, err));
    return sl_state_out_put(&saving->out, count, false, err);
}

static enum sl_code put_gone(const struct sl_sessions *state, const struct sl_sessions_shard *shard,
                             struct saving *saving, const struct sl_sessions_gone *gone,
                             uint32_t count, struct sl_err *err) {
    uint32_t keys[SL_SESSION_CHUNK];
    struct sl_vec *starts = &saving->out.keys.columns[state->other_count];
    sl_state_out_clear(&saving->out);
    for (uint32_t i = 0; i < count; i++) keys[i] = gone[i].key;
    SL_TRY(
        append_others(state, shard, keys, count, saving->out.keys.columns, saving->positions, err));
    SL_TRY(sl_vec_reserve(starts, count, err));
    for (uint32_t i = 0; i < count; i++) starts->i64[i] = gone[i].start;
    starts->rows = count;
    return sl_state_out_put(&saving->out, count, true, err);
}

static enum sl_code save_rows(const struct sl_sessions *state,
                              const struct sl_sessions_shard *shard, struct saving *saving,
                              bool whole, struct sl_err *err) {
    const uint64_t *bits = whole ? shard->sessions.live : shard->sessions.touched;
    uint32_t sessions[SL_SESSION_CHUNK], count;
    size_t word = 0;
    for (uint32_t i = 0; !whole && i < shard->gone_count; i += count) {
        count = shard->gone_count - i < SL_SESSION_CHUNK ? shard->gone_count - i : SL_SESSION_CHUNK;
        SL_TRY(put_gone(state, shard, saving, shard->gone + i, count, err));
    }
    while (
        (count = sl_session_table_list(&shard->sessions, bits, &word, sessions, SL_SESSION_CHUNK)))
        SL_TRY(put_sessions(state, shard, saving, sessions, count, err));
    return SL_OK;
}

enum sl_code sl_sessions_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                              sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct sl_sessions_shard *shard = &state->shards[number];
    struct saving saving;
    int64_t start = sl_clock_mono_ns();
    sl_sessions_begin_shard(state, shard);
    sl_state_out_init(&saving.out, stateful, 0, put, ctx);
    saving.positions = SL_NEW_ARRAY(&saving.out.arena, uint32_t, state->other_count + 1);
    for (uint32_t i = 0; i < state->other_count; i++) saving.positions[i] = i;
    enum sl_code code = save_rows(state, shard, &saving, whole, err);
    sl_state_out_release(&saving.out);
    state->commit_ns += sl_clock_mono_ns() - start;
    return code;
}

/* ---- loading ---- */

struct loading {
    struct sl_state_in in;
    struct sl_sessions *state;
    const struct sl_vec *starts; /* of the keys */
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

static enum sl_code load_removed(struct loading *loading, struct sl_sessions_shard *shard,
                                 uint32_t begin, uint32_t count, struct sl_err *err) {
    sl_group_table_find(&shard->keys, &loading->in.block, begin, count, loading->in.groups);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before, key = loading->in.groups[i];
        int64_t start = sl_sessions_time(loading->starts, loading->in.rows.rows[begin + i]);
        if (key == SL_NO_GROUP) continue;
        uint32_t at = find_session(shard, key, start, &before);
        if (at == SL_NO_SESSION || shard->sessions.start[at] != start) continue;
        sl_sessions_link(shard, key, before, shard->sessions.next[at]);
        if (sl_sessions_head(shard, key) == SL_NO_SESSION)
            SL_TRY(sl_sessions_add_emptied(loading->state, shard, key, err));
        sl_session_table_remove(&shard->sessions, at);
        sl_aggregate_set_reset(&shard->set, &at, 1);
    }
    return SL_OK;
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct loading *loading = ctx;
    struct sl_sessions *state = loading->state;
    struct sl_sessions_shard *shard = &state->shards[number];
    uint32_t begin, count = sl_state_in_count(&loading->in, number, &begin);
    const uint32_t *rows = loading->in.rows.rows + begin;
    sl_sessions_begin_shard(state, shard);
    if (!loading->in.values) return load_removed(loading, shard, begin, count, err);
    SL_TRY(sl_session_table_reserve(&shard->sessions, count, err));
    SL_TRY(sl_aggregate_set_grow(&shard->set, shard->sessions.limit + count, err));
    SL_TRY(sl_group_table_find_or_add(&shard->keys, &loading->in.block, begin, count,
                                      loading->in.groups, NULL, NULL, err));
    const struct sl_vec *windows = &loading->in.values->columns[state->what->session];
    for (uint32_t i = 0; i < count; i++)
        loading->in.groups[i] =
            load_session(shard, loading->in.groups[i], sl_sessions_time(loading->starts, rows[i]),
                         sl_sessions_time(&windows->children[1], sl_vec_pos(windows, rows[i])));
    return sl_aggregate_set_merge(&shard->set, loading->in.values->columns + state->what->key_count,
                                  rows, loading->in.groups, count, state->env.session, err);
}

enum sl_code sl_sessions_load(struct sl_stateful *stateful, uint32_t store,
                              const struct sl_batch *keys, const struct sl_batch *values,
                              struct sl_err *err) {
    struct sl_sessions *state = (struct sl_sessions *)stateful;
    struct loading loading = {.state = state, .starts = &keys->columns[state->other_count]};
    (void)store;
    return sl_state_in_visit(&loading.in, state->layout, keys, values, state->locks, load_shard,
                             err);
}
