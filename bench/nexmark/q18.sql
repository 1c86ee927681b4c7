-- Nexmark q18, find last bid: the last bid of every bidder for every auction, of those at the same time the
-- dearest. Every change of one goes to a topic.
SET limit = 1000000;

CREATE TEMPORARY VIEW bid AS
SELECT bid.*
FROM (SELECT from_json(CAST(value AS STRING),
               'bid STRUCT<auction: BIGINT, bidder: BIGINT, price: BIGINT, channel: STRING,
                           url: STRING, dateTime: TIMESTAMP, extra: STRING>'
             ).bid AS bid
      FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => '${topic}', startingOffsets => 'earliest',
                             maxOffsetsPerTrigger => ${limit}))
WHERE bid IS NOT NULL;

CREATE SINK q18
USING kafka
OPTIONS ('kafka.bootstrap.servers' = '${brokers}', topic = '${out}', 'sluice.outputMode' = 'update',
         'sluice.checkpointLocation' = '${checkpoint}');

CREATE FLOW q18_groups AS
INSERT INTO q18 BY NAME
SELECT concat(bidder, '/', auction) AS key,
       to_json(struct(auction, bidder, last.price, last.channel, last.url, last.dateTime, last.extra)) AS value
FROM (SELECT auction, bidder, max(struct(dateTime, price, channel, url, extra)) AS last
      FROM STREAM bid
      GROUP BY bidder, auction);
