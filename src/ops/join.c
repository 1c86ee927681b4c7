/* Joins: of two streams, of a stream and a table, of tables.
 *
 * Two streams: both sides are remembered; rows go along the other side's chains as they come, and
 * leave when the watermark says that nothing can match them any more.  Then rows of a preserved
 * side that had no match go out with nulls.  Every other join has a side that is complete first
 * (sl_join_first_input): only that one is remembered.
 *
 * Source of the rules: Spark's StreamingSymmetricHashJoinExec.scala. */
#include "base/clock.h"
#include "ops/join_int.h"

/* ---- a batch ---- */

static void begin_batch(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct join *join = (struct join *)stateful;
    join->marks = *marks;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct join_shard *shard = &join->shards[s];
        if (join->build >= 0) sl_join_store_clear(&shard->store);
        sl_join_store_begin(&shard->store);
        shard->added = shard->removed = shard->late = 0;
        shard->update_ns = shard->removal_ns = 0;
    }
}

int sl_join_first_input(const struct sl_join *what) {
    if (what->sides[0].streaming && what->sides[1].streaming) return -1;
    return what->sides[1].streaming ? 0 : 1;
}

/* ---- rows without a match ---- */

static enum sl_code emit_alone(const struct join *join, const struct join_shard *shard,
                               uint32_t side, const uint32_t *numbers, uint32_t count,
                               struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t other = 1 - side;
    struct sl_vec *columns = emitter->batch.columns;
    for (uint32_t done = 0, part; done < count; done += part) {
        uint32_t room = sl_emitter_room(emitter);
        part = count - done < room ? count - done : room;
        for (uint32_t c = 0; c < join->out_count[side]; c++)
            SL_TRY(sl_row_blocks_gather(&shard->store.sides[side].columns, c, numbers + done, part,
                                        &columns[join->out_first[side] + c], err));
        for (uint32_t c = 0; c < join->out_count[other]; c++)
            SL_TRY(sl_vec_append_null(&columns[join->out_first[other] + c], part, err));
        SL_TRY(sl_emitter_added(emitter, part, err));
    }
    return SL_OK;
}

static uint32_t only_unmatched(const struct sl_join_rows *rows, uint32_t *numbers, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!sl_join_is_matched(rows, numbers[i])) numbers[kept++] = numbers[i];
    return kept;
}

/* Of the side that was complete first, when all rows of the other are in. */
static enum sl_code emit_rest(const struct join *join, const struct join_shard *shard,
                              struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t side = (uint32_t)join->build, numbers[1024], cursor = 0, count;
    if (!join->preserved[side]) return SL_OK;
    while ((count = sl_join_store_list(&shard->store, side, &cursor, numbers, 1024))) {
        count = only_unmatched(&shard->store.sides[side], numbers, count);
        SL_TRY(emit_alone(join, shard, side, numbers, count, emitter, err));
    }
    return SL_OK;
}

/* ---- eviction ---- */

/* Spark counts what is removed to make room, not what goes out with nulls; and a row of the right
 * that goes in the batch in which it came was never there. */
static void count_removed(const struct join *join, struct join_shard *shard, uint32_t side) {
    const struct sl_join_rows *rows = &shard->store.sides[side];
    for (uint32_t i = 0; i < rows->due.count; i++) {
        uint32_t number = rows->due.items[i];
        bool fresh = sl_join_link_of(rows, number)->id >= shard->store.first_id;
        bool waits = join->preserved[side] && !sl_join_is_matched(rows, number);
        bool never_there =
            fresh && (side == 1 ? !waits : join->semi && sl_join_is_matched(rows, number));
        if (never_there)
            shard->added--;
        else if (!join->preserved[side])
            shard->removed++;
    }
}

static enum sl_code evict(struct join *join, struct join_shard *shard, uint32_t side,
                          struct sl_emitter *emitter, struct sl_err *err) {
    enum { PART = 1024 };
    struct sl_join_store *store = &shard->store;
    struct sl_join_rows *rows = &store->sides[side];
    uint32_t numbers[PART];
    int64_t until_us = sl_marks_us(join->marks.evict_ms);
    if (__builtin_sub_overflow(until_us, join->what->sides[side].bound_offset_us, &until_us))
        until_us = join->what->sides[side].bound_offset_us > 0 ? INT64_MIN : INT64_MAX;
    if (join->marks.evict_ms != INT64_MIN)
        SL_TRY(sl_join_store_find_due(store, side, until_us, err));
    count_removed(join, shard, side);
    for (uint32_t i = 0, part; join->preserved[side] && i < rows->due.count; i += part) {
        part = rows->due.count - i < PART ? rows->due.count - i : PART;
        memcpy(numbers, rows->due.items + i, part * sizeof *numbers);
        uint32_t count = only_unmatched(rows, numbers, part);
        SL_TRY(emit_alone(join, shard, side, numbers, count, emitter, err));
    }
    return SL_OK;
}

