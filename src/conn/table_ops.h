/* Looking after a table: what `sluice table`, OPTIMIZE, VACUUM and DESCRIBE ask of a table format.
 * A format fills the vtable and hangs it on its connector; what it has not is NULL and refused by
 * name above.  All run beside writers and readers of the table without stopping them. */
#ifndef SL_CONN_TABLE_OPS_H
#define SL_CONN_TABLE_OPS_H

#include "base/thread.h"
#include "conn/conn.h"
#include "table/report.h"

/* Which table, and who asks. */
struct sl_table_call {
    const struct sl_conn_env *env; /* its arena: what lives until the end of the command */
    struct sl_pool *pool;          /* NULL: the calling thread alone */
    struct sl_str path;
};

/* A data file of the table as it is now; texts borrowed until the call returns. */
struct sl_table_file {
    struct sl_str path;      /* relative to the table where it lies in it */
    struct sl_str partition; /* "year=2025/month=1"; "" */
    int64_t bytes;
    int64_t rows;         /* -1: the format does not know; deleted ones are not counted */
    int64_t deleted_rows; /* by deletion vectors */
    int64_t modified_ms;
};
typedef enum sl_code (*sl_table_file_fn)(void *ctx, const struct sl_table_file *file,
                                         struct sl_err *err);

struct sl_optimize {
    /* Which partitions: a condition over the columns of open_source's schema; NULL: all. */
    struct sl_expr *condition;
    struct sl_str condition_text;
    int64_t target_bytes; /* of a new file; 0: the table's own, else 128 MiB */
    int64_t small_bytes;  /* files below it are taken; 0: target_bytes */
    uint32_t small_count; /* partitions with fewer such files are left; 0: two are enough */
    int64_t deadline_ms;  /* wall clock, behind which nothing new is begun; 0: none */
    bool automatic;       /* behind a query's commit */
    bool writer_stopped;  /* who asks vouches that no other engine writes to the table */
};
struct sl_vacuum {
    int64_t retention_ms; /* -1: the table's own */
    bool dry_run;
    /* @thread caller. Each file that goes, or would; may be NULL. */
    enum sl_code (*each)(void *ctx, struct sl_str path, struct sl_err *err);
    void *ctx;
};

struct sl_table_ops {
    /* Rows as Delta's DESCRIBE DETAIL has them. */
    enum sl_code (*detail)(const struct sl_table_call *call, struct sl_report *out,
                           struct sl_err *err);
    /* Newest first, as DESCRIBE HISTORY; limit 0: all that there are. */
    enum sl_code (*history)(const struct sl_table_call *call, int64_t limit, struct sl_report *out,
                            struct sl_err *err);
    enum sl_code (*files)(const struct sl_table_call *call, sl_table_file_fn each, void *ctx,
                          struct sl_err *err);
    /* Rows as Delta's OPTIMIZE. Small files become few; rows stay as they are. Never a cause for an
     * append to fail. What others removed meanwhile stays removed. */
    enum sl_code (*optimize)(const struct sl_table_call *call, const struct sl_optimize *what,
                             struct sl_report *out, struct sl_err *err);
    /* Rows as Delta's VACUUM: removes files that neither the table nor, within the retention, an
     * older version of it needs. */
    enum sl_code (*vacuum)(const struct sl_table_call *call, const struct sl_vacuum *what,
                           struct sl_report *out, struct sl_err *err);
};

#endif
