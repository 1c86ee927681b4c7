#include "ops/group_table.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    CHUNK_BITS = 10,
    CHUNK_GROUPS = SL_GROUP_CHUNK,
    FIRST_GROUPS_MIN = 64, /* the first chunk grows: many tables stay small */
    SLOT_BITS_MIN = 6,
    SLOT_BITS_MAX = 31,
    PROBE_BATCH = 64,
    LINE_SLOTS = 8, /* of a cache line: a search begins with the first of one */
    FAR_BYTES_MIN = 1 << 12,
    FAR_BYTES_MAX = 1 << 20,
    FAR_DEAD_MIN = 1 << 16 /* less is not worth a compaction */
};

struct sl_group_slot {
    uint32_t tag, group; /* SL_NO_GROUP: empty */
};
struct sl_group_chunk {
    uint64_t live[CHUNK_GROUPS / 64];
    int64_t time_min; /* INT64_MAX: none */
};
struct sl_far_chunk {
    struct sl_far_chunk *next;
    size_t used, cap;
    uint8_t bytes[];
};

static const char what[] = "the groups of a stateful operator";

/* ---- memory ---- */

static enum sl_code take(struct sl_group_table *table, size_t bytes, struct sl_err *err) {
    SL_TRY(sl_budget_take(table->budget, bytes, what, err));
    table->held_bytes += bytes;
    return SL_OK;
}

static void give(struct sl_group_table *table, size_t bytes) {
    sl_budget_give(table->budget, bytes);
    table->held_bytes -= bytes;
}

void sl_group_table_init(struct sl_group_table *table, const struct sl_key_layout *layout,
                         struct sl_budget *budget) {
    *table = (struct sl_group_table){.layout = layout, .budget = budget, .free_head = SL_NO_GROUP};
}

static void free_far(struct sl_far_chunk *far) {
    while (far) {
        struct sl_far_chunk *next = far->next;
        free(far);
        far = next;
    }
}

void sl_group_table_clear(struct sl_group_table *table) {
    for (uint32_t i = 0; i < table->chunk_count; i++) free(table->cells[i]);
    free(table->cells);
    free(table->chunks);
    free(table->slots);
    free_far(table->far);
    sl_budget_give(table->budget, table->held_bytes);
    sl_group_table_init(table, table->layout, table->budget);
}

void sl_group_table_release(struct sl_group_table *table) { sl_group_table_clear(table); }

static inline uint8_t *cell_of(const struct sl_group_table *table, uint32_t group) {
    return table->cells[group >> CHUNK_BITS] +
           (size_t)(group & (CHUNK_GROUPS - 1)) * table->layout->cell_bytes;
}

/* ---- index ---- */

static inline uint32_t home_of(uint32_t tag, uint32_t slot_bits) {
    return tag >> (32 - slot_bits) & ~(LINE_SLOTS - 1u);
}

static inline uint32_t slot_mask(const struct sl_group_table *table) {
    return (UINT32_C(1) << table->slot_bits) - 1;
}

static void insert_slot(struct sl_group_slot *slots, uint32_t slot_bits,
                        struct sl_group_slot slot) {
    uint32_t mask = (UINT32_C(1) << slot_bits) - 1, at = home_of(slot.tag, slot_bits);
    while (slots[at].group != SL_NO_GROUP) at = (at + 1) & mask;
    slots[at] = slot;
}

/* Every access is to another page: large ones where the system has them (5 million UUIDs go in at
 * 45 instead of 60 ns each). */
