#include "run/declared.h"

struct declared {
    struct sl_expr_ctx *ctx;
    const struct sl_statement *target;
    const struct sl_type *query; /* what the query makes */
    struct sl_field *fields;     /* of the table */
    uint32_t *from;              /* column of the query that each is */
    struct sl_err *err;
};

static struct sl_str table_name(const struct sl_statement *target) {
    return target->name.parts[target->name.count - 1];
}

/* ---- types ---- */

static bool may_store(const struct sl_type *from, const struct sl_type *to) {
    if (from->kind == SL_NULL_KIND || (!sl_type_is_nested(to) && sl_type_equal(from, to)))
        return true;
    if (sl_type_is_numeric(from) && sl_type_is_numeric(to)) return true;
    if (sl_type_is_datetime(from) && sl_type_is_datetime(to)) return true;
    if (to->kind == SL_STRING_KIND) return !sl_type_is_nested(from);
    if (from->kind != to->kind || !sl_type_is_nested(to)) return false;
    if (from->field_count != to->field_count) return false;
    for (uint32_t i = 0; i < to->field_count; i++) {
        const struct sl_field *a = &from->fields[i], *b = &to->fields[i];
        if (a->nullable && !b->nullable) return false;
        if (!sl_str_eq_nocase(a->name, b->name) || !may_store(a->type, b->type)) return false;
    }
    return true;
}

/* A length would be a promise that no type here keeps. */
static bool has_length(struct sl_str text) {
    for (size_t at = 0; at + 4 <= text.len; at++) {
        size_t end = at + 4;
        if (!sl_str_eq_nocase(sl_str_sub(text, at, end), SL_STR("char"))) continue;
        if (sl_str_starts_nocase(sl_str_sub(text, end, text.len), SL_STR("acter"))) end += 5;
        while (end < text.len && text.ptr[end] == ' ') end++;
        if (end < text.len && text.ptr[end] == '(') return true;
    }
    return false;
}

static enum sl_code parse_type(const struct declared *self, const struct sl_column_def *column,
                               const struct sl_type **out) {
    if (has_length(column->type_text)) {
        sl_fail_at(self->err, column->type_span, "UNSUPPORTED_FEATURE", "0A000",
                   "column `%.*s` is declared with a length (%.*s), which is not supported",
                   SL_STR_ARG(column->name), SL_STR_ARG(column->type_text));
        return sl_hint(self->err,
                       "declare it STRING, and add CONSTRAINT .. EXPECT "
                       "(char_length(%.*s) <= ..) ON VIOLATION FAIL UPDATE",
                       SL_STR_ARG(column->name)),
               SL_USER;
    }
    enum sl_code code = sl_type_parse(self->ctx->query, column->type_text, out, self->err);
    if (code != SL_OK && self->err) self->err->span = column->type_span;
    return code;
}

static enum sl_code refuse_type(const struct declared *self, const struct sl_column_def *column,
                                const struct sl_type *from, const struct sl_type *to) {
    sl_fail_at(self->err, column->type_span, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST",
               "KD000",
               "Cannot write incompatible data for the table `%.*s`: Cannot safely cast `%.*s` "
               "\"%s\" to \"%s\"",
               SL_STR_ARG(table_name(self->target)), SL_STR_ARG(column->name),
               sl_type_sql(self->ctx->query, from), sl_type_sql(self->ctx->query, to));
    return sl_hint(self->err, "declare the query's type, or CAST in the query"), SL_USER;
}

/* ---- columns ---- */

static enum sl_code refuse_missing(const struct declared *self, const struct sl_column_def *column,
                                   int found) {
    struct sl_arena *arena = self->ctx->query;
    const struct sl_type *query = self->query;
    if (found == -2)
        return sl_fail_at(self->err, column->span, "AMBIGUOUS_COLUMN_NAME", "42702",
                          "the query has several columns `%.*s`", SL_STR_ARG(column->name));
    sl_fail_at(self->err, column->span, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA", "KD000",
               "Cannot write incompatible data for the table `%.*s`: Cannot find data for the "
               "output column `%.*s`",
               SL_STR_ARG(table_name(self->target)), SL_STR_ARG(column->name));
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, query->field_count + 1);
    for (uint32_t i = 0; i < query->field_count; i++) names[i] = query->fields[i].name;
    int nearest = sl_str_nearest(column->name, names, query->field_count);
    if (nearest >= 0)
        sl_hint(self->err, "the query has a column `%.*s`", SL_STR_ARG(names[nearest]));
    return SL_USER;
}

static enum sl_code declare(struct declared *self, uint32_t at) {
    const struct sl_column_def *column = &self->target->columns[at];
    for (uint32_t i = 0; i < at; i++)
        if (sl_str_eq_nocase(column->name, self->target->columns[i].name))
            return sl_fail_at(self->err, column->span, "COLUMN_ALREADY_EXISTS", "42711",
                              "the column `%.*s` already exists", SL_STR_ARG(column->name));
    int found = sl_type_find_field(self->query, column->name);
    if (found < 0) return refuse_missing(self, column, found);
    const struct sl_field *from = &self->query->fields[found];
    const struct sl_type *type = from->type;
    if (column->type_text.len) SL_TRY(parse_type(self, column, &type));
    if (!may_store(from->type, type)) return refuse_type(self, column, from->type, type);
    self->from[at] = (uint32_t)found;
    self->fields[at] = *from;
    self->fields[at].name = column->name;
    self->fields[at].type = type;
    if (column->comment.len) self->fields[at].comment = column->comment;
    return SL_OK;
}

