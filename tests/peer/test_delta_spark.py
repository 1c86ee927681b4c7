"""delta-spark and sluice on one Delta table: each goes on with the other's stream, and reads what the other wrote."""
import json
import os
import random
import urllib.parse

from lib import delta, sluice, spark
from lib.lab import Missing, values_of
from lib.pair import Pair, check_rows


def need_delta(lab):
    if not spark.delta_jars():
        raise Missing("delta-spark (tools/peers fetches it)")
    return lab.spark


class DeltaPair(Pair):
    pipeline, form = "delta.sql", "delta"

    def __init__(self, lab, **more):
        need_delta(lab)
        super().__init__(lab, **more)

    def check(self, more=None):
        """Every record once: for delta-spark, delta-rs and DuckDB; every batch is one version."""
        values = {**self.values(), **(more or {})}
        for reader, rows in [("delta-spark", self.rows_of_spark()), *delta.readers(self.table, "p", "o", "value")]:
            check_rows(reader, rows, values)
        with open(self.lake.file("metadata")) as text:
            query = json.load(text)["id"]
        batches = [txn["version"] for txn in delta.actions(self.table, "txn") if txn["appId"] == query]
        assert batches == list(range(len(batches))) and batches[-1] == self.lake.batches()[-1], batches


def test_spark_goes_on_with_ours(lab):
    pair = DeltaPair(lab)
    pair.more()
    pair.by_sluice()
    pair.more()
    pair.by_spark()
    assert pair.lake.batches() == [0, 1]
    pair.check()


def test_we_go_on_with_sparks(lab):
    pair = DeltaPair(lab)
    pair.more()
    pair.by_spark()
    pair.more()
    pair.by_sluice()
    assert pair.lake.batches() == [0, 1]
    pair.check()


def test_back_and_forth(lab):
    """Across several checkpoints of the log, which both write and read."""
    pair = DeltaPair(lab, limit=75)
    for _ in range(3):
        pair.more()
        pair.by_sluice()
        pair.more()
        pair.by_spark()
    assert len(pair.lake.batches()) >= 24
    for version in (10, 20):
        assert os.path.exists(os.path.join(pair.table, "_delta_log", f"{version:020}.checkpoint.parquet"))
    pair.check()


def test_spark_after_our_crash(lab):
    """In front of our commit point Spark runs the batch; behind it Spark sees the transaction and skips it."""
    pair = DeltaPair(lab, limit=100)
    pair.more()
    for point in ("offsets.dirsynced:2", "read.mid:2", "delta.synced:1", "delta.named:1", "commits.pre:1"):
        assert pair.lake.run(failpoints=point + ":crash").status == sluice.CRASHED, point
        pair.by_spark()
        pair.check()
        pair.more(200)
    pair.by_sluice()
    pair.check()


def test_we_finish_sparks_batch(lab):
    """commits/N is missing, but the table has batch N: only the commit is written."""
    pair = DeltaPair(lab)
    pair.more()
    pair.by_spark()
    for name in ("0", ".0.crc"):
        os.unlink(pair.lake.file("commits", name))
    before = delta.versions(pair.table)
    pair.by_sluice()
    assert delta.versions(pair.table) == before and pair.lake.batches() == [0]
    pair.check()


def test_we_run_sparks_planned_batch(lab):
    pair = DeltaPair(lab)
    pair.more()
    pair.by_spark()
    pair.more()
    pair.by_spark()
    last = os.path.join(pair.table, "_delta_log", f"{1:020}")
    for add in delta.commit(pair.table, 1):
        if add[0] == "add":
            os.unlink(os.path.join(pair.table, urllib.parse.unquote(add[1]["path"])))
    for path in (last + ".json", last + ".crc", pair.lake.file("commits", "1"), pair.lake.file("commits", ".1.crc")):
        if os.path.exists(path):
            os.unlink(path)
    pair.more()
    pair.by_sluice()
    assert pair.lake.batches() == [0, 1, 2]
    # Spark keeps what it knew of version 1; a new table of it is told
    pair.lab.spark.catalog.clearCache()
    pair.lab.spark.sql(f"REFRESH TABLE delta.`{pair.table}`")
    pair.check()


def test_crashes_between_the_engines(lab):
    """Random turns of Spark, sluice and a sluice that is killed."""
    chance = random.Random(int(os.environ.get("SLUICE_SEED", "3")))
    pair = DeltaPair(lab, limit=120)
    points = ["offsets.named", "read.mid", "io.fsync", "delta.written", "delta.named", "delta.dirsynced", "commits.dirsynced"]
    for _ in range(4):
        pair.more(250)
        pair.lake.run(failpoints=f"{chance.choice(points)}:{chance.randint(1, 3)}:crash")
        pair.by_sluice() if chance.random() < 0.3 else pair.by_spark()
    pair.by_sluice()
    pair.check()


