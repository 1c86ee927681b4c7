/* A store in Spark's files against a plain list of what it should hold: random changes in batches,
 * batches that break off and run again, snapshots, purging, a new process now and then.  What the
 * files of a real Spark hold is read the same way (tests/golden). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "state/spark_schema.h"
#include "state/spark_state_store.h"

void test_random_batches_are_read_back(void **state);
void test_golden_state_is_read(void **state);
void test_rows_of_other_partitions_are_refused(void **state);
void test_missing_versions_are_named(void **state);

enum { KEYS = 200, PARTITIONS = 5, BATCHES = 60 };

static struct sl_field key_fields[] = {
    {.name = SL_STR("k"), .type = &sl_type_string, .nullable = true},
    {.name = SL_STR("i"), .type = &sl_type_int, .nullable = true}};
static struct sl_field value_fields[] = {{.name = SL_STR("n"), .type = &sl_type_long}};
static const struct sl_type key_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = key_fields};
static const struct sl_type value_type = {
    .kind = SL_STRUCT_KIND, .field_count = 1, .fields = value_fields};
static const struct sl_state_schema schema = {
    .name = SL_STR("default"), .key = &key_type, .value = &value_type};

struct fixture {
    struct sl_arena arena;
    struct sl_spark_store_spec spec;
    struct sl_spark_store *store;
    char dir[64];
    int64_t held[KEYS]; /* what the committed version has; 0: the key is not there */
    int64_t found[KEYS];
    uint64_t random;
};

static void open_store(struct fixture *f) {
    struct sl_err err = {0};
    sl_spark_store_close(f->store);
    if (sl_spark_store_open(&f->arena, &f->spec, &f->store, &err) != SL_OK) fail_msg("%s", err.msg);
}

static void setup(struct fixture *f) {
    *f = (struct fixture){.random = 11};
    sl_arena_init(&f->arena, "test");
    strcpy(f->dir, "/tmp/spark_store_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->spec = (struct sl_spark_store_spec){
        .operator_dir = f->dir, .schema = &schema, .hashed_columns = 2, .partitions = PARTITIONS};
    open_store(f);
}

static void teardown(struct fixture *f) {
    struct sl_err err;
    sl_spark_store_close(f->store);
    assert_int_equal(sl_io_remove_tree(f->dir, &err), SL_OK);
    sl_arena_release(&f->arena);
}

static void add_key(struct sl_batch *keys, int key) {
    struct sl_err err;
    char text[32];
    snprintf(text, sizeof text, "key %d", key / 2);
    if (key % 7 == 0)
        assert_int_equal(sl_vec_append_null(&keys->columns[0], 1, &err), SL_OK);
    else
        assert_int_equal(sl_vec_put_str(&keys->columns[0], sl_str(text), &err), SL_OK);
    assert_int_equal(sl_vec_put_i64(&keys->columns[1], key, &err), SL_OK);
    keys->rows = keys->selected_rows = keys->columns[0].rows;
}

static enum sl_code take(void *ctx, uint32_t number, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct fixture *f = ctx;
    (void)err;
    assert_int_equal(number, 0);
    for (uint32_t i = 0; i < keys->rows; i++) {
        int32_t key = keys->columns[1].i32[i];
        assert_in_range(key, 0, KEYS - 1);
        assert_int_equal(f->found[key], 0); /* each key once */
        f->found[key] = values->columns[0].i64[i];
    }
    return SL_OK;
}

static void check_version(struct fixture *f, int64_t version) {
    struct sl_err err = {0};
    memset(f->found, 0, sizeof f->found);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (sl_spark_store_load(f->store, version, p, take, f, &err) != SL_OK)
            fail_msg("%s", err.msg);
    for (int k = 0; k < KEYS; k++)
        if (f->found[k] != f->held[k])
            fail_msg("version %lld, key %d: %lld, not %lld", (long long)version, k,
                     (long long)f->found[k], (long long)f->held[k]);
}

/* Puts all keys whose value is not 0 and, of a delta, removes the others. */
static void put_keys(struct fixture *f, const int64_t *values, const bool *changed) {
    struct sl_batch keys[2], numbers;
    struct sl_err err = {0};
    sl_batch_init(&keys[0], &key_type, &f->arena);
    sl_batch_init(&keys[1], &key_type, &f->arena);
    sl_batch_init(&numbers, &value_type, &f->arena);
    for (int k = 0; k < KEYS; k++) {
        if (changed && !changed[k]) continue;
        if (!changed && !values[k]) continue;
        add_key(&keys[values[k] == 0], k);
        if (values[k])
            assert_int_equal(sl_vec_put_i64(&numbers.columns[0], values[k], &err), SL_OK);
    }
    numbers.rows = numbers.selected_rows = keys[0].rows;
    assert_int_equal(sl_spark_store_put(f->store, &keys[0], &numbers, &err), SL_OK);
    assert_int_equal(sl_spark_store_put(f->store, &keys[1], NULL, &err), SL_OK);
    sl_batch_release(&keys[0]);
    sl_batch_release(&keys[1]);
    sl_batch_release(&numbers);
}

static void publish(struct fixture *f, uint32_t partitions) {
    struct sl_err err = {0};
    for (uint32_t p = 0; p < partitions; p++)
        if (sl_spark_store_publish(f->store, p, &err) != SL_OK) fail_msg("%s", err.msg);
}

