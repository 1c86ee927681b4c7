/* Actions as rows of a checkpoint. The members of a row are put in the order of the schema, which
 * checkpoint_schema.c keeps; a row that is not complete is a bug and asserted. */
#include "base/json.h"
#include "lake/delta/checkpoint_int.h"
#include "lake/delta/stats_int.h"
#include "lake/delta/value.h"

/* One STRUCT row under construction; errors stick. */
struct row {
    struct sl_vec *vec;
    uint32_t at; /* next member */
    enum sl_code code;
    struct sl_err *err;
};

static struct row row_begin(struct sl_vec *vec, struct sl_err *err) {
    return (struct row){.vec = vec, .code = SL_OK, .err = err};
}

static struct sl_vec *next(struct row *row) {
    sl_assert(row->at < row->vec->child_count);
    return &row->vec->children[row->at++];
}

/* The row of the vector itself, when its children have theirs. */
static enum sl_code add_valid(struct sl_vec *vec, struct sl_err *err) {
    if (vec->valid) {
        SL_TRY(sl_vec_reserve_valid(vec, vec->rows + 1, err));
        sl_bit_set(vec->valid, vec->rows);
    }
    vec->rows++;
    return SL_OK;
}

static enum sl_code row_end(struct row *row) {
    sl_assert(row->at == row->vec->child_count);
    return row->code == SL_OK ? add_valid(row->vec, row->err) : row->code;
}

static enum sl_code append_str(struct sl_vec *vec, struct sl_str text, struct sl_err *err) {
    return text.ptr ? sl_vec_put_str(vec, text, err) : sl_vec_append_null(vec, 1, err);
}

static void put_null(struct row *row) {
    struct sl_vec *vec = next(row);
    if (row->code == SL_OK) row->code = sl_vec_append_null(vec, 1, row->err);
}

static void put_str(struct row *row, struct sl_str text) {
    struct sl_vec *vec = next(row);
    if (row->code == SL_OK) row->code = append_str(vec, text, row->err);
}

static void put_i64(struct row *row, int64_t value) {
    struct sl_vec *vec = next(row);
    if (row->code == SL_OK) row->code = sl_vec_put_i64(vec, value, row->err);
}

/* -1: absent. */
static void put_count(struct row *row, int64_t value) {
    if (value == -1)
        put_null(row);
    else
        put_i64(row, value);
}

/* The row of a LIST or MAP whose items were appended to the children. */
static enum sl_code end_items(struct sl_vec *vec, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(vec, vec->rows + 1, err));
    vec->offsets[vec->rows + 1] = (int32_t)vec->children[0].rows;
    return add_valid(vec, err);
}

static enum sl_code append_map(struct sl_vec *vec, const struct sl_delta_map *map,
                               struct sl_err *err) {
    for (uint32_t i = 0; i < map->count; i++) {
        SL_TRY(sl_vec_put_str(&vec->children[0], map->items[i].name, err));
        SL_TRY(append_str(&vec->children[1], map->items[i].value, err));
    }
    return end_items(vec, err);
}

static void put_map(struct row *row, const struct sl_delta_map *map) {
    struct sl_vec *vec = next(row);
    if (row->code == SL_OK) row->code = append_map(vec, map, row->err);
}

static enum sl_code append_list(struct sl_vec *vec, const struct sl_str *items, uint32_t count,
                                struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) SL_TRY(sl_vec_put_str(&vec->children[0], items[i], err));
    return end_items(vec, err);
}

static void put_list(struct row *row, const struct sl_str *items, uint32_t count) {
    struct sl_vec *vec = next(row);
    if (row->code == SL_OK) row->code = append_list(vec, items, count, row->err);
}

static void put_vector(struct row *row, const struct sl_delta_vector *vector) {
    if (!vector->storage) {
        put_null(row);
        return;
    }
    struct row inner = row_begin(next(row), row->err);
    put_str(&inner, (struct sl_str){&vector->storage, 1});
    put_str(&inner, vector->path_or_inline);
    put_count(&inner, vector->offset);
    put_i64(&inner, vector->bytes);
    put_i64(&inner, vector->cardinality);
    put_null(&inner); /* maxRowIndex */
    enum sl_code code = row_end(&inner);
    if (row->code == SL_OK) row->code = code;
}

/* A value of a stats text as its type; what does not fit is null. */
static enum sl_code append_json(struct sl_vec *vec, const struct sl_json *json,
                                struct sl_arena *scratch, struct sl_err *err) {
    struct sl_vec value;
    if (vec->type->kind == SL_STRUCT_KIND && json && json->kind == SL_JSON_OBJECT) {
        for (uint32_t i = 0; i < vec->child_count; i++) {
            const struct sl_json *member = sl_json_get(json, vec->type->fields[i].name);
            SL_TRY(append_json(&vec->children[i], member, scratch, err));
        }
        return add_valid(vec, err);
    }
    if (vec->type->kind == SL_BOOL_KIND && json && json->kind == SL_JSON_BOOL)
        return sl_vec_put_i64(vec, json->boolean, err);
    if (sl_delta_stats_value(json, false, scratch, vec->type, &value))
        return sl_vec_append(vec, &value, NULL, 1, err);
    return sl_vec_append_null(vec, 1, err);
}

