-- Every record as it is into a Delta table: what the tests of the protocol count.
SET spark.sql.streaming.minBatchesToRetain = ${retain};

CREATE STREAMING TABLE raw
USING delta
PARTITIONED BY (bucket)
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c')
AS SELECT partition AS p, offset AS o, CAST(key AS STRING) AS key, value, offset % 3 AS bucket
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => '${start}',
  maxOffsetsPerTrigger => '${limit}', failOnDataLoss => '${loss}');
