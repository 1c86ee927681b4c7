"""Triggers, limits, signals and restarts of a running query."""
import json
import os
import signal
import time

from lib import process, sluice, table
from lib.lab import values_of


def numbers(partition, count, first=0):
    return [(partition, b"k%d" % i, b'{"n":%d}' % i) for i in range(first, first + count)]


def filled(lab, per_partition=(100, 100)):
    topic = lab.topic(len(per_partition))
    for partition, count in enumerate(per_partition):
        lab.broker.produce(topic, numbers(partition, count))
    return topic


def test_available_now(lab):
    topic = filled(lab)
    lake = lab.lake(topic)
    lake.run().ok()
    assert lake.batches() == [0]
    lake.check_whole(values_of(lab.broker, topic))
    lake.run().ok()
    assert lake.batches() == [0], "a run without new records made a batch"


def test_available_now_on_an_empty_topic(lab):
    lake = lab.lake(lab.topic(2))
    lake.run().ok()
    assert lake.batches() == [] and lake.rows("p") == []


def test_limit_splits_as_spark_does(lab):
    """limit * share, floored, but at least one: Spark's KafkaMicroBatchStream.rateLimit."""
    topic = filled(lab, (1000, 10, 1, 0))
    lake = lab.lake(topic, limit=100)
    lake.run().ok()
    ends, have, batch = {0: 1000, 1: 10, 2: 1, 3: 0}, {0: 0, 1: 0, 2: 0, 3: 0}, 0
    while have != ends:
        left = {p: ends[p] - have[p] for p in ends}
        for p, size in left.items():
            share = 100 * (size / sum(left.values()))
            have[p] = min(ends[p], have[p] + (max(1, int(share)) if size else 0))
        assert lake.offsets(batch)[topic] == {str(p): n for p, n in have.items()}, f"batch {batch}"
        batch += 1
    assert lake.batches() == list(range(batch))
    lake.check_whole(values_of(lab.broker, topic))


def test_once_ignores_the_limit(lab):
    topic = filled(lab)
    lake = lab.lake(topic, limit=10)
    lake.run(trigger="--once").ok()
    assert lake.batches() == [0]
    lake.check_whole(values_of(lab.broker, topic))


def test_max_batches(lab):
    topic = filled(lab)
    lake = lab.lake(topic, limit=50)
    lake.run("--max-batches", 2).ok()
    assert lake.batches() == [0, 1]
    lake.run("--max-batches", 1, trigger=None).ok()
    assert lake.batches() == [0, 1, 2]
    lake.run().ok()
    lake.check_whole(values_of(lab.broker, topic))


def test_every(lab):
    topic = filled(lab)
    lake = lab.lake(topic)
    running = lake.start(trigger="--every=200ms")
    process.wait_for(lambda: lake.batches() == [0], "batch 0")
    lab.broker.produce(topic, numbers(0, 5, 500))
    process.wait_for(lambda: lake.batches() == [0, 1], "batch 1")
    running.signal(signal.SIGTERM)
    running.wait().ok()
    lake.check_whole(values_of(lab.broker, topic))


def drain(lab, number):
    """The batch in progress is finished and committed; exit status 0."""
    topic = filled(lab)
    lake = lab.lake(topic, limit=50)
    running = lake.start(failpoints="intents.synced:2:sleep=600")
    process.wait_for(lambda: os.path.exists(lake.file("offsets", "1")), "batch 1 to be planned")
    running.signal(number)
    running.wait().ok()
    assert lake.batches() == [0, 1], "the batch in progress was not finished, or another one begun"
    lake.check_settled()
    lake.run().ok()
    lake.check_whole(values_of(lab.broker, topic))


def test_sigterm_drains(lab):
    drain(lab, signal.SIGTERM)


def test_sigint_drains(lab):
    drain(lab, signal.SIGINT)


def test_second_signal_gives_up_the_batch(lab):
    topic = filled(lab)
    lake = lab.lake(topic, limit=50)
    running = lake.start("-s", "sluice.batchRows=5", failpoints="read.mid:*:sleep=300")
    process.wait_for(lambda: os.path.exists(lake.file("offsets", "0")), "batch 0 to be planned")
    running.signal(signal.SIGTERM)
    running.signal(signal.SIGINT)
    running.wait().expect(130, "stopped")
    assert lake.batches() == [] and table.numbered(lake.file("offsets")) == [0]
    planned = lake.offsets(0)
    lake.run().ok()
    assert lake.offsets(0) == planned
    lake.check_whole(values_of(lab.broker, topic))


