/* Name resolution: which column of a relation a dotted name means.
 *
 * Spark's order (AttributeSeq.resolve): a qualified match `t.a` before a plain match `a`; what is
 * left of the name are struct fields. Case counts only when the session says so.
 */
#ifndef SL_PLAN_SCOPE_H
#define SL_PLAN_SCOPE_H

#include "plan/node.h"

struct sl_select;       /* the SELECT list being bound: bind_select.c */
struct sl_lambda_frame; /* the lambda whose body is being bound: bind_lambda.c */
struct sl_grouping;     /* the groups of that SELECT: bind_aggregate.c */

struct sl_scope {
    const struct sl_column *columns;
    uint32_t column_count;
    struct sl_select *select;             /* lateral column aliases, or NULL */
    const struct sl_lambda_frame *lambda; /* its names go before all others, or NULL */
    struct sl_select *windows;            /* where window() puts its column, or NULL */
    struct sl_grouping *grouping;         /* whose aggregate functions may be called, or NULL */
    bool in_aggregate;                    /* in the arguments of one */
    const struct sl_select *outputs;    /* HAVING, ORDER BY: names of the list go first, or NULL */
    const struct sl_urelation *aliases; /* GROUP BY: names of this list go last, or NULL */
    bool case_sensitive;
};

/* Where a name leads. */
struct sl_resolved {
    bool found;
    uint32_t column;
    uint32_t used; /* parts of the name that name the column; the rest are fields */
};

bool sl_scope_name_eq(const struct sl_scope *scope, struct sl_str a, struct sl_str b);
/* found stays false when no column matches; AMBIGUOUS_REFERENCE when several do. */
SL_MUST_CHECK enum sl_code sl_scope_resolve(const struct sl_scope *scope,
                                            const struct sl_name *name, struct sl_resolved *out,
                                            struct sl_err *err);
/* UNRESOLVED_COLUMN.*, with the nearest column or field and its type as hint. */
enum sl_code sl_scope_unresolved(const struct sl_scope *scope, struct sl_arena *arena,
                                 const struct sl_name *name, struct sl_err *err);
/* FIELD_NOT_FOUND in a struct, with the nearest field and its type as hint. */
enum sl_code sl_scope_field_missing(struct sl_arena *arena, const struct sl_type *type,
                                    struct sl_str base, struct sl_str field, struct sl_span span,
                                    struct sl_err *err);

#endif
