/* Failures that pass by themselves: brokers that cannot be reached, a disk that is full. A query
 * without an end waits for them, longer each time, and tries again. Owner: one thread. */
#ifndef SL_RUN_OUTAGE_H
#define SL_RUN_OUTAGE_H

#include "base/err.h"

struct sl_outage {
    int64_t wait_ms; /* 0: there is none */
    int64_t until_ns, began_ns;
};

/* What lasts (a refused login, a missing right) is no outage. */
bool sl_outage_is(enum sl_code code, const struct sl_err *err);
/* It failed, for the first time (true) or again: half a second, doubling to thirty. */
bool sl_outage_note(struct sl_outage *outage);
int64_t sl_outage_ms_left(const struct sl_outage *outage);
double sl_outage_seconds(const struct sl_outage *outage); /* since it began */

#endif
