#include "ops/aggregate_set.h"

#include <stdlib.h>

/* ---- accumulators ---- */

static const struct sl_aggregate_call *call_of(const struct sl_aggregate_set *set, uint32_t item) {
    return set->what->items[item].call;
}

static const struct sl_aggregate_ops *ops_of(const struct sl_aggregate_set *set, uint32_t item) {
    return call_of(set, item)->function->ops;
}

static void make_all(struct sl_aggregate_set *set) {
    for (uint32_t i = 0; i < set->what->item_count; i++)
        set->accs[i] = ops_of(set, i)->make(call_of(set, i), set->budget);
}

static void free_all(struct sl_aggregate_set *set) {
    for (uint32_t i = 0; i < set->what->item_count; i++)
        if (set->accs[i]) ops_of(set, i)->free(set->accs[i]);
}

void sl_aggregate_set_init(struct sl_aggregate_set *set, const struct sl_aggregation *what,
                           struct sl_budget *budget) {
    *set = (struct sl_aggregate_set){.what = what, .budget = budget};
    set->accs = sl_xcalloc(what->item_count ? what->item_count : 1, sizeof *set->accs);
    make_all(set);
}

void sl_aggregate_set_release(struct sl_aggregate_set *set) {
    if (!set->accs) return;
    free_all(set);
    free(set->accs);
    *set = (struct sl_aggregate_set){0};
}

void sl_aggregate_set_clear(struct sl_aggregate_set *set) {
    free_all(set);
    make_all(set);
}

size_t sl_aggregate_set_bytes(const struct sl_aggregate_set *set) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < set->what->item_count; i++)
        bytes += ((const struct sl_accumulator_base *)set->accs[i])->bytes;
    return bytes;
}

enum sl_code sl_aggregate_set_grow(struct sl_aggregate_set *set, uint32_t groups,
                                   struct sl_err *err) {
    for (uint32_t i = 0; i < set->what->item_count; i++)
        SL_TRY(ops_of(set, i)->grow(set->accs[i], groups, err));
    return SL_OK;
}

void sl_aggregate_set_reset(struct sl_aggregate_set *set, const uint32_t *groups, uint32_t count) {
    if (!count) return;
    for (uint32_t i = 0; i < set->what->item_count; i++)
        ops_of(set, i)->reset(set->accs[i], groups, count);
}

enum sl_code sl_aggregate_set_merge(struct sl_aggregate_set *set, const struct sl_vec *buffers,
                                    const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                    const struct sl_session *session, struct sl_err *err) {
    enum { FEW = 16 };
    const struct sl_vec *few[FEW];
    for (uint32_t i = 0; i < set->what->item_count; i++) {
        uint32_t fields = call_of(set, i)->buffer_count;
        const struct sl_vec **pointers = fields <= FEW ? few : sl_xcalloc(fields, sizeof *pointers);
        for (uint32_t k = 0; k < fields; k++) pointers[k] = buffers++;
        enum sl_code code =
            ops_of(set, i)->merge(set->accs[i], pointers, rows, groups, count, session, err);
        if (pointers != few) free(pointers);
        if (code != SL_OK) return code;
    }
    return SL_OK;
}

enum sl_code sl_aggregate_set_store(const struct sl_aggregate_set *set, const uint32_t *groups,
                                    uint32_t count, struct sl_vec *buffers, struct sl_err *err) {
    for (uint32_t i = 0; i < set->what->item_count; i++) {
        SL_TRY(ops_of(set, i)->store(set->accs[i], groups, count, buffers, err));
        buffers += call_of(set, i)->buffer_count;
    }
    return SL_OK;
}

enum sl_code sl_aggregate_set_finish(const struct sl_aggregate_set *set, const uint32_t *groups,
                                     uint32_t count, const struct sl_session *session,
                                     struct sl_vec *out, struct sl_err *err) {
    for (uint32_t i = 0; i < set->what->item_count; i++)
        SL_TRY(ops_of(set, i)->finish(set->accs[i], groups, count, session, &out[i], err));
    return SL_OK;
}

const struct sl_type *sl_aggregate_set_type(struct sl_arena *query,
                                            const struct sl_aggregation *what,
                                            const struct sl_field *before, uint32_t count) {
    uint32_t total = count;
    for (uint32_t i = 0; i < what->item_count; i++) total += what->items[i].call->buffer_count;
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, total);
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) fields[at++] = before[i];
    for (uint32_t i = 0; i < what->item_count; i++)
        for (uint32_t k = 0; k < what->items[i].call->buffer_count; k++)
            fields[at++] = what->items[i].call->buffers[k];
    return sl_type_struct(query, fields, total);
}

