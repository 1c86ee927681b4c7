#include "ops/join_store.h"

enum { BLOCK_ROWS = 1 << SL_JOIN_BLOCK_SHIFT, TOUCHED = 8 /* the extra byte that says so */ };

static const char what[] = "the rows of a join";

/* ---- life ---- */

void sl_join_store_init(struct sl_join_store *store, const struct sl_key_layout *layout,
                        const struct sl_type *const *inputs, struct sl_budget *budget) {
    *store = (struct sl_join_store){.budget = budget};
    sl_group_table_init(&store->keys, layout, budget);
    for (int s = 0; s < 2; s++) {
        sl_row_blocks_init(&store->sides[s].columns, inputs[s], SL_JOIN_BLOCK_SHIFT, budget, what);
        store->sides[s].bound = -1;
    }
}

static size_t block_bytes(void) {
    return BLOCK_ROWS * sizeof(struct sl_join_link) + 3 * SL_BIT_WORDS(BLOCK_ROWS) * 8;
}

static void free_block(struct sl_join_store *store, struct sl_join_block *block) {
    if (!block->links) return;
    free(block->links);
    free(block->live);
    *block = (struct sl_join_block){0};
    store->held_bytes -= block_bytes();
    sl_budget_give(store->budget, block_bytes());
}

static void release_lists(struct sl_join_store *store, struct sl_join_rows *rows) {
    sl_number_list_release(&rows->added, store->budget);
    sl_number_list_release(&rows->matched, store->budget);
    sl_number_list_release(&rows->due, store->budget);
}

static void free_blocks(struct sl_join_store *store, struct sl_join_rows *rows) {
    for (uint32_t b = 0; b < rows->block_cap; b++) free_block(store, &rows->blocks[b]);
    free(rows->blocks);
    size_t bytes = rows->block_cap * sizeof *rows->blocks;
    store->held_bytes -= bytes;
    sl_budget_give(store->budget, bytes);
    rows->blocks = NULL;
    rows->block_cap = 0;
}

void sl_join_store_clear(struct sl_join_store *store) {
    for (int s = 0; s < 2; s++) {
        struct sl_join_rows *rows = &store->sides[s];
        release_lists(store, rows);
        free_blocks(store, rows);
        sl_row_blocks_clear(&rows->columns);
        rows->live = 0;
    }
    sl_group_table_clear(&store->keys);
    store->next_id = store->first_id = 0;
}

void sl_join_store_release(struct sl_join_store *store) {
    if (!store->sides[0].columns.schema) return;
    sl_join_store_clear(store);
    sl_group_table_release(&store->keys);
    for (int s = 0; s < 2; s++) sl_row_blocks_release(&store->sides[s].columns);
    *store = (struct sl_join_store){0};
}

size_t sl_join_store_bytes(const struct sl_join_store *store) {
    size_t bytes = sl_group_table_bytes(&store->keys) + store->held_bytes;
    for (int s = 0; s < 2; s++) {
        const struct sl_join_rows *rows = &store->sides[s];
        bytes += rows->columns.held_bytes + sl_number_list_bytes(&rows->added) +
                 sl_number_list_bytes(&rows->matched) + sl_number_list_bytes(&rows->due);
    }
    return bytes;
}

void sl_join_store_begin(struct sl_join_store *store) {
    sl_join_store_sweep(store);
    for (int s = 0; s < 2; s++) release_lists(store, &store->sides[s]);
    store->first_id = store->next_id;
}

/* ---- chains ---- */

static void set_tail(struct sl_join_store *store, uint32_t side, uint32_t group, uint32_t tail) {
    uint32_t stored = tail + 1;
    memcpy(sl_group_table_extra(&store->keys, group) + side * 4, &stored, 4);
}

