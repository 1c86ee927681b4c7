/* The portable Roaring format: see roaring.h.
 *
 *   u64le buckets, each: u32le key (bits 32..63), then a 32-bit bitmap:
 *     u32le cookie   12346: u32le containers           12347 | (containers - 1) << 16: run flags
 *     containers x (u16le key, u16le cardinality - 1)
 *     containers x u32le offset    (not with run flags and fewer than 4 containers)
 *     payloads
 *
 * The offsets tell nothing new and are passed over: payloads follow each other in order. */
#include "lake/delta/roaring.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/bits.h"

enum {
    COOKIE_PLAIN = 12346,
    COOKIE_RUNS = 12347,
    OFFSETS_FROM = 4,
    ARRAY_MAX = 4096,
    BITMAP_BYTES = 8192,
    CONTAINER_VALUES = 65536,
};

struct cursor {
    const uint8_t *begin, *at, *end;
    struct sl_err *err;
};

static uint32_t u16_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t u32_at(const uint8_t *bytes) { return u16_at(bytes) | u16_at(bytes + 2) << 16; }

static uint64_t u64_at(const uint8_t *bytes) {
    return (uint64_t)u32_at(bytes) | (uint64_t)u32_at(bytes + 4) << 32;
}

static enum sl_code fail(const struct cursor *cursor, const char *what) {
    return sl_fail(cursor->err, SL_DATA, "broken Roaring bitmap at byte %zu: %s",
                   (size_t)(cursor->at - cursor->begin), what);
}

/* The next `len` bytes, or NULL behind the end. */
static const uint8_t *take(struct cursor *cursor, size_t len) {
    if ((size_t)(cursor->end - cursor->at) < len) return NULL;
    const uint8_t *bytes = cursor->at;
    cursor->at += len;
    return bytes;
}

static struct sl_roaring_container *add_container(struct sl_roaring *out) {
    if (out->count == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 16;
        out->containers = sl_xrealloc(out->containers, out->cap * sizeof *out->containers);
    }
    return &out->containers[out->count++];
}

static const char *check_array(const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 1; i < count; i++)
        if (u16_at(bytes + (size_t)2 * i) <= u16_at(bytes + (size_t)2 * (i - 1)))
            return "an array container is not in ascending order";
    return NULL;
}

static const char *check_bitmap(const uint8_t *bytes, uint32_t cardinality) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < BITMAP_BYTES; i += 8)
        found += (uint32_t)__builtin_popcountll(u64_at(bytes + i));
    return found == cardinality ? NULL : "a bitmap container has another cardinality than it says";
}

static const char *check_runs(const uint8_t *bytes, uint32_t count, uint32_t cardinality) {
    uint32_t next = 0, found = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t start = u16_at(bytes + (size_t)4 * i), more = u16_at(bytes + (size_t)4 * i + 2);
        if (start < next || start + more >= CONTAINER_VALUES)
            return "the runs of a container are not in ascending order, or leave it";
        next = start + more + 1;
        found += more + 1;
    }
    return found == cardinality ? NULL : "a run container has another cardinality than it says";
}

static enum sl_code parse_container(struct cursor *cursor, struct sl_roaring_container *container,
                                    uint32_t cardinality) {
    const char *wrong = NULL;
    size_t bytes = BITMAP_BYTES;
    if (container->kind == SL_ROARING_RUNS) {
        const uint8_t *count = take(cursor, 2);
        if (!count) return fail(cursor, "it ends inside a run container");
        container->count = u16_at(count);
        bytes = (size_t)4 * container->count;
    } else if (container->kind == SL_ROARING_ARRAY) {
        bytes = (size_t)2 * cardinality;
    }
    container->bytes = take(cursor, bytes);
    if (!container->bytes) return fail(cursor, "it ends inside a container");
    switch (container->kind) {
    case SL_ROARING_ARRAY:
        wrong = check_array(container->bytes, cardinality);
        break;
    case SL_ROARING_BITMAP:
        wrong = check_bitmap(container->bytes, cardinality);
        break;
    case SL_ROARING_RUNS:
        wrong = check_runs(container->bytes, container->count, cardinality);
        break;
    }
    return wrong ? fail(cursor, wrong) : SL_OK;
}

