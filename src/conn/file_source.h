/* Files as a source, in batch and as a stream: what is the same for every format.  Listing, schema
 * with partition columns, offsets, splits, missing and corrupt files are here; a format turns the
 * bytes of one file into rows. */
#ifndef SL_CONN_FILE_SOURCE_H
#define SL_CONN_FILE_SOURCE_H

#include "conn/file_stream.h"
#include "conn/options.h"
#include "table/prune.h"

struct sl_file_source;

/* A file, or a part of one, that one task reads; in the epoch arena. */
struct sl_file_range {
    const char *path;
    uint64_t bytes;      /* of the file */
    uint64_t begin, end; /* records that begin in here; a whole file: 0 and UINT64_MAX */
    /* Per column of the schema the text of the file's directory `column=text`; ptr NULL: not there,
     * or null (is_null). */
    const struct sl_str *values;
    const bool *is_null;
};

struct sl_format_reader; /* a format's own */
struct sl_file_format {
    const char *name; /* "json" */
    const struct sl_option_table *options;
    bool needs_schema; /* a stream cannot do without, as in Spark */
    bool holds_record; /* its one column is the record as it was read */
    /* NULL: any path. See sl_listing_guard. */
    enum sl_code (*check_path)(const struct sl_file_source *source, int64_t *stamp,
                               struct sl_err *err);
    /* Columns of the files in source->listing, in the query arena; *out NULL: there are none. */
    enum sl_code (*infer)(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err);
    /* source->schema is known: makes source->state, checks option values. */
    enum sl_code (*start)(struct sl_file_source *source, struct sl_err *err);
    bool (*can_split)(const struct sl_file_source *source, const char *path); /* NULL: never */
    /* Optional: conditions over the schema's columns, see conn.h. */
    void (*restrict_to)(struct sl_file_source *source, struct sl_expr *const *conditions,
                        uint32_t count, const uint32_t *columns);
    /* As reader_* of conn.h; columns [0, data_count) of the schema are the format's to fill. */
    enum sl_code (*open)(const struct sl_file_source *source, const struct sl_file_range *range,
                         const bool *wanted, struct sl_format_reader **out, struct sl_err *err);
    enum sl_code (*next)(struct sl_format_reader *reader, uint32_t rows_max, struct sl_batch *batch,
                         struct sl_err *err);
    void (*close)(struct sl_format_reader *reader); /* NULL is fine */
};

struct sl_file_source {
    struct sl_source base;
    const struct sl_file_format *format;
    const struct sl_conn_env *env;
    const struct sl_options *options; /* checked */
    const char *path;                 /* absolute */
    bool streaming;
    bool ignore_missing, ignore_corrupt;
    struct sl_listing listing; /* as at open */
    const struct sl_type *schema;
    uint32_t data_count;   /* the columns behind are partition columns of the listing */
    bool partitions_fixed; /* recursiveFileLookup: no directory is a partition */
    void *state;           /* the format's */
    struct sl_str description;
    struct sl_file_stream stream;
    int64_t planned_start;
    const struct sl_prune_term *terms;
    uint32_t term_count;
};

/* `options` are borrowed. */
SL_MUST_CHECK enum sl_code sl_file_source_open(const struct sl_file_format *format,
                                               const struct sl_conn_env *env,
                                               const struct sl_options *options, struct sl_str path,
                                               bool streaming, struct sl_source **out,
                                               struct sl_err *err);
/* Names, values, and what a stream does not take. */
SL_MUST_CHECK enum sl_code sl_file_source_check(const struct sl_file_format *format,
                                                const struct sl_options *options, bool streaming,
                                                struct sl_err *err);
/* Is there a file to read a schema from? */
SL_MUST_CHECK enum sl_code sl_file_source_exists(struct sl_str path, bool *exists,
                                                 struct sl_err *err);

/* Typed option values, with the format's defaults. */
struct sl_str sl_file_source_str(const struct sl_file_source *source, const char *name);
bool sl_file_source_bool(const struct sl_file_source *source, const char *name);
int64_t sl_file_source_int(const struct sl_file_source *source, const char *name);

/* Rows of the option tables that every format shares. */
#define SL_FILE_SOURCE_PREFIXES "sluice.", "spark.", "pipelines."

#endif
