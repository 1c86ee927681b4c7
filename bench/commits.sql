-- One record a batch, one commit a batch: what a commit to Delta costs.
CREATE STREAMING TABLE events
USING delta
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT value, offset
FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                       maxOffsetsPerTrigger => 1);
