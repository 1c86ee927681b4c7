/* The operator of one task at one input of a join.
 *
 * A batch is worked on shard by shard: its rows are remembered (unless the other side was complete
 * before), and each goes along the chain of its key on the other side.  Candidate pairs are
 * collected by the thousand, the condition is computed over all of them at once, and what is left
 * goes into the output.  When the output is full the operator stops where it stands; `more` goes on
 * there.  A shard's lock is held from the collecting to the copying of what was found, not between
 * two outputs: rows that came in between have higher numbers of arrival, and see ours.
 *
 * Whether a pair can be computed is not a matter of one record: a condition that fails, fails the
 * batch, also with a quarantine. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/join_int.h"
#include "ops/spill.h"

/* Position of a probing row that has not looked at its chain yet. */
#define AT_FIRST UINT32_MAX

struct pairs {
    uint32_t *probes, *others; /* row of the batch, number of the other side's row */
    uint32_t count;
};

struct join_op {
    struct sl_op base;
    struct join *join;
    uint32_t side;
    struct sl_program *only, *condition;
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec **keys;

    /* of the batch */
    const struct sl_batch *in;
    uint32_t *groups, *numbers; /* by position in rows.rows; numbers: as remembered */
    uint64_t *matched;          /* by row of the batch */
    uint64_t *null_keys;        /* by row; only if any_null */
    uint64_t *rest;             /* scratch */
    uint32_t *emitted;          /* by row: how many output rows */
    uint32_t *lone;             /* rows that go out without having looked for a match */
    uint32_t lone_count, lone_done;
    bool any_null;
    uint32_t cap;

    /* where the work stands */
    uint32_t turn; /* how many shards are done, from `first_shard` on */
    uint32_t first_shard;
    bool entered;    /* the shard's rows are remembered, or found */
    uint32_t at;     /* position in rows.rows */
    uint32_t cursor; /* next row of the chain; AT_FIRST */

    struct pairs found; /* candidates */
    struct pairs made;  /* the output's rows */
    uint32_t *finished; /* positions whose chain ended among the candidates */
    uint32_t finished_count;
    uint32_t *pair_sources;
    struct sl_batch pair; /* the candidates' columns, for the condition */
    struct sl_batch out;
    uint32_t *sources;
    int64_t *ids;
    struct sl_arena arena;
    bool profiled;
    int64_t ns, row_count;
};

static uint32_t other_side(const struct join_op *op) { return 1 - op->side; }
static bool is_symmetric(const struct join *join) { return join->build < 0; }
static bool remembers(const struct join_op *op) {
    return is_symmetric(op->join) || (uint32_t)op->join->build == op->side;
}
static bool probes(const struct join_op *op) {
    return is_symmetric(op->join) || (uint32_t)op->join->build != op->side;
}
/* A row of this side goes out when the end of its chain shows that it has no match; what is
 * remembered goes out when it is evicted, or at the end. */
static bool pads(const struct join_op *op) {
    return !is_symmetric(op->join) && op->join->preserved[op->side];
}

/* ---- which rows ---- */

static void reserve(struct join_op *op, uint32_t rows) {
    if (rows <= op->cap) return;
    size_t words = SL_BIT_WORDS(rows) + 1;
    op->groups = sl_xrealloc(op->groups, rows * sizeof *op->groups);
    op->numbers = sl_xrealloc(op->numbers, rows * sizeof *op->numbers);
    op->emitted = sl_xrealloc(op->emitted, rows * sizeof *op->emitted);
    op->lone = sl_xrealloc(op->lone, rows * sizeof *op->lone);
    op->matched = sl_xrealloc(op->matched, words * 8);
    op->null_keys = sl_xrealloc(op->null_keys, words * 8);
    op->rest = sl_xrealloc(op->rest, words * 8);
    op->cap = rows;
}

/* Rows that fail the condition of their own side cannot match. */
static enum sl_code drop_hopeless(struct join_op *op, const struct sl_session *session,
                                  struct sl_err *err) {
    const struct sl_batch *in = op->in;
    struct sl_batch able = *in;
    if (!op->only || !op->rows.count) return SL_OK;
    sl_bits_fill(op->rest, in->rows, false);
    for (uint32_t i = 0; i < op->rows.count; i++) sl_bit_set(op->rest, op->rows.picked[i]);
    able.selected = op->rest;
    able.selected_rows = op->rows.count;
    SL_TRY(sl_program_filter(op->only, session, &able, err));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < op->rows.count; i++) {
        uint32_t row = op->rows.picked[i];
        if (sl_bit_get(able.selected, row))
            op->rows.picked[kept++] = row;
        else if (op->join->preserved[op->side] &&
                 !(in->faults && sl_faults_has(in->faults, sl_batch_source_row(in, row))))
            op->lone[op->lone_count++] = row;
    }
    op->rows.count = kept;
    return SL_OK;
}

