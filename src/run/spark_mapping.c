#include "run/spark_mapping.h"

#include <math.h>
#include <stdlib.h>

#include "kern/aggregates.h"
#include "state/unsafe_row.h"

/* Spark sums decimals of so few digits as LONG, and for the mean as DOUBLE: their unscaled values
 * (DecimalAggregates: MAX_LONG_DIGITS 18 - 10, MAX_DOUBLE_DIGITS 15 - 4). */
enum { LONG_SUM_DIGITS = 8, DOUBLE_SUM_DIGITS = 11 };

/* ---- what moves ---- */

/* Functions whose buffers are Spark's, value for value. The others keep bytes of Spark's own making
 * (collect_list, percentile_approx ..). */
static const struct sl_aggregate_ops *const exact_functions[] = {
    &sl_aggregate_count,    &sl_aggregate_count_if,    &sl_aggregate_sum,
    &sl_aggregate_avg,      &sl_aggregate_min,         &sl_aggregate_max,
    &sl_aggregate_first,    &sl_aggregate_last,        &sl_aggregate_min_by,
    &sl_aggregate_max_by,   &sl_aggregate_bit_and,     &sl_aggregate_bit_or,
    &sl_aggregate_bit_xor,  &sl_aggregate_stddev_samp, &sl_aggregate_stddev_pop,
    &sl_aggregate_var_samp, &sl_aggregate_var_pop,     &sl_aggregate_skewness,
    &sl_aggregate_kurtosis, &sl_aggregate_covar_pop,   &sl_aggregate_covar_samp,
    &sl_aggregate_corr,     &sl_aggregate_distinct,
};

static bool is_exact(const struct sl_aggregate_call *call) {
    for (size_t i = 0; i < sizeof exact_functions / sizeof *exact_functions; i++)
        if (call->function->ops == exact_functions[i])
            return strncmp(call->function->name, "try_", 4) != 0;
    return false;
}

static const char *const go_back_hint =
    "let the query run in Spark, or give it a new checkpoint, without sluice.stateFormat = spark";

static enum sl_code refuse(struct sl_err *err, const char *what) {
    sl_fail(err, SL_UNSUPPORTED, "Spark's state of %s is not read or written by sluice", what);
    return sl_hint(err, "%s", go_back_hint), SL_UNSUPPORTED;
}

static bool has_float(const struct sl_type *type) {
    if (sl_type_is_float(type)) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_float(type->fields[i].type)) return true;
    return false;
}

static enum sl_code check_types(const struct sl_type *type, struct sl_err *err) {
    if (sl_unsafe_row_has(type)) return SL_OK;
    return refuse(err, "an operator that remembers maps");
}

/* ---- the order of equal buffers ---- */

/* Columns of an aggregation's output in the order in which the plan above names them. */
struct order {
    const struct sl_node *aggregate;
    bool *seen; /* per item */
    uint32_t *items, count;
    struct sl_arena arena;
};

static void note_item(struct order *order, uint32_t column) {
    uint32_t keys = order->aggregate->aggregation->key_count;
    if (column < keys || order->seen[column - keys]) return;
    order->seen[column - keys] = true;
    order->items[order->count++] = column - keys;
}

/* exprs: what the columns of the node below are made of; NULL: they are the aggregation's. */
struct layer {
    const struct layer *below;
    struct sl_expr *const *exprs;
};

static void note_expr(struct order *order, const struct layer *below, const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_COLUMN) {
        if (below)
            note_expr(order, below->below, below->exprs[expr->column]);
        else
            note_item(order, expr->column);
        return;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) note_expr(order, below, expr->args[i]);
}

