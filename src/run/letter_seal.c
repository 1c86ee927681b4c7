#include "run/letter_seal.h"

#include <errno.h>
#include <stdio.h>

#include "base/io.h"

static struct sl_str dir_of(struct sl_arena *arena, struct sl_str checkpoint_dir) {
    return sl_arena_printf(arena, "%.*s/.sluice/letters", SL_STR_ARG(checkpoint_dir));
}

enum sl_code sl_letter_seal_write(struct sl_str checkpoint_dir, const struct sl_letters *letters,
                                  struct sl_err *err) {
    struct sl_arena arena;
    char name[24], text[64];
    if (letters->count == 0) return SL_OK;
    sl_arena_init(&arena, "letter seal");
    const char *dir = dir_of(&arena, checkpoint_dir).ptr;
    snprintf(name, sizeof name, "%lld", (long long)letters->batch_id);
    snprintf(text, sizeof text, "v1\n%llu %016llx\n", (unsigned long long)letters->count,
             (unsigned long long)letters->digest);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, name, sl_str(text), SL_PUT_REPLACE, "letters", err);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code differs(const struct sl_letters *letters, unsigned long long count,
                            struct sl_err *err) {
    sl_fail(err, SL_USER,
            "batch %lld of query `%.*s` has %llu dead letters in its quarantine already, but runs "
            "again with %llu, and not the same ones",
            (long long)letters->batch_id, SL_STR_ARG(letters->query), count,
            (unsigned long long)letters->count);
    return sl_hint(err, "the query or its constraints were changed while this batch was half "
                        "committed; run it once as it was, then with the change"),
           SL_USER;
}

enum sl_code sl_letter_seal_check(struct sl_str checkpoint_dir, const struct sl_letters *letters,
                                  struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    struct sl_err local = {0};
    unsigned long long count = 0, digest = 0;
    sl_arena_init(&arena, "letter seal");
    struct sl_str path = sl_arena_printf(&arena, "%s/%lld", dir_of(&arena, checkpoint_dir).ptr,
                                         (long long)letters->batch_id);
    enum sl_code code = sl_io_read_file(path.ptr, 256, &text, &local);
    if (code == SL_OK && sscanf(sl_buf_cstr(&text), "v1\n%llu %16llx", &count, &digest) != 2)
        code = sl_fail(&local, SL_DATA, "`%s` is damaged", path.ptr);
    /* no letters then: an empty batch is in the quarantine */
    if (code != SL_OK && local.sys == ENOENT) code = SL_OK;
    if (code != SL_OK && err) *err = local;
    if (code == SL_OK && (count != letters->count || digest != letters->digest))
        code = differs(letters, count, err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_letter_seal_remove(struct sl_str checkpoint_dir, int64_t batch_id,
                                   struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "letter seal");
    struct sl_str path =
        sl_arena_printf(&arena, "%s/%lld", dir_of(&arena, checkpoint_dir).ptr, (long long)batch_id);
    enum sl_code code = sl_io_unlink(path.ptr, err);
    sl_arena_release(&arena);
    return code;
}
