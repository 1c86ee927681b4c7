/* Spark's types as Parquet's (LogicalTypes.md): the tree that shredding walks, the leaves,
 * and the schema list of the footer.  Names and shapes are those of Spark's ParquetSchemaConverter:
 * root `spark_schema`, three-level lists, `key_value` maps; intervals are bare integers, which only
 * the Spark schema in the footer tells apart. */
#include <stdio.h>

#include "fmt/parquet/parquet_write_int.h"
#include "fmt/parquet/thrift.h"

enum { LEVELS_MAX = 250, PATH_MAX_DEPTH = 256 };

struct builder {
    struct sl_parquet_writer *writer;
    struct sl_str path[PATH_MAX_DEPTH];
    uint32_t depth, leaf_cap;
};

/* ---- leaves ---- */

/* Least n whose 8n-bit two's complement numbers hold all of that precision (Spark's
 * minBytesForPrecision, precision 19..38). */
static uint32_t decimal_bytes(int precision) {
    unsigned __int128 limit = 1;
    for (int i = 0; i < precision; i++) limit *= 10;
    uint32_t bytes = 9;
    while (bytes < 16 && ((unsigned __int128)1 << (8 * bytes - 1)) < limit) bytes++;
    return bytes;
}

static void set_physical(struct sl_parquet_leaf *leaf, int32_t wire, uint32_t width,
                         enum sl_order order) {
    leaf->wire = wire;
    leaf->width = width;
    sl_bounds_init(&leaf->page_bounds, order);
    sl_bounds_init(&leaf->chunk_bounds, order);
    sl_bounds_init(&leaf->file_bounds, order);
}

static void choose_physical(struct sl_parquet_leaf *leaf) {
    switch (leaf->type->kind) {
    case SL_BOOL_KIND:
        set_physical(leaf, WIRE_BOOLEAN, 0, SL_ORDER_I32);
        break;
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_DATE_KIND:
    case SL_MONTH_INTERVAL_KIND:
        set_physical(leaf, WIRE_INT32, 4, SL_ORDER_I32);
        break;
    case SL_FLOAT_KIND:
        set_physical(leaf, WIRE_FLOAT, 4, SL_ORDER_F32);
        break;
    case SL_DOUBLE_KIND:
        set_physical(leaf, WIRE_DOUBLE, 8, SL_ORDER_F64);
        break;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        set_physical(leaf, WIRE_BYTE_ARRAY, 0, SL_ORDER_BYTES);
        leaf->is_bytes = true;
        leaf->text = leaf->type->kind == SL_STRING_KIND;
        break;
    case SL_DECIMAL_KIND:
        if (leaf->type->precision <= 9) {
            set_physical(leaf, WIRE_INT32, 4, SL_ORDER_I32);
        } else if (leaf->type->precision <= 18) {
            set_physical(leaf, WIRE_INT64, 8, SL_ORDER_I64);
        } else {
            set_physical(leaf, WIRE_FIXED, decimal_bytes(leaf->type->precision), SL_ORDER_I128);
        }
        break;
    default:
        set_physical(leaf, WIRE_INT64, 8, SL_ORDER_I64);
        break;
    }
}

enum { DICT_BYTES_MAX = 1 << 20 };

static void add_leaf(struct builder *builder, struct sl_parquet_node *node) {
    struct sl_parquet_writer *writer = builder->writer;
    struct sl_parquet_leaf *leaf = SL_NEW(&writer->arena, struct sl_parquet_leaf);
    leaf->type = node->type;
    leaf->max_def = node->def;
    leaf->max_rep = node->rep;
    leaf->path_count = builder->depth;
    leaf->path = SL_NEW_ARRAY(&writer->arena, struct sl_str, builder->depth);
    memcpy(leaf->path, builder->path, builder->depth * sizeof *leaf->path);
    size_t levels = (size_t)leaf->max_def + leaf->max_rep + 2;
    leaf->histogram = sl_arena_zalloc(&writer->arena, levels * sizeof *leaf->histogram);
    choose_physical(leaf);
    leaf->may_have_dict = writer->options.dictionary && leaf->wire != WIRE_BOOLEAN;
    sl_dict_init(&leaf->dict, leaf->width, DICT_BYTES_MAX);
    if (writer->leaf_count == builder->leaf_cap) {
        uint32_t cap = builder->leaf_cap ? builder->leaf_cap * 2 : 16;
        writer->leaves = sl_arena_grow(&writer->arena, writer->leaves,
                                       builder->leaf_cap * sizeof(void *), cap * sizeof(void *));
        builder->leaf_cap = cap;
    }
    writer->leaves[writer->leaf_count++] = leaf;
    node->leaf = leaf;
}

