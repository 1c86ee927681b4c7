/* The connectors json, csv and text, and `files` behind read_files(..). */
#include "conn/files/files.h"

#include "base/hash.h"
#include "kern/cast.h"
#include "kern/number.h"

enum sl_code sl_files_check_encoding(const struct sl_file_source *source, struct sl_err *err) {
    const struct sl_option *option = sl_options_find(source->options, SL_STR("encoding"));
    if (!option) option = sl_options_find(source->options, SL_STR("charset"));
    struct sl_str text = option ? option->value : (struct sl_str){0};
    if (!text.len || sl_str_eq_nocase(text, SL_STR("UTF-8")) ||
        sl_str_eq_nocase(text, SL_STR("UTF8")))
        return SL_OK;
    sl_fail_at(err, option->span, "INVALID_PARAMETER_VALUE.CHARSET", "22023",
               "files are read as UTF-8, not as `%.*s`", SL_STR_ARG(text));
    return sl_hint(err, "convert them first: iconv -t UTF-8"), SL_UNSUPPORTED;
}

void sl_files_set_origin(struct sl_batch *batch, const char *path, uint32_t rows,
                         const int64_t *numbers) {
    batch->rows = batch->selected_rows = rows;
    batch->selected = NULL;
    batch->origin = (struct sl_origin){"file", path, -1, numbers};
}

void sl_files_add_malformed(struct sl_faults *faults, uint32_t row,
                            const struct sl_malformed *malformed) {
    enum { SHOWN_BYTES = 4096 };
    struct sl_buf msg = {0};
    struct sl_str text = malformed->text, reason = malformed->reason;
    size_t shown = text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len;
    sl_buf_printf(&msg, "%.*s in: ", SL_STR_ARG(reason));
    sl_buf_put(&msg, text.ptr, shown);
    struct sl_fault fault = {.row = row,
                             .kind = SL_FAULT_MALFORMED,
                             .rule = sl_str(malformed->format),
                             .condition = SL_STR("MALFORMED_RECORD_IN_PARSING"),
                             .sqlstate = SL_STR("22023"),
                             .msg = sl_buf_str(&msg),
                             .record_at = malformed->at};
    if (!malformed->is_part) fault.record = text;
    sl_faults_add(faults, &fault);
    sl_buf_release(&msg);
}

static bool may_be_number(struct sl_str text) {
    text = sl_str_trim(text);
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = sl_str_sub(text, 1, text.len);
    bool word = text.len && ((text.ptr[0] | 0x20) == 'i' || (text.ptr[0] | 0x20) == 'n');
    return !word || sl_str_eq(text, SL_STR("NaN")) || sl_str_eq(text, SL_STR("Infinity"));
}

bool sl_files_parse_f64(struct sl_str text, double *out) {
    return may_be_number(text) && sl_parse_f64(text, out);
}

bool sl_files_parse_f32(struct sl_str text, float *out) {
    return may_be_number(text) && sl_number_parse_f32(text, out);
}

enum sl_code sl_files_sampling(const struct sl_file_source *source, double *ratio,
                               struct sl_err *err) {
    struct sl_str text = sl_file_source_str(source, "samplingRatio");
    if (sl_parse_f64(text, ratio) && *ratio > 0 && *ratio <= 1) return SL_OK;
    return sl_fail_at(err, sl_options_find(source->options, SL_STR("samplingRatio"))->span, "", "",
                      "samplingRatio (%.*s) should be greater than 0 and at most 1",
                      SL_STR_ARG(text));
}

bool sl_files_is_sampled(double ratio, uint64_t record) {
    if (ratio >= 1) return true;
    uint64_t state = record;
    return (double)(sl_random_next(&state) >> 11) * 0x1p-53 < ratio;
}

/* ---- connectors ---- */

