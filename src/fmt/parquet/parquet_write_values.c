/* Values of one leaf on their way into its page: gathered by position, looked up in the dictionary
 * or written as PLAIN, and taken into the page's bounds in the same pass.
 *
 * Dictionary or not is decided from a sample: after 4,096 and
 * after 16,384 values the number of distinct ones in the whole column is estimated from the repeats
 * seen, and a dictionary that would outgrow its limit is given up before it has cost anything; the
 * column's next chunks then start in PLAIN. */
#include <math.h>
#include <stdlib.h>

#include "fmt/parquet/parquet_encode.h"
#include "fmt/parquet/parquet_write_int.h"

#define SL_INLINE static inline __attribute__((always_inline))

enum { SAMPLE_SMALL = 4096, SAMPLE_LARGE = 16384, PLAIN_CHUNKS_AFTER = 15 };

void sl_leaf_begin_chunk(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf) {
    sl_dict_clear(&leaf->dict);
    leaf->dict_seen = 0;
    leaf->dict_mode = leaf->may_have_dict && leaf->plain_chunks == 0;
    if (leaf->plain_chunks) leaf->plain_chunks--;
    leaf->codec = writer->options.codec;
    leaf->codec_chosen = leaf->codec == SL_CODEC_NONE || !writer->options.adaptive_codec;
    sl_buf_clear(&leaf->pieces);
    sl_buf_clear(&leaf->pages);
    sl_buf_clear(&leaf->index_bytes);
    sl_buf_clear(&leaf->page_histograms);
    memset(leaf->histogram, 0,
           ((size_t)leaf->max_def + leaf->max_rep + 2) * sizeof *leaf->histogram);
    leaf->dict_pages = leaf->plain_pages = 0;
    leaf->chunk_values = leaf->chunk_rows = leaf->chunk_raw_bytes = 0;
    leaf->raw_size = leaf->stored_size = 0;
    sl_bounds_clear(&leaf->chunk_bounds);
}

/* ---- gathering fixed-width values ---- */

SL_INLINE void gather_bytes(uint8_t *to, const uint8_t *from, const uint32_t *pos, uint32_t begin,
                            uint32_t count, const size_t width) {
    if (!pos) {
        memcpy(to, from + begin * width, count * width);
        return;
    }
    for (uint32_t i = 0; i < count; i++) memcpy(to + i * width, from + pos[i] * width, width);
}

#define GATHER_AS(T, from)                                                                         \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        T value = (T)(from)[pos ? pos[i] : begin + i];                                             \
        memcpy(to + (size_t)i * sizeof(T), &value, sizeof(T));                                     \
    }

/* Big-endian two's complement, width bytes. */
static void gather_wide(uint8_t *to, uint32_t width, const struct sl_leaf_values *values) {
    for (uint32_t i = 0; i < values->count; i++) {
        unsigned __int128 bits;
        uint32_t row = values->pos ? values->pos[i] : values->begin + i;
        memcpy(&bits, (const uint8_t *)values->vec->data + (size_t)row * 16, 16);
        for (uint32_t k = width; k-- > 0; bits >>= 8) to[k] = (uint8_t)bits;
        to += width;
    }
}

static void bound_wide(struct sl_bounds *bounds, const struct sl_leaf_values *values) {
    for (uint32_t i = 0; i < values->count; i++) {
        sl_int128 value;
        uint32_t row = values->pos ? values->pos[i] : values->begin + i;
        memcpy(&value, (const uint8_t *)values->vec->data + (size_t)row * 16, 16);
        sl_bounds_add_i128(bounds, value, value);
    }
}

static void gather(const struct sl_parquet_leaf *leaf, uint8_t *to,
                   const struct sl_leaf_values *values) {
    const struct sl_vec *vec = values->vec;
    const uint32_t *pos = values->pos;
    uint32_t begin = values->begin, count = values->count;
    switch (vec->type->kind) {
    case SL_BYTE_KIND:
        GATHER_AS(int32_t, vec->i8) break;
    case SL_SHORT_KIND:
        GATHER_AS(int32_t, vec->i16) break;
    case SL_DECIMAL_KIND:
        if (leaf->wire == WIRE_INT32) {
            GATHER_AS(int32_t, vec->i64)
        } else if (leaf->wire == WIRE_INT64) {
            gather_bytes(to, vec->data, pos, begin, count, 8);
        } else {
            gather_wide(to, leaf->width, values);
        }
        break;
    default:
        if (leaf->width == 4) {
            gather_bytes(to, vec->data, pos, begin, count, 4);
        } else {
            gather_bytes(to, vec->data, pos, begin, count, 8);
        }
    }
}

