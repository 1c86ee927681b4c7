#include "run/spark_state.h"

#include "base/io.h"
#include "run/spark_mapping.h"
#include "state/spark_schema.h"
#include "state/spark_state_store.h"

#define STREAMING "spark.sql.streaming."
enum { PARTITIONS_MAX = 100000 };

struct sl_spark_state {
    struct sl_spark_mapping mapping;
    struct sl_spark_store *store;
    uint32_t partitions;
};

/* ---- the checkpoint's settings ---- */

static const char *const other_hint =
    "let the query run in Spark until its state is no longer needed, then start with a new "
    "checkpoint and startingOffsets";

/* Settings of which only one value makes the files that are known here. */
static const struct {
    struct sl_str name, value;
} needed_settings[] = {
    {SL_STR(STREAMING "stateStore.providerClass"),
     SL_STR("org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider")},
    {SL_STR(STREAMING "stateStore.encodingFormat"), SL_STR("unsaferow")},
    {SL_STR(STREAMING "stateStore.compression.codec"), SL_STR("lz4")},
    {SL_STR(STREAMING "statefulOperator.useStrictDistribution"), SL_STR("true")},
    {SL_STR(STREAMING "aggregation.stateFormatVersion"), SL_STR("2")},
};

static enum sl_code check_settings(const struct sl_json *conf, struct sl_err *err) {
    for (size_t i = 0; i < sizeof needed_settings / sizeof *needed_settings; i++) {
        const struct sl_json *found = sl_json_get(conf, needed_settings[i].name);
        if (found && sl_str_eq_nocase(found->text, needed_settings[i].value)) continue;
        sl_fail(err, SL_UNSUPPORTED,
                "the checkpoint's state was made with %.*s = %.*s; sluice knows only %.*s",
                SL_STR_ARG(needed_settings[i].name), found ? (int)found->text.len : 9,
                found ? found->text.ptr : "(nothing)", SL_STR_ARG(needed_settings[i].value));
        return sl_hint(err, "%s", other_hint), SL_UNSUPPORTED;
    }
    const struct sl_json *sums =
        sl_json_get(conf, SL_STR(STREAMING "stateStore.rowChecksum.enabled"));
    if (!sums || !sl_str_eq_nocase(sums->text, SL_STR("true"))) return SL_OK;
    sl_fail(err, SL_UNSUPPORTED,
            "the rows of the checkpoint's state have checksums "
            "(" STREAMING "stateStore.rowChecksum.enabled)");
    return sl_hint(err, "%s", other_hint), SL_UNSUPPORTED;
}

/* The settings of the last batch that was planned; today's defaults when there is none. */
static enum sl_code read_settings(const struct sl_states_place *place, struct sl_arena *query,
                                  struct sl_json *conf, int64_t *partitions, struct sl_err *err) {
    int64_t last = sl_checkpoint_last_offsets(place->checkpoint);
    struct sl_offset_seq seq = {0};
    if (last >= 0) SL_TRY(sl_checkpoint_read_offsets(place->checkpoint, last, query, &seq, err));
    sl_checkpoint_make_conf(query, last >= 0 ? &seq.conf : NULL, (int)place->shuffle_partitions,
                            conf);
    SL_TRY(check_settings(last >= 0 && seq.has_metadata ? &seq.conf : conf, err));
    const struct sl_json *found = sl_json_get(conf, SL_STR("spark.sql.shuffle.partitions"));
    if (found && sl_str_to_i64(found->text, partitions) && *partitions > 0 &&
        *partitions <= PARTITIONS_MAX)
        return SL_OK;
    return sl_fail(err, SL_USER, "spark.sql.shuffle.partitions of the checkpoint is `%.*s`",
                   found ? (int)found->text.len : 0, found ? found->text.ptr : "");
}

/* Format 2 of commits names the versions of the files in another way. */
static enum sl_code check_commit(const struct sl_states_place *place, struct sl_err *err) {
    struct sl_commit_entry entry;
    if (place->next_batch == 0) return SL_OK;
    SL_TRY(sl_checkpoint_read_commit(place->checkpoint, place->next_batch - 1, &entry, err));
    if (entry.version == 1) return SL_OK;
    sl_fail(err, SL_UNSUPPORTED,
            "the checkpoint has " STREAMING "stateStore.checkpointFormatVersion = %d; sluice knows "
            "only 1",
            entry.version);
    return sl_hint(err, "%s", other_hint), SL_UNSUPPORTED;
}

