/* Protocol versions and table features: what we read, write or refuse by name (feature.def is the
 * one table; PROTOCOL.md "Table Features"). Owner: any thread. */
#ifndef SL_LAKE_DELTA_FEATURE_H
#define SL_LAKE_DELTA_FEATURE_H

#include "lake/delta/action.h"

/* SL_UNSUPPORTED (DELTA_UNSUPPORTED_FEATURES_FOR_READ / _FOR_WRITE, or
 * DELTA_INVALID_PROTOCOL_VERSION) names every feature that is in the way. */
SL_MUST_CHECK enum sl_code sl_delta_check_read(const struct sl_delta_protocol *protocol,
                                               const struct sl_delta_metadata *metadata,
                                               struct sl_err *err);
/* Also refuses what this table demands of a writer and we do not do: generated columns, identity
 * columns, column defaults, row tracking, column mapping ..  What it lets pass is the caller's to
 * keep: CHECK constraints and invariants are evaluated by who writes rows, appendOnly and
 * inCommitTimestamp by the commit; whole files added and removed need no change data files. */
SL_MUST_CHECK enum sl_code sl_delta_check_write(const struct sl_delta_protocol *protocol,
                                                const struct sl_delta_metadata *metadata,
                                                struct sl_err *err);
/* The lowest protocol that a new table of this schema and configuration needs: (1,2) unless a
 * feature asks (TIMESTAMP_NTZ: (3,7) with timestampNtz). Features in the arena. */
void sl_delta_protocol_for(struct sl_arena *arena, const struct sl_type *schema,
                           const struct sl_delta_map *configuration, struct sl_delta_protocol *out);
bool sl_delta_protocol_has(const struct sl_delta_protocol *protocol, struct sl_str writer_feature);

#endif
