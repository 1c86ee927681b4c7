-- Orders from Kafka to a partitioned Parquet table: the pipeline of every lake.
--   sluice run examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Without a trigger flag it keeps running and starts a batch every 30 seconds.

SET pipelines.trigger.interval = 30 seconds;
SET spark.sql.shuffle.partitions = 10;

CREATE STREAMING TABLE orders
USING parquet
PARTITIONED BY (year, month, day)
LOCATION '${lake}/orders'
COMMENT 'orders with a positive amount, one row per Kafka record'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/orders')
AS
SELECT
  kafka_key, order_id, customer_id, product_id, product_name, quantity, price, amount,
  order_timestamp, status, topic, partition, offset, kafka_timestamp,
  current_timestamp() AS processing_timestamp,
  quantity * price AS revenue,
  year(order_timestamp) AS year,
  month(order_timestamp) AS month,
  day(order_timestamp) AS day,
  hour(order_timestamp) AS hour
FROM (
  SELECT
    kafka_key, o.order_id, o.customer_id, o.product_id, o.product_name, o.quantity, o.price, o.amount,
    try_to_timestamp(o.order_timestamp) AS order_timestamp,
    o.status, topic, partition, offset, kafka_timestamp
  FROM (
    SELECT
      CAST(key AS STRING) AS kafka_key,
      from_json(CAST(value AS STRING),
                'order_id STRING, customer_id STRING, product_id STRING, product_name STRING,
                 quantity INT, price DOUBLE, amount DOUBLE, order_timestamp STRING, status STRING') AS o,
      topic, partition, offset, timestamp AS kafka_timestamp
    FROM STREAM read_kafka(
      bootstrapServers => '${brokers}',
      subscribe => 'orders',
      startingOffsets => 'earliest',
      failOnDataLoss => 'false')
  )
)
WHERE amount > 0 AND order_id IS NOT NULL AND customer_id IS NOT NULL;
