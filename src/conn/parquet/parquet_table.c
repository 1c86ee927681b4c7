/* What a directory of Parquet files is, and VACUUM of one that has Spark's log. */
#include "conn/parquet/parquet_table.h"

#include <stdlib.h>

#include "base/clock.h"
#include "conn/options.h"
#include "lake/listing.h"
#include "lake/place.h"
#include "lake/sink_log.h"
#include "table/sweep.h"

#define MS_PER_HOUR INT64_C(3600000)
enum { RETENTION_HOURS = 168, LOG_INTERVAL = 10, DRY_RUN_ROWS = 1000 };

const char *sl_parquet_table_dir(struct sl_arena *arena, struct sl_str path) {
    return sl_arena_cstr(arena, sl_place_plain(path));
}

enum sl_code sl_parquet_table_lock(const char *dir, struct sl_lock **out, struct sl_err *err) {
    enum sl_code code = sl_lock_take(dir, ".sluice.lock", out, err);
    if (code != SL_CONFLICT) return code;
    sl_context(err, "a query is writing to the table `%s`", dir);
    return sl_hint(err, "stop the query, or wait until it has ended"), code;
}

enum sl_code sl_parquet_table_has_log(struct sl_arena *arena, const char *dir, bool *has_log,
                                      struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(sl_path_join(arena, dir, "_spark_metadata"), &info, err));
    *has_log = info.is_dir;
    return SL_OK;
}

/* ---- files ---- */

static struct sl_str below(const char *dir, const char *path) {
    size_t len = strlen(dir);
    bool inside = strncmp(path, dir, len) == 0 && path[len] == '/';
    return sl_str(inside ? path + len + 1 : path);
}

static enum sl_code files(const struct sl_table_call *call, sl_table_file_fn each, void *ctx,
                          struct sl_err *err) {
    struct sl_listing listing;
    struct sl_arena *arena = call->env->query;
    const char *dir = sl_parquet_table_dir(arena, call->path);
    SL_TRY(sl_place_check_parquet(arena, call->path, err));
    SL_TRY(sl_listing_make(arena, sl_str(dir), false, &listing, err));
    for (size_t i = 0; i < listing.count; i++) {
        struct sl_file_info info;
        struct sl_str path = below(dir, listing.files[i].path);
        SL_TRY(sl_io_stat(listing.files[i].path, &info, err));
        struct sl_table_file told = {.path = path,
                                     .partition = sl_path_parent(path),
                                     .bytes = (int64_t)listing.files[i].bytes,
                                     .rows = -1,
                                     .modified_ms = info.modified_ms};
        SL_TRY(each(ctx, &told, err));
    }
    return SL_OK;
}

/* ---- detail ---- */

static void put_detail(struct sl_buf *out, const char *dir, const struct sl_listing *listing,
                       int64_t modified_ms) {
    uint64_t bytes = 0;
    char *absolute = realpath(dir, NULL);
    for (size_t i = 0; i < listing->count; i++) bytes += listing->files[i].bytes;
    sl_buf_put_cstr(out, "{\"format\":\"parquet\",\"location\":");
    struct sl_buf location = {0};
    sl_buf_printf(&location, "file:%s", absolute ? absolute : dir);
    sl_json_put_string(out, sl_buf_str(&location));
    sl_buf_put_cstr(out, ",\"partitionColumns\":[");
    for (uint32_t i = 0; i < listing->partition_count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, listing->partitions[i].name);
    }
    sl_buf_printf(out, "],\"numFiles\":%zu,\"sizeInBytes\":%llu,\"properties\":{}", listing->count,
                  (unsigned long long)bytes);
    if (modified_ms) sl_buf_printf(out, ",\"lastModified\":%lld", (long long)modified_ms);
    sl_buf_put_byte(out, '}');
    sl_buf_release(&location);
    free(absolute);
}

static enum sl_code detail(const struct sl_table_call *call, struct sl_report *out,
                           struct sl_err *err) {
    struct sl_listing listing;
    struct sl_arena *arena = call->env->query;
    struct sl_buf row = {0};
    int64_t modified_ms = 0;
    const char *dir = sl_parquet_table_dir(arena, call->path);
    SL_TRY(sl_place_check_parquet(arena, call->path, err));
    SL_TRY(sl_listing_make(arena, sl_str(dir), false, &listing, err));
    for (size_t i = 0; i < listing.count; i++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(listing.files[i].path, &info, err));
        if (info.modified_ms > modified_ms) modified_ms = info.modified_ms;
    }
    sl_report_init(out, arena, sl_detail_columns);
    put_detail(&row, dir, &listing, modified_ms);
    enum sl_code code = sl_report_add_text(out, sl_buf_str(&row), err);
    sl_buf_release(&row);
    return code;
}

/* ---- vacuum ---- */

