/* A command on one table, from `sluice table` or from SQL: finds the format, holds what the call
 * needs, binds conditions.  Thread: the engine's. */
#ifndef SL_RUN_TABLE_COMMAND_H
#define SL_RUN_TABLE_COMMAND_H

#include "conn/table_ops.h"
#include "run/pipeline.h"

struct sl_table_command {
    struct sl_engine *engine;
    struct sl_arena arena;
    struct sl_session session;
    struct sl_conn_env env;
    const struct sl_connector *connector;
    const struct sl_table_ops *ops;
    struct sl_table_call call;
};

/* format "": a directory with `_delta_log` is delta, any other parquet. SL_USER: no such format or
 * path; SL_UNSUPPORTED: the format has no tables to look after. The command must be closed even
 * then. */
SL_MUST_CHECK enum sl_code sl_table_command_open(struct sl_table_command *command,
                                                 struct sl_engine *engine, struct sl_str format,
                                                 struct sl_str path, struct sl_err *err);
void sl_table_command_close(struct sl_table_command *command);
/* Columns of the table's batch source; in the command's arena. */
SL_MUST_CHECK enum sl_code sl_table_command_schema(struct sl_table_command *command,
                                                   const struct sl_type **out, struct sl_err *err);
/* A condition over these columns. */
SL_MUST_CHECK enum sl_code sl_table_command_condition(struct sl_table_command *command,
                                                      const struct sl_uexpr *expr,
                                                      struct sl_expr **out, struct sl_err *err);
/* Rows of Spark's DESCRIBE TABLE [EXTENDED]: col_name, data_type, comment. */
SL_MUST_CHECK enum sl_code sl_table_command_describe(struct sl_table_command *command,
                                                     bool extended, struct sl_report *out,
                                                     struct sl_err *err);

/* OPTIMIZE, VACUUM, DESCRIBE as statements: their rows go to fn, as those of a SELECT. */
typedef enum sl_code (*sl_report_begin_fn)(void *ctx, const struct sl_type *schema,
                                           const struct sl_session *session, struct sl_err *err);
typedef enum sl_code (*sl_report_rows_fn)(void *ctx, const struct sl_batch *batch,
                                          struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_table_statement_run(struct sl_pipeline *pipeline,
                                                  const struct sl_statement *statement,
                                                  sl_report_begin_fn begin, sl_report_rows_fn fn,
                                                  void *ctx, struct sl_err *err);

#endif
