"""Spark 3.5 and sluice take turns on one checkpoint and one table; a Spark 3.3 checkpoint is continued by both.

Spark 3.5 needs a Python of its own: python35 of SLUICE_PEERS or SLUICE_PYTHON35, with its Kafka connector's jars in
spark35-jars or SLUICE_SPARK35_JARS. Spark runs in that Python: this file run as a program is its side, one JSON request a line on stdin, one answer a line on stdout.
"""
import collections
import glob
import json
import os
import shutil
import subprocess
import sys

FIELDS = "order_id STRING, customer_id STRING, product STRING, quantity INT, amount DOUBLE, order_timestamp STRING"
COLUMNS = ["partition AS p", "offset AS o", "CAST(key AS STRING) AS key", "value",
           f"from_json(CAST(value AS STRING), '{FIELDS}') AS v"]
CHOSEN = ["p", "o", "key", "value", "v.amount AS amount", "CAST(v.amount AS DECIMAL(20,2)) AS price",
          "named_struct('product', v.product, 'quantity', v.quantity) AS line", "o % 3 AS bucket"]
CONDITION = "v.amount > 0"
PIPELINE = f"""\
CREATE STREAMING TABLE orders
USING parquet
PARTITIONED BY (bucket)
LOCATION '${{lake}}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${{lake}}/c')
AS SELECT {", ".join(CHOSEN)}
FROM (SELECT {", ".join(COLUMNS)}
  FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '${{topic}}', startingOffsets => 'earliest',
                         maxOffsetsPerTrigger => '${{limit}}'))
WHERE {CONDITION};
"""


# ---- Spark's side ----

def serve(directory):
    from pyspark.sql import SparkSession
    jars = sorted(glob.glob(os.path.join(os.environ["SLUICE_SPARK35_JARS"], "*.jar")))
    session = (SparkSession.builder.master("local[2]").config("spark.jars", ",".join(jars))
               .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
               .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
               .config("spark.driver.memory", "1g").config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
               .config("spark.local.dir", os.path.join(directory, "spark35"))
               .config("spark.sql.warehouse.dir", os.path.join(directory, "warehouse35"))
               .config("spark.sql.session.timeZone", "UTC").getOrCreate())
    session.sparkContext.setLogLevel("OFF")
    answer = {"version": session.version}
    while True:
        print(json.dumps(answer), flush=True)
        request = sys.stdin.readline()
        if not request:
            break
        request = json.loads(request)
        try:
            answer = turn(session, **request) if "topic" in request else whole(session, **request)
        except Exception as error:
            answer = {"error": str(error)[:1500]}
    session.stop()


