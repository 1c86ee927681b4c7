/* OPTIMIZE: small files become few, in commits that change no data.
 *
 *   bins planned from one snapshot
 *   per round of bins:  new files under final, random names, durable; directories synced
 *                       _delta_log/<version>.json     remove + add, dataChange = false
 *
 * In front of the commit a crash leaves files that no version names, which VACUUM removes. An
 * append that comes first is no obstacle; when somebody removed or rewrote one of a bin's files,
 * that bin is given up and the others are committed.
 * Source: Spark OptimizeTableCommand.scala; PROTOCOL.md "Add File and Remove File". */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/quantity.h"
#include "conn/delta/delta_bins.h"
#include "conn/delta/delta_file_stats.h"
#include "lake/delta/commit.h"
#include "lake/delta/deletion_vector.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"
#include "lake/delta/value.h"
#include "table/optimize_metrics.h"

enum {
    TARGET_BYTES = 128 << 20,
    BUDGET_SHARE = 3,       /* of the memory limit: row groups of all workers */
    BUDGET_SHARE_AUTO = 16, /* .. beside a query that needs its memory */
    TRIES_MAX = 100,
};
#define ROUND_BYTES (INT64_C(8) << 30)

struct new_file {
    struct sl_delta_file file;
    const char *name; /* relative to the table */
    uint32_t group;
    uint64_t rows;
};

struct optimize {
    const struct sl_table_call *call;
    struct sl_optimize what;
    const char *dir;
    struct sl_delta_snapshot *snapshot;
    struct sl_arena arena;
    struct sl_delta_columns columns;
    const struct sl_type *file_schema;
    struct sl_table_scan *scan;
    int32_t indexed_columns;
    struct sl_delta_bins bins;
    struct sl_optimize_metrics metrics;

    /* the round at hand: groups first .. end */
    uint32_t first, end;
    bool *lost; /* per group of the table */
    struct new_file *files;
    size_t file_count, file_cap;
};

/* ---- the new files ---- */

static void clear_deleted(const void *deleted, uint64_t first_row, uint32_t rows, uint64_t *keep) {
    sl_deletion_vector_clear(deleted, first_row, rows, keep);
}

static enum sl_code open_input(void *ctx, uint32_t input, struct sl_scan_file *out, void **handle,
                               struct sl_err *err) {
    const struct optimize *optimize = ctx;
    const struct sl_delta_candidate *candidate = &optimize->bins.files[input];
    struct sl_deletion_vector *deleted = NULL;
    *out = (struct sl_scan_file){.path = candidate->path, .bytes = (uint64_t)candidate->file.bytes};
    if (candidate->file.vector.storage) {
        enum sl_code code =
            sl_deletion_vector_read(optimize->dir, &candidate->file.vector, &deleted, err);
        if (code != SL_OK) return sl_context(err, "deletion vector of `%s`", candidate->path), code;
        out->clear_deleted = clear_deleted;
        out->deleted = deleted;
    }
    *handle = deleted;
    return SL_OK;
}

static void close_input(void *ctx, void *handle) {
    (void)ctx;
    if (handle) sl_deletion_vector_free(handle);
}

static enum sl_code keep_file(void *ctx, uint32_t group, const struct sl_data_file *file,
                              struct sl_err *err) {
    struct optimize *optimize = ctx;
    struct sl_arena *arena = &optimize->arena;
    struct sl_file_info info;
    struct sl_buf path = {0};
    group += optimize->first;
    if (optimize->file_count == optimize->file_cap) {
        optimize->file_cap = optimize->file_cap ? optimize->file_cap * 2 : 16;
        optimize->files =
            sl_xrealloc(optimize->files, optimize->file_cap * sizeof *optimize->files);
    }
    struct new_file *to = &optimize->files[optimize->file_count++];
    sl_delta_path_put(&path, sl_str(file->final));
    const struct sl_delta_candidate *like =
        &optimize->bins.files[optimize->bins.groups[group].first];
    *to = (struct new_file){.name = sl_arena_cstr(arena, sl_str(file->final)),
                            .group = group,
                            .rows = file->rows,
                            .file = {.path = sl_arena_str(arena, sl_buf_str(&path)),
                                     .partition_values = like->file.partition_values,
                                     .bytes = (int64_t)file->bytes,
                                     .stats = sl_delta_file_stats(arena, optimize->file_schema,
                                                                  optimize->indexed_columns, file),
                                     .base_row_id = -1,
                                     .default_row_version = -1}};
    sl_buf_release(&path);
    SL_TRY(sl_io_stat(sl_path_join(arena, optimize->dir, file->final), &info, err));
    to->file.modified_ms = info.modified_ms;
    return SL_OK;
}

