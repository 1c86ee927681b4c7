/* Shared by the checkpoint files: the struct and the texts of offsets/N and commits/N. */
#ifndef SL_STATE_CHECKPOINT_INT_H
#define SL_STATE_CHECKPOINT_INT_H

#include "state/checkpoint.h"

struct sl_checkpoint {
    struct sl_arena *query;
    const char *dir;
    bool read_only;
    const struct sl_log *log;
    struct sl_lock *lock;
    struct sl_str query_id;
    int64_t last_offsets, last_commit;
};

/* text must outlive the result. Errors say which line is wrong. */
SL_MUST_CHECK enum sl_code sl_offset_seq_parse(struct sl_arena *arena, struct sl_str text,
                                               struct sl_offset_seq *out, struct sl_err *err);
void sl_offset_seq_put(struct sl_buf *out, const struct sl_offset_seq *seq);
SL_MUST_CHECK enum sl_code sl_commit_entry_parse(struct sl_arena *arena, struct sl_str text,
                                                 struct sl_commit_entry *out, struct sl_err *err);

#endif
