#include "table/sweep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/hash.h"

enum { DEPTH_MAX = 64 };

/* ---- paths ---- */

static uint64_t hash_path(struct sl_str path) {
    uint64_t hash = sl_xxh64(path.ptr, path.len, 0);
    return hash ? hash : 1;
}

static void insert(struct sl_path_set *set, uint64_t hash) {
    size_t at = hash & (set->slot_count - 1);
    while (set->slots[at] && set->slots[at] != hash) at = (at + 1) & (set->slot_count - 1);
    set->used += set->slots[at] == 0;
    set->slots[at] = hash;
}

static void grow(struct sl_path_set *set) {
    struct sl_path_set more = {.slot_count = set->slot_count ? set->slot_count * 2 : 1024};
    more.slots = sl_xcalloc(more.slot_count, sizeof *more.slots);
    for (size_t i = 0; i < set->slot_count; i++)
        if (set->slots[i]) insert(&more, set->slots[i]);
    free(set->slots);
    *set = more;
}

void sl_path_set_add(struct sl_path_set *set, struct sl_str path) {
    if (set->used * 2 >= set->slot_count) grow(set);
    insert(set, hash_path(path));
}

bool sl_path_set_has(const struct sl_path_set *set, struct sl_str path) {
    uint64_t hash = hash_path(path);
    if (set->slot_count == 0) return false;
    for (size_t at = hash & (set->slot_count - 1); set->slots[at];
         at = (at + 1) & (set->slot_count - 1))
        if (set->slots[at] == hash) return true;
    return false;
}

void sl_path_set_release(struct sl_path_set *set) {
    free(set->slots);
    *set = (struct sl_path_set){0};
}

/* ---- finding ---- */

struct find {
    const struct sl_sweep *sweep;
    struct sl_arena *arena;
    struct sl_swept *out;
    struct sl_err *err;
};

static bool is_hidden(const struct sl_sweep *sweep, const char *name) {
    if (name[0] != '_' && name[0] != '.') return false;
    return !sweep->is_own || !sweep->is_own(sweep->ctx, sl_str(name));
}

static void take_file(struct find *find, const char *path, uint64_t bytes) {
    struct sl_swept *out = find->out;
    if (out->file_count == out->file_cap) {
        size_t cap = out->file_cap ? out->file_cap * 2 : 64;
        out->files = sl_arena_grow(find->arena, out->files, out->file_cap * sizeof *out->files,
                                   cap * sizeof *out->files);
        out->file_cap = cap;
    }
    out->files[out->file_count++] = (struct sl_swept_file){path, bytes};
    out->bytes += bytes;
}

static void take_dir(struct find *find, const char *path) {
    struct sl_swept *out = find->out;
    if (out->dir_count == out->dir_cap) {
        size_t cap = out->dir_cap ? out->dir_cap * 2 : 16;
        out->dirs = sl_arena_grow(find->arena, out->dirs, out->dir_cap * sizeof *out->dirs,
                                  cap * sizeof *out->dirs);
        out->dir_cap = cap;
    }
    out->dirs[out->dir_count++] = path;
}

static enum sl_code walk(struct find *find, const char *relative, int64_t modified_ms, int depth,
                         bool *is_empty);

static enum sl_code visit(struct find *find, const char *relative, int depth, bool *stays) {
    const struct sl_sweep *sweep = find->sweep;
    struct sl_file_info info;
    SL_TRY(sl_io_stat(sl_path_join(find->arena, sweep->dir, relative), &info, find->err));
    *stays = info.exists;
    if (!info.exists) return SL_OK;
    if (info.is_dir) {
        bool is_empty;
        SL_TRY(walk(find, relative, info.modified_ms, depth + 1, &is_empty));
        *stays = !is_empty;
    } else if (info.modified_ms < sweep->cutoff_ms &&
               !sl_path_set_has(sweep->kept, sl_str(relative))) {
        take_file(find, relative, info.bytes);
        *stays = false;
    }
    return SL_OK;
}

/* A checkpoint may lie in the table's directory, or be it: without it the stream would begin anew.
 */
static bool is_of_checkpoint(char *const *names, size_t count, const char *name) {
    static const char *const parts[] = {"metadata", "offsets", "commits", "sources", "state"};
    bool has_metadata = false, has_offsets = false, is_part = false;
    for (size_t i = 0; i < count; i++) {
        has_metadata |= strcmp(names[i], "metadata") == 0;
        has_offsets |= strcmp(names[i], "offsets") == 0;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        is_part |= strcmp(name, parts[i]) == 0;
    return is_part && has_metadata && has_offsets;
}

/* A directory goes when nothing stays in it and nobody made it just now: a writer may be about to
 * put its first file there. */
static enum sl_code walk(struct find *find, const char *relative, int64_t modified_ms, int depth,
                         bool *is_empty) {
    const char *dir =
        *relative ? sl_path_join(find->arena, find->sweep->dir, relative) : find->sweep->dir;
    char **names;
    size_t count;
    if (depth > DEPTH_MAX) return sl_fail(find->err, SL_USER, "`%s` is nested too deep", dir);
    SL_TRY(sl_io_list_dir(dir, find->arena, &names, &count, find->err));
    *is_empty = modified_ms < find->sweep->cutoff_ms;
    for (size_t i = 0; i < count; i++) {
        bool stays = true;
        const char *path = *relative ? sl_path_join(find->arena, relative, names[i]) : names[i];
        if (!is_hidden(find->sweep, names[i]) && !is_of_checkpoint(names, count, names[i]))
            SL_TRY(visit(find, path, depth, &stays));
        if (stays) *is_empty = false;
    }
    if (*is_empty && *relative) take_dir(find, relative);
    return SL_OK;
}

enum sl_code sl_sweep_find(const struct sl_sweep *sweep, struct sl_arena *arena,
                           struct sl_swept *out, struct sl_err *err) {
    struct find find = {sweep, arena, out, err};
    bool is_empty;
    *out = (struct sl_swept){0};
    return walk(&find, "", INT64_MAX, 0, &is_empty);
}

/* ---- removing ---- */

static enum sl_code remove_file(struct sl_arena *arena, const char *dir, const char *relative,
                                struct sl_err *err) {
    const char *path = sl_path_join(arena, dir, relative);
    int failure = sl_fail_point("vacuum.unlink");
    if (failure) return sl_fail_sys(err, failure, "could not remove `%s`", path);
    return sl_io_unlink(path, err);
}

enum sl_code sl_sweep_remove(const char *dir, const struct sl_swept *swept, uint64_t *removed_files,
                             uint64_t *removed_dirs, struct sl_err *err) {
    struct sl_arena arena;
    enum sl_code code = SL_OK;
    sl_arena_init(&arena, "sweep");
    *removed_files = *removed_dirs = 0;
    for (size_t i = 0; i < swept->file_count && code == SL_OK; i++) {
        sl_arena_reset(&arena);
        code = remove_file(&arena, dir, swept->files[i].path, err);
        *removed_files += code == SL_OK;
    }
    for (size_t i = 0; i < swept->dir_count && code == SL_OK; i++) {
        sl_arena_reset(&arena);
        /* only when it is empty still */
        *removed_dirs += rmdir(sl_path_join(&arena, dir, swept->dirs[i])) == 0;
    }
    sl_arena_release(&arena);
    return code;
}
