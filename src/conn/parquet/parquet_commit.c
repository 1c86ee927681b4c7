/* How a batch becomes visible.
 *
 *   staged files durable
 *   intents/N written                        the commit point
 *   each file renamed to its final name, directories synced
 *   hash marker, then _spark_metadata/N
 *   (run writes commits/N)
 *   intent removed
 *
 * Everything behind the intent is redo: after a crash the next start does it again from the intent,
 * without computing anything.  Without an intent nothing was visible: the staging directory is
 * emptied and the batch run again. A batch query has no checkpoint: parquet_replace.c. */
#include <errno.h>
#include <stdlib.h>

#include "base/fail.h"
#include "conn/parquet/parquet_sink_int.h"

static const char *below(struct sl_parquet_sink *sink, struct sl_arena *arena,
                         const char *relative) {
    return sl_path_join(arena, sink->table_dir, relative);
}

/* Names that come from an intent file are slices of its text: not terminated. */
static const char *below_str(struct sl_parquet_sink *sink, struct sl_arena *arena,
                             struct sl_str relative) {
    return below(sink, arena, sl_arena_cstr(arena, relative));
}

void sl_parquet_sink_clear_files(struct sl_parquet_sink *sink) {
    for (size_t i = 0; i < sink->file_count; i++) {
        free(sink->files[i].staged);
        free(sink->files[i].final);
    }
    sink->file_count = 0;
}

static enum sl_code empty_staging(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                  struct sl_err *err) {
    char **names;
    size_t count;
    const char *dir = below(sink, arena, sink->staging);
    SL_TRY(sl_io_make_dirs(dir, err));
    SL_TRY(sl_io_list_dir(dir, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(sl_io_unlink(sl_path_join(arena, dir, names[i]), err));
    return SL_OK;
}

enum sl_code sl_parquet_prepare_staging(struct sl_parquet_sink *sink, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "staging");
    enum sl_code code = empty_staging(sink, &arena, err);
    sl_arena_release(&arena);
    sl_parquet_sink_clear_files(sink);
    return code;
}

/* ---- publishing (idempotent) ---- */

bool sl_parquet_is_inside(struct sl_str path) {
    if (path.len == 0 || path.ptr[0] == '/') return false;
    while (path.len) {
        size_t end = sl_str_find(path, SL_STR("/"), 0);
        struct sl_str part = end == SIZE_MAX ? path : sl_str_sub(path, 0, end);
        if (part.len == 0 || sl_str_eq(part, SL_STR("..")) || sl_str_eq(part, SL_STR(".")))
            return false;
        path = end == SIZE_MAX ? SL_STR("") : sl_str_sub(path, end + 1, path.len);
    }
    return true;
}

static enum sl_code lost(const char *path, int64_t batch_id, struct sl_err *err) {
    sl_fail(err, SL_DATA, "batch %lld was committed, but its file `%s` is gone",
            (long long)batch_id, path);
    return sl_hint(err, "somebody removed files of the table while a batch was being published; "
                        "restore the table from a backup"),
           SL_DATA;
}

static enum sl_code publish_one(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                const struct sl_intent_file *file, struct sl_err *err) {
    if (!sl_parquet_is_inside(file->staged) || !sl_parquet_is_inside(file->final))
        return sl_fail(err, SL_DATA, "intent of batch %lld names a file outside the table: `%.*s`",
                       (long long)sink->batch_id, SL_STR_ARG(file->final));
    const char *from = below_str(sink, arena, file->staged),
               *to = below_str(sink, arena, file->final);
    struct sl_file_info staged, final;
    SL_TRY(sl_io_stat(from, &staged, err));
    if (staged.exists && staged.bytes != file->bytes) return lost(from, sink->batch_id, err);
    if (staged.exists) {
        int failure = sl_fail_point("publish.rename");
        if (failure) return sl_fail_sys(err, failure, "could not rename `%s` to `%s`", from, to);
        return sl_io_rename(from, to, err);
    }
    SL_TRY(sl_io_stat(to, &final, err));
    return final.exists && final.bytes == file->bytes ? SL_OK : lost(to, sink->batch_id, err);
}

/* Distinct directories of the final names, sorted. */
static size_t collect_dirs(const struct sl_intent *intent, struct sl_str *dirs) {
    for (size_t i = 0; i < intent->count; i++) dirs[i] = intent->files[i].final;
    return sl_path_parents(dirs, intent->count);
}

static enum sl_code make_final_dirs(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                    const struct sl_intent *intent, struct sl_err *err) {
    struct sl_str *dirs = SL_NEW_ARRAY(arena, struct sl_str, intent->count + 1);
    size_t dir_count = collect_dirs(intent, dirs);
    for (size_t i = 0; i < dir_count; i++)
        SL_TRY(sl_io_make_dirs(below_str(sink, arena, dirs[i]), err));
    return SL_OK;
}

enum sl_code sl_parquet_publish(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                const struct sl_intent *intent, struct sl_err *err) {
    struct sl_str *dirs = SL_NEW_ARRAY(arena, struct sl_str, intent->count + 1);
    size_t dir_count = collect_dirs(intent, dirs);
    SL_TRY(make_final_dirs(sink, arena, intent, err));
    for (size_t i = 0; i < intent->count; i++)
        SL_TRY(publish_one(sink, arena, &intent->files[i], err));
    return sl_io_sync_dirs(sink->table_dir, dirs, dir_count, err);
}

/* The marker tells a later start which offsets batch N was made from; Spark ignores names that are
 * not numbers. */
static const char *marker_path(struct sl_parquet_sink *sink, struct sl_arena *arena,
                               int64_t batch_id, bool with_dir) {
    return sl_arena_printf(arena, "%s%s.%lld.sluice", with_dir ? sink->table_dir : "",
                           with_dir ? "/_spark_metadata/" : "", (long long)batch_id)
        .ptr;
}

static enum sl_code write_marker(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                 const struct sl_intent *intent, struct sl_err *err) {
    const char *dir = below(sink, arena, "_spark_metadata");
    struct sl_str text =
        sl_arena_printf(arena, "%016llx\n", (unsigned long long)intent->offsets_hash);
    SL_TRY(sl_io_make_dirs(dir, err));
    SL_TRY(sl_io_put_atomic(dir, marker_path(sink, arena, intent->batch_id, false), text,
                            SL_PUT_REPLACE, "marker", err));
    return sl_io_unlink(marker_path(sink, arena, intent->batch_id - 100, true), err);
}

static enum sl_code add_to_log(struct sl_parquet_sink *sink, struct sl_arena *arena,
                               const struct sl_intent *intent, struct sl_err *err) {
    if (sl_sink_log_last(sink->log) >= intent->batch_id) return SL_OK;
    struct sl_sink_file *files = SL_NEW_ARRAY(arena, struct sl_sink_file, intent->count + 1);
    for (size_t i = 0; i < intent->count; i++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(below_str(sink, arena, intent->files[i].final), &info, err));
        files[i] =
            (struct sl_sink_file){intent->files[i].final, intent->files[i].bytes, info.modified_ms};
    }
    return sl_sink_log_add(sink->log, intent->batch_id, files, intent->count, err);
}

