#include "run/quarantine.h"

#include <math.h>
#include <stdlib.h>

#include "run/query_target.h"

static struct sl_str last_part(const struct sl_name *name) { return name->parts[name->count - 1]; }

static bool is_table_or_sink(const struct sl_statement *statement) {
    return statement->kind == SL_S_CREATE_TABLE || statement->kind == SL_S_CREATE_SINK;
}

/* Its rows come from elsewhere than a query of its own. */
static bool may_hold_letters(const struct sl_statement *statement) {
    return statement->kind == SL_S_CREATE_SINK ||
           (statement->kind == SL_S_CREATE_TABLE && !statement->query &&
            statement->table_kind == SL_STREAMING_TABLE);
}

static const struct sl_property *property_of(const struct sl_statement *target, const char *name) {
    return target ? sl_target_property(target, name) : NULL;
}

/* ---- which statement ---- */

static enum sl_code unknown(const struct sl_pipeline *pipeline, const struct sl_property *property,
                            struct sl_span span, struct sl_err *err) {
    const struct sl_statements *statements = &pipeline->statements;
    struct sl_str *names = calloc(statements->count + 1, sizeof *names);
    uint32_t count = 0;
    for (uint32_t i = 0; names && i < statements->count; i++)
        if (may_hold_letters(&statements->items[i]))
            names[count++] = last_part(&statements->items[i].name);
    int nearest = sl_str_nearest(property->value, names, count);
    struct sl_str near = nearest >= 0 ? names[nearest] : SL_STR("");
    free(names);
    sl_fail_at(err, span, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
               "the quarantine `%.*s` is not defined in this pipeline",
               SL_STR_ARG(property->value));
    if (near.len) return sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(near)), SL_USER;
    return sl_hint(err,
                   "add CREATE STREAMING TABLE %.*s USING delta LOCATION '/path', without AS, or "
                   "CREATE SINK %.*s",
                   SL_STR_ARG(property->value), SL_STR_ARG(property->value)),
           SL_USER;
}

static enum sl_code not_free(const struct sl_statement *found, const struct sl_property *property,
                             struct sl_span span, struct sl_err *err) {
    sl_fail_at(err, span, "INVALID_OPTION", "42616",
               found->query ? "the quarantine `%.*s` is filled by its own query"
                            : "the quarantine `%.*s` is neither a sink nor a streaming table",
               SL_STR_ARG(property->value));
    return sl_hint(err, "name a sink, or a streaming table without AS, of its own"), SL_USER;
}

enum sl_code sl_quarantine_find(const struct sl_pipeline *pipeline,
                                const struct sl_statement *target, const struct sl_statement **out,
                                struct sl_err *err) {
    const struct sl_property *property = property_of(target, "sluice.quarantine");
    *out = NULL;
    if (!property) return SL_OK;
    struct sl_span span = sl_sql_origin(&pipeline->text, property->value_span);
    for (uint32_t i = 0; i < pipeline->statements.count && !*out; i++) {
        const struct sl_statement *statement = &pipeline->statements.items[i];
        if (is_table_or_sink(statement) &&
            sl_str_eq_nocase(last_part(&statement->name), property->value))
            *out = statement;
    }
    if (!*out) return unknown(pipeline, property, span, err);
    if (*out == target)
        return sl_fail_at(err, span, "INVALID_OPTION", "42616",
                          "`%.*s` cannot be its own quarantine: dead letters have other columns",
                          SL_STR_ARG(property->value));
    if ((*out)->constraint_count)
        return sl_fail_at(err, sl_sql_origin(&pipeline->text, (*out)->constraints[0].span),
                          "UNSUPPORTED_FEATURE", "0A000",
                          "`%.*s` holds dead letters, which have no expectations to meet",
                          SL_STR_ARG(property->value));
    if ((*out)->column_count)
        return sl_fail_at(err, sl_sql_origin(&pipeline->text, (*out)->columns[0].span),
                          "UNSUPPORTED_FEATURE", "0A000",
                          "`%.*s` holds dead letters, whose columns are given: leave out the list",
                          SL_STR_ARG(property->value));
    return may_hold_letters(*out) ? SL_OK : not_free(*out, property, span, err);
}

/* ---- one owner where the format allows only one ---- */

/* A directory's _spark_metadata numbers the batches of one query. */
static bool has_one_owner(const struct sl_statement *statement) {
    return sl_str_eq_nocase(sl_target_format(statement), SL_STR("parquet"));
}

