/* The vtable of file sources. */
#include "conn/file_source.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "conn/file_schema.h"
#include "kern/cast.h"

enum {
    SPLIT_BYTES_MAX = 64 << 20,
    SPLIT_BYTES_MIN = 4 << 20, /* spark.sql.files.openCostInBytes */
    /* Files of a stream below it are read by one task, from the first line on: so lines have
     * numbers. */
    STREAM_SPLIT_BYTES = 256 << 20,
};

struct reader {
    struct sl_reader base;
    const struct sl_file_source *source;
    const struct sl_file_range *range;
    const bool *wanted;
    struct sl_format_reader *rows;
    struct sl_vec *constants; /* per column of the schema; type NULL: read from the file */
    bool ended;
};

static const struct sl_source_ops source_ops;

/* ---- options ---- */

struct sl_str sl_file_source_str(const struct sl_file_source *source, const char *name) {
    return sl_options_str(source->options, source->format->options, name);
}
bool sl_file_source_bool(const struct sl_file_source *source, const char *name) {
    return sl_options_bool(source->options, source->format->options, name);
}
int64_t sl_file_source_int(const struct sl_file_source *source, const char *name) {
    return sl_options_int(source->options, source->format->options, name);
}

static enum sl_code bad_option(const struct sl_options *options, const char *name,
                               const char *wanted, struct sl_err *err) {
    const struct sl_option *option = sl_options_find(options, sl_str(name));
    struct sl_str value = option ? option->value : SL_STR("");
    return sl_fail_at(err, option ? option->span : (struct sl_span){0},
                      "STDS_INVALID_OPTION_VALUE.WITH_MESSAGE", "42616",
                      "option `%s` is `%.*s`, but must be %s", name, SL_STR_ARG(value), wanted);
}

static enum sl_code check_clean(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *clean = sl_options_find(options, SL_STR("cleanSource"));
    if (!clean || sl_str_eq_nocase(clean->value, SL_STR("off")) ||
        sl_str_eq_nocase(clean->value, SL_STR("delete")))
        return SL_OK;
    if (!sl_str_eq_nocase(clean->value, SL_STR("archive")))
        return bad_option(options, "cleanSource", "off, archive or delete", err);
    if (sl_options_find(options, SL_STR("sourceArchiveDir"))) return SL_OK;
    sl_fail_at(err, clean->span, "", "", "cleanSource archive needs the option sourceArchiveDir");
    return SL_USER;
}

static enum sl_code check_stream(const struct sl_options *options, struct sl_err *err) {
    static const char *const positive[] = {"maxFilesPerTrigger", "maxBytesPerTrigger"};
    static const char *const refused[] = {"modifiedBefore", "modifiedAfter"};
    const struct sl_option *found[2];
    for (size_t i = 0; i < 2; i++) {
        int64_t number = 1;
        const struct sl_option *option = sl_options_find(options, sl_str(refused[i]));
        if (option)
            return sl_fail_at(err, option->span, "", "",
                              "option `%s` is not allowed in file stream sources", refused[i]);
        found[i] = option = sl_options_find(options, sl_str(positive[i]));
        if (option && sl_str_to_i64(sl_str_trim(option->value), &number) && number <= 0)
            return bad_option(options, positive[i], "positive", err);
    }
    if (found[0] && found[1])
        return sl_fail_at(err, found[1]->span, "", "",
                          "options maxFilesPerTrigger and maxBytesPerTrigger cannot be both set");
    return check_clean(options, err);
}

enum sl_code sl_file_source_check(const struct sl_file_format *format,
                                  const struct sl_options *options, bool streaming,
                                  struct sl_err *err) {
    SL_TRY(sl_options_check(options, format->options, err));
    return streaming ? check_stream(options, err) : SL_OK;
}

