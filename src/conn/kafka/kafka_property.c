/* Java client properties to librdkafka's, by kafka_client.def. */
#include <ctype.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "conn/kafka/kafka_options.h"

enum action { PASS, IGNORE, FORBID, SPECIAL };
static const struct row {
    const char *java;
    enum action action;
    const char *native, *note;
} rows[] = {
#define PROPERTY(java, action, native, note) {java, action, native, note},
#include "conn/kafka/kafka_client.def"
};
enum { ROWS = sizeof rows / sizeof *rows };

void sl_kafka_property_add(struct sl_arena *arena, struct sl_kafka_properties *properties,
                           const char *name, struct sl_str value) {
    if (properties->count == properties->cap) {
        uint32_t cap = properties->cap ? properties->cap * 2 : 16;
        properties->items =
            sl_arena_grow(arena, properties->items, properties->cap * sizeof *properties->items,
                          cap * sizeof *properties->items);
        properties->cap = cap;
    }
    properties->items[properties->count++] = (struct sl_kafka_property){
        .name = sl_arena_cstr(arena, sl_str(name)), .value = sl_arena_cstr(arena, value)};
}

const char *sl_kafka_property_find(const struct sl_kafka_properties *properties, const char *name) {
    for (uint32_t i = properties->count; i-- > 0;)
        if (strcmp(properties->items[i].name, name) == 0) return properties->items[i].value;
    return NULL;
}

static enum sl_code refuse(struct sl_err *err, struct sl_span span, struct sl_str name,
                           const char *hint) {
    sl_fail_at(err, span, "", "", "Kafka option `kafka.%.*s` is not supported", SL_STR_ARG(name));
    return sl_hint(err, "%s%s", islower((unsigned char)hint[0]) ? "instead: " : "", hint);
}

/* librdkafka itself judges name and value; its names for the message come from its own table. */
static enum sl_code unknown_name(struct sl_err *err, struct sl_span span, struct sl_str name,
                                 rd_kafka_conf_t *conf) {
    size_t dumped = 0;
    const char **dump = rd_kafka_conf_dump(conf, &dumped);
    struct sl_str *names = sl_xcalloc(dumped / 2 + ROWS, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) names[count++] = sl_str(rows[i].java);
    for (size_t i = 0; i + 1 < dumped; i += 2) names[count++] = sl_str(dump[i]);
    int nearest = sl_str_nearest(name, names, count);
    sl_fail_at(err, span, "", "", "unknown Kafka client property `kafka.%.*s`", SL_STR_ARG(name));
    if (nearest >= 0)
        sl_hint(err, "did you mean `kafka.%.*s`?", SL_STR_ARG(names[nearest]));
    else
        sl_hint(err, "known are the properties of Kafka's clients and those of librdkafka");
    free(names);
    rd_kafka_conf_dump_free(dump, dumped);
    return SL_USER;
}

static enum sl_code add_checked(struct sl_arena *arena, struct sl_kafka_properties *out,
                                const char *native, struct sl_str java, struct sl_str value,
                                struct sl_span span, struct sl_err *err) {
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result =
        rd_kafka_conf_set(conf, native, sl_arena_cstr(arena, value), text, sizeof text);
    enum sl_code code = SL_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        code = unknown_name(err, span, java, conf);
    else if (result != RD_KAFKA_CONF_OK && sl_log_is_secret(java))
        code = sl_fail_at(err, span, "", "", "the value of `kafka.%.*s` is not valid",
                          SL_STR_ARG(java));
    else if (result != RD_KAFKA_CONF_OK)
        code = sl_fail_at(err, span, "", "", "the value `%.*s` of `kafka.%.*s` is not valid: %s",
                          SL_STR_ARG(value), SL_STR_ARG(java), text);
    else
        sl_kafka_property_add(arena, out, native, value);
    rd_kafka_conf_destroy(conf);
    return code;
}

/* ---- the special ones ---- */

static const char jks_help[] =
    "Java key stores cannot be read; convert once: keytool -importkeystore -srckeystore x.jks "
    "-destkeystore x.p12 -deststoretype PKCS12, then for a trust store: openssl pkcs12 -in x.p12 "
    "-nokeys -out ca.pem and use the PEM file";

static bool looks_like_jks(struct sl_str path) {
    return sl_str_ends(path, SL_STR(".jks")) || sl_str_ends(path, SL_STR(".JKS"));
}

static enum sl_code keystore_location(struct sl_arena *arena, struct sl_str name,
                                      struct sl_str value, struct sl_span span,
                                      struct sl_kafka_properties *out, struct sl_err *err) {
    if (looks_like_jks(value)) return refuse(err, span, name, jks_help);
    if (!sl_str_ends(value, SL_STR(".pem")))
        return add_checked(arena, out, "ssl.keystore.location", name, value, span, err);
    /* Java's PEM key store is one file with the key and its certificates. */
    SL_TRY(add_checked(arena, out, "ssl.certificate.location", name, value, span, err));
    return add_checked(arena, out, "ssl.key.location", name, value, span, err);
}

static enum sl_code store_type(struct sl_str name, struct sl_str value, struct sl_span span,
                               struct sl_err *err) {
    if (sl_str_eq_nocase(value, SL_STR("PEM"))) return SL_OK;
    if (sl_str_eq_nocase(value, SL_STR("PKCS12")) && name.ptr[4] == 'k') return SL_OK;
    return refuse(err, span, name, jks_help);
}

