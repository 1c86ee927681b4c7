/* The header of a state file: written, read, and compared with what the query has now. */
#include "base/json.h"
#include "state/state_file_int.h"

static void put_type(struct sl_buf *out, const char *name, const struct sl_type *type) {
    sl_buf_printf(out, ",\"%s\":", name);
    sl_type_put_json(out, type);
}

void sl_state_identity_put(struct sl_buf *out, const struct sl_state_identity *identity) {
    sl_buf_put_cstr(out, "{\"operatorName\":");
    sl_json_put_string(out, identity->operator_name);
    sl_buf_printf(out, ",\"operatorId\":%u,\"queryId\":", identity->operator_number);
    sl_json_put_string(out, identity->query_id);
    sl_buf_printf(out, ",\"version\":%lld,\"offsets\":\"%016llx\",\"before\":\"%016llx\"",
                  (long long)identity->version, (unsigned long long)identity->offsets_hash,
                  (unsigned long long)identity->before_hash);
    sl_buf_printf(out, ",\"shards\":%u,\"stores\":[", identity->shards);
    for (uint32_t i = 0; i < identity->store_count; i++) {
        sl_buf_put_cstr(out, i ? ",{\"name\":" : "{\"name\":");
        sl_json_put_string(out, identity->stores[i].name);
        put_type(out, "key", identity->stores[i].key);
        put_type(out, "value", identity->stores[i].value);
        sl_buf_put_byte(out, '}');
    }
    sl_buf_put_cstr(out, "]}");
}

/* ---- comparing ---- */

static struct sl_str text_of(const struct sl_json *json, const char *name) {
    struct sl_str text = {"", 0};
    sl_json_str(sl_json_get(json, sl_str(name)), &text);
    return text;
}

static int64_t number_of(const struct sl_json *json, const char *name) {
    int64_t value = -1;
    sl_json_i64(sl_json_get(json, sl_str(name)), &value);
    return value;
}

static uint64_t hash_of(const struct sl_json *json, const char *name) {
    struct sl_str text = text_of(json, name);
    uint64_t hash = 0;
    if (text.len != 16) return 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) return 0;
        hash = hash << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return hash;
}

/* Batches of two histories have other offsets, or at least another time. */
static enum sl_code check_history(const struct sl_state_identity *found,
                                  const struct sl_state_identity *expected, struct sl_err *err) {
    long long batch = (long long)expected->version - 1;
    if (found->offsets_hash && expected->offsets_hash &&
        found->offsets_hash != expected->offsets_hash)
        sl_fail(err, SL_USER,
                "version %lld of the state was made from other offsets than this checkpoint's "
                "offsets/%lld",
                batch + 1, batch);
    else if (found->before_hash && expected->before_hash &&
             found->before_hash != expected->before_hash)
        sl_fail(err, SL_USER,
                "version %lld of the state does not follow from version %lld that is here: batch "
                "%lld was made from other offsets",
                batch + 1, batch, batch - 1);
    else
        return SL_OK;
    sl_hint(err, "a part of the checkpoint is of another run (a copy, an older backup): restore "
                 "the whole checkpoint from one backup, or start with a new one");
    return SL_USER;
}

static enum sl_code check_operator(const struct sl_json *json,
                                   const struct sl_state_identity *expected, struct sl_err *err) {
    struct sl_str name = text_of(json, "operatorName");
    int64_t number = number_of(json, "operatorId");
    if (sl_str_eq(name, expected->operator_name) && number == expected->operator_number)
        return SL_OK;
    sl_fail_at(err, (struct sl_span){0, 0},
               "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA", "42K03",
               "the state is of operator %lld `%.*s`, the query has `%.*s` as operator %u now",
               (long long)number, SL_STR_ARG(name), SL_STR_ARG(expected->operator_name),
               expected->operator_number);
    sl_hint(err, "a query that goes on keeps its aggregations, deduplications and joins; a changed "
                 "query needs a new checkpoint");
    return SL_USER;
}

/* Nullability may differ: it follows from what the optimiser knows. */
static enum sl_code check_type(struct sl_arena *arena, const struct sl_json *store,
                               const char *part, const struct sl_type *type, struct sl_str name,
                               struct sl_err *err) {
    struct sl_buf text = {0};
    struct sl_err ignored;
    const struct sl_json *json = sl_json_get(store, sl_str(part));
    const struct sl_type *kept = NULL;
    if (json) sl_json_put(&text, json);
    if (sl_type_parse_json(arena, sl_buf_str(&text), &kept, &ignored) != SL_OK) kept = NULL;
    sl_buf_release(&text);
    if (kept && sl_type_equal(kept, type)) return SL_OK;
    sl_fail_at(err, (struct sl_span){0, 0},
               part[0] == 'k' ? "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE"
                              : "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
               "42K06", "the %s of store `%.*s` was %s, and is %s in the query now", part,
               SL_STR_ARG(name), kept ? sl_type_sql(arena, kept) : "something else",
               sl_type_sql(arena, type));
    sl_hint(err, "what a query remembers cannot change its columns: undo the change, or use a new "
                 "checkpoint");
    return SL_USER;
}

