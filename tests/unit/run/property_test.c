/* Misspelt names are told, with the nearest, before anything runs. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "run/pipeline.h"

static void load(const char *text, const char *says, const char *hint) {
    struct sl_engine engine;
    struct sl_pipeline pipeline;
    struct sl_err err = {0};
    sl_engine_init(&engine);
    enum sl_code code = sl_pipeline_load(&engine, "test", sl_str(text), &pipeline, &err);
    if (!says && code != SL_OK) fail_msg("%s: %s", text, err.msg);
    if (says) {
        assert_int_equal(code, SL_USER);
        if (!strstr(err.msg, says)) fail_msg("%s", err.msg);
        if (!strstr(err.hint, hint)) fail_msg("%s", err.hint);
        assert_true(err.span.end > err.span.begin);
    }
    sl_pipeline_release(&pipeline);
    sl_engine_release(&engine);
}

static void table(const char *format, const char *properties, const char *says, const char *hint) {
    char text[600];
    snprintf(text, sizeof text,
             "CREATE STREAMING TABLE t USING %s LOCATION '/t' TBLPROPERTIES (%s) AS SELECT value "
             "FROM STREAM read_kafka(bootstrapServers => 'b', subscribe => 'in')",
             format, properties);
    load(text, says, hint);
}

void test_misspelt_properties_are_told(void **state) {
    (void)state;
    table("parquet", "'sluice.checkpointLocaton' = '/c'", "no property",
          "`sluice.checkpointLocation`");
    table("delta", "'sluice.quarantin' = 'x'", "no property", "`sluice.quarantine`");
    table("delta", "'sluice.wholly.other' = 'x'", "no property", "help options");
    table("parquet", "'sluice.autoCompact' = 'true'", "a property of delta, not of parquet", "");
    table("parquet", "'sluice.quarantine.maxRatio' = '0.1'", "no effect without", "names");
    table("delta", "'sluice.quarantine.maxRows' = '1'", "no effect without", "names");
    table("parquet", "'SLUICE.checkpointlocation' = '/c'", NULL, NULL);
    table("delta", "'sluice.autoCompact' = 'true', 'sluice.file.targetSize' = '1m'", NULL, NULL);
    table("console", "'sluice.autoCompact' = 'true'", NULL, NULL);
    table("delta", "'outputMode' = 'complete'", "no property `outputMode`", "`sluice.outputMode`");
    table("delta", "'checkpointLocation' = '/c', 'owner' = 'me'", NULL, NULL);
    load("CREATE SINK s USING kafka OPTIONS ('topic' = 't', 'sluice.delivry' = 'x')", "no property",
         "`sluice.delivery`");
    load("CREATE SINK s USING console OPTIONS ('OUTPUTMODE' = 'update')", "no property",
         "`sluice.outputMode`");
}

void test_misspelt_delta_properties_are_told(void **state) {
    (void)state;
    table("delta", "'delta.appendonly' = 'true'", NULL, NULL);
    table("delta", "'delta.constraints.early' = 'a > 1', 'delta.feature.x' = 'supported'", NULL,
          NULL);
    table("delta", "'delta.constraints.' = 'a > 1'", "Unknown configuration", "");
    table("delta", "'delta.apendOnly' = 'true'",
          "Unknown configuration was specified: delta.apendOnly", "`delta.appendOnly`");
    table("delta", "'delta.mine' = '1'", "Unknown configuration", "allowArbitraryProperties");
    load("SET spark.databricks.delta.allowArbitraryProperties.enabled = true; CREATE STREAMING "
         "TABLE t USING delta LOCATION '/t' TBLPROPERTIES ('delta.mine' = '1')",
         NULL, NULL);
}

void test_misspelt_settings_are_told(void **state) {
    (void)state;
    load("SET sluice.worker = 3", "no setting `sluice.worker`", "`sluice.workers`");
    load("SET sluice.batchRows = 32; SET spark.sql.unheard.of = 1; SET pipelines.x = 2; SET mine = "
         "3",
         NULL, NULL);
}
