/* What every unit test includes first: cmocka and the headers it needs, in the order it needs them.
 */
#ifndef UNIT_H
#define UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
