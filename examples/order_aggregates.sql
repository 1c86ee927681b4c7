-- Sales in windows of five minutes, from one topic to another, exactly once: a JSON record per window.
--   sluice run examples/order_aggregates.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Both topics are to be there: sluice topic create order_aggregates -b localhost:9092 --partitions 4

CREATE SINK order_aggregates
USING kafka
OPTIONS (
  'kafka.bootstrap.servers' = '${brokers}',
  topic = 'order_aggregates',
  'sluice.checkpointLocation' = '${lake}/_checkpoints/order_aggregates');

CREATE FLOW five_minutes AS
INSERT INTO order_aggregates BY NAME
SELECT
  product_id AS key,
  to_json(struct(
    window.start AS window_start,
    window.end AS window_end,
    product_id,
    total_sales,
    order_count,
    avg_order_value)) AS value
FROM (
  SELECT window, product_id, sum(amount) AS total_sales, count(*) AS order_count, avg(amount) AS avg_order_value
  FROM (
    SELECT o.*, try_to_timestamp(o.order_timestamp) AS ordered
    FROM (
      SELECT from_json(CAST(value AS STRING),
                       'order_id STRING, product_id STRING, amount DOUBLE, order_timestamp STRING') AS o
      FROM STREAM read_kafka(
        bootstrapServers => '${brokers}',
        subscribe => 'orders',
        startingOffsets => 'earliest',
        maxOffsetsPerTrigger => '100000')))
  WATERMARK ordered DELAY OF INTERVAL 10 MINUTES
  GROUP BY window(ordered, '5 minutes'), product_id);
