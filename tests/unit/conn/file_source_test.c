/* Files through the source, as a task reads them: where a file ends, what is malformed in it, which
 * errors are passed over, and listings while files are exchanged. */
#include "unit.h"

#include "base/fail.h"
#include "col/vec.h"
#include "conn/conn.h"
#include "kern/zone.h"
#include "temp_dir.h"

enum { OPTIONS_MAX = 6 };

struct fixture {
    char *dir;
    struct sl_arena arena;
    struct sl_log log;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_option options[OPTIONS_MAX];
    uint32_t option_count;
    struct sl_buf rows; /* what was read, a word a row */
    struct sl_err err;
};

static void add_option(struct fixture *fixture, const char *name, const char *value) {
    fixture->options[fixture->option_count++] =
        (struct sl_option){sl_str(name), sl_str(value), {0, 0}};
}

static void start(struct fixture *fixture, const char *schema) {
    *fixture = (struct fixture){.dir = temp_dir_make()};
    sl_arena_init(&fixture->arena, "test");
    sl_log_init(&fixture->log);
    fixture->log.level = SL_LOG_ERROR;
    fixture->session =
        (struct sl_session){.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    fixture->env = (struct sl_conn_env){
        .query = &fixture->arena, .log = &fixture->log, .session = &fixture->session};
    add_option(fixture, "schema", schema);
}

static void stop(struct fixture *fixture) {
    sl_buf_release(&fixture->rows);
    sl_arena_release(&fixture->arena);
    temp_dir_remove(fixture->dir);
}

static void write_text(struct fixture *fixture, const char *name, const char *text) {
    temp_dir_write(fixture->dir, name, text, strlen(text));
}

static enum sl_code open_source(struct fixture *fixture, const char *format, bool streaming,
                                struct sl_source **out) {
    struct sl_options *options = SL_NEW(&fixture->arena, struct sl_options);
    *options = (struct sl_options){fixture->options, fixture->option_count};
    return sl_connector_find(sl_str(format))
        ->open_source(&fixture->env, options, sl_str(fixture->dir), streaming, out, &fixture->err);
}

/* Value of the last wanted column, `-` for null; `!` in front, and the line behind, of a row that
 * is malformed. */
static void put_row(struct fixture *fixture, const struct sl_batch *batch, uint32_t column,
                    uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    bool bad = batch->malformed && sl_faults_has(batch->malformed, row);
    if (fixture->rows.len) sl_buf_put_byte(&fixture->rows, ' ');
    if (bad)
        sl_buf_printf(&fixture->rows, "!%lld", (long long)batch->origin.offsets[row]);
    else if (sl_vec_is_null(vec, row))
        sl_buf_put_byte(&fixture->rows, '-');
    else if (vec->type->kind == SL_STRING_KIND)
        sl_buf_put_str(&fixture->rows, sl_vec_str(vec, row));
    else
        sl_buf_printf(&fixture->rows, "%lld", (long long)vec->i64[row]);
}

static enum sl_code read_split(struct fixture *fixture, struct sl_source *source,
                               const struct sl_split *split, const bool *wanted,
                               uint32_t rows_max) {
    struct sl_reader *reader;
    struct sl_batch batch;
    const struct sl_type *schema = source->ops->schema(source);
    uint32_t idx[100], column = 0;
    const char *why = "";
    for (uint32_t c = 0; c < schema->field_count; c++)
        if (wanted[c]) column = c;
    SL_TRY(source->ops->reader_open(source, split, wanted, &reader, &fixture->err));
    sl_batch_init(&batch, schema, &fixture->arena);
    enum sl_code code = SL_OK;
    while (code == SL_OK) {
        sl_batch_clear(&batch);
        code = source->ops->reader_next(reader, rows_max, &batch, &fixture->err);
        if (code != SL_OK || batch.rows == 0) break;
        assert_in_range(batch.rows, 1, rows_max);
        if (!sl_vec_verify(&batch.columns[column], &why)) fail_msg("%s", why);
        uint32_t count = sl_batch_selection(&batch, idx);
        for (uint32_t i = 0; i < count; i++) put_row(fixture, &batch, column, idx[i]);
    }
    source->ops->reader_close(reader);
    sl_batch_release(&batch);
    return code;
}

static enum sl_code read_columns(struct fixture *fixture, const char *format, const bool *wanted,
                                 uint32_t rows_max) {
    struct sl_source *source;
    struct sl_split *splits;
    uint32_t count;
    fixture->err = (struct sl_err){0};
    sl_buf_clear(&fixture->rows);
    SL_TRY(open_source(fixture, format, false, &source));
    enum sl_code code = source->ops->plan(source, SL_STR(""), SL_STR(""), 1, &fixture->arena,
                                          &splits, &count, &fixture->err);
    for (uint32_t i = 0; i < count && code == SL_OK; i++)
        code = read_split(fixture, source, &splits[i], wanted, rows_max);
    source->ops->close(source);
    return code;
}

static enum sl_code read_all(struct fixture *fixture, const char *format, uint32_t rows_max) {
    static const bool all[] = {true, true};
    return read_columns(fixture, format, all, rows_max);
}

static void check_rows(struct fixture *fixture, const char *format, uint32_t rows_max,
                       const char *want) {
    if (read_all(fixture, format, rows_max) != SL_OK) fail_msg("%s", fixture->err.msg);
    assert_string_equal(sl_buf_cstr(&fixture->rows), want);
}

/* A run of lines may have no rows at all: with one line a batch, nearly every run here. */
void test_empty_arrays_are_not_the_end(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, "id BIGINT");
    write_text(&fixture, "a.json",
               "[]\n[]\n{\"id\":1}\n[ ]\n[{\"id\":2},{\"id\":3}]\n[]\n[]\n{\"id\":4}\n[]\n");
    for (uint32_t rows_max = 1; rows_max < 12; rows_max++)
        check_rows(&fixture, "json", rows_max, "1 2 3 4");
    write_text(&fixture, "a.json", "[]\n[]");
    check_rows(&fixture, "json", 1, "");
    add_option(&fixture, "multiLine", "true");
    write_text(&fixture, "a.json", "[\n]");
    check_rows(&fixture, "json", 1, "");
    stop(&fixture);
}

