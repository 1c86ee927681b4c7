/* Source: Spark DeltaSource.scala. Where a batch ends is decided by admission: files count, places
 * between versions do not. */
#include "conn/delta/delta_stream.h"

#include <stdlib.h>

#include "base/clock.h"
#include "conn/delta/delta_changes.h"
#include "conn/delta/delta_read.h"
#include "conn/delta/delta_start.h"
#include "conn/options.h"
#include "expr/program.h"
#include "kern/cast.h"
#include "lake/delta/delta_error.h"

struct stream {
    struct sl_delta_read read;
    struct sl_delta_changes changes;
    int64_t files_max, bytes_max;
    struct sl_str starting_version, starting_timestamp; /* ptr NULL: not given */
    const char *log_dir;                                /* in the checkpoint; NULL: has none */
    struct sl_delta_start start;                        /* of the query, once has_start */
    bool has_start;
    struct sl_delta_offset bound; /* end of an available-now run */
    bool is_bounded;
    struct sl_expr *excluded; /* path rlike excludeRegex; NULL: none */
};

static const struct sl_source_ops stream_ops;

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/delta/delta_stream_options.def"
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {"the stream of a Delta table", option_rows,
                                                    sizeof option_rows / sizeof *option_rows,
                                                    free_prefixes};

/* ---- options ---- */

static enum sl_code illegal(const struct sl_option *option, const char *explain,
                            struct sl_err *err) {
    return sl_fail_at(err, option->span, "DELTA_ILLEGAL_OPTION", "42616",
                      "invalid value '%.*s' for option '%.*s', %s", SL_STR_ARG(option->value),
                      SL_STR_ARG(option->name), explain);
}

static enum sl_code check_limits(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *files = sl_options_find(options, SL_STR("maxFilesPerTrigger")),
                           *bytes = sl_options_find(options, SL_STR("maxBytesPerTrigger"));
    if (files && sl_options_int(options, &option_table, "maxFilesPerTrigger") < 1)
        return illegal(files, "must be a positive integer", err);
    if (bytes && sl_options_int(options, &option_table, "maxBytesPerTrigger") < 1)
        return illegal(bytes, "must be a size configuration such as '10g'", err);
    return SL_OK;
}

static enum sl_code check_time_travel(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *option = sl_options_find(options, SL_STR("versionAsOf"));
    if (!option) option = sl_options_find(options, SL_STR("timestampAsOf"));
    if (!option) return SL_OK;
    sl_fail_at(err, option->span, "DELTA_UNSUPPORTED_TIME_TRAVEL_VIEWS", "0AKDC",
               "a stream cannot be read as of a version or a moment");
    return sl_hint(err, "startingVersion and startingTimestamp say where a stream begins"), SL_USER;
}

enum sl_code sl_delta_stream_check(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *version = sl_options_find(options, SL_STR("startingVersion")),
                           *moment = sl_options_find(options, SL_STR("startingTimestamp"));
    int64_t number;
    SL_TRY(check_time_travel(options, err));
    SL_TRY(sl_options_check(options, &option_table, err));
    SL_TRY(check_limits(options, err));
    if (version && moment)
        return sl_fail_at(err, moment->span, "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET",
                          "42613", "give either startingVersion or startingTimestamp, not both");
    if (version && !sl_str_eq(version->value, SL_STR("latest")) &&
        (!sl_str_to_i64(version->value, &number) || number < 0))
        return illegal(version, "must be greater than or equal to zero", err);
    return SL_OK;
}

static enum sl_code read_exclusion(struct stream *stream, const struct sl_option *option,
                                   struct sl_err *err) {
    struct sl_expr_ctx ctx = {stream->read.env->query, stream->read.env->session};
    struct sl_expr *args[] = {sl_expr_column(&ctx, 0, &sl_type_string, false),
                              sl_expr_literal_str(&ctx, option->value)};
    struct sl_program *program = NULL;
    enum sl_code code =
        sl_expr_call(&ctx, SL_STR("rlike"), args, 2, option->span, &stream->excluded, err);
    if (code == SL_OK) code = sl_program_new(&stream->excluded, 1, &program, err);
    sl_program_free(program);
    if (code == SL_OK) return SL_OK;
    return sl_fail_at(err, option->span, "DELTA_REGEX_OPT_SYNTAX_ERROR", "2201B",
                      "please recheck your syntax for 'excludeRegex': `%.*s` is not a regular "
                      "expression",
                      SL_STR_ARG(option->value));
}

