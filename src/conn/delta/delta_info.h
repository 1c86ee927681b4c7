/* What a commit tells of itself: the objects operationParameters and operationMetrics of its
 * commitInfo, member by member.  Names and texts are borrowed; what is made lies in the arena.
 * Owner: one thread. */
#ifndef SL_CONN_DELTA_INFO_H
#define SL_CONN_DELTA_INFO_H

#include "lake/delta/action.h"

enum { SL_DELTA_INFO_MEMBERS = 12 };

struct sl_delta_info {
    struct sl_arena *arena;
    struct sl_str names[SL_DELTA_INFO_MEMBERS];
    struct sl_json items[SL_DELTA_INFO_MEMBERS];
    size_t count;
};

/* text.ptr NULL: JSON null */
void sl_delta_info_put(struct sl_delta_info *info, const char *name, struct sl_str text);
void sl_delta_info_put_bool(struct sl_delta_info *info, const char *name, bool value);
void sl_delta_info_put_number(struct sl_delta_info *info, const char *name, int64_t value);
/* A number in a text, as Spark writes metrics. */
void sl_delta_info_put_count(struct sl_delta_info *info, const char *name, uint64_t value);
/* A list in a text: "[\"a\",\"b\"]". */
void sl_delta_info_put_names(struct sl_delta_info *info, const char *name,
                             const struct sl_str *items, uint32_t count);
/* An object in a text. */
void sl_delta_info_put_map(struct sl_delta_info *info, const char *name,
                           const struct sl_delta_map *map);
/* Valid while `info` is. */
struct sl_json sl_delta_info_json(struct sl_delta_info *info);

/* ["a","b"] and {"a":"b"} */
void sl_delta_put_names(struct sl_buf *out, const struct sl_str *items, uint32_t count);
void sl_delta_put_map(struct sl_buf *out, const struct sl_delta_map *map);

#endif
