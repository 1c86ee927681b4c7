#include "fmt/parquet/parquet_dict.h"

#include <stdlib.h>

#include "base/arena.h"

#define SL_INLINE static inline __attribute__((always_inline))

/* GROUP lookups of a dictionary past LARGE entries go together: all their slots are asked for
 * before the first is looked at, so that the cache misses overlap. */
enum { SLOTS_FIRST = 512, SLOTS_SPARSE = 8192, PROBES_MAX = 96, GROUP = 16, LARGE = 2048 };

enum { SHORT_MAX = 15 };
static const uint64_t long_mark = UINT64_C(0xFF) << 56; /* no short key has that length */

static const uint64_t mix_a = UINT64_C(0xA0761D6478BD642F), mix_b = UINT64_C(0xE7037ED1A0B428DB);

/* Multiply and fold: every input bit reaches the low bits, which doubles with few set bits need. */
SL_INLINE uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

SL_INLINE uint64_t load_u64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}
SL_INLINE uint32_t load_u32(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

void sl_dict_init(struct sl_dict *dict, uint32_t width, size_t limit_bytes) {
    *dict = (struct sl_dict){.width = width, .limit_bytes = limit_bytes};
}

void sl_dict_release(struct sl_dict *dict) {
    sl_buf_release(&dict->plain);
    free(dict->entries);
    free(dict->slots);
    sl_dict_init(dict, dict->width, dict->limit_bytes);
}

static size_t slots_bytes(const struct sl_dict *dict) {
    return dict->slots ? ((size_t)dict->mask + 1) * sizeof *dict->slots : 0;
}

void sl_dict_clear(struct sl_dict *dict) {
    if (dict->count) memset(dict->slots, 0, slots_bytes(dict));
    sl_buf_clear(&dict->plain);
    dict->count = 0;
}

size_t sl_dict_memory(const struct sl_dict *dict) {
    return dict->plain.cap + slots_bytes(dict) + dict->entry_cap * sizeof *dict->entries;
}

static __attribute__((noinline)) void grow_slots(struct sl_dict *dict) {
    uint32_t old_count = dict->slots ? dict->mask + 1 : 0;
    uint32_t count = old_count ? old_count * 2 : SLOTS_FIRST;
    struct sl_dict_slot *slots = sl_xcalloc(count, sizeof *slots);
    dict->mask = count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        if (!dict->slots[i].code) continue;
        uint32_t at = dict->slots[i].hash & dict->mask;
        while (slots[at].code) at = (at + 1) & dict->mask;
        slots[at] = dict->slots[i];
    }
    free(dict->slots);
    dict->slots = slots;
}

/* Room for one more entry, before any slot is looked at.  Small tables are kept sparse, so that the
 * first slot answers (and the branch on it is foreseen); large ones at one half, to stay in cache.
 */
SL_INLINE void make_room(struct sl_dict *dict) {
    uint32_t spare = dict->mask < SLOTS_SPARSE ? 8 : 2;
    if (__builtin_expect(!dict->slots || dict->count * spare > dict->mask, 0)) grow_slots(dict);
}

/* ---- keys ---- */

struct key {
    uint64_t low, high;
    const uint8_t *ptr;
    uint32_t len, hash;
};

/* Up to 7 bytes, without reading outside the value. */
SL_INLINE uint64_t load_few(const uint8_t *at, uint32_t len) {
    if (len >= 4) return load_u32(at) | (uint64_t)load_u32(at + len - 4) << (8 * (len - 4));
    if (!len) return 0;
    return at[0] | (uint64_t)at[len / 2] << (8 * (len / 2)) |
           (uint64_t)at[len - 1] << (8 * (len - 1));
}

static const uint8_t ones[24] = {[8 ... 15] = 0xFF};

/* A string of up to 15 bytes; with `room` 16 bytes may be read whatever the length, which spares
 * the branches on it. */
SL_INLINE void short_key(struct key *key, const bool room) {
    const uint8_t *at = key->ptr;
    uint32_t len = key->len;
    if (room) {
        /* eight bytes of ones, ending where the value's first and second word end */
        key->low = load_u64(at) & load_u64(ones + 8 + (len < 8 ? 8 - len : 0));
        key->high = load_u64(at + 8) & load_u64(ones + 8 + (len < 8 ? 8 : 16 - len));
    } else if (len >= 8) {
        key->low = load_u64(at);
        key->high = len == 8 ? 0 : load_u64(at + len - 8) >> (8 * (16 - len));
    } else {
        key->low = load_few(at, len);
        key->high = 0;
    }
    key->high |= (uint64_t)len << 56;
}

