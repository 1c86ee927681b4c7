/* Which casts exist, and which happen by themselves: Spark's Cast.canCast / canAnsiCast and
 * AnsiTypeCoercion.implicitCast. */
#include "kern/cast.h"

/* Whether a cast between scalars can yield null for a value that is not null (Cast.forceNullable);
 * such a cast may not fill an element that is declared NOT NULL. */
static bool forces_null(const struct sl_type *from, const struct sl_type *to, bool ansi) {
    if (from->kind == SL_NULL_KIND) return false; /* of an empty array or map */
    if (sl_type_equal(from, to)) return false;
    if (from->kind == SL_STRING_KIND) return to->kind != SL_BINARY_KIND && !ansi;
    if (to->kind == SL_STRING_KIND) return false;
    if (to->kind == SL_DECIMAL_KIND) return !ansi;
    if (sl_type_is_float(from)) return to->kind == SL_TIMESTAMP_KIND && !ansi;
    return from->kind == SL_DATE_KIND && !sl_type_is_datetime(to);
}

static bool allowed(const struct sl_type *from, const struct sl_type *to, bool ansi);

static bool child_allowed(const struct sl_field *from, const struct sl_field *to, bool ansi) {
    bool nullable = from->nullable || forces_null(from->type, to->type, ansi);
    return allowed(from->type, to->type, ansi) && (!nullable || to->nullable);
}

static bool nested_allowed(const struct sl_type *from, const struct sl_type *to, bool ansi) {
    if (from->kind != to->kind || from->field_count != to->field_count) return false;
    for (uint32_t i = 0; i < from->field_count; i++)
        if (!child_allowed(&from->fields[i], &to->fields[i], ansi)) return false;
    return true;
}

static bool to_boolean_allowed(const struct sl_type *from, bool ansi) {
    if (from->kind == SL_STRING_KIND || sl_type_is_numeric(from)) return true;
    return !ansi && (from->kind == SL_DATE_KIND || from->kind == SL_TIMESTAMP_KIND);
}

static bool to_number_allowed(const struct sl_type *from, const struct sl_type *to, bool ansi) {
    if (sl_type_is_numeric(from) || from->kind == SL_STRING_KIND || from->kind == SL_BOOL_KIND ||
        from->kind == SL_TIMESTAMP_KIND)
        return true;
    if (sl_type_is_interval(from)) return sl_type_is_integer(to);
    return !ansi && from->kind == SL_DATE_KIND;
}

static bool to_timestamp_allowed(const struct sl_type *from, bool ansi) {
    if (from->kind == SL_STRING_KIND || sl_type_is_datetime(from) || sl_type_is_numeric(from))
        return true;
    return !ansi && from->kind == SL_BOOL_KIND;
}

static bool allowed(const struct sl_type *from, const struct sl_type *to, bool ansi) {
    if (from->kind == SL_NULL_KIND || sl_type_equal(from, to)) return true;
    if (to->kind == SL_STRING_KIND) return true;
    switch (to->kind) {
    case SL_BINARY_KIND:
        return from->kind == SL_STRING_KIND || (!ansi && sl_type_is_integer(from));
    case SL_BOOL_KIND:
        return to_boolean_allowed(from, ansi);
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
    case SL_DECIMAL_KIND:
        return to_number_allowed(from, to, ansi);
    case SL_TIMESTAMP_KIND:
        return to_timestamp_allowed(from, ansi);
    case SL_DATE_KIND:
    case SL_TIMESTAMP_NTZ_KIND:
        return from->kind == SL_STRING_KIND || sl_type_is_datetime(from);
    case SL_DAY_INTERVAL_KIND:
    case SL_MONTH_INTERVAL_KIND:
        return from->kind == SL_STRING_KIND || from->kind == to->kind || sl_type_is_integer(from);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
    case SL_STRUCT_KIND:
        return nested_allowed(from, to, ansi);
    default:
        return false;
    }
}

bool sl_cast_allowed(const struct sl_type *from, const struct sl_type *to, enum sl_cast_mode mode) {
    return allowed(from, to, mode != SL_CAST_LEGACY);
}

bool sl_cast_widens(const struct sl_type *from, const struct sl_type *to) {
    bool to_text = to->kind == SL_STRING_KIND || to->kind == SL_BINARY_KIND;
    if (to_text && from->kind != SL_NULL_KIND) return sl_type_equal(from, to);
    if (!sl_type_is_numeric(from) || !sl_type_is_numeric(to)) return sl_cast_implicit(from, to);
    if (sl_type_is_float(to)) return from->kind == SL_DECIMAL_KIND || from->kind <= to->kind;
    if (to->kind != SL_DECIMAL_KIND) return sl_type_is_integer(from) && from->kind <= to->kind;
    int digits = to->precision - to->scale;
    if (from->kind == SL_DECIMAL_KIND)
        return to->scale >= from->scale && digits >= from->precision - from->scale;
    static const int8_t integer_digits[] = {3, 5, 10, 20};
    return sl_type_is_integer(from) && digits >= integer_digits[from->kind - SL_BYTE_KIND];
}

/* Cast.canANSIStoreAssign, and texts for any scalar: any number where a number is wanted, any
 * scalar where a text is. */
bool sl_cast_implicit(const struct sl_type *from, const struct sl_type *to) {
    if (from->kind == SL_NULL_KIND || sl_type_equal(from, to)) return true;
    if (from->kind == SL_STRING_KIND) return !sl_type_is_nested(to) && to->kind != SL_NULL_KIND;
    if (sl_type_is_nested(from) || sl_type_is_nested(to)) {
        if (from->kind != to->kind || from->field_count != to->field_count) return false;
        for (uint32_t i = 0; i < from->field_count; i++)
            if (!sl_cast_implicit(from->fields[i].type, to->fields[i].type)) return false;
        return true;
    }
    if (to->kind == SL_STRING_KIND) return true;
    if (sl_type_is_numeric(from) && sl_type_is_numeric(to)) return true;
    /* A timestamp stands for its date too: add_months(ts, 1). */
    if (sl_type_is_datetime(from) && sl_type_is_datetime(to)) return true;
    return from->kind == to->kind && sl_type_is_interval(from);
}
