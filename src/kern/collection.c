/* Structs, arrays and maps: making them and taking them apart.
 * Source: complexTypeCreator.scala, complexTypeExtractors.scala, collectionOperations.scala. */
#include "kern/array.h"
#include "kern/kernels.h"
#include "kern/order.h"

/* ---- constructors ---- */

/* A field is its argument, without a copy when the encoding allows. */
static enum sl_code fill_field(struct sl_vec *field, const struct sl_vec *arg, uint32_t rows,
                               struct sl_err *err) {
    if (arg->enc == SL_ENC_FLAT) {
        sl_vec_borrow(field, arg);
        return SL_OK;
    }
    return sl_vec_append(field, arg, NULL, rows, err);
}

static enum sl_code make_struct(struct sl_call *call, uint32_t first, uint32_t step,
                                struct sl_err *err) {
    struct sl_vec *out = call->out;
    for (uint32_t i = 0; i < out->child_count; i++)
        SL_TRY(fill_field(&out->children[i], call->args[first + i * step], call->rows, err));
    return SL_OK;
}

enum sl_code sl_kernel_struct(struct sl_call *call, struct sl_err *err) {
    return make_struct(call, 0, 1, err);
}
enum sl_code sl_kernel_named_struct(struct sl_call *call, struct sl_err *err) {
    return make_struct(call, 1, 2, err);
}

enum sl_code sl_kernel_array(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        for (uint32_t i = 0; i < call->arg_count; i++)
            SL_TRY(sl_vec_append(&out->children[0], call->args[i], &row, 1, err));
        out->offsets[row + 1] = (int32_t)out->children[0].rows;
    }
    return SL_OK;
}

static void null_key(struct sl_call *call, uint32_t row) {
    sl_call_bad(call, row, "NULL_MAP_KEY", "2200E", "Cannot use null as map key.");
}

enum sl_code sl_kernel_map(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    struct sl_vec *keys = &out->children[0], *values = &out->children[1];
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t begin = keys->rows;
        bool bad_key = false;
        for (uint32_t i = 0; i < call->arg_count; i += 2) {
            if (sl_vec_is_null(call->args[i], row)) {
                bad_key = true;
                continue; /* the map stays well formed whatever becomes of the row */
            }
            SL_TRY(sl_vec_append(keys, call->args[i], &row, 1, err));
            SL_TRY(sl_vec_append(values, call->args[i + 1], &row, 1, err));
        }
        out->offsets[row + 1] = (int32_t)keys->rows;
        if (bad_key) null_key(call, row);
        sl_map_check_distinct(call, row, keys, begin, keys->rows);
    }
    return SL_OK;
}

static enum sl_code append_range(struct sl_vec *out, const struct sl_vec *in, uint32_t begin,
                                 uint32_t end, struct sl_err *err) {
    for (uint32_t i = begin; i < end; i++) SL_TRY(sl_vec_append(out, in, &i, 1, err));
    return SL_OK;
}

static void list_range(const struct sl_vec *list, uint32_t row, uint32_t *begin, uint32_t *end) {
    row = sl_vec_pos(list, row);
    *begin = (uint32_t)list->offsets[row];
    *end = (uint32_t)list->offsets[row + 1];
}

static enum sl_code zip_row(struct sl_call *call, uint32_t row, struct sl_err *err) {
    struct sl_vec *keys = &call->out->children[0], *values = &call->out->children[1];
    uint32_t key, key_end, value, value_end, begin = keys->rows;
    list_range(call->args[0], row, &key, &key_end);
    list_range(call->args[1], row, &value, &value_end);
    if (key_end - key != value_end - value) {
        sl_call_bad(call, row, "MAP_FROM_ARRAYS_LENGTH_MISMATCH", "22023",
                    "The key array and value array of MapData must have the same length.");
        return SL_OK;
    }
    for (uint32_t i = key; i < key_end; i++)
        if (sl_vec_is_null(&call->args[0]->children[0], i)) {
            null_key(call, row);
            return SL_OK;
        }
    SL_TRY(append_range(keys, &call->args[0]->children[0], key, key_end, err));
    SL_TRY(append_range(values, &call->args[1]->children[0], value, value_end, err));
    sl_map_check_distinct(call, row, keys, begin, keys->rows);
    return SL_OK;
}

