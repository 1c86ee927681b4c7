-- Nexmark q11, user sessions: the bids of a bidder until none came for ten seconds.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<bidder: BIGINT, dateTime: TIMESTAMP>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE STREAMING TABLE q11
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT bidder, count(*) AS bid_count, session_window.start AS starttime, session_window.end AS endtime
FROM STREAM bid WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS
GROUP BY bidder, session_window(dateTime, '10 seconds');
