/* Does a rival's commit stop ours?  ConflictChecker.scala at Serializable, in its order.  What ours
 * has read is in its scope: nothing, the files it removes, or the table. */
#include <stdlib.h>

#include "lake/delta/commit.h"
#include "lake/delta/delta_error.h"

/* A set of paths, sorted. Deletion vectors are left out: who changes a file's vector rewrites the
 * file, as far as others are concerned. */
struct paths {
    struct sl_buf text;
    struct sl_str *items;
    size_t count;
};

static struct sl_str path_key(const struct sl_delta_file *file, struct sl_buf *out) {
    struct sl_delta_file bare = *file;
    bare.vector.storage = 0;
    size_t begin = out->len;
    sl_delta_file_put_key(out, &bare);
    return (struct sl_str){(const char *)out->ptr + begin, out->len - begin};
}

static int compare_paths(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

static void paths_init(struct paths *paths, const struct sl_delta_file *files, size_t count) {
    *paths = (struct paths){.items = sl_xcalloc(count + 1, sizeof *paths->items), .count = count};
    for (size_t i = 0; i < count; i++) paths->items[i].len = path_key(&files[i], &paths->text).len;
    const char *at = (const char *)paths->text.ptr;
    for (size_t i = 0; i < count; at += paths->items[i++].len) paths->items[i].ptr = at;
    qsort(paths->items, count, sizeof *paths->items, compare_paths);
}

static void paths_release(struct paths *paths) {
    sl_buf_release(&paths->text);
    free(paths->items);
}

static bool paths_has(const struct paths *paths, const struct sl_delta_file *file) {
    struct sl_buf text = {0};
    struct sl_str key = path_key(file, &text);
    bool has = bsearch(&key, paths->items, paths->count, sizeof key, compare_paths) != NULL;
    sl_buf_release(&text);
    return has;
}

static enum sl_code check_protocol(const struct sl_delta_commit *ours, int64_t version,
                                   struct sl_err *err) {
    if (!ours->protocol) return SL_OK;
    sl_delta_fail(err, SL_CONFLICT, "DELTA_PROTOCOL_CHANGED", "2D521",
                  "version %lld changed the table's protocol, and so does this commit",
                  (long long)version);
    sl_hint(err, "start again on the table as it is now");
    return SL_CONFLICT;
}

static enum sl_code fail_metadata(int64_t version, struct sl_err *err) {
    sl_delta_fail(err, SL_CONFLICT, "DELTA_METADATA_CHANGED", "2D521",
                  "version %lld changed the table's schema, partitioning or properties while this "
                  "commit was on its way",
                  (long long)version);
    sl_hint(err, "start again: the rows have to be written for the table as it is now");
    return SL_CONFLICT;
}

static enum sl_code check_txn(const struct sl_delta_commit *ours, const struct sl_delta_txn *theirs,
                              int64_t version, struct sl_err *err) {
    if (!ours->txn || !sl_str_eq(ours->txn->app_id, theirs->app_id)) return SL_OK;
    sl_delta_fail(
        err, SL_CONFLICT, "DELTA_CONCURRENT_TRANSACTION", "2D521",
        "version %lld holds batch %lld of query %.*s, of which this process commits batch "
        "%lld",
        (long long)version, (long long)theirs->version, SL_STR_ARG(theirs->app_id),
        (long long)ours->txn->version);
    sl_hint(err, "two processes run this query: stop one of them");
    return SL_CONFLICT;
}

static enum sl_code check_add(const struct sl_delta_commit *ours,
                              const struct sl_delta_file *theirs, int64_t version,
                              struct sl_err *err) {
    if (ours->scope != SL_DELTA_WHOLE_TABLE || !theirs->data_change) return SL_OK;
    sl_delta_fail(err, SL_CONFLICT, "DELTA_CONCURRENT_APPEND", "2D521",
                  "version %lld added `%.*s` to the table that this commit replaces",
                  (long long)version, SL_STR_ARG(theirs->path));
    sl_hint(err, "start again: what was added has to be read, or replaced, too");
    return SL_CONFLICT;
}

static enum sl_code check_remove(const struct sl_delta_commit *ours, const struct paths *removed,
                                 const struct sl_delta_file *theirs, int64_t version,
                                 struct sl_err *err) {
    bool same = paths_has(removed, theirs);
    if (ours->scope == SL_DELTA_WHOLE_TABLE || (ours->scope == SL_DELTA_FILES && same)) {
        sl_delta_fail(err, SL_CONFLICT, "DELTA_CONCURRENT_DELETE_READ", "2D521",
                      "version %lld removed `%.*s`, which this commit has read", (long long)version,
                      SL_STR_ARG(theirs->path));
    } else if (same) {
        sl_delta_fail(err, SL_CONFLICT, "DELTA_CONCURRENT_DELETE_DELETE", "2D521",
                      "version %lld removed `%.*s`, which this commit removes", (long long)version,
                      SL_STR_ARG(theirs->path));
    } else {
        return SL_OK;
    }
    sl_hint(err, "start again on the table as it is now");
    return SL_CONFLICT;
}

static enum sl_code check_action(const struct sl_delta_commit *ours, const struct paths *removed,
                                 const struct sl_delta_action *theirs, int pass, int64_t version,
                                 struct sl_err *err) {
    switch (theirs->kind) {
    case SL_DELTA_PROTOCOL:
        return pass == 0 ? check_protocol(ours, version, err) : SL_OK;
    case SL_DELTA_METADATA:
        return pass == 1 ? fail_metadata(version, err) : SL_OK;
    case SL_DELTA_TXN:
        return pass == 2 ? check_txn(ours, &theirs->txn, version, err) : SL_OK;
    case SL_DELTA_ADD:
        return pass == 3 ? check_add(ours, &theirs->file, version, err) : SL_OK;
    case SL_DELTA_REMOVE:
        return pass == 4 ? check_remove(ours, removed, &theirs->file, version, err) : SL_OK;
    default:
        return SL_OK;
    }
}

enum sl_code sl_delta_conflict(const struct sl_delta_commit *ours,
                               const struct sl_delta_action *theirs, size_t count, int64_t version,
                               struct sl_err *err) {
    enum { PASSES = 5 }; /* one per kind: the gravest reason is told, whatever their order */
    enum sl_code code = SL_OK;
    struct paths removed;
    paths_init(&removed, ours->removes, ours->remove_count);
    for (int pass = 0; pass < PASSES && code == SL_OK; pass++)
        for (size_t i = 0; i < count && code == SL_OK; i++)
            code = check_action(ours, &removed, &theirs[i], pass, version, err);
    paths_release(&removed);
    return code;
}
