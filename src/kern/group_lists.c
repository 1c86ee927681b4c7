#include "kern/group_lists.h"

#include <stdlib.h>

#include "kern/hash_spark.h"

enum { SLOTS_MIN = 64, SWEEP_MIN = 1024, AHEAD = 12 /* rows, for the index's cache lines */ };

void sl_group_lists_init(struct sl_group_lists *lists, struct sl_accumulator_base *base,
                         const struct sl_type *type, bool distinct) {
    *lists = (struct sl_group_lists){.base = base, .distinct = distinct};
    sl_vec_init(&lists->values, type);
    lists->lists.width = sizeof(struct sl_group_list);
    lists->next.width = lists->slots.width = sizeof(uint32_t);
    lists->members.width = sizeof(struct sl_group_member);
}

void sl_group_lists_release(struct sl_group_lists *lists) {
    struct sl_group_array *arrays[] = {&lists->lists, &lists->next, &lists->members, &lists->slots};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) sl_group_array_release(arrays[i]);
    sl_vec_release(&lists->values);
    free(lists->picked);
    free(lists->row_hashes);
}

enum sl_code sl_group_lists_grow(struct sl_group_lists *lists, uint32_t count, struct sl_err *err) {
    return sl_group_array_grow(&lists->lists, lists->base, count, err);
}

/* ---- memory ---- */

/* What the vector holds becomes what is counted. */
static enum sl_code count_values(struct sl_group_lists *lists, struct sl_err *err) {
    size_t bytes = sl_vec_owned_bytes(&lists->values);
    if (bytes > lists->values_bytes)
        SL_TRY(sl_accumulator_take(lists->base, bytes - lists->values_bytes, err));
    else
        sl_accumulator_give(lists->base, lists->values_bytes - bytes);
    lists->values_bytes = bytes;
    return SL_OK;
}

/* Asks before the vector grows: at least for what the new rows themselves take. */
static enum sl_code ask_for(struct sl_group_lists *lists, const struct sl_vec *vec,
                            const uint32_t *rows, uint32_t count, struct sl_err *err) {
    size_t bytes = (size_t)count * (sl_type_width(vec->type) + 4);
    for (uint32_t i = 0; sl_type_is_bytes(vec->type) && i < count; i++)
        bytes += sl_vec_str(vec, rows[i]).len;
    SL_TRY(sl_accumulator_take(lists->base, bytes, err));
    sl_accumulator_give(lists->base, bytes);
    return SL_OK;
}

static void need_room(struct sl_group_lists *lists, uint32_t count) {
    if (count <= lists->room) return;
    lists->room = count;
    lists->picked = sl_xrealloc(lists->picked, count * sizeof *lists->picked);
    lists->row_hashes = sl_xrealloc(lists->row_hashes, count * sizeof *lists->row_hashes);
}

static enum sl_code grow_values(struct sl_group_lists *lists, uint32_t count, struct sl_err *err) {
    if (count > INT32_MAX - 64)
        return sl_fail(err, SL_DATA, "the groups of an aggregate hold more than 2^31 values");
    SL_TRY(sl_group_array_grow(&lists->next, lists->base, count, err));
    if (!lists->distinct) return SL_OK;
    return sl_group_array_grow(&lists->members, lists->base, count, err);
}

static void link_value(struct sl_group_lists *lists, uint32_t group, uint32_t value) {
    struct sl_group_list *list = (struct sl_group_list *)lists->lists.data + group;
    uint32_t *next = lists->next.data;
    next[value] = 0;
    if (list->last)
        next[list->last - 1] = value + 1;
    else
        list->first = value + 1;
    list->last = value + 1;
    list->count++;
}

/* ---- the index of sets ---- */

static uint32_t mix(uint64_t hash, uint32_t group) {
    hash = (hash ^ group) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(hash >> 32);
}

static void place(struct sl_group_lists *lists, uint32_t hash, uint32_t value) {
    uint32_t *slots = lists->slots.data, mask = lists->slots.cap - 1, at = hash & mask;
    while (slots[at]) at = (at + 1) & mask;
    slots[at] = value + 1;
}