/* A setting that is true or false; the option of the same meaning goes before it. */
static bool flag(const struct sl_file_source *source, const char *option, const char *setting) {
    const struct sl_conn_env *env = source->env;
    bool value = false;
    if (sl_options_find(source->options, sl_str(option)))
        return sl_file_source_bool(source, option);
    const char *text = sl_conn_setting(env, setting);
    return text && sl_str_to_bool(sl_str(text), &value) && value;
}

/* ---- opening ---- */

/* As Hadoop's Path: no scheme, no doubled or trailing slashes, absolute; symbolic links stay. */
static const char *absolute_path(struct sl_arena *arena, struct sl_str path) {
    struct sl_buf text = {0};
    char *cwd = NULL;
    if (sl_str_starts(path, SL_STR("file:"))) path = sl_str_sub(path, 5, path.len);
    if (!sl_str_starts(path, SL_STR("/")) && (cwd = getcwd(NULL, 0)) != NULL) {
        sl_buf_put_cstr(&text, cwd);
        sl_buf_put_byte(&text, '/');
    }
    free(cwd);
    if (sl_str_starts(path, SL_STR("./"))) path = sl_str_sub(path, 2, path.len);
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] != '/' || text.len == 0 || text.ptr[text.len - 1] != '/')
            sl_buf_put_byte(&text, (uint8_t)path.ptr[i]);
    while (text.len > 1 && text.ptr[text.len - 1] == '/') text.len--;
    char *out = sl_arena_cstr(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return out;
}

static enum sl_code parse_moment(const struct sl_file_source *source, const char *name, int64_t *ms,
                                 struct sl_err *err) {
    enum { MICROS_PER_MILLI = 1000 };
    struct sl_str text = sl_file_source_str(source, name);
    int64_t micros;
    *ms = 0;
    if (!text.len) return SL_OK;
    if (!sl_parse_timestamp(text, source->env->session->zone, &micros))
        return bad_option(source->options, name, "a timestamp such as 2025-01-15T10:00:00", err);
    *ms = micros / MICROS_PER_MILLI;
    return SL_OK;
}

static enum sl_code make_listing_options(struct sl_file_source *source,
                                         struct sl_listing_options *out, struct sl_err *err) {
    struct sl_str pattern = sl_file_source_str(source, "pathGlobFilter");
    *out = (struct sl_listing_options){
        .infer_types = true,
        .recursive = sl_file_source_bool(source, "recursiveFileLookup"),
        .name_pattern = pattern.len ? sl_arena_cstr(source->env->query, pattern) : NULL};
    SL_TRY(parse_moment(source, "modifiedAfter", &out->modified_after_ms, err));
    return parse_moment(source, "modifiedBefore", &out->modified_before_ms, err);
}

static enum sl_code make_stream(struct sl_file_source *source,
                                const struct sl_listing_options *listing, struct sl_err *err) {
    struct sl_str clean = sl_file_source_str(source, "cleanSource"),
                  archive = sl_file_source_str(source, "sourceArchiveDir");
    struct sl_file_stream_config config = {
        .path = source->path,
        .listing = *listing,
        .files_max = sl_file_source_int(source, "maxFilesPerTrigger"),
        .bytes_max = sl_file_source_int(source, "maxBytesPerTrigger"),
        .latest_first = sl_file_source_bool(source, "latestFirst"),
        .name_only = sl_file_source_bool(source, "fileNameOnly"),
        .age_max_ms = sl_file_source_int(source, "maxFileAge"),
        .log = source->env->log,
        .guard = {source->format->check_path, source},
    };
    config.listing.infer_types = false;
    if (sl_str_eq_nocase(clean, SL_STR("delete"))) config.clean = SL_CLEAN_DELETE;
    if (sl_str_eq_nocase(clean, SL_STR("archive"))) {
        config.clean = SL_CLEAN_ARCHIVE;
        config.archive_dir = absolute_path(source->env->query, archive);
        struct sl_str base = sl_str(source->path);
        bool inside = sl_str_starts(sl_str(config.archive_dir), base) &&
                      (config.archive_dir[base.len] == '/' || config.archive_dir[base.len] == 0);
        if (inside)
            return bad_option(source->options, "sourceArchiveDir",
                              "outside the directory that is read", err);
    }
    /* with the newest first, an old file is not late, but has not had its turn */
    if (config.latest_first && (config.files_max || config.bytes_max))
        config.age_max_ms = INT64_MAX;
    sl_file_stream_init(&source->stream, &config);
    return SL_OK;
}

