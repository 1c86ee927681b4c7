/* A round becomes a version. An append that comes first is no obstacle; a bin of which somebody
 * removed or rewrote a file is given up, and the others are committed. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "conn/delta/delta_info.h"
#include "conn/delta/delta_optimize_int.h"
#include "conn/delta/delta_tidy.h"
#include "lake/delta/commit.h"

enum { TRIES_MAX = 100 };

/* ---- the round's actions ---- */

struct round {
    struct sl_delta_file *adds, *removes;
    size_t add_count, remove_count;
    struct sl_optimize_metrics metrics;
    uint64_t *sizes; /* of the new files, ascending */
};

static int compare_sizes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_removes(struct sl_delta_optimize *optimize, struct round *round, uint32_t group,
                        int64_t now_ms) {
    const struct sl_rewrite_group *bin = &optimize->bins.groups[group];
    for (uint32_t i = bin->first; i < bin->first + bin->count; i++) {
        struct sl_delta_file *to = &round->removes[round->remove_count++];
        *to = optimize->bins.files[i].file;
        sl_file_sizes_add(&round->metrics.removed, (uint64_t)to->bytes);
        if (to->vector.storage) {
            round->metrics.vectors_removed++;
            round->metrics.vector_rows_removed += (uint64_t)to->vector.cardinality;
        }
        to->modified_ms = now_ms;
        to->data_change = false;
        to->extended_metadata = true;
    }
}

static void gather_round(struct sl_delta_optimize *optimize, struct round *round) {
    struct sl_arena *arena = &optimize->arena;
    size_t removes = 0;
    int64_t now_ms = sl_clock_wall_us() / 1000;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        removes += optimize->bins.groups[g].count;
    *round =
        (struct round){.adds = SL_NEW_ARRAY(arena, struct sl_delta_file, optimize->file_count + 1),
                       .removes = SL_NEW_ARRAY(arena, struct sl_delta_file, removes + 1),
                       .sizes = SL_NEW_ARRAY(arena, uint64_t, optimize->file_count + 1)};
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        if (!optimize->lost[g]) add_removes(optimize, round, g, now_ms);
    for (size_t i = 0; i < optimize->file_count; i++) {
        const struct sl_delta_new_file *file = &optimize->files[i];
        if (optimize->lost[file->group]) continue;
        sl_file_sizes_add(&round->metrics.added, (uint64_t)file->file.bytes);
        round->sizes[round->add_count] = (uint64_t)file->file.bytes;
        round->adds[round->add_count++] = file->file;
    }
    if (round->add_count)
        qsort(round->sizes, round->add_count, sizeof *round->sizes, compare_sizes);
}

/* ---- what the log says of it ---- */

static void say_parameters(const struct sl_delta_optimize *optimize, struct sl_delta_info *out) {
    const struct sl_optimize *what = &optimize->what;
    sl_delta_info_put_names(out, "predicate", &what->condition_text, what->condition ? 1 : 0);
    sl_delta_info_put(out, "zOrderBy", SL_STR("[]"));
    sl_delta_info_put(out, "clusterBy", SL_STR("[]"));
    sl_delta_info_put_bool(out, "auto", what->automatic);
}

static void say_metrics(const struct round *round, struct sl_delta_info *out) {
    const struct sl_optimize_metrics *metrics = &round->metrics;
    size_t n = round->add_count;
    sl_delta_info_put_count(out, "numRemovedFiles", metrics->removed.count);
    sl_delta_info_put_count(out, "numRemovedBytes", metrics->removed.bytes);
    sl_delta_info_put_count(out, "numAddedFiles", metrics->added.count);
    sl_delta_info_put_count(out, "numAddedBytes", metrics->added.bytes);
    sl_delta_info_put_count(out, "numDeletionVectorsRemoved", metrics->vectors_removed);
    sl_delta_info_put_count(out, "minFileSize", metrics->added.min);
    sl_delta_info_put_count(out, "p25FileSize", n ? round->sizes[n / 4] : 0);
    sl_delta_info_put_count(out, "p50FileSize", n ? round->sizes[n / 2] : 0);
    sl_delta_info_put_count(out, "p75FileSize", n ? round->sizes[n * 3 / 4] : 0);
    sl_delta_info_put_count(out, "maxFileSize", metrics->added.max);
}

/* ---- rivals ---- */

/* Files by the hash of their key, ascending. */
struct known {
    uint64_t hash;
    uint32_t group;
    bool is_live;
};
struct search {
    struct known *items;
    size_t count;
    struct sl_buf key;
};

