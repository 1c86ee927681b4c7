-- Reading alone: every record of the topic is fetched and thrown away.  What bench/ingest.sql is measured against.
CREATE STREAMING TABLE nothing
USING noop
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT key, value, topic, partition, offset, timestamp
FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest');
