#include "state/spark_state_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/io.h"
#include "kern/hash_spark.h"
#include "state/spark_state_file.h"
#include "state/spark_state_map.h"
#include "state/unsafe_row.h"

/* As in the other format: snapshots are due after so many versions, or when the changes outweigh
 * the last one. */
enum { SNAPSHOT_VERSIONS = 32, SNAPSHOT_BYTES_LEAST = 1 << 20, LOAD_ROWS = 1024 };

struct versions {
    int64_t *items; /* ascending */
    size_t count, cap;
};

struct partition {
    const char *dir;
    struct versions deltas, snapshots;
    uint64_t changed_bytes, snapshot_bytes; /* of the deltas since the last snapshot, and of it */
    pthread_mutex_t mutex;                  /* guards `output` */
    struct sl_spark_state_output *output;   /* in the making; NULL: none */
};

struct sl_spark_store {
    struct sl_spark_store_spec spec;
    struct partition *partitions;
    int64_t version; /* in the making */
    bool snapshot;
    char name[40]; /* of its files */
};

/* ---- which files there are ---- */

static void add_version(struct versions *list, int64_t version) {
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->items = sl_xrealloc(list->items, list->cap * sizeof *list->items);
    }
    size_t at = list->count++;
    for (; at && list->items[at - 1] > version; at--) list->items[at] = list->items[at - 1];
    if (at && list->items[at - 1] == version) { /* known: what moved goes back */
        memmove(list->items + at, list->items + at + 1,
                (list->count - at - 1) * sizeof *list->items);
        list->count--;
        return;
    }
    list->items[at] = version;
}

static bool has_version(const struct versions *list, int64_t version) {
    for (size_t i = list->count; i-- > 0 && list->items[i] >= version;)
        if (list->items[i] == version) return true;
    return false;
}

/* The newest at or before `version`; 0: none. */
static int64_t newest_version(const struct versions *list, int64_t version) {
    for (size_t i = list->count; i-- > 0;)
        if (list->items[i] <= version) return list->items[i];
    return 0;
}

static void note_file(struct partition *partition, struct sl_str name) {
    size_t dot = sl_str_find(name, SL_STR("."), 0);
    int64_t version;
    if (dot == SIZE_MAX || !sl_str_to_i64(sl_str_sub(name, 0, dot), &version) || version <= 0)
        return;
    struct sl_str kind = sl_str_sub(name, dot + 1, name.len);
    if (sl_str_eq(kind, SL_STR("delta"))) add_version(&partition->deltas, version);
    if (sl_str_eq(kind, SL_STR("snapshot"))) add_version(&partition->snapshots, version);
}

static enum sl_code list_files(struct partition *partition, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_err why = {0};
    char **names;
    size_t count = 0;
    sl_arena_init(&arena, "state files");
    SL_TRY(sl_io_remove_temporaries(partition->dir, err)); /* of a run that was killed */
    enum sl_code code = sl_io_list_dir(partition->dir, &arena, &names, &count, &why);
    if (code == SL_IO && why.sys == ENOENT) code = SL_OK;
    if (code != SL_OK && err) *err = why;
    for (size_t i = 0; code == SL_OK && i < count; i++) note_file(partition, sl_str(names[i]));
    sl_arena_release(&arena);
    return code;
}

/* ---- opening ---- */

static const char *partition_dir(struct sl_arena *query, const struct sl_spark_store_spec *spec,
                                 uint32_t number) {
    struct sl_str name = spec->schema->name;
    bool plain = sl_str_eq(name, SL_STR("default"));
    return sl_arena_printf(query, "%s/%u%s%.*s", spec->operator_dir, number, plain ? "" : "/",
                           plain ? 0 : (int)name.len, name.ptr)
        .ptr;
}

enum sl_code sl_spark_store_open(struct sl_arena *query, const struct sl_spark_store_spec *spec,
                                 struct sl_spark_store **out, struct sl_err *err) {
    struct sl_spark_store *store = SL_NEW(query, struct sl_spark_store);
    store->spec = *spec;
    store->partitions = SL_NEW_ARRAY(query, struct partition, spec->partitions + (size_t)1);
    for (uint32_t p = 0; p < spec->partitions; p++) {
        store->partitions[p].dir = partition_dir(query, spec, p);
        pthread_mutex_init(&store->partitions[p].mutex, NULL);
    }
    *out = store;
    for (uint32_t p = 0; p < spec->partitions; p++) SL_TRY(list_files(&store->partitions[p], err));
    return SL_OK;
}

