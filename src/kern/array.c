/* Functions that take arrays apart and make new ones of their elements.
 *
 * Most results are elements picked from the arguments: the positions are collected for all rows and
 * copied in runs at the end.  Source: collectionOperations.scala. */
#include <stdlib.h>

#include "kern/array.h"
#include "kern/kernels.h"
#include "kern/order.h"

/* ---- picking elements ---- */

void sl_picks_begin(struct sl_picks *picks, struct sl_call *call,
                    const struct sl_vec *const *sources) {
    *picks = (struct sl_picks){.call = call, .sources = sources};
}

void sl_picks_add(struct sl_picks *picks, uint32_t source, uint32_t at) {
    if (picks->count == picks->cap) {
        uint32_t cap = picks->cap ? picks->cap * 2 : 256;
        picks->at = sl_arena_grow(picks->call->scratch, picks->at, picks->cap * sizeof *picks->at,
                                  cap * sizeof *picks->at);
        picks->source =
            sl_arena_grow(picks->call->scratch, picks->source, picks->cap * sizeof *picks->source,
                          cap * sizeof *picks->source);
        picks->cap = cap;
    }
    picks->source[picks->count] = source;
    picks->at[picks->count++] = at;
}

void sl_picks_end_row(struct sl_picks *picks, uint32_t row) {
    picks->call->out->offsets[row + 1] = (int32_t)picks->count;
}

enum sl_code sl_picks_copy(const struct sl_picks *picks, struct sl_vec *to, struct sl_err *err) {
    for (uint32_t begin = 0, end; begin < picks->count; begin = end) {
        uint32_t source = picks->source[begin];
        for (end = begin; end < picks->count && picks->source[end] == source; end++) continue;
        SL_TRY(
            sl_vec_append_or_null(to, picks->sources[source], picks->at + begin, end - begin, err));
    }
    return SL_OK;
}

bool sl_array_row_is_null(const struct sl_call *call, uint32_t row) {
    if (call->strict_valid) return !sl_bit_get(call->strict_valid, row);
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (sl_vec_is_null(call->args[i], row)) return true;
    return false;
}

struct sl_range sl_array_range(const struct sl_vec *list, uint32_t row) {
    uint32_t at = sl_vec_pos(list, row);
    return (struct sl_range){(uint32_t)list->offsets[at], (uint32_t)list->offsets[at + 1]};
}

/* One row's picks; rows that are null by the STRICT rule stay empty. */
typedef void (*pick_row_fn)(struct sl_picks *picks, uint32_t row);

static enum sl_code pick_rows(struct sl_call *call, pick_row_fn pick, struct sl_err *err) {
    const struct sl_vec **sources =
        sl_arena_array(call->scratch, call->arg_count + 1, sizeof *sources);
    for (uint32_t i = 0; i < call->arg_count; i++)
        sources[i] = call->args[i]->type->kind == SL_ARRAY_KIND ? &call->args[i]->children[0]
                                                                : call->args[i];
    struct sl_picks picks;
    sl_picks_begin(&picks, call, sources);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        if (!sl_array_row_is_null(call, row)) pick(&picks, row);
        if (picks.count > INT32_MAX - 64)
            return sl_fail(err, SL_DATA, "the arrays of a batch have more than 2^31 elements");
        sl_picks_end_row(&picks, row);
    }
    return sl_picks_copy(&picks, &call->out->children[0], err);
}

/* ---- sets ---- */

struct member {
    const struct sl_vec *vec;
    uint32_t at, number, group;
};

static int order_members(const struct member *a, const struct member *b) {
    bool null_a = sl_vec_is_null(a->vec, a->at), null_b = sl_vec_is_null(b->vec, b->at);
    if (null_a || null_b) return null_b - null_a;
    int order = sl_order_rows(a->vec, a->at, b->vec, b->at);
    if (order || !sl_type_is_float(a->vec->type)) return order;
    /* sets tell -0.0 from 0.0, as Spark's hash sets of bits do */
    struct sl_vec flat_a = *a->vec, flat_b = *b->vec;
    bool is_float = flat_a.type->kind == SL_FLOAT_KIND;
    double x = is_float ? (double)flat_a.f32[a->at] : flat_a.f64[a->at];
    double y = is_float ? (double)flat_b.f32[b->at] : flat_b.f64[b->at];
    return x == 0 ? !__builtin_signbit(x) - !__builtin_signbit(y) : 0;
}

