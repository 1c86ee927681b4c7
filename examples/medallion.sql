-- Kafka to bronze, bronze to silver, silver to gold: a chain of Delta tables in one file, each with its own checkpoint.
--   sluice run examples/medallion.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- One run takes everything through; without a trigger flag the chain keeps running.

-- Bronze: every record as it came. What is thrown away or misread further on can be made again from here.
CREATE STREAMING TABLE bronze_orders
USING delta
PARTITIONED BY (ingestion_date)
LOCATION '${lake}/bronze_orders'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/bronze_orders', 'delta.appendOnly' = 'true')
AS SELECT CAST(value AS STRING) AS raw_json, topic, partition, offset, timestamp AS enqueued, current_date() AS ingestion_date
FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'orders', startingOffsets => 'earliest');

-- Silver: typed and cleaned, from what bronze gains.
CREATE STREAMING TABLE silver_orders
USING delta
PARTITIONED BY (day)
LOCATION '${lake}/silver_orders'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/silver_orders')
AS SELECT o.order_id, o.customer_id, o.product_name, o.quantity, o.amount, o.status, ordered, CAST(ordered AS DATE) AS day
FROM (
  SELECT o, try_to_timestamp(o.order_timestamp) AS ordered
  FROM (
    SELECT from_json(raw_json,
                     'order_id STRING, customer_id STRING, product_name STRING, quantity INT,
                      amount DOUBLE, order_timestamp STRING, status STRING') AS o
    FROM STREAM bronze_orders WITH (maxFilesPerTrigger = 1000)))
WHERE o.order_id IS NOT NULL AND o.amount > 0;

-- Gold: what people ask for, made anew by every run.
CREATE MATERIALIZED VIEW gold_large_orders
USING delta
LOCATION '${lake}/gold_large_orders'
AS SELECT order_id, customer_id, product_name, amount, day FROM silver_orders WHERE amount > 400 AND status = 'completed';
