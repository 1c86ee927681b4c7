#include "base/quantity.h"

struct unit {
    struct sl_str name;
    int64_t factor;
};

/* Takes a number and the letters after it from the front of `text`. */
static bool take_part(struct sl_str *text, const struct unit *units, size_t count, int64_t *out) {
    size_t digits = 0, end;
    while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') digits++;
    int64_t number;
    if (digits == 0 || !sl_str_to_i64(sl_str_sub(*text, 0, digits), &number)) return false;
    for (end = digits; end < text->len; end++)
        if (text->ptr[end] >= '0' && text->ptr[end] <= '9') break;
    struct sl_str unit = sl_str_trim(sl_str_sub(*text, digits, end));
    *text = sl_str_sub(*text, end, text->len);
    for (size_t i = 0; i < count; i++)
        if (sl_str_eq_nocase(unit, units[i].name))
            return !__builtin_mul_overflow(number, units[i].factor, out);
    return false;
}

bool sl_parse_bytes(struct sl_str text, int64_t *out) {
    static const struct unit units[] = {
        {SL_STR(""), 1},         {SL_STR("b"), 1},         {SL_STR("k"), 1 << 10},
        {SL_STR("kb"), 1 << 10}, {SL_STR("kib"), 1 << 10}, {SL_STR("m"), 1 << 20},
        {SL_STR("mb"), 1 << 20}, {SL_STR("mib"), 1 << 20}, {SL_STR("g"), 1 << 30},
        {SL_STR("gb"), 1 << 30}, {SL_STR("gib"), 1 << 30}};
    text = sl_str_trim(text);
    return take_part(&text, units, sizeof units / sizeof *units, out) && text.len == 0;
}

bool sl_parse_duration_ms(struct sl_str text, int64_t *out) {
    static const struct unit units[] = {
        {SL_STR("ms"), 1},         {SL_STR("millisecond"), 1}, {SL_STR("milliseconds"), 1},
        {SL_STR("s"), 1000},       {SL_STR("sec"), 1000},      {SL_STR("second"), 1000},
        {SL_STR("seconds"), 1000}, {SL_STR("m"), 60000},       {SL_STR("min"), 60000},
        {SL_STR("minute"), 60000}, {SL_STR("minutes"), 60000}, {SL_STR("h"), 3600000},
        {SL_STR("hour"), 3600000}, {SL_STR("hours"), 3600000}, {SL_STR("d"), 86400000},
        {SL_STR("day"), 86400000}, {SL_STR("days"), 86400000}};
    text = sl_str_trim(text);
    if (sl_str_starts_nocase(text, SL_STR("interval ")))
        text = sl_str_trim(sl_str_sub(text, 9, text.len));
    int64_t sum = 0, part;
    if (sl_str_eq(text, SL_STR("0"))) return *out = 0, true;
    do {
        if (!take_part(&text, units, sizeof units / sizeof *units, &part)) return false;
        if (__builtin_add_overflow(sum, part, &sum)) return false;
    } while (text.len);
    *out = sum;
    return true;
}
