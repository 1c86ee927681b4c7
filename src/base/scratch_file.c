#include "base/scratch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/io.h"
#include "base/io_int.h"

struct sl_scratch_file {
    int fd;
    uint64_t bytes;
    const char *dir;
};

/* Not every file system makes files without a name. */
static int open_unlinked(const char *dir) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/.scratch.XXXXXX", dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
    return fd;
}

enum sl_code sl_scratch_file_open(const char *dir, struct sl_scratch_file **out,
                                  struct sl_err *err) {
    SL_TRY(sl_io_make_dirs(dir, err));
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        fd = open_unlinked(dir);
    if (fd < 0) return sl_fail_sys(err, errno, "could not make a scratch file in `%s`", dir);
    *out = sl_xcalloc(1, sizeof **out);
    **out = (struct sl_scratch_file){.fd = fd, .dir = dir};
    return SL_OK;
}

enum sl_code sl_scratch_file_append(struct sl_scratch_file *file, struct sl_str bytes,
                                    struct sl_err *err) {
    int failure = 0;
    if (lseek(file->fd, (off_t)file->bytes, SEEK_SET) < 0) failure = errno;
    if (!failure) failure = sl_io_write_all(file->fd, bytes.ptr, bytes.len);
    if (failure)
        return sl_fail_sys(err, failure, "could not write to a scratch file in `%s`", file->dir);
    file->bytes += bytes.len;
    return SL_OK;
}

uint64_t sl_scratch_file_bytes(const struct sl_scratch_file *file) { return file->bytes; }

enum sl_code sl_scratch_file_read(struct sl_scratch_file *file, uint64_t offset, void *to,
                                  size_t len, struct sl_err *err) {
    if (offset > file->bytes || len > file->bytes - offset)
        return sl_fail(err, SL_DATA, "a scratch file in `%s` ends early", file->dir);
    size_t got;
    int failure = sl_io_read_all(file->fd, offset, to, len, &got);
    if (!failure && got < len) failure = EIO;
    if (failure)
        return sl_fail_sys(err, failure, "could not read a scratch file in `%s`", file->dir);
    return SL_OK;
}

void sl_scratch_file_close(struct sl_scratch_file *file) {
    if (!file) return;
    close(file->fd);
    free(file);
}
