/* Trees to steps.  A subexpression that was already computed for the same rows, or for more, is not
 * computed again; columns, literals and fields never depend on the mask. */
#include <stdlib.h>

#include "expr/program_int.h"

static uint32_t new_mask(struct sl_program *program, uint32_t parent) {
    if (program->mask_count == program->mask_cap) {
        uint32_t cap = program->mask_cap ? program->mask_cap * 2 : 8;
        program->masks =
            sl_arena_grow(&program->arena, program->masks,
                          program->mask_cap * sizeof *program->masks, cap * sizeof *program->masks);
        program->mask_cap = cap;
    }
    program->masks[program->mask_count] = (struct mask){.parent = parent};
    return program->mask_count++;
}

static struct step *new_step(struct sl_program *program, enum step_kind kind,
                             const struct sl_expr *expr, uint32_t mask) {
    if (program->step_count == program->step_cap) {
        uint32_t cap = program->step_cap ? program->step_cap * 2 : 16;
        program->steps =
            sl_arena_grow(&program->arena, program->steps,
                          program->step_cap * sizeof *program->steps, cap * sizeof *program->steps);
        program->step_cap = cap;
    }
    struct step *step = &program->steps[program->step_count];
    *step = (struct step){.kind = kind, .expr = expr, .mask = mask, .site = program->step_count};
    program->step_count++;
    return step;
}

static void set_args(struct sl_program *program, struct step *step, const uint32_t *args,
                     uint32_t count) {
    step->args = SL_NEW_ARRAY(&program->arena, uint32_t, count + 1);
    step->values = SL_NEW_ARRAY(&program->arena, const struct sl_vec *, count + 1);
    step->arg_count = count;
    if (count) memcpy(step->args, args, count * sizeof *args);
}

static bool makes_register(const struct step *step) { return step->kind < STEP_MASK_TRUE; }

static bool mask_covers(const struct sl_program *program, uint32_t outer, uint32_t inner) {
    while (inner != outer && inner != 0) inner = program->masks[inner].parent;
    return inner == outer;
}

static bool find_step(const struct sl_program *program, const struct sl_expr *expr, uint32_t mask,
                      uint32_t *reg) {
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct step *step = &program->steps[i];
        if (!makes_register(step) || !mask_covers(program, step->mask, mask)) continue;
        if (!sl_expr_equal(step->expr, expr)) continue;
        *reg = step->out;
        return true;
    }
    return false;
}

static uint32_t compile(struct sl_program *program, const struct sl_expr *expr, uint32_t mask);

/* The rows of `mask` for which the condition is true, is not true, and so on. */
static uint32_t narrow(struct sl_program *program, enum step_kind kind, uint32_t condition,
                       uint32_t mask) {
    uint32_t narrowed = new_mask(program, mask);
    struct step *step = new_step(program, kind, NULL, mask);
    set_args(program, step, &condition, 1);
    step->out = narrowed;
    return narrowed;
}

static uint32_t finish(struct sl_program *program, enum step_kind kind, const struct sl_expr *expr,
                       uint32_t mask, const uint32_t *args, uint32_t count) {
    struct step *step = new_step(program, kind, expr, mask);
    set_args(program, step, args, count);
    step->out = program->reg_count++;
    return step->out;
}

static uint32_t compile_case(struct sl_program *program, const struct sl_expr *expr, uint32_t mask,
                             uint32_t *args) {
    uint32_t open = mask, i = 0;
    for (; i + 1 < expr->arg_count; i += 2) {
        args[i] = compile(program, expr->args[i], open);
        uint32_t taken = narrow(program, STEP_MASK_TRUE, args[i], open);
        args[i + 1] = compile(program, expr->args[i + 1], taken);
        open = narrow(program, STEP_MASK_NOT_TRUE, args[i], open);
    }
    if (i < expr->arg_count) args[i] = compile(program, expr->args[i], open);
    return finish(program, STEP_CASE, expr, mask, args, expr->arg_count);
}

static uint32_t compile_coalesce(struct sl_program *program, const struct sl_expr *expr,
                                 uint32_t mask, uint32_t *args) {
    uint32_t open = mask;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        args[i] = compile(program, expr->args[i], open);
        if (i + 1 < expr->arg_count) open = narrow(program, STEP_MASK_NULL, args[i], open);
    }
    return finish(program, STEP_COALESCE, expr, mask, args, expr->arg_count);
}

