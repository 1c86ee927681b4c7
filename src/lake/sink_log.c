/* Source: Spark FileStreamSinkLog.scala. */
#include "lake/sink_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "lake/compact_log.h"
#include "lake/uri.h"

enum { BLOCK_BYTES = 33554432 }; /* what Hadoop's local file system reports */

struct sl_sink_log {
    char *table_dir;           /* absolute */
    struct sl_compact_log log; /* table_dir/_spark_metadata */
};

enum sl_code sl_sink_log_open(struct sl_arena *query, const char *table_dir, int compact_interval,
                              struct sl_sink_log **out, struct sl_err *err) {
    struct sl_sink_log *log = *out = SL_NEW(query, struct sl_sink_log);
    char *absolute = realpath(table_dir, NULL);
    if (!absolute) return sl_fail_sys(err, errno, "could not find table directory `%s`", table_dir);
    log->table_dir = sl_arena_cstr(query, sl_str(absolute));
    free(absolute);
    return sl_compact_log_open(&log->log, sl_path_join(query, log->table_dir, "_spark_metadata"),
                               "table log", "manifest", compact_interval, err);
}

int64_t sl_sink_log_last(const struct sl_sink_log *log) { return log->log.last; }
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

enum sl_code sl_sink_log_check(const struct sl_sink_log *log, struct sl_err *err) {
    bool has = true;
    if (log->log.last >= 0) SL_TRY(sl_compact_log_has(&log->log, log->log.last, &has, err));
    if (has) return SL_OK;
    sl_fail(err, SL_DATA, "batch %lld of table `%s` was committed, but is gone from its log",
            (long long)log->log.last, log->table_dir);
    return sl_hint(err, "somebody removed the table or files of its _spark_metadata; restore table "
                        "and checkpoint from the same moment"),
           SL_DATA;
}

struct new_files {
    const struct sl_sink_log *log;
    const struct sl_sink_file *files;
};

static void put_file(const void *ctx, size_t at, struct sl_buf *out) {
    const struct new_files *new_files = ctx;
    put_entry(out, new_files->log, &new_files->files[at]);
}

enum sl_code sl_sink_log_add(struct sl_sink_log *log, int64_t batch_id,
                             const struct sl_sink_file *files, size_t count, struct sl_err *err) {
    const struct new_files new_files = {log, files};
    return sl_compact_log_add(&log->log, batch_id,
                              &(struct sl_log_entries){count, put_file, &new_files}, err);
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

struct reading {
    const struct sl_sink_log *log;
    struct sl_arena *arena;
    struct sl_sink_file *files;
    size_t count, cap;
};

static enum sl_code add_entry(void *ctx, struct sl_str line, struct sl_err *err) {
    struct reading *reading = ctx;
    if (reading->count == reading->cap) {
        size_t more = reading->cap ? reading->cap * 2 : 64;
        reading->files =
            sl_arena_grow(reading->arena, reading->files, reading->count * sizeof *reading->files,
                          more * sizeof *reading->files);
        reading->cap = more;
    }
    reading->files[reading->count] = (struct sl_sink_file){0};
    return parse_entry(reading->log, reading->arena, line, &reading->files[reading->count++], err);
}

enum sl_code sl_sink_log_files(struct sl_sink_log *log, struct sl_arena *arena,
                               struct sl_sink_file **files, size_t *count, struct sl_err *err) {
    struct reading reading = {.log = log, .arena = arena};
    enum sl_code code = sl_compact_log_each(&log->log, add_entry, &reading, err);
    *files = reading.files;
    *count = code == SL_OK ? reading.count : 0;
    return code;
}

/* A compaction names the batch's own files behind all others. */
static enum sl_code keep_line(void *ctx, struct sl_str line, struct sl_err *err) {
    (void)err;
    sl_buf_clear(ctx);
    sl_buf_put_str(ctx, line);
    return SL_OK;
}

enum sl_code sl_sink_log_last_file(struct sl_sink_log *log, int64_t batch_id,
                                   struct sl_arena *arena, struct sl_sink_file *out,
                                   struct sl_err *err) {
    struct sl_buf line = {0};
    bool found;
    *out = (struct sl_sink_file){0};
    enum sl_code code = sl_compact_log_read(&log->log, batch_id, &found, keep_line, &line, err);
    if (code == SL_OK && line.len) code = parse_entry(log, arena, sl_buf_str(&line), out, err);
    sl_buf_release(&line);
    return code;
}

enum sl_code sl_sink_log_compaction(struct sl_sink_log *log, struct sl_arena *arena,
                                    int64_t *batch_id, struct sl_sink_file **files, size_t *count,
                                    struct sl_err *err) {
    struct reading reading = {.log = log, .arena = arena};
    bool found;
    *files = NULL;
    *count = 0;
    SL_TRY(sl_compact_log_newest(&log->log, batch_id, err));
    if (*batch_id < 0) return SL_OK;
    SL_TRY(sl_compact_log_read(&log->log, *batch_id, &found, add_entry, &reading, err));
    *files = reading.files;
    *count = reading.count;
    return SL_OK;
}

enum sl_code sl_sink_log_replace(struct sl_sink_log *log, int64_t batch_id,
                                 const struct sl_sink_file *files, size_t count,
                                 struct sl_err *err) {
    const struct new_files new_files = {log, files};
    return sl_compact_log_replace(&log->log, batch_id,
                                  &(struct sl_log_entries){count, put_file, &new_files}, err);
}
