/* Compressed files, uncompressed piece by piece: gzip (several members, as pigz and Hadoop write
 * them), zlib (Hadoop's .deflate) and zstd (several frames).  Owner: one thread. */
#ifndef SL_FMT_INFLATE_H
#define SL_FMT_INFLATE_H

#include "base/err.h"
#include "base/str.h"

enum sl_inflate_kind { SL_INFLATE_NONE, SL_INFLATE_GZIP, SL_INFLATE_ZLIB, SL_INFLATE_ZSTD };
/* By the file's name: .gz, .deflate, .zst, .zstd. SL_UNSUPPORTED, with the codec's name, for those
 * that Hadoop knows and this does not: .bz2, .lz4, .snappy. */
SL_MUST_CHECK enum sl_code sl_inflate_kind_of(const char *path, enum sl_inflate_kind *out,
                                              struct sl_err *err);

struct sl_inflater;
SL_MUST_CHECK enum sl_code sl_inflater_new(enum sl_inflate_kind kind, struct sl_inflater **out,
                                           struct sl_err *err);
void sl_inflater_free(struct sl_inflater *inflater);
/* Takes what it can of `in` (which moves on) and writes up to `cap` bytes. SL_DATA when the bytes
 * are no such stream. */
SL_MUST_CHECK enum sl_code sl_inflater_step(struct sl_inflater *inflater, struct sl_str *in,
                                            void *out, size_t cap, size_t *written,
                                            struct sl_err *err);
/* Is the stream at a place where it may end? */
bool sl_inflater_is_whole(const struct sl_inflater *inflater);

#endif
