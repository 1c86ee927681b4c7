/* Source: Spark FileStreamSource.scala. */
#include "conn/file_stream.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"

/* Listing takes at most this part of the time. */
enum { LISTING_SHARE = 10, LISTING_PAUSE_MS_MAX = 1000, LISTING_TRIES = 5 };

void sl_file_stream_init(struct sl_file_stream *stream,
                         const struct sl_file_stream_config *config) {
    *stream = (struct sl_file_stream){.config = *config};
    stream->source_log.last = -1;
    stream->seen.age_max_ms = config->age_max_ms;
    stream->seen.name_only = config->name_only;
    sl_arena_init(&stream->pinned, "file stream");
}

void sl_file_stream_release(struct sl_file_stream *stream) {
    sl_seen_files_release(&stream->seen);
    sl_arena_release(&stream->pinned);
}

static void remember(void *ctx, const struct sl_source_file *file) {
    sl_seen_files_add(ctx, file->path, file->timestamp_ms);
}

enum sl_code sl_file_stream_attach(struct sl_file_stream *stream, char *log_dir,
                                   int compact_interval, struct sl_err *err) {
    SL_TRY(sl_source_log_open(&stream->source_log, log_dir, compact_interval, err));
    SL_TRY(sl_source_log_each(&stream->source_log, remember, &stream->seen, err));
    sl_seen_files_purge(&stream->seen);
    stream->attached = true;
    return SL_OK;
}

enum sl_code sl_file_stream_parse_offset(struct sl_str text, int64_t *offset, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_json json;
    *offset = -1;
    if (sl_str_trim(text).len == 0 || sl_str_to_i64(sl_str_trim(text), offset)) return SL_OK;
    sl_arena_init(&arena, "offset");
    bool ok = sl_json_parse(&arena, text, &json, NULL) == SL_OK &&
              sl_json_i64(sl_json_get(&json, SL_STR("logOffset")), offset);
    sl_arena_release(&arena);
    if (ok) return SL_OK;
    sl_fail(err, SL_USER, "`%.*s` is not an offset of a file stream",
            (int)(text.len > 100 ? 100 : text.len), text.ptr);
    return sl_hint(err, "the checkpoint belongs to a query with another source");
}

void sl_file_stream_put_offset(struct sl_buf *out, int64_t offset) {
    sl_buf_printf(out, "{\"logOffset\":%lld}", (long long)offset);
}

/* ---- which files come next ---- */

static int by_time(const void *a, const void *b) {
    const struct sl_listed_file *x = *(const struct sl_listed_file *const *)a,
                                *y = *(const struct sl_listed_file *const *)b;
    if (x->modified_ms != y->modified_ms) return x->modified_ms < y->modified_ms ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int by_time_latest_first(const void *a, const void *b) {
    const struct sl_listed_file *x = *(const struct sl_listed_file *const *)a,
                                *y = *(const struct sl_listed_file *const *)b;
    if (x->modified_ms != y->modified_ms) return x->modified_ms > y->modified_ms ? -1 : 1;
    return strcmp(x->path, y->path);
}

enum sl_code sl_file_stream_list(struct sl_arena *arena, const char *path,
                                 const struct sl_listing_options *options,
                                 const struct sl_listing_guard *guard, struct sl_listing *out,
                                 struct sl_err *err) {
    if (!guard->check) return sl_listing_make_with(arena, sl_str(path), options, out, err);
    for (int i = 0; i < LISTING_TRIES; i++) {
        int64_t before, after;
        SL_TRY(guard->check(guard->source, &before, err));
        SL_TRY(sl_listing_make_with(arena, sl_str(path), options, out, err));
        SL_TRY(guard->check(guard->source, &after, err));
        if (before == after) return SL_OK;
    }
    sl_fail(err, SL_CONFLICT, "the files of `%s` are exchanged again and again", path);
    return sl_hint(err, "wait until the compactions of the directory are done"), SL_CONFLICT;
}

/* A directory that is not there (yet, or any more) has no files. */
static enum sl_code list_files(const struct sl_file_stream *stream, struct sl_arena *arena,
                               struct sl_listing *out, struct sl_err *err) {
    struct sl_err local = {0};
    enum sl_code code = sl_file_stream_list(arena, stream->config.path, &stream->config.listing,
                                            &stream->config.guard, out, &local);
    if (code != SL_OK && strcmp(local.condition, "PATH_NOT_FOUND") == 0) {
        *out = (struct sl_listing){0};
        return SL_OK;
    }
    if (code != SL_OK && err) *err = local;
    return code;
}

static enum sl_code refuse_clean(const struct sl_file_stream *stream, struct sl_arena *arena,
                                 struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(sl_path_join(arena, stream->config.path, "_spark_metadata"), &info, err));
    if (!info.is_dir) return SL_OK;
    sl_fail(err, SL_USER,
            "cleanSource is not supported for `%s`: it is the output of a streaming query, whose "
            "_spark_metadata would name files that are gone",
            stream->config.path);
    return sl_hint(err, "remove the option cleanSource");
}