static enum sl_code list(struct sl_file_source *source, const struct sl_listing_options *options,
                         struct sl_err *err) {
    struct sl_err local = {0};
    struct sl_listing_guard guard = {source->format->check_path, source};
    enum sl_code code = sl_file_stream_list(source->env->query, source->path, options, &guard,
                                            &source->listing, &local);
    bool missing = code != SL_OK && strcmp(local.condition, "PATH_NOT_FOUND") == 0;
    /* a table of this pipeline that nobody has written to yet is empty */
    if (missing && sl_options_find(source->options, SL_STR("sluice.schema"))) {
        source->listing = (struct sl_listing){0};
        return SL_OK;
    }
    if (code != SL_OK && err) *err = local;
    return code;
}

enum sl_code sl_file_source_open(const struct sl_file_format *format, const struct sl_conn_env *env,
                                 const struct sl_options *options, struct sl_str path,
                                 bool streaming, struct sl_source **out, struct sl_err *err) {
    SL_TRY(sl_file_source_check(format, options, streaming, err));
    struct sl_file_source *source = SL_NEW(env->query, struct sl_file_source);
    struct sl_listing_options listing;
    *source = (struct sl_file_source){.base.ops = &source_ops,
                                      .format = format,
                                      .env = env,
                                      .options = options,
                                      .streaming = streaming,
                                      .planned_start = -1};
    if (!path.len) path = sl_file_source_str(source, "path");
    if (!path.len) {
        sl_fail_at(err, (struct sl_span){0}, "", "", "%s files need a path", format->name);
        return sl_hint(err, "write %s.`/data/dir`, or path => '/data/dir'", format->name);
    }
    source->path = absolute_path(env->query, path);
    source->ignore_missing =
        flag(source, "ignoreMissingFiles", "spark.sql.files.ignoreMissingFiles");
    source->ignore_corrupt =
        flag(source, "ignoreCorruptFiles", "spark.sql.files.ignoreCorruptFiles");
    SL_TRY(make_listing_options(source, &listing, err));
    source->partitions_fixed = listing.recursive;
    SL_TRY(list(source, &listing, err));
    SL_TRY(sl_file_schema_make(source, err));
    SL_TRY(make_stream(source, &listing, err));
    source->description =
        streaming ? sl_arena_printf(env->query, "FileStreamSource[file:%s]", source->path)
                  : sl_arena_printf(env->query, "%s %s", format->name, source->path);
    SL_TRY(format->start(source, err));
    *out = &source->base;
    return SL_OK;
}

enum sl_code sl_file_source_exists(struct sl_str path, bool *exists, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_listing listing;
    struct sl_err local = {0};
    sl_arena_init(&arena, "listing");
    enum sl_code code = sl_listing_make(&arena, path, false, &listing, &local);
    *exists = code == SL_OK && listing.count > 0;
    sl_arena_release(&arena);
    if (code == SL_OK || strcmp(local.condition, "PATH_NOT_FOUND") == 0) return SL_OK;
    if (err) *err = local;
    return code;
}

static const struct sl_type *schema(const struct sl_source *base) {
    return ((const struct sl_file_source *)base)->schema;
}
static struct sl_str description(const struct sl_source *base) {
    return ((const struct sl_file_source *)base)->description;
}

