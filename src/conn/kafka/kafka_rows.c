/* A task's rows become records.  Rows without headers or a partition of their own go to librdkafka
 * in chunks; key and value are copied there, nothing is allocated here for a row.
 *
 * With a quarantine (batch->faults) rows that no topic can hold are told before any row of the
 * batch is sent, since a record fails whole.
 * Source: Spark KafkaWriteTask.scala; Kafka's DefaultRecord.java (sizes), Topic.java (names). */
#include <stdio.h>
#include <stdlib.h>

#include "conn/kafka/kafka_letter.h"
#include "conn/kafka/kafka_sink_int.h"

enum {
    CHUNK = 512,
    /* of a record batch with one record, beside the varints of the lengths */
    RECORD_OVERHEAD = 61 + 21,
    TOPIC_NAME_MAX = 249,
};

struct writer {
    struct sl_sink_writer base;
    struct sl_kafka_sink *sink;
    rd_kafka_topic_t *topic; /* of the rows in hand */
    struct sl_str topic_name;
    uint32_t *rows, cap; /* the selection */
    uint64_t row_count, byte_count;
    uint32_t source; /* of the batch in hand, for messages */
    uint32_t count;  /* of the chunk */
    rd_kafka_message_t messages[CHUNK];
};

/* A row's columns; ptr NULL is null. */
struct record {
    struct sl_str topic, key, value;
    bool has_partition; /* else the key chooses */
    int32_t partition;
    size_t header_bytes;
};

/* ---- what is wrong with a row ---- */

struct refusal {
    const char *rule, *column, *condition;
    char msg[400], hint[200];
};

static bool is_topic_name(struct sl_str name) {
    if (name.len == 0 || name.len > TOPIC_NAME_MAX) return false;
    if (sl_str_eq(name, SL_STR(".")) || sl_str_eq(name, SL_STR(".."))) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!fits) return false;
    }
    return true;
}

static size_t varint_bytes(size_t value) {
    size_t bytes = 1;
    for (value *= 2; value >= 128; value /= 128) bytes++; /* zigzag */
    return bytes;
}

/* Java's AbstractRecords.estimateSizeInBytesUpperBound. */
static size_t record_bytes(const struct record *record) {
    return RECORD_OVERHEAD + varint_bytes(record->key.len) + record->key.len +
           varint_bytes(record->value.len) + record->value.len + record->header_bytes;
}

static bool refuse(struct refusal *out, const char *rule, const char *column, const char *condition,
                   const char *hint) {
    out->rule = rule;
    out->column = column;
    out->condition = condition;
    snprintf(out->hint, sizeof out->hint, "%s", hint);
    return false;
}

static bool refuse_size(const struct sl_kafka_sink *sink, const struct record *record, size_t bytes,
                        struct refusal *out) {
    bool by_topic = sink->record_bytes_max < sink->options.record_bytes_max;
    snprintf(out->msg, sizeof out->msg,
             "the record is %zu bytes when serialized (value %zu, key %zu, headers %zu), which is "
             "more than `%s (%zu)",
             bytes, record->value.len, record->key.len, record->header_bytes,
             by_topic ? "max.message.bytes` of the topic" : "max.request.size`",
             sink->record_bytes_max);
    return refuse(out, "max.request.size", "value", "KAFKA_RECORD_TOO_LARGE",
                  by_topic ? "raise the topic's `max.message.bytes`, or write less"
                           : "raise `kafka.max.request.size` of the sink and the topic's "
                             "`max.message.bytes`, or write less");
}

