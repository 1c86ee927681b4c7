select o.*, year(ts) AS year FROM (SELECT o, to_timestamp(o.x) AS ts FROM (SELECT from_json(CAST(value AS STRING), 'a STRING') AS o FROM STREAM read_kafka(subscribe => 'orders'))) WHERE o.amount > 0
