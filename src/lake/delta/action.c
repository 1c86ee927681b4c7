/* Text to actions; the other direction is action_put.c.  Source: PROTOCOL.md "Actions". */
#include "lake/delta/action.h"

#include <stddef.h>

/* What of an action's JSON is read, and whose error it is when it has the wrong shape. */
struct reader {
    struct sl_arena *arena;
    const struct sl_json *json;
    const char *action;
    struct sl_err *err;
    enum sl_code code; /* first failure sticks */
};

const struct sl_delta_pair *sl_delta_map_find(const struct sl_delta_map *map, struct sl_str name) {
    for (uint32_t i = 0; i < map->count; i++)
        if (sl_str_eq(map->items[i].name, name)) return &map->items[i];
    return NULL;
}

static struct sl_delta_map copy_map(struct sl_arena *arena, const struct sl_delta_map *map) {
    struct sl_delta_map copy = {SL_NEW_ARRAY(arena, struct sl_delta_pair, map->count + 1),
                                map->count};
    for (uint32_t i = 0; i < map->count; i++) {
        copy.items[i] = (struct sl_delta_pair){.name = sl_arena_str(arena, map->items[i].name)};
        if (map->items[i].value.ptr) copy.items[i].value = sl_arena_str(arena, map->items[i].value);
    }
    return copy;
}

struct sl_delta_file sl_delta_file_copy(struct sl_arena *arena, const struct sl_delta_file *file) {
    struct sl_delta_file copy = *file;
    copy.path = sl_arena_str(arena, file->path);
    copy.partition_values = copy_map(arena, &file->partition_values);
    copy.tags = (struct sl_delta_map){0};
    copy.stats = copy.clustering_provider = (struct sl_str){0};
    if (file->vector.storage)
        copy.vector.path_or_inline = sl_arena_str(arena, file->vector.path_or_inline);
    return copy;
}

static void wrong(struct reader *r, const char *name, const char *what) {
    if (r->code == SL_OK)
        r->code = sl_fail(r->err, SL_DATA, "action `%s`: `%s` is %s", r->action, name, what);
}

/* NULL when absent or null. */
static const struct sl_json *member(const struct reader *r, const char *name) {
    const struct sl_json *json = sl_json_get(r->json, sl_str(name));
    return json && json->kind != SL_JSON_NULL ? json : NULL;
}

static struct sl_str read_str(struct reader *r, const char *name) {
    struct sl_str text = {0};
    const struct sl_json *json = member(r, name);
    if (json && !sl_json_str(json, &text)) wrong(r, name, "not a string");
    return text;
}

static struct sl_str need_str(struct reader *r, const char *name) {
    struct sl_str text = read_str(r, name);
    if (!text.ptr) wrong(r, name, "missing");
    return text;
}

static int64_t read_i64(struct reader *r, const char *name) {
    int64_t value = -1;
    const struct sl_json *json = member(r, name);
    if (json && !sl_json_i64(json, &value)) wrong(r, name, "not an integer");
    return value;
}

static int64_t need_i64(struct reader *r, const char *name) {
    if (!member(r, name)) wrong(r, name, "missing");
    return read_i64(r, name);
}

static bool read_bool(struct reader *r, const char *name) {
    const struct sl_json *json = member(r, name);
    if (json && json->kind != SL_JSON_BOOL) wrong(r, name, "neither true nor false");
    return json && json->boolean;
}

static struct sl_delta_map read_map(struct reader *r, const char *name) {
    struct sl_delta_map map = {0};
    const struct sl_json *json = member(r, name);
    if (!json) return map;
    if (json->kind != SL_JSON_OBJECT) return wrong(r, name, "not an object"), map;
    map.items = SL_NEW_ARRAY(r->arena, struct sl_delta_pair, json->count);
    for (size_t i = 0; i < json->count; i++) {
        struct sl_delta_pair *pair = &map.items[map.count++];
        *pair = (struct sl_delta_pair){.name = json->names[i]};
        if (json->items[i].kind == SL_JSON_NULL) continue;
        if (!sl_json_str(&json->items[i], &pair->value))
            return wrong(r, name, "not an object of strings"), map;
    }
    return map;
}

