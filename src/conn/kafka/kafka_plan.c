#include "conn/kafka/kafka_plan.h"

#include <math.h>
#include <stdlib.h>

static int64_t backlog(const struct sl_kafka_offsets *start, const struct sl_kafka_offset *latest) {
    const struct sl_kafka_offset *begin =
        sl_kafka_offsets_find(start, latest->topic, latest->partition);
    return begin && latest->offset > begin->offset ? latest->offset - begin->offset : 0;
}

struct sl_kafka_offsets sl_kafka_plan_limit(struct sl_arena *arena, int64_t limit,
                                            const struct sl_kafka_offsets *start,
                                            const struct sl_kafka_offsets *latest) {
    struct sl_kafka_offsets end = sl_kafka_offsets_copy(arena, latest);
    double total = 0;
    for (uint32_t i = 0; i < end.count; i++) total += (double)backlog(start, &latest->items[i]);
    if (total < 1) return end;
    for (uint32_t i = 0; i < end.count; i++) {
        int64_t size = backlog(start, &latest->items[i]);
        if (size <= 0) continue;
        double share = (double)limit * ((double)size / total);
        int64_t take = (int64_t)(share < 1 ? ceil(share) : floor(share));
        if (take < size) end.items[i].offset = latest->items[i].offset - size + take;
    }
    return end;
}

bool sl_kafka_plan_delay(int64_t min_offsets, int64_t max_delay_ms, int64_t now_ms,
                         int64_t last_trigger_ms, const struct sl_kafka_offsets *start,
                         const struct sl_kafka_offsets *latest) {
    if (now_ms - last_trigger_ms >= max_delay_ms) return false;
    double fresh = 0;
    for (uint32_t i = 0; i < latest->count; i++) {
        const struct sl_kafka_offset *item = &latest->items[i];
        const struct sl_kafka_offset *begin =
            sl_kafka_offsets_find(start, item->topic, item->partition);
        fresh += (double)(item->offset - (begin ? begin->offset : 0));
    }
    return fresh < (double)min_offsets;
}

struct sl_kafka_ranges sl_kafka_plan_ranges(struct sl_arena *arena,
                                            const struct sl_kafka_offsets *start,
                                            const struct sl_kafka_offsets *end) {
    struct sl_kafka_ranges ranges = {
        SL_NEW_ARRAY(arena, struct sl_kafka_range, end->count + (size_t)1), 0};
    for (uint32_t i = 0; i < end->count; i++) {
        const struct sl_kafka_offset *until = &end->items[i];
        const struct sl_kafka_offset *from =
            sl_kafka_offsets_find(start, until->topic, until->partition);
        if (from && until->offset > from->offset)
            ranges.items[ranges.count++] = (struct sl_kafka_range){until->topic, until->partition,
                                                                   from->offset, until->offset};
    }
    return ranges;
}

/* ---- cutting ---- */

static int64_t range_size(const struct sl_kafka_range *range) { return range->end - range->begin; }

/* Java's Math.round, and never less than one. */
static int64_t part_count(int64_t size, int64_t total, int64_t parts) {
    double share = floor((double)size / (double)total * (double)parts + 0.5);
    return share < 1 ? 1 : (int64_t)share;
}

static void cut_range(struct sl_arena *arena, struct sl_kafka_ranges *out, uint32_t *cap,
                      const struct sl_kafka_range *range, int64_t parts) {
    int64_t remaining = range_size(range), begin = range->begin;
    if (parts > remaining) parts = remaining;
    for (int64_t part = 0; part < parts; part++) {
        int64_t size = remaining / (parts - part);
        if (out->count == *cap) {
            uint32_t more = *cap * 2 + 16;
            out->items = sl_arena_grow(arena, out->items, *cap * sizeof *out->items,
                                       more * sizeof *out->items);
            *cap = more;
        }
        out->items[out->count] = *range;
        out->items[out->count].begin = begin;
        out->items[out->count++].end = begin + size;
        begin += size;
        remaining -= size;
    }
}

