#include "ops/spill.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/scratch_file.h"
#include "state/row_bytes.h"

enum {
    BLOCK_ROWS = 512,
    BLOCK_BYTES_LIKELY = 64 << 10,
    BLOCK_BYTES_MOST =
        2 * BLOCK_BYTES_LIKELY, /* of one that goes out although few rows are in it */
    PART_ROWS = 64,             /* between two looks at the bytes */
    ALL_SHARDS = (1 << SL_STATE_SHARDS) - 1
};

/* Before the bytes of a block's columns. */
struct block_header {
    uint32_t rows, input;
    uint64_t bytes;
};

/* Rows of one shard. */
struct waiting {
    pthread_mutex_t lock;
    struct sl_arena arena;
    struct sl_batch blocks[2]; /* in the making, by input; columns NULL: none yet */
    struct sl_scratch_file *file;
    uint64_t rows, held_bytes;
};

struct sl_spill {
    struct sl_spill_spec spec;
    atomic_uint closed; /* mask of shards */
    atomic_bool ended;
    _Atomic uint64_t bytes;
    struct waiting shards[SL_STATE_SHARDS];
};

/* ---- life ---- */

struct sl_spill *sl_spill_new(const struct sl_spill_spec *spec) {
    struct sl_spill *spill = sl_xcalloc(1, sizeof *spill);
    spill->spec = *spec;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) pthread_mutex_init(&spill->shards[s].lock, NULL);
    return spill;
}

static void drop_rows(struct sl_spill *spill, struct waiting *waiting) {
    if (waiting->held_bytes) {
        for (uint32_t i = 0; i < spill->spec.input_count; i++)
            sl_batch_release(&waiting->blocks[i]);
        sl_arena_release(&waiting->arena);
        sl_budget_give(spill->spec.budget, waiting->held_bytes);
    }
    sl_scratch_file_close(waiting->file);
    waiting->file = NULL;
    waiting->rows = waiting->held_bytes = 0;
}

void sl_spill_free(struct sl_spill *spill) {
    if (!spill) return;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        drop_rows(spill, &spill->shards[s]);
        pthread_mutex_destroy(&spill->shards[s].lock);
    }
    free(spill);
}

void sl_spill_begin(struct sl_spill *spill, uint32_t closed) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) drop_rows(spill, &spill->shards[s]);
    atomic_store(&spill->closed, closed);
    atomic_store(&spill->ended, false);
    atomic_store(&spill->bytes, 0);
}

uint32_t sl_spill_end(struct sl_spill *spill) {
    atomic_store(&spill->ended, true);
    return atomic_load(&spill->closed);
}

/* ---- which shards ---- */

bool sl_spill_is_forced(void) { return sl_fail_point("state.crowded") != 0; }

static size_t share(const struct sl_budget *part, uint32_t percent) {
    return part && part->parent ? part->parent->limit_bytes / 100 * percent : 0;
}

bool sl_spill_part_passes(const struct sl_budget *part, uint32_t percent) {
    size_t limit = share(part, percent);
    return limit && atomic_load(&part->used_bytes) > limit;
}

bool sl_spill_all_passes(const struct sl_budget *part, uint32_t percent, size_t more) {
    size_t limit = share(part, percent);
    return limit && atomic_load(&part->parent->used_bytes) + more > limit;
}

/* Each shard that is closed leaves room for some growth before the next one is. */
static bool is_too_much(const struct sl_spill *spill, uint32_t closed) {
    uint32_t percent = SL_SPILL_FIRST + (uint32_t)__builtin_popcount(closed);
    return sl_spill_part_passes(spill->spec.budget, percent);
}

/* The largest: few keys with long lists lie in some shards only. Closing gains nothing while it is
 * others who hold the memory. */
static uint32_t close_one(struct sl_spill *spill, uint32_t closed) {
    struct sl_stateful *stateful = spill->spec.stateful;
    uint32_t shard = 0;
    size_t largest = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct sl_shard_size size;
        if (closed >> s & 1) continue;
        stateful->ops->size(stateful, s, &size);
        if (size.bytes <= largest) continue;
        shard = s;
        largest = size.bytes;
    }
    if (largest * SL_STATE_SHARDS < spill->spec.budget->parent->limit_bytes / SL_STATE_SHARDS)
        return closed;
    return atomic_fetch_or(&spill->closed, 1u << shard) | 1u << shard;
}

