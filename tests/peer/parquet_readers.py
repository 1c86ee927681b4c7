#!/usr/bin/env python3
"""Judges the Parquet writer by other readers: pyarrow, DuckDB, Polars and Spark.

usage: parquet_readers.py PARQUET_DRIVER [--no-spark] [--quick]

PARQUET_DRIVER (tests/peer/parquet_driver.c) writes files of random rows and, beside each, what it
holds. Every reader must see exactly that; the statistics must be those of the rows; filters that use
statistics and the page index must find the same rows as a plain scan of the expected ones.
Exit status 0: all agree; 1: a difference, printed; readers that are not installed are named and left out.
"""
import datetime as dt
import decimal
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

os.environ["TZ"] = "UTC"
decimal.getcontext().prec = 60
EPOCH = dt.datetime(1970, 1, 1)
MICRO = dt.timedelta(microseconds=1)

CASES = [
    dict(seed=1, rows=3000),
    dict(seed=2, rows=3000, codec="zstd", page_rows=50, group_rows=700, distinct=40),
    dict(seed=3, rows=3000, codec="gzip", page_bytes=2000, nulls=0, select=1),
    dict(seed=4, rows=3000, codec="lz4_raw", nulls=90, distinct=5, page_rows=100),
    dict(seed=5, rows=3000, codec="none", dictionary=0, page_rows=333, group_rows=1000),
    dict(seed=6, rows=0),
    dict(seed=7, rows=1, codec="zstd", nulls=0),
    dict(seed=8, rows=500, nulls=100),
    dict(seed=9, rows=40000, distinct=3000, batch=4096, lists=2),
    dict(seed=10, rows=2000, lists=60, page_bytes=4096, batch=7, select=1),
    dict(seed=11, rows=30000, batch=4096, lists=1, codec="zstd", group_rows=17000),
]


# ---- values to one canonical form: that of the driver ----

def map_key(pair):
    """Entries of a map have no order: Spark hands them to Python through a hash map."""
    return pair[0]


def canon(value, kind):
    if value is None:
        return None
    if isinstance(kind, dict):
        name = kind["type"]
        if name == "struct":
            fields = kind["fields"]
            items = [value[f["name"]] for f in fields] if isinstance(value, dict) else list(value)
            return [canon(item, f["type"]) for item, f in zip(items, fields)]
        if name == "array":
            return [canon(item, kind["elementType"]) for item in value]
        pairs = list(value.items()) if isinstance(value, dict) else [
            tuple(p.values()) if isinstance(p, dict) else tuple(p) for p in value]
        return sorted(([canon(k, kind["keyType"]), canon(v, kind["valueType"])] for k, v in pairs), key=map_key)
    return canon_primitive(value, kind)


def canon_primitive(value, kind):
    if kind in ("float", "double"):
        return "nan" if math.isnan(value) else struct.pack(">d", value).hex()
    if kind.startswith("decimal"):
        scale = int(kind[kind.index(",") + 1:-1])
        return int(decimal.Decimal(value).scaleb(scale))
    if kind == "binary":
        return bytes(value).hex()
    if kind == "date":
        return (value - EPOCH.date()).days if isinstance(value, dt.date) else value
    if kind.startswith("timestamp"):
        if isinstance(value, dt.datetime):
            return (value.replace(tzinfo=None) - EPOCH) // MICRO
        return value
    if kind.startswith("interval") and isinstance(value, dt.timedelta):
        return value // MICRO
    return value


def canon_expected(value, kind):
    """The driver's JSON: only decimals (text of an integer) need work."""
    if value is None:
        return None
    if isinstance(kind, dict):
        if kind["type"] == "struct":
            return [canon_expected(v, f["type"]) for v, f in zip(value, kind["fields"])]
        if kind["type"] == "array":
            return [canon_expected(v, kind["elementType"]) for v in value]
        return sorted(([canon_expected(k, kind["keyType"]), canon_expected(v, kind["valueType"])]
                       for k, v in value), key=map_key)
    return int(value) if kind.startswith("decimal") else value


class Case:
    def __init__(self, driver, folder, options):
        name = "_".join(f"{k}-{v}" for k, v in options.items())
        self.path = os.path.join(folder, name + ".parquet")
        text = self.path + ".ndjson"
        self.name = name
        subprocess.run([driver, self.path, text] + [f"{k}={v}" for k, v in options.items()], check=True)
        with open(text, encoding="utf-8") as lines:
            self.schema = json.loads(lines.readline())
            self.rows = [[canon_expected(v, f["type"]) for v, f in zip(json.loads(line), self.schema["fields"])]
                         for line in lines]
        self.fields = self.schema["fields"]

    def column(self, name):
        at = [f["name"] for f in self.fields].index(name)
        return [row[at] for row in self.rows]


FAILURES = []


def fail(text):
    FAILURES.append(text)
    print("FAIL " + text, flush=True)