/* ---- opening ---- */

/* Whether the state is Spark's. A first batch of ours that broke off may have left some of our own
 * form behind. */
static enum sl_code is_sparks(const struct sl_states *states, const struct sl_states_place *place,
                              const char *dir, struct sl_arena *query, bool *out,
                              struct sl_err *err) {
    uint32_t *numbers, ours, theirs;
    struct sl_file_info info = {0};
    SL_TRY(sl_state_operators(dir, query, &numbers, &theirs, err));
    SL_TRY(sl_state_operators(states->dir, query, &numbers, &ours, err));
    bool is_new = place->next_batch == 0 && !theirs;
    *out = theirs > 0 || (is_new && place->format == SL_STATE_SPARK);
    if (!theirs || !ours) return SL_OK;
    const char *delta =
        sl_arena_printf(query, "%s/0/0/%lld.delta", dir, (long long)place->next_batch).ptr;
    SL_TRY(sl_io_stat(delta, &info, err));
    *out = info.exists;
    return SL_OK;
}

static enum sl_code check_operator(const struct sl_state *state, const char *dir,
                                   uint32_t partitions, struct sl_arena *query,
                                   struct sl_err *err) {
    struct sl_spark_operator found;
    bool exists;
    SL_TRY(sl_spark_operator_read(dir, query, &found, &exists, err));
    if (!exists) return SL_OK;
    if (!sl_str_eq(found.name, sl_str(state->stateful->ops->name))) {
        sl_fail_at(err, (struct sl_span){0, 0},
                   "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "42K03",
                   "%s is the state of `%.*s`, the query has `%s` in its place", dir,
                   SL_STR_ARG(found.name), state->stateful->ops->name);
        return sl_hint(err, "the query must be the one that Spark ran, or use a new checkpoint"),
               SL_USER;
    }
    if (found.partitions == partitions) return SL_OK;
    sl_fail(err, SL_USER,
            "%s has %lld partitions, the checkpoint's spark.sql.shuffle.partitions is %u", dir,
            (long long)found.partitions, partitions);
    return sl_hint(err, "restore the whole checkpoint from one backup"), SL_USER;
}

/* Spark looks up the sessions of a key by the columns before their begin. */
static uint32_t prefix_columns(const struct sl_spark_mapping *mapping) {
    bool all = mapping->hashed_columns == mapping->schema.key->field_count;
    return all ? 0 : mapping->hashed_columns;
}

/* What Spark wrote beside the state; of a state that is made now it is written. */
static enum sl_code find_schema(const struct sl_states_place *place, const struct sl_states *states,
                                const struct sl_state *state, const char *dir, uint32_t partitions,
                                struct sl_spark_mapping *mapping, struct sl_arena *query,
                                struct sl_err *err) {
    struct sl_file_info info;
    struct sl_spark_schema found;
    const char *store = sl_path_join(query, dir, "0");
    const char *path = sl_path_join(query, store, "_metadata/schema");
    /* what cannot move is said before what is missing */
    SL_TRY(sl_spark_mapping_make(query, states, state, NULL, mapping, err));
    SL_TRY(sl_io_stat(path, &info, err));
    if (!info.exists && place->next_batch == 0) {
        found = (struct sl_spark_schema){mapping->schema.key, mapping->schema.value};
        struct sl_spark_operator made = {sl_str(state->stateful->ops->name), partitions, 1,
                                         prefix_columns(mapping)};
        SL_TRY(sl_spark_operator_write(dir, state->number, &made, err));
        return sl_spark_schema_write(store, &found, err);
    }
    SL_TRY(sl_spark_schema_read(path, query, &found, err));
    struct sl_state_schema theirs = {SL_STR("default"), found.key, found.value};
    return sl_spark_mapping_make(query, states, state, &theirs, mapping, err);
}

