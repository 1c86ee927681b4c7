/* One file of Spark's HDFS-backed state store: `<version>.delta` (what a batch changed) or
 * `<version>.snapshot` (everything).
 *
 * Outside: the blocks of net.jpountz's LZ4BlockOutputStream, each
 *   "LZ4Block", u8 method (0x10 bare, 0x20 LZ4) and level, u32 bytes stored, u32 bytes unpacked,
 *   u32 XXH32 of the latter without its four highest bits; little-endian; then the bytes.
 *   A block without bytes is the end.
 * Inside: records of i32 bytes of the key, key, i32 bytes of the value or -1 (removed), value, and
 *   i32 -1 at the end; big-endian.
 * Source: Spark HDFSBackedStateStoreProvider.scala, lz4-java LZ4BlockOutputStream.java. */
#ifndef SL_STATE_SPARK_STATE_FILE_H
#define SL_STATE_SPARK_STATE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* value.ptr NULL: the key was removed. Both last until it returns. */
typedef enum sl_code (*sl_spark_record_fn)(void *ctx, struct sl_str key, struct sl_str value,
                                           struct sl_err *err);
/* Damage is SL_DATA with file and byte; a missing file SL_IO with sys == ENOENT. */
SL_MUST_CHECK enum sl_code sl_spark_state_file_read(const char *path, sl_spark_record_fn fn,
                                                    void *ctx, struct sl_err *err);
/* The same from memory. */
SL_MUST_CHECK enum sl_code sl_spark_state_bytes_read(struct sl_str bytes, sl_spark_record_fn fn,
                                                     void *ctx, struct sl_err *err);

/* A file in the making; the file itself is opened with its first full block or by publish, so that
 * small ones cost no descriptor meanwhile. Owner: one thread at a time. */
struct sl_spark_state_output;
/* Texts are kept, not copied. */
struct sl_spark_state_output *sl_spark_state_output_new(const char *dir, const char *name,
                                                        const char *point);
/* value.ptr NULL: the key is removed. */
SL_MUST_CHECK enum sl_code sl_spark_state_output_put(struct sl_spark_state_output *output,
                                                     struct sl_str key, struct sl_str value,
                                                     struct sl_err *err);
/* Durable under its name, in place of an older one and its checksums; frees the output whatever
 * happens. *bytes grows by the file's. */
SL_MUST_CHECK enum sl_code sl_spark_state_output_publish(struct sl_spark_state_output *output,
                                                         uint64_t *bytes, struct sl_err *err);
void sl_spark_state_output_abort(struct sl_spark_state_output *output); /* NULL is fine */

#endif
