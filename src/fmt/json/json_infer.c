/* Source: Spark JsonInferSchema.scala. */
#include "fmt/json/json_infer.h"

#include <stdlib.h>

#include "fmt/json/json_int.h"
#include "fmt/json/json_token.h"

enum {
    PRECISION_MAX = 38,
    LONG_PRECISION = 20,
    /* of one struct in a single value: who asks for more takes data for names, and each costs */
    OPEN_FIELDS_MAX = 16384
};

struct field;

/* What is known of a value's type; kind is NULL as long as only nulls were seen. */
struct shape {
    enum sl_kind kind;
    int precision, scale;  /* DECIMAL */
    struct shape *element; /* ARRAY */
    struct field *fields;  /* STRUCT: sorted by name */
    uint32_t count, cap;
};
struct field {
    struct sl_str name;
    struct shape shape;
};

struct sl_json_infer {
    const struct sl_json_options *options;
    bool (*is_timestamp)(const void *ctx, struct sl_str text);
    const void *ctx;
    struct sl_arena names; /* names and fields of `root` */
    struct sl_arena scratch;
    struct sl_json_parser parser;
    struct sl_buf repaired;
    struct shape root;
    bool open; /* an empty text is a text; else it tells nothing, as in Spark */
};

struct sl_json_infer *sl_json_infer_new(const struct sl_json_options *options,
                                        bool (*is_timestamp)(const void *ctx, struct sl_str text),
                                        const void *ctx) {
    struct sl_json_infer *infer = sl_xcalloc(1, sizeof *infer);
    *infer = (struct sl_json_infer){.options = options, .is_timestamp = is_timestamp, .ctx = ctx};
    infer->root.kind = SL_STRUCT_KIND;
    sl_arena_init(&infer->names, "JSON schema");
    sl_arena_init(&infer->scratch, "JSON record");
    sl_json_parser_init(&infer->parser, options);
    return infer;
}

void sl_json_infer_free(struct sl_json_infer *infer) {
    if (!infer) return;
    sl_json_parser_release(&infer->parser);
    sl_buf_release(&infer->repaired);
    sl_arena_release(&infer->names);
    sl_arena_release(&infer->scratch);
    free(infer);
}

/* ---- merging ---- */

