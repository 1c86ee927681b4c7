/* The options of a Delta stream. Source: Spark DeltaOptions.scala. */
#include "conn/delta/delta_stream.h"
#include "conn/delta/delta_stream_int.h"
#include "conn/options.h"
#include "expr/program.h"
#include "lake/delta/delta_error.h"

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/delta/delta_stream_options.def"
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {"the stream of a Delta table", option_rows,
                                                    sizeof option_rows / sizeof *option_rows,
                                                    free_prefixes};

static enum sl_code illegal(const struct sl_option *option, const char *explain,
                            struct sl_err *err) {
    return sl_fail_at(err, option->span, "DELTA_ILLEGAL_OPTION", "42616",
                      "invalid value '%.*s' for option '%.*s', %s", SL_STR_ARG(option->value),
                      SL_STR_ARG(option->name), explain);
}

static enum sl_code check_limits(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *files = sl_options_find(options, SL_STR("maxFilesPerTrigger")),
                           *bytes = sl_options_find(options, SL_STR("maxBytesPerTrigger"));
    if (files && sl_options_int(options, &option_table, "maxFilesPerTrigger") < 1)
        return illegal(files, "must be a positive integer", err);
    if (bytes && sl_options_int(options, &option_table, "maxBytesPerTrigger") < 1)
        return illegal(bytes, "must be a size configuration such as '10g'", err);
    return SL_OK;
}

static enum sl_code check_time_travel(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *option = sl_options_find(options, SL_STR("versionAsOf"));
    if (!option) option = sl_options_find(options, SL_STR("timestampAsOf"));
    if (!option) return SL_OK;
    sl_fail_at(err, option->span, "DELTA_UNSUPPORTED_TIME_TRAVEL_VIEWS", "0AKDC",
               "a stream cannot be read as of a version or a moment");
    return sl_hint(err, "startingVersion and startingTimestamp say where a stream begins"), SL_USER;
}

enum sl_code sl_delta_stream_check(const struct sl_options *options, struct sl_err *err) {
    const struct sl_option *version = sl_options_find(options, SL_STR("startingVersion")),
                           *moment = sl_options_find(options, SL_STR("startingTimestamp"));
    int64_t number;
    SL_TRY(check_time_travel(options, err));
    SL_TRY(sl_options_check(options, &option_table, err));
    SL_TRY(check_limits(options, err));
    if (version && moment)
        return sl_fail_at(err, moment->span, "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET",
                          "42613", "give either startingVersion or startingTimestamp, not both");
    if (version && !sl_str_eq(version->value, SL_STR("latest")) &&
        (!sl_str_to_i64(version->value, &number) || number < 0))
        return illegal(version, "must be greater than or equal to zero", err);
    return SL_OK;
}

static enum sl_code read_exclusion(struct sl_delta_stream *stream, const struct sl_option *option,
                                   struct sl_err *err) {
    struct sl_expr_ctx ctx = {stream->read.env->query, stream->read.env->session};
    struct sl_expr *args[] = {sl_expr_column(&ctx, 0, &sl_type_string, false),
                              sl_expr_literal_str(&ctx, option->value)};
    struct sl_program *program = NULL;
    enum sl_code code =
        sl_expr_call(&ctx, SL_STR("rlike"), args, 2, option->span, &stream->excluded, err);
    if (code == SL_OK) code = sl_program_new(&stream->excluded, 1, &program, err);
    sl_program_free(program);
    if (code == SL_OK) return SL_OK;
    return sl_fail_at(err, option->span, "DELTA_REGEX_OPT_SYNTAX_ERROR", "2201B",
                      "please recheck your syntax for 'excludeRegex': `%.*s` is not a regular "
                      "expression",
                      SL_STR_ARG(option->value));
}

static struct sl_str given(const struct sl_options *options, const char *name) {
    const struct sl_option *option = sl_options_find(options, sl_str(name));
    return option ? option->value : (struct sl_str){0};
}

enum sl_code sl_delta_stream_read_options(struct sl_delta_stream *stream,
                                          const struct sl_options *options, struct sl_err *err) {
    struct sl_delta_changes *changes = &stream->changes;
    bool ignore_files = sl_options_bool(options, &option_table, "ignoreFileDeletion");
    const struct sl_option *exclusion = sl_options_find(options, SL_STR("excludeRegex"));
    SL_TRY(sl_delta_stream_check(options, err));
    stream->starting_version = given(options, "startingVersion");
    stream->starting_timestamp = given(options, "startingTimestamp");
    stream->files_max = stream->bytes_max = INT64_MAX;
    if (given(options, "maxBytesPerTrigger").ptr)
        stream->bytes_max = sl_options_int(options, &option_table, "maxBytesPerTrigger");
    if (given(options, "maxFilesPerTrigger").ptr || stream->bytes_max == INT64_MAX)
        stream->files_max = sl_options_int(options, &option_table, "maxFilesPerTrigger");
    changes->skip_changes = sl_options_bool(options, &option_table, "skipChangeCommits");
    changes->allow_changes = changes->skip_changes || ignore_files ||
                             sl_options_bool(options, &option_table, "ignoreChanges");
    changes->allow_deletes =
        changes->allow_changes || sl_options_bool(options, &option_table, "ignoreDeletes");
    changes->fail_on_data_loss = sl_options_bool(options, &option_table, "failOnDataLoss");
    return exclusion ? read_exclusion(stream, exclusion, err) : SL_OK;
}
