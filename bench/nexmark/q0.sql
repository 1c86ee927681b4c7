-- Nexmark q0, pass through: every bid as it is.
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

CREATE STREAMING TABLE q0
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT auction, bidder, price, dateTime, extra FROM STREAM bid;
