/* AND and OR with Kleene logic on words, masks of branches, and the merging of branches. */
#include <stdlib.h>

#include "expr/program_int.h"

enum sl_code sl_step_logic(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_vec *a, *b;
    SL_TRY(sl_program_flat(program, step->args[0], &a, err));
    SL_TRY(sl_program_flat(program, step->args[1], &b, err));
    struct sl_vec *out = sl_program_own(program, step);
    SL_TRY(sl_vec_reserve(out, program->rows, err));
    bool nullable = a->valid || b->valid;
    if (nullable) SL_TRY(sl_vec_reserve_valid(out, program->rows, err));
    bool and = step->kind == STEP_AND;
    for (size_t w = 0; w < SL_BIT_WORDS(program->rows); w++) {
        uint64_t av = sl_word_valid(a, w), at = sl_word_value(a, w) & av, af = av & ~at;
        uint64_t bv = sl_word_valid(b, w), bt = sl_word_value(b, w) & bv, bf = bv & ~bt;
        uint64_t yes = and? at & bt : at | bt, no = and? af | bf : af & bf;
        out->bits[w] = yes;
        if (nullable) out->valid[w] = yes | no;
    }
    out->rows = program->rows;
    return SL_OK;
}

static uint64_t condition_word(enum step_kind kind, const struct sl_vec *condition, size_t w) {
    uint64_t valid = sl_word_valid(condition, w);
    switch (kind) {
    case STEP_MASK_TRUE:
        return valid & sl_word_value(condition, w);
    case STEP_MASK_NOT_TRUE:
        return ~(valid & sl_word_value(condition, w));
    case STEP_MASK_NOT_FALSE:
        return ~(valid & ~sl_word_value(condition, w));
    default:
        return ~valid;
    }
}

/* A NULL-typed condition has no values to read. */
static bool has_values(enum step_kind kind, const struct sl_vec *condition) {
    return kind == STEP_MASK_NULL || condition->type->kind == SL_BOOL_KIND;
}

enum sl_code sl_step_mask(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_vec *condition = program->regs[step->args[0]].value;
    /* Only validity is read for IS NULL, which every encoding keeps per row. */
    if (step->kind != STEP_MASK_NULL)
        SL_TRY(sl_program_flat(program, step->args[0], &condition, err));
    sl_assert(has_values(step->kind, condition));
    const uint64_t *outer = program->masks[step->mask].bits;
    struct mask *mask = &program->masks[step->out];
    size_t words = SL_BIT_WORDS(program->rows);
    uint64_t any = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t word =
            condition_word(step->kind, condition, w) & (outer ? outer[w] : ~UINT64_C(0));
        if (w + 1 == words) word &= sl_bits_tail(program->rows);
        mask->bits[w] = word;
        any |= word;
    }
    mask->empty = any == 0;
    return SL_OK;
}

/* ---- merging ---- */

struct choice {
    const struct sl_vec **values;
    uint32_t count; /* branches; branch `count` is NULL for all its rows (CASE without ELSE) */
};

/* branch[row] = number of the branch the row takes. *rest are the rows no branch has taken. */
static void mark_branch(struct sl_program *program, uint16_t number) {
    for (size_t w = 0, words = SL_BIT_WORDS(program->rows); w < words; w++) {
        uint64_t word = program->taken[w];
        for (; word; word &= word - 1)
            program->branch[w * 64 + (size_t)__builtin_ctzll(word)] = number;
    }
}

/* Gives the rows in program->taken to the branch and notes which of them are valid. */
static void assign(struct sl_program *program, struct choice *choice, const struct sl_vec *value) {
    mark_branch(program, (uint16_t)choice->count);
    for (size_t w = 0, words = SL_BIT_WORDS(program->rows); w < words; w++)
        program->merged[w] |= program->taken[w] & sl_word_valid(value, w);
    choice->values[choice->count++] = value;
}

static void take_where(struct sl_program *program, enum step_kind kind,
                       const struct sl_vec *condition) {
    for (size_t w = 0, words = SL_BIT_WORDS(program->rows); w < words; w++) {
        uint64_t chosen = sl_word_valid(condition, w);
        if (kind == STEP_CASE && chosen) chosen &= sl_word_value(condition, w);
        program->taken[w] = program->rest[w] & chosen;
        program->rest[w] &= ~chosen;
    }
}

static inline __attribute__((always_inline)) void copy_width(struct sl_program *program,
                                                             const struct choice *choice,
                                                             struct sl_vec *out, size_t width) {
    uint8_t *to = out->data;
    for (uint32_t row = 0; row < program->rows; row++, to += width) {
        uint16_t branch = program->branch[row];
        if (branch == choice->count) {
            memset(to, 0, width);
            continue;
        }
        const struct sl_vec *from = choice->values[branch];
        memcpy(to, (const uint8_t *)from->data + sl_vec_pos(from, row) * width, width);
    }
}

static void copy_fixed(struct sl_program *program, const struct choice *choice,
                       struct sl_vec *out) {
    switch (sl_type_width(out->type)) {
    case 4:
        copy_width(program, choice, out, 4);
        break;
    case 8:
        copy_width(program, choice, out, 8);
        break;
    default:
        copy_width(program, choice, out, sl_type_width(out->type));
    }
}

