/* Goal: every table of delta-io's golden-tables opens with the right files, or is refused by name.
 * Method: version, number of live files and sum of numRecords, written down from delta-rs 1.6.6
 * (get_add_actions). Skipped without the corpora ($SLUICE_CORPORA). */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "lake_delta/delta_help.h"

static const struct {
    const char *name;
    int64_t version, files, records;
} tables[] = {
    {"124-decimal-decode-bug", 0, 2, 0},
    {"125-iterator-bug", 11, 12, 0},
    {"basic-decimal-table", 0, 4, 4},
    {"basic-decimal-table-legacy", 0, 4, 4},
    {"basic-with-inserts-deletes-checkpoint", 13, 7, 41},
    {"basic-with-inserts-merge", 1, 1, 140},
    {"basic-with-inserts-overwrite-restore", 3, 4, 200},
    {"basic-with-inserts-updates", 1, 2, 100},
    {"basic-with-vacuum-protocol-check-feature", 1, 2, 100},
    {"checkpoint", 14, 1, 0},
    {"collations-preview-table", 0, 0, 0},
    {"collations-table", 0, 0, 0},
    {"commit-info-containing-arbitrary-operationParams-types", 2, 2, 2},
    {"corrupted-last-checkpoint-kernel", 11, 2, 100},
    {"data-reader-array-complex-objects", 0, 2, 0},
    {"data-reader-array-primitives", 0, 2, 0},
    {"data-reader-date-types-America/Los_Angeles", 0, 2, 0},
    {"data-reader-date-types-Asia/Beirut", 0, 2, 0},
    {"data-reader-date-types-Etc/GMT+9", 0, 2, 0},
    {"data-reader-date-types-Iceland", 0, 2, 0},
    {"data-reader-date-types-JST", 0, 2, 0},
    {"data-reader-date-types-PST", 0, 2, 0},
    {"data-reader-date-types-UTC", 0, 2, 0},
    {"data-reader-escaped-chars", 2, 3, 0},
    {"data-reader-map", 0, 2, 0},
    {"data-reader-nested-struct", 0, 2, 0},
    {"data-reader-nullable-field-invalid-schema-key", 0, 2, 0},
    {"data-reader-partition-values", 0, 3, 0},
    {"data-reader-primitives", 0, 2, 0},
    {"data-reader-timestamp_ntz", 1, 4, 9},
    {"data-reader-timestamp_ntz-id-mode", 1, 4, 9},
    {"data-reader-timestamp_ntz-name-mode", 1, 4, 9},
    {"data-skipping-basic-stats-all-types", 0, 1, 1},
    {"data-skipping-basic-stats-all-types-checkpoint", 0, 1, 1},
    {"data-skipping-basic-stats-all-types-columnmapping-id", 0, 1, 1},
    {"data-skipping-basic-stats-all-types-columnmapping-name", 0, 1, 1},
    {"data-skipping-change-stats-collected-across-versions", 4, 3, 3},
    {"data-skipping-partition-and-data-column", 3, 4, 4},
    {"decimal-various-scale-precision", 0, 1, 3},
    {"delete-re-add-same-file-different-transactions", 3, 2, 0},
    {"deltalog-getChanges", 2, 0, 0},
    {"dv-partitioned-with-checkpoint", 15, 15, 37},
    {"dv-with-columnmapping", 15, 15, 37},
    {"hive/deltatbl-column-names-case-insensitive", 0, 4, 0},
    {"hive/deltatbl-deleted-path", 0, 2, 0},
    {"hive/deltatbl-incorrect-format-config", 0, 2, 0},
    {"hive/deltatbl-map-types-correctly", 0, 1, 0},
    {"hive/deltatbl-non-partitioned", 0, 2, 0},
    {"hive/deltatbl-not-allow-write", 0, 2, 0},
    {"hive/deltatbl-partition-prune", 0, 5, 0},
    {"hive/deltatbl-partitioned", 0, 4, 0},
    {"hive/deltatbl-schema-match", 0, 4, 0},
    {"hive/deltatbl-special-chars-in-partition-column", 0, 4, 0},
    {"hive/deltatbl-touch-files-needed-for-partitioned", 0, 4, 0},
    {"kernel-timestamp-INT96", 0, 5, 5},
    {"kernel-timestamp-PST", 0, 5, 5},
    {"kernel-timestamp-TIMESTAMP_MICROS", 0, 5, 5},
    {"kernel-timestamp-TIMESTAMP_MILLIS", 0, 5, 5},
    {"kernel-timestamp-partition-col-ISO8601", 0, 2, 2},
    {"log-replay-dv-key-cases", 3, 1, 50},
    {"log-replay-latest-metadata-protocol", 2, 4, 40},
    {"log-replay-special-characters", 1, 0, 0},
    {"log-replay-special-characters-a", 1, 0, 0},
    {"log-replay-special-characters-b", 0, 1, 0},
    {"multi-part-checkpoint", 1, 10, 31},
    {"only-checkpoint-files", 2, 7, 25},
    {"parquet-all-types", 0, 1, 200},
    {"parquet-all-types-legacy-format", 0, 1, 200},
    {"parquet-decimal-dictionaries", 0, 1, 1000000},
    {"parquet-decimal-dictionaries-v2", 0, 1, 1000000},
    {"parquet-decimal-type", 0, 1, 99998},
    {"snapshot-data0", 0, 2, 0},
    {"snapshot-data1", 1, 4, 0},
    {"snapshot-data2", 2, 2, 0},
    {"snapshot-data2-deleted", 4, 3, 0},
    {"snapshot-data3", 3, 4, 0},
    {"snapshot-repartitioned", 5, 2, 0},
    {"snapshot-vacuumed", 5, 2, 0},
    {"table-with-columnmapping-mode-id", 0, 2, 6},
    {"table-with-columnmapping-mode-name", 0, 2, 6},
    {"table-with-icebegCompatV2Enabled", 0, 2, 6},
    {"time-travel-partition-changes-a", 0, 10, 0},
    {"time-travel-partition-changes-b", 1, 4, 0},
    {"time-travel-schema-changes-a", 0, 2, 0},
    {"time-travel-schema-changes-b", 1, 4, 0},
    {"time-travel-start", 0, 2, 0},
    {"time-travel-start-start20", 1, 4, 0},
    {"time-travel-start-start20-start40", 2, 6, 0},
    {"type-widening", 2, 2, 2},
    {"type-widening-nested", 2, 2, 2},
    {"v2-checkpoint-json", 2, 4, 10},
    {"v2-checkpoint-parquet", 2, 4, 10},
    /* delta-rs refuses these, whose metaData has no schemaString; read from the log by eye */
    {"canonicalized-paths-normal-a", 1, 0, 0},
    {"canonicalized-paths-normal-b", 1, 0, 0},
    {"canonicalized-paths-special-a", 1, 0, 0},
    {"canonicalized-paths-special-b", 1, 0, 0},
    {"corrupted-last-checkpoint", 10, 11, 0},
    {"deltalog-commit-info", 0, 1, 0},
    {"update-deleted-directory", 0, 10, 0},
};

