/* A checkpoint: the snapshot streamed into one Parquet file.  Rows of one kind are gathered to a
 * batch; the other columns of a batch are a run of nulls made once. */
#include "lake/delta/checkpoint.h"

#include <stdio.h>

#include "base/json.h"
#include "fmt/parquet/parquet_write.h"
#include "lake/delta/checkpoint_int.h"
#include "lake/delta/feature.h"
#include "lake/delta/log_int.h"

enum {
    BATCH_ROWS = 1024,
    DEFAULT_INTERVAL = 10,
    DEFAULT_INDEXED = 32,
    GROUP_BYTES = 32 << 20,
    NAME_MAX_BYTES = 64,
};
#define MILLIS_PER_WEEK INT64_C(604800000)

struct writer {
    const struct sl_delta_snapshot *snapshot;
    int64_t now_ms, removed_after_ms, txn_after_ms;
    struct sl_arena arena, scratch;
    struct sl_checkpoint_shape shape;
    const struct sl_type *schema;
    struct sl_vec rows[SL_CHECKPOINT_COLUMNS], nulls[SL_CHECKPOINT_COLUMNS];
    struct sl_parquet_writer *parquet;
    struct sl_put *put;
    uint64_t bytes; /* of the file */
    int64_t actions, files, file_bytes;
    const char *dir; /* _delta_log */
    char name[NAME_MAX_BYTES];
};

/* ---- properties ---- */

static bool is_set(const struct sl_delta_snapshot *snapshot, const char *name, bool otherwise) {
    bool value;
    const char *text = sl_delta_snapshot_property(snapshot, name);
    return text && sl_str_to_bool(sl_str(text), &value) ? value : otherwise;
}

static int64_t number_of(const struct sl_delta_snapshot *snapshot, const char *name,
                         int64_t otherwise) {
    int64_t value;
    const char *text = sl_delta_snapshot_property(snapshot, name);
    return text && sl_str_to_i64(sl_str(text), &value) ? value : otherwise;
}

bool sl_delta_checkpoint_due(const struct sl_delta_snapshot *snapshot, int64_t version) {
    int64_t interval = number_of(snapshot, "delta.checkpointInterval", DEFAULT_INTERVAL);
    return version > 0 && interval > 0 && version % interval == 0;
}

static enum sl_code interval_of(const struct sl_delta_snapshot *snapshot, const char *name,
                                int64_t otherwise, int64_t *ms, struct sl_err *err) {
    const char *text = sl_delta_snapshot_property(snapshot, name);
    *ms = otherwise;
    if (!text) return SL_OK;
    enum sl_code code = sl_delta_interval_parse(sl_str(text), ms, err);
    if (code != SL_OK) sl_context(err, "table property %s", name);
    return code;
}

static struct sl_checkpoint_options read_options(const struct sl_delta_snapshot *snapshot) {
    const char *mapping = sl_delta_snapshot_property(snapshot, "delta.columnMapping.mode");
    int64_t indexed = number_of(snapshot, "delta.dataSkippingNumIndexedCols", DEFAULT_INDEXED);
    if (indexed < 0 || sl_delta_snapshot_property(snapshot, "delta.dataSkippingStatsColumns"))
        indexed = INT64_MAX;
    return (struct sl_checkpoint_options){
        .stats_text = is_set(snapshot, "delta.checkpoint.writeStatsAsJson", true),
        .stats_parsed = is_set(snapshot, "delta.checkpoint.writeStatsAsStruct", true),
        .column_mapping = mapping && strcmp(mapping, "none") != 0,
        .deletion_vectors =
            sl_delta_protocol_has(sl_delta_snapshot_protocol(snapshot), SL_STR("deletionVectors")),
        .indexed_columns = indexed,
    };
}

/* ---- rows to the file ---- */

static enum sl_code put_bytes(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    struct writer *writer = ctx;
    writer->bytes += len;
    return sl_put_write(writer->put, (struct sl_str){bytes, len}, err);
}

