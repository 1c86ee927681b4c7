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

/* ---- joins ---- */

typedef enum sl_code (*sl_push_fn)(struct sl_expr_ctx *ctx, struct sl_node *input,
                                   struct sl_exprs *terms, struct sl_span span,
                                   struct sl_node **out, struct sl_err *err);
/* Terms that stand above a join, and those of its condition, go where the kind of the join lets
 * them: to a side (with `push`), into the condition, or to `above`.  Only before keys are found. */
SL_MUST_CHECK enum sl_code sl_join_push(struct sl_expr_ctx *ctx, struct sl_node *join,
                                        const struct sl_exprs *terms, struct sl_span span,
                                        sl_push_fn push, struct sl_node **out,
                                        struct sl_exprs *above, struct sl_err *err);
/* Finds the keys in the conditions of joins. */
SL_MUST_CHECK enum sl_code sl_plan_find_keys(struct sl_expr_ctx *ctx, struct sl_node *in,
                                             struct sl_node **out, struct sl_err *err);
/* The side whose columns alone the term reads, or -1. left: columns of the left side. */
int sl_term_side(const struct sl_expr *term, uint32_t left);
bool sl_expr_is_call(const struct sl_expr *expr, const char *name);

/* ---- event times ---- */

/* Of joins of streams on a pruned plan: the event time of each side, and how long its rows must be
 * remembered. */
struct sl_node *sl_plan_find_times(struct sl_arena *arena, struct sl_node *node);
/* Whether the condition of a join of two streams, as it was bound, tells when a row of a preserved
 * side can find no match any more: by a key that is an event time, or by a range. */
bool sl_join_is_bounded(const struct sl_node *join);
/* All terms with AND; NULL when there are none. */
SL_MUST_CHECK enum sl_code sl_exprs_join(struct sl_expr_ctx *ctx, const struct sl_exprs *terms,
                                         struct sl_expr **out, struct sl_err *err);
bool sl_expr_may_fail(const struct sl_expr *expr);

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