/* New files in the order in which they are read. */
static enum sl_code find_new(struct sl_file_stream *stream, bool available_now,
                             struct sl_arena *arena, const struct sl_listed_file ***out,
                             size_t *count, struct sl_err *err) {
    struct sl_listing listing, *found = &listing;
    if (stream->config.clean != SL_CLEAN_OFF) SL_TRY(refuse_clean(stream, arena, err));
    if (!available_now) {
        SL_TRY(list_files(stream, arena, &listing, err));
    } else {
        found = &stream->pinned_files;
        if (!stream->is_pinned) SL_TRY(list_files(stream, &stream->pinned, found, err));
        stream->is_pinned = true;
    }
    *out = SL_NEW_ARRAY(arena, const struct sl_listed_file *, found->count + 1);
    *count = 0;
    for (size_t i = 0; i < found->count; i++)
        if (sl_seen_files_is_new(&stream->seen, sl_str(found->files[i].path),
                                 found->files[i].modified_ms))
            (*out)[(*count)++] = &found->files[i];
    qsort(*out, *count, sizeof **out, stream->config.latest_first ? by_time_latest_first : by_time);
    return SL_OK;
}

/* How many of them one batch may have: always one. */
static size_t count_in_limits(const struct sl_file_stream_config *config,
                              const struct sl_listed_file **files, size_t count) {
    if (config->files_max && count > (size_t)config->files_max) count = (size_t)config->files_max;
    uint64_t bytes = 0;
    for (size_t i = 0; config->bytes_max && i < count; i++) {
        bytes += files[i]->bytes;
        if (i > 0 && bytes > (uint64_t)config->bytes_max) return i;
    }
    return count;
}

static enum sl_code log_files(struct sl_file_stream *stream, struct sl_arena *arena,
                              const struct sl_listed_file **listed, size_t count,
                              struct sl_err *err) {
    struct sl_source_file *files = SL_NEW_ARRAY(arena, struct sl_source_file, count + 1);
    int64_t batch_id = stream->source_log.last + 1;
    for (size_t i = 0; i < count; i++)
        files[i] =
            (struct sl_source_file){sl_str(listed[i]->path), listed[i]->modified_ms, batch_id};
    enum sl_code code = sl_source_log_add(&stream->source_log, batch_id, files, count, err);
    if (code == SL_CONFLICT)
        return sl_hint(err, "another query uses the same checkpoint; give each its own"), code;
    SL_TRY(code);
    for (size_t i = 0; i < count; i++) remember(&stream->seen, &files[i]);
    sl_seen_files_purge(&stream->seen);
    stream->files_seen += count;
    return SL_OK;
}

static enum sl_code take_next(struct sl_file_stream *stream, bool ignore_limits, bool available_now,
                              struct sl_arena *arena, struct sl_err *err) {
    const struct sl_listed_file **files;
    size_t count;
    SL_TRY(find_new(stream, available_now, arena, &files, &count, err));
    size_t taken = ignore_limits ? count : count_in_limits(&stream->config, files, count);
    stream->files_waiting = count - taken;
    return taken ? log_files(stream, arena, files, taken, err) : SL_OK;
}

static void pause_listing(struct sl_file_stream *stream, int64_t began_ns) {
    int64_t now = sl_clock_mono_ns(), pause = LISTING_SHARE * (now - began_ns);
    if (pause > LISTING_PAUSE_MS_MAX * INT64_C(1000000))
        pause = LISTING_PAUSE_MS_MAX * INT64_C(1000000);
    stream->next_listing_ns = now + pause;
}

