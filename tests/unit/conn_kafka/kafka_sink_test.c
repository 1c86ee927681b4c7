/* The Kafka sink on the mock broker, which takes transactions and lets errors be injected, but
 * shows records before they are committed and keeps no marker: what needs a real broker is in
 * tests/fault/test_kafka_sink.py. */
#include "kafka_lab.h"

#include "conn/kafka/kafka_marker.h"
#include "conn/kafka/kafka_sink_options.h"

/* Numbers of Kafka's protocol. */
enum {
    PRODUCE = 0,
    FIND_COORDINATOR = 10,
    INIT_PRODUCER_ID = 22,
    ADD_PARTITIONS = 24,
    ADD_OFFSETS = 25,
    END_TXN = 26,
    TXN_OFFSET_COMMIT = 28,
};

struct bench {
    struct lab lab;
    struct sl_type *schema;
    struct sl_sink *sink;
    struct sl_batch batch;
    int64_t batch_id;
};

static void bench_begin(struct bench *bench, int partitions) {
    static struct sl_field fields[] = {{.name = {"key", 3}, .type = &sl_type_string},
                                       {.name = {"value", 5}, .type = &sl_type_string}};
    *bench = (struct bench){0};
    lab_begin(&bench->lab, "t", partitions);
    lab_option(&bench->lab, "kafka.check.crcs", "false"); /* the mock's commit marks have none */
    struct sl_arena *arena = &bench->lab.query;
    bench->lab.env.query_id = SL_STR("00000000-0000-0000-0000-000000000001");
    bench->lab.env.checkpoint_dir = SL_STR("/nonexistent");
    bench->schema = (struct sl_type *)sl_type_struct(arena, fields, 2);
    sl_batch_init(&bench->batch, bench->schema, arena);
}

static enum sl_code open_sink(struct bench *bench, const char *name, const char *value) {
    struct lab *lab = &bench->lab;
    struct sl_option options[3] = {lab->items[0], {SL_STR("topic"), SL_STR("t"), {0, 0}}};
    if (name) options[2] = (struct sl_option){sl_str(name), sl_str(value), {0, 0}};
    struct sl_sink_config config = {
        .schema = bench->schema, .options = {options, name ? 3 : 2}, .name = SL_STR("out")};
    sl_err_clear(&lab->err);
    enum sl_code code = sl_kafka_connector.open_sink(&lab->env, &config, &bench->sink, &lab->err);
    if (code == SL_OK) code = bench->sink->ops->recover(bench->sink, -1, 0, -1, &lab->err);
    return code;
}

static void bench_end(struct bench *bench) {
    if (bench->sink) bench->sink->ops->close(bench->sink);
    sl_batch_release(&bench->batch);
    lab_end(&bench->lab);
}

/* Rows k<n>, v<n>; key NULL for every eleventh. */
static void fill(struct bench *bench, int first, int count) {
    struct sl_err err;
    sl_batch_clear(&bench->batch);
    for (int i = first; i < first + count; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        if (i % 11 == 10)
            assert_int_equal(sl_vec_append_null(&bench->batch.columns[0], 1, &err), SL_OK);
        else
            assert_int_equal(sl_vec_put_str(&bench->batch.columns[0], sl_str(key), &err), SL_OK);
        assert_int_equal(sl_vec_put_str(&bench->batch.columns[1], sl_str(value), &err), SL_OK);
    }
    bench->batch.rows = bench->batch.selected_rows = (uint32_t)count;
}

/* The rows in hand as one batch through two tasks. */
static enum sl_code write_batch(struct bench *bench) {
    const struct sl_sink_ops *ops = bench->sink->ops;
    struct sl_err *err = &bench->lab.err;
    struct sl_sink_metrics metrics;
    struct sl_sink_writer *writers[2];
    sl_err_clear(err);
    enum sl_code code = ops->begin(bench->sink, bench->batch_id, 77, 2, err);
    if (code != SL_OK) return ops->abort(bench->sink), code;
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(ops->writer_open(bench->sink, i, &writers[i], err), SL_OK);
    code = ops->write(writers[0], &bench->batch, err);
    for (int i = 0; i < 2; i++) assert_int_equal(ops->writer_close(writers[i], err), SL_OK);
    if (code == SL_OK) code = ops->commit(bench->sink, &metrics, err);
    if (code == SL_OK)
        assert_int_equal(metrics.rows, bench->batch.rows);
    else
        ops->abort(bench->sink);
    bench->batch_id += code == SL_OK;
    return code;
}

