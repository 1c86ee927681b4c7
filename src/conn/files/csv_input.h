/* The records of a CSV file, one after the other: without headers, comments and blank lines; with
 * multiLine a record may take several lines.  Owner: one thread. */
#ifndef SL_CONN_CSV_INPUT_H
#define SL_CONN_CSV_INPUT_H

#include "conn/files/line_reader.h"
#include "fmt/csv/csv_options.h"

struct sl_csv_input {
    const struct sl_csv_options *options;
    const char *path;
    struct sl_line_reader *lines; /* NULL: multiLine */
    struct sl_whole_file text;    /* multiLine */
    const char *at, *end;
    int64_t line; /* at `at` */
    struct sl_csv_record cut;
    bool header_due;
    struct sl_buf header; /* the line that was the header */
    struct sl_str *records;
    int64_t *numbers;
    uint32_t cap;
};
/* options are borrowed. */
SL_MUST_CHECK enum sl_code sl_csv_input_open(struct sl_csv_input *input,
                                             const struct sl_csv_options *options, const char *path,
                                             uint64_t begin, uint64_t end, struct sl_budget *budget,
                                             struct sl_err *err);
/* As sl_line_reader_next; a count of 0 is the end. */
SL_MUST_CHECK enum sl_code sl_csv_input_next(struct sl_csv_input *input, uint32_t rows_max,
                                             const struct sl_str **records, const int64_t **numbers,
                                             uint32_t *count, struct sl_err *err);
/* The byte of the file where a record that `next` gave last begins. */
uint64_t sl_csv_input_at(const struct sl_csv_input *input, struct sl_str record);
void sl_csv_input_close(struct sl_csv_input *input);

#endif
