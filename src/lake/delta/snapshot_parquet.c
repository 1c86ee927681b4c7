/* Rows of a Parquet checkpoint as actions.  Each action is a nullable struct column; columns are
 * found by name, missing ones are absent members, integers may have any width. */
#include <stdlib.h>

#include "fmt/parquet/parquet_read.h"
#include "lake/delta/snapshot_int.h"

enum { ROWS_MAX = 4096 };

/* Members that are read, of all actions; those of one column are looked up once. */
enum member {
    PATH,
    PARTITION_VALUES,
    SIZE,
    SIZE_IN_BYTES,
    MODIFICATION_TIME,
    DELETION_TIMESTAMP,
    DATA_CHANGE,
    EXTENDED_FILE_METADATA,
    STATS,
    STATS_PARSED,
    TAGS,
    DELETION_VECTOR,
    BASE_ROW_ID,
    DEFAULT_ROW_COMMIT_VERSION,
    CLUSTERING_PROVIDER,
    STORAGE_TYPE,
    PATH_OR_INLINE,
    OFFSET,
    CARDINALITY,
    APP_ID,
    VERSION,
    LAST_UPDATED,
    ID,
    NAME,
    DESCRIPTION,
    FORMAT,
    PROVIDER,
    SCHEMA_STRING,
    PARTITION_COLUMNS,
    CONFIGURATION,
    CREATED_TIME,
    MIN_READER_VERSION,
    MIN_WRITER_VERSION,
    READER_FEATURES,
    WRITER_FEATURES,
    DOMAIN,
    REMOVED,
    MEMBER_COUNT
};
static const char *const member_names[MEMBER_COUNT] = {
    [PATH] = "path",
    [PARTITION_VALUES] = "partitionValues",
    [SIZE] = "size",
    [SIZE_IN_BYTES] = "sizeInBytes",
    [MODIFICATION_TIME] = "modificationTime",
    [DELETION_TIMESTAMP] = "deletionTimestamp",
    [DATA_CHANGE] = "dataChange",
    [EXTENDED_FILE_METADATA] = "extendedFileMetadata",
    [STATS] = "stats",
    [STATS_PARSED] = "stats_parsed",
    [TAGS] = "tags",
    [DELETION_VECTOR] = "deletionVector",
    [BASE_ROW_ID] = "baseRowId",
    [DEFAULT_ROW_COMMIT_VERSION] = "defaultRowCommitVersion",
    [CLUSTERING_PROVIDER] = "clusteringProvider",
    [STORAGE_TYPE] = "storageType",
    [PATH_OR_INLINE] = "pathOrInlineDv",
    [OFFSET] = "offset",
    [CARDINALITY] = "cardinality",
    [APP_ID] = "appId",
    [VERSION] = "version",
    [LAST_UPDATED] = "lastUpdated",
    [ID] = "id",
    [NAME] = "name",
    [DESCRIPTION] = "description",
    [FORMAT] = "format",
    [PROVIDER] = "provider",
    [SCHEMA_STRING] = "schemaString",
    [PARTITION_COLUMNS] = "partitionColumns",
    [CONFIGURATION] = "configuration",
    [CREATED_TIME] = "createdTime",
    [MIN_READER_VERSION] = "minReaderVersion",
    [MIN_WRITER_VERSION] = "minWriterVersion",
    [READER_FEATURES] = "readerFeatures",
    [WRITER_FEATURES] = "writerFeatures",
    [DOMAIN] = "domain",
    [REMOVED] = "removed",
};

/* One struct vector with its members by number; NULL where it has none. */
struct record {
    const struct sl_vec *vec;
    const struct sl_vec *members[MEMBER_COUNT];
};

static void bind_record(struct record *record, const struct sl_vec *vec) {
    *record = (struct record){.vec = vec};
    for (uint32_t i = 0; i < vec->type->field_count; i++)
        for (int m = 0; m < MEMBER_COUNT; m++)
            if (sl_str_eq(vec->type->fields[i].name, sl_str(member_names[m])))
                record->members[m] = &vec->children[i];
}

/* A struct member of a record, as a record; all absent when it is no struct. */
static void bind_member(struct record *record, const struct record *parent, enum member member) {
    const struct sl_vec *vec = parent->members[member];
    *record = (struct record){0};
    if (vec && vec->type->kind == SL_STRUCT_KIND) bind_record(record, vec);
}

static const struct sl_vec *valid(const struct record *record, enum member member, uint32_t row) {
    const struct sl_vec *vec = record->members[member];
    return vec && !sl_vec_is_null(vec, row) ? vec : NULL;
}

static struct sl_str str_at(const struct sl_vec *vec, uint32_t row) {
    struct sl_str text = sl_vec_str(vec, row);
    return text.ptr ? text : SL_STR("");
}

