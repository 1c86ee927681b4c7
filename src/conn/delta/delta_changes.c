#include "conn/delta/delta_changes.h"

#include <errno.h>
#include <stdlib.h>

#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"

/* ---- the table is the one it was, and can be read ---- */

enum sl_code sl_delta_changes_check_table(const struct sl_delta_changes *changes,
                                          struct sl_str table_id, bool was_before,
                                          struct sl_err *err) {
    struct sl_str ours = changes->shape.table_id, now = was_before ? ours : table_id,
                  before = was_before ? table_id : ours;
    if (sl_str_eq(ours, table_id)) return SL_OK;
    sl_delta_fail(err, SL_USER, "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", "55019",
                  "the Delta table at `%s` (id = '%.*s') is not the one this query has read before "
                  "(id = '%.*s')",
                  changes->table_dir, SL_STR_ARG(now), SL_STR_ARG(before));
    return sl_hint(err, "the table was deleted and made again, or the query reads another one now; "
                        "go back to the old table, or delete the query's checkpoint to begin "
                        "anew"),
           SL_USER;
}

static enum sl_code refuse_change(const struct sl_delta_changes *changes, int64_t version,
                                  bool restart_helps, struct sl_str why, struct sl_err *err) {
    sl_delta_fail(err, restart_helps ? SL_CONFLICT : SL_UNSUPPORTED,
                  "DELTA_SCHEMA_CHANGED_WITH_VERSION", "KD007",
                  "the schema of the Delta table `%s` is another one in version %lld: %.*s",
                  changes->table_dir, (long long)version, SL_STR_ARG(why));
    if (restart_helps)
        return sl_hint(err, "start the query again: it goes on with the new columns"), SL_CONFLICT;
    return sl_hint(err,
                   "the change is not one that a stream can read across; start the query with "
                   "a new checkpoint, or with startingVersion behind version %lld",
                   (long long)version),
           SL_UNSUPPORTED;
}

static enum sl_code check_metadata(const struct sl_delta_changes *changes,
                                   const struct sl_delta_metadata *metadata, int64_t version,
                                   struct sl_err *err) {
    struct sl_buf why = {0}, ignored = {0};
    const struct sl_delta_shape *ours = &changes->shape, theirs = sl_delta_shape_of(metadata);
    SL_TRY(
        sl_delta_changes_check_table(changes, metadata->id, version < changes->shape_version, err));
    enum sl_code code = SL_OK;
    if (!theirs.schema) {
        sl_buf_put_cstr(&why, "its schema cannot be read");
        code = refuse_change(changes, version, false, sl_buf_str(&why), err);
    } else if (!sl_delta_shape_reads(ours, &theirs, &why)) {
        bool restart_helps =
            version >= changes->shape_version && sl_delta_shape_reads(&theirs, ours, &ignored);
        code = refuse_change(changes, version, restart_helps, sl_buf_str(&why), err);
    }
    sl_buf_release(&why);
    sl_buf_release(&ignored);
    return code;
}

/* A version that cannot be made up any more is no obstacle: its commit may still be there. */
enum sl_code sl_delta_changes_check_start(struct sl_delta_changes *changes, int64_t version,
                                          struct sl_err *err) {
    struct sl_delta_snapshot *snapshot = NULL;
    struct sl_err ignored;
    enum sl_code code = SL_OK;
    if (changes->shape_checked) return SL_OK;
    if (version < changes->shape_version &&
        sl_delta_snapshot_open(changes->table_dir, version, changes->env->budget, &snapshot,
                               &ignored) == SL_OK &&
        snapshot)
        code = check_metadata(changes, sl_delta_snapshot_metadata(snapshot), version, err);
    if (snapshot) sl_delta_snapshot_close(snapshot);
    changes->shape_checked = code == SL_OK;
    return code;
}

/* ---- one commit ---- */

struct walk {
    struct sl_delta_changes *changes;
    const struct sl_delta_offset *from, *to;
    sl_delta_change_fn visit;
    void *ctx;
    bool stopped;
    struct sl_arena arena; /* of one commit, or of one file */
    struct sl_buf text;
};

