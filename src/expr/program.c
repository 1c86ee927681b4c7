/* Runs a program over a batch. */
#include "expr/program.h"

#include <stdlib.h>

#include "base/clock.h"
#include "expr/expr_int.h"
#include "expr/program_int.h"

/* All bitmaps live in one block, which grows with the largest batch seen. */
static void reserve_bits(struct sl_program *program, uint32_t rows) {
    if (rows <= program->bits_rows && program->words) return;
    size_t words = SL_BIT_WORDS(rows) + 1, slots = program->mask_count + 6;
    free(program->words);
    free(program->branch);
    program->words = sl_xcalloc(slots * words, sizeof *program->words);
    program->branch = sl_xcalloc(words * 64, sizeof *program->branch);
    program->bits_rows = rows;
    uint64_t *at = program->words;
    for (uint32_t i = 1; i < program->mask_count; i++, at += words) program->masks[i].bits = at;
    program->selection = at;
    program->strict = at + words;
    program->taken = at + 2 * words;
    program->rest = at + 3 * words;
    program->merged = at + 4 * words;
    program->alive = at + 5 * words;
}

struct sl_vec *sl_program_own(struct sl_program *program, const struct step *step) {
    struct reg *reg = &program->regs[step->out];
    sl_vec_clear(&reg->own);
    reg->value = &reg->own;
    return &reg->own;
}

enum sl_code sl_program_flat(struct sl_program *program, uint32_t index, const struct sl_vec **out,
                             struct sl_err *err) {
    struct reg *reg = &program->regs[index];
    *out = reg->value;
    if (reg->value->enc == SL_ENC_FLAT || reg->value->enc == SL_ENC_CONST) return SL_OK;
    if (!reg->flat_ready) {
        sl_vec_clear(&reg->flat);
        SL_TRY(sl_vec_flatten(reg->value, &reg->flat, err));
        reg->flat_ready = true;
    }
    *out = &reg->flat;
    return SL_OK;
}

/* ---- failures ---- */

void sl_program_describe(const struct sl_program *program, const struct step *step, uint32_t row,
                         bool whole_batch, struct sl_err *err) {
    if (!err) return;
    const uint64_t *active = program->masks[step->mask].bits;
    if (whole_batch)
        for (row = 0; active && row + 1 < program->rows && !sl_bit_get(active, row);) row++;
    char text[256];
    sl_batch_describe_row(program->batch, row, text, sizeof text);
    if (text[0]) sl_context(err, "%s", text);
}

/* ---- faults ---- */

void sl_program_add_fault(struct sl_program *program, const struct step *step, uint32_t row,
                          bool all, struct sl_fault *fault) {
    const struct sl_batch *batch = program->batch;
    const uint64_t *active = program->masks[step->mask].bits;
    for (uint32_t r = all ? 0 : row, end = all ? program->rows : row + 1; r < end; r++) {
        if (active && !sl_bit_get(active, r)) continue;
        fault->row = sl_batch_source_row(batch, r);
        sl_faults_add(batch->faults, fault);
    }
}

/* Failed rows leave every mask, so that no other expression reports them again. */
static void leave_masks(struct sl_program *program, const uint64_t *stay) {
    size_t words = SL_BIT_WORDS(program->rows);
    for (uint32_t i = 0; i < program->mask_count; i++) {
        struct mask *mask = &program->masks[i];
        uint64_t any = 0;
        for (size_t w = 0; w < words; w++) any |= mask->bits[w] &= stay[w];
        mask->empty = any == 0;
    }
}

void sl_program_drop_faulty(struct sl_program *program) {
    const struct sl_batch *batch = program->batch;
    const struct sl_faults *faults = batch->faults;
    size_t words = SL_BIT_WORDS(program->rows);
    if (!faults->count) return;
    if (program->masks[0].bits != program->alive) {
        if (batch->selected)
            memcpy(program->alive, batch->selected, words * 8);
        else
            sl_bits_fill(program->alive, program->rows, true);
        program->alive[words - 1] &= sl_bits_tail(program->rows);
        program->masks[0].bits = program->alive;
    }
    for (size_t w = 0; !batch->source_rows && w < words; w++)
        program->alive[w] &= ~faults->failed[w];
    for (uint32_t r = 0; batch->source_rows && r < program->rows; r++)
        if (sl_faults_has(faults, batch->source_rows[r])) sl_bit_clear(program->alive, r);
    leave_masks(program, program->alive);
}

