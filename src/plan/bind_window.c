/* window(), session_window() and window_time(): columns of a projection below the SELECT that calls
 * them, so that they can be grouping keys and carry the event time on.
 *
 * A tumbling window is computed beside the columns, of rows whose time is not NULL; windows that
 * overlap are a list whose items become rows (GENERATE).
 * Source: ResolveTimeWindows.scala, TimeWindow.scala, SessionWindow.scala. */
#include "plan/select.h"

#include "kern/calendar_interval.h"

/* A day by the second; beyond that somebody has mixed up units. */
enum { WINDOWS_MAX = 86400 };

static bool is_call(const struct sl_uexpr *expr, const char *name) {
    return sl_str_eq_nocase(expr->name.parts[expr->name.count - 1], sl_str(name));
}

bool sl_is_time_window(const struct sl_uexpr *expr) {
    return expr->kind == SL_U_FUNCTION && sl_is_builtin_name(&expr->name) &&
           (is_call(expr, "window") || is_call(expr, "session_window") ||
            is_call(expr, "window_time"));
}

struct making {
    struct sl_binder *binder;
    const struct sl_scope *scope;
    struct sl_select *select;
    const struct sl_uexpr *call;
};

static enum sl_code wrong_count(const struct making *making, const char *wanted,
                                struct sl_err *err) {
    return sl_fail_at(err, making->call->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "the `%.*s` requires %s parameters but the actual number is %u",
                      SL_STR_ARG(making->call->name.parts[making->call->name.count - 1]), wanted,
                      making->call->arg_count);
}

static enum sl_code unexpected(const struct making *making, uint32_t arg, const char *required,
                               const struct sl_type *type, struct sl_err *err) {
    static const char *const ordinals[] = {"first", "second", "third", "fourth"};
    struct sl_binder *binder = making->binder;
    struct sl_str whole = sl_pretty_text(binder, making->scope, making->call);
    struct sl_str text = sl_pretty_text(binder, making->scope, making->call->args[arg]);
    return sl_fail_at(err, making->call->args[arg]->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                      "42K09",
                      "cannot resolve \"%.*s\" due to data type mismatch: the %s parameter "
                      "requires the %s type, however \"%.*s\" has the type \"%s\"",
                      SL_STR_ARG(whole), ordinals[arg], required, SL_STR_ARG(text),
                      sl_type_sql(binder->arena, type));
}

/* ---- columns below the SELECT ---- */

static const struct sl_column *column_of(const struct making *making, const struct sl_expr *expr) {
    const struct sl_node *base = making->select->base;
    bool plain = expr->kind == SL_EXPR_COLUMN && expr->column < base->column_count;
    return plain ? &base->columns[expr->column] : NULL;
}

static struct sl_expr *column_at(const struct making *making, uint32_t at) {
    const struct sl_column *column = &making->select->base->columns[at];
    struct sl_expr *expr =
        sl_expr_column(&making->binder->ctx->expr, at, column->type, column->nullable);
    expr->span = making->call->span;
    expr->name = column->name;
    return expr;
}

/* The column that holds `expr`; it is the event time if `time` is. */
static struct sl_column made_column(const struct making *making, struct sl_str name,
                                    const struct sl_type *type, const struct sl_expr *time,
                                    enum sl_window_column window) {
    const struct sl_column *from = column_of(making, time);
    return (struct sl_column){.name = name,
                              .type = type,
                              .nullable = false,
                              .id = making->binder->next_id++,
                              .watermark = from ? from->watermark : NULL,
                              .window = window,
                              .reach = SL_REACH_NAME};
}

/* Rows without a time have no window. */
static enum sl_code keep_times(const struct making *making, struct sl_expr *time,
                               struct sl_err *err) {
    struct sl_select *select = making->select;
    if (!time->nullable) return SL_OK;
    struct sl_expr *condition;
    SL_TRY(sl_expr_call(&making->binder->ctx->expr, SL_STR("isnotnull"), &time, 1,
                        making->call->span, &condition, err));
    select->base =
        sl_node_filter(making->binder->arena, select->base, condition, making->call->span);
    return SL_OK;
}

