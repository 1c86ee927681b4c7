/* What a Delta table demands of every row besides its columns' types: NOT NULL, CHECK constraints,
 * invariants, lengths of VARCHAR and CHAR.  They are told as SQL texts to who runs the query, which
 * evaluates them on every row in front of the sink; the sink sees to it that a batch is only
 * written while the table demands what was told.
 * Source: PROTOCOL.md "CHECK Constraints", "Column Invariants"; Spark Constraints.scala. */
#ifndef SL_CONN_DELTA_DEMAND_H
#define SL_CONN_DELTA_DEMAND_H

#include "conn/conn.h"
#include "lake/delta/action.h"

struct sl_delta_demands {
    struct sl_sink_constraint *items;
    uint32_t count;
    uint32_t not_null_count; /* the first ones are NOT NULL, which the sink checks itself, too */
};

/* Demands of the table on rows of the query (STRUCT), which cannot violate those that its own types
 * fulfil. Copied to the arena. SL_UNSUPPORTED: the table demands what has no text, such as an
 * invariant inside an array. */
SL_MUST_CHECK enum sl_code sl_delta_demands_of(struct sl_arena *arena, const char *table,
                                               const struct sl_delta_metadata *metadata,
                                               const struct sl_type *query,
                                               struct sl_delta_demands *out, struct sl_err *err);
/* Is every demand of `now` that the sink does not check among those that were told? NULL: nobody
 * asked. SL_UNSUPPORTED and SL_CONFLICT name the demands. */
SL_MUST_CHECK enum sl_code sl_delta_demands_check(const char *table,
                                                  const struct sl_delta_demands *told,
                                                  const struct sl_delta_demands *now,
                                                  struct sl_err *err);

#endif
