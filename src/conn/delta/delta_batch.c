/* A batch becomes a version of the table.
 *
 *   data files under final, random names, durable; their directories synced
 *   _delta_log/<version>.json        the commit point: txn(query id, batch), the files
 *   checkpoint, clean-up             hints, in the background
 *
 * In front of the commit point nothing is visible: a crash leaves files that no version names,
 * which VACUUM removes. Behind it there is nothing to do.  Source: Spark DeltaSink.scala. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/delta/delta_add.h"
#include "conn/delta/delta_info.h"
#include "conn/delta/delta_merge.h"
#include "conn/delta/delta_sink_int.h"
#include "lake/delta/checkpoint.h"
#include "lake/delta/delta_error.h"
#include "lake/delta/feature.h"
#include "lake/delta/value.h"

static const char *below(const struct sl_delta_sink *sink, struct sl_arena *arena,
                         const char *relative) {
    return sl_path_join(arena, sink->table_dir, relative);
}

/* ---- the files ---- */

void sl_delta_batch_clear(struct sl_delta_sink *sink) {
    sl_arena_reset(&sink->batch);
    sink->adds = NULL;
    sink->names = NULL;
    sink->add_count = sink->add_cap = 0;
    sink->rows = sink->bytes = 0;
    sink->may_be_visible = false;
}

static struct sl_delta_map put_partition(struct sl_delta_sink *sink,
                                         const struct sl_data_file *file) {
    const struct sl_delta_layout *layout = &sink->layout;
    struct sl_delta_map map = {
        SL_NEW_ARRAY(&sink->batch, struct sl_delta_pair, layout->partition_count + 1),
        layout->partition_count};
    struct sl_buf text = {0};
    for (uint32_t i = 0; i < map.count; i++) {
        map.items[i].name = layout->schema->fields[layout->partition_columns[i]].name;
        sl_buf_clear(&text);
        if (sl_delta_value_put(&text, file->keys[i], file->key_row))
            map.items[i].value = sl_arena_str(&sink->batch, sl_buf_str(&text));
    }
    sl_buf_release(&text);
    return map;
}

static void reserve_file(struct sl_delta_sink *sink) {
    if (sink->add_count < sink->add_cap) return;
    size_t cap = sink->add_cap ? sink->add_cap * 2 : 16;
    sink->adds = sl_arena_grow(&sink->batch, sink->adds, sink->add_cap * sizeof *sink->adds,
                               cap * sizeof *sink->adds);
    sink->names = sl_arena_grow(&sink->batch, sink->names, sink->add_cap * sizeof *sink->names,
                                cap * sizeof *sink->names);
    sink->add_cap = cap;
}

enum sl_code sl_delta_batch_keep(void *ctx, const struct sl_data_file *file, struct sl_err *err) {
    struct sl_delta_sink *sink = ctx;
    const struct sl_delta_add_maker maker = {.table_dir = sink->table_dir,
                                             .file_schema =
                                                 sl_table_writer_file_schema(sink->writer, NULL),
                                             .indexed_columns = sink->indexed_columns,
                                             .data_change = true};
    reserve_file(sink);
    size_t at = sink->add_count++;
    sink->names[at] = sl_arena_cstr(&sink->batch, sl_str(file->final));
    sink->rows += file->rows;
    sink->bytes += file->bytes;
    return sl_delta_add_make(&maker, file, put_partition(sink, file), &sink->batch, &sink->adds[at],
                             err);
}

static enum sl_code sync_files(struct sl_delta_sink *sink, uint64_t *partitions,
                               struct sl_err *err) {
    struct sl_str *dirs = SL_NEW_ARRAY(&sink->batch, struct sl_str, sink->add_count + 1);
    for (size_t i = 0; i < sink->add_count; i++) dirs[i] = sl_str(sink->names[i]);
    *partitions = sl_path_parents(dirs, sink->add_count);
    return sl_io_sync_dirs(sink->table_dir, dirs, *partitions, err);
}

/* ---- what the commit says ---- */

struct said {
    struct sl_delta_info parameters, metrics;
    struct sl_delta_pair tag;
    struct sl_delta_txn txn;
};

static void say_stream(struct sl_delta_sink *sink, struct said *said,
                       struct sl_delta_commit *commit) {
    bool complete = sink->config.mode == SL_MODE_COMPLETE;
    sl_delta_info_put(&said->parameters, "outputMode",
                      complete ? SL_STR("Complete") : SL_STR("Append"));
    sl_delta_info_put(&said->parameters, "queryId", sink->env->query_id);
    sl_delta_info_put_count(&said->parameters, "epochId", (uint64_t)sink->batch_id);
    said->tag = (struct sl_delta_pair){
        SL_STR(SL_DELTA_HASH_TAG),
        sl_arena_printf(&sink->batch, "%016llx", (unsigned long long)sink->offsets_hash)};
    said->txn =
        (struct sl_delta_txn){sink->env->query_id, sink->batch_id, sl_clock_wall_us() / 1000};
    commit->info.operation = SL_STR("STREAMING UPDATE");
    commit->info.tags = (struct sl_delta_map){&said->tag, 1};
    commit->txn = &said->txn;
    commit->scope = complete ? SL_DELTA_WHOLE_TABLE : SL_DELTA_BLIND;
}

