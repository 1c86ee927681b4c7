/* What FROM names: common table expressions, views, tables, paths and table functions. */
#include "plan/bind_int.h"

static struct sl_node *scan_node(struct sl_binder *binder, const struct sl_scan *scan,
                                 struct sl_str qualifier) {
    uint32_t count = scan->schema->field_count;
    struct sl_node *node = sl_node_new(binder->arena, SL_NODE_SCAN, NULL, count, scan->span);
    node->scan = scan;
    node->scan_columns = SL_NEW_ARRAY(binder->arena, uint32_t, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_field *field = &scan->schema->fields[i];
        node->scan_columns[i] = i;
        node->columns[i] = (struct sl_column){.name = field->name,
                                              .type = field->type,
                                              .nullable = field->nullable,
                                              .qualifier = qualifier,
                                              .id = binder->next_id++};
    }
    return node;
}

static void add_table_hint(struct sl_binder *binder, const struct sl_urelation *relation,
                           struct sl_err *err) {
    if (!err || !sl_str_eq(sl_str(err->condition), SL_STR("TABLE_OR_VIEW_NOT_FOUND"))) return;
    if (err->hint[0] || !relation->name.count) return;
    size_t count = 0;
    struct sl_str *names = NULL;
    if (binder->ctx->catalog->names)
        binder->ctx->catalog->names(binder->ctx->catalog->ctx, binder->arena, &names, &count);
    for (const struct sl_cte_frame *cte = binder->ctes; cte; cte = cte->below) {
        names =
            sl_arena_grow(binder->arena, names, count * sizeof *names, (count + 1) * sizeof *names);
        names[count++] = cte->cte->name;
    }
    int best = sl_str_nearest(relation->name.parts[relation->name.count - 1], names, count);
    if (best >= 0) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(names[best]));
}

static enum sl_code bind_scan(struct sl_binder *binder, const struct sl_urelation *relation,
                              const struct sl_properties *options, struct sl_str qualifier,
                              struct sl_node **out, struct sl_err *err) {
    struct sl_scan *scan = SL_NEW(binder->arena, struct sl_scan);
    const struct sl_catalog *catalog = binder->ctx->catalog;
    enum sl_code code = catalog->scan(catalog->ctx, relation, options, scan, err);
    if (code != SL_OK) {
        if (err && err->span.begin == err->span.end) err->span = relation->span;
        add_table_hint(binder, relation, err);
        return code;
    }
    scan->span = relation->span;
    *out = scan_node(binder, scan, qualifier);
    return SL_OK;
}

/* ---- common table expressions ---- */

static const struct sl_cte_frame *find_cte(const struct sl_binder *binder,
                                           const struct sl_name *name) {
    if (name->count != 1) return NULL;
    for (const struct sl_cte_frame *frame = binder->ctes; frame; frame = frame->below)
        if (sl_str_eq_nocase(frame->cte->name, name->parts[0])) return frame;
    return NULL;
}

static void set_qualifier(struct sl_node *node, struct sl_str qualifier) {
    for (uint32_t i = 0; i < node->column_count; i++) node->columns[i].qualifier = qualifier;
}

static enum sl_code bind_cte(struct sl_binder *binder, const struct sl_cte_frame *frame,
                             struct sl_node **out, struct sl_err *err) {
    const struct sl_cte_frame *outer = binder->ctes;
    binder->ctes = frame->below; /* its own name is not visible inside */
    struct sl_urelation named = {.kind = SL_R_SUBQUERY_ALIAS,
                                 .span = frame->cte->span,
                                 .input = frame->cte->relation,
                                 .alias = frame->cte->name,
                                 .column_names = frame->cte->columns};
    enum sl_code code = sl_bind_node(binder, &named, out, err);
    binder->ctes = outer;
    return code;
}

/* VERSION AS OF and TIMESTAMP AS OF are options of a read. */
static enum sl_code refuse_time_travel(const struct sl_urelation *relation, const char *what,
                                       struct sl_err *err) {
    for (uint32_t i = 0; i < relation->options.count; i++) {
        const struct sl_property *option = &relation->options.items[i];
        if (sl_str_eq_nocase(option->key, SL_STR("versionAsOf")) ||
            sl_str_eq_nocase(option->key, SL_STR("timestampAsOf")))
            return sl_fail_at(err, option->key_span, "UNSUPPORTED_FEATURE.TIME_TRAVEL", "0A000",
                              "time travel on %s `%.*s` is not supported: only tables have "
                              "versions",
                              what, SL_STR_ARG(relation->name.parts[relation->name.count - 1]));
    }
    return SL_OK;
}

