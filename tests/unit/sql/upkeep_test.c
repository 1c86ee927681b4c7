/* OPTIMIZE, VACUUM, DESCRIBE: what is read of them, and what is refused. */
#include "../unit.h"

#include "sql/parse.h"

static const struct sl_upkeep *parse(struct sl_arena *arena, const char *text,
                                     enum sl_statement_kind kind) {
    struct sl_statements statements;
    struct sl_err err = {0};
    if (sl_sql_parse(arena, sl_str(text), &statements, &err) != SL_OK)
        fail_msg("%s: %s", text, err.msg);
    assert_int_equal(statements.count, 1);
    assert_int_equal(statements.items[0].kind, kind);
    return statements.items[0].upkeep;
}

static void check_path(const struct sl_upkeep *upkeep, const char *format, const char *path) {
    assert_int_equal(upkeep->table->kind, SL_R_READ_PATH);
    assert_true(sl_str_eq(upkeep->table->format, sl_str(format)));
    assert_true(sl_str_eq(upkeep->table->path, sl_str(path)));
}

static void check_refused(const char *text, const char *part) {
    struct sl_arena arena;
    struct sl_statements statements;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    assert_int_not_equal(sl_sql_parse(&arena, sl_str(text), &statements, &err), SL_OK);
    if (!strstr(err.msg, part)) fail_msg("%s: `%s` is not in `%s`", text, part, err.msg);
    sl_arena_release(&arena);
}

void test_upkeep(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    const struct sl_upkeep *u =
        parse(&arena, "OPTIMIZE delta.`/a/b` WHERE day > 'x' and k = 1;", SL_S_OPTIMIZE);
    check_path(u, "delta", "/a/b");
    assert_non_null(u->condition);
    u = parse(&arena, "optimize '/a'", SL_S_OPTIMIZE);
    check_path(u, "delta", "/a");
    assert_null(u->condition);
    u = parse(&arena, "OPTIMIZE db.t", SL_S_OPTIMIZE);
    assert_int_equal(u->table->kind, SL_R_READ_TABLE);
    assert_int_equal(u->table->name.count, 2);
    u = parse(&arena, "VACUUM parquet.`/p` RETAIN 1.5 HOURS DRY RUN", SL_S_VACUUM);
    check_path(u, "parquet", "/p");
    assert_true(u->dry_run && u->has_retain && u->retain_hours == 1.5);
    u = parse(&arena, "VACUUM t FULL", SL_S_VACUUM);
    assert_false(u->dry_run || u->has_retain);
    u = parse(&arena, "DESC HISTORY '/t' LIMIT 5", SL_S_DESCRIBE);
    assert_int_equal(u->describe, SL_DESCRIBE_HISTORY);
    assert_int_equal(u->limit, 5);
    u = parse(&arena, "DESCRIBE DETAIL t", SL_S_DESCRIBE);
    assert_int_equal(u->describe, SL_DESCRIBE_DETAIL);
    assert_int_equal(parse(&arena, "DESCRIBE TABLE EXTENDED t", SL_S_DESCRIBE)->describe,
                     SL_DESCRIBE_EXTENDED);
    assert_int_equal(parse(&arena, "DESCRIBE table.t", SL_S_DESCRIBE)->describe, SL_DESCRIBE_TABLE);
    sl_arena_release(&arena);
}

void test_upkeep_refused(void **state) {
    (void)state;
    check_refused("OPTIMIZE t ZORDER BY (a)", "ZORDER BY is not supported");
    check_refused("OPTIMIZE t WHERE a = 1 ZORDER BY a", "ZORDER BY is not supported");
    check_refused("OPTIMIZE t FULL", "OPTIMIZE FULL");
    check_refused("OPTIMIZE", "a table");
    check_refused("VACUUM t LITE", "VACUUM LITE");
    check_refused("VACUUM t USING INVENTORY x", "VACUUM USING");
    check_refused("VACUUM t RETAIN x HOURS", "a number of hours");
    check_refused("VACUUM t RETAIN 1e300 HOURS", "a number of hours");
    check_refused("VACUUM t RETAIN 5", "HOURS");
    check_refused("VACUUM t DRY", "end of the statement");
    check_refused("DESCRIBE HISTORY t LIMIT x", "a number");
    check_refused("DESCRIBE DETAIL t x", "end of the statement");
}

/* Statements that only look alike are what they were. */
void test_upkeep_leaves_others(void **state) {
    (void)state;
    static const char *const others[] = {"DESCRIBE QUERY SELECT 1", "DESCRIBE FUNCTION abs",
                                         "ALTER TABLE t SET TBLPROPERTIES ('a' = 'b')"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct sl_arena arena;
        struct sl_statements statements;
        sl_arena_init(&arena, "test");
        assert_int_equal(sl_sql_parse(&arena, sl_str(others[i]), &statements, NULL), SL_OK);
        assert_int_equal(statements.items[0].kind, SL_S_UNSUPPORTED);
        sl_arena_release(&arena);
    }
}
