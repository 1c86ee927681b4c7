/* window() and session_window(): the windows that a moment lies in.  What the binder makes of the
 * calls that people write is told in plan/bind_window.c; these kernels get durations as numbers.
 * Source: ResolveTimeWindows.scala (TimeWindowing, SessionWindowing). */
#include "kern/calendar_interval.h"
#include "kern/datetime_int.h"
#include "kern/resolve.h"

/* ---- types ---- */

static const struct sl_type *window_type(struct sl_arena *arena, const struct sl_type *time) {
    struct sl_field fields[2] = {{.name = SL_STR("start"), .type = time, .nullable = true},
                                 {.name = SL_STR("end"), .type = time, .nullable = true}};
    return sl_type_struct(arena, fields, 2);
}

static bool constant(const struct sl_resolve *resolve, uint32_t arg, int64_t *out) {
    const struct sl_vec *value = arg < resolve->arg_count ? resolve->args[arg].constant : NULL;
    if (!value || value->type->kind != SL_LONG_KIND || sl_vec_is_null(value, 0)) return false;
    *out = value->i64[0];
    return true;
}

/* (time, duration, slide, start): a window, or an ARRAY of them where they overlap. */
enum sl_code sl_resolve_time_window(struct sl_resolve *resolve, struct sl_err *err) {
    int64_t duration, slide;
    const struct sl_type *time = resolve->targets[0];
    if (time->kind != SL_TIMESTAMP_NTZ_KIND) time = &sl_type_timestamp;
    resolve->targets[0] = time;
    resolve->result = window_type(resolve->arena, time);
    if (resolve->arg_count != 4) return SL_OK;
    if (!constant(resolve, 1, &duration) || !constant(resolve, 2, &slide))
        return sl_resolve_unexpected(resolve, 1, "BIGINT", err);
    if (duration != slide) resolve->result = sl_type_array(resolve->arena, resolve->result, false);
    return SL_OK;
}

/* ---- window ---- */

struct spec {
    int64_t duration, slide, start;
};

/* Start of the last window that the moment lies in. */
static int64_t last_start(const struct spec *spec, int64_t time) {
    int64_t since = (int64_t)((uint64_t)time - (uint64_t)spec->start);
    return (int64_t)((uint64_t)time - (uint64_t)sl_floor_mod(since, spec->slide));
}

/* Null rows of a struct are null in its fields as well. */
static enum sl_code share_nulls(struct sl_call *call, struct sl_vec *window, struct sl_err *err) {
    const uint64_t *valid = call->strict_valid;
    if (!valid) return SL_OK;
    for (int field = 0; field < 2; field++) {
        SL_TRY(sl_vec_reserve_valid(&window->children[field], call->rows, err));
        memcpy(window->children[field].valid, valid, SL_BIT_WORDS(call->rows) * sizeof *valid);
    }
    return SL_OK;
}

static enum sl_code tumbling(struct sl_call *call, const struct spec *spec, struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    int64_t *start = out->children[0].i64, *end = out->children[1].i64;
    for (uint32_t row = 0; row < call->rows; row++) {
        start[row] = last_start(spec, in->i64[sl_vec_pos(in, row)]);
        end[row] = (int64_t)((uint64_t)start[row] + (uint64_t)spec->duration);
    }
    out->children[0].rows = out->children[1].rows = call->rows;
    return share_nulls(call, out, err);
}

static enum sl_code sliding(struct sl_call *call, const struct spec *spec, struct sl_err *err) {
    struct sl_vec *out = call->out, *items = &out->children[0];
    const struct sl_vec *in = call->args[0];
    int64_t most = spec->duration / spec->slide + (spec->duration % spec->slide != 0);
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool null = call->strict_valid && !sl_bit_get(call->strict_valid, row);
        if (!null) {
            int64_t time = in->i64[sl_vec_pos(in, row)], start = last_start(spec, time);
            SL_TRY(sl_vec_reserve(items, items->rows + (uint32_t)most, err));
            for (int64_t k = 0; k < most; k++, start -= spec->slide) {
                if (time - start >= spec->duration) break;
                items->children[0].i64[items->rows] = start;
                items->children[1].i64[items->rows] = start + spec->duration;
                items->rows++;
                items->children[0].rows = items->children[1].rows = items->rows;
            }
        }
        out->offsets[row + 1] = (int32_t)items->rows;
    }
    return SL_OK;
}

enum sl_code sl_kernel_time_window(struct sl_call *call, struct sl_err *err) {
    struct spec spec = {call->args[1]->i64[0], call->args[2]->i64[0], call->args[3]->i64[0]};
    return call->out->type->kind == SL_ARRAY_KIND ? sliding(call, &spec, err)
                                                  : tumbling(call, &spec, err);
}

/* ---- session_window ---- */

static bool is_null(const struct sl_vec *vec, uint32_t row) { return sl_vec_is_null(vec, row); }

/* (time, gap as text): the session that a row makes alone; NULL where the gap is no interval or not
 * positive, as such rows belong to no session. */
enum sl_code sl_kernel_session_window(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *in = call->args[0], *gap = call->args[1];
    struct sl_vec *out = call->out;
    const struct sl_zone *zone =
        in->type->kind == SL_TIMESTAMP_NTZ_KIND ? sl_zone_utc : sl_call_zone(call);
    struct sl_calendar_interval interval = {0};
    bool fixed = gap->enc == SL_ENC_CONST, ok = false;
    if (fixed && !is_null(gap, 0)) ok = sl_calendar_interval_parse(sl_vec_str(gap, 0), &interval);
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    SL_TRY(sl_call_own_valid(call, err));
    for (int field = 0; field < 2; field++)
        SL_TRY(sl_vec_reserve_valid(&out->children[field], call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t start = 0, end = 0;
        bool has = !is_null(in, row) && !is_null(gap, row);
        if (has && !fixed) ok = sl_calendar_interval_parse(sl_vec_str(gap, row), &interval);
        has = has && ok;
        if (has) {
            start = in->i64[sl_vec_pos(in, row)];
            has = sl_calendar_interval_add(start, &interval, zone, &end) && end > start;
        }
        out->children[0].i64[row] = has ? start : 0;
        out->children[1].i64[row] = has ? end : 0;
        if (has) continue;
        sl_bit_clear(out->valid, row);
        sl_bit_clear(out->children[0].valid, row);
        sl_bit_clear(out->children[1].valid, row);
    }
    out->children[0].rows = out->children[1].rows = call->rows;
    return SL_OK;
}
