#include "run/letter_owner.h"

#include "base/io.h"
#include "run/query_target.h"
#include "state/checkpoint.h"

const char *sl_letter_state_name(enum sl_letter_state state) {
    static const char *const names[SL_LETTER_STATES] = {"open", "replayed", "other checkpoint"};
    return names[state];
}

static enum sl_code read_checkpoint(const struct sl_pipeline *pipeline, struct sl_arena *arena,
                                    struct sl_letter_owner *owner, struct sl_err *err) {
    struct sl_file_info info;
    struct sl_checkpoint *checkpoint;
    const char *dir = sl_arena_cstr(arena, owner->checkpoint);
    SL_TRY(sl_io_stat(dir, &info, err));
    if (!info.exists) return SL_OK;
    SL_TRY(sl_checkpoint_open(arena, dir, true, &pipeline->engine->log, &checkpoint, err));
    owner->query_id = sl_arena_str(arena, sl_checkpoint_query_id(checkpoint));
    sl_checkpoint_close(checkpoint);
    return sl_replay_all(owner->checkpoint, arena, &owner->replayed, err);
}

enum sl_code sl_letter_owners_load(struct sl_pipeline *pipeline, struct sl_letter_owners *out,
                                   struct sl_err *err) {
    struct sl_arena *arena = &pipeline->arena;
    uint32_t count = pipeline->query_count;
    *out = (struct sl_letter_owners){SL_NEW_ARRAY(arena, struct sl_letter_owner, count + (size_t)1),
                                     count};
    for (uint32_t i = 0; i < count; i++) {
        struct sl_letter_owner *owner = &out->items[i];
        owner->spec = &pipeline->queries[i];
        if (!owner->spec->target) continue;
        owner->checkpoint = sl_target_checkpoint(owner->spec->target, owner->spec->name,
                                                 pipeline->engine->settings, arena);
        if (owner->checkpoint.len) SL_TRY(read_checkpoint(pipeline, arena, owner, err));
    }
    return SL_OK;
}

enum sl_letter_state sl_letter_owners_judge(const struct sl_letter_owners *owners,
                                            struct sl_str query, struct sl_str query_id,
                                            int64_t batch_id) {
    for (uint32_t i = 0; i < owners->count; i++) {
        const struct sl_letter_owner *owner = &owners->items[i];
        if (!sl_str_eq(owner->spec->name, query)) continue;
        if (query_id.ptr && !sl_str_eq(query_id, owner->query_id)) return SL_LETTER_OTHER;
        return sl_replay_has(&owner->replayed, batch_id) ? SL_LETTER_REPLAYED : SL_LETTER_OPEN;
    }
    return SL_LETTER_OPEN;
}
