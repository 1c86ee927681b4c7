/* Dremel assembly: offsets and validity of lists, maps and structs from the levels of the leaves
 * below them. */
#ifndef SL_FMT_PARQUET_READ_NESTED_H
#define SL_FMT_PARQUET_READ_NESTED_H

#include "fmt/parquet/parquet_read_column.h"

/* columns: those of the node's leaves, the first being node->first_leaf; their rows are in the
 * leaves of `out` already. */
SL_MUST_CHECK enum sl_code sl_parquet_assemble(const struct sl_parquet_node *node,
                                               const struct sl_parquet_column *columns,
                                               struct sl_vec *out, struct sl_err *err);

#endif
