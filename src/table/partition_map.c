#include "table/partition_map.h"

#include <stdlib.h>

#include "base/hash.h"
#include "kern/cast.h"
#include "lake/partition.h"

enum { NO_SLOT = UINT32_MAX };

struct sl_partition_map {
    const struct sl_type *schema;
    const uint32_t *columns;
    uint32_t column_count;
    const struct sl_session *session;

    /* slots: directory, hash, and one row of `values` each */
    char **dirs;
    uint64_t *slot_hashes;
    struct sl_vec *values; /* per partition column, FLAT, a row per slot */
    const struct sl_vec **value_list;
    uint32_t slot_count, slot_cap;
    uint32_t *table; /* open addressing, slot numbers */
    uint32_t table_cap;

    /* per batch */
    uint32_t row_cap, selected;
    uint32_t *idx;       /* selected rows */
    uint64_t *hashes;    /* per selected row */
    uint32_t *row_slots; /* per selected row */
    uint32_t *rows, *starts, *group_slots, *group_of_slot;
    struct sl_vec *flat; /* partition columns, decoded */
};

struct sl_partition_map *sl_partition_map_new(const struct sl_type *schema, const uint32_t *columns,
                                              uint32_t count, const struct sl_session *session) {
    struct sl_partition_map *map = sl_xcalloc(1, sizeof *map);
    *map = (struct sl_partition_map){
        .schema = schema, .columns = columns, .column_count = count, .session = session};
    map->values = sl_xcalloc(count, sizeof *map->values);
    map->value_list = sl_xcalloc(count, sizeof *map->value_list);
    map->flat = sl_xcalloc(count, sizeof *map->flat);
    for (uint32_t c = 0; c < count; c++) {
        map->value_list[c] = &map->values[c];
        sl_vec_init(&map->values[c], schema->fields[columns[c]].type);
        sl_vec_init(&map->flat[c], schema->fields[columns[c]].type);
    }
    return map;
}

void sl_partition_map_free(struct sl_partition_map *map) {
    if (!map) return;
    for (uint32_t i = 0; i < map->slot_count; i++) free(map->dirs[i]);
    for (uint32_t c = 0; c < map->column_count; c++) {
        sl_vec_release(&map->values[c]);
        sl_vec_release(&map->flat[c]);
    }
    free(map->value_list);
    void *owned[] = {map->dirs,        map->slot_hashes, map->values, map->flat,
                     map->table,       map->idx,         map->hashes, map->row_slots,
                     map->group_slots, map->rows,        map->starts, map->group_of_slot};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    free(map);
}

uint32_t sl_partition_map_slots(const struct sl_partition_map *map) { return map->slot_count; }
const char *sl_partition_map_dir(const struct sl_partition_map *map, uint32_t slot) {
    return map->dirs[slot];
}
const struct sl_vec *const *sl_partition_map_values(const struct sl_partition_map *map) {
    return map->value_list;
}

static void reserve_rows(struct sl_partition_map *map, uint32_t rows) {
    if (rows <= map->row_cap) return;
    map->row_cap = rows;
    map->idx = sl_xrealloc(map->idx, rows * sizeof *map->idx);
    map->hashes = sl_xrealloc(map->hashes, rows * sizeof *map->hashes);
    map->row_slots = sl_xrealloc(map->row_slots, rows * sizeof *map->row_slots);
    map->rows = sl_xrealloc(map->rows, rows * sizeof *map->rows);
}

/* ---- hashing, a column at a time ---- */

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static uint64_t load_fixed(const struct sl_vec *vec, uint32_t width, uint32_t row) {
    uint64_t value = 0;
    memcpy(&value, (const char *)vec->data + (size_t)row * width, width);
    return value;
}

