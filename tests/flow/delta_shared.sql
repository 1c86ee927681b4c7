-- One of several streams into one Delta table.
CREATE STREAMING TABLE shared
USING delta
PARTITIONED BY (who)
LOCATION '${table}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c')
AS SELECT '${who}' AS who, CAST(partition AS BIGINT) AS p, offset AS o, value
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => '${start}',
  maxOffsetsPerTrigger => '${limit}', failOnDataLoss => '${loss}');
