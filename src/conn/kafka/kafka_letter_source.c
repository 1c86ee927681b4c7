#include "conn/kafka/kafka_letter_source.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "conn/kafka/kafka_letter.h"
#include "conn/kafka/kafka_sink_options.h"
#include "conn/kafka/kafka_source_int.h"

/* Columns of the topic's records. */
enum record_column { RECORD_KEY = 0, RECORD_VALUE = 1, RECORD_HEADERS = 7, RECORD_COLUMNS = 8 };
enum { COLUMNS = SL_KAFKA_LETTER_COLUMNS };

struct letter_source {
    struct sl_source base;
    const struct sl_conn_env *env;
    struct sl_conn_env records_env; /* a reader of its own, of no checkpoint */
    struct sl_source *records;
    struct sl_str description;
    pthread_mutex_t lock; /* what follows */
    uint64_t foreign;
    char first[SL_KAFKA_LETTER_WHY + 200];
};

static struct letter_source *self(const struct sl_source *base) {
    return (struct letter_source *)base;
}
static const struct sl_type *source_schema(const struct sl_source *base) {
    (void)base;
    return sl_kafka_letter_schema();
}
static struct sl_str source_description(const struct sl_source *base) {
    return self(base)->description;
}
uint64_t sl_kafka_letters_foreign(const struct sl_source *base) {
    struct letter_source *source = self(base);
    pthread_mutex_lock(&source->lock);
    uint64_t foreign = source->foreign;
    pthread_mutex_unlock(&source->lock);
    return foreign;
}

/* ---- offsets ---- */

/* The topic itself says when letters are gone: it does not begin at 0 any more. Commit marks and
 * broken-off transactions have offsets, too, so their number is an upper bound. */
static void tell_gone(const struct letter_source *source, const struct sl_kafka_offsets *start) {
    const struct sl_log *log = source->env->log;
    struct sl_kafka_offset items[1];
    struct sl_kafka_offsets first = {items, 0};
    int64_t gone = 0;
    uint32_t partitions = 0;
    char name[300];
    for (uint32_t i = 0; i < start->count; i++) {
        if (start->items[i].offset <= 0) continue;
        if (partitions++ == 0) items[first.count++] = start->items[i];
        gone += start->items[i].offset;
    }
    if (!log || !partitions) return;
    sl_kafka_offsets_name(name, sizeof name, &first);
    sl_log_event(log, SL_LOG_WARN, SL_CAT_KAFKA,
                 "dead letters may be gone: %s begins at offset %" PRId64
                 " (%u partitions of the topic do not begin at 0, up to %" PRId64
                 " records are missing); the topic's retention removed them, or somebody did",
                 name, items[0].offset, partitions, gone);
}

static enum sl_code initial_offset(struct sl_source *base, struct sl_buf *out, struct sl_err *err) {
    struct letter_source *source = self(base);
    struct sl_arena arena;
    struct sl_kafka_offsets start;
    size_t begin = out->len;
    SL_TRY(source->records->ops->initial_offset(source->records, out, err));
    sl_arena_init(&arena, "letter offsets");
    enum sl_code code = sl_kafka_offsets_parse(&arena, sl_str_sub(sl_buf_str(out), begin, out->len),
                                               "the start of the dead letters", &start, err);
    if (code == SL_OK) tell_gone(source, &start);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code latest_offset(struct sl_source *base, struct sl_str start,
                                  const struct sl_batch_limits *limits, struct sl_buf *out,
                                  bool *has_new, struct sl_err *err) {
    struct sl_source *records = self(base)->records;
    return records->ops->latest_offset(records, start, limits, out, has_new, err);
}

static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    struct sl_source *records = self(base)->records;
    return records->ops->plan(records, start, end, tasks, epoch, splits, count, err);
}

static void close_source(struct sl_source *base) {
    struct letter_source *source = self(base);
    if (source->foreign && source->env->log)
        sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_KAFKA,
                     "%" PRIu64 " records in %.*s are no dead letters and are left out; the first, "
                     "%s",
                     source->foreign, SL_STR_ARG(source->description), source->first);
    if (source->records) source->records->ops->close(source->records);
    pthread_mutex_destroy(&source->lock);
    free(source);
}

/* ---- reading ---- */

