/* to_timestamp and to_date without a pattern are casts; with one they are in datetime_pattern.c. */
#include "kern/cast.h"
#include "kern/datetime_int.h"

static enum sl_code cast_by_session(struct sl_call *call, bool try, struct sl_err *err) {
    bool ansi = !call->session || call->session->ansi;
    const struct sl_type *from = call->args[0]->type, *to = call->out->type;
    if (!sl_cast_allowed(from, to, ansi ? SL_CAST_ANSI : SL_CAST_LEGACY))
        return sl_fail_at(err, (struct sl_span){0, 0}, "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION",
                          "42K09", "cannot cast \"%s\" to \"%s\"", sl_type_sql(call->scratch, from),
                          sl_type_sql(call->scratch, to));
    return sl_cast(call, try ? SL_CAST_TRY : ansi ? SL_CAST_ANSI : SL_CAST_LEGACY, err);
}

enum sl_code sl_kernel_cast(struct sl_call *call, struct sl_err *err) {
    return cast_by_session(call, false, err);
}
enum sl_code sl_kernel_try_cast(struct sl_call *call, struct sl_err *err) {
    return cast_by_session(call, true, err);
}
