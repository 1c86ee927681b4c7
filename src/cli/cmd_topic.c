/* sluice topic ls|describe|create|rm|produce|consume */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka_connection.h"
#include "run/batch_query.h"

static enum sl_code list_topics(struct sl_cli *cli, struct sl_kafka_client *client,
                                struct sl_err *err) {
    struct sl_kafka_topics topics;
    SL_TRY(sl_kafka_topics_list(client, &cli->engine.arena, &topics, err));
    for (uint32_t i = 0; i < topics.count; i++)
        if (!topics.items[i].internal)
            printf("%.*s\t%u partitions\n", SL_STR_ARG(topics.items[i].name),
                   topics.items[i].partition_count);
    return SL_OK;
}

static enum sl_code no_topic(struct sl_str name, struct sl_err *err) {
    sl_fail(err, SL_USER, "there is no topic `%.*s`", SL_STR_ARG(name));
    return sl_hint(err, "`sluice topic ls` lists the topics, `sluice topic create %.*s` makes it",
                   SL_STR_ARG(name)),
           SL_USER;
}

/* Earliest or latest offsets of every partition of a topic. */
static enum sl_code ask(struct sl_cli *cli, struct sl_kafka_client *client,
                        const struct sl_kafka_topic *topic, int64_t question,
                        struct sl_kafka_offsets *out, struct sl_err *err) {
    out->items = SL_NEW_ARRAY(&cli->engine.arena, struct sl_kafka_offset, topic->partition_count);
    out->count = topic->partition_count;
    for (uint32_t i = 0; i < out->count; i++)
        out->items[i] = (struct sl_kafka_offset){topic->name, topic->partitions[i].id, question};
    return sl_kafka_offsets_ask(client, out, false, err);
}

static enum sl_code describe(struct sl_cli *cli, struct sl_kafka_client *client, struct sl_str name,
                             struct sl_err *err) {
    struct sl_kafka_topics topics;
    struct sl_kafka_offsets earliest, latest;
    SL_TRY(sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err));
    const struct sl_kafka_topic *topic = &topics.items[0];
    if (!topic->exists) return no_topic(name, err);
    SL_TRY(ask(cli, client, topic, SL_KAFKA_EARLIEST, &earliest, err));
    SL_TRY(ask(cli, client, topic, SL_KAFKA_LATEST, &latest, err));
    printf("partition\tleader\treplicas\tin sync\tearliest\tlatest\trecords\n");
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct sl_kafka_partition_info *partition = &topic->partitions[i];
        printf("%d\t%d\t%u\t%u\t%lld\t%lld\t%lld\n", partition->id, partition->leader,
               partition->replicas, partition->in_sync, (long long)earliest.items[i].offset,
               (long long)latest.items[i].offset,
               (long long)(latest.items[i].offset - earliest.items[i].offset));
    }
    return SL_OK;
}

static enum sl_code create(struct sl_args *args, struct sl_kafka_client *client, struct sl_str name,
                           struct sl_err *err) {
    int64_t partitions = 1, replication = 0;
    const char *configs[2 * 32 + 1] = {0};
    char *copies[32] = {0};
    int count = 0;
    SL_TRY(sl_args_int(args, "partitions", &partitions, err));
    SL_TRY(sl_args_int(args, "replication", &replication, err));
    for (int i = 0; i < args->given_count && count < 32; i++) {
        if (strcmp(args->given[i].flag->name, "config") != 0) continue;
        char *equals, *copy = strdup(args->given[i].value);
        copies[count] = copy;
        if (!(equals = strchr(copy, '='))) {
            while (count >= 0) free(copies[count--]);
            return sl_fail(err, SL_USAGE, "`--config %s` is not NAME=VALUE", args->given[i].value);
        }
        *equals = '\0';
        configs[2 * count] = copy;
        configs[2 * count + 1] = equals + 1;
        count++;
    }
    enum sl_code code = sl_kafka_topic_create(client, name, (int32_t)partitions,
                                              (int32_t)replication, configs, err);
    for (int i = 0; i < count; i++) free(copies[i]);
    return code;
}

/* ---- produce: a record per line of standard input, KEY<tab>VALUE with --keyed ---- */