static struct sl_str *read_list(struct reader *r, const char *name, uint32_t *count) {
    *count = 0;
    const struct sl_json *json = member(r, name);
    if (!json) return NULL;
    if (json->kind != SL_JSON_ARRAY) return wrong(r, name, "not a list"), NULL;
    struct sl_str *list = SL_NEW_ARRAY(r->arena, struct sl_str, json->count);
    for (size_t i = 0; i < json->count; i++) {
        if (!sl_json_str(&json->items[i], &list[i]))
            return wrong(r, name, "not a list of strings"), NULL;
        ++*count;
    }
    return list;
}

/* ---- the actions ---- */

/* Kind of JSON or nothing. */
static struct sl_json told(const struct reader *r, const char *name, enum sl_json_kind kind) {
    const struct sl_json *json = member(r, name);
    return json && json->kind == kind ? *json : (struct sl_json){0};
}

static int64_t told_i64(const struct reader *r, const char *name) {
    int64_t value;
    return sl_json_i64(member(r, name), &value) ? value : -1;
}

static struct sl_delta_map told_map(const struct reader *r, const char *name) {
    struct sl_delta_map map = {0};
    struct sl_json json = told(r, name, SL_JSON_OBJECT);
    if (!json.count) return map;
    map.items = SL_NEW_ARRAY(r->arena, struct sl_delta_pair, json.count);
    for (size_t i = 0; i < json.count; i++) {
        map.items[map.count].name = json.names[i];
        if (sl_json_str(&json.items[i], &map.items[map.count].value)) map.count++;
    }
    return map;
}

static void read_commit_info(struct reader *r, struct sl_delta_action *out) {
    out->commit_info = (struct sl_delta_commit_info){
        .timestamp_ms = told_i64(r, "timestamp"),
        .in_commit_timestamp_ms = told_i64(r, "inCommitTimestamp"),
        .operation = told(r, "operation", SL_JSON_STRING).text,
        .isolation = told(r, "isolationLevel", SL_JSON_STRING).text,
        .engine = told(r, "engineInfo", SL_JSON_STRING).text,
        .txn_id = told(r, "txnId", SL_JSON_STRING).text,
        .is_blind_append = told(r, "isBlindAppend", SL_JSON_BOOL).boolean,
        .parameters = told(r, "operationParameters", SL_JSON_OBJECT),
        .metrics = told(r, "operationMetrics", SL_JSON_OBJECT),
        .tags = told_map(r, "tags"),
        .read_version = told_i64(r, "readVersion"),
    };
}

/* A table made by Spark without a schema has no schemaString. */
static const struct sl_type *read_schema(struct sl_arena *arena, struct sl_str text) {
    const struct sl_type *schema;
    if (!text.ptr) return sl_type_struct(arena, NULL, 0);
    if (sl_type_parse_json(arena, text, &schema, NULL) != SL_OK) return NULL;
    return schema->kind == SL_STRUCT_KIND ? schema : NULL;
}

static void read_metadata(struct reader *r, struct sl_delta_action *out) {
    struct sl_delta_metadata *m = &out->metadata;
    *m = (struct sl_delta_metadata){
        .id = read_str(r, "id"),
        .name = read_str(r, "name"),
        .description = read_str(r, "description"),
        .schema_text = read_str(r, "schemaString"),
        .configuration = read_map(r, "configuration"),
        .created_ms = read_i64(r, "createdTime"),
    };
    m->partition_columns = read_list(r, "partitionColumns", &m->partition_count);
    const struct sl_json *format = member(r, "format");
    struct sl_str provider;
    if (sl_json_str(sl_json_get(format, SL_STR("provider")), &provider) &&
        !sl_str_eq(provider, SL_STR("parquet")))
        wrong(r, "format", "another than parquet");
    m->schema = read_schema(r->arena, m->schema_text);
}

static void read_protocol(struct reader *r, struct sl_delta_action *out) {
    struct sl_delta_protocol *p = &out->protocol;
    int64_t reader = need_i64(r, "minReaderVersion"), writer = need_i64(r, "minWriterVersion");
    if (r->code == SL_OK && (reader < 0 || reader > INT32_MAX || writer < 0 || writer > INT32_MAX))
        wrong(r, "minReaderVersion", "no version");
    *p = (struct sl_delta_protocol){(int)reader, (int)writer, NULL, NULL, 0, 0};
    p->reader_features = read_list(r, "readerFeatures", &p->reader_feature_count);
    p->writer_features = read_list(r, "writerFeatures", &p->writer_feature_count);
}

