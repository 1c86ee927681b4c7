/* sluice help options: what a pipeline file can set, from the tables the engine itself uses. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_option(const char *name, const char *default_text, const char *doc) {
    printf("  %s", name);
    if (*default_text) printf(" = %s", default_text);
    printf("\n      %s\n", doc);
}

static void print_kafka_options(void) {
    static const char *const notes[] = {
        ['A'] = "", ['S'] = " (streams only)", ['B'] = " (batch only)"};
    char doc[512];
    printf("read_kafka(name => value, ..): options of the Kafka source\n");
#define OPTION(id, name, where, default_text, text)                                                \
    snprintf(doc, sizeof doc, "%s%s", text, notes[(unsigned char)*#where]);                        \
    print_option(name, default_text, doc);
#include "conn/kafka/kafka_options.def"
    printf("  `kafka.NAME` => value\n      a property of the Kafka client, by Java's or "
           "librdkafka's name, such as `kafka.security.protocol`\n");
}

static void print_file_options(void) {
    printf("\nread_files('path', name => value, ..), and json|csv|text|parquet.`path` WITH (name = "
           "value, ..): options of file sources\n");
#define OPTION(name, type, default_text, text) print_option(name, default_text, text);
#include "conn/file_source_options.def"
    printf("\nof JSON files\n");
#define OPTION(name, type, default_text, text) print_option(name, default_text, text);
#include "conn/files/json_source_options.def"
    printf("\nof CSV files\n");
#define OPTION(name, type, default_text, text) print_option(name, default_text, text);
#include "conn/files/csv_source_options.def"
    printf("\nof text files\n");
#define OPTION(name, type, default_text, text) print_option(name, default_text, text);
#include "conn/files/text_source_options.def"
}

static void print_sink_options(void) {
    printf("\nTBLPROPERTIES ('name' = 'value', ..) of every streaming table\n");
#define PROPERTY(name, default_text, text) print_option(name, default_text, text);
#include "run/query_properties.def"
    printf("\nTBLPROPERTIES of a Parquet table\n");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "path") != 0 && strcmp(name, "checkpointLocation") != 0)                      \
        print_option(name, default_text, text);
#include "conn/parquet/parquet_sink_options.def"
    printf("\nTBLPROPERTIES of a Delta table\n");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "path") != 0 && strcmp(name, "checkpointLocation") != 0)                      \
        print_option(name, default_text, text);
#include "conn/delta/delta_sink_options.def"
    printf("  'delta.NAME' = 'value'\n      a property of a new Delta table, such as "
           "`delta.checkpointInterval`\n");
    printf("\nOPTIONS ('name' = 'value', ..) of CREATE SINK .. USING kafka\n");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "checkpointLocation") != 0) print_option(name, default_text, text);
#include "conn/kafka/kafka_sink_options.def"
    printf("  'kafka.NAME' = 'value'\n      a property of the Kafka producer, by Java's or "
           "librdkafka's name, such as `kafka.compression.type`\n");
}

static void print_delta_source_options(void) {
    printf("\ndelta.`/path` WITH (name = value, ..): options of a Delta table that is read\n");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "path") != 0) print_option(name, default_text, text);
#include "conn/delta/delta_source_options.def"
    printf("\nSTREAM delta.`/path` WITH (name = value, ..), STREAM table WITH (..): options of a "
           "Delta table that is read as a stream\n");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "path") != 0) print_option(name, default_text, text);
#include "conn/delta/delta_stream_options.def"
}

void sl_cli_print_options(void) {
    print_kafka_options();
    print_file_options();
    print_delta_source_options();
    print_sink_options();
    printf("\nSET name = value; in the file, or -s name=value on the command line: settings\n");
#define SETTING(name, default_text, text) print_option(name, default_text, text);
#include "run/settings.def"
    printf("\nEvery other -s name=value is a variable: ${name} in the file stands for it.\n");
}
