/* Pace and command-line texts of the generator. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gen/gen_nexmark.h"

/* ---- pace ---- */

/* The phases of burst mode: realistic traffic of requirement 000. */
static const struct phase {
    uint64_t records;
    double rate;
} phases[] = {{30, 1}, {50, 10}, {10, 0.2}};
enum { PHASES = sizeof phases / sizeof *phases };
#define GAP_S 2.0

static double burst_due_s(uint64_t sequence) {
    double cycle_s = 0;
    uint64_t cycle = 0;
    for (int i = 0; i < PHASES; i++) {
        cycle += phases[i].records;
        cycle_s += (double)phases[i].records / phases[i].rate + GAP_S;
    }
    double due_s = (double)(sequence / cycle) * cycle_s;
    uint64_t left = sequence % cycle;
    for (int i = 0; i < PHASES; i++) {
        if (left < phases[i].records) return due_s + (double)left / phases[i].rate;
        due_s += (double)phases[i].records / phases[i].rate + GAP_S;
        left -= phases[i].records;
    }
    return due_s;
}

int64_t sl_gen_due_ns(const struct sl_gen_config *config, uint64_t sequence) {
    double rate = config->rate;
    if (rate < 0) return 0;
    if (rate == 0) {
        if (config->mode == SL_GEN_COUNT) return 0;
        if (config->mode == SL_GEN_BURST) return (int64_t)(burst_due_s(sequence) * 1e9);
        rate = config->mode == SL_GEN_FAST ? 10 : 1;
    }
    return (int64_t)((double)sequence / rate * 1e9);
}

static bool asked_to_stop(const struct sl_gen_runner *runner) {
    return runner->stopping && runner->stopping(runner->ctx);
}

/* Sleeps in slices of 10 ms until the record is due; false when asked to stop. */
static bool await(const struct sl_gen_runner *runner, int64_t due_ns) {
    for (;;) {
        int64_t left_ns = due_ns - sl_clock_mono_ns();
        if (left_ns <= 0) return true;
        if (asked_to_stop(runner)) return false;
        if (runner->idle) runner->idle(runner->ctx);
        sl_clock_sleep_ms(left_ns > 10000000 ? 10 : (left_ns + 999999) / 1000000);
    }
}

enum sl_code sl_gen_run(const struct sl_gen_config *config, struct sl_gen_runner *runner,
                        struct sl_err *err) {
    struct sl_gen_nexmark *nexmark = config->nexmark ? sl_gen_nexmark_new(config) : NULL;
    struct sl_gen_orders *orders = nexmark ? NULL : sl_gen_orders_new(config);
    int64_t start_ns = sl_clock_mono_ns();
    enum sl_code code = SL_OK;
    bool paced = sl_gen_due_ns(config, 1u << 20) > 0;
    for (uint64_t n = 0; code == SL_OK && (!config->count || n < config->count); n++) {
        if (paced && !await(runner, start_ns + sl_gen_due_ns(config, n))) break;
        if (!paced && (n & 1023) == 1023 && asked_to_stop(runner)) break;
        const struct sl_gen_record *record =
            nexmark ? sl_gen_nexmark_next(nexmark) : sl_gen_orders_next(orders);
        code = runner->send(runner->ctx, record, err);
        if (code != SL_OK) break;
        runner->counts[record->kind]++;
        runner->bytes += record->value.len;
    }
    sl_gen_orders_free(orders);
    sl_gen_nexmark_free(nexmark);
    return code;
}

/* ---- texts ---- */

static bool number(struct sl_str text, double *out) {
    char copy[40], *end;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *out = strtod(copy, &end);
    return *end == 0 && isfinite(*out);
}

bool sl_gen_share_parse(struct sl_str text, double *out) {
    text = sl_str_trim(text);
    bool percent = sl_str_ends(text, SL_STR("%"));
    if (percent) text.len--;
    if (!number(text, out)) return false;
    if (percent) *out /= 100;
    return *out >= 0 && *out <= 1;
}

static bool duration(struct sl_str text, int64_t *out_ms) {
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct sl_str unit = sl_str(units[i].unit);
        double value;
        if (!sl_str_ends(text, unit) || !number(sl_str_sub(text, 0, text.len - unit.len), &value))
            continue;
        if (value < 0 || value * units[i].ms > 4e9) return false;
        *out_ms = (int64_t)(value * units[i].ms);
        return true;
    }
    return false;
}

bool sl_gen_late_parse(struct sl_str text, struct sl_gen_config *out) {
    size_t colon = sl_str_find(text, SL_STR(":"), 0);
    if (colon == SIZE_MAX) return sl_gen_share_parse(text, &out->late);
    if (!sl_gen_share_parse(sl_str_sub(text, 0, colon), &out->late)) return false;
    struct sl_str range = sl_str_sub(text, colon + 1, text.len);
    size_t dash = sl_str_find(range, SL_STR("-"), 0);
    if (dash == SIZE_MAX) {
        if (!duration(range, &out->late_min_ms)) return false;
        out->late_max_ms = out->late_min_ms;
        return true;
    }
    return duration(sl_str_sub(range, 0, dash), &out->late_min_ms) &&
           duration(sl_str_sub(range, dash + 1, range.len), &out->late_max_ms) &&
           out->late_min_ms <= out->late_max_ms;
}
