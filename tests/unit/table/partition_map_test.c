#include "unit.h"

#include "base/hash.h"
#include "kern/zone.h"
#include "table/partition_map.h"

static struct sl_session session;

static void make_batch(struct sl_batch *batch, struct sl_arena *arena, const struct sl_type *schema,
                       uint32_t rows, uint64_t *random) {
    sl_batch_init(batch, schema, arena);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t draw = sl_random_next(random);
        static const char *const texts[] = {"a", "b", "../../x", "", "long partition value"};
        assert_int_equal(sl_vec_put_i64(&batch->columns[0], (int64_t)(draw % 5), NULL), SL_OK);
        if (draw >> 8 & 7) {
            assert_int_equal(
                sl_vec_put_str(&batch->columns[1], sl_str(texts[(draw >> 16) % 5]), NULL), SL_OK);
        } else {
            assert_int_equal(sl_vec_append_null(&batch->columns[1], 1, NULL), SL_OK);
        }
    }
    batch->rows = batch->selected_rows = rows;
}

/* Groups must be a partition of the selected rows, in order, and rows share a group exactly when
 * their values are equal (naive twin: compare every pair). */
void test_partition_map_groups_rows_by_value(void **state) {
    (void)state;
    struct sl_arena arena;
    uint64_t random = 7;
    sl_arena_init(&arena, "test");
    session = (struct sl_session){.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    struct sl_field fields[] = {{SL_STR("n"), &sl_type_int, true, {0}, {0}},
                                {SL_STR("s"), &sl_type_string, true, {0}, {0}}};
    const struct sl_type *schema = sl_type_struct(&arena, fields, 2);
    const uint32_t columns[] = {0, 1};
    struct sl_partition_map *map = sl_partition_map_new(schema, columns, 2, &session);
    for (int round = 0; round < 20; round++) {
        struct sl_batch batch;
        struct sl_partition_groups groups;
        uint64_t selected[4];
        make_batch(&batch, &arena, schema, 200, &random);
        for (int w = 0; w < 4; w++) selected[w] = sl_random_next(&random);
        batch.selected = selected;
        batch.selected_rows = (uint32_t)sl_bits_count(selected, 200);
        assert_int_equal(sl_partition_map_group(map, &batch, &groups, NULL), SL_OK);
        uint32_t seen = 0;
        for (uint32_t g = 0; g < groups.count; g++) {
            for (uint32_t i = groups.starts[g]; i < groups.starts[g + 1]; i++, seen++) {
                uint32_t row = groups.rows[i], first = groups.rows[groups.starts[g]];
                assert_true(sl_bit_get(selected, row));
                if (i > groups.starts[g]) assert_true(groups.rows[i - 1] < row);
                for (uint32_t c = 0; c < 2; c++)
                    assert_true(
                        sl_vec_rows_equal(&batch.columns[c], row, &batch.columns[c], first));
            }
            for (uint32_t h = 0; h < g; h++) assert_int_not_equal(groups.slots[g], groups.slots[h]);
        }
        assert_int_equal(seen, batch.selected_rows);
        sl_batch_release(&batch);
    }
    assert_true(sl_partition_map_slots(map) <= 30);
    for (uint32_t s = 0; s < sl_partition_map_slots(map); s++) {
        const char *dir = sl_partition_map_dir(map, s);
        assert_null(strstr(dir, "/../"));
        assert_int_equal(strncmp(dir, "n=", 2), 0);
    }
    sl_partition_map_free(map);
    sl_arena_release(&arena);
}