static enum sl_code flush(struct writer *writer, enum sl_checkpoint_column column,
                          struct sl_err *err) {
    const struct sl_vec *columns[SL_CHECKPOINT_COLUMNS];
    uint32_t count = writer->rows[column].rows;
    if (count == 0) return SL_OK;
    for (int i = 0; i < SL_CHECKPOINT_COLUMNS; i++)
        columns[i] = i == (int)column ? &writer->rows[i] : &writer->nulls[i];
    writer->actions += count;
    SL_TRY(sl_parquet_writer_write(writer->parquet, columns, NULL, count, err));
    sl_vec_clear(&writer->rows[column]);
    return SL_OK;
}

static enum sl_code added(struct writer *writer, enum sl_checkpoint_column column,
                          struct sl_err *err) {
    return writer->rows[column].rows == BATCH_ROWS ? flush(writer, column, err) : SL_OK;
}

static enum sl_code each_live(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct writer *writer = ctx;
    writer->files++;
    writer->file_bytes += file->bytes;
    enum sl_code code = sl_checkpoint_put_add(&writer->rows[SL_CHECKPOINT_ADD], &writer->shape,
                                              file, &writer->scratch, err);
    sl_arena_reset(&writer->scratch);
    return code == SL_OK ? added(writer, SL_CHECKPOINT_ADD, err) : code;
}

/* A tombstone without a time is older than any that has one. */
static enum sl_code each_removed(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct writer *writer = ctx;
    if (file->modified_ms <= writer->removed_after_ms) return SL_OK;
    SL_TRY(sl_checkpoint_put_remove(&writer->rows[SL_CHECKPOINT_REMOVE], file, err));
    return added(writer, SL_CHECKPOINT_REMOVE, err);
}

static enum sl_code each_txn(void *ctx, const struct sl_delta_txn *txn, struct sl_err *err) {
    struct writer *writer = ctx;
    if (txn->last_updated_ms != -1 && txn->last_updated_ms <= writer->txn_after_ms) return SL_OK;
    SL_TRY(sl_checkpoint_put_txn(&writer->rows[SL_CHECKPOINT_TXN], txn, err));
    return added(writer, SL_CHECKPOINT_TXN, err);
}

static enum sl_code put_state(struct writer *writer, struct sl_err *err) {
    const struct sl_delta_snapshot *snapshot = writer->snapshot;
    uint32_t count;
    const struct sl_delta_domain *domains = sl_delta_snapshot_domains(snapshot, &count);
    SL_TRY(sl_checkpoint_put_protocol(&writer->rows[SL_CHECKPOINT_PROTOCOL],
                                      sl_delta_snapshot_protocol(snapshot), err));
    SL_TRY(sl_checkpoint_put_metadata(&writer->rows[SL_CHECKPOINT_METADATA],
                                      sl_delta_snapshot_metadata(snapshot), err));
    for (uint32_t i = 0; i < count; i++) {
        if (domains[i].removed) continue;
        SL_TRY(sl_checkpoint_put_domain(&writer->rows[SL_CHECKPOINT_DOMAIN], &domains[i], err));
        SL_TRY(added(writer, SL_CHECKPOINT_DOMAIN, err));
    }
    return sl_delta_snapshot_txns(snapshot, each_txn, writer, err);
}

static enum sl_code write_rows(struct writer *writer, struct sl_err *err) {
    struct sl_delta_walk walk = {each_live, each_removed, writer};
    SL_TRY(put_state(writer, err));
    SL_TRY(sl_delta_snapshot_walk(writer->snapshot, &walk, err));
    for (int i = 0; i < SL_CHECKPOINT_COLUMNS; i++)
        SL_TRY(flush(writer, (enum sl_checkpoint_column)i, err));
    return sl_parquet_writer_finish(writer->parquet, err);
}

/* ---- the writer ---- */

