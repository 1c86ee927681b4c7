/* rlike, regexp_extract, regexp_replace, regexp_count, split ... (Spark's regexpExpressions). */
#include "kern/regexp.h"
#include "kern/string_int.h"

static enum sl_code bind_pattern(struct sl_arena *query, const struct sl_bind_arg *args,
                                 const char *function, const void **state, struct sl_err *err) {
    *state = NULL;
    const struct sl_vec *pattern = args[1].constant;
    if (!pattern || sl_vec_is_null(pattern, 0)) return SL_OK;
    const struct sl_regexp *regexp;
    SL_TRY(sl_regexp_compile(query, sl_vec_str(pattern, 0), function, &regexp, err));
    *state = regexp;
    return SL_OK;
}

#define BIND_PATTERN(name)                                                                         \
    enum sl_code sl_bind_##name(struct sl_arena *query, const struct sl_session *session,          \
                                const struct sl_bind_arg *args, uint32_t arg_count,                \
                                const struct sl_type *result, const void **state,                  \
                                struct sl_err *err) {                                              \
        (void)session, (void)arg_count, (void)result;                                              \
        return bind_pattern(query, args, #name, state, err);                                       \
    }
BIND_PATTERN(rlike)
BIND_PATTERN(regexp_extract)
BIND_PATTERN(regexp_extract_all)
BIND_PATTERN(regexp_replace)
BIND_PATTERN(regexp_count)
BIND_PATTERN(regexp_substr)
BIND_PATTERN(regexp_instr)
BIND_PATTERN(split)

enum sl_code sl_kernel_rlike(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_regexp_use use;
    sl_regexp_use_begin(&use, call, 1, "rlike");
    for (uint32_t row = 0; row < call->rows; row++) {
        bool found =
            sl_regexp_use_row(&use, row, sl_arg_str(call, 0, row)) && sl_regexp_find(&use, 0);
        sl_bit_put(call->out->bits, row, found);
    }
    sl_regexp_use_end(&use);
    return SL_OK;
}

enum sl_code sl_kernel_regexp_count(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_regexp_use use;
    sl_regexp_use_begin(&use, call, 1, "regexp_count");
    for (uint32_t row = 0; row < call->rows; row++) {
        int32_t count = 0;
        if (sl_regexp_use_row(&use, row, sl_arg_str(call, 0, row)))
            for (size_t at = 0; sl_regexp_find(&use, at); at = sl_regexp_next(&use)) count++;
        call->out->i32[row] = count;
    }
    sl_regexp_use_end(&use);
    return SL_OK;
}

enum sl_code sl_kernel_regexp_instr(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_regexp_use use;
    sl_regexp_use_begin(&use, call, 1, "regexp_instr");
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str s = sl_arg_str(call, 0, row);
        call->out->i32[row] = 0;
        if (sl_regexp_use_row(&use, row, s) && sl_regexp_find(&use, 0))
            call->out->i32[row] = (int32_t)sl_utf8_count(sl_str_sub(s, 0, use.groups[0])) + 1;
    }
    sl_regexp_use_end(&use);
    return SL_OK;
}

static bool check_group(struct sl_regexp_use *use, const char *function, int32_t group) {
    uint32_t most = sl_regexp_groups(use->regexp);
    if (group >= 0 && (uint32_t)group <= most) return true;
    sl_call_bad(use->call, use->row, "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", "22023",
                "The value of parameter(s) `idx` in `%s` is invalid: Expects group index between 0 "
                "and %u, but got %d.",
                function, most, group);
    return false;
}

enum sl_code sl_kernel_regexp_extract(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_regexp_use use;
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, (size_t)call->rows * 8, err);
    sl_regexp_use_begin(&use, call, 1, "regexp_extract");
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        int32_t group = sl_arg_i32(call, 2, row);
        struct sl_str piece = {"", 0};
        if (sl_regexp_use_row(&use, row, sl_arg_str(call, 0, row)) &&
            check_group(&use, "regexp_extract", group) && sl_regexp_find(&use, 0))
            piece = sl_regexp_group(&use, (uint32_t)group);
        code = sl_string_out_put(&out, piece.ptr, piece.len, err);
        sl_string_out_end(&out, row);
    }
    sl_regexp_use_end(&use);
    return code;
}

