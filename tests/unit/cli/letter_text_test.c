/* Texts of others in a terminal: one line, no control characters, cut between characters. */
#include "unit.h"

#include <string.h>

#include "cli/letter_text.h"

static void cell(const char *text, size_t width, const char *want) {
    struct sl_buf out = {0};
    size_t used = sl_cell_put(&out, sl_str(text), width);
    assert_string_equal(sl_buf_cstr(&out), want);
    assert_true(used <= width);
    sl_buf_release(&out);
}

void test_cells_are_cut_between_characters(void **state) {
    (void)state;
    cell("", 5, "");
    cell("hello", 5, "hello");
    cell("hello!", 5, "hel..");
    cell("gr\xC3\xBC\xC3\x9F"
         "e",
         5,
         "gr\xC3\xBC\xC3\x9F"
         "e");
    cell("gr\xC3\xBC\xC3\x9F"
         "e!",
         5, "gr\xC3\xBC..");
    cell("\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 2, "..");
}

void test_cells_do_not_move_the_cursor(void **state) {
    (void)state;
    cell("a\nb\tc\rd", 20, "a\\nb\\tc\\rd");
    cell("\x1b[31mred", 20, "\\x1b[31mred");
    cell("ab\ncd", 5, "ab..");
    cell("\xFF", 5, "\xEF\xBF\xBD");
}

static void group(struct sl_letter_group *out, const char *topic, uint64_t open) {
    *out = (struct sl_letter_group){.query = SL_STR("a_query_with_a_very_long_name_indeed"),
                                    .kind = SL_STR("constraint"),
                                    .rule = SL_STR("an_expectation_with_a_long_name"),
                                    .topic = sl_str(topic),
                                    .partition = -1,
                                    .counts = {open, 1234567, 1},
                                    .first_us = 1700000000000000,
                                    .last_us = 1700000060000000};
}

/* The end of a path is what tells files apart. */
void test_counts_fit_a_terminal(void **state) {
    (void)state;
    struct sl_letter_group groups[2];
    struct sl_buf out = {0};
    group(&groups[0], "/data/incoming/2025/11/21/orders-0001.json", 1234567);
    group(&groups[1], "t", 7);
    sl_letter_put_groups(&out, groups, 2, SL_LETTER_SHORT);
    const char *text = sl_buf_cstr(&out);
    assert_non_null(strstr(text, "..1/orders-0001.json "));
    assert_non_null(strstr(text, "2023-11-14 22:13 2023-11-14 22:14\n"));
    assert_non_null(
        strstr(text, "1234574  in all, and 2469134 that were replayed, and 2 of other"));
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 120);
    sl_buf_release(&out);
}
