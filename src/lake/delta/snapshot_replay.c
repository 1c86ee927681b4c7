/* Files of the log as streams of actions: NDJSON here, Parquet in snapshot_parquet.c.  Source:
 * PROTOCOL.md "Checkpoints", "V2 Spec". */
#include "lake/delta/snapshot_int.h"

static unsigned wanted_by(enum sl_delta_kind kind) {
    switch (kind) {
    case SL_DELTA_METADATA:
    case SL_DELTA_PROTOCOL:
    case SL_DELTA_TXN:
    case SL_DELTA_DOMAIN:
        return SL_DELTA_WANT_STATE;
    case SL_DELTA_ADD:
        return SL_DELTA_WANT_ADDS;
    case SL_DELTA_REMOVE:
        return SL_DELTA_WANT_REMOVES;
    case SL_DELTA_SIDECAR:
        return SL_DELTA_WANT_SIDECARS;
    case SL_DELTA_NONE:
    case SL_DELTA_COMMIT_INFO:
    case SL_DELTA_CDC:
        break;
    }
    return 0;
}

/* Nearly all bytes of a log are adds: opening a table does not parse them. */
static bool can_pass_over(struct sl_str line, unsigned wanted) {
    static const struct {
        const char *begin;
        unsigned wanted;
    } heads[] = {
        {"{\"add\":{", SL_DELTA_WANT_ADDS},
        {"{\"remove\":{", SL_DELTA_WANT_REMOVES},
        {"{\"commitInfo\":{", 0},
        {"{\"cdc\":{", 0},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (sl_str_starts(line, sl_str(heads[i].begin))) return !(heads[i].wanted & wanted);
    return false;
}

static enum sl_code replay_lines(struct sl_delta_lines *lines, struct sl_arena *scratch,
                                 unsigned wanted, sl_delta_action_fn each, void *ctx,
                                 struct sl_err *err) {
    struct sl_str line;
    struct sl_delta_action action;
    for (bool found;;) {
        SL_TRY(sl_delta_lines_next(lines, &line, &found, err));
        if (!found) return SL_OK;
        if (!lines->is_last_cut && can_pass_over(line, wanted)) continue;
        sl_arena_reset(scratch);
        enum sl_code code = sl_delta_action_parse(scratch, line, &action, err);
        if (code != SL_OK) {
            sl_context(err, "line %llu of `%s`%s", (unsigned long long)lines->number, lines->path,
                       lines->is_last_cut ? ", which is cut off" : "");
            return code;
        }
        if (wanted_by(action.kind) & wanted) SL_TRY(each(ctx, &action, err));
    }
}

enum sl_code sl_delta_replay_json(const char *path, unsigned wanted, sl_delta_action_fn each,
                                  void *ctx, struct sl_err *err) {
    struct sl_delta_lines lines = {0};
    struct sl_arena scratch;
    sl_arena_init(&scratch, "Delta log");
    enum sl_code code = sl_delta_lines_open(&lines, path, err);
    if (code == SL_OK) code = replay_lines(&lines, &scratch, wanted, each, ctx, err);
    sl_delta_lines_close(&lines);
    sl_arena_release(&scratch);
    return code;
}

/* ---- checkpoints ---- */

struct collector {
    struct sl_arena arena;
    const char **sidecars;
    size_t count, cap;
    sl_delta_action_fn each;
    void *ctx;
};

/* A sidecar lies in _sidecars whatever its path says (PROTOCOL.md "Sidecar Files"): its last part
 * is its name there, so that no path leads out of the log. */
static enum sl_code add_sidecar(struct collector *c, struct sl_str path, struct sl_err *err) {
    size_t begin = path.len;
    while (begin > 0 && path.ptr[begin - 1] != '/') begin--;
    struct sl_str name = sl_str_sub(path, begin, path.len);
    if (name.len == 0 || sl_str_eq(name, SL_STR("..")) || memchr(name.ptr, 0, name.len))
        return sl_fail(err, SL_DATA, "the checkpoint names a sidecar `%.*s`",
                       (int)(path.len > 300 ? 300 : path.len), path.ptr);
    if (c->count == c->cap) {
        size_t more = c->cap ? c->cap * 2 : 8;
        c->sidecars = sl_arena_grow(&c->arena, c->sidecars, c->cap * sizeof *c->sidecars,
                                    more * sizeof *c->sidecars);
        c->cap = more;
    }
    c->sidecars[c->count++] = sl_arena_cstr(&c->arena, name);
    return SL_OK;
}

static enum sl_code collect(void *ctx, const struct sl_delta_action *action, struct sl_err *err) {
    struct collector *c = ctx;
    if (action->kind == SL_DELTA_SIDECAR) return add_sidecar(c, action->sidecar.path, err);
    return c->each(c->ctx, action, err);
}

static enum sl_code replay_file(const char *path, unsigned wanted, struct sl_budget *budget,
                                struct collector *c, struct sl_err *err) {
    enum sl_code code = sl_str_ends(sl_str(path), SL_STR(".json"))
                            ? sl_delta_replay_json(path, wanted, collect, c, err)
                            : sl_delta_replay_parquet(path, wanted, budget, collect, c, err);
    if (code == SL_DATA) {
        sl_context(err, "checkpoint `%s`", path);
        sl_hint(err, "remove the damaged checkpoint: the table can be read without it as long as "
                     "an older one, or commit 0, and the commits behind it are there");
    }
    return code;
}

static enum sl_code replay_files(const char *log_dir, const struct sl_delta_segment *segment,
                                 unsigned wanted, struct sl_budget *budget, struct collector *c,
                                 struct sl_err *err) {
    unsigned files = wanted & (SL_DELTA_WANT_ADDS | SL_DELTA_WANT_REMOVES);
    for (uint32_t i = 0; i < segment->checkpoint_file_count; i++) {
        const char *path = sl_path_join(&c->arena, log_dir, segment->checkpoint_files[i]);
        unsigned here = files ? wanted | SL_DELTA_WANT_SIDECARS : wanted;
        SL_TRY(replay_file(path, here, budget, c, err));
    }
    const char *sidecar_dir = sl_path_join(&c->arena, log_dir, "_sidecars");
    for (size_t i = 0; i < c->count && files; i++) {
        const char *path = sl_path_join(&c->arena, sidecar_dir, c->sidecars[i]);
        SL_TRY(replay_file(path, files, budget, c, err));
    }
    return SL_OK;
}

enum sl_code sl_delta_replay_checkpoint(const char *table_dir,
                                        const struct sl_delta_segment *segment, unsigned wanted,
                                        struct sl_budget *budget, sl_delta_action_fn each,
                                        void *ctx, struct sl_err *err) {
    struct collector c = {.each = each, .ctx = ctx};
    sl_arena_init(&c.arena, "checkpoint");
    const char *log_dir = sl_delta_log_dir(&c.arena, table_dir);
    enum sl_code code = replay_files(log_dir, segment, wanted, budget, &c, err);
    sl_arena_release(&c.arena);
    return code;
}
