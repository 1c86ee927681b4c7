#include "run/letter_list.h"

#include <stdlib.h>

struct letter_key {
    int64_t failed_at, batch_id, partition, offset;
    uint32_t row;
};

struct newest {
    struct sl_arena arena;
    sl_rows_begin_fn begin;
    void *ctx;
    uint32_t limit;
    bool begun;
    struct sl_batch kept;
    struct letter_key *keys;
    uint32_t cap;
};

static int compare_keys(const void *a, const void *b) {
    const struct letter_key *x = a, *y = b;
    if (x->failed_at != y->failed_at) return x->failed_at < y->failed_at ? 1 : -1;
    if (x->batch_id != y->batch_id) return x->batch_id < y->batch_id ? 1 : -1;
    if (x->offset != y->offset) return x->offset < y->offset ? 1 : -1;
    if (x->partition != y->partition) return x->partition > y->partition ? 1 : -1;
    return (x->row < y->row) - (x->row > y->row);
}

static enum sl_code begin_newest(void *ctx, const struct sl_type *schema,
                                 const struct sl_session *session, struct sl_err *err) {
    struct newest *newest = ctx;
    if (newest->begun) return SL_OK;
    newest->begun = true;
    const struct sl_type *own; /* the read pipeline's goes away */
    struct sl_buf ddl = {0};
    sl_type_put_sql(&ddl, schema);
    enum sl_code code = sl_type_parse(&newest->arena, sl_buf_str(&ddl), &own, err);
    sl_buf_release(&ddl);
    SL_TRY(code);
    sl_batch_init(&newest->kept, own, &newest->arena);
    return newest->begin(newest->ctx, own, session, err);
}

/* Puts the newest in front and forgets the others. */
static enum sl_code settle(struct newest *newest, struct sl_err *err) {
    struct sl_batch *kept = &newest->kept;
    uint32_t count = kept->rows < newest->limit ? kept->rows : newest->limit;
    uint32_t *idx = sl_xcalloc(kept->rows + (size_t)1, sizeof *idx);
    enum sl_code code = SL_OK;
    if (kept->rows) qsort(newest->keys, kept->rows, sizeof *newest->keys, compare_keys);
    for (uint32_t i = 0; i < count; i++) idx[i] = newest->keys[i].row;
    for (uint32_t c = 0; c < kept->schema->field_count && code == SL_OK; c++) {
        struct sl_vec sorted;
        sl_vec_init(&sorted, kept->columns[c].type);
        code = sl_vec_append(&sorted, &kept->columns[c], idx, count, err);
        sl_vec_release(&kept->columns[c]);
        kept->columns[c] = sorted;
    }
    kept->rows = kept->selected_rows = count;
    for (uint32_t i = 0; i < count; i++) newest->keys[i].row = i;
    free(idx);
    return code;
}

static enum sl_code take_newest(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    enum { SLACK = 16384 };
    struct newest *newest = ctx;
    struct sl_batch *kept = &newest->kept;
    uint32_t *idx = sl_xcalloc(batch->rows + (size_t)1, sizeof *idx),
             count = sl_batch_selection(batch, idx);
    enum sl_code code = SL_OK;
    for (uint32_t c = 0; c < kept->schema->field_count && code == SL_OK; c++)
        code = sl_vec_append(&kept->columns[c], &batch->columns[c], idx, count, err);
    if (newest->cap < kept->rows + count) {
        newest->cap = (kept->rows + count) * 2;
        newest->keys = sl_xrealloc(newest->keys, newest->cap * sizeof *newest->keys);
    }
    for (uint32_t i = 0; i < count; i++)
        newest->keys[kept->rows + i] =
            (struct letter_key){sl_listed_int(batch, SL_LISTED_FAILED_AT, idx[i]),
                                sl_listed_int(batch, SL_LISTED_BATCH_ID, idx[i]),
                                sl_listed_int(batch, SL_LISTED_PARTITION, idx[i]),
                                sl_listed_int(batch, SL_LISTED_OFFSET, idx[i]), kept->rows + i};
    kept->rows += count;
    free(idx);
    return code == SL_OK && kept->rows >= newest->limit + SLACK ? settle(newest, err) : code;
}

enum sl_code sl_letters_newest(struct sl_pipeline *pipeline, const struct sl_letter_owners *owners,
                               struct sl_str query, uint32_t limit, sl_rows_begin_fn begin,
                               sl_rows_fn fn, void *ctx, struct sl_err *err) {
    const struct sl_letter_reading reading = {pipeline, owners, query};
    struct newest newest = {.begin = begin, .ctx = ctx, .limit = limit};
    sl_arena_init(&newest.arena, "newest letters");
    enum sl_code code = sl_letters_read(&reading, true, begin_newest, take_newest, &newest, err);
    if (code == SL_OK && newest.begun) code = settle(&newest, err);
    if (code == SL_OK && newest.begun && newest.kept.rows) code = fn(ctx, &newest.kept, err);
    if (newest.begun) sl_batch_release(&newest.kept);
    free(newest.keys);
    sl_arena_release(&newest.arena);
    return code;
}
