/* What the optimizer's files share.  optimize_shape.c moves filters and merges projections,
 * optimize_json.c computes equal from_json calls once, optimize_prune.c drops columns and fields
 * nobody reads, rewrite.c walks and copies expressions.
 *
 * Bound trees are immutable and shared: every rewrite makes new nodes and expressions.
 */
#ifndef SL_PLAN_OPTIMIZE_INT_H
#define SL_PLAN_OPTIMIZE_INT_H

#include "plan/optimize.h"

/* ---- expressions ---- */

struct sl_exprs {
    struct sl_expr **items;
    uint32_t count, cap;
};
void sl_exprs_add(struct sl_arena *arena, struct sl_exprs *list, struct sl_expr *expr);

typedef bool (*sl_expr_test)(const struct sl_expr *expr, const void *ctx);
/* Whether test holds for any part of the tree. */
bool sl_expr_any(const struct sl_expr *expr, sl_expr_test test, const void *ctx);
/* Copies what changes: replace returns a new expression for a node (whose parts are already
 * rewritten) or the node itself. */
typedef struct sl_expr *(*sl_expr_replace)(struct sl_expr *expr, void *ctx);
struct sl_expr *sl_expr_rewrite(struct sl_arena *arena, struct sl_expr *expr,
                                sl_expr_replace replace, void *ctx);
/* COLUMN i becomes columns[i]. */
struct sl_expr *sl_expr_inline(struct sl_arena *arena, struct sl_expr *expr,
                               struct sl_expr *const *columns);
/* Different values for equal inputs: uuid(), rand().  current_timestamp() is not: it is the same in
 * the whole batch. */
bool sl_expr_is_volatile(const struct sl_expr *expr);
bool sl_expr_has_json(const struct sl_expr *expr);
uint64_t sl_expr_size(const struct sl_expr *expr);

/* ---- passes ---- */

SL_MUST_CHECK enum sl_code sl_plan_shape(struct sl_expr_ctx *ctx, struct sl_node *in,
                                         struct sl_node **out, struct sl_err *err);
struct sl_node *sl_plan_share_json(struct sl_expr_ctx *ctx, struct sl_node *node);
struct sl_node *sl_plan_prune(struct sl_expr_ctx *ctx, struct sl_node *root);
/* Projections that change nothing; at the root only where the names stay. */
struct sl_node *sl_plan_drop_trivial(struct sl_arena *arena, struct sl_node *node, bool root);
/* Marks the conjuncts above a scan that its reader may use. */
struct sl_node *sl_plan_push_to_scan(struct sl_arena *arena, struct sl_node *node);

/* A copy of the node with other inputs. */
struct sl_node *sl_node_with_inputs(struct sl_arena *arena, const struct sl_node *node,
                                    struct sl_node **inputs);
struct sl_node *sl_node_with_input(struct sl_arena *arena, const struct sl_node *node,
                                   struct sl_node *input);
/* The terms of nested ANDs, left to right. */
void sl_expr_conjuncts(struct sl_arena *arena, struct sl_expr *expr, struct sl_exprs *out);

#endif
