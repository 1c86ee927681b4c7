/* Rows of remembered state on their way to a store and back: what save and load of all operators
 * share. */
#ifndef SL_OPS_STATE_ROWS_H
#define SL_OPS_STATE_ROWS_H

#include "ops/group_table.h"
#include "ops/shards.h"

/* Out: the owner appends the columns of `keys` and `values`, then puts them, part by part. */
struct sl_state_out {
    struct sl_arena arena;
    struct sl_batch keys, values;
    uint32_t store;
    sl_state_put_fn put;
    void *ctx;
};
/* Rows of stateful->stores[store]. */
void sl_state_out_init(struct sl_state_out *out, const struct sl_stateful *stateful, uint32_t store,
                       sl_state_put_fn put, void *ctx);
void sl_state_out_release(struct sl_state_out *out);
/* Before the columns of the next part. */
void sl_state_out_clear(struct sl_state_out *out);
/* `count` rows are in the columns; `removed`: of `keys` alone. */
SL_MUST_CHECK enum sl_code sl_state_out_put(struct sl_state_out *out, uint32_t count, bool removed,
                                            struct sl_err *err);

/* In: rows that load got, by shard. First member of what the owner passes as ctx. */
struct sl_state_in {
    struct sl_shard_rows rows;
    struct sl_key_block block;     /* the keys of rows.rows, in their order */
    const struct sl_batch *values; /* NULL: removed */
    uint32_t *groups;              /* scratch of the visitor: room for each row */
};
/* Calls `visit` once for each shard that has rows of `keys`, under its lock. The first columns of
 * `keys` are those of the layout. */
SL_MUST_CHECK enum sl_code
sl_state_in_visit(struct sl_state_in *in, const struct sl_key_layout *layout,
                  const struct sl_batch *keys, const struct sl_batch *values,
                  pthread_mutex_t *const *locks, sl_shard_visit_fn visit, struct sl_err *err);
/* The rows of a shard: rows.rows + *begin and so on. */
static inline uint32_t sl_state_in_count(const struct sl_state_in *in, uint32_t shard,
                                         uint32_t *begin) {
    *begin = in->rows.begin[shard];
    return in->rows.begin[shard + 1] - *begin;
}
/* Which of a shard's keys are in the table: their groups in in->groups; how many. */
uint32_t sl_state_in_find(struct sl_state_in *in, const struct sl_group_table *table,
                          uint32_t shard);

#endif
