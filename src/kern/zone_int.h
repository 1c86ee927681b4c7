/* Inside of a time zone; shared by zone.c (lookup) and zone_load.c (TZif files). */
#ifndef SL_KERN_ZONE_INT_H
#define SL_KERN_ZONE_INT_H

#include "kern/zone.h"

enum sl_zone_rule_kind {
    SL_ZONE_RULE_JULIAN, /* Jn: 1..365, February 29 not counted */
    SL_ZONE_RULE_DAY,    /* n: 0..365 */
    SL_ZONE_RULE_WEEK    /* Mm.w.d */
};
/* When a clock changes, by POSIX TZ rules. */
struct sl_zone_rule {
    enum sl_zone_rule_kind kind;
    int32_t day, week, month;
    int32_t seconds; /* of the local day; may be negative or past 24 hours */
};

struct sl_zone {
    char name[64];
    bool is_fixed;
    int32_t fixed_offset;
    uint32_t transition_count;
    int64_t *at;            /* UTC seconds, ascending */
    int32_t *offset_after;  /* offset from at[i] on */
    int32_t first_offset;   /* before at[0] */
    bool has_rule, has_dst; /* after the last transition */
    int32_t std_offset, dst_offset;
    struct sl_zone_rule dst_start, dst_end;
    struct sl_zone *next;
};

/* Fills zone from the system's tz database; false when there is no such zone there. */
bool sl_zone_load(struct sl_str region, struct sl_zone *zone);
/* POSIX TZ text ("CET-1CEST,M3.5.0,M10.5.0/3"); false when malformed. */
bool sl_zone_parse_rule(struct sl_str text, struct sl_zone *zone);

#endif
