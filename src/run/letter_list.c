#include "run/letter_list.h"

#include <stdlib.h>

#include "run/letter_table.h"
#include "run/quarantine.h"

/* ---- where letters are ---- */

static enum sl_code no_such_query(const struct sl_pipeline *pipeline, struct sl_str name,
                                  struct sl_err *err) {
    struct sl_str *names = calloc(pipeline->query_count + 1, sizeof *names);
    for (uint32_t i = 0; names && i < pipeline->query_count; i++)
        names[i] = pipeline->queries[i].name;
    int nearest = sl_str_nearest(name, names, pipeline->query_count);
    struct sl_str near = nearest >= 0 ? names[nearest] : SL_STR("");
    free(names);
    sl_fail(err, SL_USER, "the pipeline has no query `%.*s`", SL_STR_ARG(name));
    if (near.len) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(near));
    return SL_USER;
}

/* Each table once, though several queries may use it. */
static enum sl_code find_holders(struct sl_pipeline *pipeline, struct sl_str query,
                                 const struct sl_statement ***out, uint32_t *count,
                                 struct sl_err *err) {
    uint32_t all = pipeline->query_count, matched = 0;
    *out = SL_NEW_ARRAY(&pipeline->arena, const struct sl_statement *, all + (size_t)1);
    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        const struct sl_query_spec *spec = &pipeline->queries[i];
        const struct sl_statement *holder;
        if (query.len && !sl_str_eq_nocase(spec->name, query)) continue;
        matched++;
        SL_TRY(sl_quarantine_find(pipeline, spec->target, &holder, err));
        bool known = !holder;
        for (uint32_t k = 0; k < *count && !known; k++) known = (*out)[k] == holder;
        if (!known) (*out)[(*count)++] = holder;
    }
    if (query.len && !matched) return no_such_query(pipeline, query, err);
    if (*count) return SL_OK;
    sl_fail(err, SL_USER, "no query %s%.*s%sof this pipeline has a quarantine",
            query.len ? "`" : "", SL_STR_ARG(query), query.len ? "` " : "");
    return sl_hint(err, "TBLPROPERTIES ('sluice.quarantine' = 'name') names a sink, or a streaming "
                        "table without AS"),
           SL_USER;
}

enum sl_code sl_letters_require_query(struct sl_pipeline *pipeline, struct sl_str query,
                                      struct sl_err *err) {
    const struct sl_statement **holders;
    uint32_t count;
    return find_holders(pipeline, query, &holders, &count, err);
}

/* Columns of the list; the first four order it. */
enum { FAILED_AT, BATCH_ID, PARTITION, OFFSET, QUERY, TOPIC, KIND, RULE };
static const char select_list[] =
    "SELECT failed_at, batch_id, partition, offset, query, topic, kind, rule";
static const char texts_list[] = ", error_class, error, timestamp, CAST(key AS STRING) AS key, "
                                 "CAST(value AS STRING) AS value";

static enum sl_code read_holder(struct sl_pipeline *pipeline, const struct sl_statement *holder,
                                struct sl_str query, bool texts, sl_rows_begin_fn begin,
                                sl_rows_fn fn, void *ctx, struct sl_err *err) {
    struct sl_buf sql = {0};
    struct sl_pipeline reading;
    struct sl_letter_table table;
    SL_TRY(sl_letter_table_find(holder, &pipeline->arena, &table, err));
    if (!table.exists) return SL_OK;
    sl_buf_printf(&sql, "%s%s FROM ", select_list, texts ? texts_list : "");
    sl_letter_table_put_sql(&sql, &table);
    if (query.len) {
        sl_buf_put_cstr(&sql, " WHERE lower(query) = lower(");
        sl_letter_put_quoted(&sql, query, '\'');
        sl_buf_put_byte(&sql, ')');
    }
    enum sl_code code =
        sl_pipeline_load(pipeline->engine, "dead letters", sl_buf_str(&sql), &reading, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&reading, reading.selects[0]->query, begin, fn, ctx, err);
    if (code != SL_OK && err) err->span = (struct sl_span){0}; /* a place in no file */
    sl_pipeline_release(&reading);
    sl_buf_release(&sql);
    return code;
}

/* ---- values ---- */

static int64_t int_at(const struct sl_batch *batch, int column, uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    struct sl_vec one;
    int64_t value = -1;
    if (sl_vec_is_null(vec, row)) return -1;
    sl_vec_init(&one, vec->type);
    if (sl_vec_append(&one, vec, &row, 1, NULL) == SL_OK)
        value = vec->type->kind == SL_INT_KIND ? one.i32[0] : one.i64[0];
    sl_vec_release(&one);
    return value;
}

static struct sl_str text_at(const struct sl_batch *batch, int column, uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    return sl_vec_is_null(vec, row) ? SL_STR("") : sl_vec_str(vec, row);
}

