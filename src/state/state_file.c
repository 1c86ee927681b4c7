#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "fmt/parquet/parquet_codec.h"
#include "state/row_bytes.h"
#include "state/state_file_int.h"

/* A file, or bytes in memory. */
struct input {
    struct sl_file_reader *file; /* NULL: bytes */
    struct sl_str bytes;
    uint64_t size;
    const struct sl_state_identity *expected;
    struct sl_state_identity found; /* shards and hashes that it was written with */
    uint64_t header_end;
};

static enum sl_code read_at(struct input *input, uint64_t offset, void *to, size_t len,
                            struct sl_err *err) {
    if (offset > input->size || len > input->size - offset)
        return sl_fail(err, SL_DATA, "it has %llu bytes, and %zu are needed at byte %llu",
                       (unsigned long long)input->size, len, (unsigned long long)offset);
    if (input->file) return sl_file_reader_read(input->file, offset, to, len, err);
    if (len) memcpy(to, input->bytes.ptr + offset, len);
    return SL_OK;
}

static enum sl_code damaged(struct sl_err *err, const char *what, uint64_t offset) {
    sl_fail(err, SL_DATA, "the %s at byte %llu is damaged: its checksum does not match", what,
            (unsigned long long)offset);
    return sl_hint(err, "restore the checkpoint from a backup, or start with a new one"), SL_DATA;
}

/* ---- header and end ---- */

/* The header's JSON into `text`. */
static enum sl_code read_header_text(struct input *input, struct sl_buf *text, struct sl_err *err) {
    char magic[SL_STATE_FILE_MAGIC_BYTES];
    uint32_t length;
    uint64_t offset = sizeof magic + sizeof length, sum;
    SL_TRY(read_at(input, 0, magic, sizeof magic, err));
    if (memcmp(magic, SL_STATE_FILE_BEGIN, sizeof magic) != 0)
        return sl_fail(err, SL_DATA,
                       "it does not begin with `%s`: it is no file of state, or one "
                       "of another version of sluice",
                       SL_STATE_FILE_BEGIN);
    SL_TRY(read_at(input, sizeof magic, &length, sizeof length, err));
    if (length > SL_STATE_HEADER_BYTES_MAX || length > input->size)
        return sl_fail(err, SL_DATA, "its header claims %u bytes", length);
    sl_buf_reserve(text, length + (size_t)1);
    text->len = length;
    SL_TRY(read_at(input, offset, text->ptr, length, err));
    SL_TRY(read_at(input, offset + length, &sum, sizeof sum, err));
    input->header_end = offset + length + sizeof sum;
    return sl_xxh64(text->ptr, length, 0) == sum ? SL_OK : damaged(err, "header", offset);
}

