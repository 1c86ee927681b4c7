/* Small Parquet files become few.
 *
 *   new files durable in .sluice-staging/compact
 *   .sluice-staging/compact-intent/0          the commit point: new files, and the old ones
 *   with Spark's log:  new files get their names, <k>.compact of the log names them instead of the
 *                      old ones, the old ones are removed
 *   without:           group by group the old files are removed and the new one gets its name
 *   intent removed
 *
 * Behind the intent all is redo: the next compaction, vacuum or start of the query that writes the
 * table does the rest. A reader of the log sees one set or the other at any time.  Without a log,
 * rows are never there twice; while they are exchanged our own reader refuses the directory.
 *
 * Of a log only the files in its newest compaction are touched: that is one file, which can be
 * replaced at once; the batches behind it wait for the next. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "conn/parquet/parquet_sink_int.h"
#include "conn/parquet/parquet_table.h"
#include "fmt/parquet/parquet_read.h"
#include "lake/listing.h"
#include "lake/place.h"
#include "table/optimize_metrics.h"
#include "table/rewrite.h"

#define STAGING ".sluice-staging/compact"
#define INTENT_DIR ".sluice-staging/compact-intent"
enum {
    INTENT_ID = 0,
    LOG_INTERVAL = 10,
    TARGET_BYTES = 128 << 20,
    BUDGET_SHARE = 3,
};

struct candidate {
    struct sl_str path; /* relative */
    const char *full;
    uint64_t bytes, rows;
    int64_t modified_ms;
    size_t order; /* of listing */
    const struct sl_type *schema;
    struct sl_str schema_text;
};

struct new_file {
    struct sl_str staged, final;
    uint64_t bytes, rows;
    uint32_t group;
};

struct compact {
    const struct sl_table_call *call;
    struct sl_optimize what;
    const char *dir;
    struct sl_arena arena;
    struct sl_sink_log *log; /* NULL: the directory has none */
    int64_t log_batch;
    struct candidate *files;
    size_t file_count;
    struct sl_rewrite_group *groups;
    uint32_t group_count, base; /* base: the groups that are being rewritten begin there */
    struct new_file *made;
    size_t made_count, made_cap;
    struct sl_optimize_metrics metrics;
};

/* ---- redo ---- */

static bool is_old(const struct sl_intent_file *file) { return file->final.len == 0; }

static const char *full_path(struct sl_arena *arena, const char *dir, struct sl_str relative) {
    return sl_path_join(arena, dir, sl_arena_cstr(arena, relative));
}

static enum sl_code check_names(const struct sl_intent *intent, struct sl_err *err) {
    for (size_t i = 0; i < intent->count; i++) {
        const struct sl_intent_file *file = &intent->files[i];
        if (!sl_parquet_is_inside(file->staged) ||
            (!is_old(file) && !sl_parquet_is_inside(file->final)))
            return sl_fail(err, SL_DATA,
                           "the intent of a compaction names a file outside the "
                           "table: `%.*s`",
                           SL_STR_ARG(file->staged));
    }
    return SL_OK;
}

static enum sl_code sync_parent(struct sl_arena *arena, const char *dir, struct sl_str path,
                                struct sl_err *err) {
    struct sl_str parent = sl_path_parent(path);
    return sl_io_sync_dir(parent.len ? full_path(arena, dir, parent) : dir, err);
}

static enum sl_code name_new(struct sl_arena *arena, const char *dir,
                             const struct sl_intent_file *file, struct sl_err *err) {
    const char *from = full_path(arena, dir, file->staged),
               *to = full_path(arena, dir, file->final);
    struct sl_file_info staged, final;
    SL_TRY(sl_io_stat(from, &staged, err));
    SL_TRY(sl_io_stat(to, &final, err));
    if (!staged.exists && final.exists && final.bytes == file->bytes) return SL_OK;
    if (!staged.exists || staged.bytes != file->bytes) {
        sl_fail(err, SL_DATA, "a compaction was committed, but its file `%s` is gone", from);
        return sl_hint(err, "somebody removed files of the table; restore it from a backup"),
               SL_DATA;
    }
    int failure = sl_fail_point("compact.rename");
    if (failure) return sl_fail_sys(err, failure, "could not rename `%s` to `%s`", from, to);
    SL_TRY(sl_io_rename(from, to, err));
    return sync_parent(arena, dir, file->final, err);
}

