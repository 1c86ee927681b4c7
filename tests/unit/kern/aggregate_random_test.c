/* Goal: every aggregate gives what its definition says, whatever the encodings of its arguments and
 * the order of calls.  Method: rows of random columns go to random groups; groups are reset and
 * used again, moved through their stored buffers into another accumulator, and at the end compared
 * with a naive twin that remembers all rows of each group. */
#include <math.h>

#include "aggregate_fixture.h"

#include "kern/number.h"

struct case_of {
    const char *name, *types[3];
    uint32_t range;
};

/* What the twin remembers: rows of the argument columns, in order. */
struct twin {
    uint32_t rows[GROUPS_MAX][ROWS_MAX * 4];
    uint32_t count[GROUPS_MAX];
};

struct run {
    struct fixture *f;
    const struct case_of *what;
    struct sl_aggregate_call *call;
    const struct sl_vec *args[3];
    uint32_t arg_count;
    struct twin *twin;
};

/* ---- twins: from the rows of one group to its result ---- */

static bool is_null(const struct run *run, uint32_t arg, uint32_t row) {
    return sl_vec_is_null(run->args[arg], row);
}

static int64_t integer_at(const struct sl_vec *vec, uint32_t row) {
    uint32_t pos = sl_vec_pos(vec, row);
    switch (sl_type_width(vec->type)) {
    case 0:
        return sl_bit_get(vec->bits, pos);
    case 1:
        return vec->i8[pos];
    case 2:
        return vec->i16[pos];
    case 4:
        return vec->i32[pos];
    case 8:
        return vec->i64[pos];
    default:
        return (int64_t)vec->i128[pos];
    }
}
static double double_at(const struct sl_vec *vec, uint32_t row) {
    uint32_t pos = sl_vec_pos(vec, row);
    if (vec->type->kind == SL_FLOAT_KIND) return (double)vec->f32[pos];
    if (vec->type->kind == SL_DOUBLE_KIND) return vec->f64[pos];
    return (double)integer_at(vec, row);
}

static void put_row(const struct run *run, struct sl_vec *out, const struct sl_vec *vec,
                    uint32_t row) {
    assert_int_equal(sl_vec_append(out, vec, &row, 1, &run->f->err), SL_OK);
}
static void put_null(const struct run *run, struct sl_vec *out) {
    assert_int_equal(sl_vec_append_null(out, 1, &run->f->err), SL_OK);
}
static void put_f64(const struct run *run, struct sl_vec *out, double value) {
    assert_int_equal(sl_vec_put_f64(out, value, &run->f->err), SL_OK);
}
static void put_i64(const struct run *run, struct sl_vec *out, int64_t value) {
    assert_int_equal(sl_vec_put_i64(out, value, &run->f->err), SL_OK);
}

static void twin_count(const struct run *run, const uint32_t *rows, uint32_t n,
                       struct sl_vec *out) {
    int64_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool all = true;
        for (uint32_t a = 0; a < run->arg_count; a++) all &= !is_null(run, a, rows[i]);
        count += all;
    }
    put_i64(run, out, count);
}

static void twin_count_if(const struct run *run, const uint32_t *rows, uint32_t n,
                          struct sl_vec *out) {
    int64_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += !is_null(run, 0, rows[i]) && integer_at(run->args[0], rows[i]);
    put_i64(run, out, count);
}

static void twin_sum(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    double real = 0;
    int64_t whole = 0;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 0, rows[i])) continue;
        any = true;
        real += double_at(run->args[0], rows[i]);
        if (out->type->kind != SL_DOUBLE_KIND) whole += integer_at(run->args[0], rows[i]);
    }
    if (!any)
        put_null(run, out);
    else if (out->type->kind == SL_DOUBLE_KIND)
        put_f64(run, out, real);
    else if (out->type->kind == SL_DECIMAL_KIND)
        assert_int_equal(sl_vec_put_i128(out, whole, &run->f->err), SL_OK);
    else
        put_i64(run, out, whole);
}

static int64_t round_half_up(int64_t sum, int64_t count) {
    int64_t twice = 2 * (sum < 0 ? -sum : sum) + count;
    return (sum < 0 ? -1 : 1) * (twice / (2 * count));
}

