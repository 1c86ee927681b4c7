/* Shared by the files of `sluice table`: cmd_table.c (the command, printing), table_list.c (tables,
 * files), table_describe.c (what a table is like), table_history.c (what its format tells),
 * table_care.c (compact, vacuum). */
#ifndef SL_CLI_TABLE_CLI_H
#define SL_CLI_TABLE_CLI_H

#include "cli/cli.h"
#include "run/table_command.h"

/* One `sluice table` call. */
struct sl_table_cli {
    struct sl_cli *cli;
    const struct sl_args *args;
    struct sl_table_command command;
    struct sl_str name; /* of the table, as the user wrote it */
    bool json;
    struct sl_buf text;
};

/* Prints call->text and empties it. */
SL_MUST_CHECK enum sl_code sl_table_print_text(struct sl_table_cli *call, struct sl_err *err);
/* As a table, or as JSON lines. */
SL_MUST_CHECK enum sl_code sl_table_print_report(struct sl_table_cli *call,
                                                 const struct sl_report *report,
                                                 struct sl_err *err);

/* A column that the report has. */
const struct sl_vec *sl_table_column(const struct sl_report *report, const char *name);

/* table_list.c */
enum sl_code sl_table_ls(struct sl_table_cli *call, const char *dir, struct sl_err *err);
enum sl_code sl_table_files(struct sl_table_cli *call, struct sl_err *err);
/* table_describe.c */
enum sl_code sl_table_describe(struct sl_table_cli *call, struct sl_err *err);
/* table_history.c */
enum sl_code sl_table_detail(struct sl_table_cli *call, struct sl_err *err);
enum sl_code sl_table_history(struct sl_table_cli *call, struct sl_err *err);
/* table_care.c */
enum sl_code sl_table_compact(struct sl_table_cli *call, struct sl_err *err);
enum sl_code sl_table_vacuum(struct sl_table_cli *call, struct sl_err *err);

#endif
