"""The program is killed, or the disk fails, at every step of a Delta commit; after a restart each record is there exactly once."""
import json
import os
import random
import time

from fault.test_crash import PUT_STEPS, each, source
from flow.test_delta_stream import Foreign
from lib import delta, sluice
from lib.lab import Skip

LIMIT = 200


def check_whole(lake, values, may_leave_files=True):
    rows = delta.rows(lake.table, "p", "o", "value")
    assert len({row[:2] for row in rows}) == len(rows), "a record is in the table twice"
    assert {row[:2]: row[2] for row in rows} == values, f"{len(rows)} records, want {len(values)}"
    read = delta.rows_of_delta_rs(lake.table, "p", "o", "value")
    assert read is None or sorted(read) == sorted(rows), "delta-rs reads other rows"
    with open(lake.file("metadata")) as text:
        query = json.load(text)["id"]
    batches = [txn["version"] for txn in delta.actions(lake.table, "txn") if txn["appId"] == query]
    assert batches == list(range(len(batches))), f"batches in the log: {batches}"
    assert lake.batches() == sorted(lake.batches()) and lake.batches()[-1] == batches[-1]
    if not may_leave_files:
        assert delta.orphans(lake.table) == []


def readers_see_no_half_rows(lake, values):
    rows = delta.rows(lake.table, "p", "o", "value") if delta.versions(lake.table) else []
    assert len({row[:2] for row in rows}) == len(rows), "a reader sees a row twice after the crash"
    assert all(values[row[:2]] == row[2] for row in rows), "a reader sees a wrong row after the crash"


def crash_then_restart(lab, crashes, limit=LIMIT):
    topic, values = source(lab)
    lake = lab.lake(topic, name="+".join(crashes).replace(":", "-"), pipeline="delta.sql", limit=limit)
    for crash in crashes:
        result = lake.run(failpoints=crash)
        assert result.status == sluice.CRASHED, f"{crash} did not kill it: status {result.status} {result.err[-300:]}"
        readers_see_no_half_rows(lake, values)
    lake.run().ok()
    check_whole(lake, values)


def sweep(lab, points, nths, limit=LIMIT):
    source(lab)
    each([f"{point}:{nth}:crash" for point in points for nth in nths], lambda case: crash_then_restart(lab, [case], limit))


def test_crash_in_delta_commit(lab):
    sweep(lab, [f"delta.{step}" for step in PUT_STEPS], (1, 2, 3))


def test_crash_in_offsets_and_commits(lab):
    sweep(lab, [f"{name}.{step}" for name in ("offsets", "commits") for step in PUT_STEPS], (1, 3))


def test_crash_while_reading(lab):
    sweep(lab, ["read.mid"], (1, 2, 5))


def test_crash_in_delta_checkpoint(lab):
    sweep(lab, [f"delta_checkpoint.{step}" for step in PUT_STEPS], (1,), limit=28)


def every_nth(lab, point, most):
    topic, values = source(lab)

    def reaches(nth):
        lake = lab.lake(topic, name=f"{point}-{nth}", pipeline="delta.sql", limit=1000000)
        result = lake.run(failpoints=f"{point}:{nth}:crash")
        assert result.status in (0, sluice.CRASHED), f"status {result.status}: {result.err[-300:]}"
        readers_see_no_half_rows(lake, values)
        if result.status:
            lake.run().ok()
        check_whole(lake, values)
        return result.status != 0

    reached = []
    each(range(1, most + 1), lambda nth: reached.append((nth, reaches(nth))))
    assert (1, True) in reached, f"{point} is never used"
    assert not dict(reached)[most], f"{point} is used more than {most} times: raise the bound"


def test_crash_at_every_fsync(lab):
    every_nth(lab, "io.fsync", 48)


def test_crash_at_every_create(lab):
    every_nth(lab, "io.create", 9)


def test_crash_twice(lab):
    source(lab)
    cases = [("delta.named:2", "commits.pre:1"), ("delta.written:1", "delta.named:1"), ("read.mid:3", "delta.synced:1"),
             ("commits.synced:1", "delta.pre:1")]
    each(cases, lambda case: crash_then_restart(lab, [f"{point}:crash" for point in case]))