def test_spark_changes_our_table(lab):
    """Appends, DELETE, UPDATE, OPTIMIZE, a new column: what Spark does between our batches we keep."""
    pair = DeltaPair(lab)
    session = pair.lab.spark
    pair.more()
    pair.by_sluice()
    first = values_of(lab.broker, pair.topic)
    row = session.createDataFrame([(100, 1, "k", bytearray(b"foreign"), 1)], "p INT, o BIGINT, key STRING, value BINARY, bucket BIGINT")
    row.write.format("delta").mode("append").save(pair.table)
    pair.more()
    pair.by_sluice()
    pair.check({(100, 1): b"foreign"})
    session.sql(f"OPTIMIZE delta.`{pair.table}`").collect()
    pair.more()
    pair.by_sluice()
    pair.check({(100, 1): b"foreign"})
    session.sql(f"UPDATE delta.`{pair.table}` SET value = CAST('changed' AS BINARY) WHERE p = 100").collect()
    session.sql(f"ALTER TABLE delta.`{pair.table}` ADD COLUMNS (later STRING)").collect()
    pair.more()
    pair.by_sluice()
    pair.check({(100, 1): b"changed"})
    session.sql(f"DELETE FROM delta.`{pair.table}` WHERE p = 0").collect()
    left = session.read.format("delta").load(pair.table)
    assert {(r.p, r.o) for r in left.select("p", "o").collect()} == {
        at for at in {**values_of(lab.broker, pair.topic), (100, 1): b""} if at[0] != 0}
    assert first and left.where("later IS NOT NULL").count() == 0


def test_spark_reads_every_type(lab):
    """Values and pruning by our statistics: an equality on each column finds its row."""
    session = need_delta(lab)
    schema = ("b BOOLEAN, y TINYINT, s SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, m DECIMAL(20,3), t STRING, a DATE, z TIMESTAMP, "
              "st STRUCT<x: INT, y: STRING>, ar ARRAY<INT>, mp MAP<STRING, INT>")
    topic = lab.topic(1)
    low = {"b": True, "y": -5, "s": 300, "i": 7, "l": 2**40, "f": 1.5, "d": -2.25, "m": 12345678901234.125, "t": "ä" * 40, "a": "2025-01-15",
           "z": "2025-01-15T10:23:45.123456Z", "st": {"x": 1, "y": "q"}, "ar": [1, None, 3], "mp": {"k": 1}}
    high = {**low, "i": 9, "t": "ä" * 40 + "b", "z": "2025-01-15T10:23:45.123999Z", "d": 1e300, "m": -0.001, "a": "1969-12-31"}
    lab.broker.produce(topic, [(0, None, json.dumps(value).encode()) for value in (low, {}, high)])
    lake = lab.lake(topic, pipeline="delta_data.sql", columns="j.*", schema=schema, by="", properties="")
    lake.run().ok()
    frame = session.read.format("delta").load(lake.table)
    rows = {row.o: row for row in frame.collect()}
    assert len(rows) == 3 and rows[0].l == 2**40 and rows[0].st.y == "q" and rows[0].ar == [1, None, 3] and rows[0].mp == {"k": 1}
    for column in ("y", "s", "i", "l", "f", "d", "m", "t", "a", "z"):
        name = f"`{column}`"
        for offset in (0, 2):
            literal = f"(SELECT {name} FROM delta.`{lake.table}` WHERE o = {offset})"
            found = session.sql(f"SELECT o FROM delta.`{lake.table}` WHERE {name} = {literal}").collect()
            assert offset in {row.o for row in found}, f"{column} of {offset} is not found by its value"
    dates = session.sql(f"SELECT o FROM delta.`{lake.table}` WHERE z = TIMESTAMP '2025-01-15 10:23:45.123999'").collect()
    assert [row.o for row in dates] == [2]
    assert session.sql(f"DESCRIBE HISTORY delta.`{lake.table}`").first().operation == "STREAMING UPDATE"