static void put_stats(struct row *row, struct sl_str text, struct sl_arena *scratch) {
    struct sl_json json = {0};
    struct sl_vec *vec = next(row);
    if (row->code != SL_OK) return;
    if (text.ptr && sl_json_parse(scratch, text, &json, NULL) != SL_OK) json.kind = SL_JSON_NULL;
    row->code = append_json(vec, &json, scratch, row->err);
}

static void put_partition(struct row *row, const struct sl_delta_map *values) {
    struct row inner = row_begin(next(row), row->err);
    for (uint32_t i = 0; i < inner.vec->child_count; i++) {
        const struct sl_delta_pair *pair =
            sl_delta_map_find(values, inner.vec->type->fields[i].name);
        struct sl_vec *vec = next(&inner);
        struct sl_str text = pair ? pair->value : (struct sl_str){0};
        uint32_t before = vec->rows;
        if (inner.code == SL_OK && sl_delta_value_parse(text, !text.ptr, vec, NULL) != SL_OK) {
            sl_assert(vec->rows == before);
            inner.code = sl_vec_append_null(vec, 1, inner.err);
        }
    }
    enum sl_code code = row_end(&inner);
    if (row->code == SL_OK) row->code = code;
}

enum sl_code sl_checkpoint_put_add(struct sl_vec *out, const struct sl_checkpoint_shape *shape,
                                   const struct sl_delta_file *file, struct sl_arena *scratch,
                                   struct sl_err *err) {
    struct row row = row_begin(out, err);
    put_str(&row, file->path);
    put_map(&row, &file->partition_values);
    put_count(&row, file->bytes);
    put_count(&row, file->modified_ms);
    put_i64(&row, false); /* dataChange: nothing in a checkpoint is new */
    if (file->tags.count)
        put_map(&row, &file->tags);
    else
        put_null(&row);
    put_vector(&row, &file->vector);
    put_count(&row, file->base_row_id);
    put_count(&row, file->default_row_version);
    put_str(&row, file->clustering_provider);
    if (shape->has_stats) put_str(&row, file->stats);
    if (shape->partition_type) put_partition(&row, &file->partition_values);
    if (shape->stats_type) put_stats(&row, file->stats, scratch);
    return row_end(&row);
}

enum sl_code sl_checkpoint_put_remove(struct sl_vec *out, const struct sl_delta_file *file,
                                      struct sl_err *err) {
    struct row row = row_begin(out, err);
    put_str(&row, file->path);
    put_count(&row, file->modified_ms);
    put_i64(&row, false);
    put_i64(&row, file->extended_metadata);
    if (file->extended_metadata || file->partition_values.count)
        put_map(&row, &file->partition_values);
    else
        put_null(&row);
    put_count(&row, file->bytes);
    put_vector(&row, &file->vector);
    put_count(&row, file->base_row_id);
    put_count(&row, file->default_row_version);
    return row_end(&row);
}

enum sl_code sl_checkpoint_put_txn(struct sl_vec *out, const struct sl_delta_txn *txn,
                                   struct sl_err *err) {
    struct row row = row_begin(out, err);
    put_str(&row, txn->app_id);
    put_i64(&row, txn->version);
    put_count(&row, txn->last_updated_ms);
    return row_end(&row);
}

enum sl_code sl_checkpoint_put_metadata(struct sl_vec *out,
                                        const struct sl_delta_metadata *metadata,
                                        struct sl_err *err) {
    static const struct sl_delta_map no_options;
    struct row row = row_begin(out, err);
    put_str(&row, metadata->id);
    put_str(&row, metadata->name);
    put_str(&row, metadata->description);
    struct row format = row_begin(next(&row), err);
    put_str(&format, SL_STR("parquet"));
    put_map(&format, &no_options);
    row.code = row_end(&format);
    put_str(&row, metadata->schema_text);
    put_list(&row, metadata->partition_columns, metadata->partition_count);
    put_map(&row, &metadata->configuration);
    put_count(&row, metadata->created_ms);
    return row_end(&row);
}

enum sl_code sl_checkpoint_put_protocol(struct sl_vec *out,
                                        const struct sl_delta_protocol *protocol,
                                        struct sl_err *err) {
    struct row row = row_begin(out, err);
    put_i64(&row, protocol->reader_version);
    put_i64(&row, protocol->writer_version);
    if (protocol->reader_version >= 3)
        put_list(&row, protocol->reader_features, protocol->reader_feature_count);
    else
        put_null(&row);
    if (protocol->writer_version >= 7)
        put_list(&row, protocol->writer_features, protocol->writer_feature_count);
    else
        put_null(&row);
    return row_end(&row);
}

enum sl_code sl_checkpoint_put_domain(struct sl_vec *out, const struct sl_delta_domain *domain,
                                      struct sl_err *err) {
    struct row row = row_begin(out, err);
    put_str(&row, domain->domain);
    put_str(&row, domain->configuration);
    put_i64(&row, domain->removed);
    return row_end(&row);
}
