#include "run/state_room.h"

#include <malloc.h>

enum { ROW_BYTES_LIKELY = 96 };

static bool is_closed(const struct sl_state *state, uint32_t shard) {
    return state->closed >> shard & 1;
}

static bool is_over(const struct sl_states *states, size_t more) {
    return sl_spill_is_forced() || sl_spill_all_passes(states->budget, SL_SPILL_IN_TURNS, more);
}

/* Of this query, or of all together. */
static bool is_much(const struct sl_states *states) {
    return sl_spill_is_forced() || sl_spill_part_passes(states->budget, SL_SPILL_AT_REST) ||
           sl_spill_all_passes(states->budget, SL_SPILL_ALL_AT_REST, 0);
}

bool sl_state_room_is_free(const struct sl_states *states, const struct sl_state *state) {
    return !state->stateful->spill || !is_much(states);
}

void sl_state_room_give_up(struct sl_state *state, uint32_t shard) {
    state->stateful->ops->size(state->stateful, shard, &state->shards[shard].size);
    state->stateful->ops->forget(state->stateful, shard);
    state->shards[shard].size.rows_total = 0; /* not all of it was seen */
    state->shards[shard].away = true;
}

void sl_state_room_begin(struct sl_states *states) {
    states->crowded = false;
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        uint32_t away = 0;
        state->closed = 0;
        state->begun = false;
        state->spilled_rows = state->spilled_bytes = 0;
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
            struct sl_state_shard *shard = &state->shards[s];
            shard->saved = false;
            shard->size.rows_updated = shard->size.rows_removed = 0;
            away |= (uint32_t)shard->away << s;
        }
        if (state->stateful->spill) sl_spill_begin(state->stateful->spill, away);
    }
}

enum sl_code sl_state_room_rows_ended(struct sl_states *states, struct sl_state *state,
                                      struct sl_err *err) {
    struct sl_spill *spill = state->stateful->spill;
    if (!spill) return SL_OK;
    state->closed = sl_spill_end(spill);
    if (!state->closed) return SL_OK;
    states->crowded = true;
    state->spilled_bytes = sl_spill_bytes(spill);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        state->spilled_rows += sl_spill_waiting_rows(spill, s);
    return sl_state_begin_version(states, state, err);
}

/* ---- room ---- */

/* Under the mutex. Only what is saved can be brought back. */
static bool forget_largest(struct sl_states *states) {
    struct sl_state *of = NULL;
    struct sl_shard_size size, largest = {0};
    uint32_t number = 0;
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        if (!state->stateful->spill) continue;
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
            if (!state->shards[s].saved || state->shards[s].away) continue;
            state->stateful->ops->size(state->stateful, s, &size);
            if (of && size.bytes <= largest.bytes) continue;
            of = state;
            number = s;
            largest = size;
        }
    }
    if (!of) return false;
    of->stateful->ops->forget(of->stateful, number);
    malloc_trim(0); /* what the next shard takes has other sizes */
    of->shards[number].size = largest;
    of->shards[number].away = true;
    return true;
}

/* What the shard will take, as far as its past and the others tell. Under the mutex. */
static size_t expected_bytes(const struct sl_state *state, uint32_t shard) {
    const struct sl_state_shard *at = &state->shards[shard];
    size_t row_bytes = ROW_BYTES_LIKELY, bytes = at->away ? at->size.bytes : 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS && at->away && at->size.rows_total == 0; s++)
        if (state->shards[s].size.bytes > bytes) bytes = state->shards[s].size.bytes;
    if (at->size.rows_total) row_bytes = at->size.bytes / at->size.rows_total;
    return bytes + sl_spill_waiting_rows(state->stateful->spill, shard) * row_bytes;
}

/* What shards whose turn it is will still take. Under the mutex. */
static size_t promised_bytes(const struct sl_states *states) {
    size_t promised = 0;
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
            struct sl_shard_size size;
            if (!state->shards[s].expected) continue;
            state->stateful->ops->size(state->stateful, s, &size);
            if (size.bytes < state->shards[s].expected)
                promised += state->shards[s].expected - size.bytes;
        }
    }
    return promised;
}