static __attribute__((noinline)) void long_key(struct key *key) {
    const uint8_t *at = key->ptr;
    uint64_t len = key->len, a = mix_a ^ len, b = mix_b;
    for (uint64_t i = 0; i + 16 <= len; i += 16) {
        a = fold(a ^ load_u64(at + i), mix_b ^ load_u64(at + i + 8));
        b = b * 31 + a;
    }
    key->low = fold(a ^ load_u64(at + len - 16), mix_a ^ load_u64(at + len - 8));
    key->high = (b + key->low) | long_mark;
}

/* Where values come from; `kind` is a constant wherever it is asked for. */
enum kind { WORDS_4, WORDS_8, FIXED, FLAT, VIEWS };
struct source {
    const uint8_t *bytes, *room_end; /* values; FLAT: 16 bytes can be read before room_end */
    uint32_t width;
    const int32_t *offsets;
    const struct sl_str *views;
    const uint32_t *pos;
    uint32_t begin;
};

SL_INLINE void string_key(const struct source *source, struct key *key, const enum kind kind) {
    if (__builtin_expect(key->len > SHORT_MAX, 0)) {
        long_key(key);
    } else if (kind == FLAT && __builtin_expect(key->ptr <= source->room_end, 1)) {
        short_key(key, true);
    } else {
        short_key(key, false);
    }
}

SL_INLINE void make_key(const struct source *source, uint32_t i, struct key *key,
                        const enum kind kind) {
    uint32_t row = kind < FLAT ? i : source->pos ? source->pos[i] : source->begin + i;
    key->high = 0;
    if (kind == WORDS_4) {
        key->low = load_u32(source->bytes + (size_t)row * 4);
    } else if (kind == WORDS_8) {
        key->low = load_u64(source->bytes + (size_t)row * 8);
    } else if (kind == FIXED) {
        key->ptr = source->bytes + (size_t)row * source->width;
        key->len = source->width;
        key->low = load_u64(key->ptr);
        key->high = load_u64(key->ptr + source->width - 8);
    } else if (kind == FLAT) {
        int32_t at = source->offsets[row];
        key->ptr = source->bytes + at;
        key->len = (uint32_t)(source->offsets[row + 1] - at);
        string_key(source, key, kind);
    } else {
        key->ptr = (const uint8_t *)source->views[row].ptr;
        key->len = (uint32_t)source->views[row].len;
        string_key(source, key, kind);
    }
    uint64_t hash = fold(key->low ^ mix_a, key->high ^ mix_b);
    key->hash = (uint32_t)(hash ^ hash >> 32);
}

/* ---- lookup ---- */

static struct sl_dict_entry *next_entry(struct sl_dict *dict) {
    if (dict->count == dict->entry_cap) {
        dict->entry_cap = dict->entry_cap ? dict->entry_cap * 2 : 64;
        dict->entries = sl_xrealloc(dict->entries, dict->entry_cap * sizeof *dict->entries);
    }
    return &dict->entries[dict->count];
}

SL_INLINE bool insert(struct sl_dict *dict, const struct key *key, uint32_t slot,
                      const enum kind kind) {
    size_t len = kind == WORDS_4 ? 4 : kind == WORDS_8 ? 8 : key->len;
    size_t more = len + (kind >= FLAT ? 4 : 0);
    if (dict->count == SL_DICT_ENTRIES_MAX || more > dict->limit_bytes ||
        dict->plain.len > dict->limit_bytes - more)
        return false;
    if (kind >= FLAT) {
        struct sl_dict_entry *entry = next_entry(dict);
        sl_buf_put_u32le(&dict->plain, key->len);
        *entry = (struct sl_dict_entry){(uint32_t)dict->plain.len, key->len};
    }
    /* numbers are little-endian, as PLAIN wants them */
    sl_buf_put(&dict->plain, kind <= WORDS_8 ? (const void *)&key->low : key->ptr, len);
    dict->slots[slot] = (struct sl_dict_slot){key->low, key->high, ++dict->count, key->hash};
    return true;
}

SL_INLINE bool is_confirmed(const struct sl_dict *dict, const struct key *key, uint32_t code,
                            const enum kind kind) {
    if (kind < FLAT || key->len <= SHORT_MAX) return true;
    struct sl_str found = sl_dict_str(dict, code);
    return found.len == key->len && memcmp(found.ptr, key->ptr, key->len) == 0;
}

