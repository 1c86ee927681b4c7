#include "run/query_evolve.h"

#include <stdlib.h>

#include "base/fail.h"
#include "expr/evolution.h"
#include "fmt/json/json_infer.h"
#include "run/query_target.h"
#include "run/schema_file.h"

enum { FIELDS_MAX = 10000, NAME_BYTES_MAX = 255, DEPTH_MAX = 32, SCHEMA_DEPTH_MAX = 60 };

static bool writes_to(const struct sl_query *query, const char *format) {
    return sl_str_eq_nocase(sl_target_format(query->spec->target), sl_str(format));
}

/* What it has to be: key and value, or the vectors that it began with. */
static bool has_fixed_columns(const struct sl_query *query) {
    return writes_to(query, "kafka") || writes_to(query, "memory");
}

/* ---- where a field would be seen ---- */

/* What tells two bindings of the query apart for those who read its rows: its columns, and what is
 * turned into text. */
static void put_texts(struct sl_buf *out, const struct sl_expr *expr) {
    const struct sl_type *from = expr->arg_count ? expr->args[0]->type : NULL;
    bool is_text = expr->kind == SL_EXPR_CAST ||
                   (expr->kind == SL_EXPR_CALL &&
                    sl_str_starts_nocase(sl_str(expr->function->name), SL_STR("to_")));
    if (is_text && from && sl_type_is_nested(from) && expr->type->kind == SL_STRING_KIND)
        sl_type_put_json(out, from);
    for (uint32_t i = 0; i < expr->arg_count; i++) put_texts(out, expr->args[i]);
}

static void put_nodes(struct sl_buf *out, const struct sl_node *node) {
    for (uint32_t i = 0; node->kind == SL_NODE_PROJECT && i < node->column_count; i++)
        put_texts(out, node->exprs[i]);
    for (uint32_t i = 0; i < node->input_count; i++) put_nodes(out, node->inputs[i]);
}

static void put_signature(struct sl_buf *out, const struct sl_bound_query *bound) {
    sl_type_put_json(out, bound->schema);
    put_nodes(out, bound->plan);
}

static enum sl_code bind(struct sl_query *query, const struct sl_conn_env *env,
                         struct sl_bound_query *out, struct sl_err *err) {
    return sl_pipeline_bind_again(query->pipeline, query->spec->relation, query->spec->target, env,
                                  &query->evolving->rebind, out, err);
}

/* The query with the fields of now, bound to be looked at. */
struct trial {
    struct sl_query *query;
    struct sl_arena arena;
    struct sl_conn_env env;
    struct sl_buf signature, next;
    uint32_t columns, next_columns;
};

static void trial_init(struct trial *trial, struct sl_query *query,
                       const struct sl_bound_query *bound) {
    *trial = (struct trial){.query = query, .env = query->env};
    sl_arena_init(&trial->arena, "trial of a schema");
    trial->env.query = &trial->arena;
    if (bound) put_signature(&trial->signature, bound);
}

/* What was bound last is what the next trials are compared with. */
static void trial_keep(struct trial *trial) {
    struct sl_buf swap = trial->signature;
    trial->signature = trial->next;
    trial->next = swap;
    trial->columns = trial->next_columns;
}

static void trial_release(struct trial *trial) {
    sl_buf_release(&trial->signature);
    sl_buf_release(&trial->next);
    sl_arena_release(&trial->arena);
}

