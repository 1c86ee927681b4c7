/* What the stateful nodes of a plan say to their operators: made by plan/, read by ops/.
 *
 * Columns are numbers of the input's columns: what is computed (grouping expressions, arguments,
 * FILTER conditions, join keys) is a projection below. */
#ifndef SL_EXPR_AGGREGATE_H
#define SL_EXPR_AGGREGATE_H

#include "expr/expr.h"
#include "kern/aggregate.h"

/* One clause WATERMARK of a query: event times are noted, `delay_ms` behind the latest one rows are
 * late. */
struct sl_watermark {
    uint32_t number; /* of the clause in the query, from 0 */
    int64_t delay_ms;
    struct sl_str name; /* of the column, for messages */
};

/* How the watermark applies to the keys of an operator: a row (a key) is late (may go) when the
 * time in this column is <= the watermark; of a STRUCT<start, end> (a window) its `end`. */
struct sl_event_time {
    int32_t column;   /* of the input; -1: none, nothing is ever late */
    int64_t delay_us; /* of its clause */
};

enum sl_output_mode {
    SL_MODE_APPEND,   /* a group once, when the watermark has passed it */
    SL_MODE_UPDATE,   /* groups that changed, every batch */
    SL_MODE_COMPLETE, /* all groups, every batch; nothing is evicted */
    SL_MODE_BATCH     /* no stream: all groups, at the end */
};

struct sl_aggregation_item {
    const struct sl_aggregate_call *call;
    uint32_t *args; /* columns, call->arg_count; constant ones are CONST columns */
    int32_t filter; /* BOOLEAN column: only rows where it is true; -1: all */
    bool distinct;  /* each combination of arguments once per group; batch only */
};
/* GROUP BY: output = the keys, then an item each. */
struct sl_aggregation {
    uint32_t *keys; /* columns; none: one group, which is there even without rows */
    uint32_t key_count;
    struct sl_aggregation_item *items;
    uint32_t item_count;
    struct sl_event_time event_time; /* column is one of the keys */
    int32_t session; /* position in `keys` of a session_window: sessions of the other keys that
                        touch are merged; -1: none */
};

/* The first row of every combination of keys. */
struct sl_deduplication {
    uint32_t *keys;
    uint32_t key_count;
    struct sl_event_time event_time; /* of the input: rows are late by it; not within: keys are kept
                                        for ever unless it is among them; -1: none */
    bool within_watermark; /* dropDuplicatesWithinWatermark: a key is forgotten `delay_us` after the
                              time of its first row */
};

enum sl_join_kind {
    SL_JOINS_INNER,
    SL_JOINS_LEFT,
    SL_JOINS_RIGHT,
    SL_JOINS_FULL,
    SL_JOINS_SEMI,
    SL_JOINS_ANTI
};
struct sl_join_side {
    bool streaming; /* in a stream: remembered between batches; else it is read whole, before the
                       other side; of two such sides the right one */
    uint32_t *keys; /* columns that must be equal to the other side's, pairwise; NULL is not */
    uint32_t column_count;
    struct sl_event_time event_time; /* rows are late by it; -1: none */
    struct sl_expr *only; /* over this side's columns: rows that cannot match are not remembered;
                             NULL: all may */
    /* A remembered row may go when its time (microseconds) in `bound` + bound_offset_us <= the
     * watermark; -1: for ever. */
    int32_t bound;
    int64_t bound_offset_us;
};
/* Output = left's columns, then right's (not for SEMI and ANTI). */
struct sl_join {
    enum sl_join_kind kind;
    struct sl_join_side sides[2];
    uint32_t key_count;
    struct sl_expr *condition; /* over left's then right's columns; NULL: keys alone decide */
};

struct sl_sort_key {
    uint32_t column;
    bool descending, nulls_first;
};
/* ORDER BY of a whole result: batch, and complete mode. */
struct sl_sorting {
    struct sl_sort_key *keys;
    uint32_t key_count;
    int64_t limit; /* only the first rows are wanted; -1: all */
};

#endif
