/* Errors: a code that says what the caller may do, and a message that says what, where, why.
 *
 * A function that can fail returns `enum sl_code` and takes `struct sl_err *err` last (may be
 * NULL). Whoever first sees the failure fills the message; each floor above adds at most one
 * context item. Only cli, serve and run print errors.  Bad *rows* are not errors: see kern/bad.h.
 *
 * Message style: lower case, no final period, names in backquotes, always the reason.
 */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum sl_code {
#define CODE(name, text, exit_code) SL_##name,
#include "base/code.def"
    SL_CODE_COUNT
};

/* A piece of source text, as byte offsets; begin == end means "nowhere". */
struct sl_span {
    uint32_t begin, end;
};

struct sl_err {
    enum sl_code code;
    bool retriable;      /* the same call may succeed later */
    int sys;             /* errno or the peer's own code; 0 if none */
    char condition[96];  /* Spark's error condition, e.g. "UNRESOLVED_COLUMN"; "" if none */
    char sqlstate[6];    /* "42703"; "" if none */
    struct sl_span span; /* where in the SQL text, for the caret */
    char msg[768];
    char hint[384]; /* what to do, or ""; reads on behind "help: ": lower case, no full stop */
    char ctx[512];  /* "batch 42 < query orders"; innermost first */
};

#define SL_MUST_CHECK __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills *err (if not NULL) and returns code, so that `return sl_fail(err, SL_USER, "..")` reads
 * well. */
enum sl_code sl_fail(struct sl_err *err, enum sl_code code, const char *fmt, ...) SL_PRINTF(3, 4);
/* The same with errno's text appended as ": reason"; err->sys = errno_value. SL_IO, or
 * SL_UNAVAILABLE when another machine is away; ENOSPC, EMFILE, EINTR-like values and the latter are
 * marked retriable. */
enum sl_code sl_fail_sys(struct sl_err *err, int errno_value, const char *fmt, ...) SL_PRINTF(3, 4);
/* The same with Spark's condition and SQLSTATE and a place in the SQL text. */
enum sl_code sl_fail_at(struct sl_err *err, struct sl_span span, const char *condition,
                        const char *sqlstate, const char *fmt, ...) SL_PRINTF(5, 6);
/* Sets the hint of an error that is already set; returns err->code (SL_BUG if err is NULL). */
enum sl_code sl_hint(struct sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
/* Adds one context item, e.g. sl_context(err, "batch %lld", id). Returns err->code. */
enum sl_code sl_context(struct sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_err_clear(struct sl_err *err);

const char *sl_code_name(enum sl_code code); /* "NOMEM" */
int sl_code_exit_status(enum sl_code code);  /* of a command that ends with it: code.def */

/* Only in functions that own nothing at that point; else use one `out:` label. */
#define SL_TRY(call)                                                                               \
    do {                                                                                           \
        enum sl_code sl_try_code_ = (call);                                                        \
        if (sl_try_code_ != SL_OK) return sl_try_code_;                                            \
    } while (0)

/* Our own bugs only, never data from outside; stays on in release builds. */
_Noreturn void sl_assert_failed(const char *expr, const char *file, int line);
#define sl_assert(expr) ((expr) ? (void)0 : sl_assert_failed(#expr, __FILE__, __LINE__))

#endif