static bool probe(struct sl_dict *dict, const struct key *key, uint32_t *code,
                  const enum kind kind) {
    make_room(dict);
    uint32_t mask = dict->mask, at = key->hash & mask;
    for (uint32_t probes = 0; probes < PROBES_MAX; probes++, at = (at + 1) & mask) {
        const struct sl_dict_slot *slot = &dict->slots[at];
        if (!slot->code) {
            *code = dict->count;
            return insert(dict, key, at, kind);
        }
        if (slot->low != key->low || slot->high != key->high) continue;
        *code = slot->code - 1;
        if (is_confirmed(dict, key, *code, kind)) return true;
    }
    return false;
}

/* The first slot nearly always answers; everything else happens out of line, so that the loops
 * around this keep their state in registers. */
SL_INLINE bool put(struct sl_dict *dict, const struct key *key, uint32_t *code,
                   const enum kind kind) {
    const struct sl_dict_slot *slot = &dict->slots[key->hash & dict->mask];
    *code = slot->code - 1;
    if (__builtin_expect(((slot->low ^ key->low) | (slot->high ^ key->high)) == 0 && slot->code,
                         1) &&
        is_confirmed(dict, key, *code, kind))
        return true;
    struct key copy = *key;
    uint32_t found;
    bool taken = probe(dict, &copy, &found, kind);
    *code = found;
    return taken;
}

/* Separate from the loop below: one key at a time stays in registers. */
SL_INLINE uint32_t put_few(struct sl_dict *dict, const struct source *source, uint32_t count,
                           uint32_t *codes, const enum kind kind) {
    for (uint32_t i = 0; i < count; i++) {
        struct key key;
        make_key(source, i, &key, kind);
        if (!put(dict, &key, &codes[i], kind)) return i;
    }
    return count;
}

SL_INLINE uint32_t put_many(struct sl_dict *dict, const struct source *source, uint32_t count,
                            uint32_t *codes, const enum kind kind) {
    struct key keys[GROUP];
    for (uint32_t i = 0; i < count;) {
        uint32_t group = count - i < GROUP ? count - i : GROUP;
        for (uint32_t k = 0; k < group; k++) {
            make_key(source, i + k, &keys[k], kind);
            __builtin_prefetch(&dict->slots[keys[k].hash & dict->mask]);
        }
        for (uint32_t k = 0; k < group; k++, i++)
            if (!put(dict, &keys[k], &codes[i], kind)) return i;
    }
    return count;
}

SL_INLINE uint32_t put_all(struct sl_dict *dict, const struct source *source, uint32_t count,
                           uint32_t *codes, const enum kind kind) {
    make_room(dict);
    const struct source local = *source;
    return dict->count > LARGE ? put_many(dict, &local, count, codes, kind)
                               : put_few(dict, &local, count, codes, kind);
}

uint32_t sl_dict_put_u32(struct sl_dict *dict, const void *values, uint32_t count,
                         uint32_t *codes) {
    const struct source source = {.bytes = values};
    return put_all(dict, &source, count, codes, WORDS_4);
}

uint32_t sl_dict_put_u64(struct sl_dict *dict, const void *values, uint32_t count,
                         uint32_t *codes) {
    const struct source source = {.bytes = values};
    return put_all(dict, &source, count, codes, WORDS_8);
}

uint32_t sl_dict_put_fixed(struct sl_dict *dict, const uint8_t *values, uint32_t count,
                           uint32_t *codes) {
    const struct source source = {.bytes = values, .width = dict->width};
    return put_all(dict, &source, count, codes, FIXED);
}

uint32_t sl_dict_put_flat(struct sl_dict *dict, const int32_t *offsets, const uint8_t *bytes,
                          uint32_t rows, const uint32_t *pos, uint32_t begin, uint32_t count,
                          uint32_t *codes) {
    if (!bytes) bytes = (const uint8_t *)""; /* all empty: the offsets are 0 */
    int32_t total = offsets[rows];
    /* with less than 16 bytes in all no value has room: one before the first */
    const uint8_t *room_end = total >= 16 ? bytes + total - 16 : NULL;
    const struct source source = {
        .bytes = bytes, .room_end = room_end, .offsets = offsets, .pos = pos, .begin = begin};
    return put_all(dict, &source, count, codes, FLAT);
}

uint32_t sl_dict_put_views(struct sl_dict *dict, const struct sl_str *views, const uint32_t *pos,
                           uint32_t begin, uint32_t count, uint32_t *codes) {
    const struct source source = {.views = views, .pos = pos, .begin = begin};
    return put_all(dict, &source, count, codes, VIEWS);
}
