/* Schema drift: fields of records that the schema asked for does not have.  A query that wants to
 * know gives every chain one of these (sluice.onSchemaDrift); without one (batch->drift == NULL)
 * such fields are passed over, as Spark does.
 *
 * Owner: one thread (a task's chain, then the query, under the epoch's lock).
 */
#ifndef SL_COL_DRIFT_H
#define SL_COL_DRIFT_H

#include "base/arena.h"
#include "col/type.h"

enum sl_drift_mode {
    SL_DRIFT_WARN,       /* told once for each field */
    SL_DRIFT_QUARANTINE, /* the record becomes a dead letter (SL_FAULT_DRIFT) */
    SL_DRIFT_FAIL,       /* the batch fails */
    SL_DRIFT_EVOLVE      /* the schema gets the field, and the batch runs again */
};

struct sl_drift_field {
    struct sl_str path;  /* "items.element.colour" */
    struct sl_str value; /* the first one seen, as JSON, cut to SL_DRIFT_VALUE_MAX bytes */
    struct sl_str where; /* "topic orders partition 3 offset 12345"; "" if unknown */
    /* EVOLVE only: the from_json that met it, and what holds all values seen (VOID: only nulls) */
    uint32_t site;
    const struct sl_type *type;
};
/* Fields beyond the maximum are counted as records only: keys may be data. */
enum { SL_DRIFT_FIELDS_MAX = 1000, SL_DRIFT_VALUE_MAX = 64 };

/* What holds the values of both types; a NULL: a copy of b. New parts are in the arena. */
typedef const struct sl_type *(*sl_drift_widen_fn)(struct sl_arena *arena, const struct sl_type *a,
                                                   const struct sl_type *b);

struct sl_drift {
    enum sl_drift_mode mode;
    uint32_t fields_max; /* SL_DRIFT_FIELDS_MAX */
    bool full;           /* a field was left out for it */
    /* EVOLVE only: how types grow, and fields whose types nobody asks for (not changed while tasks
     * run; may be NULL) */
    sl_drift_widen_fn widen;
    const struct sl_drift *settled;
    struct sl_arena arena;
    struct sl_drift_field *items; /* distinct paths, in order of discovery */
    uint32_t count, cap;
    uint64_t records; /* that had an unknown field */
};

void sl_drift_init(struct sl_drift *drift, enum sl_drift_mode mode);
/* Empty, and otherwise as `like`: for a task. */
void sl_drift_init_like(struct sl_drift *drift, const struct sl_drift *like);
/* Safe on a zeroed struct. */
void sl_drift_release(struct sl_drift *drift);
/* NULL: it is not known. */
struct sl_drift_field *sl_drift_find(const struct sl_drift *drift, uint32_t site,
                                     struct sl_str path);
/* A path that is not known yet is noted; texts and type are copied. The type of one that is known
 * is widened. */
void sl_drift_add(struct sl_drift *drift, const struct sl_drift_field *field);
/* Fields and records of `more` are added to `sum`. */
void sl_drift_merge(struct sl_drift *sum, const struct sl_drift *more);

#endif
