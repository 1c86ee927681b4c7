/* Parquet writer: nanoseconds per row and file size for the benchmark order (11 columns), per
 * codec.
 *
 *   parquet_write [rows [repeat [codecs [column]]]]
 *
 * codecs: how many of none, snappy, lz4_raw, zstd, gzip to try (default 4); column: only this one
 * of the single-column runs (default all).
 *
 * The batches are made before the clock starts; bytes go to a callback that only counts them, so
 * the figure is the writer's own cost.  The best of `repeat` runs is printed; the writer is reset
 * between runs, as a long-running query does between files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/hash.h"
#include "fmt/parquet/parquet_write.h"

enum { BATCH_ROWS = 4096, COLUMNS = 11 };

static const char schema_text[] =
    "order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, "
    "quantity INT, unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, "
    "order_timestamp TIMESTAMP";

struct batch {
    struct sl_vec columns[COLUMNS];
    const struct sl_vec *pointers[COLUMNS];
    uint32_t rows;
};

static void must(enum sl_code code, const struct sl_err *err) {
    if (code == SL_OK) return;
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

static void put(struct sl_vec *vec, const char *text) {
    struct sl_err err;
    must(sl_vec_put_str(vec, sl_str(text), &err), &err);
}

static void put_order(struct batch *batch, uint64_t *state, int64_t row) {
    static const char *const statuses[] = {"PAID", "PENDING", "CANCELLED", "REFUNDED"};
    struct sl_vec *columns = batch->columns;
    struct sl_err err;
    char text[64];
    uint64_t pick = sl_random_next(state);
    int quantity = (int)(pick % 10) + 1, share = (int)(pick / 10 % 100);
    double price = (double)(500 + sl_random_next(state) % 49500) / 100;
    snprintf(text, sizeof text, "ORD-%09" PRId64, row);
    put(&columns[0], text);
    sl_uuid_format(text, sl_random_next(state), sl_random_next(state));
    text[36] = 0;
    put(&columns[1], text);
    snprintf(text, sizeof text, "CUST-%05d", (int)(sl_random_next(state) % 50000));
    put(&columns[2], text);
    snprintf(text, sizeof text, "Product %02d", (int)(pick / 1000 % 50));
    put(&columns[3], text);
    snprintf(text, sizeof text, "Category%d", (int)(pick / 1000 % 6));
    put(&columns[4], text);
    must(sl_vec_put_i64(&columns[5], quantity, &err), &err);
    must(sl_vec_put_f64(&columns[6], price, &err), &err);
    must(sl_vec_put_f64(&columns[7], (double)(int64_t)(price * quantity * 100) / 100, &err), &err);
    put(&columns[8], statuses[share < 70 ? 0 : share < 85 ? 1 : share < 95 ? 2 : 3]);
    snprintf(text, sizeof text, "City number %02d", (int)(pick / 77777 % 20));
    put(&columns[9], text);
    int64_t at = INT64_C(1736935425000) + row * 259200000 / 2000000;
    at += (int64_t)(sl_random_next(state) % 120000) - 60000;
    must(sl_vec_put_i64(&columns[10], at * 1000, &err), &err);
    batch->rows++;
}

static struct batch *make_batches(const struct sl_type *schema, int64_t rows, size_t *count) {
    uint64_t state = 42;
    *count = (size_t)((rows + BATCH_ROWS - 1) / BATCH_ROWS);
    struct batch *batches = sl_xcalloc(*count, sizeof *batches);
    for (size_t b = 0; b < *count; b++) {
        for (int c = 0; c < COLUMNS; c++) {
            sl_vec_init(&batches[b].columns[c], schema->fields[c].type);
            batches[b].pointers[c] = &batches[b].columns[c];
        }
        for (int64_t i = (int64_t)b * BATCH_ROWS; i < rows && batches[b].rows < BATCH_ROWS; i++)
            put_order(&batches[b], &state, i);
    }
    return batches;
}

static enum sl_code count_bytes(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    (void)bytes, (void)err;
    *(uint64_t *)ctx += len;
    return SL_OK;
}

/* PARQUET_WRITE_OUT=path keeps the file of the last run, for a look with other tools. */
static enum sl_code to_file(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    return fwrite(bytes, 1, len, ctx) == len ? SL_OK : sl_fail(err, SL_IO, "could not write");
}

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* One column alone (or all when column < 0). */
static void write_all(struct sl_parquet_writer *writer, struct batch *batches, size_t count,
                      int column) {
    struct sl_err err;
    for (size_t b = 0; b < count; b++)
        must(sl_parquet_writer_write(writer, batches[b].pointers + (column < 0 ? 0 : column), NULL,
                                     batches[b].rows, &err),
             &err);
    must(sl_parquet_writer_finish(writer, &err), &err);
}

