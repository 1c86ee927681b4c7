#include "cli/kafka_connection.h"

#include <stdlib.h>

const char *sl_cli_brokers(const struct sl_args *args) {
    const char *environment = getenv("SLUICE_BROKERS");
    return sl_args_get(args, "brokers",
                       environment && *environment ? environment : "localhost:9092");
}

enum sl_code sl_cli_kafka_properties(struct sl_cli *cli, const struct sl_args *args,
                                     struct sl_kafka_properties *out, struct sl_err *err) {
    struct sl_arena *arena = &cli->engine.arena;
    *out = (struct sl_kafka_properties){0};
    sl_kafka_property_add(arena, out, "bootstrap.servers", sl_str(sl_cli_brokers(args)));
    for (int i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].flag->name, "property") != 0) continue;
        struct sl_str text = sl_str(args->given[i].value);
        size_t equals = sl_str_find(text, SL_STR("="), 0);
        if (equals == SIZE_MAX || equals == 0)
            return sl_fail(err, SL_USAGE, "`-X %s` is not NAME=VALUE", text.ptr);
        SL_TRY(sl_kafka_property_translate(arena, sl_str_sub(text, 0, equals),
                                           sl_str_sub(text, equals + 1, text.len),
                                           (struct sl_span){0}, &cli->engine.log, out, err));
    }
    return SL_OK;
}

static bool stopping(void *engine) { return sl_engine_is_stopping(engine); }

struct sl_kafka_wait sl_cli_kafka_wait(struct sl_cli *cli) {
    return (struct sl_kafka_wait){stopping, &cli->engine};
}

enum sl_code sl_cli_kafka_control(struct sl_cli *cli, const struct sl_args *args,
                                  struct sl_kafka_client **out, struct sl_err *err) {
    struct sl_kafka_properties properties;
    struct sl_kafka_wait wait = sl_cli_kafka_wait(cli);
    SL_TRY(sl_cli_kafka_properties(cli, args, &properties, err));
    SL_TRY(sl_kafka_client_open(SL_KAFKA_CONTROL, &properties, NULL, NULL, &cli->engine.log, &wait,
                                out, err));
    enum sl_code code = sl_kafka_client_connect(*out, err);
    if (code == SL_OK) return SL_OK;
    sl_kafka_client_close(*out);
    *out = NULL;
    return code;
}