static bool accepts(const struct sl_kafka_sink *sink, const struct record *record,
                    struct refusal *out) {
    size_t bytes = record_bytes(record);
    if (bytes > sink->record_bytes_max) return refuse_size(sink, record, bytes, out);
    if (sink->columns.topic >= 0 && !record->topic.ptr) {
        snprintf(out->msg, sizeof out->msg,
                 "null topic present in the data. Use the topic option for setting a default "
                 "topic");
        return refuse(out, "topic", "topic", "KAFKA_NULL_TOPIC_IN_DATA",
                      "name a topic for such rows (coalesce), leave them out (WHERE), or set the "
                      "option `topic`, to which all rows then go");
    }
    if (sink->columns.topic >= 0 && !is_topic_name(record->topic)) {
        snprintf(out->msg, sizeof out->msg, "`%.*s` cannot be the name of a topic",
                 record->topic.len > 100 ? 100 : (int)record->topic.len, record->topic.ptr);
        return refuse(out, "topic", "topic", "KAFKA_INVALID_TOPIC",
                      "names have letters, digits, `.`, `_` and `-`, 249 at most");
    }
    if (record->has_partition && record->partition < 0) {
        snprintf(out->msg, sizeof out->msg, "the partition is %d, which is negative",
                 record->partition);
        return refuse(out, "partition", "partition", "KAFKA_INVALID_PARTITION",
                      "NULL leaves the choice to the key");
    }
    return true;
}

static enum sl_code fail_row(const struct sl_batch *batch, uint32_t row,
                             const struct refusal *refusal, struct sl_err *err) {
    char where[256];
    sl_batch_describe_row(batch, row, where, sizeof where);
    sl_fail_at(err, (struct sl_span){0, 0}, refusal->condition, "",
               "%s (column `%s` of the row made from %s)", refusal->msg, refusal->column, where);
    if (err) err->code = SL_DATA;
    if (refusal->hint[0]) sl_hint(err, "%s", refusal->hint);
    return SL_DATA;
}

static void add_fault(const struct sl_batch *batch, uint32_t row, const struct refusal *refusal) {
    struct sl_fault fault = {.row = sl_batch_source_row(batch, row),
                             .kind = SL_FAULT_WRITE,
                             .rule = sl_str(refusal->rule),
                             .condition = sl_str(refusal->condition),
                             .sqlstate = SL_STR(""),
                             .msg = sl_str(refusal->msg)};
    sl_faults_add(batch->faults, &fault);
}

/* ---- reading a row ---- */

/* An empty text may have no address, but is no null. */
static struct sl_str text_at(const struct sl_batch *batch, int column, uint32_t row) {
    if (column < 0) return (struct sl_str){NULL, 0};
    const struct sl_vec *vec = &batch->columns[column];
    if (sl_vec_is_null(vec, row)) return (struct sl_str){NULL, 0};
    struct sl_str text = sl_vec_str(vec, row);
    return text.len ? text : SL_STR("");
}

static void read_partition(const struct sl_batch *batch, int column, uint32_t row,
                           struct record *out) {
    if (column < 0 || sl_vec_is_null(&batch->columns[column], row)) return;
    const struct sl_vec *vec = &batch->columns[column];
    out->has_partition = true;
    out->partition = vec->enc == SL_ENC_DICT ? vec->children[0].i32[vec->codes[row]]
                                             : vec->i32[sl_vec_pos(vec, row)];
}

/* The list of a row: items [*begin, *end) of the structs' vector. */
static const struct sl_vec *headers_at(const struct sl_batch *batch, int column, uint32_t row,
                                       uint32_t *begin, uint32_t *end) {
    *begin = *end = 0;
    if (column < 0) return NULL;
    const struct sl_vec *vec = &batch->columns[column];
    if (sl_vec_is_null(vec, row)) return NULL;
    uint32_t at = vec->enc == SL_ENC_DICT ? (uint32_t)vec->codes[row] : sl_vec_pos(vec, row);
    if (vec->enc == SL_ENC_DICT) vec = &vec->children[0];
    *begin = (uint32_t)vec->offsets[at];
    *end = (uint32_t)vec->offsets[at + 1];
    return &vec->children[0];
}

