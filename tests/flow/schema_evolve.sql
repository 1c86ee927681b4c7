-- ${columns} of JSON records with the schema ${schema} and the options ${options} of from_json, into a table of ${format} whose schema grows; ${properties} besides.
CREATE STREAMING TABLE letters USING delta LOCATION '${lake}/letters';

CREATE STREAMING TABLE data
USING ${format}
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c', 'sluice.onSchemaDrift' = 'evolve'${properties})
AS SELECT ${columns}
FROM (SELECT from_json(CAST(value AS STRING), '${schema}'${options}) AS j, partition, offset
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => '${limit}'));
