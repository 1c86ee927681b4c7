/* Random rows of any types in any encodings, and tables that collect rows: for the tests of
 * operators that remember rows. */
#ifndef ROWS_TEST_UTIL_H
#define ROWS_TEST_UTIL_H

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "kern/zone.h"
#include "ops/stateful.h"

struct rows_bench {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_err err;
    uint64_t seed;
};

static inline void rows_ok(enum sl_code code, const struct sl_err *err) {
    if (code != SL_OK) fail_msg("%s: %s", sl_code_name(code), err->msg);
}

static inline void rows_begin(struct rows_bench *b, uint64_t seed) {
    const char *given = getenv("SLUICE_TEST_SEED");
    memset(b, 0, sizeof *b);
    sl_arena_init(&b->arena, "test");
    b->session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC")};
    b->session.zone = sl_zone_utc;
    b->seed = given ? strtoull(given, NULL, 10) : seed;
    print_message("seed %llu\n", (unsigned long long)b->seed);
}

static inline void rows_end(struct rows_bench *b) { sl_arena_release(&b->arena); }

static inline uint32_t rows_pick(struct rows_bench *b, uint64_t bound) {
    return (uint32_t)(sl_random_next(&b->seed) % bound);
}

static inline const struct sl_type *rows_schema(struct rows_bench *b, const char *text) {
    const struct sl_type *schema;
    rows_ok(sl_type_parse_schema(&b->arena, sl_str(text), &schema, &b->err), &b->err);
    return schema;
}

/* ---- values ---- */

static inline void rows_mark_valid(struct rows_bench *b, struct sl_vec *vec) {
    rows_ok(sl_vec_reserve(vec, vec->rows + 1, &b->err), &b->err);
    if (!vec->valid) return;
    rows_ok(sl_vec_reserve_valid(vec, vec->rows + 1, &b->err), &b->err);
    sl_bit_set(vec->valid, vec->rows);
}

static inline void rows_put(struct rows_bench *b, struct sl_vec *vec, uint32_t domain,
                            bool nullable);

static inline void rows_put_text(struct rows_bench *b, struct sl_vec *vec, uint32_t domain) {
    static const char *const tails[] = {"", "", "-and-some-more-text-behind-it", "\x01"};
    uint32_t n = rows_pick(b, domain);
    char text[64];
    if (n % 5 == 4) {
        sl_uuid_format(text, n, 77);
        rows_ok(sl_vec_put_str(vec, (struct sl_str){text, 36}, &b->err), &b->err);
        return;
    }
    if (n % 9 == 5) { /* zeros are bytes like others */
        rows_ok(sl_vec_put_str(vec, (struct sl_str){"\0a\0", n % 5}, &b->err), &b->err);
        return;
    }
    const char *head = n % 7 == 3 ? "a-common-prefix-that-is-long-" : "";
    struct sl_str str = sl_arena_printf(&b->arena, "%s%u%s", head, n, tails[n % 4]);
    rows_ok(sl_vec_put_str(vec, n ? str : SL_STR(""), &b->err), &b->err);
}

static inline void rows_put_float(struct rows_bench *b, struct sl_vec *vec, uint32_t domain) {
    static const double special[] = {0.0, -0.0, 1e300, -1e300};
    uint32_t n = rows_pick(b, domain);
    double value = (double)n - domain / 2.0;
    if (rows_pick(b, 6) == 0) value = special[n % 4];
    if (rows_pick(b, 12) == 0) value = __builtin_nan("");
    rows_ok(sl_vec_put_f64(vec, value, &b->err), &b->err);
}

