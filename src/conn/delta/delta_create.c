/* A table before its first rows: another query of the pipeline reads it as a stream and has to know
 * its columns. Source: Spark CreateDeltaTableCommand.scala. */
#include "conn/delta/delta_sink_int.h"
#include "lake/delta/feature.h"

static struct sl_json text_of(struct sl_str text) {
    return (struct sl_json){.kind = SL_JSON_STRING, .text = text};
}

static struct sl_str put_names(struct sl_arena *arena, const struct sl_delta_metadata *metadata) {
    struct sl_buf text = {0};
    sl_buf_put_byte(&text, '[');
    for (uint32_t i = 0; i < metadata->partition_count; i++) {
        if (i) sl_buf_put_byte(&text, ',');
        sl_json_put_string(&text, metadata->partition_columns[i]);
    }
    sl_buf_put_byte(&text, ']');
    struct sl_str names = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return names;
}

static struct sl_str put_properties(struct sl_arena *arena, const struct sl_delta_map *map) {
    struct sl_buf text = {0};
    sl_buf_put_byte(&text, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        if (i) sl_buf_put_byte(&text, ',');
        sl_json_put_string(&text, map->items[i].name);
        sl_buf_put_byte(&text, ':');
        sl_json_put_string(&text, map->items[i].value);
    }
    sl_buf_put_byte(&text, '}');
    struct sl_str properties = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return properties;
}

static enum sl_code commit_empty(struct sl_delta_sink *sink, struct sl_err *err) {
    struct sl_delta_protocol protocol;
    struct sl_str names[] = {SL_STR("partitionBy"), SL_STR("clusterBy"), SL_STR("description"),
                             SL_STR("isManaged"), SL_STR("properties")};
    struct sl_json values[] = {
        text_of(put_names(&sink->batch, &sink->metadata)),
        text_of(SL_STR("[]")),
        {.kind = SL_JSON_NULL},
        text_of(SL_STR("false")),
        text_of(put_properties(&sink->batch, &sink->metadata.configuration))};
    struct sl_json parameters = {.kind = SL_JSON_OBJECT,
                                 .names = names,
                                 .items = values,
                                 .count = sizeof names / sizeof *names};
    struct sl_json none = {.kind = SL_JSON_OBJECT};
    sl_delta_protocol_for(&sink->batch, sink->metadata.schema, &sink->properties, &protocol);
    const struct sl_delta_commit commit = {.info = {.operation = SL_STR("CREATE TABLE"),
                                                    .parameters = parameters,
                                                    .metrics = none,
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
