/* Strings made of others: concat, replace, pad, repeat, reverse, translate, chr. */
#include "base/utf8.h"
#include "kern/cast.h"
#include "kern/resolve.h"
#include "kern/string_int.h"

#define ARG(i) sl_arg_str(call, i, row)

enum sl_code sl_kernel_concat(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    size_t bytes = 0;
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->enc != SL_ENC_CONST) bytes += sl_arg_str_bytes(call, i);
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, bytes, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        for (uint32_t i = 0; i < call->arg_count; i++) {
            struct sl_str s = ARG(i);
            SL_TRY(sl_string_out_put(&out, s.ptr, s.len, err));
        }
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

static void put_separated(struct sl_buf *text, struct sl_str separator, struct sl_str s,
                          bool *first) {
    if (!*first) sl_buf_put_str(text, separator);
    *first = false;
    sl_buf_put_str(text, s);
}

/* Nulls are left out; arrays count as their elements. */
static void build_concat_ws(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    if (sl_vec_is_null(call->args[0], row)) return;
    struct sl_str separator = sl_vec_str(call->args[0], row);
    bool first = true;
    for (uint32_t i = 1; i < call->arg_count; i++) {
        const struct sl_vec *arg = call->args[i];
        if (sl_vec_is_null(arg, row)) continue;
        if (arg->type->kind != SL_ARRAY_KIND) {
            put_separated(text, separator, sl_vec_str(arg, row), &first);
            continue;
        }
        uint32_t pos = sl_vec_pos(arg, row);
        for (int32_t k = arg->offsets[pos]; k < arg->offsets[pos + 1]; k++)
            if (!sl_vec_is_null(&arg->children[0], (uint32_t)k))
                put_separated(text, separator, sl_vec_str(&arg->children[0], (uint32_t)k), &first);
    }
}

/* Strings and arrays of strings mix freely; other scalars become strings. */
enum sl_code sl_resolve_concat_ws(struct sl_resolve *resolve, struct sl_err *err) {
    for (uint32_t i = 1; i < resolve->target_count; i++) {
        const struct sl_type *type = resolve->targets[i];
        if (type->kind == SL_ARRAY_KIND)
            resolve->targets[i] = sl_type_array(resolve->arena, &sl_type_string, true);
        else if (type->kind == SL_NULL_KIND || sl_cast_implicit(type, &sl_type_string))
            resolve->targets[i] = &sl_type_string;
        else
            return sl_resolve_unexpected(resolve, i, "STRING", err);
    }
    resolve->result = &sl_type_string;
    return SL_OK;
}

enum sl_code sl_kernel_concat_ws(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_string_build(call, build_concat_ws, err));
    for (uint32_t row = 0; row < call->rows; row++)
        if (sl_vec_is_null(call->args[0], row)) SL_TRY(sl_call_null(call, row, err));
    return SL_OK;
}

static void build_replace(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0), search = ARG(1), replacement = ARG(2);
    size_t at = 0, found;
    while (search.len && (found = sl_str_find(s, search, at)) != SIZE_MAX) {
        sl_buf_put(text, s.ptr + at, found - at);
        sl_buf_put_str(text, replacement);
        at = found + search.len;
    }
    sl_buf_put(text, s.ptr + at, s.len - at);
}
enum sl_code sl_kernel_replace(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_replace, err);
}

/* A length from outside: a row may not claim more than a column can hold. */
static enum sl_code check_length(struct sl_call *call, uint32_t row, const char *what,
                                 uint64_t bytes, bool *ok) {
    *ok = bytes <= SL_STRING_ROW_MAX;
    if (!*ok)
        sl_call_bad(call, row, "COLLECTION_SIZE_LIMIT_EXCEEDED", "54000",
                    "%s would make a string of %llu bytes; at most %d are possible", what,
                    (unsigned long long)bytes, SL_STRING_ROW_MAX);
    return SL_OK;
}

static void put_cycled(struct sl_buf *text, struct sl_str pad, size_t chars) {
    size_t at = 0;
    for (; chars; chars--) {
        size_t width = sl_utf8_step(pad, at);
        sl_buf_put(text, pad.ptr + at, width);
        at += width;
        if (at == pad.len) at = 0;
    }
}

static void put_cycled_bytes(struct sl_buf *text, struct sl_str pad, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) sl_buf_put_byte(text, pad.ptr[i % pad.len]);
}