static struct sl_group_slot *index_memory(size_t bytes) {
    const size_t page = (size_t)2 << 20;
    if (bytes < 2 * page) return aligned_alloc(64, bytes);
    void *memory = aligned_alloc(page, bytes);
    if (memory) (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static enum sl_code grow_index(struct sl_group_table *table, uint32_t slot_bits,
                               struct sl_err *err) {
    if (slot_bits > SLOT_BITS_MAX) return sl_fail(err, SL_NOMEM, "%s: too many groups", what);
    size_t bytes = sizeof(struct sl_group_slot) << slot_bits;
    SL_TRY(take(table, bytes, err));
    struct sl_group_slot *fresh = index_memory(bytes);
    if (!fresh) {
        give(table, bytes);
        return sl_fail(err, SL_NOMEM, "%s: no memory for %zu bytes", what, bytes);
    }
    memset(fresh, 0xFF, bytes);
    size_t old = table->slot_bits ? (size_t)1 << table->slot_bits : 0;
    for (size_t i = 0; i < old; i++)
        if (table->slots[i].group != SL_NO_GROUP) insert_slot(fresh, slot_bits, table->slots[i]);
    free(table->slots);
    give(table, old * sizeof *table->slots);
    table->slots = fresh;
    table->slot_bits = slot_bits;
    return SL_OK;
}

/* At most three quarters full. */
static enum sl_code reserve_slots(struct sl_group_table *table, uint32_t more, struct sl_err *err) {
    uint64_t wanted = (uint64_t)table->count + more;
    uint32_t bits = table->slot_bits ? table->slot_bits : SLOT_BITS_MIN;
    while (wanted * 4 > (UINT64_C(3) << bits)) bits++;
    return bits > table->slot_bits ? grow_index(table, bits, err) : SL_OK;
}

/* ---- cells ---- */

static enum sl_code grow_first(struct sl_group_table *table, struct sl_err *err) {
    uint32_t cap = table->first_cap ? table->first_cap * 2 : FIRST_GROUPS_MIN;
    size_t more = (size_t)(cap - table->first_cap) * table->layout->cell_bytes;
    SL_TRY(take(table, more, err));
    table->cells[0] = sl_xrealloc(table->cells[0], (size_t)cap * table->layout->cell_bytes);
    table->first_cap = cap;
    return SL_OK;
}

static enum sl_code grow_chunk_list(struct sl_group_table *table, struct sl_err *err) {
    uint32_t cap = table->chunk_cap ? table->chunk_cap * 2 : 1;
    size_t each = sizeof *table->cells + sizeof *table->chunks;
    SL_TRY(take(table, (cap - table->chunk_cap) * each, err));
    table->cells = sl_xrealloc(table->cells, cap * sizeof *table->cells);
    table->chunks = sl_xrealloc(table->chunks, cap * sizeof *table->chunks);
    table->chunk_cap = cap;
    return SL_OK;
}

static enum sl_code add_chunk(struct sl_group_table *table, struct sl_err *err) {
    if (table->chunk_count == table->chunk_cap) SL_TRY(grow_chunk_list(table, err));
    uint8_t *cells = NULL;
    if (table->chunk_count) {
        size_t bytes = (size_t)CHUNK_GROUPS * table->layout->cell_bytes;
        SL_TRY(take(table, bytes, err));
        cells = sl_xmalloc(bytes);
    }
    table->cells[table->chunk_count] = cells;
    table->chunks[table->chunk_count++] = (struct sl_group_chunk){.time_min = INT64_MAX};
    return SL_OK;
}

static enum sl_code reserve_cell(struct sl_group_table *table, uint32_t group, struct sl_err *err) {
    if (group >> CHUNK_BITS == table->chunk_count) SL_TRY(add_chunk(table, err));
    return group < CHUNK_GROUPS && group >= table->first_cap ? grow_first(table, err) : SL_OK;
}

/* ---- bytes that lie elsewhere ---- */

static enum sl_code add_far_chunk(struct sl_group_table *table, size_t bytes, struct sl_err *err) {
    size_t cap = table->far ? table->far->cap * 2 : FAR_BYTES_MIN;
    if (cap > FAR_BYTES_MAX) cap = FAR_BYTES_MAX;
    if (cap < bytes) cap = bytes;
    SL_TRY(take(table, sizeof(struct sl_far_chunk) + cap, err));
    struct sl_far_chunk *far = sl_xmalloc(sizeof *far + cap);
    far->next = table->far;
    far->used = 0;
    far->cap = cap;
    table->far = far;
    return SL_OK;
}

static enum sl_code reserve_far(struct sl_group_table *table, size_t bytes, struct sl_err *err) {
    if (!bytes || (table->far && table->far->cap - table->far->used >= bytes)) return SL_OK;
    return add_far_chunk(table, bytes, err);
}

static void keep_far(struct sl_group_table *table, uint8_t *cell, size_t bytes) {
    if (!bytes) return;
    sl_key_move_far(table->layout, cell, table->far->bytes + table->far->used);
    table->far->used += bytes;
    table->far_used += bytes;
}

/* Copies what is alive into chunks of its own; when the budget refuses them, all stays. */
static void compact_far(struct sl_group_table *table) {
    struct sl_far_chunk *old = table->far;
    size_t old_bytes = 0, alive = table->far_used - table->far_dead;
    for (struct sl_far_chunk *far = old; far; far = far->next) old_bytes += sizeof *far + far->cap;
    table->far = NULL;
    if (alive && add_far_chunk(table, alive, NULL) != SL_OK) {
        table->far = old;
        return;
    }
    table->far_used = table->far_dead = 0;
    uint32_t groups[64], cursor = 0, count;
    while ((count = sl_group_table_list(table, &cursor, groups, 64)))
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *cell = cell_of(table, groups[i]);
            keep_far(table, cell, sl_key_far_bytes(table->layout, cell));
        }
    free_far(old);
    give(table, old_bytes);
}

/* ---- adding ---- */

static void note_time(struct sl_group_table *table, uint32_t group, const uint8_t *cell) {
    int64_t time_us;
    struct sl_group_chunk *chunk = &table->chunks[group >> CHUNK_BITS];
    if (table->layout->time_offset >= 0 && sl_key_time(table->layout, cell, &time_us) &&
        time_us < chunk->time_min)
        chunk->time_min = time_us;
}

static void fill_extra(const struct sl_key_layout *layout, uint8_t *cell) {
    const int64_t none = INT64_MAX;
    if (layout->cell_bytes == layout->key_bytes) return;
    memset(cell + layout->key_bytes, 0, layout->cell_bytes - layout->key_bytes);
    if (layout->time_offset >= 0 && layout->time_leaf == UINT32_MAX)
        memcpy(cell + layout->time_offset, &none, sizeof none);
}

/* The number of a new group with the block's key; the index is the caller's. */
static enum sl_code add_group(struct sl_group_table *table, const uint8_t *key, uint32_t *group,
                              struct sl_err *err) {
    const struct sl_key_layout *layout = table->layout;
    uint32_t number = table->free_head == SL_NO_GROUP ? table->limit : table->free_head;
    size_t far_bytes = layout->wide_count ? sl_key_far_bytes(layout, key) : 0;
    SL_TRY(reserve_cell(table, number, err));
    SL_TRY(reserve_far(table, far_bytes, err));
    uint8_t *cell = cell_of(table, number);
    if (table->free_head == SL_NO_GROUP)
        table->limit++;
    else
        memcpy(&table->free_head, cell, sizeof table->free_head);
    memcpy(cell, key, layout->key_bytes);
    fill_extra(layout, cell);
    keep_far(table, cell, far_bytes);
    sl_bit_set(table->chunks[number >> CHUNK_BITS].live, number & (CHUNK_GROUPS - 1));
    note_time(table, number, cell);
    table->count++;
    *group = number;
    return SL_OK;
}

/* ---- finding ---- */

/* A key of one round: what it needs of the index, then of the cells, is fetched for all keys of the
 * round before the first one is compared, since both are seldom in the cache. (Lines fetched a
 * round earlier: a third slower.) */
struct probe {
    const uint8_t *key;
    uint32_t tag, at; /* slot where the search stands: nothing before it can be the key's */
};

/* Bit i: the i-th of four slots has the tag or is empty. */
static inline unsigned stops(const struct sl_group_slot *at, uint32_t tag) {
#ifdef __SSE2__
    const __m128 first = _mm_loadu_ps((const float *)at),
                 second = _mm_loadu_ps((const float *)(at + 2));
    const __m128i tags = _mm_castps_si128(_mm_shuffle_ps(first, second, 0x88));
    const __m128i groups = _mm_castps_si128(_mm_shuffle_ps(first, second, 0xDD));
    const __m128i same = _mm_cmpeq_epi32(tags, _mm_set1_epi32((int)tag));
    const __m128i empty = _mm_cmpeq_epi32(groups, _mm_set1_epi32(-1));
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_or_si128(same, empty)));
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < 4; i++)
        bits |= (unsigned)(at[i].tag == tag || at[i].group == SL_NO_GROUP) << i;
    return bits;