static struct sl_str get_str(const struct record *record, enum member member, uint32_t row) {
    const struct sl_vec *vec = valid(record, member, row);
    return vec && sl_type_is_bytes(vec->type) ? str_at(vec, row) : (struct sl_str){0};
}

static int64_t get_i64(const struct record *record, enum member member, uint32_t row) {
    const struct sl_vec *vec = valid(record, member, row);
    if (!vec) return -1;
    switch (vec->type->kind) {
    case SL_BYTE_KIND:
        return vec->i8[row];
    case SL_SHORT_KIND:
        return vec->i16[row];
    case SL_INT_KIND:
        return vec->i32[row];
    case SL_LONG_KIND:
        return vec->i64[row];
    default:
        return -1;
    }
}

static bool get_bool(const struct record *record, enum member member, uint32_t row) {
    const struct sl_vec *vec = valid(record, member, row);
    return vec && vec->type->kind == SL_BOOL_KIND && sl_bit_get(vec->bits, row);
}

static struct sl_delta_map get_map(struct sl_arena *arena, const struct record *record,
                                   enum member member, uint32_t row) {
    struct sl_delta_map map = {0};
    const struct sl_vec *vec = valid(record, member, row);
    if (!vec || vec->type->kind != SL_MAP_KIND || !sl_type_is_bytes(vec->children[0].type) ||
        !sl_type_is_bytes(vec->children[1].type))
        return map;
    uint32_t begin = (uint32_t)vec->offsets[row], end = (uint32_t)vec->offsets[row + 1];
    if (begin == end) return map;
    map.items = SL_NEW_ARRAY(arena, struct sl_delta_pair, end - begin);
    for (uint32_t i = begin; i < end; i++) {
        struct sl_delta_pair *pair = &map.items[map.count++];
        *pair = (struct sl_delta_pair){.name = str_at(&vec->children[0], i)};
        if (!sl_vec_is_null(&vec->children[1], i)) pair->value = str_at(&vec->children[1], i);
    }
    return map;
}

static struct sl_str *get_list(struct sl_arena *arena, const struct record *record,
                               enum member member, uint32_t row, uint32_t *count) {
    const struct sl_vec *vec = valid(record, member, row);
    *count = 0;
    if (!vec || vec->type->kind != SL_ARRAY_KIND || !sl_type_is_bytes(vec->children[0].type))
        return NULL;
    uint32_t begin = (uint32_t)vec->offsets[row], end = (uint32_t)vec->offsets[row + 1];
    struct sl_str *list = SL_NEW_ARRAY(arena, struct sl_str, end - begin);
    for (uint32_t i = begin; i < end; i++)
        if (!sl_vec_is_null(&vec->children[0], i)) list[(*count)++] = str_at(&vec->children[0], i);
    return list;
}

/* ---- the actions ---- */

struct column {
    enum sl_delta_kind kind;
    struct sl_vec vec;
    struct record record, inner; /* inner: deletionVector, or format */
};

static enum sl_code lacks(const char *action, enum member member, struct sl_err *err) {
    return sl_fail(err, SL_DATA, "action `%s`: `%s` is missing", action, member_names[member]);
}

static struct sl_delta_vector get_vector(const struct column *c, uint32_t row) {
    struct sl_str storage = get_str(&c->inner, STORAGE_TYPE, row);
    if (storage.len != 1) return (struct sl_delta_vector){.offset = -1};
    return (struct sl_delta_vector){
        .storage = storage.ptr[0],
        .path_or_inline = get_str(&c->inner, PATH_OR_INLINE, row),
        .offset = get_i64(&c->inner, OFFSET, row),
        .bytes = get_i64(&c->inner, SIZE_IN_BYTES, row),
        .cardinality = get_i64(&c->inner, CARDINALITY, row),
    };
}

/* Tables with delta.checkpoint.writeStatsAsJson = false have the parsed form only. */
static struct sl_str get_stats(struct sl_arena *arena, const struct record *r, uint32_t row) {
    struct sl_str stats = get_str(r, STATS, row);
    const struct sl_vec *parsed = valid(r, STATS_PARSED, row);
    if (stats.ptr || !parsed || parsed->type->kind != SL_STRUCT_KIND) return stats;
    struct sl_buf text = {0};
    sl_delta_stats_from_row(&text, parsed, row);
    stats = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return stats;
}

