#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "col/batch.h"
#include "col/vec.h"

static struct sl_arena arena;

static void ok(enum sl_code code) { assert_int_equal(code, SL_OK); }

static void verify(const struct sl_vec *vec) {
    const char *why = "";
    if (!sl_vec_verify(vec, &why)) fail_msg("%s", why);
}

/* ---- random vectors, built row by row through the plain builders ---- */

static uint64_t seed;

static uint32_t random_below(uint32_t bound) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % bound;
}

static void put_random(struct sl_vec *vec, bool nulls);

static void put_random_items(struct sl_vec *vec, bool nulls) {
    uint32_t count = random_below(4);
    ok(sl_vec_reserve(vec, vec->rows + 1, NULL));
    for (uint32_t c = 0; c < vec->child_count; c++)
        for (uint32_t i = 0; i < count; i++) put_random(&vec->children[c], nulls && c > 0);
    vec->offsets[vec->rows + 1] = vec->offsets[vec->rows] + (int32_t)count;
}

static void put_random_nested(struct sl_vec *vec, bool nulls) {
    if (vec->type->kind == SL_STRUCT_KIND) {
        for (uint32_t c = 0; c < vec->child_count; c++) put_random(&vec->children[c], nulls);
    } else {
        put_random_items(vec, nulls);
    }
    if (vec->valid) {
        ok(sl_vec_reserve_valid(vec, vec->rows + 1, NULL));
        sl_bit_set(vec->valid, vec->rows);
    }
    vec->rows++;
}

static void put_random(struct sl_vec *vec, bool nulls) {
    if (vec->type->kind == SL_NULL_KIND || (nulls && random_below(4) == 0)) {
        ok(sl_vec_append_null(vec, 1, NULL));
        return;
    }
    char text[32];
    switch (vec->type->kind) {
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        snprintf(text, sizeof text, "%.*s", (int)random_below(5), "abcdef");
        ok(sl_vec_put_str(vec, sl_str(text), NULL));
        return;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        ok(sl_vec_put_f64(vec, random_below(9) / 4.0, NULL));
        return;
    case SL_DECIMAL_KIND:
        ok(sl_vec_put_i128(vec, (sl_int128)random_below(50) * INT64_MAX / 7, NULL));
        return;
    default:
        if (sl_type_is_nested(vec->type))
            put_random_nested(vec, nulls);
        else
            ok(sl_vec_put_i64(vec, random_below(100), NULL));
    }
}

static const char *const type_texts[] = {
    "void",
    "boolean",
    "byte",
    "short",
    "int",
    "bigint",
    "float",
    "double",
    "decimal(10,2)",
    "decimal(38,4)",
    "string",
    "binary",
    "date",
    "timestamp",
    "interval year to month",
    "array<int>",
    "array<string>",
    "map<string,array<double>>",
    "struct<a:int,b:string>",
    "struct<a:boolean,b:struct<c:array<struct<d:decimal(20,0)>>,e:map<int,string>>>",
    "array<array<struct<x:string,y:void>>>",
};
enum { TYPE_COUNT = sizeof type_texts / sizeof type_texts[0] };

static const struct sl_type *type_of(int i) {
    const struct sl_type *type;
    ok(sl_type_parse(&arena, sl_str(type_texts[i]), &type, NULL));
    return type;
}

/* A vector of `rows` logical rows in the wanted encoding; rows past what CONST and DICT hold repeat
 * values. */
static void make(struct sl_vec *vec, const struct sl_type *type, enum sl_enc enc, uint32_t rows,
                 bool nulls) {
    sl_vec_init(vec, type);
    if (enc == SL_ENC_FLAT || enc == SL_ENC_VIEW) {
        for (uint32_t i = 0; i < rows; i++) put_random(vec, nulls);
    } else if (enc == SL_ENC_CONST) {
        put_random(vec, nulls);
        vec->enc = SL_ENC_CONST;
        vec->rows = rows;
    }
    if (enc == SL_ENC_VIEW) {
        struct sl_str *views = SL_NEW_ARRAY(&arena, struct sl_str, rows);
        for (uint32_t i = 0; i < rows; i++)
            views[i] = sl_vec_is_null(vec, i) ? (struct sl_str){NULL, 77}
                                              : sl_arena_str(&arena, sl_vec_str(vec, i));
        vec->views = views;
        vec->enc = SL_ENC_VIEW;
    }
    if (enc != SL_ENC_DICT) return;
    sl_vec_release(vec);
    *vec = (struct sl_vec){.type = type, .enc = SL_ENC_DICT, .rows = rows, .child_count = 1};
    vec->children = sl_xcalloc(1, sizeof *vec->children);
    vec->owns_children = true;
    sl_vec_init(&vec->children[0], type);
    for (int i = 0; i < 5; i++) put_random(&vec->children[0], false);
    vec->codes = SL_NEW_ARRAY(&arena, int32_t, rows);
    if (nulls) ok(sl_vec_reserve_valid(vec, rows, NULL));
    for (uint32_t i = 0; i < rows; i++) {
        vec->codes[i] = (int32_t)random_below(5);
        if (nulls && random_below(3) == 0) {
            sl_bit_clear(vec->valid, i);
            vec->codes[i] = INT32_MAX; /* nobody may look at it */
        }
    }
}

