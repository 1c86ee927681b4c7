#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "gen/gen_orders.h"
#include "gen/gen_text.h"

static struct sl_gen_config config_of(enum sl_gen_shape shape) {
    return (struct sl_gen_config){.shape = shape,
                                  .mode = SL_GEN_COUNT,
                                  .seed = 7,
                                  .late = -1,
                                  .zero = -1,
                                  .clock_start_ms = 1765795800000, /* 2025-12-15T10:50:00Z */
                                  .clock_step_us = 1000000};
}

static const struct sl_json *member(const struct sl_json *json, const char *name) {
    const struct sl_json *found = sl_json_get(json, sl_str(name));
    if (!found) fail_msg("no member %s", name);
    return found;
}

/* Numbers as texts, against printf as the twin. */
void test_text_writers(void **state) {
    (void)state;
    uint64_t seed = 1;
    char got[64], want[64];
    for (int i = 0; i < 20000; i++) {
        uint64_t value = sl_random_next(&seed) >> (sl_random_next(&seed) % 64);
        *sl_gen_put_number(got, value) = 0;
        snprintf(want, sizeof want, "%llu", (unsigned long long)value);
        assert_string_equal(got, want);
        int64_t cents = (int64_t)(value % 100000000) - 50000000;
        *sl_gen_put_cents(got, cents) = 0;
        snprintf(want, sizeof want, "%s%lld.%02lld", cents < 0 ? "-" : "",
                 llabs((long long)cents) / 100, llabs((long long)cents) % 100);
        assert_string_equal(got, want);
        *sl_gen_put_float(got, cents) = 0;
        assert_true(strtod(got, NULL) == strtod(want, NULL));
        *sl_gen_put_hex(got, value, 16) = 0;
        snprintf(want, sizeof want, "%016llx", (unsigned long long)value);
        assert_string_equal(got, want);
    }
}

void test_times(void **state) {
    (void)state;
    char text[40];
    *sl_gen_put_time(text, 1765795800123456, 3) = 0;
    assert_string_equal(text, "2025-12-15T10:50:00.123");
    *sl_gen_put_time(text, 1709251199999999, 6) = 0;
    assert_string_equal(text, "2024-02-29T23:59:59.999999");
    *sl_gen_put_time(text, -1, 0) = 0;
    assert_string_equal(text, "1969-12-31T23:59:59");
}

/* Every shape is valid JSON with the fields that the requirement documents name. */
void test_shapes_are_valid_json(void **state) {
    (void)state;
    static const char *const fields[SL_GEN_SHAPE_COUNT][12] = {
        {"order_id", "customer_id", "product_id", "product_name", "quantity", "price", "amount",
         "order_timestamp", "status"},
        {"event_id", "event_type", "event_timestamp", "order", "payment", "customer_context"},
        {"order_id", "customer_id", "amount", "timestamp"},
        {"order_id", "event_id", "customer_id", "product", "category", "quantity", "unit_price",
         "amount", "status", "city", "order_timestamp"},
        {"payment_id", "order_id", "payment_method", "status", "transaction_id", "amount",
         "payment_timestamp"},
    };
    for (int shape = 0; shape < SL_GEN_SHAPE_COUNT; shape++) {
        struct sl_gen_config config = config_of((enum sl_gen_shape)shape);
        struct sl_gen_orders *orders = sl_gen_orders_new(&config);
        for (int i = 0; i < 500; i++) {
            struct sl_arena arena;
            struct sl_json json;
            struct sl_err err;
            sl_arena_init(&arena, "test");
            const struct sl_gen_record *record = sl_gen_orders_next(orders);
            assert_int_equal(sl_json_parse(&arena, record->value, &json, &err), SL_OK);
            size_t count = 0;
            for (; count < 12 && fields[shape][count]; count++)
                (void)member(&json, fields[shape][count]);
            assert_int_equal(json.count, count);
            assert_true(record->value.len < SL_GEN_VALUE_MAX / 2 + 200);
            sl_arena_release(&arena);
        }
        sl_gen_orders_free(orders);
    }
}

/* The key and the amount that the ledger tells are those in the value. */
void test_record_describes_its_value(void **state) {
    (void)state;
    struct sl_gen_config config = config_of(SL_GEN_ORDERS9);
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    for (int i = 0; i < 200; i++) {
        const struct sl_gen_record *record = sl_gen_orders_next(orders);
        struct sl_arena arena;
        struct sl_json json;
        struct sl_err err;
        struct sl_str text;
        sl_arena_init(&arena, "test");
        assert_int_equal(sl_json_parse(&arena, record->value, &json, &err), SL_OK);
        assert_true(sl_json_str(member(&json, "customer_id"), &text));
        assert_true(sl_str_eq(text, record->key));
        assert_true(sl_json_str(member(&json, "order_id"), &text));
        assert_true(sl_str_eq(text, record->order_id));
        char amount[32], number[32];
        *sl_gen_put_float(amount, record->amount_cents) = 0;
        text = member(&json, "amount")->text;
        snprintf(number, sizeof number, "%.*s", SL_STR_ARG(text));
        assert_string_equal(number, amount);
        sl_arena_release(&arena);
    }
    sl_gen_orders_free(orders);
}

