/* Goal: a group table is a map from keys to numbers, whatever the types and encodings, also after
 * removals, also when the budget says no.  Method: random keys against a naive twin, a list of keys
 * that is searched from front to back. */
#include "random_rows.h"

#include "ops/group_table.h"

enum { KEYS_MAX = 8, GROUPS_MAX = 4096 };

static struct sl_arena arena;
static struct random_rows rnd;

static const char *const schemas[] = {
    "a BIGINT",
    "a STRING",
    "a BOOLEAN",
    "a DOUBLE, b FLOAT",
    "a INT, b STRING, c STRING",
    "a TINYINT, b SMALLINT, c DATE, d TIMESTAMP, e DECIMAL(10,2), f DECIMAL(30,2), g BINARY",
    "w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, b STRING",
    "a STRUCT<x: STRUCT<y: STRING, z: INT>, v: ARRAY<STRING>>, b VOID",
    "a ARRAY<DOUBLE>, b MAP<STRING, INT>, c ARRAY<STRUCT<x: INT, y: STRING>>",
    "a MAP<INT, ARRAY<STRING>>, b BOOLEAN"};

/* ---- naive twin ---- */

struct twin {
    const struct sl_type *schema;
    struct sl_vec keys[KEYS_MAX]; /* a row per key that was ever added */
    uint32_t group_of[GROUPS_MAX];
    bool alive[GROUPS_MAX];
    uint32_t rows;
};

static void twin_init(struct twin *twin, const struct sl_type *schema) {
    *twin = (struct twin){.schema = schema};
    for (uint32_t c = 0; c < schema->field_count; c++)
        sl_vec_init(&twin->keys[c], schema->fields[c].type);
}

static void twin_release(struct twin *twin) {
    for (uint32_t c = 0; c < twin->schema->field_count; c++) sl_vec_release(&twin->keys[c]);
}

/* sl_vec_rows_equal, but a map's entries may stand in any order: texts of sorted entries. */
static bool value_equal(const struct sl_vec *a, uint32_t i, const struct sl_vec *b, uint32_t k) {
    if (a->type->kind != SL_MAP_KIND || sl_vec_is_null(a, i) || sl_vec_is_null(b, k))
        return sl_vec_rows_equal(a, i, b, k);
    i = sl_vec_pos(a, i);
    k = sl_vec_pos(b, k);
    if (a->offsets[i + 1] - a->offsets[i] != b->offsets[k + 1] - b->offsets[k]) return false;
    for (int32_t x = a->offsets[i]; x < a->offsets[i + 1]; x++) {
        bool found = false;
        for (int32_t y = b->offsets[k]; y < b->offsets[k + 1] && !found; y++)
            found = sl_vec_rows_equal(&a->children[0], (uint32_t)x, &b->children[0], (uint32_t)y) &&
                    sl_vec_rows_equal(&a->children[1], (uint32_t)x, &b->children[1], (uint32_t)y);
        if (!found) return false;
    }
    return true;
}

static bool row_equal(const struct twin *twin, uint32_t at, const struct sl_vec *keys,
                      uint32_t row) {
    for (uint32_t c = 0; c < twin->schema->field_count; c++)
        if (!value_equal(&twin->keys[c], at, &keys[c], row)) return false;
    return true;
}

static uint32_t twin_find(const struct twin *twin, const struct sl_vec *keys, uint32_t row) {
    for (uint32_t i = 0; i < twin->rows; i++)
        if (twin->alive[i] && row_equal(twin, i, keys, row)) return i;
    return UINT32_MAX;
}

static void twin_add(struct twin *twin, const struct sl_vec *keys, uint32_t row, uint32_t group) {
    assert_true(twin->rows < GROUPS_MAX);
    for (uint32_t i = 0; i < twin->rows; i++)
        if (twin->alive[i]) assert_int_not_equal(twin->group_of[i], group);
    for (uint32_t c = 0; c < twin->schema->field_count; c++)
        random_must(&rnd, sl_vec_append(&twin->keys[c], &keys[c], &row, 1, &rnd.err));
    twin->group_of[twin->rows] = group;
    twin->alive[twin->rows++] = true;
}

/* ---- rounds ---- */

struct round {
    const struct sl_type *schema;
    struct sl_group_table table;
    struct sl_key_block block;
    struct twin twin;
};

