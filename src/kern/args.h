/* Reading a kernel's arguments, of any encoding but DICT. */
#ifndef SL_KERN_ARGS_H
#define SL_KERN_ARGS_H

#include "kern/call.h"

static inline int32_t sl_arg_i32(const struct sl_call *call, uint32_t arg, uint32_t row) {
    return call->args[arg]->i32[sl_vec_pos(call->args[arg], row)];
}
static inline int64_t sl_arg_i64(const struct sl_call *call, uint32_t arg, uint32_t row) {
    return call->args[arg]->i64[sl_vec_pos(call->args[arg], row)];
}
static inline struct sl_str sl_arg_str(const struct sl_call *call, uint32_t arg, uint32_t row) {
    const struct sl_vec *vec = call->args[arg];
    if (vec->enc == SL_ENC_VIEW) return vec->views[row];
    uint32_t pos = sl_vec_pos(vec, row);
    int32_t begin = vec->offsets[pos];
    return (struct sl_str){(const char *)vec->bytes + begin,
                           (size_t)(vec->offsets[pos + 1] - begin)};
}

#endif