static void restrict_to(struct sl_source *base, struct sl_expr *const *conditions, uint32_t count,
                        const uint32_t *columns) {
    struct sl_file_source *source = (struct sl_file_source *)base;
    source->term_count =
        sl_prune_terms(source->env->query, conditions, count, columns, &source->terms);
    if (source->format->restrict_to)
        source->format->restrict_to(source, conditions, count, columns);
}

/* ---- offsets ---- */

static enum sl_code attach(struct sl_source *base, const char *log_dir, struct sl_err *err) {
    struct sl_file_source *source = (struct sl_file_source *)base;
    const struct sl_conn_env *env = source->env;
    int64_t interval = 10;
    const char *text = sl_conn_setting(env, "spark.sql.streaming.fileSource.log.compactInterval");
    if (text && (!sl_str_to_i64(sl_str(text), &interval) || interval < 1 || interval > INT32_MAX))
        return sl_fail(err, SL_USER,
                       "spark.sql.streaming.fileSource.log.compactInterval must be positive, but "
                       "is `%s`",
                       text);
    return sl_file_stream_attach(&source->stream, sl_arena_cstr(env->query, sl_str(log_dir)),
                                 (int)interval, err);
}

static enum sl_code latest_offset(struct sl_source *base, struct sl_str start,
                                  const struct sl_batch_limits *limits, struct sl_buf *out,
                                  bool *has_new, struct sl_err *err) {
    struct sl_file_source *source = (struct sl_file_source *)base;
    int64_t from, to;
    *has_new = false;
    if (!source->streaming) return SL_OK;
    SL_TRY(sl_file_stream_parse_offset(start, &from, err));
    SL_TRY(sl_file_stream_next(&source->stream, from, limits->ignore_limits, limits->available_now,
                               &to, err));
    *has_new = to > from;
    if (to >= 0) sl_file_stream_put_offset(out, to);
    return SL_OK;
}

static void committed(struct sl_source *base, struct sl_str end) {
    struct sl_file_source *source = (struct sl_file_source *)base;
    int64_t to;
    if (source->streaming && sl_file_stream_parse_offset(end, &to, NULL) == SL_OK)
        sl_file_stream_clean(&source->stream, source->planned_start, to);
}

static void latest(const struct sl_source *base, struct sl_buf *out) {
    const struct sl_file_source *source = (const struct sl_file_source *)base;
    if (source->streaming && source->stream.source_log.last >= 0)
        sl_file_stream_put_offset(out, source->stream.source_log.last);
}

static void metrics(struct sl_source *base, struct sl_str end, struct sl_buf *out) {
    const struct sl_file_source *source = (const struct sl_file_source *)base;
    (void)end;
    if (source->streaming)
        sl_buf_printf(out, "\"numFilesOutstanding\":\"%llu\"",
                      (unsigned long long)source->stream.files_waiting);
}

/* ---- splits ---- */

struct planning {
    struct sl_file_source *source;
    struct sl_arena *epoch;
    uint64_t split_bytes;
    struct sl_split *splits;
    uint32_t count, cap;
};

static void add_range(struct planning *planning, const struct sl_file_range *range) {
    if (planning->count == planning->cap) {
        uint32_t more = planning->cap ? planning->cap * 2 : 64;
        planning->splits = sl_arena_grow(planning->epoch, planning->splits,
                                         planning->cap * sizeof *planning->splits,
                                         more * sizeof *planning->splits);
        planning->cap = more;
    }
    struct sl_file_range *copy = SL_NEW(planning->epoch, struct sl_file_range);
    *copy = *range;
    uint64_t end = range->end < range->bytes ? range->end : range->bytes;
    planning->splits[planning->count] = (struct sl_split){
        planning->count, sl_str(range->path), (int64_t)((end - range->begin) / 64) + 1, copy};
    planning->count++;
}

