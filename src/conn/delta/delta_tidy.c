#include "conn/delta/delta_tidy.h"

#include "base/clock.h"
#include "lake/delta/checkpoint.h"

static enum sl_code write_and_clean(struct sl_delta_snapshot *snapshot, struct sl_err *err) {
    uint64_t deleted;
    int64_t now_ms = sl_clock_wall_us() / 1000;
    SL_TRY(sl_delta_checkpoint_write(snapshot, now_ms, err));
    return sl_delta_log_clean(snapshot, now_ms, &deleted, err);
}

static void warn(const struct sl_conn_env *env, const char *table_dir, int64_t version,
                 const struct sl_err *err) {
    sl_log_event(env->log, SL_LOG_WARN, SL_CAT_COMMIT,
                 "no checkpoint of version %lld of the Delta table `%s`: %s; readers have to read "
                 "more of the log",
                 (long long)version, table_dir, err->msg);
}

void sl_delta_tidy(const struct sl_conn_env *env, struct sl_delta_snapshot *snapshot,
                   int64_t version) {
    struct sl_err err = {0};
    if (!sl_delta_checkpoint_due(snapshot, version)) return;
    if (write_and_clean(snapshot, &err) != SL_OK)
        warn(env, sl_delta_snapshot_dir(snapshot), version, &err);
}

static enum sl_code work(struct sl_delta_tidier *tidier, struct sl_err *err) {
    struct sl_delta_snapshot *snapshot;
    SL_TRY(sl_delta_snapshot_open(tidier->table_dir, tidier->version, tidier->env->budget,
                                  &snapshot, err));
    if (!snapshot) return SL_OK;
    enum sl_code code = write_and_clean(snapshot, err);
    sl_delta_snapshot_close(snapshot);
    return code;
}

static void *run(void *ctx) {
    struct sl_delta_tidier *tidier = ctx;
    struct sl_err err = {0};
    if (work(tidier, &err) != SL_OK) warn(tidier->env, tidier->table_dir, tidier->version, &err);
    atomic_store(&tidier->busy, false);
    return NULL;
}

void sl_delta_tidier_end(struct sl_delta_tidier *tidier) {
    if (tidier->started) pthread_join(tidier->thread, NULL);
    tidier->started = false;
}

void sl_delta_tidier_start(struct sl_delta_tidier *tidier, int64_t version) {
    if (atomic_load(&tidier->busy)) return;
    sl_delta_tidier_end(tidier);
    tidier->version = version;
    atomic_store(&tidier->busy, true);
    tidier->started = pthread_create(&tidier->thread, NULL, run, tidier) == 0;
    if (!tidier->started) run(tidier);
}
