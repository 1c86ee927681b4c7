/* The table of aggregates.def, sorted by name at first use, and what a call of one is. */
#include "kern/aggregate.h"

#include <pthread.h>
#include <stdlib.h>

#include "kern/aggregates.h"
#include "kern/cast.h"
#include "kern/resolve.h"

#define AGGREGATE(name, signature, flags, ops, bind, doc, example, result)                         \
    {name, signature, flags, &ops, bind, doc, example, result},
static const struct sl_aggregate rows_as_written[] = {
#include "kern/aggregates.def"
};
enum { AGGREGATE_COUNT = sizeof rows_as_written / sizeof rows_as_written[0] };

/* Written once under pthread_once, constant afterwards. */
static struct sl_aggregate sorted[AGGREGATE_COUNT];
static pthread_once_t sorted_once = PTHREAD_ONCE_INIT;

static int compare_names(const void *a, const void *b) {
    const struct sl_aggregate *const *left = a, *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    return order ? order : (*left > *right) - (*left < *right);
}

static void sort_table(void) {
    const struct sl_aggregate *order[AGGREGATE_COUNT];
    for (size_t i = 0; i < AGGREGATE_COUNT; i++) order[i] = &rows_as_written[i];
    qsort(order, AGGREGATE_COUNT, sizeof order[0], compare_names);
    for (size_t i = 0; i < AGGREGATE_COUNT; i++) sorted[i] = *order[i];
}

const struct sl_aggregate *sl_aggregate_all(size_t *count) {
    pthread_once(&sorted_once, sort_table);
    *count = AGGREGATE_COUNT;
    return sorted;
}

const struct sl_aggregate *sl_aggregate_find(struct sl_str name, size_t *count) {
    pthread_once(&sorted_once, sort_table);
    size_t first = 0, end;
    while (first < AGGREGATE_COUNT && !sl_str_eq_nocase(name, sl_str(sorted[first].name))) first++;
    end = first;
    while (end < AGGREGATE_COUNT && sl_str_eq_nocase(name, sl_str(sorted[end].name))) end++;
    *count = end - first;
    return *count ? &sorted[first] : NULL;
}

/* ---- resolving a call ---- */

struct call_text {
    struct sl_str name;
    const struct sl_bind_arg *args;
    uint32_t count;
};

static void put_arg(const struct sl_bind_arg *arg, struct sl_buf *out) {
    if (arg->text.len)
        sl_buf_put(out, arg->text.ptr, arg->text.len);
    else
        sl_type_put_sql(out, arg->type);
}

static void put_text(const void *ctx, int arg, struct sl_buf *out) {
    const struct call_text *text = ctx;
    if (arg >= 0) {
        put_arg(&text->args[arg], out);
        return;
    }
    sl_buf_printf(out, "%.*s(", SL_STR_ARG(text->name));
    for (uint32_t i = 0; i < text->count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        put_arg(&text->args[i], out);
    }
    sl_buf_put_byte(out, ')');
}

static void release_vec(void *vec) { sl_vec_release(vec); }

/* A constant as the function wants it: the caller's cast comes only with the rows. */
static enum sl_code cast_constant(struct sl_arena *query, const struct sl_session *session,
                                  const struct sl_vec *value, const struct sl_type *type,
                                  struct sl_span span, const struct sl_vec **out,
                                  struct sl_err *err) {
    struct sl_vec *cast = SL_NEW(query, struct sl_vec);
    sl_vec_init(cast, type);
    sl_arena_on_reset(query, release_vec, cast);
    struct sl_call call = {.args = &value,
                           .arg_count = 1,
                           .out = cast,
                           .rows = 1,
                           .session = session,
                           .scratch = query};
    SL_TRY(sl_cast(&call, session->ansi ? SL_CAST_ANSI : SL_CAST_LEGACY, err));
    if (call.bad_count)
        return sl_fail_at(err, span, call.first_bad.condition, call.first_bad.sqlstate, "%.*s",
                          SL_STR_ARG(call.first_bad.msg));
    cast->rows = 1;
    cast->enc = SL_ENC_CONST;
    *out = cast;
    return SL_OK;
}

static enum sl_code bind_args(struct sl_arena *query, const struct sl_session *session,
                              const struct sl_bind_arg *args, uint32_t count, struct sl_span span,
                              const struct sl_type *const *targets, struct sl_aggregate_call *out,
                              struct sl_err *err) {
    out->args = SL_NEW_ARRAY(query, struct sl_bind_arg, count + 1);
    out->arg_count = count;
    for (uint32_t i = 0; i < count; i++) {
        out->args[i] = (struct sl_bind_arg){targets[i], args[i].constant, args[i].text};
        if (args[i].constant && !sl_type_equal(args[i].type, targets[i]))
            SL_TRY(cast_constant(query, session, args[i].constant, targets[i], span,
                                 &out->args[i].constant, err));
    }
    return SL_OK;
}

