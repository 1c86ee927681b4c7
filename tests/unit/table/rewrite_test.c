/* Groups of files become one each: rows in the order of the inputs, deleted ones left out, files
 * cut at the target, a failing input leaves no open file; on one thread and on a pool. */
#include "data_file.h"

#include "base/bits.h"
#include "fmt/parquet/parquet_read.h"
#include "kern/zone.h"
#include "table/rewrite.h"

enum { INPUTS = 10, ROWS = 100 };

struct world {
    struct sl_arena arena;
    struct sl_session session;
    char *dir;
    const struct sl_type *schema;
    const char *paths[INPUTS];
    bool odd_deleted;
    struct {
        char *final;
        uint32_t group;
        uint64_t rows;
        int64_t min, max;
    } made[64];
    size_t count;
    int opened, closed;
};

static void clear_odd(const void *deleted, uint64_t first_row, uint32_t rows, uint64_t *keep) {
    (void)deleted;
    for (uint32_t i = 0; i < rows; i++)
        if ((first_row + i) % 2) sl_bit_put(keep, i, false);
}

static enum sl_code open_input(void *ctx, uint32_t input, struct sl_scan_file *out, void **handle,
                               struct sl_err *err) {
    struct world *w = ctx;
    (void)err;
    *out = (struct sl_scan_file){.path = w->paths[input], .bytes = UINT64_MAX};
    if (w->odd_deleted) out->clear_deleted = clear_odd, out->deleted = w;
    *handle = w;
    __atomic_fetch_add(&w->opened, 1, __ATOMIC_SEQ_CST);
    return SL_OK;
}

static void close_input(void *ctx, void *handle) {
    assert_ptr_equal(ctx, handle);
    __atomic_fetch_add(&((struct world *)ctx)->closed, 1, __ATOMIC_SEQ_CST);
}

static enum sl_code closed(void *ctx, uint32_t group, const struct sl_data_file *file,
                           struct sl_err *err) {
    struct world *w = ctx;
    (void)err;
    const struct sl_column_stats *stats = sl_parquet_writer_stats(file->encoder, 0);
    w->made[w->count].final = strdup(file->final);
    w->made[w->count].group = group;
    w->made[w->count].rows = file->rows;
    w->made[w->count].min = stats->min.i64[0];
    w->made[w->count++].max = stats->max.i64[0];
    return SL_OK;
}

static void world_init(struct world *w) {
    *w = (struct world){.session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")}};
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&w->arena, "test");
    w->dir = temp_dir_make();
    struct sl_field field = {.name = SL_STR("n"), .type = &sl_type_long, .nullable = true};
    w->schema = sl_type_struct(&w->arena, &field, 1);
    for (int i = 0; i < INPUTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "in-%d.parquet", i);
        data_file_range(w->dir, name, "n", &sl_type_long, i * ROWS, (i + 1) * ROWS, 30);
        w->paths[i] = sl_path_join(&w->arena, w->dir, name);
    }
}

static void world_release(struct world *w) {
    for (size_t i = 0; i < w->count; i++) free(w->made[i].final);
    temp_dir_remove(w->dir);
    sl_arena_release(&w->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

static struct sl_rewrite rewrite_of(struct world *w) {
    struct sl_rewrite rewrite = {.table_dir = w->dir,
                                 .file_schema = w->schema,
                                 .open_input = open_input,
                                 .close_input = close_input,
                                 .closed = closed,
                                 .ctx = w};
    rewrite.scan = sl_table_scan_new(
        &w->arena, &(struct sl_table_scan_config){.schema = w->schema, .session = &w->session});
    sl_parquet_write_options_init(&rewrite.encoding);
    return rewrite;
}

static void check(struct world *w, size_t files, uint64_t rows) {
    uint64_t sum = 0;
    assert_int_equal(w->count, files);
    assert_int_equal(w->opened, w->closed);
    for (size_t i = 0; i < files; i++) {
        sum += w->made[i].rows;
        assert_true(temp_dir_exists(w->dir, w->made[i].final));
    }
    assert_int_equal(sum, rows);
}

void test_rewrite_groups(void **state) {
    (void)state;
    static const struct sl_rewrite_group groups[] = {{0, 3, ""}, {3, 1, ""}, {4, 6, ""}};
    for (int threads = 0; threads < 3; threads += 2) {
        struct world w;
        struct sl_pool *pool = NULL;
        struct sl_err err = {0};
        world_init(&w);
        struct sl_rewrite rewrite = rewrite_of(&w);
        if (threads) check_ok(sl_pool_new(2, &pool, &err), &err);
        check_ok(sl_rewrite_run(&rewrite, pool, groups, 3, &err), &err);
        check(&w, 3, INPUTS * ROWS);
        for (size_t i = 0; i < 3; i++) {
            const struct sl_rewrite_group *group = &groups[w.made[i].group];
            assert_int_equal(w.made[i].min, group->first * ROWS);
            assert_int_equal(w.made[i].max, (group->first + group->count) * ROWS - 1);
        }
        sl_pool_free(pool);
        world_release(&w);
    }
}

void test_rewrite_leaves_deleted_rows_out(void **state) {
    (void)state;
    static const struct sl_rewrite_group groups[] = {{0, INPUTS, ""}};
    struct world w;
    struct sl_err err = {0};
    world_init(&w);
    w.odd_deleted = true;
    struct sl_rewrite rewrite = rewrite_of(&w);
    check_ok(sl_rewrite_run(&rewrite, NULL, groups, 1, &err), &err);
    check(&w, 1, INPUTS * ROWS / 2);
    assert_int_equal(w.made[0].max, INPUTS * ROWS - 2);
    world_release(&w);
}

void test_rewrite_cuts_files(void **state) {
    (void)state;
    static const struct sl_rewrite_group groups[] = {{0, INPUTS, ""}};
    struct world w;
    struct sl_err err = {0};
    world_init(&w);
    struct sl_rewrite rewrite = rewrite_of(&w);
    rewrite.file_bytes_target = 1; /* at every batch */
    check_ok(sl_rewrite_run(&rewrite, NULL, groups, 1, &err), &err);
    check(&w, 40, INPUTS * ROWS); /* 4 row groups an input */
    world_release(&w);
}

void test_rewrite_fails_cleanly(void **state) {
    (void)state;
    static const struct sl_rewrite_group groups[] = {{0, INPUTS, ""}};
    struct world w;
    struct sl_err err = {0};
    char **names;
    size_t count;
    world_init(&w);
    w.paths[7] = "/nowhere/file.parquet";
    struct sl_rewrite rewrite = rewrite_of(&w);
    assert_int_equal(sl_rewrite_run(&rewrite, NULL, groups, 1, &err), SL_IO);
    check(&w, 0, 0);
    assert_int_equal(sl_io_list_dir(w.dir, &w.arena, &names, &count, &err), SL_OK);
    assert_int_equal(count, INPUTS);
    world_release(&w);
}