def test_new_records_and_restart(lab):
    topic = filled(lab)
    lake = lab.lake(topic)
    for step in range(1, 4):
        lake.run().ok()
        lab.broker.produce(topic, numbers(0, 10, 1000 * step))
    lake.run().ok()
    assert lake.batches() == [0, 1, 2, 3]
    lake.check_whole(values_of(lab.broker, topic))


def test_new_partitions(lab):
    topic = filled(lab)
    lake = lab.lake(topic, start="latest")
    lake.run().ok()
    lab.broker.produce(topic, numbers(0, 3, 500))
    lab.broker.grow(topic, 5)
    lab.broker.produce(topic, numbers(4, 7))
    lake.run().ok()
    want = {at: value for at, value in values_of(lab.broker, topic).items() if at[0] == 4 or at[1] >= 100}
    assert len(want) == 10
    lake.check_whole(want)


def test_new_partitions_while_running(lab):
    topic = filled(lab)
    lake = lab.lake(topic)
    running = lake.start(trigger="--every=100ms")
    process.wait_for(lambda: lake.batches(), "batch 0")
    lab.broker.grow(topic, 3)
    lab.broker.produce(topic, numbers(2, 7))
    process.wait_for(lambda: any(row[0] == 2 for row in lake.rows_so_far("p")), "rows of the new partition")
    running.signal(signal.SIGTERM)
    running.wait().ok()
    lake.check_whole(values_of(lab.broker, topic))


def test_broker_killed_while_running(lab):
    """The broker dies in the middle, comes back, and the query goes on by itself."""
    topic = filled(lab)
    lake = lab.lake(topic, limit=40)
    running = lake.start(failpoints="read.mid:3:sleep=300")
    process.wait_for(lambda: lake.batches(), "batch 0")
    lab.broker.kill9()
    lab.broker.start()
    lab.broker.produce(topic, numbers(1, 30, 700))
    want = values_of(lab.broker, topic)
    process.wait_for(lambda: not running.is_running() or len(lake.rows_so_far("p")) == len(want), "all rows", 40, 0.1)
    assert running.is_running(), f"it ended: {running.err[-500:]}"
    running.signal(signal.SIGTERM)
    running.wait().ok()
    lake.check_whole(want)


def test_brokers_gone_from_an_idle_stream(lab):
    """It waits without taking a core, says so once, and goes on by itself when they are back."""
    topic = filled(lab)
    lake = lab.lake(topic)
    running, address = lake.start(), lab.broker.address
    process.wait_for(lambda: lake.batches(), "batch 0")
    lab.broker.kill9()
    began, before = time.monotonic(), running.cpu_seconds()
    process.wait_for(lambda: "trying again until it works" in running.err, "a warning", 60)
    share = (running.cpu_seconds() - before) / (time.monotonic() - began)
    assert share < 0.2, f"waiting took {share:.0%} of a core"
    assert f"on the Kafka brokers `{address}`" in running.err and "Connection refused" in running.err, running.err
    lab.broker.start()
    lab.broker.produce(topic, numbers(1, 30, 700))
    want = values_of(lab.broker, topic)
    process.wait_for(lambda: len(lake.rows_so_far("p")) == len(want), "all rows", 90, 0.1)
    running.signal(signal.SIGTERM)
    running.wait().ok()
    lake.check_whole(want)
    assert running.err.count("trying again") == 1 and running.err.count("it works again") == 1, running.err


def test_progress(lab):
    """One JSON line a batch; its counts are those of the batch."""
    topic = filled(lab)
    lake = lab.lake(topic, limit=50)
    path = lab.path("progress")
    lake.run("--progress", path).ok()
    with open(path) as lines:
        reports = [json.loads(line) for line in lines]
    assert [report["batchId"] for report in reports] == lake.batches()
    assert sum(report["numInputRows"] for report in reports) == 200
    assert reports[0]["sources"][0]["endOffset"] == lake.offsets(0)
    assert reports[1]["sources"][0]["startOffset"] == lake.offsets(0)
    assert len({report["runId"] for report in reports}) == 1
    assert reports[0]["name"] == "raw" and reports[0]["sink"]["description"] == f"FileSink[{lake.table}]"