static void hash_column(struct sl_partition_map *map, const struct sl_vec *vec) {
    uint32_t width = sl_type_width(vec->type);
    for (uint32_t i = 0; i < map->selected; i++) {
        uint32_t row = map->idx[i];
        uint64_t value;
        if (sl_vec_is_null(vec, row))
            value = UINT64_C(0x5bd1e995);
        else if (vec->type->kind == SL_BOOL_KIND)
            value = sl_bit_get(vec->bits, row);
        else if (width && width <= 8)
            value = load_fixed(vec, width, row);
        else if (width == 16)
            value = sl_xxh64(&vec->i128[row], 16, 0);
        else {
            struct sl_str text = sl_vec_str(vec, row);
            value = sl_xxh64(text.ptr, text.len, 0);
        }
        map->hashes[i] = mix(map->hashes[i], value);
    }
}

/* The common case of an int or long without nulls, as a loop the compiler can unroll. */
static bool hash_plain_ints(struct sl_partition_map *map, const struct sl_vec *vec) {
    uint32_t width = sl_type_width(vec->type);
    if (vec->valid || (width != 4 && width != 8) || vec->type->kind == SL_FLOAT_KIND ||
        vec->type->kind == SL_DOUBLE_KIND)
        return false;
    if (width == 4)
        for (uint32_t i = 0; i < map->selected; i++)
            map->hashes[i] = mix(map->hashes[i], (uint32_t)vec->i32[map->idx[i]]);
    else
        for (uint32_t i = 0; i < map->selected; i++)
            map->hashes[i] = mix(map->hashes[i], (uint64_t)vec->i64[map->idx[i]]);
    return true;
}

static bool same_values(const struct sl_partition_map *map, uint32_t row, uint32_t slot) {
    for (uint32_t c = 0; c < map->column_count; c++) {
        const struct sl_vec *vec = &map->flat[c], *values = &map->values[c];
        uint32_t width = sl_type_width(vec->type);
        if (!vec->valid && !values->valid && width && width <= 8) {
            if (memcmp((const char *)vec->data + (size_t)row * width,
                       (const char *)values->data + (size_t)slot * width, width) != 0)
                return false;
        } else if (!sl_vec_rows_equal(vec, row, values, slot)) {
            return false;
        }
    }
    return true;
}

/* ---- slots ---- */

static enum sl_code make_dir_text(struct sl_partition_map *map, uint32_t row, char **out,
                                  struct sl_err *err) {
    struct sl_buf path = {0}, value = {0};
    enum sl_code code = SL_OK;
    for (uint32_t c = 0; c < map->column_count && code == SL_OK; c++) {
        sl_buf_clear(&value);
        if (!sl_vec_is_null(&map->flat[c], row))
            sl_cast_put_text(&value, &map->flat[c], row, map->session);
        if (c) sl_buf_put_byte(&path, '/');
        code = sl_partition_put(&path, map->schema->fields[map->columns[c]].name,
                                sl_buf_str(&value), err);
    }
    if (code == SL_OK) *out = strdup(sl_buf_cstr(&path));
    sl_buf_release(&path);
    sl_buf_release(&value);
    return code;
}

static void insert(struct sl_partition_map *map, uint32_t slot) {
    uint32_t at = (uint32_t)map->slot_hashes[slot] & (map->table_cap - 1);
    while (map->table[at] != NO_SLOT) at = (at + 1) & (map->table_cap - 1);
    map->table[at] = slot;
}

static void grow(struct sl_partition_map *map) {
    map->slot_cap = map->slot_cap ? map->slot_cap * 2 : 16;
    map->table_cap = map->slot_cap * 4;
    map->dirs = sl_xrealloc(map->dirs, map->slot_cap * sizeof *map->dirs);
    map->slot_hashes = sl_xrealloc(map->slot_hashes, map->slot_cap * sizeof *map->slot_hashes);
    map->starts = sl_xrealloc(map->starts, (map->slot_cap + 1) * sizeof *map->starts);
    map->group_slots = sl_xrealloc(map->group_slots, map->slot_cap * sizeof *map->group_slots);
    map->group_of_slot =
        sl_xrealloc(map->group_of_slot, map->slot_cap * sizeof *map->group_of_slot);
    map->table = sl_xrealloc(map->table, map->table_cap * sizeof *map->table);
    memset(map->table, 0xFF, map->table_cap * sizeof *map->table);
    for (uint32_t slot = 0; slot < map->slot_count; slot++) insert(map, slot);
}