static const struct {
    const char *name, *condition;
} refused[] = {
    {"data-reader-absolute-paths-escaped-chars", "DELTA_STATE_RECOVER_ERROR"},
    {"deltalog-invalid-protocol-version", "DELTA_INVALID_PROTOCOL_VERSION"},
    {"deltalog-state-reconstruction-from-checkpoint-missing-metadata", "DELTA_STATE_RECOVER_ERROR"},
    {"deltalog-state-reconstruction-from-checkpoint-missing-protocol", "DELTA_STATE_RECOVER_ERROR"},
    {"deltalog-state-reconstruction-without-metadata", "DELTA_STATE_RECOVER_ERROR"},
    {"deltalog-state-reconstruction-without-protocol", "DELTA_STATE_RECOVER_ERROR"},
    {"spark-variant-checkpoint", "DELTA_UNSUPPORTED_FEATURES_FOR_READ"},
    {"versions-not-contiguous", "DELTA_VERSIONS_NOT_CONTIGUOUS"},
};

static bool golden_path(char *path, size_t size, const char *name) {
    const char *corpora = getenv("SLUICE_CORPORA");
    struct sl_file_info info;
    snprintf(path, size, "%s/delta-golden-tables/%s", corpora ? corpora : "../shared/corpora",
             name);
    return sl_io_stat(path, &info, NULL) == SL_OK && info.exists;
}

void test_golden_tables_have_their_files(void **state) {
    char path[1024];
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct delta_sum sum;
        if (!golden_path(path, sizeof path, tables[i].name)) skip();
        if (delta_sum_of(path, -1, &sum) != SL_OK)
            fail_msg("%s: %s (%s)", tables[i].name, sum.err.msg, sum.err.ctx);
        if (sum.version != tables[i].version || sum.live != tables[i].files ||
            sum.records != tables[i].records)
            fail_msg("%s: version %lld, %lld files, %lld records", tables[i].name,
                     (long long)sum.version, (long long)sum.live, (long long)sum.records);
    }
}

void test_golden_tables_that_cannot_be_read_are_refused(void **state) {
    char path[1024];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct delta_sum sum;
        if (!golden_path(path, sizeof path, refused[i].name)) skip();
        assert_int_not_equal(delta_sum_of(path, -1, &sum), SL_OK);
        assert_string_equal(sum.err.condition, refused[i].condition);
        assert_true(sum.err.msg[0] != 0);
    }
}

void test_golden_directories_without_a_log_are_no_tables(void **state) {
    char path[1024];
    struct delta_sum sum;
    (void)state;
    if (!golden_path(path, sizeof path, "no-delta-log-folder")) skip();
    assert_int_equal(delta_sum_of(path, -1, &sum), SL_OK);
    assert_int_equal(sum.version, -1);
}

/* Any version of a table with a long history can be read: files as delta-rs counts them. */
void test_golden_versions_of_one_table(void **state) {
    static const int64_t files[] = {1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 6, 7, 8, 7};
    char path[1024];
    (void)state;
    if (!golden_path(path, sizeof path, "basic-with-inserts-deletes-checkpoint")) skip();
    for (int64_t v = 0; v < (int64_t)(sizeof files / sizeof *files); v++) {
        struct delta_sum sum;
        assert_int_equal(delta_sum_of(path, v, &sum), SL_OK);
        assert_int_equal(sum.version, v);
        assert_int_equal(sum.live, files[v]);
    }
    struct delta_sum sum;
    assert_int_equal(delta_sum_of(path, 99, &sum), SL_USER);
    assert_string_equal(sum.err.condition, "DELTA_VERSION_NOT_FOUND");
    assert_non_null(strstr(sum.err.msg, "0 to 13"));
}