enum which { ALL_GROUPS, LOST_GROUPS, OTHER_GROUPS };

static void remove_files(struct optimize *optimize, enum which which) {
    for (size_t i = 0; i < optimize->file_count; i++) {
        struct sl_err ignored;
        const struct new_file *file = &optimize->files[i];
        if (which != ALL_GROUPS && optimize->lost[file->group] != (which == LOST_GROUPS)) continue;
        enum sl_code code =
            sl_io_unlink(sl_path_join(&optimize->arena, optimize->dir, file->name), &ignored);
        (void)code; /* what stays is for VACUUM */
    }
}

static enum sl_code sync_dirs(struct optimize *optimize, struct sl_err *err) {
    uint32_t count = optimize->end - optimize->first;
    struct sl_str *dirs = SL_NEW_ARRAY(&optimize->arena, struct sl_str, count + 1);
    for (uint32_t i = 0; i < count; i++)
        dirs[i] = sl_str(optimize->bins.groups[optimize->first + i].dir);
    return sl_io_sync_dirs(optimize->dir, dirs, count, err);
}

static bool is_stopping(void *ctx) {
    const struct sl_conn_env *env = ((struct optimize *)ctx)->call->env;
    return env->stopping && env->stopping(env->stop_ctx);
}

static enum sl_code rewrite_round(struct optimize *optimize, struct sl_err *err) {
    struct sl_budget *budget = optimize->call->env->budget;
    struct sl_pool *pool = optimize->call->pool;
    struct sl_rewrite rewrite = {.table_dir = optimize->dir,
                                 .scan = optimize->scan,
                                 .file_schema = optimize->file_schema,
                                 .budget = budget,
                                 .open_input = open_input,
                                 .close_input = close_input,
                                 .closed = keep_file,
                                 .stopping = is_stopping,
                                 .ctx = optimize};
    sl_rewrite_choose_encoding(
        &rewrite, sl_str(optimize->bins.files[optimize->bins.groups[0].first].path),
        sl_delta_table_setting(optimize->call->env, "spark.sql.parquet.compression.codec"), pool,
        optimize->what.automatic ? BUDGET_SHARE_AUTO : BUDGET_SHARE);
    return sl_rewrite_run(&rewrite, pool, optimize->bins.groups + optimize->first,
                          optimize->end - optimize->first, err);
}

/* ---- the commit ---- */

struct round {
    struct sl_delta_file *adds, *removes;
    size_t add_count, remove_count;
    struct sl_optimize_metrics metrics;
    uint64_t *sizes; /* of the new files, ascending */
};

static int compare_sizes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_removes(struct optimize *optimize, struct round *round, uint32_t group,
                        int64_t now_ms) {
    const struct sl_rewrite_group *bin = &optimize->bins.groups[group];
    for (uint32_t i = bin->first; i < bin->first + bin->count; i++) {
        struct sl_delta_file *to = &round->removes[round->remove_count++];
        *to = optimize->bins.files[i].file;
        sl_file_sizes_add(&round->metrics.removed, (uint64_t)to->bytes);
        if (to->vector.storage) {
            round->metrics.vectors_removed++;
            round->metrics.vector_rows_removed += (uint64_t)to->vector.cardinality;
        }
        to->modified_ms = now_ms;
        to->data_change = false;
        to->extended_metadata = true;
    }
}

