-- Windows of an hour by customer (50,000 of them), to Parquet. Spark's side is bench/spark_job.py.
SET spark.sql.shuffle.partitions = 2;

CREATE STREAMING TABLE hours
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT window.start AS window_start, customer_id, sum(amount) AS total_sales, count(*) AS order_count
FROM (
  SELECT o.order_id, o.event_id, o.customer_id, o.product, o.category, o.quantity, o.unit_price, o.amount, o.status,
         o.city, to_timestamp(o.order_timestamp) AS order_timestamp
  FROM (SELECT from_json(CAST(value AS STRING),
                 'order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT,
                  unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING') AS o
        FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'))
  WHERE o.amount > 0)
WATERMARK order_timestamp DELAY OF INTERVAL 10 MINUTES
GROUP BY window(order_timestamp, '1 hour'), customer_id;