static int by_value(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    int order = order_members(x, y);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}
static int by_number(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* As = and < of SQL: -0.0 equals 0.0. */
static int by_order(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    return sl_order_rows(x->vec, x->at, y->vec, y->at);
}

/* Equal elements get one group number, groups are numbered from 0. */
static void group_members(struct member *members, uint32_t count) {
    qsort(members, count, sizeof *members, by_value);
    for (uint32_t i = 0, group = 0; i < count; i++) {
        group += i && order_members(&members[i - 1], &members[i]) != 0;
        members[i].group = group;
    }
    qsort(members, count, sizeof *members, by_number);
}

enum set_rule { DISTINCT, UNION, INTERSECT, EXCEPT };

/* Groups that are taken, or that the rule forbids, are marked. */
static void pick_set(struct sl_picks *picks, uint32_t row, enum set_rule rule) {
    struct sl_call *call = picks->call;
    struct sl_range a = sl_array_range(call->args[0], row), b = {0, 0};
    if (rule != DISTINCT) b = sl_array_range(call->args[1], row);
    uint32_t first = a.end - a.begin, count = first + (b.end - b.begin);
    struct member *members = sl_arena_array(call->scratch, count + 1, sizeof *members);
    bool *marked = sl_arena_zalloc(call->scratch, count + 1);
    for (uint32_t i = 0; i < count; i++)
        members[i] = (struct member){.vec = picks->sources[i >= first],
                                     .at = i < first ? a.begin + i : b.begin + i - first,
                                     .number = i};
    group_members(members, count);
    for (uint32_t i = first; i < count && rule >= INTERSECT; i++) marked[members[i].group] = true;
    uint32_t end = rule == UNION ? count : first;
    bool wanted = rule == INTERSECT;
    for (uint32_t i = 0; i < end; i++) {
        if (marked[members[i].group] != wanted) continue;
        marked[members[i].group] = !wanted;
        sl_picks_add(picks, i >= first, members[i].at);
    }
}

static void pick_distinct(struct sl_picks *picks, uint32_t row) { pick_set(picks, row, DISTINCT); }
static void pick_union(struct sl_picks *picks, uint32_t row) { pick_set(picks, row, UNION); }
static void pick_intersect(struct sl_picks *picks, uint32_t row) {
    pick_set(picks, row, INTERSECT);
}
static void pick_except(struct sl_picks *picks, uint32_t row) { pick_set(picks, row, EXCEPT); }

enum sl_code sl_kernel_array_distinct(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_distinct, err);
}
enum sl_code sl_kernel_array_union(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_union, err);
}
enum sl_code sl_kernel_array_intersect(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_intersect, err);
}
enum sl_code sl_kernel_array_except(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_except, err);
}

/* ---- parts ---- */

static void pick_others(struct sl_picks *picks, uint32_t row) {
    const struct sl_vec *value = picks->call->args[1], *items = picks->sources[0];
    struct sl_range range = sl_array_range(picks->call->args[0], row);
    for (uint32_t i = range.begin; i < range.end; i++)
        if (sl_vec_is_null(items, i) || sl_order_rows(items, i, value, row) != 0)
            sl_picks_add(picks, 0, i);
}
enum sl_code sl_kernel_array_remove(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_others, err);
}

static void pick_valid(struct sl_picks *picks, uint32_t row) {
    struct sl_range range = sl_array_range(picks->call->args[0], row);
    for (uint32_t i = range.begin; i < range.end; i++)
        if (!sl_vec_is_null(picks->sources[0], i)) sl_picks_add(picks, 0, i);
}
enum sl_code sl_kernel_array_compact(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_valid, err);
}

static void pick_reversed(struct sl_picks *picks, uint32_t row) {
    struct sl_range range = sl_array_range(picks->call->args[0], row);
    for (uint32_t i = range.end; i > range.begin; i--) sl_picks_add(picks, 0, i - 1);
}
enum sl_code sl_kernel_array_reverse(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_reversed, err);
}

