#include "plan/streaming.h"

#include "plan/optimize_int.h"

struct checking {
    const struct sl_node *plan;
    enum sl_output_mode mode;
    struct sl_err *err;
};

static const char *mode_name(enum sl_output_mode mode) {
    static const char *const names[] = {"Append", "Update", "Complete", "Batch"};
    return names[mode];
}
static const char *mode_word(enum sl_output_mode mode) {
    static const char *const words[] = {"append", "update", "complete", "batch"};
    return words[mode];
}

static enum sl_code refuse(const struct checking *checking, const struct sl_node *node,
                           const char *fmt, ...) SL_PRINTF(3, 4);
static enum sl_code refuse(const struct checking *checking, const struct sl_node *node,
                           const char *fmt, ...) {
    struct sl_buf text = {0};
    va_list args;
    va_start(args, fmt);
    sl_buf_vprintf(&text, fmt, args);
    va_end(args);
    enum sl_code code = sl_fail_at(checking->err, node->span, "UNSUPPORTED_STREAMING_OPERATION",
                                   "0A000", "%s", sl_buf_cstr(&text));
    sl_buf_release(&text);
    return code;
}

static enum sl_code refuse_mode(const struct checking *checking, const struct sl_node *node,
                                const char *operation, const char *hint) {
    sl_fail_at(checking->err, node->span, "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION", "42KDE",
               "invalid streaming output mode: %s. This output mode is not supported for %s on "
               "streaming DataFrames/DataSets",
               mode_word(checking->mode), operation);
    if (checking->err) sl_hint(checking->err, "%s", hint);
    return SL_USER;
}

static bool is_aggregate(const struct sl_node *node) {
    return node->kind == SL_NODE_AGGREGATE && sl_node_is_streaming(node);
}
static bool is_stream_join(const struct sl_node *node) {
    return node->kind == SL_NODE_JOIN && node->join->sides[0].streaming &&
           node->join->sides[1].streaming;
}

typedef bool (*node_test)(const struct sl_node *node);
/* The first from the top. */
static const struct sl_node *find(const struct sl_node *node, node_test test) {
    if (test(node)) return node;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct sl_node *found = find(node->inputs[i], test);
        if (found) return found;
    }
    return NULL;
}

/* ---- the mode ---- */

static enum sl_code check_mode(const struct checking *checking) {
    const struct sl_node *aggregate = find(checking->plan, is_aggregate);
    switch (checking->mode) {
    case SL_MODE_APPEND:
        if (!aggregate || aggregate->aggregation->event_time.column >= 0) return SL_OK;
        return refuse_mode(checking, aggregate, "streaming aggregations without watermark",
                           "in append mode a group is written once, when the watermark has passed "
                           "it: group by the column of a WATERMARK clause or by a window() of it; "
                           "or choose the output mode update or complete");
    case SL_MODE_UPDATE:
        if (!aggregate || aggregate->aggregation->session < 0) return SL_OK;
        return refuse_mode(checking, aggregate, "session window streaming aggregations",
                           "choose the output mode append or complete");
    case SL_MODE_COMPLETE:
        if (aggregate) return SL_OK;
        return refuse_mode(checking, checking->plan, "no streaming aggregations",
                           "complete mode writes all groups in every batch, so there must be "
                           "groups; choose the output mode append");
    case SL_MODE_BATCH:
        break;
    }
    return SL_OK;
}

/* ---- joins ---- */

static const char *join_word(enum sl_join_kind kind) {
    static const char *const words[] = {"Inner",     "LeftOuter", "RightOuter",
                                        "FullOuter", "LeftSemi",  "LeftAnti"};
    return words[kind];
}

