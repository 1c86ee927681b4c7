#include "col/batch.h"

#include <stdio.h>

void sl_batch_init(struct sl_batch *batch, const struct sl_type *schema, struct sl_arena *arena) {
    sl_assert(schema->kind == SL_STRUCT_KIND);
    *batch = (struct sl_batch){.schema = schema, .origin.partition = -1};
    batch->columns = SL_NEW_ARRAY(arena, struct sl_vec, schema->field_count);
    for (uint32_t i = 0; i < schema->field_count; i++)
        sl_vec_init(&batch->columns[i], schema->fields[i].type);
}

void sl_batch_release(struct sl_batch *batch) {
    for (uint32_t i = 0; batch->columns && i < batch->schema->field_count; i++)
        sl_vec_release(&batch->columns[i]);
    batch->rows = batch->selected_rows = 0;
    batch->selected = NULL;
}

void sl_batch_clear(struct sl_batch *batch) {
    for (uint32_t i = 0; i < batch->schema->field_count; i++) sl_vec_clear(&batch->columns[i]);
    batch->rows = batch->selected_rows = 0;
    batch->selected = NULL;
    batch->source_rows = NULL;
    batch->row_ids = NULL;
    batch->malformed = NULL;
    batch->origin = (struct sl_origin){.partition = -1};
}

void sl_batch_take_rows(struct sl_batch *batch, const struct sl_batch *from) {
    batch->rows = from->rows;
    batch->selected = from->selected;
    batch->selected_rows = from->selected ? from->selected_rows : from->rows;
    batch->origin = from->origin;
    batch->source_rows = from->source_rows;
    batch->row_ids = from->row_ids;
    batch->faults = from->faults;
    batch->drift = from->drift;
}

uint32_t sl_batch_selection(const struct sl_batch *batch, uint32_t *idx) {
    uint32_t count = 0;
    if (!batch->selected) {
        for (; count < batch->rows; count++) idx[count] = count;
        return count;
    }
    for (size_t w = 0, words = SL_BIT_WORDS(batch->rows); w < words; w++) {
        uint64_t bits = batch->selected[w];
        if (w + 1 == words) bits &= sl_bits_tail(batch->rows);
        for (; bits; bits &= bits - 1)
            idx[count++] = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
    }
    return count;
}

void sl_batch_drop_failed(struct sl_batch *batch, uint64_t *bits) {
    const struct sl_faults *faults = batch->faults;
    if (!faults || !faults->count) return;
    if (batch->selected)
        memmove(bits, batch->selected, SL_BIT_WORDS(batch->rows) * 8);
    else
        sl_bits_fill(bits, batch->rows, true);
    if (!batch->source_rows)
        for (size_t w = 0; w < SL_BIT_WORDS(batch->rows); w++) bits[w] &= ~faults->failed[w];
    else
        for (uint32_t r = 0; r < batch->rows; r++)
            if (sl_bit_get(faults->failed, batch->source_rows[r])) sl_bit_clear(bits, r);
    batch->selected = bits;
    batch->selected_rows = (uint32_t)sl_bits_count(bits, batch->rows);
}

void sl_batch_describe_row(const struct sl_batch *batch, uint32_t row, char *buf, size_t cap) {
    const struct sl_origin *origin = &batch->origin;
    bool kafka = origin->source && strcmp(origin->source, "kafka") == 0;
    if (!cap) return;
    int used = snprintf(buf, cap, "%s %s",
                        kafka            ? "topic"
                        : origin->source ? origin->source
                                         : "row",
                        origin->name ? origin->name : "");
    if (!origin->source) used = snprintf(buf, cap, "row %u", row);
    if (origin->partition >= 0 && used >= 0 && (size_t)used < cap)
        used += snprintf(buf + used, cap - (size_t)used, " partition %d", origin->partition);
    if (origin->offsets && row < batch->rows && used >= 0 && (size_t)used < cap)
        snprintf(buf + used, cap - (size_t)used, " %s %lld", kafka ? "offset" : "line",
                 (long long)origin->offsets[sl_batch_source_row(batch, row)]);
}
