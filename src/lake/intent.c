/* One line a file, JSON, closed by a CRC line: a torn intent is never half believed. */
#include "lake/intent.h"

#include <errno.h>

#include "base/hash.h"
#include "base/json.h"

static const char first_line[] = "sluice-intent v1\n";
enum { FILE_BYTES_MAX = 256 << 20 };

static void batch_name(char *to, size_t cap, int64_t batch_id) {
    snprintf(to, cap, "%lld", (long long)batch_id);
}

static void put_text(struct sl_buf *out, const struct sl_intent *intent) {
    sl_buf_put_cstr(out, first_line);
    sl_buf_printf(out, "{\"batchId\":%lld,\"offsetsHash\":\"%016llx\",\"files\":%zu}\n",
                  (long long)intent->batch_id, (unsigned long long)intent->offsets_hash,
                  intent->count);
    for (size_t i = 0; i < intent->count; i++) {
        const struct sl_intent_file *file = &intent->files[i];
        sl_buf_put_cstr(out, "{\"staged\":");
        sl_json_put_string(out, file->staged);
        sl_buf_put_cstr(out, ",\"final\":");
        sl_json_put_string(out, file->final);
        sl_buf_printf(out, ",\"bytes\":%llu,\"rows\":%llu}\n", (unsigned long long)file->bytes,
                      (unsigned long long)file->rows);
    }
    sl_buf_printf(out, "crc32 %08x\n", sl_crc32(0, out->ptr, out->len));
}

enum sl_code sl_intent_write(const char *dir, const struct sl_intent *intent, struct sl_err *err) {
    struct sl_buf text = {0};
    char name[24];
    batch_name(name, sizeof name, intent->batch_id);
    put_text(&text, intent);
    enum sl_code code = sl_io_make_dirs(dir, err);
    /* an intent of the same batch is a leftover of a failed attempt that was rolled back */
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, name, sl_buf_str(&text), SL_PUT_REPLACE, "intents", err);
    sl_buf_release(&text);
    return code;
}

static bool take_line(struct sl_str *rest, struct sl_str *line) {
    size_t end = sl_str_find(*rest, SL_STR("\n"), 0);
    if (end == SIZE_MAX) return false;
    *line = sl_str_sub(*rest, 0, end);
    *rest = sl_str_sub(*rest, end + 1, rest->len);
    return true;
}

static bool crc_holds(struct sl_str *text) {
    enum { CRC_LINE_BYTES = 15 }; /* "crc32 " + 8 digits + newline */
    if (text->len < CRC_LINE_BYTES + sizeof first_line) return false;
    char want[CRC_LINE_BYTES + 1];
    text->len -= CRC_LINE_BYTES;
    snprintf(want, sizeof want, "crc32 %08x\n", sl_crc32(0, text->ptr, text->len));
    return memcmp(text->ptr + text->len, want, CRC_LINE_BYTES) == 0;
}

static bool parse_hex(struct sl_str text, uint64_t *out) {
    char copy[17] = {0};
    if (text.len != 16) return false;
    memcpy(copy, text.ptr, 16);
    unsigned long long value;
    if (sscanf(copy, "%16llx", &value) != 1) return false;
    *out = value;
    return true;
}

static bool parse_head(struct sl_arena *arena, struct sl_str line, struct sl_intent *out) {
    struct sl_json json;
    struct sl_str hash;
    int64_t count;
    if (sl_json_parse(arena, line, &json, NULL) != SL_OK) return false;
    if (!sl_json_i64(sl_json_get(&json, SL_STR("batchId")), &out->batch_id)) return false;
    if (!sl_json_i64(sl_json_get(&json, SL_STR("files")), &count) || count < 0) return false;
    if (!sl_json_str(sl_json_get(&json, SL_STR("offsetsHash")), &hash)) return false;
    out->count = (size_t)count;
    return parse_hex(hash, &out->offsets_hash);
}

static bool parse_file(struct sl_arena *arena, struct sl_str line, struct sl_intent_file *out) {
    struct sl_json json;
    int64_t bytes, rows;
    if (sl_json_parse(arena, line, &json, NULL) != SL_OK) return false;
    if (!sl_json_str(sl_json_get(&json, SL_STR("staged")), &out->staged)) return false;
    if (!sl_json_str(sl_json_get(&json, SL_STR("final")), &out->final)) return false;
    if (!sl_json_i64(sl_json_get(&json, SL_STR("bytes")), &bytes)) return false;
    if (!sl_json_i64(sl_json_get(&json, SL_STR("rows")), &rows)) return false;
    out->bytes = (uint64_t)bytes;
    out->rows = (uint64_t)rows;
    return true;
}

static bool parse_text(struct sl_arena *arena, struct sl_str text, struct sl_intent *out) {
    struct sl_str line;
    if (!crc_holds(&text)) return false;
    if (!take_line(&text, &line) || !take_line(&text, &line) || !parse_head(arena, line, out))
        return false;
    if (out->count > text.len) return false;
    out->files = SL_NEW_ARRAY(arena, struct sl_intent_file, out->count + 1);
    for (size_t i = 0; i < out->count; i++)
        if (!take_line(&text, &line) || !parse_file(arena, line, &out->files[i])) return false;
    return text.len == 0;
}

enum sl_code sl_intent_read(const char *dir, int64_t batch_id, struct sl_arena *arena,
                            struct sl_intent *out, bool *found, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_err local = {0};
    char name[24];
    batch_name(name, sizeof name, batch_id);
    const char *path = sl_path_join(arena, dir, name);
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &text, &local);
    *found = code == SL_OK;
    struct sl_str copy = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    *out = (struct sl_intent){0};
    if (parse_text(arena, copy, out) && out->batch_id == batch_id) return SL_OK;
    sl_fail(err, SL_DATA, "`%s` is damaged (its checksum does not hold)", path);
    return sl_hint(err, "restore the checkpoint from a backup taken together with the table"),
           SL_DATA;
}

enum sl_code sl_intent_remove(const char *dir, int64_t batch_id, struct sl_err *err) {
    struct sl_arena arena;
    char name[24];
    sl_arena_init(&arena, "intent");
    batch_name(name, sizeof name, batch_id);
    enum sl_code code = sl_io_unlink(sl_path_join(&arena, dir, name), err);
    sl_arena_release(&arena);
    return code;
}
