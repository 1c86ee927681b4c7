/* The unresolved plan: what SQL text and (later) Spark Connect messages both become.  Relations and
 * expressions carry the names that Spark Connect's protocol gives them.  Nothing here is resolved:
 * names are texts, types are texts, functions are names.  plan/ binds it.
 *
 * Everything lives in the arena given to the parser; spans are byte offsets into the parsed text.
 * Source: Spark 4.1 SqlBaseParser.g4; Spark Connect relations.proto, expressions.proto.
 */
#ifndef SL_SQL_TREE_H
#define SL_SQL_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* ---- names and options ---- */

/* a.b.c: parts without backquotes. */
struct sl_name {
    struct sl_str *parts;
    uint32_t count;
    struct sl_span span;
};

/* key = value; key may be dotted (parts joined by '.'); value as text. */
struct sl_property {
    struct sl_str key, value;
    struct sl_span key_span, value_span;
};
struct sl_properties {
    struct sl_property *items;
    uint32_t count;
};

/* ---- expressions ---- */

enum sl_uexpr_kind {
    SL_U_LITERAL,       /* literal */
    SL_U_ATTRIBUTE,     /* name: a, t.a, `a b`.c */
    SL_U_STAR,          /* * or name.* ; except: EXCEPT (..) list */
    SL_U_FUNCTION,      /* function name(args), also every operator: see expr.h's list of names */
    SL_U_CAST,          /* args[0]; type_text; try_cast */
    SL_U_ALIAS,         /* args[0] AS aliases (one, or several for generators) */
    SL_U_FIELD,         /* args[0].field_name, where args[0] is not a plain name */
    SL_U_EXTRACT_VALUE, /* args[0][args[1]] */
    SL_U_CASE,          /* args: [operand if has_operand], when, then, ..., [else if has_else] */
    SL_U_INTERVAL, /* literal.kind MONTH/DAY interval when foldable from text; or args (value) +
                      unit */
    SL_U_LAMBDA,   /* parameters, args[0] */
    SL_U_SUBQUERY, /* relation; name.parts[0]: "" scalar, "exists", "in" (args[0] IN ..); parsed,
                      refused by name later */
    SL_U_WINDOW,   /* args[0] OVER (...) : parsed, refused by name later */
    SL_U_NAMED_ARGUMENT, /* name => args[0] */
    SL_U_SORT_ORDER,     /* args[0], descending, nulls_first */
    SL_U_PARAMETER,      /* :name or ? */
};

enum sl_literal_kind {
    SL_LIT_NULL,
    SL_LIT_BOOL,
    SL_LIT_TINYINT,
    SL_LIT_SMALLINT,
    SL_LIT_INT,
    SL_LIT_BIGINT,
    SL_LIT_DECIMAL,
    SL_LIT_FLOAT,
    SL_LIT_DOUBLE,
    SL_LIT_STRING,
    SL_LIT_BINARY,
    SL_LIT_DATE,
    SL_LIT_TIMESTAMP,
    SL_LIT_TIMESTAMP_NTZ,
    SL_LIT_MONTH_INTERVAL,
    SL_LIT_DAY_INTERVAL,
};

struct sl_uliteral {
    enum sl_literal_kind kind;
    bool boolean;
    int64_t integer;    /* integers (range-checked by suffix), months, microseconds */
    struct sl_str text; /* STRING unescaped, BINARY raw bytes, numbers as written without suffix,
                           DATE/TIMESTAMP text */
    uint8_t interval_from, interval_to; /* units of col/type.h */
};

struct sl_urelation;

struct sl_uwindow { /* OVER: parsed so that later issues extend without touching the grammar */
    struct sl_uexpr **partition, **order;
    uint32_t partition_count, order_count;
    struct sl_str frame_text; /* as written; "" = default */
    struct sl_str name;       /* OVER w */
};

