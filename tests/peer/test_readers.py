"""Other engines read the table, and Spark's own job on the same records makes the same table."""
import collections
import json
import os
import re

from lib import ledger, sluice, spark, table
from lib.lab import values_of

ORDERS = os.path.join(sluice.ROOT, "examples/orders.sql")


def mixed(lab, count):
    """A lake of the orders example over mixed records, made once: (topic, lake directory, ledger)."""
    if "mixed" not in lab.cache:
        topic = "orders"
        lab.broker.create(topic, 4)
        path = os.path.join(lab.shared.dir, "mixed-ledger")
        sluice.run("gen", "orders", "-b", lab.broker.address, "-t", topic, "-n", count, "--mode", "count", "--seed", 11,
                   "--bad", "3%", "--null", "5%", "--negative", "5%", "--dup", "2%", "--late", "20%", "--virtual-clock", "x100000",
                   "--ledger", path, "-q").ok()
        lab.broker.produce(topic, [(i % 4, b"odd", value) for i, value in enumerate(ODD)])
        lake = os.path.join(lab.shared.dir, "mixed-lake")
        sluice.run("run", ORDERS, "-s", f"brokers={lab.broker.address}", "-s", f"lake={lake}", "--available-now").ok()
        lab.cache["mixed"] = topic, lake, path
    return lab.cache["mixed"]


def order(**fields):
    base = {"order_id": "X", "customer_id": "C", "product_id": "P", "product_name": "N", "quantity": 1, "price": 1.5,
            "amount": 1.5, "order_timestamp": "2025-01-15T10:23:45.123Z", "status": "s"}
    return json.dumps({**base, **fields}).encode()


ODD = [None, b"", b" ", b"{}", b"[]", b"null", b"[" + order() + b"]", b"\xef\xbb\xbf" + order(), order() + b"\x00", b"\x00",
       order(status="\x00"), order(status="a\u0000b"), b'{"order_id":"\xff\xfe","customer_id":"C","amount":1}', order(amount="12.5"),
       order(amount=1e400), order(amount="NaN"), order(amount=float("nan")), order(amount=float("inf")), order(amount=True),
       order(quantity=2147483647), order(quantity=2147483648), order(quantity=9223372036854775808), order(quantity=1.5), order(quantity="7"),
       order(order_timestamp="2025-02-30T00:00:00Z"), order(order_timestamp="0001-01-01T00:00:00Z"), order(order_timestamp="9999-12-31T23:59:59.999999Z"),
       order(order_timestamp="2025-01-15 10:23:45"), order(order_timestamp="2025-01-15"), order(order_timestamp="1736899200"), order(order_timestamp=""),
       order(order_timestamp="2025-01-15T10:23:45+05:30"), order(order_timestamp="294247-01-10T04:00:54Z"), order(order_timestamp=None),
       order(extra={"a": [1, 2, {"b": None}]}), order(amount=1, amount_=2), b'{"amount":1,"amount":2,"order_id":"d","customer_id":"c"}',
       order(product_name="\ud83d\ude00 \u00e9"), b"[" * 1000 + b"]" * 1000, b'{"order_id":' + b"[" * 999 + b"]" * 999 + b"}", order(order_id=5),
       order(order_id={"a": 1}), order()[:-1], order() + b"x", order() + order(), b"\xff" + order(), order(customer_id=""), order(price=-0.0),
       order(price=1e-320), order(amount=123456789012345678901234567890), order(status="x" * 100000)]


def test_readers_see_the_ledger(lab):
    """Row counts and sums by pyarrow, DuckDB, Polars and PySpark agree with the ledger."""
    import duckdb
    import polars
    import pyarrow.compute
    import pyarrow.dataset
    topic, lake, path = mixed(lab, 20000)
    folder = os.path.join(lake, "orders")
    want = ledger.paid(path)
    rows = table.rows(folder, ["kafka_key", "amount", "partition", "offset"])
    assert len({row[2:] for row in rows}) == len(rows), "a record is in the table twice"
    have = collections.Counter((key, amount) for key, amount, *_ in rows if key != "odd")
    extra = have - want
    assert not extra, f"{sum(extra.values())} rows that the ledger does not know, such as {next(iter(extra))}"
    missing = want - have
    nulls = sum(1 for r in ledger.read(path) if r["kind"] == "null")
    assert sum(missing.values()) <= nulls, f"{sum(missing.values())} rows are missing, such as {next(iter(missing))}"
    count, total = len(rows), sum(row[1] * 100 for row in rows if row[1] is not None and abs(row[1]) < 1e9)
    where = "abs(amount) < 1e9"
    data = pyarrow.dataset.dataset(folder, partitioning="hive")
    got = {"pyarrow": (data.count_rows(), sum(v * 100 for v in data.to_table(columns=["amount"])["amount"].to_pylist() if abs(v) < 1e9))}
    sql = f"SELECT count(*), sum(amount * 100) FILTER (WHERE {where}) FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    got["duckdb"] = duckdb.sql(sql).fetchall()[0]
    frame = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).select(
        polars.len(), (polars.col("amount").filter(polars.col("amount").abs() < 1e9) * 100).sum()).collect()
    got["polars"] = frame.row(0)
    read = lab.spark.read.parquet(folder)
    got["spark"] = tuple(read.selectExpr("count(*)", f"sum(amount * 100) FILTER (WHERE {where})").first())
    for reader, (n, amount) in got.items():
        assert n == count and abs(amount - total) < 1, f"{reader}: {n} rows, {amount}; want {count}, {total}"
    ours = sluice.run("sql", "--json", "-c", f"SELECT partition, offset FROM parquet.`{folder}`").ok()
    printed = [json.loads(line) for line in ours.out.splitlines()]
    assert sorted((r["partition"], r["offset"]) for r in printed) == sorted(row[2:] for row in rows)


