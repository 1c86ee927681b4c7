#include "run/numbered_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/hash.h"

enum { FILE_BYTES_MAX = 64 << 20, HEAD = 3 + 16 + 1 };

const char *sl_numbered_dir(struct sl_arena *arena, struct sl_str checkpoint_dir,
                            const char *folder) {
    return sl_arena_printf(arena, "%.*s/.sluice/%s", SL_STR_ARG(checkpoint_dir), folder).ptr;
}

const char *sl_numbered_path(struct sl_arena *arena, struct sl_str checkpoint_dir,
                             const char *folder, int64_t number) {
    return sl_arena_printf(arena, "%s/%lld", sl_numbered_dir(arena, checkpoint_dir, folder),
                           (long long)number)
        .ptr;
}

enum sl_code sl_numbered_write(struct sl_str checkpoint_dir, const char *folder, int64_t number,
                               struct sl_str lines, unsigned put_flags, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    char name[24];
    sl_arena_init(&arena, "numbered file");
    const char *dir = sl_numbered_dir(&arena, checkpoint_dir, folder);
    snprintf(name, sizeof name, "%lld", (long long)number);
    sl_buf_printf(&text, "v1 %016llx\n", (unsigned long long)sl_xxh64(lines.ptr, lines.len, 0));
    sl_buf_put_str(&text, lines);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, name, sl_buf_str(&text), put_flags, folder, err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

static bool take_head(struct sl_arena *arena, struct sl_str text, struct sl_str *lines) {
    unsigned long long hash;
    if (text.len < HEAD || text.ptr[HEAD - 1] != '\n' ||
        sscanf(sl_arena_cstr(arena, sl_str_sub(text, 0, HEAD)), "v1 %16llx", &hash) != 1)
        return false;
    *lines = sl_str_sub(text, HEAD, text.len);
    return sl_xxh64(lines->ptr, lines->len, 0) == hash;
}

enum sl_code sl_numbered_damaged(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                 const char *folder, int64_t number, const char *says,
                                 struct sl_err *err) {
    return sl_fail(err, SL_DATA, "`%s` is damaged: it says %s",
                   sl_numbered_path(arena, checkpoint_dir, folder, number), says);
}

enum sl_code sl_numbered_read(struct sl_arena *arena, struct sl_str checkpoint_dir,
                              const char *folder, int64_t number, const char *says,
                              struct sl_str *lines, bool *found, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_err local = {0};
    const char *path = sl_numbered_path(arena, checkpoint_dir, folder, number);
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &text, &local);
    *found = code == SL_OK;
    *lines = (struct sl_str){0};
    if (code == SL_OK && !take_head(arena, sl_arena_str(arena, sl_buf_str(&text)), lines))
        code = sl_numbered_damaged(arena, checkpoint_dir, folder, number, says, &local);
    sl_buf_release(&text);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK && err) *err = local;
    return code;
}

bool sl_numbered_next(struct sl_str *lines, struct sl_str *line) {
    size_t end = sl_str_find(*lines, SL_STR("\n"), 0);
    if (end == SIZE_MAX) return false;
    *line = sl_str_sub(*lines, 0, end);
    *lines = sl_str_sub(*lines, end + 1, lines->len);
    return true;
}

enum sl_code sl_numbered_list(struct sl_arena *arena, struct sl_str checkpoint_dir,
                              const char *folder, int64_t **numbers, size_t *count,
                              struct sl_err *err) {
    return sl_io_list_numbers(sl_numbered_dir(arena, checkpoint_dir, folder), arena, numbers, count,
                              err);
}
