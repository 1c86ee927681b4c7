#include "table/conform.h"

#include "kern/cast.h"

static int integer_digits(enum sl_kind kind) {
    switch (kind) {
    case SL_BYTE_KIND:
        return 3;
    case SL_SHORT_KIND:
        return 5;
    case SL_INT_KIND:
        return 10;
    default:
        return 19;
    }
}

/* The same bits under another name: writers that leave out Parquet's annotations. */
static bool is_same_storage(const struct sl_type *from, const struct sl_type *to) {
    return (sl_type_is_bytes(from) && sl_type_is_bytes(to)) ||
           (from->kind == SL_TIMESTAMP_NTZ_KIND && to->kind == SL_TIMESTAMP_KIND);
}

static bool leaf_allowed(const struct sl_type *from, const struct sl_type *to) {
    if (sl_type_equal(from, to) || is_same_storage(from, to)) return true;
    if (sl_type_is_integer(from) && sl_type_is_integer(to))
        /* INT where the table has less: an INT32 column without annotation; values are checked */
        return from->kind < to->kind || from->kind == SL_INT_KIND;
    if (sl_type_is_integer(from) && to->kind == SL_DECIMAL_KIND)
        return to->precision - to->scale >= integer_digits(from->kind);
    if (to->kind == SL_DOUBLE_KIND)
        return from->kind == SL_FLOAT_KIND ||
               (sl_type_is_integer(from) && from->kind != SL_LONG_KIND);
    if (from->kind == SL_DECIMAL_KIND && to->kind == SL_DECIMAL_KIND)
        return to->scale >= from->scale &&
               to->precision - to->scale >= from->precision - from->scale;
    return from->kind == SL_DATE_KIND && to->kind == SL_TIMESTAMP_NTZ_KIND;
}

bool sl_conform_allowed(const struct sl_type *from, const struct sl_type *names,
                        const struct sl_type *to) {
    if (!sl_type_is_nested(to)) return !sl_type_is_nested(from) && leaf_allowed(from, to);
    if (from->kind != to->kind) return false;
    for (uint32_t i = 0; i < to->field_count; i++) {
        int at =
            to->kind == SL_STRUCT_KIND ? sl_type_find_field(from, names->fields[i].name) : (int)i;
        if (at >= 0 &&
            !sl_conform_allowed(from->fields[at].type, names->fields[i].type, to->fields[i].type))
            return false;
    }
    return true;
}

static enum sl_code cast_column(const struct sl_session *session, struct sl_arena *scratch,
                                const struct sl_vec *in, struct sl_vec *out, struct sl_err *err) {
    const struct sl_vec *args[] = {in};
    struct sl_call call = {.args = args,
                           .arg_count = 1,
                           .out = out,
                           .rows = in->rows,
                           .session = session,
                           .scratch = scratch};
    SL_TRY(sl_cast(&call, SL_CAST_ANSI, err));
    out->rows = in->rows;
    if (call.bad_count == 0) return SL_OK;
    return sl_fail(err, SL_DATA, "a value does not fit into the table's type: %.*s",
                   SL_STR_ARG(call.first_bad.msg));
}

static enum sl_code conform_fields(const struct sl_session *session, struct sl_arena *scratch,
                                   const struct sl_vec *in, const struct sl_type *names,
                                   struct sl_vec *out, struct sl_err *err) {
    bool is_struct = out->type->kind == SL_STRUCT_KIND;
    for (uint32_t i = 0; i < out->child_count; i++) {
        struct sl_vec *child = &out->children[i];
        int at = is_struct ? sl_type_find_field(in->type, names->fields[i].name) : (int)i;
        if (at < 0)
            SL_TRY(sl_vec_append_null(child, in->rows, err));
        else
            SL_TRY(sl_conform_column(session, scratch, &in->children[at], names->fields[i].type,
                                     child, err));
    }
    return SL_OK;
}

enum sl_code sl_conform_column(const struct sl_session *session, struct sl_arena *scratch,
                               const struct sl_vec *in, const struct sl_type *names,
                               struct sl_vec *out, struct sl_err *err) {
    const struct sl_type *to = out->type;
    if (!sl_type_is_nested(to)) {
        sl_vec_clear(out);
        if (!sl_type_equal(in->type, to) && !is_same_storage(in->type, to))
            return cast_column(session, scratch, in, out, err);
        sl_vec_borrow(out, in);
        out->type = to;
        return SL_OK;
    }
    sl_vec_clear(out);
    out->enc = in->enc;
    out->rows = in->rows;
    out->valid = in->valid;
    out->offsets = in->offsets;
    return conform_fields(session, scratch, in, names, out, err);
}
