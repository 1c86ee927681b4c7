/* What aggregations share: the accumulators of all items of a shard, driven together, and the
 * columns of a batch that feed them. */
#ifndef SL_OPS_AGGREGATE_SET_H
#define SL_OPS_AGGREGATE_SET_H

#include "ops/stateful.h"

/* Owner: who holds the shard's lock. */
struct sl_aggregate_set {
    const struct sl_aggregation *what;
    struct sl_accumulator **accs; /* per item */
    struct sl_budget *budget;
};
void sl_aggregate_set_init(struct sl_aggregate_set *set, const struct sl_aggregation *what,
                           struct sl_budget *budget);
void sl_aggregate_set_release(struct sl_aggregate_set *set); /* safe on a zeroed struct */
/* No groups; memory is given back. */
void sl_aggregate_set_clear(struct sl_aggregate_set *set);
size_t sl_aggregate_set_bytes(const struct sl_aggregate_set *set);

SL_MUST_CHECK enum sl_code sl_aggregate_set_grow(struct sl_aggregate_set *set, uint32_t groups,
                                                 struct sl_err *err);
void sl_aggregate_set_reset(struct sl_aggregate_set *set, const uint32_t *groups, uint32_t count);
/* buffers: the columns of sl_aggregate_set_type, FLAT or CONST. */
SL_MUST_CHECK enum sl_code sl_aggregate_set_merge(struct sl_aggregate_set *set,
                                                  const struct sl_vec *buffers,
                                                  const uint32_t *rows, const uint32_t *groups,
                                                  uint32_t count, const struct sl_session *session,
                                                  struct sl_err *err);
/* Appends to those columns. */
SL_MUST_CHECK enum sl_code sl_aggregate_set_store(const struct sl_aggregate_set *set,
                                                  const uint32_t *groups, uint32_t count,
                                                  struct sl_vec *buffers, struct sl_err *err);
/* Appends the results, a column for each item. */
SL_MUST_CHECK enum sl_code sl_aggregate_set_finish(const struct sl_aggregate_set *set,
                                                   const uint32_t *groups, uint32_t count,
                                                   const struct sl_session *session,
                                                   struct sl_vec *out, struct sl_err *err);
/* The buffers of all items in order, with `count` fields before them. */
const struct sl_type *sl_aggregate_set_type(struct sl_arena *query,
                                            const struct sl_aggregation *what,
                                            const struct sl_field *before, uint32_t count);

/* A batch's arguments and filters as accumulators take them. Scratch of one task. */
struct sl_aggregate_input {
    const struct sl_aggregation *what;
    const struct sl_vec **args; /* all items' */
    const struct sl_vec ***item_args;
    const struct sl_vec **filters; /* per item; NULL: all rows */
    struct sl_vec *flat;           /* per argument, then per filter: what had to be decoded */
    uint32_t arg_count;
    uint32_t *rows, *groups, cap; /* rows that pass a filter */
};
void sl_aggregate_input_init(struct sl_aggregate_input *input, const struct sl_aggregation *what);
void sl_aggregate_input_release(struct sl_aggregate_input *input);
SL_MUST_CHECK enum sl_code sl_aggregate_input_take(struct sl_aggregate_input *input,
                                                   const struct sl_batch *batch,
                                                   struct sl_err *err);
/* What passes the item's filter of rows[i] -> groups[i]: points to the arguments, or to scratch of
 * the input that lasts until the next call. */
uint32_t sl_aggregate_input_filter(struct sl_aggregate_input *input, uint32_t item,
                                   const uint32_t **rows, const uint32_t **groups, uint32_t count);
SL_MUST_CHECK enum sl_code
sl_aggregate_input_update(struct sl_aggregate_input *input, struct sl_aggregate_set *set,
                          uint32_t item, const uint32_t *rows, const uint32_t *groups,
                          uint32_t count, const struct sl_session *session, struct sl_err *err);

#endif
