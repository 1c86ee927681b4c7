#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"

static enum sl_code configure(const char *spec) {
    struct sl_err err = {0};
    enum sl_code code = sl_fail_configure(spec, &err);
    if (code != SL_OK) {
        assert_non_null(strstr(err.msg, "bad failpoint"));
        assert_non_null(strstr(err.hint, "name:nth:action"));
    }
    return code;
}

void test_points_count_their_hits(void **state) {
    (void)state;
    assert_int_equal(configure("a:2:eio,b:*:enospc,c:1:sleep=0"), SL_OK);
    assert_int_equal(sl_fail_point("a"), 0);
    assert_int_equal(sl_fail_point("a"), EIO);
    assert_int_equal(sl_fail_point("a"), 0);
    assert_int_equal(sl_fail_point("b"), ENOSPC);
    assert_int_equal(sl_fail_point("b"), ENOSPC);
    assert_int_equal(sl_fail_point("c"), 0);
    assert_int_equal(sl_fail_point("ab"), 0);
    assert_int_equal(configure(NULL), SL_OK);
    assert_int_equal(sl_fail_point("b"), 0);
}

/* The last of many points, behind what was once a buffer of 1 KiB, and a name longer than 63 bytes.
 */
void test_any_length(void **state) {
    (void)state;
    struct sl_buf spec = {0};
    for (int i = 0; i < 500; i++) sl_buf_printf(&spec, "some.point.%d:1:eio,", i);
    for (int i = 0; i < 100; i++) sl_buf_put_cstr(&spec, "long");
    sl_buf_put_cstr(&spec, ":1:edquot,last:3:erofs");
    assert_int_equal(configure(sl_buf_cstr(&spec)), SL_OK);
    assert_int_equal(sl_fail_point("some.point.499"), EIO);
    char name[401] = "";
    for (int i = 0; i < 100; i++) memcpy(name + 4 * i, "long", 5);
    assert_int_equal(sl_fail_point(name), EDQUOT);
    assert_int_equal(sl_fail_point("last"), 0);
    assert_int_equal(sl_fail_point("last"), 0);
    assert_int_equal(sl_fail_point("last"), EROFS);
    sl_buf_release(&spec);
    assert_int_equal(configure(""), SL_OK);
}

void test_wrong_syntax_is_refused_and_leaves_all_off(void **state) {
    (void)state;
    static const char *const wrong[] = {"a",
                                        "a:1",
                                        "a:1:",
                                        ":1:eio",
                                        "a:0:eio",
                                        "a:-1:eio",
                                        "a:x:eio",
                                        "a::eio",
                                        "a:1:nothing",
                                        "a:1:crash:2",
                                        "a:1:eio ",
                                        "a:1:sleep=",
                                        "a:1:sleep=-1",
                                        "a:1:sleep=1s",
                                        "a:99999999999999999999:eio",
                                        "a:1:eio,",
                                        ",a:1:eio",
                                        "a:1:eio,,b:1:eio",
                                        "a:1:eio;b:1:eio"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (configure(wrong[i]) != SL_USER) fail_msg("`%s` was taken", wrong[i]);
        assert_int_equal(sl_fail_point("a"), 0);
    }
}
