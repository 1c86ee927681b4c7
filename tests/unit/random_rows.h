/* Random columns of any type from a seed: small domains, so that values repeat; floats with both
 * zeros and several NaN, texts of all the lengths that encodings treat differently. */
#ifndef RANDOM_ROWS_H
#define RANDOM_ROWS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "unit.h"

#include "col/batch.h"

struct random_rows {
    uint64_t state;
    uint32_t domain; /* how many different values of a simple type */
    bool nulls;
    struct sl_err err;
};

static inline struct random_rows random_rows_from(uint64_t fallback) {
    const char *seed = getenv("SLUICE_TEST_SEED");
    struct random_rows random = {.domain = 5, .nulls = true};
    random.state = seed ? strtoull(seed, NULL, 10) : fallback;
    if (seed) printf("seed %llu\n", (unsigned long long)random.state);
    return random;
}

static inline uint32_t random_pick(struct random_rows *random, uint32_t bound) {
    return (uint32_t)(sl_random_next(&random->state) >> 33) % bound;
}

static inline void random_must(struct random_rows *random, enum sl_code code) {
    if (code != SL_OK) fail_msg("%s", random->err.msg);
}

static inline struct sl_str random_text(struct random_rows *random, char *to, size_t cap) {
    static const char *const texts[] = {
        "",
        "a",
        "fifteen bytes..",
        "sixteen bytes...",
        "123e4567-e89b-42d3-a456-426614174000",
        "123E4567-e89b-42d3-a456-426614174000",
        "123e4567-e89b-42d3-a456-42661417400g",
        "123e4567+e89b-42d3-a456-426614174000",
        "a text that is a good deal longer than what fits into a cell of sixteen bytes"};
    uint32_t kind = random_pick(random, random->domain);
    if (kind < sizeof texts / sizeof *texts) return sl_str(texts[kind]);
    if (kind % 3 == 0) {
        uint64_t state = kind;
        sl_uuid_format(to, sl_random_next(&state), sl_random_next(&state));
        return (struct sl_str){to, 36};
    }
    int len = snprintf(to, cap, "%u%s", kind, kind % 3 == 1 ? " and some more bytes behind" : "");
    return (struct sl_str){to, (size_t)len};
}

static inline double random_double(struct random_rows *random) {
    static const double values[] = {0.0, -0.0, NAN, -NAN, INFINITY, -1.5};
    uint32_t kind = random_pick(random, random->domain + 4);
    return kind < 6 ? values[kind] : kind * 0.25;
}

static inline void random_put(struct random_rows *random, struct sl_vec *vec);

static inline void random_end_row(struct random_rows *random, struct sl_vec *vec) {
    if (vec->valid) {
        random_must(random, sl_vec_reserve_valid(vec, vec->rows + 1, &random->err));
        sl_bit_set(vec->valid, vec->rows);
    }
    vec->rows++;
}

/* Keys of a map are not null and stand once, as Spark demands. */
static inline void random_put_map(struct random_rows *random, struct sl_vec *vec) {
    struct sl_vec *keys = &vec->children[0];
    uint32_t first = keys->rows;
    bool nulls = random->nulls;
    random->nulls = false;
    for (uint32_t count = random_pick(random, 3); count; count--) random_put(random, keys);
    random->nulls = nulls;
    if (keys->rows == first + 2 && sl_vec_rows_equal(keys, first, keys, first + 1)) {
        keys->rows--;
    }
    for (uint32_t i = first; i < keys->rows; i++) random_put(random, &vec->children[1]);
    vec->offsets[vec->rows + 1] = (int32_t)keys->rows;
    random_end_row(random, vec);
}

static inline void random_put_nested(struct random_rows *random, struct sl_vec *vec) {
    random_must(random, sl_vec_reserve(vec, vec->rows + 1, &random->err));
    if (vec->type->kind == SL_MAP_KIND) {
        random_put_map(random, vec);
        return;
    }
    if (vec->type->kind == SL_ARRAY_KIND) {
        for (uint32_t count = random_pick(random, 4); count; count--)
            random_put(random, &vec->children[0]);
        vec->offsets[vec->rows + 1] = (int32_t)vec->children[0].rows;
    } else {
        for (uint32_t i = 0; i < vec->child_count; i++) random_put(random, &vec->children[i]);
    }
    random_end_row(random, vec);
}

static inline void random_put(struct random_rows *random, struct sl_vec *vec) {
    char text[64];
    if (vec->type->kind == SL_NULL_KIND || (random->nulls && random_pick(random, 5) == 0)) {
        random_must(random, sl_vec_append_null(vec, 1, &random->err));
    } else if (sl_type_is_nested(vec->type)) {
        random_put_nested(random, vec);
    } else if (sl_type_is_bytes(vec->type)) {
        struct sl_str str = random_text(random, text, sizeof text);
        random_must(random, sl_vec_put_str(vec, str, &random->err));
    } else if (sl_type_is_float(vec->type)) {
        random_must(random, sl_vec_put_f64(vec, random_double(random), &random->err));
    } else {
        int64_t value = random_pick(random, random->domain);
        random_must(random,
                    sl_vec_put_i64(vec, random_pick(random, 4) ? value : -value, &random->err));
    }
}

/* Rows in a random encoding that the type may have. */
static inline void random_column(struct random_rows *random, struct sl_vec *vec, uint32_t rows) {
    uint32_t enc = random_pick(random, 6);
    random_must(random, sl_vec_reserve(vec, 0, &random->err));
    if (enc == 0 && rows) {
        random_put(random, vec);
        vec->enc = SL_ENC_CONST;
        vec->rows = rows;
        return;
    }
    if (enc == 1 && !sl_type_is_nested(vec->type)) {
        bool nulls = random->nulls;
        sl_vec_clear(vec);
        random_must(random, sl_vec_reserve_dict(vec, rows, &random->err));
        random->nulls = false;
        for (uint32_t i = 0; i < 4; i++) random_put(random, &vec->children[0]);
        random->nulls = nulls;
        for (uint32_t i = 0; i < rows; i++) vec->codes[i] = (int32_t)random_pick(random, 4);
        if (nulls) {
            random_must(random, sl_vec_reserve_valid(vec, rows, &random->err));
            for (uint32_t i = 0; i < rows; i++)
                sl_bit_put(vec->valid, i, random_pick(random, 4) != 0);
        }
        vec->rows = rows;
        return;
    }
    for (uint32_t i = 0; i < rows; i++) random_put(random, vec);
}

#endif
