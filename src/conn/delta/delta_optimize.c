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
#include "base/quantity.h"
#include "conn/delta/delta_optimize_int.h"
#include "conn/options.h"
#include "lake/delta/feature.h"

enum { TARGET_BYTES = 128 << 20 };
#define ROUND_BYTES (INT64_C(8) << 30)

/* ---- rounds ---- */

static uint32_t end_of_round(const struct sl_delta_optimize *optimize) {
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

static enum sl_code run_round(struct sl_delta_optimize *optimize, struct sl_err *err) {
    enum sl_code code = sl_delta_round_write(optimize, err);
    int failure = code == SL_OK ? sl_fail_point("optimize.staged") : 0;
    if (failure) code = sl_fail_sys(err, failure, "could not commit the files of OPTIMIZE");
    if (code != SL_OK) {
        sl_delta_round_remove(optimize, SL_DELTA_ALL_GROUPS);
        return code;
    }
    return sl_delta_round_commit(optimize, err);
}

static bool is_late(const struct sl_delta_optimize *optimize) {
    return optimize->what.deadline_ms && sl_clock_wall_us() / 1000 >= optimize->what.deadline_ms;
}

static enum sl_code run_rounds(struct sl_delta_optimize *optimize, struct sl_err *err) {
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

static void choose_sizes(struct sl_delta_optimize *optimize) {
    struct sl_optimize *what = &optimize->what;
    const struct sl_conn_env *env = optimize->call->env;
    const char *max_setting = sl_conn_setting(env, "spark.databricks.delta.optimize.maxFileSize"),
               *min_setting = sl_conn_setting(env, "spark.databricks.delta.optimize.minFileSize");
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
static enum sl_code open_scan(struct sl_delta_optimize *optimize, struct sl_err *err) {
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

static enum sl_code run(struct sl_delta_optimize *optimize, struct sl_err *err) {
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
    struct sl_delta_optimize optimize = {.call = call, .what = *what};
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
