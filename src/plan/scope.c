#include "plan/scope.h"

#include "base/buf.h"
#include "plan/bind_int.h"

enum { LISTED_MAX = 5 }; /* names listed in a message, as Spark does */

bool sl_scope_name_eq(const struct sl_scope *scope, struct sl_str a, struct sl_str b) {
    return scope->case_sensitive ? sl_str_eq(a, b) : sl_str_eq_nocase(a, b);
}

static bool column_matches(const struct sl_scope *scope, const struct sl_column *column,
                           const struct sl_name *name, uint32_t used) {
    if (used == 1)
        return column->reach != SL_REACH_QUALIFIED &&
               sl_scope_name_eq(scope, column->name, name->parts[0]);
    return column->qualifier.len && sl_scope_name_eq(scope, column->qualifier, name->parts[0]) &&
           sl_scope_name_eq(scope, column->name, name->parts[1]);
}

static enum sl_code ambiguous(const struct sl_scope *scope, const struct sl_name *name,
                              uint32_t used, struct sl_err *err) {
    struct sl_buf list = {0};
    for (uint32_t i = 0; i < scope->column_count; i++) {
        const struct sl_column *column = &scope->columns[i];
        if (!column_matches(scope, column, name, used)) continue;
        if (list.len) sl_buf_put_cstr(&list, ", ");
        if (column->qualifier.len) sl_buf_printf(&list, "`%.*s`.", SL_STR_ARG(column->qualifier));
        sl_buf_printf(&list, "`%.*s`", SL_STR_ARG(column->name));
    }
    struct sl_buf text = {0};
    sl_name_put(&text, name);
    enum sl_code code = sl_fail_at(err, name->span, "AMBIGUOUS_REFERENCE", "42704",
                                   "reference %s is ambiguous, could be: [%s]", sl_buf_cstr(&text),
                                   sl_buf_cstr(&list));
    if (err)
        sl_hint(err, "give the columns different aliases where they are selected, or put the "
                     "table's alias before the name");
    sl_buf_release(&text);
    sl_buf_release(&list);
    return code;
}

static enum sl_code match(const struct sl_scope *scope, const struct sl_name *name, uint32_t used,
                          struct sl_resolved *out, struct sl_err *err) {
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (!column_matches(scope, &scope->columns[i], name, used)) continue;
        if (!out->found) {
            *out = (struct sl_resolved){true, i, used};
        } else if (scope->columns[i].id != scope->columns[out->column].id) {
            return ambiguous(scope, name, used, err);
        }
    }
    return SL_OK;
}

enum sl_code sl_scope_resolve(const struct sl_scope *scope, const struct sl_name *name,
                              struct sl_resolved *out, struct sl_err *err) {
    *out = (struct sl_resolved){0};
    if (name->count > 1) SL_TRY(match(scope, name, 2, out, err));
    if (!out->found && name->count > 0) SL_TRY(match(scope, name, 1, out, err));
    return SL_OK;
}

/* ---- suggestions ---- */

/* One thing that could have been meant: a column, or a field one step inside a struct column. */
struct candidate {
    struct sl_str text; /* `o.amount` */
    struct sl_str last; /* `amount` */
    const struct sl_type *type;
};
struct candidates {
    struct candidate *items;
    size_t count;
};

static void add_column(struct candidates *out, struct sl_arena *arena,
                       const struct sl_column *column, bool qualified) {
    struct sl_str text = column->name;
    if (qualified && column->qualifier.len)
        text = sl_arena_printf(arena, "%.*s.%.*s", SL_STR_ARG(column->qualifier),
                               SL_STR_ARG(column->name));
    out->items[out->count++] = (struct candidate){text, column->name, column->type};
}

