/* Shared by the files of expr/; not for other folders. */
#ifndef SL_EXPR_EXPR_INT_H
#define SL_EXPR_EXPR_INT_H

#include "expr/expr.h"

struct sl_expr *sl_expr_new(struct sl_expr_ctx *ctx, enum sl_expr_kind kind,
                            const struct sl_type *type, struct sl_span span);
void sl_expr_set_args(struct sl_expr_ctx *ctx, struct sl_expr *expr, struct sl_expr *const *args,
                      uint32_t count);
/* The expression, or the literal it computes when all its arguments are literals. */
SL_MUST_CHECK enum sl_code sl_expr_fold(struct sl_expr_ctx *ctx, struct sl_expr *expr,
                                        struct sl_expr **out, struct sl_err *err);
/* False: what it yields, or how it fails, has nothing to do with the rows. */
bool sl_expr_reads_column(const struct sl_expr *expr);
/* from_json(text, schema [, options]) */
SL_MUST_CHECK enum sl_code sl_expr_from_json(struct sl_expr_ctx *ctx, struct sl_expr **args,
                                             uint32_t count, struct sl_span span,
                                             struct sl_expr **out, struct sl_err *err);
/* What a cast to `to` needs; the argument itself when it has that type. No check, no folding of
 * errors. */
SL_MUST_CHECK enum sl_code sl_expr_cast_if(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                                           const struct sl_type *to, struct sl_expr **out,
                                           struct sl_err *err);
/* state of a FROM_JSON: its compiled formats, NULL where the option is not set. */
struct sl_pattern;
struct sl_json_patterns {
    const struct sl_pattern *timestamp, *timestamp_ntz, *date;
};
/* Same schema as written and same options. */
bool sl_expr_same_json(const struct sl_expr *a, const struct sl_expr *b);
/* Text of one expression in a buffer, as messages quote it. */
void sl_expr_put_sql(struct sl_buf *out, const struct sl_expr *expr);
/* Text of a call that is not made yet. */
void sl_expr_put_call(struct sl_buf *out, const char *name, struct sl_expr *const *args,
                      uint32_t count);
/* One non-null constant as text (CAST AS STRING); false for NULL or when it is no literal. */
bool sl_expr_constant_text(struct sl_expr_ctx *ctx, const struct sl_expr *expr, struct sl_str *out);

#endif