static enum sl_code get_file(struct sl_arena *arena, const struct column *c, uint32_t row,
                             struct sl_delta_file *out, struct sl_err *err) {
    const struct record *r = &c->record;
    bool is_remove = c->kind == SL_DELTA_REMOVE;
    *out = (struct sl_delta_file){
        .path = get_str(r, PATH, row),
        .partition_values = get_map(arena, r, PARTITION_VALUES, row),
        .bytes = get_i64(r, SIZE, row),
        .modified_ms = get_i64(r, is_remove ? DELETION_TIMESTAMP : MODIFICATION_TIME, row),
        .data_change = get_bool(r, DATA_CHANGE, row),
        .extended_metadata = get_bool(r, EXTENDED_FILE_METADATA, row),
        .stats = get_stats(arena, r, row),
        .tags = get_map(arena, r, TAGS, row),
        .vector = get_vector(c, row),
        .base_row_id = get_i64(r, BASE_ROW_ID, row),
        .default_row_version = get_i64(r, DEFAULT_ROW_COMMIT_VERSION, row),
        .clustering_provider = get_str(r, CLUSTERING_PROVIDER, row),
    };
    if (out->path.len == 0) return lacks(is_remove ? "remove" : "add", PATH, err);
    return SL_OK;
}

static enum sl_code get_metadata(struct sl_arena *arena, const struct column *c, uint32_t row,
                                 struct sl_delta_metadata *out, struct sl_err *err) {
    const struct record *r = &c->record;
    struct sl_str provider = get_str(&c->inner, PROVIDER, row);
    *out = (struct sl_delta_metadata){
        .id = get_str(r, ID, row),
        .name = get_str(r, NAME, row),
        .description = get_str(r, DESCRIPTION, row),
        .schema_text = get_str(r, SCHEMA_STRING, row),
        .configuration = get_map(arena, r, CONFIGURATION, row),
        .created_ms = get_i64(r, CREATED_TIME, row),
    };
    out->partition_columns = get_list(arena, r, PARTITION_COLUMNS, row, &out->partition_count);
    if (provider.ptr && !sl_str_eq(provider, SL_STR("parquet")))
        return sl_fail(err, SL_DATA, "action `metaData`: `format` is another than parquet");
    return SL_OK;
}

static enum sl_code get_protocol(struct sl_arena *arena, const struct column *c, uint32_t row,
                                 struct sl_delta_protocol *out, struct sl_err *err) {
    const struct record *r = &c->record;
    int64_t reader = get_i64(r, MIN_READER_VERSION, row);
    int64_t writer = get_i64(r, MIN_WRITER_VERSION, row);
    if (reader < 0 || reader > INT32_MAX) return lacks("protocol", MIN_READER_VERSION, err);
    if (writer < 0 || writer > INT32_MAX) return lacks("protocol", MIN_WRITER_VERSION, err);
    *out = (struct sl_delta_protocol){.reader_version = (int)reader, .writer_version = (int)writer};
    out->reader_features = get_list(arena, r, READER_FEATURES, row, &out->reader_feature_count);
    out->writer_features = get_list(arena, r, WRITER_FEATURES, row, &out->writer_feature_count);
    return SL_OK;
}

static enum sl_code get_action(struct sl_arena *arena, const struct column *c, uint32_t row,
                               struct sl_delta_action *out, struct sl_err *err) {
    const struct record *r = &c->record;
    out->kind = c->kind;
    switch (c->kind) {
    case SL_DELTA_ADD:
    case SL_DELTA_REMOVE:
        return get_file(arena, c, row, &out->file, err);
    case SL_DELTA_METADATA:
        return get_metadata(arena, c, row, &out->metadata, err);
    case SL_DELTA_PROTOCOL:
        return get_protocol(arena, c, row, &out->protocol, err);
    case SL_DELTA_TXN:
        out->txn = (struct sl_delta_txn){get_str(r, APP_ID, row), get_i64(r, VERSION, row),
                                         get_i64(r, LAST_UPDATED, row)};
        return out->txn.app_id.ptr ? SL_OK : lacks("txn", APP_ID, err);
    case SL_DELTA_DOMAIN:
        out->domain = (struct sl_delta_domain){
            get_str(r, DOMAIN, row), get_str(r, CONFIGURATION, row), get_bool(r, REMOVED, row)};
        return out->domain.domain.ptr ? SL_OK : lacks("domainMetadata", DOMAIN, err);
    default:
        out->sidecar =
            (struct sl_delta_sidecar){get_str(r, PATH, row), get_i64(r, SIZE_IN_BYTES, row)};
        return out->sidecar.path.ptr ? SL_OK : lacks("sidecar", PATH, err);
    }
}

/* ---- the file ---- */