static enum sl_code parse_containers(struct cursor *cursor, struct sl_roaring *out, uint32_t key,
                                     const uint8_t *header, const uint8_t *flags, uint32_t count) {
    for (uint32_t i = 0; i < count; i++, header += 4) {
        struct sl_roaring_container container = {0};
        uint32_t cardinality = u16_at(header + 2) + 1;
        if (i > 0 && u16_at(header) <= u16_at(header - 4))
            return fail(cursor, "containers are not in ascending order");
        container.high = (uint64_t)key << 16 | u16_at(header);
        container.count = cardinality;
        container.kind = flags && flags[i / 8] >> (i % 8) & 1 ? SL_ROARING_RUNS
                         : cardinality <= ARRAY_MAX           ? SL_ROARING_ARRAY
                                                              : SL_ROARING_BITMAP;
        SL_TRY(parse_container(cursor, &container, cardinality));
        *add_container(out) = container;
        out->cardinality += cardinality;
    }
    return SL_OK;
}

static enum sl_code parse_bucket(struct cursor *cursor, struct sl_roaring *out, uint32_t key) {
    const uint8_t *cookie_bytes = take(cursor, 4), *flags = NULL;
    if (!cookie_bytes) return fail(cursor, "it ends before a cookie");
    uint32_t cookie = u32_at(cookie_bytes), count;
    if ((cookie & 0xFFFF) == COOKIE_RUNS) {
        count = (cookie >> 16) + 1;
        flags = take(cursor, (count + 7) / 8);
        if (!flags) return fail(cursor, "it ends inside the run flags");
    } else if (cookie == COOKIE_PLAIN) {
        const uint8_t *count_bytes = take(cursor, 4);
        if (!count_bytes) return fail(cursor, "it ends before the number of containers");
        count = u32_at(count_bytes);
        if (count > CONTAINER_VALUES) return fail(cursor, "more than 65536 containers");
    } else {
        return fail(cursor, "unknown cookie");
    }
    const uint8_t *header = take(cursor, (size_t)4 * count);
    if (!header) return fail(cursor, "it ends inside the container header");
    bool has_offsets = !flags || count >= OFFSETS_FROM;
    if (has_offsets && !take(cursor, (size_t)4 * count))
        return fail(cursor, "it ends inside the container offsets");
    return parse_containers(cursor, out, key, header, flags, count);
}

enum sl_code sl_roaring_parse(struct sl_roaring *out, struct sl_str bytes, struct sl_err *err) {
    const uint8_t *begin = (const uint8_t *)bytes.ptr;
    struct cursor cursor = {begin, begin, begin + bytes.len, err};
    const uint8_t *count_bytes = take(&cursor, 8);
    if (!count_bytes) return fail(&cursor, "it ends before the number of buckets");
    uint64_t buckets = u64_at(count_bytes), previous = 0;
    for (uint64_t i = 0; i < buckets; i++) {
        const uint8_t *key_bytes = take(&cursor, 4);
        if (!key_bytes) return fail(&cursor, "it ends before the key of a bucket");
        uint32_t key = u32_at(key_bytes);
        if (i > 0 && key <= previous) return fail(&cursor, "buckets are not in ascending order");
        previous = key;
        SL_TRY(parse_bucket(&cursor, out, key));
    }
    return cursor.at == cursor.end ? SL_OK : fail(&cursor, "bytes follow the last container");
}

void sl_roaring_release(struct sl_roaring *roaring) {
    free(roaring->containers);
    *roaring = (struct sl_roaring){0};
}

