"""One checkpoint and one table, run by Spark and by sluice in turn: no record is lost or doubled."""
import os
import random

from lib import sluice, table
from lib.pair import Pair, check_rows


class ParquetPair(Pair):
    def check(self, listing=True):
        values = self.values()
        seen = {"the log": table.rows_of(self.table, table.files_by_log(self.table), ["p", "o", "value"]),
                "Spark": self.rows_of_spark()}
        if listing:
            seen["the directory"] = self.lake.rows("p", "o", "value")
        for reader, rows in seen.items():
            check_rows(reader, rows, values)


def test_spark_goes_on_with_ours(lab):
    pair = ParquetPair(lab)
    pair.more()
    pair.by_sluice()
    pair.more()
    pair.by_spark()
    assert pair.lake.batches() == [0, 1]
    pair.check()


def test_we_go_on_with_sparks(lab):
    pair = ParquetPair(lab)
    pair.more()
    pair.by_spark()
    pair.more()
    pair.by_sluice()
    assert pair.lake.batches() == [0, 1]
    pair.check()


def test_back_and_forth(lab):
    """Three times each, several batches a turn, across a compaction of the table's log."""
    pair = ParquetPair(lab, limit=150)
    for _ in range(3):
        pair.more()
        pair.by_sluice()
        pair.more()
        pair.by_spark()
    assert len(pair.lake.batches()) >= 12
    pair.check()


def test_spark_runs_our_planned_batch(lab):
    pair = ParquetPair(lab, limit=100)
    pair.more()
    for point in ("offsets.dirsynced:2", "read.mid:2", "intents.pre:1"):
        assert pair.lake.run(failpoints=point + ":crash").status == sluice.CRASHED, point
        pair.more(50)
        pair.by_spark()
        pair.check(listing=False)
        pair.more(200)
    pair.by_sluice()
    pair.check()
    pair.lake.check_settled()


def test_spark_runs_behind_our_commit_point(lab):
    """Spark knows no intents: its own copy of the batch counts, by the log; ours is swept at our next start."""
    pair = ParquetPair(lab, limit=100)
    pair.more()
    assert pair.lake.run(failpoints="intents.dirsynced:2:crash").status == sluice.CRASHED
    pair.by_spark()
    pair.check()
    pair.more()
    pair.by_sluice()
    pair.check()
    pair.lake.check_settled()


def test_spark_runs_a_half_published_batch(lab):
    """Some of our files had their final names when Spark ran the batch again: readers that list see no row twice
    after our next start."""
    pair = ParquetPair(lab, limit=100)
    pair.more()
    assert pair.lake.run(failpoints="publish.rename:9:crash").status == sluice.CRASHED
    pair.by_spark()
    pair.check(listing=False)
    pair.by_sluice()
    pair.check()
    pair.lake.check_settled()


def test_we_finish_sparks_batch_that_is_in_the_table(lab):
    """commits/N is missing, but Spark's log has N: only the commit is written."""
    pair = ParquetPair(lab)
    pair.more()
    pair.by_spark()
    for name in ("0", ".0.crc"):
        os.unlink(pair.lake.file("commits", name))
    files = table.files_by_listing(pair.lake.table)
    pair.by_sluice()
    assert table.files_by_listing(pair.lake.table) == files and pair.lake.batches() == [0]
    pair.check()


def test_we_run_sparks_planned_batch(lab):
    """commits/N and Spark's log entry are missing: Spark died in the middle of the batch."""
    pair = ParquetPair(lab)
    pair.more()
    pair.by_spark()
    pair.more()
    before = set(table.files_by_listing(pair.lake.table))
    pair.by_spark()
    for path in set(table.files_by_listing(pair.lake.table)) - before:
        os.unlink(os.path.join(pair.lake.table, path))
    for path in (pair.lake.file("commits"), os.path.join(pair.lake.table, "_spark_metadata")):
        for name in ("1", ".1.crc"):
            os.unlink(os.path.join(path, name))
    pair.more()
    pair.by_sluice()
    pair.check()


def test_crashes_between_the_engines(lab):
    """Random turns of Spark, sluice and a sluice that is killed."""
    chance = random.Random(int(os.environ.get("SLUICE_SEED", "3")))
    pair = ParquetPair(lab, limit=120)
    points = ["offsets.named", "read.mid", "io.fsync", "intents.written", "commits.dirsynced", "manifest.synced", "marker.named"]
    for _ in range(4):
        pair.more(250)
        pair.lake.run(failpoints=f"{chance.choice(points)}:{chance.randint(1, 3)}:crash")
        pair.by_sluice() if chance.random() < 0.3 else pair.by_spark()
    pair.by_sluice()
    pair.check()
