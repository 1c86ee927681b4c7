/* Which output partition each row of a batch belongs to: rows are grouped by the values of the
 * partition columns, exactly (hash first, then values column by column). Owner: one task. */
#ifndef SL_TABLE_PARTITION_MAP_H
#define SL_TABLE_PARTITION_MAP_H

#include "col/batch.h"
#include "kern/session.h"

struct sl_partition_map;

/* columns: indexes into the batch. */
struct sl_partition_map *sl_partition_map_new(const struct sl_type *schema, const uint32_t *columns,
                                              uint32_t count, const struct sl_session *session);
void sl_partition_map_free(struct sl_partition_map *map);

/* Groups the selected rows: on return rows[starts[i] .. starts[i + 1]) are the rows, in order, of
 * slot slots[i]; i < *groups. Slots are numbered from 0 in order of first sight and stay for the
 * life of the map. All arrays belong to the map, valid until the next call. */
struct sl_partition_groups {
    const uint32_t *rows;
    const uint32_t *starts;
    const uint32_t *slots;
    uint32_t count;
};
SL_MUST_CHECK enum sl_code sl_partition_map_group(struct sl_partition_map *map,
                                                  const struct sl_batch *batch,
                                                  struct sl_partition_groups *out,
                                                  struct sl_err *err);
uint32_t sl_partition_map_slots(const struct sl_partition_map *map);
/* "year=2025/month=1" of a slot; NUL-terminated, owned by the map. */
const char *sl_partition_map_dir(const struct sl_partition_map *map, uint32_t slot);
/* The values: a vector per column, in the order of `columns`, with slot's values in row `slot`. */
const struct sl_vec *const *sl_partition_map_values(const struct sl_partition_map *map);

#endif
