/* Higher-order functions: a lambda's body is a program that runs over all items of all rows at
 * once.
 *
 * Its batch has the items as the parameters' columns, which is the list's child vector as it is,
 * and the captured values repeated for every item of their row, texts as codes.  aggregate() goes
 * step by step instead: the k-th item of every row that has one, rows with most items first, so
 * that those still running are a prefix. */
#include <stdlib.h>

#include "expr/higher.h"
#include "expr/program_int.h"
#include "kern/array.h"

struct body {
    struct sl_program *program;
    struct sl_vec *columns; /* parameters, captures */
    uint32_t column_count;
    struct sl_vec flat; /* the result, when it came in another encoding */
};

struct higher_step {
    struct sl_arena arena;
    struct body bodies[2];
    struct sl_vec lists[2];          /* constant lists, spread over the rows */
    struct sl_vec total, next, done; /* of aggregate() */
    /* per item */
    uint32_t *rows, *at, *sources;
    uint64_t *selected;
    uint32_t cap;
};

/* ---- life ---- */

static enum sl_code new_body(struct higher_step *higher, const struct step *step, uint32_t which,
                             struct sl_err *err) {
    const struct sl_lambda *lambda = &step->expr->higher->lambdas[which];
    struct body *body = &higher->bodies[which];
    uint32_t own = step->expr->higher->own_count;
    body->column_count = lambda->param_count + step->expr->arg_count - own;
    body->columns =
        sl_arena_zalloc(&higher->arena, (body->column_count + 1) * sizeof *body->columns);
    for (uint32_t i = lambda->param_count; i < body->column_count; i++)
        sl_vec_init(&body->columns[i], step->expr->args[own + i - lambda->param_count]->type);
    sl_vec_init(&body->flat, lambda->body->type);
    return sl_program_new(&lambda->body, 1, &body->program, err);
}

enum sl_code sl_higher_step_new(struct step *step, struct sl_err *err) {
    struct higher_step *higher = step->higher = sl_xcalloc(1, sizeof *higher);
    const struct sl_higher *what = step->expr->higher;
    sl_arena_init(&higher->arena, "lambda");
    for (uint32_t i = 0; i < 2 && i < what->own_count; i++)
        sl_vec_init(&higher->lists[i], step->expr->args[i]->type);
    if (what->kind == SL_HIGHER_AGGREGATE) {
        const struct sl_type *type = step->expr->args[1]->type;
        sl_vec_init(&higher->total, type);
        sl_vec_init(&higher->next, type);
        sl_vec_init(&higher->done, type);
    }
    for (uint32_t i = 0; i < what->lambda_count; i++) SL_TRY(new_body(higher, step, i, err));
    return SL_OK;
}

void sl_higher_step_free(struct higher_step *higher) {
    if (!higher) return;
    for (uint32_t i = 0; i < 2; i++) {
        struct body *body = &higher->bodies[i];
        sl_program_free(body->program);
        for (uint32_t c = 0; c < body->column_count; c++) sl_vec_release(&body->columns[c]);
        sl_vec_release(&body->flat);
        sl_vec_release(&higher->lists[i]);
    }
    sl_vec_release(&higher->total);
    sl_vec_release(&higher->next);
    sl_vec_release(&higher->done);
    sl_arena_release(&higher->arena);
    free(higher->rows);
    free(higher->at);
    free(higher->sources);
    free(higher->selected);
    free(higher);
}

static void reserve(struct higher_step *higher, uint32_t items) {
    if (higher->rows && items <= higher->cap) return;
    size_t count = (size_t)items + 1;
    higher->rows = sl_xrealloc(higher->rows, count * sizeof *higher->rows);
    higher->at = sl_xrealloc(higher->at, count * sizeof *higher->at);
    higher->sources = sl_xrealloc(higher->sources, count * sizeof *higher->sources);
    higher->selected =
        sl_xrealloc(higher->selected, SL_BIT_WORDS(count) * sizeof *higher->selected);
    higher->cap = items;
}

/* ---- running a body ---- */

/* Gives the body's column i the type that it is to have at its first use. */
static struct sl_vec *param(struct body *body, uint32_t i, const struct sl_type *type) {
    if (!body->columns[i].type) sl_vec_init(&body->columns[i], type);
    return &body->columns[i];
}

