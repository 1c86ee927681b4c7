"""Queries that remember share the read of one topic with each other and with those that do not: each has the batches,
rows, watermarks and state of one that reads alone, and a crash between their commits changes nothing."""
import json
import os
import random

from lib import delta, sluice

SELECTS = {
    "windows": "SELECT window.start AS b, k, count(*) AS n FROM events GROUP BY window(ts, '5 minutes'), k",
    "firsts": "SELECT id FROM events DEDUPLICATE BY (id) WITHIN WATERMARK",
    "totals": "SELECT k, count(*) AS n, sum(v) AS s FROM events GROUP BY k",
    "sessions": "SELECT session_window.start AS b, k, count(*) AS n FROM events GROUP BY session_window(ts, '1 minute'), k",
    "some": "SELECT id, v FROM events LIMIT 150",
    "all": "SELECT id, v FROM parsed",
}
MODES = {"totals": "complete"}


def send(lab, topic, begin, end):
    rng, records = random.Random(begin), []
    for i in range(begin, end):
        second = 20 * i - (rng.randrange(3000) if rng.random() < 0.2 else 0)
        event = {"id": f"e{i if rng.random() < 0.8 else rng.randrange(i + 1)}", "k": rng.choice("abc"), "v": rng.randrange(50),
                 "ts": f"2025-12-{15 + second // 86400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}Z" if second >= 0 else None}
        records.append((i % 2, None, json.dumps(event)))
    lab.broker.produce(topic, records)


class Lake:
    def __init__(self, lab, topic, name, shared):
        self.path = lab.path(name)
        self.sql, self.progress = os.path.join(self.path, "p.sql"), os.path.join(self.path, "progress")
        os.makedirs(self.path)
        text = [f"SET sluice.sharedReads = {shared};"]
        for table, select in SELECTS.items():
            parsed = ("parsed AS (SELECT e.* FROM (SELECT from_json(CAST(value AS STRING), 'id STRING, k STRING, v INT, ts TIMESTAMP') AS e "
                      f"FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest', "
                      "maxOffsetsPerTrigger => 60)))")
            text.append(f"CREATE STREAMING TABLE {table} USING delta LOCATION '{self.path}/{table}' TBLPROPERTIES ("
                        f"'sluice.checkpointLocation' = '{self.path}/c-{table}', 'sluice.outputMode' = '{MODES.get(table, 'append')}') AS "
                        f"WITH {parsed}, events AS (SELECT * FROM parsed WATERMARK ts DELAY OF INTERVAL 10 MINUTES) {select};")
        with open(self.sql, "w") as file:
            file.write("\n".join(text))

    def run(self, *more, failpoints=None):
        return sluice.run("run", self.sql, "--available-now", "--workers", "1", "--progress", self.progress, *more, failpoints=failpoints)

    def rows(self):
        return {table: sorted(map(repr, delta.rows(f"{self.path}/{table}", *self.columns(table)))) for table in SELECTS}

    @staticmethod
    def columns(table):
        return {"windows": "bkn", "sessions": "bkn", "totals": "kns", "firsts": ["id"]}.get(table, ["id", "v"])

    def batches(self):
        """Per query and batch: where it ended, its watermark, rows out and remembered."""
        found = {}
        with open(self.progress) as file:
            for line in file:
                one = json.loads(line)
                found[one["name"], one["batchId"]] = (one["sources"][0]["endOffset"], one.get("eventTime"), one["sink"]["numOutputRows"], [
                    (state["operatorName"], state["numRowsTotal"], state["numRowsUpdated"], state["numRowsRemoved"]) for state in one["stateOperators"]])
        return found


def reads_of(result):
    timed = [float(line.split()[1]) for line in result.ok().err.splitlines() if line.strip().startswith("read ")]
    return sum(ns > 0 for ns in timed)


def test_states_of_one_read(lab):
    topic = lab.topic(2)
    lakes = [Lake(lab, topic, name, shared) for name, shared in (("together", "true"), ("apart", "false"))]
    for begin, end in ((0, 300), (300, 420)):
        send(lab, topic, begin, end)
        results = [lake.run("--profile") for lake in lakes]
        assert reads_of(results[0]) == 1 and reads_of(results[1]) == len(SELECTS)
        assert lakes[0].rows() == lakes[1].rows()
        assert lakes[0].batches() == lakes[1].batches()
    counts = {table: sum(name == table for name, _ in lakes[0].batches()) for table in SELECTS}
    assert counts["windows"] > counts["all"], f"a watermark that moved asks for a batch of its own: {counts}"


def test_kill_between_commits_of_states(lab):
    """Whichever of them has committed and saved, none counts a record twice or not at all."""
    topic = lab.topic(2)
    send(lab, topic, 0, 300)
    want = Lake(lab, topic, "want", "false")
    want.run().ok()
    for number, point in enumerate(("state.saved:3", "state.saved:9", "watermark.named:4", "rows.committed:8", "commits.pre:10", "commits.named:15",
                                    "batch.committed:9", "batch.committed:20", "read.mid:3")):
        lake = Lake(lab, topic, f"killed{number}", "true")
        assert lake.run(failpoints=point + ":crash").status == sluice.CRASHED, point
        lake.run().ok()
        assert lake.rows() == want.rows(), point
