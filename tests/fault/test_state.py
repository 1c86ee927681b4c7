"""A query that remembers is killed at every step, or refused a write: after a restart its windows are those of a run
that nobody disturbed. State that is missing, damaged or of another query is refused by name."""
import collections
import json
import os
import random
import shutil
import time

from fault.test_crash import PUT_STEPS, each
from lib import delta, files, sluice, table

FILES, ROWS = 40, 12  # a file is a batch; snapshots are due from the 32nd version on
SCHEMA = "id STRING, k INT, ts TIMESTAMP, v INT"
COLUMNS = ["b", "k", "n", "s"]
WINDOWS = "SELECT window.start AS b, k, count(*) AS n, sum(v) AS s FROM events GROUP BY window(ts, '5 minutes'), k"
OTHERS = {  # what else remembers, in the same columns
    "sessions": "SELECT session_window.start AS b, k, count(*) AS n, sum(v) AS s FROM events GROUP BY session_window(ts, '20 seconds'), k",
    "first": "SELECT ts AS b, k, CAST(v AS BIGINT) AS n, length(id) AS s FROM (SELECT * FROM events DEDUPLICATE BY (id) WITHIN WATERMARK)",
    "limit": "SELECT k, ts AS b, CAST(v AS BIGINT) AS n, length(id) AS s FROM events LIMIT 100",
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


PARQUET = "CREATE STREAMING TABLE t USING parquet LOCATION '{table}' TBLPROPERTIES ('sluice.checkpointLocation' = '{checkpoint}') AS"
DELTA = PARQUET.replace("parquet", "delta").replace("TBLPROPERTIES (", "TBLPROPERTIES ('sluice.outputMode' = 'complete', ")


class Query:
    def __init__(self, lab, name, select=WINDOWS, count=FILES, into=PARQUET, before=""):
        self.lab, name = lab, name.replace(":", "-").replace(",", "+")
        self.input, self.replies, self.table, self.checkpoint = (lab.path(name, part) for part in ("in", "re", "t", "c"))
        self.sql, self.into, self.before = lab.path(name, "p.sql"), into, before
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
            file.write(f"{self.before}\n{self.into.format(table=self.table, checkpoint=self.checkpoint)} WITH {relations} {select};\n")

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
        assert len(lab.cache[key]) > count / 2, f"{select}: {lab.cache[key]}"
    return lab.cache[key]


def killed(lab, *failpoints, select=WINDOWS, count=FILES, always=None):
    """Each start is killed by its failpoint, but the last. always: a failpoint of every start."""
    want = undisturbed(lab, select, count)
    query = Query(lab, f"{select[:40]} {'+'.join(failpoints)} {always or ''}".replace("/", "").replace("*", ""), select, count)
    for failpoint in failpoints:
        result = query.run(failpoints=f"{always},{failpoint}" if always else failpoint)
        assert result.status == sluice.CRASHED, f"{failpoint} did not kill it: status {result.status} {result.err[-300:]}"
    query.run(failpoints=always).ok()
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
              "rows.committed:1", "rows.committed:9", "commits.pre:2", "commits.named:3", "batch.committed:5", "offsets.named:6", "read.mid:4",
              "offsets.named:1", "read.mid:1"]  # before there is any state
    each([f"{point}:crash" for point in points], lambda case: killed(lab, case))


def test_kill_whatever_remembers(lab):
    """One step inside and one behind each publication of a batch in the middle and of the last ones."""
    points = ["state.changes.written", "state.saved", "watermark.named", "intents.named", "rows.committed", "commits.pre", "batch.committed", "read.mid"]
    cases = [(name, f"{point}:{nth}:crash") for name in OTHERS for point in points for nth in (5, 14)]
    for name in OTHERS:
        undisturbed(lab, OTHERS[name], 14)
    each(cases, lambda case: killed(lab, case[1], select=OTHERS[case[0]], count=14))


CROWDED = "state.crowded:*:enospc"  # no shard has room in memory: all rows wait on disk, and shards are loaded in turns


def test_kill_while_state_is_on_disk(lab):
    points = ["read.mid:5", "state.changes.written:5", "state.saved:5", "rows.committed:5", "batch.committed:5"]
    every = dict(OTHERS, windows=WINDOWS)
    for select in every.values():
        undisturbed(lab, select, 14)
    each([(name, f"{point}:crash") for name in every for point in points], lambda case: killed(lab, case[1], select=every[case[0]], count=14, always=CROWDED))
    killed(lab, "state.snapshot.named:2:crash", always=CROWDED)


