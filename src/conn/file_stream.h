/* A directory as a stream of files: which files each log offset stands for, exactly as Spark's
 * FileStreamSource keeps it in <checkpoint>/sources/<i>, so that Spark can go on from our
 * checkpoint and we from its.  A file is written to the log before the batch that reads it is
 * planned; so a batch that runs again reads the same files.  Owner: one thread. */
#ifndef SL_CONN_FILE_STREAM_H
#define SL_CONN_FILE_STREAM_H

#include "base/log.h"
#include "conn/seen_files.h"
#include "lake/listing.h"
#include "lake/source_log.h"

enum sl_clean_source { SL_CLEAN_OFF, SL_CLEAN_ARCHIVE, SL_CLEAN_DELETE };

/* Refuses a directory while its files are being exchanged. *stamp differs when they were exchanged
 * between two calls: a listing in between has some of the old and of the new files. */
struct sl_file_source;
struct sl_listing_guard {
    enum sl_code (*check)(const struct sl_file_source *source, int64_t *stamp,
                          struct sl_err *err); /* NULL: nobody exchanges files */
    const struct sl_file_source *source;
};

struct sl_file_stream_config {
    const char *path; /* absolute: a directory or a pattern */
    struct sl_listing_options listing;
    int64_t files_max, bytes_max; /* of a batch; 0: no limit */
    bool latest_first, name_only;
    int64_t age_max_ms;
    enum sl_clean_source clean;
    const char *archive_dir; /* absolute */
    const struct sl_log *log;
    struct sl_listing_guard guard;
};
struct sl_file_stream {
    struct sl_file_stream_config config;
    struct sl_compact_log source_log;
    bool attached;
    struct sl_seen_files seen;
    struct sl_arena pinned; /* what `available now` found at its first call */
    struct sl_listing pinned_files;
    bool is_pinned;
    bool cleaned_again;      /* the last committed batch, at the start */
    int64_t next_listing_ns; /* monotonic: a long listing is not repeated at once */
    uint64_t files_seen, files_waiting;
};

void sl_file_stream_init(struct sl_file_stream *stream, const struct sl_file_stream_config *config);
/* Opens the log and remembers what is in it. log_dir is borrowed. */
SL_MUST_CHECK enum sl_code sl_file_stream_attach(struct sl_file_stream *stream, char *log_dir,
                                                 int compact_interval, struct sl_err *err);
void sl_file_stream_release(struct sl_file_stream *stream);

/* {"logOffset":n}; "" and the bare number of Spark 2.0 too. -1: nothing read yet. */
SL_MUST_CHECK enum sl_code sl_file_stream_parse_offset(struct sl_str text, int64_t *offset,
                                                       struct sl_err *err);
void sl_file_stream_put_offset(struct sl_buf *out, int64_t offset);

/* Lists when the guard lets it, and again when files were exchanged meanwhile; SL_CONFLICT when
 * that does not end. */
SL_MUST_CHECK enum sl_code sl_file_stream_list(struct sl_arena *arena, const char *path,
                                               const struct sl_listing_options *options,
                                               const struct sl_listing_guard *guard,
                                               struct sl_listing *out, struct sl_err *err);

/* Offset behind the next batch: `start`, up to which all is committed, when there is no new file.
 */
SL_MUST_CHECK enum sl_code sl_file_stream_next(struct sl_file_stream *stream, int64_t start,
                                               bool ignore_limits, bool available_now, int64_t *end,
                                               struct sl_err *err);
/* The files of (start, end]. */
SL_MUST_CHECK enum sl_code sl_file_stream_files(const struct sl_file_stream *stream, int64_t start,
                                                int64_t end, struct sl_arena *arena,
                                                struct sl_source_file **files, size_t *count,
                                                struct sl_err *err);
/* cleanSource for the files of (start, end]; trouble is logged, no more. */
void sl_file_stream_clean(struct sl_file_stream *stream, int64_t start, int64_t end);

#endif