/* What a commit did. */
struct commit {
    int64_t version;
    struct sl_delta_file *adds; /* with dataChange */
    size_t add_count, add_cap;
    struct sl_str removed; /* path of the first file whose rows are gone */
    struct sl_delta_commit_info info;
};

static enum sl_code give(struct walk *walk, int64_t version, int64_t index,
                         const struct sl_delta_file *file, struct sl_err *err) {
    const struct sl_delta_offset at = {.version = version, .index = index};
    const struct sl_delta_change change = {version, index, file};
    if (walk->stopped || sl_delta_offset_compare(&at, walk->from) <= 0) return SL_OK;
    if (walk->to && sl_delta_offset_compare(&at, walk->to) > 0) {
        walk->stopped = true;
        return SL_OK;
    }
    return walk->visit(walk->ctx, &change, &walk->stopped, err);
}

static void keep_add(struct walk *walk, struct commit *commit, const struct sl_delta_file *file) {
    if (commit->add_count == commit->add_cap) {
        size_t cap = commit->add_cap ? commit->add_cap * 2 : 64;
        commit->adds =
            sl_arena_grow(&walk->arena, commit->adds, commit->add_cap * sizeof *commit->adds,
                          cap * sizeof *commit->adds);
        commit->add_cap = cap;
    }
    commit->adds[commit->add_count++] = *file;
}

static enum sl_code take_action(struct walk *walk, struct commit *commit,
                                const struct sl_delta_action *action, struct sl_err *err) {
    const struct sl_delta_metadata ours = {.schema = walk->changes->shape.schema};
    switch (action->kind) {
    case SL_DELTA_ADD:
        if (action->file.data_change) keep_add(walk, commit, &action->file);
        return SL_OK;
    case SL_DELTA_REMOVE:
        if (action->file.data_change && !commit->removed.ptr) commit->removed = action->file.path;
        return SL_OK;
    case SL_DELTA_METADATA:
        return check_metadata(walk->changes, &action->metadata, commit->version, err);
    case SL_DELTA_PROTOCOL:
        return sl_delta_check_read(&action->protocol, &ours, err);
    case SL_DELTA_COMMIT_INFO:
        commit->info = action->commit_info;
        return SL_OK;
    default:
        return SL_OK;
    }
}

static enum sl_code parse_commit(struct walk *walk, struct commit *commit, struct sl_err *err) {
    struct sl_str text = sl_buf_str(&walk->text);
    for (size_t begin = 0; begin < text.len;) {
        const char *end = memchr(text.ptr + begin, '\n', text.len - begin);
        size_t stop = end ? (size_t)(end - text.ptr) : text.len;
        struct sl_delta_action action;
        SL_TRY(sl_delta_action_parse(&walk->arena, sl_str_sub(text, begin, stop), &action, err));
        SL_TRY(take_action(walk, commit, &action, err));
        begin = stop + 1;
    }
    return SL_OK;
}

static enum sl_code refuse_update(const struct walk *walk, const struct commit *commit,
                                  struct sl_err *err) {
    struct sl_buf what = {0};
    if (commit->info.operation.ptr) {
        sl_buf_printf(&what, "%.*s ", SL_STR_ARG(commit->info.operation));
        sl_json_put(&what, &commit->info.parameters);
    } else {
        sl_buf_put_str(&what, commit->removed);
    }
    enum { SHOWN_MAX = 200 };
    sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_SOURCE_TABLE_IGNORE_CHANGES", "0A000",
                  "version %lld of the Delta table `%s` updates rows (%.*s), which a stream cannot "
                  "pass on",
                  (long long)commit->version, walk->changes->table_dir,
                  (int)(what.len < SHOWN_MAX ? what.len : SHOWN_MAX), (const char *)what.ptr);
    sl_buf_release(&what);
    return sl_hint(err, "set the option skipChangeCommits to 'true' to pass over such versions, or "
                        "delete the query's checkpoint to begin anew with the rows as they are"),
           SL_UNSUPPORTED;
}

static enum sl_code refuse_delete(const struct walk *walk, const struct commit *commit,
                                  struct sl_err *err) {
    sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_SOURCE_IGNORE_DELETE", "0A000",
                  "version %lld of the Delta table `%s` deletes rows (for example the file "
                  "`%.*s`), which a stream cannot pass on",
                  (long long)commit->version, walk->changes->table_dir,
                  SL_STR_ARG(commit->removed));
    return sl_hint(err, "set the option ignoreDeletes to 'true' to pass over such versions"),
           SL_UNSUPPORTED;
}

