#include "conn/delta/delta_upkeep.h"

#include "base/clock.h"
#include "lake/delta/checkpoint.h"

static enum sl_code work(struct sl_delta_upkeep *upkeep, struct sl_err *err) {
    struct sl_delta_snapshot *snapshot;
    uint64_t deleted;
    int64_t now_ms = sl_clock_wall_us() / 1000;
    SL_TRY(sl_delta_snapshot_open(upkeep->table_dir, upkeep->version, upkeep->env->budget,
                                  &snapshot, err));
    if (!snapshot) return SL_OK;
    enum sl_code code = sl_delta_checkpoint_write(snapshot, now_ms, err);
    if (code == SL_OK) code = sl_delta_log_clean(snapshot, now_ms, &deleted, err);
    sl_delta_snapshot_close(snapshot);
    return code;
}

static void *run(void *ctx) {
    struct sl_delta_upkeep *upkeep = ctx;
    struct sl_err err = {0};
    if (work(upkeep, &err) != SL_OK)
        sl_log_event(upkeep->env->log, SL_LOG_WARN, SL_CAT_COMMIT,
                     "no checkpoint of version %lld of the Delta table `%s`: %s; readers have to "
                     "read more of the log",
                     (long long)upkeep->version, upkeep->table_dir, err.msg);
    atomic_store(&upkeep->busy, false);
    return NULL;
}

void sl_delta_upkeep_end(struct sl_delta_upkeep *upkeep) {
    if (upkeep->started) pthread_join(upkeep->thread, NULL);
    upkeep->started = false;
}

void sl_delta_upkeep_start(struct sl_delta_upkeep *upkeep, int64_t version) {
    if (atomic_load(&upkeep->busy)) return;
    sl_delta_upkeep_end(upkeep);
    upkeep->version = version;
    atomic_store(&upkeep->busy, true);
    upkeep->started = pthread_create(&upkeep->thread, NULL, run, upkeep) == 0;
    if (!upkeep->started) run(upkeep);
}
