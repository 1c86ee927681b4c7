/* Versions of state on disk.  Method: random changes of a map over many versions, written as an
 * operator writes them (changes, and the whole shard when a snapshot is due); every version that is
 * kept must load as the map was then.  Damaged, cut, foreign and missing files are refused. */
#include "unit.h"

#include <unistd.h>

#include "base/hash.h"
#include "state/state_store.h"
#include "state/state_survey.h"
#include "temp_dir.h"

enum { SHARDS = 3, KEYS = 400, VERSIONS = 120 };

/* value -1: the key is not there */
struct map {
    int64_t value[KEYS];
};

static struct sl_field key_fields[] = {{.name = SL_STR("id"), .type = &sl_type_int},
                                       {.name = SL_STR("name"), .type = &sl_type_string}};
static struct sl_field item_field = {.name = SL_STR("element"), .type = &sl_type_string};
static const struct sl_type items_type = {
    .kind = SL_ARRAY_KIND, .field_count = 1, .fields = &item_field};
static struct sl_field value_fields[] = {{.name = SL_STR("n"), .type = &sl_type_long},
                                         {.name = SL_STR("items"), .type = &items_type},
                                         {.name = SL_STR("even"), .type = &sl_type_bool}};
static const struct sl_type key_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = key_fields};
static const struct sl_type value_type = {
    .kind = SL_STRUCT_KIND, .field_count = 3, .fields = value_fields};
static const struct sl_type other_value_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = value_fields};
static const struct sl_state_schema store_schema = {
    .name = SL_STR("default"), .key = &key_type, .value = &value_type};

struct fixture {
    char *dir, state_dir[300];
    struct sl_arena arena;
    struct sl_log log;
    struct sl_err err;
    uint64_t random;
    struct sl_state_spec spec;
    struct sl_state_store *store;
    struct sl_batch keys, values;
};

static void open_fixture(struct fixture *f) {
    *f = (struct fixture){.dir = temp_dir_make(), .random = 7};
    snprintf(f->state_dir, sizeof f->state_dir, "%s/state/0", f->dir);
    sl_arena_init(&f->arena, "test");
    sl_log_init(&f->log);
    f->spec = (struct sl_state_spec){.dir = f->state_dir,
                                     .operator_name = "stateStoreSave",
                                     .stores = &store_schema,
                                     .store_count = 1,
                                     .shards = SHARDS,
                                     .query_id = SL_STR("q"),
                                     .log = &f->log};
    sl_batch_init(&f->keys, &key_type, &f->arena);
    sl_batch_init(&f->values, &value_type, &f->arena);
}

