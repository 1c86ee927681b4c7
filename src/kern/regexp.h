/* Java regular expressions on PCRE2: compiled once per call site, matched with limits. */
#ifndef SL_KERN_REGEXP_H
#define SL_KERN_REGEXP_H

#include "base/buf.h"
#include "kern/call.h"

/* Lines "pcre2 10.42 .." and "openssl ..", for `sluice version`. */
void sl_regexp_put_version(struct sl_buf *out);
void sl_digest_put_version(struct sl_buf *out);

/* Rewrites what Java says differently (\p{Alpha}, \uXXXX, class intersection ...) to PCRE2's
 * syntax; false with a reason when there is no such thing there.  *unicode: the pattern asks for
 * (?U). */
bool sl_regexp_translate(struct sl_str java, struct sl_buf *out, bool *unicode, const char **why);

struct sl_regexp;
/* Immutable once made; freed with the arena.  `function` is for the message: Spark's
 * INVALID_PARAMETER_VALUE.PATTERN. */
SL_MUST_CHECK enum sl_code sl_regexp_compile(struct sl_arena *query, struct sl_str pattern,
                                             const char *function, const struct sl_regexp **out,
                                             struct sl_err *err);
uint32_t sl_regexp_groups(const struct sl_regexp *regexp);
/* Number of a named group; 0 if there is none. */
uint32_t sl_regexp_group_number(const struct sl_regexp *regexp, struct sl_str name);

/* One kernel call's matching: the pattern of the call site, or the row's own. */
struct sl_regexp_use {
    struct sl_call *call;
    uint32_t pattern_arg;
    const char *function;
    const struct sl_regexp *regexp; /* of the row begun last; NULL: it is no pattern */
    struct sl_arena own;            /* patterns that differ by row */
    struct sl_str own_pattern;
    void *match_data; /* room for regexp's groups */
    uint32_t match_groups;
    struct sl_str subject;
    uint32_t row;
    const size_t *groups; /* begin, end of group 0, 1, ... after a match; SIZE_MAX: unset */
};
void sl_regexp_use_begin(struct sl_regexp_use *use, struct sl_call *call, uint32_t pattern_arg,
                         const char *function);
void sl_regexp_use_end(struct sl_regexp_use *use);
/* Takes the row's pattern; false (and the row reported) when it is none. */
bool sl_regexp_use_row(struct sl_regexp_use *use, uint32_t row, struct sl_str subject);
/* The next match at or behind byte `from`; a row that passes the limits is reported and has none.
 */
bool sl_regexp_find(struct sl_regexp_use *use, size_t from);
/* Text of a group of the last match; "" when it took no part. */
struct sl_str sl_regexp_group(const struct sl_regexp_use *use, uint32_t group);
/* Where the search goes on behind the last match: an empty match moves on by a character.  May be
 * past the subject's end: then there is no further match. */
size_t sl_regexp_next(const struct sl_regexp_use *use);

#endif