static void copy_bits(struct sl_program *program, const struct choice *choice, struct sl_vec *out) {
    for (uint32_t row = 0; row < program->rows; row++) {
        uint16_t branch = program->branch[row];
        const struct sl_vec *from = branch < choice->count ? choice->values[branch] : NULL;
        sl_bit_put(out->bits, row, from && sl_bit_get(from->bits, sl_vec_pos(from, row)));
    }
}

static enum sl_code merge_valid(struct sl_program *program, struct sl_vec *out,
                                struct sl_err *err) {
    size_t words = SL_BIT_WORDS(program->rows);
    uint64_t all = program->merged[words - 1] | ~sl_bits_tail(program->rows);
    for (size_t w = 0; w + 1 < words; w++) all &= program->merged[w];
    if (all == ~UINT64_C(0)) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, program->rows, err));
    memcpy(out->valid, program->merged, words * 8);
    return SL_OK;
}

/* Strings are not copied: the result points into the branches, which live as long as it does. */
static enum sl_code merge_views(struct sl_program *program, const struct choice *choice,
                                struct reg *reg, struct sl_err *err) {
    struct sl_vec *out = &reg->own;
    if (reg->views_cap < program->rows) {
        reg->views = sl_xrealloc(reg->views, program->rows * sizeof *reg->views);
        reg->views_cap = program->rows;
    }
    SL_TRY(merge_valid(program, out, err));
    for (uint32_t row = 0; row < program->rows; row++)
        reg->views[row] = sl_bit_get(program->merged, row)
                              ? sl_vec_str(choice->values[program->branch[row]], row)
                              : SL_STR("");
    out->enc = SL_ENC_VIEW;
    out->views = reg->views;
    return SL_OK;
}

/* Nested values: run by run. */
static enum sl_code merge_runs(struct sl_program *program, const struct choice *choice,
                               struct sl_vec *out, struct sl_err *err) {
    uint32_t *idx = sl_arena_array(&program->scratch, program->rows, sizeof *idx);
    for (uint32_t begin = 0, end; begin < program->rows; begin = end) {
        uint16_t branch = program->branch[begin];
        for (end = begin; end < program->rows && program->branch[end] == branch; end++)
            idx[end] = end;
        if (branch == choice->count)
            SL_TRY(sl_vec_append_null(out, end - begin, err));
        else
            SL_TRY(sl_vec_append(out, choice->values[branch], idx + begin, end - begin, err));
    }
    return SL_OK;
}

static enum sl_code merge(struct sl_program *program, struct step *step,
                          const struct choice *choice, struct sl_err *err) {
    struct sl_vec *out = sl_program_own(program, step);
    const struct sl_type *type = step->expr->type;
    if (type->kind == SL_NULL_KIND) {
        out->rows = program->rows;
        return SL_OK;
    }
    if (sl_type_is_bytes(type)) {
        SL_TRY(merge_views(program, choice, &program->regs[step->out], err));
    } else if (sl_type_is_nested(type)) {
        SL_TRY(merge_runs(program, choice, out, err));
    } else {
        SL_TRY(sl_vec_reserve(out, program->rows, err));
        if (type->kind == SL_BOOL_KIND)
            copy_bits(program, choice, out);
        else
            copy_fixed(program, choice, out);
        SL_TRY(merge_valid(program, out, err));
    }
    out->rows = program->rows;
    return SL_OK;
}

/* Encodings that a branch's values may keep: strings any, the rest FLAT or CONST. */
static enum sl_code branch_value(struct sl_program *program, uint32_t reg,
                                 const struct sl_type *type, const struct sl_vec **out,
                                 struct sl_err *err) {
    *out = program->regs[reg].value;
    return sl_type_is_bytes(type) ? SL_OK : sl_program_flat(program, reg, out, err);
}

enum sl_code sl_step_choose(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_type *type = step->expr->type;
    struct choice choice = {.values = step->values};
    size_t words = SL_BIT_WORDS(program->rows);
    sl_bits_fill(program->rest, program->rows, true);
    program->rest[words - 1] &= sl_bits_tail(program->rows);
    memset(program->merged, 0, words * 8);
    bool coalesce = step->kind == STEP_COALESCE;
    const struct sl_vec *condition, *value;
    uint32_t i = 0;
    for (; i + 1 < step->arg_count; i += coalesce ? 1 : 2) {
        SL_TRY(branch_value(program, step->args[coalesce ? i : i + 1], type, &value, err));
        condition = value;
        if (!coalesce) SL_TRY(sl_program_flat(program, step->args[i], &condition, err));
        take_where(program, step->kind, condition);
        assign(program, &choice, value);
    }
    memcpy(program->taken, program->rest, words * 8);
    if (i < step->arg_count) {
        SL_TRY(branch_value(program, step->args[i], type, &value, err));
        assign(program, &choice, value);
    } else {
        mark_branch(program, (uint16_t)choice.count);
    }
    return merge(program, step, &choice, err);
}
