"""Topic to topic: what the Kafka sink writes, judged by an independent consumer."""
import json
import os

from lib import process, sluice
from lib.lab import FLOW, values_of

COLUMNS = "key, value"


def sink_of(lab, source, options="", columns=COLUMNS, name="lake", limit=1000000, **variables):
    return lab.lake(source, name=name, pipeline="kafka_sink.sql", options=options, columns=columns, limit=limit, **variables)


def filled(lab, count=30, partitions=3):
    topic = lab.topic(partitions)
    lab.broker.produce(topic, [(i % partitions, b"k%d" % i, b"v%d" % i) for i in range(count)])
    return topic


def records(lab, topic, committed=True):
    """In the order of the partitions: [(partition, key, value, headers)]"""
    found = sorted(lab.broker.read(topic, committed).items())
    return [(p, m.key(), m.value(), m.headers()) for (p, _), m in found]


def check_copied(lab, source, target):
    """Every value once."""
    want, have = (sorted(values_of(lab.broker, topic).values()) for topic in (source, target))
    assert len(have) == len(set(have)), "a record is in the target twice"
    assert have == want, f"{len(have)} records, want {len(want)}"


def test_copies_a_topic(lab):
    for delivery in ("exactly-once", "at-least-once"):
        source, target = filled(lab, 300), lab.topic(4)
        lake = sink_of(lab, source, f", topic = '{target}', 'sluice.delivery' = '{delivery}'", limit=150, name=delivery)
        lake.run().ok()
        assert lake.batches() == [0, 1]
        check_copied(lab, source, target)
        lake.run().ok()
        check_copied(lab, source, target)
        lab.broker.produce(source, [(0, b"k", b"more")])
        lake.run().ok()
        check_copied(lab, source, target)


def test_order_within_a_partition(lab):
    """Rows of one key keep the order in which one partition of the source has them."""
    source, target = lab.topic(1), lab.topic(3)
    lab.broker.produce(source, [(0, b"k%d" % (i % 7), b"%d" % i) for i in range(20000)])
    sink_of(lab, source, f", topic = '{target}'", limit=6000).run().ok()
    last = {}
    for _, key, value, _ in records(lab, target):
        assert int(value) > last.get(key, -1), f"{value} of key {key} comes behind {last[key]}"
        last[key] = int(value)
    assert len(last) == 7


def test_all_columns(lab):
    source, other, more = lab.topic(1), lab.topic(4), lab.topic(2)
    headers = [("trace", b"1"), ("empty", b""), ("none", None)]
    lab.broker.produce(source, [(0, b"a", b"1", headers), (0, None, b"2"), (0, b"c", None), (0, b"", b"")])
    columns = f"key, value, headers, IF(offset < 2, '{other}', '{more}') AS topic, " \
        "CASE WHEN offset = 0 THEN 3 WHEN offset = 2 THEN 1 END AS partition, offset AS ignored"
    sink_of(lab, source, columns=columns).run().ok()
    found = records(lab, other)
    assert (3, b"a", b"1", headers) in found, found
    assert [row[1:] for row in found if row[0] != 3 or row[1] is None] == [(None, b"2", None)], found
    assert [row for row in records(lab, more) if row[1] == b"c"] == [(1, b"c", None, None)]
    assert [row[1:] for row in records(lab, more) if row[1] == b""] == [(b"", b"", None)]


def test_topic_option_wins(lab):
    source, target, other = filled(lab), lab.topic(1), lab.topic(1)
    sink_of(lab, source, f", TOPIC = ' {target} '", columns=f"value, '{other}' AS topic").run().ok()
    assert len(records(lab, target)) == 30 and not records(lab, other)
    assert {key for _, key, _, _ in records(lab, target)} == {None}


def test_json_value(lab):
    source, target = lab.topic(1), lab.topic(1)
    lab.broker.produce(source, [(0, b"k", b'{"a":1,"b":"x"}'), (0, None, b'{"a":2}')])
    text = lab.write("json.sql", f"""
CREATE SINK out USING kafka OPTIONS ('kafka.bootstrap.servers' = '${{brokers}}', topic = '{target}',
                                     'sluice.checkpointLocation' = '${{lake}}/c');
CREATE FLOW f AS INSERT INTO out BY NAME
SELECT k AS key, to_json(struct(*)) AS value
FROM (SELECT CAST(key AS STRING) AS k, o.a, o.b
      FROM (SELECT key, from_json(CAST(value AS STRING), 'a INT, b STRING') AS o
            FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '{source}', startingOffsets => 'earliest')));
""")
    lab.lake(source, pipeline=text).run().ok()
    assert [row[1:3] for row in records(lab, target)] == [(b"k", b'{"k":"k","a":1,"b":"x"}'), (None, b'{"a":2}')]


