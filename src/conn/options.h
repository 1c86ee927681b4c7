/* Option tables of connectors: one row per option, from which come parsing, checking, suggestions
 * and the docs page.  A connector includes its own <name>_options.def to make its rows. */
#ifndef SL_CONN_OPTIONS_H
#define SL_CONN_OPTIONS_H

#include "conn/conn.h"

enum sl_option_type { SL_OPT_STRING, SL_OPT_BOOL, SL_OPT_INT, SL_OPT_BYTES, SL_OPT_DURATION_MS };

struct sl_option_row {
    const char *name;
    enum sl_option_type type;
    const char *default_text; /* as documented; "" = none */
    const char *doc;
};
struct sl_option_table {
    const char *owner; /* "the Kafka source": for messages */
    const struct sl_option_row *rows;
    size_t count;
    /* Names with one of these prefixes are not checked here (NULL-terminated; NULL = none). */
    const char *const *free_prefixes;
};

/* Every option must be in the table (names ignoring case) and of its type. Errors carry the
 * option's span: SL_USER with the nearest name as hint. */
SL_MUST_CHECK enum sl_code sl_options_check(const struct sl_options *options,
                                            const struct sl_option_table *table,
                                            struct sl_err *err);
/* Typed values after a successful check; the default's value when absent ("" = 0, false, empty). */
struct sl_str sl_options_str(const struct sl_options *options, const struct sl_option_table *table,
                             const char *name);
int64_t sl_options_int(const struct sl_options *options, const struct sl_option_table *table,
                       const char *name);
bool sl_options_bool(const struct sl_options *options, const struct sl_option_table *table,
                     const char *name);
/* A setting of the session (spark.*, sluice.*), or NULL. */
const char *sl_conn_setting(const struct sl_conn_env *env, const char *name);

#endif
