#include "fmt/parquet/parquet_codec.h"

#include <limits.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"

static const struct codec_row {
    const char *name, *alias, *extension;
    int32_t wire;
} codecs[] = {
    [SL_CODEC_NONE] = {"none", "uncompressed", "", 0},
    [SL_CODEC_SNAPPY] = {"snappy", "snappy", ".snappy", 1},
    [SL_CODEC_GZIP] = {"gzip", "gzip", ".gz", 2},
    [SL_CODEC_ZSTD] = {"zstd", "zstd", ".zstd", 6},
    [SL_CODEC_LZ4_RAW] = {"lz4_raw", "lz4raw", ".lz4raw", 7},
};

bool sl_codec_parse(struct sl_str name, enum sl_codec *out) {
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        if (sl_str_eq_nocase(name, sl_str(codecs[i].name)) ||
            sl_str_eq_nocase(name, sl_str(codecs[i].alias))) {
            *out = (enum sl_codec)i;
            return true;
        }
    }
    return false;
}

const char *sl_codec_extension(enum sl_codec codec) { return codecs[codec].extension; }

int32_t sl_codec_wire(enum sl_codec codec) { return codecs[codec].wire; }

/* 16 + MAX_WBITS asks zlib for the gzip wrapper. */
enum { GZIP_WINDOW = 16 + MAX_WBITS, GZIP_LEVEL = 6, GZIP_MEMORY = 8 };

void sl_compressor_init(struct sl_compressor *compressor, enum sl_codec codec, int zstd_level) {
    *compressor = (struct sl_compressor){.codec = codec, .zstd_level = zstd_level};
}

void sl_compressor_release(struct sl_compressor *compressor) {
    if (compressor->codec == SL_CODEC_ZSTD) ZSTD_freeCCtx(compressor->context);
    if (compressor->codec == SL_CODEC_GZIP && compressor->context) deflateEnd(compressor->context);
    if (compressor->codec != SL_CODEC_ZSTD) free(compressor->context);
    compressor->context = NULL;
}

size_t sl_compress_bound(const struct sl_compressor *compressor, size_t len) {
    switch (compressor->codec) {
    case SL_CODEC_NONE:
        return len;
    case SL_CODEC_SNAPPY:
        return snappy_max_compressed_length(len);
    case SL_CODEC_GZIP:
        return compressBound(len) + 32;
    case SL_CODEC_ZSTD:
        return ZSTD_compressBound(len);
    case SL_CODEC_LZ4_RAW:
        return len + len / 255 + 16; /* LZ4_COMPRESSBOUND without its int */
    }
    return len;
}

static enum sl_code compress_zstd(struct sl_compressor *compressor, const void *from, size_t len,
                                  void *to, size_t room, size_t *out_len, struct sl_err *err) {
    if (!compressor->context) compressor->context = ZSTD_createCCtx();
    if (!compressor->context) return sl_fail(err, SL_NOMEM, "no memory for the zstd compressor");
    size_t done =
        ZSTD_compressCCtx(compressor->context, to, room, from, len, compressor->zstd_level);
    if (ZSTD_isError(done))
        return sl_fail(err, SL_BUG, "zstd could not compress a page of %zu bytes: %s", len,
                       ZSTD_getErrorName(done));
    *out_len = done;
    return SL_OK;
}

static enum sl_code compress_gzip(struct sl_compressor *compressor, const void *from, size_t len,
                                  void *to, size_t room, size_t *out_len, struct sl_err *err) {
    z_stream *stream = compressor->context;
    if (!stream) {
        stream = sl_xcalloc(1, sizeof *stream);
        if (deflateInit2(stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                         Z_DEFAULT_STRATEGY) != Z_OK) {
            free(stream);
            return sl_fail(err, SL_NOMEM, "no memory for the gzip compressor");
        }
        compressor->context = stream;
    } else if (deflateReset(stream) != Z_OK) {
        return sl_fail(err, SL_BUG, "the gzip compressor could not be reset");
    }
    stream->next_in = (Bytef *)(uintptr_t)from;
    stream->avail_in = (uInt)len;
    stream->next_out = to;
    stream->avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END)
        return sl_fail(err, SL_BUG, "gzip could not compress a page of %zu bytes", len);
    *out_len = stream->total_out;
    return SL_OK;
}

