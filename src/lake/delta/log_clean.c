/* Removing what the log's retention no longer needs (MetadataCleanup.scala): the newest checkpoint
 * at or before the cut, its commit and all behind it stay, so that every version since the cut can
 * be read. Files of V2 checkpoints in _sidecars stay: which are in use only their readers know. */
#include "base/io.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/log_int.h"

#define MILLIS_PER_DAY INT64_C(86400000)
enum { DEFAULT_RETENTION_DAYS = 30, VERSION_DIGITS = 20 };

/* ---- intervals ---- */

static int64_t unit_ms(struct sl_str unit) {
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"week", 7 * MILLIS_PER_DAY},
                 {"day", MILLIS_PER_DAY},
                 {"hour", 3600000},
                 {"minute", 60000},
                 {"second", 1000},
                 {"millisecond", 1}};
    if (unit.len > 1 && (unit.ptr[unit.len - 1] | 0x20) == 's') unit.len--;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (sl_str_eq_nocase(unit, sl_str(units[i].name))) return units[i].ms;
    return -1;
}

/* The next word, cut off from *text. */
static struct sl_str take_word(struct sl_str *text) {
    *text = sl_str_trim(*text);
    size_t len = 0;
    while (len < text->len && (unsigned char)text->ptr[len] > ' ') len++;
    struct sl_str word = sl_str_sub(*text, 0, len);
    *text = sl_str_sub(*text, len, text->len);
    return word;
}

enum sl_code sl_delta_interval_parse(struct sl_str text, int64_t *ms, struct sl_err *err) {
    struct sl_str rest = text, after = text;
    int64_t sum = 0, count, product;
    bool any = false;
    if (sl_str_eq_nocase(take_word(&after), SL_STR("interval"))) rest = after;
    while (sl_str_trim(rest).len > 0) {
        struct sl_str number = take_word(&rest), unit = take_word(&rest);
        int64_t factor = unit_ms(unit);
        bool reads = sl_str_to_i64(number, &count) && count >= 0 && factor > 0 &&
                     !__builtin_mul_overflow(count, factor, &product) &&
                     !__builtin_add_overflow(sum, product, &sum);
        if (!reads) break;
        any = sl_str_trim(rest).len == 0;
    }
    if (!any) {
        sl_fail(err, SL_USER, "`%.*s` is not an interval of weeks, days, hours, minutes or seconds",
                SL_STR_ARG(text));
        sl_hint(err, "write it as `interval 30 days`; months and years have no fixed length");
        return SL_USER;
    }
    *ms = sum;
    return SL_OK;
}

/* ---- cleaning ---- */

/* Newest version that was committed up to the moment; -1: none. Commit times are the files', made
 * ascending as for time travel. */
static enum sl_code version_until(struct sl_arena *arena, const char *table_dir, int64_t until_ms,
                                  int64_t *out, struct sl_err *err) {
    int64_t first, last, previous = INT64_MIN;
    *out = -1;
    SL_TRY(sl_delta_log_commits(arena, table_dir, &first, &last, err));
    for (int64_t version = first; first >= 0 && version <= last; version++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(sl_delta_commit_path(arena, table_dir, version), &info, err));
        int64_t time = info.modified_ms > previous ? info.modified_ms : previous + 1;
        if (!info.exists || time > until_ms) break;
        *out = version;
        previous = time;
    }
    return SL_OK;
}

/* The version that a file of the log belongs to, if its kind is one that we remove; else -1. A
 * compacted commit `x.y.compacted.json` belongs to y. */
