/* Higher-order functions: transform, filter, aggregate ..
 *
 * A lambda's body is an expression of its own, not among the arguments: its columns are the
 * lambda's parameters and behind them what it captures from outside.  The captured expressions are
 * ordinary arguments behind the function's own, so everything that walks or rewrites expressions
 * sees all that is read of the input, and never looks into a body.
 */
#ifndef SL_EXPR_HIGHER_H
#define SL_EXPR_HIGHER_H

#include "expr/expr.h"

enum sl_higher_kind {
    SL_HIGHER_TRANSFORM,
    SL_HIGHER_FILTER,
    SL_HIGHER_EXISTS,
    SL_HIGHER_FORALL,
    SL_HIGHER_AGGREGATE, /* bodies: merge, and finish if there is one */
    SL_HIGHER_ZIP_WITH,
    SL_HIGHER_MAP_FILTER,
    SL_HIGHER_TRANSFORM_KEYS,
    SL_HIGHER_TRANSFORM_VALUES,
    SL_HIGHER_ARRAY_SORT /* body: the order of two elements, an INT */
};

enum { SL_LAMBDA_PARAMS_MAX = 2 };

struct sl_lambda {
    struct sl_expr *body;
    struct sl_str names[SL_LAMBDA_PARAMS_MAX]; /* of the parameters */
    uint32_t param_count;
};

struct sl_higher {
    enum sl_higher_kind kind;
    const char *name;
    uint32_t own_count; /* arguments that are not captures */
    struct sl_lambda lambdas[2];
    uint32_t lambda_count;
};

/* args: the function's own, which are of the right types, then the captures.  *wanted: the type
 * that the first lambda's body must have and has not; *out is not made then. */
SL_MUST_CHECK enum sl_code sl_expr_higher(struct sl_expr_ctx *ctx, const struct sl_higher *higher,
                                          struct sl_expr *const *args, uint32_t arg_count,
                                          struct sl_span span, struct sl_expr **out,
                                          const struct sl_type **wanted, struct sl_err *err);
bool sl_higher_equal(const struct sl_higher *a, const struct sl_higher *b);

#endif
