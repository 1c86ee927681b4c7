/* Schemas that grow: fields at every kind of path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "expr/evolution.h"

static const struct sl_type *parse(struct sl_arena *arena, const char *ddl) {
    const struct sl_type *type;
    struct sl_err err;
    if (sl_type_parse_schema(arena, sl_str(ddl), &type, &err) != SL_OK) fail_msg("%s", err.msg);
    return type;
}

/* wanted NULL: the path leads nowhere. */
static void check(const char *schema, const char *path, const char *wanted) {
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    const struct sl_type *type = parse(&arena, schema), *out;
    bool added = sl_type_add_field(&arena, type, sl_str(path), &sl_type_long, &out);
    assert_int_equal(added, wanted != NULL);
    if (wanted) assert_string_equal(sl_type_sql(&arena, out), wanted);
    assert_true(sl_type_equal(type, parse(&arena, schema)));
    sl_arena_release(&arena);
}

void test_evolution_adds_fields(void **state) {
    (void)state;
    check("a INT", "b", "STRUCT<a: INT, b: BIGINT>");
    check("a INT", "`b.c`", "STRUCT<a: INT, `b.c`: BIGINT>");
    check("a INT", "`q``q`", "STRUCT<a: INT, `q``q`: BIGINT>");
    check("s STRUCT<x: INT>, b INT", "s.y", "STRUCT<s: STRUCT<x: INT, y: BIGINT>, b: INT>");
    check("l ARRAY<STRUCT<x: INT>>", "l.element.y", "STRUCT<l: ARRAY<STRUCT<x: INT, y: BIGINT>>>");
    check("m MAP<STRING, STRUCT<x: INT>>", "m.value.y",
          "STRUCT<m: MAP<STRING, STRUCT<x: INT, y: BIGINT>>>");
    check("ARRAY<STRUCT<x: INT>>", "element.y", "ARRAY<STRUCT<x: INT, y: BIGINT>>");
    check("element STRUCT<x: INT>", "element.y", "STRUCT<element: STRUCT<x: INT, y: BIGINT>>");
    check("`a.b` STRUCT<x: INT>", "`a.b`.y", "STRUCT<`a.b`: STRUCT<x: INT, y: BIGINT>>");
}

void test_evolution_refuses_what_is_there(void **state) {
    (void)state;
    check("a INT", "a", NULL);
    check("a INT", "A", NULL);
    check("s STRUCT<x: INT>", "s.X", NULL);
    check("a INT", "a.b", NULL);
    check("a INT", "b.c", NULL);
    check("S STRUCT<x: INT>", "s.y", NULL);
    check("l ARRAY<INT>", "l.element.y", NULL);
    check("l ARRAY<STRUCT<x: INT>>", "l.y", NULL);
    check("m MAP<STRING, STRUCT<x: INT>>", "m.key.y", NULL);
}

void test_evolution_keeps_sites_apart(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_evolution evolution = {.arena = &arena};
    uint32_t one = sl_evolution_site(&evolution, SL_STR("CAST(value AS STRING)"));
    uint32_t two = sl_evolution_site(&evolution, SL_STR("CAST(key AS STRING)"));
    assert_int_equal(sl_evolution_site(&evolution, SL_STR("CAST(value AS STRING)")), one);
    assert_int_not_equal(one, two);
    for (int i = 0; i < 20; i++) {
        char path[8];
        snprintf(path, sizeof path, "k%d", i);
        sl_evolution_add(&evolution, i % 2 ? two : one, sl_str(path), &sl_type_string);
    }
    sl_evolution_add(&evolution, one, SL_STR("s"), parse(&arena, "x INT, y ARRAY<STRUCT<z: INT>>"));
    sl_evolution_add(&evolution, one, SL_STR("s.w"), &sl_type_double); /* of one added before */
    const struct sl_type *grown =
        sl_evolution_apply(&evolution, one, &arena, parse(&arena, "id INT, k2 INT"));
    assert_string_equal(sl_type_sql(&arena, grown),
                        "STRUCT<id: INT, k2: INT, k0: STRING, k4: STRING, k6: STRING, k8: STRING, "
                        "k10: STRING, k12: STRING, k14: STRING, k16: STRING, k18: STRING, "
                        "s: STRUCT<x: INT, y: ARRAY<STRUCT<z: INT>>, w: DOUBLE>>");
    assert_int_equal(sl_type_count_fields(grown), 16);
    assert_int_equal(sl_type_count_fields(&sl_type_string), 0);
    sl_arena_release(&arena);
}

void test_evolution_last_name(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    static const char *const cases[][2] = {{"a", "a"},       {"a.b", "b"},
                                           {"`a.b`", "a.b"}, {"a.element.`x``y`", "x`y"},
                                           {"`a.b`.c", "c"}, {"``", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(sl_str_eq(sl_path_last_name(&arena, sl_str(cases[i][0])), sl_str(cases[i][1])));
    sl_arena_release(&arena);
}