def test_streaming_table_using_kafka(lab):
    source, target = filled(lab), lab.topic(2)
    text = lab.write("table.sql", f"""
CREATE STREAMING TABLE copy USING kafka
TBLPROPERTIES ('kafka.bootstrap.servers' = '${{brokers}}', 'topic' = '{target}', 'sluice.checkpointLocation' = '${{lake}}/c')
AS SELECT key, value FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '{source}', startingOffsets => 'earliest');
""")
    lab.lake(source, pipeline=text).run().ok()
    check_copied(lab, source, target)


def test_read_uncommitted_readers_see_one_copy_too(lab):
    """A run without failures leaves nothing aborted behind."""
    source, target = filled(lab, 90), lab.topic(2)
    sink_of(lab, source, f", topic = '{target}'", limit=30).run().ok()
    assert len(records(lab, target, committed=False)) == 90


def test_a_reader_sees_whole_batches(lab):
    """Before the commit a reader of committed records sees none of a batch."""
    source, target = filled(lab, 600), lab.topic(3)
    lake = sink_of(lab, source, f", topic = '{target}'", limit=300)
    running = lake.start(failpoints="kafka_sink.flushed:2:stop")
    process.wait_for(lambda: "T" in open(f"/proc/{running.child.pid}/stat").read().split()[2], "the second batch to be written")
    assert len(records(lab, target, committed=False)) == 600
    ends = lab.broker.ends(target)
    running.kill9()
    lake.run().ok()
    check_copied(lab, source, target)
    assert sum(end for _, end in lab.broker.ends(target).values()) > sum(end for _, end in ends.values())


def test_batches_without_rows(lab):
    """They are committed, and leave nothing in the topic."""
    source, target = filled(lab, 60), lab.topic(1)
    lake = sink_of(lab, source, f", topic = '{target}'", columns="key, value, offset", limit=30)
    with open(os.path.join(FLOW, "kafka_sink.sql")) as text:
        lake.pipeline = lab.write("none.sql", text.read().replace("'${loss}')", "'${loss}') WHERE partition > 5"))
    lake.run().ok()
    assert lake.batches() == [0, 1] and lab.broker.ends(target) == {0: (0, 0)}


# ---- what is refused ----

def test_columns_are_checked_as_spark_does(lab):
    source, target = filled(lab), lab.topic(1)
    topic = f", topic = '{target}'"
    for columns, options, text in (
            ("key", topic, "Required attribute 'value' not found"),
            ("value AS Value", topic, "Required attribute 'value' not found"),
            ("partition AS value", topic, "value attribute unsupported type int. value must be a(n) string or binary"),
            ("offset AS key, value", topic, "key attribute unsupported type bigint. key must be a(n) string or binary"),
            ("value, CAST(partition AS BIGINT) AS partition", topic, "partition attribute unsupported type bigint. partition must be a(n) int"),
            ("value, 'x' AS headers", topic, "headers must be a(n) array<struct<key:string,value:binary>>"),
            ("value, partition AS topic", "", "topic attribute unsupported type int. topic must be a(n) string"),
            ("value", "", "topic option required when no 'topic' attribute is present. Use the topic option for setting a topic.")):
        sink_of(lab, source, options, columns, name=f"l{abs(hash((columns, options)))}").run().expect(78, text)


