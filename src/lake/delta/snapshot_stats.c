/* Statistics of a checkpoint row back to text.  Source: PROTOCOL.md "Per-file Statistics". */
#include <math.h>

#include "base/json.h"
#include "lake/delta/snapshot_int.h"
#include "lake/delta/value.h"

/* Numbers that JSON cannot say bound nothing either. */
static bool is_finite(const struct sl_vec *vec, uint32_t row) {
    if (vec->type->kind == SL_FLOAT_KIND) return isfinite(vec->f32[row]);
    return vec->type->kind != SL_DOUBLE_KIND || isfinite(vec->f64[row]);
}

static bool has_text(const struct sl_type *type) {
    return type->kind == SL_BOOL_KIND || sl_type_is_numeric(type) || sl_type_is_datetime(type) ||
           type->kind == SL_STRING_KIND || type->kind == SL_STRUCT_KIND;
}

static void put_value(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    if (vec->type->kind == SL_STRUCT_KIND) {
        sl_delta_stats_from_row(out, vec, row);
    } else if (vec->type->kind == SL_STRING_KIND) {
        sl_json_put_string(out, sl_vec_str(vec, row));
    } else {
        const char *quote = sl_type_is_datetime(vec->type) ? "\"" : "";
        sl_buf_put_cstr(out, quote);
        sl_delta_value_put(out, vec, row);
        sl_buf_put_cstr(out, quote);
    }
}

void sl_delta_stats_from_row(struct sl_buf *out, const struct sl_vec *parsed, uint32_t row) {
    bool any = false;
    sl_buf_put_byte(out, '{');
    for (uint32_t i = 0; i < parsed->type->field_count; i++) {
        const struct sl_vec *child = &parsed->children[i];
        if (sl_vec_is_null(child, row) || !has_text(child->type) || !is_finite(child, row))
            continue;
        if (any) sl_buf_put_byte(out, ',');
        any = true;
        sl_json_put_string(out, parsed->type->fields[i].name);
        sl_buf_put_byte(out, ':');
        put_value(out, child, row);
    }
    sl_buf_put_byte(out, '}');
}
