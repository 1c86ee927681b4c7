#include "run/engine.h"

#include <unistd.h>

#include "base/clock.h"
#include "kern/zone.h"

void sl_engine_init(struct sl_engine *engine) {
    *engine = (struct sl_engine){0};
    sl_arena_init(&engine->arena, "engine");
    engine->settings = sl_settings_new(&engine->arena);
    sl_log_init(&engine->log);
    atomic_init(&engine->stop, 0);
}

enum sl_code sl_engine_start(struct sl_engine *engine, size_t memory_bytes, struct sl_err *err) {
    sl_budget_init(&engine->budget, memory_bytes);
    int64_t rows = sl_settings_int(engine->settings, "sluice.batchRows");
    int64_t workers = sl_settings_int(engine->settings, "sluice.workers");
    if (rows < 1 || rows > 65536)
        return sl_fail(err, SL_USER, "sluice.batchRows is %lld; it must be between 1 and 65536",
                       (long long)rows);
    if (workers < 0 || workers > 1024)
        return sl_fail(err, SL_USER,
                       "sluice.workers is %lld; it must be between 0 (one per core) and 1024",
                       (long long)workers);
    engine->batch_rows = (uint32_t)rows;
    if (workers == 0) workers = sysconf(_SC_NPROCESSORS_ONLN);
    return sl_pool_new(workers < 1 ? 1 : (size_t)workers, &engine->pool, err);
}

void sl_engine_release(struct sl_engine *engine) {
    sl_pool_free(engine->pool);
    sl_arena_release(&engine->arena);
}

void sl_engine_stop(struct sl_engine *engine) { atomic_fetch_add(&engine->stop, 1); }
bool sl_engine_is_stopping(const struct sl_engine *engine) {
    return atomic_load(&engine->stop) > 0;
}
bool sl_engine_is_abandoning(const struct sl_engine *engine) {
    return atomic_load(&engine->stop) > 1;
}

/* A value that is not understood must not count as 0 or false: rows would come out otherwise. */
static enum sl_code check_settings(const struct sl_settings *settings, struct sl_err *err) {
    static const struct {
        const char *name;
        int64_t least; /* of a whole number; -1: true or false */
    } typed[] = {{"spark.sql.ansi.enabled", -1},
                 {"spark.sql.caseSensitive", -1},
                 {"spark.sql.shuffle.partitions", 1},
                 {"spark.sql.streaming.minBatchesToRetain", 1},
                 {"sluice.batchRows", 1},
                 {"sluice.workers", 0}};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        const char *text = sl_settings_get(settings, sl_str(typed[i].name));
        int64_t number;
        bool truth;
        if (!text ||
            (typed[i].least < 0 ? sl_str_to_bool(sl_str(text), &truth)
                                : sl_str_to_i64(sl_str(text), &number) && number >= typed[i].least))
            continue;
        if (typed[i].least < 0)
            return sl_fail(err, SL_USER,
                           "[INVALID_CONF_VALUE] %s is `%s`; it must be true or false",
                           typed[i].name, text);
        return sl_fail(
            err, SL_USER,
            "[INVALID_CONF_VALUE] %s is `%s`; it must be a whole number of at least %lld",
            typed[i].name, text, (long long)typed[i].least);
    }
    return SL_OK;
}

enum sl_code sl_engine_session(const struct sl_engine *engine, struct sl_session *out,
                               struct sl_err *err) {
    SL_TRY(check_settings(engine->settings, err));
    const char *zone = sl_settings_get(engine->settings, SL_STR("spark.sql.session.timeZone"));
    *out = (struct sl_session){
        .ansi = sl_settings_bool(engine->settings, "spark.sql.ansi.enabled"),
        .case_sensitive = sl_settings_bool(engine->settings, "spark.sql.caseSensitive"),
        .time_zone = sl_str(zone),
        .zone = sl_zone_find(sl_str(zone)),
        .batch_timestamp_us = sl_clock_wall_us(),
    };
    if (out->zone) return SL_OK;
    return sl_fail(err, SL_USER,
                   "[INVALID_CONF_VALUE.TIME_ZONE] cannot resolve the time zone `%s` of "
                   "spark.sql.session.timeZone",
                   zone);
}
