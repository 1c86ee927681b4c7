/* A materialized view's new rows take the place of its old files.
 *
 *   staged files durable
 *   .sluice-staging/view/0 written           the commit point: an intent, as of a stream
 *   _SUCCESS removed, then the old files
 *   each file renamed to its final name, directories synced
 *   _SUCCESS written
 *   intent and staging removed
 *
 * In front of the intent the old rows are untouched. Behind it all is redo, done by the next run of
 * the view before anything else; until then there is no _SUCCESS, and our own reader refuses the
 * directory. */
#include <stdlib.h>

#include "base/fail.h"
#include "conn/parquet/parquet_sink_int.h"
#include "conn/parquet/parquet_table.h"
#include "lake/place.h"

/* Of all views: a table has one writer, so one view. */
#define INTENT_DIR ".sluice-staging/view"
enum { INTENT_ID = 0 };

static const char *below(const struct sl_parquet_sink *sink, struct sl_arena *arena,
                         const char *relative) {
    return sl_path_join(arena, sink->table_dir, relative);
}

const char *sl_parquet_replace_dir(struct sl_arena *arena, const char *table_dir) {
    return sl_path_join(arena, table_dir, INTENT_DIR);
}

enum sl_code sl_parquet_replace_check(struct sl_arena *arena, const char *table_dir,
                                      struct sl_err *err) {
    struct sl_file_info info;
    table_dir = sl_arena_cstr(arena, sl_place_plain(sl_str(table_dir)));
    SL_TRY(sl_io_stat(sl_path_join(arena, table_dir, INTENT_DIR "/0"), &info, err));
    if (!info.exists) return sl_parquet_compact_check(arena, table_dir, err);
    sl_fail(err, SL_CONFLICT, "the rows of `%s` are being replaced by a materialized view",
            table_dir);
    return sl_hint(err, "wait until its run has ended; if that was killed, run its pipeline again, "
                        "which finishes it"),
           SL_CONFLICT;
}

static bool is_data(const char *name) {
    struct sl_str text = sl_str(name);
    if (name[0] == '.' || name[0] == '_') return false;
    return sl_str_ends(text, SL_STR(".parquet")) || sl_str_find(text, SL_STR("="), 0) != SIZE_MAX;
}

enum sl_code sl_parquet_replace_check_owner(struct sl_arena *arena, const char *table_dir,
                                            struct sl_err *err) {
    struct sl_file_info success, intent, dir;
    char **names;
    size_t count;
    SL_TRY(sl_io_stat(table_dir, &dir, err));
    SL_TRY(sl_io_stat(sl_path_join(arena, table_dir, "_SUCCESS"), &success, err));
    SL_TRY(sl_io_stat(sl_path_join(arena, table_dir, INTENT_DIR "/0"), &intent, err));
    if (!dir.exists || success.exists || intent.exists) return SL_OK;
    SL_TRY(sl_io_list_dir(table_dir, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!is_data(names[i])) continue;
        sl_fail(err, SL_USER,
                "`%s` has files that no materialized view wrote (`%s`; there is no `_SUCCESS`), "
                "and a view's rows replace all that is there",
                table_dir, names[i]);
        return sl_hint(err, "give the view a LOCATION of its own"), SL_USER;
    }
    return SL_OK;
}

/* ---- the old files ---- */

/* What a table's own files look like: LOCATION may be a directory that holds other things. */
static bool is_of_table(const char *name) {
    struct sl_str text = sl_str(name);
    if (name[0] == '.') return sl_str_ends(text, SL_STR(".crc"));
    return sl_str_ends(text, SL_STR(".parquet")) || sl_str_eq(text, SL_STR("_SUCCESS")) ||
           sl_str_find(text, SL_STR("="), 0) != SIZE_MAX;
}

/* Final names of the new files, sorted. */
struct kept {
    struct sl_str *names;
    size_t count;
};