def compare_columns(reader, case, columns):
    """columns: name -> list of python values"""
    for at, field in enumerate(case.fields):
        got = [canon(v, field["type"]) for v in columns[field["name"]]]
        want = [row[at] for row in case.rows]
        if got == want:
            continue
        if len(got) != len(want):
            fail(f"{reader} {case.name} {field['name']}: {len(got)} rows, not {len(want)}")
            continue
        row = next(i for i in range(len(want)) if got[i] != want[i])
        fail(f"{reader} {case.name} {field['name']} row {row}: {got[row]!r}, not {want[row]!r}")


def compare_arrow(reader, case, table):
    compare_columns(reader, case, {n: table.column(n).to_pylist() for n in table.column_names})


# ---- statistics ----

def order_key(kind, value):
    if kind == "string":
        return value.encode()
    if kind == "binary":
        return bytes.fromhex(value)
    if kind in ("float", "double"):
        return struct.unpack(">d", bytes.fromhex(value))[0]
    return value


def check_bounds(case, field, where, stats, values):
    kind = field["type"]
    nulls = sum(v is None for v in values)
    if stats.null_count != nulls:
        fail(f"statistics {case.name} {where}: null_count {stats.null_count}, not {nulls}")
    present = [order_key(kind, v) for v in values if v is not None and v != "nan"]
    if not present or any(v == "nan" for v in values):
        if stats.has_min_max:
            fail(f"statistics {case.name} {where}: bounds where there should be none")
        return
    if not stats.has_min_max:
        fail(f"statistics {case.name} {where}: no bounds")
        return
    low, high = canon(stats.min, kind), canon(stats.max, kind)
    if kind.startswith("interval"):
        low, high = stats.min, stats.max
    low, high = order_key(kind, low), order_key(kind, high)
    if kind in ("string", "binary"):
        exact = max(len(min(present)), len(max(present))) <= 64
        fine = low <= min(present) and high >= max(present) and min(present).startswith(low)
        fine = fine and (not exact or (low == min(present) and high == max(present)))
        fine = fine and len(low) <= 64 and len(high) <= 4096
    else:
        fine = low == min(present) and high == max(present)
    if not fine:
        fail(f"statistics {case.name} {where}: [{low!r}, {high!r}], not [{min(present)!r}, {max(present)!r}]")


def check_statistics(case, metadata):
    leaves = {}
    for i in range(metadata.num_columns):
        leaves[metadata.schema.column(i).path] = i
    begin = 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for at, field in enumerate(case.fields):
            if isinstance(field["type"], dict):
                continue
            values = [row[at] for row in case.rows[begin:begin + group.num_rows]]
            chunk = group.column(leaves[field["name"]])
            check_bounds(case, field, f"group {g} {field['name']}", chunk.statistics, values)
        begin += group.num_rows
    if begin != len(case.rows) or metadata.num_rows != begin:
        fail(f"{case.name}: {metadata.num_rows} rows, {begin} in groups, {len(case.rows)} expected")


# ---- filters ----

def filters_of(case):
    """(column, operator, SQL literal, count of matching rows) over columns with bounds."""
    out = []
    pick = random.Random(case.name)
    for name in ("i32", "i64", "s", "sorted", "wide", "low", "view", "dt", "f64", "nan", "d18", "d38", "constant"):
        kind = next(f["type"] for f in case.fields if f["name"] == name)
        values = [v for v in case.column(name) if v is not None]
        usable = [v for v in values if v != "nan"]
        if not usable:
            continue
        for operator in ("=", "<", ">="):
            value = pick.choice(usable)
            key = order_key(kind, value)
            if kind == "string" and ("\\" in value or "\n" in value):
                continue
            count = 0
            for v in values:
                other = math.inf if v == "nan" else order_key(kind, v)  # NaN is above all numbers
                count += {"=": other == key and v != "nan", "<": other < key, ">=": other >= key}[operator]
            out.append((name, operator, literal(kind, value, key), count))
    return out


def literal(kind, value, key):
    if kind == "string":
        return "'" + value.replace("'", "''") + "'"
    if kind == "date":
        return f"DATE '{(EPOCH.date() + dt.timedelta(days=value)).strftime('%Y-%m-%d').zfill(10)}'"
    if kind in ("float", "double"):
        return f"CAST('{key!r}' AS DOUBLE)"
    if kind.startswith("decimal"):
        scale = int(kind[kind.index(",") + 1:-1])
        return f"CAST('{decimal.Decimal(value).scaleb(-scale):f}' AS {kind})"
    return str(value) if abs(value) < 2**63 - 1 and value != -2**63 else "0"


def check_filters(reader, case, count):
    for name, operator, text, want in filters_of(case):
        if text == "0":
            continue
        got = count(f"{name} {operator} {text}")
        if got != want:
            fail(f"{reader} {case.name}: {name} {operator} {text} finds {got} rows, not {want}")


# ---- readers ----

def judge_pyarrow(cases):
    import pyarrow.parquet as pq
    for case in cases:
        compare_arrow("pyarrow", case, pq.read_table(case.path, page_checksum_verification=True))
        metadata = pq.read_metadata(case.path)
        check_statistics(case, metadata)
        for g in range(metadata.num_row_groups):
            for c in range(metadata.num_columns):
                chunk = metadata.row_group(g).column(c)
                if not chunk.has_offset_index:
                    fail(f"pyarrow {case.name}: no offset index in {chunk.path_in_schema}")


