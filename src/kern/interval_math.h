/* Arithmetic whose result is an interval; what the arithmetic kernels hand over. */
#ifndef SL_KERN_INTERVAL_MATH_H
#define SL_KERN_INTERVAL_MATH_H

#include "kern/call.h"

SL_MUST_CHECK enum sl_code sl_interval_multiply(struct sl_call *call, bool try_it,
                                                struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_interval_divide(struct sl_call *call, bool try_it,
                                              struct sl_err *err);
/* Overflow is an error without ANSI mode too. */
SL_MUST_CHECK enum sl_code sl_interval_overflow(struct sl_call *call, uint32_t row, bool try_it,
                                                struct sl_err *err);

#endif
