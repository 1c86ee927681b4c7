/* SchemaElement tree to nodes and Spark types: Spark's ParquetToSparkSchemaConverter, with the
 * format's backward compatibility rules for lists and maps.
 *
 * Where Spark refuses a column that has a plain meaning it is read: TIMESTAMP(NANOS) as
 * microseconds rounded down, TIME as the stored integer, FLOAT16 as float, UUID and INTERVAL as
 * binary. */
#include "fmt/parquet/parquet_schema.h"

enum { REQUIRED, OPTIONAL, REPEATED };
enum { DEPTH_MAX = 64 };

struct builder {
    struct sl_arena *arena;
    const struct sl_parquet_element *elements;
    size_t count, next; /* next: the element to build */
    struct sl_parquet_leaf *leaves;
    uint32_t leaf_count;
    struct sl_buf path;
    int depth;
    struct sl_err *err;
};

/* Levels in force around a field. */
struct context {
    uint8_t def, rep;           /* so far */
    uint8_t list_def, list_rep; /* of the innermost list */
};

static enum sl_code bad(struct builder *b, const char *why) {
    return sl_fail(b->err, SL_DATA, "the Parquet schema is broken at `%.*s`: %s",
                   SL_STR_ARG(sl_buf_str(&b->path)), why);
}

static enum sl_code build_value(struct builder *b, struct context context,
                                struct sl_parquet_node *node);

/* The element to build next; the caller has checked that there is one. */
static const struct sl_parquet_element *peek(const struct builder *b) {
    return b->next < b->count ? &b->elements[b->next] : NULL;
}

/* Returns the length to restore. */
static size_t push_path(struct builder *b, struct sl_str name) {
    size_t len = b->path.len;
    if (len) sl_buf_put_byte(&b->path, '.');
    sl_buf_put_str(&b->path, name);
    return len;
}

/* ---- leaves ---- */

static const struct sl_type *set(struct sl_parquet_leaf *leaf, const struct sl_type *type,
                                 enum sl_parquet_conversion conversion) {
    leaf->conversion = conversion;
    return type;
}

static const struct sl_type *decimal_type(struct builder *b, const struct sl_parquet_element *e,
                                          struct sl_parquet_leaf *leaf) {
    if (e->precision < 1 || e->precision > 38 || e->scale < 0 || e->scale > e->precision)
        return NULL;
    bool wide = e->precision > 18;
    const struct sl_type *type = sl_type_decimal(b->arena, e->precision, e->scale);
    switch (leaf->physical) {
    case SL_PARQUET_INT32:
        return set(leaf, type, wide ? SL_CONVERT_INT_TO_WIDE : SL_CONVERT_INT_TO_LONG);
    case SL_PARQUET_INT64:
        return set(leaf, type, wide ? SL_CONVERT_LONG_TO_WIDE : SL_CONVERT_COPY_8);
    case SL_PARQUET_BYTE_ARRAY:
    case SL_PARQUET_FIXED:
        return set(leaf, type, SL_CONVERT_DECIMAL);
    default:
        return NULL;
    }
}

static const struct sl_type *int32_type(const struct sl_parquet_element *e,
                                        struct sl_parquet_leaf *leaf) {
    if (e->logical == SL_LOGICAL_DATE) return set(leaf, &sl_type_date, SL_CONVERT_COPY_4);
    if (e->logical != SL_LOGICAL_INTEGER || (e->bit_width == 32 && e->is_signed))
        return set(leaf, &sl_type_int, SL_CONVERT_COPY_4);
    leaf->is_unsigned = !e->is_signed;
    switch (e->bit_width) {
    case 8:
        return e->is_signed ? set(leaf, &sl_type_byte, SL_CONVERT_INT_TO_BYTE)
                            : set(leaf, &sl_type_short, SL_CONVERT_UBYTE_TO_SHORT);
    case 16:
        return e->is_signed ? set(leaf, &sl_type_short, SL_CONVERT_INT_TO_SHORT)
                            : set(leaf, &sl_type_int, SL_CONVERT_USHORT_TO_INT);
    case 32:
        return set(leaf, &sl_type_long, SL_CONVERT_UINT_TO_LONG);
    default:
        return NULL;
    }
}