def test_rows_that_wait_cannot_be_written(lab):
    """A full disk fails the batch; with room it runs again, to the same rows."""
    query = Query(lab, "no room to wait")
    query.run(failpoints=f"{CROWDED},spill.write:9:enospc").expect(1, "rows that wait for memory", "No space left", query.checkpoint)
    query.run("--max-batches", "7", failpoints=CROWDED).ok()
    query.run().ok()  # and with memory again
    assert query.rows() == undisturbed(lab)
    assert not [name for _, _, names in os.walk(query.checkpoint) for name in names if "scratch" in name]


def test_kill_again_and_again(lab):
    """Two crashes in the same batch, behind and before its commit, and in what a restart does."""
    cases = [("state.saved:5", "state.changes.named:1", "watermark.pre:1"), ("state.changes.synced:9", "intents.pre:1", "rows.committed:1"),
             ("rows.committed:6", "commits.pre:1", "state.changes.written:1"), ("intents.named:8", "recover.redo:1", "commits.named:1"),
             ("state.snapshot.named:2", "state.snapshot.pre:1", "state.saved:1")]
    undisturbed(lab)
    each(cases, lambda case: killed(lab, *[f"{point}:crash" for point in case]))
    undisturbed(lab, OTHERS["outer"], 14)
    each(cases[:4], lambda case: killed(lab, *[f"{point}:crash" for point in case], select=OTHERS["outer"], count=14))


def test_kill_at_random_instants(lab):
    rng = random.Random(int(os.environ.get("SLUICE_SEED", "5")))
    for select in (WINDOWS, OTHERS["outer"]):
        want = undisturbed(lab, select)
        query = Query(lab, f"random {len(select)}", select)
        for _ in range(12):
            running = sluice.Running(["run", query.sql, "--available-now"])
            time.sleep(rng.uniform(0.02, 0.3))
            running.kill9()
        query.run("--workers", "1").ok()
        assert query.rows() == want, "other rows than without the kills"


def test_kill_while_all_groups_are_written(lab):
    """Complete mode: each version of the table has the groups of a number of whole files; the last one all."""
    select = "SELECT k, count(*) AS n, sum(v) AS s FROM events GROUP BY k"

    def check(case):
        query = Query(lab, case, select, count=6, into=DELTA)
        assert query.run(failpoints=case).status == sluice.CRASHED
        query.run().ok()
        want = collections.Counter(event["k"] for number in range(6) for event in events(number))
        assert sorted(delta.rows(query.table, "k", "n")) == sorted(want.items())
        assert len(delta.versions(query.table)) == 6, "a batch is a version"
    each([f"{point}:3:crash" for point in ("state.changes.named", "state.saved", "delta.pre", "delta.named", "rows.committed", "commits.pre")], check)


def test_kill_while_windows_go_to_kafka(lab):
    """A reader of committed records finds each window once, with the sums of a run that nobody disturbed."""
    want = [(f"{row[0].isoformat()[:19]} {row[1]}", f"{row[2]} {row[3]}") for row in undisturbed(lab, count=14)]
    select = f"""SELECT concat_ws(' ', date_format(b, "yyyy-MM-dd'T'HH:mm:ss"), k) AS key, concat_ws(' ', n, s) AS value FROM ({WINDOWS})"""

    def check(case):
        topic = lab.topic(2)
        query = Query(lab, case, select, count=14, into="CREATE FLOW f AS INSERT INTO out BY NAME")
        query.before = (f"CREATE SINK out USING kafka OPTIONS ('kafka.bootstrap.servers' = '{lab.broker.address}', topic = '{topic}', "
                        f"'checkpointLocation' = '{query.checkpoint}');")
        query.save(select)
        assert query.run(failpoints=case).status == sluice.CRASHED
        query.run().ok()
        have = sorted((message.key().decode(), message.value().decode()) for message in lab.broker.read(topic, True).values())
        assert have == sorted(want), f"{len(have)} windows, want {len(want)}"
    lab.broker  # started before the threads ask for it
    each([f"{point}:crash" for point in ("state.changes.named:6", "state.saved:7", "kafka_sink.produced:5", "kafka_sink.flushed:3",
                                         "kafka_sink.committed:7", "commits.pre:8")], check)


