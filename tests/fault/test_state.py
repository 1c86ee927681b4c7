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
OTHERS = {  # what else remembers, in the same columns
    "sessions": "SELECT session_window.start AS b, k, count(*) AS n, sum(v) AS s FROM events GROUP BY session_window(ts, '4 minutes'), k",
    "first": "SELECT ts AS b, k, CAST(v AS BIGINT) AS n, length(id) AS s FROM (SELECT * FROM events DEDUPLICATE BY (id) WITHIN WATERMARK)",
    "outer": """SELECT e.ts AS b, e.k, CAST(e.v AS BIGINT) AS n, CAST(r.v AS BIGINT) AS s FROM events AS e LEFT JOIN replies AS r
                ON e.id = r.id AND r.ts BETWEEN e.ts AND e.ts + INTERVAL 3 MINUTES""",
    "chain": """SELECT window.start AS b, k, sum(n) AS n, sum(s) AS s FROM
                (SELECT window AS w, k, count(*) AS n, sum(v) AS s FROM (SELECT * FROM events DEDUPLICATE BY (id, ts)) GROUP BY window(ts, '1 minute'), k)
                GROUP BY window(w, '5 minutes'), k""",
}


def events(number):
    """A minute of events per file; every third is late by up to a quarter of an hour, every fourth repeats an id."""
    rng = random.Random(number)
    for i in range(ROWS):
        minute = number - (rng.randrange(16) if i % 3 == 0 else 0)
        yield {"id": f"e{number}-{i}" if i % 4 else f"e{max(number - 1, 0)}-1", "k": i % 5, "v": rng.randrange(100),
               "ts": f"2025-12-15T{9 + minute // 60:02}:{minute % 60:02}:{rng.randrange(60):02}Z" if minute >= 0 else "2025-12-15T08:59:00Z"}


def replies(number):
    """To every other event, a few minutes later: some too late for the join. Every fourth file has none."""
    for event in events(number - 2) if number % 4 else ():
        if int(event["id"].rsplit("-", 1)[1]) % 2:
            yield {**event, "v": number, "ts": event["ts"][:14] + f"{min(int(event['ts'][14:16]) + number % 5, 59):02}" + event["ts"][16:]}


class Query:
    def __init__(self, lab, name, select=WINDOWS, count=FILES):
        self.lab, name = lab, name.replace(":", "-").replace(",", "+")
        self.input, self.replies, self.table, self.checkpoint = (lab.path(name, part) for part in ("in", "re", "t", "c"))
        self.sql, self.select = lab.path(name, "p.sql"), select
        for folder, make in ((self.input, events), (self.replies, replies)):
            for number in range(count):
                path = files.write(os.path.join(folder, f"{number:03}.json"), "".join(json.dumps(event) + "\n" for event in make(number)))
                os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
        self.save(select)

    def save(self, select=WINDOWS):
        relations = ", ".join(
            f"{name} AS (SELECT * FROM {files.relation('json', folder, {'schema': SCHEMA, 'maxFilesPerTrigger': 1}, stream=True)} "
            "WATERMARK ts DELAY OF INTERVAL 5 MINUTES)"
            for name, folder in (("events", self.input), ("replies", self.replies)))
        with open(self.sql, "w") as file:
            file.write(f"""CREATE STREAMING TABLE t USING parquet LOCATION '{self.table}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{self.checkpoint}')
AS WITH {relations} {select};
""")

    def run(self, *more, failpoints=None):
        return sluice.run("run", self.sql, "--available-now", *more, failpoints=failpoints)

    def rows(self, columns=COLUMNS):
        return sorted(table.rows_of(self.table, table.files_by_log(self.table), columns), key=repr)

    def state(self, *names):
        return os.path.join(self.checkpoint, ".sluice/state", *names)


def undisturbed(lab, select=WINDOWS, count=FILES):
    key = select, count
    if key not in lab.cache:
        query = Query(lab, f"undisturbed {len(lab.cache)}", select, count)
        query.run().ok()
        lab.cache[key] = query.rows()
        assert len(lab.cache[key]) > count / 2
    return lab.cache[key]


def killed(lab, *failpoints, select=WINDOWS, count=FILES):
    """Each start is killed by its failpoint, but the last."""
    want = undisturbed(lab, select, count)
    query = Query(lab, f"{select[:40]} {'+'.join(failpoints)}".replace("/", ""), select, count)
    for failpoint in failpoints:
        result = query.run(failpoints=failpoint)
        assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    query.run().ok()
    have = query.rows()
    assert have == want, f"other rows than without the crash: {[row for row in have if row not in want][:3]} instead of {[row for row in want if row not in have][:3]}"
    left = [name for _, _, names in os.walk(query.checkpoint) for name in names if name.endswith(".tmp")]
    assert not left, f"temporaries stay: {left}"


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


def test_kill_whatever_remembers(lab):
    """One step inside and one behind each publication of a batch in the middle and of the last ones."""
    points = ["state.changes.written", "state.saved", "watermark.named", "intents.named", "rows.committed", "commits.pre", "batch.committed", "read.mid"]
    cases = [(name, f"{point}:{nth}:crash") for name in OTHERS for point in points for nth in (5, 14)]
    for name in OTHERS:
        undisturbed(lab, OTHERS[name], 14)
    each(cases, lambda case: killed(lab, case[1], select=OTHERS[case[0]], count=14))


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
    changes = [("another value", "42K06", WINDOWS.replace("sum(v) AS s", "CAST(avg(v) AS BIGINT) AS s")),
               ("another key", "42K06", WINDOWS.replace(" k,", " CAST(CAST(k AS STRING) AS INT) AS k,").replace(", k", ", CAST(k AS STRING)")),
               ("no state", "42K03", "SELECT ts AS b, k, 1L AS n, v AS s FROM events")]
    for name, state, select in changes:
        query = stopped_half_way(lab, name)
        query.save(select)
        query.run().expect(78, state)