static void run_batch(struct fixture *f, int64_t version, bool breaks) {
    struct sl_err err = {0};
    int64_t next[KEYS];
    bool changed[KEYS];
    for (int k = 0; k < KEYS; k++) {
        uint64_t random = sl_random_next(&f->random);
        changed[k] = random % 4 == 0;
        next[k] = !changed[k] ? f->held[k] : random % 3 ? (int64_t)(random >> 8 & 0xffffff) + 1 : 0;
    }
    assert_int_equal(sl_spark_store_begin(f->store, version, false, &err), SL_OK);
    put_keys(f, next, changed);
    publish(f, breaks ? (uint32_t)(sl_random_next(&f->random) % PARTITIONS) : PARTITIONS);
    if (breaks)
        sl_spark_store_abort(f->store);
    else
        memcpy(f->held, next, sizeof next);
}

void test_random_batches_are_read_back(void **state) {
    (void)state;
    struct fixture f;
    struct sl_err err = {0};
    uint32_t snapshots = 0;
    setup(&f);
    for (int64_t version = 1; version <= BATCHES; version++) {
        while (sl_random_next(&f.random) % 4 == 0) {
            run_batch(&f, version, true);
            if (sl_random_next(&f.random) % 2) open_store(&f);
            check_version(&f, version - 1);
        }
        run_batch(&f, version, false);
        if (sl_spark_store_wants_snapshot(f.store)) {
            snapshots++;
            assert_int_equal(sl_spark_store_begin(f.store, version, true, &err), SL_OK);
            put_keys(&f, f.held, NULL);
            publish(&f, PARTITIONS);
        }
        assert_int_equal(sl_spark_store_purge(f.store, version - 10, &err), SL_OK);
        if (sl_random_next(&f.random) % 3 == 0) open_store(&f);
        check_version(&f, version);
    }
    assert_in_range(snapshots, 1, 3); /* after 32 versions, then less often than batches */
    struct sl_file_info info;
    const char *first = sl_arena_printf(&f.arena, "%s/0/1.delta", f.dir).ptr;
    assert_int_equal(sl_io_stat(first, &info, &err), SL_OK);
    assert_false(info.exists);
    teardown(&f);
}

void test_missing_versions_are_named(void **state) {
    (void)state;
    struct fixture f;
    struct sl_err err = {0};
    setup(&f);
    for (int64_t version = 1; version <= 3; version++) run_batch(&f, version, false);
    const char *second = sl_arena_printf(&f.arena, "%s/4/2.delta", f.dir).ptr;
    assert_int_equal(sl_io_unlink(second, &err), SL_OK);
    open_store(&f);
    assert_int_equal(sl_spark_store_load(f.store, 3, 4, take, &f, &err), SL_USER);
    assert_non_null(strstr(err.msg, "/4/2.delta is missing"));
    teardown(&f);
}

void test_rows_of_other_partitions_are_refused(void **state) {
    (void)state;
    struct fixture f;
    struct sl_err err = {0};
    enum sl_code code = SL_OK;
    setup(&f);
    run_batch(&f, 1, false);
    f.spec.partitions = PARTITIONS - 1;
    open_store(&f);
    for (uint32_t p = 0; code == SL_OK && p < PARTITIONS - 1; p++) {
        memset(f.found, 0, sizeof f.found);
        code = sl_spark_store_load(f.store, 1, p, take, &f, &err);
    }
    assert_int_equal(code, SL_USER);
    assert_non_null(strstr(err.msg, "belongs to partition"));
    teardown(&f);
}

static enum sl_code count(void *ctx, uint32_t number, const struct sl_batch *keys,
                          const struct sl_batch *values, struct sl_err *err) {
    (void)err, (void)number;
    assert_int_equal(keys->rows, values->rows);
    *(uint32_t *)ctx += keys->rows;
    return SL_OK;
}

/* Spark's own hash put each row where ours looks for it: load checks every one. */
void test_golden_state_is_read(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_spark_schema types;
    struct sl_spark_store *store;
    static const uint32_t rows[] = {0, 12, 12, 24};
    sl_arena_init(&arena, "test");
    const char *dir = "tests/golden/spark-4.1.1/state/0";
    const char *path = sl_path_join(&arena, dir, "0/_metadata/schema");
    assert_int_equal(sl_spark_schema_read(path, &arena, &types, &err), SL_OK);
    struct sl_state_schema own = {SL_STR("default"), types.key, types.value};
    struct sl_spark_store_spec spec = {.operator_dir = dir,
                                       .schema = &own,
                                       .hashed_columns = types.key->field_count,
                                       .partitions = 3};
    assert_int_equal(sl_spark_store_open(&arena, &spec, &store, &err), SL_OK);
    for (int64_t version = 1; version <= 3; version++) {
        uint32_t found = 0;
        for (uint32_t p = 0; p < 3; p++)
            if (sl_spark_store_load(store, version, p, count, &found, &err) != SL_OK)
                fail_msg("%s", err.msg);
        if (version == 3)
            assert_in_range(found, 13, rows[version]);
        else
            assert_in_range(found, 1, rows[version]);
    }
    sl_spark_store_close(store);
    sl_arena_release(&arena);
}
