-- Kafka's columns under any options: ${options} is the rest of read_kafka's arguments.
CREATE STREAMING TABLE raw
USING parquet
PARTITIONED BY (topic)
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c')
AS SELECT partition AS p, offset AS o, topic, value, CAST(key AS STRING) AS key, timestamp, timestampType ${columns}
FROM STREAM read_kafka(bootstrapServers => '${brokers}', ${options});
