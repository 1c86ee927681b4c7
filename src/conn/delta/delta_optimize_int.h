/* Shared by the files of OPTIMIZE: delta_optimize.c (what is rewritten, round by round),
 * delta_round.c (a round's new files), delta_round_commit.c (a round becomes a version). */
#ifndef SL_CONN_DELTA_OPTIMIZE_INT_H
#define SL_CONN_DELTA_OPTIMIZE_INT_H

#include "conn/delta/delta_bins.h"
#include "table/optimize_metrics.h"

struct sl_delta_new_file {
    struct sl_delta_file file;
    const char *name; /* relative to the table */
    uint32_t group;
};

struct sl_delta_optimize {
    const struct sl_table_call *call;
    struct sl_optimize what;
    const char *dir;
    struct sl_delta_snapshot *snapshot;
    struct sl_arena arena;
    struct sl_delta_columns columns;
    const struct sl_type *file_schema;
    struct sl_table_scan *scan;
    int32_t indexed_columns;
    struct sl_delta_bins bins;
    struct sl_optimize_metrics metrics;

    /* the round at hand: groups first .. end */
    uint32_t first, end;
    bool *lost; /* per group of the table */
    struct sl_delta_new_file *files;
    size_t file_count, file_cap;
};

enum sl_delta_groups { SL_DELTA_ALL_GROUPS, SL_DELTA_LOST_GROUPS, SL_DELTA_OTHER_GROUPS };

/* delta_round.c */
/* Durable when it returns; after a failure what there is remains to be removed. */
SL_MUST_CHECK enum sl_code sl_delta_round_write(struct sl_delta_optimize *optimize,
                                                struct sl_err *err);
/* What cannot be removed is for VACUUM. */
void sl_delta_round_remove(struct sl_delta_optimize *optimize, enum sl_delta_groups which);

/* delta_round_commit.c */
/* Files that no version names are removed, whatever comes of it. */
SL_MUST_CHECK enum sl_code sl_delta_round_commit(struct sl_delta_optimize *optimize,
                                                 struct sl_err *err);

#endif