static void take_turn(struct sl_states *states, struct sl_state *state, uint32_t shard) {
    pthread_mutex_lock(&states->mutex);
    size_t expected = expected_bytes(state, shard);
    while (is_over(states, expected + promised_bytes(states))) {
        if (forget_largest(states)) continue;
        if (!states->turns) break; /* alone, and no room is to be made: it fits, or fails */
        pthread_cond_wait(&states->turn_ended, &states->mutex);
    }
    states->turns++;
    state->shards[shard].expected = expected;
    pthread_mutex_unlock(&states->mutex);
}

static void end_turn(struct sl_states *states, struct sl_state *state, uint32_t shard) {
    pthread_mutex_lock(&states->mutex);
    states->turns--;
    state->shards[shard].expected = 0;
    pthread_cond_broadcast(&states->turn_ended);
    pthread_mutex_unlock(&states->mutex);
}

/* ---- finishing ---- */

static enum sl_code finish_shard(struct sl_states *states, struct sl_state *state, uint32_t shard,
                                 const struct sl_finish_calls *calls, struct sl_err *err) {
    struct sl_stateful *stateful = state->stateful;
    SL_TRY(stateful->ops->finish(stateful, shard, calls->emit, calls->ctx, err));
    if (!state->closed) return SL_OK;
    SL_TRY(sl_state_save_shard(state, shard, err));
    pthread_mutex_lock(&states->mutex);
    state->shards[shard].saved = true;
    pthread_mutex_unlock(&states->mutex);
    return SL_OK;
}

/* Nothing came for it and no time has passed: it may stay where it is. */
static bool rests(const struct sl_states *states, const struct sl_state *state, uint32_t shard) {
    return state->shards[shard].away && states->mode != SL_MODE_COMPLETE &&
           !sl_spill_waiting_rows(state->stateful->spill, shard) &&
           state->marks.evict_ms == state->last_evict_ms;
}

static enum sl_code bring_back(struct sl_states *states, struct sl_state *state, uint32_t shard,
                               const struct sl_finish_calls *calls, struct sl_err *err) {
    struct sl_state_shard *at = &state->shards[shard];
    if (at->away) {
        SL_TRY(sl_state_load_shard(states, state, shard, err));
        pthread_mutex_lock(&states->mutex);
        at->size = (struct sl_shard_size){0};
        at->away = false;
        pthread_mutex_unlock(&states->mutex);
    }
    SL_TRY(sl_spill_take_back(state->stateful->spill, shard, calls->replay, calls->ctx, err));
    /* It has what it will take, and nobody asks for its size while it finishes without its lock. */
    pthread_mutex_lock(&states->mutex);
    at->expected = 0;
    pthread_mutex_unlock(&states->mutex);
    return SL_OK;
}

static enum sl_code work_in_turn(struct sl_states *states, struct sl_state *state, uint32_t shard,
                                 const struct sl_finish_calls *calls, struct sl_err *err) {
    if (rests(states, state, shard)) return SL_OK;
    take_turn(states, state, shard);
    enum sl_code code = bring_back(states, state, shard, calls, err);
    if (code == SL_OK) code = finish_shard(states, state, shard, calls, err);
    end_turn(states, state, shard);
    return code;
}

enum sl_code sl_state_room_finish(struct sl_states *states, struct sl_state *state, uint32_t first,
                                  uint32_t step, const struct sl_finish_calls *calls,
                                  struct sl_err *err) {
    for (uint32_t s = first; s < state->stateful->finish_shards; s += step)
        if (!is_closed(state, s)) SL_TRY(finish_shard(states, state, s, calls, err));
    for (uint32_t s = first; s < state->stateful->finish_shards; s += step)
        if (is_closed(state, s)) SL_TRY(work_in_turn(states, state, s, calls, err));
    return SL_OK;
}

/* ---- behind a batch ---- */

void sl_state_room_saved(struct sl_states *states) {
    pthread_mutex_lock(&states->mutex);
    while (states->crowded && is_much(states) && forget_largest(states)) {
    }
    pthread_mutex_unlock(&states->mutex);
}

void sl_state_room_measure(struct sl_state *state) {
    state->shards_away = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct sl_shard_size size = state->shards[s].size;
        if (!state->shards[s].away) continue;
        size.bytes = 0;
        sl_state_metrics_add(&state->metrics, &size);
        state->shards_away++;
    }
}
