-- Raw ingestion: every record of a Kafka topic, as it is, into a table partitioned by the day of ingestion.
-- Nothing is parsed, so nothing in a record can stop the job; parse downstream (STREAM delta.`/data/lake/events`).
--   sluice run examples/ingest.sql -s brokers=localhost:9092 -s lake=/data/lake --available-now
-- Each setting below is a default that `-s name=value` replaces.

SET topic = events;
SET format = delta;                -- or parquet
SET starting_offsets = earliest;   -- of the first run; later ones go on where the checkpoint ends
SET max_offsets = 5000000;         -- records a batch: what piled up in a downtime is worked off in pieces
SET fail_on_data_loss = true;      -- false: go on, with a warning, where Kafka has deleted records unread

CREATE STREAMING TABLE events
USING ${format}
PARTITIONED BY (ingestion_date)
LOCATION '${lake}/events'
COMMENT 'records of Kafka, raw'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/events')
AS SELECT
  CAST(key AS STRING) AS key,
  CAST(value AS STRING) AS raw_json,
  topic,
  partition,
  offset,
  timestamp AS event_enqueued_timestamp,
  current_timestamp() AS ingestion_timestamp,
  current_date() AS ingestion_date
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}',
  subscribe => '${topic}',
  startingOffsets => '${starting_offsets}',
  maxOffsetsPerTrigger => '${max_offsets}',
  failOnDataLoss => '${fail_on_data_loss}');
