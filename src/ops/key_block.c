#include "ops/key_block.h"

#include <stdlib.h>

#include "base/hash.h"
#include "ops/key_int.h"

enum {
    CODE_NULL,
    CODE_VALUE, /* or an inline text */
    CODE_UUID,
    CODE_FAR,
    WIDE_BYTES = 16,
    INLINE_MAX = 15,
    UUID_LEN = 36,
    CHUNK = 256,
    CELL_BYTES_MIN = 4 /* a free cell of a table holds a number */
};

/* ---- layout ---- */

static bool is_wide(const struct sl_type *type) {
    return sl_type_is_bytes(type) || type->kind == SL_ARRAY_KIND || type->kind == SL_MAP_KIND;
}

static uint32_t fixed_width(const struct sl_type *type) {
    return type->kind == SL_BOOL_KIND ? 1 : sl_type_width(type);
}

static uint32_t count_leaves(const struct sl_type *type) {
    uint32_t count = 1;
    if (type->kind == SL_STRUCT_KIND)
        for (uint32_t i = 0; i < type->field_count; i++)
            count += count_leaves(type->fields[i].type);
    return count;
}

static void add_leaves(struct sl_key_layout *layout, const struct sl_type *type) {
    struct sl_key_leaf *leaf = &layout->leaves[layout->leaf_count++];
    *leaf = (struct sl_key_leaf){.type = type, .wide = is_wide(type)};
    layout->wide_count += leaf->wide;
    if (type->kind == SL_STRUCT_KIND)
        for (uint32_t i = 0; i < type->field_count; i++) add_leaves(layout, type->fields[i].type);
}

/* Numbers first, so that they are compared in one run. */
static void place_leaves(struct sl_key_layout *layout) {
    uint32_t at = (layout->leaf_count + 3) / 4;
    for (uint32_t i = 0; i < layout->leaf_count; i++) {
        struct sl_key_leaf *leaf = &layout->leaves[i];
        if (leaf->wide || leaf->type->kind == SL_STRUCT_KIND) continue;
        leaf->offset = at;
        at += fixed_width(leaf->type);
    }
    if (at < CELL_BYTES_MIN && !layout->wide_count) at = CELL_BYTES_MIN;
    layout->fixed_bytes = at;
    for (uint32_t i = 0; i < layout->leaf_count; i++) {
        if (!layout->leaves[i].wide) continue;
        layout->leaves[i].offset = at;
        at += WIDE_BYTES;
    }
    layout->key_bytes = at;
}

static struct sl_key_layout *make_layout(struct sl_arena *query, const struct sl_type *const *types,
                                         uint32_t count, uint32_t extra_bytes) {
    struct sl_key_layout *layout = SL_NEW(query, struct sl_key_layout);
    uint32_t leaves = 0;
    layout->types = SL_NEW_ARRAY(query, const struct sl_type *, count);
    layout->column_count = count;
    for (uint32_t i = 0; i < count; i++) leaves += count_leaves(types[i]);
    layout->leaves = SL_NEW_ARRAY(query, struct sl_key_leaf, leaves);
    for (uint32_t i = 0; i < count; i++) {
        layout->types[i] = types[i];
        add_leaves(layout, types[i]);
    }
    place_leaves(layout);
    layout->cell_bytes = layout->key_bytes + extra_bytes;
    layout->time_offset = -1;
    layout->time_leaf = UINT32_MAX;
    return layout;
}

const struct sl_key_layout *sl_key_layout_new(struct sl_arena *query,
                                              const struct sl_type *const *types, uint32_t count,
                                              uint32_t extra_bytes) {
    return make_layout(query, types, count, extra_bytes);
}