static uint32_t compile_logic(struct sl_program *program, const struct sl_expr *expr, uint32_t mask,
                              uint32_t *args) {
    bool and = expr->kind == SL_EXPR_AND;
    args[0] = compile(program, expr->args[0], mask);
    uint32_t open = mask;
    if (!sl_expr_is_trivial(expr->args[1]))
        open = narrow(program, and? STEP_MASK_NOT_FALSE : STEP_MASK_NOT_TRUE, args[0], mask);
    args[1] = compile(program, expr->args[1], open);
    return finish(program, and? STEP_AND : STEP_OR, expr, mask, args, 2);
}

static uint32_t compile(struct sl_program *program, const struct sl_expr *expr, uint32_t mask) {
    static const enum step_kind kinds[] = {
        [SL_EXPR_COLUMN] = STEP_COLUMN, [SL_EXPR_LITERAL] = STEP_LITERAL,
        [SL_EXPR_CALL] = STEP_CALL,     [SL_EXPR_CAST] = STEP_CAST,
        [SL_EXPR_FIELD] = STEP_FIELD,   [SL_EXPR_FROM_JSON] = STEP_FROM_JSON,
        [SL_EXPR_HIGHER] = STEP_HIGHER};
    uint32_t reg;
    if (sl_expr_is_trivial(expr)) mask = 0;
    if (find_step(program, expr, mask, &reg)) return reg;
    uint32_t *args = SL_NEW_ARRAY(&program->arena, uint32_t, expr->arg_count + 1);
    switch (expr->kind) {
    case SL_EXPR_CASE:
        return compile_case(program, expr, mask, args);
    case SL_EXPR_COALESCE:
        return compile_coalesce(program, expr, mask, args);
    case SL_EXPR_AND:
    case SL_EXPR_OR:
        return compile_logic(program, expr, mask, args);
    default:
        for (uint32_t i = 0; i < expr->arg_count; i++)
            args[i] = compile(program, expr->args[i], mask);
        return finish(program, kinds[expr->kind], expr, mask, args, expr->arg_count);
    }
}

static void init_registers(struct sl_program *program) {
    program->regs = SL_NEW_ARRAY(&program->arena, struct reg, program->reg_count + 1);
    memset(program->regs, 0, (program->reg_count + 1) * sizeof *program->regs);
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct step *step = &program->steps[i];
        if (!makes_register(step)) continue;
        sl_vec_init(&program->regs[step->out].own, step->expr->type);
        sl_vec_init(&program->regs[step->out].flat, step->expr->type);
    }
}

enum sl_code sl_program_new(struct sl_expr *const *exprs, uint32_t count, struct sl_program **out,
                            struct sl_err *err) {
    struct sl_program *program = sl_xcalloc(1, sizeof *program);
    sl_arena_init(&program->arena, "program");
    sl_arena_init(&program->scratch, "program scratch");
    new_mask(program, 0);
    program->outputs = SL_NEW_ARRAY(&program->arena, uint32_t, count + 1);
    program->output_count = count;
    for (uint32_t i = 0; i < count; i++) program->outputs[i] = compile(program, exprs[i], 0);
    init_registers(program);
    for (uint32_t i = 0; i < program->step_count; i++) {
        struct step *step = &program->steps[i];
        enum sl_code code = SL_OK;
        if (step->kind == STEP_FROM_JSON) code = sl_json_step_new(program, step, err);
        if (step->kind == STEP_HIGHER) code = sl_higher_step_new(step, err);
        if (code != SL_OK) {
            sl_program_free(program);
            return code;
        }
    }
    *out = program;
    return SL_OK;
}

void sl_program_free(struct sl_program *program) {
    if (!program) return;
    for (uint32_t i = 0; i < program->step_count; i++)
        if (program->steps[i].json) sl_json_step_free(program->steps[i].json);
    for (uint32_t i = 0; i < program->step_count; i++)
        sl_higher_step_free(program->steps[i].higher);
    for (uint32_t i = 0; program->regs && i < program->reg_count; i++) {
        sl_vec_release(&program->regs[i].own);
        sl_vec_release(&program->regs[i].flat);
        free(program->regs[i].views);
    }
    free(program->words);
    free(program->branch);
    sl_arena_release(&program->scratch);
    sl_arena_release(&program->arena);
    free(program);
}