static enum sl_code check_stream_join(const struct checking *checking, const struct sl_node *node) {
    enum sl_join_kind kind = node->join->kind;
    if (checking->mode != SL_MODE_APPEND)
        return refuse(checking, node,
                      "join between two streaming DataFrames/Datasets is not supported in %s "
                      "output mode, only in Append output mode",
                      mode_name(checking->mode));
    if (kind == SL_JOINS_INNER) return SL_OK;
    if (kind == SL_JOINS_ANTI)
        return refuse(checking, node,
                      "LeftAnti joins with a streaming DataFrame/Dataset on the right are not "
                      "supported");
    if (sl_join_is_bounded(node)) return SL_OK;
    refuse(
        checking, node,
        "stream-stream %s join between two streaming DataFrame/Datasets is not supported without "
        "a watermark in the join keys, or a watermark on the nullable side and an appropriate "
        "range condition",
        join_word(kind));
    if (checking->err)
        sl_hint(checking->err, "give both streams a WATERMARK, and say in the condition how far "
                               "apart their times may be, as in p.ts BETWEEN o.ts AND o.ts + "
                               "INTERVAL 1 HOUR");
    return SL_USER;
}

static enum sl_code check_join(const struct checking *checking, const struct sl_node *node) {
    bool left = node->join->sides[0].streaming, right = node->join->sides[1].streaming;
    enum sl_join_kind kind = node->join->kind;
    if (left && right) return check_stream_join(checking, node);
    if (kind == SL_JOINS_FULL && (left || right))
        return refuse(checking, node,
                      "FullOuter joins with streaming DataFrames/Datasets on the %s and a static "
                      "DataFrame/Dataset on the %s is not supported",
                      left ? "left" : "right", left ? "right" : "left");
    if (kind == SL_JOINS_ANTI && right)
        return refuse(checking, node,
                      "LeftAnti joins with a streaming DataFrame/Dataset on the right are not "
                      "supported");
    if ((kind == SL_JOINS_LEFT || kind == SL_JOINS_SEMI) && right)
        return refuse(checking, node,
                      "%s join with a streaming DataFrame/Dataset on the right and a static "
                      "DataFrame/Dataset on the left is not supported",
                      join_word(kind));
    if (kind == SL_JOINS_RIGHT && left)
        return refuse(checking, node,
                      "RightOuter join with a streaming DataFrame/Dataset on the left and a static "
                      "DataFrame/DataSet on the right not supported");
    return SL_OK;
}

/* ---- watermarks ---- */

static bool is_watermark(const struct sl_node *node) { return node->kind == SL_NODE_WATERMARK; }

static enum sl_code check_watermark(const struct checking *checking, const struct sl_node *node) {
    if (!find(node->inputs[0], is_watermark)) return SL_OK;
    return sl_fail_at(checking->err, node->span, "WATERMARK_REDEFINITION", "0A000",
                      "redefining watermark is disallowed: there is a WATERMARK clause below this "
                      "one already");
}

/* ---- the other nodes ---- */

static enum sl_code check_aggregate(const struct checking *checking, const struct sl_node *node) {
    const struct sl_aggregation *what = node->aggregation;
    for (uint32_t i = 0; i < what->item_count; i++)
        if (what->items[i].distinct)
            return refuse(checking, node,
                          "distinct aggregations are not supported on streaming "
                          "DataFrames/Datasets. Consider using approx_count_distinct() instead");
    if (what->session >= 0 && what->key_count == 1)
        return sl_fail_at(checking->err, node->span, "UNSUPPORTED_STREAMING_OPERATION", "0A000",
                          "global aggregation with session window in streaming query is not "
                          "supported: add a grouping column");
    return SL_OK;
}

static enum sl_code check_deduplicate(const struct checking *checking, const struct sl_node *node) {
    const struct sl_deduplication *what = node->deduplication;
    if (what->within_watermark && what->event_time.column < 0) {
        refuse(checking, node,
               "dropDuplicatesWithinWatermark is not supported on streaming DataFrames/DataSets "
               "without watermark");
        if (checking->err)
            sl_hint(checking->err, "put WATERMARK column DELAY OF INTERVAL .. before DEDUPLICATE");
        return SL_USER;
    }
    return SL_OK;
}

static bool is_plain_aggregate(const struct sl_node *node) {
    return is_aggregate(node) && !node->is_distinct;
}

