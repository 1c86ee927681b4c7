/* A small Delta table made through the commit layer, for tests. */
#ifndef DELTA_TABLE_H
#define DELTA_TABLE_H

#include "../temp_dir.h"
#include "../unit.h"
#include "lake/delta/commit.h"

#define PROTOCOL_1_2 "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}"
#define FIELD(name, type)                                                                          \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type                                        \
    "\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}"
#define METADATA_OF(fields, partitions, configuration)                                             \
    "{\"metaData\":{\"id\":\"t\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" fields "]}\","              \
    "\"partitionColumns\":[" partitions "],\"configuration\":{" configuration                      \
    "},\"createdTime\":1}}"
#define METADATA_A METADATA_OF(FIELD("a", "long"), "", "")

static inline struct sl_delta_action delta_action(struct sl_arena *arena, const char *line) {
    struct sl_delta_action action;
    struct sl_err err;
    if (sl_delta_action_parse(arena, sl_str(line), &action, &err) != SL_OK)
        fail_msg("%s: %s", line, err.msg);
    return action;
}

static inline void delta_create(struct sl_arena *arena, const char *dir, const char *protocol,
                                const char *metadata) {
    struct sl_delta_action p = delta_action(arena, protocol), m = delta_action(arena, metadata);
    struct sl_delta_commit commit = {.info = {.operation = SL_STR("CREATE TABLE")},
                                     .protocol = &p.protocol,
                                     .metadata = &m.metadata};
    struct sl_err err;
    if (sl_delta_create(dir, &commit, &err) != SL_OK) fail_msg("%s < %s", err.msg, err.ctx);
}

static inline struct sl_delta_snapshot *delta_open(const char *dir) {
    struct sl_delta_snapshot *snapshot;
    struct sl_err err;
    if (sl_delta_snapshot_open(dir, -1, NULL, &snapshot, &err) != SL_OK)
        fail_msg("%s < %s", err.msg, err.ctx);
    assert_non_null(snapshot);
    return snapshot;
}

static inline struct sl_delta_file delta_file(const char *path) {
    return (struct sl_delta_file){.path = sl_str(path),
                                  .bytes = 10,
                                  .modified_ms = 1700000000000,
                                  .data_change = true,
                                  .extended_metadata = true,
                                  .stats = SL_STR("{\"numRecords\":1}"),
                                  .base_row_id = -1,
                                  .default_row_version = -1};
}

static inline struct sl_delta_commit delta_append(const struct sl_delta_file *file,
                                                  const struct sl_delta_txn *txn) {
    return (struct sl_delta_commit){.info = {.operation = SL_STR("STREAMING UPDATE")},
                                    .scope = SL_DELTA_BLIND,
                                    .txn = txn,
                                    .adds = file,
                                    .add_count = 1};
}

/* Commits, which must not fail; gives the version. */
static inline int64_t delta_commit(struct sl_delta_snapshot *snapshot,
                                   const struct sl_delta_commit *commit) {
    int64_t version;
    bool already;
    struct sl_err err;
    if (sl_delta_commit(snapshot, commit, &version, &already, &err) != SL_OK)
        fail_msg("%s < %s", err.msg, err.ctx);
    assert_false(already);
    return version;
}

static inline enum sl_code delta_count_file(void *ctx, const struct sl_delta_file *file,
                                            struct sl_err *err) {
    (void)file;
    (void)err;
    ++*(uint32_t *)ctx;
    return SL_OK;
}

static inline uint32_t delta_live_files(const struct sl_delta_snapshot *snapshot) {
    uint32_t count = 0;
    struct sl_delta_walk walk = {delta_count_file, NULL, &count};
    struct sl_err err;
    if (sl_delta_snapshot_walk(snapshot, &walk, &err) != SL_OK) fail_msg("%s", err.msg);
    return count;
}

/* malloc'd text of a version's commit; NULL when it is missing. */
static inline char *delta_commit_text(const char *dir, int64_t version) {
    char name[64];
    snprintf(name, sizeof name, "_delta_log/%020lld.json", (long long)version);
    return temp_dir_read(dir, name);
}

static inline void delta_check_text(const char *dir, int64_t version, const char *part) {
    char *text = delta_commit_text(dir, version);
    if (!text || !strstr(text, part)) fail_msg("`%s` is not in %s", part, text);
    free(text);
}

#endif
