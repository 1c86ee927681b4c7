/* Source: PROTOCOL.md "Table Features", "Valid Feature Names"; Spark TableFeature.scala. */
#include "lake/delta/feature.h"

#include "lake/delta/delta_error.h"

enum { READER_VERSION_MAX = 3, WRITER_VERSION_MAX = 7 };
enum feature_kind { BOTH, WRITER };

static const struct feature {
    const char *name;
    bool reads, writes;
    int reader, writer;
    enum feature_kind kind;
    const char *property;
} features[] = {
#define YES true
#define NO false
#define FEATURE(name, reads, writes, reader, writer, kind, property)                               \
    {name, reads, writes, reader, writer, kind, property},
#include "lake/delta/feature.def"
#undef YES
#undef NO
};
enum { FEATURE_COUNT = sizeof features / sizeof *features };

/* -1: a feature we never heard of. */
static int find_feature(struct sl_str name) {
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (sl_str_eq(name, sl_str(features[i].name))) return i;
    return -1;
}

static bool is_listed(const struct sl_str *list, uint32_t count, struct sl_str name) {
    for (uint32_t i = 0; i < count; i++)
        if (sl_str_eq(list[i], name)) return true;
    return false;
}

bool sl_delta_protocol_has(const struct sl_delta_protocol *protocol, struct sl_str name) {
    if (protocol->writer_version >= WRITER_VERSION_MAX)
        return is_listed(protocol->writer_features, protocol->writer_feature_count, name);
    int i = find_feature(name);
    return i >= 0 && features[i].writer && features[i].writer <= protocol->writer_version;
}

/* ---- refusals ---- */

static enum sl_code bad_version(const struct sl_delta_protocol *protocol, struct sl_err *err) {
    sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_INVALID_PROTOCOL_VERSION", "KD004",
                  "the Delta table needs a reader of version %d and a writer of version %d; sluice "
                  "has versions %d and %d",
                  protocol->reader_version, protocol->writer_version, READER_VERSION_MAX,
                  WRITER_VERSION_MAX);
    return SL_UNSUPPORTED;
}

/* Appends the names of those in the list that we lack. */
static void put_lacking(struct sl_buf *out, const struct sl_str *list, uint32_t count,
                        bool to_write) {
    for (uint32_t i = 0; i < count; i++) {
        int at = find_feature(list[i]);
        if (at >= 0 && (to_write ? features[at].writes : features[at].reads)) continue;
        if (out->len) sl_buf_put_cstr(out, ", ");
        sl_buf_put_str(out, list[i]);
    }
}

static enum sl_code refuse(struct sl_buf *lacking, bool to_write, struct sl_err *err) {
    enum sl_code code = SL_OK;
    if (lacking->len) {
        code = sl_delta_fail(err, SL_UNSUPPORTED,
                             to_write ? "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE"
                                      : "DELTA_UNSUPPORTED_FEATURES_FOR_READ",
                             "56038", "the Delta table has features that sluice does not %s: %s",
                             to_write ? "write" : "read", sl_buf_cstr(lacking));
    }
    sl_buf_release(lacking);
    return code;
}

/* The error of the schema text that action.c could not read. */
static enum sl_code refuse_schema(const struct sl_delta_metadata *metadata, struct sl_err *err) {
    struct sl_arena arena;
    const struct sl_type *type;
    sl_arena_init(&arena, "schema");
    enum sl_code code = sl_type_parse_json(&arena, metadata->schema_text, &type, err);
    sl_arena_release(&arena);
    if (code == SL_OK) return sl_fail(err, SL_DATA, "the schema of the Delta table is no struct");
    if (err) err->code = SL_UNSUPPORTED;
    sl_context(err, "schema of the Delta table");
    return SL_UNSUPPORTED;
}

enum sl_code sl_delta_check_read(const struct sl_delta_protocol *protocol,
                                 const struct sl_delta_metadata *metadata, struct sl_err *err) {
    struct sl_buf lacking = {0};
    if (protocol->reader_version < 1 || protocol->reader_version > READER_VERSION_MAX)
        return bad_version(protocol, err);
    if (protocol->reader_version >= READER_VERSION_MAX)
        put_lacking(&lacking, protocol->reader_features, protocol->reader_feature_count, false);
    SL_TRY(refuse(&lacking, false, err));
    return metadata->schema ? SL_OK : refuse_schema(metadata, err);
}

/* ---- what columns ask for ---- */

/* What a column's metadata makes of it. */
static const struct {
    const char *key, *feature;
    bool writes;
    const char *what;
} column_marks[] = {
    {"delta.generationExpression", "generatedColumns", false, "a generated column"},
    {"delta.identity.start", "identityColumns", false, "an identity column"},
    {"CURRENT_DEFAULT", "allowColumnDefaults", false, "a column with a default"},
    {"delta.invariants", "invariants", true, "a column with an invariant"},
};
enum { MARK_COUNT = sizeof column_marks / sizeof *column_marks };

typedef void (*mark_fn)(void *ctx, int mark, struct sl_str column);

static void marks_of(const struct sl_field *field, mark_fn each, void *ctx) {
    struct sl_arena arena;
    struct sl_json metadata;
    if (field->metadata.len == 0) return;
    sl_arena_init(&arena, "column metadata");
    if (sl_json_parse(&arena, field->metadata, &metadata, NULL) == SL_OK)
        for (int i = 0; i < MARK_COUNT; i++)
            if (sl_json_get(&metadata, sl_str(column_marks[i].key))) each(ctx, i, field->name);
    sl_arena_release(&arena);
}

