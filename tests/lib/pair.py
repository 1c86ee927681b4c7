"""A pipeline that Spark and sluice run in turn, on one table and one checkpoint."""
from lib import spark
from lib.lab import values_of

SELECT = ["partition AS p", "offset AS o", "CAST(key AS STRING) AS key", "value", "offset % 3 AS bucket"]


class Pair:
    """tests/flow/<pipeline> for both engines; `form`: of the table."""
    pipeline, form = "raw.sql", "parquet"

    def __init__(self, lab, partitions=3, limit=1000000, name="lake"):
        self.lab, self.topic, self.limit = lab, lab.topic(partitions), limit
        self.lake = lab.lake(self.topic, name, pipeline=self.pipeline, limit=limit)
        self.table = self.lake.table
        self.seed = 0

    def more(self, count=300):
        self.seed += 1
        self.lab.generate(self.topic, count, "--bad", "2%", "--null", "2%", seed=self.seed)

    def by_spark(self):
        frame = spark.stream(self.lab.spark, self.lab.broker, self.topic, maxOffsetsPerTrigger=self.limit)
        return spark.write_with_retry(frame.selectExpr(*SELECT), self.table, self.lake.checkpoint, ["bucket"], form=self.form)

    def by_sluice(self):
        self.lake.run().ok()

    def values(self):
        """{(p, o): value} of the topic."""
        return values_of(self.lab.broker, self.topic)

    def rows_of_spark(self):
        read = self.lab.spark.read.format(self.form).load(self.table)
        return [tuple(row) for row in read.select("p", "o", "value").collect()]


def check_rows(reader, rows, values):
    """Every record once."""
    assert len(rows) == len(values), f"{reader}: {len(rows)} rows, want {len(values)}"
    assert {(p, o): v if v is None else bytes(v) for p, o, v in rows} == values, reader
