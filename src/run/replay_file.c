#include "run/replay_file.h"

#include <stdlib.h>

#include "run/numbered_file.h"

static const char folder[] = "replay";

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool sl_replay_has(const struct sl_replay_ids *ids, int64_t batch_id) {
    return ids->count &&
           bsearch(&batch_id, ids->items, ids->count, sizeof batch_id, compare_ids) != NULL;
}

enum sl_code sl_replay_write(struct sl_str checkpoint_dir, int64_t batch_id,
                             const struct sl_replay_ids *ids, struct sl_err *err) {
    struct sl_buf lines = {0};
    for (size_t i = 0; i < ids->count; i++)
        sl_buf_printf(&lines, "%lld\n", (long long)ids->items[i]);
    enum sl_code code = sl_numbered_write(checkpoint_dir, folder, batch_id, sl_buf_str(&lines),
                                          SL_PUT_REPLACE, err);
    sl_buf_release(&lines);
    return code;
}

static bool parse_ids(struct sl_str lines, struct sl_arena *arena, struct sl_replay_ids *out) {
    struct sl_str line;
    *out = (struct sl_replay_ids){SL_NEW_ARRAY(arena, int64_t, lines.len / 2 + 1), 0};
    while (lines.len) {
        if (!sl_numbered_next(&lines, &line) || !sl_str_to_i64(line, &out->items[out->count]))
            return false;
        out->count++;
    }
    return true;
}

enum sl_code sl_replay_read(struct sl_str checkpoint_dir, int64_t batch_id, struct sl_arena *arena,
                            struct sl_replay_ids *out, bool *found, struct sl_err *err) {
    struct sl_str lines,
        says = sl_arena_printf(arena, "which dead letters batch %lld replays", (long long)batch_id);
    *out = (struct sl_replay_ids){0};
    enum sl_code code =
        sl_numbered_read(arena, checkpoint_dir, folder, batch_id, says.ptr, &lines, found, err);
    if (code == SL_OK && !parse_ids(lines, arena, out))
        code = sl_numbered_damaged(arena, checkpoint_dir, folder, batch_id, says.ptr, err);
    if (code == SL_DATA) sl_hint(err, "restore it from a backup together with the checkpoint");
    return code;
}

enum sl_code sl_replay_all(struct sl_str checkpoint_dir, struct sl_arena *arena,
                           struct sl_replay_ids *out, struct sl_err *err) {
    struct sl_replay_ids files, *each;
    size_t total = 0;
    SL_TRY(sl_numbered_list(arena, checkpoint_dir, folder, &files.items, &files.count, err));
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
    enum sl_code code =
        sl_numbered_list(&arena, checkpoint_dir, folder, &files.items, &files.count, err);
    for (size_t i = 0; i < files.count && code == SL_OK; i++)
        if (files.items[i] > last_planned)
            code =
                sl_io_unlink(sl_numbered_path(&arena, checkpoint_dir, folder, files.items[i]), err);
    if (code == SL_OK && files.count)
        code = sl_io_remove_temporaries(sl_numbered_dir(&arena, checkpoint_dir, folder), err);
    sl_arena_release(&arena);
    return code;
}
