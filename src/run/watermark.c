#include "run/watermark.h"

#include <errno.h>

#include "base/io.h"
#include "base/json.h"

void sl_watermark_init(struct sl_watermark_clock *clock, struct sl_arena *query,
                       const struct sl_pipes *pipes) {
    *clock = (struct sl_watermark_clock){.count = pipes->watermark_count};
    clock->clause_ms = SL_NEW_ARRAY(query, int64_t, clock->count + (size_t)1);
    for (uint32_t i = 0; i < clock->count; i++) clock->clause_ms[i] = -1;
}

/* A clause that has seen nothing counts as 0. */
static int64_t clause_next(const struct sl_watermark_clock *clock, uint32_t i,
                           const struct sl_pipes *pipes, const struct sl_event_times *times) {
    int64_t before = clock->clause_ms[i] < 0 ? 0 : clock->clause_ms[i];
    if (!times[i].rows || times[i].reached_ms == INT64_MIN) return before;
    int64_t reached = times[i].reached_ms - pipes->watermarks[i]->delay_ms;
    return reached > before ? reached : before;
}

int64_t sl_watermark_next(const struct sl_watermark_clock *clock, const struct sl_pipes *pipes,
                          const struct sl_event_times *times) {
    if (!clock->count) return clock->value_ms;
    int64_t chosen = clause_next(clock, 0, pipes, times);
    for (uint32_t i = 1; i < clock->count; i++) {
        int64_t other = clause_next(clock, i, pipes, times);
        if (clock->max_policy ? other > chosen : other < chosen) chosen = other;
    }
    return chosen > clock->value_ms ? chosen : clock->value_ms;
}

void sl_watermark_advance(struct sl_watermark_clock *clock, const struct sl_pipes *pipes,
                          const struct sl_event_times *times) {
    int64_t next = sl_watermark_next(clock, pipes, times);
    for (uint32_t i = 0; i < clock->count; i++)
        clock->clause_ms[i] = clause_next(clock, i, pipes, times);
    clock->late_ms = clock->value_ms;
    clock->value_ms = next;
}

/* ---- what reaches an operator ---- */

enum { NONE = -1 };

/* Of a join: the time up to which remembered rows may still come out. */
static int64_t join_output_ms(const struct sl_join *join, int64_t input_ms) {
    int64_t out = input_ms;
    for (int side = 0; side < 2; side++) {
        if (!join->sides[side].streaming || join->sides[side].bound < 0) continue;
        int64_t bound = input_ms - join->sides[side].bound_offset_us / 1000;
        if (bound < out) out = bound;
    }
    return out < 0 ? 0 : out;
}

struct marking {
    struct sl_states *states;
    int64_t value_ms;
    void (*set)(struct sl_state *state, int64_t input_ms);
};

static int64_t output_ms(const struct marking *marking, const struct sl_node *node) {
    int64_t input = NONE;
    for (uint32_t i = 0; i < node->input_count; i++) {
        int64_t below = output_ms(marking, node->inputs[i]);
        if (below != NONE && (input == NONE || below < input)) input = below;
    }
    if (node->kind == SL_NODE_WATERMARK) return marking->value_ms;
    if (!sl_node_is_stateful(node)) return input;
    if (input == NONE) input = 0;
    marking->set(sl_states_find(marking->states, node), input);
    return node->kind == SL_NODE_JOIN ? join_output_ms(node->join, input) : input;
}

static void set_late(struct sl_state *state, int64_t input_ms) { state->marks.late_ms = input_ms; }
static void set_evict(struct sl_state *state, int64_t input_ms) {
    state->marks.evict_ms = input_ms;
}

/* The last stateful node stands above all others. */
static void mark(struct sl_states *states, int64_t value_ms,
                 void (*set)(struct sl_state *state, int64_t input_ms)) {
    struct marking marking = {states, value_ms, set};
    if (states->count) output_ms(&marking, states->items[states->count - 1].node);
}