static void read_back(struct bench *bench, struct lab_rows *rows) {
    struct lab *lab = &bench->lab;
    lab->env.checkpoint_dir = SL_STR("");
    assert_int_equal(lab_open(lab, true), SL_OK);
    lab_start(lab);
    (void)lab_latest(lab, (struct sl_batch_limits){0});
    if (lab_read(lab, 1, 4096, rows) != SL_OK) fail_msg("%s", lab->err.msg);
    lab->source->ops->close(lab->source);
    lab->source = NULL;
}

/* ---- partitions ---- */

/* Kafka's Utils.murmur2, written again as the twin. */
static uint32_t murmur2(const char *text) {
    const uint32_t m = 0x5bd1e995;
    uint32_t length = (uint32_t)strlen(text), hash = 0x9747b28c ^ length;
    const uint8_t *at = (const uint8_t *)text;
    for (uint32_t left = length; left >= 4; left -= 4, at += 4) {
        uint32_t k =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= m;
        k ^= k >> 24;
        hash = hash * m ^ k * m;
    }
    switch (length % 4) {
    case 3:
        hash ^= (uint32_t)at[2] << 16; /* fall through */
    case 2:
        hash ^= (uint32_t)at[1] << 8; /* fall through */
    case 1:
        hash = (hash ^ at[0]) * m;
    }
    hash ^= hash >> 13;
    hash *= m;
    return hash ^ hash >> 15;
}

/* Known answers of Kafka's UtilsTest.java. */
void test_murmur2_twin_is_right(void **state) {
    (void)state;
    assert_int_equal((int32_t)murmur2("21"), -973932308);
    assert_int_equal((int32_t)murmur2("foobar"), -790332482);
    assert_int_equal((int32_t)murmur2("a-little-bit-long-string"), -985981536);
}

void test_sink_keys_go_where_java_puts_them(void **state) {
    (void)state;
    static struct lab_rows rows;
    struct bench bench;
    bench_begin(&bench, 7);
    assert_int_equal(open_sink(&bench, NULL, NULL), SL_OK);
    fill(&bench, 0, 3000);
    assert_int_equal(write_batch(&bench), SL_OK);
    read_back(&bench, &rows);
    assert_int_equal(rows.count, 3000);
    int without_key = 0;
    for (uint32_t i = 0; i < rows.count; i++) {
        struct lab_row *row = &rows.items[i];
        assert_in_range(row->partition, 0, 6);
        if (strcmp(row->key, "NULL") == 0)
            without_key++;
        else
            assert_int_equal(row->partition, (murmur2(row->key) & 0x7fffffff) % 7);
    }
    assert_int_equal(without_key, 272);
    bench_end(&bench);
}

/* ---- errors of the broker ---- */

/* Every transactional request answered with errors that pass: the batch is committed all the same,
 * and each record is there once. */
