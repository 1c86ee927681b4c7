/* What the checkpoint's stats_parsed shares with the statistics' text. */
#ifndef SL_LAKE_DELTA_STATS_INT_H
#define SL_LAKE_DELTA_STATS_INT_H

#include "base/json.h"
#include "lake/delta/stats.h"

/* Does Spark keep minimum and maximum of the type (SkippingEligibleDataType)? */
static inline bool sl_delta_stats_has_bounds(const struct sl_type *type) {
    return sl_type_is_numeric(type) || sl_type_is_datetime(type) || type->kind == SL_STRING_KIND;
}
/* A bound to a vector of one row in the arena. widen: to a maximum that holds (see stats.h), else
 * as it stands. false: it is no value of the type. */
bool sl_delta_stats_value(const struct sl_json *json, bool widen, struct sl_arena *arena,
                          const struct sl_type *type, struct sl_vec *out);

#endif
