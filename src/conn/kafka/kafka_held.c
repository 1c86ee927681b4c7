#include "conn/kafka/kafka_held.h"

#include <inttypes.h>

#include "base/clock.h"

enum { LOOK_MS = 10000 };

void sl_kafka_held_init(struct sl_kafka_held *held) {
    *held = (struct sl_kafka_held){0};
    sl_arena_init(&held->arena, "kafka held");
}

void sl_kafka_held_release(struct sl_kafka_held *held) { sl_arena_release(&held->arena); }

static bool holds_back(const struct sl_kafka_offset *end, const struct sl_kafka_offsets *ends,
                       uint64_t *offsets) {
    const struct sl_kafka_offset *high = sl_kafka_offsets_find(ends, end->topic, end->partition);
    if (!high || high->offset <= end->offset) return false;
    *offsets = (uint64_t)(high->offset - end->offset);
    return true;
}

/* An end that stood still while nothing was behind it says nothing of a transaction. */
static void remember(struct sl_kafka_held *held, const struct sl_kafka_offsets *stable,
                     const struct sl_kafka_offsets *ends) {
    uint64_t offsets;
    sl_arena_reset(&held->arena);
    held->stable = sl_kafka_offsets_copy(&held->arena, stable);
    held->stable.count = 0;
    for (uint32_t i = 0; i < stable->count; i++) {
        struct sl_kafka_offset end = stable->items[i];
        if (!holds_back(&end, ends, &offsets)) continue;
        end.topic = sl_arena_str(&held->arena, end.topic);
        held->stable.items[held->stable.count++] = end;
    }
}

static bool was_held(const struct sl_kafka_held *held, const struct sl_kafka_offset *end) {
    const struct sl_kafka_offset *before =
        sl_kafka_offsets_find(&held->stable, end->topic, end->partition);
    return before && before->offset == end->offset;
}

/* Offsets behind the ends, of all partitions; *first is one of those. */
static uint64_t count_held(const struct sl_kafka_held *held, const struct sl_kafka_offsets *stable,
                           const struct sl_kafka_offsets *ends, bool last,
                           const struct sl_kafka_offset **first) {
    uint64_t count = 0, offsets;
    for (uint32_t i = 0; i < stable->count; i++) {
        const struct sl_kafka_offset *end = &stable->items[i];
        if (!holds_back(end, ends, &offsets) || (!last && !was_held(held, end))) continue;
        if (!count) *first = end;
        count += offsets;
    }
    return count;
}

static void tell(const struct sl_kafka_held *held, const struct sl_kafka_offset *first, bool last,
                 const struct sl_log *log) {
    if (!log) return;
    if (!held->offsets)
        sl_log_event(log, SL_LOG_INFO, SL_CAT_KAFKA, "the transaction that was waited for ended");
    else if (last)
        sl_log_event(log, SL_LOG_INFO, SL_CAT_KAFKA,
                     "%" PRIu64 " offset%s left for a later run, behind a transaction that has not "
                     "ended (the first is %.*s-%d offset %" PRId64 ")",
                     held->offsets, held->offsets == 1 ? " is" : "s are", SL_STR_ARG(first->topic),
                     first->partition, first->offset);
    else
        sl_log_event(log, SL_LOG_INFO, SL_CAT_KAFKA,
                     "%" PRIu64 " offset%s behind a transaction that has not ended for %d s "
                     "(the first is %.*s-%d offset %" PRId64 "); a producer that died lets it go "
                     "after its transaction.timeout.ms; if it stays, `kafka-transactions.sh "
                     "find-hanging` names it",
                     held->offsets, held->offsets == 1 ? " waits" : "s wait", LOOK_MS / 1000,
                     SL_STR_ARG(first->topic), first->partition, first->offset);
}

void sl_kafka_held_look(struct sl_kafka_held *held, struct sl_kafka_client *client,
                        const struct sl_kafka_offsets *stable, bool last,
                        const struct sl_log *log) {
    int64_t now_ns = sl_clock_mono_ns();
    if (held->looked_ns && now_ns - held->looked_ns < LOOK_MS * INT64_C(1000000)) return;
    held->looked_ns = now_ns;
    struct sl_arena arena;
    const struct sl_kafka_offset *first = NULL;
    sl_arena_init(&arena, "kafka ends");
    struct sl_kafka_offsets ends = sl_kafka_offsets_copy(&arena, stable);
    for (uint32_t i = 0; i < ends.count; i++) ends.items[i].offset = SL_KAFKA_LATEST;
    if (sl_kafka_offsets_ask(client, &ends, false, NULL) == SL_OK) {
        held->offsets = count_held(held, stable, &ends, last, &first);
        if ((held->offsets > 0) != held->told) tell(held, first, last, log);
        held->told = held->offsets > 0;
        remember(held, stable, &ends);
    }
    sl_arena_release(&arena);
}
