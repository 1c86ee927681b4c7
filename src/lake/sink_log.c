/* Source: Spark FileStreamSinkLog.scala, CompactibleFileStreamLog.scala. */
#include "lake/sink_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file_sum.h"
#include "base/json.h"
#include "lake/uri.h"

enum {
    PIECE_BYTES = 1 << 18,
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

/* Takes a piece of the entries' text: lines, each with a leading newline. */
typedef enum sl_code (*take_fn)(void *ctx, struct sl_str text, struct sl_err *err);

static enum sl_code damaged(const char *path, struct sl_err *err) {
    sl_fail(err, SL_USER, "incomplete log file `%s`: it does not start with v1", path);
    sl_hint(err, "the file is damaged; restore the table's _spark_metadata from a backup");
    return SL_USER;
}

struct entry_pass {
    const char *path;
    struct sl_file_reader *reader;
    char *piece; /* PIECE_BYTES */
    struct sl_file_sum sum;
    take_fn take;
    void *ctx;
};

/* One log file behind its first line, in pieces; newlines at its end are held back, for they would
 * be empty entries. */
static enum sl_code pass_entries(struct entry_pass *pass, struct sl_err *err) {
    uint64_t size = sl_file_reader_bytes(pass->reader), at = 0;
    size_t newlines = 0;
    if (!size) return damaged(pass->path, err);
    while (at < size) {
        size_t len = size - at < PIECE_BYTES ? (size_t)(size - at) : PIECE_BYTES;
        SL_TRY(sl_file_reader_read(pass->reader, at, pass->piece, len, err));
        struct sl_str text = {pass->piece, len};
        sl_file_sum_add(&pass->sum, text);
        if (at == 0) {
            if (!sl_str_starts(text, SL_STR("v1"))) return damaged(pass->path, err);
            size_t line_end = sl_str_find(text, SL_STR("\n"), 0);
            text = sl_str_sub(text, line_end == SIZE_MAX ? len : line_end, len);
        }
        at += len;
        size_t end = text.len;
        while (end && text.ptr[end - 1] == '\n') end--;
        for (; end && newlines; newlines--) SL_TRY(pass->take(pass->ctx, SL_STR("\n"), err));
        SL_TRY(pass->take(pass->ctx, sl_str_sub(text, 0, end), err));
        newlines += text.len - end;
    }
    return SL_OK;
}

/* Hands on the entry lines of one log file as they are. */
static enum sl_code copy_entries(const struct sl_sink_log *log, struct sl_arena *arena,
                                 struct log_name name, take_fn take, void *ctx,
                                 struct sl_err *err) {
    struct entry_pass pass = {.path = log_path(log, arena, name), .take = take, .ctx = ctx};
    SL_TRY(sl_file_reader_open(pass.path, &pass.reader, err));
    pass.piece = sl_xcalloc(1, PIECE_BYTES);
    enum sl_code code = pass_entries(&pass, err);
    if (code == SL_OK) code = sl_file_sum_check(&pass.sum, pass.path, err);
    sl_file_sum_release(&pass.sum);
    free(pass.piece);
    sl_file_reader_close(pass.reader);
    return code;
}

/* Entries of all live log files up to `before` (exclusive): from the last compaction on. */
static enum sl_code copy_live(const struct sl_sink_log *log, struct sl_arena *arena, int64_t before,
                              take_fn take, void *ctx, struct sl_err *err) {
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
        SL_TRY(copy_entries(log, arena, names[i], take, ctx, err));
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

static enum sl_code put_piece(void *ctx, struct sl_str text, struct sl_err *err) {
    return sl_put_write(ctx, text, err);
}

static enum sl_code put_files(const struct sl_sink_log *log, struct sl_put *put,
                              const struct sl_sink_file *files, size_t count, struct sl_err *err) {
    struct sl_buf text = {0};
    enum sl_code code = SL_OK;
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        put_entry(&text, log, &files[i]);
        if (text.len < PIECE_BYTES && i + 1 < count) continue;
        code = sl_put_write(put, sl_buf_str(&text), err);
        sl_buf_clear(&text);
    }
    sl_buf_release(&text);
    return code;
}

static enum sl_code write_log(const struct sl_sink_log *log, struct sl_arena *arena,
                              struct log_name name, const struct sl_sink_file *files, size_t count,
                              struct sl_err *err) {
    struct sl_put *put;
    const char *base = strrchr(log_path(log, arena, name), '/') + 1;
    SL_TRY(sl_put_open(log->dir, base, SL_PUT_SUMMED, "manifest", &put, err));
    enum sl_code code = sl_put_write(put, SL_STR("v1"), err);
    if (code == SL_OK && name.compact) code = copy_live(log, arena, name.id, put_piece, put, err);
    if (code == SL_OK) code = put_files(log, put, files, count, err);
    if (code == SL_OK) return sl_put_publish(put, err);
    sl_put_abort(put);
    return code;
}

enum sl_code sl_sink_log_add(struct sl_sink_log *log, int64_t batch_id,
                             const struct sl_sink_file *files, size_t count, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "sink log");
    struct log_name name = {batch_id, is_compaction(log, batch_id)};
    enum sl_code code = sl_io_make_dirs(log->dir, err);
    if (code == SL_OK) code = write_log(log, &arena, name, files, count, err);
    if (code == SL_OK) log->last = batch_id;
    if (code == SL_OK && name.compact) code = delete_expired(log, &arena, batch_id, err);
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

static enum sl_code gather_piece(void *ctx, struct sl_str text, struct sl_err *err) {
    (void)err;
    sl_buf_put_str(ctx, text);
    return SL_OK;
}

enum sl_code sl_sink_log_files(struct sl_sink_log *log, struct sl_arena *arena,
                               struct sl_sink_file **files, size_t *count, struct sl_err *err) {
    struct sl_buf text = {0};
    *count = 0;
    *files = NULL;
    enum sl_code code = copy_live(log, arena, INT64_MAX, gather_piece, &text, err);
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
