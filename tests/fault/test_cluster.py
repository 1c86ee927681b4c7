"""Three brokers, of which those with leaders of partitions and coordinators of transactions are killed, or stopped, one after
the other, while queries read, remember, and write. The same processes go on; a reader of committed records and the tables
have every record once."""
import os
import signal

from lib import process
from lib.cluster import Cluster
from lib.lab import FLOW, values_of

PARTITIONS, RECORDS, ROUNDS = 6, 600, 4


class Fleet:
    """What a lab is for one broker, for three of them."""

    def __init__(self, lab):
        self.lab, self.broker = lab, Cluster(lab.path("kafka"))

    def close(self):
        self.broker.kill9()

    def lake(self, topic, name, pipeline="raw.sql", **variables):
        lake = self.lab.lake(topic, name=name, pipeline=pipeline, brokers=self.broker.address, limit=60, **variables)
        lake.pipeline = os.path.join(FLOW, pipeline) if not os.path.isabs(pipeline) else pipeline
        return lake

    def send(self, topic, round_number):
        self.broker.produce(topic, [(i % PARTITIONS, b"k", b"%d %d" % (round_number, i)) for i in range(RECORDS // ROUNDS)], acks="all", retries=1000)


COUNTS = """CREATE SINK out USING kafka OPTIONS ('kafka.bootstrap.servers' = '${brokers}', topic = '${target}', 'checkpointLocation' = '${lake}/c');
CREATE FLOW first AS INSERT INTO out BY NAME SELECT value FROM (SELECT value, timestamp FROM STREAM read_kafka(bootstrapServers => '${brokers}',
  subscribe => '${topic}', startingOffsets => 'earliest', maxOffsetsPerTrigger => '${limit}')) DEDUPLICATE BY (value);
"""


def test_leaders_and_coordinators_go_away(lab):
    fleet = Fleet(lab)
    try:
        broker = fleet.broker
        source, copy, first = (broker.create(name, PARTITIONS) for name in ("source", "copy", "first"))
        lakes = [fleet.lake(source, "table"), fleet.lake(source, "copy", "kafka_sink.sql", options=f", topic = '{copy}'", columns="key, value"),
                 fleet.lake(source, "first", lab.write("first.sql", COUNTS), target=first)]
        fleet.send(source, 0)
        runs = [lake.start(failpoints="read.mid:*:sleep=40") for lake in lakes]
        process.wait_for(lambda: all(lake.batches() for lake in lakes), "a batch of each query", 60, 0.1)
        moved = 0
        for number, (victim, how) in enumerate(((2, broker.kill9), (3, broker.kill9), (2, broker.stop)), 1):
            before = broker.leaders(source)
            how(victim)
            process.wait_for(lambda: victim not in broker.leaders(source), "other leaders", 60, 0.1)
            moved += sum(old != new for old, new in zip(before, broker.leaders(source)))
            fleet.send(source, number)
            broker.start(victim)
            process.wait_for(lambda: min(broker.in_sync(topic) for topic in (source, copy, first)) == 3, "all copies", 90, 0.2)
        assert moved >= 3, f"only {moved} partitions got another leader: the test shows nothing"
        values = values_of(broker, source)
        assert len(values) == RECORDS

        def is_done():
            for lake, running in zip(lakes, runs):
                assert running.is_running(), f"{lake.dir} ended: {running.err[-600:]}"
            return len(lakes[0].rows_so_far("p")) == len(values) and all(len(values_of(broker, topic)) >= len(values) for topic in (copy, first))
        try:
            process.wait_for(is_done, "all records in table and topics", 90, 0.3)
        except AssertionError as error:
            said = "\n".join(f"{os.path.basename(lake.dir)}, batches {lake.batches()}: {running.err[-700:]}" for lake, running in zip(lakes, runs))
            raise AssertionError(f"{error}\n{said}") from None
        for running in runs:
            running.signal(signal.SIGTERM)
            running.wait().ok()
        lakes[0].check_whole(values)
        for target in (copy, first):  # all values differ, so the deduplication passes each of them once
            have = sorted(values_of(broker, target).values())
            assert have == sorted(values.values()), f"{target}: {len(have)} records, want {len(values)}"
    finally:
        fleet.close()