def test_rows_that_no_topic_holds(lab):
    """The error has what, the column, the record that the row was made from, and what to do."""
    source, target = filled(lab, 3, 1), lab.topic(1)
    place, bad = f"made from topic {source} partition 0 offset 0)", "IF(offset = 1, %s, %s)"
    for columns, options, texts in (
            ("value, CAST(NULL AS STRING) AS topic", "", ("null topic present in the data. Use the topic option", f"(column `topic` of the row {place}", "coalesce")),
            ("value, 'a b' AS topic", "", ("`a b` cannot be the name of a topic", f"(column `topic` of the row {place}", "names have letters")),
            ("value, -7 AS partition", f", topic = '{target}'", ("the partition is -7", f"(column `partition` of the row {place}", "NULL leaves the choice")),
            ("value, explode(array(-1, 0)) AS partition", f", topic = '{target}'", ("the partition is -1",)),
            (f"value, {bad % ('7', '0')} AS partition", f", topic = '{target}'",
             (f"topic `{target}` has no partition 7", "the column `partition`", f"(made from topic {source} partition 0 offset 1)", f"sluice topic describe {target}")),
            ("value, array(named_struct('key', CAST(NULL AS STRING), 'value', value)) AS headers", f", topic = '{target}'",
             ("a header has no key", f"(column `headers` of the row {place}", "Give every struct")),
            ("repeat('x', 1048576) AS value", f", topic = '{target}'",
             ("the record is 10486", "value 1048576, key 0", "`max.request.size` (1048576)", f"(column `value` of the row {place}", "raise `kafka.max.request.size`"))):
        lake = sink_of(lab, source, options, columns, name=f"l{abs(hash(columns))}")
        lake.run().expect(1, *texts)
        assert lake.batches() == [] and not records(lab, target), columns


def test_rows_for_a_topic_that_is_not_there(lab):
    source, target = filled(lab, 3, 1), lab.topic(1)
    lake = sink_of(lab, source, columns=f"value, IF(offset = 1, '{target}x', '{target}') AS topic")
    lake.run().expect(1, f"topic `{target}x` does not exist on the Kafka brokers", f"(made from topic {source} partition 0 offset 1)",
                      f"sluice topic create {target}x")
    assert not records(lab, target)


def test_a_topic_that_takes_less(lab):
    """The topic's own limit bounds what is sent at once, and a record that is larger by itself is named."""
    source, target = lab.topic(1), lab.topic(1, max_message_bytes=20000)
    lab.broker.produce(source, [(0, b"k", os.urandom(15000)) for _ in range(20)])
    lake = sink_of(lab, source, f", topic = '{target}'")
    lake.run().ok()
    check_copied(lab, source, target)
    lab.broker.produce(source, [(0, b"k", os.urandom(100)), (0, b"k", os.urandom(30000))])
    lake.run().expect(1, "the record is 30087 bytes", "`max.message.bytes` of the topic (20000)", "offset 21")
    assert len(records(lab, target)) == 20
    lab.broker.configure(target, max_message_bytes=40000)
    lake.run().ok()
    check_copied(lab, source, target)


def test_a_topic_of_the_rows_that_takes_less(lab):
    """There the broker says it: the message names topic and partition; nothing of the batch is committed."""
    source, target = lab.topic(1), lab.topic(1, max_message_bytes=20000)
    lab.broker.produce(source, [(0, b"k", os.urandom(30000))])
    lake = sink_of(lab, source, columns=f"key, value, '{target}' AS topic")
    lake.run().expect(1, "a record of 30001 bytes", f"topic `{target}` partition 0", f"(made from topic {source} partition 0 offset 0)",
                      "max.message.bytes")
    assert not records(lab, target)
    lab.broker.configure(target, max_message_bytes=40000)
    lake.run().ok()
    check_copied(lab, source, target)


def test_options_are_checked(lab):
    source, target = filled(lab), lab.topic(1)
    for number, (options, text) in enumerate((
            (", topik = 'x'", "the Kafka sink has no option `topik`"),
            (f", topic = '{target}', 'kafka.key.serializer' = 'x'", "`kafka.key.serializer` is not supported"),
            (f", topic = '{target}', 'kafka.transactional.id' = 'x'", "`kafka.transactional.id` is not supported"),
            (f", topic = '{target}', 'kafka.acks' = '1'", "`kafka.acks` = `1` does not go with exactly-once"),
            (f", topic = '{target}', 'kafka.linger.mss' = '1'", "did you mean `kafka.linger.ms`?"),
            (f", topic = '{target}', 'sluice.delivery' = 'twice'", "wants exactly-once or at-least-once"),
            (f", topic = '{target}', 'kafka.transaction.timeout.ms' = '99999999'", "transaction.max.timeout.ms"),
            (f", topic = '{target}-is-not-there'", "does not exist"))):
        sink_of(lab, source, options, name=f"l{number}").run().expect(78, text)