/* ---- views ---- */

/* "`a` reads `b` reads `a`": the frames run from the innermost view out to the one met again. */
static struct sl_str cycle_text(struct sl_arena *arena, const struct sl_view_frame *frame,
                                const struct sl_view_frame *first) {
    struct sl_str text = sl_arena_printf(arena, "`%.*s`", SL_STR_ARG(first->name));
    for (;; frame = frame->below) {
        text =
            sl_arena_printf(arena, "`%.*s` reads %.*s", SL_STR_ARG(frame->name), SL_STR_ARG(text));
        if (frame == first) return text;
    }
}

static enum sl_code view_cycle(const struct sl_binder *binder, const struct sl_view_frame *first,
                               struct sl_span span, struct sl_err *err) {
    struct sl_str text = cycle_text(binder->arena, binder->views, first);
    return sl_fail_at(err, span, "RECURSIVE_VIEW", "42K0H",
                      "the view `%.*s` is defined by itself: %.*s", SL_STR_ARG(first->name),
                      SL_STR_ARG(text));
}

static enum sl_code check_view_streaming(const struct sl_node *node,
                                         const struct sl_urelation *relation, struct sl_str name,
                                         struct sl_err *err) {
    bool streaming = sl_node_is_streaming(node);
    if (streaming == relation->streaming) return SL_OK;
    enum sl_code code =
        streaming ? sl_fail_at(err, relation->span, "INCOMPATIBLE_STREAMING_VIEW_READ", "42000",
                               "view `%.*s` is a streaming view and must be read as a stream",
                               SL_STR_ARG(name))
                  : sl_fail_at(err, relation->span, "INCOMPATIBLE_BATCH_VIEW_READ", "42000",
                               "view `%.*s` is a batch view and cannot be read as a stream",
                               SL_STR_ARG(name));
    if (err && streaming) sl_hint(err, "write FROM STREAM %.*s", SL_STR_ARG(name));
    if (err && !streaming)
        sl_hint(err, "write FROM %.*s without STREAM, or let the view read a stream",
                SL_STR_ARG(name));
    return code;
}

static enum sl_code bind_view(struct sl_binder *binder, const struct sl_urelation *relation,
                              const struct sl_urelation *definition, struct sl_node **out,
                              struct sl_err *err) {
    struct sl_str name = relation->name.parts[relation->name.count - 1];
    for (const struct sl_view_frame *frame = binder->views; frame; frame = frame->below)
        if (frame->relation == definition) return view_cycle(binder, frame, relation->span, err);
    struct sl_view_frame frame = {definition, name, binder->views};
    const struct sl_cte_frame *outer = binder->ctes;
    binder->views = &frame;
    binder->ctes = NULL; /* a view does not see the names of the query that reads it */
    enum sl_code code = sl_bind_node(binder, definition, out, err);
    binder->views = frame.below;
    binder->ctes = outer;
    if (code != SL_OK) {
        if (err) sl_context(err, "view %.*s", SL_STR_ARG(name));
        return code;
    }
    SL_TRY(check_view_streaming(*out, relation, name, err));
    set_qualifier(*out, name);
    return SL_OK;
}

/* ---- table functions ---- */

static struct sl_str argument_key(struct sl_binder *binder, const struct sl_uexpr *arg,
                                  uint32_t position) {
    if (arg->kind != SL_U_NAMED_ARGUMENT) return sl_arena_printf(binder->arena, "%u", position);
    struct sl_str key = arg->name.parts[0];
    for (uint32_t i = 1; i < arg->name.count; i++)
        key = sl_arena_printf(binder->arena, "%.*s.%.*s", SL_STR_ARG(key),
                              SL_STR_ARG(arg->name.parts[i]));
    return key;
}

