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

/* From each of them: those of a UNION's branches do not stand above one another. */
static void mark(struct sl_states *states, int64_t value_ms,
                 void (*set)(struct sl_state *state, int64_t input_ms)) {
    struct marking marking = {states, value_ms, set};
    for (uint32_t i = 0; i < states->count; i++) output_ms(&marking, states->items[i].node);
}

void sl_watermark_mark(const struct sl_watermark_clock *clock, struct sl_states *states) {
    mark(states, clock->late_ms, set_late);
    mark(states, clock->value_ms, set_evict);
}

/* As shouldRunAnotherBatch of Spark's operators has it: aggregations and deduplications ask for a
 * batch when the watermark moved, whether or not a key of theirs has it. */
static bool evicts(const struct sl_node *node, enum sl_output_mode mode) {
    switch (node->kind) {
    case SL_NODE_AGGREGATE:
        return mode != SL_MODE_COMPLETE;
    case SL_NODE_DEDUPLICATE:
        return true;
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

/* It is what a batch without new rows waits for, and would not be asked for in a new process. */
void sl_watermark_resume(const struct sl_watermark_clock *clock, struct sl_states *states) {
    mark(states, clock->late_ms, set_evict);
    for (uint32_t i = 0; i < states->count; i++)
        states->items[i].last_evict_ms = states->items[i].marks.evict_ms;
}

/* ---- the record ---- */

enum { FILE_BYTES_MAX = 1 << 20 };

static char *record_dir(struct sl_arena *arena, struct sl_str checkpoint_dir) {
    return (char *)sl_arena_printf(arena, "%.*s/.sluice", SL_STR_ARG(checkpoint_dir)).ptr;
}

static void put_clauses(struct sl_buf *out, const char *name, const int64_t *clauses,
                        uint32_t count) {
    sl_buf_printf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(out, "%s%lld", i ? "," : "", (long long)clauses[i]);
    sl_buf_put_byte(out, ']');
}

static void put_record(struct sl_buf *out, struct sl_arena *arena, int64_t batch_id,
                       uint64_t offsets_hash, const struct sl_watermark_clock *clock,
                       const struct sl_pipes *pipes, const struct sl_event_times *times) {
    int64_t *behind = SL_NEW_ARRAY(arena, int64_t, clock->count + (size_t)1);
    for (uint32_t i = 0; i < clock->count; i++) behind[i] = clause_next(clock, i, pipes, times);
    sl_buf_printf(out, "{\"batchId\":%lld,\"offsets\":\"%016llx\",\"nextBatchWatermarkMs\":%lld",
                  (long long)batch_id, (unsigned long long)offsets_hash,
                  (long long)sl_watermark_next(clock, pipes, times));
    put_clauses(out, "before", clock->clause_ms, clock->count);
    put_clauses(out, "behind", behind, clock->count);
    sl_buf_put_byte(out, '}');
}

enum sl_code sl_watermark_write(struct sl_str checkpoint_dir, int64_t batch_id,
                                uint64_t offsets_hash, const struct sl_watermark_clock *clock,
                                const struct sl_pipes *pipes, const struct sl_event_times *times,
                                struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "watermark");
    const char *dir = record_dir(&arena, checkpoint_dir);
    put_record(&text, &arena, batch_id, offsets_hash, clock, pipes, times);
    enum sl_code code = sl_io_make_dirs(dir, err);
    if (code == SL_OK)
        code =
            sl_io_put_atomic(dir, "watermark", sl_buf_str(&text), SL_PUT_REPLACE, "watermark", err);
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

/* Clauses that the query had not then are new to it: nothing seen. */
static void take_clauses(const struct sl_json *clauses, struct sl_watermark_clock *clock) {
    if (!clauses || clauses->kind != SL_JSON_ARRAY || clauses->count != clock->count) return;
    for (uint32_t i = 0; i < clock->count; i++)
        if (!sl_json_i64(&clauses->items[i], &clock->clause_ms[i])) clock->clause_ms[i] = -1;
}

static enum sl_code parse(struct sl_arena *arena, struct sl_str text, struct sl_json *json,
                          int64_t *batch_id, struct sl_str *hash, int64_t *next_ms,
                          struct sl_err *err) {
    SL_TRY(sl_json_parse(arena, text, json, err));
    if (!sl_json_i64(sl_json_get(json, SL_STR("batchId")), batch_id) ||
        !sl_json_i64(sl_json_get(json, SL_STR("nextBatchWatermarkMs")), next_ms) ||
        !sl_json_str(sl_json_get(json, SL_STR("offsets")), hash))
        return sl_fail(err, SL_DATA, "it is not the record of a watermark");
    return SL_OK;
}

static enum sl_code take_record(struct sl_arena *arena, struct sl_str text, int64_t batch_id,
                                uint64_t offsets_hash, bool rerun, struct sl_watermark_clock *clock,
                                int64_t *next_ms, bool *found, struct sl_err *err) {
    struct sl_json json;
    int64_t id, next;
    struct sl_str hash,
        wanted = sl_arena_printf(arena, "%016llx", (unsigned long long)offsets_hash);
    SL_TRY(parse(arena, text, &json, &id, &hash, &next, err));
    if (id != batch_id || !sl_str_eq(hash, wanted)) return SL_OK;
    *found = true;
    if (!rerun) *next_ms = next;
    take_clauses(sl_json_get(&json, rerun ? SL_STR("before") : SL_STR("behind")), clock);
    return SL_OK;
}

enum sl_code sl_watermark_read(struct sl_str checkpoint_dir, int64_t batch_id,
                               uint64_t offsets_hash, bool rerun, struct sl_watermark_clock *clock,
                               int64_t *next_ms, bool *found, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "watermark");
    const char *path = sl_path_join(&arena, record_dir(&arena, checkpoint_dir), "watermark");
    struct sl_file_info info;
    *found = false;
    enum sl_code code = sl_io_stat(path, &info, err);
    if (code == SL_OK && info.exists) {
        code = sl_io_read_file(path, FILE_BYTES_MAX, &text, err);
        if (code == SL_OK)
            code = take_record(&arena, sl_buf_str(&text), batch_id, offsets_hash, rerun, clock,
                               next_ms, found, err);
        if (code != SL_OK) sl_context(err, "reading %s", path);
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
    return code;
}

bool sl_watermark_without_record(struct sl_watermark_clock *clock) {
    if (clock->count == 1) clock->clause_ms[0] = clock->value_ms;
    return clock->count <= 1;
}
