/* Rewrites of the resolved plan that never change the answer: constant folding (already by the expr
 * constructors), merging of adjacent projections (when no expensive expression would be computed
 * twice: from_json, regexp ...), filters pushed towards the scan and split into conjuncts, column
 * pruning down to the scan, schema pruning of from_json to the fields that are read (Spark's
 * OptimizeCsvJsonExprs), removal of trivial projections.
 *
 * The result of a stateless pipeline is PROJECT over FILTER over [PROJECT over] SCAN; run/ lowers
 * any shape. */
#ifndef SL_PLAN_OPTIMIZE_H
#define SL_PLAN_OPTIMIZE_H

#include "plan/node.h"

SL_MUST_CHECK enum sl_code sl_plan_optimize(struct sl_expr_ctx *ctx, struct sl_node *in,
                                            struct sl_node **out, struct sl_err *err);

#endif
