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
            printf("%.*s\t%u partition%s\n", SL_STR_ARG(topics.items[i].name),
                   topics.items[i].partition_count,
                   topics.items[i].partition_count == 1 ? "" : "s");
    return SL_OK;
}

static enum sl_code no_topic(struct sl_cli *cli, struct sl_kafka_client *client, struct sl_str name,
                             struct sl_err *err) {
    struct sl_kafka_topics topics;
    SL_TRY(sl_kafka_topics_list(client, &cli->engine.arena, &topics, err));
    struct sl_str *names = SL_NEW_ARRAY(&cli->engine.arena, struct sl_str, topics.count + 1);
    for (uint32_t i = 0; i < topics.count; i++) names[i] = topics.items[i].name;
    int nearest = sl_str_nearest(name, names, topics.count);
    sl_fail(err, SL_USER, "there is no topic `%.*s`", SL_STR_ARG(name));
    if (nearest >= 0)
        return sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(names[nearest])), SL_USER;
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
    if (!topic->exists) return no_topic(cli, client, name, err);
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

static enum sl_code create(struct sl_cli *cli, struct sl_args *args, struct sl_kafka_client *client,
                           struct sl_str name, struct sl_err *err) {
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
    /* a conflict can be tried again; a topic that is there stays there */
    if (code == SL_CONFLICT && err) code = err->code = SL_USER;
    if (code == SL_OK && !cli->quiet)
        fprintf(stderr, "created topic %.*s with %lld partition%s\n", SL_STR_ARG(name),
                (long long)partitions, partitions == 1 ? "" : "s");
    return code;
}

static enum sl_code drop(struct sl_cli *cli, struct sl_kafka_client *client, struct sl_str name,
                         struct sl_err *err) {
    struct sl_kafka_topics topics;
    SL_TRY(sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err));
    if (!topics.items[0].exists) return no_topic(cli, client, name, err);
    SL_TRY(sl_kafka_topic_delete(client, name, err));
    if (!cli->quiet) fprintf(stderr, "removed topic %.*s\n", SL_STR_ARG(name));
    return SL_OK;
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

static enum sl_code check_exists(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                                 struct sl_err *err) {
    struct sl_kafka_client *client;
    struct sl_kafka_topics topics;
    SL_TRY(sl_cli_kafka_control(cli, args, &client, err));
    enum sl_code code =
        sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err);
    if (code == SL_OK && !topics.items[0].exists) code = no_topic(cli, client, name, err);
    sl_kafka_client_close(client);
    return code;
}

static enum sl_code produce(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                            struct sl_err *err) {
    enum { FLUSH_MS = 120000 };
    struct sl_kafka_properties properties;
    struct sl_kafka_wait wait = sl_cli_kafka_wait(cli);
    struct sl_kafka_producer *producer;
    uint64_t sent = 0;
    SL_TRY(check_exists(cli, args, name, err));
    SL_TRY(sl_cli_kafka_properties(cli, args, &properties, err));
    SL_TRY(
        sl_kafka_producer_open(&properties, name, NULL, &cli->engine.log, &wait, &producer, err));
    enum sl_code code = produce_lines(args, producer, &sent, err);
    if (code == SL_OK) code = sl_kafka_producer_flush(producer, FLUSH_MS, err);
    struct sl_kafka_produced counts = sl_kafka_producer_counts(producer);
    sl_kafka_producer_close(producer);
    if (code == SL_OK && !cli->quiet)
        fprintf(stderr, "sent %llu record%s\n", (unsigned long long)sent, sent == 1 ? "" : "s");
    else if (!cli->quiet)
        fprintf(stderr, "sent %llu record%s; the brokers have confirmed %llu of them\n",
                (unsigned long long)sent, sent == 1 ? "" : "s",
                (unsigned long long)counts.delivered);
    return code;
}

/* ---- consume: a batch query over the topic ---- */

static enum sl_code no_header(void *ctx, const struct sl_type *schema,
                              const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}

static enum sl_code print_values(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)ctx;
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (batch->selected && !sl_bit_get(batch->selected, row)) continue;
        if (!sl_vec_is_null(&batch->columns[0], row))
            SL_TRY(sl_cli_put(sl_vec_str(&batch->columns[0], row), err));
        SL_TRY(sl_cli_put(SL_STR("\n"), err));
    }
    return sl_cli_flush(err);
}

/* "earliest"; 10: from that offset on; -10: the last ten records of every partition, both as
 * startingOffsets JSON and within what the partition holds. */
static enum sl_code put_start(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                              struct sl_buf *out, struct sl_err *err) {
    const char *from = sl_args_get(args, "offset", "earliest");
    int64_t last;
    if (strcmp(from, "earliest") == 0) {
        sl_buf_put_cstr(out, from);
        return check_exists(cli, args, name, err);
    }
    if (!sl_str_to_i64(sl_str(from), &last))
        return sl_fail(err, SL_USAGE,
                       "`--offset` is `%s`; it must be earliest, an offset, or -N for the last N",
                       from);
    struct sl_kafka_client *client;
    struct sl_kafka_topics topics;
    struct sl_kafka_offsets earliest, latest;
    SL_TRY(sl_cli_kafka_control(cli, args, &client, err));
    enum sl_code code =
        sl_kafka_topics_describe(client, &cli->engine.arena, &name, 1, &topics, err);
    if (code == SL_OK && !topics.items[0].exists) code = no_topic(cli, client, name, err);
    if (code == SL_OK) code = ask(cli, client, &topics.items[0], SL_KAFKA_EARLIEST, &earliest, err);
    if (code == SL_OK) code = ask(cli, client, &topics.items[0], SL_KAFKA_LATEST, &latest, err);
    for (uint32_t i = 0; code == SL_OK && i < latest.count; i++) {
        int64_t least = earliest.items[i].offset, end = latest.items[i].offset,
                start = last >= 0     ? last
                        : last < -end ? 0
                                      : end + last;
        latest.items[i].offset = start < least ? least : start > end ? end : start;
    }
    if (code == SL_OK) sl_kafka_offsets_put(out, &latest);
    sl_kafka_client_close(client);
    return code;
}

