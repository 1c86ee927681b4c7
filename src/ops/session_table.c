#include "ops/session_table.h"

#include <stdlib.h>

#include "base/arena.h"

void sl_session_table_init(struct sl_session_table *table, struct sl_budget *budget) {
    *table = (struct sl_session_table){.budget = budget, .free_head = SL_NO_SESSION};
}

void sl_session_table_release(struct sl_session_table *table) {
    sl_budget_give(table->budget, sl_session_table_bytes(table));
    free(table->start);
    free(table->end);
    free(table->key);
    free(table->next);
    free(table->parent);
    free(table->live);
    free(table->touched);
    free(table->stored);
    free(table->end_min);
    sl_session_table_init(table, table->budget);
}

static uint64_t *grow_bits(uint64_t *bits, uint32_t old, uint32_t cap) {
    bits = sl_xrealloc(bits, cap / 8);
    memset((char *)bits + old / 8, 0, (cap - old) / 8);
    return bits;
}

enum sl_code sl_session_table_reserve(struct sl_session_table *table, uint32_t more,
                                      struct sl_err *err) {
    uint64_t wanted = (uint64_t)table->limit + more;
    uint32_t old = table->cap;
    uint64_t cap = old ? old : SL_SESSION_CHUNK;
    if (wanted <= old) return SL_OK;
    while (cap < wanted) cap *= 2;
    if (cap > (UINT32_C(1) << 31)) return sl_fail(err, SL_NOMEM, "too many sessions");
    struct sl_session_table grown = {.cap = (uint32_t)cap};
    SL_TRY(sl_budget_take(table->budget,
                          sl_session_table_bytes(&grown) - sl_session_table_bytes(table),
                          "the sessions of a stateful operator", err));
    table->start = sl_xrealloc(table->start, cap * sizeof *table->start);
    table->end = sl_xrealloc(table->end, cap * sizeof *table->end);
    table->key = sl_xrealloc(table->key, cap * sizeof *table->key);
    table->next = sl_xrealloc(table->next, cap * sizeof *table->next);
    table->parent = sl_xrealloc(table->parent, cap * sizeof *table->parent);
    table->live = grow_bits(table->live, old, (uint32_t)cap);
    table->touched = grow_bits(table->touched, old, (uint32_t)cap);
    table->stored = grow_bits(table->stored, old, (uint32_t)cap);
    table->end_min = sl_xrealloc(table->end_min, cap / SL_SESSION_CHUNK * sizeof *table->end_min);
    for (uint64_t i = old / SL_SESSION_CHUNK; i < cap / SL_SESSION_CHUNK; i++)
        table->end_min[i] = INT64_MAX;
    table->cap = (uint32_t)cap;
    return SL_OK;
}

void sl_session_table_note_end(struct sl_session_table *table, uint32_t session) {
    int64_t *least = &table->end_min[session / SL_SESSION_CHUNK];
    if (table->end[session] < *least) *least = table->end[session];
}

uint32_t sl_session_table_add(struct sl_session_table *table, uint32_t key, int64_t start,
                              int64_t end) {
    uint32_t session = table->free_head;
    if (session == SL_NO_SESSION)
        session = table->limit++;
    else
        table->free_head = table->next[session];
    table->start[session] = start;
    table->end[session] = end;
    table->key[session] = key;
    table->next[session] = SL_NO_SESSION;
    table->parent[session] = session;
    sl_bit_set(table->live, session);
    sl_session_table_note_end(table, session);
    table->count++;
    return session;
}

void sl_session_table_remove(struct sl_session_table *table, uint32_t session) {
    sl_bit_clear(table->live, session);
    sl_bit_clear(table->touched, session);
    sl_bit_clear(table->stored, session);
    table->next[session] = table->free_head;
    table->free_head = session;
    table->count--;
}

uint32_t sl_session_table_root(struct sl_session_table *table, uint32_t session) {
    while (table->parent[session] != session) {
        table->parent[session] = table->parent[table->parent[session]];
        session = table->parent[session];
    }
    return session;
}

uint32_t sl_session_table_list(const struct sl_session_table *table, const uint64_t *bits,
                               size_t *word, uint32_t *sessions, uint32_t cap) {
    uint32_t count = 0;
    for (; *word < SL_BIT_WORDS(table->limit) && count + 64 <= cap; ++*word)
        for (uint64_t set = bits[*word]; set; set &= set - 1)
            sessions[count++] = (uint32_t)(*word * 64) + (uint32_t)__builtin_ctzll(set);
    return count;
}

static uint32_t due_of_chunk(struct sl_session_table *table, uint32_t chunk, int64_t until_us,
                             uint32_t *sessions) {
    uint32_t count = 0, begin = chunk * SL_SESSION_CHUNK;
    table->end_min[chunk] = INT64_MAX;
    for (uint32_t s = begin; s < begin + SL_SESSION_CHUNK && s < table->limit; s++) {
        if (!sl_bit_get(table->live, s)) continue;
        if (table->end[s] <= until_us)
            sessions[count++] = s;
        else
            sl_session_table_note_end(table, s);
    }
    return count;
}

uint32_t sl_session_table_due(struct sl_session_table *table, int64_t until_us, uint32_t *chunk,
                              uint32_t *sessions, uint32_t cap) {
    uint32_t count = 0;
    for (; *chunk * SL_SESSION_CHUNK < table->limit && count + SL_SESSION_CHUNK <= cap; ++*chunk)
        if (table->end_min[*chunk] <= until_us)
            count += due_of_chunk(table, *chunk, until_us, sessions + count);
    return count;
}