static enum sl_code redo(struct sl_parquet_sink *sink, struct sl_arena *arena,
                         const struct sl_intent *intent, struct sl_err *err) {
    SL_TRY(sl_parquet_publish(sink, arena, intent, err));
    SL_TRY(write_marker(sink, arena, intent, err));
    return add_to_log(sink, arena, intent, err);
}

/* ---- commit ---- */

static void make_intent(struct sl_parquet_sink *sink, struct sl_arena *arena,
                        struct sl_intent *intent, struct sl_sink_metrics *metrics) {
    *intent = (struct sl_intent){sink->batch_id, sink->offsets_hash, NULL, sink->file_count};
    intent->files = SL_NEW_ARRAY(arena, struct sl_intent_file, sink->file_count + 1);
    *metrics = (struct sl_sink_metrics){.files = sink->file_count};
    for (size_t i = 0; i < sink->file_count; i++) {
        const struct sl_staged_file *file = &sink->files[i];
        intent->files[i] = (struct sl_intent_file){sl_str(file->staged), sl_str(file->final),
                                                   file->bytes, file->rows};
        metrics->rows += file->rows;
        metrics->bytes += file->bytes;
    }
    struct sl_str *dirs = SL_NEW_ARRAY(arena, struct sl_str, intent->count + 1);
    metrics->partitions = collect_dirs(intent, dirs);
}

static enum sl_code commit_streaming(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                     const struct sl_intent *intent, struct sl_err *err) {
    if (intent->count) SL_TRY(sl_io_sync_dir(below(sink, arena, sink->staging), err));
    /* a directory that cannot be made (path too long, no inode left) fails the batch while it still
     * can: behind the intent it would fail every restart */
    SL_TRY(make_final_dirs(sink, arena, intent, err));
    SL_TRY(sl_intent_write(sink->intent_dir, intent, err));
    return redo(sink, arena, intent, err);
}

