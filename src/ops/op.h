/* Operators over batches.  A stateless operator turns a batch into a batch without copying rows;
 * one instance per worker (its programs have registers of their own).  Input is borrowed for the
 * call; the output is valid until the next call. To add one: a file with its ops table and a
 * constructor here; run/lower.c makes it from its plan node. */
#ifndef SL_OPS_OP_H
#define SL_OPS_OP_H

#include "col/batch.h"
#include "expr/expect.h"
#include "expr/generate.h"
#include "expr/program.h"

struct sl_op;
/* What a stage has cost, for --profile. */
typedef void (*sl_profile_fn)(void *ctx, const char *stage, int64_t ns, int64_t rows);

struct sl_op_ops {
    const char *name;
    enum sl_code (*process)(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err);
    void (*profile)(const struct sl_op *op, sl_profile_fn fn, void *ctx);
    void (*free)(struct sl_op *op);
    /* The rest of what the last process made, until out has no rows: for an operator that makes
     * more rows of a batch than a batch should have. NULL: process gives all. */
    enum sl_code (*more)(struct sl_op *op, const struct sl_session *session, struct sl_batch **out,
                         struct sl_err *err);
};
struct sl_op {
    const struct sl_op_ops *ops; /* first member of every operator's struct */
};

/* Keeps the rows for which the condition is true: narrows the selection. */
SL_MUST_CHECK enum sl_code sl_filter_new(struct sl_expr *condition, bool profile,
                                         struct sl_op **out, struct sl_err *err);
/* Computes `schema->field_count` expressions. */
SL_MUST_CHECK enum sl_code sl_project_new(struct sl_expr *const *exprs,
                                          const struct sl_type *schema, bool profile,
                                          struct sl_op **out, struct sl_err *err);
/* Checks every row against all `expects` (which outlive the operator) and counts; the first one
 * that a row violates decides what its record's fault is called. A condition that cannot be
 * computed is an evaluation error as elsewhere, and the row is not counted. */
SL_MUST_CHECK enum sl_code sl_expect_new(const struct sl_expect *expects, uint32_t count,
                                         bool profile, struct sl_op **out, struct sl_err *err);
/* How many rows have passed and failed the i-th expectation so far. */
struct sl_expect_count {
    uint64_t passed, failed;
};
/* One per expectation; NULL when op does not check any. */
const struct sl_expect_count *sl_expect_counts(const struct sl_op *op);
/* Makes a row of every item of a list; `what` outlives the operator. */
SL_MUST_CHECK enum sl_code sl_generate_new(const struct sl_generate *what,
                                           const struct sl_type *schema, bool profile,
                                           struct sl_op **out, struct sl_err *err);
/* Lets the first *left rows through and counts them down; all operators of a LIMIT share `left`,
 * and are run by one task. */
struct sl_op *sl_limit_new(int64_t *left);
/* No more rows can come: the reader may stop. */
bool sl_limit_is_reached(const struct sl_op *op);

/* Event times that passed a WATERMARK clause, in a batch. */
struct sl_event_times {
    int64_t max_ms, min_ms; /* of `rows` */
    int64_t reached_ms;     /* the latest one that moves the watermark; INT64_MIN: none does */
    uint64_t ahead;         /* rows beyond that */
    double sum_ms;
    uint64_t rows; /* NULL counts as time 0, as in Spark */
};
/* Notes the event times in a column (TIMESTAMP, or a window: its end); rows pass unchanged. Times
 * more than `ahead_ms` beyond the batch's own time do not move the watermark; -1: all do. */
struct sl_op *sl_watermark_new(uint32_t column, int64_t ahead_ms, bool profile);
/* What it has noted since it was made; NULL when op is another operator. */
const struct sl_event_times *sl_watermark_times(const struct sl_op *op);

void sl_op_free(struct sl_op *op);

#endif
