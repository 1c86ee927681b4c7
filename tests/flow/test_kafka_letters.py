"""Dead letters in a Kafka topic, read back: shown, counted, replayed like those of a table."""
import json
import re

from lib import letters, sluice
from lib.lab import values_of


def is_seventh(at):
    return at[1] % 7 == 3


def filled(lab, format="delta", partitions=2, **config):
    """A pipeline that has run, its letters in a topic: (lake, letters' topic, {(partition, offset): value})."""
    topic, rejected = lab.topic(2), lab.topic(partitions, **config)
    lab.generate(topic, 400, "--keyed")
    lab.broker.produce(topic, [(0, b"k%d" % i, b"{}", [("source", b"test"), ("n", None)], 1700000000000 + i) for i in range(7)])
    lake = lab.lake(topic, name=format, pipeline=letters.in_topic(lab, rejected), format=format, drop=3, limit=150)
    lake.run().ok()
    return lake, rejected, values_of(lab.broker, topic)


def json_lines(result):
    return [json.loads(line) for line in result.ok().out.splitlines()]


def test_show_and_stats(lab):
    """Every column as it was written; the records that are no letters are counted, and the first is named."""
    lake, rejected, values = filled(lab)
    want = sorted(filter(is_seventh, values))
    groups = json_lines(letters.dlq(lake, "stats", "--json"))
    assert sum(group["open"] for group in groups) == len(want) > 50
    assert {(g["query"], g["kind"], g["rule"], g["topic"]) for g in groups} == {("raw", "constraint", "seven", lake.topic)}
    shown = json_lines(letters.dlq(lake, "show", "--json", "--limit", "1000"))
    assert sorted((row["partition"], row["offset"]) for row in shown) == want
    assert all(row["value"].encode() == values[row["partition"], row["offset"]] for row in shown)
    letters.dlq(lake, "show", "--query", "rwa").expect(78, "no query `rwa`", "`raw`")
    lab.broker.produce(rejected, [(1, None, b"foreign"), (1, None, b"broken", [("sluice.query", b"raw"), ("sluice.batch_id", b"x")])])
    lab.broker.transaction(rejected, [(0, None, b"aborted", [("sluice.query", b"raw")])], False)
    result = letters.dlq(lake, "stats").expect(0, f"2 records in topic `{rejected}` are no dead letters", "no header `sluice.query`")
    assert f"{len(want)}  in all" in result.out
    rows = json_lines(sluice.run("sql", "--format", "json", "-c", f"""SELECT key, value, headers, timestamp, topic, failed_at
        FROM read_kafka_letters(bootstrapServers => '{lab.broker.address}', topic => '{rejected}') WHERE size(headers) > 0"""))
    assert len(rows) == 1 and [h["key"] for h in rows[0]["headers"]] == ["source", "n"], rows
    assert rows[0]["timestamp"] == f"2023-11-14 22:13:20.00{rows[0]['key'][1:]}", rows


def test_a_topic_that_is_not_there_is_named(lab):
    topic = lab.topic(1)
    lake = lab.lake(topic, pipeline=letters.in_topic(lab, topic + "-letters"), format="delta", drop=3)
    letters.dlq(lake, "stats").expect(78, topic + "-letters")


def test_replay_after_a_fix(lab):
    for format in ("delta", "parquet"):
        lake, rejected, values = filled(lab, format)
        lab.broker.produce(rejected, [(1, None, b"foreign")])
        lake.variables["drop"] = 4
        result = letters.dlq(lake, "replay").expect(0, "1 records in topic", "no dead letters")
        assert re.match(r"raw: replayed (\d+) dead letters as batch \d+; 0 failed again", result.out), result.out
        assert result.err.count("no dead letters") == 1, "told once"
        rows = letters.once(letters.rows_of(lake.table, format, "p", "o", "value"), "the table")
        assert rows == values
        assert "no dead letters to replay" in letters.dlq(lake, "replay").ok().out
        assert lake.offsets(lake.batches()[-1]) == lake.offsets(lake.batches()[-2]), "a replay must not move the offsets"