static enum sl_code check_retention(const struct sl_table_call *call, int64_t retention_ms,
                                    struct sl_err *err) {
    const struct sl_conn_env *env = call->env;
    const char *check =
        sl_conn_setting(env, "spark.databricks.delta.retentionDurationCheck.enabled");
    if (retention_ms >= RETENTION_HOURS * MS_PER_HOUR ||
        (check && sl_str_eq_nocase(sl_str(check), SL_STR("false"))))
        return SL_OK;
    sl_fail(err, SL_USER,
            "a retention of %.1f hours is shorter than %d hours: files that a batch has written "
            "and not committed yet may be among those removed",
            (double)retention_ms / (double)MS_PER_HOUR, RETENTION_HOURS);
    return sl_hint(err, "if nobody uses the table at this moment: -s spark.databricks.delta."
                        "retentionDurationCheck.enabled=false"),
           SL_USER;
}

static enum sl_code find(struct sl_arena *arena, const char *dir, int64_t retention_ms,
                         struct sl_swept *out, struct sl_err *err) {
    struct sl_sink_log *log;
    struct sl_sink_file *listed;
    struct sl_path_set kept = {0};
    size_t count, parquet = 0;
    SL_TRY(sl_sink_log_open(arena, dir, LOG_INTERVAL, &log, err));
    SL_TRY(sl_sink_log_files(log, arena, &listed, &count, err));
    for (size_t i = 0; i < count; i++) sl_path_set_add(&kept, listed[i].path);
    struct sl_sweep sweep = {
        .dir = dir, .cutoff_ms = sl_clock_wall_us() / 1000 - retention_ms, .kept = &kept};
    enum sl_code code = sl_sweep_find(&sweep, arena, out, err);
    /* what is no Parquet file is somebody else's */
    out->bytes = 0;
    for (size_t i = 0; i < out->file_count; i++) {
        if (!sl_str_ends(sl_str(out->files[i].path), SL_STR(".parquet"))) continue;
        out->bytes += out->files[i].bytes;
        out->files[parquet++] = out->files[i];
    }
    out->file_count = parquet;
    sl_path_set_release(&kept);
    return code;
}

static enum sl_code tell(const char *dir, const struct sl_vacuum *what,
                         const struct sl_swept *swept, struct sl_arena *arena,
                         struct sl_report *out, struct sl_err *err) {
    struct sl_vec *paths = &out->batch.columns[0];
    for (size_t i = 0; i < swept->file_count; i++) {
        if (what->each) SL_TRY(what->each(what->ctx, sl_str(swept->files[i].path), err));
        if (what->dry_run && i < DRY_RUN_ROWS)
            SL_TRY(
                sl_vec_put_str(paths, sl_str(sl_path_join(arena, dir, swept->files[i].path)), err));
    }
    if (!what->dry_run) SL_TRY(sl_vec_put_str(paths, sl_str(dir), err));
    out->batch.rows = out->batch.selected_rows = paths->rows;
    return SL_OK;
}

static enum sl_code refuse_plain(const char *dir, struct sl_err *err) {
    sl_fail(err, SL_UNSUPPORTED,
            "`%s` has no `_spark_metadata`: every file in it is part of the table", dir);
    return sl_hint(err, "VACUUM is for Delta tables and for tables of streaming queries"),
           SL_UNSUPPORTED;
}

static enum sl_code sweep_locked(const struct sl_table_call *call, const char *dir,
                                 const struct sl_vacuum *what, struct sl_report *out,
                                 struct sl_err *err) {
    struct sl_arena *arena = call->env->query;
    struct sl_swept swept;
    uint64_t removed_files, removed_dirs;
    int64_t retention_ms =
        what->retention_ms >= 0 ? what->retention_ms : RETENTION_HOURS * MS_PER_HOUR;
    SL_TRY(check_retention(call, retention_ms, err));
    SL_TRY(sl_parquet_compact_finish(dir, call->env->log, err));
    SL_TRY(find(arena, dir, retention_ms, &swept, err));
    if (!what->dry_run) SL_TRY(sl_sweep_remove(dir, &swept, &removed_files, &removed_dirs, err));
    sl_report_init(out, arena, "path STRING");
    return tell(dir, what, &swept, arena, out, err);
}

static enum sl_code vacuum(const struct sl_table_call *call, const struct sl_vacuum *what,
                           struct sl_report *out, struct sl_err *err) {
    struct sl_lock *lock;
    bool has_log;
    const char *dir = sl_parquet_table_dir(call->env->query, call->path);
    SL_TRY(sl_place_check_parquet(call->env->query, call->path, err));
    SL_TRY(sl_parquet_table_has_log(call->env->query, dir, &has_log, err));
    if (!has_log) return refuse_plain(dir, err);
    SL_TRY(sl_parquet_table_lock(dir, &lock, err));
    enum sl_code code = sweep_locked(call, dir, what, out, err);
    sl_lock_free(lock);
    return code;
}

const struct sl_table_ops sl_parquet_table_ops = {
    .detail = detail,
    .files = files,
    .optimize = sl_parquet_compact,
    .vacuum = vacuum,
};
