#include "table/report.h"

#include <stdlib.h>

#include "kern/cast.h"

const char sl_detail_columns[] =
    "format STRING, id STRING, name STRING, description STRING, location STRING, "
    "createdAt TIMESTAMP, lastModified TIMESTAMP, partitionColumns ARRAY<STRING>, "
    "clusteringColumns ARRAY<STRING>, numFiles BIGINT, sizeInBytes BIGINT, "
    "properties MAP<STRING, STRING>, minReaderVersion INT, minWriterVersion INT, "
    "tableFeatures ARRAY<STRING>";

void sl_report_init(struct sl_report *report, struct sl_arena *arena, const char *ddl) {
    struct sl_err err = {0};
    *report = (struct sl_report){0};
    enum sl_code code = sl_type_parse_schema(arena, sl_str(ddl), &report->schema, &err);
    sl_assert(code == SL_OK);
    sl_batch_init(&report->batch, report->schema, arena);
}

void sl_report_release(struct sl_report *report) {
    if (report->schema) sl_batch_release(&report->batch);
    *report = (struct sl_report){0};
}

static enum sl_code put(struct sl_vec *out, const struct sl_json *json, struct sl_err *err);

static enum sl_code put_text(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    if (json->kind == SL_JSON_STRING) return sl_vec_put_str(out, json->text, err);
    struct sl_buf text = {0};
    sl_json_put(&text, json);
    enum sl_code code = sl_vec_put_str(out, sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

/* The children of the new row are behind those of the rows before it. */
static enum sl_code end_list(struct sl_vec *out, uint32_t items, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    if (out->valid) {
        SL_TRY(sl_vec_reserve_valid(out, out->rows + 1, err));
        sl_bit_set(out->valid, out->rows);
    }
    out->offsets[out->rows + 1] = out->offsets[out->rows] + (int32_t)items;
    out->rows++;
    return SL_OK;
}

static enum sl_code put_map(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    for (size_t i = 0; i < json->count; i++) {
        SL_TRY(sl_vec_put_str(&out->children[0], json->names[i], err));
        SL_TRY(put(&out->children[1], &json->items[i], err));
    }
    return end_list(out, (uint32_t)json->count, err);
}

static enum sl_code put_array(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    for (size_t i = 0; i < json->count; i++) SL_TRY(put(&out->children[0], &json->items[i], err));
    return end_list(out, (uint32_t)json->count, err);
}

static enum sl_code put_struct(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    for (uint32_t c = 0; c < out->child_count; c++)
        SL_TRY(put(&out->children[c], sl_json_get(json, out->type->fields[c].name), err));
    if (out->valid) {
        SL_TRY(sl_vec_reserve_valid(out, out->rows + 1, err));
        sl_bit_set(out->valid, out->rows);
    }
    out->rows++;
    return SL_OK;
}

static enum sl_code put_number(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    enum { MICROS_PER_MILLI = 1000 };
    int64_t integer;
    double number;
    if (json->kind == SL_JSON_BOOL) return sl_vec_put_i64(out, json->boolean, err);
    if (out->type->kind == SL_DOUBLE_KIND)
        return sl_parse_f64(json->text, &number) ? sl_vec_put_f64(out, number, err)
                                                 : sl_vec_append_null(out, 1, err);
    if (!sl_str_to_i64(json->text, &integer)) return sl_vec_append_null(out, 1, err);
    bool is_time = out->type->kind == SL_TIMESTAMP_KIND;
    if (is_time && __builtin_mul_overflow(integer, MICROS_PER_MILLI, &integer))
        return sl_vec_append_null(out, 1, err);
    return sl_vec_put_i64(out, integer, err);
}

static enum sl_code put(struct sl_vec *out, const struct sl_json *json, struct sl_err *err) {
    if (!json || json->kind == SL_JSON_NULL) return sl_vec_append_null(out, 1, err);
    enum sl_json_kind kind = json->kind;
    switch (out->type->kind) {
    case SL_STRING_KIND:
        return put_text(out, json, err);
    case SL_MAP_KIND:
        return kind == SL_JSON_OBJECT ? put_map(out, json, err) : sl_vec_append_null(out, 1, err);
    case SL_ARRAY_KIND:
        return kind == SL_JSON_ARRAY ? put_array(out, json, err) : sl_vec_append_null(out, 1, err);
    case SL_STRUCT_KIND:
        return kind == SL_JSON_OBJECT ? put_struct(out, json, err)
                                      : sl_vec_append_null(out, 1, err);
    default: /* a foreign log may hold anything */
        return kind == SL_JSON_NUMBER || (kind == SL_JSON_BOOL && out->type->kind == SL_BOOL_KIND)
                   ? put_number(out, json, err)
                   : sl_vec_append_null(out, 1, err);
    }
}

enum sl_code sl_report_add(struct sl_report *report, const struct sl_json *row,
                           struct sl_err *err) {
    for (uint32_t c = 0; c < report->schema->field_count; c++)
        SL_TRY(
            put(&report->batch.columns[c], sl_json_get(row, report->schema->fields[c].name), err));
    report->batch.rows++;
    report->batch.selected_rows = report->batch.rows;
    return SL_OK;
}

enum sl_code sl_report_add_text(struct sl_report *report, struct sl_str row, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_json json;
    sl_arena_init(&arena, "report");
    enum sl_code code = sl_json_parse(&arena, row, &json, err);
    if (code == SL_OK) code = sl_report_add(report, &json, err);
    sl_arena_release(&arena);
    return code;
}