static void gather_round(struct optimize *optimize, struct round *round) {
    struct sl_arena *arena = &optimize->arena;
    size_t removes = 0;
    int64_t now_ms = sl_clock_wall_us() / 1000;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        removes += optimize->bins.groups[g].count;
    *round =
        (struct round){.adds = SL_NEW_ARRAY(arena, struct sl_delta_file, optimize->file_count + 1),
                       .removes = SL_NEW_ARRAY(arena, struct sl_delta_file, removes + 1),
                       .sizes = SL_NEW_ARRAY(arena, uint64_t, optimize->file_count + 1)};
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        if (!optimize->lost[g]) add_removes(optimize, round, g, now_ms);
    for (size_t i = 0; i < optimize->file_count; i++) {
        const struct new_file *file = &optimize->files[i];
        if (optimize->lost[file->group]) continue;
        sl_file_sizes_add(&round->metrics.added, (uint64_t)file->file.bytes);
        round->sizes[round->add_count] = (uint64_t)file->file.bytes;
        round->adds[round->add_count++] = file->file;
    }
    if (round->add_count)
        qsort(round->sizes, round->add_count, sizeof *round->sizes, compare_sizes);
}

struct object {
    struct sl_str names[12];
    struct sl_json items[12];
    size_t count;
};

static void put_text(struct object *object, const char *name, struct sl_str value) {
    object->names[object->count] = sl_str(name);
    object->items[object->count++] = (struct sl_json){.kind = SL_JSON_STRING, .text = value};
}

static void put_number(struct optimize *optimize, struct object *object, const char *name,
                       uint64_t value) {
    put_text(object, name, sl_arena_printf(&optimize->arena, "%llu", (unsigned long long)value));
}

static struct sl_json as_json(struct object *object) {
    return (struct sl_json){.kind = SL_JSON_OBJECT,
                            .names = object->names,
                            .items = object->items,
                            .count = object->count};
}

static void say_parameters(struct optimize *optimize, struct object *out) {
    struct sl_buf text = {0};
    sl_buf_put_byte(&text, '[');
    if (optimize->what.condition) sl_json_put_string(&text, optimize->what.condition_text);
    sl_buf_put_byte(&text, ']');
    put_text(out, "predicate", sl_arena_str(&optimize->arena, sl_buf_str(&text)));
    put_text(out, "zOrderBy", SL_STR("[]"));
    put_text(out, "clusterBy", SL_STR("[]"));
    out->names[out->count] = SL_STR("auto");
    out->items[out->count++] =
        (struct sl_json){.kind = SL_JSON_BOOL, .boolean = optimize->what.automatic};
    sl_buf_release(&text);
}

static void say_metrics(struct optimize *optimize, const struct round *round, struct object *out) {
    const struct sl_optimize_metrics *metrics = &round->metrics;
    size_t n = round->add_count;
    put_number(optimize, out, "numRemovedFiles", metrics->removed.count);
    put_number(optimize, out, "numRemovedBytes", metrics->removed.bytes);
    put_number(optimize, out, "numAddedFiles", metrics->added.count);
    put_number(optimize, out, "numAddedBytes", metrics->added.bytes);
    put_number(optimize, out, "numDeletionVectorsRemoved", metrics->vectors_removed);
    put_number(optimize, out, "minFileSize", metrics->added.min);
    put_number(optimize, out, "p25FileSize", n ? round->sizes[n / 4] : 0);
    put_number(optimize, out, "p50FileSize", n ? round->sizes[n / 2] : 0);
    put_number(optimize, out, "p75FileSize", n ? round->sizes[n * 3 / 4] : 0);
    put_number(optimize, out, "maxFileSize", metrics->added.max);
}