struct sl_uexpr {
    enum sl_uexpr_kind kind;
    uint32_t height; /* levels below and with this one; `a+b+c..` is as deep as it is long: up to
                        SL_SQL_HEIGHT_MAX */
    uint32_t weight; /* nodes of the tree; x BETWEEN a AND b shares x, so this bounds the walk */
    struct sl_span span;
    struct sl_uexpr **args;
    uint32_t arg_count;
    struct sl_uliteral literal;
    struct sl_name name;      /* ATTRIBUTE, STAR qualifier, FUNCTION, NAMED_ARGUMENT, PARAMETER */
    struct sl_str field_name; /* FIELD */
    struct sl_str
        type_text; /* CAST: slice of the source, for sl_type_parse; type_span for errors */
    struct sl_span type_span;
    bool try_cast, has_operand, has_else, distinct, negated, descending, nulls_first, nulls_set,
        ignore_nulls;
    struct sl_name aliases;        /* ALIAS: names; LAMBDA: parameters; STAR: EXCEPT names */
    struct sl_uexpr *filter;       /* FUNCTION: FILTER (WHERE ..) */
    struct sl_urelation *relation; /* SUBQUERY */
    struct sl_uwindow *window;     /* WINDOW */
    struct sl_str unit;            /* INTERVAL n unit with a non-literal n */
};

/* ---- relations ---- */

enum sl_urelation_kind {
    SL_R_READ_TABLE,    /* name; options; streaming (STREAM t) */
    SL_R_READ_PATH,     /* format.`path`: format, path */
    SL_R_READ_FUNCTION, /* read_kafka(named => args), range(..): name, args, streaming */
    SL_R_PROJECT,       /* exprs over input (input NULL: SELECT without FROM) */
    SL_R_FILTER,        /* condition; having: over the AGGREGATE below, whose groups it filters */
    SL_R_JOIN,          /* input, right, join_type, condition or using */
    SL_R_AGGREGATE,     /* exprs (select list), grouping, having = FILTER above; all: GROUP BY ALL.
                           Grouping analytics are functions: rollup, cube, "grouping sets" of struct(..)
                         */
    SL_R_SORT,          /* exprs: SORT_ORDERs */
    SL_R_LIMIT,
    SL_R_OFFSET,      /* condition: the expression */
    SL_R_DEDUPLICATE, /* SELECT DISTINCT: all columns; or relation DEDUPLICATE BY (..): name holds
                         the columns, one part each; within_watermark */
    SL_R_SET_OP,      /* UNION/INTERSECT/EXCEPT [ALL] [BY NAME] of input, right */
    SL_R_SUBQUERY_ALIAS, /* alias [column names] */
    SL_R_VALUES,         /* rows of exprs; row_width */
    SL_R_WITH_WATERMARK, /* WATERMARK expr [AS name] DELAY OF INTERVAL */
    SL_R_WITH_CTE,       /* ctes, input */
    SL_R_LATERAL_VIEW,   /* input, exprs[0] generator, alias, column names, outer */
};

enum sl_join_type {
    SL_JOIN_INNER,
    SL_JOIN_CROSS,
    SL_JOIN_LEFT,
    SL_JOIN_RIGHT,
    SL_JOIN_FULL,
    SL_JOIN_LEFT_SEMI,
    SL_JOIN_LEFT_ANTI
};
enum sl_set_op { SL_SET_UNION, SL_SET_INTERSECT, SL_SET_EXCEPT };

struct sl_cte {
    struct sl_str name;
    struct sl_name columns;
    struct sl_urelation *relation;
    struct sl_span span;
};

struct sl_urelation {
    enum sl_urelation_kind kind;
    uint32_t height; /* levels of relations, up to SL_SQL_RELATION_HEIGHT_MAX */
    struct sl_span span;
    struct sl_urelation *input, *right;
    struct sl_uexpr **exprs;
    uint32_t expr_count;
    struct sl_uexpr *condition;
    struct sl_uexpr **grouping;
    uint32_t grouping_count;
    struct sl_name name;          /* READ_*: table or function; USING columns of JOIN */
    struct sl_str format, path;   /* READ_PATH */
    struct sl_properties options; /* STREAM t WITH (k = v) */
    bool streaming, all, by_name, outer, natural;
    bool having;           /* FILTER: HAVING, not WHERE */
    bool within_watermark; /* DEDUPLICATE BY (..) WITHIN WATERMARK */
    bool lateral;          /* JOIN's right side may use columns of its left side */
    bool local_sort;       /* SORT BY: within partitions only */
    enum sl_join_type join_type;
    enum sl_set_op set_op;
    struct sl_str alias;
    struct sl_name column_names;
    struct sl_uexpr
        *watermark_delay; /* WITH_WATERMARK: INTERVAL; condition = the event time expression */
    struct sl_cte *ctes;
    uint32_t cte_count, row_width;
};

