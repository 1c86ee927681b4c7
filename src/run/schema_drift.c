#include "run/schema_drift.h"

#include "run/query_target.h"

static const struct {
    const char *name;
    enum sl_drift_mode mode;
} modes[] = {{"warn", SL_DRIFT_WARN},
             {"quarantine", SL_DRIFT_QUARANTINE},
             {"fail", SL_DRIFT_FAIL},
             {"evolve", SL_DRIFT_EVOLVE}};

static enum sl_code refuse_evolving(const struct sl_pipeline *pipeline, struct sl_span span,
                                    const char *why, const char *hint, struct sl_err *err) {
    sl_fail_at(err, sl_sql_origin(&pipeline->text, span), "INVALID_OPTION", "42616",
               "`sluice.onSchemaDrift` is `evolve`, which adds columns, and %s", why);
    return sl_hint(err, "%s", hint), SL_USER;
}

/* What says in the statement itself that the table gets no columns. */
static enum sl_code check_evolving(const struct sl_pipeline *pipeline,
                                   const struct sl_statement *target, struct sl_err *err) {
    const struct sl_property *merge = sl_target_property(target, "mergeSchema");
    if (target->column_count)
        return refuse_evolving(pipeline, target->columns[0].span, "the table declares its columns",
                               "leave out the column list, or choose warn, quarantine or fail",
                               err);
    if (merge && sl_str_eq_nocase(merge->value, SL_STR("false")))
        return refuse_evolving(pipeline, merge->value_span, "`mergeSchema` is `false`",
                               "leave out mergeSchema: evolve implies it", err);
    return SL_OK;
}

enum sl_code sl_schema_drift_mode(const struct sl_pipeline *pipeline,
                                  const struct sl_statement *target, bool *on,
                                  enum sl_drift_mode *mode, struct sl_err *err) {
    const struct sl_property *property =
        target ? sl_target_property(target, "sluice.onSchemaDrift") : NULL;
    *on = property && !sl_str_eq_nocase(property->value, SL_STR("none"));
    if (!*on) return SL_OK;
    bool found = false;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (!sl_str_eq_nocase(property->value, sl_str(modes[i].name))) continue;
        *mode = modes[i].mode;
        found = true;
    }
    struct sl_span span = sl_sql_origin(&pipeline->text, property->value_span);
    if (!found) {
        sl_fail_at(err, span, "INVALID_OPTION", "42616",
                   "`sluice.onSchemaDrift` is `%.*s`, but has to be warn, quarantine, fail, evolve "
                   "or none",
                   SL_STR_ARG(property->value));
        return SL_USER;
    }
    if (*mode == SL_DRIFT_EVOLVE) return check_evolving(pipeline, target, err);
    if (*mode != SL_DRIFT_QUARANTINE || sl_target_property(target, "sluice.quarantine"))
        return SL_OK;
    sl_fail_at(err, span, "INVALID_OPTION", "42616",
               "`sluice.onSchemaDrift` is `quarantine`, and the table has no quarantine");
    return sl_hint(err,
                   "name one: 'sluice.quarantine' = 'a sink, or a streaming table without AS'"),
           SL_USER;
}

void sl_schema_drift_warn(const struct sl_log *log, struct sl_str query,
                          const struct sl_drift *drift, uint32_t from) {
    if (drift->mode == SL_DRIFT_EVOLVE) return;
    for (uint32_t i = from; i < drift->count; i++) {
        const struct sl_drift_field *field = &drift->items[i];
        sl_log_event(log, SL_LOG_WARN, SL_CAT_RUN,
                     "query %.*s: field `%.*s` is not in the schema of from_json; it is %.*s in "
                     "%.*s",
                     SL_STR_ARG(query), SL_STR_ARG(field->path), SL_STR_ARG(field->value),
                     SL_STR_ARG(field->where.len ? field->where : SL_STR("a record")));
    }
}
