/* The writer's parts against naive twins: hybrid encoder, dictionary, bounds, codecs, checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "fmt/parquet/parquet_codec.h"
#include "fmt/parquet/parquet_dict.h"
#include "fmt/parquet/parquet_encode.h"
#include "fmt/parquet/parquet_stats.h"

/* ---- hybrid ---- */

static uint64_t read_varint(const uint8_t **at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return value;
    }
}

/* Bit by bit, as the specification describes it. */
static void decode_naively(const struct sl_buf *in, uint32_t *out, uint32_t count, uint32_t width) {
    const uint8_t *at = in->ptr, *end = in->ptr + in->len;
    uint32_t done = 0;
    while (done < count) {
        assert_true(at < end);
        uint64_t header = read_varint(&at);
        if (header & 1) {
            for (uint64_t i = 0; i < (header >> 1) * 8; i++) {
                uint32_t value = 0;
                for (uint32_t b = 0; b < width; b++) {
                    uint64_t bit = i * width + b;
                    value |= (uint32_t)(at[bit / 8] >> (bit % 8) & 1) << b;
                }
                if (done < count) out[done++] = value;
            }
            at += (header >> 1) * width;
        } else {
            uint32_t value = 0;
            for (uint32_t b = 0; b < (width + 7) / 8; b++) value |= (uint32_t)*at++ << (8 * b);
            assert_true(header >> 1 <= count - done);
            for (uint64_t i = 0; i < header >> 1; i++) out[done++] = value;
        }
    }
    assert_ptr_equal(at, end);
}

/* Every width, runs of random length between random values: what is decoded is what went in. */
void test_hybrid_against_naive_decoder(void **state) {
    (void)state;
    uint64_t random = 1;
    struct sl_buf out = {0};
    uint32_t *in = sl_xcalloc(5000, 4), *back = sl_xcalloc(5000, 4);
    for (int round = 0; round < 1500; round++) {
        uint32_t width = (uint32_t)round % 33, count = (uint32_t)(sl_random_next(&random) % 3000);
        uint64_t longest = 1 + sl_random_next(&random) % 60, mask = (UINT64_C(1) << width) - 1;
        for (uint32_t i = 0; i < count;) {
            uint32_t value = (uint32_t)(sl_random_next(&random) & mask);
            uint64_t run = 1 + sl_random_next(&random) % longest;
            for (; run && i < count; run--) in[i++] = value;
        }
        sl_buf_clear(&out);
        sl_hybrid_put(&out, in, count, width);
        decode_naively(&out, back, count, width);
        for (uint32_t i = 0; i < count; i++) assert_int_equal(back[i], in[i]);
    }
    sl_buf_release(&out);
    free(in);
    free(back);
}

/* Equal values must become one run of a few bytes, not packed groups. */
void test_hybrid_finds_runs(void **state) {
    (void)state;
    struct sl_buf out = {0};
    uint32_t *in = sl_xcalloc(20000, 4);
    for (int i = 0; i < 20000; i++) in[i] = 5;
    sl_hybrid_put(&out, in, 20000, 3);
    assert_in_range(out.len, 1, 8);
    sl_buf_release(&out);
    free(in);
}

/* ---- dictionary ---- */

/* Random strings of 0..40 bytes from a small set: equal codes exactly for equal strings, codes in
 * order of first sight, the page body is the PLAIN form of the distinct ones. */
