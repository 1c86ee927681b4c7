"""What a Kafka source meets: where to start, codecs, gaps, transactions, retention, topics that come and go."""
import json
import os
import signal
import time

from confluent_kafka import Producer

from flow.test_triggers import filled, numbers
from lib import process, sluice
from lib.lab import Skip, values_of


def lake_of(lab, options, topic="", columns="", name="lake"):
    return lab.lake(topic, name=name, pipeline="kafka.sql", options=options, columns=columns)


def ids(lake):
    rows = lake.rows("p", "o")
    assert len(rows) == len(set(rows)), "a record is in the table twice"
    return sorted(rows)


# ---- where to start ----

def test_start_latest(lab):
    topic = filled(lab, (10,))
    lake = lake_of(lab, f"subscribe => '{topic}'")
    lake.run().ok()
    assert ids(lake) == []
    lab.broker.produce(topic, numbers(0, 5))
    lake.run().ok()
    assert ids(lake) == [(0, o) for o in range(10, 15)]


def test_start_at_offsets(lab):
    topic = filled(lab, (10, 10, 10))
    start = json.dumps({topic: {"0": 4, "1": -2, "2": -1}})
    lake = lake_of(lab, f"subscribe => '{topic}', startingOffsets => '{start}'")
    lake.run().ok()
    assert ids(lake) == [(0, o) for o in range(4, 10)] + [(1, o) for o in range(10)]


def test_start_at_timestamp(lab):
    topic = lab.topic(2)
    lab.broker.produce(topic, [(p, b"k", b"v", None, 1736899200000 + 1000 * i) for i in range(10) for p in (0, 1)])
    lake = lake_of(lab, f"subscribe => '{topic}', startingTimestamp => '1736899204000'")
    lake.run().ok()
    assert ids(lake) == [(p, o) for p in (0, 1) for o in range(4, 10)]
    stamps = json.dumps({topic: {"0": 1736899207000, "1": 1736899209000}})
    lake = lake_of(lab, f"subscribe => '{topic}', startingOffsetsByTimestamp => '{stamps}'", name="by-partition")
    lake.run().ok()
    assert ids(lake) == [(0, 7), (0, 8), (0, 9), (1, 9)]


def test_start_at_a_timestamp_in_the_future(lab):
    topic = filled(lab, (3,))
    options = f"subscribe => '{topic}', startingTimestamp => '4102444800000'"
    lake_of(lab, options).run().expect(78, "no record at or after", "startingOffsetsByTimestampStrategy")
    lake = lake_of(lab, options + ", startingOffsetsByTimestampStrategy => 'latest'", name="latest")
    lake.run().ok()
    lab.broker.produce(topic, numbers(0, 1))
    lake.run().ok()
    assert ids(lake) == [(0, 3)]


def test_pattern_finds_new_topics(lab):
    topic = filled(lab, (5,))
    lake = lake_of(lab, f"subscribePattern => '{topic}(-more)?', startingOffsets => 'earliest'")
    lake.run().ok()
    assert len(ids(lake)) == 5
    lab.broker.create(topic + "-more")
    lab.broker.create(topic + "-moreover")
    lab.broker.produce(topic + "-more", numbers(0, 4))
    lab.broker.produce(topic + "-moreover", numbers(0, 4))
    lake.run().ok()
    assert sorted(set(lake.rows("topic"))) == [(topic,), (topic + "-more",)]
    assert len(lake.rows("o")) == 9


def test_assign(lab):
    topic = filled(lab, (5, 6, 7))
    lake = lake_of(lab, f"assign => '{json.dumps({topic: [0, 2]})}', startingOffsets => 'earliest'")
    lake.run().ok()
    assert ids(lake) == [(0, o) for o in range(5)] + [(2, o) for o in range(7)]


def test_several_topics(lab):
    one, two = filled(lab, (5,)), filled(lab, (6,))
    lake = lake_of(lab, f"subscribe => '{one}, {two}', startingOffsets => 'earliest'")
    lake.run().ok()
    assert sorted(lake.rows("topic", "o")) == sorted([(one, o) for o in range(5)] + [(two, o) for o in range(6)])


# ---- records ----

