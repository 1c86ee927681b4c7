#include "conn/kafka/kafka_topics.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

void sl_kafka_watch_init(struct sl_kafka_watch *watch, const struct sl_kafka_options *options,
                         struct sl_kafka_client *client) {
    *watch = (struct sl_kafka_watch){.options = options, .client = client};
    sl_arena_init(&watch->arena, "kafka partitions");
}

void sl_kafka_watch_release(struct sl_kafka_watch *watch) { sl_arena_release(&watch->arena); }

/* ---- patterns ---- */

static enum sl_code bad_pattern(struct sl_err *err, struct sl_str java, const char *why) {
    sl_fail(err, SL_USER, "option `subscribePattern` cannot be `%.*s`: %s", SL_STR_ARG(java), why);
    return sl_hint(err, "use letters, `.`, `*`, `+`, `?`, `|`, groups, [classes] and \\d \\w \\s");
}

static const char *class_of(char letter, bool in_brackets) {
    switch (letter) {
    case 'd':
        return in_brackets ? "0-9" : "[0-9]";
    case 'w':
        return in_brackets ? "A-Za-z0-9_" : "[A-Za-z0-9_]";
    case 's':
        return in_brackets ? " \t\n\f\r" : "[ \t\n\f\r]";
    case 'D':
        return in_brackets ? NULL : "[^0-9]";
    case 'W':
        return in_brackets ? NULL : "[^A-Za-z0-9_]";
    case 'S':
        return in_brackets ? NULL : "[^ \t\n\f\r]";
    default:
        return NULL;
    }
}

enum sl_code sl_kafka_pattern_translate(struct sl_str java, struct sl_buf *out,
                                        struct sl_err *err) {
    bool in_brackets = false;
    sl_buf_put_cstr(out, "^(");
    for (size_t i = 0; i < java.len; i++) {
        char c = java.ptr[i], next = i + 1 < java.len ? java.ptr[i + 1] : 0;
        if (c == '\\') {
            const char *class = class_of(next, in_brackets);
            if (!next || (!class && isalnum((unsigned char)next)))
                return bad_pattern(err, java, "an escape is not known");
            if (class)
                sl_buf_put_cstr(out, class);
            else if (in_brackets)
                sl_buf_put_byte(out, (uint8_t)next);
            else
                sl_buf_put(out, (char[]){'\\', next}, 2);
            i++;
        } else if (!in_brackets && c == '(' && next == '?') {
            if (i + 2 >= java.len || java.ptr[i + 2] != ':')
                return bad_pattern(err, java, "look-around and flags are not known");
            sl_buf_put_byte(out, '(');
            i += 2;
        } else if (!in_brackets && (c == '*' || c == '+' || c == '?' || c == '}') && next == '+') {
            return bad_pattern(err, java, "possessive repetition is not known");
        } else {
            /* Lazy repetition matches the same whole names as the greedy one. */
            sl_buf_put_byte(out, (uint8_t)c);
            if (!in_brackets && (c == '*' || c == '+' || c == '?' || c == '}') && next == '?') i++;
            if (c == '[') in_brackets = true;
            if (c == ']') in_brackets = false;
        }
    }
    sl_buf_put_cstr(out, ")$");
    return SL_OK;
}

static enum sl_code compile_pattern(struct sl_str java, regex_t *regex, struct sl_err *err) {
    struct sl_buf pattern = {0};
    enum sl_code code = sl_kafka_pattern_translate(java, &pattern, err);
    if (code == SL_OK) {
        int bad = regcomp(regex, sl_buf_cstr(&pattern), REG_EXTENDED | REG_NOSUB);
        if (bad) {
            char why[128];
            regerror(bad, regex, why, sizeof why);
            code = bad_pattern(err, java, why);
        }
    }
    sl_buf_release(&pattern);
    return code;
}

static enum sl_code match_topics(struct sl_kafka_watch *watch, const struct sl_kafka_topics *all,
                                 struct sl_arena *arena, struct sl_str **names, uint32_t *count,
                                 struct sl_err *err) {
    regex_t regex;
    SL_TRY(compile_pattern(watch->options->subject, &regex, err));
    *names = SL_NEW_ARRAY(arena, struct sl_str, all->count + 1u);
    *count = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (!all->items[i].internal && all->items[i].exists &&
            regexec(&regex, all->items[i].name.ptr, 0, NULL, 0) == 0)
            (*names)[(*count)++] = all->items[i].name;
    regfree(&regex);
    return SL_OK;
}