def test_at_least_once_takes_weak_acks(lab):
    source, target = filled(lab), lab.topic(1)
    options = f", topic = '{target}', 'kafka.acks' = '1', 'sluice.kafka.delivery' = 'at-least-once', 'kafka.compression.type' = 'zstd', " \
        "'kafka.buffer.memory' = '8388608', includeHeaders = 'true'"
    sink_of(lab, source, options).run().ok()
    check_copied(lab, source, target)


def test_progress_counts_rows(lab):
    source, target = filled(lab), lab.topic(1)
    lake = sink_of(lab, source, f", topic = '{target}'")
    path = lab.path("progress")
    lake.run("--progress", path).ok()
    with open(path) as text:
        progress = json.loads(text.readline())
    assert progress["sink"]["numOutputRows"] == 30 and progress["sink"]["description"] == f"KafkaSink[{target}]", progress["sink"]


def test_small_queue_blocks_and_does_not_fail(lab):
    source, target = lab.topic(2), lab.topic(2)
    lab.broker.produce(source, [(i % 2, b"k", os.urandom(1000)) for i in range(20000)])
    sink_of(lab, source, f", topic = '{target}', 'kafka.buffer.memory' = '65536'").run().ok()
    check_copied(lab, source, target)


# ---- dead letters ----

NUMBER = "CAST(CAST(value AS STRING) AS INT)"


def quarantine(lab, source, target, letters, more="", name="q", column=f"CAST({NUMBER} AS STRING)"):
    text = lab.write(f"{name}.sql", f"""
CREATE SINK letters USING kafka OPTIONS ('kafka.bootstrap.servers' = '${{brokers}}', topic = '{letters}');
CREATE STREAMING TABLE good USING kafka
TBLPROPERTIES ('kafka.bootstrap.servers' = '${{brokers}}', 'topic' = '{target}', 'sluice.checkpointLocation' = '${{lake}}/c',
               'sluice.quarantine' = 'letters' {more})
AS SELECT key, {column} AS value
FROM STREAM read_kafka(bootstrapServers => '${{brokers}}', subscribe => '{source}', startingOffsets => 'earliest',
                       includeHeaders => 'true', maxOffsetsPerTrigger => '${{limit}}');
""")
    return lab.lake(source, pipeline=text, name=name, limit=2)


def test_dead_letters_in_a_topic(lab):
    """The record as it was, everything else in headers behind its own."""
    source, target, letters = lab.topic(1), lab.topic(1), lab.topic(2)
    lab.broker.produce(source, [(0, b"a", b"1"), (0, b"b", b"x", [("own", b"h")], 1736899200123), (0, None, b"3"), (0, b"d", b"4")])
    lake = quarantine(lab, source, target, letters)
    lake.run().ok()
    assert [row[2] for row in records(lab, target)] == [b"1", b"3", b"4"]
    [(_, key, value, headers)] = records(lab, letters)
    assert (key, value, headers[0]) == (b"b", b"x", ("own", b"h")), headers
    known = {name: text.decode() for name, text in headers[1:]}
    assert {name: known[f"sluice.{name}"] for name in ("query", "batch_id", "topic", "partition", "offset", "timestamp", "kind", "error_class")} == {
        "query": "good", "batch_id": "0", "topic": source, "partition": "0", "offset": "1", "timestamp": "2025-01-15T00:00:00.123Z",
        "kind": "evaluation", "error_class": "CAST_INVALID_INPUT"}, known
    lake.run().ok()
    assert len(records(lab, letters)) == 1 and len(records(lab, target)) == 3


def test_what_no_topic_holds_becomes_a_dead_letter(lab):
    """A record too large for the target: kind write; the rows around it arrive."""
    source, target, letters = lab.topic(1), lab.topic(1), lab.topic(1)
    lab.broker.produce(source, [(0, b"k", b"%d" % length) for length in (1, 2000, 3)])
    lake = quarantine(lab, source, target, letters, ", 'kafka.max.request.size' = '1000'", column=f"repeat('x', {NUMBER})")
    lake.run().ok()
    assert [row[2] for row in records(lab, target)] == [b"x", b"xxx"]
    [(_, _, value, headers)] = records(lab, letters)
    known = {name: text.decode() for name, text in headers}
    assert (value, known["sluice.kind"], known["sluice.rule"]) == (b"2000", "write", "max.request.size"), known
    assert "the record is 2086 bytes when serialized" in known["sluice.error"], known