/* The struct's field of an item; ptr NULL is null. */
static struct sl_str header_text(const struct sl_vec *items, uint32_t item, uint32_t field) {
    if (sl_vec_is_null(items, item)) return (struct sl_str){NULL, 0};
    if (items->enc == SL_ENC_DICT) {
        item = (uint32_t)items->codes[item];
        items = &items->children[0];
    }
    item = sl_vec_pos(items, item);
    const struct sl_vec *vec = &items->children[field];
    if (sl_vec_is_null(vec, item)) return (struct sl_str){NULL, 0};
    struct sl_str text = sl_vec_str(vec, item);
    return text.len ? text : SL_STR("");
}

/* False: a header without a key, which Kafka does not have. */
static bool read_headers(const struct sl_batch *batch, int column, uint32_t row, size_t *bytes) {
    uint32_t begin, end;
    const struct sl_vec *items = headers_at(batch, column, row, &begin, &end);
    for (uint32_t i = begin; i < end; i++) {
        struct sl_str key = header_text(items, i, 0), value = header_text(items, i, 1);
        if (!key.ptr) return false;
        *bytes += varint_bytes(key.len) + key.len + varint_bytes(value.len) + value.len;
    }
    return true;
}

static bool read_record(const struct sl_kafka_sink *sink, const struct sl_batch *batch,
                        uint32_t row, struct record *out, struct refusal *refusal) {
    const struct sl_kafka_columns *columns = &sink->columns;
    *out = (struct record){.topic = text_at(batch, columns->topic, row),
                           .key = text_at(batch, columns->key, row),
                           .value = text_at(batch, columns->value, row)};
    read_partition(batch, columns->partition, row, out);
    if (!read_headers(batch, columns->headers, row, &out->header_bytes)) {
        snprintf(refusal->msg, sizeof refusal->msg, "a header has no key");
        return refuse(refusal, "headers", "headers", "KAFKA_INVALID_HEADER",
                      "Give every struct of the array a key, or filter(headers, h -> h.key IS NOT "
                      "NULL).");
    }
    if (sink->holds_letters) out->header_bytes += sl_kafka_letter_bytes(batch, row);
    return accepts(sink, out, refusal);
}

static rd_kafka_headers_t *make_headers(const struct sl_kafka_sink *sink,
                                        const struct sl_batch *batch, uint32_t row) {
    uint32_t begin, end;
    const struct sl_vec *items = headers_at(batch, sink->columns.headers, row, &begin, &end);
    if (begin == end && !sink->holds_letters) return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(end - begin);
    for (uint32_t i = begin; i < end; i++) {
        struct sl_str key = header_text(items, i, 0), value = header_text(items, i, 1);
        rd_kafka_header_add(headers, key.ptr, (ssize_t)key.len, value.ptr, (ssize_t)value.len);
    }
    if (sink->holds_letters) sl_kafka_letter_headers(batch, row, headers);
    return headers;
}

/* ---- sending ---- */

static enum sl_code send_chunk(struct writer *writer, struct sl_err *err) {
    uint32_t count = writer->count;
    writer->count = 0;
    if (!count) return SL_OK;
    return sl_kafka_delivery_send(writer->sink->delivery, writer->topic, writer->messages, count,
                                  err);
}

/* The marker hangs on a topic that the batch writes to. */
static void name_marker_topic(struct sl_kafka_sink *sink, struct sl_str topic) {
    if (atomic_load_explicit(&sink->has_topic, memory_order_acquire)) return;
    pthread_mutex_lock(&sink->lock);
    if (!atomic_load(&sink->has_topic)) {
        snprintf(sink->marker_topic, sizeof sink->marker_topic, "%.*s", SL_STR_ARG(topic));
        atomic_store(&sink->has_topic, true);
    }
    pthread_mutex_unlock(&sink->lock);
}

static enum sl_code choose_topic(struct writer *writer, struct sl_str name, struct sl_err *err) {
    if (writer->topic && sl_str_eq(writer->topic_name, name)) return SL_OK;
    SL_TRY(send_chunk(writer, err));
    SL_TRY(sl_kafka_delivery_topic(writer->sink->delivery, name, &writer->topic, err));
    writer->topic_name = sl_str(rd_kafka_topic_name(writer->topic));
    name_marker_topic(writer->sink, name);
    return SL_OK;
}