static enum sl_code add_file(struct planning *planning, const char *path, uint64_t bytes,
                             struct sl_err *err) {
    struct sl_file_source *source = planning->source;
    struct sl_file_range range = {.path = path, .bytes = bytes, .end = UINT64_MAX};
    bool may_match = true;
    SL_TRY(sl_file_schema_values(source, planning->epoch, &range, &may_match, err));
    if (!may_match) return SL_OK;
    bool split = source->format->can_split && bytes > planning->split_bytes &&
                 source->format->can_split(source, path);
    if (!split) return add_range(planning, &range), SL_OK;
    for (uint64_t begin = 0; begin < bytes; begin += planning->split_bytes) {
        bool last = bytes - begin <= planning->split_bytes;
        range.begin = begin;
        range.end = last ? bytes : begin + planning->split_bytes;
        add_range(planning, &range);
    }
    return SL_OK;
}

/* As Spark's FilePartition.maxSplitBytes. */
static uint64_t choose_split_bytes(uint64_t total, uint32_t tasks) {
    uint64_t share = total / (tasks ? tasks : 1);
    return share > SPLIT_BYTES_MAX   ? SPLIT_BYTES_MAX
           : share < SPLIT_BYTES_MIN ? SPLIT_BYTES_MIN
                                     : share;
}

static enum sl_code plan_batch(struct planning *planning, uint32_t tasks, struct sl_err *err) {
    const struct sl_listing *listing = &planning->source->listing;
    uint64_t total = 0;
    for (size_t i = 0; i < listing->count; i++) total += listing->files[i].bytes;
    planning->split_bytes = choose_split_bytes(total, tasks);
    for (size_t i = 0; i < listing->count; i++)
        SL_TRY(add_file(planning, listing->files[i].path, listing->files[i].bytes, err));
    return SL_OK;
}

static enum sl_code gone(const char *path, struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0}, "FAILED_READ_FILE.FILE_NOT_EXIST", "KD001",
               "the file `%s` is gone", path);
    if (err) err->sys = ENOENT, err->code = SL_DATA;
    sl_hint(err, "somebody removed it before it was read; with the option ignoreMissingFiles such "
                 "files are passed over");
    return SL_DATA;
}

static void log_skipped(const struct sl_file_source *source, const char *path, const char *why) {
    sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_IO, "file `%s` is passed over: %s", path,
                 why);
}

static enum sl_code plan_stream(struct planning *planning, struct sl_str start, struct sl_str end,
                                struct sl_err *err) {
    struct sl_file_source *source = planning->source;
    struct sl_source_file *files = NULL;
    size_t count = 0;
    int64_t from, to;
    planning->split_bytes = STREAM_SPLIT_BYTES;
    SL_TRY(sl_file_stream_parse_offset(start, &from, err));
    SL_TRY(sl_file_stream_parse_offset(end, &to, err));
    source->planned_start = from;
    SL_TRY(sl_file_stream_files(&source->stream, from, to, planning->epoch, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_file_info info;
        SL_TRY(sl_io_stat(files[i].path.ptr, &info, err));
        if (info.exists)
            SL_TRY(add_file(planning, files[i].path.ptr, info.bytes, err));
        else if (source->ignore_missing)
            log_skipped(source, files[i].path.ptr, "it is gone");
        else
            return gone(files[i].path.ptr, err);
    }
    return SL_OK;
}

static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    struct planning planning = {.source = (struct sl_file_source *)base, .epoch = epoch};
    SL_TRY(planning.source->streaming ? plan_stream(&planning, start, end, err)
                                      : plan_batch(&planning, tasks, err));
    *splits = planning.splits;
    *count = planning.count;
    return SL_OK;
}

static void close_source(struct sl_source *base) {
    sl_file_stream_release(&((struct sl_file_source *)base)->stream);
}

/* ---- reading ---- */

static void close_reader(struct sl_reader *base) {
    struct reader *reader = (struct reader *)base;
    if (!reader) return;
    reader->source->format->close(reader->rows);
    for (uint32_t c = 0; reader->constants && c < reader->source->schema->field_count; c++)
        sl_vec_release(&reader->constants[c]);
    free(reader->constants);
    free(reader);
}