static enum sl_code produce_lines(struct sl_args *args, struct sl_kafka_producer *producer,
                                  uint64_t *sent, struct sl_err *err) {
    bool keyed = sl_args_has(args, "keyed");
    int64_t partition = -1;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    enum sl_code code = sl_args_int(args, "partition", &partition, err);
    while (code == SL_OK && (len = getline(&line, &cap, stdin)) >= 0) {
        if (len && line[len - 1] == '\n') len--;
        struct sl_str value = {line, (size_t)len}, key = {0};
        size_t tab = keyed ? sl_str_find(value, SL_STR("\t"), 0) : SIZE_MAX;
        if (tab != SIZE_MAX) {
            key = sl_str_sub(value, 0, tab);
            value = sl_str_sub(value, tab + 1, value.len);
        }
        code = sl_kafka_producer_send(producer, (int32_t)partition, key, value, 0, err);
        *sent += code == SL_OK;
    }
    free(line);
    return code;
}

static enum sl_code produce(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                            struct sl_err *err) {
    enum { FLUSH_MS = 120000 };
    struct sl_kafka_properties properties;
    struct sl_kafka_wait wait = sl_cli_kafka_wait(cli);
    struct sl_kafka_producer *producer;
    uint64_t sent = 0;
    SL_TRY(sl_cli_kafka_properties(cli, args, &properties, err));
    SL_TRY(
        sl_kafka_producer_open(&properties, name, NULL, &cli->engine.log, &wait, &producer, err));
    enum sl_code code = produce_lines(args, producer, &sent, err);
    if (code == SL_OK) code = sl_kafka_producer_flush(producer, FLUSH_MS, err);
    sl_kafka_producer_close(producer);
    if (code == SL_OK && !cli->quiet)
        fprintf(stderr, "sent %llu records\n", (unsigned long long)sent);
    return code;
}

/* ---- consume: a batch query over the topic ---- */

static enum sl_code no_header(void *ctx, const struct sl_type *schema,
                              const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}

static enum sl_code print_values(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    int64_t *left = ctx;
    for (uint32_t row = 0; row < batch->rows && *left != 0; row++) {
        if (*left > 0) --*left;
        if (!sl_vec_is_null(&batch->columns[0], row)) {
            struct sl_str value = sl_vec_str(&batch->columns[0], row);
            fwrite(value.ptr, 1, value.len, stdout);
        }
        if (fputc('\n', stdout) == EOF)
            return sl_fail_sys(err, errno, "could not write to standard output");
    }
    return SL_OK;
}

/* "-10" and so on: the last N records of every partition, as startingOffsets JSON. */
static enum sl_code put_start(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                              struct sl_buf *out, struct sl_err *err) {
    const char *from = sl_args_get(args, "offset", "earliest");
    int64_t last;
    if (strcmp(from, "earliest") == 0 || !sl_str_to_i64(sl_str(from), &last)) {
        sl_buf_put_cstr(out, from);
        return SL_OK;
    }
    struct sl_kafka_client *client;
    struct sl_kafka_topics topics;
    struct sl_kafka_offsets earliest, latest;
    SL_TRY(sl_cli_kafka_control(cli, args, &client, err));
    enum sl_code code =
        sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err);
    if (code == SL_OK && !topics.items[0].exists) code = no_topic(name, err);
    if (code == SL_OK) code = ask(cli, client, &topics.items[0], SL_KAFKA_EARLIEST, &earliest, err);
    if (code == SL_OK) code = ask(cli, client, &topics.items[0], SL_KAFKA_LATEST, &latest, err);
    for (uint32_t i = 0; code == SL_OK && i < latest.count; i++) {
        int64_t start = last < 0 ? latest.items[i].offset + last : last;
        latest.items[i].offset =
            start < earliest.items[i].offset ? earliest.items[i].offset : start;
    }
    if (code == SL_OK) sl_kafka_offsets_put(out, &latest);
    sl_kafka_client_close(client);
    return code;
}