/* ---- window_time ---- */

/* A window is made of rows, before there are groups. */
static enum sl_code bind_of_rows(const struct making *making, const struct sl_uexpr *arg,
                                 struct sl_expr **out, struct sl_err *err) {
    SL_TRY(sl_bind_uexpr(making->binder, making->scope, arg, out, err));
    if (!sl_reads_groups(*out)) return SL_OK;
    return sl_bind_refuse(err, arg->span, "a window of what the same SELECT aggregates");
}

static bool is_window(const struct sl_column *column) {
    return column && column->window != SL_WINDOW_NONE;
}

/* The window's end less one microsecond, so that it lies in the window. */
static enum sl_code make_window_time(struct making *making, struct sl_expr *window,
                                     struct sl_str name, struct sl_expr **out, struct sl_err *err) {
    struct sl_select *select = making->select;
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    if (select->window_time && sl_expr_equal(select->window_time, window)) {
        *out = column_at(making, select->window_time_column);
        return SL_OK;
    }
    struct sl_expr *sides[2] = {sl_field_at(making->binder, window, 1, making->call->span),
                                sl_expr_literal_i64(ctx, &sl_type_day_interval, 1)};
    struct sl_expr *time;
    SL_TRY(sl_expr_call(ctx, SL_STR("-"), sides, 2, making->call->span, &time, err));
    struct sl_column column = made_column(making, name, time->type, window, SL_WINDOW_NONE);
    column.nullable = time->nullable;
    select->window_time = window;
    select->window_time_column = select->base->column_count;
    select->base = sl_node_with_column(making->binder, select->base, time, &column);
    *out = column_at(making, select->window_time_column);
    return SL_OK;
}

static enum sl_code bind_window_time(struct making *making, struct sl_expr **out,
                                     struct sl_err *err) {
    struct sl_expr *window;
    if (making->call->arg_count != 1) return wrong_count(making, "1", err);
    SL_TRY(bind_of_rows(making, making->call->args[0], &window, err));
    if (window->type->kind != SL_STRUCT_KIND)
        return unexpected(making, 0, "\"STRUCT\"", window->type, err);
    if (!is_window(column_of(making, window)))
        return sl_fail_at(err, making->call->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                          "42K09", "the input is not a correct window column: \"%.*s\"",
                          SL_STR_ARG(sl_pretty_text(making->binder, making->scope, making->call)));
    return make_window_time(making, window,
                            sl_pretty_text(making->binder, making->scope, making->call), out, err);
}

/* ---- the time column ---- */

/* A window as time is its window_time(). */
static enum sl_code bind_time(struct making *making, struct sl_expr **out, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    const struct sl_uexpr *arg = making->call->args[0];
    SL_TRY(bind_of_rows(making, arg, out, err));
    if ((*out)->type->kind == SL_STRUCT_KIND && is_window(column_of(making, *out))) {
        struct sl_str inner = sl_pretty_text(making->binder, making->scope, arg);
        return make_window_time(
            making, *out,
            sl_arena_printf(making->binder->arena, "window_time(%.*s)", SL_STR_ARG(inner)), out,
            err);
    }
    enum sl_kind kind = (*out)->type->kind;
    if (kind == SL_TIMESTAMP_KIND || kind == SL_TIMESTAMP_NTZ_KIND) return SL_OK;
    if (kind == SL_STRING_KIND || kind == SL_DATE_KIND || kind == SL_NULL_KIND)
        return sl_expr_coerce(ctx, *out, &sl_type_timestamp, out, err);
    return unexpected(making, 0, "(\"TIMESTAMP\" or \"TIMESTAMP_NTZ\" or a window)", (*out)->type,
                      err);
}

