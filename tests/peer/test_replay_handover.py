"""A query with a quarantine and a replayed batch changes hands: Spark goes on behind the replay, sluice behind Spark."""
import os

from lib import letters, spark, table
from lib.lab import values_of

SELECT = ["partition AS p", "offset AS o", "CAST(key AS STRING) AS key", "value"]


def by_spark(lab, lake):
    frame = spark.stream(lab.spark, lab.broker, lake.topic).selectExpr(*SELECT)
    return spark.write_with_retry(frame, lake.table, lake.checkpoint, [])


def check(lab, lake):
    """Spark's reader, and ours by the log, see every record once."""
    values = values_of(lab.broker, lake.topic)
    by_log = table.rows_of(lake.table, table.files_by_log(lake.table), ["p", "o", "value"])
    in_spark = [tuple(row) for row in lab.spark.read.parquet(lake.table).select("p", "o", "value").collect()]
    for rows in (by_log, in_spark):
        assert len(rows) == len(values), f"{len(rows)} rows, want {len(values)}"
        assert {(p, o): v if v is None else bytes(v) for p, o, v in rows} == values


def test_spark_goes_on_behind_a_replay(lab):
    topic = lab.topic(2)
    lake = lab.lake(topic, pipeline="quarantine.sql", format="parquet", drop=3)
    lab.generate(topic, 300)
    lake.run().ok()
    assert letters.rows_of(os.path.join(lake.dir, "bad"), "parquet", "offset")
    lake.variables["drop"] = 100  # the fix
    letters.dlq(lake, "replay").ok()
    check(lab, lake)
    lab.generate(topic, 200, seed=2)
    by_spark(lab, lake)
    assert lake.batches() == [0, 1, 2]
    check(lab, lake)


def test_spark_finishes_a_committed_replay(lab):
    """Killed behind commits/N of the replay, or before it: Spark runs at most an empty batch."""
    topic = lab.topic(2)
    lake = lab.lake(topic, pipeline="quarantine.sql", format="parquet", drop=3)
    lab.generate(topic, 300)
    lake.run().ok()
    lake.variables["drop"] = 100
    assert letters.dlq(lake, "replay", failpoints="batch.committed:1:crash").status == -9
    lab.generate(topic, 100, seed=2)
    by_spark(lab, lake)
    check(lab, lake)
