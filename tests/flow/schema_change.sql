-- ${columns} of JSON records with the schema ${schema} and the options ${options} of from_json, into a Delta table that declares ${declared}, with the properties ${properties}.
CREATE STREAMING TABLE letters USING delta LOCATION '${lake}/letters';

CREATE STREAMING TABLE data ${declared}
USING delta
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c'${properties})
AS SELECT ${columns}
FROM (SELECT from_json(CAST(value AS STRING), '${schema}'${options}) AS j
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => '${limit}'));