static const struct sl_type *int64_type(struct builder *b, const struct sl_parquet_element *e,
                                        struct sl_parquet_leaf *leaf) {
    if (e->logical == SL_LOGICAL_INTEGER && !e->is_signed) {
        leaf->is_unsigned = true;
        return set(leaf, sl_type_decimal(b->arena, 20, 0), SL_CONVERT_ULONG_TO_DECIMAL);
    }
    if (e->logical != SL_LOGICAL_TIMESTAMP) return set(leaf, &sl_type_long, SL_CONVERT_COPY_8);
    const struct sl_type *type = e->utc ? &sl_type_timestamp : &sl_type_timestamp_ntz;
    if (e->unit == SL_UNIT_MILLIS) return set(leaf, type, SL_CONVERT_MILLIS_TO_MICROS);
    if (e->unit == SL_UNIT_NANOS) return set(leaf, type, SL_CONVERT_NANOS_TO_MICROS);
    return set(leaf, type, SL_CONVERT_COPY_8);
}

static const struct sl_type *bytes_type(const struct sl_parquet_element *e,
                                        struct sl_parquet_leaf *leaf) {
    bool text = e->logical == SL_LOGICAL_STRING || e->logical == SL_LOGICAL_ENUM ||
                e->logical == SL_LOGICAL_JSON;
    leaf->is_interval = e->logical == SL_LOGICAL_INTERVAL;
    return set(leaf, text ? &sl_type_string : &sl_type_binary, SL_CONVERT_BYTES);
}

/* NULL when the annotation does not fit the physical type. */
static const struct sl_type *leaf_type(struct builder *b, const struct sl_parquet_element *e,
                                       struct sl_parquet_leaf *leaf) {
    static const uint8_t widths[] = {0, 4, 8, 12, 4, 8, 0, 0};
    leaf->type_length = widths[leaf->physical];
    if (leaf->physical == SL_PARQUET_FIXED) {
        if (e->type_length <= 0) return NULL;
        leaf->type_length = (uint32_t)e->type_length;
    }
    if (e->logical == SL_LOGICAL_UNKNOWN) return set(leaf, &sl_type_null, SL_CONVERT_NULL);
    if (e->logical == SL_LOGICAL_DECIMAL) return decimal_type(b, e, leaf);
    switch (leaf->physical) {
    case SL_PARQUET_BOOLEAN:
        return set(leaf, &sl_type_bool, SL_CONVERT_BOOL);
    case SL_PARQUET_INT32:
        return int32_type(e, leaf);
    case SL_PARQUET_INT64:
        return int64_type(b, e, leaf);
    case SL_PARQUET_INT96:
        return set(leaf, &sl_type_timestamp, SL_CONVERT_INT96);
    case SL_PARQUET_FLOAT:
        return set(leaf, &sl_type_float, SL_CONVERT_COPY_4);
    case SL_PARQUET_DOUBLE:
        return set(leaf, &sl_type_double, SL_CONVERT_COPY_8);
    case SL_PARQUET_FIXED:
        if (e->logical == SL_LOGICAL_FLOAT16 && leaf->type_length == 2)
            return set(leaf, &sl_type_float, SL_CONVERT_HALF);
        return bytes_type(e, leaf);
    default:
        return bytes_type(e, leaf);
    }
}

static enum sl_code build_leaf(struct builder *b, const struct sl_parquet_element *e,
                               struct context context, struct sl_parquet_node *node) {
    struct sl_parquet_leaf *leaf = &b->leaves[b->leaf_count++];
    *leaf = (struct sl_parquet_leaf){.path = sl_arena_str(b->arena, sl_buf_str(&b->path)),
                                     .physical = (enum sl_parquet_physical)e->physical,
                                     .max_def = context.def,
                                     .max_rep = context.rep};
    node->leaf = leaf;
    node->type = leaf_type(b, e, leaf);
    return node->type ? SL_OK : bad(b, "its annotation does not fit its physical type");
}

/* ---- groups ---- */

static void add_level(struct context *context, int32_t repetition) {
    if (repetition != REQUIRED) context->def++;
    if (repetition != REPEATED) return;
    context->rep++;
    context->list_def = context->def;
    context->list_rep = context->rep;
}

/* Reads the element's own repetition, then its value; a bare repeated field is a list. */
static enum sl_code build_field(struct builder *b, struct context context,
                                struct sl_parquet_node *node, struct sl_str *name) {
    const struct sl_parquet_element *e = peek(b);
    if (!e) return bad(b, "fields are missing");
    *name = e->name;
    if (e->repetition < REQUIRED || e->repetition > REPEATED)
        return bad(b, "a field has no repetition");
    struct context inner = context;
    add_level(&inner, e->repetition);
    if (e->repetition != REPEATED) return build_value(b, inner, node);
    *node = (struct sl_parquet_node){.max_def = context.def,
                                     .list_def = context.list_def,
                                     .list_rep = context.list_rep,
                                     .item_def = inner.def,
                                     .item_rep = inner.rep,
                                     .first_leaf = b->leaf_count};
    node->children = SL_NEW_ARRAY(b->arena, struct sl_parquet_node, 1);
    SL_TRY(build_value(b, inner, &node->children[0]));
    node->leaf_count = b->leaf_count - node->first_leaf;
    node->type = sl_type_array(b->arena, node->children[0].type, true);
    return SL_OK;
}

