/* Spark's hash of rows, as its hash partitioning takes it: Murmur3 over the columns one after the
 * other, from seed 42; a null leaves the hash as it is; -0.0 is 0.0 and all NaN are one. */
#ifndef SL_KERN_HASH_SPARK_H
#define SL_KERN_HASH_SPARK_H

#include "col/vec.h"

/* hashes[i] of row rows[i] (NULL: i) of the columns, any encoding but DICT of nested types. Maps,
 * which Spark does not hash, get a hash that does not depend on the order of their entries. */
void sl_hash_spark(const struct sl_vec *const *columns, uint32_t column_count, const uint32_t *rows,
                   uint32_t count, int32_t *hashes);

/* XXH64 of row rows[i] of one column, from seed 42, as xxhash64() and HyperLogLog++ take it; of a
 * null the seed. */
void sl_hash_xx64(const struct sl_vec *column, const uint32_t *rows, uint32_t count,
                  uint64_t *hashes);

#endif
