/* A Delta table at one version.  Protocol, metadata, newest txn per application and domains are
 * held; files are streamed: commits newest first, then the checkpoint, passing over what a newer
 * action replaced (PROTOCOL.md "Action Reconciliation").  Memory: the keys of the files in the
 * commits behind the checkpoint. Owner: one thread. */
#ifndef SL_LAKE_DELTA_SNAPSHOT_H
#define SL_LAKE_DELTA_SNAPSHOT_H

#include "base/budget.h"
#include "lake/delta/action.h"
#include "lake/delta/log.h"

struct sl_delta_snapshot;
/* version -1: the newest. *out = NULL: there is no table. Refuses what sl_delta_check_read refuses.
 * Everything lives until close. */
SL_MUST_CHECK enum sl_code sl_delta_snapshot_open(const char *table_dir, int64_t version,
                                                  struct sl_budget *budget,
                                                  struct sl_delta_snapshot **out,
                                                  struct sl_err *err);
void sl_delta_snapshot_close(struct sl_delta_snapshot *snapshot);
/* To the newest version by reading only the commits behind it; cheap when there are none. */
SL_MUST_CHECK enum sl_code sl_delta_snapshot_update(struct sl_delta_snapshot *snapshot,
                                                    struct sl_err *err);

const char *sl_delta_snapshot_dir(const struct sl_delta_snapshot *snapshot);
int64_t sl_delta_snapshot_version(const struct sl_delta_snapshot *snapshot);
const struct sl_delta_protocol *
sl_delta_snapshot_protocol(const struct sl_delta_snapshot *snapshot);
const struct sl_delta_metadata *
sl_delta_snapshot_metadata(const struct sl_delta_snapshot *snapshot);
const struct sl_delta_segment *sl_delta_snapshot_segment(const struct sl_delta_snapshot *snapshot);
/* Version of an application's newest txn; -1: none. */
int64_t sl_delta_snapshot_txn(const struct sl_delta_snapshot *snapshot, struct sl_str app_id);
/* delta.* property; NULL when it is not set. */
const char *sl_delta_snapshot_property(const struct sl_delta_snapshot *snapshot, const char *name);

/* Called for each file; borrowed until it returns. An error stops and is returned. */
typedef enum sl_code (*sl_delta_file_fn)(void *ctx, const struct sl_delta_file *file,
                                         struct sl_err *err);
struct sl_delta_walk {
    sl_delta_file_fn live;    /* add actions that count; NULL: passed over */
    sl_delta_file_fn removed; /* tombstones; NULL: passed over */
    void *ctx;
};
SL_MUST_CHECK enum sl_code sl_delta_snapshot_walk(const struct sl_delta_snapshot *snapshot,
                                                  const struct sl_delta_walk *walk,
                                                  struct sl_err *err);
/* All txns and domains, for the checkpoint. */
typedef enum sl_code (*sl_delta_txn_fn)(void *ctx, const struct sl_delta_txn *txn,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_delta_snapshot_txns(const struct sl_delta_snapshot *snapshot,
                                                  sl_delta_txn_fn each, void *ctx,
                                                  struct sl_err *err);
const struct sl_delta_domain *sl_delta_snapshot_domains(const struct sl_delta_snapshot *snapshot,
                                                        uint32_t *count);

#endif