static enum sl_code refuse_extra(const struct declared *self) {
    struct sl_buf names = {0};
    for (uint32_t i = 0; i < self->query->field_count; i++) {
        bool used = false;
        for (uint32_t c = 0; c < self->target->column_count; c++) used |= self->from[c] == i;
        if (!used)
            sl_buf_printf(&names, "%s`%.*s`", names.len ? ", " : "",
                          SL_STR_ARG(self->query->fields[i].name));
    }
    if (!names.len) return SL_OK;
    sl_fail_at(self->err, self->target->columns[0].span,
               "INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS", "KD000",
               "Cannot write incompatible data for the table `%.*s`: Cannot write extra columns %s",
               SL_STR_ARG(table_name(self->target)), sl_buf_cstr(&names));
    sl_hint(self->err, "declare them, or leave them out of the query");
    sl_buf_release(&names);
    return SL_USER;
}

/* ---- the projection ---- */

static bool is_as_declared(const struct declared *self) {
    bool same = self->query->field_count == self->target->column_count;
    for (uint32_t i = 0; i < self->target->column_count && same; i++)
        same = self->from[i] == i && sl_str_eq(self->fields[i].name, self->query->fields[i].name) &&
               sl_type_equal(self->fields[i].type, self->query->fields[i].type);
    return same;
}

static enum sl_code project(const struct declared *self, struct sl_node **plan) {
    struct sl_arena *arena = self->ctx->query;
    uint32_t count = self->target->column_count;
    struct sl_expr **exprs = SL_NEW_ARRAY(arena, struct sl_expr *, count + 1);
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_field *from = &self->query->fields[self->from[i]], *to = &self->fields[i];
        exprs[i] = sl_expr_column(self->ctx, self->from[i], from->type, from->nullable);
        exprs[i]->name = from->name;
        exprs[i]->span = self->target->columns[i].span;
        if (!sl_type_equal(from->type, to->type))
            SL_TRY(sl_expr_cast(self->ctx, exprs[i], to->type, SL_CAST_ANSI,
                                self->target->columns[i].type_span, &exprs[i], self->err));
        columns[i] = (struct sl_column){
            .name = to->name, .type = to->type, .nullable = exprs[i]->nullable, .id = i + 1};
        self->fields[i].nullable = exprs[i]->nullable;
    }
    *plan = sl_node_project(arena, *plan, exprs, columns, count, self->target->span);
    return SL_OK;
}

enum sl_code sl_declared_apply(struct sl_expr_ctx *ctx, const struct sl_statement *target,
                               struct sl_node **plan, const struct sl_type **schema,
                               struct sl_err *err) {
    uint32_t count = target ? target->column_count : 0;
    if (!count) return SL_OK;
    struct declared self = {.ctx = ctx, .target = target, .query = *schema, .err = err};
    self.fields = SL_NEW_ARRAY(ctx->query, struct sl_field, count);
    self.from = SL_NEW_ARRAY(ctx->query, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) SL_TRY(declare(&self, i));
    SL_TRY(refuse_extra(&self));
    if (!is_as_declared(&self)) SL_TRY(project(&self, plan));
    *schema = sl_type_struct(ctx->query, self.fields, count);
    return SL_OK;
}

/* ---- NOT NULL ---- */

static struct sl_str not_null_text(struct sl_arena *arena, struct sl_str name) {
    struct sl_buf text = {0};
    sl_buf_put_byte(&text, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') sl_buf_put_byte(&text, '`');
        sl_buf_put_byte(&text, name.ptr[i]);
    }
    sl_buf_put_cstr(&text, "` IS NOT NULL");
    struct sl_str out = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return out;
}

static bool has_text(const struct sl_sink_constraint *items, uint32_t count, struct sl_str text) {
    for (uint32_t i = 0; i < count; i++)
        if (sl_str_eq(items[i].text, text)) return true;
    return false;
}

void sl_declared_not_null(struct sl_arena *arena, const struct sl_statement *target,
                          const struct sl_type *schema, const struct sl_sink_constraint **demanded,
                          uint32_t *count) {
    const bool *flags = sl_declared_flags(arena, target, schema);
    if (!flags) return;
    struct sl_sink_constraint *items =
        SL_NEW_ARRAY(arena, struct sl_sink_constraint, schema->field_count + *count);
    uint32_t total = 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct sl_field *field = &schema->fields[i];
        struct sl_str text = not_null_text(arena, field->name);
        if (!flags[i] || !field->nullable || has_text(*demanded, *count, text)) continue;
        items[total++] = (struct sl_sink_constraint){
            sl_arena_printf(arena, "NOT NULL %.*s", SL_STR_ARG(field->name)), text};
    }
    for (uint32_t i = 0; i < *count; i++) items[total++] = (*demanded)[i];
    *demanded = items;
    *count = total;
}

const bool *sl_declared_flags(struct sl_arena *arena, const struct sl_statement *target,
                              const struct sl_type *schema) {
    bool *flags = NULL;
    for (uint32_t i = 0; target && i < target->column_count; i++) {
        int at = sl_type_find_field(schema, target->columns[i].name);
        if (!target->columns[i].not_null || at < 0) continue;
        if (!flags) flags = SL_NEW_ARRAY(arena, bool, schema->field_count);
        flags[at] = true;
    }
    return flags;
}
