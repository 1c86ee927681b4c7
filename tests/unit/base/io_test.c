#include "unit.h"

#include <errno.h>

#include <errno.h>
#include <unistd.h>

#include "base/fail.h"
#include "temp_dir.h"

void test_put_atomic_writes_and_does_not_replace(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_err err;
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("one"), 0, NULL, &err), SL_OK);
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("two"), 0, NULL, &err), SL_CONFLICT);
    char *text = temp_dir_read(dir, "0");
    assert_string_equal(text, "one");
    free(text);
    assert_int_equal(sl_io_put_atomic(dir, "0", SL_STR("three"), SL_PUT_REPLACE, NULL, &err),
                     SL_OK);
    text = temp_dir_read(dir, "0");
    assert_string_equal(text, "three");
    free(text);
    temp_dir_remove(dir);
}

/* Hadoop verifies ".name.crc" when it is there, so a stale one must go before the name changes. */
void test_put_atomic_removes_the_stale_sidecar(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    temp_dir_write(dir, ".5.crc", "crc", 3);
    assert_int_equal(sl_io_put_atomic(dir, "5", SL_STR("x"), 0, NULL, NULL), SL_OK);
    assert_false(temp_dir_exists(dir, ".5.crc"));
    temp_dir_remove(dir);
}

/* Each step fails in turn: before the name appears nothing is left behind; after it the file is
 * whole. */
void test_put_atomic_leaves_nothing_half_done(void **state) {
    (void)state;
    static const char *const steps[] = {"p.pre", "p.written", "p.synced", "io.fsync", "io.write"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char *dir = temp_dir_make(), spec[64];
        struct sl_arena arena;
        struct sl_err err;
        char **names;
        size_t count;
        snprintf(spec, sizeof spec, "%s:1:enospc", steps[i]);
        assert_int_equal(sl_fail_configure(spec, NULL), SL_OK);
        assert_int_equal(sl_io_put_atomic(dir, "n", SL_STR("text"), 0, "p", &err), SL_IO);
        assert_int_equal(err.sys, ENOSPC);
        assert_true(err.retriable);
        assert_int_equal(sl_fail_configure("", NULL), SL_OK);
        sl_arena_init(&arena, "test");
        assert_int_equal(sl_io_list_dir(dir, &arena, &names, &count, NULL), SL_OK);
        if (count != 0) fail_msg("%s left %s behind", steps[i], names[0]);
        sl_arena_release(&arena);
        temp_dir_remove(dir);
    }
}

/* A file system without RENAME_NOREPLACE answers EINVAL: link and unlink take over. */
void test_put_atomic_falls_back_to_link(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    assert_int_equal(sl_fail_configure("io.noreplace:*:einval", NULL), SL_OK);
    assert_int_equal(sl_io_put_atomic(dir, "n", SL_STR("text"), 0, NULL, NULL), SL_OK);
    assert_int_equal(sl_io_put_atomic(dir, "n", SL_STR("other"), 0, NULL, NULL), SL_CONFLICT);
    assert_int_equal(sl_fail_configure("", NULL), SL_OK);
    char *text = temp_dir_read(dir, "n");
    assert_string_equal(text, "text");
    free(text);
    temp_dir_remove(dir);
}

void test_file_writer_removes_what_it_could_not_finish(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_file_writer *writer;
    struct sl_err err;
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(sl_file_writer_open(path, &writer, &err), SL_OK);
    assert_int_equal(sl_file_writer_write(writer, "abc", 3, &err), SL_OK);
    assert_int_equal(sl_fail_configure("io.fsync:1:eio", NULL), SL_OK);
    assert_int_equal(sl_file_writer_close(writer, &err), SL_IO);
    assert_int_equal(sl_fail_configure("", NULL), SL_OK);
    assert_false(temp_dir_exists(dir, "f"));
    temp_dir_remove(dir);
}

void test_file_reader_refuses_to_read_past_the_end(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512], to[8];
    struct sl_file_reader *reader;
    struct sl_err err;
    temp_dir_write(dir, "f", "12345", 5);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(sl_file_reader_open(path, &reader, &err), SL_OK);
    assert_int_equal(sl_file_reader_read(reader, 1, to, 4, &err), SL_OK);
    assert_memory_equal(to, "2345", 4);
    assert_int_equal(sl_file_reader_read(reader, 2, to, 4, &err), SL_DATA);
    assert_int_equal(sl_file_reader_read(reader, UINT64_MAX, to, 1, &err), SL_DATA);
    sl_file_reader_close(reader);
    temp_dir_remove(dir);
}

