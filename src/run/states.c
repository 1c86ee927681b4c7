#include "run/states.h"

#include "base/io.h"
#include "run/spark_state.h"
#include "run/state_room.h"

#include <stdlib.h>

/* ---- making ---- */

static enum sl_code make_one(const struct sl_stateful_env *env, const struct sl_node *node,
                             struct sl_stateful **out, struct sl_err *err) {
    const struct sl_type *output = sl_node_schema(env->query, node);
    const struct sl_type *inputs[2] = {sl_node_schema(env->query, node->inputs[0]), NULL};
    switch (node->kind) {
    case SL_NODE_AGGREGATE:
        if (node->aggregation->session >= 0)
            return sl_session_new(env, node->aggregation, inputs[0], output, out, err);
        return sl_aggregate_new(env, node->aggregation, inputs[0], output, out, err);
    case SL_NODE_DEDUPLICATE:
        return sl_deduplicate_new(env, node->deduplication, inputs[0], out, err);
    case SL_NODE_JOIN:
        inputs[1] = sl_node_schema(env->query, node->inputs[1]);
        return sl_join_new(env, node->join, inputs, output, out, err);
    case SL_NODE_SORT:
        return sl_sort_new(env, node->sorting, inputs[0], out, err);
    case SL_NODE_LIMIT:
        *out = sl_stream_limit_new(env, node->limit);
        return SL_OK;
    default:
        return sl_fail(err, SL_BUG, "a plan node of kind %d remembers nothing", (int)node->kind);
    }
}

static void find_inputs(const struct sl_pipes *pipes, struct sl_state *state) {
    for (uint32_t p = pipes->count; p-- > 0;) {
        const struct sl_pipe *pipe = &pipes->items[p];
        for (uint32_t i = 0; i < pipe->operator_count; i++)
            if (pipe->operators[i] == state->node)
                state->inputs[pipe->inputs[i]] = (struct sl_state_input){p, i};
    }
    state->input_count = state->node->input_count;
}

enum sl_code sl_states_make(const struct sl_stateful_env *env, const struct sl_pipes *pipes,
                            struct sl_states *out, struct sl_err *err) {
    *out =
        (struct sl_states){.pipes = pipes, .version = -1, .mode = env->mode, .budget = env->budget};
    pthread_mutex_init(&out->mutex, NULL);
    pthread_cond_init(&out->turn_ended, NULL);
    out->items = SL_NEW_ARRAY(env->query, struct sl_state, pipes->stateful_count + (size_t)1);
    for (uint32_t i = 0; i < pipes->stateful_count; i++) {
        struct sl_state *state = &out->items[i];
        *state = (struct sl_state){.node = pipes->stateful[i], .last_evict_ms = INT64_MIN};
        SL_TRY(make_one(env, state->node, &state->stateful, err));
        out->count++;
        find_inputs(pipes, state);
    }
    uint32_t number = 0;
    for (uint32_t i = out->count; i-- > 0;)
        if (sl_state_is_kept(&out->items[i])) out->items[i].number = number++;
    return SL_OK;
}

void sl_states_release(struct sl_states *states) {
    for (uint32_t i = 0; i < states->count; i++) {
        sl_state_store_close(states->items[i].store);
        sl_spark_state_close(states->items[i].spark);
        sl_spill_free(states->items[i].stateful->spill);
        states->items[i].stateful->ops->free(states->items[i].stateful);
    }
    if (states->pipes) {
        pthread_cond_destroy(&states->turn_ended);
        pthread_mutex_destroy(&states->mutex);
    }
    *states = (struct sl_states){0};
}

static bool depends_on_order(const struct sl_node *node) {
    if (node->kind == SL_NODE_DEDUPLICATE) return true;
    return node->kind == SL_NODE_JOIN && node->join->sides[0].streaming &&
           node->join->sides[1].streaming;
}

bool sl_state_order_matters(const struct sl_states *states, const struct sl_state *state) {
    const struct sl_state_input *input = &state->inputs[0];
    return depends_on_order(state->node) &&
           input->position + 1 < states->pipes->items[input->pipe].operator_count;
}

struct sl_state *sl_states_find(const struct sl_states *states, const struct sl_node *node) {
    for (uint32_t i = 0; i < states->count; i++)
        if (states->items[i].node == node) return &states->items[i];
    return NULL;
}

/* ---- the checkpoint ---- */

static uint32_t count_kept(const struct sl_states *states) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < states->count; i++) count += sl_state_is_kept(&states->items[i]);
    return count;
}

bool sl_states_in_spark(const struct sl_states *states) {
    for (uint32_t i = 0; i < states->count; i++)
        if (states->items[i].spark) return true;
    return false;
}

