/* A partition of Spark's state while its files are read: the last value of each key, by the key's
 * bytes, which is how Spark itself knows them.  Owner: one thread. */
#ifndef SL_STATE_SPARK_STATE_MAP_H
#define SL_STATE_SPARK_STATE_MAP_H

#include "base/budget.h"
#include "base/buf.h"

struct sl_spark_entry {
    uint64_t hash;
    size_t key, value; /* in `bytes` */
    uint32_t key_bytes, value_bytes;
    bool removed;
};

struct sl_spark_state_map {
    struct sl_spark_entry *entries; /* in the order in which keys first came */
    uint32_t count, cap;
    uint32_t *slots; /* number of the entry + 1; 0: free */
    uint32_t slot_count;
    struct sl_buf bytes;
    struct sl_budget *budget;
    size_t taken; /* of it */
};

void sl_spark_state_map_init(struct sl_spark_state_map *map, struct sl_budget *budget);
void sl_spark_state_map_release(struct sl_spark_state_map *map);
/* value.ptr NULL: the key goes. */
SL_MUST_CHECK enum sl_code sl_spark_state_map_put(struct sl_spark_state_map *map, struct sl_str key,
                                                  struct sl_str value, struct sl_err *err);
static inline struct sl_str sl_spark_entry_key(const struct sl_spark_state_map *map,
                                               const struct sl_spark_entry *entry) {
    return (struct sl_str){(const char *)map->bytes.ptr + entry->key, entry->key_bytes};
}
static inline struct sl_str sl_spark_entry_value(const struct sl_spark_state_map *map,
                                                 const struct sl_spark_entry *entry) {
    return (struct sl_str){(const char *)map->bytes.ptr + entry->value, entry->value_bytes};
}

#endif
