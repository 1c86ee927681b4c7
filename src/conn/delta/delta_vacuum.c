/* VACUUM: files below the table that no version within the retention needs.  Kept are the files of
 * the newest version, those removed within the retention, their deletion vectors, everything
 * younger than the retention, and names with `_` or `.` in front (but for partition directories and
 * _change_data).
 *
 *   _delta_log/<v>.json      VACUUM START, what is about to go
 *   unlink ..                again and again the same: after a crash the next run does the rest
 *   _delta_log/<w>.json      VACUUM END
 *
 * Source: Spark VacuumCommand.scala; PROTOCOL.md "VACUUM". */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/delta/delta_info.h"
#include "conn/delta/delta_table.h"
#include "conn/delta/delta_tidy.h"
#include "conn/options.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/commit.h"
#include "lake/delta/deletion_vector.h"
#include "lake/delta/feature.h"
#include "table/sweep.h"

#define MS_PER_HOUR INT64_C(3600000)
enum { RETENTION_HOURS = 168, DRY_RUN_ROWS = 1000 };

struct vacuum {
    const struct sl_table_call *call;
    const struct sl_vacuum *what;
    const char *dir;
    char *real_dir;
    struct sl_delta_snapshot *snapshot;
    struct sl_arena arena;
    int64_t now_ms, default_ms, retention_ms;
    bool is_checked;
    struct sl_path_set kept;
    struct sl_buf path;
    struct sl_swept swept;
};

/* ---- the retention ---- */

static enum sl_code too_short(const struct vacuum *vacuum, struct sl_err *err) {
    sl_fail(err, SL_USER,
            "a retention of %.1f hours is shorter than the table's %.1f hours: files that readers, "
            "or writers that have not committed yet, need may be among those removed",
            (double)vacuum->retention_ms / (double)MS_PER_HOUR,
            (double)vacuum->default_ms / (double)MS_PER_HOUR);
    return sl_hint(err, "if nobody uses the table at this moment: -s spark.databricks.delta."
                        "retentionDurationCheck.enabled=false"),
           SL_USER;
}

static enum sl_code choose_retention(struct vacuum *vacuum, struct sl_err *err) {
    const char *property =
        sl_delta_snapshot_property(vacuum->snapshot, "delta.deletedFileRetentionDuration");
    const char *check =
        sl_conn_setting(vacuum->call->env, "spark.databricks.delta.retentionDurationCheck.enabled");
    vacuum->default_ms = RETENTION_HOURS * MS_PER_HOUR;
    if (property) SL_TRY(sl_delta_interval_parse(sl_str(property), &vacuum->default_ms, err));
    vacuum->retention_ms =
        vacuum->what->retention_ms >= 0 ? vacuum->what->retention_ms : vacuum->default_ms;
    vacuum->is_checked = !check || !sl_str_eq_nocase(sl_str(check), SL_STR("false"));
    if (vacuum->retention_ms < vacuum->default_ms && vacuum->is_checked)
        return too_short(vacuum, err);
    return SL_OK;
}

/* ---- what stays ---- */

/* A path that need not be relative: however it leads to a file of the table, the file stays. */
static void keep_absolute(struct vacuum *vacuum, const char *path) {
    size_t len = strlen(vacuum->real_dir);
    char *real = realpath(path, NULL);
    if (real && strncmp(real, vacuum->real_dir, len) == 0 && real[len] == '/')
        sl_path_set_add(&vacuum->kept, sl_str(real + len + 1));
    free(real);
}

static enum sl_code keep(struct vacuum *vacuum, const struct sl_delta_file *file,
                         struct sl_err *err) {
    bool outside;
    sl_buf_clear(&vacuum->path);
    SL_TRY(sl_delta_table_put_path(&vacuum->path, vacuum->dir, file->path, &outside, err));
    if (outside)
        keep_absolute(vacuum, sl_buf_cstr(&vacuum->path));
    else
        sl_path_set_add(&vacuum->kept, sl_buf_str(&vacuum->path));
    sl_buf_clear(&vacuum->path);
    SL_TRY(sl_deletion_vector_put_path(&vacuum->path, vacuum->dir, &file->vector, err));
    if (vacuum->path.len) keep_absolute(vacuum, sl_buf_cstr(&vacuum->path));
    return SL_OK;
}

static enum sl_code keep_live(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    return keep(ctx, file, err);
}

static enum sl_code keep_removed(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct vacuum *vacuum = ctx;
    if (file->modified_ms < vacuum->now_ms - vacuum->retention_ms) return SL_OK;
    return keep(vacuum, file, err);
}

/* DeltaTableUtils.isHiddenDirectory */
static bool is_own(void *ctx, struct sl_str name) {
    const struct vacuum *vacuum = ctx;
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(vacuum->snapshot);
    if (sl_str_starts(name, SL_STR("_delta_index")) || sl_str_starts(name, SL_STR("_change_data")))
        return true;
    for (uint32_t i = 0; i < metadata->partition_count; i++) {
        struct sl_str column = metadata->partition_columns[i];
        if (sl_str_starts(name, column) && name.len > column.len && name.ptr[column.len] == '=')
            return true;
    }
    return false;
}

static enum sl_code find(struct vacuum *vacuum, struct sl_err *err) {
    SL_TRY(sl_delta_snapshot_walk(
        vacuum->snapshot,
        &(struct sl_delta_walk){.live = keep_live, .removed = keep_removed, .ctx = vacuum}, err));
    if (sl_delta_snapshot_property(vacuum->snapshot, "delta.universalFormat.enabledFormats"))
        return sl_fail(err, SL_UNSUPPORTED,
                       "VACUUM of a table with delta.universalFormat.enabledFormats: its Iceberg "
                       "metadata lies among the files");
    struct sl_sweep sweep = {.dir = vacuum->dir,
                             .cutoff_ms = vacuum->now_ms - vacuum->retention_ms,
                             .kept = &vacuum->kept,
                             .is_own = is_own,
                             .ctx = vacuum};
    return sl_sweep_find(&sweep, &vacuum->arena, &vacuum->swept, err);
}

