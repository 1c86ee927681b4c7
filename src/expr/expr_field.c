/* Access to parts: fields of structs, positions of arrays, keys of maps.
 * Source: complexTypeExtractors.scala (ExtractValue). */
#include "expr/expr_int.h"

static enum sl_code not_found(struct sl_expr_ctx *ctx, const struct sl_type *type,
                              struct sl_str name, struct sl_span span, struct sl_err *err) {
    struct sl_str *names = SL_NEW_ARRAY(ctx->query, struct sl_str, type->field_count + 1);
    struct sl_buf list = {0};
    for (uint32_t i = 0; i < type->field_count; i++) {
        names[i] = type->fields[i].name;
        if (list.len < 300) sl_buf_printf(&list, "%s`%.*s`", i ? ", " : "", SL_STR_ARG(names[i]));
    }
    enum sl_code code =
        sl_fail_at(err, span, "FIELD_NOT_FOUND", "42704", "No such struct field `%.*s` in %s.",
                   SL_STR_ARG(name), sl_buf_cstr(&list));
    sl_buf_release(&list);
    int nearest = sl_str_nearest(name, names, type->field_count);
    if (nearest >= 0) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(names[nearest]));
    return code;
}

static int find_field(const struct sl_expr_ctx *ctx, const struct sl_type *type,
                      struct sl_str name) {
    int found = -1, matches = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct sl_str field = type->fields[i].name;
        if (ctx->session->case_sensitive ? !sl_str_eq(field, name) : !sl_str_eq_nocase(field, name))
            continue;
        found = (int)i;
        matches++;
    }
    return matches > 1 ? -2 : found;
}

/* struct(...).field is the argument itself: Spark's SimplifyExtractValueOps. */
static struct sl_expr *field_of_constructor(struct sl_expr *arg, uint32_t field) {
    if (arg->kind != SL_EXPR_CALL) return NULL;
    if (strcmp(arg->function->name, "named_struct") == 0) return arg->args[2 * field + 1];
    return strcmp(arg->function->name, "struct") == 0 ? arg->args[field] : NULL;
}

static enum sl_code field_of(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                             const struct sl_type *type, struct sl_str name, struct sl_span span,
                             struct sl_expr **out, struct sl_err *err) {
    int field = find_field(ctx, type, name);
    if (field == -1) return not_found(ctx, type, name, span, err);
    if (field == -2)
        return sl_fail_at(err, span, "AMBIGUOUS_REFERENCE_TO_FIELDS", "42000",
                          "Ambiguous reference to the field `%.*s`. It appears more than once in "
                          "the schema.",
                          SL_STR_ARG(name));
    bool list = arg->type->kind == SL_ARRAY_KIND;
    struct sl_expr *inner = list ? NULL : field_of_constructor(arg, (uint32_t)field);
    if (inner) {
        *out = inner;
        return SL_OK;
    }
    const struct sl_field *found = &type->fields[field];
    const struct sl_type *result =
        list ? sl_type_array(ctx->query, found->type,
                             found->nullable || arg->type->fields[0].nullable)
             : found->type;
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_FIELD, result, span);
    sl_expr_set_args(ctx, expr, &arg, 1);
    expr->field = (uint32_t)field;
    expr->nullable = arg->nullable || (!list && found->nullable);
    return sl_expr_fold(ctx, expr, out, err);
}

enum sl_code sl_expr_field(struct sl_expr_ctx *ctx, struct sl_expr *arg, struct sl_str name,
                           struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    const struct sl_type *type = arg->type;
    if (type->kind == SL_STRUCT_KIND) return field_of(ctx, arg, type, name, span, out, err);
    if (type->kind == SL_ARRAY_KIND && type->fields[0].type->kind == SL_STRUCT_KIND)
        return field_of(ctx, arg, type->fields[0].type, name, span, out, err);
    if (type->kind == SL_MAP_KIND)
        return sl_expr_extract(ctx, arg, sl_expr_literal_str(ctx, name), span, out, err);
    struct sl_buf text = {0};
    sl_expr_put_sql(&text, arg);
    enum sl_code code = sl_fail_at(
        err, span, "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000",
        "Can't extract a value from \"%.*s\". Need a complex type [STRUCT, ARRAY, MAP] but got "
        "\"%s\".",
        (int)(text.len > 160 ? 160 : text.len), sl_buf_cstr(&text), sl_type_sql(ctx->query, type));
    sl_buf_release(&text);
    return code;
}

static enum sl_code named_call(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr *left,
                               struct sl_expr *right, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    struct sl_expr *args[2] = {left, right};
    return sl_expr_call(ctx, name, args, 2, span, out, err);
}

enum sl_code sl_expr_extract(struct sl_expr_ctx *ctx, struct sl_expr *arg, struct sl_expr *key,
                             struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    switch (arg->type->kind) {
    case SL_ARRAY_KIND:
        if (key->kind == SL_EXPR_LITERAL && key->type->kind == SL_STRING_KIND) break;
        return named_call(ctx, SL_STR("getarrayitem"), arg, key, span, out, err);
    case SL_MAP_KIND:
        return named_call(ctx, SL_STR("getmapvalue"), arg, key, span, out, err);
    default:
        break;
    }
    struct sl_str name;
    if (key->kind == SL_EXPR_LITERAL && key->type->kind == SL_STRING_KIND &&
        sl_expr_constant_text(ctx, key, &name))
        return sl_expr_field(ctx, arg, name, span, out, err);
    if (arg->type->kind != SL_STRUCT_KIND)
        return sl_expr_field(ctx, arg, SL_STR(""), span, out, err);
    struct sl_buf text = {0};
    sl_expr_put_sql(&text, key);
    enum sl_code code = sl_fail_at(err, span, "INVALID_EXTRACT_FIELD", "42601",
                                   "Cannot extract \"%.*s\" from a struct. Field name should be a "
                                   "non-null string literal.",
                                   (int)(text.len > 160 ? 160 : text.len), sl_buf_cstr(&text));
    sl_buf_release(&text);
    return code;
}