/* ---- arguments ---- */

void sl_aggregate_input_init(struct sl_aggregate_input *input, const struct sl_aggregation *what) {
    uint32_t items = what->item_count ? what->item_count : 1;
    *input = (struct sl_aggregate_input){.what = what};
    for (uint32_t i = 0; i < what->item_count; i++)
        input->arg_count += what->items[i].call->arg_count;
    input->args = sl_xcalloc(input->arg_count ? input->arg_count : 1, sizeof *input->args);
    input->item_args = sl_xcalloc(items, sizeof *input->item_args);
    input->filters = sl_xcalloc(items, sizeof *input->filters);
    input->flat = sl_xcalloc(input->arg_count + items, sizeof *input->flat);
    const struct sl_vec **args = input->args;
    for (uint32_t i = 0; i < what->item_count; i++) {
        input->item_args[i] = args;
        args += what->items[i].call->arg_count;
    }
}

void sl_aggregate_input_release(struct sl_aggregate_input *input) {
    if (!input->what) return;
    for (uint32_t i = 0; i < input->arg_count + input->what->item_count; i++)
        sl_vec_release(&input->flat[i]);
    free(input->args);
    free(input->item_args);
    free(input->filters);
    free(input->flat);
    free(input->rows);
    free(input->groups);
    *input = (struct sl_aggregate_input){0};
}

/* Accumulators read FLAT and CONST, and DICT of texts; a list or struct must be so all through. */
static bool is_plain(const struct sl_vec *vec) {
    if (vec->enc == SL_ENC_DICT && !sl_type_is_bytes(vec->type)) return false;
    if (!sl_type_is_nested(vec->type)) return true;
    for (uint32_t i = 0; i < vec->child_count; i++)
        if (vec->children[i].enc != SL_ENC_FLAT || !is_plain(&vec->children[i])) return false;
    return true;
}

static enum sl_code plain(const struct sl_vec *vec, struct sl_vec *flat, const struct sl_vec **out,
                          struct sl_err *err) {
    *out = vec;
    if (is_plain(vec)) return SL_OK;
    if (!flat->type) sl_vec_init(flat, vec->type);
    SL_TRY(sl_vec_flatten(vec, flat, err));
    *out = flat;
    return SL_OK;
}

enum sl_code sl_aggregate_input_take(struct sl_aggregate_input *input, const struct sl_batch *batch,
                                     struct sl_err *err) {
    const struct sl_aggregation *what = input->what;
    struct sl_vec *flat = input->flat;
    if (batch->rows > input->cap) {
        input->rows = sl_xrealloc(input->rows, batch->rows * sizeof *input->rows);
        input->groups = sl_xrealloc(input->groups, batch->rows * sizeof *input->groups);
        input->cap = batch->rows;
    }
    for (uint32_t i = 0; i < what->item_count; i++) {
        const struct sl_aggregation_item *item = &what->items[i];
        for (uint32_t k = 0; k < item->call->arg_count; k++)
            SL_TRY(plain(&batch->columns[item->args[k]], flat++, &input->item_args[i][k], err));
        input->filters[i] = NULL;
        if (item->filter >= 0)
            SL_TRY(plain(&batch->columns[item->filter], flat, &input->filters[i], err));
        flat++;
    }
    return SL_OK;
}

uint32_t sl_aggregate_input_filter(struct sl_aggregate_input *input, uint32_t item,
                                   const uint32_t **rows, const uint32_t **groups, uint32_t count) {
    const struct sl_vec *filter = input->filters[item];
    uint32_t kept = 0;
    if (!filter) return count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = (*rows)[i];
        input->rows[kept] = row;
        input->groups[kept] = (*groups)[i];
        kept += !sl_vec_is_null(filter, row) && sl_bit_get(filter->bits, sl_vec_pos(filter, row));
    }
    *rows = input->rows;
    *groups = input->groups;
    return kept;
}

enum sl_code sl_aggregate_input_update(struct sl_aggregate_input *input,
                                       struct sl_aggregate_set *set, uint32_t item,
                                       const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                       const struct sl_session *session, struct sl_err *err) {
    if (!count) return SL_OK;
    return ops_of(set, item)->update(set->accs[item], input->item_args[item], rows, groups, count,
                                     session, err);
}
