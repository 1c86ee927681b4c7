#include "conn/conn.h"

#define CONNECTOR(variable) extern const struct sl_connector variable;
#include "conn/connectors.def"

static const struct sl_connector *const connectors[] = {
#define CONNECTOR(variable) &variable,
#include "conn/connectors.def"
};
enum { CONNECTOR_COUNT = sizeof connectors / sizeof *connectors };

const struct sl_connector *sl_connector_find(struct sl_str name) {
    for (size_t i = 0; i < CONNECTOR_COUNT; i++)
        if (sl_str_eq_nocase(name, sl_str(connectors[i]->name))) return connectors[i];
    return NULL;
}

struct sl_str sl_connector_nearest(struct sl_str name) {
    struct sl_str names[CONNECTOR_COUNT];
    for (size_t i = 0; i < CONNECTOR_COUNT; i++) names[i] = sl_str(connectors[i]->name);
    int nearest = sl_str_nearest(name, names, CONNECTOR_COUNT);
    return nearest < 0 ? SL_STR("") : names[nearest];
}
