/* Hive partition directories with Spark's escaping (ExternalCatalogUtils). */
#ifndef SL_LAKE_PARTITION_H
#define SL_LAKE_PARTITION_H

#include "base/buf.h"
#include "base/err.h"

/* Appends escape(name)=escape(value); value NULL pointer or empty = __HIVE_DEFAULT_PARTITION__.
 * SL_USER when the directory name would exceed 255 bytes, hold NUL, or be "." or "..". */
SL_MUST_CHECK enum sl_code sl_partition_put(struct sl_buf *out, struct sl_str name,
                                            struct sl_str value, struct sl_err *err);
/* Reverse: splits "k=v"; false if it is no partition directory. *is_null for the default partition.
 */
bool sl_partition_parse(struct sl_str dir, struct sl_buf *name, struct sl_buf *value,
                        bool *is_null);

#endif
