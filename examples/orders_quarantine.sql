-- Orders from the topic orders_raw to a Delta table; every record that is broken, or breaks a rule, is kept in a
-- table of dead letters instead of being lost or stopping the stream.
--   sluice run examples/orders_quarantine.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
--   sluice dlq stats examples/orders_quarantine.sql -s brokers=localhost:9092 -s lake=/data/lake
-- docs/dead-letters.md says what to do with them.

SET pipelines.trigger.interval = 30 seconds;

CREATE STREAMING TABLE orders_rejected
USING delta
LOCATION '${lake}/orders_rejected'
COMMENT 'raw records of the topic orders_raw that are not in the table orders, with the reason';

CREATE STREAMING TABLE orders_checked (
  CONSTRAINT has_id EXPECT (order_id IS NOT NULL AND customer_id IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT positive_amount EXPECT (amount > 0) ON VIOLATION DROP ROW,
  CONSTRAINT known_status EXPECT (status IN ('pending', 'processing', 'completed', 'cancelled'))
)
USING delta
PARTITIONED BY (order_date)
LOCATION '${lake}/orders_checked'
TBLPROPERTIES (
  'sluice.checkpointLocation' = '${lake}/_checkpoints/orders_checked',
  'sluice.quarantine' = 'orders_rejected',
  'sluice.quarantine.maxRatio' = '0.5')
AS
SELECT
  o.order_id, o.customer_id, o.product_id, o.quantity, o.price, o.amount, o.status,
  CAST(o.order_timestamp AS TIMESTAMP) AS order_timestamp,
  CAST(o.order_timestamp AS DATE) AS order_date,
  topic, partition, offset
FROM (
  SELECT
    from_json(CAST(value AS STRING),
              'order_id STRING, customer_id STRING, product_id STRING, quantity INT, price DOUBLE,
               amount DOUBLE, order_timestamp STRING, status STRING') AS o,
    topic, partition, offset
  FROM STREAM read_kafka(
    bootstrapServers => '${brokers}',
    subscribe => 'orders_raw',
    startingOffsets => 'earliest',
    includeHeaders => 'true')
);
