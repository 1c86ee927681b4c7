/* Notes the event times of a batch.  Spark's EventTimeWatermarkExec reads a NULL as time 0
 * (UnsafeRow.getLong), floors microseconds to milliseconds, and counts every row, late or not. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/op.h"

struct watermark {
    struct sl_op base;
    uint32_t column;
    int64_t ahead_ms; /* -1: no limit */
    struct sl_event_times times;
    struct sl_vec flat; /* the column, when it came in another encoding */
    bool profiled;
    int64_t ns, rows;
};

/* Microseconds. The sum is of milliseconds, and of floors: it cannot be taken of the sum. */
struct times {
    int64_t max, min;
    __int128 sum_ms;
    uint64_t rows;
};

static inline int64_t floor_ms(int64_t us) { return us / 1000 - (us % 1000 < 0); }

static void note(struct times *times, int64_t us, uint64_t rows) {
    times->max = us > times->max ? us : times->max;
    times->min = us < times->min ? us : times->min;
    times->sum_ms += (__int128)floor_ms(us) * (__int128)rows;
    times->rows += rows;
}

/* Sums of 64 milliseconds, each below 2^54, do not overflow. */
static void note_64(struct times *times, const int64_t *restrict us) {
    int64_t max = times->max, min = times->min, sum = 0;
    for (unsigned i = 0; i < 64; i++) {
        max = us[i] > max ? us[i] : max;
        min = us[i] < min ? us[i] : min;
        sum += floor_ms(us[i]);
    }
    times->max = max;
    times->min = min;
    times->sum_ms += sum;
    times->rows += 64;
}

static void note_rows(struct times *times, const struct sl_vec *vec, const struct sl_batch *in) {
    const int64_t *us = vec->i64;
    for (uint32_t begin = 0; begin < in->rows; begin += 64) {
        uint64_t rows = in->selected ? in->selected[begin / 64] : ~UINT64_C(0);
        if (in->rows - begin < 64) rows &= sl_bits_tail(in->rows);
        uint64_t valid = vec->valid ? vec->valid[begin / 64] : ~UINT64_C(0);
        if ((rows & valid) == ~UINT64_C(0)) {
            note_64(times, us + begin);
            continue;
        }
        uint64_t nulls = (uint64_t)__builtin_popcountll(rows & ~valid);
        if (nulls) note(times, 0, nulls);
        for (rows &= valid; rows; rows &= rows - 1)
            note(times, us[begin + __builtin_ctzll(rows)], 1);
    }
}

/* The times of a window are its ends. */
static const struct sl_vec *time_child(const struct sl_vec *vec) {
    if (vec->type->kind != SL_STRUCT_KIND) return vec;
    int end = sl_type_find_field(vec->type, SL_STR("end"));
    sl_assert(end >= 0);
    return &vec->children[end];
}

/* The column of times as FLAT, or CONST. */
static enum sl_code take_times(struct watermark *watermark, const struct sl_batch *in,
                               const struct sl_vec **out, struct sl_err *err) {
    const struct sl_vec *vec = &in->columns[watermark->column];
    const struct sl_vec *child = time_child(vec);
    *out = child;
    if (vec->enc == SL_ENC_FLAT && child->enc == SL_ENC_FLAT) return SL_OK;
    if (vec == child && vec->enc == SL_ENC_CONST) return SL_OK;
    if (!watermark->flat.type) sl_vec_init(&watermark->flat, vec->type);
    SL_TRY(sl_vec_flatten(vec, &watermark->flat, err));
    *out = time_child(&watermark->flat);
    return SL_OK;
}

static void note_batch(const struct sl_vec *vec, const struct sl_batch *in, struct times *times) {
    uint32_t selected = in->selected ? in->selected_rows : in->rows;
    if (vec->enc == SL_ENC_FLAT)
        note_rows(times, vec, in);
    else if (selected)
        note(times, sl_vec_is_null(vec, 0) ? 0 : vec->i64[0], selected);
}

/* Some row is beyond the limit: which is the latest that is not? */
static void note_reached(struct sl_event_times *total, const struct sl_vec *vec,
                         const struct sl_batch *in, int64_t limit_ms) {
    for (uint32_t row = 0; row < in->rows; row++) {
        if (in->selected && !sl_bit_get(in->selected, row)) continue;
        int64_t ms = sl_vec_is_null(vec, row) ? 0 : floor_ms(vec->i64[sl_vec_pos(vec, row)]);
        if (ms > limit_ms)
            total->ahead++;
        else if (ms > total->reached_ms)
            total->reached_ms = ms;
    }
}

static int64_t limit_of(const struct watermark *watermark, const struct sl_session *session) {
    int64_t limit;
    if (watermark->ahead_ms < 0 ||
        __builtin_add_overflow(session->batch_timestamp_us / 1000, watermark->ahead_ms, &limit))
        return INT64_MAX;
    return limit;
}

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    struct watermark *watermark = (struct watermark *)op;
    struct sl_event_times *total = &watermark->times;
    struct times times = {.max = INT64_MIN, .min = INT64_MAX};
    int64_t begin = watermark->profiled ? sl_clock_thread_cpu_ns() : 0;
    const struct sl_vec *vec;
    *out = in;
    if (in->rows == 0) return SL_OK;
    SL_TRY(take_times(watermark, in, &vec, err));
    note_batch(vec, in, &times);
    if (watermark->profiled) watermark->ns += sl_clock_thread_cpu_ns() - begin;
    watermark->rows += in->rows;
    if (!times.rows) return SL_OK;
    int64_t max_ms = floor_ms(times.max), min_ms = floor_ms(times.min);
    if (!total->rows || max_ms > total->max_ms) total->max_ms = max_ms;
    if (!total->rows || min_ms < total->min_ms) total->min_ms = min_ms;
    int64_t limit_ms = limit_of(watermark, session);
    if (max_ms > limit_ms)
        note_reached(total, vec, in, limit_ms);
    else if (max_ms > total->reached_ms)
        total->reached_ms = max_ms;
    total->sum_ms += (double)times.sum_ms;
    total->rows += times.rows;
    return SL_OK;
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    const struct watermark *watermark = (const struct watermark *)op;
    if (watermark->profiled && watermark->rows)
        fn(ctx, "watermark", watermark->ns, watermark->rows);
}

static void free_watermark(struct sl_op *op) {
    sl_vec_release(&((struct watermark *)op)->flat);
    free(op);
}

static const struct sl_op_ops watermark_ops = {"watermark", process, profile, free_watermark, NULL};

struct sl_op *sl_watermark_new(uint32_t column, int64_t ahead_ms, bool profiled) {
    struct watermark *watermark = sl_xcalloc(1, sizeof *watermark);
    watermark->base.ops = &watermark_ops;
    watermark->column = column;
    watermark->ahead_ms = ahead_ms;
    watermark->times.reached_ms = INT64_MIN;
    watermark->profiled = profiled;
    return &watermark->base;
}

const struct sl_event_times *sl_watermark_times(const struct sl_op *op) {
    return op->ops == &watermark_ops ? &((const struct watermark *)op)->times : NULL;
}
