-- ${columns} of JSON records with the schema ${schema} into a Delta table, partitioned by ${by}, with the properties ${properties}.
CREATE STREAMING TABLE data
USING delta
${by}
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c'${properties})
AS SELECT o, ${columns}
FROM (SELECT offset AS o, value, from_json(CAST(value AS STRING), '${schema}') AS j
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest'));
