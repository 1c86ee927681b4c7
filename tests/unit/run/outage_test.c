/* Which failures are waited out, and for how long. */
#include "unit.h"

#include <errno.h>

#include "base/fail.h"
#include "run/outage.h"

void test_what_is_an_outage(void **state) {
    (void)state;
    static const struct {
        int sys;
        bool outage;
    } errnos[] = {{ENOSPC, true}, {EDQUOT, true},  {EHOSTUNREACH, true}, {EIO, false},
                  {EROFS, false}, {EACCES, false}, {EMFILE, false}};
    struct sl_err err;
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        enum sl_code code = sl_fail_sys(&err, errnos[i].sys, "could not write");
        assert_int_equal(sl_outage_is(code, &err), errnos[i].outage);
    }
    assert_int_equal(sl_fail_sys(&err, EHOSTUNREACH, "x"), SL_UNAVAILABLE);
    sl_fail(&err, SL_UNAVAILABLE, "the password is wrong"); /* what lasts is not retriable */
    assert_false(sl_outage_is(SL_UNAVAILABLE, &err));
    err.retriable = true;
    assert_true(sl_outage_is(SL_UNAVAILABLE, &err));
    assert_true(sl_outage_is(SL_TIMEOUT, NULL));
    assert_false(sl_outage_is(SL_USER, &err));
    assert_false(sl_outage_is(SL_IO, NULL));
}

void test_waits_double_to_half_a_minute(void **state) {
    (void)state;
    static const int64_t waits[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct sl_outage outage = {0};
    assert_int_equal(sl_outage_ms_left(&outage), 0);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(sl_outage_note(&outage), i == 0);
        assert_int_equal(outage.wait_ms, waits[i]);
        assert_in_range(sl_outage_ms_left(&outage), waits[i] - 400, waits[i] + 1);
    }
    assert_true(sl_outage_seconds(&outage) < 10);
}