def test_what_fails_again_waits_for_the_next_replay(lab):
    lake, rejected, values = filled(lab)
    want = list(filter(is_seventh, values))
    said = letters.dlq(lake, "replay").ok().out
    assert f"replayed {len(want)} dead letters" in said and f"{len(want)} failed again" in said, said
    assert len(letters.of_topic(lab.broker, rejected)) == 2 * len(want)
    lake.variables["drop"] = 100
    assert f"replayed {len(want)} dead letters" in letters.dlq(lake, "replay").ok().out
    assert letters.once(letters.rows_of(lake.table, "delta", "p", "o", "value"), "the table") == values


def test_two_queries_share_a_topic(lab):
    """Each is shown, and gets back, its own letters only."""
    topic, rejected = lab.topic(1), lab.topic(1)
    lab.broker.produce(topic, [(0, None, b"%d" % i if i % 5 else b"none") for i in range(50)])
    table = """CREATE STREAMING TABLE {0} USING delta LOCATION '{1}' TBLPROPERTIES ('sluice.checkpointLocation' = '{1}-c',
'sluice.quarantine' = 'bad') AS SELECT {2}(CAST(value AS STRING) AS INT) AS v, offset AS o
FROM STREAM read_kafka(bootstrapServers => '{3}', subscribe => '{4}', startingOffsets => 'earliest');"""

    def pipeline(cast):
        sink = f"CREATE SINK bad USING kafka OPTIONS ('bootstrapServers' = '{lab.broker.address}', 'topic' = '{rejected}');\n"
        return lab.write("two.sql", sink + "".join(
            table.format(name, lab.path(name), cast_of, lab.broker.address, topic) for name, cast_of in (("one", "CAST"), ("two", cast))))
    file = pipeline("CAST")
    sluice.run("run", file, "--available-now").ok()
    assert len(json_lines(sluice.run("dlq", "show", file, "--json"))) == 20
    assert {row["query"] for row in json_lines(sluice.run("dlq", "show", file, "--json", "--query", "two"))} == {"two"}
    said = sluice.run("dlq", "replay", pipeline("TRY_CAST"), "--query", "two").ok().out
    assert said.startswith("two: replayed 10 dead letters") and "; 0 failed again" in said, said
    assert [len(letters.rows_of(lab.path(name), "delta", "o")) for name in ("one", "two")] == [40, 50]


def test_what_retention_took_is_told(lab):
    """The topic's own beginning is the evidence; what is left is replayed."""
    lake, rejected, values = filled(lab, partitions=1)
    lab.broker.delete_records(rejected, {0: 20})
    left = letters.of_topic(lab.broker, rejected)
    result = letters.dlq(lake, "stats").expect(0, "dead letters may be gone", f"{rejected}-0 begins at offset 20")
    assert f"{len(left)}  in all" in result.out and 0 < len(left) < len(list(filter(is_seventh, values)))
    lake.variables["drop"] = 100
    result = letters.dlq(lake, "replay").expect(0, "dead letters may be gone")
    assert f"replayed {len(left)} dead letters" in result.out
    rows = letters.once(letters.rows_of(lake.table, "delta", "p", "o", "value"), "the table")
    lost = {at for at in filter(is_seventh, values)} - {row[:2] for row in left}
    assert rows == {at: value for at, value in values.items() if at not in lost}


def test_letters_that_go_between_plan_and_replay_are_told(lab):
    lake, rejected, values = filled(lab, partitions=1)
    lake.variables["drop"] = 100
    assert letters.dlq(lake, "replay", failpoints="read.mid:1:crash").status == sluice.CRASHED
    lab.broker.delete_records(rejected, {0: lab.broker.ends(rejected)[0][1]})
    lake.run().expect(0, "replays the dead letters of", "are gone, the first those of batch 0")
    rows = letters.once(letters.rows_of(lake.table, "delta", "p", "o", "value"), "the table")
    assert rows == {at: value for at, value in values.items() if not is_seventh(at)}