def test_columns_and_headers(lab):
    topic = lab.topic()
    lab.broker.produce(topic, [(0, b"a", b"1", [("h", b"x"), ("h", None), ("g", b"")], 1736899200123),
                               (0, None, None, None, 1736899200124)])
    lake = lake_of(lab, f"subscribe => '{topic}', startingOffsets => 'earliest', includeHeaders => 'true'", columns=", headers")
    lake.run().ok()
    rows = sorted(lake.rows("o", "key", "value", "timestampType", "headers"))
    assert rows[0] == (0, "a", b"1", 0, [{"key": "h", "value": b"x"}, {"key": "h", "value": None}, {"key": "g", "value": b""}])
    assert rows[1] == (1, None, None, 0, None)
    stamps = sorted(int(stamp.timestamp() * 1000) for stamp, in lake.rows("timestamp"))
    assert stamps == [1736899200123, 1736899200124]


def test_codecs(lab):
    topic = lab.topic(1)
    for codec in ("none", "snappy", "lz4", "gzip", "zstd"):
        lab.broker.produce(topic, numbers(0, 300), compression_type=codec)
    lake = lab.lake(topic)
    lake.run().ok()
    lake.check_whole(values_of(lab.broker, topic))
    assert len(lake.rows("o")) == 1500


def test_large_record(lab):
    topic = lab.topic(1, max_message_bytes=31457280)
    big = b'{"a":"' + b"x" * 20_000_000 + b'"}'
    lab.broker.produce(topic, [(0, b"k", b"small"), (0, b"k", big), (0, b"k", b"after")])
    lake = lab.lake(topic)
    lake.run().ok()
    lake.check_whole({(0, 0): b"small", (0, 1): big, (0, 2): b"after"})


# ---- gaps ----

def test_compacted_topic(lab):
    """Offsets that the cleaner removed are not lost records, and a range may end in a gap."""
    topic = lab.topic(1, cleanup_policy="compact", min_cleanable_dirty_ratio="0.001", segment_ms=50, segment_bytes=1048576,
                      max_compaction_lag_ms=100, delete_retention_ms=0)
    for turn in range(6):
        lab.broker.produce(topic, [(0, b"k%d" % (i % 5), b"%d-%d" % (turn, i) + b"x" * 200) for i in range(40)])
        time.sleep(0.06)  # segments are cut by time
    lab.broker.produce(topic, [(0, b"end", b"end")])
    process.wait_for(lambda: len(lab.broker.read(topic)) < 120, "the log cleaner", 40, 0.5)
    lake = lab.lake(topic, limit=30)
    lake.run().ok()
    rows = dict(((p, o), v) for p, o, v in lake.rows("p", "o", "value"))
    now = values_of(lab.broker, topic)
    assert now.items() <= rows.items(), "a record that is there is not in the table"
    assert len(rows) < 241 and len(lake.batches()) == 9


def transactional(lab):
    topic = lab.topic(1)
    for turn, commit in enumerate((True, False, True, False)):
        lab.broker.transaction(topic, [(0, b"k", b"%d-%d" % (turn, i)) for i in range(20)], commit)
    return topic


def test_transactions(lab):
    topic = transactional(lab)
    committed, all_records = values_of(lab.broker, topic), values_of(lab.broker, topic, committed=False)
    assert (len(committed), len(all_records)) == (40, 80)
    for limit in (7, 1000):
        lake = lab.lake(topic, name=f"limit{limit}", limit=limit)
        lake.run().ok()
        lake.check_whole(all_records)  # Spark's default: the Java consumer's read_uncommitted
        options = f"subscribe => '{topic}', startingOffsets => 'earliest', `kafka.isolation.level` => 'read_committed'"
        lake = lake_of(lab, f"{options}, maxOffsetsPerTrigger => '{limit}'", name=f"committed{limit}")
        lake.run().ok()
        assert {(p, o): v for p, o, v in lake.rows("p", "o", "value")} == committed


