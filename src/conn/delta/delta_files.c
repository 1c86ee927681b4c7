#include "conn/delta/delta_files.h"

#include <stdlib.h>

#include "lake/delta/stats.h"
#include "lake/delta/value.h"

struct sl_delta_file_list {
    const struct sl_delta_columns *columns;
    const struct sl_table_scan *scan;
    const char *table_dir;
    struct sl_arena *arena;
    struct sl_arena scratch; /* of one file */
    struct sl_vec *values;   /* per partition column, reused from file to file */
    struct sl_delta_scan_file *items;
    uint32_t count, cap;
};

static uint32_t file_column_count(const struct sl_delta_file_list *list) {
    return list->columns->scan->field_count - list->columns->partition_count;
}

static enum sl_code parse_partitions(struct sl_delta_file_list *list,
                                     const struct sl_delta_file *file, struct sl_err *err) {
    for (uint32_t p = 0; p < list->columns->partition_count; p++) {
        struct sl_vec *value = &list->values[p];
        struct sl_str key = list->columns->physical->fields[file_column_count(list) + p].name;
        const struct sl_delta_pair *pair = sl_delta_map_find(&file->partition_values, key);
        struct sl_str text = pair ? pair->value : (struct sl_str){0};
        sl_vec_clear(value);
        enum sl_code code = sl_delta_value_parse(text, !text.ptr, value, err);
        if (code != SL_OK)
            return sl_context(err, "partition column `%.*s` of `%.*s`", SL_STR_ARG(key),
                              SL_STR_ARG(file->path));
        value->enc = SL_ENC_CONST;
    }
    return SL_OK;
}

static bool stats_may_match(struct sl_delta_file_list *list, const struct sl_delta_stats *stats,
                            const struct sl_prune_term *term) {
    struct sl_delta_bounds bounds;
    sl_delta_stats_column(stats, &list->scratch, list->columns->physical->fields[term->column].name,
                          list->columns->scan->fields[term->column].type, &bounds);
    if (bounds.has_rows && bounds.has_null_count && bounds.null_count == bounds.rows) return false;
    return !bounds.has_min || !bounds.has_max || sl_prune_may_match(term, &bounds.min, &bounds.max);
}

static bool may_match(struct sl_delta_file_list *list, const struct sl_delta_file *file) {
    uint32_t count;
    const struct sl_prune_term *terms = sl_table_scan_terms(list->scan, &count);
    if (!sl_table_scan_may_match(list->scan, &(struct sl_scan_file){.partitions = list->values}))
        return false;
    if (count == 0 || !file->stats.ptr) return true;
    const struct sl_delta_stats *stats = sl_delta_stats_parse(&list->scratch, file->stats);
    for (uint32_t i = 0; i < count; i++)
        if (terms[i].column < file_column_count(list) && !stats_may_match(list, stats, &terms[i]))
            return false;
    return true;
}

static void *keep_bytes(struct sl_arena *arena, const void *bytes, size_t len) {
    enum { ALIGN = 64 }; /* aligned and padded as vectors are */
    char *copy = sl_arena_zalloc(arena, len + 2 * ALIGN);
    copy += (ALIGN - (uintptr_t)copy % ALIGN) % ALIGN;
    if (len) memcpy(copy, bytes, len);
    return copy;
}

/* One row, not nested, to the arena. */
static struct sl_vec keep_value(struct sl_arena *arena, const struct sl_vec *value) {
    struct sl_vec kept = {.type = value->type, .enc = SL_ENC_CONST, .rows = 1};
    uint64_t valid = !sl_vec_is_null(value, 0);
    kept.valid = valid ? NULL : keep_bytes(arena, &valid, sizeof valid);
    if (sl_type_is_bytes(value->type)) {
        kept.offsets = keep_bytes(arena, value->offsets, 2 * sizeof *value->offsets);
        kept.bytes = keep_bytes(arena, value->bytes, (size_t)value->offsets[1]);
    } else if (value->data) {
        size_t width = sl_type_width(value->type);
        kept.data = keep_bytes(arena, value->data, width ? width : sizeof(uint64_t));
    }
    return kept;
}

static enum sl_code keep_path(const struct sl_delta_file_list *list, struct sl_str log_path,
                              const char **out, struct sl_err *err) {
    struct sl_buf path = {0};
    bool absolute;
    enum sl_code code = sl_delta_path_parse(log_path, &path, &absolute, err);
    if (code == SL_OK)
        *out = absolute ? sl_arena_cstr(list->arena, sl_buf_str(&path))
                        : sl_arena_printf(list->arena, "%s/%.*s", list->table_dir,
                                          SL_STR_ARG(sl_buf_str(&path)))
                              .ptr;
    sl_buf_release(&path);
    return code;
}

