"""A query tells why it writes nothing: where its watermark stands, which partitions are silent, and which event would close
the next window. The test sends that event, and one that is a second too early."""
import json
import os
from datetime import datetime, timedelta, timezone

from lib import process, sluice, table

BEGIN = datetime(2025, 12, 15, 9, 2, tzinfo=timezone.utc)
SOURCE = """WITH parsed AS (SELECT from_json(CAST(value AS STRING), 'id INT, ts TIMESTAMP') AS e
                FROM STREAM read_kafka(bootstrapServers => '{brokers}', subscribe => '{topic}', startingOffsets => 'earliest')),
     events AS (SELECT * FROM (SELECT e.* FROM parsed) WATERMARK ts DELAY OF INTERVAL 10 MINUTES)"""


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Query:
    def __init__(self, lab, window="'5 minutes'", partitions=3):
        self.lab, self.topic = lab, lab.topic(partitions)
        self.table, self.progress = lab.path("t"), lab.path("progress")
        source = SOURCE.format(brokers=lab.broker.address, topic=self.topic)
        self.sql = lab.write("p.sql", f"""CREATE STREAMING TABLE t USING parquet LOCATION '{self.table}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c")}') AS
{source} SELECT window.end AS e, count(*) AS n FROM events GROUP BY window(ts, {window});
""")

    def send(self, *events):
        """(partition, time)"""
        self.lab.broker.produce(self.topic, [(partition, None, json.dumps({"id": 1, "ts": iso(at)})) for partition, at in events])

    def run(self):
        """The last batch's progress."""
        if os.path.exists(self.progress):
            os.remove(self.progress)
        self.result = sluice.run("run", self.sql, "--available-now", "--progress", self.progress).ok()
        with open(self.progress) as lines:
            return json.loads(lines.read().splitlines()[-1])

    def rows(self):
        found = table.rows_of(self.table, table.files_by_log(self.table), ["e", "n"])
        return sorted((end.replace(tzinfo=timezone.utc), n) for end, n in found)


