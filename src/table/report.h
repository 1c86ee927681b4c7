/* The rows that a maintenance command answers with (OPTIMIZE, VACUUM, DESCRIBE ..): columns from a
 * schema text, rows from JSON objects, so that whoever answers has no vectors to fill.
 * Owner: one thread. */
#ifndef SL_TABLE_REPORT_H
#define SL_TABLE_REPORT_H

#include "base/json.h"
#include "col/batch.h"

struct sl_report {
    const struct sl_type *schema;
    struct sl_batch batch;
};

/* ddl: "path STRING, metrics STRUCT<..>"; of our own, so a wrong one is a bug. */
void sl_report_init(struct sl_report *report, struct sl_arena *arena, const char *ddl);
void sl_report_release(struct sl_report *report); /* safe on a zeroed struct */
/* One row: columns are found by their names, what is missing or null is null, members that are no
 * columns are passed over.  TIMESTAMP: a number of milliseconds. MAP<STRING, STRING>: an object;
 * values that are no texts stand as their JSON. */
SL_MUST_CHECK enum sl_code sl_report_add(struct sl_report *report, const struct sl_json *row,
                                         struct sl_err *err);
/* The same from the object's text. */
SL_MUST_CHECK enum sl_code sl_report_add_text(struct sl_report *report, struct sl_str row,
                                              struct sl_err *err);

/* Columns of DESCRIBE DETAIL, whatever the format. */
extern const char sl_detail_columns[];

#endif
