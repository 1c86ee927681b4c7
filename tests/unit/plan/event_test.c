/* Event time: where watermarks go, windows as columns, duplicates, bounds of joins, and what a
 * streaming query may do in which output mode. */
#include "plan_fixture.h"

#include "plan/streaming.h"

#define W "STREAM t WATERMARK ts DELAY OF INTERVAL 10 MINUTES"
#define W2 "STREAM t2 WATERMARK ts DELAY OF INTERVAL 5 MINUTES"

static const struct sl_node *find_node(const struct sl_node *node, enum sl_node_kind kind) {
    if (node->kind == kind) return node;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct sl_node *found = find_node(node->inputs[i], kind);
        if (found) return found;
    }
    return NULL;
}

static void fails(const char *sql, const char *condition, const char *sqlstate, const char *place) {
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_fails_at(&fixture, sql, condition, sqlstate, place);
    fixture_release(&fixture);
}

static void has_plan(const char *sql, const char *text) {
    struct fixture fixture;
    fixture_init(&fixture);
    assert_string_equal(fixture_text(&fixture, fixture_optimized(&fixture, sql)), text);
    fixture_release(&fixture);
}

/* ---- watermarks ---- */

void test_a_watermark_marks_its_column(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct sl_node *node =
        fixture_plan(&fixture, "SELECT ts AS x, a, ts + INTERVAL 1 DAY AS y FROM " W " AS o");
    const struct sl_watermark *watermark = find_node(node, SL_NODE_WATERMARK)->watermark;
    assert_int_equal(watermark->delay_ms, 600000);
    assert_int_equal(watermark->number, 0);
    assert_ptr_equal(node->columns[0].watermark, watermark);
    assert_null(node->columns[1].watermark);
    assert_null(node->columns[2].watermark);
    node = fixture_plan(&fixture, "SELECT * FROM STREAM t WATERMARK to_timestamp(s) AS at DELAY OF "
                                  "INTERVAL 1 MONTH");
    assert_string_equal(sl_arena_cstr(&fixture.arena, node->columns[0].name), "at");
    assert_int_equal(node->columns[0].watermark->delay_ms, INT64_C(31) * 86400000);
    /* of a table it means nothing */
    node = fixture_plan(&fixture, "SELECT * FROM t WATERMARK ts DELAY OF INTERVAL 1 HOUR");
    assert_null(find_node(node, SL_NODE_WATERMARK));
    fixture_release(&fixture);
}

void test_errors_of_watermarks(void **state) {
    (void)state;
    fails("SELECT * FROM STREAM t WATERMARK a DELAY OF INTERVAL 1 HOUR",
          "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", "42K09", "a");
    fails("SELECT * FROM STREAM t WATERMARK ts DELAY OF INTERVAL -1 HOUR",
          "INVALID_PARAMETER_VALUE", "22023", "INTERVAL -1 HOUR");
    fails("SELECT * FROM STREAM t WATERMARK to_timestamp(s) DELAY OF INTERVAL 1 HOUR",
          "REQUIRES_EXPLICIT_NAME_IN_WATERMARK_CLAUSE", "42000", "to_timestamp(s)");
}

/* As Spark: filters on other columns go below, those on the event time do not. */
void test_filters_and_watermarks(void **state) {
    (void)state;
    has_plan("SELECT ts FROM (SELECT ts, upper(s) AS u, a FROM " W ") WHERE a > 1 AND u = 'X' AND "
             "ts > TIMESTAMP '2024-01-01'",
             "Project [ts]\n"
             "+- Filter (ts > TIMESTAMP '2024-01-01 00:00:00')\n"
             "   +- EventTimeWatermark ts, INTERVAL '0 00:10:00' DAY TO SECOND\n"
             "      +- Filter ((a > 1) AND (upper(s) = 'X'))\n"
             "         +- StreamingRelation [a, s, ts] t, PushedFilters: [(a > 1)]\n");
}