static void twin_avg(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    double real = 0;
    int64_t whole = 0, count = 0;
    bool exact = out->type->kind != SL_DOUBLE_KIND;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 0, rows[i])) continue;
        count++;
        if (exact)
            whole += integer_at(run->args[0], rows[i]);
        else
            real += double_at(run->args[0], rows[i]);
    }
    if (!count)
        put_null(run, out);
    else if (!exact)
        put_f64(run, out, real / (double)count);
    else if (out->type->kind == SL_DECIMAL_KIND) /* four digits more than the argument */
        assert_int_equal(sl_vec_put_i128(out, round_half_up(whole * 10000, count), &run->f->err),
                         SL_OK);
    else
        put_i64(run, out, round_half_up(whole, count));
}

static void best(const struct run *run, const uint32_t *rows, uint32_t n, int sign,
                 struct sl_vec *out) {
    uint32_t found = SL_NO_ROW;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 0, rows[i])) continue;
        if (found == SL_NO_ROW ||
            sign * sl_order_rows(run->args[0], rows[i], run->args[0], found) > 0)
            found = rows[i];
    }
    if (found == SL_NO_ROW)
        put_null(run, out);
    else
        put_row(run, out, run->args[0], found);
}
static void twin_min(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    best(run, rows, n, -1, out);
}
static void twin_max(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    best(run, rows, n, 1, out);
}

static void best_by(const struct run *run, const uint32_t *rows, uint32_t n, int sign,
                    struct sl_vec *out) {
    uint32_t found = SL_NO_ROW;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 1, rows[i])) continue;
        if (found == SL_NO_ROW ||
            sign * sl_order_rows(run->args[1], rows[i], run->args[1], found) >= 0)
            found = rows[i];
    }
    if (found == SL_NO_ROW)
        put_null(run, out);
    else
        put_row(run, out, run->args[0], found);
}
static void twin_min_by(const struct run *run, const uint32_t *rows, uint32_t n,
                        struct sl_vec *out) {
    best_by(run, rows, n, -1, out);
}
static void twin_max_by(const struct run *run, const uint32_t *rows, uint32_t n,
                        struct sl_vec *out) {
    best_by(run, rows, n, 1, out);
}

static void pick(const struct run *run, const uint32_t *rows, uint32_t n, bool last,
                 struct sl_vec *out) {
    uint32_t found = SL_NO_ROW;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[last ? n - 1 - i : i];
        if (run->call->ignore_nulls && is_null(run, 0, row)) continue;
        if (found == SL_NO_ROW) found = row;
    }
    if (found == SL_NO_ROW)
        put_null(run, out);
    else
        put_row(run, out, run->args[0], found);
}
static void twin_first(const struct run *run, const uint32_t *rows, uint32_t n,
                       struct sl_vec *out) {
    pick(run, rows, n, false, out);
}
static void twin_last(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    pick(run, rows, n, true, out);
}

static void twin_bits(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    const char *name = run->what->name;
    int64_t all = -1, some = 0, odd = 0;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 0, rows[i])) continue;
        int64_t value = integer_at(run->args[0], rows[i]);
        any = true;
        all &= value, some |= value, odd ^= value;
    }
    if (!any)
        put_null(run, out);
    else
        put_i64(run, out, name[4] == 'a' ? all : name[4] == 'o' ? some : odd);
}

/* An array of the rows that are kept; rows become their list. */
static void put_array(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    assert_int_equal(sl_vec_reserve(out, out->rows + 1, &run->f->err), SL_OK);
    assert_int_equal(sl_vec_append(&out->children[0], run->args[0], rows, n, &run->f->err), SL_OK);
    out->offsets[++out->rows] = (int32_t)out->children[0].rows;
}

static void twin_collect_list(const struct run *run, const uint32_t *rows, uint32_t n,
                              struct sl_vec *out) {
    uint32_t kept[ROWS_MAX * 4], count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!is_null(run, 0, rows[i])) kept[count++] = rows[i];
    put_array(run, kept, count, out);
}

static bool is_nan(const struct sl_vec *vec, uint32_t row) {
    return sl_type_is_float(vec->type) && isnan(double_at(vec, row));
}

static uint32_t distinct_rows(const struct run *run, const uint32_t *rows, uint32_t n,
                              uint32_t *kept, int64_t *counts) {
    const struct sl_vec *vec = run->args[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = 0;
        if (is_null(run, 0, rows[i])) continue;
        while (at < count &&
               (is_nan(vec, rows[i]) || !sl_vec_rows_equal(vec, kept[at], vec, rows[i])))
            at++;
        if (at == count) kept[count] = rows[i], counts[count++] = 0;
        counts[at]++;
    }
    return count;
}