static void fill_slots(struct sl_group_lists *lists, uint32_t values) {
    const struct sl_group_member *members = lists->members.data;
    memset(lists->slots.data, 0, lists->slots.cap * sizeof(uint32_t));
    for (uint32_t v = 0; v < values; v++)
        if (members[v].owner) place(lists, members[v].hash, v);
}

/* At most half full with `more` values; dead ones stay until a sweep. */
static enum sl_code grow_slots(struct sl_group_lists *lists, uint32_t more, struct sl_err *err) {
    uint64_t want = ((uint64_t)lists->values.rows + more) * 2;
    uint32_t cap = lists->slots.cap ? lists->slots.cap : SLOTS_MIN;
    while (cap < want && cap < UINT32_C(1) << 31) cap *= 2;
    if (cap == lists->slots.cap) return SL_OK;
    SL_TRY(sl_group_array_grow(&lists->slots, lists->base, cap, err));
    fill_slots(lists, lists->values.rows);
    return SL_OK;
}

/* Spark's sets compare doubles as Scala does: no NaN equals another. */
static bool is_nan(const struct sl_vec *vec, uint32_t row) {
    uint32_t pos = sl_vec_pos(vec, row);
    if (vec->type->kind == SL_DOUBLE_KIND) return vec->f64[pos] != vec->f64[pos];
    return vec->type->kind == SL_FLOAT_KIND && vec->f32[pos] != vec->f32[pos];
}

/* Value number `value`, which is yet in `vec` if it was added by this call. */
static bool same_value(const struct sl_group_lists *lists, uint32_t value, const struct sl_vec *vec,
                       uint32_t row) {
    uint32_t old = lists->values.rows;
    if (is_nan(vec, row)) return false;
    if (value < old) return sl_vec_rows_equal(&lists->values, value, vec, row);
    return sl_vec_rows_equal(vec, lists->picked[value - old], vec, row);
}

/* The value of the group that equals the row, or a new one, whose number is `fresh`. */
static uint32_t find_value(struct sl_group_lists *lists, const struct sl_vec *vec, uint32_t row,
                           uint32_t hash, uint32_t group, uint32_t fresh) {
    uint32_t *slots = lists->slots.data, mask = lists->slots.cap - 1, at = hash & mask;
    struct sl_group_member *members = lists->members.data;
    for (; slots[at]; at = (at + 1) & mask) {
        uint32_t value = slots[at] - 1;
        if (members[value].hash == hash && members[value].owner == group + 1 &&
            same_value(lists, value, vec, row))
            return value;
    }
    slots[at] = fresh + 1;
    members[fresh] = (struct sl_group_member){hash, group + 1, 0};
    return fresh;
}

/* ---- adding ---- */

static enum sl_code add_distinct(struct sl_group_lists *lists, const struct sl_vec *vec,
                                 const uint32_t *rows, const uint32_t *groups,
                                 const int64_t *weights, uint32_t count, struct sl_err *err) {
    uint32_t old = lists->values.rows, fresh = old;
    SL_TRY(grow_values(lists, old + count, err));
    SL_TRY(grow_slots(lists, count, err));
    sl_hash_xx64(vec, rows, count, lists->row_hashes);
    struct sl_group_member *members = lists->members.data;
    const uint32_t *slots = lists->slots.data, mask = lists->slots.cap - 1;
    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(&slots[mix(lists->row_hashes[i + AHEAD], groups[i + AHEAD]) & mask]);
        if (sl_vec_is_null(vec, rows[i])) continue;
        uint32_t hash = mix(lists->row_hashes[i], groups[i]);
        uint32_t value = find_value(lists, vec, rows[i], hash, groups[i], fresh);
        members[value].count += weights ? weights[i] : 1;
        if (value != fresh) continue;
        lists->picked[fresh - old] = rows[i];
        link_value(lists, groups[i], fresh++);
    }
    SL_TRY(ask_for(lists, vec, lists->picked, fresh - old, err));
    SL_TRY(sl_vec_append(&lists->values, vec, lists->picked, fresh - old, err));
    return count_values(lists, err);
}