#endif
}

/* The first slot from `at` on with the tag, or empty. A line at once: nearly always the first look
 * decides, without a branch that depends on the keys. */
static inline uint32_t advance(const struct sl_group_slot *slots, uint32_t mask, uint32_t at,
                               uint32_t tag) {
    uint32_t line = at & ~(LINE_SLOTS - 1u);
    unsigned skip = at - line;
    for (;;) {
        unsigned bits = stops(&slots[line], tag) | stops(&slots[line + 4], tag) << 4;
        bits = bits >> skip << skip;
        if (bits) return line + (unsigned)__builtin_ctz(bits);
        line = (line + LINE_SLOTS) & mask;
        skip = 0;
    }
}

static void prepare(const struct sl_group_table *table, const struct sl_key_block *block,
                    uint32_t begin, uint32_t count, struct probe *probes) {
    const struct sl_group_slot *slots = table->slots;
    uint32_t mask = slot_mask(table), stride = block->layout->key_bytes;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tag = block->tags[begin + i];
        probes[i] = (struct probe){block->cells + (size_t)(begin + i) * stride, tag,
                                   home_of(tag, table->slot_bits)};
        __builtin_prefetch(&slots[probes[i].at]);
    }
    for (uint32_t i = 0; i < count; i++) {
        probes[i].at = advance(slots, mask, probes[i].at, probes[i].tag);
        uint32_t group = slots[probes[i].at].group;
        if (group != SL_NO_GROUP) __builtin_prefetch(cell_of(table, group));
    }
}

