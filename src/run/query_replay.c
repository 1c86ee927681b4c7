/* Replaying dead letters: a batch of its own, which reads the letters of earlier batches instead of
 * new records.  Its offsets are those of the batch before, so for Spark it is an empty batch. */
#include "base/clock.h"
#include "run/quarantine.h"
#include "run/query_int.h"
#include "run/replay_source.h"

static enum sl_code make_spec(struct sl_query *query, struct sl_replay_spec *out,
                              struct sl_err *err) {
    const struct sl_statement *holder;
    SL_TRY(sl_quarantine_find(query->pipeline, query->spec->target, &holder, err));
    if (!holder || !query->letters) {
        sl_fail(err, SL_USER, "query `%.*s` has no quarantine, so it has no dead letters to replay",
                SL_STR_ARG(query->name));
        return sl_hint(err, "TBLPROPERTIES ('sluice.quarantine' = '..') names one"), SL_USER;
    }
    if (query->source_count != 1)
        return sl_fail(err, SL_UNSUPPORTED,
                       "query `%.*s` reads %u sources, and a dead letter does not say which of "
                       "them it came through: its letters cannot be replayed",
                       SL_STR_ARG(query->name), query->source_count);
    *out = (struct sl_replay_spec){.env = &query->env,
                                   .holder = holder,
                                   .query = query->name,
                                   .query_id = query->env.query_id,
                                   .original = query->sources[0],
                                   .wanted = query->pipes.items[query->source_pipe[0]].wanted};
    return SL_OK;
}

static enum sl_code other_checkpoint(const struct sl_query *query, int64_t batch_id,
                                     struct sl_err *err) {
    sl_fail(err, SL_USER,
            "the quarantine has letters of batch %lld of query `%.*s`, but its checkpoint has run "
            "only up to batch %lld",
            (long long)batch_id, SL_STR_ARG(query->name), (long long)query->next_batch - 1);
    return sl_hint(err, "they are of another checkpoint of this query; give the query a new "
                        "quarantine table before it is replayed"),
           SL_USER;
}

/* The letters that no batch has replayed yet. */
static enum sl_code find_fresh(struct sl_query *query, const struct sl_replay_spec *spec,
                               struct sl_replay_ids *out, struct sl_err *err) {
    struct sl_replay_ids done;
    uint64_t foreign;
    SL_TRY(sl_replay_source_ids(spec, &query->epoch, out, &foreign, err));
    if (foreign)
        sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                     "query %.*s: %llu dead letters are of other checkpoints of this query, and "
                     "are not replayed",
                     SL_STR_ARG(query->name), (unsigned long long)foreign);
    SL_TRY(sl_replay_all(query->checkpoint_dir, &query->epoch, &done, err));
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i] >= query->next_batch) return other_checkpoint(query, out->items[i], err);
        if (!sl_replay_has(&done, out->items[i])) out->items[kept++] = out->items[i];
    }
    out->count = kept;
    return SL_OK;
}

/* The batch is planned: reads its letters instead of its source. */
static enum sl_code run_replay(struct query_batch *batch, const struct sl_replay_spec *spec,
                               const struct sl_replay_ids *ids, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_source *source;
    SL_TRY(sl_replay_source_open(spec, ids, &source, err));
    batch->is_replay = true;
    enum sl_code code = sl_query_batches_run(batch, 1, &source, err);
    query->readers = query->sources;
    source->ops->close(source);
    return code;
}

/* Between the plan and a run of it letters may go: a topic's retention waits for nobody. */
static enum sl_code tell_missing(struct sl_query *query, const struct sl_replay_spec *spec,
                                 const struct sl_replay_ids *ids, struct sl_err *err) {
    struct sl_replay_ids found;
    size_t missing = 0;
    uint64_t foreign;
    long long first = 0;
    SL_TRY(sl_replay_source_ids(spec, &query->epoch, &found, &foreign, err));
    for (size_t i = 0; i < ids->count; i++)
        if (!sl_replay_has(&found, ids->items[i]) && missing++ == 0) first = ids->items[i];
    if (missing)
        sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                     "query %.*s: batch %lld replays the dead letters of %zu batches, but those of "
                     "%zu of them are gone, the first those of batch %lld",
                     SL_STR_ARG(query->name), (long long)query->next_batch, ids->count, missing,
                     first);
    return SL_OK;
}

enum sl_code sl_query_batch_rerun(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_replay_ids ids;
    struct sl_replay_spec spec;
    bool is_replay;
    SL_TRY(sl_replay_read(query->checkpoint_dir, query->next_batch, &query->epoch, &ids, &is_replay,
                          err));
    if (!is_replay) return sl_query_batches_run(batch, 1, query->sources, err);
    SL_TRY(make_spec(query, &spec, err));
    SL_TRY(tell_missing(query, &spec, &ids, err));
    return run_replay(batch, &spec, &ids, err);
}

static enum sl_code replay(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_replay_spec spec;
    struct sl_replay_ids ids;
    struct sl_source *probe;
    SL_TRY(make_spec(query, &spec, err));
    SL_TRY(find_fresh(query, &spec, &ids, err));
    if (ids.count == 0) return SL_OK;
    /* what cannot be replayed is refused while nothing is planned */
    SL_TRY(sl_replay_source_open(&spec, &ids, &probe, err));
    probe->ops->close(probe);
    SL_TRY(sl_replay_write(query->checkpoint_dir, query->next_batch, &ids, err));
    batch->seq.sources[0] = sl_arena_str(&query->epoch, sl_buf_str(&query->start[0]));
    SL_TRY(sl_query_batch_log(batch, sl_clock_wall_us() / 1000, err));
    return run_replay(batch, &spec, &ids, err);
}

enum sl_code sl_query_replay(struct sl_query *query, bool *ran, struct sl_err *err) {
    struct query_batch batch;
    *ran = false;
    if (query->next_batch == 0) return SL_OK;
    sl_query_batch_init(&batch, query);
    enum sl_code code = replay(&batch, err);
    *ran = batch.done;
    if (code == SL_OK) return SL_OK;
    sl_context(err, "replaying the dead letters as batch %lld", (long long)query->next_batch);
    return sl_context(err, "query %.*s", SL_STR_ARG(query->name)), code;
}

bool sl_query_is_planned(const struct sl_query *query) { return query->rerun; }