static struct sl_str given(const struct sl_options *options, const char *name) {
    const struct sl_option *option = sl_options_find(options, sl_str(name));
    return option ? option->value : (struct sl_str){0};
}

static enum sl_code read_options(struct stream *stream, const struct sl_options *options,
                                 struct sl_err *err) {
    struct sl_delta_changes *changes = &stream->changes;
    bool ignore_files = sl_options_bool(options, &option_table, "ignoreFileDeletion");
    const struct sl_option *exclusion = sl_options_find(options, SL_STR("excludeRegex"));
    SL_TRY(sl_delta_stream_check(options, err));
    stream->starting_version = given(options, "startingVersion");
    stream->starting_timestamp = given(options, "startingTimestamp");
    stream->files_max = stream->bytes_max = INT64_MAX;
    if (given(options, "maxBytesPerTrigger").ptr)
        stream->bytes_max = sl_options_int(options, &option_table, "maxBytesPerTrigger");
    if (given(options, "maxFilesPerTrigger").ptr || stream->bytes_max == INT64_MAX)
        stream->files_max = sl_options_int(options, &option_table, "maxFilesPerTrigger");
    changes->skip_changes = sl_options_bool(options, &option_table, "skipChangeCommits");
    changes->allow_changes = changes->skip_changes || ignore_files ||
                             sl_options_bool(options, &option_table, "ignoreChanges");
    changes->allow_deletes =
        changes->allow_changes || sl_options_bool(options, &option_table, "ignoreDeletes");
    changes->fail_on_data_loss = sl_options_bool(options, &option_table, "failOnDataLoss");
    return exclusion ? read_exclusion(stream, exclusion, err) : SL_OK;
}

/* ---- opening ---- */

static enum sl_code take_columns(struct stream *stream, const struct sl_delta_metadata *metadata,
                                 struct sl_err *err) {
    struct sl_delta_read *read = &stream->read;
    if (metadata->schema->field_count == 0) {
        sl_delta_fail(err, SL_USER, "DELTA_SCHEMA_NOT_SET", "KD008",
                      "the Delta table `%s` has no columns", read->table_dir);
        return sl_hint(err, "Write rows into it, or make it with its columns, before a stream "
                            "reads it."),
               SL_USER;
    }
    SL_TRY(sl_delta_shape_copy(read->env->query, metadata, &stream->changes.shape, err));
    return sl_delta_read_begin(read, metadata, err);
}

static enum sl_code open_table(struct stream *stream, struct sl_err *err) {
    struct sl_delta_read *read = &stream->read;
    struct sl_delta_changes *changes = &stream->changes;
    struct sl_delta_snapshot *snapshot = NULL;
    enum sl_code code =
        sl_delta_snapshot_open(read->table_dir, -1, read->env->budget, &snapshot, err);
    if (code != SL_OK) return sl_context(err, "Delta table `%s`", read->table_dir), code;
    if (!snapshot) return sl_delta_read_no_table(read->table_dir, err);
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(snapshot);
    changes->newest = changes->shape_version = sl_delta_snapshot_version(snapshot);
    code = take_columns(stream, metadata, err);
    sl_delta_snapshot_close(snapshot);
    return code;
}

enum sl_code sl_delta_stream_open(const struct sl_conn_env *env, const struct sl_options *options,
                                  struct sl_str path, struct sl_source **out, struct sl_err *err) {
    struct stream *stream = SL_NEW(env->query, struct stream);
    struct sl_delta_read *read = &stream->read;
    *read = (struct sl_delta_read){.base.ops = &stream_ops,
                                   .env = env,
                                   .table_dir = sl_delta_read_dir(env->query, options, path)};
    stream->changes.env = env;
    stream->changes.table_dir = read->table_dir;
    SL_TRY(read_options(stream, options, err));
    SL_TRY(open_table(stream, err));
    read->description = sl_arena_printf(env->query, "DeltaSource[file:%s]", read->table_dir);
    *out = &read->base;
    return SL_OK;
}

/* ---- where it begins ---- */

