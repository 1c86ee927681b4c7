/* %XX escapes, upper-case hex: partition directories and URIs differ only in which bytes they
 * escape. */
#ifndef SL_LAKE_PERCENT_H
#define SL_LAKE_PERCENT_H

#include "base/buf.h"

void sl_percent_encode(struct sl_buf *out, struct sl_str text, bool (*escape)(unsigned char c));
/* A % that no two hex digits follow stays as it is. */
void sl_percent_decode(struct sl_buf *out, struct sl_str text);

#endif
