/* Event time and duplicates: WATERMARK, DEDUPLICATE BY, SELECT DISTINCT.
 * Source: ResolveEventTimeWatermark.scala, EventTimeWatermark.scala, Deduplicate. */
#include "plan/bind_int.h"

/* ---- WATERMARK ---- */

/* A month counts as 31 days (EventTimeWatermark.getDelayMs). */
static enum sl_code bind_delay(struct sl_binder *binder, const struct sl_uexpr *expr, int64_t *ms,
                               struct sl_err *err) {
    struct sl_expr *delay;
    struct sl_scope nothing = {0};
    SL_TRY(sl_bind_uexpr(binder, &nothing, expr, &delay, err));
    if (delay->kind != SL_EXPR_LITERAL || !sl_type_is_interval(delay->type) ||
        sl_vec_is_null(delay->literal, 0))
        return sl_fail_at(err, expr->span, "PARSE_SYNTAX_ERROR", "42601",
                          "the delay of a watermark is a constant INTERVAL");
    bool months = delay->type->kind == SL_MONTH_INTERVAL_KIND;
    const int64_t day_ms = INT64_C(86400000);
    *ms = months ? delay->literal->i32[0] * 31 * day_ms : delay->literal->i64[0] / 1000;
    bool negative = months ? delay->literal->i32[0] < 0 : delay->literal->i64[0] < 0;
    if (negative)
        return sl_fail_at(err, expr->span, "INVALID_PARAMETER_VALUE", "22023",
                          "the delay threshold of a watermark should not be negative");
    return SL_OK;
}

static bool is_time(const struct sl_type *type) {
    return type->kind == SL_TIMESTAMP_KIND || type->kind == SL_TIMESTAMP_NTZ_KIND;
}

/* A moment, or a window with one as its end. */
static enum sl_code check_event_time(struct sl_binder *binder, const struct sl_column *column,
                                     struct sl_span span, struct sl_err *err) {
    const struct sl_type *type = column->type;
    if (is_time(type)) return SL_OK;
    int end = type->kind == SL_STRUCT_KIND ? sl_type_find_field(type, SL_STR("end")) : -1;
    if (end >= 0 && is_time(type->fields[end].type)) return SL_OK;
    sl_fail_at(err, span, "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", "42K09",
               "the event time `%.*s` has the invalid type \"%s\", but expected \"TIMESTAMP\"",
               SL_STR_ARG(column->name), sl_type_sql(binder->arena, type));
    if (sl_type_is_bytes(type) || type->kind == SL_DATE_KIND)
        sl_hint(err, "make one of it: WATERMARK try_to_timestamp(%.*s) AS event_time DELAY OF ..",
                SL_STR_ARG(column->name));
    return SL_USER;
}

/* The expression as first column, the input's behind it. */
static struct sl_node *project_first(struct sl_binder *binder, struct sl_node *input,
                                     struct sl_expr *expr, struct sl_str name) {
    uint32_t count = input->column_count + 1;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, count);
    exprs[0] = expr;
    columns[0] = (struct sl_column){
        .name = name, .type = expr->type, .nullable = expr->nullable, .id = binder->next_id++};
    for (uint32_t i = 0; i < input->column_count; i++) {
        columns[i + 1] = input->columns[i];
        exprs[i + 1] = sl_expr_column(&binder->ctx->expr, i, input->columns[i].type,
                                      input->columns[i].nullable);
    }
    return sl_node_project(binder->arena, input, exprs, columns, count, expr->span);
}

/* The node with the event time among its columns. */
static enum sl_code bind_event_time(struct sl_binder *binder, const struct sl_uexpr *given,
                                    struct sl_node **node, uint32_t *column, struct sl_err *err) {
    const struct sl_uexpr *value = given->kind == SL_U_ALIAS ? given->args[0] : given;
    struct sl_scope scope = sl_scope_of(binder, *node);
    struct sl_expr *expr;
    SL_TRY(sl_bind_uexpr(binder, &scope, value, &expr, err));
    if (given->kind != SL_U_ALIAS && expr->kind == SL_EXPR_COLUMN) {
        *column = expr->column;
        return SL_OK;
    }
    struct sl_str name = {0};
    if (given->kind == SL_U_ALIAS)
        name = given->aliases.parts[0];
    else if (value->kind == SL_U_ATTRIBUTE)
        name = value->name.parts[value->name.count - 1];
    if (!name.len) {
        sl_fail_at(err, given->span, "REQUIRES_EXPLICIT_NAME_IN_WATERMARK_CLAUSE", "42000",
                   "the watermark clause requires an explicit name if expression is specified, but "
                   "got \"%.*s\"",
                   SL_STR_ARG(sl_pretty_text(binder, &scope, value)));
        if (err) sl_hint(err, "name it: WATERMARK expression AS name DELAY OF ..");
        return SL_USER;
    }
    *node = project_first(binder, *node, expr, name);
    *column = 0;
    return SL_OK;
}

enum sl_code sl_bind_watermark(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    uint32_t column;
    int64_t delay_ms = 0;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    SL_TRY(bind_event_time(binder, relation->condition, &input, &column, err));
    SL_TRY(check_event_time(binder, &input->columns[column], relation->condition->span, err));
    SL_TRY(bind_delay(binder, relation->watermark_delay, &delay_ms, err));
    *out = input;
    if (!sl_node_is_streaming(input)) return SL_OK; /* of a table it means nothing */
    struct sl_watermark *watermark = SL_NEW(binder->arena, struct sl_watermark);
    *watermark = (struct sl_watermark){binder->watermarks++, delay_ms, input->columns[column].name};
    struct sl_node *node = *out =
        sl_node_new(binder->arena, SL_NODE_WATERMARK, input, input->column_count, relation->span);
    node->watermark = watermark;
    node->event_column = column;
    for (uint32_t i = 0; i < input->column_count; i++) {
        node->columns[i] = input->columns[i];
        node->columns[i].watermark = i == column ? watermark : NULL;
    }
    return SL_OK;
}

