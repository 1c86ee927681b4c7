/* Result types of date and time arithmetic (Spark's AnsiTypeCoercion, BinaryArithmeticWithDatetime
 * rules) and of extract. */
#include "kern/datetime_int.h"
#include "kern/resolve.h"

/* What a date becomes beside this interval: only whole days and months leave it a date. */
static const struct sl_type *beside_interval(const struct sl_type *datetime,
                                             const struct sl_type *interval) {
    bool whole = interval->kind == SL_MONTH_INTERVAL_KIND || interval->interval_to == 0;
    return datetime->kind == SL_DATE_KIND && !whole ? &sl_type_timestamp : datetime;
}

static enum sl_code difference(struct sl_resolve *resolve) {
    const struct sl_type **t = resolve->targets;
    for (int i = 0; i < 2; i++)
        if (!sl_type_is_datetime(t[i])) t[i] = t[1 - i]; /* a string or NULL */
    if (t[0]->kind == SL_DATE_KIND && t[1]->kind == SL_DATE_KIND) {
        struct sl_type *days = SL_NEW(resolve->arena, struct sl_type);
        *days = (struct sl_type){.kind = SL_DAY_INTERVAL_KIND};
        resolve->result = days;
        return SL_OK;
    }
    bool ntz = t[0]->kind != SL_TIMESTAMP_KIND && t[1]->kind != SL_TIMESTAMP_KIND;
    t[0] = t[1] = ntz ? &sl_type_timestamp_ntz : &sl_type_timestamp;
    resolve->result = &sl_type_day_interval;
    return SL_OK;
}

enum sl_code sl_resolve_datetime(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_type **t = resolve->targets;
    const char *name = resolve->function->name;
    bool minus = name[0] == '-' || strcmp(name, "try_subtract") == 0;
    uint32_t at = sl_type_is_datetime(t[0]) ? 0 : 1, other = 1 - at;
    bool textual = t[other]->kind == SL_STRING_KIND;
    if (minus && (sl_type_is_datetime(t[other]) || textual)) return difference(resolve);
    if (sl_type_is_interval(t[other]) && !(minus && at == 1)) {
        resolve->result = t[at] = beside_interval(t[at], t[other]);
        return SL_OK;
    }
    enum sl_kind kind = t[other]->kind;
    bool small = kind == SL_BYTE_KIND || kind == SL_SHORT_KIND || kind == SL_INT_KIND;
    if (t[at]->kind == SL_DATE_KIND && (small || kind == SL_NULL_KIND) && !(minus && at == 1)) {
        t[other] = &sl_type_int;
        resolve->result = t[at];
        return SL_OK;
    }
    if (!minus && t[at]->kind != SL_DATE_KIND && t[other]->kind != SL_DATE_KIND)
        return sl_type_is_datetime(t[other]) && sl_type_equal(t[at], t[other])
                   ? sl_resolve_wrong_type(resolve,
                                           "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or "
                                           "\"INTERVAL YEAR TO MONTH\" or \"INTERVAL\")",
                                           err)
                   : sl_resolve_different_types(resolve, err);
    struct sl_buf text = {0};
    resolve->put_text(resolve->text_ctx, (int)other, &text);
    enum sl_code code = sl_resolve_mismatch(
        resolve, "UNEXPECTED_INPUT_TYPE", err,
        "The %s parameter requires the %s type, however \"%.*s\" has the type \"%s\".",
        other ? "second" : "first",
        t[at]->kind == SL_DATE_KIND ? "(\"INT\" or \"SMALLINT\" or \"TINYINT\")"
                                    : "(\"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH\")",
        (int)(text.len > 120 ? 120 : text.len), sl_buf_cstr(&text),
        sl_type_sql(resolve->arena, t[other]));
    sl_buf_release(&text);
    return code;
}

/* extract(field, source): seconds keep their fraction, all other fields are integers. */
enum sl_code sl_resolve_extract(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_vec *name = resolve->args[0].constant;
    const struct sl_type *source = resolve->targets[1];
    if (source->kind == SL_STRING_KIND || source->kind == SL_NULL_KIND)
        resolve->targets[1] = source = &sl_type_timestamp;
    enum sl_extract_field field = SL_EXTRACT_NONE;
    if (name && !sl_vec_is_null(name, 0))
        field = sl_extract_field_find(sl_vec_str(name, 0), source);
    if (!sl_type_is_datetime(source) && !sl_type_is_interval(source))
        return sl_resolve_unexpected(resolve, 1, "(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)", err);
    if (field == SL_EXTRACT_NONE) {
        struct sl_buf text = {0};
        resolve->put_text(resolve->text_ctx, 1, &text);
        struct sl_str asked =
            name && !sl_vec_is_null(name, 0) ? sl_vec_str(name, 0) : SL_STR("NULL");
        enum sl_code code = sl_fail_at(err, resolve->span, "INVALID_EXTRACT_FIELD", "42601",
                                       "Cannot extract `%.*s` from \"%.*s\".", SL_STR_ARG(asked),
                                       (int)(text.len > 120 ? 120 : text.len), sl_buf_cstr(&text));
        sl_buf_release(&text);
        return code;
    }
    resolve->result =
        field == SL_EXTRACT_SECOND ? sl_type_decimal(resolve->arena, 8, 6) : &sl_type_int;
    return SL_OK;
}
