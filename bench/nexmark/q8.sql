-- Nexmark q8, monitor new users: who came and opened an auction within the same ten seconds.
SET limit = 1000000;

CREATE TEMPORARY VIEW person AS
SELECT person.*
FROM (SELECT from_json(CAST(value AS STRING),
               'person STRUCT<id: BIGINT, name: STRING, dateTime: TIMESTAMP>'
             ).person AS person
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE person IS NOT NULL;

CREATE TEMPORARY VIEW auction AS
SELECT auction.*
FROM (SELECT from_json(CAST(value AS STRING),
               'auction STRUCT<seller: BIGINT, dateTime: TIMESTAMP>'
             ).auction AS auction
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE auction IS NOT NULL;

CREATE STREAMING TABLE q8
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT p.id, p.name, p.window.start AS starttime
FROM (SELECT id, name, window
      FROM STREAM person WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS
      GROUP BY id, name, window(dateTime, '10 seconds')) AS p
JOIN (SELECT seller, window
      FROM STREAM auction WATERMARK dateTime DELAY OF INTERVAL 4 SECONDS
      GROUP BY seller, window(dateTime, '10 seconds')) AS a
ON p.id = a.seller AND p.window = a.window;
