/* Clocks behind one shim. Tests fix the wall clock with SLUICE_CLOCK_MS (epoch ms, then advancing
 * with the monotonic clock). Thread-safe. */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

int64_t sl_clock_wall_us(void); /* microseconds since the epoch */
int64_t sl_clock_mono_ns(void);
int64_t sl_clock_thread_cpu_ns(void); /* CPU time of the calling thread */
void sl_clock_sleep_ms(int64_t ms);

/* "2026-01-31T08:00:00.000Z" of epoch milliseconds from year 0 to 9999. */
enum { SL_CLOCK_TEXT_SIZE = 32 };
const char *sl_clock_text(char to[SL_CLOCK_TEXT_SIZE], int64_t epoch_ms);

#endif
