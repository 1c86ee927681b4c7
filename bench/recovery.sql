-- Ten million event ids, remembered for ever: how long a restart takes to read them back.
SET limit = 1000000;

CREATE STREAMING TABLE nothing
USING noop
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT event_id
FROM (SELECT from_json(CAST(value AS STRING), 'event_id STRING').event_id AS event_id
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
DEDUPLICATE BY (event_id);