static enum sl_code add_all(struct sl_group_lists *lists, const struct sl_vec *vec,
                            const uint32_t *rows, const uint32_t *groups, uint32_t count,
                            struct sl_err *err) {
    uint32_t old = lists->values.rows, fresh = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!sl_vec_is_null(vec, rows[i])) lists->picked[fresh++] = rows[i];
    SL_TRY(ask_for(lists, vec, lists->picked, fresh, err));
    SL_TRY(grow_values(lists, old + fresh, err));
    SL_TRY(sl_vec_append(&lists->values, vec, lists->picked, fresh, err));
    for (uint32_t i = 0, v = old; i < count; i++)
        if (!sl_vec_is_null(vec, rows[i])) link_value(lists, groups[i], v++);
    return count_values(lists, err);
}

enum sl_code sl_group_lists_add(struct sl_group_lists *lists, const struct sl_vec *vec,
                                const uint32_t *rows, const uint32_t *groups,
                                const int64_t *weights, uint32_t count, struct sl_err *err) {
    need_room(lists, count);
    enum sl_code code = lists->distinct
                            ? add_distinct(lists, vec, rows, groups, weights, count, err)
                            : add_all(lists, vec, rows, groups, count, err);
    lists->broken |= code != SL_OK;
    return code;
}

static uint32_t array_len(const struct sl_vec *arrays, uint32_t row) {
    uint32_t pos = sl_vec_pos(arrays, row);
    return (uint32_t)(arrays->offsets[pos + 1] - arrays->offsets[pos]);
}

enum sl_code sl_group_lists_merge(struct sl_group_lists *lists, const struct sl_vec *arrays,
                                  const struct sl_vec *counts, const uint32_t *rows,
                                  const uint32_t *groups, uint32_t count, struct sl_err *err) {
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t many = array_len(arrays, rows[i]);
        if (counts && array_len(counts, rows[i]) != many)
            return sl_fail(err, SL_DATA,
                           "the state of an aggregate is damaged: %u values have %u "
                           "counts",
                           many, array_len(counts, rows[i]));
        total += many;
    }
    if (total > INT32_MAX)
        return sl_fail(err, SL_DATA, "the groups of an aggregate hold more than 2^31 values");
    uint32_t *items = sl_xmalloc((2 * total + 1) * sizeof *items), *owners = items + total, n = 0;
    int64_t *weights = counts ? sl_xmalloc((total + 1) * sizeof *weights) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pos = sl_vec_pos(arrays, rows[i]);
        int32_t shift =
            counts ? counts->offsets[sl_vec_pos(counts, rows[i])] - arrays->offsets[pos] : 0;
        for (int32_t at = arrays->offsets[pos]; at < arrays->offsets[pos + 1]; at++) {
            if (weights) weights[n] = counts->children[0].i64[at + shift];
            items[n] = (uint32_t)at;
            owners[n++] = groups[i];
        }
    }
    enum sl_code code =
        sl_group_lists_add(lists, &arrays->children[0], items, owners, weights, n, err);
    free(items);
    free(weights);
    return code;
}

/* ---- forgetting ---- */

/* Moves what is kept per value along with the values: order[n] becomes n. */
static void move_items(struct sl_group_array *array, const uint32_t *order, uint32_t live) {
    if (!array->data) return;
    char *moved = sl_xmalloc(live * array->width + 1), *data = array->data;
    for (uint32_t n = 0; n < live; n++)
        memcpy(moved + n * array->width, data + order[n] * array->width, array->width);
    memcpy(data, moved, live * array->width);
    free(moved);
}

/* The living values in the order of groups, each list in its own order. */
static uint32_t renumber(struct sl_group_lists *lists, uint32_t *order) {
    struct sl_group_list *items = lists->lists.data;
    uint32_t live = 0;
    for (uint32_t g = 0; g < lists->lists.cap; g++) {
        if (!items[g].count) continue;
        uint32_t first = live + 1;
        for (uint32_t v = items[g].first; v; v = sl_group_list_next(lists, v))
            order[live++] = v - 1;
        items[g].first = first;
        items[g].last = live;
    }
    return live;
}

