/* What gen, topic and demo share: properties of a connection from --brokers and -X, and stopping.
 */
#ifndef SL_CLI_KAFKA_CONNECTION_H
#define SL_CLI_KAFKA_CONNECTION_H

#include "cli/cli.h"
#include "conn/kafka/kafka_admin.h"
#include "conn/kafka/kafka_producer.h"

/* --brokers, else $SLUICE_BROKERS, else localhost:9092. */
const char *sl_cli_brokers(const struct sl_args *args);
/* bootstrap.servers and every -X name=value (Java names are translated). */
SL_MUST_CHECK enum sl_code sl_cli_kafka_properties(struct sl_cli *cli, const struct sl_args *args,
                                                   struct sl_kafka_properties *out,
                                                   struct sl_err *err);
struct sl_kafka_wait sl_cli_kafka_wait(struct sl_cli *cli);
/* A connected control client. */
SL_MUST_CHECK enum sl_code sl_cli_kafka_control(struct sl_cli *cli, const struct sl_args *args,
                                                struct sl_kafka_client **out, struct sl_err *err);

#define SL_CLI_KAFKA_FLAGS                                                                         \
    {"brokers", 'b', "HOST:PORT,..", "Kafka brokers (default $SLUICE_BROKERS or localhost:9092)"}, \
    {                                                                                              \
        "property", 'X', "NAME=VALUE",                                                             \
            "Kafka client property, such as security.protocol=SSL; may be repeated"                \
    }

#endif
