#include "run/replay_source.h"

#include <stdlib.h>

#include "run/dead_letter.h"
#include "run/letter_table.h"

struct replay_source {
    struct sl_source base;
    const struct sl_replay_spec *spec;
    struct sl_source *table;
    const struct sl_type *schema; /* the original's */
    struct sl_replay_ids ids;
    int columns[SL_LETTER_COLUMNS]; /* of the table */
    int *from;                      /* per column of the original: of the table, or -1 */
    bool *wanted;                   /* columns of the table */
};

static const struct sl_source_ops replay_ops;

static struct replay_source *self(const struct sl_source *base) {
    return (struct replay_source *)base;
}

/* ---- the table ---- */

static struct sl_str name_of(const struct sl_replay_spec *spec) {
    const struct sl_statement *holder = spec->holder;
    return holder->location.len ? holder->location : holder->name.parts[holder->name.count - 1];
}

/* *out NULL: there is none yet. */
static enum sl_code open_table(const struct sl_replay_spec *spec, const struct sl_conn_env *env,
                               struct sl_source **out, struct sl_err *err) {
    struct sl_letter_table table;
    *out = NULL;
    SL_TRY(sl_letter_table_find(spec->holder, env->query, &table, err));
    if (!table.exists) return SL_OK;
    return table.connector->open_source(env, &table.options, table.path, false, out, err);
}

/* What the table has to say, it has said when the ids were collected. */
static const struct sl_conn_env *quiet_env(const struct sl_conn_env *env) {
    struct sl_conn_env *quiet = SL_NEW(env->query, struct sl_conn_env);
    struct sl_log *log = SL_NEW(env->query, struct sl_log);
    *quiet = *env;
    *log = *env->log;
    log->level = SL_LOG_ERROR;
    quiet->log = log;
    return quiet;
}

static enum sl_code find_columns(const struct sl_replay_spec *spec, const struct sl_type *table,
                                 int *columns, struct sl_err *err) {
    const struct sl_type *letters = sl_letter_schema();
    for (int c = 0; c < SL_LETTER_COLUMNS; c++) {
        const struct sl_field *field = &letters->fields[c];
        columns[c] = sl_type_find_field(table, field->name);
        if (columns[c] >= 0 && table->fields[columns[c]].type->kind == field->type->kind) continue;
        if (columns[c] < 0 && c == SL_LETTER_QUERY_ID) continue; /* an old table */
        return sl_fail(err, SL_USER,
                       "`%.*s` is no table of dead letters: its column `%.*s` is missing, or of "
                       "another type",
                       SL_STR_ARG(name_of(spec)), SL_STR_ARG(field->name));
    }
    return SL_OK;
}

static enum sl_code plan_table(struct sl_source *table, uint32_t tasks, struct sl_arena *arena,
                               struct sl_split **splits, uint32_t *count, struct sl_err *err) {
    struct sl_buf start = {0}, end = {0};
    struct sl_batch_limits limits = {.ignore_limits = true};
    bool has_new;
    enum sl_code code = SL_OK;
    if (table->ops->initial_offset) code = table->ops->initial_offset(table, &start, err);
    if (code == SL_OK && table->ops->latest_offset)
        code = table->ops->latest_offset(table, sl_buf_str(&start), &limits, &end, &has_new, err);
    struct sl_str from = sl_arena_str(arena, sl_buf_str(&start)),
                  to = sl_arena_str(arena, sl_buf_str(&end));
    sl_buf_release(&start);
    sl_buf_release(&end);
    SL_TRY(code);
    return table->ops->plan(table, from, to, tasks, arena, splits, count, err);
}

/* ---- columns of the original ---- */

/* Kafka's columns are kept under their own names. */
static enum sl_code map_columns(struct replay_source *source, struct sl_err *err) {
    const struct sl_type *schema = source->schema, *letters = sl_letter_schema();
    struct sl_arena *arena = source->spec->env->query;
    source->from = SL_NEW_ARRAY(arena, int, schema->field_count + (size_t)1);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        source->from[i] = -1;
        for (int c = SL_LETTER_TOPIC; c <= SL_LETTER_HEADERS; c++)
            if (sl_str_eq(schema->fields[i].name, letters->fields[c].name))
                source->from[i] = source->columns[c];
        if (source->from[i] >= 0 || !source->spec->wanted[i]) continue;
        sl_fail(err, SL_UNSUPPORTED,
                "the query reads column `%.*s`, which dead letters do not keep: they cannot be "
                "replayed",
                SL_STR_ARG(schema->fields[i].name));
        return sl_hint(err, "leave the column out of the query"), SL_UNSUPPORTED;
    }
    return SL_OK;
}

