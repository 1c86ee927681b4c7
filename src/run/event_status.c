#include "run/event_status.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/quantity.h"

enum { PARTITIONS_MAX = 4096, LISTED_MAX = 16 };

/* ---- the windows ---- */

static bool take_window(struct sl_event_status *status, const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_CALL && strcmp(expr->function->name, "window") == 0 &&
        expr->arg_count == 4 && expr->args[1]->kind == SL_EXPR_LITERAL &&
        expr->args[2]->kind == SL_EXPR_LITERAL && expr->args[3]->kind == SL_EXPR_LITERAL) {
        status->duration_us = expr->args[1]->literal->i64[0];
        status->slide_us = expr->args[2]->literal->i64[0];
        status->start_us = expr->args[3]->literal->i64[0];
        return true;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (take_window(status, expr->args[i])) return true;
    return false;
}

/* Below an operator that remembers, down to the next one. */
static bool find_window(struct sl_event_status *status, const struct sl_node *node) {
    for (uint32_t i = 0; node->kind == SL_NODE_PROJECT && i < node->column_count; i++)
        if (take_window(status, node->exprs[i])) return true;
    if (node->kind == SL_NODE_GENERATE && take_window(status, node->generate->list)) return true;
    for (uint32_t i = 0; i < node->input_count && !sl_node_is_stateful(node); i++)
        if (find_window(status, node->inputs[i])) return true;
    return false;
}

void sl_event_status_init(struct sl_event_status *status, struct sl_arena *query,
                          const struct sl_pipes *pipes, const struct sl_watermark_clock *clock) {
    *status = (struct sl_event_status){.query = query, .pipes = pipes, .clock = clock};
    status->newest_ms = SL_NEW_ARRAY(query, int64_t, clock->count + (size_t)1);
    for (uint32_t i = 0; i < clock->count; i++) status->newest_ms[i] = INT64_MIN;
    for (uint32_t i = 0; i < pipes->stateful_count && !status->duration_us; i++)
        if (pipes->stateful[i]->kind == SL_NODE_AGGREGATE)
            find_window(status, pipes->stateful[i]->inputs[0]);
}

/* ---- a batch ---- */

static struct sl_partition_status *find_partition(struct sl_event_status *status, uint32_t source,
                                                  struct sl_str name) {
    for (uint32_t i = 0; i < status->count; i++) {
        struct sl_partition_status *at = &status->partitions[i];
        if (at->source == source && sl_str_eq(at->name, name)) return at;
    }
    if (status->count == PARTITIONS_MAX) return NULL;
    if (status->count == status->cap) {
        struct sl_partition_status *before = status->partitions;
        status->cap = status->cap ? 2 * status->cap : 16;
        status->partitions = SL_NEW_ARRAY(status->query, struct sl_partition_status, status->cap);
        if (before) memcpy(status->partitions, before, status->count * sizeof *before);
    }
    struct sl_partition_status *made = &status->partitions[status->count++];
    *made = (struct sl_partition_status){
        .source = source, .name = sl_arena_str(status->query, name), .offset = -1};
    return made;
}

static void note_partition(struct sl_event_status *status, uint32_t source, struct sl_str name,
                           int64_t offset, int64_t now_ms) {
    struct sl_partition_status *at = find_partition(status, source, name);
    if (!at || at->offset == offset) return;
    at->moved = at->offset >= 0;
    at->offset = offset;
    at->since_ms = now_ms;
}

/* Kafka's form: {"topic":{"0":123}}. Offsets of another form have no partitions. */
static void note_offsets(struct sl_event_status *status, uint32_t source, struct sl_str text,
                         int64_t now_ms, struct sl_arena *scratch) {
    struct sl_json json;
    struct sl_err ignored;
    int64_t offset;
    if (!text.len || sl_json_parse(scratch, text, &json, &ignored) != SL_OK) return;
    if (json.kind != SL_JSON_OBJECT) return;
    for (size_t t = 0; t < json.count; t++) {
        const struct sl_json *topic = &json.items[t];
        for (size_t p = 0; topic->kind == SL_JSON_OBJECT && p < topic->count; p++)
            if (sl_json_i64(&topic->items[p], &offset))
                note_partition(status, source,
                               sl_arena_printf(scratch, "%.*s-%.*s", SL_STR_ARG(json.names[t]),
                                               SL_STR_ARG(topic->names[p])),
                               offset, now_ms);
    }
}

