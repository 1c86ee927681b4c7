/* Any bytes under any syntax: fields stay within the text, and decoding gives sound columns. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fmt/csv/csv_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool hook_f64(const void *ctx, struct sl_str text, double *out) {
    (void)ctx;
    *out = 1;
    return text.len % 2;
}
static const struct sl_csv_hooks hooks = {.f64 = hook_f64};

static void set_syntax(struct sl_csv_options *options, uint8_t bits) {
    sl_csv_options_init(options);
    if (bits & 1) options->syntax.escape = '"', options->syntax.escape_escape = -1;
    if (bits & 2) options->syntax.trim_leading = options->syntax.trim_trailing = true;
    if (bits & 4) memcpy(options->syntax.separator, "||", 2), options->syntax.separator_len = 2;
    if (bits & 8) options->syntax.quote = -1;
    if (bits & 16) options->syntax.escape_escape = '#';
    if (bits & 32) options->columns_max = 3;
    if (bits & 64) options->mode = SL_CSV_DROPMALFORMED;
}

static void decode(const struct sl_csv_options *options, const struct sl_str *records,
                   uint32_t rows) {
    static const bool wanted[] = {true, true, true, true};
    struct sl_field fields[] = {
        {.name = SL_STR("a"), .type = &sl_type_string, .nullable = true},
        {.name = SL_STR("b"), .type = &sl_type_long, .nullable = true},
        {.name = SL_STR("c"), .type = &sl_type_double, .nullable = true},
        {.name = SL_STR("_corrupt_record"), .type = &sl_type_string, .nullable = true}};
    struct sl_arena arena;
    struct sl_csv_decoder *decoder;
    struct sl_vec columns[4];
    uint64_t dropped[64];
    uint32_t dropped_rows, bad;
    const char *why;
    sl_arena_init(&arena, "fuzz");
    const struct sl_type *schema = sl_type_struct(&arena, fields, 4);
    for (int c = 0; c < 4; c++) sl_vec_init(&columns[c], fields[c].type);
    if (sl_csv_decoder_new(schema, wanted, options, &hooks, &decoder, NULL) != SL_OK) abort();
    if (sl_csv_decode(decoder, records, rows, columns, dropped, &dropped_rows, &bad, NULL) == SL_OK)
        for (int c = 0; c < 4; c++)
            if (!sl_vec_verify(&columns[c], &why)) abort();
    for (int c = 0; c < 4; c++) sl_vec_release(&columns[c]);
    sl_csv_decoder_free(decoder);
    sl_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { RECORDS_MAX = 4096 };
    static struct sl_str records[RECORDS_MAX];
    struct sl_csv_options options;
    struct sl_csv_record record = {0};
    uint32_t rows = 0;
    if (size < 1) return 0;
    set_syntax(&options, data[0]);
    record.fields_max = options.columns_max;
    const char *at = (const char *)data + 1, *end = (const char *)data + size;
    while (at < end && rows < RECORDS_MAX) {
        const char *begin = at;
        at = sl_csv_split(&options.syntax, at, end, true, &record);
        if (at <= begin || at > end) abort();
        for (uint32_t i = 0; i < record.count && i < options.columns_max; i++) {
            const struct sl_csv_field *field = &record.fields[i];
            if (field->ptr && field->len > 2 * size + 2) abort();
        }
        records[rows++] = (struct sl_str){begin, (size_t)(at - begin)};
    }
    decode(&options, records, rows);
    sl_csv_record_release(&record);
    return 0;
}
