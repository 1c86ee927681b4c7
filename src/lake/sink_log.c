/* Source: Spark FileStreamSinkLog.scala, CompactibleFileStreamLog.scala. */
#include "lake/sink_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "lake/uri.h"

enum {
    FILE_BYTES_MAX = 1 << 30,
    BLOCK_BYTES = 33554432,        /* what Hadoop's local file system reports */
    RETAIN_BATCHES = 100,          /* spark.sql.streaming.minBatchesToRetain */
    CLEANUP_DELAY_MS = 10 * 60000, /* spark.sql.streaming.fileSink.log.cleanupDelay */
};

struct sl_sink_log {
    char *table_dir; /* absolute */
    char *dir;       /* table_dir/_spark_metadata */
    int64_t last;
    int64_t interval;
};

struct log_name {
    int64_t id;
    bool compact;
};

static bool parse_name(const char *name, struct log_name *out) {
    struct sl_str text = sl_str(name);
    out->compact = sl_str_ends(text, SL_STR(".compact"));
    if (out->compact) text.len -= strlen(".compact");
    return text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9' && sl_str_to_i64(text, &out->id);
}

static int compare_log_names(const void *a, const void *b) {
    const struct log_name *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->compact - y->compact; /* the compact file of an id replaces the plain one */
}

static enum sl_code list(const struct sl_sink_log *log, struct sl_arena *arena,
                         struct log_name **out, size_t *count, struct sl_err *err) {
    char **names;
    size_t name_count;
    struct sl_err local = {0};
    *count = 0;
    enum sl_code code = sl_io_list_dir(log->dir, arena, &names, &name_count, &local);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    *out = SL_NEW_ARRAY(arena, struct log_name, name_count + 1);
    for (size_t i = 0; i < name_count; i++)
        if (parse_name(names[i], &(*out)[*count])) (*count)++;
    qsort(*out, *count, sizeof **out, compare_log_names);
    return SL_OK;
}

/* The interval that existing compactions follow wins over the configured one. */
static int64_t infer_interval(const struct log_name *names, size_t count, int64_t configured) {
    int64_t newest = -1, before = -1;
    for (size_t i = 0; i < count; i++)
        if (names[i].compact) before = newest, newest = names[i].id;
    if (newest < 0) return configured;
    if (before >= 0) return newest - before;
    if (configured > newest + 1) return newest + 1;
    int64_t interval = configured;
    while ((newest + 1) % interval != 0) interval++;
    return interval;
}

enum sl_code sl_sink_log_open(struct sl_arena *query, const char *table_dir, int compact_interval,
                              struct sl_sink_log **out, struct sl_err *err) {
    struct sl_sink_log *log = SL_NEW(query, struct sl_sink_log);
    char *absolute = realpath(table_dir, NULL);
    if (!absolute) return sl_fail_sys(err, errno, "could not find table directory `%s`", table_dir);
    log->table_dir = sl_arena_cstr(query, sl_str(absolute));
    free(absolute);
    log->dir = sl_path_join(query, log->table_dir, "_spark_metadata");
    struct sl_arena arena;
    struct log_name *names;
    size_t count;
    sl_arena_init(&arena, "sink log");
    enum sl_code code = list(log, &arena, &names, &count, err);
    if (code == SL_OK) {
        log->last = count ? names[count - 1].id : -1;
        log->interval = infer_interval(names, count, compact_interval);
    }
    sl_arena_release(&arena);
    *out = log;
    return code;
}

int64_t sl_sink_log_last(const struct sl_sink_log *log) { return log->last; }
void sl_sink_log_close(struct sl_sink_log *log) { (void)log; }

static void put_entry(struct sl_buf *out, const struct sl_sink_log *log,
                      const struct sl_sink_file *file) {
    struct sl_buf path = {0}, uri = {0};
    sl_buf_printf(&path, "%s/%.*s", log->table_dir, SL_STR_ARG(file->path));
    sl_uri_put_file(&uri, sl_buf_str(&path));
    sl_buf_put_cstr(out, "\n{\"path\":");
    sl_json_put_string(out, sl_buf_str(&uri));
    sl_buf_printf(out,
                  ",\"size\":%llu,\"isDir\":false,\"modificationTime\":%lld,\"blockReplication\":1,"
                  "\"blockSize\":%d,\"action\":\"add\"}",
                  (unsigned long long)file->bytes, (long long)file->modified_ms, BLOCK_BYTES);
    sl_buf_release(&path);
    sl_buf_release(&uri);
}

