/* Each table and checkpoint of a file has a directory of its own. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "run/pipeline.h"

static struct sl_engine engine;
static struct sl_err err;

static enum sl_code load(const char *text) {
    struct sl_pipeline pipeline;
    sl_engine_init(&engine);
    engine.log.level = SL_LOG_ERROR;
    err = (struct sl_err){0};
    enum sl_code code = sl_pipeline_load(&engine, "test", sl_str(text), &pipeline, &err);
    sl_pipeline_release(&pipeline);
    sl_engine_release(&engine);
    return code;
}

#define TABLE(name, location, checkpoint)                                                          \
    "CREATE STREAMING TABLE " name " USING delta LOCATION '" location "' TBLPROPERTIES "           \
    "('sluice.checkpointLocation' = '" checkpoint "') AS SELECT value FROM STREAM "                \
    "read_kafka(bootstrapServers => 'b', subscribe => 't');\n"

void test_places_of_a_file(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        enum sl_code code;
    } rows[] = {
        {TABLE("a", "/l/a", "/c/a") TABLE("b", "/l/b", "/c/b"), "", SL_OK},
        {TABLE("a", "/l/a", "/l/a/_checkpoint") TABLE("b", "/l/b", "/c/b"), "", SL_OK},
        {TABLE("a", "/l/a", "/c/a") TABLE("b", "file:/l/a/", "/c/b"), "LOCATION of `b` is also",
         SL_USER},
        {TABLE("a", "/l/a/x", "/c/a") TABLE("b", "/l/a", "/c/b"), "LOCATION of `a` is inside",
         SL_USER},
        {"CREATE STREAMING TABLE bad USING parquet LOCATION '/l/a';" TABLE("a", "/l/a", "/c/a"),
         "LOCATION of `a` is also", SL_USER},
        {TABLE("a", "/l/a", "/c/a") TABLE("b", "/l/b", "/c/a"), "checkpoint of `b` is also",
         SL_USER},
        {TABLE("a", "s3://bucket/a", "/c/a"), "`s3`", SL_UNSUPPORTED},
        {TABLE("a", "/l/a", "hdfs://host/c"), "`hdfs`", SL_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (load(rows[i].text) != rows[i].code) fail_msg("%zu: %s", i, err.msg);
        if (!strstr(err.msg, rows[i].message)) fail_msg("%zu: %s", i, err.msg);
    }
}