static const struct {
    const char *name;
    enum sl_delta_kind kind;
    unsigned wanted;
} column_kinds[] = {
    {"protocol", SL_DELTA_PROTOCOL, SL_DELTA_WANT_STATE},
    {"metaData", SL_DELTA_METADATA, SL_DELTA_WANT_STATE},
    {"txn", SL_DELTA_TXN, SL_DELTA_WANT_STATE},
    {"domainMetadata", SL_DELTA_DOMAIN, SL_DELTA_WANT_STATE},
    {"add", SL_DELTA_ADD, SL_DELTA_WANT_ADDS},
    {"remove", SL_DELTA_REMOVE, SL_DELTA_WANT_REMOVES},
    {"sidecar", SL_DELTA_SIDECAR, SL_DELTA_WANT_SIDECARS},
};
enum { COLUMN_MAX = sizeof column_kinds / sizeof *column_kinds };

struct checkpoint {
    struct sl_file_reader *file;
    struct sl_parquet_reader *parquet;
    struct sl_budget *budget;
    struct sl_arena scratch;
    struct column columns[COLUMN_MAX];
    uint32_t indexes[COLUMN_MAX];
    uint32_t count;
    size_t charged;
};

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

static void choose_columns(struct checkpoint *c, unsigned wanted) {
    const struct sl_type *schema = sl_parquet_reader_schema(c->parquet);
    for (size_t k = 0; k < COLUMN_MAX; k++) {
        if (!(column_kinds[k].wanted & wanted)) continue;
        for (uint32_t i = 0; i < schema->field_count; i++) {
            if (!sl_str_eq(schema->fields[i].name, sl_str(column_kinds[k].name)) ||
                schema->fields[i].type->kind != SL_STRUCT_KIND)
                continue;
            struct column *column = &c->columns[c->count];
            column->kind = column_kinds[k].kind;
            sl_vec_init(&column->vec, schema->fields[i].type);
            bind_record(&column->record, &column->vec);
            bind_member(&column->inner, &column->record,
                        column->kind == SL_DELTA_METADATA ? FORMAT : DELETION_VECTOR);
            c->indexes[c->count++] = i;
            break;
        }
    }
}

static enum sl_code replay_rows(struct checkpoint *c, uint32_t rows, sl_delta_action_fn each,
                                void *ctx, struct sl_err *err) {
    struct sl_delta_action action;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct column *column = &c->columns[i];
        for (uint32_t row = 0; row < rows; row++) {
            if (sl_vec_is_null(&column->vec, row)) continue;
            sl_arena_reset(&c->scratch);
            SL_TRY(get_action(&c->scratch, column, row, &action, err));
            SL_TRY(each(ctx, &action, err));
        }
    }
    return SL_OK;
}

/* The vectors' memory is known only after they were filled; it is bounded by the reader's batch. */
static enum sl_code charge(struct checkpoint *c, const struct sl_vec *out, struct sl_err *err) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < c->count; i++) bytes += sl_vec_owned_bytes(&out[i]);
    if (bytes <= c->charged) return SL_OK;
    SL_TRY(sl_budget_take(c->budget, bytes - c->charged, "rows of a Delta checkpoint", err));
    c->charged = bytes;
    return SL_OK;
}

static enum sl_code replay_all(struct checkpoint *c, sl_delta_action_fn each, void *ctx,
                               struct sl_err *err) {
    struct sl_vec out[COLUMN_MAX];
    if (c->count == 0) return SL_OK;
    SL_TRY(sl_parquet_reader_start(c->parquet, c->indexes, c->count, NULL, NULL, err));
    for (uint32_t rows = 1; rows;) {
        /* the reader wants them side by side; children, to which the records point, do not move */
        for (uint32_t i = 0; i < c->count; i++) out[i] = c->columns[i].vec;
        enum sl_code code = sl_parquet_reader_next(c->parquet, ROWS_MAX, out, &rows, err);
        for (uint32_t i = 0; i < c->count; i++) c->columns[i].vec = out[i];
        if (code != SL_OK) return code;
        SL_TRY(charge(c, out, err));
        SL_TRY(replay_rows(c, rows, each, ctx, err));
    }
    return SL_OK;
}

enum sl_code sl_delta_replay_parquet(const char *path, unsigned wanted, struct sl_budget *budget,
                                     sl_delta_action_fn each, void *ctx, struct sl_err *err) {
    struct checkpoint c = {.budget = budget};
    sl_arena_init(&c.scratch, "checkpoint");
    enum sl_code code = sl_file_reader_open(path, &c.file, err);
    if (code == SL_OK)
        code = sl_parquet_reader_open(read_bytes, c.file, sl_file_reader_bytes(c.file), budget,
                                      &c.parquet, err);
    if (code == SL_OK) {
        choose_columns(&c, wanted);
        code = replay_all(&c, each, ctx, err);
    }
    for (uint32_t i = 0; i < c.count; i++) sl_vec_release(&c.columns[i].vec);
    sl_budget_give(budget, c.charged);
    sl_parquet_reader_close(c.parquet);
    sl_file_reader_close(c.file);
    sl_arena_release(&c.scratch);
    return code;
}
