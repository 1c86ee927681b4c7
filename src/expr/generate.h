/* What a generator does to each row: made by plan/bind_generate.c, rewritten by the optimizer, run
 * by ops/generate.c.
 *
 * All of Spark's generators are one: explode, posexplode and inline differ in which parts of a
 * list they give, stack(n, ..) is inline(array(struct(..), ..)), json_tuple gives one row and so is
 * a projection. */
#ifndef SL_EXPR_GENERATE_H
#define SL_EXPR_GENERATE_H

#include "expr/expr.h"

/* What a generated column holds; a number from 0 is a field of the array's structs. */
enum sl_generate_part {
    SL_PART_POSITION = -1, /* INT, from 0 */
    SL_PART_KEY = -2,      /* of a MAP */
    SL_PART_VALUE = -3     /* the element, or the MAP's value */
};

/* The output's columns are the kept ones and then the parts. Rows whose list is NULL or empty
 * vanish, or with `outer` stay once, their parts NULL. */
struct sl_generate {
    const char *name;     /* for EXPLAIN: "explode" */
    struct sl_expr *list; /* ARRAY or MAP */
    bool outer;
    uint32_t *kept; /* columns of the input */
    uint32_t kept_count;
    int32_t *parts;
    uint32_t part_count;
    struct sl_str qualifier; /* LATERAL VIEW's name, "" if none; for EXPLAIN */
};

#endif
