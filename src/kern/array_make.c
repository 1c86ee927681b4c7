/* Arrays of structs and of computed values: sequence, arrays_zip, map_entries, and maps made of
 * entries.  Source: collectionOperations.scala, complexTypeCreator.scala. */
#include <stdlib.h>

#include "base/buf.h"
#include "kern/arith.h"
#include "kern/array.h"
#include "kern/cast.h"
#include "kern/datetime_int.h"
#include "kern/order.h"
#include "kern/string_int.h"

/* ---- sequence ---- */

static void bad_bounds(struct sl_call *call, uint32_t row, int64_t from, int64_t to, int64_t step) {
    sl_call_bad(call, row, "INVALID_PARAMETER_VALUE.BOUNDARY", "22023",
                "Illegal sequence boundaries: %lld to %lld by %lld.", (long long)from,
                (long long)to, (long long)step);
}

/* Is there room for so many values more? */
static bool takes(struct sl_call *call, uint32_t row, uint64_t count) {
    const struct sl_vec *items = &call->out->children[0];
    uint64_t each = sl_type_width(items->type), taken = items->rows * each;
    return sl_array_take(call, row, "sequence", count, each, &taken);
}

/* Number of values from, from + step .. to, or 0 when there is something wrong, which is told. */
static uint64_t steps(struct sl_call *call, uint32_t row, int64_t from, int64_t to, int64_t step) {
    bool fits = step == 0 ? from == to : step > 0 ? from <= to : from >= to;
    if (!fits) {
        bad_bounds(call, row, from, to, step);
        return 0;
    }
    uint64_t span = from <= to ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
    uint64_t by = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    uint64_t count = step ? span / by : 0;
    count += count < UINT64_MAX;
    return takes(call, row, count) ? count : 0;
}

static enum sl_code sequence_numbers(struct sl_call *call, uint32_t row, int64_t from, int64_t to,
                                     int64_t step, struct sl_err *err) {
    struct sl_vec *items = &call->out->children[0];
    uint64_t count = steps(call, row, from, to, step);
    SL_TRY(sl_vec_reserve(items, items->rows + (uint32_t)count, err));
    for (uint64_t i = 0; i < count; i++)
        sl_integer_set(items, items->rows++, (int64_t)((uint64_t)from + i * (uint64_t)step));
    return SL_OK;
}

/* The start moved by so many months: a date, or a moment on the session's clock. */
static bool add_months(const struct sl_call *call, const struct sl_type *type, int64_t from,
                       int64_t months, int64_t *out) {
    const struct sl_zone *zone = sl_call_zone(call);
    int32_t days;
    if (type->kind == SL_DATE_KIND) {
        if (!sl_days_add_months((int32_t)from, months, &days)) return false;
        *out = days;
        return true;
    }
    bool zoned = type->kind == SL_TIMESTAMP_KIND;
    int64_t local = zoned ? sl_zone_to_local(zone, from) : from;
    int64_t day = sl_floor_div(local, SL_MICROS_PER_DAY);
    if (!sl_days_add_months((int32_t)day, months, &days)) return false;
    local = days * SL_MICROS_PER_DAY + (local - day * SL_MICROS_PER_DAY);
    *out = zoned ? sl_zone_to_utc(zone, local) : local;
    return true;
}

static enum sl_code sequence_months(struct sl_call *call, uint32_t row, int64_t from, int64_t to,
                                    int64_t step, struct sl_err *err) {
    struct sl_vec *items = &call->out->children[0];
    if (step == 0 ? from != to : step > 0 ? from > to : from < to) {
        bad_bounds(call, row, from, to, step);
        return SL_OK;
    }
    int64_t value = from;
    for (int64_t i = 1; step > 0 ? value <= to : value >= to; i++) {
        if (!takes(call, row, 1)) break;
        SL_TRY(sl_vec_reserve(items, items->rows + 1, err));
        sl_integer_set(items, items->rows++, value);
        if (step == 0 || !add_months(call, items->type, from, i * step, &value)) break;
    }
    return SL_OK;
}

