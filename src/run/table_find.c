#include "run/table_find.h"

#include "base/io.h"
#include "lake/place.h"

enum { DEPTH_MAX = 6, NAMED_MAX = 3 };

/* ---- what a directory is ---- */

static bool is_hidden(struct sl_str name) { return name.ptr[0] == '_' || name.ptr[0] == '.'; }

static const char *format_of(char *const *names, size_t count) {
    const char *format = NULL;
    for (size_t i = 0; i < count; i++) {
        struct sl_str name = sl_str(names[i]);
        if (sl_str_eq(name, SL_STR("_delta_log"))) return "delta";
        bool is_partition = !is_hidden(name) && sl_str_find(name, SL_STR("="), 0) != SIZE_MAX;
        if (is_partition || sl_str_eq(name, SL_STR("_spark_metadata")) ||
            (name.ptr[0] != '.' && sl_str_ends(name, SL_STR(".parquet"))))
            format = "parquet";
    }
    return format;
}

enum sl_code sl_table_format_of(struct sl_arena *arena, const char *dir, const char **format,
                                struct sl_err *err) {
    char **names;
    size_t count;
    *format = NULL;
    SL_TRY(sl_io_list_dir(dir, arena, &names, &count, err));
    *format = format_of(names, count);
    return SL_OK;
}

/* ---- the tree ---- */

struct search {
    struct sl_arena *arena;
    sl_table_found_fn found;
    void *ctx;
};

static enum sl_code walk(const struct search *search, const char *dir, int depth,
                         struct sl_err *err) {
    char **names;
    size_t count;
    SL_TRY(sl_io_list_dir(dir, search->arena, &names, &count, err));
    const char *format = format_of(names, count);
    if (format) return search->found(search->ctx, format, dir, err);
    for (size_t i = 0; i < count && depth < DEPTH_MAX; i++) {
        struct sl_file_info info;
        const char *child = sl_path_join(search->arena, dir, names[i]);
        if (is_hidden(sl_str(names[i]))) continue;
        SL_TRY(sl_io_stat(child, &info, err));
        if (info.is_dir) SL_TRY(walk(search, child, depth + 1, err));
    }
    return SL_OK;
}

enum sl_code sl_tables_find(struct sl_arena *arena, const char *dir, sl_table_found_fn found,
                            void *ctx, struct sl_err *err) {
    struct search search = {arena, found, ctx};
    return walk(&search, dir, 0, err);
}

/* ---- a place that should be a table ---- */

struct named {
    struct sl_buf text;
    uint32_t count;
};

static enum sl_code add_name(void *ctx, const char *format, const char *path, struct sl_err *err) {
    struct named *named = ctx;
    (void)err;
    if (named->count++ < NAMED_MAX)
        sl_buf_printf(&named->text, "%s`%s` (%s)", named->text.len ? ", " : "", path, format);
    return SL_OK;
}

static enum sl_code no_table(struct sl_arena *arena, const char *dir, struct sl_err *err) {
    struct named named = {0};
    struct sl_err ignored;
    sl_fail_at(err, (struct sl_span){0}, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
               "`%s` is no table: it has neither a `_delta_log` nor Parquet files", dir);
    bool walked = sl_tables_find(arena, dir, add_name, &named, &ignored) == SL_OK;
    if (named.count > NAMED_MAX)
        sl_buf_printf(&named.text, " and %u more", named.count - NAMED_MAX);
    if (named.count)
        sl_hint(err, "tables below it: %s", sl_buf_cstr(&named.text));
    else if (walked)
        sl_hint(err, "there is none below it either; `sluice table ls DIR` looks for tables");
    sl_buf_release(&named.text);
    return SL_USER;
}

enum sl_code sl_table_check_place(struct sl_arena *arena, struct sl_str path, struct sl_err *err) {
    struct sl_file_info info;
    const char *format, *dir = sl_arena_cstr(arena, sl_place_plain(path));
    SL_TRY(sl_io_stat(dir, &info, err));
    if (!info.exists)
        return sl_fail_at(err, (struct sl_span){0}, "PATH_NOT_FOUND", "42K03",
                          "path does not exist: %s", dir);
    if (!info.is_dir)
        return sl_fail_at(err, (struct sl_span){0}, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
                          "`%s` is a file; a table is a directory", dir);
    SL_TRY(sl_table_format_of(arena, dir, &format, err));
    return format ? SL_OK : no_table(arena, dir, err);
}