/* ---- tree ---- */

static enum sl_code build_node(struct builder *builder, struct sl_parquet_node *node, int def,
                               int rep, struct sl_err *err);

static enum sl_code build_children(struct builder *builder, struct sl_parquet_node *node, int def,
                                   int rep, struct sl_err *err) {
    static const char *const entry_names[2] = {"key", "value"};
    const struct sl_type *type = node->type;
    node->child_count = type->field_count;
    node->children = sl_arena_zalloc(&builder->writer->arena,
                                     (size_t)node->child_count * sizeof *node->children);
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct sl_parquet_node *child = &node->children[i];
        child->type = type->fields[i].type;
        child->name = type->kind == SL_ARRAY_KIND ? SL_STR("element")
                      : type->kind == SL_MAP_KIND ? sl_str(entry_names[i & 1])
                                                  : type->fields[i].name;
        /* a map's key is there whenever its entry is */
        child->optional = type->fields[i].nullable && !(type->kind == SL_MAP_KIND && i == 0);
        SL_TRY(build_node(builder, child, def, rep, err));
    }
    return SL_OK;
}

static enum sl_code refuse(const struct builder *builder, struct sl_err *err, const char *why) {
    char path[256] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < builder->depth && len < sizeof path; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "%s%.*s", i ? "." : "",
                                SL_STR_ARG(builder->path[i]));
    return sl_fail(err, SL_UNSUPPORTED, "column `%s` cannot be written to Parquet: %s", path, why);
}

static enum sl_code push(struct builder *builder, struct sl_str name, struct sl_err *err) {
    if (builder->depth == PATH_MAX_DEPTH)
        return refuse(builder, err, "its type is nested too deeply");
    builder->path[builder->depth++] = name;
    return SL_OK;
}

static enum sl_code build_node(struct builder *builder, struct sl_parquet_node *node, int def,
                               int rep, struct sl_err *err) {
    uint32_t depth = builder->depth;
    def += node->optional;
    SL_TRY(push(builder, node->name, err));
    if (def > LEVELS_MAX || rep > LEVELS_MAX)
        return refuse(builder, err, "its type is nested too deeply");
    node->def = (uint8_t)def;
    node->rep = (uint8_t)rep;
    switch (node->type->kind) {
    case SL_NULL_KIND:
        return refuse(builder, err, "Parquet has no VOID columns, cast it to another type");
    case SL_STRUCT_KIND:
        if (!node->type->field_count)
            return refuse(builder, err, "a struct needs at least one field");
        SL_TRY(build_children(builder, node, def, rep, err));
        break;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        SL_TRY(push(builder,
                    node->type->kind == SL_ARRAY_KIND ? SL_STR("list") : SL_STR("key_value"), err));
        SL_TRY(build_children(builder, node, def + 1, rep + 1, err));
        break;
    default:
        add_leaf(builder, node);
        break;
    }
    builder->depth = depth;
    return SL_OK;
}

enum sl_code sl_parquet_tree_build(struct sl_parquet_writer *writer, struct sl_err *err) {
    struct builder builder = {.writer = writer};
    if (writer->schema->kind != SL_STRUCT_KIND || !writer->schema->field_count)
        return sl_fail(err, SL_UNSUPPORTED, "a Parquet file needs at least one column");
    writer->root.type = writer->schema;
    return build_children(&builder, &writer->root, 0, 0, err);
}

/* ---- footer ---- */

enum { REQUIRED = 0, OPTIONAL = 1, REPEATED = 2 };
enum {
    LOGICAL_STRING = 1,
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10
};
enum {
    CONVERTED_UTF8 = 0,
    CONVERTED_MAP = 1,
    CONVERTED_LIST = 3,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_INT_8 = 15,
    CONVERTED_INT_16 = 16
};

static void put_empty_logical(struct sl_thrift_writer *thrift, int32_t converted, int16_t logical) {
    sl_thrift_put_i32(thrift, 6, converted);
    sl_thrift_begin_struct(thrift, 10);
    sl_thrift_begin_struct(thrift, logical);
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
}

static void put_integer(struct sl_thrift_writer *thrift, int32_t converted, int8_t bits) {
    sl_thrift_put_i32(thrift, 6, converted);
    sl_thrift_begin_struct(thrift, 10);
    sl_thrift_begin_struct(thrift, LOGICAL_INTEGER);
    sl_thrift_put_i8(thrift, 1, bits);
    sl_thrift_put_bool(thrift, 2, true);
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
}

