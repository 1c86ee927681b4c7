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

static void print_sink_options(void) {
    printf("\nTBLPROPERTIES ('name' = 'value', ..): options of the Parquet table\n");
    print_option("sluice.checkpointLocation", "", "directory of the query's checkpoint");
#define OPTION(name, type, default_text, text)                                                     \
    if (strcmp(name, "path") != 0 && strcmp(name, "checkpointLocation") != 0)                      \
        print_option(name, default_text, text);
#include "conn/parquet/parquet_sink_options.def"
}

void sl_cli_print_options(void) {
    print_kafka_options();
    print_sink_options();
    printf("\nSET name = value; in the file, or -s name=value on the command line: settings\n");
#define SETTING(name, default_text, text) print_option(name, default_text, text);
#include "run/settings.def"
    printf("\nEvery other -s name=value is a variable: ${name} in the file stands for it.\n");
}