static enum sl_code open_one(struct sl_state *state, const char *state_dir, uint32_t partitions,
                             const struct sl_states_place *place, const struct sl_states *states,
                             struct sl_arena *query, struct sl_err *err) {
    struct sl_spark_state *spark = SL_NEW(query, struct sl_spark_state);
    const char *dir = sl_arena_printf(query, "%s/%u", state_dir, state->number).ptr;
    SL_TRY(check_operator(state, dir, partitions, query, err));
    SL_TRY(find_schema(place, states, state, dir, partitions, &spark->mapping, query, err));
    uint32_t columns = spark->mapping.hashed_columns;
    spark->partitions = columns ? partitions : 1; /* without keys all rows are in one */
    struct sl_spark_store_spec spec = {.operator_dir = dir,
                                       .schema = &spark->mapping.schema,
                                       .hashed_columns = columns,
                                       .partitions = spark->partitions,
                                       .budget = place->budget};
    state->spark = spark;
    return sl_spark_store_open(query, &spec, &spark->store, err);
}

static enum sl_code check_format(const struct sl_states_place *place, bool sparks,
                                 struct sl_err *err) {
    enum sl_state_format other = sparks ? SL_STATE_OWN : SL_STATE_SPARK;
    if (place->format != other) return SL_OK;
    sl_fail(err, SL_USER, "checkpoint %.*s keeps its state in %s form, sluice.stateFormat says %s",
            SL_STR_ARG(place->checkpoint_dir), sparks ? "Spark's" : "sluice's own",
            sparks ? "sluice" : "spark");
    return sl_hint(err, "leave the property out, or start with a new checkpoint"), SL_USER;
}

/* Spark numbers operators down the tree of its plan; along one line that is certain. */
static enum sl_code check_line(const struct sl_states *states, uint32_t kept, struct sl_err *err) {
    if (kept < 2 || states->pipes->count == 1) return SL_OK;
    sl_fail(err, SL_UNSUPPORTED,
            "Spark's state of a query with a join or a union and several stateful operators is not "
            "read or written by sluice");
    return sl_hint(err, "%s", other_hint), SL_UNSUPPORTED;
}

static enum sl_code check_count(const struct sl_states_place *place, const char *dir, uint32_t kept,
                                struct sl_arena *query, struct sl_err *err) {
    uint32_t *numbers, count;
    SL_TRY(sl_state_operators(dir, query, &numbers, &count, err));
    if (count == kept && (count == 0 || numbers[count - 1] == count - 1)) return SL_OK;
    if (count < kept && place->next_batch == 0) return SL_OK; /* they are made now */
    sl_fail_at(err, (struct sl_span){0, 0},
               "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "42K03",
               "checkpoint %.*s was written by Spark with %u stateful operator%s, the query has %u",
               SL_STR_ARG(place->checkpoint_dir), count, count == 1 ? "" : "s", kept);
    return sl_hint(err, "the query must be the one that Spark ran, or use a new checkpoint"),
           SL_USER;
}

enum sl_code sl_spark_states_open(struct sl_arena *query, struct sl_states *states,
                                  const struct sl_states_place *place, struct sl_err *err) {
    const char *dir = sl_arena_printf(query, "%.*s/state", SL_STR_ARG(place->checkpoint_dir)).ptr;
    bool sparks;
    uint32_t kept = 0;
    int64_t partitions;
    struct sl_json conf;
    for (uint32_t i = 0; i < states->count; i++) kept += sl_state_is_kept(&states->items[i]);
    SL_TRY(is_sparks(states, place, dir, query, &sparks, err));
    if (kept) SL_TRY(check_format(place, sparks, err));
    if (!sparks) return SL_OK;
    SL_TRY(check_count(place, dir, kept, query, err));
    SL_TRY(check_line(states, kept, err));
    SL_TRY(read_settings(place, query, &conf, &partitions, err));
    SL_TRY(check_commit(place, err));
    for (uint32_t i = 0; i < states->count; i++)
        if (sl_state_is_kept(&states->items[i]))
            SL_TRY(
                open_one(&states->items[i], dir, (uint32_t)partitions, place, states, query, err));
    return SL_OK;
}

void sl_spark_state_close(struct sl_spark_state *spark) {
    if (spark) sl_spark_store_close(spark->store);
}

/* ---- rows of ours and theirs ---- */

/* Batches of the other form. */
struct converted {
    struct sl_arena arena;
    struct sl_batch keys, values;
};

