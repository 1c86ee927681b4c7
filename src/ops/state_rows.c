#include "ops/state_rows.h"

#include <stdlib.h>

void sl_state_out_init(struct sl_state_out *out, const struct sl_stateful *stateful, uint32_t store,
                       sl_state_put_fn put, void *ctx) {
    const struct sl_state_schema *schema = &stateful->stores[store];
    *out = (struct sl_state_out){.store = store, .put = put, .ctx = ctx};
    sl_arena_init(&out->arena, "state rows");
    sl_batch_init(&out->keys, schema->key, &out->arena);
    sl_batch_init(&out->values, schema->value, &out->arena);
}

void sl_state_out_release(struct sl_state_out *out) {
    sl_batch_release(&out->keys);
    sl_batch_release(&out->values);
    sl_arena_release(&out->arena);
}

void sl_state_out_clear(struct sl_state_out *out) {
    sl_batch_clear(&out->keys);
    sl_batch_clear(&out->values);
}

enum sl_code sl_state_out_put(struct sl_state_out *out, uint32_t count, bool removed,
                              struct sl_err *err) {
    out->keys.rows = out->keys.selected_rows = count;
    out->values.rows = out->values.selected_rows = count;
    return out->put(out->ctx, out->store, &out->keys, removed ? NULL : &out->values, err);
}

static enum sl_code split(struct sl_state_in *in, const struct sl_key_layout *layout,
                          const struct sl_batch *keys, struct sl_err *err) {
    const struct sl_vec **columns = sl_xcalloc(layout->column_count + 1, sizeof *columns);
    for (uint32_t c = 0; c < layout->column_count; c++) columns[c] = &keys->columns[c];
    sl_shard_rows_begin(&in->rows, keys);
    sl_shard_rows_split(&in->rows, columns, layout->column_count);
    enum sl_code code =
        sl_key_block_encode(&in->block, columns, in->rows.rows, in->rows.count, err);
    free(columns);
    return code;
}

enum sl_code sl_state_in_visit(struct sl_state_in *in, const struct sl_key_layout *layout,
                               const struct sl_batch *keys, const struct sl_batch *values,
                               pthread_mutex_t *const *locks, sl_shard_visit_fn visit,
                               struct sl_err *err) {
    if (!keys->rows) return SL_OK;
    *in = (struct sl_state_in){.values = values};
    sl_key_block_init(&in->block, layout);
    in->groups = sl_xmalloc(keys->rows * sizeof *in->groups);
    enum sl_code code = split(in, layout, keys, err);
    if (code == SL_OK) code = sl_shard_rows_visit(&in->rows, locks, visit, in, err);
    sl_shard_rows_release(&in->rows);
    sl_key_block_release(&in->block);
    free(in->groups);
    return code;
}

uint32_t sl_state_in_find(struct sl_state_in *in, const struct sl_group_table *table,
                          uint32_t shard) {
    uint32_t begin, count = sl_state_in_count(in, shard, &begin), found = 0;
    sl_group_table_find(table, &in->block, begin, count, in->groups);
    for (uint32_t i = 0; i < count; i++)
        if (in->groups[i] != SL_NO_GROUP) in->groups[found++] = in->groups[i];
    return found;
}