enum sl_code sl_kernel_map_from_arrays(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool null = sl_vec_is_null(call->args[0], row) || sl_vec_is_null(call->args[1], row);
        if (null)
            SL_TRY(sl_call_null(call, row, err));
        else
            SL_TRY(zip_row(call, row, err));
        out->offsets[row + 1] = (int32_t)out->children[0].rows;
    }
    return SL_OK;
}

/* ---- sizes and parts ---- */

/* size(NULL) is NULL in ANSI mode, else -1 (spark.sql.legacy.sizeOfNull). */
enum sl_code sl_kernel_size(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *list = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        if (sl_vec_is_null(list, row)) {
            call->out->i32[row] = -1;
            if (call->session->ansi) SL_TRY(sl_call_null(call, row, err));
            continue;
        }
        uint32_t begin, end;
        list_range(list, row, &begin, &end);
        call->out->i32[row] = (int32_t)(end - begin);
    }
    return SL_OK;
}

/* The keys or values of a map are an array over the same offsets. */
static enum sl_code map_side(struct sl_call *call, uint32_t side, struct sl_err *err) {
    const struct sl_vec *map = call->args[0];
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    if (map->enc == SL_ENC_CONST) {
        for (uint32_t row = 0; row < call->rows; row++) out->offsets[row + 1] = map->offsets[1];
        sl_assert(call->rows == 1);
    } else {
        memcpy(out->offsets, map->offsets, ((size_t)call->rows + 1) * sizeof *out->offsets);
    }
    sl_vec_borrow(&out->children[0], &map->children[side]);
    return SL_OK;
}

enum sl_code sl_kernel_map_keys(struct sl_call *call, struct sl_err *err) {
    return map_side(call, 0, err);
}
enum sl_code sl_kernel_map_values(struct sl_call *call, struct sl_err *err) {
    return map_side(call, 1, err);
}

