/* The dictionary of one column chunk: distinct values in order of first sight, kept as the body of
 * the dictionary page (PLAIN), found through open addressing.
 *
 * A slot holds a 16-byte key beside its code, so that a lookup costs one cache line: numbers are
 * their own key, strings of up to 15 bytes are the key with their length in its last byte, longer
 * ones are two hashes, confirmed by comparing bytes.  A value whose insertion would pass a limit,
 * or whose probe sequence is absurdly long (made collisions), is not taken: the caller then leaves
 * dictionary encoding.  Owner: one thread.
 */
#ifndef SL_FMT_PARQUET_DICT_H
#define SL_FMT_PARQUET_DICT_H

#include <stdbool.h>

#include "base/buf.h"

/* Codes of up to 16 bits: more entries cost more in cache misses than they save in pages. */
enum { SL_DICT_ENTRIES_MAX = 1 << 16 };

struct sl_dict_slot {
    uint64_t low, high;
    uint32_t code; /* + 1; 0 = free */
    uint32_t hash;
};

struct sl_dict_entry {
    uint32_t begin, len; /* of the value's bytes in `plain` */
};

struct sl_dict {
    uint32_t width; /* fixed width in bytes (4, 8, or FIXED_LEN's); 0 = BYTE_ARRAY */
    size_t limit_bytes;
    struct sl_buf plain;           /* dictionary page body */
    struct sl_dict_entry *entries; /* by code; BYTE_ARRAY only */
    struct sl_dict_slot *slots;
    uint32_t mask, count, entry_cap;
};

void sl_dict_init(struct sl_dict *dict, uint32_t width, size_t limit_bytes);
void sl_dict_release(struct sl_dict *dict);
void sl_dict_clear(struct sl_dict *dict); /* storage stays */
size_t sl_dict_memory(const struct sl_dict *dict);

/* Look up or insert `count` values and write their codes; return how many were taken, less than
 * count when the dictionary is full. */
uint32_t sl_dict_put_u32(struct sl_dict *dict, const void *values, uint32_t count, uint32_t *codes);
uint32_t sl_dict_put_u64(struct sl_dict *dict, const void *values, uint32_t count, uint32_t *codes);
/* width bytes each, packed: for FIXED_LEN_BYTE_ARRAY of 9..16 bytes */
uint32_t sl_dict_put_fixed(struct sl_dict *dict, const uint8_t *values, uint32_t count,
                           uint32_t *codes);
/* Rows pos[0..count), or begin.. when pos is NULL, of a column of `rows` rows. */
uint32_t sl_dict_put_flat(struct sl_dict *dict, const int32_t *offsets, const uint8_t *bytes,
                          uint32_t rows, const uint32_t *pos, uint32_t begin, uint32_t count,
                          uint32_t *codes);
uint32_t sl_dict_put_views(struct sl_dict *dict, const struct sl_str *views, const uint32_t *pos,
                           uint32_t begin, uint32_t count, uint32_t *codes);

/* The bytes of a BYTE_ARRAY entry. */
static inline struct sl_str sl_dict_str(const struct sl_dict *dict, uint32_t code) {
    const struct sl_dict_entry *entry = &dict->entries[code];
    return (struct sl_str){(const char *)dict->plain.ptr + entry->begin, entry->len};
}

#endif
