"""State in Spark's files (sluice.stateFormat = spark): killed at every step, the rows are those of a run that nobody
disturbed and that kept its state in the other form; what Spark needs is there afterwards."""
import os

from fault.test_crash import each
from fault.test_state import OTHERS, PARQUET, WINDOWS, Query, undisturbed
from lib import sluice

PARTITIONS = 3
INTO = PARQUET.replace("TBLPROPERTIES (", "TBLPROPERTIES ('sluice.stateFormat' = 'spark', ")
SET = f"SET spark.sql.shuffle.partitions = {PARTITIONS};"


def state_files(query, number=0):
    """Per partition of an operator: its files."""
    folder = os.path.join(query.checkpoint, "state", str(number))
    return {int(name): sorted(os.listdir(os.path.join(folder, name))) for name in os.listdir(folder) if name.isdigit()}


def killed(lab, failpoints, select=WINDOWS):
    want = undisturbed(lab, select)
    query = Query(lab, f"spark {select[:30]} {'+'.join(failpoints)}".replace("/", "").replace("*", ""), select, into=INTO, before=SET)
    for failpoint in failpoints:
        result = query.run(failpoints=failpoint)
        assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    query.run().ok()
    have = query.rows()
    assert have == want, f"other rows than without the crash: {[row for row in have if row not in want][:3]} instead of {[row for row in want if row not in have][:3]}"
    return query


def test_kill_while_sparks_files_are_written(lab):
    undisturbed(lab)
    points = [f"state.changes.{step}:{nth}:crash" for step in ("pre", "synced", "named") for nth in (1, 2, 20)]
    each(points + ["state.saved:7:crash", "rows.committed:5:crash", "commits.pre:9:crash"], lambda case: killed(lab, [case]))


def test_kill_in_sparks_snapshots(lab):
    query = killed(lab, [f"state.snapshot.{step}:{nth}:crash" for step, nth in (("written", 1), ("named", 2), ("named", 1))])
    for partition, names in state_files(query).items():
        assert [name for name in names if name.endswith(".snapshot")], f"partition {partition} has no snapshot: {names}"


def test_kill_twice_in_sparks_files(lab):
    for name in ("sessions", "first", "chain"):
        killed(lab, ["state.changes.named:5:crash", "state.changes.written:2:crash", "rows.committed:6:crash"], OTHERS[name])


def test_sparks_files_are_whole(lab):
    """Each version in each partition, until a snapshot replaces them; nothing else that Spark would stumble over."""
    query = killed(lab, ["state.changes.named:11:crash"])
    partitions = state_files(query)
    assert sorted(partitions) == list(range(PARTITIONS))
    versions = {partition: sorted(int(name.split(".")[0]) for name in names if name.endswith(".delta")) for partition, names in partitions.items()}
    last = max(versions[0])
    assert all(found == list(range(1, last + 1)) for found in versions.values()), versions
    known = {"_metadata"} | {f"{version}.{kind}" for version in range(1, last + 1) for kind in ("delta", "snapshot")}
    assert all(set(names) <= known for names in partitions.values()), partitions
    assert not os.path.exists(os.path.join(query.checkpoint, ".sluice/state"))
    for path in ("state/0/_metadata/metadata", "state/0/0/_metadata/schema"):
        assert os.path.exists(os.path.join(query.checkpoint, path)), path


def test_state_of_one_form_is_not_taken_for_the_other(lab):
    query = Query(lab, "own", count=2)
    query.run().ok()
    query.into = INTO
    query.save()
    said = query.run()
    assert said.status != 0 and "keeps its state in sluice's own form" in said.err, said.err
