#include "conn/kafka/kafka_offsets.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

static int compare_offsets(const void *left, const void *right) {
    const struct sl_kafka_offset *a = left, *b = right;
    int order = sl_str_cmp(a->topic, b->topic);
    if (order) return order;
    return a->partition < b->partition ? -1 : a->partition > b->partition;
}

void sl_kafka_offsets_sort(struct sl_kafka_offsets *offsets) {
    if (offsets->count < 2) return;
    qsort(offsets->items, offsets->count, sizeof *offsets->items, compare_offsets);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < offsets->count; i++)
        if (compare_offsets(&offsets->items[kept - 1], &offsets->items[i]) != 0)
            offsets->items[kept++] = offsets->items[i];
    offsets->count = kept;
}

struct sl_kafka_offset *sl_kafka_offsets_find(const struct sl_kafka_offsets *offsets,
                                              struct sl_str topic, int32_t partition) {
    if (!offsets->count) return NULL;
    struct sl_kafka_offset key = {.topic = topic, .partition = partition};
    return bsearch(&key, offsets->items, offsets->count, sizeof key, compare_offsets);
}

bool sl_kafka_offsets_equal(const struct sl_kafka_offsets *a, const struct sl_kafka_offsets *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (compare_offsets(&a->items[i], &b->items[i]) != 0 ||
            a->items[i].offset != b->items[i].offset)
            return false;
    return true;
}

struct sl_kafka_offsets sl_kafka_offsets_copy(struct sl_arena *arena,
                                              const struct sl_kafka_offsets *offsets) {
    struct sl_kafka_offsets copy = {
        .items = SL_NEW_ARRAY(arena, struct sl_kafka_offset, offsets->count ? offsets->count : 1),
        .count = offsets->count,
    };
    if (offsets->count) memcpy(copy.items, offsets->items, offsets->count * sizeof *offsets->items);
    return copy;
}

struct sl_kafka_offsets sl_kafka_offsets_merge(struct sl_arena *arena,
                                               const struct sl_kafka_offsets *a,
                                               const struct sl_kafka_offsets *b) {
    struct sl_kafka_offsets both = {
        SL_NEW_ARRAY(arena, struct sl_kafka_offset, a->count + (size_t)b->count + 1),
        a->count + b->count};
    if (a->count) memcpy(both.items, a->items, a->count * sizeof *a->items);
    if (b->count) memcpy(both.items + a->count, b->items, b->count * sizeof *b->items);
    sl_kafka_offsets_sort(&both);
    return both;
}

void sl_kafka_offsets_name(char *buf, size_t cap, const struct sl_kafka_offsets *offsets) {
    enum { SHOWN = 5 };
    size_t used = 0;
    if (cap) buf[0] = 0;
    for (uint32_t i = 0; i < offsets->count && i < SHOWN && used < cap; i++) {
        const struct sl_kafka_offset *item = &offsets->items[i];
        int n = snprintf(buf + used, cap - used, "%s%.*s-%d", i ? ", " : "",
                         SL_STR_ARG(item->topic), item->partition);
        used += n > 0 ? (size_t)n : 0;
    }
    if (offsets->count > SHOWN && used < cap)
        snprintf(buf + used, cap - used, " and %u more", offsets->count - SHOWN);
}

/* ---- reading ---- */

static enum sl_code bad_shape(struct sl_err *err, const char *what, const char *why,
                              const char *example) {
    sl_fail(err, SL_USER, "%s is not valid: %s", what, why);
    return sl_hint(err, "write it as %s", example);
}

static const char offsets_example[] = "{\"topic\":{\"0\":23,\"1\":-2}}";
static const char assign_example[] = "{\"topic\":[0,1]}";

static bool partition_number(struct sl_str text, int32_t *out) {
    int64_t value;
    if (!sl_str_to_i64(text, &value) || value < 0 || value > INT32_MAX) return false;
    *out = (int32_t)value;
    return true;
}

static size_t count_inner(const struct sl_json *json) {
    size_t total = 0;
    for (size_t i = 0; i < json->count; i++) total += json->items[i].count;
    return total;
}

enum sl_code sl_kafka_offsets_parse(struct sl_arena *arena, struct sl_str text, const char *what,
                                    struct sl_kafka_offsets *out, struct sl_err *err) {
    struct sl_json json;
    enum sl_code code = sl_json_parse(arena, text, &json, err);
    if (code != SL_OK) return sl_context(err, "%s", what);
    if (json.kind != SL_JSON_OBJECT)
        return bad_shape(err, what, "it is not a JSON object of topics", offsets_example);
    size_t total = count_inner(&json);
    *out = (struct sl_kafka_offsets){SL_NEW_ARRAY(arena, struct sl_kafka_offset, total + 1), 0};
    for (size_t i = 0; i < json.count; i++) {
        const struct sl_json *topic = &json.items[i];
        if (topic->kind != SL_JSON_OBJECT)
            return bad_shape(err, what, "a topic has no object of partitions", offsets_example);
        struct sl_str name = sl_arena_str(arena, json.names[i]);
        for (size_t j = 0; j < topic->count; j++) {
            struct sl_kafka_offset *item = &out->items[out->count++];
            item->topic = name;
            if (!partition_number(topic->names[j], &item->partition))
                return bad_shape(err, what, "a partition is not a number", offsets_example);
            if (!sl_json_i64(&topic->items[j], &item->offset))
                return bad_shape(err, what, "an offset is not a whole number", offsets_example);
        }
    }
    sl_kafka_offsets_sort(out);
    return SL_OK;
}

