/* `sluice checkpoint verify`: reads every file and reports what recovery would meet. */
#include "state/checkpoint_int.h"
#include "state/state_survey.h"

struct verify {
    const struct sl_checkpoint *checkpoint;
    sl_checkpoint_report_fn report;
    void *ctx;
    struct sl_arena arena;
    uint32_t source_count;
    bool seen_offsets;
};

static void report_err(struct verify *v, const char *log_name, int64_t id,
                       const struct sl_err *err) {
    char file[64];
    snprintf(file, sizeof file, "%s/%lld", log_name, (long long)id);
    v->report(v->ctx, 'E', file, err->msg);
}

static void check_one_offsets(struct verify *v, int64_t id) {
    struct sl_offset_seq seq;
    struct sl_err err = {0};
    char file[64], what[160];
    if (sl_checkpoint_read_offsets(v->checkpoint, id, &v->arena, &seq, &err) != SL_OK) {
        report_err(v, "offsets", id, &err);
        return;
    }
    snprintf(file, sizeof file, "offsets/%lld", (long long)id);
    if (!seq.has_metadata)
        v->report(v->ctx, 'W', file, "has no metadata line (continuous mode or Spark 2.0)");
    if (v->seen_offsets && seq.source_count != v->source_count) {
        snprintf(what, sizeof what, "has %u sources, the batch before it has %u", seq.source_count,
                 v->source_count);
        v->report(v->ctx, 'E', file, what);
    }
    v->source_count = seq.source_count;
    v->seen_offsets = true;
}

static void check_one_commit(struct verify *v, int64_t id) {
    struct sl_commit_entry entry;
    struct sl_err err = {0};
    if (sl_checkpoint_read_commit(v->checkpoint, id, &entry, &err) != SL_OK)
        report_err(v, "commits", id, &err);
}

static enum sl_code check_log(struct verify *v, const char *log_name,
                              void (*check)(struct verify *v, int64_t id), struct sl_err *err) {
    int64_t *ids;
    size_t count;
    SL_TRY(sl_checkpoint_ids(v->checkpoint, log_name, &v->arena, &ids, &count, err));
    for (size_t i = 0; i < count; i++) {
        check(v, ids[i]);
        if (i == 0 || ids[i] == ids[i - 1] + 1) continue;
        char what[96];
        snprintf(what, sizeof what, "batches %lld to %lld are missing", (long long)ids[i - 1] + 1,
                 (long long)ids[i] - 1);
        v->report(v->ctx, i + 1 == count ? 'E' : 'W', log_name, what);
    }
    return SL_OK;
}

static void check_ends(struct verify *v) {
    const struct sl_checkpoint *checkpoint = v->checkpoint;
    if (!checkpoint->query_id.len) v->report(v->ctx, 'E', "metadata", "is missing");
    if (checkpoint->last_commit > checkpoint->last_offsets)
        v->report(v->ctx, 'E', "commits", "is ahead of offsets: the directory is incomplete");
    if (checkpoint->last_offsets > checkpoint->last_commit + 1)
        v->report(v->ctx, 'W', "commits", "is more than one batch behind offsets");
}

static uint64_t offsets_hash(void *ctx, int64_t batch_id) {
    struct verify *v = ctx;
    struct sl_offset_seq seq = {0};
    struct sl_err unreadable; /* told before */
    if (batch_id < 0 ||
        sl_checkpoint_read_offsets(v->checkpoint, batch_id, &v->arena, &seq, &unreadable) != SL_OK)
        return 0;
    return seq.hash;
}

static void pass_on(void *ctx, char severity, const char *file, const char *what) {
    struct verify *v = ctx;
    v->report(v->ctx, severity, file, what);
}

/* The next batch begins with the version behind the last one that was committed. */
static enum sl_code check_state(struct verify *v, struct sl_err *err) {
    struct sl_str dir = sl_arena_printf(&v->arena, "%s/.sluice/state", v->checkpoint->dir);
    return sl_state_survey_verify(dir.ptr, v->checkpoint->query_id, v->checkpoint->last_commit + 1,
                                  offsets_hash, pass_on, v, err);
}

enum sl_code sl_checkpoint_verify(const struct sl_checkpoint *checkpoint,
                                  sl_checkpoint_report_fn report, void *ctx, struct sl_err *err) {
    struct verify v = {.checkpoint = checkpoint, .report = report, .ctx = ctx};
    sl_arena_init(&v.arena, "verify");
    check_ends(&v);
    enum sl_code code = check_log(&v, "offsets", check_one_offsets, err);
    if (code == SL_OK) code = check_log(&v, "commits", check_one_commit, err);
    if (code == SL_OK) code = check_state(&v, err);
    sl_arena_release(&v.arena);
    return code;
}
