/* sluice.onSchemaDrift = evolve: fields that records have become columns; with errors, instead of
 * kills, at the steps in between (tests/fault/test_evolve.py kills). */
#include "run_fixture.h"

#include "run/schema_file.h"

/* From 100 on every record has a field more, every tenth one in the struct. */
static void value_of(char *to, size_t cap, int i) {
    snprintf(to, cap, "{\"id\":%d%s,\"s\":{\"x\":%d%s}}", i, i >= 100 ? ",\"new\":\"v\"" : "", i,
             i >= 100 && i % 10 == 9 ? ",\"y\":7" : "");
}
static void misfit(char *to, size_t cap, int i) {
    snprintf(to, cap, i % 10 == 3 ? "{\"id\":\"x%d\",\"new\":%d}" : "{\"id\":%d,\"new\":%d}", i, i);
}

#define PIPELINE(format, properties, columns)                                                      \
    "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"                              \
    "CREATE STREAMING TABLE t USING " format " LOCATION '${dir}/t' TBLPROPERTIES "                 \
    "('sluice.checkpointLocation' = '${dir}/c', 'sluice.onSchemaDrift' = 'evolve'" properties      \
    ") AS SELECT " columns                                                                         \
    " FROM (SELECT from_json(CAST(value AS STRING), 'id INT, s STRUCT<x: INT>') AS o FROM "        \
    "STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets => "   \
    "'earliest', maxOffsetsPerTrigger => 50))"

static void want_grown(char *to, size_t cap, size_t i) {
    snprintf(to, cap,
             i < 100       ? "%zu|null|%zu|null"
             : i % 10 == 9 ? "%zu|v|%zu|7"
                           : "%zu|v|%zu|null",
             i, i);
}
static void expect_grown(struct run_fixture *f) {
    fixture_expect_rows(f, "SELECT id, new, s.x, s.y FROM delta.`${dir}/t`", 200, want_grown);
}

void test_evolve_in_one_run(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 200, value_of);
    fixture_run_ok(&f, PIPELINE("delta", "", "o.*"));
    assert_true(f.batches >= 4);
    const char *added = strstr(sl_buf_cstr(&f.progress), "\"addedFields\":[");
    assert_non_null(added);
    assert_null(strstr(added + 1, "\"addedFields\":["));
    expect_grown(&f);
    fixture_run_ok(&f, PIPELINE("delta", "", "o.*"));
    assert_int_equal(f.batches, 0);
    fixture_close(&f);
}

/* Whatever fails, the next run has every record and both fields. */
void test_evolve_behind_errors(void **state) {
    (void)state;
    static const char *const points[] = {"schema.pre:1:enospc",  "schema.written:1:eio",
                                         "schema.named:1:eio",   "schema.evolved:1:einval",
                                         "delta.pre:3:enospc",   "delta.synced:3:eio",
                                         "read.mid:7:eio",       "read.mid:10:eio",
                                         "rows.committed:3:eio", "commits.pre:3:eio"};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 200, value_of);
        assert_int_equal(sl_fail_configure(points[i], NULL), SL_OK);
        enum sl_code code = fixture_run(&f, PIPELINE("delta", "", "o.*"), 0);
        assert_int_equal(sl_fail_configure(NULL, NULL), SL_OK);
        if (code == SL_OK) fail_msg("%s did not fail it", points[i]);
        fixture_run_ok(&f, PIPELINE("delta", "", "o.*"));
        expect_grown(&f);
        fixture_close(&f);
    }
}

static void want_fitting(char *to, size_t cap, size_t at) {
    size_t i = at / 9 * 10 + at % 9 + (at % 9 >= 3);
    snprintf(to, cap, "%zu|%zu", i, i);
}
static void want_letter(char *to, size_t cap, size_t at) {
    snprintf(to, cap, "malformed|{\"id\":\"x%zu\",\"new\":%zu}", at * 10 + 3, at * 10 + 3);
}

