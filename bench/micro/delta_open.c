/* Delta table: time to open it and to walk its files, and time of one more update.
 *
 *   delta_open files [dir]
 *
 * Without a directory a table of `files` adds in one commit is made in a temporary one, with
 * statistics of four columns; a directory is one that holds a table already, e.g. one with a
 * checkpoint that another engine wrote. Best of five; files on disk are warm. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/io.h"
#include "lake/delta/snapshot.h"

enum { TRIES = 5 };

static void must(enum sl_code code, const struct sl_err *err) {
    if (code == SL_OK) return;
    fprintf(stderr, "%s (%s)\n", err->msg, err->ctx);
    exit(1);
}

static void put_add(struct sl_buf *out, int64_t i) {
    sl_buf_printf(out,
                  "{\"add\":{\"path\":\"day=2024-01-%02d/part-%05d-%08" PRIx64
                  "-7c1e-4a6f-9d3e-2f6b8a1c0d4e.c000.zstd.parquet\",\"partitionValues\":{\"day\":"
                  "\"2024-01-%02d\"},\"size\":123456,\"modificationTime\":1700000000000,"
                  "\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":1000,\\\"minValues\\\":{"
                  "\\\"id\\\":%" PRId64 ",\\\"amount\\\":0.5,\\\"ts\\\":\\\"2024-01-01T00:00:00."
                  "000Z\\\",\\\"name\\\":\\\"aaa\\\"},\\\"maxValues\\\":{\\\"id\\\":%" PRId64
                  ",\\\"amount\\\":99.5,\\\"ts\\\":\\\"2024-01-01T00:10:00.000Z\\\",\\\"name\\\":"
                  "\\\"zzz\\\"},\\\"nullCount\\\":{\\\"id\\\":0,\\\"amount\\\":0,\\\"ts\\\":0,"
                  "\\\"name\\\":0}}\"}}\n",
                  (int)(i % 28) + 1, (int)(i % 100000), (uint64_t)i * 7919, (int)(i % 28) + 1,
                  i * 1000, i * 1000 + 999);
}

static void make_table(const char *dir, int64_t files) {
    struct sl_err err;
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "bench");
    must(sl_io_make_dirs(sl_path_join(&arena, dir, "_delta_log"), &err), &err);
    sl_buf_put_cstr(&text, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
                           "{\"metaData\":{\"id\":\"bench\",\"partitionColumns\":[\"day\"]}}\n");
    for (int64_t i = 0; i < files; i++) put_add(&text, i);
    must(sl_delta_log_put(dir, 0, sl_buf_str(&text), &err), &err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
}

static enum sl_code count_file(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    (void)err;
    *(int64_t *)ctx += file->bytes > 0;
    return SL_OK;
}

static double best(double a, double b) { return a == 0 || b < a ? b : a; }

int main(int argc, char **argv) {
    char own[] = "/tmp/delta_open-XXXXXX";
    struct sl_err err = {0};
    double open_ms = 0, walk_ms = 0, update_us = 0;
    int64_t count = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: delta_open files [dir]\n");
        return 2;
    }
    if (argc == 2 && !mkdtemp(own)) return 1;
    const char *dir = argc > 2 ? argv[2] : own;
    if (argc == 2) make_table(dir, atoll(argv[1]));
    for (int i = 0; i < TRIES; i++) {
        struct sl_delta_snapshot *snapshot;
        struct sl_delta_walk walk = {count_file, NULL, &count};
        int64_t start = sl_clock_mono_ns();
        must(sl_delta_snapshot_open(dir, -1, NULL, &snapshot, &err), &err);
        int64_t opened = sl_clock_mono_ns();
        count = 0;
        must(sl_delta_snapshot_walk(snapshot, &walk, &err), &err);
        int64_t walked = sl_clock_mono_ns();
        must(sl_delta_snapshot_update(snapshot, &err), &err);
        update_us = best(update_us, (double)(sl_clock_mono_ns() - walked) / 1e3);
        open_ms = best(open_ms, (double)(opened - start) / 1e6);
        walk_ms = best(walk_ms, (double)(walked - opened) / 1e6);
        sl_delta_snapshot_close(snapshot);
    }
    if (count != atoll(argv[1])) {
        fprintf(stderr, "%" PRId64 " files instead of %s\n", count, argv[1]);
        return 1;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRId64 " files: open %.1f ms, walk %.1f ms, update %.0f us, most memory %ld kB%s\n",
           count, open_ms, walk_ms, update_us, usage.ru_maxrss,
           argc == 2 ? " (with making the table)" : "");
    if (argc == 2) must(sl_io_remove_tree(own, &err), &err);
    return 0;
}