/* ---- what the log says of it ---- */

static enum sl_code say(struct vacuum *vacuum, const char *operation,
                        struct sl_delta_info *parameters, struct sl_delta_info *metrics,
                        struct sl_err *err) {
    struct sl_delta_commit commit = {.scope = SL_DELTA_BLIND};
    int64_t version;
    bool already;
    commit.info.operation = sl_str(operation);
    commit.info.isolation = SL_STR("SnapshotIsolation");
    commit.info.parameters = sl_delta_info_json(parameters);
    commit.info.metrics = sl_delta_info_json(metrics);
    SL_TRY(sl_delta_commit(vacuum->snapshot, &commit, &version, &already, err));
    sl_delta_tidy(vacuum->call->env, vacuum->snapshot, version);
    return SL_OK;
}

static enum sl_code say_start(struct vacuum *vacuum, struct sl_err *err) {
    struct sl_delta_info parameters = {&vacuum->arena}, metrics = {&vacuum->arena};
    sl_delta_info_put_bool(&parameters, "retentionCheckEnabled", vacuum->is_checked);
    sl_delta_info_put_number(&parameters, "defaultRetentionMillis", vacuum->default_ms);
    if (vacuum->what->retention_ms >= 0)
        sl_delta_info_put_number(&parameters, "specifiedRetentionMillis", vacuum->retention_ms);
    sl_delta_info_put_count(&metrics, "numFilesToDelete", vacuum->swept.file_count);
    sl_delta_info_put_count(&metrics, "sizeOfDataToDelete", vacuum->swept.bytes);
    return say(vacuum, "VACUUM START", &parameters, &metrics, err);
}

static enum sl_code say_end(struct vacuum *vacuum, bool failed, uint64_t files, uint64_t dirs,
                            struct sl_err *err) {
    struct sl_delta_info parameters = {&vacuum->arena}, metrics = {&vacuum->arena};
    sl_delta_info_put(&parameters, "status", failed ? SL_STR("FAILED") : SL_STR("COMPLETED"));
    sl_delta_info_put_count(&metrics, "numDeletedFiles", files);
    sl_delta_info_put_count(&metrics, "numVacuumedDirectories", dirs);
    return say(vacuum, "VACUUM END", &parameters, &metrics, err);
}

/* ---- */

static enum sl_code remove_all(struct vacuum *vacuum, struct sl_err *err) {
    struct sl_err ignored;
    uint64_t files, dirs;
    if (vacuum->swept.file_count + vacuum->swept.dir_count == 0) return SL_OK;
    SL_TRY(say_start(vacuum, err));
    enum sl_code code = sl_sweep_remove(vacuum->dir, &vacuum->swept, &files, &dirs, err);
    enum sl_code said = say_end(vacuum, code != SL_OK, files, dirs, code == SL_OK ? err : &ignored);
    return code == SL_OK ? said : code;
}

static enum sl_code tell(struct vacuum *vacuum, struct sl_report *out, struct sl_err *err) {
    const struct sl_vacuum *what = vacuum->what;
    struct sl_vec *paths = &out->batch.columns[0];
    for (size_t i = 0; i < vacuum->swept.file_count; i++) {
        struct sl_str path = sl_str(vacuum->swept.files[i].path);
        if (what->each) SL_TRY(what->each(what->ctx, path, err));
        if (!what->dry_run || i >= DRY_RUN_ROWS) continue;
        SL_TRY(sl_vec_put_str(paths, sl_str(sl_path_join(&vacuum->arena, vacuum->dir, path.ptr)),
                              err));
    }
    if (!what->dry_run) SL_TRY(sl_vec_put_str(paths, sl_str(vacuum->dir), err));
    out->batch.rows = out->batch.selected_rows = paths->rows;
    return SL_OK;
}

static enum sl_code run(struct vacuum *vacuum, struct sl_report *out, struct sl_err *err) {
    SL_TRY(sl_delta_check_write(sl_delta_snapshot_protocol(vacuum->snapshot),
                                sl_delta_snapshot_metadata(vacuum->snapshot), err));
    SL_TRY(choose_retention(vacuum, err));
    SL_TRY(find(vacuum, err));
    if (!vacuum->what->dry_run) SL_TRY(remove_all(vacuum, err));
    sl_report_init(out, vacuum->call->env->query, "path STRING");
    return tell(vacuum, out, err);
}

enum sl_code sl_delta_vacuum(const struct sl_table_call *call, const struct sl_vacuum *what,
                             struct sl_report *out, struct sl_err *err) {
    struct vacuum vacuum = {.call = call, .what = what, .now_ms = sl_clock_wall_us() / 1000};
    SL_TRY(sl_delta_table_open(call, &vacuum.snapshot, err));
    vacuum.dir = sl_delta_snapshot_dir(vacuum.snapshot);
    sl_arena_init(&vacuum.arena, "vacuum");
    vacuum.real_dir = realpath(vacuum.dir, NULL);
    enum sl_code code = vacuum.real_dir ? run(&vacuum, out, err)
                                        : sl_fail_sys(err, errno, "could not find the directory");
    if (code != SL_OK) sl_context(err, "VACUUM of the Delta table `%s`", vacuum.dir);
    free(vacuum.real_dir);
    sl_path_set_release(&vacuum.kept);
    sl_buf_release(&vacuum.path);
    sl_arena_release(&vacuum.arena);
    sl_delta_snapshot_close(vacuum.snapshot);
    return code;
}
