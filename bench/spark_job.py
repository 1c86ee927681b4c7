#!/usr/bin/env python3
"""The benchmark job on Spark: spark_job.py BROKERS TOPIC OUT CHECKPOINT JARS. The same query as bench/orders11.sql."""
import glob
import sys

brokers, topic, out, checkpoint, jars = sys.argv[1:6]
from pyspark.sql import SparkSession, functions as F

spark = (SparkSession.builder.master("local[2]")
         .config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar"))))
         .config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
         .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2")
         .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
schema = ("order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT, "
          "unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING")
orders = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
          .option("startingOffsets", "earliest").load()
          .select(F.from_json(F.col("value").cast("string"), schema).alias("o")).select("o.*").filter("amount > 0")
          .withColumn("order_timestamp", F.to_timestamp("order_timestamp")))
ts = F.col("order_timestamp")
query = (orders.withColumn("year", F.year(ts)).withColumn("month", F.month(ts)).withColumn("day", F.dayofmonth(ts))
         .writeStream.format("parquet").partitionBy("year", "month", "day").option("path", out)
         .option("checkpointLocation", checkpoint).trigger(availableNow=True).start())
query.awaitTermination()
spark.stop()
