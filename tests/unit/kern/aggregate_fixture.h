/* Calls of aggregates without SQL: arguments are random columns in every encoding an accumulator
 * may meet, rows go to random groups. */
#ifndef AGGREGATE_FIXTURE_H
#define AGGREGATE_FIXTURE_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kern/aggregate.h"
#include "kern/order.h"

enum { ROWS_MAX = 600, GROUPS_MAX = 40, BUFFERS_MAX = 64 };

struct fixture {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_err err;
    uint64_t seed;
};

static inline void fixture_init(struct fixture *f, uint64_t seed) {
    const char *given = getenv("SLUICE_TEST_SEED");
    *f = (struct fixture){.session = {.ansi = true, .time_zone = SL_STR("UTC")},
                          .seed = given ? strtoull(given, NULL, 10) : seed};
    sl_arena_init(&f->arena, "test");
}
static inline void fixture_release(struct fixture *f) { sl_arena_release(&f->arena); }
static inline uint32_t random_below(struct fixture *f, uint32_t limit) {
    return (uint32_t)(sl_random_next(&f->seed) % limit);
}

static inline const struct sl_type *type_of(struct fixture *f, const char *ddl) {
    const struct sl_type *type = NULL;
    if (strcmp(ddl, "void") == 0) return &sl_type_null;
    assert_int_equal(sl_type_parse(&f->arena, sl_str(ddl), &type, &f->err), SL_OK);
    return type;
}

/* ---- random columns ---- */

static inline void put_random(struct fixture *f, struct sl_vec *out, uint32_t range);

static inline void put_random_nested(struct fixture *f, struct sl_vec *out, uint32_t range) {
    struct sl_err *err = &f->err;
    assert_int_equal(sl_vec_reserve(out, out->rows + 1, err), SL_OK);
    if (out->valid) {
        assert_int_equal(sl_vec_reserve_valid(out, out->rows + 1, err), SL_OK);
        sl_bit_set(out->valid, out->rows);
    }
    uint32_t items = out->type->kind == SL_STRUCT_KIND ? 1 : random_below(f, 3);
    for (uint32_t i = 0; i < items; i++)
        for (uint32_t c = 0; c < out->child_count; c++)
            if (random_below(f, 5) == 0)
                assert_int_equal(sl_vec_append_null(&out->children[c], 1, err), SL_OK);
            else
                put_random(f, &out->children[c], range);
    if (out->type->kind != SL_STRUCT_KIND)
        out->offsets[out->rows + 1] = (int32_t)out->children[0].rows;
    out->rows++;
}

/* One value of a small range, so that values repeat. */
static inline void put_random(struct fixture *f, struct sl_vec *out, uint32_t range) {
    static const double odd[] = {-0.0, 0.0, INFINITY, NAN};
    int64_t number = (int64_t)random_below(f, range) - range / 4;
    enum sl_code code = SL_OK;
    if (sl_type_is_nested(out->type))
        put_random_nested(f, out, range);
    else if (sl_type_is_bytes(out->type)) {
        char text[120];
        uint32_t len = random_below(f, 4) ? random_below(f, 6) : random_below(f, 100);
        for (uint32_t i = 0; i < len; i++) text[i] = (char)('a' + random_below(f, 3));
        code = sl_vec_put_str(out, (struct sl_str){text, len}, &f->err);
    } else if (sl_type_is_float(out->type))
        code = sl_vec_put_f64(
            out, random_below(f, 40) ? (double)number / 8 : odd[random_below(f, 4)], &f->err);
    else if (out->type->kind == SL_DECIMAL_KIND)
        code = sl_vec_put_i128(out, number, &f->err);
    else
        code = sl_vec_put_i64(out, out->type->kind == SL_BOOL_KIND ? number & 1 : number, &f->err);
    assert_int_equal(code, SL_OK);
}

