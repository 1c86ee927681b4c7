/* Small files of a checkpoint by number: what was written is read, and a file in which any byte was
 * changed, or that was cut off anywhere, is damaged and not read as something else. */
#include "temp_dir.h"
#include "unit.h"

#include <string.h>

#include "run/numbered_file.h"

static const char lines_text[] = "one\ntwo\n";

static void overwrite(const char *path, const char *bytes, size_t count) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static enum sl_code read_one(struct sl_arena *arena, struct sl_str dir, int64_t number,
                             struct sl_str *lines, bool *found, struct sl_err *err) {
    return sl_numbered_read(arena, dir, "thing", number, "what a thing is", lines, found, err);
}

void test_numbered_files_are_read_back(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err;
    struct sl_str lines, line, checkpoint;
    int64_t *numbers;
    size_t count;
    bool found;
    char *dir = temp_dir_make();
    sl_arena_init(&arena, "test");
    checkpoint = sl_str(dir);
    assert_int_equal(sl_numbered_list(&arena, checkpoint, "thing", &numbers, &count, &err), SL_OK);
    assert_int_equal(count, 0); /* no folder yet */
    assert_int_equal(read_one(&arena, checkpoint, 7, &lines, &found, &err), SL_OK);
    assert_false(found);
    assert_int_equal(sl_numbered_write(checkpoint, "thing", 7, sl_str(lines_text), 0, &err), SL_OK);
    assert_int_equal(sl_numbered_write(checkpoint, "thing", 7, SL_STR("other\n"), 0, &err),
                     SL_CONFLICT);
    assert_int_equal(sl_numbered_write(checkpoint, "thing", -1, SL_STR(""), SL_PUT_REPLACE, &err),
                     SL_OK);
    assert_int_equal(sl_numbered_list(&arena, checkpoint, "thing", &numbers, &count, &err), SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0] + numbers[1], 6);
    assert_int_equal(read_one(&arena, checkpoint, 7, &lines, &found, &err), SL_OK);
    assert_true(found && sl_numbered_next(&lines, &line) && sl_str_eq(line, SL_STR("one")));
    assert_true(sl_numbered_next(&lines, &line) && sl_str_eq(line, SL_STR("two")));
    assert_false(sl_numbered_next(&lines, &line));
    assert_int_equal(read_one(&arena, checkpoint, -1, &lines, &found, &err), SL_OK);
    assert_true(found && lines.len == 0);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_damaged_numbered_files_are_refused(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_err err;
    struct sl_str lines;
    struct sl_buf whole = {0};
    bool found;
    char *dir = temp_dir_make(), bytes[64];
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_numbered_write(sl_str(dir), "thing", 1, sl_str(lines_text), 0, &err),
                     SL_OK);
    const char *path = sl_numbered_path(&arena, sl_str(dir), "thing", 1);
    assert_int_equal(sl_io_read_file(path, sizeof bytes, &whole, &err), SL_OK);
    for (size_t at = 0; at < 2 * whole.len; at++) {
        bool cut = at >= whole.len;
        size_t length = cut ? at - whole.len : whole.len;
        memcpy(bytes, whole.ptr, whole.len);
        if (!cut) bytes[at] ^= 0x41;
        overwrite(path, bytes, length);
        assert_int_equal(read_one(&arena, sl_str(dir), 1, &lines, &found, &err), SL_DATA);
        assert_non_null(strstr(err.msg, "thing/1` is damaged: it says what a thing is"));
    }
    sl_buf_release(&whole);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
