/* Expectations: every condition is evaluated for every row, so that each is counted on its own;
 * then the rows that violate one that does more than count are dealt with. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "kern/cast.h"
#include "kern/words.h"
#include "ops/op.h"

struct expect {
    struct sl_op base;
    struct sl_program *program;
    const struct sl_expect *expects;
    uint32_t count;
    struct sl_expect_count *counts;
    const struct sl_vec **values;     /* per condition, as computed */
    struct sl_vec *flat;              /* per condition, when the value is a dictionary */
    uint64_t *selected;               /* of the output, when rows leave */
    uint32_t cap;                     /* rows of selected */
    struct sl_buf text;               /* of a message */
    const struct sl_session *session; /* of the running call */
};

/* Rows of word w that are selected and for which the condition is not true. */
static inline uint64_t violations(const struct sl_batch *batch, const struct sl_vec *holds,
                                  size_t w) {
    uint64_t rows = batch->selected ? batch->selected[w] : ~UINT64_C(0);
    if (w + 1 == SL_BIT_WORDS(batch->rows)) rows &= sl_bits_tail(batch->rows);
    uint64_t valid = sl_word_valid(holds, w);
    return rows & ~(valid ? valid & sl_word_value(holds, w) : 0);
}

static uint32_t count_violations(const struct sl_batch *batch, const struct sl_vec *holds,
                                 uint32_t *first) {
    uint32_t count = 0;
    for (size_t w = 0, words = SL_BIT_WORDS(batch->rows); w < words; w++) {
        uint64_t bits = violations(batch, holds, w);
        if (bits && !count) *first = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
        count += (uint32_t)__builtin_popcountll(bits);
    }
    return count;
}

/* ---- what becomes of a row ---- */

static bool is_of_table(const struct sl_expect *expect) {
    return expect->action == SL_EXPECT_TABLE;
}
static const char *condition_name(const struct sl_expect *expect) {
    return is_of_table(expect) ? "CHECK_CONSTRAINT_VIOLATION" : "EXPECTATION_VIOLATION";
}
static const char *sqlstate(const struct sl_expect *expect) {
    return is_of_table(expect) ? "23001" : "22000";
}
static const char *what(const struct sl_expect *expect) {
    return is_of_table(expect) ? "the table's constraint" : "expectation";
}

enum { VALUE_MAX = 60, VALUES_MAX = 4 };

static void put_value(struct sl_buf *out, const struct sl_expr *column,
                      const struct sl_batch *batch, const struct sl_session *session,
                      uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column->column];
    sl_buf_printf(out, "%.*s = ", SL_STR_ARG(column->name));
    size_t begin = out->len;
    if (sl_vec_is_null(vec, row))
        sl_buf_put_cstr(out, "NULL");
    else
        sl_cast_put_text(out, vec, row, session);
    if (out->len - begin <= VALUE_MAX) return;
    out->len = begin + sl_utf8_whole((const char *)out->ptr + begin, VALUE_MAX);
    sl_buf_put_cstr(out, "..");
}