static void twin_collect_set(const struct run *run, const uint32_t *rows, uint32_t n,
                             struct sl_vec *out) {
    uint32_t kept[ROWS_MAX * 4];
    int64_t counts[ROWS_MAX * 4];
    put_array(run, kept, distinct_rows(run, rows, n, kept, counts), out);
}

static void twin_mode(const struct run *run, const uint32_t *rows, uint32_t n, struct sl_vec *out) {
    uint32_t kept[ROWS_MAX * 4], found = SL_NO_ROW;
    int64_t counts[ROWS_MAX * 4], most = 0;
    const struct sl_vec *vec = run->args[0];
    uint32_t count = distinct_rows(run, rows, n, kept, counts);
    for (uint32_t i = 0; i < count; i++)
        if (counts[i] > most || (counts[i] == most && sl_order_rows(vec, kept[i], vec, found) < 0))
            found = kept[i], most = counts[i];
    if (found == SL_NO_ROW)
        put_null(run, out);
    else
        put_row(run, out, vec, found);
}

static int by_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

static void twin_median(const struct run *run, const uint32_t *rows, uint32_t n,
                        struct sl_vec *out) {
    double values[ROWS_MAX * 4];
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!is_null(run, 0, rows[i])) values[count++] = double_at(run->args[0], rows[i]);
    if (!count) {
        put_null(run, out);
        return;
    }
    qsort(values, count, sizeof *values, by_double);
    double low = values[(count - 1) / 2], high = values[count / 2];
    put_f64(run, out, low == high ? low : 0.5 * low + 0.5 * high);
}

static void twin_listagg(const struct run *run, const uint32_t *rows, uint32_t n,
                         struct sl_vec *out) {
    struct sl_buf text = {0};
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (is_null(run, 0, rows[i])) continue;
        struct sl_str value = sl_vec_str(run->args[0], rows[i]);
        sl_buf_put(&text, value.ptr, value.len);
        any = true;
    }
    struct sl_str all = {text.ptr ? (const char *)text.ptr : "", text.len};
    if (any)
        assert_int_equal(sl_vec_put_str(out, all, &run->f->err), SL_OK);
    else
        put_null(run, out);
    sl_buf_release(&text);
}

/* ---- driving ---- */

typedef void (*twin_fn)(const struct run *run, const uint32_t *rows, uint32_t n,
                        struct sl_vec *out);

static twin_fn twin_of(const char *name) {
    static const struct {
        const char *name;
        twin_fn fn;
    } twins[] = {{"count", twin_count},
                 {"count_if", twin_count_if},
                 {"sum", twin_sum},
                 {"try_sum", twin_sum},
                 {"avg", twin_avg},
                 {"try_avg", twin_avg},
                 {"min", twin_min},
                 {"max", twin_max},
                 {"bool_and", twin_min},
                 {"bool_or", twin_max},
                 {"min_by", twin_min_by},
                 {"max_by", twin_max_by},
                 {"first", twin_first},
                 {"last", twin_last},
                 {"any_value", twin_first},
                 {"bit_and", twin_bits},
                 {"bit_or", twin_bits},
                 {"bit_xor", twin_bits},
                 {"collect_list", twin_collect_list},
                 {"collect_set", twin_collect_set},
                 {"mode", twin_mode},
                 {"median", twin_median},
                 {"listagg", twin_listagg}};
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcmp(name, twins[i].name) == 0) return twins[i].fn;
    fail_msg("no twin of %s", name);
    return NULL;
}

static struct sl_accumulator *fresh(const struct run *run) {
    struct sl_accumulator *acc = run->call->function->ops->make(run->call, NULL);
    assert_int_equal(run->call->function->ops->grow(acc, GROUPS_MAX, &run->f->err), SL_OK);
    return acc;
}

static void feed(struct run *run, struct sl_accumulator *acc) {
    uint32_t rows[ROWS_MAX], groups[ROWS_MAX], count = random_below(run->f, ROWS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = random_below(run->f, ROWS_MAX);
        groups[i] = random_below(run->f, GROUPS_MAX);
        if (run->twin->count[groups[i]] == ROWS_MAX * 4) groups[i] = GROUPS_MAX - 1;
        if (run->twin->count[groups[i]] == ROWS_MAX * 4) continue;
        run->twin->rows[groups[i]][run->twin->count[groups[i]]++] = rows[i];
    }
    if (run->call->function->ops->update(acc, run->args, rows, groups, count, &run->f->session,
                                         &run->f->err) != SL_OK)
        fail_msg("%s: %s", run->what->name, run->f->err.msg);
}

