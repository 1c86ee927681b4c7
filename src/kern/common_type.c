/* Common types of two, as Spark 4.1 finds them.
 * Source: TypeCoercion.scala, AnsiTypeCoercion.scala (findTightestCommonType, findWiderTypeForTwo),
 * AnsiStringPromotionTypeCoercion.scala, TypeCoercionHelper.findTypeForComplex,
 * DecimalPrecisionRule.widerDecimalType. */
#include "kern/resolve.h"

typedef const struct sl_type *(*find_fn)(struct sl_arena *arena, const struct sl_type *a,
                                         const struct sl_type *b, bool ansi);

static int int_max(int a, int b) { return a > b ? a : b; }
static int int_min(int a, int b) { return a < b ? a : b; }

const struct sl_type *sl_type_decimal_bounded(struct sl_arena *arena, int precision, int scale) {
    if (precision <= 38) return sl_type_decimal(arena, precision, scale);
    int integer_digits = precision - scale, scale_min = int_min(scale, 6);
    return sl_type_decimal(arena, 38, int_max(38 - integer_digits, scale_min));
}

const struct sl_type *sl_type_decimal_for(struct sl_arena *arena, const struct sl_type *type) {
    switch (type->kind) {
    case SL_BYTE_KIND:
        return sl_type_decimal(arena, 3, 0);
    case SL_SHORT_KIND:
        return sl_type_decimal(arena, 5, 0);
    case SL_INT_KIND:
        return sl_type_decimal(arena, 10, 0);
    case SL_LONG_KIND:
        return sl_type_decimal(arena, 20, 0);
    case SL_FLOAT_KIND:
        return sl_type_decimal(arena, 14, 7);
    case SL_DOUBLE_KIND:
        return sl_type_decimal(arena, 30, 15);
    default:
        return type;
    }
}

/* boundedPreferIntegralDigits: digits before the point win over digits behind it. */
static const struct sl_type *wider_decimal(struct sl_arena *arena, const struct sl_type *a,
                                           const struct sl_type *b) {
    int scale = int_max(a->scale, b->scale);
    int range = int_max(a->precision - a->scale, b->precision - b->scale);
    if (range + scale <= 38) return sl_type_decimal(arena, range + scale, scale);
    return sl_type_decimal(arena, 38, int_max(0, 38 - range));
}

static bool is_decimal(const struct sl_type *t) { return t->kind == SL_DECIMAL_KIND; }

static const struct sl_type *common_fields(struct sl_arena *arena, const struct sl_type *a,
                                           const struct sl_type *b, bool ansi, find_fn find) {
    if (a->field_count != b->field_count) return NULL;
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, a->field_count + 1);
    for (uint32_t i = 0; i < a->field_count; i++) {
        const struct sl_field *left = &a->fields[i], *right = &b->fields[i];
        if (a->kind == SL_STRUCT_KIND && !sl_str_eq_nocase(left->name, right->name)) return NULL;
        fields[i] = *left;
        fields[i].type = find(arena, left->type, right->type, ansi);
        if (!fields[i].type) return NULL;
        fields[i].nullable =
            left->nullable || right->nullable ||
            (!sl_type_equal(fields[i].type, left->type) && left->type->kind == SL_NULL_KIND);
    }
    if (a->kind == SL_ARRAY_KIND) return sl_type_array(arena, fields[0].type, fields[0].nullable);
    if (a->kind == SL_MAP_KIND)
        return sl_type_map(arena, fields[0].type, fields[1].type, fields[1].nullable);
    return sl_type_struct(arena, fields, a->field_count);
}

const struct sl_type *sl_type_common_interval(struct sl_arena *arena, const struct sl_type *a,
                                              const struct sl_type *b) {
    struct sl_type *type = SL_NEW(arena, struct sl_type);
    *type = *a;
    type->interval_from = (uint8_t)int_min(a->interval_from, b->interval_from);
    type->interval_to = (uint8_t)int_max(a->interval_to, b->interval_to);
    return type;
}

/* DATE with a timestamp is that timestamp; the two timestamps meet at TIMESTAMP. */
static const struct sl_type *common_datetime(const struct sl_type *a, const struct sl_type *b) {
    if (a->kind == SL_TIMESTAMP_KIND || b->kind == SL_TIMESTAMP_KIND) return &sl_type_timestamp;
    return &sl_type_timestamp_ntz;
}

/* Whether a decimal holds every value of an integral type. */
static bool holds_integral(const struct sl_type *decimal, const struct sl_type *integral) {
    static const int digits[] = {
        [SL_BYTE_KIND] = 3, [SL_SHORT_KIND] = 5, [SL_INT_KIND] = 10, [SL_LONG_KIND] = 20};
    return decimal->precision - decimal->scale >= digits[integral->kind];
}

static const struct sl_type *tightest(struct sl_arena *arena, const struct sl_type *a,
                                      const struct sl_type *b, bool ansi, find_fn find) {
    if (a->kind == SL_NULL_KIND) return b;
    if (b->kind == SL_NULL_KIND) return a;
    if (!sl_type_is_nested(a) && sl_type_equal(a, b)) return a;
    if (sl_type_is_integer(a) && is_decimal(b)) return holds_integral(b, a) ? b : NULL;
    if (is_decimal(a) && sl_type_is_integer(b)) return holds_integral(a, b) ? a : NULL;
    if (sl_type_is_numeric(a) && sl_type_is_numeric(b) && !is_decimal(a) && !is_decimal(b)) {
        const struct sl_type *wider = a->kind > b->kind ? a : b;
        /* ANSI mode: a float does not hold every int. */
        return ansi && wider->kind == SL_FLOAT_KIND ? &sl_type_double : wider;
    }
    if (sl_type_is_datetime(a) && sl_type_is_datetime(b)) return common_datetime(a, b);
    if (sl_type_is_interval(a) && a->kind == b->kind) return sl_type_common_interval(arena, a, b);
    if (sl_type_is_nested(a) && a->kind == b->kind) return common_fields(arena, a, b, ansi, find);
    return NULL;
}

const struct sl_type *sl_type_tightest(struct sl_arena *arena, const struct sl_type *a,
                                       const struct sl_type *b, bool ansi) {
    return tightest(arena, a, b, ansi, sl_type_tightest);
}

const struct sl_type *sl_type_promote_string(const struct sl_type *a, const struct sl_type *b) {
    if (a->kind != SL_STRING_KIND) {
        if (b->kind != SL_STRING_KIND) return NULL;
        const struct sl_type *swap = a;
        a = b;
        b = swap;
    }
    if (b->kind == SL_STRING_KIND) return NULL;
    if (sl_type_is_integer(b)) return &sl_type_long;
    if (sl_type_is_numeric(b)) return &sl_type_double;
    if (b->kind == SL_NULL_KIND) return a;
    if (sl_type_is_interval(b) || sl_type_is_nested(b)) return NULL;
    return b;
}

const struct sl_type *sl_type_common(struct sl_arena *arena, const struct sl_type *a,
                                     const struct sl_type *b, bool ansi) {
    const struct sl_type *found = tightest(arena, a, b, ansi, sl_type_common);
    if (found) return found;
    if (sl_type_is_numeric(a) && sl_type_is_numeric(b)) {
        /* findWiderTypeForDecimal: one side is a decimal here. */
        if (!is_decimal(a) && !sl_type_is_integer(a)) return &sl_type_double;
        if (!is_decimal(b) && !sl_type_is_integer(b)) return &sl_type_double;
        return wider_decimal(arena, sl_type_decimal_for(arena, a), sl_type_decimal_for(arena, b));
    }
    return sl_type_promote_string(a, b);
}
