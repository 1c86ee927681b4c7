/* What the binder's files share.  bind_relation.c binds relations, bind_read.c what FROM names,
 * bind_select.c a SELECT list, bind_generate.c generators, bind_expr.c expressions, bind_literal.c
 * literals, column_name.c Spark's names of unaliased expressions.
 */
#ifndef SL_PLAN_BIND_INT_H
#define SL_PLAN_BIND_INT_H

#include "plan/bind.h"
#include "plan/scope.h"

/* Views and subqueries nest at most this deep, far beyond what people write. */
enum { SL_BIND_DEPTH_MAX = 1000 };

/* One name of WITH, with the names that its own query may use. */
struct sl_cte_frame {
    const struct sl_cte *cte;
    const struct sl_cte_frame *below; /* names defined before it */
};
/* A view that is being bound, for finding cycles. */
struct sl_view_frame {
    const struct sl_urelation *relation;
    struct sl_str name;
    const struct sl_view_frame *below;
};

struct sl_binder {
    struct sl_bind_ctx *ctx;
    struct sl_arena *arena; /* query */
    uint32_t next_id;       /* of sl_column */
    uint32_t watermarks;    /* clauses so far */
    uint32_t depth;
    const struct sl_cte_frame *ctes;
    const struct sl_view_frame *views;
    const struct sl_urelation *first_rows; /* the SELECT whose first rows the FILTER above wants */
};

/* relations */
enum sl_code sl_bind_node(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node **out, struct sl_err *err);
enum sl_code sl_bind_read(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node **out, struct sl_err *err);
/* A SELECT (PROJECT or AGGREGATE) with its HAVING and ORDER BY, which may be NULL. */
enum sl_code sl_bind_select(struct sl_binder *binder, const struct sl_urelation *relation,
                            const struct sl_urelation *having, const struct sl_urelation *sort,
                            struct sl_node **out, struct sl_err *err);
/* ORDER BY of anything else: only its columns can be named. */
enum sl_code sl_bind_sort(struct sl_binder *binder, const struct sl_urelation *sort,
                          struct sl_node **out, struct sl_err *err);
enum sl_code sl_bind_join(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node *left, struct sl_node **out, struct sl_err *err);
/* Is it the FILTER that asks for the first rows by row_number()? Then *select numbers them. */
bool sl_is_first_rows(const struct sl_binder *binder, const struct sl_urelation *filter,
                      const struct sl_urelation **select);
enum sl_code sl_bind_first_rows(struct sl_binder *binder, const struct sl_urelation *select,
                                struct sl_node **out, struct sl_err *err);
/* NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING */
enum sl_code sl_over_in_stream(const struct sl_uexpr *over, struct sl_err *err);
/* BOOLEAN, or an untyped NULL; else the error that `condition` names. */
enum sl_code sl_bind_condition(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *expr, struct sl_expr **out,
                               struct sl_err *err);

enum sl_code sl_bind_set_op(struct sl_binder *binder, const struct sl_urelation *relation,
                            struct sl_node **out, struct sl_err *err);
enum sl_code sl_coerce_column(struct sl_binder *binder, struct sl_expr **expr,
                              const struct sl_type *type, struct sl_err *err);
/* What DISTINCT and set operations cannot compare: UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE */
enum sl_code sl_check_set_types(const struct sl_node *node, struct sl_span span,
                                struct sl_err *err);
/* node, or a projection to its first columns. */
struct sl_node *sl_node_first_columns(struct sl_binder *binder, struct sl_node *node,
                                      uint32_t count);
/* Every row as often as `times` says, which is positive. */
enum sl_code sl_node_repeat(struct sl_binder *binder, struct sl_node **node, struct sl_expr *times,
                            struct sl_err *err);

/* event time */
enum sl_code sl_bind_watermark(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **out, struct sl_err *err);
/* SELECT DISTINCT, and DEDUPLICATE BY */
enum sl_code sl_bind_deduplicate(struct sl_binder *binder, const struct sl_urelation *relation,
                                 struct sl_node **out, struct sl_err *err);
struct sl_node *sl_node_distinct(struct sl_binder *binder, struct sl_node *input,
                                 struct sl_span span);
/* window(), session_window(), window_time() */
bool sl_is_time_window(const struct sl_uexpr *expr);
enum sl_code sl_bind_time_window(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *expr, struct sl_expr **out,
                                 struct sl_err *err);
struct sl_scope sl_scope_of(const struct sl_binder *binder, const struct sl_node *node);

/* generators */
struct sl_generator_use {
    bool outer, table;           /* LATERAL VIEW OUTER; a table function of FROM */
    const struct sl_name *names; /* of its columns; NULL or none: as the generator calls them */
    struct sl_str qualifier;
};
bool sl_is_generator(const struct sl_uexpr *expr);
/* Puts the generator over *base; what it makes comes behind base's columns. scope: what its
 * arguments may read, all of it columns of *base. */
enum sl_code sl_bind_generator(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *call, const struct sl_generator_use *use,
                               struct sl_node **base, struct sl_err *err);
