-- Orders above 100 from Kafka into a Delta table: docs/getting-started.md builds it up.
--   sluice run examples/first.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now

CREATE STREAMING TABLE big_orders
USING delta
LOCATION '${lake}/big_orders'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/big_orders')
AS
SELECT o.order_id, o.customer_id, o.amount, partition, offset
FROM (
  SELECT from_json(CAST(value AS STRING), 'order_id STRING, customer_id STRING, amount DOUBLE') AS o, partition, offset
  FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'orders', startingOffsets => 'earliest'))
WHERE o.amount > 100;
