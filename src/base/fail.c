#include "base/fail.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

enum action { ACTION_CRASH, ACTION_STOP, ACTION_SLEEP, ACTION_ERRNO };

struct point {
    struct sl_str name;
    int64_t nth; /* 0 = every time */
    enum action action;
    int errno_value;
    int64_t sleep_ms;
    atomic_int_least64_t hits;
};

bool sl_fail_armed;
static struct point *points;
static size_t point_count;
static char *text_of_points; /* their names lie in it */

static const struct {
    const char *name;
    int errno_value;
} errnos[] = {{"enospc", ENOSPC}, {"eio", EIO},       {"edquot", EDQUOT},
              {"erofs", EROFS},   {"emfile", EMFILE}, {"eacces", EACCES},
              {"exdev", EXDEV},   {"einval", EINVAL}, {"ehostunreach", EHOSTUNREACH}};

static bool parse_action(struct point *point, struct sl_str text) {
    struct sl_str sleep = SL_STR("sleep=");
    if (sl_str_eq(text, SL_STR("crash"))) return point->action = ACTION_CRASH, true;
    if (sl_str_eq(text, SL_STR("stop"))) return point->action = ACTION_STOP, true;
    if (sl_str_starts(text, sleep))
        return point->action = ACTION_SLEEP,
               sl_str_to_i64(sl_str_sub(text, sleep.len, text.len), &point->sleep_ms) &&
                   point->sleep_ms >= 0;
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (sl_str_eq(text, sl_str(errnos[i].name)))
            return point->action = ACTION_ERRNO, point->errno_value = errnos[i].errno_value, true;
    return false;
}

/* Cuts off the part in front of the first `mark`, or everything. */
static struct sl_str take_part(struct sl_str *rest, struct sl_str mark) {
    size_t at = sl_str_find(*rest, mark, 0);
    struct sl_str part = sl_str_sub(*rest, 0, at == SIZE_MAX ? rest->len : at);
    *rest = at == SIZE_MAX ? (struct sl_str){rest->ptr + rest->len, 0}
                           : sl_str_sub(*rest, at + mark.len, rest->len);
    return part;
}

static bool parse_point(struct point *point, struct sl_str text) {
    *point = (struct point){.name = take_part(&text, SL_STR(":"))};
    struct sl_str nth = take_part(&text, SL_STR(":"));
    if (!point->name.len) return false;
    if (!sl_str_eq(nth, SL_STR("*")) && (!sl_str_to_i64(nth, &point->nth) || point->nth < 1))
        return false;
    atomic_init(&point->hits, 0);
    return parse_action(point, text);
}

static void report_unreached(void) {
    for (size_t i = 0; i < point_count; i++)
        if (atomic_load(&points[i].hits) == 0)
            fprintf(stderr, "sluice: failpoint %.*s was never reached\n",
                    SL_STR_ARG(points[i].name));
}

static void switch_off(void) {
    sl_fail_armed = false;
    point_count = 0;
    free(points);
    free(text_of_points);
    points = NULL;
    text_of_points = NULL;
}

static enum sl_code bad_point(struct sl_str item, struct sl_err *err) {
    sl_fail(err, SL_USER, "SLUICE_FAILPOINTS: bad failpoint `%.*s`", SL_STR_ARG(item));
    return sl_hint(err, "write name:nth:action, separated by commas; nth is a number from 1 or *, "
                        "actions: crash, stop, sleep=MS, enospc, eio, edquot, erofs, emfile, "
                        "eacces, exdev, einval, ehostunreach"),
           SL_USER;
}

enum sl_code sl_fail_configure(const char *spec, struct sl_err *err) {
    switch_off();
    if (!spec || !*spec) return SL_OK;
    struct sl_str rest = sl_str(spec);
    size_t most = 1;
    for (const char *c = spec; *c; c++) most += *c == ',';
    text_of_points = sl_xmalloc(rest.len + 1);
    memcpy(text_of_points, spec, rest.len + 1);
    rest.ptr = text_of_points;
    points = sl_xcalloc(most, sizeof *points);
    for (size_t i = 0; i < most; i++) {
        struct sl_str item = take_part(&rest, SL_STR(","));
        if (!parse_point(&points[i], item)) {
            bad_point(item, err);
            switch_off();
            return SL_USER;
        }
    }
    point_count = most;
    const char *strict = getenv("SLUICE_FAILPOINTS_STRICT");
    if (strict && *strict == '1') atexit(report_unreached);
    sl_fail_armed = true;
    return SL_OK;
}

static int act(const struct point *point) {
    switch (point->action) {
    case ACTION_CRASH:
        kill(getpid(), SIGKILL);
        pause();
        return 0;
    case ACTION_STOP:
        kill(getpid(), SIGSTOP);
        return 0;
    case ACTION_SLEEP:
        sl_clock_sleep_ms(point->sleep_ms);
        return 0;
    case ACTION_ERRNO:
        return point->errno_value;
    }
    return 0;
}

int sl_fail_point_slow(const char *name) {
    for (size_t i = 0; i < point_count; i++) {
        if (!sl_str_eq(points[i].name, sl_str(name))) continue;
        int64_t hit = atomic_fetch_add(&points[i].hits, 1) + 1;
        if (points[i].nth == 0 || points[i].nth == hit) {
            int failure = act(&points[i]);
            if (failure) return failure;
        }
    }
    return 0;
}
