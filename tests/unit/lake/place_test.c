#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "lake/place.h"
#include "temp_dir.h"

static struct sl_arena arena;
static struct sl_err err;

static void make(const char *dir, const char *below) {
    assert_int_equal(sl_io_make_dirs(sl_path_join(&arena, dir, below), &err), SL_OK);
}

void test_place_inside(void **state) {
    (void)state;
    static const struct {
        const char *path, *root;
        bool inside;
    } rows[] = {{"/a/b", "/a", true},       {"/a", "/a", false},      {"/a/", "/a", false},
                {"/ab", "/a", false},       {"/a/_c/d", "/a", false}, {"/a/b/.c", "/a", false},
                {"/a/b_c", "/a", true},     {"/a", "/", true},        {"file:///a/b", "/a", true},
                {"/a/b", "file:/a/", true}, {"/a", "/a/b", false},    {"a/b", "a", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sl_place_is_inside(sl_str(rows[i].path), sl_str(rows[i].root)) != rows[i].inside)
            fail_msg("%s in %s", rows[i].path, rows[i].root);
}

/* A Delta table, the table of a stream and a checkpoint, each asked from at, below and behind `_`.
 */
void test_place_find(void **state) {
    (void)state;
    struct sl_place place;
    char *dir = temp_dir_make();
    sl_arena_init(&arena, "test");
    make(dir, "delta/_delta_log");
    make(dir, "delta/day=1");
    make(dir, "stream/_spark_metadata");
    make(dir, "checkpoint/offsets");
    make(dir, "checkpoint/metadata");
    static const struct {
        const char *path;
        enum sl_place_kind kind;
        bool is_root;
        enum sl_code parquet, delta;
    } rows[] = {{"delta", SL_PLACE_DELTA, true, SL_USER, SL_OK},
                {"delta/day=1", SL_PLACE_DELTA, false, SL_USER, SL_USER},
                {"delta/day=2/new", SL_PLACE_DELTA, false, SL_USER, SL_USER},
                {"delta/_checkpoints/q", SL_PLACE_FREE, false, SL_OK, SL_OK},
                {"stream", SL_PLACE_SINK_LOG, true, SL_OK, SL_USER},
                {"stream/year=2026", SL_PLACE_SINK_LOG, false, SL_USER, SL_USER},
                {"checkpoint/offsets", SL_PLACE_CHECKPOINT, false, SL_USER, SL_USER},
                {"elsewhere", SL_PLACE_FREE, false, SL_OK, SL_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sl_str path = sl_str(sl_path_join(&arena, dir, rows[i].path));
        assert_int_equal(sl_place_find(&arena, path, &place, &err), SL_OK);
        if (place.kind != rows[i].kind || place.is_root != rows[i].is_root)
            fail_msg("%s: kind %d", rows[i].path, (int)place.kind);
        if (sl_place_check_parquet(&arena, path, &err) != rows[i].parquet)
            fail_msg("%s", rows[i].path);
        if (sl_place_check_delta(&arena, path, &err) != rows[i].delta) fail_msg("%s", rows[i].path);
    }
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_place_scheme(void **state) {
    (void)state;
    static const char *const local[] = {"/a",  "a/b",       "file:/a", "file:///a",
                                        "a:b", "/x/s3://y", ""};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_int_equal(sl_place_check_scheme(sl_str(local[i]), &err), SL_OK);
    assert_int_equal(sl_place_check_scheme(SL_STR("s3a://bucket/x"), &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "`s3a`"));
}
