#include "state/state_dir.h"

#include <errno.h>
#include <stdlib.h>

#include "base/io.h"

struct sl_str sl_state_changes_name(struct sl_arena *arena, int64_t version) {
    return sl_arena_printf(arena, "%lld.changes", (long long)version);
}
struct sl_str sl_state_snapshot_name(struct sl_arena *arena, int64_t version, uint32_t shard) {
    return sl_arena_printf(arena, "%lld.%u.snapshot", (long long)version, shard);
}

/* ---- sorted lists of versions ---- */

static void insert(int64_t **items, size_t *count, size_t *cap, int64_t version) {
    size_t at = *count;
    while (at > 0 && (*items)[at - 1] >= version) at--;
    if (at < *count && (*items)[at] == version) return;
    if (*count == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        *items = sl_xrealloc(*items, *cap * sizeof **items);
    }
    memmove(&(*items)[at + 1], &(*items)[at], (*count - at) * sizeof **items);
    (*items)[at] = version;
    ++*count;
}

void sl_state_dir_add_changes(struct sl_state_dir *dir, int64_t version) {
    insert(&dir->changes, &dir->change_count, &dir->change_cap, version);
}

void sl_state_dir_add_snapshot(struct sl_state_dir *dir, uint32_t shard, int64_t version) {
    insert(&dir->snapshots[shard], &dir->snapshot_counts[shard], &dir->snapshot_caps[shard],
           version);
}

int64_t sl_state_dir_snapshot(const struct sl_state_dir *dir, uint32_t shard, int64_t version) {
    for (size_t i = dir->snapshot_counts[shard]; i-- > 0;)
        if (dir->snapshots[shard][i] <= version) return dir->snapshots[shard][i];
    return 0;
}

bool sl_state_dir_has_changes(const struct sl_state_dir *dir, int64_t version) {
    for (size_t i = dir->change_count; i-- > 0;)
        if (dir->changes[i] <= version) return dir->changes[i] == version;
    return false;
}

/* ---- reading ---- */

/* Digits, not more than fit; *text moves behind them. */
static bool take_number(struct sl_str *text, int64_t *out) {
    size_t len = 0;
    while (len < text->len && text->ptr[len] >= '0' && text->ptr[len] <= '9') len++;
    if (len == 0 || len > 18 || !sl_str_to_i64(sl_str_sub(*text, 0, len), out)) return false;
    *text = sl_str_sub(*text, len, text->len);
    return true;
}

static void note_file(struct sl_state_dir *dir, struct sl_str name) {
    int64_t version, shard;
    if (!take_number(&name, &version)) return;
    if (sl_str_eq(name, SL_STR(".changes"))) sl_state_dir_add_changes(dir, version);
    if (!sl_str_starts(name, SL_STR("."))) return;
    name = sl_str_sub(name, 1, name.len);
    if (!take_number(&name, &shard) || shard >= dir->shards) return;
    if (sl_str_eq(name, SL_STR(".snapshot")))
        sl_state_dir_add_snapshot(dir, (uint32_t)shard, version);
}

enum sl_code sl_state_dir_read(struct sl_state_dir *dir, const char *path, uint32_t shards,
                               struct sl_err *err) {
    *dir = (struct sl_state_dir){.shards = shards};
    dir->snapshots = sl_xcalloc(shards, sizeof *dir->snapshots);
    dir->snapshot_counts = sl_xcalloc(shards, sizeof *dir->snapshot_counts);
    dir->snapshot_caps = sl_xcalloc(shards, sizeof *dir->snapshot_caps);
    struct sl_arena arena;
    struct sl_err why = {0};
    char **names;
    size_t count = 0;
    sl_arena_init(&arena, "state directory");
    enum sl_code code = sl_io_list_dir(path, &arena, &names, &count, &why);
    if (code == SL_IO && why.sys == ENOENT) code = SL_OK, count = 0;
    for (size_t i = 0; i < count && code == SL_OK; i++) note_file(dir, sl_str(names[i]));
    if (code != SL_OK && err) *err = why;
    sl_arena_release(&arena);
    return code;
}

