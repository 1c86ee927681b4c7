/* Dead letters as records and back: what the headers say, broken ones among them. */
#include "kafka_lab.h"

#include "base/clock.h"
#include "conn/kafka/kafka_letter.h"
#include "conn/kafka/kafka_letter_source.h"

enum { HEADERS_MAX = 24 };
struct headers {
    struct sl_kafka_header items[HEADERS_MAX];
    uint32_t count;
};

static void put(struct headers *headers, const char *key, const char *value) {
    assert_true(headers->count < HEADERS_MAX);
    headers->items[headers->count++] = (struct sl_kafka_header){sl_str(key), sl_str(value)};
}

/* A whole letter behind two headers of the record's own. */
static void whole(struct headers *headers) {
    static const char *const pairs[][2] = {
        {"trace", "abc"},
        {"empty", NULL},
        {"sluice.query", "orders"},
        {"sluice.batch_id", "17"},
        {"sluice.topic", "orders_raw"},
        {"sluice.partition", "3"},
        {"sluice.offset", "9223372036854775807"},
        {"sluice.timestamp", "2025-01-31T08:00:00.123Z"},
        {"sluice.kind", "constraint"},
        {"sluice.rule", "positive"},
        {"sluice.failed_at", "1969-12-31T23:59:59.999Z"},
        {"sluice.query_id", "5a3c"},
    };
    *headers = (struct headers){0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        put(headers, pairs[i][0], pairs[i][1]);
}

static struct sl_kafka_header *find(struct headers *headers, const char *key) {
    for (uint32_t i = 0; i < headers->count; i++)
        if (sl_str_eq(headers->items[i].key, sl_str(key))) return &headers->items[i];
    fail_msg("no header %s", key);
    return NULL;
}

static void refused(const struct headers *headers, const char *want) {
    char why[SL_KAFKA_LETTER_WHY];
    struct sl_kafka_letter letter;
    if (sl_kafka_letter_decode(headers->items, headers->count, &letter, why))
        fail_msg("taken, but should have: %s", want);
    assert_string_equal(why, want);
}

void test_a_whole_letter_is_read(void **state) {
    (void)state;
    char why[SL_KAFKA_LETTER_WHY];
    struct headers headers;
    struct sl_kafka_letter letter;
    whole(&headers);
    put(&headers, "mirrored", "by a tool");
    assert_true(sl_kafka_letter_decode(headers.items, headers.count, &letter, why));
    assert_int_equal(letter.own_headers, 2);
    assert_true(sl_str_eq(letter.texts[SL_KAFKA_LETTER_QUERY], SL_STR("orders")));
    assert_true(sl_str_eq(letter.texts[SL_KAFKA_LETTER_RULE], SL_STR("positive")));
    assert_true(sl_str_eq(letter.texts[SL_KAFKA_LETTER_QUERY_ID], SL_STR("5a3c")));
    assert_null(letter.texts[SL_KAFKA_LETTER_ERROR].ptr);
    assert_int_equal(letter.numbers[SL_KAFKA_LETTER_BATCH_ID], 17);
    assert_int_equal(letter.numbers[SL_KAFKA_LETTER_PARTITION], 3);
    assert_true(letter.numbers[SL_KAFKA_LETTER_OFFSET] == INT64_MAX);
    assert_true(letter.numbers[SL_KAFKA_LETTER_TIMESTAMP] == 1738310400123000);
    assert_true(letter.numbers[SL_KAFKA_LETTER_FAILED_AT] == -1000);
}

/* A letter of a query that reads a topic of letters: the older one is the record's own. */
void test_a_letter_of_a_letter_is_the_last(void **state) {
    (void)state;
    char why[SL_KAFKA_LETTER_WHY];
    struct headers headers, outer;
    struct sl_kafka_letter letter;
    whole(&headers);
    uint32_t own = headers.count;
    outer = headers;
    for (uint32_t i = 2; i < outer.count; i++) headers.items[headers.count++] = outer.items[i];
    headers.items[own].value = SL_STR("again");
    assert_true(sl_kafka_letter_decode(headers.items, headers.count, &letter, why));
    assert_int_equal(letter.own_headers, own);
    assert_true(sl_str_eq(letter.texts[SL_KAFKA_LETTER_QUERY], SL_STR("again")));
}

void test_records_that_are_no_letters_say_why(void **state) {
    (void)state;
    struct headers headers = {0};
    refused(&headers, "no header `sluice.query`");
    put(&headers, "trace", "abc");
    refused(&headers, "no header `sluice.query`");
    static const char *const needed[] = {"sluice.batch_id", "sluice.kind", "sluice.failed_at"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        char want[80];
        whole(&headers);
        find(&headers, needed[i])->key = SL_STR("other");
        snprintf(want, sizeof want, "no header `%s`", needed[i]);
        refused(&headers, want);
    }
    whole(&headers);
    put(&headers, "sluice.partition", "4");
    refused(&headers, "two headers `sluice.partition`");
    whole(&headers);
    find(&headers, "sluice.offset")->value = (struct sl_str){0};
    refused(&headers, "no value in the header `sluice.offset`");
}

void test_broken_numbers_and_times_are_refused(void **state) {
    (void)state;
    static const char *const broken[][2] = {
        {"sluice.batch_id", ""},
        {"sluice.batch_id", "1x"},
        {"sluice.batch_id", "9223372036854775808"},
        {"sluice.partition", "2147483648"},
        {"sluice.partition", "-2147483649"},
        {"sluice.partition", "1.0"},
        {"sluice.offset", "0x10"},
        {"sluice.timestamp", ""},
        {"sluice.timestamp", "now"},
        {"sluice.timestamp", "2025-01-31T08:00:00Z"},
        {"sluice.timestamp", "2025-01-31 08:00:00.000Z"},
        {"sluice.timestamp", "2025-02-29T08:00:00.000Z"},
        {"sluice.timestamp", "2025-13-01T08:00:00.000Z"},
        {"sluice.timestamp", "2025-01-31T24:00:00.000Z"},
        {"sluice.timestamp", "2025-01-31T08:00:00.000Z "},
        {"sluice.timestamp", "2x25-01-31T08:00:00.000Z"},
        {"sluice.timestamp", "999999999-01-31T08:00:00.000Z"},
        {"sluice.timestamp", "9999999999-01-31T08:00:00.000Z"},
        {"sluice.failed_at", "-001-01-31T08:00:0-.000Z"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct headers headers;
        char want[80];
        whole(&headers);
        find(&headers, broken[i][0])->value = sl_str(broken[i][1]);
        snprintf(want, sizeof want, "an unreadable header `%s`", broken[i][0]);
        refused(&headers, want);
    }
}

/* sl_clock_text writes them; all that Kafka's milliseconds can be come back. */
void test_times_come_back_as_they_were_written(void **state) {
    (void)state;
    uint64_t random = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        char text[SL_CLOCK_TEXT_SIZE], why[SL_KAFKA_LETTER_WHY];
        struct headers headers;
        struct sl_kafka_letter letter;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t ms = (int64_t)random >> (10 + i % 50);
        if (ms > INT64_MAX / 1000 || ms < INT64_MIN / 1000) ms /= 1000;
        whole(&headers);
        find(&headers, "sluice.timestamp")->value = sl_str(sl_clock_text(text, ms));
        if (!sl_kafka_letter_decode(headers.items, headers.count, &letter, why))
            fail_msg("%s: %s", text, why);
        if (letter.numbers[SL_KAFKA_LETTER_TIMESTAMP] != ms * 1000) fail_msg("%s", text);
    }
}

/* ---- through a broker ---- */

static void put_int(struct sl_vec *vec, int64_t value) {
    assert_int_equal(sl_vec_put_i64(vec, value, NULL), SL_OK);
}
static void put_text(struct sl_vec *vec, const char *text) {
    assert_int_equal(
        text ? sl_vec_put_str(vec, sl_str(text), NULL) : sl_vec_append_null(vec, 1, NULL), SL_OK);
}

static void put_headers(struct sl_vec *vec, int count) {
    struct sl_vec *items = &vec->children[0];
    if (count == 0) {
        assert_int_equal(sl_vec_append_null(vec, 1, NULL), SL_OK);
        return;
    }
    assert_int_equal(sl_vec_reserve(vec, vec->rows + 1, NULL), SL_OK);
    assert_int_equal(sl_vec_reserve_valid(vec, vec->rows + 1, NULL), SL_OK);
    assert_int_equal(sl_vec_reserve(items, items->rows + (uint32_t)count, NULL), SL_OK);
    for (int i = 0; i < count; i++, items->rows++) {
        put_text(&items->children[0], i ? "second" : "first");
        put_text(&items->children[1], i ? NULL : "");
    }
    sl_bit_put(vec->valid, vec->rows, true);
    vec->offsets[++vec->rows] = (int32_t)items->rows;
}

/* Every null, the empty texts and bytes that are no text. */
static void fill(struct sl_batch *batch, int rows) {
    sl_batch_clear(batch);
    for (int i = 0; i < rows; i++) {
        struct sl_vec *to = batch->columns;
        put_text(&to[SL_KAFKA_LETTER_QUERY], i % 2 ? "a" : "b");
        put_int(&to[SL_KAFKA_LETTER_BATCH_ID], i);
        put_text(&to[SL_KAFKA_LETTER_TOPIC], "in");
        if (i % 5 == 4) {
            put_text(&to[SL_KAFKA_LETTER_PARTITION], NULL);
            put_text(&to[SL_KAFKA_LETTER_OFFSET], NULL);
            put_text(&to[SL_KAFKA_LETTER_TIMESTAMP], NULL);
        } else {
            put_int(&to[SL_KAFKA_LETTER_PARTITION], i % 7);
            put_int(&to[SL_KAFKA_LETTER_OFFSET], 1ll << i % 63);
            put_int(&to[SL_KAFKA_LETTER_TIMESTAMP], (i - 20) * 1700000001000ll);
        }
        put_text(&to[SL_KAFKA_LETTER_KEY], i % 3 == 0 ? NULL : i % 3 == 1 ? "" : "key\xFF");
        put_text(&to[SL_KAFKA_LETTER_VALUE], i % 4 == 0 ? NULL : i % 4 == 1 ? "" : "\x01\xFFvalue");
        put_headers(&to[SL_KAFKA_LETTER_HEADERS], i % 3);
        put_text(&to[SL_KAFKA_LETTER_KIND], "evaluation");
        put_text(&to[SL_KAFKA_LETTER_RULE], i % 2 ? NULL : "CAST");
        put_text(&to[SL_KAFKA_LETTER_ERROR_CLASS], NULL);
        put_text(&to[SL_KAFKA_LETTER_SQLSTATE], "22018");
        put_text(&to[SL_KAFKA_LETTER_ERROR], "not a number: \xC3\xA4");
        put_int(&to[SL_KAFKA_LETTER_FAILED_AT], 1700000000123000);
        put_text(&to[SL_KAFKA_LETTER_QUERY_ID], i % 4 ? "5a3c-e2" : NULL);
    }
    batch->rows = batch->selected_rows = (uint32_t)rows;
}

static void write_letters(struct lab *lab, const struct sl_options *options,
                          const struct sl_batch *batch) {
    struct sl_sink_config config = {
        .schema = sl_kafka_letter_schema(), .options = *options, .name = SL_STR("letters")};
    struct sl_sink_metrics metrics;
    struct sl_sink *sink;
    struct sl_sink_writer *writer;
    if (sl_kafka_connector.open_sink(&lab->env, &config, &sink, &lab->err) != SL_OK)
        fail_msg("%s", lab->err.msg);
    assert_int_equal(sink->ops->recover(sink, -1, 0, -1, &lab->err), SL_OK);
    assert_int_equal(sink->ops->begin(sink, 0, 0, 1, &lab->err), SL_OK);
    assert_int_equal(sink->ops->writer_open(sink, 0, &writer, &lab->err), SL_OK);
    assert_int_equal(sink->ops->write(writer, batch, &lab->err), SL_OK);
    assert_int_equal(sink->ops->writer_close(writer, &lab->err), SL_OK);
    assert_int_equal(sink->ops->commit(sink, &metrics, &lab->err), SL_OK);
    sink->ops->close(sink);
}

/* Reads all with the columns wanted; the batch of each call is appended to `out`. */
static void read_letters(struct lab *lab, const bool *wanted, struct sl_batch *out) {
    const struct sl_source_ops *ops = lab->source->ops;
    struct sl_split *splits;
    struct sl_reader *reader;
    struct sl_batch batch;
    uint32_t count;
    const char *why = "";
    lab_start(lab);
    (void)lab_latest(lab, (struct sl_batch_limits){.ignore_limits = true});
    assert_int_equal(ops->plan(lab->source, sl_buf_str(&lab->start), sl_buf_str(&lab->end), 2,
                               &lab->epoch, &splits, &count, &lab->err),
                     SL_OK);
    sl_batch_init(&batch, ops->schema(lab->source), &lab->epoch);
    for (uint32_t s = 0; s < count; s++) {
        assert_int_equal(ops->reader_open(lab->source, &splits[s], wanted, &reader, &lab->err),
                         SL_OK);
        for (;;) {
            sl_batch_clear(&batch);
            assert_int_equal(ops->reader_next(reader, 7, &batch, &lab->err), SL_OK);
            if (!batch.rows) break;
            for (int c = 0; c < SL_KAFKA_LETTER_COLUMNS; c++) {
                if (!wanted[c]) continue;
                assert_int_equal(batch.columns[c].rows, batch.rows);
                if (!sl_vec_verify(&batch.columns[c], &why)) fail_msg("column %d: %s", c, why);
                assert_int_equal(
                    sl_vec_append(&out->columns[c], &batch.columns[c], NULL, batch.rows, NULL),
                    SL_OK);
            }
            out->rows += batch.rows;
        }
        ops->reader_close(reader);
    }
    sl_batch_release(&batch);
}

/* Letters written by the sink and records of others in one topic: every column comes back, the
 * others are counted. The mock knows no commit marks' checksums, so no transactions here. */
void test_letters_come_back_from_the_topic(void **state) {
    (void)state;
    enum { ROWS = 100, FOREIGN = 9 };
    struct lab lab;
    struct sl_batch letters, found;
    bool all[SL_KAFKA_LETTER_COLUMNS];
    memset(all, true, sizeof all);
    lab_begin(&lab, "letters", 1);
    lab.env.query_id = lab.env.checkpoint_dir = SL_STR("");
    struct sl_option items[] = {lab.items[0],
                                {SL_STR("topic"), SL_STR("letters"), {0, 0}},
                                {SL_STR("kafka.linger.ms"), SL_STR("1"), {0, 0}},
                                {SL_STR("sluice.delivery"), SL_STR("at-least-once"), {0, 0}}};
    struct sl_options options = {items, 4};
    sl_batch_init(&letters, sl_kafka_letter_schema(), &lab.query);
    sl_batch_init(&found, sl_kafka_letter_schema(), &lab.query);
    fill(&letters, ROWS);
    lab_produce(&lab, "letters", 0, 0, FOREIGN);
    write_letters(&lab, &options, &letters);
    sl_err_clear(&lab.err);
    if (sl_kafka_letters_connector.open_source(&lab.env, &options, SL_STR(""), false, &lab.source,
                                               &lab.err) != SL_OK)
        fail_msg("%s", lab.err.msg);
    read_letters(&lab, all, &found);
    assert_int_equal(found.rows, ROWS);
    assert_int_equal(sl_kafka_letters_foreign(lab.source), FOREIGN);
    for (int c = 0; c < SL_KAFKA_LETTER_COLUMNS; c++)
        for (uint32_t row = 0; row < ROWS; row++)
            if (!sl_vec_rows_equal(&letters.columns[c], row, &found.columns[c], row))
                fail_msg("row %u of column %d is another", row, c);
    sl_batch_clear(&found);
    bool ids[SL_KAFKA_LETTER_COLUMNS] = {
        [SL_KAFKA_LETTER_QUERY] = true, [SL_KAFKA_LETTER_BATCH_ID] = true};
    read_letters(&lab, ids, &found);
    assert_int_equal(found.rows, ROWS);
    assert_int_equal(found.columns[SL_KAFKA_LETTER_BATCH_ID].i64[ROWS - 1], ROWS - 1);
    assert_int_equal(found.columns[SL_KAFKA_LETTER_VALUE].rows, 0);
    sl_batch_release(&letters);
    sl_batch_release(&found);
    lab_end(&lab);
}

void test_reading_letters_needs_a_topic_and_no_stream(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "letters", 1);
    struct sl_options options = {lab.items, 1};
    assert_int_equal(sl_kafka_letters_connector.open_source(&lab.env, &options, SL_STR(""), false,
                                                            &lab.source, &lab.err),
                     SL_USER);
    assert_non_null(strstr(lab.err.msg, "`topic`"));
    assert_int_equal(sl_kafka_letters_connector.open_source(&lab.env, &options, SL_STR(""), true,
                                                            &lab.source, &lab.err),
                     SL_UNSUPPORTED);
    lab_end(&lab);
}