void sl_spark_store_close(struct sl_spark_store *store) {
    if (!store) return;
    sl_spark_store_abort(store);
    for (uint32_t p = 0; p < store->spec.partitions; p++) {
        free(store->partitions[p].deltas.items);
        free(store->partitions[p].snapshots.items);
        pthread_mutex_destroy(&store->partitions[p].mutex);
    }
}

/* ---- loading ---- */

struct loading {
    const struct sl_spark_store *store;
    uint32_t partition;
    struct sl_spark_state_map map;
    struct sl_arena arena;
    struct sl_batch keys, values;
    struct sl_str key_rows[LOAD_ROWS], value_rows[LOAD_ROWS];
    const struct sl_vec **hashed;
    sl_state_row_fn fn;
    void *ctx;
};

static enum sl_code missing(const struct partition *partition, int64_t version, int64_t wanted,
                            struct sl_err *err) {
    sl_fail(err, SL_USER, "version %lld of the state is needed, and %s/%lld.delta is missing",
            (long long)wanted, partition->dir, (long long)version);
    sl_hint(err, "the state was deleted or belongs to another moment than the offsets: restore the "
                 "whole checkpoint from one backup, or start with a new one");
    return SL_USER;
}

static enum sl_code note_record(void *ctx, struct sl_str key, struct sl_str value,
                                struct sl_err *err) {
    return sl_spark_state_map_put(ctx, key, value, err);
}

static enum sl_code read_file(struct loading *loading, int64_t version, const char *kind,
                              uint64_t *bytes, struct sl_err *err) {
    const char *dir = loading->store->partitions[loading->partition].dir;
    struct sl_file_info info;
    const char *path =
        sl_arena_printf(&loading->arena, "%s/%lld.%s", dir, (long long)version, kind).ptr;
    SL_TRY(sl_io_stat(path, &info, err));
    *bytes += info.bytes;
    return sl_spark_state_file_read(path, note_record, &loading->map, err);
}

static enum sl_code read_files(struct loading *loading, int64_t version, struct sl_err *err) {
    struct partition *partition = &loading->store->partitions[loading->partition];
    int64_t base = newest_version(&partition->snapshots, version);
    partition->changed_bytes = partition->snapshot_bytes = 0;
    for (int64_t v = base + 1; v <= version; v++)
        if (!has_version(&partition->deltas, v)) return missing(partition, v, version, err);
    if (base > 0) SL_TRY(read_file(loading, base, "snapshot", &partition->snapshot_bytes, err));
    for (int64_t v = base + 1; v <= version; v++)
        SL_TRY(read_file(loading, v, "delta", &partition->changed_bytes, err));
    return SL_OK;
}

static uint32_t partition_of(const struct sl_spark_store *store, int32_t hash) {
    int64_t rest = hash % (int64_t)store->spec.partitions;
    return (uint32_t)(rest < 0 ? rest + store->spec.partitions : rest);
}

/* A row in the wrong place means that partitions were counted or keys hashed in another way; what
 * is written then would be lost for Spark. */
static enum sl_code check_place(const struct loading *loading, uint32_t count, struct sl_err *err) {
    int32_t hashes[LOAD_ROWS];
    const struct sl_spark_store *store = loading->store;
    sl_hash_spark(loading->hashed, store->spec.hashed_columns, NULL, count, hashes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = partition_of(store, hashes[i]);
        if (place == loading->partition) continue;
        sl_fail(err, SL_USER,
                "%s holds a key that belongs to partition %u of %u: the state was written with "
                "another number of partitions, or by another query",
                store->partitions[loading->partition].dir, place, store->spec.partitions);
        return sl_hint(err, "restore the whole checkpoint from one backup"), SL_USER;
    }
    return SL_OK;
}

static enum sl_code hand_out(struct loading *loading, uint32_t count, struct sl_err *err) {
    const struct sl_state_schema *schema = loading->store->spec.schema;
    const char *why;
    if (!count) return SL_OK;
    sl_batch_clear(&loading->keys);
    sl_batch_clear(&loading->values);
    SL_TRY(sl_unsafe_rows_take(loading->key_rows, count, schema->key, loading->keys.columns, err));
    SL_TRY(sl_unsafe_rows_take(loading->value_rows, count, schema->value, loading->values.columns,
                               err));
    for (uint32_t c = 0; c < schema->key->field_count; c++)
        if (!sl_vec_verify(&loading->keys.columns[c], &why))
            return sl_fail(err, SL_DATA, "the keys of Spark's state do not fit together: %s", why);
    loading->keys.rows = loading->keys.selected_rows = count;
    loading->values.rows = loading->values.selected_rows = count;
    SL_TRY(check_place(loading, count, err));
    return loading->fn(loading->ctx, 0, &loading->keys, &loading->values, err);
}