/* A filter that has to go below a watermark does not parse the text a second time. */
void test_json_is_parsed_once_below_a_watermark(void **state) {
    (void)state;
    has_plan("SELECT j.p, j.q FROM (SELECT from_json(s, 'p INT, q STRING, r INT') AS j, ts FROM " W
             ") WHERE j.p > 1",
             "Project [_json0.p AS p, _json0.q AS q]\n"
             "+- EventTimeWatermark ts, INTERVAL '0 00:10:00' DAY TO SECOND\n"
             "   +- Filter (_json0.p > 1)\n"
             "      +- Project [ts, from_json(s, STRUCT<p: INT, q: STRING>) AS _json0]\n"
             "         +- StreamingRelation [s, ts] t\n");
}

/* ---- windows ---- */

void test_windows_are_columns_below(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct sl_node *node =
        fixture_plan(&fixture, "SELECT window.start, window(ts, '1 hour') AS w, count(*) FROM " W
                               " GROUP BY s, window(ts, '1 hour')");
    assert_string_equal(fixture_schema(&fixture, node),
                        "start TIMESTAMP, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, "
                        "count(1) BIGINT");
    const struct sl_node *aggregate = find_node(node, SL_NODE_AGGREGATE);
    assert_int_equal(aggregate->aggregation->event_time.column, 1);
    assert_int_equal(aggregate->aggregation->event_time.delay_us, INT64_C(600000000));
    assert_non_null(node->columns[1].watermark);
    assert_null(node->columns[0].watermark);
    node = fixture_plan(&fixture, "SELECT session_window, s, count(*) FROM " W
                                  " GROUP BY s, session_window(ts, '5 minutes')");
    assert_int_equal(find_node(node, SL_NODE_AGGREGATE)->aggregation->session, 1);
    fixture_release(&fixture);
    has_plan("SELECT window(ts, '10 minutes', '5 minutes') FROM t",
             "Generate explode(window(ts, 600000000, 300000000, 0)), [0], false, [window]\n"
             "+- Relation [ts] t\n");
    has_plan(
        "SELECT window(w, '1 day').end AS d, sum(c) FROM (SELECT window(ts, '1 hour') w, "
        "count(*) c FROM t GROUP BY 1) GROUP BY window(w, '1 day')",
        "Project [window.end AS d, sum(c)]\n"
        "+- Aggregate [window], [window, sum(c) AS sum(c)]\n"
        "   +- Project [window(window_time(w), 86400000000, 86400000000, 0) AS window, c]\n"
        "      +- Filter (window_time(w) IS NOT NULL)\n"
        "         +- Project [count(1) AS c, (window.end - INTERVAL '0 00:00:00.000001' DAY TO "
        "SECOND) AS window_time(w)]\n"
        "            +- Aggregate [window], [window, count(1) AS count(1)]\n"
        "               +- Project [window(ts, 3600000000, 3600000000, 0) AS window]\n"
        "                  +- Filter (ts IS NOT NULL)\n"
        "                     +- Relation [ts] t, PushedFilters: [(ts IS NOT NULL)]\n");
}

void test_errors_of_windows(void **state) {
    (void)state;
    fails("SELECT window(ts, '1 hour'), window(ts, '2 hours') FROM t", "MULTIPLE_TIME_WINDOWS",
          "0A000", "window(ts, '2 hours')");
    fails("SELECT window(ts, '-1 hour') FROM t", "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", "42K09",
          "'-1 hour'");
    fails("SELECT window(ts, '1 hour', '2 hours') FROM t",
          "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION", "42K09",
          "window(ts, '1 hour', '2 hours')");
    fails("SELECT window(ts, '1 hour', '1 hour', '1 hour') FROM t",
          "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION", "42K09",
          "window(ts, '1 hour', '1 hour', '1 hour')");
    fails("SELECT window(a, '1 hour') FROM t", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
          "a");
    fails("SELECT window(ts, '1 month') FROM t", "CANNOT_PARSE_INTERVAL", "22006", "'1 month'");
    fails("SELECT window(ts, 'soon') FROM t", "CANNOT_PARSE_INTERVAL", "22006", "'soon'");
    fails("SELECT count(*) FROM t GROUP BY session_window(ts, 'soon')", "CANNOT_PARSE_INTERVAL",
          "22006", "'soon'");
    fails("SELECT window(ts) FROM t", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "window(ts)");
    fails("SELECT window_time(st) FROM t", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
          "window_time(st)");
    fails("SELECT count(*) FROM t GROUP BY session_window(ts, 5)",
          "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", "5");
}