def lose_a_version(lab, then):
    """delta-rs appends while our second commit waits in front of its put; `then`: what happens to us behind it."""
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    import pyarrow as pa
    topic, values = source(lab)
    lake = lab.lake(topic, name=then or "goes-on", pipeline="delta.sql", limit=LIMIT)
    running = lake.start(failpoints=f"delta.pre:2:sleep=2500{',delta.conflict:1:' + then if then else ''}", trigger="--available-now")
    deadline = time.monotonic() + 30
    while len(os.listdir(lake.file("offsets")) if os.path.isdir(lake.file("offsets")) else []) < 3:  # 0, its sum, 1
        assert time.monotonic() < deadline and running.is_running(), running.err
        time.sleep(0.02)
    time.sleep(0.5)
    schema = pa.schema([("p", pa.int32()), ("o", pa.int64()), ("key", pa.string()), ("value", pa.binary()), ("bucket", pa.int64())])
    row = pa.table({"p": [100], "o": [0], "key": [None], "value": [b"rival"], "bucket": [1]}, schema=schema)
    delta.deltalake.write_deltalake(lake.table, row, mode="append")
    result = running.wait()
    assert result.status == (sluice.CRASHED if then else 0), f"status {result.status}: {result.err[-500:]}"
    kinds = [name for name, _ in delta.commit(lake.table, 1)]
    assert "txn" not in kinds, "the rival did not come first"
    lake.run().ok()
    check_whole(lake, {**values, (100, 0): b"rival"})


def test_append_after_losing_a_version(lab):
    lose_a_version(lab, None)


def test_crash_after_losing_a_version(lab):
    lose_a_version(lab, "crash")


def test_crash_while_a_view_is_replaced(lab):
    """Readers see the old rows or the new ones; the next run puts the newest in their place."""
    topics = {f"delta.{step}:1": lab.topic(1) for step in PUT_STEPS}

    def crashes(point):
        topic = topics[point]
        lab.broker.produce(topic, [(0, None, b"x")] * 5)
        folder, name = lab.path(point.replace(":", "-")), point.replace(".", "-").replace(":", "-")
        view = lab.write(name + ".sql", f"""CREATE MATERIALIZED VIEW v USING delta LOCATION '{folder}' AS
SELECT offset AS o FROM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}');""")
        sluice.run("run", view).ok()
        assert len(delta.rows(folder, "o")) == 5
        lab.broker.produce(topic, [(0, None, b"more")])
        assert sluice.run("run", view, failpoints=point + ":crash").status == sluice.CRASHED
        rows = sorted(o for (o,) in delta.rows(folder, "o"))
        assert rows in (list(range(5)), list(range(6))), rows
        sluice.run("run", view).ok()
        assert sorted(o for (o,) in delta.rows(folder, "o")) == list(range(6))

    each(topics, crashes)


def test_disk_full(lab):
    """No space at each step of a commit: a clear error, no half version, no data file left, and the next run goes on."""
    topic, values = source(lab)

    def fails(point):
        lake = lab.lake(topic, name=point.replace(":", "-"), pipeline="delta.sql", limit=LIMIT)
        result = lake.run(failpoints=f"{point}:enospc")
        assert result.status not in (0, sluice.CRASHED), f"{point}: status {result.status}"
        assert "No space left on device" in result.err, result.err[-300:]
        readers_see_no_half_rows(lake, values)
        assert not [path for path in delta.orphans(lake.table) if path.endswith(".parquet")], delta.orphans(lake.table)
        lake.run().ok()
        check_whole(lake, values)

    each([f"delta.{step}:{nth}" for step in ("pre", "written", "synced") for nth in (1, 2)], fails)


def test_kill_at_random_instants(lab):
    chance = random.Random(int(os.environ.get("SLUICE_SEED", "3")))
    topic, values = source(lab)
    lake = lab.lake(topic, pipeline="delta.sql", limit=40)
    for _ in range(12):
        running = lake.start(failpoints="io.fsync:*:sleep=4")
        time.sleep(0.05 + chance.random() * 0.4)
        running.kill9()
    lake.run().ok()
    check_whole(lake, values)


def test_crash_in_first_batch_of_latest(lab):
    """The place that `latest` meant at the first start holds, whatever the table has become when the batch runs again."""
    def crash(point):
        foreign = Foreign(lab, name=point.replace(":", "-"), options="WITH (startingVersion = 'latest')")
        foreign.append([0])
        foreign.run().ok()
        foreign.append([1])
        foreign.run(failpoints=point).expect(sluice.CRASHED)
        foreign.append([2])
        foreign.run().ok()
        assert foreign.numbers() == [1, 2], f"{point}: {foreign.numbers()}"

    each([f"{point}:1:crash" for point in ("offsets.pre", "offsets.dirsynced", "read.mid", "delta.pre", "commits.pre")], crash)


def test_crash_where_the_start_is_written(lab):
    def crash(point):
        foreign = Foreign(lab, name=point.replace(":", "-"), options="WITH (startingTimestamp = '2020-01-01')")
        foreign.append([0])
        foreign.run(failpoints=point).expect(sluice.CRASHED)
        foreign.append([1])
        foreign.run().ok()
        assert foreign.numbers() == [0, 1], f"{point}: {foreign.numbers()}"

    each([f"delta_start.{step}:1:crash" for step in PUT_STEPS], crash)
