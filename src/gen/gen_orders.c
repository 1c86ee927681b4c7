#include "gen/gen_orders.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "gen/gen_text.h"

const char *const sl_gen_kind_names[SL_GEN_KIND_COUNT] = {"good", "late",     "dup",
                                                          "bad",  "negative", "null"};

enum {
    RECENT = 1000, /* duplicates repeat one of the last so many */
    BENCH_ORDERS = 2000000,
    JITTER_US = 120000000,
};
#define BENCH_START_US INT64_C(1736899200000000) /* 2025-01-15T00:00:00Z */
#define BENCH_SPAN_US (INT64_C(3) * 86400 * 1000000)

/* A record that may be repeated. */
struct copy {
    struct sl_gen_record record;
    char value[SL_GEN_VALUE_MAX], key[SL_GEN_KEY_MAX], order_id[24];
};

struct sl_gen_orders {
    struct sl_gen_config config;
    struct sl_gen_random random;
    struct sl_gen_record record;
    struct sl_gen_order order;
    uint64_t sequence, number;
    uint32_t bad_turn, null_turn;
    int64_t start_ns, clock_start_us, now_us;
    struct copy *recent; /* ring; NULL without duplicates */
    uint32_t recent_count;
    char value[SL_GEN_VALUE_MAX], key[SL_GEN_KEY_MAX];
};

/* Orders and their payments draw the same, so that they tell of the same orders. */
static bool is_bench(enum sl_gen_shape shape) {
    return shape == SL_GEN_ORDERS11 || shape == SL_GEN_PAYMENTS;
}

static void fill_defaults(struct sl_gen_config *config) {
    bool shop = config->shape == SL_GEN_ORDERS9 || config->shape == SL_GEN_SIMPLE;
    if (config->late < 0) config->late = shop ? 0.1 : 0;
    if (config->zero < 0) config->zero = is_bench(config->shape) ? 0.02 : 0;
    if (!config->late_min_ms && !config->late_max_ms) {
        config->late_min_ms = 5 * 60000;
        config->late_max_ms = 15 * 60000;
    }
    if (config->late_max_ms < config->late_min_ms) config->late_max_ms = config->late_min_ms;
}

struct sl_gen_orders *sl_gen_orders_new(const struct sl_gen_config *config) {
    struct sl_gen_orders *orders = sl_xcalloc(1, sizeof *orders);
    orders->config = *config;
    fill_defaults(&orders->config);
    sl_gen_random_seed(&orders->random, config->seed);
    orders->number = config->first_number ? config->first_number : 1;
    orders->start_ns = sl_clock_mono_ns();
    orders->clock_start_us =
        config->clock_start_ms ? config->clock_start_ms * 1000 : sl_clock_wall_us();
    if (config->duplicate > 0) orders->recent = sl_xcalloc(RECENT, sizeof *orders->recent);
    return orders;
}

void sl_gen_orders_free(struct sl_gen_orders *orders) {
    if (!orders) return;
    free(orders->recent);
    free(orders);
}

/* ---- event time ---- */

static int64_t bench_time(struct sl_gen_orders *orders) {
    uint64_t spread = orders->config.count ? orders->config.count : BENCH_ORDERS;
    int64_t step = BENCH_SPAN_US / (int64_t)spread;
    int64_t jitter = (int64_t)sl_gen_random_below(&orders->random, JITTER_US) - JITTER_US / 2;
    int64_t time = BENCH_START_US + (int64_t)orders->sequence * step + jitter;
    return time < BENCH_START_US ? BENCH_START_US : time;
}

/* The wall clock is looked at every 64 records; finer would cost more than a record. */
static int64_t clock_time(struct sl_gen_orders *orders) {
    const struct sl_gen_config *config = &orders->config;
    if (config->clock_step_us)
        return orders->clock_start_us + (int64_t)orders->sequence * config->clock_step_us;
    if ((orders->sequence & 63) == 0 || config->rate > 0 || config->mode != SL_GEN_COUNT)
        orders->now_us = config->clock_speed > 0
                             ? orders->clock_start_us +
                                   (int64_t)((double)(sl_clock_mono_ns() - orders->start_ns) /
                                             1000.0 * config->clock_speed)
                             : sl_clock_wall_us();
    return orders->now_us;
}

static bool is_bench_time(const struct sl_gen_config *config) {
    return is_bench(config->shape) && config->clock_speed <= 0 && !config->clock_step_us &&
           !config->clock_start_ms;
}

/* ---- kinds ---- */

/* Five ways to be broken, in turn: cut, no JSON, wrong types, empty object, empty value. */
static size_t break_value(struct sl_gen_orders *orders, size_t len) {
    char *value = orders->value;
    switch (orders->bad_turn++ % 5) {
    case 0:
        return len / 2;
    case 1:
        return (size_t)(SL_GEN_PUT(value, "not json at all") - value);
    case 2: {
        char *to = SL_GEN_PUT(value, "{\"order_id\": ");
        *to++ = '"';
        to = sl_gen_put(to, orders->order.order_id, orders->order.order_id_len);
        return (size_t)(SL_GEN_PUT(to, "\", \"customer_id\": {\"id\": 1}, \"quantity\": \"many\", "
                                       "\"amount\": \"n/a\", \"order_timestamp\": true}") -
                        value);
    }
    case 3:
        return (size_t)(SL_GEN_PUT(value, "{}") - value);
    default:
        return 0;
    }
}

