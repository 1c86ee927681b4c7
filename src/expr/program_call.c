/* Calls and casts: encodings of the arguments, the STRICT null rule, dictionaries. */
#include "expr/program_int.h"

/* A generator's rows have ids of their own, if their records have. */
static const int64_t *row_ids(const struct sl_batch *batch) {
    return batch->row_ids || batch->source_rows ? batch->row_ids : batch->origin.offsets;
}

static struct sl_call new_call(struct sl_program *program, const struct step *step, uint32_t rows,
                               struct sl_vec *out) {
    struct sl_call call = {.args = step->values,
                           .arg_count = step->arg_count,
                           .out = out,
                           .rows = rows,
                           .active = program->masks[step->mask].bits,
                           .session = program->session,
                           .state = step->expr->state,
                           .scratch = &program->scratch,
                           .site = step->site,
                           .partition = program->batch->origin.partition,
                           .row_ids = row_ids(program->batch),
                           .row_base = program->rows_before,
                           .every_bad = program->batch->faults != NULL};
    if (rows == 1 && program->rows != 1 && call.active) {
        /* One computation stands for all rows: it matters when any of them does. */
        program->one_row = !program->masks[step->mask].empty;
        call.active = &program->one_row;
    }
    return call;
}

/* ANDs the arguments' validity into out->valid and program->strict; *all_null when a constant is
 * null. */
static enum sl_code strict_valid(struct sl_program *program, struct step *step, uint32_t rows,
                                 struct sl_vec *out, bool *all_null, struct sl_err *err) {
    bool nullable = false;
    *all_null = false;
    for (uint32_t i = 0; i < step->arg_count; i++) {
        const struct sl_vec *arg = step->values[i];
        if (arg->enc == SL_ENC_CONST || arg->type->kind == SL_NULL_KIND)
            *all_null |= sl_vec_is_null(arg, 0);
        else
            nullable |= arg->valid != NULL;
    }
    if (*all_null || !nullable) return SL_OK;
    size_t words = SL_BIT_WORDS(rows);
    SL_TRY(sl_vec_reserve_valid(out, rows, err));
    memset(program->strict, 0xFF, words * 8);
    for (uint32_t i = 0; i < step->arg_count; i++) {
        const struct sl_vec *arg = step->values[i];
        if (arg->enc != SL_ENC_CONST && arg->valid)
            sl_bits_and(program->strict, arg->valid, program->strict, rows);
    }
    memcpy(out->valid, program->strict, words * 8);
    return SL_OK;
}

/* Null rows have length 0: closes the gaps that a STRICT kernel left. */
static enum sl_code close_null_gaps(struct sl_vec *out, uint32_t rows, struct sl_err *err) {
    bool gap = false;
    for (uint32_t row = 0; row < rows && !gap; row++)
        gap = out->offsets[row] != out->offsets[row + 1] && !sl_bit_get(out->valid, row);
    if (!gap) return SL_OK;
    /* A kernel may have let the result borrow its argument. */
    SL_TRY(sl_vec_reserve(out, rows, err));
    SL_TRY(sl_vec_reserve_bytes(out, (size_t)out->offsets[rows], err));
    int32_t at = 0, begin = 0;
    for (uint32_t row = 0; row < rows; row++) {
        int32_t end = out->offsets[row + 1], len = end - begin;
        if (!sl_bit_get(out->valid, row)) len = 0;
        if (len) memmove(out->bytes + at, out->bytes + begin, (size_t)len);
        at += len;
        begin = end;
        out->offsets[row + 1] = at;
    }
    return SL_OK;
}

static enum sl_code const_null(struct sl_program *program, struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_append_null(out, 1, err));
    out->enc = SL_ENC_CONST;
    out->rows = program->rows;
    return SL_OK;
}

/* Calls the kernel over `rows` rows; the values stand in step->values. */
static enum sl_code run_kernel(struct sl_program *program, struct step *step, struct sl_call *call,
                               bool *all_null, struct sl_err *err) {
    const struct sl_function *function = step->expr->function;
    bool strict = function->nulls == SL_NULLS_STRICT;
    *all_null = false;
    if (strict) {
        SL_TRY(strict_valid(program, step, call->rows, call->out, all_null, err));
        if (*all_null) return SL_OK;
        if (call->out->valid) call->strict_valid = program->strict;
    }
    SL_TRY(step->expr->kernel(call, err));
    struct sl_vec *out = call->out;
    out->rows = call->rows;
    if (call->strict_valid) {
        SL_TRY(sl_call_own_valid(call, err));
        sl_bits_and(out->valid, program->strict, out->valid, call->rows);
    }
    bool texts = out->enc == SL_ENC_FLAT && sl_type_is_bytes(out->type);
    return strict && texts && out->valid ? close_null_gaps(out, call->rows, err) : SL_OK;
}