static enum sl_code check_owner(const struct sl_pipeline *pipeline,
                                const struct sl_query_spec *spec, const struct sl_statement *holder,
                                struct sl_err *err) {
    if (!has_one_owner(holder)) return SL_OK;
    const struct sl_property *property = property_of(spec->target, "sluice.quarantine");
    for (uint32_t i = 0; i < pipeline->query_count; i++) {
        const struct sl_query_spec *other = &pipeline->queries[i];
        const struct sl_property *theirs = property_of(other->target, "sluice.quarantine");
        bool same = theirs && sl_str_eq_nocase(theirs->value, property->value);
        if (other == spec || !(same || other->target == holder)) continue;
        sl_fail_at(err, sl_sql_origin(&pipeline->text, property->value_span), "INVALID_OPTION",
                   "42616",
                   "queries `%.*s` and `%.*s` both write to `%.*s`, and a Parquet directory "
                   "belongs to one query",
                   SL_STR_ARG(spec->name), SL_STR_ARG(other->name), SL_STR_ARG(property->value));
        return sl_hint(err, "make it USING delta, or give each query a quarantine of its own"),
               SL_USER;
    }
    return SL_OK;
}

/* ---- limits ---- */

static enum sl_code bad_limit(const struct sl_pipeline *pipeline,
                              const struct sl_property *property, const char *wanted,
                              struct sl_err *err) {
    return sl_fail_at(err, sl_sql_origin(&pipeline->text, property->value_span), "INVALID_OPTION",
                      "42616", "`%.*s` is `%.*s`, but has to be %s", SL_STR_ARG(property->key),
                      SL_STR_ARG(property->value), wanted);
}

static enum sl_code read_limits(const struct sl_pipeline *pipeline,
                                const struct sl_query_spec *spec, struct sl_letters *letters,
                                struct sl_err *err) {
    const struct sl_property *rows = property_of(spec->target, "sluice.quarantine.maxRows"),
                             *ratio = property_of(spec->target, "sluice.quarantine.maxRatio");
    if (rows && (!sl_str_to_i64(rows->value, &letters->rows_max) || letters->rows_max < 0))
        return bad_limit(pipeline, rows, "a number of records; 0 is no limit", err);
    if (!ratio) return SL_OK;
    char *end, *text = sl_arena_cstr(letters->query_arena, ratio->value);
    letters->ratio_max = strtod(text, &end);
    if (end == text || *end || !isfinite(letters->ratio_max) || letters->ratio_max < 0 ||
        letters->ratio_max > 1)
        return bad_limit(pipeline, ratio, "between 0 and 1", err);
    return SL_OK;
}

/* ---- opening ---- */

/* Leftovers of the letters' commits must not be taken for those of the query's own sink. The seal
 * (letter_seal.h) is written before letters are committed, and only where there are some. */
static struct sl_conn_env *letters_env(const struct sl_conn_env *env) {
    struct sl_conn_env *own = SL_NEW(env->query, struct sl_conn_env);
    *own = *env;
    own->checkpoint_dir =
        sl_arena_printf(env->query, "%.*s/.sluice/letters", SL_STR_ARG(env->checkpoint_dir));
    own->planned_dir = own->checkpoint_dir;
    return own;
}

/* A Delta table of letters that an older release made lacks the newest columns. */
static const struct sl_statement *with_merge(struct sl_arena *arena,
                                             const struct sl_statement *holder) {
    if (!sl_str_eq_nocase(sl_target_format(holder), SL_STR("delta")) ||
        sl_target_property(holder, "mergeSchema"))
        return holder;
    struct sl_statement *merging = SL_NEW(arena, struct sl_statement);
    const struct sl_properties *own = &holder->properties;
    struct sl_property *items = SL_NEW_ARRAY(arena, struct sl_property, own->count + (size_t)1);
    *merging = *holder;
    if (own->count) memcpy(items, own->items, own->count * sizeof *items);
    items[own->count] = (struct sl_property){.key = SL_STR("mergeSchema"), .value = SL_STR("true")};
    merging->properties = (struct sl_properties){items, own->count + 1};
    return merging;
}

enum sl_code sl_quarantine_open(const struct sl_pipeline *pipeline,
                                const struct sl_query_spec *spec, const struct sl_conn_env *env,
                                struct sl_letters **out, struct sl_err *err) {
    const struct sl_statement *holder;
    *out = NULL;
    SL_TRY(sl_quarantine_find(pipeline, spec->target, &holder, err));
    if (!holder) return SL_OK;
    SL_TRY(check_owner(pipeline, spec, holder, err));
    struct sl_letters *letters =
        sl_letters_new(env->query, spec->name, env->query_id, env->session);
    enum sl_code code = read_limits(pipeline, spec, letters, err);
    struct sl_query_spec as_target = {.name = last_part(&holder->name),
                                      .target = with_merge(env->query, holder)};
    letters->every_batch = has_one_owner(holder);
    if (code == SL_OK)
        code = sl_target_open_sink(pipeline, &as_target, letters_env(env), sl_letter_schema(),
                                   &letters->sink, err);
    if (code == SL_OK)
        *out = letters;
    else
        sl_context(err, "quarantine %.*s", SL_STR_ARG(as_target.name)), sl_letters_release(letters);
    return code;
}
