"""A query without an end lives through an outage: its source, its sink or its disk is away for a moment, in the middle of
a batch. The same process runs the batch again, with what it remembers as it was before, and the rows are those of a run
that nobody disturbed."""
import os
import re
import signal
import time

from fault.test_crash import each
from fault.test_errors import mount_tmpfs
from fault.test_state import DELTA, OTHERS, PARQUET, WINDOWS, Query, undisturbed
from lib import delta, process, sluice
from lib.lab import Skip

COUNT = 14
KINDS = {"windows": WINDOWS, **OTHERS}
STARTED = "trying again until it works"
OVER = "it works again"


def batches_of(lab, select):
    """How many batches a run makes, those without rows with them."""
    key = "batches", select
    if key not in lab.cache:
        query = Query(lab, f"counted {len(lab.cache)}", select, COUNT)
        query.run().ok()
        lab.cache[key] = len([name for name in os.listdir(os.path.join(query.checkpoint, "commits")) if name.isdigit()])
        lab.cache[select, COUNT] = query.rows()
    return lab.cache[key]


def prepare(lab, *selects):
    for select in selects:
        batches_of(lab, select)


def outlived(lab, select, failpoints, into=PARQUET, rows=None):
    """A run in one process that meets the failpoints; it must say that it waits, and that it works again."""
    points = failpoints.split(",")
    query = Query(lab, f"{select[:30]} {failpoints}".replace("/", "").replace("*", "x"), select, COUNT, into)
    result = sluice.run("run", query.sql, "--max-batches", str(batches_of(lab, select)), failpoints=failpoints).ok()
    assert STARTED in result.err and OVER in result.err, f"it did not wait: {result.err[-400:]}"
    assert result.err.count(STARTED) <= len(points), result.err
    have, want = (rows or query.rows)(), undisturbed(lab, select, COUNT)
    if rows is None:
        assert have == want, (f"other rows than without the outage: {[row for row in have if row not in want][:3]} "
                              f"instead of {[row for row in want if row not in have][:3]}")
    left = [name for _, _, names in os.walk(query.checkpoint) for name in names if name.endswith(".tmp")]
    assert not left, f"temporaries stay: {left}"
    sluice.run("run", query.sql, "--available-now").ok()
    assert rows or query.rows() == want, "other rows behind a restart"
    return query


def test_source_away_in_the_middle(lab):
    """Half the rows of a batch are in memory when it breaks off, once and several times in a row."""
    prepare(lab, *KINDS.values())
    points = ["read.mid:1", "read.mid:6", "read.mid:11", "read.mid:7:ehostunreach,read.mid:8:ehostunreach,read.mid:9"]
    each([(select, f"{point}:ehostunreach") for select in KINDS.values() for point in points], lambda case: outlived(lab, *case))


def test_disk_full_while_state_is_saved(lab):
    prepare(lab, *KINDS.values())
    points = ["state.changes.written:6", "state.changes.named:5", "state.changes.dirsynced:7", "state.saved:1", "state.saved:8", "watermark.written:6",
              "watermark.dirsynced:4"]
    each([(select, f"{point}:enospc") for select in KINDS.values() for point in points], lambda case: outlived(lab, *case))


def test_disk_full_in_the_protocol(lab):
    """Before, inside and behind the commit point, and where it is not known whether a file is there."""
    prepare(lab, *KINDS.values())
    points = ["offsets.written:6", "offsets.dirsynced:6", "intents.written:4", "intents.named:4", "intents.dirsynced:4", "publish.rename:2", "marker.written:3",
              "manifest.written:4", "manifest.dirsynced:5", "rows.committed:6", "commits.written:6", "commits.named:7", "batch.committed:5"]
    cases = [(select, f"{point}:enospc") for select in (WINDOWS, OTHERS["outer"]) for point in points]
    cases += [(OTHERS[kind], f"{point}:enospc") for kind in ("sessions", "first", "chain") for point in ("intents.named:4", "rows.committed:6")]
    each(cases, lambda case: outlived(lab, *case))


