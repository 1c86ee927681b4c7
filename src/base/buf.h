/* Growing byte buffer (malloc'd).  Always has one spare byte behind len for a NUL.
 * Owner: one thread. Growth ends the process when the system is out of memory; callers bound the
 * size of anything that comes from outside before appending. */
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include <stdarg.h>
#include <stdint.h>

#include "base/str.h"

struct sl_buf {
    uint8_t *ptr;
    size_t len, cap;
};

void sl_buf_release(struct sl_buf *buf); /* safe on a zeroed struct */
static inline void sl_buf_clear(struct sl_buf *buf) { buf->len = 0; }
/* Room for `more` bytes behind len; returns the write position. */
uint8_t *sl_buf_reserve(struct sl_buf *buf, size_t more);
void sl_buf_put(struct sl_buf *buf, const void *bytes, size_t len);
void sl_buf_put_str(struct sl_buf *buf, struct sl_str str);
void sl_buf_put_cstr(struct sl_buf *buf, const char *cstr);
void sl_buf_put_byte(struct sl_buf *buf, uint8_t byte);
void sl_buf_printf(struct sl_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list args);
void sl_buf_put_u32le(struct sl_buf *buf, uint32_t value);
/* Contents with a NUL written behind; valid until the next change. */
const char *sl_buf_cstr(struct sl_buf *buf);
static inline struct sl_str sl_buf_str(const struct sl_buf *buf) {
    return (struct sl_str){(const char *)buf->ptr, buf->len};
}

#endif
