/* The Parquet files in tests/golden, as real Sparks wrote them: decimals, INT96 timestamps, nested
 * values.  Every row is derived again from its number by the rule of tests/golden/make.py. */
#include "parquet_read_help.h"

#include <dirent.h>

#include "base/civil.h"

enum { RECORDS = 160 };

static void put_hex(struct sl_buf *to, const char *text) {
    sl_buf_put_byte(to, '"');
    for (; *text; text++) sl_buf_printf(to, "%02x", (unsigned char)*text);
    sl_buf_put_byte(to, '"');
}

static void put_timestamp(struct sl_buf *to, int n) {
    int64_t day = sl_days_from_civil(n % 7 == 0 ? 1931 : 2025, 1, 15);
    if (n % 5 == 4)
        sl_buf_put_cstr(to, "null");
    else
        sl_buf_printf(to, "%lld", (long long)(day * 86400000000LL + 61000001LL * n));
}

static void put_nested(struct sl_buf *to, int n) {
    char text[24];
    if (n % 11 == 0) {
        sl_buf_put_cstr(to, "null");
    } else {
        sl_buf_put_byte(to, '[');
        for (int i = 0; i < n % 3; i++) {
            snprintf(text, sizeof text, "sku-%d", i);
            sl_buf_put_cstr(to, i ? ",[" : "[");
            put_hex(to, text);
            sl_buf_printf(to, ",%d]", n + i);
        }
        sl_buf_put_byte(to, ']');
    }
    snprintf(text, sizeof text, "v%d", n);
    sl_buf_put_cstr(to, "\t[[");
    put_hex(to, "k");
    sl_buf_put_byte(to, ',');
    put_hex(to, text);
    sl_buf_put_byte(to, ']');
    if (n % 4 == 0) {
        sl_buf_put_cstr(to, ",[");
        put_hex(to, "none");
        sl_buf_put_cstr(to, ",null]");
    }
    sl_buf_put_byte(to, ']');
}

/* id, amount, price, big, ts, day, flag, items, attributes as put_row prints them. */
static void put_expected(struct sl_buf *to, int n) {
    char id[16];
    snprintf(id, sizeof id, "G-%04d", n);
    put_hex(to, id);
    sl_buf_printf(to, "\t%.17g\t%d\t-1000000000000%018d\t", n * 0.25 - 1, n * 100 + n % 100, n);
    put_timestamp(to, n);
    sl_buf_printf(to, "\t%d\t%s\t", sl_days_from_civil(n % 7 == 0 ? 1931 : 2025, 1, 15) - n,
                  n % 2 == 0 ? "true" : "false");
    put_nested(to, n);
}

static int number_of(struct sl_str line) {
    char digits[5] = {0};
    /* "472d30303132" is G-0012 */
    for (int i = 0; i < 4; i++) digits[i] = line.len > 13 ? line.ptr[6 + 2 * i] : '?';
    return atoi(digits);
}

static void expect_rows(const char *folder, const char *name, bool seen[RECORDS]) {
    struct file file;
    struct sl_buf text = {0}, want = {0};
    struct sl_err err = {0};
    if (!file_load(folder, name, &file)) fail_msg("%s/%s is missing", folder, name);
    if (file_text(&file, 3, &text, &err) != SL_OK) fail_msg("%s: %s", name, err.msg);
    struct sl_str rest = sl_buf_str(&text);
    while (rest.len) {
        size_t end = sl_str_find(rest, SL_STR("\n"), 0);
        struct sl_str line = sl_str_sub(rest, 0, end);
        int n = number_of(line);
        assert_in_range(n, 5, RECORDS - 1); /* amounts above zero begin there */
        if (seen[n]) fail_msg("record %d is there twice", n);
        seen[n] = true;
        sl_buf_clear(&want);
        put_expected(&want, n);
        if (!sl_str_eq(line, sl_buf_str(&want)))
            fail_msg("have\n%.*s\nwant\n%s", SL_STR_ARG(line), sl_buf_cstr(&want));
        rest = sl_str_sub(rest, end + 1, rest.len);
    }
    sl_buf_release(&text), sl_buf_release(&want);
    free(file.bytes);
}

static void expect_table(const char *table) {
    static const char *const cities[] = {"city=S\xc3\xa3o Paulo", "city=a%2Fb%3Dc 100%25",
                                         "city=__HIVE_DEFAULT_PARTITION__"};
    bool seen[RECORDS] = {0};
    for (size_t i = 0; i < 3; i++) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/%s", table, cities[i]);
        DIR *dir = opendir(folder);
        if (!dir) fail_msg("%s is missing", folder);
        for (struct dirent *entry; (entry = readdir(dir));)
            if (entry->d_name[0] != '.') expect_rows(folder, entry->d_name, seen);
        closedir(dir);
    }
    for (int n = 5; n < RECORDS; n++)
        if (!seen[n]) fail_msg("record %d is not there", n);
}

void test_golden_parquet_of_spark_41_has_the_right_values(void **state) {
    (void)state;
    expect_table("tests/golden/spark-4.1.1/table");
}

void test_golden_parquet_of_spark_35_has_the_right_values(void **state) {
    (void)state;
    expect_table("tests/golden/spark-3.5.7/table");
}
