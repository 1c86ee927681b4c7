/* Memory budget of the data plane: asked before growth, so that `--memory` holds.
 * Thread-safe (atomic counter). A NULL budget is unlimited. */
#ifndef SL_BASE_BUDGET_H
#define SL_BASE_BUDGET_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

struct sl_budget {
    size_t limit_bytes; /* 0 = unlimited */
    atomic_size_t used_bytes, peak_bytes;
    struct sl_budget *parent; /* asked, too: this one then tells a part's use; NULL: none */
};
void sl_budget_init(struct sl_budget *budget, size_t limit_bytes);
/* A part of `parent`, which outlives it and sets the limit; of NULL: counts only. */
void sl_budget_init_part(struct sl_budget *budget, struct sl_budget *parent);
/* SL_NOMEM with a message that names the budget, what was asked for and `--memory`. */
SL_MUST_CHECK enum sl_code sl_budget_take(struct sl_budget *budget, size_t bytes, const char *what,
                                          struct sl_err *err);
void sl_budget_give(struct sl_budget *budget, size_t bytes);

#endif
