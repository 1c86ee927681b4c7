/* Calls that are not evaluated argument by argument: AND, OR, IF, CASE, COALESCE and their kin. */
#ifndef SL_EXPR_EXPR_LAZY_H
#define SL_EXPR_EXPR_LAZY_H

#include "expr/expr.h"

typedef enum sl_code (*sl_lazy_maker)(struct sl_expr_ctx *ctx, struct sl_str name,
                                      struct sl_expr **args, uint32_t count, struct sl_span span,
                                      struct sl_expr **out, struct sl_err *err);
/* NULL: an ordinary function. */
sl_lazy_maker sl_lazy_find(struct sl_str name);

#endif
