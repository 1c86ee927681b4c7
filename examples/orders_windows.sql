-- Sales per customer and hour of the order, from Kafka to Parquet; an hour is written once, when no order of it can
-- come any more: ten minutes behind the latest one seen.
--   sluice run examples/orders_windows.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Without a trigger flag it keeps running and starts a batch every minute.

SET pipelines.trigger.interval = 1 minute;

CREATE STREAMING TABLE orders_aggregated
USING parquet
LOCATION '${lake}/orders_aggregated'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/orders_aggregated')
AS
SELECT
  customer_id,
  sum(amount) AS total_sales,
  count(order_id) AS order_count,
  avg(amount) AS avg_order_value,
  sum(quantity) AS total_quantity,
  window.start AS window_start,
  window.end AS window_end
FROM (
  SELECT o.*, try_to_timestamp(o.order_timestamp) AS ordered
  FROM (
    SELECT from_json(CAST(value AS STRING),
                     'order_id STRING, customer_id STRING, quantity INT, amount DOUBLE, order_timestamp STRING') AS o
    FROM STREAM read_kafka(
      bootstrapServers => '${brokers}',
      subscribe => 'orders',
      startingOffsets => 'earliest',
      maxOffsetsPerTrigger => '100000')))
WATERMARK ordered DELAY OF INTERVAL 10 MINUTES
WHERE amount > 0 AND customer_id IS NOT NULL
GROUP BY window(ordered, '1 hour'), customer_id;
