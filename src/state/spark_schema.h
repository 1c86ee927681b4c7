/* What Spark writes beside the state of an operator: `_metadata/schema` in partition 0 of each
 * store (types of keys and values), `_metadata/metadata` of the operator (its name, its stores).
 * Source: Spark StateSchemaCompatibilityChecker.scala, SchemaHelper.scala (format v2: Java's
 * writeUTF of "v2", i32 number of parts and the parts of the key's schema JSON, the same of the
 * value's), OperatorStateMetadata.scala (v1). */
#ifndef SL_STATE_SPARK_SCHEMA_H
#define SL_STATE_SPARK_SCHEMA_H

#include "base/io.h"
#include "col/type.h"

struct sl_spark_schema {
    const struct sl_type *key, *value; /* STRUCTs */
};
/* Types in the arena. Another format is SL_UNSUPPORTED, damage SL_DATA, both by name of the file; a
 * missing file is SL_IO with sys == ENOENT. */
SL_MUST_CHECK enum sl_code sl_spark_schema_read(const char *path, struct sl_arena *arena,
                                                struct sl_spark_schema *out, struct sl_err *err);
/* With its sidecar; `nullable` everywhere, with which Spark finds any of its own to agree. */
SL_MUST_CHECK enum sl_code sl_spark_schema_write(const char *store_dir,
                                                 const struct sl_spark_schema *schema,
                                                 struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_spark_schema_parse(struct sl_str bytes, struct sl_arena *arena,
                                                 struct sl_spark_schema *out, struct sl_err *err);

/* `operatorName`, and of the store `default` (or the first one) how many partitions there are. */
struct sl_spark_operator {
    struct sl_str name;
    int64_t partitions;
    uint32_t stores;
    uint32_t prefix_columns; /* written only: 0 but for sessions */
};
/* *found = false: no such file, as before Spark 4.0. */
SL_MUST_CHECK enum sl_code sl_spark_operator_read(const char *operator_dir, struct sl_arena *arena,
                                                  struct sl_spark_operator *out, bool *found,
                                                  struct sl_err *err);

/* Of an operator with one store. */
SL_MUST_CHECK enum sl_code sl_spark_operator_write(const char *operator_dir, uint32_t number,
                                                   const struct sl_spark_operator *what,
                                                   struct sl_err *err);

#endif