void test_dict_strings_against_naive(void **state) {
    (void)state;
    uint64_t random = 7;
    struct sl_dict dict;
    sl_dict_init(&dict, 0, 1 << 20);
    for (int round = 0; round < 30; round++) {
        struct sl_buf plain = {0};
        struct sl_str views[700], seen[700];
        uint32_t codes[700], distinct = 0;
        char bytes[64] = "abababababababababababababababababababababababab";
        for (int i = 0; i < 700; i++) {
            size_t len = sl_random_next(&random) % 41, begin = sl_random_next(&random) % 4;
            views[i] = (struct sl_str){bytes + begin, len};
        }
        uint32_t half = 333;
        assert_int_equal(sl_dict_put_views(&dict, views, NULL, 0, half, codes), half);
        assert_int_equal(sl_dict_put_views(&dict, views, NULL, half, 700 - half, codes + half),
                         700 - half);
        for (uint32_t i = 0; i < 700; i++) {
            uint32_t k = 0;
            while (k < distinct && !sl_str_eq(seen[k], views[i])) k++;
            if (k == distinct) {
                seen[distinct++] = views[i];
                sl_buf_put_u32le(&plain, (uint32_t)views[i].len);
                sl_buf_put_str(&plain, views[i]);
            }
            assert_int_equal(codes[i], k);
            assert_true(sl_str_eq(sl_dict_str(&dict, codes[i]), views[i]));
        }
        assert_int_equal(dict.count, distinct);
        assert_true(sl_str_eq(sl_buf_str(&dict.plain), sl_buf_str(&plain)));
        sl_buf_release(&plain);
        sl_dict_clear(&dict);
    }
    sl_dict_release(&dict);
}

/* Numbers of both widths, many distinct ones (the table grows), values that differ in high bits
 * only, as round doubles do. */
void test_dict_words(void **state) {
    (void)state;
    for (uint32_t width = 4; width <= 8; width += 4) {
        struct sl_dict dict;
        sl_dict_init(&dict, width, 1 << 22);
        uint32_t count = 30000, *codes = sl_xcalloc(count, 4);
        uint8_t *values = sl_xcalloc(count, 8);
        for (uint32_t i = 0; i < count; i++) {
            double number = (double)(i % 20000) / 4;
            float narrow = (float)number;
            if (width == 8) memcpy(values + (size_t)i * 8, &number, 8);
            if (width == 4) memcpy(values + (size_t)i * 4, &narrow, 4);
        }
        uint32_t taken = width == 8 ? sl_dict_put_u64(&dict, values, count, codes)
                                    : sl_dict_put_u32(&dict, values, count, codes);
        assert_int_equal(taken, count);
        assert_int_equal(dict.count, 20000);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(codes[i], i % 20000);
            assert_memory_equal(dict.plain.ptr + (size_t)codes[i] * width,
                                values + (size_t)i * width, width);
        }
        free(values);
        free(codes);
        sl_dict_release(&dict);
    }
}

/* Past its byte limit the dictionary takes no more, but still finds what it has. */
void test_dict_limit(void **state) {
    (void)state;
    struct sl_dict dict;
    uint32_t values[40], codes[40];
    for (uint32_t i = 0; i < 40; i++) values[i] = i * 3;
    sl_dict_init(&dict, 4, 100);
    assert_int_equal(sl_dict_put_u32(&dict, values, 40, codes), 25);
    assert_int_equal(sl_dict_put_u32(&dict, values, 25, codes), 25);
    assert_int_equal(codes[24], 24);
    assert_int_equal(dict.plain.len, 100);
    sl_dict_release(&dict);
}

/* ---- bounds ---- */

void test_bounds_of_numbers(void **state) {
    (void)state;
    struct sl_bounds bounds;
    int32_t ints[7] = {5, -3, 9, 9, 2, -7, 1};
    double floats[6] = {1.5, (double)NAN, -0.0, 0.0, -2.5, (double)NAN};
    sl_bounds_init(&bounds, SL_ORDER_I32);
    sl_bounds_add_i32(&bounds, ints, 7);
    assert_true(bounds.has);
    assert_int_equal(bounds.min.i64, -7);
    assert_int_equal(bounds.max.i64, 9);
    sl_bounds_init(&bounds, SL_ORDER_F64);
    sl_bounds_add_f64(&bounds, floats, 6);
    assert_int_equal(bounds.nan_count, 2);
    assert_true(bounds.min.f64 == -2.5 && bounds.max.f64 == 1.5);
    sl_bounds_init(&bounds, SL_ORDER_F64);
    sl_bounds_add_f64(&bounds, floats + 5, 1);
    assert_false(bounds.has); /* only NaN: no bound */
}

