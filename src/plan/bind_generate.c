/* Generators: in a SELECT list, behind LATERAL VIEW, and as table functions in FROM.
 *
 * A generator stands in a node of its own over the relation it reads from, whose columns keep their
 * positions; what it makes comes behind them.  Several in one SELECT list stand on one another, the
 * first one lowest, so its values vary slowest.
 * Source: ExtractGenerator, ResolveGenerate in Analyzer.scala; generators.scala;
 * jsonExpressions.scala. */
#include "plan/bind_int.h"

enum generator_kind { EXPLODE, POSEXPLODE, INLINE, STACK, JSON_TUPLE };

struct generator {
    const char *name, *shown;
    enum generator_kind kind;
    bool outer;
    const char *parameter; /* the name of the only one; NULL: by position, any number */
};

static const struct generator generators[] = {
    {"explode", "explode", EXPLODE, false, "collection"},
    {"explode_outer", "explode", EXPLODE, true, "collection"},
    {"posexplode", "posexplode", POSEXPLODE, false, "collection"},
    {"posexplode_outer", "posexplode", POSEXPLODE, true, "collection"},
    {"inline", "inline", INLINE, false, "input"},
    {"inline_outer", "inline", INLINE, true, "input"},
    {"stack", "stack", STACK, false, NULL},
    {"json_tuple", "json_tuple", JSON_TUPLE, false, NULL},
};

/* stack(n, ..) makes n rows, given few values or many. */
enum { STACK_ROWS_MAX = 65536 };

static const struct generator *find(const struct sl_name *name) {
    if (!sl_is_builtin_name(name)) return NULL;
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++)
        if (sl_str_eq_nocase(name->parts[name->count - 1], sl_str(generators[i].name)))
            return &generators[i];
    return NULL;
}

bool sl_is_generator(const struct sl_uexpr *expr) {
    return expr->kind == SL_U_FUNCTION && !expr->negated && find(&expr->name);
}

enum sl_code sl_generator_misplaced(struct sl_span span, struct sl_err *err) {
    sl_fail_at(err, span, "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", "42K0E",
               "the generator is not supported: outside the SELECT clause");
    if (err) sl_hint(err, "make its rows below, with LATERAL VIEW or in a subquery");
    return SL_USER;
}

enum sl_code sl_generator_nested(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *whole, enum sl_code code,
                                 struct sl_err *err) {
    if (code != SL_USER || !err || strcmp(err->condition, "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"))
        return code;
    struct sl_span span = err->span;
    struct sl_str text = sl_pretty_text(binder, scope, whole);
    *err = (struct sl_err){0};
    sl_fail_at(err, span, "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", "42K0E",
               "the generator is not supported: nested in expressions \"%.*s\"", SL_STR_ARG(text));
    sl_hint(err, "let a subquery or LATERAL VIEW make the rows, and compute with its column");
    return code;
}

/* ---- what is being made ---- */

struct making {
    struct sl_binder *binder;
    const struct sl_scope *scope;
    const struct sl_uexpr *call;
    const struct generator *generator;
    const struct sl_generator_use *use;
    struct sl_expr **args;
    /* results */
    struct sl_expr *list; /* NULL: `values`, one row */
    struct sl_expr **values;
    struct sl_column *columns;
    int32_t *parts;
    uint32_t count, cap;
};

static void add_column(struct making *making, struct sl_str name, const struct sl_type *type,
                       bool nullable, int32_t part) {
    struct sl_arena *arena = making->binder->arena;
    if (making->count == making->cap) {
        uint32_t cap = making->cap ? making->cap * 2 : 8;
        making->columns =
            sl_arena_grow(arena, making->columns, making->cap * sizeof *making->columns,
                          cap * sizeof *making->columns);
        making->parts = sl_arena_grow(arena, making->parts, making->cap * sizeof *making->parts,
                                      cap * sizeof *making->parts);
        making->cap = cap;
    }
    making->parts[making->count] = part;
    making->columns[making->count++] =
        (struct sl_column){.name = name,
                           .type = type,
                           .nullable = nullable || making->use->outer || making->generator->outer,
                           .qualifier = making->use->qualifier,
                           .id = making->binder->next_id++};
}

