/* Source: Spark CompactibleFileStreamLog.scala. */
#include "lake/compact_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file_sum.h"

enum {
    PIECE_BYTES = 1 << 18,
    RETAIN_BATCHES = 100,          /* spark.sql.streaming.minBatchesToRetain */
    CLEANUP_DELAY_MS = 10 * 60000, /* spark.sql.streaming.file*.log.cleanupDelay */
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

static enum sl_code list(const struct sl_compact_log *log, struct sl_arena *arena,
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

enum sl_code sl_compact_log_open(struct sl_compact_log *log, char *dir, const char *what,
                                 const char *point, int interval, struct sl_err *err) {
    struct sl_arena arena;
    struct log_name *names;
    size_t count;
    *log = (struct sl_compact_log){
        .dir = dir, .what = what, .point = point, .last = -1, .interval = interval};
    sl_arena_init(&arena, "log");
    enum sl_code code = list(log, &arena, &names, &count, err);
    if (code == SL_OK) {
        log->last = count ? names[count - 1].id : -1;
        log->interval = infer_interval(names, count, interval);
    }
    sl_arena_release(&arena);
    return code;
}

static bool is_compaction(const struct sl_compact_log *log, int64_t batch_id) {
    return (batch_id + 1) % log->interval == 0;
}

static const char *log_path(const struct sl_compact_log *log, struct sl_arena *arena,
                            struct log_name name) {
    return sl_arena_printf(arena, "%s/%lld%s", log->dir, (long long)name.id,
                           name.compact ? ".compact" : "")
        .ptr;
}

/* Takes a piece of the entries' text: lines, each with a leading newline. */
typedef enum sl_code (*take_fn)(void *ctx, struct sl_str text, struct sl_err *err);

static enum sl_code damaged(const char *path, struct sl_err *err) {
    sl_fail(err, SL_USER, "incomplete log file `%s`: it does not start with v1", path);
    sl_hint(err, "the file is damaged; restore its directory from a backup");
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
static enum sl_code copy_entries(const struct sl_compact_log *log, struct sl_arena *arena,
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
static enum sl_code copy_live(const struct sl_compact_log *log, struct sl_arena *arena,
                              int64_t before, take_fn take, void *ctx, struct sl_err *err) {
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
            "%s `%s` begins at batch %lld without a compaction: earlier batches are gone",
            log->what, log->dir, (long long)wanted);
    for (size_t i = first; i < count; i++) {
        if (i + 1 < count && names[i + 1].id == names[i].id) continue; /* its .compact follows */
        if (names[i].id != wanted)
            return sl_fail(err, SL_USER, "%s `%s`: batch %lld is missing", log->what, log->dir,
                           (long long)wanted);
        SL_TRY(copy_entries(log, arena, names[i], take, ctx, err));
        wanted++;
    }
    return SL_OK;
}

static enum sl_code delete_expired(const struct sl_compact_log *log, struct sl_arena *arena,
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

enum sl_code sl_compact_log_has(const struct sl_compact_log *log, int64_t batch_id, bool *has,
                                struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_info plain = {0}, compact = {0};
    sl_arena_init(&arena, "log");
    struct log_name name = {batch_id, false}, compacted = {batch_id, true};
    enum sl_code code = sl_io_stat(log_path(log, &arena, name), &plain, err);
    if (code == SL_OK) code = sl_io_stat(log_path(log, &arena, compacted), &compact, err);
    sl_arena_release(&arena);
    *has = plain.exists || compact.exists;
    return code;
}

static enum sl_code put_piece(void *ctx, struct sl_str text, struct sl_err *err) {
    return sl_put_write(ctx, text, err);
}

static enum sl_code write_entries(const struct sl_log_entries *entries, struct sl_put *put,
                                  struct sl_err *err) {
    struct sl_buf text = {0};
    enum sl_code code = SL_OK;
    for (size_t i = 0; i < entries->count && code == SL_OK; i++) {
        entries->put(entries->ctx, i, &text);
        if (text.len < PIECE_BYTES && i + 1 < entries->count) continue;
        code = sl_put_write(put, sl_buf_str(&text), err);
        sl_buf_clear(&text);
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_compact_log_add(struct sl_compact_log *log, int64_t batch_id,
                                const struct sl_log_entries *entries, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_put *put = NULL;
    sl_arena_init(&arena, "log");
    struct log_name name = {batch_id, is_compaction(log, batch_id)};
    const char *base = strrchr(log_path(log, &arena, name), '/') + 1;
    enum sl_code code = sl_io_make_dirs(log->dir, err);
    if (code == SL_OK) code = sl_put_open(log->dir, base, SL_PUT_SUMMED, log->point, &put, err);
    if (code == SL_OK) {
        code = sl_put_write(put, SL_STR("v1"), err);
        if (code == SL_OK && name.compact)
            code = copy_live(log, &arena, name.id, put_piece, put, err);
        if (code == SL_OK) code = write_entries(entries, put, err);
        if (code == SL_OK)
            code = sl_put_publish(put, err);
        else
            sl_put_abort(put);
    }
    if (code == SL_OK) log->last = batch_id;
    if (code == SL_OK && name.compact) code = delete_expired(log, &arena, batch_id, err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_compact_log_newest(const struct sl_compact_log *log, int64_t *batch_id,
                                   struct sl_err *err) {
    struct sl_arena arena;
    struct log_name *names;
    size_t count;
    sl_arena_init(&arena, "log");
    enum sl_code code = list(log, &arena, &names, &count, err);
    while (count && !names[count - 1].compact) count--;
    *batch_id = count ? names[count - 1].id : -1;
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_compact_log_replace(const struct sl_compact_log *log, int64_t batch_id,
                                    const struct sl_log_entries *entries, struct sl_err *err) {
    struct sl_put *put;
    char name[40];
    snprintf(name, sizeof name, "%lld.compact", (long long)batch_id);
    SL_TRY(sl_put_open(log->dir, name, SL_PUT_SUMMED | SL_PUT_REPLACE, log->point, &put, err));
    enum sl_code code = sl_put_write(put, SL_STR("v1"), err);
    if (code == SL_OK) code = write_entries(entries, put, err);
    if (code == SL_OK) return sl_put_publish(put, err);
    sl_put_abort(put);
    return code;
}

/* ---- reading entry by entry ---- */

struct line_cutter {
    struct sl_buf rest; /* a line whose end has not come yet */
    sl_log_entry_fn fn;
    void *ctx;
};

static enum sl_code take_line(struct line_cutter *cutter, struct sl_str line, struct sl_err *err) {
    line = sl_str_trim(line);
    return line.len ? cutter->fn(cutter->ctx, line, err) : SL_OK;
}

static enum sl_code cut_lines(void *ctx, struct sl_str text, struct sl_err *err) {
    struct line_cutter *cutter = ctx;
    for (size_t end; (end = sl_str_find(text, SL_STR("\n"), 0)) != SIZE_MAX;) {
        struct sl_str line = sl_str_sub(text, 0, end);
        if (cutter->rest.len) {
            sl_buf_put_str(&cutter->rest, line);
            line = sl_buf_str(&cutter->rest);
        }
        SL_TRY(take_line(cutter, line, err));
        sl_buf_clear(&cutter->rest);
        text = sl_str_sub(text, end + 1, text.len);
    }
    sl_buf_put_str(&cutter->rest, text);
    return SL_OK;
}

enum sl_code sl_compact_log_each(const struct sl_compact_log *log, sl_log_entry_fn fn, void *ctx,
                                 struct sl_err *err) {
    struct sl_arena arena;
    struct line_cutter cutter = {.fn = fn, .ctx = ctx};
    sl_arena_init(&arena, "log");
    enum sl_code code = copy_live(log, &arena, INT64_MAX, cut_lines, &cutter, err);
    if (code == SL_OK) code = take_line(&cutter, sl_buf_str(&cutter.rest), err);
    sl_buf_release(&cutter.rest);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_compact_log_read(const struct sl_compact_log *log, int64_t batch_id, bool *found,
                                 sl_log_entry_fn fn, void *ctx, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_info info = {0};
    struct line_cutter cutter = {.fn = fn, .ctx = ctx};
    struct log_name name = {batch_id, true};
    sl_arena_init(&arena, "log");
    enum sl_code code = sl_io_stat(log_path(log, &arena, name), &info, err);
    if (code == SL_OK && !info.exists) {
        name.compact = false;
        code = sl_io_stat(log_path(log, &arena, name), &info, err);
    }
    *found = code == SL_OK && info.exists;
    if (*found) code = copy_entries(log, &arena, name, cut_lines, &cutter, err);
    if (*found && code == SL_OK) code = take_line(&cutter, sl_buf_str(&cutter.rest), err);
    sl_buf_release(&cutter.rest);
    sl_arena_release(&arena);
    return code;
}
