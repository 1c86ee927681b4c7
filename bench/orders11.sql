-- The benchmark job: Kafka -> from_json (11 fields) -> filter -> Parquet by day, or Delta with -s format=delta.
-- Spark's side is bench/spark_job.py.
SET spark.sql.shuffle.partitions = 2;
SET format = parquet;

CREATE STREAMING TABLE orders
USING ${format}
PARTITIONED BY (year, month, day)
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT o.order_id, o.event_id, o.customer_id, o.product, o.category, o.quantity, o.unit_price, o.amount, o.status,
          o.city, ts AS order_timestamp, year(ts) AS year, month(ts) AS month, day(ts) AS day
FROM (SELECT o, to_timestamp(o.order_timestamp) AS ts
      FROM (SELECT from_json(CAST(value AS STRING),
                     'order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT,
                      unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING') AS o
            FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'))
      WHERE o.amount > 0);