/* packed: what gather wrote. */
static void bound_fixed(struct sl_parquet_leaf *leaf, const void *packed,
                        const struct sl_leaf_values *values) {
    uint32_t count = values->count;
    switch (leaf->page_bounds.order) {
    case SL_ORDER_I32:
        sl_bounds_add_i32(&leaf->page_bounds, packed, count);
        break;
    case SL_ORDER_I64:
        sl_bounds_add_i64(&leaf->page_bounds, packed, count);
        break;
    case SL_ORDER_F32:
        sl_bounds_add_f32(&leaf->page_bounds, packed, count);
        break;
    case SL_ORDER_F64:
        sl_bounds_add_f64(&leaf->page_bounds, packed, count);
        break;
    case SL_ORDER_I128:
        bound_wide(&leaf->page_bounds, values);
        break;
    case SL_ORDER_BYTES:
        break;
    }
}

/* ---- byte strings ---- */

SL_INLINE struct sl_str value_at(const struct sl_vec *vec, uint32_t row, const bool views) {
    if (views) return vec->views[row];
    int32_t begin = vec->offsets[row];
    return (struct sl_str){(const char *)vec->bytes + begin,
                           (size_t)(vec->offsets[row + 1] - begin)};
}

SL_INLINE uint64_t sum_lengths(const struct sl_leaf_values *values, const bool views) {
    uint64_t sum = 0;
    if (!views && !values->pos)
        return (uint64_t)(values->vec->offsets[values->begin + values->count] -
                          values->vec->offsets[values->begin]);
    for (uint32_t i = 0; i < values->count; i++)
        sum += value_at(values->vec, values->pos ? values->pos[i] : values->begin + i, views).len;
    return sum;
}

uint64_t sl_leaf_values_bytes(const struct sl_leaf_values *values) {
    return values->vec->enc == SL_ENC_VIEW ? sum_lengths(values, true) : sum_lengths(values, false);
}

/* Copies with a few whole loads that overlap instead of a call: most values are short. Reads and
 * writes exactly len bytes. */
SL_INLINE void copy_short(uint8_t *to, const char *from, size_t len) {
    if (len > 64 || len < 8) {
        if (len >= 4 && len < 8) {
            uint32_t head, tail;
            memcpy(&head, from, 4), memcpy(&tail, from + len - 4, 4);
            memcpy(to, &head, 4), memcpy(to + len - 4, &tail, 4);
            return;
        }
        if (len) memcpy(to, from, len);
        return;
    }
    if (len <= 16) {
        uint64_t head, tail;
        memcpy(&head, from, 8), memcpy(&tail, from + len - 8, 8);
        memcpy(to, &head, 8), memcpy(to + len - 8, &tail, 8);
        return;
    }
    unsigned __int128 head, tail, next, last;
    memcpy(&head, from, 16), memcpy(&tail, from + len - 16, 16);
    if (len > 32) {
        memcpy(&next, from + 16, 16), memcpy(&last, from + len - 32, 16);
        memcpy(to + 16, &next, 16), memcpy(to + len - 32, &last, 16);
    }
    memcpy(to, &head, 16), memcpy(to + len - 16, &tail, 16);
}

SL_INLINE uint8_t *put_strings(uint8_t *to, struct sl_bytes_range *range,
                               const struct sl_leaf_values *values, const bool views) {
    struct sl_bytes_range local = *range;
    for (uint32_t i = 0; i < values->count; i++) {
        struct sl_str value =
            value_at(values->vec, values->pos ? values->pos[i] : values->begin + i, views);
        uint32_t len = (uint32_t)value.len;
        memcpy(to, &len, 4);
        copy_short(to + 4, value.ptr, len);
        to += 4 + (size_t)len;
        sl_bytes_range_put(&local, value.ptr, len);
    }
    *range = local;
    return to;
}

