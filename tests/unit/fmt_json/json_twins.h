/* The same records through the three paths, and all rows compared, and which are malformed and why.
 * Shared by the unit test and the fuzz target. */
#ifndef SL_TESTS_JSON_TWINS_H
#define SL_TESTS_JSON_TWINS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fmt/json/json_int.h"

static const char *const twin_schemas[] = {
    "a STRING, b STRING, c INT",
    "a INT, b DOUBLE, c DECIMAL(10,2), s STRUCT<x: BIGINT, y: STRING, t: STRUCT<u: FLOAT>>",
    "a ARRAY<INT>, b MAP<STRING, STRING>, c ARRAY<STRUCT<x: INT, y: STRING>>, d BOOLEAN",
    "a TINYINT, b SMALLINT, c DECIMAL(38,4), d BINARY, e FLOAT, _corrupt_record STRING",
    "ARRAY<STRUCT<a: INT, b: STRING>>",
    "MAP<STRING, ARRAY<STRING>>",
    "a INT, s STRUCT<x: INT, y: STRING>, b ARRAY<STRUCT<x: INT>>, c MAP<STRING, INT>, _r STRING",
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

struct twin_marks {
    struct sl_buf text;    /* "row: reason" lines */
    struct sl_buf unknown; /* "row: path = value" lines */
    uint64_t count;
};
static void twin_unknown(void *ctx, uint32_t row, struct sl_str path, struct sl_str value) {
    struct twin_marks *marks = ctx;
    if (!value.len) abort();
    sl_buf_printf(&marks->unknown, "%u: ", row);
    sl_buf_put_str(&marks->unknown, path);
    sl_buf_put_cstr(&marks->unknown, " = ");
    sl_buf_put_str(&marks->unknown, value);
    sl_buf_put_byte(&marks->unknown, '\n');
}
static void twin_mark(void *ctx, uint32_t row, struct sl_str reason) {
    struct twin_marks *marks = ctx;
    if (!reason.len || !sl_utf8_is_valid(reason.ptr, reason.len)) abort();
    sl_buf_printf(&marks->text, "%u: ", row);
    sl_buf_put_str(&marks->text, reason);
    sl_buf_put_byte(&marks->text, '\n');
    marks->count++;
}

static inline void twin_decode(const struct sl_type *schema, const struct sl_type *declared,
                               const struct sl_vec *in, int path, struct sl_vec *out,
                               uint64_t *malformed, struct twin_marks *marks,
                               struct sl_json_decode_stats *stats) {
    static const struct sl_json_hooks hooks = {NULL, twin_time, twin_time, twin_date};
    struct sl_json_options options;
    struct sl_json_decoder *decoder;
    struct sl_err err = {0};
    sl_json_options_init(&options);
    options.rescued_data_column = SL_STR("_r");
    if (sl_json_decoder_new(schema, &options, &hooks, &decoder, &err) != SL_OK) abort();
    sl_json_decoder_force(decoder, path);
    sl_vec_init(out, schema);
    *malformed = 0;
    *marks = (struct twin_marks){0};
    /* Twice, so that the second time shapes are known and storage is reused; the reasons are asked
     * for at one of them. */
    for (int round = 0; round < 2; round++) {
        sl_vec_clear(out);
        *malformed = 0;
        bool ask = round == (path != 1);
        sl_json_decoder_on_malformed(decoder, ask ? twin_mark : NULL, marks);
        sl_buf_clear(&marks->unknown);
        if (sl_json_decoder_on_unknown(decoder, declared, twin_unknown, marks, &err) != SL_OK)
            abort();
        if (sl_json_decode(decoder, in, in->rows, NULL, out, malformed, NULL, &err) != SL_OK)
            abort();
    }
    sl_json_decoder_stats(decoder, stats);
    sl_json_decoder_free(decoder);
}

/* True when all paths agree and the columns are sound; else the reason is printed. */
static inline bool twins_agree_on(const struct sl_type *schema, const struct sl_type *declared,
                                  const struct sl_vec *in, struct sl_json_decode_stats *stats) {
    struct sl_vec out[3];
    uint64_t malformed[3];
    struct twin_marks marks[3];
    struct sl_json_decode_stats each;
    bool good = true;
    for (int path = 2; path >= 0; path--) {
        twin_decode(schema, declared, in, path, &out[path], &malformed[path], &marks[path], &each);
        const char *why = "";
        if (!sl_vec_verify(&out[path], &why)) {
            fprintf(stderr, "path %d: %s\n", path, why);
            good = false;
        }
    }
    *stats = each;
    for (int path = 0; path < 2 && good; path++) {
        if (malformed[path] != malformed[2]) good = false;
        if (marks[path].count != malformed[path] ||
            !sl_str_eq(sl_buf_str(&marks[path].text), sl_buf_str(&marks[2].text))) {
            fprintf(stderr, "path %d finds malformed\n%.*sstrict finds\n%.*s", path,
                    SL_STR_ARG(sl_buf_str(&marks[path].text)),
                    SL_STR_ARG(sl_buf_str(&marks[2].text)));
            good = false;
        }
        if (!sl_str_eq(sl_buf_str(&marks[path].unknown), sl_buf_str(&marks[2].unknown))) {
            fprintf(stderr, "path %d finds unknown\n%.*sstrict finds\n%.*s", path,
                    SL_STR_ARG(sl_buf_str(&marks[path].unknown)),
                    SL_STR_ARG(sl_buf_str(&marks[2].unknown)));
            good = false;
        }
        for (uint32_t row = 0; row < in->rows && good; row++) {
            if (sl_vec_rows_equal(&out[path], row, &out[2], row)) continue;
            struct sl_str text = sl_vec_is_null(in, row) ? SL_STR("NULL") : sl_vec_str(in, row);
            fprintf(stderr, "path %d differs from strict in row %u: %.*s\n", path, row,
                    SL_STR_ARG(text));
            good = false;
        }
    }
    for (int path = 0; path < 3; path++) {
        sl_vec_release(&out[path]);
        sl_buf_release(&marks[path].text);
        sl_buf_release(&marks[path].unknown);
    }
    return good;
}

/* Of a struct, also with every other field only, of which the others are declared. */
static inline bool twins_agree(const struct sl_type *schema, const struct sl_vec *in,
                               struct sl_json_decode_stats *stats) {
    struct sl_field fields[16];
    uint32_t count = 0;
    if (!twins_agree_on(schema, schema, in, stats)) return false;
    if (schema->kind != SL_STRUCT_KIND) return true;
    for (uint32_t i = 0; i < schema->field_count && count < 16; i += 2)
        fields[count++] = schema->fields[i];
    struct sl_type pruned = {.kind = SL_STRUCT_KIND, .fields = fields, .field_count = count};
    struct sl_json_decode_stats ignored;
    return twins_agree_on(&pruned, schema, in, &ignored);
}

#endif