static void reset_some(struct run *run, struct sl_accumulator *acc) {
    uint32_t groups[GROUPS_MAX], count = 0;
    /* Nearly all of them at times: what is dead is then swept. */
    uint32_t stay = random_below(run->f, 2) ? 3 : 30;
    for (uint32_t g = 0; g < GROUPS_MAX; g++)
        if ((random_below(run->f, stay) == 0) == (stay == 3)) {
            groups[count++] = g;
            run->twin->count[g] = 0;
        }
    run->call->function->ops->reset(acc, groups, count);
}

/* All groups into another accumulator through their buffers, which it then gives out the same. */
static struct sl_accumulator *move(struct run *run, struct sl_accumulator *acc) {
    const struct sl_aggregate_ops *ops = run->call->function->ops;
    struct sl_vec buffers[BUFFERS_MAX], again[BUFFERS_MAX];
    const struct sl_vec *given[BUFFERS_MAX];
    uint32_t all[GROUPS_MAX], count = run->call->buffer_count;
    struct sl_accumulator *to = fresh(run);
    buffers_init(run->call, buffers);
    buffers_init(run->call, again);
    for (uint32_t g = 0; g < GROUPS_MAX; g++) all[g] = GROUPS_MAX - 1 - g;
    for (uint32_t b = 0; b < count; b++) given[b] = &buffers[b];
    assert_int_equal(ops->store(acc, all, GROUPS_MAX, buffers, &run->f->err), SL_OK);
    for (uint32_t b = 0; b < count; b++) {
        verify(&buffers[b], run->what->name);
        assert_int_equal(buffers[b].rows, GROUPS_MAX);
    }
    uint32_t rows[GROUPS_MAX];
    for (uint32_t g = 0; g < GROUPS_MAX; g++) rows[g] = g;
    assert_int_equal(ops->merge(to, given, rows, all, GROUPS_MAX, &run->f->session, &run->f->err),
                     SL_OK);
    assert_int_equal(ops->store(to, all, GROUPS_MAX, again, &run->f->err), SL_OK);
    for (uint32_t b = 0; b < count; b++)
        for (uint32_t g = 0; g < GROUPS_MAX; g++)
            if (!sl_vec_rows_equal(&buffers[b], g, &again[b], g))
                fail_msg("%s(%s): buffer %u of a group changed by store and merge", run->what->name,
                         run->what->types[0], b);
    buffers_release(run->call, buffers);
    buffers_release(run->call, again);
    ops->free(acc);
    return to;
}

static void check(struct run *run, struct sl_accumulator *acc) {
    struct sl_vec got, want;
    uint32_t groups[GROUPS_MAX];
    twin_fn twin = twin_of(run->what->name);
    sl_vec_init(&got, run->call->result);
    sl_vec_init(&want, run->call->result);
    for (uint32_t g = 0; g < GROUPS_MAX; g++) groups[g] = (g * 7) % GROUPS_MAX;
    /* In two parts: results are appended. */
    for (uint32_t part = 0; part < 2; part++)
        if (run->call->function->ops->finish(acc, groups + part * GROUPS_MAX / 2, GROUPS_MAX / 2,
                                             &run->f->session, &got, &run->f->err) != SL_OK)
            fail_msg("%s: %s", run->what->name, run->f->err.msg);
    verify(&got, run->what->name);
    assert_int_equal(got.rows, GROUPS_MAX);
    for (uint32_t i = 0; i < GROUPS_MAX; i++) {
        twin(run, run->twin->rows[groups[i]], run->twin->count[groups[i]], &want);
        if (!sl_vec_rows_equal(&got, i, &want, i))
            fail_msg("%s(%s): group %u of %u rows differs from the twin's", run->what->name,
                     run->what->types[0], groups[i], run->twin->count[groups[i]]);
        assert_true(run->call->result_nullable || !sl_vec_is_null(&got, i));
    }
    sl_vec_release(&got);
    sl_vec_release(&want);
}

