#!/usr/bin/env python3
"""NDJSON file -> filter -> Parquet by day on DuckDB, one thread: duckdb_job.py NDJSON OUT."""
import sys

import duckdb

source, out = sys.argv[1:3]
con = duckdb.connect()
con.execute("SET threads = 1; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
con.execute(f"""
COPY (SELECT *, year(order_timestamp) AS year, month(order_timestamp) AS month, day(order_timestamp) AS day
      FROM read_json('{source}', format = 'newline_delimited', columns = {{
        order_id: 'VARCHAR', event_id: 'VARCHAR', customer_id: 'VARCHAR', product: 'VARCHAR', category: 'VARCHAR',
        quantity: 'INTEGER', unit_price: 'DOUBLE', amount: 'DOUBLE', status: 'VARCHAR', city: 'VARCHAR',
        order_timestamp: 'TIMESTAMP'}})
      WHERE amount > 0)
TO '{out}' (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (year, month, day))""")