static enum sl_code check_sort(const struct checking *checking, const struct sl_node *node) {
    if (!sl_node_is_streaming(node)) return SL_OK;
    if (checking->mode == SL_MODE_COMPLETE && find(node, is_plain_aggregate)) return SL_OK;
    return refuse(checking, node,
                  "sorting is not supported on streaming DataFrames/Datasets, unless it is on "
                  "aggregated DataFrame/Dataset in Complete output mode");
}

static enum sl_code check_limit(const struct checking *checking, const struct sl_node *node) {
    if (checking->mode != SL_MODE_UPDATE || !sl_node_is_streaming(node)) return SL_OK;
    return refuse(checking, node,
                  "limits are not supported on streaming DataFrames/Datasets in Update output "
                  "mode");
}

static enum sl_code check_node(const struct checking *checking, const struct sl_node *node) {
    switch (node->kind) {
    case SL_NODE_AGGREGATE:
        return is_aggregate(node) ? check_aggregate(checking, node) : SL_OK;
    case SL_NODE_DEDUPLICATE:
        return sl_node_is_streaming(node) ? check_deduplicate(checking, node) : SL_OK;
    case SL_NODE_WATERMARK:
        return check_watermark(checking, node);
    case SL_NODE_JOIN:
        return check_join(checking, node);
    case SL_NODE_SORT:
        return check_sort(checking, node);
    case SL_NODE_LIMIT:
        return check_limit(checking, node);
    default:
        return SL_OK;
    }
}

static enum sl_code check_tree(const struct checking *checking, const struct sl_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) SL_TRY(check_tree(checking, node->inputs[i]));
    return check_node(checking, node);
}

/* ---- one stateful operator over another ---- */

static bool is_stateful(const struct sl_node *node) {
    if (is_aggregate(node) || is_stream_join(node)) return true;
    if (node->kind != SL_NODE_DEDUPLICATE || !sl_node_is_streaming(node)) return false;
    const struct sl_deduplication *what = node->deduplication;
    for (uint32_t i = 0; i < what->key_count; i++)
        if (node->columns[what->keys[i]].watermark) return true;
    return what->within_watermark;
}

/* An aggregation that does not wait for the watermark hands on rows behind it. */
static enum sl_code check_chain(const struct checking *checking, const struct sl_node *node) {
    if (checking->mode == SL_MODE_APPEND) return SL_OK;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (is_stateful(node) && find(node->inputs[i], is_aggregate))
            return refuse(checking, node,
                          "detected pattern of possible 'correctness' issue due to global "
                          "watermark: a stateful operation reads from an aggregation that may emit "
                          "rows older than the watermark, which would be dropped as late. If you "
                          "understand the risk, set "
                          "`spark.sql.streaming.statefulOperator.checkCorrectness.enabled` to "
                          "false");
        SL_TRY(check_chain(checking, node->inputs[i]));
    }
    return SL_OK;
}

/* ---- what this engine does not run ---- */

static bool has_no_delay(const struct sl_node *node) {
    return node->kind == SL_NODE_DEDUPLICATE && node->deduplication->within_watermark &&
           node->deduplication->event_time.column < 0;
}

static enum sl_code check_engine(const struct checking *checking) {
    const struct sl_node *within = find(checking->plan, has_no_delay);
    return within ? check_deduplicate(checking, within) : SL_OK;
}

enum sl_code sl_plan_check_streaming(const struct sl_node *plan, enum sl_output_mode mode,
                                     const struct sl_streaming_checks *checks, struct sl_err *err) {
    struct checking checking = {plan, mode, err};
    if (!checks || checks->operations) {
        if (!sl_node_is_streaming(plan))
            return refuse(&checking, plan,
                          "queries without streaming sources cannot be executed with "
                          "writeStream.start()");
        SL_TRY(check_mode(&checking));
        SL_TRY(check_tree(&checking, plan));
        if (!checks || checks->correctness) SL_TRY(check_chain(&checking, plan));
    }
    return check_engine(&checking);
}

/* ---- event times ---- */