/* Items of rows that do not matter are not selected, so that their errors are ignored. */
static void select_items(const struct sl_program *program, const struct step *step,
                         struct higher_step *higher, const uint64_t *also, struct sl_batch *batch) {
    const uint64_t *active = program->masks[step->mask].bits;
    batch->selected_rows = batch->rows;
    if (!active && !also) return;
    batch->selected = higher->selected;
    batch->selected_rows = 0;
    memset(higher->selected, 0, SL_BIT_WORDS(batch->rows) * sizeof *higher->selected);
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t row = higher->rows[i];
        if ((active && !sl_bit_get(active, row)) || (also && !sl_bit_get(also, row))) continue;
        sl_bit_set(higher->selected, i);
        batch->selected_rows++;
    }
}

/* Runs over `count` items of the rows in higher->rows; `also`: further rows that matter only. The
 * result is FLAT. */
static enum sl_code run_body(struct sl_program *program, struct step *step, uint32_t which,
                             uint32_t count, const uint64_t *also, const struct sl_vec **out,
                             struct sl_err *err) {
    struct higher_step *higher = step->higher;
    struct body *body = &higher->bodies[which];
    const struct sl_batch *outer = program->batch;
    uint32_t own = step->expr->higher->own_count, captures = step->expr->arg_count - own;
    uint32_t params = body->column_count - captures;
    struct sl_batch batch = {
        .rows = count, .columns = body->columns, .origin = outer->origin, .faults = outer->faults};
    batch.source_rows = higher->sources;
    for (uint32_t i = 0; i < count; i++)
        higher->sources[i] = sl_batch_source_row(outer, higher->rows[i]);
    for (uint32_t i = 0; i < captures; i++)
        SL_TRY(sl_vec_pick(&body->columns[params + i], program->regs[step->args[own + i]].value,
                           higher->rows, count, err));
    select_items(program, step, higher, also, &batch);
    SL_TRY(sl_program_eval(body->program, program->session, &batch, out, err));
    if (outer->faults) sl_program_drop_faulty(program);
    if ((*out)->enc == SL_ENC_FLAT) return SL_OK;
    SL_TRY(sl_vec_flatten(*out, &body->flat, err));
    *out = &body->flat;
    return SL_OK;
}

/* Argument i as a FLAT list. */
static enum sl_code list_arg(struct sl_program *program, struct step *step, uint32_t i,
                             const struct sl_vec **out, struct sl_err *err) {
    struct sl_vec *spread = &step->higher->lists[i];
    SL_TRY(sl_program_flat(program, step->args[i], out, err));
    if ((*out)->enc == SL_ENC_FLAT) return SL_OK;
    SL_TRY(sl_vec_flatten(*out, spread, err));
    *out = spread;
    return SL_OK;
}

static uint32_t length(const struct sl_vec *list, uint32_t row) {
    return sl_vec_is_null(list, row) ? 0 : (uint32_t)(list->offsets[row + 1] - list->offsets[row]);
}

static enum sl_code positions(struct sl_vec *out, const struct sl_vec *list, uint32_t rows,
                              struct sl_err *err) {
    sl_vec_clear(out);
    SL_TRY(sl_vec_reserve(out, (uint32_t)list->offsets[rows], err));
    for (uint32_t row = 0; row < rows; row++)
        for (int32_t i = list->offsets[row]; i < list->offsets[row + 1]; i++)
            out->i32[i] = i - list->offsets[row];
    out->rows = (uint32_t)list->offsets[rows];
    return SL_OK;
}

/* The body over the items of one list: element and position, or key and value. */
static enum sl_code run_over_items(struct sl_program *program, struct step *step,
                                   const struct sl_vec *list, const struct sl_vec **out,
                                   struct sl_err *err) {
    struct higher_step *higher = step->higher;
    struct body *body = &higher->bodies[0];
    uint32_t items = (uint32_t)list->offsets[program->rows];
    reserve(higher, items);
    for (uint32_t row = 0; row < program->rows; row++)
        for (int32_t i = list->offsets[row]; i < list->offsets[row + 1]; i++) higher->rows[i] = row;
    uint32_t params = step->expr->higher->lambdas[0].param_count;
    for (uint32_t i = 0; i < params; i++) {
        bool child = i < list->child_count;
        struct sl_vec *column = param(body, i, child ? list->children[i].type : &sl_type_int);
        if (!child) {
            SL_TRY(positions(column, list, program->rows, err));
            continue;
        }
        sl_vec_clear(column);
        sl_vec_borrow(column, &list->children[i]);
        column->rows = items;
    }
    return run_body(program, step, 0, items, NULL, out, err);
}