static struct sl_str call_text(const struct making *making) {
    return sl_pretty_text(making->binder, making->scope, making->call);
}

static enum sl_code mismatch(const struct making *making, const char *condition, struct sl_err *err,
                             const char *fmt, ...) SL_PRINTF(4, 5);
static enum sl_code mismatch(const struct making *making, const char *condition, struct sl_err *err,
                             const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    struct sl_buf why = {0};
    sl_buf_vprintf(&why, fmt, args);
    va_end(args);
    enum sl_code code = sl_fail_at(err, making->call->span, condition, "42K09",
                                   "cannot resolve \"%.*s\" due to data type mismatch: %s",
                                   SL_STR_ARG(call_text(making)), sl_buf_cstr(&why));
    sl_buf_release(&why);
    return code;
}

static enum sl_code unexpected(const struct making *making, const char *required,
                               struct sl_err *err) {
    struct sl_str text = sl_pretty_text(making->binder, making->scope, making->call->args[0]);
    return mismatch(making, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", err,
                    "the first parameter requires the %s type, however \"%.*s\" has the type "
                    "\"%s\"",
                    required, SL_STR_ARG(text),
                    sl_type_sql(making->binder->arena, making->args[0]->type));
}

/* ---- arguments ---- */

static enum sl_code wrong_count(const struct making *making, const char *wanted,
                                struct sl_err *err) {
    return sl_fail_at(err, making->call->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "the `%s` requires %s parameters but the actual number is %u",
                      making->generator->name, wanted, making->call->arg_count);
}

static enum sl_code check_count(const struct making *making, struct sl_err *err) {
    uint32_t count = making->call->arg_count;
    const char *parameter = making->generator->parameter;
    if (!parameter) return count < 2 ? wrong_count(making, "> 1", err) : SL_OK;
    if (count == 0)
        return sl_fail_at(err, making->call->span, "REQUIRED_PARAMETER_NOT_FOUND", "4274K",
                          "cannot invoke routine `%s` because the parameter named `%s` is required",
                          making->generator->name, parameter);
    return count > 1 ? wrong_count(making, "1", err) : SL_OK;
}

static enum sl_code bind_args(struct making *making, struct sl_err *err) {
    const struct sl_uexpr *call = making->call;
    if (call->distinct || call->filter)
        return sl_bind_refuse(err, call->span, "DISTINCT or FILTER in a generator");
    SL_TRY(check_count(making, err));
    making->args = SL_NEW_ARRAY(making->binder->arena, struct sl_expr *, call->arg_count + 1);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct sl_uexpr *arg = call->args[i];
        if (arg->kind == SL_U_NAMED_ARGUMENT && making->generator->parameter) {
            if (!sl_str_eq_nocase(arg->name.parts[0], sl_str(making->generator->parameter)))
                return sl_fail_at(err, arg->span, "UNRECOGNIZED_PARAMETER_NAME", "4274K",
                                  "`%s` has no parameter named `%.*s`; its parameter is `%s`",
                                  making->generator->name, SL_STR_ARG(arg->name.parts[0]),
                                  making->generator->parameter);
            arg = arg->args[0];
        }
        enum sl_code code =
            sl_bind_uexpr(making->binder, making->scope, arg, &making->args[i], err);
        SL_TRY(sl_generator_nested(making->binder, making->scope, call, code, err));
    }
    return SL_OK;
}

/* ---- explode, inline ---- */