static int compare_known(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static uint64_t hash_of(struct sl_buf *key, const struct sl_delta_file *file) {
    sl_buf_clear(key);
    sl_delta_file_put_key(key, file);
    return sl_xxh64(key->ptr, key->len, 0);
}

static enum sl_code see(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    struct search *search = ctx;
    (void)err;
    struct known wanted = {.hash = hash_of(&search->key, file)};
    struct known *found =
        bsearch(&wanted, search->items, search->count, sizeof wanted, compare_known);
    if (found) found->is_live = true;
    return SL_OK;
}

/* Gives up the groups of which a file is no longer in the table. */
static enum sl_code find_lost(struct sl_delta_optimize *optimize, bool *any, struct sl_err *err) {
    struct search search = {0};
    const struct sl_delta_bins *bins = &optimize->bins;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        search.count += bins->groups[g].count;
    search.items = sl_xcalloc(search.count + 1, sizeof *search.items);
    size_t at = 0;
    for (uint32_t g = optimize->first; g < optimize->end; g++)
        for (uint32_t i = 0; i < bins->groups[g].count; i++)
            search.items[at++] = (struct known){
                hash_of(&search.key, &bins->files[bins->groups[g].first + i].file), g, false};
    qsort(search.items, search.count, sizeof *search.items, compare_known);
    enum sl_code code = sl_delta_snapshot_walk(
        optimize->snapshot, &(struct sl_delta_walk){.live = see, .ctx = &search}, err);
    *any = false;
    for (size_t i = 0; i < search.count && code == SL_OK; i++)
        if (!search.items[i].is_live && !optimize->lost[search.items[i].group])
            *any = optimize->lost[search.items[i].group] = true;
    sl_buf_release(&search.key);
    free(search.items);
    return code;
}

/* What the rewritten rows depend on. */
static bool is_same_table(const struct sl_delta_metadata *a, struct sl_str id,
                          struct sl_str schema_text, uint32_t partition_count) {
    return sl_str_eq(a->id, id) && sl_str_eq(a->schema_text, schema_text) &&
           a->partition_count == partition_count;
}

/* A rival came first. *go_on: what is left may be tried again. */
static enum sl_code follow_rival(struct sl_delta_optimize *optimize, const struct sl_err *why,
                                 bool *go_on, struct sl_err *err) {
    const struct sl_delta_metadata *metadata = sl_delta_snapshot_metadata(optimize->snapshot);
    struct sl_str id = sl_arena_str(&optimize->arena, metadata->id),
                  schema_text = sl_arena_str(&optimize->arena, metadata->schema_text);
    uint32_t partition_count = metadata->partition_count;
    bool any;
    *go_on = false;
    SL_TRY(sl_delta_snapshot_update(optimize->snapshot, err));
    SL_TRY(find_lost(optimize, &any, err));
    metadata = sl_delta_snapshot_metadata(optimize->snapshot);
    *go_on = is_same_table(metadata, id, schema_text, partition_count) &&
             (any || strcmp(why->condition, "DELTA_METADATA_CHANGED") == 0);
    return SL_OK;
}

/* ---- the commit ---- */

static enum sl_code try_commit(struct sl_delta_optimize *optimize, struct round *round,
                               int64_t *version, struct sl_err *err) {
    struct sl_delta_info parameters = {&optimize->arena}, metrics = {&optimize->arena};
    bool already;
    gather_round(optimize, round);
    if (round->remove_count == 0) return SL_OK;
    say_parameters(optimize, &parameters);
    say_metrics(round, &metrics);
    struct sl_delta_commit commit = {.scope = SL_DELTA_FILES,
                                     .adds = round->adds,
                                     .add_count = round->add_count,
                                     .removes = round->removes,
                                     .remove_count = round->remove_count};
    commit.info.operation = SL_STR("OPTIMIZE");
    commit.info.parameters = sl_delta_info_json(&parameters);
    commit.info.metrics = sl_delta_info_json(&metrics);
    return sl_delta_commit(optimize->snapshot, &commit, version, &already, err);
}

/* The commit failed, say with no space left, and may be there all the same: the log decides. Where
 * a group's old files are still in the table, its new ones are not. */
static void remove_invisible(struct sl_delta_optimize *optimize) {
    struct sl_err ignored;
    bool any;
    if (sl_delta_snapshot_update(optimize->snapshot, &ignored) == SL_OK &&
        find_lost(optimize, &any, &ignored) == SL_OK)
        sl_delta_round_remove(optimize, SL_DELTA_OTHER_GROUPS);
}

enum sl_code sl_delta_round_commit(struct sl_delta_optimize *optimize, struct sl_err *err) {
    struct sl_err local = {0};
    struct round round = {0};
    int64_t version = -1;
    bool go_on = true, beaten = false;
    enum sl_code code = SL_CONFLICT;
    for (int i = 0; i < TRIES_MAX && code == SL_CONFLICT && go_on; i++) {
        code = try_commit(optimize, &round, &version, &local);
        beaten = code == SL_CONFLICT;
        if (!beaten) break;
        struct sl_err why = local;
        enum sl_code followed = follow_rival(optimize, &why, &go_on, &local);
        if (followed != SL_OK) code = followed;
    }
    if (code != SL_OK && err) *err = local;
    if (code == SL_OK) sl_delta_round_remove(optimize, SL_DELTA_LOST_GROUPS);
    if (beaten) sl_delta_round_remove(optimize, SL_DELTA_ALL_GROUPS); /* no version names them */
    if (code != SL_OK && !beaten) remove_invisible(optimize);
    SL_TRY(code);
    if (version < 0) return SL_OK;
    sl_file_sizes_merge(&optimize->metrics.added, &round.metrics.added);
    sl_file_sizes_merge(&optimize->metrics.removed, &round.metrics.removed);
    optimize->metrics.vectors_removed += round.metrics.vectors_removed;
    optimize->metrics.vector_rows_removed += round.metrics.vector_rows_removed;
    optimize->metrics.batches++;
    sl_delta_tidy(optimize->call->env, optimize->snapshot, version);
    return SL_OK;
}
