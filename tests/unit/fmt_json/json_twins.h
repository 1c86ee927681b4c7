/* The same records through the three paths, and all rows compared.  Shared by the unit test and the
 * fuzz target. */
#ifndef SL_TESTS_JSON_TWINS_H
#define SL_TESTS_JSON_TWINS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/json/json_decode.h"

static const char *const twin_schemas[] = {
    "a STRING, b STRING, c INT",
    "a INT, b DOUBLE, c DECIMAL(10,2), s STRUCT<x: BIGINT, y: STRING, t: STRUCT<u: FLOAT>>",
    "a ARRAY<INT>, b MAP<STRING, STRING>, c ARRAY<STRUCT<x: INT, y: STRING>>, d BOOLEAN",
    "a TINYINT, b SMALLINT, c DECIMAL(38,4), d BINARY, e FLOAT, _corrupt_record STRING",
    "ARRAY<STRUCT<a: INT, b: STRING>>",
    "MAP<STRING, ARRAY<STRING>>",
};
enum { TWIN_SCHEMAS = sizeof twin_schemas / sizeof twin_schemas[0] };

static bool twin_date(const void *ctx, struct sl_str text, int32_t *days) {
    (void)ctx;
    *days = (int32_t)text.len;
    return text.len == 10;
}
static bool twin_time(const void *ctx, struct sl_str text, int64_t *micros) {
    (void)ctx;
    *micros = (int64_t)text.len;
    return text.len == 20;
}

static void twin_decode(const struct sl_type *schema, const struct sl_vec *in, int path,
                        struct sl_vec *out, uint64_t *malformed,
                        struct sl_json_decode_stats *stats) {
    static const struct sl_json_hooks hooks = {NULL, twin_time, twin_time, twin_date};
    struct sl_json_options options;
    struct sl_json_decoder *decoder;
    struct sl_err err = {0};
    sl_json_options_init(&options);
    if (sl_json_decoder_new(schema, &options, &hooks, &decoder, &err) != SL_OK) abort();
    sl_json_decoder_force(decoder, path);
    sl_vec_init(out, schema);
    *malformed = 0;
    /* Twice, so that the second time shapes are known and storage is reused. */
    for (int round = 0; round < 2; round++) {
        sl_vec_clear(out);
        *malformed = 0;
        if (sl_json_decode(decoder, in, in->rows, NULL, out, malformed, NULL, &err) != SL_OK)
            abort();
    }
    sl_json_decoder_stats(decoder, stats);
    sl_json_decoder_free(decoder);
}

/* True when all paths agree and the columns are sound; else the reason is printed. */
static bool twins_agree(const struct sl_type *schema, const struct sl_vec *in,
                        struct sl_json_decode_stats *stats) {
    struct sl_vec out[3];
    uint64_t malformed[3];
    struct sl_json_decode_stats each;
    bool good = true;
    for (int path = 2; path >= 0; path--) {
        twin_decode(schema, in, path, &out[path], &malformed[path], &each);
        const char *why = "";
        if (!sl_vec_verify(&out[path], &why)) {
            fprintf(stderr, "path %d: %s\n", path, why);
            good = false;
        }
    }
    *stats = each;
    for (int path = 0; path < 2 && good; path++) {
        if (malformed[path] != malformed[2]) good = false;
        for (uint32_t row = 0; row < in->rows && good; row++) {
            if (sl_vec_rows_equal(&out[path], row, &out[2], row)) continue;
            struct sl_str text = sl_vec_is_null(in, row) ? SL_STR("NULL") : sl_vec_str(in, row);
            fprintf(stderr, "path %d differs from strict in row %u: %.*s\n", path, row,
                    SL_STR_ARG(text));
            good = false;
        }
    }
    for (int path = 0; path < 3; path++) sl_vec_release(&out[path]);
    return good;
}

#endif
