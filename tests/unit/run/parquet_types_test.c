/* A Parquet directory whose stream is changed between two runs: types stay, columns may come and
 * go. */
#include "run_fixture.h"

static void value_of(char *to, size_t cap, int i) { snprintf(to, cap, "%d", i); }

static enum sl_code run_columns(struct run_fixture *f, const char *columns) {
    char text[2000];
    snprintf(text, sizeof text,
             "CREATE STREAMING TABLE t USING parquet PARTITIONED BY (p) LOCATION '${dir}/t' "
             "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c') AS SELECT partition AS p, "
             "%s FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', "
             "startingOffsets => 'earliest', maxOffsetsPerTrigger => 20)",
             columns);
    return fixture_run(f, text, 0);
}
static void run_ok(struct run_fixture *f, const char *columns) {
    if (run_columns(f, columns) != SL_OK) fail_msg("%s: %s", columns, f->err.msg);
}
static void refused(struct run_fixture *f, const char *columns, const char *says) {
    assert_int_equal(run_columns(f, columns), SL_USER);
    if (!strstr(f->err.msg, says)) fail_msg("%s", f->err.msg);
}

#define S "CAST(value AS STRING)"
#define INTS "CAST(" S " AS INT) AS a, struct(offset AS o, CAST(" S " AS INT) AS i) AS s"

void test_parquet_columns_keep_their_types(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 60, value_of);
    run_ok(&f, INTS);
    refused(&f, S " AS A, struct(offset AS o) AS s", "`A` is INT there and STRING in the query");
    refused(&f, "CAST(" S " AS INT) AS a, struct(" S " AS i) AS s",
            "`s` is STRUCT<o: BIGINT, i: INT> there and STRUCT<i: STRING> in the query");
    refused(&f, "CAST(" S " AS BIGINT) AS a, array(1) AS s", "BIGINT in the query; `s` is");
    fixture_produce(&f, 60, 30, value_of);
    run_ok(&f, INTS ", topic AS another"); /* a new column, a field less, a column less */
    fixture_produce(&f, 90, 30, value_of);
    run_ok(&f, "struct(offset AS o, 'new' AS n) AS s");
    fixture_close(&f);
}

/* What was written is read back as the type it has: no query is refused for nothing. Enough batches
 * for a compaction of the log. */
void test_parquet_types_are_known_again(void **state) {
    (void)state;
    static const char columns[] =
        "CAST(1 AS TINYINT) AS a1, CAST(1 AS SMALLINT) AS a2, 1 AS a3, 1L AS a4, "
        "CAST(1 AS FLOAT) AS b1, CAST(1 AS DOUBLE) AS b2, CAST(1 AS DECIMAL(9, 2)) AS c1, "
        "CAST(1 AS DECIMAL(18, 0)) AS c2, CAST(1 AS DECIMAL(38, 10)) AS c3, true AS d, " S
        " AS e, value AS g, DATE '2025-01-01' AS h, timestamp AS i, "
        "CAST(timestamp AS TIMESTAMP_NTZ) AS j, INTERVAL '1-2' YEAR TO MONTH AS k, "
        "INTERVAL '1 2' DAY TO HOUR AS l, map('k', array(named_struct('x', 1))) AS m";
    struct run_fixture f;
    fixture_open(&f);
    for (int i = 0; i < 4; i++) {
        fixture_produce(&f, 70 * i, 70, value_of);
        run_ok(&f, columns);
    }
    fixture_close(&f);
}