/* ---- results ---- */

/* A list over the offsets of another. */
static void like_list(struct sl_vec *out, const struct sl_vec *list, uint32_t rows) {
    out->offsets = list->offsets;
    out->valid = list->valid;
    out->rows = rows;
}

static bool is_true(const struct sl_vec *flags, uint32_t i) {
    return !sl_vec_is_null(flags, i) && flags->type->kind == SL_BOOL_KIND &&
           sl_bit_get(flags->bits, i);
}

static enum sl_code keep_items(struct sl_program *program, struct step *step, struct sl_vec *out,
                               const struct sl_vec *list, const struct sl_vec *flags,
                               struct sl_err *err) {
    uint32_t *kept = step->higher->at, count = 0;
    SL_TRY(sl_vec_reserve(out, program->rows, err));
    for (uint32_t row = 0; row < program->rows; row++) {
        for (int32_t i = list->offsets[row]; i < list->offsets[row + 1]; i++)
            if (is_true(flags, (uint32_t)i)) kept[count++] = (uint32_t)i;
        out->offsets[row + 1] = (int32_t)count;
    }
    out->valid = list->valid;
    for (uint32_t c = 0; c < out->child_count; c++)
        SL_TRY(sl_vec_append(&out->children[c], &list->children[c], kept, count, err));
    out->rows = program->rows;
    return SL_OK;
}

/* exists: true wins over null, null over false; forall: false, null, true. */
static enum sl_code any_item(struct sl_program *program, struct sl_vec *out,
                             const struct sl_vec *list, const struct sl_vec *flags, bool wanted,
                             struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, program->rows, err));
    SL_TRY(sl_vec_reserve_valid(out, program->rows, err));
    for (uint32_t row = 0; row < program->rows; row++) {
        bool found = false, unknown = sl_vec_is_null(list, row);
        for (uint32_t i = (uint32_t)list->offsets[row], n = length(list, row); n > 0; n--, i++) {
            bool null = sl_vec_is_null(flags, i);
            unknown |= null;
            found |= !null && is_true(flags, i) == wanted;
        }
        sl_bit_put(out->bits, row, found == wanted);
        sl_bit_put(out->valid, row, found || !unknown);
    }
    out->rows = program->rows;
    return SL_OK;
}

static void check_keys(struct sl_call *call, const struct sl_vec *list, const struct sl_vec *keys,
                       uint32_t row) {
    for (int32_t i = list->offsets[row]; i < list->offsets[row + 1]; i++) {
        if (sl_vec_is_null(keys, (uint32_t)i)) {
            sl_call_bad(call, row, "NULL_MAP_KEY", "2200E", "Cannot use null as map key.");
            return;
        }
    }
    sl_map_check_distinct(call, row, keys, (uint32_t)list->offsets[row],
                          (uint32_t)list->offsets[row + 1]);
}

static enum sl_code new_keys(struct sl_program *program, struct step *step, struct sl_vec *out,
                             const struct sl_vec *list, const struct sl_vec *keys,
                             struct sl_err *err) {
    struct sl_call call = {.out = out,
                           .rows = program->rows,
                           .active = program->masks[step->mask].bits,
                           .session = program->session,
                           .scratch = &program->scratch,
                           .every_bad = program->batch->faults != NULL};
    for (uint32_t row = 0; row < program->rows; row++)
        if (sl_call_is_active(&call, row)) check_keys(&call, list, keys, row);
    SL_TRY(sl_program_check_bad(program, step, &call, err));
    like_list(out, list, program->rows);
    SL_TRY(sl_vec_flatten(keys, &out->children[0], err));
    sl_vec_borrow(&out->children[1], &list->children[1]);
    out->children[1].rows = keys->rows;
    return SL_OK;
}