static void put_quoted(struct sl_buf *out, struct sl_str text) {
    sl_buf_put_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\') sl_buf_put_byte(out, '\\');
        sl_buf_put_byte(out, (uint8_t)text.ptr[i]);
    }
    sl_buf_put_byte(out, '\'');
}

static void put_consume_sql(struct sl_buf *out, const struct sl_args *args, struct sl_str name,
                            struct sl_str start, int64_t count) {
    sl_buf_put_cstr(out, "SELECT value FROM read_kafka(bootstrapServers => ");
    put_quoted(out, sl_str(sl_cli_brokers(args)));
    sl_buf_put_cstr(out, ", subscribe => ");
    put_quoted(out, name);
    sl_buf_put_cstr(out, ", startingOffsets => ");
    put_quoted(out, start);
    for (int i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].flag->name, "property") != 0) continue;
        struct sl_str text = sl_str(args->given[i].value);
        size_t equals = sl_str_find(text, SL_STR("="), 0);
        if (equals == SIZE_MAX || sl_str_find(text, SL_STR("`"), 0) < equals) continue;
        sl_buf_printf(out, ", `kafka.%.*s` => ", (int)equals, text.ptr);
        put_quoted(out, sl_str_sub(text, equals + 1, text.len));
    }
    sl_buf_put_byte(out, ')');
    if (count >= 0) sl_buf_printf(out, " LIMIT %lld", (long long)count);
}

static enum sl_code consume(struct sl_cli *cli, struct sl_args *args, struct sl_str name,
                            struct sl_err *err) {
    int64_t count = -1;
    struct sl_buf start = {0}, sql = {0};
    struct sl_pipeline pipeline = {0};
    SL_TRY(sl_args_int(args, "count", &count, err));
    if (sl_args_has(args, "count") && (count < 0 || count > INT32_MAX))
        return sl_fail(err, SL_USAGE, "`--count` must be between 0 and %d", INT32_MAX);
    enum sl_code code = put_start(cli, args, name, &start, err);
    put_consume_sql(&sql, args, name, sl_buf_str(&start), count);
    if (code == SL_OK) code = sl_cli_start(cli, args, err);
    if (code == SL_OK)
        code = sl_pipeline_load(&cli->engine, "consume", sl_buf_str(&sql), &pipeline, err);
    if (code == SL_OK)
        code = sl_batch_query_run(&pipeline, pipeline.selects[0]->query, no_header, print_values,
                                  NULL, err);
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
        code = create(cli, args, client, name, err);
    else
        code = drop(cli, client, name, err);
    sl_kafka_client_close(client);
    return code;
}

/* Names other tools have for the same. */
static enum sl_code no_verb(const char *given, const struct sl_command *command,
                            struct sl_err *err) {
    static const struct sl_str others[][2] = {
        {SL_STR("list"), SL_STR("ls")},           {SL_STR("delete"), SL_STR("rm")},
        {SL_STR("remove"), SL_STR("rm")},         {SL_STR("show"), SL_STR("describe")},
        {SL_STR("desc"), SL_STR("describe")},     {SL_STR("make"), SL_STR("create")},
        {SL_STR("read"), SL_STR("consume")},      {SL_STR("cat"), SL_STR("consume")},
        {SL_STR("write"), SL_STR("produce")},     {SL_STR("send"), SL_STR("produce")},
        {SL_STR("describe"), SL_STR("describe")}, {SL_STR("create"), SL_STR("create")},
        {SL_STR("consume"), SL_STR("consume")},   {SL_STR("produce"), SL_STR("produce")}};
    enum { OTHER_COUNT = sizeof others / sizeof *others };
    struct sl_str names[OTHER_COUNT];
    for (int i = 0; i < OTHER_COUNT; i++) names[i] = others[i][0];
    int nearest = sl_str_nearest(sl_str(given), names, OTHER_COUNT);
    sl_fail(err, SL_USAGE, "`topic` has no `%s`", given);
    if (nearest >= 0)
        sl_hint(err, "did you mean `sluice topic %s`?", others[nearest][1].ptr);
    else
        sl_hint(err, "usage: sluice %s", command->usage);
    return SL_USAGE;
}

static enum sl_code dispatch(struct sl_cli *cli, struct sl_args *args,
                             const struct sl_command *command, struct sl_err *err) {
    static const char *const verbs[] = {"ls", "describe", "create", "rm", "produce", "consume"};
    enum { VERB_COUNT = sizeof verbs / sizeof *verbs };
    int verb = 0;
    SL_TRY(sl_args_expect(args, 1, 2, command->usage, err));
    while (verb < VERB_COUNT && strcmp(verbs[verb], args->positional[0]) != 0) verb++;
    if (verb == VERB_COUNT) return no_verb(args->positional[0], command, err);
    SL_TRY(sl_args_expect(args, verb > 0 ? 2 : 1, verb > 0 ? 2 : 1, command->usage, err));
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