static enum sl_code commit_batch(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                 const struct sl_intent *intent, struct sl_err *err) {
    if (intent->count) SL_TRY(sl_io_sync_dir(below(sink, arena, sink->staging), err));
    SL_TRY(make_final_dirs(sink, arena, intent, err));
    return sl_parquet_replace(sink, arena, intent, err);
}

enum sl_code sl_parquet_commit(struct sl_sink *base, struct sl_sink_metrics *metrics,
                               struct sl_err *err) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    struct sl_arena arena;
    struct sl_intent intent;
    sl_arena_init(&arena, "commit");
    make_intent(sink, &arena, &intent, metrics);
    enum sl_code code = sink->streaming ? commit_streaming(sink, &arena, &intent, err)
                                        : commit_batch(sink, &arena, &intent, err);
    if (code == SL_OK) sl_parquet_sink_clear_files(sink);
    sl_arena_release(&arena);
    return code;
}

void sl_parquet_abort(struct sl_sink *base) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    struct sl_arena arena;
    struct sl_intent intent;
    bool intended = false;
    sl_arena_init(&arena, "abort");
    /* behind its commit point a batch is not undone: the next start finishes it */
    if ((sl_intent_read(sink->intent_dir, sink->batch_id, &arena, &intent, &intended, NULL) !=
             SL_OK ||
         intended))
        intended = true;
    if (!intended) {
        struct sl_err ignored;
        enum sl_code code = empty_staging(sink, &arena, &ignored);
        (void)code; /* what stays is removed at the next start */
    }
    sl_arena_release(&arena);
    sl_parquet_sink_clear_files(sink);
}

enum sl_code sl_parquet_finish(struct sl_sink *base, int64_t batch_id, struct sl_err *err) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    return sink->streaming ? sl_intent_remove(sink->intent_dir, batch_id, err) : SL_OK;
}

/* ---- recovery ---- */

static enum sl_code ahead(const struct sl_parquet_sink *sink, int64_t last_planned,
                          struct sl_err *err) {
    long long last = (long long)sl_sink_log_last(sink->log);
    if (last_planned < 0) {
        sl_fail(
            err, SL_USER,
            "table `%s` already has batches 0 to %lld of another query, and this checkpoint is new",
            sink->table_dir, last);
        return sl_hint(err,
                       "use that query's checkpoint, or write to a new directory; going on would "
                       "lose batches 0 to %lld",
                       last),
               SL_USER;
    }
    sl_fail(err, SL_USER,
            "table `%s` has batch %lld, but the checkpoint has planned only up to batch %lld",
            sink->table_dir, last, (long long)last_planned);
    return sl_hint(err, "the checkpoint was restored from an older backup; restore table and "
                        "checkpoint from the same moment"),
           SL_USER;
}

/* Every committed batch is in the log, also of Spark's: a table that lacks one has lost rows. */
static enum sl_code behind(const struct sl_parquet_sink *sink, int64_t last_committed,
                           struct sl_err *err) {
    long long last = (long long)sl_sink_log_last(sink->log);
    sl_fail(err, SL_USER,
            "the checkpoint has committed batch %lld, but table `%s` ends at batch %lld",
            (long long)last_committed, sink->table_dir, last);
    return sl_hint(err, "the table was removed, moved or restored from an older backup; restore "
                        "table and checkpoint from the same moment, or begin both anew"),
           SL_USER;
}

/* Names that a kill left unsynced: what is decided from them must not outlive them. */
static enum sl_code sync_protocol_dirs(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                       struct sl_err *err) {
    const char *const dirs[] = {sink->intent_dir, below(sink, arena, "_spark_metadata")};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(dirs[i], &info, err));
        if (info.is_dir) SL_TRY(sl_io_sync_dir(dirs[i], err));
    }
    return SL_OK;
}

static bool is_listed(const struct sl_sink_file *files, size_t count, struct sl_str path) {
    for (size_t i = 0; i < count; i++)
        if (sl_str_eq(files[i].path, path)) return true;
    return false;
}

/* A batch that is in the table's log counts as the log says.  Our files for it that are not there
 * are of a batch that Spark, which knows no intents, ran again after our crash. */