static enum sl_code make_explode(struct making *making, struct sl_err *err) {
    const struct sl_type *type = making->args[0]->type;
    if (type->kind != SL_ARRAY_KIND && type->kind != SL_MAP_KIND)
        return unexpected(making, "(\"ARRAY\" or \"MAP\")", err);
    if (making->generator->kind == POSEXPLODE)
        add_column(making, SL_STR("pos"), &sl_type_int, false, SL_PART_POSITION);
    if (type->kind == SL_MAP_KIND) {
        add_column(making, SL_STR("key"), type->fields[0].type, false, SL_PART_KEY);
        add_column(making, SL_STR("value"), type->fields[1].type, type->fields[1].nullable,
                   SL_PART_VALUE);
    } else {
        add_column(making, SL_STR("col"), type->fields[0].type, type->fields[0].nullable,
                   SL_PART_VALUE);
    }
    making->list = making->args[0];
    return SL_OK;
}

static void add_fields(struct making *making, const struct sl_type *list) {
    const struct sl_type *item = list->fields[0].type;
    for (uint32_t i = 0; i < item->field_count; i++)
        add_column(making, item->fields[i].name, item->fields[i].type,
                   list->fields[0].nullable || item->fields[i].nullable, (int32_t)i);
}

static enum sl_code make_inline(struct making *making, struct sl_err *err) {
    const struct sl_type *type = making->args[0]->type;
    if (type->kind != SL_ARRAY_KIND || type->fields[0].type->kind != SL_STRUCT_KIND)
        return unexpected(making, "\"ARRAY<STRUCT>\"", err);
    making->list = making->args[0];
    add_fields(making, type);
    return SL_OK;
}

/* ---- stack ---- */

static enum sl_code stack_rows(const struct making *making, uint32_t *rows, struct sl_err *err) {
    const struct sl_expr *arg = making->args[0];
    if (arg->type->kind != SL_INT_KIND) return unexpected(making, "\"INT\"", err);
    if (arg->kind != SL_EXPR_LITERAL)
        return mismatch(making, "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", err,
                        "the input `n` should be a foldable \"INT\" expression");
    if (sl_vec_is_null(arg->literal, 0))
        return mismatch(making, "DATATYPE_MISMATCH.UNEXPECTED_NULL", err,
                        "the `n` must not be null");
    if (arg->literal->i32[0] <= 0)
        return mismatch(making, "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE", err,
                        "the `n` must be between (0, 2147483647] (current value = %d)",
                        arg->literal->i32[0]);
    *rows = (uint32_t)arg->literal->i32[0];
    if (*rows > STACK_ROWS_MAX)
        return sl_bind_refuse(err, making->call->span, "stack() of more than %d rows",
                              STACK_ROWS_MAX);
    return SL_OK;
}

/* The type of a column: that of its first value which is not a bare NULL. */
static enum sl_code stack_type(const struct making *making, uint32_t column, uint32_t width,
                               const struct sl_type **out, struct sl_err *err) {
    uint32_t first = 0;
    *out = &sl_type_null;
    for (uint32_t i = column + 1; i < making->call->arg_count; i += width) {
        const struct sl_type *type = making->args[i]->type;
        if (type->kind == SL_NULL_KIND) continue;
        if (first && !sl_type_equal(*out, type))
            return mismatch(making, "DATATYPE_MISMATCH.STACK_COLUMN_DIFF_TYPES", err,
                            "the data type of the column (%u) do not have the same type: \"%s\" "
                            "(%u) <> \"%s\" (%u)",
                            column, sl_type_sql(making->binder->arena, *out), first,
                            sl_type_sql(making->binder->arena, type), i);
        if (first) continue;
        *out = type;
        first = i;
    }
    return SL_OK;
}

static enum sl_code stack_row(struct making *making, uint32_t row, uint32_t width,
                              const struct sl_type **types, struct sl_expr **out,
                              struct sl_err *err) {
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    struct sl_expr **fields = SL_NEW_ARRAY(making->binder->arena, struct sl_expr *, 2 * width + 1);
    for (uint32_t c = 0; c < width; c++) {
        uint32_t at = 1 + row * width + c;
        bool given = at < making->call->arg_count;
        if (given) given = making->args[at]->type->kind != SL_NULL_KIND;
        fields[2 * c] =
            sl_expr_literal_str(ctx, sl_arena_printf(making->binder->arena, "col%u", c));
        fields[2 * c + 1] = given ? making->args[at] : sl_expr_literal_null(ctx, types[c]);
    }
    return sl_expr_call(ctx, SL_STR("named_struct"), fields, 2 * width, making->call->span, out,
                        err);
}

