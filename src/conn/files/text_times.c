#include "conn/files/text_times.h"

#include "kern/cast.h"

static enum sl_code compile(const struct sl_file_source *source, const char *name,
                            const struct sl_pattern **out, struct sl_err *err) {
    struct sl_str text = sl_file_source_str(source, name);
    *out = NULL;
    if (!text.len) return SL_OK;
    struct sl_pattern *pattern = SL_NEW(source->env->query, struct sl_pattern);
    enum sl_code code = sl_pattern_compile(source->env->query, text, true, pattern, err);
    if (code != SL_OK && err) err->span = sl_options_find(source->options, sl_str(name))->span;
    *out = pattern;
    return code;
}

enum sl_code sl_text_times_make(const struct sl_file_source *source, struct sl_text_times *out,
                                struct sl_err *err) {
    struct sl_str zone = sl_file_source_str(source, "timeZone");
    *out = (struct sl_text_times){.zone = source->env->session->zone};
    if (!out->zone) out->zone = sl_zone_utc;
    if (zone.len && !(out->zone = sl_zone_find(zone)))
        return sl_fail_at(err, sl_options_find(source->options, SL_STR("timeZone"))->span,
                          "INVALID_TIMEZONE", "22009", "The timezone: %.*s is invalid.",
                          SL_STR_ARG(zone));
    SL_TRY(compile(source, "timestampFormat", &out->timestamp, err));
    SL_TRY(compile(source, "timestampNTZFormat", &out->timestamp_ntz, err));
    return compile(source, "dateFormat", &out->date, err);
}

static bool by_pattern(const struct sl_pattern *pattern, const struct sl_zone *zone,
                       struct sl_str text, int64_t *micros) {
    struct sl_pattern_failure failure;
    return sl_pattern_parse(pattern, text, zone, micros, &failure);
}

bool sl_text_times_timestamp(const void *ctx, struct sl_str text, int64_t *micros) {
    const struct sl_text_times *times = ctx;
    if (times->timestamp) return by_pattern(times->timestamp, times->zone, text, micros);
    return sl_parse_timestamp(text, times->zone, micros);
}

bool sl_text_times_timestamp_ntz(const void *ctx, struct sl_str text, int64_t *micros) {
    const struct sl_text_times *times = ctx;
    if (times->timestamp_ntz) return by_pattern(times->timestamp_ntz, sl_zone_utc, text, micros);
    return sl_parse_timestamp_ntz(text, micros);
}

bool sl_text_times_date(const void *ctx, struct sl_str text, int32_t *days) {
    const struct sl_text_times *times = ctx;
    int64_t micros;
    if (!times->date) return sl_parse_date(text, days);
    if (!by_pattern(times->date, sl_zone_utc, text, &micros)) return false;
    *days = (int32_t)sl_floor_div(micros, SL_MICROS_PER_DAY);
    return true;
}
