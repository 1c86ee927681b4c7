-- Orders with their payments: a left (or inner) join of two streams by order id, within ten minutes, to Parquet.
-- Spark's side is bench/spark_job.py.
SET spark.sql.shuffle.partitions = 2;
SET limit = 1000000;
SET join = LEFT;

CREATE STREAMING TABLE paid
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT o.order_id, customer_id, product, category, amount, order_timestamp, payment_id, payment_method, paid_amount,
          payment_timestamp
FROM (
  SELECT o.order_id, o.customer_id, o.product, o.category, o.amount, to_timestamp(o.order_timestamp) AS order_timestamp
  FROM (SELECT from_json(CAST(value AS STRING),
                 'order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT,
                  unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING') AS o
        FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                               maxOffsetsPerTrigger => ${limit}))
  WHERE o.amount > 0)
WATERMARK order_timestamp DELAY OF INTERVAL 10 MINUTES AS o
${join} JOIN (
  SELECT p.payment_id, p.order_id, p.payment_method, p.amount AS paid_amount,
         to_timestamp(p.payment_timestamp) AS payment_timestamp
  FROM (SELECT from_json(CAST(value AS STRING),
                 'payment_id STRING, order_id STRING, payment_method STRING, status STRING, transaction_id STRING,
                  amount DOUBLE, payment_timestamp STRING') AS p
        FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}_payments',
                               startingOffsets => 'earliest', maxOffsetsPerTrigger => ${limit}))
  WHERE p.status = 'PAID')
WATERMARK payment_timestamp DELAY OF INTERVAL 20 MINUTES AS p
ON o.order_id = p.order_id
   AND payment_timestamp BETWEEN order_timestamp AND order_timestamp + INTERVAL 10 MINUTES;
