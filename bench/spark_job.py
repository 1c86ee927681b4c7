#!/usr/bin/env python3
"""The benchmark jobs on Spark: spark_job.py JOB BROKERS TOPIC OUT CHECKPOINT JARS DELTA_JARS.

JOB is parquet, delta or ingest: the queries of bench/orders11.sql, bench/orders11_delta.sql and bench/ingest.sql."""
import glob
import sys

job, brokers, topic, out, checkpoint, jars, delta_jars = sys.argv[1:8]
from pyspark.sql import SparkSession, functions as F

builder = (SparkSession.builder.master("local[2]")
           .config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar") + glob.glob(delta_jars + "/*.jar"))))
           .config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
           .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2")
           .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1"))
if job != "parquet":
    builder = (builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
               .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"))
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
records = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
           .option("startingOffsets", "earliest").load())


def orders():
    schema = ("order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT, "
              "unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING")
    rows = (records.select(F.from_json(F.col("value").cast("string"), schema).alias("o")).select("o.*")
            .filter("amount > 0").withColumn("order_timestamp", F.to_timestamp("order_timestamp")))
    ts = F.col("order_timestamp")
    return rows.withColumn("year", F.year(ts)).withColumn("month", F.month(ts)).withColumn("day", F.dayofmonth(ts))


def events():
    return records.select(F.col("key").cast("string").alias("key"), F.col("value").cast("string").alias("raw_json"),
                          "topic", "partition", "offset", F.col("timestamp").alias("event_enqueued_timestamp"),
                          F.current_timestamp().alias("ingestion_timestamp"), F.current_date().alias("ingestion_date"))


rows, columns = (events(), ["ingestion_date"]) if job == "ingest" else (orders(), ["year", "month", "day"])
query = (rows.writeStream.format("parquet" if job == "parquet" else "delta").partitionBy(*columns)
         .option("checkpointLocation", checkpoint).trigger(availableNow=True).start(out))
query.awaitTermination()
spark.stop()
