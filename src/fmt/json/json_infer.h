/* The schema of JSON records, as Spark's JsonInferSchema finds it.  Owner: one thread. */
#ifndef SL_FMT_JSON_INFER_H
#define SL_FMT_JSON_INFER_H

#include "base/arena.h"
#include "col/type.h"
#include "fmt/json/json_options.h"

struct sl_json_infer;
/* is_timestamp decides about texts when the option inferTimestamp is set. options are borrowed. */
struct sl_json_infer *sl_json_infer_new(const struct sl_json_options *options,
                                        bool (*is_timestamp)(const void *ctx, struct sl_str text),
                                        const void *ctx);
void sl_json_infer_free(struct sl_json_infer *infer);
/* One record, or an array of them. SL_DATA: it is malformed and the mode is FAILFAST. */
SL_MUST_CHECK enum sl_code sl_json_infer_add(struct sl_json_infer *infer, struct sl_str text,
                                             struct sl_err *err);
/* A STRUCT, in the arena; without fields when no record had any. */
const struct sl_type *sl_json_infer_type(const struct sl_json_infer *infer, struct sl_arena *arena);

#endif
