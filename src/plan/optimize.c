#include "plan/optimize_int.h"

enum sl_code sl_plan_optimize(struct sl_expr_ctx *ctx, struct sl_node *in, struct sl_node **out,
                              struct sl_err *err) {
    struct sl_node *node;
    SL_TRY(sl_plan_shape(ctx, in, &node, err));
    node = sl_plan_share_json(ctx, node);
    SL_TRY(sl_plan_find_keys(ctx, node, &node, err));
    node = sl_plan_prune(ctx, node);
    /* Pruning leaves projections with fewer references, so more of them merge. */
    SL_TRY(sl_plan_shape(ctx, node, &node, err));
    node = sl_plan_drop_trivial(ctx->query, node, true);
    node = sl_plan_push_to_scan(ctx->query, node);
    *out = sl_plan_find_times(ctx->query, node);
    return SL_OK;
}
