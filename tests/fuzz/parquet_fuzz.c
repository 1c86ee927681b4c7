/* Any bytes as a Parquet file: opened, every column read in small batches, statistics asked for,
 * under a small memory budget. What comes out must keep the invariants of vectors, and all memory
 * of the budget must come back. */
#include <stdlib.h>

#include "fmt/parquet/parquet_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCH = 61, ROWS_MAX = 20000, FIELDS_MAX = 64 };

struct input {
    const uint8_t *data;
    size_t size;
};

static enum sl_code read_input(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    const struct input *input = ctx;
    sl_assert(offset <= input->size && len <= input->size - offset);
    (void)err;
    memcpy(to, input->data + offset, len);
    return SL_OK;
}

static void read_rows(struct sl_parquet_reader *reader, struct sl_vec *out, uint32_t count) {
    struct sl_err err;
    uint32_t columns[FIELDS_MAX], rows = 0, total = 0;
    for (uint32_t i = 0; i < count; i++) columns[i] = i;
    if (sl_parquet_reader_start(reader, columns, count, NULL, NULL, &err) != SL_OK) return;
    while (total < ROWS_MAX && sl_parquet_reader_next(reader, BATCH, out, &rows, &err) == SL_OK &&
           rows) {
        for (uint32_t i = 0; i < count; i++) {
            sl_assert(out[i].rows == rows);
            /* Leaves that contradict each other about nulls of a common group are possible. */
            if (!sl_type_is_nested(out[i].type)) sl_assert(sl_vec_verify(&out[i], NULL));
        }
        total += rows;
    }
}

static void read_stats(struct sl_parquet_reader *reader, uint32_t count) {
    uint32_t groups = sl_parquet_reader_group_count(reader);
    for (uint32_t g = 0; g < groups && g < 4; g++)
        for (uint32_t i = 0; i < count; i++) {
            struct sl_group_stats stats;
            if (sl_parquet_reader_group_stats(reader, g, i, &stats, NULL) != SL_OK) continue;
            sl_vec_release(&stats.min);
            sl_vec_release(&stats.max);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_parquet_reader *reader;
    struct sl_budget budget;
    struct sl_err err;
    struct input input = {data, size};
    sl_budget_init(&budget, 16 << 20);
    if (sl_parquet_reader_open(read_input, &input, size, &budget, &reader, &err) == SL_OK) {
        const struct sl_type *schema = sl_parquet_reader_schema(reader);
        uint32_t count = schema->field_count < FIELDS_MAX ? schema->field_count : FIELDS_MAX;
        struct sl_vec out[FIELDS_MAX] = {{0}};
        for (uint32_t i = 0; i < count; i++) sl_vec_init(&out[i], schema->fields[i].type);
        read_rows(reader, out, count);
        read_stats(reader, count);
        for (uint32_t i = 0; i < count; i++) sl_vec_release(&out[i]);
        sl_parquet_reader_close(reader);
    }
    sl_assert(atomic_load(&budget.used_bytes) == 0);
    return 0;
}