/* One batch of long rows can take what is left for several shards. */
static uint32_t closed_now(struct sl_spill *spill) {
    uint32_t closed = atomic_load(&spill->closed);
    if (sl_spill_is_forced()) return atomic_fetch_or(&spill->closed, ALL_SHARDS) | ALL_SHARDS;
    bool others_need_it = sl_spill_all_passes(spill->spec.budget, SL_SPILL_OF_ALL, 0);
    while (closed != ALL_SHARDS && (others_need_it || is_too_much(spill, closed))) {
        uint32_t before = closed;
        closed = close_one(spill, closed);
        if (closed == before) break;
        others_need_it = false;
    }
    return closed;
}

/* ---- rows go ---- */

static enum sl_code begin_block(struct sl_spill *spill, struct waiting *waiting,
                                struct sl_err *err) {
    size_t bytes = (size_t)spill->spec.input_count * BLOCK_BYTES_LIKELY;
    if (waiting->held_bytes) return SL_OK;
    SL_TRY(sl_budget_take(spill->spec.budget, bytes, "rows on their way to disk", err));
    waiting->held_bytes = bytes;
    sl_arena_init(&waiting->arena, "spill");
    for (uint32_t i = 0; i < spill->spec.input_count; i++)
        sl_batch_init(&waiting->blocks[i], spill->spec.inputs[i], &waiting->arena);
    return SL_OK;
}

static enum sl_code write_block(struct sl_spill *spill, struct waiting *waiting, uint32_t input,
                                struct sl_err *err) {
    struct sl_batch *block = &waiting->blocks[input];
    struct block_header header = {.rows = block->rows, .input = input};
    struct sl_buf out = {0};
    if (!block->rows) return SL_OK;
    sl_buf_put(&out, &header, sizeof header);
    enum sl_code code = sl_row_bytes_put(&out, block, err);
    header.bytes = out.len - sizeof header;
    memcpy(out.ptr, &header, sizeof header);
    int failure = sl_fail_point("spill.write");
    if (code == SL_OK && failure)
        code = sl_fail_sys(err, failure, "could not write rows that wait for memory to `%s`",
                           spill->spec.dir);
    if (code == SL_OK && !waiting->file)
        code = sl_scratch_file_open(spill->spec.dir, &waiting->file, err);
    if (code == SL_OK) code = sl_scratch_file_append(waiting->file, sl_buf_str(&out), err);
    if (code != SL_OK) sl_context(err, "putting away rows that wait for memory (spark.local.dir)");
    atomic_fetch_add(&spill->bytes, out.len);
    sl_buf_release(&out);
    sl_batch_clear(block);
    return code;
}

/* A column that nobody reads has no rows. */
static enum sl_code append_rows(struct sl_batch *block, const struct sl_batch *batch,
                                const uint32_t *rows, uint32_t count, struct sl_err *err) {
    for (uint32_t c = 0; c < block->schema->field_count; c++) {
        const struct sl_vec *from = &batch->columns[c];
        struct sl_vec *to = &block->columns[c];
        SL_TRY(from->rows ? sl_vec_append(to, from, rows, count, err)
                          : sl_vec_append_null(to, count, err));
    }
    block->rows = block->selected_rows = block->rows + count;
    return SL_OK;
}

/* Of long texts a few rows are a block, and what they took does not stay. */
static enum sl_code end_part(struct sl_spill *spill, struct waiting *waiting, uint32_t input,
                             struct sl_err *err) {
    struct sl_batch *block = &waiting->blocks[input];
    size_t bytes = 0;
    for (uint32_t c = 0; c < block->schema->field_count; c++)
        bytes += sl_vec_owned_bytes(&block->columns[c]);
    if (block->rows < BLOCK_ROWS && bytes <= BLOCK_BYTES_MOST && !sl_spill_is_forced())
        return SL_OK;
    SL_TRY(write_block(spill, waiting, input, err));
    for (uint32_t c = 0; c < block->schema->field_count && bytes > BLOCK_BYTES_MOST; c++) {
        sl_vec_release(&block->columns[c]);
        sl_vec_init(&block->columns[c], block->schema->fields[c].type);
    }
    return SL_OK;
}

static enum sl_code put_away(struct sl_spill *spill, struct waiting *waiting, uint32_t input,
                             const struct sl_batch *batch, const uint32_t *rows, uint32_t count,
                             struct sl_err *err) {
    SL_TRY(begin_block(spill, waiting, err));
    struct sl_batch *block = &waiting->blocks[input];
    waiting->rows += count;
    for (uint32_t done = 0; done < count;) {
        uint32_t part = BLOCK_ROWS - block->rows;
        if (part > PART_ROWS) part = PART_ROWS;
        if (part > count - done) part = count - done;
        SL_TRY(append_rows(block, batch, rows + done, part, err));
        done += part;
        SL_TRY(end_part(spill, waiting, input, err));
    }
    return SL_OK;
}

