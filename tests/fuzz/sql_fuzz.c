/* Any bytes through substitution, parser and diagnostic: no crash, spans inside the text.  What
 * parses has canonical text that parses to itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lookup(void *ctx, struct sl_str name, struct sl_str *value) {
    (void)ctx;
    *value = SL_STR("v");
    return name.len < 8;
}

static void check_error(const struct sl_err *err, struct sl_str text) {
    struct sl_buf out = {0};
    if (err->span.begin > text.len || err->span.end > text.len + 1) abort();
    sl_sql_put_diagnostic(&out, err, "f.sql", text, false);
    sl_buf_release(&out);
}

static struct sl_buf canonical(struct sl_arena *arena, struct sl_str text, bool *parsed) {
    struct sl_buf out = {0};
    struct sl_err err = {0};
    struct sl_statements statements;
    *parsed = sl_sql_parse(arena, text, &statements, &err) == SL_OK;
    if (!*parsed) check_error(&err, text);
    for (uint32_t i = 0; *parsed && i < statements.count; i++) {
        if (!statements.items[i].query) continue;
        sl_sql_put_relation(&out, statements.items[i].query, -1);
        sl_buf_put_cstr(&out, ";\n");
    }
    return out;
}

/* Quoted, the name of the node of GROUPING SETS can be called like a function. */
static bool is_exempt(struct sl_str text) {
    for (size_t i = 0; i + 13 <= text.len; i++)
        if (sl_str_eq_nocase(sl_str_sub(text, i, i + 13), SL_STR("grouping sets"))) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 16) return 0;
    struct sl_arena arena;
    sl_arena_init(&arena, "fuzz");
    struct sl_err err = {0};
    struct sl_str source = {(const char *)data, size};
    struct sl_sql_substitution replaced;
    if (sl_sql_substitute(&arena, source, lookup, NULL, &replaced, &err) != SL_OK)
        check_error(&err, source);
    bool parsed;
    struct sl_buf first = canonical(&arena, source, &parsed);
    if (parsed && first.len && first.len < 1 << 18 && !is_exempt(source)) {
        struct sl_buf second = canonical(&arena, sl_buf_str(&first), &parsed);
        if (!parsed || !sl_str_eq(sl_buf_str(&first), sl_buf_str(&second))) {
            fprintf(stderr, "canonical text changes:\n%s\n%s\n", sl_buf_cstr(&first),
                    sl_buf_cstr(&second));
            abort();
        }
        sl_buf_release(&second);
    }
    sl_buf_release(&first);
    struct sl_uexpr *expr;
    if (sl_sql_parse_expr(&arena, source, &expr, &err) != SL_OK) check_error(&err, source);
    sl_arena_release(&arena);
    return 0;
}
