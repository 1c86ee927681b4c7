/* Source: Spark FileStreamSourceLog.scala. */
#include "lake/source_log.h"

#include "base/json.h"
#include "lake/uri.h"

enum sl_code sl_source_log_open(struct sl_compact_log *log, char *dir, int interval,
                                struct sl_err *err) {
    SL_TRY(sl_io_remove_temporaries(dir, err));
    return sl_compact_log_open(log, dir, "file source log", "sources", interval, err);
}

struct new_files {
    const struct sl_source_file *files;
    int64_t batch_id;
};

static void put_file(const void *ctx, size_t at, struct sl_buf *out) {
    const struct new_files *new_files = ctx;
    const struct sl_source_file *file = &new_files->files[at];
    struct sl_buf uri = {0};
    sl_uri_put_file(&uri, file->path);
    sl_buf_put_cstr(out, "\n{\"path\":");
    sl_json_put_string(out, sl_buf_str(&uri));
    sl_buf_printf(out, ",\"timestamp\":%lld,\"batchId\":%lld}", (long long)file->timestamp_ms,
                  (long long)new_files->batch_id);
    sl_buf_release(&uri);
}

enum sl_code sl_source_log_add(struct sl_compact_log *log, int64_t batch_id,
                               const struct sl_source_file *files, size_t count,
                               struct sl_err *err) {
    const struct new_files new_files = {files, batch_id};
    return sl_compact_log_add(log, batch_id, &(struct sl_log_entries){count, put_file, &new_files},
                              err);
}

/* ---- reading ---- */

/* Texts of *out are in the arena. */
static enum sl_code parse_entry(struct sl_arena *arena, struct sl_str line,
                                struct sl_source_file *out, struct sl_err *err) {
    struct sl_json json;
    struct sl_str uri;
    SL_TRY(sl_json_parse(arena, line, &json, err));
    struct sl_buf path = {0};
    bool ok = sl_json_str(sl_json_get(&json, SL_STR("path")), &uri) &&
              sl_uri_parse_file(uri, &path) &&
              sl_json_i64(sl_json_get(&json, SL_STR("timestamp")), &out->timestamp_ms) &&
              sl_json_i64(sl_json_get(&json, SL_STR("batchId")), &out->batch_id);
    if (ok) out->path = sl_arena_str(arena, sl_buf_str(&path));
    sl_buf_release(&path);
    return ok ? SL_OK
              : sl_fail(err, SL_USER, "not an entry of a file source log: %.*s",
                        (int)(line.len > 200 ? 200 : line.len), line.ptr);
}

struct each {
    void (*fn)(void *ctx, const struct sl_source_file *file);
    void *ctx;
    struct sl_arena scratch;
};

static enum sl_code each_entry(void *ctx, struct sl_str line, struct sl_err *err) {
    struct each *each = ctx;
    struct sl_source_file file = {0};
    sl_arena_reset(&each->scratch);
    SL_TRY(parse_entry(&each->scratch, line, &file, err));
    each->fn(each->ctx, &file);
    return SL_OK;
}

enum sl_code sl_source_log_each(const struct sl_compact_log *log,
                                void (*fn)(void *ctx, const struct sl_source_file *file), void *ctx,
                                struct sl_err *err) {
    struct each each = {.fn = fn, .ctx = ctx};
    sl_arena_init(&each.scratch, "log entry");
    enum sl_code code = sl_compact_log_each(log, each_entry, &each, err);
    sl_arena_release(&each.scratch);
    return code;
}

struct reading {
    struct sl_arena *arena;
    int64_t from, to;
    struct sl_source_file *files;
    size_t count, cap;
};

static enum sl_code add_entry(void *ctx, struct sl_str line, struct sl_err *err) {
    struct reading *reading = ctx;
    struct sl_source_file file = {0};
    SL_TRY(parse_entry(reading->arena, line, &file, err));
    if (file.batch_id < reading->from || file.batch_id > reading->to) return SL_OK;
    if (reading->count == reading->cap) {
        size_t more = reading->cap ? reading->cap * 2 : 64;
        reading->files =
            sl_arena_grow(reading->arena, reading->files, reading->count * sizeof *reading->files,
                          more * sizeof *reading->files);
        reading->cap = more;
    }
    reading->files[reading->count++] = file;
    return SL_OK;
}

/* A batch whose own file was deleted long ago is in the newest compaction still. */
enum sl_code sl_source_log_read(const struct sl_compact_log *log, int64_t from, int64_t to,
                                struct sl_arena *arena, struct sl_source_file **files,
                                size_t *count, struct sl_err *err) {
    struct reading reading = {.arena = arena};
    bool found = true;
    enum sl_code code = SL_OK;
    for (int64_t id = from; id <= to && code == SL_OK && found; id++) {
        reading.from = reading.to = id;
        code = sl_compact_log_read(log, id, &found, add_entry, &reading, err);
    }
    if (code == SL_OK && !found && to <= log->last) {
        reading.count = 0;
        reading.from = from;
        reading.to = to;
        code = sl_compact_log_each(log, add_entry, &reading, err);
    } else if (code == SL_OK && !found) {
        sl_fail(err, SL_USER, "file source log `%s` ends at %lld, but the checkpoint is at %lld",
                log->dir, (long long)log->last, (long long)to);
        code = sl_hint(err, "restore the whole checkpoint directory from one moment");
    }
    *files = reading.files;
    *count = reading.count;
    return code;
}