static enum sl_code two_windows(const struct making *making, struct sl_err *err) {
    sl_fail_at(err, making->call->span, "MULTIPLE_TIME_WINDOWS", "0A000",
               "multiple time/session window expressions would result in a cartesian product of "
               "rows, therefore they are currently not supported");
    if (err) sl_hint(err, "make the second window in a query around this one");
    return SL_USER;
}

/* ---- window ---- */

static enum sl_code unparsable(const struct sl_uexpr *given, struct sl_str text,
                               struct sl_err *err) {
    return sl_fail_at(err, given->span, "CANNOT_PARSE_INTERVAL", "22006",
                      "unable to parse '%.*s': durations look like '5 minutes' or '1 day 12 hours'",
                      SL_STR_ARG(text));
}

static enum sl_code bind_duration(const struct making *making, uint32_t arg, int64_t *out,
                                  struct sl_err *err) {
    const struct sl_uexpr *given = making->call->args[arg];
    struct sl_expr *value;
    struct sl_calendar_interval interval;
    SL_TRY(sl_bind_uexpr(making->binder, making->scope, given, &value, err));
    bool constant = value->kind == SL_EXPR_LITERAL && !sl_vec_is_null(value->literal, 0);
    if (constant && (value->type->kind == SL_INT_KIND || value->type->kind == SL_LONG_KIND)) {
        bool narrow = value->type->kind == SL_INT_KIND;
        *out = narrow ? value->literal->i32[0] : value->literal->i64[0];
        return SL_OK;
    }
    if (!constant || value->type->kind != SL_STRING_KIND) {
        sl_fail_at(err, given->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
                   "the duration and time inputs to window must be an integer, long or string "
                   "literal");
        if (err) sl_hint(err, "write a text such as '5 minutes'");
        return SL_USER;
    }
    struct sl_str text = sl_vec_str(value->literal, 0);
    if (!sl_calendar_interval_parse(text, &interval)) return unparsable(given, text, err);
    if (interval.months)
        return sl_fail_at(err, given->span, "CANNOT_PARSE_INTERVAL", "22006",
                          "intervals greater than a month are not supported (%.*s)",
                          SL_STR_ARG(text));
    if (__builtin_mul_overflow(interval.days, SL_MICROS_PER_DAY, out) ||
        __builtin_add_overflow(*out, interval.micros, out))
        return sl_fail_at(err, given->span, "CANNOT_PARSE_INTERVAL", "22006",
                          "the interval '%.*s' is out of range", SL_STR_ARG(text));
    return SL_OK;
}

static enum sl_code not_positive(const struct making *making, uint32_t arg, const char *name,
                                 int64_t value, struct sl_err *err) {
    return sl_fail_at(err, making->call->args[arg]->span, "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
                      "42K09",
                      "cannot resolve \"%.*s\" due to data type mismatch: the `%s` must be between "
                      "(0, 9223372036854775807] (current value = %lldL)",
                      SL_STR_ARG(sl_pretty_text(making->binder, making->scope, making->call)), name,
                      (long long)value);
}

static enum sl_code constraint(const struct making *making, const char *left, int64_t a,
                               const char *relation, const char *right, int64_t b,
                               struct sl_err *err) {
    return sl_fail_at(err, making->call->span, "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION",
                      "42K09",
                      "cannot resolve \"%.*s\" due to data type mismatch: the `%s`(%lldL) must be "
                      "%s the `%s`(%lldL)",
                      SL_STR_ARG(sl_pretty_text(making->binder, making->scope, making->call)), left,
                      (long long)a, relation, right, (long long)b);
}

