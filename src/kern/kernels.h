/* Prototypes of all kernels and bind hooks that functions.def names, so that a file which defines
 * some of them is checked against the table. */
#ifndef SL_KERN_KERNELS_H
#define SL_KERN_KERNELS_H

#include "kern/function.h"

#define FUNCTION(name, signature, nulls, kernel, bind, doc, example, result)                       \
    enum sl_code kernel(struct sl_call *call, struct sl_err *err);
#define BIND(hook)                                                                                 \
    enum sl_code hook(struct sl_arena *query, const struct sl_session *session,                    \
                      const struct sl_bind_arg *args, uint32_t arg_count,                          \
                      const struct sl_type *result, const void **state, struct sl_err *err);
#include "kern/functions.def"

#endif