/* *whole: nothing above gives the columns another order. */
static void read_order(const struct sl_states *states, const struct sl_state *state,
                       struct order *order, bool *whole) {
    const struct sl_pipe *pipe = &states->pipes->items[state->inputs[0].pipe];
    const struct layer *top = NULL;
    const struct sl_node *last = NULL;
    uint32_t from = state->inputs[0].position + 1;
    for (uint32_t i = from; i < pipe->operator_count; i++) {
        const struct sl_node *node = pipe->operators[i];
        if (node->kind == SL_NODE_FILTER || node->kind == SL_NODE_EXPECT) continue;
        if (node->kind != SL_NODE_PROJECT) break;
        struct layer *layer = SL_NEW(&order->arena, struct layer);
        *layer = (struct layer){top, node->exprs};
        top = layer;
        last = node;
    }
    *whole = top == NULL;
    for (uint32_t c = 0; top && c < last->column_count; c++)
        note_expr(order, top->below, last->exprs[c]);
    top = NULL;
    for (uint32_t i = from; i < pipe->operator_count; i++) { /* HAVING */
        const struct sl_node *node = pipe->operators[i];
        if (node->kind != SL_NODE_FILTER) break;
        note_expr(order, NULL, node->condition);
    }
}

static bool look_equal(const struct sl_aggregate_call *a, const struct sl_aggregate_call *b) {
    if (a->buffer_count != b->buffer_count) return false;
    for (uint32_t i = 0; i < a->buffer_count; i++)
        if (!sl_str_eq(a->buffers[i].name, b->buffers[i].name) ||
            !sl_type_equal_structure(a->buffers[i].type, b->buffers[i].type))
            return false;
    return true;
}

/* A buffer of one function may look like a part of another's, so any two of them count. */
static bool has_twins(const struct sl_aggregation *what, uint32_t item) {
    for (uint32_t i = 0; i < what->item_count; i++)
        if (i != item && look_equal(what->items[i].call, what->items[item].call)) return true;
    return false;
}

static enum sl_code check_sequence(const struct order *order, struct sl_err *err) {
    const struct sl_aggregation *what = order->aggregate->aggregation;
    uint32_t next = 0;
    for (uint32_t i = 0; i < what->item_count; i++) {
        if (!has_twins(what, i)) continue;
        while (next < order->count && !has_twins(what, order->items[next])) next++;
        if (next < order->count && order->items[next] == i) {
            next++;
            continue;
        }
        sl_fail(err, SL_UNSUPPORTED,
                "Spark's state does not tell apart the aggregates of this query that look alike "
                "(such as `%s`), and Spark may keep them in another order: a SELECT above names "
                "them in another order than the GROUP BY's own",
                what->items[i].call->function->name);
        return sl_hint(err, "%s", go_back_hint), SL_UNSUPPORTED;
    }
    return SL_OK;
}

static enum sl_code check_order(const struct sl_states *states, const struct sl_state *state,
                                struct sl_err *err) {
    struct order order = {.aggregate = state->node};
    uint32_t items = state->node->aggregation->item_count;
    bool whole;
    sl_arena_init(&order.arena, "order of aggregates");
    order.seen = SL_NEW_ARRAY(&order.arena, bool, items + (size_t)1);
    order.items = SL_NEW_ARRAY(&order.arena, uint32_t, items + (size_t)1);
    read_order(states, state, &order, &whole);
    enum sl_code code = whole ? SL_OK : check_sequence(&order, err);
    sl_arena_release(&order.arena);
    return code;
}

/* ---- our columns in Spark's words ---- */

struct making {
    struct sl_arena *query;
    struct sl_field *fields;
    struct sl_spark_piece *pieces;
    uint32_t count;
};

static void add_piece(struct making *making, enum sl_spark_piece_kind kind, uint32_t ours,
                      struct sl_field field) {
    making->fields[making->count] = field;
    making->pieces[making->count++] = (struct sl_spark_piece){kind, ours};
}

static bool is_short_decimal(const struct sl_aggregate_call *call, int digits) {
    return call->arg_count && call->args[0].type->kind == SL_DECIMAL_KIND &&
           call->args[0].type->precision <= digits;
}

/* `first`: column of the item's first buffer in our values. */
static void add_item(struct making *making, const struct sl_aggregate_call *call, uint32_t first) {
    const struct sl_aggregate_ops *ops = call->function->ops;
    struct sl_field field = call->buffers[0];
    if (ops == &sl_aggregate_sum && is_short_decimal(call, LONG_SUM_DIGITS)) {
        field.type = &sl_type_long;
        add_piece(making, SL_SPARK_LONG_SUM, first, field);
        return;
    }
    bool mean = ops == &sl_aggregate_avg && is_short_decimal(call, DOUBLE_SUM_DIGITS);
    for (uint32_t b = 0; b < call->buffer_count; b++) {
        field = call->buffers[b];
        if (mean && b == 0) {
            field.type = &sl_type_double;
            add_piece(making, SL_SPARK_DOUBLE_SUM, first, field);
        } else {
            add_piece(making, SL_SPARK_SAME, first + b, field);
        }
    }
}

