-- Raw ingestion, the job of examples/ingest.sql: Kafka -> Delta, nothing parsed.  Spark's side is bench/spark_job.py.
CREATE STREAMING TABLE events
USING delta
PARTITIONED BY (ingestion_date)
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT CAST(key AS STRING) AS key, CAST(value AS STRING) AS raw_json, topic, partition, offset,
          timestamp AS event_enqueued_timestamp, current_timestamp() AS ingestion_timestamp,
          current_date() AS ingestion_date
FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest');