static void want_columns(struct replay_source *source) {
    uint32_t count = source->table->ops->schema(source->table)->field_count;
    source->wanted = SL_NEW_ARRAY(source->spec->env->query, bool, count + (size_t)1);
    for (int c = 0; c <= SL_LETTER_HEADERS; c++) source->wanted[source->columns[c]] = true;
    if (source->columns[SL_LETTER_QUERY_ID] >= 0)
        source->wanted[source->columns[SL_LETTER_QUERY_ID]] = true;
}

static void close_source(struct sl_source *base) {
    if (self(base)->table) self(base)->table->ops->close(self(base)->table);
    free(base);
}

static enum sl_code open_all(struct replay_source *source, struct sl_err *err) {
    const struct sl_replay_spec *spec = source->spec;
    if (strcmp(spec->original->ops->name, "kafka") != 0) {
        sl_fail(err, SL_UNSUPPORTED,
                "query `%.*s` reads from %s; only letters of Kafka records can be replayed",
                SL_STR_ARG(spec->query), spec->original->ops->name);
        return sl_hint(err, "their column value has the rows as JSON: read it with a query of its "
                            "own"),
               SL_UNSUPPORTED;
    }
    SL_TRY(open_table(spec, quiet_env(spec->env), &source->table, err));
    if (!source->table)
        return sl_fail(err, SL_USER, "the table of dead letters `%.*s` is not there any more",
                       SL_STR_ARG(name_of(spec)));
    SL_TRY(find_columns(spec, source->table->ops->schema(source->table), source->columns, err));
    SL_TRY(map_columns(source, err));
    want_columns(source);
    return SL_OK;
}

enum sl_code sl_replay_source_open(const struct sl_replay_spec *spec,
                                   const struct sl_replay_ids *ids, struct sl_source **out,
                                   struct sl_err *err) {
    struct replay_source *source = sl_xcalloc(1, sizeof *source);
    source->base.ops = &replay_ops;
    source->spec = spec;
    source->ids = *ids;
    source->schema = spec->original->ops->schema(spec->original);
    enum sl_code code = open_all(source, err);
    if (code != SL_OK)
        close_source(&source->base);
    else
        *out = &source->base;
    return code;
}

static const struct sl_type *source_schema(const struct sl_source *base) {
    return self(base)->schema;
}
static struct sl_str description(const struct sl_source *base) {
    (void)base;
    return SL_STR("dead letters");
}

static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    (void)start, (void)end; /* the ids say which */
    return plan_table(self(base)->table, tasks, epoch, splits, count, err);
}

/* ---- reading ---- */

struct replay_reader {
    struct sl_reader base;
    struct replay_source *source;
    struct sl_reader *inner;
    struct sl_arena arena;
    struct sl_batch letters; /* of the table */
    uint32_t *idx, idx_cap;  /* the query's among them */
    uint32_t count, next;
    int64_t *offsets;
    char topic[256];
};

static enum sl_code reader_open(struct sl_source *base, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    struct replay_source *source = self(base);
    struct replay_reader *reader = sl_xcalloc(1, sizeof *reader);
    (void)wanted;
    reader->base.ops = &replay_ops;
    reader->source = source;
    sl_arena_init(&reader->arena, "replay reader");
    sl_batch_init(&reader->letters, source->table->ops->schema(source->table), &reader->arena);
    enum sl_code code =
        source->table->ops->reader_open(source->table, split, source->wanted, &reader->inner, err);
    *out = &reader->base;
    if (code != SL_OK) replay_ops.reader_close(&reader->base);
    return code;
}

static void reader_close(struct sl_reader *base) {
    struct replay_reader *reader = (struct replay_reader *)base;
    if (reader->inner) reader->inner->ops->reader_close(reader->inner);
    sl_batch_release(&reader->letters);
    sl_arena_release(&reader->arena);
    free(reader->idx);
    free(reader->offsets);
    free(reader);
}

static enum sl_code int_of(const struct sl_batch *batch, int column, uint32_t row, int64_t *out,
                           struct sl_err *err) {
    const struct sl_vec *vec = &batch->columns[column];
    struct sl_vec one;
    *out = 0;
    if (sl_vec_is_null(vec, row)) return SL_OK;
    sl_vec_init(&one, vec->type);
    enum sl_code code = sl_vec_append(&one, vec, &row, 1, err);
    if (code == SL_OK) *out = vec->type->kind == SL_INT_KIND ? one.i32[0] : one.i64[0];
    sl_vec_release(&one);
    return code;
}