void test_other_places_of_windows(void **state) {
    (void)state;
    has_plan("SELECT a FROM t WHERE window(ts, '1 hour').start > TIMESTAMP '2024-01-01'",
             "Project [a]\n"
             "+- Filter (window.start > TIMESTAMP '2024-01-01 00:00:00')\n"
             "   +- Project [a, window(ts, 3600000000, 3600000000, 0) AS window]\n"
             "      +- Filter (ts IS NOT NULL)\n"
             "         +- Relation [a, ts] t, PushedFilters: [(ts IS NOT NULL)]\n");
    fails("SELECT a, row_number() OVER (PARTITION BY s ORDER BY ts) FROM STREAM t",
          "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING", "42KDE",
          "row_number() OVER (PARTITION BY s ORDER BY ts)");
    fails(
        "SELECT a FROM (SELECT a, row_number() OVER (PARTITION BY s ORDER BY ts) AS n FROM STREAM "
        "t) WHERE n = 1",
        "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING", "42KDE",
        "row_number() OVER (PARTITION BY s ORDER BY ts)");
}

/* ---- legality ---- */

static void legal(enum sl_output_mode mode, const char *sql) {
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *plan = fixture_plan(&fixture, sql);
    if (sl_plan_check_streaming(plan, mode, NULL, &fixture.err) != SL_OK)
        fail_msg("%s: [%s] %s", sql, fixture.err.condition, fixture.err.msg);
    if (sl_plan_optimize(&fixture.ctx.expr, plan, &plan, &fixture.err) != SL_OK ||
        sl_plan_check_event_times(plan, mode, &fixture.err) != SL_OK)
        fail_msg("%s: [%s] %s", sql, fixture.err.condition, fixture.err.msg);
    fixture_release(&fixture);
}

static void illegal(enum sl_output_mode mode, const char *sql, const char *condition,
                    const char *says) {
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *plan = fixture_plan(&fixture, sql);
    if (sl_plan_check_streaming(plan, mode, NULL, &fixture.err) == SL_OK &&
        sl_plan_optimize(&fixture.ctx.expr, plan, &plan, &fixture.err) == SL_OK &&
        sl_plan_check_event_times(plan, mode, &fixture.err) == SL_OK)
        fail_msg("%s: is legal", sql);
    if (strcmp(fixture.err.condition, condition) || !strstr(fixture.err.msg, says))
        fail_msg("%s: [%s] %s", sql, fixture.err.condition, fixture.err.msg);
    fixture_release(&fixture);
}

#define MODE "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"
#define OTHER "UNSUPPORTED_STREAMING_OPERATION"

