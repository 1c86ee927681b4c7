#include "state/spark_state_file.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "fmt/parquet/parquet_codec.h"

#define MAGIC "LZ4Block"
enum {
    MAGIC_BYTES = 8,
    HEADER_BYTES = MAGIC_BYTES + 1 + 4 + 4 + 4,
    METHOD_BARE = 0x10,
    METHOD_LZ4 = 0x20,
    BLOCK_BYTES = 32 << 10, /* what Spark writes: level 5 */
    BLOCK_LEVEL = 5,
    LEVEL_BASE = 10,           /* a block of level n has at most 2^(10 + n) bytes */
    ROW_BYTES_MAX = 512 << 20, /* of a key or a value: more is damage */
};
#define SUM_SEED UINT32_C(0x9747b28c)
#define SUM_MASK UINT32_C(0x0fffffff)

static uint32_t block_sum(const void *bytes, size_t len) {
    return sl_xxh32(bytes, len, SUM_SEED) & SUM_MASK;
}

/* ---- reading ---- */

struct input {
    struct sl_file_reader *file; /* NULL: bytes */
    struct sl_str bytes;
    uint64_t offset, size;
    struct sl_decompressor decompressor;
    struct sl_buf packed, rows; /* rows: unpacked, not yet taken from `taken` on */
    size_t taken;
    bool ended;      /* the block without bytes was there */
    bool rows_ended; /* the -1 was there */
};

static enum sl_code damaged(const struct input *input, const char *what, struct sl_err *err) {
    return sl_fail(err, SL_DATA, "the file is damaged at byte %llu: %s",
                   (unsigned long long)input->offset, what);
}

static enum sl_code read_bytes(struct input *input, void *to, size_t len, struct sl_err *err) {
    if (len > input->size - input->offset) return damaged(input, "it ends early", err);
    if (input->file)
        SL_TRY(sl_file_reader_read(input->file, input->offset, to, len, err));
    else if (len)
        memcpy(to, input->bytes.ptr + input->offset, len);
    input->offset += len;
    return SL_OK;
}

static enum sl_code unpack(struct input *input, uint8_t method, uint32_t packed, uint32_t unpacked,
                           uint32_t sum, struct sl_err *err) {
    sl_buf_clear(&input->packed);
    sl_buf_reserve(&input->packed, packed);
    SL_TRY(read_bytes(input, input->packed.ptr, packed, err));
    uint8_t *to = sl_buf_reserve(&input->rows, unpacked);
    if (method == METHOD_BARE) {
        if (packed != unpacked) return damaged(input, "a bare block has two sizes", err);
        memcpy(to, input->packed.ptr, packed);
    } else {
        SL_TRY(sl_decompress(&input->decompressor, sl_codec_wire(SL_CODEC_LZ4_RAW),
                             input->packed.ptr, packed, to, unpacked, err));
    }
    if (block_sum(to, unpacked) != sum)
        return damaged(input, "the checksum of the block before it is wrong", err);
    input->rows.len += unpacked;
    return SL_OK;
}

static enum sl_code read_block(struct input *input, struct sl_err *err) {
    uint8_t header[HEADER_BYTES];
    uint32_t numbers[3];
    SL_TRY(read_bytes(input, header, sizeof header, err));
    memcpy(numbers, header + MAGIC_BYTES + 1, sizeof numbers);
    uint8_t method = header[MAGIC_BYTES] & 0xf0, level = header[MAGIC_BYTES] & 0x0f;
    if (memcmp(header, MAGIC, MAGIC_BYTES) != 0 || (method != METHOD_BARE && method != METHOD_LZ4))
        return damaged(input, "a block does not begin as an LZ4 block", err);
    if (numbers[1] > UINT32_C(1) << (LEVEL_BASE + level) || numbers[0] > input->size)
        return damaged(input, "a block is larger than it may be", err);
    if (numbers[1] == 0) {
        input->ended = true;
        return input->offset == input->size ? SL_OK
                                            : damaged(input, "bytes follow on its end", err);
    }
    return unpack(input, method, numbers[0], numbers[1], numbers[2], err);
}

/* At least `len` bytes of rows behind `taken`. */
static enum sl_code need(struct input *input, size_t len, struct sl_err *err) {
    if (input->rows.len - input->taken >= len) return SL_OK;
    if (input->taken) {
        memmove(input->rows.ptr, input->rows.ptr + input->taken, input->rows.len - input->taken);
        input->rows.len -= input->taken;
        input->taken = 0;
    }
    while (input->rows.len < len) {
        if (input->ended) return damaged(input, "its last row is cut", err);
        SL_TRY(read_block(input, err));
    }
    return SL_OK;
}

