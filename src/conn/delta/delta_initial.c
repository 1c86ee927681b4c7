#include "conn/delta/delta_initial.h"

#include <stdlib.h>

#include "lake/delta/delta_error.h"

/* path and line are in the text, one behind the other. */
struct entry {
    int64_t modified_ms;
    size_t at;
    uint32_t path_len, line_len;
};

struct sl_delta_initial {
    int64_t version;
    struct entry *entries;
    uint64_t count, cap;
    struct sl_buf text;
    struct sl_budget *budget;
    size_t taken; /* of the budget */
};

static size_t memory_of(const struct sl_delta_initial *initial) {
    return initial->text.len + initial->cap * sizeof *initial->entries;
}

static enum sl_code take_memory(struct sl_delta_initial *initial, struct sl_err *err) {
    enum { STEP = 1 << 20 };
    size_t needed = memory_of(initial);
    if (!initial->budget || needed <= initial->taken) return SL_OK;
    size_t more = needed - initial->taken + STEP;
    SL_TRY(sl_budget_take(initial->budget, more, "the list of the Delta table's files", err));
    initial->taken += more;
    return SL_OK;
}

/* The action as a line: an add without what reading a stream does not need. */
static enum sl_code keep_file(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct sl_delta_initial *initial = ctx;
    struct sl_delta_action action = {.kind = SL_DELTA_ADD, .file = *file};
    action.file.stats = action.file.clustering_provider = (struct sl_str){0};
    action.file.tags = (struct sl_delta_map){0};
    if (initial->count == initial->cap) {
        initial->cap = initial->cap ? initial->cap * 2 : 256;
        initial->entries = sl_xrealloc(initial->entries, initial->cap * sizeof *initial->entries);
    }
    struct entry *entry = &initial->entries[initial->count++];
    *entry = (struct entry){.modified_ms = file->modified_ms,
                            .at = initial->text.len,
                            .path_len = (uint32_t)file->path.len};
    sl_buf_put_str(&initial->text, file->path);
    sl_delta_action_put(&initial->text, &action);
    entry->line_len = (uint32_t)(initial->text.len - entry->at - entry->path_len);
    return take_memory(initial, err);
}

static int compare_entries(const void *a, const void *b, void *text) {
    const struct entry *left = a, *right = b;
    if (left->modified_ms != right->modified_ms)
        return left->modified_ms < right->modified_ms ? -1 : 1;
    struct sl_str x = {(const char *)text + left->at, left->path_len},
                  y = {(const char *)text + right->at, right->path_len};
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = memcmp(x.ptr, y.ptr, shorter);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static enum sl_code not_there(const char *table_dir, int64_t version, struct sl_err *err) {
    sl_delta_fail(err, SL_DATA, "DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", "42K03",
                  "version %lld of the Delta table `%s`, which the stream began with, cannot be "
                  "read any more: its log files are gone",
                  (long long)version, table_dir);
    sl_hint(err, "if nobody deleted them, the query lags behind the table's retention; delete "
                 "its checkpoint to begin anew, and raise delta.logRetentionDuration");
    return SL_DATA;
}

static enum sl_code list_files(struct sl_delta_initial *initial, const char *table_dir,
                               struct sl_err *err) {
    struct sl_delta_snapshot *snapshot = NULL;
    struct sl_delta_walk walk = {.live = keep_file, .ctx = initial};
    enum sl_code code =
        sl_delta_snapshot_open(table_dir, initial->version, initial->budget, &snapshot, err);
    if (code == SL_USER || (code == SL_OK && !snapshot))
        return not_there(table_dir, initial->version, err);
    if (code == SL_OK) code = sl_delta_snapshot_walk(snapshot, &walk, err);
    if (code == SL_OK && initial->count)
        qsort_r(initial->entries, initial->count, sizeof *initial->entries, compare_entries,
                initial->text.ptr);
    if (snapshot) sl_delta_snapshot_close(snapshot);
    return code;
}

enum sl_code sl_delta_initial_open(const char *table_dir, int64_t version, struct sl_budget *budget,
                                   struct sl_delta_initial **out, struct sl_err *err) {
    struct sl_delta_initial *initial = sl_xcalloc(1, sizeof *initial);
    initial->version = version;
    initial->budget = budget;
    enum sl_code code = list_files(initial, table_dir, err);
    if (code != SL_OK)
        sl_delta_initial_close(initial);
    else
        *out = initial;
    return code;
}

void sl_delta_initial_close(struct sl_delta_initial *initial) {
    if (!initial) return;
    if (initial->budget) sl_budget_give(initial->budget, initial->taken);
    free(initial->entries);
    sl_buf_release(&initial->text);
    free(initial);
}

int64_t sl_delta_initial_version(const struct sl_delta_initial *initial) {
    return initial->version;
}

uint64_t sl_delta_initial_count(const struct sl_delta_initial *initial) { return initial->count; }

enum sl_code sl_delta_initial_file(const struct sl_delta_initial *initial, uint64_t index,
                                   struct sl_arena *arena, struct sl_delta_file *out,
                                   struct sl_err *err) {
    const struct entry *entry = &initial->entries[index];
    struct sl_str line = {(const char *)initial->text.ptr + entry->at + entry->path_len,
                          entry->line_len};
    struct sl_delta_action action;
    SL_TRY(sl_delta_action_parse(arena, line, &action, err));
    *out = action.file;
    return SL_OK;
}