const struct sl_key_layout *sl_key_layout_new_timed(struct sl_arena *query,
                                                    const struct sl_type *const *types,
                                                    uint32_t count, uint32_t extra_bytes,
                                                    uint32_t column) {
    struct sl_key_layout *layout = make_layout(query, types, count, extra_bytes);
    uint32_t leaf = 0;
    for (uint32_t i = 0; i < column; i++) leaf += count_leaves(types[i]);
    if (types[column]->kind == SL_STRUCT_KIND) leaf += count_leaves(types[column]) - 1;
    sl_assert(sl_type_width(layout->leaves[leaf].type) == 8);
    layout->time_leaf = leaf;
    layout->time_offset = (int32_t)layout->leaves[leaf].offset;
    return layout;
}

const struct sl_key_layout *sl_key_layout_new_expiring(struct sl_arena *query,
                                                       const struct sl_type *const *types,
                                                       uint32_t count, uint32_t extra_bytes) {
    struct sl_key_layout *layout = make_layout(query, types, count, extra_bytes);
    sl_assert(extra_bytes >= 8);
    layout->time_offset = (int32_t)layout->key_bytes;
    return layout;
}

/* ---- one cell ---- */

static inline unsigned code_of(const uint8_t *cell, uint32_t leaf) {
    return cell[leaf >> 2] >> (leaf & 3) * 2 & 3;
}

static inline void set_code(uint8_t *cell, uint32_t leaf, unsigned code) {
    cell[leaf >> 2] = (uint8_t)(cell[leaf >> 2] | code << (leaf & 3) * 2);
}

static inline uint64_t load64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

static inline uint32_t load32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

static inline const uint8_t *far_ptr(const uint8_t *wide) {
    return (const uint8_t *)(uintptr_t)load64(wide + 8);
}

/* Both halves of a 64 x 64 product, folded: wyhash's mixing step. */
static inline uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static const uint64_t odd1 = UINT64_C(0xA0761D6478BD642F), odd2 = UINT64_C(0xE7037ED1A0B428DB);

static inline uint64_t hash_bytes(const uint8_t *at, uint32_t count) {
    uint64_t hash = count * odd2;
    for (; count > 16; at += 16, count -= 16)
        hash = fold(load64(at) ^ hash ^ odd1, load64(at + 8) ^ odd2);
    if (count > 8) return fold(load64(at) ^ hash ^ odd1, load64(at + count - 8) ^ odd2);
    if (count >= 4) return fold(load32(at) ^ hash ^ odd1, load32(at + count - 4) ^ odd2);
    uint64_t few = 0;
    for (uint32_t i = 0; i < count; i++) few = few << 8 | at[i];
    return fold(few ^ hash ^ odd1, odd2);
}

uint32_t sl_key_tag(const struct sl_key_layout *layout, const uint8_t *cell) {
    uint64_t hash = hash_bytes(cell, layout->fixed_bytes);
    for (uint32_t i = 0, left = layout->wide_count; left; i++) {
        if (!layout->leaves[i].wide) continue;
        const uint8_t *wide = cell + layout->leaves[i].offset;
        uint64_t second = code_of(cell, i) == CODE_FAR ? 0 : load64(wide + 8);
        hash = fold(load64(wide) ^ hash ^ odd1, second ^ odd2);
        left--;
    }
    return (uint32_t)(hash >> 32);
}