/* A batch that is thrown away leaves no letters; the one that runs again makes each once. */
void test_evolve_with_letters(void **state) {
    (void)state;
    static const char text[] = PIPELINE("delta", ", 'sluice.quarantine' = 'bad'", "o.*");
    for (int failing = 0; failing < 2; failing++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 100, misfit);
        if (failing) {
            assert_int_equal(sl_fail_configure("letters.committed:1:eio", NULL), SL_OK);
            assert_int_equal(fixture_run(&f, text, 0), SL_IO);
            assert_int_equal(sl_fail_configure(NULL, NULL), SL_OK);
        }
        fixture_run_ok(&f, text);
        fixture_expect_rows(&f, "SELECT id, new FROM delta.`${dir}/t`", 90, want_fitting);
        fixture_expect_rows(&f, "SELECT kind, value FROM delta.`${dir}/bad`", 10, want_letter);
        fixture_close(&f);
    }
}

void test_evolve_without_letters_fails_at_a_misfit(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 100, misfit);
    assert_int_equal(fixture_run(&f, PIPELINE("delta", "", "o.*"), 0), SL_DATA);
    assert_string_equal(f.err.condition, "CANNOT_PARSE_JSON_FIELD");
    assert_non_null(strstr(f.err.msg, "field `id`: INT expected, found \"x"));
    assert_non_null(strstr(f.err.ctx, "topic in partition"));
    assert_true(f.err.span.end > f.err.span.begin);
    fixture_close(&f);
}

/* Sinks that show what they get, and a topic's worth of kinds of them. */
void test_evolve_into_other_sinks(void **state) {
    (void)state;
    static const char *const texts[] = {PIPELINE("parquet", "", "o.*"), PIPELINE("noop", "", "o.*"),
                                        PIPELINE("delta", "", "to_json(o) AS j, o.id"),
                                        PIPELINE("delta", "", "o"), PIPELINE("delta", "", "o.s")};
    static const char *const last[] = {"s.y", "s.y", "s.y", "s.y", "s.y"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 200, value_of);
        fixture_run_ok(&f, texts[i]);
        assert_int_equal(f.rows_in, 200);
        const char *added = strstr(sl_buf_cstr(&f.progress), "\"addedFields\":[");
        assert_non_null(added);
        assert_non_null(strstr(added, last[i]));
        fixture_close(&f);
    }
}

void test_evolve_refuses_what_it_cannot_do(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {PIPELINE("memory", "", "o.*"), "a memory sink keeps the columns that it began with"},
        {PIPELINE("delta", ", 'mergeSchema' = 'false'", "o.*"), "`mergeSchema` is `false`"},
        {PIPELINE("delta", ", 'sluice.onSchemaDrift.maxFields' = '0'", "o.*"),
         "has to be a number from 1"},
        {"CREATE STREAMING TABLE t (id INT) USING delta LOCATION '${dir}/t' TBLPROPERTIES "
         "('sluice.checkpointLocation' = '${dir}/c', 'sluice.onSchemaDrift' = 'evolve') AS SELECT "
         "o.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT') AS o FROM STREAM "
         "read_kafka(bootstrapServers => '${brokers}', subscribe => 'in'))",
         "the table declares its columns"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_fixture f;
        fixture_open(&f);
        assert_int_equal(fixture_run(&f, cases[i][0], 0), SL_USER);
        if (!strstr(f.err.msg, cases[i][1])) fail_msg("%s", f.err.msg);
        assert_true(f.err.span.end > f.err.span.begin);
        fixture_close(&f);
    }
}

static void many(char *to, size_t cap, int i) { snprintf(to, cap, "{\"id\":1,\"k%d\":1}", i); }
static void deep(char *to, size_t cap, int i) { snprintf(to, cap, "{\"d\":{\"k%d\":1}}", i); }

/* Data as names: at the top and in a struct, on many tasks. */
void test_evolve_has_a_limit(void **state) {
    (void)state;
    void (*const values[])(char *, size_t, int) = {many, deep};
    for (int i = 0; i < 2; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 45, values[i]);
        assert_int_equal(
            fixture_run(&f, PIPELINE("delta", ", 'sluice.onSchemaDrift.maxFields' = '40'", "o.*"),
                        0),
            SL_DATA);
        assert_non_null(strstr(f.err.msg, "`sluice.onSchemaDrift.maxFields` (40)"));
        fixture_run_ok(&f, PIPELINE("delta", ", 'sluice.onSchemaDrift.maxFields' = '46'", "o.*"));
        fixture_close(&f);
    }
}

