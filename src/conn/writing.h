/* What the sinks of Parquet files have in common: the options of encoding and file sizes, the
 * memory of encoders. */
#ifndef SL_CONN_WRITING_H
#define SL_CONN_WRITING_H

#include "conn/conn.h"
#include "conn/options.h"
#include "table/table_writer.h"

/* The directory of LOCATION, in the query's arena. */
SL_MUST_CHECK enum sl_code sl_writing_table_dir(const struct sl_conn_env *env,
                                                const struct sl_sink_config *config,
                                                const char **out, struct sl_err *err);
/* The partition columns: not nested, and not all columns. */
SL_MUST_CHECK enum sl_code sl_writing_check_partitions(const struct sl_sink_config *config,
                                                       struct sl_err *err);
/* Codec, levels, pages, row groups, rows per file, open partitions. The table has rows for
 * compression, compressionLevel, parquet.*, maxRecordsPerFile, sluice.adaptiveCodec and
 * sluice.maxOpenPartitions. */
SL_MUST_CHECK enum sl_code sl_writing_read(const struct sl_conn_env *env,
                                           const struct sl_options *options,
                                           const struct sl_option_table *table,
                                           struct sl_table_writer_config *out, struct sl_err *err);
/* For the encoders of one of `tasks` tasks: a part of the memory limit only, so that reading never
 * waits for writing. */
size_t sl_writing_task_bytes(const struct sl_conn_env *env, uint32_t tasks);

#endif
