/* The dead letters of a pipeline's queries, read back from the tables that hold them, in rows of
 * one shape.  Under the list and the counts of `sluice dlq`. */
#ifndef SL_RUN_LETTER_READ_H
#define SL_RUN_LETTER_READ_H

#include "run/batch_query.h"
#include "run/letter_owner.h"

/* What is read. */
struct sl_letter_reading {
    struct sl_pipeline *pipeline;
    const struct sl_letter_owners *owners;
    struct sl_str query; /* "": of all */
};

/* SL_USER when there is no such query, or none of those meant ("": all) has a quarantine. */
SL_MUST_CHECK enum sl_code sl_letters_require_query(struct sl_pipeline *pipeline,
                                                    struct sl_str query, struct sl_err *err);
/* Columns of a listed letter; texts of key, value and headers as STRING. */
enum sl_listed_column {
    SL_LISTED_FAILED_AT,
    SL_LISTED_BATCH_ID,
    SL_LISTED_PARTITION,
    SL_LISTED_OFFSET,
    SL_LISTED_QUERY,
    SL_LISTED_QUERY_ID,
    SL_LISTED_TOPIC,
    SL_LISTED_KIND,
    SL_LISTED_RULE,
    SL_LISTED_ERROR_CLASS,
    SL_LISTED_SQLSTATE,
    SL_LISTED_ERROR,
    SL_LISTED_TIMESTAMP,
    SL_LISTED_KEY,
    SL_LISTED_VALUE,
    SL_LISTED_HEADERS
};

/* Every letter that is meant, table by table; begin is called for each table that is there. Without
 * texts the columns from SL_LISTED_ERROR_CLASS on are left out. Warns of a quarantine that is not
 * there though no query of the pipeline has a checkpoint: most likely a wrong path. */
SL_MUST_CHECK enum sl_code sl_letters_read(const struct sl_letter_reading *reading, bool texts,
                                           sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                           struct sl_err *err);
/* Values of a row, of columns in any encoding; -1 and "" for NULL. */
int64_t sl_listed_int(const struct sl_batch *batch, int column, uint32_t row);
struct sl_str sl_listed_text(const struct sl_batch *batch, int column, uint32_t row);

#endif