static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t count) {
    if (count >= 8) {
        uint32_t at = 0;
        for (; at + 8 <= count; at += 8)
            if (load64(a + at) != load64(b + at)) return false;
        return load64(a + count - 8) == load64(b + count - 8);
    }
    if (count >= 4) return load32(a) == load32(b) && load32(a + count - 4) == load32(b + count - 4);
    for (uint32_t i = 0; i < count; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* Codes are equal already. */
static bool wide_equal(const uint8_t *a, const uint8_t *b, bool far) {
    if (load64(a) != load64(b)) return false;
    if (!far) return load64(a + 8) == load64(b + 8);
    return memcmp(far_ptr(a), far_ptr(b), load32(a)) == 0;
}

bool sl_key_equal(const struct sl_key_layout *layout, const uint8_t *a, const uint8_t *b) {
    if (!bytes_equal(a, b, layout->fixed_bytes)) return false;
    for (uint32_t i = 0, left = layout->wide_count; left; i++) {
        if (!layout->leaves[i].wide) continue;
        uint32_t offset = layout->leaves[i].offset;
        if (!wide_equal(a + offset, b + offset, code_of(a, i) == CODE_FAR)) return false;
        left--;
    }
    return true;
}

size_t sl_key_far_bytes(const struct sl_key_layout *layout, const uint8_t *cell) {
    size_t bytes = 0;
    for (uint32_t i = 0, left = layout->wide_count; left; i++) {
        if (!layout->leaves[i].wide) continue;
        if (code_of(cell, i) == CODE_FAR) bytes += load32(cell + layout->leaves[i].offset);
        left--;
    }
    return bytes;
}

static void set_far(uint8_t *wide, const uint8_t *bytes) {
    uint64_t address = (uintptr_t)bytes;
    memcpy(wide + 8, &address, 8);
}

void sl_key_move_far(const struct sl_key_layout *layout, uint8_t *cell, uint8_t *to) {
    for (uint32_t i = 0, left = layout->wide_count; left; i++) {
        if (!layout->leaves[i].wide) continue;
        left--;
        if (code_of(cell, i) != CODE_FAR) continue;
        uint8_t *wide = cell + layout->leaves[i].offset;
        uint32_t len = load32(wide);
        memcpy(to, far_ptr(wide), len);
        set_far(wide, to);
        to += len;
    }
}

bool sl_key_time(const struct sl_key_layout *layout, const uint8_t *cell, int64_t *time_us) {
    memcpy(time_us, cell + layout->time_offset, 8);
    if (layout->time_leaf == UINT32_MAX) return *time_us != INT64_MAX;
    return code_of(cell, layout->time_leaf) != CODE_NULL;
}

/* ---- UUID texts ---- */

/* Where the four runs of eight digits lie, as two halves each. */
static const uint8_t uuid_halves[4][2] = {{0, 4}, {9, 14}, {19, 24}, {28, 32}};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Digit values to the characters of a lower-case hexadecimal number, eight at once. */
static inline uint64_t hex_chars(uint64_t digits) {
    uint64_t letters = (digits + EACH(6)) >> 4 & EACH(1);
    return digits + EACH('0') + letters * ('a' - '0' - 10);
}

/* Packs eight digits into 32 bits, first half of them low, so that nothing has to be shuffled; what
 * is no lower-case UUID differs when it is made into characters again. */
static inline bool pack_uuid(const char *text, uint8_t *to) {
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
    uint64_t wrong = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        uint32_t first, second;
        memcpy(&first, text + uuid_halves[i][0], 4);
        memcpy(&second, text + uuid_halves[i][1], 4);
        uint64_t chars = first | (uint64_t)second << 32;
        uint64_t digits = ((chars & EACH(15)) + (chars >> 6 & EACH(1)) * 9) & EACH(15);
        wrong |= hex_chars(digits) ^ chars;
        uint32_t packed = (uint32_t)digits | (uint32_t)(digits >> 32) << 4;
        memcpy(to + (size_t)i * 4, &packed, 4);
    }
    return wrong == 0;
}

static void unpack_uuid(const uint8_t *from, char *text) {
    text[8] = text[13] = text[18] = text[23] = '-';
    for (int i = 0; i < 4; i++) {
        uint64_t packed = load32(from + (size_t)i * 4);
        uint64_t chars = hex_chars((packed & 0x0F0F0F0F) | (packed >> 4 & 0x0F0F0F0F) << 32);
        uint32_t first = (uint32_t)chars, second = (uint32_t)(chars >> 32);
        memcpy(text + uuid_halves[i][0], &first, 4);
        memcpy(text + uuid_halves[i][1], &second, 4);
    }
}

/* ---- encoding columns ---- */

/* The cells of one leaf. */
struct leaf_run {
    struct sl_key_block *block;
    uint32_t leaf;
    uint8_t *cells; /* the first of the run's */
    uint32_t count;
    uint32_t at[CHUNK]; /* positions in the vector below CONST and DICT; SL_NO_ROW: null */
};

static void positions(struct leaf_run *run, const struct sl_vec *vec, const uint32_t *rows,
                      uint32_t begin) {
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t row = rows ? rows[begin + i] : begin + i;
        uint32_t at = sl_vec_pos(vec, row);
        run->at[i] = vec->valid && !sl_bit_get(vec->valid, at) ? SL_NO_ROW
                     : vec->enc == SL_ENC_DICT                 ? (uint32_t)vec->codes[at]
                                                               : at;
    }
}

