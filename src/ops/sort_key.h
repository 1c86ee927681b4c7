/* What rows are ordered by, as bits: rows whose bits differ are ordered by them.
 *
 *     [not null? 1][value of key 0][not null? 1][value of key 1] ..
 *
 * A number is its bits made unsigned, a text its bytes (0 as 0 1) and two zeros, a struct its
 * fields; descending keys are inverted.  No value's bits begin another's, so rows of equal bits
 * have equal keys, unless one of them was cut. */
#ifndef SL_OPS_SORT_KEY_H
#define SL_OPS_SORT_KEY_H

#include "expr/aggregate.h"

enum { SL_SORT_WORDS = 3 };

struct sl_sort_entry {
    uint64_t words[SL_SORT_WORDS]; /* the first bits of word 0 count most */
    uint32_t row;                  /* the owner's */
    bool is_cut;                   /* not all bits had room */
};
/* Entries of rows[0..count); columns of any encoding; out[i].row is left as it is. */
void sl_sort_entries(const struct sl_sorting *sorting, const struct sl_vec *columns,
                     const uint32_t *rows, uint32_t count, struct sl_sort_entry *out);

/* < 0, 0, > 0: by the bits. */
static inline int sl_sort_compare_bits(const struct sl_sort_entry *a,
                                       const struct sl_sort_entry *b) {
    for (int w = 0; w < SL_SORT_WORDS; w++)
        if (a->words[w] != b->words[w]) return a->words[w] < b->words[w] ? -1 : 1;
    return 0;
}

#endif
