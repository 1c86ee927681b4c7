/* mergeSchema: what becomes of the table's columns, and of rows whose structs are smaller than the
 * table's; the sink's commit that adds columns together with the first rows that have them. */
#include "sink_world.h"

#include "conn/delta/delta_merge.h"

static const struct sl_type *type_of(struct sl_arena *arena, const char *ddl) {
    const struct sl_type *type;
    struct sl_err err;
    if (sl_type_parse_schema(arena, sl_str(ddl), &type, &err) != SL_OK) fail_msg("%s", err.msg);
    return type;
}

static enum sl_code merge(struct sl_arena *arena, const char *table, const char *query,
                          struct sl_delta_metadata *out, bool *changed, struct sl_err *err) {
    struct sl_delta_metadata metadata = {.schema = type_of(arena, table),
                                         .schema_text = SL_STR("old")};
    return sl_delta_merge(arena, "/t", type_of(arena, query), &metadata, out, changed, err);
}

static void check_merged(const char *table, const char *query, const char *wanted) {
    struct sl_arena arena;
    struct sl_delta_metadata out;
    struct sl_err err;
    struct sl_buf text = {0};
    bool changed;
    sl_arena_init(&arena, "test");
    if (merge(&arena, table, query, &out, &changed, &err) != SL_OK) fail_msg("%s", err.msg);
    sl_type_put_simple(&text, out.schema);
    assert_string_equal(sl_buf_cstr(&text), wanted);
    assert_int_equal(changed, !sl_str_eq(out.schema_text, SL_STR("old")));
    assert_true(sl_delta_type_holds(out.schema, type_of(&arena, query)));
    sl_buf_release(&text);
    sl_arena_release(&arena);
}

void test_delta_merge_schemas(void **state) {
    (void)state;
    check_merged("a INT, b STRING", "B STRING", "struct<a:int,b:string>");
    check_merged("a INT", "c DATE, a INT, d STRUCT<x: INT>",
                 "struct<a:int,c:date,d:struct<x:int>>");
    check_merged("s STRUCT<x: INT, l: ARRAY<STRUCT<y: INT>>>",
                 "s STRUCT<l: ARRAY<STRUCT<z: INT>>, n: BIGINT>",
                 "struct<s:struct<x:int,l:array<struct<y:int,z:int>>,n:bigint>>");
    check_merged("m MAP<STRING, STRUCT<x: INT>>", "m MAP<STRING, STRUCT<y: INT>>",
                 "struct<m:map<string,struct<x:int,y:int>>>");
}

/* A column of the table keeps its own properties; a new one may be null at every depth. */
void test_delta_merge_keeps_and_loosens(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_delta_metadata out;
    bool changed;
    sl_arena_init(&arena, "test");
    assert_int_equal(merge(&arena, "a INT NOT NULL COMMENT 'kept'",
                           "a INT, s STRUCT<x: INT NOT NULL> NOT NULL COMMENT 'new'", &out,
                           &changed, NULL),
                     SL_OK);
    assert_string_equal(
        sl_arena_cstr(&arena, out.schema_text),
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"integer\",\"nullable\":false,\"metadata\":{\"comment\":"
        "\"kept\"}},"
        "{\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":\"x\",\"type\":"
        "\"integer\",\"nullable\":true,\"metadata\":{}}]},\"nullable\":true,\"metadata\":{"
        "\"comment\":\"new\"}}]}");
    sl_arena_release(&arena);
}

void test_delta_merge_refuses_other_types(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a INT", "a BIGINT", "the column `a` of the Delta table `/t` is INT, and BIGINT in"},
        {"s STRUCT<x: INT>", "s STRUCT<x: STRING, y: INT>", "the column `s.x` of the Delta"},
        {"a ARRAY<INT>", "a ARRAY<STRING>", "the column `a.element` of the Delta table"},
        {"a INT", "a STRUCT<x: INT>", "the column `a` of the Delta table"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_arena arena;
        struct sl_delta_metadata out;
        struct sl_err err = {0};
        bool changed;
        sl_arena_init(&arena, "test");
        assert_int_equal(merge(&arena, cases[i][0], cases[i][1], &out, &changed, &err), SL_USER);
        assert_string_equal(err.condition, "DELTA_FAILED_TO_MERGE_FIELDS");
        if (!strstr(err.msg, cases[i][2])) fail_msg("%s", err.msg);
        sl_arena_release(&arena);
    }
}

