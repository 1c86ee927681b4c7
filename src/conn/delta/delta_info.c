#include "conn/delta/delta_info.h"

static void put(struct sl_delta_info *info, const char *name, struct sl_json item) {
    sl_assert(info->count < SL_DELTA_INFO_MEMBERS);
    info->names[info->count] = sl_str(name);
    info->items[info->count++] = item;
}

void sl_delta_info_put(struct sl_delta_info *info, const char *name, struct sl_str text) {
    enum sl_json_kind kind = text.ptr ? SL_JSON_STRING : SL_JSON_NULL;
    put(info, name, (struct sl_json){.kind = kind, .text = text});
}

void sl_delta_info_put_bool(struct sl_delta_info *info, const char *name, bool value) {
    put(info, name, (struct sl_json){.kind = SL_JSON_BOOL, .boolean = value});
}

void sl_delta_info_put_number(struct sl_delta_info *info, const char *name, int64_t value) {
    put(info, name,
        (struct sl_json){.kind = SL_JSON_NUMBER,
                         .text = sl_arena_printf(info->arena, "%lld", (long long)value)});
}

void sl_delta_info_put_count(struct sl_delta_info *info, const char *name, uint64_t value) {
    sl_delta_info_put(info, name, sl_arena_printf(info->arena, "%llu", (unsigned long long)value));
}

static void put_buf(struct sl_delta_info *info, const char *name, struct sl_buf *text) {
    sl_delta_info_put(info, name, sl_arena_str(info->arena, sl_buf_str(text)));
    sl_buf_release(text);
}

void sl_delta_info_put_names(struct sl_delta_info *info, const char *name,
                             const struct sl_str *items, uint32_t count) {
    struct sl_buf text = {0};
    sl_delta_put_names(&text, items, count);
    put_buf(info, name, &text);
}

void sl_delta_info_put_map(struct sl_delta_info *info, const char *name,
                           const struct sl_delta_map *map) {
    struct sl_buf text = {0};
    sl_delta_put_map(&text, map);
    put_buf(info, name, &text);
}

struct sl_json sl_delta_info_json(struct sl_delta_info *info) {
    return (struct sl_json){
        .kind = SL_JSON_OBJECT, .names = info->names, .items = info->items, .count = info->count};
}

void sl_delta_put_names(struct sl_buf *out, const struct sl_str *items, uint32_t count) {
    sl_buf_put_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, items[i]);
    }
    sl_buf_put_byte(out, ']');
}

void sl_delta_put_map(struct sl_buf *out, const struct sl_delta_map *map) {
    sl_buf_put_byte(out, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, map->items[i].name);
        sl_buf_put_byte(out, ':');
        sl_json_put_string(out, map->items[i].value);
    }
    sl_buf_put_byte(out, '}');
}