enum sl_code sl_bind_lateral_view(struct sl_binder *binder, const struct sl_urelation *relation,
                                  struct sl_node **out, struct sl_err *err);
/* explode(..) in FROM; left: the relation before it, which LATERAL lets it read, or NULL. */
bool sl_is_generator_table(const struct sl_urelation *relation);
enum sl_code sl_bind_generator_table(struct sl_binder *binder, const struct sl_urelation *relation,
                                     struct sl_node *left, struct sl_node **out,
                                     struct sl_err *err);
/* UNSUPPORTED_GENERATOR.OUTSIDE_SELECT; and the same error of a part told as that of the SELECT
 * item `whole`, NESTED_IN_EXPRESSIONS. */
enum sl_code sl_generator_misplaced(struct sl_span span, struct sl_err *err);
enum sl_code sl_generator_nested(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *whole, enum sl_code code,
                                 struct sl_err *err);

/* aggregates */
bool sl_is_aggregate(const struct sl_uexpr *expr);
enum sl_code sl_bind_aggregate(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *call, struct sl_expr **out,
                               struct sl_err *err);
/* WHERE count(*) > 1 and the like; told by the clause as its own error when it has one. */
enum sl_code sl_aggregate_misplaced(struct sl_binder *binder, const struct sl_scope *scope,
                                    const struct sl_uexpr *call, struct sl_err *err);
bool sl_is_misplaced_aggregate(enum sl_code code, const struct sl_err *err);

/* expressions */
struct sl_arg_list {
    struct sl_expr **items;
    struct sl_str *names; /* what struct() calls them; "" if it numbers them */
    uint32_t count, cap;
};
enum sl_code sl_bind_args(struct sl_binder *binder, const struct sl_scope *scope,
                          const struct sl_uexpr *call, struct sl_arg_list *list,
                          struct sl_err *err);
/* upper, builtin.upper, system.builtin.upper */
bool sl_is_builtin_name(const struct sl_name *name);
/* A field of a struct by number. */
struct sl_expr *sl_field_at(struct sl_binder *binder, struct sl_expr *base, uint32_t field,
                            struct sl_span span);
enum sl_code sl_bind_uexpr(struct sl_binder *binder, const struct sl_scope *scope,
                           const struct sl_uexpr *expr, struct sl_expr **out, struct sl_err *err);
enum sl_code sl_bind_literal(struct sl_binder *binder, const struct sl_uexpr *expr,
                             struct sl_expr **out, struct sl_err *err);
/* The columns or fields that a star stands for. */
struct sl_star_item {
    struct sl_str name;
    struct sl_expr *expr;
    const struct sl_column *column; /* NULL for a struct's field */
};
enum sl_code sl_bind_star(struct sl_binder *binder, const struct sl_scope *scope,
                          const struct sl_uexpr *star, struct sl_star_item **items, uint32_t *count,
                          struct sl_err *err);
/* bigint(x), date(x) ..: the type such a function casts to, or NULL. */
const struct sl_type *sl_cast_function_type(struct sl_arena *arena, const struct sl_uexpr *expr);
/* The type text of CAST; errors have the place in the query. */
enum sl_code sl_bind_type(struct sl_binder *binder, const struct sl_uexpr *cast,
                          const struct sl_type **out, struct sl_err *err);
/* A lateral column alias: *out stays NULL when the SELECT list has no such name yet. */
enum sl_code sl_select_lateral(struct sl_binder *binder, struct sl_select *select,
                               struct sl_str name, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err);
bool sl_select_has_lateral(const struct sl_scope *scope, struct sl_str name);
/* Such a name stands for what a generator makes, to Spark a column like any other. */
bool sl_select_is_generated(const struct sl_scope *scope, struct sl_str name);

/* lambdas */
bool sl_is_higher(const struct sl_uexpr *expr);
enum sl_code sl_bind_higher(struct sl_binder *binder, const struct sl_scope *scope,
                            const struct sl_uexpr *expr, struct sl_expr **out, struct sl_err *err);
/* Number of the lambda's parameter of that name, or -1; what stands for it in the body. */
int sl_lambda_param(const struct sl_scope *scope, struct sl_str name);
struct sl_expr *sl_lambda_param_expr(struct sl_binder *binder, const struct sl_scope *scope,
                                     int param, struct sl_span span);
/* In a lambda's body: a name from outside. */
enum sl_code sl_bind_captured(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err);

/* names */
/* Spark's name of a SELECT item without alias. */
struct sl_str sl_column_name(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *expr);
/* Text of an expression as Spark's messages and names show it. */
struct sl_str sl_pretty_text(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *expr);
void sl_name_put(struct sl_buf *out, const struct sl_name *name); /* `a`.`b` */

/* UNSUPPORTED_FEATURE (0A000): Spark has it, sluice does not run it. */
enum sl_code sl_bind_refuse(struct sl_err *err, struct sl_span span, const char *fmt, ...)
    SL_PRINTF(3, 4);

#endif