def test_full_for_long(lab):
    """The disk is full for several tries, also for the start that each of them is; quota counts as well."""
    prepare(lab, WINDOWS)
    tries = ["rows.committed:5:enospc,commits.written:5:enospc,commits.written:6:enospc", "state.saved:4:edquot,state.changes.written:5:edquot,read.mid:6:ehostunreach",
             "intents.named:3:enospc,publish.rename:2:enospc,manifest.written:3:enospc"]
    each(tries, lambda case: outlived(lab, WINDOWS, case))


def test_snapshots_on_a_full_disk(lab):
    """Shards whole are due at different versions; the one that failed is written again."""
    query = Query(lab, "snapshot", WINDOWS)
    point = ",".join(f"state.snapshot.{step}:{nth}:enospc" for step, nth in (("written", 1), ("named", 3)))
    result = sluice.run("run", query.sql, "--max-batches", "40", failpoints=point).ok()
    assert result.err.count(STARTED) == 2, result.err
    query.run().ok()
    assert query.rows() == undisturbed(lab)


def test_all_groups_in_a_delta_table(lab):
    """Complete mode: each version has the groups of whole files, whatever broke off."""
    import collections

    from fault.test_state import events
    select = "SELECT k, count(*) AS n, sum(v) AS s FROM events GROUP BY k"

    def check(point):
        query = Query(lab, f"delta {point}", select, 6, DELTA)
        result = sluice.run("run", query.sql, "--max-batches", "6", failpoints=point).ok()
        assert STARTED in result.err and OVER in result.err, result.err[-400:]
        want = collections.Counter(event["k"] for number in range(6) for event in events(number))
        assert sorted(delta.rows(query.table, "k", "n")) == sorted(want.items())
        assert len(delta.versions(query.table)) == 6, "a batch is a version"
    each(["read.mid:3:ehostunreach", "state.saved:3:enospc", "delta.written:3:enospc", "delta.synced:3:enospc", "rows.committed:4:enospc",
          "commits.written:4:enospc"], check)


def test_kafka_away_in_a_transaction(lab):
    """A reader of committed records sees each window once, wherever in the transaction the brokers went away."""
    select = ("SELECT concat_ws('|', CAST(window.start AS STRING), k) AS key, concat_ws('|', count(*), sum(v)) AS value "
              "FROM events GROUP BY window(ts, '5 minutes'), k")
    plain = Query(lab, "plain", WINDOWS, COUNT)
    plain.run().ok()
    want = sorted((f"{b:%Y-%m-%d %H:%M:%S}|{k}", f"{n}|{s}") for b, k, n, s in plain.rows())
    count = len([name for name in os.listdir(os.path.join(plain.checkpoint, "commits")) if name.isdigit()])

    def check(case):
        topic = lab.topic(2)
        query = Query(lab, case, select, COUNT, into="CREATE FLOW f AS INSERT INTO out BY NAME")
        query.before = (f"CREATE SINK out USING kafka OPTIONS ('kafka.bootstrap.servers' = '{lab.broker.address}', topic = '{topic}', "
                        f"'checkpointLocation' = '{query.checkpoint}');")
        query.save(select)
        result = sluice.run("run", query.sql, "--max-batches", str(count), failpoints=case).ok()
        assert STARTED in result.err and OVER in result.err, result.err[-400:]
        have = sorted((message.key().decode(), message.value().decode()) for message in lab.broker.read(topic, True).values())
        assert have == want, f"{len(have)} windows, want {len(want)}"
    lab.broker  # started before the threads ask for it
    each([f"{point}:ehostunreach" for point in ("read.mid:6", "kafka_sink.begun:5", "kafka_sink.produced:5", "kafka_sink.flushed:3", "kafka_sink.committed:6")] + ["state.saved:6:enospc", "commits.written:5:enospc"], check)


