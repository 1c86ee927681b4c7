-- Bronze layer of nested order events: flattened events, one row per order line, and what could not be read.
--   sluice run examples/bronze.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Three tables of one topic, each with its own checkpoint. Every record is in `events` or in `invalid_json`.
-- Each setting below is a default that `-s name=value` replaces.

SET topic = custords;
SET format = parquet;              -- or delta
SET max_offsets = 10000;           -- records a batch

CREATE TEMPORARY VIEW parsed AS
SELECT key, value, topic, partition, offset, timestamp,
  from_json(CAST(value AS STRING),
    'struct<
       event_id: string, event_type: string, event_timestamp: string,
       `order`: struct<order_id: string, customer_id: string, currency: string, product_id: string, product_name: string,
                       category: string, quantity: int, unit_price: double, total_price: double,
                       items: array<struct<product_id: string, product_name: string, category: string, quantity: int,
                                           unit_price: double>>>,
       payment: struct<payment_method: string, status: string, transaction_id: string>,
       customer_context: struct<device: string, location: string, ip_address: string, session_id: string>,
       _corrupt_record: string>',
    map('columnNameOfCorruptRecord', '_corrupt_record')) AS data
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}',
  subscribe => '${topic}',
  startingOffsets => 'earliest',
  maxOffsetsPerTrigger => '${max_offsets}');

-- One row per event: the nested fields side by side.
CREATE STREAMING TABLE events
USING ${format}
LOCATION '${lake}/bronze/events'
COMMENT 'order events, flattened'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/bronze_events')
AS SELECT
  data.event_id, data.event_type, data.event_timestamp,
  data.`order`.* EXCEPT (items),
  data.payment.*,
  data.customer_context.*,
  topic, partition, offset, timestamp AS kafka_timestamp
FROM STREAM parsed
WHERE data.event_id IS NOT NULL AND data._corrupt_record IS NULL;

-- One row per order line. Orders of one product have no `items`; they are their own only line.
CREATE STREAMING TABLE order_lines
USING ${format}
LOCATION '${lake}/bronze/order_lines'
COMMENT 'lines of orders: the array `items` exploded'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/bronze_order_lines')
AS SELECT
  event_id, o.order_id, o.customer_id, line_number + 1 AS line_number,
  line.product_id, line.product_name, line.category, line.quantity, line.unit_price,
  line.quantity * line.unit_price AS line_price,
  partition, offset
FROM (SELECT data.event_id, data.`order` AS o, partition, offset
      FROM STREAM parsed
      WHERE data.event_id IS NOT NULL AND data._corrupt_record IS NULL)
LATERAL VIEW posexplode(coalesce(o.items, array(named_struct(
    'product_id', o.product_id, 'product_name', o.product_name, 'category', o.category,
    'quantity', o.quantity, 'unit_price', o.unit_price)))) lines AS line_number, line;

-- Everything else, as it came, with where it came from.
CREATE STREAMING TABLE invalid_json
USING ${format}
LOCATION '${lake}/dlq/invalid_json'
COMMENT 'records that are no order event'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/invalid_json')
AS SELECT
  CAST(key AS STRING) AS key, CAST(value AS STRING) AS value, topic, partition, offset,
  timestamp AS kafka_timestamp, current_timestamp() AS rejected_at
FROM STREAM parsed
WHERE data.event_id IS NULL OR data._corrupt_record IS NOT NULL;