/* Bytes that are not what they should be, for which an error of ours has no errno: a disk that does
 * not answer, a missing right or too many open files say nothing of the file. Nor does a record
 * that FAILFAST wants to end the query. */
static bool is_damage(enum sl_code code, const struct sl_err *err) {
    return (code == SL_DATA || code == SL_IO) && !err->retriable && err->sys == 0 &&
           !sl_str_starts(sl_str(err->condition), SL_STR("MALFORMED_RECORD_IN_PARSING"));
}

/* Passed over, or an error that names the file and says what may be done. */
static enum sl_code read_failed(struct reader *reader, enum sl_code code, struct sl_err *local,
                                struct sl_err *err) {
    const struct sl_file_source *source = reader->source;
    const char *path = reader->range->path;
    bool missing = code == SL_IO && local->sys == ENOENT;
    reader->ended = true;
    if ((missing && source->ignore_missing) || (source->ignore_corrupt && is_damage(code, local)))
        return log_skipped(source, path, missing ? "it is gone" : local->msg), SL_OK;
    if (missing) return gone(path, err);
    if (!err) return code;
    *err = *local;
    if (code != SL_DATA && code != SL_IO) return code;
    if (!err->condition[0]) {
        snprintf(err->condition, sizeof err->condition, "FAILED_READ_FILE.NO_HINT");
        snprintf(err->sqlstate, sizeof err->sqlstate, "KD001");
    }
    return sl_context(err, "file `%s`", path), code;
}

static enum sl_code reader_open(struct sl_source *base, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    const struct sl_file_source *source = (struct sl_file_source *)base;
    struct reader *reader = sl_xcalloc(1, sizeof *reader);
    struct sl_err local = {0};
    *reader = (struct reader){
        .base.ops = &source_ops, .source = source, .range = split->detail, .wanted = wanted};
    reader->constants = sl_xcalloc(source->schema->field_count + 1, sizeof *reader->constants);
    enum sl_code code = sl_file_schema_constants(source, reader->range, reader->constants, err);
    if (code == SL_OK) {
        code = source->format->open(source, reader->range, wanted, &reader->rows, &local);
        if (code != SL_OK) code = read_failed(reader, code, &local, err);
    }
    if (code != SL_OK)
        close_reader(&reader->base);
    else
        *out = &reader->base;
    return code;
}

static enum sl_code reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err) {
    struct reader *reader = (struct reader *)base;
    struct sl_err local = {0};
    if (reader->ended) return SL_OK;
    enum sl_code code = reader->source->format->next(reader->rows, rows_max, batch, &local);
    if (code != SL_OK) {
        batch->rows = batch->selected_rows = 0;
        batch->selected = NULL;
        return read_failed(reader, code, &local, err);
    }
    for (uint32_t c = 0; c < batch->schema->field_count && batch->rows; c++) {
        if (!reader->constants[c].type || !reader->wanted[c]) continue;
        sl_vec_borrow(&batch->columns[c], &reader->constants[c]);
        batch->columns[c].rows = batch->rows;
    }
    return SL_OK;
}

static int record_column(const struct sl_source *base) {
    const struct sl_file_source *source = (const struct sl_file_source *)base;
    return source->format->holds_record && source->data_count == 1 ? 0 : -1;
}

static const struct sl_source_ops source_ops = {
    .name = "file",
    .schema = schema,
    .description = description,
    .latest_offset = latest_offset,
    .plan = plan,
    .restrict_to = restrict_to,
    .reader_open = reader_open,
    .reader_next = reader_next,
    .reader_close = close_reader,
    .committed = committed,
    .metrics = metrics,
    .latest = latest,
    .close = close_source,
    .attach = attach,
    .record_column = record_column,
};