void test_lock_has_one_holder_and_names_it(void **state) {
    (void)state;
    char *dir = temp_dir_make(), pid[32];
    struct sl_lock *first, *second = NULL;
    struct sl_err err;
    assert_int_equal(sl_lock_take(dir, ".lock", &first, &err), SL_OK);
    assert_int_equal(sl_lock_take(dir, ".lock", &second, &err), SL_CONFLICT);
    snprintf(pid, sizeof pid, "pid %ld ", (long)getpid());
    assert_non_null(strstr(err.msg, pid));
    sl_lock_free(first);
    assert_int_equal(sl_lock_take(dir, ".lock", &second, &err), SL_OK);
    sl_lock_free(second);
    temp_dir_remove(dir);
}

void test_make_dirs_and_remove_tree(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_err err;
    snprintf(path, sizeof path, "%s/a/b//c/", dir);
    assert_int_equal(sl_io_make_dirs(path, &err), SL_OK);
    assert_true(temp_dir_exists(dir, "a/b/c"));
    temp_dir_write(dir, "a/file", "x", 1);
    snprintf(path, sizeof path, "%s/a/file/d", dir);
    assert_int_equal(sl_io_make_dirs(path, &err), SL_IO);
    assert_int_equal(sl_io_remove_tree("/", &err), SL_IO);
    assert_int_equal(sl_io_remove_tree("", &err), SL_IO);
    temp_dir_remove(dir);
}

/* Method: every sync fails in turn, and the message names its directory. */
void test_sync_dirs_reaches_the_root_once(void **state) {
    (void)state;
    static const char *const order[] = {"", "/a", "/a/b", "/a/b/c", "/d"};
    const struct sl_str dirs[] = {SL_STR("a/b/c"), SL_STR("d"), SL_STR("a/b"), SL_STR("a/b/c")};
    struct sl_err err;
    char *root = temp_dir_make(), path[512], spec[32];
    snprintf(path, sizeof path, "%s/a/b/c", root);
    assert_int_equal(sl_io_make_dirs(path, &err), SL_OK);
    snprintf(path, sizeof path, "%s/d", root);
    assert_int_equal(sl_io_make_dirs(path, &err), SL_OK);
    for (size_t i = 0; i <= sizeof order / sizeof *order; i++) {
        bool last = i == sizeof order / sizeof *order;
        snprintf(spec, sizeof spec, "io.fsync:%zu:eio", i + 1);
        assert_int_equal(sl_fail_configure(spec, NULL), SL_OK);
        assert_int_equal(sl_io_sync_dirs(root, dirs, 4, &err), last ? SL_OK : SL_IO);
        assert_int_equal(sl_fail_configure("", NULL), SL_OK);
        snprintf(path, sizeof path, "`%s%s`", root, last ? "" : order[i]);
        if (!last) assert_non_null(strstr(err.msg, path));
    }
    assert_int_equal(sl_io_sync_dirs(root, dirs, 0, &err), SL_OK);
    temp_dir_remove(root);
}

void test_path_parents(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"a/b", "a"},   {"a/b/", "a"}, {"a//b", "a"},
                                           {"/a/b", "/a"}, {"/a", "/"},   {"/", ""},
                                           {"a", ""},      {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_str parent = sl_path_parent(sl_str(cases[i][0]));
        if (!sl_str_eq(parent, sl_str(cases[i][1])))
            fail_msg("the parent of `%s` is `%.*s`", cases[i][0], SL_STR_ARG(parent));
    }
    struct sl_str paths[] = {SL_STR("y/2"), SL_STR("top"), SL_STR("x/1"), SL_STR("y/1"),
                             SL_STR("x/b/1")};
    static const char *const want[] = {"", "x", "x/b", "y"};
    assert_int_equal(sl_path_parents(paths, 5), 4);
    for (size_t i = 0; i < 4; i++) assert_true(sl_str_eq(paths[i], sl_str(want[i])));
    assert_int_equal(sl_path_parents(NULL, 0), 0);
}

void test_files_named_by_numbers_are_listed(void **state) {
    (void)state;
    static const char *const files[] = {"10", "9", "-1", "9.tmp", "x", "-", "99999999999999999999"};
    char *dir = temp_dir_make();
    struct sl_arena arena;
    int64_t *numbers;
    size_t count;
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(sl_io_put_atomic(dir, files[i], SL_STR(""), 0, NULL, NULL), SL_OK);
    assert_int_equal(sl_io_list_numbers(dir, &arena, &numbers, &count, NULL), SL_OK);
    assert_int_equal(count, 3);
    assert_true(numbers[0] == -1 && numbers[1] == 9 && numbers[2] == 10);
    assert_int_equal(
        sl_io_list_numbers(sl_path_join(&arena, dir, "none"), &arena, &numbers, &count, NULL),
        SL_OK);
    assert_int_equal(count, 0);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
