"""A stream of a Delta table, run by Spark and by sluice in turn on one checkpoint; and side by side, with the same offsets."""
import os

from lib import delta, spark, table
from lib.lab import Skip


class Relay:
    """source: a Delta table that Spark writes; target: the stream's table, which both write."""

    def __init__(self, lab, name="lake", files=2):
        if not spark.delta_jars():
            raise Skip("Spark's Delta jars are missing (tools/peers fetches them)")
        self.lab, self.spark, self.files = lab, lab.spark, files
        self.source = lab.path(f"{name}-source")
        self.target, self.checkpoint = lab.path(f"{name}-target"), lab.path(f"{name}-checkpoint")
        self.next = 0

    def append(self, files=1, rows=3):
        """A version with so many new files."""
        first, self.next = self.next, self.next + files * rows
        frame = self.spark.range(first, self.next, 1, files).selectExpr("id AS n", "id % 2 AS p")
        frame.write.format("delta").partitionBy("p").mode("append").save(self.source)

    def by_spark(self):
        frame = (self.spark.readStream.format("delta").option("maxFilesPerTrigger", self.files).load(self.source)
                 .selectExpr("n", "n * 2 AS m", "p"))
        spark.write(frame, self.target, self.checkpoint, [], name="relay", form="delta")

    def by_sluice(self, failpoints=None):
        from lib import sluice
        path = self.lab.write("relay.sql", f"""
CREATE STREAMING TABLE relay USING delta LOCATION '{self.target}' TBLPROPERTIES ('sluice.checkpointLocation' = '{self.checkpoint}')
AS SELECT n, n * 2 AS m, p FROM STREAM delta.`{self.source}` WITH (maxFilesPerTrigger = {self.files});""")
        result = sluice.run("run", path, "--available-now", "--log-format", "text", failpoints=failpoints)
        return result if failpoints else result.ok()

    def offsets(self):
        found = []
        for batch in table.numbered(os.path.join(self.checkpoint, "offsets")):
            with open(os.path.join(self.checkpoint, "offsets", str(batch))) as text:
                found.append(text.read().split("\n")[2])
        return found

    def check(self):
        want = [(n, 2 * n, n % 2) for n in range(self.next)]
        assert sorted(delta.rows(self.target, "n", "m", "p")) == want
        delta.check_readers(self.target, want, "n", "m", "p")
        assert sorted(tuple(row) for row in self.spark.read.format("delta").load(self.target).select("n", "m", "p").collect()) == want


def test_the_stream_changes_hands(lab):
    """Spark, sluice, Spark, sluice, Spark: each goes on where the other one stopped."""
    relay = Relay(lab, files=5)
    for _ in range(3):
        relay.append(files=2)
    runs = [relay.by_spark, relay.by_sluice, relay.by_spark, relay.by_sluice]
    for run in runs:
        run()
        relay.check()
        relay.append(files=3)
    relay.by_spark()
    relay.check()
    batches = table.numbered(os.path.join(relay.checkpoint, "commits"))
    assert batches == list(range(len(batches)))


def test_planned_batches_change_hands(lab):
    """What one has planned and not committed, the other runs: the first batch, in the middle of the snapshot, and one later."""
    relay = Relay(lab, files=4)
    relay.append(files=2)
    relay.append(files=2)
    for point in ("read.mid:1:crash", "read.mid:6:crash"):
        relay.by_sluice(failpoints=point)
        offsets = table.numbered(os.path.join(relay.checkpoint, "offsets"))
        assert len(offsets) > len(table.numbered(os.path.join(relay.checkpoint, "commits"))), "nothing is planned"
        relay.by_spark()
        relay.check()
        for _ in range(3):
            relay.append(files=4)
    # Spark planned, and was gone before its commit
    last = table.numbered(os.path.join(relay.checkpoint, "commits"))[-1]
    relay.by_spark()
    relay.check()
    version = delta.versions(relay.target)[-1]
    os.unlink(os.path.join(relay.target, "_delta_log", f"{version:020}.json"))
    for name in (f"{version:020}.crc", f".{version:020}.json.crc", f".{version:020}.crc.crc"):
        path = os.path.join(relay.target, "_delta_log", name)
        if os.path.exists(path):
            os.unlink(path)
    now = table.numbered(os.path.join(relay.checkpoint, "commits"))[-1]
    assert now > last
    for name in (str(now), f".{now}.crc"):
        os.unlink(os.path.join(relay.checkpoint, "commits", name))
    relay.by_sluice()
    relay.check()


def test_offsets_are_sparks(lab):
    """The same table, each with a checkpoint of its own: equal offsets, text for text, in every batch."""
    pair = [Relay(lab, name="lake", files=3), Relay(lab, name="mirror", files=3)]
    pair[1].source = pair[0].source
    ours, sparks = pair
    for round_ in range(3):
        for files in (1, 4, 2):
            ours.append(files=files)
        if round_ == 1:
            ours.spark.sql(f"OPTIMIZE delta.`{ours.source}`")
            ours.spark.sql(f"ALTER TABLE delta.`{ours.source}` SET TBLPROPERTIES ('some' = 'thing')")
        sparks.next = ours.next
        ours.by_sluice()
        sparks.by_spark()
        assert ours.offsets() == sparks.offsets()
        ours.check()
    assert any('"isStartingVersion":true' in offset for offset in ours.offsets())


def test_deletion_vectors_in_the_stream(lab):
    """Files that come with deleted rows: the stream begins after a delete, and reads what is left."""
    relay = Relay(lab)
    relay.append(files=1, rows=100)
    relay.spark.sql(f"ALTER TABLE delta.`{relay.source}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = true)")
    relay.spark.sql(f"DELETE FROM delta.`{relay.source}` WHERE n % 10 = 3")
    assert any("deletionVector" in add for add in delta.actions(relay.source, "add")), "Spark wrote no deletion vector"
    relay.by_sluice()
    want = [(n,) for n in range(100) if n % 10 != 3]
    assert sorted(delta.rows(relay.target, "n")) == want
    delta.check_readers(relay.source, want, "n")
    delta.check_readers(relay.target, want, "n")
