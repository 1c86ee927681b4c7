/* FileMetaData: parsed once, checked, kept in an arena; byte strings point into the footer. */
#ifndef SL_FMT_PARQUET_READ_FOOTER_H
#define SL_FMT_PARQUET_READ_FOOTER_H

#include "fmt/parquet/parquet_schema.h"

struct sl_parquet_statistics {
    struct sl_str old_min, old_max, min, max; /* ptr NULL: absent */
    int64_t null_count;                       /* -1: unknown */
    int64_t nan_count;
};

struct sl_parquet_chunk {
    int32_t physical, codec;
    int64_t values, plain_bytes, total_bytes, data_offset, dictionary_offset;
    bool encrypted, has_metadata, elsewhere; /* elsewhere: in another file */
    struct sl_parquet_statistics statistics;
};

struct sl_parquet_group {
    int64_t rows;
    struct sl_parquet_chunk *chunks; /* one per leaf */
    uint32_t chunk_count;
};

struct sl_parquet_pair {
    struct sl_str key, value;
};

/* Who wrote the file: known bugs are handled by version. */
struct sl_parquet_author {
    struct sl_str app; /* "parquet-mr", "parquet-cpp", "parquet-cpp-arrow" ... */
    bool versioned;    /* else the numbers are 0 */
    int32_t major, minor, patch;
};
/* Is it this program, in a version before major.minor.patch? */
bool sl_parquet_author_before(const struct sl_parquet_author *author, struct sl_str app,
                              int32_t major, int32_t minor, int32_t patch);

enum sl_parquet_order { SL_ORDER_NONE, SL_ORDER_TYPE, SL_ORDER_IEEE, SL_ORDER_OTHER };

struct sl_parquet_footer {
    int64_t rows;
    struct sl_parquet_schema schema;
    struct sl_parquet_group *groups;
    uint32_t group_count;
    struct sl_parquet_pair *pairs;
    uint32_t pair_count;
    struct sl_str created_by;
    struct sl_parquet_author author;
    uint8_t *orders; /* enum sl_parquet_order per leaf; NULL: absent */
};

/* bytes stay valid as long as the footer. */
SL_MUST_CHECK enum sl_code sl_parquet_footer_parse(struct sl_arena *arena, struct sl_str bytes,
                                                   struct sl_parquet_footer *out,
                                                   struct sl_err *err);

#endif
