/* The batch loop: room for a run of rows, then each record down the paths until one takes it. */
#include "fmt/json/json_decode.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "fmt/json/json_int.h"
#include "fmt/json/json_predict.h"

/* Rows whose string bytes are reserved together, so that the paths copy without checks. */
enum { RUN_ROWS = 256, PAGE = 4096 };

/* Longer records go to the strict path, which grows each column only by what it writes: room for
 * the whole record in every string column would be too much. */
enum { LONG_RECORD = 1 << 20, RUN_BYTES = 4 << 20 };

#if defined(__SANITIZE_ADDRESS__)
#define CAREFUL_LOADS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAREFUL_LOADS true
#endif
#endif
#ifndef CAREFUL_LOADS
#define CAREFUL_LOADS false
#endif

enum sl_code sl_json_decoder_new(const struct sl_type *schema,
                                 const struct sl_json_options *options,
                                 const struct sl_json_hooks *hooks, struct sl_json_decoder **out,
                                 struct sl_err *err) {
    struct sl_json_decoder *decoder = sl_xcalloc(1, sizeof *decoder);
    decoder->schema = schema;
    decoder->options = options;
    decoder->hooks = hooks;
    sl_arena_init(&decoder->arena, "query");
    sl_json_parser_init(&decoder->parser, options);
    enum sl_code code = sl_json_plan(decoder, err);
    if (code != SL_OK) {
        sl_json_decoder_free(decoder);
        return code;
    }
    decoder->shapes = sl_json_shapes_new(decoder);
    *out = decoder;
    return SL_OK;
}

void sl_json_decoder_free(struct sl_json_decoder *decoder) {
    if (!decoder) return;
    sl_json_shapes_free(decoder->shapes);
    sl_json_parser_release(&decoder->parser);
    sl_buf_release(&decoder->text);
    sl_buf_release(&decoder->scratch);
    sl_buf_release(&decoder->padded);
    sl_buf_release(&decoder->path);
    sl_buf_release(&decoder->rescued);
    free(decoder->marked);
    sl_buf_release(&decoder->trouble.place);
    sl_buf_release(&decoder->trouble.what);
    sl_arena_release(&decoder->arena);
    free(decoder);
}

void sl_json_decoder_stats(const struct sl_json_decoder *decoder,
                           struct sl_json_decode_stats *stats) {
    *stats = decoder->stats;
}

void sl_json_decoder_on_malformed(struct sl_json_decoder *decoder, sl_json_malformed_fn fn,
                                  void *ctx) {
    decoder->on_malformed = fn;
    decoder->malformed_ctx = ctx;
}

void sl_json_decoder_force(struct sl_json_decoder *decoder, enum sl_json_paths paths) {
    decoder->paths = paths;
}

/* Makes every string column below hold `bytes` more than it does at row `row`. */
static bool reserve_run(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t row,
                        size_t bytes) {
    switch (vec->type->kind) {
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        return sl_json_need_bytes(decoder, vec, (size_t)vec->offsets[row] + bytes);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        row = (uint32_t)vec->offsets[row];
        break;
    case SL_STRUCT_KIND:
        break;
    default:
        return true;
    }
    for (uint32_t i = 0; i < vec->child_count; i++) {
        if (vec->type->kind != SL_STRUCT_KIND &&
            !sl_json_need_rows(decoder, &vec->children[i], row + 1))
            return false;
        if (!reserve_run(decoder, &vec->children[i], row, bytes)) return false;
    }
    return true;
}

/* The record with SL_JSON_PAD readable bytes behind it: itself when those lie in its last page. */
static struct sl_str padded(struct sl_json_decoder *decoder, struct sl_str record) {
    uintptr_t end = (uintptr_t)record.ptr + record.len;
    if (!CAREFUL_LOADS && (end & (PAGE - 1)) && (end & (PAGE - 1)) <= PAGE - SL_JSON_PAD)
        return record;
    sl_buf_clear(&decoder->padded);
    sl_buf_put(&decoder->padded, record.ptr, record.len);
    uint8_t *tail = sl_buf_reserve(&decoder->padded, SL_JSON_PAD);
    memset(tail, 0, SL_JSON_PAD);
    return sl_buf_str(&decoder->padded);
}

/* Spark skips parsing for a schema without fields. */
static bool no_fields(const struct sl_json_decoder *decoder) {
    return decoder->root.kind == SL_STRUCT_KIND && decoder->schema->field_count == 0 &&
           decoder->options->mode == SL_JSON_PERMISSIVE && !decoder->options->multi_line;
}

static bool decode_fast(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                        uint32_t row) {
    record = padded(decoder, record);
    if (decoder->paths == SL_JSON_ALL_PATHS && sl_json_predict(decoder, record, row)) {
        decoder->stats.predicted++;
        return true;
    }
    decoder->suspect = false;
    if (decoder->paths == SL_JSON_STRICT_ONLY || !sl_json_lookup(decoder, record, out, row))
        return false;
    decoder->stats.lookup++;
    if (decoder->paths == SL_JSON_ALL_PATHS) sl_json_learn(decoder, record);
    return true;
}

/* False: malformed or partially bad. */
static bool decode_row(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                       uint32_t row) {
    decoder->marked_count = 0;
    decoder->suspect = no_fields(decoder);
    if (decoder->suspect) {
        sl_json_set_valid(out, row);
        return true;
    }
    if (decoder->paths != SL_JSON_STRICT_ONLY && record.len <= LONG_RECORD &&
        decode_fast(decoder, record, out, row))
        return true;
    if (decoder->fatal) return true;
    decoder->stats.strict++;
    enum sl_json_result result = sl_json_strict(decoder, record, out, row);
    bool rescues = decoder->rescued_field >= 0;
    bool bad = result == SL_JSON_BAD || (result == SL_JSON_PARTIAL && !rescues);
    decoder->suspect = result != SL_JSON_BAD;
    if (bad && decoder->corrupt_field >= 0)
        sl_json_put_bytes(decoder, &out->children[decoder->corrupt_field], row, record.ptr,
                          record.len);
    return !bad;
}

