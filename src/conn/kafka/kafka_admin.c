#include "conn/kafka/kafka_admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/kafka/kafka_client_int.h"

/* ---- one request and its answer ---- */

enum {
    POLL_MS = 250,
    STOP_WAIT_MS = 2000, /* asked to stop, a batch may still ask what it needs to be finished */
    MOVE_WAIT_MS = 100,  /* between questions for a leader or coordinator that moves */
    FIND_WAIT_MS = 2000  /* for brokers behind a request that reached none */
};

struct request {
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event; /* the answer */
    int64_t begin_ns;
};

static void request_begin(struct request *request, struct sl_kafka_client *client,
                          rd_kafka_admin_op_t op) {
    char text[256];
    *request = (struct request){.begin_ns = sl_clock_mono_ns()};
    request->options = rd_kafka_AdminOptions_new(client->handle, op);
    rd_kafka_AdminOptions_set_request_timeout(request->options, SL_KAFKA_CONNECT_MS, text,
                                              sizeof text);
    request->queue = rd_kafka_queue_new(client->handle);
}

static void request_end(struct request *request) {
    if (request->event) rd_kafka_event_destroy(request->event);
    if (request->queue) rd_kafka_queue_destroy(request->queue);
    if (request->options) rd_kafka_AdminOptions_destroy(request->options);
}

/* May what moves be asked for again? A request that found no broker in its time looks like a leader
 * that moves, so all of them together have no more time than one. */
static enum sl_code wait_for_move(struct sl_kafka_client *client, int64_t begin_ns,
                                  const char *what, const char *why, struct sl_err *err) {
    if (sl_kafka_client_stopping(client)) return sl_fail(err, SL_CANCELED, "asked to stop");
    if ((sl_clock_mono_ns() - begin_ns) / 1000000 >= SL_KAFKA_CONNECT_MS)
        return sl_kafka_client_fail(client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, begin_ns, what, why);
    sl_clock_sleep_ms(MOVE_WAIT_MS);
    return SL_OK;
}

/* librdkafka sends these requests to the controller that it knows, and asks for another one only
 * when it refreshes topics, which this client may have none of: when that broker is gone, every
 * later request would wait for it in vain. */
