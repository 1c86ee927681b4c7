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

/* Values one at a time, whose types the caller keeps and widens (the same rules, but an empty text
 * is a text).  Such a type is open: VOID stands for what only nulls were seen of, and for what an
 * empty list holds; an empty object is a STRUCT without fields.  A struct has at most 16,384
 * fields, the others are left out.
 *
 * The type of one value, a JSON text as the decoder tells unknown fields, in the arena. False: the
 * text is broken, and the type STRING. */
bool sl_json_infer_value(struct sl_json_infer *infer, struct sl_str text, struct sl_arena *arena,
                         const struct sl_type **out);
/* The open type that holds the values of both; `a` itself when it does already. Else a new one, in
 * the arena with all its names. a NULL: a copy of b. */
const struct sl_type *sl_json_type_widen(struct sl_arena *arena, const struct sl_type *a,
                                         const struct sl_type *b);
/* Without its VOID parts and fields without a name; borrows from `type`. NULL: nothing is left. */
const struct sl_type *sl_json_type_known(struct sl_arena *arena, const struct sl_type *type);

#endif
