/* The quarantine of a query: records that failed (col/fault.h) become rows of a second sink, with
 * everything that is needed to find, explain and replay them.  They commit with the batch that read
 * them, in front of its rows.
 *
 * Of a Kafka record the columns are kept as they came.  Of another source's row: topic is the path
 * or table, offset the line where it is known, value the row as JSON text, but of a file's record
 * that could not be parsed, and of a line of a text file, the text as it stands there; the header
 * `byte` says where.
 *
 * Owner: the query; takes from many tasks are guarded by the mutex.
 */
#ifndef SL_RUN_DEAD_LETTER_H
#define SL_RUN_DEAD_LETTER_H

#include <pthread.h>

#include "conn/conn.h"
#include "expr/expr.h"

/* Columns of a dead letter, in order. */
enum sl_letter_column {
    SL_LETTER_QUERY,
    SL_LETTER_BATCH_ID,
    SL_LETTER_TOPIC,
    SL_LETTER_PARTITION,
    SL_LETTER_OFFSET,
    SL_LETTER_TIMESTAMP,
    SL_LETTER_KEY,
    SL_LETTER_VALUE,
    SL_LETTER_HEADERS,
    SL_LETTER_KIND,
    SL_LETTER_RULE,
    SL_LETTER_ERROR_CLASS,
    SL_LETTER_SQLSTATE,
    SL_LETTER_ERROR,
    SL_LETTER_FAILED_AT, /* the batch's time, so that a replayed batch makes equal letters */
    SL_LETTER_QUERY_ID,  /* of the checkpoint; old letters lack it, so it stands last */
    SL_LETTER_COLUMNS
};
const struct sl_type *sl_letter_schema(void);

enum { SL_LETTER_SAMPLES = 3, SL_FAULT_KINDS = SL_FAULT_LATE + 1 };

struct sl_letter_source; /* where the columns of a source's batch go */

struct sl_letters {
    struct sl_arena *query_arena;
    struct sl_sink *sink;
    struct sl_str query;    /* its name */
    struct sl_str query_id; /* its checkpoint's; a batch id means something only with it */
    int64_t rows_max;       /* 'sluice.quarantine.maxRows'; 0: no limit */
    double ratio_max;       /* 'sluice.quarantine.maxRatio', of the records read */
    bool every_batch;       /* the sink's log has to name every batch, also those without letters */
    const struct sl_session *session;
    struct sl_letter_source *sources;
    /* the batch */
    int64_t batch_id, failed_at_us;
    bool committed; /* the sink holds this batch's letters: they are counted, not written */
    /* results */
    pthread_mutex_t mutex;
    uint64_t count, by_kind[SL_FAULT_KINDS];
    uint64_t digest; /* of coordinates and rules, whatever their order */
    char samples[SL_LETTER_SAMPLES][208];
};

/* Everything lives in the query arena; release destroys the mutex only. */
struct sl_letters *sl_letters_new(struct sl_arena *query, struct sl_str name,
                                  struct sl_str query_id, const struct sl_session *session);
void sl_letters_release(struct sl_letters *letters);
/* What the letters of this source's rows are made of; before the first batch. */
SL_MUST_CHECK enum sl_code sl_letters_add_source(struct sl_letters *letters,
                                                 const struct sl_source *source,
                                                 struct sl_err *err);
void sl_letters_begin(struct sl_letters *letters, int64_t batch_id, int64_t failed_at_us,
                      bool committed);
/* SL_DATA when a limit is passed; the message has counts and the first letters. */
SL_MUST_CHECK enum sl_code sl_letters_check(struct sl_letters *letters, uint64_t rows_read,
                                            struct sl_err *err);

/* One task's writer. close frees it, whatever happened; returns code, or what closing failed with.
 */
struct sl_letter_task;
SL_MUST_CHECK enum sl_code sl_letter_task_open(struct sl_letters *letters, uint32_t number,
                                               struct sl_letter_task **out, struct sl_err *err);
/* source: the batch that the faults speak of, with every column read. */
SL_MUST_CHECK enum sl_code sl_letter_task_take(struct sl_letter_task *task,
                                               const struct sl_batch *source,
                                               const struct sl_faults *faults, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_letter_task_close(struct sl_letter_task *task, enum sl_code code,
                                                struct sl_err *err);

#endif