static enum sl_code remove_old(struct sl_arena *arena, const char *dir,
                               const struct sl_intent_file *file, struct sl_err *err) {
    const char *path = full_path(arena, dir, file->staged);
    int failure = sl_fail_point("compact.remove");
    if (failure) return sl_fail_sys(err, failure, "could not remove `%s`", path);
    return sl_io_unlink(path, err);
}

static int compare_texts(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

/* The log's compaction without the old files and with the new ones; the same when it was done. */
static enum sl_code replace_in_log(struct sl_arena *arena, const char *dir,
                                   const struct sl_intent *intent, struct sl_err *err) {
    struct sl_sink_log *log;
    struct sl_sink_file *listed, *kept;
    struct sl_str *gone = SL_NEW_ARRAY(arena, struct sl_str, intent->count + 1);
    size_t listed_count, kept_count = 0, gone_count = 0;
    int64_t batch;
    SL_TRY(sl_sink_log_open(arena, dir, LOG_INTERVAL, &log, err));
    SL_TRY(sl_sink_log_compaction(log, arena, &batch, &listed, &listed_count, err));
    for (size_t i = 0; i < intent->count; i++) /* the new names too: they are added once */
        gone[gone_count++] =
            is_old(&intent->files[i]) ? intent->files[i].staged : intent->files[i].final;
    qsort(gone, gone_count, sizeof *gone, compare_texts);
    kept = SL_NEW_ARRAY(arena, struct sl_sink_file, listed_count + intent->count + 1);
    for (size_t i = 0; i < listed_count; i++)
        if (!bsearch(&listed[i].path, gone, gone_count, sizeof *gone, compare_texts))
            kept[kept_count++] = listed[i];
    for (size_t i = 0; i < intent->count; i++) {
        const struct sl_intent_file *file = &intent->files[i];
        struct sl_file_info info;
        if (is_old(file)) continue;
        SL_TRY(sl_io_stat(full_path(arena, dir, file->final), &info, err));
        kept[kept_count++] = (struct sl_sink_file){file->final, file->bytes, info.modified_ms};
    }
    return sl_sink_log_replace(log, batch, kept, kept_count, err);
}

static enum sl_code redo_with_log(struct sl_arena *arena, const char *dir,
                                  const struct sl_intent *intent, struct sl_err *err) {
    SL_TRY(sl_io_remove_temporaries(sl_path_join(arena, dir, "_spark_metadata"), err));
    for (size_t i = 0; i < intent->count; i++)
        if (!is_old(&intent->files[i])) SL_TRY(name_new(arena, dir, &intent->files[i], err));
    SL_TRY(replace_in_log(arena, dir, intent, err));
    for (size_t i = 0; i < intent->count; i++)
        if (is_old(&intent->files[i])) SL_TRY(remove_old(arena, dir, &intent->files[i], err));
    return SL_OK;
}

/* The intent lists a group's old files in front of its new ones. */
static enum sl_code redo_plain(struct sl_arena *arena, const char *dir,
                               const struct sl_intent *intent, struct sl_err *err) {
    for (size_t i = 0; i < intent->count; i++) {
        const struct sl_intent_file *file = &intent->files[i];
        if (!is_old(file))
            SL_TRY(name_new(arena, dir, file, err));
        else
            SL_TRY(remove_old(arena, dir, file, err));
        bool ends = is_old(file) && (i + 1 == intent->count || !is_old(&intent->files[i + 1]));
        if (ends) SL_TRY(sync_parent(arena, dir, file->staged, err));
    }
    return SL_OK;
}

static enum sl_code redo(struct sl_arena *arena, const char *dir, const struct sl_intent *intent,
                         struct sl_err *err) {
    bool has_log;
    SL_TRY(check_names(intent, err));
    SL_TRY(sl_parquet_table_has_log(arena, dir, &has_log, err));
    SL_TRY(has_log ? redo_with_log(arena, dir, intent, err) : redo_plain(arena, dir, intent, err));
    SL_TRY(sl_intent_remove(sl_path_join(arena, dir, INTENT_DIR), INTENT_ID, err));
    SL_TRY(sl_io_remove_tree(sl_path_join(arena, dir, INTENT_DIR), err));
    return sl_io_remove_tree(sl_path_join(arena, dir, STAGING), err);
}

enum sl_code sl_parquet_compact_finish(const char *dir, const struct sl_log *log,
                                       struct sl_err *err) {
    struct sl_arena arena;
    struct sl_intent intent;
    bool found;
    sl_arena_init(&arena, "compaction");
    enum sl_code code = sl_intent_read(sl_path_join(&arena, dir, INTENT_DIR), INTENT_ID, &arena,
                                       &intent, &found, err);
    if (code == SL_OK && found) {
        code = redo(&arena, dir, &intent, err);
        if (code == SL_OK)
            sl_log_event(log, SL_LOG_INFO, SL_CAT_COMMIT,
                         "a compaction of `%s` was committed before the stop: finished it", dir);
    } else if (code == SL_OK) { /* what a kill in front of the commit point left */
        code = sl_io_remove_tree(sl_path_join(&arena, dir, STAGING), err);
        if (code == SL_OK) code = sl_io_remove_tree(sl_path_join(&arena, dir, INTENT_DIR), err);
    }
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_parquet_compact_check(struct sl_arena *arena, const char *dir, struct sl_err *err) {
    struct sl_file_info info;
    bool has_log;
    SL_TRY(sl_io_stat(sl_path_join(arena, dir, INTENT_DIR "/0"), &info, err));
    if (!info.exists) return SL_OK;
    SL_TRY(sl_parquet_table_has_log(arena, dir, &has_log, err));
    if (has_log) return SL_OK;
    sl_fail(err, SL_CONFLICT, "the files of `%s` are being compacted", dir);
    return sl_hint(err,
                   "wait until it is done; if it was killed, run `sluice table compact %s`, "
                   "which finishes it",
                   dir),
           SL_CONFLICT;
}

/* ---- candidates ---- */

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

/* Files are put together only when their columns are the same. */
static enum sl_code read_footer(struct compact *compact, struct candidate *file,
                                struct sl_err *err) {
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    struct sl_buf text = {0};
    SL_TRY(sl_file_reader_open(file->full, &bytes, err));
    enum sl_code code = sl_parquet_reader_open(read_bytes, bytes, sl_file_reader_bytes(bytes),
                                               compact->call->env->budget, &parquet, err);
    if (code == SL_OK) {
        file->rows = sl_parquet_reader_rows(parquet);
        sl_type_put_json(&text, sl_parquet_reader_schema(parquet));
        file->schema_text = sl_arena_str(&compact->arena, sl_buf_str(&text));
        sl_parquet_reader_close(parquet);
    } else {
        sl_context(err, "file `%s`", file->full);
    }
    sl_buf_release(&text);
    sl_file_reader_close(bytes);
    return code;
}

static enum sl_code add_candidate(struct compact *compact, struct sl_str path, const char *full,
                                  uint64_t bytes, struct sl_err *err) {
    struct sl_file_info info;
    if (bytes >= (uint64_t)compact->what.small_bytes || !sl_str_ends(path, SL_STR(".parquet")) ||
        !sl_parquet_is_inside(path))
        return SL_OK;
    SL_TRY(sl_io_stat(full, &info, err));
    if (!info.exists || info.bytes != bytes) return SL_OK;
    struct candidate *file = &compact->files[compact->file_count];
    *file = (struct candidate){.path = path,
                               .full = full,
                               .bytes = bytes,
                               .modified_ms = info.modified_ms,
                               .order = compact->file_count};
    SL_TRY(read_footer(compact, file, err));
    compact->file_count++;
    return SL_OK;
}

static enum sl_code list_log(struct compact *compact, struct sl_err *err) {
    struct sl_arena *arena = &compact->arena;
    struct sl_sink_file *files;
    size_t count;
    SL_TRY(sl_sink_log_compaction(compact->log, arena, &compact->log_batch, &files, &count, err));
    compact->files = SL_NEW_ARRAY(arena, struct candidate, count + 1);
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_candidate(compact, files[i].path, full_path(arena, compact->dir, files[i].path),
                             files[i].bytes, err));
    return SL_OK;
}

static enum sl_code list_dir(struct compact *compact, struct sl_err *err) {
    struct sl_listing listing;
    size_t len = strlen(compact->dir);
    SL_TRY(sl_listing_make(&compact->arena, sl_str(compact->dir), false, &listing, err));
    compact->files = SL_NEW_ARRAY(&compact->arena, struct candidate, listing.count + 1);
    for (size_t i = 0; i < listing.count; i++) {
        const char *full = listing.files[i].path;
        if (strncmp(full, compact->dir, len) != 0 || full[len] != '/') continue;
        SL_TRY(add_candidate(compact, sl_str(full + len + 1), full, listing.files[i].bytes, err));
    }
    return SL_OK;
}

/* ---- groups ---- */

static int compare_candidates(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    int order = sl_str_cmp(x->schema_text, y->schema_text);
    if (!order) order = sl_str_cmp(sl_path_parent(x->path), sl_path_parent(y->path));
    if (order) return order;
    if (x->modified_ms != y->modified_ms) return x->modified_ms < y->modified_ms ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static bool go_together(const struct candidate *a, const struct candidate *b) {
    return sl_str_eq(a->schema_text, b->schema_text) &&
           sl_str_eq(sl_path_parent(a->path), sl_path_parent(b->path));
}

static void plan_groups(struct compact *compact) {
    struct candidate *files = compact->files;
    if (compact->file_count) qsort(files, compact->file_count, sizeof *files, compare_candidates);
    compact->groups =
        SL_NEW_ARRAY(&compact->arena, struct sl_rewrite_group, compact->file_count + 1);
    for (size_t first = 0, end; first < compact->file_count; first = end) {
        uint64_t bytes = files[first].bytes;
        for (end = first + 1; end < compact->file_count && go_together(&files[first], &files[end]);
             end++) {
            bytes += files[end].bytes;
            if (bytes > (uint64_t)compact->what.target_bytes) break;
        }
        if (end - first < 2) continue;
        compact->groups[compact->group_count++] = (struct sl_rewrite_group){
            (uint32_t)first, (uint32_t)(end - first),
            sl_arena_cstr(&compact->arena, sl_path_parent(files[first].path))};
    }
}

/* ---- rewriting ---- */

static enum sl_code open_input(void *ctx, uint32_t input, struct sl_scan_file *out, void **handle,
                               struct sl_err *err) {
    const struct compact *compact = ctx;
    (void)handle, (void)err;
    *out = (struct sl_scan_file){.path = compact->files[input].full,
                                 .bytes = compact->files[input].bytes};
    return SL_OK;
}

static void close_input(void *ctx, void *handle) { (void)ctx, (void)handle; }

static enum sl_code keep_file(void *ctx, uint32_t group, const struct sl_data_file *file,
                              struct sl_err *err) {
    struct compact *compact = ctx;
    (void)err;
    if (compact->made_count == compact->made_cap) {
        compact->made_cap = compact->made_cap ? compact->made_cap * 2 : 16;
        compact->made = sl_xrealloc(compact->made, compact->made_cap * sizeof *compact->made);
    }
    compact->made[compact->made_count++] =
        (struct new_file){sl_arena_str(&compact->arena, sl_str(file->staged)),
                          sl_arena_str(&compact->arena, sl_str(file->final)), file->bytes,
                          file->rows, compact->base + group};
    return SL_OK;
}

static bool is_stopping(void *ctx) {
    const struct sl_conn_env *env = ((struct compact *)ctx)->call->env;
    return env->stopping && env->stopping(env->stop_ctx);
}

/* Groups base .. end have the same columns. */
static enum sl_code rewrite_groups(struct compact *compact, uint32_t end, struct sl_err *err) {
    const struct sl_conn_env *env = compact->call->env;
    const struct candidate *first = &compact->files[compact->groups[compact->base].first];
    const struct sl_type *schema;
    SL_TRY(sl_type_parse_json(&compact->arena, first->schema_text, &schema, err));
    struct sl_rewrite rewrite = {.table_dir = compact->dir,
                                 .staging = STAGING,
                                 .file_schema = schema,
                                 .budget = env->budget,
                                 .open_input = open_input,
                                 .close_input = close_input,
                                 .closed = keep_file,
                                 .stopping = is_stopping,
                                 .ctx = compact};
    rewrite.scan = sl_table_scan_new(
        &compact->arena, &(struct sl_table_scan_config){
                             .schema = schema, .session = env->session, .budget = env->budget});
    sl_rewrite_choose_encoding(&rewrite, first->path,
                               sl_conn_setting(env, "spark.sql.parquet.compression.codec"),
                               compact->call->pool, BUDGET_SHARE);
    return sl_rewrite_run(&rewrite, compact->call->pool, compact->groups + compact->base,
                          end - compact->base, err);
}

static enum sl_code rewrite_all(struct compact *compact, struct sl_err *err) {
    for (uint32_t end; compact->base < compact->group_count; compact->base = end) {
        struct sl_str text = compact->files[compact->groups[compact->base].first].schema_text;
        for (end = compact->base + 1;
             end < compact->group_count &&
             sl_str_eq(text, compact->files[compact->groups[end].first].schema_text);
             end++) {
        }
        SL_TRY(rewrite_groups(compact, end, err));
    }
    return SL_OK;
}

/* ---- the commit ---- */

static enum sl_code make_intent(struct compact *compact, struct sl_intent *out,
                                struct sl_err *err) {
    *out = (struct sl_intent){.batch_id = INTENT_ID};
    out->files = SL_NEW_ARRAY(&compact->arena, struct sl_intent_file,
                              compact->file_count + compact->made_count + 1);
    for (uint32_t g = 0; g < compact->group_count; g++) {
        const struct sl_rewrite_group *group = &compact->groups[g];
        uint64_t old_rows = 0, new_rows = 0;
        for (uint32_t i = group->first; i < group->first + group->count; i++) {
            const struct candidate *file = &compact->files[i];
            out->files[out->count++] = (struct sl_intent_file){.staged = file->path,
                                                               .final = SL_STR(""),
                                                               .bytes = file->bytes,
                                                               .rows = file->rows};
            sl_file_sizes_add(&compact->metrics.removed, file->bytes);
            old_rows += file->rows;
        }
        for (size_t i = 0; i < compact->made_count; i++) {
            const struct new_file *file = &compact->made[i];
            if (file->group != g) continue;
            out->files[out->count++] =
                (struct sl_intent_file){file->staged, file->final, file->bytes, file->rows};
            sl_file_sizes_add(&compact->metrics.added, file->bytes);
            new_rows += file->rows;
        }
        if (old_rows != new_rows)
            return sl_fail(err, SL_DATA,
                           "the small files in `%s/%s` have %llu rows by their footers, but %llu "
                           "were read",
                           compact->dir, group->dir, (unsigned long long)old_rows,
                           (unsigned long long)new_rows);
    }
    return SL_OK;
}

/* Nobody may have touched the old files since they were read. */
static enum sl_code check_unchanged(const struct compact *compact, struct sl_err *err) {
    for (uint32_t g = 0; g < compact->group_count; g++)
        for (uint32_t i = 0; i < compact->groups[g].count; i++) {
            struct sl_file_info info;
            const struct candidate *file = &compact->files[compact->groups[g].first + i];
            SL_TRY(sl_io_stat(file->full, &info, err));
            if (info.exists && info.bytes == file->bytes && info.modified_ms == file->modified_ms)
                continue;
            sl_fail(err, SL_CONFLICT, "`%s` changed while it was compacted", file->full);
            return sl_hint(err, "somebody else writes to the directory: compact it when he has "
                                "ended"),
                   SL_CONFLICT;
        }
    return SL_OK;
}

static enum sl_code commit(struct compact *compact, struct sl_err *err) {
    struct sl_intent intent;
    struct sl_arena *arena = &compact->arena;
    SL_TRY(make_intent(compact, &intent, err));
    SL_TRY(sl_io_sync_dir(sl_path_join(arena, compact->dir, STAGING), err));
    SL_TRY(check_unchanged(compact, err));
    int failure = sl_fail_point("compact.staged");
    if (failure) return sl_fail_sys(err, failure, "could not commit the compaction");
    SL_TRY(sl_intent_write(sl_path_join(arena, compact->dir, INTENT_DIR), &intent, err));
    return redo(arena, compact->dir, &intent, err);
}

/* ---- begin ---- */

/* Spark takes no lock: its query could write a compaction of its log from what it read before. */
static enum sl_code check_writer(struct compact *compact, struct sl_err *err) {
    struct sl_file_info marker;
    int64_t last = sl_sink_log_last(compact->log);
    if (last < 0 || compact->what.writer_stopped) return SL_OK;
    const char *path = sl_arena_printf(&compact->arena, "%s/_spark_metadata/.%lld.sluice",
                                       compact->dir, (long long)last)
                           .ptr;
    SL_TRY(sl_io_stat(path, &marker, err));
    if (marker.exists) return SL_OK;
    sl_fail(
        err, SL_CONFLICT,
        "batch %lld of `%s` was written by Spark, which takes no lock: if its query runs, files "
        "would get lost",
        (long long)last, compact->dir);
    return sl_hint(err, "stop the query and say so: --writer-stopped"), SL_CONFLICT;
}

static enum sl_code open_table(struct compact *compact, struct sl_err *err) {
    bool has_log;
    struct sl_arena *arena = &compact->arena;
    SL_TRY(sl_parquet_compact_finish(compact->dir, compact->call->env->log, err));
    SL_TRY(sl_parquet_replace_check(arena, compact->dir, err));
    SL_TRY(sl_parquet_table_has_log(arena, compact->dir, &has_log, err));
    if (!has_log) return list_dir(compact, err);
    SL_TRY(sl_sink_log_open(arena, compact->dir, LOG_INTERVAL, &compact->log, err));
    SL_TRY(check_writer(compact, err));
    return list_log(compact, err);
}

static void count_partitions(struct compact *compact) {
    const char *last = NULL;
    for (uint32_t g = 0; g < compact->group_count; g++) {
        compact->metrics.partitions += !last || strcmp(last, compact->groups[g].dir) != 0;
        last = compact->groups[g].dir;
    }
}

static enum sl_code run(struct compact *compact, struct sl_err *err) {
    if (compact->what.condition)
        return sl_fail(err, SL_UNSUPPORTED,
                       "OPTIMIZE .. WHERE of a directory of Parquet files is not supported; it is "
                       "for Delta tables");
    if (compact->what.target_bytes <= 0) compact->what.target_bytes = TARGET_BYTES;
    if (compact->what.small_bytes <= 0) compact->what.small_bytes = compact->what.target_bytes;
    SL_TRY(open_table(compact, err));
    plan_groups(compact);
    compact->metrics.considered = compact->file_count;
    if (compact->group_count == 0) return SL_OK;
    SL_TRY(sl_io_make_dirs(sl_path_join(&compact->arena, compact->dir, STAGING), err));
    SL_TRY(rewrite_all(compact, err));
    count_partitions(compact);
    compact->metrics.batches = 1;
    return commit(compact, err);
}

static enum sl_code run_locked(struct compact *compact, struct sl_err *err) {
    struct sl_lock *lock;
    struct sl_file_info info, intent;
    SL_TRY(sl_io_stat(compact->dir, &info, err));
    if (!info.exists || !info.is_dir)
        return sl_fail(err, SL_USER, "`%s` is not a directory", compact->dir);
    SL_TRY(sl_place_check_parquet(&compact->arena, sl_str(compact->dir), err));
    SL_TRY(sl_parquet_table_lock(compact->dir, &lock, err));
    enum sl_code code = run(compact, err);
    const char *path = sl_path_join(&compact->arena, compact->dir, INTENT_DIR "/0");
    /* in front of the commit point nothing stays */
    if (code != SL_OK && sl_io_stat(path, &intent, NULL) == SL_OK && !intent.exists) {
        struct sl_err ignored;
        enum sl_code removed =
            sl_io_remove_tree(sl_path_join(&compact->arena, compact->dir, STAGING), &ignored);
        (void)removed;
    }
    sl_lock_free(lock);
    return code;
}

enum sl_code sl_parquet_compact(const struct sl_table_call *call, const struct sl_optimize *what,
                                struct sl_report *out, struct sl_err *err) {
    struct compact compact = {.call = call, .what = *what, .log_batch = -1};
    compact.metrics.start_ms = sl_clock_wall_us() / 1000;
    sl_arena_init(&compact.arena, "compaction");
    compact.dir = sl_parquet_table_dir(&compact.arena, call->path);
    enum sl_code code = run_locked(&compact, err);
    compact.metrics.end_ms = sl_clock_wall_us() / 1000;
    if (code == SL_OK)
        code =
            sl_optimize_report(&compact.metrics, sl_str(compact.dir), call->env->query, out, err);
    else
        sl_context(err, "compaction of `%s`", compact.dir);
    free(compact.made);
    sl_arena_release(&compact.arena);
    return code;
}
