#include "state/state_store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/io.h"
#include "state/state_dir.h"
#include "state/state_file.h"

/* Snapshots are due at the latest after so many versions, and one more for each shard, so that they
 * do not all fall into one batch. */
enum { SNAPSHOT_VERSIONS = 32, SNAPSHOT_BYTES_LEAST = 64 << 10 };

struct shard {
    uint64_t changed_bytes;           /* since the last snapshot */
    uint64_t snapshot_bytes;          /* of the last one */
    struct sl_state_output *snapshot; /* in the making */
};

struct sl_state_store {
    struct sl_state_spec spec;
    struct sl_state_dir dir;
    struct shard *shards;
    struct sl_state_output *changes; /* in the making; NULL: none */
    int64_t version;                 /* of it */
    uint64_t before_hash, offsets_hash;
};

/* ---- opening ---- */

static void close_store(void *ptr) {
    struct sl_state_store *store = ptr;
    sl_state_store_abort(store);
    sl_state_dir_release(&store->dir);
}

enum sl_code sl_state_store_open(struct sl_arena *query, const struct sl_state_spec *spec,
                                 struct sl_state_store **out, struct sl_err *err) {
    struct sl_state_store *store = SL_NEW(query, struct sl_state_store);
    *store = (struct sl_state_store){.spec = *spec};
    store->shards = SL_NEW_ARRAY(query, struct shard, spec->shards);
    SL_TRY(sl_io_remove_temporaries(spec->dir, err)); /* of a run that was killed */
    SL_TRY(sl_state_dir_read(&store->dir, spec->dir, spec->shards, err));
    *out = store;
    return SL_OK;
}

void sl_state_store_close(struct sl_state_store *store) {
    if (store) close_store(store);
}

void sl_state_store_tie(struct sl_state_store *store, uint64_t before_hash, uint64_t offsets_hash) {
    store->before_hash = before_hash;
    store->offsets_hash = offsets_hash;
}

static struct sl_state_identity identity_of(const struct sl_state_store *store, int64_t version) {
    const struct sl_state_spec *spec = &store->spec;
    return (struct sl_state_identity){.operator_name = sl_str(spec->operator_name),
                                      .query_id = spec->query_id,
                                      .operator_number = spec->operator_number,
                                      .shards = spec->shards,
                                      .version = version,
                                      .stores = spec->stores,
                                      .store_count = spec->store_count};
}

static struct sl_state_identity being_made(const struct sl_state_store *store) {
    struct sl_state_identity identity = identity_of(store, store->version);
    identity.offsets_hash = store->offsets_hash;
    identity.before_hash = store->before_hash;
    return identity;
}

/* ---- loading ---- */

static enum sl_code missing(const struct sl_state_store *store, int64_t version, int64_t wanted,
                            struct sl_err *err) {
    const struct sl_state_dir *dir = &store->dir;
    if (dir->change_count == 0)
        sl_fail(err, SL_USER, "version %lld of the state is needed, and %s has none",
                (long long)wanted, store->spec.dir);
    else
        sl_fail(err, SL_USER,
                "version %lld of the state is needed, and %lld is missing in %s, which has "
                "versions %lld to %lld",
                (long long)wanted, (long long)version, store->spec.dir, (long long)dir->changes[0],
                (long long)dir->changes[dir->change_count - 1]);
    sl_hint(err, "the state was deleted or belongs to another moment than the offsets: restore the "
                 "whole checkpoint from one backup, or start with a new one");
    return SL_USER;
}

static enum sl_code check_versions(const struct sl_state_store *store, int64_t base,
                                   int64_t version, struct sl_err *err) {
    for (int64_t v = version; v > base; v--)
        if (!sl_state_dir_has_changes(&store->dir, v)) return missing(store, v, version, err);
    return SL_OK;
}

struct loading {
    struct sl_state_store *store;
    uint32_t shard;
    int64_t version;      /* that is wanted */
    uint64_t before_hash; /* of the file that was read last */
    sl_state_row_fn fn;
    void *ctx;
    struct sl_arena arena;
};

static enum sl_code load_file(struct loading *loading, struct sl_str name, int64_t version,
                              uint64_t *bytes, struct sl_err *err) {
    struct sl_state_identity identity = identity_of(loading->store, version);
    identity.before_hash = loading->before_hash;
    if (version == loading->version) identity.offsets_hash = loading->store->before_hash;
    const char *path = sl_path_join(&loading->arena, loading->store->spec.dir, name.ptr);
    return sl_state_file_read(path, &identity, loading->shard, loading->fn, loading->ctx, bytes,
                              &loading->before_hash, err);
}

static enum sl_code load_all(struct loading *loading, int64_t version, struct sl_err *err) {
    struct sl_state_store *store = loading->store;
    struct shard *shard = &store->shards[loading->shard];
    int64_t base = sl_state_dir_snapshot(&store->dir, loading->shard, version);
    shard->changed_bytes = shard->snapshot_bytes = 0;
    SL_TRY(check_versions(store, base, version, err));
    if (base > 0)
        SL_TRY(load_file(loading, sl_state_snapshot_name(&loading->arena, base, loading->shard),
                         base, &shard->snapshot_bytes, err));
    for (int64_t v = base + 1; v <= version; v++)
        SL_TRY(load_file(loading, sl_state_changes_name(&loading->arena, v), v,
                         &shard->changed_bytes, err));
    return SL_OK;
}