static int32_t number_at(const struct input *input, size_t at) {
    const uint8_t *from = input->rows.ptr + input->taken + at;
    return (int32_t)((uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 |
                     from[3]);
}

static enum sl_code read_record(struct input *input, sl_spark_record_fn fn, void *ctx,
                                struct sl_err *err) {
    SL_TRY(need(input, 4, err));
    int32_t key = number_at(input, 0), value;
    if (key == -1) {
        input->rows_ended = true;
        input->taken += 4;
        return SL_OK;
    }
    if (key < 0 || key > ROW_BYTES_MAX) return damaged(input, "the length of a key is wrong", err);
    SL_TRY(need(input, 4 + (size_t)key + 4, err));
    value = number_at(input, 4 + (size_t)key);
    if (value < -1 || value > ROW_BYTES_MAX)
        return damaged(input, "the length of a value is wrong", err);
    size_t bytes = 8 + (size_t)key + (value < 0 ? 0 : (size_t)value);
    SL_TRY(need(input, bytes, err));
    const char *from = (const char *)input->rows.ptr + input->taken;
    struct sl_str found = {NULL, 0};
    /* before 2.3 Spark wrote four bytes too many */
    if (value >= 0) found = (struct sl_str){from + 8 + key, (size_t)value / 8 * 8};
    input->taken += bytes;
    return fn(ctx, (struct sl_str){from + 4, (size_t)key}, found, err);
}

static enum sl_code read_end(struct input *input, struct sl_err *err) {
    while (!input->ended) SL_TRY(read_block(input, err));
    return input->taken == input->rows.len ? SL_OK
                                           : damaged(input, "bytes follow on its last row", err);
}

static enum sl_code read_all(struct input *input, sl_spark_record_fn fn, void *ctx,
                             struct sl_err *err) {
    enum sl_code code = SL_OK;
    sl_decompressor_init(&input->decompressor);
    while (code == SL_OK && !input->rows_ended) code = read_record(input, fn, ctx, err);
    if (code == SL_OK) code = read_end(input, err);
    sl_decompressor_release(&input->decompressor);
    sl_buf_release(&input->packed);
    sl_buf_release(&input->rows);
    return code;
}

enum sl_code sl_spark_state_bytes_read(struct sl_str bytes, sl_spark_record_fn fn, void *ctx,
                                       struct sl_err *err) {
    struct input input = {.bytes = bytes, .size = bytes.len};
    return read_all(&input, fn, ctx, err);
}

enum sl_code sl_spark_state_file_read(const char *path, sl_spark_record_fn fn, void *ctx,
                                      struct sl_err *err) {
    struct input input = {0};
    SL_TRY(sl_file_reader_open(path, &input.file, err));
    input.size = sl_file_reader_bytes(input.file);
    enum sl_code code = read_all(&input, fn, ctx, err);
    sl_file_reader_close(input.file);
    return code == SL_OK ? SL_OK : (sl_context(err, "%s", path), code);
}

/* ---- writing ---- */

struct sl_spark_state_output {
    const char *dir, *name, *point;
    struct sl_put *put; /* NULL: not yet opened */
    struct sl_buf rows, packed;
    struct sl_compressor compressor;
    uint64_t bytes;
};

struct sl_spark_state_output *sl_spark_state_output_new(const char *dir, const char *name,
                                                        const char *point) {
    struct sl_spark_state_output *output = sl_xcalloc(1, sizeof *output);
    output->dir = dir;
    output->name = name;
    output->point = point;
    sl_compressor_init(&output->compressor, SL_CODEC_LZ4_RAW, 0);
    return output;
}

static void free_output(struct sl_spark_state_output *output) {
    sl_compressor_release(&output->compressor);
    sl_buf_release(&output->rows);
    sl_buf_release(&output->packed);
    free(output);
}

void sl_spark_state_output_abort(struct sl_spark_state_output *output) {
    if (!output) return;
    sl_put_abort(output->put);
    free_output(output);
}

static enum sl_code write_header(struct sl_spark_state_output *output, uint8_t method,
                                 size_t packed, size_t unpacked, uint32_t sum, struct sl_err *err) {
    char header[HEADER_BYTES];
    uint32_t numbers[] = {(uint32_t)packed, (uint32_t)unpacked, sum};
    memcpy(header, MAGIC, MAGIC_BYTES);
    header[MAGIC_BYTES] = (char)(method | BLOCK_LEVEL);
    memcpy(header + MAGIC_BYTES + 1, numbers, sizeof numbers);
    output->bytes += sizeof header + packed;
    return sl_put_write(output->put, (struct sl_str){header, sizeof header}, err);
}

static enum sl_code open_put(struct sl_spark_state_output *output, struct sl_err *err) {
    if (output->put) return SL_OK;
    return sl_put_open(output->dir, output->name, SL_PUT_REPLACE, output->point, &output->put, err);
}

static enum sl_code write_block(struct sl_spark_state_output *output, size_t from, size_t len,
                                struct sl_err *err) {
    const uint8_t *bytes = output->rows.ptr + from;
    size_t room = sl_compress_bound(&output->compressor, len), packed = 0;
    sl_buf_clear(&output->packed);
    sl_buf_reserve(&output->packed, room);
    SL_TRY(sl_compress(&output->compressor, bytes, len, output->packed.ptr, room, &packed, err));
    bool bare = packed >= len;
    if (bare) packed = len;
    SL_TRY(open_put(output, err));
    SL_TRY(write_header(output, bare ? METHOD_BARE : METHOD_LZ4, packed, len, block_sum(bytes, len),
                        err));
    const void *stored = bare ? bytes : output->packed.ptr;
    return sl_put_write(output->put, (struct sl_str){stored, packed}, err);
}

static enum sl_code write_blocks(struct sl_spark_state_output *output, bool all,
                                 struct sl_err *err) {
    size_t done = 0, left;
    while ((left = output->rows.len - done) >= BLOCK_BYTES || (all && left)) {
        size_t len = left < BLOCK_BYTES ? left : BLOCK_BYTES;
        SL_TRY(write_block(output, done, len, err));
        done += len;
    }
    memmove(output->rows.ptr, output->rows.ptr + done, left);
    output->rows.len = left;
    return SL_OK;
}

static void put_number(struct sl_buf *out, int32_t number) {
    uint32_t bits = (uint32_t)number;
    uint8_t bytes[] = {(uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
                       (uint8_t)bits};
    sl_buf_put(out, bytes, sizeof bytes);
}

enum sl_code sl_spark_state_output_put(struct sl_spark_state_output *output, struct sl_str key,
                                       struct sl_str value, struct sl_err *err) {
    if (key.len > ROW_BYTES_MAX || value.len > ROW_BYTES_MAX)
        return sl_fail(err, SL_DATA, "a row of state has more than %d bytes", ROW_BYTES_MAX);
    put_number(&output->rows, (int32_t)key.len);
    sl_buf_put_str(&output->rows, key);
    put_number(&output->rows, value.ptr ? (int32_t)value.len : -1);
    if (value.ptr) sl_buf_put_str(&output->rows, value);
    return output->rows.len >= BLOCK_BYTES ? write_blocks(output, false, err) : SL_OK;
}

/* Spark's own checksum of a file that is replaced would make Spark refuse the new one. */
static enum sl_code remove_sums(const struct sl_spark_state_output *output, struct sl_err *err) {
    struct sl_buf path = {0};
    sl_buf_printf(&path, "%s/.%s.crc.crc", output->dir, output->name);
    enum sl_code code = sl_io_unlink(sl_buf_cstr(&path), err);
    sl_buf_clear(&path);
    sl_buf_printf(&path, "%s/%s.crc", output->dir, output->name);
    if (code == SL_OK) code = sl_io_unlink(sl_buf_cstr(&path), err);
    sl_buf_release(&path);
    return code;
}

static enum sl_code finish(struct sl_spark_state_output *output, struct sl_err *err) {
    put_number(&output->rows, -1);
    SL_TRY(write_blocks(output, true, err));
    SL_TRY(write_header(output, METHOD_BARE, 0, 0, 0, err));
    return remove_sums(output, err);
}

enum sl_code sl_spark_state_output_publish(struct sl_spark_state_output *output, uint64_t *bytes,
                                           struct sl_err *err) {
    enum sl_code code = finish(output, err);
    if (code != SL_OK) return sl_spark_state_output_abort(output), code;
    *bytes += output->bytes;
    code = sl_put_publish(output->put, err);
    free_output(output);
    return code;
}
