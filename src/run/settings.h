/* Settings: names and values from the command line (-s), SET statements and defaults, in that order
 * of precedence.  spark.* names mean what they mean in Spark; sluice.* are our own; any other name
 * is a variable for `${name}`.  Owner: one thread; texts are copied. */
#ifndef SL_RUN_SETTINGS_H
#define SL_RUN_SETTINGS_H

#include "base/arena.h"
#include "base/err.h"

enum sl_setting_origin { SL_FROM_DEFAULT, SL_FROM_FILE, SL_FROM_COMMAND_LINE };

struct sl_settings;
struct sl_settings *sl_settings_new(struct sl_arena *arena);
/* A higher origin wins over a lower one, the later over the earlier of the same origin. */
void sl_settings_set(struct sl_settings *settings, struct sl_str name, struct sl_str value,
                     enum sl_setting_origin origin);
/* NULL when unset (and no default). */
const char *sl_settings_get(const struct sl_settings *settings, struct sl_str name);
bool sl_settings_bool(const struct sl_settings *settings, const char *name);
int64_t sl_settings_int(const struct sl_settings *settings, const char *name);
/* For sl_sql_substitute (only what was set, no defaults) and sl_conn_env. */
bool sl_settings_lookup(void *settings, struct sl_str name, struct sl_str *value);
const char *sl_settings_client(void *settings, struct sl_str name);

#endif
