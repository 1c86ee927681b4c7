/* Goal: a generator gives exactly the rows that walking every list by hand gives, whatever the
 * encodings, nulls and selections.  Method: random batches against a naive twin. */
#include "unit.h"

#include "kern/zone.h"
#include "ops/op.h"

enum { ID, NAME, LIST, PAIRS, ITEMS, COLUMNS };

static struct sl_arena arena;
static const struct sl_type *schema;
static struct sl_err err;
static uint64_t seed;

static uint32_t pick(uint32_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % bound;
}

static void must(enum sl_code code) {
    if (code != SL_OK) fail_msg("%s", err.msg);
}

static void setup(void) {
    sl_arena_init(&arena, "test");
    must(sl_type_parse_schema(&arena,
                              SL_STR("id INT, name STRING, list ARRAY<STRING>, pairs MAP<INT, "
                                     "STRING>, items ARRAY<STRUCT<x: INT, y: STRING>>"),
                              &schema, &err));
}

/* ---- batches ---- */

static void put_text(struct sl_vec *vec) {
    static const char *const texts[] = {"", "a", "bb", "long enough for a copy of its own"};
    must(pick(5) ? sl_vec_put_str(vec, sl_str(texts[pick(4)]), &err)
                 : sl_vec_append_null(vec, 1, &err));
}

static void put_int(struct sl_vec *vec, bool nullable) {
    must(nullable && pick(5) == 0 ? sl_vec_append_null(vec, 1, &err)
                                  : sl_vec_put_i64(vec, pick(1000), &err));
}

static void put_item(struct sl_vec *items) {
    if (pick(6) == 0) {
        must(sl_vec_append_null(items, 1, &err));
        return;
    }
    must(sl_vec_reserve(items, items->rows + 1, &err));
    put_int(&items->children[0], true);
    put_text(&items->children[1]);
    if (items->valid) {
        must(sl_vec_reserve_valid(items, items->rows + 1, &err));
        sl_bit_set(items->valid, items->rows);
    }
    items->rows++;
}

static void put_list(struct sl_vec *vec) {
    if (pick(4) == 0) {
        must(sl_vec_append_null(vec, 1, &err));
        return;
    }
    must(sl_vec_reserve(vec, vec->rows + 1, &err));
    for (uint32_t i = pick(3) ? pick(6) : 0; i > 0; i--) {
        if (vec->type->kind == SL_MAP_KIND) {
            put_int(&vec->children[0], false);
            put_text(&vec->children[1]);
        } else if (vec->children[0].type->kind == SL_STRUCT_KIND) {
            put_item(&vec->children[0]);
        } else {
            put_text(&vec->children[0]);
        }
    }
    if (vec->valid) {
        must(sl_vec_reserve_valid(vec, vec->rows + 1, &err));
        sl_bit_set(vec->valid, vec->rows);
    }
    vec->offsets[++vec->rows] = (int32_t)vec->children[0].rows;
}

/* The names again as codes of a dictionary. */
static void make_dict(struct sl_vec *vec, uint32_t rows) {
    must(sl_vec_reserve_dict(vec, rows, &err));
    for (uint32_t i = 0; i < 3; i++)
        must(sl_vec_put_str(&vec->children[0], sl_arena_printf(&arena, "word %u", i), &err));
    for (uint32_t i = 0; i < rows; i++) vec->codes[i] = (int32_t)pick(3);
    if (pick(2) && rows) {
        must(sl_vec_reserve_valid(vec, rows, &err));
        for (uint32_t i = 0; i < rows; i++) sl_bit_put(vec->valid, i, pick(4) != 0);
    }
    vec->rows = rows;
}

static void make_const(struct sl_vec *vec, uint32_t rows) {
    if (vec->type->kind == SL_STRING_KIND)
        put_text(vec);
    else
        put_list(vec);
    vec->enc = SL_ENC_CONST;
    vec->rows = rows;
}

