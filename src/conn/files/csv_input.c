/* Source: Spark CSVDataSource.scala, CSVExprUtils.scala. */
#include "conn/files/csv_input.h"

#include <stdlib.h>

#include "conn/files/files.h"

enum sl_code sl_csv_input_open(struct sl_csv_input *input, const struct sl_csv_options *options,
                               const char *path, uint64_t begin, uint64_t end,
                               struct sl_budget *budget, struct sl_err *err) {
    *input = (struct sl_csv_input){
        .options = options, .path = path, .line = 1, .header_due = options->header && begin == 0};
    if (!options->multi_line)
        return sl_line_reader_open(path, begin, end, options->line_sep, budget, &input->lines, err);
    SL_TRY(sl_whole_file_read(&input->text, path, SL_FILES_RECORD_BYTES_MAX, budget, err));
    input->at = (const char *)input->text.bytes.ptr;
    input->end = input->at + input->text.bytes.len;
    if (sl_str_starts(sl_buf_str(&input->text.bytes), SL_STR("\xEF\xBB\xBF"))) input->at += 3;
    return SL_OK;
}

void sl_csv_input_close(struct sl_csv_input *input) {
    sl_line_reader_close(input->lines);
    sl_csv_record_release(&input->cut);
    sl_whole_file_release(&input->text);
    sl_buf_release(&input->header);
    free(input->records);
    free(input->numbers);
    *input = (struct sl_csv_input){0};
}

static bool is_comment(const struct sl_csv_input *input, struct sl_str line) {
    return line.len && input->options->comment >= 0 &&
           (unsigned char)line.ptr[0] == input->options->comment;
}

static void add(struct sl_csv_input *input, struct sl_str record, int64_t number, uint32_t *count) {
    if (input->header_due) {
        input->header_due = false;
        sl_buf_clear(&input->header);
        sl_buf_put_str(&input->header, record);
        return;
    }
    input->records[*count] = record;
    input->numbers[(*count)++] = number;
}

/* ---- lines ---- */

static enum sl_code take_lines(struct sl_csv_input *input, uint32_t rows_max, bool *numbered,
                               uint32_t *count, struct sl_err *err) {
    struct sl_str *lines;
    const int64_t *numbers;
    uint32_t found = 1;
    for (*count = 0; *count == 0 && found;) {
        SL_TRY(sl_line_reader_next(input->lines, rows_max, &lines, &numbers, &found, err));
        for (uint32_t i = 0; i < found; i++) {
            bool blank = lines[i].len == 0 ||
                         ((unsigned char)lines[i].ptr[0] <= ' ' && !sl_str_trim(lines[i]).len);
            if (!blank && !is_comment(input, lines[i]))
                add(input, lines[i], numbers ? numbers[i] : 0, count);
        }
        *numbered = numbers != NULL;
    }
    return SL_OK;
}

/* ---- records over several lines ---- */

static int64_t count_breaks(const char *begin, const char *end) {
    int64_t count = 0;
    for (const char *at = begin; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    return count;
}

static struct sl_str without_break(const char *begin, const char *end) {
    while (end > begin && (end[-1] == '\n' || end[-1] == '\r')) {
        bool both = end[-1] == '\n' && end - begin > 1 && end[-2] == '\r';
        return (struct sl_str){begin, (size_t)(end - begin) - (both ? 2 : 1)};
    }
    return (struct sl_str){begin, (size_t)(end - begin)};
}

static const char *line_end(const char *at, const char *end) {
    while (at < end && *at != '\n') at++;
    return at < end ? at + 1 : end;
}

/* A record whose last field is quoted may end in a line break of its own. */
static struct sl_str cut_record(struct sl_csv_input *input) {
    const char *begin = input->at;
    input->at = sl_csv_split(&input->options->syntax, begin, input->end, true, &input->cut);
    if (input->at == input->end && input->end > begin && input->end[-1] != '\n' &&
        input->end[-1] != '\r')
        return (struct sl_str){begin, (size_t)(input->end - begin)};
    return without_break(begin, input->at);
}

static void take_records(struct sl_csv_input *input, uint32_t rows_max, uint32_t *count) {
    for (*count = 0; *count < rows_max && input->at < input->end;) {
        const char *begin = input->at;
        int64_t number = input->line;
        struct sl_str record = {0};
        if (is_comment(input, (struct sl_str){begin, (size_t)(input->end - begin)}))
            input->at = line_end(begin, input->end);
        else
            record = cut_record(input);
        input->line += count_breaks(begin, input->at);
        if (record.len) add(input, record, number, count);
    }
}

enum sl_code sl_csv_input_next(struct sl_csv_input *input, uint32_t rows_max,
                               const struct sl_str **records, const int64_t **numbers,
                               uint32_t *count, struct sl_err *err) {
    bool numbered = true;
    if (input->cap < rows_max) {
        input->records = sl_xrealloc(input->records, rows_max * sizeof *input->records);
        input->numbers = sl_xrealloc(input->numbers, rows_max * sizeof *input->numbers);
        input->cap = rows_max;
    }
    if (input->lines)
        SL_TRY(take_lines(input, rows_max, &numbered, count, err));
    else
        take_records(input, rows_max, count);
    *records = input->records;
    *numbers = numbered ? input->numbers : NULL;
    return SL_OK;
}

uint64_t sl_csv_input_at(const struct sl_csv_input *input, struct sl_str record) {
    if (input->lines) return sl_line_reader_at(input->lines, record);
    return (uint64_t)(record.ptr - (const char *)input->text.bytes.ptr);
}