/* NULL equals nothing: such a row matters only where rows without a match do. */
static void drop_null_keys(struct join_op *op) {
    uint32_t key_count = op->join->what->key_count;
    op->any_null = false;
    if (!op->join->preserved[op->side]) {
        sl_shard_rows_drop_null(&op->rows, op->keys, key_count);
        return;
    }
    for (uint32_t k = 0; k < key_count; k++) {
        if (!op->keys[k]->valid && op->keys[k]->type->kind != SL_NULL_KIND) continue;
        if (!op->any_null) sl_bits_fill(op->null_keys, op->in->rows, false);
        op->any_null = true;
        for (uint32_t i = 0; i < op->rows.count; i++)
            if (sl_vec_is_null(op->keys[k], op->rows.picked[i]))
                sl_bit_set(op->null_keys, op->rows.picked[i]);
    }
}

static enum sl_code begin_rows(struct join_op *op, const struct sl_session *session,
                               struct sl_batch *in, struct sl_err *err) {
    struct join *join = op->join;
    const struct sl_join_side *side = &join->what->sides[op->side];
    op->in = in;
    reserve(op, in->rows);
    op->lone_count = op->lone_done = op->turn = 0;
    op->entered = false;
    sl_shard_rows_begin(&op->rows, in);
    uint64_t late = sl_shard_rows_drop_late(&op->rows, in, &side->event_time, &join->marks);
    if (late) {
        pthread_mutex_lock(join->locks[0]);
        join->shards[0].late += late;
        pthread_mutex_unlock(join->locks[0]);
    }
    SL_TRY(drop_hopeless(op, session, err));
    for (uint32_t k = 0; k < join->what->key_count; k++) op->keys[k] = &in->columns[side->keys[k]];
    drop_null_keys(op);
    sl_shard_rows_split(&op->rows, op->keys, join->what->key_count);
    SL_TRY(sl_spill_divert(join->base.spill, op->side, in, &op->rows, err));
    sl_bits_fill(op->matched, in->rows, false);
    memset(op->emitted, 0, in->rows * sizeof *op->emitted);
    return sl_key_block_encode(&op->block, op->keys, op->rows.rows, op->rows.count, err);
}

/* ---- candidates ---- */

/* The shard's rows are remembered, or their keys looked up. */
static enum sl_code enter(struct join_op *op, struct join_shard *shard, uint32_t begin,
                          uint32_t count, struct sl_err *err) {
    struct sl_join_store *store = &shard->store;
    op->entered = true;
    op->at = begin;
    op->cursor = AT_FIRST;
    if (!remembers(op)) {
        sl_group_table_find(&store->keys, &op->block, begin, count, op->groups + begin);
        return SL_OK;
    }
    SL_TRY(sl_group_table_find_or_add(&store->keys, &op->block, begin, count, op->groups + begin,
                                      NULL, NULL, err));
    shard->added += count;
    return sl_join_store_put(store, op->side, op->in->columns, op->rows.rows + begin,
                             op->groups + begin, count, NULL, op->numbers + begin, err);
}

/* The row needs no further candidates: one match is enough. */
static bool is_settled(const struct join_op *op, uint32_t row) {
    const struct join *join = op->join;
    return !join->emits_pairs && op->side == 0 && sl_bit_get(op->matched, row);
}

/* SEMI: rows of the left that have gone out; ANTI: that do not go out. */
static bool is_done_with(const struct join_op *op, const struct sl_join_rows *rows,
                         uint32_t other) {
    return !op->join->emits_pairs && op->side == 1 && sl_join_is_matched(rows, other);
}

/* Rows from this number of arrival on see ours, not we them. */
static uint64_t id_end(const struct join_op *op, const struct sl_join_store *store) {
    if (!is_symmetric(op->join)) return UINT64_MAX;
    return sl_join_link_of(&store->sides[op->side], op->numbers[op->at])->id;
}

