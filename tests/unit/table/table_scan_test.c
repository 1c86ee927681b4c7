/* A scan of one file at a time: positions, widening, missing columns, refusals. */
#include "data_file.h"

#include "kern/zone.h"
#include "table/table_scan.h"

static struct sl_session session;
static struct sl_arena arena;

static int set_up(void) {
    session = (struct sl_session){.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    sl_arena_init(&arena, "test");
    return 0;
}

static const struct sl_type *type_of(const char *ddl) {
    const struct sl_type *type;
    struct sl_err err;
    check_ok(sl_type_parse_schema(&arena, sl_str(ddl), &type, &err), &err);
    return type;
}

static struct sl_table_scan *scan_of(const struct sl_type *schema, const struct sl_type *physical,
                                     bool widen) {
    struct sl_table_scan_config config = {
        .schema = schema, .physical = physical, .widen = widen, .session = &session};
    return sl_table_scan_new(&arena, &config);
}

static void restrict_to(struct sl_table_scan *scan, const char *op, int64_t value) {
    static const uint32_t places[] = {0};
    struct sl_expr_ctx ctx = {&arena, &session};
    struct sl_expr *args[] = {sl_expr_column(&ctx, 0, &sl_type_long, true),
                              sl_expr_literal_i64(&ctx, &sl_type_long, value)};
    struct sl_expr *condition;
    assert_int_equal(sl_expr_call(&ctx, sl_str(op), args, 2, (struct sl_span){0}, &condition, NULL),
                     SL_OK);
    sl_table_scan_restrict(scan, &condition, 1, places, NULL);
}

enum { ROWS = 1000, GROUP_ROWS = 70 };

static void clear_deleted(const void *deleted, uint64_t first, uint32_t rows, uint64_t *keep) {
    const bool *gone = deleted;
    assert_true(first + rows <= ROWS);
    for (uint32_t i = 0; i < rows; i++)
        if (gone[first + i]) sl_bit_clear(keep, i);
}

/* Which values of 0 .. ROWS-1 come out. */
static void read_values(struct sl_table_scan *scan, const struct sl_scan_file *file, bool *seen) {
    struct sl_table_reader *reader;
    struct sl_batch batch;
    struct sl_err err = {0};
    bool wanted[] = {true};
    static const struct sl_field field = {.name = {"v", 1}, .type = &sl_type_long};
    struct sl_type schema = {
        .kind = SL_STRUCT_KIND, .field_count = 1, .fields = (struct sl_field *)&field};
    uint32_t idx[ROWS];
    memset(seen, 0, ROWS);
    sl_batch_init(&batch, &schema, &arena);
    check_ok(sl_table_reader_open(scan, file, wanted, &reader, &err), &err);
    for (;;) {
        sl_batch_clear(&batch);
        check_ok(sl_table_reader_next(reader, 33, &batch, &err), &err);
        if (batch.rows == 0) break;
        uint32_t count = sl_batch_selection(&batch, idx);
        assert_int_equal(count, batch.selected ? batch.selected_rows : batch.rows);
        for (uint32_t i = 0; i < count; i++) {
            int64_t value = batch.columns[0].i64[idx[i]];
            assert_int_equal(batch.origin.offsets[idx[i]], value + 1);
            assert_false(seen[value]);
            seen[value] = true;
        }
    }
    sl_table_reader_close(reader);
    sl_batch_release(&batch);
}

/* Goal: deletions hit the right rows whichever row groups are passed over. Method: random deletions
 * and conditions; every row that is there and fulfils the condition comes, no deleted one does. */
void test_scan_deletes_by_position_in_the_file(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    bool gone[ROWS], seen[ROWS];
    uint32_t passed_over = 0;
    set_up();
    data_file_range(dir, "f.parquet", "v", &sl_type_long, 0, ROWS, GROUP_ROWS);
    snprintf(path, sizeof path, "%s/f.parquet", dir);
    srand(7);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < ROWS; i++) gone[i] = rand() % 3 == 0;
        struct sl_scan_file file = {.path = path, .clear_deleted = clear_deleted, .deleted = gone};
        struct sl_table_scan *scan = scan_of(type_of("v BIGINT"), NULL, false);
        int limit = rand() % ROWS, way = round % 3;
        if (way == 1) restrict_to(scan, ">", limit);
        if (way == 2) restrict_to(scan, "=", limit);
        read_values(scan, &file, seen);
        for (int i = 0; i < ROWS; i++) {
            bool wanted = way == 0 || (way == 1 ? i > limit : i == limit);
            if (gone[i]) assert_false(seen[i]);
            if (!gone[i] && wanted) assert_true(seen[i]);
            passed_over += !gone[i] && !seen[i];
        }
    }
    assert_true(passed_over > 0); /* groups were */
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