static void find_brokers(struct sl_kafka_client *client, rd_kafka_resp_err_t error) {
    const struct rd_kafka_metadata *metadata = NULL;
    bool unreached = error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT;
    if (!unreached || sl_kafka_client_stopping(client)) return;
    if (rd_kafka_metadata(client->handle, 0, NULL, &metadata, FIND_WAIT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

static enum sl_code request_wait(struct request *request, struct sl_kafka_client *client,
                                 const char *what, struct sl_err *err) {
    while (!request->event) {
        request->event = rd_kafka_queue_poll(request->queue, POLL_MS);
        if (request->event) break;
        sl_kafka_client_poll(client);
        int64_t waited_ms = (sl_clock_mono_ns() - request->begin_ns) / 1000000;
        if (waited_ms >= STOP_WAIT_MS && sl_kafka_client_stopping(client))
            return sl_fail(err, SL_CANCELED, "asked to stop");
        rd_kafka_resp_err_t last = sl_kafka_client_last_error(client, request->begin_ns, NULL, 0);
        if (sl_kafka_error_is_final(last))
            return sl_kafka_client_fail(client, err, RD_KAFKA_RESP_ERR_NO_ERROR, request->begin_ns,
                                        what, "");
    }
    rd_kafka_resp_err_t error = rd_kafka_event_error(request->event);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return SL_OK;
    sl_kafka_client_poll(client);
    enum sl_code code = sl_kafka_client_fail(client, err, error, request->begin_ns, what,
                                             rd_kafka_event_error_string(request->event));
    find_brokers(client, error);
    return code;
}

/* ---- topics ---- */

static int compare_topics(const void *a, const void *b) {
    return sl_str_cmp(((const struct sl_kafka_topic *)a)->name,
                      ((const struct sl_kafka_topic *)b)->name);
}
static int compare_partitions(const void *a, const void *b) {
    const struct sl_kafka_partition_info *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}
static void sort_topics(struct sl_kafka_topics *topics) {
    for (uint32_t i = 0; i < topics->count; i++)
        if (topics->items[i].partition_count > 1)
            qsort(topics->items[i].partitions, topics->items[i].partition_count,
                  sizeof *topics->items[i].partitions, compare_partitions);
    if (topics->count > 1)
        qsort(topics->items, topics->count, sizeof *topics->items, compare_topics);
}

static void take_metadata_topic(struct sl_arena *arena, const rd_kafka_metadata_topic_t *from,
                                struct sl_kafka_topic *to) {
    *to = (struct sl_kafka_topic){
        .name = sl_arena_str(arena, sl_str(from->topic)),
        .exists = from->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                  from->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        .internal = strncmp(from->topic, "__consumer_offsets", 18) == 0 ||
                    strncmp(from->topic, "__transaction_state", 19) == 0 ||
                    strncmp(from->topic, "__share_group_state", 19) == 0,
        .partition_count = (uint32_t)from->partition_cnt,
    };
    to->partitions = SL_NEW_ARRAY(arena, struct sl_kafka_partition_info, to->partition_count + 1u);
    for (uint32_t i = 0; i < to->partition_count; i++)
        to->partitions[i] = (struct sl_kafka_partition_info){
            .id = from->partitions[i].id,
            .leader = from->partitions[i].leader,
            .replicas = (uint32_t)from->partitions[i].replica_cnt,
            .in_sync = (uint32_t)from->partitions[i].isr_cnt,
        };
}

enum sl_code sl_kafka_topics_list(struct sl_kafka_client *client, struct sl_arena *arena,
                                  struct sl_kafka_topics *out, struct sl_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    int64_t begin_ns = sl_clock_mono_ns();
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(client->handle, 1, NULL, &metadata, SL_KAFKA_CONNECT_MS);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        sl_kafka_client_poll(client);
        return sl_kafka_client_fail(client, err, error, begin_ns, "list topics", "");
    }
    out->count = (uint32_t)metadata->topic_cnt;
    out->items = SL_NEW_ARRAY(arena, struct sl_kafka_topic, out->count + 1u);
    for (uint32_t i = 0; i < out->count; i++)
        take_metadata_topic(arena, &metadata->topics[i], &out->items[i]);
    rd_kafka_metadata_destroy(metadata);
    sort_topics(out);
    return SL_OK;
}

static void take_description(struct sl_arena *arena, const rd_kafka_TopicDescription_t *from,
                             struct sl_kafka_topic *to) {
    const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(from);
    size_t count = 0;
    const rd_kafka_TopicPartitionInfo_t **infos =
        rd_kafka_TopicDescription_partitions(from, &count);
    *to = (struct sl_kafka_topic){
        .name = sl_arena_str(arena, sl_str(rd_kafka_TopicDescription_name(from))),
        .exists = rd_kafka_error_code(rd_kafka_TopicDescription_error(from)) ==
                  RD_KAFKA_RESP_ERR_NO_ERROR,
        .internal = rd_kafka_TopicDescription_is_internal(from),
        .partition_count = (uint32_t)count,
    };
    if (id)
        to->id = (struct sl_kafka_topic_id){rd_kafka_Uuid_most_significant_bits(id),
                                            rd_kafka_Uuid_least_significant_bits(id)};
    to->partitions = SL_NEW_ARRAY(arena, struct sl_kafka_partition_info, count + 1);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_Node_t *leader = rd_kafka_TopicPartitionInfo_leader(infos[i]);
        size_t replicas = 0, in_sync = 0;
        rd_kafka_TopicPartitionInfo_replicas(infos[i], &replicas);
        rd_kafka_TopicPartitionInfo_isr(infos[i], &in_sync);
        to->partitions[i] = (struct sl_kafka_partition_info){
            .id = rd_kafka_TopicPartitionInfo_partition(infos[i]),
            .leader = leader ? rd_kafka_Node_id(leader) : -1,
            .replicas = (uint32_t)replicas,
            .in_sync = (uint32_t)in_sync,
        };
    }
}

/* Unknown is an answer; anything else about one topic (no right, invalid name) is an error. */
static enum sl_code check_description(struct sl_kafka_client *client,
                                      const rd_kafka_TopicDescription_t *topic, int64_t begin_ns,
                                      struct sl_err *err) {
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topic);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return SL_OK;
    sl_kafka_client_fail(client, err, code, begin_ns, "describe a topic",
                         rd_kafka_error_string(error));
    return sl_context(err, "topic %s", rd_kafka_TopicDescription_name(topic));
}

