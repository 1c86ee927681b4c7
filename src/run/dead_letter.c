#include "run/dead_letter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "expr/program.h"

/* ---- schema ---- */

#define COLUMN(text, kind)                                                                         \
    { .name = {text, sizeof(text) - 1}, .type = &kind, .nullable = true }
static struct sl_field header_fields[] = {COLUMN("key", sl_type_string),
                                          COLUMN("value", sl_type_binary)};
static const struct sl_type header_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = header_fields};
static struct sl_field header_element[] = {COLUMN("element", header_type)};
static const struct sl_type headers_type = {
    .kind = SL_ARRAY_KIND, .field_count = 1, .fields = header_element};
static struct sl_field letter_fields[] = {
    COLUMN("query", sl_type_string),        COLUMN("batch_id", sl_type_long),
    COLUMN("topic", sl_type_string),        COLUMN("partition", sl_type_int),
    COLUMN("offset", sl_type_long),         COLUMN("timestamp", sl_type_timestamp),
    COLUMN("key", sl_type_binary),          COLUMN("value", sl_type_binary),
    COLUMN("headers", headers_type),        COLUMN("kind", sl_type_string),
    COLUMN("rule", sl_type_string),         COLUMN("error_class", sl_type_string),
    COLUMN("sqlstate", sl_type_string),     COLUMN("error", sl_type_string),
    COLUMN("failed_at", sl_type_timestamp), COLUMN("query_id", sl_type_string),
};
_Static_assert(sizeof letter_fields / sizeof *letter_fields == SL_LETTER_COLUMNS, "a name each");
static const struct sl_type letter_type = {
    .kind = SL_STRUCT_KIND, .field_count = SL_LETTER_COLUMNS, .fields = letter_fields};

const struct sl_type *sl_letter_schema(void) { return &letter_type; }

/* ---- sources ---- */

struct sl_letter_source {
    struct sl_letter_source *next;
    const struct sl_type *schema;
    bool is_kafka;
    int columns[SL_LETTER_COLUMNS]; /* Kafka: of the source, or -1 */
    struct sl_expr *as_json;        /* other sources: the whole row */
    int record;                     /* column that holds the record as it was read, or -1 */
};

struct sl_letters *sl_letters_new(struct sl_arena *query, struct sl_str name,
                                  struct sl_str query_id, const struct sl_session *session) {
    struct sl_letters *letters = SL_NEW(query, struct sl_letters);
    letters->query_arena = query;
    letters->query = name;
    letters->query_id = query_id;
    letters->session = session;
    letters->ratio_max = 1;
    pthread_mutex_init(&letters->mutex, NULL);
    return letters;
}

void sl_letters_release(struct sl_letters *letters) {
    if (letters) pthread_mutex_destroy(&letters->mutex);
}

/* to_json(named_struct('a', a, ..)) over the source's columns. */
static enum sl_code make_json(struct sl_letters *letters, const struct sl_type *schema,
                              struct sl_expr **out, struct sl_err *err) {
    struct sl_expr_ctx ctx = {letters->query_arena, letters->session};
    struct sl_span nowhere = {0};
    struct sl_expr **pairs =
        SL_NEW_ARRAY(ctx.query, struct sl_expr *, 2 * (size_t)schema->field_count + 1);
    for (uint32_t c = 0; c < schema->field_count; c++) {
        pairs[2 * c] = sl_expr_literal_str(&ctx, schema->fields[c].name);
        pairs[2 * c + 1] = sl_expr_column(&ctx, c, schema->fields[c].type, true);
    }
    struct sl_expr *row;
    SL_TRY(sl_expr_call(&ctx, SL_STR("named_struct"), pairs, 2 * schema->field_count, nowhere, &row,
                        err));
    return sl_expr_call(&ctx, SL_STR("to_json"), &row, 1, nowhere, out, err);
}