static uint32_t depth_of(const struct sl_type *type) {
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        uint32_t depth = depth_of(type->fields[i].type);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

static const char *check_columns(const struct sl_type *schema) {
    for (uint32_t i = 0; i < schema->field_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (sl_str_eq_nocase(schema->fields[i].name, schema->fields[j].name))
                return "the query has a column of that name already";
    if (depth_of(schema) > SCHEMA_DEPTH_MAX) return "the schema would be nested too deeply";
    return NULL;
}

/* NULL: rows of the query are others now, and trial->next tells how. Else why not. */
static const char *trial_bind(struct trial *trial) {
    struct sl_bound_query bound;
    struct sl_err err = {0};
    sl_arena_reset(&trial->arena);
    sl_buf_clear(&trial->next);
    if (bind(trial->query, &trial->env, &bound, &err) != SL_OK)
        return sl_arena_cstr(&trial->arena, sl_str(err.msg));
    put_signature(&trial->next, &bound);
    trial->next_columns = bound.schema->field_count;
    if (sl_str_eq(sl_buf_str(&trial->next), sl_buf_str(&trial->signature)))
        return "the query does not select it, or has its name in another case";
    if (has_fixed_columns(trial->query) && !sl_type_equal(bound.schema, trial->query->schema))
        return "its sink has fixed columns";
    return check_columns(bound.schema);
}

/* ---- names that tables cannot have ---- */

/* Delta: refused by every table without column mapping, as by Spark. */
static const char *check_name(struct sl_str name, bool delta) {
    static const char refused[] = " ,;{}()\n\t=";
    if (!name.len) return "it has no name";
    if (name.len > NAME_BYTES_MAX) return "a name in it is too long";
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < ' ') return "a name in it has a control character";
        if (delta && memchr(refused, name.ptr[i], sizeof refused - 1))
            return "a Delta table cannot have its name, or one in it";
    }
    return NULL;
}

/* Readers take columns whose names differ only in case for one. */
static bool has_twins(const struct sl_type *type) {
    bool found = false;
    for (uint32_t i = 0; i < type->field_count && !found; i++) {
        found = has_twins(type->fields[i].type);
        for (uint32_t j = 0; j < i && type->kind == SL_STRUCT_KIND; j++)
            found |= sl_str_eq_nocase(type->fields[i].name, type->fields[j].name);
    }
    return found;
}

static const char *check_names(const struct sl_type *type, bool delta) {
    const char *why = NULL;
    for (uint32_t i = 0; i < type->field_count && !why; i++) {
        why = check_names(type->fields[i].type, delta);
        if (!why && type->kind == SL_STRUCT_KIND) why = check_name(type->fields[i].name, delta);
    }
    return why;
}

/* ---- opening ---- */

static enum sl_code read_max(struct sl_query *query, struct sl_err *err) {
    static const char name[] = "sluice.onSchemaDrift.maxFields";
    const struct sl_property *property = sl_target_property(query->spec->target, name);
    int64_t value = 1000;
    if (property && (!sl_str_to_i64(property->value, &value) || value < 1 || value > FIELDS_MAX))
        return sl_fail_at(err, sl_sql_origin(&query->pipeline->text, property->value_span),
                          "INVALID_OPTION", "42616",
                          "`%s` is `%.*s`, but has to be a number from 1 to %d", name,
                          SL_STR_ARG(property->value), FIELDS_MAX);
    query->evolving->fields_max = (uint32_t)value;
    return SL_OK;
}

enum sl_code sl_query_evolve_open(struct sl_query *query, struct sl_err *err) {
    struct sl_query_evolution *self = SL_NEW(&query->arena, struct sl_query_evolution);
    query->evolving = self;
    sl_arena_init(&self->arena, "evolution");
    self->fields.arena = &self->arena;
    self->rebind = (struct sl_rebind){.evolution = &self->fields, .arena = &self->arena};
    SL_TRY(read_max(query, err));
    query->drift.widen = sl_json_type_widen;
    query->drift.settled = &self->settled;
    query->drift.fields_max = self->fields_max + SL_DRIFT_FIELDS_MAX;
    sl_drift_init_like(&self->settled, &query->drift);
    self->settled.settled = NULL;
    SL_TRY(sl_schema_file_read(query->checkpoint_dir, &self->fields, &self->newest, err));
    self->reported = self->fields.field_count;
    return SL_OK;
}

void sl_query_evolve_close(struct sl_query *query) {
    if (!query->evolving) return;
    sl_drift_release(&query->evolving->settled);
    sl_arena_release(&query->evolving->arena);
}