/* An option value is a constant; as text it is what CAST(x AS STRING) gives. */
static enum sl_code argument_text(struct sl_binder *binder, const struct sl_uexpr *value,
                                  struct sl_str key, struct sl_str function, struct sl_str *out,
                                  struct sl_err *err) {
    struct sl_scope nothing = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    struct sl_expr *bound = NULL;
    enum sl_code code = sl_bind_uexpr(binder, &nothing, value, &bound, err);
    bool column = code != SL_OK && value->kind == SL_U_ATTRIBUTE;
    if (code != SL_OK && !column) return code;
    if (column || bound->kind != SL_EXPR_LITERAL) {
        code = sl_fail_at(err, value->span, "NON_FOLDABLE_ARGUMENT", "42K08",
                          "the argument `%.*s` of `%.*s` must be a constant", SL_STR_ARG(key),
                          SL_STR_ARG(function));
        if (err && column) sl_hint(err, "put a text between single quotes");
        return code;
    }
    if (sl_vec_is_null(bound->literal, 0))
        return sl_fail_at(err, value->span, "UNEXPECTED_NULL", "42000",
                          "the argument `%.*s` of `%.*s` must not be NULL", SL_STR_ARG(key),
                          SL_STR_ARG(function));
    struct sl_buf text = {0};
    if (sl_type_is_bytes(bound->type))
        sl_buf_put_str(&text, sl_vec_str(bound->literal, 0));
    else
        sl_cast_put_text(&text, bound->literal, 0, binder->ctx->expr.session);
    *out = sl_arena_str(binder->arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return SL_OK;
}

static enum sl_code add_argument(struct sl_binder *binder, const struct sl_urelation *relation,
                                 uint32_t position, struct sl_properties *options,
                                 struct sl_err *err) {
    const struct sl_uexpr *arg = relation->exprs[position];
    bool named = arg->kind == SL_U_NAMED_ARGUMENT;
    const struct sl_uexpr *value = named ? arg->args[0] : arg;
    struct sl_property *option = &options->items[options->count];
    option->key = argument_key(binder, arg, position);
    option->key_span = named ? arg->name.span : arg->span;
    option->value_span = value->span;
    struct sl_str function = relation->name.parts[relation->name.count - 1];
    for (uint32_t i = 0; i < options->count; i++)
        if (sl_str_eq_nocase(options->items[i].key, option->key))
            return sl_fail_at(err, option->key_span, "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT",
                              "4274K", "the argument `%.*s` of `%.*s` is given twice",
                              SL_STR_ARG(option->key), SL_STR_ARG(function));
    SL_TRY(argument_text(binder, value, option->key, function, &option->value, err));
    options->count++;
    return SL_OK;
}

static enum sl_code bind_function(struct sl_binder *binder, const struct sl_urelation *relation,
                                  struct sl_node **out, struct sl_err *err) {
    uint32_t room = relation->expr_count + relation->options.count;
    struct sl_properties options = {SL_NEW_ARRAY(binder->arena, struct sl_property, room + 1), 0};
    for (uint32_t i = 0; i < relation->expr_count; i++)
        SL_TRY(add_argument(binder, relation, i, &options, err));
    for (uint32_t i = 0; i < relation->options.count; i++)
        options.items[options.count++] = relation->options.items[i];
    /* A table function has no name to qualify its columns with. */
    return bind_scan(binder, relation, &options, (struct sl_str){0}, out, err);
}

enum sl_code sl_bind_read(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node **out, struct sl_err *err) {
    if (relation->kind == SL_R_READ_FUNCTION) return bind_function(binder, relation, out, err);
    if (relation->kind == SL_R_READ_PATH)
        return bind_scan(binder, relation, &relation->options, (struct sl_str){0}, out, err);
    const struct sl_cte_frame *cte = find_cte(binder, &relation->name);
    if (cte) {
        if (relation->streaming)
            return sl_bind_refuse(err, relation->span,
                                  "STREAM before the name of a common table expression; write "
                                  "STREAM where the expression reads its source");
        SL_TRY(refuse_time_travel(relation, "the common table expression", err));
        return bind_cte(binder, cte, out, err);
    }
    const struct sl_catalog *catalog = binder->ctx->catalog;
    const struct sl_urelation *view =
        catalog->view ? catalog->view(catalog->ctx, &relation->name) : NULL;
    if (view) {
        SL_TRY(refuse_time_travel(relation, "the view", err));
        return bind_view(binder, relation, view, out, err);
    }
    return bind_scan(binder, relation, &relation->options,
                     relation->name.parts[relation->name.count - 1], out, err);
}
