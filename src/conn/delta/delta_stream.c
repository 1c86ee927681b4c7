/* Source: Spark DeltaSource.scala. Where a batch ends is decided by admission: files count, places
 * between versions do not. */
#include "conn/delta/delta_stream.h"

#include <stdlib.h>

#include "base/clock.h"
#include "conn/delta/delta_stream_int.h"
#include "expr/program.h"
#include "lake/delta/delta_error.h"

static const struct sl_source_ops stream_ops;

/* ---- opening ---- */

static enum sl_code take_columns(struct sl_delta_stream *stream,
                                 const struct sl_delta_metadata *metadata, struct sl_err *err) {
    struct sl_delta_read *read = &stream->read;
    if (metadata->schema->field_count == 0) {
        sl_delta_fail(err, SL_USER, "DELTA_SCHEMA_NOT_SET", "KD008",
                      "the Delta table `%s` has no columns", read->table_dir);
        return sl_hint(err, "write rows into it, or make it with its columns, before a stream "
                            "reads it"),
               SL_USER;
    }
    SL_TRY(sl_delta_shape_copy(read->env->query, metadata, &stream->changes.shape, err));
    return sl_delta_read_begin(read, metadata, err);
}

static enum sl_code open_table(struct sl_delta_stream *stream, struct sl_err *err) {
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
    struct sl_delta_stream *stream = SL_NEW(env->query, struct sl_delta_stream);
    struct sl_delta_read *read = &stream->read;
    *read = (struct sl_delta_read){.base.ops = &stream_ops,
                                   .env = env,
                                   .table_dir = sl_delta_read_dir(env->query, options, path)};
    stream->changes.env = env;
    stream->changes.table_dir = read->table_dir;
    SL_TRY(sl_delta_stream_read_options(stream, options, err));
    SL_TRY(open_table(stream, err));
    read->description = sl_arena_printf(env->query, "DeltaSource[file:%s]", read->table_dir);
    *out = &read->base;
    return SL_OK;
}

/* ---- offsets ---- */

static enum sl_code read_offset(const struct sl_delta_stream *stream, struct sl_str json,
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

static struct sl_delta_offset end_of(const struct sl_delta_stream *stream,
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
static enum sl_code set_bound(struct sl_delta_stream *stream, const struct sl_batch_limits *limits,
                              struct sl_err *err) {
    if (!limits->available_now || stream->is_bounded) return SL_OK;
    SL_TRY(sl_delta_changes_follow(&stream->changes, err));
    stream->is_bounded = true;
    stream->bound =
        (struct sl_delta_offset){.version = stream->changes.newest, .index = sl_delta_index_end};
    return SL_OK;
}

static enum sl_code find_end(struct sl_delta_stream *stream, struct sl_str start,
                             const struct sl_batch_limits *limits, struct sl_arena *arena,
                             struct sl_buf *out, bool *has_new, struct sl_err *err) {
    struct admission admission = {
        .files_left = limits->ignore_limits ? INT64_MAX : stream->files_max,
        .bytes_left = limits->ignore_limits ? INT64_MAX : stream->bytes_max};
    struct sl_delta_offset from;
    if (start.len)
        SL_TRY(read_offset(stream, start, arena, &from, err));
    else
        SL_TRY(sl_delta_stream_first_place(stream, NULL, &from, err));
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
    enum sl_code code =
        find_end((struct sl_delta_stream *)base, start, limits, &arena, out, has_new, err);
    sl_arena_release(&arena);
    return code;
}

/* ---- queries that share their reads ---- */

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
            a = sl_delta_offset_later(&a, &b);
        else if (sl_delta_offset_compare(&b, &a) < 0)
            a = b;
    }
    if (code == SL_OK) sl_delta_offset_put(out, &a);
    sl_arena_release(&arena);
    return code;
}

/* ---- the files of a batch ---- */

struct gathering {
    struct sl_delta_stream *stream;
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

static enum sl_code gather_all(struct sl_delta_stream *stream, const struct sl_delta_offset *from,
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

static enum sl_code check_order(const struct sl_delta_stream *stream,
                                const struct sl_delta_offset *from,
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
    struct sl_delta_stream *stream = (struct sl_delta_stream *)base;
    struct sl_delta_offset from, to;
    struct sl_delta_files files;
    SL_TRY(read_offset(stream, end, epoch, &to, err));
    if (start.len)
        SL_TRY(read_offset(stream, start, epoch, &from, err));
    else
        SL_TRY(sl_delta_stream_first_place(stream, &to, &from, err));
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
    struct sl_delta_stream *stream = (struct sl_delta_stream *)base;
    (void)err;
    stream->log_dir = sl_arena_cstr(stream->read.env->query, sl_str(log_dir));
    return SL_OK;
}

/* A stat every few milliseconds costs nothing, also where a watch on the directory sees no writer
 * of another machine. */
static void wait_for_version(struct sl_source *base, struct sl_str start, int64_t timeout_ms) {
    enum { POLL_MS = 10 };
    struct sl_delta_stream *stream = (struct sl_delta_stream *)base;
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
    sl_delta_changes_close(&((struct sl_delta_stream *)base)->changes);
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
