/* The bytes of a file from a place on, uncompressed by its extension. Owner: one thread. */
#ifndef SL_CONN_BYTE_INPUT_H
#define SL_CONN_BYTE_INPUT_H

#include "base/budget.h"
#include "base/io.h"

struct sl_byte_input;
/* `begin` only where sl_byte_input_can_seek. */
SL_MUST_CHECK enum sl_code sl_byte_input_open(const char *path, uint64_t begin,
                                              struct sl_byte_input **out, struct sl_err *err);
/* Up to `len` bytes; *got 0 at the end of the file. */
SL_MUST_CHECK enum sl_code sl_byte_input_read(struct sl_byte_input *input, void *to, size_t len,
                                              size_t *got, struct sl_err *err);
void sl_byte_input_close(struct sl_byte_input *input);
/* Can reading begin anywhere? Not in compressed files. */
bool sl_byte_input_can_seek(const char *path);
/* A whole file; zeroed at first. Its memory is the budget's. */
struct sl_whole_file {
    struct sl_buf bytes;
    struct sl_budget *budget;
    size_t charged;
};
/* More than bytes_max is SL_DATA, more than the budget has SL_NOMEM; to be released even then. */
SL_MUST_CHECK enum sl_code sl_whole_file_read(struct sl_whole_file *file, const char *path,
                                              size_t bytes_max, struct sl_budget *budget,
                                              struct sl_err *err);
void sl_whole_file_release(struct sl_whole_file *file);

#endif
