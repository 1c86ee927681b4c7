/* Delta tables as a stream: Delta's own source, offset for offset, so that a query can go to Spark
 * and come back with its checkpoint.  First the files the table had when the query began, then what
 * each commit adds. */
#ifndef SL_CONN_DELTA_STREAM_H
#define SL_CONN_DELTA_STREAM_H

#include "conn/conn.h"

SL_MUST_CHECK enum sl_code sl_delta_stream_open(const struct sl_conn_env *env,
                                                const struct sl_options *options,
                                                struct sl_str path, struct sl_source **out,
                                                struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_delta_stream_check(const struct sl_options *options,
                                                 struct sl_err *err);

#endif
