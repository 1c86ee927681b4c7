"""sluice.onSchemaDrift = evolve: killed, or the disk fails, at every step of a batch that adds columns; after a restart each
record is in the table exactly once, and the columns are there with every value."""
import json
import os
import random
import time

from fault.test_crash import PUT_STEPS, each
from lib import delta, sluice, table
from lib.lab import values_of

RECORDS, LIMIT = 60, 20  # three batches: without new fields; with `new`; with `more`, a struct, and a field more in it


def record(number):
    more = {}
    if number >= LIMIT:
        more["new"] = number
    if number >= 2 * LIMIT:
        more["more"] = {"x": number, "y": str(number)}
    return {"id": number, **more}


def source(lab):
    if "evolve" not in lab.cache:
        topic = lab.topic(2)
        lab.broker.produce(topic, [(number % 2, None, json.dumps(record(number)).encode()) for number in range(RECORDS)])
        assert len(values_of(lab.broker, topic)) == RECORDS
        lab.cache["evolve"] = topic
    return lab.cache["evolve"]


def lake_of(lab, name, form="delta"):
    return lab.lake(source(lab), name=name.replace(":", "-"), pipeline="schema_evolve.sql", columns="j.*, partition AS p, offset AS o",
                    schema="id INT", format=form, properties="", options="", limit=LIMIT)


def rows_of(lake, form):
    """{(p, o): row} of what a reader sees; columns that a file lacks are left out."""
    import pyarrow.parquet as pq
    if form == "delta":
        files = [os.path.join(lake.table, path) for path in delta.live(lake.table)] if delta.versions(lake.table) else []
    else:
        files = table.files_by_log(lake.table)
    rows = [row for path in files for row in pq.ParquetFile(path if os.path.isabs(path) else os.path.join(lake.table, path)).read().to_pylist()]
    found = {(row["p"], row["o"]): row for row in rows}
    assert len(found) == len(rows), "a record is in the table twice"
    return found


def check_right(lake, form):
    """What is there is right; no column of a record is missing."""
    found = rows_of(lake, form)
    for (_, _), row in found.items():
        want = record(row["id"])
        have = {name: value for name, value in row.items() if name not in "po" and value is not None}
        assert have == want, f"{have}, want {want}"
    return found


def check_whole(lake, form):
    found = check_right(lake, form)
    assert len(found) == RECORDS, f"{len(found)} records, want {RECORDS}"
    assert lake.batches() == list(range(lake.batches()[-1] + 1))
    names = sorted(os.listdir(lake.file(".sluice", "schema")))
    assert names == [str(number) for number in range(len(names))] and names, names
    if form == "delta":
        fields = json.loads(delta.actions(lake.table, "metaData")[-1]["schemaString"])["fields"]
        assert [field["name"] for field in fields] == ["id", "p", "o", "new", "more"], fields
        want = [(number, record(number).get("new"), record(number).get("more")) for number in range(RECORDS)]
        have = delta.rows_of_delta_rs(lake.table, "id", "new", "more")
        assert have is None or sorted(have, key=repr) == sorted(want, key=repr), "delta-rs reads other rows"
    else:
        lake.check_settled()


def crash_then_restart(lab, crashes, form):
    lake = lake_of(lab, form + "+".join(crashes), form)
    for crash in crashes:
        result = lake.run(failpoints=crash)
        assert result.status == sluice.CRASHED, f"{crash} did not kill it: status {result.status} {result.err[-300:]}"
        check_right(lake, form)
    lake.run().ok()
    check_whole(lake, form)


def sweep(lab, form, points, nths):
    source(lab)
    each([f"{point}:{nth}:crash" for point in points for nth in nths], lambda case: crash_then_restart(lab, [case], form))


def test_crash_while_the_schema_is_written(lab):
    for form in ("delta", "parquet"):
        sweep(lab, form, [*(f"schema.{step}" for step in PUT_STEPS), "schema.evolved"], (1, 2))


def test_crash_in_the_second_run_of_the_batch(lab):
    """Batches 1 and 2 are read twice; each reads two splits."""
    sweep(lab, "delta", ["read.mid"], range(1, 11))
    sweep(lab, "parquet", ["read.mid"], (4, 6, 8))


def test_crash_in_the_commit_that_adds_the_column(lab):
    sweep(lab, "delta", [f"delta.{step}" for step in PUT_STEPS] + ["rows.committed", "commits.pre"], (2, 3))
    sweep(lab, "parquet", ["intents.written", "intents.named", "manifest.synced", "rows.committed", "commits.pre"], (2, 3))


def test_crash_twice(lab):
    source(lab)
    cases = [("schema.named:1", "schema.evolved:1"), ("schema.evolved:1", "delta.pre:1"), ("delta.named:2", "schema.synced:1"),
             ("schema.pre:1", "schema.pre:1")]
    each(cases, lambda case: crash_then_restart(lab, [f"{point}:crash" for point in case], "delta"))


def test_disk_fails_at_the_schema(lab):
    """The query stops with the system's word; nothing of the batch is in the table."""
    source(lab)

    def fails(case):
        lake = lake_of(lab, case)
        result = lake.run(failpoints=case)
        assert result.status not in (0, sluice.CRASHED) and "adding fields to the schema" in result.err, result.err[-500:]
        check_right(lake, "delta")
        lake.run().ok()
        check_whole(lake, "delta")

    each([f"schema.{step}:1:enospc" for step in ("pre", "written", "synced")] + ["schema.written:2:eio"], fails)


def test_kill_while_columns_come(lab):
    """At random instants of a slow disk."""
    seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    chance = random.Random(seed)
    slow = "io.fsync:*:sleep=15,io.rename:*:sleep=15"
    whole_lake = lake_of(lab, "whole")
    began = time.monotonic()
    whole_lake.run(failpoints=slow).ok()
    whole = time.monotonic() - began
    kills = 0
    for number in range(6):
        lake = lake_of(lab, f"kill{number}")
        while True:
            running = lake.start(trigger="--available-now", failpoints=slow)
            time.sleep(chance.uniform(0.2, 0.9) * whole)
            if not running.is_running():
                running.wait().ok()
                break
            running.kill9()
            kills += 1
            check_right(lake, "delta")
            if chance.random() < 0.5:
                lake.run().ok()
                break
        check_whole(lake, "delta")
    assert kills >= 3, f"only {kills} kills in {whole:.1f} s runs"


def test_damaged_schema_file_is_told(lab):
    lake = lake_of(lab, "damaged")
    lake.run().ok()
    path = lake.file(".sluice", "schema", "1")
    with open(path, "r+b") as file:
        file.seek(30)
        file.write(b"X")
    result = lake.run()
    assert result.status not in (0, sluice.CRASHED) and f"`{path}` is damaged" in result.err, result.err[-500:]