static enum sl_code build_struct(struct builder *b, const struct sl_parquet_element *e,
                                 struct context context, struct sl_parquet_node *node) {
    size_t count = (size_t)e->child_count;
    struct sl_field *fields = SL_NEW_ARRAY(b->arena, struct sl_field, count);
    node->children = SL_NEW_ARRAY(b->arena, struct sl_parquet_node, count);
    for (size_t i = 0; i < count; i++) {
        fields[i] =
            (struct sl_field){.nullable = true, .comment = SL_STR(""), .metadata = SL_STR("")};
        SL_TRY(build_field(b, context, &node->children[i], &fields[i].name));
        fields[i].type = node->children[i].type;
    }
    node->type = sl_type_struct(b->arena, fields, count);
    return SL_OK;
}

/* Is the repeated field X of a LIST the element itself, not a wrapper around it? */
static bool is_element(const struct builder *b, const struct sl_parquet_element *list) {
    const struct sl_parquet_element *x = peek(b);
    if (x->physical >= 0 || x->child_count != 1) return true;
    if (b->next + 1 < b->count && b->elements[b->next + 1].repetition == REPEATED) return true;
    if (sl_str_eq(x->name, SL_STR("array"))) return true;
    return x->name.len == list->name.len + 6 && sl_str_starts(x->name, list->name) &&
           sl_str_ends(x->name, SL_STR("_tuple"));
}

static enum sl_code build_list(struct builder *b, const struct sl_parquet_element *list,
                               struct context context, struct sl_parquet_node *node) {
    const struct sl_parquet_element *x = peek(b);
    struct sl_str name;
    if (!x || x->repetition != REPEATED) return bad(b, "a LIST has no repeated field");
    add_level(&context, REPEATED);
    node->item_def = context.def;
    node->item_rep = context.rep;
    node->children = SL_NEW_ARRAY(b->arena, struct sl_parquet_node, 1);
    if (is_element(b, list)) {
        SL_TRY(build_value(b, context, &node->children[0]));
    } else {
        size_t path_len = push_path(b, x->name);
        b->next++;
        SL_TRY(build_field(b, context, &node->children[0], &name));
        b->path.len = path_len;
    }
    node->type = sl_type_array(b->arena, node->children[0].type, true);
    return SL_OK;
}

/* A MAP whose entries have a key only is read as the list of its keys, as Arrow does. */
static enum sl_code build_map(struct builder *b, struct context context,
                              struct sl_parquet_node *node) {
    const struct sl_parquet_element *entry = peek(b);
    if (!entry || entry->repetition != REPEATED || entry->physical >= 0 || entry->child_count < 1 ||
        entry->child_count > 2)
        return bad(b, "a MAP has no repeated group of key and value");
    add_level(&context, REPEATED);
    node->item_def = context.def;
    node->item_rep = context.rep;
    b->next++;
    size_t count = (size_t)entry->child_count, path_len = push_path(b, entry->name);
    struct sl_str name;
    node->children = SL_NEW_ARRAY(b->arena, struct sl_parquet_node, count);
    for (size_t i = 0; i < count; i++) SL_TRY(build_field(b, context, &node->children[i], &name));
    b->path.len = path_len;
    const struct sl_parquet_node *items = node->children;
    node->type = count == 1 ? sl_type_array(b->arena, items[0].type, true)
                            : sl_type_map(b->arena, items[0].type, items[1].type, true);
    return SL_OK;
}

static enum sl_code build_group(struct builder *b, const struct sl_parquet_element *e,
                                struct context context, struct sl_parquet_node *node) {
    if (e->child_count < 1 || (size_t)e->child_count > b->count - b->next)
        return bad(b, "a group has no fields, or more than the schema");
    if (e->child_count == 1 && e->logical == SL_LOGICAL_LIST)
        return build_list(b, e, context, node);
    if (e->child_count == 1 && e->logical == SL_LOGICAL_MAP) return build_map(b, context, node);
    return build_struct(b, e, context, node);
}

