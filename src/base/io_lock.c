/* Single-owner lock. An open-file-description lock dies with its last descriptor, so a killed owner
 * leaves nothing to clean up; the text in the file only serves the message. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/io_int.h"

struct sl_lock {
    int fd;
};

static enum sl_code refuse(int fd, const char *path, struct sl_err *err) {
    char holder[256] = "";
    ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
    if (got > 0) holder[strcspn(holder, "\n")] = '\0';
    sl_fail(err, SL_CONFLICT, "`%s` is held by another process (%s)", path,
            *holder ? holder : "it left no name");
    if (err) err->retriable = true;
    sl_hint(err, "stop that process first; a lock of a process that ended is released by itself");
    return SL_CONFLICT;
}

static void write_holder(int fd) {
    char host[128] = "", started[SL_CLOCK_TEXT_SIZE], text[256];
    gethostname(host, sizeof host - 1);
    sl_clock_text(started, sl_clock_wall_us() / 1000);
    int len =
        snprintf(text, sizeof text, "pid %ld on %s since %s\n", (long)getpid(), host, started);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len) return;
    /* the lock holds without its text */
}

enum sl_code sl_lock_take(const char *dir, const char *name, struct sl_lock **out,
                          struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "lock");
    const char *path = sl_path_join(&arena, dir, name);
    enum sl_code code = SL_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0)
        code = sl_fail_sys(err, errno, "could not open lock file `%s`", path);
    else if (fcntl(fd, F_OFD_SETLK, &lock) != 0)
        code = errno == EAGAIN || errno == EACCES
                   ? refuse(fd, path, err)
                   : sl_fail_sys(err, errno, "could not lock `%s`", path);
    if (code == SL_OK) {
        write_holder(fd);
        *out = sl_xcalloc(1, sizeof **out);
        (*out)->fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    sl_arena_release(&arena);
    return code;
}

void sl_lock_free(struct sl_lock *lock) {
    if (!lock) return;
    close(lock->fd);
    free(lock);
}

/* flock, since a directory cannot be opened for writing, as an open-file-description lock wants. */
int sl_io_dir_lock(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;
    if (fd < 0) return -1;
    do failed = flock(fd, LOCK_EX);
    while (failed && errno == EINTR);
    if (!failed) return fd;
    close(fd);
    return -1;
}

void sl_io_dir_unlock(int lock) {
    if (lock >= 0) close(lock);
}