static void append_plain_strings(struct sl_parquet_leaf *leaf, const struct sl_leaf_values *values,
                                 uint64_t raw_bytes) {
    struct sl_bytes_range range;
    sl_bytes_range_begin(&range, &leaf->page_bounds);
    uint8_t *to = sl_buf_reserve(&leaf->values, raw_bytes + (size_t)values->count * 4);
    uint8_t *end = values->vec->enc == SL_ENC_VIEW ? put_strings(to, &range, values, true)
                                                   : put_strings(to, &range, values, false);
    leaf->values.len += (size_t)(end - to);
    sl_bytes_range_end(&range, &leaf->page_bounds);
}

/* ---- PLAIN ---- */

static void begin_plain_page(struct sl_parquet_leaf *leaf) {
    if (leaf->values.len >= PAGE_HEAD) return;
    sl_buf_reserve(&leaf->values, PAGE_HEAD);
    leaf->values.len = PAGE_HEAD;
}

/* Bits, least significant first, behind the page's bits so far. */
static void append_bools(struct sl_parquet_leaf *leaf, const struct sl_leaf_values *values) {
    size_t bit = leaf->page_values, bytes = (bit + values->count + 7) / 8;
    size_t have = leaf->values.len - PAGE_HEAD;
    if (bytes > have) {
        memset(sl_buf_reserve(&leaf->values, bytes - have), 0, bytes - have);
        leaf->values.len += bytes - have;
    }
    uint8_t *to = leaf->values.ptr + PAGE_HEAD;
    uint32_t trues = 0;
    for (uint32_t i = 0; i < values->count; i++, bit++) {
        uint32_t row = values->pos ? values->pos[i] : values->begin + i;
        uint32_t value = sl_bit_get(values->vec->bits, row);
        to[bit >> 3] |= (uint8_t)(value << (bit & 7));
        trues += value;
    }
    int32_t seen[2] = {trues == values->count, trues != 0};
    if (values->count) sl_bounds_add_i32(&leaf->page_bounds, seen, 2);
}

static void append_plain(struct sl_parquet_leaf *leaf, const struct sl_leaf_values *values,
                         uint64_t raw_bytes) {
    begin_plain_page(leaf);
    if (leaf->wire == WIRE_BOOLEAN) {
        append_bools(leaf, values);
    } else if (leaf->is_bytes) {
        append_plain_strings(leaf, values, raw_bytes);
    } else {
        size_t bytes = (size_t)values->count * leaf->width;
        uint8_t *to = sl_buf_reserve(&leaf->values, bytes);
        gather(leaf, to, values);
        bound_fixed(leaf, to, values);
        leaf->values.len += bytes;
    }
}

/* ---- dictionary ---- */

static uint32_t *reserve_codes(struct sl_parquet_leaf *leaf, uint32_t more) {
    uint32_t need = leaf->page_values + more;
    if (need > leaf->codes_cap) {
        leaf->codes_cap = need < leaf->codes_cap * 2 ? leaf->codes_cap * 2 : need;
        if (leaf->codes_cap < 1024) leaf->codes_cap = 1024;
        leaf->codes = sl_xrealloc(leaf->codes, leaf->codes_cap * sizeof *leaf->codes);
    }
    return leaf->codes + leaf->page_values;
}

static uint32_t put_strings_dict(struct sl_parquet_leaf *leaf, const struct sl_vec *vec,
                                 const uint32_t *pos, uint32_t begin, uint32_t count,
                                 uint32_t *codes) {
    if (vec->enc == SL_ENC_VIEW)
        return sl_dict_put_views(&leaf->dict, vec->views, pos, begin, count, codes);
    uint32_t rows = vec->enc == SL_ENC_CONST ? 1 : vec->rows;
    return sl_dict_put_flat(&leaf->dict, vec->offsets, vec->bytes, rows, pos, begin, count, codes);
}

static uint32_t count_entries(const struct sl_vec *vec) {
    return vec->enc == SL_ENC_CONST ? 1 : vec->rows;
}

/* Positions repeat: each is looked up once, then its code is copied. */
static uint32_t put_mapped(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                           const struct sl_leaf_values *values, uint32_t *codes) {
    uint32_t entries = count_entries(values->vec);
    sl_buf_clear(&writer->mapping);
    uint32_t *map = (uint32_t *)(void *)sl_buf_reserve(&writer->mapping, (size_t)entries * 4);
    memset(map, 0xFF, (size_t)entries * 4);
    for (uint32_t i = 0; i < values->count; i++) {
        uint32_t *code = &map[values->pos[i]];
        if (__builtin_expect(*code == UINT32_MAX, 0)) {
            uint32_t fresh;
            if (!put_strings_dict(leaf, values->vec, &values->pos[i], 0, 1, &fresh)) return i;
            *code = fresh;
        }
        codes[i] = *code;
    }
    return values->count;
}

