-- Windows of five minutes by category, from Kafka to Kafka. Spark's side is bench/spark_job.py.
SET spark.sql.shuffle.partitions = 2;

CREATE SINK windows
USING kafka
OPTIONS ('kafka.bootstrap.servers' = '${brokers}', topic = '${out}', 'sluice.checkpointLocation' = '${checkpoint}');

CREATE FLOW by_category AS
INSERT INTO windows BY NAME
SELECT to_json(struct(window.start, window.end, category, orders, revenue, avg_amount)) AS value
FROM (SELECT window, category, count(*) AS orders, sum(amount) AS revenue, avg(amount) AS avg_amount
      FROM (
  SELECT o.order_id, o.event_id, o.customer_id, o.product, o.category, o.quantity, o.unit_price, o.amount, o.status,
         o.city, to_timestamp(o.order_timestamp) AS order_timestamp
  FROM (SELECT from_json(CAST(value AS STRING),
                 'order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT,
                  unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING') AS o
        FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'))
  WHERE o.amount > 0)
WATERMARK order_timestamp DELAY OF INTERVAL 10 MINUTES
      GROUP BY window(order_timestamp, '5 minutes'), category);
