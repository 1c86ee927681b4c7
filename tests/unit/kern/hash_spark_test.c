/* Goal: the hash that decides a row's shard is Spark's, for every type and encoding.  Method:
 * values that Spark gives, and random columns against the same rows one at a time. */
#include "random_rows.h"

#include "kern/hash_spark.h"

static struct sl_arena arena;
static struct random_rows rnd;

/* SELECT hash('Spark', array(123), 2): the example of Spark's documentation; hash(1), hash(1L). */
void test_hash_spark_gives_sparks_values(void **state) {
    (void)state;
    struct sl_vec text, list, two, one;
    const struct sl_vec *columns[] = {&text, &list, &two}, *single[] = {&one};
    int32_t hash;
    sl_arena_init(&arena, "test");
    sl_vec_init(&text, &sl_type_string);
    sl_vec_init(&list, sl_type_array(&arena, &sl_type_int, false));
    sl_vec_init(&two, &sl_type_int);
    random_must(&rnd, sl_vec_put_str(&text, SL_STR("Spark"), &rnd.err));
    random_must(&rnd, sl_vec_reserve(&list, 1, &rnd.err));
    random_must(&rnd, sl_vec_put_i64(&list.children[0], 123, &rnd.err));
    list.offsets[1] = 1;
    list.rows = 1;
    random_must(&rnd, sl_vec_put_i64(&two, 2, &rnd.err));
    sl_hash_spark(columns, 3, NULL, 1, &hash);
    assert_int_equal(hash, -1321691492);
    sl_vec_init(&one, &sl_type_int);
    random_must(&rnd, sl_vec_put_i64(&one, 1, &rnd.err));
    sl_hash_spark(single, 1, NULL, 1, &hash);
    assert_int_equal(hash, -559580957);
    sl_vec_release(&one);
    sl_vec_init(&one, &sl_type_long);
    random_must(&rnd, sl_vec_put_i64(&one, 1, &rnd.err));
    sl_hash_spark(single, 1, NULL, 1, &hash);
    assert_int_equal(hash, -1712319331);
    sl_vec_clear(&one);
    random_must(&rnd, sl_vec_append_null(&one, 1, &rnd.err));
    sl_hash_spark(single, 1, NULL, 1, &hash);
    assert_int_equal(hash, 42);
    sl_vec_release(&one);
    sl_vec_release(&text);
    sl_vec_release(&list);
    sl_vec_release(&two);
    sl_arena_release(&arena);
}

void test_hash_spark_of_every_encoding(void **state) {
    (void)state;
    enum { COLUMNS = 10 };
    const struct sl_type *schema;
    rnd = random_rows_from(3);
    for (uint32_t round = 0; round < 60; round++) {
        struct sl_vec columns[COLUMNS];
        const struct sl_vec *pointers[COLUMNS];
        uint32_t rows = 1 + random_pick(&rnd, 60), picked[60], count = 0;
        int32_t hashes[60];
        sl_arena_init(&arena, "test");
        random_must(&rnd,
                    sl_type_parse_schema(
                        &arena,
                        SL_STR("a BIGINT, b INT, c STRING, d BOOLEAN, e DOUBLE, f DECIMAL(30,2), "
                               "g STRUCT<start: TIMESTAMP, name: STRING>, h ARRAY<STRING>, i "
                               "TIMESTAMP, j SMALLINT"),
                        &schema, &rnd.err));
        for (uint32_t c = 0; c < COLUMNS; c++) {
            sl_vec_init(&columns[c], schema->fields[c].type);
            random_column(&rnd, &columns[c], rows);
            pointers[c] = &columns[c];
        }
        uint32_t from = random_pick(&rnd, COLUMNS), width = 1 + random_pick(&rnd, COLUMNS - from);
        for (uint32_t i = 0; i < rows; i++)
            if (random_pick(&rnd, 2)) picked[count++] = i;
        sl_hash_spark(pointers + from, width, picked, count, hashes);
        for (uint32_t i = 0; i < count; i++) {
            struct sl_vec one[COLUMNS];
            const struct sl_vec *ones[COLUMNS];
            int32_t alone;
            for (uint32_t c = 0; c < width; c++) {
                sl_vec_init(&one[c], schema->fields[from + c].type);
                random_must(&rnd,
                            sl_vec_append(&one[c], &columns[from + c], &picked[i], 1, &rnd.err));
                one[c].enc = SL_ENC_CONST;
                ones[c] = &one[c];
            }
            sl_hash_spark(ones, width, NULL, 1, &alone);
            assert_int_equal(hashes[i], alone);
            for (uint32_t c = 0; c < width; c++) sl_vec_release(&one[c]);
        }
        for (uint32_t c = 0; c < COLUMNS; c++) sl_vec_release(&columns[c]);
        sl_arena_release(&arena);
    }
}
