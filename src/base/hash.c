#include "base/hash.h"

#include <string.h>
#include <sys/random.h>
#include <xxhash.h>
#include <zlib.h>

#include "base/clock.h"

uint64_t sl_xxh64(const void *bytes, size_t len, uint64_t seed) { return XXH64(bytes, len, seed); }

uint32_t sl_xxh32(const void *bytes, size_t len, uint32_t seed) { return XXH32(bytes, len, seed); }

uint64_t sl_xxh64_int(int32_t value, uint64_t seed) { return XXH64(&value, sizeof value, seed); }

uint64_t sl_xxh64_long(int64_t value, uint64_t seed) { return XXH64(&value, sizeof value, seed); }

static uint32_t rotate_left(uint32_t value, int bits) {
    return (value << bits) | (value >> (32 - bits));
}

static uint32_t mix_key(uint32_t k) { return rotate_left(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

static uint32_t mix_hash(uint32_t h, uint32_t k) {
    return rotate_left(h ^ k, 13) * 5 + 0xe6546b64u;
}

static int32_t finish(uint32_t h, uint32_t len) {
    h ^= len;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    h ^= h >> 16;
    return (int32_t)h;
}

int32_t sl_murmur3_bytes(const void *bytes, size_t len, int32_t seed) {
    const unsigned char *at = bytes;
    uint32_t h = (uint32_t)seed;
    size_t whole = len & ~(size_t)3;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t word;
        memcpy(&word, at + i, 4);
        h = mix_hash(h, mix_key(word));
    }
    for (size_t i = whole; i < len; i++)
        h = mix_hash(h, mix_key((uint32_t)(int32_t)(signed char)at[i]));
    return finish(h, (uint32_t)len);
}

int32_t sl_murmur3_int(int32_t value, int32_t seed) {
    return finish(mix_hash((uint32_t)seed, mix_key((uint32_t)value)), 4);
}

int32_t sl_murmur3_long(int64_t value, int32_t seed) {
    uint32_t h = mix_hash((uint32_t)seed, mix_key((uint32_t)value));
    h = mix_hash(h, mix_key((uint32_t)((uint64_t)value >> 32)));
    return finish(h, 8);
}

uint32_t sl_crc32(uint32_t crc, const void *bytes, size_t len) {
    return (uint32_t)crc32_z(crc, bytes, len);
}

void sl_uuid_format(char *to, uint64_t high, uint64_t low) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
}

void sl_random_system(uint64_t *high, uint64_t *low) {
    uint64_t both[2];
    if (getrandom(both, sizeof both, 0) != (ssize_t)sizeof both) {
        uint64_t state = (uint64_t)sl_clock_wall_us() ^ (uint64_t)sl_clock_mono_ns() << 20;
        both[0] = sl_random_next(&state);
        both[1] = sl_random_next(&state);
    }
    *high = both[0];
    *low = both[1];
}
