#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "gen/gen_nexmark.h"
#include "gen/gen_text.h"

static const struct sl_json *member(const struct sl_json *json, const char *name) {
    const struct sl_json *found = sl_json_get(json, sl_str(name));
    if (!found) fail_msg("no member %s", name);
    return found;
}
static int64_t number(const struct sl_json *json, const char *name) {
    int64_t value = 0;
    assert_true(sl_json_i64(member(json, name), &value));
    return value;
}
static void check_fields(const struct sl_json *json, const char *const *names) {
    size_t count = 0;
    for (; names[count]; count++) (void)member(json, names[count]);
    assert_int_equal(json->count, count);
}

/* The three kinds in their fixed order and shares, with Nexmark's fields; the ids they name exist,
 * or are a few ahead; event time advances by 100 us. */
void test_nexmark_events(void **state) {
    (void)state;
    enum { EVENTS = 20000 };
    static const char *const kinds[] = {"person", "auction", "bid"};
    static const char *const fields[][11] = {
        {"id", "name", "emailAddress", "creditCard", "city", "state", "dateTime", "extra"},
        {"id", "itemName", "description", "initialBid", "reserve", "dateTime", "expires", "seller",
         "category", "extra"},
        {"auction", "bidder", "price", "channel", "url", "dateTime", "extra"}};
    struct sl_gen_config config = {.nexmark = true, .seed = 7};
    struct sl_gen_nexmark *nexmark = sl_gen_nexmark_new(&config);
    int64_t counts[3] = {0};
    uint64_t bytes[3] = {0};
    for (int i = 0; i < EVENTS; i++) {
        struct sl_arena arena;
        struct sl_json json;
        struct sl_err err;
        struct sl_str text;
        char time[32];
        sl_arena_init(&arena, "test");
        const struct sl_gen_record *record = sl_gen_nexmark_next(nexmark);
        assert_int_equal(record->sequence, i);
        assert_null(record->key.ptr);
        assert_int_equal(sl_json_parse(&arena, record->value, &json, &err), SL_OK);
        int within = i % 50, kind = within == 0 ? 0 : within < 4 ? 1 : 2;
        assert_int_equal(number(&json, "event_type"), kind);
        for (int j = 0; j < 3; j++)
            assert_int_equal(member(&json, kinds[j])->kind == SL_JSON_NULL, j != kind);
        const struct sl_json *event = member(&json, kinds[kind]);
        check_fields(event, fields[kind]);
        assert_true(sl_json_str(member(event, "dateTime"), &text));
        *sl_gen_put_time(time, 1736899200000000 + i * 100, 3) = 0;
        assert_true(sl_str_starts(text, sl_str(time)));
        if (kind < 2) assert_int_equal(number(event, "id"), 1000 + counts[kind]);
        if (kind == 1) {
            assert_in_range(number(event, "seller"), 1000, 1000 + counts[0] + 10);
            assert_in_range(number(event, "category"), 10, 14);
            assert_true(number(event, "reserve") > number(event, "initialBid"));
        }
        if (kind == 2) {
            assert_in_range(number(event, "auction"), 1000, 1000 + counts[1] + 10);
            assert_in_range(number(event, "bidder"), 1000, 1000 + counts[0] + 10);
            assert_in_range(number(event, "price"), 100, 100000000);
        }
        counts[kind]++;
        assert_true(sl_json_str(member(event, "extra"), &text));
        bytes[kind] += text.len;
        sl_arena_release(&arena);
    }
    assert_int_equal(counts[0] * 46, counts[2]);
    assert_int_equal(counts[1] * 46, counts[2] * 3);
    assert_in_range(bytes[2] / (uint64_t)counts[2], 66, 70); /* 100 less four numbers of 8 */
    assert_in_range(bytes[1] / (uint64_t)counts[1], 370, 410);
    sl_gen_nexmark_free(nexmark);
}

/* Half of the bids are for the hot auction and three of four by the hot bidder of the moment. */
void test_nexmark_hot_ids(void **state) {
    (void)state;
    enum { EVENTS = 20000 };
    struct sl_gen_config config = {.nexmark = true, .seed = 1};
    struct sl_gen_nexmark *nexmark = sl_gen_nexmark_new(&config);
    int bids = 0, hot_auctions = 0, hot_bidders = 0;
    for (int i = 0; i < EVENTS; i++) {
        const struct sl_gen_record *record = sl_gen_nexmark_next(nexmark);
        size_t at = sl_str_find(record->value, SL_STR("\"bid\":{\"auction\":"), 0);
        if (at == SIZE_MAX) continue;
        size_t by = sl_str_find(record->value, SL_STR("\"bidder\":"), at) + strlen("\"bidder\":");
        at += strlen("\"bid\":{\"auction\":");
        bids++;
        hot_auctions += atoi(record->value.ptr + at) % 100 == 0;
        hot_bidders += atoi(record->value.ptr + by) % 100 == 1;
    }
    assert_in_range(hot_auctions, bids * 48 / 100, bids * 53 / 100);
    assert_in_range(hot_bidders, bids * 73 / 100, bids * 78 / 100);
    sl_gen_nexmark_free(nexmark);
}

static uint64_t digest(uint64_t seed) {
    struct sl_gen_config config = {.nexmark = true, .seed = seed};
    struct sl_gen_nexmark *nexmark = sl_gen_nexmark_new(&config);
    uint64_t hash = 0;
    for (int i = 0; i < 1000; i++) {
        struct sl_str value = sl_gen_nexmark_next(nexmark)->value;
        hash = sl_xxh64(value.ptr, value.len, hash);
    }
    sl_gen_nexmark_free(nexmark);
    return hash;
}

void test_nexmark_same_seed_same_records(void **state) {
    (void)state;
    assert_true(digest(1) == digest(1));
    assert_true(digest(1) != digest(2));
}
