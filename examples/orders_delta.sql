-- Orders from Kafka to a Delta table.
--   sluice run examples/orders_delta.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Without a trigger flag it keeps running and starts a batch every 30 seconds.

SET pipelines.trigger.interval = 30 seconds;

CREATE STREAMING TABLE orders_delta
USING delta
PARTITIONED BY (day)
LOCATION '${lake}/orders_delta'
TBLPROPERTIES (
  'sluice.checkpointLocation' = '${lake}/_checkpoints/orders_delta',
  'delta.appendOnly' = 'true')
AS
SELECT o.order_id, o.customer_id, o.product_name, o.quantity, o.amount, o.status, order_timestamp,
       topic, partition, offset, CAST(order_timestamp AS DATE) AS day
FROM (
  SELECT *, try_to_timestamp(o.order_timestamp) AS order_timestamp
  FROM (
    SELECT from_json(CAST(value AS STRING),
                     'order_id STRING, customer_id STRING, product_name STRING, quantity INT,
                      amount DOUBLE, order_timestamp STRING, status STRING') AS o,
           topic, partition, offset
    FROM STREAM read_kafka(
      bootstrapServers => '${brokers}',
      subscribe => 'orders',
      startingOffsets => 'earliest')
  )
)
WHERE o.amount > 0 AND o.order_id IS NOT NULL;
