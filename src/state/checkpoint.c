/* The directory and its numbered logs; the texts inside are in checkpoint_text.c. */
#include "state/checkpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/file_sum.h"
#include "base/hash.h"
#include "state/checkpoint_int.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static const char *path_in(const struct sl_checkpoint *checkpoint, struct sl_arena *arena,
                           const char *log_name, int64_t id) {
    return (const char *)sl_arena_printf(arena, "%s/%s/%lld", checkpoint->dir, log_name,
                                         (long long)id)
        .ptr;
}

enum sl_code sl_checkpoint_ids(const struct sl_checkpoint *checkpoint, const char *log_name,
                               struct sl_arena *arena, int64_t **ids, size_t *count,
                               struct sl_err *err) {
    return sl_io_list_numbers(sl_path_join(arena, checkpoint->dir, log_name), arena, ids, count,
                              err);
}

static enum sl_code find_last(struct sl_checkpoint *checkpoint, const char *log_name, int64_t *last,
                              struct sl_err *err) {
    int64_t *ids;
    size_t count;
    struct sl_arena arena;
    sl_arena_init(&arena, "ids");
    enum sl_code code = sl_checkpoint_ids(checkpoint, log_name, &arena, &ids, &count, err);
    *last = code == SL_OK && count ? ids[count - 1] : -1;
    sl_arena_release(&arena);
    return code;
}

static enum sl_code read_text(const char *path, struct sl_buf *text, bool *found,
                              struct sl_err *err) {
    struct sl_err local = {0};
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, text, &local);
    *found = !(code != SL_OK && local.sys == ENOENT);
    if (!*found) return SL_OK;
    if (code == SL_OK) {
        struct sl_file_sum sum = {0};
        sl_file_sum_add(&sum, sl_buf_str(text));
        code = sl_file_sum_check(&sum, path, err);
        sl_file_sum_release(&sum);
        return code;
    }
    if (err) *err = local;
    return code;
}

/* `metadata` is {"id":"<uuid>"}; without it a query that has offsets would get a new id, and sinks
 * that know the old one would take its batches twice. */
static enum sl_code read_metadata(struct sl_checkpoint *checkpoint, struct sl_err *err) {
    struct sl_buf text = {0};
    bool found;
    const char *path = sl_path_join(checkpoint->query, checkpoint->dir, "metadata");
    enum sl_code code = read_text(path, &text, &found, err);
    if (code == SL_OK && found) {
        struct sl_json json;
        struct sl_str id;
        code = sl_json_parse(checkpoint->query, sl_buf_str(&text), &json, err);
        if (code == SL_OK && sl_json_str(sl_json_get(&json, SL_STR("id")), &id) && id.len)
            checkpoint->query_id = sl_arena_str(checkpoint->query, id);
        else
            code = sl_fail(err, SL_USER, "checkpoint file `%s` is not {\"id\":\"<uuid>\"}", path);
        if (code != SL_OK)
            sl_hint(
                err,
                "restore it from a backup: its id is what keeps sinks from taking a batch twice");
    } else if (code == SL_OK && (checkpoint->last_offsets >= 0 || checkpoint->last_commit >= 0)) {
        code = sl_fail(err, SL_USER, "checkpoint `%s` has batches but no `metadata` file",
                       checkpoint->dir);
        sl_hint(err, "restore `metadata` from a backup, or start with a new checkpoint directory");
    }
    sl_buf_release(&text);
    return code;
}

static enum sl_code check_shape(struct sl_checkpoint *checkpoint, struct sl_err *err) {
    int64_t *ids;
    size_t count;
    struct sl_arena *query = checkpoint->query;
    if (checkpoint->last_commit > checkpoint->last_offsets) {
        sl_fail(err, SL_USER, "checkpoint `%s`: commits/%lld has no offsets/%lld", checkpoint->dir,
                (long long)checkpoint->last_commit, (long long)checkpoint->last_commit);
        return sl_hint(err, "the directory is incomplete: restore it whole from one backup"),
               SL_USER;
    }
    SL_TRY(sl_checkpoint_ids(checkpoint, "offsets", query, &ids, &count, err));
    if (count && ids[count - 1] > 0 && (count == 1 || ids[count - 2] != ids[count - 1] - 1)) {
        sl_fail(err, SL_USER,
                "checkpoint `%s`: batch %lld doesn't exist in offsets, but batch %lld does",
                checkpoint->dir, (long long)ids[count - 1] - 1, (long long)ids[count - 1]);
        return sl_hint(err, "the directory is incomplete: restore it whole from one backup"),
               SL_USER;
    }
    return SL_OK;
}

