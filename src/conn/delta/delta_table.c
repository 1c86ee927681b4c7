/* What a Delta table is: DESCRIBE DETAIL, DESCRIBE HISTORY, its files.
 * Source: Spark DescribeDeltaDetailsCommand.scala, DescribeDeltaHistoryCommand.scala. */
#include "conn/delta/delta_table.h"

#include <stdlib.h>

#include "base/quantity.h"
#include "conn/delta/delta_info.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/history.h"
#include "lake/delta/value.h"
#include "lake/partition.h"
#include "lake/place.h"

const char *sl_delta_table_dir(struct sl_arena *arena, struct sl_str path) {
    return sl_arena_cstr(arena, sl_place_plain(path));
}

static enum sl_code no_table(const char *table_dir, struct sl_err *err) {
    sl_delta_fail(err, SL_USER, "DELTA_MISSING_DELTA_TABLE", "42P01",
                  "`%s` is not a Delta table: it has no version in `_delta_log`", table_dir);
    return sl_hint(err, "a directory of Parquet files is parquet.`%s`", table_dir), SL_USER;
}

enum sl_code sl_delta_table_open(const struct sl_table_call *call, struct sl_delta_snapshot **out,
                                 struct sl_err *err) {
    const char *dir = sl_delta_table_dir(call->env->query, call->path);
    enum sl_code code = sl_delta_snapshot_open(dir, -1, call->env->budget, out, err);
    if (code != SL_OK) return sl_context(err, "Delta table `%s`", dir), code;
    return *out ? SL_OK : no_table(dir, err);
}

void sl_delta_table_put_partition(struct sl_buf *out, const struct sl_delta_metadata *metadata,
                                  const struct sl_delta_file *file) {
    struct sl_err ignored;
    for (uint32_t i = 0; i < metadata->partition_count; i++) {
        const struct sl_delta_pair *pair =
            sl_delta_map_find(&file->partition_values, metadata->partition_columns[i]);
        struct sl_str value = pair ? pair->value : (struct sl_str){0};
        if (i) sl_buf_put_byte(out, '/');
        /* what cannot be a directory's name is told as it is */
        if (sl_partition_put(out, metadata->partition_columns[i], value, &ignored) != SL_OK)
            sl_buf_printf(out, "%.*s=%.*s", SL_STR_ARG(metadata->partition_columns[i]),
                          SL_STR_ARG(value));
    }
}

enum sl_code sl_delta_table_put_path(struct sl_buf *out, const char *table_dir,
                                     struct sl_str log_path, bool *outside, struct sl_err *err) {
    struct sl_buf path = {0};
    size_t len = strlen(table_dir);
    bool absolute;
    *outside = false;
    enum sl_code code = sl_delta_path_parse(log_path, &path, &absolute, err);
    struct sl_str text = sl_buf_str(&path);
    if (code == SL_OK && absolute) {
        bool inside =
            text.len > len && text.ptr[len] == '/' && memcmp(text.ptr, table_dir, len) == 0;
        if (inside) text = sl_str_sub(text, len + 1, text.len);
        *outside = !inside;
    }
    if (code == SL_OK) sl_buf_put_str(out, text);
    sl_buf_release(&path);
    return code;
}

int64_t sl_delta_table_bytes(const struct sl_delta_snapshot *snapshot, const char *name,
                             int64_t otherwise) {
    int64_t bytes;
    const char *text = sl_delta_snapshot_property(snapshot, name);
    return text && sl_parse_bytes(sl_str(text), &bytes) && bytes > 0 ? bytes : otherwise;
}

/* ---- files ---- */

struct walk {
    const struct sl_delta_snapshot *snapshot;
    sl_table_file_fn each;
    void *ctx;
    struct sl_arena arena; /* of one file */
    struct sl_buf path, partition;
};

static int64_t rows_of(struct walk *walk, const struct sl_delta_file *file) {
    struct sl_json stats;
    int64_t rows;
    if (!file->stats.ptr || sl_json_parse(&walk->arena, file->stats, &stats, NULL) != SL_OK ||
        !sl_json_i64(sl_json_get(&stats, SL_STR("numRecords")), &rows))
        return -1;
    return file->vector.storage ? rows - file->vector.cardinality : rows;
}

