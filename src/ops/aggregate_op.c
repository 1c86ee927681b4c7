/* The operator of one task: its rows go into the groups of their shards. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/aggregate_int.h"
#include "ops/spill.h"

struct aggregate_op {
    struct sl_op base;
    struct aggregate *aggregate;
    struct sl_arena arena;
    struct sl_batch nothing; /* what process gives */
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec **keys;
    struct sl_vec *flat_keys;
    struct sl_aggregate_input input;
    uint32_t *groups, cap;
    /* DISTINCT: per item */
    struct sl_key_block *distinct;
    struct sl_vec group_column; /* the group of each row */
    uint64_t *is_new;
    const struct sl_session *session;
    int64_t ns, rows_in;
};

/* Rows whose arguments are new to their group. */
static enum sl_code keep_distinct(struct aggregate_op *op, struct aggregate_shard *shard,
                                  uint32_t item, const uint32_t **rows, const uint32_t **groups,
                                  uint32_t *count, struct sl_err *err) {
    const struct sl_aggregation_item *what = &op->aggregate->what->items[item];
    struct sl_key_block *block = &op->distinct[item];
    const struct sl_vec **keys = sl_xcalloc(what->call->arg_count + 1, sizeof *keys);
    uint32_t *found = sl_xmalloc((*count ? *count : 1) * sizeof *found), kept = 0;
    for (uint32_t i = 0; i < *count; i++) op->group_column.i32[(*rows)[i]] = (int32_t)(*groups)[i];
    keys[0] = &op->group_column;
    for (uint32_t k = 0; k < what->call->arg_count; k++) keys[k + 1] = op->input.item_args[item][k];
    enum sl_code code = sl_key_block_encode(block, keys, *rows, *count, err);
    if (code == SL_OK)
        code = sl_group_table_find_or_add(&shard->distinct[item], block, 0, *count, found,
                                          op->is_new, NULL, err);
    for (uint32_t i = 0; code == SL_OK && i < *count; i++) {
        if (!sl_bit_get(op->is_new, i)) continue;
        op->input.rows[kept] = (*rows)[i];
        op->input.groups[kept++] = (*groups)[i];
    }
    *rows = op->input.rows;
    *groups = op->input.groups;
    *count = kept;
    free(found);
    free(keys);
    return code;
}

static enum sl_code update_items(struct aggregate_op *op, struct aggregate_shard *shard,
                                 const uint32_t *all_rows, const uint32_t *all_groups,
                                 uint32_t all_count, struct sl_err *err) {
    for (uint32_t i = 0; i < op->aggregate->what->item_count; i++) {
        const uint32_t *rows = all_rows, *groups = all_groups;
        uint32_t count = sl_aggregate_input_filter(&op->input, i, &rows, &groups, all_count);
        if (op->aggregate->distinct[i])
            SL_TRY(keep_distinct(op, shard, i, &rows, &groups, &count, err));
        SL_TRY(sl_aggregate_input_update(&op->input, &shard->set, i, rows, groups, count,
                                         op->session, err));
    }
    return SL_OK;
}

static enum sl_code visit_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct aggregate_op *op = ctx;
    struct aggregate_shard *shard = &op->aggregate->shards[number];
    uint32_t begin = op->rows.begin[number], count = op->rows.begin[number + 1] - begin;
    aggregate_begin_shard(op->aggregate, shard);
    SL_TRY(sl_group_table_find_or_add(&shard->groups, &op->block, begin, count, op->groups, NULL,
                                      NULL, err));
    SL_TRY(aggregate_grow(op->aggregate, shard, err));
    if (aggregate_is_streaming(op->aggregate)) aggregate_touch(shard, op->groups, count);
    return update_items(op, shard, op->rows.rows + begin, op->groups, count, err);
}

static enum sl_code take_keys(struct aggregate_op *op, const struct sl_batch *in,
                              struct sl_err *err) {
    const struct sl_aggregation *what = op->aggregate->what;
    for (uint32_t i = 0; i < what->key_count; i++) {
        op->keys[i] = &in->columns[what->keys[i]];
        if (op->keys[i]->enc != SL_ENC_DICT || !sl_type_is_nested(op->keys[i]->type)) continue;
        SL_TRY(sl_vec_flatten(op->keys[i], &op->flat_keys[i], err));
        op->keys[i] = &op->flat_keys[i];
    }
    return SL_OK;
}

