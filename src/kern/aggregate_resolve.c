/* Types of aggregates whose result is more than a signature says: the hooks of aggregates.def.
 * Source: the inputTypes, checkInputDataTypes and dataType of Spark's aggregate expressions. */
#include "kern/accumulator.h"
#include "kern/cast.h"
#include "kern/number.h"
#include "kern/resolve.h"

static bool has_map(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_map(type->fields[i].type)) return true;
    return false;
}

/* DecimalType.bounded: cut at 38, without regard to the digits before the point. */
static const struct sl_type *bounded(struct sl_arena *arena, int precision, int scale) {
    return sl_type_decimal(arena, precision > 38 ? 38 : precision, scale > 38 ? 38 : scale);
}

/* A number (texts become doubles) or an interval. */
static enum sl_code agg_sum(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (t[0]->kind == SL_STRING_KIND || t[0]->kind == SL_NULL_KIND) t[0] = &sl_type_double;
    if (!sl_type_is_numeric(t[0]) && !sl_type_is_interval(t[0]))
        return sl_resolve_unexpected(resolve, 0, "NUMERIC\" or \"ANSI INTERVAL", err);
    bool sums = strcmp(resolve->function->name, "sum") == 0 ||
                strcmp(resolve->function->name, "try_sum") == 0;
    if (t[0]->kind == SL_DECIMAL_KIND)
        resolve->result = sums ? bounded(resolve->arena, t[0]->precision + 10, t[0]->scale)
                               : bounded(resolve->arena, t[0]->precision + 4, t[0]->scale + 4);
    else if (sl_type_is_interval(t[0]))
        resolve->result = sums                                 ? t[0]
                          : t[0]->kind == SL_DAY_INTERVAL_KIND ? &sl_type_day_interval
                                                               : &sl_type_month_interval;
    else
        resolve->result = sums && sl_type_is_integer(t[0]) ? &sl_type_long : &sl_type_double;
    return SL_OK;
}

static enum sl_code check_ordered(struct sl_resolve *resolve, uint32_t arg, struct sl_err *err) {
    const struct sl_type *type = resolve->targets[arg];
    if (!has_map(type)) return SL_OK;
    return sl_resolve_mismatch(resolve, "INVALID_ORDERING_TYPE", err,
                               "The `%s` does not support ordering on type \"%s\".",
                               resolve->function->name, sl_type_sql(resolve->arena, type));
}

/* The value itself, which has an order. */
static enum sl_code agg_ordered(struct sl_resolve *resolve, struct sl_err *err) {
    resolve->result = resolve->targets[0];
    return check_ordered(resolve, 0, err);
}

/* The value that goes with the extreme of the second argument. */
static enum sl_code agg_by(struct sl_resolve *resolve, struct sl_err *err) {
    resolve->result = resolve->targets[0];
    return check_ordered(resolve, 1, err);
}

static enum sl_code agg_same(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    resolve->result = resolve->targets[0];
    return SL_OK;
}

static enum sl_code agg_first(struct sl_resolve *resolve, struct sl_err *err) {
    resolve->result = resolve->targets[0];
    if (resolve->arg_count < 2) return SL_OK;
    const struct sl_resolve_arg *ignore = &resolve->args[1];
    if (ignore->type->kind == SL_BOOL_KIND && ignore->constant &&
        !sl_vec_is_null(ignore->constant, 0))
        return SL_OK;
    return sl_fail_at(err, resolve->span, "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", "42K09",
                      "The second argument in %s should be a boolean literal.",
                      resolve->function->name);
}

static enum sl_code agg_collect_list(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    resolve->result = sl_type_array(resolve->arena, resolve->targets[0], false);
    return SL_OK;
}

static enum sl_code agg_collect_set(struct sl_resolve *resolve, struct sl_err *err) {
    if (has_map(resolve->targets[0]))
        return sl_resolve_mismatch(
            resolve, "UNSUPPORTED_INPUT_TYPE", err,
            "The input of `collect_set` can't be \"MAP\" or \"COLLATED STRING\" type data.");
    return agg_collect_list(resolve, err);
}

/* ---- percentages ---- */

/* A constant number at a position, before it is cast. */
static bool constant_f64(const struct sl_vec *vec, uint32_t at, double *out) {
    uint32_t width = sl_type_width(vec->type);
    if (vec->type->kind == SL_STRING_KIND) return sl_parse_f64(sl_vec_str(vec, at), out);
    if (!sl_type_is_numeric(vec->type)) return false;
    if (sl_type_is_float(vec->type))
        *out = sl_load_f64(vec->data, width, at);
    else if (vec->type->kind == SL_DECIMAL_KIND)
        *out = sl_decimal_to_f64(sl_load_i128(vec->data, width == 16, at), vec->type->scale);
    else
        *out = (double)sl_load_i64(vec->data, width, at);
    return true;
}