static enum sl_code version_of_moment(struct stream *stream, int64_t *version, struct sl_err *err) {
    enum { MICROS_PER_MILLI = 1000 };
    int64_t micros;
    struct sl_arena arena;
    if (!sl_parse_timestamp(stream->starting_timestamp, stream->read.env->session->zone, &micros))
        return sl_delta_fail(err, SL_USER, "DELTA_INVALID_TIMESTAMP_FORMAT", "22007",
                             "startingTimestamp `%.*s` is not a timestamp",
                             SL_STR_ARG(stream->starting_timestamp));
    int64_t ms = micros / MICROS_PER_MILLI - (micros % MICROS_PER_MILLI < 0);
    sl_arena_init(&arena, "Delta log");
    enum sl_code code = sl_delta_log_version_from(&arena, stream->read.table_dir, ms, version, err);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code check_first(struct stream *stream, int64_t version, struct sl_err *err) {
    int64_t found = -1, earliest;
    const char *dir = stream->read.table_dir;
    if (version <= stream->changes.newest)
        SL_TRY(sl_delta_log_next(dir, version, version, &found, err));
    if (found == version) return SL_OK;
    SL_TRY(sl_delta_log_next(dir, 0, stream->changes.newest, &earliest, err));
    return sl_delta_fail(err, SL_USER, "DELTA_VERSION_NOT_FOUND", "22003",
                         "the stream cannot begin with version %lld of the Delta table `%s`, which "
                         "has the versions %lld to %lld",
                         (long long)version, dir, (long long)earliest,
                         (long long)stream->changes.newest);
}

static enum sl_code find_first_version(struct stream *stream, int64_t *out, struct sl_err *err) {
    int64_t version = -1;
    SL_TRY(sl_delta_changes_follow(&stream->changes, err));
    if (stream->starting_timestamp.ptr)
        SL_TRY(version_of_moment(stream, &version, err));
    else if (sl_str_to_i64(stream->starting_version, &version))
        SL_TRY(check_first(stream, version, err));
    else
        version = stream->changes.newest + 1;
    *out = version;
    return SL_OK;
}

static bool has_starting_option(const struct stream *stream) {
    return stream->starting_version.ptr || stream->starting_timestamp.ptr;
}

static struct sl_str starting_option(const struct stream *stream) {
    struct sl_arena *arena = stream->read.env->query;
    if (stream->starting_version.ptr)
        return sl_arena_printf(arena, "startingVersion=%.*s", SL_STR_ARG(stream->starting_version));
    if (stream->starting_timestamp.ptr)
        return sl_arena_printf(arena, "startingTimestamp=%.*s",
                               SL_STR_ARG(stream->starting_timestamp));
    return SL_STR("");
}

static bool is_in_front(const struct sl_delta_offset *place, const struct sl_delta_offset *end) {
    if (end->is_snapshot) return place->is_snapshot && place->version == end->version;
    return sl_delta_offset_compare(place, end) <= 0;
}

/* What an earlier run wrote down counts for the batch that it planned; before there is one, only
 * for the option that it was given. */
static enum sl_code recall_start(struct stream *stream, const struct sl_delta_offset *end,
                                 struct sl_err *err) {
    bool found;
    struct sl_delta_start start;
    if (stream->has_start || !stream->log_dir) return SL_OK;
    SL_TRY(sl_delta_start_read(stream->log_dir, stream->read.env->query, &start, &found, err));
    if (!found || !sl_str_eq(start.place.table_id, stream->changes.shape.table_id)) return SL_OK;
    if (!end && !sl_str_eq(start.option, starting_option(stream))) return SL_OK;
    stream->start = start;
    stream->has_start = true;
    return SL_OK;
}

/* Looked up once: `latest` means the moment when the query began. Without an option it is the table
 * as it is, as long as no batch is planned. */
static enum sl_code choose_start(struct stream *stream, struct sl_err *err) {
    struct sl_delta_start *start = &stream->start;
    bool has_option = has_starting_option(stream);
    if (stream->has_start && (has_option || start->place.version == stream->changes.shape_version))
        return SL_OK;
    *start = (struct sl_delta_start){.option = starting_option(stream),
                                     .place = {.table_id = stream->changes.shape.table_id,
                                               .version = stream->changes.shape_version,
                                               .index = sl_delta_index_base,
                                               .is_snapshot = !has_option}};
    if (has_option) SL_TRY(find_first_version(stream, &start->place.version, err));
    if (stream->log_dir) SL_TRY(sl_delta_start_write(stream->log_dir, start, err));
    stream->has_start = true;
    return SL_OK;
}

/* In front of a batch that Spark planned, or that was planned before starts were written down. */
static enum sl_code place_before(struct stream *stream, const struct sl_delta_offset *end,
                                 struct sl_delta_offset *out, struct sl_err *err) {
    *out = (struct sl_delta_offset){.table_id = stream->changes.shape.table_id,
                                    .index = sl_delta_index_base};
    if (has_starting_option(stream)) return find_first_version(stream, &out->version, err);
    out->is_snapshot = true;
    /* All the files of the version before, perhaps more than the batch once had, but none twice:
     * `index` of the end counts from the end's own version. */
    out->version = end->is_snapshot ? end->version : end->version - 1;
    if (out->version >= 0) return SL_OK;
    return sl_delta_fail(err, SL_DATA, "DELTA_INVALID_SOURCE_OFFSET_FORMAT", "XXKDS",
                         "the first batch ends at version %lld of the Delta table, where no batch "
                         "can end",
                         (long long)end->version);
}

/* The place in front of a query's first batch. `end`: of that batch when it is planned already;
 * NULL: nothing is. */
static enum sl_code first_place(struct stream *stream, const struct sl_delta_offset *end,
                                struct sl_delta_offset *out, struct sl_err *err) {
    SL_TRY(recall_start(stream, end, err));
    if (!end)
        SL_TRY(choose_start(stream, err));
    else if (!stream->has_start || !is_in_front(&stream->start.place, end))
        return place_before(stream, end, out, err);
    *out = stream->start.place;
    return SL_OK;
}

static enum sl_code read_offset(const struct stream *stream, struct sl_str json,
                                struct sl_arena *arena, struct sl_delta_offset *out,
                                struct sl_err *err) {
    SL_TRY(sl_delta_offset_parse(arena, json, out, err));
    return sl_delta_changes_check_table(&stream->changes, out->table_id, true, err);
}

/* ---- where the next batch ends ---- */

struct admission {
    int64_t files_left, bytes_left;
    bool any;
    int64_t version, index; /* of the last place that was let in */
};

/* A file is let in while there is room in front of it: one at least, however large it is. */
static enum sl_code admit(void *ctx, const struct sl_delta_change *change, bool *stop,
                          struct sl_err *err) {
    (void)err;
    struct admission *admission = ctx;
    if (change->file) {
        *stop = admission->files_left <= 0 || admission->bytes_left <= 0;
        admission->files_left--;
        admission->bytes_left -= change->file->bytes > 0 ? change->file->bytes : 0;
    }
    if (*stop) return SL_OK;
    admission->any = true;
    admission->version = change->version;
    admission->index = change->index;
    return SL_OK;
}

static struct sl_delta_offset end_of(const struct stream *stream,
                                     const struct sl_delta_offset *from,
                                     const struct admission *admission) {
    struct sl_delta_offset end = {.table_id = stream->changes.shape.table_id,
                                  .version = admission->version,
                                  .index = admission->index};
    if (end.index == sl_delta_index_end) {
        end.version++;
        end.index = sl_delta_index_base;
    }
    end.is_snapshot = from->is_snapshot && end.version == from->version;
    return end;
}

/* The first call of an available-now run fixes what there is. */
static enum sl_code set_bound(struct stream *stream, const struct sl_batch_limits *limits,
                              struct sl_err *err) {
    if (!limits->available_now || stream->is_bounded) return SL_OK;
    SL_TRY(sl_delta_changes_follow(&stream->changes, err));
    stream->is_bounded = true;
    stream->bound =
        (struct sl_delta_offset){.version = stream->changes.newest, .index = sl_delta_index_end};
    return SL_OK;
}

static enum sl_code find_end(struct stream *stream, struct sl_str start,
                             const struct sl_batch_limits *limits, struct sl_arena *arena,
                             struct sl_buf *out, bool *has_new, struct sl_err *err) {
    struct admission admission = {
        .files_left = limits->ignore_limits ? INT64_MAX : stream->files_max,
        .bytes_left = limits->ignore_limits ? INT64_MAX : stream->bytes_max};
    struct sl_delta_offset from;
    if (start.len)
        SL_TRY(read_offset(stream, start, arena, &from, err));
    else
        SL_TRY(first_place(stream, NULL, &from, err));
    SL_TRY(set_bound(stream, limits, err));
    SL_TRY(sl_delta_changes_check_start(&stream->changes, from.version, err));
    SL_TRY(sl_delta_changes_walk(&stream->changes, &from,
                                 stream->is_bounded ? &stream->bound : NULL, admit, &admission,
                                 err));
    *has_new = admission.any;
    if (!admission.any) return sl_buf_put_str(out, start), SL_OK;
    struct sl_delta_offset end = end_of(stream, &from, &admission);
    sl_delta_offset_put(out, &end);
    return SL_OK;
}

static enum sl_code latest_offset(struct sl_source *base, struct sl_str start,
                                  const struct sl_batch_limits *limits, struct sl_buf *out,
                                  bool *has_new, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "Delta offsets");
    enum sl_code code = find_end((struct stream *)base, start, limits, &arena, out, has_new, err);
    sl_arena_release(&arena);
    return code;
}