enum sl_code sl_kernel_array_contains(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *list = call->args[0], *value = call->args[1];
    const struct sl_vec *items = &list->children[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool found = false, unknown = sl_vec_is_null(list, row) || sl_vec_is_null(value, row);
        uint32_t at, end;
        list_range(list, row, &at, &end);
        for (bool skip = unknown; !skip && !found && at < end; at++) {
            if (sl_vec_is_null(items, at))
                unknown = true;
            else
                found = sl_order_rows(items, at, value, row) == 0;
        }
        sl_bit_put(call->out->bits, row, found);
        if (unknown && !found) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}

/* ---- elements ---- */

/* Appends in[at[row]] for every row, null where at[row] is negative; runs go in one piece. */
static enum sl_code gather(struct sl_vec *out, const struct sl_vec *in, const int64_t *at,
                           uint32_t *idx, uint32_t rows, struct sl_err *err) {
    for (uint32_t begin = 0, end; begin < rows; begin = end) {
        bool null = at[begin] < 0;
        for (end = begin; end < rows && (at[end] < 0) == null; end++) idx[end] = (uint32_t)at[end];
        if (null)
            SL_TRY(sl_vec_append_null(out, end - begin, err));
        else
            SL_TRY(sl_vec_append(out, in, idx + begin, end - begin, err));
    }
    return SL_OK;
}

enum indexing { FROM_ONE, FROM_ONE_OR_NULL, FROM_ZERO, FROM_ZERO_OR_NULL };

static void bad_index(struct sl_call *call, uint32_t row, enum indexing rule, int32_t index,
                      uint32_t size) {
    if (!call->session->ansi) return;
    if (rule == FROM_ONE)
        sl_call_bad(call, row, "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "22003",
                    "The index %d is out of bounds. The array has %u elements. Use "
                    "`try_element_at` to tolerate accessing element at invalid index and return "
                    "NULL instead.",
                    index, size);
    if (rule == FROM_ZERO)
        sl_call_bad(call, row, "INVALID_ARRAY_INDEX", "22003",
                    "The index %d is out of bounds. The array has %u elements. Use the SQL "
                    "function `get()` to tolerate accessing element at invalid index and return "
                    "NULL instead.",
                    index, size);
}

/* Position of the element in the child, or -1. */
static int64_t locate(struct sl_call *call, enum indexing rule, uint32_t row) {
    const struct sl_vec *list = call->args[0], *position = call->args[1];
    if (sl_vec_is_null(list, row) || sl_vec_is_null(position, row)) return -1;
    uint32_t begin, end;
    list_range(list, row, &begin, &end);
    int32_t index = position->i32[sl_vec_pos(position, row)];
    int64_t size = end - begin, at = index;
    if (rule == FROM_ONE || rule == FROM_ONE_OR_NULL) {
        if (index == 0) {
            sl_call_bad(call, row, "INVALID_INDEX_OF_ZERO", "22003",
                        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first "
                        "element has index 1).");
            return -1;
        }
        at = index > 0 ? (int64_t)index - 1 : size + index;
    }
    if (at >= 0 && at < size) return begin + at;
    bad_index(call, row, rule, index, (uint32_t)size);
    return -1;
}

static enum sl_code array_item(struct sl_call *call, enum indexing rule, struct sl_err *err) {
    int64_t *at = sl_arena_array(call->scratch, call->rows, sizeof *at);
    uint32_t *idx = sl_arena_array(call->scratch, call->rows, sizeof *idx);
    for (uint32_t row = 0; row < call->rows; row++) at[row] = locate(call, rule, row);
    return gather(call->out, &call->args[0]->children[0], at, idx, call->rows, err);
}

enum sl_code sl_kernel_element_at_array(struct sl_call *call, struct sl_err *err) {
    return array_item(call, FROM_ONE, err);
}
enum sl_code sl_kernel_try_element_at_array(struct sl_call *call, struct sl_err *err) {
    return array_item(call, FROM_ONE_OR_NULL, err);
}
enum sl_code sl_kernel_getarrayitem(struct sl_call *call, struct sl_err *err) {
    return array_item(call, FROM_ZERO, err);
}
enum sl_code sl_kernel_get(struct sl_call *call, struct sl_err *err) {
    return array_item(call, FROM_ZERO_OR_NULL, err);
}

static int64_t locate_key(const struct sl_vec *map, const struct sl_vec *key, uint32_t row) {
    if (sl_vec_is_null(map, row) || sl_vec_is_null(key, row)) return -1;
    uint32_t at, end;
    list_range(map, row, &at, &end);
    for (; at < end; at++)
        if (sl_order_rows(&map->children[0], at, key, row) == 0) return at;
    return -1;
}

/* A key that is not there is NULL, in ANSI mode too. */
enum sl_code sl_kernel_map_value(struct sl_call *call, struct sl_err *err) {
    int64_t *at = sl_arena_array(call->scratch, call->rows, sizeof *at);
    uint32_t *idx = sl_arena_array(call->scratch, call->rows, sizeof *idx);
    for (uint32_t row = 0; row < call->rows; row++)
        at[row] = locate_key(call->args[0], call->args[1], row);
    return gather(call->out, &call->args[0]->children[1], at, idx, call->rows, err);
}

enum sl_code sl_kernel_map_contains_key(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool null = sl_vec_is_null(call->args[0], row) || sl_vec_is_null(call->args[1], row);
        sl_bit_put(call->out->bits, row, locate_key(call->args[0], call->args[1], row) >= 0);
        if (null) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}
