#include "conn/kafka/kafka_letter.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/civil.h"
#include "base/clock.h"
#include "conn/kafka/kafka_source_int.h"

enum { TEXT = 64, HEADER_OVERHEAD = 10, COLUMNS = SL_KAFKA_LETTER_COLUMNS };

/* ---- columns ---- */

#define HEADER(name) "sluice." name
#define RECORD(name) NULL
/* All columns in order; those with a header get it. */
static const struct column {
    const char *name, *header;
} columns[] = {
#define LETTER(ID, name, type, place) {name, place(name)},
#include "conn/kafka/kafka_letter.def"
};

static struct sl_field letter_fields[] = {
#define LETTER(ID, text, kind, place)                                                              \
    {.name = {text, sizeof(text) - 1}, .type = &kind, .nullable = true},
#include "conn/kafka/kafka_letter.def"
};
static const struct sl_type letter_type = {
    .kind = SL_STRUCT_KIND, .field_count = COLUMNS, .fields = letter_fields};

const struct sl_type *sl_kafka_letter_schema(void) { return &letter_type; }

bool sl_kafka_is_letter_schema(const struct sl_type *schema) {
    if (schema->field_count != COLUMNS) return false;
    for (uint32_t i = 0; i < COLUMNS; i++)
        if (!sl_str_eq(schema->fields[i].name, sl_str(columns[i].name))) return false;
    return true;
}

/* ---- writing ---- */

static int64_t number_at(const struct sl_vec *vec, uint32_t row) {
    if (vec->enc == SL_ENC_DICT) {
        row = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    row = sl_vec_pos(vec, row);
    return vec->type->kind == SL_INT_KIND ? vec->i32[row] : vec->i64[row];
}

/* A row's value as text; scratch holds numbers. */
static struct sl_str text_of(const struct sl_vec *vec, uint32_t row, char scratch[TEXT]) {
    if (sl_type_is_bytes(vec->type)) return sl_vec_str(vec, row);
    int64_t number = number_at(vec, row);
    char moment[SL_CLOCK_TEXT_SIZE];
    if (vec->type->kind == SL_TIMESTAMP_KIND)
        snprintf(scratch, TEXT, "%s", sl_clock_text(moment, number / 1000));
    else
        snprintf(scratch, TEXT, "%" PRId64, number);
    return sl_str(scratch);
}

size_t sl_kafka_letter_bytes(const struct sl_batch *batch, uint32_t row) {
    char scratch[TEXT];
    size_t bytes = 0;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct sl_vec *vec = &batch->columns[i];
        if (!columns[i].header || sl_vec_is_null(vec, row)) continue;
        bytes += strlen(columns[i].header) + HEADER_OVERHEAD + text_of(vec, row, scratch).len;
    }
    return bytes;
}

void sl_kafka_letter_headers(const struct sl_batch *batch, uint32_t row, rd_kafka_headers_t *to) {
    char scratch[TEXT];
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct sl_vec *vec = &batch->columns[i];
        if (!columns[i].header || sl_vec_is_null(vec, row)) continue;
        struct sl_str text = text_of(vec, row, scratch);
        rd_kafka_header_add(to, columns[i].header, -1, text.len ? text.ptr : "", (ssize_t)text.len);
    }
}

/* ---- reading ---- */

static bool digits(struct sl_str text, size_t begin, size_t end, int64_t *out) {
    *out = 0;
    if (begin == end || end > text.len || end - begin > 9) return false;
    for (size_t i = begin; i < end; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        *out = *out * 10 + (text.ptr[i] - '0');
    }
    return true;
}

