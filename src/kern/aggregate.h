/* Aggregate functions: the table that aggregates.def is, and how operators drive a call of one.
 *
 * A call keeps one *accumulator*: its buffers of all groups of one shard, as columns indexed by the
 * group's number.  Rows come as vectors with the numbers of their groups; nothing is decided per
 * row but what the values demand.  Buffers leave and come back as vectors of the fields that
 * Spark's aggregate keeps in its state (aggBufferAttributes, same names and types), so that a
 * changelog, a snapshot, Spark's own state files and merging are one thing.
 *
 * Source: Spark catalyst/expressions/aggregate (one file per function), ANSI rules of 4.1.
 *
 * A row of aggregates.def:
 *   AGGREGATE("name", "signature", flags, ops, bind, "doc", "example", "result")
 *     name, signature, bind, doc: as in functions.def (kern/function.h); aliases are rows of their
 *                own
 *     flags      see below
 *     ops        name of a struct sl_aggregate_ops, declared through kern/aggregates.h
 *     example    an SQL query over one column or inline VALUES; result: as show() prints its value
 */
#ifndef SL_KERN_AGGREGATE_H
#define SL_KERN_AGGREGATE_H

#include "kern/function.h"

struct sl_accumulator; /* of one ops; its first member is struct sl_accumulator_base */

/* A bound call, immutable, in the query arena. */
struct sl_aggregate_call {
    const struct sl_aggregate *function;
    struct sl_bind_arg *args; /* types, and values of constant arguments */
    uint32_t arg_count;
    const struct sl_type *result;
    bool result_nullable;
    bool ignore_nulls;              /* first(x) IGNORE NULLS */
    const void *state;              /* of function->bind; NULL if it has none */
    const struct sl_field *buffers; /* Spark's state columns of this call */
    uint32_t buffer_count;
};

enum sl_aggregate_flags {
    SL_AGG_IGNORE_NULLS = 1,  /* takes IGNORE NULLS */
    SL_AGG_ORDER_MATTERS = 2, /* first, last, collect_list: not the same for every order of rows */
    SL_AGG_DISTINCT_IS_SAME = 4 /* min, max, bool_and ..: DISTINCT changes nothing */
};

struct sl_aggregate_ops {
    /* The fields of the buffers and the result's nullability; in the arena. */
    void (*describe)(struct sl_arena *query, struct sl_aggregate_call *call);
    struct sl_accumulator *(*make)(const struct sl_aggregate_call *call, struct sl_budget *budget);
    /* Room for groups 0..count-1; new ones are empty (no row seen). */
    enum sl_code (*grow)(struct sl_accumulator *acc, uint32_t count, struct sl_err *err);
    /* A group becomes empty again: its number is given to another key. */
    void (*reset)(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count);
    /* Row rows[i] of the arguments goes to groups[i], in this order. args: any encoding but DICT
     * and VIEW of non-string types; constant arguments are CONST. Overflow and the like are
     * SL_DATA with Spark's condition (ARITHMETIC_OVERFLOW 22003 ..). */
    enum sl_code (*update)(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err);
    /* Buffers of row rows[i] are merged into groups[i]; `buffers`: buffer_count FLAT or CONST
     * vectors. Into an empty group this is what `store` wrote, exactly. */
    enum sl_code (*merge)(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err);
    /* Appends the buffers of the groups to buffer_count FLAT vectors. */
    enum sl_code (*store)(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err);
    /* Appends the results of the groups to a FLAT vector of the result type. */
    enum sl_code (*finish)(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err);
    void (*free)(struct sl_accumulator *acc);
};

struct sl_aggregate {
    const char *name, *signature;
    unsigned flags;
    const struct sl_aggregate_ops *ops;
    sl_bind_fn bind;
    const char *doc, *example, *result;
};

/* First member of every accumulator. */
struct sl_accumulator_base {
    const struct sl_aggregate_ops *ops;
    const struct sl_aggregate_call *call;
    struct sl_budget *budget; /* asked before buffers grow; given back by free */
    size_t bytes;             /* that it holds of the budget */
};

/* All rows with that name (ignoring case), consecutive; *count = 0 if none. */
const struct sl_aggregate *sl_aggregate_find(struct sl_str name, size_t *count);
const struct sl_aggregate *sl_aggregate_all(size_t *count);

/* Chooses the overload, tells the types that the arguments must be cast to (targets[arg_count]),
 * and fills `out`; Spark's errors for wrong numbers and types of arguments. `star`: count(*). */
SL_MUST_CHECK enum sl_code sl_aggregate_resolve(struct sl_arena *query,
                                                const struct sl_session *session,
                                                struct sl_str name, const struct sl_bind_arg *args,
                                                uint32_t arg_count, bool star, bool ignore_nulls,
                                                struct sl_span span, const struct sl_type **targets,
                                                struct sl_aggregate_call *out, struct sl_err *err);

#endif
