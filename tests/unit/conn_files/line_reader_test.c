/* Lines of a file, whole and in parts: every line comes exactly once, wherever the parts are cut.
 * The twin cuts the whole text at once. */
#include "unit.h"

#include "base/hash.h"
#include "conn/files/line_reader.h"
#include "temp_dir.h"

struct lines {
    struct sl_buf text; /* each line with \x01 behind it */
    uint32_t count;
};

static void add_line(struct lines *lines, struct sl_str line) {
    sl_buf_put_str(&lines->text, line);
    sl_buf_put_byte(&lines->text, 1);
    lines->count++;
}

static void cut_all(struct lines *lines, struct sl_str text, struct sl_str line_end) {
    while (text.len) {
        size_t at = 0, len = 0;
        for (; at < text.len && !len; at++) {
            if (line_end.len) {
                if (sl_str_starts(sl_str_sub(text, at, text.len), line_end)) len = line_end.len;
            } else if (text.ptr[at] == '\n') {
                len = 1;
            } else if (text.ptr[at] == '\r') {
                len = at + 1 < text.len && text.ptr[at + 1] == '\n' ? 2 : 1;
            }
            if (len) break;
        }
        add_line(lines, sl_str_sub(text, 0, at));
        text = sl_str_sub(text, at + len < text.len ? at + len : text.len, text.len);
    }
}

static void read_part(struct lines *lines, const char *path, struct sl_str file_text,
                      uint64_t begin, uint64_t end, struct sl_str line_end, uint32_t rows_max) {
    struct sl_line_reader *reader;
    struct sl_err err = {0};
    struct sl_str *found;
    const int64_t *numbers;
    uint32_t count = 1;
    int64_t number = 1;
    struct sl_budget budget;
    sl_budget_init(&budget, 8 << 20);
    if (sl_line_reader_open(path, begin, end, line_end, &budget, &reader, &err) != SL_OK)
        fail_msg("%s", err.msg);
    while (count) {
        assert_int_equal(sl_line_reader_next(reader, rows_max, &found, &numbers, &count, &err),
                         SL_OK);
        for (uint32_t i = 0; i < count; i++) {
            if (begin == 0) assert_int_equal(numbers[i], number++);
            add_line(lines, found[i]);
            uint64_t at = sl_line_reader_at(reader, found[i]);
            assert_true(at + found[i].len <= file_text.len);
            assert_true(sl_str_eq(sl_str_sub(file_text, at, at + found[i].len), found[i]));
        }
        if (begin) assert_null(numbers);
    }
    assert_true(atomic_load(&budget.used_bytes) >= 1 << 20);
    sl_line_reader_close(reader);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
}

void test_parts_have_every_line_once(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    uint64_t seed = 11;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    const char *path = sl_path_join(&arena, dir, "f");
    for (int round = 0; round < 400; round++) {
        struct sl_buf text = {0};
        struct lines want = {0}, got = {0};
        size_t len = sl_random_next(&seed) % 300;
        struct sl_str line_end = round % 4 == 3   ? SL_STR("||")
                                 : round % 4 == 2 ? SL_STR("|")
                                                  : SL_STR("");
        for (size_t i = 0; i < len; i++)
            sl_buf_put_byte(&text, (uint8_t) "ab\n\r\r\n||"[sl_random_next(&seed) % 8]);
        temp_dir_write(dir, "f", text.ptr, text.len);
        cut_all(&want, sl_buf_str(&text), line_end);
        uint64_t begin = 0;
        while (begin < text.len) {
            /* a part of a real split is longer than a line end */
            uint64_t end = begin + 3 + sl_random_next(&seed) % 60;
            if (round % 3 == 0 || line_end.len > 1) end = text.len;
            read_part(&got, path, sl_buf_str(&text), begin, end, line_end,
                      1 + (uint32_t)(sl_random_next(&seed) % 5));
            begin = end;
        }
        assert_int_equal(got.count, want.count);
        if (want.text.len) assert_memory_equal(got.text.ptr, want.text.ptr, want.text.len);
        sl_buf_release(&text);
        sl_buf_release(&want.text);
        sl_buf_release(&got.text);
    }
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

/* Longer than the window, and over its edge. */
void test_long_lines_are_whole(void **state) {
    (void)state;
    enum { BYTES = (3 << 20) + 17 };
    char *dir = temp_dir_make();
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_buf text = {0};
    struct lines got = {0};
    sl_buf_put_cstr(&text, "\xEF\xBB\xBFshort\n");
    memset(sl_buf_reserve(&text, BYTES), 'x', BYTES);
    text.len += BYTES;
    sl_buf_put_cstr(&text, "\r\nlast");
    temp_dir_write(dir, "f", text.ptr, text.len);
    read_part(&got, sl_path_join(&arena, dir, "f"), sl_buf_str(&text), 0, UINT64_MAX, SL_STR(""),
              2);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.text.len, 5 + 1 + BYTES + 1 + 4 + 1);
    assert_memory_equal(got.text.ptr, "short\x01", 6);
    sl_buf_release(&text);
    sl_buf_release(&got.text);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

/* A line, and a file that is one record, take their memory from the budget, and give it back. */
void test_buffers_are_the_budgets(void **state) {
    (void)state;
    enum { BYTES = 5 << 20 };
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_budget budget;
    struct sl_line_reader *reader;
    struct sl_whole_file file;
    struct sl_err err = {0};
    struct sl_str *lines;
    const int64_t *numbers;
    uint32_t count;
    sl_arena_init(&arena, "test");
    uint8_t *text = malloc(BYTES);
    memset(text, 'x', BYTES);
    temp_dir_write(dir, "f", text, BYTES);
    const char *path = sl_path_join(&arena, dir, "f");
    for (int i = 0; i < 2; i++) {
        enum sl_code want = i ? SL_OK : SL_NOMEM;
        sl_budget_init(&budget, (i ? 40 : 4) << 20);
        assert_int_equal(
            sl_line_reader_open(path, 0, UINT64_MAX, SL_STR(""), &budget, &reader, &err), SL_OK);
        assert_int_equal(sl_line_reader_next(reader, 10, &lines, &numbers, &count, &err), want);
        if (i)
            assert_true(count == 1 && lines[0].len == BYTES);
        else
            assert_non_null(strstr(err.msg, "memory limit of 4.0 MB"));
        sl_line_reader_close(reader);
        assert_int_equal(sl_whole_file_read(&file, path, 1 << 30, &budget, &err), want);
        if (i) assert_memory_equal(file.bytes.ptr, text, BYTES);
        sl_whole_file_release(&file);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
    }
    free(text);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
