/* <checkpoint>/sources/<i>/.start.sluice: {"option":"latest","offset":{..}}, the offset as in
 * offsets/N. */
#include "conn/delta/delta_start.h"

#include <errno.h>

#include "base/io.h"
#include "base/json.h"

#define FILE_NAME ".start.sluice"

static enum sl_code parse(struct sl_arena *arena, struct sl_str text, struct sl_delta_start *out,
                          struct sl_err *err) {
    struct sl_json tree;
    struct sl_buf offset = {0};
    SL_TRY(sl_json_parse(arena, text, &tree, err));
    const struct sl_json *place = sl_json_get(&tree, SL_STR("offset"));
    if (!sl_json_str(sl_json_get(&tree, SL_STR("option")), &out->option) || !place)
        return sl_fail(err, SL_DATA, "it has no `option` or no `offset`");
    out->option = sl_arena_str(arena, out->option);
    sl_json_put(&offset, place);
    enum sl_code code = sl_delta_offset_parse(arena, sl_buf_str(&offset), &out->place, err);
    sl_buf_release(&offset);
    return code;
}

enum sl_code sl_delta_start_read(const char *dir, struct sl_arena *arena,
                                 struct sl_delta_start *out, bool *found, struct sl_err *err) {
    enum { BYTES_MAX = 1 << 16 };
    struct sl_buf text = {0};
    struct sl_err local = {0};
    const char *path = sl_path_join(arena, dir, FILE_NAME);
    *found = false;
    enum sl_code code = sl_io_read_file(path, BYTES_MAX, &text, &local);
    if (code != SL_OK && local.sys == ENOENT) {
        sl_buf_release(&text);
        return SL_OK;
    }
    if (code == SL_OK) code = parse(arena, sl_buf_str(&text), out, &local);
    *found = code == SL_OK;
    sl_buf_release(&text);
    if (code == SL_OK) return SL_OK;
    if (err) *err = local;
    return sl_context(err, "checkpoint file `%s`", path), code;
}

enum sl_code sl_delta_start_write(const char *dir, const struct sl_delta_start *start,
                                  struct sl_err *err) {
    struct sl_buf text = {0};
    sl_buf_put_cstr(&text, "{\"option\":");
    sl_json_put_string(&text, start->option);
    sl_buf_put_cstr(&text, ",\"offset\":");
    sl_delta_offset_put(&text, &start->place);
    sl_buf_put_cstr(&text, "}\n");
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code =
            sl_io_put_atomic(dir, FILE_NAME, sl_buf_str(&text), SL_PUT_REPLACE, "delta_start", err);
    sl_buf_release(&text);
    return code;
}