static enum sl_code finish_shard(struct join *join, struct join_shard *shard,
                                 struct sl_emitter *emitter, struct sl_err *err) {
    if (join->build >= 0)
        SL_TRY(emit_rest(join, shard, emitter, err));
    else
        for (uint32_t side = 0; side < 2; side++) SL_TRY(evict(join, shard, side, emitter, err));
    return sl_emitter_flush(emitter, err);
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t number, sl_emit_fn emit,
                           void *ctx, struct sl_err *err) {
    struct join *join = (struct join *)stateful;
    struct join_shard *shard = &join->shards[number];
    struct sl_emitter emitter;
    int64_t begin = sl_clock_mono_ns();
    sl_emitter_init(&emitter, join->output, join->batch_rows, emit, ctx);
    pthread_mutex_lock(&shard->lock);
    enum sl_code code = finish_shard(join, shard, &emitter, err);
    shard->removal_ns += sl_clock_mono_ns() - begin;
    pthread_mutex_unlock(&shard->lock);
    sl_emitter_release(&emitter);
    return code;
}

/* ---- life ---- */

static void forget(struct sl_stateful *stateful, uint32_t number) {
    struct join_shard *shard = &((struct join *)stateful)->shards[number];
    pthread_mutex_lock(&shard->lock);
    sl_join_store_clear(&shard->store);
    shard->added = shard->removed = 0;
    pthread_mutex_unlock(&shard->lock);
}

static void clear(struct sl_stateful *stateful) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) forget(stateful, s);
}

static void size_of(const struct join_shard *shard, struct sl_shard_size *out) {
    *out = (struct sl_shard_size){.rows_updated = shard->added,
                                  .rows_removed = shard->removed,
                                  .bytes = sl_join_store_bytes(&shard->store)};
    for (int side = 0; side < 2; side++) {
        const struct sl_join_rows *rows = &shard->store.sides[side];
        out->rows_total += rows->live - rows->due.count;
    }
}

static void size(struct sl_stateful *stateful, uint32_t number, struct sl_shard_size *out) {
    struct join_shard *shard = &((struct join *)stateful)->shards[number];
    pthread_mutex_lock(&shard->lock);
    size_of(shard, out);
    pthread_mutex_unlock(&shard->lock);
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct join *join = (const struct join *)stateful;
    *out = (struct sl_state_metrics){0};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct join_shard *shard = &join->shards[s];
        struct sl_shard_size has;
        size_of(shard, &has);
        sl_state_metrics_add(out, &has);
        out->rows_late += shard->late;
        out->update_ns += shard->update_ns;
        out->removal_ns += shard->removal_ns;
    }
}

static void free_join(struct sl_stateful *stateful) {
    struct join *join = (struct join *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        sl_join_store_release(&join->shards[s].store);
        pthread_mutex_destroy(&join->shards[s].lock);
    }
    free(join);
}

static const struct sl_stateful_ops stream_ops = {.name = "symmetricHashJoin",
                                                  .attach = join_attach,
                                                  .begin = begin_batch,
                                                  .finish = finish,
                                                  .save = join_save,
                                                  .load = join_load,
                                                  .clear = clear,
                                                  .metrics = metrics,
                                                  .free = free_join,
                                                  .size = size,
                                                  .forget = forget};
static const struct sl_stateful_ops table_ops = {.name = "",
                                                 .attach = join_attach,
                                                 .begin = begin_batch,
                                                 .finish = finish,
                                                 .clear = clear,
                                                 .metrics = metrics,
                                                 .free = free_join};

/* ---- what is to be done ---- */

static void note_columns(struct join *join, const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_COLUMN) join->condition_reads[expr->column] = true;
    for (uint32_t i = 0; i < expr->arg_count; i++) note_columns(join, expr->args[i]);
}

