/* Which files OPTIMIZE puts together: a random table, and what must hold of every plan. */
#include "../lake_delta/delta_table.h"

#include "base/hash.h"
#include "conn/delta/delta_bins.h"
#include "kern/zone.h"

enum { FILES = 400, PARTITIONS = 5, TARGET = 1000, SMALL = 600 };

struct world {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_log log;
    char *dir;
    struct sl_conn_env env;
    struct sl_table_call call;
    struct sl_delta_snapshot *snapshot;
    struct sl_delta_columns columns;
    struct sl_delta_bins bins;
};

static void add_files(struct world *w) {
    uint64_t random = 11;
    struct sl_delta_file *files = SL_NEW_ARRAY(&w->arena, struct sl_delta_file, FILES);
    for (int i = 0; i < FILES; i++) {
        struct sl_delta_pair *pair = SL_NEW(&w->arena, struct sl_delta_pair);
        uint64_t partition = sl_random_next(&random) % PARTITIONS;
        *pair = (struct sl_delta_pair){SL_STR("p"), {0}};
        if (partition) pair->value = sl_arena_printf(&w->arena, "%d", (int)partition);
        files[i] = delta_file(sl_arena_printf(&w->arena, "d%d/f%d", (int)partition, i).ptr);
        files[i].partition_values = (struct sl_delta_map){pair, 1};
        files[i].bytes = (int64_t)(sl_random_next(&random) % 900) + 1;
        files[i].modified_ms = (int64_t)(sl_random_next(&random) % 1000);
    }
    struct sl_delta_commit commit = delta_append(files, NULL);
    commit.add_count = FILES;
    delta_commit(w->snapshot, &commit);
}

static void world_init(struct world *w) {
    struct sl_err err = {0};
    *w = (struct world){.session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")}};
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&w->arena, "test");
    sl_log_init(&w->log);
    w->dir = temp_dir_make();
    delta_create(&w->arena, w->dir, PROTOCOL_1_2,
                 METADATA_OF(FIELD("a", "long") "," FIELD("p", "integer"), "\"p\"", ""));
    w->env = (struct sl_conn_env){.query = &w->arena, .log = &w->log, .session = &w->session};
    w->call = (struct sl_table_call){.env = &w->env, .path = sl_str(w->dir)};
    w->snapshot = delta_open(w->dir);
    add_files(w);
    assert_int_equal(sl_delta_columns_make(&w->arena, sl_delta_snapshot_metadata(w->snapshot),
                                           &w->columns, &err),
                     SL_OK);
}

static void world_release(struct world *w) {
    sl_delta_snapshot_close(w->snapshot);
    temp_dir_remove(w->dir);
    sl_arena_release(&w->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

static void plan(struct world *w, const struct sl_optimize *what) {
    struct sl_err err = {0};
    if (sl_delta_bins_plan(&w->call, w->snapshot, &w->columns, what, &w->arena, &w->bins, &err) !=
        SL_OK)
        fail_msg("%s", err.msg);
}

static int64_t sum_of(const struct world *w, const struct sl_rewrite_group *group) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < group->count; i++) sum += w->bins.files[group->first + i].file.bytes;
    return sum;
}

static void check_group(const struct world *w, const struct sl_rewrite_group *group) {
    const struct sl_delta_candidate *files = &w->bins.files[group->first];
    char dir[8];
    assert_true(group->count >= 2);
    assert_true(sum_of(w, group) <= TARGET);
    const struct sl_delta_pair *pair = &files[0].file.partition_values.items[0];
    snprintf(dir, sizeof dir, "d%.*s", pair->value.ptr ? (int)pair->value.len : 1,
             pair->value.ptr ? pair->value.ptr : "0");
    assert_string_equal(group->dir, dir);
    for (uint32_t i = 0; i < group->count; i++) {
        assert_true(files[i].file.bytes < SMALL);
        assert_true(sl_str_eq(files[i].partition, files[0].partition));
        if (i) assert_true(files[i - 1].file.modified_ms <= files[i].file.modified_ms);
    }
}

void test_bins(void **state) {
    (void)state;
    struct world w;
    struct sl_optimize what = {.target_bytes = TARGET, .small_bytes = SMALL};
    world_init(&w);
    plan(&w, &what);
    assert_true(w.bins.count > 20);
    assert_int_equal(w.bins.partitions, PARTITIONS);
    uint32_t end = 0;
    for (uint32_t g = 0; g < w.bins.count; g++) {
        const struct sl_rewrite_group *group = &w.bins.groups[g];
        check_group(&w, group);
        assert_true(group->first >= end); /* no file twice */
        end = group->first + group->count;
        /* the file behind a bin would not have fit, or is of another partition */
        if (end < w.bins.considered &&
            sl_str_eq(w.bins.files[end].partition, w.bins.files[group->first].partition))
            assert_true(sum_of(&w, group) + w.bins.files[end].file.bytes > TARGET);
    }
    world_release(&w);
}

void test_bins_of_large_partitions_only(void **state) {
    (void)state;
    struct world w;
    struct sl_optimize what = {.target_bytes = TARGET, .small_bytes = SMALL, .small_count = FILES};
    world_init(&w);
    plan(&w, &what);
    assert_int_equal(w.bins.count, 0);
    what.small_count = 20;
    plan(&w, &what);
    assert_int_equal(w.bins.partitions, PARTITIONS);
    what.small_bytes = 1; /* no file is small */
    plan(&w, &what);
    assert_int_equal(w.bins.considered, 0);
    world_release(&w);
}

/* p = 2 or p IS NULL, as the binder would make it. */
void test_bins_of_chosen_partitions(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    world_init(&w);
    struct sl_expr_ctx ctx = {&w.arena, &w.session};
    struct sl_expr *p = sl_expr_column(&ctx, 1, &sl_type_int, true), *is_null, *is_two, *either;
    struct sl_expr *two[] = {p, sl_expr_literal_i64(&ctx, &sl_type_int, 2)};
    struct sl_span here = {0};
    assert_int_equal(sl_expr_call(&ctx, SL_STR("isnull"), &p, 1, here, &is_null, &err), SL_OK);
    assert_int_equal(sl_expr_call(&ctx, SL_STR("="), two, 2, here, &is_two, &err), SL_OK);
    struct sl_expr *sides[] = {is_two, is_null};
    assert_int_equal(sl_expr_call(&ctx, SL_STR("or"), sides, 2, here, &either, &err), SL_OK);
    struct sl_optimize what = {.condition = either, .target_bytes = TARGET, .small_bytes = SMALL};
    plan(&w, &what);
    assert_int_equal(w.bins.partitions, 2);
    for (uint32_t g = 0; g < w.bins.count; g++) {
        const char *dir = w.bins.groups[g].dir;
        assert_true(strcmp(dir, "d0") == 0 || strcmp(dir, "d2") == 0);
    }
    struct sl_expr *a = sl_expr_column(&ctx, 0, &sl_type_long, true), *bad;
    assert_int_equal(sl_expr_call(&ctx, SL_STR("isnull"), &a, 1, here, &bad, &err), SL_OK);
    what.condition = bad;
    assert_int_equal(
        sl_delta_bins_plan(&w.call, w.snapshot, &w.columns, &what, &w.arena, &w.bins, &err),
        SL_USER);
    assert_string_equal(err.condition, "DELTA_NON_PARTITION_COLUMN_REFERENCE");
    world_release(&w);
}