static enum sl_code check_stores(struct sl_arena *arena, const struct sl_json *json,
                                 const struct sl_state_identity *expected, struct sl_err *err) {
    const struct sl_json *stores = sl_json_get(json, SL_STR("stores"));
    size_t count = stores && stores->kind == SL_JSON_ARRAY ? stores->count : 0;
    if (count != expected->store_count)
        return sl_fail(err, SL_USER, "the state has %zu stores, the operator has %u now", count,
                       expected->store_count);
    for (uint32_t i = 0; i < expected->store_count; i++) {
        const struct sl_state_schema *store = &expected->stores[i];
        struct sl_str name = text_of(&stores->items[i], "name");
        if (!sl_str_eq(name, store->name))
            return sl_fail(err, SL_USER, "store %u of the state is `%.*s`, not `%.*s`", i,
                           SL_STR_ARG(name), SL_STR_ARG(store->name));
        SL_TRY(check_type(arena, &stores->items[i], "key", store->key, name, err));
        SL_TRY(check_type(arena, &stores->items[i], "value", store->value, name, err));
    }
    return SL_OK;
}

enum sl_code sl_state_identity_check(struct sl_arena *arena, struct sl_str text,
                                     const struct sl_state_identity *expected,
                                     struct sl_state_identity *found, struct sl_err *err) {
    struct sl_json json;
    SL_TRY(sl_json_parse(arena, text, &json, err));
    SL_TRY(check_operator(&json, expected, err));
    struct sl_str id = text_of(&json, "queryId");
    if (!sl_str_eq(id, expected->query_id))
        return sl_fail(err, SL_USER, "the state is of query %.*s, the checkpoint of query %.*s",
                       SL_STR_ARG(id), SL_STR_ARG(expected->query_id));
    int64_t version = number_of(&json, "version"), count = number_of(&json, "shards");
    if (version != expected->version)
        return sl_fail(err, SL_DATA, "it is version %lld, its name says %lld", (long long)version,
                       (long long)expected->version);
    if (count < 1 || count > SL_STATE_FILE_SHARDS_MAX)
        return sl_fail(err, SL_DATA, "it has %lld shards", (long long)count);
    found->shards = (uint32_t)count;
    found->offsets_hash = hash_of(&json, "offsets");
    found->before_hash = hash_of(&json, "before");
    SL_TRY(check_history(found, expected, err));
    return check_stores(arena, &json, expected, err);
}

/* ---- reading ---- */

static enum sl_code parse_type(struct sl_arena *arena, const struct sl_json *store,
                               const char *part, const struct sl_type **out, struct sl_err *err) {
    const struct sl_json *json = sl_json_get(store, sl_str(part));
    if (!json) return sl_fail(err, SL_DATA, "its header has a store without a %s", part);
    struct sl_buf text = {0};
    sl_json_put(&text, json);
    enum sl_code code = sl_type_parse_json(arena, sl_buf_str(&text), out, err);
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_state_identity_parse(struct sl_arena *arena, struct sl_str text,
                                     struct sl_state_identity *out, struct sl_err *err) {
    struct sl_json json;
    SL_TRY(sl_json_parse(arena, sl_arena_str(arena, text), &json, err));
    const struct sl_json *stores = sl_json_get(&json, SL_STR("stores"));
    size_t count = stores && stores->kind == SL_JSON_ARRAY ? stores->count : 0;
    int64_t shards = number_of(&json, "shards"), number = number_of(&json, "operatorId");
    if (shards < 1 || shards > SL_STATE_FILE_SHARDS_MAX || number < 0 || number > UINT32_MAX)
        return sl_fail(err, SL_DATA, "its header has operator %lld and %lld shards",
                       (long long)number, (long long)shards);
    struct sl_state_schema *schemas = SL_NEW_ARRAY(arena, struct sl_state_schema, count + 1);
    for (size_t i = 0; i < count; i++) {
        schemas[i].name = text_of(&stores->items[i], "name");
        SL_TRY(parse_type(arena, &stores->items[i], "key", &schemas[i].key, err));
        SL_TRY(parse_type(arena, &stores->items[i], "value", &schemas[i].value, err));
        if (schemas[i].key->kind != SL_STRUCT_KIND || schemas[i].value->kind != SL_STRUCT_KIND)
            return sl_fail(err, SL_DATA, "its header has a store whose rows are no structs");
    }
    *out = (struct sl_state_identity){.operator_name = text_of(&json, "operatorName"),
                                      .query_id = text_of(&json, "queryId"),
                                      .operator_number = (uint32_t)number,
                                      .shards = (uint32_t)shards,
                                      .version = number_of(&json, "version"),
                                      .offsets_hash = hash_of(&json, "offsets"),
                                      .before_hash = hash_of(&json, "before"),
                                      .stores = schemas,
                                      .store_count = (uint32_t)count};
    return SL_OK;
}