static void pick_all(struct sl_picks *picks, uint32_t row) {
    for (uint32_t arg = 0; arg < picks->call->arg_count; arg++) {
        struct sl_range range = sl_array_range(picks->call->args[arg], row);
        for (uint32_t i = range.begin; i < range.end; i++) sl_picks_add(picks, arg, i);
    }
}
enum sl_code sl_kernel_array_concat(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_all, err);
}

static void pick_slice(struct sl_picks *picks, uint32_t row) {
    struct sl_call *call = picks->call;
    struct sl_range range = sl_array_range(call->args[0], row);
    int64_t start = call->args[1]->i32[sl_vec_pos(call->args[1], row)],
            size = range.end - range.begin;
    int64_t length = call->args[2]->i32[sl_vec_pos(call->args[2], row)];
    if (start == 0) {
        sl_call_bad(call, row, "INVALID_PARAMETER_VALUE.START", "22023",
                    "The value of parameter(s) `start` in `slice` is invalid: Expects a positive "
                    "or a negative value for `start`, but got 0.");
        return;
    }
    if (length < 0) {
        sl_call_bad(call, row, "INVALID_PARAMETER_VALUE.LENGTH", "22023",
                    "The value of parameter(s) `length` in `slice` is invalid: Expects `length` "
                    "greater than or equal to 0, but got %lld.",
                    (long long)length);
        return;
    }
    int64_t from = start > 0 ? start - 1 : size + start;
    if (from < 0 || from >= size) return;
    for (int64_t i = from; i < size && i - from < length; i++)
        sl_picks_add(picks, 0, range.begin + (uint32_t)i);
}
enum sl_code sl_kernel_slice(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_slice, err);
}

/* ---- elements more ---- */

/* The element may be NULL, the array may not. */
static enum sl_code add_element(struct sl_call *call, bool front, struct sl_err *err) {
    const struct sl_vec *sources[2] = {&call->args[0]->children[0], call->args[1]};
    struct sl_picks picks;
    sl_picks_begin(&picks, call, sources);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool null = sl_vec_is_null(call->args[0], row);
        if (null) SL_TRY(sl_call_null(call, row, err));
        if (!null && front) sl_picks_add(&picks, 1, row);
        if (!null) {
            struct sl_range range = sl_array_range(call->args[0], row);
            for (uint32_t i = range.begin; i < range.end; i++) sl_picks_add(&picks, 0, i);
        }
        if (!null && !front) sl_picks_add(&picks, 1, row);
        sl_picks_end_row(&picks, row);
    }
    return sl_picks_copy(&picks, &call->out->children[0], err);
}

enum sl_code sl_kernel_array_append(struct sl_call *call, struct sl_err *err) {
    return add_element(call, false, err);
}
enum sl_code sl_kernel_array_prepend(struct sl_call *call, struct sl_err *err) {
    return add_element(call, true, err);
}

uint64_t sl_array_value_bytes(const struct sl_vec *vec, uint32_t row) {
    enum { OFFSET_BYTES = 4 };
    if (sl_vec_is_null(vec, row)) return 0;
    uint64_t bytes = 0;
    switch (vec->type->kind) {
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        return OFFSET_BYTES + sl_vec_str(vec, row).len;
    case SL_STRUCT_KIND:
        for (uint32_t c = 0; c < vec->child_count; c++)
            bytes += sl_array_value_bytes(&vec->children[c], sl_vec_pos(vec, row));
        return bytes;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND: {
        struct sl_range range = sl_array_range(vec, row);
        for (uint32_t c = 0; c < vec->child_count; c++)
            for (uint32_t i = range.begin; i < range.end; i++)
                bytes += sl_array_value_bytes(&vec->children[c], i);
        return bytes + OFFSET_BYTES;
    }
    default:
        return sl_type_width(vec->type);
    }
}

