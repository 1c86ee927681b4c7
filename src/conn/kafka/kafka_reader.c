/* Records to columns: key and value are views into the messages, which live until the next call. */
#include <inttypes.h>
#include <stdlib.h>

#include "conn/kafka/kafka_source_int.h"

enum column { KEY, VALUE, TOPIC, PARTITION, OFFSET, TIMESTAMP, TIMESTAMP_TYPE, HEADERS };
enum { RANGE_RETRIES = 3 };

struct sl_kafka_reader {
    struct sl_reader base;
    struct sl_kafka_source *source;
    const struct sl_kafka_split *split;
    const bool *wanted; /* by schema column, borrowed */
    uint32_t range;     /* being read */
    struct sl_kafka_fetcher *fetcher;
    uint32_t retries; /* of the position that was out of range */
    uint32_t rows_cap, count;
    rd_kafka_message_t **messages; /* of the batch handed out last */
    struct sl_str *keys, *values;
    int64_t *offsets, *timestamps;
    int32_t *timestamp_types;
};

static struct sl_kafka_reader *self(struct sl_reader *reader) {
    return (struct sl_kafka_reader *)reader;
}

enum sl_code sl_kafka_reader_open(struct sl_source *source, const struct sl_split *split,
                                  const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    (void)err;
    struct sl_kafka_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->base.ops = source->ops;
    reader->source = (struct sl_kafka_source *)source;
    reader->split = split->detail;
    reader->wanted = wanted;
    *out = &reader->base;
    return SL_OK;
}

static void drop_messages(struct sl_kafka_reader *reader) {
    for (uint32_t i = 0; i < reader->count; i++) rd_kafka_message_destroy(reader->messages[i]);
    reader->count = 0;
}

static void leave_range(struct sl_kafka_reader *reader) {
    const struct sl_kafka_range *range = &reader->split->ranges.items[reader->range];
    sl_kafka_pool_release(reader->source->pool, reader->fetcher, range->end - range->begin);
    reader->fetcher = NULL;
    reader->range++;
    reader->retries = 0;
}

void sl_kafka_reader_close(struct sl_reader *base) {
    if (!base) return;
    struct sl_kafka_reader *reader = self(base);
    drop_messages(reader);
    sl_kafka_pool_release(reader->source->pool, reader->fetcher, 0);
    free(reader->messages);
    free(reader->keys);
    free(reader->values);
    free(reader->offsets);
    free(reader->timestamps);
    free(reader->timestamp_types);
    free(reader);
}

static void *aligned(void *old, size_t count, size_t size) {
    free(old);
    void *fresh = aligned_alloc(64, (count * size + 127) / 64 * 64);
    if (!fresh) return sl_xmalloc(SIZE_MAX); /* ends the process with the usual message */
    return fresh;
}

static void reserve(struct sl_kafka_reader *reader, uint32_t rows) {
    if (rows <= reader->rows_cap) return;
    reader->messages = aligned(reader->messages, rows, sizeof *reader->messages);
    reader->keys = aligned(reader->keys, rows, sizeof *reader->keys);
    reader->values = aligned(reader->values, rows, sizeof *reader->values);
    reader->offsets = aligned(reader->offsets, rows, sizeof *reader->offsets);
    reader->timestamps = aligned(reader->timestamps, rows, sizeof *reader->timestamps);
    reader->timestamp_types =
        aligned(reader->timestamp_types, rows, sizeof *reader->timestamp_types);
    reader->rows_cap = rows;
}

/* ---- columns ---- */

static bool wants(const struct sl_kafka_reader *reader, enum column column) {
    return reader->wanted[column];
}

static enum sl_code fill_views(const struct sl_kafka_reader *reader, struct sl_vec *vec,
                               struct sl_str *views, bool is_key, struct sl_err *err) {
    uint32_t count = reader->count, nulls = 0;
    for (uint32_t i = 0; i < count; i++) {
        const rd_kafka_message_t *message = reader->messages[i];
        views[i] = is_key ? (struct sl_str){message->key, message->key_len}
                          : (struct sl_str){message->payload, message->len};
        nulls += views[i].ptr == NULL;
    }
    if (nulls) {
        SL_TRY(sl_vec_reserve_valid(vec, count, err));
        for (uint32_t i = 0; i < count; i++) {
            sl_bit_put(vec->valid, i, views[i].ptr != NULL);
            if (!views[i].ptr) views[i] = SL_STR("");
        }
    }
    vec->enc = SL_ENC_VIEW;
    vec->views = views;
    vec->rows = count;
    return SL_OK;
}

