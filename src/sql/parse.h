/* SQL text to the unresolved plan.  Hand-written lexer and precedence-climbing parser; the whole
 * expression grammar of Spark's SELECT list.  Depth is limited (SL_SQL_DEPTH_MAX), so 10,000
 * parentheses give an error, not a crash. Keywords are non-reserved as in Spark's default mode:
 * sql/keywords.def.
 *
 * Errors: condition PARSE_SYNTAX_ERROR (42601) with the span of the offending token, "expected ..."
 * and a near keyword as hint; statements or clauses Spark has and sluice does not run yet:
 * UNSUPPORTED_FEATURE (0A000) by name.
 */
#ifndef SL_SQL_PARSE_H
#define SL_SQL_PARSE_H

#include "base/buf.h"
#include "sql/tree.h"

enum {
    SL_SQL_DEPTH_MAX = 500,            /* parentheses, subqueries, CASE, prefix operators */
    SL_SQL_HEIGHT_MAX = 12000,         /* of an expression: `a + b + c + ..` */
    SL_SQL_RELATION_HEIGHT_MAX = 1000, /* joins and set operations in a row */
    SL_SQL_WEIGHT_MAX = 1 << 22,       /* nodes a walk over one expression meets */
    SL_SQL_TEXT_MAX = 16 << 20,        /* bytes of text */
    SL_SQL_TREE_MAX = 512 << 20,       /* bytes of arena */
};

/* A whole file: statements separated by `;`, with -- and (nested) C-style comments. Text must
 * outlive the tree. */
SL_MUST_CHECK enum sl_code sl_sql_parse(struct sl_arena *arena, struct sl_str text,
                                        struct sl_statements *out, struct sl_err *err);
/* One expression, e.g. of a DataFrame filter("amount > 0"). */
SL_MUST_CHECK enum sl_code sl_sql_parse_expr(struct sl_arena *arena, struct sl_str text,
                                             struct sl_uexpr **out, struct sl_err *err);

/* Where `${name}` stands in the text it is replaced by the setting of that name, `${env:X}` by the
 * environment, as Spark's VariableSubstitution does, before parsing; SET statements earlier in the
 * file count. lookup returns false for an unknown name: SL_USER with the span and the nearest known
 * name as hint. The map gives back original positions: spans of the tree are positions in `out`;
 * sl_sql_origin maps one to the file. */
struct sl_sql_piece {
    uint32_t text_begin, source_begin, source_end;
    bool replaced; /* a `${name}`; otherwise copied as it was */
};
struct sl_sql_substitution {
    struct sl_str text;          /* after replacement */
    struct sl_sql_piece *pieces; /* in order of text_begin */
    uint32_t piece_count;
};
typedef bool (*sl_sql_lookup_fn)(void *ctx, struct sl_str name, struct sl_str *value);
SL_MUST_CHECK enum sl_code sl_sql_substitute(struct sl_arena *arena, struct sl_str source,
                                             sl_sql_lookup_fn lookup, void *ctx,
                                             struct sl_sql_substitution *out, struct sl_err *err);
struct sl_span sl_sql_origin(const struct sl_sql_substitution *substitution, struct sl_span span);

/* A diagnostic: error[CONDITION] (SQLSTATE): message, --> file:line:column,
 * the source line with a caret range, `help:` hint. Tabs and UTF-8 width handled; long lines cut
 * around the span. color: ANSI escapes. */
void sl_sql_put_diagnostic(struct sl_buf *out, const struct sl_err *err, const char *file,
                           struct sl_str source, bool color);

/* Canonical SQL of a tree, fully parenthesised, for tests and EXPLAIN: parsing it gives the same
 * tree. indent: column of the clauses, one to a line; negative: all on one line. */
void sl_sql_put_expr(struct sl_buf *out, const struct sl_uexpr *expr);
void sl_sql_put_relation(struct sl_buf *out, const struct sl_urelation *relation, int indent);

#endif