static enum sl_code hand_out_all(struct loading *loading, struct sl_err *err) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < loading->map.count; i++) {
        const struct sl_spark_entry *entry = &loading->map.entries[i];
        if (entry->removed) continue;
        loading->key_rows[count] = sl_spark_entry_key(&loading->map, entry);
        loading->value_rows[count++] = sl_spark_entry_value(&loading->map, entry);
        if (count < LOAD_ROWS) continue;
        SL_TRY(hand_out(loading, count, err));
        count = 0;
    }
    return hand_out(loading, count, err);
}

static void init_loading(struct loading *loading, struct sl_spark_store *store,
                         uint32_t partition) {
    const struct sl_spark_store_spec *spec = &store->spec;
    loading->store = store;
    loading->partition = partition;
    sl_arena_init(&loading->arena, "Spark's state");
    sl_spark_state_map_init(&loading->map, spec->budget);
    sl_batch_init(&loading->keys, spec->schema->key, &loading->arena);
    sl_batch_init(&loading->values, spec->schema->value, &loading->arena);
    loading->hashed =
        SL_NEW_ARRAY(&loading->arena, const struct sl_vec *, spec->hashed_columns + (size_t)1);
    for (uint32_t c = 0; c < spec->hashed_columns; c++)
        loading->hashed[c] = &loading->keys.columns[c];
}

enum sl_code sl_spark_store_load(struct sl_spark_store *store, int64_t version, uint32_t partition,
                                 sl_state_row_fn fn, void *ctx, struct sl_err *err) {
    if (version <= 0) return SL_OK;
    struct loading *loading = sl_xcalloc(1, sizeof *loading);
    init_loading(loading, store, partition);
    loading->fn = fn;
    loading->ctx = ctx;
    enum sl_code code = read_files(loading, version, err);
    if (code == SL_OK) code = hand_out_all(loading, err);
    if (code == SL_DATA) sl_context(err, "%s", store->partitions[partition].dir);
    sl_batch_release(&loading->keys);
    sl_batch_release(&loading->values);
    sl_spark_state_map_release(&loading->map);
    sl_arena_release(&loading->arena);
    free(loading);
    return code;
}

/* ---- writing ---- */

static enum sl_code unlink_file(const struct partition *partition, int64_t version,
                                const char *kind, struct sl_err *err) {
    static const char *const forms[] = {"%s/.%lld.%s.crc.crc", "%s/%lld.%s.crc", "%s/.%lld.%s.crc",
                                        "%s/%lld.%s"};
    char path[4096];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct sl_buf name = {0};
        sl_buf_printf(&name, forms[i], partition->dir, (long long)version, kind);
        bool fits = name.len < sizeof path;
        if (fits) memcpy(path, sl_buf_cstr(&name), name.len + 1);
        sl_buf_release(&name);
        if (fits) SL_TRY(sl_io_unlink(path, err));
    }
    return SL_OK;
}

/* Files of `from` and later are of a batch that broke off; its delta is replaced, the rest would be
 * believed. */
static enum sl_code drop_from(struct partition *partition, int64_t from, struct sl_err *err) {
    struct versions *snapshots = &partition->snapshots, *deltas = &partition->deltas;
    while (snapshots->count && snapshots->items[snapshots->count - 1] >= from)
        SL_TRY(unlink_file(partition, snapshots->items[--snapshots->count], "snapshot", err));
    while (deltas->count && deltas->items[deltas->count - 1] > from)
        SL_TRY(unlink_file(partition, deltas->items[--deltas->count], "delta", err));
    return SL_OK;
}

enum sl_code sl_spark_store_begin(struct sl_spark_store *store, int64_t version, bool snapshot,
                                  struct sl_err *err) {
    sl_spark_store_abort(store);
    store->version = version;
    store->snapshot = snapshot;
    snprintf(store->name, sizeof store->name, "%lld.%s", (long long)version,
             snapshot ? "snapshot" : "delta");
    for (uint32_t p = 0; p < store->spec.partitions; p++) {
        struct partition *partition = &store->partitions[p];
        if (!snapshot) SL_TRY(drop_from(partition, version, err));
        if (!partition->deltas.count) SL_TRY(sl_io_make_dirs(partition->dir, err));
        partition->output = sl_spark_state_output_new(
            partition->dir, store->name, snapshot ? "state.snapshot" : "state.changes");
    }
    return SL_OK;
}

/* Scratch of one put. */
struct putting {
    struct sl_buf key, value;
    int32_t *hashes;
    const struct sl_vec **hashed;
};