static enum sl_code load(struct sl_checkpoint *checkpoint, struct sl_err *err) {
    SL_TRY(find_last(checkpoint, "offsets", &checkpoint->last_offsets, err));
    SL_TRY(find_last(checkpoint, "commits", &checkpoint->last_commit, err));
    SL_TRY(read_metadata(checkpoint, err));
    return checkpoint->read_only ? SL_OK : check_shape(checkpoint, err);
}

/* A kill between the rename of a file and the sync of its directory leaves a name that a power cut
 * may take back; what is decided from it now must not outlive it. */
static enum sl_code sync_if_there(const char *dir, struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(dir, &info, err));
    return info.is_dir ? sl_io_sync_dir(dir, err) : SL_OK;
}

/* A kill between the creation of a file and its rename leaves its temporary; the lock is ours, so
 * nobody is using it. */
static enum sl_code sweep(const struct sl_checkpoint *checkpoint, struct sl_err *err) {
    static const char *const dirs[] = {"offsets", "commits", ".sluice", ".sluice/intents",
                                       ".sluice/letters"};
    struct sl_arena arena;
    char **names;
    size_t count = 0;
    sl_arena_init(&arena, "sweep");
    enum sl_code code = sl_io_remove_temporaries(checkpoint->dir, err);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs && code == SL_OK; i++)
        code = sl_io_remove_temporaries(sl_path_join(&arena, checkpoint->dir, dirs[i]), err);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs && code == SL_OK; i++)
        code = sync_if_there(sl_path_join(&arena, checkpoint->dir, dirs[i]), err);
    const char *sources = sl_path_join(&arena, checkpoint->dir, "sources");
    if (code == SL_OK && sl_io_list_dir(sources, &arena, &names, &count, NULL) != SL_OK) count = 0;
    for (size_t i = 0; i < count && code == SL_OK; i++)
        code = sl_io_remove_temporaries(sl_path_join(&arena, sources, names[i]), err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_checkpoint_open(struct sl_arena *query, const char *dir, bool read_only,
                                const struct sl_log *log, struct sl_checkpoint **out,
                                struct sl_err *err) {
    struct sl_checkpoint *checkpoint = sl_xcalloc(1, sizeof *checkpoint);
    *checkpoint = (struct sl_checkpoint){
        .query = query,
        .dir = sl_arena_cstr(query, sl_str(dir)),
        .read_only = read_only,
        .log = log,
        .last_offsets = -1,
        .last_commit = -1,
    };
    struct sl_file_info info;
    enum sl_code code = sl_io_stat(dir, &info, err);
    if (code == SL_OK && read_only && !info.exists)
        code = sl_fail(err, SL_USER, "there is no checkpoint directory `%s`", dir);
    if (code == SL_OK && !read_only) code = sl_io_make_dirs(dir, err);
    if (code == SL_OK && !read_only)
        code = sl_lock_take(dir, ".sluice.lock", &checkpoint->lock, err);
    if (code == SL_OK && !read_only) code = sweep(checkpoint, err);
    if (code == SL_OK) code = load(checkpoint, err);
    if (code != SL_OK) {
        sl_checkpoint_close(checkpoint);
        return code;
    }
    *out = checkpoint;
    return SL_OK;
}

void sl_checkpoint_close(struct sl_checkpoint *checkpoint) {
    if (!checkpoint) return;
    sl_lock_free(checkpoint->lock);
    free(checkpoint);
}

struct sl_str sl_checkpoint_query_id(const struct sl_checkpoint *checkpoint) {
    return checkpoint->query_id;
}
int64_t sl_checkpoint_last_offsets(const struct sl_checkpoint *checkpoint) {
    return checkpoint->last_offsets;
}
int64_t sl_checkpoint_last_commit(const struct sl_checkpoint *checkpoint) {
    return checkpoint->last_commit;
}

enum sl_code sl_checkpoint_ensure_metadata(struct sl_checkpoint *checkpoint, struct sl_err *err) {
    if (checkpoint->query_id.len) return SL_OK;
    uint64_t high, low;
    char uuid[37] = {0};
    sl_random_system(&high, &low);
    sl_uuid_format(uuid, high, low);
    struct sl_str text = sl_arena_printf(checkpoint->query, "{\"id\":\"%s\"}", uuid);
    SL_TRY(sl_io_put_atomic(checkpoint->dir, "metadata", text, SL_PUT_SUMMED, "metadata", err));
    checkpoint->query_id = sl_arena_str(checkpoint->query, sl_str(uuid));
    return SL_OK;
}

/* ---- offsets and commits ---- */

static enum sl_code missing(const struct sl_checkpoint *checkpoint, const char *log_name,
                            int64_t id, struct sl_err *err) {
    return sl_fail(err, SL_USER, "checkpoint `%s`: batch %lld doesn't exist in %s", checkpoint->dir,
                   (long long)id, log_name);
}

enum sl_code sl_checkpoint_read_offsets(const struct sl_checkpoint *checkpoint, int64_t batch_id,
                                        struct sl_arena *arena, struct sl_offset_seq *out,
                                        struct sl_err *err) {
    struct sl_buf text = {0};
    bool found;
    const char *path = path_in(checkpoint, arena, "offsets", batch_id);
    enum sl_code code = read_text(path, &text, &found, err);
    if (code == SL_OK && !found) code = missing(checkpoint, "offsets", batch_id, err);
    if (code == SL_OK) {
        code = sl_offset_seq_parse(arena, sl_arena_str(arena, sl_buf_str(&text)), out, err);
        if (code != SL_OK) sl_context(err, "checkpoint file `%s`", path);
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_checkpoint_read_commit(const struct sl_checkpoint *checkpoint, int64_t batch_id,
                                       struct sl_commit_entry *out, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_arena arena;
    bool found;
    sl_arena_init(&arena, "commit");
    const char *path = path_in(checkpoint, &arena, "commits", batch_id);
    enum sl_code code = read_text(path, &text, &found, err);
    if (code == SL_OK && !found) code = missing(checkpoint, "commits", batch_id, err);
    if (code == SL_OK) {
        code = sl_commit_entry_parse(&arena, sl_buf_str(&text), out, err);
        if (code != SL_OK) sl_context(err, "checkpoint file `%s`", path);
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code put_entry(struct sl_checkpoint *checkpoint, const char *log_name,
                              int64_t batch_id, struct sl_str text, struct sl_err *err) {
    char name[24];
    snprintf(name, sizeof name, "%lld", (long long)batch_id);
    struct sl_arena arena;
    sl_arena_init(&arena, "entry");
    const char *dir = sl_path_join(&arena, checkpoint->dir, log_name);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK) code = sl_io_put_atomic(dir, name, text, SL_PUT_SUMMED, log_name, err);
    sl_arena_release(&arena);
    if (code == SL_CONFLICT && err) {
        snprintf(err->condition, sizeof err->condition, "CONCURRENT_STREAM_LOG_UPDATE");
        snprintf(err->sqlstate, sizeof err->sqlstate, "40000");
        sl_hint(err, "two processes run this query; stop one, then start again");
    }
    return code;
}

enum sl_code sl_checkpoint_write_offsets(struct sl_checkpoint *checkpoint, int64_t batch_id,
                                         struct sl_offset_seq *seq, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_offset_seq_put(&text, seq);
    enum sl_code code = put_entry(checkpoint, "offsets", batch_id, sl_buf_str(&text), err);
    if (code == SL_OK) {
        seq->hash = sl_xxh64(text.ptr, text.len, 0);
        checkpoint->last_offsets = batch_id;
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_checkpoint_write_commit(struct sl_checkpoint *checkpoint, int64_t batch_id,
                                        const struct sl_commit_entry *entry, struct sl_err *err) {
    char text[96];
    snprintf(text, sizeof text, "v1\n{\"nextBatchWatermarkMs\":%lld}",
             (long long)entry->next_batch_watermark_ms);
    SL_TRY(put_entry(checkpoint, "commits", batch_id, sl_str(text), err));
    checkpoint->last_commit = batch_id;
    return SL_OK;
}

/* ---- sources/<i>/0 ---- */

static const char *source_dir(const struct sl_checkpoint *checkpoint, struct sl_arena *arena,
                              uint32_t source) {
    return (const char *)sl_arena_printf(arena, "%s/sources/%u", checkpoint->dir, source).ptr;
}

enum sl_code sl_checkpoint_read_initial(const struct sl_checkpoint *checkpoint, uint32_t source,
                                        struct sl_buf *out, bool *found, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_arena arena;
    sl_arena_init(&arena, "initial");
    const char *path = sl_path_join(&arena, source_dir(checkpoint, &arena, source), "0");
    enum sl_code code = read_text(path, &text, found, err);
    if (code == SL_OK && *found) {
        /* one byte (0 since Spark 2.1), then "v1\n" and the offset; before that the bare JSON */
        struct sl_str body = sl_buf_str(&text);
        if (body.len && body.ptr[0] == 0) body = sl_str_sub(body, 1, body.len);
        if (sl_str_starts(body, SL_STR("v1\n")))
            body = sl_str_sub(body, 3, body.len);
        else if (sl_str_starts(body, SL_STR("v")) || body.len == 0)
            code = sl_fail(err, SL_USER,
                           "checkpoint file `%s` is truncated or of an unknown version", path);
        struct sl_json ignored;
        if (code == SL_OK) {
            code = sl_json_parse(&arena, sl_str_trim(body), &ignored, err);
            if (code != SL_OK) sl_context(err, "checkpoint file `%s`", path);
        }
        sl_buf_put_str(out, sl_str_trim(body));
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_checkpoint_write_initial(struct sl_checkpoint *checkpoint, uint32_t source,
                                         struct sl_str offset, struct sl_err *err) {
    struct sl_buf text = {0};
    const char *dir = source_dir(checkpoint, checkpoint->query, source);
    sl_buf_put(&text, "\0v1\n", 4);
    sl_buf_put_str(&text, offset);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, "0", sl_buf_str(&text), SL_PUT_REPLACE | SL_PUT_SUMMED,
                                "initial", err);
    sl_buf_release(&text);
    return code;
}

/* ---- purge ---- */

static enum sl_code purge_log(struct sl_checkpoint *checkpoint, const char *log_name, int64_t below,
                              struct sl_arena *arena, struct sl_err *err) {
    int64_t *ids;
    size_t count;
    SL_TRY(sl_checkpoint_ids(checkpoint, log_name, arena, &ids, &count, err));
    for (size_t i = 0; i < count && ids[i] < below; i++) {
        const char *sidecar =
            sl_arena_printf(arena, "%s/%s/.%lld.crc", checkpoint->dir, log_name, (long long)ids[i])
                .ptr;
        SL_TRY(sl_io_unlink(sidecar, err));
        SL_TRY(sl_io_unlink(path_in(checkpoint, arena, log_name, ids[i]), err));
    }
    return SL_OK;
}

enum sl_code sl_checkpoint_purge(struct sl_checkpoint *checkpoint, int64_t batch_id, int64_t retain,
                                 struct sl_err *err) {
    /* Listing costs a system call per file, so it is done for every tenth batch only. Batch N
     * cannot run again without offsets/N-1. */
    if (retain < 1) retain = 1;
    if (batch_id <= retain || batch_id % 10 != 0) return SL_OK;
    int failure = sl_fail_point("purge.pre");
    if (failure) return sl_fail_sys(err, failure, "could not purge `%s`", checkpoint->dir);
    struct sl_arena arena;
    sl_arena_init(&arena, "purge");
    enum sl_code code = purge_log(checkpoint, "offsets", batch_id - retain, &arena, err);
    if (code == SL_OK) code = purge_log(checkpoint, "commits", batch_id - retain, &arena, err);
    sl_arena_release(&arena);
    return code;
}
