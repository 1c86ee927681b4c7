#include "lake/place.h"

#include <unistd.h>

struct sl_str sl_place_plain(struct sl_str path) {
    if (sl_str_starts_nocase(path, SL_STR("file:"))) path = sl_str_sub(path, 5, path.len);
    while (sl_str_starts(path, SL_STR("//"))) path = sl_str_sub(path, 1, path.len);
    while (path.len > 1 && path.ptr[path.len - 1] == '/') path.len--;
    return path;
}

static bool is_hidden(struct sl_str below) {
    for (size_t i = 0; i < below.len; i++)
        if ((i == 0 || below.ptr[i - 1] == '/') && (below.ptr[i] == '_' || below.ptr[i] == '.'))
            return true;
    return false;
}

bool sl_place_is_inside(struct sl_str path, struct sl_str root) {
    path = sl_place_plain(path);
    root = sl_place_plain(root);
    if (path.len <= root.len || !sl_str_starts(path, root)) return false;
    bool is_top = root.len == 1 && root.ptr[0] == '/';
    if (!is_top && path.ptr[root.len] != '/') return false;
    return !is_hidden(sl_str_sub(path, root.len + !is_top, path.len));
}

static enum sl_code has(struct sl_arena *arena, const char *dir, const char *name, bool *out,
                        struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(sl_path_join(arena, dir, name), &info, err));
    *out = info.exists;
    return SL_OK;
}

static enum sl_code mark_of(struct sl_arena *arena, struct sl_str path, enum sl_place_kind *out,
                            struct sl_err *err) {
    const char *dir = sl_arena_cstr(arena, path);
    bool delta, log, metadata, offsets = false;
    SL_TRY(has(arena, dir, "_delta_log", &delta, err));
    SL_TRY(has(arena, dir, "_spark_metadata", &log, err));
    SL_TRY(has(arena, dir, "metadata", &metadata, err));
    if (metadata) SL_TRY(has(arena, dir, "offsets", &offsets, err));
    *out = delta     ? SL_PLACE_DELTA
           : log     ? SL_PLACE_SINK_LOG
           : offsets ? SL_PLACE_CHECKPOINT
                     : SL_PLACE_FREE;
    return SL_OK;
}

static enum sl_code make_absolute(struct sl_arena *arena, struct sl_str *path, struct sl_err *err) {
    char cwd[4096];
    if (path->len && path->ptr[0] == '/') return SL_OK;
    if (!getcwd(cwd, sizeof cwd)) return sl_fail(err, SL_IO, "the current directory has no name");
    *path = sl_str(sl_path_join(arena, cwd, sl_arena_cstr(arena, *path)));
    return SL_OK;
}

enum sl_code sl_place_find(struct sl_arena *arena, struct sl_str path, struct sl_place *out,
                           struct sl_err *err) {
    *out = (struct sl_place){.kind = SL_PLACE_FREE};
    path = sl_place_plain(path);
    SL_TRY(make_absolute(arena, &path, err));
    for (struct sl_str at = path; at.len > 0; at = sl_path_parent(at)) {
        enum sl_place_kind kind;
        bool is_root = at.len == path.len;
        SL_TRY(mark_of(arena, at, &kind, err));
        if (kind == SL_PLACE_FREE || (!is_root && !sl_place_is_inside(path, at))) continue;
        *out = (struct sl_place){kind, sl_arena_str(arena, at), is_root};
        return SL_OK;
    }
    return SL_OK;
}

/* ---- refusals ---- */

static enum sl_code refuse_delta(struct sl_str path, const struct sl_place *place,
                                 struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0}, "DELTA_INVALID_FORMAT", "22000",
               place->is_root
                   ? "`%.*s` is a Delta table: it has a `_delta_log`, which says what its files are"
                   : "`%.*s` lies in a Delta table, whose `_delta_log` says what its files are",
               SL_STR_ARG(path));
    return sl_hint(err, "the table is delta.`%.*s`", SL_STR_ARG(place->root)), SL_USER;
}

static enum sl_code refuse_sink_log(struct sl_str path, const struct sl_place *place,
                                    struct sl_err *err) {
    sl_fail(err, SL_USER,
            place->is_root
                ? "`%.*s` is the Parquet table of a streaming query: it has a `_spark_metadata`"
                : "`%.*s` lies in the table of a streaming query, whose `_spark_metadata` says "
                  "what its files are",
            SL_STR_ARG(path));
    return sl_hint(err, "the table is parquet.`%.*s`", SL_STR_ARG(place->root)), SL_USER;
}

static enum sl_code refuse_checkpoint(struct sl_str path, const struct sl_place *place,
                                      struct sl_err *err) {
    sl_fail(err, SL_USER, "`%.*s` is %s checkpoint: it has `metadata` and `offsets`",
            SL_STR_ARG(path), place->is_root ? "a" : "in a");
    return sl_hint(err, "give the table a directory of its own"), SL_USER;
}

enum sl_code sl_place_check_not_delta(struct sl_arena *arena, struct sl_str path,
                                      struct sl_err *err) {
    struct sl_place place;
    SL_TRY(sl_place_find(arena, path, &place, err));
    return place.kind == SL_PLACE_DELTA ? refuse_delta(path, &place, err) : SL_OK;
}

enum sl_code sl_place_check_parquet(struct sl_arena *arena, struct sl_str path,
                                    struct sl_err *err) {
    struct sl_place place;
    SL_TRY(sl_place_find(arena, path, &place, err));
    if (place.kind == SL_PLACE_DELTA) return refuse_delta(path, &place, err);
    if (place.kind == SL_PLACE_SINK_LOG && !place.is_root)
        return refuse_sink_log(path, &place, err);
    if (place.kind == SL_PLACE_CHECKPOINT && !place.is_root)
        return refuse_checkpoint(path, &place, err);
    return SL_OK;
}

enum sl_code sl_place_check_delta(struct sl_arena *arena, struct sl_str path, struct sl_err *err) {
    struct sl_place place;
    SL_TRY(sl_place_find(arena, path, &place, err));
    if (place.kind == SL_PLACE_DELTA && !place.is_root) return refuse_delta(path, &place, err);
    if (place.kind == SL_PLACE_SINK_LOG) return refuse_sink_log(path, &place, err);
    if (place.kind == SL_PLACE_CHECKPOINT && !place.is_root)
        return refuse_checkpoint(path, &place, err);
    return SL_OK;
}

enum sl_code sl_place_check_scheme(struct sl_str path, struct sl_err *err) {
    size_t len = 0;
    while (len < path.len && path.ptr[len] != ':' && path.ptr[len] != '/') len++;
    struct sl_str scheme = sl_str_sub(path, 0, len);
    bool has_scheme = len > 1 && len < path.len && path.ptr[len] == ':' &&
                      sl_str_starts(sl_str_sub(path, len, path.len), SL_STR("://"));
    if (!has_scheme || sl_str_eq_nocase(scheme, SL_STR("file"))) return SL_OK;
    sl_fail(err, SL_UNSUPPORTED, "`%.*s`: storage of the kind `%.*s` is not supported",
            SL_STR_ARG(path), SL_STR_ARG(scheme));
    return sl_hint(err, "tables and checkpoints lie in local directories: /path or file:/path"),
           SL_UNSUPPORTED;
}
