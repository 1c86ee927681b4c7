#include "lake/delta/property.h"

static const struct sl_str names[] = {
#define PROPERTY(name) SL_STR(name),
#include "lake/delta/property.def"
};
enum { NAMES = sizeof names / sizeof *names };

static struct sl_str without_prefix(struct sl_str name) {
    const struct sl_str prefix = SL_STR("delta.");
    return sl_str_starts_nocase(name, prefix) ? sl_str_sub(name, prefix.len, name.len) : name;
}

bool sl_delta_property_is_known(struct sl_str name) {
    name = without_prefix(name);
    for (size_t i = 0; i < NAMES; i++) {
        bool is_prefix = names[i].ptr[names[i].len - 1] == '.';
        if (is_prefix ? name.len > names[i].len && sl_str_starts_nocase(name, names[i])
                      : sl_str_eq_nocase(name, names[i]))
            return true;
    }
    return false;
}

const char *sl_delta_property_nearest(struct sl_str name) {
    int nearest = sl_str_nearest(without_prefix(name), names, NAMES);
    return nearest < 0 ? NULL : names[nearest].ptr;
}