static void run_case(struct fixture *f, const struct case_of *what, struct twin *twin,
                     bool ignore_nulls) {
    struct run run = {.f = f, .what = what, .twin = twin};
    while (run.arg_count < 3 && what->types[run.arg_count]) run.arg_count++;
    run.call = call_of(f, what->name, what->types, run.arg_count);
    run.call->ignore_nulls = ignore_nulls;
    memset(twin->count, 0, sizeof twin->count);
    for (uint32_t a = 0; a < run.arg_count; a++) {
        assert_true(sl_type_equal(run.call->args[a].type, type_of(f, what->types[a])));
        run.args[a] = random_column(f, run.call->args[a].type, ROWS_MAX, what->range);
    }
    struct sl_accumulator *acc = fresh(&run);
    for (int step = 0; step < 16; step++) {
        feed(&run, acc);
        if (random_below(f, 3) == 0) reset_some(&run, acc);
        if (random_below(f, 3) == 0) acc = move(&run, acc);
        if (random_below(f, 4) == 0) check(&run, acc);
    }
    check(&run, acc);
    run.call->function->ops->free(acc);
}

static const struct case_of cases[] = {
    {"count", {"int"}, 100},
    {"count", {"string", "int", "double"}, 100},
    {"count", {"void"}, 100},
    {"count_if", {"boolean"}, 2},
    {"sum", {"tinyint"}, 100},
    {"sum", {"smallint"}, 100},
    {"sum", {"int"}, 1000000},
    {"sum", {"bigint"}, 1000000},
    {"sum", {"float"}, 100000},
    {"sum", {"double"}, 100000},
    {"sum", {"decimal(6,2)"}, 100000},
    {"sum", {"decimal(25,2)"}, 100000},
    {"sum", {"interval day to second"}, 100000},
    {"sum", {"interval year to month"}, 1000},
    {"try_sum", {"bigint"}, 100000},
    {"avg", {"tinyint"}, 100},
    {"avg", {"smallint"}, 100},
    {"avg", {"int"}, 1000},
    {"avg", {"bigint"}, 1000},
    {"avg", {"float"}, 1000},
    {"avg", {"double"}, 1000},
    {"avg", {"decimal(6,2)"}, 100000},
    {"try_avg", {"decimal(25,2)"}, 100000},
    {"avg", {"interval day to second"}, 100000},
    {"avg", {"interval year to month"}, 1000},
    {"min", {"boolean"}, 2},
    {"max", {"tinyint"}, 100},
    {"min", {"smallint"}, 100},
    {"max", {"int"}, 100},
    {"min", {"bigint"}, 100},
    {"max", {"date"}, 100},
    {"min", {"timestamp"}, 100},
    {"max", {"float"}, 100},
    {"min", {"double"}, 100},
    {"max", {"double"}, 100},
    {"max", {"decimal(30,2)"}, 100},
    {"min", {"decimal(6,2)"}, 100},
    {"min", {"string"}, 100},
    {"max", {"string"}, 100},
    {"max", {"binary"}, 100},
    {"max", {"array<int>"}, 4},
    {"min", {"struct<a: int, b: string>"}, 4},
    {"max", {"array<struct<a: string, b: double>>"}, 4},
    {"max", {"void"}, 4},
    {"bool_and", {"boolean"}, 2},
    {"bool_or", {"boolean"}, 2},
    {"min_by", {"string", "int"}, 30},
    {"max_by", {"int", "string"}, 30},
    {"max_by", {"struct<a: int, b: string>", "double"}, 30},
    {"min_by", {"double", "array<int>"}, 3},
    {"first", {"int"}, 30},
    {"first", {"string"}, 30},
    {"last", {"double"}, 30},
    {"last", {"string"}, 30},
    {"last", {"map<int, string>"}, 3},
    {"any_value", {"array<string>"}, 30},
    {"bit_and", {"tinyint"}, 100},
    {"bit_or", {"int"}, 100},
    {"bit_xor", {"bigint"}, 100},
    {"collect_list", {"int"}, 100},
    {"collect_list", {"string"}, 100},
    {"collect_list", {"array<int>"}, 100},
    {"collect_list", {"void"}, 100},
    {"collect_set", {"boolean"}, 2},
    {"collect_set", {"int"}, 30},
    {"collect_set", {"double"}, 30},
    {"collect_set", {"string"}, 30},
    {"collect_set", {"struct<a: int, b: string>"}, 3},
    {"collect_set", {"decimal(30,2)"}, 30},
    {"mode", {"int"}, 10},
    {"mode", {"string"}, 10},
    {"mode", {"array<int>"}, 3},
    {"median", {"int"}, 1000},
    {"median", {"double"}, 1000},
    {"listagg", {"string"}, 10},
};

