/* Rows that wait on disk because what a query remembers has no room in memory.
 *
 * When the use of `--memory` comes near to its limit, shards of a stateful operator are closed one
 * after another: from then on the rows of a closed shard go to a scratch file instead of being
 * worked on.  At the end of the batch shards get memory in turns (run/state_room.h), and the rows
 * that wait come back and go through the operator as any others.  So a batch of any size needs
 * memory for its largest shards only, and reads and writes files from front to back.
 *
 * The operators call `divert` when they have sorted a batch's rows by shard; rows that are late, or
 * cannot matter, have left by then.  Rows keep their order within a task.  A row that waited has no
 * source record any more: run/ makes no spill for an operator above which a record may fail into a
 * quarantine.
 *
 * Threads: divert by all tasks; the others while no task diverts, take_back for different shards at
 * once.  Owner: run/states.h, with the operator whose rows it keeps.
 */
#ifndef SL_OPS_SPILL_H
#define SL_OPS_SPILL_H

#include "ops/shards.h"

struct sl_spill;
struct sl_spill_spec {
    const char *dir;                 /* for the files; made when needed */
    struct sl_stateful *stateful;    /* has ops->size */
    const struct sl_type *inputs[2]; /* schemas of its inputs */
    uint32_t input_count;
    struct sl_budget *budget; /* the operators' part of the memory */
};
/* The spec is copied; what it points to is not. */
struct sl_spill *sl_spill_new(const struct sl_spill_spec *spec);
void sl_spill_free(struct sl_spill *spill); /* NULL is fine */

/* A batch begins: no rows wait, and the shards of the mask are closed from the start. */
void sl_spill_begin(struct sl_spill *spill, uint32_t closed);
/* Takes the rows of closed shards out of `rows` and writes them away; perhaps closes another shard
 * before. spill NULL: does nothing. */
SL_MUST_CHECK enum sl_code sl_spill_divert(struct sl_spill *spill, uint32_t input,
                                           const struct sl_batch *batch, struct sl_shard_rows *rows,
                                           struct sl_err *err);
/* All rows of the batch have come: nothing is diverted any more. Returns the closed shards. */
uint32_t sl_spill_end(struct sl_spill *spill);

uint64_t sl_spill_waiting_rows(const struct sl_spill *spill, uint32_t shard);
/* Since begin. */
uint64_t sl_spill_bytes(const struct sl_spill *spill);
/* Rows that waited; valid for the call, without a selection. */
typedef enum sl_code (*sl_spill_fn)(void *ctx, uint32_t input, struct sl_batch *rows,
                                    struct sl_err *err);
/* Hands out the rows of the shard, which wait no more. */
SL_MUST_CHECK enum sl_code sl_spill_take_back(struct sl_spill *spill, uint32_t shard,
                                              sl_spill_fn fn, void *ctx, struct sl_err *err);

/* Percents of the memory limit. What a query remembers may take so much of it when a batch begins,
 * and before the first shard is closed: tables of all shards double at about the same time. Of all
 * that is in use: when a batch begins (other queries remember, too), before shards are closed
 * because of others, and while closed shards are worked on. */
enum sl_spill_share {
    SL_SPILL_AT_REST = 35,
    SL_SPILL_FIRST = 45,
    SL_SPILL_ALL_AT_REST = 60,
    SL_SPILL_OF_ALL = 80,
    SL_SPILL_IN_TURNS = 85
};
/* The memory of the operators, a part of all: is more in use than that share of the limit? */
bool sl_spill_part_passes(const struct sl_budget *part, uint32_t percent);
bool sl_spill_all_passes(const struct sl_budget *part, uint32_t percent, size_t more);
/* Failpoint "state.crowded": as if there was no memory at any moment. */
bool sl_spill_is_forced(void);

#endif
