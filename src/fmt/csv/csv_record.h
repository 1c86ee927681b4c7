/* One CSV record to fields, as univocity's CsvParser cuts it with the settings that Spark gives it
 * (CSVOptions.asParserSettings): quotes count only at the start of a field, an unescaped quote in a
 * quoted field makes the field raw up to the next separator, and a record that ends early is taken
 * as it is.  Owner: one thread. */
#ifndef SL_FMT_CSV_RECORD_H
#define SL_FMT_CSV_RECORD_H

#include "base/buf.h"
#include "base/err.h"

enum { SL_CSV_SEPARATOR_MAX = 8 };

struct sl_csv_syntax {
    char separator[SL_CSV_SEPARATOR_MAX];
    uint32_t separator_len;
    /* -1: none */
    int quote, escape, escape_escape;
    bool trim_leading, trim_trailing; /* of fields without quotes */
};

struct sl_csv_field {
    const char *ptr; /* NULL: nothing stands there */
    uint32_t len;
    bool quoted_empty; /* "" in quotes */
};

struct sl_csv_record {
    struct sl_csv_field *fields;
    uint32_t count, cap;
    uint32_t fields_max; /* option maxColumns; more are counted, not kept */
    struct sl_csv_field surplus;
    struct sl_buf text; /* of fields whose text is not in the record as it is */
};
void sl_csv_record_release(struct sl_csv_record *record);

/* Splits [begin, end) up to the first line break outside of quotes when `lines` (that is
 * multiLine), else all of it. Fields point into the text or into record->text, until the next call.
 * Returns where the next record begins. */
const char *sl_csv_split(const struct sl_csv_syntax *syntax, const char *begin, const char *end,
                         bool lines, struct sl_csv_record *record);

#endif