/* A row that was seen in a batch that is thrown away would count twice. */
static bool keeps_state(const struct sl_node *node) {
    static const enum sl_node_kind stateless[] = {SL_NODE_SCAN,     SL_NODE_PROJECT, SL_NODE_FILTER,
                                                  SL_NODE_UNION,    SL_NODE_LIMIT,   SL_NODE_EXPECT,
                                                  SL_NODE_GENERATE, SL_NODE_VALUES};
    bool known = false;
    for (size_t i = 0; i < sizeof stateless / sizeof *stateless; i++)
        known |= node->kind == stateless[i];
    for (uint32_t i = 0; i < node->input_count; i++) known = known && !keeps_state(node->inputs[i]);
    return !known;
}

static enum sl_code refuse(struct sl_query *query, const char *why, const char *hint,
                           struct sl_err *err) {
    const struct sl_property *property =
        sl_target_property(query->spec->target, "sluice.onSchemaDrift");
    sl_fail_at(err, sl_sql_origin(&query->pipeline->text, property->value_span),
               "UNSUPPORTED_FEATURE", "0A000", "`sluice.onSchemaDrift` cannot be `evolve`: %s",
               why);
    return sl_hint(err, "%s", hint), SL_USER;
}

/* Binds with a field more at every site, to see what becomes of it; true: columns. */
static bool probe(struct sl_query *query, const struct sl_bound_query *bound) {
    static const char *const paths[] = {"_sluice_probe", "element._sluice_probe",
                                        "value._sluice_probe"};
    struct sl_query_evolution *self = query->evolving;
    uint32_t count = self->fields.field_count;
    struct sl_bound_query probed;
    struct sl_err ignored = {0};
    struct trial trial;
    bool new_columns = false;
    trial_init(&trial, query, bound);
    for (uint32_t site = 0; site < self->fields.site_count; site++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            sl_evolution_add(&self->fields, site, sl_str(paths[i]), &sl_type_string);
    /* where it cannot be bound, a UNION has a side that does not grow */
    if (bind(query, &trial.env, &probed, &ignored) == SL_OK) {
        put_signature(&trial.next, &probed);
        self->has_place = !sl_str_eq(sl_buf_str(&trial.signature), sl_buf_str(&trial.next));
        new_columns = !sl_type_equal(bound->schema, probed.schema);
    }
    self->fields.field_count = count;
    trial_release(&trial);
    return new_columns;
}

enum sl_code sl_query_evolve_check(struct sl_query *query, const struct sl_bound_query *bound,
                                   struct sl_err *err) {
    if (keeps_state(bound->plan))
        return refuse(query, "the query keeps state from batch to batch",
                      "let a query of its own parse the records into a table, and this one read "
                      "that",
                      err);
    bool new_columns = probe(query, bound);
    if (new_columns && writes_to(query, "kafka"))
        return refuse(query, "a Kafka sink has fixed columns",
                      "make the new fields part of the value: to_json(struct(o.*)) AS value", err);
    if (new_columns && writes_to(query, "memory"))
        return refuse(query, "a memory sink keeps the columns that it began with",
                      "choose warn, quarantine or fail", err);
    return SL_OK;
}

/* ---- what a batch has found ---- */

static uint32_t count_added(const struct sl_evolution *fields) {
    uint32_t count = fields->field_count;
    for (uint32_t i = 0; i < fields->field_count; i++)
        count += sl_type_count_fields(fields->fields[i].type);
    return count;
}

static struct sl_str place_in_source(const struct sl_drift_field *field) {
    return field->where.len ? field->where : SL_STR("a record");
}

static enum sl_code too_many(const struct sl_query *query, const struct sl_drift_field *field,
                             struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0}, "UNKNOWN_FIELD_EXCEPTION", "KD003",
               "records have more new fields than `sluice.onSchemaDrift.maxFields` (%u) allows to "
               "add; the last one is `%.*s`, in %.*s",
               query->evolving->fields_max, SL_STR_ARG(field->path),
               SL_STR_ARG(place_in_source(field)));
    sl_hint(err, "if the producer uses data as names, write a MAP into the schema of from_json; "
                 "else raise the option");
    if (err) err->code = SL_DATA;
    return SL_DATA;
}