static enum sl_code sweep(struct sl_group_lists *lists, struct sl_err *err) {
    uint32_t *order = sl_xmalloc(((size_t)lists->values.rows + 1) * sizeof *order);
    uint32_t live = renumber(lists, order);
    struct sl_vec fresh;
    sl_vec_init(&fresh, lists->values.type);
    enum sl_code code = sl_vec_append(&fresh, &lists->values, order, live, err);
    if (code == SL_OK) {
        move_items(&lists->members, order, live);
        sl_vec_release(&lists->values);
        lists->values = fresh;
        lists->dead = 0;
        uint32_t *next = lists->next.data;
        for (uint32_t v = 0; v < live; v++) next[v] = v + 2;
        const struct sl_group_list *items = lists->lists.data;
        for (uint32_t g = 0; g < lists->lists.cap; g++)
            if (items[g].count) next[items[g].last - 1] = 0;
        if (lists->distinct) fill_slots(lists, live);
        code = count_values(lists, err);
    } else {
        sl_vec_release(&fresh);
    }
    free(order);
    return code;
}

void sl_group_lists_reset(struct sl_group_lists *lists, const uint32_t *groups, uint32_t count) {
    struct sl_group_list *items = lists->lists.data;
    struct sl_group_member *members = lists->members.data;
    for (uint32_t i = 0; i < count; i++) {
        struct sl_group_list *list = &items[groups[i]];
        for (uint32_t v = list->first; members && v; v = sl_group_list_next(lists, v))
            members[v - 1].owner = 0;
        lists->dead += list->count;
        *list = (struct sl_group_list){0};
    }
    /* A sweep that gets no memory leaves everything as it is. */
    if (!lists->broken && lists->dead > SWEEP_MIN && lists->dead > lists->values.rows / 2)
        if (sweep(lists, NULL) != SL_OK) return;
}

/* ---- giving out ---- */

static enum sl_code append_offsets(const struct sl_group_lists *lists, const uint32_t *groups,
                                   uint32_t count, struct sl_vec *out, size_t *total,
                                   struct sl_err *err) {
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    int64_t end = out->offsets[first];
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t many = sl_group_list(lists, groups[i])->count;
        *total += many;
        end += many;
        if (end > INT32_MAX - 64)
            return sl_fail(err, SL_DATA, "a column of arrays of more than 2^31 values");
        out->offsets[first + i + 1] = (int32_t)end;
    }
    return SL_OK;
}

static uint32_t *list_order(const struct sl_group_lists *lists, const uint32_t *groups,
                            uint32_t count, size_t total) {
    uint32_t *order = sl_xmalloc((total + 1) * sizeof *order), n = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t v = sl_group_list(lists, groups[i])->first; v;
             v = sl_group_list_next(lists, v))
            order[n++] = v - 1;
    return order;
}

enum sl_code sl_group_lists_append(const struct sl_group_lists *lists, const uint32_t *groups,
                                   uint32_t count, struct sl_vec *out, struct sl_err *err) {
    size_t total;
    SL_TRY(append_offsets(lists, groups, count, out, &total, err));
    uint32_t *order = list_order(lists, groups, count, total);
    enum sl_code code =
        sl_vec_append(&out->children[0], &lists->values, order, (uint32_t)total, err);
    free(order);
    return code;
}

enum sl_code sl_group_lists_append_counts(const struct sl_group_lists *lists,
                                          const uint32_t *groups, uint32_t count,
                                          struct sl_vec *out, struct sl_err *err) {
    size_t total;
    SL_TRY(append_offsets(lists, groups, count, out, &total, err));
    uint32_t at;
    SL_TRY(sl_rows_add(&out->children[0], (uint32_t)total, &at, err));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t v = sl_group_list(lists, groups[i])->first; v;
             v = sl_group_list_next(lists, v))
            out->children[0].i64[at++] = sl_group_list_seen(lists, v);
    return SL_OK;
}