static inline void rows_put_number(struct rows_bench *b, struct sl_vec *vec, uint32_t domain) {
    int64_t value = (int64_t)rows_pick(b, domain) - (int64_t)domain / 3;
    uint32_t width = sl_type_width(vec->type);
    if (vec->type->kind == SL_BOOL_KIND) value &= 1;
    if (vec->type->kind == SL_TIMESTAMP_KIND) value *= 500; /* watermarks are milliseconds */
    if (width == 1) value = (int8_t)value;
    if (width == 2) value = (int16_t)value;
    if (width == 16)
        rows_ok(sl_vec_put_i128(vec, (sl_int128)value * 1000000000000000000, &b->err), &b->err);
    else
        rows_ok(sl_vec_put_i64(vec, value, &b->err), &b->err);
}

static inline void rows_put_list(struct rows_bench *b, struct sl_vec *vec, uint32_t domain) {
    rows_mark_valid(b, vec);
    for (uint32_t i = rows_pick(b, 4); i > 0; i--)
        for (uint32_t c = 0; c < vec->child_count; c++)
            rows_put(b, &vec->children[c], domain, c == vec->child_count - 1);
    vec->offsets[++vec->rows] = (int32_t)vec->children[0].rows;
}

/* A value of at most `domain` different ones, so that some are equal. */
static inline void rows_put(struct rows_bench *b, struct sl_vec *vec, uint32_t domain,
                            bool nullable) {
    if (nullable && rows_pick(b, 8) == 0) {
        rows_ok(sl_vec_append_null(vec, 1, &b->err), &b->err);
        return;
    }
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        rows_ok(sl_vec_append_null(vec, 1, &b->err), &b->err);
        break;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        rows_put_text(b, vec, domain);
        break;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        rows_put_float(b, vec, domain);
        break;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        rows_put_list(b, vec, domain);
        break;
    case SL_STRUCT_KIND:
        rows_mark_valid(b, vec);
        for (uint32_t c = 0; c < vec->child_count; c++)
            rows_put(b, &vec->children[c], domain, true);
        vec->rows++;
        break;
    default:
        rows_put_number(b, vec, domain);
    }
}

/* ---- columns and batches ---- */

static inline void rows_make_dict(struct rows_bench *b, struct sl_vec *vec, uint32_t rows,
                                  uint32_t domain, bool nullable) {
    enum { WORDS = 5 };
    rows_ok(sl_vec_reserve_dict(vec, rows, &b->err), &b->err);
    for (int i = 0; i < WORDS; i++) rows_put(b, &vec->children[0], domain, false);
    for (uint32_t i = 0; i < rows; i++) vec->codes[i] = (int32_t)rows_pick(b, WORDS);
    if (nullable) rows_ok(sl_vec_reserve_valid(vec, rows, &b->err), &b->err);
    for (uint32_t i = 0; nullable && i < rows; i++) sl_bit_put(vec->valid, i, rows_pick(b, 6) != 0);
    vec->rows = rows;
}

static inline void rows_make_views(struct rows_bench *b, struct sl_vec *vec) {
    struct sl_str *views = sl_arena_array(&b->arena, vec->rows, sizeof *views);
    for (uint32_t i = 0; i < vec->rows; i++) views[i] = sl_arena_str(&b->arena, sl_vec_str(vec, i));
    vec->enc = SL_ENC_VIEW;
    vec->views = views;
}

static inline void rows_fill(struct rows_bench *b, struct sl_vec *vec, uint32_t rows,
                             uint32_t domain, bool nullable) {
    bool nested = sl_type_is_nested(vec->type), text = sl_type_is_bytes(vec->type);
    uint32_t shape = rows ? rows_pick(b, 8) : 0;
    sl_vec_clear(vec);
    if (shape == 1 && !nested && vec->type->kind != SL_NULL_KIND) {
        rows_make_dict(b, vec, rows, domain, nullable);
        return;
    }
    rows_ok(sl_vec_reserve(vec, 1, &b->err), &b->err);
    for (uint32_t i = 0; i < (shape == 2 ? 1 : rows); i++) rows_put(b, vec, domain, nullable);
    if (shape == 2) vec->enc = SL_ENC_CONST;
    vec->rows = rows;
    if (shape == 3 && text) rows_make_views(b, vec);
}

