-- Orders, with rules about their rows: one that is counted, one that drops rows, one that stops the pipeline.
--
--   sluice run examples/expectations.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now --progress -

CREATE STREAMING TABLE checked_orders (
  CONSTRAINT known_status EXPECT (status IN ('pending', 'processing', 'completed', 'cancelled')),
  CONSTRAINT positive_amount EXPECT (amount > 0) ON VIOLATION DROP ROW,
  CONSTRAINT has_customer EXPECT (customer_id IS NOT NULL) ON VIOLATION DROP ROW,
  CONSTRAINT sane_amount EXPECT (amount < 1000000) ON VIOLATION FAIL UPDATE
)
USING parquet
LOCATION '${lake}/checked_orders'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/checked_orders')
AS SELECT o.order_id, o.customer_id, o.status, o.amount
FROM (SELECT from_json(CAST(value AS STRING), 'order_id STRING, customer_id STRING, status STRING, amount DOUBLE') AS o
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'orders', startingOffsets => 'earliest'))
WHERE o.order_id IS NOT NULL;
