/* How the table, or the topic, that holds dead letters is read back. */
#ifndef SL_RUN_LETTER_TABLE_H
#define SL_RUN_LETTER_TABLE_H

#include "conn/conn.h"
#include "sql/tree.h"

struct sl_letter_table {
    const struct sl_connector *connector; /* that reads it */
    struct sl_str path;
    struct sl_options options;
    bool exists; /* one that does not is no error: nothing has failed yet */
};
/* In the arena. SL_UNSUPPORTED, by name, for formats that are only written. */
SL_MUST_CHECK enum sl_code sl_letter_table_find(const struct sl_statement *holder,
                                                struct sl_arena *arena, struct sl_letter_table *out,
                                                struct sl_err *err);
/* As what stands behind FROM. */
void sl_letter_table_put_sql(struct sl_buf *out, const struct sl_letter_table *table);
/* 'text' or `name`. */
void sl_letter_put_quoted(struct sl_buf *out, struct sl_str text, char quote);

#endif