/* -0.0 and +0.0 compare equal, so a bound must cover both. */
void test_bounds_of_zero(void **state) {
    (void)state;
    struct sl_bounds bounds;
    struct sl_buf out = {0};
    double zero = 0.0, minus = -0.0;
    sl_bounds_init(&bounds, SL_ORDER_F64);
    sl_bounds_add_f64(&bounds, &zero, 1);
    sl_bounds_put(&bounds, false, 8, &out);
    assert_memory_equal(out.ptr, &minus, 8);
    sl_bounds_clear(&bounds);
    sl_bounds_add_f64(&bounds, &minus, 1);
    sl_buf_clear(&out);
    sl_bounds_put(&bounds, true, 8, &out);
    assert_memory_equal(out.ptr, &zero, 8);
    sl_buf_release(&out);
}

/* Random strings with shared prefixes, NULs and every length: running bounds equal the naive ones.
 */
void test_bytes_range_against_naive(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 3000; round++) {
        char bytes[12][24];
        struct sl_bounds bounds;
        struct sl_bytes_range range;
        struct sl_str min = {0}, max = {0};
        sl_bounds_init(&bounds, SL_ORDER_BYTES);
        for (int i = 0; i < 12; i++) {
            if (i % 4 == 0) sl_bytes_range_begin(&range, &bounds);
            size_t len = sl_random_next(&random) % 24;
            memset(bytes[i], round % 2 ? 'x' : 0, 24);
            if (len) bytes[i][len - 1] = (char)(sl_random_next(&random) % 3 * 100);
            struct sl_str value = {bytes[i], len};
            sl_bytes_range_put(&range, value.ptr, value.len);
            if (i == 0 || sl_str_cmp(value, min) < 0) min = value;
            if (i == 0 || sl_str_cmp(value, max) > 0) max = value;
            if (i % 4 == 3) sl_bytes_range_end(&range, &bounds);
        }
        assert_true(sl_str_eq(sl_buf_str(&bounds.min_bytes), min));
        assert_true(sl_str_eq(sl_buf_str(&bounds.max_bytes), max));
        sl_bounds_release(&bounds);
    }
}

static bool is_utf8(struct sl_str text) {
    for (size_t i = 0; i < text.len;) {
        uint8_t lead = (uint8_t)text.ptr[i];
        size_t len = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        if (!len || i + len > text.len || lead > 0xF4) return false;
        for (size_t k = 1; k < len; k++)
            if (((uint8_t)text.ptr[i + k] & 0xC0) != 0x80) return false;
        if (lead == 0xED && (uint8_t)text.ptr[i + 1] >= 0xA0) return false;
        i += len;
    }
    return true;
}

/* Long texts of random characters, the greatest of each length among them, and random bytes: cut
 * bounds enclose the value, stay short, and stay UTF-8 when the value is. */
void test_truncated_bounds_enclose(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "a",    "\x7F", "\xDF\xBF",    "\xED\x9F\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF",
        "\xFF", "\x90", "\xED\xA0\x80"};
    uint64_t random = 11;
    struct sl_buf value = {0}, min = {0}, max = {0};
    int grown = 0;
    for (int round = 0; round < 5000; round++) {
        bool text = round % 2 == 0, exact;
        uint64_t kinds = round % 6 < 3 ? 6 : 9, fixed = sl_random_next(&random) % kinds;
        sl_buf_clear(&value), sl_buf_clear(&min), sl_buf_clear(&max);
        while (value.len < 60 + (size_t)round % 20)
            sl_buf_put_cstr(&value, pieces[round % 5 ? sl_random_next(&random) % kinds : fixed]);
        struct sl_str whole = sl_buf_str(&value);
        sl_bound_put_min(whole, text, &min, &exact);
        assert_int_equal(exact, whole.len <= 64);
        assert_true(sl_str_starts(whole, sl_buf_str(&min)));
        assert_true(sl_bound_put_max(whole, text, &max, &exact));
        int order = sl_str_cmp(sl_buf_str(&max), whole);
        assert_true(exact ? order == 0 : order > 0);
        if (!exact) assert_in_range(max.len, 1, 64);
        grown += !exact;
        if (text && is_utf8(whole)) {
            assert_true(is_utf8(sl_buf_str(&min)));
            assert_true(is_utf8(sl_buf_str(&max)));
        }
    }
    assert_true(grown > 1000);
    sl_buf_release(&value), sl_buf_release(&min), sl_buf_release(&max);
}

