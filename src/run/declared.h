/* The columns that a table's statement declares: CREATE STREAMING TABLE t (id INT NOT NULL, ..).
 * The query has to make exactly these, found by name in any order; the table gets their order,
 * their spelling, their types and their comments.  Where the query's type is another, the value is
 * cast as an INSERT casts it (Spark's ANSI store assignment), or the declaration is refused.
 * Source: Spark TableOutputResolver.scala, Cast.canANSIStoreAssign. */
#ifndef SL_RUN_DECLARED_H
#define SL_RUN_DECLARED_H

#include "conn/conn.h"
#include "plan/bind.h"

/* Puts a projection above *plan where the declared columns are others than its own; *schema is that
 * of the table, in the arena. Neither changes when target (may be NULL) declares none. Errors'
 * spans are places of the substituted text. */
SL_MUST_CHECK enum sl_code sl_declared_apply(struct sl_expr_ctx *ctx,
                                             const struct sl_statement *target,
                                             struct sl_node **plan, const struct sl_type **schema,
                                             struct sl_err *err);
/* NOT NULL of the declared columns as texts to evaluate, in front of what the table demands itself:
 * *demanded and *count grow, in the arena. Columns of `schema` that cannot be null demand nothing.
 */
void sl_declared_not_null(struct sl_arena *arena, const struct sl_statement *target,
                          const struct sl_type *schema, const struct sl_sink_constraint **demanded,
                          uint32_t *count);
/* Per column of the schema: declared NOT NULL? NULL: none is. */
const bool *sl_declared_flags(struct sl_arena *arena, const struct sl_statement *target,
                              const struct sl_type *schema);

#endif