static void tell_added(const struct sl_query *query, const struct sl_drift_field *field,
                       const struct sl_type *type) {
    struct sl_buf text = {0};
    sl_type_put_sql(&text, type);
    sl_log_event(&query->engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "query %.*s: field `%.*s` was added to the schema of from_json as %s; it is %.*s "
                 "in %.*s",
                 SL_STR_ARG(query->name), SL_STR_ARG(field->path), sl_buf_cstr(&text),
                 SL_STR_ARG(field->value), SL_STR_ARG(place_in_source(field)));
    sl_buf_release(&text);
}

static void tell_placeless(const struct sl_query *query, const struct sl_drift_field *field,
                           const char *why) {
    sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                 "query %.*s: field `%.*s` is not in the schema of from_json and becomes no "
                 "column, for %s; it is %.*s in %.*s",
                 SL_STR_ARG(query->name), SL_STR_ARG(field->path), why, SL_STR_ARG(field->value),
                 SL_STR_ARG(field->where));
}

/* A field that has a type by now, and was not settled yet. */
struct candidate {
    const struct sl_drift_field *field;
    const struct sl_type *type;
};

/* What can be said without binding the query; NULL: nothing is wrong. */
static const char *check_field(struct trial *trial, const struct candidate *candidate) {
    const struct sl_type *type = candidate->type;
    if (candidate->field->site == SL_EVOLUTION_NO_SITE) return "it has no place in the query";
    bool delta = writes_to(trial->query, "delta");
    const char *why = check_name(sl_path_last_name(&trial->arena, candidate->field->path), delta);
    if (!why) why = check_names(type, delta);
    if (!why && has_twins(type)) why = "names in it differ in upper and lower case only";
    /* what is read back from the table and from the schema file has limits, too */
    if (!why && depth_of(type) > DEPTH_MAX) why = "it is nested too deeply";
    return why;
}

/* NULL: the query's rows show all of them.  Of several that is certain only where each makes a
 * column of its own; else it is asked for each. */
static const char *try_fields(struct trial *trial, const struct candidate *items, uint32_t count) {
    struct sl_evolution *fields = &trial->query->evolving->fields;
    for (uint32_t i = 0; i < count; i++)
        sl_evolution_add(fields, items[i].field->site, items[i].field->path, items[i].type);
    const char *why = trial_bind(trial);
    if (!why && count > 1 && trial->next_columns != trial->columns + count) why = "";
    if (why) fields->field_count -= count;
    return why;
}

static enum sl_code settle(struct trial *trial, const struct candidate *items, uint32_t count,
                           struct sl_err *err) {
    struct sl_query *query = trial->query;
    struct sl_query_evolution *self = query->evolving;
    const char *why = try_fields(trial, items, count);
    if (why && count > 1) {
        SL_TRY(settle(trial, items, count / 2, err));
        return settle(trial, items + count / 2, count - count / 2, err);
    }
    if (why) {
        tell_placeless(query, items->field, why);
        return SL_OK;
    }
    trial_keep(trial);
    if (count_added(&self->fields) > self->fields_max)
        return too_many(query, items[count - 1].field, err);
    for (uint32_t i = 0; i < count; i++) tell_added(query, items[i].field, items[i].type);
    return SL_OK;
}