void sl_state_dir_release(struct sl_state_dir *dir) {
    for (uint32_t s = 0; s < dir->shards; s++) free(dir->snapshots[s]);
    free(dir->snapshots);
    free(dir->snapshot_counts);
    free(dir->snapshot_caps);
    free(dir->changes);
    *dir = (struct sl_state_dir){0};
}

/* ---- removing ---- */

struct removal {
    struct sl_state_dir *dir;
    const char *path;
    struct sl_arena arena;
};

static enum sl_code remove_changes(struct removal *removal, size_t at, struct sl_err *err) {
    struct sl_state_dir *dir = removal->dir;
    struct sl_str name = sl_state_changes_name(&removal->arena, dir->changes[at]);
    SL_TRY(sl_io_unlink(sl_path_join(&removal->arena, removal->path, name.ptr), err));
    dir->change_count--;
    memmove(&dir->changes[at], &dir->changes[at + 1],
            (dir->change_count - at) * sizeof *dir->changes);
    return SL_OK;
}

static enum sl_code remove_snapshot(struct removal *removal, uint32_t shard, size_t at,
                                    struct sl_err *err) {
    struct sl_state_dir *dir = removal->dir;
    int64_t *items = dir->snapshots[shard];
    struct sl_str name = sl_state_snapshot_name(&removal->arena, items[at], shard);
    SL_TRY(sl_io_unlink(sl_path_join(&removal->arena, removal->path, name.ptr), err));
    size_t left = --dir->snapshot_counts[shard] - at;
    memmove(&items[at], &items[at + 1], left * sizeof *items);
    return SL_OK;
}

/* Changes first: a version is there when its changes are. */
static enum sl_code drop_from(struct removal *removal, int64_t from, struct sl_err *err) {
    struct sl_state_dir *dir = removal->dir;
    while (dir->change_count && dir->changes[dir->change_count - 1] >= from)
        SL_TRY(remove_changes(removal, dir->change_count - 1, err));
    for (uint32_t s = 0; s < dir->shards; s++)
        while (dir->snapshot_counts[s] && dir->snapshots[s][dir->snapshot_counts[s] - 1] >= from)
            SL_TRY(remove_snapshot(removal, s, dir->snapshot_counts[s] - 1, err));
    return SL_OK;
}

static enum sl_code drop_before(struct removal *removal, int64_t keep, struct sl_err *err) {
    struct sl_state_dir *dir = removal->dir;
    int64_t oldest = keep;
    for (uint32_t s = 0; s < dir->shards; s++) {
        int64_t base = sl_state_dir_snapshot(dir, s, keep);
        if (base < oldest) oldest = base;
    }
    /* a version is there when its changes are: those of `keep` stay, whatever snapshots say */
    while (dir->change_count && dir->changes[0] <= oldest && dir->changes[0] < keep)
        SL_TRY(remove_changes(removal, 0, err));
    for (uint32_t s = 0; s < dir->shards; s++) {
        int64_t base = sl_state_dir_snapshot(dir, s, keep);
        while (dir->snapshot_counts[s] && dir->snapshots[s][0] < base)
            SL_TRY(remove_snapshot(removal, s, 0, err));
    }
    return SL_OK;
}

static enum sl_code drop(struct sl_state_dir *dir, const char *path, int64_t version,
                         enum sl_code (*fn)(struct removal *removal, int64_t version,
                                            struct sl_err *err),
                         struct sl_err *err) {
    struct removal removal = {.dir = dir, .path = path};
    sl_arena_init(&removal.arena, "old state");
    enum sl_code code = fn(&removal, version, err);
    sl_arena_release(&removal.arena);
    return code;
}

enum sl_code sl_state_dir_drop_from(struct sl_state_dir *dir, const char *path, int64_t from,
                                    struct sl_err *err) {
    return drop(dir, path, from, drop_from, err);
}

enum sl_code sl_state_dir_drop_before(struct sl_state_dir *dir, const char *path, int64_t keep,
                                      struct sl_err *err) {
    return drop(dir, path, keep, drop_before, err);
}