/* ---- the newest ---- */

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
    if (x->partition != y->partition) return x->partition > y->partition ? 1 : -1;
    if (x->offset != y->offset) return x->offset > y->offset ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
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
        newest->keys[kept->rows + i] = (struct letter_key){
            int_at(batch, FAILED_AT, idx[i]), int_at(batch, BATCH_ID, idx[i]),
            int_at(batch, PARTITION, idx[i]), int_at(batch, OFFSET, idx[i]), kept->rows + i};
    kept->rows += count;
    free(idx);
    return code == SL_OK && kept->rows >= newest->limit + SLACK ? settle(newest, err) : code;
}

enum sl_code sl_letters_newest(struct sl_pipeline *pipeline, struct sl_str query, uint32_t limit,
                               sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                               struct sl_err *err) {
    const struct sl_statement **holders;
    uint32_t count;
    struct newest newest = {.begin = begin, .ctx = ctx, .limit = limit};
    SL_TRY(find_holders(pipeline, query, &holders, &count, err));
    sl_arena_init(&newest.arena, "newest letters");
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < count && code == SL_OK; i++)
        code =
            read_holder(pipeline, holders[i], query, true, begin_newest, take_newest, &newest, err);
    if (code == SL_OK && newest.begun) code = settle(&newest, err);
    if (code == SL_OK && newest.begun && newest.kept.rows) code = fn(ctx, &newest.kept, err);
    if (newest.begun) sl_batch_release(&newest.kept);
    free(newest.keys);
    sl_arena_release(&newest.arena);
    return code;
}

/* ---- counts ---- */

struct groups {
    struct sl_arena *arena;
    struct sl_letter_group *items;
    uint32_t count, cap, last; /* letters of one kind stand together */
};

static bool is_group(const struct sl_letter_group *group, const struct sl_batch *batch,
                     uint32_t row, int64_t partition) {
    return group->partition == partition && sl_str_eq(group->kind, text_at(batch, KIND, row)) &&
           sl_str_eq(group->rule, text_at(batch, RULE, row)) &&
           sl_str_eq(group->topic, text_at(batch, TOPIC, row)) &&
           sl_str_eq(group->query, text_at(batch, QUERY, row));
}

static struct sl_letter_group *find_group(struct groups *groups, const struct sl_batch *batch,
                                          uint32_t row) {
    int64_t partition = int_at(batch, PARTITION, row);
    if (groups->count && is_group(&groups->items[groups->last], batch, row, partition))
        return &groups->items[groups->last];
    for (uint32_t i = 0; i < groups->count; i++)
        if (is_group(&groups->items[i], batch, row, partition)) {
            groups->last = i;
            return &groups->items[i];
        }
    if (groups->count == groups->cap) {
        uint32_t cap = groups->cap ? 2 * groups->cap : 32;
        groups->items =
            sl_arena_grow(groups->arena, groups->items, groups->cap * sizeof *groups->items,
                          cap * sizeof *groups->items);
        groups->cap = cap;
    }
    groups->last = groups->count++;
    struct sl_letter_group *added = &groups->items[groups->last];
    *added =
        (struct sl_letter_group){.query = sl_arena_str(groups->arena, text_at(batch, QUERY, row)),
                                 .kind = sl_arena_str(groups->arena, text_at(batch, KIND, row)),
                                 .rule = sl_arena_str(groups->arena, text_at(batch, RULE, row)),
                                 .topic = sl_arena_str(groups->arena, text_at(batch, TOPIC, row)),
                                 .partition = partition,
                                 .first_us = INT64_MAX,
                                 .last_us = INT64_MIN};
    return added;
}

static enum sl_code begin_stats(void *ctx, const struct sl_type *schema,
                                const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}

static enum sl_code take_stats(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
        struct sl_letter_group *group = find_group(ctx, batch, row);
        int64_t at = int_at(batch, FAILED_AT, row);
        group->count++;
        if (at < group->first_us) group->first_us = at;
        if (at > group->last_us) group->last_us = at;
    }
    return SL_OK;
}

static int compare_groups(const void *a, const void *b) {
    const struct sl_letter_group *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    int order = sl_str_cmp(x->query, y->query);
    if (!order) order = sl_str_cmp(x->kind, y->kind);
    if (!order) order = sl_str_cmp(x->rule, y->rule);
    if (!order) order = sl_str_cmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

enum sl_code sl_letters_stats(struct sl_pipeline *pipeline, struct sl_str query,
                              struct sl_arena *arena, struct sl_letter_group **out, uint32_t *count,
                              struct sl_err *err) {
    const struct sl_statement **holders;
    uint32_t holder_count;
    struct groups groups = {.arena = arena};
    SL_TRY(find_holders(pipeline, query, &holders, &holder_count, err));
    for (uint32_t i = 0; i < holder_count; i++)
        SL_TRY(
            read_holder(pipeline, holders[i], query, false, begin_stats, take_stats, &groups, err));
    if (groups.count) qsort(groups.items, groups.count, sizeof *groups.items, compare_groups);
    *out = groups.items;
    *count = groups.count;
    return SL_OK;
}
