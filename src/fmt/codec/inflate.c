#include "fmt/codec/inflate.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"

struct sl_inflater {
    enum sl_inflate_kind kind;
    bool whole;
    z_stream zlib;
    ZSTD_DStream *zstd;
};

enum sl_code sl_inflate_kind_of(const char *path, enum sl_inflate_kind *out, struct sl_err *err) {
    static const struct {
        struct sl_str suffix;
        enum sl_inflate_kind kind;
    } known[] = {{SL_STR(".gz"), SL_INFLATE_GZIP},
                 {SL_STR(".gzip"), SL_INFLATE_GZIP},
                 {SL_STR(".deflate"), SL_INFLATE_ZLIB},
                 {SL_STR(".zst"), SL_INFLATE_ZSTD},
                 {SL_STR(".zstd"), SL_INFLATE_ZSTD}};
    static const char *const refused[] = {".bz2", ".lz4", ".snappy", ".lzo", ".xz"};
    *out = SL_INFLATE_NONE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sl_str_ends(sl_str(path), known[i].suffix)) *out = known[i].kind;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (sl_str_ends(sl_str(path), sl_str(refused[i]))) {
            sl_fail(err, SL_UNSUPPORTED, "files compressed as %s are not supported: `%s`",
                    refused[i] + 1, path);
            return sl_hint(err, "compress them with gzip or zstd, or not at all");
        }
    return SL_OK;
}

enum sl_code sl_inflater_new(enum sl_inflate_kind kind, struct sl_inflater **out,
                             struct sl_err *err) {
    enum { GZIP_WINDOW = 15 + 16, ZLIB_WINDOW = 15 };
    struct sl_inflater *inflater = sl_xcalloc(1, sizeof *inflater);
    inflater->kind = kind;
    inflater->whole = true;
    bool ok = kind == SL_INFLATE_ZSTD
                  ? (inflater->zstd = ZSTD_createDStream()) != NULL
                  : inflateInit2(&inflater->zlib,
                                 kind == SL_INFLATE_GZIP ? GZIP_WINDOW : ZLIB_WINDOW) == Z_OK;
    if (!ok) {
        free(inflater);
        return sl_fail(err, SL_NOMEM, "no memory to uncompress a file");
    }
    *out = inflater;
    return SL_OK;
}

void sl_inflater_free(struct sl_inflater *inflater) {
    if (!inflater) return;
    if (inflater->kind == SL_INFLATE_ZSTD)
        ZSTD_freeDStream(inflater->zstd);
    else
        inflateEnd(&inflater->zlib);
    free(inflater);
}

static enum sl_code step_zstd(struct sl_inflater *inflater, struct sl_str *in, void *out,
                              size_t cap, size_t *written, struct sl_err *err) {
    ZSTD_inBuffer from = {in->ptr, in->len, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    size_t left = ZSTD_decompressStream(inflater->zstd, &to, &from);
    if (ZSTD_isError(left))
        return sl_fail(err, SL_DATA, "not a zstd stream: %s", ZSTD_getErrorName(left));
    *in = sl_str_sub(*in, from.pos, in->len);
    *written = to.pos;
    inflater->whole = left == 0;
    return SL_OK;
}

static enum sl_code step_zlib(struct sl_inflater *inflater, struct sl_str *in, void *out,
                              size_t cap, size_t *written, struct sl_err *err) {
    z_stream *zlib = &inflater->zlib;
    /* the next member of the file */
    if (inflater->whole && in->len && zlib->total_in) inflateReset(zlib);
    size_t room = cap > UINT32_MAX ? UINT32_MAX : cap;
    zlib->next_in = (Bytef *)in->ptr;
    zlib->avail_in = (uInt)(in->len > UINT32_MAX ? UINT32_MAX : in->len);
    zlib->next_out = out;
    zlib->avail_out = (uInt)room;
    uInt given = zlib->avail_in;
    int status = inflate(zlib, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return sl_fail(err, SL_DATA, "not a %s stream: %s",
                       inflater->kind == SL_INFLATE_GZIP ? "gzip" : "zlib",
                       zlib->msg ? zlib->msg : zError(status));
    *in = sl_str_sub(*in, given - zlib->avail_in, in->len);
    *written = room - zlib->avail_out;
    inflater->whole = status == Z_STREAM_END;
    return SL_OK;
}

enum sl_code sl_inflater_step(struct sl_inflater *inflater, struct sl_str *in, void *out,
                              size_t cap, size_t *written, struct sl_err *err) {
    *written = 0;
    if (!in->len && inflater->whole) return SL_OK;
    return inflater->kind == SL_INFLATE_ZSTD ? step_zstd(inflater, in, out, cap, written, err)
                                             : step_zlib(inflater, in, out, cap, written, err);
}

bool sl_inflater_is_whole(const struct sl_inflater *inflater) { return inflater->whole; }
