#include "run/replay_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static const char *dir_of(struct sl_arena *arena, struct sl_str checkpoint_dir) {
    return sl_arena_printf(arena, "%.*s/.sluice/replay", SL_STR_ARG(checkpoint_dir)).ptr;
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool sl_replay_has(const struct sl_replay_ids *ids, int64_t batch_id) {
    return ids->count &&
           bsearch(&batch_id, ids->items, ids->count, sizeof batch_id, compare_ids) != NULL;
}

/* "v1 <XXH64 of the rest>\n", then an id a line. */
static void put_text(struct sl_buf *out, const struct sl_replay_ids *ids) {
    struct sl_buf lines = {0};
    for (size_t i = 0; i < ids->count; i++)
        sl_buf_printf(&lines, "%lld\n", (long long)ids->items[i]);
    sl_buf_printf(out, "v1 %016llx\n", (unsigned long long)sl_xxh64(lines.ptr, lines.len, 0));
    sl_buf_put_str(out, sl_buf_str(&lines));
    sl_buf_release(&lines);
}

enum sl_code sl_replay_write(struct sl_str checkpoint_dir, int64_t batch_id,
                             const struct sl_replay_ids *ids, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    char name[24];
    sl_arena_init(&arena, "replay file");
    const char *dir = dir_of(&arena, checkpoint_dir);
    snprintf(name, sizeof name, "%lld", (long long)batch_id);
    put_text(&text, ids);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, name, sl_buf_str(&text), SL_PUT_REPLACE, "replay", err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

static bool parse_ids(struct sl_str text, struct sl_arena *arena, struct sl_replay_ids *out) {
    enum { HEAD = 3 + 16 + 1 };
    unsigned long long hash;
    if (text.len < HEAD || text.ptr[HEAD - 1] != '\n' ||
        sscanf(sl_arena_cstr(arena, sl_str_sub(text, 0, HEAD)), "v1 %16llx", &hash) != 1)
        return false;
    struct sl_str lines = sl_str_sub(text, HEAD, text.len);
    if (sl_xxh64(lines.ptr, lines.len, 0) != hash) return false;
    *out = (struct sl_replay_ids){SL_NEW_ARRAY(arena, int64_t, lines.len / 2 + 1), 0};
    while (lines.len) {
        size_t end = sl_str_find(lines, SL_STR("\n"), 0);
        if (end == SIZE_MAX || !sl_str_to_i64(sl_str_sub(lines, 0, end), &out->items[out->count]))
            return false;
        out->count++;
        lines = sl_str_sub(lines, end + 1, lines.len);
    }
    return true;
}

enum sl_code sl_replay_read(struct sl_str checkpoint_dir, int64_t batch_id, struct sl_arena *arena,
                            struct sl_replay_ids *out, bool *found, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_err local = {0};
    struct sl_str path =
        sl_arena_printf(arena, "%s/%lld", dir_of(arena, checkpoint_dir), (long long)batch_id);
    *out = (struct sl_replay_ids){0};
    enum sl_code code = sl_io_read_file(path.ptr, FILE_BYTES_MAX, &text, &local);
    *found = code == SL_OK;
    if (code == SL_OK && !parse_ids(sl_buf_str(&text), arena, out)) {
        code = sl_fail(&local, SL_DATA,
                       "`%s` is damaged: it says which dead letters batch %lld "
                       "replays",
                       path.ptr, (long long)batch_id);
        sl_hint(&local, "restore it from a backup together with the checkpoint");
    }
    if (code != SL_OK && local.sys == ENOENT) code = SL_OK;
    if (code != SL_OK && err) *err = local;
    sl_buf_release(&text);
    return code;
}

/* Batch ids that have a file; none if there is no directory. */
static enum sl_code list_files(struct sl_str checkpoint_dir, struct sl_arena *arena,
                               struct sl_replay_ids *out, struct sl_err *err) {
    char **names;
    size_t count = 0;
    struct sl_err local = {0};
    *out = (struct sl_replay_ids){0};
    enum sl_code code =
        sl_io_list_dir(dir_of(arena, checkpoint_dir), arena, &names, &count, &local);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    out->items = SL_NEW_ARRAY(arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++)
        if (sl_str_to_i64(sl_str(names[i]), &out->items[out->count])) out->count++;
    return SL_OK;
}

enum sl_code sl_replay_all(struct sl_str checkpoint_dir, struct sl_arena *arena,
                           struct sl_replay_ids *out, struct sl_err *err) {
    struct sl_replay_ids files, *each;
    size_t total = 0;
    SL_TRY(list_files(checkpoint_dir, arena, &files, err));
    each = SL_NEW_ARRAY(arena, struct sl_replay_ids, files.count + 1);
    for (size_t i = 0; i < files.count; i++) {
        bool found;
        SL_TRY(sl_replay_read(checkpoint_dir, files.items[i], arena, &each[i], &found, err));
        total += each[i].count;
    }
    *out = (struct sl_replay_ids){SL_NEW_ARRAY(arena, int64_t, total + 1), 0};
    for (size_t i = 0; i < files.count; i++)
        for (size_t k = 0; k < each[i].count; k++) out->items[out->count++] = each[i].items[k];
    if (out->count) qsort(out->items, out->count, sizeof *out->items, compare_ids);
    return SL_OK;
}

enum sl_code sl_replay_drop_unplanned(struct sl_str checkpoint_dir, int64_t last_planned,
                                      struct sl_err *err) {
    struct sl_arena arena;
    struct sl_replay_ids files;
    sl_arena_init(&arena, "replay files");
    enum sl_code code = list_files(checkpoint_dir, &arena, &files, err);
    for (size_t i = 0; i < files.count && code == SL_OK; i++)
        if (files.items[i] > last_planned)
            code = sl_io_unlink(sl_arena_printf(&arena, "%s/%lld", dir_of(&arena, checkpoint_dir),
                                                (long long)files.items[i])
                                    .ptr,
                                err);
    if (code == SL_OK && files.count)
        code = sl_io_remove_temporaries(dir_of(&arena, checkpoint_dir), err);
    sl_arena_release(&arena);
    return code;
}