/* The value of the next element; its own repetition is already in the context. */
static enum sl_code build_value(struct builder *b, struct context context,
                                struct sl_parquet_node *node) {
    const struct sl_parquet_element *e = peek(b);
    if (!e) return bad(b, "fields are missing");
    if (b->depth == DEPTH_MAX) return bad(b, "groups are nested too deeply");
    size_t path_len = push_path(b, e->name);
    b->next++;
    b->depth++;
    *node = (struct sl_parquet_node){.max_def = context.def,
                                     .list_def = context.list_def,
                                     .list_rep = context.list_rep,
                                     .first_leaf = b->leaf_count};
    SL_TRY(e->physical >= 0 ? build_leaf(b, e, context, node) : build_group(b, e, context, node));
    node->leaf_count = b->leaf_count - node->first_leaf;
    b->depth--;
    b->path.len = path_len;
    return SL_OK;
}

static enum sl_code build_root(struct builder *b, struct sl_parquet_schema *out) {
    const struct sl_parquet_element *root = peek(b);
    if (!root || root->physical >= 0) return bad(b, "it has no root group");
    if (root->child_count < 0 || (size_t)root->child_count > b->count - 1)
        return bad(b, "the root has more fields than the schema");
    b->next++;
    SL_TRY(build_struct(b, root, (struct context){0}, &out->root));
    if (b->next != b->count) return bad(b, "it has fields outside the root");
    out->root.leaf_count = b->leaf_count;
    out->type = out->root.type;
    out->leaves = b->leaves;
    out->leaf_count = b->leaf_count;
    return SL_OK;
}

enum sl_code sl_parquet_schema_read(struct sl_arena *arena,
                                    const struct sl_parquet_element *elements, size_t count,
                                    struct sl_parquet_schema *out, struct sl_err *err) {
    struct builder b = {.arena = arena, .elements = elements, .count = count, .err = err};
    *out = (struct sl_parquet_schema){0};
    b.leaves = SL_NEW_ARRAY(arena, struct sl_parquet_leaf, count);
    enum sl_code code = build_root(&b, out);
    sl_buf_release(&b.path);
    return code;
}

/* ---- Spark's own schema ---- */

/* Types that Spark stores without annotation. */
static bool can_be(const struct sl_type *file, const struct sl_type *spark) {
    if (file->kind == SL_LONG_KIND) return spark->kind == SL_DAY_INTERVAL_KIND;
    if (file->kind == SL_INT_KIND) return spark->kind == SL_MONTH_INTERVAL_KIND;
    if (file->kind == SL_BINARY_KIND) return spark->kind == SL_STRING_KIND;
    if (file->kind == SL_TIMESTAMP_NTZ_KIND) return spark->kind == SL_TIMESTAMP_KIND;
    return file->kind == SL_TIMESTAMP_KIND && spark->kind == SL_TIMESTAMP_NTZ_KIND;
}

static bool fits(const struct sl_type *file, const struct sl_type *spark) {
    if (!sl_type_is_nested(file)) return sl_type_equal(file, spark) || can_be(file, spark);
    if (file->kind != spark->kind || file->field_count != spark->field_count) return false;
    for (uint32_t i = 0; i < file->field_count; i++) {
        if (file->kind == SL_STRUCT_KIND && !sl_str_eq(file->fields[i].name, spark->fields[i].name))
            return false;
        if (!fits(file->fields[i].type, spark->fields[i].type)) return false;
    }
    return true;
}

/* Spark's types and comments; everything nullable, as its reader says of files. */
static const struct sl_type *adopt(struct sl_arena *arena, struct sl_parquet_node *node,
                                   const struct sl_type *spark) {
    if (!sl_type_is_nested(spark)) return node->type = spark;
    struct sl_type *type = SL_NEW(arena, struct sl_type);
    *type = *spark;
    type->fields = SL_NEW_ARRAY(arena, struct sl_field, spark->field_count);
    for (uint32_t i = 0; i < spark->field_count; i++) {
        type->fields[i] = spark->fields[i];
        type->fields[i].type = adopt(arena, &node->children[i], spark->fields[i].type);
        type->fields[i].nullable = spark->kind != SL_MAP_KIND || i == 1;
    }
    return node->type = type;
}

void sl_parquet_schema_apply(struct sl_arena *arena, struct sl_parquet_schema *schema,
                             const struct sl_type *spark) {
    if (spark->kind == SL_STRUCT_KIND && fits(schema->type, spark))
        schema->type = adopt(arena, &schema->root, spark);
}