static uint32_t find_candidates(struct trial *trial, struct sl_arena *arena,
                                struct candidate **out) {
    const struct sl_query *query = trial->query;
    const struct sl_drift *drift = &query->drift;
    struct sl_drift *settled = &query->evolving->settled;
    uint32_t count = 0;
    *out = SL_NEW_ARRAY(arena, struct candidate, drift->count + (size_t)1);
    for (uint32_t i = 0; i < drift->count; i++) {
        const struct sl_drift_field *field = &drift->items[i];
        struct candidate candidate = {field,
                                      field->type ? sl_json_type_known(arena, field->type) : NULL};
        if (!candidate.type || sl_drift_find(settled, field->site, field->path)) continue;
        const char *why = check_field(trial, &candidate);
        sl_drift_add(settled, &(struct sl_drift_field){.path = field->path, .site = field->site});
        if (why)
            tell_placeless(query, field, why);
        else
            (*out)[count++] = candidate;
    }
    return count;
}

static enum sl_code settle_all(struct sl_query *query, struct sl_arena *arena, struct sl_err *err) {
    struct candidate *items;
    struct trial trial;
    enum sl_code code = SL_OK;
    trial_init(&trial, query, NULL);
    uint32_t count = find_candidates(&trial, arena, &items);
    if (count) {
        trial_bind(&trial); /* as it is */
        trial_keep(&trial);
        code = settle(&trial, items, count, err);
    }
    trial_release(&trial);
    return code;
}

enum sl_code sl_query_evolve_find(struct sl_query *query, bool *again, struct sl_err *err) {
    struct sl_query_evolution *self = query->evolving;
    const struct sl_drift *drift = &query->drift;
    struct sl_arena types;
    *again = false;
    if (!self || !drift->count) return SL_OK;
    uint32_t before = self->fields.field_count;
    sl_arena_init(&types, "types of fields");
    enum sl_code code = settle_all(query, &types, err);
    sl_arena_release(&types);
    SL_TRY(code);
    if (drift->full && (self->has_place || self->fields.field_count))
        return too_many(query, &drift->items[drift->count - 1], err);
    *again = self->fields.field_count > before;
    return SL_OK;
}

/* ---- the query anew ---- */

static enum sl_code reopen_sink(struct sl_query *query, uint64_t hash, struct sl_err *err) {
    query->sink->ops->close(query->sink);
    query->sink = NULL;
    SL_TRY(sl_target_open_sink(query->pipeline, query->spec, &query->env, query->schema,
                               &query->sink, err));
    return query->sink->ops->recover(query->sink, query->next_batch, hash, query->next_batch - 1,
                                     err);
}

static enum sl_code bind_anew(struct sl_query *query, uint64_t hash, struct sl_err *err) {
    struct sl_bound_query bound;
    const struct sl_type *schema = query->schema;
    SL_TRY(bind(query, &query->env, &bound, err));
    query->schema = bound.schema;
    SL_TRY(sl_lower(&query->arena, bound.plan, &query->pipes, err));
    if (query->pipes.count != query->source_count)
        return sl_fail(err, SL_BUG, "the query has %u sources with a field more, and had %u",
                       query->pipes.count, query->source_count);
    /* closed first: a table belongs to one sink */
    if (!sl_type_equal(schema, bound.schema)) SL_TRY(reopen_sink(query, hash, err));
    return sl_query_add_expectations(query, &bound, err);
}

enum sl_code sl_query_evolve(struct sl_query *query, uint64_t hash, struct sl_err *err) {
    struct sl_query_evolution *self = query->evolving;
    enum sl_code code = bind_anew(query, hash, err);
    if (code == SL_OK)
        code = sl_schema_file_write(query->checkpoint_dir, self->newest + 1, &self->fields, err);
    if (code != SL_OK) {
        sl_context(err, "adding fields to the schema");
        if (err && strcmp(err->condition, "DELTA_FAILED_TO_MERGE_FIELDS") == 0)
            sl_hint(err, "write the field with the table's type into the schema of from_json");
        /* there may be no sink now: nothing to wait for and try again */
        return code == SL_UNAVAILABLE || code == SL_TIMEOUT ? SL_IO : code;
    }
    self->newest++;
    int failure = sl_fail_point("schema.evolved");
    return failure ? sl_fail_sys(err, failure, "could not go on with a new schema") : SL_OK;
}
