-- Two tables and a quarantine from one read of one topic.
SET spark.sql.streaming.minBatchesToRetain = ${retain};
SET sluice.sharedReads = ${shared};

CREATE STREAMING TABLE bad USING delta LOCATION '${lake}/bad';

CREATE STREAMING TABLE one (CONSTRAINT seven EXPECT (o % 7 <> 3) ON VIOLATION DROP ROW)
USING delta
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c', 'sluice.quarantine' = 'bad')
AS SELECT partition AS p, offset AS o, value
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
  maxOffsetsPerTrigger => '${limit}');

CREATE STREAMING TABLE two
USING parquet
LOCATION '${lake}/two'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c2')
AS SELECT partition AS p, offset AS o, value
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
  maxOffsetsPerTrigger => '${limit}')
WHERE offset % 2 = 0;
