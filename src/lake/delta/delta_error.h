/* Errors that carry Delta's own error condition (delta-error-classes.json), whatever their code. */
#ifndef SL_LAKE_DELTA_ERROR_H
#define SL_LAKE_DELTA_ERROR_H

#include "base/err.h"

/* sl_fail with a condition ("DELTA_VERSIONS_NOT_CONTIGUOUS") and its SQLSTATE. */
enum sl_code sl_delta_fail(struct sl_err *err, enum sl_code code, const char *condition,
                           const char *sqlstate, const char *fmt, ...) SL_PRINTF(5, 6);

#endif
