"""Records that fail: kept with their coordinates, shown, counted, replayed; several tables from one read."""
import json
import os
import re

from lib import letters, sluice
from lib.lab import values_of

EXAMPLE = os.path.join(sluice.ROOT, "examples/orders_quarantine.sql")
DATA = 1  # exit status of bad data


def example(lab, topic):
    """The example as it is, but for the topic's name."""
    with open(EXAMPLE) as text:
        path = lab.write("orders_quarantine.sql", text.read().replace("subscribe => 'orders_raw'", f"subscribe => '{topic}'"))
    return path, ["-s", f"brokers={lab.broker.address}", "-s", f"lake={lab.path('lake')}"]


def progress_of(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def test_example_keeps_every_order(lab):
    """Each record of the topic is in the table or in the letters, none in both: partition, offset, key and value."""
    topic = lab.topic(3)
    lab.generate(topic, 2000, "--bad", "5%", "--null", "5%", "--negative", "5%", "--dup", "2%", "--keyed")
    lab.broker.produce(topic, [(0, b"k", b'{"order_id":"h","amount":-1}', [("source", b"test"), ("n", None)])])
    messages = lab.broker.read(topic, True)
    path, sets = example(lab, topic)
    sluice.run("run", path, *sets, "--available-now", "--progress", lab.path("progress")).ok()
    good = letters.rows_of(lab.path("lake/orders_checked"), "delta", "partition", "offset", "amount")
    bad = letters.rows_of(lab.path("lake/orders_rejected"), "delta", "partition", "offset", "value", "key", "topic", "query",
                          "kind", "rule", "error", "headers")
    at_good, at_bad = letters.once(good, "the table"), letters.once(bad, "the letters")
    assert not at_good.keys() & at_bad.keys() and at_good.keys() | at_bad.keys() == messages.keys()
    for letter in bad:
        message = messages[letter[:2]]
        assert (letter[2], letter[3]) == (message.value(), message.key()), letter
        assert letter[4] == topic and letter[5] == "orders_checked" and letter[6] and letter[7] and letter[8]
    with_headers = [letter[9] for letter in bad if letter[2] == b'{"order_id":"h","amount":-1}']
    assert [(h["key"], h["value"]) for h in with_headers[0]] == [("source", b"test"), ("n", None)], with_headers
    total = sum(batch.get("deadLetters", {}).get("total", 0) for batch in progress_of(lab.path("progress")))
    assert total == len(bad) > 100, f"{total} counted, {len(bad)} letters"
    first = progress_of(lab.path("progress"))[0]
    assert [rule["name"] for rule in first["expectations"]] == ["has_id", "positive_amount", "known_status"], first


def test_show_and_stats(lab):
    topic = lab.topic(2)
    lab.generate(topic, 500, "--keyed")
    lake = lab.lake(topic, pipeline="quarantine.sql", format="delta", drop=3)
    for action in ("stats", "show"):
        result = letters.dlq(lake, action).expect(0, f"nothing is at `{lake.dir}/bad`", "no query of this pipeline has run")
        assert "no dead letters" in result.out
    letters.dlq(lake, "replay").expect(78, f"no checkpoint at `{lake.dir}/c`", "is it the right one?")
    assert not os.path.exists(lake.file("")), "looking at a wrong path made a checkpoint"
    lake.run().ok()
    values = values_of(lab.broker, topic)
    want = [at for at in values if at[1] % 7 == 3]
    counted = [json.loads(line) for line in letters.dlq(lake, "stats", "--json").ok().out.splitlines()]
    assert sum(group["open"] for group in counted) == len(want)
    assert {(g["query"], g["kind"], g["rule"], g["topic"]) for g in counted} == {("raw", "constraint", "seven", topic)}
    assert f"{len(want)}  in all" in letters.dlq(lake, "stats").ok().out
    shown = [json.loads(line) for line in letters.dlq(lake, "show", "--json", "--limit", "5").ok().out.splitlines()]
    assert len(shown) == 5 and all((row["partition"], row["offset"]) in want for row in shown), shown
    assert all(row["value"].encode() == values[(row["partition"], row["offset"])] for row in shown)
    assert sorted((row["failed_at"], row["batch_id"], row["offset"]) for row in shown) == [(row["failed_at"], row["batch_id"], row["offset"]) for row in reversed(shown)]
    assert all(row["state"] == "open" and row["query_id"] and "sqlstate" in row and "headers" in row for row in shown), shown[0]
    for action in (["stats"], ["show"], ["show", "--limit", "100"]):
        text = letters.dlq(lake, *action).ok().out
        assert max(len(line) for line in text.splitlines()) <= 120, text
    text = letters.dlq(lake, "show", "--limit", "1").ok().out
    for part in ("1. 20", "query raw, batch ", ", open", f"from        {topic}-", ", offset ", "reason      constraint seven", "error ", "key         "):
        assert part in text, text
    full = letters.dlq(lake, "show", "--limit", "1", "--full").ok().out
    assert len(full) > len(text) and f"query_id    {shown[0]['query_id']}" in full and "timestamp   20" in full, full
    letters.dlq(lake, "show", "--query", "rwa").expect(78, "no query `rwa`", "`raw`")
    letters.dlq(lake, "replay", "--query", "rwa").expect(78, "no query `rwa`", "`raw`")
    letters.dlq(lake, "shw").expect(2, "`dlq` has no `shw`")


def test_replay_after_a_fix(lab):
    for kind in ("delta", "parquet"):
        topic = lab.topic(3)
        lab.generate(topic, 600, "--keyed")
        values = values_of(lab.broker, topic)
        lake = lab.lake(topic, name=kind, pipeline="quarantine.sql", format=kind, drop=3, limit=200)
        lake.run().ok()
        letters.check_split(lake, kind, values, lambda p, o: o % 7 == 3)
        lake.variables["drop"] = 100
        said = letters.dlq(lake, "replay").ok().out
        assert re.match(r"raw: replayed (\d+) dead letters as batch \d+; 0 failed again", said), said
        rows = letters.once(letters.rows_of(lake.table, kind, "p", "o", "value"), "the table")
        assert rows == values
        assert "no dead letters to replay" in letters.dlq(lake, "replay").ok().out
        counted = letters.dlq(lake, "stats").ok().out.splitlines()[-1]
        assert re.fullmatch(r" +0  in all, and \d+ that were replayed", counted), counted
        assert {json.loads(line)["state"] for line in letters.dlq(lake, "show", "--json").ok().out.splitlines()} == {"replayed"}
        last, before = lake.offsets(lake.batches()[-1]), lake.offsets(lake.batches()[-2])
        assert last == before, "a replay must not move the offsets"
        lab.broker.produce(topic, [(0, None, b"more")])
        lake.run().ok()
        assert len(letters.rows_of(lake.table, kind, "p", "o", "value")) == len(values) + 1


def test_running_query_is_not_replayed(lab):
    topic = lab.topic(1)
    lab.generate(topic, 50)
    lake = lab.lake(topic, pipeline="quarantine.sql", format="delta", drop=3)
    running = lake.start()
    from lib import process
    process.wait_for(lambda: os.path.isdir(lake.file("commits")) and lake.batches(), "the first batch")
    letters.dlq(lake, "replay").expect(75, "pid")
    running.signal(15)
    running.wait().ok()
    letters.dlq(lake, "replay").ok()


def test_limits_stop_a_pipeline_of_garbage(lab):
    topic = lab.topic(1)
    lab.generate(topic, 700)
    with open(os.path.join(sluice.ROOT, "tests/flow/quarantine.sql")) as text:
        limited = text.read().replace("'sluice.quarantine' = 'bad'", "'sluice.quarantine' = 'bad', 'sluice.quarantine.maxRows' = '99'")
    lake = lab.lake(topic, pipeline=lab.write("limited.sql", limited), format="delta", drop=3)
    lake.run().expect(DATA, "100 of 700 records failed (14.3 %)", "maxRows", f"topic {topic} partition 0 offset 3", "raise the limit")
    assert letters.rows_of(lake.table, "delta", "p") == [] and not os.path.isdir(os.path.join(lake.dir, "bad", "_delta_log"))
    lake.pipeline = lab.write("limited.sql", limited.replace("'99'", "'100'"))
    lake.run().ok()
    letters.check_split(lake, "delta", values_of(lab.broker, topic), lambda p, o: o % 7 == 3)


def check_shared(lake, values):
    letters.check_split(lake, "delta", values, lambda p, o: o % 7 == 3)
    two = letters.once(letters.rows_of(os.path.join(lake.dir, "two"), "parquet", "p", "o", "value"), "the second table")
    assert two == {at: value for at, value in values.items() if at[1] % 2 == 0}


def test_one_read_for_two_tables(lab):
    """The profile says how many rows were read from the topic in all."""
    topic = lab.topic(3)
    lab.generate(topic, 900, "--keyed")
    values = values_of(lab.broker, topic)
    for shared, reads in (("true", 1), ("false", 2)):
        lake = lab.lake(topic, name=shared, pipeline="shared.sql", shared=shared, limit=300)
        result = lake.run("--profile").ok()
        timed = [float(line.split()[1]) for line in result.err.splitlines() if line.strip().startswith("read ")]
        assert len(timed) == 2 and sum(ns > 0 for ns in timed) == reads, result.err
        check_shared(lake, values)


def test_table_that_is_new_in_the_file_catches_up(lab):
    topic = lab.topic(2)
    lab.generate(topic, 400, "--keyed")
    lake = lab.lake(topic, pipeline="shared.sql", shared="true", limit=100)
    whole = lake.pipeline
    with open(whole) as text:
        lake.pipeline = lab.write("first.sql", text.read().split("CREATE STREAMING TABLE two")[0])
    lake.run().ok()
    lake.pipeline = whole
    lab.generate(topic, 300, "--keyed", seed=2)
    lake.run().ok()
    check_shared(lake, values_of(lab.broker, topic))


def test_letters_in_a_topic(lab):
    """Key and value as they came; everything else in headers; each letter once for readers of committed records."""
    topic, rejected = lab.topic(2), lab.topic(1)
    lab.generate(topic, 300, "--keyed")
    lake = lab.lake(topic, pipeline=letters.in_topic(lab, rejected), format="delta", drop=3, limit=100)
    assert lake.run(failpoints="letters.committed:2:crash").status == sluice.CRASHED
    lake.run().ok()
    values = lab.broker.read(topic, True)
    found = {}
    for message in lab.broker.read(rejected, True).values():
        headers = {name: value.decode() for name, value in message.headers()}
        at = int(headers["sluice.partition"]), int(headers["sluice.offset"])
        assert at not in found, f"{at} is twice in the topic"
        assert headers["sluice.topic"] == topic and headers["sluice.rule"] == "seven" and headers["sluice.query"] == "raw"
        assert (message.key(), message.value()) == (values[at].key(), values[at].value())
        found[at] = message
    assert sorted(found) == sorted(at for at in values if at[1] % 7 == 3)
    good = letters.once(letters.rows_of(lake.table, "delta", "p", "o", "value"), "the table")
    assert not good.keys() & found.keys() and len(good) + len(found) == len(values)


def test_letters_of_a_table_that_is_read_as_a_stream(lab):
    """Bronze to silver: the row is kept as JSON, with the table it came from; a replay is refused by name."""
    topic, folder = lab.topic(1), lab.path("chain")
    lab.broker.produce(topic, [(0, None, str(i if i % 5 else "no number").encode()) for i in range(100)])
    file = lab.write("chain.sql", f"""CREATE STREAMING TABLE bad USING delta LOCATION '{folder}/bad';
CREATE STREAMING TABLE silver USING delta LOCATION '{folder}/silver'
TBLPROPERTIES ('sluice.checkpointLocation' = '{folder}/c2', 'sluice.quarantine' = 'bad')
AS SELECT CAST(text AS INT) AS n FROM STREAM bronze;
CREATE STREAMING TABLE bronze USING delta LOCATION '{folder}/bronze'
TBLPROPERTIES ('sluice.checkpointLocation' = '{folder}/c1')
AS SELECT CAST(value AS STRING) AS text, offset AS o
FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest');""")
    sluice.run("run", file, "--available-now").ok()
    silver = letters.rows_of(f"{folder}/silver", "delta", "n")
    assert sorted(row[0] for row in silver) == [i for i in range(100) if i % 5]
    bad = letters.rows_of(f"{folder}/bad", "delta", "value", "topic", "partition", "kind", "query")
    assert sorted(json.loads(row[0])["o"] for row in bad) == list(range(0, 100, 5))
    assert all(json.loads(row[0])["text"] == "no number" and row[2:] == (None, "evaluation", "silver") for row in bad)
    assert all("bronze" in row[1] for row in bad), bad[0]
    sluice.run("dlq", "replay", file).expect(78, "only letters of Kafka records can be replayed")


def test_letters_are_read_as_a_stream(lab):
    """A third table of the file, written in front of the query that fills the letters, follows them in the same run."""
    topic = lab.topic(1)
    lab.broker.produce(topic, [(0, None, str(i if i % 5 else "no number").encode()) for i in range(100)])
    file = lab.write("alarms.sql", f"""CREATE STREAMING TABLE alarms USING delta LOCATION '{lab.path("alarms")}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c2")}')
AS SELECT offset AS o, error_class FROM STREAM bad;
CREATE STREAMING TABLE bad USING delta LOCATION '{lab.path("bad")}';
CREATE STREAMING TABLE good USING delta LOCATION '{lab.path("good")}'
TBLPROPERTIES ('sluice.checkpointLocation' = '{lab.path("c1")}', 'sluice.quarantine' = 'bad')
AS SELECT CAST(CAST(value AS STRING) AS INT) AS n, offset AS o
FROM STREAM read_kafka(bootstrapServers => '{lab.broker.address}', subscribe => '{topic}', startingOffsets => 'earliest');""")
    sluice.run("run", file, "--available-now").ok()
    alarms = letters.rows_of(lab.path("alarms"), "delta", "o", "error_class")
    assert sorted(alarms) == [(o, "CAST_INVALID_INPUT") for o in range(0, 100, 5)], alarms
    lab.broker.produce(topic, [(0, None, b"none")])
    sluice.run("run", file, "--available-now").ok()
    assert len(letters.rows_of(lab.path("alarms"), "delta", "o")) == 21
