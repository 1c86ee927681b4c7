/* md5, sha1, sha2, crc32: digests as lower-case hexadecimal text. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/hash.h"
#include "kern/regexp.h"
#include "kern/string_int.h"

struct digest {
    EVP_MD_CTX *context;
    EVP_MD *method;
};

static enum sl_code digest_begin(struct digest *digest, const char *name, struct sl_err *err) {
    digest->context = EVP_MD_CTX_new();
    digest->method = EVP_MD_fetch(NULL, name, NULL);
    if (digest->context && digest->method) return SL_OK;
    return sl_fail(err, SL_UNSUPPORTED, "this system's OpenSSL does not offer %s", name);
}

static void digest_end(struct digest *digest) {
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->method);
}

static enum sl_code put_digest(struct digest *digest, struct sl_str s, struct sl_string_out *out,
                               struct sl_err *err) {
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!EVP_DigestInit_ex2(digest->context, digest->method, NULL) ||
        !EVP_DigestUpdate(digest->context, s.ptr, s.len) ||
        !EVP_DigestFinal_ex(digest->context, bytes, &len))
        return sl_fail(err, SL_BUG, "OpenSSL could not compute a digest");
    SL_TRY(sl_string_out_room(out, 2 * len, err));
    char *to = sl_string_out_at(out);
    for (unsigned i = 0; i < len; i++)
        to[2 * i] = hex[bytes[i] >> 4], to[2 * i + 1] = hex[bytes[i] & 15];
    out->len += 2 * len;
    return SL_OK;
}

static enum sl_code digest_rows(struct sl_call *call, const char *name, struct sl_err *err) {
    struct sl_string_out out;
    struct digest digest = {0};
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, (size_t)call->rows * 32, err);
    if (code == SL_OK) code = digest_begin(&digest, name, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        code = put_digest(&digest, sl_arg_str(call, 0, row), &out, err);
        sl_string_out_end(&out, row);
    }
    digest_end(&digest);
    return code;
}

enum sl_code sl_kernel_md5(struct sl_call *call, struct sl_err *err) {
    return digest_rows(call, "MD5", err);
}
enum sl_code sl_kernel_sha1(struct sl_call *call, struct sl_err *err) {
    return digest_rows(call, "SHA1", err);
}

static int sha2_index(int32_t bits) {
    static const int32_t sizes[] = {224, 256, 384, 512};
    for (int i = 0; i < 4; i++)
        if (bits == sizes[i]) return i;
    return bits == 0 ? 1 : -1;
}

/* A size that SHA-2 does not have gives NULL; 0 means 256. */
enum sl_code sl_kernel_sha2(struct sl_call *call, struct sl_err *err) {
    static const char *const names[] = {"SHA224", "SHA256", "SHA384", "SHA512"};
    struct sl_string_out out;
    struct digest digests[4] = {{0}};
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, (size_t)call->rows * 64, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        int i = sha2_index(sl_arg_i32(call, 1, row));
        if (i < 0) {
            code = sl_call_null(call, row, err);
        } else {
            if (!digests[i].context) code = digest_begin(&digests[i], names[i], err);
            if (code == SL_OK) code = put_digest(&digests[i], sl_arg_str(call, 0, row), &out, err);
        }
        sl_string_out_end(&out, row);
    }
    for (int i = 0; i < 4; i++) digest_end(&digests[i]);
    return code;
}

enum sl_code sl_kernel_crc32(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str s = sl_arg_str(call, 0, row);
        call->out->i64[row] = sl_crc32(0, s.ptr, s.len);
    }
    return SL_OK;
}

void sl_digest_put_version(struct sl_buf *out) {
    sl_buf_printf(out, "openssl %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
}