static enum sl_code tell_file(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct walk *walk = ctx;
    bool outside;
    sl_arena_reset(&walk->arena);
    sl_buf_clear(&walk->path);
    sl_buf_clear(&walk->partition);
    SL_TRY(sl_delta_table_put_path(&walk->path, sl_delta_snapshot_dir(walk->snapshot), file->path,
                                   &outside, err));
    sl_delta_table_put_partition(&walk->partition, sl_delta_snapshot_metadata(walk->snapshot),
                                 file);
    struct sl_table_file told = {.path = sl_buf_str(&walk->path),
                                 .partition = sl_buf_str(&walk->partition),
                                 .bytes = file->bytes,
                                 .rows = rows_of(walk, file),
                                 .deleted_rows =
                                     file->vector.storage ? file->vector.cardinality : 0,
                                 .modified_ms = file->modified_ms};
    return walk->each(walk->ctx, &told, err);
}

static enum sl_code files(const struct sl_table_call *call, sl_table_file_fn each, void *ctx,
                          struct sl_err *err) {
    struct sl_delta_snapshot *snapshot;
    SL_TRY(sl_delta_table_open(call, &snapshot, err));
    struct walk walk = {.snapshot = snapshot, .each = each, .ctx = ctx};
    sl_arena_init(&walk.arena, "files");
    enum sl_code code = sl_delta_snapshot_walk(
        snapshot, &(struct sl_delta_walk){.live = tell_file, .ctx = &walk}, err);
    sl_arena_release(&walk.arena);
    sl_buf_release(&walk.path);
    sl_buf_release(&walk.partition);
    sl_delta_snapshot_close(snapshot);
    return code;
}

/* ---- detail ---- */

struct total {
    uint64_t files, bytes;
};

static enum sl_code add_file(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct total *total = ctx;
    (void)err;
    total->files++;
    if (file->bytes > 0) total->bytes += (uint64_t)file->bytes;
    return SL_OK;
}

static void put_member(struct sl_buf *out, const char *name, struct sl_str value) {
    if (!value.ptr) return;
    sl_buf_printf(out, ",\"%s\":", name);
    sl_json_put_string(out, value);
}

static void put_list(struct sl_buf *out, const char *name, const struct sl_str *items,
                     uint32_t count) {
    sl_buf_printf(out, ",\"%s\":", name);
    sl_delta_put_names(out, items, count);
}

/* Of a protocol without lists of features Spark tells those that its versions stand for. */
static void put_features(struct sl_buf *out, struct sl_arena *arena,
                         const struct sl_delta_protocol *protocol) {
    static const struct {
        const char *name;
        int writer, reader;
    } legacy[] = {{"appendOnly", 2, 1},     {"invariants", 2, 1},       {"checkConstraints", 3, 1},
                  {"changeDataFeed", 4, 1}, {"generatedColumns", 4, 1}, {"columnMapping", 5, 2},
                  {"identityColumns", 6, 1}};
    enum { LEGACY = sizeof legacy / sizeof *legacy, FEATURES_VERSION = 7 };
    uint32_t listed = protocol->writer_feature_count, count = 0;
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, listed + LEGACY);
    for (; count < listed; count++) names[count] = protocol->writer_features[count];
    for (size_t i = 0; protocol->writer_version < FEATURES_VERSION && i < LEGACY; i++)
        if (protocol->writer_version >= legacy[i].writer &&
            protocol->reader_version >= legacy[i].reader)
            names[count++] = sl_str(legacy[i].name);
    put_list(out, "tableFeatures", names, count);
}

static enum sl_code last_modified(void *ctx, int64_t version, int64_t timestamp_ms,
                                  const struct sl_json *info, struct sl_err *err) {
    (void)version, (void)info, (void)err;
    *(int64_t *)ctx = timestamp_ms;
    return SL_OK;
}