static bool is_compaction(const struct sl_sink_log *log, int64_t batch_id) {
    return (batch_id + 1) % log->interval == 0;
}

static const char *log_path(const struct sl_sink_log *log, struct sl_arena *arena,
                            struct log_name name) {
    return sl_arena_printf(arena, "%s/%lld%s", log->dir, (long long)name.id,
                           name.compact ? ".compact" : "")
        .ptr;
}

/* Appends the entry lines of one log file as they are, each with a leading newline. */
static enum sl_code copy_entries(const struct sl_sink_log *log, struct sl_arena *arena,
                                 struct log_name name, struct sl_buf *out, struct sl_err *err) {
    struct sl_buf text = {0};
    const char *path = log_path(log, arena, name);
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &text, err);
    struct sl_str body = sl_buf_str(&text);
    if (code == SL_OK && !sl_str_starts(body, SL_STR("v1"))) {
        code = sl_fail(err, SL_USER, "incomplete log file `%s`: it does not start with v1", path);
        sl_hint(err, "the file is damaged; restore the table's _spark_metadata from a backup");
    }
    if (code == SL_OK) {
        size_t begin = sl_str_find(body, SL_STR("\n"), 0);
        if (begin != SIZE_MAX) {
            struct sl_str lines = sl_str_sub(body, begin, body.len);
            while (lines.len && lines.ptr[lines.len - 1] == '\n') lines.len--;
            sl_buf_put_str(out, lines);
        }
    }
    sl_buf_release(&text);
    return code;
}

/* Entries of all live log files up to `before` (exclusive): from the last compaction on. */
static enum sl_code copy_live(const struct sl_sink_log *log, struct sl_arena *arena, int64_t before,
                              struct sl_buf *out, struct sl_err *err) {
    struct log_name *names;
    size_t count;
    SL_TRY(list(log, arena, &names, &count, err));
    while (count && names[count - 1].id >= before) count--;
    size_t first = 0;
    for (size_t i = 0; i < count; i++)
        if (names[i].compact) first = i;
    int64_t wanted = count ? names[first].id : 0;
    if (count && !names[first].compact && wanted != 0)
        return sl_fail(
            err, SL_USER,
            "table log `%s` begins at batch %lld without a compaction: earlier batches are gone",
            log->dir, (long long)wanted);
    for (size_t i = first; i < count; i++) {
        if (i + 1 < count && names[i + 1].id == names[i].id) continue; /* its .compact follows */
        if (names[i].id != wanted)
            return sl_fail(err, SL_USER, "table log `%s`: batch %lld is missing", log->dir,
                           (long long)wanted);
        SL_TRY(copy_entries(log, arena, names[i], out, err));
        wanted++;
    }
    return SL_OK;
}

static enum sl_code delete_expired(const struct sl_sink_log *log, struct sl_arena *arena,
                                   int64_t batch_id, struct sl_err *err) {
    struct log_name *names;
    size_t count;
    if (log->interval > batch_id - RETAIN_BATCHES) return SL_OK;
    int64_t keep_from = batch_id - RETAIN_BATCHES;
    keep_from -= keep_from % log->interval + 1; /* a compaction: it holds all before it */
    int64_t older_than = sl_clock_wall_us() / 1000 - CLEANUP_DELAY_MS;
    SL_TRY(list(log, arena, &names, &count, err));
    for (size_t i = 0; i < count && names[i].id < keep_from; i++) {
        struct sl_file_info info;
        const char *path = log_path(log, arena, names[i]);
        SL_TRY(sl_io_stat(path, &info, err));
        if (!info.exists || info.modified_ms > older_than) continue;
        const char *base = strrchr(path, '/') + 1;
        SL_TRY(sl_io_unlink(sl_arena_printf(arena, "%s/.%s.crc", log->dir, base).ptr, err));
        SL_TRY(sl_io_unlink(path, err));
    }
    return SL_OK;
}