static struct sl_str text_of(const struct sl_batch *batch, int column, uint32_t row) {
    const struct sl_vec *vec = &batch->columns[column];
    return sl_vec_is_null(vec, row) ? (struct sl_str){0} : sl_vec_str(vec, row);
}

/* Whose letter is it? A batch id alone is not enough: each checkpoint counts from 0. */
enum owner { OURS, OTHER_CHECKPOINT, OTHER_QUERY };
static enum owner owner_of(const struct sl_replay_spec *spec, const int *columns,
                           const struct sl_batch *letters, uint32_t row) {
    int id = columns[SL_LETTER_QUERY_ID];
    if (!sl_str_eq(text_of(letters, columns[SL_LETTER_QUERY], row), spec->query))
        return OTHER_QUERY;
    if (id < 0 || sl_vec_is_null(&letters->columns[id], row)) return OURS;
    return sl_str_eq(sl_vec_str(&letters->columns[id], row), spec->query_id) ? OURS
                                                                             : OTHER_CHECKPOINT;
}

static enum sl_code is_wanted(const struct replay_source *source, const struct sl_batch *letters,
                              uint32_t row, bool *out, struct sl_err *err) {
    int64_t id;
    *out = false;
    if (letters->selected && !sl_bit_get(letters->selected, row)) return SL_OK;
    if (owner_of(source->spec, source->columns, letters, row) != OURS) return SL_OK;
    SL_TRY(int_of(letters, source->columns[SL_LETTER_BATCH_ID], row, &id, err));
    *out = sl_replay_has(&source->ids, id);
    return SL_OK;
}

static enum sl_code read_letters(struct replay_reader *reader, uint32_t rows_max,
                                 struct sl_err *err) {
    struct sl_batch *letters = &reader->letters;
    reader->count = reader->next = 0;
    while (reader->count == 0) {
        sl_batch_clear(letters);
        SL_TRY(reader->inner->ops->reader_next(reader->inner, rows_max, letters, err));
        if (letters->rows == 0) return SL_OK;
        if (reader->idx_cap < letters->rows) {
            reader->idx_cap = letters->rows;
            reader->idx = sl_xrealloc(reader->idx, reader->idx_cap * sizeof *reader->idx);
            reader->offsets =
                sl_xrealloc(reader->offsets, reader->idx_cap * sizeof *reader->offsets);
        }
        for (uint32_t row = 0; row < letters->rows; row++) {
            bool wanted;
            SL_TRY(is_wanted(reader->source, letters, row, &wanted, err));
            if (wanted) reader->idx[reader->count++] = row;
        }
    }
    return SL_OK;
}

/* A batch has one origin: letters of one partition in a row. */
static enum sl_code take_run(struct replay_reader *reader, uint32_t rows_max, uint32_t *count,
                             struct sl_batch *batch, struct sl_err *err) {
    const struct replay_source *source = reader->source;
    const struct sl_batch *letters = &reader->letters;
    int topic = source->columns[SL_LETTER_TOPIC], partition = source->columns[SL_LETTER_PARTITION];
    uint32_t first = reader->idx[reader->next];
    int64_t number, other;
    struct sl_str name = text_of(letters, topic, first);
    SL_TRY(int_of(letters, partition, first, &number, err));
    for (*count = 0; *count < rows_max && reader->next + *count < reader->count; (*count)++) {
        uint32_t row = reader->idx[reader->next + *count];
        SL_TRY(int_of(letters, partition, row, &other, err));
        if (other != number || !sl_str_eq(text_of(letters, topic, row), name)) break;
        SL_TRY(
            int_of(letters, source->columns[SL_LETTER_OFFSET], row, &reader->offsets[*count], err));
    }
    snprintf(reader->topic, sizeof reader->topic, "%.*s", SL_STR_ARG(name));
    batch->origin = (struct sl_origin){"kafka", reader->topic, (int32_t)number, reader->offsets};
    return SL_OK;
}