struct letter_reader {
    struct sl_reader base;
    struct letter_source *source;
    struct sl_reader *records;
    const bool *wanted; /* columns of the letters, borrowed */
    bool record_wanted[RECORD_COLUMNS];
    struct sl_arena arena;
    struct sl_batch batch; /* of the topic */
    struct sl_kafka_header *headers;
    uint32_t header_cap;
    uint32_t *idx; /* the letters among the records */
    int64_t *offsets;
    uint32_t idx_cap, count;
    struct sl_buf repaired;
};

static const struct sl_source_ops letter_ops;

static enum sl_code reader_open(struct sl_source *base, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    struct letter_source *source = self(base);
    struct sl_source *records = source->records;
    struct letter_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->base.ops = &letter_ops;
    reader->source = source;
    reader->wanted = wanted;
    reader->record_wanted[RECORD_KEY] = wanted[SL_KAFKA_LETTER_KEY];
    reader->record_wanted[RECORD_VALUE] = wanted[SL_KAFKA_LETTER_VALUE];
    reader->record_wanted[RECORD_HEADERS] = true;
    sl_arena_init(&reader->arena, "letter reader");
    sl_batch_init(&reader->batch, records->ops->schema(records), &reader->arena);
    *out = &reader->base;
    enum sl_code code =
        records->ops->reader_open(records, split, reader->record_wanted, &reader->records, err);
    if (code != SL_OK) letter_ops.reader_close(&reader->base);
    return code;
}

static void reader_close(struct sl_reader *base) {
    struct letter_reader *reader = (struct letter_reader *)base;
    if (reader->records) reader->records->ops->reader_close(reader->records);
    sl_batch_release(&reader->batch);
    sl_arena_release(&reader->arena);
    sl_buf_release(&reader->repaired);
    free(reader->headers);
    free(reader->idx);
    free(reader->offsets);
    free(reader);
}

/* An empty text may have no address, but is no null. */
static struct sl_str text_at(const struct sl_vec *vec, uint32_t row) {
    if (sl_vec_is_null(vec, row)) return (struct sl_str){0};
    struct sl_str text = sl_vec_str(vec, row);
    return text.ptr ? text : SL_STR("");
}

static uint32_t read_headers(struct letter_reader *reader, uint32_t row) {
    const struct sl_vec *lists = &reader->batch.columns[RECORD_HEADERS];
    if (sl_vec_is_null(lists, row)) return 0;
    uint32_t begin = (uint32_t)lists->offsets[row], end = (uint32_t)lists->offsets[row + 1];
    const struct sl_vec *items = &lists->children[0];
    if (reader->header_cap < end - begin) {
        reader->header_cap = 2 * (end - begin);
        reader->headers =
            sl_xrealloc(reader->headers, reader->header_cap * sizeof *reader->headers);
    }
    for (uint32_t i = begin; i < end; i++)
        reader->headers[i - begin] = (struct sl_kafka_header){text_at(&items->children[0], i),
                                                              text_at(&items->children[1], i)};
    return end - begin;
}

static void note_foreign(struct letter_reader *reader, uint32_t row, const char *why) {
    struct letter_source *source = reader->source;
    char where[160];
    pthread_mutex_lock(&source->lock);
    if (source->foreign++ == 0) {
        sl_batch_describe_row(&reader->batch, row, where, sizeof where);
        snprintf(source->first, sizeof source->first, "%s, has %s", where, why);
    }
    pthread_mutex_unlock(&source->lock);
}

static enum sl_code put_text(struct letter_reader *reader, struct sl_vec *to, struct sl_str text,
                             struct sl_err *err) {
    if (!text.ptr) return sl_vec_append_null(to, 1, err);
    if (sl_utf8_is_valid(text.ptr, text.len)) return sl_vec_put_str(to, text, err);
    sl_buf_clear(&reader->repaired);
    sl_utf8_repair(&reader->repaired, text.ptr, text.len);
    return sl_vec_put_str(to, sl_buf_str(&reader->repaired), err);
}

