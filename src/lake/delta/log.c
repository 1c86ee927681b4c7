#include "lake/delta/log.h"

#include <stdlib.h>

#include "lake/delta/action.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/log_int.h"

enum { VERSION_DIGITS = 20, PART_DIGITS = 10, UUID_BYTES = 36 };

/* ---- names ---- */

struct entry {
    int64_t version;
    enum sl_delta_checkpoint_kind kind; /* NONE: a commit */
    int64_t part, parts;                /* of PARTS */
    const char *name;
};

static bool read_number(struct sl_str text, size_t begin, size_t digits, int64_t *out) {
    if (text.len < begin + digits) return false;
    for (size_t i = begin; i < begin + digits; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
    return sl_str_to_i64(sl_str_sub(text, begin, begin + digits), out);
}

/* What follows ".checkpoint." */
static bool read_checkpoint_name(struct sl_str rest, struct entry *out) {
    bool parquet = sl_str_ends(rest, SL_STR(".parquet"));
    if (sl_str_eq(rest, SL_STR("parquet"))) {
        out->kind = SL_DELTA_CHECKPOINT_CLASSIC;
        return true;
    }
    if (parquet && rest.len == 2 * PART_DIGITS + 9 && rest.ptr[PART_DIGITS] == '.' &&
        read_number(rest, 0, PART_DIGITS, &out->part) &&
        read_number(rest, PART_DIGITS + 1, PART_DIGITS, &out->parts)) {
        out->kind = SL_DELTA_CHECKPOINT_PARTS;
        return out->part >= 1 && out->part <= out->parts;
    }
    out->kind = SL_DELTA_CHECKPOINT_V2;
    return (parquet && rest.len == UUID_BYTES + 8) ||
           (rest.len == UUID_BYTES + 5 && sl_str_ends(rest, SL_STR(".json")));
}

/* false: another file, such as .crc, .compacted.json, _last_checkpoint or a temporary. */
static bool read_name(const char *name, struct entry *out) {
    struct sl_str text = sl_str(name), checkpoint = SL_STR(".checkpoint.");
    *out = (struct entry){.name = name};
    if (!read_number(text, 0, VERSION_DIGITS, &out->version)) return false;
    struct sl_str rest = sl_str_sub(text, VERSION_DIGITS, text.len);
    if (sl_str_eq(rest, SL_STR(".json"))) return true;
    if (!sl_str_starts(rest, checkpoint)) return false;
    return read_checkpoint_name(sl_str_sub(rest, checkpoint.len, rest.len), out);
}

char *sl_delta_log_dir(struct sl_arena *arena, const char *table_dir) {
    return sl_path_join(arena, table_dir, "_delta_log");
}

static struct sl_str commit_name(struct sl_arena *arena, int64_t version) {
    return sl_arena_printf(arena, "%020lld.json", (long long)version);
}

char *sl_delta_commit_path(struct sl_arena *arena, const char *table_dir, int64_t version) {
    return sl_path_join(arena, sl_delta_log_dir(arena, table_dir), commit_name(arena, version).ptr);
}

/* ---- the listing ---- */

struct listing {
    const char *dir;
    struct entry *entries; /* by version, then name: names are sorted and of fixed width */
    size_t count;
};

static enum sl_code list_log(struct sl_arena *arena, const char *table_dir, struct listing *out,
                             bool *found, struct sl_err *err) {
    char **names;
    size_t count;
    struct sl_file_info info;
    *out = (struct listing){.dir = sl_delta_log_dir(arena, table_dir)};
    *found = false;
    SL_TRY(sl_io_stat(out->dir, &info, err));
    if (!info.exists || !info.is_dir) return SL_OK;
    SL_TRY(sl_io_list_dir(out->dir, arena, &names, &count, err));
    out->entries = SL_NEW_ARRAY(arena, struct entry, count);
    for (size_t i = 0; i < count; i++)
        if (read_name(names[i], &out->entries[out->count])) out->count++;
    *found = out->count != 0;
    return SL_OK;
}

/* A checkpoint without bytes is one that a crash left; Spark passes over it too. */
static bool has_bytes(struct sl_arena *arena, const struct listing *log, const char *name) {
    struct sl_file_info info;
    const char *path = sl_path_join(arena, log->dir, name);
    return sl_io_stat(path, &info, NULL) == SL_OK && info.exists && info.bytes > 0;
}

/* The complete set of parts that the entry, a part 1, begins; names are sorted, so a set is
 * 1.n .. n.n with other sets' parts in between. */
static bool take_parts(struct sl_arena *arena, const struct listing *log, size_t at,
                       struct sl_delta_segment *out) {
    const struct entry *first = &log->entries[at];
    if (first->part != 1 || first->parts > (int64_t)(log->count - at)) return false;
    const char **files = SL_NEW_ARRAY(arena, const char *, (size_t)first->parts);
    int64_t due = 1;
    for (size_t i = at; i < log->count && log->entries[i].version == first->version; i++) {
        const struct entry *entry = &log->entries[i];
        if (entry->kind != first->kind || entry->parts != first->parts || entry->part != due)
            continue;
        if (!has_bytes(arena, log, entry->name)) return false;
        files[due++ - 1] = entry->name;
    }
    out->checkpoint_files = files;
    out->checkpoint_file_count = (uint32_t)first->parts;
    return due > first->parts;
}

static bool take_checkpoint(struct sl_arena *arena, const struct listing *log, size_t at,
                            struct sl_delta_segment *out) {
    const struct entry *entry = &log->entries[at];
    if (entry->kind == SL_DELTA_CHECKPOINT_PARTS) {
        if (!take_parts(arena, log, at, out)) return false;
    } else {
        if (!has_bytes(arena, log, entry->name)) return false;
        out->checkpoint_files = SL_NEW_ARRAY(arena, const char *, 1);
        out->checkpoint_files[0] = entry->name;
        out->checkpoint_file_count = 1;
    }
    out->checkpoint = entry->kind;
    out->checkpoint_version = entry->version;
    return true;
}

/* The latest complete one up to `limit`; at one version V2 before parts before classic, as Spark's
 * CheckpointInstance orders them. */
static void choose_checkpoint(struct sl_arena *arena, const struct listing *log, int64_t limit,
                              struct sl_delta_segment *out) {
    out->checkpoint = SL_DELTA_CHECKPOINT_NONE;
    out->checkpoint_version = -1;
    out->checkpoint_file_count = 0;
    for (size_t end = log->count; end > 0;) {
        size_t begin = end - 1;
        while (begin > 0 && log->entries[begin - 1].version == log->entries[end - 1].version)
            begin--;
        for (int kind = SL_DELTA_CHECKPOINT_V2; kind > SL_DELTA_CHECKPOINT_NONE; kind--)
            for (size_t i = end; i-- > begin && log->entries[i].version <= limit;)
                if ((int)log->entries[i].kind == kind && take_checkpoint(arena, log, i, out))
                    return;
        end = begin;
    }
}

/* ---- the segment ---- */

static enum sl_code no_such_version(const struct listing *log, int64_t wanted, int64_t earliest,
                                    struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0, 0}, "DELTA_VERSION_NOT_FOUND", "22003",
               "the Delta table has no version %lld; there are versions %lld to %lld",
               (long long)wanted, (long long)earliest,
               (long long)log->entries[log->count - 1].version);
    return SL_USER;
}