static uint32_t put_fixed_dict(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                               const struct sl_leaf_values *values, uint32_t *codes) {
    sl_buf_clear(&writer->gathered);
    uint8_t *packed = sl_buf_reserve(&writer->gathered, (size_t)values->count * leaf->width);
    uint32_t count = values->count, taken;
    gather(leaf, packed, values);
    switch (leaf->width) {
    case 4:
        taken = sl_dict_put_u32(&leaf->dict, packed, count, codes);
        break;
    case 8:
        taken = sl_dict_put_u64(&leaf->dict, packed, count, codes);
        break;
    default:
        taken = sl_dict_put_fixed(&leaf->dict, packed, count, codes);
        break;
    }
    /* only what stays on this page may move its bounds */
    if (taken == count) bound_fixed(leaf, packed, values);
    return taken;
}

static uint32_t put_dict(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                         const struct sl_leaf_values *values) {
    uint32_t *codes = reserve_codes(leaf, values->count);
    if (!leaf->is_bytes) return put_fixed_dict(writer, leaf, values, codes);
    if (values->repeats && count_entries(values->vec) <= values->count)
        return put_mapped(writer, leaf, values, codes);
    return put_strings_dict(leaf, values->vec, values->pos, values->begin, values->count, codes);
}

void sl_leaf_bound_codes(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf) {
    if (!leaf->is_bytes || !leaf->page_values) return;
    sl_buf_clear(&writer->marks);
    uint32_t count = leaf->dict.count, words = (count + 7) / 8;
    uint8_t *marks = sl_buf_reserve(&writer->marks, (size_t)words * 8);
    memset(marks, 0, (size_t)words * 8);
    for (uint32_t i = 0; i < leaf->page_values; i++) marks[leaf->codes[i]] = 1;
    struct sl_bytes_range range;
    sl_bytes_range_begin(&range, &leaf->page_bounds);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t word;
        memcpy(&word, marks + (size_t)w * 8, 8);
        for (; word; word &= word - 1) {
            uint32_t code = w * 8 + (uint32_t)__builtin_ctzll(word) / 8;
            struct sl_str value = sl_dict_str(&leaf->dict, code);
            sl_bytes_range_put(&range, value.ptr, value.len);
        }
    }
    sl_bytes_range_end(&range, &leaf->page_bounds);
}

void sl_leaf_leave_dict(struct sl_parquet_leaf *leaf) {
    const struct sl_dict *dict = &leaf->dict;
    begin_plain_page(leaf);
    size_t width = leaf->width;
    size_t bytes = leaf->is_bytes ? leaf->page_raw_bytes + (size_t)leaf->page_values * 4
                                  : leaf->page_values * width;
    uint8_t *to = sl_buf_reserve(&leaf->values, bytes);
    for (uint32_t i = 0; i < leaf->page_values; i++) {
        uint32_t code = leaf->codes[i];
        if (leaf->is_bytes) {
            const struct sl_dict_entry *entry = &dict->entries[code];
            memcpy(to, dict->plain.ptr + entry->begin - 4, (size_t)entry->len + 4);
            to += (size_t)entry->len + 4;
        } else {
            memcpy(to, dict->plain.ptr + code * width, width);
            to += width;
        }
    }
    leaf->values.len += bytes;
    leaf->dict_mode = false;
}

/* n draws from D equally likely values show D (1 - exp(-n/D)) distinct ones; this is D for what was
 * seen, found by bisection over n/D. */
static double estimate_distinct(double seen, double distinct) {
    double low = 1e-9, high = 64;
    if (distinct >= seen) return INFINITY;
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (-expm1(-middle) / middle > distinct / seen) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return seen / low;
}

static bool dict_promises(const struct sl_parquet_leaf *leaf) {
    const struct sl_dict *dict = &leaf->dict;
    double entry_bytes = (double)dict->plain.len / (dict->count ? dict->count : 1);
    double expected = estimate_distinct((double)leaf->dict_seen, dict->count);
    return expected <= SL_DICT_ENTRIES_MAX && expected * entry_bytes <= (double)dict->limit_bytes;
}

