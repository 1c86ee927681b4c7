-- Clicks per ten minutes on the console, in the output mode that -s mode=.. says; docs/event-time-by-example.md goes
-- through it batch by batch.
--   sluice run examples/clicks.sql -s lake=/data/lake -s mode=update --available-now

SET mode = append;

CREATE SINK screen USING console
OPTIONS ('sluice.outputMode' = '${mode}', 'sluice.checkpointLocation' = '${lake}/_checkpoints/clicks_${mode}');

CREATE FLOW clicks AS INSERT INTO screen BY NAME
SELECT date_format(window.start, 'HH:mm') AS window, count(*) AS clicks
FROM STREAM json.`${lake}/clicks` WITH (schema = 'at TIMESTAMP')
     WATERMARK at DELAY OF INTERVAL 5 MINUTES
GROUP BY window(at, '10 minutes');