static enum sl_code make_stack(struct making *making, struct sl_err *err) {
    uint32_t rows = 0;
    SL_TRY(stack_rows(making, &rows, err));
    uint32_t width = (making->call->arg_count - 1 + rows - 1) / rows;
    const struct sl_type **types =
        SL_NEW_ARRAY(making->binder->arena, const struct sl_type *, width + 1);
    struct sl_expr **items = SL_NEW_ARRAY(making->binder->arena, struct sl_expr *, rows + 1);
    for (uint32_t c = 0; c < width; c++) SL_TRY(stack_type(making, c, width, &types[c], err));
    for (uint32_t row = 0; row < rows; row++)
        SL_TRY(stack_row(making, row, width, types, &items[row], err));
    SL_TRY(sl_expr_call(&making->binder->ctx->expr, SL_STR("array"), items, rows,
                        making->call->span, &making->list, err));
    add_fields(making, making->list->type);
    return SL_OK;
}

/* ---- json_tuple ---- */

static void put_field_ddl(struct sl_buf *ddl, struct sl_str name) {
    sl_buf_put_cstr(ddl, ddl->len ? ", `" : "`");
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') sl_buf_put_byte(ddl, '`');
        sl_buf_put_byte(ddl, (uint8_t)name.ptr[i]);
    }
    sl_buf_put_cstr(ddl, "` STRING");
}

/* from_json of the named fields; field[i] is the one that argument i + 1 names. */
static enum sl_code json_object(struct making *making, uint32_t *field, struct sl_expr **out,
                                struct sl_err *err) {
    struct sl_expr_ctx *ctx = &making->binder->ctx->expr;
    struct sl_buf ddl = {0};
    uint32_t fields = 0;
    for (uint32_t i = 1; i < making->call->arg_count; i++) {
        struct sl_str name = sl_vec_str(making->args[i]->literal, 0);
        uint32_t same = 1;
        while (same < i && !sl_str_eq(sl_vec_str(making->args[same]->literal, 0), name)) same++;
        field[i - 1] = same < i ? field[same - 1] : fields++;
        if (same == i) put_field_ddl(&ddl, name);
    }
    struct sl_expr *args[2] = {
        making->args[0],
        sl_expr_literal_str(ctx, sl_arena_str(making->binder->arena, sl_buf_str(&ddl)))};
    sl_buf_release(&ddl);
    return sl_expr_call(ctx, SL_STR("from_json"), args, 2, making->call->span, out, err);
}

static enum sl_code make_json_tuple(struct making *making, struct sl_err *err) {
    uint32_t count = making->call->arg_count;
    uint32_t *field = SL_NEW_ARRAY(making->binder->arena, uint32_t, count);
    struct sl_expr *object;
    for (uint32_t i = 0; i < count; i++) {
        if (making->args[i]->type->kind != SL_STRING_KIND)
            return mismatch(making, "DATATYPE_MISMATCH.NON_STRING_TYPE", err,
                            "all arguments of the function `json_tuple` must be strings");
        bool constant = making->args[i]->kind == SL_EXPR_LITERAL;
        if (i && (!constant || sl_vec_is_null(making->args[i]->literal, 0)))
            return sl_bind_refuse(err, making->call->args[i]->span,
                                  "a field name of json_tuple() that is not a constant");
    }
    SL_TRY(json_object(making, field, &object, err));
    making->values = SL_NEW_ARRAY(making->binder->arena, struct sl_expr *, count);
    for (uint32_t i = 0; i + 1 < count; i++) {
        making->values[i] = sl_field_at(making->binder, object, field[i], making->call->span);
        add_column(making, sl_arena_printf(making->binder->arena, "c%u", i), &sl_type_string, true,
                   0);
    }
    return SL_OK;
}

