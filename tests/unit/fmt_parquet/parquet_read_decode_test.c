/* Decoders and Thrift against naive twins that write the same encodings in the plainest way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"
#include "fmt/parquet/parquet_decode.h"
#include "fmt/parquet/thrift.h"

static uint64_t state_of_random;

static uint64_t below(uint64_t bound) { return sl_random_next(&state_of_random) % bound; }

static void put_varint(struct sl_buf *to, uint64_t value) {
    for (; value >= 128; value >>= 7) sl_buf_put_byte(to, (uint8_t)(value | 128));
    sl_buf_put_byte(to, (uint8_t)value);
}

static void put_zigzag(struct sl_buf *to, int64_t value) {
    put_varint(to, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

/* Bit by bit, least significant first. */
static void pack(struct sl_buf *to, const uint64_t *values, size_t count, unsigned width) {
    unsigned filled = 0;
    uint8_t byte = 0;
    for (size_t i = 0; i < count; i++)
        for (unsigned b = 0; b < width; b++) {
            byte |= (uint8_t)((values[i] >> b & 1) << filled);
            if (++filled < 8) continue;
            sl_buf_put_byte(to, byte);
            byte = 0;
            filled = 0;
        }
    if (filled) sl_buf_put_byte(to, byte);
}

/* What decoders may read behind the end. */
static void pad(struct sl_buf *buf) {
    memset(sl_buf_reserve(buf, SL_DECODE_PADDING), 0xA5, SL_DECODE_PADDING);
}

/* ---- hybrid ---- */

static size_t write_hybrid(struct sl_buf *to, uint32_t *values, unsigned width) {
    size_t count = 0;
    uint64_t mask = width == 32 ? UINT32_MAX : (UINT64_C(1) << width) - 1;
    for (int run = 0; run < 12; run++) {
        uint64_t group[64];
        if (below(2)) {
            uint32_t len = 1 + (uint32_t)below(200), value = (uint32_t)(below(1u << 31) & mask);
            put_varint(to, (uint64_t)len << 1);
            for (unsigned b = 0; b < (width + 7) / 8; b++)
                sl_buf_put_byte(to, (uint8_t)(value >> (8 * b)));
            while (len--) values[count++] = value;
        } else {
            size_t groups = 1 + below(8);
            put_varint(to, groups << 1 | 1);
            for (size_t i = 0; i < groups * 8; i++)
                values[count++] = (uint32_t)(group[i] = sl_random_next(&state_of_random) & mask);
            pack(to, group, groups * 8, width);
        }
    }
    return count;
}

void test_read_hybrid_runs_against_naive_writer(void **state) {
    (void)state;
    state_of_random = 1;
    for (int round = 0; round < 400; round++) {
        unsigned width = 1 + (unsigned)below(32);
        struct sl_buf buf = {0};
        uint32_t values[4096], got[4096];
        size_t count = write_hybrid(&buf, values, width);
        pad(&buf);
        struct sl_hybrid hybrid;
        sl_hybrid_init(&hybrid, buf.ptr, buf.len, width);
        for (size_t at = 0; at < count;) {
            uint32_t n = 1 + (uint32_t)below(100), constant;
            if (n > count - at) n = (uint32_t)(count - at);
            if (below(2) && sl_hybrid_constant(&hybrid, n, &constant)) {
                for (uint32_t i = 0; i < n; i++) got[at + i] = constant;
            } else {
                assert_true(sl_hybrid_u32(&hybrid, got + at, n));
            }
            at += n;
        }
        assert_memory_equal(got, values, count * sizeof *values);
        assert_false(sl_hybrid_u32(&hybrid, got, 1));
        if (width <= 8) {
            uint8_t small[4096];
            sl_hybrid_init(&hybrid, buf.ptr, buf.len, width);
            assert_true(sl_hybrid_u8(&hybrid, small, (uint32_t)count));
            for (size_t i = 0; i < count; i++) assert_int_equal(small[i], values[i]);
        }
        sl_buf_release(&buf);
    }
}

void test_read_hybrid_refuses_broken_bytes(void **state) {
    (void)state;
    static const uint8_t long_header[SL_DECODE_PADDING + 6] = {255, 255, 255, 255, 255, 255};
    static const uint8_t wide_value[SL_DECODE_PADDING + 2] = {2 << 1, 4};
    struct sl_hybrid hybrid;
    uint32_t value;
    sl_hybrid_init(&hybrid, long_header, 6, 3);
    assert_false(sl_hybrid_u32(&hybrid, &value, 1));
    sl_hybrid_init(&hybrid, wide_value, 2, 2); /* 4 does not fit 2 bits */
    assert_false(sl_hybrid_u32(&hybrid, &value, 1));
    sl_hybrid_init(&hybrid, wide_value, 2, 3);
    assert_true(sl_hybrid_u32(&hybrid, &value, 1));
    assert_int_equal(value, 4);
    sl_hybrid_init(&hybrid, wide_value, 0, 0); /* no bits: zeros without end */
    assert_true(sl_hybrid_constant(&hybrid, 1000000, &value));
    assert_int_equal(value, 0);
}

