/* Decodes records with the JSON decoder and prints each row as to_json does: the other half of
 * json_differential.py.
 *
 *   json_driver DDL [path] [option=value ...] < records
 *   json_driver 'path $.a[0]' < records      get_json_object; prints length, newline, text, newline
 * path: auto, lookup or strict. Each record is a decimal length, a newline, that many bytes and a
 * newline; the length -1 stands for NULL. Of times only `yyyy-MM-dd` and `yyyy-MM-ddTHH:mm:ssZ` are
 * read, because calendars are not the subject here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/json/json_decode.h"
#include "fmt/json/json_text.h"

static int64_t days_from_civil(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* A date may be followed by a time, which does not count; one to three digits are days. */
static bool read_date(const void *ctx, struct sl_str text, int32_t *days) {
    (void)ctx;
    int y, m, d, end = 0;
    char copy[16] = {0};
    memcpy(copy, text.ptr, text.len < 10 ? text.len : 10);
    if (text.len < 5 && text.ptr[0] != ' ' && sscanf(copy, "%d%n", days, &end) == 1 &&
        (size_t)end == text.len)
        return true;
    if (text.len < 10 || (text.len > 10 && text.ptr[10] != 'T')) return false;
    if (sscanf(copy, "%4d-%2d-%2d%n", &y, &m, &d, &end) != 3 || end != 10) return false;
    if (m < 1 || m > 12 || d < 1 || d > 28) return false;
    *days = (int32_t)days_from_civil(y, m, d);
    return true;
}

static bool read_timestamp(const void *ctx, struct sl_str text, int64_t *micros) {
    int h, m, s, end = 0;
    int32_t days;
    char copy[16];
    if (text.len == 10 && read_date(ctx, text, &days)) {
        *micros = (int64_t)days * 86400000000;
        return true;
    }
    if (text.len != 20 || text.ptr[10] != 'T' || text.ptr[19] != 'Z') return false;
    memcpy(copy, text.ptr + 11, 8);
    copy[8] = 0;
    if (sscanf(copy, "%2d:%2d:%2d%n", &h, &m, &s, &end) != 3 || end != 8) return false;
    if (!read_date(ctx, (struct sl_str){text.ptr, 10}, &days)) return false;
    *micros = ((int64_t)days * 86400 + h * 3600 + m * 60 + s) * 1000000;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static void print_days64(struct sl_buf *out, int64_t days) {
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9), day = (int)(doy - (153 * mp + 2) / 5 + 1);
    int64_t year = yoe + era * 400 + (month <= 2);
    sl_buf_printf(out, "%s%04lld-%02d-%02d", year > 9999 ? "+" : "", (long long)year, month, day);
}

static void print_micros(const void *ctx, struct sl_buf *out, int64_t micros) {
    (void)ctx;
    int64_t days = floor_div(micros, 86400000000), ms = (micros - days * 86400000000) / 1000;
    print_days64(out, days);
    sl_buf_printf(out, "T%02d:%02d:%02d.%03dZ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                  (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void print_days(const void *ctx, struct sl_buf *out, int32_t days) {
    (void)ctx;
    print_days64(out, days);
}

static int fail(const struct sl_err *err) {
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

static bool read_records(struct sl_vec *in, uint32_t *rows, struct sl_err *err) {
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        long len = atol(line);
        if (len < 0) {
            if (sl_vec_append_null(in, 1, err) != SL_OK) return false;
            ++*rows;
            continue;
        }
        char *bytes = sl_xmalloc((size_t)len + 1);
        size_t got = fread(bytes, 1, (size_t)len + 1, stdin);
        bool good = got == (size_t)len + 1 &&
                    sl_vec_put_str(in, (struct sl_str){bytes, (size_t)len}, err) == SL_OK;
        free(bytes);
        if (!good) return false;
        ++*rows;
    }
    return true;
}

static int get_path(struct sl_arena *arena, struct sl_str text, struct sl_err *err) {
    struct sl_json_path *path = sl_json_path_parse(arena, text);
    struct sl_vec in;
    uint32_t rows = 0;
    sl_vec_init(&in, &sl_type_string);
    if (!read_records(&in, &rows, err)) return fail(err);
    struct sl_buf out = {0};
    for (uint32_t row = 0; row < rows; row++) {
        sl_buf_clear(&out);
        bool found =
            !sl_vec_is_null(&in, row) && sl_json_path_get(path, sl_vec_str(&in, row), &out);
        printf("%d\n", found ? (int)out.len : -1);
        if (found) fwrite(out.ptr, 1, out.len, stdout);
        putchar('\n');
    }
    sl_buf_release(&out);
    sl_vec_release(&in);
    sl_arena_release(arena);
    return 0;
}

int main(int argc, char **argv) {
    struct sl_err err = {0};
    struct sl_arena arena;
    sl_arena_init(&arena, "query");
    const struct sl_type *schema;
    struct sl_json_options options;
    sl_json_options_init(&options);
    if (argc < 2) return 2;
    if (strncmp(argv[1], "path ", 5) == 0) return get_path(&arena, sl_str(argv[1] + 5), &err);
    if (sl_type_parse_schema(&arena, sl_str(argv[1]), &schema, &err) != SL_OK) return fail(&err);
    int path = argc > 2 ? (strcmp(argv[2], "strict") == 0 ? 2 : strcmp(argv[2], "lookup") == 0) : 0;
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return 2;
        struct sl_str name = {argv[i], (size_t)(value - argv[i])};
        if (sl_json_options_set(&options, name, sl_str(value + 1), &err) != SL_OK)
            return fail(&err);
    }
    struct sl_json_hooks hooks = {NULL, read_timestamp, read_timestamp, read_date};
    struct sl_json_print_hooks print = {NULL, print_micros, print_micros, print_days,
                                        NULL, NULL,         NULL};
    struct sl_json_decoder *decoder;
    if (sl_json_decoder_new(schema, &options, &hooks, &decoder, &err) != SL_OK) return fail(&err);
    sl_json_decoder_force(decoder, path);
    struct sl_vec in, out;
    uint32_t rows = 0;
    sl_vec_init(&in, &sl_type_string);
    sl_vec_init(&out, schema);
    if (!read_records(&in, &rows, &err)) return fail(&err);
    if (sl_json_decode(decoder, &in, rows, NULL, &out, NULL, NULL, &err) != SL_OK)
        return fail(&err);
    const char *why;
    if (!sl_vec_verify(&out, &why)) {
        fprintf(stderr, "columns are broken: %s\n", why);
        return 1;
    }
    struct sl_json_options all = options;
    all.ignore_null_fields = false;
    struct sl_buf text = {0};
    for (uint32_t row = 0; row < rows; row++) {
        sl_buf_clear(&text);
        if (sl_json_print(&text, &out, row, &all, &print, &err) != SL_OK) return fail(&err);
        puts(sl_buf_cstr(&text));
    }
    sl_buf_release(&text);
    sl_vec_release(&in);
    sl_vec_release(&out);
    sl_json_decoder_free(decoder);
    sl_arena_release(&arena);
    return 0;
}
