#include "conn/writing.h"

#include "lake/place.h"

enum { ENCODER_SHARE = 6, TASK_BYTES_MIN = 8 << 20 };

enum sl_code sl_writing_table_dir(const struct sl_conn_env *env,
                                  const struct sl_sink_config *config, const char **out,
                                  struct sl_err *err) {
    if (config->path.len == 0) {
        sl_fail(err, SL_USER, "table `%.*s` has no directory", SL_STR_ARG(config->name));
        return sl_hint(err, "add LOCATION '/path/of/the/table'"), SL_USER;
    }
    *out = sl_arena_cstr(env->query, sl_place_plain(config->path));
    return SL_OK;
}

enum sl_code sl_writing_check_partitions(const struct sl_sink_config *config, struct sl_err *err) {
    const struct sl_type *schema = config->schema;
    for (uint32_t i = 0; i < config->partition_count; i++) {
        const struct sl_field *field = &schema->fields[config->partition_columns[i]];
        if (sl_type_is_nested(field->type))
            return sl_fail(err, SL_USER,
                           "cannot use `%.*s` of a nested type for a partition column",
                           SL_STR_ARG(field->name));
    }
    if (config->partition_count == schema->field_count)
        return sl_fail(err, SL_USER, "cannot use all columns for partition columns");
    return SL_OK;
}

static enum sl_code read_codec(const struct sl_conn_env *env, const struct sl_options *options,
                               const struct sl_option_table *table, enum sl_codec *out,
                               struct sl_err *err) {
    struct sl_str codec = sl_options_str(options, table, "compression");
    const struct sl_option *given = sl_options_find(options, SL_STR("compression"));
    const char *setting = sl_conn_setting(env, "spark.sql.parquet.compression.codec");
    if (!given && setting) codec = sl_str(setting);
    if (sl_codec_parse(codec, out)) return SL_OK;
    sl_fail_at(err, given ? given->span : (struct sl_span){0}, "CODEC_NOT_AVAILABLE", "56038",
               "the codec `%.*s` is not available", SL_STR_ARG(codec));
    return sl_hint(err, "available codecs: snappy, zstd, lz4_raw, gzip, none"), SL_USER;
}

enum sl_code sl_writing_read(const struct sl_conn_env *env, const struct sl_options *options,
                             const struct sl_option_table *table,
                             struct sl_table_writer_config *out, struct sl_err *err) {
    struct sl_parquet_write_options *encoding = &out->encoding;
    sl_parquet_write_options_init(encoding);
    SL_TRY(read_codec(env, options, table, &encoding->codec, err));
    encoding->zstd_level = (int)sl_options_int(options, table, "compressionLevel");
    encoding->row_group_bytes = (size_t)sl_options_int(options, table, "parquet.block.size");
    encoding->page_bytes = (size_t)sl_options_int(options, table, "parquet.page.size");
    encoding->dictionary = sl_options_bool(options, table, "parquet.enable.dictionary");
    encoding->adaptive_codec = sl_options_bool(options, table, "sluice.adaptiveCodec");
    out->rows_per_file_max = (uint64_t)sl_options_int(options, table, "maxRecordsPerFile");
    int64_t open_max = sl_options_int(options, table, "sluice.maxOpenPartitions");
    out->open_partitions_max = open_max < 1 ? 1 : (uint32_t)open_max;
    return SL_OK;
}

size_t sl_writing_task_bytes(const struct sl_conn_env *env, uint32_t tasks) {
    size_t memory = env->budget ? env->budget->limit_bytes : 0,
           bytes = memory / ENCODER_SHARE / (tasks ? tasks : 1);
    return bytes < TASK_BYTES_MIN ? TASK_BYTES_MIN : bytes;
}