/* Beyond what is told apart a query with a star fails, too; one without goes on. */
void test_evolve_has_a_limit_of_names(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 1200, many);
    static const char listed[] = PIPELINE("delta", "", "o.id");
    fixture_run_ok(&f, listed);
    assert_int_equal(f.rows_in, 1200);
    fixture_close(&f);
    fixture_open(&f);
    fixture_produce(&f, 0, 1200, many);
    assert_int_equal(fixture_run(&f, PIPELINE("delta", "", "o.*"), 0), SL_DATA);
    assert_non_null(strstr(f.err.msg, "maxFields"));
    fixture_close(&f);
}

/* ---- the file ---- */

static const struct sl_type *parse(struct sl_arena *arena, const char *ddl) {
    const struct sl_type *type;
    assert_int_equal(sl_type_parse_schema(arena, sl_str(ddl), &type, NULL), SL_OK);
    return type;
}

static struct sl_evolution some_fields(struct sl_arena *arena) {
    struct sl_evolution fields = {.arena = arena};
    sl_evolution_site(&fields, SL_STR("unused"));
    uint32_t site = sl_evolution_site(&fields, SL_STR("CAST(\"v\n\" AS STRING)"));
    sl_evolution_add(&fields, site, SL_STR("`a.b`"), &sl_type_long);
    sl_evolution_add(&fields, site, SL_STR("l.element.x"),
                     parse(arena, "`p q` DECIMAL(20,0), z ARRAY<STRUCT<a: BOOLEAN>>"));
    return fields;
}

void test_schema_file_comes_back(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_err err;
    int64_t newest;
    sl_arena_init(&arena, "test");
    struct sl_evolution fields = some_fields(&arena), read = {.arena = &arena};
    assert_int_equal(sl_schema_file_read(sl_str(dir), &read, &newest, &err), SL_OK);
    assert_int_equal(newest, -1);
    for (int64_t n = 8; n < 12; n++) {
        assert_int_equal(sl_schema_file_write(sl_str(dir), n, &fields, &err), SL_OK);
        sl_evolution_add(&fields, 1, SL_STR("more"), &sl_type_string);
    }
    fields.field_count--;
    assert_int_equal(sl_schema_file_read(sl_str(dir), &read, &newest, &err), SL_OK);
    assert_int_equal(newest, 11);
    assert_int_equal(read.field_count, fields.field_count);
    for (uint32_t i = 0; i < read.field_count; i++) {
        assert_true(sl_str_eq(read.sites[read.fields[i].site], fields.sites[1]));
        assert_true(sl_str_eq(read.fields[i].path, fields.fields[i].path));
        assert_true(sl_type_equal(read.fields[i].type, fields.fields[i].type));
    }
    assert_int_equal(sl_schema_file_write(sl_str(dir), 11, &fields, &err), SL_CONFLICT);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

/* Every byte of it matters. */
void test_schema_file_is_checked(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_err err;
    struct sl_buf text = {0};
    int64_t newest;
    sl_arena_init(&arena, "test");
    struct sl_evolution fields = some_fields(&arena);
    assert_int_equal(sl_schema_file_write(sl_str(dir), 0, &fields, &err), SL_OK);
    const char *in = sl_arena_printf(&arena, "%s/.sluice/schema", dir).ptr;
    assert_int_equal(sl_io_read_file(sl_arena_printf(&arena, "%s/0", in).ptr, 1 << 20, &text, &err),
                     SL_OK);
    for (size_t i = 0; i <= text.len; i++) {
        struct sl_evolution read = {.arena = &arena};
        struct sl_buf bad = {0};
        sl_buf_put(&bad, text.ptr, i < text.len ? text.len : text.len / 2);
        if (i < text.len) bad.ptr[i] ^= 1;
        assert_int_equal(sl_io_put_atomic(in, "0", sl_buf_str(&bad), SL_PUT_REPLACE, NULL, &err),
                         SL_OK);
        if (sl_schema_file_read(sl_str(dir), &read, &newest, &err) != SL_DATA)
            fail_msg("byte %zu does not matter", i);
        assert_non_null(strstr(err.msg, "is damaged"));
        sl_buf_release(&bad);
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
