#include "run/places.h"

#include "lake/place.h"
#include "run/query_target.h"

/* A directory that a statement claims. */
struct claim {
    const struct sl_statement *statement;
    struct sl_str path;
    struct sl_span span;
};
struct claims {
    struct claim *items;
    uint32_t count;
};

static struct sl_str name_of(const struct claim *claim) {
    const struct sl_name *name = &claim->statement->name;
    return name->parts[name->count - 1];
}

static enum sl_code add(struct claims *claims, const struct sl_statement *statement,
                        struct sl_str path, struct sl_span span, struct sl_err *err) {
    if (path.len == 0) return SL_OK;
    enum sl_code code = sl_place_check_scheme(path, err);
    if (code != SL_OK) {
        if (err) err->span = span;
        return code;
    }
    claims->items[claims->count++] = (struct claim){statement, sl_place_plain(path), span};
    return SL_OK;
}

static enum sl_code collect(const struct sl_pipeline *pipeline, struct claims *tables,
                            struct claims *checkpoints, struct sl_err *err) {
    for (uint32_t i = 0; i < pipeline->statements.count; i++) {
        const struct sl_statement *at = &pipeline->statements.items[i];
        if (at->kind != SL_S_CREATE_TABLE && at->kind != SL_S_CREATE_SINK) continue;
        const struct sl_property *path = sl_target_property(at, "path");
        const struct sl_property *own = sl_target_property(at, "sluice.checkpointLocation");
        if (!own) own = sl_target_property(at, "checkpointLocation");
        if (at->location.len)
            SL_TRY(add(tables, at, at->location, at->location_span, err));
        else if (path)
            SL_TRY(add(tables, at, path->value, path->value_span, err));
        if (own) SL_TRY(add(checkpoints, at, own->value, own->value_span, err));
    }
    return SL_OK;
}

static enum sl_code refuse(const struct claim *claim, const char *what, const struct claim *other,
                           const char *hint, struct sl_err *err) {
    sl_fail_at(err, claim->span, "", "", "the %s of `%.*s` is %s that of `%.*s`", what,
               SL_STR_ARG(name_of(claim)), sl_str_eq(claim->path, other->path) ? "also" : "inside",
               SL_STR_ARG(name_of(other)));
    return sl_hint(err, "%s", hint), SL_USER;
}

static enum sl_code check_tables(const struct claims *tables, struct sl_err *err) {
    for (uint32_t i = 0; i < tables->count; i++)
        for (uint32_t j = 0; j < tables->count; j++) {
            const struct claim *a = &tables->items[i], *b = &tables->items[j];
            bool is_same = i > j && sl_str_eq(a->path, b->path);
            if (is_same || (i != j && sl_place_is_inside(a->path, b->path)))
                return refuse(a, "LOCATION", b, "give each table a directory of its own", err);
        }
    return SL_OK;
}

static enum sl_code check_checkpoints(const struct claims *checkpoints, struct sl_err *err) {
    for (uint32_t i = 0; i < checkpoints->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (sl_str_eq(checkpoints->items[i].path, checkpoints->items[j].path))
                return refuse(&checkpoints->items[i], "checkpoint", &checkpoints->items[j],
                              "give each query a checkpoint of its own", err);
    return SL_OK;
}

static void warn_of_vacuum(const struct sl_pipeline *pipeline, const struct claims *tables,
                           const struct claims *checkpoints) {
    for (uint32_t i = 0; i < checkpoints->count; i++)
        for (uint32_t j = 0; j < tables->count; j++) {
            struct sl_str path = checkpoints->items[i].path, table = tables->items[j].path;
            if (!sl_str_eq(path, table) && !sl_place_is_inside(path, table)) continue;
            sl_log_event(&pipeline->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                         "the checkpoint `%.*s` lies among the files of the table `%.*s`, where "
                         "other engines' VACUUM removes it: put `_` in front of its name",
                         SL_STR_ARG(path), SL_STR_ARG(table));
        }
}

enum sl_code sl_pipeline_check_places(const struct sl_pipeline *pipeline, struct sl_err *err) {
    struct sl_arena arena;
    struct claims tables = {0}, checkpoints = {0};
    sl_arena_init(&arena, "places");
    tables.items = SL_NEW_ARRAY(&arena, struct claim, pipeline->statements.count + 1);
    checkpoints.items = SL_NEW_ARRAY(&arena, struct claim, pipeline->statements.count + 1);
    enum sl_code code = collect(pipeline, &tables, &checkpoints, err);
    if (code == SL_OK) code = check_tables(&tables, err);
    if (code == SL_OK) code = check_checkpoints(&checkpoints, err);
    if (code == SL_OK) warn_of_vacuum(pipeline, &tables, &checkpoints);
    sl_arena_release(&arena);
    return code;
}