static enum sl_code describe_aggregate(struct making *making, const struct sl_states *states,
                                       const struct sl_state *state, struct sl_err *err) {
    const struct sl_aggregation *what = state->node->aggregation;
    const struct sl_type *values = state->stateful->stores[0].value;
    uint32_t first = 0;
    if (what->session >= 0) { /* a session's value begins with all the grouping columns */
        if (has_float(state->stateful->stores[0].key))
            return refuse(err, "sessions by FLOAT or DOUBLE");
        for (; first < what->key_count; first++)
            add_piece(making, SL_SPARK_SAME, first, values->fields[first]);
    }
    for (uint32_t i = 0; i < what->item_count; i++) {
        const struct sl_aggregate_call *call = what->items[i].call;
        char name[80];
        snprintf(name, sizeof name, "the function %s", call->function->name);
        if (!is_exact(call)) return refuse(err, name);
        add_item(making, call, first);
        first += call->buffer_count;
    }
    return check_order(states, state, err);
}

static enum sl_code describe(struct making *making, const struct sl_states *states,
                             const struct sl_state *state, struct sl_err *err) {
    const struct sl_type *values = state->stateful->stores[0].value;
    switch (state->node->kind) {
    case SL_NODE_AGGREGATE:
        return describe_aggregate(making, states, state, err);
    case SL_NODE_DEDUPLICATE:
        if (has_float(state->stateful->stores[0].key))
            return refuse(err, "deduplication by FLOAT or DOUBLE, for which -0.0 and 0.0 differ");
        for (uint32_t i = 0; i < values->field_count; i++)
            add_piece(making, SL_SPARK_SAME, i, values->fields[i]);
        return SL_OK;
    default:
        return refuse(err, "this operator");
    }
}

/* ---- comparing with what Spark wrote ---- */

static enum sl_code differs(struct sl_err *err, bool key, const struct sl_type *theirs,
                            const struct sl_type *ours) {
    struct sl_buf text[2] = {{0}};
    sl_type_put_simple(&text[0], theirs);
    sl_type_put_simple(&text[1], ours);
    sl_fail_at(err, (struct sl_span){0, 0},
               key ? "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"
                   : "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
               "42K06", "Spark's state has the %s %s, the query needs %s", key ? "keys" : "values",
               sl_buf_cstr(&text[0]), sl_buf_cstr(&text[1]));
    sl_buf_release(&text[0]);
    sl_buf_release(&text[1]);
    sl_hint(err, "the query must be the one that Spark ran: the same grouping columns and "
                 "aggregates in the same order; or start with a new checkpoint");
    return SL_USER;
}

/* The names of grouping columns, of which sessions have `groups`, may differ. */
static enum sl_code compare_values(const struct sl_type *theirs, const struct sl_type *ours,
                                   uint32_t groups, struct sl_err *err) {
    bool same = sl_type_equal_structure(theirs, ours);
    for (uint32_t i = groups; same && i < ours->field_count; i++)
        same = sl_str_eq(theirs->fields[i].name, ours->fields[i].name);
    return same ? SL_OK : differs(err, false, theirs, ours);
}

static uint32_t groups_in_values(const struct sl_state *state) {
    bool session = state->node->kind == SL_NODE_AGGREGATE && state->node->aggregation->session >= 0;
    return session ? state->node->aggregation->key_count : 0;
}

/* Of an aggregation: by position, as Spark does, which names expressions `_groupingexpression`; but
 * a name of ours in another place is a change of order. */
static enum sl_code match_groups(const struct sl_type *theirs, const struct sl_type *ours,
                                 uint32_t *keys, struct sl_err *err) {
    for (uint32_t i = 0; i < ours->field_count; i++) {
        struct sl_str name = theirs->fields[i].name;
        keys[i] = i;
        if (!sl_type_equal_structure(theirs->fields[i].type, ours->fields[i].type))
            return differs(err, true, theirs, ours);
        for (uint32_t k = 0; k < ours->field_count; k++)
            if (k != i && sl_str_eq_nocase(name, ours->fields[k].name) &&
                !sl_str_eq_nocase(name, ours->fields[i].name))
                return differs(err, true, theirs, ours);
    }
    return SL_OK;
}

