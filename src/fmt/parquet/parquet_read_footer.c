#include "fmt/parquet/parquet_read_footer.h"

#include "fmt/parquet/thrift.h"

/* A list in the arena that grows as its items prove to be there: its length is never trusted. */
struct list {
    void *items;
    size_t count, cap, size;
};

static void *list_add(struct sl_arena *arena, struct list *list) {
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        list->items = sl_arena_grow(arena, list->items, list->count * list->size, cap * list->size);
        list->cap = cap;
    }
    return (char *)list->items + list->count++ * list->size;
}

typedef struct sl_thrift_reader reader;
typedef struct sl_thrift_field field;

/* ---- schema elements ---- */

static enum sl_parquet_unit read_unit(reader *r, const field *f) {
    field unit;
    enum sl_parquet_unit found = SL_UNIT_MICROS;
    if (!sl_thrift_enter(r, f)) return found;
    while (sl_thrift_next_field(r, &unit)) {
        if (unit.id >= SL_UNIT_MILLIS && unit.id <= SL_UNIT_NANOS)
            found = (enum sl_parquet_unit)unit.id;
        sl_thrift_skip(r, &unit);
    }
    return found;
}

static void read_logical_body(reader *r, const field *f, struct sl_parquet_element *e) {
    field part;
    if (!sl_thrift_enter(r, f)) return;
    while (sl_thrift_next_field(r, &part)) {
        if (e->logical == SL_LOGICAL_DECIMAL && part.id == 1)
            e->scale = sl_thrift_get_i32(r, &part);
        else if (e->logical == SL_LOGICAL_DECIMAL && part.id == 2)
            e->precision = sl_thrift_get_i32(r, &part);
        else if (e->logical == SL_LOGICAL_TIMESTAMP && part.id == 1)
            e->utc = sl_thrift_get_bool(r, &part);
        else if (e->logical == SL_LOGICAL_TIMESTAMP && part.id == 2)
            e->unit = read_unit(r, &part);
        else if (e->logical == SL_LOGICAL_INTEGER && part.id == 1)
            e->bit_width = (int32_t)sl_thrift_get_i64(r, &part);
        else if (e->logical == SL_LOGICAL_INTEGER && part.id == 2)
            e->is_signed = sl_thrift_get_bool(r, &part);
        else
            sl_thrift_skip(r, &part);
    }
}

static bool known_logical(int16_t id) {
    return id >= SL_LOGICAL_STRING && id <= SL_LOGICAL_FLOAT16 && id != 9;
}

static void read_logical(reader *r, const field *f, struct sl_parquet_element *e) {
    field member;
    if (!sl_thrift_enter(r, f)) return;
    while (sl_thrift_next_field(r, &member)) {
        e->logical =
            known_logical(member.id) ? (enum sl_parquet_logical)member.id : SL_LOGICAL_OTHER;
        read_logical_body(r, &member, e);
    }
}

/* The older annotation, for elements that have no logical type. */
static void fold_converted(struct sl_parquet_element *e) {
    static const uint8_t logical[] = {SL_LOGICAL_STRING,    SL_LOGICAL_MAP,      SL_LOGICAL_MAP,
                                      SL_LOGICAL_LIST,      SL_LOGICAL_ENUM,     SL_LOGICAL_DECIMAL,
                                      SL_LOGICAL_DATE,      SL_LOGICAL_TIME,     SL_LOGICAL_TIME,
                                      SL_LOGICAL_TIMESTAMP, SL_LOGICAL_TIMESTAMP};
    if (e->logical != SL_LOGICAL_NONE || e->converted < 0) return;
    if (e->converted <= 10) {
        e->logical = (enum sl_parquet_logical)logical[e->converted];
        e->unit = e->converted == 7 || e->converted == 9 ? SL_UNIT_MILLIS : SL_UNIT_MICROS;
        e->utc = true;
    } else if (e->converted <= 18) {
        e->logical = SL_LOGICAL_INTEGER;
        e->is_signed = e->converted >= 15;
        e->bit_width = 8 << ((e->converted - 11) % 4);
    } else {
        e->logical = e->converted == 19   ? SL_LOGICAL_JSON
                     : e->converted == 20 ? SL_LOGICAL_BSON
                     : e->converted == 21 ? SL_LOGICAL_INTERVAL
                                          : SL_LOGICAL_OTHER;
    }
}

