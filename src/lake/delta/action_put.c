/* Actions to text, members in the order of Spark's case classes (actions.scala). */
#include "lake/delta/action.h"
#include "lake/delta/value.h"

/* One JSON object under construction. */
struct writer {
    struct sl_buf *out;
    bool any;
};

static void put_name(struct writer *w, const char *name) {
    if (w->any) sl_buf_put_byte(w->out, ',');
    w->any = true;
    sl_buf_put_byte(w->out, '"');
    sl_buf_put_cstr(w->out, name);
    sl_buf_put_cstr(w->out, "\":");
}

static void put_str(struct writer *w, const char *name, struct sl_str value) {
    if (!value.ptr) return;
    put_name(w, name);
    sl_json_put_string(w->out, value);
}

static void put_i64(struct writer *w, const char *name, int64_t value) {
    put_name(w, name);
    sl_buf_printf(w->out, "%lld", (long long)value);
}

/* -1 is absent. */
static void put_count(struct writer *w, const char *name, int64_t value) {
    if (value != -1) put_i64(w, name, value);
}

static void put_bool(struct writer *w, const char *name, bool value) {
    put_name(w, name);
    sl_buf_put_cstr(w->out, value ? "true" : "false");
}

static void put_map(struct writer *w, const char *name, const struct sl_delta_map *map) {
    put_name(w, name);
    sl_buf_put_byte(w->out, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        if (i) sl_buf_put_byte(w->out, ',');
        sl_json_put_string(w->out, map->items[i].name);
        sl_buf_put_byte(w->out, ':');
        if (map->items[i].value.ptr)
            sl_json_put_string(w->out, map->items[i].value);
        else
            sl_buf_put_cstr(w->out, "null");
    }
    sl_buf_put_byte(w->out, '}');
}

static void put_list(struct writer *w, const char *name, const struct sl_str *items,
                     uint32_t count) {
    put_name(w, name);
    sl_buf_put_byte(w->out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i) sl_buf_put_byte(w->out, ',');
        sl_json_put_string(w->out, items[i]);
    }
    sl_buf_put_byte(w->out, ']');
}

static void put_object(struct writer *w, const char *name, const struct sl_json *json) {
    if (json->kind != SL_JSON_OBJECT) return;
    put_name(w, name);
    sl_json_put(w->out, json);
}

/* ---- the actions ---- */

static void put_commit_info(struct writer *w, const struct sl_delta_commit_info *info) {
    put_count(w, "inCommitTimestamp", info->in_commit_timestamp_ms);
    put_count(w, "timestamp", info->timestamp_ms);
    put_str(w, "operation", info->operation);
    put_object(w, "operationParameters", &info->parameters);
    put_count(w, "readVersion", info->read_version);
    put_str(w, "isolationLevel", info->isolation);
    put_bool(w, "isBlindAppend", info->is_blind_append);
    put_object(w, "operationMetrics", &info->metrics);
    if (info->tags.count) put_map(w, "tags", &info->tags);
    put_str(w, "engineInfo", info->engine);
    put_str(w, "txnId", info->txn_id);
}

static void put_metadata(struct writer *w, const struct sl_delta_metadata *m) {
    put_str(w, "id", m->id);
    put_str(w, "name", m->name);
    put_str(w, "description", m->description);
    put_name(w, "format");
    sl_buf_put_cstr(w->out, "{\"provider\":\"parquet\",\"options\":{}}");
    put_str(w, "schemaString", m->schema_text);
    put_list(w, "partitionColumns", m->partition_columns, m->partition_count);
    put_map(w, "configuration", &m->configuration);
    put_count(w, "createdTime", m->created_ms);
}

/* Feature lists are there exactly from (3, 7) on, even empty (PROTOCOL.md "Protocol Evolution"). */
static void put_protocol(struct writer *w, const struct sl_delta_protocol *p) {
    put_i64(w, "minReaderVersion", p->reader_version);
    put_i64(w, "minWriterVersion", p->writer_version);
    if (p->reader_version >= 3)
        put_list(w, "readerFeatures", p->reader_features, p->reader_feature_count);
    if (p->writer_version >= 7)
        put_list(w, "writerFeatures", p->writer_features, p->writer_feature_count);
}

static void put_txn(struct writer *w, const struct sl_delta_txn *txn) {
    put_str(w, "appId", txn->app_id);
    put_i64(w, "version", txn->version);
    put_count(w, "lastUpdated", txn->last_updated_ms);
}

static void put_vector(struct writer *w, const struct sl_delta_vector *vector) {
    if (!vector->storage) return;
    struct writer object = {w->out, false};
    put_name(w, "deletionVector");
    sl_buf_put_byte(w->out, '{');
    put_str(&object, "storageType", (struct sl_str){&vector->storage, 1});
    put_str(&object, "pathOrInlineDv", vector->path_or_inline);
    put_count(&object, "offset", vector->offset);
    put_i64(&object, "sizeInBytes", vector->bytes);
    put_i64(&object, "cardinality", vector->cardinality);
    sl_buf_put_byte(w->out, '}');
}

