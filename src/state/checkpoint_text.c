/* The texts of offsets/N and commits/N.
 * Source: Spark OffsetSeqLog.scala, OffsetSeq.scala, CommitLog.scala,
 * HDFSMetadataLog.validateVersion. */
#include "base/hash.h"
#include "state/checkpoint_int.h"

/* Settings that Spark records per batch and forces on restart, in the order Spark 4.1 writes them.
 * legacy: what a missing key means (an old checkpoint), which is not today's default. */
static const struct {
    struct sl_str name, now, legacy;
} recorded_confs[] = {
#define STREAMING "spark.sql.streaming."
    {SL_STR(STREAMING "stateStore.providerClass"),
     SL_STR("org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"),
     SL_STR("org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider")},
    {SL_STR(STREAMING "stateStore.rocksdb.formatVersion"), SL_STR("5"), SL_STR("5")},
    {SL_STR(STREAMING "stateStore.encodingFormat"), SL_STR("unsaferow"), SL_STR("unsaferow")},
    {SL_STR(STREAMING "statefulOperator.useStrictDistribution"), SL_STR("true"), SL_STR("false")},
    {SL_STR(STREAMING "flatMapGroupsWithState.stateFormatVersion"), SL_STR("2"), SL_STR("1")},
    {SL_STR(STREAMING "multipleWatermarkPolicy"), SL_STR("min"), SL_STR("min")},
    {SL_STR(STREAMING "aggregation.stateFormatVersion"), SL_STR("2"), SL_STR("1")},
    {SL_STR("spark.sql.shuffle.partitions"), SL_STR(""), SL_STR("")},
    {SL_STR(STREAMING "join.stateFormatVersion"), SL_STR("2"), SL_STR("1")},
    {SL_STR(STREAMING "stateStore.compression.codec"), SL_STR("lz4"), SL_STR("lz4")},
    {SL_STR("spark.sql.optimizer.pruneFiltersCanPruneStreamingSubplan"), SL_STR("false"),
     SL_STR("true")},
#undef STREAMING
};
enum { CONF_COUNT = sizeof recorded_confs / sizeof *recorded_confs };

static const struct sl_json *find_conf(const struct sl_json *conf, size_t i) {
    const struct sl_json *found = sl_json_get(conf, recorded_confs[i].name);
    /* Spark 3.5.5 wrote this one under a stray name */
    if (!found && i == CONF_COUNT - 1)
        found = sl_json_get(
            conf, SL_STR("spark.databricks.sql.optimizer.pruneFiltersCanPruneStreamingSubplan"));
    return found;
}

void sl_checkpoint_make_conf(struct sl_arena *arena, const struct sl_json *recorded,
                             int shuffle_partitions, struct sl_json *out) {
    *out = (struct sl_json){.kind = SL_JSON_OBJECT, .count = CONF_COUNT};
    out->names = SL_NEW_ARRAY(arena, struct sl_str, CONF_COUNT);
    out->items = SL_NEW_ARRAY(arena, struct sl_json, CONF_COUNT);
    for (size_t i = 0; i < CONF_COUNT; i++) {
        const struct sl_json *found = find_conf(recorded, i);
        struct sl_str value = found              ? found->text
                              : recorded != NULL ? recorded_confs[i].legacy
                                                 : recorded_confs[i].now;
        if (value.len == 0) value = sl_arena_printf(arena, "%d", shuffle_partitions);
        out->names[i] = recorded_confs[i].name;
        out->items[i] = (struct sl_json){.kind = SL_JSON_STRING, .text = value};
    }
}

static struct sl_str take_line(struct sl_str *text) {
    size_t end = sl_str_find(*text, SL_STR("\n"), 0);
    struct sl_str line = end == SIZE_MAX ? *text : sl_str_sub(*text, 0, end);
    *text = end == SIZE_MAX ? (struct sl_str){text->ptr + text->len, 0}
                            : sl_str_sub(*text, end + 1, text->len);
    return line;
}