def test_tables_that_spark_has_made(lab):
    """Spark's constraints hold for our rows; what we cannot keep is refused by its feature's name."""
    session = need_delta(lab)
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, b'{"k": "abc", "n": 5}')])

    def stream(name, columns, *alter):
        lake = lab.lake(topic, name, pipeline="delta_data.sql", columns="j.*", schema="k STRING, n INT", by="", properties="")
        session.sql(f"CREATE TABLE delta.`{lake.table}` (o BIGINT, {columns}) USING delta {alter[0] if alter else ''}").collect()
        for text in alter[1:]:
            session.sql(f"ALTER TABLE delta.`{lake.table}` {text}").collect()
        return lake

    kept = [stream("check", "k STRING, n INT", "", "ADD CONSTRAINT small CHECK (n < 10 AND k IS NOT NULL)"),
            stream("null", "k STRING NOT NULL, n INT"),
            stream("length", "k VARCHAR(3), n INT")]
    for lake in kept:
        lake.run().ok()
    refused = {
        "default": (stream("default", "k STRING, n INT, d INT DEFAULT 7", "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"),
                    "allowColumnDefaults"),
        "mapping": (stream("mapping", "k STRING, n INT", "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"), "columnMapping"),
        "rows": (stream("rows", "k STRING, n INT", "TBLPROPERTIES ('delta.enableRowTracking' = 'true')"), "rowTracking"),
    }
    for lake, feature in refused.values():
        result = lake.run()
        assert result.status != 0 and feature in result.err, result.err
        assert len(delta.versions(lake.table)) == 1
    # features that ask nothing of an append
    fine = [stream("vectors", "k STRING, n INT", "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"),
            stream("changes", "k STRING, n INT", "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"),
            stream("times", "k STRING, n INT", "TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')"),
            stream("v2", "k STRING, n INT", "TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')"),
            stream("cluster", "k STRING, n INT", "CLUSTER BY (k)")]
    for lake in fine:
        lake.run().ok()
        assert [tuple(row) for row in session.read.format("delta").load(lake.table).select("o", "k", "n").collect()] == [(0, "abc", 5)]
        assert session.sql(f"DESCRIBE HISTORY delta.`{lake.table}`").count() == 2
    lab.broker.produce(topic, [(0, None, b'{"k": "abcd", "n": 50}'), (0, None, b'{"n": 1}')])
    for lake, said in zip(kept, ("`small` is violated", "`NOT NULL k` is violated", "`k varchar(3)` is violated")):
        before = delta.versions(lake.table)
        result = lake.run()
        assert result.status != 0 and said in result.err, result.err
        assert delta.versions(lake.table) == before


def test_spark_reads_odd_partitions(lab):
    session = need_delta(lab)
    names = ["../../x", "a/b", "a=b", "a%2Fb", "%", "bar+%21", "11:11", "a b", "é", "'", '"', "a\nb", "#?[]", "", None, "x" * 100]
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, json.dumps({"k": name}).encode()) for name in names])
    lake = lab.lake(topic, pipeline="delta_data.sql", columns="j.k AS k", schema="k STRING", by="PARTITIONED BY (k)", properties="")
    lake.run().ok()
    want = {at: name or None for at, name in enumerate(names)}
    assert {row.o: row.k for row in session.read.format("delta").load(lake.table).collect()} == want
    delta.check_readers(lake.table, want.items(), "o", "k")


def test_same_log_as_sparks(lab):
    """The commits of both have the same actions with the same members (sizes, names, moments aside)."""
    ours, theirs = DeltaPair(lab), DeltaPair(lab, name="theirs")
    theirs.topic = theirs.lake.topic = ours.topic
    for _ in range(2):
        ours.more()
        ours.by_sluice()
        theirs.by_spark()
    for version in (0, 1):
        shapes = []
        for table in (ours.table, theirs.table):
            seen = {}
            for name, content in delta.commit(table, version):
                seen.setdefault(name, set()).update(content)
                if name == "add":
                    seen.setdefault("stats", set()).update(json.loads(content["stats"]))
            shapes.append(seen)
        left, right = shapes
        left["commitInfo"].discard("tags")  # the hash of our offsets
        right["commitInfo"].discard("tags")
        assert left == right, {name: left.get(name, set()) ^ right.get(name, set()) for name in {*left, *right}}
        infos = [delta.commit(pair.table, version)[0][1] for pair in (ours, theirs)]
        assert infos[1]["engineInfo"].startswith("Apache-Spark")
        for key in ("operation", "isolationLevel", "isBlindAppend"):
            assert infos[0][key] == infos[1][key], key
        assert [info["operationParameters"]["outputMode"] for info in infos] == ["Append"] * 2
        assert infos[0]["operationMetrics"].keys() == infos[1]["operationMetrics"].keys(), [info["operationMetrics"] for info in infos]
    metas = [delta.actions(pair.table, "metaData")[0] for pair in (ours, theirs)]
    for key in ("schemaString", "partitionColumns", "configuration", "format"):
        assert metas[0][key] == metas[1][key], (metas[0][key], metas[1][key])
