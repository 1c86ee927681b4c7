#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

void sl_buf_release(struct sl_buf *buf) {
    free(buf->ptr);
    *buf = (struct sl_buf){0};
}

uint8_t *sl_buf_reserve(struct sl_buf *buf, size_t more) {
    size_t need;
    sl_assert(!__builtin_add_overflow(buf->len, more + 1, &need));
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap * 2 : 64;
        if (cap < need) cap = need;
        buf->ptr = sl_xrealloc(buf->ptr, cap);
        buf->cap = cap;
    }
    return buf->ptr + buf->len;
}

void sl_buf_put(struct sl_buf *buf, const void *bytes, size_t len) {
    uint8_t *to = sl_buf_reserve(buf, len);
    if (len) memcpy(to, bytes, len);
    buf->len += len;
}

void sl_buf_put_str(struct sl_buf *buf, struct sl_str str) { sl_buf_put(buf, str.ptr, str.len); }

void sl_buf_put_cstr(struct sl_buf *buf, const char *cstr) { sl_buf_put(buf, cstr, strlen(cstr)); }

void sl_buf_put_byte(struct sl_buf *buf, uint8_t byte) {
    *sl_buf_reserve(buf, 1) = byte;
    buf->len++;
}

void sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    sl_assert(len >= 0);
    char *to = (char *)sl_buf_reserve(buf, (size_t)len);
    vsnprintf(to, (size_t)len + 1, fmt, again);
    va_end(again);
    buf->len += (size_t)len;
}

void sl_buf_printf(struct sl_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    sl_buf_vprintf(buf, fmt, args);
    va_end(args);
}

void sl_buf_put_u32le(struct sl_buf *buf, uint32_t value) {
    uint8_t *to = sl_buf_reserve(buf, 4);
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (8 * i));
    buf->len += 4;
}

const char *sl_buf_cstr(struct sl_buf *buf) {
    *sl_buf_reserve(buf, 0) = 0;
    return (const char *)buf->ptr;
}
