/* The function table: every row is complete, its signature parses, and look-up finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kern/resolve.h"

static void put_nothing(const void *ctx, int arg, struct sl_buf *out) {
    (void)ctx, (void)arg;
    sl_buf_put_cstr(out, "x");
}

void test_rows_are_complete_and_sorted(void **state) {
    (void)state;
    size_t count;
    const struct sl_function *all = sl_function_all(&count);
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        if (i) assert_true(strcmp(all[i - 1].name, all[i].name) <= 0);
        assert_non_null(all[i].kernel);
        assert_true(strlen(all[i].doc) > 3);
        assert_true(strlen(all[i].example) > 0 && strlen(all[i].result) > 0);
        size_t found;
        const struct sl_function *rows = sl_function_find(sl_str(all[i].name), &found);
        assert_true(rows <= &all[i] && &all[i] < rows + found);
    }
}

/* Resolving with far too many arguments parses every signature; a bad one stops the test. */
void test_every_signature_parses(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_session session = {.ansi = true};
    struct sl_resolve_arg args[40];
    for (int i = 0; i < 40; i++)
        args[i] = (struct sl_resolve_arg){.type = &sl_type_int, .nullable = true};
    size_t count;
    const struct sl_function *all = sl_function_all(&count);
    for (size_t i = 0; i < count; i++) {
        struct sl_resolve resolve = {.arena = &arena,
                                     .session = &session,
                                     .name = sl_str(all[i].name),
                                     .args = args,
                                     .arg_count = 40,
                                     .put_text = put_nothing};
        struct sl_err err = {0};
        enum sl_code code = sl_resolve_call(&resolve, &err);
        if (code == SL_OK)
            assert_non_null(resolve.result);
        else
            assert_string_not_equal(err.condition, "");
    }
    sl_arena_release(&arena);
}

void test_lookup(void **state) {
    (void)state;
    size_t count;
    assert_non_null(sl_function_find(SL_STR("ELEMENT_AT"), &count));
    assert_int_equal(count, 2);
    assert_null(sl_function_find(SL_STR("element_a"), &count));
    assert_int_equal(count, 0);
    struct sl_str near = sl_function_nearest(SL_STR("elment_at"));
    assert_true(sl_str_eq(near, SL_STR("element_at")));
}
