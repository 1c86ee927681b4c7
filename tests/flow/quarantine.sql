-- Records whose offset % 7 is ${drop} break a rule: into the letters, the others into the table.
SET spark.sql.streaming.minBatchesToRetain = ${retain};

CREATE STREAMING TABLE bad USING ${format} LOCATION '${lake}/bad';

CREATE STREAMING TABLE raw (CONSTRAINT seven EXPECT (o % 7 <> ${drop}) ON VIOLATION DROP ROW)
USING ${format}
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c', 'sluice.quarantine' = 'bad')
AS SELECT partition AS p, offset AS o, CAST(key AS STRING) AS key, value
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => '${start}',
  maxOffsetsPerTrigger => '${limit}', failOnDataLoss => '${loss}');
