#include "conn/kafka/kafka_marker.h"

#include <inttypes.h>
#include <stdio.h>

static const struct sl_str prefix = {"sluice1 ", 8};

void sl_kafka_marker_put(char to[SL_KAFKA_MARKER_TEXT], int64_t batch_id, uint64_t offsets_hash) {
    snprintf(to, SL_KAFKA_MARKER_TEXT, "%s%" PRId64 " %016" PRIx64, prefix.ptr, batch_id,
             offsets_hash);
}

bool sl_kafka_marker_parse(struct sl_str text, struct sl_kafka_marker *out) {
    *out = (struct sl_kafka_marker){0};
    if (!sl_str_starts(text, prefix)) return false;
    size_t space = sl_str_find(text, SL_STR(" "), prefix.len);
    if (space == SIZE_MAX || text.len != space + 17) return false;
    if (!sl_str_to_i64(sl_str_sub(text, prefix.len, space), &out->batch_id)) return false;
    for (size_t i = space + 1; i < text.len; i++) {
        int digit = sl_hex_digit((unsigned char)text.ptr[i]);
        if (digit < 0) return false;
        out->offsets_hash = out->offsets_hash << 4 | (uint64_t)digit;
    }
    return out->found = out->batch_id >= 0;
}

enum sl_code sl_kafka_marker_read(struct sl_kafka_client *client, const char *group,
                                  struct sl_kafka_marker *out, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_kafka_group_offset *offsets;
    uint32_t count;
    *out = (struct sl_kafka_marker){0};
    sl_arena_init(&arena, "marker");
    enum sl_code code = sl_kafka_group_offsets(client, &arena, group, &offsets, &count, err);
    for (uint32_t i = 0; code == SL_OK && i < count; i++) {
        struct sl_kafka_marker marker;
        if (!sl_kafka_marker_parse(offsets[i].text, &marker)) continue;
        if (!out->found || marker.batch_id > out->batch_id) *out = marker;
    }
    sl_arena_release(&arena);
    return code;
}