/* ---- queries that share their reads ---- */

/* A query in the middle of a table's snapshot has read other files than one that came there by the
 * commits; they meet behind the snapshot's version. */
static struct sl_delta_offset behind_snapshot(const struct sl_delta_offset *at) {
    struct sl_delta_offset behind = *at;
    if (!at->is_snapshot) return behind;
    behind.is_snapshot = false;
    behind.version++;
    behind.index = sl_delta_index_base;
    return behind;
}

static struct sl_delta_offset later_of(const struct sl_delta_offset *a,
                                       const struct sl_delta_offset *b) {
    bool in_one = a->is_snapshot && b->is_snapshot && a->version == b->version;
    struct sl_delta_offset at_a = in_one ? *a : behind_snapshot(a),
                           at_b = in_one ? *b : behind_snapshot(b);
    return sl_delta_offset_compare(&at_a, &at_b) >= 0 ? at_a : at_b;
}

/* "": where a new query begins is its own source's to say, so it is waited for, and moves alone. */
static enum sl_code combine(struct sl_source *base, struct sl_str a_text, struct sl_str b_text,
                            bool later, struct sl_buf *out, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_delta_offset a, b;
    (void)base;
    if (!a_text.len || !b_text.len)
        return sl_buf_put_str(out, later ? (struct sl_str){0} : a_text), SL_OK;
    sl_arena_init(&arena, "Delta offsets");
    enum sl_code code = sl_delta_offset_parse(&arena, a_text, &a, err);
    if (code == SL_OK) code = sl_delta_offset_parse(&arena, b_text, &b, err);
    if (code == SL_OK && sl_str_eq(a.table_id, b.table_id)) {
        if (later)
            a = later_of(&a, &b);
        else if (sl_delta_offset_compare(&b, &a) < 0)
            a = b;
    }
    if (code == SL_OK) sl_delta_offset_put(out, &a);
    sl_arena_release(&arena);
    return code;
}

