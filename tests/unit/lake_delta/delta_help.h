/* A table's files counted, and small logs written by hand. */
#ifndef DELTA_HELP_H
#define DELTA_HELP_H

#include "lake/delta/snapshot.h"
#include "temp_dir.h"

struct delta_sum {
    int64_t version; /* -1: no table */
    int64_t live, removed, records;
    struct sl_err err;
};

static inline enum sl_code delta_sum_live(void *ctx, const struct sl_delta_file *file,
                                          struct sl_err *err) {
    struct delta_sum *sum = ctx;
    struct sl_arena arena;
    struct sl_json stats;
    int64_t records;
    (void)err;
    sum->live++;
    if (!file->stats.ptr) return SL_OK;
    sl_arena_init(&arena, "test");
    if (sl_json_parse(&arena, file->stats, &stats, NULL) == SL_OK &&
        sl_json_i64(sl_json_get(&stats, SL_STR("numRecords")), &records))
        sum->records += records;
    sl_arena_release(&arena);
    return SL_OK;
}

static inline enum sl_code delta_sum_removed(void *ctx, const struct sl_delta_file *file,
                                             struct sl_err *err) {
    (void)file, (void)err;
    ((struct delta_sum *)ctx)->removed++;
    return SL_OK;
}

static inline enum sl_code delta_sum_walk(const struct sl_delta_snapshot *snapshot,
                                          struct delta_sum *sum) {
    *sum = (struct delta_sum){.version = sl_delta_snapshot_version(snapshot)};
    struct sl_delta_walk walk = {delta_sum_live, delta_sum_removed, sum};
    return sl_delta_snapshot_walk(snapshot, &walk, &sum->err);
}

static inline enum sl_code delta_sum_of(const char *table, int64_t version, struct delta_sum *sum) {
    struct sl_delta_snapshot *snapshot;
    *sum = (struct delta_sum){.version = -1};
    enum sl_code code = sl_delta_snapshot_open(table, version, NULL, &snapshot, &sum->err);
    if (code == SL_OK && snapshot) code = delta_sum_walk(snapshot, sum);
    sl_delta_snapshot_close(snapshot);
    return code;
}

#define DELTA_PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define DELTA_METADATA                                                                             \
    "{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\","                        \
    "\"partitionColumns\":[],\"configuration\":{\"delta.appendOnly\":\"false\"}}}\n"
#define DELTA_ADD(path)                                                                            \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"    \
    "\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":10}\"}}\n"
#define DELTA_REMOVE(path)                                                                         \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":5,\"dataChange\":true}}\n"
#define DELTA_TXN(app, version)                                                                    \
    "{\"txn\":{\"appId\":\"" app "\",\"version\":" version ",\"lastUpdated\":1}}\n"

/* A table directory with an empty log. */
static inline char *delta_make(void) {
    char *table = temp_dir_make(), path[512];
    snprintf(path, sizeof path, "%s/_delta_log", table);
    if (sl_io_make_dirs(path, NULL) != SL_OK) abort();
    return table;
}

static inline void delta_write(const char *table, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "_delta_log/%s", name);
    temp_dir_write(table, path, text, strlen(text));
}

static inline void delta_commit(const char *table, int64_t version, const char *text) {
    char name[64];
    snprintf(name, sizeof name, "%020lld.json", (long long)version);
    delta_write(table, name, text);
}

/* A table whose versions 0 .. last add one file each. */
static inline char *delta_chain(int64_t last) {
    char *table = delta_make(), text[512];
    for (int64_t v = 0; v <= last; v++) {
        const char *head = v == 0 ? DELTA_PROTOCOL DELTA_METADATA : "";
        snprintf(text, sizeof text, "%s" DELTA_ADD("f%lld") DELTA_TXN("q", "%lld"), head,
                 (long long)v, (long long)v);
        delta_commit(table, v, text);
    }
    return table;
}

#endif