static enum sl_code bind_durations(const struct making *making, struct sl_select_window *window,
                                   struct sl_err *err) {
    uint32_t count = making->call->arg_count;
    SL_TRY(bind_duration(making, 1, &window->duration, err));
    window->slide = window->duration;
    if (count > 2) SL_TRY(bind_duration(making, 2, &window->slide, err));
    if (count > 3) SL_TRY(bind_duration(making, 3, &window->start, err));
    if (window->duration <= 0)
        return not_positive(making, 1, "window_duration", window->duration, err);
    if (window->slide <= 0) return not_positive(making, 2, "slide_duration", window->slide, err);
    if (window->slide > window->duration)
        return constraint(making, "slide_duration", window->slide, "<=", "window_duration",
                          window->duration, err);
    int64_t start = window->start < 0 ? -(window->start + 1) + 1 : window->start;
    if (window->start == INT64_MIN || start >= window->slide)
        return constraint(making, "abs(start_time)", window->start, "<", "slide_duration",
                          window->slide, err);
    if (window->duration / window->slide > WINDOWS_MAX)
        return sl_bind_refuse(err, making->call->span, "more than %d windows that overlap",
                              WINDOWS_MAX);
    return SL_OK;
}

static bool same_window(const struct sl_select_window *a, const struct sl_select_window *b) {
    return sl_expr_equal(a->time, b->time) && a->duration == b->duration && a->slide == b->slide &&
           a->start == b->start && !a->gap == !b->gap && (!a->gap || sl_expr_equal(a->gap, b->gap));
}

/* A row for each window. */
static void generate_windows(const struct making *making, struct sl_expr *list,
                             const struct sl_column *column) {
    struct sl_arena *arena = making->binder->arena;
    struct sl_node *base = making->select->base;
    struct sl_generate *generate = SL_NEW(arena, struct sl_generate);
    *generate = (struct sl_generate){.name = "explode",
                                     .list = list,
                                     .kept = SL_NEW_ARRAY(arena, uint32_t, base->column_count + 1),
                                     .kept_count = base->column_count,
                                     .parts = SL_NEW_ARRAY(arena, int32_t, 1),
                                     .part_count = 1};
    generate->parts[0] = SL_PART_VALUE;
    struct sl_node *node =
        sl_node_new(arena, SL_NODE_GENERATE, base, base->column_count + 1, making->call->span);
    node->generate = generate;
    for (uint32_t i = 0; i < base->column_count; i++) {
        generate->kept[i] = i;
        node->columns[i] = base->columns[i];
    }
    node->columns[base->column_count] = *column;
    making->select->base = node;
}

static enum sl_code make_window(const struct making *making, const struct sl_select_window *window,
                                struct sl_err *err) {
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    struct sl_expr *args[4] = {window->time,
                               sl_expr_literal_i64(ctx, &sl_type_long, window->duration),
                               sl_expr_literal_i64(ctx, &sl_type_long, window->slide),
                               sl_expr_literal_i64(ctx, &sl_type_long, window->start)};
    struct sl_expr *made;
    SL_TRY(sl_expr_call(ctx, SL_STR("window"), args, 4, making->call->span, &made, err));
    bool list = made->type->kind == SL_ARRAY_KIND;
    const struct sl_type *type = list ? made->type->fields[0].type : made->type;
    struct sl_column column =
        made_column(making, SL_STR("window"), type, window->time, SL_WINDOW_TIME);
    if (list) {
        generate_windows(making, made, &column);
        return SL_OK;
    }
    column.nullable = made->nullable;
    SL_TRY(keep_times(making, window->time, err));
    making->select->base = sl_node_with_column(making->binder, making->select->base, made, &column);
    return SL_OK;
}

static enum sl_code bind_window(struct making *making, struct sl_expr **out, struct sl_err *err) {
    struct sl_select_window window = {0};
    uint32_t count = making->call->arg_count;
    if (count < 2 || count > 4) return wrong_count(making, "[2, 3, 4]", err);
    SL_TRY(bind_durations(making, &window, err));
    SL_TRY(bind_time(making, &window.time, err));
    struct sl_select *select = making->select;
    if (select->window.time && !same_window(&select->window, &window))
        return two_windows(making, err);
    if (!select->window.time) {
        SL_TRY(make_window(making, &window, err));
        window.column = select->base->column_count - 1;
        select->window = window;
    }
    *out = column_at(making, select->window.column);
    return SL_OK;
}

