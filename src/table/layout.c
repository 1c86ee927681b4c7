#include "table/layout.h"

#include <stdlib.h>

#include "base/hash.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
const uint64_t sl_layout_bounds[SL_LAYOUT_BUCKETS - 1] = {64 * KIB,  MIB,       8 * MIB,   32 * MIB,
                                                          128 * MIB, 512 * MIB, 1024 * MIB};
const char *const sl_layout_names[SL_LAYOUT_BUCKETS] = {
    "below 64 KiB",      "64 KiB .. 1 MiB",    "1 MiB .. 8 MiB",   "8 MiB .. 32 MiB",
    "32 MiB .. 128 MiB", "128 MiB .. 512 MiB", "512 MiB .. 1 GiB", "1 GiB and more"};

/* From where on a layout costs its readers more than it is worth to say nothing. */
enum {
    SMALL_FILES_MIN = 20,   /* in the table .. */
    SMALL_FILES_A_PART = 4, /* .. and on the average of a partition */
    PARTITIONS_MIN = 100,   /* fewer are never too many .. */
    SKEW_FILES_MIN = 10,
    DELETED_SHARE = 10, /* one row of so many */
};
#define PARTITION_BYTES_MIN (8 * MIB) /* .. nor those that hold this much on the average */
#define SKEW_BYTES_MIN (1024 * MIB)

void sl_layout_init(struct sl_layout *layout, uint64_t small_bytes) {
    *layout = (struct sl_layout){.small_bytes = small_bytes, .rows_known = true};
    sl_arena_init(&layout->arena, "layout");
}

void sl_layout_release(struct sl_layout *layout) {
    sl_arena_release(&layout->arena);
    free(layout->parts);
    free(layout->slots);
}

static void grow(struct sl_layout *layout) {
    layout->part_cap = layout->part_cap ? layout->part_cap * 2 : 64;
    layout->parts = sl_xrealloc(layout->parts, layout->part_cap * sizeof *layout->parts);
    free(layout->slots);
    layout->slot_count = layout->part_cap * 2;
    layout->slots = sl_xcalloc(layout->slot_count, sizeof *layout->slots);
    for (size_t i = 0; i < layout->part_count; i++) {
        size_t at = layout->parts[i].hash & (layout->slot_count - 1);
        while (layout->slots[at]) at = (at + 1) & (layout->slot_count - 1);
        layout->slots[at] = (uint32_t)i + 1;
    }
}

static struct sl_layout_part *find_part(struct sl_layout *layout, struct sl_str name) {
    uint64_t hash = sl_xxh64(name.ptr, name.len, 0);
    if (layout->part_count == layout->part_cap) grow(layout);
    size_t at = hash & (layout->slot_count - 1);
    for (; layout->slots[at]; at = (at + 1) & (layout->slot_count - 1)) {
        struct sl_layout_part *part = &layout->parts[layout->slots[at] - 1];
        if (part->hash == hash && sl_str_eq(part->name, name)) return part;
    }
    struct sl_layout_part *part = &layout->parts[layout->part_count++];
    *part = (struct sl_layout_part){.name = sl_arena_str(&layout->arena, name), .hash = hash};
    layout->slots[at] = (uint32_t)layout->part_count;
    return part;
}

void sl_layout_add(struct sl_layout *layout, struct sl_str partition, int64_t bytes, int64_t rows,
                   int64_t deleted_rows) {
    uint64_t size = bytes > 0 ? (uint64_t)bytes : 0;
    bool is_small = size < layout->small_bytes;
    size_t bucket = 0;
    while (bucket < SL_LAYOUT_BUCKETS - 1 && size >= sl_layout_bounds[bucket]) bucket++;
    layout->files++;
    layout->bytes += size;
    layout->counts[bucket]++;
    layout->sizes[bucket] += size;
    layout->small_files += is_small;
    layout->small_bytes_sum += is_small ? size : 0;
    layout->deleted_rows += (uint64_t)deleted_rows;
    if (rows < 0)
        layout->rows_known = false;
    else
        layout->rows += (uint64_t)rows;
    struct sl_layout_part *part = find_part(layout, partition);
    part->files++;
    part->bytes += size;
    part->small_files += is_small;
}