static enum sl_code parse_version(struct sl_str line, int newest, int *version,
                                  struct sl_err *err) {
    int64_t number;
    if (line.len < 2 || line.ptr[0] != 'v' ||
        !sl_str_to_i64(sl_str_sub(line, 1, line.len), &number) || number < 1) {
        sl_fail(err, SL_USER,
                "incomplete or malformed log file: it starts with `%.*s`, not with a version such "
                "as `v1`",
                (int)(line.len > 40 ? 40 : line.len), line.ptr);
        return sl_hint(err,
                       "the file is truncated or damaged; restore the checkpoint from a backup"),
               SL_USER;
    }
    if (number > newest)
        return sl_fail(
            err, SL_USER,
            "UnsupportedLogVersion: maximum supported log version is v%d, but encountered v%lld",
            newest, (long long)number);
    *version = (int)number;
    return SL_OK;
}

static enum sl_code parse_metadata(struct sl_arena *arena, struct sl_str line,
                                   struct sl_offset_seq *out, struct sl_err *err) {
    struct sl_json json;
    SL_TRY(sl_json_parse(arena, line, &json, err));
    if (json.kind != SL_JSON_OBJECT)
        return sl_fail(err, SL_USER, "line 2 is not the metadata object of a batch");
    out->has_metadata = true;
    sl_json_i64(sl_json_get(&json, SL_STR("batchWatermarkMs")), &out->batch_watermark_ms);
    sl_json_i64(sl_json_get(&json, SL_STR("batchTimestampMs")), &out->batch_timestamp_ms);
    const struct sl_json *conf = sl_json_get(&json, SL_STR("conf"));
    if (conf && conf->kind == SL_JSON_OBJECT) out->conf = *conf;
    return SL_OK;
}

enum sl_code sl_offset_seq_parse(struct sl_arena *arena, struct sl_str text,
                                 struct sl_offset_seq *out, struct sl_err *err) {
    *out = (struct sl_offset_seq){.conf = {.kind = SL_JSON_OBJECT},
                                  .hash = sl_xxh64(text.ptr, text.len, 0)};
    SL_TRY(parse_version(take_line(&text), 1, &out->version, err));
    struct sl_str metadata = take_line(&text);
    if (sl_str_trim(metadata).len) SL_TRY(parse_metadata(arena, metadata, out, err));
    uint32_t lines = 1;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    out->sources = SL_NEW_ARRAY(arena, struct sl_str, lines);
    while (text.len) {
        struct sl_str line = take_line(&text);
        struct sl_json ignored;
        if (sl_str_eq(line, SL_STR("-")))
            line.ptr = NULL, line.len = 0;
        else
            SL_TRY(sl_json_parse(arena, line, &ignored,
                                 err)); /* a torn line must not be taken for an offset */
        out->sources[out->source_count++] = line;
    }
    if (out->source_count == 0) {
        sl_fail(err, SL_USER, "the file ends before the offsets of the sources");
        return sl_hint(err, "the file is truncated; restore the checkpoint from a backup"), SL_USER;
    }
    return SL_OK;
}

void sl_offset_seq_put(struct sl_buf *out, const struct sl_offset_seq *seq) {
    sl_buf_printf(out, "v1\n{\"batchWatermarkMs\":%lld,\"batchTimestampMs\":%lld,\"conf\":",
                  (long long)seq->batch_watermark_ms, (long long)seq->batch_timestamp_ms);
    sl_json_put(out, &seq->conf);
    sl_buf_put_byte(out, '}');
    for (uint32_t i = 0; i < seq->source_count; i++) {
        sl_buf_put_byte(out, '\n');
        if (seq->sources[i].ptr)
            sl_buf_put_str(out, seq->sources[i]);
        else
            sl_buf_put_byte(out, '-');
    }
}

enum sl_code sl_commit_entry_parse(struct sl_arena *arena, struct sl_str text,
                                   struct sl_commit_entry *out, struct sl_err *err) {
    *out = (struct sl_commit_entry){0};
    SL_TRY(parse_version(take_line(&text), 2, &out->version, err));
    text = sl_str_trim(text);
    if (text.len == 0) return SL_OK;
    struct sl_json json;
    SL_TRY(sl_json_parse(arena, text, &json, err));
    const struct sl_json *watermark = sl_json_get(&json, SL_STR("nextBatchWatermarkMs"));
    if (watermark && !sl_json_i64(watermark, &out->next_batch_watermark_ms))
        return sl_fail(err, SL_USER, "nextBatchWatermarkMs is not a whole number");
    return SL_OK;
}
