#include "run/schema_file.h"

#include "base/json.h"
#include "run/numbered_file.h"

static const char folder[] = "schema";

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
    struct sl_buf lines = {0};
    put_lines(&lines, evolution);
    enum sl_code code =
        sl_numbered_write(checkpoint_dir, folder, number, sl_buf_str(&lines), 0, err);
    sl_buf_release(&lines);
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

static bool parse(struct sl_arena *arena, struct sl_str lines, struct sl_evolution *out) {
    struct sl_str line;
    while (lines.len)
        if (!sl_numbered_next(&lines, &line) || !parse_line(arena, line, out)) return false;
    return true;
}

static enum sl_code find_newest(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                int64_t *newest, struct sl_err *err) {
    int64_t *numbers;
    size_t count;
    *newest = -1;
    SL_TRY(sl_numbered_list(arena, checkpoint_dir, folder, &numbers, &count, err));
    for (size_t i = 0; i < count; i++)
        if (numbers[i] > *newest) *newest = numbers[i];
    if (!numbers) return SL_OK;
    return sl_io_remove_temporaries(sl_numbered_dir(arena, checkpoint_dir, folder), err);
}

static enum sl_code read_newest(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                struct sl_evolution *out, int64_t *newest, struct sl_err *err) {
    static const char says[] = "which fields were added to the query's schemas";
    struct sl_str lines;
    bool found;
    SL_TRY(find_newest(arena, checkpoint_dir, newest, err));
    if (*newest < 0) return SL_OK;
    enum sl_code code =
        sl_numbered_read(arena, checkpoint_dir, folder, *newest, says, &lines, &found, err);
    if (code == SL_OK && !parse(arena, lines, out))
        code = sl_numbered_damaged(arena, checkpoint_dir, folder, *newest, says, err);
    if (code == SL_DATA)
        sl_hint(err, "restore it from a backup; without it the fields are found again when "
                     "records have them, perhaps with other types");
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