static enum sl_code missing_commit(const struct listing *log, int64_t version, int64_t next,
                                   struct sl_err *err) {
    bool is_first = version == 0;
    sl_delta_fail(
        err, SL_DATA, is_first ? "DELTA_LOG_FILE_NOT_FOUND" : "DELTA_VERSIONS_NOT_CONTIGUOUS",
        is_first ? "42K03" : "KD00C", "`%s/%020lld.json` is missing, though version %lld exists",
        log->dir, (long long)version, (long long)next);
    sl_hint(err, "restore the file; without it the table's state cannot be known");
    return SL_DATA;
}

/* The earliest version that can be read: the first commit when it is 0, else the first checkpoint.
 */
static int64_t earliest_version(struct sl_arena *arena, const struct listing *log) {
    struct sl_delta_segment probe;
    for (size_t i = 0; i < log->count; i++) {
        if (log->entries[i].kind == SL_DELTA_CHECKPOINT_NONE && log->entries[i].version == 0)
            return 0;
        if (log->entries[i].kind != SL_DELTA_CHECKPOINT_NONE &&
            take_checkpoint(arena, log, i, &probe))
            return log->entries[i].version;
    }
    return log->entries[0].version;
}

/* The commits first_commit .. version must all be there. */
static enum sl_code check_commits(struct sl_arena *arena, const struct listing *log,
                                  struct sl_delta_segment *out, struct sl_err *err) {
    int64_t due = out->first_commit;
    for (size_t i = 0; i < log->count && due <= out->version; i++) {
        const struct entry *entry = &log->entries[i];
        if (entry->kind != SL_DELTA_CHECKPOINT_NONE || entry->version < due) continue;
        if (entry->version > due) return missing_commit(log, due, entry->version, err);
        struct sl_file_info info;
        SL_TRY(sl_io_stat(sl_path_join(arena, log->dir, entry->name), &info, err));
        out->bytes += info.bytes;
        due++;
    }
    return due > out->version ? SL_OK : missing_commit(log, due, out->version, err);
}

