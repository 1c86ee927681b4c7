/* Which files a stream has read: Spark's SeenFilesMap.  Paths are kept as 128-bit fingerprints with
 * the time the file was modified, 24 bytes each, so a million files cost 32 to 64 MB.  Files older
 * than the newest one by more than the age limit are forgotten, and never read again.
 * Owner: one thread. */
#ifndef SL_CONN_SEEN_FILES_H
#define SL_CONN_SEEN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct sl_seen_file {
    uint64_t high, low; /* both 0: free slot */
    int64_t timestamp_ms;
};
struct sl_seen_files {
    int64_t age_max_ms; /* INT64_MAX: nothing is forgotten */
    bool name_only;     /* files of the same name in different directories are the same */
    struct sl_seen_file *slots;
    size_t cap, count;
    int64_t newest_ms, purged_ms;
};

void sl_seen_files_release(struct sl_seen_files *seen);
bool sl_seen_files_is_new(const struct sl_seen_files *seen, struct sl_str path,
                          int64_t timestamp_ms);
void sl_seen_files_add(struct sl_seen_files *seen, struct sl_str path, int64_t timestamp_ms);
/* Forgets what is too old; Spark does it after each batch of files. */
void sl_seen_files_purge(struct sl_seen_files *seen);

#endif