static void add_rows(struct round *round) {
    uint32_t rows = random_pick(&rnd, 200), numbers[200], groups[200], new_count;
    uint64_t is_new[4];
    struct sl_vec keys[KEYS_MAX];
    const struct sl_vec *pointers[KEYS_MAX];
    for (uint32_t c = 0; c < round->schema->field_count; c++) {
        sl_vec_init(&keys[c], round->schema->fields[c].type);
        random_column(&rnd, &keys[c], rows);
        pointers[c] = &keys[c];
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows; i++)
        if (random_pick(&rnd, 3)) numbers[count++] = i;
    random_must(&rnd, sl_key_block_encode(&round->block, pointers, numbers, count, &rnd.err));
    uint32_t begin = count ? random_pick(&rnd, count) : 0, expected = 0;
    sl_group_table_find(&round->table, &round->block, begin, count - begin, groups);
    for (uint32_t i = begin; i < count; i++) {
        uint32_t at = twin_find(&round->twin, keys, numbers[i]);
        assert_int_equal(groups[i - begin],
                         at == UINT32_MAX ? SL_NO_GROUP : round->twin.group_of[at]);
    }
    random_must(&rnd, sl_group_table_find_or_add(&round->table, &round->block, begin, count - begin,
                                                 groups, is_new, &new_count, &rnd.err));
    for (uint32_t i = begin; i < count; i++) {
        uint32_t at = twin_find(&round->twin, keys, numbers[i]);
        assert_int_equal(sl_bit_get(is_new, i - begin), at == UINT32_MAX);
        expected += at == UINT32_MAX;
        if (at == UINT32_MAX)
            twin_add(&round->twin, keys, numbers[i], groups[i - begin]);
        else
            assert_int_equal(groups[i - begin], round->twin.group_of[at]);
    }
    assert_int_equal(new_count, expected);
    for (uint32_t c = 0; c < round->schema->field_count; c++) sl_vec_release(&keys[c]);
}

static void remove_some(struct round *round) {
    uint32_t groups[GROUPS_MAX], count = 0, odds = 2 + random_pick(&rnd, 4);
    for (uint32_t i = 0; i < round->twin.rows; i++)
        if (round->twin.alive[i] && random_pick(&rnd, odds) == 0) {
            groups[count++] = round->twin.group_of[i];
            round->twin.alive[i] = false;
        }
    sl_group_table_remove(&round->table, groups, count);
}

/* Every key comes back, and the list names each group once. */
static void check_keys(struct round *round) {
    struct sl_vec keys[KEYS_MAX];
    uint32_t groups[GROUPS_MAX], listed = 0, part, cursor = 0, alive = 0;
    for (uint32_t i = 0; i < round->twin.rows; i++) alive += round->twin.alive[i];
    while ((part = sl_group_table_list(&round->table, &cursor, groups + listed, 7))) listed += part;
    assert_int_equal(listed, alive);
    assert_int_equal(round->table.count, alive);
    for (uint32_t c = 0; c < round->schema->field_count; c++)
        sl_vec_init(&keys[c], round->schema->fields[c].type);
    random_must(&rnd,
                sl_group_table_append_keys(&round->table, groups, listed / 2, keys, &rnd.err));
    random_must(&rnd, sl_group_table_append_keys(&round->table, groups + listed / 2,
                                                 listed - listed / 2, keys, &rnd.err));
    for (uint32_t i = 0; i < listed; i++) {
        uint32_t at = twin_find(&round->twin, keys, i);
        assert_int_not_equal(at, UINT32_MAX);
        assert_int_equal(round->twin.group_of[at], groups[i]);
    }
    for (uint32_t c = 0; c < round->schema->field_count; c++) {
        const char *why = "";
        if (!sl_vec_verify(&keys[c], &why)) fail_msg("%s", why);
        sl_vec_release(&keys[c]);
    }
}