enum sl_code sl_kernel_regexp_substr(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_regexp_use use;
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, (size_t)call->rows * 8, err);
    sl_regexp_use_begin(&use, call, 1, "regexp_substr");
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        struct sl_str piece = {"", 0};
        if (sl_regexp_use_row(&use, row, sl_arg_str(call, 0, row)) && sl_regexp_find(&use, 0))
            piece = sl_regexp_group(&use, 0);
        /* Spark: nullif(regexp_extract(..), '') */
        if (piece.len == 0) code = sl_call_null(call, row, err);
        if (code == SL_OK) code = sl_string_out_put(&out, piece.ptr, piece.len, err);
        sl_string_out_end(&out, row);
    }
    sl_regexp_use_end(&use);
    return code;
}

/* ---- results that are arrays ---- */

/* Null rows must be empty arrays, and nothing is computed for them. */
static bool is_dead(const struct sl_call *call, uint32_t row) {
    return call->strict_valid && !sl_bit_get(call->strict_valid, row);
}

static enum sl_code end_array(struct sl_call *call, uint32_t row) {
    call->out->offsets[row + 1] = (int32_t)call->out->children[0].rows;
    return SL_OK;
}

static enum sl_code extract_all(struct sl_regexp_use *use, uint32_t group, struct sl_err *err) {
    struct sl_vec *elements = &use->call->out->children[0];
    for (size_t at = 0; sl_regexp_find(use, at); at = sl_regexp_next(use))
        SL_TRY(sl_vec_put_str(elements, sl_regexp_group(use, group), err));
    return SL_OK;
}

enum sl_code sl_kernel_regexp_extract_all(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_regexp_use use;
    enum sl_code code = SL_OK;
    sl_regexp_use_begin(&use, call, 1, "regexp_extract_all");
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        int32_t group = sl_arg_i32(call, 2, row);
        if (!is_dead(call, row) && sl_regexp_use_row(&use, row, sl_arg_str(call, 0, row)) &&
            check_group(&use, "regexp_extract_all", group))
            code = extract_all(&use, (uint32_t)group, err);
        end_array(call, row);
    }
    sl_regexp_use_end(&use);
    return code;
}

/* An empty pattern: character by character, the last piece takes the rest. */
static enum sl_code split_chars(struct sl_vec *elements, struct sl_str s, int32_t limit,
                                struct sl_err *err) {
    int32_t pieces = 0;
    if (s.len == 0) return sl_vec_put_str(elements, s, err);
    for (size_t at = 0; at < s.len;) {
        size_t width = ++pieces == limit ? s.len - at : sl_utf8_step(s, at);
        SL_TRY(sl_vec_put_str(elements, sl_str_sub(s, at, at + width), err));
        at += width;
    }
    return SL_OK;
}

/* String.split: no empty piece before an empty match at the start; trailing empty pieces stay. */
static enum sl_code split_row(struct sl_regexp_use *use, int32_t limit, struct sl_err *err) {
    struct sl_vec *elements = &use->call->out->children[0];
    struct sl_str s = use->subject;
    size_t begin = 0;
    int32_t pieces = 0;
    for (size_t at = 0; (limit <= 0 || pieces < limit - 1) && sl_regexp_find(use, at);
         at = sl_regexp_next(use)) {
        size_t from = use->groups[0], to = use->groups[1];
        if (to == 0) continue;
        SL_TRY(sl_vec_put_str(elements, sl_str_sub(s, begin, from), err));
        pieces++;
        begin = to;
    }
    return sl_vec_put_str(elements, sl_str_sub(s, begin, s.len), err);
}