static struct field *find_field(struct shape *shape, struct sl_str name, uint32_t *at) {
    uint32_t low = 0, high = shape->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = sl_str_cmp(shape->fields[middle].name, name);
        if (order == 0) return &shape->fields[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return NULL;
}

static struct field *add_field(struct sl_arena *arena, struct shape *shape, struct sl_str name) {
    uint32_t at = 0;
    struct field *found = find_field(shape, name, &at);
    if (found) return found;
    if (shape->count == shape->cap) {
        uint32_t more = shape->cap ? shape->cap * 2 : 8;
        shape->fields = sl_arena_grow(arena, shape->fields, shape->count * sizeof *shape->fields,
                                      more * sizeof *shape->fields);
        shape->cap = more;
    }
    memmove(&shape->fields[at + 1], &shape->fields[at],
            (shape->count - at) * sizeof *shape->fields);
    shape->fields[at] = (struct field){.name = sl_arena_str(arena, name)};
    shape->count++;
    return &shape->fields[at];
}

static void merge(struct sl_arena *arena, struct shape *into, const struct shape *from);

static void merge_decimals(struct shape *into, int precision, int scale) {
    int whole = into->precision - into->scale, more = precision - scale;
    if (scale > into->scale) into->scale = scale;
    into->precision = (more > whole ? more : whole) + into->scale;
    if (into->precision > PRECISION_MAX) into->kind = SL_DOUBLE_KIND;
}

static bool merge_numbers(struct shape *into, const struct shape *from) {
    enum sl_kind a = into->kind, b = from->kind;
    bool numbers = (a == SL_LONG_KIND || a == SL_DOUBLE_KIND || a == SL_DECIMAL_KIND) &&
                   (b == SL_LONG_KIND || b == SL_DOUBLE_KIND || b == SL_DECIMAL_KIND);
    if (!numbers) return false;
    if (a == SL_DOUBLE_KIND || b == SL_DOUBLE_KIND) {
        into->kind = SL_DOUBLE_KIND;
    } else {
        into->kind = SL_DECIMAL_KIND;
        if (a == SL_LONG_KIND) into->precision = LONG_PRECISION, into->scale = 0;
        if (b == SL_LONG_KIND)
            merge_decimals(into, LONG_PRECISION, 0);
        else
            merge_decimals(into, from->precision, from->scale);
    }
    return true;
}

static void merge_structs(struct sl_arena *arena, struct shape *into, const struct shape *from) {
    for (uint32_t i = 0; i < from->count; i++)
        merge(arena, &add_field(arena, into, from->fields[i].name)->shape, &from->fields[i].shape);
}

/* `into` is in the arena; `from` may be in another one. */
static void merge(struct sl_arena *arena, struct shape *into, const struct shape *from) {
    if (from->kind == SL_NULL_KIND) return;
    if (into->kind == SL_NULL_KIND && !sl_type_is_nested(&(struct sl_type){.kind = from->kind})) {
        *into = *from;
        return;
    }
    if (into->kind == SL_NULL_KIND) {
        into->kind = from->kind;
        if (from->kind == SL_ARRAY_KIND) into->element = SL_NEW(arena, struct shape);
    }
    if (into->kind == from->kind && into->kind == SL_STRUCT_KIND)
        merge_structs(arena, into, from);
    else if (into->kind == from->kind && into->kind == SL_ARRAY_KIND)
        merge(arena, into->element, from->element);
    else if (into->kind == from->kind && into->kind == SL_DECIMAL_KIND)
        merge_decimals(into, from->precision, from->scale);
    else if (into->kind != from->kind && !merge_numbers(into, from))
        *into = (struct shape){.kind = SL_STRING_KIND};
}

/* ---- one value ---- */

/* Digits of a BigDecimal and those behind its point. */
static void set_decimal(struct shape *out, struct sl_str text) {
    int64_t digits = 0, scale = 0, exponent = 0;
    bool point = false, leading = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == 'e' || c == 'E') {
            struct sl_str rest = sl_str_sub(text, i + 1, text.len);
            if (rest.len && rest.ptr[0] == '+') rest = sl_str_sub(rest, 1, rest.len);
            if (!sl_str_to_i64(rest, &exponent)) exponent = PRECISION_MAX * 4;
            break;
        }
        if (c == '.') point = true;
        if (c < '0' || c > '9') continue;
        leading = leading && c == '0';
        digits += !leading;
        scale += point;
    }
    if (digits == 0) digits = 1;
    if (exponent > INT32_MAX || exponent < INT32_MIN) exponent = PRECISION_MAX * 4;
    scale -= exponent;
    int64_t precision = digits > scale ? digits : scale;
    *out = (struct shape){.kind = SL_DOUBLE_KIND};
    if (precision > PRECISION_MAX || scale < 0) return;
    *out =
        (struct shape){.kind = SL_DECIMAL_KIND, .precision = (int)precision, .scale = (int)scale};
}

static void infer_number(const struct sl_json_infer *infer, struct shape *out) {
    const struct sl_json_number *number = &infer->parser.number;
    int64_t value;
    out->kind = infer->options->primitives_as_string ? SL_STRING_KIND : SL_DOUBLE_KIND;
    if (infer->options->primitives_as_string || number->special != SL_JSON_FINITE) return;
    if (number->integer && sl_json_parse_i64(number->text, &value))
        out->kind = SL_LONG_KIND;
    else if (number->integer || infer->options->prefers_decimal)
        set_decimal(out, number->text);
}

static bool infer_string(struct sl_json_infer *infer, struct shape *out) {
    if (!sl_json_parser_text(&infer->parser)) return false;
    struct sl_str text = infer->parser.string;
    sl_int128 decimal;
    if (text.len == 0 && !infer->open) return true;
    out->kind = SL_STRING_KIND;
    if (infer->options->prefers_decimal &&
        sl_json_parse_decimal(text, PRECISION_MAX, 0, &decimal)) {
        set_decimal(out, text);
        return true;
    }
    if (infer->options->infer_timestamp && infer->is_timestamp &&
        infer->is_timestamp(infer->ctx, text))
        out->kind = SL_TIMESTAMP_KIND;
    return true;
}

static bool infer_value(struct sl_json_infer *infer, struct shape *out);

