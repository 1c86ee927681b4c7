/* Actions: the lines of `_delta_log/<version>.json` and the rows of a checkpoint.  Unknown actions
 * and unknown fields are passed over, as PROTOCOL.md "Actions" demands; what is malformed is
 * SL_DATA. Texts of a parsed action point into the line or the arena it was parsed with: both must
 * outlive it. Owner: one thread. */
#ifndef SL_LAKE_DELTA_ACTION_H
#define SL_LAKE_DELTA_ACTION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "col/type.h"

struct sl_delta_pair {
    struct sl_str name, value; /* value.ptr == NULL: JSON null */
};
struct sl_delta_map {
    struct sl_delta_pair *items;
    uint32_t count;
};
/* NULL when absent. */
const struct sl_delta_pair *sl_delta_map_find(const struct sl_delta_map *map, struct sl_str name);

struct sl_delta_protocol {
    int reader_version, writer_version;
    struct sl_str *reader_features, *writer_features; /* empty below (3, 7) */
    uint32_t reader_feature_count, writer_feature_count;
};

struct sl_delta_metadata {
    struct sl_str id, name, description; /* ptr == NULL: absent */
    struct sl_str schema_text;
    /* Of schema_text; fields keep their metadata texts. NULL when the text is no schema that we
     * know: then sl_delta_check_read says why, behind the protocol's own refusals. */
    const struct sl_type *schema;
    struct sl_str *partition_columns;
    uint32_t partition_count;
    struct sl_delta_map configuration;
    int64_t created_ms; /* -1: absent */
};

struct sl_delta_txn {
    struct sl_str app_id;
    int64_t version;
    int64_t last_updated_ms; /* -1: absent */
};

struct sl_delta_vector { /* deletion vector descriptor; storage == 0: none */
    char storage;        /* 'u', 'p', 'i' */
    struct sl_str path_or_inline;
    int64_t offset; /* -1: absent */
    int64_t bytes, cardinality;
};

struct sl_delta_file {  /* add and remove */
    struct sl_str path; /* as in the log: URI-encoded */
    struct sl_delta_map partition_values;
    int64_t bytes;       /* -1: absent (remove) */
    int64_t modified_ms; /* remove: deletionTimestamp; -1: absent */
    bool data_change;
    bool extended_metadata; /* remove */
    struct sl_str stats;    /* JSON text; ptr == NULL: absent */
    struct sl_delta_map tags;
    struct sl_delta_vector vector;
    int64_t base_row_id, default_row_version; /* -1: absent */
    struct sl_str clustering_provider;        /* ptr == NULL: absent */
};

/* A copy in the arena of what a remove needs: without statistics, tags and clustering. */
struct sl_delta_file sl_delta_file_copy(struct sl_arena *arena, const struct sl_delta_file *file);

struct sl_delta_domain {
    struct sl_str domain, configuration;
    bool removed;
};

struct sl_delta_commit_info {
    int64_t timestamp_ms; /* -1: absent */
    int64_t in_commit_timestamp_ms;
    struct sl_str operation, isolation, engine, txn_id; /* ptr == NULL: absent */
    bool is_blind_append;
    struct sl_json parameters, metrics; /* objects, as read */
    struct sl_delta_map tags;
    int64_t read_version; /* -1: absent */
};

struct sl_delta_sidecar { /* of a V2 checkpoint: a file with add and remove rows */
    struct sl_str path;
    int64_t bytes;
};

enum sl_delta_kind {
    SL_DELTA_NONE, /* an action that we do not know, or an empty line */
    SL_DELTA_COMMIT_INFO,
    SL_DELTA_METADATA,
    SL_DELTA_PROTOCOL,
    SL_DELTA_TXN,
    SL_DELTA_ADD,
    SL_DELTA_REMOVE,
    SL_DELTA_CDC,
    SL_DELTA_DOMAIN,
    SL_DELTA_SIDECAR,
};
struct sl_delta_action {
    enum sl_delta_kind kind;
    union {
        struct sl_delta_commit_info commit_info;
        struct sl_delta_metadata metadata;
        struct sl_delta_protocol protocol;
        struct sl_delta_txn txn;
        struct sl_delta_file file; /* ADD, REMOVE, CDC */
        struct sl_delta_domain domain;
        struct sl_delta_sidecar sidecar;
    };
};

/* One line, without its newline. SL_DATA says what is wrong in it; the caller adds file and line.
 * What a commitInfo holds in unexpected shape is taken as absent: it is only told, never relied on.
 */
SL_MUST_CHECK enum sl_code sl_delta_action_parse(struct sl_arena *arena, struct sl_str line,
                                                 struct sl_delta_action *out, struct sl_err *err);
/* Appends the action and a newline: Spark's member order, absent members left out, partitionValues
 * always there. */
void sl_delta_action_put(struct sl_buf *out, const struct sl_delta_action *action);

/* The file's identity in the log: path, and the id of its deletion vector (PROTOCOL.md "Action
 * Reconciliation"). Appends a text that is equal for equal files, however their writers quoted the
 * path (`file:/t/a%20b` and `/t/a b`). */
void sl_delta_file_put_key(struct sl_buf *out, const struct sl_delta_file *file);

#endif
