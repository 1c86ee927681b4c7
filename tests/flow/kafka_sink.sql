-- Topic to topic: ${columns} is the SELECT list, ${options} the rest of the sink's options.
SET spark.sql.streaming.minBatchesToRetain = ${retain};

CREATE SINK out
USING kafka
OPTIONS ('kafka.bootstrap.servers' = '${brokers}', 'checkpointLocation' = '${lake}/c' ${options});

CREATE FLOW copy AS INSERT INTO out BY NAME
SELECT ${columns}
FROM STREAM read_kafka(
  bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => '${start}',
  includeHeaders => 'true', maxOffsetsPerTrigger => '${limit}', failOnDataLoss => '${loss}');