/* ---- the files of a batch ---- */

struct gathering {
    struct stream *stream;
    struct sl_delta_file_list *files;
    struct sl_program *excluded;
    struct sl_batch path; /* one row: the file's path, as `excluded` wants it */
};

static enum sl_code is_excluded(struct gathering *gathering, struct sl_str path, bool *excluded,
                                struct sl_err *err) {
    struct sl_batch *batch = &gathering->path;
    *excluded = false;
    if (!gathering->excluded) return SL_OK;
    sl_batch_clear(batch);
    SL_TRY(sl_vec_put_str(&batch->columns[0], path, err));
    batch->rows = batch->selected_rows = 1;
    SL_TRY(
        sl_program_filter(gathering->excluded, gathering->stream->read.env->session, batch, err));
    *excluded = !batch->selected || batch->selected_rows > 0;
    return SL_OK;
}

static enum sl_code gather(void *ctx, const struct sl_delta_change *change, bool *stop,
                           struct sl_err *err) {
    (void)stop;
    struct gathering *gathering = ctx;
    bool excluded;
    if (!change->file) return SL_OK;
    SL_TRY(is_excluded(gathering, change->file->path, &excluded, err));
    return excluded ? SL_OK : sl_delta_file_list_add(gathering->files, change->file, err);
}

static enum sl_code gather_all(struct stream *stream, const struct sl_delta_offset *from,
                               const struct sl_delta_offset *to, struct sl_arena *epoch,
                               struct sl_delta_files *out, struct sl_err *err) {
    const struct sl_delta_read *read = &stream->read;
    struct gathering gathering = {.stream = stream};
    const struct sl_field path = {.name = SL_STR("path"), .type = &sl_type_string};
    enum sl_code code = SL_OK;
    if (stream->excluded) code = sl_program_new(&stream->excluded, 1, &gathering.excluded, err);
    if (code != SL_OK) return code;
    sl_batch_init(&gathering.path, sl_type_struct(epoch, &path, 1), epoch);
    gathering.files = sl_delta_file_list_new(read->table_dir, &read->columns, read->scan, epoch);
    code = sl_delta_changes_walk(&stream->changes, from, to, gather, &gathering, err);
    sl_delta_file_list_end(gathering.files, out);
    sl_batch_release(&gathering.path);
    sl_program_free(gathering.excluded);
    return code;
}