enum sl_code sl_letters_add_source(struct sl_letters *letters, const struct sl_source *source,
                                   struct sl_err *err) {
    const struct sl_type *schema = source->ops->schema(source);
    for (const struct sl_letter_source *at = letters->sources; at; at = at->next)
        if (at->schema == schema) return SL_OK;
    struct sl_letter_source *added = SL_NEW(letters->query_arena, struct sl_letter_source);
    added->schema = schema;
    added->is_kafka = strcmp(source->ops->name, "kafka") == 0;
    added->record = source->ops->record_column ? source->ops->record_column(source) : -1;
    for (int c = 0; c < SL_LETTER_COLUMNS; c++) added->columns[c] = -1;
    for (int c = SL_LETTER_TOPIC; c <= SL_LETTER_HEADERS && added->is_kafka; c++)
        added->columns[c] = sl_type_find_field(schema, letter_fields[c].name);
    if (!added->is_kafka && make_json(letters, schema, &added->as_json, err) != SL_OK)
        return sl_context(err, "a quarantine keeps the rows of %s as JSON", source->ops->name);
    added->next = letters->sources;
    letters->sources = added;
    return SL_OK;
}

static const struct sl_letter_source *find_source(const struct sl_letters *letters,
                                                  const struct sl_type *schema) {
    const struct sl_letter_source *at = letters->sources;
    while (at && at->schema != schema) at = at->next;
    if (at) return at;
    /* a shared read goes through the source of another query */
    for (at = letters->sources; at && !sl_type_equal(at->schema, schema);) at = at->next;
    return at;
}

/* ---- counts and limits ---- */

void sl_letters_begin(struct sl_letters *letters, int64_t batch_id, int64_t failed_at_us,
                      bool committed) {
    letters->batch_id = batch_id;
    letters->failed_at_us = failed_at_us;
    letters->committed = committed;
    letters->count = letters->digest = 0;
    memset(letters->by_kind, 0, sizeof letters->by_kind);
    memset(letters->samples, 0, sizeof letters->samples);
}

static void keep_sample(struct sl_letters *letters, const struct sl_batch *source,
                        const struct sl_fault *fault) {
    char where[160];
    if (letters->count >= SL_LETTER_SAMPLES) return;
    sl_batch_describe_row(source, fault->row, where, sizeof where);
    snprintf(letters->samples[letters->count], sizeof *letters->samples, "%s: %.*s: %.*s", where,
             SL_STR_ARG(fault->rule), SL_STR_ARG(fault->msg));
}

static uint64_t digest_of(const struct sl_batch *source, const struct sl_fault *fault) {
    const struct sl_origin *origin = &source->origin;
    uint64_t hash = sl_xxh64(fault->rule.ptr, fault->rule.len, (uint64_t)fault->kind);
    if (origin->name) hash = sl_xxh64(origin->name, strlen(origin->name), hash);
    hash = sl_xxh64_int(origin->partition, hash);
    return origin->offsets ? sl_xxh64_long(origin->offsets[fault->row], hash) : hash;
}

static void count_faults(struct sl_letters *letters, const struct sl_batch *source,
                         const struct sl_faults *faults) {
    struct sl_batch plain = *source; /* faults speak of the source's own rows */
    plain.source_rows = NULL;
    pthread_mutex_lock(&letters->mutex);
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct sl_fault *fault = &faults->items[i];
        keep_sample(letters, &plain, fault);
        letters->count++;
        letters->by_kind[fault->kind]++;
        letters->digest += digest_of(source, fault);
    }
    pthread_mutex_unlock(&letters->mutex);
}

static void put_samples(const struct sl_letters *letters, char *text, size_t cap) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < SL_LETTER_SAMPLES && letters->samples[i][0] && used < cap; i++) {
        int more = snprintf(text + used, cap - used, "%s%s", i ? "; " : "", letters->samples[i]);
        used += more > 0 ? (size_t)more : 0;
    }
}

static enum sl_code too_many(const struct sl_letters *letters, uint64_t rows_read,
                             const char *limit, struct sl_err *err) {
    char samples[640];
    put_samples(letters, samples, sizeof samples);
    sl_fail(err, SL_DATA,
            "%llu of %llu records failed (%.1f %%), more than %s allows. The first: %s",
            (unsigned long long)letters->count, (unsigned long long)rows_read,
            100.0 * (double)letters->count / (double)(rows_read ? rows_read : 1), limit, samples);
    return sl_hint(err, "nothing of this batch was written; correct the query or the producer, or "
                        "raise the limit, and start again: the batch runs again with the same "
                        "records"),
           SL_DATA;
}

enum { RATIO_ROWS_MIN = 100 };