static void read_element(reader *r, struct sl_parquet_element *e) {
    field f;
    *e = (struct sl_parquet_element){
        .physical = -1, .repetition = -1, .converted = -1, .name = SL_STR("")};
    if (!sl_thrift_item_enter(r)) return;
    while (sl_thrift_next_field(r, &f)) {
        switch (f.id) {
        case 1:
            e->physical = sl_thrift_get_i32(r, &f);
            break;
        case 2:
            e->type_length = sl_thrift_get_i32(r, &f);
            break;
        case 3:
            e->repetition = sl_thrift_get_i32(r, &f);
            break;
        case 4:
            e->name = sl_thrift_get_str(r, &f);
            break;
        case 5:
            e->child_count = sl_thrift_get_i32(r, &f);
            break;
        case 6:
            e->converted = sl_thrift_get_i32(r, &f);
            break;
        case 7:
            e->scale = sl_thrift_get_i32(r, &f);
            break;
        case 8:
            e->precision = sl_thrift_get_i32(r, &f);
            break;
        case 10:
            read_logical(r, &f, e);
            break;
        default:
            sl_thrift_skip(r, &f);
        }
    }
    if (e->child_count > 0) e->physical = -1;
    if (e->physical >= SL_PARQUET_PHYSICAL_COUNT || e->physical < -1)
        sl_thrift_reader_fail(r, "a column has an unknown physical type");
    fold_converted(e);
}

/* ---- row groups ---- */

static void read_statistics(reader *r, const field *f, struct sl_parquet_statistics *out) {
    field s;
    if (!sl_thrift_enter(r, f)) return;
    while (sl_thrift_next_field(r, &s)) {
        switch (s.id) {
        case 1:
            out->old_max = sl_thrift_get_str(r, &s);
            break;
        case 2:
            out->old_min = sl_thrift_get_str(r, &s);
            break;
        case 3:
            out->null_count = sl_thrift_get_i64(r, &s);
            break;
        case 5:
            out->max = sl_thrift_get_str(r, &s);
            break;
        case 6:
            out->min = sl_thrift_get_str(r, &s);
            break;
        case 9:
            out->nan_count = sl_thrift_get_i64(r, &s);
            break;
        default:
            sl_thrift_skip(r, &s);
        }
    }
}

static void read_chunk_metadata(reader *r, const field *f, struct sl_parquet_chunk *chunk) {
    field m;
    if (!sl_thrift_enter(r, f)) return;
    chunk->has_metadata = true;
    while (sl_thrift_next_field(r, &m)) {
        switch (m.id) {
        case 1:
            chunk->physical = sl_thrift_get_i32(r, &m);
            break;
        case 4:
            chunk->codec = sl_thrift_get_i32(r, &m);
            break;
        case 5:
            chunk->values = sl_thrift_get_i64(r, &m);
            break;
        case 7:
            chunk->total_bytes = sl_thrift_get_i64(r, &m);
            break;
        case 9:
            chunk->data_offset = sl_thrift_get_i64(r, &m);
            break;
        case 11:
            chunk->dictionary_offset = sl_thrift_get_i64(r, &m);
            break;
        case 12:
            read_statistics(r, &m, &chunk->statistics);
            break;
        default:
            sl_thrift_skip(r, &m);
        }
    }
}