def test_several_queries_of_one_read(lab):
    """Two tables from one topic, one on a disk that is full for a moment: both go on, each with its rows once."""
    topic, count = lab.topic(3), 360
    lab.broker.produce(topic, [(i % 3, None, str(i)) for i in range(count)])

    def check(point):
        folder = lab.path(point.replace(":", "-"))
        os.makedirs(folder)
        source = (f"STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest', "
                  "maxOffsetsPerTrigger => 120)")
        sql = os.path.join(folder, "p.sql")
        with open(sql, "w") as file:
            for name in "ab":
                file.write(f"CREATE STREAMING TABLE {name} USING delta LOCATION '{folder}/{name}' TBLPROPERTIES ('sluice.checkpointLocation' = '{folder}/c{name}') "
                           f"AS SELECT CAST(CAST(value AS STRING) AS INT) AS i FROM {source};\n")
        result = sluice.run("run", sql, "--max-batches", "3", failpoints=point).ok()
        assert STARTED in result.err and OVER in result.err, result.err[-400:]
        for name in "ab":
            assert sorted(row[0] for row in delta.rows(f"{folder}/{name}", "i")) == list(range(count)), name
    lab.broker
    each(["read.mid:4:ehostunreach", "delta.written:3:enospc", "rows.committed:3:enospc", "rows.committed:4:enospc", "commits.written:3:enospc",
          "offsets.written:4:enospc"], check)


def fill(path):
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        os.close(file)


def test_a_disk_that_is_really_full(lab):
    """A small file system fills up; the query waits, is not busy meanwhile, and goes on when there is room."""
    folder = mount_tmpfs(lab.path("small"), "1m")
    try:
        query = Query(lab, "real", WINDOWS, COUNT)
        batches = batches_of(lab, WINDOWS)
        query.checkpoint = os.path.join(folder, "c")
        query.save()
        stuffing = os.path.join(folder, "stuffing")
        running = sluice.Running(["run", query.sql, "--max-batches", "3"])
        running.wait().ok()
        fill(stuffing)
        running = sluice.Running(["run", query.sql, "--max-batches", str(batches - 3)])
        process.wait_for(lambda: STARTED in running.err, "the query to meet the full disk")
        assert "No space left on device" in running.err
        before = running.cpu_seconds()
        time.sleep(3)
        assert running.is_running() and running.cpu_seconds() - before < 1, "it is busy while it waits"
        os.remove(stuffing)
        running.wait().ok()
        assert OVER in running.err
        assert query.rows() == undisturbed(lab, WINDOWS, COUNT)
    finally:
        os.system(f"umount -l {folder}")


def test_a_stop_during_the_outage(lab):
    """SIGTERM ends a query that waits for its disk, with status 0; the next start runs the batch."""
    query = Query(lab, "stopped", WINDOWS, COUNT)
    running = sluice.Running(["run", query.sql], failpoints="state.saved:5:enospc,offsets.written:5:sleep=0,state.changes.written:*:enospc")
    process.wait_for(lambda: STARTED in running.err, "the outage")
    running.signal(signal.SIGTERM)
    running.wait(20).ok()
    query.run().ok()
    assert query.rows() == undisturbed(lab, WINDOWS, COUNT)


def test_a_run_with_an_end_reports(lab):
    """--available-now does not wait: what is full is an error, as before."""
    query = Query(lab, "reports", WINDOWS, COUNT)
    query.run(failpoints="state.saved:5:enospc").expect(1, "No space left on device", "free space")
    query.run(failpoints="read.mid:2:ehostunreach").expect(69)
    query.run().ok()
    assert query.rows() == undisturbed(lab, WINDOWS, COUNT)


def test_what_lasts_stops(lab):
    """An error of the disk that does not pass by itself ends the query, also without an end."""
    query = Query(lab, "lasts", WINDOWS, COUNT)
    result = sluice.run("run", query.sql, "--max-batches", "20", failpoints="state.saved:5:eio").expect(1, "Input/output error")
    assert not re.search(STARTED, result.err)
    query.run().ok()
    assert query.rows() == undisturbed(lab, WINDOWS, COUNT)
