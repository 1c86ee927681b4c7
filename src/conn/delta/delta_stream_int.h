/* Shared by the files of the Delta stream: delta_stream.c (offsets, batches),
 * delta_stream_options.c (what was asked for), delta_begin.c (where a query begins). Owner: one
 * query. */
#ifndef SL_CONN_DELTA_STREAM_INT_H
#define SL_CONN_DELTA_STREAM_INT_H

#include "conn/delta/delta_changes.h"
#include "conn/delta/delta_read.h"
#include "conn/delta/delta_start.h"

struct sl_delta_stream {
    struct sl_delta_read read;
    struct sl_delta_changes changes;
    int64_t files_max, bytes_max;
    struct sl_str starting_version, starting_timestamp; /* ptr NULL: not given */
    const char *log_dir;                                /* in the checkpoint; NULL: has none */
    struct sl_delta_start start;                        /* of the query, once has_start */
    bool has_start;
    struct sl_delta_offset bound; /* end of an available-now run */
    bool is_bounded;
    struct sl_expr *excluded; /* path rlike excludeRegex; NULL: none */
};

/* delta_stream_options.c */
SL_MUST_CHECK enum sl_code sl_delta_stream_read_options(struct sl_delta_stream *stream,
                                                        const struct sl_options *options,
                                                        struct sl_err *err);

/* delta_begin.c */
/* The place in front of a query's first batch. `end`: of that batch when it is planned already;
 * NULL: nothing is. */
SL_MUST_CHECK enum sl_code sl_delta_stream_first_place(struct sl_delta_stream *stream,
                                                       const struct sl_delta_offset *end,
                                                       struct sl_delta_offset *out,
                                                       struct sl_err *err);

#endif
