#include "conn/files/json_schema.h"

#include "conn/files/files.h"
#include "conn/files/line_reader.h"
#include "conn/files/text_times.h"
#include "fmt/json/json_infer.h"

struct inference {
    struct sl_json_infer *infer;
    const struct sl_json_options *options;
    struct sl_budget *budget;
    double ratio;
    uint64_t record;
};

static bool is_timestamp(const void *ctx, struct sl_str text) {
    int64_t micros;
    return sl_text_times_timestamp(ctx, text, &micros);
}

static enum sl_code add_lines(struct inference *inference, const char *path, struct sl_err *err) {
    enum { LINES = 1024 };
    struct sl_line_reader *reader;
    struct sl_str *lines;
    const int64_t *numbers;
    uint32_t count = 1;
    SL_TRY(sl_line_reader_open(path, 0, UINT64_MAX, inference->options->line_sep, inference->budget,
                               &reader, err));
    enum sl_code code = SL_OK;
    while (code == SL_OK && count) {
        code = sl_line_reader_next(reader, LINES, &lines, &numbers, &count, err);
        for (uint32_t i = 0; i < count && code == SL_OK; i++)
            if (sl_files_is_sampled(inference->ratio, inference->record++))
                code = sl_json_infer_add(inference->infer, lines[i], err);
    }
    sl_line_reader_close(reader);
    return code;
}

static enum sl_code add_whole(struct inference *inference, const char *path, struct sl_err *err) {
    struct sl_whole_file text = {0};
    enum sl_code code = SL_OK;
    if (sl_files_is_sampled(inference->ratio, inference->record++)) {
        code = sl_whole_file_read(&text, path, SL_FILES_RECORD_BYTES_MAX, inference->budget, err);
        struct sl_str record = sl_buf_str(&text.bytes);
        if (sl_str_starts(record, SL_STR("\xEF\xBB\xBF")))
            record = sl_str_sub(record, 3, record.len);
        if (code == SL_OK) code = sl_json_infer_add(inference->infer, record, err);
    }
    sl_whole_file_release(&text);
    return code;
}

enum sl_code sl_json_schema_infer(struct sl_file_source *source,
                                  const struct sl_json_options *options, const struct sl_type **out,
                                  struct sl_err *err) {
    struct sl_text_times times;
    struct inference inference = {.options = options, .budget = source->env->budget};
    *out = NULL;
    SL_TRY(sl_files_sampling(source, &inference.ratio, err));
    SL_TRY(sl_text_times_make(source, &times, err));
    if (source->listing.count == 0) return SL_OK;
    inference.infer = sl_json_infer_new(options, is_timestamp, &times);
    enum sl_code code = SL_OK;
    for (size_t i = 0; i < source->listing.count && code == SL_OK; i++) {
        const char *path = source->listing.files[i].path;
        code = options->multi_line ? add_whole(&inference, path, err)
                                   : add_lines(&inference, path, err);
        if (code != SL_OK) sl_context(err, "file `%s`", path);
    }
    if (code == SL_OK) *out = sl_json_infer_type(inference.infer, source->env->query);
    sl_json_infer_free(inference.infer);
    return code;
}