/* The one argument that is a small dictionary while all others are constants, or -1. */
static int dictionary_arg(const struct sl_program *program, const struct step *step) {
    int found = -1;
    for (uint32_t i = 0; i < step->arg_count; i++) {
        const struct sl_vec *arg = program->regs[step->args[i]].value;
        if (arg->enc == SL_ENC_CONST) continue;
        if (arg->enc != SL_ENC_DICT || found >= 0) return -1;
        if (arg->children[0].rows == 0 || arg->children[0].rows >= program->rows) return -1;
        found = (int)i;
    }
    return found;
}

/* Shows a result over the dictionary as a result over the rows. */
static void show_dictionary(struct sl_program *program, struct step *step,
                            const struct sl_vec *arg) {
    struct reg *reg = &program->regs[step->out];
    reg->view = (struct sl_vec){.type = step->expr->type,
                                .enc = SL_ENC_DICT,
                                .rows = program->rows,
                                .valid = arg->valid,
                                .codes = arg->codes,
                                .children = &reg->own,
                                .child_count = 1};
    reg->value = &reg->view;
}

/* Evaluates over the dictionary. *done is false when an entry failed or became null: then the rows
 * decide which of them count, so the caller computes them one by one. */
static enum sl_code run_on_dictionary(struct sl_program *program, struct step *step, int which,
                                      bool *done, struct sl_err *err) {
    const struct sl_vec *arg = program->regs[step->args[which]].value;
    for (uint32_t i = 0; i < step->arg_count; i++)
        step->values[i] = program->regs[step->args[i]].value;
    step->values[which] = &arg->children[0];
    struct sl_vec *out = sl_program_own(program, step);
    struct sl_call call = new_call(program, step, arg->children[0].rows, out);
    call.active = NULL;
    call.row_ids = NULL;
    call.every_bad = false;
    bool all_null = false;
    if (step->kind == STEP_CALL)
        SL_TRY(run_kernel(program, step, &call, &all_null, err));
    else
        SL_TRY(sl_cast(&call, step->expr->cast_mode, err));
    out->rows = call.rows;
    *done = !all_null && !call.bad_count && !out->valid && out->enc == SL_ENC_FLAT;
    if (*done) show_dictionary(program, step, arg);
    return SL_OK;
}

static bool is_repeatable(const struct sl_function *function) {
    return !(function->flags & SL_FN_NONDETERMINISTIC);
}

static bool takes_as_is(const struct sl_function *function, const struct sl_vec *arg) {
    return (function->flags & SL_FN_RAW) ||
           ((function->flags & SL_FN_VIEWS) && arg->enc == SL_ENC_VIEW);
}

enum sl_code sl_step_call(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_function *function = step->expr->function;
    bool constant = is_repeatable(function);
    if (function->nulls == SL_NULLS_STRICT && constant && !sl_type_is_nested(step->expr->type)) {
        int which = dictionary_arg(program, step);
        bool done = false;
        if (which >= 0) SL_TRY(run_on_dictionary(program, step, which, &done, err));
        if (done) return SL_OK;
    }
    for (uint32_t i = 0; i < step->arg_count; i++) {
        step->values[i] = program->regs[step->args[i]].value;
        if (!takes_as_is(function, step->values[i]))
            SL_TRY(sl_program_flat(program, step->args[i], &step->values[i], err));
        constant &= step->values[i]->enc == SL_ENC_CONST;
    }
    struct sl_vec *out = sl_program_own(program, step);
    struct sl_call call = new_call(program, step, constant ? 1 : program->rows, out);
    bool all_null;
    SL_TRY(run_kernel(program, step, &call, &all_null, err));
    SL_TRY(sl_program_check_bad(program, step, &call, err));
    if (all_null) return const_null(program, out, err);
    if (constant) out->enc = SL_ENC_CONST;
    out->rows = program->rows;
    return SL_OK;
}

enum sl_code sl_step_cast(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_vec *arg = program->regs[step->args[0]].value;
    if (!sl_type_is_nested(step->expr->type) && dictionary_arg(program, step) == 0) {
        bool done = false;
        SL_TRY(run_on_dictionary(program, step, 0, &done, err));
        if (done) return SL_OK;
    }
    bool constant = arg->enc == SL_ENC_CONST;
    step->values[0] = arg;
    struct sl_vec *out = sl_program_own(program, step);
    struct sl_vec one; /* borrowed header with the row count the cast is to see */
    if (constant) {
        one = *arg;
        one.rows = 1;
        step->values[0] = &one;
    }
    struct sl_call call = new_call(program, step, constant ? 1 : program->rows, out);
    enum sl_code code = sl_cast(&call, step->expr->cast_mode, err);
    step->values[0] = arg;
    SL_TRY(code);
    SL_TRY(sl_program_check_bad(program, step, &call, err));
    if (constant) out->enc = SL_ENC_CONST;
    out->rows = program->rows;
    return SL_OK;
}