/* Only which task gets which files depends on it. */
enum { BYTES_PER_ROW_GUESS = 64 };

static enum sl_code keep_file(struct sl_delta_file_list *list, const struct sl_delta_file *file,
                              struct sl_err *err) {
    struct sl_delta_scan_file kept = {.vector = file->vector};
    struct sl_vec *partitions =
        SL_NEW_ARRAY(list->arena, struct sl_vec, list->columns->partition_count + 1);
    SL_TRY(keep_path(list, file->path, &kept.scan.path, err));
    for (uint32_t p = 0; p < list->columns->partition_count; p++)
        partitions[p] = keep_value(list->arena, &list->values[p]);
    kept.scan.partitions = partitions;
    kept.scan.bytes = (uint64_t)file->bytes;
    kept.rows_estimate = file->bytes / BYTES_PER_ROW_GUESS + 1;
    kept.vector.path_or_inline = sl_arena_str(list->arena, file->vector.path_or_inline);
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->items = sl_xrealloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = kept;
    return SL_OK;
}

struct sl_delta_file_list *sl_delta_file_list_new(const char *table_dir,
                                                  const struct sl_delta_columns *columns,
                                                  const struct sl_table_scan *scan,
                                                  struct sl_arena *arena) {
    struct sl_delta_file_list *list = sl_xcalloc(1, sizeof *list);
    uint32_t partitions = columns->partition_count;
    *list = (struct sl_delta_file_list){
        .columns = columns, .scan = scan, .table_dir = table_dir, .arena = arena};
    list->values = sl_xcalloc(partitions + 1, sizeof *list->values);
    for (uint32_t p = 0; p < partitions; p++)
        sl_vec_init(&list->values[p], columns->scan->fields[file_column_count(list) + p].type);
    sl_arena_init(&list->scratch, "Delta files");
    return list;
}

enum sl_code sl_delta_file_list_add(struct sl_delta_file_list *list,
                                    const struct sl_delta_file *file, struct sl_err *err) {
    sl_arena_reset(&list->scratch);
    SL_TRY(parse_partitions(list, file, err));
    return may_match(list, file) ? keep_file(list, file, err) : SL_OK;
}

void sl_delta_file_list_end(struct sl_delta_file_list *list, struct sl_delta_files *out) {
    if (out) {
        out->items = SL_NEW_ARRAY(list->arena, struct sl_delta_scan_file, list->count + 1);
        if (list->count) memcpy(out->items, list->items, list->count * sizeof *list->items);
        out->count = list->count;
    }
    for (uint32_t p = 0; p < list->columns->partition_count; p++) sl_vec_release(&list->values[p]);
    free(list->values);
    free(list->items);
    sl_arena_release(&list->scratch);
    free(list);
}

static enum sl_code visit(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    return sl_delta_file_list_add(ctx, file, err);
}

enum sl_code sl_delta_files_list(const struct sl_delta_snapshot *snapshot,
                                 const struct sl_delta_columns *columns,
                                 const struct sl_table_scan *scan, struct sl_arena *arena,
                                 struct sl_delta_files *out, struct sl_err *err) {
    struct sl_delta_file_list *list =
        sl_delta_file_list_new(sl_delta_snapshot_dir(snapshot), columns, scan, arena);
    struct sl_delta_walk walk = {.live = visit, .ctx = list};
    enum sl_code code = sl_delta_snapshot_walk(snapshot, &walk, err);
    sl_delta_file_list_end(list, out);
    return code;
}

/* ---- deleted rows ---- */

static void clear_deleted(const void *deleted, uint64_t first_row, uint32_t rows, uint64_t *keep) {
    sl_deletion_vector_clear(deleted, first_row, rows, keep);
}

enum sl_code sl_delta_files_hide_deleted(const char *table_dir,
                                         const struct sl_delta_vector *vector,
                                         struct sl_scan_file *scan,
                                         struct sl_deletion_vector **deleted, struct sl_err *err) {
    *deleted = NULL;
    if (!vector->storage) return SL_OK;
    enum sl_code code = sl_deletion_vector_read(table_dir, vector, deleted, err);
    if (code != SL_OK) return sl_context(err, "deletion vector of `%s`", scan->path), code;
    scan->clear_deleted = clear_deleted;
    scan->deleted = *deleted;
    return SL_OK;
}
