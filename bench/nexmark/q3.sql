-- Nexmark q3, local items: who sells in category 10, in three states. A join without a bound in time:
-- every person and auction that the filters leave is remembered.
SET limit = 1000000;

CREATE TEMPORARY VIEW person AS
SELECT person.*
FROM (SELECT from_json(CAST(value AS STRING),
               'person STRUCT<id: BIGINT, name: STRING, city: STRING, state: STRING>'
             ).person AS person
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE person IS NOT NULL;

CREATE TEMPORARY VIEW auction AS
SELECT auction.*
FROM (SELECT from_json(CAST(value AS STRING),
               'auction STRUCT<id: BIGINT, seller: BIGINT, category: BIGINT>'
             ).auction AS auction
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE auction IS NOT NULL;

CREATE STREAMING TABLE q3
USING parquet
LOCATION '${out}'
TBLPROPERTIES ('sluice.checkpointLocation' = '${checkpoint}')
AS SELECT p.name, p.city, p.state, a.id
FROM STREAM auction AS a JOIN STREAM person AS p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA');
