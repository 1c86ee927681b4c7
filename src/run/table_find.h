/* Tables in a directory tree, told by what their directories hold. */
#ifndef SL_RUN_TABLE_FIND_H
#define SL_RUN_TABLE_FIND_H

#include "base/arena.h"
#include "base/err.h"

/* What the directory itself is: "delta", "parquet", or NULL. */
SL_MUST_CHECK enum sl_code sl_table_format_of(struct sl_arena *arena, const char *dir,
                                              const char **format, struct sl_err *err);
/* Each table in the directory or below; a table's own directories are not looked through. */
typedef enum sl_code (*sl_table_found_fn)(void *ctx, const char *format, const char *path,
                                          struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_tables_find(struct sl_arena *arena, const char *dir,
                                          sl_table_found_fn found, void *ctx, struct sl_err *err);
/* SL_USER when nothing is there, or no table; the hint names the tables below. dir as given. */
SL_MUST_CHECK enum sl_code sl_table_check_place(struct sl_arena *arena, struct sl_str path,
                                                struct sl_err *err);

#endif
