"""Several writers on one Delta table at once: nothing is lost, nothing is there twice.

Two sluice queries, one of them killed again and again, delta-rs appends, deletes and compaction, each in a loop of its
own. Then the log and the rows are judged against what each writer was told. SLUICE_WRITERS_SECONDS: how long.
"""
import json
import os
import random
import threading
import time
import urllib.parse

from lib import delta, sluice
from lib.lab import Skip, values_of

SECONDS = float(os.environ.get("SLUICE_WRITERS_SECONDS", "15"))
RATE = 400


class Foreign(threading.Thread):
    """A loop of delta-rs calls until the time is up; what is refused as a conflict has not happened."""

    def __init__(self, table, until, seed):
        super().__init__(daemon=True)
        self.table, self.until, self.chance = table, until, random.Random(seed)
        self.done, self.lost, self.error = [], 0, None
        self.doubtful = set()  # rows of calls that failed, perhaps behind their commit

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.turn()
                time.sleep(self.chance.random() * 0.1)
        except Exception as error:
            self.error = error

    def turn(self):
        try:
            result = self.act()
        except delta.deltalake.exceptions.CommitFailedError:
            self.lost += 1
        except delta.deltalake.exceptions.DeltaError as error:
            # delta-rs lists a directory that others write to, and may see version n + 1 without n
            if "found gap" not in str(error):
                raise
            self.lost += 1
            self.doubtful |= set(self.rows)
        else:
            self.done += [] if result is None else [result]


class Appends(Foreign):
    next = 0

    def act(self):
        import pyarrow as pa
        key, self.next = self.next, self.next + 1
        self.rows = [("rs", p, key) for p in range(3)]
        schema = pa.schema([("who", pa.string()), ("p", pa.int64()), ("o", pa.int64()), ("value", pa.binary())])
        rows = pa.table({"who": ["rs"] * 3, "p": [0, 1, 2], "o": [key] * 3, "value": [b"%d" % key] * 3}, schema=schema)
        delta.deltalake.write_deltalake(self.table, rows, mode="append")
        return key


class Deletes(Foreign):
    """Deletes keys that delta-rs has appended: whole, or one row of three."""
    appends, at = None, 0

    def act(self):
        if self.at >= len(self.appends.done):
            return None
        key, part = self.appends.done[self.at], self.chance.choice(["", " AND p = 1"])
        self.at += self.chance.randint(1, 4)
        self.rows = [("rs", p, key) for p in ([1] if part else range(3))]
        told = delta.deltalake.DeltaTable(self.table).delete(f"who = 'rs' AND o = {key}{part}")
        assert told["num_deleted_rows"] == (1 if part else 3), f"{told} of key {key}{part}"
        return key, part


class Compacts(Foreign):
    rows = ()

    def act(self):
        told = delta.deltalake.DeltaTable(self.table).optimize.compact()
        return told["numFilesRemoved"] or None


def check_log(table, queries):
    """A file is added once and removed once; each query's batches are there in order, each once."""
    present, batches = set(), {query: [] for query in queries}
    for version in delta.versions(table):
        content = delta.commit(table, version)
        for name, action in content:
            if name == "remove":
                path = urllib.parse.unquote(action["path"])
                assert path in present, f"version {version} removes {path}, which is not there"
                present.discard(path)
        for name, action in content:
            if name == "add":
                path = urllib.parse.unquote(action["path"])
                assert path not in present, f"version {version} adds {path} again"
                present.add(path)
            if name == "txn" and action["appId"] in batches:
                batches[action["appId"]].append(action["version"])
    for query, seen in batches.items():
        assert seen == list(range(len(seen))), f"batches of {query}: {seen}"


def stream(lab, table, who, limit):
    lake = lab.lake(lab.topic(2), who, pipeline="delta_shared.sql", table=table, who=who, limit=limit)
    lab.generate(lake.topic, 10)
    lake.run().ok()
    feed = sluice.Running(["gen", "orders", "-b", lab.broker.address, "-t", lake.topic, "--rate", str(RATE), "-n",
                           str(int(SECONDS * RATE)), "--mode", "count", "-q"])
    lab.running.append(feed)
    return lake, feed


def keep_killing(lake, until, chance):
    while time.monotonic() < until:
        running = lake.start()
        time.sleep(0.1 + chance.random())
        assert running.is_running(), running.wait().err
        running.kill9()


def query_of(lake):
    with open(lake.file("metadata")) as text:
        return json.load(text)["id"]


def test_writers_of_one_table(lab):
    if delta.deltalake is None:
        raise Skip("deltalake is not installed")
    seed = int(os.environ.get("SLUICE_SEED", "5"))
    table, chance = lab.path("shared"), random.Random(seed)
    (steady, feed), (killed, other_feed) = (stream(lab, table, who, limit) for who, limit in (("a", 60), ("b", 90)))
    until = time.monotonic() + SECONDS
    appends, deletes, compacts = (kind(table, until, seed + at) for at, kind in enumerate((Appends, Deletes, Compacts)))
    deletes.appends = appends
    running = steady.start()
    for foreign in (appends, deletes, compacts):
        foreign.start()
    keep_killing(killed, until, chance)
    for foreign in (appends, deletes, compacts):
        foreign.join(60)
        if foreign.error:
            raise foreign.error
    feed.wait().ok()
    other_feed.wait().ok()
    assert running.is_running(), f"seed {seed}: {running.wait().err[-1500:]}"
    running.signal(15)
    running.wait().ok()
    for lake in (steady, killed):
        lake.run().ok()
    check_log(table, [query_of(lake) for lake in (steady, killed)])
    want = {(who, *at): value for who, lake in (("a", steady), ("b", killed))
            for at, value in values_of(lab.broker, lake.topic).items()}
    want.update({("rs", p, key): b"%d" % key for key in appends.done for p in range(3)})
    for key, part in deletes.done:
        for p in [1] if part else range(3):
            del want["rs", p, key]
    doubtful = appends.doubtful | deletes.doubtful
    want = {at: value for at, value in want.items() if at not in doubtful}
    for reader, rows in (("the log", delta.rows(table, "who", "p", "o", "value")),
                         *delta.readers(table, "who", "p", "o", "value")):
        have = {row[:3]: row[3] for row in rows}
        assert len(have) == len(rows), f"seed {seed}: {reader}: {len(rows) - len(have)} rows are there twice"
        have = {at: value for at, value in have.items() if at not in doubtful}
        lost, extra = sorted(want.keys() - have.keys()), sorted(have.keys() - want.keys())
        assert not lost and not extra, f"seed {seed}: {reader}: lost {lost[:3]} of {len(lost)}, too many {extra[:3]} of {len(extra)}"
        assert have == want, f"seed {seed}: {reader}: a value is wrong"
    busy = [len(appends.done), len(deletes.done), len(compacts.done), len(steady.batches()), len(killed.batches())]
    assert min(busy) >= SECONDS / 5, f"seed {seed}: appends, deletes, compactions and batches were too few: {busy}"