static enum sl_code send_row(struct writer *writer, const struct sl_batch *batch, uint32_t row,
                             const struct record *record, struct sl_err *err) {
    const struct sl_kafka_sink *sink = writer->sink;
    bool named = sink->columns.topic >= 0;
    SL_TRY(choose_topic(writer, named ? record->topic : sink->options.topic, err));
    void *place = sl_kafka_delivery_place(writer->source, batch, row);
    writer->row_count++;
    writer->byte_count += record->key.len + record->value.len;
    if (sink->columns.partition >= 0 || sink->columns.headers >= 0)
        return sl_kafka_delivery_send_one(
            sink->delivery, writer->topic,
            record->has_partition ? record->partition : RD_KAFKA_PARTITION_UA, record->key,
            record->value, make_headers(sink, batch, row), place, err);
    writer->messages[writer->count++] = (rd_kafka_message_t){.payload = (void *)record->value.ptr,
                                                             .len = record->value.len,
                                                             .key = (void *)record->key.ptr,
                                                             .key_len = record->key.len,
                                                             ._private = place};
    return writer->count == CHUNK ? send_chunk(writer, err) : SL_OK;
}

static uint32_t select_rows(struct writer *writer, const struct sl_batch *batch) {
    if (writer->cap < batch->rows) {
        writer->cap = batch->rows;
        writer->rows = sl_xrealloc(writer->rows, writer->cap * sizeof *writer->rows);
    }
    return sl_batch_selection(batch, writer->rows);
}

static void find_faults(const struct writer *writer, const struct sl_batch *batch, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct record record;
        struct refusal refusal;
        if (!read_record(writer->sink, batch, writer->rows[i], &record, &refusal))
            add_fault(batch, writer->rows[i], &refusal);
    }
}

enum sl_code sl_kafka_rows_write(struct sl_sink_writer *base, const struct sl_batch *batch,
                                 struct sl_err *err) {
    struct writer *writer = (struct writer *)base;
    struct sl_kafka_sink *sink = writer->sink;
    uint32_t count = select_rows(writer, batch);
    if (batch->faults) find_faults(writer, batch, count);
    writer->source = sink->skip ? 0 : sl_kafka_delivery_source(sink->delivery, &batch->origin);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = writer->rows[i];
        struct record record;
        struct refusal refusal;
        if (batch->faults && sl_faults_has(batch->faults, sl_batch_source_row(batch, row)))
            continue;
        if (!read_record(sink, batch, row, &record, &refusal))
            return fail_row(batch, row, &refusal, err);
        if (sink->skip)
            writer->row_count++;
        else
            SL_TRY(send_row(writer, batch, row, &record, err));
    }
    return send_chunk(writer, err); /* the rows' memory is borrowed until here */
}

/* ---- life ---- */

enum sl_code sl_kafka_rows_open(struct sl_sink *sink, uint32_t task, struct sl_sink_writer **out,
                                struct sl_err *err) {
    (void)task, (void)err;
    struct writer *writer = sl_xcalloc(1, sizeof *writer);
    writer->base.ops = sink->ops;
    writer->sink = (struct sl_kafka_sink *)sink;
    *out = &writer->base;
    return SL_OK;
}

void sl_kafka_rows_abort(struct sl_sink_writer *base) {
    struct writer *writer = (struct writer *)base;
    free(writer->rows);
    free(writer);
}

/* The records of all tasks are waited for once, in commit. */
enum sl_code sl_kafka_rows_close(struct sl_sink_writer *base, struct sl_err *err) {
    struct writer *writer = (struct writer *)base;
    (void)err;
    atomic_fetch_add(&writer->sink->rows, writer->row_count);
    atomic_fetch_add(&writer->sink->bytes, writer->byte_count);
    sl_kafka_rows_abort(base);
    return SL_OK;
}
