#include "conn/delta/delta_source.h"

#include "conn/delta/delta_read.h"
#include "conn/delta/delta_stream.h"
#include "conn/options.h"
#include "kern/cast.h"
#include "lake/delta/delta_error.h"

struct source {
    struct sl_delta_read read;
    int64_t version;
};

static const struct sl_source_ops source_ops;

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/delta/delta_source_options.def"
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {
    "the Delta source", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

enum sl_code sl_delta_source_check(const struct sl_options *options, bool streaming,
                                   struct sl_err *err) {
    return streaming ? sl_delta_stream_check(options, err)
                     : sl_options_check(options, &option_table, err);
}

/* ---- opening: which version ---- */

static enum sl_code version_at(const struct source *source, const struct sl_option *option,
                               int64_t *version, struct sl_err *err) {
    enum { MICROS_PER_MILLI = 1000 };
    int64_t micros;
    struct sl_arena arena;
    if (!sl_parse_timestamp(option->value, source->read.env->session->zone, &micros))
        return sl_fail_at(err, option->span, "DELTA_INVALID_TIMESTAMP_FORMAT", "22007",
                          "`%.*s` is not a timestamp", SL_STR_ARG(option->value));
    int64_t ms = micros / MICROS_PER_MILLI - (micros % MICROS_PER_MILLI < 0);
    sl_arena_init(&arena, "Delta log");
    enum sl_code code = sl_delta_log_version_at(&arena, source->read.table_dir, ms, version, err);
    sl_arena_release(&arena);
    return code;
}

/* -1: the newest. */
static enum sl_code choose_version(const struct source *source, const struct sl_options *options,
                                   int64_t *version, struct sl_err *err) {
    const struct sl_option *number = sl_options_find(options, SL_STR("versionAsOf")),
                           *moment = sl_options_find(options, SL_STR("timestampAsOf"));
    *version = -1;
    if (number && moment)
        return sl_fail_at(err, moment->span, "DELTA_ONEOF_IN_TIMETRAVEL", "42601",
                          "give either versionAsOf or timestampAsOf, not both");
    if (moment) return version_at(source, moment, version, err);
    if (number && (!sl_str_to_i64(number->value, version) || *version < 0))
        return sl_fail_at(err, number->span, "DELTA_INVALID_VERSION", "22003",
                          "versionAsOf is `%.*s`, which is not the number of a version",
                          SL_STR_ARG(number->value));
    return SL_OK;
}

static enum sl_code open_version(struct source *source, const struct sl_options *options,
                                 struct sl_err *err) {
    struct sl_delta_read *read = &source->read;
    struct sl_delta_snapshot *snapshot;
    int64_t version;
    SL_TRY(choose_version(source, options, &version, err));
    enum sl_code code =
        sl_delta_snapshot_open(read->table_dir, version, read->env->budget, &snapshot, err);
    if (code != SL_OK) return sl_context(err, "Delta table `%s`", read->table_dir), code;
    if (!snapshot) return sl_delta_read_no_table(read->table_dir, err);
    source->version = sl_delta_snapshot_version(snapshot);
    code = sl_delta_read_begin(read, sl_delta_snapshot_metadata(snapshot), err);
    sl_delta_snapshot_close(snapshot);
    return code;
}

enum sl_code sl_delta_source_open(const struct sl_conn_env *env, const struct sl_options *options,
                                  struct sl_str path, bool streaming, struct sl_source **out,
                                  struct sl_err *err) {
    if (streaming) return sl_delta_stream_open(env, options, path, out, err);
    SL_TRY(sl_delta_source_check(options, false, err));
    struct source *source = SL_NEW(env->query, struct source);
    struct sl_delta_read *read = &source->read;
    *read = (struct sl_delta_read){.base.ops = &source_ops,
                                   .env = env,
                                   .table_dir = sl_delta_read_dir(env->query, options, path)};
    SL_TRY(open_version(source, options, err));
    read->description = sl_arena_printf(env->query, "delta %s version %lld", read->table_dir,
                                        (long long)source->version);
    *out = &read->base;
    return SL_OK;
}

/* The snapshot is opened again, at the same version: between the two, a source that is never run
 * has nothing to close. */
static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    (void)start, (void)end, (void)tasks;
    struct source *source = (struct source *)base;
    struct sl_delta_read *read = &source->read;
    struct sl_delta_snapshot *snapshot;
    struct sl_delta_files files;
    SL_TRY(sl_delta_snapshot_open(read->table_dir, source->version, read->env->budget, &snapshot,
                                  err));
    if (!snapshot) return sl_delta_read_no_table(read->table_dir, err);
    enum sl_code code =
        sl_delta_files_list(snapshot, &read->columns, read->scan, epoch, &files, err);
    sl_delta_snapshot_close(snapshot);
    if (code != SL_OK) return sl_context(err, "Delta table `%s`", read->table_dir), code;
    *count = files.count;
    *splits = sl_delta_read_splits(epoch, &files);
    return SL_OK;
}

static void close_source(struct sl_source *base) { (void)base; }

static const struct sl_source_ops source_ops = {
    .name = "delta",
    .schema = sl_delta_read_schema,
    .description = sl_delta_read_description,
    .plan = plan,
    .restrict_to = sl_delta_read_restrict,
    .reader_open = sl_delta_reader_open,
    .reader_next = sl_delta_reader_next,
    .reader_close = sl_delta_reader_close,
    .close = close_source,
};
