/* The Delta table as a sink: options, life cycle.  Foreign writers are welcome at any time: every
 * batch begins with the table as it is then. Source: Spark DeltaSink.scala. */
#include "conn/delta/delta_sink.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "conn/delta/delta_merge.h"
#include "conn/delta/delta_sink_int.h"
#include "conn/delta/delta_table.h"
#include "conn/writing.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"
#include "lake/place.h"

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, default_text, doc) {name, SL_OPT_##type, default_text, doc},
#include "conn/delta/delta_sink_options.def"
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", "delta.", NULL};
static const struct sl_option_table option_table = {
    "the Delta sink", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

enum sl_code sl_delta_sink_check(const struct sl_options *options, struct sl_err *err) {
    return sl_options_check(options, &option_table, err);
}

/* ---- options ---- */

/* delta.minReaderVersion and its like would be a promise to readers that nobody keeps. */
static enum sl_code refuse_version(const struct sl_option *option, struct sl_err *err) {
    if (!sl_str_eq_nocase(option->name, SL_STR("delta.minReaderVersion")) &&
        !sl_str_eq_nocase(option->name, SL_STR("delta.minWriterVersion")))
        return SL_OK;
    sl_fail_at(err, option->span, "INVALID_OPTION", "42616",
               "the property `%.*s` cannot be set: a new table gets the lowest protocol that its "
               "features need",
               SL_STR_ARG(option->name));
    return sl_hint(err, "name the features: 'delta.feature.<name>' = 'supported'"), SL_USER;
}

static enum sl_code read_properties(struct sl_delta_sink *sink, struct sl_err *err) {
    const struct sl_options *options = &sink->config.options;
    struct sl_arena *query = sink->env->query;
    sink->properties.items = SL_NEW_ARRAY(query, struct sl_delta_pair, options->count + 1);
    sink->stored.items = SL_NEW_ARRAY(query, struct sl_delta_pair, options->count + 1);
    for (uint32_t i = 0; i < options->count; i++) {
        const struct sl_option *option = &options->items[i];
        if (!sl_str_starts(option->name, SL_STR("delta."))) continue;
        SL_TRY(refuse_version(option, err));
        struct sl_delta_pair pair = {option->name, sl_arena_str(query, option->value)};
        if (!pair.value.ptr) pair.value = SL_STR("");
        sink->properties.items[sink->properties.count++] = pair;
        if (!sl_str_starts(option->name, SL_STR("delta.feature.")))
            sink->stored.items[sink->stored.count++] = pair;
    }
    return SL_OK;
}

/* A view gets its query's columns anyway. */
static void read_merges(struct sl_delta_sink *sink) {
    const struct sl_options *options = &sink->config.options;
    const char *setting =
        sl_conn_setting(sink->env, "spark.databricks.delta.schema.autoMerge.enabled");
    sink->merges = sl_options_find(options, SL_STR("mergeSchema"))
                       ? sl_options_bool(options, &option_table, "mergeSchema")
                       : setting && sl_str_eq_nocase(sl_str(setting), SL_STR("true"));
    sink->merges = sink->merges && sink->streaming;
}

/* ---- the table ---- */

static void forget_layout(struct sl_delta_sink *sink) {
    sl_table_writer_free(sink->writer);
    sink->writer = NULL;
    sink->replaces_metadata = false;
    sl_arena_reset(&sink->layout_arena);
}

static const struct sl_delta_metadata *current_metadata(const struct sl_delta_sink *sink) {
    return sink->snapshot ? sl_delta_snapshot_metadata(sink->snapshot) : &sink->metadata;
}

static enum sl_code describe_new_table(struct sl_delta_sink *sink, struct sl_err *err) {
    struct sl_delta_protocol protocol;
    SL_TRY(sl_place_check_delta(&sink->layout_arena, sl_str(sink->table_dir), err));
    SL_TRY(sl_delta_layout_new_table(&sink->layout_arena, &sink->config, &sink->stored,
                                     &sink->metadata, err));
    sl_delta_protocol_for(&sink->layout_arena, sink->metadata.schema, &sink->properties, &protocol);
    return sl_delta_check_write(&protocol, &sink->metadata, err);
}

static int32_t read_indexed_columns(const struct sl_delta_metadata *metadata) {
    enum { DEFAULT_INDEXED = 32 };
    int64_t value;
    const struct sl_delta_pair *pair =
        sl_delta_map_find(&metadata->configuration, SL_STR("delta.dataSkippingNumIndexedCols"));
    bool valid = pair && pair->value.ptr && sl_str_to_i64(pair->value, &value) && value >= -1 &&
                 value <= INT32_MAX;
    return valid ? (int32_t)value : DEFAULT_INDEXED;
}

static enum sl_code check_features(struct sl_delta_sink *sink, struct sl_err *err) {
    const struct sl_delta_protocol *has = sl_delta_snapshot_protocol(sink->snapshot);
    struct sl_delta_protocol needed;
    sl_delta_protocol_for(&sink->layout_arena, sink->metadata.schema, &sink->metadata.configuration,
                          &needed);
    for (uint32_t i = 0; i < needed.writer_feature_count; i++)
        if (!sl_delta_protocol_has(has, needed.writer_features[i])) {
            sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT", "56038",
                          "the query's columns need the feature %.*s, which the Delta table `%s` "
                          "does not have",
                          SL_STR_ARG(needed.writer_features[i]), sink->table_dir);
            if (!sink->streaming) sl_hint(err, "remove the table, the next run makes it anew");
            return SL_UNSUPPORTED;
        }
    return SL_OK;
}

/* A view is what its query is: the table gets its columns and partitioning together with its rows.
 * Source: Spark WriteIntoDelta.scala, overwriteSchema. */
static enum sl_code replace_columns(struct sl_delta_sink *sink, const struct sl_delta_metadata *was,
                                    struct sl_err *err) {
    struct sl_arena *arena = &sink->layout_arena;
    struct sl_delta_metadata *metadata = &sink->metadata;
    SL_TRY(sl_delta_layout_new_table(arena, &sink->config, &was->configuration, metadata, err));
    metadata->id = was->id;
    metadata->name = was->name;
    metadata->description = was->description;
    metadata->created_ms = was->created_ms;
    SL_TRY(check_features(sink, err));
    sink->replaces_metadata = true;
    return sl_delta_layout_make(arena, sink->table_dir, &sink->config, metadata, false,
                                &sink->layout, err);
}

/* *metadata: the table's, becomes what it is after our commit. */
static enum sl_code merge_columns(struct sl_delta_sink *sink,
                                  const struct sl_delta_metadata **metadata, struct sl_err *err) {
    if (!sink->merges || !sink->snapshot) return SL_OK;
    SL_TRY(sl_delta_merge(&sink->layout_arena, sink->table_dir, sink->config.schema, *metadata,
                          &sink->metadata, &sink->replaces_metadata, err));
    *metadata = &sink->metadata;
    return sink->replaces_metadata ? check_features(sink, err) : SL_OK;
}

/* The query's word, else the table's. */
static uint64_t read_target_size(const struct sl_delta_sink *sink,
                                 const struct sl_delta_metadata *metadata) {
    static const char option[] = "sluice.file.targetSize";
    const struct sl_delta_pair *pair =
        sl_delta_map_find(&metadata->configuration, SL_STR("delta.targetFileSize"));
    int64_t bytes;
    if (!sl_options_find(&sink->config.options, sl_str(option)) && pair && pair->value.ptr &&
        sl_parse_bytes(pair->value, &bytes) && bytes > 0)
        return (uint64_t)bytes;
    return (uint64_t)sl_options_int(&sink->config.options, &option_table, option);
}

/* What the table's metadata of this moment means for our rows.  It lives as long as the snapshot,
 * which keeps what it read. */
static enum sl_code make_layout(struct sl_delta_sink *sink, struct sl_err *err) {
    struct sl_arena *arena = &sink->layout_arena;
    const struct sl_delta_metadata *metadata = current_metadata(sink);
    sink->layout_text = metadata->schema_text.ptr;
    SL_TRY(merge_columns(sink, &metadata, err));
    enum sl_code code = sl_delta_layout_make(arena, sink->table_dir, &sink->config, metadata,
                                             sink->merges, &sink->layout, err);
    if (code == SL_USER && !sink->streaming && sink->snapshot)
        code = replace_columns(sink, metadata, err);
    SL_TRY(code);
    sink->indexed_columns = read_indexed_columns(metadata);
    struct sl_table_writer_config *writing = &sink->writing;
    writing->schema = sink->layout.schema;
    writing->partition_columns = sink->layout.partition_columns;
    writing->partition_count = sink->layout.partition_count;
    writing->file_bytes_target = read_target_size(sink, metadata);
    sink->writer = sl_table_writer_new(writing);
    return SL_OK;
}

enum sl_code sl_delta_sink_follow(struct sl_delta_sink *sink, struct sl_err *err) {
    if (sink->snapshot) return sl_delta_snapshot_update(sink->snapshot, err);
    return sl_delta_snapshot_open(sink->table_dir, -1, sink->env->budget, &sink->snapshot, err);
}

/* The layout for the table of now: made again when a table appeared or its metadata changed. */
static enum sl_code prepare(struct sl_delta_sink *sink, struct sl_err *err) {
    SL_TRY(sl_delta_sink_follow(sink, err));
    if (sink->snapshot)
        SL_TRY(sl_delta_check_write(sl_delta_snapshot_protocol(sink->snapshot),
                                    sl_delta_snapshot_metadata(sink->snapshot), err));
    if (sink->writer && sink->layout_text == current_metadata(sink)->schema_text.ptr) return SL_OK;
    forget_layout(sink);
    if (!sink->snapshot) SL_TRY(describe_new_table(sink, err));
    return make_layout(sink, err);
}

/* ---- what the table demands of rows ---- */

static enum sl_code constraints(struct sl_sink *base, struct sl_arena *arena,
                                struct sl_sink_constraint **out, uint32_t *count,
                                struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    SL_TRY(sl_delta_demands_of(arena, sink->table_dir, current_metadata(sink), sink->config.schema,
                               &sink->told, err));
    sink->has_told = true;
    *out = sink->told.items;
    *count = sink->told.count;
    return SL_OK;
}

enum sl_code sl_delta_sink_check_demands(struct sl_delta_sink *sink, struct sl_err *err) {
    struct sl_delta_demands now;
    SL_TRY(sl_delta_demands_of(&sink->batch, sink->table_dir, current_metadata(sink),
                               sink->config.schema, &now, err));
    return sl_delta_demands_check(sink->table_dir, sink->has_told ? &sink->told : NULL, &now, err);
}

/* ---- life cycle ---- */

static enum sl_code open_table(struct sl_delta_sink *sink, struct sl_err *err) {
    sl_arena_init(&sink->layout_arena, "delta layout");
    sl_arena_init(&sink->batch, "delta batch");
    sink->tidier.env = sink->env;
    sink->tidier.table_dir = sink->table_dir;
    sink->compaction = (struct sl_delta_auto){
        .env = sink->env, .table_dir = sink->table_dir, .options = sink->config.options};
    struct sl_table_writer_config *writing = &sink->writing;
    writing->table_dir = sink->table_dir;
    writing->session = sink->env->session;
    writing->budget = sink->env->budget;
    writing->closed = sl_delta_batch_keep;
    writing->ctx = sink;
    return prepare(sink, err);
}

static void close_sink(struct sl_sink *base) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    sl_delta_auto_end(&sink->compaction);
    sl_delta_tidier_end(&sink->tidier);
    sl_table_writer_free(sink->writer);
    sl_delta_snapshot_close(sink->snapshot);
    sl_arena_release(&sink->layout_arena);
    sl_arena_release(&sink->batch);
}