/* {p: int, s: struct<x: int, z: int>, d: date} of two rows, the second null in s. */
static void write_old_file(const char *dir) {
    const struct sl_type *schema = type_of("p INT, s STRUCT<x: INT, z: INT>, d DATE");
    struct sl_vec p, s, d;
    const struct sl_vec *columns[] = {&p, &s, &d};
    sl_vec_init(&p, schema->fields[0].type);
    sl_vec_init(&s, schema->fields[1].type);
    sl_vec_init(&d, schema->fields[2].type);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sl_vec_put_i64(&p, 5 + i, NULL), SL_OK);
        assert_int_equal(sl_vec_put_i64(&d, i, NULL), SL_OK);
    }
    assert_int_equal(sl_vec_put_i64(&s.children[0], 7, NULL), SL_OK);
    assert_int_equal(sl_vec_put_i64(&s.children[1], 8, NULL), SL_OK);
    s.rows = 1;
    assert_int_equal(sl_vec_append_null(&s, 1, NULL), SL_OK);
    data_file_write(dir, "old.parquet", schema, columns, 2, 0);
    for (int i = 0; i < 3; i++) sl_vec_release((struct sl_vec *)columns[i]);
}

/* A table whose columns grew, moved, were renamed and added since the file was written. */
void test_scan_makes_an_old_file_fit(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_table_reader *reader;
    struct sl_batch batch;
    struct sl_err err = {0};
    bool wanted[] = {true, true, true, true};
    set_up();
    write_old_file(dir);
    snprintf(path, sizeof path, "%s/old.parquet", dir);
    const struct sl_type *schema =
        type_of("n STRING, s STRUCT<y: STRING, renamed: BIGINT>, a BIGINT, d TIMESTAMP_NTZ");
    const struct sl_type *physical =
        type_of("n STRING, s STRUCT<y: STRING, x: BIGINT>, p BIGINT, d TIMESTAMP_NTZ");
    struct sl_table_scan *scan = scan_of(schema, physical, true);
    struct sl_scan_file file = {.path = path};
    check_ok(sl_table_reader_open(scan, &file, wanted, &reader, &err), &err);
    sl_batch_init(&batch, schema, &arena);
    check_ok(sl_table_reader_next(reader, 100, &batch, &err), &err);
    assert_int_equal(batch.rows, 2);
    for (uint32_t c = 0; c < 4; c++) {
        const char *why = NULL;
        if (!sl_vec_verify(&batch.columns[c], &why)) fail_msg("column %u: %s", c, why);
        assert_true(sl_type_equal(batch.columns[c].type, schema->fields[c].type));
    }
    assert_true(sl_vec_is_null(&batch.columns[0], 0) && sl_vec_is_null(&batch.columns[0], 1));
    assert_false(sl_vec_is_null(&batch.columns[1], 0));
    assert_true(sl_vec_is_null(&batch.columns[1], 1));
    assert_true(sl_vec_is_null(&batch.columns[1].children[0], 0));
    assert_int_equal(batch.columns[1].children[1].i64[0], 7);
    assert_true(sl_vec_is_null(&batch.columns[1].children[1], 1));
    assert_int_equal(batch.columns[2].i64[1], 6);
    assert_int_equal(batch.columns[3].i64[1], INT64_C(86400000000));
    sl_table_reader_close(reader);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

static enum sl_code open_as(const char *path, const char *ddl, bool widen, struct sl_err *err) {
    struct sl_table_reader *reader = NULL;
    bool wanted[] = {true};
    struct sl_scan_file file = {.path = path};
    enum sl_code code =
        sl_table_reader_open(scan_of(type_of(ddl), NULL, widen), &file, wanted, &reader, err);
    if (code == SL_OK) sl_table_reader_close(reader);
    return code;
}

void test_scan_refuses_types_that_lose_values(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_err err = {0};
    set_up();
    data_file_range(dir, "f.parquet", "v", &sl_type_long, 0, 3, 0);
    snprintf(path, sizeof path, "%s/f.parquet", dir);
    check_ok(open_as(path, "v BIGINT", true, &err), &err);
    check_ok(open_as(path, "v DECIMAL(20, 1)", true, &err), &err);
    check_ok(open_as(path, "other STRING", true, &err), &err);
    assert_int_equal(open_as(path, "v DECIMAL(20, 2)", true, &err), SL_USER);
    assert_int_equal(open_as(path, "v DECIMAL(20, 1)", false, &err), SL_USER);
    static const char *const narrower[] = {"v INT", "v DOUBLE", "v STRING", "v ARRAY<BIGINT>"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(open_as(path, narrower[i], true, &err), SL_USER);
        assert_string_equal(err.condition, "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH");
        assert_non_null(strstr(err.msg, "BIGINT"));
    }
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
