-- Bronze, silver, gold: nested order events from the topic custords, flattened, cleaned and counted, in one file.
--   sluice gen orders --shape paid --topic custords --partitions 8 --count 10000 --virtual-clock x100000
--   sluice run examples/medallion.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- A chain of Delta tables, each with its own checkpoint. One run takes everything through; without a trigger flag the
-- chain keeps running. docs/event-time.md explains watermarks, windows and output modes.

SET topic = custords;

CREATE TEMPORARY VIEW parsed AS
SELECT key, value, topic, partition, offset, timestamp,
  from_json(CAST(value AS STRING),
    'struct<
       event_id: string, event_type: string, event_timestamp: string,
       `order`: struct<order_id: string, customer_id: string, currency: string, product_id: string, product_name: string,
                       category: string, quantity: int, unit_price: double, total_price: double>,
       payment: struct<payment_method: string, status: string, transaction_id: string>,
       customer_context: struct<device: string, location: string, ip_address: string, session_id: string>>') AS data
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}',
  subscribe => '${topic}',
  startingOffsets => 'earliest',
  maxOffsetsPerTrigger => '10000');

-- Bronze: every event as it came, its nested fields side by side.
CREATE STREAMING TABLE bronze_events
USING delta
LOCATION '${lake}/bronze/events'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/bronze_events', 'delta.appendOnly' = 'true')
AS SELECT
  data.event_id, data.event_type, data.event_timestamp, data.`order`.*, data.payment.*, data.customer_context.*,
  partition, offset
FROM STREAM parsed
WHERE data.event_id IS NOT NULL;

-- What is no event, with where it came from. Each record of the topic is in one of the two.
CREATE STREAMING TABLE invalid_json
USING delta
LOCATION '${lake}/dlq/invalid_json'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/invalid_json')
AS SELECT CAST(value AS STRING) AS value, topic, partition, offset, timestamp AS kafka_timestamp
FROM STREAM parsed
WHERE data.event_id IS NULL;

-- Silver: paid orders, each event once however often it was sent. Every event_id is remembered; where repetitions come
-- soon after the first one, a WATERMARK and WITHIN WATERMARK bound that.
CREATE STREAMING TABLE silver_orders
USING delta
LOCATION '${lake}/silver/orders'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/silver_orders')
AS SELECT
  event_id, try_to_timestamp(event_timestamp) AS event_ts, order_id, customer_id, product_id, product_name, category,
  quantity, unit_price, total_price, payment_method, device, location
FROM STREAM bronze_events WITH (maxFilesPerTrigger = 1000) DEDUPLICATE BY (event_id)
WHERE status = 'PAID';

-- Gold: revenue of every ten minutes, written once, when no event of them can come any more.
CREATE STREAMING TABLE gold_revenue
USING delta
LOCATION '${lake}/gold/revenue'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/gold_revenue')
AS SELECT window.start AS window_start, window.end AS window_end, category, sum(total_price) AS revenue
FROM STREAM silver_orders WITH (maxFilesPerTrigger = 1000) WATERMARK event_ts DELAY OF INTERVAL 10 MINUTES
GROUP BY window(event_ts, '10 minutes'), category;

-- Best sellers: of all time, so every batch replaces the table.
CREATE STREAMING TABLE gold_best_sellers
USING delta
LOCATION '${lake}/gold/best_sellers'
TBLPROPERTIES (
  'sluice.checkpointLocation' = '${lake}/_checkpoints/gold_best_sellers',
  'sluice.outputMode' = 'complete')
AS SELECT product_name, sum(quantity) AS total_quantity
FROM STREAM silver_orders WITH (maxFilesPerTrigger = 1000)
GROUP BY product_name
ORDER BY total_quantity DESC;

-- The five customers who spend most.
CREATE STREAMING TABLE gold_top_customers
USING delta
LOCATION '${lake}/gold/top_customers'
TBLPROPERTIES (
  'sluice.checkpointLocation' = '${lake}/_checkpoints/gold_top_customers',
  'sluice.outputMode' = 'complete')
AS SELECT customer_id, sum(unit_price * quantity) AS total_spend
FROM STREAM silver_orders WITH (maxFilesPerTrigger = 1000)
GROUP BY customer_id
ORDER BY total_spend DESC
LIMIT 5;
