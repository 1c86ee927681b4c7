/* Deletion vectors: the rows of a data file that are gone (PROTOCOL.md "Deletion Vectors"; 64-bit
 * portable Roaring).  Read from inline Z85 text, from a file below the table, or from an absolute
 * path. Bytes are never trusted: magic, size, CRC-32, container sizes and cardinality are checked
 * before anything is allocated from them. Owner: one thread; the result may be read by many. */
#ifndef SL_LAKE_DELTA_DELETION_VECTOR_H
#define SL_LAKE_DELTA_DELETION_VECTOR_H

#include "lake/delta/action.h"

struct sl_deletion_vector;
SL_MUST_CHECK enum sl_code sl_deletion_vector_read(const char *table_dir,
                                                   const struct sl_delta_vector *descriptor,
                                                   struct sl_deletion_vector **out,
                                                   struct sl_err *err);
/* Of the bytes behind size and before CRC: u32le magic 1681511377, then the bitmap. */
SL_MUST_CHECK enum sl_code sl_deletion_vector_parse(struct sl_str bytes, int64_t cardinality,
                                                    struct sl_deletion_vector **out,
                                                    struct sl_err *err);
void sl_deletion_vector_free(struct sl_deletion_vector *vector);
/* Appends the path of the file that holds it; nothing when it is inline. */
SL_MUST_CHECK enum sl_code sl_deletion_vector_put_path(struct sl_buf *out, const char *table_dir,
                                                       const struct sl_delta_vector *descriptor,
                                                       struct sl_err *err);
uint64_t sl_deletion_vector_count(const struct sl_deletion_vector *vector);
bool sl_deletion_vector_has(const struct sl_deletion_vector *vector, uint64_t row);
/* Clears, in `keep` (bit i = row first_row + i), the rows that are deleted. */
void sl_deletion_vector_clear(const struct sl_deletion_vector *vector, uint64_t first_row,
                              uint32_t rows, uint64_t *keep);
/* Z85 as ZeroMQ RFC 32; false: not Z85. */
bool sl_z85_decode(struct sl_str text, struct sl_buf *out);

#endif