/* The next chunks will not need it, and there may be hundreds of open files. */
static void release_dict(struct sl_parquet_leaf *leaf) {
    sl_dict_release(&leaf->dict);
    free(leaf->codes);
    leaf->codes = NULL;
    leaf->codes_cap = 0;
}

/* Leaves dictionary mode for the rest of the chunk: the page so far stays as it is when dictionary
 * pages went before it, else the dictionary never was. */
static enum sl_code give_up_dict(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                                 struct sl_err *err) {
    leaf->plain_chunks = PLAIN_CHUNKS_AFTER;
    if (leaf->dict_pages == 0) {
        sl_leaf_bound_codes(writer, leaf);
        sl_leaf_leave_dict(leaf);
        release_dict(leaf);
        return SL_OK;
    }
    if (leaf->page_levels) SL_TRY(sl_leaf_end_page(writer, leaf, err));
    leaf->dict_mode = false;
    return SL_OK;
}

static bool crosses(uint64_t before, uint64_t after, uint64_t mark) {
    return before < mark && after >= mark;
}

static enum sl_code append_values(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                                  const struct sl_leaf_values *values, struct sl_err *err) {
    uint64_t raw_bytes = leaf->is_bytes ? sl_leaf_values_bytes(values) : 0;
    if (raw_bytes > INT32_MAX / 2 || leaf->values.len > INT32_MAX / 2)
        return sl_fail(err, SL_UNSUPPORTED,
                       "column `%.*s`: one row holds more than 1 GiB, Parquet pages end at 2 GiB",
                       SL_STR_ARG(leaf->path[0]));
    if (leaf->dict_mode) {
        uint64_t before = leaf->dict_seen;
        leaf->dict_seen += values->count;
        if (put_dict(writer, leaf, values) == values->count) {
            leaf->page_values += values->count;
            leaf->page_raw_bytes += raw_bytes;
            bool check = crosses(before, leaf->dict_seen, SAMPLE_SMALL) ||
                         crosses(before, leaf->dict_seen, SAMPLE_LARGE);
            if (check && leaf->dict_pages == 0 && !dict_promises(leaf))
                return give_up_dict(writer, leaf, err);
            return SL_OK;
        }
        SL_TRY(give_up_dict(writer, leaf, err));
    }
    append_plain(leaf, values, raw_bytes);
    leaf->page_values += values->count;
    leaf->page_raw_bytes += raw_bytes;
    return SL_OK;
}

/* ---- levels ---- */

static void append_levels(struct sl_parquet_leaf *leaf, const struct sl_leaf_levels *levels) {
    if (leaf->max_rep) sl_buf_put(&leaf->reps, levels->reps, levels->count);
    if (levels->defs && !leaf->defs_kept) {
        sl_buf_clear(&leaf->defs);
        memset(sl_buf_reserve(&leaf->defs, leaf->page_levels), leaf->max_def, leaf->page_levels);
        leaf->defs.len = leaf->page_levels;
        leaf->defs_kept = true;
    }
    if (leaf->defs_kept) {
        if (levels->defs) {
            sl_buf_put(&leaf->defs, levels->defs, levels->count);
        } else {
            memset(sl_buf_reserve(&leaf->defs, levels->count), leaf->max_def, levels->count);
            leaf->defs.len += levels->count;
        }
    }
    leaf->page_levels += levels->count;
    leaf->page_rows += levels->rows;
}

static bool page_is_full(const struct sl_parquet_writer *writer,
                         const struct sl_parquet_leaf *leaf) {
    if (leaf->page_rows >= writer->options.page_rows) return true;
    uint64_t bytes = leaf->dict_mode
                         ? (uint64_t)leaf->page_values * sl_bit_width(leaf->dict.count) / 8
                         : leaf->values.len - (leaf->values.len ? PAGE_HEAD : 0);
    bytes += leaf->reps.len / 4 + (leaf->defs_kept ? leaf->defs.len / 4 : 0);
    return bytes >= writer->options.page_bytes;
}

enum sl_code sl_leaf_append(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                            const struct sl_leaf_values *values,
                            const struct sl_leaf_levels *levels, struct sl_err *err) {
    /* values first: leaving the dictionary may end the page that lies before them */
    if (values->count) SL_TRY(append_values(writer, leaf, values, err));
    append_levels(leaf, levels);
    return page_is_full(writer, leaf) ? sl_leaf_end_page(writer, leaf, err) : SL_OK;
}
