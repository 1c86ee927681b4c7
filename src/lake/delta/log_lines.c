/* A log file line by line. */
#include "lake/delta/log_int.h"

enum { CHUNK = 256 << 10 };

enum sl_code sl_delta_empty_commit(const char *path, struct sl_err *err) {
    sl_fail(err, SL_DATA, "`%s` is empty; the file system lost what was written to it", path);
    sl_hint(err, "restore the file, or remove it if no later version exists: its writer will then "
                 "commit that version again");
    return SL_DATA;
}

enum sl_code sl_delta_lines_open(struct sl_delta_lines *lines, const char *path,
                                 struct sl_err *err) {
    *lines = (struct sl_delta_lines){.path = path};
    SL_TRY(sl_file_reader_open(path, &lines->file, err));
    lines->bytes = sl_file_reader_bytes(lines->file);
    enum sl_code code = SL_OK;
    if (lines->bytes == 0) code = sl_delta_empty_commit(path, err);
    if (lines->bytes > SL_DELTA_LOG_FILE_MAX)
        code = sl_fail(err, SL_DATA, "`%s` has %llu bytes; a log file may have %d", path,
                       (unsigned long long)lines->bytes, SL_DELTA_LOG_FILE_MAX);
    if (code != SL_OK) sl_delta_lines_close(lines);
    return code;
}

void sl_delta_lines_close(struct sl_delta_lines *lines) {
    if (lines->file) sl_file_reader_close(lines->file);
    sl_buf_release(&lines->buffer);
    *lines = (struct sl_delta_lines){0};
}

/* Drops what was given out and reads on; *got = 0 at the end of the file. */
static enum sl_code fill(struct sl_delta_lines *lines, size_t *got, struct sl_err *err) {
    struct sl_buf *buffer = &lines->buffer;
    uint64_t left = lines->bytes - lines->offset;
    *got = left < CHUNK ? (size_t)left : CHUNK;
    if (*got == 0) return SL_OK;
    if (lines->begin) {
        memmove(buffer->ptr, buffer->ptr + lines->begin, buffer->len - lines->begin);
        buffer->len -= lines->begin;
        lines->begin = 0;
    }
    if (buffer->len > SL_DELTA_LINE_MAX)
        return sl_fail(err, SL_DATA, "`%s` line %llu has more than %d bytes", lines->path,
                       (unsigned long long)lines->number + 1, SL_DELTA_LINE_MAX);
    uint8_t *to = sl_buf_reserve(buffer, *got);
    SL_TRY(sl_file_reader_read(lines->file, lines->offset, to, *got, err));
    buffer->len += *got;
    lines->offset += *got;
    return SL_OK;
}

enum sl_code sl_delta_lines_next(struct sl_delta_lines *lines, struct sl_str *line, bool *found,
                                 struct sl_err *err) {
    size_t seen = 0, got = 1;
    struct sl_buf *buffer = &lines->buffer;
    *found = false;
    for (;;) {
        size_t len = buffer->len - lines->begin;
        const char *begin = len ? (const char *)buffer->ptr + lines->begin : NULL;
        const char *end = len > seen ? memchr(begin + seen, '\n', len - seen) : NULL;
        if (end || (got == 0 && len)) {
            *line = (struct sl_str){begin, end ? (size_t)(end - begin) : len};
            lines->begin += line->len + (end != NULL);
            lines->number++;
            lines->is_last_cut = end == NULL;
            *found = true;
            return SL_OK;
        }
        if (got == 0) return SL_OK;
        seen = len;
        SL_TRY(fill(lines, &got, err));
    }
}