static bool infer_object(struct sl_json_infer *infer, struct shape *out) {
    struct sl_json_parser *parser = &infer->parser;
    out->kind = SL_STRUCT_KIND;
    for (;;) {
        struct sl_str name;
        if (!sl_json_parser_next(parser)) return false;
        if (parser->token == SL_JSON_TOKEN_END_OBJECT) return true;
        if (parser->token != SL_JSON_TOKEN_NAME || !sl_json_parser_name(parser, &name))
            return false;
        if (infer->open && out->count == OPEN_FIELDS_MAX) {
            if (!sl_json_parser_next(parser) || !sl_json_parser_skip(parser)) return false;
            continue;
        }
        struct field *field = add_field(&infer->scratch, out, name);
        struct shape value = {0};
        uint32_t at = (uint32_t)(field - out->fields);
        if (!sl_json_parser_next(parser) || !infer_value(infer, &value)) return false;
        merge(&infer->scratch, &out->fields[at].shape, &value);
    }
}

static bool infer_array(struct sl_json_infer *infer, struct shape *out) {
    struct sl_json_parser *parser = &infer->parser;
    out->kind = SL_ARRAY_KIND;
    out->element = SL_NEW(&infer->scratch, struct shape);
    for (;;) {
        struct shape value = {0};
        if (!sl_json_parser_next(parser)) return false;
        if (parser->token == SL_JSON_TOKEN_END_ARRAY) return true;
        if (!infer_value(infer, &value)) return false;
        merge(&infer->scratch, out->element, &value);
    }
}

/* The value of the parser's token. False: the text is broken. */
static bool infer_value(struct sl_json_infer *infer, struct shape *out) {
    switch (infer->parser.token) {
    case SL_JSON_TOKEN_START_OBJECT:
        return infer_object(infer, out);
    case SL_JSON_TOKEN_START_ARRAY:
        return infer_array(infer, out);
    case SL_JSON_TOKEN_STRING:
        return infer_string(infer, out);
    case SL_JSON_TOKEN_NUMBER:
        infer_number(infer, out);
        return true;
    case SL_JSON_TOKEN_TRUE:
    case SL_JSON_TOKEN_FALSE:
        out->kind = infer->options->primitives_as_string ? SL_STRING_KIND : SL_BOOL_KIND;
        return true;
    case SL_JSON_TOKEN_NULL:
    case SL_JSON_TOKEN_NONE:
        return true;
    default:
        return false;
    }
}

/* ---- records ---- */

static enum sl_code malformed(struct sl_json_infer *infer, struct sl_err *err) {
    const struct sl_json_options *options = infer->options;
    if (options->mode == SL_JSON_FAILFAST) {
        sl_fail_at(err, (struct sl_span){0}, "MALFORMED_RECORD_IN_SCHEMA_INFERENCE", "22023",
                   "malformed records are detected in schema inference, and the mode is FAILFAST");
        if (err) err->code = SL_DATA;
        return SL_DATA;
    }
    if (options->mode == SL_JSON_PERMISSIVE)
        add_field(&infer->names, &infer->root, options->column_name_of_corrupt_record)->shape.kind =
            SL_STRING_KIND;
    return SL_OK;
}

enum sl_code sl_json_infer_add(struct sl_json_infer *infer, struct sl_str text,
                               struct sl_err *err) {
    struct shape record = {0};
    const struct shape *root = &record;
    sl_arena_reset(&infer->scratch);
    if (!sl_utf8_is_valid(text.ptr, text.len)) {
        sl_buf_clear(&infer->repaired);
        sl_utf8_repair(&infer->repaired, text.ptr, text.len);
        text = sl_buf_str(&infer->repaired);
    }
    sl_json_parser_start(&infer->parser, text);
    if (!sl_json_parser_next(&infer->parser) || !infer_value(infer, &record))
        return malformed(infer, err);
    while (root->kind == SL_ARRAY_KIND) root = root->element;
    if (root->kind == SL_NULL_KIND) return SL_OK;
    if (root->kind != SL_STRUCT_KIND) return malformed(infer, err);
    merge_structs(&infer->names, &infer->root, root);
    return SL_OK;
}

/* ---- the result ---- */

/* NULL: nothing is left of it. */
static const struct sl_type *make_type(const struct sl_json_infer *infer, struct sl_arena *arena,
                                       const struct shape *shape) {
    if (shape->kind == SL_NULL_KIND)
        return infer->options->drop_field_if_all_null ? NULL : &sl_type_string;
    if (shape->kind == SL_DECIMAL_KIND)
        return sl_type_decimal(arena, shape->precision, shape->scale);
    if (shape->kind == SL_ARRAY_KIND) {
        const struct sl_type *element = make_type(infer, arena, shape->element);
        return element ? sl_type_array(arena, element, true) : NULL;
    }
    if (shape->kind != SL_STRUCT_KIND) return sl_type_simple(shape->kind);
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, shape->count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const struct sl_type *type =
            field->name.len ? make_type(infer, arena, &field->shape) : NULL;
        if (type)
            fields[count++] = (struct sl_field){
                .name = sl_arena_str(arena, field->name), .type = type, .nullable = true};
    }
    return count ? sl_type_struct(arena, fields, count) : NULL;
}

