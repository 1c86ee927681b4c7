-- Nexmark q2, selection: the bids for some auctions.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<auction: BIGINT, price: BIGINT>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE STREAMING TABLE q2
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT auction, price FROM STREAM bid WHERE mod(auction, 123) = 0;
