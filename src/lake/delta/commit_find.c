#include "lake/delta/commit_find.h"

#include "lake/delta/log_int.h"

/* The commit's first line, in the arena; *exists = false: log clean-up has removed it. */
static enum sl_code read_first(struct sl_arena *arena, const char *table_dir, int64_t version,
                               struct sl_delta_action *out, bool *exists, struct sl_err *err) {
    struct sl_delta_lines lines;
    struct sl_file_info info;
    struct sl_str line;
    bool found = false;
    const char *path = sl_delta_commit_path(arena, table_dir, version);
    *out = (struct sl_delta_action){0};
    SL_TRY(sl_io_stat(path, &info, err));
    *exists = info.exists;
    if (!info.exists) return SL_OK;
    SL_TRY(sl_delta_lines_open(&lines, path, err));
    enum sl_code code = sl_delta_lines_next(&lines, &line, &found, err);
    if (code == SL_OK && found)
        code = sl_delta_action_parse(arena, sl_arena_str(arena, line), out, err);
    sl_delta_lines_close(&lines);
    return code;
}

/* Batch of a commit that the query made; -1: not one of it. */
static int64_t batch_of(const struct sl_delta_action *action, struct sl_str query_id) {
    struct sl_str query, epoch;
    int64_t batch;
    if (action->kind != SL_DELTA_COMMIT_INFO) return -1;
    const struct sl_json *parameters = &action->commit_info.parameters;
    if (!sl_json_str(sl_json_get(parameters, SL_STR("queryId")), &query) ||
        !sl_str_eq(query, query_id) ||
        !sl_json_str(sl_json_get(parameters, SL_STR("epochId")), &epoch))
        return -1;
    return sl_str_to_i64(epoch, &batch) ? batch : -1;
}

enum sl_code sl_delta_commit_find(struct sl_arena *arena, const char *table_dir, int64_t newest,
                                  struct sl_str query_id, int64_t batch_id,
                                  struct sl_delta_commit_info *out, bool *found,
                                  struct sl_err *err) {
    struct sl_arena scratch;
    enum sl_code code = SL_OK;
    int64_t last = newest - SL_DELTA_FIND_MAX;
    bool exists = true;
    *found = false;
    sl_arena_init(&scratch, "commit find");
    for (int64_t v = newest; v >= 0 && v > last && exists && !*found && code == SL_OK; v--) {
        struct sl_delta_action action;
        sl_arena_reset(&scratch);
        code = read_first(&scratch, table_dir, v, &action, &exists, err);
        if (code != SL_OK || !exists) break;
        int64_t batch = batch_of(&action, query_id);
        if (batch >= 0 && batch < batch_id) break; /* batches come in order */
        if (batch != batch_id) continue;
        code = read_first(arena, table_dir, v, &action, found, err);
        *out = action.commit_info;
    }
    sl_arena_release(&scratch);
    return code;
}
