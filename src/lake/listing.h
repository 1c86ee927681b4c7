/* The data files of a directory table, as Spark's readers see them: only those in _spark_metadata
 * when the directory has one, else every file below that is not hidden; with the partition columns
 * that `k=v` directories carry. Source: Spark PartitioningUtils.scala,
 * HadoopFSUtils.shouldFilterOutPathName, MetadataLogFileIndex. */
#ifndef SL_LAKE_LISTING_H
#define SL_LAKE_LISTING_H

#include "base/io.h"
#include "col/type.h"

struct sl_listed_file {
    const char *path; /* openable */
    uint64_t bytes;
    int64_t modified_ms;
    struct sl_str *partition_values; /* partition_count texts, unescaped; ptr == NULL: null */
};
struct sl_listing {
    struct sl_listed_file *files; /* sorted by path */
    size_t count;
    struct sl_field
        *partitions; /* name and inferred type (int, bigint, double, date, timestamp, string) */
    uint32_t partition_count;
};

struct sl_listing_options {
    bool infer_types; /* of partition columns; false: all strings */
    bool recursive;   /* recursiveFileLookup: directories of any name, none is a partition */
    const char *name_pattern;                      /* pathGlobFilter: of file names; NULL: all */
    int64_t modified_after_ms, modified_before_ms; /* both exclusive; 0: no limit */
};

/* path: a file, a directory, or a glob (*, ?, [..], {a,b} in the last parts). PATH_NOT_FOUND
 * (42K03) when nothing is there. Differing partition columns: CONFLICTING_PARTITION_COLUMN_NAMES.
 * infer_types false: all strings. */
SL_MUST_CHECK enum sl_code sl_listing_make(struct sl_arena *query, struct sl_str path,
                                           bool infer_types, struct sl_listing *out,
                                           struct sl_err *err);
/* The same with options. Below the path a directory that is no partition is not looked into. */
SL_MUST_CHECK enum sl_code sl_listing_make_with(struct sl_arena *query, struct sl_str path,
                                                const struct sl_listing_options *options,
                                                struct sl_listing *out, struct sl_err *err);

#endif
