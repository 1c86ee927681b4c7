-- Nexmark q1, currency conversion: the price in euros.
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

CREATE STREAMING TABLE q1
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM STREAM bid;