/* A list of the headers in front; null, not empty, when there are none: as they were read. */
static enum sl_code put_own(const struct letter_reader *reader, struct sl_vec *to, uint32_t count,
                            struct sl_err *err) {
    struct sl_vec *items = &to->children[0];
    if (count == 0) return sl_vec_append_null(to, 1, err);
    SL_TRY(sl_vec_reserve(to, to->rows + 1, err));
    SL_TRY(sl_vec_reserve_valid(to, to->rows + 1, err));
    SL_TRY(sl_vec_reserve(items, items->rows + count, err));
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_kafka_header *header = &reader->headers[i];
        SL_TRY(sl_vec_put_str(&items->children[0], header->key, err));
        SL_TRY(header->value.ptr ? sl_vec_put_str(&items->children[1], header->value, err)
                                 : sl_vec_append_null(&items->children[1], 1, err));
        items->rows++;
    }
    sl_bit_put(to->valid, to->rows, true);
    to->offsets[++to->rows] = (int32_t)items->rows;
    return SL_OK;
}

static enum sl_code put_letter(struct letter_reader *reader, const struct sl_kafka_letter *letter,
                               struct sl_batch *to, struct sl_err *err) {
    const struct sl_type *schema = sl_kafka_letter_schema();
    for (int c = 0; c < COLUMNS; c++) {
        struct sl_vec *vec = &to->columns[c];
        if (!reader->wanted[c] || c == SL_KAFKA_LETTER_KEY || c == SL_KAFKA_LETTER_VALUE) continue;
        if (c == SL_KAFKA_LETTER_HEADERS)
            SL_TRY(put_own(reader, vec, letter->own_headers, err));
        else if (!letter->texts[c].ptr || sl_type_is_bytes(schema->fields[c].type))
            SL_TRY(put_text(reader, vec, letter->texts[c], err));
        else
            SL_TRY(sl_vec_put_i64(vec, letter->numbers[c], err));
    }
    return SL_OK;
}

static void reserve(struct letter_reader *reader, uint32_t rows) {
    if (rows <= reader->idx_cap) return;
    reader->idx_cap = rows;
    reader->idx = sl_xrealloc(reader->idx, rows * sizeof *reader->idx);
    reader->offsets = sl_xrealloc(reader->offsets, rows * sizeof *reader->offsets);
}

static enum sl_code take_letters(struct letter_reader *reader, struct sl_batch *to,
                                 struct sl_err *err) {
    const struct sl_batch *records = &reader->batch;
    char why[SL_KAFKA_LETTER_WHY];
    reserve(reader, records->rows);
    reader->count = 0;
    for (uint32_t row = 0; row < records->rows; row++) {
        struct sl_kafka_letter letter;
        uint32_t count = read_headers(reader, row);
        if (sl_kafka_letter_decode(reader->headers, count, &letter, why)) {
            reader->offsets[reader->count] = records->origin.offsets[row];
            reader->idx[reader->count++] = row;
            SL_TRY(put_letter(reader, &letter, to, err));
        } else
            note_foreign(reader, row, why);
    }
    static const int pairs[][2] = {{SL_KAFKA_LETTER_KEY, RECORD_KEY},
                                   {SL_KAFKA_LETTER_VALUE, RECORD_VALUE}};
    for (int i = 0; i < 2; i++)
        if (reader->wanted[pairs[i][0]])
            SL_TRY(sl_vec_append(&to->columns[pairs[i][0]], &records->columns[pairs[i][1]],
                                 reader->idx, reader->count, err));
    return SL_OK;
}

static enum sl_code reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err) {
    struct letter_reader *reader = (struct letter_reader *)base;
    struct sl_batch *records = &reader->batch;
    do {
        sl_batch_clear(records);
        SL_TRY(reader->records->ops->reader_next(reader->records, rows_max, records, err));
        if (records->rows == 0) return SL_OK;
        SL_TRY(take_letters(reader, batch, err));
    } while (reader->count == 0);
    batch->rows = batch->selected_rows = reader->count;
    batch->origin = records->origin;
    batch->origin.offsets = reader->offsets;
    return SL_OK;
}

static const struct sl_source_ops letter_ops = {
    .name = "kafka_letters",
    .schema = source_schema,
    .description = source_description,
    .initial_offset = initial_offset,
    .latest_offset = latest_offset,
    .plan = plan,
    .reader_open = reader_open,
    .reader_next = reader_next,
    .reader_close = reader_close,
    .close = close_source,
};