/* The example of the format's text: 0 to 7 in 3 bits, most significant bit first. */
void test_read_legacy_levels(void **state) {
    (void)state;
    static const uint8_t bytes[SL_DECODE_PADDING + 3] = {0x05, 0x39, 0x77};
    struct sl_hybrid hybrid;
    uint8_t levels[8];
    sl_hybrid_init_legacy(&hybrid, bytes, 3, 3);
    assert_true(sl_hybrid_u8(&hybrid, levels, 8));
    for (int i = 0; i < 8; i++) assert_int_equal(levels[i], i);
    assert_false(sl_hybrid_u8(&hybrid, levels, 1));
}

/* ---- delta ---- */

static void write_delta(struct sl_buf *to, const int64_t *values, size_t count, size_t minis,
                        size_t mini_values) {
    size_t block = minis * mini_values;
    put_varint(to, block);
    put_varint(to, minis);
    put_varint(to, count);
    put_zigzag(to, count ? values[0] : 0);
    for (size_t at = 1; at < count; at += block) {
        size_t here = count - at < block ? count - at : block;
        int64_t least = INT64_MAX;
        uint64_t *deltas = calloc(block, sizeof *deltas);
        for (size_t i = 0; i < here; i++) {
            int64_t delta = (int64_t)((uint64_t)values[at + i] - (uint64_t)values[at + i - 1]);
            deltas[i] = (uint64_t)delta;
            if (delta < least) least = delta;
        }
        put_zigzag(to, least);
        uint8_t *widths = calloc(minis, 1);
        for (size_t i = 0; i < here; i++) {
            deltas[i] -= (uint64_t)least;
            unsigned width = deltas[i] ? 64 - (unsigned)__builtin_clzll(deltas[i]) : 0;
            if (width > widths[i / mini_values]) widths[i / mini_values] = (uint8_t)width;
        }
        sl_buf_put(to, widths, minis);
        for (size_t m = 0; m * mini_values < here; m++)
            pack(to, deltas + m * mini_values, mini_values, widths[m]);
        free(deltas);
        free(widths);
    }
}

void test_read_delta_against_naive_writer(void **state) {
    (void)state;
    state_of_random = 2;
    for (int round = 0; round < 400; round++) {
        size_t count = below(3) ? below(1000) : below(4);
        size_t minis = 1 + below(8), mini_values = 32 * (1 + below(3));
        unsigned bits = 1 + (unsigned)below(64);
        int64_t *values = calloc(count + 1, sizeof *values), *got = calloc(count + 1, sizeof *got);
        for (size_t i = 0; i < count; i++)
            values[i] = (int64_t)(sl_random_next(&state_of_random) >> (64 - bits));
        struct sl_buf buf = {0};
        write_delta(&buf, values, count, minis, mini_values);
        size_t len = buf.len;
        sl_buf_put_cstr(&buf, "behind");
        pad(&buf);
        struct sl_delta delta;
        assert_true(sl_delta_init(&delta, buf.ptr, buf.len));
        assert_ptr_equal(sl_delta_end(&delta), buf.ptr + len);
        for (size_t at = 0; at < count;) {
            uint32_t n = 1 + (uint32_t)below(70);
            if (n > count - at) n = (uint32_t)(count - at);
            assert_true(sl_delta_next(&delta, got + at, n));
            at += n;
        }
        assert_memory_equal(got, values, count * sizeof *values);
        assert_false(sl_delta_next(&delta, got, 1));
        /* Cut anywhere it ends in an error or in the same values, never elsewhere. */
        size_t cut = below(len);
        uint8_t *part = malloc(cut + SL_DECODE_PADDING);
        memcpy(part, buf.ptr, cut);
        memset(part + cut, 0xA5, SL_DECODE_PADDING);
        if (sl_delta_init(&delta, part, cut) && delta.left == count &&
            sl_delta_next(&delta, got, (uint32_t)count))
            assert_memory_equal(got, values, count * sizeof *values);
        free(part);
        free(values);
        free(got);
        sl_buf_release(&buf);
    }
}

/* ---- thrift ---- */