static enum sl_code add_slot(struct sl_partition_map *map, uint32_t row, uint64_t hash,
                             uint32_t *out, struct sl_err *err) {
    char *dir;
    SL_TRY(make_dir_text(map, row, &dir, err));
    if (map->slot_count == map->slot_cap) grow(map);
    for (uint32_t c = 0; c < map->column_count; c++) {
        enum sl_code code = sl_vec_append(&map->values[c], &map->flat[c], &row, 1, err);
        if (code != SL_OK) {
            free(dir);
            return code;
        }
    }
    map->dirs[map->slot_count] = dir;
    map->slot_hashes[map->slot_count] = hash;
    insert(map, map->slot_count);
    *out = map->slot_count++;
    return SL_OK;
}

static enum sl_code find_slot(struct sl_partition_map *map, uint32_t row, uint64_t hash,
                              uint32_t *out, struct sl_err *err) {
    if (map->table_cap) {
        uint32_t at = (uint32_t)hash & (map->table_cap - 1);
        for (uint32_t slot; (slot = map->table[at]) != NO_SLOT;
             at = (at + 1) & (map->table_cap - 1))
            if (map->slot_hashes[slot] == hash && same_values(map, row, slot))
                return *out = slot, SL_OK;
    }
    return add_slot(map, row, hash, out, err);
}

static enum sl_code assign_slots(struct sl_partition_map *map, struct sl_err *err) {
    uint64_t last_hash = 0;
    uint32_t last_slot = NO_SLOT;
    for (uint32_t i = 0; i < map->selected; i++) {
        if (last_slot == NO_SLOT || map->hashes[i] != last_hash ||
            !same_values(map, map->idx[i], last_slot)) {
            last_hash = map->hashes[i];
            SL_TRY(find_slot(map, map->idx[i], last_hash, &last_slot, err));
        }
        map->row_slots[i] = last_slot;
    }
    return SL_OK;
}

/* Counting sort of the rows by slot, stable. */
static uint32_t collect_groups(struct sl_partition_map *map) {
    uint32_t groups = 0;
    memset(map->group_of_slot, 0xFF, map->slot_count * sizeof *map->group_of_slot);
    for (uint32_t i = 0; i < map->selected; i++) {
        uint32_t *group = &map->group_of_slot[map->row_slots[i]];
        if (*group == NO_SLOT) {
            *group = groups;
            map->group_slots[groups] = map->row_slots[i];
            map->starts[groups++] = 0;
        }
        map->starts[*group]++;
    }
    uint32_t at = 0;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t count = map->starts[g];
        map->starts[g] = at;
        at += count;
    }
    for (uint32_t i = 0; i < map->selected; i++)
        map->rows[map->starts[map->group_of_slot[map->row_slots[i]]]++] = map->idx[i];
    for (uint32_t g = groups; g > 0; g--) map->starts[g] = map->starts[g - 1];
    map->starts[0] = 0;
    return groups;
}

enum sl_code sl_partition_map_group(struct sl_partition_map *map, const struct sl_batch *batch,
                                    struct sl_partition_groups *out, struct sl_err *err) {
    *out = (struct sl_partition_groups){0};
    reserve_rows(map, batch->rows);
    map->selected = sl_batch_selection(batch, map->idx);
    if (map->selected == 0) return SL_OK;
    memset(map->hashes, 0, map->selected * sizeof *map->hashes);
    for (uint32_t c = 0; c < map->column_count; c++) {
        SL_TRY(sl_vec_flatten(&batch->columns[map->columns[c]], &map->flat[c], err));
        if (!hash_plain_ints(map, &map->flat[c])) hash_column(map, &map->flat[c]);
    }
    SL_TRY(assign_slots(map, err));
    out->count = collect_groups(map);
    out->rows = map->rows;
    out->starts = map->starts;
    out->slots = map->group_slots;
    return SL_OK;
}