void test_aggregates_equal_their_twins(void **state) {
    (void)state;
    struct twin *twin = sl_xmalloc(sizeof *twin);
    for (uint64_t seed = 1; seed <= 6; seed++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct fixture f;
            fixture_init(&f, seed * 1000 + c);
            run_case(&f, &cases[c], twin, false);
            if (strcmp(cases[c].name, "first") == 0 || strcmp(cases[c].name, "last") == 0)
                run_case(&f, &cases[c], twin, true);
            fixture_release(&f);
        }
    free(twin);
}

/* Deviations in one pass are those of two passes, but for rounding. */
static double two_pass(const double *values, uint32_t n, const char *name) {
    double mean = 0, m2 = 0, m3 = 0, m4 = 0;
    for (uint32_t i = 0; i < n; i++) mean += values[i] / n;
    for (uint32_t i = 0; i < n; i++) {
        double d = values[i] - mean;
        m2 += d * d, m3 += d * d * d, m4 += d * d * d * d;
    }
    if (strcmp(name, "var_pop") == 0) return m2 / n;
    if (strcmp(name, "variance") == 0) return m2 / (n - 1);
    if (strcmp(name, "stddev") == 0) return sqrt(m2 / (n - 1));
    if (strcmp(name, "stddev_pop") == 0) return sqrt(m2 / n);
    if (strcmp(name, "skewness") == 0) return sqrt(n) * m3 / sqrt(m2 * m2 * m2);
    return n * m4 / (m2 * m2) - 3;
}

static struct sl_vec *doubles(struct fixture *f, const double *values, uint32_t count) {
    struct sl_vec *vec = SL_NEW(&f->arena, struct sl_vec);
    sl_vec_init(vec, &sl_type_double);
    sl_arena_on_reset(&f->arena, (void (*)(void *))sl_vec_release, vec);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(sl_vec_put_f64(vec, values[i], &f->err), SL_OK);
    return vec;
}

void test_moments_equal_two_passes_and_merge(void **state) {
    (void)state;
    static const char *const names[] = {"var_pop",    "variance", "stddev",
                                        "stddev_pop", "skewness", "kurtosis"};
    struct fixture f;
    fixture_init(&f, 77);
    double values[200];
    uint32_t rows[200], zero[200] = {0}, one = 0;
    for (uint32_t i = 0; i < 200; i++) {
        values[i] = (double)random_below(&f, 100000) / 7 - 3000;
        rows[i] = i;
    }
    const struct sl_vec *args[] = {doubles(&f, values, 200)};
    for (size_t k = 0; k < 6; k++) {
        struct sl_aggregate_call *call = call_of(&f, names[k], (const char *[]){"double"}, 1);
        const struct sl_aggregate_ops *ops = call->function->ops;
        struct sl_accumulator *whole = ops->make(call, NULL), *left = ops->make(call, NULL);
        struct sl_accumulator *right = ops->make(call, NULL);
        struct sl_vec buffers[BUFFERS_MAX], out;
        const struct sl_vec *given[BUFFERS_MAX];
        buffers_init(call, buffers);
        sl_vec_init(&out, call->result);
        for (uint32_t b = 0; b < call->buffer_count; b++) given[b] = &buffers[b];
        assert_int_equal(ops->grow(whole, 1, &f.err), SL_OK);
        assert_int_equal(ops->grow(left, 1, &f.err), SL_OK);
        assert_int_equal(ops->grow(right, 1, &f.err), SL_OK);
        assert_int_equal(ops->update(whole, args, rows, zero, 200, &f.session, &f.err), SL_OK);
        assert_int_equal(ops->update(left, args, rows, zero, 70, &f.session, &f.err), SL_OK);
        assert_int_equal(ops->update(right, args, rows + 70, zero, 130, &f.session, &f.err), SL_OK);
        assert_int_equal(ops->store(right, &one, 1, buffers, &f.err), SL_OK);
        assert_int_equal(ops->merge(left, given, &one, &one, 1, &f.session, &f.err), SL_OK);
        assert_int_equal(ops->finish(whole, &one, 1, &f.session, &out, &f.err), SL_OK);
        assert_int_equal(ops->finish(left, &one, 1, &f.session, &out, &f.err), SL_OK);
        double want = two_pass(values, 200, names[k]);
        assert_true(fabs(out.f64[0] - want) < 1e-9 * fabs(want) + 1e-12);
        assert_true(fabs(out.f64[1] - want) < 1e-9 * fabs(want) + 1e-12);
        sl_vec_release(&out);
        buffers_release(call, buffers);
        ops->free(whole);
        ops->free(left);
        ops->free(right);
    }
    fixture_release(&f);
}
