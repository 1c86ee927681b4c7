/* Every reader of text values on any bytes.  The first byte picks what is read; a value that was
 * read must print, and its text must read back to the same value. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "kern/cast.h"
#include "kern/datetime.h"
#include "kern/datetime_pattern.h"
#include "kern/regexp.h"
#include "kern/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok) abort();
}

static void fuzz_numbers(struct sl_str text) {
    char out[64];
    double real, again;
    sl_int128 decimal, decimal_again;
    if (sl_parse_f64(text, &real)) {
        size_t len = sl_format_f64(out, real);
        require(sl_parse_f64((struct sl_str){out, len}, &again));
        require(again == real || (isnan(again) && isnan(real)));
    }
    if (sl_parse_decimal(text, 38, 10, &decimal)) {
        size_t len = sl_format_decimal(out, decimal, 10);
        require(sl_parse_decimal((struct sl_str){out, len}, 38, 10, &decimal_again));
        require(decimal == decimal_again);
    }
    int64_t integer;
    sl_parse_i64(text, &integer);
}

static void fuzz_times(struct sl_str text) {
    char out[64];
    int32_t days, days_again;
    int64_t micros, micros_again;
    if (sl_parse_date(text, &days)) {
        size_t len = sl_format_date(out, days);
        require(sl_parse_date((struct sl_str){out, len}, &days_again) && days == days_again);
    }
    if (sl_parse_timestamp_at(text, sl_zone_utc, 0, &micros)) {
        size_t len = sl_format_timestamp(out, micros, sl_zone_utc);
        require(sl_parse_timestamp((struct sl_str){out, len}, sl_zone_utc, &micros_again));
        require(micros == micros_again);
    }
    sl_parse_timestamp_ntz(text, &micros);
    sl_interval_parse(text, &sl_type_day_interval, &micros);
    sl_interval_parse(text, &sl_type_month_interval, &micros);
}

/* Up to the first newline a pattern, then a text. */
static void fuzz_pattern(struct sl_str text, bool regexp) {
    size_t line = sl_str_find(text, SL_STR("\n"), 0);
    if (line == SIZE_MAX || line > 200) return;
    struct sl_str pattern = sl_str_sub(text, 0, line), rest = sl_str_sub(text, line + 1, text.len);
    struct sl_arena arena;
    sl_arena_init(&arena, "fuzz");
    const struct sl_regexp *compiled;
    struct sl_pattern times;
    struct sl_pattern_failure failure;
    int64_t micros;
    if (regexp) {
        if (sl_regexp_compile(&arena, pattern, "rlike", &compiled, NULL) == SL_OK) {
            struct sl_call call = {.rows = 1, .state = compiled, .scratch = &arena};
            struct sl_regexp_use use;
            sl_regexp_use_begin(&use, &call, 0, "rlike");
            int found = 0;
            if (sl_regexp_use_row(&use, 0, rest))
                for (size_t at = 0; found < 100 && sl_regexp_find(&use, at);
                     at = sl_regexp_next(&use))
                    found++;
            sl_regexp_use_end(&use);
        }
    } else if (sl_pattern_compile(&arena, pattern, true, &times, NULL) == SL_OK) {
        sl_pattern_parse(&times, rest, sl_zone_utc, &micros, &failure);
    }
    sl_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct sl_str text = {(const char *)data + 1, size - 1};
    switch (data[0] & 3) {
    case 0:
        fuzz_numbers(text);
        break;
    case 1:
        fuzz_times(text);
        break;
    default:
        fuzz_pattern(text, data[0] & 1);
    }
    return 0;
}