/* Chains are in order of arrival. Rows come in it, but for loaded ones. */
static void add_to_chain(struct sl_join_store *store, uint32_t side, uint32_t group,
                         uint32_t number, uint64_t id) {
    struct sl_join_rows *rows = &store->sides[side];
    struct sl_join_link *link = sl_join_link_of(rows, number);
    uint32_t tail = sl_join_tail(store, side, group), before = tail;
    *link = (struct sl_join_link){.next = number, .group = group, .id = id};
    if (tail == SL_NO_ROW || sl_join_link_of(rows, tail)->id < id)
        set_tail(store, side, group, number);
    else
        for (uint32_t at = sl_join_link_of(rows, tail)->next; sl_join_link_of(rows, at)->id < id;
             at = sl_join_link_of(rows, at)->next)
            before = at;
    if (tail == SL_NO_ROW) return;
    struct sl_join_link *last = sl_join_link_of(rows, before);
    link->next = last->next;
    last->next = number;
}

uint32_t sl_join_store_find(const struct sl_join_store *store, uint32_t side, uint32_t group,
                            uint64_t id) {
    const struct sl_join_rows *rows = &store->sides[side];
    uint32_t tail = group == SL_NO_GROUP ? SL_NO_ROW : sl_join_tail(store, side, group);
    if (tail == SL_NO_ROW || sl_join_link_of(rows, tail)->id < id) return SL_NO_ROW;
    uint32_t at = sl_join_link_of(rows, tail)->next;
    while (sl_join_link_of(rows, at)->id < id) at = sl_join_link_of(rows, at)->next;
    return sl_join_link_of(rows, at)->id == id ? at : SL_NO_ROW;
}

/* ---- putting ---- */

static enum sl_code grow_blocks(struct sl_join_store *store, struct sl_join_rows *rows,
                                struct sl_err *err) {
    uint32_t cap = rows->columns.block_cap;
    if (cap <= rows->block_cap) return SL_OK;
    size_t bytes = (cap - rows->block_cap) * sizeof *rows->blocks;
    SL_TRY(sl_budget_take(store->budget, bytes, what, err));
    store->held_bytes += bytes;
    rows->blocks = sl_xrealloc(rows->blocks, cap * sizeof *rows->blocks);
    memset(rows->blocks + rows->block_cap, 0, bytes);
    rows->block_cap = cap;
    return SL_OK;
}

static enum sl_code add_block(struct sl_join_store *store, struct sl_join_block *block,
                              struct sl_err *err) {
    size_t words = SL_BIT_WORDS(BLOCK_ROWS);
    SL_TRY(sl_budget_take(store->budget, block_bytes(), what, err));
    store->held_bytes += block_bytes();
    block->links = sl_xmalloc(BLOCK_ROWS * sizeof *block->links);
    block->live = sl_xcalloc(3 * words, sizeof *block->live);
    block->matched = block->live + words;
    block->due = block->matched + words;
    block->live_count = 0;
    block->time_min = INT64_MAX;
    return SL_OK;
}

/* False when it is null, which is never due. */
static bool time_of(const struct sl_join_rows *rows, uint32_t number, int64_t *time_us) {
    const struct sl_vec *vec = &sl_row_blocks_columns(&rows->columns, number)[rows->bound];
    uint32_t place = sl_join_place(number);
    if (vec->type->kind == SL_STRUCT_KIND) vec = &vec->children[vec->child_count - 1];
    if (sl_vec_is_null(vec, place)) return false;
    *time_us = vec->i64[place];
    return true;
}

static enum sl_code begin_row(struct sl_join_store *store, struct sl_join_rows *rows,
                              uint32_t number, struct sl_err *err) {
    struct sl_join_block *block = sl_join_block_of(rows, number);
    uint32_t place = sl_join_place(number);
    int64_t time_us;
    if (!block->links) SL_TRY(add_block(store, block, err));
    sl_bit_set(block->live, place);
    sl_bit_clear(block->matched, place);
    sl_bit_clear(block->due, place);
    block->live_count++;
    rows->live++;
    if (rows->bound >= 0 && time_of(rows, number, &time_us) && time_us < block->time_min)
        block->time_min = time_us;
    return SL_OK;
}