static void fill_timestamps(struct sl_kafka_reader *reader) {
    for (uint32_t i = 0; i < reader->count; i++) {
        rd_kafka_timestamp_type_t type;
        int64_t ms = rd_kafka_message_timestamp(reader->messages[i], &type);
        /* Kafka's long is the producer's to choose: beyond what microseconds hold it saturates. */
        if (__builtin_mul_overflow(ms, 1000, &reader->timestamps[i]))
            reader->timestamps[i] = ms < 0 ? INT64_MIN : INT64_MAX;
        reader->timestamp_types[i] = (int32_t)type - 1; /* Java counts from NO_TIMESTAMP_TYPE -1 */
    }
}

static enum sl_code count_headers(const struct sl_kafka_reader *reader, uint32_t *total,
                                  bool *has_null) {
    *total = 0;
    *has_null = false;
    for (uint32_t i = 0; i < reader->count; i++) {
        rd_kafka_headers_t *headers;
        if (rd_kafka_message_headers(reader->messages[i], &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
            *total += (uint32_t)rd_kafka_header_cnt(headers);
        else
            *has_null = true;
    }
    return SL_OK;
}

static enum sl_code put_headers(rd_kafka_headers_t *headers, struct sl_vec *element,
                                struct sl_err *err) {
    const char *name;
    const void *value;
    size_t size;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        SL_TRY(sl_vec_put_str(&element->children[0], sl_str(name), err));
        if (value)
            SL_TRY(sl_vec_put_str(&element->children[1], (struct sl_str){value, size}, err));
        else
            SL_TRY(sl_vec_append_null(&element->children[1], 1, err));
        element->rows++;
    }
    return SL_OK;
}

/* Null, not empty, when a record has none: as Spark. */
static enum sl_code fill_headers(const struct sl_kafka_reader *reader, struct sl_vec *vec,
                                 struct sl_err *err) {
    uint32_t total;
    bool has_null;
    SL_TRY(count_headers(reader, &total, &has_null));
    SL_TRY(sl_vec_reserve(vec, reader->count, err));
    if (has_null) SL_TRY(sl_vec_reserve_valid(vec, reader->count, err));
    struct sl_vec *element = &vec->children[0];
    SL_TRY(sl_vec_reserve(element, total, err));
    for (uint32_t i = 0; i < reader->count; i++) {
        rd_kafka_headers_t *headers;
        bool has =
            rd_kafka_message_headers(reader->messages[i], &headers) == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (has) SL_TRY(put_headers(headers, element, err));
        if (has_null) sl_bit_put(vec->valid, i, has);
        vec->offsets[i + 1] = (int32_t)element->rows;
    }
    vec->rows = reader->count;
    return SL_OK;
}

static void fill_flat(struct sl_vec *vec, void *data, uint32_t rows) {
    vec->enc = SL_ENC_FLAT;
    vec->data = data;
    vec->rows = rows;
}

static enum sl_code fill_constants(const struct sl_kafka_reader *reader,
                                   const struct sl_kafka_range *range, struct sl_batch *batch,
                                   struct sl_err *err) {
    if (wants(reader, TOPIC)) {
        struct sl_vec *topic = &batch->columns[TOPIC];
        SL_TRY(sl_vec_put_str(topic, range->topic, err));
        topic->enc = SL_ENC_CONST;
        topic->rows = reader->count;
    }
    if (wants(reader, PARTITION)) {
        struct sl_vec *partition = &batch->columns[PARTITION];
        SL_TRY(sl_vec_put_i64(partition, range->partition, err));
        partition->enc = SL_ENC_CONST;
        partition->rows = reader->count;
    }
    return SL_OK;
}

static enum sl_code fill_batch(struct sl_kafka_reader *reader, const struct sl_kafka_range *range,
                               struct sl_batch *batch, struct sl_err *err) {
    struct sl_vec *columns = batch->columns;
    for (uint32_t i = 0; i < reader->count; i++) reader->offsets[i] = reader->messages[i]->offset;
    if (wants(reader, KEY)) SL_TRY(fill_views(reader, &columns[KEY], reader->keys, true, err));
    if (wants(reader, VALUE))
        SL_TRY(fill_views(reader, &columns[VALUE], reader->values, false, err));
    SL_TRY(fill_constants(reader, range, batch, err));
    if (wants(reader, OFFSET)) fill_flat(&columns[OFFSET], reader->offsets, reader->count);
    if (wants(reader, TIMESTAMP) || wants(reader, TIMESTAMP_TYPE)) fill_timestamps(reader);
    if (wants(reader, TIMESTAMP)) fill_flat(&columns[TIMESTAMP], reader->timestamps, reader->count);
    if (wants(reader, TIMESTAMP_TYPE))
        fill_flat(&columns[TIMESTAMP_TYPE], reader->timestamp_types, reader->count);
    if (batch->schema->field_count > HEADERS && wants(reader, HEADERS))
        SL_TRY(fill_headers(reader, &columns[HEADERS], err));
    batch->rows = batch->selected_rows = reader->count;
    batch->origin = (struct sl_origin){.source = "kafka",
                                       .name = range->topic.ptr,
                                       .partition = range->partition,
                                       .offsets = reader->offsets};
    return SL_OK;
}

enum sl_code sl_kafka_reader_more(struct sl_reader *base, const bool *more, struct sl_batch *batch,
                                  struct sl_err *err) {
    struct sl_kafka_reader *reader = self(base);
    const bool *wanted = reader->wanted;
    bool missing[HEADERS + 1] = {false};
    for (uint32_t i = 0; i < batch->schema->field_count; i++) missing[i] = more[i] && !wanted[i];
    reader->wanted = missing;
    enum sl_code code = fill_batch(reader, &reader->split->ranges.items[reader->range], batch, err);
    reader->wanted = wanted;
    return code;
}

/* ---- lost data ---- */

static enum sl_code range_gone(struct sl_kafka_reader *reader, const struct sl_kafka_range *range,
                               struct sl_err *err) {
    int64_t position = sl_kafka_fetcher_position(reader->fetcher);
    SL_TRY(sl_kafka_report_loss(
        reader->source, "PARTITIONS_DELETED", (uint64_t)(range->end - position), err,
        "%.*s-%d is gone: offsets %" PRId64 " to %" PRId64 " cannot be read any more",
        SL_STR_ARG(range->topic), range->partition, position, range->end));
    leave_range(reader);
    return SL_OK;
}

/* The broker does not have the position: aged out (below the earliest), truncated (beyond the
 * latest), or a passing answer of a broker that is catching up. */
static enum sl_code range_lost(struct sl_kafka_reader *reader, const struct sl_kafka_range *range,
                               struct sl_err *err) {
    struct sl_kafka_offset items[1] = {{range->topic, range->partition, SL_KAFKA_EARLIEST}};
    struct sl_kafka_offsets earliest = {items, 1};
    struct sl_kafka_offset end_items[1] = {{range->topic, range->partition, SL_KAFKA_LATEST}};
    struct sl_kafka_offsets latest = {end_items, 1};
    SL_TRY(sl_kafka_offsets_ask(reader->source->control, &earliest, false, err));
    SL_TRY(sl_kafka_offsets_ask(reader->source->control, &latest, false, err));
    if (items[0].offset == SL_KAFKA_GONE || end_items[0].offset == SL_KAFKA_GONE)
        return range_gone(reader, range, err);
    int64_t position = sl_kafka_fetcher_position(reader->fetcher), first = items[0].offset;
    if (position >= first && position <= end_items[0].offset && reader->retries++ < RANGE_RETRIES)
        return sl_kafka_fetcher_seek(reader->fetcher, position, err);
    if (position < first) {
        int64_t resume = first < range->end ? first : range->end;
        SL_TRY(sl_kafka_report_loss(
            reader->source, "COULD_NOT_READ_OFFSET_RANGE", (uint64_t)(resume - position), err,
            "%.*s-%d: wanted offset %" PRId64 ", but the earliest is %" PRId64 ": %" PRId64
            " offsets are gone",
            SL_STR_ARG(range->topic), range->partition, position, first, resume - position));
        if (first >= range->end) return leave_range(reader), SL_OK;
        return sl_kafka_fetcher_seek(reader->fetcher, first, err);
    }
    SL_TRY(sl_kafka_report_loss(
        reader->source, "COULD_NOT_READ_OFFSET_RANGE", (uint64_t)(range->end - position), err,
        "%.*s-%d: wanted offset %" PRId64 " up to %" PRId64 ", but the log ends at %" PRId64
        ": it was truncated",
        SL_STR_ARG(range->topic), range->partition, position, range->end, end_items[0].offset));
    leave_range(reader);
    return SL_OK;
}

/* ---- next ---- */

enum sl_code sl_kafka_reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                  struct sl_err *err) {
    struct sl_kafka_reader *reader = self(base);
    drop_messages(reader);
    reserve(reader, rows_max);
    batch->rows = batch->selected_rows = 0;
    while (reader->range < reader->split->ranges.count) {
        const struct sl_kafka_range *range = &reader->split->ranges.items[reader->range];
        if (!reader->fetcher)
            SL_TRY(sl_kafka_pool_acquire(reader->source->pool, range->topic, range->partition,
                                         range->begin, &reader->fetcher, err));
        switch (sl_kafka_fetcher_take(reader->fetcher, range->end, rows_max, reader->messages,
                                      &reader->count, err)) {
        case SL_KAFKA_TOOK:
            return fill_batch(reader, range, batch, err);
        case SL_KAFKA_REACHED:
            leave_range(reader);
            break;
        case SL_KAFKA_OUT_OF_RANGE:
            SL_TRY(range_lost(reader, range, err));
            break;
        case SL_KAFKA_NO_PARTITION:
            SL_TRY(range_gone(reader, range, err));
            break;
        case SL_KAFKA_FAILED:
            return err ? err->code : SL_UNAVAILABLE;
        }
    }
    return SL_OK;
}