void sl_layout_put_bytes(struct sl_buf *out, uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) value /= 1024, unit++;
    sl_buf_printf(out, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* ---- judging ---- */

/* Files that a compaction would take: small ones with a neighbour in their partition. */
static uint64_t mergeable(const struct sl_layout *layout) {
    uint64_t files = 0;
    for (size_t i = 0; i < layout->part_count; i++)
        if (layout->parts[i].small_files > 1) files += layout->parts[i].small_files;
    return files;
}

static bool judge_small(const struct sl_layout *layout, struct sl_str table, struct sl_buf *what,
                        struct sl_buf *help) {
    uint64_t files = mergeable(layout);
    if (files < SMALL_FILES_MIN || files < SMALL_FILES_A_PART * layout->part_count) return false;
    sl_buf_printf(what, "%llu of %llu files are small, ", (unsigned long long)files,
                  (unsigned long long)layout->files);
    sl_layout_put_bytes(what, layout->small_bytes_sum / layout->small_files);
    sl_buf_put_cstr(what, " on the average; every query opens each of them");
    sl_buf_printf(help, "sluice table compact %.*s", SL_STR_ARG(table));
    return true;
}

static bool judge_partitions(const struct sl_layout *layout, struct sl_buf *what,
                             struct sl_buf *help) {
    if (layout->part_count < PARTITIONS_MIN ||
        layout->bytes / layout->part_count >= PARTITION_BYTES_MIN)
        return false;
    sl_buf_printf(what, "%zu partitions hold ", layout->part_count);
    sl_layout_put_bytes(what, layout->bytes / layout->part_count);
    sl_buf_put_cstr(what, " each on the average: no compaction can make their files larger");
    sl_buf_put_cstr(help, "partition by something coarser, such as a date instead of an hour or an "
                          "id, or not at all: statistics find the rows too");
    return true;
}

static bool judge_skew(const struct sl_layout *layout, struct sl_buf *what, struct sl_buf *help) {
    const struct sl_layout_part *largest = NULL;
    for (size_t i = 0; i < layout->part_count; i++)
        if (!largest || layout->parts[i].bytes > largest->bytes) largest = &layout->parts[i];
    if (layout->part_count < 4 || layout->files < SKEW_FILES_MIN ||
        largest->bytes < SKEW_BYTES_MIN || largest->bytes < layout->bytes / 2)
        return false;
    sl_buf_printf(what, "partition %.*s holds ", SL_STR_ARG(largest->name));
    sl_layout_put_bytes(what, largest->bytes);
    sl_buf_put_cstr(what, " of ");
    sl_layout_put_bytes(what, layout->bytes);
    sl_buf_put_cstr(help, "if its values are nulls or a default, clean them where they are made; "
                          "else add a partition column that divides it");
    return true;
}

static bool judge_deleted(const struct sl_layout *layout, struct sl_str table, struct sl_buf *what,
                          struct sl_buf *help) {
    uint64_t stored = layout->rows + layout->deleted_rows;
    if (!layout->rows_known || layout->deleted_rows == 0 ||
        layout->deleted_rows < stored / DELETED_SHARE)
        return false;
    sl_buf_printf(what, "%llu of %llu stored rows are deleted, and every query reads them",
                  (unsigned long long)layout->deleted_rows, (unsigned long long)stored);
    sl_buf_printf(help, "sluice table compact %.*s", SL_STR_ARG(table));
    return true;
}

bool sl_layout_judge(const struct sl_layout *layout, enum sl_layout_trouble trouble,
                     struct sl_str table, struct sl_buf *what, struct sl_buf *help) {
    switch (trouble) {
    case SL_LAYOUT_SMALL_FILES:
        return judge_small(layout, table, what, help);
    case SL_LAYOUT_PARTITIONS:
        return judge_partitions(layout, what, help);
    case SL_LAYOUT_SKEW:
        return judge_skew(layout, what, help);
    case SL_LAYOUT_DELETED:
        return judge_deleted(layout, table, what, help);
    default:
        return false;
    }
}
