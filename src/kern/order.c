#include "kern/order.h"

static int order_f64(double a, double b) {
    if (a < b) return -1;
    if (a > b) return 1;
    return (a != a) - (b != b);
}

static int order_nullable(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                          uint32_t row_b) {
    bool null_a = sl_vec_is_null(a, row_a), null_b = sl_vec_is_null(b, row_b);
    if (null_a || null_b) return null_b - null_a;
    return sl_order_rows(a, row_a, b, row_b);
}

static int order_lists(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                       uint32_t row_b) {
    uint32_t at_a = (uint32_t)a->offsets[row_a], at_b = (uint32_t)b->offsets[row_b];
    uint32_t len_a = (uint32_t)a->offsets[row_a + 1] - at_a;
    uint32_t len_b = (uint32_t)b->offsets[row_b + 1] - at_b;
    for (uint32_t i = 0; i < len_a && i < len_b; i++)
        for (uint32_t c = 0; c < a->child_count; c++) {
            int order = order_nullable(&a->children[c], at_a + i, &b->children[c], at_b + i);
            if (order) return order;
        }
    return (len_a > len_b) - (len_a < len_b);
}

static int order_structs(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                         uint32_t row_b) {
    for (uint32_t c = 0; c < a->child_count; c++) {
        int order = order_nullable(&a->children[c], row_a, &b->children[c], row_b);
        if (order) return order;
    }
    return 0;
}

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int order_fixed(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                       uint32_t row_b) {
    switch (a->type->kind) {
    case SL_BOOL_KIND:
        return ORDER(sl_bit_get(a->bits, row_a), sl_bit_get(b->bits, row_b));
    case SL_FLOAT_KIND:
        return order_f64((double)a->f32[row_a], (double)b->f32[row_b]);
    case SL_DOUBLE_KIND:
        return order_f64(a->f64[row_a], b->f64[row_b]);
    default:
        break;
    }
    switch (sl_type_width(a->type)) {
    case 1:
        return ORDER(a->i8[row_a], b->i8[row_b]);
    case 2:
        return ORDER(a->i16[row_a], b->i16[row_b]);
    case 4:
        return ORDER(a->i32[row_a], b->i32[row_b]);
    case 8:
        return ORDER(a->i64[row_a], b->i64[row_b]);
    default:
        return ORDER(a->i128[row_a], b->i128[row_b]);
    }
}

int sl_order_rows(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b, uint32_t row_b) {
    if (sl_type_is_bytes(a->type)) return sl_str_cmp(sl_vec_str(a, row_a), sl_vec_str(b, row_b));
    if (a->enc == SL_ENC_DICT)
        return sl_order_rows(&a->children[0], (uint32_t)a->codes[row_a], b, row_b);
    if (b->enc == SL_ENC_DICT)
        return sl_order_rows(a, row_a, &b->children[0], (uint32_t)b->codes[row_b]);
    row_a = sl_vec_pos(a, row_a);
    row_b = sl_vec_pos(b, row_b);
    switch (a->type->kind) {
    case SL_NULL_KIND:
        return 0;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        return order_lists(a, row_a, b, row_b);
    case SL_STRUCT_KIND:
        return order_structs(a, row_a, b, row_b);
    default:
        return order_fixed(a, row_a, b, row_b);
    }
}