/* The query is wrong, not a record: 1 / 0, CAST('x' AS INT), in every row. */
static bool blames_query(const struct step *step) {
    return step->mask == 0 && step->expr->deterministic && !sl_expr_reads_column(step->expr);
}

static const char *rule_name(const struct step *step) {
    return step->kind == STEP_CAST ? "CAST" : step->expr->function->name;
}

static void collect_bad(struct sl_program *program, const struct step *step,
                        const struct sl_call *call) {
    bool all = call->rows != program->rows;
    for (uint32_t i = 0; i < call->bad_count; i++) {
        const struct sl_bad_row *bad = &call->bad_items[i];
        struct sl_fault fault = {.kind = SL_FAULT_EVALUATION,
                                 .rule = sl_str(rule_name(step)),
                                 .condition = sl_str(bad->condition),
                                 .sqlstate = sl_str(bad->sqlstate),
                                 .msg = bad->msg};
        sl_program_add_fault(program, step, bad->row, all, &fault);
    }
    sl_program_drop_faulty(program);
}

enum sl_code sl_program_check_bad(struct sl_program *program, const struct step *step,
                                  const struct sl_call *call, struct sl_err *err) {
    if (!call->bad_count) return SL_OK;
    if (program->batch->faults && !blames_query(step)) {
        collect_bad(program, step, call);
        return SL_OK;
    }
    sl_fail_at(err, step->expr->span, call->first_bad.condition, call->first_bad.sqlstate, "%.*s",
               SL_STR_ARG(call->first_bad.msg));
    if (err) err->code = SL_DATA;
    sl_program_describe(program, step, call->first_bad.row, call->rows != program->rows, err);
    return SL_DATA;
}

/* ---- steps without work ---- */

static void step_column(struct sl_program *program, struct step *step) {
    program->regs[step->out].value = &program->batch->columns[step->expr->column];
}

static void step_literal(struct sl_program *program, struct step *step) {
    struct reg *reg = &program->regs[step->out];
    reg->view = *step->expr->literal;
    reg->view.type = step->expr->type;
    reg->view.rows = program->rows;
    reg->value = &reg->view;
}

/* A field is its parent's child: null parents have null children. */
static enum sl_code step_field(struct sl_program *program, struct step *step, struct sl_err *err) {
    struct reg *reg = &program->regs[step->out];
    const struct sl_vec *in;
    SL_TRY(sl_program_flat(program, step->args[0], &in, err));
    uint32_t field = step->expr->field;
    if (in->type->kind == SL_ARRAY_KIND) {
        reg->item = in->children[0].children[field];
        reg->view = *in;
        reg->view.type = step->expr->type;
        reg->view.children = &reg->item;
        reg->view.child_count = 1;
    } else {
        reg->view = in->children[field];
        if (in->enc == SL_ENC_CONST) reg->view.enc = SL_ENC_CONST;
        reg->view.rows = program->rows;
    }
    reg->value = &reg->view;
    return SL_OK;
}

/* What a branch yields that no row takes. */
static enum sl_code step_skipped(struct sl_program *program, struct step *step,
                                 struct sl_err *err) {
    struct sl_vec *out = sl_program_own(program, step);
    SL_TRY(sl_vec_append_null(out, 1, err));
    out->enc = SL_ENC_CONST;
    out->rows = program->rows;
    return SL_OK;
}

/* ---- the loop ---- */

static enum sl_code run_step(struct sl_program *program, struct step *step, struct sl_err *err) {
    switch (step->kind) {
    case STEP_COLUMN:
        step_column(program, step);
        return SL_OK;
    case STEP_LITERAL:
        step_literal(program, step);
        return SL_OK;
    case STEP_FIELD:
        return step_field(program, step, err);
    case STEP_CALL:
        return sl_step_call(program, step, err);
    case STEP_CAST:
        return sl_step_cast(program, step, err);
    case STEP_FROM_JSON:
        return sl_step_from_json(program, step, err);
    case STEP_HIGHER:
        return sl_step_higher(program, step, err);
    case STEP_AND:
    case STEP_OR:
        return sl_step_logic(program, step, err);
    case STEP_CASE:
    case STEP_COALESCE:
        return sl_step_choose(program, step, err);
    default:
        return sl_step_mask(program, step, err);
    }
}

