/* Compressed bytes in pieces of any size: members and frames behind each other, cut off, damaged.
 */
#include "unit.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "fmt/codec/inflate.h"

static void pack(enum sl_inflate_kind kind, struct sl_str text, struct sl_buf *out) {
    if (kind == SL_INFLATE_ZSTD) {
        size_t cap = ZSTD_compressBound(text.len);
        uint8_t *to = sl_buf_reserve(out, cap);
        out->len += ZSTD_compress(to, cap, text.ptr, text.len, 1);
        return;
    }
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, kind == SL_INFLATE_GZIP ? 31 : 15, 8, 0),
                     Z_OK);
    size_t cap = text.len + 1000;
    uint8_t *to = sl_buf_reserve(out, cap);
    zlib.next_in = (Bytef *)text.ptr;
    zlib.avail_in = (uInt)text.len;
    zlib.next_out = to;
    zlib.avail_out = (uInt)cap;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    out->len += cap - zlib.avail_out;
    deflateEnd(&zlib);
}

/* The code of the first failure; *whole: it ended where it may. */
static enum sl_code unpack(enum sl_inflate_kind kind, struct sl_str packed, size_t piece,
                           struct sl_buf *out, bool *whole) {
    struct sl_inflater *inflater;
    struct sl_err err = {0};
    enum sl_code code = sl_inflater_new(kind, &inflater, &err);
    size_t at = 0, written = 1;
    struct sl_str in = {packed.ptr, 0};
    while (code == SL_OK && (at < packed.len || in.len || written)) {
        if (!in.len) {
            size_t more = packed.len - at < piece ? packed.len - at : piece;
            in = sl_str_sub(packed, at, at + more);
            at += more;
        }
        uint8_t *to = sl_buf_reserve(out, piece);
        code = sl_inflater_step(inflater, &in, to, piece, &written, &err);
        out->len += written;
    }
    *whole = sl_inflater_is_whole(inflater);
    sl_inflater_free(inflater);
    return code;
}

void test_pieces_give_the_text_back(void **state) {
    (void)state;
    uint64_t seed = 3;
    static const enum sl_inflate_kind kinds[] = {SL_INFLATE_GZIP, SL_INFLATE_ZLIB, SL_INFLATE_ZSTD};
    for (int round = 0; round < 90; round++) {
        enum sl_inflate_kind kind = kinds[round % 3];
        struct sl_buf text = {0}, packed = {0}, out = {0};
        bool whole;
        /* .deflate has one stream, the others several */
        for (int part = 0; part < (kind == SL_INFLATE_ZLIB ? 1 : 3); part++) {
            size_t begin = text.len, len = sl_random_next(&seed) % 5000;
            for (size_t i = 0; i < len; i++)
                sl_buf_put_byte(&text, "abcdefg\n"[sl_random_next(&seed) % 8]);
            pack(kind, sl_str_sub(sl_buf_str(&text), begin, text.len), &packed);
        }
        size_t piece = 1 + sl_random_next(&seed) % (round < 30 ? 3 : 4000);
        assert_int_equal(unpack(kind, sl_buf_str(&packed), piece, &out, &whole), SL_OK);
        assert_true(whole);
        assert_true(sl_str_eq(sl_buf_str(&out), sl_buf_str(&text)));
        /* cut off: either noticed at once, or not whole */
        sl_buf_clear(&out);
        struct sl_str cut =
            sl_str_sub(sl_buf_str(&packed), 0, packed.len - 1 - sl_random_next(&seed) % 8);
        enum sl_code code = unpack(kind, cut, piece, &out, &whole);
        assert_true(code == SL_DATA || !whole);
        sl_buf_release(&text);
        sl_buf_release(&packed);
        sl_buf_release(&out);
    }
}

void test_other_bytes_are_refused(void **state) {
    (void)state;
    struct sl_buf out = {0};
    bool whole;
    static const enum sl_inflate_kind kinds[] = {SL_INFLATE_GZIP, SL_INFLATE_ZLIB, SL_INFLATE_ZSTD};
    for (int i = 0; i < 3; i++)
        assert_int_equal(unpack(kinds[i], SL_STR("this is no compressed file"), 7, &out, &whole),
                         SL_DATA);
    sl_buf_release(&out);
}

void test_kinds_go_by_the_name(void **state) {
    (void)state;
    enum sl_inflate_kind kind;
    struct sl_err err = {0};
    assert_int_equal(sl_inflate_kind_of("/a/b.json", &kind, &err), SL_OK);
    assert_int_equal(kind, SL_INFLATE_NONE);
    assert_int_equal(sl_inflate_kind_of("/a/b.json.gz", &kind, &err), SL_OK);
    assert_int_equal(kind, SL_INFLATE_GZIP);
    assert_int_equal(sl_inflate_kind_of("b.csv.zst", &kind, &err), SL_OK);
    assert_int_equal(kind, SL_INFLATE_ZSTD);
    assert_int_equal(sl_inflate_kind_of("b.csv.bz2", &kind, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "bz2"));
}