/* Nothing above 0xFF..: the whole value is the bound, unless it is too long to keep. */
void test_truncated_max_of_highest_bytes(void **state) {
    (void)state;
    struct sl_buf value = {0}, out = {0};
    bool exact;
    memset(sl_buf_reserve(&value, 5000), 0xFF, 5000);
    assert_true(sl_bound_put_max((struct sl_str){(char *)value.ptr, 100}, false, &out, &exact));
    assert_true(exact && out.len == 100);
    sl_buf_clear(&out);
    assert_false(sl_bound_put_max((struct sl_str){(char *)value.ptr, 5000}, false, &out, &exact));
    sl_buf_release(&value), sl_buf_release(&out);
}

/* ---- codecs ---- */

void test_codecs_round_trip(void **state) {
    (void)state;
    uint64_t random = 5;
    static uint8_t raw[70000], packed[90000], back[70000];
    struct sl_decompressor decompressor;
    sl_decompressor_init(&decompressor);
    for (int codec = SL_CODEC_NONE; codec <= SL_CODEC_LZ4_RAW; codec++) {
        struct sl_compressor compressor;
        sl_compressor_init(&compressor, (enum sl_codec)codec, 1);
        for (int round = 0; round < 20; round++) {
            size_t len = round ? sl_random_next(&random) % sizeof raw : 0, out;
            struct sl_err err;
            for (size_t i = 0; i < len; i++)
                raw[i] = (uint8_t)(round % 2 ? sl_random_next(&random) : i / 9);
            size_t room = sl_compress_bound(&compressor, len);
            assert_true(room <= sizeof packed);
            assert_int_equal(sl_compress(&compressor, raw, len, packed, room, &out, &err), SL_OK);
            int32_t wire = sl_codec_wire((enum sl_codec)codec);
            assert_int_equal(sl_decompress(&decompressor, wire, packed, out, back, len, &err),
                             SL_OK);
            assert_memory_equal(raw, back, len);
            if (codec != SL_CODEC_NONE && out > 1 && len)
                assert_int_equal(
                    sl_decompress(&decompressor, wire, packed, out / 2, back, len, &err), SL_DATA);
        }
        sl_compressor_release(&compressor);
    }
    sl_decompressor_release(&decompressor);
}

void test_codec_names(void **state) {
    (void)state;
    enum sl_codec codec;
    assert_true(sl_codec_parse(SL_STR("ZSTD"), &codec) && codec == SL_CODEC_ZSTD);
    assert_true(sl_codec_parse(SL_STR("lz4raw"), &codec) && codec == SL_CODEC_LZ4_RAW);
    assert_true(sl_codec_parse(SL_STR("uncompressed"), &codec) && codec == SL_CODEC_NONE);
    assert_false(sl_codec_parse(SL_STR("brotli"), &codec));
    assert_string_equal(sl_codec_extension(SL_CODEC_GZIP), ".gz");
}

/* Folding against zlib, every length around the edges of its loops. */
void test_page_crc_against_zlib(void **state) {
    (void)state;
    uint64_t random = 9;
    static uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)sl_random_next(&random);
    for (size_t len = 0; len < 600; len++)
        assert_int_equal(sl_page_crc(bytes + len % 17, len), sl_crc32(0, bytes + len % 17, len));
    assert_int_equal(sl_page_crc(bytes, 5000), sl_crc32(0, bytes, 5000));
}