/* A checkpoint that is not complete makes no version, so the newest is a commit or one that is. */
static int64_t newest_version(struct sl_arena *arena, const struct listing *log) {
    struct sl_delta_segment probe;
    choose_checkpoint(arena, log, INT64_MAX, &probe);
    int64_t newest = probe.checkpoint_version;
    for (size_t i = log->count; i-- > 0;)
        if (log->entries[i].kind == SL_DELTA_CHECKPOINT_NONE) {
            if (log->entries[i].version > newest) newest = log->entries[i].version;
            break;
        }
    return newest;
}

enum sl_code sl_delta_log_segment_below(struct sl_arena *arena, const char *table_dir,
                                        int64_t wanted, int64_t checkpoint_max,
                                        struct sl_delta_segment *out, bool *found,
                                        struct sl_err *err) {
    struct listing log;
    *out = (struct sl_delta_segment){.checkpoint_version = -1};
    SL_TRY(list_log(arena, table_dir, &log, found, err));
    if (!*found) return SL_OK;
    int64_t newest = newest_version(arena, &log);
    if (newest < 0) {
        *found = false;
        return SL_OK;
    }
    out->version = wanted < 0 ? newest : wanted;
    if (out->version > newest)
        return no_such_version(&log, wanted, earliest_version(arena, &log), err);
    choose_checkpoint(arena, &log, out->version < checkpoint_max ? out->version : checkpoint_max,
                      out);
    out->first_commit = out->checkpoint_version + 1;
    enum sl_code code = check_commits(arena, &log, out, err);
    int64_t earliest = code == SL_OK ? 0 : earliest_version(arena, &log);
    if (wanted >= 0 && wanted < earliest) return no_such_version(&log, wanted, earliest, err);
    return code;
}

enum sl_code sl_delta_log_segment(struct sl_arena *arena, const char *table_dir, int64_t wanted,
                                  struct sl_delta_segment *out, bool *found, struct sl_err *err) {
    return sl_delta_log_segment_below(arena, table_dir, wanted, INT64_MAX, out, found, err);
}