static enum sl_code compress_lz4(struct sl_compressor *compressor, const void *from, size_t len,
                                 void *to, size_t room, size_t *out_len, struct sl_err *err) {
    if (!compressor->context) compressor->context = sl_xmalloc((size_t)LZ4_sizeofState());
    int cap = room > INT_MAX ? INT_MAX : (int)room;
    int done = len > LZ4_MAX_INPUT_SIZE
                   ? 0
                   : LZ4_compress_fast_extState(compressor->context, from, to, (int)len, cap, 1);
    if (done <= 0)
        return sl_fail(err, SL_UNSUPPORTED, "lz4 could not compress a page of %zu bytes", len);
    *out_len = (size_t)done;
    return SL_OK;
}

enum sl_code sl_compress(struct sl_compressor *compressor, const void *from, size_t len, void *to,
                         size_t room, size_t *out_len, struct sl_err *err) {
    switch (compressor->codec) {
    case SL_CODEC_NONE:
        if (len) memcpy(to, from, len);
        *out_len = len;
        return SL_OK;
    case SL_CODEC_SNAPPY:
        *out_len = room;
        if (snappy_compress(from, len, to, out_len) != SNAPPY_OK)
            return sl_fail(err, SL_BUG, "snappy could not compress a page of %zu bytes", len);
        return SL_OK;
    case SL_CODEC_GZIP:
        return compress_gzip(compressor, from, len, to, room, out_len, err);
    case SL_CODEC_ZSTD:
        return compress_zstd(compressor, from, len, to, room, out_len, err);
    case SL_CODEC_LZ4_RAW:
        return compress_lz4(compressor, from, len, to, room, out_len, err);
    }
    return sl_fail(err, SL_BUG, "unknown codec %d", (int)compressor->codec);
}

/* ---- decompression ---- */

void sl_decompressor_init(struct sl_decompressor *decompressor) {
    *decompressor = (struct sl_decompressor){0};
}

void sl_decompressor_release(struct sl_decompressor *decompressor) {
    ZSTD_freeDCtx(decompressor->zstd);
    if (decompressor->gzip) inflateEnd(decompressor->gzip);
    free(decompressor->gzip);
    *decompressor = (struct sl_decompressor){0};
}

static enum sl_code bad_page(struct sl_err *err, const char *codec, size_t len, size_t to_len,
                             const char *why) {
    return sl_fail(err, SL_DATA, "broken %s page: %zu bytes do not give %zu bytes: %s", codec, len,
                   to_len, why);
}

static enum sl_code decompress_zstd(struct sl_decompressor *decompressor, const void *from,
                                    size_t len, void *to, size_t to_len, struct sl_err *err) {
    if (!decompressor->zstd) decompressor->zstd = ZSTD_createDCtx();
    if (!decompressor->zstd) return sl_fail(err, SL_NOMEM, "no memory for the zstd decompressor");
    size_t done = ZSTD_decompressDCtx(decompressor->zstd, to, to_len, from, len);
    if (ZSTD_isError(done)) return bad_page(err, "zstd", len, to_len, ZSTD_getErrorName(done));
    if (done != to_len) return bad_page(err, "zstd", len, to_len, "it ends early");
    return SL_OK;
}