#define PUT_FIXED(name, T, load)                                                                   \
    static void name(const struct leaf_run *run, const struct sl_vec *vec) {                       \
        const struct sl_key_layout *layout = run->block->layout;                                   \
        uint32_t stride = layout->key_bytes, offset = layout->leaves[run->leaf].offset;            \
        for (uint32_t i = 0; i < run->count; i++) {                                                \
            uint32_t at = run->at[i];                                                              \
            if (at == SL_NO_ROW) continue;                                                         \
            uint8_t *cell = run->cells + (size_t)i * stride;                                       \
            T value = load;                                                                        \
            set_code(cell, run->leaf, CODE_VALUE);                                                 \
            memcpy(cell + offset, &value, sizeof value);                                           \
        }                                                                                          \
    }
PUT_FIXED(put_bool, uint8_t, sl_bit_get(vec->bits, at))
PUT_FIXED(put8, int8_t, vec->i8[at])
PUT_FIXED(put16, int16_t, vec->i16[at])
PUT_FIXED(put32, int32_t, vec->i32[at])
PUT_FIXED(put64, int64_t, vec->i64[at])
PUT_FIXED(put128, sl_int128, vec->i128[at])
PUT_FIXED(put_float, float, sl_key_float(vec->f32[at]))
PUT_FIXED(put_double, double, sl_key_double(vec->f64[at]))
#undef PUT_FIXED

static void put_fixed(const struct leaf_run *run, const struct sl_vec *vec) {
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        put_bool(run, vec);
        return;
    case SL_FLOAT_KIND:
        put_float(run, vec);
        return;
    case SL_DOUBLE_KIND:
        put_double(run, vec);
        return;
    default:
        break;
    }
    switch (sl_type_width(vec->type)) {
    case 1:
        put8(run, vec);
        break;
    case 2:
        put16(run, vec);
        break;
    case 4:
        put32(run, vec);
        break;
    case 8:
        put64(run, vec);
        break;
    default:
        put128(run, vec);
        break;
    }
}

static inline void put_bytes(const struct leaf_run *run, uint8_t *cell, struct sl_str text) {
    uint8_t *wide = cell + run->block->layout->leaves[run->leaf].offset;
    if (text.len == UUID_LEN && pack_uuid(text.ptr, wide)) {
        set_code(cell, run->leaf, CODE_UUID);
    } else if (text.len <= INLINE_MAX) {
        wide[0] = (uint8_t)text.len;
        if (text.len) memcpy(wide + 1, text.ptr, text.len);
        set_code(cell, run->leaf, CODE_VALUE);
    } else {
        uint32_t len = (uint32_t)text.len, hash = (uint32_t)sl_xxh64(text.ptr, text.len, 0);
        memcpy(wide, &len, 4);
        memcpy(wide + 4, &hash, 4);
        set_far(wide, (const uint8_t *)text.ptr);
        set_code(cell, run->leaf, CODE_FAR);
    }
}

static inline struct sl_str text_at(const struct sl_vec *vec, uint32_t at) {
    if (vec->enc != SL_ENC_FLAT) return sl_vec_str(vec, at);
    int32_t begin = vec->offsets[at];
    return (struct sl_str){(const char *)vec->bytes + begin,
                           (size_t)(vec->offsets[at + 1] - begin)};
}