/* What sl_clock_text writes: 2026-01-31T08:00:00.000Z; a year may have a sign and more digits. */
static bool parse_moment(struct sl_str text, int64_t *us) {
    static const char rest[] = "-00-00T00:00:00.000Z";
    enum { REST = sizeof rest - 1, SECOND = 1000000 };
    int64_t year, month, day, hour, minute, second, ms;
    bool negative = text.len && text.ptr[0] == '-';
    if (text.len < REST + 4) return false;
    struct sl_str tail = sl_str_sub(text, text.len - REST, text.len);
    for (size_t i = 0; i < REST; i++)
        if (rest[i] != '0' && tail.ptr[i] != rest[i]) return false;
    if (!digits(text, negative, text.len - REST, &year) || !digits(tail, 1, 3, &month) ||
        !digits(tail, 4, 6, &day) || !digits(tail, 7, 9, &hour) || !digits(tail, 10, 12, &minute) ||
        !digits(tail, 13, 15, &second) || !digits(tail, 16, 19, &ms))
        return false;
    if (negative) year = -year;
    if (year < -300000 || year > 300000 || hour > 23 || minute > 59 || second > 59 ||
        !sl_civil_is_valid((int32_t)year, (int32_t)month, (int32_t)day))
        return false;
    int64_t seconds = sl_days_from_civil((int32_t)year, (int32_t)month, (int32_t)day) * 86400LL +
                      hour * 3600 + minute * 60 + second;
    return !__builtin_mul_overflow(seconds, SECOND, us) &&
           !__builtin_add_overflow(*us, ms * 1000, us);
}

/* A number is written as printf does: nothing else is taken for one. */
static bool parse_number(struct sl_str text, const struct sl_type *type, int64_t *out) {
    if (type->kind == SL_TIMESTAMP_KIND) return parse_moment(text, out);
    if (!sl_str_to_i64(text, out)) return false;
    return type->kind != SL_INT_KIND || (*out >= INT32_MIN && *out <= INT32_MAX);
}

static bool complain(char why[SL_KAFKA_LETTER_WHY], const char *what, const char *header) {
    snprintf(why, SL_KAFKA_LETTER_WHY, "%s `%s`", what, header);
    return false;
}

static bool take_value(struct sl_kafka_letter *out, int column, struct sl_str value,
                       char why[SL_KAFKA_LETTER_WHY]) {
    const struct sl_type *type = letter_fields[column].type;
    if (!value.ptr) return complain(why, "no value in the header", columns[column].header);
    if (out->texts[column].ptr) return complain(why, "two headers", columns[column].header);
    if (!sl_type_is_bytes(type) && !parse_number(value, type, &out->numbers[column]))
        return complain(why, "an unreadable header", columns[column].header);
    out->texts[column] = value;
    return true;
}

/* The failed record may have been a letter itself: what belongs to this one begins at the last
 * `sluice.query`. */
static bool find_begin(const struct sl_kafka_header *headers, uint32_t count, uint32_t *begin) {
    struct sl_str first = sl_str(columns[SL_KAFKA_LETTER_QUERY].header);
    for (*begin = count; (*begin)-- > 0;)
        if (sl_str_eq(headers[*begin].key, first)) return true;
    return false;
}

/* Headers that tools put behind are passed over. */
bool sl_kafka_letter_decode(const struct sl_kafka_header *headers, uint32_t count,
                            struct sl_kafka_letter *out, char why[SL_KAFKA_LETTER_WHY]) {
    static const enum sl_kafka_letter_column needed[] = {
        SL_KAFKA_LETTER_BATCH_ID, SL_KAFKA_LETTER_KIND, SL_KAFKA_LETTER_FAILED_AT};
    *out = (struct sl_kafka_letter){0};
    if (!find_begin(headers, count, &out->own_headers))
        return complain(why, "no header", columns[SL_KAFKA_LETTER_QUERY].header);
    for (uint32_t i = out->own_headers; i < count; i++)
        for (int c = 0; c < COLUMNS; c++)
            if (columns[c].header && sl_str_eq(headers[i].key, sl_str(columns[c].header)) &&
                !take_value(out, c, headers[i].value, why))
                return false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!out->texts[needed[i]].ptr)
            return complain(why, "no header", columns[needed[i]].header);
    return true;
}
