/* A table before its first rows: another query of the pipeline reads it as a stream and has to know
 * its columns. Source: Spark CreateDeltaTableCommand.scala. */
#include "conn/delta/delta_info.h"
#include "conn/delta/delta_sink_int.h"
#include "lake/delta/feature.h"

static enum sl_code commit_empty(struct sl_delta_sink *sink, struct sl_err *err) {
    struct sl_delta_protocol protocol;
    struct sl_delta_info parameters = {&sink->batch}, none = {&sink->batch};
    sl_delta_info_put_names(&parameters, "partitionBy", sink->metadata.partition_columns,
                            sink->metadata.partition_count);
    sl_delta_info_put(&parameters, "clusterBy", SL_STR("[]"));
    sl_delta_info_put(&parameters, "description", (struct sl_str){0});
    sl_delta_info_put(&parameters, "isManaged", SL_STR("false"));
    sl_delta_info_put_map(&parameters, "properties", &sink->metadata.configuration);
    sl_delta_protocol_for(&sink->batch, sink->metadata.schema, &sink->properties, &protocol);
    const struct sl_delta_commit commit = {.info = {.operation = SL_STR("CREATE TABLE"),
                                                    .parameters = sl_delta_info_json(&parameters),
                                                    .metrics = sl_delta_info_json(&none),
                                                    .is_blind_append = true},
                                           .scope = SL_DELTA_BLIND,
                                           .protocol = &protocol,
                                           .metadata = &sink->metadata};
    SL_TRY(sl_io_make_dirs(sink->table_dir, err));
    return sl_delta_create(sink->table_dir, &commit, err);
}

enum sl_code sl_delta_sink_create(struct sl_sink *base, struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    SL_TRY(sl_delta_sink_follow(sink, err));
    if (sink->snapshot) return SL_OK;
    enum sl_code code = commit_empty(sink, err);
    sl_delta_batch_clear(sink);
    if (code == SL_CONFLICT && err) sl_err_clear(err); /* somebody was faster: his table, then */
    return code == SL_OK || code == SL_CONFLICT ? sl_delta_sink_follow(sink, err) : code;
}