static void init_converted(struct converted *converted, const struct sl_state_schema *schema) {
    sl_arena_init(&converted->arena, "Spark's state");
    sl_batch_init(&converted->keys, schema->key, &converted->arena);
    sl_batch_init(&converted->values, schema->value, &converted->arena);
}

static void release_converted(struct converted *converted) {
    sl_batch_release(&converted->keys);
    sl_batch_release(&converted->values);
    sl_arena_release(&converted->arena);
}

static enum sl_code convert(const struct sl_spark_mapping *mapping, const struct sl_batch *keys,
                            const struct sl_batch *values, bool to_spark,
                            struct converted *converted, struct sl_err *err) {
    SL_TRY(sl_spark_mapping_keys(mapping, keys, to_spark, &converted->keys, err));
    if (!values) return SL_OK;
    return sl_spark_mapping_values(mapping, values, to_spark, &converted->values, err);
}

/* ---- loading ---- */

struct work {
    struct sl_state *state;
    int64_t version;
};

static enum sl_code load_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    struct sl_state *state = ctx;
    struct sl_stateful *stateful = state->stateful;
    struct converted ours;
    init_converted(&ours, &stateful->stores[store]);
    enum sl_code code = convert(&state->spark->mapping, keys, values, false, &ours, err);
    if (code == SL_OK)
        code = stateful->ops->load(stateful, store, &ours.keys, values ? &ours.values : NULL, err);
    release_converted(&ours);
    return code;
}

static enum sl_code load_partition(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    return sl_spark_store_load(work->state->spark->store, work->version, (uint32_t)number,
                               load_rows, work->state, err);
}

enum sl_code sl_spark_state_load(struct sl_state *state, struct sl_pool *pool, int64_t version,
                                 struct sl_err *err) {
    struct work work = {state, version};
    return sl_pool_run(pool, state->spark->partitions, load_partition, &work, err);
}

/* ---- saving ---- */

static enum sl_code put_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                             const struct sl_batch *values, struct sl_err *err) {
    struct sl_spark_state *spark = ctx;
    struct converted theirs;
    (void)store;
    init_converted(&theirs, &spark->mapping.schema);
    enum sl_code code = convert(&spark->mapping, keys, values, true, &theirs, err);
    if (code == SL_OK)
        code = sl_spark_store_put(spark->store, &theirs.keys, values ? &theirs.values : NULL, err);
    release_converted(&theirs);
    return code;
}

static enum sl_code save_changes(void *ctx, size_t worker, size_t shard, struct sl_err *err) {
    (void)worker;
    struct sl_state *state = ((struct work *)ctx)->state;
    return state->stateful->ops->save(state->stateful, (uint32_t)shard, false, put_rows,
                                      state->spark, err);
}

static enum sl_code save_whole(void *ctx, size_t worker, size_t shard, struct sl_err *err) {
    (void)worker;
    struct sl_state *state = ((struct work *)ctx)->state;
    return state->stateful->ops->save(state->stateful, (uint32_t)shard, true, put_rows,
                                      state->spark, err);
}

static enum sl_code publish(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    return sl_spark_store_publish(((struct work *)ctx)->state->spark->store, (uint32_t)number, err);
}

static enum sl_code write_version(struct work *work, bool snapshot, struct sl_pool *pool,
                                  struct sl_err *err) {
    struct sl_spark_state *spark = work->state->spark;
    enum sl_code code = sl_spark_store_begin(spark->store, work->version, snapshot, err);
    if (code == SL_OK)
        code = sl_pool_run(pool, SL_STATE_SHARDS, snapshot ? save_whole : save_changes, work, err);
    if (code == SL_OK) code = sl_pool_run(pool, spark->partitions, publish, work, err);
    if (code != SL_OK) sl_spark_store_abort(spark->store);
    return code;
}

enum sl_code sl_spark_state_save(struct sl_state *state, struct sl_pool *pool, int64_t version,
                                 struct sl_err *err) {
    struct work work = {state, version};
    return write_version(&work, false, pool, err);
}

enum sl_code sl_spark_state_committed(struct sl_state *state, struct sl_pool *pool, int64_t version,
                                      int64_t keep, struct sl_err *err) {
    struct work work = {state, version};
    if (sl_spark_store_wants_snapshot(state->spark->store))
        SL_TRY(write_version(&work, true, pool, err));
    return sl_spark_store_purge(state->spark->store, keep, err);
}
