/* sluice.onSchemaDrift = evolve: a field that records have and the schema of from_json lacks
 * becomes a part of the schema, and so, where the query selects a star of what was parsed, a
 * column.
 *
 * The batch that meets such a field is thrown away before anything of it is committed; the query is
 * bound anew with the field, the sink opened anew with the column, the field written to
 * .sluice/schema/N (schema_file.h), and the same batch, planned in offsets/N, runs again.  So a
 * crash at any step leaves a planned batch, which runs with the newest file. */
#ifndef SL_RUN_QUERY_EVOLVE_H
#define SL_RUN_QUERY_EVOLVE_H

#include "run/query_int.h"

struct sl_query_evolution {
    struct sl_arena arena; /* life of the query */
    struct sl_evolution fields;
    struct sl_rebind rebind;
    struct sl_drift settled; /* fields of this run that were added, or have no place */
    uint32_t fields_max;     /* sluice.onSchemaDrift.maxFields */
    uint32_t reported;       /* fields that a report has had, or that an earlier run found */
    int64_t newest;          /* file; -1: none */
    bool has_place;          /* a field more, at the top, would be seen in the query's rows */
};

/* The mode is EVOLVE: what earlier runs found. Behind the checkpoint, before the query is bound. */
SL_MUST_CHECK enum sl_code sl_query_evolve_open(struct sl_query *query, struct sl_err *err);
/* Is what is bound fit for it? Refused are sinks with fixed columns and queries with state. */
SL_MUST_CHECK enum sl_code sl_query_evolve_check(struct sl_query *query,
                                                 const struct sl_bound_query *bound,
                                                 struct sl_err *err);
void sl_query_evolve_close(struct sl_query *query);

/* After the rows of a batch, before its commit. *again: there are fields for which the batch has to
 * run again, behind sl_query_evolve; fields without a place are told. SL_DATA: too many. */
SL_MUST_CHECK enum sl_code sl_query_evolve_find(struct sl_query *query, bool *again,
                                                struct sl_err *err);
/* The batch is aborted: plan and sink with the fields found. hash: of offsets/N. */
SL_MUST_CHECK enum sl_code sl_query_evolve(struct sl_query *query, uint64_t hash,
                                           struct sl_err *err);

#endif
