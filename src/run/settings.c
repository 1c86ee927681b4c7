#include "run/settings.h"

struct setting {
    struct sl_str name, value;
    enum sl_setting_origin origin;
    struct setting *next;
};

struct sl_settings {
    struct sl_arena *arena;
    struct setting *first;
};

static struct setting *find(const struct sl_settings *settings, struct sl_str name) {
    for (struct setting *at = settings->first; at; at = at->next)
        if (sl_str_eq(at->name, name)) return at;
    return NULL;
}

void sl_settings_set(struct sl_settings *settings, struct sl_str name, struct sl_str value,
                     enum sl_setting_origin origin) {
    struct setting *at = find(settings, name);
    if (!at) {
        at = SL_NEW(settings->arena, struct setting);
        *at =
            (struct setting){.name = sl_arena_str(settings->arena, name), .next = settings->first};
        settings->first = at;
    }
    if (origin < at->origin) return;
    at->value = sl_arena_str(settings->arena, value);
    at->origin = origin;
}

struct sl_settings *sl_settings_new(struct sl_arena *arena) {
    static const struct {
        struct sl_str name, value;
    } defaults[] = {
#define SETTING(name, default_text, doc) {SL_STR(name), SL_STR(default_text)},
#include "run/settings.def"
    };
    struct sl_settings *settings = SL_NEW(arena, struct sl_settings);
    settings->arena = arena;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (defaults[i].value.len)
            sl_settings_set(settings, defaults[i].name, defaults[i].value, SL_FROM_DEFAULT);
    return settings;
}

const char *sl_settings_get(const struct sl_settings *settings, struct sl_str name) {
    const struct setting *at = find(settings, name);
    return at ? at->value.ptr : NULL;
}

bool sl_settings_bool(const struct sl_settings *settings, const char *name) {
    bool value = false;
    const char *text = sl_settings_get(settings, sl_str(name));
    if (text) sl_str_to_bool(sl_str(text), &value);
    return value;
}

int64_t sl_settings_int(const struct sl_settings *settings, const char *name) {
    int64_t value = 0;
    const char *text = sl_settings_get(settings, sl_str(name));
    if (text) sl_str_to_i64(sl_str(text), &value);
    return value;
}

bool sl_settings_lookup(void *settings, struct sl_str name, struct sl_str *value) {
    const struct setting *at = find(settings, name);
    if (!at || at->origin == SL_FROM_DEFAULT) return false;
    *value = at->value;
    return true;
}

const char *sl_settings_client(void *settings, struct sl_str name) {
    return sl_settings_get(settings, name);
}