void sl_event_status_note(struct sl_event_status *status, int64_t now_ms,
                          const struct sl_str *starts, const struct sl_str *ends, uint32_t sources,
                          const struct sl_event_times *times) {
    struct sl_arena scratch;
    int64_t newest = INT64_MIN;
    if (!status->clock->count) return;
    sl_arena_init(&scratch, "partitions");
    for (uint32_t i = 0; i < status->count; i++) status->partitions[i].moved = false;
    for (uint32_t i = 0; i < sources; i++) {
        if (!status->batch_ms) note_offsets(status, i, starts[i], now_ms, &scratch);
        note_offsets(status, i, ends[i], now_ms, &scratch);
    }
    sl_arena_release(&scratch);
    for (uint32_t i = 0; i < status->clock->count; i++)
        if (status->newest_ms[i] > newest) newest = status->newest_ms[i];
    for (uint32_t i = 0; i < status->clock->count; i++) {
        if (!times[i].rows || times[i].reached_ms == INT64_MIN) continue;
        if (times[i].reached_ms > status->newest_ms[i]) status->newest_ms[i] = times[i].reached_ms;
        if (times[i].reached_ms > newest) status->moved_ms = now_ms;
        status->idle_told = false;
    }
    status->batch_ms = now_ms;
}

/* ---- what it means ---- */

/* The clause that the watermark follows: the least of them, or with the policy `max` the latest. */
static uint32_t leading_clause(const struct sl_watermark_clock *clock) {
    uint32_t chosen = 0;
    for (uint32_t i = 1; i < clock->count; i++)
        if (clock->max_policy ? clock->clause_ms[i] > clock->clause_ms[chosen]
                              : clock->clause_ms[i] < clock->clause_ms[chosen])
            chosen = i;
    return chosen;
}

static int64_t newest_of_all(const struct sl_event_status *status) {
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < status->clock->count; i++)
        if (status->newest_ms[i] > newest) newest = status->newest_ms[i];
    return newest;
}

/* The first end of a window that the watermark has not passed, in milliseconds; false: there are no
 * windows. */
static bool next_end(const struct sl_event_status *status, int64_t *out) {
    int64_t mark_us, offset;
    if (!status->slide_us ||
        __builtin_mul_overflow(status->clock->value_ms, (int64_t)1000, &mark_us) ||
        __builtin_add_overflow(status->start_us, status->duration_us % status->slide_us, &offset) ||
        __builtin_sub_overflow(mark_us, offset, &mark_us))
        return false;
    int64_t over = mark_us % status->slide_us, end;
    if (over < 0) over += status->slide_us;
    if (__builtin_add_overflow(mark_us - over, status->slide_us + offset, &end)) return false;
    *out = end / 1000;
    return true;
}

static int64_t delay_ms(const struct sl_event_status *status) {
    return status->pipes->watermarks[leading_clause(status->clock)]->delay_ms;
}

/* An event time that lets go what ends at `end`. */
static bool closing_ms(const struct sl_event_status *status, int64_t end, int64_t *out) {
    return !__builtin_add_overflow(end, delay_ms(status), out);
}

static uint32_t count_idle(const struct sl_event_status *status) {
    uint32_t idle = 0;
    for (uint32_t i = 0; i < status->count; i++) idle += !status->partitions[i].moved;
    return idle;
}

/* ---- texts ---- */

static void put_time(struct sl_buf *out, const char *before, int64_t ms) {
    char text[SL_CLOCK_TEXT_SIZE];
    sl_buf_printf(out, "%s%s", before, sl_clock_text(text, ms));
}

