/* Types of arithmetic on intervals: interval + interval, interval * number, interval / number,
 * interval div interval (Spark's BinaryArithmeticWithDatetimeResolver, IntervalDivide). */
#include <stdio.h>

#include "kern/resolve.h"

static enum sl_code unexpected(const struct sl_resolve *resolve, uint32_t arg, struct sl_err *err) {
    return sl_resolve_unexpected(resolve, arg, "NUMERIC", err);
}

static const struct sl_type *whole_family(const struct sl_type *interval) {
    return interval->kind == SL_DAY_INTERVAL_KIND ? &sl_type_day_interval : &sl_type_month_interval;
}

/* Both keep their types: the kernels work on microseconds or months, whatever fields are shown. */
static enum sl_code sum(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    for (int i = 0; i < 2; i++)
        if (t[i]->kind == SL_NULL_KIND) t[i] = t[1 - i];
    if (t[0]->kind != t[1]->kind)
        return sl_resolve_unexpected(
            resolve, sl_type_is_interval(t[0]) ? 1 : 0,
            sl_type_sql(resolve->arena, whole_family(sl_type_is_interval(t[0]) ? t[0] : t[1])),
            err);
    resolve->result = sl_type_common_interval(resolve->arena, t[0], t[1]);
    return SL_OK;
}

static enum sl_code scaled(struct sl_resolve *resolve, uint32_t number, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    enum sl_kind kind = t[number]->kind;
    if (kind == SL_STRING_KIND || kind == SL_NULL_KIND) t[number] = &sl_type_double;
    if (!sl_type_is_numeric(t[number])) return unexpected(resolve, number, err);
    if (sl_type_is_integer(t[number])) t[number] = &sl_type_long;
    if (t[number]->kind == SL_FLOAT_KIND) t[number] = &sl_type_double;
    resolve->result = whole_family(t[1 - number]);
    return SL_OK;
}

enum sl_code sl_resolve_interval(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    const char *name = resolve->function->name;
    if (strncmp(name, "try_", 4) == 0) name += 4;
    bool left = sl_type_is_interval(t[0]), times = name[0] == '*' || strcmp(name, "multiply") == 0;
    if (name[0] == '+' || name[0] == '-' || strcmp(name, "add") == 0 ||
        strcmp(name, "subtract") == 0)
        return sum(resolve, err);
    if (times) return scaled(resolve, left ? 1 : 0, err);
    if (left && (name[0] == '/' || strcmp(name, "divide") == 0)) return scaled(resolve, 1, err);
    if (t[0]->kind != t[1]->kind) return sl_resolve_different_types(resolve, err);
    if (strcmp(name, "div") != 0) return sl_resolve_wrong_type(resolve, "NUMERIC", err);
    resolve->result = &sl_type_long;
    return SL_OK;
}
