/* Helpers of the reader's tests: files into memory, a whole file as text. */
#ifndef PARQUET_READ_HELP_H
#define PARQUET_READ_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fmt/parquet/parquet_read.h"

struct file {
    uint8_t *bytes;
    size_t len;
};

static inline enum sl_code file_read(void *ctx, uint64_t offset, void *to, size_t len,
                                     struct sl_err *err) {
    const struct file *file = ctx;
    if (offset > file->len || len > file->len - offset)
        return sl_fail(err, SL_BUG, "the reader asked for bytes outside the file");
    memcpy(to, file->bytes + offset, len);
    return SL_OK;
}

/* The corpora's folder, or NULL: then the test is skipped. */
static inline const char *corpora(void) {
    const char *path = getenv("SLUICE_CORPORA");
    return path ? path : "../shared/corpora";
}

static inline bool file_load(const char *folder, const char *name, struct file *out) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "rb");
    *out = (struct file){0};
    if (!stream) return false;
    fseek(stream, 0, SEEK_END);
    long len = ftell(stream);
    rewind(stream);
    out->bytes = malloc((size_t)len + 1);
    out->len = fread(out->bytes, 1, (size_t)len, stream);
    fclose(stream);
    return out->len == (size_t)len;
}

/* ---- a row as text: strings in hexadecimal, decimals unscaled, nested values in brackets ---- */

static inline void put_row(struct sl_buf *to, const struct sl_vec *v, uint32_t row);

static inline void put_i128(struct sl_buf *to, sl_int128 value) {
    char digits[48];
    int at = sizeof digits;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do digits[--at] = (char)('0' + (int)(rest % 10));
    while (rest /= 10);
    if (value < 0) digits[--at] = '-';
    sl_buf_put(to, digits + at, sizeof digits - (size_t)at);
}

static inline void put_items(struct sl_buf *to, const struct sl_vec *v, uint32_t row) {
    sl_buf_put_byte(to, '[');
    for (int32_t i = v->offsets[row]; i < v->offsets[row + 1]; i++) {
        if (i > v->offsets[row]) sl_buf_put_byte(to, ',');
        if (v->child_count == 2) {
            sl_buf_put_byte(to, '[');
            put_row(to, &v->children[0], (uint32_t)i);
            sl_buf_put_byte(to, ',');
        }
        put_row(to, &v->children[v->child_count - 1], (uint32_t)i);
        if (v->child_count == 2) sl_buf_put_byte(to, ']');
    }
    sl_buf_put_byte(to, ']');
}

static inline void put_f64(struct sl_buf *to, double value) {
    if (value != value)
        sl_buf_put_cstr(to, "nan");
    else
        sl_buf_printf(to, "%.17g", value);
}

static inline void put_fields(struct sl_buf *to, const struct sl_vec *v, uint32_t row) {
    sl_buf_put_byte(to, '[');
    for (uint32_t i = 0; i < v->child_count; i++) {
        if (i) sl_buf_put_byte(to, ',');
        put_row(to, &v->children[i], row);
    }
    sl_buf_put_byte(to, ']');
}

static inline void put_row(struct sl_buf *to, const struct sl_vec *v, uint32_t row) {
    if (sl_vec_is_null(v, row)) {
        sl_buf_put_cstr(to, "null");
        return;
    }
    if (sl_type_is_bytes(v->type)) {
        struct sl_str str = sl_vec_str(v, row);
        sl_buf_put_byte(to, '"');
        for (size_t i = 0; i < str.len; i++) sl_buf_printf(to, "%02x", (uint8_t)str.ptr[i]);
        sl_buf_put_byte(to, '"');
        return;
    }
    switch (v->type->kind) {
    case SL_BOOL_KIND:
        sl_buf_put_cstr(to, sl_bit_get(v->bits, row) ? "true" : "false");
        return;
    case SL_FLOAT_KIND:
        put_f64(to, (double)v->f32[row]);
        return;
    case SL_DOUBLE_KIND:
        put_f64(to, v->f64[row]);
        return;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        put_items(to, v, row);
        return;
    case SL_STRUCT_KIND:
        put_fields(to, v, row);
        return;
    default:
        break;
    }
    switch (sl_type_width(v->type)) {
    case 1:
        sl_buf_printf(to, "%d", v->i8[row]);
        return;
    case 2:
        sl_buf_printf(to, "%d", v->i16[row]);
        return;
    case 4:
        sl_buf_printf(to, "%d", v->i32[row]);
        return;
    case 8:
        sl_buf_printf(to, "%lld", (long long)v->i64[row]);
        return;
    default:
        put_i128(to, v->i128[row]);
    }
}

/* All rows of all columns in batches of `step`, a line each; checks the vectors' invariants. */
static inline enum sl_code file_text(const struct file *file, uint32_t step, struct sl_buf *to,
                                     struct sl_err *err) {
    struct sl_parquet_reader *reader;
    struct sl_budget budget;
    uint32_t rows = 0;
    sl_budget_init(&budget, 256 << 20);
    enum sl_code code =
        sl_parquet_reader_open(file_read, (void *)file, file->len, &budget, &reader, err);
    if (code != SL_OK) return code;
    const struct sl_type *schema = sl_parquet_reader_schema(reader);
    uint32_t count = schema->field_count;
    uint32_t *columns = calloc(count + 1, sizeof *columns);
    struct sl_vec *out = calloc(count + 1, sizeof *out);
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = i;
        sl_vec_init(&out[i], schema->fields[i].type);
    }
    code = sl_parquet_reader_start(reader, columns, count, NULL, NULL, err);
    while (code == SL_OK) {
        code = sl_parquet_reader_next(reader, step, out, &rows, err);
        if (code != SL_OK || rows == 0) break;
        for (uint32_t i = 0; i < count; i++) {
            const char *why = "";
            if (!sl_vec_verify(&out[i], &why)) fail_msg("column %u: %s", i, why);
            assert_int_equal(out[i].rows, rows);
        }
        for (uint32_t row = 0; row < rows; row++)
            for (uint32_t i = 0; i < count; i++) {
                put_row(to, &out[i], row);
                sl_buf_put_byte(to, i + 1 < count ? '\t' : '\n');
            }
    }
    for (uint32_t i = 0; i < count; i++) sl_vec_release(&out[i]);
    free(columns);
    free(out);
    sl_parquet_reader_close(reader);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    return code;
}

#endif
