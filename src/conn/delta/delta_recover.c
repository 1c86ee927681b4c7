/* What the table's log knows of this query: its txn, and in the batch's commitInfo the hash of the
 * offsets it was made from. */
#include <stdio.h>

#include "conn/delta/delta_sink_int.h"
#include "lake/delta/commit_find.h"

static int64_t last_batch(const struct sl_delta_sink *sink) {
    return sink->snapshot ? sl_delta_snapshot_txn(sink->snapshot, sink->env->query_id) : -1;
}

enum sl_code sl_delta_find_batch(struct sl_delta_sink *sink, int64_t batch_id, bool *found,
                                 uint64_t *hash, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_delta_commit_info info;
    *hash = 0;
    *found = false;
    if (!sink->snapshot) return SL_OK;
    sl_arena_init(&arena, "find batch");
    enum sl_code code =
        sl_delta_commit_find(&arena, sink->table_dir, sl_delta_snapshot_version(sink->snapshot),
                             sink->env->query_id, batch_id, &info, found, err);
    if (code == SL_OK && *found) {
        const struct sl_delta_pair *tag = sl_delta_map_find(&info.tags, SL_STR(SL_DELTA_HASH_TAG));
        unsigned long long value = 0;
        if (tag && tag->value.ptr &&
            sscanf(sl_arena_cstr(&arena, tag->value), "%16llx", &value) == 1)
            *hash = value;
    }
    sl_arena_release(&arena);
    return code;
}

/* ---- recovery ---- */

static enum sl_code ahead(const struct sl_delta_sink *sink, int64_t last_planned,
                          struct sl_err *err) {
    sl_fail(err, SL_USER,
            "the Delta table `%s` has batch %lld of this query, but the checkpoint has planned "
            "only up to batch %lld",
            sink->table_dir, (long long)last_batch(sink), (long long)last_planned);
    return sl_hint(err, "the checkpoint was restored from an older backup; restore table and "
                        "checkpoint from the same moment"),
           SL_USER;
}

static enum sl_code behind(const struct sl_delta_sink *sink, int64_t last_committed,
                           struct sl_err *err) {
    if (!sink->snapshot)
        sl_fail(err, SL_USER,
                "the checkpoint has committed batch %lld, but there is no Delta table at `%s`",
                (long long)last_committed, sink->table_dir);
    else
        sl_fail(err, SL_USER,
                "the checkpoint has committed batch %lld, but the Delta table `%s` has this "
                "query's batches only up to %lld",
                (long long)last_committed, sink->table_dir, (long long)last_batch(sink));
    return sl_hint(err, "the table was removed, moved or restored to an older version, or "
                        "delta.setTransactionRetentionDuration made it forget the query; restore "
                        "table and checkpoint from the same moment, or begin both anew"),
           SL_USER;
}

enum sl_code sl_delta_recover(struct sl_sink *base, int64_t last_planned, uint64_t planned_hash,
                              int64_t last_committed, struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    (void)planned_hash; /* is_committed compares it: there is nothing to redo */
    SL_TRY(sl_delta_sink_follow(sink, err));
    if (last_batch(sink) > last_planned) return ahead(sink, last_planned, err);
    if (last_batch(sink) < last_committed) return behind(sink, last_committed, err);
    return SL_OK;
}

static enum sl_code other_offsets(const struct sl_delta_sink *sink, int64_t batch_id,
                                  struct sl_err *err) {
    sl_fail(err, SL_USER,
            "batch %lld of the Delta table `%s` was made from other offsets than offsets/%lld of "
            "this checkpoint",
            (long long)batch_id, sink->table_dir, (long long)batch_id);
    return sl_hint(err, "the checkpoint was restored from an older backup; restore table and "
                        "checkpoint from the same moment"),
           SL_USER;
}

enum sl_code sl_delta_is_committed(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                                   bool *committed, struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    uint64_t hash;
    bool found;
    SL_TRY(sl_delta_sink_follow(sink, err));
    *committed = last_batch(sink) >= batch_id;
    if (!*committed) return SL_OK;
    /* of a batch that Spark wrote its id has to do, as for Spark */
    SL_TRY(sl_delta_find_batch(sink, batch_id, &found, &hash, err));
    return found && hash && hash != offsets_hash ? other_offsets(sink, batch_id, err) : SL_OK;
}