enum sl_code sl_join_store_put(struct sl_join_store *store, uint32_t side,
                               const struct sl_vec *columns, const uint32_t *idx,
                               const uint32_t *groups, uint32_t count, const uint64_t *ids,
                               uint32_t *numbers, struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[side];
    if (!ids) SL_TRY(sl_number_list_reserve(&rows->added, count, store->budget, what, err));
    SL_TRY(sl_row_blocks_put(&rows->columns, columns, idx, count, numbers, err));
    SL_TRY(grow_blocks(store, rows, err));
    for (uint32_t i = 0; i < count; i++) {
        SL_TRY(begin_row(store, rows, numbers[i], err));
        add_to_chain(store, side, groups[i], numbers[i], ids ? ids[i] : store->next_id++);
        if (ids && ids[i] >= store->next_id) store->next_id = ids[i] + 1;
        if (!ids) rows->added.items[rows->added.count++] = numbers[i];
    }
    if (ids) store->first_id = store->next_id;
    return SL_OK;
}

enum sl_code sl_join_store_match(struct sl_join_store *store, uint32_t side, uint32_t number,
                                 bool *is_first, struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[side];
    *is_first = !sl_join_is_matched(rows, number);
    if (!*is_first) return SL_OK;
    sl_bit_set(sl_join_block_of(rows, number)->matched, sl_join_place(number));
    if (!rows->notes_matches || sl_join_link_of(rows, number)->id >= store->first_id) return SL_OK;
    SL_TRY(sl_number_list_reserve(&rows->matched, 1, store->budget, what, err));
    rows->matched.items[rows->matched.count++] = number;
    return SL_OK;
}

/* ---- eviction ---- */

enum sl_code sl_join_store_mark_due(struct sl_join_store *store, uint32_t side, uint32_t number,
                                    struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[side];
    if (sl_join_is_due(rows, number)) return SL_OK;
    SL_TRY(sl_number_list_reserve(&rows->due, 1, store->budget, what, err));
    rows->due.items[rows->due.count++] = number;
    sl_bit_set(sl_join_block_of(rows, number)->due, sl_join_place(number));
    return SL_OK;
}

static enum sl_code find_due_in(struct sl_join_store *store, uint32_t side, uint32_t number,
                                int64_t until_us, struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[side];
    struct sl_join_block *block = &rows->blocks[number];
    int64_t time_us, later = INT64_MAX;
    for (uint32_t w = 0; w < SL_BIT_WORDS(BLOCK_ROWS); w++)
        for (uint64_t bits = block->live[w]; bits; bits &= bits - 1) {
            uint32_t place = w * 64 + (uint32_t)__builtin_ctzll(bits);
            uint32_t row = (number << SL_JOIN_BLOCK_SHIFT) + place;
            if (!time_of(rows, row, &time_us)) continue;
            if (time_us <= until_us)
                SL_TRY(sl_join_store_mark_due(store, side, row, err));
            else if (time_us < later)
                later = time_us;
        }
    block->time_min = later;
    return SL_OK;
}

enum sl_code sl_join_store_find_due(struct sl_join_store *store, uint32_t side, int64_t until_us,
                                    struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[side];
    if (rows->bound < 0) return SL_OK;
    for (uint32_t b = 0; b < rows->columns.block_count; b++)
        if (rows->blocks[b].links && rows->blocks[b].time_min <= until_us)
            SL_TRY(find_due_in(store, side, b, until_us, err));
    return SL_OK;
}

/* ---- sweeping ---- */

/* The rows of a chain that stay, linked anew; whole chains, since a row does not know the one
 * before it. */