static void make_batch(struct sl_batch *batch, uint32_t rows) {
    sl_batch_init(batch, schema, &arena);
    uint32_t shape = pick(4);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        struct sl_vec *vec = &batch->columns[c];
        must(sl_vec_reserve(vec, 0, &err));
        if (c == NAME && shape == 1) {
            sl_vec_clear(vec);
            make_dict(vec, rows);
            continue;
        }
        if (c != ID && shape == 2 && rows) {
            make_const(vec, rows);
            continue;
        }
        for (uint32_t row = 0; row < rows; row++) {
            if (c == ID)
                put_int(vec, true);
            else if (c == NAME)
                put_text(vec);
            else
                put_list(vec);
        }
    }
    batch->rows = batch->selected_rows = rows;
    if (pick(2) == 0) return;
    uint64_t *bits = sl_arena_zalloc(&arena, SL_BIT_WORDS(rows) * 8 + 8);
    batch->selected_rows = 0;
    for (uint32_t row = 0; row < rows; row++)
        if (pick(3)) {
            sl_bit_set(bits, row);
            batch->selected_rows++;
        }
    batch->selected = bits;
}

/* ---- the twin ---- */

static void check_row(const struct sl_generate *what, const struct sl_batch *in,
                      const struct sl_batch *out, uint32_t at, uint32_t row, int64_t item,
                      int32_t nth) {
    const struct sl_vec *list = &in->columns[what->list->column];
    const char *why;
    assert_true(at < out->rows);
    for (uint32_t i = 0; i < what->kept_count; i++)
        assert_true(sl_vec_rows_equal(&in->columns[what->kept[i]], row, &out->columns[i], at));
    for (uint32_t i = 0; i < what->part_count; i++) {
        const struct sl_vec *made = &out->columns[what->kept_count + i];
        int32_t part = what->parts[i];
        assert_true(sl_vec_verify(made, &why));
        if (item < 0) {
            assert_true(sl_vec_is_null(made, at));
        } else if (part == SL_PART_POSITION) {
            assert_false(sl_vec_is_null(made, at));
            assert_int_equal(made->i32[at], nth);
        } else {
            const struct sl_vec *child =
                part >= 0 ? &list->children[0].children[part]
                          : &list->children[part == SL_PART_VALUE && list->child_count == 2];
            assert_true(sl_vec_rows_equal(child, (uint32_t)item, made, at));
        }
    }
    assert_int_equal(sl_batch_source_row(out, at), in->source_rows ? in->source_rows[row] : row);
}

static void compare(const struct sl_generate *what, const struct sl_batch *in,
                    const struct sl_batch *out) {
    const struct sl_vec *list = &in->columns[what->list->column];
    uint32_t at = 0;
    for (uint32_t row = 0; row < in->rows; row++) {
        if (in->selected && !sl_bit_get(in->selected, row)) continue;
        uint32_t pos = sl_vec_pos(list, row);
        bool none = sl_vec_is_null(list, row) || list->offsets[pos] == list->offsets[pos + 1];
        if (none && what->outer) check_row(what, in, out, at++, row, -1, 0);
        if (none) continue;
        for (int32_t item = list->offsets[pos]; item < list->offsets[pos + 1]; item++)
            check_row(what, in, out, at++, row, item, item - list->offsets[pos]);
    }
    assert_int_equal(out->rows, at);
    assert_int_equal(out->selected_rows, at);
    assert_null(out->selected);
}

/* ---- generators ---- */

static struct sl_generate *random_generate(void) {
    struct sl_expr_ctx ctx = {.query = &arena};
    static uint32_t kept[COLUMNS];
    static int32_t parts[4];
    struct sl_generate *what = SL_NEW(&arena, struct sl_generate);
    uint32_t column = LIST + pick(3);
    *what = (struct sl_generate){.name = "explode", .outer = pick(2), .kept = kept, .parts = parts};
    what->list = sl_expr_column(&ctx, column, schema->fields[column].type, true);
    for (uint32_t c = 0; c < COLUMNS; c++)
        if (pick(3)) kept[what->kept_count++] = c;
    if (pick(2)) parts[what->part_count++] = SL_PART_POSITION;
    if (column == PAIRS && pick(2)) parts[what->part_count++] = SL_PART_KEY;
    if (column == ITEMS && pick(2)) {
        parts[what->part_count++] = 1;
        parts[what->part_count++] = 0;
    } else if (pick(4)) {
        parts[what->part_count++] = SL_PART_VALUE;
    }
    return what;
}