/* ---- the node ---- */

static enum sl_code make(struct making *making, struct sl_err *err) {
    SL_TRY(bind_args(making, err));
    switch (making->generator->kind) {
    case EXPLODE:
    case POSEXPLODE:
        return make_explode(making, err);
    case INLINE:
        return make_inline(making, err);
    case STACK:
        return make_stack(making, err);
    case JSON_TUPLE:
        return make_json_tuple(making, err);
    }
    return SL_OK;
}

static enum sl_code name_columns(struct making *making, struct sl_err *err) {
    const struct sl_name *names = making->use->names;
    if (!names || !names->count) return SL_OK;
    if (names->count != making->count)
        return sl_fail_at(
            err, names->span.end > names->span.begin ? names->span : making->call->span,
            making->use->table ? "NUM_TABLE_VALUE_ALIASES_MISMATCH" : "UDTF_ALIAS_NUMBER_MISMATCH",
            making->use->table ? "42826" : "42802",
            "`%s` makes %u columns here, but %u aliases are given", making->generator->name,
            making->count, names->count);
    for (uint32_t i = 0; i < names->count; i++) making->columns[i].name = names->parts[i];
    return SL_OK;
}

/* One row: the values are computed beside the base's columns. */
static struct sl_node *project_values(struct making *making, struct sl_node *base) {
    struct sl_binder *binder = making->binder;
    uint32_t count = base->column_count + making->count;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    for (uint32_t i = 0; i < base->column_count; i++)
        exprs[i] =
            sl_expr_column(&binder->ctx->expr, i, base->columns[i].type, base->columns[i].nullable);
    memcpy(exprs + base->column_count, making->values, making->count * sizeof *exprs);
    struct sl_node *node =
        sl_node_new(binder->arena, SL_NODE_PROJECT, base, count, making->call->span);
    node->exprs = exprs;
    return node;
}

static struct sl_node *generate_over(struct making *making, struct sl_node *base) {
    struct sl_arena *arena = making->binder->arena;
    struct sl_generate *generate = SL_NEW(arena, struct sl_generate);
    *generate = (struct sl_generate){
        .name = making->generator->kind == STACK ? "inline" : making->generator->shown,
        .list = making->list,
        .outer = making->generator->outer || making->use->outer,
        .kept_count = base->column_count,
        .parts = making->parts,
        .part_count = making->count,
        .qualifier = making->use->qualifier};
    generate->kept = SL_NEW_ARRAY(arena, uint32_t, base->column_count + 1);
    for (uint32_t i = 0; i < base->column_count; i++) generate->kept[i] = i;
    struct sl_node *node = sl_node_new(arena, SL_NODE_GENERATE, base,
                                       base->column_count + making->count, making->call->span);
    node->generate = generate;
    return node;
}

enum sl_code sl_node_repeat(struct sl_binder *binder, struct sl_node **node, struct sl_expr *times,
                            struct sl_err *err) {
    struct sl_arena *arena = binder->arena;
    struct sl_node *input = *node;
    struct sl_expr *bounds[2] = {sl_expr_literal_i64(&binder->ctx->expr, &sl_type_long, 1), times};
    struct sl_generate *generate = SL_NEW(arena, struct sl_generate);
    *generate = (struct sl_generate){.name = "explode",
                                     .kept = SL_NEW_ARRAY(arena, uint32_t, input->column_count + 1),
                                     .kept_count = input->column_count};
    SL_TRY(sl_expr_call(&binder->ctx->expr, SL_STR("sequence"), bounds, 2, input->span,
                        &generate->list, err));
    *node = sl_node_new(arena, SL_NODE_GENERATE, input, input->column_count, input->span);
    (*node)->generate = generate;
    for (uint32_t i = 0; i < input->column_count; i++) {
        generate->kept[i] = i;
        (*node)->columns[i] = input->columns[i];
    }
    return SL_OK;
}

