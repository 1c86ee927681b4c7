/* Sequential writer and random-access reader of one file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/io.h"
#include "base/io_int.h"

enum { WRITER_BUFFER_BYTES = 256 << 10 };

struct sl_file_writer {
    int fd;
    int failure; /* first errno; later calls repeat it */
    char *path;
    struct sl_buf buffer;
    uint64_t bytes;
};

enum sl_code sl_file_writer_open(const char *path, struct sl_file_writer **out,
                                 struct sl_err *err) {
    int injected = sl_fail_point("io.create");
    int fd = injected ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return sl_fail_sys(err, injected ? injected : errno, "could not create `%s`", path);
    struct sl_file_writer *writer = sl_xcalloc(1, sizeof *writer);
    writer->fd = fd;
    writer->path = strdup(path);
    *out = writer;
    return SL_OK;
}

static enum sl_code report(struct sl_file_writer *writer, const char *what, struct sl_err *err) {
    if (!writer->failure) return SL_OK;
    return sl_fail_sys(err, writer->failure, "could not %s `%s`", what, writer->path);
}

static void flush_buffer(struct sl_file_writer *writer) {
    if (!writer->failure)
        writer->failure = sl_io_write_all(writer->fd, writer->buffer.ptr, writer->buffer.len);
    sl_buf_clear(&writer->buffer);
}

enum sl_code sl_file_writer_write(struct sl_file_writer *writer, const void *bytes, size_t len,
                                  struct sl_err *err) {
    writer->bytes += len;
    if (len >= WRITER_BUFFER_BYTES) {
        flush_buffer(writer);
        if (!writer->failure) writer->failure = sl_io_write_all(writer->fd, bytes, len);
        return report(writer, "write", err);
    }
    if (writer->buffer.len + len > WRITER_BUFFER_BYTES) flush_buffer(writer);
    sl_buf_put(&writer->buffer, bytes, len);
    return report(writer, "write", err);
}

uint64_t sl_file_writer_bytes(const struct sl_file_writer *writer) { return writer->bytes; }

static void free_writer(struct sl_file_writer *writer) {
    sl_buf_release(&writer->buffer);
    free(writer->path);
    free(writer);
}

enum sl_code sl_file_writer_close(struct sl_file_writer *writer, struct sl_err *err) {
    const char *what = "write";
    flush_buffer(writer);
    if (!writer->failure) what = "sync", writer->failure = sl_io_fsync(writer->fd);
    if (close(writer->fd) != 0 && !writer->failure) what = "close", writer->failure = errno;
    enum sl_code code = report(writer, what, err);
    /* what could not be written completely must not be mistaken for a file */
    if (code != SL_OK) unlink(writer->path);
    free_writer(writer);
    return code;
}

void sl_file_writer_abort(struct sl_file_writer *writer) {
    if (!writer) return;
    close(writer->fd);
    unlink(writer->path);
    free_writer(writer);
}

struct sl_file_reader {
    int fd;
    uint64_t bytes;
    char *path;
};

enum sl_code sl_file_reader_open(const char *path, struct sl_file_reader **out,
                                 struct sl_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return sl_fail_sys(err, errno, "could not open `%s`", path);
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        int failure = S_ISDIR(st.st_mode) ? EISDIR : errno;
        close(fd);
        return sl_fail_sys(err, failure, "could not read `%s`", path);
    }
    struct sl_file_reader *reader = sl_xcalloc(1, sizeof *reader);
    *reader = (struct sl_file_reader){fd, (uint64_t)st.st_size, strdup(path)};
    *out = reader;
    return SL_OK;
}

uint64_t sl_file_reader_bytes(const struct sl_file_reader *reader) { return reader->bytes; }

enum sl_code sl_file_reader_read(struct sl_file_reader *reader, uint64_t offset, void *to,
                                 size_t len, struct sl_err *err) {
    if (offset > reader->bytes || len > reader->bytes - offset)
        return sl_fail(err, SL_DATA, "`%s` ends at byte %llu, but %zu bytes at %llu are needed",
                       reader->path, (unsigned long long)reader->bytes, len,
                       (unsigned long long)offset);
    size_t got;
    int failure = sl_io_read_all(reader->fd, offset, to, len, &got);
    if (failure) return sl_fail_sys(err, failure, "could not read `%s`", reader->path);
    if (got < len)
        return sl_fail(err, SL_DATA, "`%s` became shorter while it was read", reader->path);
    return SL_OK;
}

void sl_file_reader_close(struct sl_file_reader *reader) {
    if (!reader) return;
    close(reader->fd);
    free(reader->path);
    free(reader);
}
