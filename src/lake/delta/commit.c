/* The commit loop: see commit.h for the order of things.  Before every attempt the commits that
 * others made since are read and judged; the attempt itself is one put-if-absent. */
#include "lake/delta/commit.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"
#include "lake/delta/log_int.h"

struct attempt {
    const char *dir;
    const struct sl_delta_commit *commit;
    const struct sl_delta_protocol *protocol; /* of the table, as far as we have read */
    const struct sl_delta_metadata *metadata;
    int64_t read_version; /* of the snapshot */
    int64_t checked;      /* every commit up to here is no obstacle */
    bool is_changed;      /* a rival changed protocol or metadata since we looked at them */
    bool is_ours, is_already;
    struct sl_str txn_id;
    struct sl_buf body, text; /* all actions but commitInfo; the whole commit */
    struct sl_arena arena;
};

/* ---- the text ---- */

static bool changes_data(const struct sl_delta_file *files, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (files[i].data_change) return true;
    return false;
}

/* Files are only rearranged: SnapshotIsolation, as Spark's OPTIMIZE. */
static bool only_rearranges(const struct sl_delta_commit *commit) {
    return !commit->protocol && !commit->metadata && !commit->txn &&
           commit->add_count + commit->remove_count > 0 &&
           !changes_data(commit->adds, commit->add_count) &&
           !changes_data(commit->removes, commit->remove_count);
}

static void put_files(struct sl_buf *out, enum sl_delta_kind kind,
                      const struct sl_delta_file *files, size_t count) {
    struct sl_delta_action action = {.kind = kind};
    for (size_t i = 0; i < count; i++) {
        action.file = files[i];
        sl_delta_action_put(out, &action);
    }
}

static void put_body(struct sl_buf *out, const struct sl_delta_commit *commit) {
    struct sl_delta_action action;
    if (commit->metadata) {
        action = (struct sl_delta_action){.kind = SL_DELTA_METADATA, .metadata = *commit->metadata};
        sl_delta_action_put(out, &action);
    }
    if (commit->protocol) {
        action = (struct sl_delta_action){.kind = SL_DELTA_PROTOCOL, .protocol = *commit->protocol};
        sl_delta_action_put(out, &action);
    }
    if (commit->txn) {
        action = (struct sl_delta_action){.kind = SL_DELTA_TXN, .txn = *commit->txn};
        sl_delta_action_put(out, &action);
    }
    put_files(out, SL_DELTA_ADD, commit->adds, commit->add_count);
    put_files(out, SL_DELTA_REMOVE, commit->removes, commit->remove_count);
}

static const char *property(const struct sl_delta_metadata *metadata, struct sl_str name) {
    const struct sl_delta_pair *pair = sl_delta_map_find(&metadata->configuration, name);
    return pair ? pair->value.ptr : NULL;
}

static bool is_true(const struct sl_delta_metadata *metadata, struct sl_str name) {
    const struct sl_delta_pair *pair = sl_delta_map_find(&metadata->configuration, name);
    return pair && property(metadata, name) && sl_str_eq_nocase(pair->value, SL_STR("true"));
}

/* inCommitTimestamp of a version; -1 when it has none. */
static enum sl_code read_commit_time(struct attempt *attempt, int64_t version, int64_t *out,
                                     struct sl_err *err) {
    struct sl_delta_lines lines;
    struct sl_delta_action action = {0};
    struct sl_str line;
    bool found;
    *out = -1;
    if (version < 0) return SL_OK;
    const char *path = sl_delta_commit_path(&attempt->arena, attempt->dir, version);
    SL_TRY(sl_delta_lines_open(&lines, path, err));
    enum sl_code code = sl_delta_lines_next(&lines, &line, &found, err);
    if (code == SL_OK && found) code = sl_delta_action_parse(&attempt->arena, line, &action, err);
    if (code == SL_OK && action.kind == SL_DELTA_COMMIT_INFO)
        *out = action.commit_info.in_commit_timestamp_ms;
    sl_delta_lines_close(&lines);
    return code;
}