static bool fits(const struct sl_type *type, enum sl_enc enc) {
    return enc != SL_ENC_VIEW || sl_type_is_bytes(type);
}

static void expect_rows(const struct sl_vec *out, uint32_t from, const struct sl_vec *in,
                        const uint32_t *idx, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!sl_vec_rows_equal(out, from + i, in, idx ? idx[i] : i))
            fail_msg("row %u of %u differs (encoding %d)", i, count, in->enc);
}

/* Every type x encoding x nulls: whole appends, picked rows and nulls, onto odd row counts; judged
 * row by row by sl_vec_rows_equal, whose own truth is tested below. */
void test_append_every_type_and_encoding(void **state) {
    (void)state;
    seed = 1;
    sl_arena_init(&arena, "test");
    for (int t = 0; t < TYPE_COUNT; t++) {
        const struct sl_type *type = type_of(t);
        for (int enc = SL_ENC_FLAT; enc <= SL_ENC_VIEW; enc++) {
            for (int nulls = 0; fits(type, (enum sl_enc)enc) && nulls < 2; nulls++) {
                enum { ROWS = 700 };
                struct sl_vec in, out;
                uint32_t idx[ROWS], from = 0;
                make(&in, type, (enum sl_enc)enc, ROWS, nulls);
                if (type->kind != SL_NULL_KIND && (enc != SL_ENC_DICT || !nulls)) verify(&in);
                sl_vec_init(&out, type);
                for (int round = 0; round < 6; round++) {
                    uint32_t count = random_below(round % 2 ? 20 : ROWS) + 1;
                    for (uint32_t i = 0; i < count; i++) idx[i] = random_below(ROWS);
                    const uint32_t *pick = round % 3 ? idx : NULL;
                    ok(sl_vec_append(&out, &in, pick, count, NULL));
                    verify(&out);
                    assert_int_equal(out.rows, from + count);
                    expect_rows(&out, from, &in, pick, count);
                    from = out.rows;
                    ok(sl_vec_append_null(&out, 3, NULL));
                    verify(&out);
                    for (int i = 0; i < 3; i++) assert_true(sl_vec_is_null(&out, from++));
                }
                sl_vec_clear(&out);
                assert_int_equal(out.rows, 0);
                ok(sl_vec_append(&out, &in, NULL, 5, NULL));
                expect_rows(&out, 0, &in, NULL, 5);
                sl_vec_release(&in);
                sl_vec_release(&out);
            }
        }
    }
    sl_arena_release(&arena);
}

void test_flatten_gives_equal_flat_rows(void **state) {
    (void)state;
    seed = 2;
    sl_arena_init(&arena, "test");
    for (int t = 0; t < TYPE_COUNT; t++) {
        struct sl_vec out;
        sl_vec_init(&out, type_of(t));
        for (int enc = SL_ENC_FLAT; enc <= SL_ENC_VIEW; enc++) {
            if (!fits(out.type, (enum sl_enc)enc)) continue;
            struct sl_vec in;
            make(&in, out.type, (enum sl_enc)enc, 130, true);
            ok(sl_vec_flatten(&in, &out, NULL));
            assert_int_equal(out.enc, SL_ENC_FLAT);
            assert_int_equal(out.rows, 130);
            verify(&out);
            expect_rows(&out, 0, &in, NULL, 130);
            sl_vec_clear(&out);
            sl_vec_release(&in);
        }
        sl_vec_release(&out);
    }
    sl_arena_release(&arena);
}