/* The operators of a query must be those that wrote its state. */
static enum sl_code check_operators(const struct sl_states *states, struct sl_str dir,
                                    const struct sl_states_place *place, struct sl_arena *query,
                                    struct sl_err *err) {
    uint32_t *numbers, count, kept = count_kept(states);
    SL_TRY(sl_state_operators(dir.ptr, query, &numbers, &count, err));
    if (place->next_batch == 0 || count == kept) return SL_OK;
    sl_fail_at(err, (struct sl_span){0, 0},
               "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "42K03",
               "checkpoint %.*s was written with %u stateful operator%s, the query has %u now",
               SL_STR_ARG(place->checkpoint_dir), count, count == 1 ? "" : "s", kept);
    sl_hint(err, "aggregations, deduplications and joins cannot be added to or taken from a query "
                 "that goes on: use a new checkpoint");
    return SL_USER;
}

/* The group without keys is one row. A row that waited has no record that a letter could be made
 * of. */
static bool may_spill(const struct sl_states *states, const struct sl_state *state, bool letters) {
    const struct sl_node *node = state->node;
    if (!state->stateful->ops->size) return false;
    if (node->kind == SL_NODE_AGGREGATE && !node->aggregation->key_count) return false;
    return !letters || !sl_state_order_matters(states, state);
}

static void make_spill(const struct sl_states *states, struct sl_state *state,
                       const struct sl_states_place *place, struct sl_arena *query) {
    struct sl_spill_spec spec = {
        .dir = sl_arena_printf(query, "%.*s", SL_STR_ARG(place->scratch_dir)).ptr,
        .stateful = state->stateful,
        .input_count = state->node->input_count,
        .budget = states->budget};
    if (!may_spill(states, state, place->letters)) return;
    for (uint32_t i = 0; i < spec.input_count; i++)
        spec.inputs[i] = sl_node_schema(query, state->node->inputs[i]);
    state->stateful->spill = sl_spill_new(&spec);
}

enum sl_code sl_states_open(struct sl_arena *query, struct sl_states *states,
                            const struct sl_states_place *place, struct sl_err *err) {
    struct sl_str dir =
        sl_arena_printf(query, "%.*s/.sluice/state", SL_STR_ARG(place->checkpoint_dir));
    states->dir = dir.ptr;
    SL_TRY(sl_spark_states_open(query, states, place, err));
    if (sl_states_in_spark(states)) return SL_OK;
    SL_TRY(check_operators(states, dir, place, query, err));
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        if (!sl_state_is_kept(state)) continue;
        struct sl_state_spec spec = {
            .dir = sl_arena_printf(query, "%.*s/%u", SL_STR_ARG(dir), state->number).ptr,
            .operator_name = state->stateful->ops->name,
            .operator_number = state->number,
            .stores = state->stateful->stores,
            .store_count = state->stateful->store_count,
            .shards = SL_STATE_SHARDS,
            .query_id = place->query_id,
            .budget = place->budget,
            .log = place->log,
        };
        SL_TRY(sl_state_store_open(query, &spec, &state->store, err));
        make_spill(states, state, place, query);
    }
    return SL_OK;
}

/* ---- loading ---- */

struct work {
    struct sl_states *states;
    struct sl_state *state;
};

static enum sl_code load_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    struct sl_state *state = ctx;
    return state->stateful->ops->load(state->stateful, store, keys, values, err);
}

enum sl_code sl_state_load_shard(struct sl_states *states, struct sl_state *state, uint32_t shard,
                                 struct sl_err *err) {
    enum sl_code code =
        sl_state_store_load(state->store, states->base, shard, load_rows, state, err);
    if (code != SL_OK) return sl_context(err, "loading the state"), code;
    return SL_OK;
}

/* A shard that is loaded before the batch, if there is room. */
struct early {
    struct work *work;
    bool no_room;
};

static enum sl_code load_early(void *ctx, uint32_t store, const struct sl_batch *keys,
                               const struct sl_batch *values, struct sl_err *err) {
    struct early *early = ctx;
    early->no_room = !sl_state_room_is_free(early->work->states, early->work->state);
    if (early->no_room) return SL_NOMEM;
    return load_rows(early->work->state, store, keys, values, err);
}

static enum sl_code load_shard(void *ctx, size_t worker, size_t shard, struct sl_err *err) {
    (void)worker;
    struct early early = {.work = ctx};
    struct sl_state *state = early.work->state;
    enum sl_code code = sl_state_store_load(state->store, early.work->states->base, (uint32_t)shard,
                                            load_early, &early, err);
    if (!early.no_room) return code;
    sl_state_room_give_up(state, (uint32_t)shard);
    return SL_OK;
}

