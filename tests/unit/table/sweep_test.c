/* What a sweep finds and removes: by name, age and need; and the set of paths against a naive one.
 */
#include "../temp_dir.h"
#include "../unit.h"

#include <sys/stat.h>
#include <utime.h>

#include "base/clock.h"
#include "table/sweep.h"

static void put(const char *dir, const char *name, int age_s) {
    char path[512];
    time_t then = (time_t)(sl_clock_wall_us() / 1000000 - age_s);
    temp_dir_write(dir, name, "x", 1);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    utime(path, &(struct utimbuf){then, then});
}

static void make_dir(const char *dir, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void age_dir(const char *dir, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    utime(path, &(struct utimbuf){1, 1});
}

static bool is_own(void *ctx, struct sl_str name) {
    (void)ctx;
    return sl_str_starts(name, SL_STR("_p="));
}

void test_sweep(void **state) {
    (void)state;
    static const char *const gone[] = {"_p=1/old", "a/b/old", "old"};
    struct sl_arena arena;
    struct sl_path_set kept = {0};
    struct sl_swept swept;
    struct sl_err err = {0};
    uint64_t files, dirs;
    char *dir = temp_dir_make();
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&arena, "test");
    make_dir(dir, "a"), make_dir(dir, "a/b"), make_dir(dir, "_p=1"), make_dir(dir, "_hidden");
    make_dir(dir, "empty"), make_dir(dir, "new"), make_dir(dir, "c");
    put(dir, "old", 100), put(dir, "young", 1), put(dir, "kept", 100), put(dir, ".dot", 100);
    put(dir, "a/b/old", 100), put(dir, "_p=1/old", 100), put(dir, "_p=1/kept", 100);
    put(dir, "_hidden/old", 100), put(dir, "c/.dot", 100);
    age_dir(dir, "a/b"), age_dir(dir, "a"), age_dir(dir, "empty"), age_dir(dir, "c");
    sl_path_set_add(&kept, SL_STR("kept"));
    sl_path_set_add(&kept, SL_STR("_p=1/kept"));
    struct sl_sweep sweep = {.dir = dir,
                             .cutoff_ms = sl_clock_wall_us() / 1000 - 50000,
                             .kept = &kept,
                             .is_own = is_own};
    assert_int_equal(sl_sweep_find(&sweep, &arena, &swept, &err), SL_OK);
    assert_int_equal(swept.file_count, 3);
    assert_int_equal(swept.bytes, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(swept.files[i].path, gone[i]);
    assert_int_equal(swept.dir_count, 3);
    assert_string_equal(swept.dirs[0], "a/b");
    assert_string_equal(swept.dirs[1], "a");
    assert_string_equal(swept.dirs[2], "empty");
    put(dir, "empty/late", 0);  /* somebody came in between */
    for (int i = 0; i < 2; i++) /* again: as after a crash */
        assert_int_equal(sl_sweep_remove(dir, &swept, &files, &dirs, &err), SL_OK);
    for (size_t i = 0; i < 3; i++) assert_false(temp_dir_exists(dir, gone[i]));
    static const char *const there[] = {"young",       "kept",   ".dot",       "_p=1/kept",
                                        "_hidden/old", "c/.dot", "empty/late", "new"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        assert_true(temp_dir_exists(dir, there[i]));
    assert_false(temp_dir_exists(dir, "a"));
    sl_path_set_release(&kept);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
    sl_io_set_durability(SL_DURABLE_POWER);
}

void test_path_set(void **state) {
    (void)state;
    enum { PATHS = 5000 };
    struct sl_path_set set = {0};
    char name[32];
    assert_false(sl_path_set_has(&set, SL_STR("")));
    for (int i = 0; i < PATHS; i += 2) {
        snprintf(name, sizeof name, "day=%d/part", i);
        sl_path_set_add(&set, sl_str(name));
        sl_path_set_add(&set, sl_str(name));
    }
    assert_int_equal(set.used, PATHS / 2);
    for (int i = 0; i < PATHS; i++) {
        snprintf(name, sizeof name, "day=%d/part", i);
        assert_int_equal(sl_path_set_has(&set, sl_str(name)), i % 2 == 0);
    }
    sl_path_set_release(&set);
}
