/* The writer of data files: which rows go to which file, names, limits. */
#include "../temp_dir.h"
#include "../unit.h"

#include "kern/zone.h"
#include "table/table_writer.h"

enum { FILES_MAX = 64 };

struct told {
    char *staged, *final;
    uint64_t bytes, rows;
    bool is_null_key;
    int64_t key, min, max; /* of column 0 */
};
struct world {
    struct sl_arena arena;
    struct sl_session session;
    char *dir;
    const struct sl_type *schema; /* n LONG, k INT */
    struct sl_table_writer_config config;
    struct told files[FILES_MAX];
    size_t count;
    bool refuse;
};
static const uint32_t by_k[] = {1};

static enum sl_code keep(void *ctx, const struct sl_data_file *file, struct sl_err *err) {
    struct world *w = ctx;
    const struct sl_column_stats *stats = sl_parquet_writer_stats(file->encoder, 0);
    assert_in_range(w->count, 0, FILES_MAX - 1);
    struct told *told = &w->files[w->count++];
    *told = (struct told){strdup(file->staged), strdup(file->final), file->bytes, file->rows};
    told->min = stats->min.i64[0];
    told->max = stats->max.i64[0];
    if (file->keys) {
        told->is_null_key = sl_vec_is_null(file->keys[0], file->key_row);
        told->key = told->is_null_key ? -1 : file->keys[0]->i32[file->key_row];
    }
    return w->refuse ? sl_fail(err, SL_USER, "refused") : SL_OK;
}

static void world_init(struct world *w, bool partitioned) {
    *w = (struct world){.session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")}};
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&w->arena, "test");
    w->dir = temp_dir_make();
    struct sl_field fields[] = {{SL_STR("n"), &sl_type_long, false, {0}, {0}},
                                {SL_STR("k"), &sl_type_int, true, {0}, {0}}};
    w->schema = sl_type_struct(&w->arena, fields, 2);
    w->config = (struct sl_table_writer_config){.schema = w->schema,
                                                .partition_columns = by_k,
                                                .partition_count = partitioned,
                                                .table_dir = w->dir,
                                                .open_partitions_max = 2,
                                                .session = &w->session,
                                                .closed = keep,
                                                .ctx = w};
    sl_parquet_write_options_init(&w->config.encoding);
}

static void world_clear(struct world *w) {
    for (size_t i = 0; i < w->count; i++) {
        free(w->files[i].staged);
        free(w->files[i].final);
    }
    w->count = 0;
}