enum sl_code sl_kafka_topics_describe(struct sl_kafka_client *client, struct sl_arena *arena,
                                      const struct sl_str *names, uint32_t count,
                                      struct sl_kafka_topics *out, struct sl_err *err) {
    *out = (struct sl_kafka_topics){NULL, 0};
    if (!count) return SL_OK;
    const char **texts = SL_NEW_ARRAY(arena, const char *, count);
    for (uint32_t i = 0; i < count; i++) texts[i] = sl_arena_cstr(arena, names[i]);
    struct request request;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(texts, count);
    rd_kafka_DescribeTopics(client->handle, topics, request.options, request.queue);
    rd_kafka_TopicCollection_destroy(topics);
    enum sl_code code = request_wait(&request, client, "describe topics", err);
    if (code == SL_OK) {
        size_t found = 0;
        const rd_kafka_TopicDescription_t **list = rd_kafka_DescribeTopics_result_topics(
            rd_kafka_event_DescribeTopics_result(request.event), &found);
        out->items = SL_NEW_ARRAY(arena, struct sl_kafka_topic, found + 1);
        for (size_t i = 0; code == SL_OK && i < found; i++) {
            code = check_description(client, list[i], request.begin_ns, err);
            take_description(arena, list[i], &out->items[out->count++]);
        }
        sort_topics(out);
    }
    request_end(&request);
    return code;
}

/* Result of an operation on one topic: the first topic result of the event. */
static enum sl_code topic_result(struct sl_kafka_client *client, struct request *request,
                                 const rd_kafka_topic_result_t **results, size_t count,
                                 const char *what, struct sl_str name, struct sl_err *err) {
    if (!count) return SL_OK;
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return SL_OK;
    const char *text = rd_kafka_topic_result_error_string(results[0]);
    sl_kafka_client_fail(client, err, error, request->begin_ns, what,
                         text ? text : rd_kafka_err2str(error));
    return sl_context(err, "topic %.*s", SL_STR_ARG(name));
}

static bool topic_exists(struct sl_kafka_client *client, struct sl_str name) {
    struct sl_arena arena;
    sl_arena_init(&arena, "scratch");
    struct sl_kafka_topics topics;
    bool exists = sl_kafka_topics_describe(client, &arena, &name, 1, &topics, NULL) == SL_OK &&
                  topics.count && topics.items[0].exists && topics.items[0].partition_count > 0 &&
                  topics.items[0].partitions[0].leader >= 0;
    sl_arena_release(&arena);
    return exists;
}
/* Metadata lags behind the controller. */
static void await_topic(struct sl_kafka_client *client, struct sl_str name, bool wanted) {
    for (int i = 0; i < 200 && topic_exists(client, name) != wanted; i++) sl_clock_sleep_ms(10);
}

enum sl_code sl_kafka_topic_create(struct sl_kafka_client *client, struct sl_str name,
                                   int32_t partitions, int32_t replication,
                                   const char *const *configs, struct sl_err *err) {
    char text[256] = "";
    char *name_text = strndup(name.ptr, name.len);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        name_text, partitions, replication > 0 ? replication : -1, text, sizeof text);
    free(name_text);
    if (!topic)
        return sl_fail(err, SL_USER, "topic `%.*s` cannot be created: %s", SL_STR_ARG(name), text);
    for (size_t i = 0; configs && configs[i]; i += 2)
        rd_kafka_NewTopic_set_config(topic, configs[i], configs[i + 1]);
    struct request request;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(request.options, 10000, text, sizeof text);
    rd_kafka_CreateTopics(client->handle, &topic, 1, request.options, request.queue);
    enum sl_code code = request_wait(&request, client, "create a topic", err);
    if (code == SL_OK) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(request.event), &count);
        code = topic_result(client, &request, results, count, "create the topic", name, err);
    }
    request_end(&request);
    rd_kafka_NewTopic_destroy(topic);
    if (code == SL_OK) await_topic(client, name, true);
    return code;
}

enum sl_code sl_kafka_topic_delete(struct sl_kafka_client *client, struct sl_str name,
                                   struct sl_err *err) {
    char text[256];
    char *name_text = strndup(name.ptr, name.len);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name_text);
    free(name_text);
    struct request request;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(request.options, 10000, text, sizeof text);
    rd_kafka_DeleteTopics(client->handle, &topic, 1, request.options, request.queue);
    enum sl_code code = request_wait(&request, client, "delete a topic", err);
    if (code == SL_OK) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(
            rd_kafka_event_DeleteTopics_result(request.event), &count);
        code = topic_result(client, &request, results, count, "delete the topic", name, err);
    }
    request_end(&request);
    rd_kafka_DeleteTopic_destroy(topic);
    if (code == SL_OK) await_topic(client, name, false);
    return code;
}