static const struct sl_type *output_schema(const struct sl_generate *what) {
    struct sl_field fields[COLUMNS + 4] = {0};
    uint32_t count = 0;
    const struct sl_type *list = what->list->type;
    for (uint32_t i = 0; i < what->kept_count; i++) fields[count++] = schema->fields[what->kept[i]];
    for (uint32_t i = 0; i < what->part_count; i++, count++) {
        int32_t part = what->parts[i];
        bool value = part == SL_PART_VALUE && list->kind == SL_MAP_KIND;
        fields[count].name = SL_STR("made");
        fields[count].type = part == SL_PART_POSITION ? &sl_type_int
                             : part >= 0              ? list->fields[0].type->fields[part].type
                                                      : list->fields[value].type;
    }
    return sl_type_struct(&arena, fields, count);
}

void test_generator_against_its_twin(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 7, 64, 200};
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc};
    for (uint32_t round = 0; round < 400; round++) {
        setup();
        seed = round * 7919 + 3;
        struct sl_generate *what = random_generate();
        struct sl_op *op;
        must(sl_generate_new(what, output_schema(what), false, &op, &err));
        for (uint32_t i = 0; i < 5; i++) { /* one instance, batches of any size */
            struct sl_batch in, *out;
            make_batch(&in, sizes[pick(5)]);
            must(op->ops->process(op, &session, &in, &out, &err));
            compare(what, &in, out);
            sl_batch_release(&in);
        }
        sl_op_free(op);
        sl_arena_release(&arena);
    }
}

/* Rows of one record are told apart, and the record stays known through two generators. */
static uint32_t explode_twice(struct sl_op *first, struct sl_op *second) {
    enum { ROWS = 30 };
    int64_t offsets[ROWS];
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc};
    struct sl_batch in, *one, *two;
    make_batch(&in, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) offsets[i] = 70 + 3 * (int64_t)i;
    in.origin.offsets = offsets;
    must(first->ops->process(first, &session, &in, &one, &err));
    must(second->ops->process(second, &session, one, &two, &err));
    for (uint32_t i = 0; i < two->rows; i++) {
        const struct sl_vec *id = &two->columns[0];
        assert_true(two->source_rows[i] < ROWS);
        assert_true(sl_vec_rows_equal(&in.columns[ID], two->source_rows[i], id, i));
        for (uint32_t k = 0; k < i; k++) assert_int_not_equal(two->row_ids[i], two->row_ids[k]);
    }
    uint32_t made = two->rows;
    sl_batch_release(&in);
    return made;
}

void test_rows_keep_their_record(void **state) {
    (void)state;
    setup();
    static uint32_t kept[] = {ID, NAME, LIST, PAIRS, ITEMS};
    static int32_t parts[] = {SL_PART_POSITION};
    struct sl_expr_ctx ctx = {.query = &arena};
    struct sl_generate what = {.name = "posexplode",
                               .outer = true,
                               .list = sl_expr_column(&ctx, LIST, schema->fields[LIST].type, true),
                               .kept = kept,
                               .kept_count = COLUMNS,
                               .parts = parts,
                               .part_count = 1};
    struct sl_op *first, *second;
    uint32_t made = 0;
    must(sl_generate_new(&what, output_schema(&what), false, &first, &err));
    must(sl_generate_new(&what, output_schema(&what), false, &second, &err));
    for (seed = 1; seed < 20 || made < 1000; seed++) made += explode_twice(first, second);
    sl_op_free(first);
    sl_op_free(second);
    sl_arena_release(&arena);
}