static void relink(struct sl_join_store *store, uint32_t side, uint32_t group) {
    struct sl_join_rows *rows = &store->sides[side];
    uint32_t tail = sl_join_tail(store, side, group), first = SL_NO_ROW, last = SL_NO_ROW;
    uint32_t at = sl_join_link_of(rows, tail)->next;
    for (bool more = true; more;) {
        struct sl_join_link *link = sl_join_link_of(rows, at);
        uint32_t next = link->next;
        more = at != tail;
        if (!sl_join_is_due(rows, at)) {
            if (first == SL_NO_ROW) first = at;
            if (last != SL_NO_ROW) sl_join_link_of(rows, last)->next = at;
            last = at;
        }
        at = next;
    }
    if (last != SL_NO_ROW) sl_join_link_of(rows, last)->next = first;
    set_tail(store, side, group, last);
}

static void sweep_chains(struct sl_join_store *store, uint32_t side) {
    struct sl_join_rows *rows = &store->sides[side];
    uint32_t touched = 0, empty = 0, *groups = rows->due.items; /* written behind the reading */
    for (uint32_t i = 0; i < rows->due.count; i++) {
        uint32_t number = rows->due.items[i], group = sl_join_link_of(rows, number)->group;
        uint8_t *extra = sl_group_table_extra(&store->keys, group);
        struct sl_join_block *block = sl_join_block_of(rows, number);
        sl_bit_clear(block->live, sl_join_place(number));
        block->live_count--;
        rows->live--;
        if (extra[TOUCHED]) continue;
        extra[TOUCHED] = 1;
        groups[touched++] = group;
    }
    for (uint32_t i = 0; i < touched; i++) {
        relink(store, side, groups[i]);
        sl_group_table_extra(&store->keys, groups[i])[TOUCHED] = 0;
        if (sl_join_tail(store, 0, groups[i]) == SL_NO_ROW &&
            sl_join_tail(store, 1, groups[i]) == SL_NO_ROW)
            groups[empty++] = groups[i];
    }
    sl_group_table_remove(&store->keys, groups, empty);
    rows->due.count = 0;
}

static void drop_empty_blocks(struct sl_join_store *store, struct sl_join_rows *rows) {
    for (uint32_t b = 0; b < rows->columns.block_count; b++) {
        struct sl_join_block *block = &rows->blocks[b];
        if (!block->links || block->live_count || b == rows->columns.open_block) continue;
        free_block(store, block);
        sl_row_blocks_drop(&rows->columns, b);
    }
}

/* ---- moving together what is left ---- */

uint32_t sl_join_store_list(const struct sl_join_store *store, uint32_t side, uint32_t *cursor,
                            uint32_t *numbers, uint32_t cap) {
    const struct sl_join_rows *rows = &store->sides[side];
    uint32_t count = 0, end = rows->columns.block_count << SL_JOIN_BLOCK_SHIFT;
    while (*cursor < end && count < cap) {
        const struct sl_join_block *block = sl_join_block_of(rows, *cursor);
        uint32_t place = sl_join_place(*cursor);
        uint64_t word = block->links ? block->live[place / 64] >> (place & 63) : 0;
        if (!word) {
            *cursor = (*cursor | 63) + 1;
            continue;
        }
        *cursor += (uint32_t)__builtin_ctzll(word);
        numbers[count++] = (*cursor)++;
    }
    return count;
}

static enum sl_code copy_rows(struct sl_join_store *store, uint32_t side, struct sl_batch *part,
                              struct sl_join_rows *fresh, uint32_t *moved, struct sl_err *err) {
    const struct sl_join_rows *rows = &store->sides[side];
    uint32_t numbers[BLOCK_ROWS], places[BLOCK_ROWS], to[BLOCK_ROWS], cursor = 0, count;
    for (uint32_t i = 0; i < BLOCK_ROWS; i++) places[i] = i;
    while ((count = sl_join_store_list(store, side, &cursor, numbers, BLOCK_ROWS))) {
        sl_batch_clear(part);
        for (uint32_t c = 0; c < part->schema->field_count; c++)
            SL_TRY(sl_row_blocks_gather(&rows->columns, c, numbers, count, &part->columns[c], err));
        SL_TRY(sl_row_blocks_put(&fresh->columns, part->columns, places, count, to, err));
        SL_TRY(grow_blocks(store, fresh, err));
        for (uint32_t i = 0; i < count; i++) {
            SL_TRY(begin_row(store, fresh, to[i], err));
            *sl_join_link_of(fresh, to[i]) = *sl_join_link_of(rows, numbers[i]);
            sl_bit_put(sl_join_block_of(fresh, to[i])->matched, sl_join_place(to[i]),
                       sl_join_is_matched(rows, numbers[i]));
            moved[numbers[i]] = to[i];
        }
    }
    return SL_OK;
}

