/* Declares the operations and bind hooks that aggregates.def names, so that a file which defines
 * some of them is checked against the table. */
#ifndef SL_KERN_AGGREGATES_H
#define SL_KERN_AGGREGATES_H

#include "kern/aggregate.h"

#define AGGREGATE(name, signature, flags, ops, bind, doc, example, result)                         \
    extern const struct sl_aggregate_ops ops;
#define BIND(hook)                                                                                 \
    enum sl_code hook(struct sl_arena *query, const struct sl_session *session,                    \
                      const struct sl_bind_arg *args, uint32_t arg_count,                          \
                      const struct sl_type *result, const void **state, struct sl_err *err);
#include "kern/aggregates.def"

#endif
