#include "conn/delta/delta_bins.h"

#include <stdlib.h>

#include "expr/program.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/value.h"

/* ---- candidates ---- */

struct gather {
    const struct sl_table_call *call;
    const struct sl_delta_snapshot *snapshot;
    const struct sl_delta_metadata *metadata;
    const struct sl_optimize *what;
    struct sl_arena *arena;
    struct sl_delta_candidate *items;
    size_t count, cap;
};

static enum sl_code copy_file(struct gather *gather, const struct sl_delta_file *from,
                              struct sl_delta_candidate *to, struct sl_err *err) {
    struct sl_arena *arena = gather->arena;
    const char *dir = sl_delta_snapshot_dir(gather->snapshot);
    struct sl_buf text = {0};
    bool outside;
    to->file = sl_delta_file_copy(arena, from);
    sl_delta_table_put_partition(&text, gather->metadata, from);
    to->partition = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_clear(&text);
    enum sl_code code = sl_delta_table_put_path(&text, dir, from->path, &outside, err);
    if (code == SL_OK)
        to->path = outside ? sl_arena_cstr(arena, sl_buf_str(&text))
                           : sl_path_join(arena, dir, sl_buf_cstr(&text));
    sl_buf_release(&text);
    return code;
}

/* More than a twentieth of the rows deleted (spark.databricks.delta.optimize.maxDeletedRowsRatio);
 * without numRecords, any. */
static bool has_many_deleted(const struct sl_delta_file *file) {
    enum { RATIO = 20 };
    struct sl_arena arena;
    struct sl_json stats;
    int64_t rows = 0;
    if (!file->vector.storage) return false;
    sl_arena_init(&arena, "stats");
    if (file->stats.ptr && sl_json_parse(&arena, file->stats, &stats, NULL) == SL_OK)
        sl_json_i64(sl_json_get(&stats, SL_STR("numRecords")), &rows);
    sl_arena_release(&arena);
    return rows <= 0 || file->vector.cardinality > rows / RATIO;
}

static enum sl_code take_candidate(void *ctx, const struct sl_delta_file *file,
                                   struct sl_err *err) {
    struct gather *gather = ctx;
    bool is_small = file->bytes < gather->what->small_bytes;
    if (!is_small && !has_many_deleted(file)) return SL_OK;
    if (gather->count == gather->cap) {
        gather->cap = gather->cap ? gather->cap * 2 : 256;
        gather->items = sl_xrealloc(gather->items, gather->cap * sizeof *gather->items);
    }
    return copy_file(gather, file, &gather->items[gather->count++], err);
}

static int compare_candidates(const void *a, const void *b) {
    const struct sl_delta_candidate *x = a, *y = b;
    int order = sl_str_cmp(x->partition, y->partition);
    if (order) return order;
    if (x->file.modified_ms != y->file.modified_ms)
        return x->file.modified_ms < y->file.modified_ms ? -1 : 1;
    return sl_str_cmp(x->file.path, y->file.path);
}

/* ---- the condition ---- */

struct chooser {
    struct sl_program *program; /* NULL: every partition */
    const struct sl_delta_columns *columns;
    const struct sl_session *session;
    struct sl_batch batch;
};

static bool is_partition_column(const struct sl_delta_columns *columns, uint32_t column) {
    return columns->scan_column[column] >= columns->schema->field_count - columns->partition_count;
}

