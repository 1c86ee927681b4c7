/* A round's new files: under final, random names, durable, and not in the table yet. */
#include "conn/delta/delta_add.h"
#include "conn/delta/delta_files.h"
#include "conn/delta/delta_optimize_int.h"
#include "conn/options.h"

enum {
    BUDGET_SHARE = 3,       /* of the memory limit: row groups of all workers */
    BUDGET_SHARE_AUTO = 16, /* .. beside a query that needs its memory */
};

static enum sl_code open_input(void *ctx, uint32_t input, struct sl_scan_file *out, void **handle,
                               struct sl_err *err) {
    const struct sl_delta_optimize *optimize = ctx;
    const struct sl_delta_candidate *candidate = &optimize->bins.files[input];
    struct sl_deletion_vector *deleted = NULL;
    *out = (struct sl_scan_file){.path = candidate->path, .bytes = (uint64_t)candidate->file.bytes};
    SL_TRY(sl_delta_files_hide_deleted(optimize->dir, &candidate->file.vector, out, &deleted, err));
    *handle = deleted;
    return SL_OK;
}

static void close_input(void *ctx, void *handle) {
    (void)ctx;
    if (handle) sl_deletion_vector_free(handle);
}

static struct sl_delta_new_file *reserve_file(struct sl_delta_optimize *optimize) {
    if (optimize->file_count == optimize->file_cap) {
        optimize->file_cap = optimize->file_cap ? optimize->file_cap * 2 : 16;
        optimize->files =
            sl_xrealloc(optimize->files, optimize->file_cap * sizeof *optimize->files);
    }
    return &optimize->files[optimize->file_count++];
}

static enum sl_code keep_file(void *ctx, uint32_t group, const struct sl_data_file *file,
                              struct sl_err *err) {
    struct sl_delta_optimize *optimize = ctx;
    const struct sl_delta_bins *bins = &optimize->bins;
    const struct sl_delta_add_maker maker = {.table_dir = optimize->dir,
                                             .file_schema = optimize->file_schema,
                                             .indexed_columns = optimize->indexed_columns};
    struct sl_delta_new_file *to = reserve_file(optimize);
    group += optimize->first;
    *to = (struct sl_delta_new_file){.name = sl_arena_cstr(&optimize->arena, sl_str(file->final)),
                                     .group = group};
    const struct sl_delta_candidate *like = &bins->files[bins->groups[group].first];
    return sl_delta_add_make(&maker, file, like->file.partition_values, &optimize->arena, &to->file,
                             err);
}

void sl_delta_round_remove(struct sl_delta_optimize *optimize, enum sl_delta_groups which) {
    for (size_t i = 0; i < optimize->file_count; i++) {
        struct sl_err ignored;
        const struct sl_delta_new_file *file = &optimize->files[i];
        if (which != SL_DELTA_ALL_GROUPS &&
            optimize->lost[file->group] != (which == SL_DELTA_LOST_GROUPS))
            continue;
        enum sl_code code =
            sl_io_unlink(sl_path_join(&optimize->arena, optimize->dir, file->name), &ignored);
        (void)code; /* what stays is for VACUUM */
    }
}

static enum sl_code sync_dirs(struct sl_delta_optimize *optimize, struct sl_err *err) {
    uint32_t count = optimize->end - optimize->first;
    struct sl_str *dirs = SL_NEW_ARRAY(&optimize->arena, struct sl_str, count + 1);
    for (uint32_t i = 0; i < count; i++)
        dirs[i] = sl_str(optimize->bins.groups[optimize->first + i].dir);
    return sl_io_sync_dirs(optimize->dir, dirs, count, err);
}

static bool is_stopping(void *ctx) {
    const struct sl_conn_env *env = ((struct sl_delta_optimize *)ctx)->call->env;
    return env->stopping && env->stopping(env->stop_ctx);
}

static enum sl_code rewrite(struct sl_delta_optimize *optimize, struct sl_err *err) {
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
        sl_conn_setting(optimize->call->env, "spark.sql.parquet.compression.codec"), pool,
        optimize->what.automatic ? BUDGET_SHARE_AUTO : BUDGET_SHARE);
    return sl_rewrite_run(&rewrite, pool, optimize->bins.groups + optimize->first,
                          optimize->end - optimize->first, err);
}

enum sl_code sl_delta_round_write(struct sl_delta_optimize *optimize, struct sl_err *err) {
    optimize->file_count = 0;
    SL_TRY(rewrite(optimize, err));
    return sync_dirs(optimize, err);
}