/* The first container that is not below `high`. */
static size_t find_container(const struct sl_roaring *roaring, uint64_t high) {
    size_t low = 0, end = roaring->count;
    while (low < end) {
        size_t middle = low + (end - low) / 2;
        if (roaring->containers[middle].high < high)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

/* The first item (stride bytes, u16 first) whose u16 is above `value`; count when there is none. */
static uint32_t above(const uint8_t *items, uint32_t stride, uint32_t count, uint32_t value) {
    uint32_t low = 0, end = count;
    while (low < end) {
        uint32_t middle = low + (end - low) / 2;
        if (u16_at(items + (size_t)stride * middle) <= value)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

bool sl_roaring_has(const struct sl_roaring *roaring, uint64_t value) {
    size_t index = find_container(roaring, value >> 16);
    uint32_t low = value & 0xFFFF;
    if (index == roaring->count || roaring->containers[index].high != value >> 16) return false;
    const struct sl_roaring_container *container = &roaring->containers[index];
    if (container->kind == SL_ROARING_BITMAP) return container->bytes[low / 8] >> (low % 8) & 1;
    uint32_t stride = container->kind == SL_ROARING_RUNS ? 4 : 2;
    uint32_t next = above(container->bytes, stride, container->count, low);
    if (next == 0) return false;
    const uint8_t *item = container->bytes + (size_t)stride * (next - 1);
    uint32_t more = container->kind == SL_ROARING_RUNS ? u16_at(item + 2) : 0;
    return low - u16_at(item) <= more;
}

/* Clears the bits [begin, end) of keep. */
static void clear_range(uint64_t *keep, uint32_t begin, uint32_t end) {
    while (begin < end) {
        uint32_t bit = begin % 64, count = 64 - bit < end - begin ? 64 - bit : end - begin;
        uint64_t mask = count == 64 ? ~UINT64_C(0) : ((UINT64_C(1) << count) - 1) << bit;
        keep[begin / 64] &= ~mask;
        begin += count;
    }
}

/* Values low..high of one container; position of value v in keep: v - low + at. */
static void clear_container(const struct sl_roaring_container *container, uint32_t low,
                            uint32_t high, uint64_t *keep, uint32_t at) {
    if (container->kind == SL_ROARING_BITMAP) {
        for (uint32_t value = low; value <= high; value++) {
            if (value % 8 == 0 && container->bytes[value / 8] == 0) {
                value += 7;
                continue;
            }
            if (container->bytes[value / 8] >> (value % 8) & 1)
                sl_bit_clear(keep, value - low + at);
        }
        return;
    }
    uint32_t stride = container->kind == SL_ROARING_RUNS ? 4 : 2;
    uint32_t i = above(container->bytes, stride, container->count, low);
    if (i > 0) i--; /* the run or value at or before low */
    for (; i < container->count; i++) {
        const uint8_t *item = container->bytes + (size_t)stride * i;
        uint32_t begin = u16_at(item), end = begin + (stride == 4 ? u16_at(item + 2) : 0);
        if (begin > high) return;
        if (end < low) continue;
        if (begin < low) begin = low;
        if (end > high) end = high;
        clear_range(keep, begin - low + at, end - low + at + 1);
    }
}

void sl_roaring_clear(const struct sl_roaring *roaring, uint64_t first, uint32_t count,
                      uint64_t *keep) {
    if (count == 0) return;
    uint64_t last = first + count - 1;
    for (size_t i = find_container(roaring, first >> 16); i < roaring->count; i++) {
        const struct sl_roaring_container *container = &roaring->containers[i];
        uint64_t base = container->high << 16;
        if (base > last) return;
        uint32_t low = base >= first ? 0 : (uint32_t)(first - base);
        uint32_t high = last - base < 0xFFFF ? (uint32_t)(last - base) : 0xFFFF;
        clear_container(container, low, high, keep, (uint32_t)(base + low - first));
    }
}