/* commitInfo comes first: in-commit timestamps demand it. */
static enum sl_code put_text(struct attempt *attempt, struct sl_err *err) {
    static const char engine[] = "sluice/" SLUICE_VERSION;
    const struct sl_delta_commit *commit = attempt->commit;
    struct sl_delta_action action = {.kind = SL_DELTA_COMMIT_INFO, .commit_info = commit->info};
    struct sl_delta_commit_info *info = &action.commit_info;
    const struct sl_delta_metadata *metadata =
        commit->metadata ? commit->metadata : attempt->metadata;
    info->timestamp_ms = sl_clock_wall_us() / 1000;
    info->in_commit_timestamp_ms = -1;
    info->read_version = attempt->read_version;
    info->txn_id = attempt->txn_id;
    info->is_blind_append = commit->scope == SL_DELTA_BLIND && commit->remove_count == 0;
    if (!info->engine.ptr) info->engine = sl_str(engine);
    if (!info->isolation.ptr)
        info->isolation =
            only_rearranges(commit) ? SL_STR("SnapshotIsolation") : SL_STR("Serializable");
    if (is_true(metadata, SL_STR("delta.enableInCommitTimestamps"))) {
        int64_t previous;
        SL_TRY(read_commit_time(attempt, attempt->checked, &previous, err));
        info->in_commit_timestamp_ms =
            info->timestamp_ms > previous ? info->timestamp_ms : previous + 1;
    }
    sl_buf_clear(&attempt->text);
    sl_delta_action_put(&attempt->text, &action);
    sl_buf_put_str(&attempt->text, sl_buf_str(&attempt->body));
    return SL_OK;
}

/* ---- the winners ---- */

struct actions {
    struct sl_delta_action *items;
    size_t count, cap;
};

static enum sl_code read_actions(struct attempt *attempt, int64_t version, struct actions *out,
                                 struct sl_err *err) {
    struct sl_arena *arena = &attempt->arena;
    struct sl_delta_lines lines;
    struct sl_str line;
    bool found = true;
    const char *path = sl_delta_commit_path(arena, attempt->dir, version);
    SL_TRY(sl_delta_lines_open(&lines, path, err));
    enum sl_code code = SL_OK;
    while (code == SL_OK && found) {
        code = sl_delta_lines_next(&lines, &line, &found, err);
        if (code != SL_OK || !found) break;
        if (out->count == out->cap) {
            size_t cap = out->cap ? out->cap * 2 : 16;
            out->items = sl_arena_grow(arena, out->items, out->cap * sizeof *out->items,
                                       cap * sizeof *out->items);
            out->cap = cap;
        }
        line = sl_arena_str(arena, line); /* actions borrow it */
        code = sl_delta_action_parse(arena, line, &out->items[out->count++], err);
        if (code != SL_OK)
            sl_context(err, "`%s` line %llu", path, (unsigned long long)lines.number);
    }
    sl_delta_lines_close(&lines);
    return code;
}

static bool maps_agree(const struct sl_delta_map *a, const struct sl_delta_map *b,
                       struct sl_str prefix) {
    for (uint32_t i = 0; i < a->count; i++) {
        if (!sl_str_starts(a->items[i].name, prefix)) continue;
        const struct sl_delta_pair *pair = sl_delta_map_find(b, a->items[i].name);
        if (!pair || !sl_str_eq(pair->value, a->items[i].value)) return false;
    }
    return true;
}

/* May rows written for `before` be added to a table that is now `after`? */
static bool metadata_allows_append(const struct sl_delta_metadata *before,
                                   const struct sl_delta_metadata *after) {
    static const char *const prefixes[] = {"delta.constraints.", "delta.columnMapping."};
    bool same = sl_str_eq(before->id, after->id) &&
                sl_str_eq(before->schema_text, after->schema_text) &&
                before->partition_count == after->partition_count;
    for (uint32_t i = 0; same && i < before->partition_count; i++)
        same = sl_str_eq(before->partition_columns[i], after->partition_columns[i]);
    for (size_t i = 0; same && i < sizeof prefixes / sizeof *prefixes; i++)
        same = maps_agree(&before->configuration, &after->configuration, sl_str(prefixes[i])) &&
               maps_agree(&after->configuration, &before->configuration, sl_str(prefixes[i]));
    return same;
}