static enum sl_code over_one_list(struct sl_program *program, struct step *step,
                                  struct sl_err *err) {
    const struct sl_vec *list, *value;
    SL_TRY(list_arg(program, step, 0, &list, err));
    SL_TRY(run_over_items(program, step, list, &value, err));
    struct sl_vec *out = sl_program_own(program, step);
    switch (step->expr->higher->kind) {
    case SL_HIGHER_FILTER:
    case SL_HIGHER_MAP_FILTER:
        return keep_items(program, step, out, list, value, err);
    case SL_HIGHER_EXISTS:
        return any_item(program, out, list, value, true, err);
    case SL_HIGHER_FORALL:
        return any_item(program, out, list, value, false, err);
    case SL_HIGHER_TRANSFORM_KEYS:
        return new_keys(program, step, out, list, value, err);
    case SL_HIGHER_TRANSFORM_VALUES:
        like_list(out, list, program->rows);
        sl_vec_borrow(&out->children[0], &list->children[0]);
        out->children[0].rows = value->rows;
        return sl_vec_flatten(value, &out->children[1], err);
    default:
        like_list(out, list, program->rows);
        return sl_vec_flatten(value, &out->children[0], err);
    }
}

/* ---- zip_with ---- */

/* The items of one list beside those of the other, null behind its end. */
static enum sl_code zip_side(struct sl_program *program, struct step *step, uint32_t side,
                             const struct sl_vec *list, const struct sl_vec *out, uint32_t items,
                             struct sl_err *err) {
    struct higher_step *higher = step->higher;
    struct sl_vec *column = param(&higher->bodies[0], side, list->children[0].type);
    for (uint32_t row = 0; row < program->rows; row++) {
        uint32_t begin = (uint32_t)out->offsets[row], n = length(list, row);
        for (uint32_t i = 0; begin + i < (uint32_t)out->offsets[row + 1]; i++)
            higher->at[begin + i] = i < n ? (uint32_t)list->offsets[row] + i : SL_NO_ROW;
    }
    sl_vec_clear(column);
    return sl_vec_append_or_null(column, &list->children[0], higher->at, items, err);
}

static enum sl_code zip_with(struct sl_program *program, struct step *step, struct sl_err *err) {
    struct higher_step *higher = step->higher;
    const struct sl_vec *sides[2], *value;
    SL_TRY(list_arg(program, step, 0, &sides[0], err));
    SL_TRY(list_arg(program, step, 1, &sides[1], err));
    struct sl_vec *out = sl_program_own(program, step);
    SL_TRY(sl_vec_reserve(out, program->rows, err));
    SL_TRY(sl_vec_reserve_valid(out, program->rows, err));
    uint64_t items = 0;
    for (uint32_t row = 0; row < program->rows; row++) {
        bool null = sl_vec_is_null(sides[0], row) || sl_vec_is_null(sides[1], row);
        uint32_t a = length(sides[0], row), b = length(sides[1], row);
        if (!null) items += a > b ? a : b;
        if (items > INT32_MAX - 64) return sl_fail(err, SL_DATA, "zip_with makes too many items");
        sl_bit_put(out->valid, row, !null);
        out->offsets[row + 1] = (int32_t)items;
    }
    reserve(higher, (uint32_t)items);
    for (uint32_t row = 0; row < program->rows; row++)
        for (int32_t i = out->offsets[row]; i < out->offsets[row + 1]; i++) higher->rows[i] = row;
    for (uint32_t side = 0; side < 2; side++)
        SL_TRY(zip_side(program, step, side, sides[side], out, (uint32_t)items, err));
    SL_TRY(run_body(program, step, 0, (uint32_t)items, NULL, &value, err));
    out->rows = program->rows;
    return sl_vec_flatten(value, &out->children[0], err);
}

/* ---- aggregate ---- */

struct longest {
    uint32_t row, items;
};