void test_output_modes_of_aggregations(void **state) {
    (void)state;
    const char *by_s = "SELECT s, count(*) FROM " W " GROUP BY s";
    const char *by_window = "SELECT window(ts, '1 hour'), count(*) FROM " W " GROUP BY 1";
    const char *by_session = "SELECT s, count(*) FROM " W " GROUP BY s, session_window(ts, '5 m"
                             "inutes')";
    illegal(SL_MODE_APPEND, by_s, MODE, "streaming aggregations without watermark");
    legal(SL_MODE_UPDATE, by_s);
    legal(SL_MODE_COMPLETE, by_s);
    legal(SL_MODE_APPEND, by_window);
    legal(SL_MODE_APPEND, "SELECT ts, count(*) FROM " W " GROUP BY ts");
    illegal(SL_MODE_UPDATE, by_session, MODE, "session window streaming aggregations");
    legal(SL_MODE_APPEND, by_session);
    illegal(SL_MODE_COMPLETE, "SELECT a FROM STREAM t", MODE, "no streaming aggregations");
    legal(SL_MODE_UPDATE, "SELECT a FROM STREAM t");
    illegal(SL_MODE_APPEND, "SELECT DISTINCT s FROM " W, MODE, "without watermark");
    legal(SL_MODE_APPEND, "SELECT DISTINCT s, ts FROM " W);
    illegal(SL_MODE_COMPLETE, "SELECT s, count(DISTINCT a) FROM " W " GROUP BY s", OTHER,
            "distinct aggregations");
    illegal(SL_MODE_APPEND, "SELECT count(*) FROM " W " GROUP BY session_window(ts, '1 minute')",
            "UNSUPPORTED_STREAMING_OPERATION", "global aggregation with session window");
    illegal(SL_MODE_APPEND, "SELECT ts, count(*) FROM " W " GROUP BY ts, window(ts, '1 hour')",
            "MULTIPLE_EVENT_TIME_COLUMNS", "more than one event time");
}

void test_sort_and_limit_in_streams(void **state) {
    (void)state;
    const char *best = "SELECT s, count(*) c FROM STREAM t GROUP BY s ORDER BY c DESC LIMIT 3";
    legal(SL_MODE_COMPLETE, best);
    illegal(SL_MODE_UPDATE, best, OTHER, "sorting is not supported");
    illegal(SL_MODE_COMPLETE, "SELECT DISTINCT s FROM STREAM t ORDER BY s", OTHER, "sorting");
    illegal(SL_MODE_UPDATE, "SELECT s FROM STREAM t LIMIT 3", OTHER, "limits are not supported");
    illegal(SL_MODE_UPDATE, "SELECT s, count(*) FROM (SELECT * FROM STREAM t LIMIT 3) GROUP BY s",
            OTHER, "limits are not supported");
    fails("SELECT s FROM STREAM t LIMIT 3 OFFSET 2", OTHER, "0A000", "2");
    legal(SL_MODE_APPEND, "SELECT s FROM STREAM t LIMIT 3");
    legal(SL_MODE_COMPLETE, "SELECT s, count(*) FROM STREAM t GROUP BY s LIMIT 3");
    has_plan(best, "GlobalLimit 3\n"
                   "+- Sort [c DESC NULLS LAST], true\n"
                   "   +- Project [s, count(1) AS c]\n"
                   "      +- Aggregate [s], [s, count(1) AS count(1)]\n"
                   "         +- StreamingRelation [s] t\n");
    has_plan("SELECT s, count(*) FROM STREAM t GROUP BY s LIMIT 3",
             "GlobalLimit 3\n"
             "+- Aggregate [s], [s, count(1) AS count(1)]\n"
             "   +- StreamingRelation [s] t\n");
}

static bool remembers(enum sl_output_mode mode, const char *sql) {
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *plan = fixture_plan(&fixture, sql);
    sl_plan_choose_limits(plan, mode);
    if (sl_plan_optimize(&fixture.ctx.expr, plan, &plan, &fixture.err) != SL_OK)
        fail_msg("%s: [%s] %s", sql, fixture.err.condition, fixture.err.msg);
    while (plan->kind != SL_NODE_LIMIT && plan->input_count) plan = plan->inputs[0];
    bool out = plan->kind == SL_NODE_LIMIT && plan->limit_remembers;
    fixture_release(&fixture);
    return out;
}

/* Of all batches together, but for groups in complete mode, of which every batch has all. */
void test_limits_that_remember(void **state) {
    (void)state;
    assert_true(remembers(SL_MODE_APPEND, "SELECT s FROM STREAM t LIMIT 3"));
    assert_true(remembers(SL_MODE_APPEND, "SELECT ts, count(*) FROM " W " GROUP BY ts LIMIT 3"));
    assert_true(remembers(SL_MODE_COMPLETE,
                          "SELECT s, count(*) FROM (SELECT * FROM STREAM t LIMIT 3) GROUP BY s"));
    assert_false(remembers(SL_MODE_COMPLETE, "SELECT s, count(*) FROM STREAM t GROUP BY s LIMIT "
                                             "3"));
    assert_false(remembers(SL_MODE_APPEND, "SELECT s FROM t LIMIT 3"));
    assert_false(remembers(SL_MODE_UPDATE, "SELECT s FROM STREAM t LIMIT 3"));
}