def turn(session, brokers, topic, limit, lake):
    frame = (session.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
             .option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", limit).load())
    query = (frame.selectExpr(*COLUMNS).where(CONDITION).selectExpr(*CHOSEN).writeStream.format("parquet")
             .partitionBy("bucket").option("path", lake + "/t").option("checkpointLocation", lake + "/c")
             .trigger(availableNow=True).start())
    if not query.awaitTermination(120):
        query.stop()
        raise RuntimeError("Spark's query did not end within 120 s")
    return {"id": query.id}


def whole(session, table):
    rows = session.read.parquet(table).selectExpr("p", "o", "hex(value)", "amount", "CAST(price AS STRING)",
                                                  "line.product", "line.quantity", "bucket").collect()
    return {"rows": [list(row) for row in rows]}


if __name__ == "__main__":
    serve(sys.argv[1])
    sys.exit()


# ---- the tests' side ----

from lib import ledger, process, sluice, table  # noqa: E402
from lib.lab import Missing, Skip, values_of  # noqa: E402

ANSWER_SECONDS = 150


class Spark35:
    def __init__(self, directory):
        peers = os.environ.get("SLUICE_PEERS", "build/peers")
        python = os.environ.get("SLUICE_PYTHON35", os.path.join(peers, "python35/bin/python"))
        jars = os.environ.get("SLUICE_SPARK35_JARS", os.path.join(peers, "spark35-jars"))
        if not os.path.exists(python) or not os.path.isdir(jars):
            raise Missing("Spark 3.5: tools/peers installs it")
        env = {**os.environ, "SLUICE_SPARK35_JARS": jars, "TZ": "UTC", "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python}
        env.pop("SPARK_HOME", None)
        self.log = os.path.join(directory, "spark35.log")
        with open(self.log, "w") as log:
            self.child = process.start([python, os.path.abspath(__file__), directory], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=log, env=env, text=True)
        version = self.answer()["version"]
        assert version.startswith("3.5."), f"SLUICE_PYTHON35 has Spark {version}"

    def answer(self):
        line = self.child.stdout.readline()
        if not line:
            with open(self.log) as log:
                raise AssertionError("Spark 3.5 ended: " + log.read()[-1500:])
        answer = json.loads(line)
        assert "error" not in answer, f"Spark 3.5: {answer['error']}"
        return answer

    def ask(self, **request):
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        return self.answer()


class Pair:
    """The same query for both engines, and the judgement."""

    def __init__(self, lab, topic=None, limit=1000000, partitions=3):
        if "spark35" not in lab.cache:
            lab.cache["spark35"] = Spark35(lab.shared.dir)
        self.lab, self.spark, self.limit = lab, lab.cache["spark35"], limit
        self.topic = topic or lab.topic(partitions)
        self.lake = lab.lake(self.topic, limit=limit, pipeline=lab.write("orders.sql", PIPELINE))
        self.ledgers = []

    def more(self, count=200):
        self.ledgers.append(self.lab.generate(self.topic, count, "--bad", "3%", "--null", "3%", "--negative", "5%",
                                              seed=len(self.ledgers) + 1))

    def by_spark(self):
        return self.spark.ask(brokers=self.lab.broker.address, topic=self.topic, limit=self.limit, lake=self.lake.dir)

    def by_sluice(self):
        self.lake.run().ok()

    def expected(self, first=None):
        """{(partition, offset): row} of the records to come, derived from the topic alone."""
        expected = {}
        for (partition, offset), value in values_of(self.lab.broker, self.topic).items():
            try:
                order = json.loads(value)
                amount = order.get("amount")
            except (TypeError, ValueError, AttributeError):
                continue
            if isinstance(amount, (int, float)) and amount > 0 and offset >= (first or {}).get(partition, 0):
                expected[partition, offset] = (value.hex().upper(), amount, f"{amount:.2f}", order.get("product"),
                                               order.get("quantity"), offset % 3)
        return expected

    def check(self, first=None, listing=True):
        """As Spark 3.5 reads the table, as a reader of its log does, and as one that lists the directory."""
        expected = self.expected(first)
        assert len(expected) > 100
        rows = self.spark.ask(table=self.lake.table)["rows"]
        assert len(rows) == len(expected), f"Spark reads {len(rows)} rows, want {len(expected)}"
        assert {(row[0], row[1]): tuple(row[2:]) for row in rows} == expected
        views = [table.rows_of(self.lake.table, table.files_by_log(self.lake.table), ["p", "o"])]
        if listing:
            views.append(self.lake.rows("p", "o"))
        for view in views:
            assert sorted(view) == sorted(expected)

    def check_ledger(self):
        """What the generator says it sent with an amount above zero is there, value by value."""
        paid = collections.Counter()
        for path in self.ledgers:
            paid += collections.Counter(r["hash"] for r in ledger.read(path)
                                        if r["amount"] is not None and r["amount"] > 0)
        rows = table.rows_of(self.lake.table, table.files_by_log(self.lake.table), ["value"])
        have = collections.Counter(ledger.value_hash(value) for value, in rows)
        assert have == paid, f"{sum((paid - have).values())} are missing, {sum((have - paid).values())} are too many"


def test_back_and_forth(lab):
    """Three turns each, several batches a turn, across a compaction of the table's log; sluice begins."""
    pair = Pair(lab, limit=90)
    ids = set()
    for _ in range(3):
        pair.more()
        pair.by_sluice()
        pair.more()
        ids.add(pair.by_spark()["id"])
    assert len(ids) == 1, "Spark took sluice's turns for another query"
    assert any(table.log_batches(pair.lake.table).values()), "the log was not compacted"
    pair.check()
    pair.check_ledger()


def test_spark_begins(lab):
    pair = Pair(lab, limit=90)
    for _ in range(2):
        pair.more()
        pair.by_spark()
        pair.more()
        pair.by_sluice()
    pair.check()
    pair.check_ledger()
    pair.lake.check_settled()


def test_nothing_new_is_no_row(lab):
    """The engines write the partitions of an offset in different orders, and Spark compares the texts: it makes one
    empty batch after ours, but no row again; we compare the offsets and make none."""
    pair = Pair(lab)
    pair.more()
    pair.by_sluice()
    pair.by_spark()
    assert pair.lake.batches() in ([0], [0, 1])
    batches = pair.lake.batches()
    for _ in range(2):
        pair.by_sluice()
        pair.by_spark()
    assert pair.lake.batches() == batches
    pair.check(listing=False)
    pair.check_ledger()


def test_spark_runs_what_a_killed_sluice_had_planned(lab):
    pair = Pair(lab, limit=80)
    pair.more()
    for point in ("offsets.dirsynced:2", "read.mid:2", "intents.pre:1", "manifest.dirsynced:1", "commits.pre:1"):
        crashed = pair.lake.run(failpoints=point + ":crash")
        assert crashed.status == sluice.CRASHED, f"{point}: {crashed.err[-500:]}"
        pair.more(50)
        pair.by_spark()
        pair.check(listing=False)
        pair.more()
    pair.by_sluice()
    pair.check()
    pair.check_ledger()
    pair.lake.check_settled()


def test_sluice_runs_what_a_killed_spark_had_planned(lab):
    """Spark's commits/N is gone; then its entry in the table's log, too, and its files."""
    pair = Pair(lab)
    pair.more()
    pair.by_spark()
    for name in ("0", ".0.crc"):
        os.unlink(pair.lake.file("commits", name))
    pair.more()
    pair.by_sluice()
    pair.check()
    before = set(table.files_by_listing(pair.lake.table))
    pair.more()
    pair.by_spark()
    last = pair.lake.batches()[-1]
    for path in set(table.files_by_listing(pair.lake.table)) - before:
        os.unlink(os.path.join(pair.lake.table, path))
    for folder in (pair.lake.file("commits"), os.path.join(pair.lake.table, "_spark_metadata")):
        for name in (str(last), f".{last}.crc"):
            os.unlink(os.path.join(folder, name))
    pair.more()
    pair.by_sluice()
    pair.check()
    pair.check_ledger()


# ---- Spark 3.3's checkpoint ----

def corpus():
    base = os.environ.get("SLUICE_CORPORA", os.path.join(sluice.ROOT, "../shared/corpora"))
    path = os.path.join(base, "spark-3.3-checkpoints/micro-batch")
    if not os.path.isdir(path):
        raise Skip("the corpora are not there (SLUICE_CORPORA)")
    return path


def old_lake(lab):
    """The checkpoint with its topic, filled beyond the offsets it ends with; its table was emptied by somebody, and the
    log of it says so. (Pair, {partition: offset})"""
    old = corpus()
    with open(os.path.join(old, "offsets/9")) as text:
        first = {int(p): o for p, o in json.loads(text.read().split("\n")[2])["custords"].items()}
    broker = lab.broker
    if broker.partitions("custords") == 0:
        broker.create("custords", 8)
        order = b'{"order_id":"O-%d","product":"Tea","quantity":2,"amount":%d.25}'
        broker.produce("custords", [(p, b"k", order % (o, o % 5)) for p in first for o in range(first[p] + 60)])
    pair = Pair(lab, "custords", limit=100)
    shutil.copytree(old, pair.lake.checkpoint)
    log = os.path.join(pair.lake.table, "_spark_metadata")
    os.makedirs(log)
    for name in [*range(9), "9.compact"]:
        with open(os.path.join(log, str(name)), "w") as out:
            out.write("v1")
    return pair, first


def grow(pair, first):
    ends = pair.lab.broker.ends("custords")
    order = b'{"order_id":"N-%d","product":"Tea","quantity":3,"amount":%d.5}'
    pair.lab.broker.produce("custords", [(p, b"k", order % (o, o % 5)) for p in first
                                         for o in range(ends[p][1], ends[p][1] + 20)])


def test_we_go_on_with_a_spark_33_checkpoint(lab):
    pair, first = old_lake(lab)
    pair.by_sluice()
    assert pair.lake.batches()[10:], "no batch was made"
    pair.check(first)
    pair.lake.check_settled()
    grow(pair, first)
    pair.by_spark()
    pair.check(first)
    grow(pair, first)
    pair.by_sluice()
    pair.check(first)


def test_spark_35_goes_on_with_a_spark_33_checkpoint_then_we(lab):
    pair, first = old_lake(lab)
    pair.by_spark()
    pair.check(first)
    grow(pair, first)
    pair.by_sluice()
    pair.check(first)
