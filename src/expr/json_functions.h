/* Functions of the table whose kernels need the JSON floor; see sl_kernel_of_expr. */
#ifndef SL_EXPR_JSON_FUNCTIONS_H
#define SL_EXPR_JSON_FUNCTIONS_H

#include "kern/function.h"

struct sl_expr_function {
    const char *name;
    sl_kernel_fn kernel;
    sl_bind_fn bind;
};
/* NULL when the function's kernel is an ordinary one. */
const struct sl_expr_function *sl_expr_function_find(const struct sl_function *function);

#endif
