/* Where a stream of a Delta table begins: by its options, by what an earlier run wrote down, or
 * with the table as it is. Source: Spark DeltaSource.scala. */
#include "conn/delta/delta_stream_int.h"
#include "kern/cast.h"
#include "lake/delta/delta_error.h"

static enum sl_code version_of_moment(struct sl_delta_stream *stream, int64_t *version,
                                      struct sl_err *err) {
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

static enum sl_code check_first(struct sl_delta_stream *stream, int64_t version,
                                struct sl_err *err) {
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

static enum sl_code find_first_version(struct sl_delta_stream *stream, int64_t *out,
                                       struct sl_err *err) {
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

static bool has_starting_option(const struct sl_delta_stream *stream) {
    return stream->starting_version.ptr || stream->starting_timestamp.ptr;
}

static struct sl_str starting_option(const struct sl_delta_stream *stream) {
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
static enum sl_code recall_start(struct sl_delta_stream *stream, const struct sl_delta_offset *end,
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
static enum sl_code choose_start(struct sl_delta_stream *stream, struct sl_err *err) {
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
static enum sl_code place_before(struct sl_delta_stream *stream, const struct sl_delta_offset *end,
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

enum sl_code sl_delta_stream_first_place(struct sl_delta_stream *stream,
                                         const struct sl_delta_offset *end,
                                         struct sl_delta_offset *out, struct sl_err *err) {
    SL_TRY(recall_start(stream, end, err));
    if (!end)
        SL_TRY(choose_start(stream, err));
    else if (!stream->has_start || !is_in_front(&stream->start.place, end))
        return place_before(stream, end, out, err);
    *out = stream->start.place;
    return SL_OK;
}
