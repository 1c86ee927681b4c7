/* Dead letters as the source of the query that they fell out of: rows of the letters' table, with
 * the columns, and the origins, that they had when they came from Kafka. */
#ifndef SL_RUN_REPLAY_SOURCE_H
#define SL_RUN_REPLAY_SOURCE_H

#include "conn/conn.h"
#include "run/replay_file.h"
#include "sql/tree.h"

struct sl_replay_spec {
    const struct sl_conn_env *env;
    const struct sl_statement *holder; /* the table that has the letters */
    struct sl_str query, query_id;     /* whose: name and checkpoint */
    const struct sl_source *original;  /* what the letters came from */
    const bool *wanted;                /* columns of it that the query reads */
};
/* Letters of these batches; ids NULL: all. Refuses, by name, a table that cannot be read, a source
 * that is not Kafka's, and columns that letters do not keep. close frees it. */
SL_MUST_CHECK enum sl_code sl_replay_source_open(const struct sl_replay_spec *spec,
                                                 const struct sl_replay_ids *ids,
                                                 struct sl_source **out, struct sl_err *err);
/* Batch ids that have letters of this query; none when there is no table yet. Letters that were
 * written before they kept their query's id are taken by its name. *foreign: those of other
 * checkpoints of a query of this name. */
SL_MUST_CHECK enum sl_code sl_replay_source_ids(const struct sl_replay_spec *spec,
                                                struct sl_arena *arena, struct sl_replay_ids *out,
                                                uint64_t *foreign, struct sl_err *err);

#endif