bool sl_array_take(struct sl_call *call, uint32_t row, const char *function, uint64_t count,
                   uint64_t each, uint64_t *taken) {
    uint64_t bytes;
    if (!__builtin_mul_overflow(count, each, &bytes) && bytes <= SL_ARRAY_BYTES_MAX - *taken) {
        *taken += bytes;
        return true;
    }
    sl_call_bad(call, row, "COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER", "54000",
                "Can't create array with %llu elements of %llu bytes: the arrays of one batch may "
                "take %d bytes, the value of a parameter of the function `%s` is too large.",
                (unsigned long long)count, (unsigned long long)each, SL_ARRAY_BYTES_MAX, function);
    return false;
}

enum sl_code sl_kernel_array_repeat(struct sl_call *call, struct sl_err *err) {
    enum { PICK_BYTES = 8 }; /* also for values that take none */
    const struct sl_vec *value = call->args[0], *times = call->args[1];
    struct sl_picks picks;
    uint64_t taken = 0;
    sl_picks_begin(&picks, call, &value);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool null = sl_vec_is_null(times, row);
        int32_t count = null ? 0 : times->i32[sl_vec_pos(times, row)];
        if (null) SL_TRY(sl_call_null(call, row, err));
        if (count > 0 && !sl_array_take(call, row, "array_repeat", (uint64_t)count,
                                        PICK_BYTES + sl_array_value_bytes(value, row), &taken))
            count = 0;
        for (; count > 0; count--) sl_picks_add(&picks, 0, row);
        sl_picks_end_row(&picks, row);
    }
    return sl_picks_copy(&picks, &call->out->children[0], err);
}

/* An array that holds a NULL array has no flat form. */
enum sl_code sl_kernel_flatten(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *lists = &call->args[0]->children[0], *items = &lists->children[0];
    struct sl_picks picks;
    sl_picks_begin(&picks, call, &items);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_range outer = {0, 0};
        if (!sl_array_row_is_null(call, row)) outer = sl_array_range(call->args[0], row);
        bool null = false;
        for (uint32_t i = outer.begin; i < outer.end && !null; i++) null = sl_vec_is_null(lists, i);
        if (null) SL_TRY(sl_call_null(call, row, err));
        for (uint32_t i = outer.begin; i < outer.end && !null; i++) {
            struct sl_range inner = sl_array_range(lists, i);
            for (uint32_t k = inner.begin; k < inner.end; k++) sl_picks_add(&picks, 0, k);
        }
        sl_picks_end_row(&picks, row);
    }
    return sl_picks_copy(&picks, &call->out->children[0], err);
}

/* ---- order ---- */

static int ascending(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    int order = sl_order_rows(x->vec, x->at, y->vec, y->at);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}
static int descending(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    int order = sl_order_rows(y->vec, y->at, x->vec, x->at);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void pick_sorted(struct sl_picks *picks, uint32_t row, bool down, bool nulls_first) {
    struct sl_range range = sl_array_range(picks->call->args[0], row);
    uint32_t size = range.end - range.begin, count = 0;
    const struct sl_vec *items = picks->sources[0];
    struct member *members = sl_arena_array(picks->call->scratch, size + 1, sizeof *members);
    for (uint32_t i = range.begin; i < range.end; i++)
        if (!sl_vec_is_null(items, i))
            members[count] = (struct member){.vec = items, .at = i, .number = count}, count++;
    qsort(members, count, sizeof *members, down ? descending : ascending);
    for (uint32_t i = count; nulls_first && i < size; i++) sl_picks_add(picks, 0, SL_NO_ROW);
    for (uint32_t i = 0; i < count; i++) sl_picks_add(picks, 0, members[i].at);
    for (uint32_t i = count; !nulls_first && i < size; i++) sl_picks_add(picks, 0, SL_NO_ROW);
}

static void pick_sort_array(struct sl_picks *picks, uint32_t row) {
    const struct sl_vec *up = picks->call->args[1];
    bool ascends = sl_bit_get(up->bits, sl_vec_pos(up, row));
    pick_sorted(picks, row, !ascends, ascends);
}
enum sl_code sl_kernel_sort_array(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_sort_array, err);
}
static void pick_array_sort(struct sl_picks *picks, uint32_t row) {
    pick_sorted(picks, row, false, false);
}
enum sl_code sl_kernel_array_sort(struct sl_call *call, struct sl_err *err) {
    return pick_rows(call, pick_array_sort, err);
}

