/* Building blocks of the expression tests: a context, columns, a batch, evaluation. */
#ifndef EXPR_TEST_UTIL_H
#define EXPR_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "expr/program.h"
#include "kern/zone.h"

struct bench {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_expr_ctx ctx;
    struct sl_field fields[16];
    struct sl_vec columns[16];
    struct sl_batch batch;
    struct sl_program *program;
    struct sl_err err;
};

static inline void bench_begin(struct bench *b) {
    memset(b, 0, sizeof *b);
    sl_arena_init(&b->arena, "query");
    b->session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC")};
    b->session.zone = sl_zone_utc;
    b->session.batch_seed = 42;
    b->ctx = (struct sl_expr_ctx){&b->arena, &b->session};
    b->batch.columns = b->columns;
    b->batch.origin = (struct sl_origin){.source = "test", .name = "rows", .partition = -1};
}

static inline void bench_end(struct bench *b) {
    sl_program_free(b->program);
    for (int i = 0; i < 16; i++)
        if (b->columns[i].type) sl_vec_release(&b->columns[i]);
    sl_arena_release(&b->arena);
}

static inline void ok(enum sl_code code, struct sl_err *err) {
    if (code != SL_OK) fail_msg("%s: %s", sl_code_name(code), err->msg);
}

/* An integer-like column; INT64_MIN stands for null. */
static inline struct sl_expr *column_i64(struct bench *b, uint32_t i, const struct sl_type *type,
                                         const int64_t *values, uint32_t rows) {
    sl_vec_init(&b->columns[i], type);
    for (uint32_t r = 0; r < rows; r++)
        ok(values[r] == INT64_MIN ? sl_vec_append_null(&b->columns[i], 1, &b->err)
                                  : sl_vec_put_i64(&b->columns[i], values[r], &b->err),
           &b->err);
    b->batch.rows = b->batch.selected_rows = rows;
    return sl_expr_column(&b->ctx, i, type, true);
}

static inline struct sl_expr *column_str(struct bench *b, uint32_t i, const char *const *values,
                                         uint32_t rows) {
    sl_vec_init(&b->columns[i], &sl_type_string);
    for (uint32_t r = 0; r < rows; r++)
        ok(values[r] ? sl_vec_put_str(&b->columns[i], sl_str(values[r]), &b->err)
                     : sl_vec_append_null(&b->columns[i], 1, &b->err),
           &b->err);
    b->batch.rows = b->batch.selected_rows = rows;
    return sl_expr_column(&b->ctx, i, &sl_type_string, true);
}

static inline struct sl_expr *int_lit(struct bench *b, int64_t value) {
    return sl_expr_literal_i64(&b->ctx, &sl_type_int, value);
}
static inline struct sl_expr *str_lit(struct bench *b, const char *value) {
    return sl_expr_literal_str(&b->ctx, sl_str(value));
}

static inline enum sl_code try_call(struct bench *b, const char *name, struct sl_expr **out,
                                    uint32_t count, struct sl_expr **args) {
    b->err = (struct sl_err){0};
    return sl_expr_call(&b->ctx, sl_str(name), args, count, (struct sl_span){1, 2}, out, &b->err);
}

#define CALL(b, name, ...)                                                                         \
    call_of((b), (name), sizeof((struct sl_expr *[]){__VA_ARGS__}) / sizeof(struct sl_expr *),     \
            (struct sl_expr *[]){__VA_ARGS__})
static inline struct sl_expr *call_of(struct bench *b, const char *name, uint32_t count,
                                      struct sl_expr **args) {
    struct sl_expr *out = NULL;
    enum sl_code code = try_call(b, name, &out, count, args);
    if (code != SL_OK) fail_msg("%s: %s", name, b->err.msg);
    return out;
}

static inline void compile_all(struct bench *b, struct sl_expr *const *exprs, uint32_t count) {
    sl_program_free(b->program);
    b->program = NULL;
    ok(sl_program_new(exprs, count, &b->program, &b->err), &b->err);
}

static inline enum sl_code try_eval(struct bench *b, struct sl_expr *expr,
                                    const struct sl_vec **out) {
    b->err = (struct sl_err){0};
    sl_program_free(b->program);
    b->program = NULL;
    enum sl_code code = sl_program_new(&expr, 1, &b->program, &b->err);
    if (code != SL_OK) return code;
    return sl_program_eval(b->program, &b->session, &b->batch, out, &b->err);
}

/* All rows as text, joined by '|'; null as NULL. */
static inline const char *eval_text(struct bench *b, struct sl_expr *expr) {
    const struct sl_vec *out = NULL;
    if (!b->batch.rows) b->batch.rows = b->batch.selected_rows = 1;
    enum sl_code code = try_eval(b, expr, &out);
    if (code != SL_OK) fail_msg("%s: %s", sl_code_name(code), b->err.msg);
    const char *why = NULL;
    if (!sl_vec_verify(out, &why)) fail_msg("broken vector: %s", why);
    struct sl_buf text = {0};
    for (uint32_t r = 0; r < b->batch.rows; r++) {
        if (r) sl_buf_put_byte(&text, '|');
        if (sl_vec_is_null(out, r))
            sl_buf_put_cstr(&text, "NULL");
        else
            sl_cast_put_text(&text, out, r, &b->session);
    }
    const char *copy = sl_arena_cstr(&b->arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return copy;
}

#define EVAL(b, expr, text) assert_string_equal(eval_text((b), (expr)), (text))

#endif