static void read_chunk(reader *r, struct sl_parquet_chunk *chunk) {
    field f;
    *chunk = (struct sl_parquet_chunk){.physical = -1,
                                       .statistics = {.null_count = -1, .nan_count = -1}};
    if (!sl_thrift_item_enter(r)) return;
    while (sl_thrift_next_field(r, &f)) {
        switch (f.id) {
        case 1:
            chunk->elsewhere = true;
            sl_thrift_skip(r, &f);
            break;
        case 3:
            read_chunk_metadata(r, &f, chunk);
            break;
        case 8:
        case 9:
            chunk->encrypted = true;
            sl_thrift_skip(r, &f);
            break;
        default:
            sl_thrift_skip(r, &f);
        }
    }
}

static void read_chunks(reader *r, const field *f, struct sl_arena *arena,
                        struct sl_parquet_group *group) {
    struct list chunks = {.size = sizeof(struct sl_parquet_chunk)};
    uint32_t count = sl_thrift_enter_list(r, f, SL_THRIFT_STRUCT);
    for (uint32_t i = 0; i < count && !r->failed; i++) read_chunk(r, list_add(arena, &chunks));
    group->chunks = chunks.items;
    group->chunk_count = (uint32_t)chunks.count;
}

static void read_group(reader *r, struct sl_arena *arena, struct sl_parquet_group *group) {
    field f;
    *group = (struct sl_parquet_group){.rows = -1};
    if (!sl_thrift_item_enter(r)) return;
    while (sl_thrift_next_field(r, &f)) {
        if (f.id == 1)
            read_chunks(r, &f, arena, group);
        else if (f.id == 3)
            group->rows = sl_thrift_get_i64(r, &f);
        else
            sl_thrift_skip(r, &f);
    }
}

/* ---- the rest ---- */

static void read_pair(reader *r, struct sl_parquet_pair *pair) {
    field f;
    *pair = (struct sl_parquet_pair){SL_STR(""), SL_STR("")};
    if (!sl_thrift_item_enter(r)) return;
    while (sl_thrift_next_field(r, &f)) {
        if (f.id == 1)
            pair->key = sl_thrift_get_str(r, &f);
        else if (f.id == 2)
            pair->value = sl_thrift_get_str(r, &f);
        else
            sl_thrift_skip(r, &f);
    }
}

static void read_order(reader *r, uint8_t *order) {
    field f;
    *order = SL_ORDER_OTHER;
    if (!sl_thrift_item_enter(r)) return;
    while (sl_thrift_next_field(r, &f)) {
        if (f.id == 1) *order = SL_ORDER_TYPE;
        if (f.id == 2) *order = SL_ORDER_IEEE;
        sl_thrift_skip(r, &f);
    }
}

/* "App version 1.2.3-SNAPSHOT (build ...)"; old writers gave the name only. */
static struct sl_parquet_author parse_author(struct sl_str text) {
    int32_t numbers[3] = {0};
    size_t at = sl_str_find(text, SL_STR(" version "), 0);
    if (at == SIZE_MAX) return (struct sl_parquet_author){.app = text};
    size_t pos = at + 9;
    for (int i = 0; i < 3; i++) {
        for (; pos < text.len && text.ptr[pos] >= '0' && text.ptr[pos] <= '9'; pos++)
            if (numbers[i] < 100000) numbers[i] = numbers[i] * 10 + (text.ptr[pos] - '0');
        if (pos >= text.len || text.ptr[pos] != '.') break;
        pos++;
    }
    return (struct sl_parquet_author){sl_str_sub(text, 0, at), true, numbers[0], numbers[1],
                                      numbers[2]};
}

bool sl_parquet_author_before(const struct sl_parquet_author *author, struct sl_str app,
                              int32_t major, int32_t minor, int32_t patch) {
    if (!sl_str_eq(author->app, app)) return false;
    if (author->major != major) return author->major < major;
    if (author->minor != minor) return author->minor < minor;
    return author->patch < patch;
}

struct lists {
    struct list elements, groups, pairs, orders;
    bool encrypted;
};