static int by_length(const void *a, const void *b) {
    const struct longest *x = a, *y = b;
    if (x->items != y->items) return x->items < y->items ? 1 : -1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* One item further: the first `count` rows of `order` have an item number `nth`. */
static enum sl_code merge_items(struct sl_program *program, struct step *step,
                                const struct sl_vec *list, const struct longest *order,
                                uint32_t nth, uint32_t count, struct sl_err *err) {
    struct higher_step *higher = step->higher;
    struct body *body = &higher->bodies[0];
    const struct sl_vec *value;
    for (uint32_t i = 0; i < count; i++) {
        higher->rows[i] = order[i].row;
        higher->at[i] = (uint32_t)list->offsets[order[i].row] + nth;
    }
    struct sl_vec *total = param(body, 0, higher->total.type);
    struct sl_vec *item = param(body, 1, list->children[0].type);
    sl_vec_clear(total);
    sl_vec_borrow(total, &higher->total);
    total->rows = count;
    sl_vec_clear(item);
    SL_TRY(sl_vec_append(item, &list->children[0], higher->at, count, err));
    SL_TRY(run_body(program, step, 0, count, NULL, &value, err));
    sl_vec_clear(&higher->next);
    SL_TRY(sl_vec_append(&higher->next, value, NULL, count, err));
    struct sl_vec swap = higher->total;
    higher->total = higher->next;
    higher->next = swap;
    return SL_OK;
}

/* Leaves each row's total in higher->done, and in place[row] where. */
static enum sl_code merge_all(struct sl_program *program, struct step *step,
                              const struct sl_vec *list, uint32_t *place, struct sl_err *err) {
    struct higher_step *higher = step->higher;
    uint32_t rows = program->rows, left = rows;
    struct longest *order = sl_arena_array(&program->scratch, rows, sizeof *order);
    for (uint32_t row = 0; row < rows; row++) order[row] = (struct longest){row, length(list, row)};
    qsort(order, rows, sizeof *order, by_length);
    for (uint32_t i = 0; i < rows; i++) higher->at[i] = order[i].row;
    sl_vec_clear(&higher->total);
    sl_vec_clear(&higher->done);
    SL_TRY(
        sl_vec_append(&higher->total, program->regs[step->args[1]].value, higher->at, rows, err));
    for (uint32_t nth = 0; left > 0; nth++) {
        uint32_t running = left, finished = 0;
        while (running > 0 && order[running - 1].items == nth) running--;
        for (uint32_t i = running; i < left; i++) {
            place[order[i].row] = higher->done.rows + finished;
            higher->at[finished++] = i;
        }
        SL_TRY(sl_vec_append(&higher->done, &higher->total, higher->at, finished, err));
        left = running;
        if (left) SL_TRY(merge_items(program, step, list, order, nth, left, err));
    }
    return SL_OK;
}

static enum sl_code aggregate(struct sl_program *program, struct step *step, struct sl_err *err) {
    struct higher_step *higher = step->higher;
    const struct sl_vec *list, *value = &higher->done;
    uint32_t *place = sl_arena_array(&program->scratch, program->rows, sizeof *place);
    uint32_t *rows = place;
    SL_TRY(list_arg(program, step, 0, &list, err));
    reserve(higher, program->rows);
    SL_TRY(merge_all(program, step, list, place, err));
    if (step->expr->higher->lambda_count > 1) {
        struct sl_vec *total = param(&higher->bodies[1], 0, higher->total.type);
        sl_vec_clear(total);
        SL_TRY(sl_vec_append(total, &higher->done, place, program->rows, err));
        for (uint32_t row = 0; row < program->rows; row++) higher->rows[row] = row;
        SL_TRY(run_body(program, step, 1, program->rows, list->valid, &value, err));
        rows = NULL;
    }
    struct sl_vec *out = sl_program_own(program, step);
    for (uint32_t row = 0; row < program->rows; row++) {
        bool null = sl_vec_is_null(list, row);
        higher->at[row] = null ? SL_NO_ROW : rows ? rows[row] : row;
    }
    return sl_vec_append_or_null(out, value, higher->at, program->rows, err);
}

/* ---- array_sort ---- */

/* Two runs of one row's elements, [left, middle) and [right, end), that become one at `to`. */
struct merge {
    uint32_t row, left, middle, right, end, to;
};

struct sorting {
    struct sl_program *program;
    struct step *step;
    const struct sl_vec *list;
    struct sl_call call;
    uint32_t *order, *sorted; /* elements, and what a pass makes of them */
    struct merge *merges;
    uint32_t count;
};

/* The merges of one pass; runs without a partner stay as they are. */
static void begin_pass(struct sorting *sorting, uint32_t width) {
    sorting->count = 0;
    for (uint32_t row = 0; row < sorting->program->rows; row++) {
        uint32_t begin = (uint32_t)sorting->list->offsets[row];
        uint32_t end = begin + length(sorting->list, row);
        for (uint32_t at = begin; end - at > width;
             at += end - at < 2 * width ? end - at : 2 * width)
            sorting->merges[sorting->count++] =
                (struct merge){.row = row,
                               .left = at,
                               .middle = at + width,
                               .right = at + width,
                               .end = end - at < 2 * width ? end : at + 2 * width,
                               .to = at};
    }
}

/* Compares the heads of all merges at once and moves the lesser one of each. */
static enum sl_code merge_heads(struct sorting *sorting, struct sl_err *err) {
    struct higher_step *higher = sorting->step->higher;
    struct body *body = &higher->bodies[0];
    const struct sl_vec *items = &sorting->list->children[0], *value;
    for (uint32_t side = 0; side < 2; side++) {
        struct sl_vec *column = param(body, side, items->type);
        for (uint32_t i = 0; i < sorting->count; i++) {
            const struct merge *merge = &sorting->merges[i];
            higher->rows[i] = merge->row;
            higher->at[i] = sorting->order[side ? merge->right : merge->left];
        }
        sl_vec_clear(column);
        SL_TRY(sl_vec_append(column, items, higher->at, sorting->count, err));
    }
    SL_TRY(run_body(sorting->program, sorting->step, 0, sorting->count, NULL, &value, err));
    for (uint32_t i = 0; i < sorting->count; i++) {
        struct merge *merge = &sorting->merges[i];
        bool null = sl_vec_is_null(value, i);
        if (null && sl_call_is_active(&sorting->call, merge->row))
            sl_call_bad(&sorting->call, merge->row, "COMPARATOR_RETURNS_NULL", "22004",
                        "The comparator of array_sort has returned NULL. It should return a "
                        "positive integer for \"greater than\", 0 for \"equal\" and a negative "
                        "integer for \"less than\".");
        bool right = !null && value->i32[i] > 0;
        sorting->sorted[merge->to++] = sorting->order[right ? merge->right++ : merge->left++];
    }
    return SL_OK;
}

/* Merges of which one run is used up take the rest of the other and are done. */
static void end_merges(struct sorting *sorting) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < sorting->count; i++) {
        struct merge *merge = &sorting->merges[i];
        if (merge->left < merge->middle && merge->right < merge->end) {
            sorting->merges[kept++] = *merge;
            continue;
        }
        while (merge->left < merge->middle)
            sorting->sorted[merge->to++] = sorting->order[merge->left++];
        while (merge->right < merge->end)
            sorting->sorted[merge->to++] = sorting->order[merge->right++];
    }
    sorting->count = kept;
}

