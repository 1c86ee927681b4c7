#include "conn/delta/delta_read.h"
#include "conn/delta/delta_sink.h"
#include "conn/delta/delta_source.h"
#include "conn/delta/delta_table.h"

static enum sl_code check(const struct sl_conn_env *env, const struct sl_options *options,
                          bool streaming, bool sink, struct sl_err *err) {
    (void)env;
    return sink ? sl_delta_sink_check(options, err)
                : sl_delta_source_check(options, streaming, err);
}

static enum sl_code exists(struct sl_str path, bool *out, struct sl_err *err) {
    struct sl_arena arena;
    int64_t newest;
    sl_arena_init(&arena, "Delta table");
    const struct sl_options none = {0};
    enum sl_code code =
        sl_delta_log_newest(sl_delta_read_dir(&arena, &none, path), -1, &newest, err);
    *out = code == SL_OK && newest >= 0;
    sl_arena_release(&arena);
    return code;
}

extern const struct sl_connector sl_delta_connector; /* conn/connectors.def */
const struct sl_connector sl_delta_connector = {
    .name = "delta",
    .open_source = sl_delta_source_open,
    .open_sink = sl_delta_sink_open,
    .output_modes = SL_OUTPUT_COMPLETE,
    .table = &sl_delta_table_ops,
    .exists = exists,
    .check = check,
};
