/* A set of expressions over the same input, compiled to a flat step array with registers; common
 * subexpressions are computed once.  Registers are allocated at the first batch and reused: nothing
 * is allocated per row, and in steady state nothing per batch.
 *
 * One program per worker (registers are its own); compile once, instantiate per worker.
 * Owner: one thread.
 */
#ifndef SL_EXPR_PROGRAM_H
#define SL_EXPR_PROGRAM_H

#include "col/batch.h"
#include "expr/expr.h"

struct sl_program;

/* exprs stay owned by the query arena and must outlive the program. */
SL_MUST_CHECK enum sl_code sl_program_new(struct sl_expr *const *exprs, uint32_t count,
                                          struct sl_program **out, struct sl_err *err);
void sl_program_free(struct sl_program *program);

/* Evaluates over batch->rows rows; rows outside batch->selected are computed but their errors
 * ignored. outputs[i] borrows a register or an input column (any encoding) until the next call. A
 * bad active row (ANSI) is SL_DATA with Spark's condition and message, and the row's origin in the
 * context; when the batch collects faults it is one of its record instead, the first one only, and
 * the row's values are undefined: sl_program_drop_failed. An expression that reads no column and
 * fails for every row is a mistake of the query, never of a record. */
SL_MUST_CHECK enum sl_code sl_program_eval(struct sl_program *program,
                                           const struct sl_session *session,
                                           const struct sl_batch *batch,
                                           const struct sl_vec **outputs, struct sl_err *err);
/* After eval of a batch with faults: takes the rows whose record failed out of its selection
 * (memory of the program, valid until the next call). */
void sl_program_drop_failed(struct sl_program *program, struct sl_batch *batch);
/* Evaluates expression 0 (boolean) and ANDs it into batch->selected (memory of the program, valid
 * until the next call); null counts as false. Rows for which it cannot be computed are faults. */
SL_MUST_CHECK enum sl_code sl_program_filter(struct sl_program *program,
                                             const struct sl_session *session,
                                             struct sl_batch *batch, struct sl_err *err);
/* Nanoseconds spent per step kind, for --profile: calls fn for each named step. */
void sl_program_profile(const struct sl_program *program,
                        void (*fn)(void *ctx, const char *step, int64_t ns, int64_t rows),
                        void *ctx);
void sl_program_set_profile(struct sl_program *program, bool on);

#endif