static enum sl_code put_detail(const struct sl_table_call *call,
                               const struct sl_delta_snapshot *snapshot, struct sl_buf *out,
                               struct sl_err *err) {
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(snapshot);
    const struct sl_delta_protocol *protocol = sl_delta_snapshot_protocol(snapshot);
    const char *dir = sl_delta_snapshot_dir(snapshot);
    struct total total = {0};
    int64_t modified = -1;
    SL_TRY(sl_delta_snapshot_walk(snapshot,
                                  &(struct sl_delta_walk){.live = add_file, .ctx = &total}, err));
    SL_TRY(sl_delta_history(dir, 1, last_modified, &modified, err));
    char *absolute = realpath(dir, NULL);
    struct sl_str location =
        sl_arena_printf(call->env->query, "file:%s", absolute ? absolute : dir);
    free(absolute);
    sl_buf_put_cstr(out, "{\"format\":\"delta\"");
    put_member(out, "id", metadata->id);
    put_member(out, "name", metadata->name);
    put_member(out, "description", metadata->description);
    put_member(out, "location", location);
    if (metadata->created_ms >= 0)
        sl_buf_printf(out, ",\"createdAt\":%lld", (long long)metadata->created_ms);
    if (modified >= 0) sl_buf_printf(out, ",\"lastModified\":%lld", (long long)modified);
    put_list(out, "partitionColumns", metadata->partition_columns, metadata->partition_count);
    sl_buf_printf(out, ",\"clusteringColumns\":[],\"numFiles\":%llu,\"sizeInBytes\":%llu",
                  (unsigned long long)total.files, (unsigned long long)total.bytes);
    sl_buf_put_cstr(out, ",\"properties\":");
    sl_delta_put_map(out, &metadata->configuration);
    sl_buf_printf(out, ",\"minReaderVersion\":%d,\"minWriterVersion\":%d", protocol->reader_version,
                  protocol->writer_version);
    put_features(out, call->env->query, protocol);
    sl_buf_put_byte(out, '}');
    return SL_OK;
}

static enum sl_code detail(const struct sl_table_call *call, struct sl_report *out,
                           struct sl_err *err) {
    struct sl_delta_snapshot *snapshot;
    struct sl_buf row = {0};
    SL_TRY(sl_delta_table_open(call, &snapshot, err));
    sl_report_init(out, call->env->query, sl_detail_columns);
    enum sl_code code = put_detail(call, snapshot, &row, err);
    if (code == SL_OK) code = sl_report_add_text(out, sl_buf_str(&row), err);
    sl_buf_release(&row);
    sl_delta_snapshot_close(snapshot);
    return code;
}

/* ---- history ---- */

static const char history_columns[] =
    "version BIGINT, timestamp TIMESTAMP, userId STRING, userName STRING, operation STRING, "
    "operationParameters MAP<STRING, STRING>, job STRUCT<jobId: STRING, jobName: STRING, "
    "jobRunId: STRING, runId: STRING, jobOwnerId: STRING, triggerType: STRING>, "
    "notebook STRUCT<notebookId: STRING>, clusterId STRING, readVersion BIGINT, "
    "isolationLevel STRING, isBlindAppend BOOLEAN, operationMetrics MAP<STRING, STRING>, "
    "userMetadata STRING, engineInfo STRING";

/* The commitInfo's members under the names of the columns, version and time in front: what stands
 * first is what counts. */
static enum sl_code tell_commit(void *ctx, int64_t version, int64_t timestamp_ms,
                                const struct sl_json *info, struct sl_err *err) {
    struct sl_report *report = ctx;
    size_t count = info ? info->count : 0;
    char numbers[2][24];
    struct sl_json row = {.kind = SL_JSON_OBJECT, .count = count + 2};
    row.names = sl_xcalloc(count + 2, sizeof *row.names);
    row.items = sl_xcalloc(count + 2, sizeof *row.items);
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)version);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)timestamp_ms);
    for (size_t i = 0; i < 2; i++) {
        row.names[i] = i == 0 ? SL_STR("version") : SL_STR("timestamp");
        row.items[i] = (struct sl_json){.kind = SL_JSON_NUMBER, .text = sl_str(numbers[i])};
    }
    for (size_t i = 0; i < count; i++) {
        row.names[i + 2] = info->names[i];
        row.items[i + 2] = info->items[i];
    }
    enum sl_code code = sl_report_add(report, &row, err);
    free(row.names);
    free(row.items);
    return code;
}

static enum sl_code history(const struct sl_table_call *call, int64_t limit, struct sl_report *out,
                            struct sl_err *err) {
    struct sl_delta_segment segment;
    bool found;
    const char *dir = sl_delta_table_dir(call->env->query, call->path);
    SL_TRY(sl_delta_log_segment(call->env->query, dir, -1, &segment, &found, err));
    if (!found) return no_table(dir, err);
    sl_report_init(out, call->env->query, history_columns);
    return sl_delta_history(dir, limit, tell_commit, out, err);
}

const struct sl_table_ops sl_delta_table_ops = {
    .detail = detail,
    .history = history,
    .files = files,
    .optimize = sl_delta_optimize,
    .vacuum = sl_delta_vacuum,
};
