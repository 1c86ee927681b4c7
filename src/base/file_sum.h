/* Hadoop's checksum sidecars: `.name.crc` beside `name`, as its local file system leaves them for
 * every file of a checkpoint, and verifies them when it reads.  "crc\0", chunk size 512 as a
 * big-endian int32, then one big-endian CRC-32 per chunk (hadoop ChecksumFileSystem.java).  As
 * there, no sidecar, or one that is not of this form, means no check.  Owner: one thread. */
#ifndef SL_BASE_FILE_SUM_H
#define SL_BASE_FILE_SUM_H

#include "base/buf.h"
#include "base/err.h"

/* Sums of what was added so far; {0} to begin. */
struct sl_file_sum {
    struct sl_buf sums;
    uint32_t crc;      /* of the chunk in progress */
    uint32_t in_chunk; /* its bytes */
};
void sl_file_sum_add(struct sl_file_sum *sum, struct sl_str bytes);
void sl_file_sum_release(struct sl_file_sum *sum);

/* Not synced and never an error: what a crash leaves of it is no sidecar, so no check. */
void sl_file_sum_write(struct sl_file_sum *sum, const char *dir, const char *name);
void sl_file_sum_remove(const char *dir, const char *name);
/* SL_USER, naming the file, when what was added is not what the sidecar of `path` was made of. */
SL_MUST_CHECK enum sl_code sl_file_sum_check(struct sl_file_sum *sum, const char *path,
                                             struct sl_err *err);

#endif