void sl_watermark_mark(const struct sl_watermark_clock *clock, struct sl_states *states) {
    mark(states, clock->late_ms, set_late);
    mark(states, clock->value_ms, set_evict);
}

static bool evicts(const struct sl_node *node, enum sl_output_mode mode) {
    switch (node->kind) {
    case SL_NODE_AGGREGATE:
        return node->aggregation->event_time.column >= 0 && mode != SL_MODE_COMPLETE;
    case SL_NODE_DEDUPLICATE:
        return node->deduplication->event_time.column >= 0;
    case SL_NODE_JOIN:
        return (node->join->sides[0].streaming && node->join->sides[0].bound >= 0) ||
               (node->join->sides[1].streaming && node->join->sides[1].bound >= 0);
    default:
        return false;
    }
}

bool sl_watermark_wants_batch(const struct sl_watermark_clock *clock,
                              const struct sl_states *states, enum sl_output_mode mode) {
    mark((struct sl_states *)states, clock->value_ms, set_evict);
    for (uint32_t i = 0; i < states->count; i++) {
        const struct sl_state *state = &states->items[i];
        if (evicts(state->node, mode) && state->last_evict_ms != INT64_MIN &&
            state->marks.evict_ms > state->last_evict_ms)
            return true;
    }
    return false;
}

/* ---- between the sink's commit and commits/N ---- */

enum { FILE_BYTES_MAX = 4096 };

static char *record_dir(struct sl_arena *arena, struct sl_str checkpoint_dir) {
    return (char *)sl_arena_printf(arena, "%.*s/.sluice", SL_STR_ARG(checkpoint_dir)).ptr;
}

enum sl_code sl_watermark_write(struct sl_str checkpoint_dir, int64_t batch_id,
                                uint64_t offsets_hash, int64_t next_ms, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "watermark");
    const char *dir = record_dir(&arena, checkpoint_dir);
    struct sl_str text = sl_arena_printf(
        &arena, "{\"batchId\":%lld,\"offsets\":\"%016llx\",\"nextBatchWatermarkMs\":%lld}",
        (long long)batch_id, (unsigned long long)offsets_hash, (long long)next_ms);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(dir, "watermark", text, SL_PUT_REPLACE, "watermark", err);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code parse(struct sl_arena *arena, struct sl_str text, int64_t batch_id,
                          uint64_t offsets_hash, int64_t *next_ms, struct sl_err *err) {
    struct sl_json json;
    int64_t id = -1, value = 0;
    struct sl_str hash = sl_arena_printf(arena, "%016llx", (unsigned long long)offsets_hash);
    SL_TRY(sl_json_parse(arena, text, &json, err));
    const struct sl_json *offsets = sl_json_get(&json, SL_STR("offsets"));
    if (!sl_json_i64(sl_json_get(&json, SL_STR("batchId")), &id) ||
        !sl_json_i64(sl_json_get(&json, SL_STR("nextBatchWatermarkMs")), &value) || !offsets)
        return sl_fail(err, SL_DATA, "it is not the record of a watermark");
    if (id == batch_id && sl_str_eq(offsets->text, hash)) *next_ms = value;
    return SL_OK;
}

enum sl_code sl_watermark_read(struct sl_str checkpoint_dir, int64_t batch_id,
                               uint64_t offsets_hash, int64_t *next_ms, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "watermark");
    const char *path = sl_path_join(&arena, record_dir(&arena, checkpoint_dir), "watermark");
    struct sl_file_info info;
    enum sl_code code = sl_io_stat(path, &info, err);
    if (code == SL_OK && info.exists) {
        code = sl_io_read_file(path, FILE_BYTES_MAX, &text, err);
        if (code == SL_OK)
            code = parse(&arena, sl_buf_str(&text), batch_id, offsets_hash, next_ms, err);
        if (code != SL_OK) sl_context(err, "reading %s", path);
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}