def check_exact_flags(case, connection):
    """DuckDB answers min() and max() from bounds marked exact, so the marks must be right."""
    rows = connection.execute(
        "SELECT row_group_id, row_group_num_rows, path_in_schema, min_is_exact, max_is_exact "
        "FROM parquet_metadata(?) WHERE path_in_schema IN ('s', 'wide', 'view', 'bin') "
        "AND stats_min_value IS NOT NULL ORDER BY ALL", [case.path]).fetchall()
    sizes = dict(connection.execute("SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(?)",
                                    [case.path]).fetchall())
    for group, count, name, low_exact, high_exact in rows:
        begin = sum(sizes[g] for g in range(group))
        kind = next(f["type"] for f in case.fields if f["name"] == name)
        present = [order_key(kind, v) for v in case.column(name)[begin:begin + count] if v is not None]
        want = (len(min(present)) <= 64, len(max(present)) <= 64)
        if kind == "binary" and not want[1] and high_exact:
            want = (want[0], True)  # nothing but 0xFF within the limit: kept whole
        if (low_exact, high_exact) != want:
            fail(f"duckdb {case.name} group {group} {name}: exact flags {low_exact} {high_exact}, not {want}")


def judge_duckdb(cases):
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for case in cases:
        source = f"read_parquet('{case.path}')"
        table = connection.execute(f"SELECT * FROM {source}").to_arrow_table()
        compare_arrow("duckdb", case, table)
        check_filters("duckdb", case, lambda where: connection.execute(
            f"SELECT count(*) FROM {source} WHERE {where}").fetchone()[0])
        check_exact_flags(case, connection)
        for name in ("s", "wide", "i32", "sorted", "f64"):  # answered from statistics when it can
            got = connection.execute(f"SELECT min({name}), max({name}) FROM {source}").fetchone()
            kind = next(f["type"] for f in case.fields if f["name"] == name)
            present = [order_key(kind, v) for v in case.column(name) if v is not None]
            if not present:
                continue
            keys = [order_key(kind, canon(v, kind)) for v in got]
            if keys != [min(present), max(present)]:
                fail(f"duckdb {case.name}: min/max of {name} {keys}, not {min(present)!r} {max(present)!r}")


def judge_polars(cases):
    import polars
    for case in cases:
        compare_arrow("polars", case, polars.read_parquet(case.path).to_arrow())
        for low in (0, 17, 1500, 10**9):
            got = polars.scan_parquet(case.path).filter(polars.col("sorted") >= low).select(
                polars.len()).collect().item()
            want = sum(v >= low for v in case.column("sorted"))
            if got != want:
                fail(f"polars {case.name}: sorted >= {low} finds {got} rows, not {want}")


def judge_spark(cases):
    from pyspark.sql import SparkSession
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").config("spark.driver.memory", "2g")
             .config("spark.sql.parquet.filterPushdown", "true").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    for vectorised in ("true", "false"):
        spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorised)
        spark.conf.set("spark.sql.parquet.enableNestedColumnVectorizedReader", vectorised)
        for case in cases:
            frame = spark.read.parquet(case.path)
            plain = "extract(YEAR FROM ymi) * 12 + extract(MONTH FROM ymi) AS ymi"
            rows = frame.selectExpr(*[plain if f["name"] == "ymi" else f["name"] for f in case.fields]).collect()
            columns = {f["name"]: [row[at] for row in rows] for at, f in enumerate(case.fields)}
            compare_columns(f"spark(vectorised={vectorised})", case, columns)
            if vectorised == "true":
                check_spark_schema(case, frame)
                frame.createOrReplaceTempView("t")
                check_filters("spark", case, lambda where: spark.sql(
                    f"SELECT count(*) AS c FROM t WHERE {where}").collect()[0].c)
    spark.stop()


def check_spark_schema(case, frame):
    def relaxed(kind):  # file sources read every column as nullable
        if isinstance(kind, list):
            return [relaxed(k) for k in kind]
        if isinstance(kind, dict):
            return {k: True if k in ("nullable", "containsNull", "valueContainsNull") else relaxed(v)
                    for k, v in kind.items()}
        return kind
    got = relaxed(json.loads(frame.schema.json()))
    if got != relaxed(case.schema):
        fail(f"spark {case.name}: schema {got}")


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder = tempfile.mkdtemp(prefix="parquet_readers")
    try:
        chosen = CASES[:4] if "--quick" in sys.argv else CASES
        cases = [Case(arguments[0], folder, options) for options in chosen]
        readers = [("pyarrow", judge_pyarrow), ("duckdb", judge_duckdb), ("polars", judge_polars)]
        if "--no-spark" not in sys.argv:
            readers.append(("pyspark", judge_spark))
        for name, judge in readers:
            try:
                __import__(name)
            except ImportError:
                print(f"{name} is not installed: left out", flush=True)
                continue
            before = len(FAILURES)
            judge(cases)
            print(f"{name}: {len(FAILURES) - before} differences over {len(cases)} files", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if FAILURES else 0)


if __name__ == "__main__":
    main()