/* Of a deduplication: by name; Spark takes the columns out of a set. */
static enum sl_code match_columns(const struct sl_type *theirs, const struct sl_type *ours,
                                  uint32_t *keys, struct sl_err *err) {
    for (uint32_t i = 0; i < theirs->field_count; i++) {
        uint32_t found = 0;
        for (uint32_t k = 0; k < ours->field_count; k++) {
            if (!sl_str_eq_nocase(theirs->fields[i].name, ours->fields[k].name)) continue;
            keys[i] = k;
            found++;
        }
        if (found != 1 ||
            !sl_type_equal_structure(theirs->fields[i].type, ours->fields[keys[i]].type))
            return differs(err, true, theirs, ours);
    }
    return SL_OK;
}

static enum sl_code match_keys(const struct sl_state *state, const struct sl_type *theirs,
                               uint32_t *keys, struct sl_err *err) {
    const struct sl_type *ours = state->stateful->stores[0].key;
    if (theirs->field_count != ours->field_count) return differs(err, true, theirs, ours);
    return state->node->kind == SL_NODE_DEDUPLICATE ? match_columns(theirs, ours, keys, err)
                                                    : match_groups(theirs, ours, keys, err);
}

/* Their columns with our types: names and nullability within them may differ. */
static const struct sl_type *key_type(struct sl_arena *query, const struct sl_type *ours,
                                      const struct sl_type *theirs, const uint32_t *keys) {
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, ours->field_count + (size_t)1);
    for (uint32_t i = 0; i < ours->field_count; i++) {
        fields[i] = ours->fields[keys[i]];
        if (theirs) fields[i].name = theirs->fields[i].name;
    }
    return sl_type_struct(query, fields, ours->field_count);
}

enum sl_code sl_spark_mapping_make(struct sl_arena *query, const struct sl_states *states,
                                   const struct sl_state *state,
                                   const struct sl_state_schema *found,
                                   struct sl_spark_mapping *out, struct sl_err *err) {
    const struct sl_state_schema *ours = &state->stateful->stores[0];
    if (state->node->kind == SL_NODE_JOIN) return refuse(err, "joins of streams");
    if (state->node->kind == SL_NODE_LIMIT) return refuse(err, "LIMIT in a stream");
    uint32_t most = ours->value->field_count + 1;
    struct making making = {.query = query,
                            .fields = SL_NEW_ARRAY(query, struct sl_field, most),
                            .pieces = SL_NEW_ARRAY(query, struct sl_spark_piece, most)};
    SL_TRY(describe(&making, states, state, err));
    SL_TRY(check_types(ours->key, err));
    SL_TRY(check_types(ours->value, err));
    out->keys = SL_NEW_ARRAY(query, uint32_t, ours->key->field_count + (size_t)1);
    for (uint32_t i = 0; i < ours->key->field_count; i++) out->keys[i] = i;
    out->values = making.pieces;
    out->schema.name = ours->name;
    out->schema.value = sl_type_struct(query, making.fields, making.count);
    if (found) {
        SL_TRY(match_keys(state, found->key, out->keys, err));
        SL_TRY(compare_values(found->value, out->schema.value, groups_in_values(state), err));
    }
    /* a session's key ends with its begin, which does not decide about the partition */
    out->hashed_columns = ours->key->field_count - (groups_in_values(state) > 0);
    out->schema.key = key_type(query, ours->key, found ? found->key : NULL, out->keys);
    return SL_OK;
}

/* ---- rows ---- */

static void finish_batch(const struct sl_batch *in, struct sl_batch *out) {
    out->rows = in->rows;
    out->selected = NULL;
    out->selected_rows = in->rows;
}

