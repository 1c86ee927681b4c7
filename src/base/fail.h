/* Failpoints: named places where a test can make the program fail.  Always compiled in, off by
 * default; when off a point costs one load and a predicted branch.
 *
 *   SLUICE_FAILPOINTS=name:nth:action[,...]     nth counts from 1; `*` = every time
 *   action: crash (SIGKILL to itself), enospc|eio|edquot|erofs|emfile (the operation fails with
 * it), sleep=MS, stop (SIGSTOP) The names in use are listed in docs/reliability.md; a name that no
 * code reached is reported at exit when SLUICE_FAILPOINTS_STRICT=1, so that a test cannot pass by
 * misspelling. Thread-safe.
 */
#ifndef SL_BASE_FAIL_H
#define SL_BASE_FAIL_H

#include "base/err.h"

/* Parses the specification; SL_USER on a bad one. NULL or "" switches all off. */
SL_MUST_CHECK enum sl_code sl_fail_configure(const char *spec, struct sl_err *err);
extern bool sl_fail_armed;
/* 0, or the errno the operation at this point has to fail with. */
int sl_fail_point_slow(const char *name);
static inline int sl_fail_point(const char *name) {
    return __builtin_expect(sl_fail_armed, 0) ? sl_fail_point_slow(name) : 0;
}

#endif
