-- ${columns} of JSON records with the schema ${schema}, partitioned by ${by}.
SET spark.sql.ansi.enabled = ${ansi};

CREATE STREAMING TABLE data
USING parquet
${by}
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c')
AS SELECT o, ${columns}
FROM (SELECT offset AS o, value, from_json(CAST(value AS STRING), '${schema}') AS j
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'));