/* Value of `key="text"` or key='text' or key=text in a JAAS line. */
static bool jaas_value(struct sl_str line, const char *key, struct sl_str *out) {
    struct sl_str name = sl_str(key);
    for (size_t at = 0; (at = sl_str_find(line, name, at)) != SIZE_MAX; at += name.len) {
        if (at > 0 && !isspace((unsigned char)line.ptr[at - 1])) continue;
        size_t i = at + name.len;
        while (i < line.len && isspace((unsigned char)line.ptr[i])) i++;
        if (i >= line.len || line.ptr[i] != '=') continue;
        i++;
        while (i < line.len && isspace((unsigned char)line.ptr[i])) i++;
        char quote = i < line.len && (line.ptr[i] == '"' || line.ptr[i] == '\'') ? line.ptr[i] : 0;
        size_t begin = quote ? i + 1 : i, end = begin;
        while (end < line.len &&
               (quote ? line.ptr[end] != quote
                      : !isspace((unsigned char)line.ptr[end]) && line.ptr[end] != ';'))
            end++;
        if (quote && end >= line.len) return false;
        *out = sl_str_sub(line, begin, end);
        return true;
    }
    return false;
}

static enum sl_code jaas_config(struct sl_arena *arena, struct sl_str name, struct sl_str value,
                                struct sl_span span, struct sl_kafka_properties *out,
                                struct sl_err *err) {
    bool plain = sl_str_find(value, SL_STR("PlainLoginModule"), 0) != SIZE_MAX;
    bool scram = sl_str_find(value, SL_STR("ScramLoginModule"), 0) != SIZE_MAX;
    struct sl_str user, password;
    if (!plain && !scram)
        return refuse(err, span, name,
                      "only PlainLoginModule and ScramLoginModule are understood; for OAUTHBEARER "
                      "set `kafka.sasl.oauthbearer.*`, for Kerberos `kafka.sasl.kerberos.*`");
    if (!jaas_value(value, "username", &user) || !jaas_value(value, "password", &password)) {
        sl_fail_at(err, span, "", "", "`kafka.sasl.jaas.config` has no user name or password");
        return sl_hint(err, "write it as: org.apache.kafka.common.security.plain.PlainLoginModule "
                            "required username=\"x\" password=\"y\";");
    }
    sl_kafka_property_add(arena, out, "sasl.username", user);
    sl_kafka_property_add(arena, out, "sasl.password", password);
    return SL_OK;
}

/* Java counts bytes, librdkafka kilobytes. */
static enum sl_code buffer_memory(struct sl_arena *arena, struct sl_str name, struct sl_str value,
                                  struct sl_span span, struct sl_kafka_properties *out,
                                  struct sl_err *err) {
    int64_t bytes;
    if (!sl_str_to_i64(sl_str_trim(value), &bytes) || bytes < 1)
        return sl_fail_at(err, span, "", "", "`kafka.%.*s` wants a number of bytes, not `%.*s`",
                          SL_STR_ARG(name), SL_STR_ARG(value));
    int64_t kilobytes = bytes < 1024 ? 1 : bytes / 1024;
    return add_checked(arena, out, "queue.buffering.max.kbytes", name,
                       sl_arena_printf(arena, "%lld", (long long)kilobytes), span, err);
}

static enum sl_code special(struct sl_arena *arena, struct sl_str name, struct sl_str value,
                            struct sl_span span, const struct sl_log *notes,
                            struct sl_kafka_properties *out, struct sl_err *err) {
    if (sl_str_eq(name, SL_STR("sasl.jaas.config")))
        return jaas_config(arena, name, value, span, out, err);
    if (sl_str_eq(name, SL_STR("ssl.keystore.location")))
        return keystore_location(arena, name, value, span, out, err);
    if (sl_str_eq(name, SL_STR("ssl.truststore.location")))
        return looks_like_jks(value)
                   ? refuse(err, span, name, jks_help)
                   : add_checked(arena, out, "ssl.ca.location", name, value, span, err);
    if (sl_str_ends(name, SL_STR("store.type"))) return store_type(name, value, span, err);
    if (sl_str_eq(name, SL_STR("ssl.endpoint.identification.algorithm")))
        return add_checked(arena, out, "ssl.endpoint.identification.algorithm", name,
                           value.len ? value : SL_STR("none"), span, err);
    if (sl_str_eq(name, SL_STR("buffer.memory")))
        return buffer_memory(arena, name, value, span, out, err);
    if (sl_str_eq(name, SL_STR("group.id")) && notes)
        sl_log_event(notes, SL_LOG_WARN, SL_CAT_KAFKA,
                     "option kafka.group.id has no effect: sluice joins no group, and offsets live "
                     "in the checkpoint (sluice.commitGroup publishes them)");
    return SL_OK;
}

enum sl_code sl_kafka_property_translate(struct sl_arena *arena, struct sl_str name,
                                         struct sl_str value, struct sl_span span,
                                         const struct sl_log *notes,
                                         struct sl_kafka_properties *out, struct sl_err *err) {
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        if (!sl_str_eq_nocase(name, sl_str(row->java))) continue;
        if (row->action == FORBID) return refuse(err, span, name, row->note);
        if (row->action == SPECIAL)
            return special(arena, sl_str(row->java), value, span, notes, out, err);
        if (row->action == PASS)
            return add_checked(arena, out, row->native, name, value, span, err);
        if (notes)
            sl_log_event(notes, SL_LOG_WARN, SL_CAT_KAFKA, "option kafka.%s has no effect: %s",
                         row->java, row->note);
        return SL_OK;
    }
    return add_checked(arena, out, sl_arena_cstr(arena, name), name, value, span, err);
}
