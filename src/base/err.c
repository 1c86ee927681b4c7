#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} codes[] = {
#define CODE(name, text, exit_code) [SL_##name] = {#name, exit_code},
#include "base/code.def"
};

const char *sl_code_name(enum sl_code code) {
    return code < SL_CODE_COUNT ? codes[code].name : "?";
}

int sl_code_exit_status(enum sl_code code) {
    return code < SL_CODE_COUNT ? codes[code].exit_status : 70;
}

void sl_err_clear(struct sl_err *err) {
    if (err) memset(err, 0, sizeof *err);
}

static void set(struct sl_err *err, enum sl_code code, const char *fmt, va_list args) {
    sl_err_clear(err);
    err->code = code;
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
}

enum sl_code sl_fail(struct sl_err *err, enum sl_code code, const char *fmt, ...) {
    if (err) {
        va_list args;
        va_start(args, fmt);
        set(err, code, fmt, args);
        va_end(args);
    }
    return code;
}

/* What is somewhere else, and away. */
static bool is_far(int errno_value) {
    return errno_value == EHOSTUNREACH || errno_value == ENETUNREACH || errno_value == ECONNREFUSED;
}

enum sl_code sl_fail_sys(struct sl_err *err, int errno_value, const char *fmt, ...) {
    enum sl_code code = is_far(errno_value) ? SL_UNAVAILABLE : SL_IO;
    if (err) {
        va_list args;
        va_start(args, fmt);
        set(err, code, fmt, args);
        va_end(args);
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(errno_value));
        err->sys = errno_value;
        err->retriable = errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EMFILE ||
                         errno_value == ENFILE || errno_value == EAGAIN || code == SL_UNAVAILABLE;
        if (errno_value == ENOSPC || errno_value == EDQUOT)
            snprintf(err->hint, sizeof err->hint,
                     "free space on that file system and start again; the batch will run again");
    }
    return code;
}

enum sl_code sl_fail_at(struct sl_err *err, struct sl_span span, const char *condition,
                        const char *sqlstate, const char *fmt, ...) {
    if (err) {
        va_list args;
        va_start(args, fmt);
        set(err, SL_USER, fmt, args);
        va_end(args);
        err->span = span;
        snprintf(err->condition, sizeof err->condition, "%s", condition ? condition : "");
        snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate ? sqlstate : "");
    }
    return SL_USER;
}

enum sl_code sl_hint(struct sl_err *err, const char *fmt, ...) {
    if (!err) return SL_BUG;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return err->code;
}

enum sl_code sl_context(struct sl_err *err, const char *fmt, ...) {
    if (!err) return SL_BUG;
    size_t used = strlen(err->ctx);
    if (used && used + 4 < sizeof err->ctx) {
        memcpy(err->ctx + used, " < ", 4);
        used += 3;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->ctx + used, sizeof err->ctx - used, fmt, args);
    va_end(args);
    return err->code;
}

void sl_assert_failed(const char *expr, const char *file, int line) {
    fprintf(stderr, "sluice: internal error: %s does not hold (%s:%d)\n", expr, file, line);
    abort();
}
