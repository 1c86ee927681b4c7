/* The from_json step: a decoder of its own, with the calendar of kern/; and malformed records as
 * faults of a batch that collects them. */
#include <stdlib.h>

#include "base/utf8.h"
#include "expr/evolution.h"
#include "expr/expr_int.h"
#include "expr/program_int.h"
#include "fmt/json/json_infer.h"
#include "kern/datetime_pattern.h"

struct json_step {
    struct sl_json_decoder *decoder;
    struct sl_json_hooks hooks;
    const struct sl_json_patterns *patterns;
    const struct sl_zone *zone; /* of the session, or of the timeZone option */
    bool own_zone;
    /* A malformed text is the record's fault, and the query does not ask for the corrupt record. */
    bool may_fault;
    bool may_drift; /* it is the record that has the fields */
    /* of the running call */
    struct sl_program *program;
    const struct step *step;
    bool constant;
    uint32_t drift_row;    /* the last one that had an unknown field; UINT32_MAX: none */
    struct sl_buf unknown; /* the first such field, where it stops the batch */
    uint32_t unknown_row;
    struct sl_buf conflict; /* likewise the first value that is not of its field's type */
    uint32_t conflict_row;
    struct sl_json_infer *infer; /* types of unknown fields; NULL until there is one */
    struct sl_arena types;       /* of the value at hand */
};

static bool by_pattern(const struct sl_pattern *pattern, const struct sl_zone *zone,
                       struct sl_str text, int64_t *micros) {
    struct sl_pattern_failure failure;
    return sl_pattern_parse(pattern, text, zone, micros, &failure);
}

static bool read_timestamp(const void *ctx, struct sl_str text, int64_t *micros) {
    const struct json_step *json = ctx;
    if (json->patterns->timestamp)
        return by_pattern(json->patterns->timestamp, json->zone, text, micros);
    return sl_parse_timestamp(text, json->zone, micros);
}

static bool read_timestamp_ntz(const void *ctx, struct sl_str text, int64_t *micros) {
    const struct json_step *json = ctx;
    if (json->patterns->timestamp_ntz)
        return by_pattern(json->patterns->timestamp_ntz, sl_zone_utc, text, micros);
    return sl_parse_timestamp_ntz(text, micros);
}

static bool read_date(const void *ctx, struct sl_str text, int32_t *days) {
    const struct json_step *json = ctx;
    int64_t micros, day = INT64_C(86400000000);
    if (!json->patterns->date) return sl_parse_date(text, days);
    if (!by_pattern(json->patterns->date, sl_zone_utc, text, &micros)) return false;
    *days = (int32_t)(micros / day - (micros % day < 0));
    return true;
}

/* ---- malformed records ---- */

static bool has_corrupt_column(const struct sl_expr *expr) {
    return expr->json_schema->kind == SL_STRUCT_KIND &&
           sl_type_find_field(expr->json_schema, expr->json->column_name_of_corrupt_record) >= 0;
}

static void on_malformed(void *ctx, uint32_t row, struct sl_str reason) {
    struct json_step *json = ctx;
    struct sl_fault fault = {.kind = SL_FAULT_MALFORMED,
                             .rule = SL_STR("from_json"),
                             .condition = SL_STR("MALFORMED_RECORD_IN_PARSING"),
                             .sqlstate = SL_STR("22023"),
                             .msg = reason};
    sl_program_add_fault(json->program, json->step, row, json->constant, &fault);
}

/* A schema that grows must not turn values into nulls: where nobody keeps such records, the first
 * one stops the batch.  Records that are broken JSON are as always. */
static void on_conflict(void *ctx, uint32_t row, struct sl_str reason) {
    struct json_step *json = ctx;
    if (json->conflict.len || !sl_str_starts(reason, SL_STR("field `")) ||
        sl_str_find(reason, SL_STR(" expected, found "), 0) == SIZE_MAX)
        return;
    sl_buf_put_str(&json->conflict, reason);
    json->conflict_row = row;
}

static enum sl_code fail_conflict(struct sl_program *program, const struct step *step,
                                  struct sl_err *err) {
    sl_fail_at(err, step->expr->span, "CANNOT_PARSE_JSON_FIELD", "2203G",
               "a record does not fit the schema of from_json: %s",
               sl_buf_cstr(&step->json->conflict));
    if (err) err->code = SL_DATA;
    sl_hint(err, "'sluice.quarantine' keeps such records; or write a type into the schema that "
                 "holds both, such as STRING");
    sl_program_describe(program, step, step->json->conflict_row, false, err);
    return SL_DATA;
}

