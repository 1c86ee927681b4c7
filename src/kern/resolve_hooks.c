/* The hooks of `-> @name`: coercion of operators, types of decimals, types of constructors.
 * Source: AnsiStringPromotionTypeCoercion, DecimalPrecisionTypeCoercion, DivisionTypeCoercion,
 * IntegralDivisionTypeCoercion, arithmetic.scala (resultDecimalType), mathExpressions.scala. */
#include <stdio.h>

#include "kern/cast.h"
#include "kern/number.h"
#include "kern/resolve.h"

static int int_max(int a, int b) { return a > b ? a : b; }
static int int_min(int a, int b) { return a < b ? a : b; }
static bool is_decimal(const struct sl_type *t) { return t->kind == SL_DECIMAL_KIND; }
static bool is_null(const struct sl_type *t) { return t->kind == SL_NULL_KIND; }

/* ---- coercion of two operands ---- */

/* A literal integer beside a decimal takes no more digits than it has. */
static const struct sl_type *decimal_of(const struct sl_resolve *resolve, uint32_t i) {
    const struct sl_resolve_arg *arg = &resolve->args[i];
    const struct sl_vec *value = arg->constant;
    if (!arg->literal || !value || sl_vec_is_null(value, 0))
        return sl_type_decimal_for(resolve->arena, arg->type);
    int64_t number = value->type->kind == SL_BYTE_KIND    ? value->i8[0]
                     : value->type->kind == SL_SHORT_KIND ? value->i16[0]
                     : value->type->kind == SL_INT_KIND   ? value->i32[0]
                                                          : value->i64[0];
    int digits = 1;
    for (; number / 10; number /= 10) digits++;
    return sl_type_decimal(resolve->arena, digits, 0);
}

static void coerce_decimals(struct sl_resolve *resolve) {
    const struct sl_type **t = resolve->targets;
    for (uint32_t i = 0; i < 2; i++) {
        const struct sl_type *other = t[1 - i];
        if (!is_decimal(t[i])) continue;
        if (sl_type_is_integer(other)) t[1 - i] = decimal_of(resolve, 1 - i);
        if (sl_type_is_float(other)) t[i] = &sl_type_double;
    }
}

typedef bool (*accepts_fn)(const struct sl_type *type);

/* accepts: types the operator takes, NULL for any; operands whose common type it does not take stay
 * as they are, and are then refused as different. */
static void coerce_pair(struct sl_resolve *resolve, accepts_fn accepts) {
    const struct sl_type **t = resolve->targets;
    const struct sl_type *promoted = sl_type_promote_string(t[0], t[1]);
    if (promoted) {
        t[0] = t[1] = promoted;
        return;
    }
    coerce_decimals(resolve);
    if (is_decimal(t[0]) && is_decimal(t[1])) return;
    const struct sl_type *common =
        sl_type_tightest(resolve->arena, t[0], t[1], sl_resolve_ansi(resolve));
    if (common && (!accepts || accepts(common))) t[0] = t[1] = common;
}

enum sl_code sl_resolve_different_types(const struct sl_resolve *resolve, struct sl_err *err) {
    return sl_resolve_mismatch(resolve, "BINARY_OP_DIFF_TYPES", err,
                               "the left and right operands of the binary operator have "
                               "incompatible types (\"%s\" and \"%s\").",
                               sl_type_sql(resolve->arena, resolve->targets[0]),
                               sl_type_sql(resolve->arena, resolve->targets[1]));
}

enum sl_code sl_resolve_wrong_type(const struct sl_resolve *resolve, const char *required,
                                   struct sl_err *err) {
    return sl_resolve_mismatch(resolve, "BINARY_OP_WRONG_TYPE", err,
                               "the binary operator requires the input type \"%s\", not \"%s\".",
                               required, sl_type_sql(resolve->arena, resolve->targets[0]));
}

/* ---- arithmetic ---- */

enum operation { OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_INT_DIVIDE, OP_REMAINDER };