/* A step of days: of dates whole ones; of moments by the session's clock, where UTC's days do not
 * have 24 hours each. */
static int64_t default_step(const struct sl_type *type, int64_t from, int64_t to) {
    int64_t one = sl_type_is_datetime(type) && type->kind != SL_DATE_KIND ? SL_MICROS_PER_DAY : 1;
    return from <= to ? one : -one;
}

enum sl_code sl_kernel_sequence(struct sl_call *call, struct sl_err *err) {
    const struct sl_type *type = call->out->type->fields[0].type;
    const struct sl_vec *step_arg = call->arg_count > 2 ? call->args[2] : NULL;
    bool dates = type->kind == SL_DATE_KIND;
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        if (!sl_array_row_is_null(call, row)) {
            int64_t from = sl_integer_get(call->args[0], row),
                    to = sl_integer_get(call->args[1], row);
            int64_t step = step_arg ? sl_integer_get(step_arg, row) : default_step(type, from, to);
            bool months = step_arg && step_arg->type->kind == SL_MONTH_INTERVAL_KIND;
            bool days = step_arg && dates && !months;
            if (days && step % SL_MICROS_PER_DAY)
                sl_call_bad(call, row, "INVALID_PARAMETER_VALUE.INTERVAL", "22023",
                            "The step of a sequence of dates is made of whole days.");
            else if (months)
                SL_TRY(sequence_months(call, row, from, to, step, err));
            else
                SL_TRY(sequence_numbers(call, row, from, to, days ? step / SL_MICROS_PER_DAY : step,
                                        err));
        }
        call->out->offsets[row + 1] = (int32_t)call->out->children[0].rows;
    }
    return SL_OK;
}

/* ---- structs ---- */

/* As long as the longest array; NULL behind the end of the others. */
enum sl_code sl_kernel_arrays_zip(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *items = &call->out->children[0];
    uint64_t total = 0;
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t longest = 0;
        for (uint32_t i = 0; i < call->arg_count && !sl_array_row_is_null(call, row); i++) {
            struct sl_range range = sl_array_range(call->args[i], row);
            if (range.end - range.begin > longest) longest = range.end - range.begin;
        }
        total += longest;
        if (total > INT32_MAX - 64)
            return sl_fail(err, SL_DATA, "the arrays of a batch have more than 2^31 elements");
        call->out->offsets[row + 1] = (int32_t)total;
    }
    uint32_t *at = sl_arena_array(call->scratch, (size_t)total + 1, sizeof *at);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const int32_t *offsets = call->out->offsets;
        for (uint32_t row = 0; row < call->rows; row++) {
            if (offsets[row] == offsets[row + 1]) continue;
            struct sl_range range = sl_array_range(call->args[i], row);
            for (int32_t k = offsets[row]; k < offsets[row + 1]; k++) {
                uint32_t from = range.begin + (uint32_t)(k - offsets[row]);
                at[k] = from < range.end ? from : SL_NO_ROW;
            }
        }
        SL_TRY(sl_vec_append_or_null(&items->children[i], &call->args[i]->children[0], at,
                                     (uint32_t)total, err));
    }
    items->rows = (uint32_t)total;
    return SL_OK;
}

/* The same offsets over structs of the same keys and values. */
enum sl_code sl_kernel_map_entries(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *map = call->args[0];
    struct sl_vec *items = &call->out->children[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    bool constant = map->enc == SL_ENC_CONST;
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->offsets[row + 1] = map->offsets[constant ? 1 : row + 1];
    uint32_t total = (uint32_t)call->out->offsets[call->rows];
    for (uint32_t i = 0; i < 2; i++)
        SL_TRY(sl_vec_append(&items->children[i], &map->children[i], NULL, total, err));
    items->rows = total;
    return SL_OK;
}

/* ---- maps ---- */

struct key {
    const struct sl_vec *vec;
    uint32_t at;
};

static int compare_keys(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    return sl_order_rows(x->vec, x->at, y->vec, y->at);
}

static bool any_twice(const struct sl_vec *vec, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++)
        for (uint32_t k = begin; k < i; k++)
            if (sl_order_rows(vec, i, vec, k) == 0) return true;
    return false;
}