static void put_reason(struct sl_buf *out, const struct sl_event_status *status) {
    const struct sl_watermark_clock *clock = status->clock;
    uint32_t leading = leading_clause(clock);
    int64_t newest = status->newest_ms[leading];
    struct sl_str name = status->pipes->watermarks[leading]->name;
    if (newest == INT64_MIN)
        sl_buf_printf(out, "no `%.*s` was seen in this run", SL_STR_ARG(name));
    else if (status->moved_ms) {
        put_time(out, "no event newer than ", newest);
        put_time(out, " since ", status->moved_ms);
    }
    if (clock->count > 1)
        sl_buf_printf(out, "; of %u clauses the watermark follows `%.*s`, which is %s",
                      clock->count, SL_STR_ARG(name),
                      clock->max_policy ? "furthest ahead" : "furthest behind");
}

void sl_event_status_put_text(struct sl_buf *out, const struct sl_event_status *status) {
    int64_t end, closing;
    uint32_t idle = count_idle(status);
    if (!status->clock->count) return;
    put_reason(out, status);
    if (status->clock->value_ms > 0)
        put_time(out, "; what ends after the watermark ", status->clock->value_ms);
    else
        sl_buf_put_cstr(out, "; all");
    sl_buf_put_cstr(out, " waits for later events");
    if (status->clock->value_ms > 0 && next_end(status, &end) &&
        closing_ms(status, end, &closing)) {
        put_time(out, "; a window ending at ", end);
        put_time(out, " closes when an event of ", closing);
        sl_buf_put_cstr(out, " or later arrives");
    }
    if (idle)
        sl_buf_printf(out, "; %u of %u partitions brought no rows (they do not hold it back)", idle,
                      status->count);
}

static void put_json_time(struct sl_buf *out, const char *name, int64_t ms) {
    char text[SL_CLOCK_TEXT_SIZE];
    sl_buf_printf(out, "\"%s\":\"%s\"", name, sl_clock_text(text, ms));
}

static void put_idle(struct sl_buf *out, const struct sl_event_status *status) {
    uint32_t idle = count_idle(status), listed = 0;
    if (!status->count) return;
    sl_buf_printf(out, ",\"partitions\":%u,\"idlePartitions\":%u,\"idle\":[", status->count, idle);
    for (uint32_t i = 0; i < status->count && listed < LISTED_MAX; i++) {
        const struct sl_partition_status *at = &status->partitions[i];
        if (at->moved) continue;
        sl_buf_printf(out, "%s{\"source\":%u,\"partition\":", listed++ ? "," : "", at->source);
        sl_json_put_string(out, at->name);
        sl_buf_put_byte(out, ',');
        put_json_time(out, "since", at->since_ms);
        sl_buf_put_byte(out, '}');
    }
    sl_buf_put_byte(out, ']');
}

void sl_event_status_put_json(struct sl_buf *out, const struct sl_event_status *status,
                              int64_t now_ms) {
    int64_t mark = status->clock->value_ms, newest = newest_of_all(status), end, closing;
    struct sl_buf text = {0};
    if (!status->clock->count) return;
    put_json_time(out, "nextWatermark", mark);
    if (newest != INT64_MIN) {
        sl_buf_put_byte(out, ',');
        put_json_time(out, "newestEvent", newest);
        sl_buf_printf(out, ",\"watermarkLagMs\":%lld,\"newestEventAgeMs\":%lld",
                      (long long)(newest - mark), (long long)(now_ms - newest));
    }
    if (status->moved_ms) {
        sl_buf_put_byte(out, ',');
        put_json_time(out, "newestEventSince", status->moved_ms);
    }
    if (mark > 0 && next_end(status, &end) && closing_ms(status, end, &closing)) {
        sl_buf_put_byte(out, ',');
        put_json_time(out, "nextWindowEnd", end);
        sl_buf_put_byte(out, ',');
        put_json_time(out, "nextWindowNeeds", closing);
    }
    put_idle(out, status);
    sl_event_status_put_text(&text, status);
    sl_buf_put_cstr(out, ",\"explanation\":");
    sl_json_put_string(out, sl_buf_str(&text));
    sl_buf_release(&text);
}