/* ---- offsets ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct sl_kafka_offsets *offsets) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)offsets->count);
    for (uint32_t i = 0; i < offsets->count; i++)
        rd_kafka_topic_partition_list_add(list, offsets->items[i].topic.ptr,
                                          offsets->items[i].partition)
            ->offset = offsets->items[i].offset;
    return list;
}

static bool is_unknown(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* Answers into `offsets`; *again counts partitions whose leader is moving. */
static enum sl_code take_answers(struct sl_kafka_client *client, struct request *request,
                                 struct sl_kafka_offsets *offsets, uint32_t *again,
                                 struct sl_err *err) {
    size_t count = 0;
    const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(
        rd_kafka_event_ListOffsets_result(request->event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *answer =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        struct sl_kafka_offset *item =
            sl_kafka_offsets_find(offsets, sl_str(answer->topic), answer->partition);
        if (!item) continue;
        if (answer->err == RD_KAFKA_RESP_ERR_NO_ERROR && answer->offset == RD_KAFKA_OFFSET_INVALID)
            ++*again; /* a broker that has just come up */
        else if (answer->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            item->offset = answer->offset;
        else if (is_unknown(answer->err))
            item->offset = SL_KAFKA_GONE;
        else if (answer->err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                 answer->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                 answer->err == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE ||
                 answer->err == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
                 answer->err == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH ||
                 answer->err == RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE)
            ++*again;
        else {
            sl_kafka_client_fail(client, err, answer->err, request->begin_ns, "ask for offsets",
                                 rd_kafka_err2str(answer->err));
            return sl_context(err, "topic %s partition %d", answer->topic, answer->partition);
        }
    }
    return SL_OK;
}

enum sl_code sl_kafka_offsets_ask(struct sl_kafka_client *client, struct sl_kafka_offsets *offsets,
                                  bool read_committed, struct sl_err *err) {
    if (!offsets->count) return SL_OK;
    rd_kafka_topic_partition_list_t *questions = list_of(offsets);
    enum sl_code code = SL_OK;
    uint32_t again = 1;
    int64_t begin_ns = sl_clock_mono_ns();
    while (code == SL_OK && again) {
        struct request request;
        request_begin(&request, client, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
        rd_kafka_error_t *refused = rd_kafka_AdminOptions_set_isolation_level(
            request.options, read_committed ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                                            : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
        if (refused) rd_kafka_error_destroy(refused);
        rd_kafka_ListOffsets(client->handle, questions, request.options, request.queue);
        code = request_wait(&request, client, "ask for offsets", err);
        again = 0;
        if (code == SL_OK) code = take_answers(client, &request, offsets, &again, err);
        request_end(&request);
        if (code == SL_OK && again)
            code = wait_for_move(client, begin_ns, "ask for offsets", "a partition has no leader",
                                 err);
    }
    rd_kafka_topic_partition_list_destroy(questions);
    return code;
}

/* ---- configuration ---- */

static bool take_number(const struct request *request, const char *name, int64_t *out) {
    size_t count = 0, entries = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(request->event), &count);
    if (!count || rd_kafka_ConfigResource_error(resources[0])) return false;
    const rd_kafka_ConfigEntry_t **items = rd_kafka_ConfigResource_configs(resources[0], &entries);
    for (size_t i = 0; i < entries; i++) {
        const char *value = rd_kafka_ConfigEntry_value(items[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(items[i]), name) == 0)
            return value && sl_str_to_i64(sl_str(value), out);
    }
    return false;
}

bool sl_kafka_topic_number(struct sl_kafka_client *client, struct sl_str topic, const char *name,
                           int64_t *out) {
    char text[256];
    snprintf(text, sizeof text, "%.*s", SL_STR_ARG(topic));
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, text);
    struct request request;
    struct sl_err ignored;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(client->handle, &resource, 1, request.options, request.queue);
    bool told = request_wait(&request, client, "read a topic's configuration", &ignored) == SL_OK &&
                take_number(&request, name, out);
    request_end(&request);
    rd_kafka_ConfigResource_destroy(resource);
    return told;
}

/* ---- groups ---- */

static enum sl_code first_bad(struct sl_kafka_client *client, int64_t begin_ns, const char *what,
                              const rd_kafka_group_result_t *group, struct sl_err *err) {
    const rd_kafka_error_t *error = rd_kafka_group_result_error(group);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const char *text = code ? rd_kafka_error_string(error) : "";
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(group);
    for (int i = 0; !code && list && i < list->cnt; i++) code = list->elems[i].err;
    if (!code) return SL_OK;
    sl_kafka_client_fail(client, err, code, begin_ns, what,
                         text[0] ? text : rd_kafka_err2str(code));
    return sl_context(err, "group %s", rd_kafka_group_result_name(group));
}

enum sl_code sl_kafka_group_commit(struct sl_kafka_client *client, const char *group,
                                   const struct sl_kafka_offsets *offsets, struct sl_err *err) {
    if (!offsets->count) return SL_OK;
    rd_kafka_topic_partition_list_t *list = list_of(offsets);
    rd_kafka_AlterConsumerGroupOffsets_t *change =
        rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    struct request request;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
    rd_kafka_AlterConsumerGroupOffsets(client->handle, &change, 1, request.options, request.queue);
    enum sl_code code = request_wait(&request, client, "commit group offsets", err);
    if (code == SL_OK) {
        size_t count = 0;
        const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
            rd_kafka_event_AlterConsumerGroupOffsets_result(request.event), &count);
        if (count)
            code = first_bad(client, request.begin_ns, "commit group offsets", groups[0], err);
    }
    request_end(&request);
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static void take_group_offsets(struct sl_arena *arena, const rd_kafka_topic_partition_list_t *list,
                               struct sl_kafka_group_offset **out, uint32_t *count) {
    uint32_t room = list && list->cnt > 0 ? (uint32_t)list->cnt : 0;
    *out = SL_NEW_ARRAY(arena, struct sl_kafka_group_offset, room + 1);
    for (uint32_t i = 0; i < room; i++) {
        const rd_kafka_topic_partition_t *item = &list->elems[i];
        if (item->offset < 0) continue;
        struct sl_str text = {item->metadata, item->metadata ? item->metadata_size : 0};
        (*out)[(*count)++] = (struct sl_kafka_group_offset){
            sl_arena_str(arena, sl_str(item->topic)),
            text.len ? sl_arena_str(arena, text) : SL_STR(""), item->partition, item->offset};
    }
}

/* Coordinators that move or load, and transactions that are being ended, pass. */
static bool is_moving(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ||
           error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

static enum sl_code take_group(struct sl_kafka_client *client, const struct request *request,
                               struct sl_arena *arena, struct sl_kafka_group_offset **out,
                               uint32_t *count, bool *again, struct sl_err *err) {
    size_t groups = 0;
    const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(request->event), &groups);
    if (!groups) return SL_OK;
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(results[0]);
    for (int i = 0; list && i < list->cnt; i++) *again |= is_moving(list->elems[i].err);
    rd_kafka_resp_err_t error = rd_kafka_error_code(rd_kafka_group_result_error(results[0]));
    *again |= is_moving(error);
    if (*again || error == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return SL_OK;
    SL_TRY(first_bad(client, request->begin_ns, "read group offsets", results[0], err));
    take_group_offsets(arena, list, out, count);
    return SL_OK;
}

static enum sl_code ask_group(struct sl_kafka_client *client, struct sl_arena *arena,
                              const char *group, struct sl_kafka_group_offset **out,
                              uint32_t *count, bool *again, struct sl_err *err) {
    rd_kafka_ListConsumerGroupOffsets_t *question =
        rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    struct request request;
    request_begin(&request, client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_error_t *refused =
        rd_kafka_AdminOptions_set_require_stable_offsets(request.options, 1);
    if (refused) rd_kafka_error_destroy(refused);
    rd_kafka_ListConsumerGroupOffsets(client->handle, &question, 1, request.options, request.queue);
    enum sl_code code = request_wait(&request, client, "read group offsets", err);
    *again = request.event && is_moving(rd_kafka_event_error(request.event));
    if (code == SL_OK) code = take_group(client, &request, arena, out, count, again, err);
    request_end(&request);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    return code;
}

enum sl_code sl_kafka_group_offsets(struct sl_kafka_client *client, struct sl_arena *arena,
                                    const char *group, struct sl_kafka_group_offset **out,
                                    uint32_t *count, struct sl_err *err) {
    *out = NULL;
    *count = 0;
    for (int64_t begin_ns = sl_clock_mono_ns();;) {
        bool again;
        enum sl_code code = ask_group(client, arena, group, out, count, &again, err);
        if (!again) return code;
        SL_TRY(wait_for_move(client, begin_ns, "read group offsets", "its coordinator moves", err));
    }
}
