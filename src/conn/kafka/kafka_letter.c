#include "conn/kafka/kafka_letter.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

enum { TEXT = 64, HEADER_OVERHEAD = 10 };

/* All columns in order; those with a header get it. */
static const struct column {
    const char *name, *header;
} columns[] = {
    {"query", "sluice.query"},
    {"batch_id", "sluice.batch_id"},
    {"topic", "sluice.topic"},
    {"partition", "sluice.partition"},
    {"offset", "sluice.offset"},
    {"timestamp", "sluice.timestamp"},
    {"key", NULL},
    {"value", NULL},
    {"headers", NULL},
    {"kind", "sluice.kind"},
    {"rule", "sluice.rule"},
    {"error_class", "sluice.error_class"},
    {"sqlstate", "sluice.sqlstate"},
    {"error", "sluice.error"},
    {"failed_at", "sluice.failed_at"},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

bool sl_kafka_is_letter_schema(const struct sl_type *schema) {
    if (schema->field_count != COLUMNS) return false;
    for (uint32_t i = 0; i < COLUMNS; i++)
        if (!sl_str_eq(schema->fields[i].name, sl_str(columns[i].name))) return false;
    return true;
}

static int64_t number_at(const struct sl_vec *vec, uint32_t row) {
    if (vec->enc == SL_ENC_DICT) {
        row = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    row = sl_vec_pos(vec, row);
    return vec->type->kind == SL_INT_KIND ? vec->i32[row] : vec->i64[row];
}

/* A row's value as text; scratch holds numbers. */
static struct sl_str text_of(const struct sl_vec *vec, uint32_t row, char scratch[TEXT]) {
    if (sl_type_is_bytes(vec->type)) return sl_vec_str(vec, row);
    int64_t number = number_at(vec, row);
    char moment[SL_CLOCK_TEXT_SIZE];
    if (vec->type->kind == SL_TIMESTAMP_KIND)
        snprintf(scratch, TEXT, "%s", sl_clock_text(moment, number / 1000));
    else
        snprintf(scratch, TEXT, "%" PRId64, number);
    return sl_str(scratch);
}

size_t sl_kafka_letter_bytes(const struct sl_batch *batch, uint32_t row) {
    char scratch[TEXT];
    size_t bytes = 0;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct sl_vec *vec = &batch->columns[i];
        if (!columns[i].header || sl_vec_is_null(vec, row)) continue;
        bytes += strlen(columns[i].header) + HEADER_OVERHEAD + text_of(vec, row, scratch).len;
    }
    return bytes;
}

void sl_kafka_letter_headers(const struct sl_batch *batch, uint32_t row, rd_kafka_headers_t *to) {
    char scratch[TEXT];
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct sl_vec *vec = &batch->columns[i];
        if (!columns[i].header || sl_vec_is_null(vec, row)) continue;
        struct sl_str text = text_of(vec, row, scratch);
        rd_kafka_header_add(to, columns[i].header, -1, text.len ? text.ptr : "", (ssize_t)text.len);
    }
}