static enum operation operation_of(const char *name) {
    if (strncmp(name, "try_", 4) == 0) name += 4;
    if (name[0] == '+' || strcmp(name, "add") == 0) return OP_ADD;
    if (name[0] == '-' || strcmp(name, "subtract") == 0) return OP_SUBTRACT;
    if (name[0] == '*' || strcmp(name, "multiply") == 0) return OP_MULTIPLY;
    if (name[0] == '/' || strcmp(name, "divide") == 0) return OP_DIVIDE;
    return strcmp(name, "div") == 0 ? OP_INT_DIVIDE : OP_REMAINDER;
}

static const struct sl_type *decimal_result(struct sl_arena *arena, enum operation operation,
                                            const struct sl_type *a, const struct sl_type *b) {
    int p1 = a->precision, s1 = a->scale, p2 = b->precision, s2 = b->scale, scale;
    switch (operation) {
    case OP_ADD:
    case OP_SUBTRACT:
        scale = int_max(s1, s2);
        return sl_type_decimal_bounded(arena, int_max(p1 - s1, p2 - s2) + scale + 1, scale);
    case OP_MULTIPLY:
        return sl_type_decimal_bounded(arena, p1 + p2 + 1, s1 + s2);
    case OP_DIVIDE:
        scale = int_max(6, s1 + p2 + 1);
        return sl_type_decimal_bounded(arena, p1 - s1 + s2 + scale, scale);
    case OP_REMAINDER:
        scale = int_max(s1, s2);
        return sl_type_decimal_bounded(arena, int_min(p1 - s1, p2 - s2) + scale, scale);
    default:
        return &sl_type_long;
    }
}

static bool is_long_or_decimal(const struct sl_type *type) {
    return type->kind == SL_LONG_KIND || is_decimal(type);
}

static enum sl_code hook_arithmetic(struct sl_resolve *resolve, struct sl_err *err) {
    enum operation operation = operation_of(resolve->function->name);
    const struct sl_type **t = resolve->targets;
    if (sl_type_is_interval(t[0]) || sl_type_is_interval(t[1]))
        return sl_resolve_interval(resolve, err);
    for (int i = 0; i < 2 && operation == OP_INT_DIVIDE && !is_decimal(t[1 - i]); i++)
        if (sl_type_is_integer(t[i])) t[i] = &sl_type_long;
    coerce_pair(resolve, operation == OP_INT_DIVIDE ? is_long_or_decimal : NULL);
    if (is_null(t[0]) && is_null(t[1])) t[0] = t[1] = &sl_type_double;
    bool decimals = is_decimal(t[0]) && is_decimal(t[1]);
    bool numbers = sl_type_is_numeric(t[0]) && sl_type_is_numeric(t[1]);
    if (!decimals && !sl_type_equal(t[0], t[1])) return sl_resolve_different_types(resolve, err);
    if (!numbers)
        return sl_resolve_wrong_type(
            resolve,
            operation <= OP_SUBTRACT
                ? "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO "
                  "MONTH\" or \"INTERVAL\")"
                : "NUMERIC",
            err);
    if (operation == OP_DIVIDE && !decimals) t[0] = t[1] = &sl_type_double;
    if (operation == OP_INT_DIVIDE && !decimals) {
        if (sl_type_is_float(t[0]))
            return sl_resolve_wrong_type(resolve, "(\"BIGINT\" or \"DECIMAL\")", err);
        t[0] = t[1] = &sl_type_long;
    }
    resolve->result = decimals ? decimal_result(resolve->arena, operation, t[0], t[1]) : t[0];
    return SL_OK;
}

/* One number (a string becomes a double), or an interval; the result has its type. */
static enum sl_code hook_unary(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (t[0]->kind == SL_STRING_KIND || is_null(t[0])) t[0] = &sl_type_double;
    if (!sl_type_is_numeric(t[0]) && !sl_type_is_interval(t[0]))
        return sl_resolve_unexpected(resolve, 0,
                                     "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or "
                                     "\"INTERVAL YEAR TO MONTH\")",
                                     err);
    resolve->result = t[0];
    return SL_OK;
}

static enum sl_code hook_bits(struct sl_resolve *resolve, struct sl_err *err) {
    coerce_pair(resolve, sl_type_is_integer);
    const struct sl_type **t = resolve->targets;
    if (is_null(t[0])) t[0] = t[1] = &sl_type_int;
    if (!sl_type_equal(t[0], t[1])) return sl_resolve_different_types(resolve, err);
    if (!sl_type_is_integer(t[0])) return sl_resolve_wrong_type(resolve, "INTEGRAL", err);
    resolve->result = t[0];
    return SL_OK;
}