/* Strings as views or with a dictionary. */
static inline void encode_strings(struct fixture *f, struct sl_vec *vec) {
    struct sl_vec *copy = SL_NEW(&f->arena, struct sl_vec);
    *copy = *vec;
    sl_vec_init(vec, copy->type);
    sl_arena_on_reset(&f->arena, (void (*)(void *))sl_vec_release, copy);
    if (random_below(f, 2)) {
        vec->views = SL_NEW_ARRAY(&f->arena, struct sl_str, copy->rows + 1);
        for (uint32_t i = 0; i < copy->rows; i++) vec->views[i] = sl_vec_str(copy, i);
        vec->enc = SL_ENC_VIEW;
    } else {
        uint32_t *all = SL_NEW_ARRAY(&f->arena, uint32_t, copy->rows + 1);
        for (uint32_t i = 0; i < copy->rows; i++) all[i] = i;
        assert_int_equal(sl_vec_reserve_dict(vec, copy->rows, &f->err), SL_OK);
        sl_vec_borrow(&vec->children[0], copy);
        vec->children[0].valid = NULL;
        memcpy(vec->codes, all, copy->rows * sizeof *all);
    }
    vec->rows = copy->rows;
    vec->valid = copy->valid;
}

static inline struct sl_vec *random_column(struct fixture *f, const struct sl_type *type,
                                           uint32_t rows, uint32_t range) {
    struct sl_vec *vec = SL_NEW(&f->arena, struct sl_vec);
    sl_vec_init(vec, type);
    sl_arena_on_reset(&f->arena, (void (*)(void *))sl_vec_release, vec);
    bool constant = random_below(f, 8) == 0;
    uint32_t nulls = random_below(f, 3);
    if (type->kind == SL_NULL_KIND) nulls = 1;
    for (uint32_t i = 0; i < (constant ? 1 : rows); i++)
        if (type->kind == SL_NULL_KIND || (nulls && random_below(f, 4) == 0))
            assert_int_equal(sl_vec_append_null(vec, 1, &f->err), SL_OK);
        else
            put_random(f, vec, range);
    if (constant)
        vec->enc = SL_ENC_CONST, vec->rows = rows;
    else if (sl_type_is_bytes(type) && random_below(f, 2))
        encode_strings(f, vec);
    const char *why = "";
    if (!sl_vec_verify(vec, &why)) fail_msg("a random column: %s", why);
    return vec;
}

/* ---- calls ---- */

struct constant_f64 {
    bool given;
    double value;
};

static inline struct sl_vec *constant_column(struct fixture *f, const struct sl_type *type,
                                             double value) {
    struct sl_vec *vec = SL_NEW(&f->arena, struct sl_vec);
    sl_vec_init(vec, type);
    sl_arena_on_reset(&f->arena, (void (*)(void *))sl_vec_release, vec);
    if (sl_type_is_float(type))
        assert_int_equal(sl_vec_put_f64(vec, value, &f->err), SL_OK);
    else
        assert_int_equal(sl_vec_put_i64(vec, (int64_t)value, &f->err), SL_OK);
    vec->enc = SL_ENC_CONST;
    return vec;
}

static inline enum sl_code try_call(struct fixture *f, const char *name, const char *const *types,
                                    const struct sl_vec *const *constants, uint32_t count,
                                    struct sl_aggregate_call *out) {
    struct sl_bind_arg args[4] = {{0}};
    const struct sl_type *targets[4];
    for (uint32_t i = 0; i < count; i++) {
        args[i].type = type_of(f, types[i]);
        args[i].constant = constants ? constants[i] : NULL;
        args[i].text = sl_str("x");
    }
    sl_err_clear(&f->err);
    return sl_aggregate_resolve(&f->arena, &f->session, sl_str(name), args, count, false, false,
                                (struct sl_span){0, 0}, targets, out, &f->err);
}

static inline struct sl_aggregate_call *call_of(struct fixture *f, const char *name,
                                                const char *const *types, uint32_t count) {
    struct sl_aggregate_call *call = SL_NEW(&f->arena, struct sl_aggregate_call);
    if (try_call(f, name, types, NULL, count, call) != SL_OK) fail_msg("%s: %s", name, f->err.msg);
    return call;
}

/* ---- vectors of buffers ---- */

static inline void buffers_init(const struct sl_aggregate_call *call, struct sl_vec *buffers) {
    assert_true(call->buffer_count <= BUFFERS_MAX);
    for (uint32_t b = 0; b < call->buffer_count; b++)
        sl_vec_init(&buffers[b], call->buffers[b].type);
}
static inline void buffers_release(const struct sl_aggregate_call *call, struct sl_vec *buffers) {
    for (uint32_t b = 0; b < call->buffer_count; b++) sl_vec_release(&buffers[b]);
}

static inline void verify(const struct sl_vec *vec, const char *what) {
    const char *why = "";
    if (!sl_vec_verify(vec, &why)) fail_msg("%s: %s", what, why);
}

#endif
