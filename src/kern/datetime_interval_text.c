/* Intervals as text: ANSI style, "INTERVAL '1 02:03:04' DAY TO SECOND" (Spark's IntervalUtils). */
#include <stdio.h>

#include "col/type.h"
#include "kern/cast.h"
#include "kern/datetime.h"
#include "kern/number.h"

static const char *const day_fields[] = {"DAY", "HOUR", "MINUTE", "SECOND"};
static const char *const month_fields[] = {"YEAR", "MONTH"};

static void put_fields(struct sl_buf *out, const char *const *names, const struct sl_type *type) {
    sl_buf_printf(out, "' %s", names[type->interval_from]);
    if (type->interval_to != type->interval_from)
        sl_buf_printf(out, " TO %s", names[type->interval_to]);
}

static void put_months(struct sl_buf *out, const struct sl_type *type, int64_t value) {
    uint64_t months = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    sl_buf_printf(out, "INTERVAL '%s", value < 0 ? "-" : "");
    if (type->interval_from != type->interval_to)
        sl_buf_printf(out, "%llu-%llu", (unsigned long long)months / 12,
                      (unsigned long long)months % 12);
    else
        sl_buf_printf(out, "%llu",
                      (unsigned long long)(type->interval_from == 0 ? months / 12 : months));
    put_fields(out, month_fields, type);
}

static void put_seconds(struct sl_buf *out, uint64_t micros, bool padded) {
    sl_buf_printf(out, padded ? "%02llu" : "%llu", (unsigned long long)(micros / 1000000));
    unsigned fraction = (unsigned)(micros % 1000000);
    if (!fraction) return;
    char digits[16];
    int len = snprintf(digits, sizeof digits, ".%06u", fraction);
    while (len > 1 && digits[len - 1] == '0') len--;
    sl_buf_put(out, digits, (size_t)len);
}

/* The first field holds all of its unit and above; the others are padded to two digits. */
static void put_days(struct sl_buf *out, const struct sl_type *type, int64_t value) {
    static const uint64_t units[] = {86400000000, 3600000000, 60000000, 1};
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    sl_buf_printf(out, "INTERVAL '%s", value < 0 ? "-" : "");
    for (int field = type->interval_from; field <= type->interval_to; field++) {
        bool first = field == type->interval_from;
        if (!first) sl_buf_put_byte(out, field == 1 ? ' ' : ':');
        if (field == 3) {
            put_seconds(out, rest, true);
            break;
        }
        sl_buf_printf(out, first && field == 0 ? "%llu" : "%02llu",
                      (unsigned long long)(rest / units[field]));
        rest %= units[field];
    }
    put_fields(out, day_fields, type);
}

void sl_interval_put_text(struct sl_buf *out, const struct sl_type *type, int64_t value) {
    if (type->kind == SL_MONTH_INTERVAL_KIND)
        put_months(out, type, value);
    else
        put_days(out, type, value);
}

/* ---- reading ---- */

static bool take_word(struct sl_str *text, const char *word) {
    struct sl_str want = sl_str(word);
    if (!sl_str_starts_nocase(*text, want)) return false;
    *text = sl_str_trim(sl_str_sub(*text, want.len, text->len));
    return true;
}

/* INTERVAL [sign] '...' FIELD [TO FIELD] to the text between the quotes; a bare text stays. */
static bool unwrap(struct sl_str *text, const struct sl_type *type, bool *negative) {
    const char *const *names = type->kind == SL_DAY_INTERVAL_KIND ? day_fields : month_fields;
    if (!take_word(text, "interval")) return true;
    if (text->len && (*text->ptr == '-' || *text->ptr == '+')) {
        *negative = *text->ptr == '-';
        *text = sl_str_trim(sl_str_sub(*text, 1, text->len));
    }
    if (text->len < 2 || *text->ptr != '\'') return false;
    size_t end = sl_str_find(*text, SL_STR("'"), 1);
    if (end == SIZE_MAX) return false;
    struct sl_str fields = sl_str_trim(sl_str_sub(*text, end + 1, text->len));
    *text = sl_str_sub(*text, 1, end);
    if (!take_word(&fields, names[type->interval_from])) return false;
    if (type->interval_from != type->interval_to &&
        (!take_word(&fields, "to") || !take_word(&fields, names[type->interval_to])))
        return false;
    return fields.len == 0;
}

static bool take_count(struct sl_str *text, int64_t *out) {
    size_t n = 0;
    int64_t value = 0;
    for (; n < text->len && n < 18 && (unsigned)(text->ptr[n] - '0') <= 9; n++)
        value = value * 10 + (text->ptr[n] - '0');
    *text = sl_str_sub(*text, n, text->len);
    *out = value;
    return n > 0;
}

static bool take_char(struct sl_str *text, char c) {
    if (text->len == 0 || *text->ptr != c) return false;
    *text = sl_str_sub(*text, 1, text->len);
    return true;
}

static bool read_months(struct sl_str text, const struct sl_type *type, sl_int128 *out) {
    int64_t first, second = 0;
    if (!take_count(&text, &first)) return false;
    bool both = type->interval_from != type->interval_to;
    if (both && (!take_char(&text, '-') || !take_count(&text, &second) || second > 11))
        return false;
    if (type->interval_from == 0 && __builtin_mul_overflow(first, 12, &first)) return false;
    *out = first + second;
    return text.len == 0;
}

static bool read_days(struct sl_str text, const struct sl_type *type, sl_int128 *out) {
    static const int64_t units[] = {86400000000, 3600000000, 60000000, 1000000};
    static const int64_t limits[] = {106751991, 23, 59, 59};
    sl_int128 total = 0;
    int64_t count;
    for (int field = type->interval_from; field <= type->interval_to; field++) {
        bool first = field == type->interval_from;
        if (!first && !take_char(&text, field == 1 ? ' ' : ':')) return false;
        if (!take_count(&text, &count)) return false;
        if (!first && count > limits[field]) return false;
        total += (sl_int128)count * units[field];
    }
    if (type->interval_to == 3 && take_char(&text, '.')) {
        int64_t unit = 100000;
        for (; text.len && (unsigned)(*text.ptr - '0') <= 9; unit /= 10) {
            total += (*text.ptr - '0') * unit;
            text = sl_str_sub(text, 1, text.len);
        }
    }
    *out = total;
    return text.len == 0;
}

bool sl_interval_parse(struct sl_str text, const struct sl_type *type, int64_t *out) {
    bool negative = false;
    text = sl_number_trim(text);
    if (!unwrap(&text, type, &negative)) return false;
    if (text.len && (*text.ptr == '-' || *text.ptr == '+')) {
        negative ^= *text.ptr == '-';
        text = sl_str_sub(text, 1, text.len);
    }
    bool months = type->kind == SL_MONTH_INTERVAL_KIND;
    sl_int128 value;
    if (!(months ? read_months(text, type, &value) : read_days(text, type, &value))) return false;
    if (negative) value = -value;
    *out = (int64_t)value;
    return value == (months ? (int32_t)value : (int64_t)value);
}