static inline void rows_select(struct rows_bench *b, struct sl_batch *batch) {
    uint64_t *bits = sl_arena_zalloc(&b->arena, SL_BIT_WORDS(batch->rows) * 8 + 8);
    batch->selected = NULL;
    batch->selected_rows = batch->rows;
    if (rows_pick(b, 2)) return;
    for (uint32_t row = 0; row < batch->rows; row++) sl_bit_put(bits, row, rows_pick(b, 4) != 0);
    batch->selected = bits;
    batch->selected_rows = (uint32_t)sl_bits_count(bits, batch->rows);
}

/* Columns of the batch are filled anew. */
static inline void rows_make_batch(struct rows_bench *b, struct sl_batch *batch, uint32_t rows,
                                   uint32_t domain) {
    for (uint32_t c = 0; c < batch->schema->field_count; c++)
        rows_fill(b, &batch->columns[c], rows, domain, batch->schema->fields[c].nullable);
    batch->rows = rows;
    batch->origin = (struct sl_origin){.source = "test", .name = "rows", .partition = -1};
    rows_select(b, batch);
}

/* ---- tables ---- */

static inline bool rows_selected(const struct sl_batch *batch, uint32_t row) {
    return !batch->selected || sl_bit_get(batch->selected, row);
}

/* Appends the selected rows to a batch of FLAT columns. */
static inline enum sl_code rows_collect(void *table, struct sl_batch *batch, struct sl_err *err) {
    struct sl_batch *to = table;
    uint32_t *idx = sl_xmalloc((batch->rows + 1) * sizeof *idx);
    uint32_t count = sl_batch_selection(batch, idx);
    for (uint32_t c = 0; c < to->schema->field_count; c++) {
        const char *why = "";
        if (!sl_vec_verify(&batch->columns[c], &why)) fail_msg("column %u: %s", c, why);
        assert_int_equal(batch->columns[c].rows, batch->rows);
        rows_ok(sl_vec_append(&to->columns[c], &batch->columns[c], idx, count, err), err);
    }
    to->rows += count;
    to->selected_rows = to->rows;
    free(idx);
    return SL_OK;
}

static inline bool rows_equal(const struct sl_batch *a, uint32_t row_a, const struct sl_batch *b,
                              uint32_t row_b) {
    for (uint32_t c = 0; c < a->schema->field_count; c++)
        if (!sl_vec_rows_equal(&a->columns[c], row_a, &b->columns[c], row_b)) return false;
    return true;
}

/* The same rows, each as often, in any order. */
static inline void rows_check_same(const struct sl_batch *expected, const struct sl_batch *got) {
    bool *used = sl_xcalloc(got->rows + 1, sizeof *used);
    assert_int_equal(got->rows, expected->rows);
    for (uint32_t row = 0; row < expected->rows; row++) {
        uint32_t at = 0;
        while (at < got->rows && (used[at] || !rows_equal(expected, row, got, at))) at++;
        if (at == got->rows) fail_msg("row %u of %u is missing", row, expected->rows);
        used[at] = true;
    }
    free(used);
}

static inline void rows_init_table(struct rows_bench *b, struct sl_batch *table,
                                   const struct sl_type *schema) {
    sl_batch_init(table, schema, &b->arena);
    for (uint32_t c = 0; c < schema->field_count; c++)
        rows_ok(sl_vec_reserve(&table->columns[c], 0, &b->err), &b->err);
}

static inline void rows_clear_table(struct rows_bench *b, struct sl_batch *table) {
    sl_batch_clear(table);
    for (uint32_t c = 0; c < table->schema->field_count; c++)
        rows_ok(sl_vec_reserve(&table->columns[c], 0, &b->err), &b->err);
}

/* ---- a state store ---- */

enum { ROWS_STORES_MAX = 4 };

/* What save has handed out, key by key. */
struct rows_kept {
    struct rows_bench *bench;
    struct {
        struct sl_batch keys, values;
        bool *gone; /* by row */
        uint32_t cap;
    } stores[ROWS_STORES_MAX];
    uint32_t count;
};

