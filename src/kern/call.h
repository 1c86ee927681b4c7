/* How the executor calls a kernel, and how a kernel reports rows it could not compute.
 *
 * A kernel computes all rows of a batch at once.  The executor has prepared everything that is the
 * same for all kernels:
 *   - args are FLAT or CONST (rows set), never DICT or VIEW, unless the function's row says RAW;
 *   - null rule STRICT: out->valid is already the AND of the args' validity (NULL = all valid); the
 *     kernel computes every row, null ones included, and never looks at validity; when all args
 *     are CONST the executor calls with rows = 1 and makes the result CONST;
 *   - null rule CUSTOM: the kernel sets out->valid itself;
 *   - out is a clear FLAT vector of the result type; the kernel reserves and fills it; rows is set
 *     by the executor afterwards (a kernel that appends leaves it at call->rows).  A STRICT kernel
 *     may leave bytes in null rows of a STRING or BINARY result: the executor closes those gaps.
 *     Null rows of a STRICT ARRAY, MAP or STRUCT result are the kernel's own affair.
 * A kernel that cannot compute a row calls sl_call_bad(call, row, ...) and goes on (value
 * undefined, row becomes null); whether that stops the query is policy (ANSI, TRY_, quarantine),
 * decided above.  Reports for rows that are null by the STRICT rule or not `active` are dropped
 * there.  A kernel whose answer for a row is NULL without being an error (legacy division by zero,
 * try_add) calls sl_call_null.
 */
#ifndef SL_KERN_CALL_H
#define SL_KERN_CALL_H

#include "base/arena.h"
#include "base/err.h"
#include "col/vec.h"
#include "kern/session.h"

struct sl_bad_row {
    uint32_t row;
    const char *condition; /* static: "CAST_INVALID_INPUT" */
    const char *sqlstate;
    struct sl_str msg; /* in the scratch arena */
};

struct sl_call {
    const struct sl_vec *const *args;
    uint32_t arg_count;
    struct sl_vec *out;
    uint32_t rows;
    const uint64_t *active; /* rows whose result matters (selection, CASE branch); NULL = all */
    const struct sl_session *session;
    const void *state;        /* made once by the function's bind hook; NULL if it has none */
    struct sl_arena *scratch; /* reset after the batch */
    /* STRICT: rows that are null whatever the kernel says; NULL otherwise */
    const uint64_t *strict_valid;
    /* What uuid() and rand() mix with the session's seed, so that a rerun gives the same values
     * whatever the batches are cut into. */
    uint32_t site;          /* number of the call within its program */
    int32_t partition;      /* of the source; -1 if none */
    const int64_t *row_ids; /* offset or line number per row; NULL: row_base + row */
    int64_t row_base;       /* rows of this epoch that came before */
    /* first bad row that is active and non-null; further ones only mark */
    uint64_t *bad_rows; /* bitmap of call->rows, in scratch; NULL until the first bad row */
    struct sl_bad_row first_bad;
    uint32_t bad_count;
    /* The caller wants the message of every bad row, not of the first only: they are dead letters.
     */
    bool every_bad;
    struct sl_bad_row *bad_items; /* every_bad: bad_count of them, in order of discovery */
};

/* Marks a row as failed. The message is made only for the first active one, unless every_bad. */
void sl_call_bad(struct sl_call *call, uint32_t row, const char *condition, const char *sqlstate,
                 const char *fmt, ...) SL_PRINTF(5, 6);
static inline bool sl_call_is_active(const struct sl_call *call, uint32_t row) {
    return !call->active || sl_bit_get(call->active, row);
}
/* Makes call->out->valid writable for call->rows rows, all ones if there was none. */
SL_MUST_CHECK enum sl_code sl_call_own_valid(struct sl_call *call, struct sl_err *err);
/* Makes one row null; SL_NOMEM only at the first use in a call. */
SL_MUST_CHECK enum sl_code sl_call_null(struct sl_call *call, uint32_t row, struct sl_err *err);

/* The same with the failure of a call over parts of the row (an element, a field). */
void sl_call_bad_as(struct sl_call *call, uint32_t row, const struct sl_bad_row *part);

typedef enum sl_code (*sl_kernel_fn)(struct sl_call *call, struct sl_err *err);

#endif