const struct sl_type *sl_json_infer_type(const struct sl_json_infer *infer,
                                         struct sl_arena *arena) {
    const struct sl_type *type = make_type(infer, arena, &infer->root);
    return type ? type : sl_type_struct(arena, NULL, 0);
}

/* ---- one value at a time ---- */

/* A type of which later values may still tell more: what is not known yet is VOID. */
static const struct sl_type *make_open_type(struct sl_arena *arena, const struct shape *shape) {
    if (shape->kind == SL_DECIMAL_KIND)
        return sl_type_decimal(arena, shape->precision, shape->scale);
    if (shape->kind == SL_ARRAY_KIND)
        return sl_type_array(arena, make_open_type(arena, shape->element), true);
    if (shape->kind != SL_STRUCT_KIND) return sl_type_simple(shape->kind);
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, shape->count + (size_t)1);
    for (uint32_t i = 0; i < shape->count; i++)
        fields[i] = (struct sl_field){.name = sl_arena_str(arena, shape->fields[i].name),
                                      .type = make_open_type(arena, &shape->fields[i].shape),
                                      .nullable = true};
    return sl_type_struct(arena, fields, shape->count);
}

/* The fields of an open type are sorted by name already. Names are borrowed. */
static void open_shape(struct sl_arena *arena, const struct sl_type *type, struct shape *out) {
    *out = (struct shape){.kind = type->kind, .precision = type->precision, .scale = type->scale};
    if (type->kind == SL_ARRAY_KIND) {
        out->element = SL_NEW(arena, struct shape);
        open_shape(arena, type->fields[0].type, out->element);
    }
    if (type->kind != SL_STRUCT_KIND) return;
    out->count = out->cap = type->field_count;
    out->fields = SL_NEW_ARRAY(arena, struct field, type->field_count + (size_t)1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        out->fields[i].name = type->fields[i].name;
        open_shape(arena, type->fields[i].type, &out->fields[i].shape);
    }
}

bool sl_json_infer_value(struct sl_json_infer *infer, struct sl_str text, struct sl_arena *arena,
                         const struct sl_type **out) {
    struct shape value = {0};
    sl_arena_reset(&infer->scratch);
    sl_json_parser_start(&infer->parser, text);
    infer->open = true;
    bool whole = sl_json_parser_next(&infer->parser) && infer_value(infer, &value);
    infer->open = false;
    *out = whole ? make_open_type(arena, &value) : &sl_type_string;
    return whole;
}

const struct sl_type *sl_json_type_widen(struct sl_arena *arena, const struct sl_type *a,
                                         const struct sl_type *b) {
    struct sl_arena scratch;
    struct shape into, from;
    if (a && sl_type_equal(a, b)) return a;
    sl_arena_init(&scratch, "JSON types");
    open_shape(&scratch, a ? a : &sl_type_null, &into);
    open_shape(&scratch, b, &from);
    merge(&scratch, &into, &from);
    const struct sl_type *merged = make_open_type(&scratch, &into);
    if (a && sl_type_equal(a, merged))
        merged = a;
    else
        merged = make_open_type(arena, &into);
    sl_arena_release(&scratch);
    return merged;
}

const struct sl_type *sl_json_type_known(struct sl_arena *arena, const struct sl_type *type) {
    if (type->kind == SL_NULL_KIND) return NULL;
    if (type->kind == SL_ARRAY_KIND) {
        const struct sl_type *element = sl_json_type_known(arena, type->fields[0].type);
        return element ? sl_type_array(arena, element, true) : NULL;
    }
    if (type->kind != SL_STRUCT_KIND) return type;
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + (size_t)1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[count] = type->fields[i];
        fields[count].type =
            type->fields[i].name.len ? sl_json_type_known(arena, type->fields[i].type) : NULL;
        count += fields[count].type != NULL;
    }
    return count ? sl_type_struct(arena, fields, count) : NULL;
}