static void reopen(struct fixture *f) {
    sl_state_store_close(f->store);
    if (sl_state_store_open(&f->arena, &f->spec, &f->store, &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
}

static void close_fixture(struct fixture *f) {
    sl_state_store_close(f->store);
    sl_batch_release(&f->keys);
    sl_batch_release(&f->values);
    sl_arena_release(&f->arena);
    temp_dir_remove(f->dir);
}

static uint32_t pick(struct fixture *f, uint32_t below) {
    return (uint32_t)(sl_random_next(&f->random) % below);
}

/* ---- rows of the map ---- */

static void add_key(struct fixture *f, int key) {
    char name[32];
    snprintf(name, sizeof name, "key %d", key);
    assert_int_equal(sl_vec_put_i64(&f->keys.columns[0], key, &f->err), SL_OK);
    enum sl_code code = key % 7 ? sl_vec_put_str(&f->keys.columns[1], sl_str(name), &f->err)
                                : sl_vec_append_null(&f->keys.columns[1], 1, &f->err);
    assert_int_equal(code, SL_OK);
    f->keys.rows++;
}

/* n, n % 3 items, whether it is even */
static void add_value(struct fixture *f, int64_t n) {
    struct sl_vec *items = &f->values.columns[1];
    assert_int_equal(sl_vec_put_i64(&f->values.columns[0], n, &f->err), SL_OK);
    assert_int_equal(sl_vec_reserve(items, items->rows + 1, &f->err), SL_OK);
    for (int64_t i = 0; i < n % 3; i++)
        assert_int_equal(sl_vec_put_str(&items->children[0], SL_STR("item"), &f->err), SL_OK);
    items->offsets[++items->rows] = (int32_t)items->children[0].rows;
    assert_int_equal(sl_vec_put_i64(&f->values.columns[2], n % 2 == 0, &f->err), SL_OK);
    f->values.rows++;
}

static void put_rows(struct fixture *f, uint32_t shard, bool removed) {
    if (sl_state_store_put(f->store, shard, 0, &f->keys, removed ? NULL : &f->values, &f->err) !=
        SL_OK)
        fail_msg("%s", f->err.msg);
    sl_batch_clear(&f->keys);
    sl_batch_clear(&f->values);
}

/* Those keys of a shard that differ from `before`, or with NULL all there are. */
static void put_shard(struct fixture *f, const struct map *map, const struct map *before,
                      uint32_t shard) {
    for (int key = (int)shard; key < KEYS; key += SHARDS) {
        bool there = map->value[key] >= 0,
             changed = !before || map->value[key] != before->value[key];
        if (!there || !changed) continue;
        add_key(f, key);
        add_value(f, map->value[key]);
        if (pick(f, 20) == 0) put_rows(f, shard, false);
    }
    put_rows(f, shard, false);
    for (int key = (int)shard; key < KEYS && before; key += SHARDS)
        if (map->value[key] < 0 && before->value[key] >= 0) add_key(f, key);
    put_rows(f, shard, true);
}

static void write_version(struct fixture *f, const struct map *map, const struct map *before,
                          int64_t version) {
    assert_int_equal(sl_state_store_begin(f->store, version, &f->err), SL_OK);
    for (uint32_t s = 0; s < SHARDS; s++) {
        put_shard(f, map, before, s);
        if (!sl_state_store_wants_snapshot(f->store, s)) continue;
        assert_int_equal(sl_state_store_snapshot_begin(f->store, s, &f->err), SL_OK);
        put_shard(f, map, NULL, s);
        assert_int_equal(sl_state_store_snapshot_end(f->store, s, &f->err), SL_OK);
    }
    if (sl_state_store_commit(f->store, &f->err) != SL_OK) fail_msg("%s", f->err.msg);
}

static enum sl_code take_rows(void *ctx, uint32_t store, const struct sl_batch *keys,
                              const struct sl_batch *values, struct sl_err *err) {
    (void)err;
    struct map *map = ctx;
    assert_int_equal(store, 0);
    for (uint32_t row = 0; row < keys->rows; row++) {
        int32_t key = keys->columns[0].i32[row];
        assert_in_range(key, 0, KEYS - 1);
        map->value[key] = -1;
        if (!values) continue;
        int64_t n = values->columns[0].i64[row];
        const struct sl_vec *items = &values->columns[1];
        assert_int_equal(items->offsets[row + 1] - items->offsets[row], n % 3);
        assert_int_equal(sl_bit_get(values->columns[2].bits, row), n % 2 == 0);
        assert_int_equal(sl_vec_is_null(&keys->columns[1], row), key % 7 == 0);
        map->value[key] = n;
    }
    return SL_OK;
}

static enum sl_code load_version(struct fixture *f, int64_t version, struct map *out) {
    for (int key = 0; key < KEYS; key++) out->value[key] = -1;
    for (uint32_t s = 0; s < f->spec.shards; s++)
        SL_TRY(sl_state_store_load(f->store, version, s, take_rows, out, &f->err));
    return SL_OK;
}

static void change_map(struct fixture *f, struct map *map) {
    uint32_t changes = pick(f, 60);
    for (uint32_t i = 0; i < changes; i++)
        map->value[pick(f, KEYS)] = pick(f, 3) ? (int64_t)pick(f, 1000000) : -1;
}

/* ---- tests ---- */

void test_every_kept_version_loads_as_it_was(void **state) {
    (void)state;
    static struct map history[VERSIONS + 1];
    struct fixture f;
    struct map loaded;
    open_fixture(&f);
    reopen(&f);
    for (int key = 0; key < KEYS; key++) history[0].value[key] = -1;
    for (int64_t v = 1; v <= VERSIONS; v++) {
        history[v] = history[v - 1];
        change_map(&f, &history[v]);
        write_version(&f, &history[v], &history[v - 1], v);
        int64_t keep = v - 20;
        assert_int_equal(sl_state_store_purge(f.store, keep, &f.err), SL_OK);
        if (v % 10 == 0) reopen(&f);
        int64_t any = (keep > 0 ? keep : 0) + pick(&f, (uint32_t)(v - (keep > 0 ? keep : 0)) + 1);
        if (load_version(&f, any, &loaded) != SL_OK) fail_msg("%lld: %s", (long long)v, f.err.msg);
        assert_memory_equal(&loaded, &history[any], sizeof loaded);
        assert_int_equal(load_version(&f, v, &loaded), SL_OK);
    }
    char **names;
    size_t count;
    assert_int_equal(sl_io_list_dir(f.state_dir, &f.arena, &names, &count, &f.err), SL_OK);
    assert_true(count < 150); /* what is not needed has gone */
    close_fixture(&f);
}

/* A batch runs again with other rows: its version is replaced, its snapshots too. */
void test_a_version_is_written_again(void **state) {
    (void)state;
    struct fixture f;
    struct map maps[3], loaded;
    open_fixture(&f);
    reopen(&f);
    for (int key = 0; key < KEYS; key++) maps[0].value[key] = -1;
    for (int64_t v = 1; v < 60; v++) {
        maps[1] = maps[2] = maps[0];
        change_map(&f, &maps[1]);
        change_map(&f, &maps[2]);
        write_version(&f, &maps[1], &maps[0], v);
        if (v % 3 == 0) reopen(&f);
        assert_int_equal(load_version(&f, v - 1, &loaded), SL_OK);
        write_version(&f, &maps[2], &maps[0], v);
        assert_int_equal(load_version(&f, v, &loaded), SL_OK);
        assert_memory_equal(&loaded, &maps[2], sizeof loaded);
        maps[0] = maps[2];
    }
    close_fixture(&f);
}

static void write_two(struct fixture *f, struct map *map) {
    struct map empty;
    for (int key = 0; key < KEYS; key++) empty.value[key] = map->value[key] = -1;
    reopen(f);
    for (int key = 0; key < KEYS; key++) map->value[key] = key;
    write_version(f, map, &empty, 1);
    empty = *map;
    map->value[1] = 77;
    write_version(f, map, &empty, 2);
}

/* Every cut and many flipped bits: an error that names the file, or the same rows. */
void test_damage_is_told(void **state) {
    (void)state;
    struct fixture f;
    struct map map, loaded;
    open_fixture(&f);
    write_two(&f, &map);
    struct sl_buf bytes = {0};
    char path[400];
    snprintf(path, sizeof path, "%s/1.changes", f.state_dir);
    assert_int_equal(sl_io_read_file(path, 1 << 24, &bytes, &f.err), SL_OK);
    for (size_t i = 0; i < 600; i++) {
        bool cut = i % 2;
        size_t at = pick(&f, (uint32_t)bytes.len);
        uint8_t bit = (uint8_t)(1 << pick(&f, 8));
        bytes.ptr[at] ^= bit;
        temp_dir_write(f.state_dir, "1.changes", bytes.ptr, cut ? at : bytes.len);
        bytes.ptr[at] ^= bit;
        f.err = (struct sl_err){0};
        if (load_version(&f, 2, &loaded) == SL_OK) {
            assert_memory_equal(&loaded, &map, sizeof map);
            continue;
        }
        assert_non_null(strstr(f.err.ctx, "1.changes"));
    }
    sl_buf_release(&bytes);
    close_fixture(&f);
}

static void expect_refused(struct fixture *f, const char *condition, const char *words) {
    struct map loaded;
    reopen(f);
    assert_int_not_equal(load_version(f, 2, &loaded), SL_OK);
    assert_string_equal(f->err.condition, condition);
    if (!strstr(f->err.msg, words)) fail_msg("%s", f->err.msg);
    f->err = (struct sl_err){0};
}

void test_foreign_and_missing_files_are_refused(void **state) {
    (void)state;
    struct fixture f;
    struct map map;
    open_fixture(&f);
    write_two(&f, &map);
    struct sl_state_spec own = f.spec;
    f.spec.operator_name = "dedupe";
    expect_refused(&f, "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "dedupe");
    f.spec = own;
    f.spec.query_id = SL_STR("another");
    expect_refused(&f, "", "of query q");
    f.spec = own;
    struct sl_state_schema changed = store_schema;
    changed.value = &other_value_type;
    f.spec.stores = &changed;
    expect_refused(&f, "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "even: BOOLEAN");
    changed = store_schema;
    changed.key = &value_type;
    expect_refused(&f, "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE", "was STRUCT<id: INT");
    f.spec = own;
    char path[400];
    snprintf(path, sizeof path, "%s/1.changes", f.state_dir);
    assert_int_equal(sl_io_unlink(path, &f.err), SL_OK);
    expect_refused(&f, "", "1 is missing");
    close_fixture(&f);
}

/* A process with another number of shards finds all rows, in shard 0. */
void test_another_number_of_shards(void **state) {
    (void)state;
    struct fixture f;
    struct map map, loaded;
    open_fixture(&f);
    write_two(&f, &map);
    f.spec.shards = SHARDS; /* the files' own, first */
    assert_int_equal(load_version(&f, 2, &loaded), SL_OK);
    assert_memory_equal(&loaded, &map, sizeof map);
    f.spec.shards = 5;
    reopen(&f);
    if (load_version(&f, 2, &loaded) != SL_OK) fail_msg("%s < %s", f.err.msg, f.err.ctx);
    assert_memory_equal(&loaded, &map, sizeof map);
    close_fixture(&f);
}

void test_operators_are_listed(void **state) {
    (void)state;
    struct fixture f;
    struct map map;
    uint32_t *numbers, count;
    open_fixture(&f);
    char parent[300];
    snprintf(parent, sizeof parent, "%s/state", f.dir);
    assert_int_equal(sl_state_operators(parent, &f.arena, &numbers, &count, &f.err), SL_OK);
    assert_int_equal(count, 0);
    write_two(&f, &map);
    assert_int_equal(sl_state_operators(parent, &f.arena, &numbers, &count, &f.err), SL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(numbers[0], 0);
    close_fixture(&f);
}

/* ---- history ---- */

static void expect_history(struct fixture *f, uint64_t hash, const char *words) {
    struct map loaded;
    reopen(f);
    sl_state_store_tie(f->store, hash, 99);
    enum sl_code code = load_version(f, 2, &loaded);
    if (!words) return assert_int_equal(code, SL_OK);
    assert_int_equal(code, SL_USER);
    if (!strstr(f->err.msg, words)) fail_msg("%s", f->err.msg);
    assert_non_null(strstr(f->err.hint, "whole checkpoint"));
}

static void write_tied(struct fixture *f, struct map *map, uint64_t first, uint64_t second) {
    struct map empty;
    for (int key = 0; key < KEYS; key++) empty.value[key] = -1, map->value[key] = key;
    reopen(f);
    sl_state_store_tie(f->store, 0, first);
    write_version(f, map, &empty, 1);
    empty = *map;
    map->value[1] = 77;
    sl_state_store_tie(f->store, first, second);
    write_version(f, map, &empty, 2);
}

/* A version is of the offsets that made it, and follows from the version in front of it. */
void test_versions_of_another_history_are_refused(void **state) {
    (void)state;
    struct fixture f;
    struct map map;
    struct sl_buf first = {0};
    char path[400];
    open_fixture(&f);
    write_tied(&f, &map, 11, 22);
    snprintf(path, sizeof path, "%s/1.changes", f.state_dir);
    assert_int_equal(sl_io_read_file(path, 1 << 24, &first, &f.err), SL_OK);
    expect_history(&f, 22, NULL);
    expect_history(&f, 0, NULL); /* not known */
    expect_history(&f, 23, "made from other offsets than this checkpoint's offsets/1");
    write_tied(&f, &map, 12, 22);
    expect_history(&f, 22, NULL);
    temp_dir_write(f.state_dir, "1.changes", first.ptr, first.len);
    expect_history(&f, 22, "version 2 of the state does not follow from version 1");
    write_tied(&f, &map, 0, 0); /* as older releases wrote them */
    expect_history(&f, 22, NULL);
    sl_buf_release(&first);
    close_fixture(&f);
}

/* ---- looking at it without the query ---- */

struct findings {
    char text[1024];
};
static void note_finding(void *ctx, char severity, const char *file, const char *what) {
    struct findings *findings = ctx;
    size_t len = strlen(findings->text);
    snprintf(findings->text + len, sizeof findings->text - len, "%c %s: %s\n", severity, file,
             what);
}

static uint64_t no_hash(void *ctx, int64_t batch_id) {
    (void)ctx, (void)batch_id;
    return 0;
}

static void expect_findings(struct fixture *f, int64_t version, const char *text) {
    struct findings findings = {0};
    char parent[400];
    snprintf(parent, sizeof parent, "%s/state", f->dir);
    assert_int_equal(sl_state_survey_verify(parent, f->spec.query_id, version, no_hash,
                                            note_finding, &findings, &f->err),
                     SL_OK);
    if (!*text) assert_string_equal(findings.text, "");
    if (!strstr(findings.text, text)) fail_msg("`%s` is not in `%s`", text, findings.text);
}

void test_survey_tells_operator_versions_and_bytes(void **state) {
    (void)state;
    struct fixture f;
    struct map map;
    struct sl_state_survey *surveys;
    uint32_t count;
    char parent[400];
    open_fixture(&f);
    snprintf(parent, sizeof parent, "%s/state", f.dir);
    assert_int_equal(sl_state_survey_read(parent, &f.arena, &surveys, &count, &f.err), SL_OK);
    assert_int_equal(count, 0);
    write_two(&f, &map);
    assert_int_equal(sl_state_survey_read(parent, &f.arena, &surveys, &count, &f.err), SL_OK);
    assert_int_equal(count, 1);
    assert_true(sl_str_eq(surveys[0].operator_name, SL_STR("stateStoreSave")));
    assert_int_equal(surveys[0].first_version, 1);
    assert_int_equal(surveys[0].last_version, 2);
    assert_true(surveys[0].bytes > 100);
    close_fixture(&f);
}

void test_survey_finds_what_cannot_be_loaded(void **state) {
    (void)state;
    struct fixture f;
    struct map map;
    char path[400];
    open_fixture(&f);
    write_two(&f, &map);
    expect_findings(&f, 2, "");
    expect_findings(&f, 3, "E .sluice/state/0: the changes 3 to 3 are missing: version 3");
    f.spec.query_id = SL_STR("another");
    expect_findings(&f, 2, "E .sluice/state/0/1.changes: the state is of query q");
    f.spec.query_id = SL_STR("q");
    snprintf(path, sizeof path, "%s/2.changes", f.state_dir);
    assert_int_equal(truncate(path, 60), 0);
    expect_findings(&f, 2, "E .sluice/state/0/2.changes: ");
    snprintf(path, sizeof path, "%s/1.changes", f.state_dir);
    assert_int_equal(sl_io_unlink(path, &f.err), SL_OK);
    expect_findings(&f, 2, "E .sluice/state/0: the changes 1 to 1 are missing: version 2");
    close_fixture(&f);
}
