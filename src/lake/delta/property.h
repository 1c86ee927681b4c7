/* Names of Delta's table properties. */
#ifndef SL_LAKE_DELTA_PROPERTY_H
#define SL_LAKE_DELTA_PROPERTY_H

#include "base/str.h"

/* Does Delta know it? name: with `delta.`; case does not matter, as in Spark. */
bool sl_delta_property_is_known(struct sl_str name);
/* The nearest name, without `delta.`; NULL if none is near. */
const char *sl_delta_property_nearest(struct sl_str name);

#endif
