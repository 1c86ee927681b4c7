/* Page compression as Parquet frames it (Compression.md): no framing beyond the codec's own.
 * Compressor and decompressor keep the libraries' contexts, so that a page costs no set-up.
 * Owner: one thread each.
 */
#ifndef SL_FMT_PARQUET_CODEC_H
#define SL_FMT_PARQUET_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum sl_codec { SL_CODEC_NONE, SL_CODEC_SNAPPY, SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_LZ4_RAW };
/* "snappy", "zstd", "gzip", "lz4_raw" ("lz4raw"), "none"/"uncompressed"; false: unknown. */
bool sl_codec_parse(struct sl_str name, enum sl_codec *out);
/* Part of the file name: ".snappy", ".zstd", ".gz", ".lz4raw", "". */
const char *sl_codec_extension(enum sl_codec codec);
/* Parquet's CompressionCodec number, as it stands in the file. */
int32_t sl_codec_wire(enum sl_codec codec);

struct sl_compressor {
    enum sl_codec codec;
    int zstd_level;
    void *context; /* ZSTD_CCtx, z_stream or LZ4 state */
};
void sl_compressor_init(struct sl_compressor *compressor, enum sl_codec codec, int zstd_level);
void sl_compressor_release(struct sl_compressor *compressor);
/* Room that sl_compress needs for `len` bytes, whatever they are. */
size_t sl_compress_bound(const struct sl_compressor *compressor, size_t len);
/* to has room for sl_compress_bound(len). */
SL_MUST_CHECK enum sl_code sl_compress(struct sl_compressor *compressor, const void *from,
                                       size_t len, void *to, size_t room, size_t *out_len,
                                       struct sl_err *err);

struct sl_decompressor {
    void *zstd, *gzip;
};
void sl_decompressor_init(struct sl_decompressor *decompressor);
void sl_decompressor_release(struct sl_decompressor *decompressor);
/* Fills exactly to_len bytes or fails with SL_DATA; `wire` is Parquet's codec number. LZO, BROTLI
 * and unknown numbers are SL_UNSUPPORTED by name.  GZIP may have several members; LZ4 (5) is
 * Hadoop's framing or a bare block. */
SL_MUST_CHECK enum sl_code sl_decompress(struct sl_decompressor *decompressor, int32_t wire,
                                         const void *from, size_t len, void *to, size_t to_len,
                                         struct sl_err *err);

/* Lines "zstd 1.5.7" and so on, for `sluice version`. */
void sl_codec_put_versions(struct sl_buf *out);

/* The checksum of a page's bytes as stored: zlib's CRC-32 (PageHeader.crc). */
uint32_t sl_page_crc(const void *bytes, size_t len);

#endif
