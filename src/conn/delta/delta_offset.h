/* How far a stream of a Delta table has come, as Delta's own source writes it into offsets/N.
 * Source: Spark DeltaSourceOffset.scala. Owner: any thread. */
#ifndef SL_CONN_DELTA_OFFSET_H
#define SL_CONN_DELTA_OFFSET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct sl_delta_offset {
    struct sl_str table_id;
    int64_t version, index; /* index: of the last file of the version that is done */
    bool is_snapshot;       /* the files of the whole table at `version`, not of its commit */
};
/* Positions of a version that are no files: in front of it, behind it. The latter is never stored:
 * it is the former of the next version. */
static const int64_t sl_delta_index_base = -100, sl_delta_index_end = INT64_MAX - 100;

/* Table id: in the arena. SL_DATA: not an offset of Delta, or of a version we do not know. */
SL_MUST_CHECK enum sl_code sl_delta_offset_parse(struct sl_arena *arena, struct sl_str json,
                                                 struct sl_delta_offset *out, struct sl_err *err);
void sl_delta_offset_put(struct sl_buf *out, const struct sl_delta_offset *offset);
/* By version, then index: < 0, 0, > 0. Offsets of the same table only. */
int sl_delta_offset_compare(const struct sl_delta_offset *a, const struct sl_delta_offset *b);
/* Where two queries that share their reads meet: the later place. One in the middle of a table's
 * snapshot has read other files than one that came there by the commits; they meet behind the
 * snapshot's version. */
struct sl_delta_offset sl_delta_offset_later(const struct sl_delta_offset *a,
                                             const struct sl_delta_offset *b);

#endif
