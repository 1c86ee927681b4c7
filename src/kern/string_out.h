/* Writes the bytes of a STRING or BINARY result row after row.
 *
 *   SL_TRY(sl_string_out_begin(&out, vec, rows, bytes_hint, err));
 *   for each row: SL_TRY(sl_string_out_room(&out, row_bytes_max, err)); write at
 *                 sl_string_out_at(&out), add to out.len; sl_string_out_end(&out, row);
 */
#ifndef SL_KERN_STRING_OUT_H
#define SL_KERN_STRING_OUT_H

#include "col/vec.h"

struct sl_string_out {
    struct sl_vec *vec;
    size_t len;
};

static inline enum sl_code sl_string_out_begin(struct sl_string_out *out, struct sl_vec *vec,
                                               uint32_t rows, size_t bytes, struct sl_err *err) {
    *out = (struct sl_string_out){.vec = vec};
    SL_TRY(sl_vec_reserve(vec, rows, err));
    return sl_vec_reserve_bytes(vec, bytes, err);
}
/* Bytes behind len that may be written. */
static inline enum sl_code sl_string_out_room(struct sl_string_out *out, size_t bytes,
                                              struct sl_err *err) {
    if (__builtin_expect(out->len + bytes <= out->vec->own_bytes.cap, 1)) return SL_OK;
    return sl_vec_reserve_bytes(out->vec, out->len + bytes, err);
}
static inline char *sl_string_out_at(struct sl_string_out *out) {
    return (char *)out->vec->bytes + out->len;
}
static inline void sl_string_out_end(struct sl_string_out *out, uint32_t row) {
    out->vec->offsets[row + 1] = (int32_t)out->len;
}
static inline enum sl_code sl_string_out_put(struct sl_string_out *out, const void *bytes,
                                             size_t len, struct sl_err *err) {
    SL_TRY(sl_string_out_room(out, len, err));
    if (len) memcpy(sl_string_out_at(out), bytes, len);
    out->len += len;
    return SL_OK;
}

#endif
