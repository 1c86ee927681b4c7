#include "conn/kafka/kafka_topic_ids.h"

#include <errno.h>
#include <inttypes.h>

#include "base/io.h"
#include "base/json.h"

enum { FILE_BYTES_MAX = 16 << 20, ID_TEXT_BYTES = 32 };

struct known {
    struct sl_str topic, id; /* 32 hex digits */
};

struct sl_kafka_topic_ids {
    struct sl_arena *query;
    const char *dir; /* NULL: not kept */
    struct known *items;
    uint32_t count, cap;
};

static struct known *find(const struct sl_kafka_topic_ids *ids, struct sl_str topic) {
    for (uint32_t i = 0; i < ids->count; i++)
        if (sl_str_eq(ids->items[i].topic, topic)) return &ids->items[i];
    return NULL;
}

static void set(struct sl_kafka_topic_ids *ids, struct sl_str topic, struct sl_str id) {
    struct known *item = find(ids, topic);
    if (!item && ids->count == ids->cap) {
        uint32_t more = ids->cap ? ids->cap * 2 : 4;
        ids->items = sl_arena_grow(ids->query, ids->items, ids->count * sizeof *ids->items,
                                   more * sizeof *ids->items);
        ids->cap = more;
    }
    if (!item) {
        item = &ids->items[ids->count++];
        item->topic = sl_arena_str(ids->query, topic);
    }
    item->id = sl_arena_str(ids->query, id);
}

static enum sl_code load(struct sl_kafka_topic_ids *ids, const char *path, struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_err local = {0};
    struct sl_json json;
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &text, &local);
    struct sl_str copy = sl_arena_str(ids->query, sl_buf_str(&text));
    sl_buf_release(&text);
    if (code != SL_OK && local.sys == ENOENT) return SL_OK;
    if (code != SL_OK) {
        if (err) *err = local;
        return code;
    }
    code = sl_json_parse(ids->query, copy, &json, err);
    for (size_t i = 0; code == SL_OK && i < json.count; i++) {
        struct sl_str id;
        if (json.kind != SL_JSON_OBJECT || !sl_json_str(&json.items[i], &id) ||
            id.len != ID_TEXT_BYTES)
            code = sl_fail(err, SL_DATA, "`%s` is not a list of topic ids", path);
        else
            set(ids, json.names[i], id);
    }
    if (code != SL_OK) {
        sl_context(err, "checkpoint file `%s`", path);
        sl_hint(
            err,
            "restore it from a backup; without it a topic that was created anew is not noticed");
    }
    return code;
}

enum sl_code sl_kafka_topic_ids_open(struct sl_arena *query, struct sl_str checkpoint_dir,
                                     struct sl_kafka_topic_ids **out, struct sl_err *err) {
    struct sl_kafka_topic_ids *ids = SL_NEW(query, struct sl_kafka_topic_ids);
    ids->query = query;
    *out = ids;
    if (!checkpoint_dir.len) return SL_OK;
    ids->dir = sl_path_join(query, sl_arena_cstr(query, checkpoint_dir), ".sluice");
    return load(ids, sl_path_join(query, ids->dir, "topics"), err);
}

static bool id_text(const struct sl_kafka_topic *topic, char to[ID_TEXT_BYTES + 1]) {
    if (!topic->exists || (!topic->id.high && !topic->id.low)) return false;
    snprintf(to, ID_TEXT_BYTES + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)topic->id.high,
             (uint64_t)topic->id.low);
    return true;
}

struct sl_str sl_kafka_topic_ids_changed(const struct sl_kafka_topic_ids *ids,
                                         const struct sl_kafka_topics *topics) {
    char id[ID_TEXT_BYTES + 1];
    for (uint32_t i = 0; i < topics->count; i++) {
        const struct known *item = find(ids, topics->items[i].name);
        if (item && id_text(&topics->items[i], id) && !sl_str_eq(item->id, sl_str(id)))
            return topics->items[i].name;
    }
    return SL_STR("");
}

static enum sl_code store(const struct sl_kafka_topic_ids *ids, struct sl_err *err) {
    struct sl_buf text = {0};
    for (uint32_t i = 0; i < ids->count; i++) {
        sl_buf_put_byte(&text, i ? ',' : '{');
        sl_json_put_string(&text, ids->items[i].topic);
        sl_buf_put_byte(&text, ':');
        sl_json_put_string(&text, ids->items[i].id);
    }
    sl_buf_put_byte(&text, '}');
    enum sl_code code = sl_io_make_dirs(ids->dir, err);
    if (code == SL_OK)
        code =
            sl_io_put_atomic(ids->dir, "topics", sl_buf_str(&text), SL_PUT_REPLACE, "topics", err);
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_kafka_topic_ids_keep(struct sl_kafka_topic_ids *ids,
                                     const struct sl_kafka_topics *topics, struct sl_err *err) {
    bool changed = false;
    for (uint32_t i = 0; i < topics->count; i++) {
        char id[ID_TEXT_BYTES + 1];
        const struct known *item = find(ids, topics->items[i].name);
        if (!id_text(&topics->items[i], id) || (item && sl_str_eq(item->id, sl_str(id)))) continue;
        set(ids, topics->items[i].name, sl_str(id));
        changed = true;
    }
    return changed && ids->dir ? store(ids, err) : SL_OK;
}
