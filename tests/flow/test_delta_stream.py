"""Delta tables as streams: chains of tables in one file, tables of other engines, what stops a stream and how it goes on."""
import os
import random
import shutil
import signal
import time

from lib import delta, sluice, table
from lib.lab import Skip

REFUSED, CONFLICT, BAD_DATA = 78, 75, 1


# ---- chains: bronze, silver, gold ----

class Chain:
    """delta_chain.sql; records are the numbers 0, 1, .. and some empty ones."""

    def __init__(self, lab, files=2, limit=50, partitions=2):
        self.lab, self.topic, self.sent = lab, lab.topic(partitions), 0
        self.partitions = partitions
        self.lake = lab.lake(self.topic, pipeline="delta_chain.sql", limit=limit, files=files)
        self.bronze, self.silver, self.gold = (os.path.join(self.lake.dir, name) for name in ("bronze", "silver", "gold"))

    def send(self, count):
        numbers = range(self.sent, self.sent + count)
        records = [(n % self.partitions, None, b"" if n % 7 == 3 else str(n).encode()) for n in numbers]
        self.lab.broker.produce(self.topic, records)
        self.sent += count

    def checkpoint(self, name, *parts):
        return os.path.join(self.lake.dir, "c", name, *parts)

    def offsets(self, name):
        """The source's offset of each batch, as text."""
        found = []
        for batch in table.numbered(self.checkpoint(name, "offsets")):
            with open(self.checkpoint(name, "offsets", str(batch))) as text:
                found.append(text.read().split("\n")[2])
        return found

    def wanted(self):
        return [n for n in range(self.sent) if n % 7 != 3]

    def silver_ids(self):
        return sorted(row[0] for row in delta.rows(self.silver, "id"))

    def check(self, gold=True):
        assert len(delta.rows(self.bronze, "o")) == self.sent
        assert self.silver_ids() == self.wanted()
        if gold:
            assert sorted(delta.rows(self.gold, "id", "twice")) == [(n, 2 * n) for n in self.wanted() if n % 10 == 0]
        for name in ("bronze", "silver"):
            offsets, commits = (table.numbered(self.checkpoint(name, log)) for log in ("offsets", "commits"))
            assert offsets == commits == list(range(len(commits))), f"{name}: {offsets}, {commits}"


def test_chain_in_one_run(lab):
    """Every table is complete after one run, whatever the order in the file; a second run finds nothing to do."""
    chain = Chain(lab)
    sluice.run("validate", *chain.lake.args(trigger=None)[1:-2]).ok()
    chain.send(420)
    chain.lake.run().ok()
    chain.check()
    id_ = delta.actions(chain.bronze, "metaData")[0]["id"]
    offsets = chain.offsets("silver")
    last = len(delta.versions(chain.bronze))
    assert offsets[-1] == ('{"sourceVersion":1,"reservoirId":"%s","reservoirVersion":%d,"index":-1,"isStartingVersion":false}' % (id_, last))
    assert len(offsets) >= 4, "maxFilesPerTrigger has no effect"
    assert delta.commit(chain.bronze, 0)[0][1]["operation"] == "CREATE TABLE"
    before = [len(delta.versions(folder)) for folder in (chain.bronze, chain.silver)]
    chain.lake.run().ok()
    assert [len(delta.versions(folder)) for folder in (chain.bronze, chain.silver)] == before
    chain.send(77)
    chain.lake.run().ok()
    chain.check()


def test_chain_of_an_empty_topic(lab):
    chain = Chain(lab)
    chain.lake.run().ok()
    assert delta.rows(chain.bronze, "o") == delta.rows(chain.silver, "id") == []
    chain.send(20)
    chain.lake.run().ok()
    chain.check()


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def test_chain_without_end(lab):
    """Rows reach the end of the chain while it runs; it drains at a signal and goes on where it was."""
    chain = Chain(lab, files=1000)
    for _ in range(2):
        running = chain.lake.start()
        for _ in range(3):
            chain.send(30)
            until(lambda: os.path.isdir(chain.silver) and chain.silver_ids() == chain.wanted(), f"{chain.sent} records")
        running.signal(signal.SIGTERM)
        assert running.wait().status == 0
        chain.check(gold=False)
    chain.lake.run().ok()
    chain.check()


