/* Publication of a file that others rely on; see io.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file_sum.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/io_int.h"

struct sl_put {
    struct sl_arena arena;
    const char *dir, *name, *point;
    const char *from, *to; /* the hidden temporary, the final path */
    unsigned flags;
    int fd;
    struct sl_file_sum sum;
};

static void free_put(struct sl_put *put) {
    if (put->fd >= 0) close(put->fd);
    sl_file_sum_release(&put->sum);
    sl_arena_release(&put->arena);
    free(put);
}

void sl_put_abort(struct sl_put *put) {
    if (!put) return;
    unlink(put->from);
    free_put(put);
}

static enum sl_code fail_put(struct sl_put *put, int failure, const char *what,
                             struct sl_err *err) {
    enum sl_code code = sl_fail_sys(err, failure, "could not %s `%s`", what, put->from);
    sl_put_abort(put);
    return code;
}

enum sl_code sl_put_open(const char *dir, const char *name, unsigned flags, const char *point,
                         struct sl_put **out, struct sl_err *err) {
    struct sl_put *put = sl_xcalloc(1, sizeof *put);
    sl_arena_init(&put->arena, "put");
    char uuid[37] = {0};
    uint64_t high, low;
    sl_random_system(&high, &low);
    sl_uuid_format(uuid, high, low);
    struct sl_str hidden = sl_arena_printf(&put->arena, ".%s.%s.tmp", name, uuid);
    put->dir = sl_arena_cstr(&put->arena, sl_str(dir));
    put->name = sl_arena_cstr(&put->arena, sl_str(name));
    put->point = point;
    put->flags = flags;
    put->from = sl_path_join(&put->arena, dir, hidden.ptr);
    put->to = sl_path_join(&put->arena, dir, name);
    put->fd = open(put->from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (put->fd < 0) {
        enum sl_code code = sl_fail_sys(err, errno, "could not create `%s`", put->from);
        free_put(put);
        return code;
    }
    int failure = sl_io_step(point, "pre");
    if (failure) return fail_put(put, failure, "write", err);
    *out = put;
    return SL_OK;
}

enum sl_code sl_put_write(struct sl_put *put, struct sl_str bytes, struct sl_err *err) {
    if (put->flags & SL_PUT_SUMMED) sl_file_sum_add(&put->sum, bytes);
    int failure = sl_io_write_all(put->fd, bytes.ptr, bytes.len);
    return failure ? sl_fail_sys(err, failure, "could not write `%s`", put->from) : SL_OK;
}

static int seal(struct sl_put *put, const char **what) {
    *what = "write";
    int failure = sl_io_step(put->point, "written");
    if (!failure) *what = "sync", failure = sl_io_fsync(put->fd);
    if (!failure) failure = sl_io_step(put->point, "synced");
    int closed = close(put->fd);
    put->fd = -1;
    if (!failure && closed != 0) *what = "close", failure = errno;
    return failure;
}

/* For file systems whose rename has no RENAME_NOREPLACE. A kill in between leaves the temporary as
 * a second name, which the next start removes. */
static int take_name_by_link(struct sl_put *put) {
    if (link(put->from, put->to) != 0) return errno;
    int failure = sl_fail_point("io.linked");
    if (failure) return failure;
    return unlink(put->from) == 0 ? 0 : errno;
}

/* 0, or errno; EEXIST when the name is taken and may not be replaced. A sidecar that stands there
 * belongs to what had this name before. */
static int take_name(struct sl_put *put) {
    bool replace = put->flags & SL_PUT_REPLACE;
    if (!replace && access(put->to, F_OK) == 0) return EEXIST;
    sl_file_sum_remove(put->dir, put->name);
    int failure = sl_fail_point("io.rename");
    if (failure) return failure;
    if (replace) return rename(put->from, put->to) == 0 ? 0 : errno;
    failure = sl_fail_point("io.noreplace");
    if (!failure && renameat2(AT_FDCWD, put->from, AT_FDCWD, put->to, RENAME_NOREPLACE) == 0)
        return 0;
    if (!failure) failure = errno;
    bool unknown = failure == EINVAL || failure == ENOSYS || failure == ENOTSUP;
    return unknown ? take_name_by_link(put) : failure;
}

static enum sl_code fail_name(struct sl_put *put, int failure, struct sl_err *err) {
    enum sl_code code;
    if (failure == EEXIST)
        code = sl_fail(err, SL_CONFLICT, "`%s` exists already; another writer made it", put->to);
    else
        code = sl_fail_sys(err, failure, "could not rename `%s` to `%s`", put->from, put->to);
    sl_put_abort(put);
    return code;
}

enum sl_code sl_put_publish(struct sl_put *put, struct sl_err *err) {
    const char *what;
    int failure = seal(put, &what);
    if (failure) return fail_put(put, failure, what, err);
    failure = take_name(put);
    if (failure) return fail_name(put, failure, err);
    enum sl_code code = SL_OK;
    failure = sl_io_step(put->point, "named");
    /* after the name, so that a kill in between leaves a file without a sidecar, which is fine, and
     * never a sidecar without its file, on which Spark's rename of the same batch would fail */
    if (!failure && put->flags & SL_PUT_SUMMED) sl_file_sum_write(&put->sum, put->dir, put->name);
    if (!failure) code = sl_io_sync_dir(put->dir, err);
    if (!failure && code == SL_OK) failure = sl_io_step(put->point, "dirsynced");
    if (failure) code = sl_fail_sys(err, failure, "could not publish `%s`", put->to);
    free_put(put);
    return code;
}

enum sl_code sl_io_put_atomic(const char *dir, const char *name, struct sl_str bytes,
                              unsigned flags, const char *point, struct sl_err *err) {
    struct sl_put *put;
    SL_TRY(sl_put_open(dir, name, flags, point, &put, err));
    enum sl_code code = sl_put_write(put, bytes, err);
    if (code == SL_OK) return sl_put_publish(put, err);
    sl_put_abort(put);
    return code;
}