/* ---- statements ---- */

enum sl_statement_kind {
    SL_S_SET,          /* properties.items[0]; key "" = SET alone; value.ptr NULL: SET key asks */
    SL_S_CREATE_TABLE, /* STREAMING TABLE, MATERIALIZED VIEW, TABLE: table_kind */
    SL_S_CREATE_VIEW,
    SL_S_CREATE_SINK,
    SL_S_CREATE_FLOW,
    SL_S_QUERY,
    SL_S_INSERT, /* INSERT INTO|OVERWRITE target [BY NAME | (columns)] query */
    SL_S_EXPLAIN,
    SL_S_UNSUPPORTED, /* a statement Spark has and sluice does not: name.parts[0] = its words,
                         "MERGE INTO" */
    SL_S_OPTIMIZE,    /* upkeep: OPTIMIZE table [WHERE condition] */
    SL_S_VACUUM,      /* upkeep: VACUUM table [RETAIN n HOURS] [DRY RUN] */
    SL_S_DESCRIBE,    /* upkeep: DESCRIBE [TABLE [EXTENDED] | DETAIL | HISTORY] table [LIMIT n] */
};
enum sl_table_kind { SL_STREAMING_TABLE, SL_MATERIALIZED_VIEW, SL_PLAIN_TABLE };

struct sl_column_def {
    struct sl_str name, type_text, comment;
    struct sl_span span, type_span;
    bool not_null;
};
struct sl_constraint { /* CONSTRAINT name EXPECT (expr) [ON VIOLATION ...] */
    struct sl_str name;
    struct sl_uexpr *condition;
    enum { SL_VIOLATION_KEEP, SL_VIOLATION_DROP_ROW, SL_VIOLATION_FAIL_UPDATE } on_violation;
    struct sl_span span;
};

enum sl_describe {
    SL_DESCRIBE_TABLE,
    SL_DESCRIBE_EXTENDED,
    SL_DESCRIBE_DETAIL,
    SL_DESCRIBE_HISTORY
};
struct sl_upkeep {              /* of a table: OPTIMIZE, VACUUM, DESCRIBE */
    struct sl_urelation *table; /* READ_TABLE or READ_PATH */
    struct sl_uexpr *condition; /* WHERE; NULL: none */
    enum sl_describe describe;
    bool dry_run, has_retain;
    double retain_hours;
    int64_t limit; /* -1: none */
};

struct sl_statement {
    enum sl_statement_kind kind;
    struct sl_span span;
    struct sl_name name;
    enum sl_table_kind table_kind;
    bool if_not_exists, or_refresh, or_replace, temporary, by_name, overwrite;
    struct sl_column_def *columns;
    uint32_t column_count;
    struct sl_constraint *constraints;
    uint32_t constraint_count;
    struct sl_str format; /* USING; "" = default */
    struct sl_span format_span;
    struct sl_name partition_by; /* column names, one part each */
    struct sl_name cluster_by;
    struct sl_str location, comment;
    struct sl_span location_span;
    struct sl_properties properties; /* TBLPROPERTIES; SET */
    struct sl_properties options;    /* OPTIONS (..) of a sink or table */
    struct sl_name target;           /* FLOW, INSERT */
    struct sl_urelation *query;      /* AS SELECT; NULL if none */
    struct sl_upkeep *upkeep;        /* OPTIMIZE, VACUUM, DESCRIBE */
};

struct sl_statements {
    struct sl_statement *items;
    uint32_t count;
};

#endif