static enum sl_code check_constant(const struct sl_resolve *resolve, uint32_t arg, const char *name,
                                   const char *type, struct sl_err *err) {
    const struct sl_vec *value = resolve->args[arg].constant;
    if (!value) {
        struct sl_buf text = {0};
        resolve->put_text(resolve->text_ctx, (int)arg, &text);
        enum sl_code code = sl_resolve_mismatch(
            resolve, "NON_FOLDABLE_INPUT", err,
            "the input `%s` should be a foldable \"%s\" expression; however, got \"%.*s\".", name,
            type, (int)(text.len > 120 ? 120 : text.len), sl_buf_cstr(&text));
        sl_buf_release(&text);
        return code;
    }
    if (!sl_vec_is_null(value, 0)) return SL_OK;
    return sl_resolve_mismatch(resolve, "UNEXPECTED_NULL", err, "The %s must not be null.", name);
}

/* "0.5D,1.5D" */
static enum sl_code percentage_out_of_range(const struct sl_resolve *resolve,
                                            const struct sl_vec *items, uint32_t first,
                                            uint32_t end, struct sl_err *err) {
    struct sl_buf list = {0};
    char text[32];
    double value = 0;
    for (uint32_t i = first; i < end && list.len < 300; i++) {
        constant_f64(items, i, &value);
        sl_buf_printf(&list, "%s%.*sD", i > first ? "," : "", (int)sl_format_f64(text, value),
                      text);
    }
    enum sl_code code = sl_resolve_mismatch(
        resolve, "VALUE_OUT_OF_RANGE", err,
        "The percentage must be between [0.0, 1.0] (current value = %s).", sl_buf_cstr(&list));
    sl_buf_release(&list);
    return code;
}

static enum sl_code check_percentages(struct sl_resolve *resolve, const char *required,
                                      struct sl_err *err) {
    const struct sl_vec *value = resolve->args[1].constant, *items = value;
    uint32_t first = 0, end = 1;
    if (value->type->kind == SL_ARRAY_KIND) {
        items = &value->children[0];
        first = (uint32_t)value->offsets[0];
        end = (uint32_t)value->offsets[1];
    }
    bool in_range = true;
    for (uint32_t i = first; i < end; i++) {
        double number = 0;
        if (items != value && sl_vec_is_null(items, i))
            return sl_resolve_unexpected(resolve, 1, required, err);
        if (constant_f64(items, i, &number)) in_range &= number >= 0 && number <= 1;
    }
    return in_range ? SL_OK : percentage_out_of_range(resolve, items, first, end, err);
}

static enum sl_code target_percentages(struct sl_resolve *resolve, struct sl_err *err) {
    const char *required = "DOUBLE\" or \"ARRAY<DOUBLE>";
    const struct sl_type **t = resolve->targets, *item = t[1];
    bool array = item->kind == SL_ARRAY_KIND;
    if (array) item = item->fields[0].type;
    if (!sl_type_is_numeric(item) && item->kind != SL_STRING_KIND && item->kind != SL_NULL_KIND)
        return sl_resolve_unexpected(resolve, 1, required, err);
    t[1] = array ? sl_type_array(resolve->arena, &sl_type_double, false) : &sl_type_double;
    SL_TRY(check_constant(resolve, 1, "percentage", array ? "ARRAY<DOUBLE>" : "DOUBLE", err));
    return check_percentages(resolve, required, err);
}

static enum sl_code target_integral(struct sl_resolve *resolve, uint32_t arg, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (!sl_type_is_integer(t[arg]) && t[arg]->kind != SL_NULL_KIND)
        return sl_resolve_unexpected(resolve, arg, "INTEGRAL", err);
    t[arg] = &sl_type_long;
    return SL_OK;
}

/* percentile, and median, which is the one of 0.5. */
static enum sl_code agg_percentile(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (t[0]->kind == SL_STRING_KIND || t[0]->kind == SL_NULL_KIND) t[0] = &sl_type_double;
    if (!sl_type_is_numeric(t[0]) && !sl_type_is_interval(t[0]))
        return sl_resolve_unexpected(
            resolve, 0, "NUMERIC\" or \"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH", err);
    resolve->result = t[0]->kind == SL_DAY_INTERVAL_KIND     ? &sl_type_day_interval
                      : t[0]->kind == SL_MONTH_INTERVAL_KIND ? &sl_type_month_interval
                                                             : &sl_type_double;
    if (resolve->arg_count < 2) return SL_OK;
    SL_TRY(target_percentages(resolve, err));
    if (t[1]->kind == SL_ARRAY_KIND)
        resolve->result = sl_type_array(resolve->arena, resolve->result, false);
    return resolve->arg_count < 3 ? SL_OK : target_integral(resolve, 2, err);
}

