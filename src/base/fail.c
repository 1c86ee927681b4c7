#include "base/fail.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { POINTS_MAX = 16, NAME_MAX_BYTES = 64 };
enum action { ACTION_CRASH, ACTION_STOP, ACTION_SLEEP, ACTION_ERRNO };

struct point {
    char name[NAME_MAX_BYTES];
    long nth; /* 0 = every time */
    enum action action;
    int errno_value;
    int64_t sleep_ms;
    atomic_long hits;
};

bool sl_fail_armed;
static struct point points[POINTS_MAX];
static int point_count;

static const struct {
    const char *name;
    int errno_value;
} errnos[] = {{"enospc", ENOSPC}, {"eio", EIO},       {"edquot", EDQUOT}, {"erofs", EROFS},
              {"emfile", EMFILE}, {"eacces", EACCES}, {"exdev", EXDEV},   {"einval", EINVAL}};

static bool parse_action(struct point *point, const char *text) {
    if (strcmp(text, "crash") == 0) return point->action = ACTION_CRASH, true;
    if (strcmp(text, "stop") == 0) return point->action = ACTION_STOP, true;
    if (strncmp(text, "sleep=", 6) == 0)
        return point->action = ACTION_SLEEP, sl_str_to_i64(sl_str(text + 6), &point->sleep_ms);
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (strcmp(text, errnos[i].name) == 0)
            return point->action = ACTION_ERRNO, point->errno_value = errnos[i].errno_value, true;
    return false;
}

static bool parse_point(struct point *point, const char *text) {
    char nth[16], action[32];
    if (sscanf(text, "%63[^:]:%15[^:]:%31s", point->name, nth, action) != 3) return false;
    int64_t count = 0;
    if (strcmp(nth, "*") != 0 && (!sl_str_to_i64(sl_str(nth), &count) || count < 1)) return false;
    point->nth = (long)count;
    atomic_init(&point->hits, 0);
    return parse_action(point, action);
}

static void report_unreached(void) {
    for (int i = 0; i < point_count; i++)
        if (atomic_load(&points[i].hits) == 0)
            fprintf(stderr, "sluice: failpoint %s was never reached\n", points[i].name);
}

enum sl_code sl_fail_configure(const char *spec, struct sl_err *err) {
    point_count = 0;
    sl_fail_armed = false;
    if (!spec || !*spec) return SL_OK;
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", spec);
    char *rest = copy;
    for (char *item; (item = strsep(&rest, ",")) != NULL;) {
        if (point_count == POINTS_MAX || !parse_point(&points[point_count], item))
            return sl_fail(err, SL_USER, "bad failpoint `%s` (want name:nth:action)", item);
        point_count++;
    }
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
    for (int i = 0; i < point_count; i++) {
        if (strcmp(points[i].name, name) != 0) continue;
        long hit = atomic_fetch_add(&points[i].hits, 1) + 1;
        if (points[i].nth == 0 || points[i].nth == hit) return act(&points[i]);
    }
    return 0;
}
