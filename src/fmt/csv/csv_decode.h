/* CSV records to columns, as Spark's UnivocityParser converts them.  One record a row; who drops
 * headers, comments and blank lines is the caller's business.  Owner: one thread; one decoder per
 * worker. */
#ifndef SL_FMT_CSV_DECODE_H
#define SL_FMT_CSV_DECODE_H

#include "col/vec.h"
#include "fmt/csv/csv_options.h"

struct sl_csv_decoder;

/* How texts become values that need more than this floor has: by kern, from the caller. All return
 * false when the text does not parse. */
struct sl_csv_hooks {
    const void *ctx;
    bool (*f64)(const void *ctx, struct sl_str text, double *out);
    bool (*f32)(const void *ctx, struct sl_str text, float *out);
    bool (*decimal)(const void *ctx, struct sl_str text, int precision, int scale, sl_int128 *out);
    bool (*timestamp)(const void *ctx, struct sl_str text, int64_t *micros);
    bool (*timestamp_ntz)(const void *ctx, struct sl_str text, int64_t *micros);
    bool (*date)(const void *ctx, struct sl_str text, int32_t *days);
};

/* A record that does not fit: wrong number of fields, a value that is not of its column's type. The
 * row stays (what could be read of it) in mode PERMISSIVE. */
typedef void (*sl_csv_malformed_fn)(void *ctx, uint32_t row, struct sl_str reason);

/* schema: a STRUCT of flat types; wanted[i]: column i is read, the others are only passed over.
 * Everything is borrowed. SL_UNSUPPORTED for types that CSV does not have. */
SL_MUST_CHECK enum sl_code sl_csv_decoder_new(const struct sl_type *schema, const bool *wanted,
                                              const struct sl_csv_options *options,
                                              const struct sl_csv_hooks *hooks,
                                              struct sl_csv_decoder **out, struct sl_err *err);
void sl_csv_decoder_free(struct sl_csv_decoder *decoder);
void sl_csv_decoder_on_malformed(struct sl_csv_decoder *decoder, sl_csv_malformed_fn fn, void *ctx);

/* Decodes `rows` records into columns[field_count of the schema], cleared vectors of its types;
 * those of unwanted columns are left alone. dropped (room for `rows` bits, set to zeros by this):
 * rows that mode DROPMALFORMED leaves out; *dropped_rows counts them. FAILFAST: SL_DATA and
 * *bad_row. */
SL_MUST_CHECK enum sl_code sl_csv_decode(struct sl_csv_decoder *decoder,
                                         const struct sl_str *records, uint32_t rows,
                                         struct sl_vec *columns, uint64_t *dropped,
                                         uint32_t *dropped_rows, uint32_t *bad_row,
                                         struct sl_err *err);
/* What types a CSV column can have. */
bool sl_csv_has_type(const struct sl_type *type);

#endif