/* ---- duplicates ---- */

static struct sl_node *passing(struct sl_binder *binder, enum sl_node_kind kind,
                               struct sl_node *input, struct sl_span span) {
    struct sl_node *node = sl_node_new(binder->arena, kind, input, input->column_count, span);
    if (input->column_count)
        memcpy(node->columns, input->columns, input->column_count * sizeof *node->columns);
    return node;
}

static struct sl_event_time event_time_of(const struct sl_column *column, uint32_t at) {
    if (!column->watermark) return (struct sl_event_time){.column = -1};
    return (struct sl_event_time){(int32_t)at, column->watermark->delay_ms * 1000};
}

/* In a stream it is an aggregation without aggregates, and appears when those would: Spark's
 * ReplaceDistinctWithAggregate. */
static struct sl_node *distinct_groups(struct sl_binder *binder, struct sl_node *input,
                                       struct sl_span span) {
    struct sl_aggregation *aggregation = SL_NEW(binder->arena, struct sl_aggregation);
    *aggregation = (struct sl_aggregation){
        .keys = SL_NEW_ARRAY(binder->arena, uint32_t, input->column_count + 1),
        .key_count = input->column_count,
        .event_time.column = -1,
        .session = -1};
    for (uint32_t i = 0; i < input->column_count; i++) {
        aggregation->keys[i] = i;
        if (aggregation->event_time.column < 0)
            aggregation->event_time = event_time_of(&input->columns[i], i);
    }
    struct sl_node *node = passing(binder, SL_NODE_AGGREGATE, input, span);
    node->aggregation = aggregation;
    node->is_distinct = true;
    return node;
}

struct sl_node *sl_node_distinct(struct sl_binder *binder, struct sl_node *input,
                                 struct sl_span span) {
    if (sl_node_is_streaming(input)) return distinct_groups(binder, input, span);
    struct sl_deduplication *what = SL_NEW(binder->arena, struct sl_deduplication);
    *what = (struct sl_deduplication){
        .keys = SL_NEW_ARRAY(binder->arena, uint32_t, input->column_count + 1),
        .key_count = input->column_count,
        .event_time.column = -1};
    for (uint32_t i = 0; i < input->column_count; i++) what->keys[i] = i;
    struct sl_node *node = passing(binder, SL_NODE_DEDUPLICATE, input, span);
    node->deduplication = what;
    return node;
}

enum sl_code sl_check_set_types(const struct sl_node *node, struct sl_span span,
                                struct sl_err *err) {
    for (uint32_t i = 0; i < node->column_count; i++)
        if (node->columns[i].type->kind == SL_MAP_KIND)
            return sl_fail_at(err, span, "UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE", "0A000",
                              "the feature is not supported: DISTINCT or a set operation with the "
                              "MAP column `%.*s`",
                              SL_STR_ARG(node->columns[i].name));
    return SL_OK;
}

static enum sl_code bind_key_columns(struct sl_binder *binder, const struct sl_urelation *relation,
                                     const struct sl_node *input, struct sl_deduplication *what,
                                     struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, input);
    what->keys = SL_NEW_ARRAY(binder->arena, uint32_t, relation->name.count + 1);
    for (uint32_t i = 0; i < relation->name.count; i++) {
        struct sl_name name = {&relation->name.parts[i], 1, relation->name.span};
        struct sl_resolved at;
        SL_TRY(sl_scope_resolve(&scope, &name, &at, err));
        if (!at.found) return sl_scope_unresolved(&scope, binder->arena, &name, err);
        if (input->columns[at.column].type->kind == SL_MAP_KIND)
            return sl_bind_refuse(err, name.span, "DEDUPLICATE BY a MAP (column `%.*s`)",
                                  SL_STR_ARG(name.parts[0]));
        bool again = false;
        for (uint32_t k = 0; k < what->key_count; k++) again |= what->keys[k] == at.column;
        if (!again) what->keys[what->key_count++] = at.column;
    }
    return SL_OK;
}

/* dropDuplicates(columns), dropDuplicatesWithinWatermark(columns). */
static enum sl_code deduplicate_by(struct sl_binder *binder, const struct sl_urelation *relation,
                                   struct sl_node *input, struct sl_node **out,
                                   struct sl_err *err) {
    struct sl_deduplication *what = SL_NEW(binder->arena, struct sl_deduplication);
    *what = (struct sl_deduplication){.event_time.column = -1,
                                      .within_watermark = relation->within_watermark};
    SL_TRY(bind_key_columns(binder, relation, input, what, err));
    for (uint32_t i = 0; i < input->column_count && what->event_time.column < 0; i++)
        what->event_time = event_time_of(&input->columns[i], i);
    *out = passing(binder, SL_NODE_DEDUPLICATE, input, relation->span);
    (*out)->deduplication = what;
    if (what->within_watermark && !sl_node_is_streaming(input))
        return sl_fail_at(err, relation->span, "UNSUPPORTED_STREAMING_OPERATION", "0A000",
                          "DEDUPLICATE BY .. WITHIN WATERMARK (dropDuplicatesWithinWatermark) is "
                          "not supported with batch DataFrames/DataSets");
    return SL_OK;
}

enum sl_code sl_bind_deduplicate(struct sl_binder *binder, const struct sl_urelation *relation,
                                 struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    if (relation->name.count) return deduplicate_by(binder, relation, input, out, err);
    SL_TRY(sl_check_set_types(input, relation->span, err));
    *out = sl_node_distinct(binder, input, relation->span);
    return SL_OK;
}
