/* Hashes and checksums that formats and Spark's partitioning prescribe. Pure, thread-safe. */
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 as xxhash defines it (Parquet bloom filters, offsets hash, Spark's xxhash64 over bytes). */
uint64_t sl_xxh64(const void *bytes, size_t len, uint64_t seed);
/* XXH32, as lz4-java's blocks are summed. */
uint32_t sl_xxh32(const void *bytes, size_t len, uint32_t seed);
/* Spark's XXH64.hashInt / hashLong (XXH64 of the 4 or 8 little-endian bytes). */
uint64_t sl_xxh64_int(int32_t value, uint64_t seed);
uint64_t sl_xxh64_long(int64_t value, uint64_t seed);

/* Spark's Murmur3_x86_32: hashUnsafeBytes (its own tail rule: each tail byte is mixed as a signed
 * int), hashInt, hashLong. Source: common/unsafe Murmur3_x86_32.java. */
int32_t sl_murmur3_bytes(const void *bytes, size_t len, int32_t seed);
int32_t sl_murmur3_int(int32_t value, int32_t seed);
int32_t sl_murmur3_long(int64_t value, int32_t seed);

uint32_t sl_crc32(uint32_t crc, const void *bytes, size_t len); /* zlib's CRC-32; start with 0 */

/* splitmix64: next value of a tiny seeded generator, for reproducible test and generator data. */
static inline uint64_t sl_random_next(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
/* 36-character version 4 UUID text (no NUL) from 16 random bytes of two generator values. */
void sl_uuid_format(char *to /*36*/, uint64_t high, uint64_t low);
/* 16 bytes from the system's generator. */
void sl_random_system(uint64_t *high, uint64_t *low);

#endif