/* Chooses among the rows of one name through the machinery of scalar functions. */
static enum sl_code choose(struct sl_arena *query, const struct sl_session *session,
                           const struct sl_aggregate *rows, size_t count, struct sl_str name,
                           const struct sl_bind_arg *args, uint32_t arg_count, struct sl_span span,
                           const struct sl_type **targets, struct sl_aggregate_call *out,
                           struct sl_err *err) {
    struct sl_function *functions = SL_NEW_ARRAY(query, struct sl_function, count);
    struct sl_resolve_arg *given = SL_NEW_ARRAY(query, struct sl_resolve_arg, arg_count + 1);
    for (size_t i = 0; i < count; i++)
        functions[i] = (struct sl_function){.name = rows[i].name, .signature = rows[i].signature};
    for (uint32_t i = 0; i < arg_count; i++)
        given[i] = (struct sl_resolve_arg){.type = args[i].type,
                                           .constant = args[i].constant,
                                           .literal = args[i].constant != NULL,
                                           .nullable = true};
    struct call_text text = {name, args, arg_count};
    struct sl_resolve resolve = {.arena = query,
                                 .session = session,
                                 .name = name,
                                 .span = span,
                                 .args = given,
                                 .arg_count = arg_count,
                                 .put_text = put_text,
                                 .text_ctx = &text,
                                 .rows = functions,
                                 .row_count = count};
    SL_TRY(sl_resolve_call(&resolve, err));
    out->function = &rows[resolve.function - functions];
    out->result = resolve.result;
    for (uint32_t i = 0; i < arg_count; i++) targets[i] = resolve.targets[i];
    return SL_OK;
}

static enum sl_code unknown(struct sl_str name, struct sl_span span, struct sl_err *err) {
    return sl_fail_at(err, span, "UNRESOLVED_ROUTINE", "42883",
                      "there is no aggregate function `%.*s`", SL_STR_ARG(name));
}

static enum sl_code check_form(const struct sl_aggregate *rows, uint32_t arg_count, bool star,
                               bool ignore_nulls, struct sl_span span, struct sl_err *err) {
    bool counts = strcmp(rows->name, "count") == 0;
    if (star && !counts)
        return sl_fail_at(err, span, "INVALID_USAGE_OF_STAR_OR_REGEX", "42000",
                          "Invalid usage of '*' in expression `%s`.", rows->name);
    if (counts && !star && !arg_count)
        return sl_fail_at(err, span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                          "The `count` requires > 0 parameters but the actual number is 0.");
    if (ignore_nulls && !(rows->flags & SL_AGG_IGNORE_NULLS))
        return sl_fail_at(err, span, "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX", "42000",
                          "Invalid SQL syntax: The function `%s` does not support IGNORE NULLS.",
                          rows->name);
    return SL_OK;
}

/* The second argument of first and its kin. */
static bool asks_to_ignore_nulls(const struct sl_aggregate_call *call) {
    return (call->function->flags & SL_AGG_IGNORE_NULLS) && call->arg_count == 2 &&
           call->args[1].type->kind == SL_BOOL_KIND && sl_bit_get(call->args[1].constant->bits, 0);
}

enum sl_code sl_aggregate_resolve(struct sl_arena *query, const struct sl_session *session,
                                  struct sl_str name, const struct sl_bind_arg *args,
                                  uint32_t arg_count, bool star, bool ignore_nulls,
                                  struct sl_span span, const struct sl_type **targets,
                                  struct sl_aggregate_call *out, struct sl_err *err) {
    size_t count;
    const struct sl_aggregate *rows = sl_aggregate_find(name, &count);
    *out = (struct sl_aggregate_call){0};
    if (!rows) return unknown(name, span, err);
    SL_TRY(check_form(rows, arg_count, star, ignore_nulls, span, err));
    if (star) {
        out->function = rows;
        out->result = &sl_type_long;
        arg_count = 0;
    } else {
        SL_TRY(choose(query, session, rows, count, sl_str(rows->name), args, arg_count, span,
                      targets, out, err));
    }
    SL_TRY(bind_args(query, session, args, arg_count, span, targets, out, err));
    out->ignore_nulls = ignore_nulls || asks_to_ignore_nulls(out);
    if (out->function->bind) {
        enum sl_code code = out->function->bind(query, session, out->args, arg_count, out->result,
                                                &out->state, err);
        if (code != SL_OK && err && err->span.begin == err->span.end) err->span = span;
        if (code != SL_OK) return code;
    }
    out->function->ops->describe(query, out);
    return SL_OK;
}