enum sl_code sl_sink_log_check(const struct sl_sink_log *log, struct sl_err *err) {
    if (log->last < 0) return SL_OK;
    struct sl_arena arena;
    struct sl_file_info plain, compact;
    sl_arena_init(&arena, "sink log");
    struct log_name name = {log->last, false}, compacted = {log->last, true};
    enum sl_code code = sl_io_stat(log_path(log, &arena, name), &plain, err);
    if (code == SL_OK) code = sl_io_stat(log_path(log, &arena, compacted), &compact, err);
    sl_arena_release(&arena);
    if (code != SL_OK || plain.exists || compact.exists) return code;
    sl_fail(err, SL_DATA, "batch %lld of table `%s` was committed, but is gone from its log",
            (long long)log->last, log->table_dir);
    return sl_hint(err, "somebody removed the table or files of its _spark_metadata; restore table "
                        "and checkpoint from the same moment"),
           SL_DATA;
}

enum sl_code sl_sink_log_add(struct sl_sink_log *log, int64_t batch_id,
                             const struct sl_sink_file *files, size_t count, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "sink log");
    bool compact = is_compaction(log, batch_id);
    char name[40];
    snprintf(name, sizeof name, "%lld%s", (long long)batch_id, compact ? ".compact" : "");
    sl_buf_put_cstr(&text, "v1");
    enum sl_code code = sl_io_make_dirs(log->dir, err);
    if (code == SL_OK && compact) code = copy_live(log, &arena, batch_id, &text, err);
    for (size_t i = 0; i < count && code == SL_OK; i++) put_entry(&text, log, &files[i]);
    if (code == SL_OK)
        code = sl_io_put_atomic(log->dir, name, sl_buf_str(&text), 0, "manifest", err);
    if (code == SL_OK) log->last = batch_id;
    if (code == SL_OK && compact) code = delete_expired(log, &arena, batch_id, err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

/* ---- reading ---- */

static enum sl_code parse_entry(const struct sl_sink_log *log, struct sl_arena *arena,
                                struct sl_str line, struct sl_sink_file *out, struct sl_err *err) {
    struct sl_json json;
    struct sl_str uri;
    int64_t bytes = -1;
    SL_TRY(sl_json_parse(arena, line, &json, err));
    struct sl_buf path = {0};
    bool ok = sl_json_str(sl_json_get(&json, SL_STR("path")), &uri) &&
              sl_uri_parse_file(uri, &path) &&
              sl_json_i64(sl_json_get(&json, SL_STR("size")), &bytes) && bytes >= 0;
    sl_json_i64(sl_json_get(&json, SL_STR("modificationTime")), &out->modified_ms);
    out->bytes = (uint64_t)bytes;
    if (ok) {
        struct sl_str absolute = sl_buf_str(&path), root = sl_str(log->table_dir);
        if (sl_str_starts(absolute, root) && absolute.len > root.len &&
            absolute.ptr[root.len] == '/')
            absolute = sl_str_sub(absolute, root.len + 1, absolute.len);
        out->path = sl_arena_str(arena, absolute);
    }
    sl_buf_release(&path);
    return ok ? SL_OK
              : sl_fail(err, SL_USER, "not an entry of a file sink log: %.*s",
                        (int)(line.len > 200 ? 200 : line.len), line.ptr);
}

enum sl_code sl_sink_log_files(struct sl_sink_log *log, struct sl_arena *arena,
                               struct sl_sink_file **files, size_t *count, struct sl_err *err) {
    struct sl_buf text = {0};
    *count = 0;
    *files = NULL;
    enum sl_code code = copy_live(log, arena, INT64_MAX, &text, err);
    struct sl_str rest = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    SL_TRY(code);
    size_t lines = 0;
    for (size_t i = 0; i < rest.len; i++) lines += rest.ptr[i] == '\n';
    *files = SL_NEW_ARRAY(arena, struct sl_sink_file, lines + 1);
    while (rest.len) {
        size_t end = sl_str_find(rest, SL_STR("\n"), 1);
        struct sl_str line = sl_str_trim(end == SIZE_MAX ? rest : sl_str_sub(rest, 0, end));
        rest = end == SIZE_MAX ? SL_STR("") : sl_str_sub(rest, end, rest.len);
        if (line.len == 0) continue;
        SL_TRY(parse_entry(log, arena, line, &(*files)[*count], err));
        (*count)++;
    }
    return SL_OK;
}