enum sl_code sl_letters_check(struct sl_letters *letters, uint64_t rows_read, struct sl_err *err) {
    char limit[80];
    if (letters->rows_max && letters->count > (uint64_t)letters->rows_max) {
        snprintf(limit, sizeof limit, "'sluice.quarantine.maxRows' = %lld",
                 (long long)letters->rows_max);
        return too_many(letters, rows_read, limit, err);
    }
    if (rows_read >= RATIO_ROWS_MIN &&
        (double)letters->count > letters->ratio_max * (double)rows_read) {
        snprintf(limit, sizeof limit, "'sluice.quarantine.maxRatio' = %g", letters->ratio_max);
        return too_many(letters, rows_read, limit, err);
    }
    return SL_OK;
}

/* ---- writing ---- */

struct sl_letter_task {
    struct sl_letters *letters;
    struct sl_sink_writer *writer; /* NULL: the sink holds the batch */
    struct sl_arena arena;
    struct sl_batch out;
    struct sl_program *program; /* of as_json */
    const struct sl_letter_source *of_program;
    uint32_t *idx;
    uint32_t idx_cap;
};

enum sl_code sl_letter_task_open(struct sl_letters *letters, uint32_t number,
                                 struct sl_letter_task **out, struct sl_err *err) {
    struct sl_letter_task *task = sl_xcalloc(1, sizeof *task);
    *out = task;
    task->letters = letters;
    sl_arena_init(&task->arena, "dead letters");
    sl_batch_init(&task->out, &letter_type, &task->arena);
    if (letters->committed) return SL_OK;
    return letters->sink->ops->writer_open(letters->sink, number, &task->writer, err);
}

static enum sl_code put_text(struct sl_vec *vec, struct sl_str text, struct sl_err *err) {
    return text.len ? sl_vec_put_str(vec, text, err) : sl_vec_append_null(vec, 1, err);
}

static enum sl_code put_fault(struct sl_letter_task *task, const struct sl_fault *fault,
                              struct sl_err *err) {
    const struct sl_letters *letters = task->letters;
    struct sl_vec *to = task->out.columns;
    SL_TRY(sl_vec_put_str(&to[SL_LETTER_QUERY], letters->query, err));
    SL_TRY(sl_vec_put_i64(&to[SL_LETTER_BATCH_ID], letters->batch_id, err));
    SL_TRY(sl_vec_put_str(&to[SL_LETTER_KIND], sl_str(sl_fault_kind_name(fault->kind)), err));
    SL_TRY(put_text(&to[SL_LETTER_RULE], fault->rule, err));
    SL_TRY(put_text(&to[SL_LETTER_ERROR_CLASS], fault->condition, err));
    SL_TRY(put_text(&to[SL_LETTER_SQLSTATE], fault->sqlstate, err));
    SL_TRY(put_text(&to[SL_LETTER_ERROR], fault->msg, err));
    SL_TRY(sl_vec_put_i64(&to[SL_LETTER_FAILED_AT], letters->failed_at_us, err));
    return put_text(&to[SL_LETTER_QUERY_ID], letters->query_id, err);
}

static enum sl_code put_record(struct sl_letter_task *task, const struct sl_letter_source *map,
                               const struct sl_batch *source, uint32_t count, struct sl_err *err) {
    for (int c = SL_LETTER_TOPIC; c <= SL_LETTER_HEADERS; c++) {
        struct sl_vec *to = &task->out.columns[c];
        int from = map->columns[c];
        SL_TRY(from < 0 ? sl_vec_append_null(to, count, err)
                        : sl_vec_append(to, &source->columns[from], task->idx, count, err));
    }
    return SL_OK;
}

static enum sl_code make_texts(struct sl_letter_task *task, const struct sl_letter_source *map,
                               const struct sl_batch *source, const struct sl_vec **out,
                               struct sl_err *err) {
    if (task->of_program != map) {
        sl_program_free(task->program);
        task->program = NULL;
        task->of_program = NULL;
        SL_TRY(sl_program_new(&map->as_json, 1, &task->program, err));
        task->of_program = map;
    }
    struct sl_batch all = *source;
    all.faults = NULL;
    return sl_program_eval(task->program, task->letters->session, &all, out, err);
}

/* As it was read, where that is known; else as JSON, made for the batch when a row needs it. */
static enum sl_code put_value(struct sl_letter_task *task, const struct sl_letter_source *map,
                              const struct sl_batch *source, const struct sl_fault *fault,
                              const struct sl_vec **texts, struct sl_err *err) {
    struct sl_vec *to = &task->out.columns[SL_LETTER_VALUE];
    if (fault->record.ptr) return put_text(to, fault->record, err);
    if (map->record >= 0)
        *texts = &source->columns[map->record];
    else if (!*texts)
        SL_TRY(make_texts(task, map, source, texts, err));
    return put_text(to,
                    sl_vec_is_null(*texts, fault->row) ? (struct sl_str){0}
                                                       : sl_vec_str(*texts, fault->row),
                    err);
}

