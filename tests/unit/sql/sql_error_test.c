#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/parse.h"

/* Bad text and the whole diagnostic that a user sees. */
static const struct {
    const char *text, *diagnostic;
} statements_with_errors[] = {
    {"CREAT TABLE t AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a statement, found `CREAT`\n"
     "  --> f.sql:1:1\n"
     " 1 | CREAT TABLE t AS SELECT 1\n"
     "   | ^^^^^ did you mean `CREATE`?\n"},
    {"SELCT a FROM t", "error[PARSE_SYNTAX_ERROR] (42601): expected a statement, found `SELCT`\n"
                       "  --> f.sql:1:1\n"
                       " 1 | SELCT a FROM t\n"
                       "   | ^^^^^ did you mean `SELECT`?\n"},
    {"CREATE STREAMNIG TABLE t AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected TABLE, STREAMING TABLE, MATERIALIZED VIEW, VIEW, "
     "SINK or FLOW, found `STREAMNIG`\n"
     "  --> f.sql:1:8\n"
     " 1 | CREATE STREAMNIG TABLE t AS SELECT 1\n"
     "   |        ^^^^^^^^^ did you mean `STREAMING`?\n"},
    {"SELECT a FORM t", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `FORM`\n"
                        "  --> f.sql:1:10\n"
                        " 1 | SELECT a FORM t\n"
                        "   |          ^^^^ did you mean `FROM`?\n"},
    {"SELECT * FROM t WHRE a > 1", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `WHRE`\n"
                                   "  --> f.sql:1:17\n"
                                   " 1 | SELECT * FROM t WHRE a > 1\n"
                                   "   |                 ^^^^ did you mean `WHERE`?\n"},
    {"SELECT * FROM t GRUOP BY a", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `GRUOP`\n"
                                   "  --> f.sql:1:17\n"
                                   " 1 | SELECT * FROM t GRUOP BY a\n"
                                   "   |                 ^^^^^ did you mean `GROUP`?\n"},
    {"SELECT a FROM t ODER BY a", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `ODER`\n"
                                  "  --> f.sql:1:17\n"
                                  " 1 | SELECT a FROM t ODER BY a\n"
                                  "   |                 ^^^^ did you mean `ORDER`?\n"},
    {"SELECT a FROM", "error[PARSE_SYNTAX_ERROR] (42601): expected a table, a function or a "
                      "subquery, found the end of the text\n"
                      "  --> f.sql:1:14\n"
                      " 1 | SELECT a FROM\n"
                      "   |              ^\n"},
    {"SELECT (a + 1 FROM t", "error[PARSE_SYNTAX_ERROR] (42601): expected `)` for the `(` at line "
                             "1, column 8, found `FROM`\n"
                             "  --> f.sql:1:15\n"
                             " 1 | SELECT (a + 1 FROM t\n"
                             "   |               ^^^^\n"},
    {"SELECT f(a, b FROM t", "error[PARSE_SYNTAX_ERROR] (42601): expected `)` for the `(` at line "
                             "1, column 9, found `FROM`\n"
                             "  --> f.sql:1:15\n"
                             " 1 | SELECT f(a, b FROM t\n"
                             "   |               ^^^^\n"},
    {"SELECT 'abc FROM t", "error[PARSE_SYNTAX_ERROR] (42601): the string that begins at line 1, "
                           "column 8 has no closing quote\n"
                           "  --> f.sql:1:8\n"
                           " 1 | SELECT 'abc FROM t\n"
                           "   |        ^\n"
                           "help: close it, and write a quote inside as two: 'it''s'\n"},
    {"SELECT `abc FROM t", "error[PARSE_SYNTAX_ERROR] (42601): the name that begins at line 1, "
                           "column 8 has no closing backquote\n"
                           "  --> f.sql:1:8\n"
                           " 1 | SELECT `abc FROM t\n"
                           "   |        ^\n"
                           "help: close it, and write a backquote inside a name as two\n"},
    {"SELECT a /* x", "error[UNCLOSED_BRACKETED_COMMENT] (42601): the comment that begins at line "
                      "1, column 10 has no closing */\n"
                      "  --> f.sql:1:10\n"
                      " 1 | SELECT a /* x\n"
                      "   |          ^^\n"
                      "help: comments nest: each /* needs its own */\n"},
    {"SELECT a, FROM t", "error[PARSE_SYNTAX_ERROR] (42601): expected an expression, found `FROM`\n"
                         "  --> f.sql:1:11\n"
                         " 1 | SELECT a, FROM t\n"
                         "   |           ^^^^\n"
                         "help: remove the comma before FROM\n"},
    {"SELECT \342\200\230a\342\200\231 FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): typographic quote\n"
     "  --> f.sql:1:8\n"
     " 1 | SELECT \342\200\230a\342\200\231 FROM t\n"
     "   |        ^\n"
     "help: write straight quotes: 'text'\n"},
    {"SELECT a FROM t WHERE",
     "error[PARSE_SYNTAX_ERROR] (42601): expected an expression, found the end of the text\n"
     "  --> f.sql:1:22\n"
     " 1 | SELECT a FROM t WHERE\n"
     "   |                      ^\n"},
    {"SELECT a FROM t; ; SELECT b c d",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `d`\n"
     "  --> f.sql:1:31\n"
     " 1 | SELECT a FROM t; ; SELECT b c d\n"
     "   |                               ^\n"},
    {"SELECT a b c FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `c`\n"
     "  --> f.sql:1:12\n"
     " 1 | SELECT a b c FROM t\n"
     "   |            ^\n"},
    {"SELECT 1 SELECT 2",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `SELECT`\n"
     "  --> f.sql:1:10\n"
     " 1 | SELECT 1 SELECT 2\n"
     "   |          ^^^^^^\n"
     "help: end the statement before it with `;`\n"},
    {"SELECT CASE WHEN a THEN b FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): expected WHEN, ELSE or END of CASE, found `FROM`\n"
     "  --> f.sql:1:27\n"
     " 1 | SELECT CASE WHEN a THEN b FROM t\n"
     "   |                           ^^^^\n"},
    {"SELECT CAST(a decimal) FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `AS`, found `decimal`\n"
     "  --> f.sql:1:15\n"
     " 1 | SELECT CAST(a decimal) FROM t\n"
     "   |               ^^^^^^^\n"},
    {"SELECT CAST(a AS array<int) FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `>` for the `<` at line 1, column 23, found `)`\n"
     "  --> f.sql:1:27\n"
     " 1 | SELECT CAST(a AS array<int) FROM t\n"
     "   |                           ^\n"},
    {"SELECT a FROM t WHERE a IN b",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `(` and a list or a query, found `b`\n"
     "  --> f.sql:1:28\n"
     " 1 | SELECT a FROM t WHERE a IN b\n"
     "   |                            ^\n"},
    {"SELECT a FROM t WHERE a IS 5", "error[PARSE_SYNTAX_ERROR] (42601): expected NULL, TRUE, "
                                     "FALSE, UNKNOWN or DISTINCT FROM, found `5`\n"
                                     "  --> f.sql:1:28\n"
                                     " 1 | SELECT a FROM t WHERE a IS 5\n"
                                     "   |                            ^\n"},
    {"SELECT a FROM t JOIN", "error[PARSE_SYNTAX_ERROR] (42601): expected a table, a function or a "
                             "subquery, found the end of the text\n"
                             "  --> f.sql:1:21\n"
                             " 1 | SELECT a FROM t JOIN\n"
                             "   |                     ^\n"},
    {"SELECT a FROM t LEFT b", "error[PARSE_SYNTAX_ERROR] (42601): expected `JOIN`, found `b`\n"
                               "  --> f.sql:1:22\n"
                               " 1 | SELECT a FROM t LEFT b\n"
                               "   |                      ^\n"},
    {"CREATE STREAMING TABLE t PARTITIONED (a) AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `BY`, found `(`\n"
     "  --> f.sql:1:38\n"
     " 1 | CREATE STREAMING TABLE t PARTITIONED (a) AS SELECT 1\n"
     "   |                                      ^\n"},
    {"CREATE STREAMING TABLE t COMMENT 'a' COMMENT 'b' AS SELECT 1",
     "error[DUPLICATE_CLAUSES] (42614): COMMENT stands twice in one statement\n"
     "  --> f.sql:1:38\n"
     " 1 | CREATE STREAMING TABLE t COMMENT 'a' COMMENT 'b' AS SELECT 1\n"
     "   |                                      ^^^^^^^\n"},
    {"CREATE STREAMING TABLE t TBLPROPERTIES ('a' = 'b', 'a' = 'c') AS SELECT 1",
     "error[DUPLICATE_KEY] (23505): the property `a` stands twice\n"
     "  --> f.sql:1:52\n"
     " 1 | CREATE STREAMING TABLE t TBLPROPERTIES ('a' = 'b', 'a' = 'c') AS SELECT 1\n"
     "   |                                                    ^^^\n"},
    {"CREATE STREAMING TABLE t TBLPROPERTIES (a = b) AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a property value: a string, a number, true or "
     "false, found `b`\n"
     "  --> f.sql:1:45\n"
     " 1 | CREATE STREAMING TABLE t TBLPROPERTIES (a = b) AS SELECT 1\n"
     "   |                                             ^\n"
     "help: write it in quotes: 'b'\n"},
    {"CREATE STREAMING TABLE t PARTITIONED BY (days(ts)) AS SELECT 1",
     "error[UNSUPPORTED_FEATURE] (0A000): partitioning by the transform `days` is not supported: "
     "name a column\n"
     "  --> f.sql:1:42\n"
     " 1 | CREATE STREAMING TABLE t PARTITIONED BY (days(ts)) AS SELECT 1\n"
     "   |                                          ^^^^\n"},
    {"SELECT * FROM t DEDUPLICATE (id)",
     "error[PARSE_SYNTAX_ERROR] (42601): DEDUPLICATE needs BY before its columns\n"
     "  --> f.sql:1:17\n"
     " 1 | SELECT * FROM t DEDUPLICATE (id)\n"
     "   |                 ^^^^^^^^^^^\n"
     "help: write DEDUPLICATE BY (column, ..), or AS before an alias\n"},
    {"CREATE FLOW f AS INSERT INTO t SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected BY NAME, found `SELECT`\n"
     "  --> f.sql:1:32\n"
     " 1 | CREATE FLOW f AS INSERT INTO t SELECT 1\n"
     "   |                                ^^^^^^\n"
     "help: flows match columns by name: INSERT INTO t BY NAME SELECT ..\n"},
    {"CREATE FLOW f AS AUTO CDC INTO t FROM s",
     "error[UNSUPPORTED_FEATURE] (0A000): AUTO CDC is not supported\n"
     "  --> f.sql:1:18\n"
     " 1 | CREATE FLOW f AS AUTO CDC INTO t FROM s\n"
     "   |                  ^^^^\n"},
    {"CREATE SINK s OPTIONS (a 1)", "error[PARSE_SYNTAX_ERROR] (42601): expected USING and a "
                                    "format, such as kafka or console, found the end of the text\n"
                                    "  --> f.sql:1:28\n"
                                    " 1 | CREATE SINK s OPTIONS (a 1)\n"
                                    "   |                            ^\n"},
    {"CREATE FUNCTION f AS 'x'",
     "error[UNSUPPORTED_FEATURE] (0A000): CREATE FUNCTION is not supported\n"
     "  --> f.sql:1:8\n"
     " 1 | CREATE FUNCTION f AS 'x'\n"
     "   |        ^^^^^^^^\n"},
    {"CREATE OR RELPACE VIEW v AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected REPLACE or REFRESH, found `RELPACE`\n"
     "  --> f.sql:1:11\n"
     " 1 | CREATE OR RELPACE VIEW v AS SELECT 1\n"
     "   |           ^^^^^^^ did you mean `REPLACE`?\n"},
    {"CREATE VIEW v",
     "error[PARSE_SYNTAX_ERROR] (42601): expected AS and a query, found the end of the text\n"
     "  --> f.sql:1:14\n"
     " 1 | CREATE VIEW v\n"
     "   |              ^\n"},
    {"CREATE TABLE t LIKE u",
     "error[UNSUPPORTED_FEATURE] (0A000): CREATE TABLE LIKE is not supported\n"
     "  --> f.sql:1:16\n"
     " 1 | CREATE TABLE t LIKE u\n"
     "   |                ^^^^\n"},
    {"SET a = b\nCREATE VIEW v AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` behind SET, found `CREATE`\n"
     "  --> f.sql:2:1\n"
     " 2 | CREATE VIEW v AS SELECT 1\n"
     "   | ^^^^^^\n"
     "help: end the SET in front of it with `;`\n"},
    {"SET a = b\nc = d", "error[PARSE_SYNTAX_ERROR] (42601): expected `;` behind SET, found `c`\n"
                         "  --> f.sql:2:1\n"
                         " 2 | c = d\n"
                         "   | ^\n"
                         "help: a value that spans lines or holds `;` or `--` needs quotes\n"},
    {"SET a = 5 CREATE VIEW v AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): the value of SET goes on to the end of the line, and so "
     "`CREATE` is a part of it\n"
     "  --> f.sql:1:11\n"
     " 1 | SET a = 5 CREATE VIEW v AS SELECT 1\n"
     "   |           ^^^^^^\n"
     "help: write `;` in front of it, or the value in quotes\n"},
    {"SELECT * FROM '/data/t'",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a table, a function or a subquery, found "
     "'/data/t'\n"
     "  --> f.sql:1:15\n"
     " 1 | SELECT * FROM '/data/t'\n"
     "   |               ^^^^^^^^^\n"
     "help: a path stands in backquotes behind its format: delta.`/path`, parquet.`/path`; or "
     "write "
     "read_files('/path', format => 'json')\n"},
    {"SELECT * FROM delta.'/data/t'",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a path in backquotes, found '/data/t'\n"
     "  --> f.sql:1:21\n"
     " 1 | SELECT * FROM delta.'/data/t'\n"
     "   |                     ^^^^^^^^^\n"
     "help: write delta.`/data/t`\n"},
    {"SET = 5", "error[PARSE_SYNTAX_ERROR] (42601): expected the name of a setting, found `=`\n"
                "  --> f.sql:1:5\n"
                " 1 | SET = 5\n"
                "   |     ^\n"},
    {"SELECT a FROM t $ 5", "error[PARSE_SYNTAX_ERROR] (42601): unexpected character `$`\n"
                            "  --> f.sql:1:17\n"
                            " 1 | SELECT a FROM t $ 5\n"
                            "   |                 ^\n"},
    {"SELECT ${x} FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): `${` has no closing `}` or was not replaced\n"
     "  --> f.sql:1:8\n"
     " 1 | SELECT ${x} FROM t\n"
     "   |        ^^\n"},
    {"SELECT X'zz'", "error[INVALID_TYPED_LITERAL] (42604): X'..' takes hexadecimal digits only\n"
                     "  --> f.sql:1:8\n"
                     " 1 | SELECT X'zz'\n"
                     "   |        ^^^^^\n"},
    {"SELECT foo 'x'",
     "error[UNSUPPORTED_TYPED_LITERAL] (0A000): there are no literals of the type `foo`\n"
     "  --> f.sql:1:8\n"
     " 1 | SELECT foo 'x'\n"
     "   |        ^^^\n"
     "help: literals with a type are DATE'..', TIMESTAMP'..', TIMESTAMP_NTZ'..', INTERVAL'..' and "
     "X'..'\n"},
    {"SELECT sum(a) OVER w FROM t",
     "error[MISSING_WINDOW_SPECIFICATION] (42P20): no window `w` is defined\n"
     "  --> f.sql:1:20\n"
     " 1 | SELECT sum(a) OVER w FROM t\n"
     "   |                    ^\n"
     "help: define it behind HAVING: WINDOW name AS (PARTITION BY ..)\n"},
    {"VALUES (1, 2), (3)", "error[INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH] (42000): this row has "
                           "1 columns, the first one has 2\n"
                           "  --> f.sql:1:17\n"
                           " 1 | VALUES (1, 2), (3)\n"
                           "   |                 ^\n"},
    {"SELECT a FROM t LIMIT",
     "error[PARSE_SYNTAX_ERROR] (42601): expected an expression, found the end of the text\n"
     "  --> f.sql:1:22\n"
     " 1 | SELECT a FROM t LIMIT\n"
     "   |                      ^\n"},
    {"SELECT a FROM t WHERE a LIKE 'x' ESCAPE 'ab'",
     "error[PARSE_SYNTAX_ERROR] (42601): ESCAPE takes a string of one character\n"
     "  --> f.sql:1:41\n"
     " 1 | SELECT a FROM t WHERE a LIKE 'x' ESCAPE 'ab'\n"
     "   |                                         ^^^^\n"},
    {"\tSELECT\ta FROM t WERE b", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `WERE`\n"
                                  "  --> f.sql:1:18\n"
                                  " 1 |     SELECT  a FROM t WERE b\n"
                                  "   |                      ^^^^ did you mean `WHERE`?\n"},
    {"SELECT '\303\244\303\266\303\274', \346\227\245\346\234\254 FROM t WHERE WHERE",
     "error[PARSE_SYNTAX_ERROR] (42601): expected an expression, found `WHERE`\n"
     "  --> f.sql:1:31\n"
     " 1 | SELECT '\303\244\303\266\303\274', \346\227\245\346\234\254 FROM t WHERE WHERE\n"
     "   |                                 ^^^^^\n"},
    {"SELECT "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb FROM FROM "
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a table, a function or a subquery, found `FROM`\n"
     "  --> f.sql:1:157\n"
     " 1 | ..bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb FROM FROM "
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccc..\n"
     "   |                                           ^^^^\n"},
    {"SELECT '\\UFFFFFFFF'",
     "error[PARSE_SYNTAX_ERROR] (42601): no character has the number FFFFFFFF\n"
     "  --> f.sql:1:9\n"
     " 1 | SELECT '\\UFFFFFFFF'\n"
     "   |         ^^^^^^^^^^\n"},
    {"WITH RECURSIVE x AS (SELECT 1) SELECT 1",
     "error[UNSUPPORTED_FEATURE] (0A000): WITH RECURSIVE is not supported\n"
     "  --> f.sql:1:6\n"
     " 1 | WITH RECURSIVE x AS (SELECT 1) SELECT 1\n"
     "   |      ^^^^^^^^^\n"},
    {"SELECT a FROM t DISTRIBUTE BY a",
     "error[UNSUPPORTED_FEATURE] (0A000): DISTRIBUTE BY is not supported\n"
     "  --> f.sql:1:17\n"
     " 1 | SELECT a FROM t DISTRIBUTE BY a\n"
     "   |                 ^^^^^^^^^^\n"},
    {")", "error[PARSE_SYNTAX_ERROR] (42601): expected a statement, found `)`\n"
          "  --> f.sql:1:1\n"
          " 1 | )\n"
          "   | ^\n"},
    {"FOO BAR", "error[PARSE_SYNTAX_ERROR] (42601): expected a statement, found `FOO`\n"
                "  --> f.sql:1:1\n"
                " 1 | FOO BAR\n"
                "   | ^^^\n"},
    {"SELECT a FROM (SELECT b FROM t WHERE x",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `)` for the `(` at line 1, column 15, found the "
     "end of the text\n"
     "  --> f.sql:1:39\n"
     " 1 | SELECT a FROM (SELECT b FROM t WHERE x\n"
     "   |                                       ^\n"},
    {"CREATE STREAMING TABLE t (a INT, CONSTRAINT c CHECK (a > 1))",
     "error[UNSUPPORTED_FEATURE] (0A000): CHECK constraints are not supported\n"
     "  --> f.sql:1:47\n"
     " 1 | CREATE STREAMING TABLE t (a INT, CONSTRAINT c CHECK (a > 1))\n"
     "   |                                               ^^^^^\n"},
    {"EXPLAIN CREATE TABLE t (a INT)",
     "error[UNSUPPORTED_FEATURE] (0A000): EXPLAIN of a statement without a query\n"
     "  --> f.sql:1:9\n"
     " 1 | EXPLAIN CREATE TABLE t (a INT)\n"
     "   |         ^^^^^^\n"},
    {"SELECT `` FROM t", "error[PARSE_SYNTAX_ERROR] (42601): a name must not be empty\n"
                         "  --> f.sql:1:8\n"
                         " 1 | SELECT `` FROM t\n"
                         "   |        ^^\n"},
    {"SELECT a FROM STREAM (SELECT 1)",
     "error[PARSE_SYNTAX_ERROR] (42601): STREAM takes a table or a function\n"
     "  --> f.sql:1:23\n"
     " 1 | SELECT a FROM STREAM (SELECT 1)\n"
     "   |                       ^^^^^^\n"
     "help: write STREAM inside the query: FROM (SELECT .. FROM STREAM t)\n"},
    {"SELECT a FROM STREAM t WATERMARK ts DELAY OF '10 minutes'",
     "error[PARSE_SYNTAX_ERROR] (42601): the delay of a watermark is an INTERVAL\n"
     "  --> f.sql:1:46\n"
     " 1 | SELECT a FROM STREAM t WATERMARK ts DELAY OF '10 minutes'\n"
     "   |                                              ^^^^^^^^^^^^\n"
     "help: write DELAY OF INTERVAL 10 MINUTES\n"},
    {"SELECT a FROM t WHERE a BETWEN 1 AND 2",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `BETWEN`\n"
     "  --> f.sql:1:25\n"
     " 1 | SELECT a FROM t WHERE a BETWEN 1 AND 2\n"
     "   |                         ^^^^^^ did you mean `BETWEEN`?\n"},
    {"SELECT (a LIEK b) FROM t", "error[PARSE_SYNTAX_ERROR] (42601): unknown keyword `LIEK`\n"
                                 "  --> f.sql:1:11\n"
                                 " 1 | SELECT (a LIEK b) FROM t\n"
                                 "   |           ^^^^ did you mean `LIKE`?\n"},
    {"CREATE STREAMING TABLE t COMMNT 5",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a clause, AS and a query, or `;`, found "
     "`COMMNT`\n"
     "  --> f.sql:1:26\n"
     " 1 | CREATE STREAMING TABLE t COMMNT 5\n"
     "   |                          ^^^^^^ did you mean `COMMENT`?\n"},
    {"CREATE STREAMING TABLE t PARTITOINED BY (a) AS SELECT 1",
     "error[PARSE_SYNTAX_ERROR] (42601): expected a clause, AS and a query, or `;`, found "
     "`PARTITOINED`\n"
     "  --> f.sql:1:26\n"
     " 1 | CREATE STREAMING TABLE t PARTITOINED BY (a) AS SELECT 1\n"
     "   |                          ^^^^^^^^^^^ did you mean `PARTITIONED`?\n"},
    {"CREATE STREAMING TABLE t (a INT, CONSTRAINT c EXPCT (a > 1))",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `EXPECT`, found `EXPCT`\n"
     "  --> f.sql:1:47\n"
     " 1 | CREATE STREAMING TABLE t (a INT, CONSTRAINT c EXPCT (a > 1))\n"
     "   |                                               ^^^^^ did you mean `EXPECT`?\n"},
    {"CREATE VEIW v AS SELECT 1", "error[PARSE_SYNTAX_ERROR] (42601): expected TABLE, STREAMING "
                                  "TABLE, MATERIALIZED VIEW, VIEW, SINK or FLOW, found `VEIW`\n"
                                  "  --> f.sql:1:8\n"
                                  " 1 | CREATE VEIW v AS SELECT 1\n"
                                  "   |        ^^^^ did you mean `VIEW`?\n"},
    {"SELECT a FROM t ORDER BY a DECS",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `DECS`\n"
     "  --> f.sql:1:28\n"
     " 1 | SELECT a FROM t ORDER BY a DECS\n"
     "   |                            ^^^^ did you mean `DESC`?\n"},
    {"SELECT a:b FROM t",
     "error[PARSE_SYNTAX_ERROR] (42601): expected `;` or the end of the statement, found `:`\n"
     "  --> f.sql:1:9\n"
     " 1 | SELECT a:b FROM t\n"
     "   |         ^\n"},
    {"SELECT (a b) FROM t", "error[PARSE_SYNTAX_ERROR] (42601): an alias has no place in "
                            "parentheses around one expression\n"
                            "  --> f.sql:1:11\n"
                            " 1 | SELECT (a b) FROM t\n"
                            "   |           ^\n"},
    {"SELECT * FROM t TABLESAMPLE (10 PERCENT)",
     "error[UNSUPPORTED_FEATURE] (0A000): TABLESAMPLE is not supported\n"
     "  --> f.sql:1:17\n"
     " 1 | SELECT * FROM t TABLESAMPLE (10 PERCENT)\n"
     "   |                 ^^^^^^^^^^^\n"},
    {"SELECT * FROM parquet.`/x` VERSION AS OF 1",
     "error[UNSUPPORTED_FEATURE] (0A000): time travel is not supported\n"
     "  --> f.sql:1:28\n"
     " 1 | SELECT * FROM parquet.`/x` VERSION AS OF 1\n"
     "   |                            ^^^^^^^\n"},
    {"SELECT count(*) FILTER (WHERE a), x FROM t PIVOT (sum(a) FOR b IN (1))",
     "error[UNSUPPORTED_FEATURE] (0A000): PIVOT is not supported\n"
     "  --> f.sql:1:44\n"
     " 1 | SELECT count(*) FILTER (WHERE a), x FROM t PIVOT (sum(a) FOR b IN (1))\n"
     "   |                                            ^^^^^\n"},
};