/* Texts count characters, binaries bytes; without a third argument these are filled with zeros. */
static void put_padded(const struct sl_call *call, uint32_t row, struct sl_buf *text, bool left) {
    bool bytes = call->out->type->kind == SL_BINARY_KIND;
    struct sl_str s = ARG(0), pad = call->arg_count > 2 ? ARG(2) : (struct sl_str){"\0", 1};
    int32_t want = sl_arg_i32(call, 1, row);
    size_t have = bytes ? s.len : sl_utf8_count(s);
    if (want <= 0) return;
    if ((size_t)want <= have || pad.len == 0) {
        size_t most = (size_t)want < have ? (size_t)want : have;
        sl_buf_put(text, s.ptr, bytes ? most : sl_utf8_offset(s, (size_t)want));
        return;
    }
    if (!left) sl_buf_put_str(text, s);
    if (bytes)
        put_cycled_bytes(text, pad, (size_t)want - have);
    else
        put_cycled(text, pad, (size_t)want - have);
    if (left) sl_buf_put_str(text, s);
}

static enum sl_code pad_rows(struct sl_call *call, bool left, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_buf text = {0};
    enum sl_code code = sl_string_out_begin(&out, call->out, call->rows, call->rows * 16u, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        bool ok;
        int32_t want = sl_arg_i32(call, 1, row);
        code = check_length(call, row, "padding", want > 0 ? (uint64_t)want * 4 : 0, &ok);
        sl_buf_clear(&text);
        if (ok) put_padded(call, row, &text, left);
        if (code == SL_OK) code = sl_string_out_put(&out, text.ptr, text.len, err);
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    return code;
}
enum sl_code sl_kernel_lpad(struct sl_call *call, struct sl_err *err) {
    return pad_rows(call, true, err);
}
enum sl_code sl_kernel_rpad(struct sl_call *call, struct sl_err *err) {
    return pad_rows(call, false, err);
}

enum sl_code sl_kernel_repeat(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str s = ARG(0);
        int32_t times = sl_arg_i32(call, 1, row);
        bool ok;
        if (times < 0 || s.len == 0) times = 0;
        SL_TRY(check_length(call, row, "repeat", (uint64_t)times * s.len, &ok));
        if (ok) SL_TRY(sl_string_out_room(&out, (size_t)times * s.len, err));
        for (int32_t i = 0; ok && i < times; i++)
            SL_TRY(sl_string_out_put(&out, s.ptr, s.len, err));
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

static void build_reverse(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0);
    uint8_t *to = sl_buf_reserve(text, s.len) + s.len;
    text->len += s.len;
    for (size_t i = 0; i < s.len;) {
        size_t width = sl_utf8_step(s, i);
        to -= width;
        memcpy(to, s.ptr + i, width);
        i += width;
    }
}
enum sl_code sl_kernel_reverse(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_reverse, err);
}

/* The character at the same place of `to`; characters past its end are dropped. */
static void build_translate(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0), from = ARG(1), to = ARG(2);
    for (size_t i = 0; i < s.len;) {
        size_t width = sl_utf8_step(s, i), f = 0, t = 0;
        struct sl_str c = {s.ptr + i, width};
        for (; f < from.len; f += sl_utf8_step(from, f)) {
            if (sl_str_eq((struct sl_str){from.ptr + f, sl_utf8_step(from, f)}, c)) break;
            if (t < to.len) t += sl_utf8_step(to, t);
        }
        if (f >= from.len)
            sl_buf_put_str(text, c);
        else if (t < to.len)
            sl_buf_put(text, to.ptr + t, sl_utf8_step(to, t));
        i += width;
    }
}
enum sl_code sl_kernel_translate(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_translate, err);
}

static void build_chr(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    int64_t n = call->args[0]->i64[sl_vec_pos(call->args[0], row)];
    char bytes[4];
    if (n >= 0) sl_buf_put(text, bytes, sl_utf8_put(bytes, (uint32_t)(n & 0xFF)));
}
enum sl_code sl_kernel_chr(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_chr, err);
}

/* Characters [begin, end), as far as there are. */
static struct sl_str characters(struct sl_str s, int64_t begin, int64_t end) {
    if (begin < 0) begin = 0;
    if (end <= begin) return SL_STR("");
    size_t from = sl_utf8_offset(s, (size_t)begin), to = sl_utf8_offset(s, (size_t)end);
    return sl_str_sub(s, from, to);
}

/* Overlay.calculate: what stands before the position, the new text, what stands `length` behind it.
 * A position that is not positive counts from the end only for the second part, as in Spark. */
static void build_overlay(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0), with = ARG(1);
    int64_t position = sl_arg_i32(call, 2, row), length = sl_arg_i32(call, 3, row);
    if (length < 0) length = (int64_t)sl_utf8_count(with);
    int64_t rest = position + length;
    int64_t begin = rest > 0 ? rest - 1 : rest < 0 ? (int64_t)sl_utf8_count(s) + rest : 0;
    sl_buf_put_str(text, characters(s, 0, position - 1));
    sl_buf_put_str(text, with);
    sl_buf_put_str(text, characters(s, begin, INT32_MAX));
}
enum sl_code sl_kernel_overlay(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_overlay, err);
}
