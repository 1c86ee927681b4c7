/* Shared by the string function files. */
#ifndef SL_KERN_STRING_INT_H
#define SL_KERN_STRING_INT_H

#include "kern/args.h"
#include "kern/kernels.h"
#include "kern/string_out.h"
#include "kern/string_utf8.h"

/* All rows' bytes of an argument, as a hint for the result's size. */
size_t sl_arg_str_bytes(const struct sl_call *call, uint32_t arg);

/* A row's result that is a piece of its argument, or any short text. */
typedef struct sl_str (*sl_slice_fn)(const struct sl_call *call, uint32_t row);
SL_MUST_CHECK enum sl_code sl_string_slices(struct sl_call *call, sl_slice_fn slice,
                                            struct sl_err *err);
/* Appends one row's result to *text. */
typedef void (*sl_build_fn)(const struct sl_call *call, uint32_t row, struct sl_buf *text);
SL_MUST_CHECK enum sl_code sl_string_build(struct sl_call *call, sl_build_fn build,
                                           struct sl_err *err);
typedef int32_t (*sl_count_fn)(const struct sl_call *call, uint32_t row);
SL_MUST_CHECK enum sl_code sl_string_counts(struct sl_call *call, sl_count_fn count,
                                            struct sl_err *err);
typedef bool (*sl_test_fn)(const struct sl_call *call, uint32_t row);
SL_MUST_CHECK enum sl_code sl_string_tests(struct sl_call *call, sl_test_fn test,
                                           struct sl_err *err);
/* Appends in lower case, as Java's toLowerCase in an English locale. */
void sl_str_put_lower(struct sl_buf *out, struct sl_str s);
/* Result rows that would pass this many bytes are refused. */
enum { SL_STRING_ROW_MAX = 1 << 30 };

#endif