enum sl_code sl_delta_log_commits(struct sl_arena *arena, const char *table_dir, int64_t *first,
                                  int64_t *last, struct sl_err *err) {
    struct listing log;
    bool found;
    *first = *last = -1;
    SL_TRY(list_log(arena, table_dir, &log, &found, err));
    if (!found) return SL_OK;
    int64_t earliest = earliest_version(arena, &log);
    for (size_t i = log.count; i-- > 0;) {
        if (log.entries[i].kind != SL_DELTA_CHECKPOINT_NONE) continue;
        if (log.entries[i].version < earliest) break;
        if (*first >= 0 && log.entries[i].version != *first - 1) break;
        *first = log.entries[i].version;
        if (*last < 0) *last = *first;
    }
    return SL_OK;
}

/* ---- following ---- */

static enum sl_code commit_exists(const char *table_dir, int64_t version, bool *out,
                                  struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_info info = {0};
    sl_arena_init(&arena, "log");
    enum sl_code code = sl_io_stat(sl_delta_commit_path(&arena, table_dir, version), &info, err);
    sl_arena_release(&arena);
    *out = info.exists;
    return code;
}

static enum sl_code newest_listed(const char *table_dir, int64_t *out, struct sl_err *err) {
    struct sl_arena arena;
    struct listing log;
    bool found;
    sl_arena_init(&arena, "log");
    enum sl_code code = list_log(&arena, table_dir, &log, &found, err);
    *out = code == SL_OK && found ? newest_version(&arena, &log) : -1;
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_delta_log_newest(const char *table_dir, int64_t known, int64_t *out,
                                 struct sl_err *err) {
    bool exists = known >= 0;
    *out = known;
    while (exists) {
        SL_TRY(commit_exists(table_dir, *out + 1, &exists, err));
        if (exists) ++*out;
    }
    /* When even `known` is gone, the log was cleaned up behind us or the table replaced: a missing
     * successor then says nothing. */
    if (*out == known && known >= 0) SL_TRY(commit_exists(table_dir, known, &exists, err));
    if (*out > known || exists) return SL_OK;
    return newest_listed(table_dir, out, err);
}

enum sl_code sl_delta_log_next(const char *table_dir, int64_t version, int64_t newest, int64_t *out,
                               struct sl_err *err) {
    bool exists = false;
    for (*out = version; *out <= newest; ++*out) {
        SL_TRY(commit_exists(table_dir, *out, &exists, err));
        if (exists) return SL_OK;
    }
    *out = newest + 1;
    return SL_OK;
}

/* ---- one commit ---- */

static enum sl_code check_last_line(struct sl_str text, const char *path, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_delta_action action;
    size_t begin = text.len;
    if (text.ptr[text.len - 1] == '\n') return SL_OK;
    while (begin > 0 && text.ptr[begin - 1] != '\n') begin--;
    sl_arena_init(&arena, "log");
    enum sl_code code =
        sl_delta_action_parse(&arena, sl_str_sub(text, begin, text.len), &action, err);
    sl_arena_release(&arena);
    if (code != SL_OK) sl_context(err, "last line of `%s`, which is cut off", path);
    return code;
}

enum sl_code sl_delta_log_read(const char *table_dir, int64_t version, struct sl_buf *out,
                               struct sl_err *err) {
    struct sl_arena arena;
    size_t begin = out->len;
    sl_arena_init(&arena, "log");
    const char *path = sl_delta_commit_path(&arena, table_dir, version);
    enum sl_code code = sl_io_read_file(path, SL_DELTA_LOG_FILE_MAX, out, err);
    struct sl_str text = sl_str_sub(sl_buf_str(out), begin, out->len);
    if (code == SL_OK && text.len == 0) code = sl_delta_empty_commit(path, err);
    if (code == SL_OK) code = check_last_line(text, path, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_delta_log_put(const char *table_dir, int64_t version, struct sl_str text,
                              struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "log");
    enum sl_code code = sl_io_put_atomic(sl_delta_log_dir(&arena, table_dir),
                                         commit_name(&arena, version).ptr, text, 0, "delta", err);
    sl_arena_release(&arena);
    return code;
}
