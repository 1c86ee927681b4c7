/* What all operators that remember rows share: rows of a batch by shard, late rows, and output in
 * batches of limited size.
 *
 * The shard of a row is Spark's: pmod(murmur3 of the key columns with seed 42, SL_STATE_SHARDS).
 */
#ifndef SL_OPS_SHARDS_H
#define SL_OPS_SHARDS_H

#include <pthread.h>

#include "ops/stateful.h"

/* Numbers of the rows of a batch, in the order of their shards: of shard s
 * rows[begin[s]..begin[s + 1]), ascending. Scratch of one task; safe on a zeroed struct. */
struct sl_shard_rows {
    uint32_t *rows;
    uint32_t begin[SL_STATE_SHARDS + 1];
    uint32_t count;
    /* scratch */
    uint32_t *picked, cap;
    int32_t *hashes;
};
void sl_shard_rows_release(struct sl_shard_rows *shards);
/* Takes the selected rows: `picked`, `count`. */
void sl_shard_rows_begin(struct sl_shard_rows *shards, const struct sl_batch *batch);
/* Drops what is late by `event_time` and the marks: counts it, and notes a fault of the source's
 * record where marks and batch want that and no row of the record stays. Returns how many rows. */
uint64_t sl_shard_rows_drop_late(struct sl_shard_rows *shards, const struct sl_batch *batch,
                                 const struct sl_event_time *event_time,
                                 const struct sl_batch_marks *marks);
/* Drops rows of `picked` in which one of the columns is null (a join's keys); returns how many. */
uint32_t sl_shard_rows_drop_null(struct sl_shard_rows *shards, const struct sl_vec *const *keys,
                                 uint32_t key_count);
/* What is left, by shard. */
void sl_shard_rows_split(struct sl_shard_rows *shards, const struct sl_vec *const *keys,
                         uint32_t key_count);

/* The order in which a task visits the shards, so that tasks do not wait for one another: `visit`
 * is called once for each shard with rows, under its lock; stops at the first failure. */
typedef enum sl_code (*sl_shard_visit_fn)(void *ctx, uint32_t shard, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_shard_rows_visit(const struct sl_shard_rows *shards,
                                               pthread_mutex_t *const *locks,
                                               sl_shard_visit_fn visit, void *ctx,
                                               struct sl_err *err);

/* The watermark in microseconds, as event times are compared; INT64_MIN: none. */
int64_t sl_marks_us(int64_t mark_ms);
/* The time column inside: of a STRUCT<start, end> its end. `type` of the column. */
const struct sl_vec *sl_event_time_vec(const struct sl_vec *column);

/* Output that is built up and emitted in batches of at most `batch_rows` rows. The columns are
 * appended to by the owner: at most `room` rows, the same number to each, then `added`. */
struct sl_emitter {
    struct sl_arena arena;
    struct sl_batch batch;
    uint32_t batch_rows;
    sl_emit_fn emit;
    void *ctx;
};
void sl_emitter_init(struct sl_emitter *emitter, const struct sl_type *schema, uint32_t batch_rows,
                     sl_emit_fn emit, void *ctx);
void sl_emitter_release(struct sl_emitter *emitter);
/* How many rows may be appended; never 0. */
static inline uint32_t sl_emitter_room(const struct sl_emitter *emitter) {
    return emitter->batch_rows - emitter->batch.rows;
}
/* `rows` more rows are in every column: emits the batch when it is full. */
SL_MUST_CHECK enum sl_code sl_emitter_added(struct sl_emitter *emitter, uint32_t rows,
                                            struct sl_err *err);
/* Emits what is left. */
SL_MUST_CHECK enum sl_code sl_emitter_flush(struct sl_emitter *emitter, struct sl_err *err);

#endif
