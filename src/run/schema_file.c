#include "run/schema_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static const char *dir_of(struct sl_arena *arena, struct sl_str checkpoint_dir) {
    return sl_arena_printf(arena, "%.*s/.sluice/schema", SL_STR_ARG(checkpoint_dir)).ptr;
}

/* ---- writing ---- */

static void put_lines(struct sl_buf *out, const struct sl_evolution *evolution) {
    for (uint32_t i = 0; i < evolution->field_count; i++) {
        const struct sl_evolved_field *field = &evolution->fields[i];
        sl_buf_put_cstr(out, "{\"site\":");
        sl_json_put_string(out, evolution->sites[field->site]);
        sl_buf_put_cstr(out, ",\"path\":");
        sl_json_put_string(out, field->path);
        sl_buf_put_cstr(out, ",\"type\":");
        sl_type_put_json(out, field->type);
        sl_buf_put_cstr(out, "}\n");
    }
}

enum sl_code sl_schema_file_write(struct sl_str checkpoint_dir, int64_t number,
                                  const struct sl_evolution *evolution, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf lines = {0}, text = {0};
    char name[24];
    sl_arena_init(&arena, "schema file");
    const char *dir = dir_of(&arena, checkpoint_dir);
    snprintf(name, sizeof name, "%lld", (long long)number);
    put_lines(&lines, evolution);
    sl_buf_printf(&text, "v1 %016llx\n", (unsigned long long)sl_xxh64(lines.ptr, lines.len, 0));
    sl_buf_put_str(&text, sl_buf_str(&lines));
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK) code = sl_io_put_atomic(dir, name, sl_buf_str(&text), 0, "schema", err);
    sl_buf_release(&lines);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

/* ---- reading ---- */

static bool parse_line(struct sl_arena *arena, struct sl_str line, struct sl_evolution *out) {
    struct sl_json json;
    struct sl_str site, path;
    struct sl_buf text = {0};
    const struct sl_type *type;
    if (sl_json_parse(arena, line, &json, NULL) != SL_OK ||
        !sl_json_str(sl_json_get(&json, SL_STR("site")), &site) ||
        !sl_json_str(sl_json_get(&json, SL_STR("path")), &path) ||
        !sl_json_get(&json, SL_STR("type")))
        return false;
    sl_json_put(&text, sl_json_get(&json, SL_STR("type")));
    bool good = sl_type_parse_json(arena, sl_buf_str(&text), &type, NULL) == SL_OK;
    if (good) sl_evolution_add(out, sl_evolution_site(out, site), path, type);
    sl_buf_release(&text);
    return good;
}

static bool parse(struct sl_arena *arena, struct sl_str text, struct sl_evolution *out) {
    enum { HEAD = 3 + 16 + 1 };
    unsigned long long hash;
    if (text.len < HEAD || text.ptr[HEAD - 1] != '\n' ||
        sscanf(sl_arena_cstr(arena, sl_str_sub(text, 0, HEAD)), "v1 %16llx", &hash) != 1)
        return false;
    struct sl_str lines = sl_str_sub(text, HEAD, text.len);
    if (sl_xxh64(lines.ptr, lines.len, 0) != hash) return false;
    while (lines.len) {
        size_t end = sl_str_find(lines, SL_STR("\n"), 0);
        if (end == SIZE_MAX || !parse_line(arena, sl_str_sub(lines, 0, end), out)) return false;
        lines = sl_str_sub(lines, end + 1, lines.len);
    }
    return true;
}

static enum sl_code find_newest(struct sl_arena *arena, const char *dir, int64_t *newest,
                                struct sl_err *err) {
    char **names;
    size_t count = 0;
    struct sl_err local = {0};
    *newest = -1;
    enum sl_code code = sl_io_list_dir(dir, arena, &names, &count, &local);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        if (sl_str_to_i64(sl_str(names[i]), &number) && number > *newest) *newest = number;
    }
    return sl_io_remove_temporaries(dir, err);
}

static enum sl_code read_newest(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                struct sl_evolution *out, int64_t *newest, struct sl_err *err) {
    struct sl_buf text = {0};
    const char *dir = dir_of(arena, checkpoint_dir);
    SL_TRY(find_newest(arena, dir, newest, err));
    if (*newest < 0) return SL_OK;
    struct sl_str path = sl_arena_printf(arena, "%s/%lld", dir, (long long)*newest);
    enum sl_code code = sl_io_read_file(path.ptr, FILE_BYTES_MAX, &text, err);
    if (code == SL_OK && !parse(arena, sl_buf_str(&text), out)) {
        code = sl_fail(err, SL_DATA,
                       "`%s` is damaged: it says which fields were added to the query's schemas",
                       path.ptr);
        sl_hint(err, "restore it from a backup; without it the fields are found again when "
                     "records have them, perhaps with other types");
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_schema_file_read(struct sl_str checkpoint_dir, struct sl_evolution *out,
                                 int64_t *newest, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "schema file");
    enum sl_code code = read_newest(&arena, checkpoint_dir, out, newest, err);
    sl_arena_release(&arena);
    return code;
}