#define FILES_CONNECTOR(format)                                                                    \
    static enum sl_code format##_open(                                                             \
        const struct sl_conn_env *env, const struct sl_options *options, struct sl_str path,       \
        bool streaming, struct sl_source **out, struct sl_err *err) {                              \
        return sl_file_source_open(&sl_##format##_format, env, options, path, streaming, out,      \
                                   err);                                                           \
    }                                                                                              \
    static enum sl_code format##_check(const struct sl_conn_env *env,                              \
                                       const struct sl_options *options, bool streaming,           \
                                       bool sink, struct sl_err *err) {                            \
        (void)env, (void)sink;                                                                     \
        return sl_file_source_check(&sl_##format##_format, options, streaming, err);               \
    }                                                                                              \
    const struct sl_connector sl_##format##_connector = {.name = #format,                          \
                                                         .open_source = format##_open,             \
                                                         .exists = sl_file_source_exists,          \
                                                         .check = format##_check};
FILES_CONNECTOR(text)
FILES_CONNECTOR(json)
FILES_CONNECTOR(csv)

/* ---- read_files ---- */

/* read_files('/data', ..): the first argument has no name. */
static struct sl_options *named_options(struct sl_arena *arena, const struct sl_options *options) {
    struct sl_option *items = SL_NEW_ARRAY(arena, struct sl_option, options->count + 1);
    struct sl_options *out = SL_NEW(arena, struct sl_options);
    for (uint32_t i = 0; i < options->count; i++) {
        items[i] = options->items[i];
        if (sl_str_eq(items[i].name, SL_STR("0"))) items[i].name = SL_STR("path");
    }
    *out = (struct sl_options){items, options->count};
    return out;
}

static bool is_files_format(struct sl_str name) {
    static const char *const names[] = {"json", "csv", "text", "parquet"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_eq_nocase(name, sl_str(names[i]))) return true;
    return false;
}

/* data.json, data.csv.gz: by the end of the first file's name. */
static struct sl_str format_of_name(struct sl_str path) {
    static const char *const packed[] = {".gz", ".gzip", ".zst", ".zstd", ".deflate"};
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (sl_str_ends(path, sl_str(packed[i]))) path.len -= strlen(packed[i]);
    if (sl_str_ends(path, SL_STR(".json")) || sl_str_ends(path, SL_STR(".jsonl")) ||
        sl_str_ends(path, SL_STR(".ndjson")))
        return SL_STR("json");
    if (sl_str_ends(path, SL_STR(".csv"))) return SL_STR("csv");
    if (sl_str_ends(path, SL_STR(".txt"))) return SL_STR("text");
    if (sl_str_ends(path, SL_STR(".parquet"))) return SL_STR("parquet");
    return (struct sl_str){0};
}

static enum sl_code guess_format(struct sl_arena *arena, struct sl_str path, struct sl_str *out,
                                 struct sl_err *err) {
    struct sl_listing listing;
    SL_TRY(sl_listing_make(arena, path, false, &listing, err));
    *out = listing.count ? format_of_name(sl_str(listing.files[0].path)) : (struct sl_str){0};
    if (out->len) return SL_OK;
    sl_fail_at(err, (struct sl_span){0}, "CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE", "42000",
               "the names of the files in `%.*s` do not tell their format", SL_STR_ARG(path));
    return sl_hint(err, "add format => 'json' (or csv, text, parquet)"), SL_USER;
}

static enum sl_code choose_format(const struct sl_conn_env *env, const struct sl_options *options,
                                  const struct sl_connector **out, struct sl_err *err) {
    const struct sl_option *format = sl_options_find(options, SL_STR("format")),
                           *path = sl_options_find(options, SL_STR("path"));
    struct sl_str name = format ? format->value : (struct sl_str){0};
    if (!path || !path->value.len) {
        sl_fail_at(err, (struct sl_span){0}, "", "", "read_files needs a path");
        return sl_hint(err, "write read_files('/data/dir', format => 'json')");
    }
    if (!name.len) SL_TRY(guess_format(env->query, path->value, &name, err));
    *out = is_files_format(name) ? sl_connector_find(name) : NULL;
    if (*out) return SL_OK;
    sl_fail_at(err, format ? format->span : (struct sl_span){0}, "DATA_SOURCE_NOT_FOUND", "42K02",
               "read_files does not read the format `%.*s`", SL_STR_ARG(name));
    return sl_hint(err, "formats: json, csv, text, parquet"), SL_USER;
}

static enum sl_code files_check(const struct sl_conn_env *env, const struct sl_options *given,
                                bool streaming, bool sink, struct sl_err *err) {
    const struct sl_connector *connector;
    const struct sl_options *options = named_options(env->query, given);
    SL_TRY(choose_format(env, options, &connector, err));
    return connector->check(env, options, streaming, sink, err);
}

static enum sl_code files_open(const struct sl_conn_env *env, const struct sl_options *given,
                               struct sl_str path, bool streaming, struct sl_source **out,
                               struct sl_err *err) {
    const struct sl_connector *connector;
    const struct sl_options *options = named_options(env->query, given);
    SL_TRY(choose_format(env, options, &connector, err));
    return connector->open_source(env, options, path, streaming, out, err);
}

const struct sl_connector sl_files_connector = {
    .name = "files", .open_source = files_open, .check = files_check};
