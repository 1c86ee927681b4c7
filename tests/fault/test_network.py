"""The network between a query and its brokers is slow, cut, half open, or resets its connections: nothing is lost or doubled,
nothing is busy meanwhile, and the same process goes on when it works again."""
import os
import signal
import subprocess
import time

from flow.test_kafka_sink import check_copied, sink_of
from lib import process, sluice
from lib.lab import Skip, values_of

RECORDS, BATCHES = 480, 8  # four partitions that bring the same number of records to each batch


def source(lab):
    if "network" not in lab.cache:
        topic = lab.topic(4)
        lab.broker.produce(topic, [(i % 4, b"k%d" % i, b"%d " % i + b"x" * 100) for i in range(RECORDS)])
        lab.cache["network"] = topic, values_of(lab.broker, topic)
    return lab.cache["network"]


class Through:
    """A query that runs through a proxy, slowly, so that there is time for faults."""

    def __init__(self, lab, kafka_sink=False, **variables):
        self.lab, (self.topic, self.values) = lab, source(lab)
        self.proxy = lab.broker.proxy()
        variables = {"brokers": lab.broker.proxied, "limit": RECORDS // BATCHES, **variables}
        if kafka_sink:
            self.target = lab.topic(3)
            self.lake = sink_of(lab, self.topic, f", topic = '{self.target}'", **variables)
        else:
            self.target, self.lake = None, lab.lake(self.topic, **variables)

    def __enter__(self):
        self.running = self.lake.start("--max-batches", BATCHES, failpoints="read.mid:*:sleep=150")
        process.wait_for(lambda: len(self.lake.batches()) >= 2, "two batches")
        return self

    def __exit__(self, *_):
        self.proxy.close()

    def finish(self, seconds=90):
        self.running.wait(seconds).ok()
        assert self.lake.batches() == list(range(BATCHES))
        if self.target:
            check_copied(self.lab, self.topic, self.target)
        else:
            self.lake.check_whole(self.values)

    def quiet(self, seconds):
        """Lets time pass, and looks how much of it is spent. What was fetched before may be enough for the end."""
        end = time.monotonic() + seconds
        before = after = self.running.cpu_seconds()
        while time.monotonic() < end:
            if not self.running.is_running() and len(self.lake.batches()) == BATCHES:
                return
            after = self.running.cpu_seconds() if self.running.is_running() else after
            time.sleep(0.05)
        share = (after - before) / seconds
        assert self.running.is_running() and share < 0.25, f"{share:.0%} of a core, {self.running.err[-300:]}"


def both(lab, fault, **variables):
    for kafka_sink in (False, True):
        with Through(lab, kafka_sink, name=f"lake{kafka_sink}", **variables) as query:
            fault(query)
            query.finish()


def test_resets(lab):
    def fault(query):
        for _ in range(12):
            query.proxy.reset()
            time.sleep(0.15)
    both(lab, fault)


def test_refused_for_a_while(lab):
    def fault(query):
        query.proxy.closed = True
        query.proxy.reset()
        query.quiet(6)
        query.proxy.plain()
    both(lab, fault)


def test_cut_cable(lab):
    """Connections stay open, nothing comes through, in either direction."""
    def fault(query):
        query.proxy.silent = True
        query.quiet(8)
        query.proxy.plain()
    both(lab, fault)


def test_half_open(lab):
    """As behind a firewall that forgot the connection: nothing for a while, then a reset."""
    def fault(query):
        query.proxy.silent = True
        query.quiet(5)
        query.proxy.reset()
        query.proxy.plain()
    both(lab, fault)


def test_latency(lab):
    def fault(query):
        query.proxy.delay = 0.2
        query.quiet(2)
    both(lab, fault)


def test_bytes_one_by_one(lab):
    def fault(query):
        query.proxy.slice = 1
        time.sleep(1.5)
        query.proxy.slice = 7
    both(lab, fault)


def test_slow_line(lab):
    def fault(query):
        query.proxy.slice, query.proxy.rate = 256, 20_000
        query.quiet(3)
    both(lab, fault)


def test_lost_answer_of_a_commit(lab):
    """The request to commit a transaction goes out, its answer does not come, and the connection breaks: whether the batch
    is in is found out, and it is there once."""
    for nth in (3, 4):
        with Through(lab, True, name=f"lost{nth}") as query:
            query.running.kill9()
            left = BATCHES - len(query.lake.batches())
            query.running = query.lake.start("--max-batches", left, failpoints="kafka_sink.offsets:%d:sleep=600" % (nth - 1))
            done = len(query.lake.batches())
            process.wait_for(lambda: len(query.lake.batches()) >= done + nth - 2, "the batches before")
            time.sleep(0.4)
            query.proxy.delay = 3  # the request passes after three seconds, and so would its answer
            time.sleep(3.6)
            query.proxy.reset()
            query.proxy.plain()
            query.running.wait(90).ok()
            check_copied(lab, query.topic, query.target)


# ---- names and long outages ----

def test_brokers_gone_for_long(lab):
    """SLUICE_TEST_OUTAGE_S=600 is the ten minutes of the fault table; the test run has less time. New records arrive
    meanwhile, and one query stands in the middle of a transaction."""
    seconds = float(os.environ.get("SLUICE_TEST_OUTAGE_S", "12"))
    source(lab)
    topic = lab.topic(4)
    lab.broker.produce(topic, [(i % 4, b"k", b"%d" % i) for i in range(RECORDS)])
    proxy, target = lab.broker.proxy(), lab.topic(3)
    try:
        lakes = [lab.lake(topic, brokers=lab.broker.proxied, limit=60), sink_of(lab, topic, f", topic = '{target}'", name="sink", brokers=lab.broker.proxied, limit=60)]
        runs = [lakes[0].start(failpoints="read.mid:*:sleep=50")]
        process.wait_for(lambda: len(lakes[0].batches()) >= 2, "two batches of the table")
        runs.append(lakes[1].start(failpoints="read.mid:*:sleep=50,kafka_sink.produced:3:sleep=4000"))
        process.wait_for(lambda: len(lakes[1].batches()) == 2, "two batches of the sink")  # the third stands in its transaction
        proxy.closed = True
        proxy.reset()
        lab.broker.produce(topic, [(i % 4, b"k", b"more %d" % i) for i in range(RECORDS)])
        before = [running.cpu_seconds() for running in runs]
        time.sleep(seconds)
        for running, spent in zip(runs, before):
            assert running.is_running(), running.err[-500:]
            assert running.cpu_seconds() - spent < 0.1 * seconds + 1, "it is busy while it waits"
        proxy.plain()
        values = values_of(lab.broker, topic)
        process.wait_for(lambda: len(lakes[0].rows_so_far("p")) == len(values), "all rows", 120, 0.2)
        process.wait_for(lambda: len(values_of(lab.broker, target)) >= len(values), "all records", 120, 0.5)
        for running in runs:
            running.signal(signal.SIGTERM)
            running.wait().ok()
        lakes[0].check_whole(values)
        check_copied(lab, topic, target)
    finally:
        proxy.close()


def test_name_that_is_wrong_and_then_right(lab):
    """The brokers' name leads nowhere, then is not known, then leads to them."""
    topic, values = source(lab)
    hosts = lab.write("hosts", "127.0.0.1 localhost\n127.0.0.99 kafka.test\n")
    script = lab.write("run", f"#!/bin/sh\nmount --bind {hosts} /etc/hosts && exec {sluice.binary()} \"$@\"\n")
    os.chmod(script, 0o755)
    if subprocess.run(["unshare", "-m", "mount", "--bind", hosts, "/etc/hosts"], capture_output=True).returncode:
        raise Skip("unshare -m and mount --bind are not allowed here")
    port = lab.broker.address.rsplit(":", 1)[1]
    lake = lab.lake(topic, brokers=f"kafka.test:{port}")
    original, sluice.binary = sluice.binary, lambda: "/usr/bin/unshare"
    try:
        running = sluice.Running(["-m", script, *lake.args("--max-batches", 1, trigger=None)])
        lab.running.append(running)
    finally:
        sluice.binary = original
    begun = time.monotonic()
    for text in ("127.0.0.1 localhost\n", f"127.0.0.1 localhost kafka.test\n"):
        while time.monotonic() - begun < 4:
            time.sleep(0.1)
        begun = time.monotonic()
        if not running.is_running():
            running.wait().expect(69)  # a start that finds no broker ends with a reason; the next one works
            break
        with open(hosts, "w") as file:  # the same inode: the mount sees it
            file.write(text)
    with open(hosts, "w") as file:
        file.write("127.0.0.1 localhost kafka.test\n")
    if running.is_running():
        running.wait(90).ok()
    else:
        lake.run().ok()
    lake.check_whole(values)