/* ---- session_window ---- */

static enum sl_code make_session(const struct making *making, const struct sl_select_window *window,
                                 struct sl_err *err) {
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    struct sl_select *select = making->select;
    struct sl_expr *args[2] = {window->time, window->gap}, *made, *condition;
    SL_TRY(sl_expr_call(ctx, SL_STR("session_window"), args, 2, making->call->span, &made, err));
    struct sl_column column =
        made_column(making, SL_STR("session_window"), made->type, window->time, SL_WINDOW_SESSION);
    column.nullable = true;
    select->base = sl_node_with_column(making->binder, select->base, made, &column);
    struct sl_expr *session = column_at(making, select->base->column_count - 1);
    SL_TRY(
        sl_expr_call(ctx, SL_STR("isnotnull"), &session, 1, making->call->span, &condition, err));
    select->base =
        sl_node_filter(making->binder->arena, select->base, condition, making->call->span);
    return SL_OK;
}

/* A gap that is written out and means nothing would drop every row. */
static enum sl_code check_gap(const struct sl_uexpr *given, const struct sl_expr *gap,
                              struct sl_err *err) {
    struct sl_calendar_interval interval;
    if (gap->kind != SL_EXPR_LITERAL || sl_vec_is_null(gap->literal, 0)) return SL_OK;
    struct sl_str text = sl_vec_str(gap->literal, 0);
    return sl_calendar_interval_parse(text, &interval) ? SL_OK : unparsable(given, text, err);
}

static enum sl_code bind_session(struct making *making, struct sl_expr **out, struct sl_err *err) {
    struct sl_select_window window = {0};
    struct sl_select *select = making->select;
    if (making->call->arg_count != 2) return wrong_count(making, "2", err);
    SL_TRY(bind_time(making, &window.time, err));
    SL_TRY(bind_of_rows(making, making->call->args[1], &window.gap, err));
    if (window.gap->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(&making->binder->ctx->expr, window.gap, &sl_type_string, &window.gap,
                              err));
    if (window.gap->type->kind != SL_STRING_KIND) {
        sl_fail_at(err, making->call->args[1]->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                   "42K09",
                   "gap duration expression used in session window must be CalendarIntervalType, "
                   "but got \"%s\"",
                   sl_type_sql(making->binder->arena, window.gap->type));
        if (err) sl_hint(err, "write a text such as '5 minutes', or an expression that gives one");
        return SL_USER;
    }
    SL_TRY(check_gap(making->call->args[1], window.gap, err));
    if (select->window.time && !same_window(&select->window, &window))
        return two_windows(making, err);
    if (!select->window.time) {
        SL_TRY(make_session(making, &window, err));
        window.column = select->base->column_count - 1;
        select->window = window;
    }
    *out = column_at(making, select->window.column);
    return SL_OK;
}

enum sl_code sl_bind_time_window(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *expr, struct sl_expr **out,
                                 struct sl_err *err) {
    struct making making = {binder, scope, scope->windows, expr};
    if (!scope->windows)
        return sl_bind_refuse(err, expr->span,
                              "`%.*s` here: it stands in a SELECT list or in GROUP BY",
                              SL_STR_ARG(expr->name.parts[expr->name.count - 1]));
    if (expr->distinct || expr->filter)
        return sl_bind_refuse(err, expr->span, "DISTINCT or FILTER in a window");
    if (is_call(expr, "window")) return bind_window(&making, out, err);
    if (is_call(expr, "session_window")) return bind_session(&making, out, err);
    return bind_window_time(&making, out, err);
}