static enum sl_code timed_step(struct sl_program *program, struct step *step, struct sl_err *err) {
    if (step->kind < STEP_MASK_TRUE) {
        program->regs[step->out].flat_ready = false;
        if (program->masks[step->mask].empty) return step_skipped(program, step, err);
    }
    if (!program->profile) return run_step(program, step, err);
    int64_t begin = sl_clock_thread_cpu_ns();
    enum sl_code code = run_step(program, step, err);
    step->ns += sl_clock_thread_cpu_ns() - begin;
    step->rows += program->rows;
    return code;
}

static enum sl_code empty_outputs(struct sl_program *program, const struct sl_vec **outputs,
                                  struct sl_err *err) {
    for (uint32_t i = 0; i < program->output_count; i++) {
        struct sl_vec *own = &program->regs[program->outputs[i]].own;
        sl_vec_clear(own);
        SL_TRY(sl_vec_reserve(own, 0, err));
        if (outputs) outputs[i] = own;
    }
    return SL_OK;
}

static void begin_batch(struct sl_program *program, const struct sl_session *session,
                        const struct sl_batch *batch) {
    sl_arena_reset(&program->scratch);
    reserve_bits(program, batch->rows);
    program->session = session;
    program->batch = batch;
    program->rows = batch->rows;
    program->masks[0].bits = (uint64_t *)(uintptr_t)batch->selected;
    program->masks[0].empty = batch->selected && batch->selected_rows == 0;
    program->fault_count = batch->faults ? batch->faults->count : 0;
    if (program->seed != session->batch_seed) {
        program->seed = session->batch_seed;
        program->rows_before = 0;
    }
}

enum sl_code sl_program_eval(struct sl_program *program, const struct sl_session *session,
                             const struct sl_batch *batch, const struct sl_vec **outputs,
                             struct sl_err *err) {
    if (batch->rows == 0) return empty_outputs(program, outputs, err);
    begin_batch(program, session, batch);
    for (uint32_t i = 0; i < program->step_count; i++)
        SL_TRY(timed_step(program, &program->steps[i], err));
    program->rows_before += batch->rows;
    for (uint32_t i = 0; outputs && i < program->output_count; i++)
        outputs[i] = program->regs[program->outputs[i]].value;
    return SL_OK;
}

void sl_program_drop_failed(struct sl_program *program, struct sl_batch *batch) {
    if (batch->rows && batch->faults->count != program->fault_count)
        sl_batch_drop_failed(batch, program->alive);
}

enum sl_code sl_program_filter(struct sl_program *program, const struct sl_session *session,
                               struct sl_batch *batch, struct sl_err *err) {
    SL_TRY(sl_program_eval(program, session, batch, NULL, err));
    if (batch->rows == 0) return SL_OK;
    const struct sl_vec *keep;
    SL_TRY(sl_program_flat(program, program->outputs[0], &keep, err));
    size_t words = SL_BIT_WORDS(batch->rows);
    const uint64_t *before = program->masks[0].bits; /* without the rows that have just failed */
    for (size_t w = 0; w < words; w++)
        program->selection[w] = sl_word_valid(keep, w)
                                    ? sl_word_value(keep, w) & sl_word_valid(keep, w) &
                                          (before ? before[w] : ~UINT64_C(0))
                                    : 0;
    program->selection[words - 1] &= sl_bits_tail(batch->rows);
    batch->selected_rows = (uint32_t)sl_bits_count(program->selection, batch->rows);
    batch->selected = program->selection;
    return SL_OK;
}

/* ---- profile ---- */

static const char *step_name(const struct step *step) {
    static const char *const names[] = {
        [STEP_COLUMN] = "column", [STEP_LITERAL] = "literal",     [STEP_CAST] = "cast",
        [STEP_FIELD] = "field",   [STEP_FROM_JSON] = "from_json", [STEP_AND] = "and",
        [STEP_OR] = "or",         [STEP_CASE] = "case",           [STEP_COALESCE] = "coalesce"};
    if (step->kind == STEP_CALL || step->kind == STEP_HIGHER) return step->expr->function->name;
    return step->kind >= STEP_MASK_TRUE ? "mask" : names[step->kind];
}

void sl_program_profile(const struct sl_program *program,
                        void (*fn)(void *ctx, const char *step, int64_t ns, int64_t rows),
                        void *ctx) {
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct step *step = &program->steps[i];
        if (step->rows) fn(ctx, step_name(step), step->ns, step->rows);
    }
}

void sl_program_set_profile(struct sl_program *program, bool on) { program->profile = on; }
