/* from_json: schema and options from constant arguments, and its schema pruned to what is read.
 * Source: jsonExpressions.scala (JsonToStructs), ExprUtils.scala, OptimizeCsvJsonExprs.scala. */
#include "expr/evolution.h"
#include "expr/expr_int.h"
#include "fmt/json/json_options.h"
#include "kern/datetime_pattern.h"

/* All parts nullable, as Spark forces the schema of from_json to be. */
static const struct sl_type *as_nullable(struct sl_arena *arena, const struct sl_type *type) {
    if (!sl_type_is_nested(type)) return type;
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        fields[i].type = as_nullable(arena, fields[i].type);
        fields[i].nullable = true;
    }
    if (type->kind == SL_STRUCT_KIND) return sl_type_struct(arena, fields, type->field_count);
    if (type->kind == SL_ARRAY_KIND) return sl_type_array(arena, fields[0].type, true);
    return sl_type_map(arena, fields[0].type, fields[1].type, true);
}

static enum sl_code parse_schema(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                 const struct sl_type **out, struct sl_err *err) {
    struct sl_str text;
    if (arg->type->kind != SL_STRING_KIND || !sl_expr_constant_text(ctx, arg, &text)) {
        struct sl_buf buf = {0};
        sl_expr_put_sql(&buf, arg);
        enum sl_code code =
            sl_fail_at(err, arg->span, "INVALID_SCHEMA.NON_STRING_LITERAL", "42K07",
                       "The input schema \"%.*s\" is not a valid schema string. The input "
                       "expression must be string literal and not null.",
                       (int)(buf.len > 160 ? 160 : buf.len), sl_buf_cstr(&buf));
        sl_buf_release(&buf);
        return code;
    }
    enum sl_code code = sl_type_parse_schema(ctx->query, text, out, err);
    if (code != SL_OK) {
        /* The parser's span lies within the literal's text; the caret shows the literal. */
        if (err) err->span = arg->span;
        return sl_context(err, "schema of from_json");
    }
    *out = as_nullable(ctx->query, *out);
    if (sl_type_is_nested(*out)) return SL_OK;
    return sl_fail_at(err, arg->span, "INVALID_JSON_SCHEMA_MAP_TYPE", "22032",
                      "Input schema \"%s\" must be a struct, an array or a map.",
                      sl_type_sql(ctx->query, *out));
}

static enum sl_code set_option(struct sl_expr_ctx *ctx, const struct sl_vec *map, uint32_t i,
                               struct sl_json_options *options, struct sl_err *err) {
    const struct sl_vec *keys = &map->children[0], *values = &map->children[1];
    if (sl_vec_is_null(values, i)) return SL_OK;
    return sl_json_options_set(options, sl_arena_str(ctx->query, sl_vec_str(keys, i)),
                               sl_arena_str(ctx->query, sl_vec_str(values, i)), err);
}

static enum sl_code parse_options(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                  struct sl_json_options *options, struct sl_err *err) {
    const struct sl_type *type = arg->type;
    bool strings = type->kind == SL_MAP_KIND && type->fields[0].type->kind == SL_STRING_KIND &&
                   type->fields[1].type->kind == SL_STRING_KIND;
    if (type->kind == SL_MAP_KIND && !strings)
        return sl_fail_at(err, arg->span, "INVALID_OPTIONS.NON_STRING_TYPE", "42K06",
                          "Invalid options: A type of keys and values in `map()` must be string, "
                          "but got \"%s\".",
                          sl_type_sql(ctx->query, type));
    if (!strings || arg->kind != SL_EXPR_LITERAL || sl_vec_is_null(arg->literal, 0))
        return sl_fail_at(err, arg->span, "INVALID_OPTIONS.NON_MAP_FUNCTION", "42K06",
                          "Invalid options: Must use the `map()` function for options.");
    const struct sl_vec *map = arg->literal;
    for (int32_t i = map->offsets[0]; i < map->offsets[1]; i++) {
        enum sl_code code = set_option(ctx, map, (uint32_t)i, options, err);
        if (code != SL_OK && err) err->span = arg->span;
        if (code != SL_OK) return code;
    }
    return SL_OK;
}