def test_letters_above_a_deduplication(lab):
    """Of equal ids in two partitions one fails above the deduplication, or both do: whichever is the first, a batch that
    runs again says the same, so each record is a row or a letter once, and late ones are letters once."""
    topic, path = lab.topic(2), lab.path("letters")
    base = 9 * 60
    at = lambda i: base + i // 10 - (30 if i % 17 == 5 and i > 100 else 0)  # noqa: E731
    lab.broker.produce(topic, [(i % 2, None, json.dumps({"id": f"i{i - i % 2}", "v": 0 if i % 11 in (3, 4) else i,
                                                         "ts": f"2025-12-15T{at(i) // 60:02}:{at(i) % 60:02}:{i % 60:02}Z"})) for i in range(600)])

    def run(name, *failpoints):
        folder, sql = os.path.join(path, name), os.path.join(path, name, "p.sql")
        files.write(sql, f"""CREATE STREAMING TABLE bad USING delta LOCATION '{folder}/bad';
CREATE STREAMING TABLE t USING delta LOCATION '{folder}/t' TBLPROPERTIES ('sluice.checkpointLocation' = '{folder}/c',
  'sluice.quarantine' = 'bad', 'sluice.lateRows' = 'quarantine', 'sluice.quarantine.maxRatio' = '1') AS
WITH parsed AS (SELECT from_json(CAST(value AS STRING), 'id STRING, v INT, ts TIMESTAMP') AS e
           FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest', maxOffsetsPerTrigger => 150))
SELECT id, v, 1000 / v AS share FROM (SELECT e.* FROM parsed) WATERMARK ts DELAY OF INTERVAL 10 MINUTES DEDUPLICATE BY (id) WITHIN WATERMARK;
""")
        for failpoint in failpoints:
            assert sluice.run("run", sql, "--available-now", failpoints=failpoint + ":crash").status == sluice.CRASHED, failpoint
        sluice.run("run", sql, "--available-now").ok()
        return sorted(delta.rows(f"{folder}/t", "id", "v")), sorted(delta.rows(f"{folder}/bad", "partition", "offset", "kind"))

    rows, letters = want = run("undisturbed")
    kinds = collections.Counter(kind for _, _, kind in letters)
    assert len(rows) > 200 and kinds["late"] > 2 and kinds["evaluation"] > 10, kinds

    def check(case):
        assert run("+".join(case).replace(":", "-"), *case) == want
    each([("letters.committed:1",), ("letters.committed:2",), ("letters.named:2",), ("rows.committed:2",), ("state.saved:3",), ("commits.pre:3",),
          ("letters.committed:3", "state.saved:1", "rows.committed:1")], check)


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


def test_restored_checkpoint(lab):
    """A copy made at batch 5 comes back at batch 9, whole or a part of it: refused, but for what is redone. No row is lost
    or there twice."""
    whys = {"": "the checkpoint has planned only up to batch 4", ".sluice/state": "version 9 of the state is needed", "offsets": "has no offsets/8",
            ".sluice": "version 9 of the state is needed", "commits": None}

    def check(case):
        select, part = case
        query = Query(lab, f"{select[:12]} {part}".replace("/", ""), select, count=14)
        query.run("--max-batches", "5").ok()
        shutil.copytree(query.checkpoint, query.checkpoint + "5")
        query.run("--max-batches", "4", "--workers", "1").ok()
        before = query.rows()
        shutil.rmtree(os.path.join(query.checkpoint, part))
        shutil.copytree(os.path.join(query.checkpoint + "5", part), os.path.join(query.checkpoint, part))
        if whys[part]:
            # without its state or its record of each clause: whichever is looked for first
            why = "watermark has no record of batch 8" if part == ".sluice" and "JOIN" in select else whys[part]
            query.run().expect(78, why)
            assert query.rows() == before
        else:
            query.run().ok()
            assert query.rows() == undisturbed(lab, select, 14)
    selects = WINDOWS, OTHERS["outer"]
    for select in selects:
        undisturbed(lab, select, 14)
    each([(select, part) for select in selects for part in whys], check)


def test_old_versions_go(lab):
    """With two batches kept, the directory of the state stays small however long the query runs, and a restart finds what it needs."""
    query = Query(lab, "purge", WINDOWS, count=120, before="SET spark.sql.streaming.minBatchesToRetain = 2;")
    counts = []
    for _ in range(2):
        query.run("--max-batches", "60").ok()
        counts.append(len(os.listdir(query.state("0"))))
    query.run("--workers", "1").ok()
    assert query.rows() == undisturbed(lab, WINDOWS, 120)
    assert max(counts) < 80 and len(os.listdir(os.path.join(query.checkpoint, "offsets"))) < 8, counts


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


def test_a_query_changed_before_its_first_commit_goes_on(lab):
    """What a broken first batch of another form of the query left is nobody's state."""
    plain = "SELECT ts AS b, k, 1L AS n, CAST(v AS BIGINT) AS s FROM events"
    for name, select in (("fewer", WINDOWS), ("none", plain)):
        query = Query(lab, "changed " + name, OTHERS["chain"])
        assert query.run(failpoints="state.saved:1:crash").status == sluice.CRASHED
        assert sorted(os.listdir(query.state())) == ["0", "1", "2"]
        query.save(select)
        query.run().ok()
        assert os.listdir(query.state()) == (["0"] if name == "fewer" else [])
        assert name == "none" or query.rows(COLUMNS) == undisturbed(lab)