static enum sl_code refuse(struct sl_json_decoder *decoder, struct sl_str record, uint32_t row,
                           uint32_t *bad_row, struct sl_err *err) {
    enum { SHOWN_BYTES = 200 };
    struct sl_str why = sl_json_trouble_text(decoder);
    size_t shown = record.len;
    if (shown > SHOWN_BYTES) shown = sl_utf8_whole(record.ptr, SHOWN_BYTES);
    if (bad_row) *bad_row = row;
    sl_fail_at(err, (struct sl_span){0, 0}, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
               "22023", "malformed JSON record, and the mode is FAILFAST: %.*s in: %.*s%s",
               SL_STR_ARG(why), (int)shown, record.ptr, shown < record.len ? ".." : "");
    if (err) err->code = SL_DATA;
    sl_hint(err, "use mode PERMISSIVE to read such records as NULL");
    return SL_DATA;
}

static inline struct sl_str record_at(const struct sl_vec *in, uint32_t row) {
    return in->enc == SL_ENC_VIEW ? in->views[row] : sl_vec_str(in, row);
}

/* The bytes that count for the reserve. */
static size_t row_bytes(const struct sl_vec *in, uint32_t row) {
    size_t len = sl_vec_is_null(in, row) ? 0 : record_at(in, row).len;
    return len <= LONG_RECORD ? len : 0;
}

/* Where the run from begin ends, and its bytes. */
static uint32_t run_end(const struct sl_vec *in, uint32_t begin, uint32_t rows, size_t *bytes) {
    uint32_t row = begin, last = rows - begin < RUN_ROWS ? rows : begin + RUN_ROWS;
    *bytes = SL_JSON_PAD;
    while (row < last && *bytes < RUN_BYTES) *bytes += row_bytes(in, row++);
    return row;
}

/* True: bytes were written that the record's length does not stand for. */
static bool look_for_unknown(struct sl_json_decoder *decoder, struct sl_str record,
                             struct sl_vec *out, uint32_t row) {
    bool rescues = decoder->rescued_field >= 0;
    if (decoder->on_unknown || rescues) sl_json_unknown_walk(decoder, record, row);
    return rescues && sl_json_rescue(decoder, record, out, row);
}

static enum sl_code decode_run(struct sl_json_decoder *decoder, const struct sl_vec *in,
                               uint32_t begin, uint32_t end, size_t left, const uint64_t *active,
                               struct sl_vec *out, uint64_t *malformed, uint32_t *bad_row,
                               struct sl_err *err) {
    if (!reserve_run(decoder, out, begin, left)) return decoder->fatal;
    for (uint32_t row = begin; row < end; row++) {
        if (sl_vec_is_null(in, row) || (active && !sl_bit_get(active, row))) {
            sl_json_put_null(&decoder->root, out, row);
            continue;
        }
        struct sl_str record = record_at(in, row);
        uint64_t strict = decoder->stats.strict;
        bool good = decode_row(decoder, record, out, row);
        if (decoder->fatal) return decoder->fatal;
        if (!good) {
            if (decoder->on_malformed)
                decoder->on_malformed(decoder->malformed_ctx, row, sl_json_trouble_text(decoder));
            else if (decoder->options->mode == SL_JSON_FAILFAST)
                return refuse(decoder, record, row, bad_row, err);
            ++*malformed;
            if (decoder->options->mode == SL_JSON_DROPMALFORMED)
                sl_json_put_null(&decoder->root, out, row);
        }
        bool rescued = decoder->suspect && look_for_unknown(decoder, record, out, row);
        if (decoder->fatal) return decoder->fatal;
        left -= row_bytes(in, row);
        /* The strict path may have written more bytes than the record has. */
        if ((rescued || strict != decoder->stats.strict) &&
            !reserve_run(decoder, out, row + 1, left))
            return decoder->fatal;
    }
    return SL_OK;
}

/* A bitmap of ones is dropped: readers are faster without. */
static void drop_full_bitmaps(struct sl_vec *vec) {
    if (vec->valid && sl_bits_count(vec->valid, vec->rows) == vec->rows) vec->valid = NULL;
    for (uint32_t i = 0; i < vec->child_count; i++) drop_full_bitmaps(&vec->children[i]);
}

enum sl_code sl_json_decode(struct sl_json_decoder *decoder, const struct sl_vec *in, uint32_t rows,
                            const uint64_t *active, struct sl_vec *out, uint64_t *malformed_rows,
                            uint32_t *bad_row, struct sl_err *err) {
    sl_assert(out->rows == 0 && sl_type_is_bytes(in->type));
    decoder->err = err;
    decoder->fatal = SL_OK;
    uint64_t malformed = 0;
    if (!sl_json_need_rows(decoder, out, rows ? rows : 1)) return decoder->fatal;
    sl_json_predict_begin(decoder, out);
    size_t bytes;
    for (uint32_t begin = 0, end; begin < rows; begin = end) {
        end = run_end(in, begin, rows, &bytes);
        SL_TRY(decode_run(decoder, in, begin, end, bytes, active, out, &malformed, bad_row, err));
    }
    sl_json_set_rows(out, rows);
    drop_full_bitmaps(out);
    if (malformed_rows) *malformed_rows += malformed;
    return SL_OK;
}