static enum sl_code put_row(struct sl_spark_store *store, struct putting *putting,
                            const struct sl_batch *keys, const struct sl_batch *values,
                            uint32_t row, struct sl_err *err) {
    const struct sl_state_schema *schema = store->spec.schema;
    struct sl_str value = {0};
    sl_buf_clear(&putting->key);
    sl_buf_clear(&putting->value);
    SL_TRY(sl_unsafe_row_put(&putting->key, schema->key, keys->columns, row, true, err));
    if (values) {
        SL_TRY(sl_unsafe_row_put(&putting->value, schema->value, values->columns, row, false, err));
        value = sl_buf_str(&putting->value);
        if (!value.ptr) value.ptr = ""; /* no bytes are a value, too */
    }
    struct partition *partition = &store->partitions[partition_of(store, putting->hashes[row])];
    pthread_mutex_lock(&partition->mutex);
    enum sl_code code =
        sl_spark_state_output_put(partition->output, sl_buf_str(&putting->key), value, err);
    pthread_mutex_unlock(&partition->mutex);
    return code;
}

enum sl_code sl_spark_store_put(struct sl_spark_store *store, const struct sl_batch *keys,
                                const struct sl_batch *values, struct sl_err *err) {
    struct putting putting = {0};
    uint32_t columns = store->spec.hashed_columns;
    enum sl_code code = SL_OK;
    if (!keys->rows) return SL_OK;
    putting.hashes = sl_xmalloc(keys->rows * sizeof *putting.hashes);
    putting.hashed = sl_xcalloc(columns + (size_t)1, sizeof *putting.hashed);
    for (uint32_t c = 0; c < columns; c++) putting.hashed[c] = &keys->columns[c];
    sl_hash_spark(putting.hashed, columns, NULL, keys->rows, putting.hashes);
    for (uint32_t row = 0; code == SL_OK && row < keys->rows; row++)
        code = put_row(store, &putting, keys, values, row, err);
    free(putting.hashes);
    free(putting.hashed);
    sl_buf_release(&putting.key);
    sl_buf_release(&putting.value);
    return code;
}

enum sl_code sl_spark_store_publish(struct sl_spark_store *store, uint32_t number,
                                    struct sl_err *err) {
    struct partition *partition = &store->partitions[number];
    struct sl_spark_state_output *output = partition->output;
    uint64_t bytes = 0;
    partition->output = NULL;
    SL_TRY(sl_spark_state_output_publish(output, &bytes, err));
    add_version(store->snapshot ? &partition->snapshots : &partition->deltas, store->version);
    if (store->snapshot) {
        partition->snapshot_bytes = bytes;
        partition->changed_bytes = 0;
    } else {
        partition->changed_bytes += bytes;
    }
    return SL_OK;
}

void sl_spark_store_abort(struct sl_spark_store *store) {
    for (uint32_t p = 0; p < store->spec.partitions; p++) {
        sl_spark_state_output_abort(store->partitions[p].output);
        store->partitions[p].output = NULL;
    }
}

bool sl_spark_store_wants_snapshot(const struct sl_spark_store *store) {
    uint64_t changed = 0, whole = 0;
    int64_t oldest = INT64_MAX;
    for (uint32_t p = 0; p < store->spec.partitions; p++) {
        const struct partition *partition = &store->partitions[p];
        int64_t last = newest_version(&partition->snapshots, store->version);
        changed += partition->changed_bytes;
        whole += partition->snapshot_bytes;
        if (last < oldest) oldest = last;
    }
    uint64_t least = whole > SNAPSHOT_BYTES_LEAST ? whole : SNAPSHOT_BYTES_LEAST;
    return changed >= least || store->version - oldest >= SNAPSHOT_VERSIONS;
}

/* ---- what is needed no more ---- */

static enum sl_code drop_below(struct partition *partition, struct versions *list, int64_t keep,
                               const char *kind, struct sl_err *err) {
    size_t gone = 0;
    enum sl_code code = SL_OK;
    while (code == SL_OK && gone < list->count && list->items[gone] < keep) {
        code = unlink_file(partition, list->items[gone], kind, err);
        gone += code == SL_OK;
    }
    if (gone) memmove(list->items, list->items + gone, (list->count - gone) * sizeof *list->items);
    list->count -= gone;
    return code;
}

enum sl_code sl_spark_store_purge(struct sl_spark_store *store, int64_t keep, struct sl_err *err) {
    for (uint32_t p = 0; keep > 0 && p < store->spec.partitions; p++) {
        struct partition *partition = &store->partitions[p];
        int64_t base = newest_version(&partition->snapshots, keep);
        SL_TRY(drop_below(partition, &partition->deltas, base, "delta", err));
        SL_TRY(drop_below(partition, &partition->snapshots, base, "snapshot", err));
    }
    return SL_OK;
}
