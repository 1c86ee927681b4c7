/* JSON records to columns: the engine's hottest code (from_json, JSON files).
 *
 * Three paths, identical columns (differentially fuzzed):
 *   predicted  the bytes between values, as last seen, are compared as whole vectors and values go
 *              straight to typed columns
 *   lookup     keys looked up one by one (any order, any blanks, unknown fields skipped)
 *   strict     the full parser with every option of Jackson; also decides what is malformed
 * Fields nobody reads are skipped, but checked as strictly as if they were read. Semantics: Spark
 * 4.1's JacksonParser with its default settings (partial results on), by
 * tests/peer/json_differential.py.
 *
 * Owner: one thread; one decoder per worker.
 */
#ifndef SL_FMT_JSON_DECODE_H
#define SL_FMT_JSON_DECODE_H

#include "col/vec.h"
#include "fmt/json/json_options.h"

struct sl_json_decoder;

/* How text values become timestamps, dates: supplied by the caller, because calendars live on a
 * sibling floor (kern) and fmt may not include it. All return false when the text does not parse;
 * what Spark falls back to when no format is set (lenient parsing, digits as days since 1970) is
 * the hook's business. A missing hook makes every such text a bad field. */
struct sl_json_hooks {
    const void *ctx;
    bool (*timestamp)(const void *ctx, struct sl_str text, int64_t *micros);
    bool (*timestamp_ntz)(const void *ctx, struct sl_str text, int64_t *micros);
    bool (*date)(const void *ctx, struct sl_str text, int32_t *days);
};

/* schema: a STRUCT, ARRAY or MAP type (Spark's rule for from_json). Every field of it is read, so
 * prune it to what is needed. schema, options and hooks are borrowed and must outlive the decoder.
 * SL_UNSUPPORTED for interval fields; SL_USER for a corrupt-record column that is no STRING. */
SL_MUST_CHECK enum sl_code sl_json_decoder_new(const struct sl_type *schema,
                                               const struct sl_json_options *options,
                                               const struct sl_json_hooks *hooks,
                                               struct sl_json_decoder **out, struct sl_err *err);
void sl_json_decoder_free(struct sl_json_decoder *decoder);

/* Decodes rows records. text(row) comes from `in`, a STRING/BINARY vector of any encoding (VIEW,
 * FLAT, CONST, DICT). out: cleared FLAT vector of the schema type; on return it has `rows` rows.
 *   NULL input, empty or blank text    -> null row
 *   malformed, PERMISSIVE              -> valid struct with all fields null (+ corrupt column);
 *                                         null for an ARRAY or MAP schema
 *   malformed, DROPMALFORMED           -> null row (the JSON reader drops those; from_json has no
 *                                         such mode in Spark and its caller refuses it)
 *   malformed, FAILFAST                -> SL_DATA, MALFORMED_RECORD_IN_PARSING, *bad_row is set
 * Rows with active bit 0 may be skipped (result undefined but valid memory).
 * malformed_rows (may be NULL) is increased by the number of malformed or partially bad records. */
SL_MUST_CHECK enum sl_code sl_json_decode(struct sl_json_decoder *decoder, const struct sl_vec *in,
                                          uint32_t rows, const uint64_t *active, struct sl_vec *out,
                                          uint64_t *malformed_rows, uint32_t *bad_row,
                                          struct sl_err *err);

/* Makes the decoder tell which records are malformed or partially bad (what fills the
 * corrupt-record column) and why: "field `amount`: DOUBLE expected, found "12x"", "broken JSON at
 * byte 17"; bytes count in the record, with what was no UTF-8 in it replaced. The columns are as
 * before, but a mode of FAILFAST goes on as PERMISSIVE would. fn NULL: not. */
typedef void (*sl_json_malformed_fn)(void *ctx, uint32_t row, struct sl_str reason);
void sl_json_decoder_on_malformed(struct sl_json_decoder *decoder, sl_json_malformed_fn fn,
                                  void *ctx);

/* With options->rescued_data_column, a STRING of the (struct) schema: it gets, as a JSON object,
 * the fields that the schema does not have and the values that do not fit their fields; a record is
 * then not malformed for the latter. */

/* Makes the decoder tell of fields that `declared` (borrowed; the decoder's schema or one that it
 * was pruned from) does not have, at any depth, in records that are JSON: "items.element.colour"
 * (names with a dot or a backquote, and empty ones, are in backquotes) and its value as JSON text.
 * Records whose shape is known to have none cost nothing. Always the same `declared`. fn NULL: not.
 */
typedef void (*sl_json_unknown_fn)(void *ctx, uint32_t row, struct sl_str path,
                                   struct sl_str value);
SL_MUST_CHECK enum sl_code sl_json_decoder_on_unknown(struct sl_json_decoder *decoder,
                                                      const struct sl_type *declared,
                                                      sl_json_unknown_fn fn, void *ctx,
                                                      struct sl_err *err);

/* Statistics for --profile and tests: how many records each path decoded. */
struct sl_json_decode_stats {
    uint64_t predicted, lookup, strict;
};
void sl_json_decoder_stats(const struct sl_json_decoder *decoder,
                           struct sl_json_decode_stats *stats);
/* Which paths a decoder may take; tests and benchmarks force the slower ones. */
enum sl_json_paths { SL_JSON_ALL_PATHS, SL_JSON_NOT_PREDICTED, SL_JSON_STRICT_ONLY };
void sl_json_decoder_force(struct sl_json_decoder *decoder, enum sl_json_paths paths);

#endif
