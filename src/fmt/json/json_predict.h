/* The predicted path: records whose bytes between values are those of an earlier record.
 * Private to fmt/json. */
#ifndef SL_FMT_JSON_JSON_PREDICT_H
#define SL_FMT_JSON_JSON_PREDICT_H

#include "fmt/json/json_int.h"

struct sl_json_shapes *sl_json_shapes_new(struct sl_json_decoder *decoder);
void sl_json_shapes_free(struct sl_json_shapes *shapes);
/* The columns of this batch. */
void sl_json_predict_begin(struct sl_json_decoder *decoder, struct sl_vec *out);
/* Needs SL_JSON_PAD readable bytes behind the record. False: not a known shape; nothing is written
 * that the next path does not write again. */
bool sl_json_predict(struct sl_json_decoder *decoder, struct sl_str record, uint32_t row);
/* Told of a well-formed record that no shape fitted; learns it when that pays. */
void sl_json_learn(struct sl_json_decoder *decoder, struct sl_str record);

#endif
