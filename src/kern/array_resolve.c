/* Types of array functions whose result is more than a signature says. */
#include "kern/cast.h"
#include "kern/resolve.h"

static bool has_map(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_map(type->fields[i].type)) return true;
    return false;
}

/* Arrays whose elements are compared; the result is one of them. */
static enum sl_code array_ordered(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type *first = resolve->targets[0], *element = first->fields[0].type;
    if (has_map(element))
        return sl_resolve_mismatch(resolve, "INVALID_ORDERING_TYPE", err,
                                   "The `%s` does not support ordering on type \"%s\".",
                                   resolve->function->name, sl_type_sql(resolve->arena, element));
    bool nulls = first->fields[0].nullable;
    for (uint32_t i = 1; i < resolve->arg_count; i++)
        if (resolve->targets[i]->kind == SL_ARRAY_KIND)
            nulls |= resolve->targets[i]->fields[0].nullable;
    resolve->result = sl_type_array(resolve->arena, element, nulls);
    return SL_OK;
}

static enum sl_code flatten(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    const struct sl_type *inner = resolve->targets[0]->fields[0].type;
    resolve->result =
        sl_type_array(resolve->arena, inner->fields[0].type, inner->fields[0].nullable);
    return SL_OK;
}

static enum sl_code arrays_zip(struct sl_resolve *resolve, struct sl_err *err) {
    struct sl_field *fields = SL_NEW_ARRAY(resolve->arena, struct sl_field, resolve->arg_count + 1);
    for (uint32_t i = 0; i < resolve->arg_count; i++) {
        const struct sl_type *type = resolve->targets[i];
        if (type->kind == SL_NULL_KIND)
            type = resolve->targets[i] = sl_type_array(resolve->arena, &sl_type_null, true);
        if (type->kind != SL_ARRAY_KIND) return sl_resolve_unexpected(resolve, i, "ARRAY", err);
        struct sl_str name = resolve->args[i].name;
        if (!name.len) name = sl_arena_printf(resolve->arena, "%u", i);
        fields[i] = (struct sl_field){.name = name, .type = type->fields[0].type, .nullable = true};
    }
    if (!resolve->arg_count)
        return sl_fail_at(err, resolve->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                          "the `arrays_zip` requires > 0 parameters but the actual number is 0");
    resolve->result = sl_type_array(
        resolve->arena, sl_type_struct(resolve->arena, fields, resolve->arg_count), false);
    return SL_OK;
}

static enum sl_code map_entries(struct sl_resolve *resolve, struct sl_err *err) {
    (void)err;
    const struct sl_type *map = resolve->targets[0];
    struct sl_field fields[2] = {map->fields[0], map->fields[1]};
    fields[0].name = SL_STR("key");
    fields[1].name = SL_STR("value");
    resolve->result =
        sl_type_array(resolve->arena, sl_type_struct(resolve->arena, fields, 2), false);
    return SL_OK;
}

static enum sl_code map_from_entries(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type *list = resolve->targets[0];
    const struct sl_type *entry = list->kind == SL_ARRAY_KIND ? list->fields[0].type : NULL;
    if (!entry || entry->kind != SL_STRUCT_KIND || entry->field_count != 2)
        return sl_resolve_unexpected(resolve, 0, "ARRAY\" of pair \"STRUCT", err);
    if (has_map(entry->fields[0].type))
        return sl_resolve_mismatch(resolve, "INVALID_MAP_KEY_TYPE", err,
                                   "The key of map cannot be/contain \"%s\".",
                                   sl_type_sql(resolve->arena, entry->fields[0].type));
    resolve->result = sl_type_map(resolve->arena, entry->fields[0].type, entry->fields[1].type,
                                  entry->fields[1].nullable);
    return SL_OK;
}

static enum sl_code wrong_sequence(struct sl_resolve *resolve, struct sl_err *err) {
    return sl_resolve_mismatch(resolve, "SEQUENCE_WRONG_INPUT_TYPES", err,
                               "`sequence` uses the wrong parameter type. The parameter type must "
                               "conform to: 1. The start and stop expressions must resolve to the "
                               "same type. 2. If they are of the \"INTEGRAL\" type, so is the "
                               "step. 3. If they are dates or timestamps, it is an interval.");
}

static enum sl_code sequence(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    const struct sl_type *common =
        sl_type_tightest(resolve->arena, t[0], t[1], sl_resolve_ansi(resolve));
    bool has_step = resolve->arg_count > 2;
    if (common && sl_type_is_integer(common)) {
        if (has_step)
            common = sl_type_tightest(resolve->arena, common, t[2], sl_resolve_ansi(resolve));
        if (!common || !sl_type_is_integer(common)) return wrong_sequence(resolve, err);
        if (has_step) t[2] = common;
    } else if (!common || !sl_type_is_datetime(common) ||
               (has_step && !sl_type_is_interval(t[2]))) {
        return wrong_sequence(resolve, err);
    }
    t[0] = t[1] = common;
    resolve->result = sl_type_array(resolve->arena, common, false);
    return SL_OK;
}

sl_resolve_hook sl_resolve_array_hook(struct sl_str name) {
    static const struct {
        const char *name;
        sl_resolve_hook hook;
    } hooks[] = {{"array_ordered", array_ordered},
                 {"flatten", flatten},
                 {"arrays_zip", arrays_zip},
                 {"map_entries", map_entries},
                 {"map_from_entries", map_from_entries},
                 {"sequence", sequence}};
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (sl_str_eq(name, sl_str(hooks[i].name))) return hooks[i].hook;
    return NULL;
}