static enum sl_code open_file(struct writer *writer, struct sl_err *err) {
    struct sl_parquet_write_options options;
    sl_parquet_write_options_init(&options);
    options.row_group_bytes = GROUP_BYTES;
    for (int i = 0; i < SL_CHECKPOINT_COLUMNS; i++) {
        sl_vec_init(&writer->rows[i], writer->schema->fields[i].type);
        sl_vec_init(&writer->nulls[i], writer->schema->fields[i].type);
        SL_TRY(sl_vec_append_null(&writer->nulls[i], BATCH_ROWS, err));
    }
    SL_TRY(sl_put_open(writer->dir, writer->name, 0, "delta_checkpoint", &writer->put, err));
    return sl_parquet_writer_new(writer->schema, &options, NULL, put_bytes, writer,
                                 &writer->parquet, err);
}

static enum sl_code writer_init(struct writer *writer, const struct sl_delta_snapshot *snapshot,
                                int64_t now_ms, struct sl_err *err) {
    int64_t removed_ms, txn_ms;
    *writer = (struct writer){.snapshot = snapshot, .now_ms = now_ms};
    sl_arena_init(&writer->arena, "checkpoint");
    sl_arena_init(&writer->scratch, "checkpoint file");
    SL_TRY(interval_of(snapshot, "delta.deletedFileRetentionDuration", MILLIS_PER_WEEK, &removed_ms,
                       err));
    SL_TRY(interval_of(snapshot, "delta.setTransactionRetentionDuration", -1, &txn_ms, err));
    writer->removed_after_ms = now_ms - removed_ms;
    writer->txn_after_ms = txn_ms < 0 ? INT64_MIN : now_ms - txn_ms;
    struct sl_checkpoint_options options = read_options(snapshot);
    writer->schema = sl_checkpoint_schema(&writer->arena, sl_delta_snapshot_metadata(snapshot),
                                          &options, &writer->shape);
    writer->dir = sl_delta_log_dir(&writer->arena, sl_delta_snapshot_dir(snapshot));
    snprintf(writer->name, sizeof writer->name, "%020lld.checkpoint.parquet",
             (long long)sl_delta_snapshot_version(snapshot));
    return SL_OK;
}

static void writer_release(struct writer *writer) {
    sl_parquet_writer_free(writer->parquet);
    sl_put_abort(writer->put);
    for (int i = 0; i < SL_CHECKPOINT_COLUMNS; i++) {
        sl_vec_release(&writer->rows[i]);
        sl_vec_release(&writer->nulls[i]);
    }
    sl_arena_release(&writer->scratch);
    sl_arena_release(&writer->arena);
}

/* ---- what points at it ---- */

/* The text of an action without its wrapper: {"protocol":X}\n -> X. */
static void put_inner(struct sl_buf *out, const struct sl_delta_action *action) {
    struct sl_buf line = {0};
    sl_delta_action_put(&line, action);
    size_t colon = sl_str_find(sl_buf_str(&line), SL_STR(":"), 0);
    sl_buf_put_str(out, sl_str_sub(sl_buf_str(&line), colon + 1, line.len - 2));
    sl_buf_release(&line);
}

/* PROTOCOL.md "Version Checksum File": never overwritten. */
static enum sl_code put_checksum(const struct writer *writer, struct sl_err *err) {
    struct sl_buf text = {0};
    char name[NAME_MAX_BYTES];
    struct sl_delta_action metadata = {.kind = SL_DELTA_METADATA},
                           protocol = {.kind = SL_DELTA_PROTOCOL};
    metadata.metadata = *sl_delta_snapshot_metadata(writer->snapshot);
    protocol.protocol = *sl_delta_snapshot_protocol(writer->snapshot);
    sl_buf_printf(&text,
                  "{\"tableSizeBytes\":%lld,\"numFiles\":%lld,\"numMetadata\":1,\"numProtocol\":1,"
                  "\"metadata\":",
                  (long long)writer->file_bytes, (long long)writer->files);
    put_inner(&text, &metadata);
    sl_buf_put_cstr(&text, ",\"protocol\":");
    put_inner(&text, &protocol);
    sl_buf_put_cstr(&text, "}\n");
    snprintf(name, sizeof name, "%020lld.crc",
             (long long)sl_delta_snapshot_version(writer->snapshot));
    enum sl_code code = sl_io_put_atomic(writer->dir, name, sl_buf_str(&text), 0, NULL, err);
    sl_buf_release(&text);
    return code == SL_CONFLICT ? SL_OK : code;
}