enum sl_code sl_delta_sink_open(const struct sl_conn_env *env, const struct sl_sink_config *config,
                                struct sl_sink **out, struct sl_err *err) {
    struct sl_delta_sink *sink = SL_NEW(env->query, struct sl_delta_sink);
    sink->base.ops = &sl_delta_sink_ops;
    sink->env = env;
    sink->config = *config;
    sink->streaming = env->checkpoint_dir.len > 0;
    SL_TRY(sl_writing_table_dir(env, config, &sink->table_dir, err));
    SL_TRY(sl_options_check(&config->options, &option_table, err));
    SL_TRY(sl_writing_read(env, &config->options, &option_table, &sink->writing, err));
    SL_TRY(read_properties(sink, err));
    read_merges(sink);
    sink->description = sl_arena_printf(env->query, "DeltaSink[%s]", sink->table_dir);
    enum sl_code code = open_table(sink, err);
    if (code != SL_OK) {
        close_sink(&sink->base);
        return code;
    }
    *out = &sink->base;
    return SL_OK;
}

static struct sl_str description(const struct sl_sink *sink) {
    return ((const struct sl_delta_sink *)sink)->description;
}

static enum sl_code begin(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                          uint32_t tasks, struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    uint64_t seed, unused;
    sink->batch_id = batch_id;
    sink->offsets_hash = offsets_hash;
    sl_delta_batch_clear(sink);
    SL_TRY(prepare(sink, err));
    SL_TRY(sl_delta_sink_check_demands(sink, err));
    SL_TRY(sl_io_make_dirs(sink->table_dir, err));
    sl_random_system(&seed, &unused);
    sl_table_writer_begin(sink->writer, batch_id, seed, sl_writing_task_bytes(sink->env, tasks));
    return SL_OK;
}

const struct sl_sink_ops sl_delta_sink_ops = {
    .name = "delta",
    .description = description,
    .recover = sl_delta_recover,
    .is_committed = sl_delta_is_committed,
    .begin = begin,
    .writer_open = sl_delta_task_open,
    .write = sl_delta_task_write,
    .writer_close = sl_delta_task_close,
    .writer_abort = sl_delta_task_abort,
    .commit = sl_delta_batch_commit,
    .abort = sl_delta_batch_abort,
    .close = close_sink,
    .constraints = constraints,
    .create = sl_delta_sink_create,
};
