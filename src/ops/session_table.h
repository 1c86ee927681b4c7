/* The sessions of a shard: numbers 0.. with their times, chained by key, latest first. Sessions of
 * a key neither overlap nor touch, so a chain is in the order of the ends, too.
 *
 * The head of a key's chain is with the owner (SL_NO_SESSION: none).  Owner: who holds the shard's
 * lock. */
#ifndef SL_OPS_SESSION_TABLE_H
#define SL_OPS_SESSION_TABLE_H

#include "base/bits.h"
#include "base/budget.h"

#define SL_NO_SESSION UINT32_MAX
enum { SL_SESSION_CHUNK = 1024 };

struct sl_session_table {
    struct sl_budget *budget;
    int64_t *start, *end; /* [start, end), microseconds; per session, as the next three */
    uint32_t *key;
    uint32_t *next;                    /* in the chain; of a free number the next free one */
    uint32_t *parent;                  /* the session that took it over; itself */
    uint64_t *live, *touched, *stored; /* bitmaps: there; changed in this batch; its start is a key
                                          of the saved state */
    int64_t *end_min;                  /* lower bound per SL_SESSION_CHUNK sessions */
    uint32_t count, limit, cap, free_head;
};
void sl_session_table_init(struct sl_session_table *table, struct sl_budget *budget);
void sl_session_table_release(struct sl_session_table *table);
static inline size_t sl_session_table_bytes(const struct sl_session_table *table) {
    return (size_t)table->cap * (2 * 8 + 3 * 4) + table->cap / 8 * 3 +
           table->cap / SL_SESSION_CHUNK * 8;
}
/* Room for `more` sessions, so that add cannot fail. */
SL_MUST_CHECK enum sl_code sl_session_table_reserve(struct sl_session_table *table, uint32_t more,
                                                    struct sl_err *err);
uint32_t sl_session_table_add(struct sl_session_table *table, uint32_t key, int64_t start,
                              int64_t end);
/* Its number is given out again; the chain is the caller's. */
void sl_session_table_remove(struct sl_session_table *table, uint32_t session);
/* After end became earlier (a number that is loaded again). */
void sl_session_table_note_end(struct sl_session_table *table, uint32_t session);
/* The session that rows of `session` belong to now. */
uint32_t sl_session_table_root(struct sl_session_table *table, uint32_t session);

/* Numbers from *word (begin with 0) on: those in a bitmap of the table; at most cap >= 64, 0 at the
 * end. */
uint32_t sl_session_table_list(const struct sl_session_table *table, const uint64_t *bits,
                               size_t *word, uint32_t *sessions, uint32_t cap);
/* Sessions that end at or before until_us; cap >= SL_SESSION_CHUNK; the caller removes them. */
uint32_t sl_session_table_due(struct sl_session_table *table, int64_t until_us, uint32_t *chunk,
                              uint32_t *sessions, uint32_t cap);

#endif