static const struct {
    const char *text, *diagnostic;
} expressions_with_errors[] = {
    {"INTERVAL 1 MONTH 2 DAYS",
     "error[PARSE_SYNTAX_ERROR] (42601): an interval cannot mix years or months with smaller "
     "units\n"
     "  --> f.sql:1:1\n"
     " 1 | INTERVAL 1 MONTH 2 DAYS\n"
     "   | ^^^^^^^^^^^^^^^^^^^^^^^\n"
     "help: add two intervals one after the other: ts + INTERVAL 1 MONTH + INTERVAL 2 DAYS\n"},
    {"INTERVAL 1 MINITE", "error[PARSE_SYNTAX_ERROR] (42601): unknown interval unit `MINITE`\n"
                          "  --> f.sql:1:12\n"
                          " 1 | INTERVAL 1 MINITE\n"
                          "   |            ^^^^^^ did you mean `minute`?\n"},
    {"INTERVAL '1 25:00' DAY TO MINUTE", "error[PARSE_SYNTAX_ERROR] (42601): the interval value `1 "
                                         "25:00` has a field out of its range: day to minute\n"
                                         "  --> f.sql:1:1\n"
                                         " 1 | INTERVAL '1 25:00' DAY TO MINUTE\n"
                                         "   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"},
    {"200Y", "error[INVALID_NUMERIC_LITERAL_RANGE] (22003): `200` is outside the range of TINYINT\n"
             "  --> f.sql:1:1\n"
             " 1 | 200Y\n"
             "   | ^^^^\n"
             "help: TINYINT goes from -128 to 127\n"},
    {"99999999999999999999999999999999999999999",
     "error[DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION] (22003): a decimal literal of 41 digits; the "
     "limit is 38\n"
     "  --> f.sql:1:1\n"
     " 1 | 99999999999999999999999999999999999999999\n"
     "   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"},
    {"a = NOT", "error[PARSE_SYNTAX_ERROR] (42601): expected an expression, found `NOT`\n"
                "  --> f.sql:1:5\n"
                " 1 | a = NOT\n"
                "   |     ^^^\n"},
};