static void read_txn(struct reader *r, struct sl_delta_action *out) {
    out->txn = (struct sl_delta_txn){.app_id = need_str(r, "appId"),
                                     .version = need_i64(r, "version"),
                                     .last_updated_ms = read_i64(r, "lastUpdated")};
}

static struct sl_delta_vector read_vector(struct reader *file) {
    struct reader r = *file;
    struct sl_delta_vector vector = {.offset = -1};
    r.json = member(file, "deletionVector");
    r.action = "deletionVector";
    if (!r.json) return vector;
    struct sl_str storage = need_str(&r, "storageType");
    if (r.code == SL_OK && (storage.len != 1 || !strchr("uip", storage.ptr[0])))
        wrong(&r, "storageType", "none of u, i, p");
    vector = (struct sl_delta_vector){.path_or_inline = need_str(&r, "pathOrInlineDv"),
                                      .offset = read_i64(&r, "offset"),
                                      .bytes = need_i64(&r, "sizeInBytes"),
                                      .cardinality = need_i64(&r, "cardinality")};
    if (r.code == SL_OK) vector.storage = storage.ptr[0];
    file->code = r.code;
    return vector;
}

static void read_file(struct reader *r, struct sl_delta_action *out) {
    bool is_remove = out->kind == SL_DELTA_REMOVE;
    out->file = (struct sl_delta_file){
        .path = need_str(r, "path"),
        .partition_values = read_map(r, "partitionValues"),
        .bytes = read_i64(r, "size"),
        .modified_ms = read_i64(r, is_remove ? "deletionTimestamp" : "modificationTime"),
        .data_change = read_bool(r, "dataChange"),
        .extended_metadata = read_bool(r, "extendedFileMetadata"),
        .stats = read_str(r, "stats"),
        .tags = read_map(r, "tags"),
        .vector = read_vector(r),
        .base_row_id = read_i64(r, "baseRowId"),
        .default_row_version = read_i64(r, "defaultRowCommitVersion"),
        .clustering_provider = read_str(r, "clusteringProvider"),
    };
    if (r->code == SL_OK && out->file.path.len == 0) wrong(r, "path", "empty");
}

static void read_domain(struct reader *r, struct sl_delta_action *out) {
    out->domain = (struct sl_delta_domain){.domain = need_str(r, "domain"),
                                           .configuration = read_str(r, "configuration"),
                                           .removed = read_bool(r, "removed")};
}

static void read_sidecar(struct reader *r, struct sl_delta_action *out) {
    out->sidecar =
        (struct sl_delta_sidecar){.path = need_str(r, "path"), .bytes = read_i64(r, "sizeInBytes")};
}

static const struct {
    const char *name;
    enum sl_delta_kind kind;
    void (*read)(struct reader *r, struct sl_delta_action *out);
} actions[] = {
    {"add", SL_DELTA_ADD, read_file},
    {"remove", SL_DELTA_REMOVE, read_file},
    {"commitInfo", SL_DELTA_COMMIT_INFO, read_commit_info},
    {"txn", SL_DELTA_TXN, read_txn},
    {"metaData", SL_DELTA_METADATA, read_metadata},
    {"protocol", SL_DELTA_PROTOCOL, read_protocol},
    {"cdc", SL_DELTA_CDC, read_file},
    {"domainMetadata", SL_DELTA_DOMAIN, read_domain},
    {"sidecar", SL_DELTA_SIDECAR, read_sidecar},
};

enum sl_code sl_delta_action_parse(struct sl_arena *arena, struct sl_str line,
                                   struct sl_delta_action *out, struct sl_err *err) {
    struct sl_json tree;
    *out = (struct sl_delta_action){SL_DELTA_NONE};
    if (sl_str_trim(line).len == 0) return SL_OK;
    SL_TRY(sl_json_parse(arena, line, &tree, err));
    if (tree.kind != SL_JSON_OBJECT)
        return sl_fail(err, SL_DATA, "an action is a JSON object, this line is not");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const struct sl_json *json = sl_json_get(&tree, sl_str(actions[i].name));
        /* some writers give all members and leave all but one null */
        if (!json || json->kind == SL_JSON_NULL) continue;
        struct reader r = {arena, json, actions[i].name, err, SL_OK};
        if (json->kind != SL_JSON_OBJECT)
            return sl_fail(err, SL_DATA, "action `%s` is not a JSON object", r.action);
        out->kind = actions[i].kind;
        actions[i].read(&r, out);
        return r.code;
    }
    return SL_OK;
}