/* Version that `_last_checkpoint` names, or -1. */
static int64_t last_checkpoint(const struct writer *writer) {
    enum { HINT_BYTES_MAX = 16 << 20 };
    struct sl_arena arena;
    struct sl_buf text = {0};
    struct sl_json json;
    int64_t version = -1;
    sl_arena_init(&arena, "last checkpoint");
    const char *path = sl_path_join(&arena, writer->dir, "_last_checkpoint");
    if (sl_io_read_file(path, HINT_BYTES_MAX, &text, NULL) == SL_OK &&
        sl_json_parse(&arena, sl_buf_str(&text), &json, NULL) == SL_OK &&
        !sl_json_i64(sl_json_get(&json, SL_STR("version")), &version))
        version = -1;
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return version;
}

/* No `parts`: readers fail on 1 (Trino #26148). */
static enum sl_code put_newer_hint(const struct writer *writer, struct sl_err *err) {
    struct sl_buf text = {0};
    int64_t version = sl_delta_snapshot_version(writer->snapshot);
    if (last_checkpoint(writer) >= version) return SL_OK;
    sl_buf_printf(&text,
                  "{\"version\":%lld,\"size\":%lld,\"sizeInBytes\":%llu,\"numOfAddFiles\":%lld}",
                  (long long)version, (long long)writer->actions, (unsigned long long)writer->bytes,
                  (long long)writer->files);
    enum sl_code code = sl_io_put_atomic(writer->dir, "_last_checkpoint", sl_buf_str(&text),
                                         SL_PUT_REPLACE, NULL, err);
    sl_buf_release(&text);
    return code;
}

/* A query's tidying and a compaction may both be here: between the look and the write nobody may
 * put a later one. */
static enum sl_code put_hint(const struct writer *writer, struct sl_err *err) {
    int lock = sl_io_dir_lock(writer->dir);
    enum sl_code code = put_newer_hint(writer, err);
    sl_io_dir_unlock(lock);
    return code;
}

static enum sl_code write_checkpoint(struct writer *writer, struct sl_err *err) {
    struct sl_file_info info;
    const char *path = sl_path_join(&writer->arena, writer->dir, writer->name);
    SL_TRY(sl_io_stat(path, &info, err));
    if (info.exists) return SL_OK;
    SL_TRY(open_file(writer, err));
    SL_TRY(write_rows(writer, err));
    struct sl_put *put = writer->put;
    writer->put = NULL; /* publish frees it whatever happens */
    enum sl_code code = sl_put_publish(put, err);
    if (code == SL_CONFLICT) return SL_OK; /* another writer's is as good */
    if (code == SL_OK) code = put_hint(writer, err);
    return code == SL_OK ? put_checksum(writer, err) : code;
}

enum sl_code sl_delta_checkpoint_write(const struct sl_delta_snapshot *snapshot, int64_t now_ms,
                                       struct sl_err *err) {
    struct writer writer;
    enum sl_code code = writer_init(&writer, snapshot, now_ms, err);
    if (code == SL_OK) code = write_checkpoint(&writer, err);
    if (code != SL_OK)
        sl_context(err, "checkpoint of version %lld of `%s`",
                   (long long)sl_delta_snapshot_version(snapshot), sl_delta_snapshot_dir(snapshot));
    writer_release(&writer);
    return code;
}
