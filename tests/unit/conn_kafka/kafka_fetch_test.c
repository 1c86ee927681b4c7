#include "kafka_lab.h"

#include "conn/kafka/kafka_fetch.h"

/* However many partitions, what all running fetchers hold together stays inside the memory. */
void test_shares_stay_inside_the_memory(void **state) {
    (void)state;
    enum { MB = 1 << 20 };
    static const uint32_t partitions[] = {0, 1, 2, 7, 255, 256, 257, 1000, 100000, UINT32_MAX};
    for (size_t bytes = MB; bytes <= 256u * MB; bytes *= 2)
        for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++) {
            struct sl_kafka_shares shares = sl_kafka_share_out(bytes, 64u * MB, partitions[i]);
            size_t running =
                partitions[i] < shares.running_max ? partitions[i] : shares.running_max;
            assert_true(shares.running_max >= 1);
            assert_true(running * (shares.queue_bytes + shares.fetch_bytes) <= bytes);
            /* what is left is enough to read with */
            assert_true(shares.queue_bytes >= 32u << 10);
            assert_true(shares.fetch_bytes >= 16u << 10);
        }
    /* a partition alone is not held back by those there could be */
    assert_int_equal(sl_kafka_share_out(16u * MB, 64u * MB, 1).queue_bytes, 8 * MB);
}

/* More partitions than can run: every record comes once, in turns over several batches, also when
 * one is split among readers. */
void test_more_partitions_than_can_run(void **state) {
    (void)state;
    enum { PARTITIONS = 100, EACH = 5 };
    struct lab lab;
    struct sl_budget budget;
    struct lab_rows *rows = calloc(1, sizeof *rows);
    bool seen[PARTITIONS][2 * EACH] = {{false}};
    lab_begin(&lab, "wide", PARTITIONS);
    sl_budget_init(&budget, 32 << 20); /* queues of 4 MB: 64 run */
    lab.env.budget = &budget;
    for (int round = 0; round < 2; round++) {
        for (int p = 0; p < PARTITIONS; p++) lab_produce(&lab, "wide", p, round * EACH, EACH);
        if (round == 0) {
            assert_int_equal(lab_open(&lab, true), SL_OK);
            lab_start(&lab);
        }
        lab.source->ops->wait(lab.source, sl_buf_str(&lab.start), 20);
        lab_latest(&lab, (struct sl_batch_limits){0});
        assert_true(lab.has_new);
        if (lab_read(&lab, 3, 100, rows) != SL_OK) fail_msg("%s", lab.err.msg);
        assert_int_equal(rows->count, PARTITIONS * EACH);
        for (uint32_t i = 0; i < rows->count; i++) {
            const struct lab_row *row = &rows->items[i];
            assert_in_range(row->offset, round * EACH, round * EACH + EACH - 1);
            assert_false(seen[row->partition][row->offset]);
            seen[row->partition][row->offset] = true;
        }
    }
    free(rows);
    lab_end(&lab);
}
