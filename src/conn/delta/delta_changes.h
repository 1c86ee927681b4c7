/* What a stream of a Delta table reads, in order: the files of the table as it was when the stream
 * began, then the files that each commit added.  Commits that changed or removed rows, or the
 * table's columns, stop the stream or are passed over, as its options say.
 * Source: Spark DeltaSource.scala getFileChanges, validateCommitAndDecideSkipping.
 * Owner: one thread. */
#ifndef SL_CONN_DELTA_CHANGES_H
#define SL_CONN_DELTA_CHANGES_H

#include "conn/conn.h"
#include "conn/delta/delta_initial.h"
#include "conn/delta/delta_offset.h"
#include "conn/delta/delta_schema.h"

struct sl_delta_changes {
    const struct sl_conn_env *env;
    const char *table_dir;
    struct sl_delta_shape shape; /* what the query reads */
    int64_t shape_version;       /* the version it was taken from */
    bool allow_changes, allow_deletes, skip_changes, fail_on_data_loss;

    int64_t newest;                   /* version that was seen last; -1: none */
    struct sl_delta_initial *initial; /* while it is worked through */
    bool shape_checked;               /* against the version where the first batch begins */
};

/* A place in the order: a file, or in front of or behind a version's files (file NULL). */
struct sl_delta_change {
    int64_t version, index;
    const struct sl_delta_file *file; /* borrowed until the visitor returns */
};
/* *stop: nothing more is wanted, this one neither. */
typedef enum sl_code (*sl_delta_change_fn)(void *ctx, const struct sl_delta_change *change,
                                           bool *stop, struct sl_err *err);

/* Everything behind `from`, up to and with `to` (NULL: what there is). */
SL_MUST_CHECK enum sl_code sl_delta_changes_walk(struct sl_delta_changes *changes,
                                                 const struct sl_delta_offset *from,
                                                 const struct sl_delta_offset *to,
                                                 sl_delta_change_fn visit, void *ctx,
                                                 struct sl_err *err);
/* Once, before the first batch is planned: can what was written at this version be read? */
SL_MUST_CHECK enum sl_code sl_delta_changes_check_start(struct sl_delta_changes *changes,
                                                        int64_t version, struct sl_err *err);
/* Looks for newer versions: one stat when there are none. SL_DATA: the table was replaced. */
SL_MUST_CHECK enum sl_code sl_delta_changes_follow(struct sl_delta_changes *changes,
                                                   struct sl_err *err);
/* DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE */
SL_MUST_CHECK enum sl_code sl_delta_changes_check_table(const struct sl_delta_changes *changes,
                                                        struct sl_str table_id, bool was_before,
                                                        struct sl_err *err);
void sl_delta_changes_close(struct sl_delta_changes *changes);

#endif