enum sl_code sl_bind_generator(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *call, const struct sl_generator_use *use,
                               struct sl_node **base, struct sl_err *err) {
    struct making making = {
        .binder = binder, .scope = scope, .call = call, .generator = find(&call->name), .use = use};
    SL_TRY(make(&making, err));
    SL_TRY(name_columns(&making, err));
    /* *base only now: binding the arguments may have put lateral aliases below the list. */
    struct sl_node *below = *base;
    struct sl_node *node =
        making.list ? generate_over(&making, below) : project_values(&making, below);
    memcpy(node->columns, below->columns, below->column_count * sizeof *node->columns);
    memcpy(node->columns + below->column_count, making.columns,
           making.count * sizeof *node->columns);
    *base = node;
    return SL_OK;
}

/* ---- LATERAL VIEW ---- */

static enum sl_code not_a_generator(const struct sl_uexpr *call, struct sl_err *err) {
    struct sl_str name = call->name.parts[call->name.count - 1];
    size_t rows;
    sl_function_find(name, &rows);
    if (rows)
        return sl_fail_at(err, call->span, "UNSUPPORTED_GENERATOR.NOT_GENERATOR", "42K0E",
                          "the generator is not supported: `%.*s` is expected to be a generator, "
                          "as explode() is one",
                          SL_STR_ARG(name));
    return sl_fail_at(err, call->span, "ROUTINE_NOT_FOUND", "42883",
                      "the routine `%.*s` cannot be found", SL_STR_ARG(name));
}

enum sl_code sl_bind_lateral_view(struct sl_binder *binder, const struct sl_urelation *relation,
                                  struct sl_node **out, struct sl_err *err) {
    const struct sl_uexpr *call = relation->exprs[0];
    SL_TRY(sl_bind_node(binder, relation->input, out, err));
    if (!sl_is_generator(call)) return not_a_generator(call, err);
    struct sl_scope scope = sl_scope_of(binder, *out);
    struct sl_generator_use use = {
        .outer = relation->outer, .names = &relation->column_names, .qualifier = relation->alias};
    return sl_bind_generator(binder, &scope, call, &use, out, err);
}

/* ---- FROM ---- */

/* explode(..) [AS v(x)] as a relation: its call, its alias. */
static bool table_call(const struct sl_urelation *relation, struct sl_uexpr *call,
                       struct sl_generator_use *use) {
    *use = (struct sl_generator_use){.table = true};
    if (relation->kind == SL_R_SUBQUERY_ALIAS) {
        use->names = &relation->column_names;
        use->qualifier = relation->alias;
        relation = relation->input;
    }
    if (relation->kind != SL_R_READ_FUNCTION || relation->streaming) return false;
    *call = (struct sl_uexpr){.kind = SL_U_FUNCTION,
                              .span = relation->span,
                              .name = relation->name,
                              .args = relation->exprs,
                              .arg_count = relation->expr_count};
    return sl_is_generator(call);
}

bool sl_is_generator_table(const struct sl_urelation *relation) {
    struct sl_uexpr call;
    struct sl_generator_use use;
    return table_call(relation, &call, &use);
}

enum sl_code sl_bind_generator_table(struct sl_binder *binder, const struct sl_urelation *relation,
                                     struct sl_node *left, struct sl_node **out,
                                     struct sl_err *err) {
    struct sl_uexpr *call = SL_NEW(binder->arena, struct sl_uexpr);
    struct sl_generator_use use;
    if (!table_call(relation, call, &use)) return sl_fail(err, SL_BUG, "no generator");
    struct sl_scope scope = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    if (left && relation->lateral) scope = sl_scope_of(binder, left);
    *out = left;
    if (!left) {
        *out = sl_node_new(binder->arena, SL_NODE_VALUES, NULL, 0, relation->span);
        (*out)->row_count = 1;
    }
    return sl_bind_generator(binder, &scope, call, &use, out, err);
}
