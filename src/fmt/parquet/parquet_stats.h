/* Minimum and maximum of a page, a column chunk and a file.
 *
 * Numbers are kept by value, byte strings as whole copies (truncated only when they are written).
 * NaN is never a bound; whoever writes the bounds must drop them when nan_count > 0: readers that
 * order NaN above all numbers (Spark, DuckDB) would skip rows that belong to `x > 5`.
 * Owner: one thread.
 */
#ifndef SL_FMT_PARQUET_STATS_H
#define SL_FMT_PARQUET_STATS_H

#include <stdbool.h>

#include "base/buf.h"
#include "col/vec.h"

/* How values of a leaf compare, and where their bounds are kept. */
enum sl_order {
    SL_ORDER_I32,
    SL_ORDER_I64,
    SL_ORDER_F32,
    SL_ORDER_F64,
    SL_ORDER_I128,
    SL_ORDER_BYTES
};

union sl_bound {
    int64_t i64;
    double f64;
    sl_int128 i128;
};

struct sl_bounds {
    enum sl_order order;
    bool has; /* min and max hold something */
    uint64_t null_count, nan_count;
    union sl_bound min, max;
    struct sl_buf min_bytes, max_bytes; /* SL_ORDER_BYTES */
};

void sl_bounds_init(struct sl_bounds *bounds, enum sl_order order);
void sl_bounds_release(struct sl_bounds *bounds);
void sl_bounds_clear(struct sl_bounds *bounds);
void sl_bounds_merge(struct sl_bounds *into, const struct sl_bounds *from);

/* Packed values in the machine's order. */
void sl_bounds_add_i32(struct sl_bounds *bounds, const void *values, uint32_t count);
void sl_bounds_add_i64(struct sl_bounds *bounds, const void *values, uint32_t count);
void sl_bounds_add_f32(struct sl_bounds *bounds, const void *values, uint32_t count);
void sl_bounds_add_f64(struct sl_bounds *bounds, const void *values, uint32_t count);
void sl_bounds_add_i128(struct sl_bounds *bounds, sl_int128 min, sl_int128 max);

/* Byte strings: a running minimum and maximum that borrow the values; the first eight bytes decide
 * nearly always, the next eight help columns whose values share a prefix ("ORD-00001..."). */
struct sl_bytes_range {
    struct sl_str min, max;
    uint64_t min_head, max_head; /* first eight bytes, big-endian, zero padded */
    uint64_t min_next, max_next; /* the eight bytes behind them, likewise */
    bool has;
};
void sl_bytes_range_begin(struct sl_bytes_range *range, const struct sl_bounds *bounds);
void sl_bytes_range_put_slow(struct sl_bytes_range *range, struct sl_str value, uint64_t head);
void sl_bytes_range_end(const struct sl_bytes_range *range, struct sl_bounds *bounds);

static inline uint64_t sl_bytes_head(const char *at, size_t len) {
    uint64_t word = 0;
    if (__builtin_expect(len >= 8, 1)) {
        memcpy(&word, at, 8);
        return __builtin_bswap64(word);
    }
    for (size_t i = 0; i < len; i++) word |= (uint64_t)(uint8_t)at[i] << (56 - 8 * i);
    return word;
}
/* Bytes 8..15 of a value. */
static inline uint64_t sl_bytes_next(const char *at, size_t len) {
    uint64_t word;
    if (len <= 8) return 0;
    if (len >= 16) {
        memcpy(&word, at + 8, 8);
        return __builtin_bswap64(word);
    }
    memcpy(&word, at + len - 8, 8);
    return __builtin_bswap64(word) << (8 * (16 - len));
}
static inline void sl_bytes_range_put(struct sl_bytes_range *range, const char *at, size_t len) {
    uint64_t head = sl_bytes_head(at, len);
    if (__builtin_expect(head <= range->min_head || head >= range->max_head, 0))
        sl_bytes_range_put_slow(range, (struct sl_str){at, len}, head);
}

/* A bound as Parquet stores it (PLAIN without length), appended to out.  `width`: bytes of a
 * FIXED_LEN decimal, else ignored (4 or 8 by order; BOOLEAN 1).  Zero bounds of floats become -0.0
 * (min) and +0.0 (max). */
void sl_bounds_put(const struct sl_bounds *bounds, bool max, uint32_t width, struct sl_buf *out);

enum { SL_BOUND_BYTES_MAX = 64, SL_BOUND_WHOLE_MAX = 4096 };
/* Bounds of byte strings cut to SL_BOUND_BYTES_MAX, on a character's edge when text; *exact says
 * whether nothing was cut.  The upper bound grows its last character (or byte); false when no short
 * bound exists (all 0xFF ...) and the value itself passes SL_BOUND_WHOLE_MAX. */
void sl_bound_put_min(struct sl_str value, bool text, struct sl_buf *out, bool *exact);
bool sl_bound_put_max(struct sl_str value, bool text, struct sl_buf *out, bool *exact);

#endif
