/* Order of two values of one type, as Spark's orderings define it: NaN equals NaN and is greater
 * than any number, -0.0 equals 0.0, strings and binary bytewise unsigned, false before true; inside
 * nested values nulls come first and equal each other; a shorter array before a longer one. */
#ifndef SL_KERN_ORDER_H
#define SL_KERN_ORDER_H

#include "col/vec.h"

/* Of two rows that are not null. Vectors of any encoding but DICT of nested types. < 0, 0, > 0. */
int sl_order_rows(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b, uint32_t row_b);

#endif