/* The columns that an expression reads, each once. */
static uint32_t find_columns(const struct sl_expr *expr, const struct sl_expr **found,
                             uint32_t count) {
    if (expr->kind == SL_EXPR_COLUMN) {
        for (uint32_t i = 0; i < count; i++)
            if (found[i]->column == expr->column) return count;
        if (count < VALUES_MAX) found[count++] = expr;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        count = find_columns(expr->args[i], found, count);
    return count;
}

/* expectation `positive` is violated: `amount > 0` is not true (amount = -5) */
static struct sl_str message(struct expect *expect, const struct sl_expect *rule,
                             const struct sl_batch *batch, uint32_t row) {
    struct sl_buf *out = &expect->text;
    const struct sl_expr *columns[VALUES_MAX];
    uint32_t count = find_columns(rule->condition, columns, 0);
    sl_buf_clear(out);
    sl_buf_printf(out, "%s `%.*s` is violated: `%.*s` is not true", what(rule),
                  SL_STR_ARG(rule->name), SL_STR_ARG(rule->text));
    for (uint32_t i = 0; i < count; i++) {
        sl_buf_put_cstr(out, i ? ", " : " (");
        put_value(out, columns[i], batch, expect->session, row);
    }
    if (count) sl_buf_put_byte(out, ')');
    return sl_buf_str(out);
}

static enum sl_code refuse(struct expect *expect, const struct sl_expect *rule,
                           const struct sl_batch *batch, uint32_t row, uint32_t count,
                           struct sl_err *err) {
    char where[256];
    sl_batch_describe_row(batch, row, where, sizeof where);
    struct sl_str text = message(expect, rule, batch, row);
    sl_fail_at(err, rule->span, condition_name(rule), sqlstate(rule), "%.*s: %s%s",
               SL_STR_ARG(text), where, count > 1 ? " and others" : "");
    if (err) err->code = SL_DATA;
    return SL_DATA;
}

static void note(struct expect *expect, const struct sl_expect *rule, const struct sl_batch *batch,
                 const struct sl_vec *holds) {
    struct sl_fault fault = {.kind = is_of_table(rule) ? SL_FAULT_WRITE : SL_FAULT_CONSTRAINT,
                             .rule = rule->name,
                             .condition = sl_str(condition_name(rule)),
                             .sqlstate = sl_str(sqlstate(rule))};
    for (size_t w = 0, words = SL_BIT_WORDS(batch->rows); w < words; w++)
        for (uint64_t bits = violations(batch, holds, w); bits; bits &= bits - 1) {
            uint32_t row = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
            fault.row = sl_batch_source_row(batch, row);
            if (sl_faults_has(batch->faults, fault.row)) continue;
            fault.msg = message(expect, rule, batch, row);
            sl_faults_add(batch->faults, &fault);
        }
}

static uint64_t *room(struct expect *expect, uint32_t rows) {
    if (rows > expect->cap) {
        expect->cap = rows;
        expect->selected = sl_xrealloc(expect->selected, SL_BIT_WORDS(rows) * 8);
    }
    return expect->selected;
}

/* The batch's selection becomes memory of the operator, so that rows can leave it. */
static void own_selection(struct expect *expect, struct sl_batch *batch) {
    if (batch->selected == expect->selected && batch->selected) return;
    uint64_t *bits = room(expect, batch->rows);
    if (batch->selected)
        memcpy(bits, batch->selected, SL_BIT_WORDS(batch->rows) * 8);
    else
        sl_bits_fill(bits, batch->rows, true);
    batch->selected = bits;
}

static void drop(struct expect *expect, struct sl_batch *batch, const struct sl_vec *holds) {
    own_selection(expect, batch);
    for (size_t w = 0, words = SL_BIT_WORDS(batch->rows); w < words; w++)
        expect->selected[w] &= ~violations(batch, holds, w);
    batch->selected_rows = (uint32_t)sl_bits_count(expect->selected, batch->rows);
}

/* ---- the operator ---- */

/* FLAT or CONST, as words are read. */
static enum sl_code flatten(struct expect *expect, uint32_t i, struct sl_err *err) {
    const struct sl_vec *value = expect->values[i];
    if (value->enc == SL_ENC_FLAT || value->enc == SL_ENC_CONST) return SL_OK;
    sl_vec_clear(&expect->flat[i]);
    expect->values[i] = &expect->flat[i];
    return sl_vec_flatten(value, &expect->flat[i], err);
}

/* Counts all conditions; a violation that fails the batch does so here. */
static enum sl_code count_all(struct expect *expect, const struct sl_batch *batch, bool *leave,
                              struct sl_err *err) {
    uint32_t rows = batch->selected ? batch->selected_rows : batch->rows;
    for (uint32_t i = 0; i < expect->count; i++) {
        const struct sl_expect *rule = &expect->expects[i];
        SL_TRY(flatten(expect, i, err));
        uint32_t first = 0, failed = count_violations(batch, expect->values[i], &first);
        expect->counts[i].failed += failed;
        expect->counts[i].passed += rows - failed;
        if (!failed || rule->action == SL_EXPECT_KEEP) continue;
        if (rule->action == SL_EXPECT_FAIL || (is_of_table(rule) && !batch->faults))
            return refuse(expect, rule, batch, first, failed, err);
        *leave = true;
    }
    return SL_OK;
}

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    struct expect *expect = (struct expect *)op;
    bool leave = false;
    *out = in;
    expect->session = session;
    SL_TRY(sl_program_eval(expect->program, session, in, expect->values, err));
    if (in->rows == 0) return SL_OK;
    if (in->faults) sl_program_drop_failed(expect->program, in);
    SL_TRY(count_all(expect, in, &leave, err));
    for (uint32_t i = 0; leave && i < expect->count; i++) {
        if (expect->expects[i].action == SL_EXPECT_KEEP) continue;
        if (in->faults)
            note(expect, &expect->expects[i], in, expect->values[i]);
        else
            drop(expect, in, expect->values[i]);
    }
    if (leave && in->faults) sl_batch_drop_failed(in, room(expect, in->rows));
    return SL_OK;
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    sl_program_profile(((const struct expect *)op)->program, fn, ctx);
}

static void free_expect(struct sl_op *op) {
    struct expect *expect = (struct expect *)op;
    sl_program_free(expect->program);
    for (uint32_t i = 0; i < expect->count; i++) sl_vec_release(&expect->flat[i]);
    free(expect->flat);
    free(expect->values);
    free(expect->counts);
    free(expect->selected);
    sl_buf_release(&expect->text);
    free(expect);
}

static const struct sl_op_ops expect_ops = {"expect", process, profile, free_expect};

enum sl_code sl_expect_new(const struct sl_expect *expects, uint32_t count, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct expect *expect = sl_xcalloc(1, sizeof *expect);
    *expect = (struct expect){.base.ops = &expect_ops, .expects = expects, .count = count};
    expect->counts = sl_xcalloc(count, sizeof *expect->counts);
    expect->values = sl_xcalloc(count, sizeof *expect->values);
    expect->flat = sl_xcalloc(count, sizeof *expect->flat);
    struct sl_expr **conditions = sl_xcalloc(count, sizeof *conditions);
    for (uint32_t i = 0; i < count; i++) {
        conditions[i] = expects[i].condition;
        sl_vec_init(&expect->flat[i], expects[i].condition->type);
    }
    enum sl_code code = sl_program_new(conditions, count, &expect->program, err);
    free(conditions);
    if (code != SL_OK) {
        free_expect(&expect->base);
        return code;
    }
    sl_program_set_profile(expect->program, profiled);
    *out = &expect->base;
    return SL_OK;
}

const struct sl_expect_count *sl_expect_counts(const struct sl_op *op) {
    return op->ops == &expect_ops ? ((const struct expect *)op)->counts : NULL;
}