/* Columns of one event time that went different ways count once. */
static enum sl_code one_event_time(const struct sl_node *node, const struct sl_column *columns,
                                   uint32_t count, struct sl_err *err) {
    const struct sl_column *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!columns[i].watermark) continue;
        if (!first) first = &columns[i];
        if (first->id == columns[i].id) continue;
        sl_fail_at(err, node->span, "MULTIPLE_EVENT_TIME_COLUMNS", "0A000",
                   "more than one event time columns are available. Please ensure there is at most "
                   "one event time column per stream. event time columns: (%.*s,%.*s)",
                   SL_STR_ARG(first->name), SL_STR_ARG(columns[i].name));
        if (err)
            sl_hint(err,
                    "read only one of them from here on, or make the other one another column "
                    "below, as in CAST(`%.*s` AS STRING)",
                    SL_STR_ARG(columns[i].name));
        return SL_USER;
    }
    return SL_OK;
}

static enum sl_code check_times(const struct sl_node *node, enum sl_output_mode mode,
                                struct sl_err *err) {
    const struct sl_node *const *inputs = (const struct sl_node *const *)node->inputs;
    bool streaming = sl_node_is_streaming(node);
    if (is_aggregate(node) && (mode != SL_MODE_COMPLETE || node->aggregation->session >= 0))
        return one_event_time(node, node->columns, node->aggregation->key_count, err);
    if (node->kind == SL_NODE_DEDUPLICATE && streaming)
        return one_event_time(node, inputs[0]->columns, inputs[0]->column_count, err);
    for (int i = 0; i < 2 && is_stream_join(node); i++)
        SL_TRY(one_event_time(node, inputs[i]->columns, inputs[i]->column_count, err));
    return SL_OK;
}

enum sl_code sl_plan_check_event_times(const struct sl_node *plan, enum sl_output_mode mode,
                                       struct sl_err *err) {
    for (uint32_t i = 0; i < plan->input_count; i++)
        SL_TRY(sl_plan_check_event_times(plan->inputs[i], mode, err));
    return check_times(plan, mode, err);
}

/* ---- limits ---- */

/* Source: StreamingGlobalLimitStrategy in SparkStrategies.scala. */
void sl_plan_choose_limits(struct sl_node *plan, enum sl_output_mode mode) {
    for (uint32_t i = 0; i < plan->input_count; i++) sl_plan_choose_limits(plan->inputs[i], mode);
    if (plan->kind != SL_NODE_LIMIT || !sl_node_is_streaming(plan)) return;
    plan->limit_remembers = mode == SL_MODE_APPEND ||
                            (mode == SL_MODE_COMPLETE && !find(plan->inputs[0], is_aggregate));
}

/* ---- state for ever ---- */

static const char *unbounded(const struct sl_node *node, enum sl_output_mode mode) {
    if (is_aggregate(node) && mode == SL_MODE_UPDATE && node->aggregation->key_count &&
        node->aggregation->event_time.column < 0)
        return "every group is remembered for ever: no grouping column has a watermark";
    if (is_stream_join(node) && (node->join->sides[0].bound < 0 || node->join->sides[1].bound < 0))
        return "rows of the join are remembered for ever: its condition does not bound the time "
               "between the two streams, or a side has no watermark";
    if (node->kind != SL_NODE_DEDUPLICATE || !sl_node_is_streaming(node) ||
        node->deduplication->within_watermark)
        return NULL;
    const struct sl_deduplication *what = node->deduplication;
    for (uint32_t i = 0; i < what->key_count; i++)
        if ((int32_t)what->keys[i] == what->event_time.column) return NULL;
    return "every key of DEDUPLICATE BY is remembered for ever: add the event time to the keys, or "
           "WITHIN WATERMARK";
}

void sl_plan_note_unbounded(const struct sl_node *plan, enum sl_output_mode mode,
                            sl_plan_note_fn note, void *ctx) {
    const char *text = unbounded(plan, mode);
    if (text) note(ctx, plan->span, text);
    for (uint32_t i = 0; i < plan->input_count; i++)
        sl_plan_note_unbounded(plan->inputs[i], mode, note, ctx);
}
