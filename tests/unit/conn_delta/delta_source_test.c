/* Small Delta tables through the source: order of columns, pruning, deletion vectors, versions,
 * refusals. */
#include "lake_delta/delta_table.h"
#include "table/data_file.h"

#include "conn/delta/delta_source.h"
#include "expr/expr.h"
#include "kern/zone.h"

static struct sl_session session;
static struct sl_arena arena;
static struct sl_conn_env env;
static char *dir;

/* a BIGINT, part STRING, b INT: the partition column stands in the middle */
#define METADATA_PART                                                                              \
    METADATA_OF(FIELD("a", "long") "," FIELD("part", "string") "," FIELD("b", "integer"),          \
                "\"part\"", "")

static void append(struct sl_delta_snapshot *snapshot, const char *path, const char *part,
                   const char *stats, const struct sl_delta_vector *vector) {
    struct sl_delta_pair pair = {SL_STR("part"), part ? sl_str(part) : (struct sl_str){0}};
    struct sl_delta_file file = delta_file(path);
    file.partition_values = (struct sl_delta_map){&pair, 1};
    file.stats = sl_str(stats);
    if (vector) file.vector = *vector;
    struct sl_delta_commit commit = delta_append(&file, NULL);
    delta_commit(snapshot, &commit);
}

/* Version 1: a = 0..99 of part x; 2: 100..199 of part y; 3: 200..299 of part null, six rows of
 * which are deleted. */
