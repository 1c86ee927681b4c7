#include "conn/options.h"

#include "base/quantity.h"

const struct sl_option *sl_options_find(const struct sl_options *options, struct sl_str name) {
    for (uint32_t i = 0; options && i < options->count; i++)
        if (sl_str_eq_nocase(options->items[i].name, name)) return &options->items[i];
    return NULL;
}

static bool parses(enum sl_option_type type, struct sl_str value) {
    int64_t number;
    bool flag;
    switch (type) {
    case SL_OPT_STRING:
        return true;
    case SL_OPT_BOOL:
        return sl_str_to_bool(value, &flag);
    case SL_OPT_INT:
        return sl_str_to_i64(sl_str_trim(value), &number);
    case SL_OPT_BYTES:
        return sl_parse_bytes(value, &number);
    case SL_OPT_DURATION_MS:
        return sl_parse_duration_ms(value, &number);
    }
    return false;
}

static const char *wanted_text(enum sl_option_type type) {
    switch (type) {
    case SL_OPT_BOOL:
        return "true or false";
    case SL_OPT_INT:
        return "a whole number";
    case SL_OPT_BYTES:
        return "a size such as 128m";
    case SL_OPT_DURATION_MS:
        return "a duration such as 30s or 5 minutes";
    case SL_OPT_STRING:
        break;
    }
    return "text";
}

static const struct sl_option_row *find_row(const struct sl_option_table *table,
                                            struct sl_str name) {
    for (size_t i = 0; i < table->count; i++)
        if (sl_str_eq_nocase(sl_str(table->rows[i].name), name)) return &table->rows[i];
    return NULL;
}

static bool is_free(const struct sl_option_table *table, struct sl_str name) {
    for (const char *const *prefix = table->free_prefixes; prefix && *prefix; prefix++)
        if (sl_str_starts_nocase(name, sl_str(*prefix))) return true;
    return false;
}

static enum sl_code unknown(const struct sl_option *option, const struct sl_option_table *table,
                            struct sl_err *err) {
    enum { NAMES_MAX = 128 };
    struct sl_str names[NAMES_MAX];
    size_t count = table->count < NAMES_MAX ? table->count : NAMES_MAX;
    for (size_t i = 0; i < count; i++) names[i] = sl_str(table->rows[i].name);
    sl_fail_at(err, option->span, "INVALID_OPTION", "42616", "%s has no option `%.*s`",
               table->owner, SL_STR_ARG(option->name));
    int nearest = sl_str_nearest(option->name, names, count);
    if (nearest >= 0) sl_hint(err, "did you mean `%s`?", table->rows[nearest].name);
    return SL_USER;
}

enum sl_code sl_options_check(const struct sl_options *options, const struct sl_option_table *table,
                              struct sl_err *err) {
    for (uint32_t i = 0; i < options->count; i++) {
        const struct sl_option *option = &options->items[i];
        const struct sl_option_row *row = find_row(table, option->name);
        if (!row && is_free(table, option->name)) continue;
        if (!row) return unknown(option, table, err);
        if (!parses(row->type, option->value))
            return sl_fail_at(err, option->span, "INVALID_OPTION_VALUE", "22023",
                              "option `%s` of %s is `%.*s`, which is not %s", row->name,
                              table->owner, SL_STR_ARG(option->value), wanted_text(row->type));
    }
    return SL_OK;
}

struct sl_str sl_options_str(const struct sl_options *options, const struct sl_option_table *table,
                             const char *name) {
    const struct sl_option *option = sl_options_find(options, sl_str(name));
    if (option) return option->value;
    const struct sl_option_row *row = find_row(table, sl_str(name));
    sl_assert(row != NULL);
    return sl_str(row->default_text);
}

int64_t sl_options_int(const struct sl_options *options, const struct sl_option_table *table,
                       const char *name) {
    struct sl_str text = sl_options_str(options, table, name);
    const struct sl_option_row *row = find_row(table, sl_str(name));
    int64_t value = 0;
    if (row->type == SL_OPT_BYTES)
        sl_parse_bytes(text, &value);
    else if (row->type == SL_OPT_DURATION_MS)
        sl_parse_duration_ms(text, &value);
    else
        sl_str_to_i64(sl_str_trim(text), &value);
    return value;
}

bool sl_options_bool(const struct sl_options *options, const struct sl_option_table *table,
                     const char *name) {
    bool value = false;
    sl_str_to_bool(sl_options_str(options, table, name), &value);
    return value;
}

const char *sl_conn_setting(const struct sl_conn_env *env, const char *name) {
    return env->client_setting ? env->client_setting(env->client_ctx, sl_str(name)) : NULL;
}
