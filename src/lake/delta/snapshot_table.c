/* The two hash tables of a snapshot. */
#include <stdlib.h>

#include "base/hash.h"
#include "lake/delta/snapshot_int.h"

/* ---- txn per application ---- */

static uint32_t *slot_of(const struct sl_delta_txn_table *table, struct sl_str app_id) {
    uint32_t at = (uint32_t)sl_xxh64(app_id.ptr, app_id.len, 0) & (table->slot_count - 1);
    while (table->slots[at] && !sl_str_eq(table->items[table->slots[at] - 1].app_id, app_id))
        at = (at + 1) & (table->slot_count - 1);
    return &table->slots[at];
}

static void grow_txns(struct sl_delta_txn_table *table) {
    table->cap = table->cap ? table->cap * 2 : 8;
    table->items = sl_xrealloc(table->items, table->cap * sizeof *table->items);
    free(table->slots);
    table->slot_count = table->cap * 2;
    table->slots = sl_xcalloc(table->slot_count, sizeof *table->slots);
    for (uint32_t i = 0; i < table->count; i++) *slot_of(table, table->items[i].app_id) = i + 1;
}

void sl_delta_txn_table_put(struct sl_delta_txn_table *table, struct sl_arena *arena,
                            const struct sl_delta_txn *txn) {
    if (table->count == table->cap) grow_txns(table);
    uint32_t *slot = slot_of(table, txn->app_id);
    if (*slot) {
        struct sl_delta_txn *item = &table->items[*slot - 1];
        item->version = txn->version;
        item->last_updated_ms = txn->last_updated_ms;
        return;
    }
    table->items[table->count] = *txn;
    table->items[table->count].app_id = sl_arena_str(arena, txn->app_id);
    *slot = ++table->count;
}

const struct sl_delta_txn *sl_delta_txn_table_find(const struct sl_delta_txn_table *table,
                                                   struct sl_str app_id) {
    if (!table->slot_count) return NULL;
    uint32_t at = *slot_of(table, app_id);
    return at ? &table->items[at - 1] : NULL;
}

void sl_delta_txn_table_release(struct sl_delta_txn_table *table) {
    free(table->items);
    free(table->slots);
    *table = (struct sl_delta_txn_table){0};
}

/* ---- files ---- */

void sl_delta_seen_init(struct sl_delta_seen *seen, struct sl_budget *budget) {
    uint64_t unused;
    *seen = (struct sl_delta_seen){.budget = budget};
    sl_random_system(&seen->seed, &unused);
}

void sl_delta_seen_release(struct sl_delta_seen *seen) {
    sl_budget_give(seen->budget, seen->slot_count * sizeof *seen->slots);
    free(seen->slots);
    sl_buf_release(&seen->key);
    *seen = (struct sl_delta_seen){0};
}

static struct sl_delta_print *find_print(struct sl_delta_print *slots, size_t slot_count,
                                         struct sl_delta_print print) {
    size_t at = (size_t)print.high & (slot_count - 1);
    while (slots[at].low && (slots[at].low != print.low || slots[at].high != print.high))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static enum sl_code grow_seen(struct sl_delta_seen *seen, struct sl_err *err) {
    size_t more = seen->slot_count ? seen->slot_count * 2 : 1024;
    SL_TRY(sl_budget_take(seen->budget, more * sizeof *seen->slots,
                          "the files of a Delta table's commits", err));
    struct sl_delta_print *slots = sl_xcalloc(more, sizeof *slots);
    for (size_t i = 0; i < seen->slot_count; i++)
        if (seen->slots[i].low) *find_print(slots, more, seen->slots[i]) = seen->slots[i];
    sl_budget_give(seen->budget, seen->slot_count * sizeof *seen->slots);
    free(seen->slots);
    seen->slots = slots;
    seen->slot_count = more;
    return SL_OK;
}

enum sl_code sl_delta_seen_check(struct sl_delta_seen *seen, const struct sl_delta_file *file,
                                 bool insert, bool *is_new, struct sl_err *err) {
    *is_new = true;
    if (!insert && seen->used == 0) return SL_OK;
    if (insert && seen->used * 2 >= seen->slot_count) SL_TRY(grow_seen(seen, err));
    sl_buf_clear(&seen->key);
    sl_delta_file_put_key(&seen->key, file);
    struct sl_delta_print print = {
        sl_xxh64(seen->key.ptr, seen->key.len, seen->seed) | 1,
        sl_xxh64(seen->key.ptr, seen->key.len, ~seen->seed),
    };
    struct sl_delta_print *slot = find_print(seen->slots, seen->slot_count, print);
    *is_new = slot->low == 0;
    if (*is_new && insert) {
        *slot = print;
        seen->used++;
    }
    return SL_OK;
}