static enum sl_code check_corrupt_column(const struct sl_json_options *options,
                                         const struct sl_type *schema, struct sl_span span,
                                         struct sl_err *err) {
    if (schema->kind != SL_STRUCT_KIND) return SL_OK;
    int field = sl_type_find_field(schema, options->column_name_of_corrupt_record);
    if (field < 0 || schema->fields[field].type->kind == SL_STRING_KIND) return SL_OK;
    return sl_fail_at(err, span, "INVALID_CORRUPT_RECORD_TYPE", "42804",
                      "The column `%.*s` for corrupt records must have the nullable STRING type.",
                      SL_STR_ARG(options->column_name_of_corrupt_record));
}

/* Where the schema does not have it, it comes last. */
static enum sl_code add_rescued_column(struct sl_expr_ctx *ctx,
                                       const struct sl_json_options *options,
                                       const struct sl_type **schema, struct sl_span span,
                                       struct sl_err *err) {
    struct sl_str name = options->rescued_data_column;
    const struct sl_type *type = *schema;
    if (!name.len) return SL_OK;
    if (type->kind != SL_STRUCT_KIND)
        return sl_fail_at(err, span, "INVALID_OPTION", "42616",
                          "the option `rescuedDataColumn` of from_json needs a schema of columns, "
                          "not \"%s\"",
                          sl_type_sql(ctx->query, type));
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (!sl_str_eq_nocase(type->fields[i].name, name)) continue;
        if (sl_str_eq(type->fields[i].name, name) && type->fields[i].type->kind == SL_STRING_KIND)
            return SL_OK;
        return sl_fail_at(err, span, "INVALID_OPTION", "42616",
                          "the column `%.*s` for rescued data is in the schema with another type "
                          "or spelling: it has to be a STRING",
                          SL_STR_ARG(name));
    }
    struct sl_field *fields = SL_NEW_ARRAY(ctx->query, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) fields[i] = type->fields[i];
    fields[type->field_count] =
        (struct sl_field){.name = name, .type = &sl_type_string, .nullable = true};
    *schema = sl_type_struct(ctx->query, fields, type->field_count + 1);
    return SL_OK;
}

static enum sl_code compile_pattern(struct sl_expr_ctx *ctx, struct sl_str text,
                                    struct sl_span span, const struct sl_pattern **out,
                                    struct sl_err *err) {
    *out = NULL;
    if (!text.len) return SL_OK;
    struct sl_pattern *pattern = SL_NEW(ctx->query, struct sl_pattern);
    *out = pattern;
    enum sl_code code = sl_pattern_compile(ctx->query, text, true, pattern, err);
    if (code != SL_OK && err) err->span = span;
    return code;
}

static enum sl_code compile_patterns(struct sl_expr_ctx *ctx, struct sl_expr *expr,
                                     struct sl_err *err) {
    const struct sl_json_options *options = expr->json;
    struct sl_json_patterns *patterns = SL_NEW(ctx->query, struct sl_json_patterns);
    expr->state = patterns;
    SL_TRY(compile_pattern(ctx, options->timestamp_format, expr->span, &patterns->timestamp, err));
    SL_TRY(compile_pattern(ctx, options->timestamp_ntz_format, expr->span, &patterns->timestamp_ntz,
                           err));
    return compile_pattern(ctx, options->date_format, expr->span, &patterns->date, err);
}

