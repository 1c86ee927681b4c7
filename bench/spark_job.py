#!/usr/bin/env python3
"""The benchmark jobs on Spark: spark_job.py JOB BROKERS TOPIC OUT CHECKPOINT JARS DELTA_JARS.

JOB is parquet, delta, ingest, dedup, windows, hours, joins or inner: the queries of the files of that name in bench (parquet and
delta: orders11.sql). OUT of windows is a topic."""
import glob
import sys

job, brokers, topic, out, checkpoint, jars, delta_jars = sys.argv[1:8]
from pyspark.sql import SparkSession, functions as F

builder = (SparkSession.builder.master("local[2]")
           .config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar") + glob.glob(delta_jars + "/*.jar"))))
           .config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
           .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2")
           .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1"))
if job in ("delta", "ingest"):
    builder = (builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
               .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"))
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
records = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
           .option("startingOffsets", "earliest").load())


def parsed():
    schema = ("order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT, "
              "unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING")
    return (records.select(F.from_json(F.col("value").cast("string"), schema).alias("o")).select("o.*")
            .filter("amount > 0").withColumn("order_timestamp", F.to_timestamp("order_timestamp")))


def orders():
    ts = F.col("order_timestamp")
    return parsed().withColumn("year", F.year(ts)).withColumn("month", F.month(ts)).withColumn("day", F.dayofmonth(ts))


def events():
    return records.select(F.col("key").cast("string").alias("key"), F.col("value").cast("string").alias("raw_json"),
                          "topic", "partition", "offset", F.col("timestamp").alias("event_enqueued_timestamp"),
                          F.current_timestamp().alias("ingestion_timestamp"), F.current_date().alias("ingestion_date"))


def timed():
    return parsed().withWatermark("order_timestamp", "10 minutes")


def windows():
    return (timed().groupBy(F.window("order_timestamp", "5 minutes"), "category")
            .agg(F.count("*").alias("orders"), F.sum("amount").alias("revenue"), F.avg("amount").alias("avg_amount"))
            .select(F.to_json(F.struct("window.start", "window.end", "category", "orders", "revenue", "avg_amount")).alias("value")))


def joins():
    limited = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("startingOffsets", "earliest")
               .option("maxOffsetsPerTrigger", 1000000))
    order = ("order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT, "
             "unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING")
    payment = ("payment_id STRING, order_id STRING, payment_method STRING, status STRING, transaction_id STRING, "
               "amount DOUBLE, payment_timestamp STRING")
    placed = (limited.option("subscribe", topic).load()
              .select(F.from_json(F.col("value").cast("string"), order).alias("o")).select("o.*").filter("amount > 0")
              .selectExpr("order_id", "customer_id", "product", "category", "amount",
                          "to_timestamp(order_timestamp) AS order_timestamp")
              .withWatermark("order_timestamp", "10 minutes").alias("o"))
    paid = (limited.option("subscribe", topic + "_payments").load()
            .select(F.from_json(F.col("value").cast("string"), payment).alias("p")).select("p.*").filter("status = 'PAID'")
            .selectExpr("payment_id", "order_id", "payment_method", "amount AS paid_amount",
                        "to_timestamp(payment_timestamp) AS payment_timestamp")
            .withWatermark("payment_timestamp", "20 minutes").alias("p"))
    within = F.expr("o.order_id = p.order_id AND "
                    "payment_timestamp BETWEEN order_timestamp AND order_timestamp + INTERVAL 10 MINUTES")
    return placed.join(paid, within, "left" if job == "joins" else "inner").drop(F.col("p.order_id"))


def hours():
    return (timed().groupBy(F.window("order_timestamp", "1 hour"), "customer_id")
            .agg(F.sum("amount").alias("total_sales"), F.count("*").alias("order_count"))
            .selectExpr("window.start AS window_start", "customer_id", "total_sales", "order_count"))


JOBS = {  # rows, format, partition columns
    "parquet": (orders, "parquet", ["year", "month", "day"]),
    "delta": (orders, "delta", ["year", "month", "day"]),
    "ingest": (events, "delta", ["ingestion_date"]),
    "dedup": (lambda: timed().dropDuplicatesWithinWatermark(["event_id"]), "parquet", []),
    "windows": (windows, "kafka", []),
    "hours": (hours, "parquet", []),
    "joins": (joins, "parquet", []),
    "inner": (joins, "parquet", []),
}
rows, form, columns = JOBS[job]
writer = rows().writeStream.format(form).option("checkpointLocation", checkpoint).trigger(availableNow=True)
if form == "kafka":
    query = writer.option("kafka.bootstrap.servers", brokers).option("topic", out).start()
else:
    query = writer.partitionBy(*columns).start(out)
query.awaitTermination()
spark.stop()
