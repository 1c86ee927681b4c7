/* Word w (64 rows) of a boolean vector's values and of any vector's validity, constants spread out.
 * FLAT and CONST; validity also of DICT and VIEW. */
#ifndef SL_KERN_WORDS_H
#define SL_KERN_WORDS_H

#include "col/vec.h"

static inline uint64_t sl_word_value(const struct sl_vec *vec, size_t w) {
    if (vec->enc == SL_ENC_CONST) return vec->bits[0] & 1 ? ~UINT64_C(0) : 0;
    return vec->bits[w];
}
static inline uint64_t sl_word_valid(const struct sl_vec *vec, size_t w) {
    if (vec->type->kind == SL_NULL_KIND) return 0;
    if (!vec->valid) return ~UINT64_C(0);
    if (vec->enc == SL_ENC_CONST) return vec->valid[0] & 1 ? ~UINT64_C(0) : 0;
    return vec->valid[w];
}

#endif