static struct sl_kafka_ranges cut_by_records(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                             int64_t max_records) {
    struct sl_kafka_ranges out = {NULL, 0};
    uint32_t cap = 0;
    for (uint32_t i = 0; i < ranges.count; i++) {
        int64_t size = range_size(&ranges.items[i]);
        cut_range(arena, &out, &cap, &ranges.items[i], (size - 1) / max_records + 1);
    }
    return out;
}

static struct sl_kafka_ranges cut_by_parts(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                           int64_t min_partitions) {
    int64_t total = 0, small_total = 0, small = 0;
    for (uint32_t i = 0; i < ranges.count; i++) total += range_size(&ranges.items[i]);
    bool *whole = SL_NEW_ARRAY(arena, bool, ranges.count + (size_t)1);
    for (uint32_t i = 0; i < ranges.count; i++) {
        int64_t size = range_size(&ranges.items[i]);
        whole[i] = part_count(size, total, min_partitions) == 1;
        if (whole[i]) small++, small_total += size;
    }
    int64_t parts_left = min_partitions - small > 1 ? min_partitions - small : 1;
    struct sl_kafka_ranges out = {NULL, 0};
    uint32_t cap = 0;
    for (uint32_t i = 0; i < ranges.count; i++) {
        int64_t size = range_size(&ranges.items[i]);
        int64_t parts = whole[i] ? 1 : part_count(size, total - small_total, parts_left);
        cut_range(arena, &out, &cap, &ranges.items[i], parts);
    }
    return out;
}

struct sl_kafka_ranges sl_kafka_plan_cut(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                         int64_t min_partitions, int64_t max_records) {
    if (max_records > 0 && ranges.count) ranges = cut_by_records(arena, ranges, max_records);
    if (min_partitions > (int64_t)ranges.count && ranges.count)
        ranges = cut_by_parts(arena, ranges, min_partitions);
    return ranges;
}

/* ---- dealing ---- */

static int larger_first(const void *left, const void *right) {
    const struct sl_kafka_range *a = left, *b = right;
    int64_t x = range_size(a), y = range_size(b);
    if (x != y) return x > y ? -1 : 1;
    int order = sl_str_cmp(a->topic, b->topic);
    if (order) return order;
    if (a->partition != b->partition) return a->partition < b->partition ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

struct sl_kafka_split *sl_kafka_plan_deal(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                          uint32_t tasks, uint32_t *count) {
    uint32_t splits = ranges.count < tasks ? ranges.count : tasks ? tasks : 1;
    if (!ranges.count) splits = 0;
    *count = splits;
    struct sl_kafka_split *out = sl_arena_zalloc(arena, (splits + (size_t)1) * sizeof *out);
    struct sl_kafka_range *sorted = SL_NEW_ARRAY(arena, struct sl_kafka_range, ranges.count + 1u);
    if (ranges.count) memcpy(sorted, ranges.items, ranges.count * sizeof *sorted);
    qsort(sorted, ranges.count, sizeof *sorted, larger_first);
    uint32_t *owner = SL_NEW_ARRAY(arena, uint32_t, ranges.count + 1u);
    for (uint32_t i = 0; i < ranges.count; i++) {
        uint32_t best = 0;
        for (uint32_t s = 1; s < splits; s++)
            if (out[s].offsets < out[best].offsets) best = s;
        owner[i] = best;
        out[best].offsets += range_size(&sorted[i]);
        out[best].ranges.count++;
    }
    for (uint32_t s = 0; s < splits; s++) {
        out[s].ranges.items = SL_NEW_ARRAY(arena, struct sl_kafka_range, out[s].ranges.count + 1u);
        out[s].ranges.count = 0;
    }
    for (uint32_t i = 0; i < ranges.count; i++) {
        struct sl_kafka_ranges *to = &out[owner[i]].ranges;
        to->items[to->count++] = sorted[i];
    }
    return out;
}