/* A struct whose fields are CONST and DICT becomes flat all the way down. */
void test_flatten_reaches_fields(void **state) {
    (void)state;
    seed = 3;
    sl_arena_init(&arena, "test");
    const struct sl_type *type;
    ok(sl_type_parse(&arena, SL_STR("struct<a:int,b:string>"), &type, NULL));
    struct sl_vec in, out;
    sl_vec_init(&in, type);
    make(&in.children[0], &sl_type_int, SL_ENC_CONST, 70, false);
    make(&in.children[1], &sl_type_string, SL_ENC_DICT, 70, true);
    in.rows = 70;
    sl_vec_init(&out, type);
    ok(sl_vec_flatten(&in, &out, NULL));
    assert_int_equal(out.children[0].enc, SL_ENC_FLAT);
    assert_int_equal(out.children[1].enc, SL_ENC_FLAT);
    expect_rows(&out, 0, &in, NULL, 70);
    sl_vec_release(&in);
    sl_vec_release(&out);
    sl_arena_release(&arena);
}

/* What is borrowed is copied before it is written; the lender stays as it was. */
void test_borrow_then_append_copies(void **state) {
    (void)state;
    seed = 4;
    sl_arena_init(&arena, "test");
    for (int t = 0; t < TYPE_COUNT; t++) {
        struct sl_vec lender, copy, out;
        make(&lender, type_of(t), SL_ENC_FLAT, 77, true);
        sl_vec_init(&copy, lender.type);
        ok(sl_vec_append(&copy, &lender, NULL, 77, NULL));
        sl_vec_init(&out, lender.type);
        sl_vec_borrow(&out, &lender);
        verify(&out);
        ok(sl_vec_append(&out, &copy, NULL, 77, NULL));
        ok(sl_vec_append_null(&out, 1, NULL));
        verify(&out);
        expect_rows(&out, 0, &lender, NULL, 77);
        expect_rows(&out, 77, &lender, NULL, 77);
        expect_rows(&lender, 0, &copy, NULL, 77);
        sl_vec_release(&lender);
        sl_vec_release(&copy);
        sl_vec_release(&out);
    }
    sl_arena_release(&arena);
}

void test_rows_equal_sees_differences(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_vec a, b;
    sl_vec_init(&a, &sl_type_double);
    ok(sl_vec_put_f64(&a, 0.0 / 0.0, NULL));
    ok(sl_vec_put_f64(&a, 1.5, NULL));
    ok(sl_vec_append_null(&a, 2, NULL));
    assert_true(sl_vec_rows_equal(&a, 0, &a, 0));
    assert_false(sl_vec_rows_equal(&a, 0, &a, 1));
    assert_false(sl_vec_rows_equal(&a, 1, &a, 2));
    assert_true(sl_vec_rows_equal(&a, 2, &a, 3));
    sl_vec_release(&a);
    const struct sl_type *type;
    ok(sl_type_parse(&arena, SL_STR("array<string>"), &type, NULL));
    sl_vec_init(&a, type);
    sl_vec_init(&b, type);
    static const char *const lists[][3] = {{"x", "y"}, {"x"}, {"x", "z"}, {"xy"}};
    for (int i = 0; i < 4; i++) {
        ok(sl_vec_reserve(&a, a.rows + 1, NULL));
        for (int k = 0; k < 3 && lists[i][k]; k++)
            ok(sl_vec_put_str(&a.children[0], sl_str(lists[i][k]), NULL));
        a.offsets[++a.rows] = (int32_t)a.children[0].rows;
    }
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t k = 0; k < 4; k++) assert_int_equal(sl_vec_rows_equal(&a, i, &a, k), i == k);
    sl_vec_release(&a);
    sl_vec_release(&b);
    sl_arena_release(&arena);
}

void test_verify_finds_broken_vectors(void **state) {
    (void)state;
    struct sl_vec vec;
    const char *why = NULL;
    sl_vec_init(&vec, &sl_type_string);
    ok(sl_vec_put_str(&vec, SL_STR("ab"), NULL));
    ok(sl_vec_put_str(&vec, SL_STR("c"), NULL));
    verify(&vec);
    vec.offsets[1] = 4;
    assert_false(sl_vec_verify(&vec, &why));
    assert_non_null(strstr(why, "decrease"));
    vec.offsets[1] = 2;
    ok(sl_vec_reserve_valid(&vec, 2, NULL));
    sl_bit_clear(vec.valid, 0);
    assert_false(sl_vec_verify(&vec, &why));
    assert_non_null(strstr(why, "length"));
    sl_vec_release(&vec);
    sl_vec_init(&vec, &sl_type_int);
    ok(sl_vec_reserve_dict(&vec, 2, NULL));
    ok(sl_vec_put_i64(&vec.children[0], 7, NULL));
    vec.codes[0] = 0;
    vec.codes[1] = 1;
    vec.rows = 2;
    assert_false(sl_vec_verify(&vec, &why));
    assert_non_null(strstr(why, "code"));
    vec.rows = 1;
    verify(&vec);
    sl_vec_release(&vec);
}