static enum sl_code check_accuracy(const struct sl_resolve *resolve, struct sl_err *err) {
    double accuracy = 0;
    SL_TRY(check_constant(resolve, 2, "accuracy", "INTEGRAL", err));
    constant_f64(resolve->args[2].constant, 0, &accuracy);
    if (accuracy > 0 && accuracy <= INT32_MAX) return SL_OK;
    return sl_resolve_mismatch(resolve, "VALUE_OUT_OF_RANGE", err,
                               "The accuracy must be between (0, 2147483647] (current value = "
                               "%.0fL).",
                               accuracy);
}

static enum sl_code agg_quantile(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (t[0]->kind == SL_STRING_KIND || t[0]->kind == SL_NULL_KIND) t[0] = &sl_type_double;
    if (!sl_type_is_numeric(t[0]) && !sl_type_is_datetime(t[0]) && !sl_type_is_interval(t[0]))
        return sl_resolve_unexpected(
            resolve, 0,
            "NUMERIC\" or \"DATE\" or \"TIMESTAMP\" or \"TIMESTAMP_NTZ\" or "
            "\"INTERVAL YEAR TO MONTH\" or \"INTERVAL DAY TO SECOND",
            err);
    SL_TRY(target_percentages(resolve, err));
    resolve->result =
        t[1]->kind == SL_ARRAY_KIND ? sl_type_array(resolve->arena, t[0], false) : t[0];
    if (resolve->arg_count < 3) return SL_OK;
    SL_TRY(target_integral(resolve, 2, err));
    return check_accuracy(resolve, err);
}

/* ---- the others ---- */

static enum sl_code agg_mode(struct sl_resolve *resolve, struct sl_err *err) {
    resolve->result = resolve->targets[0];
    if (resolve->arg_count < 2) return SL_OK;
    const struct sl_resolve_arg *least = &resolve->args[1];
    if (least->type->kind == SL_BOOL_KIND && least->constant) return SL_OK;
    return sl_fail_at(err, resolve->span, "NON_FOLDABLE_ARGUMENT", "42K08",
                      "The function `mode` requires the parameter `deterministic` to be a foldable "
                      "expression of the type \"BOOLEAN\", but the actual argument is a "
                      "non-foldable.");
}

/* Texts, or bytes with bytes between them; simple values become texts. */
static enum sl_code agg_listagg(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    if (sl_type_is_nested(t[0]))
        return sl_resolve_unexpected(resolve, 0, "STRING\" or \"BINARY", err);
    if (t[0]->kind != SL_BINARY_KIND) t[0] = &sl_type_string;
    resolve->result = t[0];
    if (resolve->arg_count < 2) return SL_OK;
    if (t[1]->kind != SL_BINARY_KIND && t[1]->kind != SL_NULL_KIND) t[1] = &sl_type_string;
    if (t[1]->kind == SL_NULL_KIND) t[1] = t[0];
    if (t[1]->kind != t[0]->kind)
        return sl_resolve_mismatch(resolve, "DATA_DIFF_TYPES", err,
                                   "Input to `listagg` should all be the same type, but it's "
                                   "(\"%s\" or \"%s\").",
                                   sl_type_sql(resolve->arena, t[0]),
                                   sl_type_sql(resolve->arena, t[1]));
    if (resolve->args[1].constant) return SL_OK;
    return check_constant(resolve, 1, "delimiter", "STRING", err);
}

sl_resolve_hook sl_resolve_aggregate_hook(struct sl_str name) {
    static const struct {
        const char *name;
        sl_resolve_hook hook;
    } hooks[] = {{"agg_sum", agg_sum},
                 {"agg_ordered", agg_ordered},
                 {"agg_by", agg_by},
                 {"agg_same", agg_same},
                 {"agg_first", agg_first},
                 {"agg_collect_list", agg_collect_list},
                 {"agg_collect_set", agg_collect_set},
                 {"agg_percentile", agg_percentile},
                 {"agg_quantile", agg_quantile},
                 {"agg_mode", agg_mode},
                 {"agg_listagg", agg_listagg}};
    for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++)
        if (sl_str_eq(name, sl_str(hooks[i].name))) return hooks[i].hook;
    return NULL;
}
