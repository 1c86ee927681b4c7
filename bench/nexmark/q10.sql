-- Nexmark q10, log to files: every bid, in a directory for each minute.
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

CREATE STREAMING TABLE q10
USING parquet
PARTITIONED BY (dt, hm)
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT auction, bidder, price, dateTime, extra,
       date_format(dateTime, 'yyyy-MM-dd') AS dt, date_format(dateTime, 'HH:mm') AS hm
FROM STREAM bid;
