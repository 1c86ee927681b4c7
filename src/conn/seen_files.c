#include "conn/seen_files.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"

enum { FIRST_CAP = 64 };

void sl_seen_files_release(struct sl_seen_files *seen) {
    free(seen->slots);
    seen->slots = NULL;
    seen->cap = seen->count = 0;
}

static struct sl_seen_file fingerprint(const struct sl_seen_files *seen, struct sl_str path,
                                       int64_t timestamp_ms) {
    for (size_t i = path.len; seen->name_only && i > 0; i--)
        if (path.ptr[i - 1] == '/') {
            path = sl_str_sub(path, i, path.len);
            break;
        }
    uint64_t high = sl_xxh64(path.ptr, path.len, 0), low = sl_xxh64(path.ptr, path.len, 1);
    return (struct sl_seen_file){high, high || low ? low : 1, timestamp_ms};
}

/* The file's slot, or the free one where it belongs; cap is a power of two and never full. */
static struct sl_seen_file *find(const struct sl_seen_files *seen, struct sl_seen_file file) {
    for (size_t at = file.low & (seen->cap - 1);; at = (at + 1) & (seen->cap - 1)) {
        struct sl_seen_file *slot = &seen->slots[at];
        if ((!slot->high && !slot->low) || (slot->high == file.high && slot->low == file.low))
            return slot;
    }
}

/* Into a table of `cap` slots, without what is older than `oldest_ms`. */
static void rebuild(struct sl_seen_files *seen, size_t cap, int64_t oldest_ms) {
    struct sl_seen_files old = *seen;
    seen->slots = sl_xcalloc(cap, sizeof *seen->slots);
    seen->cap = cap;
    seen->count = 0;
    for (size_t i = 0; i < old.cap; i++) {
        struct sl_seen_file file = old.slots[i];
        if ((!file.high && !file.low) || file.timestamp_ms < oldest_ms) continue;
        *find(seen, file) = file;
        seen->count++;
    }
    free(old.slots);
}

bool sl_seen_files_is_new(const struct sl_seen_files *seen, struct sl_str path,
                          int64_t timestamp_ms) {
    if (timestamp_ms < seen->purged_ms) return false;
    if (!seen->cap) return true;
    const struct sl_seen_file *slot = find(seen, fingerprint(seen, path, timestamp_ms));
    return !slot->high && !slot->low;
}

void sl_seen_files_add(struct sl_seen_files *seen, struct sl_str path, int64_t timestamp_ms) {
    struct sl_seen_file file = fingerprint(seen, path, timestamp_ms);
    if (2 * (seen->count + 1) > seen->cap)
        rebuild(seen, seen->cap ? seen->cap * 2 : FIRST_CAP, INT64_MIN);
    struct sl_seen_file *slot = find(seen, file);
    seen->count += !slot->high && !slot->low;
    *slot = file;
    if (timestamp_ms > seen->newest_ms) seen->newest_ms = timestamp_ms;
}

void sl_seen_files_purge(struct sl_seen_files *seen) {
    if (seen->age_max_ms == INT64_MAX) return;
    seen->purged_ms = seen->newest_ms - seen->age_max_ms;
    for (size_t i = 0; i < seen->cap; i++) {
        const struct sl_seen_file *file = &seen->slots[i];
        if ((file->high || file->low) && file->timestamp_ms < seen->purged_ms) {
            rebuild(seen, seen->cap, seen->purged_ms);
            return;
        }
    }
}
