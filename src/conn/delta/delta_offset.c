#include "conn/delta/delta_offset.h"

#include "base/json.h"
#include "lake/delta/delta_error.h"

/* sourceVersion 1 has no place for schema changes inside a version; 2 was never used. */
enum { VERSION_1 = 1, VERSION_3 = 3, BASE_OF_VERSION_1 = -1 };
enum { METADATA_CHANGE = -20, BEHIND_METADATA_CHANGE = -19 };

static enum sl_code no_offset(struct sl_str json, struct sl_err *err) {
    return sl_delta_fail(err, SL_DATA, "DELTA_INVALID_SOURCE_OFFSET_FORMAT", "XXKDS",
                         "the stored offset `%.*s` is not one of a Delta table", SL_STR_ARG(json));
}

static enum sl_code check_version(int64_t version, struct sl_err *err) {
    if (version > VERSION_3)
        return sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_INVALID_FORMAT_FROM_SOURCE_VERSION",
                             "XXKDS",
                             "the offset has sourceVersion %lld, the highest that is known is %d",
                             (long long)version, VERSION_3);
    if (version != VERSION_1 && version != VERSION_3)
        return sl_delta_fail(err, SL_DATA, "DELTA_INVALID_SOURCE_VERSION", "XXKDS",
                             "sourceVersion(%lld) is invalid", (long long)version);
    return SL_OK;
}

enum sl_code sl_delta_offset_parse(struct sl_arena *arena, struct sl_str json,
                                   struct sl_delta_offset *out, struct sl_err *err) {
    struct sl_json tree;
    int64_t version;
    *out = (struct sl_delta_offset){0};
    if (sl_json_parse(arena, json, &tree, NULL) != SL_OK ||
        !sl_json_i64(sl_json_get(&tree, SL_STR("sourceVersion")), &version))
        return no_offset(json, err);
    SL_TRY(check_version(version, err));
    const struct sl_json *is_snapshot = sl_json_get(&tree, SL_STR("isStartingVersion"));
    if (!sl_json_str(sl_json_get(&tree, SL_STR("reservoirId")), &out->table_id) ||
        !sl_json_i64(sl_json_get(&tree, SL_STR("reservoirVersion")), &out->version) ||
        !sl_json_i64(sl_json_get(&tree, SL_STR("index")), &out->index) || !is_snapshot ||
        is_snapshot->kind != SL_JSON_BOOL || out->version < 0 || out->index >= sl_delta_index_end)
        return no_offset(json, err);
    if (version < VERSION_3 && out->index == BASE_OF_VERSION_1) out->index = sl_delta_index_base;
    out->table_id = sl_arena_str(arena, out->table_id);
    out->is_snapshot = is_snapshot->boolean;
    return SL_OK;
}

void sl_delta_offset_put(struct sl_buf *out, const struct sl_delta_offset *offset) {
    bool is_change = offset->index == METADATA_CHANGE || offset->index == BEHIND_METADATA_CHANGE;
    int64_t index = offset->index == sl_delta_index_base ? BASE_OF_VERSION_1 : offset->index;
    sl_assert(index != sl_delta_index_end);
    sl_buf_printf(out, "{\"sourceVersion\":%d,\"reservoirId\":", is_change ? VERSION_3 : VERSION_1);
    sl_json_put_string(out, offset->table_id);
    sl_buf_printf(out, ",\"reservoirVersion\":%lld,\"index\":%lld,\"isStartingVersion\":%s}",
                  (long long)offset->version, (long long)index,
                  offset->is_snapshot ? "true" : "false");
}

int sl_delta_offset_compare(const struct sl_delta_offset *a, const struct sl_delta_offset *b) {
    if (a->version != b->version) return a->version < b->version ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static struct sl_delta_offset behind_snapshot(const struct sl_delta_offset *at) {
    struct sl_delta_offset behind = *at;
    if (!at->is_snapshot) return behind;
    behind.is_snapshot = false;
    behind.version++;
    behind.index = sl_delta_index_base;
    return behind;
}

struct sl_delta_offset sl_delta_offset_later(const struct sl_delta_offset *a,
                                             const struct sl_delta_offset *b) {
    bool in_one = a->is_snapshot && b->is_snapshot && a->version == b->version;
    struct sl_delta_offset at_a = in_one ? *a : behind_snapshot(a),
                           at_b = in_one ? *b : behind_snapshot(b);
    return sl_delta_offset_compare(&at_a, &at_b) >= 0 ? at_a : at_b;
}
