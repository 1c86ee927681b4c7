/* Overload resolution: from a function's name and the types of its arguments to a row of the
 * function table, the type every argument is cast to, and the type of the result.
 * Coercion is Spark 4.1's under ANSI (AnsiTypeCoercion, DecimalPrecisionTypeCoercion). */
#ifndef SL_KERN_RESOLVE_H
#define SL_KERN_RESOLVE_H

#include "base/buf.h"
#include "kern/function.h"

struct sl_resolve_arg {
    const struct sl_type *type;
    const struct sl_vec *constant; /* CONST vector when foldable and computed, else NULL */
    bool literal;                  /* written as a literal: decimals take its own precision */
    bool nullable;
    struct sl_str name; /* of a column or field, for struct(); "" if none */
};

struct sl_resolve {
    struct sl_arena *arena;
    const struct sl_session *session;
    struct sl_str name;
    struct sl_span span;
    const struct sl_resolve_arg *args;
    uint32_t arg_count;
    /* Appends the SQL text of an argument (or of the whole call: -1); for messages. */
    void (*put_text)(const void *ctx, int arg, struct sl_buf *out);
    const void *text_ctx;
    /* Overloads to choose from instead of those of functions.def with that name; NULL: these. */
    const struct sl_function *rows;
    size_t row_count;

    /* results */
    const struct sl_function *function;
    const struct sl_type **targets; /* per argument, defaults included */
    uint32_t target_count;          /* arg_count plus omitted optional arguments */
    const struct sl_str *defaults;  /* text of argument i >= arg_count, as in the signature */
    const struct sl_type *result;
};

SL_MUST_CHECK enum sl_code sl_resolve_call(struct sl_resolve *resolve, struct sl_err *err);

/* Common type of two (Spark's findWiderTypeForTwo); NULL if none. ansi: that of the session;
 * without it an integer and a float meet at float. */
const struct sl_type *sl_type_common(struct sl_arena *arena, const struct sl_type *a,
                                     const struct sl_type *b, bool ansi);
/* The same without promotion of strings and of unequal decimals (findTightestCommonType). */
const struct sl_type *sl_type_tightest(struct sl_arena *arena, const struct sl_type *a,
                                       const struct sl_type *b, bool ansi);
/* The interval type with the fields of both, which are of one family. */
const struct sl_type *sl_type_common_interval(struct sl_arena *arena, const struct sl_type *a,
                                              const struct sl_type *b);
/* String promotion alone (findWiderTypeForString); NULL if neither side is a string. */
const struct sl_type *sl_type_promote_string(const struct sl_type *a, const struct sl_type *b);
/* Decimal that holds all values of an integral type: DecimalType.forType. */
const struct sl_type *sl_type_decimal_for(struct sl_arena *arena, const struct sl_type *type);
/* Spark's adjustPrecisionScale: bounds a computed decimal type to 38 digits. */
const struct sl_type *sl_type_decimal_bounded(struct sl_arena *arena, int precision, int scale);

static inline bool sl_resolve_ansi(const struct sl_resolve *resolve) {
    return !resolve->session || resolve->session->ansi;
}

/* Fails with DATATYPE_MISMATCH.<subclass>; the message names the call's text. */
enum sl_code sl_resolve_mismatch(const struct sl_resolve *resolve, const char *subclass,
                                 struct sl_err *err, const char *fmt, ...) SL_PRINTF(4, 5);
/* ...UNEXPECTED_INPUT_TYPE for one argument. */
enum sl_code sl_resolve_unexpected(const struct sl_resolve *resolve, uint32_t arg,
                                   const char *required, struct sl_err *err);

/* BINARY_OP_DIFF_TYPES and BINARY_OP_WRONG_TYPE of the two targets. */
enum sl_code sl_resolve_different_types(const struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_wrong_type(const struct sl_resolve *resolve, const char *required,
                                   struct sl_err *err);

/* The hooks of `-> @name`; NULL if there is none of that name. targets are preset to the argument's
 * own types. */
typedef enum sl_code (*sl_resolve_hook)(struct sl_resolve *resolve, struct sl_err *err);
sl_resolve_hook sl_resolve_hook_find(struct sl_str name);
/* kern/array_resolve.c, kern/aggregate_resolve.c */
sl_resolve_hook sl_resolve_array_hook(struct sl_str name);
sl_resolve_hook sl_resolve_aggregate_hook(struct sl_str name);
/* kern/datetime_resolve.c, kern/interval_resolve.c, kern/string_build.c,
 * kern/number_pattern.c, kern/time_window.c */
enum sl_code sl_resolve_interval(struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_number_pattern(struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_concat_ws(struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_datetime(struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_time_window(struct sl_resolve *resolve, struct sl_err *err);
enum sl_code sl_resolve_extract(struct sl_resolve *resolve, struct sl_err *err);

#endif