/* One integral argument, its type kept (byte and short as they are); further ones int. */
static enum sl_code hook_same(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    resolve->result = resolve->targets[0];
    return SL_OK;
}

/* shiftleft and its kin work on int and long. */
static enum sl_code hook_shift(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    /* Spark asks for an int or a long and so makes any other number an int. */
    if (resolve->targets[0]->kind != SL_LONG_KIND) resolve->targets[0] = &sl_type_int;
    resolve->result = resolve->targets[0];
    return SL_OK;
}

/* ---- rounding ---- */

/* A constant that the cast to int cuts. */
static bool constant_number(const struct sl_vec *value, int *out) {
    double number;
    switch (value->type->kind) {
    case SL_LONG_KIND:
        number = (double)value->i64[0];
        break;
    case SL_FLOAT_KIND:
        number = (double)value->f32[0];
        break;
    case SL_DOUBLE_KIND:
        number = value->f64[0];
        break;
    case SL_DECIMAL_KIND:
        number = sl_decimal_to_f64(sl_type_is_wide_decimal(value->type) ? value->i128[0]
                                                                        : (sl_int128)value->i64[0],
                                   value->type->scale);
        break;
    case SL_STRING_KIND:
        if (!sl_parse_f64(sl_vec_str(value, 0), &number)) return false;
        break;
    default:
        return false;
    }
    if (!(number > -2147483649.0 && number < 2147483648.0)) return false;
    *out = (int)number;
    return true;
}

static bool constant_int(const struct sl_resolve *resolve, uint32_t i, int *out) {
    const struct sl_vec *value = i < resolve->arg_count ? resolve->args[i].constant : NULL;
    if (i >= resolve->arg_count) {
        *out = 0;
        return true;
    }
    if (!value || sl_vec_is_null(value, 0)) return false;
    switch (value->type->kind) {
    case SL_BYTE_KIND:
        *out = value->i8[0];
        return true;
    case SL_SHORT_KIND:
        *out = value->i16[0];
        return true;
    case SL_INT_KIND:
        *out = value->i32[0];
        return true;
    default:
        return constant_number(value, out);
    }
}

static const struct sl_type *rounded_decimal(struct sl_arena *arena, const struct sl_type *type,
                                             int scale) {
    int integral = type->precision - type->scale + 1;
    if (scale < 0) return sl_type_decimal(arena, int_min(int_max(integral, 1 - scale), 38), 0);
    int kept = int_min(type->scale, scale);
    return sl_type_decimal(arena, int_min(integral + kept, 38), kept);
}

static enum sl_code hook_round(struct sl_resolve *resolve, struct sl_err *err) {
    int scale = 0;
    const struct sl_type **t = resolve->targets;
    if (!constant_int(resolve, 1, &scale) && !is_null(resolve->args[1].type))
        return sl_resolve_unexpected(resolve, 1, "INT", err);
    resolve->result = is_decimal(t[0]) ? rounded_decimal(resolve->arena, t[0], scale) : t[0];
    return SL_OK;
}

/* ceil and floor: a long of a double, a decimal without fraction of a decimal; with a scale always
 * decimals. */
static enum sl_code hook_ceil(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    int scale = 0;
    if (resolve->arg_count == 2) {
        if (resolve->args[1].type->kind != SL_INT_KIND || !constant_int(resolve, 1, &scale))
            return sl_fail_at(err, resolve->span, "NON_FOLDABLE_ARGUMENT", "42K08",
                              "The function `%s` requires the parameter `scale` to be a foldable "
                              "expression of the type \"INT\", but the actual argument is not.",
                              resolve->function->name);
        t[0] = sl_type_decimal_for(resolve->arena, t[0]);
        resolve->result = rounded_decimal(resolve->arena, t[0], scale);
    } else if (is_decimal(t[0])) {
        resolve->result =
            sl_type_decimal(resolve->arena, int_min(t[0]->precision - t[0]->scale + 1, 38), 0);
    } else {
        t[0] = sl_type_is_float(t[0]) ? &sl_type_double : &sl_type_long;
        resolve->result = &sl_type_long;
    }
    return SL_OK;
}