def test_open_transaction_holds_the_end(lab):
    """read_committed ends before an open transaction, says so, and goes on behind it once it is committed."""
    topic = lab.topic(1)
    lab.broker.produce(topic, numbers(0, 5))
    producer = Producer({"bootstrap.servers": lab.broker.address, "transactional.id": "open", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    for i in range(5):
        producer.produce(topic, b"open%d" % i, partition=0)
    producer.flush(20)
    lab.broker.produce(topic, numbers(0, 5))
    lake = lake_of(lab, f"subscribe => '{topic}', startingOffsets => 'earliest', `kafka.isolation.level` => 'read_committed'")
    lake.run().expect(0, f"10 offsets are left for a later run, behind a transaction that has not ended (the first is {topic}-0 offset 5)")
    assert ids(lake) == [(0, o) for o in range(5)]
    running = lake.start()
    process.wait_for(lambda: f"10 offsets wait behind a transaction that has not ended for 10 s (the first is {topic}-0 offset 5)" in running.err,
                     "a word about the transaction", 60)
    producer.commit_transaction(20)
    process.wait_for(lambda: "the transaction that was waited for ended" in running.err, "the end of the wait", 60)
    time.sleep(5)  # half-way to the next look
    producer.begin_transaction()  # the end has stood for long, this transaction has not
    producer.produce(topic, b"young", partition=0)
    producer.flush(20)
    begun = time.monotonic()
    process.wait_for(lambda: running.err.count("behind a transaction that has not ended for 10 s") == 2, "a word about the next", 60)
    assert time.monotonic() - begun > 9.5, "it was told too early"
    producer.abort_transaction(20)
    running.signal(signal.SIGTERM)
    running.wait().ok()
    assert ids(lake) == [(0, o) for o in range(15)]


def test_only_aborted_records(lab):
    topic = lab.topic(1)
    lab.broker.transaction(topic, numbers(0, 50), commit=False)
    lake = lake_of(lab, f"subscribe => '{topic}', startingOffsets => 'earliest', `kafka.isolation.level` => 'read_committed'")
    lake.run().ok()
    assert ids(lake) == []


# ---- data loss ----

def test_deleted_records(lab):
    topic = filled(lab, (100, 100))
    for loss in ("true", "false"):
        lake = lab.lake(topic, name=f"loss-{loss}", limit=20, loss=loss)
        lake.run("--max-batches", 1).ok()
    lab.broker.delete_records(topic, {0: 60})
    kept = lab.lake(topic, name="loss-true", limit=20)
    kept.run().expect(1, "KAFKA_DATA_LOSS", f"{topic}-0", "failOnDataLoss")
    assert kept.batches() == [0]
    lossy = lab.lake(topic, name="loss-false", limit=20, loss="false")
    progress = lab.path("progress")
    result = lossy.run("--progress", progress).ok()
    assert "KAFKA_DATA_LOSS" in result.err, "the loss is not logged"
    want = [(0, o) for o in range(10)] + [(0, o) for o in range(60, 100)] + [(1, o) for o in range(100)]
    assert ids(lossy) == want
    lossy.check_settled()


def test_offset_below_the_start_of_a_new_query(lab):
    topic = filled(lab, (20,))
    lab.broker.delete_records(topic, {0: 15})
    start = json.dumps({topic: {"0": 5}})
    options = f"subscribe => '{topic}', startingOffsets => '{start}'"
    lake_of(lab, options).run().expect(1, "KAFKA_DATA_LOSS")


def test_topic_deleted(lab):
    topic = filled(lab, (10,))
    lake = lab.lake(topic)
    lake.run().ok()
    lab.broker.delete(topic)
    result = lake.run()
    assert result.status in (1, 78) and topic in result.err, f"status {result.status}: {result.err[-300:]}"


def test_other_topics_under_an_old_checkpoint(lab):
    """The SQL names another topic: told as that, at once, and not as data that the brokers have lost."""
    old, new = filled(lab, (30, 30)), filled(lab, (20,))
    lab.lake(old).run().ok()
    for options in (f"subscribe => '{new}'", f"subscribePattern => '{new}.*'", f"assign => '{{\"{new}\":[0]}}'"):
        lake = lake_of(lab, options, name="lake")
        result = lake.run().expect(1, "KAFKA_DATA_LOSS", "the query reads other topics than its checkpoint knows", f"{old}-0, {old}-1",
                                   "name the old topics again", "failOnDataLoss")
        assert "asking again" not in result.err and "aged out" not in result.err, result.err
        assert lake.batches() == [0]
    lossy = lab.lake(new, loss="false")
    assert "it no longer reads" in lossy.run().ok().err
    assert len(lossy.rows("o")) == 80
    assert lossy.offsets(1) == {new: {"0": 20}}


def test_topic_recreated_with_fewer_records(lab):
    topic = filled(lab, (50,))
    lake = lab.lake(topic)
    lake.run().ok()
    lab.broker.delete(topic)
    lab.broker.create(topic)
    lab.broker.produce(topic, numbers(0, 10))
    lake.run().expect(1, "KAFKA_DATA_LOSS", topic)


def recreate(lab, topic, count):
    lab.broker.delete(topic)
    lab.broker.create(topic)
    lab.broker.produce(topic, numbers(0, count, 1000))


def test_topic_recreated_with_more_records(lab):
    """While no query ran: every offset of the checkpoint is in range, only the topic's id tells."""
    topic = filled(lab, (50,))
    strict, lossy = (lab.lake(topic, name=f"loss-{loss}", loss=loss) for loss in ("true", "false"))
    old = values_of(lab.broker, topic)
    for lake in (strict, lossy):
        lake.run().ok()
    recreate(lab, topic, 80)
    for _ in range(2):  # seen once must not be forgotten
        strict.run().expect(1, "KAFKA_DATA_LOSS", f"topic `{topic}` was deleted and created again", "failOnDataLoss")
        assert strict.batches() == [0]
        strict.check_whole(old)
    # goes on at the offsets of the checkpoint, as Spark does: the first 50 of the new topic are not read, and that is said
    result = lossy.run().ok()
    assert "KAFKA_DATA_LOSS" in result.err and f"`{topic}` was deleted and created again" in result.err, result.err
    new = values_of(lab.broker, topic)
    lossy.check_whole(old | {at: value for at, value in new.items() if at[1] >= 50})
    lab.broker.produce(topic, numbers(0, 5, 2000))
    result = lossy.run().ok()
    assert "KAFKA_DATA_LOSS" not in result.err, "told again although the new topic is known"
    lossy.check_whole(old | {at: value for at, value in values_of(lab.broker, topic).items() if at[1] >= 50})


def test_topic_recreated_with_fewer_records_and_loss_allowed(lab):
    topic = filled(lab, (50,))
    lake = lab.lake(topic, loss="false")
    lake.run().ok()
    recreate(lab, topic, 10)
    assert "KAFKA_DATA_LOSS" in lake.run().ok().err
    lab.broker.produce(topic, numbers(0, 5, 2000))
    lake.run().ok()
    rows = sorted((o, v) for o, v in lake.rows("o", "value") if v >= b'{"n":1000}' and len(v) > 8)
    assert rows == [(10 + i, b'{"n":%d}' % (2000 + i)) for i in range(5)], rows


def test_topic_recreated_while_running(lab):
    topic = filled(lab, (50,))
    lake = lab.lake(topic)
    running = lake.start(trigger="--every=50ms")
    process.wait_for(lambda: lake.batches(), "batch 0")
    lab.broker.delete(topic)
    lab.broker.create(topic)
    lab.broker.produce(topic, numbers(0, 80, 1000))
    result = running.wait(30)
    assert result.status in (1, 78) and topic in result.err, f"status {result.status}: {result.err[-300:]}"


def test_missing_topic_leaves_no_table(lab):
    lake = lab.lake("is-not-there")
    lake.run().expect(78, "topic `is-not-there` does not exist")
    assert not os.path.exists(lake.table), "there is a directory for a table that nobody made"


def test_missing_topic_leaves_no_checkpoint(lab):
    """What this run has made goes; a directory, or a checkpoint, that was there before stays."""
    lake = lab.lake("is-not-there")
    lake.pipeline = lab.write("deep.sql", open(lake.pipeline).read().replace("${lake}/c'", "${lake}/new/deep/c'"))
    new = os.path.join(lake.dir, "new")
    lake.run().expect(78, "topic `is-not-there` does not exist")
    assert not os.path.exists(new), os.listdir(new)
    os.makedirs(os.path.join(new, "deep"))
    with open(os.path.join(new, "mine"), "w"):
        pass
    lake.run().expect(78, "does not exist")
    assert sorted(os.listdir(new)) == ["deep", "mine"] and os.listdir(os.path.join(new, "deep")) == []
    lake.topic = lab.topic(1)
    lab.broker.produce(lake.topic, numbers(0, 10))
    lake.run().ok()
    kept = sorted(os.listdir(os.path.join(new, "deep", "c")))
    assert "metadata" in kept
    lake.topic = "is-not-there"
    lake.run().expect(78)
    assert sorted(os.listdir(os.path.join(new, "deep", "c"))) == kept


def test_explain_names_what_is_read(lab):
    for option, subject in (("subscribe => 'orders, clicks'", "orders, clicks"), ("subscribePattern => 'o.*'", "o.*"),
                            ("""assign => '{"t":[0]}'""", '{"t":[0]}')):
        text = lab.write("explain.sql", f"""CREATE STREAMING TABLE t USING parquet LOCATION '/t' TBLPROPERTIES ('sluice.checkpointLocation' = '/c')
AS SELECT value FROM STREAM read_kafka(bootstrapServers => 'h:1', {option});""")
        result = sluice.run("explain", text).ok()
        assert f"StreamingRelation [value] kafka {subject}\n" in result.out + "\n", result.out