static enum sl_code check_commit(const struct walk *walk, const struct commit *commit,
                                 struct sl_err *err) {
    if (!commit->removed.ptr) return SL_OK;
    if (commit->add_count > 0 && !walk->changes->allow_changes)
        return refuse_update(walk, commit, err);
    if (commit->add_count == 0 && !walk->changes->allow_deletes)
        return refuse_delete(walk, commit, err);
    return SL_OK;
}

static enum sl_code walk_commit(struct walk *walk, int64_t version, struct sl_err *err) {
    struct commit commit = {.version = version};
    enum sl_code code = parse_commit(walk, &commit, err);
    if (code == SL_OK) code = check_commit(walk, &commit, err);
    if (code == SL_OK) code = give(walk, version, sl_delta_index_base, NULL, err);
    bool skipped = commit.removed.ptr && walk->changes->skip_changes;
    for (size_t i = 0; i < commit.add_count && !skipped && !walk->stopped && code == SL_OK; i++)
        code = give(walk, version, (int64_t)i, &commit.adds[i], err);
    if (code == SL_OK) code = give(walk, version, sl_delta_index_end, NULL, err);
    return code;
}

/* ---- the commits ---- */

static enum sl_code lost_commits(const struct sl_delta_changes *changes, int64_t version,
                                 int64_t seen, struct sl_err *err) {
    if (!changes->fail_on_data_loss) {
        sl_log_event(changes->env->log, SL_LOG_WARN, SL_CAT_RUN,
                     "Delta table %s: versions %lld to %lld are gone from its log, the stream goes "
                     "on behind them (failOnDataLoss is false)",
                     changes->table_dir, (long long)version, (long long)seen - 1);
        return SL_OK;
    }
    sl_delta_fail(err, SL_DATA, "DELTA_MISSING_FILES_UNEXPECTED_VERSION", "42K03",
                  "the stream cannot go on from version %lld of the Delta table `%s`: its log "
                  "starts at %lld",
                  (long long)version, changes->table_dir, (long long)seen);
    return sl_hint(err, "the retention of the log (delta.logRetentionDuration) is shorter than the "
                        "query was behind; begin anew with a new checkpoint, or set the option "
                        "failOnDataLoss to 'false' to go on without the missing versions"),
           SL_DATA;
}

/* The text of the commit at *version, or of the next one that is there; past the newest: none. */
static enum sl_code read_commit(struct walk *walk, int64_t *version, struct sl_err *err) {
    struct sl_delta_changes *changes = walk->changes;
    struct sl_err local = {0};
    int64_t next;
    sl_arena_reset(&walk->arena);
    sl_buf_clear(&walk->text);
    enum sl_code code = sl_delta_log_read(changes->table_dir, *version, &walk->text, &local);
    if (code == SL_OK) return SL_OK;
    if (code != SL_IO || local.sys != ENOENT) {
        if (err) *err = local;
        return code;
    }
    SL_TRY(sl_delta_log_next(changes->table_dir, *version + 1, changes->newest, &next, err));
    if (next <= changes->newest) SL_TRY(lost_commits(changes, *version, next, err));
    *version = next;
    return next > changes->newest ? SL_OK
                                  : sl_delta_log_read(changes->table_dir, next, &walk->text, err);
}

/* The end of what is wanted may lie right in front of a version: that one is not looked at. */
static bool is_past(const struct walk *walk, int64_t version) {
    const struct sl_delta_offset first = {.version = version, .index = sl_delta_index_base};
    return walk->stopped || (walk->to && sl_delta_offset_compare(&first, walk->to) >= 0);
}

static enum sl_code walk_commits(struct walk *walk, int64_t version, struct sl_err *err) {
    for (; version <= walk->changes->newest && !is_past(walk, version); version++) {
        enum sl_code code = read_commit(walk, &version, err);
        if (code == SL_OK && (version > walk->changes->newest || is_past(walk, version))) break;
        if (code == SL_OK) code = walk_commit(walk, version, err);
        if (code != SL_OK)
            return sl_context(err, "version %lld of the Delta table `%s`", (long long)version,
                              walk->changes->table_dir),
                   code;
    }
    return SL_OK;
}

