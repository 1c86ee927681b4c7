/* Binding: unresolved plan to resolved plan.  Resolves names (Spark's rules: case-insensitive,
 * qualifiers, struct fields, lateral column aliases in SELECT), expands stars, widens UNION sides,
 * checks streaming legality, and reports with Spark's conditions (UNRESOLVED_COLUMN.WITH_SUGGESTION
 * 42703, AMBIGUOUS_REFERENCE 42704, TABLE_OR_VIEW_NOT_FOUND 42P01, UNRESOLVED_ROUTINE 42883,
 * INCOMPATIBLE_STREAMING_VIEW_READ, STREAMING_OUTPUT_MODE..., UNSUPPORTED_FEATURE 0A000) and the
 * nearest name as hint.
 */
#ifndef SL_PLAN_BIND_H
#define SL_PLAN_BIND_H

#include "plan/node.h"

/* Where names of relations come from; implemented by run/ (and by tests). */
struct sl_catalog {
    void *ctx;
    /* A view's definition, or NULL when the name is no view. Whether it is a streaming view follows
     * from what it reads. */
    const struct sl_urelation *(*view)(void *ctx, const struct sl_name *name);
    /* Opens what READ_TABLE, READ_PATH or READ_FUNCTION names. READ_FUNCTION: arguments are
     * constant-folded by the binder to option texts first (keys: the argument's name, or "0", "1"
     * .. for arguments by position), then the options of WITH (..). An unknown name is
     * TABLE_OR_VIEW_NOT_FOUND; the binder adds the span and the nearest of `names`. */
    enum sl_code (*scan)(void *ctx, const struct sl_urelation *read,
                         const struct sl_properties *options, struct sl_scan *out,
                         struct sl_err *err);
    /* Names for "did you mean". */
    void (*names)(void *ctx, struct sl_arena *arena, struct sl_str **names, size_t *count);
};

struct sl_bind_ctx {
    struct sl_expr_ctx expr; /* query arena and session */
    const struct sl_catalog *catalog;
};

SL_MUST_CHECK enum sl_code sl_bind_relation(struct sl_bind_ctx *ctx,
                                            const struct sl_urelation *relation,
                                            struct sl_node **out, struct sl_err *err);
/* One expression over the columns of a node (constraints, DataFrame filters). node may be NULL (no
 * columns). */
SL_MUST_CHECK enum sl_code sl_bind_expr(struct sl_bind_ctx *ctx, const struct sl_uexpr *expr,
                                        const struct sl_node *node, struct sl_expr **out,
                                        struct sl_err *err);

#endif