/* An array is one record: every row of it has its fault, in whatever parts they are handed out. */
void test_malformed_elements_of_arrays(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, "id BIGINT");
    write_text(&fixture, "a.json",
               "{\"id\":1}\n[{\"id\":\"x\"},{\"id\":2}]\n[{\"id\":3},{\"id\":4}]\n[{\"id\":\n"
               "{\"id\":\"y\"}\n[{\"id\":5}]\n");
    for (uint32_t rows_max = 1; rows_max < 8; rows_max++)
        check_rows(&fixture, "json", rows_max, "1 !2 !2 3 4 !4 !5 5");
    stop(&fixture);
}

static void check_not_ignored(struct fixture *fixture, const char *format, const char *failpoint,
                              enum sl_code want) {
    struct sl_err err = {0};
    assert_int_equal(sl_fail_configure(failpoint, &err), SL_OK);
    enum sl_code code = read_all(fixture, format, 10);
    assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
    if (code != want) fail_msg("%s %s: %d", format, failpoint, (int)code);
}

/* Trouble of this machine, and records that end the query by its own wish, are no damage. */
void test_only_damage_is_ignored(void **state) {
    (void)state;
    static const unsigned char cut[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0x56};
    struct fixture fixture;
    start(&fixture, "id BIGINT");
    add_option(&fixture, "ignoreCorruptFiles", "true");
    write_text(&fixture, "b.json", "{\"id\":1}\n");
    temp_dir_write(fixture.dir, "a.json.gz", cut, sizeof cut);
    check_rows(&fixture, "json", 10, "1");
    check_not_ignored(&fixture, "json", "io.read:2:eio", SL_IO);
    check_not_ignored(&fixture, "json", "io.read:2:emfile", SL_IO);
    check_not_ignored(&fixture, "json", "io.read:2:eacces", SL_IO);
    assert_non_null(strstr(fixture.err.ctx, "b.json"));
    add_option(&fixture, "mode", "FAILFAST");
    write_text(&fixture, "b.json", "{\"id\":1}\n{\"id\":\"x\"}\n");
    check_not_ignored(&fixture, "json", "", SL_DATA);
    assert_non_null(strstr(fixture.err.condition, "MALFORMED_RECORD_IN_PARSING"));
    write_text(&fixture, "a.json.gz", "");
    write_text(&fixture, "b.json", "1\nx\n");
    check_not_ignored(&fixture, "csv", "", SL_DATA);
    stop(&fixture);
}

void test_corrupt_record_column_alone(void **state) {
    (void)state;
    static const char *const formats[] = {"json", "csv"};
    static const bool last[] = {false, true};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        start(&fixture, "_corrupt_record STRING");
        write_text(&fixture, "a", i ? "1\nx\n3\n" : "{\"id\":1}\nx\n{\"id\":3}\n");
        assert_int_equal(read_all(&fixture, formats[i], 10), SL_UNSUPPORTED);
        assert_string_equal(fixture.err.condition,
                            "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN");
        fixture.options[0].value = SL_STR("id BIGINT, _corrupt_record STRING");
        if (read_columns(&fixture, formats[i], last, 2) != SL_OK) fail_msg("%s", fixture.err.msg);
        assert_string_equal(sl_buf_cstr(&fixture.rows), "- x -");
        stop(&fixture);
    }
}

static enum sl_code next_batch(struct fixture *fixture, struct sl_source *source, bool *has_new) {
    struct sl_batch_limits limits = {.available_now = true}; /* no pause between listings */
    struct sl_buf end = {0};
    enum sl_code code =
        source->ops->latest_offset(source, SL_STR(""), &limits, &end, has_new, &fixture->err);
    sl_buf_release(&end);
    return code;
}

/* A compaction of a directory without a log begins after the stream was opened: its listing would
 * have some of the old and some of the new files. */
void test_stream_does_not_list_during_an_exchange(void **state) {
    (void)state;
    struct fixture fixture;
    struct sl_source *source;
    bool has_new;
    char *log_dir = temp_dir_make(), path[512];
    start(&fixture, "id BIGINT");
    if (open_source(&fixture, "parquet", true, &source) != SL_OK) fail_msg("%s", fixture.err.msg);
    assert_int_equal(source->ops->attach(source, log_dir, &fixture.err), SL_OK);
    write_text(&fixture, "a.parquet", "x");
    snprintf(path, sizeof path, "%s/.sluice-staging/compact-intent", fixture.dir);
    assert_int_equal(sl_io_make_dirs(path, &fixture.err), SL_OK);
    write_text(&fixture, ".sluice-staging/compact-intent/0", "x");
    assert_int_equal(next_batch(&fixture, source, &has_new), SL_CONFLICT);
    assert_false(has_new);
    assert_int_equal(sl_io_remove_tree(path, &fixture.err), SL_OK);
    assert_int_equal(next_batch(&fixture, source, &has_new), SL_OK);
    assert_true(has_new);
    source->ops->close(source);
    stop(&fixture);
    temp_dir_remove(log_dir);
}
