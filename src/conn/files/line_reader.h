/* Lines of a file, or of a part of one: those that begin in [begin, end), without their ends.
 * A line ends at \n, \r\n or \r, as Hadoop's LineRecordReader has it, or at a text of its own
 * (option lineSep).  A byte order mark at the start of the file is no part of the first line.
 * Owner: one thread. */
#ifndef SL_CONN_LINE_READER_H
#define SL_CONN_LINE_READER_H

#include "conn/files/byte_input.h"

struct sl_line_reader;
SL_MUST_CHECK enum sl_code sl_line_reader_open(const char *path, uint64_t begin, uint64_t end,
                                               struct sl_str line_end /* "": any */,
                                               struct sl_budget *budget,
                                               struct sl_line_reader **out, struct sl_err *err);
/* Up to rows_max lines; *count 0 at the end. *lines point into the reader's window, and stay until
 * the next call. *numbers: line in the file, from 1; NULL when the part does not begin the file. */
SL_MUST_CHECK enum sl_code sl_line_reader_next(struct sl_line_reader *reader, uint32_t rows_max,
                                               struct sl_str **lines, const int64_t **numbers,
                                               uint32_t *count, struct sl_err *err);
/* The byte of the (uncompressed) file where a line that `next` gave last begins. */
uint64_t sl_line_reader_at(const struct sl_line_reader *reader, struct sl_str line);
/* Can lines be read from anywhere on? Not in compressed files, nor where a line end of several
 * bytes may overlap with itself: the place does not tell which of them are one. */
bool sl_line_reader_can_split(const char *path, struct sl_str line_end);
void sl_line_reader_close(struct sl_line_reader *reader); /* NULL is fine */

#endif
