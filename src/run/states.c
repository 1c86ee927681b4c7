#include "run/states.h"

#include "base/io.h"

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
    default:
        return sl_fail(err, SL_BUG, "a plan node of kind %d remembers nothing", (int)node->kind);
    }
}

/* The first chain that the node stands in: all have the same operators above it. */
static void find_place(const struct sl_pipes *pipes, struct sl_state *state) {
    for (uint32_t p = 0; p < pipes->count; p++)
        for (uint32_t i = 0; i < pipes->items[p].operator_count; i++)
            if (pipes->items[p].operators[i] == state->node) {
                state->pipe = p;
                state->behind = i + 1;
                return;
            }
}

static bool is_kept(const struct sl_state *state) { return state->stateful->ops->name[0] != 0; }

enum sl_code sl_states_make(const struct sl_stateful_env *env, const struct sl_pipes *pipes,
                            struct sl_states *out, struct sl_err *err) {
    *out = (struct sl_states){.pipes = pipes, .version = -1};
    out->items = SL_NEW_ARRAY(env->query, struct sl_state, pipes->stateful_count + (size_t)1);
    for (uint32_t i = 0; i < pipes->stateful_count; i++) {
        struct sl_state *state = &out->items[i];
        *state = (struct sl_state){.node = pipes->stateful[i], .last_evict_ms = INT64_MIN};
        SL_TRY(make_one(env, state->node, &state->stateful, err));
        out->count++;
        find_place(pipes, state);
    }
    uint32_t number = 0;
    for (uint32_t i = out->count; i-- > 0;)
        if (is_kept(&out->items[i])) out->items[i].number = number++;
    return SL_OK;
}

void sl_states_release(struct sl_states *states) {
    for (uint32_t i = 0; i < states->count; i++) {
        sl_state_store_close(states->items[i].store);
        states->items[i].stateful->ops->free(states->items[i].stateful);
    }
    *states = (struct sl_states){0};
}

struct sl_state *sl_states_find(const struct sl_states *states, const struct sl_node *node) {
    for (uint32_t i = 0; i < states->count; i++)
        if (states->items[i].node == node) return &states->items[i];
    return NULL;
}

/* ---- the checkpoint ---- */

static uint32_t count_kept(const struct sl_states *states) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < states->count; i++) count += is_kept(&states->items[i]);
    return count;
}

static enum sl_code refuse_spark(const struct sl_states_place *place, struct sl_arena *query,
                                 struct sl_err *err) {
    struct sl_file_info info;
    struct sl_str dir = sl_arena_printf(query, "%.*s/state", SL_STR_ARG(place->checkpoint_dir));
    SL_TRY(sl_io_stat(dir.ptr, &info, err));
    if (!info.exists) return SL_OK;
    sl_fail(err, SL_USER,
            "checkpoint %.*s holds the state of Spark's stateful operators (`state/`), which "
            "sluice does not read",
            SL_STR_ARG(place->checkpoint_dir));
    sl_hint(err, "let the query run in Spark until its state is no longer needed, then start with "
                 "a new checkpoint and startingOffsets; stateless queries move without this");
    return SL_USER;
}

/* The operators of a query must be those that wrote its state. */
static enum sl_code check_operators(const struct sl_states *states, struct sl_str dir,
                                    const struct sl_states_place *place, struct sl_arena *query,
                                    struct sl_err *err) {
    uint32_t *numbers, count, kept = count_kept(states);
    SL_TRY(sl_state_operators(dir.ptr, query, &numbers, &count, err));
    if (place->next_batch == 0 || count == kept) return SL_OK;
    if (count == 0 && kept) SL_TRY(refuse_spark(place, query, err));
    sl_fail_at(err, (struct sl_span){0, 0},
               "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "42K03",
               "checkpoint %.*s was written with %u stateful operator%s, the query has %u now",
               SL_STR_ARG(place->checkpoint_dir), count, count == 1 ? "" : "s", kept);
    sl_hint(err, "aggregations, deduplications and joins cannot be added to or taken from a query "
                 "that goes on: use a new checkpoint");
    return SL_USER;
}

enum sl_code sl_states_open(struct sl_arena *query, struct sl_states *states,
                            const struct sl_states_place *place, struct sl_err *err) {
    struct sl_str dir =
        sl_arena_printf(query, "%.*s/.sluice/state", SL_STR_ARG(place->checkpoint_dir));
    states->dir = dir.ptr;
    SL_TRY(check_operators(states, dir, place, query, err));
    for (uint32_t i = 0; i < states->count; i++) {
        struct sl_state *state = &states->items[i];
        if (!is_kept(state)) continue;
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
    }
    return SL_OK;
}

/* ---- loading ---- */

struct work {
    struct sl_states *states;
    struct sl_state *state;
    int64_t version;
};

static enum sl_code load_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    struct sl_state *state = ctx;
    return state->stateful->ops->load(state->stateful, store, keys, values, err);
}

static enum sl_code load_shard(void *ctx, size_t worker, size_t shard, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    return sl_state_store_load(work->state->store, work->version, (uint32_t)shard, load_rows,
                               work->state, err);
}

enum sl_code sl_states_load(struct sl_states *states, struct sl_pool *pool, int64_t version,
                            struct sl_err *err) {
    if (states->version == version) return SL_OK;
    states->version = -1;
    for (uint32_t i = 0; i < states->count; i++) {
        struct work work = {states, &states->items[i], version};
        work.state->stateful->ops->clear(work.state->stateful);
        if (version == 0 || !work.state->store) continue;
        enum sl_code code = sl_pool_run(pool, SL_STATE_SHARDS, load_shard, &work, err);
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

static enum sl_code save_shard(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    uint32_t shard = (uint32_t)number;
    struct sl_stateful *stateful = work->state->stateful;
    struct shard_target to = {work->state->store, shard};
    SL_TRY(stateful->ops->save(stateful, shard, false, put_rows, &to, err));
    if (!sl_state_store_wants_snapshot(to.store, shard)) return SL_OK;
    SL_TRY(sl_state_store_snapshot_begin(to.store, shard, err));
    SL_TRY(stateful->ops->save(stateful, shard, true, put_rows, &to, err));
    return sl_state_store_snapshot_end(to.store, shard, err);
}

static enum sl_code save_one(struct work *work, struct sl_pool *pool, struct sl_err *err) {
    struct sl_state_store *store = work->state->store;
    SL_TRY(sl_state_store_begin(store, work->version, err));
    enum sl_code code = sl_pool_run(pool, SL_STATE_SHARDS, save_shard, work, err);
    if (code == SL_OK) code = sl_state_store_commit(store, err);
    if (code != SL_OK) sl_state_store_abort(store);
    return code;
}

enum sl_code sl_states_save(struct sl_states *states, struct sl_pool *pool, int64_t version,
                            struct sl_err *err) {
    for (uint32_t i = 0; i < states->count; i++) {
        struct work work = {states, &states->items[i], version};
        if (!work.state->store) continue;
        enum sl_code code = save_one(&work, pool, err);
        if (code != SL_OK) return sl_context(err, "saving the state"), code;
    }
    states->version = version;
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

enum sl_code sl_states_purge(struct sl_states *states, int64_t keep, struct sl_err *err) {
    for (uint32_t i = 0; i < states->count; i++)
        if (states->items[i].store) SL_TRY(sl_state_store_purge(states->items[i].store, keep, err));
    return SL_OK;
}
