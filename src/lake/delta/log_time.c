/* Time travel: which version was the newest at a moment.  Source: Spark DeltaHistoryManager.scala;
 * PROTOCOL.md "In-Commit Timestamps". */
#include <stdio.h>

#include "base/clock.h"
#include "lake/delta/action.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/log_int.h"

struct moment {
    int64_t version, ms;
};

/* -1 when the commit has none: commitInfo is the first line of a table that has them. */
static enum sl_code in_commit_timestamp(const char *table_dir, int64_t version, int64_t *ms,
                                        struct sl_err *err) {
    struct sl_arena arena;
    struct sl_delta_lines lines = {0};
    struct sl_str line;
    struct sl_delta_action action;
    bool found = false;
    *ms = -1;
    sl_arena_init(&arena, "log");
    const char *path = sl_delta_commit_path(&arena, table_dir, version);
    enum sl_code code = sl_delta_lines_open(&lines, path, err);
    if (code == SL_OK) code = sl_delta_lines_next(&lines, &line, &found, err);
    if (code == SL_OK && found) {
        code = sl_delta_action_parse(&arena, line, &action, err);
        if (code != SL_OK) sl_context(err, "`%s` line 1", path);
        if (code == SL_OK && action.kind == SL_DELTA_COMMIT_INFO)
            *ms = action.commit_info.in_commit_timestamp_ms;
    }
    sl_delta_lines_close(&lines);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code file_time(const char *table_dir, int64_t version, int64_t *ms,
                              struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_info info;
    sl_arena_init(&arena, "log");
    const char *path = sl_delta_commit_path(&arena, table_dir, version);
    enum sl_code code = sl_io_stat(path, &info, err);
    if (code == SL_OK && !info.exists)
        code = sl_fail(err, SL_DATA, "`%s` vanished while the log was read", path);
    *ms = info.modified_ms;
    sl_arena_release(&arena);
    return code;
}

/* Times of first .. last, ascending. From the newest down they are in-commit timestamps, until the
 * first commit from before the table had them; below it the files' times, each at least one
 * millisecond behind the one before it, since clocks and copies of tables go backwards. */
static enum sl_code commit_times(const char *table_dir, struct moment *times, size_t count,
                                 struct sl_err *err) {
    size_t stamped = count; /* times[stamped ..] have in-commit timestamps */
    while (stamped > 0) {
        struct moment *at = &times[stamped - 1];
        SL_TRY(in_commit_timestamp(table_dir, at->version, &at->ms, err));
        if (at->ms < 0) break;
        stamped--;
    }
    for (size_t i = 0; i < stamped; i++) {
        SL_TRY(file_time(table_dir, times[i].version, &times[i].ms, err));
        if (i > 0 && times[i].ms <= times[i - 1].ms) times[i].ms = times[i - 1].ms + 1;
    }
    return SL_OK;
}

/* A commit may claim, and a user may ask for, any number. */
static const char *moment_text(char to[SL_CLOCK_TEXT_SIZE], int64_t ms) {
    const int64_t first = -INT64_C(62167219200000), last = INT64_C(253402300799999);
    if (ms >= first && ms <= last) return sl_clock_text(to, ms);
    snprintf(to, SL_CLOCK_TEXT_SIZE, "%lld ms", (long long)ms);
    return to;
}

static enum sl_code outside(const struct moment *limit, int64_t timestamp_ms, bool is_early,
                            struct sl_err *err) {
    char wanted[SL_CLOCK_TEXT_SIZE], there[SL_CLOCK_TEXT_SIZE];
    sl_fail_at(err, (struct sl_span){0, 0},
               is_early ? "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"
                        : "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
               "42816", "the Delta table has no version of %s: its %s version, %lld, is of %s",
               moment_text(wanted, timestamp_ms), is_early ? "first" : "last",
               (long long)limit->version, moment_text(there, limit->ms));
    sl_hint(err, "use VERSION AS OF %lld to read that version", (long long)limit->version);
    return SL_USER;
}

static enum sl_code find_moment(const struct moment *times, size_t count, int64_t timestamp_ms,
                                int64_t *version, struct sl_err *err) {
    if (timestamp_ms < times[0].ms) return outside(&times[0], timestamp_ms, true, err);
    if (timestamp_ms > times[count - 1].ms)
        return outside(&times[count - 1], timestamp_ms, false, err);
    for (size_t i = 0; i < count && times[i].ms <= timestamp_ms; i++) *version = times[i].version;
    return SL_OK;
}

static enum sl_code list_moments(struct sl_arena *arena, const char *table_dir,
                                 struct moment **times, size_t *count, struct sl_err *err) {
    struct sl_delta_segment segment;
    int64_t first, last;
    bool found;
    SL_TRY(sl_delta_log_segment(arena, table_dir, -1, &segment, &found, err));
    if (!found) return sl_fail(err, SL_USER, "`%s` is not a Delta table", table_dir);
    SL_TRY(sl_delta_log_commits(arena, table_dir, &first, &last, err));
    if (first < 0)
        return sl_fail(err, SL_DATA, "`%s` has no commits, only a checkpoint, so no times",
                       table_dir);
    *count = (size_t)(last - first) + 1;
    *times = SL_NEW_ARRAY(arena, struct moment, *count);
    for (size_t i = 0; i < *count; i++) (*times)[i].version = first + (int64_t)i;
    return commit_times(table_dir, *times, *count, err);
}

enum sl_code sl_delta_log_version_at(struct sl_arena *arena, const char *table_dir,
                                     int64_t timestamp_ms, int64_t *version, struct sl_err *err) {
    struct moment *times;
    size_t count;
    SL_TRY(list_moments(arena, table_dir, &times, &count, err));
    return find_moment(times, count, timestamp_ms, version, err);
}

enum sl_code sl_delta_log_version_from(struct sl_arena *arena, const char *table_dir,
                                       int64_t timestamp_ms, int64_t *version, struct sl_err *err) {
    struct moment *times;
    size_t count;
    SL_TRY(list_moments(arena, table_dir, &times, &count, err));
    for (size_t i = 0; i < count; i++) {
        *version = times[i].version;
        if (times[i].ms >= timestamp_ms) return SL_OK;
    }
    return outside(&times[count - 1], timestamp_ms, false, err);
}