static void put_texts(const struct leaf_run *run, const struct sl_vec *vec) {
    uint32_t stride = run->block->layout->key_bytes;
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->at[i] == SL_NO_ROW) continue;
        put_bytes(run, run->cells + (size_t)i * stride, text_at(vec, run->at[i]));
    }
}

/* The buffer moves when it grows: until all is encoded, a far list's address is its place in it. */
static void put_lists(const struct leaf_run *run, const struct sl_vec *vec) {
    struct sl_buf *lists = &run->block->lists;
    uint32_t stride = run->block->layout->key_bytes;
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->at[i] == SL_NO_ROW) continue;
        uint8_t *cell = run->cells + (size_t)i * stride;
        size_t begin = lists->len;
        sl_key_put_nested(lists, vec, run->at[i]);
        put_bytes(run, cell, (struct sl_str){(char *)lists->ptr + begin, lists->len - begin});
        if (code_of(cell, run->leaf) == CODE_FAR)
            set_far(cell + run->block->layout->leaves[run->leaf].offset,
                    (const uint8_t *)(uintptr_t)begin);
        else
            lists->len = begin;
    }
}

static void resolve_lists(struct sl_key_block *block) {
    const struct sl_key_layout *layout = block->layout;
    for (uint32_t leaf = 0; leaf < layout->leaf_count; leaf++) {
        if (!layout->leaves[leaf].wide || sl_type_is_bytes(layout->leaves[leaf].type)) continue;
        for (uint32_t i = 0; i < block->count; i++) {
            uint8_t *cell = block->cells + (size_t)i * layout->key_bytes;
            uint8_t *wide = cell + layout->leaves[leaf].offset;
            if (code_of(cell, leaf) == CODE_FAR) set_far(wide, block->lists.ptr + load64(wide + 8));
        }
    }
}

/* A struct is FLAT all through, see plain_column. */
static void put_column(struct leaf_run *run, const struct sl_vec *vec, const uint32_t *rows,
                       uint32_t begin) {
    const struct sl_key_leaf *leaf = &run->block->layout->leaves[run->leaf];
    if (vec->type->kind == SL_NULL_KIND) {
        run->leaf++;
        return;
    }
    positions(run, vec, rows, begin);
    const struct sl_vec *values = vec->enc == SL_ENC_DICT ? &vec->children[0] : vec;
    if (leaf->type->kind == SL_STRUCT_KIND) {
        for (uint32_t i = 0; i < run->count; i++)
            if (run->at[i] != SL_NO_ROW)
                set_code(run->cells + (size_t)i * run->block->layout->key_bytes, run->leaf,
                         CODE_VALUE);
        run->leaf++;
        for (uint32_t i = 0; i < vec->child_count; i++)
            put_column(run, &vec->children[i], rows, begin);
        return;
    }
    if (!leaf->wide)
        put_fixed(run, values);
    else if (sl_type_is_bytes(leaf->type))
        put_texts(run, values);
    else
        put_lists(run, values);
    run->leaf++;
}

static bool is_flat(const struct sl_vec *vec) {
    if (vec->enc != SL_ENC_FLAT) return false;
    for (uint32_t i = 0; i < vec->child_count; i++)
        if (!is_flat(&vec->children[i])) return false;
    return true;
}

static enum sl_code plain_column(struct sl_key_block *block, uint32_t column,
                                 const struct sl_vec **vec, struct sl_err *err) {
    if (!sl_type_is_nested((*vec)->type) || is_flat(*vec)) return SL_OK;
    SL_TRY(sl_vec_flatten(*vec, &block->flat[column], err));
    *vec = &block->flat[column];
    return SL_OK;
}

