/* A column as a data file has it to the column of the table: narrower numbers widened (PROTOCOL.md
 * "Type Widening"), fields of structs found by their names in the file, missing ones null, unknown
 * ones left out, at every depth.  Owner: one thread. */
#ifndef SL_TABLE_CONFORM_H
#define SL_TABLE_CONFORM_H

#include "col/vec.h"
#include "kern/session.h"

/* Can values of `from` become `to`? `names` is `to` with the names that files use. */
bool sl_conform_allowed(const struct sl_type *from, const struct sl_type *names,
                        const struct sl_type *to);
/* out, made with type `to`, holds the rows until the next call; it borrows from in. scratch is the
 * caller's to reset. */
SL_MUST_CHECK enum sl_code sl_conform_column(const struct sl_session *session,
                                             struct sl_arena *scratch, const struct sl_vec *in,
                                             const struct sl_type *names, struct sl_vec *out,
                                             struct sl_err *err);

#endif
