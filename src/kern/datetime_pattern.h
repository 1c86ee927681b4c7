/* java.time patterns ("yyyy-MM-dd HH:mm:ss[.SSS]"), compiled once, as Spark uses them: which
 * letters it takes, strict fields, defaults for fields that are not there. */
#ifndef SL_KERN_DATETIME_PATTERN_H
#define SL_KERN_DATETIME_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "kern/zone.h"

enum { SL_PATTERN_OPS_MAX = 64 };

struct sl_pattern_op {
    char letter;        /* '\'' literal; '[' and ']' optional section; else the pattern letter */
    uint8_t count;      /* how often the letter stood there */
    uint8_t min, max;   /* digits, when it is read as a number */
    uint8_t subsequent; /* digits that fixed fields right behind it will want */
    uint8_t jump;       /* '[': index of its ']' */
    struct sl_str text; /* literal */
};
struct sl_pattern {
    struct sl_str text;
    bool for_parsing;
    bool has_era; /* years are counted within an era */
    uint32_t count;
    struct sl_pattern_op ops[SL_PATTERN_OPS_MAX];
};

/* Errors are Spark's: INVALID_DATETIME_PATTERN.*, INCONSISTENT_BEHAVIOR_CROSS_VERSION.*. */
SL_MUST_CHECK enum sl_code sl_pattern_compile(struct sl_arena *arena, struct sl_str text,
                                              bool for_parsing, struct sl_pattern *out,
                                              struct sl_err *err);
/* Why a text was not taken, in java.time's words. */
struct sl_pattern_failure {
    char why[128]; /* "at index 4", ": Invalid date 'FEBRUARY 30'" ... */
};
/* Micros of the instant; zone is that of texts that name none. */
bool sl_pattern_parse(const struct sl_pattern *pattern, struct sl_str text,
                      const struct sl_zone *zone, int64_t *micros,
                      struct sl_pattern_failure *failure);
/* Appends; zone NULL: micros are a wall clock reading. */
void sl_pattern_format(const struct sl_pattern *pattern, int64_t micros, const struct sl_zone *zone,
                       struct sl_buf *out);

extern const char *const sl_month_names[12], *const sl_weekday_names[7];

#endif