static void write_sample(struct sl_buf *buf) {
    struct sl_thrift_writer w;
    sl_thrift_writer_init(&w, buf);
    sl_thrift_put_bool(&w, 1, true);
    sl_thrift_put_i32(&w, 2, -5);
    sl_thrift_put_i64(&w, 40, INT64_MIN); /* far id: long header */
    sl_thrift_put_str(&w, 41, SL_STR("text"));
    sl_thrift_begin_struct(&w, 42);
    sl_thrift_put_i8(&w, 1, -1);
    sl_thrift_put_bool(&w, 2, false);
    sl_thrift_end_struct(&w);
    sl_thrift_begin_list(&w, 43, SL_THRIFT_I32, 20);
    for (int i = 0; i < 20; i++) sl_thrift_item_i32(&w, i - 10);
    sl_thrift_begin_list(&w, 44, SL_THRIFT_TRUE, 2);
    sl_thrift_item_bool(&w, true);
    sl_thrift_item_bool(&w, false);
    sl_thrift_begin_list(&w, 45, SL_THRIFT_STRUCT, 1);
    sl_thrift_item_begin_struct(&w);
    sl_thrift_put_i16(&w, 3, 300);
    sl_thrift_end_struct(&w);
    sl_thrift_put_i32(&w, 7, 77); /* ids may go back */
    sl_thrift_end_struct(&w);
}

static void read_sample(struct sl_thrift_reader *r, const struct sl_thrift_field *f) {
    struct sl_thrift_field inner;
    switch (f->id) {
    case 1:
        assert_true(sl_thrift_get_bool(r, f));
        break;
    case 2:
        assert_int_equal(sl_thrift_get_i32(r, f), -5);
        break;
    case 40:
        assert_true(sl_thrift_get_i64(r, f) == INT64_MIN);
        break;
    case 41:
        assert_true(sl_str_eq(sl_thrift_get_str(r, f), SL_STR("text")));
        break;
    case 42:
        assert_true(sl_thrift_enter(r, f));
        assert_true(sl_thrift_next_field(r, &inner));
        assert_int_equal(sl_thrift_get_i64(r, &inner), -1);
        assert_true(sl_thrift_next_field(r, &inner));
        assert_false(sl_thrift_get_bool(r, &inner));
        assert_false(sl_thrift_next_field(r, &inner));
        break;
    case 43:
        assert_int_equal(sl_thrift_enter_list(r, f, SL_THRIFT_I32), 20);
        for (int i = 0; i < 20; i++) assert_int_equal(sl_thrift_item_get_i64(r), i - 10);
        break;
    case 44:
        assert_int_equal(sl_thrift_enter_list(r, f, SL_THRIFT_TRUE), 2);
        assert_true(sl_thrift_item_get_bool(r));
        assert_false(sl_thrift_item_get_bool(r));
        break;
    default:
        sl_thrift_skip(r, f);
    }
}

void test_read_thrift_round_trip_and_skip(void **state) {
    (void)state;
    struct sl_buf buf = {0};
    write_sample(&buf);
    for (int skip = 0; skip < 2; skip++) {
        struct sl_thrift_reader r;
        struct sl_thrift_field f;
        int fields = 0;
        sl_thrift_reader_init(&r, buf.ptr, buf.len);
        for (; sl_thrift_next_field(&r, &f); fields++)
            if (skip)
                sl_thrift_skip(&r, &f);
            else
                read_sample(&r, &f);
        assert_false(r.failed);
        assert_int_equal(fields, 9);
        assert_int_equal(sl_thrift_reader_used(&r), buf.len);
    }
    sl_buf_release(&buf);
}

/* Every cut fails, and nothing is read behind the end (the sanitizer watches exact allocations). */
void test_read_thrift_cut_short(void **state) {
    (void)state;
    struct sl_buf buf = {0};
    write_sample(&buf);
    for (size_t cut = 0; cut < buf.len; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, buf.ptr, cut);
        struct sl_thrift_reader r;
        struct sl_thrift_field f;
        sl_thrift_reader_init(&r, part, cut);
        while (sl_thrift_next_field(&r, &f)) sl_thrift_skip(&r, &f);
        assert_true(r.failed);
        assert_true(r.why[0] != 0);
        free(part);
    }
    sl_buf_release(&buf);
}

void test_read_thrift_limits(void **state) {
    (void)state;
    uint8_t deep[4000];
    memset(deep, 0x1C, sizeof deep); /* field 1: struct, for ever */
    struct sl_thrift_reader r;
    struct sl_thrift_field f;
    sl_thrift_reader_init(&r, deep, sizeof deep);
    assert_true(sl_thrift_next_field(&r, &f));
    sl_thrift_skip(&r, &f);
    assert_true(r.failed);
    static const uint8_t long_list[] = {0x19, 0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0};
    sl_thrift_reader_init(&r, long_list, sizeof long_list);
    assert_true(sl_thrift_next_field(&r, &f));
    assert_int_equal(sl_thrift_enter_list(&r, &f, SL_THRIFT_I32), 0);
    assert_true(r.failed);
}
