/* Bound, typed expressions: a tree in the query arena, made by the binder through the constructors
 * here, which resolve overloads, insert implicit casts (Spark 4.1's ANSI coercion) and set type and
 * nullability. Spark's names of conditions on error (DATATYPE_MISMATCH.*, WRONG_NUM_ARGS,
 * UNRESOLVED_ROUTINE ...), with the caller's span.
 *
 * A tree is immutable once made; expr/program.h compiles it to steps.
 */
#ifndef SL_EXPR_EXPR_H
#define SL_EXPR_EXPR_H

#include "kern/cast.h"
#include "kern/function.h"
#include "kern/resolve.h"

enum sl_expr_kind {
    SL_EXPR_COLUMN,  /* input column `column` */
    SL_EXPR_LITERAL, /* `literal`, a CONST vector of one row */
    SL_EXPR_CALL,    /* `function` on args */
    SL_EXPR_CAST,    /* args[0] to type, cast_mode */
    SL_EXPR_FIELD,   /* field number `field` of args[0], a struct; of an array of structs: the array
                        of that field */
    SL_EXPR_CASE,    /* args: when1, then1, when2, then2, ..., [else]; also IF, NVL2, NULLIF */
    SL_EXPR_AND,     /* Kleene, lazy in errors: the right side's errors count only where the left is
                        not false */
    SL_EXPR_OR,
    SL_EXPR_COALESCE,  /* lazy: argument i is active only where all before are null */
    SL_EXPR_FROM_JSON, /* args[0]: text; json: options and pruned schema */
    SL_EXPR_HIGHER     /* `higher` on args, of which the last ones are captured by its lambdas */
};

struct sl_json_options; /* fmt/json/json_options.h */
struct sl_higher;       /* expr/higher.h */
struct sl_evolution;    /* expr/evolution.h */

struct sl_expr {
    enum sl_expr_kind kind;
    const struct sl_type *type;
    bool nullable;
    bool deterministic; /* same inputs, same value, at any time: may be folded */
    bool folded;        /* LITERAL that was computed, not written */
    struct sl_str name; /* COLUMN: its name for messages, set by the binder; "" if unknown */
    struct sl_span span;
    struct sl_expr **args;
    uint32_t arg_count;
    uint32_t column;
    uint32_t field;
    enum sl_cast_mode cast_mode;
    const struct sl_vec *literal;
    const struct sl_function *function;
    sl_kernel_fn kernel; /* function->kernel, or expr's own one for functions that need JSON */
    const void *state;   /* of function->bind */
    /* FROM_JSON: fields that are read, as bits of the (possibly pruned) struct; see
     * sl_expr_prune_json. */
    const struct sl_json_options *json;
    const struct sl_type *json_schema; /* full schema as written; type may be pruned */
    uint32_t json_site;                /* of ctx->evolution, or SL_EVOLUTION_NO_SITE */
    const struct sl_higher *higher;
};

/* What constructors need. */
struct sl_expr_ctx {
    struct sl_arena *query;
    const struct sl_session *session;
    struct sl_evolution *evolution; /* what schemas of from_json get besides; NULL: nothing */
};

struct sl_expr *sl_expr_column(struct sl_expr_ctx *ctx, uint32_t column, const struct sl_type *type,
                               bool nullable);
struct sl_expr *sl_expr_literal(struct sl_expr_ctx *ctx, const struct sl_vec *value);
struct sl_expr *sl_expr_literal_str(struct sl_expr_ctx *ctx, struct sl_str value);
struct sl_expr *sl_expr_literal_i64(struct sl_expr_ctx *ctx, const struct sl_type *type,
                                    int64_t value);
struct sl_expr *sl_expr_literal_f64(struct sl_expr_ctx *ctx, double value);
struct sl_expr *sl_expr_literal_decimal(struct sl_expr_ctx *ctx, int precision, int scale,
                                        sl_int128 unscaled);
struct sl_expr *sl_expr_literal_null(struct sl_expr_ctx *ctx, const struct sl_type *type);

/* Function call by SQL name; operators are functions named "+", "-", "*", "/", "%", "div", "=",
 * "<=>", "<", "<=", ">",
 * ">=", "<>", "not", "&", "|", "^", "~", "||", "like", "rlike", "negative", "isnull", "isnotnull",
 * "in", "[]" (element access). "and", "or", "if", "case", "coalesce", "nvl", "ifnull", "nullif",
 * "from_json" are made by this too and yield their own kinds. Constant arguments are folded when
 * the whole call is deterministic and its kernel does not fail. */
SL_MUST_CHECK enum sl_code sl_expr_call(struct sl_expr_ctx *ctx, struct sl_str name,
                                        struct sl_expr **args, uint32_t arg_count,
                                        struct sl_span span, struct sl_expr **out,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_expr_cast(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                        const struct sl_type *to, enum sl_cast_mode mode,
                                        struct sl_span span, struct sl_expr **out,
                                        struct sl_err *err);
/* Inserts an implicit cast where Spark would, or fails. */
SL_MUST_CHECK enum sl_code sl_expr_coerce(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                          const struct sl_type *to, struct sl_expr **out,
                                          struct sl_err *err);
/* Field of a struct by name (case rule of the session); of an array of structs: array of that
 * field; of a map with string keys: element. FIELD_NOT_FOUND with the nearest name as hint. */
SL_MUST_CHECK enum sl_code sl_expr_field(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                         struct sl_str name, struct sl_span span,
                                         struct sl_expr **out, struct sl_err *err);
/* CASE: pairs of (condition, value), else may be NULL; values are widened to a common type. */
SL_MUST_CHECK enum sl_code sl_expr_case(struct sl_expr_ctx *ctx, struct sl_expr **pairs,
                                        uint32_t pair_count, struct sl_expr *otherwise,
                                        struct sl_span span, struct sl_expr **out,
                                        struct sl_err *err);
/* A value position of an array (by number) or map (by key), or a field of a struct (constant name):
 * a[b], Spark's UnresolvedExtractValue. */
SL_MUST_CHECK enum sl_code sl_expr_extract(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                           struct sl_expr *key, struct sl_span span,
                                           struct sl_expr **out, struct sl_err *err);
/* Whether evaluation can neither fail nor cost more than a pointer: columns, literals, fields. */
bool sl_expr_is_trivial(const struct sl_expr *expr);

/* FROM_JSON of which only some fields are read: fields_used[i] is field i of expr->type (a STRUCT).
 * Returns an expression whose type keeps those fields in their order (the caller renumbers its
 * FIELD nodes), or expr itself when nothing can be dropped: all are used, the type is no struct,
 * FAILFAST, rescued data is asked for, or the corrupt record column is among the fields (Spark's
 * OptimizeCsvJsonExprs). */
struct sl_expr *sl_expr_prune_json(struct sl_expr_ctx *ctx, struct sl_expr *expr,
                                   const bool *fields_used);

bool sl_expr_equal(const struct sl_expr *a, const struct sl_expr *b);
/* SQL text of the bound tree, as EXPLAIN shows it; names[i] is column i. */
void sl_expr_put_text(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names);

#endif
