#include "ops/shards.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kern/hash_spark.h"

/* ---- which rows ---- */

void sl_shard_rows_release(struct sl_shard_rows *shards) {
    free(shards->rows);
    free(shards->picked);
    free(shards->hashes);
    *shards = (struct sl_shard_rows){0};
}

static void reserve(struct sl_shard_rows *shards, uint32_t count) {
    if (count <= shards->cap) return;
    shards->rows = sl_xrealloc(shards->rows, count * sizeof *shards->rows);
    shards->picked = sl_xrealloc(shards->picked, count * sizeof *shards->picked);
    shards->hashes = sl_xrealloc(shards->hashes, count * sizeof *shards->hashes);
    shards->cap = count;
}

void sl_shard_rows_begin(struct sl_shard_rows *shards, const struct sl_batch *batch) {
    reserve(shards, batch->rows);
    shards->count = batch->rows ? sl_batch_selection(batch, shards->picked) : 0;
}

/* ---- late rows ---- */

int64_t sl_marks_us(int64_t mark_ms) {
    int64_t us;
    if (mark_ms == INT64_MIN || __builtin_mul_overflow(mark_ms, (int64_t)1000, &us))
        return mark_ms < 0 ? INT64_MIN : INT64_MAX;
    return us;
}

const struct sl_vec *sl_event_time_vec(const struct sl_vec *column) {
    if (column->type->kind != SL_STRUCT_KIND) return column;
    sl_assert(column->enc != SL_ENC_DICT && column->child_count > 0);
    return &column->children[column->child_count - 1];
}

/* The time of a row; false when it is null. A field of a CONST struct has one row. */
static bool time_at(const struct sl_vec *column, const struct sl_vec *times, uint32_t row,
                    int64_t *time_us) {
    uint32_t at = sl_vec_pos(times, sl_vec_pos(column, row));
    if (sl_vec_is_null(times, at)) return false;
    *time_us =
        times->enc == SL_ENC_DICT ? times->children[0].i64[times->codes[at]] : times->i64[at];
    return true;
}

static void put_time(char *to, size_t cap, int64_t time_us) {
    const int64_t year_0 = INT64_C(-62167219200000), year_10000 = INT64_C(253402300800000);
    int64_t ms = time_us / 1000 - (time_us % 1000 < 0);
    char text[SL_CLOCK_TEXT_SIZE];
    if (ms >= year_0 && ms < year_10000)
        snprintf(to, cap, "%s", sl_clock_text(text, ms));
    else
        snprintf(to, cap, "%lld ms since 1970", (long long)ms);
}

static void note_late(const struct sl_batch *batch, uint32_t row, uint32_t column, int64_t time_us,
                      int64_t mark_us) {
    char event[64], mark[64], msg[256];
    put_time(event, sizeof event, time_us);
    put_time(mark, sizeof mark, mark_us);
    struct sl_str name = batch->schema->fields[column].name;
    int len = snprintf(msg, sizeof msg, "event time %s is not after the watermark %s", event, mark);
    struct sl_fault fault = {.row = sl_batch_source_row(batch, row),
                             .kind = SL_FAULT_LATE,
                             .rule = name,
                             .msg = {msg, (size_t)len}};
    sl_faults_add(batch->faults, &fault);
}

/* A record that is late in one of its windows and counted in another has not been lost. */
static void note_lost_records(const struct sl_batch *batch, const struct sl_shard_rows *shards,
                              const uint32_t *late, const int64_t *times, uint32_t late_count,
                              uint32_t column, int64_t mark_us) {
    uint32_t rows = batch->faults->rows;
    uint64_t *stays = sl_xcalloc(SL_BIT_WORDS(rows) + 1, 8);
    for (uint32_t i = 0; i < shards->count; i++)
        sl_bit_set(stays, sl_batch_source_row(batch, shards->picked[i]));
    for (uint32_t i = 0; i < late_count; i++)
        if (!sl_bit_get(stays, sl_batch_source_row(batch, late[i])))
            note_late(batch, late[i], column, times[i], mark_us);
    free(stays);
}

static void take_sample(const struct sl_batch *batch, const struct sl_vec *column,
                        const struct sl_vec *times, uint32_t row, struct sl_late_sample *sample) {
    if (atomic_exchange(&sample->taken, true)) return;
    sl_batch_describe_row(batch, row, sample->row, sizeof sample->row);
    time_at(column, times, row, &sample->time_us);
}