static void check(const char *text, const char *diagnostic, bool expression) {
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_buf out = {0};
    struct sl_err err = {0};
    struct sl_statements statements;
    struct sl_uexpr *expr;
    enum sl_code code = expression ? sl_sql_parse_expr(&arena, sl_str(text), &expr, &err)
                                   : sl_sql_parse(&arena, sl_str(text), &statements, &err);
    assert_int_equal(code, SL_USER);
    sl_sql_put_diagnostic(&out, &err, "f.sql", sl_str(text), false);
    assert_string_equal(sl_buf_cstr(&out), diagnostic);
    sl_buf_release(&out);
    sl_arena_release(&arena);
}

void test_statement_diagnostics(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof statements_with_errors / sizeof statements_with_errors[0]; i++)
        check(statements_with_errors[i].text, statements_with_errors[i].diagnostic, false);
}

void test_expression_diagnostics(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof expressions_with_errors / sizeof expressions_with_errors[0]; i++)
        check(expressions_with_errors[i].text, expressions_with_errors[i].diagnostic, true);
}

/* An error that the parser did not make: without a place, with context, in colour. */
void test_diagnostic_of_other_errors(void **state) {
    (void)state;
    struct sl_buf out = {0};
    struct sl_err err = {0};
    assert_int_equal(sl_fail(&err, SL_IO, "could not open `x`"), SL_IO);
    sl_context(&err, "batch 3");
    sl_hint(&err, "check the path");
    sl_sql_put_diagnostic(&out, &err, "f.sql", SL_STR("SELECT 1"), false);
    assert_string_equal(sl_buf_cstr(&out),
                        "error: could not open `x`\nnote: in batch 3\nhelp: check the path\n");
    sl_buf_clear(&out);
    sl_fail_at(&err, (struct sl_span){9, 13}, "X", "42703", "no column");
    sl_sql_put_diagnostic(&out, &err, NULL, SL_STR("SELECT\r\n\tabcd\r\n"), true);
    assert_string_equal(sl_buf_cstr(&out),
                        "\033[1;31merror\033[0m[X] (42703): \033[1mno column\033[0m\n"
                        "\033[1;34m  --> \033[0m2:2\n"
                        "\033[1;34m 2 |\033[0m     abcd\n"
                        "\033[1;34m   |\033[0m     \033[1;31m^^^^\033[0m\n");
    sl_buf_clear(&out);
    /* a span behind the text, as a stale one would be */
    sl_fail_at(&err, (struct sl_span){500, 600}, "X", "", "m");
    sl_sql_put_diagnostic(&out, &err, "f", SL_STR("SELECT"), false);
    assert_string_equal(sl_buf_cstr(&out), "error[X]: m\n  --> f:1:7\n 1 | SELECT\n   |       ^\n");
    sl_buf_release(&out);
}