void test_group_table_is_a_map(void **state) {
    (void)state;
    rnd = random_rows_from(1);
    static struct round round;
    for (uint32_t run = 0; run < 60; run++) {
        sl_arena_init(&arena, "test");
        rnd.domain = run % 3 == 0 ? 4 : 30;
        rnd.nulls = run % 4 != 0;
        struct sl_budget budget;
        sl_budget_init(&budget, 0);
        const struct sl_type *types[KEYS_MAX];
        const char *ddl = schemas[run % (sizeof schemas / sizeof *schemas)];
        random_must(&rnd, sl_type_parse_schema(&arena, sl_str(ddl), &round.schema, &rnd.err));
        for (uint32_t c = 0; c < round.schema->field_count; c++)
            types[c] = round.schema->fields[c].type;
        const struct sl_key_layout *layout =
            sl_key_layout_new(&arena, types, round.schema->field_count, 0);
        sl_group_table_init(&round.table, layout, &budget);
        sl_key_block_init(&round.block, layout);
        twin_init(&round.twin, round.schema);
        for (uint32_t step = 0; step < 12; step++) {
            add_rows(&round);
            if (random_pick(&rnd, 2)) remove_some(&round);
            check_keys(&round);
        }
        assert_int_equal(atomic_load(&budget.used_bytes), sl_group_table_bytes(&round.table));
        sl_group_table_clear(&round.table);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
        twin_release(&round.twin);
        twin_init(&round.twin, round.schema);
        add_rows(&round);
        check_keys(&round);
        twin_release(&round.twin);
        sl_key_block_release(&round.block);
        sl_group_table_release(&round.table);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
        sl_arena_release(&arena);
    }
}

/* ---- single properties ---- */

static const struct sl_key_layout *text_layout(void) {
    const struct sl_type *types[] = {&sl_type_string};
    return sl_key_layout_new(&arena, types, 1, 0);
}

static void encode_numbered(struct sl_key_block *block, struct sl_vec *vec, uint32_t from,
                            uint32_t count, const char *format) {
    char text[160];
    const struct sl_vec *keys[] = {vec};
    sl_vec_clear(vec);
    for (uint32_t i = 0; i < count; i++) {
        int len = snprintf(text, sizeof text, format, from + i); // NOLINT: a constant of ours
        random_must(&rnd, sl_vec_put_str(vec, (struct sl_str){text, (size_t)len}, &rnd.err));
    }
    random_must(&rnd, sl_key_block_encode(block, keys, NULL, count, &rnd.err));
}

/* Keys that come and go for ever need no more memory than those that are there. */
void test_group_table_gives_back_what_was_removed(void **state) {
    (void)state;
    enum { COUNT = 2000, ROUNDS = 60 };
    static uint32_t groups[COUNT], before[COUNT];
    struct sl_group_table table;
    struct sl_key_block block;
    struct sl_vec vec;
    size_t early = 0;
    sl_arena_init(&arena, "test");
    sl_vec_init(&vec, &sl_type_string);
    sl_key_block_init(&block, text_layout());
    sl_group_table_init(&table, block.layout, NULL);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        encode_numbered(&block, &vec, i * COUNT, COUNT,
                        "a text of some length, so that it lies outside of its cell: %u");
        random_must(&rnd, sl_group_table_find_or_add(&table, &block, 0, COUNT, groups, NULL, NULL,
                                                     &rnd.err));
        if (i) sl_group_table_remove(&table, before, COUNT);
        memcpy(before, groups, sizeof groups);
        assert_int_equal(table.count, COUNT);
        assert_true(table.limit <= 2 * COUNT);
        if (i == 3) early = sl_group_table_bytes(&table);
        if (i > 3) assert_true(sl_group_table_bytes(&table) <= early * 2);
    }
    sl_group_table_release(&table);
    sl_key_block_release(&block);
    sl_vec_release(&vec);
    sl_arena_release(&arena);
}

/* With any limit of memory: what was added before the refusal is there, the rest is not, and
 * nothing leaks. */
void test_group_table_survives_a_refusal(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static uint32_t groups[COUNT];
    for (size_t limit = 1; limit < (1u << 20); limit = limit * 3 / 2 + 100) {
        struct sl_group_table table;
        struct sl_key_block block;
        struct sl_vec vec;
        struct sl_budget budget;
        sl_budget_init(&budget, limit);
        sl_arena_init(&arena, "test");
        sl_vec_init(&vec, &sl_type_string);
        sl_key_block_init(&block, text_layout());
        sl_group_table_init(&table, block.layout, &budget);
        encode_numbered(&block, &vec, 0, COUNT, "a text that lies outside of its cell: %u");
        enum sl_code code =
            sl_group_table_find_or_add(&table, &block, 0, COUNT, groups, NULL, NULL, &rnd.err);
        assert_true(code == SL_OK || code == SL_NOMEM);
        assert_true(code == SL_NOMEM || table.count == COUNT);
        sl_group_table_find(&table, &block, 0, COUNT, groups);
        for (uint32_t i = 0; i < COUNT; i++)
            assert_int_equal(groups[i], i < table.count ? i : SL_NO_GROUP);
        assert_true(atomic_load(&budget.used_bytes) <= limit);
        sl_group_table_release(&table);
        assert_int_equal(atomic_load(&budget.used_bytes), 0);
        sl_key_block_release(&block);
        sl_vec_release(&vec);
        sl_arena_release(&arena);
    }
}

