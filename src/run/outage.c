#include "run/outage.h"

#include <errno.h>

#include "base/clock.h"

enum { WAIT_MS = 500, WAIT_MS_MAX = 30000 };

bool sl_outage_is(enum sl_code code, const struct sl_err *err) {
    if (code == SL_UNAVAILABLE || code == SL_TIMEOUT) return !err || err->retriable;
    return code == SL_IO && err && (err->sys == ENOSPC || err->sys == EDQUOT);
}

bool sl_outage_note(struct sl_outage *outage) {
    bool first = outage->wait_ms == 0;
    int64_t now = sl_clock_mono_ns(), next = first ? WAIT_MS : 2 * outage->wait_ms;
    outage->wait_ms = next > WAIT_MS_MAX ? WAIT_MS_MAX : next;
    outage->until_ns = now + outage->wait_ms * 1000000;
    if (first) outage->began_ns = now;
    return first;
}

int64_t sl_outage_ms_left(const struct sl_outage *outage) {
    int64_t left = outage->until_ns - sl_clock_mono_ns();
    return outage->wait_ms && left > 0 ? left / 1000000 + 1 : 0;
}

double sl_outage_seconds(const struct sl_outage *outage) {
    return (double)(sl_clock_mono_ns() - outage->began_ns) / 1e9;
}
