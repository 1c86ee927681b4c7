/* Goal: the parser takes and refuses JSONTestSuite's files as Jackson does with Spark's options.
 * Method: y_ files are read to their end, n_ files are refused, but for those that the options
 * allow or that differ only behind the first value, which from_json does not read. Needs
 * SLUICE_CORPORA/json-test-suite; skipped without. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fmt/json/json_int.h"

/* Single quotes and NaN, Infinity are on by default in Spark. */
static const char *const allowed[] = {
    "n_number_NaN.json",          "n_number_infinity.json",     "n_number_minus_infinity.json",
    "n_string_single_quote.json", "n_object_single_quote.json",
};

static bool is_allowed(const char *name) {
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (strcmp(name, allowed[i]) == 0) return true;
    return false;
}

static bool read_file(const char *path, struct sl_buf *out) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    size_t got;
    while ((got = fread(sl_buf_reserve(out, 65536), 1, 65536, file)) > 0) out->len += got;
    fclose(file);
    return true;
}

/* Every token to the end of the text; strings are unescaped. */
static bool accepts(struct sl_str text) {
    struct sl_json_options options;
    struct sl_json_parser parser;
    struct sl_buf repaired = {0};
    sl_json_options_init(&options);
    sl_utf8_repair(&repaired, text.ptr, text.len);
    sl_json_parser_init(&parser, &options);
    sl_json_parser_start(&parser, sl_buf_str(&repaired));
    int values = 0;
    bool good;
    do {
        good = sl_json_parser_next(&parser);
        if (good && parser.token == SL_JSON_TOKEN_STRING) good = sl_json_parser_text(&parser);
        values += good && parser.depth == 0 && parser.token != SL_JSON_TOKEN_NONE;
    } while (good && parser.token != SL_JSON_TOKEN_NONE);
    sl_json_parser_release(&parser);
    sl_buf_release(&repaired);
    return good && values == 1;
}

void test_json_test_suite(void **state) {
    (void)state;
    const char *corpora = getenv("SLUICE_CORPORA");
    char dir_path[1024], path[2048];
    snprintf(dir_path, sizeof dir_path, "%s/json-test-suite/test_parsing", corpora ? corpora : "");
    DIR *dir = corpora ? opendir(dir_path) : NULL;
    if (!dir) skip();
    int files = 0, wrong = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[1] != '_' || entry->d_name[0] == 'i') continue;
        struct sl_buf text = {0};
        snprintf(path, sizeof path, "%s/%s", dir_path, entry->d_name);
        assert_true(read_file(path, &text));
        bool want = entry->d_name[0] == 'y' || is_allowed(entry->d_name);
        if (accepts(sl_buf_str(&text)) != want) {
            print_error("%s is %s\n", entry->d_name, want ? "refused" : "accepted");
            wrong++;
        }
        files++;
        sl_buf_release(&text);
    }
    closedir(dir);
    assert_true(files > 250);
    assert_int_equal(wrong, 0);
}
