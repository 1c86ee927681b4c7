"""The Kafka sink next to Spark: Spark reads what we wrote, puts keys into the same partitions, and goes on with our
checkpoint as we go on with its."""
from flow.test_kafka_sink import check_copied, filled, records, sink_of
from lib import sluice, spark


def spark_copies(lab, source, target, checkpoint, limit=1000000):
    frame = spark.stream(lab.spark, lab.broker, source, maxOffsetsPerTrigger=limit)
    query = (frame.select("key", "value").writeStream.format("kafka").option("kafka.bootstrap.servers", lab.broker.address)
             .option("topic", target).option("checkpointLocation", checkpoint).trigger(availableNow=True).start())
    query.awaitTermination()


def spark_rows(lab, topic):
    """As a reader of committed records."""
    frame = (lab.spark.read.format("kafka").option("kafka.bootstrap.servers", lab.broker.address).option("subscribe", topic)
             .option("kafka.isolation.level", "read_committed").option("includeHeaders", "true").load())
    return [(row.partition, row.key and bytes(row.key), row.value and bytes(row.value),
             row.headers and [(h.key, h.value and bytes(h.value)) for h in row.headers])
            for row in frame.orderBy("partition", "offset").collect()]


def test_spark_reads_it_and_partitions_alike(lab):
    source, ours, sparks = filled(lab, 2000, 4), lab.topic(7), lab.topic(7)
    lake = sink_of(lab, source, f", topic = '{ours}'", columns="key, value, array(named_struct('key', 'o', 'value', value)) AS headers", limit=600)
    assert lake.run(failpoints="kafka_sink.flushed:2:crash").status == sluice.CRASHED
    lake.run().ok()
    spark_copies(lab, source, sparks, lab.path("spark"))
    seen, theirs = spark_rows(lab, ours), spark_rows(lab, sparks)
    assert all(headers == [("o", value)] for _, _, value, headers in seen)
    assert sorted(row[:3] for row in seen) == sorted(row[:3] for row in theirs)
    assert seen == records(lab, ours)


def test_one_checkpoint_in_turn(lab):
    """Spark's part is at-least-once by nature; without failures nothing is doubled."""
    source, target = filled(lab, 300, 3), lab.topic(2)
    lake = sink_of(lab, source, f", topic = '{target}'", limit=1000000)
    for number in range(5):
        if number:
            lab.broker.produce(source, [(0, b"k", b"more%d" % number)])
        if number % 2:
            spark_copies(lab, source, target, lake.checkpoint)
        else:
            lake.run().ok()
        assert lake.batches() == list(range(number + 1))
        check_copied(lab, source, target)