static bool any_twice_sorted(const struct sl_vec *vec, uint32_t begin, uint32_t end) {
    uint32_t count = end - begin;
    struct key *keys = sl_xcalloc(count, sizeof *keys);
    bool twice = false;
    for (uint32_t i = 0; i < count; i++) keys[i] = (struct key){vec, begin + i};
    qsort(keys, count, sizeof *keys, compare_keys);
    for (uint32_t i = 1; i < count && !twice; i++)
        twice = compare_keys(&keys[i - 1], &keys[i]) == 0;
    free(keys);
    return twice;
}

void sl_map_check_distinct(struct sl_call *call, uint32_t row, const struct sl_vec *keys,
                           uint32_t begin, uint32_t end) {
    enum { PAIRWISE_MAX = 16 };
    bool twice = end - begin <= PAIRWISE_MAX ? any_twice(keys, begin, end)
                                             : any_twice_sorted(keys, begin, end);
    if (twice)
        sl_call_bad(call, row, "DUPLICATED_MAP_KEY", "23505",
                    "A duplicate map key was found, please check the input data. If you want to "
                    "remove the duplicated keys, you can set \"spark.sql.mapKeyDedupPolicy\" to "
                    "\"LAST_WIN\" so that the key inserted at last takes precedence.");
}

enum sl_code sl_kernel_map_concat(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t begin = out->children[0].rows;
        for (uint32_t a = 0; a < call->arg_count && !sl_array_row_is_null(call, row); a++) {
            struct sl_range range = sl_array_range(call->args[a], row);
            for (uint32_t i = range.begin; i < range.end; i++)
                for (uint32_t c = 0; c < 2; c++)
                    SL_TRY(
                        sl_vec_append(&out->children[c], &call->args[a]->children[c], &i, 1, err));
        }
        sl_map_check_distinct(call, row, &out->children[0], begin, out->children[0].rows);
        out->offsets[row + 1] = (int32_t)out->children[0].rows;
    }
    return SL_OK;
}

/* A NULL among the entries makes the whole map NULL; a NULL key is an error. */
static enum sl_code entries_row(struct sl_call *call, uint32_t row, struct sl_err *err) {
    const struct sl_vec *entries = &call->args[0]->children[0];
    struct sl_vec *out = call->out;
    struct sl_range range = sl_array_range(call->args[0], row);
    uint32_t begin = out->children[0].rows;
    for (uint32_t i = range.begin; i < range.end; i++)
        if (sl_vec_is_null(entries, i)) return sl_call_null(call, row, err);
    for (uint32_t i = range.begin; i < range.end; i++) {
        if (sl_vec_is_null(&entries->children[0], i)) {
            sl_call_bad(call, row, "NULL_MAP_KEY", "2200E", "Cannot use null as map key.");
            continue;
        }
        for (uint32_t c = 0; c < 2; c++)
            SL_TRY(sl_vec_append(&out->children[c], &entries->children[c], &i, 1, err));
    }
    sl_map_check_distinct(call, row, &out->children[0], begin, out->children[0].rows);
    return SL_OK;
}

enum sl_code sl_kernel_map_from_entries(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        if (!sl_array_row_is_null(call, row)) SL_TRY(entries_row(call, row, err));
        call->out->offsets[row + 1] = (int32_t)call->out->children[0].rows;
    }
    return SL_OK;
}

/* ---- texts ---- */

static void put_joined(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    const struct sl_vec *items = &call->args[0]->children[0];
    if (sl_array_row_is_null(call, row)) return;
    struct sl_range range = sl_array_range(call->args[0], row);
    bool any = false;
    for (uint32_t i = range.begin; i < range.end; i++) {
        bool null = sl_vec_is_null(items, i);
        if (null && call->arg_count < 3) continue;
        if (any) sl_buf_put_str(text, sl_arg_str(call, 1, row));
        any = true;
        sl_buf_put_str(text, null ? sl_arg_str(call, 2, row) : sl_vec_str(items, i));
    }
}
enum sl_code sl_kernel_array_join(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, put_joined, err);
}