/* ---- event times ---- */

static void due_round(struct sl_group_table *table, bool *there, const int64_t *time,
                      int64_t until) {
    uint32_t groups[2 * SL_GROUP_CHUNK], cursor = 0, count;
    while ((count = sl_group_table_due(table, until, &cursor, groups, 2 * SL_GROUP_CHUNK))) {
        for (uint32_t i = 0; i < count; i++) {
            assert_true(there[groups[i]] && time[groups[i]] <= until);
            there[groups[i]] = false;
        }
        sl_group_table_remove(table, groups, count);
    }
    for (uint32_t g = 0; g < table->limit; g++)
        assert_false(there[g] && time[g] != INT64_MAX && time[g] <= until);
}

/* Times in a window key, a time column and the extra bytes: exactly the keys at or before the mark
 * are due; a null one never is. */
void test_group_table_finds_due_groups(void **state) {
    (void)state;
    enum { COUNT = 500, ROUNDS = 30 };
    static bool there[COUNT * ROUNDS];
    static int64_t time[COUNT * ROUNDS];
    static uint32_t groups[COUNT];
    rnd = random_rows_from(7);
    for (int kind = 0; kind < 3; kind++) {
        struct sl_group_table table;
        struct sl_key_block block;
        const struct sl_type *schema, *types[2];
        sl_arena_init(&arena, "test");
        memset(there, 0, sizeof there);
        random_must(&rnd, sl_type_parse_schema(
                              &arena,
                              SL_STR("n INT, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, t "
                                     "TIMESTAMP"),
                              &schema, &rnd.err));
        types[0] = schema->fields[0].type;
        types[1] = schema->fields[kind == 0 ? 1 : 2].type;
        const struct sl_key_layout *layout = kind < 2
                                                 ? sl_key_layout_new_timed(&arena, types, 2, 3, 1)
                                                 : sl_key_layout_new_expiring(&arena, types, 2, 11);
        sl_key_block_init(&block, layout);
        sl_group_table_init(&table, layout, NULL);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            struct sl_vec keys[2];
            const struct sl_vec *pointers[] = {&keys[0], &keys[1]};
            sl_vec_init(&keys[0], types[0]);
            sl_vec_init(&keys[1], types[1]);
            rnd.domain = 1000000;
            for (uint32_t i = 0; i < COUNT; i++) {
                random_must(&rnd, sl_vec_put_i64(&keys[0], round * COUNT + i, &rnd.err));
                rnd.domain = 100 * (round + 1);
                random_put(&rnd, &keys[1]);
            }
            random_must(&rnd, sl_key_block_encode(&block, pointers, NULL, COUNT, &rnd.err));
            random_must(&rnd, sl_group_table_find_or_add(&table, &block, 0, COUNT, groups, NULL,
                                                         NULL, &rnd.err));
            const struct sl_vec *times = kind == 0 ? &keys[1].children[1] : &keys[1];
            for (uint32_t i = 0; i < COUNT; i++) {
                uint32_t g = groups[i];
                time[g] = sl_vec_is_null(times, i) ? INT64_MAX : times->i64[i];
                there[g] = true;
                if (kind == 2) assert_true(sl_group_table_time(&table, g) == INT64_MAX);
                if (kind == 2 && time[g] != INT64_MAX) sl_group_table_set_time(&table, g, time[g]);
                assert_true(sl_group_table_time(&table, g) == time[g]);
                assert_int_equal(sl_group_table_extra(&table, g)[kind == 2 ? 10 : 2], 0);
                sl_group_table_extra(&table, g)[kind == 2 ? 10 : 2] = 1;
            }
            due_round(&table, there, time, (int64_t)(round * 60));
            sl_vec_release(&keys[0]);
            sl_vec_release(&keys[1]);
        }
        sl_key_block_release(&block);
        sl_group_table_release(&table);
        sl_arena_release(&arena);
    }
}