/* regexp_replace: the position must be known to be positive. */
static enum sl_code hook_replace_at(struct sl_resolve *resolve, struct sl_err *err) {
    int position = 1;
    resolve->result = &sl_type_string;
    if (resolve->arg_count < 4 || is_null(resolve->args[3].type)) return SL_OK;
    if (constant_int(resolve, 3, &position) && position <= 0)
        return sl_resolve_mismatch(resolve, "VALUE_OUT_OF_RANGE", err,
                                   "The position must be between (0, 2147483647] (current value "
                                   "= %d).",
                                   position);
    return SL_OK;
}

/* ---- comparison ---- */

static bool has_map(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_map(type->fields[i].type)) return true;
    return false;
}

static enum sl_code check_ordering(struct sl_resolve *resolve, const struct sl_type *type,
                                   struct sl_err *err) {
    if (!has_map(type)) return SL_OK;
    return sl_resolve_mismatch(resolve, "INVALID_ORDERING_TYPE", err,
                               "The `%s` does not support ordering on type \"%s\".",
                               resolve->function->name, sl_type_sql(resolve->arena, type));
}

static enum sl_code hook_compare(struct sl_resolve *resolve, struct sl_err *err) {
    coerce_pair(resolve, NULL);
    const struct sl_type **t = resolve->targets;
    if (is_decimal(t[0]) && is_decimal(t[1]))
        t[0] = t[1] = sl_type_common(resolve->arena, t[0], t[1], sl_resolve_ansi(resolve));
    if (!sl_type_equal_structure(t[0], t[1])) return sl_resolve_different_types(resolve, err);
    resolve->result = &sl_type_bool;
    return check_ordering(resolve, t[0], err);
}

static enum sl_code widen_all(struct sl_resolve *resolve, uint32_t first, uint32_t step,
                              const struct sl_type **out, struct sl_err *err) {
    const struct sl_type *common = &sl_type_null;
    for (uint32_t i = first; i < resolve->arg_count && common; i += step)
        common =
            sl_type_common(resolve->arena, common, resolve->args[i].type, sl_resolve_ansi(resolve));
    if (!common) {
        struct sl_buf list = {0};
        for (uint32_t i = first; i < resolve->arg_count && list.len < 300; i += step)
            sl_buf_printf(&list, "%s\"%s\"", i > first ? ", " : "",
                          sl_type_sql(resolve->arena, resolve->args[i].type));
        enum sl_code code =
            sl_resolve_mismatch(resolve, "DATA_DIFF_TYPES", err,
                                "Input to `%s` should all be the same type, but it's [%s].",
                                resolve->function->name, sl_buf_cstr(&list));
        sl_buf_release(&list);
        return code;
    }
    for (uint32_t i = first; i < resolve->arg_count; i += step) resolve->targets[i] = common;
    *out = common;
    return SL_OK;
}

static enum sl_code hook_in(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type *common;
    resolve->result = &sl_type_bool;
    SL_TRY(widen_all(resolve, 0, 1, &common, err));
    return check_ordering(resolve, common, err);
}

static enum sl_code hook_extreme(struct sl_resolve *resolve, struct sl_err *err) {
    SL_TRY(widen_all(resolve, 0, 1, &resolve->result, err));
    return check_ordering(resolve, resolve->result, err);
}

/* ---- constructors ---- */

static bool any_nullable(const struct sl_resolve *resolve, uint32_t first, uint32_t step) {
    for (uint32_t i = first; i < resolve->arg_count; i += step)
        if (resolve->args[i].nullable) return true;
    return false;
}

static enum sl_code hook_array(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type *element;
    SL_TRY(widen_all(resolve, 0, 1, &element, err));
    resolve->result = sl_type_array(resolve->arena, element, any_nullable(resolve, 0, 1));
    return SL_OK;
}

static enum sl_code odd_count(struct sl_resolve *resolve, struct sl_err *err) {
    return sl_fail_at(err, resolve->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "The `%s` requires 2n (n > 0) parameters but the actual number is %u.",
                      resolve->function->name, resolve->arg_count);
}