static enum sl_code extreme(struct sl_call *call, int sign, struct sl_err *err) {
    const struct sl_vec *items = &call->args[0]->children[0];
    uint32_t *at = sl_arena_array(call->scratch, call->rows, sizeof *at);
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_range range = {0, 0};
        if (!sl_vec_is_null(call->args[0], row)) range = sl_array_range(call->args[0], row);
        at[row] = SL_NO_ROW;
        for (uint32_t i = range.begin; i < range.end; i++) {
            if (sl_vec_is_null(items, i)) continue;
            if (at[row] == SL_NO_ROW || sign * sl_order_rows(items, i, items, at[row]) > 0)
                at[row] = i;
        }
    }
    return sl_vec_append_or_null(call->out, items, at, call->rows, err);
}
enum sl_code sl_kernel_array_min(struct sl_call *call, struct sl_err *err) {
    return extreme(call, -1, err);
}
enum sl_code sl_kernel_array_max(struct sl_call *call, struct sl_err *err) {
    return extreme(call, 1, err);
}

/* ---- questions ---- */

enum sl_code sl_kernel_array_position(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *items = &call->args[0]->children[0], *value = call->args[1];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        call->out->i64[row] = 0;
        if (sl_array_row_is_null(call, row)) continue;
        struct sl_range range = sl_array_range(call->args[0], row);
        for (uint32_t i = range.begin; i < range.end && !call->out->i64[row]; i++)
            if (!sl_vec_is_null(items, i) && sl_order_rows(items, i, value, row) == 0)
                call->out->i64[row] = i - range.begin + 1;
    }
    return SL_OK;
}

/* Elements that are not null, in their order. */
static uint32_t sort_members(struct sl_call *call, const struct sl_vec *items,
                             struct sl_range range, struct member **out) {
    struct member *members =
        sl_arena_array(call->scratch, range.end - range.begin + 1, sizeof *members);
    uint32_t count = 0;
    for (uint32_t i = range.begin; i < range.end; i++)
        if (!sl_vec_is_null(items, i)) members[count++] = (struct member){.vec = items, .at = i};
    qsort(members, count, sizeof *members, by_order);
    *out = members;
    return count;
}

/* Each of the longer array's elements is looked for among the shorter one's, sorted. */
static bool has_common(struct sl_call *call, const struct sl_vec *longer, struct sl_range range,
                       const struct sl_vec *shorter, struct sl_range other) {
    struct member *members;
    uint32_t count = sort_members(call, shorter, other, &members);
    for (uint32_t i = range.begin; i < range.end && count; i++) {
        const struct member wanted = {.vec = longer, .at = i};
        if (!sl_vec_is_null(longer, i) &&
            bsearch(&wanted, members, count, sizeof *members, by_order))
            return true;
    }
    return false;
}

static bool has_null(const struct sl_vec *items, struct sl_range range) {
    for (uint32_t i = range.begin; items->valid && i < range.end; i++)
        if (sl_vec_is_null(items, i)) return true;
    return false;
}

/* True for a common element; else NULL when neither array is empty and one has a NULL. */
static bool overlap(struct sl_call *call, uint32_t row, bool *unknown) {
    const struct sl_vec *left = &call->args[0]->children[0], *right = &call->args[1]->children[0];
    struct sl_range a = sl_array_range(call->args[0], row), b = sl_array_range(call->args[1], row);
    *unknown = false;
    if (a.begin == a.end || b.begin == b.end) return false;
    bool found = a.end - a.begin < b.end - b.begin ? has_common(call, right, b, left, a)
                                                   : has_common(call, left, a, right, b);
    *unknown = !found && (has_null(left, a) || has_null(right, b));
    return found;
}
enum sl_code sl_kernel_arrays_overlap(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool unknown = false;
        bool found = !sl_array_row_is_null(call, row) && overlap(call, row, &unknown);
        sl_bit_put(call->out->bits, row, found);
        if (unknown) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}
