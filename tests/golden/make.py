#!/usr/bin/env python3
"""Makes tests/golden/spark-<version>: a checkpoint and a table as a real Spark leaves them. README.md says how.

    PYTHON make.py --brokers HOST:PORT --jars DIR --root DIR

PYTHON has pyspark of the wanted version and confluent-kafka; DIR of --jars holds spark-sql-kafka and what it needs.
Spark works below --root (absent before, removed afterwards), which therefore stands in the paths of the sink log.
"""
import argparse
import datetime
import glob
import json
import os
import shutil

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDS = {"g_orders": (40, 31, 22), "g_returns": (24, 16, 27)}  # per partition: uneven, so shares are rounded
LIMIT = 16
CITIES = ("S\u00e3o Paulo", "a/b=c 100%")
SCHEMA = ("id STRING, amount DOUBLE, price DECIMAL(10,2), big DECIMAL(38,18), ts TIMESTAMP, day DATE, flag BOOLEAN, "
          "items ARRAY<STRUCT<sku: STRING, qty: INT>>, attributes MAP<STRING, STRING>, city STRING")


def record(n):
    """The n-th record; the unit tests derive the same values from n."""
    start = datetime.datetime(1931 if n % 7 == 0 else 2025, 1, 15, tzinfo=datetime.timezone.utc)
    stamp = start + datetime.timedelta(microseconds=61000001 * n)
    items = [{"sku": f"sku-{i}", "qty": n + i} for i in range(n % 3)]
    fields = [
        f'"id":"G-{n:04}"',
        f'"amount":{n * 0.25 - 1}',
        f'"price":{n}.{n % 100:02}',
        f'"big":-1000000000000.{n:018}',
        '"ts":null' if n % 5 == 4 else f'"ts":"{stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}"',
        f'"day":"{start.date() - datetime.timedelta(days=n)}"',
        f'"flag":{json.dumps(n % 2 == 0)}',
        '"items":null' if n % 11 == 0 else f'"items":{json.dumps(items)}',
        f'"attributes":{json.dumps({"k": f"v{n}", "none": None} if n % 4 == 0 else {"k": f"v{n}"})}',
    ]
    if n % 50 != 7:
        fields.append(f'"city":{json.dumps(CITIES[n % 2])}')
    return "{" + ",".join(fields) + "}"


def fill(brokers):
    """The records, partition after partition in the order of RECORDS."""
    admin = AdminClient({"bootstrap.servers": brokers})
    new = [NewTopic(name, num_partitions=len(parts), replication_factor=1) for name, parts in RECORDS.items()]
    for future in admin.create_topics(new).values():
        future.result(20)
    producer = Producer({"bootstrap.servers": brokers})
    n = 0
    for topic, parts in RECORDS.items():
        for partition, count in enumerate(parts):
            for _ in range(count):
                producer.produce(topic, record(n).encode(), partition=partition)
                n += 1
    assert producer.flush(30) == 0
    return admin


def query(brokers, jars, root):
    from pyspark.sql import SparkSession, functions as F
    spark = (SparkSession.builder.master("local[2]").config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar"))))
             .config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
             .config("spark.sql.warehouse.dir", root + "/warehouse")
             .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate())
    spark.sparkContext.setLogLevel("WARN")
    source = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers)
              .option("subscribe", ",".join(RECORDS)).option("startingOffsets", "earliest")
              .option("maxOffsetsPerTrigger", LIMIT).load())
    rows = source.select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("o")).select("o.*").filter("amount > 0")
    running = (rows.coalesce(1).writeStream.format("parquet").partitionBy("city").option("path", root + "/table")
               .option("checkpointLocation", root + "/checkpoint").trigger(availableNow=True).start())
    running.awaitTermination()
    version = spark.version
    spark.stop()
    return version


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--brokers", "--jars", "--root"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    os.makedirs(options.root)
    admin = fill(options.brokers)
    try:
        version = query(options.brokers, options.jars, options.root)
        out = os.path.join(HERE, "spark-" + version)
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        for name in ("checkpoint", "table"):
            shutil.copytree(os.path.join(options.root, name), os.path.join(out, name))
    finally:
        for future in admin.delete_topics(list(RECORDS)).values():
            future.result(20)
        shutil.rmtree(options.root)


if __name__ == "__main__":
    main()