static bool pattern_matches(struct sl_str java, struct sl_str name) {
    char text[256];
    regex_t regex;
    if (compile_pattern(java, &regex, NULL) != SL_OK) return false;
    snprintf(text, sizeof text, "%.*s", SL_STR_ARG(name));
    bool matches = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

bool sl_kafka_watch_wants(const struct sl_kafka_watch *watch, struct sl_str topic,
                          int32_t partition) {
    const struct sl_kafka_options *options = watch->options;
    if (options->select == SL_KAFKA_SUBSCRIBE_PATTERN)
        return pattern_matches(options->subject, topic);
    if (options->select == SL_KAFKA_ASSIGN)
        return sl_kafka_offsets_find(&options->assigned, topic, partition) != NULL;
    for (uint32_t i = 0; i < options->topic_count; i++)
        if (sl_str_eq(options->topics[i], topic)) return true;
    return false;
}

/* ---- looking ---- */

static enum sl_code wanted_names(struct sl_kafka_watch *watch, struct sl_arena *arena,
                                 struct sl_str **names, uint32_t *count, struct sl_err *err) {
    const struct sl_kafka_options *options = watch->options;
    if (options->select == SL_KAFKA_SUBSCRIBE) {
        *names = options->topics;
        *count = options->topic_count;
        return SL_OK;
    }
    if (options->select == SL_KAFKA_SUBSCRIBE_PATTERN) {
        struct sl_kafka_topics all;
        SL_TRY(sl_kafka_topics_list(watch->client, arena, &all, err));
        return match_topics(watch, &all, arena, names, count, err);
    }
    *names = SL_NEW_ARRAY(arena, struct sl_str, options->assigned.count + 1u);
    *count = 0;
    for (uint32_t i = 0; i < options->assigned.count; i++)
        if (i == 0 || !sl_str_eq(options->assigned.items[i].topic, (*names)[*count - 1]))
            (*names)[(*count)++] = options->assigned.items[i].topic;
    return SL_OK;
}

static enum sl_code unknown_topic(struct sl_kafka_watch *watch, struct sl_arena *arena,
                                  struct sl_str name, struct sl_err *err) {
    struct sl_kafka_topics all = {NULL, 0};
    enum sl_code listed = sl_kafka_topics_list(watch->client, arena, &all, NULL);
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, all.count + 1u);
    uint32_t count = 0;
    for (uint32_t i = 0; listed == SL_OK && i < all.count; i++)
        if (!all.items[i].internal) names[count++] = all.items[i].name;
    int nearest = sl_str_nearest(name, names, count);
    sl_fail(err, SL_USER, "topic `%.*s` does not exist on the Kafka brokers `%s`", SL_STR_ARG(name),
            watch->options->bootstrap_servers);
    if (nearest >= 0) return sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(names[nearest]));
    if (count == 0) return sl_hint(err, "there are no topics yet; create one first");
    if (count == 1) return sl_hint(err, "there is one topic, `%.*s`", SL_STR_ARG(names[0]));
    return sl_hint(err, "there are %u topics, `%.*s` among them", count, SL_STR_ARG(names[0]));
}

static const struct sl_kafka_topic *find_topic(const struct sl_kafka_topics *topics,
                                               struct sl_str name) {
    for (uint32_t i = 0; i < topics->count; i++)
        if (sl_str_eq(topics->items[i].name, name)) return &topics->items[i];
    return NULL;
}

static enum sl_code missing_partition(struct sl_kafka_watch *watch, struct sl_err *err) {
    for (uint32_t i = 0; i < watch->options->assigned.count; i++) {
        const struct sl_kafka_offset *wanted = &watch->options->assigned.items[i];
        if (sl_kafka_offsets_find(&watch->partitions, wanted->topic, wanted->partition)) continue;
        const struct sl_kafka_topic *topic = find_topic(&watch->topics, wanted->topic);
        return sl_fail(err, SL_USER, "partition %d of topic `%.*s` does not exist: it has %u",
                       wanted->partition, SL_STR_ARG(wanted->topic),
                       topic ? topic->partition_count : 0);
    }
    return SL_OK;
}

static void collect_partitions(struct sl_kafka_watch *watch) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < watch->topics.count; i++)
        total += watch->topics.items[i].partition_count;
    watch->partitions = (struct sl_kafka_offsets){
        SL_NEW_ARRAY(&watch->arena, struct sl_kafka_offset, total + 1u), 0};
    for (uint32_t i = 0; i < watch->topics.count; i++) {
        const struct sl_kafka_topic *topic = &watch->topics.items[i];
        for (uint32_t p = 0; topic->exists && p < topic->partition_count; p++) {
            int32_t id = topic->partitions[p].id;
            if (watch->options->select == SL_KAFKA_ASSIGN &&
                !sl_kafka_offsets_find(&watch->options->assigned, topic->name, id))
                continue;
            watch->partitions.items[watch->partitions.count++] =
                (struct sl_kafka_offset){topic->name, id, 0};
        }
    }
    sl_kafka_offsets_sort(&watch->partitions);
}

enum sl_code sl_kafka_watch_look(struct sl_kafka_watch *watch, int64_t max_age_ms,
                                 struct sl_err *err) {
    if (watch->looked && (sl_clock_mono_ns() - watch->looked_ns) / 1000000 < max_age_ms)
        return SL_OK;
    struct sl_arena fresh;
    sl_arena_init(&fresh, "kafka partitions");
    struct sl_str *names = NULL;
    uint32_t count = 0;
    struct sl_kafka_topics topics = {NULL, 0};
    enum sl_code code = wanted_names(watch, &fresh, &names, &count, err);
    if (code == SL_OK)
        code = sl_kafka_topics_describe(watch->client, &fresh, names, count, &topics, err);
    for (uint32_t i = 0; code == SL_OK && !watch->looked && i < topics.count; i++)
        if (!topics.items[i].exists) code = unknown_topic(watch, &fresh, topics.items[i].name, err);
    if (code != SL_OK) {
        sl_arena_release(&fresh);
        return code;
    }
    struct sl_arena old = watch->arena;
    watch->arena = fresh;
    watch->topics = topics;
    collect_partitions(watch);
    sl_arena_release(&old);
    if (!watch->looked) code = missing_partition(watch, err);
    watch->looked = code == SL_OK;
    watch->looked_ns = sl_clock_mono_ns();
    return code;
}
