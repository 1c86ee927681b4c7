#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "col/batch.h"

static struct sl_fault fault_of(uint32_t row, const char *msg) {
    return (struct sl_fault){.row = row, .kind = SL_FAULT_CONSTRAINT, .msg = sl_str(msg)};
}

void test_faults_keep_the_first_of_a_record(void **state) {
    (void)state;
    struct sl_faults faults;
    char text[] = "first";
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 100);
    assert_false(sl_faults_has(&faults, 70));
    struct sl_fault fault = fault_of(70, text);
    assert_true(sl_faults_add(&faults, &fault));
    text[0] = 'X'; /* the text was copied */
    fault = fault_of(70, "second");
    assert_false(sl_faults_add(&faults, &fault));
    assert_true(sl_faults_has(&faults, 70));
    assert_int_equal(faults.count, 1);
    assert_true(sl_str_eq(faults.items[0].msg, SL_STR("first")));
    sl_faults_begin(&faults, 3);
    assert_false(sl_faults_has(&faults, 0));
    assert_int_equal(faults.count, 0);
    sl_faults_release(&faults);
}

/* Values that are quoted may be no text at all; a dead letter's message is. */
void test_messages_are_valid_utf8(void **state) {
    (void)state;
    struct sl_faults faults;
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 2);
    struct sl_fault fault = fault_of(1, "the value '\xC3\xA9\xFF\xE2\x82' is not");
    assert_true(sl_faults_add(&faults, &fault));
    assert_string_equal(faults.items[0].msg.ptr,
                        "the value '\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD' is not");
    sl_faults_release(&faults);
}

/* Method: rows 0..9 made from records 0,0,1,1,..; record 2 fails: rows 4 and 5 leave. */
void test_batch_drop_failed_drops_all_rows_of_a_record(void **state) {
    (void)state;
    struct sl_faults faults;
    struct sl_arena arena;
    struct sl_batch batch;
    uint32_t source_rows[10];
    uint64_t bits[1], selected[1] = {0x3F1};
    sl_arena_init(&arena, "test");
    sl_batch_init(&batch, sl_type_struct(&arena, NULL, 0), &arena);
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 5);
    for (uint32_t r = 0; r < 10; r++) source_rows[r] = r / 2;
    batch.rows = 10;
    batch.faults = &faults;
    batch.source_rows = source_rows;
    sl_batch_drop_failed(&batch, bits);
    assert_null(batch.selected); /* nothing failed: nothing is narrowed */
    struct sl_fault fault = fault_of(sl_batch_source_row(&batch, 4), "bad");
    sl_faults_add(&faults, &fault);
    batch.selected = selected;
    sl_batch_drop_failed(&batch, bits);
    assert_int_equal(batch.selected[0] & 0x3FF, 0x3C1);
    assert_int_equal(batch.selected_rows, 5);
    batch.source_rows = NULL;
    batch.selected = NULL;
    batch.rows = 5;
    sl_batch_drop_failed(&batch, bits);
    assert_int_equal(batch.selected[0] & 0x1F, 0x1B);
    assert_int_equal(batch.selected_rows, 4);
    sl_faults_release(&faults);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}
