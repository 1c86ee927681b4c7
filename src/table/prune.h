/* Reading less: from the conditions that every wanted row fulfils, those of the form `column op
 * literal` decide by bounds whether a row group or a partition can hold such a row.  Never wrong,
 * only sometimes too careful. */
#ifndef SL_TABLE_PRUNE_H
#define SL_TABLE_PRUNE_H

#include "expr/expr.h"

enum sl_prune_op {
    SL_PRUNE_EQUAL,
    SL_PRUNE_LESS,
    SL_PRUNE_LESS_EQUAL,
    SL_PRUNE_GREATER,
    SL_PRUNE_GREATER_EQUAL
};

struct sl_prune_term {
    uint32_t column; /* of the source's schema */
    enum sl_prune_op op;
    const struct sl_vec *literal; /* CONST, not null, of the column's type */
};

/* Terms of the conditions (joined by AND) that can be used; in the arena. COLUMN i of a condition
 * is the source's column columns[i]. */
uint32_t sl_prune_terms(struct sl_arena *query, struct sl_expr *const *conditions, uint32_t count,
                        const uint32_t *columns, const struct sl_prune_term **out);
/* Whether a value of [min, max] (row 0 of each) can fulfil the term. */
bool sl_prune_may_match(const struct sl_prune_term *term, const struct sl_vec *min,
                        const struct sl_vec *max);

#endif
