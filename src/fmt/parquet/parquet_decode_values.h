/* The values of one page, in any encoding, appended to a FLAT vector of the leaf's type.
 *
 * Levels are somebody else's: `count` values are asked for, all present.  Bytes of the page must
 * stay until the page is done. Messages say what is wrong; the caller adds where. */
#ifndef SL_FMT_PARQUET_DECODE_VALUES_H
#define SL_FMT_PARQUET_DECODE_VALUES_H

#include "col/vec.h"
#include "fmt/parquet/parquet_decode.h"
#include "fmt/parquet/parquet_schema.h"

enum sl_parquet_encoding {
    SL_ENCODING_PLAIN = 0,
    SL_ENCODING_PLAIN_DICTIONARY = 2,
    SL_ENCODING_RLE = 3,
    SL_ENCODING_BIT_PACKED = 4,
    SL_ENCODING_DELTA_BINARY_PACKED = 5,
    SL_ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    SL_ENCODING_DELTA_BYTE_ARRAY = 7,
    SL_ENCODING_RLE_DICTIONARY = 8,
    SL_ENCODING_BYTE_STREAM_SPLIT = 9,
};

struct sl_parquet_values {
    const struct sl_parquet_leaf *leaf;
    int32_t encoding; /* PLAIN_DICTIONARY is turned into RLE_DICTIONARY */
    const uint8_t *pos, *end;
    uint64_t bit;                     /* PLAIN booleans */
    struct sl_hybrid hybrid;          /* indexes, RLE booleans */
    struct sl_delta delta;            /* DELTA_BINARY_PACKED; lengths; suffix lengths */
    struct sl_delta prefix;           /* DELTA_BYTE_ARRAY */
    uint64_t split_count, split_next; /* BYTE_STREAM_SPLIT */
    struct sl_buf last;               /* DELTA_BYTE_ARRAY: the value before; kept over pages */
    struct sl_buf scratch;            /* raw values to convert */
};

/* keep_last: DELTA_BYTE_ARRAY goes on from the page before (PARQUET-246). */
SL_MUST_CHECK enum sl_code sl_parquet_values_begin(struct sl_parquet_values *values,
                                                   const struct sl_parquet_leaf *leaf,
                                                   int32_t encoding, const uint8_t *bytes,
                                                   size_t len, bool keep_last, struct sl_err *err);
/* dict: the chunk's dictionary (FLAT, of the leaf's type) or NULL. */
SL_MUST_CHECK enum sl_code sl_parquet_values_next(struct sl_parquet_values *values,
                                                  const struct sl_vec *dict, uint32_t count,
                                                  struct sl_vec *out, struct sl_err *err);
/* Dictionary pages only: the next `count` indexes, each checked to be below dict_rows. */
SL_MUST_CHECK enum sl_code sl_parquet_values_codes(struct sl_parquet_values *values,
                                                   uint32_t dict_rows, uint32_t count,
                                                   int32_t *codes, struct sl_err *err);
void sl_parquet_values_release(struct sl_parquet_values *values);

/* One stored value (PLAIN, without length) appended to out: for statistics and dictionaries of
 * odd types. */
SL_MUST_CHECK enum sl_code sl_parquet_convert_one(const struct sl_parquet_leaf *leaf,
                                                  struct sl_str value, struct sl_vec *out,
                                                  struct sl_err *err);
/* `count` values of leaf->type_length bytes each, appended; out has room (sl_vec_reserve). */
SL_MUST_CHECK enum sl_code sl_parquet_convert(const struct sl_parquet_leaf *leaf,
                                              const uint8_t *raw, uint32_t count,
                                              struct sl_vec *out, struct sl_err *err);

#endif