void test_stateful_chains(void **state) {
    (void)state;
    const char *two = "SELECT window(w, '1 day'), sum(c) FROM (SELECT window(ts, '1 hour') w, "
                      "count(*) c FROM " W " GROUP BY 1) GROUP BY 1";
    legal(SL_MODE_APPEND, two);
    illegal(SL_MODE_UPDATE, two, OTHER, "'correctness' issue");
    legal(SL_MODE_UPDATE, "SELECT s, count(*) FROM " W " DEDUPLICATE BY (a, ts) GROUP BY s");
    illegal(SL_MODE_APPEND,
            "SELECT * FROM (SELECT * FROM " W ") WATERMARK ts DELAY OF INTERVAL 1 "
            "HOUR",
            "WATERMARK_REDEFINITION", "redefining watermark");
}

/* ---- duplicates ---- */

void test_deduplicate_by(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct sl_node *node = find_node(
        fixture_optimized(&fixture, "SELECT b, ts FROM " W " AS x DEDUPLICATE BY (s, a, s)"),
        SL_NODE_DEDUPLICATE);
    assert_int_equal(node->deduplication->key_count, 2);
    assert_int_equal(node->column_count, 4);
    assert_string_equal(
        sl_arena_cstr(&fixture.arena, node->columns[node->deduplication->keys[0]].name), "s");
    const struct sl_deduplication *what = node->deduplication;
    assert_string_equal(sl_arena_cstr(&fixture.arena, node->columns[what->event_time.column].name),
                        "ts");
    node = find_node(
        fixture_plan(&fixture, "SELECT * FROM " W " DEDUPLICATE BY (a) WITHIN WATERMARK x"),
        SL_NODE_DEDUPLICATE);
    assert_true(node->deduplication->within_watermark);
    /* as in Spark: what nobody reads is pruned, and then no row is late by it */
    node = find_node(fixture_optimized(&fixture, "SELECT b FROM " W " DEDUPLICATE BY (s)"),
                     SL_NODE_DEDUPLICATE);
    assert_int_equal(node->deduplication->event_time.column, -1);
    fixture_release(&fixture);
    illegal(SL_MODE_APPEND, "SELECT * FROM STREAM t DEDUPLICATE BY (a) WITHIN WATERMARK", OTHER,
            "without watermark");
    legal(SL_MODE_APPEND, "SELECT * FROM STREAM t DEDUPLICATE BY (a)");
    fails("SELECT * FROM t DEDUPLICATE BY (zz)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
          "(zz)");
    fails("SELECT * FROM t DEDUPLICATE BY (a) WITHIN WATERMARK", OTHER, "0A000",
          "t DEDUPLICATE BY (a) WITHIN WATERMARK");
}

/* What a watermark sees does not hang on the order of the terms, even of those that may fail. */
void test_filters_around_a_watermark(void **state) {
    (void)state;
    const char *plan = "Project [a]\n"
                       "+- Filter (ts > TIMESTAMP '2025-01-01 00:00:00')\n"
                       "   +- EventTimeWatermark ts, INTERVAL '0 00:10:00' DAY TO SECOND\n"
                       "      +- Filter (length(s) > 2)\n"
                       "         +- StreamingRelation [a, s, ts] t\n";
    has_plan("SELECT a FROM " W " WHERE ts > TIMESTAMP '2025-01-01' AND length(s) > 2", plan);
    has_plan("SELECT a FROM " W " WHERE length(s) > 2 AND ts > TIMESTAMP '2025-01-01'", plan);
}

/* ---- several event times ---- */