enum sl_code sl_file_stream_files(const struct sl_file_stream *stream, int64_t start, int64_t end,
                                  struct sl_arena *arena, struct sl_source_file **files,
                                  size_t *count, struct sl_err *err) {
    return sl_source_log_read(&stream->source_log, start + 1, end, arena, files, count, err);
}

/* ---- cleanSource ---- */

static enum sl_code clean_file(const struct sl_file_stream *stream, struct sl_arena *arena,
                               const struct sl_source_file *file, struct sl_err *err) {
    if (stream->config.clean == SL_CLEAN_DELETE) return sl_io_unlink(file->path.ptr, err);
    struct sl_file_info info;
    SL_TRY(sl_io_stat(file->path.ptr, &info, err));
    if (!info.exists) return SL_OK;
    char *to = sl_arena_cstr(arena, sl_arena_printf(arena, "%s%.*s", stream->config.archive_dir,
                                                    SL_STR_ARG(file->path)));
    char *dir = sl_arena_cstr(arena, sl_str(to));
    *strrchr(dir, '/') = 0;
    SL_TRY(sl_io_make_dirs(dir, err));
    return sl_io_rename(file->path.ptr, to, err);
}

/* A file that came under the name of one that is gone has not been read. */
static bool is_as_logged(const struct sl_source_file *file) {
    struct sl_file_info info;
    return sl_io_stat(file->path.ptr, &info, NULL) == SL_OK && info.exists &&
           info.modified_ms == file->timestamp_ms;
}

static void clean(struct sl_file_stream *stream, int64_t start, int64_t end, bool again) {
    struct sl_arena arena;
    struct sl_source_file *files = NULL;
    size_t count = 0;
    struct sl_err err = {0};
    if (stream->config.clean == SL_CLEAN_OFF) return;
    sl_arena_init(&arena, "clean");
    enum sl_code code = sl_file_stream_files(stream, start, end, &arena, &files, &count, &err);
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        if (again && !is_as_logged(&files[i])) continue;
        code = clean_file(stream, &arena, &files[i], &err);
        if (code == SL_OK) continue;
        sl_log_event(stream->config.log, SL_LOG_WARN, SL_CAT_IO,
                     "file `%.*s` was read, but could not be cleaned up: %s",
                     SL_STR_ARG(files[i].path), err.msg);
        code = SL_OK;
    }
    if (code != SL_OK)
        sl_log_event(stream->config.log, SL_LOG_WARN, SL_CAT_IO, "cleanSource: %s", err.msg);
    sl_arena_release(&arena);
}

void sl_file_stream_clean(struct sl_file_stream *stream, int64_t start, int64_t end) {
    clean(stream, start, end, false);
}

/* The process may have ended between the commit of a batch and the cleaning of its files. */
static enum sl_code clean_again(struct sl_file_stream *stream, int64_t committed,
                                struct sl_err *err) {
    struct sl_arena arena;
    if (stream->cleaned_again || stream->config.clean == SL_CLEAN_OFF) return SL_OK;
    sl_arena_init(&arena, "path");
    enum sl_code code = refuse_clean(stream, &arena, err);
    sl_arena_release(&arena);
    SL_TRY(code);
    if (committed >= 0) clean(stream, committed - 1, committed, true);
    stream->cleaned_again = true;
    return SL_OK;
}

/* ---- the next batch ---- */

enum sl_code sl_file_stream_next(struct sl_file_stream *stream, int64_t start, bool ignore_limits,
                                 bool available_now, int64_t *end, struct sl_err *err) {
    struct sl_arena arena;
    if (start > stream->source_log.last) {
        sl_fail(err, SL_USER,
                "the checkpoint is at file log offset %lld, but its log `%s` ends at %lld",
                (long long)start, stream->source_log.dir, (long long)stream->source_log.last);
        return sl_hint(err, "restore the whole checkpoint directory from one moment");
    }
    SL_TRY(clean_again(stream, start, err));
    /* logged, but the process ended before the batch was planned: they are a batch of their own */
    *end = stream->source_log.last;
    if (*end > start) return SL_OK;
    int64_t now = sl_clock_mono_ns();
    if (!available_now && now < stream->next_listing_ns) return SL_OK;
    sl_arena_init(&arena, "listing");
    enum sl_code code = take_next(stream, ignore_limits, available_now, &arena, err);
    sl_arena_release(&arena);
    *end = stream->source_log.last;
    if (*end == start && stream->files_waiting == 0) pause_listing(stream, now);
    return code;
}
