/* A file for what does not fit into memory for a while: it has no name, so nothing is left of it
 * whenever the process ends.  Nothing in it is durable.
 * Owner: one thread at a time. */
#ifndef SL_BASE_SCRATCH_FILE_H
#define SL_BASE_SCRATCH_FILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct sl_scratch_file;
/* Makes the directory when it is missing. `dir` is named in messages: borrowed. */
SL_MUST_CHECK enum sl_code sl_scratch_file_open(const char *dir, struct sl_scratch_file **out,
                                                struct sl_err *err);
/* Failpoint "io.write". A failed append leaves the file as long as it was. */
SL_MUST_CHECK enum sl_code sl_scratch_file_append(struct sl_scratch_file *file, struct sl_str bytes,
                                                  struct sl_err *err);
uint64_t sl_scratch_file_bytes(const struct sl_scratch_file *file);
/* Exactly len bytes at offset; SL_DATA when past the end. */
SL_MUST_CHECK enum sl_code sl_scratch_file_read(struct sl_scratch_file *file, uint64_t offset,
                                                void *to, size_t len, struct sl_err *err);
void sl_scratch_file_close(struct sl_scratch_file *file); /* NULL is fine */

#endif