static enum sl_code consume(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                            struct sl_err *err) {
    int64_t left = -1;
    struct sl_buf start = {0}, sql = {0};
    struct sl_pipeline pipeline = {0};
    SL_TRY(sl_args_int(args, "count", &left, err));
    enum sl_code code = put_start(cli, args, name, &start, err);
    sl_buf_printf(&sql,
                  "SELECT value FROM read_kafka(bootstrapServers => '%s', subscribe => '%.*s', "
                  "startingOffsets => '%s')",
                  sl_cli_brokers(args), SL_STR_ARG(name), sl_buf_cstr(&start));
    if (code == SL_OK) code = sl_cli_start(cli, args, err);
    if (code == SL_OK)
        code = sl_pipeline_load(&cli->engine, "consume", sl_buf_str(&sql), &pipeline, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&pipeline, pipeline.selects[0]->query, no_header, print_values,
                                  &left, err);
    if (code == SL_OK && fflush(stdout) != 0)
        code = sl_fail_sys(err, errno, "could not write to standard output");
    if (err) err->span = (struct sl_span){0};
    sl_pipeline_release(&pipeline);
    sl_buf_release(&start);
    sl_buf_release(&sql);
    return code;
}

static enum sl_code with_control(struct sl_cli *cli, struct sl_args *args, const char *verb,
                                 struct sl_str name, struct sl_err *err) {
    struct sl_kafka_client *client;
    SL_TRY(sl_cli_kafka_control(cli, args, &client, err));
    enum sl_code code;
    if (strcmp(verb, "ls") == 0)
        code = list_topics(cli, client, err);
    else if (strcmp(verb, "describe") == 0)
        code = describe(cli, client, name, err);
    else if (strcmp(verb, "create") == 0)
        code = create(args, client, name, err);
    else
        code = sl_kafka_topic_delete(client, name, err);
    sl_kafka_client_close(client);
    return code;
}

static enum sl_code dispatch(struct sl_cli *cli, struct sl_args *args,
                             const struct sl_command *command, struct sl_err *err) {
    static const char *const verbs[] = {"ls", "describe", "create", "rm", "produce", "consume"};
    enum { VERB_COUNT = sizeof verbs / sizeof *verbs };
    int verb = 0;
    SL_TRY(sl_args_expect(args, 1, 2, command->usage, err));
    while (verb < VERB_COUNT && strcmp(verbs[verb], args->positional[0]) != 0) verb++;
    if (verb == VERB_COUNT) {
        sl_fail(err, SL_USAGE, "`topic` has no `%s`", args->positional[0]);
        return sl_hint(err, "usage: sluice %s", command->usage), SL_USAGE;
    }
    if (verb > 0) SL_TRY(sl_args_expect(args, 2, 2, command->usage, err));
    struct sl_str name = sl_str(args->positional_count > 1 ? args->positional[1] : "");
    if (strcmp(verbs[verb], "produce") == 0) return produce(cli, args, name, err);
    if (strcmp(verbs[verb], "consume") == 0) return consume(cli, args, name, err);
    return with_control(cli, args, verbs[verb], name, err);
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    sl_cli_catch_signals(&cli);
    if (dispatch(&cli, args, command, &err) != SL_OK)
        status = sl_cli_fail(&cli, &err, NULL, SL_STR(""));
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    SL_CLI_KAFKA_FLAGS,
    {"partitions", 'p', "N", "create: number of partitions (default 1)"},
    {"replication", 0, "N", "create: replication factor (default: the broker's)"},
    {"config", 0, "NAME=VALUE", "create: topic configuration; may be repeated"},
    {"partition", 0, "N", "produce: into this partition"},
    {"keyed", 0, NULL, "produce: lines are KEY<tab>VALUE"},
    {"offset", 'o', "earliest|N|-N",
     "consume: from this offset, or the last N of each partition (default earliest)"},
    {"count", 'n', "N", "consume: end after N records"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_topic = {
    .name = "topic",
    .summary = "list, describe, create, remove, produce to and consume from topics",
    .usage = "topic ls | describe|create|rm|produce|consume NAME",
    .flags = flags,
    .examples = "  sluice topic ls --brokers localhost:9092\n"
                "  sluice topic create orders --partitions 4\n"
                "  sluice topic consume orders -o -2\n",
    .run = run,
};
