#include "run/property_check.h"

#include "lake/delta/property.h"
#include "run/query_target.h"

static const struct known {
    struct sl_str name;
    const char *format; /* NULL: of every one */
} known[] = {
#define PROPERTY(name, default_text, doc) {SL_STR(name), NULL},
#include "run/query_properties.def"
#define OPTION(name, type, default_text, doc) {SL_STR(name), "parquet"},
#include "conn/parquet/parquet_sink_options.def"
#define OPTION(name, type, default_text, doc) {SL_STR(name), "delta"},
#include "conn/delta/delta_sink_options.def"
#define OPTION(name, type, default_text, doc) {SL_STR(name), "kafka"},
#include "conn/kafka/kafka_sink_options.def"
};
enum { KNOWN = sizeof known / sizeof *known };

static const struct sl_str settings[] = {
#define SETTING(name, default_text, doc) SL_STR(name),
#include "run/settings.def"
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* Console, memory and noop take the properties of the sink that they stand in for. */
static bool has_own_properties(struct sl_str format) {
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].format && sl_str_eq_nocase(format, sl_str(known[i].format))) return true;
    return false;
}

static bool is_for(const struct known *row, struct sl_str format) {
    return !row->format || sl_str_eq_nocase(format, sl_str(row->format)) ||
           !has_own_properties(format);
}

static enum sl_code unknown_property(const struct sl_property *property, struct sl_str format,
                                     const char *other, struct sl_err *err) {
    struct sl_str names[KNOWN];
    size_t count = 0;
    for (size_t i = 0; i < KNOWN; i++)
        if (is_for(&known[i], format) && sl_str_starts(known[i].name, SL_STR("sluice.")))
            names[count++] = known[i].name;
    if (other)
        return sl_fail_at(err, property->key_span, "INVALID_OPTION", "42616",
                          "`%.*s` is a property of %s, not of %.*s", SL_STR_ARG(property->key),
                          other, SL_STR_ARG(format));
    sl_fail_at(err, property->key_span, "INVALID_OPTION", "42616",
               "there is no property `%.*s`, so it would have no effect",
               SL_STR_ARG(property->key));
    int nearest = sl_str_nearest(property->key, names, count);
    if (nearest >= 0) return sl_hint(err, "did you mean `%s`?", names[nearest].ptr), SL_USER;
    return sl_hint(err, "`sluice help options` lists the names"), SL_USER;
}

static enum sl_code check_own(const struct sl_property *property, struct sl_str format,
                              struct sl_err *err) {
    const char *other = NULL;
    for (size_t i = 0; i < KNOWN; i++) {
        if (!sl_str_eq_nocase(known[i].name, property->key)) continue;
        if (is_for(&known[i], format)) return SL_OK;
        other = known[i].format;
    }
    return unknown_property(property, format, other, err);
}

/* Spark's writer has `outputMode` without a prefix; as a property it would say nothing. */
static enum sl_code check_bare(const struct sl_property *property, struct sl_err *err) {
    const size_t prefix = sizeof "sluice." - 1;
    if (sl_str_eq_nocase(property->key, SL_STR("checkpointLocation"))) return SL_OK; /* is read */
    for (size_t i = 0; i < KNOWN; i++) {
        struct sl_str name = known[i].name;
        if (known[i].format || !sl_str_starts(name, SL_STR("sluice.")) ||
            !sl_str_eq_nocase(sl_str_sub(name, prefix, name.len), property->key))
            continue;
        sl_fail_at(err, property->key_span, "INVALID_OPTION", "42616",
                   "there is no property `%.*s`, so it would have no effect",
                   SL_STR_ARG(property->key));
        return sl_hint(err, "did you mean `%s`?", name.ptr), SL_USER;
    }
    return SL_OK;
}

/* Source: Delta's DeltaConfigs.validateConfigurations. */
static enum sl_code check_delta(const struct sl_pipeline *pipeline,
                                const struct sl_property *property, struct sl_err *err) {
    if (sl_delta_property_is_known(property->key) ||
        sl_settings_bool(pipeline->engine->settings,
                         "spark.databricks.delta.allowArbitraryProperties.enabled"))
        return SL_OK;
    sl_fail_at(err, property->key_span, "DELTA_UNKNOWN_CONFIGURATION", "F0000",
               "Unknown configuration was specified: %.*s", SL_STR_ARG(property->key));
    const char *nearest = sl_delta_property_nearest(property->key);
    if (nearest) return sl_hint(err, "did you mean `delta.%s`?", nearest), SL_USER;
    return sl_hint(err, "to disable this check, SET "
                        "spark.databricks.delta.allowArbitraryProperties.enabled = true"),
           SL_USER;
}

/* A limit of letters where there are none. */
static enum sl_code check_limits(const struct sl_statement *target,
                                 const struct sl_property *property, struct sl_err *err) {
    bool is_limit = sl_str_starts_nocase(property->key, SL_STR("sluice.quarantine."));
    if (!is_limit || sl_target_property(target, "sluice.quarantine")) return SL_OK;
    sl_fail_at(err, property->key_span, "INVALID_OPTION", "42616",
               "`%.*s` has no effect without `sluice.quarantine`", SL_STR_ARG(property->key));
    return sl_hint(err, "a record that fails, fails the batch; 'sluice.quarantine' = 'name' names "
                        "the table that keeps such records"),
           SL_USER;
}

static enum sl_code check(const struct sl_pipeline *pipeline, const struct sl_statement *target,
                          const struct sl_properties *properties, struct sl_err *err) {
    struct sl_str format = sl_target_format(target);
    bool is_delta = sl_str_eq_nocase(format, SL_STR("delta"));
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct sl_property *property = &properties->items[i];
        if (sl_str_starts_nocase(property->key, SL_STR("sluice."))) {
            SL_TRY(check_own(property, format, err));
            SL_TRY(check_limits(target, property, err));
        } else if (is_delta && sl_str_starts_nocase(property->key, SL_STR("delta."))) {
            SL_TRY(check_delta(pipeline, property, err));
        } else {
            SL_TRY(check_bare(property, err));
        }
    }
    return SL_OK;
}

enum sl_code sl_property_check_target(const struct sl_pipeline *pipeline,
                                      const struct sl_statement *target, struct sl_err *err) {
    SL_TRY(check(pipeline, target, &target->properties, err));
    return check(pipeline, target, &target->options, err);
}

enum sl_code sl_property_check_setting(const struct sl_property *setting, struct sl_err *err) {
    if (!sl_str_starts_nocase(setting->key, SL_STR("sluice."))) return SL_OK;
    for (size_t i = 0; i < SETTINGS; i++)
        if (sl_str_eq(settings[i], setting->key)) return SL_OK;
    sl_fail_at(err, setting->key_span, "INVALID_OPTION", "42616",
               "there is no setting `%.*s`, so it would have no effect", SL_STR_ARG(setting->key));
    int nearest = sl_str_nearest(setting->key, settings, SETTINGS);
    if (nearest >= 0) return sl_hint(err, "did you mean `%s`?", settings[nearest].ptr), SL_USER;
    return sl_hint(err, "`sluice help options` lists the settings; a variable needs another name"),
           SL_USER;
}