def test_chain_is_killed(lab):
    """Killed at random moments, with records coming in: in the end each is there once in every table."""
    seed = int(os.environ.get("SLUICE_SEED", "7"))
    print(f"seed {seed}")
    chance = random.Random(seed)
    chain = Chain(lab, files=1, limit=20)
    for _ in range(12):
        chain.send(chance.randrange(60))
        running = chain.lake.start(trigger="--available-now")
        time.sleep(chance.random() * 0.6)
        running.kill9()
    chain.lake.run().ok()
    chain.check()


def test_chain_crashes_between_its_tables(lab):
    """At each step of silver's protocol: offsets written, table committed, commits not written."""
    for point in ("offsets.named:2", "offsets.named:4", "delta.named:3", "delta.named:6", "commits.named:3", "read.mid:6"):
        chain = Chain(lab, files=1, limit=40)
        chain.send(160)
        chain.lake.run(failpoints=f"{point}:crash")
        chain.lake.run().ok()
        chain.check()
        shutil.rmtree(chain.lake.dir)


def test_circle_is_refused(lab):
    path = lab.write("circle.sql", """
CREATE STREAMING TABLE a USING delta LOCATION '/tmp/none/a' AS SELECT 1 AS x FROM STREAM b;
CREATE STREAMING TABLE b USING delta LOCATION '/tmp/none/b' AS SELECT 1 AS x FROM STREAM v;
CREATE VIEW v AS SELECT * FROM STREAM a;""")
    result = sluice.run("run", path, "--available-now")
    result.expect(REFUSED, "reads a table that is made, directly or through others, from")


# ---- tables of others ----

def delta_rs():
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    import pyarrow
    return delta.deltalake, pyarrow


class Foreign:
    """A table that delta-rs writes, and its stream into a table of ours."""

    def __init__(self, lab, name="lake", columns="n, k", form="delta", options=" ", by=None):
        self.deltalake, self.pa = delta_rs()
        self.source = lab.path(f"source-{name}")
        self.by = by
        self.lake = lab.lake(name=name, pipeline="delta_stream.sql", source=self.source, columns=columns, format=form, options=options)
        self.lake.variables.update(brokers="", topic="")

    def append(self, numbers, **more):
        data = {"n": list(numbers), "k": [f"k{n % 3}" for n in numbers]}
        data.update({name: [value] * len(data["n"]) for name, value in more.items()})
        self.deltalake.write_deltalake(self.source, self.pa.table(data), mode="append", partition_by=self.by,
                                       schema_mode="merge" if more else None)

    def run(self, *more, failpoints=None):
        variables = self.lake.variables
        sets = [arg for name in ("source", "columns", "format", "options") for arg in ("-s", f"{name}={variables[name]}")]
        return sluice.run("run", self.lake.pipeline, "-s", f"lake={self.lake.dir}", *sets, "--available-now", "--log-format", "text", *more,
                          failpoints=failpoints)

    def numbers(self):
        if self.lake.variables["format"] == "delta":
            return sorted(row[0] for row in delta.rows(self.lake.table, "n"))
        return sorted(row[0] for row in self.lake.rows("n"))


def test_stream_of_a_table_of_delta_rs(lab):
    foreign = Foreign(lab, by=["k"], form="parquet")
    foreign.append(range(10))
    foreign.append(range(10, 20))
    foreign.run().ok()
    assert foreign.numbers() == list(range(20))
    foreign.append(range(20, 30))
    foreign.run().ok()
    assert foreign.numbers() == list(range(30))
    assert sorted(row[0] for row in foreign.lake.rows("k")) == sorted(f"k{n % 3}" for n in range(30))
    assert foreign.lake.batches() == [0, 1]


def test_compaction_adds_nothing(lab):
    foreign = Foreign(lab)
    for n in range(5):
        foreign.append([n])
    foreign.run().ok()
    assert foreign.deltalake.DeltaTable(foreign.source).optimize.compact()["numFilesAdded"] == 1
    foreign.append([5])
    foreign.run().ok()
    assert foreign.numbers() == list(range(6))