static void set_up(void) {
    struct sl_delta_vector vector = {
        .storage = 'i',
        .path_or_inline = SL_STR("^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L"),
        .offset = -1,
        .bytes = 44,
        .cardinality = 6};
    session = (struct sl_session){.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    sl_arena_init(&arena, "test");
    env = (struct sl_conn_env){.query = &arena, .session = &session};
    dir = temp_dir_make();
    delta_create(&arena, dir,
                 "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                 "\"readerFeatures\":[\"deletionVectors\"],"
                 "\"writerFeatures\":[\"deletionVectors\"]}}",
                 METADATA_PART);
    struct sl_delta_snapshot *snapshot = delta_open(dir);
    data_file_range(dir, "x y.parquet", "a", &sl_type_long, 0, 100, 0);
    data_file_range(dir, "y.parquet", "a", &sl_type_long, 100, 200, 0);
    data_file_range(dir, "z.parquet", "a", &sl_type_long, 200, 300, 0);
    append(snapshot, "x%20y.parquet", "x",
           "{\"numRecords\":100,\"minValues\":{\"a\":0},\"maxValues\":{\"a\":99},"
           "\"nullCount\":{\"a\":0,\"b\":100}}",
           NULL);
    append(snapshot, "y.parquet", "y",
           "{\"numRecords\":100,\"minValues\":{\"a\":100},\"maxValues\":{\"a\":199}}", NULL);
    append(snapshot, "z.parquet", NULL, "{\"numRecords\":100,\"tightBounds\":false}", &vector);
    sl_delta_snapshot_close(snapshot);
}

static void tear_down(void) {
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

static enum sl_code open_with(const char *name, const char *value, struct sl_source **out,
                              struct sl_err *err) {
    struct sl_option option = {sl_str(name), sl_str(value), {0, 0}};
    struct sl_options options = {&option, *name ? 1 : 0};
    return sl_delta_source_open(&env, &options, sl_str(dir), false, out, err);
}

struct sum {
    uint32_t splits, rows, nulls;
    int64_t a;
    char parts[16]; /* first letters of the values of part, in the order of files */
};

static enum sl_code read_split(struct sl_source *source, const struct sl_split *split,
                               struct sum *sum, struct sl_err *err) {
    static const bool wanted[] = {true, true, true};
    struct sl_reader *reader;
    struct sl_batch batch;
    uint32_t idx[1000];
    SL_TRY(source->ops->reader_open(source, split, wanted, &reader, err));
    sum->parts[split->index] = '.'; /* a file without rows */
    sl_batch_init(&batch, source->ops->schema(source), &arena);
    for (;;) {
        sl_batch_clear(&batch);
        check_ok(source->ops->reader_next(reader, 64, &batch, err), err);
        if (batch.rows == 0) break;
        uint32_t count = sl_batch_selection(&batch, idx);
        for (uint32_t i = 0; i < count; i++) {
            sum->a += batch.columns[0].i64[idx[i]];
            sum->nulls += sl_vec_is_null(&batch.columns[2], idx[i]);
        }
        sum->rows += count;
        if (sl_vec_is_null(&batch.columns[1], 0))
            sum->parts[split->index] = '-';
        else
            sum->parts[split->index] = *sl_vec_str(&batch.columns[1], 0).ptr;
    }
    source->ops->reader_close(reader);
    sl_batch_release(&batch);
    return SL_OK;
}

static struct sum read_all(struct sl_source *source) {
    struct sl_split *splits;
    struct sum sum = {0};
    struct sl_err err = {0};
    check_ok(
        source->ops->plan(source, SL_STR(""), SL_STR(""), 2, &arena, &splits, &sum.splits, &err),
        &err);
    for (uint32_t i = 0; i < sum.splits; i++)
        check_ok(read_split(source, &splits[i], &sum, &err), &err);
    return sum;
}

/* Rows 3, 4, 7, 11, 18 and 29 of the last file are gone. */
enum { DELETED = 6, DELETED_SUM = 6 * 200 + 3 + 4 + 7 + 11 + 18 + 29 };

void test_delta_source_reads_the_table(void **state) {
    (void)state;
    struct sl_source *source;
    struct sl_err err = {0};
    set_up();
    check_ok(open_with("", "", &source, &err), &err);
    const struct sl_type *schema = source->ops->schema(source);
    assert_int_equal(schema->field_count, 3);
    assert_true(sl_str_eq(schema->fields[1].name, SL_STR("part")));
    struct sum sum = read_all(source);
    assert_int_equal(sum.splits, 3);
    assert_int_equal(sum.rows, 300 - DELETED);
    assert_int_equal(sum.a, 299 * 300 / 2 - DELETED_SUM);
    assert_int_equal(sum.nulls, sum.rows); /* no file has b */
    assert_string_equal(sum.parts, "-yx");
    source->ops->close(source);
    tear_down();
}

/* Files that the condition `column op value` leaves. */
static struct sum read_where(uint32_t column, const char *op, struct sl_expr *value) {
    static const uint32_t columns[] = {0, 1, 2};
    struct sl_expr_ctx ctx = {&arena, &session};
    struct sl_source *source;
    struct sl_err err = {0};
    check_ok(open_with("", "", &source, &err), &err);
    struct sl_expr *condition, *args[] = {sl_expr_column(&ctx, column, value->type, true), value};
    check_ok(sl_expr_call(&ctx, sl_str(op), args, 2, (struct sl_span){0}, &condition, &err), &err);
    source->ops->restrict_to(source, &condition, 1, columns);
    struct sum sum = read_all(source);
    source->ops->close(source);
    return sum;
}

void test_delta_source_skips_files(void **state) {
    (void)state;
    set_up();
    struct sl_expr_ctx ctx = {&arena, &session};
    struct sl_expr *y = sl_expr_literal_str(&ctx, SL_STR("y")),
                   *hundred = sl_expr_literal_i64(&ctx, &sl_type_long, 100),
                   *zero = sl_expr_literal_i64(&ctx, &sl_type_int, 0);
    assert_string_equal(read_where(1, "=", y).parts, "y");
    assert_string_equal(read_where(1, ">", y).parts, "");
    assert_string_equal(read_where(0, "<", hundred).parts,
                        ".x"); /* no bounds in the log, but in the file */
    assert_string_equal(read_where(0, ">=", hundred).parts, "-y");
    assert_int_equal(read_where(2, ">", zero).splits, 2); /* b is null all over the first file */
    tear_down();
}

void test_delta_source_reads_older_versions(void **state) {
    (void)state;
    struct sl_source *source;
    struct sl_err err = {0};
    set_up();
    check_ok(open_with("versionAsOf", "2", &source, &err), &err);
    assert_int_equal(read_all(source).rows, 200);
    assert_int_equal(open_with("versionAsOf", "4", &source, &err), SL_USER);
    assert_int_equal(open_with("versionAsOf", "two", &source, &err), SL_USER);
    assert_string_equal(err.condition, "DELTA_INVALID_VERSION");
    assert_int_equal(open_with("timestampAsOf", "1999-01-01", &source, &err), SL_USER);
    assert_string_equal(err.condition, "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION");
    assert_int_equal(open_with("versionOf", "1", &source, &err), SL_USER);
    tear_down();
}

void test_delta_source_names_what_is_missing(void **state) {
    (void)state;
    struct sl_source *source;
    struct sl_split *splits;
    struct sum sum = {0};
    struct sl_err err = {0};
    char path[512];
    set_up();
    check_ok(open_with("versionAsOf", "1", &source, &err), &err);
    snprintf(path, sizeof path, "%s/x y.parquet", dir);
    check_ok(sl_io_unlink(path, &err), &err);
    check_ok(
        source->ops->plan(source, SL_STR(""), SL_STR(""), 2, &arena, &splits, &sum.splits, &err),
        &err);
    assert_int_equal(read_split(source, &splits[0], &sum, &err), SL_DATA);
    assert_string_equal(err.condition, "DELTA_FILE_NOT_FOUND_DETAILED");
    assert_non_null(strstr(err.msg, "x y.parquet"));
    assert_non_null(strstr(err.msg, dir));
    struct sl_options none = {0};
    assert_int_equal(
        sl_delta_source_open(&env, &none, SL_STR("/nowhere/at/all"), false, &source, &err),
        SL_USER);
    assert_string_equal(err.condition, "DELTA_PATH_DOES_NOT_EXIST");
    assert_int_equal(sl_delta_source_open(&env, &none, sl_str("/tmp"), true, &source, &err),
                     SL_USER);
    assert_string_equal(err.condition, "DELTA_MISSING_DELTA_TABLE");
    tear_down();
}