static void put_timestamp(struct sl_thrift_writer *thrift, bool utc) {
    sl_thrift_put_i32(thrift, 6, CONVERTED_TIMESTAMP_MICROS);
    sl_thrift_begin_struct(thrift, 10);
    sl_thrift_begin_struct(thrift, LOGICAL_TIMESTAMP);
    sl_thrift_put_bool(thrift, 1, utc);
    sl_thrift_begin_struct(thrift, 2);
    sl_thrift_begin_struct(thrift, 2); /* MICROS */
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
}

static void put_decimal(struct sl_thrift_writer *thrift, const struct sl_type *type) {
    sl_thrift_put_i32(thrift, 6, CONVERTED_DECIMAL);
    sl_thrift_put_i32(thrift, 7, type->scale);
    sl_thrift_put_i32(thrift, 8, type->precision);
    sl_thrift_begin_struct(thrift, 10);
    sl_thrift_begin_struct(thrift, LOGICAL_DECIMAL);
    sl_thrift_put_i32(thrift, 1, type->scale);
    sl_thrift_put_i32(thrift, 2, type->precision);
    sl_thrift_end_struct(thrift);
    sl_thrift_end_struct(thrift);
}

static void put_annotation(struct sl_thrift_writer *thrift, const struct sl_type *type) {
    switch (type->kind) {
    case SL_STRING_KIND:
        put_empty_logical(thrift, CONVERTED_UTF8, LOGICAL_STRING);
        break;
    case SL_DATE_KIND:
        put_empty_logical(thrift, CONVERTED_DATE, LOGICAL_DATE);
        break;
    case SL_ARRAY_KIND:
        put_empty_logical(thrift, CONVERTED_LIST, LOGICAL_LIST);
        break;
    case SL_MAP_KIND:
        put_empty_logical(thrift, CONVERTED_MAP, LOGICAL_MAP);
        break;
    case SL_BYTE_KIND:
        put_integer(thrift, CONVERTED_INT_8, 8);
        break;
    case SL_SHORT_KIND:
        put_integer(thrift, CONVERTED_INT_16, 16);
        break;
    case SL_TIMESTAMP_KIND:
        put_timestamp(thrift, true);
        break;
    case SL_TIMESTAMP_NTZ_KIND:
        put_timestamp(thrift, false);
        break;
    case SL_DECIMAL_KIND:
        put_decimal(thrift, type);
        break;
    default:
        break;
    }
}

static void put_node(struct sl_thrift_writer *thrift, const struct sl_parquet_node *node) {
    sl_thrift_item_begin_struct(thrift);
    const struct sl_parquet_leaf *leaf = node->leaf;
    if (leaf) sl_thrift_put_i32(thrift, 1, leaf->wire);
    if (leaf && leaf->wire == WIRE_FIXED) sl_thrift_put_i32(thrift, 2, (int32_t)leaf->width);
    sl_thrift_put_i32(thrift, 3, node->optional ? OPTIONAL : REQUIRED);
    sl_thrift_put_str(thrift, 4, node->name);
    bool repeated = node->type->kind == SL_ARRAY_KIND || node->type->kind == SL_MAP_KIND;
    if (!leaf) sl_thrift_put_i32(thrift, 5, repeated ? 1 : (int32_t)node->child_count);
    put_annotation(thrift, node->type);
    sl_thrift_end_struct(thrift);
    if (repeated) {
        sl_thrift_item_begin_struct(thrift);
        sl_thrift_put_i32(thrift, 3, REPEATED);
        sl_thrift_put_str(thrift, 4,
                          node->type->kind == SL_ARRAY_KIND ? SL_STR("list") : SL_STR("key_value"));
        sl_thrift_put_i32(thrift, 5, (int32_t)node->child_count);
        sl_thrift_end_struct(thrift);
    }
    for (uint32_t i = 0; i < node->child_count; i++) put_node(thrift, &node->children[i]);
}

static uint32_t count_elements(const struct sl_parquet_node *node) {
    uint32_t count = 1 + (node->type->kind == SL_ARRAY_KIND || node->type->kind == SL_MAP_KIND);
    for (uint32_t i = 0; i < node->child_count; i++) count += count_elements(&node->children[i]);
    return count;
}

void sl_parquet_tree_put(const struct sl_parquet_writer *writer, struct sl_thrift_writer *thrift) {
    sl_thrift_begin_list(thrift, 2, SL_THRIFT_STRUCT, count_elements(&writer->root));
    sl_thrift_item_begin_struct(thrift);
    sl_thrift_put_str(thrift, 4, SL_STR("spark_schema"));
    sl_thrift_put_i32(thrift, 5, (int32_t)writer->root.child_count);
    sl_thrift_end_struct(thrift);
    for (uint32_t i = 0; i < writer->root.child_count; i++)
        put_node(thrift, &writer->root.children[i]);
}
