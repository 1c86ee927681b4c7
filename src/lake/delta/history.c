/* Source: Spark DeltaHistoryManager.scala (getHistory). */
#include "lake/delta/history.h"

#include "lake/delta/log_int.h"

/* Writers put commitInfo first (Spark, we) or last (delta-rs). */
static enum sl_code find_info(struct sl_arena *arena, const char *path, struct sl_json *out,
                              bool *found, struct sl_err *err) {
    struct sl_delta_lines lines;
    struct sl_str line;
    bool more = true;
    *found = false;
    SL_TRY(sl_delta_lines_open(&lines, path, err));
    enum sl_code code = SL_OK;
    while (code == SL_OK && more && !*found) {
        code = sl_delta_lines_next(&lines, &line, &more, err);
        if (code != SL_OK || !more) break;
        if (sl_str_find(sl_str_sub(line, 0, line.len < 64 ? line.len : 64),
                        SL_STR("\"commitInfo\""), 0) == SIZE_MAX)
            continue;
        struct sl_json action;
        code = sl_json_parse(arena, sl_arena_str(arena, line), &action, err);
        const struct sl_json *info =
            code == SL_OK ? sl_json_get(&action, SL_STR("commitInfo")) : NULL;
        *found = info && info->kind == SL_JSON_OBJECT;
        if (*found) *out = *info;
    }
    if (code != SL_OK) sl_context(err, "`%s` line %llu", path, (unsigned long long)lines.number);
    sl_delta_lines_close(&lines);
    return code;
}

static enum sl_code tell(struct sl_arena *arena, const char *table_dir, int64_t version,
                         sl_delta_history_fn each, void *ctx, struct sl_err *err) {
    struct sl_json info;
    struct sl_file_info file;
    int64_t ms;
    bool found;
    const char *path = sl_delta_commit_path(arena, table_dir, version);
    SL_TRY(sl_io_stat(path, &file, err));
    if (!file.exists) return SL_OK; /* the log was cleaned up meanwhile */
    SL_TRY(find_info(arena, path, &info, &found, err));
    if (!found || !sl_json_i64(sl_json_get(&info, SL_STR("inCommitTimestamp")), &ms))
        ms = file.modified_ms;
    return each(ctx, version, ms, found ? &info : NULL, err);
}

enum sl_code sl_delta_history(const char *table_dir, int64_t limit, sl_delta_history_fn each,
                              void *ctx, struct sl_err *err) {
    struct sl_arena arena;
    int64_t first, last;
    sl_arena_init(&arena, "history");
    enum sl_code code = sl_delta_log_commits(&arena, table_dir, &first, &last, err);
    for (int64_t v = last; code == SL_OK && first >= 0 && v >= first; v--) {
        if (limit > 0 && last - v >= limit) break;
        sl_arena_reset(&arena);
        code = tell(&arena, table_dir, v, each, ctx, err);
    }
    sl_arena_release(&arena);
    return code;
}