static void put_add(struct writer *w, const struct sl_delta_file *file) {
    put_str(w, "path", file->path);
    put_map(w, "partitionValues", &file->partition_values);
    put_count(w, "size", file->bytes);
    put_count(w, "modificationTime", file->modified_ms);
    put_bool(w, "dataChange", file->data_change);
    put_str(w, "stats", file->stats);
    if (file->tags.count) put_map(w, "tags", &file->tags);
    put_vector(w, &file->vector);
    put_count(w, "baseRowId", file->base_row_id);
    put_count(w, "defaultRowCommitVersion", file->default_row_version);
    put_str(w, "clusteringProvider", file->clustering_provider);
}

static void put_remove(struct writer *w, const struct sl_delta_file *file) {
    put_str(w, "path", file->path);
    put_count(w, "deletionTimestamp", file->modified_ms);
    put_bool(w, "dataChange", file->data_change);
    if (file->extended_metadata) put_bool(w, "extendedFileMetadata", true);
    if (file->extended_metadata || file->partition_values.count)
        put_map(w, "partitionValues", &file->partition_values);
    put_count(w, "size", file->bytes);
    if (file->tags.count) put_map(w, "tags", &file->tags);
    put_vector(w, &file->vector);
    put_count(w, "baseRowId", file->base_row_id);
    put_count(w, "defaultRowCommitVersion", file->default_row_version);
    put_str(w, "stats", file->stats);
}

static void put_cdc(struct writer *w, const struct sl_delta_file *file) {
    put_str(w, "path", file->path);
    put_map(w, "partitionValues", &file->partition_values);
    put_count(w, "size", file->bytes);
    if (file->tags.count) put_map(w, "tags", &file->tags);
    put_bool(w, "dataChange", file->data_change);
}

static void put_domain(struct writer *w, const struct sl_delta_domain *domain) {
    put_str(w, "domain", domain->domain);
    put_str(w, "configuration", domain->configuration);
    put_bool(w, "removed", domain->removed);
}

static void put_sidecar(struct writer *w, const struct sl_delta_sidecar *sidecar) {
    put_str(w, "path", sidecar->path);
    put_count(w, "sizeInBytes", sidecar->bytes);
}

static void put_body(struct writer *w, const struct sl_delta_action *action) {
    switch (action->kind) {
    case SL_DELTA_NONE:
        return;
    case SL_DELTA_COMMIT_INFO:
        put_commit_info(w, &action->commit_info);
        return;
    case SL_DELTA_METADATA:
        put_metadata(w, &action->metadata);
        return;
    case SL_DELTA_PROTOCOL:
        put_protocol(w, &action->protocol);
        return;
    case SL_DELTA_TXN:
        put_txn(w, &action->txn);
        return;
    case SL_DELTA_ADD:
        put_add(w, &action->file);
        return;
    case SL_DELTA_REMOVE:
        put_remove(w, &action->file);
        return;
    case SL_DELTA_CDC:
        put_cdc(w, &action->file);
        return;
    case SL_DELTA_DOMAIN:
        put_domain(w, &action->domain);
        return;
    case SL_DELTA_SIDECAR:
        put_sidecar(w, &action->sidecar);
        return;
    }
}

void sl_delta_action_put(struct sl_buf *out, const struct sl_delta_action *action) {
    static const char *const names[] = {
        [SL_DELTA_COMMIT_INFO] = "commitInfo",
        [SL_DELTA_METADATA] = "metaData",
        [SL_DELTA_PROTOCOL] = "protocol",
        [SL_DELTA_TXN] = "txn",
        [SL_DELTA_ADD] = "add",
        [SL_DELTA_REMOVE] = "remove",
        [SL_DELTA_CDC] = "cdc",
        [SL_DELTA_DOMAIN] = "domainMetadata",
        [SL_DELTA_SIDECAR] = "sidecar",
    };
    if (action->kind == SL_DELTA_NONE) return;
    struct writer body = {out, false};
    sl_buf_printf(out, "{\"%s\":{", names[action->kind]);
    put_body(&body, action);
    sl_buf_put_cstr(out, "}}\n");
}

/* Spark leaves non-ASCII as it is where delta-rs quotes it, and paths of other tables come as
 * `file:/x` or `/x`: the decoded path is what they have in common. NUL parts path and vector: no
 * path holds one. */
void sl_delta_file_put_key(struct sl_buf *out, const struct sl_delta_file *file) {
    bool absolute;
    size_t begin = out->len;
    if (sl_delta_path_parse(file->path, out, &absolute, NULL) != SL_OK) {
        out->len = begin;
        sl_buf_put_str(out, file->path);
    }
    if (!file->vector.storage) return;
    sl_buf_put_byte(out, 0);
    sl_buf_put_byte(out, (uint8_t)file->vector.storage);
    sl_buf_put_str(out, file->vector.path_or_inline);
    if (file->vector.offset != -1) sl_buf_printf(out, "@%lld", (long long)file->vector.offset);
}