def test_spark_reads_by_log_and_by_sub_path(lab):
    topic = lab.topic(3)
    path = lab.generate(topic, 1000, "--bad", "2%", "--null", "2%")
    lake = lab.lake(topic, limit=300)
    lake.run().ok()
    values = values_of(lab.broker, topic)
    read = lab.spark.read
    whole = read.parquet(lake.table).select("p", "o", "value", "bucket").collect()
    assert {(p, o): v if v is None else bytes(v) for p, o, v, _ in whole} == values and len(whole) == len(values)
    ledger.check_values(path, [row.value if row.value is None else bytes(row.value) for row in whole])
    assert all(row.bucket == row.o % 3 for row in whole)
    parts = [row for b in range(3) for row in read.parquet(f"{lake.table}/bucket={b}").select("p", "o").collect()]
    assert sorted(tuple(row) for row in parts) == sorted(values)


def spark_select():
    """The SELECT of the example, with the source replaced by the view `records`."""
    with open(ORDERS) as text:
        sql = text.read()
    select = sql[sql.index("\nAS\n") + 4:].rstrip().rstrip(";")
    select, count = re.subn(r"STREAM read_kafka\(.*?'false'\)", "records", select, flags=re.S)
    assert count == 1
    return select


def canonical(rows):
    return collections.Counter(tuple(repr(value) for value in row) for row in rows)


def test_same_query_same_table(lab):
    """Spark runs the example's SELECT as a stream over the same 20,000 records, odd ones among them."""
    topic, lake, _ = mixed(lab, 20000)
    spark.stream(lab.spark, lab.broker, topic, failOnDataLoss="false").createOrReplaceTempView("records")
    theirs, checkpoint = lab.path("theirs"), lab.path("checkpoint")
    spark.write(lab.spark.sql(spark_select()), theirs, checkpoint, ["year", "month", "day"], "orders")
    ours = lab.spark.read.parquet(os.path.join(lake, "orders"))
    other = lab.spark.read.parquet(theirs)
    assert ours.columns == other.columns, f"{ours.columns} != {other.columns}"
    assert ours.dtypes == other.dtypes, [pair for pair in zip(ours.dtypes, other.dtypes) if pair[0] != pair[1]]
    columns = [name for name in ours.columns if name != "processing_timestamp"]
    texts = [f"CAST({name} AS STRING)" if name.endswith("timestamp") else name for name in columns]
    left, right = canonical(ours.selectExpr(*texts).collect()), canonical(other.selectExpr(*texts).collect())
    assert left == right, f"only ours: {list((left - right))[:3]}; only Spark's: {list((right - left))[:3]}"
    assert sum(left.values()) > 15000


def keys_of(value, prefix=""):
    if isinstance(value, dict):
        return {key for name, inner in value.items() for key in {prefix + name} | keys_of(inner, prefix + name + ".")}
    return {key for inner in value for key in keys_of(inner, prefix)} if isinstance(value, list) else set()


def test_progress_has_sparks_keys(lab):
    topic = lab.topic(1)
    lab.generate(topic, 50)
    lake = lab.lake(topic)
    lake.run("--progress", lab.path("progress")).ok()
    with open(lab.path("progress")) as lines:
        ours = json.loads(lines.readline())
    frame = spark.stream(lab.spark, lab.broker, topic).selectExpr("partition AS p", "value")
    last = spark.write(frame, lab.path("theirs"), lab.path("checkpoint"), [])
    theirs = json.loads(last.json) if hasattr(last, "json") else dict(last)
    drop = lambda keys: {key for key in keys if topic not in key}
    lacking = drop(keys_of(theirs)) - drop(keys_of(ours))
    assert not lacking, f"Spark's progress has {sorted(lacking)}, ours does not"