static enum sl_code follow_log(struct sl_parquet_sink *sink, struct sl_arena *arena,
                               int64_t batch_id, struct sl_err *err) {
    struct sl_intent intent;
    struct sl_sink_file *files;
    size_t count;
    bool found;
    SL_TRY(sl_intent_read(sink->intent_dir, batch_id, arena, &intent, &found, err));
    if (!found) return SL_OK;
    SL_TRY(sl_sink_log_files(sink->log, arena, &files, &count, err));
    for (size_t i = 0; i < intent.count; i++)
        if (sl_parquet_is_inside(intent.files[i].final) &&
            !is_listed(files, count, intent.files[i].final))
            SL_TRY(sl_io_unlink(below_str(sink, arena, intent.files[i].final), err));
    return SL_OK;
}

/* Intents of batches that are in the log already; those of committed ones are done with. */
static enum sl_code settle_intents(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                   int64_t last_committed, struct sl_err *err) {
    char **names;
    size_t count;
    struct sl_err local = {0};
    enum sl_code code = sl_io_list_dir(sink->intent_dir, arena, &names, &count, &local);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK && err) *err = local;
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        int64_t id;
        if (!sl_str_to_i64(sl_str(names[i]), &id) || id > sl_sink_log_last(sink->log)) continue;
        code = follow_log(sink, arena, id, err);
        if (code == SL_OK && id <= last_committed)
            code = sl_intent_remove(sink->intent_dir, id, err);
    }
    return code;
}

static enum sl_code other_offsets(const struct sl_parquet_sink *sink, int64_t batch_id,
                                  struct sl_err *err) {
    sl_fail(
        err, SL_USER,
        "batch %lld of table `%s` was made from other offsets than offsets/%lld of this checkpoint",
        (long long)batch_id, sink->table_dir, (long long)batch_id);
    return sl_hint(err, "the checkpoint was restored from an older backup; restore table and "
                        "checkpoint from the same moment"),
           SL_USER;
}

/* Behind the commit point, in front of the log. */
static enum sl_code redo_planned(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                 const struct sl_intent *intent, struct sl_err *err) {
    long long id = (long long)intent->batch_id;
    sink->batch_id = intent->batch_id;
    int failure = sl_fail_point("recover.redo");
    if (failure) return sl_fail_sys(err, failure, "could not finish batch %lld", id);
    SL_TRY(redo(sink, arena, intent, err));
    sl_log_event(sink->env->log, SL_LOG_INFO, SL_CAT_COMMIT,
                 "batch %lld was committed before the stop: published its %zu files", id,
                 intent->count);
    return SL_OK;
}

static enum sl_code recover(struct sl_parquet_sink *sink, struct sl_arena *arena,
                            int64_t last_planned, uint64_t planned_hash, int64_t last_committed,
                            struct sl_err *err) {
    struct sl_intent intent;
    bool found = false;
    int64_t logged = sl_sink_log_last(sink->log);
    SL_TRY(sync_protocol_dirs(sink, arena, err));
    if (last_planned >= 0)
        SL_TRY(sl_intent_read(sink->intent_dir, last_planned, arena, &intent, &found, err));
    /* first of all: what follows renames and removes files */
    if (found && intent.offsets_hash != planned_hash) return other_offsets(sink, last_planned, err);
    if (found && last_committed < last_planned && logged < last_planned)
        SL_TRY(redo_planned(sink, arena, &intent, err));
    else
        SL_TRY(settle_intents(sink, arena, last_committed, err));
    SL_TRY(empty_staging(sink, arena, err));
    return sl_io_remove_temporaries(below(sink, arena, "_spark_metadata"), err);
}

enum sl_code sl_parquet_recover(struct sl_sink *base, int64_t last_planned, uint64_t planned_hash,
                                int64_t last_committed, struct sl_err *err) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    struct sl_arena arena;
    if (sl_sink_log_last(sink->log) > last_planned) return ahead(sink, last_planned, err);
    if (sl_sink_log_last(sink->log) < last_committed) return behind(sink, last_committed, err);
    sl_arena_init(&arena, "recover");
    enum sl_code code = recover(sink, &arena, last_planned, planned_hash, last_committed, err);
    if (code == SL_OK) code = sl_parquet_check_types(sink, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_parquet_is_committed(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                                     bool *committed, struct sl_err *err) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    *committed = sl_sink_log_last(sink->log) >= batch_id;
    if (!*committed) return SL_OK;
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "marker");
    /* a batch that Spark wrote has no marker: then its id has to do, as for Spark */
    enum sl_code code = sl_io_read_file(marker_path(sink, &arena, batch_id, true), 64, &text, NULL);
    char want[20];
    snprintf(want, sizeof want, "%016llx\n", (unsigned long long)offsets_hash);
    bool differs = code == SL_OK && strcmp(sl_buf_cstr(&text), want) != 0;
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return differs ? other_offsets(sink, batch_id, err) : SL_OK;
}
