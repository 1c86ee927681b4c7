-- Nexmark q5, hot items: the auctions with the most bids of the last ten seconds, every two seconds.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<auction: BIGINT, dateTime: TIMESTAMP>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE TEMPORARY VIEW bids_of_auctions AS
SELECT window, auction, count(*) AS num
FROM STREAM bid WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS
GROUP BY window(dateTime, '10 seconds', '2 seconds'), auction;

CREATE STREAMING TABLE q5
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT counted.auction, counted.num, counted.window.start AS starttime, counted.window.end AS endtime
FROM STREAM bids_of_auctions AS counted
JOIN (SELECT window, max(num) AS maxn FROM STREAM bids_of_auctions GROUP BY window) AS highest
ON counted.window = highest.window AND counted.num >= highest.maxn;