/* Chains are in old numbers until all are read: a new number may be an old one of another row. */
static void renumber(struct sl_join_store *store, uint32_t side, struct sl_join_rows *fresh,
                     const uint32_t *moved) {
    uint32_t numbers[BLOCK_ROWS], cursor = 0, count;
    uint32_t old_numbers = store->sides[side].columns.block_count << SL_JOIN_BLOCK_SHIFT;
    uint64_t *is_tail = sl_xcalloc(SL_BIT_WORDS(old_numbers) + 1, sizeof *is_tail);
    while ((count = sl_join_store_list(store, side, &cursor, numbers, BLOCK_ROWS)))
        for (uint32_t i = 0; i < count; i++) {
            uint32_t group = sl_join_link_of(&store->sides[side], numbers[i])->group;
            sl_bit_put(is_tail, numbers[i], sl_join_tail(store, side, group) == numbers[i]);
        }
    for (cursor = 0; (count = sl_join_store_list(store, side, &cursor, numbers, BLOCK_ROWS));)
        for (uint32_t i = 0; i < count; i++) {
            struct sl_join_link *link = sl_join_link_of(fresh, moved[numbers[i]]);
            link->next = moved[link->next];
            if (sl_bit_get(is_tail, numbers[i]))
                set_tail(store, side, link->group, moved[numbers[i]]);
        }
    free(is_tail);
}

/* Copies the rows that are left into blocks of their own; when the budget has no room for both, all
 * stays as it is. */
static void compact(struct sl_join_store *store, uint32_t side) {
    struct sl_join_rows *rows = &store->sides[side];
    struct sl_join_rows fresh = {.bound = rows->bound, .notes_matches = rows->notes_matches};
    struct sl_arena arena;
    struct sl_batch part;
    uint32_t old_numbers = rows->columns.block_count << SL_JOIN_BLOCK_SHIFT;
    uint32_t *moved = sl_xmalloc(((size_t)old_numbers + 1) * sizeof *moved);
    sl_arena_init(&arena, "compact");
    sl_batch_init(&part, rows->columns.schema, &arena);
    sl_row_blocks_init(&fresh.columns, rows->columns.schema, SL_JOIN_BLOCK_SHIFT, store->budget,
                       what);
    if (copy_rows(store, side, &part, &fresh, moved, NULL) == SL_OK) {
        renumber(store, side, &fresh, moved);
        struct sl_join_rows old = *rows;
        *rows = fresh;
        fresh = old;
        rows->added = fresh.added; /* lists are empty when rows are swept */
        rows->matched = fresh.matched;
        rows->due = fresh.due;
    }
    free_blocks(store, &fresh);
    sl_row_blocks_release(&fresh.columns);
    sl_batch_release(&part);
    sl_arena_release(&arena);
    free(moved);
}

static uint32_t numbers_held(const struct sl_join_rows *rows) {
    uint32_t blocks = rows->columns.block_count - rows->columns.spare_count;
    return blocks << SL_JOIN_BLOCK_SHIFT;
}

void sl_join_store_sweep(struct sl_join_store *store) {
    for (uint32_t side = 0; side < 2; side++) {
        struct sl_join_rows *rows = &store->sides[side];
        if (!rows->due.count) continue;
        sweep_chains(store, side);
        drop_empty_blocks(store, rows);
        rows->added.count = rows->matched.count = 0;
        if (numbers_held(rows) > 2 * rows->live + 4 * BLOCK_ROWS) compact(store, side);
    }
}