enum sl_code sl_spark_mapping_keys(const struct sl_spark_mapping *mapping,
                                   const struct sl_batch *in, bool to_spark, struct sl_batch *out,
                                   struct sl_err *err) {
    (void)err;
    for (uint32_t i = 0; i < in->schema->field_count; i++) {
        uint32_t ours = mapping->keys[i];
        sl_vec_borrow(&out->columns[to_spark ? i : ours], &in->columns[to_spark ? ours : i]);
    }
    finish_batch(in, out);
    return SL_OK;
}

static enum sl_code overflowed(struct sl_err *err) {
    sl_fail(err, SL_UNSUPPORTED,
            "the sum of a group has left its DECIMAL, which Spark's state cannot say");
    return sl_hint(err, "%s", go_back_hint), SL_UNSUPPORTED;
}

static sl_int128 decimal_at(const struct sl_vec *vec, uint32_t row) {
    uint32_t pos = sl_vec_pos(vec, row);
    return sl_type_is_wide_decimal(vec->type) ? vec->i128[pos] : vec->i64[pos];
}

static enum sl_code put_long_sums(const struct sl_vec *ours, uint32_t rows, struct sl_vec *out,
                                  struct sl_err *err) {
    const struct sl_vec *empty = &ours[1];
    for (uint32_t i = 0; i < rows; i++) {
        if (sl_bit_get(empty->bits, sl_vec_pos(empty, i))) {
            SL_TRY(sl_vec_append_null(out, 1, err));
            continue;
        }
        if (sl_vec_is_null(ours, i)) return overflowed(err);
        SL_TRY(sl_vec_put_i64(out, (int64_t)decimal_at(ours, i), err));
    }
    return SL_OK;
}

static enum sl_code take_long_sums(const struct sl_vec *theirs, uint32_t rows, struct sl_vec *out,
                                   struct sl_err *err) {
    for (uint32_t i = 0; i < rows; i++) {
        bool empty = sl_vec_is_null(theirs, i);
        SL_TRY(sl_vec_put_i128(&out[0], empty ? 0 : theirs->i64[sl_vec_pos(theirs, i)], err));
        SL_TRY(sl_vec_put_i64(&out[1], empty, err));
    }
    return SL_OK;
}

static enum sl_code put_double_sums(const struct sl_vec *ours, uint32_t rows, struct sl_vec *out,
                                    struct sl_err *err) {
    for (uint32_t i = 0; i < rows; i++) {
        if (sl_vec_is_null(ours, i)) return overflowed(err);
        SL_TRY(sl_vec_put_f64(out, (double)decimal_at(ours, i), err));
    }
    return SL_OK;
}

static enum sl_code take_double_sums(const struct sl_vec *theirs, uint32_t rows, struct sl_vec *out,
                                     struct sl_err *err) {
    double limit = pow(10, out->type->precision);
    for (uint32_t i = 0; i < rows; i++) {
        double sum = sl_vec_is_null(theirs, i) ? NAN : theirs->f64[sl_vec_pos(theirs, i)];
        if (!(fabs(sum) < limit) || sum != trunc(sum))
            return sl_fail(err, SL_DATA, "the sum of a mean in Spark's state is no whole number");
        SL_TRY(sl_vec_put_i128(out, (sl_int128)sum, err));
    }
    return SL_OK;
}

enum sl_code sl_spark_mapping_values(const struct sl_spark_mapping *mapping,
                                     const struct sl_batch *in, bool to_spark, struct sl_batch *out,
                                     struct sl_err *err) {
    uint32_t rows = in->rows;
    for (uint32_t i = 0; i < mapping->schema.value->field_count; i++) {
        const struct sl_spark_piece *piece = &mapping->values[i];
        const struct sl_vec *from = &in->columns[to_spark ? piece->ours : i];
        struct sl_vec *to = &out->columns[to_spark ? i : piece->ours];
        switch (piece->kind) {
        case SL_SPARK_SAME:
            sl_vec_borrow(to, from);
            break;
        case SL_SPARK_LONG_SUM:
            SL_TRY(to_spark ? put_long_sums(from, rows, to, err)
                            : take_long_sums(from, rows, to, err));
            break;
        case SL_SPARK_DOUBLE_SUM:
            SL_TRY(to_spark ? put_double_sums(from, rows, to, err)
                            : take_double_sums(from, rows, to, err));
            break;
        }
    }
    finish_batch(in, out);
    return SL_OK;
}