static inline void rows_kept_init(struct rows_kept *kept, struct rows_bench *b,
                                  const struct sl_stateful *stateful) {
    *kept = (struct rows_kept){.bench = b, .count = stateful->store_count};
    for (uint32_t s = 0; s < kept->count; s++) {
        rows_init_table(b, &kept->stores[s].keys, stateful->stores[s].key);
        rows_init_table(b, &kept->stores[s].values, stateful->stores[s].value);
    }
}

static inline void rows_kept_release(struct rows_kept *kept) {
    for (uint32_t s = 0; s < kept->count; s++) {
        sl_batch_release(&kept->stores[s].keys);
        sl_batch_release(&kept->stores[s].values);
        free(kept->stores[s].gone);
    }
}

static inline uint32_t rows_kept_live(const struct rows_kept *kept, uint32_t store) {
    uint32_t live = 0;
    for (uint32_t row = 0; row < kept->stores[store].keys.rows; row++)
        live += !kept->stores[store].gone[row];
    return live;
}

/* sl_state_put_fn. A key that is removed must be there. */
static inline enum sl_code rows_keep(void *ctx, uint32_t store, const struct sl_batch *keys,
                                     const struct sl_batch *values, struct sl_err *err) {
    struct rows_kept *kept = ctx;
    struct sl_batch *to = &kept->stores[store].keys;
    assert_true(store < kept->count && !keys->selected);
    assert_true(!values || values->rows == keys->rows);
    for (uint32_t row = 0; row < keys->rows; row++) {
        bool found = false;
        for (uint32_t at = 0; at < to->rows; at++) {
            if (kept->stores[store].gone[at] || !rows_equal(to, at, keys, row)) continue;
            kept->stores[store].gone[at] = found = true;
        }
        if (!values) assert_true(found);
    }
    if (!values) return SL_OK;
    uint32_t rows = to->rows + keys->rows;
    if (rows > kept->stores[store].cap) {
        kept->stores[store].cap = rows * 2;
        kept->stores[store].gone = sl_xrealloc(kept->stores[store].gone, rows * 2 * sizeof(bool));
    }
    for (uint32_t row = to->rows; row < rows; row++) kept->stores[store].gone[row] = false;
    rows_ok(rows_collect(to, (struct sl_batch *)(uintptr_t)keys, err), err);
    return rows_collect(&kept->stores[store].values, (struct sl_batch *)(uintptr_t)values, err);
}

static inline void rows_save(struct sl_stateful *stateful, bool whole, struct rows_kept *kept) {
    for (uint32_t shard = 0; shard < SL_STATE_SHARDS; shard++)
        rows_ok(stateful->ops->save(stateful, shard, whole, rows_keep, kept, &kept->bench->err),
                &kept->bench->err);
}

static inline void rows_load_part(struct sl_stateful *stateful, uint32_t store,
                                  struct rows_kept *kept, const uint32_t *idx, uint32_t count) {
    struct rows_bench *b = kept->bench;
    struct sl_batch keys, values;
    rows_init_table(b, &keys, stateful->stores[store].key);
    rows_init_table(b, &values, stateful->stores[store].value);
    for (uint32_t c = 0; c < keys.schema->field_count; c++)
        rows_ok(sl_vec_append(&keys.columns[c], &kept->stores[store].keys.columns[c], idx, count,
                              &b->err),
                &b->err);
    for (uint32_t c = 0; c < values.schema->field_count; c++)
        rows_ok(sl_vec_append(&values.columns[c], &kept->stores[store].values.columns[c], idx,
                              count, &b->err),
                &b->err);
    keys.rows = keys.selected_rows = values.rows = values.selected_rows = count;
    rows_ok(stateful->ops->load(stateful, store, &keys, &values, &b->err), &b->err);
    sl_batch_release(&keys);
    sl_batch_release(&values);
}