static void reserve(struct sl_key_block *block, uint32_t count) {
    if (count > block->cap) {
        block->cells = sl_xrealloc(block->cells, (size_t)count * block->layout->key_bytes);
        block->tags = sl_xrealloc(block->tags, (size_t)count * sizeof *block->tags);
        block->cap = count;
    }
    if (count) memset(block->cells, 0, (size_t)count * block->layout->key_bytes);
    block->count = count;
    sl_buf_clear(&block->lists);
}

enum sl_code sl_key_block_encode(struct sl_key_block *block, const struct sl_vec *const *keys,
                                 const uint32_t *rows, uint32_t count, struct sl_err *err) {
    const struct sl_key_layout *layout = block->layout;
    struct leaf_run run = {.block = block};
    reserve(block, count);
    uint32_t leaf = 0;
    for (uint32_t c = 0; c < layout->column_count; c++) {
        const struct sl_vec *vec = keys[c];
        SL_TRY(plain_column(block, c, &vec, err));
        for (uint32_t begin = 0; begin < count; begin += CHUNK) {
            run.leaf = leaf;
            run.count = count - begin < CHUNK ? count - begin : CHUNK;
            run.cells = block->cells + (size_t)begin * layout->key_bytes;
            put_column(&run, vec, rows, begin);
        }
        leaf += count_leaves(layout->types[c]);
    }
    resolve_lists(block);
    for (uint32_t i = 0; i < count; i++)
        block->tags[i] = sl_key_tag(layout, block->cells + (size_t)i * layout->key_bytes);
    return SL_OK;
}

void sl_key_block_init(struct sl_key_block *block, const struct sl_key_layout *layout) {
    *block = (struct sl_key_block){.layout = layout};
    block->flat = sl_xcalloc(layout->column_count ? layout->column_count : 1, sizeof *block->flat);
    for (uint32_t i = 0; i < layout->column_count; i++)
        sl_vec_init(&block->flat[i], layout->types[i]);
}

void sl_key_block_release(struct sl_key_block *block) {
    if (block->flat)
        for (uint32_t i = 0; i < block->layout->column_count; i++) sl_vec_release(&block->flat[i]);
    free(block->flat);
    free(block->cells);
    free(block->tags);
    sl_buf_release(&block->lists);
    *block = (struct sl_key_block){0};
}

/* ---- decoding ---- */

/* Cells to columns, leaf by leaf. */
struct leaf_reader {
    const struct sl_key_layout *layout;
    const uint8_t *const *cells;
    uint32_t count, leaf;
};

static enum sl_code read_nulls(const struct leaf_reader *reader, struct sl_vec *out,
                               struct sl_err *err) {
    bool any = false;
    for (uint32_t i = 0; i < reader->count && !any; i++)
        any = code_of(reader->cells[i], reader->leaf) == CODE_NULL;
    if (!any && !out->valid) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, out->rows + reader->count, err));
    for (uint32_t i = 0; i < reader->count; i++)
        sl_bit_put(out->valid, out->rows + i, code_of(reader->cells[i], reader->leaf) != CODE_NULL);
    return SL_OK;
}

static void read_fixed(const struct leaf_reader *reader, struct sl_vec *out) {
    uint32_t offset = reader->layout->leaves[reader->leaf].offset, to = out->rows;
    uint32_t width = fixed_width(out->type);
    char *data = (char *)out->data + (size_t)to * width;
    if (out->type->kind == SL_BOOL_KIND)
        for (uint32_t i = 0; i < reader->count; i++)
            sl_bit_put(out->bits, to + i, reader->cells[i][offset]);
    else if (width == 8)
        for (uint32_t i = 0; i < reader->count; i++)
            memcpy(data + (size_t)i * 8, reader->cells[i] + offset, 8);
    else
        for (uint32_t i = 0; i < reader->count; i++)
            memcpy(data + (size_t)i * width, reader->cells[i] + offset, width);
}

