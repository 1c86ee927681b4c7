/* A SELECT while it is bound: its relation, its list, and with GROUP BY or aggregate functions the
 * groups.  bind_select.c binds the list, bind_aggregate.c the groups, bind_window.c windows,
 * bind_sort.c ORDER BY.
 *
 * Expressions of an aggregating SELECT are bound over the columns of its relation.  What stands for
 * no column of it has a number from SL_LATERAL_BASE: an alias earlier in the list that was computed
 * once, or from SL_ITEM_BASE the result of an aggregate function.  When all is bound and the groups
 * are complete, sl_grouping_above turns each into one over the groups: what equals a grouping
 * expression is a key, and a column that is left over is MISSING_AGGREGATION.
 */
#ifndef SL_PLAN_SELECT_H
#define SL_PLAN_SELECT_H

#include "plan/bind_int.h"

#define SL_LATERAL_BASE (UINT32_C(1) << 29)
#define SL_ITEM_BASE (UINT32_C(1) << 30)

/* An item of the list, or behind them one that only ORDER BY reads. */
struct sl_item {
    struct sl_expr *expr;
    struct sl_column column;
    bool lateral;   /* later items may use its name */
    bool generated; /* made by a generator */
};

struct sl_aggregate_item {
    struct sl_aggregate_call *call;
    struct sl_expr **args;
    struct sl_expr *filter; /* NULL: all rows */
    bool distinct;
    struct sl_str name;
};

struct sl_grouping {
    struct sl_expr **keys; /* over the SELECT's relation */
    struct sl_column *key_columns;
    uint32_t key_count, key_cap;
    struct sl_aggregate_item *items;
    uint32_t item_count, item_cap;
    struct sl_expr **laterals; /* as bound, each may read those before it */
    struct sl_column *lateral_columns;
    uint32_t lateral_count, lateral_cap;
};

/* The one window() or session_window() of a SELECT. */
struct sl_select_window {
    struct sl_expr *time; /* NULL: none yet */
    struct sl_expr *gap;  /* session_window */
    int64_t duration, slide, start;
    uint32_t column; /* of base */
};

struct sl_select {
    struct sl_node *base; /* input, or projections that compute laterals and windows over it */
    struct sl_item *items;
    uint32_t count, cap;
    uint32_t visible; /* items of the list; the rest is for ORDER BY */
    bool case_sensitive;
    struct sl_grouping *grouping; /* NULL: rows, not groups */
    struct sl_select_window window;
    struct sl_expr *window_time; /* the last window_time() and where it is */
    uint32_t window_time_column;
};

void sl_select_add(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                   struct sl_column column, bool lateral);
/* Position of an item that is this expression, or of a new one behind the list. */
uint32_t sl_select_item_of(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                           struct sl_str name);
/* *out stays NULL when no item has that name. */
enum sl_code sl_select_output(const struct sl_select *select, struct sl_str name,
                              struct sl_span span, struct sl_expr **out, struct sl_err *err);
/* A projection of all columns of base and one more. */
struct sl_node *sl_node_with_column(struct sl_binder *binder, struct sl_node *base,
                                    struct sl_expr *expr, const struct sl_column *column);

/* ---- groups ---- */
bool sl_has_aggregate(const struct sl_uexpr *expr);
enum sl_code sl_bind_grouping(struct sl_binder *binder, struct sl_select *select,
                              const struct sl_urelation *relation, struct sl_err *err);
/* The aliases of GROUP BY: *out stays NULL when the SELECT list has no such name. */
enum sl_code sl_grouping_alias(struct sl_binder *binder, const struct sl_scope *scope,
                               struct sl_str name, struct sl_expr **out, struct sl_err *err);
/* Whether it reads what only the groups have: an aggregate function or an alias made of one. */
bool sl_reads_groups(const struct sl_expr *expr);
struct sl_expr *sl_grouping_lateral(struct sl_binder *binder, struct sl_grouping *grouping,
                                    struct sl_expr *expr, const struct sl_column *column);
/* AGGREGATE over select->base, with the laterals behind its columns. */
enum sl_code sl_grouping_node(struct sl_binder *binder, struct sl_select *select,
                              struct sl_span span, struct sl_node **out, struct sl_err *err);
enum sl_code sl_grouping_above(struct sl_binder *binder, const struct sl_select *select,
                               struct sl_expr *expr, struct sl_expr **out, struct sl_err *err);

/* ---- ORDER BY ---- */
struct sl_ordering {
    struct sl_expr **exprs; /* over the node that is sorted */
    struct sl_sort_key *keys;
    uint32_t count;
};
/* The ORDER BY of a SELECT: may add items. */
enum sl_code sl_bind_ordering(struct sl_binder *binder, struct sl_select *select,
                              const struct sl_scope *scope, const struct sl_urelation *sort,
                              struct sl_ordering *out, struct sl_err *err);
/* Sorts node; of the result the first `visible` columns stay. */
struct sl_node *sl_sort_over(struct sl_binder *binder, struct sl_node *node,
                             const struct sl_ordering *ordering, uint32_t visible,
                             struct sl_span span);

#endif
