/* Clocks behind one shim. Tests fix the wall clock with SLUICE_CLOCK_MS (epoch ms, then advancing
 * with the monotonic clock). Thread-safe. */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

int64_t sl_clock_wall_us(void); /* microseconds since the epoch */
int64_t sl_clock_mono_ns(void);
int64_t sl_clock_thread_cpu_ns(void); /* CPU time of the calling thread */
void sl_clock_sleep_ms(int64_t ms);

#endif