/* The bytes of a text leaf; a UUID is written to `uuid`. */
static struct sl_str read_bytes(const struct leaf_reader *reader, uint32_t i, char *uuid) {
    const uint8_t *cell = reader->cells[i];
    const uint8_t *wide = cell + reader->layout->leaves[reader->leaf].offset;
    switch (code_of(cell, reader->leaf)) {
    case CODE_NULL:
        return (struct sl_str){"", 0};
    case CODE_VALUE:
        return (struct sl_str){(const char *)wide + 1, wide[0]};
    case CODE_UUID:
        unpack_uuid(wide, uuid);
        return (struct sl_str){uuid, UUID_LEN};
    default:
        return (struct sl_str){(const char *)far_ptr(wide), load32(wide)};
    }
}

static size_t texts_len(const struct leaf_reader *reader) {
    uint32_t offset = reader->layout->leaves[reader->leaf].offset;
    size_t len = 0;
    for (uint32_t i = 0; i < reader->count; i++) {
        const uint8_t *cell = reader->cells[i];
        unsigned code = code_of(cell, reader->leaf);
        len += code == CODE_NULL    ? 0
               : code == CODE_VALUE ? cell[offset]
               : code == CODE_UUID  ? UUID_LEN
                                    : load32(cell + offset);
    }
    return len;
}

static enum sl_code read_texts(const struct leaf_reader *reader, struct sl_vec *out,
                               struct sl_err *err) {
    char uuid[UUID_LEN];
    size_t end = (size_t)out->offsets[out->rows];
    SL_TRY(sl_vec_reserve_bytes(out, end + texts_len(reader), err));
    for (uint32_t i = 0; i < reader->count; i++) {
        struct sl_str text = read_bytes(reader, i, uuid);
        if (text.len) memcpy(out->bytes + end, text.ptr, text.len);
        end += text.len;
        out->offsets[out->rows + i + 1] = (int32_t)end;
    }
    return SL_OK;
}

static enum sl_code read_lists(const struct leaf_reader *reader, struct sl_vec *out,
                               struct sl_err *err) {
    for (uint32_t i = 0; i < reader->count; i++) {
        struct sl_str bytes = read_bytes(reader, i, NULL);
        if (code_of(reader->cells[i], reader->leaf) == CODE_NULL)
            SL_TRY(sl_vec_append_null(out, 1, err));
        else
            SL_TRY(sl_key_get_nested((const uint8_t *)bytes.ptr, out, err));
    }
    return SL_OK;
}

static enum sl_code read_column(struct leaf_reader *reader, struct sl_vec *out,
                                struct sl_err *err) {
    const struct sl_key_leaf *leaf = &reader->layout->leaves[reader->leaf];
    SL_TRY(sl_vec_reserve(out, out->rows + reader->count, err));
    if (leaf->wide && !sl_type_is_bytes(leaf->type)) {
        SL_TRY(read_lists(reader, out, err));
        reader->leaf++;
        return SL_OK;
    }
    if (leaf->type->kind == SL_NULL_KIND) {
        reader->leaf++;
        out->rows += reader->count;
        return SL_OK;
    }
    SL_TRY(read_nulls(reader, out, err));
    if (leaf->wide) SL_TRY(read_texts(reader, out, err));
    if (!leaf->wide && leaf->type->kind != SL_STRUCT_KIND) read_fixed(reader, out);
    reader->leaf++;
    if (leaf->type->kind == SL_STRUCT_KIND)
        for (uint32_t i = 0; i < out->child_count; i++)
            SL_TRY(read_column(reader, &out->children[i], err));
    out->rows += reader->count;
    return SL_OK;
}

enum sl_code sl_key_append(const struct sl_key_layout *layout, const uint8_t *const *cells,
                           uint32_t count, struct sl_vec *out, struct sl_err *err) {
    struct leaf_reader reader = {.layout = layout, .cells = cells, .count = count};
    for (uint32_t c = 0; c < layout->column_count; c++) SL_TRY(read_column(&reader, &out[c], err));
    return SL_OK;
}