static struct candidates all_candidates(const struct sl_scope *scope, struct sl_arena *arena,
                                        bool qualified) {
    size_t count = scope->column_count;
    for (uint32_t i = 0; i < scope->column_count; i++)
        if (scope->columns[i].type->kind == SL_STRUCT_KIND)
            count += scope->columns[i].type->field_count;
    struct candidates out = {SL_NEW_ARRAY(arena, struct candidate, count + 1), 0};
    for (uint32_t i = 0; i < scope->column_count; i++)
        add_column(&out, arena, &scope->columns[i], qualified);
    for (uint32_t i = 0; i < scope->column_count; i++) {
        const struct sl_column *column = &scope->columns[i];
        if (column->type->kind != SL_STRUCT_KIND) continue;
        for (uint32_t f = 0; f < column->type->field_count; f++) {
            const struct sl_field *field = &column->type->fields[f];
            struct sl_str text = sl_arena_printf(arena, "%.*s.%.*s", SL_STR_ARG(column->name),
                                                 SL_STR_ARG(field->name));
            out.items[out.count++] = (struct candidate){text, field->name, field->type};
        }
    }
    return out;
}

static int nearest(const struct candidates *candidates, struct sl_arena *arena,
                   struct sl_str wanted) {
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, candidates->count + 1);
    for (size_t i = 0; i < candidates->count; i++) {
        names[i] = candidates->items[i].last;
        if (sl_str_eq_nocase(names[i], wanted)) return (int)i;
    }
    return sl_str_nearest(wanted, names, candidates->count);
}

static void hint_candidate(struct sl_err *err, struct sl_arena *arena,
                           const struct candidate *candidate) {
    sl_hint(err, "did you mean `%.*s` (%s)?", SL_STR_ARG(candidate->text),
            sl_type_sql(arena, candidate->type));
}

static void hint_list(struct sl_err *err, struct sl_arena *arena,
                      const struct candidates *candidates, size_t count, const char *what) {
    struct sl_buf list = {0};
    for (size_t i = 0; i < count && i < LISTED_MAX; i++)
        sl_buf_printf(&list, "%s`%.*s` (%s)", i ? ", " : "", SL_STR_ARG(candidates->items[i].text),
                      sl_type_sql(arena, candidates->items[i].type));
    if (count > LISTED_MAX) sl_buf_printf(&list, " and %zu more", count - LISTED_MAX);
    sl_hint(err, "%s: %s", what, sl_buf_cstr(&list));
    sl_buf_release(&list);
}

enum sl_code sl_scope_unresolved(const struct sl_scope *scope, struct sl_arena *arena,
                                 const struct sl_name *name, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_name_put(&text, name);
    bool any = scope->column_count > 0;
    enum sl_code code = sl_fail_at(
        err, name->span,
        any ? "UNRESOLVED_COLUMN.WITH_SUGGESTION" : "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
        "a column, variable, or function parameter with name %s cannot be resolved",
        sl_buf_cstr(&text));
    sl_buf_release(&text);
    if (!err || !any || !name->count) return code;
    struct candidates candidates = all_candidates(scope, arena, name->count > 1);
    int best = nearest(&candidates, arena, name->parts[name->count - 1]);
    if (best >= 0)
        hint_candidate(err, arena, &candidates.items[best]);
    else
        hint_list(err, arena, &candidates, scope->column_count, "the columns here are");
    return code;
}

enum sl_code sl_scope_field_missing(struct sl_arena *arena, const struct sl_type *type,
                                    struct sl_str base, struct sl_str field, struct sl_span span,
                                    struct sl_err *err) {
    struct candidates candidates = {SL_NEW_ARRAY(arena, struct candidate, type->field_count + 1),
                                    type->field_count};
    struct sl_buf list = {0};
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct sl_str name = type->fields[i].name;
        struct sl_str text =
            base.len ? sl_arena_printf(arena, "%.*s.%.*s", SL_STR_ARG(base), SL_STR_ARG(name))
                     : name;
        candidates.items[i] = (struct candidate){text, name, type->fields[i].type};
        sl_buf_printf(&list, "%s`%.*s`", i ? ", " : "", SL_STR_ARG(name));
    }
    enum sl_code code =
        sl_fail_at(err, span, "FIELD_NOT_FOUND", "42704", "no such struct field `%.*s` in %s",
                   SL_STR_ARG(field), sl_buf_cstr(&list));
    sl_buf_release(&list);
    int best = nearest(&candidates, arena, field);
    if (err && best >= 0) hint_candidate(err, arena, &candidates.items[best]);
    return code;
}