static void listen_for_malformed(struct sl_program *program, const struct step *step,
                                 bool collect) {
    const struct sl_batch *batch = program->batch;
    struct json_step *json = step->json;
    bool stops = batch->drift && batch->drift->mode == SL_DRIFT_EVOLVE && !batch->faults &&
                 json->may_fault && step->expr->json->mode != SL_JSON_FAILFAST;
    sl_buf_clear(&json->conflict);
    sl_json_decoder_on_malformed(json->decoder,
                                 collect ? on_malformed
                                 : stops ? on_conflict
                                         : NULL,
                                 json);
}

/* ---- unknown fields ---- */

static void put_unknown(struct sl_buf *out, struct sl_str path, struct sl_str value) {
    size_t len = value.len;
    if (len > SL_DRIFT_VALUE_MAX) len = sl_utf8_whole(value.ptr, SL_DRIFT_VALUE_MAX);
    sl_buf_printf(out, "field `%.*s` is not in the schema; it is %.*s%s", SL_STR_ARG(path),
                  (int)len, value.ptr, len < value.len ? ".." : "");
}

static void fault_unknown(struct json_step *json, uint32_t row, struct sl_str path,
                          struct sl_str value) {
    struct sl_buf text = {0};
    put_unknown(&text, path, value);
    struct sl_fault fault = {.kind = SL_FAULT_DRIFT,
                             .rule = SL_STR("onSchemaDrift"),
                             .condition = SL_STR("UNKNOWN_FIELD_EXCEPTION"),
                             .sqlstate = SL_STR("KD003"),
                             .msg = sl_buf_str(&text)};
    sl_program_add_fault(json->program, json->step, row, json->constant, &fault);
    sl_buf_release(&text);
}

/* A name that means something to from_json itself is none for a column. */
static uint32_t site_of(const struct sl_expr *expr, struct sl_str path) {
    bool reserved = sl_str_eq_nocase(path, expr->json->column_name_of_corrupt_record) ||
                    sl_str_eq_nocase(path, expr->json->rescued_data_column);
    return reserved ? SL_EVOLUTION_NO_SITE : expr->json_site;
}

/* What its values are; one that has become too wide for any schema is left as it is. */
static const struct sl_type *type_of_unknown(struct json_step *json, const struct sl_drift *drift,
                                             const struct sl_drift_field *known,
                                             struct sl_str value) {
    const struct sl_type *type;
    if (known && known->type && sl_type_count_fields(known->type) > drift->fields_max) return NULL;
    if (!json->infer) {
        json->infer = sl_json_infer_new(json->step->expr->json, NULL, NULL);
        sl_arena_init(&json->types, "JSON types");
    }
    sl_arena_reset(&json->types);
    bool whole = sl_json_infer_value(json->infer, value, &json->types, &type);
    (void)whole; /* a text that cannot be read as JSON is a STRING */
    return type;
}

static void note_evolving(struct json_step *json, uint32_t row, struct sl_str path,
                          struct sl_str value) {
    const struct sl_batch *batch = json->program->batch;
    struct sl_drift *drift = batch->drift;
    struct sl_drift_field field = {
        .path = path, .value = value, .site = site_of(json->step->expr, path)};
    char where[256];
    if (drift->settled && sl_drift_find(drift->settled, field.site, path)) return;
    const struct sl_drift_field *known = sl_drift_find(drift, field.site, path);
    field.type = type_of_unknown(json, drift, known, value);
    if (!known) {
        sl_batch_describe_row(batch, row, where, sizeof where);
        field.where = sl_str(where);
    }
    sl_drift_add(drift, &field);
}

static void on_unknown(void *ctx, uint32_t row, struct sl_str path, struct sl_str value) {
    struct json_step *json = ctx;
    const struct sl_batch *batch = json->program->batch;
    struct sl_drift *drift = batch->drift;
    if (row != json->drift_row) drift->records++;
    json->drift_row = row;
    if (drift->mode == SL_DRIFT_QUARANTINE && batch->faults) fault_unknown(json, row, path, value);
    if (drift->mode == SL_DRIFT_FAIL && !json->unknown.len) {
        put_unknown(&json->unknown, path, value);
        json->unknown_row = row;
    }
    if (drift->mode == SL_DRIFT_EVOLVE) {
        note_evolving(json, row, path, value);
        return;
    }
    if (sl_drift_find(drift, 0, path)) return;
    char where[256];
    sl_batch_describe_row(batch, row, where, sizeof where);
    sl_drift_add(drift, &(struct sl_drift_field){path, value, sl_str(where), 0, NULL});
}

