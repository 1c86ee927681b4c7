#include "run/letter_read.h"

#include <stdlib.h>

#include "run/letter_table.h"
#include "run/quarantine.h"

/* As sl_listed_column; the first four order the list. */
static const char select_list[] =
    "SELECT failed_at, batch_id, partition, offset, query, %s, topic, kind, rule";
static const char texts_list[] =
    ", error_class, sqlstate, error, timestamp, CAST(key AS STRING) AS key, "
    "CAST(value AS STRING) AS value, "
    "transform(headers, h -> named_struct('key', h.key, 'value', CAST(h.value AS STRING))) "
    "AS headers";

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

/* A path that is wrong looks like a query that never failed, unless nothing at all is there. */
static void tell_missing(const struct sl_letter_reading *reading, const struct sl_statement *holder,
                         const struct sl_letter_table *table) {
    const struct sl_pipeline *pipeline = reading->pipeline;
    const struct sl_letter_owner *first = NULL;
    for (uint32_t i = 0; i < reading->owners->count; i++) {
        const struct sl_letter_owner *owner = &reading->owners->items[i];
        const struct sl_statement *own;
        struct sl_err ignored;
        if (!owner->spec->target ||
            sl_quarantine_find(pipeline, owner->spec->target, &own, &ignored) != SL_OK ||
            own != holder)
            continue;
        if (owner->query_id.len) return; /* it has run: nothing has failed yet */
        if (!first && owner->checkpoint.len) first = owner;
    }
    sl_log_event(&pipeline->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                 "nothing is at `%.*s`, the quarantine `%.*s`%s%.*s%s: no query of this pipeline "
                 "has run with these paths",
                 SL_STR_ARG(table->path), SL_STR_ARG(holder->name.parts[holder->name.count - 1]),
                 first ? ", nor at `" : "", first ? (int)first->checkpoint.len : 0,
                 first ? first->checkpoint.ptr : "", first ? "`, the checkpoint" : "");
}

static enum sl_code select_from(const struct sl_letter_reading *reading, struct sl_str sql,
                                sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                struct sl_err *err) {
    struct sl_pipeline select;
    enum sl_code code =
        sl_pipeline_load(reading->pipeline->engine, "dead letters", sql, &select, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&select, select.selects[0]->query, begin, fn, ctx, err);
    if (code != SL_OK && err) err->span = (struct sl_span){0}; /* a place in no file */
    sl_pipeline_release(&select);
    return code;
}

static enum sl_code note_id(void *ctx, const struct sl_type *schema,
                            const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    *(bool *)ctx = sl_type_find_field(schema, SL_STR("query_id")) >= 0;
    return SL_OK;
}
static enum sl_code no_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)ctx, (void)batch, (void)err;
    return SL_OK;
}

/* Tables of older releases have no such column. */
static enum sl_code has_query_id(const struct sl_letter_reading *reading,
                                 const struct sl_letter_table *table, bool *out,
                                 struct sl_err *err) {
    struct sl_buf sql = {0};
    *out = true;
    if (table->options.items) return SL_OK; /* read with the schema of now */
    sl_buf_put_cstr(&sql, "SELECT * FROM ");
    sl_letter_table_put_sql(&sql, table);
    sl_buf_put_cstr(&sql, " LIMIT 0");
    enum sl_code code = select_from(reading, sl_buf_str(&sql), note_id, no_rows, out, err);
    sl_buf_release(&sql);
    return code;
}

static enum sl_code read_holder(const struct sl_letter_reading *reading,
                                const struct sl_statement *holder, bool texts,
                                sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                struct sl_err *err) {
    struct sl_buf sql = {0};
    struct sl_letter_table table;
    bool has_id;
    SL_TRY(sl_letter_table_find(holder, &reading->pipeline->arena, &table, err));
    if (!table.exists) return tell_missing(reading, holder, &table), SL_OK;
    SL_TRY(has_query_id(reading, &table, &has_id, err));
    sl_buf_printf(&sql, select_list, has_id ? "query_id" : "CAST(NULL AS STRING) AS query_id");
    sl_buf_printf(&sql, "%s FROM ", texts ? texts_list : "");
    sl_letter_table_put_sql(&sql, &table);
    if (reading->query.len) {
        sl_buf_put_cstr(&sql, " WHERE lower(query) = lower(");
        sl_letter_put_quoted(&sql, reading->query, '\'');
        sl_buf_put_byte(&sql, ')');
    }
    enum sl_code code = select_from(reading, sl_buf_str(&sql), begin, fn, ctx, err);
    sl_buf_release(&sql);
    return code;
}

enum sl_code sl_letters_read(const struct sl_letter_reading *reading, bool texts,
                             sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx, struct sl_err *err) {
    const struct sl_statement **holders;
    uint32_t count;
    SL_TRY(find_holders(reading->pipeline, reading->query, &holders, &count, err));
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(read_holder(reading, holders[i], texts, begin, fn, ctx, err));
    return SL_OK;
}

int64_t sl_listed_int(const struct sl_batch *batch, int column, uint32_t row) {
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

struct sl_str sl_listed_text(const struct sl_batch *batch, int column, uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    return sl_vec_is_null(vec, row) ? SL_STR("") : sl_vec_str(vec, row);
}