static uint64_t digest(const struct sl_gen_config *config, int count) {
    struct sl_gen_orders *orders = sl_gen_orders_new(config);
    struct sl_buf ledger = {0};
    for (int i = 0; i < count; i++) sl_gen_ledger_put(&ledger, sl_gen_orders_next(orders));
    uint64_t hash = sl_xxh64(ledger.ptr, ledger.len, 0);
    sl_buf_release(&ledger);
    sl_gen_orders_free(orders);
    return hash;
}

void test_same_seed_same_records(void **state) {
    (void)state;
    for (int shape = 0; shape < SL_GEN_SHAPE_COUNT; shape++) {
        struct sl_gen_config config = config_of((enum sl_gen_shape)shape);
        config.duplicate = config.bad = config.negative = config.null = 0.05;
        uint64_t first = digest(&config, 3000);
        assert_true(first == digest(&config, 3000));
        config.seed++;
        assert_true(first != digest(&config, 3000));
    }
}

/* Shares come out as asked, and each kind is what it says. */
void test_kinds_have_their_shares(void **state) {
    (void)state;
    enum { COUNT = 40000 };
    struct sl_gen_config config = config_of(SL_GEN_ORDERS9);
    config.duplicate = config.bad = config.negative = config.null = 0.05;
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    uint64_t counts[SL_GEN_KIND_COUNT] = {0}, tombstones = 0, broken = 0;
    for (int i = 0; i < COUNT; i++) {
        const struct sl_gen_record *record = sl_gen_orders_next(orders);
        assert_int_equal(record->sequence, i);
        counts[record->kind]++;
        struct sl_arena arena;
        struct sl_json json;
        struct sl_err err;
        sl_arena_init(&arena, "test");
        bool valid =
            record->value.ptr && sl_json_parse(&arena, record->value, &json, &err) == SL_OK;
        if (record->kind == SL_GEN_BAD) broken += !valid;
        if (record->kind == SL_GEN_NULL && !record->value.ptr)
            tombstones++;
        else if (record->kind != SL_GEN_BAD)
            assert_true(valid);
        if (record->kind == SL_GEN_NULL && record->value.ptr)
            assert_true(sl_str_find(record->value, SL_STR("null"), 0) != SIZE_MAX);
        if (record->kind == SL_GEN_NEGATIVE) assert_true(record->amount_cents < 0);
        sl_arena_release(&arena);
    }
    sl_gen_orders_free(orders);
    assert_in_range(counts[SL_GEN_DUPLICATE], COUNT * 4 / 100, COUNT * 6 / 100);
    assert_in_range(counts[SL_GEN_BAD], COUNT * 4 / 100, COUNT * 6 / 100);
    assert_in_range(counts[SL_GEN_NULL], COUNT * 4 / 100, COUNT * 6 / 100);
    assert_in_range(counts[SL_GEN_NEGATIVE], COUNT * 4 / 100, COUNT * 6 / 100);
    assert_in_range(counts[SL_GEN_LATE], COUNT * 7 / 100, COUNT * 10 / 100);
    assert_in_range(tombstones, counts[SL_GEN_NULL] / 4 - 1, counts[SL_GEN_NULL] / 4 + 1);
    assert_true(broken >= counts[SL_GEN_BAD] * 3 / 5 - 1);
}

/* A duplicate is an earlier good record, byte for byte. */
void test_duplicates_repeat(void **state) {
    (void)state;
    struct sl_gen_config config = config_of(SL_GEN_ORDERS11);
    config.duplicate = 0.2;
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    static uint64_t hashes[4000];
    int seen = 0, repeats = 0;
    for (int i = 0; i < 4000; i++) {
        const struct sl_gen_record *record = sl_gen_orders_next(orders);
        uint64_t hash = sl_xxh64(record->value.ptr, record->value.len, 0);
        bool known = false;
        for (int j = seen > 1000 ? seen - 1000 : 0; j < seen; j++) known |= hashes[j] == hash;
        assert_int_equal(known, record->kind == SL_GEN_DUPLICATE);
        repeats += known;
        if (!known) hashes[seen++] = hash;
    }
    assert_true(repeats > 600);
    sl_gen_orders_free(orders);
}

