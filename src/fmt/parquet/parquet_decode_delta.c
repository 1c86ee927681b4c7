#include "fmt/parquet/parquet_decode.h"
#include "fmt/parquet/varint.h"

/* A block of the usual writers has 128 values; what is far beyond is not a block size but noise. */
enum { BLOCK_VALUES_MAX = 1 << 24 };

static bool get_zigzag(const uint8_t **pos, const uint8_t *end, uint64_t *out) {
    uint64_t value;
    if (!sl_varint_get(pos, end, &value)) return false;
    *out = (uint64_t)sl_unzigzag(value);
    return true;
}

bool sl_delta_init(struct sl_delta *d, const uint8_t *bytes, size_t len) {
    uint64_t block, minis;
    *d = (struct sl_delta){.pos = bytes, .end = bytes + len, .first = true};
    if (!sl_varint_get(&d->pos, d->end, &block) || !sl_varint_get(&d->pos, d->end, &minis) ||
        !sl_varint_get(&d->pos, d->end, &d->left) || !get_zigzag(&d->pos, d->end, &d->last))
        return false;
    if (block == 0 || block > BLOCK_VALUES_MAX || minis == 0 || block % minis || block / minis % 8)
        return false;
    d->block_minis = (uint32_t)minis;
    d->mini_values = (uint32_t)(block / minis);
    d->mini = d->block_minis;
    return true;
}

static bool begin_block(struct sl_delta *d) {
    if (!get_zigzag(&d->pos, d->end, &d->min_delta)) return false;
    if ((size_t)(d->end - d->pos) < d->block_minis) return false;
    d->widths = d->pos;
    d->pos += d->block_minis;
    d->mini = 0;
    return true;
}

/* The last miniblock is padded to its full size; if the bytes end before, what is needed must be
 * there. */
static bool begin_mini(struct sl_delta *d) {
    if (d->mini == d->block_minis && !begin_block(d)) return false;
    d->width = d->widths[d->mini++];
    if (d->width > 64) return false;
    uint64_t bytes = (uint64_t)d->mini_values / 8 * d->width, room = (uint64_t)(d->end - d->pos);
    uint64_t needed = d->left < d->mini_values ? d->left : d->mini_values;
    if (bytes > room) {
        bytes = (needed * d->width + 7) / 8;
        if (bytes > room) return false;
    }
    d->bits = d->pos;
    d->bit = 0;
    d->mini_left = d->mini_values;
    d->pos += bytes;
    return true;
}

static inline uint64_t packed_value(const struct sl_delta *d, uint64_t bit) {
    if (d->width == 0) return 0;
    const uint8_t *from = d->bits + bit / 8;
    unsigned shift = bit & 7;
    uint64_t value = sl_load_u64(from) >> shift;
    if (shift + d->width > 64) value |= (uint64_t)from[8] << (64 - shift);
    return d->width == 64 ? value : value & ((UINT64_C(1) << d->width) - 1);
}

bool sl_delta_next(struct sl_delta *d, int64_t *out, uint32_t count) {
    if (count > d->left) return false;
    uint32_t i = 0;
    if (count && d->first) {
        d->first = false;
        d->left--;
        out[i++] = (int64_t)d->last;
    }
    while (i < count) {
        if (!d->mini_left && !begin_mini(d)) return false;
        uint32_t n = d->mini_left < count - i ? d->mini_left : count - i;
        uint64_t last = d->last, bit = d->bit;
        for (uint32_t k = 0; k < n; k++, bit += d->width) {
            last += d->min_delta + packed_value(d, bit);
            out[i + k] = (int64_t)last;
        }
        d->last = last;
        d->bit = bit;
        d->mini_left -= n;
        d->left -= n;
        i += n;
    }
    return true;
}

const uint8_t *sl_delta_end(const struct sl_delta *d) {
    struct sl_delta scan = *d;
    if (scan.first && scan.left) scan.left--;
    while (scan.left) {
        if (!scan.mini_left && !begin_mini(&scan)) return NULL;
        uint64_t n = scan.mini_left < scan.left ? scan.mini_left : scan.left;
        scan.left -= n;
        scan.mini_left = 0;
    }
    return scan.pos;
}