/* Goes along the chain of the row at op->at as far as there is room; true at its end. */
static bool collect_chain(struct join_op *op, const struct sl_join_store *store, uint32_t room) {
    const struct sl_join_rows *rows = &store->sides[other_side(op)];
    uint32_t row = op->rows.rows[op->at], group = op->groups[op->at];
    if (group == SL_NO_GROUP || (op->any_null && sl_bit_get(op->null_keys, row))) return true;
    uint32_t tail = sl_join_tail(store, other_side(op), group);
    if (tail == SL_NO_ROW || is_settled(op, row)) return true;
    if (op->cursor == AT_FIRST) op->cursor = sl_join_link_of(rows, tail)->next;
    for (uint64_t end = id_end(op, store);;) {
        uint32_t other = op->cursor;
        if (sl_join_link_of(rows, other)->id >= end) return true;
        if (!is_done_with(op, rows, other)) {
            if (op->found.count == room) return false;
            op->found.probes[op->found.count] = op->at;
            op->found.others[op->found.count++] = other;
            if (!op->condition && !op->join->emits_pairs && op->side == 0) return true;
        }
        if (other == tail) return true;
        op->cursor = sl_join_link_of(rows, other)->next;
    }
}

/* A row at the end of its chain may go out alone, which takes room, too. */
static void collect(struct join_op *op, const struct sl_join_store *store, uint32_t end,
                    uint32_t room) {
    op->found.count = op->finished_count = 0;
    while (op->at < end && op->found.count < room) {
        if (!collect_chain(op, store, room)) return;
        if (pads(op)) {
            op->finished[op->finished_count++] = op->at;
            room--;
        }
        op->at++;
        op->cursor = AT_FIRST;
    }
}

/* ---- the condition ---- */

static enum sl_code fill_pairs(struct join_op *op, const struct sl_join_store *store,
                               struct sl_err *err) {
    const struct join *join = op->join;
    const struct sl_row_blocks *others = &store->sides[other_side(op)].columns;
    uint32_t count = op->found.count, left = join->inputs[0]->field_count;
    uint32_t *rows = op->pair_sources; /* of the batch */
    for (uint32_t i = 0; i < count; i++) rows[i] = op->rows.rows[op->found.probes[i]];
    for (uint32_t c = 0; c < join->pair->field_count; c++) {
        struct sl_vec *vec = &op->pair.columns[c];
        uint32_t side = c >= left, column = side ? c - left : c;
        if (!join->condition_reads[c]) continue;
        sl_vec_clear(vec);
        if (side == op->side)
            SL_TRY(sl_vec_pick(vec, &op->in->columns[column], rows, count, err));
        else
            SL_TRY(sl_row_blocks_gather(others, column, op->found.others, count, vec, err));
    }
    for (uint32_t i = 0; op->in->source_rows && i < count; i++)
        rows[i] = op->in->source_rows[rows[i]];
    op->pair.rows = op->pair.selected_rows = count;
    op->pair.selected = NULL;
    op->pair.origin = op->in->origin;
    op->pair.source_rows = rows;
    return SL_OK;
}

/* Only the pairs for which the condition is true stay. */
static enum sl_code narrow_pairs(struct join_op *op, const struct sl_session *session,
                                 const struct sl_join_store *store, struct sl_err *err) {
    if (!op->condition || !op->found.count) return SL_OK;
    SL_TRY(fill_pairs(op, store, err));
    SL_TRY(sl_program_filter(op->condition, session, &op->pair, err));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < op->found.count; i++) {
        op->found.probes[kept] = op->found.probes[i];
        op->found.others[kept] = op->found.others[i];
        kept += sl_bit_get(op->pair.selected, i);
    }
    op->found.count = kept;
    return SL_OK;
}

/* ---- the output ---- */

static void make_row(struct join_op *op, uint32_t row, uint32_t other) {
    op->made.probes[op->made.count] = row;
    op->made.others[op->made.count++] = other;
}

/* A pair that the condition holds for. */
static enum sl_code match(struct join_op *op, struct sl_join_store *store, uint32_t at,
                          uint32_t other, struct sl_err *err) {
    const struct join *join = op->join;
    uint32_t row = op->rows.rows[at];
    bool first_of_row = !sl_bit_get(op->matched, row), first_of_other = true;
    sl_bit_set(op->matched, row);
    if (join->tracks[other_side(op)])
        SL_TRY(sl_join_store_match(store, other_side(op), other, &first_of_other, err));
    if (first_of_row && remembers(op) && join->tracks[op->side]) {
        /* SEMI: not first when it has gone out already, for a row that came meanwhile */
        SL_TRY(sl_join_store_match(store, op->side, op->numbers[at], &first_of_row, err));
        if (join->semi) SL_TRY(sl_join_store_mark_due(store, op->side, op->numbers[at], err));
    }
    if (join->emits_pairs)
        make_row(op, row, other);
    else if (join->semi && (op->side == 0 ? first_of_row : first_of_other))
        make_row(op, row, op->side == 0 ? SL_NO_ROW : other);
    return SL_OK;
}

