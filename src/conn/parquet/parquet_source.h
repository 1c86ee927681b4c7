/* Parquet files as a source, in batch and as a stream. */
#ifndef SL_CONN_PARQUET_SOURCE_H
#define SL_CONN_PARQUET_SOURCE_H

#include "conn/conn.h"

SL_MUST_CHECK enum sl_code sl_parquet_source_open(const struct sl_conn_env *env,
                                                  const struct sl_options *options,
                                                  struct sl_str path, bool streaming,
                                                  struct sl_source **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_parquet_source_check(const struct sl_options *options, bool streaming,
                                                   struct sl_err *err);

#endif