static void world_release(struct world *w) {
    world_clear(w);
    temp_dir_remove(w->dir);
    sl_arena_release(&w->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

/* Rows n = first .. with k = n % keys; keys == 0: null. */
static void write(struct world *w, struct sl_table_task *task, int64_t first, uint32_t rows,
                  int keys) {
    struct sl_batch batch;
    sl_batch_init(&batch, w->schema, &w->arena);
    for (uint32_t i = 0; i < rows; i++) {
        assert_int_equal(sl_vec_put_i64(&batch.columns[0], first + i, NULL), SL_OK);
        assert_int_equal(keys ? sl_vec_put_i64(&batch.columns[1], (first + i) % keys, NULL)
                              : sl_vec_append_null(&batch.columns[1], 1, NULL),
                         SL_OK);
    }
    batch.rows = batch.selected_rows = rows;
    assert_int_equal(sl_table_task_write(task, &batch, NULL), SL_OK);
    sl_batch_release(&batch);
}

static struct sl_table_writer *begin(struct world *w, uint64_t seed) {
    struct sl_table_writer *writer = sl_table_writer_new(&w->config);
    sl_table_writer_begin(writer, 7, seed, 64 << 20);
    return writer;
}

static uint64_t total_rows(const struct world *w) {
    uint64_t rows = 0;
    for (size_t i = 0; i < w->count; i++) rows += w->files[i].rows;
    return rows;
}

/* More partitions than may be open: each row is in the file of its key, no key has two files. */
void test_table_writer_partitions(void **state) {
    (void)state;
    struct world w;
    world_init(&w, true);
    struct sl_table_writer *writer = begin(&w, 1);
    const uint32_t *columns;
    const struct sl_type *file = sl_table_writer_file_schema(writer, &columns);
    assert_int_equal(file->field_count, 1);
    assert_int_equal(columns[0], 0);
    assert_true(file->fields[0].nullable);
    struct sl_table_task *task = sl_table_task_open(writer, 3);
    write(&w, task, 0, 100, 5);
    write(&w, task, 100, 100, 5);
    write(&w, task, 1000, 10, 0);
    assert_int_equal(sl_table_task_close(task, NULL), SL_OK);
    assert_int_equal(w.count, 6);
    assert_int_equal(total_rows(&w), 210);
    bool seen[5] = {0};
    for (size_t i = 0; i < w.count; i++) {
        const struct told *told = &w.files[i];
        char prefix[64];
        assert_string_equal(told->staged, told->final);
        assert_true(temp_dir_exists(w.dir, told->final));
        if (told->is_null_key) {
            assert_int_equal(strncmp(told->final, "k=__HIVE_DEFAULT_PARTITION__/", 29), 0);
            continue;
        }
        assert_false(seen[told->key]);
        seen[told->key] = true;
        assert_int_equal(told->min, told->key);
        assert_int_equal(told->max, 195 + told->key);
        snprintf(prefix, sizeof prefix, "k=%d/part-00003-", (int)told->key);
        assert_int_equal(strncmp(told->final, prefix, strlen(prefix)), 0);
        assert_non_null(strstr(told->final, ".c000.snappy.parquet"));
    }
    sl_table_writer_free(writer);
    world_release(&w);
}

/* The same seed gives the same names, another one others; with staging the two names differ. */
void test_table_writer_names(void **state) {
    (void)state;
    struct world w;
    char *first = NULL;
    world_init(&w, false);
    w.config.staging = "staging";
    for (int round = 0; round < 3; round++) {
        char *staging = sl_path_join(&w.arena, w.dir, "staging");
        assert_int_equal(sl_io_remove_tree(staging, NULL), SL_OK);
        assert_int_equal(sl_io_make_dirs(staging, NULL), SL_OK);
        struct sl_table_writer *writer = begin(&w, round == 2 ? 99 : 5);
        struct sl_table_task *task = sl_table_task_open(writer, 0);
        write(&w, task, 0, 3, 1);
        assert_int_equal(sl_table_task_close(task, NULL), SL_OK);
        assert_int_equal(w.count, 1);
        assert_true(temp_dir_exists(w.dir, w.files[0].staged));
        assert_false(temp_dir_exists(w.dir, w.files[0].final));
        assert_int_equal(strncmp(w.files[0].staged, "staging/7-00000-", 16), 0);
        if (round == 0) first = strdup(w.files[0].final);
        if (round == 1) assert_string_equal(w.files[0].final, first);
        if (round == 2) assert_string_not_equal(w.files[0].final, first);
        world_clear(&w);
        sl_table_writer_free(writer);
    }
    free(first);
    world_release(&w);
}

void test_table_writer_limits(void **state) {
    (void)state;
    struct world w;
    world_init(&w, false);
    w.config.rows_per_file_max = 40;
    struct sl_table_writer *writer = begin(&w, 1);
    struct sl_table_task *task = sl_table_task_open(writer, 0);
    write(&w, task, 0, 100, 1);
    assert_int_equal(sl_table_task_close(task, NULL), SL_OK);
    assert_int_equal(w.count, 3);
    assert_int_equal(w.files[0].rows, 40);
    assert_int_equal(w.files[2].rows, 20);
    assert_non_null(strstr(w.files[2].final, "c002"));
    sl_table_writer_free(writer);
    world_clear(&w);

    w.config.rows_per_file_max = 0;
    w.config.file_bytes_target = 1000;
    writer = begin(&w, 2);
    task = sl_table_task_open(writer, 0);
    for (int i = 0; i < 10; i++) write(&w, task, i * 500, 500, 1);
    assert_int_equal(sl_table_task_close(task, NULL), SL_OK);
    assert_in_range(w.count, 3, 10);
    assert_int_equal(total_rows(&w), 5000);
    sl_table_writer_free(writer);
    world_release(&w);
}

/* Nothing that is open outlives an abort; what `closed` refused fails the task. */
void test_table_writer_abort_and_refusal(void **state) {
    (void)state;
    struct world w;
    char **names;
    size_t count;
    struct sl_err err;
    world_init(&w, true);
    struct sl_table_writer *writer = begin(&w, 1);
    struct sl_table_task *task = sl_table_task_open(writer, 0);
    write(&w, task, 0, 10, 2);
    sl_table_task_abort(task);
    assert_int_equal(w.count, 0);
    char *dir = sl_path_join(&w.arena, w.dir, "k=0");
    assert_int_equal(sl_io_list_dir(dir, &w.arena, &names, &count, NULL), SL_OK);
    assert_int_equal(count, 0);
    w.refuse = true;
    task = sl_table_task_open(writer, 0);
    write(&w, task, 0, 10, 1);
    assert_int_equal(sl_table_task_close(task, &err), SL_USER);
    assert_string_equal(err.msg, "refused");
    sl_table_writer_free(writer);
    world_release(&w);
}
