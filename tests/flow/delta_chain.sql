-- Kafka into a raw table, a cleaned table from that table's stream, a view over the cleaned one: out of order on purpose.
SET spark.sql.streaming.minBatchesToRetain = ${retain};

CREATE MATERIALIZED VIEW gold
USING delta
LOCATION '${lake}/gold'
AS SELECT id, twice FROM silver WHERE id % 10 = 0;

CREATE STREAMING TABLE silver
USING delta
PARTITIONED BY (p)
LOCATION '${lake}/silver'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c/silver')
AS SELECT p, o, CAST(text AS INT) AS id, CAST(text AS INT) * 2 AS twice
FROM STREAM bronze WITH (maxFilesPerTrigger = ${files}) WHERE length(text) > 0;

CREATE STREAMING TABLE bronze
USING delta
LOCATION '${lake}/bronze'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c/bronze')
AS SELECT partition AS p, offset AS o, CAST(value AS STRING) AS text
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest', maxOffsetsPerTrigger => '${limit}');