/* A record fails whole: a fault of it takes all the rows that were made of it. */
void test_rows_of_a_failed_record_leave_together(void **state) {
    (void)state;
    setup();
    static int32_t parts[] = {SL_PART_VALUE};
    struct sl_expr_ctx ctx = {.query = &arena};
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc};
    struct sl_generate what = {.name = "explode",
                               .list = sl_expr_column(&ctx, LIST, schema->fields[LIST].type, true),
                               .parts = parts,
                               .part_count = 1};
    struct sl_op *op;
    struct sl_batch in, *out;
    struct sl_faults faults;
    uint32_t left = 0, failed = 0;
    must(sl_generate_new(&what, output_schema(&what), false, &op, &err));
    sl_faults_init(&faults);
    seed = 5;
    make_batch(&in, 64);
    in.faults = &faults;
    sl_faults_begin(&faults, in.rows);
    must(op->ops->process(op, &session, &in, &out, &err));
    assert_ptr_equal(out->faults, &faults);
    struct sl_fault fault = {.row = out->source_rows[out->rows / 2], .kind = SL_FAULT_EVALUATION};
    sl_faults_add(&faults, &fault);
    uint64_t *bits = sl_arena_zalloc(&arena, SL_BIT_WORDS(out->rows) * 8);
    sl_batch_drop_failed(out, bits);
    for (uint32_t i = 0; i < out->rows; i++) {
        bool is_failed = out->source_rows[i] == fault.row;
        assert_int_equal(sl_bit_get(out->selected, i), !is_failed);
        failed += is_failed;
        left += !is_failed;
    }
    assert_true(failed > 0 && left > 0);
    assert_int_equal(out->selected_rows, left);
    sl_batch_release(&in);
    sl_faults_release(&faults);
    sl_op_free(op);
    sl_arena_release(&arena);
}

/* A constant list of 40,000 items over 60,000 rows is more than a batch can number. */
void test_too_many_rows_are_refused(void **state) {
    (void)state;
    setup();
    struct sl_expr_ctx ctx = {.query = &arena};
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc};
    struct sl_generate what = {.name = "explode",
                               .list = sl_expr_column(&ctx, LIST, schema->fields[LIST].type, true)};
    struct sl_op *op;
    struct sl_batch in, *out;
    must(sl_generate_new(&what, sl_type_struct(&arena, NULL, 0), false, &op, &err));
    sl_batch_init(&in, schema, &arena);
    struct sl_vec *list = &in.columns[LIST];
    must(sl_vec_reserve(list, 1, &err));
    must(sl_vec_append_null(&list->children[0], 40000, &err));
    list->offsets[1] = 40000;
    list->enc = SL_ENC_CONST;
    in.rows = in.selected_rows = list->rows = 60000;
    assert_int_equal(op->ops->process(op, &session, &in, &out, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "2400000000 rows"));
    sl_batch_release(&in);
    sl_op_free(op);
    sl_arena_release(&arena);
}

/* Refused before the memory is taken, and the record that is to blame is named. */
void test_generator_refuses_too_much(void **state) {
    (void)state;
    enum { ITEMS_EACH = 20000, ROWS = 10000, FIRST = 4320 };
    setup();
    static uint32_t kept[] = {ID};
    static int32_t parts[] = {SL_PART_POSITION};
    struct sl_expr_ctx ctx = {.query = &arena};
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc};
    struct sl_generate what = {.name = "posexplode",
                               .list = sl_expr_column(&ctx, LIST, schema->fields[LIST].type, true),
                               .kept = kept,
                               .kept_count = 1,
                               .parts = parts,
                               .part_count = 1};
    struct sl_op *op;
    struct sl_batch in, *out;
    must(sl_generate_new(&what, output_schema(&what), false, &op, &err));
    sl_batch_init(&in, schema, &arena);
    struct sl_vec *list = &in.columns[LIST];
    must(sl_vec_reserve(list, 1, &err));
    must(sl_vec_append_null(&list->children[0], ITEMS_EACH, &err));
    list->offsets[1] = ITEMS_EACH;
    list->enc = SL_ENC_CONST;
    list->rows = in.rows = ROWS;
    int64_t *offsets = SL_NEW_ARRAY(&arena, int64_t, ROWS);
    uint64_t *selected = sl_arena_zalloc(&arena, SL_BIT_WORDS(ROWS) * 8);
    for (uint32_t i = 0; i < ROWS; i++) {
        must(sl_vec_put_i64(&in.columns[ID], i, &err));
        offsets[i] = 100000 + i;
        if (i >= FIRST) sl_bit_set(selected, i);
    }
    in.selected = selected;
    in.selected_rows = ROWS - FIRST;
    in.origin = (struct sl_origin){"kafka", "orders", 3, offsets};
    assert_int_equal(op->ops->process(op, &session, &in, &out, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "104320"));
    sl_batch_release(&in);
    sl_op_free(op);
    sl_arena_release(&arena);
}