/* Forgets everything and loads what was kept, in random cuts. */
static inline void rows_reload(struct sl_stateful *stateful, struct rows_kept *kept) {
    stateful->ops->clear(stateful);
    for (uint32_t s = 0; s < kept->count; s++) {
        uint32_t idx[64], count = 0;
        for (uint32_t row = 0; row < kept->stores[s].keys.rows; row++) {
            if (!kept->stores[s].gone[row]) idx[count++] = row;
            if (count < 64 && rows_pick(kept->bench, 30)) continue;
            rows_load_part(stateful, s, kept, idx, count);
            count = 0;
        }
        rows_load_part(stateful, s, kept, idx, count);
    }
}

/* What save hands out as a whole is what its changes have come to. */
static inline void rows_check_whole(struct sl_stateful *stateful, struct rows_kept *kept) {
    struct rows_kept whole;
    rows_kept_init(&whole, kept->bench, stateful);
    rows_save(stateful, true, &whole);
    for (uint32_t s = 0; s < kept->count; s++) {
        assert_int_equal(rows_kept_live(kept, s), rows_kept_live(&whole, s));
        for (uint32_t row = 0; row < kept->stores[s].keys.rows; row++) {
            if (kept->stores[s].gone[row]) continue;
            uint32_t at = 0;
            while (at < whole.stores[s].keys.rows &&
                   !rows_equal(&kept->stores[s].keys, row, &whole.stores[s].keys, at))
                at++;
            assert_true(at < whole.stores[s].keys.rows);
            assert_true(rows_equal(&kept->stores[s].values, row, &whole.stores[s].values, at));
        }
    }
    rows_kept_release(&whole);
}

/* ---- two tasks at once ---- */

struct rows_feeder {
    struct rows_bench *bench;
    struct sl_op *op;
    struct sl_batch *batches;
    uint32_t count;
    uint64_t rows; /* that came out */
    struct sl_err err;
    enum sl_code code;
};

static inline void *rows_feed(void *arg) {
    struct rows_feeder *feeder = arg;
    const struct sl_session *session = &feeder->bench->session;
    struct sl_op *op = feeder->op;
    for (uint32_t i = 0; i < feeder->count && feeder->code == SL_OK; i++) {
        struct sl_batch *out = NULL;
        feeder->code = op->ops->process(op, session, &feeder->batches[i], &out, &feeder->err);
        while (feeder->code == SL_OK && out->rows) {
            feeder->rows += out->selected ? out->selected_rows : out->rows;
            if (!op->ops->more) break;
            feeder->code = op->ops->more(op, session, &out, &feeder->err);
        }
    }
    return NULL;
}

/* An operator at `input` and room for `count` batches of the schema. */
static inline void rows_feeder_init(struct rows_feeder *feeder, struct rows_bench *b,
                                    struct sl_stateful *stateful, uint32_t input,
                                    const struct sl_type *schema, uint32_t count) {
    *feeder = (struct rows_feeder){.bench = b, .count = count};
    feeder->batches = SL_NEW_ARRAY(&b->arena, struct sl_batch, count);
    for (uint32_t i = 0; i < count; i++) sl_batch_init(&feeder->batches[i], schema, &b->arena);
    rows_ok(stateful->ops->attach(stateful, input, false, &feeder->op, &b->err), &b->err);
}

/* Each on a thread of its own; both end well. How many rows came out. */
static inline uint64_t rows_feed_two(struct rows_feeder feeders[2]) {
    pthread_t threads[2];
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, rows_feed, &feeders[t]), 0);
    for (int t = 0; t < 2; t++) {
        pthread_join(threads[t], NULL);
        rows_ok(feeders[t].code, &feeders[t].err);
        sl_op_free(feeders[t].op);
        for (uint32_t i = 0; i < feeders[t].count; i++) sl_batch_release(&feeders[t].batches[i]);
    }
    return feeders[0].rows + feeders[1].rows;
}

#endif