static int64_t version_of(const char *file) {
    struct sl_str name = sl_str(file);
    int64_t version, last;
    if (name.len <= VERSION_DIGITS || name.ptr[VERSION_DIGITS] != '.') return -1;
    if (!sl_str_to_i64(sl_str_sub(name, 0, VERSION_DIGITS), &version) || version < 0) return -1;
    struct sl_str kind = sl_str_sub(name, VERSION_DIGITS + 1, name.len);
    if (sl_str_eq(kind, SL_STR("json")) || sl_str_eq(kind, SL_STR("crc"))) return version;
    if (sl_str_starts(kind, SL_STR("checkpoint."))) return version;
    if (kind.len > VERSION_DIGITS &&
        sl_str_eq(sl_str_sub(kind, VERSION_DIGITS, kind.len), SL_STR(".compacted.json")) &&
        sl_str_to_i64(sl_str_sub(kind, 0, VERSION_DIGITS), &last))
        return last;
    return -1;
}

static enum sl_code remove_one(struct sl_arena *arena, const char *dir, const char *name,
                               struct sl_err *err) {
    struct sl_str sum = sl_arena_printf(arena, ".%s.crc", name);
    SL_TRY(sl_io_unlink(sl_path_join(arena, dir, name), err));
    return sl_io_unlink(sl_path_join(arena, dir, sum.ptr), err);
}

/* From the oldest on: what a crash leaves is a shorter log. */
static enum sl_code remove_below(struct sl_arena *arena, const char *table_dir, int64_t keep,
                                 uint64_t *deleted, struct sl_err *err) {
    char **names;
    size_t count;
    const char *dir = sl_delta_log_dir(arena, table_dir);
    SL_TRY(sl_io_list_dir(dir, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        int64_t version = version_of(names[i]);
        if (version < 0 || version >= keep) continue;
        SL_TRY(remove_one(arena, dir, names[i], err));
        (*deleted)++;
    }
    return SL_OK;
}

/* *keep: the oldest version to stay; 0: all. The checkpoint there is read before anything behind it
 * goes. */
static enum sl_code find_keep(struct sl_arena *arena, const char *table_dir, int64_t until_ms,
                              int64_t *keep, struct sl_err *err) {
    int64_t version;
    struct sl_delta_snapshot *snapshot;
    struct sl_delta_segment segment;
    bool found;
    *keep = 0;
    SL_TRY(version_until(arena, table_dir, until_ms, &version, err));
    if (version < 0) return SL_OK;
    SL_TRY(sl_delta_log_segment(arena, table_dir, version, &segment, &found, err));
    if (!found || segment.checkpoint_version <= 0) return SL_OK;
    SL_TRY(sl_delta_snapshot_open(table_dir, segment.checkpoint_version, NULL, &snapshot, err));
    if (!snapshot) return SL_OK;
    if (sl_delta_snapshot_segment(snapshot)->checkpoint_version == segment.checkpoint_version)
        *keep = segment.checkpoint_version;
    sl_delta_snapshot_close(snapshot);
    return SL_OK;
}

enum sl_code sl_delta_log_clean(const struct sl_delta_snapshot *snapshot, int64_t now_ms,
                                uint64_t *deleted, struct sl_err *err) {
    const char *enabled = sl_delta_snapshot_property(snapshot, "delta.enableExpiredLogCleanup");
    const char *retention = sl_delta_snapshot_property(snapshot, "delta.logRetentionDuration");
    int64_t retention_ms = DEFAULT_RETENTION_DAYS * MILLIS_PER_DAY, keep;
    bool is_enabled = true;
    *deleted = 0;
    if (enabled && sl_str_to_bool(sl_str(enabled), &is_enabled) && !is_enabled) return SL_OK;
    if (retention) SL_TRY(sl_delta_interval_parse(sl_str(retention), &retention_ms, err));
    int64_t until_ms = now_ms - retention_ms;
    until_ms -= ((until_ms % MILLIS_PER_DAY) + MILLIS_PER_DAY) % MILLIS_PER_DAY; /* UTC midnight */
    struct sl_arena arena;
    sl_arena_init(&arena, "log cleaning");
    const char *table_dir = sl_delta_snapshot_dir(snapshot);
    enum sl_code code = find_keep(&arena, table_dir, until_ms, &keep, err);
    if (code == SL_OK && keep > 0) code = remove_below(&arena, table_dir, keep, deleted, err);
    sl_arena_release(&arena);
    return code;
}