static enum sl_code decompress_gzip(struct sl_decompressor *decompressor, const void *from,
                                    size_t len, void *to, size_t to_len, struct sl_err *err) {
    z_stream *stream = decompressor->gzip;
    if (len > UINT_MAX || to_len > UINT_MAX)
        return bad_page(err, "gzip", len, to_len, "it is too large");
    if (!stream) {
        stream = sl_xcalloc(1, sizeof *stream);
        if (inflateInit2(stream, 32 + MAX_WBITS) != Z_OK) {
            free(stream);
            return sl_fail(err, SL_NOMEM, "no memory for the gzip decompressor");
        }
        decompressor->gzip = stream;
    } else {
        inflateReset(stream);
    }
    stream->next_in = (Bytef *)(uintptr_t)from;
    stream->avail_in = (uInt)len;
    stream->next_out = to;
    stream->avail_out = (uInt)to_len;
    while (stream->avail_out) {
        int rc = inflate(stream, Z_FINISH);
        if (rc == Z_STREAM_END && stream->avail_out && stream->avail_in) {
            inflateReset(stream); /* the next member */
            continue;
        }
        if (rc != Z_STREAM_END && rc != Z_OK && !(rc == Z_BUF_ERROR && !stream->avail_out))
            return bad_page(err, "gzip", len, to_len, stream->msg ? stream->msg : "it ends early");
        if (stream->avail_out && !stream->avail_in)
            return bad_page(err, "gzip", len, to_len, "it ends early");
    }
    return SL_OK;
}

static bool decompress_lz4_block(const void *from, size_t len, void *to, size_t to_len) {
    if (len > INT_MAX || to_len > INT_MAX) return false;
    return LZ4_decompress_safe(from, to, (int)len, (int)to_len) == (int)to_len;
}

static uint32_t load_u32be(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Hadoop's Lz4Codec: big-endian raw length, big-endian block length, block; repeated. */
static bool decompress_lz4_hadoop(const uint8_t *from, size_t len, uint8_t *to, size_t to_len) {
    while (len) {
        if (len < 8) return false;
        size_t raw = load_u32be(from), packed = load_u32be(from + 4);
        if (packed > len - 8 || raw > to_len) return false;
        if (!decompress_lz4_block(from + 8, packed, to, raw)) return false;
        from += 8 + packed;
        len -= 8 + packed;
        to += raw;
        to_len -= raw;
    }
    return to_len == 0;
}

enum sl_code sl_decompress(struct sl_decompressor *decompressor, int32_t wire, const void *from,
                           size_t len, void *to, size_t to_len, struct sl_err *err) {
    size_t room = to_len;
    switch (wire) {
    case 0:
        if (len != to_len) return bad_page(err, "uncompressed", len, to_len, "sizes differ");
        if (len) memcpy(to, from, len);
        return SL_OK;
    case 1:
        if (to_len == 0 && len == 0) return SL_OK;
        if (snappy_uncompressed_length(from, len, &room) != SNAPPY_OK || room != to_len ||
            snappy_uncompress(from, len, to, &room) != SNAPPY_OK)
            return bad_page(err, "snappy", len, to_len, "corrupt block");
        return SL_OK;
    case 2:
        return decompress_gzip(decompressor, from, len, to, to_len, err);
    case 3:
        return sl_fail(err, SL_UNSUPPORTED, "the LZO codec is not supported");
    case 4:
        return sl_fail(err, SL_UNSUPPORTED, "the BROTLI codec is not supported");
    case 5:
        if (decompress_lz4_hadoop(from, len, to, to_len)) return SL_OK;
        if (decompress_lz4_block(from, len, to, to_len)) return SL_OK;
        return bad_page(err, "lz4", len, to_len, "corrupt block");
    case 6:
        return decompress_zstd(decompressor, from, len, to, to_len, err);
    case 7:
        if (decompress_lz4_block(from, len, to, to_len)) return SL_OK;
        return bad_page(err, "lz4_raw", len, to_len, "corrupt block");
    default:
        return sl_fail(err, SL_UNSUPPORTED, "unknown compression codec %d", (int)wire);
    }
}

void sl_codec_put_versions(struct sl_buf *out) {
    sl_buf_printf(out, "zstd %s\nlz4 %s\nzlib %s\n", ZSTD_versionString(), LZ4_versionString(),
                  zlibVersion());
}