/* [{"byte", "1234"}] of a record whose place in the file is known. */
static enum sl_code put_place(struct sl_vec *to, const struct sl_fault *fault, struct sl_err *err) {
    struct sl_vec *items = &to->children[0];
    char number[24];
    if (!fault->record.ptr) return sl_vec_append_null(to, 1, err);
    snprintf(number, sizeof number, "%lld", (long long)fault->record_at);
    SL_TRY(sl_vec_reserve(to, to->rows + 1, err));
    SL_TRY(sl_vec_reserve_valid(to, to->rows + 1, err));
    SL_TRY(sl_vec_reserve(items, items->rows + 1, err));
    SL_TRY(sl_vec_put_str(&items->children[0], SL_STR("byte"), err));
    SL_TRY(sl_vec_put_str(&items->children[1], sl_str(number), err));
    items->rows++;
    sl_bit_put(to->valid, to->rows, true);
    to->offsets[++to->rows] = (int32_t)items->rows;
    return SL_OK;
}

static enum sl_code put_row(struct sl_letter_task *task, const struct sl_letter_source *map,
                            const struct sl_batch *source, const struct sl_faults *faults,
                            struct sl_err *err) {
    const struct sl_vec *texts = NULL;
    const struct sl_origin *origin = &source->origin;
    struct sl_vec *to = task->out.columns;
    uint32_t count = faults->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_fault *fault = &faults->items[i];
        SL_TRY(put_text(&to[SL_LETTER_TOPIC], sl_str(origin->name), err));
        SL_TRY(put_value(task, map, source, fault, &texts, err));
        SL_TRY(put_place(&to[SL_LETTER_HEADERS], fault, err));
        if (origin->offsets)
            SL_TRY(sl_vec_put_i64(&to[SL_LETTER_OFFSET], origin->offsets[fault->row], err));
    }
    if (!origin->offsets) SL_TRY(sl_vec_append_null(&to[SL_LETTER_OFFSET], count, err));
    static const int unknown[] = {SL_LETTER_PARTITION, SL_LETTER_TIMESTAMP, SL_LETTER_KEY};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        SL_TRY(sl_vec_append_null(&to[unknown[i]], count, err));
    return SL_OK;
}

static void take_rows(struct sl_letter_task *task, const struct sl_faults *faults) {
    if (task->idx_cap < faults->count) {
        task->idx_cap = faults->count;
        task->idx = sl_xrealloc(task->idx, task->idx_cap * sizeof *task->idx);
    }
    for (uint32_t i = 0; i < faults->count; i++) task->idx[i] = faults->items[i].row;
}

enum sl_code sl_letter_task_take(struct sl_letter_task *task, const struct sl_batch *source,
                                 const struct sl_faults *faults, struct sl_err *err) {
    struct sl_letters *letters = task->letters;
    const struct sl_letter_source *map = find_source(letters, source->schema);
    if (!map) return sl_fail(err, SL_BUG, "a dead letter of a source that was not announced");
    count_faults(letters, source, faults);
    if (!task->writer) return SL_OK;
    sl_batch_clear(&task->out);
    take_rows(task, faults);
    SL_TRY(map->is_kafka ? put_record(task, map, source, faults->count, err)
                         : put_row(task, map, source, faults, err));
    for (uint32_t i = 0; i < faults->count; i++) SL_TRY(put_fault(task, &faults->items[i], err));
    task->out.rows = task->out.selected_rows = faults->count;
    enum sl_code code = letters->sink->ops->write(task->writer, &task->out, err);
    return code == SL_OK ? code : (sl_context(err, "writing dead letters"), code);
}

enum sl_code sl_letter_task_close(struct sl_letter_task *task, enum sl_code code,
                                  struct sl_err *err) {
    const struct sl_sink *sink = task->letters->sink;
    if (task->writer && code == SL_OK)
        code = sink->ops->writer_close(task->writer, err);
    else if (task->writer)
        sink->ops->writer_abort(task->writer);
    sl_program_free(task->program);
    sl_batch_release(&task->out);
    sl_arena_release(&task->arena);
    free(task->idx);
    free(task);
    return code;
}