/* Capacity survives sl_vec_clear, and unwritten validity bits are ones. */
void test_reserve_and_clear(void **state) {
    (void)state;
    struct sl_vec vec;
    sl_vec_init(&vec, &sl_type_long);
    ok(sl_vec_reserve(&vec, 100, NULL));
    assert_int_equal((uintptr_t)vec.data % 64, 0);
    void *before = vec.data;
    size_t bytes = sl_vec_owned_bytes(&vec);
    assert_true(bytes >= 800);
    sl_vec_clear(&vec);
    assert_null(vec.data);
    ok(sl_vec_reserve(&vec, 90, NULL));
    assert_ptr_equal(vec.data, before);
    assert_int_equal(sl_vec_owned_bytes(&vec), bytes);
    for (int i = 0; i < 3; i++) ok(sl_vec_put_i64(&vec, i, NULL));
    ok(sl_vec_reserve_valid(&vec, 3, NULL));
    sl_bit_clear(vec.valid, 1);
    ok(sl_vec_reserve_valid(&vec, 5000, NULL));
    for (uint32_t i = 0; i < 5000; i++) assert_int_equal(sl_bit_get(vec.valid, i), i != 1);
    struct sl_err err;
    assert_int_equal(sl_vec_reserve(&vec, UINT32_MAX, &err), SL_DATA);
    assert_int_equal(sl_vec_reserve_bytes(&vec, (size_t)INT32_MAX + 1, &err), SL_DATA);
    sl_vec_release(&vec);
    sl_vec_release(&vec);
}

/* The promise of sl_vec_reserve_valid holds behind appended rows too. */
void test_append_leaves_ones_behind(void **state) {
    (void)state;
    struct sl_vec in, out;
    sl_vec_init(&in, &sl_type_int);
    sl_vec_init(&out, &sl_type_int);
    for (int i = 0; i < 64; i++) ok(sl_vec_put_i64(&in, i, NULL));
    ok(sl_vec_reserve_valid(&in, 64, NULL));
    in.valid[0] = 1;
    ok(sl_vec_append(&out, &in, NULL, 5, NULL));
    ok(sl_vec_reserve_valid(&out, 200, NULL));
    for (uint32_t i = 0; i < 200; i++) assert_int_equal(sl_bit_get(out.valid, i), i == 0 || i >= 5);
    sl_vec_release(&in);
    sl_vec_release(&out);
}

void test_batch_selection_and_names(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    const struct sl_type *schema;
    ok(sl_type_parse(&arena, SL_STR("struct<a:int,b:array<string>>"), &schema, NULL));
    struct sl_batch batch;
    sl_batch_init(&batch, schema, &arena);
    for (int i = 0; i < 130; i++) ok(sl_vec_put_i64(&batch.columns[0], i, NULL));
    batch.rows = 130;
    uint32_t idx[130];
    assert_int_equal(sl_batch_selection(&batch, idx), 130);
    uint64_t selected[3] = {1, UINT64_C(1) << 63, ~UINT64_C(0)};
    batch.selected = selected;
    assert_int_equal(sl_batch_selection(&batch, idx), 4);
    assert_int_equal(idx[1], 127);
    assert_int_equal(idx[3], 129);
    int64_t offsets[130] = {[7] = 12345};
    batch.origin = (struct sl_origin){"kafka", "orders", 3, offsets};
    char text[64];
    sl_batch_describe_row(&batch, 7, text, sizeof text);
    assert_string_equal(text, "topic orders partition 3 offset 12345");
    batch.origin = (struct sl_origin){"file", "/tmp/a.json", -1, offsets};
    sl_batch_describe_row(&batch, 7, text, sizeof text);
    assert_string_equal(text, "file /tmp/a.json line 12345");
    batch.origin = (struct sl_origin){.partition = -1};
    sl_batch_describe_row(&batch, 7, text, sizeof text);
    assert_string_equal(text, "row 7");
    batch.origin = (struct sl_origin){"kafka", "orders", 3, offsets};
    sl_batch_describe_row(&batch, 7, text, 10);
    assert_int_equal(strlen(text), 9);
    sl_batch_clear(&batch);
    assert_int_equal(sl_batch_selection(&batch, idx), 0);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}
