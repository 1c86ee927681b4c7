/* Any bytes as a file of Spark's state, as a row in it and as its schemas: refused, or rows whose
 * vectors hold their invariants and which, written and read again, are the same. */
#include <stdint.h>
#include <stdlib.h>

#include "col/batch.h"
#include "state/spark_schema.h"
#include "state/spark_state_file.h"
#include "state/unsafe_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char types_text[] =
    "STRUCT<a: INT, b: STRING, c: BOOLEAN, d: DECIMAL(30,2), e: STRUCT<x: TIMESTAMP, y: STRING>, "
    "f: ARRAY<STRING>, g: ARRAY<STRUCT<z: SMALLINT>>, h: DECIMAL(9,2), i: ARRAY<BOOLEAN>>";

static void check_again(const struct sl_batch *batch, struct sl_arena *arena) {
    struct sl_buf bytes = {0};
    struct sl_batch again;
    struct sl_err err;
    if (sl_unsafe_row_put(&bytes, batch->schema, batch->columns, 0, false, &err) != SL_OK) abort();
    struct sl_str row = sl_buf_str(&bytes);
    sl_batch_init(&again, batch->schema, arena);
    if (sl_unsafe_rows_take(&row, 1, batch->schema, again.columns, &err) != SL_OK) abort();
    for (uint32_t c = 0; c < batch->schema->field_count; c++)
        if (!sl_vec_rows_equal(&batch->columns[c], 0, &again.columns[c], 0)) abort();
    sl_batch_release(&again);
    sl_buf_release(&bytes);
}

static void take_row(struct sl_str row) {
    struct sl_arena arena;
    struct sl_batch batch;
    struct sl_err err;
    const struct sl_type *type;
    const char *why;
    if (!row.ptr) return;
    sl_arena_init(&arena, "fuzz");
    if (sl_type_parse(&arena, sl_str(types_text), &type, &err) != SL_OK) abort();
    sl_batch_init(&batch, type, &arena);
    if (sl_unsafe_rows_take(&row, 1, type, batch.columns, &err) == SL_OK) {
        for (uint32_t c = 0; c < type->field_count; c++)
            if (!sl_vec_verify(&batch.columns[c], &why)) abort();
        check_again(&batch, &arena);
    }
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}

static enum sl_code take_record(void *ctx, struct sl_str key, struct sl_str value,
                                struct sl_err *err) {
    (void)ctx, (void)err;
    take_row(key);
    take_row(value);
    return SL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sl_str bytes = {(const char *)data, size};
    struct sl_arena arena;
    struct sl_spark_schema schema;
    struct sl_err err;
    if (!size) return 0;
    /* the first byte says as what: the checksum of a block is not guessed */
    if (data[0] == 'R') take_row(sl_str_sub(bytes, 1, size));
    sl_arena_init(&arena, "fuzz");
    enum sl_code code = sl_spark_state_bytes_read(bytes, take_record, NULL, &err);
    if (data[0] == 0) code = sl_spark_schema_parse(bytes, &arena, &schema, &err);
    (void)code; /* that it ends is the test */
    sl_arena_release(&arena);
    return 0;
}
