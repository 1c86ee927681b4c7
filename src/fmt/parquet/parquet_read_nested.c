/* Each group takes its shape from the levels of the first leaf below it (all leaves agree on the
 * levels of their common groups) in one pass per group; that siblings do agree is checked by the
 * row counts that come out. */
#include "fmt/parquet/parquet_read_nested.h"

static bool is_slot(const struct sl_parquet_node *node, uint8_t rep, uint8_t def) {
    return rep <= node->list_rep && def >= node->list_def;
}

static uint32_t count_slots(const struct sl_parquet_node *node,
                            const struct sl_parquet_column *column) {
    uint32_t slots = 0;
    for (uint32_t i = 0; i < column->level_count; i++)
        slots += is_slot(node, column->levels_rep.ptr[i], column->levels_def.ptr[i]);
    return slots;
}

static enum sl_code set_valid(const struct sl_parquet_node *node,
                              const struct sl_parquet_column *column, uint32_t rows,
                              struct sl_vec *out, struct sl_err *err) {
    uint32_t row = 0;
    if (node->max_def == node->list_def) return SL_OK; /* required */
    for (uint32_t i = 0; i < column->level_count; i++) {
        uint8_t rep = column->levels_rep.ptr[i], def = column->levels_def.ptr[i];
        if (!is_slot(node, rep, def)) continue;
        if (def < node->max_def) {
            if (!out->valid) SL_TRY(sl_vec_reserve_valid(out, rows, err));
            sl_bit_clear(out->valid, row);
        }
        row++;
    }
    return SL_OK;
}

static enum sl_code set_offsets(const struct sl_parquet_node *node,
                                const struct sl_parquet_column *column, struct sl_vec *out,
                                struct sl_err *err) {
    uint32_t row = 0;
    int32_t items = 0;
    bool open = false; /* the current list has an item, so it may go on */
    for (uint32_t i = 0; i < column->level_count; i++) {
        uint8_t rep = column->levels_rep.ptr[i], def = column->levels_def.ptr[i];
        bool item = rep <= node->item_rep && def >= node->item_def;
        if (rep <= node->list_rep) {
            open = item;
            if (def < node->list_def) continue;
            out->offsets[row++] = items;
        } else if (!open || (rep == node->item_rep && !item)) {
            return sl_parquet_column_fail(column, err, "a list goes on that has no items");
        }
        items += item;
    }
    out->offsets[row] = items;
    return SL_OK;
}

static enum sl_code assemble_children(const struct sl_parquet_node *node,
                                      const struct sl_parquet_column *columns, struct sl_vec *out,
                                      uint32_t rows, struct sl_err *err) {
    for (uint32_t i = 0; i < node->type->field_count; i++) {
        const struct sl_parquet_node *child = &node->children[i];
        const struct sl_parquet_column *below = columns + (child->first_leaf - node->first_leaf);
        SL_TRY(sl_parquet_assemble(child, below, &out->children[i], err));
        if (out->children[i].rows != rows)
            return sl_parquet_column_fail(below, err,
                                          "it has %u entries where its siblings have %u",
                                          out->children[i].rows, rows);
    }
    return SL_OK;
}

enum sl_code sl_parquet_assemble(const struct sl_parquet_node *node,
                                 const struct sl_parquet_column *columns, struct sl_vec *out,
                                 struct sl_err *err) {
    if (node->leaf) return SL_OK;
    uint32_t rows = count_slots(node, columns), items = rows;
    SL_TRY(set_valid(node, columns, rows, out, err));
    if (node->type->kind != SL_STRUCT_KIND) {
        SL_TRY(sl_vec_reserve(out, rows, err));
        SL_TRY(set_offsets(node, columns, out, err));
        items = (uint32_t)out->offsets[rows];
    }
    out->rows = rows;
    return assemble_children(node, columns, out, items, err);
}