static enum sl_code fail_unknown(struct sl_program *program, const struct step *step,
                                 struct sl_err *err) {
    sl_fail_at(err, step->expr->span, "UNKNOWN_FIELD_EXCEPTION", "KD003",
               "Encountered an unknown field during parsing: %s",
               sl_buf_cstr(&step->json->unknown));
    if (err) err->code = SL_DATA;
    sl_hint(err, "add it to the schema of from_json; 'sluice.onSchemaDrift' = 'warn' goes on "
                 "without it");
    sl_program_describe(program, step, step->json->unknown_row, false, err);
    return SL_DATA;
}

static enum sl_code ask_for_unknown(struct sl_program *program, const struct step *step,
                                    struct sl_err *err) {
    struct json_step *json = step->json;
    bool ask = program->batch->drift && json->may_drift;
    json->drift_row = UINT32_MAX;
    sl_buf_clear(&json->unknown);
    return sl_json_decoder_on_unknown(json->decoder, step->expr->json_schema,
                                      ask ? on_unknown : NULL, json, err);
}

/* ---- the step ---- */

enum sl_code sl_json_step_new(struct sl_program *program, struct step *step, struct sl_err *err) {
    (void)program;
    struct json_step *json = sl_xcalloc(1, sizeof *json);
    step->json = json;
    json->zone = sl_zone_utc;
    json->patterns = step->expr->state;
    json->may_drift = sl_expr_reads_column(step->expr);
    json->may_fault = sl_expr_reads_column(step->expr) && !has_corrupt_column(step->expr);
    struct sl_str zone = step->expr->json->time_zone;
    if (zone.len) {
        json->zone = sl_zone_find(zone);
        json->own_zone = true;
        if (!json->zone)
            return sl_fail_at(err, step->expr->span, "INVALID_TIMEZONE", "22009",
                              "The timezone: %.*s is invalid.", SL_STR_ARG(zone));
    }
    json->hooks = (struct sl_json_hooks){json, read_timestamp, read_timestamp_ntz, read_date};
    return sl_json_decoder_new(step->expr->type, step->expr->json, &json->hooks, &json->decoder,
                               err);
}

void sl_json_step_free(struct json_step *json) {
    if (json->decoder) sl_json_decoder_free(json->decoder);
    sl_buf_release(&json->unknown);
    sl_buf_release(&json->conflict);
    if (json->infer) {
        sl_json_infer_free(json->infer);
        sl_arena_release(&json->types);
    }
    free(json);
}

enum sl_code sl_step_from_json(struct sl_program *program, struct step *step, struct sl_err *err) {
    const struct sl_vec *in = program->regs[step->args[0]].value;
    struct sl_vec *out = sl_program_own(program, step);
    bool constant = in->enc == SL_ENC_CONST;
    uint32_t rows = constant ? 1 : program->rows, bad_row = 0;
    if (!step->json->own_zone && program->session->zone) step->json->zone = program->session->zone;
    bool collect = program->batch->faults && step->json->may_fault;
    step->json->program = program;
    step->json->step = step;
    step->json->constant = constant && program->rows > 1;
    listen_for_malformed(program, step, collect);
    SL_TRY(ask_for_unknown(program, step, err));
    enum sl_code code =
        sl_json_decode(step->json->decoder, in, rows,
                       constant ? NULL : program->masks[step->mask].bits, out, NULL, &bad_row, err);
    if (program->batch->faults && (collect || program->batch->drift))
        sl_program_drop_faulty(program);
    if (code == SL_DATA) sl_program_describe(program, step, bad_row, constant, err);
    SL_TRY(code);
    if (step->json->unknown.len) return fail_unknown(program, step, err);
    if (step->json->conflict.len) return fail_conflict(program, step, err);
    if (constant) out->enc = SL_ENC_CONST;
    out->rows = program->rows;
    return SL_OK;
}
