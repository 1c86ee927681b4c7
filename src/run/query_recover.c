/* What an earlier run left: a batch that is planned and not committed is finished or runs again. */
#include "base/hash.h"
#include "run/letter_seal.h"
#include "run/query_int.h"
#include "run/replay_file.h"

static enum sl_code take_start(struct sl_query *query, const struct sl_offset_seq *seq,
                               int64_t batch_id, struct sl_err *err) {
    if (seq->source_count != query->source_count)
        return sl_fail(err, SL_USER,
                       "there are %u sources in the checkpoint offsets (batch %lld) and now there "
                       "are %u sources requested by the query; cannot continue",
                       seq->source_count, (long long)batch_id, query->source_count);
    for (uint32_t i = 0; i < query->source_count; i++) {
        if (!seq->sources[i].ptr) continue;
        sl_buf_clear(&query->start[i]);
        sl_buf_put_str(&query->start[i], seq->sources[i]);
        query->has_start[i] = true;
    }
    return SL_OK;
}

/* Where a source starts that has no offset in the log: sources/<i>/0, written once. */
static enum sl_code take_initial(struct sl_query *query, uint32_t i, struct sl_err *err) {
    bool found;
    sl_buf_clear(&query->start[i]);
    if (!query->sources[i]->ops->initial_offset) return SL_OK;
    SL_TRY(sl_checkpoint_read_initial(query->checkpoint, i, &query->start[i], &found, err));
    if (found) return SL_OK;
    struct sl_source *source = query->sources[i];
    SL_TRY(source->ops->initial_offset(source, &query->start[i], err));
    return sl_checkpoint_write_initial(query->checkpoint, i, sl_buf_str(&query->start[i]), err);
}

static struct sl_json *policy_of(struct sl_json *conf) {
    uint32_t i = 0;
    while (!sl_str_eq(conf->names[i], SL_STR("spark.sql.streaming.multipleWatermarkPolicy"))) i++;
    return &conf->items[i];
}

static enum sl_code take_conf(struct sl_query *query, const struct sl_offset_seq *last,
                              struct sl_err *err) {
    (void)err;
    const char *policy = sl_settings_get(query->engine->settings,
                                         SL_STR("spark.sql.streaming.multipleWatermarkPolicy"));
    int64_t partitions = sl_settings_int(query->engine->settings, "spark.sql.shuffle.partitions");
    sl_checkpoint_make_conf(&query->arena, last && last->has_metadata ? &last->conf : NULL,
                            (int)partitions, &query->conf);
    struct sl_json *kept = policy_of(&query->conf);
    if (!last && policy) kept->text = sl_str(policy);
    query->clock.max_policy = sl_str_eq_nocase(kept->text, SL_STR("max"));
    return SL_OK;
}

/* The sink remembers the hash of the offsets that a batch was made from: a file of another moment,
 * or one with a flipped bit, must not decide where the next batch starts. */
static enum sl_code check_offsets(struct sl_query *query, int64_t batch_id,
                                  const struct sl_offset_seq *seq, struct sl_err *err) {
    bool in_sink;
    return query->sink->ops->is_committed(query->sink, batch_id, seq->hash, &in_sink, err);
}

/* What a query remembers goes by its watermark.  Spark's checkpoints have no record, and stateless
 * queries need none. */
static enum sl_code needs_record(struct sl_query *query, bool *out, struct sl_err *err) {
    uint32_t *numbers, count = 0;
    if (query->clock.count && query->states.count)
        SL_TRY(sl_state_operators(query->states.dir, &query->arena, &numbers, &count, err));
    *out = count > 0;
    return SL_OK;
}

/* The record is gone, or of another batch: exact with one clause, else refused. */
static enum sl_code do_without_record(struct sl_query *query, int64_t batch_id,
                                      struct sl_err *err) {
    bool needed;
    SL_TRY(needs_record(query, &needed, err));
    if (sl_watermark_without_record(&query->clock) || !needed) return SL_OK;
    sl_fail(err, SL_USER,
            "%.*s/.sluice/watermark has no record of batch %lld: how far each of the %u WATERMARK "
            "clauses has come is not known",
            SL_STR_ARG(query->checkpoint_dir), (long long)batch_id, query->clock.count);
    sl_hint(err, "a part of the checkpoint is missing or of another moment: restore the whole "
                 "checkpoint from one backup, or start with a new one");
    return SL_USER;
}

/* The batch of `seq` is done. */
static void go_on_from(struct sl_query *query, const struct sl_offset_seq *seq, int64_t next_ms) {
    query->made_from = seq->hash;
    query->clock.late_ms = seq->batch_watermark_ms;
    if (next_ms > query->clock.value_ms) query->clock.value_ms = next_ms;
    sl_watermark_resume(&query->clock, &query->states);
}

/* The rows are in the sink, so the letters, which go first, are in theirs.  *done false: the next
 * watermark is not known, and the batch runs again to find it. */