#define TIMES                                                                                      \
    "(SELECT o.s, o.a, o.ts AS t, p.ts AS u FROM " W " AS o JOIN " W2                              \
    " AS p ON o.s = p.s AND p.ts BETWEEN o.ts AND o.ts + INTERVAL 1 HOUR)"
#define THIRD " AS x JOIN " W2 " AS q ON q.s = x.s AND "

/* One of them may be read above a join, any of them, but not two by what remembers rows. */
void test_one_event_time_is_read(void **state) {
    (void)state;
    const char *many = "MULTIPLE_EVENT_TIME_COLUMNS", *says = "more than one event time";
    legal(SL_MODE_APPEND, "SELECT t, u FROM " TIMES);
    legal(SL_MODE_APPEND, "SELECT t, max(u) FROM " TIMES " GROUP BY t");
    illegal(SL_MODE_APPEND, "SELECT t, u, count(*) FROM " TIMES " GROUP BY t, u", many, says);
    legal(SL_MODE_APPEND, "SELECT a, u FROM (SELECT * FROM " TIMES " DEDUPLICATE BY (a))");
    illegal(SL_MODE_APPEND, "SELECT a, t, u FROM " TIMES " DEDUPLICATE BY (a)", many, says);
    illegal(SL_MODE_APPEND, "SELECT a, u FROM " TIMES " DEDUPLICATE BY (a, t)", many, says);
    illegal(SL_MODE_APPEND, "SELECT a FROM " TIMES " DEDUPLICATE BY (a) WITHIN WATERMARK", many,
            says);
    legal(SL_MODE_APPEND, "SELECT x.t, q.ts FROM " TIMES THIRD "q.ts > x.t");
    legal(SL_MODE_APPEND, "SELECT q.ts FROM " TIMES THIRD "q.ts > x.u");
    illegal(SL_MODE_APPEND, "SELECT x.t FROM " TIMES THIRD "q.ts > x.u", many, says);
    illegal(SL_MODE_APPEND, "SELECT x.a FROM " TIMES THIRD "q.ts BETWEEN x.t AND x.u", many, says);
    illegal(SL_MODE_UPDATE,
            "SELECT ts, w, count(*) FROM (SELECT ts, ts AS w FROM " W ") GROUP BY 1"
            ", 2",
            many, says);
    legal(SL_MODE_COMPLETE, "SELECT ts, w, count(*) FROM (SELECT ts, ts AS w FROM " W ") GROUP BY 1"
                            ", 2");
    illegal(SL_MODE_COMPLETE,
            "SELECT ts, count(*) FROM " W " GROUP BY ts, session_window(ts, '1 "
            "minute')",
            many, says);
    legal(SL_MODE_APPEND, "SELECT ts, ts AS w, count(*) FROM " W " GROUP BY ts");
}

/* ---- joins ---- */

static const struct sl_join *joined(struct fixture *fixture, const char *sql) {
    return find_node(fixture_optimized(fixture, sql), SL_NODE_JOIN)->join;
}

#define PAIR "SELECT * FROM " W " AS o JOIN " W2 " AS p ON o.s = p.s AND "

/* The second event time of a join below is the one that is left, and the one that tells until when.
 */
void test_times_of_a_third_stream(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct sl_node *node =
        find_node(fixture_optimized(&fixture, "SELECT q.ts FROM " TIMES THIRD
                                              "q.ts BETWEEN x.u AND x.u + INTERVAL 2 HOURS"),
                  SL_NODE_JOIN);
    const struct sl_join_side *side = &node->join->sides[0];
    const struct sl_node *below = node->inputs[0];
    assert_true(side->event_time.column >= 0);
    assert_string_equal(sl_arena_cstr(&fixture.arena, below->columns[side->event_time.column].name),
                        "u");
    assert_int_equal(side->event_time.delay_us, INT64_C(300000000));
    assert_int_equal(side->bound, side->event_time.column);
    assert_int_equal(side->bound_offset_us, INT64_C(7200001000));
    fixture_release(&fixture);
    legal(SL_MODE_APPEND,
          "SELECT q.ts FROM " TIMES " AS x RIGHT JOIN " W2 " AS q ON q.s = x.s AND q.ts > x.u");
}