/* Late ones are five to fifteen minutes behind the record's own moment. */
void test_late_records_are_late(void **state) {
    (void)state;
    struct sl_gen_config config = config_of(SL_GEN_SIMPLE);
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    int late = 0;
    for (int i = 0; i < 2000; i++) {
        const struct sl_gen_record *record = sl_gen_orders_next(orders);
        char newest[24], oldest[24];
        int64_t moment = config.clock_start_ms * 1000 + i * config.clock_step_us;
        bool is_late = record->kind == SL_GEN_LATE;
        late += is_late;
        *sl_gen_put_time(newest, is_late ? moment - 299000000 : moment, 0) = 0;
        *sl_gen_put_time(oldest, is_late ? moment - 901000000 : moment, 0) = 0;
        size_t at = sl_str_find(record->value, SL_STR("\"timestamp\": \""), 0) + 14;
        struct sl_str time = sl_str_sub(record->value, at, at + 19);
        assert_true(sl_str_cmp(time, sl_str(oldest)) >= 0);
        assert_true(sl_str_cmp(time, sl_str(newest)) <= 0);
    }
    assert_in_range(late, 140, 260);
    sl_gen_orders_free(orders);
}

/* The benchmark order: about 269 bytes, three days from 2025-01-15, 2 % without amount. */
void test_orders11_is_the_benchmark_order(void **state) {
    (void)state;
    struct sl_gen_config config = {
        .shape = SL_GEN_ORDERS11, .mode = SL_GEN_COUNT, .count = 20000, .late = -1, .zero = -1};
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    uint64_t bytes = 0, zeros = 0;
    char first[32] = "";
    for (uint64_t i = 0; i < config.count; i++) {
        const struct sl_gen_record *record = sl_gen_orders_next(orders);
        bytes += record->value.len;
        zeros += record->amount_cents == 0;
        if (i == 0) snprintf(first, sizeof first, "%.*s", SL_STR_ARG(record->key));
        assert_true(sl_str_find(record->value, SL_STR("\"order_timestamp\":\"2025-01-1"), 0) !=
                    SIZE_MAX);
    }
    assert_string_equal(first, "ORD-000000001");
    assert_in_range(bytes / config.count, 264, 274);
    assert_in_range(zeros, config.count * 15 / 1000, config.count * 25 / 1000);
    sl_gen_orders_free(orders);
}

static int64_t millis_of_day(struct sl_str value, struct sl_str field) {
    size_t at = sl_str_find(value, field, 0);
    assert_true(at != SIZE_MAX);
    const char *time = value.ptr + at + field.len + strlen("2025-01-15T");
    return ((atoi(time) * 60 + atoi(time + 3)) * 60 + atoi(time + 6)) * 1000LL + atoi(time + 9);
}

/* The n-th payment is of the n-th order: its amount, and 0 to 15 minutes later; one of 20 after ten
 * minutes. */
void test_payments_are_of_the_orders(void **state) {
    (void)state;
    enum { COUNT = 20000, DAY_MS = 86400000, MINUTE_MS = 60000 };
    struct sl_gen_config config = {
        .shape = SL_GEN_ORDERS11, .mode = SL_GEN_COUNT, .count = COUNT, .late = -1, .zero = -1};
    struct sl_gen_orders *orders = sl_gen_orders_new(&config);
    config.shape = SL_GEN_PAYMENTS;
    struct sl_gen_orders *payments = sl_gen_orders_new(&config);
    uint64_t late = 0;
    for (int i = 0; i < COUNT; i++) {
        const struct sl_gen_record *order = sl_gen_orders_next(orders),
                                   *payment = sl_gen_orders_next(payments);
        assert_true(sl_str_eq(order->key, payment->key));
        assert_int_equal(order->amount_cents, payment->amount_cents);
        int64_t ordered = millis_of_day(order->value, SL_STR("\"order_timestamp\":\"")),
                paid = millis_of_day(payment->value, SL_STR("\"payment_timestamp\":\"")),
                delay = (paid - ordered + DAY_MS) % DAY_MS;
        assert_in_range(delay, 0, 15 * MINUTE_MS);
        late += delay > 10 * MINUTE_MS;
    }
    assert_in_range(late, COUNT * 45 / 1000, COUNT * 55 / 1000);
    sl_gen_orders_free(orders);
    sl_gen_orders_free(payments);
}