/* Files by the hash of their key, ascending. */
struct known {
    uint64_t hash;
    uint32_t group;
    bool is_live;
};
struct search {
    struct known *items;
    size_t count;
    struct sl_buf key;
};

static int compare_known(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static uint64_t hash_of(struct sl_buf *key, const struct sl_delta_file *file) {
    sl_buf_clear(key);
    sl_delta_file_put_key(key, file);
    return sl_xxh64(key->ptr, key->len, 0);
}

static enum sl_code see(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct search *search = ctx;
    (void)err;
    struct known wanted = {.hash = hash_of(&search->key, file)};
    struct known *found =
        bsearch(&wanted, search->items, search->count, sizeof wanted, compare_known);
    if (found) found->is_live = true;
    return SL_OK;
}

/* Gives up the groups of which a file is no longer in the table. */
static enum sl_code find_lost(struct optimize *optimize, bool *any, struct sl_err *err) {
    struct search search = {0};
    const struct sl_delta_bins *bins = &optimize->bins;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        search.count += bins->groups[g].count;
    search.items = sl_xcalloc(search.count + 1, sizeof *search.items);
    size_t at = 0;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        for (uint32_t i = 0; i < bins->groups[g].count; i++)
            search.items[at++] = (struct known){
                hash_of(&search.key, &bins->files[bins->groups[g].first + i].file), g, false};
    qsort(search.items, search.count, sizeof *search.items, compare_known);
    enum sl_code code = sl_delta_snapshot_walk(
        optimize->snapshot, &(struct sl_delta_walk){.live = see, .ctx = &search}, err);
    *any = false;
    for (size_t i = 0; i < search.count && code == SL_OK; i++)
        if (!search.items[i].is_live && !optimize->lost[search.items[i].group])
            *any = optimize->lost[search.items[i].group] = true;
    sl_buf_release(&search.key);
    free(search.items);
    return code;
}

/* What the rewritten rows depend on. */
static bool is_same_table(const struct sl_delta_metadata *a, struct sl_str id,
                          struct sl_str schema_text, uint32_t partition_count) {
    return sl_str_eq(a->id, id) && sl_str_eq(a->schema_text, schema_text) &&
           a->partition_count == partition_count;
}

/* A rival came first. *go_on: what is left may be tried again. */
static enum sl_code follow_rival(struct optimize *optimize, const struct sl_err *why, bool *go_on,
                                 struct sl_err *err) {
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(optimize->snapshot);
    struct sl_str id = sl_arena_str(&optimize->arena, metadata->id),
                  schema_text = sl_arena_str(&optimize->arena, metadata->schema_text);
    uint32_t partition_count = metadata->partition_count;
    bool any;
    *go_on = false;
    SL_TRY(sl_delta_snapshot_update(optimize->snapshot, err));
    SL_TRY(find_lost(optimize, &any, err));
    metadata = sl_delta_snapshot_metadata(optimize->snapshot);
    *go_on = is_same_table(metadata, id, schema_text, partition_count) &&
             (any || strcmp(why->condition, "DELTA_METADATA_CHANGED") == 0);
    return SL_OK;
}

static enum sl_code try_commit(struct optimize *optimize, struct round *round, int64_t *version,
                               struct sl_err *err) {
    struct object parameters = {0}, metrics = {0};
    bool already;
    gather_round(optimize, round);
    if (round->remove_count == 0) return SL_OK;
    say_parameters(optimize, &parameters);
    say_metrics(optimize, round, &metrics);
    struct sl_delta_commit commit = {.scope = SL_DELTA_FILES,
                                     .adds = round->adds,
                                     .add_count = round->add_count,
                                     .removes = round->removes,
                                     .remove_count = round->remove_count};
    commit.info.operation = SL_STR("OPTIMIZE");
    commit.info.parameters = as_json(&parameters);
    commit.info.metrics = as_json(&metrics);
    return sl_delta_commit(optimize->snapshot, &commit, version, &already, err);
}

/* The commit failed, say with no space left, and may be there all the same: the log decides. Where
 * a group's old files are still in the table, its new ones are not. */
static void remove_invisible(struct optimize *optimize) {
    struct sl_err ignored;
    bool any;
    if (sl_delta_snapshot_update(optimize->snapshot, &ignored) == SL_OK &&
        find_lost(optimize, &any, &ignored) == SL_OK)
        remove_files(optimize, OTHER_GROUPS);
}

static enum sl_code commit_round(struct optimize *optimize, struct sl_err *err) {
    struct sl_err local = {0};
    struct round round = {0};
    int64_t version = -1;
    bool go_on = true, beaten = false;
    enum sl_code code = SL_CONFLICT;
    for (int i = 0; i < TRIES_MAX && code == SL_CONFLICT && go_on; i++) {
        code = try_commit(optimize, &round, &version, &local);
        beaten = code == SL_CONFLICT;
        if (!beaten) break;
        struct sl_err why = local;
        enum sl_code followed = follow_rival(optimize, &why, &go_on, &local);
        if (followed != SL_OK) code = followed;
    }
    if (code != SL_OK && err) *err = local;
    if (code == SL_OK) remove_files(optimize, LOST_GROUPS);
    if (beaten) remove_files(optimize, ALL_GROUPS); /* no version names them */
    if (code != SL_OK && !beaten) remove_invisible(optimize);
    SL_TRY(code);
    if (version < 0) return SL_OK;
    sl_file_sizes_merge(&optimize->metrics.added, &round.metrics.added);
    sl_file_sizes_merge(&optimize->metrics.removed, &round.metrics.removed);
    optimize->metrics.vectors_removed += round.metrics.vectors_removed;
    optimize->metrics.vector_rows_removed += round.metrics.vector_rows_removed;
    optimize->metrics.batches++;
    sl_delta_table_keep_up(optimize->call->env, optimize->snapshot, version);
    return SL_OK;
}

/* ---- rounds ---- */

static uint32_t end_of_round(const struct optimize *optimize) {
    int64_t bytes = 0;
    uint32_t g = optimize->first;
    while (g < optimize->bins.count && (g == optimize->first || bytes < ROUND_BYTES)) {
        const struct sl_rewrite_group *bin = &optimize->bins.groups[g++];
        for (uint32_t i = 0; i < bin->count; i++)
            bytes += optimize->bins.files[bin->first + i].file.bytes;
        /* behind a query's commit: what the time allows, piece by piece */
        if (optimize->what.deadline_ms) break;
    }
    return g;
}

static enum sl_code run_round(struct optimize *optimize, struct sl_err *err) {
    optimize->file_count = 0;
    enum sl_code code = rewrite_round(optimize, err);
    if (code == SL_OK) code = sync_dirs(optimize, err);
    int failure = code == SL_OK ? sl_fail_point("optimize.staged") : 0;
    if (failure) code = sl_fail_sys(err, failure, "could not commit the files of OPTIMIZE");
    if (code != SL_OK) {
        remove_files(optimize, ALL_GROUPS);
        return code;
    }
    return commit_round(optimize, err);
}

static bool is_late(const struct optimize *optimize) {
    return optimize->what.deadline_ms && sl_clock_wall_us() / 1000 >= optimize->what.deadline_ms;
}

static enum sl_code run_rounds(struct optimize *optimize, struct sl_err *err) {
    optimize->lost = SL_NEW_ARRAY(&optimize->arena, bool, optimize->bins.count + 1);
    memset(optimize->lost, 0, optimize->bins.count + 1);
    while (optimize->first < optimize->bins.count && !is_late(optimize)) {
        optimize->end = end_of_round(optimize);
        SL_TRY(run_round(optimize, err));
        optimize->first = optimize->end;
    }
    return SL_OK;
}

/* ---- begin ---- */

static void choose_sizes(struct optimize *optimize) {
    struct sl_optimize *what = &optimize->what;
    const struct sl_conn_env *env = optimize->call->env;
    const char *max_setting =
                   sl_delta_table_setting(env, "spark.databricks.delta.optimize.maxFileSize"),
               *min_setting =
                   sl_delta_table_setting(env, "spark.databricks.delta.optimize.minFileSize");
    int64_t bytes;
    if (what->target_bytes <= 0 && max_setting && sl_parse_bytes(sl_str(max_setting), &bytes))
        what->target_bytes = bytes;
    if (what->target_bytes <= 0)
        what->target_bytes =
            sl_delta_table_bytes(optimize->snapshot, "delta.targetFileSize", TARGET_BYTES);
    if (what->small_bytes <= 0 && min_setting && sl_parse_bytes(sl_str(min_setting), &bytes))
        what->small_bytes = bytes;
    if (what->small_bytes <= 0) what->small_bytes = what->target_bytes;
}

/* The scan reads file columns alone: partition values are passed on as they stand in the log. */
static enum sl_code open_scan(struct optimize *optimize, struct sl_err *err) {
    struct sl_arena *arena = &optimize->arena;
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(optimize->snapshot);
    const char *indexed =
        sl_delta_snapshot_property(optimize->snapshot, "delta.dataSkippingNumIndexedCols");
    enum { DEFAULT_INDEXED = 32 };
    int64_t number;
    SL_TRY(sl_delta_check_write(sl_delta_snapshot_protocol(optimize->snapshot), metadata, err));
    SL_TRY(sl_delta_columns_make(arena, metadata, &optimize->columns, err));
    uint32_t file_columns = optimize->columns.scan->field_count - optimize->columns.partition_count;
    optimize->file_schema = sl_type_struct(arena, optimize->columns.physical->fields, file_columns);
    optimize->scan = sl_table_scan_new(
        arena, &(struct sl_table_scan_config){.schema = optimize->file_schema,
                                              .widen = true,
                                              .session = optimize->call->env->session,
                                              .budget = optimize->call->env->budget});
    bool valid =
        indexed && sl_str_to_i64(sl_str(indexed), &number) && number >= -1 && number <= INT32_MAX;
    optimize->indexed_columns = valid ? (int32_t)number : DEFAULT_INDEXED;
    optimize->metrics.table_columns = optimize->columns.schema->field_count;
    return SL_OK;
}

static enum sl_code run(struct optimize *optimize, struct sl_err *err) {
    SL_TRY(open_scan(optimize, err));
    choose_sizes(optimize);
    SL_TRY(sl_delta_bins_plan(optimize->call, optimize->snapshot, &optimize->columns,
                              &optimize->what, &optimize->arena, &optimize->bins, err));
    optimize->metrics.considered = optimize->bins.considered;
    optimize->metrics.partitions = optimize->bins.partitions;
    return optimize->bins.count ? run_rounds(optimize, err) : SL_OK;
}

enum sl_code sl_delta_optimize(const struct sl_table_call *call, const struct sl_optimize *what,
                               struct sl_report *out, struct sl_err *err) {
    struct optimize optimize = {.call = call, .what = *what};
    optimize.metrics.start_ms = sl_clock_wall_us() / 1000;
    SL_TRY(sl_delta_table_open(call, &optimize.snapshot, err));
    optimize.dir = sl_delta_snapshot_dir(optimize.snapshot);
    sl_arena_init(&optimize.arena, "optimize");
    enum sl_code code = run(&optimize, err);
    optimize.metrics.end_ms = sl_clock_wall_us() / 1000;
    if (code == SL_OK)
        code =
            sl_optimize_report(&optimize.metrics, sl_str(optimize.dir), call->env->query, out, err);
    else
        sl_context(err, "OPTIMIZE of the Delta table `%s`", optimize.dir);
    free(optimize.files);
    sl_arena_release(&optimize.arena);
    sl_delta_snapshot_close(optimize.snapshot);
    return code;
}