static enum sl_code check_order(const struct stream *stream, const struct sl_delta_offset *from,
                                const struct sl_delta_offset *to, struct sl_err *err) {
    int64_t last = to->index >= 0 ? to->version : to->version - 1;
    if (sl_delta_offset_compare(from, to) > 0 || (to->is_snapshot && !from->is_snapshot))
        return sl_fail(err, SL_DATA,
                       "the offsets of the Delta table `%s` in the checkpoint go backwards, from "
                       "version %lld to %lld",
                       stream->read.table_dir, (long long)from->version, (long long)to->version);
    if (last > stream->changes.newest)
        return sl_delta_fail(err, SL_DATA, "DELTA_STREAMING_TRAILING_COMMIT_MISSING", "42K03",
                             "the planned batch ends with version %lld of the Delta table `%s`, "
                             "which has versions only up to %lld",
                             (long long)last, stream->read.table_dir,
                             (long long)stream->changes.newest);
    return SL_OK;
}

static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    (void)tasks;
    struct stream *stream = (struct stream *)base;
    struct sl_delta_offset from, to;
    struct sl_delta_files files;
    SL_TRY(read_offset(stream, end, epoch, &to, err));
    if (start.len)
        SL_TRY(read_offset(stream, start, epoch, &from, err));
    else
        SL_TRY(first_place(stream, &to, &from, err));
    SL_TRY(sl_delta_changes_follow(&stream->changes, err));
    SL_TRY(check_order(stream, &from, &to, err));
    SL_TRY(sl_delta_changes_check_start(&stream->changes, from.version, err));
    SL_TRY(gather_all(stream, &from, &to, epoch, &files, err));
    *count = files.count;
    *splits = sl_delta_read_splits(epoch, &files);
    return SL_OK;
}

/* ---- waiting, closing ---- */

static enum sl_code attach(struct sl_source *base, const char *log_dir, struct sl_err *err) {
    struct stream *stream = (struct stream *)base;
    (void)err;
    stream->log_dir = sl_arena_cstr(stream->read.env->query, sl_str(log_dir));
    return SL_OK;
}

/* A stat every few milliseconds costs nothing, also where a watch on the directory sees no writer
 * of another machine. */
static void wait_for_version(struct sl_source *base, struct sl_str start, int64_t timeout_ms) {
    enum { POLL_MS = 10 };
    struct stream *stream = (struct stream *)base;
    const struct sl_conn_env *env = stream->read.env;
    int64_t newest = stream->changes.newest;
    (void)start; /* everything up to the newest was seen */
    for (int64_t waited = 0; waited < timeout_ms; waited += POLL_MS) {
        struct sl_err ignored;
        if (sl_delta_log_newest(stream->read.table_dir, stream->changes.newest, &newest,
                                &ignored) != SL_OK ||
            newest != stream->changes.newest || (env->stopping && env->stopping(env->stop_ctx)))
            return;
        sl_clock_sleep_ms(timeout_ms - waited < POLL_MS ? timeout_ms - waited : POLL_MS);
    }
}

/* Delta's source tells none. */
static void put_latest(const struct sl_source *base, struct sl_buf *out) {
    (void)base;
    sl_buf_put_cstr(out, "null");
}

static void close_stream(struct sl_source *base) {
    sl_delta_changes_close(&((struct stream *)base)->changes);
}

static const struct sl_source_ops stream_ops = {
    .name = "delta",
    .schema = sl_delta_read_schema,
    .description = sl_delta_read_description,
    .latest_offset = latest_offset,
    .plan = plan,
    .restrict_to = sl_delta_read_restrict,
    .reader_open = sl_delta_reader_open,
    .reader_next = sl_delta_reader_next,
    .reader_close = sl_delta_reader_close,
    .latest = put_latest,
    .wait = wait_for_version,
    .close = close_stream,
    .attach = attach,
    .shareable = true,
    .combine = combine,
};
