#include "fmt/parquet/parquet_stats.h"

#include <math.h>

void sl_bounds_init(struct sl_bounds *bounds, enum sl_order order) {
    *bounds = (struct sl_bounds){.order = order};
}

void sl_bounds_release(struct sl_bounds *bounds) {
    sl_buf_release(&bounds->min_bytes);
    sl_buf_release(&bounds->max_bytes);
    bounds->has = false;
}

void sl_bounds_clear(struct sl_bounds *bounds) {
    bounds->has = false;
    bounds->null_count = bounds->nan_count = 0;
    sl_buf_clear(&bounds->min_bytes);
    sl_buf_clear(&bounds->max_bytes);
}

static void set_bytes(struct sl_buf *to, struct sl_str value) {
    sl_buf_clear(to);
    sl_buf_put_str(to, value);
}

/* Takes what `from` has beyond `into`; counts are the caller's. */
static void widen(struct sl_bounds *into, const struct sl_bounds *from) {
    bool first = !into->has;
    switch (into->order) {
    case SL_ORDER_I32:
    case SL_ORDER_I64:
        if (first || from->min.i64 < into->min.i64) into->min.i64 = from->min.i64;
        if (first || from->max.i64 > into->max.i64) into->max.i64 = from->max.i64;
        break;
    case SL_ORDER_F32:
    case SL_ORDER_F64:
        if (first || from->min.f64 < into->min.f64) into->min.f64 = from->min.f64;
        if (first || from->max.f64 > into->max.f64) into->max.f64 = from->max.f64;
        break;
    case SL_ORDER_I128:
        if (first || from->min.i128 < into->min.i128) into->min.i128 = from->min.i128;
        if (first || from->max.i128 > into->max.i128) into->max.i128 = from->max.i128;
        break;
    case SL_ORDER_BYTES:
        if (first || sl_str_cmp(sl_buf_str(&from->min_bytes), sl_buf_str(&into->min_bytes)) < 0)
            set_bytes(&into->min_bytes, sl_buf_str(&from->min_bytes));
        if (first || sl_str_cmp(sl_buf_str(&from->max_bytes), sl_buf_str(&into->max_bytes)) > 0)
            set_bytes(&into->max_bytes, sl_buf_str(&from->max_bytes));
        break;
    }
    into->has = true;
}

void sl_bounds_merge(struct sl_bounds *into, const struct sl_bounds *from) {
    into->null_count += from->null_count;
    into->nan_count += from->nan_count;
    if (from->has) widen(into, from);
}

static void add_integers(struct sl_bounds *bounds, int64_t min, int64_t max) {
    struct sl_bounds more = {.order = bounds->order, .has = true};
    more.min.i64 = min;
    more.max.i64 = max;
    widen(bounds, &more);
}

/* Four independent chains hide the latency of compare and move. */
#define MIN_MAX_ONE(T, k)                                                                          \
    memcpy(&value_, at_ + (k) * sizeof(T), sizeof(T));                                             \
    min_[k] = value_ < min_[k] ? value_ : min_[k];                                                 \
    max_[k] = value_ > max_[k] ? value_ : max_[k];

#define MIN_MAX(T, values, count, low, high)                                                       \
    T min_[4] = {low, low, low, low}, max_[4] = {high, high, high, high}, value_;                  \
    const char *at_ = (const char *)(values), *end_ = at_ + (size_t)(count) * sizeof(T);           \
    for (; (size_t)(end_ - at_) >= 4 * sizeof(T); at_ += 4 * sizeof(T)) {                          \
        MIN_MAX_ONE(T, 0) MIN_MAX_ONE(T, 1) MIN_MAX_ONE(T, 2) MIN_MAX_ONE(T, 3)                    \
    }                                                                                              \
    for (; at_ < end_; at_ += sizeof(T)) {                                                         \
        MIN_MAX_ONE(T, 0)                                                                          \
    }                                                                                              \
    T min = min_[0], max = max_[0];                                                                \
    for (int k_ = 1; k_ < 4; k_++) {                                                               \
        min = min_[k_] < min ? min_[k_] : min;                                                     \
        max = max_[k_] > max ? max_[k_] : max;                                                     \
    }

void sl_bounds_add_i32(struct sl_bounds *bounds, const void *values, uint32_t count) {
    if (!count) return;
    MIN_MAX(int32_t, values, count, INT32_MAX, INT32_MIN)
    add_integers(bounds, min, max);
}