static void read_list(reader *r, const field *f, struct sl_arena *arena, struct list *list) {
    uint32_t count = sl_thrift_enter_list(r, f, SL_THRIFT_STRUCT);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        void *item = list_add(arena, list);
        switch (f->id) {
        case 2:
            read_element(r, item);
            break;
        case 4:
            read_group(r, arena, item);
            break;
        case 5:
            read_pair(r, item);
            break;
        default:
            read_order(r, item);
        }
    }
}

static void read_file(reader *r, struct sl_arena *arena, struct lists *lists,
                      struct sl_parquet_footer *out) {
    field f;
    while (sl_thrift_next_field(r, &f)) {
        switch (f.id) {
        case 2:
            read_list(r, &f, arena, &lists->elements);
            break;
        case 3:
            out->rows = sl_thrift_get_i64(r, &f);
            break;
        case 4:
            read_list(r, &f, arena, &lists->groups);
            break;
        case 5:
            read_list(r, &f, arena, &lists->pairs);
            break;
        case 6:
            out->created_by = sl_thrift_get_str(r, &f);
            break;
        case 7:
            read_list(r, &f, arena, &lists->orders);
            break;
        case 8:
            lists->encrypted = true;
            sl_thrift_skip(r, &f);
            break;
        default:
            sl_thrift_skip(r, &f);
        }
    }
}

static enum sl_code check_groups(const struct sl_parquet_footer *footer, struct sl_err *err) {
    for (uint32_t g = 0; g < footer->group_count; g++) {
        const struct sl_parquet_group *group = &footer->groups[g];
        if (group->rows < 0 || group->chunk_count != footer->schema.leaf_count)
            return sl_fail(err, SL_DATA,
                           "the Parquet footer is broken: row group %u has %lld rows in %u column "
                           "chunks, the schema has %u columns",
                           g, (long long)group->rows, group->chunk_count,
                           footer->schema.leaf_count);
    }
    return SL_OK;
}

/* Spark writes its own schema beside Parquet's; what cannot be read is ignored, as Spark does. */
static void apply_spark_schema(struct sl_arena *arena, struct sl_parquet_footer *footer) {
    struct sl_str key = SL_STR("org.apache.spark.sql.parquet.row.metadata");
    const struct sl_type *spark;
    for (uint32_t i = 0; i < footer->pair_count; i++)
        if (sl_str_eq(footer->pairs[i].key, key) &&
            sl_type_parse_json(arena, footer->pairs[i].value, &spark, NULL) == SL_OK)
            sl_parquet_schema_apply(arena, &footer->schema, spark);
}

enum sl_code sl_parquet_footer_parse(struct sl_arena *arena, struct sl_str bytes,
                                     struct sl_parquet_footer *out, struct sl_err *err) {
    reader r;
    struct lists lists = {.elements.size = sizeof(struct sl_parquet_element),
                          .groups.size = sizeof(struct sl_parquet_group),
                          .pairs.size = sizeof(struct sl_parquet_pair),
                          .orders.size = 1};
    *out = (struct sl_parquet_footer){.created_by = SL_STR("")};
    sl_thrift_reader_init(&r, bytes.ptr, bytes.len);
    read_file(&r, arena, &lists, out);
    if (r.failed)
        return sl_fail(err, SL_DATA, "the Parquet footer is broken at its byte %zu: %s",
                       sl_thrift_reader_used(&r), r.why);
    if (lists.encrypted)
        return sl_fail(err, SL_UNSUPPORTED,
                       "the Parquet file has encrypted columns, which are not supported");
    SL_TRY(sl_parquet_schema_read(arena, lists.elements.items, lists.elements.count, &out->schema,
                                  err));
    out->groups = lists.groups.items;
    out->group_count = (uint32_t)lists.groups.count;
    out->pairs = lists.pairs.items;
    out->pair_count = (uint32_t)lists.pairs.count;
    if (lists.orders.count == out->schema.leaf_count) out->orders = lists.orders.items;
    out->author = parse_author(out->created_by);
    apply_spark_schema(arena, out);
    return check_groups(out, err);
}
