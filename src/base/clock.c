#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/civil.h"

static int64_t read_ns(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t sl_clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }
int64_t sl_clock_thread_cpu_ns(void) { return read_ns(CLOCK_THREAD_CPUTIME_ID); }

/* The fixed start of a test's wall clock; read once, so that all threads agree. */
static struct {
    pthread_once_t once;
    int64_t start_us, start_mono_ns;
} fixed = {.once = PTHREAD_ONCE_INIT, .start_us = -1};

static void read_fixed_clock(void) {
    const char *text = getenv("SLUICE_CLOCK_MS");
    if (!text || !*text) return;
    fixed.start_us = strtoll(text, NULL, 10) * 1000;
    fixed.start_mono_ns = sl_clock_mono_ns();
}

int64_t sl_clock_wall_us(void) {
    pthread_once(&fixed.once, read_fixed_clock);
    if (fixed.start_us >= 0)
        return fixed.start_us + (sl_clock_mono_ns() - fixed.start_mono_ns) / 1000;
    return read_ns(CLOCK_REALTIME) / 1000;
}

void sl_clock_sleep_ms(int64_t ms) {
    if (ms <= 0) return;
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

const char *sl_clock_text(char to[SL_CLOCK_TEXT_SIZE], int64_t epoch_ms) {
    enum { DAY_MS = 86400000 };
    int64_t days = epoch_ms / DAY_MS - (epoch_ms % DAY_MS < 0);
    int ms = (int)(epoch_ms - days * DAY_MS), year, month, day;
    sl_civil_from_days((int32_t)days, &year, &month, &day);
    snprintf(to, SL_CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
             ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    return to;
}