/* Structs in lists: fields in another order, one missing; a null list, a null struct. */
void test_delta_merge_fits_values(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_vec from, out;
    const char *why;
    sl_arena_init(&arena, "test");
    const struct sl_type *query = type_of(&arena, "l ARRAY<STRUCT<y: STRING, x: INT>>");
    const struct sl_type *table = type_of(&arena, "l ARRAY<STRUCT<x: INT, z: INT, y: STRING>>");
    const struct sl_type *list = query->fields[0].type, *wide = table->fields[0].type;
    assert_true(sl_delta_type_holds(wide, list));
    assert_false(sl_delta_type_holds(list, wide));
    sl_vec_init(&from, list);
    sl_vec_init(&out, wide);
    struct sl_vec *item = &from.children[0];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sl_vec_put_str(&item->children[0], SL_STR("s"), NULL), SL_OK);
        assert_int_equal(sl_vec_put_i64(&item->children[1], 7 + i, NULL), SL_OK);
    }
    item->rows = 2;
    assert_int_equal(sl_vec_append_null(item, 1, NULL), SL_OK);
    assert_int_equal(sl_vec_reserve(&from, 2, NULL), SL_OK);
    from.offsets[1] = 3;
    from.rows = 1;
    assert_int_equal(sl_vec_append_null(&from, 1, NULL), SL_OK);
    for (int round = 0; round < 2; round++) { /* a task's vectors are used again */
        assert_int_equal(sl_delta_vec_fit(&out, wide, &from, NULL), SL_OK);
        if (!sl_vec_verify(&out, &why)) fail_msg("%s", why);
        assert_int_equal(out.rows, 2);
        assert_true(sl_vec_is_null(&out, 1));
        assert_int_equal(out.offsets[1], 3);
        assert_int_equal(out.children[0].children[0].i32[1], 8);
        assert_true(sl_vec_is_null(&out.children[0].children[1], 0));
        assert_true(sl_vec_is_null(&out.children[0], 2));
        assert_true(sl_str_eq(sl_vec_str(&out.children[0].children[2], 0), SL_STR("s")));
    }
    sl_vec_release(&from);
    sl_vec_release(&out);
    sl_arena_release(&arena);
}

/* ---- the sink ---- */

/* A table of a BIGINT, b STRING. */
static void merge_world_init(struct world *w) {
    world_init(w);
    delta_create(&w->arena, w->dir, PROTOCOL_1_2,
                 METADATA_OF(FIELD("a", "long") "," FIELD("b", "string"), "", ""));
}

static void choose_query(struct world *w, const char *schema, bool merges) {
    w->config.schema = type_of(&w->arena, schema);
    w->config.options.count = 0;
    if (merges) world_set_option(w, "mergeSchema", "true");
}

static struct sl_sink *must_open(struct world *w, const char *schema, bool merges) {
    choose_query(w, schema, merges);
    return world_open(w);
}

/* One row of nulls, written but not committed. */
static void stage(struct world *w, struct sl_sink *sink, const char *schema, int64_t batch_id) {
    struct sl_batch batch;
    sl_batch_init(&batch, type_of(&w->arena, schema), &w->arena);
    for (uint32_t i = 0; i < batch.schema->field_count; i++)
        assert_int_equal(sl_vec_append_null(&batch.columns[i], 1, NULL), SL_OK);
    batch.rows = batch.selected_rows = 1;
    world_stage(sink, batch_id, 10 + (uint64_t)batch_id, &batch);
    sl_batch_release(&batch);
}

static void check_schema(struct world *w, int64_t version, const char *wanted) {
    struct sl_delta_snapshot *snapshot = delta_open(w->dir);
    struct sl_buf text = {0};
    assert_int_equal(sl_delta_snapshot_version(snapshot), version);
    sl_type_put_simple(&text, sl_delta_snapshot_metadata(snapshot)->schema);
    assert_string_equal(sl_buf_cstr(&text), wanted);
    sl_buf_release(&text);
    sl_delta_snapshot_close(snapshot);
}

