#include "lake/delta/delta_error.h"

#include <stdio.h>

enum sl_code sl_delta_fail(struct sl_err *err, enum sl_code code, const char *condition,
                           const char *sqlstate, const char *fmt, ...) {
    if (!err) return code;
    va_list args;
    sl_err_clear(err);
    err->code = code;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    snprintf(err->condition, sizeof err->condition, "%s", condition);
    snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate);
    return code;
}
