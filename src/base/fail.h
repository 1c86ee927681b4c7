/* Failpoints: named places where a test can make the program fail.  Always compiled in, off by
 * default; when off a point costs one load and a predicted branch.
 *
 *   SLUICE_FAILPOINTS=name:nth:action[,...]     nth counts from 1; `*` = every time
 *   action: crash (SIGKILL to itself), stop (SIGSTOP), sleep=MS, or an errno the operation fails
 *   with: enospc, eio, edquot, erofs, emfile, eacces, exdev, einval, ehostunreach
 *
 * The names in use are listed in docs/reliability.md; a name that no code reached is reported at
 * exit when SLUICE_FAILPOINTS_STRICT=1, so that a test cannot pass by misspelling. Thread-safe,
 * but for sl_fail_configure: before threads are started.
 */
#ifndef SL_BASE_FAIL_H
#define SL_BASE_FAIL_H

#include "base/err.h"

/* Parses the specification, of any length; SL_USER on a bad one, and all are off. NULL or ""
 * switches all off. */
SL_MUST_CHECK enum sl_code sl_fail_configure(const char *spec, struct sl_err *err);
extern bool sl_fail_armed;
/* 0, or the errno the operation at this point has to fail with. */
int sl_fail_point_slow(const char *name);
static inline int sl_fail_point(const char *name) {
    return __builtin_expect(sl_fail_armed, 0) ? sl_fail_point_slow(name) : 0;
}

#endif