def test_updates_and_deletes_stop_the_stream(lab):
    foreign = Foreign(lab)
    foreign.append(range(10))
    foreign.run().ok()
    foreign.deltalake.DeltaTable(foreign.source).delete("n = 3")
    foreign.append([10])
    foreign.run().expect(REFUSED, "DELTA_SOURCE_TABLE_IGNORE_CHANGES", "skipChangeCommits")
    assert foreign.numbers() == list(range(10))
    foreign.lake.variables["options"] = "WITH (skipChangeCommits = true)"
    foreign.run().ok()
    assert foreign.numbers() == list(range(11))
    foreign.deltalake.DeltaTable(foreign.source).delete()
    foreign.lake.variables["options"] = " "
    foreign.run().expect(REFUSED, "DELTA_SOURCE_IGNORE_DELETE", "ignoreDeletes")
    foreign.lake.variables["options"] = "WITH (ignoreDeletes = true)"
    foreign.append([11])
    foreign.run().ok()
    assert foreign.numbers() == list(range(12))


def test_new_columns_need_a_restart(lab):
    """While the query runs, it stops with a message that says so; started again, it goes on."""
    foreign = Foreign(lab, columns="n")
    foreign.append(range(3))
    foreign.run().ok()
    variables = foreign.lake.variables
    sets = [arg for name in ("source", "columns", "format", "options") for arg in ("-s", f"{name}={variables[name]}")]
    running = sluice.Running(["run", foreign.lake.pipeline, "-s", f"lake={foreign.lake.dir}", *sets, "--log-format", "text"])
    lab.running.append(running)
    foreign.append(range(3, 5))
    until(lambda: foreign.numbers() == list(range(5)), "five rows")
    foreign.append(range(5, 7), extra="x")
    running.wait().expect(CONFLICT, "DELTA_SCHEMA_CHANGED_WITH_VERSION", "column `extra`", "start the query again")
    foreign.run().ok()
    assert foreign.numbers() == list(range(7))


def test_table_made_anew_is_refused(lab):
    foreign = Foreign(lab)
    foreign.append(range(3))
    foreign.run().ok()
    shutil.rmtree(foreign.source)
    foreign.append(range(3))
    foreign.run().expect(REFUSED, "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE")


def test_lost_log_is_refused(lab):
    foreign = Foreign(lab)
    foreign.append([0])
    foreign.run().ok()
    for n in range(1, 6):
        foreign.append([n])
    foreign.deltalake.DeltaTable(foreign.source).create_checkpoint()
    for version in range(5):
        os.unlink(os.path.join(foreign.source, "_delta_log", f"{version:020}.json"))
    foreign.run().expect(BAD_DATA, "DELTA_MISSING_FILES_UNEXPECTED_VERSION", "failOnDataLoss")
    foreign.lake.variables["options"] = "WITH (failOnDataLoss = false)"
    foreign.run().ok()
    assert foreign.numbers() == [0, 5]


def test_starting_options(lab):
    for number, (options, want) in enumerate({
            "WITH (startingVersion = 1)": [1, 2], "WITH (startingVersion = 'latest')": [],
            "WITH (startingTimestamp = '2020-01-01')": [0, 1, 2], "WITH (excludeRegex = '.')": []}.items()):
        foreign = Foreign(lab, name=f"lake{number}", options=options)
        for n in range(3):
            foreign.append([n])
        foreign.run().ok()
        have = foreign.numbers() if delta.versions(foreign.lake.table) else []
        assert have == want, f"{options}: {have}"
    for number, (options, text) in enumerate({
            "WITH (startingVersion = 9)": "DELTA_VERSION_NOT_FOUND", "WITH (startingTimestamp = '2999-01-01')": "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
            "WITH (maxFilesPerTriger = 9)": "did you mean `maxFilesPerTrigger`", "WITH (versionAsOf = 0)": "startingVersion"}.items()):
        foreign = Foreign(lab, name=f"refused{number}", options=options)
        foreign.append([0])
        foreign.run().expect(REFUSED, text)


