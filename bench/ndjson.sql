-- NDJSON file -> from_json -> filter -> Parquet by day; DuckDB's side is bench/duckdb_job.py.
CREATE MATERIALIZED VIEW orders
USING parquet
PARTITIONED BY (year, month, day)
LOCATION '${out}'
AS SELECT o.order_id, o.event_id, o.customer_id, o.product, o.category, o.quantity, o.unit_price, o.amount, o.status,
          o.city, ts AS order_timestamp, year(ts) AS year, month(ts) AS month, day(ts) AS day
FROM (SELECT o, to_timestamp(o.order_timestamp) AS ts
      FROM (SELECT from_json(value,
                     'order_id STRING, event_id STRING, customer_id STRING, product STRING, category STRING, quantity INT,
                      unit_price DOUBLE, amount DOUBLE, status STRING, city STRING, order_timestamp STRING') AS o
            FROM text.`${file}`)
      WHERE o.amount > 0);