uint64_t sl_shard_rows_drop_late(struct sl_shard_rows *shards, const struct sl_batch *batch,
                                 const struct sl_event_time *event_time,
                                 const struct sl_batch_marks *marks) {
    if (event_time->column < 0 || marks->late_ms == INT64_MIN) return 0;
    const struct sl_vec *column = &batch->columns[event_time->column];
    const struct sl_vec *times = sl_event_time_vec(column);
    int64_t mark_us = sl_marks_us(marks->late_ms), time_us = 0;
    bool keeps = marks->keeps_late && batch->faults;
    int64_t *late_times = NULL;
    uint32_t kept = 0, late = 0;
    for (uint32_t i = 0; i < shards->count; i++) {
        uint32_t row = shards->picked[i];
        if (!time_at(column, times, row, &time_us) || time_us > mark_us) {
            shards->picked[kept++] = row;
            continue;
        }
        if (keeps && !late_times) late_times = sl_xmalloc(shards->count * sizeof *late_times);
        if (keeps) late_times[late] = time_us;
        shards->rows[late++] = row;
    }
    shards->count = kept;
    if (late && marks->late) take_sample(batch, column, times, shards->rows[0], marks->late);
    if (keeps && late)
        note_lost_records(batch, shards, shards->rows, late_times, late,
                          (uint32_t)event_time->column, mark_us);
    free(late_times);
    return late;
}

uint32_t sl_shard_rows_drop_null(struct sl_shard_rows *shards, const struct sl_vec *const *keys,
                                 uint32_t key_count) {
    uint32_t before = shards->count;
    for (uint32_t c = 0; c < key_count; c++) {
        if (!keys[c]->valid && keys[c]->type->kind != SL_NULL_KIND) continue;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < shards->count; i++)
            if (!sl_vec_is_null(keys[c], shards->picked[i]))
                shards->picked[kept++] = shards->picked[i];
        shards->count = kept;
    }
    return before - shards->count;
}

/* ---- by shard ---- */

static uint32_t shard_of(int32_t hash) {
    _Static_assert((SL_STATE_SHARDS & (SL_STATE_SHARDS - 1)) == 0, "pmod by a mask");
    return (uint32_t)hash & (SL_STATE_SHARDS - 1);
}

void sl_shard_rows_split(struct sl_shard_rows *shards, const struct sl_vec *const *keys,
                         uint32_t key_count) {
    uint32_t at[SL_STATE_SHARDS] = {0};
    sl_hash_spark(keys, key_count, shards->picked, shards->count, shards->hashes);
    for (uint32_t i = 0; i < shards->count; i++) at[shard_of(shards->hashes[i])]++;
    uint32_t end = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        shards->begin[s] = end;
        end += at[s];
        at[s] = shards->begin[s];
    }
    shards->begin[SL_STATE_SHARDS] = end;
    for (uint32_t i = 0; i < shards->count; i++)
        shards->rows[at[shard_of(shards->hashes[i])]++] = shards->picked[i];
}

enum sl_code sl_shard_rows_visit(const struct sl_shard_rows *shards, pthread_mutex_t *const *locks,
                                 sl_shard_visit_fn visit, void *ctx, struct sl_err *err) {
    uint32_t waiting[SL_STATE_SHARDS], count = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        if (shards->begin[s] < shards->begin[s + 1]) waiting[count++] = s;
    while (count) {
        uint32_t left = 0, done = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t shard = waiting[i];
            /* Who found all taken waits for the first. */
            bool mine = pthread_mutex_trylock(locks[shard]) == 0;
            if (!mine) {
                waiting[left++] = shard;
                continue;
            }
            enum sl_code code = visit(ctx, shard, err);
            pthread_mutex_unlock(locks[shard]);
            if (code != SL_OK) return code;
            done++;
        }
        count = left;
        if (done || !count) continue;
        pthread_mutex_lock(locks[waiting[0]]);
        enum sl_code code = visit(ctx, waiting[0], err);
        pthread_mutex_unlock(locks[waiting[0]]);
        if (code != SL_OK) return code;
        waiting[0] = waiting[--count];
    }
    return SL_OK;
}

/* ---- output ---- */

void sl_emitter_init(struct sl_emitter *emitter, const struct sl_type *schema, uint32_t batch_rows,
                     sl_emit_fn emit, void *ctx) {
    *emitter = (struct sl_emitter){.batch_rows = batch_rows, .emit = emit, .ctx = ctx};
    sl_arena_init(&emitter->arena, "emitter");
    sl_batch_init(&emitter->batch, schema, &emitter->arena);
}

void sl_emitter_release(struct sl_emitter *emitter) {
    sl_batch_release(&emitter->batch);
    sl_arena_release(&emitter->arena);
}

enum sl_code sl_emitter_flush(struct sl_emitter *emitter, struct sl_err *err) {
    struct sl_batch *batch = &emitter->batch;
    if (!batch->rows) return SL_OK;
    batch->selected = NULL;
    batch->selected_rows = batch->rows;
    enum sl_code code = emitter->emit(emitter->ctx, batch, err);
    sl_batch_clear(batch);
    return code;
}

enum sl_code sl_emitter_added(struct sl_emitter *emitter, uint32_t rows, struct sl_err *err) {
    emitter->batch.rows += rows;
    return emitter->batch.rows < emitter->batch_rows ? SL_OK : sl_emitter_flush(emitter, err);
}