void test_ledger_line(void **state) {
    (void)state;
    struct sl_buf out = {0};
    struct sl_gen_record record = {.sequence = 7,
                                   .kind = SL_GEN_LATE,
                                   .key = SL_STR("CUST-00042"),
                                   .value = SL_STR("abc"),
                                   .order_id = SL_STR("ORD-000008"),
                                   .amount_cents = 29998,
                                   .has_amount = true};
    sl_gen_ledger_put(&out, &record);
    assert_string_equal(sl_buf_cstr(&out),
                        "{\"sequence\":7,\"kind\":\"late\",\"key\":\"CUST-00042\",\"order_id\":"
                        "\"ORD-000008\",\"hash\":\"44bc2cf5ad770999\",\"amount\":299.98}\n");
    sl_buf_clear(&out);
    record.kind = SL_GEN_NULL;
    record.key.ptr = record.value.ptr = NULL;
    record.has_amount = false;
    sl_gen_ledger_put(&out, &record);
    assert_string_equal(sl_buf_cstr(&out), "{\"sequence\":7,\"kind\":\"null\",\"key\":null,"
                                           "\"order_id\":\"ORD-000008\",\"hash\":\"\",\"amount\":"
                                           "null}\n");
    sl_buf_release(&out);
}

void test_command_line_texts(void **state) {
    (void)state;
    struct sl_gen_config config = {0};
    double share;
    assert_true(sl_gen_late_parse(SL_STR("10%:5m-15m"), &config));
    assert_true(config.late == 0.1);
    assert_int_equal(config.late_min_ms, 300000);
    assert_int_equal(config.late_max_ms, 900000);
    assert_true(sl_gen_late_parse(SL_STR("0.25:30s"), &config));
    assert_int_equal(config.late_max_ms, 30000);
    assert_false(sl_gen_late_parse(SL_STR("10%:15m-5m"), &config));
    assert_false(sl_gen_late_parse(SL_STR("10%:5"), &config));
    assert_true(sl_gen_share_parse(SL_STR("2%"), &share) && share == 0.02);
    assert_false(sl_gen_share_parse(SL_STR("101%"), &share));
    assert_false(sl_gen_share_parse(SL_STR("nan"), &share));
    assert_false(sl_gen_share_parse(SL_STR(""), &share));
}

void test_pace_of_modes(void **state) {
    (void)state;
    struct sl_gen_config config = {.mode = SL_GEN_CONTINUOUS};
    assert_int_equal(sl_gen_due_ns(&config, 3), 3000000000);
    config.mode = SL_GEN_FAST;
    assert_int_equal(sl_gen_due_ns(&config, 3), 300000000);
    config.mode = SL_GEN_COUNT;
    assert_int_equal(sl_gen_due_ns(&config, 3), 0);
    config.rate = 1000;
    assert_int_equal(sl_gen_due_ns(&config, 3), 3000000);
    config.rate = SL_GEN_RATE_MAX;
    assert_int_equal(sl_gen_due_ns(&config, 3), 0);
    /* Burst: 30 at 1/s, 2 s, 50 at 10/s, 2 s, 10 at 0.2/s, 2 s = 91 s, again. */
    config = (struct sl_gen_config){.mode = SL_GEN_BURST};
    assert_int_equal(sl_gen_due_ns(&config, 29) / 1000000, 29000);
    assert_int_equal(sl_gen_due_ns(&config, 30) / 1000000, 32000);
    assert_int_equal(sl_gen_due_ns(&config, 79) / 1000000, 36900);
    assert_int_equal(sl_gen_due_ns(&config, 80) / 1000000, 39000);
    assert_int_equal(sl_gen_due_ns(&config, 90) / 1000000, 91000);
}

struct taker {
    uint64_t taken, fail_at;
};
static enum sl_code take(void *ctx, const struct sl_gen_record *record, struct sl_err *err) {
    struct taker *taker = ctx;
    assert_int_equal(record->sequence, taker->taken);
    if (taker->taken == taker->fail_at) return sl_fail(err, SL_IO, "full");
    taker->taken++;
    return SL_OK;
}
static bool stop_at_once(void *ctx) {
    (void)ctx;
    return true;
}

void test_run_counts_and_ends(void **state) {
    (void)state;
    struct sl_gen_config config = config_of(SL_GEN_ORDERS9);
    struct taker taker = {.fail_at = UINT64_MAX};
    struct sl_gen_runner runner = {.send = take, .ctx = &taker};
    struct sl_err err;
    config.count = 500;
    assert_int_equal(sl_gen_run(&config, &runner, &err), SL_OK);
    assert_int_equal(taker.taken, 500);
    uint64_t sum = 0;
    for (int i = 0; i < SL_GEN_KIND_COUNT; i++) sum += runner.counts[i];
    assert_int_equal(sum, 500);
    taker = (struct taker){.fail_at = 20};
    assert_int_equal(sl_gen_run(&config, &runner, &err), SL_IO);
    taker = (struct taker){.fail_at = UINT64_MAX};
    config.count = 0;
    runner.stopping = stop_at_once;
    assert_int_equal(sl_gen_run(&config, &runner, &err), SL_OK);
    assert_true(taker.taken < 2000);
}
