/* A catalog of one batch table `t`, a Parquet path, `read_kafka` and views from SQL text. */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kern/zone.h"
#include "plan/bind.h"
#include "plan/optimize.h"
#include "sql/parse.h"

struct fixture {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_catalog catalog;
    struct sl_bind_ctx ctx;
    struct sl_err err;
    struct sl_statements views;   /* CREATE VIEW statements */
    struct sl_properties options; /* of the last scan */
    unsigned scans;
};

#define T_SCHEMA                                                                                   \
    "a INT, b BIGINT, s STRING, d DOUBLE, st STRUCT<x: INT, y: STRUCT<z: STRING>>, "               \
    "ar ARRAY<STRUCT<x: INT>>, m MAP<STRING, INT>, dec DECIMAL(5,2), ts TIMESTAMP, dt DATE, "      \
    "bin BINARY, bo BOOLEAN, ai ARRAY<INT>"
#define KAFKA_SCHEMA                                                                               \
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, "  \
    "timestampType INT"

static inline const struct sl_urelation *fixture_view(void *ctx, const struct sl_name *name) {
    struct fixture *fixture = ctx;
    for (uint32_t i = 0; i < fixture->views.count; i++) {
        const struct sl_statement *view = &fixture->views.items[i];
        if (sl_str_eq_nocase(view->name.parts[view->name.count - 1], name->parts[name->count - 1]))
            return view->query;
    }
    return NULL;
}

static inline enum sl_code fixture_scan(void *ctx, const struct sl_urelation *read,
                                        const struct sl_properties *options, struct sl_scan *out,
                                        struct sl_err *err) {
    struct fixture *fixture = ctx;
    const char *schema = T_SCHEMA;
    fixture->options = *options;
    fixture->scans++;
    struct sl_str name = read->name.count ? read->name.parts[read->name.count - 1] : read->format;
    if (read->kind == SL_R_READ_FUNCTION) {
        schema = KAFKA_SCHEMA;
        out->name = SL_STR("kafka orders");
    } else if (read->kind == SL_R_READ_PATH) {
        out->name = SL_STR("parquet");
    } else if (sl_str_eq_nocase(name, SL_STR("t")) || sl_str_eq_nocase(name, SL_STR("t2"))) {
        out->name = name;
    } else {
        return sl_fail_at(err, read->span, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
                          "the table or view `%.*s` cannot be found", SL_STR_ARG(name));
    }
    out->streaming = read->streaming;
    return sl_type_parse_schema(&fixture->arena, sl_str(schema), &out->schema, err);
}

static inline void fixture_names(void *ctx, struct sl_arena *arena, struct sl_str **names,
                                 size_t *count) {
    (void)ctx;
    *names = SL_NEW_ARRAY(arena, struct sl_str, 2);
    (*names)[0] = SL_STR("t");
    (*names)[1] = SL_STR("orders");
    *count = 2;
}

static inline void fixture_init(struct fixture *fixture) {
    memset(fixture, 0, sizeof *fixture);
    sl_arena_init(&fixture->arena, "test");
    fixture->session =
        (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC"), .zone = sl_zone_utc};
    fixture->catalog = (struct sl_catalog){fixture, fixture_view, fixture_scan, fixture_names};
    fixture->ctx = (struct sl_bind_ctx){{&fixture->arena, &fixture->session}, &fixture->catalog};
}

static inline struct sl_statements fixture_parse(struct fixture *fixture, const char *sql) {
    struct sl_statements out;
    if (sl_sql_parse(&fixture->arena, sl_str(sql), &out, &fixture->err) != SL_OK)
        fail_msg("%s: %s", sql, fixture->err.msg);
    return out;
}

static inline enum sl_code fixture_bind(struct fixture *fixture, const char *sql,
                                        struct sl_node **out) {
    struct sl_statements statements = fixture_parse(fixture, sql);
    assert_int_equal(statements.count, 1);
    sl_err_clear(&fixture->err);
    return sl_bind_relation(&fixture->ctx, statements.items[0].query, out, &fixture->err);
}

static inline struct sl_node *fixture_plan(struct fixture *fixture, const char *sql) {
    struct sl_node *node;
    if (fixture_bind(fixture, sql, &node) != SL_OK)
        fail_msg("%s: [%s] %s", sql, fixture->err.condition, fixture->err.msg);
    return node;
}

static inline struct sl_node *fixture_optimized(struct fixture *fixture, const char *sql) {
    struct sl_node *node = fixture_plan(fixture, sql);
    if (sl_plan_optimize(&fixture->ctx.expr, node, &node, &fixture->err) != SL_OK)
        fail_msg("%s: %s", sql, fixture->err.msg);
    return node;
}

/* "a INT, b BIGINT" */
static inline const char *fixture_schema(struct fixture *fixture, const struct sl_node *node) {
    struct sl_buf text = {0};
    for (uint32_t i = 0; i < node->column_count; i++)
        sl_buf_printf(&text, "%s%.*s %s", i ? ", " : "", SL_STR_ARG(node->columns[i].name),
                      sl_type_sql(&fixture->arena, node->columns[i].type));
    const char *out = sl_arena_cstr(&fixture->arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return out;
}

static inline const char *fixture_text(struct fixture *fixture, const struct sl_node *node) {
    struct sl_buf text = {0};
    sl_node_put_text(&text, node);
    const char *out = sl_arena_cstr(&fixture->arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return out;
}

static inline void fixture_fails(struct fixture *fixture, const char *sql, const char *condition,
                                 const char *sqlstate) {
    struct sl_node *node;
    if (fixture_bind(fixture, sql, &node) == SL_OK) fail_msg("%s: was bound", sql);
    if (strcmp(fixture->err.condition, condition) || strcmp(fixture->err.sqlstate, sqlstate))
        fail_msg("%s: [%s] %s: %s", sql, fixture->err.condition, fixture->err.sqlstate,
                 fixture->err.msg);
    if (fixture->err.span.end <= fixture->err.span.begin) fail_msg("%s: no span", sql);
}

/* The text of the error's place. */
static inline void fixture_fails_at(struct fixture *fixture, const char *sql, const char *condition,
                                    const char *sqlstate, const char *place) {
    fixture_fails(fixture, sql, condition, sqlstate);
    struct sl_str found = sl_str_sub(sl_str(sql), fixture->err.span.begin, fixture->err.span.end);
    if (!sl_str_eq(found, sl_str(place)))
        fail_msg("%s: the span is `%.*s`, not `%s`", sql, SL_STR_ARG(found), place);
}

static inline void fixture_release(struct fixture *fixture) { sl_arena_release(&fixture->arena); }

#endif