static enum sl_code copy_others(struct join_op *op, const struct sl_join_store *store,
                                uint32_t begin, struct sl_err *err) {
    const struct join *join = op->join;
    uint32_t other = other_side(op);
    for (uint32_t c = 0; c < join->out_count[other]; c++)
        SL_TRY(sl_row_blocks_gather(&store->sides[other].columns, c, op->made.others + begin,
                                    op->made.count - begin,
                                    &op->out.columns[join->out_first[other] + c], err));
    return SL_OK;
}

static enum sl_code make_rows(struct join_op *op, struct sl_join_store *store, struct sl_err *err) {
    uint32_t begin = op->made.count;
    for (uint32_t i = 0; i < op->found.count; i++)
        SL_TRY(match(op, store, op->found.probes[i], op->found.others[i], err));
    for (uint32_t i = 0; i < op->finished_count; i++) {
        uint32_t row = op->rows.rows[op->finished[i]];
        if (!sl_bit_get(op->matched, row)) make_row(op, row, SL_NO_ROW);
    }
    return copy_others(op, store, begin, err);
}

static enum sl_code work_on_shard(struct join_op *op, const struct sl_session *session,
                                  struct join_shard *shard, uint32_t begin, uint32_t end,
                                  struct sl_err *err) {
    if (!op->entered) SL_TRY(enter(op, shard, begin, end - begin, err));
    if (!probes(op)) op->at = end;
    while (op->at < end && op->made.count < op->join->batch_rows) {
        collect(op, &shard->store, end, op->join->batch_rows - op->made.count);
        SL_TRY(narrow_pairs(op, session, &shard->store, err));
        SL_TRY(make_rows(op, &shard->store, err));
    }
    return SL_OK;
}

/* Rows that are alone go out before all others. */
static enum sl_code make_lone(struct join_op *op, struct sl_err *err) {
    const struct join *join = op->join;
    uint32_t begin = op->made.count;
    while (op->lone_done < op->lone_count && op->made.count < join->batch_rows)
        make_row(op, op->lone[op->lone_done++], SL_NO_ROW);
    for (uint32_t c = 0; c < join->out_count[other_side(op)]; c++)
        SL_TRY(sl_vec_append_null(&op->out.columns[join->out_first[other_side(op)] + c],
                                  op->made.count - begin, err));
    return SL_OK;
}

static enum sl_code work(struct join_op *op, const struct sl_session *session, struct sl_err *err) {
    struct join *join = op->join;
    SL_TRY(make_lone(op, err));
    while (op->turn < SL_STATE_SHARDS && op->made.count < join->batch_rows) {
        uint32_t number = (op->first_shard + op->turn) % SL_STATE_SHARDS;
        uint32_t begin = op->rows.begin[number], end = op->rows.begin[number + 1];
        struct join_shard *shard = &join->shards[number];
        if (begin < end) {
            bool locked = join->probes_locked || remembers(op);
            if (locked) pthread_mutex_lock(&shard->lock);
            enum sl_code code = work_on_shard(op, session, shard, begin, end, err);
            if (locked) pthread_mutex_unlock(&shard->lock);
            if (code != SL_OK) return code;
            if (op->at < end) return SL_OK;
        }
        op->entered = false;
        op->turn++;
    }
    return SL_OK;
}

/* An output row is of the record that was probing. */
static void name_sources(struct join_op *op) {
    const struct sl_batch *in = op->in;
    const int64_t *ids = in->row_ids || in->source_rows ? in->row_ids : in->origin.offsets;
    for (uint32_t i = 0; i < op->made.count; i++) {
        uint32_t row = op->made.probes[i], nth = op->emitted[row]++;
        op->sources[i] = sl_batch_source_row(in, row);
        if (ids) op->ids[i] = (int64_t)((uint64_t)ids[row] * UINT64_C(0x9E3779B97F4A7C15) + nth);
    }
    op->out.source_rows = op->sources;
    op->out.row_ids = ids ? op->ids : NULL;
}

static enum sl_code fill_output(struct join_op *op, struct sl_err *err) {
    const struct join *join = op->join;
    for (uint32_t c = 0; c < join->out_count[op->side]; c++) {
        const struct sl_vec *from = &op->in->columns[c];
        struct sl_vec *to = &op->out.columns[join->out_first[op->side] + c];
        if (from->rows)
            SL_TRY(sl_vec_pick(to, from, op->made.probes, op->made.count, err));
        else
            SL_TRY(sl_vec_append_null(to, op->made.count, err));
    }
    op->out.rows = op->out.selected_rows = op->made.count;
    op->out.origin = op->in->origin;
    op->out.faults = op->in->faults;
    op->out.drift = op->in->drift;
    name_sources(op);
    return SL_OK;
}