void test_sink_passing_errors(void **state) {
    (void)state;
    static const struct {
        int request, error;
    } cases[] = {{FIND_COORDINATOR, 15}, {INIT_PRODUCER_ID, 14},  {INIT_PRODUCER_ID, 51},
                 {ADD_PARTITIONS, 51},   {ADD_PARTITIONS, 16},    {ADD_OFFSETS, 14},
                 {ADD_OFFSETS, 16},      {TXN_OFFSET_COMMIT, 14}, {TXN_OFFSET_COMMIT, 16},
                 {END_TXN, 14},          {END_TXN, 16},           {PRODUCE, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct lab_rows rows;
        struct bench bench;
        bench_begin(&bench, 2);
        if (cases[i].request == INIT_PRODUCER_ID || cases[i].request == FIND_COORDINATOR)
            sl_kafka_mock_answer(bench.lab.mock, cases[i].request, cases[i].error, 2);
        assert_int_equal(open_sink(&bench, NULL, NULL), SL_OK);
        if (cases[i].request != INIT_PRODUCER_ID && cases[i].request != FIND_COORDINATOR)
            sl_kafka_mock_answer(bench.lab.mock, cases[i].request, cases[i].error, 2);
        for (int batch = 0; batch < 2; batch++) {
            fill(&bench, batch * 100, 100);
            if (write_batch(&bench) != SL_OK)
                fail_msg("request %d, error %d: %s", cases[i].request, cases[i].error,
                         bench.lab.err.msg);
        }
        read_back(&bench, &rows);
        assert_int_equal(rows.count, 200);
        bench_end(&bench);
    }
}

/* What lasts: an error of the right kind that no query tries again. */
void test_sink_lasting_errors(void **state) {
    (void)state;
    static const struct {
        int request, error;
        enum sl_code code;
        const char *hint;
    } cases[] = {{ADD_PARTITIONS, 90, SL_CONFLICT, "another process"},
                 {END_TXN, 90, SL_CONFLICT, "another process"},
                 {ADD_PARTITIONS, 53, SL_UNAVAILABLE, "transactional id"},
                 {ADD_PARTITIONS, 29, SL_UNAVAILABLE, "WRITE on the topic"},
                 {TXN_OFFSET_COMMIT, 30, SL_UNAVAILABLE, "READ on the group"},
                 {PRODUCE, 10, SL_DATA, "max.message.bytes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench bench;
        bench_begin(&bench, 2);
        assert_int_equal(open_sink(&bench, NULL, NULL), SL_OK);
        sl_kafka_mock_answer(bench.lab.mock, cases[i].request, cases[i].error, 2);
        fill(&bench, 0, 100);
        enum sl_code code = write_batch(&bench);
        const struct sl_err *err = &bench.lab.err;
        if (code != cases[i].code || err->retriable || !strstr(err->hint, cases[i].hint))
            fail_msg("request %d, error %d: %s, %s; %s", cases[i].request, cases[i].error,
                     sl_code_name(code), err->msg, err->hint);
        bench_end(&bench);
    }
}

/* A batch that failed is written again by the next begin, as an outage is waited out. */
void test_sink_goes_on_after_a_failed_batch(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench, 2);
    assert_int_equal(open_sink(&bench, NULL, NULL), SL_OK);
    sl_kafka_mock_answer(bench.lab.mock, ADD_PARTITIONS, 29, 1);
    fill(&bench, 0, 100);
    assert_int_equal(write_batch(&bench), SL_UNAVAILABLE);
    assert_int_equal(write_batch(&bench), SL_OK);
    assert_int_equal(bench.batch_id, 1);
    bench_end(&bench);
}

/* ---- faults ---- */

/* With a quarantine a record that is too large is noted, and its batch goes on without it. */
void test_sink_notes_faults(void **state) {
    (void)state;
    struct bench bench;
    struct sl_faults faults;
    struct sl_err err;
    bench_begin(&bench, 1);
    assert_int_equal(open_sink(&bench, "kafka.max.request.size", "1000"), SL_OK);
    char *large = calloc(1, 2000);
    memset(large, 'x', 1999);
    fill(&bench, 0, 3);
    assert_int_equal(sl_vec_put_str(&bench.batch.columns[0], SL_STR("k"), &err), SL_OK);
    assert_int_equal(sl_vec_put_str(&bench.batch.columns[1], sl_str(large), &err), SL_OK);
    bench.batch.rows = bench.batch.selected_rows = 4;
    assert_int_equal(write_batch(&bench), SL_DATA);
    assert_non_null(strstr(bench.lab.err.msg, "2085 bytes"));
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 4);
    bench.batch.faults = &faults;
    const struct sl_sink_ops *ops = bench.sink->ops;
    struct sl_sink_writer *writer;
    struct sl_sink_metrics metrics;
    assert_int_equal(ops->begin(bench.sink, 0, 77, 1, &err), SL_OK);
    assert_int_equal(ops->writer_open(bench.sink, 0, &writer, &err), SL_OK);
    assert_int_equal(ops->write(writer, &bench.batch, &err), SL_OK);
    assert_int_equal(ops->writer_close(writer, &err), SL_OK);
    assert_int_equal(ops->commit(bench.sink, &metrics, &err), SL_OK);
    assert_int_equal(metrics.rows, 3);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 3);
    assert_int_equal(faults.items[0].kind, SL_FAULT_WRITE);
    sl_faults_release(&faults);
    bench.batch.faults = NULL;
    free(large);
    bench_end(&bench);
}

/* ---- markers ---- */

void test_marker_texts(void **state) {
    (void)state;
    static const int64_t batches[] = {0, 1, 99, INT64_MAX};
    char text[SL_KAFKA_MARKER_TEXT];
    struct sl_kafka_marker marker;
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        seed = seed * 6364136223846793005u + 1;
        sl_kafka_marker_put(text, batches[i], seed);
        assert_true(sl_kafka_marker_parse(sl_str(text), &marker));
        assert_int_equal(marker.batch_id, batches[i]);
        assert_true(marker.offsets_hash == seed);
    }
    static const char *const others[] = {"",
                                         "sluice1",
                                         "sluice1 ",
                                         "sluice1 5",
                                         "sluice1 5 0123456789abcde",
                                         "sluice1 5 0123456789abcdeg",
                                         "sluice1 5 0123456789abcdef0",
                                         "sluice1 -1 0123456789abcdef",
                                         "sluice1 x 0123456789abcdef",
                                         "sluice1 99999999999999999999 0123456789abcdef",
                                         "sluice2 5 0123456789abcdef",
                                         "something else"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sl_kafka_marker_parse(sl_str(others[i]), &marker)) fail_msg("`%s`", others[i]);
}