enum sl_code sl_kafka_assign_parse(struct sl_arena *arena, struct sl_str text,
                                   struct sl_kafka_offsets *out, struct sl_err *err) {
    struct sl_json json;
    enum sl_code code = sl_json_parse(arena, text, &json, err);
    if (code != SL_OK) return sl_context(err, "option `assign`");
    if (json.kind != SL_JSON_OBJECT)
        return bad_shape(err, "option `assign`", "it is not a JSON object of topics",
                         assign_example);
    size_t total = count_inner(&json);
    *out = (struct sl_kafka_offsets){SL_NEW_ARRAY(arena, struct sl_kafka_offset, total + 1), 0};
    for (size_t i = 0; i < json.count; i++) {
        const struct sl_json *topic = &json.items[i];
        if (topic->kind != SL_JSON_ARRAY)
            return bad_shape(err, "option `assign`", "a topic has no list of partitions",
                             assign_example);
        struct sl_str name = sl_arena_str(arena, json.names[i]);
        for (size_t j = 0; j < topic->count; j++) {
            struct sl_kafka_offset *item = &out->items[out->count++];
            *item = (struct sl_kafka_offset){.topic = name};
            if (topic->items[j].kind != SL_JSON_NUMBER ||
                !partition_number(topic->items[j].text, &item->partition))
                return bad_shape(err, "option `assign`", "a partition is not a number",
                                 assign_example);
        }
    }
    sl_kafka_offsets_sort(out);
    return SL_OK;
}

/* ---- writing, in the order of Scala 2.13's mutable.HashMap ---- */

/* HashMap.improveHash over String.hashCode (topic names are ASCII by Kafka's rule). */
static uint32_t topic_hash(struct sl_str topic) {
    uint32_t hash = 0;
    for (size_t i = 0; i < topic.len; i++) hash = hash * 31 + (uint8_t)topic.ptr[i];
    return hash ^ (hash >> 16);
}
static uint32_t partition_hash(int32_t partition) {
    uint32_t hash = (uint32_t)partition;
    return hash ^ (hash >> 16);
}

/* Table length of a HashMap that has been put to: it starts at 16 and doubles *before* a put, new
 * key or not, once one more entry would reach three quarters. */
struct table {
    uint32_t len, count;
};
static void table_put(struct table *table, bool is_new) {
    if (table->count + 1 >= table->len / 4 * 3) table->len *= 2;
    if (is_new) table->count++;
}

struct slot {
    uint32_t bucket;
    int32_t hash;
    uint32_t first, count; /* of the sorted list: items of a topic, or one partition */
};
/* Buckets ascending; within one the chain is kept by signed hash, then by time of insertion. */
static int compare_slots(const void *left, const void *right) {
    const struct slot *a = left, *b = right;
    if (a->bucket != b->bucket) return a->bucket < b->bucket ? -1 : 1;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static void put_partitions(struct sl_buf *out, const struct sl_kafka_offset *items,
                           uint32_t count) {
    struct slot *slots = sl_xcalloc(count, sizeof *slots);
    struct table table = {16, 0};
    for (uint32_t i = 0; i < count; i++) table_put(&table, true);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hash = partition_hash(items[i].partition);
        slots[i] = (struct slot){hash & (table.len - 1), (int32_t)hash, i, 1};
    }
    qsort(slots, count, sizeof *slots, compare_slots);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_kafka_offset *item = &items[slots[i].first];
        sl_buf_printf(out, "%s\"%d\":%lld", i ? "," : "", item->partition, (long long)item->offset);
    }
    free(slots);
}

void sl_kafka_offsets_put(struct sl_buf *out, const struct sl_kafka_offsets *offsets) {
    struct slot *slots = sl_xcalloc(offsets->count + 1, sizeof *slots);
    struct table table = {16, 0};
    uint32_t topics = 0;
    for (uint32_t i = 0; i < offsets->count; i++) {
        bool is_new = i == 0 || !sl_str_eq(offsets->items[i].topic, offsets->items[i - 1].topic);
        table_put(&table, is_new);
        if (is_new)
            slots[topics++] = (struct slot){0, (int32_t)topic_hash(offsets->items[i].topic), i, 0};
        slots[topics - 1].count++;
    }
    for (uint32_t i = 0; i < topics; i++)
        slots[i].bucket = (uint32_t)slots[i].hash & (table.len - 1);
    qsort(slots, topics, sizeof *slots, compare_slots);
    sl_buf_put_byte(out, '{');
    for (uint32_t i = 0; i < topics; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, offsets->items[slots[i].first].topic);
        sl_buf_put_cstr(out, ":{");
        put_partitions(out, &offsets->items[slots[i].first], slots[i].count);
        sl_buf_put_byte(out, '}');
    }
    sl_buf_put_byte(out, '}');
    free(slots);
}