static enum sl_code next_output(struct join_op *op, const struct sl_session *session,
                                struct sl_err *err) {
    int64_t begin = sl_clock_thread_cpu_ns();
    sl_batch_clear(&op->out);
    op->made.count = 0;
    SL_TRY(work(op, session, err));
    if (op->made.count) SL_TRY(fill_output(op, err));
    int64_t ns = sl_clock_thread_cpu_ns() - begin;
    op->ns += ns;
    pthread_mutex_lock(op->join->locks[0]);
    op->join->shards[0].update_ns += ns;
    pthread_mutex_unlock(op->join->locks[0]);
    return SL_OK;
}

/* ---- life ---- */

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct join_op *op = (struct join_op *)base;
    *out = &op->out;
    sl_batch_clear(&op->out);
    op->turn = SL_STATE_SHARDS;
    op->lone_count = op->lone_done = 0;
    if (!in->rows) return SL_OK;
    op->row_count += in->selected ? in->selected_rows : in->rows;
    SL_TRY(begin_rows(op, session, in, err));
    return next_output(op, session, err);
}

static enum sl_code more(struct sl_op *base, const struct sl_session *session,
                         struct sl_batch **out, struct sl_err *err) {
    struct join_op *op = (struct join_op *)base;
    *out = &op->out;
    if (op->turn == SL_STATE_SHARDS && op->lone_done == op->lone_count) {
        sl_batch_clear(&op->out);
        return SL_OK;
    }
    return next_output(op, session, err);
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct join_op *op = (const struct join_op *)base;
    if (op->only) sl_program_profile(op->only, fn, ctx);
    if (op->condition) sl_program_profile(op->condition, fn, ctx);
    if (op->profiled && op->row_count) fn(ctx, "join", op->ns, op->row_count);
}

static void free_op(struct sl_op *base) {
    struct join_op *op = (struct join_op *)base;
    sl_program_free(op->only);
    sl_program_free(op->condition);
    sl_shard_rows_release(&op->rows);
    sl_key_block_release(&op->block);
    sl_batch_release(&op->pair);
    sl_batch_release(&op->out);
    sl_arena_release(&op->arena);
    free(op->keys);
    free(op->groups);
    free(op->numbers);
    free(op->matched);
    free(op->null_keys);
    free(op->rest);
    free(op->emitted);
    free(op->lone);
    free(op);
}

static const struct sl_op_ops join_op_ops = {"join", process, profile, free_op, more};

static void make_room(struct join_op *op) {
    uint32_t rows = op->join->batch_rows;
    struct sl_arena *arena = &op->arena;
    op->found.probes = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->found.others = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->made.probes = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->made.others = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->finished = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->pair_sources = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->sources = SL_NEW_ARRAY(arena, uint32_t, rows);
    op->ids = SL_NEW_ARRAY(arena, int64_t, rows);
    sl_batch_init(&op->pair, op->join->pair, arena);
    sl_batch_init(&op->out, op->join->output, arena);
}

static enum sl_code make_programs(struct join_op *op, struct sl_err *err) {
    const struct sl_join *what = op->join->what;
    struct sl_expr *only = what->sides[op->side].only, *condition = what->condition;
    if (only) SL_TRY(sl_program_new(&only, 1, &op->only, err));
    if (only) sl_program_set_profile(op->only, op->profiled);
    if (condition) SL_TRY(sl_program_new(&condition, 1, &op->condition, err));
    if (condition) sl_program_set_profile(op->condition, op->profiled);
    return SL_OK;
}

enum sl_code join_attach(struct sl_stateful *stateful, uint32_t input, bool profiled,
                         struct sl_op **out, struct sl_err *err) {
    struct join_op *op = sl_xcalloc(1, sizeof *op);
    op->base.ops = &join_op_ops;
    op->join = (struct join *)stateful;
    op->side = input;
    op->profiled = profiled;
    op->turn = SL_STATE_SHARDS;
    /* tasks begin apart */
    op->first_shard = atomic_fetch_add(&op->join->attached, 1) * 5 % SL_STATE_SHARDS;
    sl_arena_init(&op->arena, "join");
    make_room(op);
    op->keys = sl_xcalloc(op->join->what->key_count + 1, sizeof *op->keys);
    sl_key_block_init(&op->block, op->join->layout);
    enum sl_code code = make_programs(op, err);
    if (code != SL_OK) {
        free_op(&op->base);
        return code;
    }
    *out = &op->base;
    return SL_OK;
}