void sl_bounds_add_i64(struct sl_bounds *bounds, const void *values, uint32_t count) {
    if (!count) return;
    MIN_MAX(int64_t, values, count, INT64_MAX, INT64_MIN)
    add_integers(bounds, min, max);
}

static void add_floats(struct sl_bounds *bounds, double min, double max, uint32_t count,
                       uint32_t nans) {
    bounds->nan_count += nans;
    if (nans == count) return;
    struct sl_bounds more = {.order = bounds->order, .has = true};
    more.min.f64 = min;
    more.max.f64 = max;
    widen(bounds, &more);
}

#define COUNT_NAN(T, values, count, nans)                                                          \
    for (uint32_t i = 0; i < (count); i++) {                                                       \
        T value;                                                                                   \
        memcpy(&value, (const char *)(values) + (size_t)i * sizeof(T), sizeof(T));                 \
        nans += value != value;                                                                    \
    }

/* Comparisons with NaN are false, so NaN never becomes a bound. */
void sl_bounds_add_f32(struct sl_bounds *bounds, const void *values, uint32_t count) {
    uint32_t nans = 0;
    COUNT_NAN(float, values, count, nans)
    MIN_MAX(float, values, count, INFINITY, -INFINITY)
    add_floats(bounds, (double)min, (double)max, count, nans);
}

void sl_bounds_add_f64(struct sl_bounds *bounds, const void *values, uint32_t count) {
    uint32_t nans = 0;
    COUNT_NAN(double, values, count, nans)
    MIN_MAX(double, values, count, (double)INFINITY, -(double)INFINITY)
    add_floats(bounds, min, max, count, nans);
}

void sl_bounds_add_i128(struct sl_bounds *bounds, sl_int128 min, sl_int128 max) {
    struct sl_bounds more = {.order = bounds->order, .has = true};
    more.min.i128 = min;
    more.max.i128 = max;
    widen(bounds, &more);
}

/* ---- byte strings ---- */

void sl_bytes_range_begin(struct sl_bytes_range *range, const struct sl_bounds *bounds) {
    *range = (struct sl_bytes_range){.min_head = UINT64_MAX, .max_head = 0};
    if (!bounds->has) return;
    range->has = true;
    range->min = sl_buf_str(&bounds->min_bytes);
    range->max = sl_buf_str(&bounds->max_bytes);
    range->min_head = sl_bytes_head(range->min.ptr, range->min.len);
    range->max_head = sl_bytes_head(range->max.ptr, range->max.len);
    range->min_next = sl_bytes_next(range->min.ptr, range->min.len);
    range->max_next = sl_bytes_next(range->max.ptr, range->max.len);
}

/* Order of a value against a bound: sixteen bytes by two words; zero padding makes a tie of values
 * that differ in trailing NULs only, which the full comparison then settles. */
static int compare_to(struct sl_str value, uint64_t head, uint64_t next, struct sl_str bound,
                      uint64_t bound_head, uint64_t bound_next) {
    if (head != bound_head) return head < bound_head ? -1 : 1;
    if (next != bound_next) return next < bound_next ? -1 : 1;
    return sl_str_cmp(value, bound);
}

void sl_bytes_range_put_slow(struct sl_bytes_range *range, struct sl_str value, uint64_t head) {
    uint64_t next = sl_bytes_next(value.ptr, value.len);
    if (!range->has ||
        compare_to(value, head, next, range->min, range->min_head, range->min_next) < 0) {
        range->min = value;
        range->min_head = head;
        range->min_next = next;
    }
    if (!range->has ||
        compare_to(value, head, next, range->max, range->max_head, range->max_next) > 0) {
        range->max = value;
        range->max_head = head;
        range->max_next = next;
    }
    range->has = true;
}

void sl_bytes_range_end(const struct sl_bytes_range *range, struct sl_bounds *bounds) {
    if (!range->has) return;
    const char *own_min = (const char *)bounds->min_bytes.ptr;
    const char *own_max = (const char *)bounds->max_bytes.ptr;
    if (!bounds->has || range->min.ptr != own_min) set_bytes(&bounds->min_bytes, range->min);
    if (!bounds->has || range->max.ptr != own_max) set_bytes(&bounds->max_bytes, range->max);
    bounds->has = true;
}