def test_two_streams_of_one_table(lab):
    """Two queries of a file read the same table at their own pace, one of them through a filter on the partition."""
    foreign = Foreign(lab, by=["k"])
    foreign.append(range(30))
    foreign.append(range(30, 60))
    path = lab.write("two.sql", f"""
CREATE STREAMING TABLE all_rows USING delta LOCATION '{lab.path("all")}' TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c1")}')
AS SELECT n FROM STREAM delta.`{foreign.source}` WITH (maxFilesPerTrigger = 1);
CREATE STREAMING TABLE some USING delta LOCATION '{lab.path("some")}' TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c2")}')
AS SELECT n, k FROM STREAM delta.`{foreign.source}` WHERE k = 'k1';""")
    for upto in (60, 90):
        sluice.run("run", path, "--available-now").ok()
        assert sorted(n for n, in delta.rows(lab.path("all"), "n")) == list(range(upto))
        assert sorted(n for n, in delta.rows(lab.path("some"), "n")) == [n for n in range(upto) if n % 3 == 1]
        foreign.append(range(60, 90))


# ---- several queries, one read ----

def sharing(lab, files, names, shared="true"):
    """A pipeline of tables that read `bronze`; `odd` has a rule, and letters."""
    rule = "(CONSTRAINT even EXPECT (o % 2 = 0) ON VIOLATION DROP ROW)"
    text = f"SET sluice.sharedReads = {shared};\nCREATE STREAMING TABLE bad USING delta LOCATION '{lab.path('bad')}';\n"
    for name in names:
        with_rule = name == "odd"
        text += f"""CREATE STREAMING TABLE {name} {rule if with_rule else ''} USING delta LOCATION '{lab.path(name)}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path('c-' + name)}'{", 'sluice.quarantine' = 'bad'" if with_rule else ''})
AS SELECT p, o FROM STREAM delta.`{lab.path('bronze')}` WITH (maxFilesPerTrigger = {files});\n"""
    return lab.write("sharing.sql", text)


def reads_of(result):
    """How many queries have read anything themselves."""
    timed = [float(line.split()[1]) for line in result.ok().err.splitlines() if line.strip().startswith("read ")]
    return sum(ns > 0 for ns in timed)


def test_one_read_of_a_delta_table_for_two_tables(lab):
    """A snapshot in the middle, a query that is new, and letters of what another query's source has read."""
    topic = lab.topic(2)
    bronze = lab.write("bronze.sql", f"""CREATE STREAMING TABLE bronze USING delta LOCATION '{lab.path('bronze')}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path('c-bronze')}') AS SELECT partition AS p, offset AS o
FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest',
maxOffsetsPerTrigger => 40);""")

    def more(count):
        lab.broker.produce(topic, [(i % 2, None, b"%d" % i) for i in range(count)])
        sluice.run("run", bronze, "--available-now").ok()

    def check(*names):
        want = sorted(delta.rows(lab.path("bronze"), "p", "o"))
        for name in names:
            kept = [row for row in want if row[1] % 2 == 0] if name == "odd" else want
            assert sorted(delta.rows(lab.path(name), "p", "o")) == kept, name

    more(200)
    assert reads_of(sluice.run("run", sharing(lab, 2, ["odd", "all"]), "--available-now", "--profile")) == 1
    check("odd", "all")
    assert len(delta.rows(lab.path("bad"), "value")) == 100
    more(200)
    assert reads_of(sluice.run("run", sharing(lab, 2, ["all", "odd"]), "--available-now", "--profile")) == 1
    check("odd", "all")
    more(100)  # `late` begins in a snapshot, the others behind it; they meet
    sluice.run("run", sharing(lab, 1, ["all"]), "--available-now", "--max-batches", "1").ok()
    sluice.run("run", sharing(lab, 3, ["late"]), "--available-now", "--max-batches", "1").ok()
    sluice.run("run", sharing(lab, 1, ["all", "odd", "late"]), "--available-now").ok()
    check("odd", "all", "late")
    more(100)
    assert reads_of(sluice.run("run", sharing(lab, 1, ["all", "odd", "late"]), "--available-now", "--profile")) == 1
    check("odd", "all", "late")
    more(50)
    assert reads_of(sluice.run("run", sharing(lab, 1, ["all", "odd"], "false"), "--available-now", "--profile")) == 2
    check("odd", "all")
