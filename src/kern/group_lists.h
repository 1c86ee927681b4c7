/* Lists of values of any type, one per group: all values in one vector, in the order they came, and
 * chains through it.  Or sets: each value once per group, with how often it was seen.
 *
 *   lists    group -> first, last, how many
 *   values   v0 v1 v2 ..      one vector
 *   next     2  5  0  ..      the value's successor in its group, + 1; 0: none
 *
 * Values of groups that were reset are dead; the vector is rewritten when half of it is. */
#ifndef SL_KERN_GROUP_LISTS_H
#define SL_KERN_GROUP_LISTS_H

#include "kern/accumulator.h"

struct sl_group_list { /* numbers of values + 1; 0: none */
    uint32_t first, last, count;
};
struct sl_group_member {  /* a value of a set */
    uint32_t hash, owner; /* owner: its group + 1; 0: dead */
    int64_t count;        /* how often it was seen */
};

struct sl_group_lists {
    struct sl_accumulator_base *base;
    struct sl_vec values;
    struct sl_group_array lists; /* struct sl_group_list */
    struct sl_group_array next;  /* uint32 per value */
    uint32_t dead;
    bool broken;         /* an append failed: fit only to be released */
    size_t values_bytes; /* counted */
    /* sets */
    bool distinct;
    struct sl_group_array members; /* struct sl_group_member per value */
    struct sl_group_array slots;   /* uint32: value + 1; cap is a power of two */
    /* rows of one call */
    uint32_t *picked;
    uint64_t *row_hashes;
    uint32_t room;
};

void sl_group_lists_init(struct sl_group_lists *lists, struct sl_accumulator_base *base,
                         const struct sl_type *type, bool distinct);
void sl_group_lists_release(struct sl_group_lists *lists);
SL_MUST_CHECK enum sl_code sl_group_lists_grow(struct sl_group_lists *lists, uint32_t count,
                                               struct sl_err *err);
void sl_group_lists_reset(struct sl_group_lists *lists, const uint32_t *groups, uint32_t count);
/* Row rows[i] goes to groups[i]; nulls are skipped. weights (sets; NULL: 1): what is added to the
 * value's count. */
SL_MUST_CHECK enum sl_code sl_group_lists_add(struct sl_group_lists *lists,
                                              const struct sl_vec *vec, const uint32_t *rows,
                                              const uint32_t *groups, const int64_t *weights,
                                              uint32_t count, struct sl_err *err);
/* Elements of the arrays in rows[i] go to groups[i]; counts: arrays of their weights, or NULL. */
SL_MUST_CHECK enum sl_code sl_group_lists_merge(struct sl_group_lists *lists,
                                                const struct sl_vec *arrays,
                                                const struct sl_vec *counts, const uint32_t *rows,
                                                const uint32_t *groups, uint32_t count,
                                                struct sl_err *err);
/* Appends each group's values as an array; sl_group_lists_append_counts: their counts. */
SL_MUST_CHECK enum sl_code sl_group_lists_append(const struct sl_group_lists *lists,
                                                 const uint32_t *groups, uint32_t count,
                                                 struct sl_vec *out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_group_lists_append_counts(const struct sl_group_lists *lists,
                                                        const uint32_t *groups, uint32_t count,
                                                        struct sl_vec *out, struct sl_err *err);

static inline const struct sl_group_list *sl_group_list(const struct sl_group_lists *lists,
                                                        uint32_t group) {
    return (const struct sl_group_list *)lists->lists.data + group;
}
static inline int64_t sl_group_list_seen(const struct sl_group_lists *lists, uint32_t value) {
    return ((const struct sl_group_member *)lists->members.data)[value - 1].count;
}
/* for (uint32_t v = list->first; v; v = sl_group_list_next(lists, v)) use value v - 1 */
static inline uint32_t sl_group_list_next(const struct sl_group_lists *lists, uint32_t value) {
    return ((const uint32_t *)lists->next.data)[value - 1];
}

#endif
