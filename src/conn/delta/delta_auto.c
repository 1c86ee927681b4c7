#include "conn/delta/delta_auto.h"

#include "base/clock.h"
#include "base/quantity.h"
#include "conn/delta/delta_table.h"
#include "conn/options.h"

enum {
    MIN_FILES = 50,      /* spark.databricks.delta.autoCompact.minNumFiles */
    LOOK_EVERY = 10,     /* new files: a look reads the whole list of files */
    TIME_MAX_MS = 30000, /* behind it no new file is begun */
};
#define TARGET_BYTES (INT64_C(128) << 20) /* spark.databricks.delta.autoCompact.maxFileSize */

static int64_t read_number(const struct sl_delta_auto *self, const char *option,
                           const char *setting, int64_t otherwise) {
    const struct sl_option *given = sl_options_find(&self->options, sl_str(option));
    const char *text = sl_conn_setting(self->env, setting);
    int64_t value;
    if (given && sl_parse_bytes(given->value, &value) && value > 0) return value;
    return text && sl_parse_bytes(sl_str(text), &value) && value > 0 ? value : otherwise;
}

static bool is_enabled(const struct sl_delta_auto *self, const char *table_property) {
    const struct sl_option *given = sl_options_find(&self->options, SL_STR("sluice.autoCompact"));
    const char *setting = sl_conn_setting(self->env, "spark.databricks.delta.autoCompact.enabled");
    if (given) return sl_str_eq_nocase(given->value, SL_STR("true"));
    const char *text = setting ? setting : table_property;
    return text && (sl_str_eq_nocase(sl_str(text), SL_STR("true")) ||
                    sl_str_eq_nocase(sl_str(text), SL_STR("auto")));
}

static enum sl_code compact(struct sl_delta_auto *self, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_report report = {0};
    sl_arena_init(&arena, "auto compaction");
    struct sl_conn_env env = *self->env; /* the query's arena is another thread's */
    env.query = &arena;
    env.session = &self->session;
    int64_t target = read_number(self, "sluice.file.targetSize",
                                 "spark.databricks.delta.autoCompact.maxFileSize", TARGET_BYTES);
    struct sl_optimize what = {.target_bytes = target,
                               .small_bytes = target / 2,
                               .small_count = (uint32_t)read_number(
                                   self, "sluice.autoCompact.minFiles",
                                   "spark.databricks.delta.autoCompact.minNumFiles", MIN_FILES),
                               .deadline_ms = sl_clock_wall_us() / 1000 + TIME_MAX_MS,
                               .automatic = true};
    struct sl_table_call call = {.env = &env, .path = sl_str(self->table_dir)};
    enum sl_code code = sl_delta_optimize(&call, &what, &report, err);
    sl_report_release(&report);
    sl_arena_release(&arena);
    return code;
}

static void *run(void *ctx) {
    struct sl_delta_auto *self = ctx;
    struct sl_err err = {0};
    enum sl_code code = compact(self, &err);
    if (code != SL_OK && code != SL_CANCELED)
        sl_log_event(
            self->env->log, SL_LOG_WARN, SL_CAT_COMMIT,
            "the Delta table `%s` was not compacted: %s; its small files are looked at again "
            "after later batches",
            self->table_dir, err.msg);
    atomic_store(&self->busy, false);
    return NULL;
}

void sl_delta_auto_end(struct sl_delta_auto *self) {
    if (self->started) pthread_join(self->thread, NULL);
    self->started = false;
}

void sl_delta_auto_committed(struct sl_delta_auto *self, uint64_t files,
                             const char *table_property) {
    self->new_files += files;
    if (self->looked && self->new_files < LOOK_EVERY) return;
    if (!is_enabled(self, table_property) || atomic_load(&self->busy)) return;
    sl_delta_auto_end(self);
    self->new_files = 0;
    self->looked = true;
    self->session = *self->env->session;
    atomic_store(&self->busy, true);
    self->started = pthread_create(&self->thread, NULL, run, self) == 0;
    if (!self->started) atomic_store(&self->busy, false);
}
