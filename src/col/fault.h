/* Records that failed while a batch was processed: which, by what rule, why.
 *
 * A query with a quarantine gives every chain one of these; then a row that cannot be parsed,
 * computed or written, or that breaks a constraint, is noted here and leaves the selection, and the
 * batch goes on.  Without one (batch->faults == NULL) the same row fails the batch, as in Spark.
 *
 * A fault belongs to a row of the *source's* batch (sl_batch_source_row), for that is what can be
 * kept and replayed: when one row that was exploded from a record fails, the record fails, and all
 * its rows leave.  A record has at most one fault, the first.
 *
 * Owner: one thread (a task's chain).  Texts live until the next sl_faults_begin.
 */
#ifndef SL_COL_FAULT_H
#define SL_COL_FAULT_H

#include "base/arena.h"
#include "base/err.h"

enum sl_fault_kind {
    SL_FAULT_MALFORMED,  /* could not be parsed by the schema asked for */
    SL_FAULT_EVALUATION, /* ANSI error: cast, overflow, division by zero, .. */
    SL_FAULT_CONSTRAINT, /* CONSTRAINT .. EXPECT, or one of the table itself */
    SL_FAULT_WRITE,      /* the sink cannot hold the value */
    SL_FAULT_DRIFT,      /* a field that the schema does not know */
    SL_FAULT_LATE        /* its event time is behind the watermark */
};
/* "malformed", "evaluation", "constraint", "write", "drift", "late" */
const char *sl_fault_kind_name(enum sl_fault_kind kind);

struct sl_fault {
    uint32_t row; /* of the source's batch */
    enum sl_fault_kind kind;
    struct sl_str rule; /* name of the constraint; else what failed: "from_json", "CAST" */
    struct sl_str condition, sqlstate; /* "CAST_INVALID_INPUT", "22018"; "" if none */
    struct sl_str msg;
    struct sl_str record; /* of a file's malformed record: its text; ptr NULL: the row is all */
    int64_t record_at;    /* the byte where it begins */
};

struct sl_faults {
    struct sl_arena arena;
    uint64_t *failed; /* bitmap over the source's rows; NULL until the first fault of a batch */
    uint32_t rows;
    struct sl_fault *items; /* in order of discovery */
    uint32_t count, cap;
};

void sl_faults_init(struct sl_faults *faults);
void sl_faults_release(struct sl_faults *faults);
/* A new source batch of `rows` rows: forgets everything. */
void sl_faults_begin(struct sl_faults *faults, uint32_t rows);
bool sl_faults_has(const struct sl_faults *faults, uint32_t row);
/* Texts of `fault` are copied, the message as valid UTF-8. False when the record has a fault
 * already: that one stays. */
bool sl_faults_add(struct sl_faults *faults, const struct sl_fault *fault);

#endif