/* Is it our own commit, or one of our batch? */
static void recognize(struct attempt *attempt, const struct sl_delta_action *action) {
    const struct sl_delta_txn *ours = attempt->commit->txn;
    if (action->kind == SL_DELTA_COMMIT_INFO)
        attempt->is_ours |= sl_str_eq(action->commit_info.txn_id, attempt->txn_id);
    if (action->kind == SL_DELTA_TXN && ours && sl_str_eq(action->txn.app_id, ours->app_id))
        attempt->is_already |= action->txn.version == ours->version;
}

/* Takes over what a winner changed of the table; what does not matter to us becomes NONE. */
static void follow_change(struct attempt *attempt, struct sl_delta_action *action) {
    const struct sl_delta_commit *commit = attempt->commit;
    if (action->kind == SL_DELTA_PROTOCOL) {
        attempt->protocol = &action->protocol;
        attempt->is_changed = true;
    }
    if (action->kind == SL_DELTA_METADATA && commit->scope == SL_DELTA_BLIND && !commit->metadata &&
        metadata_allows_append(attempt->metadata, &action->metadata)) {
        struct sl_delta_metadata *kept = SL_NEW(&attempt->arena, struct sl_delta_metadata);
        *kept = action->metadata;
        attempt->metadata = kept;
        attempt->is_changed = true;
        action->kind = SL_DELTA_NONE;
    }
}

static enum sl_code check_winner(struct attempt *attempt, int64_t version, struct sl_err *err) {
    struct actions theirs = {0};
    SL_TRY(read_actions(attempt, version, &theirs, err));
    for (size_t i = 0; i < theirs.count; i++) recognize(attempt, &theirs.items[i]);
    if (attempt->is_ours || attempt->is_already) return SL_OK;
    for (size_t i = 0; i < theirs.count; i++) follow_change(attempt, &theirs.items[i]);
    return sl_delta_conflict(attempt->commit, theirs.items, theirs.count, version, err);
}

static enum sl_code check_may_write(struct attempt *attempt, struct sl_err *err) {
    const struct sl_delta_commit *commit = attempt->commit;
    const struct sl_delta_metadata *metadata =
        commit->metadata ? commit->metadata : attempt->metadata;
    attempt->is_changed = false;
    SL_TRY(sl_delta_check_write(commit->protocol ? commit->protocol : attempt->protocol, metadata,
                                err));
    if (is_true(metadata, SL_STR("delta.appendOnly")) &&
        changes_data(commit->removes, commit->remove_count))
        return sl_delta_fail(err, SL_USER, "DELTA_CANNOT_MODIFY_APPEND_ONLY", "42809",
                             "the table `%s` is append-only: nothing in it may be replaced or "
                             "deleted (delta.appendOnly = true)",
                             attempt->dir);
    return SL_OK;
}

/* Judges every commit that came meanwhile. */
static enum sl_code catch_up(struct attempt *attempt, struct sl_err *err) {
    int64_t newest;
    SL_TRY(sl_delta_log_newest(attempt->dir, attempt->checked, &newest, err));
    while (attempt->checked < newest) {
        SL_TRY(check_winner(attempt, attempt->checked + 1, err));
        attempt->checked++;
        if (attempt->is_ours || attempt->is_already) return SL_OK;
    }
    return attempt->is_changed ? check_may_write(attempt, err) : SL_OK;
}

/* ---- the loop ---- */

/* The put failed without telling whether the name is there.  If it is, and it is ours, the
 * directory is synced once more: a commit that is not durable is not reported as made. */
static enum sl_code resolve(struct attempt *attempt, enum sl_code failure, struct sl_err *err) {
    struct sl_file_info info;
    struct sl_err ignored;
    const char *path = sl_delta_commit_path(&attempt->arena, attempt->dir, attempt->checked + 1);
    if (sl_io_stat(path, &info, &ignored) != SL_OK || !info.exists) return failure;
    if (check_winner(attempt, attempt->checked + 1, &ignored) == SL_OK && attempt->is_ours)
        return sl_io_sync_dir(sl_delta_log_dir(&attempt->arena, attempt->dir), err);
    attempt->is_already = false; /* whoever was faster is judged by catch_up */
    return SL_OK;
}