static enum sl_code check_columns(const struct sl_delta_columns *columns,
                                  const struct sl_expr *expr, struct sl_err *err) {
    if (expr->kind == SL_EXPR_COLUMN && !is_partition_column(columns, expr->column)) {
        struct sl_str name = columns->schema->fields[expr->column].name;
        sl_delta_fail(err, SL_USER, "DELTA_NON_PARTITION_COLUMN_REFERENCE", "42P10",
                      "the condition of OPTIMIZE names `%.*s`, which is no partition column",
                      SL_STR_ARG(name));
        if (err) err->span = expr->span;
        return sl_hint(err, columns->partition_count
                                ? "only whole partitions can be chosen: use partition columns alone"
                                : "the table is not partitioned: leave out WHERE"),
               SL_USER;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        SL_TRY(check_columns(columns, expr->args[i], err));
    return SL_OK;
}

static enum sl_code chooser_init(struct chooser *chooser, const struct sl_table_call *call,
                                 const struct sl_delta_columns *columns,
                                 const struct sl_optimize *what, struct sl_err *err) {
    *chooser = (struct chooser){.columns = columns, .session = call->env->session};
    if (!what->condition) return SL_OK;
    SL_TRY(check_columns(columns, what->condition, err));
    SL_TRY(sl_program_new(&what->condition, 1, &chooser->program, err));
    sl_batch_init(&chooser->batch, columns->schema, call->env->query);
    return SL_OK;
}

static void chooser_release(struct chooser *chooser) {
    if (!chooser->program) return;
    sl_program_free(chooser->program);
    sl_batch_release(&chooser->batch);
}

static enum sl_code set_partition(struct chooser *chooser, const struct sl_delta_file *file,
                                  struct sl_err *err) {
    struct sl_batch *batch = &chooser->batch;
    sl_batch_clear(batch);
    for (uint32_t c = 0; c < batch->schema->field_count; c++) {
        if (!is_partition_column(chooser->columns, c)) continue;
        const struct sl_delta_pair *pair =
            sl_delta_map_find(&file->partition_values, batch->schema->fields[c].name);
        struct sl_str text = pair ? pair->value : (struct sl_str){0};
        SL_TRY(sl_delta_value_parse(text, !text.ptr, &batch->columns[c], err));
    }
    batch->rows = batch->selected_rows = 1;
    return SL_OK;
}

static enum sl_code choose(struct chooser *chooser, const struct sl_delta_file *file, bool *chosen,
                           struct sl_err *err) {
    const struct sl_vec *result;
    *chosen = true;
    if (!chooser->program) return SL_OK;
    SL_TRY(set_partition(chooser, file, err));
    SL_TRY(sl_program_eval(chooser->program, chooser->session, &chooser->batch, &result, err));
    struct sl_vec flat;
    sl_vec_init(&flat, result->type);
    enum sl_code code = sl_vec_flatten(result, &flat, err);
    *chosen = code == SL_OK && !sl_vec_is_null(&flat, 0) && sl_bit_get(flat.bits, 0);
    sl_vec_release(&flat);
    return code;
}

/* ---- bins ---- */

static const char *dir_of(struct sl_arena *arena, const char *table_dir, const char *path) {
    size_t len = strlen(table_dir);
    const char *slash = strrchr(path, '/');
    if (strncmp(path, table_dir, len) != 0 || path[len] != '/' || slash <= path + len) return "";
    return sl_arena_cstr(arena, (struct sl_str){path + len + 1, (size_t)(slash - path) - len - 1});
}

static void end_bin(struct sl_delta_bins *out, struct sl_arena *arena, const char *table_dir,
                    size_t first, size_t end) {
    bool one = end - first == 1;
    if (end == first || (one && !out->files[first].file.vector.storage)) return;
    out->groups[out->count++] =
        (struct sl_rewrite_group){.first = (uint32_t)first,
                                  .count = (uint32_t)(end - first),
                                  .dir = dir_of(arena, table_dir, out->files[first].path)};
}

/* Next-fit, in the order of the files. */
static void pack(struct sl_delta_bins *out, struct sl_arena *arena, const char *table_dir,
                 int64_t target, size_t first, size_t end) {
    size_t begin = first;
    int64_t bytes = 0;
    uint32_t before = out->count;
    for (size_t i = first; i < end; i++) {
        if (i > begin && bytes + out->files[i].file.bytes > target) {
            end_bin(out, arena, table_dir, begin, i);
            begin = i;
            bytes = 0;
        }
        bytes += out->files[i].file.bytes;
    }
    end_bin(out, arena, table_dir, begin, end);
    if (out->count > before) out->partitions++;
}

static enum sl_code pack_partitions(const struct gather *gather, struct chooser *chooser,
                                    struct sl_delta_bins *out, struct sl_err *err) {
    const char *dir = sl_delta_snapshot_dir(gather->snapshot);
    for (size_t first = 0, end; first < gather->count; first = end) {
        bool chosen;
        for (end = first + 1; end < gather->count &&
                              sl_str_eq(out->files[end].partition, out->files[first].partition);
             end++) {
        }
        SL_TRY(choose(chooser, &out->files[first].file, &chosen, err));
        if (!chosen) continue;
        out->considered += end - first;
        if (end - first >= gather->what->small_count)
            pack(out, gather->arena, dir, gather->what->target_bytes, first, end);
    }
    return SL_OK;
}

enum sl_code sl_delta_bins_plan(const struct sl_table_call *call,
                                const struct sl_delta_snapshot *snapshot,
                                const struct sl_delta_columns *columns,
                                const struct sl_optimize *what, struct sl_arena *arena,
                                struct sl_delta_bins *out, struct sl_err *err) {
    struct gather gather = {.call = call,
                            .snapshot = snapshot,
                            .metadata = sl_delta_snapshot_metadata(snapshot),
                            .what = what,
                            .arena = arena};
    struct chooser chooser;
    *out = (struct sl_delta_bins){0};
    enum sl_code code = chooser_init(&chooser, call, columns, what, err);
    if (code == SL_OK)
        code = sl_delta_snapshot_walk(
            snapshot, &(struct sl_delta_walk){.live = take_candidate, .ctx = &gather}, err);
    if (code == SL_OK && gather.count) {
        qsort(gather.items, gather.count, sizeof *gather.items, compare_candidates);
        out->files = SL_NEW_ARRAY(arena, struct sl_delta_candidate, gather.count);
        memcpy(out->files, gather.items, gather.count * sizeof *gather.items);
        out->groups = SL_NEW_ARRAY(arena, struct sl_rewrite_group, gather.count);
        code = pack_partitions(&gather, &chooser, out, err);
    }
    chooser_release(&chooser);
    free(gather.items);
    return code;
}
