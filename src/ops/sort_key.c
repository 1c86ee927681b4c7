#include "ops/sort_key.h"

#include <string.h>

enum { BITS = SL_SORT_WORDS * 64 };

struct packer {
    struct sl_sort_entry *entry;
    uint32_t used;
    bool flips; /* descending */
};

/* The lowest `count` bits of value, 1 to 64. */
static void pack(struct packer *packer, uint64_t value, uint32_t count) {
    if (packer->flips) value = ~value;
    while (count) {
        if (packer->used == BITS) {
            packer->entry->is_cut = true;
            return;
        }
        uint32_t room = 64 - packer->used % 64, part = count < room ? count : room;
        uint64_t bits = value >> (count - part);
        if (part < 64) bits &= (UINT64_C(1) << part) - 1;
        packer->entry->words[packer->used / 64] |= bits << (room - part);
        packer->used += part;
        count -= part;
    }
}

static void cut(struct packer *packer) {
    packer->entry->is_cut = true;
    packer->used = BITS;
}

/* IEEE 754 as an unsigned number of the same order: NaN is the greatest, -0.0 is 0.0. */
static uint64_t double_bits(double value) {
    uint64_t bits;
    if (value != value) return UINT64_MAX;
    if (value == 0) value = 0;
    memcpy(&bits, &value, 8);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}
static uint64_t float_bits(float value) {
    uint32_t bits;
    if (value != value) return UINT32_MAX;
    if (value == 0) value = 0;
    memcpy(&bits, &value, 4);
    return bits >> 31 ? (uint32_t)~bits : bits | UINT32_C(1) << 31;
}

static bool has_zero_byte(uint64_t bytes) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (bytes - ones) & ~bytes & (ones << 7);
}

static void pack_text(struct packer *packer, struct sl_str text) {
    size_t i = 0;
    while (i < text.len) {
        uint64_t bytes;
        if (packer->used == BITS) {
            cut(packer);
            return;
        }
        if (text.len - i >= 8 && (memcpy(&bytes, text.ptr + i, 8), !has_zero_byte(bytes))) {
            pack(packer, __builtin_bswap64(bytes), 64);
            i += 8;
            continue;
        }
        uint8_t byte = (uint8_t)text.ptr[i++];
        pack(packer, byte, 8);
        if (!byte) pack(packer, 1, 8);
    }
    pack(packer, 0, 16);
}

static void pack_value(struct packer *packer, const struct sl_vec *vec, uint32_t row);

static void pack_fields(struct packer *packer, const struct sl_vec *vec, uint32_t row) {
    for (uint32_t c = 0; c < vec->child_count; c++) {
        bool null = sl_vec_is_null(&vec->children[c], row);
        pack(packer, !null, 1);
        if (!null) pack_value(packer, &vec->children[c], row);
    }
}

static void pack_fixed(struct packer *packer, const struct sl_vec *vec, uint32_t row) {
    const uint64_t sign = UINT64_C(1) << 63;
    switch (sl_type_width(vec->type)) {
    case 1:
        pack(packer, (uint64_t)vec->i8[row] ^ 0x80, 8);
        break;
    case 2:
        pack(packer, (uint64_t)vec->i16[row] ^ 0x8000, 16);
        break;
    case 4:
        pack(packer, (uint64_t)vec->i32[row] ^ 0x80000000, 32);
        break;
    case 8:
        pack(packer, (uint64_t)vec->i64[row] ^ sign, 64);
        break;
    default:
        pack(packer, (uint64_t)(vec->i128[row] >> 64) ^ sign, 64);
        pack(packer, (uint64_t)vec->i128[row], 64);
    }
}

/* Of a row that is not null. */
static void pack_value(struct packer *packer, const struct sl_vec *vec, uint32_t row) {
    if (sl_type_is_bytes(vec->type)) {
        pack_text(packer, sl_vec_str(vec, row));
        return;
    }
    if (vec->enc == SL_ENC_DICT) {
        row = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    row = sl_vec_pos(vec, row);
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        break;
    case SL_BOOL_KIND:
        pack(packer, sl_bit_get(vec->bits, row), 1);
        break;
    case SL_FLOAT_KIND:
        pack(packer, float_bits(vec->f32[row]), 32);
        break;
    case SL_DOUBLE_KIND:
        pack(packer, double_bits(vec->f64[row]), 64);
        break;
    case SL_STRUCT_KIND:
        pack_fields(packer, vec, row);
        break;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        cut(packer);
        break;
    default:
        pack_fixed(packer, vec, row);
    }
}

static void pack_key(struct packer *packer, const struct sl_sort_key *key, const struct sl_vec *vec,
                     uint32_t row) {
    bool null = sl_vec_is_null(vec, row);
    packer->flips = false;
    pack(packer, null != key->nulls_first, 1);
    packer->flips = key->descending;
    if (!null) pack_value(packer, vec, row);
}

void sl_sort_entries(const struct sl_sorting *sorting, const struct sl_vec *columns,
                     const uint32_t *rows, uint32_t count, struct sl_sort_entry *out) {
    for (uint32_t i = 0; i < count; i++) {
        struct packer packer = {.entry = &out[i]};
        memset(out[i].words, 0, sizeof out[i].words);
        out[i].is_cut = false;
        for (uint32_t k = 0; k < sorting->key_count && !out[i].is_cut; k++)
            pack_key(&packer, &sorting->keys[k], &columns[sorting->keys[k].column], rows[i]);
    }
}
