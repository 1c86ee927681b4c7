/* The function table: what functions.def says, for lookup by the binder, the docs page and the test
 * that runs every example.
 *
 * A row of functions.def:
 *   FUNCTION("name", "signature", nulls, kernel, bind, "doc", "example", "result")
 *     name       SQL name, lower case; aliases are rows of their own
 *     signature  "(string, int=1) -> string": argument types, then the result.
 *                Type words: Spark's DDL names (decimal = any decimal), and
 *                  any          any type
 *                  T, U         a type variable: all uses are widened to one common type
 *                  number       any numeric        integral    byte, short, int or long
 *                  array<T>  map<T,U>  struct
 *                  T...         zero or more of it (last argument only)
 *                  string=' '   optional argument with its default literal (text or number)
 *                  const string a foldable argument (regex, format, schema); the bind hook gets
 *                               its value
 *                  exact int    numbers of a wider type are refused, not cast (Spark's
 *                               ExpectsInputTypes; the others are ImplicitCastInputTypes)
 *                `-> @hook` calls the resolve hook of that name in kern/resolve.c, which decides
 *                the arguments' target types and the result.
 *     nulls      STRICT (null in, null out), CUSTOM (kernel decides), NEVER (result is never null,
 *                CUSTOM kernel); flags are or-ed: `CUSTOM | RAW`, `NEVER | NONDETERMINISTIC`,
 *                `NEVER | BATCH_CONSTANT`, `STRICT | NULLABLE` (null for some non-null inputs),
 *                `STRICT | VIEWS` (reads strings with sl_vec_str)
 *     kernel     name of a sl_kernel_fn (declared for all rows by kern/kernels.h)
 *     bind       name of a sl_bind_fn, or 0.  Above the row stands BIND(name) once, which declares
 *                it (also through kern/kernels.h)
 *     doc        one sentence
 *     example    an SQL expression; result: its value as Spark's show() prints it
 * Several rows with one name are overloads: exact types win over `any`, `any` over implicit casts;
 * among equals the first row.
 */
#ifndef SL_KERN_FUNCTION_H
#define SL_KERN_FUNCTION_H

#include "kern/call.h"

enum sl_null_rule { SL_NULLS_STRICT, SL_NULLS_CUSTOM, SL_NULLS_NEVER };
enum sl_function_flags {
    SL_FN_RAW = 1,              /* takes DICT and VIEW arguments too */
    SL_FN_NONDETERMINISTIC = 2, /* not folded: uuid, rand */
    SL_FN_BATCH_CONSTANT =
        4,              /* same value for all rows of a batch: current_timestamp; not folded */
    SL_FN_NULLABLE = 8, /* STRICT, but also null for some non-null inputs: try_add */
    SL_FN_VIEWS = 16    /* takes VIEW arguments as they are (DICT are decoded) */
};

struct sl_bind_arg {
    const struct sl_type *type;
    const struct sl_vec *constant; /* CONST vector when the argument is foldable, else NULL */
    struct sl_str text;            /* of aggregates: its SQL, for messages; "" if not known */
};
/* Makes the per-call-site state in the query arena; errors are user errors (bad pattern, bad
 * format). */
typedef enum sl_code (*sl_bind_fn)(struct sl_arena *query, const struct sl_session *session,
                                   const struct sl_bind_arg *args, uint32_t arg_count,
                                   const struct sl_type *result, const void **state,
                                   struct sl_err *err);

struct sl_function {
    const char *name, *signature;
    enum sl_null_rule nulls;
    unsigned flags;
    sl_kernel_fn kernel;
    sl_bind_fn bind;
    const char *doc, *example, *result;
};

/* All rows with that name (case-insensitive), consecutive; *count = 0 if none. */
const struct sl_function *sl_function_find(struct sl_str name, size_t *count);
/* The whole table in order of names, for docs and tests. */
const struct sl_function *sl_function_all(size_t *count);
/* Nearest function name for "did you mean", or "". */
struct sl_str sl_function_nearest(struct sl_str name);

#endif
