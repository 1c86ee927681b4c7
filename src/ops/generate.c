/* Generators: a row for each item of a list.
 *
 * The items of an array lie behind one another already, so where every row takes part its child
 * vector is the column; else the items are gathered.  Columns of the input are picked by row
 * number, texts without a copy.  All rows that one batch gives are in one batch, for a record fails
 * whole (col/fault.h). */
#include <stdlib.h>

#include "ops/op.h"

struct generate {
    struct sl_op base;
    const struct sl_generate *what;
    struct sl_program *program; /* the list */
    struct sl_arena arena;
    struct sl_batch out;
    struct sl_vec flat; /* the list, when it came in another encoding */
    uint32_t *rows;     /* per output row: the input's row */
    uint32_t *items;    /* and the item in the list's child, or SL_NO_ROW */
    uint32_t *sources;  /* and the source's row */
    int64_t *ids;
    uint32_t cap, count;
    bool whole; /* the items are 0, 1, 2 .. */
};

static void reserve(struct generate *generate, uint32_t count) {
    if (count <= generate->cap) return;
    generate->rows = sl_xrealloc(generate->rows, count * sizeof *generate->rows);
    generate->items = sl_xrealloc(generate->items, count * sizeof *generate->items);
    generate->sources = sl_xrealloc(generate->sources, count * sizeof *generate->sources);
    generate->ids = sl_xrealloc(generate->ids, count * sizeof *generate->ids);
    generate->cap = count;
}

/* ---- which rows, which items ---- */

struct range {
    uint32_t begin, end;
};

static struct range list_range(const struct sl_vec *list, uint32_t row) {
    if (sl_vec_is_null(list, row)) return (struct range){0, 0};
    uint32_t at = sl_vec_pos(list, row);
    return (struct range){(uint32_t)list->offsets[at], (uint32_t)list->offsets[at + 1]};
}

static bool is_selected(const struct sl_batch *in, uint32_t row) {
    return !in->selected || sl_bit_get(in->selected, row);
}

/* Bytes of one row of the output that are not the list's own: what is picked, and four numbers. */
static uint64_t row_bytes(const struct generate *generate, const struct sl_batch *in) {
    enum { NUMBERS_BYTES = 20, CODE_BYTES = 4 };
    uint64_t bytes = NUMBERS_BYTES;
    for (uint32_t i = 0; i < generate->what->kept_count; i++) {
        uint32_t width = sl_type_width(in->columns[generate->what->kept[i]].type);
        bytes += width ? width : CODE_BYTES;
    }
    return bytes + CODE_BYTES * generate->what->part_count;
}

static enum sl_code too_much(const struct generate *generate, const struct sl_batch *in,
                             uint64_t rows, uint32_t largest, struct sl_err *err) {
    char where[160];
    sl_batch_describe_row(in, largest, where, sizeof where);
    sl_fail(err, SL_DATA,
            "%s makes %llu rows of the %u of one batch, more than a batch holds; most of them of "
            "%s",
            generate->what->name, (unsigned long long)rows, in->rows, where);
    if (err) sl_hint(err, "filter before it, or take fewer items, as slice() does");
    return SL_DATA;
}

static enum sl_code count_rows(const struct generate *generate, const struct sl_vec *list,
                               const struct sl_batch *in, uint32_t *count, struct sl_err *err) {
    const uint64_t bytes_max = UINT64_C(1) << 30;
    uint64_t total = 0, most = 0;
    uint32_t largest = 0;
    for (uint32_t row = 0; list->type->kind != SL_NULL_KIND && row < in->rows; row++) {
        if (!is_selected(in, row)) continue;
        struct range range = list_range(list, row);
        uint32_t items = range.end - range.begin;
        total += items ? items : generate->what->outer;
        if (items > most) largest = row;
        if (items > most) most = items;
    }
    if (total > INT32_MAX - 64 || total * row_bytes(generate, in) > bytes_max)
        return too_much(generate, in, total, largest, err);
    *count = (uint32_t)total;
    return SL_OK;
}

static void fill_rows(struct generate *generate, const struct sl_vec *list,
                      const struct sl_batch *in) {
    uint32_t at = 0;
    bool whole = true;
    for (uint32_t row = 0; at < generate->count && row < in->rows; row++) {
        if (!is_selected(in, row)) continue;
        struct range range = list_range(list, row);
        bool none = range.begin == range.end;
        if (none && !generate->what->outer) continue;
        for (uint32_t item = range.begin; item < range.end; item++, at++) {
            generate->rows[at] = row;
            generate->items[at] = item;
            whole = whole && item == at;
        }
        if (!none) continue;
        whole = false;
        generate->rows[at] = row;
        generate->items[at++] = SL_NO_ROW;
    }
    generate->whole = whole;
}

/* A row's id within its record: rows of one record follow one another. */
static void fill_sources(struct generate *generate, const struct sl_batch *in) {
    const int64_t *ids = in->row_ids || in->source_rows ? in->row_ids : in->origin.offsets;
    uint32_t nth = 0;
    for (uint32_t i = 0; i < generate->count; i++) {
        uint32_t row = generate->rows[i];
        nth = i && generate->rows[i - 1] == row ? nth + 1 : 0;
        generate->sources[i] = in->source_rows ? in->source_rows[row] : row;
        if (ids)
            generate->ids[i] = (int64_t)((uint64_t)ids[row] * UINT64_C(0x9E3779B97F4A7C15) + nth);
    }
    generate->out.source_rows = generate->sources;
    generate->out.row_ids = ids ? generate->ids : NULL;
}