static enum sl_code reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err) {
    struct replay_reader *reader = (struct replay_reader *)base;
    const struct replay_source *source = reader->source;
    uint32_t count;
    if (reader->next == reader->count) SL_TRY(read_letters(reader, rows_max, err));
    if (reader->count == 0) return SL_OK;
    SL_TRY(take_run(reader, rows_max, &count, batch, err));
    for (uint32_t i = 0; i < source->schema->field_count; i++) {
        struct sl_vec *to = &batch->columns[i];
        int from = source->from[i];
        SL_TRY(from < 0 ? sl_vec_append_null(to, count, err)
                        : sl_vec_append(to, &reader->letters.columns[from],
                                        reader->idx + reader->next, count, err));
    }
    batch->rows = batch->selected_rows = count;
    reader->next += count;
    return SL_OK;
}

static const struct sl_source_ops replay_ops = {
    .name = "kafka", /* as what the letters were, and may become again */
    .schema = source_schema,
    .description = description,
    .plan = plan,
    .reader_open = reader_open,
    .reader_next = reader_next,
    .reader_close = reader_close,
    .close = close_source,
};

/* ---- which batches ---- */

struct id_list {
    struct sl_arena *arena;
    struct sl_replay_ids ids;
    size_t cap;
    uint64_t foreign;
};

/* Letters of one batch stand together: mostly the last id is the one. */
static void add_id(struct id_list *list, int64_t id) {
    struct sl_replay_ids *ids = &list->ids;
    size_t at = ids->count;
    while (at > 0 && ids->items[at - 1] > id) at--;
    if (at > 0 && ids->items[at - 1] == id) return;
    if (ids->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        ids->items = sl_arena_grow(list->arena, ids->items, list->cap * sizeof *ids->items,
                                   cap * sizeof *ids->items);
        list->cap = cap;
    }
    memmove(ids->items + at + 1, ids->items + at, (ids->count - at) * sizeof *ids->items);
    ids->items[at] = id;
    ids->count++;
}

static enum sl_code collect_ids(const struct sl_replay_spec *spec, const int *columns,
                                struct sl_reader *reader, struct sl_batch *batch,
                                struct id_list *list, struct sl_err *err) {
    for (;;) {
        sl_batch_clear(batch);
        SL_TRY(reader->ops->reader_next(reader, 4096, batch, err));
        if (batch->rows == 0) return SL_OK;
        for (uint32_t row = 0; row < batch->rows; row++) {
            int64_t id;
            if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
            enum owner owner = owner_of(spec, columns, batch, row);
            list->foreign += owner == OTHER_CHECKPOINT;
            if (owner != OURS) continue;
            SL_TRY(int_of(batch, columns[SL_LETTER_BATCH_ID], row, &id, err));
            add_id(list, id);
        }
    }
}

static enum sl_code scan_ids(const struct sl_replay_spec *spec, struct sl_source *table,
                             struct id_list *list, struct sl_err *err) {
    const struct sl_type *schema = table->ops->schema(table);
    int columns[SL_LETTER_COLUMNS];
    struct sl_split *splits;
    struct sl_batch batch;
    uint32_t count;
    SL_TRY(find_columns(spec, schema, columns, err));
    SL_TRY(plan_table(table, 1, list->arena, &splits, &count, err));
    bool *wanted = SL_NEW_ARRAY(list->arena, bool, schema->field_count + (size_t)1);
    wanted[columns[SL_LETTER_QUERY]] = wanted[columns[SL_LETTER_BATCH_ID]] = true;
    if (columns[SL_LETTER_QUERY_ID] >= 0) wanted[columns[SL_LETTER_QUERY_ID]] = true;
    sl_batch_init(&batch, schema, list->arena);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < count && code == SL_OK; i++) {
        struct sl_reader *reader;
        code = table->ops->reader_open(table, &splits[i], wanted, &reader, err);
        if (code != SL_OK) break;
        code = collect_ids(spec, columns, reader, &batch, list, err);
        reader->ops->reader_close(reader);
    }
    sl_batch_release(&batch);
    return code;
}

enum sl_code sl_replay_source_ids(const struct sl_replay_spec *spec, struct sl_arena *arena,
                                  struct sl_replay_ids *out, uint64_t *foreign,
                                  struct sl_err *err) {
    struct sl_source *table;
    struct id_list list = {.arena = arena};
    *out = (struct sl_replay_ids){0};
    *foreign = 0;
    SL_TRY(open_table(spec, spec->env, &table, err));
    if (!table) return SL_OK;
    enum sl_code code = scan_ids(spec, table, &list, err);
    table->ops->close(table);
    *out = list.ids;
    *foreign = list.foreign;
    return code;
}