static void put_partitions(struct sl_delta_sink *sink, struct sl_delta_info *out) {
    const struct sl_delta_layout *layout = &sink->layout;
    struct sl_str *names = SL_NEW_ARRAY(&sink->batch, struct sl_str, layout->partition_count + 1);
    for (uint32_t i = 0; i < layout->partition_count; i++)
        names[i] = layout->schema->fields[layout->partition_columns[i]].name;
    sl_delta_info_put_names(out, "partitionBy", names, layout->partition_count);
}

static void say_replace(struct sl_delta_sink *sink, struct said *said,
                        struct sl_delta_commit *commit) {
    sl_delta_info_put(&said->parameters, "mode", SL_STR("Overwrite"));
    put_partitions(sink, &said->parameters);
    commit->info.operation = SL_STR("WRITE");
    commit->scope = SL_DELTA_WHOLE_TABLE;
}

static void say(struct sl_delta_sink *sink, struct said *said, struct sl_delta_commit *commit) {
    if (sink->streaming)
        say_stream(sink, said, commit);
    else
        say_replace(sink, said, commit);
    sl_delta_info_put_count(&said->metrics, "numRemovedFiles", commit->remove_count);
    sl_delta_info_put_count(&said->metrics, "numOutputRows", sink->rows);
    sl_delta_info_put_count(&said->metrics, "numOutputBytes", sink->bytes);
    sl_delta_info_put_count(&said->metrics, "numAddedFiles", sink->add_count);
    commit->info.parameters = sl_delta_info_json(&said->parameters);
    commit->info.metrics = sl_delta_info_json(&said->metrics);
    commit->adds = sink->adds;
    commit->add_count = sink->add_count;
}

/* ---- the rows that a run replaces ---- */

struct removal {
    struct sl_arena *arena;
    struct sl_delta_file *files;
    size_t count, cap;
    int64_t now_ms;
};

static enum sl_code remove_file(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct removal *removal = ctx;
    (void)err;
    if (removal->count == removal->cap) {
        size_t cap = removal->cap ? removal->cap * 2 : 64;
        removal->files =
            sl_arena_grow(removal->arena, removal->files, removal->cap * sizeof *removal->files,
                          cap * sizeof *removal->files);
        removal->cap = cap;
    }
    struct sl_delta_file *to = &removal->files[removal->count++];
    *to = sl_delta_file_copy(removal->arena, file);
    to->modified_ms = removal->now_ms;
    to->data_change = to->extended_metadata = true;
    return SL_OK;
}

static enum sl_code remove_all(struct sl_delta_sink *sink, struct sl_delta_commit *commit,
                               struct sl_err *err) {
    struct removal removal = {.arena = &sink->batch, .now_ms = sl_clock_wall_us() / 1000};
    const struct sl_delta_walk walk = {.live = remove_file, .ctx = &removal};
    SL_TRY(sl_delta_snapshot_walk(sink->snapshot, &walk, err));
    commit->removes = removal.files;
    commit->remove_count = removal.count;
    return SL_OK;
}

/* ---- the commit ---- */

/* The table's metadata as it has become, with what the query adds to it. */
static const struct sl_delta_metadata *merge_again(struct sl_delta_sink *sink,
                                                   struct sl_delta_commit *commit) {
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(sink->snapshot);
    struct sl_delta_metadata *merged = SL_NEW(&sink->batch, struct sl_delta_metadata);
    struct sl_err ignored;
    bool changed;
    commit->metadata = NULL;
    if (!sink->merges) return metadata;
    if (sl_delta_merge(&sink->batch, sink->table_dir, sink->config.schema, metadata, merged,
                       &changed, &ignored) != SL_OK)
        return metadata;
    if (changed) commit->metadata = merged;
    return merged;
}

/* Is the table, as it has become, one that our files fit? */
static bool still_fits(struct sl_delta_sink *sink, struct sl_delta_commit *commit) {
    struct sl_delta_layout layout;
    struct sl_err ignored;
    const struct sl_delta_metadata *metadata = merge_again(sink, commit);
    return sl_delta_layout_make(&sink->batch, sink->table_dir, &sink->config, metadata,
                                sink->merges, &layout, &ignored) == SL_OK &&
           sl_delta_layout_serves(&sink->layout, metadata) &&
           sl_delta_sink_check_demands(sink, &ignored) == SL_OK;
}

/* In the log before us, with our query and batch: our own commit whose answer got lost, or another
 * process that runs this query. */
static enum sl_code check_already(struct sl_delta_sink *sink, struct sl_err *err) {
    uint64_t hash;
    bool found;
    SL_TRY(sl_delta_find_batch(sink, sink->batch_id, &found, &hash, err));
    if (found && hash == sink->offsets_hash) return SL_OK;
    sl_delta_fail(err, SL_CONFLICT, "DELTA_CONCURRENT_TRANSACTION", "2D521",
                  "somebody else has committed batch %lld of this query to the Delta table `%s`",
                  (long long)sink->batch_id, sink->table_dir);
    return sl_hint(err, "two processes run the same query; stop one of them"), SL_CONFLICT;
}