/* ---- writing ---- */

static void put_float(double value, bool max, bool wide, struct sl_buf *out) {
    if (value == 0) value = max ? 0.0 : -0.0;
    float narrow = (float)value;
    if (wide) {
        sl_buf_put(out, &value, sizeof value);
    } else {
        sl_buf_put(out, &narrow, sizeof narrow);
    }
}

void sl_bounds_put(const struct sl_bounds *bounds, bool max, uint32_t width, struct sl_buf *out) {
    union sl_bound bound = max ? bounds->max : bounds->min;
    switch (bounds->order) {
    case SL_ORDER_I32:
        sl_buf_put(out, &bound.i64, width == 1 ? 1 : 4);
        break;
    case SL_ORDER_I64:
        sl_buf_put(out, &bound.i64, 8);
        break;
    case SL_ORDER_F32:
        put_float(bound.f64, max, false, out);
        break;
    case SL_ORDER_F64:
        put_float(bound.f64, max, true, out);
        break;
    case SL_ORDER_I128:
        for (uint32_t i = width; i-- > 0;)
            sl_buf_put_byte(out, (uint8_t)((unsigned __int128)bound.i128 >> (8 * i)));
        break;
    case SL_ORDER_BYTES:
        sl_buf_put_str(out, sl_buf_str(max ? &bounds->max_bytes : &bounds->min_bytes));
        break;
    }
}

static bool is_continuation(char byte) { return ((uint8_t)byte & 0xC0) == 0x80; }

/* The longest prefix within the limit that ends on a character's edge. */
static size_t cut_length(struct sl_str value, bool text) {
    size_t cut = SL_BOUND_BYTES_MAX;
    if (text)
        while (cut > 0 && is_continuation(value.ptr[cut])) cut--;
    return cut ? cut : SL_BOUND_BYTES_MAX; /* not UTF-8 after all: any prefix is a lower bound */
}

void sl_bound_put_min(struct sl_str value, bool text, struct sl_buf *out, bool *exact) {
    *exact = value.len <= SL_BOUND_BYTES_MAX;
    sl_buf_put(out, value.ptr, *exact ? value.len : cut_length(value, text));
}

/* Grows the last byte that can grow and cuts behind it; 0 when none can. */
static size_t grow_bytes(uint8_t *bytes, size_t len) {
    while (len > 0) {
        if (bytes[len - 1] != 0xFF) {
            bytes[len - 1]++;
            return len;
        }
        len--;
    }
    return 0;
}

/* One past this code point in the same number of bytes, never a surrogate. */
static bool grow_character(uint8_t *at, size_t len) {
    static const uint32_t last[5] = {0, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
    static const uint8_t lead[5] = {0, 0x00, 0xC0, 0xE0, 0xF0}; /* by length */
    static const uint8_t lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (len < 1 || len > 4 || (at[0] & ~lead_mask[len] & 0xFF) != lead[len]) return false;
    uint32_t code = at[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++) code = code << 6 | (at[i] & 0x3F);
    code++;
    if (code >= 0xD800 && code <= 0xDFFF) code = 0xE000;
    if (code > last[len]) return false;
    for (size_t i = len; i-- > 1; code >>= 6) at[i] = (uint8_t)(0x80 | (code & 0x3F));
    at[0] = (uint8_t)(lead[len] | code);
    return true;
}

static size_t grow_text(uint8_t *bytes, size_t len) {
    while (len > 0) {
        size_t begin = len - 1;
        while (begin > 0 && is_continuation((char)bytes[begin])) begin--;
        if (grow_character(bytes + begin, len - begin)) return len;
        len = begin;
    }
    return 0;
}

bool sl_bound_put_max(struct sl_str value, bool text, struct sl_buf *out, bool *exact) {
    *exact = value.len <= SL_BOUND_BYTES_MAX;
    if (*exact) {
        sl_buf_put_str(out, value);
        return true;
    }
    uint8_t grown[SL_BOUND_BYTES_MAX];
    size_t len = cut_length(value, text);
    memcpy(grown, value.ptr, len);
    len = text ? grow_text(grown, len) : grow_bytes(grown, len);
    if (len) {
        sl_buf_put(out, grown, len);
        return true;
    }
    *exact = true;
    if (value.len > SL_BOUND_WHOLE_MAX) return false;
    sl_buf_put_str(out, value);
    return true;
}