static enum sl_code reserve_op(struct aggregate_op *op, uint32_t rows, struct sl_err *err) {
    if (rows <= op->cap) return SL_OK;
    op->groups = sl_xrealloc(op->groups, rows * sizeof *op->groups);
    op->is_new = sl_xrealloc(op->is_new, SL_BIT_WORDS(rows) * 8);
    SL_TRY(sl_vec_reserve(&op->group_column, rows, err));
    op->group_column.rows = rows;
    op->cap = rows;
    return SL_OK;
}

static enum sl_code add_batch(struct aggregate_op *op, const struct sl_batch *in,
                              struct sl_err *err) {
    struct aggregate *aggregate = op->aggregate;
    const struct sl_aggregation *what = aggregate->what;
    sl_shard_rows_begin(&op->rows, in);
    if (aggregate->env.mode == SL_MODE_APPEND || aggregate->env.mode == SL_MODE_UPDATE)
        aggregate->rows_late +=
            sl_shard_rows_drop_late(&op->rows, in, &what->event_time, &aggregate->marks);
    if (!op->rows.count) return SL_OK;
    SL_TRY(reserve_op(op, in->rows, err));
    SL_TRY(take_keys(op, in, err));
    SL_TRY(sl_aggregate_input_take(&op->input, in, err));
    sl_shard_rows_split(&op->rows, op->keys, what->key_count);
    SL_TRY(sl_spill_divert(aggregate->base.spill, 0, in, &op->rows, err));
    SL_TRY(sl_key_block_encode(&op->block, op->keys, op->rows.rows, op->rows.count, err));
    return sl_shard_rows_visit(&op->rows, aggregate->locks, visit_shard, op, err);
}

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct aggregate_op *op = (struct aggregate_op *)base;
    int64_t begin = sl_clock_mono_ns();
    op->session = session;
    enum sl_code code = add_batch(op, in, err);
    int64_t ns = sl_clock_mono_ns() - begin;
    op->aggregate->update_ns += ns;
    op->ns += ns;
    op->rows_in += in->selected ? in->selected_rows : in->rows;
    *out = &op->nothing;
    return code;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct aggregate_op *op = (const struct aggregate_op *)base;
    fn(ctx, "aggregate", op->ns, op->rows_in);
}

static void free_op(struct sl_op *base) {
    struct aggregate_op *op = (struct aggregate_op *)base;
    const struct sl_aggregation *what = op->aggregate->what;
    for (uint32_t i = 0; i < what->key_count; i++) sl_vec_release(&op->flat_keys[i]);
    for (uint32_t i = 0; i < what->item_count; i++)
        if (op->aggregate->distinct[i]) sl_key_block_release(&op->distinct[i]);
    sl_shard_rows_release(&op->rows);
    sl_key_block_release(&op->block);
    sl_aggregate_input_release(&op->input);
    sl_vec_release(&op->group_column);
    sl_batch_release(&op->nothing);
    sl_arena_release(&op->arena);
    free(op->keys);
    free(op->flat_keys);
    free(op->distinct);
    free(op->groups);
    free(op->is_new);
    free(op);
}

static const struct sl_op_ops op_ops = {"aggregate", process, profile, free_op, NULL};

enum sl_code aggregate_attach(struct sl_stateful *stateful, uint32_t number, bool profiled,
                              struct sl_op **out, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    const struct sl_aggregation *what = aggregate->what;
    struct aggregate_op *op = sl_xcalloc(1, sizeof *op);
    (void)number;
    (void)profiled;
    (void)err;
    op->base.ops = &op_ops;
    op->aggregate = aggregate;
    sl_arena_init(&op->arena, "aggregate");
    sl_batch_init(&op->nothing, aggregate->output, &op->arena);
    sl_key_block_init(&op->block, aggregate->layout);
    op->keys = sl_xcalloc(what->key_count + 1, sizeof *op->keys);
    op->flat_keys = sl_xcalloc(what->key_count + 1, sizeof *op->flat_keys);
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_vec_init(&op->flat_keys[i], aggregate->layout->types[i]);
    sl_aggregate_input_init(&op->input, what);
    op->distinct = sl_xcalloc(what->item_count + 1, sizeof *op->distinct);
    for (uint32_t i = 0; i < what->item_count; i++)
        if (aggregate->distinct[i]) sl_key_block_init(&op->distinct[i], aggregate->distinct[i]);
    sl_vec_init(&op->group_column, &sl_type_int);
    *out = &op->base;
    return SL_OK;
}