/* Bytes are compared only of members without padding between them: flags, then texts. */
bool sl_expr_same_json(const struct sl_expr *a, const struct sl_expr *b) {
    const struct sl_json_options *x = a->json, *y = b->json;
    if (x == y) return true;
    const struct sl_str *const texts[][2] = {
        {&x->column_name_of_corrupt_record, &y->column_name_of_corrupt_record},
        {&x->rescued_data_column, &y->rescued_data_column},
        {&x->timestamp_format, &y->timestamp_format},
        {&x->timestamp_ntz_format, &y->timestamp_ntz_format},
        {&x->date_format, &y->date_format},
        {&x->time_zone, &y->time_zone},
        {&x->locale, &y->locale},
        {&x->encoding, &y->encoding},
        {&x->line_sep, &y->line_sep}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!sl_str_eq(*texts[i][0], *texts[i][1])) return false;
    size_t begin = offsetof(struct sl_json_options, allow_comments);
    size_t end = offsetof(struct sl_json_options, drop_field_if_all_null) + sizeof(bool);
    return x->mode == y->mode && sl_type_equal(a->json_schema, b->json_schema) &&
           memcmp((const char *)x + begin, (const char *)y + begin, end - begin) == 0;
}

/* The fields that this text was found to have besides. */
static uint32_t evolve(struct sl_expr_ctx *ctx, const struct sl_expr *text,
                       const struct sl_type **schema) {
    struct sl_buf name = {0};
    if (!ctx->evolution) return SL_EVOLUTION_NO_SITE;
    sl_expr_put_text(&name, text, NULL);
    uint32_t site = sl_evolution_site(ctx->evolution, sl_buf_str(&name));
    sl_buf_release(&name);
    *schema = sl_evolution_apply(ctx->evolution, site, ctx->query, *schema);
    return site;
}

enum sl_code sl_expr_from_json(struct sl_expr_ctx *ctx, struct sl_expr **args, uint32_t count,
                               struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    struct sl_expr *text;
    const struct sl_type *schema, *from = args[0]->type;
    if (from->kind != SL_STRING_KIND && from->kind != SL_NULL_KIND) /* Spark casts nothing here */
        return sl_fail_at(err, args[0]->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
                          "The first parameter of from_json requires the \"STRING\" type, however "
                          "it has the type \"%s\".",
                          sl_type_sql(ctx->query, from));
    SL_TRY(sl_expr_coerce(ctx, args[0], &sl_type_string, &text, err));
    SL_TRY(parse_schema(ctx, args[1], &schema, err));
    struct sl_json_options *options = SL_NEW(ctx->query, struct sl_json_options);
    sl_json_options_init(options);
    if (count == 3) SL_TRY(parse_options(ctx, args[2], options, err));
    if (options->mode == SL_JSON_DROPMALFORMED)
        return sl_fail_at(err, span, "PARSE_MODE_UNSUPPORTED", "42601",
                          "The function `from_json` doesn't support the DROPMALFORMED mode. "
                          "Acceptable modes are PERMISSIVE and FAILFAST.");
    SL_TRY(check_corrupt_column(options, schema, span, err));
    uint32_t site = evolve(ctx, text, &schema);
    SL_TRY(add_rescued_column(ctx, options, &schema, span, err));
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_FROM_JSON, schema, span);
    sl_expr_set_args(ctx, expr, &text, 1);
    expr->json = options;
    expr->json_schema = schema;
    expr->json_site = site;
    *out = expr;
    return compile_patterns(ctx, expr, err);
}

struct sl_expr *sl_expr_prune_json(struct sl_expr_ctx *ctx, struct sl_expr *expr,
                                   const bool *fields_used) {
    const struct sl_type *type = expr->type;
    if (expr->kind != SL_EXPR_FROM_JSON || type->kind != SL_STRUCT_KIND ||
        expr->json->mode == SL_JSON_FAILFAST || expr->json->rescued_data_column.len ||
        sl_type_find_field(expr->json_schema, expr->json->column_name_of_corrupt_record) >= 0)
        return expr;
    struct sl_field *kept = SL_NEW_ARRAY(ctx->query, struct sl_field, type->field_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (fields_used[i]) kept[count++] = type->fields[i];
    if (count == type->field_count || count == 0) return expr;
    struct sl_expr *pruned = SL_NEW(ctx->query, struct sl_expr);
    *pruned = *expr;
    pruned->type = sl_type_struct(ctx->query, kept, count);
    return pruned;
}