/* One attempt on the next version; *done: it is ours. */
static enum sl_code try_put(struct attempt *attempt, bool *done, struct sl_err *err) {
    struct sl_err local;
    SL_TRY(put_text(attempt, err));
    enum sl_code code =
        sl_delta_log_put(attempt->dir, attempt->checked + 1, sl_buf_str(&attempt->text), &local);
    *done = code == SL_OK;
    if (code == SL_OK) {
        attempt->checked++;
        return SL_OK;
    }
    if (code != SL_CONFLICT) {
        code = resolve(attempt, code, &local);
        if (code != SL_OK) {
            if (err) *err = local;
            return code;
        }
    }
    int failure = sl_fail_point("delta.conflict");
    return failure ? sl_fail_sys(err, failure, "could not retry a commit to `%s`", attempt->dir)
                   : SL_OK;
}

static enum sl_code run(struct attempt *attempt, struct sl_err *err) {
    bool done = false;
    SL_TRY(check_may_write(attempt, err));
    for (int i = 0; i < SL_DELTA_COMMIT_TRIES; i++) {
        SL_TRY(catch_up(attempt, err));
        if (attempt->is_ours || attempt->is_already) return SL_OK;
        SL_TRY(try_put(attempt, &done, err));
        if (done) return SL_OK;
    }
    sl_fail(err, SL_CONFLICT, "gave up after %d attempts to commit to `%s`: others were faster",
            SL_DELTA_COMMIT_TRIES, attempt->dir);
    if (err) err->retriable = true;
    return SL_CONFLICT;
}

static void attempt_init(struct attempt *attempt, const char *dir,
                         const struct sl_delta_commit *commit) {
    uint64_t high, low;
    *attempt = (struct attempt){.dir = dir, .commit = commit, .read_version = -1, .checked = -1};
    sl_arena_init(&attempt->arena, "commit");
    sl_random_system(&high, &low);
    char *uuid = sl_arena_alloc(&attempt->arena, 36);
    sl_uuid_format(uuid, high, low);
    attempt->txn_id = (struct sl_str){uuid, 36};
    put_body(&attempt->body, commit);
}

static void attempt_release(struct attempt *attempt) {
    sl_buf_release(&attempt->body);
    sl_buf_release(&attempt->text);
    sl_arena_release(&attempt->arena);
}

enum sl_code sl_delta_commit(struct sl_delta_snapshot *snapshot,
                             const struct sl_delta_commit *commit, int64_t *version, bool *already,
                             struct sl_err *err) {
    struct attempt attempt;
    *version = sl_delta_snapshot_version(snapshot);
    *already =
        commit->txn && sl_delta_snapshot_txn(snapshot, commit->txn->app_id) >= commit->txn->version;
    if (*already) return SL_OK;
    attempt_init(&attempt, sl_delta_snapshot_dir(snapshot), commit);
    attempt.protocol = sl_delta_snapshot_protocol(snapshot);
    attempt.metadata = sl_delta_snapshot_metadata(snapshot);
    attempt.read_version = attempt.checked = *version;
    enum sl_code code = run(&attempt, err);
    *already = attempt.is_already && !attempt.is_ours;
    if (code == SL_OK) {
        *version = attempt.checked;
        code = sl_delta_snapshot_update(snapshot, err);
    }
    attempt_release(&attempt);
    return code;
}

enum sl_code sl_delta_create(const char *table_dir, const struct sl_delta_commit *commit,
                             struct sl_err *err) {
    struct attempt attempt;
    bool done = false;
    sl_assert(commit->protocol && commit->metadata);
    attempt_init(&attempt, table_dir, commit);
    enum sl_code code = sl_io_make_dirs(sl_delta_log_dir(&attempt.arena, table_dir), err);
    if (code == SL_OK) code = check_may_write(&attempt, err);
    if (code == SL_OK) code = try_put(&attempt, &done, err);
    if (code == SL_OK && !done && !attempt.is_ours)
        code = sl_fail(err, SL_CONFLICT, "somebody else made the table `%s` at the same time",
                       table_dir);
    attempt_release(&attempt);
    return code;
}
