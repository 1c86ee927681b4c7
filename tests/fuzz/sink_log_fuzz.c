/* A damaged _spark_metadata entry, partition directory or URI never crashes a reader. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lake/partition.h"
#include "lake/sink_log.h"
#include "lake/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as_log(struct sl_str text) {
    static char dir[64];
    struct sl_arena arena;
    struct sl_sink_log *log;
    struct sl_sink_file *files;
    size_t count;
    struct sl_err err;
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/sluice-fuzz-XXXXXX");
        if (!mkdtemp(dir)) abort();
    }
    sl_arena_init(&arena, "fuzz");
    sl_io_set_durability(SL_DURABLE_PROCESS);
    const char *log_dir = sl_path_join(&arena, dir, "_spark_metadata");
    if (sl_io_make_dirs(log_dir, &err) != SL_OK) abort();
    if (sl_io_put_atomic(log_dir, "0", text, SL_PUT_REPLACE, NULL, &err) != SL_OK) abort();
    if (sl_sink_log_open(&arena, dir, 10, &log, &err) == SL_OK &&
        sl_sink_log_files(log, &arena, &files, &count, &err) == SL_OK)
        for (size_t i = 0; i < count; i++)
            if (files[i].path.ptr == NULL) abort();
    if (sl_io_remove_tree(dir, &err) != SL_OK) abort();
    sl_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_str text = {(const char *)data, size};
    struct sl_buf name = {0}, value = {0}, path = {0};
    bool is_null;
    sl_partition_parse(text, &name, &value, &is_null);
    sl_uri_parse_file(text, &path);
    sl_buf_release(&name);
    sl_buf_release(&value);
    sl_buf_release(&path);
    read_as_log(text);
    return 0;
}