enum sl_code sl_states_load(struct sl_states *states, struct sl_pool *pool, int64_t version,
                            struct sl_err *err) {
    states->base = version;
    if (states->version == version) return SL_OK;
    states->version = -1;
    for (uint32_t i = 0; i < states->count; i++) {
        struct work work = {states, &states->items[i]};
        work.state->stateful->ops->clear(work.state->stateful);
        memset(work.state->shards, 0, sizeof work.state->shards);
        if (version == 0 || !(work.state->store || work.state->spark)) continue;
        enum sl_code code = work.state->spark
                                ? sl_spark_state_load(work.state, pool, version, err)
                                : sl_pool_run(pool, SL_STATE_SHARDS, load_shard, &work, err);
        if (code != SL_OK) return sl_context(err, "loading the state"), code;
    }
    states->version = version;
    return SL_OK;
}

void sl_states_forget(struct sl_states *states) { states->version = -1; }

/* ---- saving ---- */

struct shard_target {
    struct sl_state_store *store;
    uint32_t shard;
};

static enum sl_code put_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                             const struct sl_batch *values, struct sl_err *err) {
    struct shard_target *to = ctx;
    return sl_state_store_put(to->store, to->shard, store, keys, values, err);
}

enum sl_code sl_state_begin_version(struct sl_states *states, struct sl_state *state,
                                    struct sl_err *err) {
    if (state->begun) return SL_OK;
    SL_TRY(sl_state_store_begin(state->store, states->base + 1, err));
    state->begun = true;
    return SL_OK;
}

enum sl_code sl_state_save_shard(struct sl_state *state, uint32_t shard, struct sl_err *err) {
    struct sl_stateful *stateful = state->stateful;
    struct shard_target to = {state->store, shard};
    SL_TRY(stateful->ops->save(stateful, shard, false, put_rows, &to, err));
    if (!sl_state_store_wants_snapshot(to.store, shard)) return SL_OK;
    SL_TRY(sl_state_store_snapshot_begin(to.store, shard, err));
    SL_TRY(stateful->ops->save(stateful, shard, true, put_rows, &to, err));
    return sl_state_store_snapshot_end(to.store, shard, err);
}

static enum sl_code save_rest(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    struct sl_state_shard *shard = &work->state->shards[number];
    if (shard->saved || shard->away) return SL_OK;
    SL_TRY(sl_state_save_shard(work->state, (uint32_t)number, err));
    shard->saved = true;
    return SL_OK;
}

static enum sl_code save_one(struct work *work, struct sl_pool *pool, struct sl_err *err) {
    struct sl_state_store *store = work->state->store;
    SL_TRY(sl_state_begin_version(work->states, work->state, err));
    enum sl_code code = sl_pool_run(pool, SL_STATE_SHARDS, save_rest, work, err);
    work->state->begun = false;
    if (code == SL_OK) code = sl_state_store_commit(store, err);
    if (code != SL_OK) sl_state_store_abort(store);
    return code;
}

enum sl_code sl_states_save(struct sl_states *states, struct sl_pool *pool, struct sl_err *err) {
    for (uint32_t i = 0; i < states->count; i++) {
        struct work work = {states, &states->items[i]};
        if (!work.state->store && !work.state->spark) continue;
        enum sl_code code = work.state->spark
                                ? sl_spark_state_save(work.state, pool, states->base + 1, err)
                                : save_one(&work, pool, err);
        if (code != SL_OK) return sl_context(err, "saving the state"), code;
    }
    sl_state_room_saved(states);
    states->version = states->base + 1;
    return SL_OK;
}

static enum sl_code drop_others(const struct sl_states *states, struct sl_arena *arena,
                                struct sl_err *err) {
    uint32_t *numbers, count, kept = count_kept(states);
    SL_TRY(sl_state_operators(states->dir, arena, &numbers, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] < kept) continue;
        struct sl_str dir = sl_arena_printf(arena, "%s/%u", states->dir, numbers[i]);
        SL_TRY(sl_io_remove_tree(dir.ptr, err));
    }
    return SL_OK;
}

enum sl_code sl_states_drop_others(const struct sl_states *states, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "state directories");
    enum sl_code code = drop_others(states, &arena, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_states_purge(struct sl_states *states, struct sl_pool *pool, int64_t keep,
                             struct sl_err *err) {
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        if (state->store) SL_TRY(sl_state_store_purge(state->store, keep, err));
        if (state->spark) SL_TRY(sl_spark_state_committed(state, pool, states->version, keep, err));
    }
    return SL_OK;
}
