SELECT order_id, amount FROM parquet.`/data/lake/orders` WHERE amount > 400 LIMIT 10
