/* Statistics of a row group, only where they may be believed (parquet.thrift: Statistics,
 * ColumnOrder).
 *
 * min_value/max_value count when the file says which order they have; the older min/max were made
 * with signed comparison, so for unsigned types and strings they mean nothing. */
#include <math.h>

#include "fmt/parquet/parquet_read_int.h"

/* Types whose order is that of their vector values. */
static bool has_order(const struct sl_parquet_leaf *leaf) {
    return leaf->physical != SL_PARQUET_INT96 && !leaf->is_interval &&
           leaf->conversion != SL_CONVERT_NULL;
}

static bool has_signed_order(const struct sl_parquet_leaf *leaf) {
    return has_order(leaf) && !leaf->is_unsigned && leaf->conversion != SL_CONVERT_BYTES &&
           leaf->conversion != SL_CONVERT_DECIMAL;
}

/* Binary statistics of parquet-mr before 1.8.0 are wrong (PARQUET-251); and when nobody says who
 * wrote them, parquet-java does not believe them either. */
static bool old_are_broken(const struct sl_parquet_footer *footer,
                           const struct sl_parquet_leaf *leaf) {
    bool bytes = leaf->physical == SL_PARQUET_BYTE_ARRAY || leaf->physical == SL_PARQUET_FIXED;
    return bytes && (!footer->author.versioned ||
                     sl_parquet_author_before(&footer->author, SL_STR("parquet-mr"), 1, 8, 0));
}

static bool choose_bounds(const struct sl_parquet_footer *footer, uint32_t leaf_number,
                          const struct sl_parquet_statistics *s, struct sl_str *min,
                          struct sl_str *max) {
    const struct sl_parquet_leaf *leaf = &footer->schema.leaves[leaf_number];
    uint8_t order = footer->orders ? footer->orders[leaf_number] : (uint8_t)SL_ORDER_NONE;
    bool real = leaf->physical == SL_PARQUET_FLOAT || leaf->physical == SL_PARQUET_DOUBLE ||
                leaf->conversion == SL_CONVERT_HALF;
    if (s->min.ptr && s->max.ptr && (order == SL_ORDER_TYPE || (order == SL_ORDER_IEEE && real)) &&
        has_order(leaf)) {
        *min = s->min;
        *max = s->max;
        return true;
    }
    if (!s->old_min.ptr || !s->old_max.ptr || !has_order(leaf) || old_are_broken(footer, leaf))
        return false;
    if (!has_signed_order(leaf) && !sl_str_eq(s->old_min, s->old_max)) return false;
    *min = s->old_min;
    *max = s->old_max;
    return true;
}

static void set_real(struct sl_vec *vec, double value) {
    if (vec->type->kind == SL_FLOAT_KIND)
        vec->f32[0] = (float)value;
    else
        vec->f64[0] = value;
}

static double real_at(const struct sl_vec *vec) {
    return vec->type->kind == SL_FLOAT_KIND ? (double)vec->f32[0] : vec->f64[0];
}

/* Bounds of floats leave NaN out, and Spark sorts NaN above everything: unless the file says that
 * there is none, the upper bound becomes NaN. A zero may hide the other zero. */
static bool fix_reals(struct sl_vec *min, struct sl_vec *max, bool may_have_nan) {
    double low = real_at(min), high = real_at(max);
    if (low != low || high != high) return false;
    if (low == 0) set_real(min, -0.0);
    if (high == 0) set_real(max, 0.0);
    if (may_have_nan) set_real(max, (double)NAN);
    return true;
}

static bool convert_bounds(const struct sl_parquet_leaf *leaf, struct sl_str min, struct sl_str max,
                           bool may_have_nan, struct sl_group_stats *out) {
    if (sl_parquet_convert_one(leaf, min, &out->min, NULL) != SL_OK ||
        sl_parquet_convert_one(leaf, max, &out->max, NULL) != SL_OK)
        return false;
    if (sl_type_is_float(out->min.type)) return fix_reals(&out->min, &out->max, may_have_nan);
    return true;
}

enum sl_code sl_parquet_reader_group_stats(struct sl_parquet_reader *r, uint32_t group,
                                           uint32_t column, struct sl_group_stats *out,
                                           struct sl_err *err) {
    const struct sl_parquet_footer *footer = &r->footer;
    if (group >= footer->group_count || column >= footer->schema.type->field_count)
        return sl_fail(err, SL_BUG, "the Parquet file has no row group %u or column %u", group,
                       column);
    const struct sl_parquet_node *node = &footer->schema.root.children[column];
    *out = (struct sl_group_stats){0};
    sl_vec_init(&out->min, node->type);
    sl_vec_init(&out->max, node->type);
    if (!node->leaf) return SL_OK;
    const struct sl_parquet_chunk *chunk = &footer->groups[group].chunks[node->first_leaf];
    const struct sl_parquet_statistics *s = &chunk->statistics;
    struct sl_str min, max;
    if (chunk->encrypted || !chunk->has_metadata) return SL_OK;
    if (s->null_count >= 0 && s->null_count <= footer->groups[group].rows) {
        out->has_null_count = true;
        out->null_count = (uint64_t)s->null_count;
    }
    if (!choose_bounds(footer, node->first_leaf, s, &min, &max)) return SL_OK;
    out->has_min_max = convert_bounds(node->leaf, min, max, s->nan_count != 0, out);
    if (!out->has_min_max) {
        sl_vec_clear(&out->min);
        sl_vec_clear(&out->max);
    }
    return SL_OK;
}
