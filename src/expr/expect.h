/* Conditions that rows are expected to fulfil, and what becomes of those that do not: CONSTRAINT ..
 * EXPECT of a target, and what the table demands that is written.  A condition holds for a row when
 * it is true; NULL is a violation. */
#ifndef SL_EXPR_EXPECT_H
#define SL_EXPR_EXPECT_H

#include "expr/expr.h"

enum sl_expect_action {
    SL_EXPECT_KEEP, /* counted */
    SL_EXPECT_DROP, /* leaves; a dead letter where there is a quarantine */
    SL_EXPECT_FAIL, /* fails the batch, also with a quarantine */
    SL_EXPECT_TABLE /* demanded by the table: fails the batch, or is a dead letter (SL_FAULT_WRITE)
                       where there is a quarantine; not counted */
};
struct sl_expect {
    struct sl_str name, text;  /* text: the condition as written */
    struct sl_expr *condition; /* boolean */
    enum sl_expect_action action;
    struct sl_span span;
};

#endif