enum sl_code sl_state_store_load(struct sl_state_store *store, int64_t version, uint32_t shard,
                                 sl_state_row_fn fn, void *ctx, struct sl_err *err) {
    struct loading loading = {
        .store = store, .shard = shard, .version = version, .fn = fn, .ctx = ctx};
    if (version <= 0) return SL_OK;
    /* a version whose changes are missing is not there, whatever snapshots say */
    if (!sl_state_dir_has_changes(&store->dir, version))
        return missing(store, version, version, err);
    sl_arena_init(&loading.arena, "state files");
    enum sl_code code = load_all(&loading, version, err);
    sl_arena_release(&loading.arena);
    return code;
}

/* ---- writing a version ---- */

enum sl_code sl_state_store_begin(struct sl_state_store *store, int64_t version,
                                  struct sl_err *err) {
    struct sl_arena arena;
    sl_state_store_abort(store);
    store->version = version;
    SL_TRY(sl_state_dir_drop_from(&store->dir, store->spec.dir, version, err));
    SL_TRY(sl_io_make_dirs(store->spec.dir, err));
    struct sl_state_identity identity = being_made(store);
    sl_arena_init(&arena, "state");
    enum sl_code code =
        sl_state_output_open(store->spec.dir, sl_state_changes_name(&arena, version).ptr,
                             "state.changes", &identity, &store->changes, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_state_store_put(struct sl_state_store *store, uint32_t shard, uint32_t number,
                                const struct sl_batch *keys, const struct sl_batch *values,
                                struct sl_err *err) {
    struct shard *at = &store->shards[shard];
    uint64_t ignored = 0;
    bool whole = at->snapshot != NULL;
    return sl_state_output_put(whole ? at->snapshot : store->changes, shard, number, keys, values,
                               whole ? &ignored : &at->changed_bytes, err);
}

bool sl_state_store_wants_snapshot(const struct sl_state_store *store, uint32_t shard) {
    const struct shard *at = &store->shards[shard];
    int64_t last = sl_state_dir_snapshot(&store->dir, shard, store->version);
    uint64_t least =
        at->snapshot_bytes > SNAPSHOT_BYTES_LEAST ? at->snapshot_bytes : SNAPSHOT_BYTES_LEAST;
    return at->changed_bytes >= least || store->version - last >= SNAPSHOT_VERSIONS + shard;
}

enum sl_code sl_state_store_snapshot_begin(struct sl_state_store *store, uint32_t shard,
                                           struct sl_err *err) {
    struct sl_arena arena;
    struct sl_state_identity identity = being_made(store);
    sl_arena_init(&arena, "state");
    enum sl_code code = sl_state_output_open(
        store->spec.dir, sl_state_snapshot_name(&arena, store->version, shard).ptr,
        "state.snapshot", &identity, &store->shards[shard].snapshot, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_state_store_snapshot_end(struct sl_state_store *store, uint32_t shard,
                                         struct sl_err *err) {
    struct shard *at = &store->shards[shard];
    struct sl_state_output *output = at->snapshot;
    uint64_t bytes = 0;
    at->snapshot = NULL;
    SL_TRY(sl_state_output_publish(output, &bytes, err));
    /* known at once, so that a batch that breaks off now takes it away when it runs again */
    sl_state_dir_add_snapshot(&store->dir, shard, store->version);
    at->snapshot_bytes = bytes;
    at->changed_bytes = 0;
    return SL_OK;
}

enum sl_code sl_state_store_commit(struct sl_state_store *store, struct sl_err *err) {
    struct sl_state_output *output = store->changes;
    store->changes = NULL;
    uint64_t ignored = 0;
    SL_TRY(sl_state_output_publish(output, &ignored, err));
    sl_state_dir_add_changes(&store->dir, store->version);
    return SL_OK;
}

void sl_state_store_abort(struct sl_state_store *store) {
    sl_state_output_abort(store->changes);
    store->changes = NULL;
    for (uint32_t s = 0; s < store->spec.shards; s++) {
        sl_state_output_abort(store->shards[s].snapshot);
        store->shards[s].snapshot = NULL;
    }
}

enum sl_code sl_state_store_purge(struct sl_state_store *store, int64_t keep, struct sl_err *err) {
    return keep > 0 ? sl_state_dir_drop_before(&store->dir, store->spec.dir, keep, err) : SL_OK;
}

/* ---- what there is ---- */

enum sl_code sl_state_operators(const char *state_dir, struct sl_arena *arena, uint32_t **numbers,
                                uint32_t *count, struct sl_err *err) {
    struct sl_err why = {0};
    char **names;
    size_t found = 0;
    *count = 0;
    enum sl_code code = sl_io_list_dir(state_dir, arena, &names, &found, &why);
    if (code == SL_IO && why.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = why;
        return code;
    }
    *numbers = SL_NEW_ARRAY(arena, uint32_t, found + 1);
    for (size_t i = 0; i < found; i++) {
        int64_t number;
        if (!sl_str_to_i64(sl_str(names[i]), &number) || number < 0 || number >= UINT32_MAX)
            continue;
        uint32_t at = (*count)++; /* names are sorted as texts: 10 before 2 */
        for (; at && (*numbers)[at - 1] > number; at--) (*numbers)[at] = (*numbers)[at - 1];
        (*numbers)[at] = (uint32_t)number;
    }
    return SL_OK;
}