static inline uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The key's group, or SL_NO_GROUP with probe->at at an empty slot. */
static inline uint32_t settle(const struct sl_group_table *table, struct probe *probe) {
    const struct sl_group_slot *slots = table->slots;
    uint32_t mask = slot_mask(table);
    for (;;) {
        probe->at = advance(slots, mask, probe->at, probe->tag);
        uint32_t group = slots[probe->at].group;
        if (group == SL_NO_GROUP || sl_key_equal(table->layout, cell_of(table, group), probe->key))
            return group;
        probe->at = (probe->at + 1) & mask;
    }
}

/* Room in the index is there. */
static enum sl_code add_round(struct sl_group_table *table, struct probe *probes, uint32_t count,
                              uint32_t *groups, uint64_t *is_new, uint32_t first,
                              struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        groups[i] = settle(table, &probes[i]);
        if (groups[i] != SL_NO_GROUP) continue;
        SL_TRY(add_group(table, probes[i].key, &groups[i], err));
        table->slots[probes[i].at] = (struct sl_group_slot){probes[i].tag, groups[i]};
        if (is_new) sl_bit_set(is_new, first + i);
    }
    return SL_OK;
}

enum sl_code sl_group_table_find_or_add(struct sl_group_table *table,
                                        const struct sl_key_block *block, uint32_t begin,
                                        uint32_t count, uint32_t *groups, uint64_t *is_new,
                                        uint32_t *new_count, struct sl_err *err) {
    struct probe probes[PROBE_BATCH];
    uint32_t before = table->count;
    if (is_new) sl_bits_fill(is_new, count, false);
    for (uint32_t i = 0; i < count; i += PROBE_BATCH) {
        uint32_t n = least(count - i, PROBE_BATCH);
        SL_TRY(reserve_slots(table, n, err));
        prepare(table, block, begin + i, n, probes);
        SL_TRY(add_round(table, probes, n, groups + i, is_new, i, err));
    }
    if (new_count) *new_count = table->count - before;
    return SL_OK;
}

void sl_group_table_find(const struct sl_group_table *table, const struct sl_key_block *block,
                         uint32_t begin, uint32_t count, uint32_t *groups) {
    struct probe probes[PROBE_BATCH];
    if (!table->count) {
        for (uint32_t i = 0; i < count; i++) groups[i] = SL_NO_GROUP;
        return;
    }
    for (uint32_t i = 0; i < count; i += PROBE_BATCH) {
        uint32_t n = least(count - i, PROBE_BATCH);
        prepare(table, block, begin + i, n, probes);
        for (uint32_t k = 0; k < n; k++) groups[i + k] = settle(table, &probes[k]);
    }
}

/* ---- removing ---- */

/* Moves slots up that the hole would hide from their searches: no tombstones. */
static void remove_slot(struct sl_group_table *table, uint32_t hole) {
    struct sl_group_slot *slots = table->slots;
    uint32_t mask = slot_mask(table), at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (slots[at].group == SL_NO_GROUP) break;
        uint32_t home = home_of(slots[at].tag, table->slot_bits);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole].group = SL_NO_GROUP;
}

static uint32_t slot_of(const struct sl_group_table *table, uint32_t group, uint32_t tag) {
    uint32_t mask = slot_mask(table), at = home_of(tag, table->slot_bits);
    while (table->slots[at].group != group) at = (at + 1) & mask;
    return at;
}

static void free_group(struct sl_group_table *table, uint32_t group) {
    uint8_t *cell = cell_of(table, group);
    if (table->layout->wide_count) table->far_dead += sl_key_far_bytes(table->layout, cell);
    sl_bit_clear(table->chunks[group >> CHUNK_BITS].live, group & (CHUNK_GROUPS - 1));
    memcpy(cell, &table->free_head, sizeof table->free_head);
    table->free_head = group;
    table->count--;
}