static void keep_open(struct sl_shard_rows *rows, uint32_t closed) {
    uint32_t kept = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        uint32_t begin = rows->begin[s], count = rows->begin[s + 1] - begin;
        rows->begin[s] = kept;
        if (closed >> s & 1) continue;
        memmove(rows->rows + kept, rows->rows + begin, count * sizeof *rows->rows);
        kept += count;
    }
    rows->begin[SL_STATE_SHARDS] = rows->count = kept;
}

enum sl_code sl_spill_divert(struct sl_spill *spill, uint32_t input, const struct sl_batch *batch,
                             struct sl_shard_rows *rows, struct sl_err *err) {
    if (!spill || atomic_load(&spill->ended)) return SL_OK;
    uint32_t closed = closed_now(spill);
    if (!closed || !rows->count) return SL_OK;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        uint32_t begin = rows->begin[s], count = rows->begin[s + 1] - begin;
        struct waiting *waiting = &spill->shards[s];
        if (!(closed >> s & 1) || !count) continue;
        pthread_mutex_lock(&waiting->lock);
        enum sl_code code = put_away(spill, waiting, input, batch, rows->rows + begin, count, err);
        pthread_mutex_unlock(&waiting->lock);
        if (code != SL_OK) return code;
    }
    keep_open(rows, closed);
    return SL_OK;
}

/* ---- rows come back ---- */

uint64_t sl_spill_waiting_rows(const struct sl_spill *spill, uint32_t shard) {
    return spill->shards[shard].rows;
}

uint64_t sl_spill_bytes(const struct sl_spill *spill) { return atomic_load(&spill->bytes); }

struct reading {
    struct sl_batch blocks[2];
    struct sl_arena arena;
    struct sl_buf bytes;
};

static enum sl_code read_block(struct waiting *waiting, struct reading *reading, uint64_t *at,
                               sl_spill_fn fn, void *ctx, struct sl_err *err) {
    struct block_header header;
    SL_TRY(sl_scratch_file_read(waiting->file, *at, &header, sizeof header, err));
    sl_buf_clear(&reading->bytes);
    sl_buf_reserve(&reading->bytes, header.bytes);
    SL_TRY(sl_scratch_file_read(waiting->file, *at + sizeof header, reading->bytes.ptr,
                                header.bytes, err));
    *at += sizeof header + header.bytes;
    struct sl_str bytes = {(const char *)reading->bytes.ptr, header.bytes};
    struct sl_batch *block = &reading->blocks[header.input];
    sl_batch_clear(block);
    SL_TRY(sl_row_bytes_take(&bytes, header.rows, block, err));
    block->rows = block->selected_rows = header.rows;
    return fn(ctx, header.input, block, err);
}

static enum sl_code read_blocks(struct sl_spill *spill, struct waiting *waiting, sl_spill_fn fn,
                                void *ctx, struct sl_err *err) {
    struct reading reading = {0};
    enum sl_code code = SL_OK;
    uint64_t at = 0, end = waiting->file ? sl_scratch_file_bytes(waiting->file) : 0;
    sl_arena_init(&reading.arena, "spill");
    for (uint32_t i = 0; i < spill->spec.input_count; i++)
        sl_batch_init(&reading.blocks[i], spill->spec.inputs[i], &reading.arena);
    while (code == SL_OK && at < end) code = read_block(waiting, &reading, &at, fn, ctx, err);
    for (uint32_t i = 0; i < spill->spec.input_count; i++) sl_batch_release(&reading.blocks[i]);
    sl_buf_release(&reading.bytes);
    sl_arena_release(&reading.arena);
    return code;
}

/* What is not full yet is handed out as it is. */
static enum sl_code give_open_blocks(struct sl_spill *spill, struct waiting *waiting,
                                     sl_spill_fn fn, void *ctx, struct sl_err *err) {
    for (uint32_t i = 0; i < spill->spec.input_count; i++)
        if (waiting->blocks[i].rows) SL_TRY(fn(ctx, i, &waiting->blocks[i], err));
    return SL_OK;
}

enum sl_code sl_spill_take_back(struct sl_spill *spill, uint32_t shard, sl_spill_fn fn, void *ctx,
                                struct sl_err *err) {
    struct waiting *waiting = &spill->shards[shard];
    if (!waiting->rows) return SL_OK;
    SL_TRY(read_blocks(spill, waiting, fn, ctx, err));
    SL_TRY(give_open_blocks(spill, waiting, fn, ctx, err));
    drop_rows(spill, waiting);
    return SL_OK;
}