static enum sl_code read_header(struct input *input, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_arena arena;
    sl_arena_init(&arena, "state header");
    enum sl_code code = read_header_text(input, &text, err);
    if (code == SL_OK)
        code =
            sl_state_identity_check(&arena, sl_buf_str(&text), input->expected, &input->found, err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code read_end(struct input *input, struct sl_state_file_end *end,
                             struct sl_err *err) {
    uint64_t bytes;
    if (input->size < sizeof *end)
        return sl_fail(err, SL_DATA, "it has only %llu bytes", (unsigned long long)input->size);
    SL_TRY(read_at(input, input->size - sizeof *end, end, sizeof *end, err));
    if (memcmp(end->magic, SL_STATE_FILE_END, sizeof end->magic) != 0) {
        sl_fail(err, SL_DATA, "its end is missing: the file is cut");
        return sl_hint(err, "restore the checkpoint from a backup, or start with a new one"),
               SL_DATA;
    }
    if (__builtin_mul_overflow(end->blocks, sizeof(struct sl_state_block_place), &bytes) ||
        end->index_offset > input->size - sizeof *end ||
        bytes != input->size - sizeof *end - end->index_offset)
        return sl_fail(err, SL_DATA, "its index of %llu blocks does not fit its %llu bytes",
                       (unsigned long long)end->blocks, (unsigned long long)input->size);
    return SL_OK;
}

/* ---- blocks ---- */

struct block_reader {
    struct input *input;
    struct sl_decompressor decompressor;
    struct sl_arena arena;
    struct sl_buf packed, raw;
    struct sl_batch *keys, *values; /* per store */
    sl_state_row_fn fn;
    void *ctx;
    uint64_t bytes;
};

static enum sl_code check_block(const struct block_reader *reader,
                                const struct sl_state_block *block, uint64_t offset,
                                struct sl_err *err) {
    bool known = block->kind == SL_STATE_ROWS || block->kind == SL_STATE_REMOVED;
    if (!known || block->store >= reader->input->expected->store_count ||
        block->unpacked_bytes > SL_STATE_BLOCK_BYTES_MAX ||
        block->packed_bytes > reader->input->size || block->rows > SL_STATE_BLOCK_BYTES_MAX)
        return sl_fail(err, SL_DATA, "the block at byte %llu is damaged",
                       (unsigned long long)offset);
    /* LZ4 makes at most 255 bytes of one */
    if (block->unpacked_bytes / 255 > block->packed_bytes)
        return sl_fail(err, SL_DATA, "the block at byte %llu claims %u bytes from %u",
                       (unsigned long long)offset, block->unpacked_bytes, block->packed_bytes);
    return SL_OK;
}

static enum sl_code unpack(struct block_reader *reader, const struct sl_state_block *block,
                           uint64_t offset, struct sl_err *err) {
    sl_buf_clear(&reader->packed);
    sl_buf_clear(&reader->raw);
    sl_buf_reserve(&reader->packed, block->packed_bytes + (size_t)1);
    SL_TRY(read_at(reader->input, offset + sizeof *block, reader->packed.ptr, block->packed_bytes,
                   err));
    if (sl_xxh64(reader->packed.ptr, block->packed_bytes, 0) != block->sum)
        return damaged(err, "block", offset);
    sl_buf_reserve(&reader->raw, block->unpacked_bytes + (size_t)1);
    return sl_decompress(&reader->decompressor, sl_codec_wire(SL_CODEC_LZ4_RAW), reader->packed.ptr,
                         block->packed_bytes, reader->raw.ptr, block->unpacked_bytes, err);
}

static enum sl_code give_rows(struct block_reader *reader, const struct sl_state_block *block,
                              struct sl_err *err) {
    struct sl_str bytes = {(const char *)reader->raw.ptr, block->unpacked_bytes};
    struct sl_batch *keys = &reader->keys[block->store],
                    *values = block->kind == SL_STATE_ROWS ? &reader->values[block->store] : NULL;
    sl_batch_clear(keys);
    SL_TRY(sl_row_bytes_take(&bytes, block->rows, keys, err));
    if (values) {
        sl_batch_clear(values);
        SL_TRY(sl_row_bytes_take(&bytes, block->rows, values, err));
    }
    if (bytes.len)
        return sl_fail(err, SL_DATA, "%zu bytes are left behind the rows of a block", bytes.len);
    return reader->fn(reader->ctx, block->store, keys, values, err);
}

static enum sl_code read_block(struct block_reader *reader, uint64_t offset, uint32_t shard,
                               struct sl_err *err) {
    struct sl_state_block block;
    SL_TRY(read_at(reader->input, offset, &block, sizeof block, err));
    SL_TRY(check_block(reader, &block, offset, err));
    if (block.shard != shard)
        return sl_fail(err, SL_DATA, "the block at byte %llu is of shard %u, the index says %u",
                       (unsigned long long)offset, block.shard, shard);
    SL_TRY(unpack(reader, &block, offset, err));
    reader->bytes += sizeof block + block.packed_bytes;
    return give_rows(reader, &block, err);
}

static void open_reader(struct block_reader *reader) {
    const struct sl_state_identity *expected = reader->input->expected;
    sl_arena_init(&reader->arena, "state file");
    sl_decompressor_init(&reader->decompressor);
    reader->keys = SL_NEW_ARRAY(&reader->arena, struct sl_batch, expected->store_count + (size_t)1);
    reader->values =
        SL_NEW_ARRAY(&reader->arena, struct sl_batch, expected->store_count + (size_t)1);
    for (uint32_t i = 0; i < expected->store_count; i++) {
        sl_batch_init(&reader->keys[i], expected->stores[i].key, &reader->arena);
        sl_batch_init(&reader->values[i], expected->stores[i].value, &reader->arena);
    }
}

static void close_reader(struct block_reader *reader) {
    for (uint32_t i = 0; i < reader->input->expected->store_count; i++) {
        sl_batch_release(&reader->keys[i]);
        sl_batch_release(&reader->values[i]);
    }
    sl_decompressor_release(&reader->decompressor);
    sl_buf_release(&reader->packed);
    sl_buf_release(&reader->raw);
    sl_arena_release(&reader->arena);
}

/* ---- the whole ---- */

enum { PLACES_AT_ONCE = 1024 };

/* The index is walked in pieces: it may be large, and every shard's reader walks it. */
static enum sl_code read_places(struct block_reader *reader, const struct sl_state_file_end *end,
                                uint32_t shard, struct sl_err *err) {
    struct input *input = reader->input;
    struct sl_state_block_place places[PLACES_AT_ONCE];
    bool same = input->found.shards == input->expected->shards;
    for (uint64_t at = 0; at < end->blocks; at += PLACES_AT_ONCE) {
        uint64_t left = end->blocks - at, count = left < PLACES_AT_ONCE ? left : PLACES_AT_ONCE;
        SL_TRY(read_at(input, end->index_offset + at * sizeof *places, places,
                       count * sizeof *places, err));
        for (uint64_t i = 0; i < count; i++) {
            if (same ? places[i].shard != shard : shard != 0) continue;
            if (places[i].offset < input->header_end)
                return sl_fail(err, SL_DATA, "its index names a block inside its header");
            SL_TRY(read_block(reader, places[i].offset, places[i].shard, err));
        }
    }
    return SL_OK;
}

static enum sl_code check_index(struct input *input, const struct sl_state_file_end *end,
                                struct sl_err *err) {
    size_t bytes = end->blocks * sizeof(struct sl_state_block_place);
    void *index = malloc(bytes + 1);
    if (!index) return sl_fail(err, SL_NOMEM, "no memory for an index of %zu bytes", bytes);
    enum sl_code code = read_at(input, end->index_offset, index, bytes, err);
    if (code == SL_OK && sl_xxh64(index, bytes, 0) != end->index_sum)
        code = damaged(err, "index", end->index_offset);
    free(index);
    return code;
}

static enum sl_code read_input(struct input *input, uint32_t shard, sl_state_row_fn fn, void *ctx,
                               uint64_t *bytes, struct sl_err *err) {
    struct sl_state_file_end end;
    SL_TRY(read_end(input, &end, err));
    SL_TRY(read_header(input, err));
    SL_TRY(check_index(input, &end, err));
    struct block_reader reader = {.input = input, .fn = fn, .ctx = ctx};
    open_reader(&reader);
    enum sl_code code = read_places(&reader, &end, shard, err);
    *bytes += reader.bytes;
    close_reader(&reader);
    return code;
}

enum sl_code sl_state_file_read(const char *path, const struct sl_state_identity *expected,
                                uint32_t shard, sl_state_row_fn fn, void *ctx, uint64_t *bytes,
                                uint64_t *offsets_hash, struct sl_err *err) {
    struct input input = {.expected = expected};
    SL_TRY(sl_file_reader_open(path, &input.file, err));
    input.size = sl_file_reader_bytes(input.file);
    enum sl_code code = read_input(&input, shard, fn, ctx, bytes, err);
    sl_file_reader_close(input.file);
    if (offsets_hash) *offsets_hash = input.found.offsets_hash;
    if (code != SL_OK) sl_context(err, "reading %s", path);
    return code;
}

enum sl_code sl_state_bytes_read(struct sl_str bytes, const struct sl_state_identity *expected,
                                 uint32_t shard, sl_state_row_fn fn, void *ctx,
                                 struct sl_err *err) {
    struct input input = {.bytes = bytes, .size = bytes.len, .expected = expected};
    uint64_t ignored = 0;
    return read_input(&input, shard, fn, ctx, &ignored, err);
}

enum sl_code sl_state_file_identity(const char *path, struct sl_arena *arena,
                                    struct sl_state_identity *out, struct sl_err *err) {
    struct input input = {0};
    struct sl_buf text = {0};
    SL_TRY(sl_file_reader_open(path, &input.file, err));
    input.size = sl_file_reader_bytes(input.file);
    enum sl_code code = read_header_text(&input, &text, err);
    if (code == SL_OK) code = sl_state_identity_parse(arena, sl_buf_str(&text), out, err);
    sl_file_reader_close(input.file);
    sl_buf_release(&text);
    return code;
}