static int compare_names(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

static struct kept keep_finals(struct sl_arena *arena, const struct sl_intent *intent) {
    struct kept kept = {SL_NEW_ARRAY(arena, struct sl_str, intent->count + 1), intent->count};
    for (size_t i = 0; i < intent->count; i++) kept.names[i] = intent->files[i].final;
    if (kept.count) qsort(kept.names, kept.count, sizeof *kept.names, compare_names);
    return kept;
}

/* Is the path, or something below it, one of the new files? */
static bool holds_kept(const struct kept *kept, struct sl_str path) {
    size_t low = 0, high = kept->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sl_str_cmp(kept->names[middle], path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* names such as "p=1-x" lie between "p=1" and "p=1/.." */
    for (; low < kept->count && sl_str_starts(kept->names[low], path); low++)
        if (kept->names[low].len == path.len || kept->names[low].ptr[path.len] == '/') return true;
    return false;
}

static enum sl_code remove_old_in(const struct sl_parquet_sink *sink, struct sl_arena *arena,
                                  const struct kept *kept, const char *dir, struct sl_err *err) {
    char **names;
    size_t count;
    const char *full = *dir ? below(sink, arena, dir) : sink->table_dir;
    SL_TRY(sl_io_list_dir(full, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_file_info info;
        const char *path = *dir ? sl_path_join(arena, dir, names[i]) : names[i];
        if (!*dir && !is_of_table(names[i])) continue;
        if (!holds_kept(kept, sl_str(path))) {
            int failure = sl_fail_point("replace.remove");
            if (failure) return sl_fail_sys(err, failure, "could not remove `%s/%s`", full, path);
            SL_TRY(sl_io_remove_tree(below(sink, arena, path), err));
            continue;
        }
        SL_TRY(sl_io_stat(below(sink, arena, path), &info, err));
        if (info.is_dir) SL_TRY(remove_old_in(sink, arena, kept, path, err));
    }
    return sl_io_sync_dir(full, err);
}

/* ---- replacing ---- */

static enum sl_code redo(struct sl_parquet_sink *sink, struct sl_arena *arena,
                         const struct sl_intent *intent, struct sl_err *err) {
    struct kept kept = keep_finals(arena, intent);
    SL_TRY(sl_io_unlink(below(sink, arena, "_SUCCESS"), err));
    SL_TRY(sl_io_sync_dir(sink->table_dir, err));
    SL_TRY(remove_old_in(sink, arena, &kept, "", err));
    SL_TRY(sl_parquet_publish(sink, arena, intent, err));
    SL_TRY(
        sl_io_put_atomic(sink->table_dir, "_SUCCESS", SL_STR(""), SL_PUT_REPLACE, "success", err));
    return sl_intent_remove(sink->intent_dir, INTENT_ID, err);
}

enum sl_code sl_parquet_replace(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                const struct sl_intent *intent, struct sl_err *err) {
    SL_TRY(sl_intent_write(sink->intent_dir, intent, err));
    SL_TRY(redo(sink, arena, intent, err));
    SL_TRY(sl_io_remove_tree(below(sink, arena, sink->staging), err));
    return sl_io_remove_tree(sink->intent_dir, err);
}

/* ---- what an earlier run left ---- */

static enum sl_code refuse_stream_table(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                        struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(below(sink, arena, "_spark_metadata"), &info, err));
    if (!info.exists) return SL_OK;
    sl_fail(err, SL_USER,
            "`%s` is the table of a streaming query; a materialized view would replace it",
            sink->table_dir);
    return sl_hint(err, "give the view a LOCATION of its own"), SL_USER;
}

static enum sl_code finish_earlier(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                   struct sl_err *err) {
    struct sl_intent intent;
    struct sl_err local = {0};
    bool found = false;
    enum sl_code code = sl_intent_read(sink->intent_dir, INTENT_ID, arena, &intent, &found, &local);
    if (code == SL_OK && found) code = redo(sink, arena, &intent, &local);
    /* damaged, or without its staged files: the view is computed again anyway */
    if (code == SL_DATA) {
        sl_log_event(sink->env->log, SL_LOG_WARN, SL_CAT_COMMIT,
                     "the last run of the view at `%s` was killed and cannot be finished: %s; "
                     "computing it again",
                     sink->table_dir, local.msg);
        return SL_OK;
    }
    if (code != SL_OK && err) *err = local;
    if (code == SL_OK && found)
        sl_log_event(sink->env->log, SL_LOG_INFO, SL_CAT_COMMIT,
                     "the last run of the view at `%s` was killed: published its %zu files",
                     sink->table_dir, intent.count);
    return code;
}

/* Staging of killed runs; that of a streaming query, whose name is a uuid, is not ours. */
static enum sl_code remove_leftovers(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                     struct sl_err *err) {
    char **names;
    size_t count;
    const char *dir = below(sink, arena, ".sluice-staging");
    SL_TRY(sl_io_make_dirs(dir, err));
    SL_TRY(sl_io_list_dir(dir, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++)
        if (sl_str_starts(sl_str(names[i]), SL_STR("view")))
            SL_TRY(sl_io_remove_tree(sl_path_join(arena, dir, names[i]), err));
    return SL_OK;
}

enum sl_code sl_parquet_replace_open(struct sl_parquet_sink *sink, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "view");
    enum sl_code code = refuse_stream_table(sink, &arena, err);
    if (code == SL_OK) code = finish_earlier(sink, &arena, err);
    if (code == SL_OK) code = remove_leftovers(sink, &arena, err);
    sl_arena_release(&arena);
    return code;
}