/* Goal: rows go when the watermark says that no match can come.  Method: the offsets of hand-worked
 * conditions: o.ts >= p.ts - 1h means that with p at w no o before w - 1h can match. */
void test_bounds_of_stream_joins(void **state) {
    (void)state;
    static const struct {
        const char *condition;
        int64_t left_us, right_us; /* bound_offset_us; 1: none */
    } cases[] = {
        {"p.ts BETWEEN o.ts AND o.ts + INTERVAL 1 HOUR", INT64_C(3600001000), 1000},
        {"p.ts > o.ts AND p.ts < o.ts + INTERVAL 1 HOUR", INT64_C(3600000000), 0},
        {"o.ts + INTERVAL 2 MINUTES < p.ts + INTERVAL 1 MINUTE", 1, INT64_C(-60000000)},
        {"o.ts > p.ts - INTERVAL 1 HOUR AND o.ts > p.ts - INTERVAL 2 HOURS", INT64_C(7200000000),
         1},
        {"o.a > p.a", 1, 1},
        {"o.ts = p.ts", 0, 0},
    };
    struct fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_str sql = sl_arena_printf(&fixture.arena, PAIR "%s", cases[i].condition);
        const struct sl_join *join = joined(&fixture, sl_arena_cstr(&fixture.arena, sql));
        int64_t wanted[2] = {cases[i].left_us, cases[i].right_us};
        for (int side = 0; side < 2; side++) {
            int64_t got = join->sides[side].bound < 0 ? 1 : join->sides[side].bound_offset_us;
            if (got != wanted[side])
                fail_msg("%s: side %d has %lld", cases[i].condition, side, (long long)got);
        }
    }
    fixture_release(&fixture);
}

void test_legality_of_joins(void **state) {
    (void)state;
#define ON " JOIN " W2 " AS p ON o.s = p.s"
#define RANGE " AND p.ts BETWEEN o.ts AND o.ts + INTERVAL 1 HOUR"
    legal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o" ON);
    illegal(SL_MODE_UPDATE, "SELECT o.a FROM " W " AS o" ON, OTHER, "only in Append output mode");
    illegal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o LEFT" ON, OTHER,
            "stream-stream LeftOuter join");
    legal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o LEFT" ON RANGE);
    legal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o LEFT SEMI" ON RANGE);
    legal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o FULL" ON " AND o.ts = p.ts");
    illegal(SL_MODE_APPEND, "SELECT o.a FROM " W " AS o LEFT ANTI" ON RANGE, OTHER, "LeftAnti");
    legal(SL_MODE_APPEND, "SELECT o.a FROM STREAM t o LEFT JOIN t2 p ON o.s = p.s");
    legal(SL_MODE_APPEND, "SELECT o.a FROM STREAM t o LEFT ANTI JOIN t2 p ON o.s = p.s");
    illegal(SL_MODE_APPEND, "SELECT o.a FROM STREAM t o RIGHT JOIN t2 p ON o.s = p.s", OTHER,
            "RightOuter");
    illegal(SL_MODE_APPEND, "SELECT o.a FROM STREAM t o FULL JOIN t2 p ON o.s = p.s", OTHER,
            "FullOuter");
    illegal(SL_MODE_APPEND, "SELECT o.a FROM t2 o LEFT JOIN STREAM t p ON o.s = p.s", OTHER,
            "LeftOuter join with a streaming");
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *plan =
        fixture_plan(&fixture, "SELECT o.a FROM STREAM t o JOIN STREAM t2 p ON o.a > p.a");
    assert_int_equal(sl_plan_optimize(&fixture.ctx.expr, plan, &plan, &fixture.err), SL_USER);
    assert_string_equal(fixture.err.condition, "UNSUPPORTED_STREAMING_OPERATION");
    fixture_release(&fixture);
}
