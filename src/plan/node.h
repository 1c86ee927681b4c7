/* The resolved logical plan: names are column numbers, every expression is typed (expr/expr.h),
 * every scan knows its schema.  Made by bind.h, rewritten by optimize.h, lowered by run/.  In the
 * query arena, immutable once bound.
 *
 * Only what runs today is a node kind; the binder refuses everything else by name
 * (UNSUPPORTED_FEATURE). To add a relational operator: a kind here, its binding in bind_relation.c,
 * its rewrites, its operator in ops/.
 */
#ifndef SL_PLAN_NODE_H
#define SL_PLAN_NODE_H

#include "expr/aggregate.h"
#include "expr/expect.h"
#include "expr/generate.h"
#include "sql/tree.h"

enum sl_node_kind {
    SL_NODE_SCAN,      /* scan; output = scan columns `columns` */
    SL_NODE_PROJECT,   /* exprs over input */
    SL_NODE_FILTER,    /* condition (boolean) over input; same schema */
    SL_NODE_UNION,     /* inputs of equal schema (types widened), in order */
    SL_NODE_LIMIT,     /* first `limit` rows, of a batch or of all (`limit_remembers`) */
    SL_NODE_EXPECT,    /* `expects` over input, in this order; same schema; at the root only */
    SL_NODE_GENERATE,  /* `generate`: a row for each item of a list; output = its kept columns, then
                          its parts */
    SL_NODE_WATERMARK, /* `watermark` of column `event_column`; same columns */
    SL_NODE_AGGREGATE, /* `aggregation` of input; output = keys, then items */
    SL_NODE_DEDUPLICATE, /* `deduplication`; same columns */
    SL_NODE_JOIN,        /* `join` of inputs[0] and inputs[1] */
    SL_NODE_SORT,        /* `sorting`; same columns */
    SL_NODE_VALUES /* `row_count` rows of exprs that read no column: VALUES, SELECT without FROM;
                      column_count may be 0 (the one row below `SELECT 1 WHERE ..`) */
};

/* Spark's markers of what window() and session_window() make. */
enum sl_window_column { SL_WINDOW_NONE, SL_WINDOW_TIME, SL_WINDOW_SESSION };
/* Who sees a column that the query did not write: the window of GROUP BY window(..), the second
 * key of USING. */
enum sl_column_reach {
    SL_REACH_ALL,
    SL_REACH_NAME,     /* by name, not by `*` */
    SL_REACH_QUALIFIED /* as t.a and t.* only */
};

/* One column of a node's output. */
struct sl_column {
    struct sl_str name;
    const struct sl_type *type;
    bool nullable;
    struct sl_str
        qualifier; /* table or subquery alias it can be reached by, "" if none; binding only */
    uint32_t id;   /* Spark's exprId: equal for a column and its unchanged copies, so that naming a
                      column twice below is not ambiguous above; binding only */
    const struct sl_watermark *watermark; /* it is the event time of that clause, or a window of it;
                                             NULL: no event time; binding only */
    enum sl_window_column window;         /* made by window() or session_window(); binding only */
    enum sl_column_reach reach;           /* binding only */
};

/* A source as the catalog resolved it.  `spec` belongs to the catalog (run/): how to open it. */
struct sl_scan {
    const void *spec;
    struct sl_str name; /* for EXPLAIN: "kafka orders", "parquet /data/x" */
    const struct sl_type *schema;
    bool streaming;
    struct sl_span span;
};

struct sl_node {
    enum sl_node_kind kind;
    struct sl_column *columns; /* output */
    uint32_t column_count;
    struct sl_node **inputs;
    uint32_t input_count;
    struct sl_expr **exprs; /* PROJECT: column_count; VALUES: row_count * column_count */
    struct sl_expr *condition;
    const struct sl_scan *scan;
    uint32_t *scan_columns;  /* SCAN: position in scan->schema of each output column (pruned) */
    struct sl_expr **pushed; /* SCAN: conjuncts over output columns a reader may use to skip row
                                groups (still filtered above) */
    uint32_t pushed_count;
    int64_t limit;
    bool limit_remembers; /* LIMIT: of a stream, counts through all batches */
    uint32_t row_count;
    struct sl_expect *expects; /* EXPECT */
    uint32_t expect_count;
    const struct sl_generate *generate;   /* GENERATE */
    const struct sl_watermark *watermark; /* WATERMARK */
    uint32_t event_column;
    const struct sl_aggregation *aggregation;     /* AGGREGATE */
    bool is_distinct;                             /* AGGREGATE: SELECT DISTINCT of a stream */
    const struct sl_deduplication *deduplication; /* DEDUPLICATE */
    const struct sl_join *join;                   /* JOIN */
    const struct sl_sorting *sorting;             /* SORT */
    struct sl_span span;
};

/* Constructors, also for plans that no SQL made (constraints, casts to a table's columns).  The
 * arrays are kept, columns are copied. */
struct sl_node *sl_node_new(struct sl_arena *arena, enum sl_node_kind kind, struct sl_node *input,
                            uint32_t column_count, struct sl_span span);
struct sl_node *sl_node_project(struct sl_arena *arena, struct sl_node *input,
                                struct sl_expr **exprs, const struct sl_column *columns,
                                uint32_t count, struct sl_span span);
struct sl_node *sl_node_filter(struct sl_arena *arena, struct sl_node *input,
                               struct sl_expr *condition, struct sl_span span);
struct sl_node *sl_node_limit(struct sl_arena *arena, struct sl_node *input, int64_t limit,
                              struct sl_span span);
struct sl_node *sl_node_expect(struct sl_arena *arena, struct sl_node *input,
                               struct sl_expect *expects, uint32_t count, struct sl_span span);

/* The first of the columns that is an event time. */
struct sl_event_time sl_event_time_among(const struct sl_column *columns, uint32_t count);

/* Output as a STRUCT type. */
const struct sl_type *sl_node_schema(struct sl_arena *arena, const struct sl_node *node);
bool sl_node_is_streaming(const struct sl_node *node);
/* EXPLAIN: Spark's tree layout ("== Optimized Logical Plan ==" bodies: Project [..], +- Filter
 * (..)). */
void sl_node_put_text(struct sl_buf *out, const struct sl_node *node);

#endif
