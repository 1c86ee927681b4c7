#include "fmt/parquet/parquet_decode.h"
#include "fmt/parquet/varint.h"

void sl_hybrid_init(struct sl_hybrid *h, const uint8_t *bytes, size_t len, uint32_t width) {
    *h = (struct sl_hybrid){.pos = bytes, .end = bytes + len, .width = width};
}

void sl_hybrid_init_legacy(struct sl_hybrid *h, const uint8_t *bytes, size_t len, uint32_t width) {
    uint64_t values = width ? (uint64_t)len * 8 / width : UINT32_MAX;
    *h = (struct sl_hybrid){.pos = bytes + len,
                            .end = bytes + len,
                            .width = width,
                            .left = values > UINT32_MAX ? UINT32_MAX : (uint32_t)values,
                            .packed = true,
                            .bits = bytes,
                            .msb_first = true};
}

static bool get_header(struct sl_hybrid *h, uint32_t *out) {
    uint64_t value;
    if (!sl_varint_get(&h->pos, h->end, &value) || value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

/* A packed run may end inside its last group when the page's bytes do: writers may drop the
 * padding. */
static bool begin_packed(struct sl_hybrid *h, uint32_t groups) {
    uint64_t values = (uint64_t)groups * 8, bytes = (uint64_t)groups * h->width;
    uint64_t room = (uint64_t)(h->end - h->pos);
    if (bytes > room) {
        bytes = room;
        values = room * 8 / h->width;
    }
    if (values > UINT32_MAX) return false;
    h->packed = true;
    h->bits = h->pos;
    h->bit = 0;
    h->left = (uint32_t)values;
    h->pos += bytes;
    return values > 0;
}

static bool begin_run(struct sl_hybrid *h) {
    uint32_t header, bytes = (h->width + 7) / 8;
    if (h->width == 0) {
        h->packed = false;
        h->value = 0;
        h->left = UINT32_MAX;
        return true;
    }
    if (h->msb_first || !get_header(h, &header) || header < 2) return false;
    if (header & 1) return begin_packed(h, header >> 1);
    if ((size_t)(h->end - h->pos) < bytes) return false;
    h->packed = false;
    h->left = header >> 1;
    h->value = 0;
    for (uint32_t i = 0; i < bytes; i++) h->value |= (uint32_t)h->pos[i] << (8 * i);
    h->pos += bytes;
    return h->width == 32 || h->value >> h->width == 0;
}

static uint32_t msb_value(const struct sl_hybrid *h, uint64_t bit) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < h->width; i++, bit++)
        value = value << 1 | (h->bits[bit / 8] >> (7 - bit % 8) & 1u);
    return value;
}

static inline uint32_t packed_value(const struct sl_hybrid *h, uint64_t bit, uint64_t mask) {
    return (uint32_t)(sl_load_u64(h->bits + bit / 8) >> (bit & 7) & mask);
}

#define UNPACK(name, T)                                                                            \
    static void name(struct sl_hybrid *h, T *out, uint32_t count) {                                \
        uint64_t mask = (UINT64_C(1) << h->width) - 1, bit = h->bit;                               \
        uint32_t i = 0;                                                                            \
        for (; h->msb_first && i < count; i++, bit += h->width) out[i] = (T)msb_value(h, bit);     \
        for (; i < count; i++, bit += h->width) out[i] = (T)packed_value(h, bit, mask);            \
        h->bit = bit;                                                                              \
    }
UNPACK(unpack_u8, uint8_t)
UNPACK(unpack_u32, uint32_t)
#undef UNPACK

/* Levels of flat columns: eight bits of a byte to eight bytes at once. */
static void unpack_bits(struct sl_hybrid *h, uint8_t *out, uint32_t count) {
    const uint64_t ones = UINT64_C(0x0101010101010101), bit_of_byte = UINT64_C(0x8040201008040201);
    uint32_t i = 0;
    for (; h->bit % 8 == 0 && i + 8 <= count; i += 8, h->bit += 8) {
        uint64_t spread = h->bits[h->bit / 8] * ones & bit_of_byte;
        spread = (spread + 0x7F * ones) >> 7 & ones;
        memcpy(out + i, &spread, 8);
    }
    unpack_u8(h, out + i, count - i);
}

bool sl_hybrid_u8(struct sl_hybrid *h, uint8_t *out, uint32_t count) {
    while (count) {
        if (!h->left && !begin_run(h)) return false;
        uint32_t n = h->left < count ? h->left : count;
        if (h->packed && h->width == 1 && !h->msb_first)
            unpack_bits(h, out, n);
        else if (h->packed)
            unpack_u8(h, out, n);
        else
            memset(out, (int)(h->value > 255 ? 255 : h->value), n);
        h->left -= n;
        out += n;
        count -= n;
    }
    return true;
}

bool sl_hybrid_u32(struct sl_hybrid *h, uint32_t *out, uint32_t count) {
    while (count) {
        if (!h->left && !begin_run(h)) return false;
        uint32_t n = h->left < count ? h->left : count;
        if (h->packed)
            unpack_u32(h, out, n);
        else
            for (uint32_t i = 0; i < n; i++) out[i] = h->value;
        h->left -= n;
        out += n;
        count -= n;
    }
    return true;
}

bool sl_hybrid_constant(struct sl_hybrid *h, uint32_t count, uint32_t *value) {
    if (!h->left) {
        struct sl_hybrid before = *h;
        if (!begin_run(h)) {
            *h = before; /* the caller's read will meet and report it */
            return false;
        }
    }
    if (h->packed || h->left < count) return false;
    h->left -= count;
    *value = h->value;
    return true;
}