static enum sl_gen_kind draw_kind(struct sl_gen_orders *orders) {
    const struct sl_gen_config *config = &orders->config;
    struct sl_gen_random *random = &orders->random;
    if (sl_gen_random_chance(random, config->bad)) return SL_GEN_BAD;
    if (sl_gen_random_chance(random, config->null)) return SL_GEN_NULL;
    if (sl_gen_random_chance(random, config->negative)) return SL_GEN_NEGATIVE;
    if (sl_gen_random_chance(random, config->late)) return SL_GEN_LATE;
    return SL_GEN_GOOD;
}

static void apply_kind(struct sl_gen_orders *orders, enum sl_gen_kind kind) {
    const struct sl_gen_config *config = &orders->config;
    struct sl_gen_order *order = &orders->order;
    if (kind == SL_GEN_LATE) {
        uint32_t span = (uint32_t)(config->late_max_ms - config->late_min_ms + 1);
        int64_t late_ms = config->late_min_ms + sl_gen_random_below(&orders->random, span);
        order->time_us -= late_ms * 1000;
    }
    if (kind == SL_GEN_NEGATIVE) order->amount_cents = -order->amount_cents;
    /* In turn: order_id, customer_id, amount, and a tombstone (no value at all). */
    if (kind == SL_GEN_NULL) order->null_field = (enum sl_gen_null)(1 + orders->null_turn % 4);
}

static void remember(struct sl_gen_orders *orders) {
    struct copy *copy = &orders->recent[orders->recent_count++ % RECENT];
    copy->record = orders->record;
    memcpy(copy->value, orders->value, orders->record.value.len);
    memcpy(copy->key, orders->key, orders->record.key.len);
    memcpy(copy->order_id, orders->order.order_id, orders->order.order_id_len);
    copy->record.value.ptr = copy->value;
    if (copy->record.key.ptr) copy->record.key.ptr = copy->key;
    copy->record.order_id.ptr = copy->order_id;
}

static const struct sl_gen_record *repeat(struct sl_gen_orders *orders) {
    uint32_t have = orders->recent_count < RECENT ? orders->recent_count : RECENT;
    orders->record = orders->recent[sl_gen_random_below(&orders->random, have)].record;
    orders->record.kind = SL_GEN_DUPLICATE;
    orders->record.sequence = orders->sequence++;
    return &orders->record;
}

const struct sl_gen_record *sl_gen_orders_next(struct sl_gen_orders *orders) {
    const struct sl_gen_config *config = &orders->config;
    if (orders->recent && orders->recent_count &&
        sl_gen_random_chance(&orders->random, config->duplicate))
        return repeat(orders);
    struct sl_gen_order *order = &orders->order;
    sl_gen_order_draw(config->shape, &orders->random, orders->number++, order);
    order->time_us = is_bench_time(config) ? bench_time(orders) : clock_time(orders);
    enum sl_gen_kind kind = draw_kind(orders);
    if (sl_gen_random_chance(&orders->random, config->zero)) order->amount_cents = 0;
    apply_kind(orders, kind);
    bool tombstone = kind == SL_GEN_NULL && orders->null_turn++ % 4 == 3;
    size_t len = tombstone ? 0 : sl_gen_order_value(config->shape, order, orders->value);
    if (kind == SL_GEN_BAD) len = break_value(orders, len);
    size_t key_len = sl_gen_order_key(config->shape, order, orders->key);
    orders->record = (struct sl_gen_record){
        .sequence = orders->sequence++,
        .kind = kind,
        .key = {key_len ? orders->key : NULL, key_len},
        .value = {tombstone ? NULL : orders->value, len},
        .order_id = {order->order_id, order->order_id_len},
        .amount_cents = order->amount_cents,
        .has_amount = kind != SL_GEN_BAD && !tombstone && order->null_field != SL_GEN_NULL_AMOUNT,
    };
    if (orders->recent && (kind == SL_GEN_GOOD || kind == SL_GEN_LATE)) remember(orders);
    return &orders->record;
}

/* ---- ledger ---- */

void sl_gen_ledger_put(struct sl_buf *out, const struct sl_gen_record *record) {
    char *begin = (char *)sl_buf_reserve(out, 256), *to = begin;
    to = SL_GEN_PUT(to, "{\"sequence\":");
    to = sl_gen_put_number(to, record->sequence);
    to = SL_GEN_PUT(to, ",\"kind\":\"");
    to = sl_gen_put(to, sl_gen_kind_names[record->kind], strlen(sl_gen_kind_names[record->kind]));
    to = SL_GEN_PUT(to, "\",\"key\":");
    if (record->key.ptr) {
        *to++ = '"';
        to = sl_gen_put(to, record->key.ptr, record->key.len);
        *to++ = '"';
    } else {
        to = SL_GEN_PUT(to, "null");
    }
    to = SL_GEN_PUT(to, ",\"order_id\":\"");
    to = sl_gen_put(to, record->order_id.ptr, record->order_id.len);
    to = SL_GEN_PUT(to, "\",\"hash\":\"");
    if (record->value.ptr)
        to = sl_gen_put_hex(to, sl_xxh64(record->value.ptr, record->value.len, 0), 16);
    to = SL_GEN_PUT(to, "\",\"amount\":");
    to = record->has_amount ? sl_gen_put_cents(to, record->amount_cents) : SL_GEN_PUT(to, "null");
    to = SL_GEN_PUT(to, "}\n");
    out->len += (size_t)(to - begin);
}