enum sl_code sl_kernel_split(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    struct sl_regexp_use use;
    enum sl_code code = SL_OK;
    sl_regexp_use_begin(&use, call, 1, "split");
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        struct sl_str s = sl_arg_str(call, 0, row);
        int32_t limit = sl_arg_i32(call, 2, row);
        if (!is_dead(call, row)) {
            if (sl_arg_str(call, 1, row).len == 0)
                code = split_chars(&call->out->children[0], s, limit, err);
            else if (sl_regexp_use_row(&use, row, s))
                code = split_row(&use, limit, err);
        }
        end_array(call, row);
    }
    sl_regexp_use_end(&use);
    return code;
}

/* ---- regexp_replace ---- */

/* $n takes as many digits as still name a group, ${name} a named one, \c is c itself; false when
 * there is no such group (Matcher.appendReplacement). */
static bool put_replacement(const struct sl_regexp_use *use, struct sl_str r, struct sl_buf *text) {
    uint32_t most = sl_regexp_groups(use->regexp);
    for (size_t i = 0; i < r.len; i++) {
        char c = r.ptr[i];
        if (c == '\\') {
            if (++i == r.len) return false;
            sl_buf_put_byte(text, (uint8_t)r.ptr[i]);
        } else if (c != '$') {
            sl_buf_put_byte(text, (uint8_t)c);
        } else if (i + 1 < r.len && r.ptr[i + 1] == '{') {
            size_t end = sl_str_find(r, SL_STR("}"), i);
            if (end == SIZE_MAX) return false;
            uint32_t group = sl_regexp_group_number(use->regexp, sl_str_sub(r, i + 2, end));
            if (group == 0) return false;
            sl_buf_put_str(text, sl_regexp_group(use, group));
            i = end;
        } else {
            if (++i == r.len || (unsigned)(r.ptr[i] - '0') > 9) return false;
            uint32_t group = (uint32_t)(r.ptr[i] - '0');
            if (group > most) return false;
            for (; i + 1 < r.len && (unsigned)(r.ptr[i + 1] - '0') <= 9; i++) {
                uint32_t longer = group * 10 + (uint32_t)(r.ptr[i + 1] - '0');
                if (longer > most) break;
                group = longer;
            }
            sl_buf_put_str(text, sl_regexp_group(use, group));
        }
    }
    return true;
}

/* The text from `position` on is a text of its own: ^ matches at its start. */
static bool replace_row(struct sl_regexp_use *use, uint32_t row, struct sl_buf *text) {
    struct sl_call *call = use->call;
    struct sl_str s = sl_arg_str(call, 0, row), replacement = sl_arg_str(call, 2, row);
    int32_t position = sl_arg_i32(call, 3, row);
    size_t skip = sl_utf8_offset(s, position > 1 ? (size_t)position - 1 : 0), copied = 0;
    sl_buf_put(text, s.ptr, skip);
    struct sl_str rest = sl_str_sub(s, skip, s.len);
    if (!sl_regexp_use_row(use, row, rest)) return true;
    bool within = position <= 1 || rest.len;
    for (size_t at = 0; within && sl_regexp_find(use, at); at = sl_regexp_next(use)) {
        sl_buf_put(text, rest.ptr + copied, use->groups[0] - copied);
        copied = use->groups[1];
        if (!put_replacement(use, replacement, text)) return false;
    }
    sl_buf_put(text, rest.ptr + copied, rest.len - copied);
    return true;
}

enum sl_code sl_kernel_regexp_replace(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_regexp_use use;
    struct sl_buf text = {0};
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err);
    sl_regexp_use_begin(&use, call, 1, "regexp_replace");
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        sl_buf_clear(&text);
        if (!replace_row(&use, row, &text))
            sl_call_bad(call, row, "INVALID_REGEXP_REPLACE", "22023",
                        "Could not perform regexp_replace for source = \"%.*s\", pattern = "
                        "\"%.*s\", replacement = \"%.*s\" and position = %d.",
                        SL_STR_ARG(sl_arg_str(call, 0, row)), SL_STR_ARG(sl_arg_str(call, 1, row)),
                        SL_STR_ARG(sl_arg_str(call, 2, row)), sl_arg_i32(call, 3, row));
        code = sl_string_out_put(&out, text.ptr, text.len, err);
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    sl_regexp_use_end(&use);
    return code;
}
