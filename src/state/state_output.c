#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "fmt/parquet/parquet_codec.h"
#include "state/row_bytes.h"
#include "state/state_file_int.h"

struct sl_state_output {
    struct sl_put *put;
    pthread_mutex_t mutex; /* guards all below */
    uint64_t bytes;
    struct sl_state_block_place *places;
    size_t count, cap;
};

static enum sl_code write_bytes(struct sl_state_output *output, const void *bytes, size_t len,
                                struct sl_err *err) {
    output->bytes += len;
    return sl_put_write(output->put, (struct sl_str){bytes, len}, err);
}

static enum sl_code write_header(struct sl_state_output *output,
                                 const struct sl_state_identity *identity, struct sl_err *err) {
    struct sl_buf json = {0};
    sl_state_identity_put(&json, identity);
    uint32_t length = (uint32_t)json.len;
    uint64_t sum = sl_xxh64(json.ptr, json.len, 0);
    enum sl_code code = write_bytes(output, SL_STATE_FILE_BEGIN, SL_STATE_FILE_MAGIC_BYTES, err);
    if (code == SL_OK) code = write_bytes(output, &length, sizeof length, err);
    if (code == SL_OK) code = write_bytes(output, json.ptr, json.len, err);
    if (code == SL_OK) code = write_bytes(output, &sum, sizeof sum, err);
    sl_buf_release(&json);
    return code;
}

enum sl_code sl_state_output_open(const char *dir, const char *name, const char *point,
                                  const struct sl_state_identity *identity,
                                  struct sl_state_output **out, struct sl_err *err) {
    struct sl_state_output *output = sl_xcalloc(1, sizeof *output);
    pthread_mutex_init(&output->mutex, NULL);
    enum sl_code code = sl_put_open(dir, name, SL_PUT_REPLACE, point, &output->put, err);
    if (code == SL_OK) code = write_header(output, identity, err);
    if (code != SL_OK) return sl_state_output_abort(output), code;
    *out = output;
    return SL_OK;
}

/* ---- blocks ---- */

static enum sl_code pack(const struct sl_buf *raw, struct sl_buf *packed, struct sl_err *err) {
    struct sl_compressor compressor;
    sl_compressor_init(&compressor, SL_CODEC_LZ4_RAW, 0);
    size_t room = sl_compress_bound(&compressor, raw->len), len = 0;
    sl_buf_reserve(packed, room);
    enum sl_code code = sl_compress(&compressor, raw->ptr, raw->len, packed->ptr, room, &len, err);
    packed->len = len;
    sl_compressor_release(&compressor);
    return code;
}

static void note_place(struct sl_state_output *output, uint32_t shard) {
    if (output->count == output->cap) {
        output->cap = output->cap ? output->cap * 2 : 64;
        output->places = sl_xrealloc(output->places, output->cap * sizeof *output->places);
    }
    output->places[output->count++] =
        (struct sl_state_block_place){.offset = output->bytes, .shard = shard};
}

static enum sl_code write_block(struct sl_state_output *output, const struct sl_state_block *block,
                                const struct sl_buf *packed, struct sl_err *err) {
    pthread_mutex_lock(&output->mutex);
    note_place(output, block->shard);
    enum sl_code code = write_bytes(output, block, sizeof *block, err);
    if (code == SL_OK) code = write_bytes(output, packed->ptr, packed->len, err);
    pthread_mutex_unlock(&output->mutex);
    return code;
}

enum sl_code sl_state_output_put(struct sl_state_output *output, uint32_t shard, uint32_t store,
                                 const struct sl_batch *keys, const struct sl_batch *values,
                                 uint64_t *bytes, struct sl_err *err) {
    struct sl_buf raw = {0}, packed = {0};
    if (keys->rows == 0) return SL_OK;
    enum sl_code code = sl_row_bytes_put(&raw, keys, err);
    if (code == SL_OK && values) code = sl_row_bytes_put(&raw, values, err);
    if (code == SL_OK && raw.len > SL_STATE_BLOCK_BYTES_MAX)
        code = sl_fail(err, SL_DATA, "%u rows of state take %zu bytes, more than a block has",
                       keys->rows, raw.len);
    if (code == SL_OK) code = pack(&raw, &packed, err);
    struct sl_state_block block = {
        .shard = shard,
        .store = (uint8_t)store,
        .kind = values ? SL_STATE_ROWS : SL_STATE_REMOVED,
        .rows = keys->rows,
        .unpacked_bytes = (uint32_t)raw.len,
        .packed_bytes = (uint32_t)packed.len,
        .sum = sl_xxh64(packed.ptr, packed.len, 0),
    };
    if (code == SL_OK) code = write_block(output, &block, &packed, err);
    *bytes += sizeof block + packed.len;
    sl_buf_release(&raw);
    sl_buf_release(&packed);
    return code;
}

/* ---- the end ---- */

static enum sl_code write_end(struct sl_state_output *output, struct sl_err *err) {
    size_t bytes = output->count * sizeof *output->places;
    struct sl_state_file_end end = {.index_offset = output->bytes,
                                    .blocks = output->count,
                                    .index_sum = sl_xxh64(output->places, bytes, 0)};
    memcpy(end.magic, SL_STATE_FILE_END, SL_STATE_FILE_MAGIC_BYTES);
    SL_TRY(write_bytes(output, output->places, bytes, err));
    return write_bytes(output, &end, sizeof end, err);
}

static void free_output(struct sl_state_output *output) {
    pthread_mutex_destroy(&output->mutex);
    free(output->places);
    free(output);
}

enum sl_code sl_state_output_publish(struct sl_state_output *output, uint64_t *bytes,
                                     struct sl_err *err) {
    enum sl_code code = write_end(output, err);
    if (code != SL_OK) return sl_state_output_abort(output), code;
    *bytes = output->bytes;
    code = sl_put_publish(output->put, err);
    free_output(output);
    return code;
}

void sl_state_output_abort(struct sl_state_output *output) {
    if (!output) return;
    sl_put_abort(output->put);
    free_output(output);
}
