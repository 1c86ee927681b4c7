-- Orders from one topic to another, exactly once: completed ones only, as JSON with a revenue, keyed by customer.
--   sluice run examples/orders_to_kafka.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Both topics are to be there: sluice topic create orders_completed -b localhost:9092 --partitions 4
-- A reader sees each record once if it reads committed ones only (isolation.level=read_committed).

CREATE SINK orders_completed
USING kafka
OPTIONS (
  'kafka.bootstrap.servers' = '${brokers}',
  topic = 'orders_completed',
  'sluice.checkpointLocation' = '${lake}/_checkpoints/orders_completed');

CREATE FLOW completed AS
INSERT INTO orders_completed BY NAME
SELECT
  customer_id AS key,
  to_json(struct(order_id, customer_id, product_name, quantity, price, quantity * price AS revenue, order_timestamp)) AS value,
  array(named_struct('key', 'source', 'value', CAST(concat(topic, '-', partition, '-', offset) AS BINARY))) AS headers
FROM (
  SELECT o.*, topic, partition, offset
  FROM (
    SELECT
      from_json(CAST(value AS STRING),
                'order_id STRING, customer_id STRING, product_name STRING, quantity INT, price DOUBLE,
                 order_timestamp STRING, status STRING') AS o,
      topic, partition, offset
    FROM STREAM read_kafka(
      bootstrapServers => '${brokers}',
      subscribe => 'orders',
      startingOffsets => 'earliest',
      maxOffsetsPerTrigger => '100000')))
WHERE status = 'completed';