/* ---- columns ---- */

static enum sl_code positions(const struct generate *generate, struct sl_vec *out,
                              struct sl_err *err) {
    sl_vec_clear(out);
    SL_TRY(sl_vec_reserve(out, generate->count, err));
    if (generate->what->outer) SL_TRY(sl_vec_reserve_valid(out, generate->count, err));
    int32_t nth = 0;
    for (uint32_t i = 0; i < generate->count; i++) {
        bool none = generate->items[i] == SL_NO_ROW;
        nth = i && generate->rows[i - 1] == generate->rows[i] ? nth + 1 : 0;
        out->i32[i] = none ? 0 : nth;
        if (out->valid) sl_bit_put(out->valid, i, !none);
    }
    out->rows = generate->count;
    return SL_OK;
}

static enum sl_code items_of(const struct generate *generate, const struct sl_vec *child,
                             struct sl_vec *out, struct sl_err *err) {
    sl_vec_clear(out);
    if (generate->whole) {
        sl_vec_borrow(out, child);
        out->rows = generate->count;
        return SL_OK;
    }
    return sl_vec_append_or_null(out, child, generate->items, generate->count, err);
}

static const struct sl_vec *child_of(const struct sl_vec *list, int32_t part) {
    if (part == SL_PART_VALUE) return &list->children[list->type->kind == SL_MAP_KIND ? 1 : 0];
    return part == SL_PART_KEY ? &list->children[0] : &list->children[0].children[part];
}

static enum sl_code fill_columns(struct generate *generate, const struct sl_vec *list,
                                 const struct sl_batch *in, struct sl_err *err) {
    const struct sl_generate *what = generate->what;
    struct sl_vec *columns = generate->out.columns;
    for (uint32_t i = 0; i < what->kept_count; i++)
        SL_TRY(sl_vec_pick(&columns[i], &in->columns[what->kept[i]], generate->rows,
                           generate->count, err));
    for (uint32_t i = 0; i < what->part_count; i++) {
        struct sl_vec *column = &columns[what->kept_count + i];
        if (what->parts[i] == SL_PART_POSITION)
            SL_TRY(positions(generate, column, err));
        else
            SL_TRY(items_of(generate, child_of(list, what->parts[i]), column, err));
    }
    return SL_OK;
}

/* FLAT or CONST, and so are structs inside whose fields are asked for. */
static enum sl_code plain_list(struct generate *generate, const struct sl_vec **list,
                               struct sl_err *err) {
    bool flat = (*list)->enc == SL_ENC_FLAT || (*list)->enc == SL_ENC_CONST;
    for (uint32_t i = 0; flat && i < generate->what->part_count; i++)
        if (generate->what->parts[i] >= 0) flat = (*list)->children[0].enc == SL_ENC_FLAT;
    if (flat) return SL_OK;
    sl_vec_clear(&generate->flat);
    SL_TRY(sl_vec_flatten(*list, &generate->flat, err));
    *list = &generate->flat;
    return SL_OK;
}

static enum sl_code process(struct sl_op *op, const struct sl_session *session, struct sl_batch *in,
                            struct sl_batch **out, struct sl_err *err) {
    struct generate *generate = (struct generate *)op;
    const struct sl_vec *list;
    uint32_t count = 0;
    SL_TRY(sl_program_eval(generate->program, session, in, &list, err));
    if (in->faults) sl_program_drop_failed(generate->program, in);
    SL_TRY(plain_list(generate, &list, err));
    SL_TRY(count_rows(generate, list, in, &count, err));
    reserve(generate, count);
    generate->count = count;
    fill_rows(generate, list, in);
    SL_TRY(fill_columns(generate, list, in, err));
    sl_batch_take_rows(&generate->out, in);
    generate->out.rows = generate->out.selected_rows = count;
    generate->out.selected = NULL;
    fill_sources(generate, in);
    *out = &generate->out;
    return SL_OK;
}

static void profile(const struct sl_op *op, sl_profile_fn fn, void *ctx) {
    sl_program_profile(((const struct generate *)op)->program, fn, ctx);
}

static void free_generate(struct sl_op *op) {
    struct generate *generate = (struct generate *)op;
    sl_program_free(generate->program);
    sl_batch_release(&generate->out);
    sl_vec_release(&generate->flat);
    sl_arena_release(&generate->arena);
    free(generate->rows);
    free(generate->items);
    free(generate->sources);
    free(generate->ids);
    free(generate);
}

static const struct sl_op_ops generate_ops = {"generate", process, profile, free_generate};

enum sl_code sl_generate_new(const struct sl_generate *what, const struct sl_type *schema,
                             bool profiled, struct sl_op **out, struct sl_err *err) {
    struct generate *generate = sl_xcalloc(1, sizeof *generate);
    generate->base.ops = &generate_ops;
    generate->what = what;
    sl_arena_init(&generate->arena, "generate");
    sl_batch_init(&generate->out, schema, &generate->arena);
    sl_vec_init(&generate->flat, what->list->type);
    enum sl_code code = sl_program_new(&what->list, 1, &generate->program, err);
    if (code != SL_OK) {
        free_generate(&generate->base);
        return code;
    }
    sl_program_set_profile(generate->program, profiled);
    *out = &generate->base;
    return SL_OK;
}
