SET pipelines.trigger.interval = 30 seconds;  -- Databricks key