static enum sl_code finish_planned(struct sl_query *query, int64_t planned,
                                   const struct sl_offset_seq *seq, bool *done,
                                   struct sl_err *err) {
    struct sl_commit_entry entry = {1, query->clock.value_ms};
    struct sl_sink *letters = query->letters ? query->letters->sink : NULL;
    SL_TRY(sl_watermark_read(query->checkpoint_dir, planned, seq->hash, false, &query->clock,
                             &entry.next_batch_watermark_ms, done, err));
    bool needed;
    SL_TRY(needs_record(query, &needed, err));
    *done |= !needed && !(query->clock.count && sl_states_in_spark(&query->states));
    if (!*done) return SL_OK;
    SL_TRY(sl_checkpoint_write_commit(query->checkpoint, planned, &entry, err));
    if (letters && letters->ops->finish) SL_TRY(letters->ops->finish(letters, planned, err));
    SL_TRY(sl_letter_seal_remove(query->checkpoint_dir, planned, err));
    if (query->sink->ops->finish) SL_TRY(query->sink->ops->finish(query->sink, planned, err));
    query->next_batch = planned + 1;
    go_on_from(query, seq, entry.next_batch_watermark_ms);
    return take_start(query, seq, planned, err);
}

/* offsets/N exists without commits/N: either the sink took batch N, or it runs again with exactly
 * its offsets. */
static enum sl_code resume_planned(struct sl_query *query, int64_t planned,
                                   const struct sl_offset_seq *seq, struct sl_err *err) {
    bool in_sink, done = false, found;
    SL_TRY(query->sink->ops->is_committed(query->sink, planned, seq->hash, &in_sink, err));
    if (in_sink) SL_TRY(finish_planned(query, planned, seq, &done, err));
    if (done) return SL_OK;
    query->rerun = true;
    query->next_batch = planned;
    if (planned == 0) return SL_OK;
    struct sl_offset_seq before;
    SL_TRY(sl_checkpoint_read_offsets(query->checkpoint, planned - 1, &query->arena, &before, err));
    SL_TRY(check_offsets(query, planned - 1, &before, err));
    query->clock.late_ms = before.batch_watermark_ms;
    query->made_from = before.hash;
    int64_t ignored;
    SL_TRY(sl_watermark_read(query->checkpoint_dir, planned - 1, before.hash, false, &query->clock,
                             &ignored, &found, err));
    if (!found)
        SL_TRY(sl_watermark_read(query->checkpoint_dir, planned, seq->hash, true, &query->clock,
                                 &ignored, &found, err));
    if (!found) SL_TRY(do_without_record(query, planned - 1, err));
    return take_start(query, &before, planned - 1, err);
}

/* A quarantine may be new to the query, and holds no batches without letters, unless its log names
 * them all. */
static enum sl_code recover_letters(struct sl_query *query, int64_t planned, uint64_t hash,
                                    int64_t committed, struct sl_err *err) {
    if (!query->letters) return SL_OK;
    struct sl_sink *sink = query->letters->sink;
    int64_t held = query->letters->every_batch ? committed : -1;
    enum sl_code code = sink->ops->recover(sink, planned, hash, held, err);
    if (code != SL_OK) sl_context(err, "the quarantine of query %.*s", SL_STR_ARG(query->name));
    return code;
}

enum sl_code sl_query_recover(struct sl_query *query, struct sl_err *err) {
    int64_t planned = sl_checkpoint_last_offsets(query->checkpoint),
            committed = sl_checkpoint_last_commit(query->checkpoint);
    struct sl_offset_seq seq = {0};
    if (planned >= 0)
        SL_TRY(sl_checkpoint_read_offsets(query->checkpoint, planned, &query->arena, &seq, err));
    SL_TRY(sl_replay_drop_unplanned(query->checkpoint_dir, planned, err));
    SL_TRY(recover_letters(query, planned, seq.hash, committed, err));
    SL_TRY(query->sink->ops->recover(query->sink, planned, seq.hash, committed, err));
    if (planned >= 0) {
        if (seq.source_count != query->source_count) SL_TRY(take_start(query, &seq, planned, err));
        query->clock.value_ms = seq.batch_watermark_ms;
    }
    SL_TRY(take_conf(query, planned >= 0 ? &seq : NULL, err));
    if (planned >= 0 && planned == committed) {
        struct sl_commit_entry entry;
        int64_t ignored;
        bool found;
        SL_TRY(sl_checkpoint_read_commit(query->checkpoint, committed, &entry, err));
        SL_TRY(sl_watermark_read(query->checkpoint_dir, planned, seq.hash, false, &query->clock,
                                 &ignored, &found, err));
        go_on_from(query, &seq, entry.next_batch_watermark_ms);
        SL_TRY(check_offsets(query, planned, &seq, err));
        if (!found) SL_TRY(do_without_record(query, planned, err));
        query->next_batch = planned + 1;
        SL_TRY(sl_letter_seal_remove(query->checkpoint_dir, planned, err));
        SL_TRY(take_start(query, &seq, planned, err));
    } else if (planned >= 0) {
        SL_TRY(resume_planned(query, planned, &seq, err));
    }
    for (uint32_t i = 0; i < query->source_count; i++)
        if (!query->has_start[i]) SL_TRY(take_initial(query, i, err));
    return SL_OK;
}
