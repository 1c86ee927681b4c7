#include "conn/files/byte_input.h"

#include <stdlib.h>

#include "fmt/codec/inflate.h"

enum { PACKED_BYTES = 256 << 10, PIECE_BYTES = 1 << 20 };

struct sl_byte_input {
    struct sl_file_reader *file;
    const char *path;
    uint64_t at, size;
    struct sl_inflater *inflater; /* NULL: as it is */
    uint8_t *packed;
    struct sl_str rest; /* of packed */
};

bool sl_byte_input_can_seek(const char *path) {
    enum sl_inflate_kind kind;
    return sl_inflate_kind_of(path, &kind, NULL) == SL_OK && kind == SL_INFLATE_NONE;
}

enum sl_code sl_byte_input_open(const char *path, uint64_t begin, struct sl_byte_input **out,
                                struct sl_err *err) {
    enum sl_inflate_kind kind;
    SL_TRY(sl_inflate_kind_of(path, &kind, err));
    struct sl_byte_input *input = sl_xcalloc(1, sizeof *input);
    input->path = path;
    input->at = begin;
    enum sl_code code = sl_file_reader_open(path, &input->file, err);
    if (code == SL_OK) {
        input->size = sl_file_reader_bytes(input->file);
        if (kind != SL_INFLATE_NONE) code = sl_inflater_new(kind, &input->inflater, err);
    }
    if (code == SL_OK && input->inflater) input->packed = sl_xmalloc(PACKED_BYTES);
    if (code != SL_OK)
        sl_byte_input_close(input);
    else
        *out = input;
    return code;
}

void sl_byte_input_close(struct sl_byte_input *input) {
    if (!input) return;
    sl_file_reader_close(input->file);
    sl_inflater_free(input->inflater);
    free(input->packed);
    free(input);
}

static enum sl_code read_raw(struct sl_byte_input *input, void *to, size_t len, size_t *got,
                             struct sl_err *err) {
    uint64_t left = input->size - input->at;
    *got = left < len ? (size_t)left : len;
    if (*got) SL_TRY(sl_file_reader_read(input->file, input->at, to, *got, err));
    input->at += *got;
    return SL_OK;
}

enum sl_code sl_byte_input_read(struct sl_byte_input *input, void *to, size_t len, size_t *got,
                                struct sl_err *err) {
    if (!input->inflater) return read_raw(input, to, len, got, err);
    for (*got = 0; *got == 0;) {
        if (!input->rest.len && input->at < input->size) {
            size_t packed;
            SL_TRY(read_raw(input, input->packed, PACKED_BYTES, &packed, err));
            input->rest = (struct sl_str){(const char *)input->packed, packed};
        }
        bool ended = !input->rest.len;
        SL_TRY(sl_inflater_step(input->inflater, &input->rest, to, len, got, err));
        if (*got || !ended) continue;
        if (sl_inflater_is_whole(input->inflater)) return SL_OK;
        return sl_fail(err, SL_DATA, "`%s` ends in the middle of its compressed data", input->path);
    }
    return SL_OK;
}

enum sl_code sl_byte_input_read_all(const char *path, size_t bytes_max, struct sl_buf *out,
                                    struct sl_err *err) {
    struct sl_byte_input *input;
    SL_TRY(sl_byte_input_open(path, 0, &input, err));
    enum sl_code code = SL_OK;
    for (size_t got = 1; got && code == SL_OK;) {
        uint8_t *to = sl_buf_reserve(out, PIECE_BYTES);
        code = sl_byte_input_read(input, to, PIECE_BYTES, &got, err);
        if (code == SL_OK) out->len += got;
        if (code == SL_OK && out->len > bytes_max)
            code = sl_fail(err, SL_DATA,
                           "`%s` has more than %zu bytes, the most that is read as one "
                           "record",
                           path, bytes_max);
    }
    sl_byte_input_close(input);
    return code;
}