/* ---- the table as it was ---- */

static enum sl_code open_initial(struct sl_delta_changes *changes, int64_t version,
                                 struct sl_err *err) {
    if (changes->initial && sl_delta_initial_version(changes->initial) == version) return SL_OK;
    sl_delta_initial_close(changes->initial);
    changes->initial = NULL;
    return sl_delta_initial_open(changes->table_dir, version, changes->env->budget,
                                 &changes->initial, err);
}

static enum sl_code walk_initial(struct walk *walk, struct sl_err *err) {
    struct sl_delta_changes *changes = walk->changes;
    const struct sl_delta_offset *from = walk->from;
    SL_TRY(open_initial(changes, from->version, err));
    SL_TRY(give(walk, from->version, sl_delta_index_base, NULL, err));
    uint64_t first = from->index >= 0 ? (uint64_t)from->index + 1 : 0;
    for (uint64_t i = first; i < sl_delta_initial_count(changes->initial) && !walk->stopped; i++) {
        struct sl_delta_file file;
        sl_arena_reset(&walk->arena);
        SL_TRY(sl_delta_initial_file(changes->initial, i, &walk->arena, &file, err));
        SL_TRY(give(walk, from->version, (int64_t)i, &file, err));
    }
    return give(walk, from->version, sl_delta_index_end, NULL, err);
}

enum sl_code sl_delta_changes_walk(struct sl_delta_changes *changes,
                                   const struct sl_delta_offset *from,
                                   const struct sl_delta_offset *to, sl_delta_change_fn visit,
                                   void *ctx, struct sl_err *err) {
    struct walk walk = {.changes = changes, .from = from, .to = to, .visit = visit, .ctx = ctx};
    SL_TRY(sl_delta_changes_follow(changes, err));
    sl_arena_init(&walk.arena, "Delta changes");
    enum sl_code code = SL_OK;
    if (from->is_snapshot)
        code = walk_initial(&walk, err);
    else {
        sl_delta_initial_close(changes->initial);
        changes->initial = NULL;
    }
    if (code == SL_OK) code = walk_commits(&walk, from->version + (from->is_snapshot ? 1 : 0), err);
    sl_arena_release(&walk.arena);
    sl_buf_release(&walk.text);
    return code;
}

/* ---- following ---- */

/* The log has fewer versions than before. */
static enum sl_code check_replaced(struct sl_delta_changes *changes, int64_t newest,
                                   struct sl_err *err) {
    struct sl_delta_snapshot *snapshot = NULL;
    SL_TRY(sl_delta_snapshot_open(changes->table_dir, -1, changes->env->budget, &snapshot, err));
    enum sl_code code = SL_OK;
    if (snapshot)
        code = sl_delta_changes_check_table(changes, sl_delta_snapshot_metadata(snapshot)->id,
                                            false, err);
    if (snapshot) sl_delta_snapshot_close(snapshot);
    if (code != SL_OK) return code;
    if (!snapshot)
        return sl_delta_fail(err, SL_DATA, "DELTA_PATH_DOES_NOT_EXIST", "42K03",
                             "the Delta table `%s`, whose version %lld was seen before, is gone",
                             changes->table_dir, (long long)changes->newest);
    sl_delta_fail(err, SL_DATA, "DELTA_STREAMING_TRAILING_COMMIT_MISSING", "42K03",
                  "the Delta table `%s` had version %lld, but its newest is %lld now",
                  changes->table_dir, (long long)changes->newest, (long long)newest);
    return sl_hint(err, "its log was removed or restored from a backup; restore table and "
                        "checkpoints from the same moment"),
           SL_DATA;
}

enum sl_code sl_delta_changes_follow(struct sl_delta_changes *changes, struct sl_err *err) {
    int64_t newest;
    SL_TRY(sl_delta_log_newest(changes->table_dir, changes->newest, &newest, err));
    if (newest < changes->newest) return check_replaced(changes, newest, err);
    changes->newest = newest;
    return SL_OK;
}

void sl_delta_changes_close(struct sl_delta_changes *changes) {
    sl_delta_initial_close(changes->initial);
    changes->initial = NULL;
}
