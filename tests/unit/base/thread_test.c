#include "unit.h"

#include <stdatomic.h>
#include <string.h>

#include "base/budget.h"
#include "base/thread.h"

struct sums {
    atomic_long total;
    atomic_int calls;
    long fail_at;
};

static enum sl_code add(void *ctx, size_t worker, size_t task, struct sl_err *err) {
    struct sums *sums = ctx;
    (void)worker;
    atomic_fetch_add(&sums->calls, 1);
    if ((long)task == sums->fail_at) return sl_fail(err, SL_DATA, "task %zu fails", task);
    atomic_fetch_add(&sums->total, (long)task);
    return SL_OK;
}

void test_pool_runs_every_task_once(void **state) {
    (void)state;
    for (size_t workers = 1; workers <= 4; workers++) {
        struct sl_pool *pool;
        assert_int_equal(sl_pool_new(workers, &pool, NULL), SL_OK);
        for (int round = 0; round < 20; round++) {
            struct sums sums = {.fail_at = -1};
            assert_int_equal(sl_pool_run(pool, 100, add, &sums, NULL), SL_OK);
            assert_int_equal(atomic_load(&sums.total), 4950);
            assert_int_equal(atomic_load(&sums.calls), 100);
        }
        sl_pool_free(pool);
    }
}

void test_pool_returns_the_failure_and_works_again(void **state) {
    (void)state;
    struct sl_pool *pool;
    struct sl_err err = {0};
    struct sums sums = {.fail_at = 7};
    assert_int_equal(sl_pool_new(3, &pool, NULL), SL_OK);
    assert_int_equal(sl_pool_run(pool, 50, add, &sums, &err), SL_DATA);
    assert_string_equal(err.msg, "task 7 fails");
    sums.fail_at = -1;
    assert_int_equal(sl_pool_run(pool, 2, add, &sums, &err), SL_OK);
    assert_int_equal(sl_pool_run(pool, 0, add, &sums, &err), SL_OK);
    sl_pool_free(pool);
}

void test_budget_refuses_beyond_the_limit(void **state) {
    (void)state;
    struct sl_budget budget;
    struct sl_err err;
    sl_budget_init(&budget, 100);
    assert_int_equal(sl_budget_take(&budget, 60, "a", &err), SL_OK);
    assert_int_equal(sl_budget_take(&budget, 50, "the pages", &err), SL_NOMEM);
    assert_non_null(strstr(err.msg, "the pages: "));
    assert_non_null(strstr(err.hint, "--memory"));
    sl_budget_give(&budget, 60);
    assert_int_equal(sl_budget_take(&budget, 100, "b", &err), SL_OK);
    assert_int_equal(atomic_load(&budget.peak_bytes), 100);
}
