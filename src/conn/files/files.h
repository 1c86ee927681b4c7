/* Text formats of files, and what they share. */
#ifndef SL_CONN_FILES_H
#define SL_CONN_FILES_H

#include "conn/file_source.h"

enum { SL_FILES_RECORD_BYTES_MAX = 512 << 20 }; /* of a file that is one record */

extern const struct sl_file_format sl_text_format, sl_json_format, sl_csv_format;

/* UTF-8 is the only encoding. */
SL_MUST_CHECK enum sl_code sl_files_check_encoding(const struct sl_file_source *source,
                                                   struct sl_err *err);
/* Row count, no selection, and the place of each row. numbers: lines, NULL if unknown. */
void sl_files_set_origin(struct sl_batch *batch, const char *path, uint32_t rows,
                         const int64_t *numbers);
/* A malformed record becomes a fault that keeps its text. */
struct sl_malformed {
    const char *format;
    struct sl_str reason, text;
    int64_t at;   /* the byte of the file where it begins */
    bool is_part; /* the text is a front part, to be shown only */
};
void sl_files_add_malformed(struct sl_faults *faults, uint32_t row,
                            const struct sl_malformed *malformed);
/* Java's Double.parseDouble: of words only NaN and Infinity, in exactly these letters. */
bool sl_files_parse_f64(struct sl_str text, double *out);
bool sl_files_parse_f32(struct sl_str text, float *out);
/* Option samplingRatio: is the i-th record one of the sample? The same ones every time. */
SL_MUST_CHECK enum sl_code sl_files_sampling(const struct sl_file_source *source, double *ratio,
                                             struct sl_err *err);
bool sl_files_is_sampled(double ratio, uint64_t record);

#endif