static const struct sl_type *pair_schema(struct sl_arena *query,
                                         const struct sl_type *const *inputs) {
    uint32_t left = inputs[0]->field_count, right = inputs[1]->field_count;
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, left + right + 1);
    for (uint32_t i = 0; i < left; i++) fields[i] = inputs[0]->fields[i];
    for (uint32_t i = 0; i < right; i++) fields[left + i] = inputs[1]->fields[i];
    return sl_type_struct(query, fields, left + right);
}

static enum sl_code check_keys(const struct sl_join *what, const struct sl_type *const *inputs,
                               struct sl_err *err) {
    for (uint32_t k = 0; k < what->key_count; k++) {
        const struct sl_type *left = inputs[0]->fields[what->sides[0].keys[k]].type;
        const struct sl_type *right = inputs[1]->fields[what->sides[1].keys[k]].type;
        if (left->kind != right->kind || left->precision != right->precision ||
            left->scale != right->scale)
            return sl_fail(err, SL_BUG, "a join compares keys of the types %d and %d",
                           (int)left->kind, (int)right->kind);
    }
    return SL_OK;
}

static void choose_rules(struct join *join) {
    const struct sl_join *what = join->what;
    enum sl_join_kind kind = what->kind;
    bool half = kind == SL_JOINS_SEMI || kind == SL_JOINS_ANTI;
    join->build = sl_join_first_input(what);
    join->emits_pairs = !half;
    join->semi = kind == SL_JOINS_SEMI;
    join->preserved[0] = kind == SL_JOINS_LEFT || kind == SL_JOINS_FULL || kind == SL_JOINS_ANTI;
    join->preserved[1] = kind == SL_JOINS_RIGHT || kind == SL_JOINS_FULL;
    for (int side = 0; side < 2; side++) {
        bool remembered = join->build < 0 || join->build == side;
        join->tracks[side] = remembered && (join->preserved[side] || (half && side == 0));
    }
    join->probes_locked = join->build < 0 || join->tracks[join->build];
    join->out_count[0] = join->inputs[0]->field_count;
    join->out_count[1] = half ? 0 : join->inputs[1]->field_count;
    join->out_first[1] = join->out_count[0];
}

static void choose_layout(struct join *join, struct sl_arena *query) {
    const struct sl_join *what = join->what;
    const struct sl_type **types = SL_NEW_ARRAY(query, const struct sl_type *, what->key_count + 1);
    for (uint32_t k = 0; k < what->key_count; k++)
        types[k] = join->inputs[0]->fields[what->sides[0].keys[k]].type;
    join->layout = sl_key_layout_new(query, types, what->key_count, SL_JOIN_EXTRA_BYTES);
}

static void make_shards(struct join *join) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct join_shard *shard = &join->shards[s];
        pthread_mutex_init(&shard->lock, NULL);
        join->locks[s] = &shard->lock;
        sl_join_store_init(&shard->store, join->layout, join->inputs, join->base.budget);
        for (int side = 0; side < 2 && join->build < 0; side++) {
            shard->store.sides[side].bound = join->what->sides[side].bound;
            shard->store.sides[side].notes_matches = join->tracks[side];
        }
    }
}

enum sl_code sl_join_new(const struct sl_stateful_env *env, const struct sl_join *what,
                         const struct sl_type *const *inputs, const struct sl_type *output,
                         struct sl_stateful **out, struct sl_err *err) {
    bool streams = what->sides[0].streaming && what->sides[1].streaming;
    SL_TRY(check_keys(what, inputs, err));
    if (streams && what->kind == SL_JOINS_ANTI)
        return sl_fail(err, SL_UNSUPPORTED, "a LEFT ANTI join of two streams is not supported");
    struct join *join = sl_xcalloc(1, sizeof *join);
    join->base.ops = streams ? &stream_ops : &table_ops;
    join->base.budget = env->budget;
    join->base.finish_shards = SL_STATE_SHARDS;
    join->what = what;
    join->inputs[0] = inputs[0];
    join->inputs[1] = inputs[1];
    join->output = output;
    join->batch_rows = env->batch_rows;
    join->marks = (struct sl_batch_marks){.late_ms = INT64_MIN, .evict_ms = INT64_MIN};
    join->pair = pair_schema(env->query, inputs);
    join->condition_reads = SL_NEW_ARRAY(env->query, bool, join->pair->field_count + 1);
    memset(join->condition_reads, 0, join->pair->field_count + 1);
    if (what->condition) note_columns(join, what->condition);
    choose_rules(join);
    choose_layout(join, env->query);
    make_shards(join);
    if (streams) join_describe_stores(join, env->query);
    *out = &join->base;
    return SL_OK;
}
