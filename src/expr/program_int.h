/* Inside of a program; shared by program*.c only.
 *
 * A register holds the value of one distinct subexpression for the whole batch.  A mask is a bitmap
 * of rows for which a lazily evaluated branch is active; mask 0 is the batch's selection.  Steps
 * run in order; a step under an empty mask is skipped and its register reads as constant null. */
#ifndef SL_EXPR_PROGRAM_INT_H
#define SL_EXPR_PROGRAM_INT_H

#include "expr/program.h"
#include "fmt/json/json_decode.h"
#include "kern/words.h"

enum step_kind {
    STEP_COLUMN,
    STEP_LITERAL,
    STEP_CALL,
    STEP_CAST,
    STEP_FIELD,
    STEP_FROM_JSON,
    STEP_HIGHER,
    STEP_AND,
    STEP_OR,
    STEP_CASE,
    STEP_COALESCE,
    /* masks: parent mask and a condition register */
    STEP_MASK_TRUE,
    STEP_MASK_NOT_TRUE,
    STEP_MASK_NOT_FALSE,
    STEP_MASK_NULL
};

struct json_step;   /* program_json.c */
struct higher_step; /* program_higher.c */

struct step {
    enum step_kind kind;
    const struct sl_expr *expr;
    uint32_t *args; /* registers */
    uint32_t arg_count;
    uint32_t out;  /* register, or mask for STEP_MASK_* */
    uint32_t mask; /* rows that matter */
    uint32_t site;
    const struct sl_vec **values; /* room for the arguments' vectors */
    struct json_step *json;
    struct higher_step *higher;
    int64_t ns, rows;
};

struct reg {
    const struct sl_vec *value; /* what readers see: one of the following, or an input column */
    struct sl_vec own;          /* results */
    struct sl_vec view; /* borrowed header: literals, fields, dictionaries; never released */
    struct sl_vec item; /* borrowed header behind view.children */
    struct sl_vec flat; /* value decoded, when a reader needs that */
    bool flat_ready;
    struct sl_str *views; /* memory of VIEW results */
    uint32_t views_cap;
};

struct mask {
    uint32_t parent;
    uint64_t *bits; /* NULL for mask 0 without a selection */
    bool empty;
};

struct sl_program {
    struct sl_arena arena;   /* the program itself */
    struct sl_arena scratch; /* reset before each batch: messages, bad rows */
    struct step *steps;
    uint32_t step_count, step_cap;
    struct reg *regs;
    uint32_t reg_count;
    struct mask *masks;
    uint32_t mask_count, mask_cap;
    uint32_t *outputs; /* register of each expression */
    uint32_t output_count;
    const struct sl_type **output_types;
    uint64_t *words; /* bitmaps of bits_rows rows: masks, selection, work space */
    uint32_t bits_rows;
    uint64_t *selection, *strict, *taken, *rest, *merged, one_row;
    uint64_t *alive; /* mask 0 once a row of the batch has failed: the selection without those */
    uint32_t fault_count; /* of batch->faults when the batch came */
    uint16_t *branch;
    bool profile;
    /* the batch being evaluated */
    const struct sl_session *session;
    const struct sl_batch *batch;
    uint32_t rows;
    uint64_t seed;
    int64_t rows_before;
};

/* The register's value as FLAT or CONST. */
SL_MUST_CHECK enum sl_code sl_program_flat(struct sl_program *program, uint32_t reg,
                                           const struct sl_vec **out, struct sl_err *err);
/* Readies reg.own for a result. */
struct sl_vec *sl_program_own(struct sl_program *program, const struct step *step);
/* What the bad rows of a call mean: faults of their records, which leave all masks, where the batch
 * collects them; else SL_DATA with the condition and message of the first one, and its origin. */
SL_MUST_CHECK enum sl_code sl_program_check_bad(struct sl_program *program, const struct step *step,
                                                const struct sl_call *call, struct sl_err *err);
/* Adds a fault for `row`, or for all rows of the step's mask when `all`; the rows leave the masks
 * at the next sl_program_drop_faulty. */
void sl_program_add_fault(struct sl_program *program, const struct step *step, uint32_t row,
                          bool all, struct sl_fault *fault);
void sl_program_drop_faulty(struct sl_program *program);
void sl_program_describe(const struct sl_program *program, const struct step *step, uint32_t row,
                         bool whole_batch, struct sl_err *err);

SL_MUST_CHECK enum sl_code sl_step_logic(struct sl_program *program, struct step *step,
                                         struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_step_choose(struct sl_program *program, struct step *step,
                                          struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_step_mask(struct sl_program *program, struct step *step,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_step_call(struct sl_program *program, struct step *step,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_step_cast(struct sl_program *program, struct step *step,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_json_step_new(struct sl_program *program, struct step *step,
                                            struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_step_from_json(struct sl_program *program, struct step *step,
                                             struct sl_err *err);
void sl_json_step_free(struct json_step *json);

/* Higher-order functions: their bodies are programs of their own. */
SL_MUST_CHECK enum sl_code sl_higher_step_new(struct step *step, struct sl_err *err);
void sl_higher_step_free(struct higher_step *higher);
SL_MUST_CHECK enum sl_code sl_step_higher(struct sl_program *program, struct step *step,
                                          struct sl_err *err);

#endif