static enum sl_code append(struct sl_delta_sink *sink, struct sl_delta_commit *commit,
                           int64_t *version, struct sl_err *err) {
    enum { METADATA_CHANGES_MAX = 10 };
    struct sl_err local = {0};
    enum sl_code code = SL_OK;
    bool already = false;
    for (int i = 0; i < METADATA_CHANGES_MAX; i++) {
        code = sl_delta_commit(sink->snapshot, commit, version, &already, &local);
        if (code != SL_CONFLICT || commit->scope != SL_DELTA_BLIND ||
            strcmp(local.condition, "DELTA_METADATA_CHANGED") != 0)
            break;
        struct sl_err ignored;
        if (sl_delta_snapshot_update(sink->snapshot, &ignored) != SL_OK ||
            !still_fits(sink, commit))
            break;
    }
    if (code != SL_OK && err) *err = local;
    return code == SL_OK && already ? check_already(sink, err) : code;
}

/* Version 0; somebody who made the table meanwhile, alike, is no obstacle. */
static enum sl_code create(struct sl_delta_sink *sink, struct sl_delta_commit *commit,
                           int64_t *version, struct sl_err *err) {
    struct sl_delta_protocol protocol;
    struct sl_err local = {0}, ignored;
    sl_delta_protocol_for(&sink->batch, sink->metadata.schema, &sink->properties, &protocol);
    commit->protocol = &protocol;
    commit->metadata = &sink->metadata;
    enum sl_code code = sl_delta_create(sink->table_dir, commit, &local);
    *version = 0;
    if (code == SL_OK || code == SL_CONFLICT) {
        enum sl_code opened = sl_delta_snapshot_open(sink->table_dir, -1, sink->env->budget,
                                                     &sink->snapshot, &ignored);
        /* a version 0 that is made is made: the next batch opens the table */
        if (opened != SL_OK) sink->snapshot = NULL;
    }
    if (code == SL_CONFLICT && sink->snapshot && !sl_delta_sink_replaces(sink) &&
        still_fits(sink, commit)) {
        commit->protocol = NULL;
        return append(sink, commit, version, err);
    }
    if (code != SL_OK && err) *err = local;
    return code;
}

static void tidy(struct sl_delta_sink *sink, int64_t version) {
    if (sink->snapshot && sl_delta_checkpoint_due(sink->snapshot, version))
        sl_delta_tidier_start(&sink->tidier, version);
    if (sink->snapshot)
        sl_delta_auto_committed(
            &sink->compaction, sink->add_count,
            sl_delta_snapshot_property(sink->snapshot, "delta.autoOptimize.autoCompact"));
}

enum sl_code sl_delta_batch_commit(struct sl_sink *base, struct sl_sink_metrics *metrics,
                                   struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    struct sl_delta_commit commit = {0};
    struct said said = {.parameters = {&sink->batch}, .metrics = {&sink->batch}};
    struct sl_err local = {0};
    int64_t version = -1;
    *metrics = (struct sl_sink_metrics){
        .rows = sink->rows, .bytes = sink->bytes, .files = sink->add_count};
    SL_TRY(sync_files(sink, &metrics->partitions, err));
    if (sl_delta_sink_replaces(sink) && sink->snapshot) SL_TRY(remove_all(sink, &commit, err));
    if (sink->replaces_metadata) commit.metadata = &sink->metadata;
    say(sink, &said, &commit);
    sink->may_be_visible = true;
    enum sl_code code = sink->snapshot ? append(sink, &commit, &version, &local)
                                       : create(sink, &commit, &version, &local);
    if (code == SL_CONFLICT) sink->may_be_visible = false; /* the winners were read: none is ours */
    if (code != SL_OK && err) *err = local;
    if (code != SL_OK) return code;
    tidy(sink, version);
    sl_delta_batch_clear(sink);
    return SL_OK;
}

/* After a failed commit, say with no space left, the log decides: files that a version names
 * stay. */
static bool is_invisible(struct sl_delta_sink *sink) {
    struct sl_err ignored;
    uint64_t hash;
    bool found;
    if (!sink->may_be_visible) return true;
    return sink->streaming && sl_delta_sink_follow(sink, &ignored) == SL_OK &&
           sl_delta_find_batch(sink, sink->batch_id, &found, &hash, &ignored) == SL_OK && !found;
}

void sl_delta_batch_abort(struct sl_sink *base) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    if (is_invisible(sink))
        for (size_t i = 0; i < sink->add_count; i++) {
            struct sl_err ignored;
            enum sl_code code = sl_io_unlink(below(sink, &sink->batch, sink->names[i]), &ignored);
            (void)code; /* what stays is for VACUUM */
        }
    sl_delta_batch_clear(sink);
}