static enum sl_code hook_map(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type *key, *value;
    if (resolve->arg_count % 2) return odd_count(resolve, err);
    SL_TRY(widen_all(resolve, 0, 2, &key, err));
    SL_TRY(widen_all(resolve, 1, 2, &value, err));
    if (has_map(key))
        return sl_resolve_mismatch(resolve, "INVALID_MAP_KEY_TYPE", err,
                                   "The key of map cannot be/contain \"%s\".",
                                   sl_type_sql(resolve->arena, key));
    resolve->result = sl_type_map(resolve->arena, key, value, any_nullable(resolve, 1, 2));
    return SL_OK;
}

static enum sl_code hook_struct(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    struct sl_field *fields = SL_NEW_ARRAY(resolve->arena, struct sl_field, resolve->arg_count + 1);
    for (uint32_t i = 0; i < resolve->arg_count; i++) {
        struct sl_str name = resolve->args[i].name;
        if (!name.len) name = sl_arena_printf(resolve->arena, "col%u", i + 1);
        fields[i] = (struct sl_field){
            .name = name, .type = resolve->args[i].type, .nullable = resolve->args[i].nullable};
    }
    resolve->result = sl_type_struct(resolve->arena, fields, resolve->arg_count);
    return SL_OK;
}

static enum sl_code hook_named_struct(struct sl_resolve *resolve, struct sl_err *err) {
    if (resolve->arg_count % 2) return odd_count(resolve, err);
    uint32_t count = resolve->arg_count / 2;
    struct sl_field *fields = SL_NEW_ARRAY(resolve->arena, struct sl_field, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_resolve_arg *name = &resolve->args[2 * i], *value = name + 1;
        if (!name->constant || name->type->kind != SL_STRING_KIND ||
            sl_vec_is_null(name->constant, 0))
            return sl_resolve_mismatch(resolve, "CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING", err,
                                       "Only foldable `STRING` expressions are allowed to appear "
                                       "at odd position.");
        fields[i] =
            (struct sl_field){.name = sl_arena_str(resolve->arena, sl_vec_str(name->constant, 0)),
                              .type = value->type,
                              .nullable = value->nullable};
    }
    resolve->result = sl_type_struct(resolve->arena, fields, count);
    return SL_OK;
}

static enum sl_code hook_map_keys(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    resolve->result = sl_type_array(resolve->arena, resolve->targets[0]->fields[0].type, false);
    return SL_OK;
}

static enum sl_code hook_map_values(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    const struct sl_field *value = &resolve->targets[0]->fields[1];
    resolve->result = sl_type_array(resolve->arena, value->type, value->nullable);
    return SL_OK;
}

/* What a generator makes is not one value. */
static enum sl_code hook_generator(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    resolve->result = &sl_type_null;
    return SL_OK;
}

sl_resolve_hook sl_resolve_hook_find(struct sl_str name) {
    static const struct {
        const char *name;
        sl_resolve_hook hook;
    } hooks[] = {{"arithmetic", hook_arithmetic},
                 {"unary", hook_unary},
                 {"bits", hook_bits},
                 {"same", hook_same},
                 {"shift", hook_shift},
                 {"round", hook_round},
                 {"ceil", hook_ceil},
                 {"replace_at", hook_replace_at},
                 {"compare", hook_compare},
                 {"in", hook_in},
                 {"extreme", hook_extreme},
                 {"array", hook_array},
                 {"map", hook_map},
                 {"struct", hook_struct},
                 {"named_struct", hook_named_struct},
                 {"datetime", sl_resolve_datetime},
                 {"extract", sl_resolve_extract},
                 {"concat_ws", sl_resolve_concat_ws},
                 {"generator", hook_generator},
                 {"time_window", sl_resolve_time_window},
                 {"number_pattern", sl_resolve_number_pattern},
                 {"map_keys", hook_map_keys},
                 {"map_values", hook_map_values}};
    for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++)
        if (sl_str_eq(name, sl_str(hooks[i].name))) return hooks[i].hook;
    sl_resolve_hook hook = sl_resolve_aggregate_hook(name);
    return hook ? hook : sl_resolve_array_hook(name);
}
