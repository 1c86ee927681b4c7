-- Nexmark q7, highest bid: the bids with the highest price of every ten seconds.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, dateTime: TIMESTAMP,
                           extra: STRING>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE STREAMING TABLE q7
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT b.auction, b.price, b.bidder, b.dateTime, b.extra
FROM STREAM bid WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS AS b
JOIN (SELECT window_time(window) AS until, maxprice
      FROM (SELECT window, max(price) AS maxprice
            FROM STREAM bid WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS
            GROUP BY window(dateTime, '10 seconds'))) AS highest
ON b.price = highest.maxprice AND b.dateTime > highest.until - INTERVAL 10 SECONDS AND b.dateTime <= highest.until;
