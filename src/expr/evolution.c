#include "expr/evolution.h"

#include <string.h>

/* ---- paths ---- */

/* The first name of a path, without its backquotes; *rest: what follows its dot. */
static struct sl_str first_name(struct sl_arena *arena, struct sl_str path, struct sl_str *rest,
                                bool *last) {
    char *name = sl_arena_alloc(arena, path.len + 1);
    size_t len = 0, at = 0;
    bool quoted = path.len && path.ptr[0] == '`';
    for (at = quoted; at < path.len; at++) {
        if (quoted && path.ptr[at] == '`') {
            at++;
            if (at == path.len || path.ptr[at] != '`') break;
        } else if (!quoted && path.ptr[at] == '.') {
            break;
        }
        name[len++] = path.ptr[at];
    }
    *last = at >= path.len;
    *rest = *last ? (struct sl_str){0} : sl_str_sub(path, at + 1, path.len);
    return (struct sl_str){name, len};
}

struct sl_str sl_path_last_name(struct sl_arena *arena, struct sl_str path) {
    bool last = false;
    struct sl_str name = path;
    while (!last) name = first_name(arena, path, &path, &last);
    return name;
}

static int find_exact(const struct sl_type *type, struct sl_str name) {
    for (uint32_t i = 0; i < type->field_count; i++)
        if (sl_str_eq(type->fields[i].name, name)) return (int)i;
    return -1;
}

/* Which part of the type a name of a path leads to: -1 for none. */
static int step_into(const struct sl_type *type, struct sl_str name) {
    if (type->kind == SL_STRUCT_KIND) return find_exact(type, name);
    if (type->kind == SL_ARRAY_KIND) return sl_str_eq(name, SL_STR("element")) ? 0 : -1;
    return type->kind == SL_MAP_KIND && sl_str_eq(name, SL_STR("value")) ? 1 : -1;
}

static const struct sl_type *with_fields(struct sl_arena *arena, const struct sl_type *type,
                                         struct sl_field *fields, uint32_t count) {
    if (type->kind == SL_STRUCT_KIND) return sl_type_struct(arena, fields, count);
    if (type->kind == SL_ARRAY_KIND)
        return sl_type_array(arena, fields[0].type, fields[0].nullable);
    return sl_type_map(arena, fields[0].type, fields[1].type, fields[1].nullable);
}

bool sl_type_add_field(struct sl_arena *arena, const struct sl_type *type, struct sl_str path,
                       const struct sl_type *field, const struct sl_type **out) {
    struct sl_str rest;
    bool last;
    struct sl_str name = first_name(arena, path, &rest, &last);
    uint32_t count = type->field_count;
    int at = -1;
    if (last) {
        if (type->kind != SL_STRUCT_KIND || sl_type_find_field(type, name) != -1) return false;
    } else if ((at = step_into(type, name)) < 0) {
        return false;
    }
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, count + (size_t)1);
    for (uint32_t i = 0; i < count; i++) fields[i] = type->fields[i];
    if (last)
        fields[count++] = (struct sl_field){.name = name, .type = field, .nullable = true};
    else if (!sl_type_add_field(arena, type->fields[at].type, rest, field, &fields[at].type))
        return false;
    *out = with_fields(arena, type, fields, count);
    return true;
}

uint32_t sl_type_count_fields(const struct sl_type *type) {
    uint32_t count = type->kind == SL_STRUCT_KIND ? type->field_count : 0;
    for (uint32_t i = 0; i < type->field_count; i++)
        count += sl_type_count_fields(type->fields[i].type);
    return count;
}

/* ---- the list ---- */

uint32_t sl_evolution_site(struct sl_evolution *evolution, struct sl_str text) {
    for (uint32_t i = 0; i < evolution->site_count; i++)
        if (sl_str_eq(evolution->sites[i], text)) return i;
    if (evolution->site_count == evolution->site_cap) {
        uint32_t more = evolution->site_cap ? evolution->site_cap * 2 : 4;
        evolution->sites = sl_arena_grow(evolution->arena, evolution->sites,
                                         evolution->site_count * sizeof *evolution->sites,
                                         more * sizeof *evolution->sites);
        evolution->site_cap = more;
    }
    evolution->sites[evolution->site_count] = sl_arena_str(evolution->arena, text);
    return evolution->site_count++;
}

static const struct sl_type *copy_type(struct sl_arena *arena, const struct sl_type *type) {
    if (type->field_count == 0 && type->kind != SL_STRUCT_KIND)
        return type->kind == SL_DECIMAL_KIND ? sl_type_decimal(arena, type->precision, type->scale)
                                             : sl_type_simple(type->kind);
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + (size_t)1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = (struct sl_field){.name = sl_arena_str(arena, type->fields[i].name),
                                      .type = copy_type(arena, type->fields[i].type),
                                      .nullable = type->fields[i].nullable};
    }
    return with_fields(arena, type, fields, type->field_count);
}

void sl_evolution_add(struct sl_evolution *evolution, uint32_t site, struct sl_str path,
                      const struct sl_type *type) {
    struct sl_arena *arena = evolution->arena;
    if (evolution->field_count == evolution->field_cap) {
        uint32_t more = evolution->field_cap ? evolution->field_cap * 2 : 8;
        evolution->fields = sl_arena_grow(arena, evolution->fields,
                                          evolution->field_count * sizeof *evolution->fields,
                                          more * sizeof *evolution->fields);
        evolution->field_cap = more;
    }
    evolution->fields[evolution->field_count++] =
        (struct sl_evolved_field){site, sl_arena_str(arena, path), copy_type(arena, type)};
}

const struct sl_type *sl_evolution_apply(const struct sl_evolution *evolution, uint32_t site,
                                         struct sl_arena *arena, const struct sl_type *declared) {
    for (uint32_t i = 0; i < evolution->field_count; i++) {
        const struct sl_evolved_field *field = &evolution->fields[i];
        const struct sl_type *more;
        if (field->site == site &&
            sl_type_add_field(arena, declared, field->path, field->type, &more))
            declared = more;
    }
    return declared;
}