void test_delta_merge_adds_columns_with_the_rows(void **state) {
    (void)state;
    struct world w;
    static const char wider[] = "a BIGINT, b STRING, s STRUCT<x: INT>, d DATE";
    merge_world_init(&w);
    choose_query(&w, wider, false);
    world_refuses(&w, SL_USER, "DELTA_METADATA_MISMATCH", "");
    struct sl_sink *sink = must_open(&w, wider, true);
    stage(&w, sink, wider, 0);
    sink->ops->abort(sink);
    check_schema(&w, 0, "struct<a:bigint,b:string>"); /* no rows, no columns */
    stage(&w, sink, wider, 0);
    world_commit(sink);
    check_schema(&w, 1, "struct<a:bigint,b:string,s:struct<x:int>,d:date>");
    delta_check_text(w.dir, 1, "{\"metaData\":{\"id\":\"t\"");
    delta_check_text(w.dir, 1, "\"txn\":{\"appId\":\"query-1\",\"version\":0");
    stage(&w, sink, wider, 1);
    world_commit(sink);
    check_schema(&w, 2, "struct<a:bigint,b:string,s:struct<x:int>,d:date>");
    world_release(&w);
}

/* The other way round: the table has more than the query, in a struct, too. */
void test_delta_merge_fills_what_the_query_lacks(void **state) {
    (void)state;
    struct world w;
    merge_world_init(&w);
    struct sl_sink *sink = must_open(&w, "s STRUCT<x: INT, y: INT>", true);
    stage(&w, sink, "s STRUCT<x: INT, y: INT>", 0);
    world_commit(sink);
    world_close(&w, sink);
    sink = must_open(&w, "s STRUCT<y: INT>, b STRING", true);
    stage(&w, sink, "s STRUCT<y: INT>, b STRING", 1);
    world_commit(sink);
    world_close(&w, sink);
    check_schema(&w, 2, "struct<a:bigint,b:string,s:struct<x:int,y:int>>");
    delta_check_text(w.dir, 2, "\\\"nullCount\\\":{\\\"a\\\":1,\\\"b\\\":1");
    world_release(&w);
}

/* Somebody else's column comes between our files and our commit: both stay. */
void test_delta_merge_meets_a_rival(void **state) {
    (void)state;
    struct world w;
    merge_world_init(&w);
    w.merges = "true";
    struct sl_sink *sink = must_open(&w, "a BIGINT, c INT", false); /* by the session's setting */
    stage(&w, sink, "a BIGINT, c INT", 0);
    world_change_metadata(
        &w,
        METADATA_OF(FIELD("a", "long") "," FIELD("b", "string") "," FIELD("r", "date"), "", ""));
    world_commit(sink);
    check_schema(&w, 2, "struct<a:bigint,b:string,r:date,c:int>");
    world_release(&w);
}

/* The same name with another type does stop it. */
void test_delta_merge_is_stopped_by_a_rival(void **state) {
    (void)state;
    struct world w;
    struct sl_err err;
    struct sl_sink_metrics metrics;
    merge_world_init(&w);
    struct sl_sink *sink = must_open(&w, "a BIGINT, c INT", true);
    stage(&w, sink, "a BIGINT, c INT", 0);
    world_change_metadata(
        &w,
        METADATA_OF(FIELD("a", "long") "," FIELD("b", "string") "," FIELD("c", "string"), "", ""));
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_CONFLICT);
    assert_string_equal(err.condition, "DELTA_METADATA_CHANGED");
    sink->ops->abort(sink);
    assert_int_equal(sink->ops->begin(sink, 0, 10, 1, &err), SL_USER);
    assert_string_equal(err.condition, "DELTA_FAILED_TO_MERGE_FIELDS");
    world_release(&w);
}

void test_delta_merge_refuses_what_delta_cannot_hold(void **state) {
    (void)state;
    struct world w;
    merge_world_init(&w);
    choose_query(&w, "a BIGINT, `c d` INT", true);
    world_refuses(&w, SL_USER, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "`c d`");
    choose_query(&w, "a BIGINT, t TIMESTAMP_NTZ", true);
    world_refuses(&w, SL_UNSUPPORTED, "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT", "");
    world_release(&w);
}
