"""A query that remembers is killed at every step, or refused a write: after a restart its windows are those of a run
that nobody disturbed. State that is missing, damaged or of another query is refused by name."""
import json
import os
import random
import shutil

from fault.test_crash import PUT_STEPS, each
from lib import files, sluice, table

FILES, ROWS = 40, 12  # a file is a batch; snapshots are due from the 32nd version on
SCHEMA = "id STRING, k INT, ts TIMESTAMP, v INT"
COLUMNS = ["b", "k", "n", "s"]
WINDOWS = "SELECT window.start AS b, k, count(*) AS n, sum(v) AS s FROM events GROUP BY window(ts, '5 minutes'), k"


def events(number):
    """A minute of events per file; every third is late by up to a quarter of an hour, every fourth repeats an id."""
    rng = random.Random(number)
    for i in range(ROWS):
        minute = number - (rng.randrange(16) if i % 3 == 0 else 0)
        yield {"id": f"e{number}-{i}" if i % 4 else f"e{max(number - 1, 0)}-1", "k": i % 5, "v": rng.randrange(100),
               "ts": f"2025-12-15T{9 + minute // 60:02}:{minute % 60:02}:{rng.randrange(60):02}Z" if minute >= 0 else "2025-12-15T08:59:00Z"}


class Query:
    def __init__(self, lab, name, select=WINDOWS):
        self.lab, name = lab, name.replace(":", "-").replace(",", "+")
        self.input, self.table, self.checkpoint = (lab.path(name, part) for part in ("in", "t", "c"))
        self.sql = lab.path(name, "p.sql")
        os.makedirs(self.input)
        for number in range(FILES):
            path = files.write(os.path.join(self.input, f"{number:03}.json"), "".join(json.dumps(event) + "\n" for event in events(number)))
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
        self.save(select)

    def save(self, select=WINDOWS):
        source = files.relation("json", self.input, {"schema": SCHEMA, "maxFilesPerTrigger": 1}, stream=True)
        with open(self.sql, "w") as file:
            file.write(f"""CREATE STREAMING TABLE t USING parquet LOCATION '{self.table}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{self.checkpoint}')
AS WITH events AS (SELECT * FROM {source} WATERMARK ts DELAY OF INTERVAL 5 MINUTES) {select};
""")

    def run(self, *more, failpoints=None):
        return sluice.run("run", self.sql, "--available-now", *more, failpoints=failpoints)

    def rows(self, columns=COLUMNS):
        return sorted(table.rows_of(self.table, table.files_by_log(self.table), columns), key=repr)

    def state(self, *names):
        return os.path.join(self.checkpoint, ".sluice/state", *names)


def undisturbed(lab):
    if "state" not in lab.cache:
        query = Query(lab, "undisturbed")
        query.run().ok()
        lab.cache["state"] = query.rows()
        assert len(lab.cache["state"]) > 30
    return lab.cache["state"]


def killed(lab, failpoint):
    want = undisturbed(lab)
    query = Query(lab, failpoint)
    result = query.run(failpoints=failpoint)
    assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    query.run().ok()
    assert query.rows() == want, "other windows than without the crash"


def test_kill_while_state_is_written(lab):
    undisturbed(lab)
    each([f"state.changes.{step}:{nth}:crash" for step in PUT_STEPS for nth in (1, 2, 20, 36)], lambda case: killed(lab, case))


def test_kill_in_snapshots(lab):
    undisturbed(lab)
    each([f"state.snapshot.{step}:{nth}:crash" for step in PUT_STEPS for nth in (1, 3)], lambda case: killed(lab, case))


def test_kill_between_state_and_commit(lab):
    undisturbed(lab)
    points = ["state.saved:1", "state.saved:7", "watermark.pre:2", "watermark.written:3", "watermark.named:4", "intents.pre:2", "intents.named:3",
              "rows.committed:1", "rows.committed:9", "commits.pre:2", "commits.named:3", "batch.committed:5", "offsets.named:6", "read.mid:4"]
    each([f"{point}:crash" for point in points], lambda case: killed(lab, case))


def test_state_cannot_be_written(lab):
    want = undisturbed(lab)

    def refused(case):
        query = Query(lab, case)
        query.run(failpoints=case).expect(1, "state")
        query.run().ok()
        assert query.rows() == want
    each([f"state.{what}.{step}:{nth}:enospc" for what, nth in (("changes", 1), ("changes", 12), ("snapshot", 1)) for step in PUT_STEPS[1:3]], refused)


def stopped_half_way(lab, name):
    query = Query(lab, name)
    query.run("--max-batches", "10").ok()
    return query


def test_missing_state_is_refused(lab):
    query = stopped_half_way(lab, "missing")
    shutil.rmtree(query.state())
    query.run().expect(78, "stateful operators")
    query = stopped_half_way(lab, "one")
    os.remove(query.state("0", "7.changes"))
    query.run().expect(78, "7 is missing", "version 10 of the state is needed")


def test_damaged_state_is_refused(lab):
    query = stopped_half_way(lab, "damaged")
    with open(query.state("0", "9.changes"), "r+b") as file:
        file.seek(-60, os.SEEK_END)
        byte = file.read(1)
        file.seek(-60, os.SEEK_END)
        file.write(bytes([byte[0] ^ 4]))
    query.run().expect(1, "9.changes", "checksum")


def test_a_changed_query_is_refused(lab):
    changes = [("another value", "42K06", WINDOWS.replace("sum(v) AS s", "avg(v) AS s")),
               ("another key", "42K06", WINDOWS.replace(" k,", " CAST(k AS STRING) AS k,").replace(", k", ", CAST(k AS STRING)")),
               ("no state", "42K03", "SELECT ts AS b, k, 1L AS n, v AS s FROM events")]
    for name, state, select in changes:
        query = stopped_half_way(lab, name)
        query.save(select)
        query.run().expect(78, state)
