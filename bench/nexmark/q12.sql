-- Nexmark q12, processing time windows: the bids of a bidder in ten seconds of the clock on the
-- wall (the batch's, as in Spark). Every change of a count goes to a topic.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<bidder: BIGINT>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE SINK q12
USING kafka
OPTIONS ('kafka.bootstrap.servers' = '${brokers}', topic = '${out}', 'sluice.outputMode' = 'update',
         'sluice.checkpointLocation' = '${checkpoint}');

CREATE FLOW q12_groups AS
INSERT INTO q12 BY NAME
SELECT CAST(bidder AS STRING) AS key,
       to_json(struct(bidder, bid_count, window.start AS starttime, window.end AS endtime)) AS value
FROM (SELECT bidder, window, count(*) AS bid_count
      FROM STREAM bid WATERMARK current_timestamp() AS p_time DELAY OF INTERVAL 0 SECONDS
      GROUP BY bidder, window(p_time, '10 seconds'));