void sl_group_table_remove(struct sl_group_table *table, const uint32_t *groups, uint32_t count) {
    uint32_t tags[PROBE_BATCH];
    for (uint32_t i = 0; i < count; i += PROBE_BATCH) {
        uint32_t n = least(count - i, PROBE_BATCH);
        for (uint32_t k = 0; k < n; k++) {
            tags[k] = sl_key_tag(table->layout, cell_of(table, groups[i + k]));
            __builtin_prefetch(&table->slots[home_of(tags[k], table->slot_bits)]);
        }
        for (uint32_t k = 0; k < n; k++) {
            remove_slot(table, slot_of(table, groups[i + k], tags[k]));
            free_group(table, groups[i + k]);
        }
    }
    if (table->far_dead >= FAR_DEAD_MIN && table->far_dead > table->far_used / 2)
        compact_far(table);
}

/* ---- reading ---- */

enum sl_code sl_group_table_append_keys(const struct sl_group_table *table, const uint32_t *groups,
                                        uint32_t count, struct sl_vec *out, struct sl_err *err) {
    const uint8_t *cells[256];
    for (uint32_t i = 0; i < count; i += 256) {
        uint32_t n = count - i < 256 ? count - i : 256;
        for (uint32_t k = 0; k < n; k++) cells[k] = cell_of(table, groups[i + k]);
        SL_TRY(sl_key_append(table->layout, cells, n, out, err));
    }
    return SL_OK;
}

/* Set bits of a chunk from group `from` on. */
static uint64_t live_word(const struct sl_group_chunk *chunk, uint32_t from) {
    return chunk->live[(from & (CHUNK_GROUPS - 1)) / 64] >> (from & 63) << (from & 63);
}

uint32_t sl_group_table_list(const struct sl_group_table *table, uint32_t *cursor, uint32_t *groups,
                             uint32_t cap) {
    uint32_t count = 0, at = *cursor;
    while (at < table->limit && count < cap) {
        uint64_t word = live_word(&table->chunks[at >> CHUNK_BITS], at);
        uint32_t base = at & ~UINT32_C(63);
        at = base + 64;
        for (; word; word &= word - 1) {
            uint32_t group = base + (uint32_t)__builtin_ctzll(word);
            if (count == cap) {
                at = group;
                break;
            }
            groups[count++] = group;
        }
    }
    *cursor = at;
    return count;
}

/* The due groups of one chunk; what stays decides the chunk's new minimum. */
static uint32_t due_of_chunk(struct sl_group_table *table, uint32_t number, int64_t until_us,
                             uint32_t *groups) {
    struct sl_group_chunk *chunk = &table->chunks[number];
    uint32_t count = 0;
    chunk->time_min = INT64_MAX;
    for (uint32_t w = 0; w < CHUNK_GROUPS / 64; w++)
        for (uint64_t word = chunk->live[w]; word; word &= word - 1) {
            uint32_t group = number * CHUNK_GROUPS + w * 64 + (uint32_t)__builtin_ctzll(word);
            int64_t time_us;
            if (!sl_key_time(table->layout, cell_of(table, group), &time_us)) continue;
            if (time_us <= until_us)
                groups[count++] = group;
            else if (time_us < chunk->time_min)
                chunk->time_min = time_us;
        }
    return count;
}

uint32_t sl_group_table_due(struct sl_group_table *table, int64_t until_us, uint32_t *cursor,
                            uint32_t *groups, uint32_t cap) {
    uint32_t count = 0;
    sl_assert(cap >= CHUNK_GROUPS);
    for (; *cursor < table->chunk_count && count + CHUNK_GROUPS <= cap; ++*cursor)
        if (table->chunks[*cursor].time_min <= until_us)
            count += due_of_chunk(table, *cursor, until_us, groups + count);
    return count;
}

uint8_t *sl_group_table_extra(const struct sl_group_table *table, uint32_t group) {
    return cell_of(table, group) + table->layout->key_bytes;
}

void sl_group_table_set_time(struct sl_group_table *table, uint32_t group, int64_t time_us) {
    uint8_t *cell = cell_of(table, group);
    memcpy(cell + table->layout->time_offset, &time_us, sizeof time_us);
    note_time(table, group, cell);
}

int64_t sl_group_table_time(const struct sl_group_table *table, uint32_t group) {
    int64_t time_us;
    return sl_key_time(table->layout, cell_of(table, group), &time_us) ? time_us : INT64_MAX;
}
