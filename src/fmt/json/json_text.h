/* Columns to JSON text (to_json) and path queries over JSON text (get_json_object). */
#ifndef SL_FMT_JSON_TEXT_H
#define SL_FMT_JSON_TEXT_H

#include "base/buf.h"
#include "col/vec.h"
#include "fmt/json/json_options.h"

/* How scalars that need a calendar are printed; from kern, by the caller. f64, f32 may be NULL:
 * then as Java's shortest text. decimal is not used (BigDecimal.toString is printed here). */
struct sl_json_print_hooks {
    const void *ctx;
    void (*timestamp)(const void *ctx, struct sl_buf *out, int64_t micros); /* unquoted text */
    void (*timestamp_ntz)(const void *ctx, struct sl_buf *out, int64_t micros);
    void (*date)(const void *ctx, struct sl_buf *out, int32_t days);
    void (*f64)(const void *ctx, struct sl_buf *out, double value);
    void (*f32)(const void *ctx, struct sl_buf *out, float value);
    void (*decimal)(const void *ctx, struct sl_buf *out, sl_int128 unscaled, int scale);
};
/* Appends one row (struct, array, map or variant of them) as Spark's to_json does: null fields
 * omitted unless ignore_null_fields is false, nulls in arrays kept, no blanks. */
SL_MUST_CHECK enum sl_code sl_json_print(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                                         const struct sl_json_options *options,
                                         const struct sl_json_print_hooks *hooks,
                                         struct sl_err *err);

/* A compiled JSON path ($, .name, ['name'], [n], [*], .*); NULL for a path Spark does not accept
 * (result NULL). */
struct sl_json_path;
struct sl_json_path *sl_json_path_parse(struct sl_arena *arena, struct sl_str text);
/* get_json_object: appends the result; false = NULL (no match, JSON null, broken JSON). */
bool sl_json_path_get(const struct sl_json_path *path, struct sl_str json, struct sl_buf *out);

#endif
