#include "state/spark_state_map.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"

void sl_spark_state_map_init(struct sl_spark_state_map *map, struct sl_budget *budget) {
    *map = (struct sl_spark_state_map){.budget = budget};
}

void sl_spark_state_map_release(struct sl_spark_state_map *map) {
    free(map->entries);
    free(map->slots);
    sl_buf_release(&map->bytes);
    sl_budget_give(map->budget, map->taken);
    *map = (struct sl_spark_state_map){0};
}

static enum sl_code take(struct sl_spark_state_map *map, size_t bytes, struct sl_err *err) {
    SL_TRY(sl_budget_take(map->budget, bytes, "reading Spark's state", err));
    map->taken += bytes;
    return SL_OK;
}

/* Slots stay at most half full. */
static enum sl_code grow(struct sl_spark_state_map *map, struct sl_err *err) {
    if (map->count < map->cap) return SL_OK;
    if (map->count > UINT32_MAX / 8)
        return sl_fail(err, SL_NOMEM, "a partition of Spark's state has too many keys");
    uint32_t cap = map->cap ? map->cap * 2 : 256;
    SL_TRY(
        take(map, (size_t)(cap - map->cap) * (sizeof *map->entries + 2 * sizeof *map->slots), err));
    map->entries = sl_xrealloc(map->entries, cap * sizeof *map->entries);
    free(map->slots);
    map->slot_count = cap * 2;
    map->slots = sl_xcalloc(map->slot_count, sizeof *map->slots);
    map->cap = cap;
    for (uint32_t i = 0; i < map->count; i++) {
        uint32_t at = (uint32_t)map->entries[i].hash & (map->slot_count - 1);
        while (map->slots[at]) at = (at + 1) & (map->slot_count - 1);
        map->slots[at] = i + 1;
    }
    return SL_OK;
}

static enum sl_code reserve_bytes(struct sl_spark_state_map *map, size_t more, struct sl_err *err) {
    size_t before = map->bytes.cap;
    if (map->bytes.len + more + 1 <= before) return SL_OK;
    size_t wanted = before * 2 > map->bytes.len + more + 1 ? before * 2 : map->bytes.len + more + 1;
    SL_TRY(take(map, wanted - before, err));
    sl_buf_reserve(&map->bytes, wanted - map->bytes.len - 1);
    return SL_OK;
}

/* The slot of the key, or the free one where it would stand. */
static uint32_t *find(const struct sl_spark_state_map *map, uint64_t hash, struct sl_str key) {
    uint32_t at = (uint32_t)hash & (map->slot_count - 1);
    while (map->slots[at]) {
        const struct sl_spark_entry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && sl_str_eq(sl_spark_entry_key(map, entry), key)) break;
        at = (at + 1) & (map->slot_count - 1);
    }
    return &map->slots[at];
}

static size_t put_bytes(struct sl_spark_state_map *map, struct sl_str bytes) {
    size_t at = map->bytes.len;
    sl_buf_put_str(&map->bytes, bytes);
    return at;
}

enum sl_code sl_spark_state_map_put(struct sl_spark_state_map *map, struct sl_str key,
                                    struct sl_str value, struct sl_err *err) {
    uint64_t hash = sl_xxh64(key.ptr, key.len, 0);
    SL_TRY(grow(map, err));
    SL_TRY(reserve_bytes(map, key.len + value.len, err));
    uint32_t *slot = find(map, hash, key);
    if (!*slot) {
        if (!value.ptr) return SL_OK; /* it is not there */
        map->entries[map->count] = (struct sl_spark_entry){
            .hash = hash, .key = put_bytes(map, key), .key_bytes = (uint32_t)key.len};
        *slot = ++map->count;
    }
    struct sl_spark_entry *entry = &map->entries[*slot - 1];
    entry->removed = value.ptr == NULL;
    if (entry->removed) return SL_OK;
    if (entry->value_bytes == value.len && entry->value) {
        memcpy(map->bytes.ptr + entry->value, value.ptr,
               value.len); /* most values keep their size */
        return SL_OK;
    }
    entry->value = put_bytes(map, value);
    entry->value_bytes = (uint32_t)value.len;
    return SL_OK;
}