/* Types are at most 100 deep: col/ddl_json.c. */
static void walk_marks(const struct sl_type *type, mark_fn each, void *ctx) {
    for (uint32_t i = 0; i < type->field_count; i++) {
        marks_of(&type->fields[i], each, ctx);
        walk_marks(type->fields[i].type, each, ctx);
    }
}

static void put_refused_column(void *ctx, int mark, struct sl_str column) {
    struct sl_buf *out = ctx;
    if (column_marks[mark].writes) return;
    if (out->len) sl_buf_put_cstr(out, ", ");
    sl_buf_printf(out, "%s (%s `%.*s`)", column_marks[mark].feature, column_marks[mark].what,
                  SL_STR_ARG(column));
}

static bool has_setting(const struct sl_delta_map *configuration, const char *name,
                        const char *value) {
    const struct sl_delta_pair *pair = sl_delta_map_find(configuration, sl_str(name));
    return pair && sl_str_eq_nocase(pair->value, sl_str(value));
}

static bool maps_columns(const struct sl_delta_map *configuration) {
    return has_setting(configuration, "delta.columnMapping.mode", "name") ||
           has_setting(configuration, "delta.columnMapping.mode", "id");
}

enum sl_code sl_delta_check_write(const struct sl_delta_protocol *protocol,
                                  const struct sl_delta_metadata *metadata, struct sl_err *err) {
    struct sl_buf lacking = {0};
    SL_TRY(sl_delta_check_read(protocol, metadata, err));
    if (protocol->writer_version < 1 || protocol->writer_version > WRITER_VERSION_MAX)
        return bad_version(protocol, err);
    if (protocol->writer_version >= WRITER_VERSION_MAX)
        put_lacking(&lacking, protocol->writer_features, protocol->writer_feature_count, true);
    if (maps_columns(&metadata->configuration))
        sl_buf_printf(&lacking, "%scolumnMapping (delta.columnMapping.mode is on)",
                      lacking.len ? ", " : "");
    walk_marks(metadata->schema, put_refused_column, &lacking);
    return refuse(&lacking, true, err);
}

/* ---- the protocol of a new table ---- */

static void want(bool *wanted, const char *name) { wanted[find_feature(sl_str(name))] = true; }

static void want_mark(void *ctx, int mark, struct sl_str column) {
    (void)column;
    want(ctx, column_marks[mark].feature);
}

static bool has_ntz(const struct sl_type *type) {
    if (type->kind == SL_TIMESTAMP_NTZ_KIND) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_ntz(type->fields[i].type)) return true;
    return false;
}

static void want_settings(bool *wanted, const struct sl_delta_map *configuration) {
    struct sl_str constraint = SL_STR("delta.constraints."), feature = SL_STR("delta.feature.");
    for (uint32_t i = 0; i < configuration->count; i++) {
        struct sl_str name = configuration->items[i].name;
        if (sl_str_starts(name, constraint)) want(wanted, "checkConstraints");
        if (!sl_str_starts(name, feature)) continue;
        int at = find_feature(sl_str_sub(name, feature.len, name.len));
        if (at >= 0) wanted[at] = true;
    }
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!features[i].property) continue;
        struct sl_str property = sl_str(features[i].property);
        size_t equals = sl_str_find(property, SL_STR("="), 0);
        const struct sl_delta_pair *pair =
            sl_delta_map_find(configuration, sl_str_sub(property, 0, equals));
        if (pair && sl_str_eq_nocase(pair->value, sl_str_sub(property, equals + 1, property.len)))
            wanted[i] = true;
    }
    if (maps_columns(configuration)) want(wanted, "columnMapping");
}

static struct sl_str *list_wanted(struct sl_arena *arena, const bool *wanted, bool readers_only,
                                  uint32_t *count) {
    struct sl_str *list = SL_NEW_ARRAY(arena, struct sl_str, FEATURE_COUNT);
    *count = 0;
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (wanted[i] && (!readers_only || features[i].kind == BOTH))
            list[(*count)++] = sl_str(features[i].name);
    return list;
}

/* From (.., 7) on everything is listed; what (1, 2) has by itself is listed too, as Spark does. */
static void list_features(struct sl_arena *arena, bool *wanted, struct sl_delta_protocol *out) {
    want(wanted, "appendOnly");
    want(wanted, "invariants");
    out->writer_version = WRITER_VERSION_MAX;
    out->writer_features = list_wanted(arena, wanted, false, &out->writer_feature_count);
    if (out->reader_version == READER_VERSION_MAX)
        out->reader_features = list_wanted(arena, wanted, true, &out->reader_feature_count);
}

void sl_delta_protocol_for(struct sl_arena *arena, const struct sl_type *schema,
                           const struct sl_delta_map *configuration,
                           struct sl_delta_protocol *out) {
    bool wanted[FEATURE_COUNT] = {0};
    bool listed = false;
    *out = (struct sl_delta_protocol){.reader_version = 1, .writer_version = 2};
    want_settings(wanted, configuration);
    walk_marks(schema, want_mark, wanted);
    if (has_ntz(schema)) want(wanted, "timestampNtz");
    if (wanted[find_feature(SL_STR("rowTracking"))] || wanted[find_feature(SL_STR("clustering"))])
        want(wanted, "domainMetadata");
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!wanted[i]) continue;
        int reader = features[i].reader;
        if (reader == 0) reader = features[i].kind == BOTH ? READER_VERSION_MAX : 1;
        if (reader > out->reader_version) out->reader_version = reader;
        if (features[i].writer > out->writer_version) out->writer_version = features[i].writer;
        if (features[i].writer == 0) listed = true;
    }
    if (listed) list_features(arena, wanted, out);
}