def parse(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_event_that_closes_the_next_window(lab):
    query = Query(lab)
    query.send((0, BEGIN), (1, BEGIN + timedelta(minutes=1)), (0, BEGIN + timedelta(minutes=20)))
    status = query.run()["sluice"]["eventTime"]
    assert status["nextWatermark"] == iso(BEGIN + timedelta(minutes=10)) and status["newestEvent"] == iso(BEGIN + timedelta(minutes=20))
    assert status["watermarkLagMs"] == 600_000 and status["newestEventAgeMs"] > 0
    assert status["nextWindowEnd"] == "2025-12-15T09:15:00.000Z" and status["nextWindowNeeds"] == "2025-12-15T09:25:00.000Z"
    assert f"a window ending at {status['nextWindowEnd']} closes when an event of {status['nextWindowNeeds']} or later arrives" in status["explanation"]
    assert "no event newer than 2025-12-15T09:22:00.000Z since " in status["explanation"]
    query.send((2, parse(status["nextWindowEnd"]) - timedelta(seconds=1)))  # a row for that window, so that it is written
    assert query.run()["sluice"]["eventTime"]["nextWindowNeeds"] == status["nextWindowNeeds"]
    closed = query.rows()
    query.send((1, parse(status["nextWindowNeeds"]) - timedelta(seconds=1)))
    query.run()
    assert query.rows() == closed, "closed a second too early"
    query.send((1, parse(status["nextWindowNeeds"])))
    after = query.run()["sluice"]["eventTime"]
    assert set(query.rows()) - set(closed) == {(parse(status["nextWindowEnd"]), 1)}
    assert after["nextWindowEnd"] == "2025-12-15T09:20:00.000Z"


def test_overlapping_windows(lab):
    """The next end of any of them counts, wherever windows begin."""
    query = Query(lab, "'10 minutes', '5 minutes', '2 minutes'", 1)
    query.send((0, BEGIN + timedelta(minutes=20)))
    status = query.run()["sluice"]["eventTime"]
    assert (status["nextWatermark"], status["nextWindowEnd"]) == ("2025-12-15T09:12:00.000Z", "2025-12-15T09:17:00.000Z")


def test_silent_partitions(lab):
    """They are named, with the time since when; they do not hold the watermark back, and the text says so."""
    query = Query(lab)
    query.send((0, BEGIN), (1, BEGIN))
    for number, partitions in enumerate([(0,), (0, 2), (1,)], 1):
        query.send(*[(partition, BEGIN + timedelta(minutes=10 * number)) for partition in partitions])
    running = sluice.Running(["run", query.sql, "--progress", query.progress])
    lab.running.append(running)

    def last():
        if not os.path.exists(query.progress):
            return None
        with open(query.progress) as lines:
            found = [json.loads(line) for line in lines.read().splitlines()]
        return found[-1] if found and not found[-1]["numInputRows"] else None
    process.wait_for(last, "the batch without rows behind the first one")
    stand = [query.send((1, BEGIN + timedelta(hours=1 + step))) or process.wait_for(
        lambda step=step: last() if last() and last()["sluice"]["eventTime"]["newestEvent"] == iso(BEGIN + timedelta(hours=1 + step)) else None, "a batch")
        for step in range(2)]
    before, after = (one["sluice"]["eventTime"] for one in stand)
    # the last batch has no rows at all: none of the three has moved in it, but one later than the others
    assert after["partitions"] == 3 and after["idlePartitions"] == 3
    since = {item["partition"]: item["since"] for item in after["idle"]}
    assert set(since) == {f"{query.topic}-{i}" for i in range(3)}
    assert since[f"{query.topic}-1"] > since[f"{query.topic}-0"] == since[f"{query.topic}-2"]
    assert "they do not hold it back" in after["explanation"] and after["newestEventSince"] > before["newestEventSince"]
    assert after["newestEvent"] == iso(BEGIN + timedelta(hours=2))
    running.signal(15)
    running.wait().ok()
    assert "watermark 2025-12-15T" in running.err


def test_several_clauses(lab):
    """The clause that holds the others back is named."""
    topics = [lab.topic(1) for _ in range(2)]
    names = ("a", "b")
    relations = ",\n".join(
        f"parsed_{name} AS (SELECT from_json(CAST(value AS STRING), 'id INT, at_{name} TIMESTAMP') AS e FROM STREAM read_kafka(bootstrapServers => "
        f"'{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest')), {name} AS (SELECT * FROM (SELECT e.* FROM parsed_{name}) "
        f"WATERMARK at_{name} DELAY OF INTERVAL 5 MINUTES)" for name, topic in zip(names, topics))
    sql = lab.write("j.sql", f"""CREATE STREAMING TABLE t USING parquet LOCATION '{lab.path("t")}' TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c")}')
AS WITH {relations} SELECT a.id, at_a, at_b FROM a JOIN b ON a.id = b.id AND at_b BETWEEN at_a AND at_a + INTERVAL 10 MINUTES;
""")
    progress = lab.path("progress")
    for name, topic, minutes in zip(names, topics, (60, 10)):
        lab.broker.produce(topic, [(0, None, json.dumps({"id": 1, f"at_{name}": iso(BEGIN + timedelta(minutes=minutes))}))])
    sluice.run("run", sql, "--available-now", "--progress", progress).ok()
    with open(progress) as lines:
        status = json.loads(lines.read().splitlines()[-1])["sluice"]["eventTime"]
    assert status["nextWatermark"] == iso(BEGIN + timedelta(minutes=5)) and status["newestEvent"] == iso(BEGIN + timedelta(minutes=60))
    assert "of 2 clauses the watermark follows `at_b`, which is furthest behind" in status["explanation"], status["explanation"]
    assert "nextWindowEnd" not in status
