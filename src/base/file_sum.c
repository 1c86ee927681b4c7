#include "base/file_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/io_int.h"

enum { CHUNK_BYTES = 512, HEAD_BYTES = 8 };
static const uint8_t head[HEAD_BYTES] = {'c', 'r', 'c', 0, 0, 0, CHUNK_BYTES >> 8, 0};

static void end_chunk(struct sl_file_sum *sum) {
    uint8_t bytes[4] = {sum->crc >> 24 & 0xFF, sum->crc >> 16 & 0xFF, sum->crc >> 8 & 0xFF,
                        sum->crc & 0xFF};
    sl_buf_put(&sum->sums, bytes, sizeof bytes);
    sum->crc = 0;
    sum->in_chunk = 0;
}

void sl_file_sum_add(struct sl_file_sum *sum, struct sl_str bytes) {
    while (bytes.len) {
        size_t take = CHUNK_BYTES - sum->in_chunk;
        if (take > bytes.len) take = bytes.len;
        sum->crc = sl_crc32(sum->crc, bytes.ptr, take);
        sum->in_chunk += (uint32_t)take;
        if (sum->in_chunk == CHUNK_BYTES) end_chunk(sum);
        bytes = sl_str_sub(bytes, take, bytes.len);
    }
}

static struct sl_str finish(struct sl_file_sum *sum) {
    if (sum->in_chunk) end_chunk(sum);
    return sl_buf_str(&sum->sums);
}

void sl_file_sum_release(struct sl_file_sum *sum) { sl_buf_release(&sum->sums); }

static const char *sidecar(struct sl_arena *arena, const char *dir, const char *name) {
    return sl_path_join(arena, dir, sl_arena_printf(arena, ".%s.crc", name).ptr);
}

static int write_sums(const char *path, struct sl_str sums) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return errno;
    int failure = sl_io_write_all(fd, head, sizeof head);
    if (!failure) failure = sl_io_write_all(fd, sums.ptr, sums.len);
    if (close(fd) != 0 && !failure) failure = errno;
    return failure;
}

/* Under a temporary name first: a kill in the middle would leave too few sums, and they would
 * count. */
void sl_file_sum_write(struct sl_file_sum *sum, const char *dir, const char *name) {
    struct sl_arena arena;
    sl_arena_init(&arena, "sidecar");
    char uuid[37] = {0};
    uint64_t high, low;
    sl_random_system(&high, &low);
    sl_uuid_format(uuid, high, low);
    const char *hidden = sl_arena_printf(&arena, ".%s.crc.%s.tmp", name, uuid).ptr;
    const char *from = sl_path_join(&arena, dir, hidden);
    if (write_sums(from, finish(sum)) || rename(from, sidecar(&arena, dir, name)) != 0)
        unlink(from);
    sl_arena_release(&arena);
}

void sl_file_sum_remove(const char *dir, const char *name) {
    struct sl_arena arena;
    sl_arena_init(&arena, "sidecar");
    unlink(sidecar(&arena, dir, name));
    sl_arena_release(&arena);
}

/* The sums that the sidecar has; false where there is nothing to compare with. */
static bool read_sums(const char *path, size_t sum_bytes, struct sl_buf *out) {
    if (sl_io_read_file(path, sum_bytes + HEAD_BYTES + CHUNK_BYTES, out, NULL) != SL_OK)
        return false;
    return out->len >= HEAD_BYTES && memcmp(out->ptr, head, HEAD_BYTES) == 0;
}

enum sl_code sl_file_sum_check(struct sl_file_sum *sum, const char *path, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "sidecar");
    struct sl_str sums = finish(sum);
    struct sl_buf kept = {0};
    const char *slash = strrchr(path, '/');
    struct sl_str dir = slash ? (struct sl_str){path, (size_t)(slash - path)} : SL_STR(".");
    const char *beside = sidecar(&arena, sl_arena_cstr(&arena, dir), slash ? slash + 1 : path);
    enum sl_code code = SL_OK;
    if (read_sums(beside, sums.len, &kept) &&
        !sl_str_eq(sl_str_sub(sl_buf_str(&kept), HEAD_BYTES, kept.len), sums)) {
        code = sl_fail(err, SL_USER,
                       "`%s` does not have the checksum in `%s`: it is damaged, or was edited",
                       path, beside);
        sl_hint(err, "restore it from a backup; if it was edited on purpose, remove the checksum");
    }
    sl_buf_release(&kept);
    sl_arena_release(&arena);
    return code;
}