/* ---- connector ---- */

static enum sl_code need_topic(const struct sl_kafka_sink_options *sink, struct sl_err *err) {
    if (sink->topic.len) return SL_OK;
    sl_fail(err, SL_USER, "option `topic` must be set to read dead letters");
    return sl_hint(err, "write read_kafka_letters(bootstrapServers => 'localhost:9092', topic => "
                        "'orders_letters'): the options of the sink that wrote them"),
           SL_USER;
}

/* How the topic is read, whatever the sink was told; the client's own properties stay. */
static struct sl_options record_options(struct sl_arena *arena, const struct sl_options *sink,
                                        struct sl_str topic) {
    const struct sl_option fixed[] = {
        {SL_STR("subscribe"), topic, {0, 0}},
        {SL_STR("startingOffsets"), SL_STR("earliest"), {0, 0}},
        {SL_STR("includeHeaders"), SL_STR("true"), {0, 0}},
        {SL_STR("failOnDataLoss"), SL_STR("true"), {0, 0}}, /* while they are being read */
        {SL_STR("kafka.isolation.level"), SL_STR("read_committed"), {0, 0}},
    };
    enum { FIXED = sizeof fixed / sizeof *fixed };
    struct sl_option *items = SL_NEW_ARRAY(arena, struct sl_option, sink->count + (size_t)FIXED);
    uint32_t count = 0;
    for (uint32_t i = 0; i < sink->count; i++)
        if (sl_str_starts_nocase(sink->items[i].name, SL_STR("kafka.")) ||
            sl_str_eq_nocase(sink->items[i].name, SL_STR("bootstrapServers")))
            items[count++] = sink->items[i];
    for (int i = 0; i < FIXED; i++) items[count++] = fixed[i]; /* what is set last holds */
    return (struct sl_options){items, count};
}

static enum sl_code open_records(struct letter_source *source, const struct sl_options *options,
                                 struct sl_err *err) {
    struct sl_arena *arena = source->env->query;
    struct sl_kafka_sink_options sink;
    SL_TRY(sl_kafka_sink_options_resolve(arena, options, NULL, &sink, err));
    SL_TRY(need_topic(&sink, err));
    source->description = sl_arena_printf(arena, "topic `%.*s`", SL_STR_ARG(sink.topic));
    source->records_env = *source->env;
    source->records_env.checkpoint_dir = source->records_env.query_id = SL_STR("");
    struct sl_options records = record_options(arena, options, sink.topic);
    return sl_kafka_connector.open_source(&source->records_env, &records, SL_STR(""), false,
                                          &source->records, err);
}

static enum sl_code open_source(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, bool streaming, struct sl_source **out,
                                struct sl_err *err) {
    (void)path;
    *out = NULL;
    if (streaming) {
        sl_fail(err, SL_UNSUPPORTED, "dead letters in a topic cannot be read as a stream");
        return sl_hint(err, "STREAM read_kafka(.., includeHeaders => 'true') reads their topic: "
                            "what is known of a letter is in the headers `sluice.*`"),
               SL_UNSUPPORTED;
    }
    struct letter_source *source = sl_xcalloc(1, sizeof *source);
    source->base.ops = &letter_ops;
    source->env = env;
    pthread_mutex_init(&source->lock, NULL);
    enum sl_code code = open_records(source, options, err);
    if (code != SL_OK)
        close_source(&source->base);
    else
        *out = &source->base;
    return code;
}

static enum sl_code check(const struct sl_conn_env *env, const struct sl_options *options,
                          bool streaming, bool is_sink, struct sl_err *err) {
    struct sl_kafka_sink_options sink;
    (void)streaming, (void)is_sink;
    SL_TRY(sl_kafka_sink_options_resolve(env->query, options, NULL, &sink, err));
    return need_topic(&sink, err);
}

static enum sl_code schema_only(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, const struct sl_type **out,
                                struct sl_err *err) {
    (void)path;
    SL_TRY(check(env, options, false, false, err));
    *out = sl_kafka_letter_schema();
    return SL_OK;
}

const struct sl_connector sl_kafka_letters_connector = {
    .name = "kafka_letters",
    .open_source = open_source,
    .schema = schema_only,
    .check = check,
};