/* Merge sort from below, all rows in step. */
static enum sl_code array_sort(struct sl_program *program, struct step *step, struct sl_err *err) {
    struct sorting sorting = {.program = program, .step = step};
    SL_TRY(list_arg(program, step, 0, &sorting.list, err));
    uint32_t items = (uint32_t)sorting.list->offsets[program->rows], longest = 0;
    reserve(step->higher, items);
    sorting.order = sl_arena_array(&program->scratch, (size_t)items + 1, sizeof *sorting.order);
    sorting.sorted = sl_arena_array(&program->scratch, (size_t)items + 1, sizeof *sorting.sorted);
    sorting.merges = sl_arena_array(&program->scratch, items / 2 + 1, sizeof *sorting.merges);
    sorting.call = (struct sl_call){.rows = program->rows,
                                    .active = program->masks[step->mask].bits,
                                    .session = program->session,
                                    .scratch = &program->scratch,
                                    .every_bad = program->batch->faults != NULL};
    for (uint32_t i = 0; i < items; i++) sorting.order[i] = i;
    for (uint32_t row = 0; row < program->rows; row++)
        if (length(sorting.list, row) > longest) longest = length(sorting.list, row);
    for (uint32_t width = 1; width < longest; width *= 2) {
        memcpy(sorting.sorted, sorting.order, items * sizeof *sorting.order);
        for (begin_pass(&sorting, width); sorting.count; end_merges(&sorting))
            SL_TRY(merge_heads(&sorting, err));
        memcpy(sorting.order, sorting.sorted, items * sizeof *sorting.order);
    }
    SL_TRY(sl_program_check_bad(program, step, &sorting.call, err));
    struct sl_vec *out = sl_program_own(program, step);
    like_list(out, sorting.list, program->rows);
    return sl_vec_append(&out->children[0], &sorting.list->children[0], sorting.order, items, err);
}

enum sl_code sl_step_higher(struct sl_program *program, struct step *step, struct sl_err *err) {
    switch (step->expr->higher->kind) {
    case SL_HIGHER_AGGREGATE:
        return aggregate(program, step, err);
    case SL_HIGHER_ZIP_WITH:
        return zip_with(program, step, err);
    case SL_HIGHER_ARRAY_SORT:
        return array_sort(program, step, err);
    default:
        return over_one_list(program, step, err);
    }
}