static void measure(const struct sl_type *schema, struct batch *batches, size_t count, int64_t rows,
                    int repeat, enum sl_codec codec, int column) {
    struct sl_parquet_write_options options;
    struct sl_parquet_writer *writer;
    struct sl_err err;
    uint64_t bytes = 0;
    double best = 1e30;
    sl_parquet_write_options_init(&options);
    options.codec = codec;
    if (getenv("PAGE_BYTES")) options.page_bytes = (size_t)atol(getenv("PAGE_BYTES"));
    must(sl_parquet_writer_new(schema, &options, NULL, count_bytes, &bytes, &writer, &err), &err);
    for (int r = 0; r < repeat; r++) {
        bytes = 0;
        sl_parquet_writer_reset(writer, count_bytes, &bytes);
        double begin = now_ns();
        write_all(writer, batches, count, column);
        double ns = (now_ns() - begin) / (double)rows;
        if (ns < best) best = ns;
    }
    printf("%-16s %-8s %7.1f ns/row %8.2f bytes/row %8.1f MiB memory\n",
           column < 0 ? "all" : schema->fields[0].name.ptr,
           codec == SL_CODEC_NONE ? "none" : sl_codec_extension(codec) + 1, best,
           (double)bytes / (double)rows, (double)sl_parquet_writer_memory(writer) / 1048576);
    FILE *file =
        column < 0 && getenv("PARQUET_WRITE_OUT") ? fopen(getenv("PARQUET_WRITE_OUT"), "wb") : NULL;
    if (file) {
        sl_parquet_writer_reset(writer, to_file, file);
        write_all(writer, batches, count, column);
        fclose(file);
    }
    sl_parquet_writer_free(writer);
}

int main(int argc, char **argv) {
    int64_t rows = argc > 1 ? atoll(argv[1]) : 2000000;
    int repeat = argc > 2 ? atoi(argv[2]) : 3;
    struct sl_arena arena;
    struct sl_err err;
    const struct sl_type *schema;
    size_t count;
    sl_arena_init(&arena, "bench");
    must(sl_type_parse_schema(&arena, sl_str(schema_text), &schema, &err), &err);
    struct batch *batches = make_batches(schema, rows, &count);
    static const enum sl_codec codecs[] = {SL_CODEC_NONE, SL_CODEC_SNAPPY, SL_CODEC_LZ4_RAW,
                                           SL_CODEC_ZSTD, SL_CODEC_GZIP};
    int codec_count = argc > 3 ? atoi(argv[3]) : 4, only = argc > 4 ? atoi(argv[4]) : -1;
    for (int c = 0; c < codec_count; c++)
        measure(schema, batches, count, rows, repeat, codecs[c], -1);
    for (int codec = 0; codec < 2; codec++) {
        for (int c = 0; c < COLUMNS; c++) {
            if (only >= 0 && c != only) continue;
            struct sl_field field = schema->fields[c];
            field.name = sl_arena_str(&arena, field.name);
            measure(sl_type_struct(&arena, &field, 1), batches, count, rows, repeat, codecs[codec],
                    c);
        }
    }
    for (size_t b = 0; b < count; b++)
        for (int c = 0; c < COLUMNS; c++) sl_vec_release(&batches[b].columns[c]);
    free(batches);
    sl_arena_release(&arena);
    return 0;
}
