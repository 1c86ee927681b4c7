-- JSON records with an id and an amount; ${rules} are the table's expectations, ${more} further properties.
CREATE STREAMING TABLE letters
USING parquet
LOCATION '${lake}/letters'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/cl');

CREATE STREAMING TABLE checked (${rules})
USING parquet
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c' ${more});

CREATE FLOW checking AS INSERT INTO checked BY NAME
SELECT o, j.id AS id, 100 / j.amount AS share, j.amount AS amount
FROM (SELECT offset AS o, from_json(CAST(value AS STRING), 'id INT, amount INT, unread DOUBLE') AS j
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE j.id IS NULL OR j.id < 1000;
