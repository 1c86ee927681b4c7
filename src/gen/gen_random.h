/* Random numbers: xoshiro256** (public domain, Blackman and Vigna), seeded by splitmix64.  The same
 * seed gives the same records on every machine. */
#ifndef SL_GEN_RANDOM_H
#define SL_GEN_RANDOM_H

#include <stdint.h>

struct sl_gen_random {
    uint64_t s[4];
};

static inline void sl_gen_random_seed(struct sl_gen_random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        random->s[i] = z ^ (z >> 31);
    }
}
static inline uint64_t sl_gen_rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }
static inline uint64_t sl_gen_random_next(struct sl_gen_random *random) {
    uint64_t *s = random->s, result = sl_gen_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = sl_gen_rotate(s[3], 45);
    return result;
}
/* 0 .. bound - 1 */
static inline uint32_t sl_gen_random_below(struct sl_gen_random *random, uint32_t bound) {
    return (uint32_t)((sl_gen_random_next(random) >> 32) * bound >> 32);
}
/* True with the probability. */
static inline int sl_gen_random_chance(struct sl_gen_random *random, double probability) {
    return probability > 0 && (double)(sl_gen_random_next(random) >> 11) * 0x1p-53 < probability;
}

#endif
